strftime('%Y-%m-%dT%H:%M:%S', (reclaim_now() + {plus}) / 1000000, 'unixepoch')
	|| printf('.%06d+00:00', (reclaim_now() + {plus}) % 1000000)
