INSERT INTO {relation} ({columns}) VALUES ({values})
