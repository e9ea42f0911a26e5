CASE WHEN coalesce({column}, '') = '' THEN json_array(json({value}))
	WHEN NOT json_valid({column}) THEN json_array({column}, json({value}))
	WHEN json_type({column}) <> 'array' THEN json_array(json({column}), json({value}))
	ELSE json_insert({column}, '$[#]', json({value})) END
