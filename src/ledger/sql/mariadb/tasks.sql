SELECT t.id, t.state, t.token, t.owner, t.attempts, t.max_attempts, t.recoveries,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t.claimed_at), t.closed_token, t.closed_as,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))
FROM JSON_TABLE(:ids, '$[*]'
	COLUMNS (id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$')) AS given
STRAIGHT_JOIN reclaim_tasks AS t FORCE INDEX (PRIMARY) ON t.id = given.id
