UPDATE reclaim.workers SET state = 'stopped', seen_at = statement_timestamp() WHERE id = :id AND state = 'active'
