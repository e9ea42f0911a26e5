SELECT max({claimed}), max({beat}) FROM {relation} WHERE {claims}
