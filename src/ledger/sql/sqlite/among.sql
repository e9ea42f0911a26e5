{column} IN (SELECT value FROM json_each(:dead))
