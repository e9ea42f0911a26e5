"""dbos.workflow_status and operation_outputs as DBOS's migrations make them, with its dequeue and its end."""
from play import Host

SCHEMA = """
CREATE SCHEMA dbos;
CREATE TABLE dbos.workflow_status (
    workflow_uuid text PRIMARY KEY, status text, name text, authenticated_user text, assumed_role text, authenticated_roles text,
    output text, error text, executor_id text, created_at bigint NOT NULL, updated_at bigint NOT NULL, application_version text,
    application_id text, class_name varchar(255) DEFAULT NULL, config_name varchar(255) DEFAULT NULL,
    recovery_attempts bigint DEFAULT 0, queue_name text, workflow_timeout_ms bigint, workflow_deadline_epoch_ms bigint,
    inputs text, started_at_epoch_ms bigint, deduplication_id text, priority int4 NOT NULL DEFAULT 0, queue_partition_key text,
    forked_from text, owner_xid text, parent_workflow_id text, serialization text, delay_until_epoch_ms bigint,
    rate_limited boolean NOT NULL DEFAULT false, completed_at bigint);
CREATE INDEX workflow_status_created_at_index ON dbos.workflow_status (created_at);
CREATE INDEX idx_workflow_status_pending ON dbos.workflow_status (created_at) WHERE status = 'PENDING';
CREATE UNIQUE INDEX uq_workflow_status_dedup_id ON dbos.workflow_status (queue_name, deduplication_id)
    WHERE deduplication_id IS NOT NULL;
CREATE TABLE dbos.operation_outputs (
    workflow_uuid text NOT NULL REFERENCES dbos.workflow_status ON UPDATE CASCADE ON DELETE CASCADE, function_id int4 NOT NULL,
    function_name text NOT NULL DEFAULT '', output text, error text, child_workflow_id text, started_at_epoch_ms bigint,
    completed_at_epoch_ms bigint, PRIMARY KEY (workflow_uuid, function_id));
CREATE TABLE dbos.dbos_migrations (version bigint NOT NULL PRIMARY KEY);
INSERT INTO dbos.dbos_migrations VALUES (47);
"""
NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class Dbos(Host):
    profile = "dbos"

    def schema(self, _engine):
        return SCHEMA

    def submit(self, play, name="w1", queue="'mail'", dedup="NULL"):
        play.sql("INSERT INTO dbos.workflow_status (workflow_uuid, status, name, created_at, updated_at, queue_name, deduplication_id, "
                 f"inputs) VALUES ('{name}', 'ENQUEUED', 'send_mail', {NOW}, {NOW}, {queue}, {dedup}, '[]')")
        return name

    def dequeue(self, executor, queue="mail"):
        return (f"UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = '{executor}', started_at_epoch_ms = {NOW}, "
                f"recovery_attempts = recovery_attempts + 1, updated_at = {NOW} WHERE workflow_uuid = ("
                f"SELECT workflow_uuid FROM dbos.workflow_status WHERE queue_name = '{queue}' AND status = 'ENQUEUED' "
                "ORDER BY priority, created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING workflow_uuid")

    def start(self, name, executor):
        """A workflow that is called, not queued."""
        return ("INSERT INTO dbos.workflow_status (workflow_uuid, status, name, executor_id, created_at, updated_at, recovery_attempts, "
                f"inputs) VALUES ('{name}', 'PENDING', 'send_mail', '{executor}', {NOW}, {NOW}, 1, '[]') RETURNING workflow_uuid")

    def step(self, play, name, number, function="send"):
        play.sql("INSERT INTO dbos.operation_outputs (workflow_uuid, function_id, function_name, output, started_at_epoch_ms, "
                 f"completed_at_epoch_ms) VALUES ('{name}', {number}, '{function}', '1', {NOW}, {NOW})")

    def finish(self, play, name):
        """Whether its end was taken."""
        play.sql(f"UPDATE dbos.workflow_status SET status = 'SUCCESS', output = '1', deduplication_id = NULL, updated_at = {NOW}, "
                 f"completed_at = {NOW} WHERE workflow_uuid = '{name}' AND status = 'PENDING'")
        return self.status(play, name) == "SUCCESS"

    def status(self, play, name):
        return play.cell(f"SELECT status FROM dbos.workflow_status WHERE workflow_uuid = '{name}'")

    def quick(self, play, *changes, **after):
        return play.quick(*changes, **{"silent": "1s", "asleep": "1s", **after})

    def story_silent(self, play):
        """Its executor was killed: enqueued again with the steps it has, and another executor ends it."""
        task = self.submit(play)
        worker = play.claim(self.dequeue("vm-1"))
        self.step(play, task, 1)
        play.nothing_yet()
        worker.kill()
        play.recovered(self.quick(play), id=task, rule="silent", remedy="requeue", from_native="PENDING", to_native="ENQUEUED",
                       owner="vm-1", attempts=1)
        play.assertEqual(play.sql("SELECT status, queue_name, started_at_epoch_ms, recovery_attempts FROM dbos.workflow_status"),
                         [["ENQUEUED", "mail", "", "1"]])
        play.assertFalse(self.finish(play, task), "the first one's end comes too late, and is refused")
        play.assertEqual(play.claim(self.dequeue("vm-2")).task, task)
        play.assertEqual(play.cell("SELECT count(*) FROM dbos.operation_outputs"), "1")
        play.assertTrue(self.finish(play, task))

    def story_started_without_a_queue(self, play):
        """It was called, not queued: it goes to the queue that DBOS itself recovers by."""
        worker = play.claim(self.start("w1", "local"))
        worker.kill()
        play.recovered(self.quick(play), id="w1", rule="silent", remedy="requeue")
        play.assertEqual(play.claim(self.dequeue("local", queue="_dbos_internal_queue")).task, "w1")
        play.assertTrue(self.finish(play, "w1"))

    def story_steps_are_signs_of_life(self, play):
        """One whose steps go on is left alone; the other one is enqueued again."""
        task = self.submit(play)
        play.claim(self.dequeue("vm-1")).kill()
        play.claim(self.start("busy", "vm-2"))
        profile, steps = self.quick(play), iter(range(1, 10_000))

        def swept():
            self.step(play, "busy", next(steps))
            return play.sweep(profile=profile)["tasks"]
        rescued, = play.until(swept, "the recovery")
        play.assertEqual(rescued["id"], task)
        play.assertEqual(self.status(play, "busy"), "PENDING")
        play.assertTrue(self.finish(play, play.claim(self.dequeue("vm-2")).task))

    def story_asleep(self, play):
        """Its last step is a durable sleep: reported, and left as it is; once it is awake, it is judged as any other."""
        task = self.submit(play)
        worker = play.claim(self.dequeue("vm-1"))
        self.step(play, task, 1, function="DBOS.sleep")
        worker.kill()
        profile = self.quick(play)
        play.reported(profile, id=task, rule="asleep", owner="vm-1")
        play.assertEqual(self.status(play, task), "PENDING")
        self.step(play, task, 2)
        play.recovered(profile, id=task, rule="silent", remedy="requeue")
        play.assertTrue(self.finish(play, play.claim(self.dequeue("vm-2")).task))

    def story_attempts_used_up(self, play):
        """A workflow that has been started so often is given up as DBOS does it, and its key is free; resumed, it ends."""
        task = self.submit(play, dedup="'nightly'")
        play.sql("UPDATE dbos.workflow_status SET recovery_attempts = 100")
        play.claim(self.dequeue("vm-1")).kill()
        play.recovered(self.quick(play), id=task, rule="silent", remedy="fail", to_native="MAX_RECOVERY_ATTEMPTS_EXCEEDED", attempts=101)
        play.assertEqual(play.sql("SELECT status, queue_name, deduplication_id FROM dbos.workflow_status WHERE completed_at > 0"),
                         [["MAX_RECOVERY_ATTEMPTS_EXCEEDED", "", ""]])
        self.submit(play, name="w2", dedup="'nightly'")
        play.sql("UPDATE dbos.workflow_status SET status = 'ENQUEUED', recovery_attempts = 0, queue_name = '_dbos_internal_queue', "
                 f"completed_at = NULL WHERE workflow_uuid = '{task}'")
        play.assertEqual(play.claim(self.dequeue("vm-2", queue="_dbos_internal_queue")).task, task)
        play.assertTrue(self.finish(play, task))

    def story_before_completed_at(self, play):
        """An older schema has no column for when it ended: given up all the same."""
        task = self.submit(play)
        play.sql("ALTER TABLE dbos.workflow_status DROP COLUMN completed_at; UPDATE dbos.workflow_status SET recovery_attempts = 100")
        play.claim(self.dequeue("vm-1")).kill()
        play.recovered(self.quick(play), id=task, remedy="fail", attempts=101)
        play.assertEqual(self.status(play, task), "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
