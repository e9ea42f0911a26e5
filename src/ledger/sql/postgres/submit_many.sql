-- A known idempotency key changes nothing; an id stands for one row of parameters.
WITH given AS MATERIALIZED (
	SELECT * FROM unnest(
		:id::text[], :queue::text[], :kind::text[], :payload::text[], :key::text[], :delay::float8[],
		:deadline::float8[], :max_attempts::integer[], :priority::integer[])
	WITH ORDINALITY AS given (id, queue, kind, payload, key, delay, deadline, max_attempts, priority, place)),
made AS (
	INSERT INTO reclaim.tasks
		(id, queue, kind, payload, idempotency_key, created_at, updated_at, due_at, deadline, span,
		 max_attempts, priority)
	SELECT id, queue, kind, payload, key, statement_timestamp(), statement_timestamp(),
	       statement_timestamp() + delay * interval '1 microsecond',
	       statement_timestamp() + deadline * interval '1 microsecond',
	       deadline * interval '1 microsecond', max_attempts, priority
	FROM given ORDER BY place
	ON CONFLICT (queue, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
	RETURNING id)
SELECT given.place FROM made JOIN given USING (id)
