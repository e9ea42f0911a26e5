"""PostgreSQL at the edges: long transactions, parts, read-only servers, rights one by one, ways to connect, a pooler."""
import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
import unittest
import unittest.mock
from pathlib import Path

import test_postgres as base
from certificate import certificate
from postgres import Pooler, Postgres
from scene import Scene

RECLAIM = base.RECLAIM


def setUpModule():
    base.setUpModule()


def tearDownModule():
    base.tearDownModule()


class Case(base.Case):
    def until(self, holds, what, seconds=30):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def finding(self, subject, code=0, **options):
        findings = self.json("check", code=code, **options)[0]["findings"]
        return [finding for finding in findings if finding["subject"] == subject]

    @contextlib.contextmanager
    def transaction(self, *statements):
        """Somebody's, that stays open."""
        session = base.server.session(self.url)
        session.sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
        for statement in statements:
            session.sql(statement)
        try:
            yield session
        finally:
            session.sql("ROLLBACK")
            session.close()

    @contextlib.contextmanager
    def role(self, name):
        self.sql(f"CREATE ROLE {name} LOGIN")
        try:
            yield self.url.replace("owner@", f"{name}@")
        finally:
            self.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


class LongTransactions(Case):
    """An index that is made while others write waits for them: not for ever."""

    profile = "seedcore"
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"

    def setUp(self):
        super().setUp()
        self.sql(base.SEEDCORE)
        self.sql("INSERT INTO tasks DEFAULT VALUES")

    def test_init_is_busy_and_says_who_holds_it_up(self):
        with self.transaction("SET application_name = 'nightly report'", "SELECT count(*) FROM pg_class") as session:
            backend = session.sql("SELECT pg_backend_pid()")[0]
            told = self.run_program("init", "--wait", "200ms", code=5).stderr
            self.assertRegex(told, rf"index 'idx_\w+' is not made.*for over 200ms: backend {backend} of owner"
                                   r" \(nightly report\), idle in transaction, in its transaction for \d+ s")
            self.assertEqual(self.value(self.invalid), "1")
            self.assertIn("is not valid", " ".join(each["message"] for each in self.json("check")[0]["findings"]))
            self.run_program("init", "--wait", "0", code=5)
        self.run_program("init")
        self.assertEqual(self.value(self.invalid), "0")
        self.assertEqual(self.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'tasks'"), "3")

    def test_a_lock_on_the_table(self):
        self.run_program("init")
        self.sql("DROP INDEX idx_tasks_stale_running")
        with self.transaction("LOCK TABLE tasks IN SHARE UPDATE EXCLUSIVE MODE") as session:
            backend = session.sql("SELECT pg_backend_pid()")[0]
            self.assertIn(f"backend {backend} ", self.run_program("init", "--wait", "100ms", code=5).stderr)
        self.run_program("init")

    def test_who_ends_in_time_holds_nobody_up(self):
        self.run_program("init")
        self.sql("DROP INDEX idx_tasks_stale_running")
        with self.transaction("SELECT count(*) FROM tasks"):
            init = subprocess.Popen([RECLAIM, "--db", self.url, "--profile", "seedcore", "init", "--wait", "1m"],
                                    stdout=subprocess.DEVNULL)
            self.until(lambda: self.value("SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'") == "1",
                       "the index waits")
        self.assertEqual(init.wait(30), 0)
        self.assertEqual(self.value(self.invalid), "0")

    def test_parts(self):
        self.sql("DROP TABLE tasks CASCADE")
        self.sql("DROP TYPE taskstatus; DROP FUNCTION touch;" + base.SEEDCORE.replace(
            "updated_at timestamptz DEFAULT now());", "updated_at timestamptz DEFAULT now()) PARTITION BY HASH (id);"
            "CREATE TABLE p0 PARTITION OF tasks FOR VALUES WITH (MODULUS 1, REMAINDER 0);", 1))
        with self.transaction("SELECT count(*) FROM pg_class"):
            self.assertIn("in its transaction for", self.run_program("init", "--wait", "100ms", code=5).stderr)
        self.run_program("init")
        self.assertEqual(self.value(self.invalid), "0")

    def test_behind_a_pooler(self):
        with Pooler(base.server) as pooler, self.transaction("SELECT count(*) FROM pg_class") as session:
            backend = session.sql("SELECT pg_backend_pid()")[0]
            url = pooler.url(self.url.rsplit("/", 1)[1])
            self.assertIn(f"backend {backend} ", self.run_program("init", "--wait", "100ms", url=url, code=5).stderr)
            self.assertEqual(self.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND state = 'active'"), "0")


class Parts(Case):
    profile = "foundry"

    def test_check_tells_statements_that_work(self):
        self.sql(base.FOUNDRY + "DROP TABLE foundry_tasks;"
                 "CREATE TABLE foundry_tasks (task_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), task_type text DEFAULT 't',"
                 " status text, claimed_by text, claimed_at timestamp, updated_at timestamp) PARTITION BY HASH (task_id);"
                 "CREATE TABLE p0 PARTITION OF foundry_tasks FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
                 "CREATE TABLE p1 PARTITION OF foundry_tasks FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
                 "INSERT INTO foundry_tasks (status) SELECT 'completed' FROM generate_series(1, 100001)")
        self.assertIn("`reclaim check` tells", self.run_program("sweep", code=2).stderr)
        fix = self.finding("index", code=2)[0]["fix"]
        self.assertIn("ATTACH PARTITION", fix)
        for line in fix.splitlines():
            self.assertIn(line, self.run_program("check", code=2).stdout)
        for statement in fix.split(";\n"):
            self.sql(statement)
        self.assertEqual(self.finding("index"), [])
        self.assertEqual(self.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0")
        self.sweep()


class ReadOnly(Case):
    profile = "foundry"

    def setUp(self):
        super().setUp()
        self.sql(base.FOUNDRY)

    def test_by_default(self):
        name = self.url.rsplit("/", 1)[1]
        self.assertEqual(self.finding("read-only"), [])
        self.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        found = self.finding("read-only")[0]
        self.assertIn("source: database", found["message"])
        self.run_program("sweep", code=6)
        self.sql(f"BEGIN READ WRITE; {found['fix']}; COMMIT")
        self.assertEqual(self.finding("read-only"), [])
        self.sweep()
        self.sql(f"ALTER ROLE owner RESET default_transaction_read_only")

    def test_standby(self):
        with Postgres() as own:
            url = own.database()
            own.sql(url, base.FOUNDRY)
            own.end()
            (own.folder / "data/standby.signal").touch()
            own.start()
            self.assertIn("standby", self.finding("read-only", url=url)[0]["message"])
            self.assertIn("read-only", self.run_program("sweep", url=url, code=6).stderr)


class Rights(Case):
    """The rights that are told suffice; without one of them there is a message that names it."""

    profile = "foundry"
    claim_old = base.Foundry.claim_old

    def setUp(self):
        super().setUp()
        self.sql(base.FOUNDRY)
        self.sql("INSERT INTO worker_heartbeats VALUES ('dead', 'active', timezone('UTC', now()) - interval '301 s')")
        self.grants = self.json("init")[0]["grants"]

    def singly(self):
        """Each right, and what it is a right to."""
        for grant in self.grants:
            rights, thing = re.fullmatch(r"GRANT (.*) ON (.*) TO sweeper", grant).groups()
            for right in rights.split(", "):
                yield right, thing

    def stale(self):
        self.sql("UPDATE worker_heartbeats SET status = 'active'")
        self.claim_old("dead", 1)

    @contextlib.contextmanager
    def without(self, right, thing):
        self.sql(f"REVOKE {right} ON {thing} FROM sweeper")
        try:
            yield
        finally:
            self.sql(f"GRANT {right} ON {thing} TO sweeper")

    def test_each_right_is_named_that_is_lacking(self):
        with self.role("sweeper") as sweeper:
            self.sql(";".join(self.grants) + "; REVOKE ALL ON SCHEMA public FROM public")
            self.assertEqual(self.finding("rights", url=sweeper), [])
            for right, thing in self.singly():
                with self.subTest(right=right, thing=thing), self.without(right, thing):
                    done = subprocess.run([RECLAIM, "--db", sweeper, "--profile", "foundry", "--json", "check"],
                                          capture_output=True, text=True, check=False)
                    wanted = f"GRANT {right} ON {thing} TO sweeper".replace('"', "")
                    if thing == 'SCHEMA "public"':  # its tables are not found at all
                        self.assertIn(wanted, done.stderr)
                        continue
                    fixes = [each["fix"] for each in json.loads(done.stdout)["findings"] if each["subject"] == "rights"]
                    self.assertEqual(fixes, [wanted])

    def test_all_that_a_stranger_lacks(self):
        with self.role("sweeper") as sweeper:
            found = self.finding("rights", url=sweeper, code=2)
            self.assertEqual({each["fix"] for each in found}, {
                grant.replace('"', "") for grant in self.grants if grant != 'GRANT USAGE ON SCHEMA "public" TO sweeper'})
            self.sql(";".join(each["fix"] for each in found))
            self.stale()
            self.assertEqual(self.sweep(url=sweeper)["requeued"], 1)

    def test_columns(self):
        """Who may change the columns that a sweep changes needs no more; the others are noted."""
        with self.role("sweeper") as sweeper:
            self.sql(";".join(self.grants))
            self.sql("REVOKE UPDATE ON foundry_tasks FROM sweeper;"
                     "GRANT UPDATE (status, claimed_by, claimed_at, updated_at) ON foundry_tasks TO sweeper")
            found, = self.finding("rights", url=sweeper)
            self.assertEqual((found["severity"], found["fix"]),
                             ("note", "GRANT UPDATE (task_id, task_type) ON public.foundry_tasks TO sweeper"))
            self.stale()
            self.assertEqual(self.sweep(url=sweeper)["requeued"], 1)

    def test_a_sweep_names_the_right(self):
        with self.role("sweeper") as sweeper:
            self.sql(";".join(self.grants) + "; REVOKE ALL ON SCHEMA public FROM public")
            for right, thing in self.singly():
                thing_told = thing.replace('"', "").replace("SEQUENCE public.", "SEQUENCE ")
                self.stale()
                with self.subTest(right=right, thing=thing), self.without(right, thing):
                    told = self.run_program("sweep", url=sweeper, code=6).stderr
                    self.assertRegex(told.replace('"', ""), f"GRANT [A-Z, ]*{right}[A-Z, ]* ON {thing_told}")
                self.assertEqual(self.sweep(url=sweeper)["requeued"], 1)

    @contextlib.contextmanager
    def daemon(self, url):
        with tempfile.NamedTemporaryFile("r") as log:
            with open(log.name, "w", encoding="utf-8") as stderr:
                process = subprocess.Popen([RECLAIM, "--db", url, "--profile", "foundry", "run", "--interval", "100ms"], stderr=stderr)
            try:
                yield process, lambda: Path(log.name).read_text(encoding="utf-8")
            finally:
                process.terminate()
                self.assertEqual(process.wait(30), 0)

    def pending(self):
        return self.value("SELECT count(*) FROM foundry_tasks WHERE status = 'pending'")

    def test_the_daemon(self):
        with self.role("sweeper") as sweeper:
            self.sql(";".join(self.grants))
            self.stale()
            with self.daemon(sweeper) as (_, log):
                self.until(lambda: self.pending() == "1", "the recovery")
                self.assertNotIn("GRANT", log())
            for right, thing in (("UPDATE", "public.foundry_tasks"), ("INSERT", "reclaim.events"), ("UPDATE", "reclaim.ledgers")):
                with self.subTest(right), self.without(right, thing), self.daemon(sweeper) as (process, log):
                    self.claim_old("w", 7)  # by its age: what silence says may have to wait after a failure
                    self.until(lambda: re.search(f"GRANT [A-Z, ]*{right}", log()), "the message")
                    self.assertIsNone(process.poll())


class Ways(Case):
    """What the client library takes for a URL, the program takes."""

    def setUp(self):
        super().setUp()
        self.name = self.url.rsplit("/", 1)[1]
        self.run_program("init")

    def check_life(self, url, code=0):
        done = self.run_program("submit", "--id", "t", url=url, code=code)
        if code == 0:
            task = self.json("claim", "--owner", "me", url=url)[0]
            self.run_program("complete", "t", "--token", task["token"], url=url)
            self.assertEqual(self.value("SELECT state FROM reclaim.tasks"), "completed")
            self.sql("DELETE FROM reclaim.tasks")
        return done.stderr

    def test_unix_socket(self):
        folder, port = base.server.folder, base.server.port
        for url in (f"postgres://owner@/{self.name}?host={folder}&port={port}",
                    f"postgres://owner@{str(folder).replace('/', '%2F')}:{port}/{self.name}",
                    f"postgres:host={folder} port={port} user=owner dbname={self.name}"):
            with self.subTest(url):
                self.check_life(url)

    def test_service_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "services"
            file.write_text(f"[orchard]\nhost=127.0.0.1\nport={base.server.port}\nuser=owner\ndbname={self.name}\n")
            with unittest.mock.patch.dict(os.environ, PGSERVICEFILE=str(file)):
                self.check_life("postgres:service=orchard")
                self.check_life("postgres://?service=orchard")
                self.assertIn("desert", self.run_program("list", url="postgres:service=desert", code=6).stderr)
                with unittest.mock.patch.dict(os.environ, PGSERVICE="orchard"):
                    self.check_life("postgres:")

    def test_password_file(self):
        with Postgres() as own, tempfile.TemporaryDirectory() as folder:
            own.sql(own.url(), "CREATE ROLE pat LOGIN SUPERUSER PASSWORD 'se:same'")
            own.let_in("host all pat 127.0.0.1/32 scram-sha-256")
            own.sql(own.url(), "SELECT pg_reload_conf()")
            file, url = Path(folder) / "passwords", own.url(user="pat")
            file.write_text(f"127.0.0.1:{own.port}:*:pat:se\\:same\n")
            file.chmod(0o600)
            with unittest.mock.patch.dict(os.environ, PGPASSFILE=str(file)):
                self.run_program("init", url=url)
                self.run_program("submit", url=url)
            for way in ({"PGPASSFILE": "/nowhere"}, {"PGPASSWORD": "wrong"}):
                with unittest.mock.patch.dict(os.environ, way):
                    told = self.run_program("list", url=url, code=6).stderr
                    self.assertIn("password", told)
                    self.assertNotIn("same", told)
            with unittest.mock.patch.dict(os.environ, PGPASSWORD="se:same"):
                self.run_program("list", url=url)

    def test_several_hosts(self):
        """Who writes goes to the one that can be written, who looks to the first, and a dead one is passed over."""
        with Postgres() as standby:
            standby.sql(standby.url(), f"CREATE DATABASE {self.name}")
            self.run_program("init", url=standby.url(self.name))
            self.run_program("submit", "--id", "at-the-standby", url=standby.url(self.name))
            standby.end()
            (standby.folder / "data/standby.signal").touch()
            standby.start()
            hosts = f"127.0.0.1:{standby.port},127.0.0.1:{base.server.port}"
            url = f"postgres://owner@{hosts}/{self.name}"
            self.check_life(url)
            self.assertEqual([task["id"] for task in self.json("list", url=url)], ["at-the-standby"])
            for attributes, ids in (("any", ["at-the-standby"]), ("standby", ["at-the-standby"]), ("read-write", []),
                                    ("primary", []), ("prefer-standby", ["at-the-standby"])):
                found = self.json("list", url=f"{url}?target_session_attrs={attributes}")
                self.assertEqual([task["id"] for task in found], ids, attributes)
            self.assertIn("read-only", self.check_life(f"{url}?target_session_attrs=standby", code=6))
            self.check_life(f"postgres://owner@127.0.0.1:1,127.0.0.1:{base.server.port}/{self.name}")
            self.assertIn("colour", self.run_program("list", url=f"{url}?target_session_attrs=colour", code=2).stderr)


class Tls(unittest.TestCase):
    def test_a_certificate_of_its_own(self):
        with Postgres(tls=True) as own, tempfile.TemporaryDirectory() as folder:
            other, _ = certificate(Path(folder), "other")

            def run(query, *arguments):
                return subprocess.run([RECLAIM, "--db", own.url() + query, *arguments], capture_output=True, text=True, check=False)

            verified = f"?sslmode=verify-full&sslrootcert={own.certificate}"
            self.assertEqual(run(verified, "init").stderr, "")
            self.assertEqual(run(verified, "submit", "--id", "t").stdout, "t\n")
            for query in ("", "?sslmode=require", f"?sslmode=verify-ca&sslrootcert={own.certificate}", verified):
                done = run(query, "list")
                self.assertEqual((done.returncode, "ready" in done.stdout), (0, True), done.stderr)
            for query, why in ((f"?sslmode=verify-full&sslrootcert={other}", "certificate verify failed"),
                               ("?sslmode=disable", "no encryption"), ("?sslmode=verify-full&sslrootcert=/nowhere", "/nowhere")):
                done = run(query, "list")
                self.assertEqual(done.returncode, 6, done.stderr)
                self.assertIn(why, done.stderr)
            own.ask_for_tls("example.org")
            own.restart()
            done = run(verified, "list")
            self.assertIn("example.org", done.stderr)
            self.assertEqual((done.returncode, run(verified.replace("full", "ca"), "list").returncode), (6, 0))


class Pooled(Scene):
    """A worker, a sweeper and a daemon behind a pooler in transaction mode."""

    def setUp(self):
        super().setUp()
        self.direct = base.server.database()
        self.pooler = Pooler(base.server)
        self.addCleanup(self.pooler.stop)
        self.environment["RECLAIM_DB"] = self.pooler.url(self.direct.rsplit("/", 1)[1])

    def sql(self, statement):
        return base.server.sql(self.direct, statement)

    def check_story(self, recover):
        self.reclaim("init")
        self.reclaim("submit", "--id", "t")
        first = self.busy("--no-sweep", "--lease", "1s")
        self.assertEqual(self.json("sweep").answer["requeued"], 0)
        first.kill()
        recover()
        self.finish("--no-sweep")
        self.assertEqual(self.sql("SELECT state, attempts, recoveries FROM reclaim.tasks"), [["completed", "2", "1"]])
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim.events WHERE act = 'recover'"), [["1"]])

    def test_a_sweep(self):
        self.check_story(lambda: self.until(lambda: self.json("sweep").answer["requeued"] == 1, "the recovery"))

    def test_a_daemon(self):
        def recover():
            daemon = self.start("run", "--interval", "200ms")
            self.until(lambda: self.sql("SELECT recoveries FROM reclaim.tasks") == [["1"]], "the recovery")
            self.assertEqual(daemon.stop(), 0, daemon.err)

        self.check_story(recover)

    def test_workers_sweep_for_each_other(self):
        self.reclaim("init")
        self.reclaim("submit", "--id", "t")
        self.take_over("--lease", "1s", "--poll", "100ms", done=lambda: self.sql("SELECT state FROM reclaim.tasks") == [["completed"]])
        self.assertEqual(self.sql("SELECT attempts, recoveries FROM reclaim.tasks"), [["2", "1"]])

    def test_a_host(self):
        self.profile = "foundry"
        self.sql(base.FOUNDRY + "INSERT INTO foundry_tasks (updated_at) VALUES (timezone('UTC', now()))")
        self.reclaim("init")
        first = self.busy("--no-sweep")
        first.kill()
        self.sql("UPDATE worker_heartbeats SET last_seen = last_seen - interval '1 hour'")
        daemon = self.start("run", "--interval", "200ms")
        self.until(lambda: self.sql("SELECT status FROM foundry_tasks") == [["pending"]], "the recovery")
        self.assertEqual(daemon.stop(), 0, daemon.err)
        self.finish("--no-sweep")
        self.assertEqual(self.sql("SELECT status FROM foundry_tasks"), [["completed"]])


if __name__ == "__main__":
    unittest.main()
