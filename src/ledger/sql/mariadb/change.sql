UPDATE {relation} SET {set}
WHERE {key} AND {fence}
