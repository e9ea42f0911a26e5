#!/usr/bin/env python3
"""Writes profile files as one C array: embed.py OUT FILE..."""
import os
import sys

ESCAPES = {'\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t'}


def literal(line):
    out = ''
    for byte in line.encode():
        char = chr(byte)
        if char in ESCAPES:
            out += ESCAPES[char]
        elif 32 <= byte < 127 and char != '?':
            out += char
        else:
            out += '\\%03o' % byte
    return '\t\t"%s"\n' % out


def main():
    with open(sys.argv[1], 'w', encoding='utf-8') as out:
        out.write('#include "builtin.h"\n\nconst struct builtin_profile builtin_profiles[] = {\n')
        for path in sys.argv[2:]:
            name = os.path.splitext(os.path.basename(path))[0]
            out.write('\t{ "%s",\n' % name)
            with open(path, encoding='utf-8') as file:
                out.writelines(literal(line) for line in file)
            out.write('\t},\n')
        out.write('\t{ 0 },\n};\n')


main()
