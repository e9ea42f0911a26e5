-- The rescue by hand: what a profile has to say for jobs that were reserved longer ago than any may run.
UPDATE jobs SET reserved_at = NULL WHERE reserved_at < extract(epoch FROM now()) - 4 * 3600;
