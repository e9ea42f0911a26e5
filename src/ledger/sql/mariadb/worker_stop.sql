UPDATE reclaim_workers SET state = 'stopped', seen_at = UTC_TIMESTAMP(6) WHERE id = :id AND state = 'active'
