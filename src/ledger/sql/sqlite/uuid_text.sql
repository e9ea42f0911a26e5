(SELECT printf('%s-%s-4%s-%s%s-%s', substr(h, 1, 8), substr(h, 9, 4), substr(h, 14, 3),
	substr('89ab', 1 + (random() & 3), 1), substr(h, 18, 3), substr(h, 21, 12))
 FROM (SELECT lower(hex(randomblob(16))) AS h))
