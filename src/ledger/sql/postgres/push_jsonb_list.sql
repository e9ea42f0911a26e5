coalesce({column}, '{}') || ARRAY[{value}::jsonb]
