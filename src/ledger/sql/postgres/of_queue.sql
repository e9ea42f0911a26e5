(:queue::text IS NULL OR {column} = :queue::text)
