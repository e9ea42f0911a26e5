tableoid::bigint || ' ' || ctid || ' ' || xmin AS reclaim_version
