"""What may go wrong around the program: files, locks, disks, signals, input. The error names the thing; nothing is lost."""
import json
import os
import resource
import signal
import subprocess
import sys
import time
import unittest

import scene
from scene import BUSY, DONE, NOT_FOUND, UNAVAILABLE, USAGE, Scene, obey_permissions


def small_files(size, ignored):
    """No file may grow beyond that; the signal that says so is ignored, or ends the program."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if ignored else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


HALF_A_WRITE = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.executescript("PRAGMA cache_size = 1; BEGIN; UPDATE reclaim_tasks SET state = 'completed'; CREATE TABLE more (n);"
                         "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 2000)"
                         " INSERT INTO more SELECT randomblob(1000) FROM r")
print("half", flush=True)
time.sleep(600)
"""

LOOKS = [["status"], ["list"], ["stale"], ["workers"], ["show", "x"], ["explain", "x"], ["audit"]]
CHANGES = [["claim", "--owner", "a"], ["sweep"], ["complete", "x", "--token", "1"], ["retry", "x"], ["work", "--drain", "--", "true"]]


class Fault(Scene):
    def states(self):
        return self.json("status").answer["tasks"]

    def assert_whole(self):
        self.assertEqual(self.sql("PRAGMA integrity_check"), [("ok",)])


class Files(Fault):
    def test_missing(self):
        for command in LOOKS + CHANGES:
            with self.subTest(command=command[0]):
                run = self.reclaim(*command, code=UNAVAILABLE)
                self.assertIn(str(self.file), run.err)
                self.assertEqual(run.out, "")
                self.assertFalse(self.file.exists())

    def test_missing_folder(self):
        file = self.folder / "no" / "where.db"
        for command in ("init", "submit", "status"):
            run = self.reclaim(command, code=UNAVAILABLE, env={"RECLAIM_DB": f"sqlite:{file}"})
            self.assertIn(str(file), run.err)

    def test_directory(self):
        self.file.mkdir()
        for command in (["submit"], ["init"], *LOOKS, *CHANGES):
            with self.subTest(command=command[0]):
                run = self.reclaim(*command, code=UNAVAILABLE)
                self.assertIn(str(self.file), run.err)
                self.assertIn("directory", run.err)

    def test_fifo(self):
        os.mkfifo(self.file)
        self.assertIn(str(self.file), self.reclaim("status", code=UNAVAILABLE).err)

    def test_an_empty_file_has_no_ledger(self):
        self.file.touch()
        run = self.reclaim("status", code=UNAVAILABLE)
        self.assertIn("init", run.err)
        self.assertEqual(self.file.stat().st_size, 0)

    def test_not_a_database(self):
        self.file.write_bytes(b"Dear diary, today I was not a database.\n" * 500)
        before = self.file.read_bytes()
        for command in (["submit"], ["init"], *LOOKS, *CHANGES):
            with self.subTest(command=command[0]):
                self.assertIn(str(self.file), self.reclaim(*command, code=UNAVAILABLE).err)
                self.assertEqual(self.file.read_bytes(), before)

    def corrupt(self):
        """A ledger of a few hundred tasks whose pages, but for the schema, are noise."""
        self.reclaim("submit", "--count", "500")
        self.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        size = self.file.stat().st_size
        with open(self.file, "r+b") as file:
            for page in range(4096 * 4, size, 4096):
                file.seek(page)
                file.write(b"\xa5" * 4096)

    def test_corrupted(self):
        self.corrupt()
        for command in (["list"], ["status"], ["claim", "--owner", "a"], ["sweep"]):
            with self.subTest(command=command[0]):
                run = self.reclaim(*command, code=UNAVAILABLE)
                self.assertIn(str(self.file), run.err)
                self.assertIn("corrupt", run.err)

    def test_cut_short(self):
        self.reclaim("submit", "--count", "500")
        self.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        os.truncate(self.file, 4096 * 3 + 100)
        run = self.reclaim("sweep", code=UNAVAILABLE)
        self.assertIn(str(self.file), run.err)

    def test_read_only_file(self):
        task, = self.reclaim("submit").lines
        self.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        before = self.file.read_bytes()
        self.file.chmod(0o444)
        for command in (["submit"], ["claim", "--owner", "a"], ["cancel", task]):
            with self.subTest(command=command[0]):
                run = self.reclaim(*command, code=UNAVAILABLE, preexec_fn=obey_permissions)
                self.assertIn(str(self.file), run.err)
                self.assertIn("read-only", run.err)
        self.assertIn(task, self.reclaim("list", preexec_fn=obey_permissions).out)
        self.reclaim("sweep", "--dry-run", preexec_fn=obey_permissions)
        self.file.chmod(0o644)
        self.assertEqual(self.file.read_bytes(), before)

    def die_in_a_write(self):
        """A process is killed while half of what it writes stands in the file, and the rest of what stood there beside it."""
        self.sql("PRAGMA journal_mode = DELETE")
        writer = subprocess.Popen([sys.executable, "-c", HALF_A_WRITE, self.file], stdout=subprocess.PIPE)
        self.addCleanup(writer.stdout.close)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        self.assertEqual(writer.stdout.readline(), b"half\n")
        writer.kill()
        writer.wait()
        self.assertGreater(self.journal_file().stat().st_size, 0)

    def journal_file(self):
        return self.file.with_name(self.file.name + "-journal")

    def test_half_a_write(self):
        """Who may write undoes it even to look; what was claimed before is recovered, and finished by another."""
        task, = self.reclaim("submit").lines
        self.reclaim("claim", "--owner", "anna", "--lease", "1ms")
        for command in (["sweep", "--dry-run"], ["status"], ["list"], ["check"], ["explain", task], ["show", task]):
            with self.subTest(command=command):
                self.die_in_a_write()
                self.reclaim(*command, code=None if command == ["status"] else DONE)
                self.assertFalse(self.journal_file().exists())
                self.assertEqual(self.states()["running"], 1)
        self.die_in_a_write()
        self.assertEqual(self.json("sweep").answer["requeued"], 1)
        self.finish(command=["true"])
        self.assertEqual(self.states()["completed"], 1)
        self.assert_whole()

    def test_half_a_write_that_we_may_not_undo(self):
        self.reclaim("submit")
        self.die_in_a_write()
        self.file.chmod(0o444)
        before = self.file.read_bytes()
        for command in (["status"], ["sweep", "--dry-run"]):
            run = self.reclaim(*command, code=UNAVAILABLE, preexec_fn=obey_permissions)
            self.assertIn("it needs a recovery after a crash, which a read-only connection can't do", run.err)
        self.assertEqual(self.file.read_bytes(), before)
        self.file.chmod(0o644)
        self.reclaim("status")

    def test_unreadable_file(self):
        self.reclaim("submit")
        self.file.chmod(0)
        run = self.reclaim("status", code=UNAVAILABLE, preexec_fn=obey_permissions)
        self.assertIn(str(self.file), run.err)
        self.assertIn("ermission denied", run.err)

    def test_read_only_folder(self):
        home = self.folder / "home"
        home.mkdir()
        env = {"RECLAIM_DB": f"sqlite:{home}/ledger.db"}
        home.chmod(0o555)
        run = self.reclaim("submit", code=UNAVAILABLE, env=env, preexec_fn=obey_permissions)
        self.assertIn("ledger.db", run.err)
        home.chmod(0o755)
        self.reclaim("submit", env=env)
        home.chmod(0o555)
        run = self.reclaim("submit", code=UNAVAILABLE, env=env, preexec_fn=obey_permissions)
        self.assertIn("ledger.db", run.err)
        home.chmod(0o755)
        self.assertEqual(len(self.reclaim("list", "--state", "ready", env=env).lines) - 1, 1)

    def test_a_relative_file_and_one_with_odd_characters(self):
        for name in ("relative.db", "with space.db", "quote'\".db", "ünïcode.db", "?query.db", "#hash.db", "-dash.db", "file:x.db"):
            with self.subTest(name=name):
                self.reclaim("submit", env={"RECLAIM_DB": f"sqlite:{name}"})
                self.assertTrue((self.folder / name).exists())


class Locks(Fault):
    def test_longer_than_the_patience(self):
        """Somebody holds the write lock: looks go on, changes give up after ten seconds and have done nothing."""
        task, = self.reclaim("submit").lines
        holder = self.connect()
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        waiting = [self.start(*command) for command in (["submit"], ["claim", "--owner", "a"], ["sweep"], ["cancel", task])]
        self.assertIn(task, self.reclaim("list").out)
        self.reclaim("sweep", "--dry-run")
        for run in waiting:
            self.assertEqual(run.end(), BUSY, run.err)
            self.assertIn(str(self.file), run.err)
            self.assertIn("10s", run.err)
        self.assertGreaterEqual(time.monotonic() - began, 10)
        holder.execute("ROLLBACK")
        holder.close()
        self.assertEqual(self.states()["ready"], 1)
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_tasks"), [(1,)])

    def test_shorter_than_the_patience(self):
        task, = self.reclaim("submit").lines
        holder = self.connect()
        holder.execute("BEGIN IMMEDIATE")
        waiting = self.start("claim", "--owner", "a")
        time.sleep(0.5)
        self.assertIsNone(waiting.process.poll())
        holder.execute("ROLLBACK")
        holder.close()
        self.assertEqual(waiting.end(), DONE, waiting.err)
        self.assertIn(task, waiting.out)

    def test_ctrl_c_while_it_waits(self):
        self.reclaim("submit")
        holder = self.connect()
        holder.execute("BEGIN IMMEDIATE")
        waiting = self.start("claim", "--owner", "a")
        time.sleep(0.3)
        waiting.send(signal.SIGINT)
        began = time.monotonic()
        self.assertNotEqual(waiting.end(), DONE)
        self.assertLess(time.monotonic() - began, 3)
        self.assertIn("interrupted", waiting.err)
        holder.close()
        self.assertEqual(self.states()["ready"], 1)

    def test_a_worker_lives_through_a_lock(self):
        self.reclaim("submit", "--count", "3")
        self.open_gate()
        holder = self.connect()
        worker = self.work("--no-sweep")
        self.until(lambda: self.journal("end"), "the first task")
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(1.5)
        holder.execute("ROLLBACK")
        holder.close()
        self.until(lambda: self.states()["completed"] == 3, "the others")
        self.assertEqual(worker.stop(), DONE, worker.err)
        self.assertEqual(len(self.journal("end")), 3)


class Disks(Fault):
    def test_no_room_for_the_database(self):
        self.reclaim("submit", "--count", "10")
        self.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        size = self.file.stat().st_size
        payload = json.dumps("x" * 200000)
        for ignored in (True, False):
            with self.subTest(ignored=ignored):
                limit = small_files(size, ignored)
                run = self.reclaim("submit", "--payload", payload[:100000] + '"', code=None, preexec_fn=limit,
                                   restore_signals=False)
                self.assertEqual(run.code, UNAVAILABLE, run.err)
                self.assertIn(str(self.file), run.err)
                self.assertEqual(run.out, "")
        self.assert_whole()
        self.assertEqual(self.states()["ready"], 10)
        self.reclaim("submit")

    def test_no_room_for_a_sweep(self):
        """Not one task is half recovered."""
        self.reclaim("submit", "--count", "400")
        self.json("claim", "--owner", "a", "--count", "400", "--lease", "1ms")
        self.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        limit = small_files(max(self.file.stat().st_size, 60000), True)
        run = self.reclaim("sweep", "--force", code=UNAVAILABLE, preexec_fn=limit, restore_signals=False)
        self.assertIn(str(self.file), run.err)
        self.assert_whole()
        ready, = self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'")
        audited, = self.sql("SELECT count(DISTINCT task) FROM reclaim_events WHERE act = 'recover'")
        self.assertEqual(ready, audited)
        self.assertEqual(self.json("sweep", "--force").answer["requeued"], 400 - ready[0])

    def test_nobody_can_read_the_answer(self):
        self.reclaim("submit")
        for command in (["list"], ["status"], ["sweep"], ["--help"], ["submit"], ["profiles"], ["plan"]):
            with self.subTest(command=command[0]), open("/dev/full", "wb") as full:
                run = subprocess.run([scene.PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, env=self.environment,
                                     check=False, timeout=60)
                self.assertEqual(run.returncode, UNAVAILABLE, run.stderr)
                self.assertIn(b"stdout", run.stderr)

    def test_a_reader_that_goes_away_is_no_error(self):
        self.reclaim("submit", "--count", "1000")
        run = subprocess.run(["bash", "-c", '"$0" list --limit 1000 | head -n 1; exit "${PIPESTATUS[0]}"', scene.PROGRAM],
                             capture_output=True, env=self.environment, check=False, timeout=60)
        self.assertEqual((run.returncode, run.stderr), (DONE, b""))

    def test_closed_descriptors(self):
        for closed in ("<&-", ">&-", "2>&-"):
            with self.subTest(closed=closed):
                subprocess.run(["bash", "-c", f'"$0" submit {closed}', scene.PROGRAM], env=self.environment, check=False,
                               capture_output=True, timeout=60)
                self.assert_whole()


class Interrupts(Fault):
    def interrupt(self, process, seconds=5):
        process.send(signal.SIGINT)
        began = time.monotonic()
        code = process.end()
        self.assertLess(time.monotonic() - began, seconds)
        return code

    def test_submit_of_a_large_file(self):
        """Whole batches, or nothing; and it says how much."""
        file = self.folder / "tasks.ndjson"
        with open(file, "w", encoding="utf-8") as out:
            for i in range(200000):
                out.write(f'{{"id": "t{i}", "payload": {{"n": {i}, "text": "{"x" * 50}"}}}}\n')
        self.reclaim("init")
        process = self.start("submit", "--from", file)
        self.until(lambda: self.sql("SELECT count(*) FROM reclaim_tasks") != [(0,)], "the first batch")
        code = self.interrupt(process)
        stored, = self.sql("SELECT count(*) FROM reclaim_tasks")[0]
        self.assertEqual(stored % 10000, 0)
        self.assertEqual(len(process.out.splitlines()), stored)
        if code != DONE:
            self.assertLess(stored, 200000)
            self.assertIn(f"{stored} of 200000 tasks are stored", process.err)
        self.assert_whole()

    def test_sweep(self):
        """Each task with its audit, or not at all; the next pass does the rest."""
        copy = self.copy_of("reclaim", (r"per_sweep = 1000", "per_sweep = 100000"))
        self.reclaim("submit", "--count", "20000")
        self.reclaim("claim", "--owner", "a", "--count", "20000", "--lease", "1ms")
        process = self.start("--json", "sweep", "--force", profile=copy)
        self.until(lambda: process.process.poll() is not None or
                   self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'") != [(0,)], "the first batch")
        self.interrupt(process)
        ready, = self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'")
        audited, = self.sql("SELECT count(DISTINCT task) FROM reclaim_events WHERE act = 'recover'")
        self.assertEqual(ready, audited)
        self.assert_whole()
        self.assertEqual(self.json("sweep", "--force", profile=copy).answer["requeued"], 20000 - ready[0])

    def test_kill_9_in_a_sweep(self):
        copy = self.copy_of("reclaim", (r"per_sweep = 1000", "per_sweep = 100000"))
        self.reclaim("submit", "--count", "5000")
        self.reclaim("claim", "--owner", "a", "--count", "5000", "--lease", "1ms")
        for _ in range(5):
            ready, = self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'")
            process = self.start("sweep", "--force", profile=copy)
            self.until(lambda: process.process.poll() is not None or
                       self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'") != [ready], "a batch")
            process.kill()
            ready, = self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'")
            self.assertEqual(self.sql("SELECT count(*), count(DISTINCT task) FROM reclaim_events"), [ready * 2])
        self.reclaim("sweep", "--force", profile=copy)
        self.assertEqual(self.states()["ready"], 5000)


class Input(Fault):
    def refuse(self, content, line, *words):
        """The file is refused at that line, and none of it is stored."""
        run = self.reclaim("submit", "--from", "-", stdin=content, code=USAGE)
        self.assertIn(f"stdin:{line}:", run.err)
        for word in words:
            self.assertIn(word, run.err)
        self.assertEqual(run.out, "")
        if self.file.exists():
            self.assertEqual(self.sql("SELECT count(*) FROM reclaim_tasks"), [(0,)])

    def test_lines_that_are_wrong(self):
        good = b'{"kind": "mail"}\n'
        self.reclaim("init")
        for bad, words in ((b'{"kind": "\xff"}', ["UTF-8"]), (b"{", ["JSON"]), (b"[]", ["object"]), (b"null", ["object"]),
                           (b'{"kind": 7}', ["kind"]), (b'{"colour": "red"}', ["colour", "priority"]),
                           (b'{"delay": "soon"}', ["delay", "30s"]), (b'{"priority": 1.5}', ["priority"]),
                           (b'{"priority": 1e99}', ["priority"]), (b'{"max_attempts": 0}', ["max_attempts"]),
                           (b'{"id": ""}', ["id", "255"]), (b'{"id": "a\\u0000b"}', ["id", "NUL"]),
                           (b'{"id": "' + b"x" * 256 + b'"}', ["id", "255"]), (b'{"deadline": -1}', ["deadline"]),
                           (b'{"kind": "a", "kind": "b"}', ["kind"]), (b'{"kind": "a"} x', ["JSON"]), (b"\x00", ["JSON"]),
                           (b'{"payload": ' + b"[" * 100000 + b"]" * 100000 + b"}", [])):
            with self.subTest(bad=bad[:60]):
                self.refuse(good + b"\n" + good + bad + b"\n" + good, 4, *words)

    def test_an_id_twice(self):
        self.reclaim("init")
        self.refuse(b'{"id": "a"}\n{"id": "b"}\n{"id": "a"}\n', 3, "a", "exists")
        self.reclaim("submit", "--id", "a")
        run = self.reclaim("submit", "--id", "a", code=USAGE)
        self.assertIn("'a'", run.err)

    def test_what_is_fine(self):
        out = self.reclaim("submit", "--from", "-", stdin=b'\n  \n{"id":"a"}\r\n{"id":"b","payload":null}\n{"id":"c","kind":null}').lines
        self.assertEqual(out, ["a", "b", "c"])
        self.assertEqual(self.reclaim("submit", "--from", "-", stdin=b"").lines, [])
        self.reclaim("submit", "--from", self.folder / "nowhere", code=None)

    def test_a_key_is_one_task(self):
        first, = self.reclaim("submit", "--key", "k").lines
        again = self.reclaim("submit", "--from", "-", stdin=b'{"key": "k"}\n{"key": "k", "queue": "other"}\n{"key": "k"}\n').lines
        self.assertEqual((again[0], again[2]), (first, first))
        self.assertNotEqual(again[1], first)
        self.assertEqual(self.states()["ready"], 2)

    def test_a_payload_is_kept_byte_for_byte(self):
        payload = '{ "b":1.10,  "a": [1e2,-0, 12345678901234567890 ],"\\u00e9": "\\u0000é\\/" }'
        self.reclaim("submit", "--payload", payload)
        self.reclaim("submit", "--from", "-", stdin=f'{{"payload": {payload} , "kind": "x"}}\n')
        self.assertEqual(self.sql("SELECT payload FROM reclaim_tasks"), [(payload,)] * 2)
        self.assertIn(payload, self.json("claim", "--owner", "a").out)
        worker = self.work("--drain", command=["sh", "-c", 'cat > "$SCENE/payload"'])
        self.assertEqual(worker.end(), DONE)
        self.assertEqual((self.folder / "payload").read_text(), payload)

    def test_16_mib(self):
        payload = '{"blob": "' + "é" * (8 << 20) + '"}'
        task, = self.reclaim("submit", "--from", "-", stdin=f'{{"payload": {payload}}}\n').lines
        worker = self.work("--drain", command=["sh", "-c", 'cat > "$SCENE/payload"; wc -c < "$SCENE/payload"'])
        self.assertEqual(worker.end(), DONE, worker.err)
        self.assertEqual((self.folder / "payload").read_text(), payload)
        shown = self.json("show", task).answer
        self.assertEqual((shown["state"], shown["result"]), ("completed", len(payload.encode())))
        self.assertEqual(shown["payload"], json.loads(payload))

    def test_large_results_and_errors(self):
        self.reclaim("submit", "--id", "big")
        worker = self.work("--drain", command=["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"])
        self.assertEqual(worker.end(), DONE, worker.err)
        result = self.json("show", "big").answer["result"]
        self.assertTrue(result.startswith("xxxx") and "dropped" in result[-40:])
        self.reclaim("submit", "--id", "bad", "--max-attempts", "1")
        worker = self.work("--drain", command=["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' y >&2; printf '\\377\\000\\033[31mend' >&2; exit 3"])
        self.assertEqual(worker.end(), DONE, worker.err)
        shown = self.json("show", "bad").answer
        self.assertEqual(shown["state"], "failed")
        self.assertTrue(shown["error"].startswith("exit status 3"))
        self.assertTrue(shown["error"].endswith("end"))
        self.assertLess(len(shown["error"]), 6000)

    def test_hostile_ids(self):
        """They are kept, found again, and harmless on a terminal."""
        ids = ["'; DROP TABLE reclaim_tasks; --", "a b", "a/b", "50%", "ünï🦀", "\x1b[31mred\x1b[0m", "line\nbreak", "tab\t", "\r",
               "--help", "-", "\u202eright", "x" * 255, "%00", "\\", '"', "\x7f", "\u0085", "NULL", "1e5", "$(reboot)"]
        lines = "".join(json.dumps({"id": each, "kind": each[:100], "queue": each}) + "\n" for each in ids)
        self.reclaim("submit", "--from", "-", stdin=lines)
        found = {row["id"]: row for row in self.json("list").rows}
        self.assertEqual(set(found), set(ids))
        claims = {row["id"]: row for row in self.json("claim", "--owner", "\x1b]0;evil\x07", "--count", "50", "--lease", "1ms").rows}
        self.assertEqual(set(claims), set(found))
        shown = [self.reclaim(*command).out for command in (["list"], ["stale"], ["sweep", "--dry-run", "--force"], ["sweep", "--force"],
                                                           ["audit"], ["status"], ["workers"])]
        for each in found:
            with self.subTest(id=each):
                row = self.json("show", "--", each).answer
                self.assertEqual((row["id"], row["state"]), (each, "ready"))
                shown += [self.reclaim(verb, "--", each).out for verb in ("show", "explain")]
                self.reclaim("complete", "--token", claims[each]["token"], "--", each)
        for text in shown:
            self.assertNotRegex(text, r"[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202e]")
        self.assertEqual(self.states()["completed"], len(ids))

    def test_ids_that_can_not_exist(self):
        self.reclaim("init")
        for each in ("", "x" * 256, "x" * 100000, b"\xff\xfe"):
            with self.subTest(id=each[:10]):
                task = os.fsdecode(each)
                for command in (["show"], ["explain"], ["cancel"], ["retry"], *([verb, "--token", "1"] for verb in (
                        "renew", "complete", "release"))):
                    self.reclaim(*command, "--", task, code=NOT_FOUND)
                self.reclaim("submit", "--id", task, code=USAGE)

    def test_wrong_options_are_refused(self):
        self.reclaim("init")
        for command in (["submit", "--payload", "{"], ["submit", "--delay", "soon"], ["submit", "--count", "0"],
                        ["submit", "--max-attempts", "0"], ["claim"], ["claim", "--owner", ""], ["claim", "--owner", "x" * 256],
                        ["claim", "--owner", "a", "--count", "0"], ["list", "--state", "x"], ["nonsense"], ["sweep", "--nonsense"],
                        ["show"], ["show", "a", "b"], ["complete", "x"], ["complete", "x", "--token", "1", "--result", "{"],
                        ["work"], ["work", "--", "no-such-program"], ["--profile", "nonsense", "status"], ["--db", "x:y", "status"]):
            with self.subTest(command=command):
                run = self.reclaim(*command, code=USAGE)
                self.assertTrue(run.err.startswith("reclaim"), run.err)
                self.assertEqual(run.out, "")


if __name__ == "__main__":
    unittest.main()
