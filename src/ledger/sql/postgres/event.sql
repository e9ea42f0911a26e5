INSERT INTO reclaim.events
	(at, ledger, task, act, rule, from_state, to_state, from_native, to_native, owner, token, age,
	 attempts, recoveries, reason, actor)
VALUES
	(statement_timestamp(), :ledger, :task, :act, :rule, :from_state, :to_state, :from_native, :to_native,
	 :owner, :token, :age::float8 * interval '1 microsecond', :attempts, :recoveries, :reason, :actor)
