#!/usr/bin/env python3
"""Writes profile files as one C array: embed.py OUT FILE..."""
import sys
from pathlib import Path


def symbol(path):
    return path.stem.replace("-", "_")


def main():
    paths = [Path(name) for name in sys.argv[2:]]
    lines = ['#include "builtin.h"\n']
    for path in paths:
        lines.append("static const char %s_text[] = {" % symbol(path))
        for line in path.read_bytes().splitlines(keepends=True):
            lines.append("\t" + " ".join("'\\%o'," % byte for byte in line))
        lines.append("\t'\\0',\n};\n")
    lines.append("const struct builtin_profile builtin_profiles[] = {")
    lines += ['\t{ "%s", %s_text },' % (path.stem, symbol(path)) for path in paths]
    lines.append("\t{ 0 },\n};\n")
    Path(sys.argv[1]).write_text("\n".join(lines), encoding="ascii")


main()
