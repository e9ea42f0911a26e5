SELECT 1 FROM {relation} WHERE {key} AND {fence} FOR UPDATE
