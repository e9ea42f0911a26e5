INSERT INTO reclaim_workers
	(id, name, registered_at, seen_at, lease_until, host, boot, pid, pid_namespace, time_namespace,
	 start_time, slot, lock_inode)
VALUES
	(:id, :name, reclaim_now(), reclaim_now(), reclaim_now() + :lease, :host, :boot, :pid, :pid_namespace,
	 :time_namespace, :start_time, :slot, :lock_inode)
