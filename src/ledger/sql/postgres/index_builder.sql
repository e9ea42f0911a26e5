-- By its lock, which it keeps until the index is valid: of others' progress not every role is told the table.
SELECT 'backend ' || min(p.pid) AS builder
FROM pg_catalog.pg_stat_progress_create_index AS p
JOIN pg_catalog.pg_locks AS l ON l.pid = p.pid AND l.granted AND l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock'
WHERE p.datname = current_database() AND p.pid <> pg_backend_pid() AND l.relation = to_regclass(:id)
HAVING count(*) > 0
