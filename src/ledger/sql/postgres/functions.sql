-- Any program is a worker with one statement. Each function says whether it was accepted: false is lost.

-- What no worker can mean is refused, as by the program.
CREATE OR REPLACE FUNCTION reclaim.allow(sound boolean, what text, told text, allowed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF sound IS NOT TRUE THEN
		RAISE EXCEPTION '% is %; allowed: %', what, coalesce(quote_literal(told), 'NULL'), allowed
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
END $$;

CREATE OR REPLACE FUNCTION reclaim.submit(
	kind text DEFAULT '', payload text DEFAULT NULL, queue text DEFAULT 'default', id text DEFAULT NULL,
	key text DEFAULT NULL, delay interval DEFAULT '0', deadline interval DEFAULT NULL,
	max_attempts integer DEFAULT 25, priority integer DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<task>>
DECLARE
	made text;
	id text := coalesce(submit.id, gen_random_uuid()::text);
	queue text := submit.queue;
	kind text := submit.kind;
	payload text := submit.payload::json::text;
	key text := submit.key;
	delay float8 := extract(epoch FROM submit.delay) * 1000000;
	deadline float8 := extract(epoch FROM submit.deadline) * 1000000;
	max_attempts integer := submit.max_attempts;
	priority integer := submit.priority;
BEGIN
	PERFORM reclaim.allow(octet_length(task.id) BETWEEN 1 AND 255, 'id', task.id, '1 to 255 bytes');
	PERFORM reclaim.allow(octet_length(task.queue) BETWEEN 1 AND 255, 'queue', task.queue, '1 to 255 bytes');
	PERFORM reclaim.allow(octet_length(task.kind) <= 255, 'kind', task.kind, 'at most 255 bytes');
	PERFORM reclaim.allow(task.key IS NULL OR octet_length(task.key) BETWEEN 1 AND 255, 'key', task.key, '1 to 255 bytes');
	PERFORM reclaim.allow(submit.delay BETWEEN '0' AND '36500 days', 'delay', submit.delay::text, '0 to 36500 days');
	PERFORM reclaim.allow(submit.deadline IS NULL OR submit.deadline > '0' AND submit.deadline <= '36500 days',
		'deadline', submit.deadline::text, 'more than 0, to 36500 days');
	PERFORM reclaim.allow(task.max_attempts BETWEEN 1 AND 1000000, 'max_attempts', task.max_attempts::text, '1 to 1000000');
	PERFORM reclaim.allow(task.priority IS NOT NULL, 'priority', NULL, 'a whole number');
-- include submit as task
INTO made;
	IF made IS NULL THEN
-- include submit_known as task
INTO made;
	END IF;
	RETURN made;
END $$;

CREATE OR REPLACE FUNCTION reclaim.claim(
	owner text, queue text DEFAULT NULL, n integer DEFAULT 1, lease interval DEFAULT '30 s')
	RETURNS TABLE (id text, token bigint, queue_name text, kind text, payload text, attempt integer, max_attempts integer,
	               lease_until timestamptz, deadline timestamptz) LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<claiming>>
DECLARE
	owner text := claim.owner;
	queue text := claim.queue;
	count bigint := claim.n;
	lease float8 := extract(epoch FROM claim.lease) * 1000000;
BEGIN
	PERFORM reclaim.allow(octet_length(claiming.owner) BETWEEN 1 AND 255, 'owner', claiming.owner, '1 to 255 bytes');
	PERFORM reclaim.allow(claiming.count BETWEEN 1 AND 100000, 'n', claiming.count::text, '1 to 100000');
	PERFORM reclaim.allow(claim.lease BETWEEN '0' AND '36500 days', 'lease', claim.lease::text, '0 to 36500 days');
	IF claiming.queue IS NULL THEN
		RETURN QUERY WITH c (id, token, queue, kind, payload, attempts, max_attempts, lease_until, deadline, priority, due_at) AS (
-- include claim as claiming
		) SELECT c.id, c.token, c.queue, c.kind, c.payload, c.attempts, c.max_attempts,
			to_timestamp(c.lease_until / 1e6), to_timestamp(c.deadline / 1e6)
		FROM c ORDER BY c.priority DESC, c.due_at, c.id;
	ELSE
		RETURN QUERY WITH c (id, token, queue, kind, payload, attempts, max_attempts, lease_until, deadline, priority, due_at) AS (
-- include claim_queue as claiming
		) SELECT c.id, c.token, c.queue, c.kind, c.payload, c.attempts, c.max_attempts,
			to_timestamp(c.lease_until / 1e6), to_timestamp(c.deadline / 1e6)
		FROM c ORDER BY c.priority DESC, c.due_at, c.id;
	END IF;
END $$;

CREATE OR REPLACE FUNCTION reclaim.renew(
	id text, token bigint, lease interval DEFAULT '30 s', progress text DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<renewal>>
DECLARE
	id text := renew.id;
	token bigint := renew.token;
	lease float8 := extract(epoch FROM renew.lease) * 1000000;
	progress text := renew.progress::json::text;
	lease_over bigint;
BEGIN
	PERFORM reclaim.allow(renew.lease IS NULL OR renew.lease BETWEEN '0' AND '36500 days', 'lease', renew.lease::text, '0 to 36500 days');
-- include renew as renewal
INTO lease_over;
	RETURN FOUND;
END $$;

-- Our audit of a claim that ends; `held`: the task as it was.
CREATE OR REPLACE FUNCTION reclaim.tell(held reclaim.tasks, act text, to_state text, reason text) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<told>>
DECLARE
	ledger text := 'reclaim';
	task text := held.id;
	act text := tell.act;
	rule text;
	from_state text := held.state;
	to_state text := tell.to_state;
	from_native text;
	to_native text;
	owner text := held.owner;
	token text := held.token;
	age float8 := extract(epoch FROM statement_timestamp() - held.claimed_at) * 1000000;
	attempts bigint := held.attempts;
	recoveries bigint := held.recoveries;
	reason text := tell.reason;
	actor text := session_user;
BEGIN
-- include event as told
;
END $$;

-- Locks the task and says what becomes of a hand-in: true: go on; false: it is done already; NULL: lost.
CREATE OR REPLACE FUNCTION reclaim.admit(id text, token bigint, act text, late boolean, OUT held reclaim.tasks, OUT go_on boolean)
	LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	SELECT t.* INTO held FROM reclaim.tasks AS t WHERE t.id = admit.id FOR NO KEY UPDATE;
	IF held.closed_token = admit.token THEN
		go_on := CASE WHEN held.closed_as = admit.act THEN false END;
	ELSIF held.token = admit.token AND (held.state = 'running' OR admit.late AND held.state IN ('ready', 'stuck')) THEN
		go_on := true;
	END IF;
END $$;

CREATE OR REPLACE FUNCTION reclaim.complete(id text, token bigint, result text DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<handing>>
DECLARE
	answer record;
	held reclaim.tasks;
	id text := complete.id;
	token bigint := complete.token;
	result text := complete.result::json::text;
	state text;
BEGIN
	SELECT a.held, a.go_on INTO answer FROM reclaim.admit(handing.id, handing.token, 'complete', late => true) AS a;
	IF answer.go_on IS NOT TRUE THEN
		RETURN answer.go_on IS NOT NULL;
	END IF;
	held := answer.held;
	state := held.state;
-- include complete as handing
;
	PERFORM reclaim.tell(held, 'complete', 'completed',
		CASE WHEN held.state <> 'running' THEN 'handed in late, after its recovery and before another claim' END);
	RETURN true;
END $$;

CREATE OR REPLACE FUNCTION reclaim.fail(
	id text, token bigint, error text, retry_in interval DEFAULT NULL, no_retry boolean DEFAULT false)
	RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<handing>>
DECLARE
	answer record;
	held reclaim.tasks;
	id text := fail.id;
	token bigint := fail.token;
	error text := fail.error;
	state text;
	delay float8;
BEGIN
	SELECT a.held, a.go_on INTO answer FROM reclaim.admit(handing.id, handing.token, 'fail', late => false) AS a;
	IF answer.go_on IS NOT TRUE THEN
		RETURN answer.go_on IS NOT NULL;
	END IF;
	held := answer.held;
	state := held.state;
	IF no_retry OR held.attempts >= held.max_attempts THEN
-- include fail as handing
;
		PERFORM reclaim.tell(held, 'fail', 'failed', handing.error);
	ELSE
		-- 10 s, twice as long each time, at most an hour, a fifth more or less.
		delay := coalesce(extract(epoch FROM retry_in) * 1000000,
			least(3600, 10 * 2.0 ^ least(held.attempts - 1, 20)) * 1000000 * (0.8 + 0.4 * random()));
-- include reschedule as handing
;
		PERFORM reclaim.tell(held, 'fail', 'ready', handing.error);
	END IF;
	RETURN true;
END $$;

CREATE OR REPLACE FUNCTION reclaim.release(id text, token bigint) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<handing>>
DECLARE
	answer record;
	held reclaim.tasks;
	id text := release.id;
	token bigint := release.token;
	state text;
BEGIN
	SELECT a.held, a.go_on INTO answer FROM reclaim.admit(handing.id, handing.token, 'release', late => false) AS a;
	IF answer.go_on IS NOT TRUE THEN
		RETURN answer.go_on IS NOT NULL;
	END IF;
	held := answer.held;
	state := held.state;
-- include release as handing
;
	PERFORM reclaim.tell(held, 'release', 'ready', NULL);
	RETURN true;
END $$;
