ALTER TABLE {relation} ADD COLUMN {column} {type}
