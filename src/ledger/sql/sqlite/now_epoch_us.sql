(reclaim_now() + {plus})
