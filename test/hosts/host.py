"""Other people's job queues, as their own packages run them: their migrations, their workers, their view of a job.

Each is a program beside this file with the verbs of verbs.mjs. What they need is installed by dev/hosts (into
build-hosts) and, of Debian's packages, by dev/deps.
"""
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parents[1] / "build-hosts"
PATIENCE = 60  # seconds for a verb


def node():
    """Node as dev/hosts installed it."""
    found = sorted(INSTALLED.glob("node_modules/node-linux-*/bin/node"))
    return str(found[0]) if found and (INSTALLED / "installed").exists() else None


def ruby(gem):
    found = shutil.which("ruby")
    has = found and subprocess.run([found, "-e", f"gem '{gem}'"], capture_output=True, check=False).returncode == 0
    return found if has else None


def php(library):
    return shutil.which("php") if Path("/usr/share/php", library, "autoload.php").exists() else None


def python(package):
    """Debian's Python, which is the one that sees Debian's packages."""
    return "/usr/bin/python3" if Path("/usr/lib/python3/dist-packages", package).exists() else None


def family(pid):
    """The process and its descendants."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


# What runs each host's program; None where it is not installed.
RUN_BY = {
    "pg_boss.mjs": node(),
    "graphile_worker.mjs": node(),
    "bullmq.mjs": node(),
    "delayed_job.rb": ruby("delayed_job_active_record"),
    "laravel.php": php("Illuminate/Queue"),
    "djangoq.py": python("django_q"),
}


class Worker:
    """The host's own worker, with a job in its hands until it is told to end it."""

    def __init__(self, command, folder, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=folder)

    @property
    def said(self):
        """(word, rest) of each line."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]

    def has(self, word):
        return [rest for said, rest in self.said if said == word]

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, of all its processes."""
        for pid in family(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def let_go(self):
        """Its jobs may end."""
        self.process.stdin.close()

    def finish(self):
        """Its jobs may end, and with them the worker; the exit status."""
        self.let_go()
        return self.process.wait(PATIENCE)

    def end(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.kill()


class Host:
    """One of them on a database, its programs in a folder."""

    def __init__(self, program, url, folder):
        self.program, self.url, self.folder = program, url, folder
        self.started = 0
        # A module looks for others from where it lies.
        for module in HERE.glob("*.mjs"):
            shutil.copy(module, folder)
        if not (folder / "node_modules").exists():
            os.symlink(INSTALLED / "node_modules", folder / "node_modules")

    def command(self, verb, options):
        where = self.folder if self.program.endswith(".mjs") else HERE
        return [RUN_BY[self.program], str(where / self.program), verb, self.url, json.dumps(options)]

    def ask(self, verb, **options):
        run = subprocess.run(
            self.command(verb, options), stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.folder,
            timeout=PATIENCE, check=False,
        )
        if run.returncode:
            raise RuntimeError(f"{self.program} {verb}: {run.stderr or run.stdout}")
        return json.loads(run.stdout) if run.stdout else None

    def setup(self, **options):
        self.ask("setup", **options)

    def submit(self, **options):
        return self.ask("submit", **options)

    def show(self, **options):
        return self.ask("show", **options)

    def work(self, **options):
        self.started += 1
        return Worker(self.command("work", options), self.folder, self.folder / f"{self.program}-{self.started}.log")
