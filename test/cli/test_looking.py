"""The looking half of the program: each command in text and JSON, on our own ledger and on hosts', and what it refuses."""
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import unittest
import uuid

import scene
from scene import DONE, FOUND_SOMETHING, NOT_FOUND, UNAVAILABLE, USAGE, Scene, utc, zoned

WORDS = ["ready", "running", "completed", "failed", "cancelled", "stuck"]
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
# What could make a terminal do or show something else: an escape, a title, a new line, an override, a C1 control.
HOSTILE = "\x1b[31mred\x1b]0;title\x07\nsecond\u202eevil\x9b2J"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
LOOKS = ["list", "stale", "workers", "audit", "status", "check", "plan"]


def width(text):
    return max((len(line) for line in text.splitlines()), default=0)


class Looking(Scene):
    def on_terminal(self, *arguments, columns=80):
        """What a terminal of that width gets: stdout and stderr, and the exit code."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        environment = {**self.environment, "TERM": "xterm"}
        environment.pop("COLUMNS", None)
        process = subprocess.Popen(
            self.command(arguments, None), stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=self.folder
        )
        os.close(slave)
        data = b""
        while True:
            try:
                more = os.read(master, 65536)
            except OSError:
                break
            if not more:
                break
            data += more
        os.close(master)
        return data.decode().replace("\r\n", "\n"), process.wait(scene.PATIENCE)

    def ids(self, *arguments):
        return [row["id"] for row in self.json("list", *arguments).rows]

    def assert_harmless(self, text):
        self.assertIsNone(HARMFUL.search(text.replace("\n", "")), repr(text))


class OwnLedger(Looking):
    def setUp(self):
        super().setUp()
        self.reclaim("init")

    def submit(self, *options):
        return self.reclaim("submit", *options).lines

    def expired(self, count=1, owner="anna"):
        """So many claims whose lease is over."""
        self.submit("--count", count)
        claims = self.json("claim", "--owner", owner, "--count", count, "--lease", "1ms").rows
        self.until(lambda: len(self.json("stale").rows) >= count, "the end of the leases")
        return claims


class Submit(OwnLedger):
    def test_a_known_id_is_harmless_on_a_terminal(self):
        """Whoever had the key first has chosen the id."""
        self.submit("--key", "k", "--id", HOSTILE)
        self.assert_harmless(self.reclaim("submit", "--key", "k").out)
        out, code = self.on_terminal("submit", "--key", "k")
        self.assertEqual(code, DONE)
        self.assert_harmless(out)


class List(OwnLedger):
    def test_json(self):
        task, = self.submit("--kind", "mail", "--queue", "out", "--max-attempts", 7)
        row, = self.json("list").rows
        self.assertEqual(
            {name: row[name] for name in ("id", "state", "native_state", "owner", "kind", "queue", "attempts", "max_attempts", "recoveries")},
            {"id": task, "state": "ready", "native_state": "ready", "owner": None, "kind": "mail", "queue": "out",
             "attempts": 0, "max_attempts": 7, "recoveries": 0},
        )
        self.assertRegex(row["created_at"], f"^{RFC3339}$")
        self.assertIsNone(row["claimed_at"])
        self.assertGreaterEqual(row["age_s"], 0)

    def test_a_claim(self):
        self.submit()
        claim, = self.json("claim", "--owner", "anna", "--lease", "1h").rows
        row, = self.json("list", "--state", "in_flight").rows
        self.assertEqual((row["state"], row["owner"], row["token"]), ("running", "anna", claim["token"]))
        self.assertEqual(row["lease_expires_at"], claim["lease_expires_at"])

    def test_newest_first_and_limit(self):
        for number in range(3):
            self.submit("--id", f"task-{number}")
        self.assertEqual(self.ids("--limit", 2), ["task-2", "task-1"])

    def test_filters(self):
        self.submit("--id", "a", "--queue", "one")
        self.submit("--id", "b", "--queue", "two")
        self.reclaim("cancel", "b")
        self.assertEqual(self.ids("--state", "cancelled"), ["b"])
        self.assertEqual(self.ids("--queue", "one"), ["a"])
        self.assertEqual(self.ids("--state", "in_flight"), [])
        for word in WORDS:
            self.json("list", "--state", word)

    def test_wrong_values(self):
        for word in ("READY", "in-flight", "", "none"):
            self.assertIn("ready, running, completed, failed, cancelled, stuck, in_flight",
                          self.reclaim("list", "--state", word, code=USAGE).err)
        for limit in ("0", "1001", "-1", "ten", ""):
            self.assertIn("1 to 1000", self.reclaim("list", "--limit", limit, code=USAGE).err)
        self.reclaim("list", "word", code=USAGE)

    def test_nothing(self):
        self.assertEqual((self.json("list").out, self.json("list").err), ("", ""))
        self.assertEqual((self.reclaim("list").out, self.reclaim("list").err), ("", ""))
        self.assertIn("No such task", self.on_terminal("list")[0])

    def test_table(self):
        self.submit("--kind", "a-rather-long-kind-of-task", "--queue", "a-queue-with-a-long-name", "--count", 3)
        text = self.reclaim("list").out
        self.assertEqual(len(text.splitlines()), 4)
        self.assertIn("a-rather-long-kind-of-task", text)
        for columns in (80, 120):
            narrow = self.reclaim("list", env={"COLUMNS": str(columns)}).out
            self.assertLessEqual(width(narrow), columns)
            for task in self.ids():
                self.assertIn(task, narrow)

    def test_long_ids(self):
        """They are cut where there is no room; UUIDs are not."""
        self.submit("--id", "x" * 255, "--queue", "a-queue-with-a-long-name")
        narrow = self.reclaim("list", env={"COLUMNS": "80"}).out
        self.assertLessEqual(width(narrow), 80)
        self.assertIn("x" * 35 + "…", narrow)
        self.assertIn("x" * 255, self.reclaim("list").out)

    def test_colours(self):
        self.submit("--count", 1)
        self.json("claim", "--owner", "anna")
        self.assertIn("\x1b[", self.on_terminal("list")[0])
        self.assertNotIn("\x1b", self.reclaim("list").out)
        self.environment["NO_COLOR"] = "1"
        self.assertNotIn("\x1b", self.on_terminal("list")[0])


class Hostile(OwnLedger):
    """What comes from rows never reaches a terminal as it is."""

    def setUp(self):
        super().setUp()
        now = 1700000000000000
        self.add("reclaim_tasks", id=HOSTILE, queue=HOSTILE, kind=HOSTILE, state="running", payload=HOSTILE, owner=HOSTILE,
                 error=HOSTILE, result=HOSTILE, created_at=now, updated_at=now, due_at=now, claimed_at=now, lease_until=now)
        self.add("reclaim_workers", id=HOSTILE, name=HOSTILE, host=HOSTILE, pid=1, registered_at=now, seen_at=now, lease_until=now)

    def test_harmless(self):
        self.reclaim("audit")
        task = self.ids()[0]
        for command in (*LOOKS, f"show {task}", f"explain {task}"):
            words = command.split(" ", 1)
            for options in ([], ["--json"]):
                run = self.reclaim(*words, *options)
                self.assert_harmless(run.out + run.err)
        self.reclaim("sweep")
        for command in (["audit"], ["show", task], ["status"]):
            self.assert_harmless(self.reclaim(*command).out)

    def test_ids_as_they_are_shown_are_taken_back(self):
        for task in ("50%", "a%41", "two\nlines", "\x1b[31m", HOSTILE[:40]):
            with self.subTest(task=task):
                shown, = self.reclaim("submit", "--id", task + "x").lines
                self.assert_harmless(shown)
                self.assertEqual(self.json("show", shown).answer["id"], task + "x")
                self.assertEqual(self.json("explain", task + "x").answer["id"], task + "x")
                self.assertIn(shown, self.reclaim("list").out)
                self.assertIn(f"task {shown}\n", self.reclaim("show", shown).out)
                self.assertEqual(self.reclaim("cancel", shown).out, f"{shown} is cancelled\n")
        self.assertEqual(self.reclaim("submit", "--id", "plain/ünï").lines, ["plain/ünï"])
        self.reclaim("show", "no%41", code=NOT_FOUND)

    def test_in_errors(self):
        for arguments in (["show", HOSTILE], ["explain", HOSTILE + "x"], ["workers", HOSTILE + "x"], ["list", "--state", HOSTILE],
                          ["profiles", HOSTILE], ["list", "--limit", HOSTILE]):
            self.assert_harmless(self.reclaim(*arguments, code=None).err)

    def test_found_again(self):
        task = self.ids()[0]
        self.assertEqual(self.json("show", task).answer["id"], task)
        self.assertEqual(self.json("workers", HOSTILE).answer["worker"], HOSTILE)


class Stale(OwnLedger):
    def test_json(self):
        claim, = self.expired()
        row, = self.json("stale").rows
        self.assertEqual(
            {name: row[name] for name in ("id", "rule", "remedy", "from", "to", "state", "native_state", "owner", "token", "held_back")},
            {"id": claim["id"], "rule": "lease", "remedy": "requeue", "from": "running", "to": "ready", "state": "running",
             "native_state": "running", "owner": "anna", "token": claim["token"], "held_back": None},
        )
        self.assertGreaterEqual(row["age_s"], 0)
        self.assertIn("anna", row["reason"])

    def test_text(self):
        claim, = self.expired()
        self.assertRegex(self.reclaim("stale").out, rf"{claim['id']} +lease .* requeue +Lease of anna ended")
        self.reclaim("sweep")
        self.assertIn("Nothing is stale", self.on_terminal("stale")[0])

    def test_like_a_dry_run(self):
        self.expired(3)
        found = {row["id"] for row in self.json("stale").rows}
        tried = {task["id"] for task in self.json("sweep", "--dry-run").answer["tasks"]}
        self.assertEqual(found, tried)

    def test_valve(self):
        claim = self.submit("--count", 25)
        self.json("claim", "--owner", "anna", "--count", 25, "--lease", "5s")
        rows = self.until(lambda: self.json("stale").rows, "the end of the leases")
        self.assertEqual((len(rows), {row["held_back"] for row in rows}), (25, {"valve"}))
        status = self.json("status").answer
        self.assertEqual((status["valve"], status["stale"]), ("holding", 25))
        self.assertRegex(status["valve_until"], RFC3339)
        self.assertIn("valve", self.json("explain", claim[0]).answer["next"])
        self.assertIn("waits: valve", self.reclaim("stale").out)
        self.assertIn("valve", self.reclaim("status").out)


class Workers(OwnLedger):
    def test_a_worker(self):
        self.submit()
        worker = self.busy("--queue", "default")
        row, = self.json("workers").rows
        self.assertEqual((row["state"], row["native_state"], row["claims"], row["evidence"]), ("active", "active", 1, "alive"))
        self.assertEqual(row["pid"], worker.pid)
        self.assertRegex(row["last_seen"], RFC3339)
        self.assertEqual(self.json("workers", row["worker"]).answer["worker"], row["worker"])
        self.assertEqual(self.json("workers", row["name"]).answer["worker"], row["worker"])
        self.assertIn(row["worker"], self.reclaim("workers").out)
        shown = self.json("explain", self.ids()[0]).answer
        self.assertEqual((shown["evidence"], shown["verdict"], shown["worker"]), ("alive", "fine", "active"))
        self.open_gate()
        worker.stop()
        self.assertEqual(self.json("workers").answer["state"], "stopped")

    def test_nobody(self):
        self.assertEqual(self.json("workers").out, "")
        self.assertIn("No worker", self.on_terminal("workers")[0])
        self.reclaim("workers", "nobody", code=NOT_FOUND)
        self.reclaim("workers", "one", "two", code=USAGE)


class Show(OwnLedger):
    def test_all_fields(self):
        self.submit("--id", "a", "--payload", '{"big": 123456789012345678901234567890, "list": [1, {}]}')
        claim, = self.json("claim", "--owner", "anna").rows
        self.reclaim("renew", "a", "--token", claim["token"], "--progress", '{"done": 3}')
        self.reclaim("complete", "a", "--token", claim["token"], "--result", '"fine"')
        task = self.json("show", "a").answer
        self.assertEqual(task["payload"]["big"], 123456789012345678901234567890)
        self.assertEqual((task["progress"], task["result"], task["error"]), ({"done": 3}, "fine", None))
        self.assertEqual([(event["act"], event["from"], event["to"]) for event in task["history"]],
                         [("complete", "running", "completed")])
        text = self.reclaim("show", "a").out
        for part in ("completed", '"list": [', "123456789012345678901234567890", '"done": 3', "running -> completed"):
            self.assertIn(part, text)

    def test_history(self):
        claim, = self.expired()
        self.reclaim("sweep")
        event, = self.json("show", claim["id"]).answer["history"]
        self.assertEqual((event["act"], event["rule"], event["from"], event["to"], event["owner"]),
                         ("recover", "lease", "running", "ready", "anna"))
        self.assertRegex(self.reclaim("show", claim["id"]).out, r"running -> ready  recover|recover \(lease\): Lease of anna")

    def test_long_payload(self):
        self.submit("--id", "a", "--payload", json.dumps(list(range(500))))
        self.assertIn("499", self.reclaim("show", "a").out)
        text = self.on_terminal("show", "a")[0]
        self.assertNotIn("499", text)
        self.assertIn("--json shows all", text)

    def test_lines_of_an_error(self):
        self.submit("--id", "a")
        claim, = self.json("claim", "--owner", "anna").rows
        self.reclaim("fail", "a", "--token", claim["token"], "--error", "first\n  second\x1b[2J", "--no-retry")
        self.assertIn("  first\n    second\\x1b[2J\n", self.reclaim("show", "a").out)
        self.assertEqual(self.json("show", "a").answer["error"], "first\n  second\x1b[2J")

    def test_wrong(self):
        self.reclaim("show", code=USAGE)
        self.reclaim("show", "a", "b", code=USAGE)
        self.assertIn("'nope'", self.reclaim("show", "nope", code=NOT_FOUND).err)


class Audit(OwnLedger):
    def setUp(self):
        super().setUp()
        self.submit("--id", "a")
        self.submit("--id", "b")
        for task in "ab":
            self.reclaim("cancel", task)
        self.reclaim("retry", "a")

    def test_json(self):
        rows = self.json("audit").rows
        self.assertEqual([(row["id"], row["act"], row["from"], row["to"]) for row in rows],
                         [("a", "cancel", "ready", "cancelled"), ("b", "cancel", "ready", "cancelled"), ("a", "retry", "cancelled", "ready")])
        for row in rows:
            self.assertRegex(row["at"], RFC3339)
            self.assertTrue(row["actor"])

    def test_filters(self):
        self.assertEqual([row["act"] for row in self.json("audit", "--task", "a").rows], ["cancel", "retry"])
        self.assertEqual([row["act"] for row in self.json("audit", "--limit", 1).rows], ["retry"])
        self.assertEqual(self.json("audit", "--task", "nope").out, "")
        self.reclaim("audit", "--limit", 0, code=USAGE)

    def test_text(self):
        text = self.reclaim("audit").out
        self.assertEqual(len(text.splitlines()), 4)
        self.assertIn("cancelled -> ready", text)

    def test_follow(self):
        follower = self.start("--json", "audit", "--follow", "--limit", 1)
        self.until(lambda: follower.out, "the first row")
        self.reclaim("cancel", "a")
        rows = self.until(lambda: len(follower.out.splitlines()) == 2 and follower.out.splitlines(), "the new row")
        self.assertEqual([json.loads(row)["act"] for row in rows], ["retry", "cancel"])
        self.assertEqual(follower.stop(signal.SIGINT), DONE, follower.err)


class Explain(OwnLedger):
    def test_json(self):
        claim, = self.expired()
        answer = self.json("explain", claim["id"]).answer
        self.assertEqual([rule["rule"] for rule in answer["rules"]], ["deadline", "evidence", "lease"])
        for rule in answer["rules"]:
            self.assertLessEqual({"rule", "applies", "saw", "threshold_s", "age_s"}, set(rule))
        self.assertEqual([rule["applies"] for rule in answer["rules"]], [False, False, True])
        self.assertEqual((answer["id"], answer["state"], answer["owner"]), (claim["id"], "running", "anna"))
        self.assertEqual((answer["evidence"], answer["verdict"], answer["rule"], answer["remedy"]),
                         ("unknown", "stale", "lease", "requeue"))
        self.assertIn("Lease of anna ended", answer["reason"])
        self.assertIn("requeue", answer["next"])

    def test_fine(self):
        task, = self.submit("--deadline", "1h")
        answer = self.json("explain", task).answer
        self.assertEqual(answer["verdict"], "fine")
        self.assertIn("deadline", answer["next"])
        self.assertIn("in 59m", self.reclaim("explain", task).out)

    def test_text(self):
        claim, = self.expired()
        text = self.reclaim("explain", claim["id"]).out
        for part in ("RULE", "lease", "stale", "next sweep", "requeue it"):
            self.assertIn(part, text)

    def test_wrong(self):
        self.reclaim("explain", code=USAGE)
        self.reclaim("explain", "nope", code=NOT_FOUND)


class Status(OwnLedger):
    def test_empty(self):
        answer = self.json("status").answer
        self.assertEqual(answer["tasks"], dict.fromkeys(WORDS, 0))
        self.assertEqual(answer["workers"], {"active": 0, "stalled": 0, "stopped": 0})
        self.assertEqual((answer["oldest_in_flight_s"], answer["stale"], answer["last_sweep"]), (None, 0, None))
        self.assertIn("0 ready", self.reclaim("status").out)

    def test_counts(self):
        self.submit("--count", 3)
        self.json("claim", "--owner", "anna", "--lease", "1h")
        self.json("sweep")
        answer = self.json("status").answer
        self.assertEqual((answer["tasks"]["ready"], answer["tasks"]["running"], answer["in_flight"]), (2, 1, 1))
        self.assertGreater(answer["oldest_in_flight_s"], 0)
        self.assertEqual(answer["last_sweep"]["in_flight"], 1)
        self.assertRegex(answer["last_sweep_at"], RFC3339)

    def test_check_fine(self):
        self.assertEqual(self.reclaim("status", "--check").err, "")

    def test_check_stuck(self):
        task, = self.submit()
        self.sql("UPDATE reclaim_tasks SET state = 'stuck' WHERE id = ?", task)
        self.assertIn("1 stuck", self.reclaim("status", "--check", code=FOUND_SOMETHING).err)
        self.assertEqual(len(self.json("status").answer["problems"]), 1)

    def test_check_stale_for_long(self):
        self.expired()
        self.reclaim("status", "--check")
        self.sql("UPDATE reclaim_tasks SET lease_until = lease_until - 60000000, claimed_at = claimed_at - 90000000")
        self.assertIn("three intervals", self.reclaim("status", "--check", code=FOUND_SOMETHING).err)

    def test_watch(self):
        watcher = self.start("--json", "status", "--watch")
        self.until(lambda: len(watcher.out.splitlines()) >= 2, "two looks")
        self.assertEqual(watcher.stop(signal.SIGINT), DONE, watcher.err)
        for line in watcher.out.splitlines():
            json.loads(line)


class Plan(OwnLedger):
    def test_names(self):
        rows = self.json("plan").rows
        names = [row["name"] for row in rows]
        self.assertEqual(len(names), len(set(names)))
        for name in ("find", "remedy requeue", "claim", "complete", "turn_take", "event"):
            self.assertIn(name, names)
        for row in rows:
            self.assertTrue(row["sql"].startswith("-- "), row)
        self.assertIn("-- find\n", self.reclaim("plan").out)

    def test_it_is_sql(self):
        """The engine takes the statements of a host's ledger as they are printed."""
        self.script(FOUNDRY)
        connection = self.connect()
        connection.create_function("reclaim_now", 0, lambda: 0)
        for row in self.json("plan", profile="foundry").rows:
            if ":" in re.sub(r"'[^']*'|--.*", "", row["sql"]):
                continue  # a statement of our own, with names
            markers = len(set(re.findall(r"\?\d+", row["sql"])))
            connection.execute("EXPLAIN " + row["sql"], [None] * markers)
        connection.close()


class Check(OwnLedger):
    def test_our_own_is_fine(self):
        answer = self.json("check").answer
        self.assertEqual((answer["errors"], answer["warnings"]), (0, 0), answer)
        worst = {each["rule"]: each["worst_s"] for each in answer["worst_case"]}
        self.assertEqual(worst, {"deadline": None, "evidence": 5, "lease": 35})
        text = self.reclaim("check").out
        self.assertIn("35s", text)
        self.assertIn("0 errors, 0 warnings", text)

    def test_timing(self):
        profile = self.copy_of("reclaim", (r'^\tlease +=[ ]*"30s"', '\tlease = "20s"'))
        answer = self.json("check", profile=profile).answer
        self.assertIn("lease", [each["subject"] for each in answer["findings"] if each["severity"] == "warning"], answer)
        self.assertEqual(answer["worst_case"][2]["worst_s"], 25)

    def test_nobody_sweeps(self):
        self.assertIn("nobody has swept", self.reclaim("check").out)
        self.reclaim("sweep")
        self.assertNotIn("sweeper", self.reclaim("check").out)
        self.sql("UPDATE reclaim_ledgers SET last_at = last_at - 3600000000")
        self.assertRegex(self.reclaim("check").out, r"warning +sweeper: nobody has swept for 1h")


class Profiles(Looking):
    def test_list(self):
        rows = self.json("profiles").rows
        self.assertLessEqual({"reclaim", "foundry", "seedcore", "delegations", "cloacina"}, {row["name"] for row in rows})
        for row in rows:
            self.assertTrue(row["description"])
        self.assertIn("foundry", self.reclaim("profiles").out)

    def test_one(self):
        text = (scene.ROOT / "profiles/foundry.conf").read_text(encoding="utf-8")
        self.assertEqual(self.reclaim("profiles", "foundry").out, text)
        self.assertEqual(self.json("profiles", "foundry").answer["text"], text)

    def test_wrong(self):
        self.assertIn("cloacina", self.reclaim("profiles", "nope", code=USAGE).err)


class Dot(Looking):
    def test_dot(self):
        self.assertIn("ready -> running", self.reclaim("dot").out)
        self.assertIn({"from": "ready", "to": "running", "act": "claim", "host_only": False}, self.json("dot").rows)


class NoLedger(Looking):
    def test_no_file(self):
        for command in LOOKS:
            self.reclaim(command, code=UNAVAILABLE)
        self.assertFalse(self.file.exists())

    def test_no_tables(self):
        self.script("CREATE TABLE other (id)")
        for command in LOOKS:
            self.assertIn("reclaim init", self.reclaim(command, code=UNAVAILABLE).err)

    def test_help(self):
        for command in (*LOOKS, "show", "explain", "profiles", "dot"):
            self.assertIn(command, self.reclaim("help", command).out)


FOUNDRY = """
CREATE TABLE foundry_tasks (task_id TEXT PRIMARY KEY, task_type TEXT, status TEXT, claimed_by TEXT, claimed_at TEXT, updated_at TEXT);
CREATE TABLE worker_heartbeats (worker_id TEXT UNIQUE, status TEXT, last_seen TEXT);
CREATE TABLE task_audit_log (task_id TEXT, action TEXT, details TEXT, timestamp TEXT);
"""


class Host(Looking):
    """A host's ledger without any table of ours: looking changes nothing, not even the file."""

    def setUp(self):
        super().setUp()
        self.fill()
        self.before = self.file.read_bytes()

    def tearDown(self):
        self.assertEqual(self.file.read_bytes(), self.before)
        self.assertEqual([path.name for path in self.folder.glob("ledger.db?*")], [])

    def look_at_all(self, task):
        for command in (*LOOKS, f"show {task}", f"explain {task}"):
            for options in ([], ["--json"]):
                self.reclaim(*command.split(" "), *options)


class Foundry(Host):
    profile = "foundry"
    schema = FOUNDRY

    def claim(self, task, owner, claimed, updated=0):
        self.add("foundry_tasks", task_id=task, task_type="build", status="claimed", claimed_by=owner, claimed_at=claimed,
                 updated_at=utc(updated))

    def fill(self):
        for worker, label, seen in (("fresh", "active", 1), ("silent", "active", 900), ("old", "stalled", 90000), ("gone", "stopped", 90000)):
            self.add("worker_heartbeats", worker_id=worker, status=label, last_seen=utc(seen))
        for number in range(6):
            self.claim(f"silent-{number}", "silent", utc(1000 - number))
        self.claim("fine", "fresh", utc(1000))
        self.claim("old", "gone", utc(7 * 3600))
        self.claim("blind", "gone", None)
        self.add("foundry_tasks", task_id="free", task_type="build", status="pending", updated_at=utc(5))
        self.add("foundry_tasks", task_id="odd", task_type="build", status="paused", updated_at=utc(5))

    def test_all(self):
        self.look_at_all("fine")

    def test_read_only_file(self):
        self.file.chmod(0o444)
        self.look_at_all("fine")

    def test_health(self):
        answer = self.json("status").answer
        self.assertEqual(answer["workers"], {"active": 2, "stalled": 1, "stopped": 1})
        self.assertEqual(answer["native"], {"pending": 1, "claimed": 9, "completed": 0, "failed": 0, "paused": 1})
        self.assertEqual((answer["tasks"]["running"], answer["unmapped"], answer["blind"], answer["stale"]), (9, 1, 1, 7))
        self.assertRegex(answer["timestamp"], RFC3339)
        self.assertAlmostEqual(answer["oldest_in_flight_s"], 7 * 3600, delta=60)

    def test_check_says_which(self):
        told = self.reclaim("status", "--check", code=FOUND_SOMETHING).err
        self.assertIn("1 blind", told)
        self.assertIn("7 stale", told)

    def test_stale_and_cap(self):
        rows = self.json("stale").rows
        self.assertEqual([row["id"] for row in rows], ["old", *(f"silent-{number}" for number in range(6))])
        self.assertEqual([row["held_back"] for row in rows], [None] * 5 + ["cap"] * 2)
        self.assertEqual({row["rule"] for row in rows}, {"stale-claim", "silent-worker"})
        self.assertEqual(rows[0]["reason"], "Stale claim reclaimed from gone after 7.0h")
        self.assertIn("waits: cap", self.reclaim("stale").out)

    def test_workers(self):
        rows = {row["worker"]: row for row in self.json("workers").rows}
        self.assertEqual({name: (row["state"], row["silent"], row["claims"]) for name, row in rows.items()},
                         {"fresh": ("active", False, 1), "silent": ("active", True, 6), "old": ("stalled", True, 0), "gone": ("stopped", False, 2)})
        self.assertEqual(self.json("workers", "gone").answer["state"], "stopped")

    def test_explain(self):
        answer = self.json("explain", "silent-1").answer
        self.assertEqual([(rule["rule"], rule["applies"], rule["threshold_s"]) for rule in answer["rules"]],
                         [("silent-worker", True, 300), ("stale-claim", True, 21600)])
        self.assertEqual((answer["verdict"], answer["native_state"], answer["worker"]), ("stale", "claimed", "active"))
        self.assertEqual(self.json("explain", "blind").answer["verdict"], "blind")
        self.assertEqual(self.json("explain", "free").answer["verdict"], "fine")

    def test_no_queues(self):
        self.assertIn("no queues", self.reclaim("list", "--queue", "x", code=USAGE).err)

    def test_unmapped_state(self):
        row = next(row for row in self.json("list").rows if row["id"] == "odd")
        self.assertEqual((row["state"], row["native_state"]), (None, "paused"))
        self.assertIn("(paused)", self.reclaim("list").out)

    def test_lints(self):
        answer = self.json("check").answer
        self.assertEqual(answer["errors"], 0)
        fix = next(each["fix"] for each in answer["findings"] if each["subject"] == "index")
        self.assertIn('CREATE INDEX IF NOT EXISTS "foundry_tasks_in_flight" ON "foundry_tasks"', fix)
        worst = {each["rule"]: each["worst_s"] for each in answer["worst_case"]}
        self.assertEqual(worst, {"silent-worker": 330, "stale-claim": 21630})


class FoundryMended(Looking):
    profile = "foundry"
    schema = FOUNDRY

    def subjects(self, severity):
        return [each["subject"] for each in self.json("check", code=None).answer["findings"] if each["severity"] == severity]

    def test_index(self):
        fix = next(each["fix"] for each in self.json("check").answer["findings"] if each["subject"] == "index")
        self.script(fix)
        self.assertNotIn("index", self.subjects("warning"))

    def test_numbers_in_a_column_of_text(self):
        self.add("foundry_tasks", task_id="a", status="claimed", claimed_by="w", claimed_at=1700000000, updated_at=utc())
        self.assertIn("claimed_at", self.subjects("error"))
        self.assertIn("1700000000", self.reclaim("check", code=USAGE).out)

    def test_clock_ahead(self):
        self.add("foundry_tasks", task_id="a", status="claimed", claimed_by="w", claimed_at=utc(-3600), updated_at=utc())
        self.assertIn("clock", self.subjects("warning"))

    def test_missing_column(self):
        self.script("ALTER TABLE foundry_tasks DROP COLUMN task_type")
        self.assertIn("no column 'task_type'", self.reclaim("check", code=USAGE).err)


class SeedcoreWithoutItsColumns(Looking):
    profile = "seedcore"
    schema = """
    CREATE TABLE tasks (id TEXT PRIMARY KEY, status TEXT, attempts INTEGER DEFAULT 0, type TEXT, description TEXT, error TEXT,
        run_after TEXT, created_at TEXT, updated_at TEXT);
    """

    def test_what_is_left_out(self):
        self.add("tasks", id="a", status="running", updated_at=utc(1000), created_at=utc(1000))
        answer = self.json("check").answer
        self.assertLessEqual({"owner_id", "lease_expires_at", "last_heartbeat", "lease"}, {each["subject"] for each in answer["findings"]})
        self.assertEqual([(row["id"], row["rule"]) for row in self.json("stale").rows], [("a", "stale")])
        self.assertEqual(self.json("show", "a").answer["owner"], None)


MINE = """\
ledger = "mine"
table = "jobs"
key = { "a", "b" }
columns {
	state = "s"
	owner = "o"
	claimed_at = "c"
}
states { ready = "r" running = "x" failed = "f" }
rule a { when = "age" after = "1h" then = "requeue" }
"""


class Mine(Looking):
    """A ledger whose key columns hold what they like."""
    schema = "CREATE TABLE jobs (a, b, s TEXT, o TEXT, c TEXT, n TEXT)"

    def setUp(self):
        super().setUp()
        self.profile = self.mine(MINE)

    def mine(self, text):
        path = self.folder / "mine.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    def test_an_id_that_is_printed_is_found_again(self):
        keys = [("a%b", 1), (7, b"\0" * 16), ("", ""), (b"\1\xff", "12"), (b"", -3), ("a/b", "\n")]
        for number, (first, second) in enumerate(keys):
            self.sql("INSERT INTO jobs VALUES (?, ?, 'x', 'w', ?, ?)", first, second, utc(9999), str(number))
        ids = self.ids()
        self.assertEqual(sorted(ids), sorted(["a%25b/1", f"7/{uuid.UUID(int=0)}", "/", "01ff/12", "/-3", "a%2Fb/%0A"]))
        for task in ids:
            with self.subTest(task=task):
                self.assertEqual(self.json("show", task).answer["id"], task)
                self.assertEqual(self.json("explain", task).answer["id"], task)

    def test_an_empty_id(self):
        self.profile = self.mine(MINE.replace('"a", "b"', '"n"'))
        self.sql("INSERT INTO jobs VALUES (1, 2, 'x', 'w', ?, '')", utc(9999))
        self.assertEqual(self.ids(), [""])
        self.assertEqual(self.json("show", "").answer["id"], "")

    def test_bytes_in_a_column_of_text(self):
        self.profile = self.mine(MINE.replace('"a", "b"', '"n"'))
        self.sql("INSERT INTO jobs VALUES (1, 2, 'x', 'w', ?, ?)", utc(9999), b"\1" * 16)
        task, = self.ids()
        self.assertEqual(self.json("show", task).answer["id"], task)

    def test_a_column_that_is_not_there_is_named_with_its_line(self):
        profile = self.mine(MINE.replace('"c"', '"nope"'))
        self.assertIn("mine.conf:7: table 'jobs' has no column 'nope'; it has: a, b",
                      self.reclaim("check", code=USAGE).err)
        profile.unlink()
        self.assertIn("mine.conf: No such file", self.reclaim("check", code=USAGE).err)


class Cloacina(Host):
    profile = "cloacina"
    schema = """
    CREATE TABLE task_executions (id BLOB PRIMARY KEY, pipeline_execution_id BLOB, task_name TEXT, status TEXT, claimed_by BLOB,
        heartbeat_at TEXT, started_at TEXT, completed_at TEXT, attempt INTEGER DEFAULT 1, max_attempts INTEGER DEFAULT 3,
        recovery_attempts INTEGER DEFAULT 0, last_recovery_at TEXT, retry_at TEXT, error_details TEXT, last_error TEXT,
        created_at TEXT, updated_at TEXT);
    """

    def row(self, status, beat, owner):
        task = uuid.uuid4()
        self.add("task_executions", id=task.bytes, pipeline_execution_id=uuid.uuid4().bytes, task_name="ns::task", status=status,
                 claimed_by=owner and owner.bytes, heartbeat_at=beat, created_at=zoned(1000), updated_at=zoned(1000))
        return str(task)

    def fill(self):
        self.owner = uuid.uuid4()
        self.fine = self.row("Running", zoned(1), self.owner)
        self.stale = self.row("Running", zoned(100), self.owner)
        self.ready = self.row("Ready", zoned(90, digits=3), self.owner)
        self.free = self.row("Ready", None, None)
        self.row("Skipped", None, None)

    def test_all(self):
        self.look_at_all(self.fine)

    def test_uuids(self):
        row = next(row for row in self.json("list", "--state", "running").rows if row["id"] == self.stale)
        self.assertEqual((row["owner"], row["native_state"]), (str(self.owner), "Running"))
        self.assertEqual(self.json("show", self.stale).answer["id"], self.stale)

    def test_stale(self):
        self.assertEqual([(row["id"], row["from"], row["to"]) for row in self.json("stale").rows],
                         [(self.stale, "running", "ready"), (self.ready, "ready", "ready")])

    def test_in_flight(self):
        """Every native state that a rule other than the deadline judges."""
        ids = {row["id"] for row in self.json("list", "--state", "in_flight").rows}
        self.assertEqual(ids, {self.fine, self.stale, self.ready, self.free})

    def test_worst_case(self):
        worst, = self.json("check").answer["worst_case"]
        self.assertEqual((worst["threshold_s"], worst["interval_s"], worst["grace_s"], worst["worst_s"]), (60, 30, 60, 150))

    def test_wide_and_narrow(self):
        for columns in (80, 120):
            text = self.reclaim("list", env={"COLUMNS": str(columns)}).out
            self.assertLessEqual(width(text), columns)
            self.assertIn(self.stale, text)


if __name__ == "__main__":
    unittest.main()
