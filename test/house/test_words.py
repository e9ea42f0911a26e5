"""Words that stand only where they belong: names of engines and profiles, addresses, paths of a machine."""
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ENGINES = ["sqlite", "postgres", "postgresql", "mariadb", "mysql"]
# What belongs to no engine and still has to name them.
NAMES_ENGINES = {
    "src/db/db.c": "the list of drivers",
    "src/db/driver.h": "their declarations",
}
# Addresses that a reader may be sent to.
HOSTS = {
    "example.com", "example.net", "example.org", "localhost", "127.0.0.1", "[::1]",
    "www.apache.org", "keepachangelog.com", "semver.org", "www.sqlite.org", "www.postgresql.org", "mariadb.com",
}


def tracked(*patterns):
    """(path from the root, its lines) of each text file that git has or could have."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        raise unittest.SkipTest("not a git checkout")
    for name in sorted(filter(None, run.stdout.split("\0"))):
        try:
            yield name, (ROOT / name).read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue


def without_comments(lines):
    """C code with its comments blanked out, line by line."""
    text = re.sub(
        r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*',
        lambda found: found[0] if found[0][0] == '"' else re.sub(r"[^\n]", " ", found[0]),
        "\n".join(lines),
        flags=re.DOTALL,
    )
    return text.split("\n")


class Words(unittest.TestCase):
    def assert_nowhere(self, files, pattern, why):
        found = [
            f"{name}:{number}: {hit[0]}"
            for name, lines in files
            for number, line in enumerate(lines, 1)
            for hit in pattern.finditer(line)
        ]
        self.assertEqual(found, [], why)

    def test_engines(self):
        """The mechanism knows engines by their vtable; a name is their own files' business."""
        def foreign(name):
            parts = Path(name).parts
            own = parts[1] == "db" and any(Path(name).stem.startswith(engine) for engine in ENGINES)
            return not own and name not in NAMES_ENGINES

        files = [(name, without_comments(lines)) for name, lines in tracked("src/*.[ch]") if foreign(name)]
        self.assert_nowhere(files, re.compile("|".join(ENGINES), re.IGNORECASE), "an engine's name outside its own files")

    def test_profiles(self):
        """What a known ledger needs is data in its profile, never a branch on its name: not in C, in SQL or in a comment."""
        names = {path.stem for path in (ROOT / "profiles").glob("*.conf")} - {"reclaim"}
        if not names:
            self.skipTest("no profiles yet")
        any_name = "|".join("[-_ ]?".join(map(re.escape, name.split("-"))) for name in sorted(names))
        pattern = re.compile(r"(?<![A-Za-z0-9])(" + any_name + r")(?![A-Za-z0-9])", re.IGNORECASE)
        self.assert_nowhere(tracked("src", "include"), pattern, "a profile's name where the mechanism is")

    def test_addresses(self):
        known = "|".join(map(re.escape, sorted(HOSTS)))
        hosts = re.compile(r"\bhttps?://(?:[^/\s@]*@)?(?!(?:" + known + r")(?![\w.-]))[^\s\"'<>`)]*")
        files = [(name, lines) for name, lines in tracked() if name != str(Path(__file__).relative_to(ROOT))]
        self.assert_nowhere(files, hosts, "an address that is not on the list of this test")

    def test_paths_of_a_machine(self):
        paths = re.compile(r"(?<![\w.\-/}])/(?:home|root|work|Users)/\w+")
        self.assert_nowhere(tracked(), paths, "a path that exists on one machine only")

    def test_notes_to_oneself(self):
        notes = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
        self.assert_nowhere(tracked(), notes, "a note; do it, or write it down where work is planned")

    def test_names_that_say_nothing(self):
        pattern = re.compile(r"\b(?:\w+_)?(?:manager|helpers?|utils?)\b", re.IGNORECASE)
        files = [(name, without_comments(lines)) for name, lines in tracked("src/*.[ch]", "include/*.h")]
        self.assert_nowhere(files, pattern, "a name that is no word of the domain")


if __name__ == "__main__":
    unittest.main()
