SELECT reclaim_now(), {columns} FROM {relation} AS w
