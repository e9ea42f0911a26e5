(:queue IS NULL OR {column} = :queue)
