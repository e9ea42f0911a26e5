WITH given AS MATERIALIZED (
	SELECT * FROM unnest(
		:ledger::text[], :task::text[], :act::text[], :rule::text[], :from_state::text[], :to_state::text[],
		:from_native::text[], :to_native::text[], :owner::text[], :token::text[], :age::float8[],
		:attempts::bigint[], :recoveries::bigint[], :reason::text[], :actor::text[])
	WITH ORDINALITY AS given (ledger, task, act, rule, from_state, to_state, from_native, to_native, owner, token,
	                          age, attempts, recoveries, reason, actor, place)),
made AS (
	INSERT INTO reclaim.events
		(at, ledger, task, act, rule, from_state, to_state, from_native, to_native, owner, token, age,
		 attempts, recoveries, reason, actor)
	SELECT statement_timestamp(), ledger, task, act, rule, from_state, to_state, from_native, to_native, owner, token,
	       age * interval '1 microsecond', attempts, recoveries, reason, actor
	FROM given ORDER BY place)
SELECT place FROM given
