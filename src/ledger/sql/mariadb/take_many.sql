-- Who would have to wait does not.
UPDATE {relation} SET {set}
WHERE {key} AND {fence}
