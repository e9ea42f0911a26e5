strftime('%Y-%m-%d %H:%M:%S', (reclaim_now() + {plus}) / 1000000, 'unixepoch')
	|| printf('.%06d', (reclaim_now() + {plus}) % 1000000)
