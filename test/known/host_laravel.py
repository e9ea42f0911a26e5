"""Laravel's jobs and failed_jobs as its migrations make them, with the pop and the delete of its workers."""
from play import Host

SCHEMA = {
    "postgres": """
CREATE TABLE jobs (id bigserial PRIMARY KEY, queue varchar(255) NOT NULL, payload text NOT NULL, attempts smallint NOT NULL,
    reserved_at integer, available_at integer NOT NULL, created_at integer NOT NULL);
CREATE INDEX jobs_queue_index ON jobs (queue);
CREATE TABLE failed_jobs (id bigserial PRIMARY KEY, uuid varchar(255) NOT NULL UNIQUE, connection text NOT NULL,
    queue text NOT NULL, payload text NOT NULL, exception text NOT NULL, failed_at timestamp(0) NOT NULL DEFAULT CURRENT_TIMESTAMP);
""",
    "mariadb": """
CREATE TABLE jobs (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, queue varchar(255) NOT NULL, payload longtext NOT NULL,
    attempts smallint unsigned NOT NULL, reserved_at int unsigned, available_at int unsigned NOT NULL,
    created_at int unsigned NOT NULL, KEY jobs_queue_index (queue)) COLLATE utf8mb4_unicode_ci;
CREATE TABLE failed_jobs (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid varchar(255) NOT NULL UNIQUE,
    connection text NOT NULL, queue text NOT NULL, payload longtext NOT NULL, exception longtext NOT NULL,
    failed_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP) COLLATE utf8mb4_unicode_ci;
""",
    "sqlite": """
CREATE TABLE jobs (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, queue varchar NOT NULL, payload text NOT NULL,
    attempts integer NOT NULL, reserved_at integer, available_at integer NOT NULL, created_at integer NOT NULL);
CREATE INDEX jobs_queue_index ON jobs (queue);
CREATE TABLE failed_jobs (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, uuid varchar NOT NULL UNIQUE, connection text NOT NULL,
    queue text NOT NULL, payload text NOT NULL, exception text NOT NULL, failed_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP);
""",
}
SECONDS = {"postgres": "extract(epoch FROM now())::int", "mariadb": "unix_timestamp()", "sqlite": "strftime('%s', 'now')"}
# What PHP's serialize() makes of a protected member, between NUL bytes, and JSON of that.
COMMAND = r'O:8:\"App.Mail\":1:{s:7:\"\u0000*\u0000user\";s:6:\"\\u0000\";}'
UUID = "6f9e7d1a-0000-4000-8000-000000000001"


class Laravel(Host):
    profile = "laravel"
    engines = ("postgres", "mariadb", "sqlite")

    def schema(self, engine):
        return SCHEMA[engine.name]

    def submit(self, play, tries="null", attempts=0, until="null", uuid=f'"uuid":"{UUID}",'):
        now = SECONDS[play.server.name]
        payload = (f'{{{uuid}"displayName":"App.Mail","maxTries":{tries},"timeout":null,"retryUntil":{until},'
                   f'"data":{{"command":"{COMMAND}"}}}}')
        literal = payload.replace("\\", "\\\\") if play.server.name == "mariadb" else payload
        play.sql("INSERT INTO jobs (queue, payload, attempts, available_at, created_at) "
                 f"VALUES ('default', '{literal}', {attempts}, {now}, {now})")
        return play.cell("SELECT max(id) FROM jobs")

    def pop(self, play):
        now = SECONDS[play.server.name]
        free = f"reserved_at IS NULL AND available_at <= {now}"
        if play.server.name == "mariadb":
            return (f"SET @job = (SELECT min(id) FROM jobs WHERE {free}); UPDATE jobs SET reserved_at = {now}, "
                    "attempts = attempts + 1 WHERE id = @job; SELECT id FROM jobs WHERE id = @job")
        return (f"UPDATE jobs SET reserved_at = {now}, attempts = attempts + 1 "
                f"WHERE id = (SELECT min(id) FROM jobs WHERE {free}) RETURNING id")

    def finish(self, play, task):
        play.sql(f"DELETE FROM jobs WHERE id = {task}")

    def story_expired(self, play):
        """Its worker was killed: free again, with the attempt that the pop counted, and another worker finishes it."""
        task = self.submit(play)
        worker = play.claim(self.pop(play))
        play.nothing_yet()
        worker.kill()
        play.recovered(play.quick(expired="1s"), id=task, rule="expired", remedy="requeue", attempts=1)
        play.assertEqual(play.sql("SELECT attempts, reserved_at FROM jobs"), [["1", ""]])
        play.assertEqual(play.claim(self.pop(play)).task, task)
        self.finish(play, task)
        play.assertEqual(play.status()["tasks"]["running"], 0)

    def used_up(self, play, **job):
        task = self.submit(play, **job)
        play.claim(self.pop(play)).kill()
        play.recovered(play.quick(expired="1s"), id=task, remedy="fail", to="failed")
        play.assertEqual(play.sql("SELECT id FROM jobs"), [])
        play.assertEqual(play.sql("SELECT uuid, connection, queue FROM failed_jobs WHERE failed_at IS NOT NULL"),
                         [[UUID, "database", "default"]])
        play.assertEqual(play.cell("SELECT count(*) FROM failed_jobs WHERE payload LIKE '%\"displayName\":\"App.Mail\"%'"), "1")
        play.assertIn("MaxAttemptsExceeded", play.cell("SELECT exception FROM failed_jobs"))
        now = SECONDS[play.server.name]  # queue:retry
        play.sql(f"INSERT INTO jobs (queue, payload, attempts, available_at, created_at) SELECT queue, payload, 0, {now}, {now} FROM failed_jobs")
        self.finish(play, play.claim(self.pop(play)).task)

    def story_max_tries(self, play):
        """The payload's own maxTries is used up: in failed_jobs under its uuid, where queue:retry finds it."""
        self.used_up(play, tries=1)

    def story_poison(self, play):
        """Without maxTries: a job that has killed so many workers is not run for ever."""
        self.used_up(play, attempts=24)

    def story_retry_until(self, play):
        """Until a time, a job may be taken as often as it likes."""
        task = self.submit(play, tries=1, attempts=300, until=4102444800)
        play.claim(self.pop(play)).kill()
        play.recovered(play.quick(expired="1s"), id=task, remedy="requeue", attempts=301)
        play.assertEqual(play.claim(self.pop(play)).task, task)
        self.finish(play, task)

    def story_without_uuid(self, play):
        """Payloads of old have none, and failed_jobs wants one."""
        task = self.submit(play, tries=1, uuid="")
        play.claim(self.pop(play)).kill()
        play.recovered(play.quick(expired="1s"), id=task, remedy="fail")
        play.assertEqual(len(play.cell("SELECT uuid FROM failed_jobs")), 36)
