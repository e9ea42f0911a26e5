CAST(CONVERT({column} USING utf8mb4) AS BINARY) IN (
	SELECT CAST(j.value AS BINARY) FROM JSON_TABLE(:dead, '$[*]'
		COLUMNS (value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$')) AS j)
