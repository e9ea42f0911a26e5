#!/usr/bin/env python3
"""Turns `contract` and the engines' .sql files into sql.h and sql.c, and fails the build where an engine breaks the contract.

    embed.py CONTRACT HEADER SOURCE [--depfile FILE]

Every folder beside CONTRACT that holds .sql files is an engine; its file NAME.sql is its text of the statement NAME.

A line of the contract declares one statement; indented lines continue it, `#` starts a comment, and a block of comments
directly above a statement is its description:

    # Ends a claim with a result.
    complete(id token result) {schema} writes -> state attempts

In the texts a parameter is written `:id` and a hole `{schema}`, both outside literals, quoted identifiers and comments.
Each text must use what is declared for it, all of it and nothing else. A statement that is `optional` (a word before
`writes`) may lack a text: then it has none there. A line `-- include NAME as FUNCTION` in a text stands for the text NAME of the
same engine, its parameters `:id` read as the function's, `FUNCTION.id`. Comments are `--` to the end of the line.
"""
import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

DECLARATION = re.compile(
    r"(?P<name>[^\s(]+)\s*\((?P<params>[^()]*)\)\s*(?:\{(?P<holes>[^{}]*)\}\s*)?"
    r"(?P<optional>optional\b\s*)?(?P<many>many\b\s*)?(?P<writes>writes\b\s*)?(?:->\s*(?P<columns>[^(){}]+))?"
)
WORD = re.compile(r"[a-z][a-z0-9_]*")
TOKEN = re.compile(
    r"""
      '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$
    | --[^\n]* | ::
    | (?P<quote>['"`]) | (?P<block>/\*)
    | :(?P<param>[A-Za-z_]\w*) | \{(?P<hole>\w+)\} | (?P<brace>[{}])
    """,
    re.VERBOSE | re.DOTALL,
)
FORM = "name(param …) {hole …} optional many writes -> column …"
MANY = "_many"
HOLE = re.compile(r"\{(\w+)\}")
INCLUDE = re.compile(r"^-- include (?P<name>\w+) as (?P<function>[\w.]+)$", re.MULTILINE)


@dataclass
class Statement:
    name: str
    line: int
    params: list
    holes: list
    columns: list
    writes: bool
    optional: bool
    many: bool
    description: list


@dataclass
class Engine:
    name: str
    folder: Path
    texts: dict = field(default_factory=dict)


class Problems:
    """Collects `file:line: what is wrong`, so that one build shows them all."""

    def __init__(self):
        self.lines = []

    def add(self, path, line, text):
        self.lines.append(f"{path}:{line}: {text}")


# --- the contract


def logical_lines(text):
    """Yields (line number, declaration with its continuation lines, the comment block directly above it)."""
    at, parts, comments = 0, [], []
    for number, raw in enumerate(text.splitlines(), 1):
        code = raw.split("#", 1)[0].rstrip()
        if parts and code and raw[0].isspace():
            parts.append(code.strip())
            continue
        if parts:
            yield at, " ".join(parts), comments
            parts, comments = [], []
        if code:
            at, parts = number, [code.strip()]
        elif raw.lstrip().startswith("#"):
            comments = comments + [raw.lstrip().lstrip("#").strip()]
        else:
            comments = []
    if parts:
        yield at, " ".join(parts), comments


def constants(statement):
    """The C names of a statement's parameters and columns, in the order of their declaration."""
    prefix = statement.name.upper() + "_"
    params = [prefix + name.upper() for name in statement.params] + [prefix + "PARAMS"]
    columns = [prefix + "R_" + name.upper() for name in statement.columns]
    return params, columns + [prefix + "COLUMNS"] if columns else []


def words_of(match, group, path, line, problems):
    words = (match[group] or "").split()
    for word in words:
        if not WORD.fullmatch(word):
            problems.add(path, line, f"{match['name']}: '{word}' is no name; allowed are a-z, 0-9 and _, a letter first")
    for word in sorted({word for word in words if words.count(word) > 1}):
        problems.add(path, line, f"{match['name']}: '{word}' stands twice in {group}")
    return words


def read_contract(path, problems):
    statements, used = {}, {"SQL_COUNT": "the contract"}
    for line, text, description in logical_lines(path.read_text(encoding="utf-8")):
        match = DECLARATION.fullmatch(text)
        if not match or not WORD.fullmatch(match["name"]):
            problems.add(path, line, f"cannot read '{text}'; a statement is {FORM}")
            continue
        params, holes, columns = (words_of(match, group, path, line, problems) for group in ("params", "holes", "columns"))
        if "writes" in columns:
            problems.add(path, line, f"{match['name']}: 'writes' stands before '->'")
        words = (bool(match[word]) for word in ("writes", "optional", "many"))
        statement = Statement(match["name"], line, params, holes, columns, *words, description)
        if statement.name in statements:
            problems.add(path, line, f"{statement.name} is declared at line {statements[statement.name].line} already")
            continue
        statements[statement.name] = statement
        for constant in dict.fromkeys(["SQL_" + statement.name.upper(), *sum(constants(statement), [])]):
            if constant in used:
                problems.add(path, line, f"{statement.name}: the constant {constant} is one of {used[constant]} already")
            used.setdefault(constant, statement.name)
    if not statements:
        problems.add(path, 1, f"declares no statement; a statement is {FORM}")
    return statements


# --- the engines


def check_names(kind, mark, found, declared, where, contract, problems):
    """`found` maps each name that the text uses to the line of its first use."""
    path, statement = where
    declaration = f"declared for {statement.name} ({contract}:{statement.line})"
    for name, line in found.items():
        if name not in declared:
            allowed = " ".join(mark(each) for each in declared) or "none"
            problems.add(path, line, f"{kind} {mark(name)} is not {declaration}; allowed: {allowed}")
    for name in declared:
        if name not in found:
            problems.add(path, 1, f"{kind} {mark(name)} is {declaration} but not used")


def check_text(path, text, statement, contract, problems):
    params, holes = {}, {}
    if not text.strip():
        problems.add(path, 1, f"is empty; it should hold the statement {statement.name}")
    for token in TOKEN.finditer(text):
        line = text.count("\n", 0, token.start()) + 1
        if token["quote"]:
            problems.add(path, line, f"{token['quote']} is opened and not closed")
            return
        if token["block"]:
            problems.add(path, line, "a comment is '--' to the end of the line; '/*' is not allowed")
            return
        if token["brace"]:
            problems.add(path, line, f"'{token['brace']}' outside a literal; a hole is {{name}}")
        if token["tag"] is not None:
            # A function's body: only its holes are ours.
            for name in HOLE.findall(token[0]):
                if name in statement.holes:
                    holes.setdefault(name, line)
        if token["param"]:
            params.setdefault(token["param"], line)
        if token["hole"]:
            holes.setdefault(token["hole"], line)
    where = (path, statement)
    check_names("parameter", lambda name: ":" + name, params, statement.params, where, contract, problems)
    check_names("hole", lambda name: "{" + name + "}", holes, statement.holes, where, contract, problems)


def text_of(stem, statements):
    """The statement that the file's text is of, by itself or for many rows at once."""
    single = statements.get(stem.removesuffix(MANY))
    return statements.get(stem) or (single if single and single.many else None)


def included(text, engine, problems):
    def replaced(match):
        if match["name"] not in engine.texts:
            problems.add(engine.folder, 1, f"{match[0]}: the engine has no {match['name']}.sql")
            return ""
        return TOKEN.sub(
            lambda token: f"{match['function']}.{token['param']}" if token["param"] else token[0],
            engine.texts[match["name"]].rstrip(),
        )

    return INCLUDE.sub(replaced, text)


def read_engines(contract, statements, problems):
    engines = []
    for folder in sorted({path.parent for path in contract.parent.glob("*/*.sql")}):
        engine = Engine(folder.name, folder)
        engines.append(engine)
        for path in sorted(folder.glob("*.sql")):
            statement = text_of(path.stem, statements)
            if not statement:
                problems.add(path, 1, f"the statement {path.stem} is not in {contract}")
                continue
            engine.texts[path.stem] = path.read_text(encoding="utf-8")
            check_text(path, engine.texts[path.stem], statement, contract, problems)
        for name, statement in statements.items():
            if name not in engine.texts and not statement.optional:
                problems.add(contract, statement.line, f"{name}: the engine {engine.name} has no {folder / (name + '.sql')}")
        engine.texts = {name: included(text, engine, problems) for name, text in engine.texts.items()}
    if not engines:
        problems.add(contract, 1, f"no engine: {contract.parent} has no folder with .sql files")
    return engines


# --- the output


HEADER = """\
/*
 * The statements of the ledger, by name, with the places of their parameters and result columns. Made by embed.py out of
 * `contract` and each engine's .sql files: change it there.
 */
#ifndef LEDGER_SQL_H
#define LEDGER_SQL_H

#include <stdbool.h>

{statements}

/* A statement as its engine's file has it. Parameters stand in it as `:name`, holes as `{{name}}`. */
struct sql_text {{
	const char *name;
	const char *text; /* NULL: the engine has none of this */
	const char *const *params; /* by place, NULL at the end */
	int param_count;
	const char *const *holes; /* NULL at the end */
	bool writes;
	bool many;           /* each row of parameters changes one row at most */
	const char *at_once; /* for many of them: their parameters are arrays; NULL: the engine has none of this */
	const char *const *columns; /* of its result, by place, NULL at the end */
	int column_count;
}};

struct sql_engine {{
	const char *name;
	const struct sql_text *texts; /* by enum sql */
}};

/* By name; one without a name at the end. */
extern const struct sql_engine sql_engines[];

#endif
"""

SOURCE = """\
/* Made by embed.py: see sql.h. */
#include "sql.h"

#include <stddef.h>

#pragma GCC diagnostic ignored "-Woverlength-strings"

{names}
{texts}
const struct sql_engine sql_engines[] = {{
{engines}
	{{ NULL, NULL }},
}};
"""


def comment(lines, indent=""):
    text = [line.replace("*/", "* /") for line in lines]
    if len(text) < 2:
        return [f"{indent}/* {line} */" for line in text]
    return [f"{indent}/*", *(f"{indent} * {line}".rstrip() for line in text), f"{indent} */"]


def header(statements):
    lines = ["enum sql {"]
    for statement in statements:
        lines += comment(statement.description, "\t") + [f"\tSQL_{statement.name.upper()},"]
    lines += ["\tSQL_COUNT,", "};"]
    for statement in statements:
        lines += ["", f"/* {statement.name} */"]
        lines += [f"enum {{ {', '.join(names)} }};" for names in constants(statement) if names]
    return HEADER.format(statements="\n".join(lines))


def literal(text):
    """C source of `text`: a string literal for each line."""
    def escaped(byte):
        if byte in b'"\\?':
            return "\\" + chr(byte)
        return chr(byte) if 32 <= byte < 127 else {10: "\\n", 9: "\\t"}.get(byte, f"\\{byte:03o}")

    lines = text.encode().splitlines(keepends=True) or [b""]
    return "\n".join('\t\t"' + "".join(map(escaped, line)) + '"' for line in lines)


def text_literal(engine, name):
    return literal(engine.texts[name]) if name in engine.texts else "\t\tNULL"


def name_list(symbol, names):
    items = ", ".join([*(f'"{name}"' for name in names), "NULL"])
    return f"static const char *const {symbol}[] = {{ {items} }};\n"


def engine_texts(engine, statements):
    lines = [f"static const struct sql_text {engine.name}_texts[SQL_COUNT] = {{"]
    for statement in statements:
        name = statement.name
        lines += [
            f"\t[SQL_{name.upper()}] = {{",
            f'\t\t"{name}",',
            text_literal(engine, name) + ",",
            f"\t\t{name}_params, {len(statement.params)}, {name}_holes, {str(statement.writes).lower()},",
            f"\t\t{str(statement.many).lower()},",
            text_literal(engine, name + MANY) + ",",
            f"\t\t{name}_columns, {len(statement.columns)},",
            "\t},",
        ]
    return "\n".join(lines + ["};\n"])


def source(statements, engines):
    names = [
        name_list(f"{statement.name}_{group}", getattr(statement, group))
        for statement in statements
        for group in ("params", "holes", "columns")
    ]
    return SOURCE.format(
        names="".join(names),
        texts="\n".join(engine_texts(engine, statements) for engine in engines),
        engines="\n".join(f'\t{{ "{engine.name}", {engine.name}_texts }},' for engine in engines),
    )


def depfile(outputs, contract, engines):
    """Names the folders too: they change when a file comes or goes."""
    inputs = [contract, contract.parent]
    for engine in engines:
        inputs += [engine.folder, *(engine.folder / f"{name}.sql" for name in engine.texts)]
    spaced = [str(path).replace(" ", "\\ ") for path in inputs]
    return f"{' '.join(map(str, outputs))}: {' '.join(spaced)}\n"


def main(arguments):
    parser = argparse.ArgumentParser(description="Turns the ledger's SQL into C.")
    parser.add_argument("contract", type=Path)
    parser.add_argument("header", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--depfile", type=Path)
    options = parser.parse_args(arguments)

    problems = Problems()
    statements = read_contract(options.contract, problems)
    engines = read_engines(options.contract, statements, problems)
    if problems.lines:
        print("\n".join(problems.lines), file=sys.stderr)
        return 1
    declared = list(statements.values())
    options.header.write_text(header(declared), encoding="utf-8")
    options.source.write_text(source(declared, engines), encoding="utf-8")
    if options.depfile:
        outputs = (options.header, options.source)
        options.depfile.write_text(depfile(outputs, options.contract, engines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
