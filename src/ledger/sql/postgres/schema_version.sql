SELECT max(version) FROM reclaim.schema
