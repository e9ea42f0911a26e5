(coalesce(nullif(nullif({column}, ''), 'null')::jsonb, '[]') || jsonb_build_array({value}::jsonb))::text
