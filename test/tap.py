#!/usr/bin/env python3
"""Runs one file of unittest tests and says in TAP how each went.

    tap.py FILE
"""
import importlib.util
import sys
import traceback
import unittest
from pathlib import Path

# Folders of what test files share; a file finds its own folder first.
SHARED = ("", "cli", "servers", "known", "hosts")


class Tap(unittest.TestResult):
    """One line a test method, whatever its subtests do; a class or module that can't be set up is one line too."""

    def __init__(self):
        super().__init__()
        self.lines = 0
        self.trouble = []
        self.skipped_because = None

    def startTest(self, test):
        super().startTest(test)
        self.trouble, self.skipped_because = [], None

    def stopTest(self, test):
        super().stopTest(test)
        self.say(test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.trouble.append((str(subtest), err))

    def addError(self, test, err):
        self.add_trouble(test, err)

    def addFailure(self, test, err):
        self.add_trouble(test, err)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.trouble.append((str(test), None))

    def addSkip(self, test, reason):
        self.skipped_because = reason
        if not isinstance(test, unittest.TestCase):
            self.say(test)

    def add_trouble(self, test, err):
        self.trouble.append((str(test), err))
        if not isinstance(test, unittest.TestCase):
            self.say(test)

    def say(self, test):
        self.lines += 1
        name = test.id().replace("#", "")
        if self.trouble:
            print(f"not ok {self.lines} - {name}")
        elif self.skipped_because is not None:
            print(f"ok {self.lines} - {name} # SKIP {self.skipped_because}")
        else:
            print(f"ok {self.lines} - {name}")
        for where, err in self.trouble:
            text = "".join(traceback.format_exception(*err)) if err else "passed, and was expected not to"
            print("\n".join("# " + line for line in [where, *text.splitlines()]))
        sys.stdout.flush()
        self.trouble, self.skipped_because = [], None


def load(path):
    sys.dont_write_bytecode = True
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(path.parent), *(str(here / name) for name in SHARED)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main(file):
    tap = Tap()
    load(Path(file).resolve()).run(tap)
    print(f"1..{tap.lines}")


if __name__ == "__main__":
    main(*sys.argv[1:])
