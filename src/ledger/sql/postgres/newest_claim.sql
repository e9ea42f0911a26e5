SELECT max({claimed}), max({beat}) FROM {relation} AS r WHERE {claims}
