"""A scene on a server of its engine: databases, sessions that hold rows, and a wire on which something happens at a word."""
import contextlib
import os
import re
import socket
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import mariadb
import postgres
import scene
from scene import Scene


ACTOR = ThreadPoolExecutor(1)  # lives as long as we do: a server ends with the thread that has started it


class Session:
    """A client that stays open: for transactions that others run into."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def sql(self, text):
        """Runs it and waits until that has happened."""
        self.process.stdin.write(f"{text};\nSELECT 'happened';\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.strip() == "happened":
                return
        raise RuntimeError("the session has ended")

    def close(self):
        self.process.communicate()


class Wire:
    """Between the program and its server. Once the program has said all the words, one after the other, `act` happens, and
    then what said the last one goes on its way; or, `deliver`, goes first, and its answer is kept until `act` has happened."""

    def __init__(self, port, words, act, deliver=False):
        self.port, self.words, self.act, self.deliver = port, list(words), act, deliver
        self.lock = threading.Lock()
        self.acted, self.problem = False, None
        self.hushed = threading.Event()
        self.hushed.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
            except ConnectionRefusedError:
                client.close()
                continue
            except OSError:
                return
            threading.Thread(target=self.forth, args=(client, server), daemon=True).start()
            threading.Thread(target=self.back, args=(server, client), daemon=True).start()

    def is_last_word(self, data):
        """Takes from the words what is said here, each after the one before."""
        with self.lock:
            while self.words and (said := re.search(self.words[0], data, re.DOTALL)):
                data = data[said.end():]
                self.words.pop(0)
                if not self.words:
                    return True
        return False

    def happen(self):
        try:
            ACTOR.submit(self.act).result()
        except Exception as problem:  # of a thread: the test asks for it
            self.problem = problem
        self.acted = True

    def forth(self, client, server):
        with self.until_the_line_is_cut(client, server):
            while data := client.recv(1 << 20):
                last = self.is_last_word(data)
                if last and self.deliver:
                    self.hushed.clear()
                    server.sendall(data)
                    time.sleep(0.2)  # it arrives, and is done
                    self.happen()
                    self.hushed.set()
                    continue
                if last:
                    self.happen()
                server.sendall(data)

    def back(self, server, client):
        with self.until_the_line_is_cut(server, client):
            while data := server.recv(1 << 20):
                if not self.hushed.is_set():
                    self.hushed.wait(scene.PATIENCE)
                    break
                client.sendall(data)

    @staticmethod
    @contextlib.contextmanager
    def until_the_line_is_cut(*sockets):
        with contextlib.suppress(OSError):
            yield
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class OnServer(Scene):
    """A scene with a database of its own; a subclass that names an engine runs its tests there."""

    def setUp(self):
        super().setUp()
        self.make_database()
        self.environment["RECLAIM_DB"] = self.url_at(self.server.port)
        if self.tables():
            self.sql(self.tables())

    def tables(self):
        return ""

    def rows(self, text):
        return [tuple(row) for row in self.sql(text)]

    def value(self, text):
        return self.sql(text)[0][0]

    def last_pass(self):
        return None

    @contextlib.contextmanager
    def holding(self, *statements):
        """In a transaction that stays open; it is rolled back, unless somebody commits it."""
        session = self.session()
        try:
            session.sql("BEGIN")
            for statement in statements:
                session.sql(statement)
            yield session
        finally:
            session.close()

    @contextlib.contextmanager
    def wire(self, *words, act, deliver=False):
        """What the environment of a run needs so that `act` happens when it has said the words."""
        wire = Wire(self.server.port, words, act, deliver)
        try:
            yield {"RECLAIM_DB": self.url_at(wire.own_port)}
            self.assertEqual(wire.words, [], "nobody said them")
            self.until(lambda: wire.acted, "what happens at the word")
        finally:
            wire.listener.close()
        if wire.problem:
            raise wire.problem

    def complete_behind(self, task, token):
        """Starts a worker's hand-in, and waits until it waits for somebody's lock."""
        started = self.start("complete", task, "--token", token)
        self.until(self.is_somebody_waiting, "a session that waits for a lock")
        return started


class OnPostgres(OnServer):
    engine = "postgres"
    commit = rb"COMMIT\0"
    settings = {}

    @classmethod
    def setUpClass(cls):
        require("postgres:")
        cls.server = postgres.Postgres(**cls.settings)
        cls.addClassCleanup(cls.server.stop)

    def make_database(self):
        self.url = self.server.database()
        self.database = self.url.rsplit("/", 1)[1]

    def url_at(self, port, user="owner"):
        return self.url.replace(f":{self.server.port}/", f":{port}/").replace("owner@", f"{user}@")

    def sql(self, text):
        return self.server.sql(self.url, "\\pset null NULL\n" + text)

    def session(self):
        return Session([postgres.program("psql"), "-X", "-q", "-A", "-t", self.url])

    def taking(self, table):
        """The first word of the take of this table's rows."""
        return rb"WITH reclaim_free AS MATERIALIZED.{0,80}" + table.encode()

    def is_somebody_waiting(self):
        return self.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") != "0"


class OnMariadb(OnServer):
    engine = "mariadb"
    commit = rb"\x03COMMIT"
    settings = ()

    @classmethod
    def setUpClass(cls):
        require("mariadb:")
        cls.server = mariadb.Server(*cls.settings)
        cls.addClassCleanup(cls.server.close)

    def make_database(self):
        self.database = f"scene_{os.getpid()}_{time.monotonic_ns()}"
        self.server.sql(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4", database="")

    def url_at(self, port, user=None, password=None):
        return self.server.url_of(user, password, self.database, port)

    def sql(self, text):
        return self.server.sql("SET time_zone = '+00:00'; " + text, database=self.database)

    def session(self):
        return Session([self.server.client, "--no-defaults", f"--socket={self.server.socket}", "-uroot", "-N", "-B",
                        "--unbuffered", self.database])

    def taking(self, table):
        return rb"(UPDATE|SELECT 1 FROM) \W?" + table.encode() + rb"\W"

    def is_somebody_waiting(self):
        return self.value("SELECT variable_value FROM information_schema.global_status"
                          " WHERE variable_name = 'innodb_row_lock_current_waits'") != "0"


def require(scheme):
    """The engine, in this build."""
    tried = subprocess.run([scene.PROGRAM, "--db", "none:", "list"], capture_output=True, text=True, check=False)
    if scheme not in tried.stderr:
        raise unittest.SkipTest(f"this build does not know {scheme}")
