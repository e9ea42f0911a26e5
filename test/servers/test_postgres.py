"""The whole program on PostgreSQL: our own queue, the four systems' tables, locks, restarts, a pooler."""
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from postgres import Pooler, Postgres

RECLAIM = os.environ.get("RECLAIM", "build/reclaim")
BUILD = Path(os.environ.get("RECLAIM_BUILD", "build"))

FOUNDRY = """
CREATE TABLE foundry_tasks (task_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), task_type text DEFAULT 't',
	status text NOT NULL DEFAULT 'pending', claimed_by text, claimed_at timestamp, updated_at timestamp);
CREATE TABLE worker_heartbeats (worker_id text PRIMARY KEY, status text DEFAULT 'active', last_seen timestamp);
CREATE TABLE task_audit_log (id bigserial PRIMARY KEY, task_id uuid, action text, details text, timestamp timestamp);
"""
SEEDCORE = """
CREATE TYPE taskstatus AS ENUM ('created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'retry');
CREATE TABLE tasks (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), status taskstatus NOT NULL DEFAULT 'queued',
	attempts integer NOT NULL DEFAULT 0, type text DEFAULT 'x', description text, error text, run_after timestamptz,
	created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN NEW.updated_at := coalesce(nullif(current_setting('test.now', true), '')::timestamptz, now()); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION touch();
"""
DELEGATIONS = """
CREATE TABLE delegations (delegation_id text PRIMARY KEY DEFAULT gen_random_uuid()::text, caller_id uuid DEFAULT gen_random_uuid(),
	callee_id uuid, task_preview text, status text NOT NULL DEFAULT 'queued', last_heartbeat timestamptz,
	deadline timestamptz NOT NULL DEFAULT now() + interval '6 hours', result_preview text, error_detail text,
	retry_count integer NOT NULL DEFAULT 0, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
	idempotency_key text);
"""
CLOACINA = """
CREATE TABLE task_executions (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), pipeline_execution_id uuid DEFAULT gen_random_uuid(),
	task_name text DEFAULT 't', status text NOT NULL DEFAULT 'Ready', claimed_by uuid, heartbeat_at {time}, started_at {time},
	completed_at {time}, attempt integer NOT NULL DEFAULT 1, max_attempts integer NOT NULL DEFAULT 3, error_details text,
	last_error text, recovery_attempts integer NOT NULL DEFAULT 0, last_recovery_at {time}, retry_at {time},
	created_at {time} DEFAULT timezone('UTC', now()), updated_at {time} DEFAULT timezone('UTC', now()));
CREATE TABLE execution_events (id uuid PRIMARY KEY, pipeline_execution_id uuid, task_execution_id uuid, event_type text, created_at {time});
CREATE TABLE task_outbox (id bigserial PRIMARY KEY, task_execution_id uuid, created_at {time});
"""
OWNER = "0b5f7c1e-3c0e-4a55-9f5e-0d8e7f6a5b4c"


def setUpModule():
    global server
    tried = subprocess.run([RECLAIM, "--db", "postgres://127.0.0.1:1/x", "list"], capture_output=True, text=True, check=False)
    if "unknown scheme" in tried.stderr:
        raise unittest.SkipTest("built without PostgreSQL")
    server = Postgres()


def tearDownModule():
    server.stop()


class Case(unittest.TestCase):
    profile = None

    def setUp(self):
        self.url = server.database()

    def sql(self, text):
        return server.sql(self.url, text)

    def value(self, text):
        rows = self.sql(text)
        return rows[0][0] if rows else None

    def run_program(self, *arguments, url=None, code=0, profile=None):
        profile = profile or self.profile
        command = [RECLAIM, "--db", url or self.url, *(["--profile", profile] if profile else []), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, code, f"{' '.join(arguments)}: {done.stderr}{done.stdout}")
        return done

    def json(self, *arguments, **options):
        lines = self.run_program("--json", *arguments, **options).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def sweep(self, *arguments, **options):
        return self.json("sweep", *arguments, **options)[0]


class Contract(unittest.TestCase):
    def test_driver_behind_a_pooler(self):
        test = BUILD / "test/contract/test_db"
        if not test.exists():
            self.skipTest("not built")
        url = server.database()
        with Pooler(server) as pooler:
            environment = {**os.environ, "RECLAIM_TEST_DB": pooler.url(url.rsplit("/", 1)[1])}
            done = subprocess.run([test], capture_output=True, text=True, check=False, timeout=120, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Own(Case):
    def setUp(self):
        super().setUp()
        self.run_program("init")

    def claim(self, *arguments, **options):
        return self.json("claim", "--owner", "me", *arguments, **options)

    def test_life(self):
        self.run_program("init")
        self.run_program("submit", "--id", "a", "--payload", '{"x": 1}', "--key", "k")
        self.assertEqual(self.run_program("submit", "--id", "b", "--key", "k").stdout, "a\n")
        task = self.claim()[0]
        self.assertEqual((task["id"], task["payload"], task["attempt"]), ("a", {"x": 1}, 1))
        self.claim(code=3)
        self.run_program("renew", "a", "--token", task["token"], "--progress", "[1]")
        self.run_program("complete", "a", "--token", "1", code=4)
        self.run_program("complete", "a", "--token", task["token"], "--result", "2")
        self.run_program("complete", "a", "--token", task["token"], "--result", "2")
        self.run_program("fail", "a", "--token", task["token"], "--error", "x", code=4)
        self.run_program("retry", "a")
        task = self.claim()[0]
        self.run_program("fail", "a", "--token", task["token"], "--error", "x", "--retry-in", "0")
        task = self.claim()[0]
        self.run_program("release", "a", "--token", task["token"])
        self.run_program("cancel", "a")
        self.assertEqual([event["act"] for event in self.json("audit")], ["complete", "retry", "fail", "release", "cancel"])
        self.assertEqual(self.json("status")[0]["tasks"]["cancelled"], 1)
        self.run_program("prune", "--older-than", "0s")
        self.assertEqual(self.value("SELECT count(*) FROM reclaim.tasks"), "0")

    def test_lease_over(self):
        self.run_program("submit", "--count", "700")
        self.claim("--count", "700", "--lease", "10ms")
        time.sleep(0.05)
        dry = self.sweep("--dry-run")
        swept = self.sweep()
        self.assertEqual([task["id"] for task in dry["tasks"]], [task["id"] for task in swept["tasks"]])
        self.assertEqual((swept["requeued"], swept["errors"], swept["locked"]), (700, 0, 0))
        self.assertEqual(self.value("SELECT count(*) FROM reclaim.events WHERE act = 'recover'"), "700")

    def test_locked_rows_are_left_alone_and_told(self):
        self.run_program("submit", "--count", "5")
        tasks = self.claim("--count", "5", "--lease", "10ms")
        session = server.session(self.url)
        session.sql("BEGIN")
        session.sql(f"SELECT 1 FROM reclaim.tasks WHERE id = '{tasks[0]['id']}' FOR UPDATE")
        began = time.monotonic()
        swept = self.sweep()
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual((swept["stale"], swept["requeued"], swept["locked"], swept["lost_races"]), (5, 4, 1, 0))
        backend = session.sql("SELECT pg_backend_pid()")[0]
        run = self.run_program("sweep")
        self.assertEqual(run.stdout, "1 in flight, 1 stale: 1 locked by somebody\n")
        self.assertIn(f"task {tasks[0]['id']}: left for the next pass: its row is locked by backend {backend} of owner (psql)", run.stderr)
        held = self.sweep()["locked_tasks"]
        self.assertEqual([row["id"] for row in held], [tasks[0]["id"]])
        self.assertRegex(held[0]["holder"], f"^backend {backend} of owner .*in its transaction for [0-9]+ s$")
        # A child row's insert holds a lock that does not mind.
        session.sql("ROLLBACK")
        session.sql("BEGIN")
        session.sql(f"SELECT 1 FROM reclaim.tasks WHERE id = '{tasks[0]['id']}' FOR KEY SHARE")
        swept = self.sweep()
        self.assertEqual((swept["requeued"], swept["locked"]), (1, 0))
        session.sql("ROLLBACK")
        session.close()

    def start_sweep(self):
        return subprocess.Popen([RECLAIM, "--db", self.url, "sweep"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_sweepers_share_the_work_and_never_a_row(self):
        self.run_program("submit", "--count", "3000")
        self.claim("--count", "3000", "--lease", "10ms")
        time.sleep(0.05)
        for _ in range(3):
            sweepers = [self.start_sweep() for _ in range(4)]
            time.sleep(0.03)
            sweepers[0].kill()
            for sweeper in sweepers:
                sweeper.wait()
        while self.sweep()["stale"]:
            pass
        self.assertEqual(
            self.sql("SELECT count(*), count(DISTINCT task), (SELECT sum(recoveries) FROM reclaim.tasks) FROM reclaim.events"),
            [["3000", "3000", "3000"]])

    def test_beats_stay_in_their_page(self):
        self.run_program("submit", "--count", "50")
        tasks = self.claim("--count", "50")
        self.sql("SELECT pg_stat_reset()")
        for _ in range(4):
            for task in tasks[:25]:
                self.sql(f"SELECT reclaim.renew('{task['id']}', {task['token']})")
        time.sleep(0.7)  # the server's own statistics come late
        updates, hot = map(int, self.sql(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = 'reclaim' AND relname = 'tasks'")[0])
        self.assertEqual(updates, 100)
        self.assertGreaterEqual(hot, 95)

    def test_plans_use_the_partial_indexes(self):
        self.sql(
            "INSERT INTO reclaim.tasks (id, state, created_at, updated_at, due_at, finished_at, claimed_at, owner, lease_until)"
            " SELECT i::text, CASE WHEN i % 200 = 0 THEN 'running' WHEN i % 200 = 1 THEN 'ready' ELSE 'completed' END,"
            " now(), now(), now(), now(), now() - interval '1 day', 'o', now() + interval '1 hour'"
            " FROM generate_series(1, 200000) AS i; ANALYZE reclaim.tasks"
        )
        self.sql(f"ALTER DATABASE {self.url.rsplit('/', 1)[1]} SET log_min_duration_statement = 0")
        began = time.monotonic()
        self.sql("SELECT pg_stat_reset()")
        self.sweep()
        self.assertEqual(len(self.claim()), 1)
        self.assertLess(time.monotonic() - began, 5)
        time.sleep(0.7)
        scans = self.value("SELECT seq_scan FROM pg_stat_user_tables WHERE schemaname = 'reclaim' AND relname = 'tasks'")
        self.assertEqual(scans, "0")

    def test_print_shows_all_that_init_does(self):
        self.sql("DROP SCHEMA reclaim CASCADE")
        self.sql(self.run_program("init", "--print").stdout)
        self.test_psql_is_a_worker()

    def live_in_sql(self):
        self.assertEqual(self.value("SELECT reclaim.submit('mail', '{}', id => 'x', key => 'k')"), "x")
        self.assertEqual(self.value("SELECT reclaim.submit('mail', '{}', id => 'y', key => 'k')"), "x")
        identity, token = self.sql("SELECT id, token FROM reclaim.claim('psql')")[0]
        self.assertEqual(self.value(f"SELECT reclaim.renew('{identity}', {token})"), "t")
        self.assertEqual(self.value(f"SELECT reclaim.complete('{identity}', {token} + 1)"), "f")
        self.assertEqual(self.value(f"SELECT reclaim.complete('{identity}', {token}, '1')"), "t")
        self.assertEqual(self.value(f"SELECT reclaim.complete('{identity}', {token}, '1')"), "t")
        self.assertEqual(self.value(f"SELECT reclaim.fail('{identity}', {token}, 'x')"), "f")
        self.assertEqual(self.value("SELECT reclaim.submit(id => 'z', queue => 'q')"), "z")
        identity, token = self.sql("SELECT id, token FROM reclaim.claim('psql', 'q')")[0]
        self.assertEqual(self.value(f"SELECT reclaim.fail('{identity}', {token}, 'x', retry_in => '0')"), "t")
        identity, token = self.sql("SELECT id, token FROM reclaim.claim('psql', 'q', 1, '5 s')")[0]
        self.assertEqual(self.value(f"SELECT reclaim.release('{identity}', {token})"), "t")

    def test_psql_is_a_worker(self):
        self.live_in_sql()
        self.assertEqual([event["act"] for event in self.json("audit")], ["complete", "fail", "release"])

    def test_functions_refuse_what_the_program_refuses(self):
        self.run_program("submit", "--id", "a")
        for wrong, told in (("claim('', lease => '1 s')", "owner is ''; allowed: 1 to 255 bytes"),
                            ("claim(NULL)", "owner is NULL"), ("claim('x', n => 0)", "n is '0'"),
                            ("claim('x', lease => '-5 s')", "lease is '-00:00:05'"), ("claim('x', lease => NULL)", "lease is NULL"),
                            ("renew('a', 1, '-1 s')", "lease is"), ("submit(queue => '')", "queue is ''"),
                            ("submit(queue => NULL)", "queue is NULL"), ("submit(id => '')", "id is ''"),
                            ("submit(kind => NULL)", "kind is NULL"), ("submit(key => '')", "key is ''"),
                            ("submit(delay => '-1 h')", "delay is"), ("submit(deadline => '0')", "deadline is"),
                            ("submit(max_attempts => 0)", "max_attempts is '0'; allowed: 1 to 1000000"),
                            ("submit(payload => 'x')", "json")):
            with self.subTest(wrong):
                with self.assertRaisesRegex(RuntimeError, told):
                    self.sql(f"SELECT reclaim.{wrong}")
        self.assertEqual(self.value("SELECT count(*) FROM reclaim.tasks WHERE state = 'ready'"), "1")

    def test_the_rights_of_a_worker_suffice(self):
        """As reclaim(1) says; who submits makes nothing where everything is."""
        self.sql("DROP ROLE IF EXISTS worker; CREATE ROLE worker LOGIN; GRANT USAGE ON SCHEMA reclaim TO worker;"
                 "GRANT SELECT, INSERT, UPDATE ON reclaim.tasks TO worker; GRANT SELECT ON reclaim.workers TO worker;"
                 "GRANT INSERT ON reclaim.events TO worker")
        owner, self.url = self.url, self.url.replace("owner@", "worker@")
        try:
            self.run_program("submit", "--id", "a")
            task = self.claim()[0]
            self.run_program("complete", "a", "--token", task["token"])
            self.live_in_sql()
        finally:
            self.url = owner
            self.sql("DROP OWNED BY worker; DROP ROLE worker")

    def test_notifications(self):
        session = server.session(self.url)
        session.sql("LISTEN reclaim_ready")
        self.run_program("submit", "--count", "30")
        told = "\n".join(session.sql("SELECT 1"))
        self.assertEqual(told.count("reclaim_ready"), 1)
        self.sql(f"ALTER DATABASE {self.url.rsplit('/', 1)[1]} SET reclaim.notify = 'off'")
        self.run_program("submit")
        self.assertNotIn("reclaim_ready", "\n".join(session.sql("SELECT 1")))
        session.close()

    def test_nothing_depends_on_the_session(self):
        name = self.url.rsplit("/", 1)[1]
        for setting in ("timezone = 'Asia/Kathmandu'", "datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'",
                        "bytea_output = 'escape'", "search_path = ''", "default_transaction_isolation = 'serializable'"):
            self.sql(f"ALTER DATABASE {name} SET {setting}")
        self.test_life_in_short()

    def test_life_in_short(self):
        self.run_program("submit", "--count", "3", "--deadline", "1h")
        task = self.claim("--lease", "30s")[0]
        self.assertEqual(self.sweep()["stale"], 0)
        self.run_program("complete", task["id"], "--token", task["token"])
        self.claim("--lease", "10ms")
        time.sleep(0.05)
        swept = self.sweep()
        self.assertEqual(swept["requeued"], 1)
        self.assertLess(swept["tasks"][0]["age_s"], 5)

    def test_a_pooler_in_transaction_mode(self):
        with Pooler(server) as pooler:
            direct = self.url
            self.url = pooler.url(direct.rsplit("/", 1)[1])
            self.test_life_in_short()
            self.run_program("init")
            self.run_program("submit", "--count", "300")
            self.claim("--count", "300", "--lease", "10ms")
            time.sleep(0.05)
            self.assertEqual(self.sweep()["requeued"], 300)
            self.url = direct

    def test_rights_are_named(self):
        self.sql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
        reader = self.url.replace("owner@", "reader@")
        self.run_program("submit")
        self.assertIn("GRANT USAGE ON SCHEMA reclaim TO reader", self.run_program("list", url=reader, code=6).stderr)
        self.sql("GRANT USAGE ON SCHEMA reclaim TO reader")
        told = self.run_program("list", url=reader, code=6).stderr
        self.assertRegex(told, r"GRANT SELECT ON reclaim\.(tasks|workers) TO reader")
        self.sql("GRANT SELECT ON ALL TABLES IN SCHEMA reclaim TO reader")
        self.run_program("list", url=reader)
        self.assertIn("GRANT", self.run_program("claim", "--owner", "x", url=reader, code=6).stderr)
        self.sql("DROP OWNED BY reader; DROP ROLE reader")

    def test_passwords_are_not_told(self):
        url = self.url.replace("owner@", "nobody:sesame@")
        done = self.run_program("list", url=url, code=6)
        self.assertNotIn("sesame", done.stderr)
        done = self.run_program("list", url="postgres://a:sesame@h:port/d", code=2)
        self.assertNotIn("sesame", done.stderr)


class Losing:
    """Passes a connection on, and loses the answer to its n-th COMMIT."""

    def __init__(self, port, commits=1):
        self.port, self.left = port, commits
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server_side = socket.create_connection(("127.0.0.1", self.port))
            lost = threading.Event()
            threading.Thread(target=self.forward, args=(client, server_side, lost), daemon=True).start()
            threading.Thread(target=self.back, args=(server_side, client, lost), daemon=True).start()

    def forward(self, source, target, lost):
        while data := source.recv(65536):
            if b"COMMIT\0" in data:
                self.left -= 1
                if self.left == 0:
                    lost.set()
            target.sendall(data)
        target.close()

    def back(self, source, target, lost):
        while (data := source.recv(65536)) and not lost.is_set():
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
        target.close()


class Lost(Case):
    """The answer to a commit."""

    def test_a_replay_settles_it(self):
        self.run_program("init")
        self.run_program("submit", "--id", "a")
        token = self.json("claim", "--owner", "me")[0]["token"]
        # The lookups of the tables are rolled back; the look at their version is the first commit, the hand-in's the second.
        losing = Losing(server.port, commits=2)
        url = self.url.replace(f":{server.port}/", f":{losing.own_port}/")
        done = subprocess.run([RECLAIM, "--db", url, "complete", "a", "--token", token], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertIn("unknown", done.stderr)
        self.assertEqual(self.value("SELECT state FROM reclaim.tasks"), "completed")
        self.run_program("complete", "a", "--token", token)
        self.assertEqual(len(self.json("audit")), 1)
        losing.listener.close()


class Restarts(unittest.TestCase):
    """On a server of their own."""

    def test_a_worker_outlives_its_server(self):
        with Postgres() as own:
            url = own.database()
            run = lambda *arguments: subprocess.run(  # noqa: E731
                [RECLAIM, "--db", url, *arguments], capture_output=True, text=True, check=True, timeout=60)
            run("init")
            run("submit", "--count", "40")
            worker = subprocess.Popen(
                [RECLAIM, "--db", url, "work", "--concurrency", "2", "--", "sleep", "0.1"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                time.sleep(0.8)
                own.restart()
                until = time.monotonic() + 40
                while time.monotonic() < until:
                    if own.sql(url, "SELECT count(*) FROM reclaim.tasks WHERE state = 'completed'") == [["40"]]:
                        break
                    time.sleep(0.2)
                else:
                    self.fail(own.sql(url, "SELECT state, count(*) FROM reclaim.tasks GROUP BY 1"))
            finally:
                worker.kill()
                worker.communicate()


class Foundry(Case):
    profile = "foundry"

    def setUp(self):
        super().setUp()
        self.sql(FOUNDRY)

    def claim_old(self, worker, hours, count=1):
        self.sql(
            "INSERT INTO foundry_tasks (status, claimed_by, claimed_at, updated_at) SELECT 'claimed',"
            f" '{worker}', timezone('UTC', now()) - interval '{hours} hours', timezone('UTC', now())"
            f" FROM generate_series(1, {count})"
        )

    def test_both_steps(self):
        self.sql("INSERT INTO worker_heartbeats VALUES ('dead', 'active', timezone('UTC', now()) - interval '301 s'),"
                 " ('fine', 'active', timezone('UTC', now()))")
        self.claim_old("dead", 1, 2)
        self.claim_old("fine", 7, 2)
        self.claim_old("fine", 5)
        swept = self.sweep()
        self.assertEqual((swept["released_tasks"], swept["reclaimed_tasks"], swept["errors"]), (2, 2, 0))
        self.assertEqual(self.value("SELECT status FROM worker_heartbeats WHERE worker_id = 'dead'"), "stalled")
        self.assertEqual(self.value("SELECT count(*) FROM task_audit_log WHERE action = 'reclaimed'"), "4")
        self.assertEqual(self.value("SELECT count(*) FROM foundry_tasks WHERE status = 'pending' AND claimed_at IS NULL"
                                    " AND updated_at > timezone('UTC', now()) - interval '1 min'"), "4")

    def test_partitions(self):
        self.sql("DROP TABLE foundry_tasks; CREATE TABLE foundry_tasks (task_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
                 " task_type text DEFAULT 't', status text, claimed_by text, claimed_at timestamp, updated_at timestamp)"
                 " PARTITION BY HASH (task_id);"
                 "CREATE TABLE p0 PARTITION OF foundry_tasks FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
                 "CREATE TABLE p1 PARTITION OF foundry_tasks FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
        self.claim_old("w", 7, 30)
        self.claim_old("w", 5, 30)
        for _ in range(6):
            swept = self.sweep()
            self.assertEqual((swept["requeued"], swept["lost_races"], swept["locked"], swept["errors"]), (5, 0, 0, 0))
        self.assertEqual(self.sweep()["stale"], 0)
        self.assertEqual(self.value("SELECT count(*) FROM foundry_tasks WHERE status = 'claimed'"), "30")

    def test_a_view(self):
        self.sql("ALTER TABLE foundry_tasks RENAME TO hidden; CREATE VIEW foundry_tasks AS SELECT * FROM hidden")
        self.claim_old("w", 7, 3)
        swept = self.sweep()
        self.assertEqual((swept["requeued"], swept["errors"]), (3, 0))

    def test_a_worker_that_beats_is_alive(self):
        self.sql("INSERT INTO worker_heartbeats VALUES ('w', 'active', timezone('UTC', now()) - interval '301 s')")
        self.claim_old("w", 1)
        session = server.session(self.url)
        session.sql("BEGIN")
        session.sql("UPDATE worker_heartbeats SET last_seen = timezone('UTC', now()) WHERE worker_id = 'w'")
        swept = self.sweep()
        self.assertEqual((swept["stale"], swept["requeued"], swept["lost_races"]), (1, 0, 1))
        session.sql("COMMIT")
        session.close()
        self.assertEqual(self.sweep()["stale"], 0)

    def test_verbs(self):
        self.sql("INSERT INTO foundry_tasks (updated_at) VALUES (timezone('UTC', now()))")
        self.run_program("beat", "--worker", "me")
        self.run_program("beat", "--worker", "me")
        task = self.json("claim", "--owner", "me")[0]
        self.run_program("renew", task["id"], "--token", task["token"])
        self.run_program("complete", task["id"], "--token", task["token"])
        self.assertEqual(self.value("SELECT status FROM foundry_tasks"), "completed")
        self.run_program("show", "no-uuid", code=3)


    def test_quoted_names_in_another_schema(self):
        quoted = {"foundry_tasks": "My Schema.The Tasks", "worker_heartbeats": "My Schema.worker_heartbeats",
                  "task_audit_log": "My Schema.task_audit_log"}
        text = self.run_program("profiles", "foundry", profile="reclaim").stdout
        for name, other in quoted.items():
            text = text.replace(f'"{name}"', f'"{other}"')
        right = text.replace('{ "task_id" }', '{ "Task" }').replace("{old:task_id}", "{old:Task}")
        self.sql("CREATE SCHEMA \"My Schema\"; ALTER TABLE foundry_tasks RENAME TO \"The Tasks\";"
                 "ALTER TABLE \"The Tasks\" RENAME task_id TO \"Task\"; ALTER TABLE \"The Tasks\" SET SCHEMA \"My Schema\";"
                 "ALTER TABLE worker_heartbeats SET SCHEMA \"My Schema\"; ALTER TABLE task_audit_log SET SCHEMA \"My Schema\";"
                 "INSERT INTO \"My Schema\".\"The Tasks\" (status, claimed_by, claimed_at)"
                 " VALUES ('claimed', 'w', timezone('UTC', now()) - interval '7 hours')")
        with tempfile.TemporaryDirectory() as folder:
            wrong = Path(folder) / "wrong.conf"
            wrong.write_text(right.replace("{old:Task}", "{old:task_id}"))
            self.assertRegex(self.run_program("sweep", profile=str(wrong), code=2).stderr,
                             r"wrong.conf:[0-9][0-9]+: table '.*' has no column 'task_id'")
            self.profile = str(Path(folder) / "mine.conf")
            Path(self.profile).write_text(right)
            with self.role("reader") as reader:
                self.assertIn('GRANT USAGE ON SCHEMA "My Schema" TO reader', self.run_program("list", url=reader, code=6).stderr)
                self.sql('GRANT USAGE ON SCHEMA "My Schema" TO reader')
                self.assertIn('GRANT SELECT ON "My Schema"."The Tasks" TO reader',
                              self.run_program("sweep", "--dry-run", url=reader, code=6).stderr)
            self.assertEqual(self.sweep()["requeued"], 1)

    @contextlib.contextmanager
    def role(self, name):
        """The URL as which a new role without rights comes."""
        self.sql(f"DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN")
        try:
            yield self.url.replace("owner@", f"{name}@")
        finally:
            self.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")

    def test_the_least_rights_suffice_and_each_is_needed(self):
        self.sql("INSERT INTO worker_heartbeats VALUES ('dead', 'active', timezone('UTC', now()) - interval '301 s')")
        grants = self.json("init")[0]["grants"]
        self.assertEqual(grants, self.json("check")[0]["grants"])
        self.assertIn(grants[-1] + ";", self.run_program("init").stdout)
        with self.role("sweeper") as sweeper:
            self.sql(";".join(grants))
            self.claim_old("dead", 1)
            self.assertEqual(self.sweep(url=sweeper)["requeued"], 1)
            for grant in grants:
                revoke = grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM ")
                if 'SCHEMA "public"' in grant:  # everybody's
                    continue
                self.claim_old("dead", 1)
                self.sql(f"{revoke}; UPDATE worker_heartbeats SET status = 'active'")
                self.run_program("sweep", url=sweeper, code=6)
                self.sql(grant)
                self.assertEqual(self.sweep(url=sweeper)["requeued"], 1)

    def test_a_large_table_without_an_index(self):
        self.sql("INSERT INTO foundry_tasks (status) SELECT 'completed' FROM generate_series(1, 100000)")
        self.claim_old("w", 7, 3)
        told = self.run_program("sweep", code=2).stderr
        self.assertIn("--force", told)
        self.run_program("sweep", "--dry-run", code=2)
        self.run_program("status")
        self.assertEqual(self.sweep("--force", "--limit", "1")["requeued"], 1)
        statement = [finding["fix"] for finding in self.json("check", code=2)[0]["findings"] if finding["subject"] == "index"][0]
        self.assertIn(statement, told)
        self.sql(statement)
        self.assertEqual(self.sweep()["requeued"], 2)
        self.assertNotIn("index", [finding["subject"] for finding in self.json("check")[0]["findings"]])

    def test_rows_that_refuse(self):
        """A trigger, a CHECK and a unique partial index: each row left, named, counted, and no obstacle to the others."""
        self.sql("""
            ALTER TABLE foundry_tasks ADD CHECK (task_type <> 'check' OR status = 'claimed');
            CREATE UNIQUE INDEX ON foundry_tasks (task_type) WHERE status = 'pending' AND task_type = 'unique';
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON foundry_tasks FOR EACH ROW WHEN (old.task_type = 'trigger')
                EXECUTE FUNCTION refuse();
            INSERT INTO foundry_tasks (task_type) VALUES ('unique');
            INSERT INTO foundry_tasks (task_type, status, claimed_by, claimed_at) SELECT kind, 'claimed', 'w',
                timezone('UTC', now()) - interval '7 hours' FROM unnest(ARRAY['trigger', 'check', 'unique', 'fine', 'good']) AS kind;
        """)
        done = self.run_program("--json", "sweep")
        swept = json.loads(done.stdout, object_pairs_hook=self.once)
        self.assertEqual((swept["requeued"], swept["errors"]), (2, 3))
        for kind, why in (("trigger", "not this one"), ("check", "check constraint"), ("unique", "duplicate key")):
            task = self.value(f"SELECT task_id FROM foundry_tasks WHERE task_type = '{kind}' AND status = 'claimed'")
            self.assertRegex(done.stderr, f"{task}.*{why}")
        self.assertEqual(self.sweep()["errors"], 3)

    def once(self, pairs):
        """No word stands twice in an object."""
        self.assertEqual(len(dict(pairs)), len(pairs), pairs)
        return dict(pairs)


class Seedcore(Case):
    profile = "seedcore"

    def setUp(self):
        super().setUp()
        self.sql(SEEDCORE)

    def run_old(self, minutes, attempts=0):
        return self.value(
            f"INSERT INTO tasks (status, attempts, error, updated_at) VALUES ('running', {attempts}, 'e',"
            f" now() - interval '{minutes} minutes') RETURNING id")

    def test_without_the_younger_columns(self):
        old, spent, fresh = self.run_old(16), self.run_old(16, 3), self.run_old(14)
        swept = self.sweep()
        self.assertEqual((swept["requeued"], swept["failed"], swept["errors"]), (1, 1, 0))
        self.assertEqual(self.sql(f"SELECT status, attempts, error FROM tasks WHERE id = '{old}'"),
                         [["queued", "1", "e | reaper: lease expired or owner dead"]])
        self.assertEqual(self.sql(f"SELECT status, attempts, error FROM tasks WHERE id = '{spent}'"),
                         [["failed", "3", "e | reaper: max requeues exceeded"]])
        self.assertEqual(self.value(f"SELECT status FROM tasks WHERE id = '{fresh}'"), "running")
        self.run_program("claim", "--owner", "me", code=7)

    def test_migration(self):
        self.assertIn("CONCURRENTLY", self.run_program("init", "--print").stdout)
        for _ in range(2):
            self.run_program("init")
        columns = self.sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'tasks'")
        self.assertIn(["lease_expires_at"], columns)
        self.assertEqual(self.value("SELECT count(*) FROM pg_indexes WHERE indexname IN"
                                    " ('idx_tasks_stale_running', 'idx_tasks_owner_status')"), "2")
        self.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_tasks_stale_running'::regclass")
        self.run_program("init")
        self.assertEqual(self.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_tasks_stale_running'::regclass"), "t")

    def test_migration_of_a_partitioned_table(self):
        self.sql("DROP TABLE tasks CASCADE")
        self.sql("DROP TYPE taskstatus; DROP FUNCTION touch;" + SEEDCORE.replace(
            "updated_at timestamptz DEFAULT now());", "updated_at timestamptz DEFAULT now()) PARTITION BY HASH (id);"
            "CREATE TABLE p0 PARTITION OF tasks FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
            "CREATE TABLE p1 PARTITION OF tasks FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY HASH (id);"
            "CREATE TABLE p1_0 PARTITION OF p1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);", 1))
        self.sql("INSERT INTO tasks SELECT FROM generate_series(1, 100)")
        self.assertIn("ATTACH PARTITION", self.run_program("init", "--print").stdout)
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        for _ in range(2):
            self.run_program("init")
            self.assertEqual(self.value(invalid), "0")
        self.sql("DROP INDEX idx_tasks_owner_status; CREATE INDEX idx_tasks_owner_status ON ONLY tasks (owner_id) WHERE status = 'running'")
        self.assertEqual(self.value(invalid), "1")  # somebody's init broke off
        self.run_program("init")
        self.assertEqual(self.value(invalid), "0")
        self.run_old(16)
        self.assertEqual(self.sweep()["requeued"], 1)

    def test_cleanup_function(self):
        self.run_program("init")
        self.run_old(16), self.run_old(31, 3), self.run_old(14)
        self.assertEqual(self.value("SELECT cleanup_stale_running_tasks()"), "2")
        self.assertEqual(self.sql("SELECT status, attempts, error FROM tasks ORDER BY attempts, status"),
                         [["running", "0", "e"], ["queued", "1", "e | requeued by admin: stale RUNNING"],
                          ["failed", "3", "e | failed by admin: max requeues exceeded"]])
        self.assertEqual(len(self.json("audit")), 2)
        self.assertEqual(self.value("SELECT cleanup_stale_running_tasks(10, 1)"), "1")

    def test_leases(self):
        self.run_program("init")
        self.sql("INSERT INTO tasks DEFAULT VALUES")
        task = self.json("claim", "--owner", "me", "--lease", "1s")[0]
        self.run_program("renew", task["id"], "--token", task["token"], "--lease", "1s")
        self.assertEqual(self.sweep()["stale"], 0)
        time.sleep(1.1)
        self.assertEqual(self.sweep()["requeued"], 1)
        self.run_program("complete", task["id"], "--token", task["token"], code=4)
        task = self.json("claim", "--owner", "you")[0]
        self.run_program("complete", task["id"], "--token", task["token"])


class Delegations(Case):
    profile = "delegations"

    def setUp(self):
        super().setUp()
        self.sql(DELEGATIONS)

    def test_rules(self):
        self.sql(
            "INSERT INTO delegations (delegation_id, status, last_heartbeat, deadline) VALUES"
            " ('late', 'in_progress', now(), now() - interval '1 s'),"
            " ('both', 'dispatched', now() - interval '1 hour', now() - interval '1 s'),"
            " ('silent', 'in_progress', now() - interval '30 min', now() + interval '1 hour'),"
            " ('free', 'in_progress', NULL, now() + interval '1 hour'),"
            " ('for ever', 'in_progress', now(), 'infinity'),"
            " ('stuck', 'stuck', NULL, now() - interval '1 hour'),"
            " ('done', 'completed', NULL, now() - interval '1 hour')")
        swept = self.sweep("--force")
        self.assertEqual((swept["deadline_failures"], swept["stuck_marked"], swept["errors"]), (3, 1, 0))
        rows = dict(self.sql("SELECT delegation_id, status || ' ' || coalesce(error_detail, '') FROM delegations"))
        self.assertEqual(rows["both"], "failed deadline exceeded by sweeper")
        self.assertRegex(rows["silent"], r"stuck no heartbeat for 30m[0-9]s")
        self.assertEqual(rows["free"], "in_progress ")
        self.assertEqual(rows["for ever"], "in_progress ")
        self.run_program("retry", "silent")
        self.assertEqual(self.value("SELECT status FROM delegations WHERE delegation_id = 'silent'"), "queued")

    def test_verbs(self):
        self.sql(f"INSERT INTO delegations (delegation_id, callee_id) VALUES ('d', '{OWNER}')")
        self.run_program("claim", "--owner", "not-a-uuid", code=2)
        task = self.json("claim", "--owner", OWNER)[0]
        self.run_program("renew", "d", "--token", task["token"])
        self.run_program("complete", "d", "--token", task["token"], "--result", '"r"')
        self.assertEqual(self.value("SELECT status || result_preview FROM delegations"), 'completed"r"')


class Cloacina(Case):
    profile = "cloacina"

    def check_both(self, kind):
        self.sql(CLOACINA.format(time=kind))
        name = self.url.rsplit("/", 1)[1]
        self.sql(f"ALTER DATABASE {name} SET timezone = 'America/St_Johns'")
        zone = "timezone('UTC', now())" if kind == "timestamp" else "now()"
        self.sql(
            "INSERT INTO task_executions (task_name, status, claimed_by, heartbeat_at, recovery_attempts) VALUES"
            f" ('stale', 'Running', '{OWNER}', {zone} - interval '61 s', 0),"
            f" ('spent', 'Running', '{OWNER}', {zone} - interval '61 s', 3),"
            f" ('fine', 'Running', '{OWNER}', {zone} - interval '50 s', 0)")
        swept = self.sweep()
        self.assertEqual((swept["requeued"], swept["failed"], swept["errors"], swept["blind"]), (1, 1, 0, 0))
        self.assertEqual(
            self.sql("SELECT task_name, status, recovery_attempts FROM task_executions ORDER BY 1"),
            [["fine", "Running", "0"], ["spent", "Failed", "3"], ["stale", "Ready", "1"]])
        self.assertEqual(self.value(f"SELECT count(*) FROM execution_events WHERE abs(extract(epoch FROM created_at - {zone})) < 60"), "1")
        self.assertEqual(self.value("SELECT count(*) FROM task_outbox"), "1")
        task = self.json("claim", "--owner", OWNER)[0]
        self.run_program("renew", task["id"], "--token", task["token"])
        self.assertEqual(self.sweep()["stale"], 0)
        self.run_program("complete", task["id"], "--token", task["token"])

    def test_zoned_columns(self):
        self.check_both("timestamptz")

    def test_columns_without_a_zone(self):
        self.check_both("timestamp")

    def test_odd_times(self):
        self.sql(CLOACINA.format(time="timestamptz"))
        for odd in ("infinity", "-infinity", "294276-12-31 23:59:59+00", "0044-03-15 12:00:00+00 BC", "12345-06-07 00:00:00+00"):
            self.sql(f"INSERT INTO task_executions (status, claimed_by, heartbeat_at) VALUES ('Running', '{OWNER}', '{odd}')")
        swept = self.sweep()
        self.assertEqual(swept["errors"], 0)
        self.assertEqual(len(self.json("list")), 5)


if __name__ == "__main__":
    unittest.main()
