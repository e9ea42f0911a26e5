#!/usr/bin/env python3
"""A private MariaDB server for tests: on loopback, in a folder of its own, gone afterwards.

    with mariadb.Server() as server:
        subprocess.run([program], env={**os.environ, "RECLAIM_TEST_DB": server.url})

    mariadb.py COMMAND…     runs the command with RECLAIM_TEST_DB set to a server's URL; its exit code
    mariadb.py              starts a server, prints its URL and waits until its standard input ends

Without a server on this machine `Server` raises unittest.SkipTest.
"""
import getpass
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

START_SECONDS = 60
STOP_SECONDS = 20
SBIN = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin" + os.pathsep + "/usr/local/sbin"


def program(*names):
    for name in names:
        path = shutil.which(name, path=SBIN)
        if path:
            return path
    raise unittest.SkipTest(f"no {names[0]} on this machine; dev/deps installs it")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged():
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return getpass.getuser()
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise unittest.SkipTest("root needs a user 'mysql' or 'nobody' to run the server as")


class Server:
    """
    A server of its own. `settings` are options of mariadbd. With `tls` only who comes by TLS, or by its socket, is let
    in; the certificate is in `certificate`.
    """

    user, password, database = "ann", "o/r@c?h:id", "orchard"

    def __init__(self, *settings, tls=False):
        self.server = program("mariadbd", "mysqld")
        self.installer = program("mariadb-install-db", "mysql_install_db")
        self.client = program("mariadb", "mysql")
        self.settings = list(settings)
        self.port = free_port()
        self.process = None
        self.folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
        self.socket = self.folder / "socket"
        self.account = unprivileged()
        self.environment = {**os.environ, "TMPDIR": str(self.folder)}
        self.url = self.url_of()
        self.socket_url = f"mariadb:///{self.database}?unix_socket={self.socket}"
        try:
            self.install()
            if tls:
                self.ask_for_tls()
            self.start()
            self.set_up()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def url_of(self, user=None, password=None, database=None, port=None):
        """Like `url`, but for …"""
        coded = "".join(f"%{byte:02X}" for byte in (self.password if password is None else password).encode())
        return (f"mariadb://{user or self.user}:{coded}@127.0.0.1:{port or self.port}/"
                f"{self.database if database is None else database}")

    def install(self):
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.account)
            for parent in self.folder.parents[:-1]:
                if not parent.stat().st_mode & 0o001:
                    parent.chmod(parent.stat().st_mode | 0o011)
        run = subprocess.run(
            [self.installer, "--no-defaults", f"--datadir={self.folder}/data", f"--user={self.account}",
             "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"],
            cwd="/", env=self.environment, capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"{self.installer}: {run.stdout}{run.stderr}")

    def ask_for_tls(self, host="127.0.0.1"):
        self.certificate, key = certificate(self.folder, host=host)
        if os.geteuid() == 0:
            shutil.chown(key, self.account)
        self.settings += [f"--ssl-cert={self.certificate}", f"--ssl-key={key}", "--require-secure-transport=ON"]

    def start(self):
        log = open(self.folder / "log", "a", encoding="utf-8")
        self.process = subprocess.Popen(
            [self.server, "--no-defaults", f"--user={self.account}", f"--datadir={self.folder}/data",
             f"--socket={self.socket}", f"--pid-file={self.folder}/pid", "--bind-address=127.0.0.1",
             f"--port={self.port}", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
             "--innodb-buffer-pool-size=32M", "--skip-log-bin", "--performance-schema=OFF",
             "--max-allowed-packet=64M", *self.settings],
            cwd="/", env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        until = time.monotonic() + START_SECONDS
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the server does not start:\n" + self.log())
            time.sleep(0.05)

    def is_up(self):
        try:
            self.sql("SELECT 1", database="")
        except RuntimeError:
            return False
        return True

    def set_up(self):
        password = self.password.replace("'", "''")
        self.sql(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4; "
                 f"CREATE USER {self.user}@'127.0.0.1' IDENTIFIED BY '{password}'; "
                 f"GRANT ALL ON *.* TO {self.user}@'127.0.0.1' WITH GRANT OPTION", database="")

    def log(self):
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def sql(self, text, database=None):
        """Runs SQL as root; rows of strings (NULL is "NULL", bytes are 0x…)."""
        run = subprocess.run(
            [self.client, "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", "-B", "--binary-as-hex",
             "--connect-timeout=5", self.database if database is None else database],
            input=text, capture_output=True, encoding="utf-8", errors="replace", check=False)
        if run.returncode:
            raise RuntimeError(run.stderr.strip())
        return [line.split("\t") for line in run.stdout.split("\n")[:-1]]

    def kill(self):
        """As if the machine had died."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def main(command):
    try:
        server = Server()
    except unittest.SkipTest as reason:
        print(reason, file=sys.stderr)
        return 77
    with server:
        if command:
            return subprocess.run(command, env={**os.environ, "RECLAIM_TEST_DB": server.url}, check=False).returncode
        print(server.url, server.socket, flush=True)
        sys.stdin.read()
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
