-- The rescue by hand: what a profile has to say for jobs that were locked four hours ago.
BEGIN;
WITH rescued AS (
	UPDATE graphile_worker._private_jobs SET locked_at = NULL, locked_by = NULL, run_at = greatest(run_at, now()),
		last_error = 'lost with its worker', updated_at = now()
	WHERE locked_at < now() - interval '4 hours' RETURNING job_queue_id)
UPDATE graphile_worker._private_job_queues SET locked_at = NULL, locked_by = NULL
WHERE id IN (SELECT job_queue_id FROM rescued) AND locked_at < now() - interval '4 hours';
COMMIT;
