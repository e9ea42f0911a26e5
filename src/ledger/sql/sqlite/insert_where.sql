INSERT INTO {relation} ({columns})
SELECT {values} WHERE {where}
