"""What the tests of the program share: a database, the program, workers that may be killed, and waiting for conditions."""
import ctypes
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RECLAIM", str(ROOT / "build/reclaim"))
PATIENCE = 30  # seconds until a condition that does not come true is a failure; on a slow build, too

DONE, FOUND_SOMETHING, USAGE, NOT_FOUND, REFUSED, BUSY, UNAVAILABLE, UNSUPPORTED, HELD_BACK = range(9)

# A worker's command: it notes its start and its end, holds a lock for each task so that an overlap is seen, and stays
# until the gate is open.
JOB = """\
#!/bin/sh
exec 9> "$SCENE/lock-$RECLAIM_ID"
flock -n 9 || { echo "overlap $RECLAIM_ID $RECLAIM_ATTEMPT" >> "$SCENE/journal"; exit 100; }
echo "start $RECLAIM_ID $RECLAIM_ATTEMPT" >> "$SCENE/journal"
while [ ! -e "$SCENE/gate" ]; do sleep 0.02; done
echo "end $RECLAIM_ID $RECLAIM_ATTEMPT" >> "$SCENE/journal"
echo "{\\"by\\": $PPID}"
"""


LIBC = ctypes.CDLL(None, use_errno=True)


def obey_permissions():
    """Between fork and exec: even root's program finds a read-only file read-only."""
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def log_lines(stderr):
    """What was said in log lines, logfmt or JSON, without time and level."""
    for line in stderr.splitlines():
        logfmt = re.fullmatch(r'time=\S+ level=\w+ msg="((?:[^"\\]|\\.)*)"', line)
        if logfmt:
            yield re.sub(r"\\(.)", r"\1", logfmt[1])
        elif line.startswith("{"):
            yield json.loads(line)["msg"]


class Run:
    """A run of the program that is over."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def answer(self):
        return json.loads(self.out)

    @property
    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def told(self):
        return list(log_lines(self.err))


class Started:
    """A run of the program that goes on."""

    def __init__(self, process, out, err):
        self.process, self.files, self.pid = process, (out, err), process.pid

    @property
    def out(self):
        return self.files[0].read_text(encoding="utf-8", errors="replace")

    @property
    def err(self):
        return self.files[1].read_text(encoding="utf-8", errors="replace")

    @property
    def told(self):
        return list(log_lines(self.err))

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, number=signal.SIGTERM, timeout=PATIENCE):
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def end(self, timeout=PATIENCE):
        return self.process.wait(timeout)


class Scene(unittest.TestCase):
    """A folder, a database made by `schema`, and the program on it."""

    profile = None  # of every run, unless one says otherwise
    schema = ""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="scene-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.file = self.folder / "ledger.db"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RECLAIM")}
        self.environment.update(RECLAIM_DB=f"sqlite:{self.file}", SCENE=str(self.folder))
        self.started = 0
        job = self.folder / "job"
        job.write_text(JOB, encoding="utf-8")
        job.chmod(0o755)
        self.job = str(job)
        if self.schema:
            self.script(self.schema)

    # --- the program

    def command(self, arguments, profile):
        profile = profile or self.profile
        return [PROGRAM, *(["--profile", str(profile)] if profile else []), *map(str, arguments)]

    def reclaim(self, *arguments, code=DONE, profile=None, stdin="", env=None, **more):
        """Runs the program to its end; `code` None: any."""
        run = subprocess.run(
            self.command(arguments, profile), input=stdin if isinstance(stdin, bytes) else stdin.encode(),
            capture_output=True, env={**self.environment, **(env or {})}, cwd=self.folder, timeout=4 * PATIENCE,
            check=False, **more,
        )
        out, err = run.stdout.decode(errors="replace"), run.stderr.decode(errors="replace")
        if code is not None:
            self.assertEqual(run.returncode, code, f"{' '.join(map(str, arguments))[:300]}\n{out[-2000:]}\n{err[-2000:]}")
        return Run(run.returncode, out, err)

    def json(self, *arguments, **options):
        return self.reclaim("--json", *arguments, **options)

    def start(self, *arguments, profile=None, env=None, **more):
        """Starts the program; it is killed with the end of the test."""
        self.started += 1
        out, err = (self.folder / f"{self.started}.{name}" for name in ("out", "err"))
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            process = subprocess.Popen(
                self.command(arguments, profile), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                env={**self.environment, **(env or {})}, cwd=self.folder, **more,
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return Started(process, out, err)

    def until(self, condition, what="the condition", seconds=PATIENCE):
        """Waits until it is true; gives what it gives."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                errors = "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.err")))
                self.fail(f"waited {seconds} s for {what}\n{errors}")
            time.sleep(0.01)

    # --- workers

    def work(self, *options, command=None, **more):
        """A worker that runs the job, or another command."""
        return self.start("work", *options, "--", *(command or [self.job]), **more)

    def journal(self, word=None):
        """(word, id, attempt) of each line that the jobs wrote, in order."""
        path = self.folder / "journal"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        lines = [tuple(line.split()) for line in text.splitlines()]
        return [line for line in lines if word in (None, line[0])]

    def busy(self, *options, tasks=1, **more):
        """A worker that has so many tasks in its hands."""
        before = len(self.journal("start"))
        worker = self.work(*options, **more)
        self.until(lambda: len(self.journal("start")) >= before + tasks, "the start of the job")
        return worker

    def open_gate(self):
        (self.folder / "gate").touch()

    def is_running(self, task):
        """Whether some process of the task's job lives."""
        probe = subprocess.run(["flock", "-n", self.folder / f"lock-{task}", "true"], check=False)
        return probe.returncode != 0

    def take_over(self, *options, done, **more):
        """Two workers that sweep by themselves; the one that works is killed, and the other one finishes: nobody else helps."""
        first = self.busy(*options, **more)
        job = self.folder / "job"
        quick = self.folder / "quick"
        quick.write_text(job.read_text(encoding="utf-8").replace('while [ ! -e "$SCENE/gate" ]', "while false"), encoding="utf-8")
        quick.chmod(0o755)
        quick.rename(job)  # what runs now holds on; what starts from now on ends at once
        second = self.work(*options, **more)
        first.kill()
        self.until(done, "the end of the task by the second worker")
        self.assertEqual(second.stop(), DONE, second.err)
        self.assertEqual([line[0] for line in self.journal()], ["start", "start", "end"])

    def finish(self, *options, **more):
        """Another worker takes what is there, to the end."""
        self.open_gate()
        worker = self.work("--drain", *options, **more)
        self.assertEqual(worker.end(), DONE, worker.err)
        self.assertEqual(self.journal("overlap"), [])
        return worker

    # --- the daemon

    def last_pass(self):
        """When the last pass left its result."""
        there = self.sql("SELECT 1 FROM sqlite_schema WHERE name = 'reclaim_ledgers'")
        return self.sql("SELECT last_at FROM reclaim_ledgers WHERE last_result IS NOT NULL") if there else []

    def daemon_pass(self, *options, **more):
        """Runs the daemon for its first pass; the log lines."""
        before = self.last_pass()
        daemon = self.start("run", "--interval", "1h", *options, **more)
        self.until(lambda: self.last_pass() != before, "the pass")
        began = time.monotonic()
        self.assertEqual(daemon.stop(), DONE, daemon.err)
        self.assertLess(time.monotonic() - began, 5)
        return daemon.told

    # --- the database

    def connect(self):
        return sqlite3.connect(self.file, timeout=10, isolation_level=None)

    def script(self, sql):
        connection = self.connect()
        try:
            connection.executescript(sql)
        finally:
            connection.close()

    def sql(self, statement, *parameters):
        """The rows, as tuples."""
        connection = self.connect()
        try:
            return connection.execute(statement, parameters).fetchall()
        finally:
            connection.close()

    def dicts(self, statement, *parameters):
        connection = self.connect()
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(statement, parameters)]
        finally:
            connection.close()

    def add(self, table, **columns):
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self.sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", *columns.values())

    # --- profiles

    def copy_of(self, name, *changes):
        """The built-in profile as a file, each change a (pattern, replacement) that must fit."""
        text = self.reclaim("profiles", name).out
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            self.assertGreater(count, 0, pattern)
        path = self.folder / f"{name}.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path


def instant(seconds_ago=0):
    return datetime.now(timezone.utc) - timedelta(seconds=seconds_ago)


def utc(seconds_ago=0):
    """A naive date-time in UTC, as text."""
    return instant(seconds_ago).strftime("%Y-%m-%d %H:%M:%S.%f")


def zulu(seconds_ago=0):
    return instant(seconds_ago).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def zoned(seconds_ago=0, digits=9):
    """RFC 3339 with an offset and so many digits of a second."""
    when = instant(seconds_ago)
    fraction = "." + (when.strftime("%f") + "789")[:digits] if digits else ""
    return when.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "+00:00"


def seconds_between(earlier, later):
    """Between two times as the database or the program writes them."""
    first, second = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (earlier, later))
    return (second - first).total_seconds()
