"""MariaDB at the edges: read-only servers, rights one by one, certificates."""
import re
import tempfile
import unittest
from pathlib import Path

import mariadb
import test_foundry
import test_mariadb as base
from certificate import certificate
from scene import DONE, UNAVAILABLE, USAGE, Scene


def setUpModule():
    base.setUpModule()


def tearDownModule():
    base.tearDownModule()


class Rights(base.FoundryTables, test_foundry.Foundry):
    """The rights that are told suffice; without one of them there is a message that names it."""

    def setUp(self):
        super().setUp()
        self.grants = self.json("init").answer["grants"]
        base.SERVER.sql("CREATE USER sweeper@'%' IDENTIFIED BY 'sesame'", database="")
        self.addCleanup(base.SERVER.sql, "DROP USER sweeper", database="")
        self.sweeper = {"RECLAIM_DB": base.SERVER.url_of("sweeper", "sesame", self.database)}
        self.count = 0

    def singly(self):
        for grant in self.grants:
            rights, thing = re.fullmatch(r"GRANT (.*) ON (.*) TO sweeper", grant).groups()
            for right in rights.split(", "):
                yield right, thing

    def stale(self):
        self.count += 1
        if self.count == 1:
            self.worker("ann", seen=400)
        self.sql("UPDATE worker_heartbeats SET status = 'active'")
        self.claimed(f"t{self.count}", "ann", hours=1)

    def rights(self, code=DONE, env=None):
        findings = self.json("check", code=code, env=env or self.sweeper).answer["findings"]
        return [each for each in findings if each["subject"] == "rights"]

    def without(self, right, thing):
        self.script(f"REVOKE {right} ON {thing} FROM sweeper")
        return lambda: self.script(f"GRANT {right} ON {thing} TO sweeper")

    def test_each_right_is_named_that_is_lacking(self):
        self.script(";".join(self.grants))
        self.assertEqual(self.rights(), [])
        only = {thing for _, thing in self.singly() if [each for _, each in self.singly()].count(thing) == 1}
        for right, thing in self.singly():
            give_back = self.without(right, thing)
            with self.subTest(right=right, thing=thing):
                self.stale()
                if thing in only and "reclaim" not in thing:  # a table that nobody may use is not seen
                    self.assertIn("GRANT SELECT ON", self.reclaim("sweep", env=self.sweeper, code=UNAVAILABLE).err)
                else:
                    found, = self.rights(code=USAGE if right == "SELECT" else DONE)
                    self.assertEqual(found["fix"], f"GRANT {right} ON {thing} TO 'sweeper'@'%'")
                    run = self.reclaim("sweep", env=self.sweeper, code=UNAVAILABLE)
                    self.assertRegex(run.err, f"GRANT [A-Z, ]*{right}|`reclaim check` names it")
            give_back()
            self.assertGreaterEqual(self.json("sweep", env=self.sweeper).answer["requeued"], 1)

    def test_what_a_stranger_lacks(self):
        self.script("GRANT SELECT ON foundry_tasks TO sweeper; GRANT UPDATE ON worker_heartbeats TO sweeper;"
                    "GRANT SELECT ON task_audit_log TO sweeper")
        found = self.rights(code=USAGE)
        self.script(";".join(each["fix"] for each in found))
        self.assertEqual(self.rights(), [])
        self.stale()
        self.assertEqual(self.json("sweep", env=self.sweeper).answer["requeued"], 1)

    def test_rights_of_other_levels(self):
        for grant in (f"GRANT ALL ON `{self.database.replace('_', chr(92) + '_')}`.* TO sweeper", "GRANT ALL ON *.* TO sweeper"):
            base.SERVER.sql(grant, database="")
            self.assertEqual(self.rights(), [])
            base.SERVER.sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM sweeper", database="")

    def test_rights_of_a_role(self):
        base.SERVER.sql("CREATE ROLE sweepers", database="")
        self.addCleanup(base.SERVER.sql, "DROP ROLE sweepers", database="")
        self.script(";".join(self.grants).replace("TO sweeper", "TO sweepers"))
        self.script("GRANT sweepers TO sweeper; SET DEFAULT ROLE sweepers FOR sweeper")
        self.assertEqual(self.rights(), [])
        self.stale()
        self.assertEqual(self.json("sweep", env=self.sweeper).answer["requeued"], 1)

    def test_the_daemon(self):
        self.script(";".join(self.grants))
        self.stale()
        daemon = self.start("run", "--interval", "100ms", env=self.sweeper)
        self.until(lambda: self.states() == {"t1": "pending"}, "the recovery")
        self.assertEqual(daemon.stop(), DONE)
        self.assertNotIn("GRANT", daemon.err)
        for right, thing in (("UPDATE", "foundry_tasks"), ("INSERT", "reclaim_events")):
            give_back = self.without(right, thing)
            self.claimed(f"{right}", "bob", hours=7)  # by its age: what silence says may have to wait after a failure
            daemon = self.start("run", "--interval", "100ms", env=self.sweeper)
            self.until(lambda: re.search(f"GRANT [A-Z, ]*{right}|`reclaim check` names it", daemon.err), "the message")
            self.assertIsNone(daemon.process.poll())
            self.assertEqual(daemon.stop(), DONE)
            give_back()

    def test_read_only(self):
        self.script(";".join(self.grants))

        def told(**more):
            return [each for each in self.json("check", **more).answer["findings"] if each["subject"] == "read-only"]

        self.assertEqual(told(env=self.sweeper), [])
        self.addCleanup(base.SERVER.sql, "SET GLOBAL read_only = OFF", database="")
        base.SERVER.sql("SET GLOBAL read_only = ON", database="")
        found, = told(env=self.sweeper)
        self.assertIn("read_only", found["message"])
        self.assertEqual(told(), [])  # who has READ_ONLY ADMIN writes all the same
        self.worker("ann", seen=400)
        self.claimed("t1", "ann", hours=1)
        self.assertIn("read-only", self.reclaim("sweep", env=self.sweeper, code=UNAVAILABLE).err)
        base.SERVER.sql(found["fix"], database="")
        self.assertEqual(self.json("sweep", env=self.sweeper).answer["requeued"], 1)


class Tls(Scene):
    def test_a_certificate_of_its_own(self):
        with mariadb.Server(tls=True) as own, tempfile.TemporaryDirectory() as folder:
            other, _ = certificate(Path(folder), "other")
            verified = {"RECLAIM_DB": f"{own.url}?ssl_ca={own.certificate}"}
            self.reclaim("init", env=verified)
            self.reclaim("submit", "--id", "t", env=verified)
            token = self.json("claim", "--owner", "me", env=verified).rows[0]["token"]
            self.reclaim("complete", "t", "--token", token, env=verified)
            for query in (f"?ssl_ca={other}", "?ssl_ca=/nowhere"):
                run = self.reclaim("list", env={"RECLAIM_DB": own.url + query}, code=UNAVAILABLE)
                self.assertIn("no TLS connection", run.err)
                self.assertNotIn(own.password, run.err)
            self.reclaim("list", env={"RECLAIM_DB": own.url}, code=UNAVAILABLE)
            own.ask_for_tls("example.org")
            own.restart()
            self.assertIn("no TLS connection", self.reclaim("list", env=verified, code=UNAVAILABLE).err)


if __name__ == "__main__":
    unittest.main()
