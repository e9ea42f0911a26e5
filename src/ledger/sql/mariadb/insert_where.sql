INSERT INTO {relation} ({columns})
SELECT {values} FROM DUAL WHERE {where}
