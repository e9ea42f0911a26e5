{column}::text IN (SELECT json_array_elements_text(:dead::json))
