SELECT {columns} FROM {relation} WHERE 1 = 0
