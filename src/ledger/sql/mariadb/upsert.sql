INSERT INTO {relation} ({columns}) VALUES ({values})
ON DUPLICATE KEY UPDATE {key} = {key}, {set}
