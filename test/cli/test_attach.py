"""docs/attach.md, walked: its commands, line by line, on the table that Django makes of its model, with the answers that it shows."""
import re
import shutil
import sqlite3
import subprocess
import sys
import unittest
from pathlib import Path

from scene import DONE, NOT_FOUND, PROGRAM, ROOT, Scene

PAGE = ROOT / "docs/attach.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODES = {"reclaim detect": NOT_FOUND}

MIGRATE = """
import sys
from django.conf import settings
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}}, INSTALLED_APPS=["jobs"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
import django
django.setup()
from django.core.management import call_command
call_command("makemigrations", "jobs", verbosity=0)
call_command("migrate", verbosity=0)
"""

# What Django 3.2 makes of the model, for machines without it.
MADE = """
CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL);
CREATE TABLE "jobs_task" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "status" varchar(16) NOT NULL,
  "name" varchar(100) NOT NULL, "payload" text NOT NULL CHECK ((JSON_VALID("payload") OR "payload" IS NULL)),
  "worker" varchar(100) NOT NULL, "attempts" integer unsigned NOT NULL CHECK ("attempts" >= 0), "started_at" datetime NULL,
  "finished_at" datetime NULL, "created_at" datetime NOT NULL, "updated_at" datetime NOT NULL);
CREATE INDEX "jobs_task_status_9976697b" ON "jobs_task" ("status");
"""

ROW = ("INSERT INTO jobs_task (status, name, payload, worker, attempts, started_at, finished_at, created_at, updated_at)"
       " SELECT {}, 'mail', '{{}}', {}, {}, {}, {}, datetime('now', '-6 hours'), datetime('now', '-5 hours') FROM n LIMIT {};")
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99) "


def django():
    """A Python that has it."""
    for python in (sys.executable, "/usr/bin/python3", shutil.which("python3") or sys.executable):
        if subprocess.run([python, "-c", "import django"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def general(text):
    """Times, and how wide a table is, are another matter."""
    text = re.sub(r"\d+(?:\.\d+)?(?:d|h|ms|m|s)(?: \d+(?:d|h|m|s))*", "TIME", text)
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


class Attach(Scene):
    def setUp(self):
        super().setUp()
        self.blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
        self.file = self.folder / "app.db"
        self.make_table()
        self.script("".join(NUMBERS + ROW.format(*row) for row in (
            ("'succeeded'", "'web-2'", 1, "datetime('now', '-1 day', i || ' minutes')",
             "datetime('now', '-1 day', i || ' minutes', '41 seconds')", 30),
            ("'running'", "'web-1'", 1, "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-5 hours')", "NULL", 2),
            ("'pending'", "''", 0, "NULL", "NULL", 3),
        )))

    def make_table(self):
        python = django()
        if not python:
            self.script(MADE)
            return
        package = self.folder / "site/jobs"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "models.py").write_text(next(text for kind, text in self.blocks if kind == "python"), encoding="utf-8")
        (package.parent / "migrate.py").write_text(MIGRATE, encoding="utf-8")
        subprocess.run([python, "migrate.py", str(self.file)], cwd=package.parent, check=True)

    def run_line(self, line):
        """A line of the page in a shell; what it said on both, and on stdout alone."""
        if line.startswith("export "):
            name, value = line.removeprefix("export ").split("=", 1)
            self.environment[name] = value
            return ""
        run = subprocess.run(["sh", "-c", line], env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, CODES.get(line, DONE), f"{line}\n{run.stdout}\n{run.stderr}")
        return run.stdout + run.stderr

    def test_the_page(self):
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "reclaim").symlink_to(Path(PROGRAM).resolve())
        self.environment["PATH"] = f"{bin_folder}:{self.environment['PATH']}"
        del self.environment["RECLAIM_DB"]
        said, shown = "", 0
        for kind, text in self.blocks:
            if kind == "sh":
                said = "".join(self.run_line(line) for line in text.splitlines())
            elif kind == "text":
                shown += 1
                self.assertIn("\n".join(general(text)), "\n".join(general(said)))
        self.assertGreaterEqual(shown, 4)
        self.assert_all_wait()

    def assert_all_wait(self):
        """Both claims were given back, as the workers of the model expect it."""
        self.assertEqual(self.sql("SELECT status, worker, count(*) FROM jobs_task WHERE started_at IS NULL GROUP BY 1, 2"), [("pending", "", 5)])
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events WHERE act = 'recover'"), [(2,)])

    def test_the_readme_points_here(self):
        self.assertIn("docs/attach.md", (ROOT / "README.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
