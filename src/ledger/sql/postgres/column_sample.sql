SELECT {column} FROM {relation} WHERE {column} IS NOT NULL LIMIT 1
