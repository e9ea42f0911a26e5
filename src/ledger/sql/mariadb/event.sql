INSERT INTO reclaim_events
	(at, ledger, task, act, rule, from_state, to_state, from_native, to_native, owner, token, age,
	 attempts, recoveries, reason, actor)
VALUES
	(UTC_TIMESTAMP(6), :ledger, :task, :act, :rule, :from_state, :to_state, :from_native, :to_native,
	 :owner, :token, :age, :attempts, :recoveries, :reason, :actor)
