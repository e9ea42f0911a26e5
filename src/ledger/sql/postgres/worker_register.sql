INSERT INTO reclaim.workers
	(id, name, registered_at, seen_at, lease_until, host, boot, pid, pid_namespace, time_namespace,
	 start_time, slot, lock_inode)
VALUES
	(:id, :name, statement_timestamp(), statement_timestamp(),
	 statement_timestamp() + :lease::float8 * interval '1 microsecond', :host, :boot, :pid, :pid_namespace,
	 :time_namespace, :start_time, :slot, :lock_inode)
