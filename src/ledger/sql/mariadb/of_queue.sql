(:queue IS NULL OR ({column} = :queue AND CAST(CONVERT({column} USING utf8mb4) AS BINARY) = :queue))
