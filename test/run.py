#!/usr/bin/env python3
"""Runs the tests of a build side by side and counts them one by one. Shows the output of those that fail, and says what was
skipped, and why.

    run.py [--suite S] [--python DIR]… [--sanitized] [--counts FILE] BUILD [PATTERN]

The tests are the programs that Meson knows in BUILD and the files test_*.py under each DIR, those whose name contains
PATTERN. Each says in TAP how it went (cmocka by itself, Python through tap.py). Every one has a folder of its own for
temporary files and a process group of its own; what is left of either ends with it. In its environment: RECLAIM, the program;
RECLAIM_BUILD, the build folder.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON_TIMEOUT = 180
SANITIZED = 5  # times slower
EXIT_SKIPPED = 77
TAP_LINE = re.compile(r"(?P<no>not )?ok\b(?:\s+\d+)?(?P<rest>.*)")
TAP_SKIP = re.compile(r"#\s*skip\S*\s*(?P<why>.*)", re.IGNORECASE)
TAP_PLAN = re.compile(r"1\.\.(\d+)")


@dataclass
class Test:
    name: str
    command: list
    timeout: float
    folder: Path = ROOT
    environment: dict = field(default_factory=dict)
    alone: bool = False  # nothing else runs beside it


@dataclass
class Outcome:
    test: Test
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    why: str = ""  # what is wrong with the program as a whole
    reasons: Counter = field(default_factory=Counter)  # of what was skipped
    stdout: str = ""
    stderr: str = ""


# --- which tests


def introspect(build, what):
    command = ["meson", "introspect", f"--{what}", str(build)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def programs(build, suite):
    for test in introspect(build, "tests"):
        suites = [each.split(":")[-1] for each in test["suite"]]
        if suite and suite not in suites:
            continue
        yield Test(
            test["name"], test["cmd"], test["timeout"] or float("inf"), Path(test["workdir"] or build),
            test["env"], not test["is_parallel"],
        )


def python_files(folders):
    for folder in folders:
        for path in sorted(Path(folder).resolve().rglob("test_*.py")):
            name = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
            yield Test(name, [sys.executable, str(ROOT / "test/tap.py"), str(path)], PYTHON_TIMEOUT)


def environment(build):
    """Ours, without what would change what the program does."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RECLAIM")}
    ours.update(CMOCKA_MESSAGE_OUTPUT="TAP", PYTHONDONTWRITEBYTECODE="1", RECLAIM_BUILD=str(build))
    for target in introspect(build, "targets"):
        if target["name"] == "reclaim" and target["type"] == "executable":
            ours["RECLAIM"] = target["filename"][0]
    return ours


# --- one test


def count(outcome, code):
    """A program without TAP is one test. In TAP, what was planned and never reported has failed."""
    planned = None
    for line in outcome.stdout.splitlines():
        plan, told = TAP_PLAN.fullmatch(line.strip()), TAP_LINE.match(line)
        if plan:
            planned = (planned or 0) + int(plan[1])
        elif told and (skip := TAP_SKIP.search(told["rest"])):
            outcome.skipped += 1
            outcome.reasons[skip["why"]] += 1
        elif told:
            outcome.failed += bool(told["no"])
            outcome.passed += not told["no"]
    told = outcome.passed + outcome.failed + outcome.skipped
    if not outcome.why and code not in (0, EXIT_SKIPPED):
        outcome.why = f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"
    if planned is None and told:
        outcome.failed += 1
        outcome.why = outcome.why or "ended before its plan"
    elif planned is None and not outcome.why:
        outcome.passed += code == 0
        outcome.skipped += code == EXIT_SKIPPED
    elif planned is not None and planned > told:
        outcome.failed += planned - told
        outcome.why = outcome.why or f"ended after {told} of {planned} tests"
    if outcome.why and not outcome.failed:
        outcome.failed = 1


class Runner:
    def __init__(self, build, sanitized, temp):
        self.environment = environment(build)
        self.slow = SANITIZED if sanitized else 1
        self.prefix = without_random_addresses() if sanitized else []
        self.temp = Path(temp)
        self.running = {}  # names by process group
        self.lock = threading.RLock()  # the signal handler may find it held by its own thread
        self.stopped = False

    def start(self, test, folder, stdout, stderr):
        with self.lock:
            if self.stopped:
                return None
            process = subprocess.Popen(
                self.prefix + test.command, cwd=test.folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                env={**self.environment, **test.environment, "TMPDIR": str(folder)}, start_new_session=True,
            )
            self.running[process.pid] = test.name
            return process

    def end(self, pid):
        """Ends what is left of a test's group; before its leader is reaped, so that the number is still its own."""
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def stop(self):
        with self.lock:
            self.stopped = True
            for pid, name in list(self.running.items()):
                print(f"STOPPED {name}", flush=True)
                self.end(pid)

    def wait(self, process, timeout):
        """Waits for the end of the leader without reaping it; False: it took too long."""
        until = time.monotonic() + timeout
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def watch(self, test, folder, outcome, stdout, stderr):
        """The exit code, or None where the test did not run."""
        try:
            process = self.start(test, folder, stdout, stderr)
        except OSError as error:
            outcome.why = str(error)
            return 1
        if process is None:
            return None
        if not self.wait(process, test.timeout * self.slow):
            outcome.why = f"took longer than {test.timeout * self.slow:.0f} s"
        with self.lock:
            self.end(process.pid)
            del self.running[process.pid]
            return process.wait()

    def run(self, test):
        outcome = Outcome(test)
        with tempfile.TemporaryDirectory(dir=self.temp, ignore_cleanup_errors=True) as folder:
            os.chmod(folder, 0o711)  # tests drop their rights and come back to it
            out, err = Path(folder + ".out"), Path(folder + ".err")
            began = time.monotonic()
            with open(out, "wb") as stdout, open(err, "wb") as stderr:
                code = self.watch(test, folder, outcome, stdout, stderr)
            outcome.seconds = time.monotonic() - began
            outcome.stdout, outcome.stderr = (path.read_text(encoding="utf-8", errors="replace") for path in (out, err))
        if code is not None:
            count(outcome, code)
        return outcome


def without_random_addresses():
    """The sanitizers of these compilers can't live with every layout of the address space that a new kernel picks."""
    prefix = ["setarch", "-R"]
    try:
        return prefix if subprocess.run(prefix + ["true"], capture_output=True, check=False).returncode == 0 else []
    except OSError:
        return []


# --- all of them


def report(outcome):
    """Shows a test that failed, and says what was skipped."""
    for reason, times in outcome.reasons.items():
        print(f"SKIPPED {times} of {outcome.test.name}: {reason or 'no reason given'}", flush=True)
    if not outcome.failed:
        return
    why = f" ({outcome.why})" if outcome.why else ""
    print(f"FAILED {outcome.test.name}{why}", flush=True)
    for text in (outcome.stdout, outcome.stderr):
        shown = [line for line in text.splitlines() if not line.startswith("ok ")]
        left_out = len(shown) - 400
        if left_out > 0:
            shown = shown[:200] + [f"... {left_out} lines ..."] + shown[-200:]
        print("".join(f"    {line}\n" for line in shown), end="")
    sys.stdout.flush()


def run_all(runner, tests, jobs):
    outcomes = []
    with ThreadPoolExecutor(jobs) as pool:
        for outcome in pool.map(runner.run, [test for test in tests if not test.alone]):
            report(outcome)
            outcomes.append(outcome)
    for test in tests:
        if test.alone:
            outcomes.append(runner.run(test))
            report(outcomes[-1])
    return outcomes


def summary(outcomes):
    slowest = sorted(outcomes, key=lambda outcome: -outcome.seconds)[:3]
    named = ", ".join(f"{outcome.test.name} {outcome.seconds:.1f} s" for outcome in slowest if outcome.seconds >= 1)
    return f"slowest: {named}" if named else ""


def main():
    parser = argparse.ArgumentParser(description="Runs the tests of a build.")
    parser.add_argument("build", type=Path)
    parser.add_argument("pattern", nargs="?", default="")
    parser.add_argument("--suite", help="only the programs of this Meson suite")
    parser.add_argument("--python", action="append", default=[], metavar="DIR", help="also the test_*.py under DIR")
    parser.add_argument("--sanitized", action="store_true", help="the build has a sanitizer: give each test more time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--counts", type=Path, help="append 'passed failed skipped' to this file")
    options = parser.parse_args()

    build = options.build.resolve()
    tests = [*programs(build, options.suite), *python_files(options.python)]
    tests = [test for test in tests if options.pattern in test.name]
    with tempfile.TemporaryDirectory(prefix="reclaim-run-") as temp:
        os.chmod(temp, 0o711)
        runner = Runner(build, options.sanitized, temp)

        def stop(number, _frame):
            runner.stop()
            sys.exit(128 + number)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        outcomes = run_all(runner, tests, options.jobs)
    passed, failed, skipped = (sum(getattr(each, what) for each in outcomes) for what in ("passed", "failed", "skipped"))
    if options.counts:
        with open(options.counts, "a", encoding="utf-8") as file:
            file.write(f"{passed} {failed} {skipped}\n")
    print("; ".join(filter(None, [f"{passed} passed, {failed} failed, {skipped} skipped", summary(outcomes)])))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
