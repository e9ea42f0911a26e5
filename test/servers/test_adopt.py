"""detect and adopt, as a newcomer uses them: tables in the conventions of ORMs, on every engine, and tables that are odd."""
import re
import subprocess
import unittest

import play
from scene import DONE, NOT_FOUND, UNAVAILABLE, UNSUPPORTED, USAGE, utc

TYPES = {
    "sqlite": {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "instant": "DATETIME", "string": "VARCHAR(255)"},
    "postgres": {"serial": "bigserial PRIMARY KEY", "instant": "timestamp(6)", "string": "character varying"},
    "mariadb": {"serial": "bigint AUTO_INCREMENT PRIMARY KEY", "instant": "datetime(6)", "string": "varchar(255)"},
}
# Now, and so many minutes ago, in UTC.
AGO = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-{} minutes')",
    "postgres": "timezone('UTC', statement_timestamp()) - interval '{} minutes'",
    "mariadb": "utc_timestamp(6) - INTERVAL {} MINUTE",
}


class Table:
    """A table of tasks in somebody's convention, and what its workers do."""

    name = "jobs"
    states = ("'pending'", "'running'", "'completed'")
    status, owner, claimed, finished = "status", "locked_by", "started_at", "finished_at"
    more = ""
    engines = ("sqlite", "postgres", "mariadb")
    rules = "too-old"

    def __init__(self, engine):
        self.engine = engine

    def quoted(self, name):
        quote = "`" if self.engine == "mariadb" else '"'
        return quote + name.replace(quote, 2 * quote) + quote

    def ago(self, minutes):
        return AGO[self.engine].format(minutes)

    def status_type(self):
        return f"{TYPES[self.engine]['string']} NOT NULL DEFAULT {self.states[0]}"

    def schema(self):
        types, q = TYPES[self.engine], self.quoted
        status = f"{q(self.status)} {self.status_type()}, " if self.status else ""
        owner = f"{q(self.owner)} {types['string']}, " if self.owner else ""
        return (f"CREATE TABLE {q(self.name)} (id {types['serial']}, {status}{owner}{q(self.claimed)} {types['instant']} NULL,"
                f" {q(self.finished)} {types['instant']} NULL{self.more});")

    def state(self, i):
        return f"{self.quoted(self.status)} = {self.states[i]}, " if self.status else ""

    def is_waiting(self):
        q = self.quoted
        return f"{q(self.status)} = {self.states[0]}" if self.status else f"{q(self.claimed)} IS NULL"

    def submit(self, count=1):
        empty = "() VALUES ()" if self.engine == "mariadb" else "DEFAULT VALUES"
        return f"INSERT INTO {self.quoted(self.name)} {empty};" * count

    def past(self, count):
        """Tasks that were done, each in a minute."""
        q = self.quoted
        return "".join(self.submit() + f"UPDATE {q(self.name)} SET {self.state(2)}{q(self.claimed)} = {self.ago(i + 100)},"
                       f" {q(self.finished)} = {self.ago(i + 99)} WHERE {q(self.claimed)} IS NULL;" for i in range(count))

    def claim(self, worker):
        q = self.quoted
        owner = f"{q(self.owner)} = '{worker}', " if self.owner else ""
        first = f"SELECT min(id) FROM (SELECT id FROM {q(self.name)} WHERE {self.is_waiting()}) AS r"
        return (f"UPDATE {q(self.name)} SET {self.state(1)}{owner}{q(self.claimed)} = {self.ago(0)} WHERE id = ({first});"
                f"SELECT id FROM {q(self.name)} WHERE {q(self.claimed)} IS NOT NULL AND {q(self.finished)} IS NULL")

    def finish(self, task):
        q = self.quoted
        return f"UPDATE {q(self.name)} SET {self.state(2)}{q(self.finished)} = {self.ago(0)} WHERE id = {task}"

    def unfinished(self):
        return f"SELECT count(*) FROM {self.quoted(self.name)} WHERE {self.quoted(self.finished)} IS NULL"


class RailsString(Table):
    """A string for the state, and timestamps."""

    @property
    def more(self):
        instant = TYPES[self.engine]["instant"]
        return f", attempts integer NOT NULL DEFAULT 0, created_at {instant} NULL, updated_at {instant} NULL"


class RailsEnum(Table):
    """Rails keeps an enum as a number; the table says nothing of what it means."""

    states = ("0", "1", "2")
    owner = None

    def status_type(self):
        return "integer NOT NULL DEFAULT 0"


class Sequelize(Table):
    """camelCase, and instants with a zone: `2026-04-06 12:34:56.123 +00:00` in SQLite."""

    name = "Tasks"
    states = ("'waiting'", "'in-progress'", "'done'")
    owner, claimed, finished = "lockedBy", "startedAt", "completedAt"

    def ago(self, minutes):
        return f"strftime('%Y-%m-%d %H:%M:%f +00:00', 'now', '-{minutes} minutes')" if self.engine == "sqlite" else super().ago(minutes)


class Labels(Table):
    """The states that a type or a CHECK allows; capitals count."""

    states = ("'New'", "'Busy'", "'Done'")

    def status_type(self):
        return {"mariadb": "enum('New', 'Busy', 'Done', 'Failed') NOT NULL DEFAULT 'New'",
                "postgres": "job_status NOT NULL DEFAULT 'New'",
                "sqlite": "TEXT NOT NULL DEFAULT 'New' CHECK (status IN ('New', 'Busy', 'Done', 'Failed'))"}[self.engine]

    def schema(self):
        enum = "CREATE TYPE job_status AS ENUM ('New', 'Busy', 'Done', 'Failed');" if self.engine == "postgres" else ""
        return enum + super().schema()


class NoState(Table):
    """Claimed is who has a time of it; nothing else says so."""

    status, claimed = None, "locked_at"


class OddNames(Table):
    """Names that need quotes everywhere."""

    name = "Job's \"list\" ü"
    owner, claimed, finished = "locked by", "started at", "finished at"


class Adopting(play.Play):
    """A table of a host's on an engine, adopted by what it holds."""

    def setUp(self):
        super().setUp()
        self.environment["RECLAIM_DB"] = self.server.start(self.folder)

    def adopt(self, table, *options, code=DONE):
        """What a newcomer types; the profile's file."""
        run = self.reclaim(*options, "adopt", table, code=code)
        path = self.folder / "adopted.conf"
        path.write_text(run.out, encoding="utf-8")
        path.chmod(0o600)
        return run, path

    def quickly(self, path):
        """A copy whose thresholds are over at once."""
        text, count = re.subn(r'(after\s*= )"[^"]*"', r'\1"50ms"', path.read_text(encoding="utf-8"))
        self.assertGreater(count, 0)
        quick = self.folder / "quick.conf"
        quick.write_text(text, encoding="utf-8")
        quick.chmod(0o600)
        return str(quick)

    def story(self, convention):
        """Submitted, claimed, the worker killed, the table adopted, looked at, swept, and finished by another worker."""
        table = convention(self.server.name)
        self.sql(table.schema() + table.past(3) + table.submit(2))
        worker = self.claim(table.claim("anna"))
        task = worker.task
        worker.kill()
        run, path = self.adopt(table.name)
        self.assertIn("dry run: 1 in flight, 0 stale", run.err)
        self.assertIn('"15m"  # guess: four times the longest of the newest 3 that finished', run.out)
        self.assertEqual(self.json("check", profile=path).answer["errors"], 0)
        quick = self.quickly(path)
        dry = self.until(lambda: self.sweep("--dry-run", profile=quick)["tasks"], "the claim's age")
        self.assertEqual([(each["id"], each["remedy"]) for each in dry], [(task, "requeue")])
        self.profile = quick
        self.recovered(rule=table.rules, id=task)
        second = self.claim(table.claim("bert"))
        self.assertEqual(second.task, task)
        self.sql(table.finish(second.task))
        self.assertEqual(self.cell(table.unfinished()), "1")
        self.assertEqual(self.status()["tasks"]["completed"], 4)
        second.kill()

    def test_rails_with_strings(self):
        self.story(RailsString)

    def test_rails_with_an_enum(self):
        self.story(RailsEnum)

    def test_sequelize(self):
        self.story(Sequelize)

    def test_labels(self):
        self.story(Labels)

    def test_no_column_of_states(self):
        self.story(NoState)

    def test_odd_names(self):
        self.story(OddNames)

    # --- tables that are not as one would wish

    def table(self, columns, rows=""):
        self.sql(f"CREATE TABLE jobs ({columns});" + (f"INSERT INTO jobs VALUES {rows};" if rows else ""))

    def missing(self, *parts):
        """What is asked for, and in which lines."""
        run, path = self.adopt("jobs", code=USAGE)
        lines = path.read_text(encoding="utf-8").splitlines()
        told = re.findall(r"filled in, on line (\d+): (.*)", run.err)
        self.assertEqual(len(told), len(parts), run.err)
        for (line, what), part in zip(told, parts):
            self.assertIn(part, what)
            self.assertIn(f"# FILL IN: {what}", lines[int(line) - 1])
        answer = self.json("adopt", "jobs", code=USAGE).answer
        self.assertEqual([str(each["line"]) for each in answer["missing"]], [line for line, _ in told])
        return path

    def test_an_empty_table(self):
        self.table("id int PRIMARY KEY, status varchar(9), started_at varchar(40)")
        path = self.missing("running =")
        text = re.sub(r"# FILL IN: (running = \{ \")…", r'ready = { "new" }\n\t\1busy', path.read_text(encoding="utf-8"))
        path.write_text(re.sub(r"(\" \}), the state of.*", r"\1", text), encoding="utf-8")
        self.assertEqual(self.json("check", profile=path).answer["errors"], 0)

    def test_no_key(self):
        self.table("id int, status varchar(9), started_at varchar(40)", "(1, 'running', NULL)")
        self.missing("key =")

    def test_no_time(self):
        self.table("id int PRIMARY KEY, status varchar(9)", "(1, 'running')")
        self.missing("claimed_at")

    def test_nothing_at_all(self):
        self.table("id int PRIMARY KEY, title varchar(9)")
        self.missing("running =", "claimed_at")

    def test_thousands_of_states(self):
        self.table("id int PRIMARY KEY, status varchar(9), locked_at varchar(40)", ", ".join(f"({i}, 's{i}', NULL)" for i in range(3000)))
        run, _ = self.adopt("jobs")
        self.assertIn("has too many values to be one", run.out)
        self.assertIn("locked_at", re.search(r"running .*IS NOT NULL", run.out)[0])

    def test_a_key_of_several_columns(self):
        self.table("tenant varchar(9), n int, status varchar(9), started_at varchar(40), PRIMARY KEY (tenant, n)", "('a', 1, 'running', '2026-01-01 00:00:00'), ('a', 2, 'new', NULL)")
        run, path = self.adopt("jobs")
        self.assertIn('{ "tenant", "n" }', run.out)
        self.assertEqual(self.sweep(profile=path)["tasks"][0]["id"], "a/1")

    def test_a_view(self):
        self.table("id int PRIMARY KEY, status varchar(9), started_at varchar(40)", "(1, 'running', '2026-01-01 00:00:00'), (2, 'new', NULL)")
        self.sql("CREATE VIEW open_jobs AS SELECT * FROM jobs")
        run, path = self.adopt("open_jobs")
        self.assertIn("a view has no key", run.out)
        self.assertEqual(self.sweep("--dry-run", profile=path)["requeued"], 1)

    def test_an_index_is_missed_until_it_is_there(self):
        self.table("id int PRIMARY KEY, status varchar(9), started_at varchar(40)", "(1, 'running', NULL), (2, 'new', NULL)")
        run, _ = self.adopt("jobs")
        made = re.search(r"# No index serves.*\n#   (CREATE INDEX.*);", run.out)
        self.sql(made[1].replace("CONCURRENTLY ", ""))
        run, _ = self.adopt("jobs")
        self.assertIn("An index serves", run.out)
        self.assertIsNone(self.json("adopt", "jobs").answer["index"])

    def test_a_file_that_others_may_write(self):
        """As the shell makes it under that umask: what adopt says to do first makes it one that is read."""
        self.table("id int PRIMARY KEY, status varchar(9), started_at varchar(40)", "(1, 'running', '2026-01-01 00:00:00'), (2, 'new', NULL)")
        path = self.folder / "jobs.conf"
        for umask, says in ((0o002, True), (0o000, True), (0o022, False)):
            with self.subTest(umask=oct(umask)):
                path.unlink(missing_ok=True)
                run = subprocess.run(["sh", "-c", f'umask {umask:o}; "$0" "$@" > jobs.conf', *self.command(["adopt", "jobs"], None)],
                                     env=self.environment, cwd=self.folder, capture_output=True, text=True, check=True)
                self.assertEqual("next: chmod go-w ./jobs.conf\n" in run.stderr, says, run.stderr)
                if says:
                    self.assertIn("(chmod go-w)", self.reclaim("check", profile=path, code=USAGE).err)
                    subprocess.run(["sh", "-c", "chmod go-w ./jobs.conf"], cwd=self.folder, check=True)
                self.assertEqual(self.json("check", profile=path).answer["errors"], 0)

    def test_json(self):
        self.table("id int PRIMARY KEY, status varchar(9), started_at varchar(40)", "(1, 'running', '2026-01-01 00:00:00'), (2, 'new', NULL), (3, 'odd', NULL)")
        answer = self.json("adopt", "jobs").answer
        self.assertEqual((answer["table"], answer["complete"], answer["missing"]), ("jobs", True, []))
        self.assertEqual(answer["columns"], {"state": "status", "claimed_at": "started_at"})
        self.assertEqual(sorted((each["native"], each["state"], each["count"]) for each in answer["states"]),
                         [("new", "ready", 1), ("odd", None, 1), ("running", "running", 1)])
        self.assertEqual([each["id"] for each in answer["dry_run"]["tasks"]], ["1"])
        self.assertEqual(answer["profile"], self.adopt("jobs")[0].out)
        self.assertTrue(all("--profile ./jobs.conf" in each for each in answer["next"]))

    def test_a_name_that_is_wrong(self):
        self.table("id int PRIMARY KEY, status varchar(9), started_at varchar(40)")
        self.assertIn("has no table 'job'; `reclaim detect`", self.reclaim("adopt", "job", code=NOT_FOUND).err)
        if self.server.name != "sqlite":
            self.assertIn("it has 'jobs'", self.reclaim("adopt", "elsewhere.jobs", code=NOT_FOUND).err)

    def test_a_name_with_a_dot(self):
        table = Table(self.server.name)
        table.name = "my.jobs"
        self.sql(table.schema() + table.submit() + table.past(1))
        if self.server.name != "sqlite":
            self.assertIn("where a dot divides", self.reclaim("adopt", "my.jobs", code=UNSUPPORTED).err)
            return
        run, _ = self.adopt("my.jobs", code=USAGE)
        self.assertIn('table  = "my.jobs"', run.out)

    # --- detect

    def test_detect_names_what_is_known_and_what_could_be(self):
        self.sql("CREATE TABLE notes (id int PRIMARY KEY, title varchar(9))")
        run = self.reclaim("detect", code=NOT_FOUND)
        self.assertIn("no ledger that a built-in profile knows", run.err)
        self.sql(Sequelize(self.server.name).schema())
        run = self.reclaim("detect", code=NOT_FOUND)
        self.assertIn("reclaim adopt Tasks > Tasks.conf", run.err)
        self.reclaim("init")
        known, unknown = self.json("detect").rows
        self.assertEqual((known["profile"], known["in_flight"], known["stale"]), ("reclaim", 0, 0))
        self.assertEqual((unknown["profile"], unknown["table"], unknown["next"]), (None, "Tasks", "reclaim adopt Tasks"))
        shown = self.reclaim("detect")
        self.assertRegex(shown.out, r"reclaim +reclaim.tasks +.* 0 +0 .*reclaim --profile reclaim check")


class OnSqlite(Adopting):
    engine = play.Sqlite

    def test_a_file_that_is_not_there(self):
        for command in (("detect",), ("adopt", "jobs")):
            run = self.reclaim("--db", "sqlite:nothing.db", *command, code=UNAVAILABLE)
            self.assertIn("nothing.db", run.err)

    def test_bytes_for_a_key(self):
        self.table("id blob PRIMARY KEY, status text, started_at text", "(x'00112233445566778899aabbccddeeff', 'running', '2026-01-01 00:00:00'), (x'01', 'new', NULL)")
        _, path = self.adopt("jobs")
        self.assertEqual(self.sweep(profile=path)["tasks"][0]["id"], "00112233-4455-6677-8899-aabbccddeeff")

    def test_what_is_named_like_a_time_and_is_none(self):
        self.table("id int PRIMARY KEY, status text, started text, heartbeat int, locked_at text",
                   f"(1, 'running', 'yes', 7, '{utc(7200)}'), (2, 'new', NULL, NULL, NULL)")
        answer = self.json("adopt", "jobs").answer
        self.assertEqual(answer["columns"], {"state": "status", "claimed_at": "locked_at"})
        self.assertEqual(answer["dry_run"]["requeued"], 1)

    def test_more_than_is_shown(self):
        self.table("id int PRIMARY KEY, status text, started_at text", ", ".join(f"({i}, 'running', '2026-01-01 00:00:00')" for i in range(9)))
        run, _ = self.adopt("jobs")
        self.assertEqual(run.err.count("would report"), 5)
        self.assertIn("… and 4 more", run.err)
        self.assertIn("nothing shows which state means ready", run.err)
        self.assertEqual(self.reclaim("-q", "adopt", "jobs").err, "")


class OnPostgres(Adopting):
    engine = play.Postgres

    def test_rights(self):
        """What can't be read is not listed; who asks for it is told which right is missing."""
        table = Table("postgres")
        self.sql(table.schema() + table.past(1) + table.submit() + table.claim("anna"))
        self.sql("CREATE SCHEMA closed; CREATE TABLE closed.queue (id int PRIMARY KEY, status text, locked_at timestamptz);"
                 " DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN")
        poor = self.environment["RECLAIM_DB"].replace("owner@", "poor@")
        self.assertNotIn("adopt jobs", self.reclaim("--db", poor, "detect", code=NOT_FOUND).err)
        self.assertIn("GRANT SELECT ON public.jobs TO poor", self.reclaim("--db", poor, "adopt", "jobs", code=UNAVAILABLE).err)
        self.assertIn("GRANT USAGE ON SCHEMA closed", self.reclaim("--db", poor, "adopt", "closed.queue", code=UNAVAILABLE).err)
        self.sql("GRANT SELECT ON jobs TO poor")
        self.assertIn("1 in flight", self.reclaim("--db", poor, "adopt", "jobs").err)
        self.sql("DROP OWNED BY poor; DROP ROLE poor")

    def test_another_schema(self):
        self.sql("CREATE SCHEMA app; CREATE TABLE app.jobs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), state text, claimed_at timestamptz, worker text);"
                 " INSERT INTO app.jobs (state, claimed_at, worker) VALUES ('queued', NULL, NULL), ('active', now() - interval '2 hours', 'anna')")
        self.assertIn("reclaim adopt app.jobs > jobs.conf", self.reclaim("detect", code=NOT_FOUND).err)
        self.assertIn("it has 'app.jobs'", self.reclaim("adopt", "jobs", code=NOT_FOUND).err)
        _, path = self.adopt("app.jobs")
        self.assertEqual(self.sweep(profile=path)["requeued"], 1)
        self.assertEqual(self.cell("SELECT count(*) FROM app.jobs WHERE state = 'queued' AND worker IS NULL"), "2")

    def test_a_domain(self):
        self.sql("CREATE DOMAIN job_state AS text CHECK (VALUE IN ('todo', 'doing', 'done'));"
                 " CREATE TABLE jobs (id int PRIMARY KEY, state job_state, started_at timestamptz)")
        states = {each["native"]: each["state"] for each in self.json("adopt", "jobs").answer["states"]}
        self.assertEqual(states, {"todo": "ready", "doing": "running", "done": "completed"})

    def test_a_large_table_without_an_index(self):
        self.sql("CREATE TABLE jobs (id bigserial PRIMARY KEY, status text, started_at timestamptz);"
                 " INSERT INTO jobs (status) SELECT 'done' FROM generate_series(1, 100100); INSERT INTO jobs (status) VALUES ('new'), ('running')")
        run, _ = self.adopt("jobs")
        self.assertRegex(run.err, "no dry run: .*no index that serves.*CREATE INDEX")

    def test_a_server_that_is_gone(self):
        gone = re.sub(r":\d+/", ":1/", self.environment["RECLAIM_DB"])
        for command in (("detect",), ("adopt", "jobs")):
            self.assertIn("refused", self.reclaim("--db", gone, *command, code=UNAVAILABLE).err)


class OnMariadb(Adopting):
    engine = play.Mariadb

    def test_a_password_is_not_shown(self):
        self.table("id int PRIMARY KEY, status varchar(9), started_at varchar(40)", "(1, 'running', NULL), (2, 'new', NULL)")
        url = self.environment["RECLAIM_DB"]
        run = self.reclaim("--db", url, "adopt", "jobs")
        self.assertIn("next: reclaim --db URL --profile ./jobs.conf check", run.err)
        self.assertNotIn(url, run.err)

    def test_a_server_that_is_gone(self):
        gone = re.sub(r":\d+/", ":1/", self.environment["RECLAIM_DB"])
        for command in (("detect",), ("adopt", "jobs")):
            self.reclaim("--db", gone, *command, code=UNAVAILABLE)


del Adopting


if __name__ == "__main__":
    unittest.main()
