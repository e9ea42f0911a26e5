INSERT INTO reclaim_workers
	(id, name, registered_at, seen_at, lease_until, host, boot, pid, pid_namespace, time_namespace,
	 start_time, slot, lock_inode)
VALUES
	(:id, :name, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND, :host, :boot,
	 :pid, :pid_namespace, :time_namespace, :start_time, :slot, :lock_inode)
