(coalesce(nullif({column}::jsonb, 'null'), '[]') || jsonb_build_array({value}::jsonb))::json
