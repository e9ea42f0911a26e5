"""The program on MariaDB: the systems' tables, and servers that are restarted, killed or cut off."""
import os
import re
import socket
import subprocess
import threading
import time
import unittest

import mariadb
import scene
import test_cloacina
import test_delegations
import test_foundry
import test_seedcore
from scene import DONE, NOT_FOUND, UNAVAILABLE, Scene, utc

UNKNOWN = 9
SERVER = None


def setUpModule():
    global SERVER
    if "mariadb:" not in subprocess.run([scene.PROGRAM, "--db", "none:", "list"], capture_output=True, text=True, check=False).stderr:
        raise unittest.SkipTest("this build has no MariaDB")
    SERVER = mariadb.Server()


def tearDownModule():
    if SERVER:
        SERVER.close()


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def cell(text):
    if text == "0x":  # the client's NULL among bytes
        return None
    if re.fullmatch(r"0x([0-9A-F]{2})+", text):
        return bytes.fromhex(text[2:])
    return None if text == "NULL" else int(text) if re.fullmatch(r"-?\d{1,18}", text) else text


class OnServer(Scene):
    """A scene with a database of its own on the server, compared without case, as servers are by default."""

    collation = "utf8mb4_general_ci"

    def setUp(self):
        super().setUp()
        name = f"scene_{os.getpid()}_{time.monotonic_ns()}"
        SERVER.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE {self.collation}", database="")
        self.addCleanup(SERVER.sql, f"DROP DATABASE {name}", database="")
        self.database = name
        self.environment["RECLAIM_DB"] = SERVER.url_of(database=name)
        if self.tables():
            self.script(self.tables())

    def tables(self):
        return ""

    def script(self, sql):
        if hasattr(self, "database"):
            SERVER.sql(sql, database=self.database)

    def sql(self, statement, *parameters):
        values = iter(parameters)
        filled = re.sub(r"\?", lambda _: literal(next(values)), statement)
        return [tuple(map(cell, row)) for row in SERVER.sql("SET time_zone = '+00:00'; " + filled, database=self.database)]

    def dicts(self, statement, *parameters):
        table = re.search(r"FROM (\w+)", statement)[1]
        names = [name for name, in self.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = database() AND table_name = ?"
            " ORDER BY ordinal_position", table)]
        return [dict(zip(names, row)) for row in self.sql(statement, *parameters)]

    def last_pass(self):
        there = self.sql("SHOW TABLES LIKE 'reclaim_ledgers'")
        return self.sql("SELECT last_at FROM reclaim_ledgers WHERE last_result IS NOT NULL") if there else []


class FoundryTables(OnServer):
    def tables(self):
        return re.sub(r"DATETIME\b", "DATETIME(6)", test_foundry.SCHEMA)


class FoundryStory(FoundryTables, test_foundry.Story):
    pass


class FoundryRights(FoundryTables, test_foundry.Foundry):
    """A role with the rights that are told, and no others; a large table without an index."""

    def test_least_rights(self):
        grants = self.json("init").answer["grants"]
        self.assertEqual(self.json("check").answer["grants"], grants)
        SERVER.sql("DROP USER IF EXISTS sweeper; CREATE USER sweeper@'%' IDENTIFIED BY 'sesame'", database="")
        self.addCleanup(SERVER.sql, "DROP USER sweeper", database="")
        self.script(";".join(grants))
        sweeper = {"RECLAIM_DB": SERVER.url_of("sweeper", "sesame", self.database)}
        self.worker("ann", seen=400)
        self.claimed("t1", "ann", hours=1)
        self.assertEqual(self.json("sweep", env=sweeper).answer["requeued"], 1)
        self.claimed("t2", "ann", hours=1)
        self.script("REVOKE UPDATE ON foundry_tasks FROM sweeper")
        self.assertIn("GRANT UPDATE ON", self.reclaim("sweep", env=sweeper, code=UNAVAILABLE).err)

    def test_no_index(self):
        self.sql("INSERT INTO foundry_tasks (task_id, task_type, status) SELECT seq, 't', 'completed' FROM seq_1_to_100001")
        self.claimed("t1", "ann", hours=7)
        told = self.reclaim("sweep", code=2).err
        self.assertEqual(self.json("sweep", "--force", "--limit", "0").answer["stale"], 1)
        self.script(told[told.index("CREATE INDEX"):])
        self.assertEqual(self.json("sweep").answer["requeued"], 1)


class FoundryCase(FoundryTables, test_foundry.Foundry):
    """Texts that differ in case, or in a space at the end, are different owners, states and tasks."""

    def test_owner(self):
        self.worker("ann", seen=400)
        self.claimed("t1", "ANN", hours=1)
        self.claimed("t2", "ann", hours=1)
        self.claimed("t3", "ann ", hours=1)
        answer = self.sweep()
        self.assertEqual([task["id"] for task in answer["tasks"]], ["t2"])
        self.assertEqual(self.states(), {"t1": "claimed", "t2": "pending", "t3": "claimed"})

    def test_state(self):
        self.claimed("t1", "ann", hours=7)
        self.claimed("t2", "ann", hours=7, status="Claimed")
        self.claimed("t3", "ann", hours=7, status="claimed ")
        self.assertEqual([task["id"] for task in self.sweep()["tasks"]], ["t1"])
        self.assertEqual(self.json("status").answer["unmapped"], 2)
        self.claimed("t4", None, status="PENDING")
        self.sql("DELETE FROM foundry_tasks WHERE task_id = 't1'")
        self.reclaim("claim", "--owner", "bob", code=NOT_FOUND)

    def test_collations_that_do_not_mix(self):
        self.sql("ALTER TABLE worker_heartbeats CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        self.worker("ann", seen=400)
        self.claimed("t1", "ann", hours=1)
        self.claimed("t2", "Ann", hours=1)
        self.assertEqual([task["id"] for task in self.sweep()["tasks"]], ["t1"])

    def test_times_without_fractions(self):
        self.sql("ALTER TABLE foundry_tasks MODIFY claimed_at DATETIME, MODIFY updated_at DATETIME")
        self.sql("ALTER TABLE worker_heartbeats MODIFY last_seen TIMESTAMP NOT NULL DEFAULT '2000-01-01'")
        self.worker("ann", seen=400)
        self.claimed("t1", "ann", hours=1)
        self.assertEqual(self.sweep()["requeued"], 1)
        token = self.json("claim", "--owner", "bob").rows[0]["token"]
        self.reclaim("complete", "t1", "--token", token)
        self.assertEqual(self.states(), {"t1": "completed"})


def on_server(schema):
    """A system's own table as its program would make it here: keys with a length, whole indexes, UUIDs of 16 bytes."""
    changes = (
        (r"CREATE INDEX (\w+) ON (\w+) \((\w+)\) WHERE [^;]*;", r"CREATE INDEX \1 ON \2 (\3);"),
        (r"strftime\('%Y-%m-%dT%H:%M:%fZ', 'now'\)", "date_format(utc_timestamp(6), '%Y-%m-%dT%H:%i:%s.%fZ')"),
        (r"strftime\('%Y-%m-%dT%H:%M:%fZ', 'now', '\+6 hours'\)",
         "date_format(utc_timestamp(6) + INTERVAL 6 HOUR, '%Y-%m-%dT%H:%i:%s.%fZ')"),
        (r"DATETIME\b(?!\()", "DATETIME(6)"),
        (r"BLOB", "BINARY(16)"),
        (r"VARCHAR\b(?!\()|TEXT (?=PRIMARY)|(?<=status )TEXT|(?<=e_id )TEXT", "VARCHAR(100) "),
        (r"AUTOINCREMENT", "AUTO_INCREMENT"),
    )
    for pattern, replacement in changes:
        schema = re.sub(pattern, replacement, schema)
    return schema


SEEDCORE_TRIGGER = "CREATE TRIGGER tasks_updated BEFORE UPDATE ON tasks FOR EACH ROW SET NEW.updated_at = utc_timestamp(6);"


class SeedcoreStory(OnServer, test_seedcore.Story):
    def tables(self):
        return on_server(test_seedcore.TABLE.format(lease=test_seedcore.LEASE)) + SEEDCORE_TRIGGER

    def script(self, sql):
        super().script(SEEDCORE_TRIGGER if sql == test_seedcore.TRIGGER else sql)


class SeedcoreOld(OnServer, test_seedcore.Seedcore):
    """Without the three columns: by updated_at alone, until the migration has added them."""

    def tables(self):
        return on_server(test_seedcore.TABLE.format(lease="")) + SEEDCORE_TRIGGER

    def test_migration(self):
        task = self.insert("running", updated=1000)
        self.assertEqual([each["id"] for each in self.sweep()["tasks"]], [task])
        for _ in range(2):
            self.reclaim("init")
        self.assertEqual(self.claim()["id"], task)
        indexes = self.sql("SELECT DISTINCT index_name FROM information_schema.statistics"
                           " WHERE table_schema = database() AND table_name = 'tasks' ORDER BY 1")
        self.assertEqual(indexes, [("idx_tasks_owner_status",), ("idx_tasks_stale_running",), ("PRIMARY",)])


class DelegationsStory(OnServer, test_delegations.Story):
    def tables(self):
        return on_server(test_delegations.SCHEMA)


class DelegationsNative(OnServer):
    """Times of the engine's own type, whatever shape the profile names for texts: written, read, and bounded."""

    profile = "delegations"

    def tables(self):
        return re.sub(r"(last_heartbeat|deadline|\w+_at) TEXT", r"\1 DATETIME(3)", re.sub(
            r"DEFAULT \(.*\)(?=,\n)", "DEFAULT '2000-01-01'", on_server(test_delegations.SCHEMA)))

    def add_task(self, name, **columns):
        self.add("delegations", **{
            "delegation_id": name, "caller_id": "x", "callee_id": "ann", "task_preview": "", "status": "in_progress",
            "deadline": utc(-3600), **columns})

    def test_rules(self):
        self.add_task("fine", last_heartbeat=utc(500))
        self.add_task("silent", last_heartbeat=utc(700))
        self.add_task("late", deadline=utc(1), last_heartbeat=utc(1))
        self.add_task("free", last_heartbeat=None)
        self.add_task("todo", status="queued")
        self.assertIn("`deadline` <= UTC_TIMESTAMP", self.reclaim("plan").out)
        self.json("sweep")
        token = self.json("claim", "--owner", "ann").rows[0]["token"]
        self.reclaim("renew", "todo", "--token", token)
        self.reclaim("complete", "todo", "--token", token, "--result", "1")
        self.assertEqual(dict(self.sql("SELECT delegation_id, status FROM delegations")), {
            "fine": "in_progress", "silent": "stuck", "late": "failed", "free": "in_progress", "todo": "completed"})
        self.reclaim("retry", "silent")
        left = self.sql("SELECT timestampdiff(SECOND, utc_timestamp(), deadline) FROM delegations"
                        " WHERE delegation_id = 'silent'")[0][0]
        self.assertGreater(left, 3500)


class CloacinaStory(OnServer, test_cloacina.Story):
    def tables(self):
        return on_server(test_cloacina.TASKS + test_cloacina.OUTBOX)


class Holder:
    """A session that holds what it has locked until it is closed."""

    def __init__(self, database, *statements):
        self.process = subprocess.Popen(
            [SERVER.client, "--no-defaults", f"--socket={SERVER.socket}", "-uroot", "-N", "-B", "--unbuffered", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for statement in ("BEGIN", *statements, "SELECT 'held'"):
            self.process.stdin.write(statement + ";\n")
        self.process.stdin.flush()
        while self.process.stdout.readline().strip() != "held":
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate("ROLLBACK;\n")


class Locked(OnServer):
    def test_a_claim_passes_over_what_is_locked(self):
        self.reclaim("init")
        self.reclaim("submit", "--count", "3")
        first = self.sql("SELECT id FROM reclaim_tasks ORDER BY priority DESC, due_at LIMIT 1")[0][0]
        with Holder(self.database, f"SELECT * FROM reclaim_tasks WHERE id = '{first}' FOR UPDATE"):
            claimed = self.json("claim", "--owner", "ann", "--count", "3").rows
            self.assertEqual(len(claimed), 2)
            self.assertNotIn(first, [task["id"] for task in claimed])
            self.reclaim("claim", "--owner", "bob", code=NOT_FOUND)
        self.assertEqual(self.json("claim", "--owner", "bob").rows[0]["id"], first)

    def test_claims_do_not_lock_each_other(self):
        """Many claim at once: each task once."""
        self.reclaim("init")
        self.reclaim("submit", "--count", "200")
        started = [self.start("--json", "claim", "--owner", f"w{i}", "--count", "25") for i in range(8)]
        codes = [each.end() for each in started]
        ids = [line for each in started for line in re.findall(r'"id":"([^"]+)"', each.out)]
        self.assertEqual((codes, len(ids), len(set(ids))), ([DONE] * 8, 200, 200))

    def test_a_sweep_passes_over_what_is_locked(self):
        self.reclaim("init")
        self.reclaim("submit", "--count", "2")
        claimed = self.json("claim", "--owner", "ann", "--count", "2", "--lease", "1ms").rows
        with Holder(self.database, f"SELECT * FROM reclaim_tasks WHERE id = '{claimed[0]['id']}' FOR UPDATE"):
            began = time.monotonic()
            answer = self.json("sweep").answer
            self.assertEqual((answer["requeued"], answer["locked"], answer["lost_races"]), (1, 1, 0))
            self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(self.json("sweep").answer["requeued"], 1)

    def test_a_worker_that_beats_is_alive(self):
        """The claim's end waits for no lock of the worker's row: somebody who writes it lives."""
        self.reclaim("init")
        self.reclaim("submit")
        worker = self.busy("--no-sweep", "--lease", "30s")
        row = self.sql("SELECT id FROM reclaim_workers")[0][0]
        self.sql("UPDATE reclaim_workers SET lease_until = utc_timestamp(6) - INTERVAL 1 SECOND")
        with Holder(self.database, f"SELECT * FROM reclaim_workers WHERE id = '{row}' FOR UPDATE"):
            self.assertEqual(self.json("sweep").answer["requeued"], 0)
        self.open_gate()
        self.assertEqual(worker.stop(), DONE)

    def test_a_renewal_that_changes_nothing_is_not_lost(self):
        self.reclaim("init")
        self.reclaim("submit", "--id", "t")
        token = self.json("claim", "--owner", "ann", "--lease", "1h").rows[0]["token"]
        for _ in range(2):
            self.reclaim("renew", "t", "--token", token, "--lease", "1s")
            self.reclaim("renew", "t", "--token", token, "--progress", "{}")


class Wire:
    """Between the program and the server; it can cut the line when the program says a word."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.word, self.deliver, self.cuts = None, True, 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", SERVER.port))
            threading.Thread(target=self.forth, args=(client, server), daemon=True).start()
            threading.Thread(target=self.back, args=(server, client), daemon=True).start()

    @staticmethod
    def end(*sockets):
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def forth(self, client, server):
        while data := self.received(client):
            if self.word and self.word in data:
                self.word = None
                self.cuts += 1
                self.end(client)
                if self.deliver:
                    server.sendall(data)
                    time.sleep(0.3)
                break
            server.sendall(data)
        self.end(client, server)

    def back(self, server, client):
        while data := self.received(server):
            try:
                client.sendall(data)
            except OSError:
                break
        self.end(client, server)

    @staticmethod
    def received(each):
        try:
            return each.recv(65536)
        except OSError:
            return b""


class Lost(OnServer):
    def setUp(self):
        super().setUp()
        self.wire = Wire()
        self.addCleanup(self.wire.listener.close)
        self.reclaim("init")
        self.reclaim("submit", "--id", "t")
        self.token = self.json("claim", "--owner", "ann", "--lease", "1h").rows[0]["token"]
        self.cut_off = {"RECLAIM_DB": SERVER.url_of(database=self.database, port=self.wire.port)}

    def state(self):
        return self.sql("SELECT state FROM reclaim_tasks")[0][0]

    def test_during_the_commit(self):
        """The answer is lost on the way: unknown, and the same token settles it, whether it was kept or not."""
        for deliver, state in ((False, "running"), (True, "completed")):
            self.wire.word, self.wire.deliver = b"\x03COMMIT", deliver
            run = self.reclaim("complete", "t", "--token", self.token, code=UNKNOWN, env=self.cut_off)
            self.assertIn("unknown", run.err)
            self.until(lambda: self.state() == state, state)
        self.reclaim("complete", "t", "--token", self.token)
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events WHERE act = 'complete'"), [(1,)])

    def test_before_the_commit(self):
        self.wire.word = b"UPDATE reclaim_tasks"
        self.reclaim("complete", "t", "--token", self.token, code=UNAVAILABLE, env=self.cut_off)
        self.until(lambda: self.wire.cuts == 1, "the cut")
        self.assertEqual(self.state(), "running")

    def test_at_the_begin(self):
        """Nothing has happened yet: it is done over a new connection."""
        self.wire.word = b"\x03START TRANSACTION"
        self.reclaim("complete", "t", "--token", self.token, env=self.cut_off)
        self.assertEqual((self.wire.cuts, self.state()), (1, "completed"))


class Restarted(OnServer):
    def test_a_worker_goes_on(self):
        """The server is restarted, then killed and started, under a worker that is at work; nothing is done twice."""
        self.reclaim("init")
        self.reclaim("submit", "--id", "t1")
        worker = self.busy("--no-sweep", "--lease", "20s")
        SERVER.restart()
        SERVER.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1", database="")  # else a kill takes the last second
        self.open_gate()
        self.until(lambda: self.sql("SELECT state FROM reclaim_tasks") == [("completed",)], "the completion")
        (self.folder / "gate").unlink()
        self.reclaim("submit", "--id", "t2")
        self.until(lambda: len(self.journal("start")) == 2, "the second task")
        SERVER.kill()
        SERVER.start()
        self.open_gate()
        self.until(lambda: self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'completed'") == [(2,)], "the end")
        self.assertEqual(worker.stop(), DONE, worker.err)
        self.assertEqual(self.journal("overlap"), [])
        self.assertEqual(len(self.journal("end")), 2)

    def test_a_server_that_is_gone(self):
        self.reclaim("init")
        self.environment["RECLAIM_DB"] = SERVER.url_of(port=mariadb.free_port())
        run = self.reclaim("list", code=UNAVAILABLE)
        self.assertIn("can't be reached", run.err)
        self.assertNotIn(SERVER.password, run.err)


class OwnQueue(OnServer):
    def test_from_submit_to_finished_by_another(self):
        self.reclaim("init")
        self.reclaim("submit", "--id", "t", "--payload", '{"a":"ä\\\\ \\"\U0001f30a"}')
        first = self.busy("--no-sweep", "--lease", "1s")
        first.kill()
        self.until(lambda: not self.is_running("t"), "the end of the command")
        self.until(lambda: self.json("sweep").answer["requeued"] == 1, "the recovery")
        self.finish("--no-sweep")
        self.assertEqual(self.sql("SELECT state, attempts, recoveries FROM reclaim_tasks"), [("completed", 2, 1)])
        self.assertEqual(self.json("show", "t").answer["payload"], {"a": 'ä\\ "\U0001f30a'})

    def test_ids_and_keys_are_told_apart_byte_for_byte(self):
        self.reclaim("init")
        ids = ["a", "A", "a ", "ä", "a\\", "a'\""]
        for name in ids:
            self.reclaim("submit", "--id", name, "--key", name, "--queue", name)
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_tasks"), [(len(ids),)])
        for name in ids:
            self.assertEqual(self.json("claim", "--owner", name, "--queue", name).rows[0]["id"], name)
            self.reclaim("claim", "--owner", name, "--queue", name, code=NOT_FOUND)
            self.assertEqual(self.json("list", "--queue", name).rows[0]["id"], name)

    def test_a_strict_server_in_another_time_zone(self):
        for name, value in (("sql_mode", "TRADITIONAL,ANSI_QUOTES,PIPES_AS_CONCAT"), ("time_zone", "+05:45")):
            before = SERVER.sql(f"SELECT @@GLOBAL.{name}", database="")[0][0]
            self.addCleanup(SERVER.sql, f"SET GLOBAL {name} = '{before}'", database="")
            SERVER.sql(f"SET GLOBAL {name} = '{value}'", database="")
        self.reclaim("init")
        self.reclaim("submit", "--id", "t", "--payload", '{"a":"b\\\\c"}')
        task = self.json("claim", "--owner", "ann", "--lease", "1h").rows[0]
        self.assertEqual(task["payload"], {"a": "b\\c"})
        self.assertEqual(self.json("sweep").answer["stale"], 0)
        self.reclaim("complete", "t", "--token", task["token"])

    def test_check(self):
        self.reclaim("init")
        self.assertIn("0 errors", self.reclaim("check").out)


if __name__ == "__main__":
    unittest.main()
