UPDATE reclaim_workers SET state = 'stopped', seen_at = reclaim_now() WHERE id = :id AND state = 'active'
