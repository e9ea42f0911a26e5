"""The contract between the engines' SQL: what src/ledger/sql/embed.py refuses, and what it makes of the rest."""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMBED = ROOT / "src/ledger/sql/embed.py"

CONTRACT = """\
# What every engine says.

# Ends a claim with a result.
complete(id token result) writes -> state
find(limit) {columns relation}
   -> key now
now() -> now
"""
COMPLETE = "UPDATE t SET result = :result WHERE id = :id AND token = :token RETURNING state\n"
FIND = "SELECT {columns} FROM {relation} LIMIT :limit\n"
NOW = "SELECT 1\n"


class Sandbox(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.write("contract", CONTRACT)
        for engine in ("alpha", "beta"):
            self.write(f"{engine}/complete.sql", COMPLETE)
            self.write(f"{engine}/find.sql", FIND)
            self.write(f"{engine}/now.sql", NOW)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def embed(self):
        command = [sys.executable, EMBED, "contract", "sql.h", "sql.c", "--depfile", "sql.d"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def read(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


class Refusals(Sandbox):
    def assert_refused(self, *lines):
        """Exactly these lines, and no output that a build could go on with."""
        run = self.embed()
        self.assertEqual(run.stderr.splitlines(), list(lines))
        self.assertEqual(run.returncode, 1)
        self.assertFalse((self.folder / "sql.c").exists())

    def assert_contract_refused(self, text, *lines):
        for engine in ("alpha", "beta"):
            for path in (self.folder / engine).glob("*.sql"):
                path.unlink()
            self.write(f"{engine}/now.sql", NOW)
        self.write("contract", "now() -> now\n" + text + "\n")
        self.assert_refused(*lines)

    def test_engine_lacks_a_statement(self):
        (self.folder / "beta/find.sql").unlink()
        self.assert_refused("contract:5: find: the engine beta has no beta/find.sql")

    def test_engine_has_a_statement_of_its_own(self):
        self.write("alpha/finish.sql", NOW)
        self.assert_refused("alpha/finish.sql:1: the statement finish is not in contract")

    def test_undeclared_parameter(self):
        self.write("beta/now.sql", "SELECT 1\n-- it's :fine here\nWHERE a = :when\n")
        self.assert_refused("beta/now.sql:3: parameter :when is not declared for now (contract:7); allowed: none")

    def test_undeclared_parameter_names_the_allowed_ones(self):
        self.write("beta/complete.sql", COMPLETE.replace("\n", " AND o = :owner\n"))
        self.assert_refused(
            "beta/complete.sql:1: parameter :owner is not declared for complete (contract:4); allowed: :id :token :result"
        )

    def test_parameter_names_are_case_sensitive(self):
        self.write("alpha/find.sql", FIND.replace(":limit", ":Limit"))
        self.assert_refused(
            "alpha/find.sql:1: parameter :Limit is not declared for find (contract:5); allowed: :limit",
            "alpha/find.sql:1: parameter :limit is declared for find (contract:5) but not used",
        )

    def test_unused_parameter(self):
        self.write("alpha/complete.sql", "UPDATE t SET result = :result WHERE id = :id\n")
        self.assert_refused("alpha/complete.sql:1: parameter :token is declared for complete (contract:4) but not used")

    def test_parameter_that_only_looks_used(self):
        for text in ("':limit'", '":limit"', "`:limit`", "a::limit", "$$ :limit $$", "$f$ :limit $f$", "1 -- :limit"):
            with self.subTest(text):
                self.write("alpha/find.sql", FIND.replace(":limit", text))
                self.assert_refused("alpha/find.sql:1: parameter :limit is declared for find (contract:5) but not used")

    def test_undeclared_hole(self):
        self.write("alpha/now.sql", "SELECT 1\nFROM {table}\n")
        self.assert_refused("alpha/now.sql:2: hole {table} is not declared for now (contract:7); allowed: none")

    def test_unused_hole(self):
        self.write("alpha/find.sql", FIND.replace("{relation}", "'{relation}'"))
        self.assert_refused("alpha/find.sql:1: hole {relation} is declared for find (contract:5) but not used")

    def test_brace_that_is_no_hole(self):
        self.write("alpha/now.sql", "SELECT\n{ a }\n")
        self.assert_refused(
            "alpha/now.sql:2: '{' outside a literal; a hole is {name}",
            "alpha/now.sql:2: '}' outside a literal; a hole is {name}",
        )

    def test_open_literal(self):
        self.write("alpha/now.sql", "SELECT 1,\n'it''s\n")
        self.assert_refused("alpha/now.sql:2: ' is opened and not closed")

    def test_block_comment(self):
        self.write("alpha/now.sql", "SELECT /* now */ 1\n")
        self.assert_refused("alpha/now.sql:1: a comment is '--' to the end of the line; '/*' is not allowed")

    def test_empty_text(self):
        self.write("alpha/now.sql", "\n")
        self.assert_refused("alpha/now.sql:1: is empty; it should hold the statement now")

    def test_all_problems_at_once(self):
        self.write("alpha/now.sql", "SELECT :a")
        (self.folder / "beta/find.sql").unlink()
        self.write("beta/more.sql", NOW)
        self.assertEqual(len(self.embed().stderr.splitlines()), 3)

    def test_included_text_that_is_missing(self):
        self.write("alpha/now.sql", "-- include nothing as f\n")
        self.assert_refused("alpha:1: -- include nothing as f: the engine has no nothing.sql")

    def test_no_engine(self):
        for path in self.folder.glob("*/*.sql"):
            path.unlink()
        self.assert_refused("contract:1: no engine: . has no folder with .sql files")

    def test_contract_unreadable_line(self):
        self.assert_contract_refused(
            "later now", "contract:2: cannot read 'later now'; a statement is name(param …) {hole …} optional many writes -> column …"
        )

    def test_contract_name(self):
        run_on = "; a statement is name(param …) {hole …} optional many writes -> column …"
        self.assert_contract_refused("Later()", "contract:2: cannot read 'Later()'" + run_on)

    def test_contract_statement_twice(self):
        self.assert_contract_refused("now()", "contract:2: now is declared at line 1 already")

    def test_contract_word_that_is_no_name(self):
        self.assert_contract_refused(
            "a(id, token)",
            "contract:2: a: 'id,' is no name; allowed are a-z, 0-9 and _, a letter first",
            "contract:2: a: the engine alpha has no alpha/a.sql",
            "contract:2: a: the engine beta has no beta/a.sql",
        )

    def test_contract_parameter_twice(self):
        self.assert_contract_refused(
            "a(id id)",
            "contract:2: a: 'id' stands twice in params",
            "contract:2: a: the engine alpha has no alpha/a.sql",
            "contract:2: a: the engine beta has no beta/a.sql",
        )

    def test_contract_writes_among_the_columns(self):
        self.write("contract", "now() -> now writes\n")
        self.assertIn("contract:1: now: 'writes' stands before '->'", self.embed().stderr)

    def test_contract_constants_that_collide(self):
        self.write("contract", "a(b_c)\na_b(c)\n")
        self.assertIn("contract:2: a_b: the constant A_B_C is one of a already", self.embed().stderr)

    def test_contract_empty(self):
        self.write("contract", "# nothing\n")
        self.assertIn("contract:1: declares no statement", self.embed().stderr)


class Output(Sandbox):
    def test_header(self):
        self.assertEqual(self.embed().stderr, "")
        header = re.sub(r"\s+", " ", self.read("sql.h"))
        for text in (
            "enum sql { /* Ends a claim with a result. */ SQL_COMPLETE, SQL_FIND, SQL_NOW, SQL_COUNT, };",
            "enum { COMPLETE_ID, COMPLETE_TOKEN, COMPLETE_RESULT, COMPLETE_PARAMS };",
            "enum { COMPLETE_R_STATE, COMPLETE_COLUMNS };",
            "enum { FIND_LIMIT, FIND_PARAMS };",
            "enum { NOW_PARAMS };",
        ):
            self.assertIn(text, header)

    def test_tables_hold_what_the_files_say(self):
        text = "-- Why: \"quotes\", \\ and é ??/\n\nSELECT ':x', '{y}', $$ :z {z} $$, a::text\n\t;\n\n"
        self.write("alpha/now.sql", text)
        run = self.embed()
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.write("main.c", PROGRAM)
        flags = "-std=gnu17 -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Werror".split()
        subprocess.run([os.environ.get("CC", "cc"), *flags, "sql.c", "main.c", "-o", "main"], cwd=self.folder, check=True)
        told = subprocess.run([self.folder / "main"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(
            told,
            "alpha complete writes id token result { } state 3 1\n" + COMPLETE
            + "alpha find reads limit { columns relation } key now 1 2\n" + FIND
            + "alpha now reads { } now 0 1\n" + text
            + "beta complete writes id token result { } state 3 1\n" + COMPLETE
            + "beta find reads limit { columns relation } key now 1 2\n" + FIND
            + "beta now reads { } now 0 1\n" + NOW,
        )

    def test_what_is_optional_may_be_missing(self):
        self.write("contract", CONTRACT + "version() {value} optional writes\n")
        self.write("alpha/version.sql", "SELECT {value}\n")
        self.assertEqual(self.embed().stderr, "")
        source = self.read("sql.c")
        self.assertEqual(source.count('"SELECT {value}\\n"'), 1)
        self.assertRegex(source, r'"version",\s+NULL,')

    def test_what_runs_for_many_rows_may_have_a_text_for_all_at_once(self):
        self.write("alpha/complete_many.sql", COMPLETE.replace("= :id", "= ANY (:id)"))
        self.assert_said("alpha/complete_many.sql:1: the statement complete_many is not in contract")
        self.write("contract", CONTRACT.replace("writes", "many writes"))
        self.assert_said()
        self.assertEqual(self.read("sql.c").count("WHERE id = ANY (:id)"), 1)
        self.assertRegex(self.read("sql.c"), r"complete_holes, true,\s+true,\s+NULL,\s+complete_columns")
        self.write("alpha/complete_many.sql", "UPDATE t SET result = :result WHERE id = :ids\n")
        self.assert_said(
            "alpha/complete_many.sql:1: parameter :ids is not declared for complete (contract:4); allowed: :id :token :result",
            "alpha/complete_many.sql:1: parameter :id is declared for complete (contract:4) but not used",
            "alpha/complete_many.sql:1: parameter :token is declared for complete (contract:4) but not used",
        )

    def assert_said(self, *lines):
        self.assertEqual(self.embed().stderr.splitlines(), list(lines))

    def test_an_included_text_reads_its_parameters_from_the_function(self):
        self.write("contract", CONTRACT + "functions() {relation} optional\n")
        self.write("alpha/functions.sql", "CREATE FUNCTION f() AS $$\nDELETE FROM {relation};\n-- include complete as f\n;$$\n")
        self.assertEqual(self.embed().stderr, "")
        self.assertIn("WHERE id = f.id AND token = f.token", self.read("sql.c"))

    def test_longer_than_a_c_literal_must_be_able_to_be(self):
        self.write("alpha/now.sql", "SELECT 1 -- a long text\n" * 1000)
        self.test_header()
        flags = "-std=gnu17 -Wall -Wextra -Wpedantic -Werror".split()
        subprocess.run([os.environ.get("CC", "cc"), *flags, "-c", "sql.c"], cwd=self.folder, check=True)

    def test_depfile_names_files_and_folders(self):
        self.embed()
        target, inputs = self.read("sql.d").split(": ")
        self.assertEqual(target, "sql.h sql.c")
        self.assertEqual({"contract", ".", "alpha", "beta", "beta/find.sql"} - set(inputs.split()), set())


PROGRAM = """\
#include "sql.h"
#include <stdio.h>

static void words(const char *const *list)
{
	for (; *list; list++) {
		printf(" %s", *list);
	}
}

int main(void)
{
	for (const struct sql_engine *engine = sql_engines; engine->name; engine++) {
		for (int i = 0; i < SQL_COUNT; i++) {
			const struct sql_text *text = &engine->texts[i];
			printf("%s %s %s", engine->name, text->name, text->writes ? "writes" : "reads");
			words(text->params);
			printf(" {");
			words(text->holes);
			printf(" }");
			words(text->columns);
			printf(" %d %d\\n%s", text->param_count, text->column_count, text->text);
		}
	}
	return 0;
}
"""


class Tree(unittest.TestCase):
    def test_our_own_statements_keep_the_contract(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, EMBED, EMBED.with_name("contract"), f"{folder}/sql.h", f"{folder}/sql.c"]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual((run.returncode, run.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
