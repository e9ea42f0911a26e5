SELECT max(version) FROM reclaim_schema
