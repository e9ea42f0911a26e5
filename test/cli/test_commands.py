"""The commands that change a ledger: what they print, what they refuse and how, their exit codes."""
import json
import os
import signal
import sqlite3
import subprocess
import time
import unittest

from scene import (
    BUSY, DONE, HELD_BACK, NOT_FOUND, PROGRAM, REFUSED, UNAVAILABLE, UNSUPPORTED, USAGE, Scene, utc,
)

COMMANDS = [
    "audit", "beat", "cancel", "check", "claim", "cleanup", "complete", "dot", "explain", "fail", "help", "init", "list",
    "plan", "profiles", "prune", "recover", "release", "renew", "retry", "run", "show", "stale", "status", "submit",
    "sweep", "work", "workers",
]


class Commands(Scene):
    def refuses(self, code, *arguments, says=(), **more):
        """It ends with that code, names itself and what is wrong, and answers nothing."""
        run = self.reclaim(*arguments, code=code, **more)
        self.assertEqual(run.out, "")
        self.assertTrue(run.err.startswith("reclaim"), run.err)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, run.err)
        return run

    def submit(self, *options):
        return self.reclaim("submit", *options).lines

    def claim(self, *options):
        return self.json("claim", "--owner", "me", *options).rows


class Line(Commands):
    """The command line itself."""

    def test_help(self):
        run = self.reclaim("--help")
        for name in COMMANDS:
            self.assertIn(f"\n  {name}", run.out)
            of_it = self.reclaim("help", name).out
            self.assertTrue(of_it.startswith(f"reclaim {name}: "), of_it)
            self.assertIn(f"usage: reclaim {name}", of_it)
            self.assertIn("exit codes:", of_it)
            self.assertLessEqual(max(map(len, of_it.splitlines())), 80, of_it)
            self.assertEqual(self.reclaim(name, "--help").out, of_it)
        self.assertEqual(self.reclaim("help").out, run.out)
        self.assertRegex(self.reclaim("--version").out, r"^reclaim \d+\.\d+\.\d+\n$")
        self.refuses(USAGE, "help", "nothing", says="unknown command 'nothing'")

    def test_unknown(self):
        self.refuses(USAGE, says="reclaim --help")
        self.refuses(USAGE, "sbmit", says=["unknown command 'sbmit'", "did you mean 'submit'", "allowed: adopt audit beat"])
        self.refuses(USAGE, "sweep", "--dry", "--bogus", says=["unknown option --bogus", "--dry-run", "--db"])
        self.refuses(USAGE, "sweep", "-x", says="unknown option -x")
        self.refuses(USAGE, "sweep", "more", says=["'more'", "none"])
        self.refuses(USAGE, "sweep", "--json=1", says="--json takes no value")
        self.refuses(USAGE, "claim", "--owner", says="--owner needs a value")
        self.refuses(USAGE, "claim", says="--owner NAME is missing")
        self.refuses(USAGE, "claim", "--owner", "a", "--owner", "b", says="twice")
        self.refuses(USAGE, "--db", "sqlite:a", "sweep", "--db", "sqlite:b", says="twice")
        self.refuses(USAGE, "-q", "sweep", "-v", says="-q and -v")
        self.refuses(USAGE, "complete", "--token", "1", says="missing")
        self.refuses(USAGE, "complete", "a", "b", "--token", "1", says="'b'")

    def test_global_options_stand_anywhere(self):
        self.submit()
        env = {"RECLAIM_DB": "sqlite:elsewhere.db"}
        for line in (["--json", "--db", f"sqlite:{self.file}", "sweep"], ["sweep", "--db", f"sqlite:{self.file}", "--json"]):
            self.assertEqual(self.reclaim(*line, env=env).answer["stale"], 0)

    def test_database(self):
        self.refuses(USAGE, "--db", "bogus", "sweep", says=["'bogus'", "sqlite:"])
        self.refuses(USAGE, "--db", "nope:x", "sweep", says=["'nope'", "sqlite"])
        for command in (["sweep"], ["sweep", "--dry-run"], ["claim", "--owner", "me"], ["prune"], ["retry", "a"], ["status"]):
            self.refuses(UNAVAILABLE, *command, says="ledger.db")
        self.assertFalse(self.file.exists())
        self.refuses(UNAVAILABLE, "submit", "--db", "sqlite:no/folder/a.db", says="folder")

    def test_no_tables(self):
        self.script("CREATE TABLE other (n)")
        self.refuses(UNAVAILABLE, "claim", "--owner", "me", says="reclaim init")

    def test_password_is_not_shown(self):
        run = self.reclaim("sweep", "--db", "nope://u:secret@h/db", code=USAGE)
        self.assertNotIn("secret", run.err)
        run = self.reclaim("submit", env={"RECLAIM_DB": "nope://u:secret@h/db"}, code=DONE)
        self.assertNotIn("secret", run.err)

    def test_output_that_does_not_arrive(self):
        self.submit("--count", "3")
        with open("/dev/full", "wb") as full:
            run = subprocess.run([PROGRAM, "list"], env=self.environment, cwd=self.folder, stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(run.returncode, UNAVAILABLE)
        self.assertIn(b"No space left on device", run.stderr)
        reader, writer = os.pipe()
        os.close(reader)
        run = subprocess.run([PROGRAM, "list"], env=self.environment, cwd=self.folder, stdout=writer, stderr=subprocess.PIPE, check=False)
        os.close(writer)
        self.assertEqual((run.returncode, run.stderr), (DONE, b""))
        for closing in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
            subprocess.run(["sh", "-c", f'"{PROGRAM}" sweep {closing}'], env=self.environment, cwd=self.folder, capture_output=True, check=False)
            self.assertEqual(self.sql("PRAGMA integrity_check"), [("ok",)])

    def test_interrupted(self):
        self.submit()
        lock = self.connect()
        lock.execute("BEGIN IMMEDIATE")
        waiting = self.start("submit")
        time.sleep(0.5)
        self.assertEqual(waiting.stop(signal.SIGINT, timeout=5), BUSY)
        self.assertIn("interrupted", waiting.err)
        lock.close()


class Settings(Commands):
    """Option, environment, config file, profile, default."""

    def config(self, *lines):
        path = self.folder / "settings.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def test_order(self):
        file = self.config("# ours", 'db = "sqlite:third.db"', 'json = "true"', 'keep = "90s"')
        without = {"RECLAIM_DB": ""}
        self.reclaim("--config", file, "submit", env=without)
        self.assertTrue((self.folder / "third.db").exists())
        self.reclaim("--config", file, "submit", env={"RECLAIM_DB": "sqlite:second.db"})
        self.assertTrue((self.folder / "second.db").exists())
        self.reclaim("--config", file, "--db", "sqlite:first.db", "submit", env={"RECLAIM_DB": "sqlite:second.db"})
        self.assertTrue((self.folder / "first.db").exists())
        run = self.reclaim("prune", env={**without, "RECLAIM_CONFIG": str(file)})
        self.assertEqual(run.answer["older_than_s"], 90)
        run = self.reclaim("prune", env={**without, "RECLAIM_CONFIG": str(file), "RECLAIM_KEEP": "80s"})
        self.assertEqual(run.answer["older_than_s"], 80)
        self.reclaim("submit", env=without)
        self.assertTrue((self.folder / "reclaim.db").exists())

    def test_wrong_file(self):
        for line, says in [
            ('bogus = "x"', "allowed: db, profile, interval, keep, per_sweep, valve_min, json"),
            ('interval = "0"', "250ms"), ('per_sweep = "-1"', "off"), ('json = "maybe"', "true, false"),
            ('keep = "soon"', "off"), ('db = "x', "closing"), ('ledger x {\n}', "unknown section"), ('db { }', "one value"),
        ]:
            with self.subTest(line):
                file = self.config("", line)
                self.refuses(USAGE, "--config", file, "status", says=[f"{file}:2:", says])
        self.refuses(USAGE, "--config", "none.conf", "status", says="none.conf")

    def test_wrong_environment_stops_nothing(self):
        self.submit()
        for variable, value in [
            ("RECLAIM_INTERVAL", "soon"), ("RECLAIM_KEEP", "-1"), ("RECLAIM_PER_SWEEP", "many"), ("RECLAIM_VALVE_MIN", "1e3"),
            ("RECLAIM_CONFIG", "/nowhere/at/all"), ("RECLAIM_PROFILE", "no-such-profile"),
        ]:
            with self.subTest(variable):
                run = self.reclaim("sweep", env={variable: value})
                self.assertEqual(len(run.told), 1, run.err)
                self.assertIn(f'{variable} = "{value}"', run.told[0])

    def test_cap(self):
        self.submit("--count", "5")
        self.claim("--count", "5", "--lease", "1ms")
        answer = self.json("sweep", env={"RECLAIM_PER_SWEEP": "2"}).answer
        self.assertEqual((answer["stale"], answer["requeued"], answer["held_back"]), (5, 2, 3))
        answer = self.json("sweep", "--limit", "1").answer
        self.assertEqual((answer["requeued"], answer["held_back"]), (1, 2))
        self.assertEqual(self.json("sweep", "--limit", "0").answer["requeued"], 0)


class Submit(Commands):
    def stored(self):
        return self.sql("SELECT count(*) FROM reclaim_tasks")[0][0] if self.file.exists() else 0

    def test_options(self):
        task, = self.submit(
            "--kind", "mail", "--queue", "q", "--payload", '{"n": 12345678901234567890123, "x": "é"}', "--id", "mine", "--key", "once",
            "--delay", "1h", "--deadline", "2h", "--max-attempts", "3", "--priority", "-5",
        )
        self.assertEqual(task, "mine")
        row, = self.dicts("SELECT * FROM reclaim_tasks")
        self.assertEqual((row["kind"], row["queue"], row["max_attempts"], row["priority"]), ("mail", "q", 3, -5))
        self.assertEqual(row["payload"], '{"n": 12345678901234567890123, "x": "é"}')
        self.assertEqual((row["due_at"] - row["created_at"], row["deadline"] - row["created_at"]), (3600 * 10**6, 7200 * 10**6))
        self.assertEqual(self.submit("--queue", "q", "--key", "once"), ["mine"])
        self.assertEqual(self.json("submit", "--id", "other").answer, {"id": "other"})

    def test_count(self):
        ids = self.submit("--count", "12000", "--kind", "k")
        self.assertEqual((len(set(ids)), self.stored()), (12000, 12000))

    def test_refused(self):
        for options, says in [
            (["--payload", "{"], "payload"), (["--id", ""], "1 to 255"), (["--id", "x" * 256], "256 bytes"), (["--delay", "soon"], "250ms"),
            (["--deadline", "-1"], "250ms"), (["--max-attempts", "0"], "1 to 1000000"), (["--priority", "x"], "-2147483648"),
            (["--count", "0"], "1 to"), (["--count", "2", "--id", "a"], "--id"), (["--queue", ""], "queue"), (["a"], "'a'"),
        ]:
            with self.subTest(options):
                self.refuses(USAGE, "submit", *options, says=says)
                self.assertEqual(self.stored(), 0)
        self.submit("--id", "a")
        self.refuses(USAGE, "submit", "--id", "a", says="exists")

    def test_from(self):
        lines = [
            {"kind": "a", "queue": "q", "payload": {"n": [1, "]}"]}, "delay": 0, "deadline": "1h", "max_attempts": 2, "priority": 7},
            {"id": "mine", "payload": None, "key": "k"}, {},
        ]
        ids = self.reclaim("submit", "--from", "-", stdin="\n\n".join(map(json.dumps, lines))).lines
        self.assertEqual((len(ids), ids[1], self.stored()), (3, "mine", 3))
        raw = '{"payload":  {"big":123456789012345678901234567890,"e":1.50},"kind":"raw"}'
        (self.folder / "tasks").write_text(raw, encoding="utf-8")
        task, = self.submit("--from", "tasks")
        payload, = self.sql("SELECT payload FROM reclaim_tasks WHERE id = ?", task)[0]
        self.assertEqual(payload, '{"big":123456789012345678901234567890,"e":1.50}')
        self.assertEqual(self.reclaim("submit", "--from", "-", stdin="").out, "")

    def test_from_refused_as_a_whole(self):
        good = b'{"kind": "a"}\n'
        for line, says in [
            (b'{"kind": "a", "bogus": 1}', "unknown key 'bogus'"), (b'{"kind": "\xff"}', "not UTF-8"), (b"{", "not JSON"), (b"[]", "not an object"),
            (b'{"kind": 1}', "kind is no string"), (b'{"delay": "soon"}', "delay"), (b'{"delay": -1}', "delay"), (b'{"priority": 1.5}', "priority"),
            (b'{"max_attempts": 0}', "1 to 1000000"), (b'{"id": "a\\u0000b"}', "NUL"), (b'{"id": ""}', "1 to 255"),
            (b'{"kind": "a", "kind": "b"}', "duplicate"),
        ]:
            with self.subTest(line):
                self.refuses(USAGE, "submit", "--from", "-", stdin=good + line + b"\n" + good, says=["stdin:2:", says])
                self.assertEqual(self.stored(), 0)
        self.refuses(USAGE, "submit", "--from", "none", says="'none'")
        self.refuses(USAGE, "submit", "--from", "-", "--kind", "k", says="--kind")

    def test_long_file_stops_at_a_batch(self):
        lines = ['{"kind": "a"}'] * 10500 + ['{"id": "x"}', '{"id": "x"}']
        run = self.reclaim("submit", "--from", "-", stdin="\n".join(lines), code=USAGE)
        self.assertIn("stdin:10502:", run.err)
        self.assertIn("10000 of 10502 tasks are stored", run.err)
        self.assertEqual((len(run.lines), self.stored()), (10000, 10000))


class Verbs(Commands):
    """The worker's and the operator's verbs."""

    def test_claim(self):
        self.submit("--id", "a", "--kind", "k", "--payload", '{"n": 1}', "--deadline", "1h")
        self.submit("--id", "b", "--queue", "q")
        first, = self.claim("--queue", "default")
        self.assertEqual(
            list(first), ["id", "token", "queue", "kind", "payload", "attempt", "max_attempts", "lease_expires_at", "deadline"]
        )
        self.assertEqual((first["id"], first["payload"], first["attempt"], first["max_attempts"]), ("a", {"n": 1}, 1, 25))
        self.assertRegex(first["lease_expires_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        shown = self.reclaim("claim", "--owner", "me", "--lease", "1m").out
        self.assertRegex(shown, r"(?m)^id +b$")
        self.assertRegex(shown, r"(?m)^token +\d+$")
        self.refuses(NOT_FOUND, "claim", "--owner", "me", says="nothing to claim")
        for options in (["--count", "0"], ["--lease", "0"], ["--lease", "x"]):
            self.refuses(USAGE, "claim", "--owner", "me", *options, says="allowed")

    def test_hand_in(self):
        self.submit("--id", "a")
        token = self.claim()[0]["token"]
        self.assertEqual(self.reclaim("renew", "a", "--token", token, "--lease", "1h", "--progress", '{"done": 1}').out, "")
        self.assertEqual(self.json("renew", "a", "--token", token).answer, {"id": "a", "done": "renew"})
        self.refuses(USAGE, "renew", "a", "--token", token, "--progress", "{", says="progress")
        self.refuses(REFUSED, "renew", "a", "--token", "1", says="lost")
        self.refuses(NOT_FOUND, "complete", "none", "--token", token, says="'none'")
        self.reclaim("complete", "a", "--token", token, "--result", '"done"')
        self.reclaim("complete", "a", "--token", token)
        self.refuses(REFUSED, "fail", "a", "--token", token, "--error", "no", says="lost")
        self.assertEqual(self.json("show", "a").answer["state"], "completed")

    def test_fail_and_release(self):
        self.submit("--id", "a")
        token = self.claim()[0]["token"]
        self.reclaim("release", "a", "--token", token)
        token = self.claim()[0]["token"]
        self.refuses(USAGE, "fail", "a", "--token", token, says="--error TEXT is missing")
        self.refuses(USAGE, "fail", "a", "--token", token, "--error", "x", "--retry-in", "1s", "--no-retry", says="one of them")
        self.reclaim("fail", "a", "--token", token, "--error", "no luck", "--retry-in", "0")
        second, = self.claim()
        self.assertEqual(second["attempt"], 2)
        self.reclaim("fail", "a", "--token", second["token"], "--error", "never", "--no-retry")
        self.assertEqual(self.json("show", "a").answer["state"], "failed")

    def test_operator(self):
        self.submit("--id", "a")
        self.submit("--id", "b")
        self.assertEqual(self.reclaim("cancel", "a", "b").out, "a is cancelled\nb is cancelled\n")
        self.assertEqual(self.json("retry", "a").answer, {"id": "a", "state": "ready"})
        run = self.json("cancel", "none", "a", code=NOT_FOUND)
        self.assertEqual(run.answer, {"id": "a", "state": "cancelled"})
        self.assertIn("'none'", run.err)
        self.reclaim("retry", "b")
        token = self.claim()[0]["token"]
        self.refuses(REFUSED, "retry", "b", says="not allowed")
        self.reclaim("complete", "b", "--token", token)
        self.refuses(REFUSED, "cancel", "b", says="completed")
        self.refuses(USAGE, "cancel", says="missing")

    def test_unsupported(self):
        self.submit()
        self.refuses(UNSUPPORTED, "beat", "--worker", "w", says="register")
        self.refuses(UNSUPPORTED, "recover", "--owner", "w", says="recover")
        self.refuses(UNSUPPORTED, "cleanup", says="cleanup")
        self.refuses(UNSUPPORTED, "run", "--listen", "127.0.0.1:0", says="--listen")


class Sweep(Commands):
    def test_dry_run_tells_the_truth(self):
        task, = self.submit()
        self.claim("--lease", "1ms")
        run = self.reclaim("sweep", "--dry-run")
        self.assertRegex(run.out, rf"would requeue +{task} +rule lease, owner me: .*\ndry run: 1 in flight, 1 stale: 1 to requeue\n")
        would = self.json("sweep", "--dry-run").answer
        did = self.json("sweep").answer
        self.assertEqual([each["id"] for each in would["tasks"]], [each["id"] for each in did["tasks"]])
        self.assertEqual((would["dry_run"], did["dry_run"], did["requeued"]), (True, False, 1))
        self.assertEqual(self.reclaim("sweep").out, "0 in flight, 0 stale\n")

    def test_dry_run_on_a_read_only_database(self):
        self.submit()
        self.claim("--lease", "1ms")
        self.sql("PRAGMA journal_mode = DELETE")
        self.file.chmod(0o444)
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        self.assertEqual(self.json("sweep", "--dry-run").answer["requeued"], 1)

    def test_valve(self):
        self.submit("--count", "30")
        self.claim("--count", "30", "--lease", "1s")
        time.sleep(1.1)
        run = self.reclaim("sweep", code=HELD_BACK)
        self.assertIn("the valve holds 30 claims back until", run.out)
        self.assertEqual(self.json("sweep", code=HELD_BACK).answer["valve"], "holding")
        self.assertEqual(self.json("sweep", "--force").answer["requeued"], 30)

    def test_refused(self):
        self.submit()
        self.refuses(USAGE, "sweep", "--limit", "-1", says="0 to")


class Init(Commands):
    def test_print_touches_nothing(self):
        self.assertIn("CREATE TABLE IF NOT EXISTS reclaim_tasks", self.reclaim("init", "--print").out)
        self.assertFalse(self.file.exists())
        self.reclaim("init")
        self.assertIn("is ready", self.reclaim("init").out)
        self.assertEqual(self.json("init").answer["profile"], "reclaim")
        self.assertEqual(self.json("status").answer["tasks"]["ready"], 0)

    def test_printed_sql_makes_the_ledger(self):
        sql = self.reclaim("init", "--print").out
        connection = sqlite3.connect(self.file)
        connection.create_function("reclaim_now", 0, lambda: int(time.time() * 10**6))
        connection.executescript(sql)
        connection.close()
        self.reclaim("claim", "--owner", "me", code=NOT_FOUND)


class Prune(Commands):
    def test_prune(self):
        self.submit("--id", "a")
        self.submit("--id", "b")
        self.reclaim("cancel", "a")
        self.assertEqual(self.json("prune").answer["tasks"], 0)
        answer = self.json("prune", "--older-than", "0", "--dry-run").answer
        self.assertEqual((answer["dry_run"], answer["tasks"], answer["older_than_s"]), (True, 1, 0))
        self.assertIn("deleted 1 finished tasks", self.reclaim("prune", "--older-than", "0").out)
        self.assertEqual([each["id"] for each in self.json("list").rows], ["b"])
        self.refuses(USAGE, "prune", env={"RECLAIM_KEEP": "off"}, says="--older-than")


class Hosts(Commands):
    """The commands that only a host's ledger has."""

    schema = """
        CREATE TABLE tasks (id TEXT PRIMARY KEY, status TEXT, attempts INTEGER DEFAULT 0, type TEXT, description TEXT, error TEXT,
            run_after TEXT, created_at TEXT, updated_at TEXT, owner_id TEXT, lease_expires_at TEXT, last_heartbeat TEXT);
        CREATE TABLE worker_heartbeats (worker_id TEXT UNIQUE, status TEXT, last_seen TEXT);
        CREATE TABLE foundry_tasks (task_id TEXT PRIMARY KEY, task_type TEXT, status TEXT, claimed_by TEXT, claimed_at TEXT, updated_at TEXT);
        CREATE TABLE task_audit_log (task_id TEXT, action TEXT, details TEXT, timestamp TEXT);
    """

    def add_task(self, task, age, attempts=0, owner="w", beat=None):
        self.add(
            "tasks", id=task, status="running", attempts=attempts, type="t", description="what\x1b[31m", owner_id=owner,
            created_at=utc(age), updated_at=utc(age), last_heartbeat=beat,
        )

    def test_cleanup(self):
        self.add_task("old", 3600)
        self.add_task("spent", 3600, attempts=3)
        self.add_task("young", 60)
        run = self.reclaim("cleanup", "--dry-run", profile="seedcore")
        self.assertNotIn("\x1b", run.out)
        for part in ("before:", "running        3", "owner_id", "would requeue", "would fail"):
            self.assertIn(part, run.out)
        self.assertNotIn("after:", run.out)
        answer = self.json("cleanup", profile="seedcore").answer
        self.assertEqual((answer["before"]["running"], answer["after"]["running"]), (3, 1))
        self.assertEqual({row["id"] for row in answer["stale"]}, {"old", "spent"})
        self.assertEqual((answer["result"]["requeued"], answer["result"]["failed"]), (1, 1))
        self.assertEqual(dict(self.sql("SELECT id, status FROM tasks")), {"old": "queued", "spent": "failed", "young": "running"})
        answer = self.json("cleanup", "--stale-minutes", "0", "--dry-run", profile="seedcore").answer
        self.assertEqual((len(answer["stale"]), answer["after"]), (1, None))
        self.refuses(USAGE, "cleanup", "--stale-minutes", "x", profile="seedcore", says="allowed")

    def test_recover(self):
        self.add_task("mine", 60, owner="w1")
        self.add_task("beats", 60, owner="w1", beat=utc(1))
        self.add_task("other", 60, owner="w2")
        answer = self.json("recover", "--owner", "w1", profile="seedcore").answer
        self.assertEqual([each["id"] for each in answer["tasks"]], ["mine"])
        self.refuses(USAGE, "recover", profile="seedcore", says="--owner NAME is missing")

    def test_beat(self):
        self.assertEqual(self.reclaim("beat", "--worker", "w", profile="foundry").out, "")
        self.reclaim("beat", "--worker", "w", "--status", "stopped", profile="foundry")
        self.assertEqual(self.sql("SELECT worker_id, status FROM worker_heartbeats"), [("w", "stopped")])

    def test_no_submit(self):
        self.refuses(UNSUPPORTED, "submit", profile="foundry", says="foundry")
        self.refuses(UNSUPPORTED, "prune", profile="foundry", says="foundry")


if __name__ == "__main__":
    unittest.main()
