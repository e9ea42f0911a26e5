"""The layers of src/: each sees the headers of those below it and no others, and the library exports its own API alone."""
import functools
import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("RECLAIM_BUILD", ROOT / "build"))

BELOW = {
    "core": [],
    "profile": ["core"],
    "db": ["core"],
    "ledger": ["core", "profile", "db"],
    "sweep": ["core", "profile", "db", "ledger"],
    "lib": ["core", "profile", "db", "ledger", "sweep"],
    "app": ["core", "profile", "db", "ledger", "sweep", "lib"],
}


def headers(layer):
    return sorted(path.name for path in (ROOT / "src" / layer).glob("*.h"))


@functools.cache
def commands():
    """How one file of each layer is compiled: (folder to stand in, compiler, include options)."""
    path = BUILD / "compile_commands.json"
    if not path.exists():
        raise unittest.SkipTest(f"no {path}: build first, or name a build folder in RECLAIM_BUILD")
    found = {}
    for entry in json.loads(path.read_text(encoding="utf-8")):
        source = Path(os.path.normpath(Path(entry["directory"]) / entry["file"]))
        if not source.is_relative_to(ROOT / "src"):
            continue
        words = shlex.split(entry["command"])
        compiler = next(word for word in words if Path(word).name != "ccache")
        includes = [word for word in words if word.startswith("-I")]
        found.setdefault(source.relative_to(ROOT / "src").parts[0], (entry["directory"], compiler, includes))
    return found


def compile_as(layer, names):
    """Preprocesses a file of `layer` that includes `names`; returns what the compiler says."""
    folder, compiler, includes = commands()[layer]
    with tempfile.NamedTemporaryFile("w", suffix=".c") as probe:
        probe.write("".join(f'#include "{name}"\n' for name in names))
        probe.flush()
        run = subprocess.run(
            [compiler, "-E", *includes, probe.name, "-o", os.devnull], cwd=folder, capture_output=True, text=True, check=False
        )
    return run.stderr if run.returncode else ""


class Includes(unittest.TestCase):
    def test_every_folder_is_a_layer(self):
        folders = {path.name for path in (ROOT / "src").iterdir() if path.is_dir() and any(path.rglob("*.[ch]"))}
        self.assertEqual(folders - set(BELOW), set(), "a folder of src/ without a place among the layers of this test")

    def test_header_names_are_unique(self):
        seen = {}
        for layer in BELOW:
            for name in headers(layer):
                self.assertNotIn(name, seen, f"src/{layer}/{name}: src/{seen.get(name)} has a header of that name")
                seen[name] = layer

    def test_no_way_around_by_path(self):
        """An include is a bare file name: a path could leave the layer."""
        for path in [*ROOT.glob("src/**/*.[ch]"), *ROOT.glob("test/**/*.[ch]"), *ROOT.glob("include/*.h")]:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                include = re.match(r'\s*#\s*include\s*"([^"]*)"', line)
                if include:
                    self.assertNotIn("/", include[1], f"{path.relative_to(ROOT)}:{number}")
                self.assertNotRegex(line, r'#\s*include\s*[<"][^>"]*\.\./', f"{path.relative_to(ROOT)}:{number}")

    def test_downward_includes_compile(self):
        for layer, below in BELOW.items():
            if layer not in commands():
                continue
            for name in [name for each in [*below, layer] for name in headers(each)]:
                with self.subTest(f"{layer} includes {name}"):
                    self.assertEqual(compile_as(layer, [name]), "")

    def test_other_includes_do_not_compile(self):
        for layer, below in BELOW.items():
            if layer not in commands():
                continue
            for other in sorted(set(BELOW) - {layer, *below}):
                for name in headers(other):
                    with self.subTest(f"{layer} includes {other}'s {name}"):
                        self.assertIn(name, compile_as(layer, [name]))

    def test_core_knows_no_library(self):
        """Pure: nothing that does I/O can even be named."""
        if "core" not in commands():
            self.skipTest("core is not in this build")
        for path in sorted((ROOT / "src/core").glob("*.[ch]")):
            for name in re.findall(r"#\s*include\s*<([^>]+)>", path.read_text(encoding="utf-8")):
                self.assertNotRegex(name, r"^(sqlite3|libpq-fe|mysql|confuse|microhttpd|sys/socket)", path.name)


class Exports(unittest.TestCase):
    def exported(self):
        library = next((path for path in BUILD.rglob("libreclaim.so") if path.is_file()), None)
        if not library:
            self.skipTest(f"no libreclaim.so in {BUILD}")
        run = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
        return {line.split()[-1].split("@")[0] for line in run.stdout.splitlines()}

    def test_only_the_api(self):
        names = self.exported()
        self.assertEqual({name for name in names if not name.startswith("reclaim_")}, set())
        self.assertTrue(names, "it exports nothing")

    def test_all_of_the_api(self):
        """What the public header declares can be linked against."""
        exported = self.exported()
        header = (ROOT / "include/reclaim.h").read_text(encoding="utf-8")
        header = re.sub(r"/\*.*?\*/|#[^\n]*|\btypedef\b[^;]*;", "", header, flags=re.DOTALL)
        declared = set(re.findall(r"\b(reclaim_\w+)\s*\([^;{}]*\)\s*;", header))
        self.assertEqual(declared, exported)


if __name__ == "__main__":
    unittest.main()
