DELETE FROM {relation} WHERE {key} AND {fence}
