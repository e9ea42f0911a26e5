#!/usr/bin/env python3
"""Private PostgreSQL servers for tests: in a temporary folder, on loopback and a free port, gone with whoever started them.

    postgres.py COMMAND [ARGUMENT]…     runs the command with RECLAIM_TEST_PG, the URL of a server of its own

A server that can't be had (no initdb, no pgbouncer) raises unittest.SkipTest.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from certificate import certificate

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
    "track_counts": "on",
    "autovacuum": "off",
}
START_LIMIT = 30


def program(name):
    """A server program's path; Debian keeps them by version."""
    found = shutil.which(name)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found and not versions:
        raise unittest.SkipTest(f"no {name}")
    return str(versions[-1]) if versions else found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged():
    """What makes subprocess run a server that refuses to be root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        except KeyError:
            continue
    raise unittest.SkipTest("a server can't run as root, and there is no other user")


def ends_with_us(command):
    """The command, killed when we are."""
    return ["setpriv", "--pdeathsig", "KILL", *command] if shutil.which("setpriv") else command


class Server:
    """A process in a folder of its own."""

    def __init__(self, name):
        # Not under TMPDIR: the server's user may have no way in there.
        self.folder = Path(tempfile.mkdtemp(prefix=f"reclaim-{name}-", dir="/tmp"))
        self.rights = unprivileged()
        if self.rights:
            os.chown(self.folder, self.rights["user"], self.rights["group"])
        self.port = free_port()
        self.process = None

    def launch(self, command):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ends_with_us(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **self.rights
            )
        until = time.monotonic() + START_LIMIT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text(errors="replace"))
            time.sleep(0.02)

    def end(self, number=signal.SIGINT):
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def stop(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Postgres(Server):
    """With `tls` only who comes by TLS is let in; the certificate is in `certificate`."""

    def __init__(self, tls=False, **settings):
        initdb = program("initdb")
        super().__init__("pg")
        self.settings = {**SETTINGS, **settings}
        self.databases = 0
        try:
            subprocess.run(
                [initdb, "--pgdata", str(self.folder / "data"), "--username", "owner", "--auth", "trust", "--encoding",
                 "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
                check=True, capture_output=True, cwd=self.folder, **self.rights,
            )
            if tls:
                self.ask_for_tls()
            self.start()
        except BaseException:
            self.stop()
            raise

    def ask_for_tls(self, host="127.0.0.1"):
        self.certificate, key = certificate(self.folder, host=host)
        if self.rights:
            os.chown(key, self.rights["user"], self.rights["group"])
        self.settings.update(ssl="on", ssl_cert_file=str(self.certificate), ssl_key_file=str(key))
        self.let_in("hostssl all all 127.0.0.1/32 trust", alone=True)

    def let_in(self, line, alone=False):
        """A line of pg_hba.conf, before the others; read when the server starts or is told to."""
        rules = self.folder / "data/pg_hba.conf"
        rules.write_text(line + "\n" + ("" if alone else rules.read_text()))

    def start(self):
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        self.launch([
            program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder), *options,
        ])

    def restart(self, number=signal.SIGINT):
        """SIGINT: every session is ended. SIGQUIT: a crash."""
        self.end(number)
        self.start()

    def answers(self):
        return subprocess.run(
            [program("psql"), self.url(), "-c", "SELECT 1"], capture_output=True, check=False
        ).returncode == 0

    def url(self, database="postgres", user="owner"):
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def database(self):
        """The URL of a new, empty one."""
        self.databases += 1
        name = f"t{self.databases}"
        self.sql(self.url(), f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, url, text):
        """The rows of the last statement, each a list of texts."""
        done = subprocess.run(
            [program("psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", url],
            input=text, capture_output=True, text=True, check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def session(self, url):
        return Session(url)


class Session:
    """A psql that stays open: for transactions that others run into."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            [program("psql"), "-X", "-q", "-A", "-t", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def sql(self, text):
        """Runs it and waits until that has happened."""
        self.process.stdin.write(f"{text};\n\\echo done\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().rstrip("\n")) != "done":
            lines.append(line)
            if self.process.poll() is not None:
                raise RuntimeError("the session has ended")
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Pooler(Server):
    """PgBouncer in transaction mode in front of a server."""

    def __init__(self, postgres):
        bouncer = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        if not os.path.exists(bouncer):
            raise unittest.SkipTest("no pgbouncer")
        super().__init__("pool")
        self.postgres = postgres
        settings = self.folder / "pool.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"
            "server_reset_query =\nunix_socket_dir =\n"
            "ignore_startup_parameters = extra_float_digits\n"
        )
        # auth_type any wants to know as whom it connects.
        settings.write_text(settings.read_text().replace("* = ", "* = user=owner "))
        try:
            self.launch([bouncer, str(settings)])
        except BaseException:
            self.stop()
            raise

    def url(self, database):
        return f"postgres://owner@127.0.0.1:{self.port}/{database}"

    def answers(self):
        return subprocess.run(
            [program("psql"), self.url("postgres"), "-c", "SELECT 1"], capture_output=True, check=False
        ).returncode == 0


def main():
    with Postgres() as server:
        environment = {**os.environ, "RECLAIM_TEST_PG": server.database()}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
