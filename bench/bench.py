"""Measures the program on every engine that this machine has, and prints one table. Figures, no verdict.

    bench.py BUILD
"""
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from engines import ENGINES

STALE, FINISHED, IN_FLIGHT, READY = 100000, 1000000, 10000, 100000
WIDTH = 62

# What is measured under which name, as the table says it.
VERBS = {
    "submit_1": "submit, one at a time (/s)",
    "submit_1000": "submit, 1 000 a batch (/s)",
    "claim_1": "claim, one at a time, 130 000 ready (/s)",
    "complete_1": "complete, one at a time (/s)",
    "claim_100": "claim, 100 a batch (/s)",
    "complete_100": "complete, 100 a batch (/s)",
}


def row(name, cells):
    print(f"{name:<{WIDTH}}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


def figure(number):
    if number is None:
        return "-"
    return f"{number:,.0f}".replace(",", " ") if number >= 100 else f"{number:.1f}"


class Bench:
    def __init__(self, build, engines, folder):
        self.program = build / "reclaim"
        self.bench, self.start, self.stamp = (build / "bench" / name for name in ("bench", "start", "stamp"))
        self.engines = engines  # None where there is none
        self.folder = Path(folder)
        self.uncapped = self.folder / "uncapped.conf"
        own = subprocess.run([self.program, "profiles", "reclaim"], capture_output=True, text=True, check=True).stdout
        self.uncapped.write_text(own.replace("per_sweep = 1000", 'per_sweep = "off"'))
        self.uncapped.chmod(0o600)

    def each(self, measure):
        """What is measured on each engine; None where there is none."""
        return [engine and measure(engine) for engine in self.engines]

    def table(self, names, columns):
        """A row for each name, from a dictionary for each engine."""
        for key, name in names.items():
            row(name, [figure(column and column[key]) for column in columns])

    def run(self, *words, environment=None):
        """What a program of ours prints: the figures of each name, in order."""
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, words))}: {done.stderr or done.returncode}")
        figures = {}
        for name, number in map(str.split, done.stdout.splitlines()):
            figures.setdefault(name, []).append(float(number))
        return figures

    def measure(self, *words):
        """The figures of names that stand once."""
        return {name: numbers[0] for name, numbers in self.run(self.bench, *words).items()}

    def ledger(self, engine, **rows):
        url = engine.fresh()
        self.run(self.bench, "init", url)
        for kind, count in rows.items():
            engine.fill(url, kind, count)
        return url

    def verbs(self, engine):
        return self.measure("verbs", self.ledger(engine, ready=READY))

    def sweep(self, engine, **rows):
        return self.measure("sweep", self.ledger(engine, **rows), self.uncapped, rows["stale"])

    def sweep_empty(self, engine):
        """The median of a few, without the first one, which makes the turn's row."""
        url = self.ledger(engine, alive=IN_FLIGHT)
        times = [self.measure("sweep", url, self.uncapped, 0)["ms"] for _ in range(10)]
        return {"ms": statistics.median(times[1:])}

    def starts(self, engine):
        """What starting the program and ending it costs; the memory is the most of all of them."""
        environment = dict(os.environ, RECLAIM_DB=self.ledger(engine))
        figures = {"mib": 0}
        for word in ("--version", "status", "sweep"):
            found = self.run(self.start, self.program, word, environment=environment)
            figures[word] = found["ms"][0]
            figures["mib"] = max(figures["mib"], found["mib"][0])
        return figures

    def wakes(self, engine):
        """How long an idle worker takes; and the memory that it has."""
        pipe, url = self.folder / f"{engine.name}.pipe", self.ledger(engine)
        os.mkfifo(pipe)
        command = [self.program, "--quiet", "--db", url, "work", "--", self.stamp, pipe]
        worker = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            figures = self.run(self.bench, "wake", url, pipe)
            status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
        finally:
            worker.terminate()
            worker.wait()
        return {
            "submit": statistics.median(figures["submit"]),
            "median": statistics.median(figures["wake"]),
            "p95": statistics.quantiles(figures["wake"], n=20, method="inclusive")[-1],
            "mib": int(status.split("VmHWM:")[1].split()[0]) / 1024,
        }

    def wakes_everywhere(self):
        """Side by side, because they do nothing but wait."""
        with ThreadPoolExecutor() as pool:
            waiting = self.each(lambda engine: pool.submit(self.wakes, engine))
            return [future and future.result() for future in waiting]


def fsyncs(folder):
    """How often a second this disk says that 4 KiB are safe: what durable commits can't be faster than."""
    with open(Path(folder) / "fsync", "wb", buffering=0) as file:
        count, until = 0, time.monotonic() + 1
        while time.monotonic() < until:
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            count += 1
    return count


def measure(bench):
    bench.table(VERBS, bench.each(bench.verbs))
    sweeps = {"rows": "sweep, 100 000 stale (rows/s)", "ms": "… (ms)"}
    bench.table(sweeps, bench.each(lambda engine: bench.sweep(engine, stale=STALE)))
    sweeps["rows"] = "sweep, 100 000 stale beside 1 000 000 finished (rows/s)"
    bench.table(sweeps, bench.each(lambda engine: bench.sweep(engine, finished=FINISHED, stale=STALE)))
    bench.table({"ms": "sweep, nothing stale, 10 000 claims in flight (ms)"}, bench.each(bench.sweep_empty))
    bench.table(
        {
            "--version": "start to end of reclaim --version (ms)",
            "status": "start to end of reclaim status (ms)",
            "sweep": "start to end of reclaim sweep (ms)",
            "mib": "most memory of one of these (MiB)",
        },
        bench.each(bench.starts),
    )
    bench.table(
        {
            "submit": "submit, in the next two rows, median (ms)",
            "median": "from submit to the command's start, idle work, median (ms)",
            "p95": "… 95 % of 30 (ms)",
            "mib": "most memory of that worker (MiB)",
        },
        bench.wakes_everywhere(),
    )


def main():
    begun = time.monotonic()
    with ExitStack() as stack:
        engines = []
        for kind in ENGINES:
            try:
                engines.append(stack.enter_context(kind()))
            except unittest.SkipTest as reason:
                print(reason, file=sys.stderr)
                engines.append(None)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reclaim-bench-", dir="/tmp"))
        print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}; one client; loopback; private servers, "
              f"every commit durable (fsync on), 128 MB of buffers;\nthis disk makes {fsyncs(folder)} fsyncs of 4 KiB a second")
        row("", [kind.name for kind in ENGINES])
        row("", [engine.version if engine else "-" for engine in engines])
        measure(Bench(Path(sys.argv[1]).resolve(), engines, folder))
    print(f"{time.monotonic() - begun:.0f} s for all of it, rows made by SQL included")


main()
