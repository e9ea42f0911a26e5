-- A locker writes its transaction into the row, and holds that transaction's own lock. Several at once are not told.
SELECT coalesce(
	'backend ' || l.pid || coalesce(' of ' || a.usename, '') || coalesce(' (' || nullif(a.application_name, '') || ')', '')
	|| coalesce(', ' || a.state, '')
	|| coalesce(', in its transaction for ' || round(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s', ''),
	'the prepared transaction ' || (SELECT p.gid FROM pg_catalog.pg_prepared_xacts AS p WHERE p.transaction = l.transactionid))
FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
  AND l.transactionid = (SELECT xmax FROM {relation} WHERE {key} LIMIT 1)
