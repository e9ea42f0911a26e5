coalesce(nullif({column}, 'null'), '[]') || jsonb_build_array({value}::jsonb)
