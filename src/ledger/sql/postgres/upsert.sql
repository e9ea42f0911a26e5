INSERT INTO {relation} ({columns}) VALUES ({values})
ON CONFLICT ({key}) DO UPDATE SET {set}
