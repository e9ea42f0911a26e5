(reclaim_now() + {plus}) / 1000000
