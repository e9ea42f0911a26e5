"""The engines that are measured: each gives new ledgers and fills them with rows by SQL, so that only the rest is timed.

The servers are those of the tests, but durable, and with what a server has that nobody has tuned.
"""
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))
import mariadb  # noqa: E402
import postgres  # noqa: E402

AGO = 3600 * 1000000

# Columns, and their values for row `i`; {at} is the engine's way to write an instant, microseconds from now.
BASE = {"created_at": "{old}", "updated_at": "{old}", "due_at": "{old}", "payload": "'{{\"n\":1}}'"}
CLAIM = {"token": "i", "attempts": "1", "claimed_at": "{old}"}
KINDS = {
    "ready": ("ready", {}),
    "finished": ("completed", {"finished_at": "{old}"}),
    "stale": ("running", {**CLAIM, "owner": "'gone' || (i % 1000)", "lease_until": "{over}"}),
    "alive": ("running", {**CLAIM, "owner": "'alive' || (i % 100)", "lease_until": "{good}"}),
}


class Engine:
    """Of each: `series`, the rows i = 1…count; `at`, an instant; `tasks`, the table."""

    analyze = "ANALYZE"

    def fill(self, url, kind, count):
        state, more = KINDS[kind]
        times = {"old": self.at(-AGO), "over": self.at(30000000 - AGO), "good": self.at(24 * AGO)}
        cells = {name: text.format(**times) for name, text in {**BASE, **more}.items()}
        self.run(
            url,
            f"INSERT INTO {self.tasks} (id, state, {', '.join(cells)}) "
            f"SELECT '{kind}-0000-0000-0000-' || (1000000000 + i), '{state}', {', '.join(cells.values())} "
            f"FROM {self.series(count)}; {self.analyze};",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Sqlite(Engine):
    name = "sqlite"
    tasks = "reclaim_tasks"

    def __init__(self):
        self.version = sqlite3.sqlite_version
        self.folder = Path(tempfile.mkdtemp(prefix="reclaim-bench-"))
        self.made = 0

    def fresh(self):
        self.made += 1
        return f"sqlite:{self.folder}/{self.made}.db"

    def series(self, count):
        return f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) AS n"

    def at(self, offset):
        return f"(strftime('%s', 'now') * 1000000 + {offset})"

    def run(self, url, text):
        with sqlite3.connect(url.removeprefix("sqlite:")) as connection:
            connection.executescript(f"BEGIN; {text} COMMIT")
        connection.close()

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Engine):
    name = "postgres"
    tasks = "reclaim.tasks"
    analyze = "ANALYZE reclaim.tasks"

    def __init__(self):
        self.server = postgres.Postgres(
            fsync="on", synchronous_commit="on", full_page_writes="on", autovacuum="on", shared_buffers="128MB"
        )
        self.version = self.server.sql(self.server.url(), "SHOW server_version")[0][0].split()[0]

    def fresh(self):
        return self.server.database()

    def series(self, count):
        return f"generate_series(1, {count}) AS n(i)"

    def at(self, offset):
        return f"(statement_timestamp() + {offset} * interval '1 microsecond')"

    def run(self, url, text):
        self.server.sql(url, text)

    def stop(self):
        self.server.stop()


class Mariadb(Engine):
    name = "mariadb"
    tasks = "reclaim_tasks"
    analyze = "ANALYZE TABLE reclaim_tasks"

    def __init__(self):
        self.server = mariadb.Server("--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=128M")
        self.version = self.server.sql("SELECT version()")[0][0].split("-")[0]
        self.made = 0

    def fresh(self):
        self.made += 1
        self.server.sql(f"CREATE DATABASE bench{self.made} CHARACTER SET utf8mb4")
        return self.server.url_of(database=f"bench{self.made}")

    def series(self, count):
        return f"(SELECT seq AS i FROM seq_1_to_{count}) AS n"

    def at(self, offset):
        return f"(UTC_TIMESTAMP(6) + INTERVAL {offset} MICROSECOND)"

    def run(self, url, text):
        self.server.sql(f"SET sql_mode = 'PIPES_AS_CONCAT'; {text}", database=url.rpartition("/")[2])

    def stop(self):
        self.server.close()


ENGINES = [Sqlite, Postgres, Mariadb]
