coalesce({column}, '{}') || ARRAY[{value}::json]
