#!/usr/bin/env python3
"""Runs test programs, one after the other, on a private server of an engine: each with RECLAIM_TEST_DB, its URL.

    on.py postgres|mariadb PROGRAM…

Their TAP is passed on. Without such a server on this machine: a line that says so, and exit code 77, skipped.
"""
import os
import subprocess
import sys
import unittest

import mariadb
import postgres

SERVERS = {
    "postgres": (postgres.Postgres, lambda server: server.url()),
    "mariadb": (mariadb.Server, lambda server: server.url),
}
EXIT_SKIPPED = 77


def main(engine, *programs):
    start, url_of = SERVERS[engine]
    try:
        server = start()
    except unittest.SkipTest as reason:
        print(f"1..0 # skip {reason}")
        return EXIT_SKIPPED
    with server:
        environment = {**os.environ, "RECLAIM_TEST_DB": url_of(server)}
        codes = [subprocess.run([program], env=environment, check=False).returncode for program in programs]
    return max(map(abs, codes))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
