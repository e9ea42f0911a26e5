"""Known ledgers, played: the host's own tables and statements, workers that are killed, and what `reclaim` makes of it.

A file `host_NAME.py` has classes of Host, one for each ledger. Each of its methods `story_…` becomes a test on every
engine of the host: it starts with a task that is submitted, and ends with one that another worker has finished, or with
the state in which the host's own people expect it.
"""
import importlib.util
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
import mariadb
import postgres
import scene

# A worker that has claimed something, said so, and is busy with it until it is killed.
SQLITE_WORKER = """
import json, sqlite3, sys
ledger = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
for statement in json.loads(sys.stdin.readline()):
    for row in ledger.execute(statement):
        print(*("" if cell is None else cell for cell in row), sep="\\t")
print("done", flush=True)
sys.stdin.read()
"""


def statements(text):
    """One by one; a trigger's body is not cut."""
    part = ""
    for piece in re.split(r"(?<=;)", text):
        part += piece
        if part.strip() and sqlite3.complete_statement(part):
            yield part
            part = ""
    if part.strip():
        yield part


class Worker:
    """The process of a host's worker; `rows` is what its claim gave."""

    def __init__(self, process, rows):
        self.process, self.rows = process, rows

    @property
    def task(self):
        return self.rows[0][0] if self.rows else None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def read_rows(process):
    rows = []
    while (line := process.stdout.readline()) not in ("done\n", ""):
        rows.append(line.rstrip("\n").split("\t"))
    return [row for row in rows if row != [""]]


class Sqlite:
    name, now, seconds = "sqlite", "strftime('%Y-%m-%d %H:%M:%f', 'now')", "unixepoch()"

    def __init__(self):
        self.file = None

    def start(self, folder):
        self.file = folder / "host.db"
        return f"sqlite:{self.file}"

    def stop(self):
        pass

    def sql(self, text):
        connection = sqlite3.connect(self.file, timeout=30, isolation_level=None)
        try:
            rows = []
            for statement in statements(text):
                rows = connection.execute(statement).fetchall()
            return [["" if cell is None else str(cell) for cell in row] for row in rows]
        finally:
            connection.close()

    def claim(self, text):
        process = subprocess.Popen([sys.executable, "-c", SQLITE_WORKER, str(self.file)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, bufsize=1)
        process.stdin.write(json.dumps(list(statements(text))) + "\n")
        process.stdin.flush()
        return Worker(process, read_rows(process))


class Postgres:
    name, now, seconds = "postgres", "now()", "extract(epoch FROM now())::int"

    def __init__(self):
        self.server = postgres.Postgres()
        self.url = None

    def start(self, _folder):
        self.url = self.server.database()
        return self.url

    def stop(self):
        self.server.__exit__(None, None, None)

    def sql(self, text):
        return self.server.sql(self.url, text)

    def claim(self, text):
        process = subprocess.Popen([postgres.program("psql"), "-X", "-q", "-A", "-t", "-F", "\t", self.url],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        process.stdin.write(text + ";\n\\echo done\n")
        process.stdin.flush()
        return Worker(process, read_rows(process))


class Mariadb:
    name, now, seconds = "mariadb", "utc_timestamp(6)", "unix_timestamp()"

    def __init__(self):
        self.server = mariadb.Server("--default-time-zone=+00:00")
        self.databases = 0
        self.database = None

    def start(self, _folder):
        self.databases += 1
        self.database = f"h{self.databases}"
        self.server.sql(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4")
        return self.server.url_of(database=self.database)

    def stop(self):
        self.server.close()

    def sql(self, text):
        rows = self.server.sql(text, database=self.database)
        return [["" if cell == "NULL" else cell for cell in row] for row in rows]

    def claim(self, text):
        process = subprocess.Popen(
            [self.server.client, "--no-defaults", f"--socket={self.server.socket}", "-uroot", "-N", "-B", "-n",
             self.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        process.stdin.write(text + ";\nSELECT 'done';\n")
        process.stdin.flush()
        return Worker(process, read_rows(process))


class Host:
    """A ledger of the field. `engines` are those it runs on; the statements are its own, from its documentation."""

    profile = ""
    engines = ("postgres",)

    def schema(self, engine):
        raise NotImplementedError


class Play(scene.Scene):
    """One engine; every test gets a database of its own."""

    engine = None
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.engine()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def begin(self, host):
        self.host = host
        self.profile = host.profile
        self.environment["RECLAIM_DB"] = self.server.start(self.folder)
        self.sql(host.schema(self.server))

    def sql(self, text, *_):
        return self.server.sql(text)

    def cell(self, text):
        """The one value of the one row; None when there is no row."""
        rows = self.sql(text)
        return rows[0][0] if rows else None

    def claim(self, text):
        """A worker of the host with a task in its hands."""
        worker = self.server.claim(text)
        self.addCleanup(lambda: worker.process.poll() is None and worker.kill())
        self.assertTrue(worker.rows, f"nothing to claim: {text}")
        return worker

    def claim_nothing(self, text):
        worker = self.server.claim(text)
        worker.kill()
        self.assertEqual(worker.rows, [])

    def claim_when_due(self, text):
        def claimed():
            worker = self.server.claim(text)
            if not worker.rows:
                worker.kill()
                return None
            self.addCleanup(lambda: worker.process.poll() is None and worker.kill())
            return worker
        return self.until(claimed, f"something to claim: {text}")

    def quick(self, *changes, **after):
        """The profile with shorter thresholds, by rule, and other changes as (pattern, replacement)."""
        text = self.reclaim("profiles", self.host.profile).out
        for rule, limit in after.items():
            pattern = rf'(^rule {rule.replace("_", "-")} {{(?:[^{{}}]|{{[^{{}}]*}})*?\bafter\s*=\s*)"[^"]*"'
            text, count = re.subn(pattern, rf'\g<1>"{limit}"', text, flags=re.MULTILINE)
            self.assertEqual(count, 1, f"the rule {rule} and its threshold")
        text = re.sub(r'(^\s*beat\s*=\s*)"[^"]*"', r'\g<1>"100ms"', text, flags=re.MULTILINE)  # which is shorter than all of them
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            self.assertGreater(count, 0, pattern)
        path = self.folder / f"{self.host.profile}.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    def status(self):
        return self.json("status").answer

    def sweep(self, *options, profile=None, **more):
        return self.json("sweep", *options, profile=profile, **more).answer

    def nothing_yet(self):
        """A claim that has just been made is nobody's business, and the ledger's words are ours."""
        answer = self.sweep()
        self.assertEqual((answer["in_flight"], answer["stale"], answer["blind"]), (1, 0, 0), answer)
        self.assertEqual(self.status()["tasks"]["running"], 1)

    def recovered(self, profile=None, **expected):
        """Sweeps until one claim is put right; that answer. `expected`: members of its task."""
        answer = {}

        def changed():
            answer.update(self.sweep(profile=profile))
            self.assertEqual(answer["errors"], 0, answer)
            return answer["tasks"]
        self.until(changed, "the recovery")
        task, = answer["tasks"]
        self.assertEqual({name: task[name] for name in expected}, expected)
        told = self.json("audit", "--task", task["id"]).rows
        self.assertIn(task["rule"], [row["rule"] for row in told])
        dry = self.sweep("--dry-run", profile=profile)
        self.assertEqual((dry["stale"], dry["tasks"]), (0, []), "nothing is put right twice")
        return task

    def reported(self, profile=None, **expected):
        """Sweeps until one claim is told of, which is left as it is; that answer. `expected`: members of its task."""
        answer = self.until(lambda: (found := self.sweep(profile=profile))["stale"] and found, "the report")
        self.assertEqual((answer["reported"], answer["errors"]), (1, 0), answer)
        task, = answer["tasks"]
        expected.update(remedy="report", to=None)
        self.assertEqual({name: task[name] for name in expected}, expected)
        self.assertEqual(self.sweep(profile=profile)["reported"], 1, "it is told of as long as it lasts")
        return task

    def detected(self):
        """Its tables are known when they are seen, and taken for no other's."""
        seen = self.json("detect")
        found, = (row for row in seen.rows if row["profile"] == self.host.profile)
        self.assertEqual((seen.err, {row["table"] for row in seen.rows}), ("", {found["table"]}))
        self.assertIn(f'"{found["table"]}"', self.reclaim("profiles", self.host.profile).out)
        self.assertEqual((found["in_flight"], found["stale"], found["blind"]), (0, 0, 0))
        self.assertEqual(self.json("check").answer["errors"], 0)

    def object(self, text):
        return json.loads(self.cell(text))


def hosts():
    """The classes of Host of all host_*.py."""
    for path in sorted(HERE.glob("host_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault("play", sys.modules[__name__])
        spec.loader.exec_module(module)
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, Host) and thing.__module__ == path.stem and thing.profile:
                yield thing


def tests_on(engine):
    """A test class with every story of the hosts that run on this engine."""
    body = {"engine": engine}
    for host in hosts():
        if engine.name in host.engines:
            def detected(self, host=host):
                self.begin(host())
                self.detected()
            body[f"test_{host.profile.replace('-', '_')}_detected"] = detected
            for story in (name for name in dir(host) if name.startswith("story_")):
                def test(self, host=host, story=story):
                    play = host()
                    self.begin(play)
                    getattr(play, story)(self)
                test.__doc__ = getattr(host, story).__doc__
                body[f"test_{host.profile.replace('-', '_')}_{story.removeprefix('story_')}"] = test
    return type(f"Known{engine.name.title()}", (Play,), body)
