CASE WHEN coalesce({column}, '') = '' THEN JSON_ARRAY(JSON_COMPACT({value}))
	WHEN NOT JSON_VALID({column}) THEN JSON_ARRAY({column}, JSON_COMPACT({value}))
	ELSE JSON_ARRAY_APPEND({column}, '$', JSON_COMPACT({value})) END
