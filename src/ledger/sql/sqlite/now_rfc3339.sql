strftime('%Y-%m-%dT%H:%M:%S', (reclaim_now() + {plus}) / 1000000, 'unixepoch')
	|| printf('.%06dZ', (reclaim_now() + {plus}) % 1000000)
