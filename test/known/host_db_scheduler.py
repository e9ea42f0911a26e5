"""scheduled_tasks as db-scheduler's DDL makes it, with its pick and its end, which `version` fences."""
from play import Host

SCHEMA = {
    "postgres": """
CREATE TABLE scheduled_tasks (task_name text NOT NULL, task_instance text NOT NULL, task_data bytea,
    execution_time timestamptz NOT NULL, picked boolean NOT NULL, picked_by text, last_success timestamptz,
    last_failure timestamptz, consecutive_failures int, last_heartbeat timestamptz, version bigint NOT NULL, priority smallint,
    PRIMARY KEY (task_name, task_instance));
""",
    "mariadb": """
CREATE TABLE scheduled_tasks (task_name varchar(100) NOT NULL, task_instance varchar(100) NOT NULL, task_data blob,
    execution_time datetime(6) NOT NULL, picked boolean NOT NULL, picked_by varchar(50), last_success datetime(6),
    last_failure datetime(6), consecutive_failures int, last_heartbeat datetime(6), version bigint NOT NULL, priority smallint,
    PRIMARY KEY (task_name, task_instance));
""",
    "sqlite": """
CREATE TABLE scheduled_tasks (task_name varchar(100), task_instance varchar(100), task_data blob, execution_time TIMESTAMP,
    picked BIT, picked_by varchar(50), last_success TIMESTAMP, last_failure TIMESTAMP, consecutive_failures int,
    last_heartbeat TIMESTAMP, version bigint, priority smallint, PRIMARY KEY (task_name, task_instance));
""",
}
INDEXES = """
CREATE INDEX execution_time_idx ON scheduled_tasks (execution_time);
CREATE INDEX last_heartbeat_idx ON scheduled_tasks (last_heartbeat);
"""
# Its driver for SQLite keeps milliseconds since 1970.
NOW = {"postgres": "now()", "mariadb": "utc_timestamp(6)", "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS integer)"}
ID = "mail/4711"


class DbScheduler(Host):
    profile = "db-scheduler"
    engines = ("postgres", "mariadb", "sqlite")

    def schema(self, engine):
        return SCHEMA[engine.name] + INDEXES

    def submit(self, play, instance="4711"):
        play.sql("INSERT INTO scheduled_tasks (task_name, task_instance, execution_time, picked, version) "
                 f"VALUES ('mail', '{instance}', {NOW[play.server.name]}, false, 1)")

    def pick(self, play, name="node-1", instance="4711"):
        """One that was seen due is picked if it still is as it was seen."""
        now = NOW[play.server.name]
        row = f"task_name = 'mail' AND task_instance = '{instance}'"
        return (f"UPDATE scheduled_tasks SET picked = true, picked_by = '{name}', last_heartbeat = {now}, version = version + 1 "
                f"WHERE {row} AND picked = false AND execution_time <= {now}; "
                f"SELECT task_instance, version FROM scheduled_tasks WHERE {row} AND picked_by = '{name}'")

    def version(self, play):
        return play.cell("SELECT version FROM scheduled_tasks WHERE task_instance = '4711'")

    def complete(self, play, version):
        """One that ran once is deleted; what is left."""
        play.sql(f"DELETE FROM scheduled_tasks WHERE task_name = 'mail' AND task_instance = '4711' AND version = {version}")
        return play.cell("SELECT count(*) FROM scheduled_tasks WHERE task_instance = '4711'")

    def quick(self, play, *changes):
        return play.quick((r'\bafter\s*= "[^"]*"', 'after = "1s"'), *changes)

    def story_dead(self, play):
        """Its scheduler was killed and beats no more: due again under a new version, and another scheduler completes it."""
        self.submit(play)
        worker = play.claim(self.pick(play))
        play.assertEqual(worker.rows, [["4711", "2"]])
        play.nothing_yet()
        worker.kill()
        play.recovered(self.quick(play), id=ID, rule="dead", remedy="requeue", owner="node-1", recoveries=0)
        play.assertEqual(play.sql("SELECT picked_by, last_heartbeat, version FROM scheduled_tasks"), [["", "", "3"]])
        play.assertEqual(self.complete(play, version=2), "1", "the first one's end comes too late, and is refused")
        other = play.claim(self.pick(play, name="node-2"))
        play.assertEqual(other.rows, [["4711", "4"]])
        play.assertEqual(self.complete(play, version=2), "1")
        play.assertEqual(self.complete(play, version=4), "0")

    def story_only_the_silent_one(self, play):
        """Of two executions of a task, the one whose scheduler beats is left alone."""
        self.submit(play)
        self.submit(play, instance="4712")
        play.claim(self.pick(play)).kill()
        play.claim(self.pick(play, name="node-2", instance="4712"))
        profile = self.quick(play)

        def beat():
            play.sql(f"UPDATE scheduled_tasks SET last_heartbeat = {NOW[play.server.name]} WHERE task_instance = '4712' AND version = 2")
            return play.sweep(profile=profile)["tasks"]
        task, = play.until(beat, "the recovery")
        play.assertEqual(task["id"], ID)
        play.assertEqual(play.sql("SELECT picked_by, version FROM scheduled_tasks WHERE task_instance = '4712'"), [["node-2", "2"]])
        play.claim(self.pick(play, name="node-2"))
        play.assertEqual(self.complete(play, version=4), "0")

    def story_poison(self, play):
        """An execution that kills each scheduler: after its recoveries, which our audit counts, it is only reported."""
        self.submit(play)
        profile = self.quick(play, (r"recoveries  = 5", "recoveries = 1"))
        play.claim(self.pick(play)).kill()
        play.recovered(profile, id=ID, remedy="requeue", recoveries=0)
        play.claim(self.pick(play, name="node-2")).kill()
        play.reported(profile, id=ID, rule="dead")
        play.assertEqual(self.version(play), "4", "left as it was")
        play.sql("UPDATE scheduled_tasks SET picked = false, picked_by = NULL, version = version + 1")  # its people set it free
        play.claim(self.pick(play, name="node-3"))
        play.assertEqual(self.complete(play, version=6), "0")
