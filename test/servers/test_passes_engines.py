"""The same passes on PostgreSQL and MariaDB."""
import re
import unittest

import test_foundry
import test_passes
from engines import OnMariadb, OnPostgres


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def cell(text):
    return None if text == "NULL" else int(text) if re.fullmatch(r"-?\d{1,18}", text) else text


class Statements:
    """The scene's ways to speak to a file, spoken to a server."""

    def tables(self):
        return ";\n".join(part for part in self.schema.split(";") if part.strip())

    def script(self, sql):
        pass  # setUp of the server's scene does it

    def sql(self, statement, *parameters):
        values = iter(parameters)
        rows = super().sql(re.sub(r"\?", lambda _: literal(next(values)), statement))
        escapes = self.engine == "mariadb"  # its client, in what it prints
        return [tuple(cell(text.replace("\\\\", "\\") if escapes else text) for text in row) for row in rows]

    def dicts(self, statement, *parameters):
        table = re.search(r"FROM (\w+)", statement)[1]
        names = [name for name, in self.sql(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' AND table_schema IN ('public', '{self.database}')"
            " ORDER BY ordinal_position")]
        return [dict(zip(names, row)) for row in self.sql(statement, *parameters)]


# What depends on the engine: how it compares, what it refuses, in which transaction.
TOLD_BY_ENGINES = {
    test_passes.Only: {"test_a_killed_worker", "test_what_changed_in_between", "test_without_a_token"},
    test_passes.Conflict: {"test_a_killed_worker", "test_one_of_two", "test_other_refusals_are_no_conflict"},
    test_passes.Counted: {"test_killed_again_and_again"},
    test_passes.Written: {"test_killed", "test_a_failing_job"},
    test_passes.Woken: {"test_killed", "test_a_bell_that_can_not_be_rung_holds_the_row_back"},
    test_passes.Told: {"test_killed"},
    test_passes.Cancelled: {"test_killed"},
}


def on_engines():
    """Each case of the other file, on each engine."""
    for engine in (OnPostgres, OnMariadb):
        for case, wanted in TOLD_BY_ENGINES.items():
            others = {name: None for name in vars(case) if name.startswith("test_") and name not in wanted}
            name = case.__name__ + engine.__name__
            yield name, type(name, (Statements, engine, case), {"__module__": __name__, **others})


globals().update(on_engines())


class Plan:
    """`check` asks the engine how it finds the claims."""

    def finding(self):
        findings = self.json("check", profile="foundry").answer["findings"]
        return next((each["message"] for each in findings if each["subject"] == "plan"), None)

    def tables(self):
        return test_foundry.SCHEMA.replace("DATETIME", "TIMESTAMP(6) NULL").replace("NULL NOT NULL", "NOT NULL")

    def test_it_is_asked(self):
        digits = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
        tables = ", ".join(f"({digits}) AS t{place}" for place in range(4))
        number = " + ".join(f"t{place}.d * {10 ** place}" for place in range(4))
        for half in range(2):
            self.sql(f"INSERT INTO foundry_tasks (task_id, task_type, status) SELECT concat('{half}-', {number}), 't', 'completed' FROM {tables}")
        self.sql("INSERT INTO foundry_tasks (task_id, task_type, status, claimed_by) VALUES ('a', 't', 'claimed', 'w')")
        self.sql("ANALYZE foundry_tasks" if self.engine == "postgres" else "ANALYZE TABLE foundry_tasks")
        self.assertIn("to find the 1 in flight the engine reads all 20001 rows of 'foundry_tasks', says its plan", self.finding())
        self.sql("CREATE INDEX by_status ON foundry_tasks (status)")
        self.assertIsNone(self.finding())


class PlanOnPostgres(Plan, OnPostgres):
    pass


class PlanOnMariadb(Plan, OnMariadb):
    pass


if __name__ == "__main__":
    unittest.main()
