SELECT count(*) FROM {relation} WHERE {claims}
