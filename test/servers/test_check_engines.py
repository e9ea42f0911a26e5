"""What `check` finds in the definitions of a server's tables: words that they refuse, rows that they don't show."""
import unittest

import test_check
from engines import OnMariadb, OnPostgres
from scene import DONE, USAGE

COLUMNS = "who varchar(20), since bigint, beat bigint, lease bigint, tries int, error text"
ALL, FEW = "'new', 'run', 'done', 'bad'", "'run', 'done', 'bad'"


class Words:
    def tables(self):
        return ""

    def finding(self, state, severity, code=DONE):
        self.sql(f"DROP TABLE IF EXISTS jobs; CREATE TABLE jobs (id int PRIMARY KEY, state {state}, {COLUMNS})")
        return self.check(code=code).get(("state", severity))

    def script(self, sql):
        pass  # setUp of the server's scene does it

    def test_a_check(self):
        self.assertIn("takes no 'new'", self.finding(f"varchar(10) NOT NULL CHECK (state IN ({FEW}))", "warning")["message"])
        self.assertIsNone(self.finding(f"varchar(10) NOT NULL CHECK (state IN ({ALL}))", "warning"))
        self.assertIsNone(self.finding(f"varchar(10) NOT NULL, CHECK (state IN ({FEW}) OR who IS NULL)", "warning"))


def other_tests_of(case):
    return {name: None for name in vars(case) if name.startswith("test_")}


Base = type("Base", (test_check.Check,), other_tests_of(test_check.Check))


class OnPostgresCheck(Words, OnPostgres, Base):
    def test_an_enum(self):
        self.sql(f"CREATE TYPE few AS ENUM ({FEW}); CREATE TYPE fit AS ENUM ({ALL})")
        self.assertIn("takes no 'new'", self.finding("few NOT NULL", "error", USAGE)["message"])
        self.assertIsNone(self.finding("fit NOT NULL", "error"))

    def hidden(self, code=DONE):
        found = self.check(code=code)
        return [each for (subject, _), each in found.items() if "jobs" in subject]

    def test_rows_that_are_not_shown(self):
        self.assertIsNone(self.finding("text", "error"))
        self.assertEqual(self.hidden(), [])
        self.sql("CREATE ROLE guest LOGIN; GRANT ALL ON jobs TO guest; GRANT CREATE ON DATABASE " + self.database + " TO guest")
        self.addCleanup(self.sql, "DROP OWNED BY guest; DROP ROLE guest")
        self.sql("ALTER TABLE jobs ENABLE ROW LEVEL SECURITY")
        self.assertEqual(self.hidden(), [], "the owner sees all rows")
        self.environment["RECLAIM_DB"] = self.url_at(self.server.port, "guest")
        none, = self.hidden(USAGE)
        self.assertIn("shows this role no row at all", none["message"])
        self.assertEqual((none["severity"], none["fix"]), ("error", "ALTER ROLE guest BYPASSRLS"))
        self.sql("CREATE POLICY mine ON jobs FOR SELECT TO guest USING (who = 'me')")
        some, = self.hidden()
        self.assertIn("what they hide is never found", some["message"])
        self.assertEqual(some["severity"], "warning")
        self.sql(none["fix"])
        self.assertEqual(self.hidden(), [])


class OnMariadbCheck(Words, OnMariadb, Base):
    def test_an_enum(self):
        self.assertIn("takes no 'new'", self.finding(f"enum({FEW}) NOT NULL", "error", USAGE)["message"])
        self.assertIsNone(self.finding("enum('NEW', 'run', 'done', 'bad') NOT NULL", "error"))


del Base

if __name__ == "__main__":
    unittest.main()
