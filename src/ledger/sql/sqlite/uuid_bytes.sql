CAST(randomblob(6) || substr(x'404142434445464748494a4b4c4d4e4f', 1 + (random() & 15), 1) || randomblob(1)
	|| substr(x'8090a0b0', 1 + (random() & 3), 1) || randomblob(7) AS BLOB)
