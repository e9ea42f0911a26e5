SELECT count(*) FROM {relation} AS r WHERE {claims}
