-- The rescue by hand: what a profile has to say for jobs that were locked four hours ago. A crash counts no attempt with
-- this host, so the rescue does.
UPDATE delayed_jobs SET locked_at = NULL, locked_by = NULL, attempts = attempts + 1, last_error = 'lost with its worker',
	run_at = CASE WHEN attempts + 1 < 25 THEN timezone('utc', now()) ELSE run_at END,
	failed_at = CASE WHEN attempts + 1 < 25 THEN NULL ELSE timezone('utc', now()) END
WHERE locked_at < timezone('utc', now()) - interval '4 hours' AND failed_at IS NULL;
