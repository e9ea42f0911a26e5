(SELECT *, tableoid::bigint || ' ' || ctid || ' ' || xmin AS reclaim_version FROM {relation})
