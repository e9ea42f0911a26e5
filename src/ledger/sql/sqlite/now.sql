SELECT reclaim_now()
