CAST({column} AS CHAR)
