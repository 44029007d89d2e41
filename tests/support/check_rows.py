#!/usr/bin/env python3
"""check_rows.py TABLE PROGRAM...: whether the table has each row of its peer once, and whether each test that it names exists in
one of the programs.

    | AS-07 | what | `name of a test`; `name of another`. Decided otherwise: why |

Names of tests stand in backticks in the last column, and have a colon; other things in backticks have none. A row without a test
says "not yet", which only the rows in NOT_YET may.

check_rows.py --selftest: whether the check catches what is wrong."""
import os
import re
import subprocess
import sys



def rows(prefix, numbers, weaknesses):
    return [f"{prefix}-{n:02}" for n in numbers] + [f"W-{prefix}-{n:02}" for n in range(1, weaknesses + 1)]


TABLES = {
    "asyncio_rows.md": rows("AS", (*range(1, 9), *range(10, 20), *range(30, 39)), 8),
    "serialio_rows.md": rows("SE", range(1, 18), 15),
    "sockio_rows.md": rows("SO", (*range(1, 8), *range(10, 21), *range(25, 29), *range(30, 40), *range(45, 51)), 14),
}
ROWS = TABLES["asyncio_rows.md"]
# Rows that may do without a test for now.
NOT_YET = frozenset()


def check(table, tests, expected=ROWS, not_yet=NOT_YET):
    problems = []
    found = []
    for line in table.splitlines():
        match = re.fullmatch(r"\| ((?:W-)?[A-Z]{2}-\d+) \| (.+?) \| (.*) \|", line)
        if not match:
            if re.match(r"\|\s*(W-)?[A-Z]{2}-", line):
                problems.append(f"no row of three columns: {line}")
            continue
        row, _, shown = match.groups()
        found.append(row)
        named, _, otherwise = shown.partition("Decided otherwise:")
        names = [n for n in re.findall(r"`([^`]+)`", named) if ": " in n]
        also = [n for n in re.findall(r"`([^`]+)`", otherwise) if ": " in n]
        problems += [f"{row}: there is no test '{n}'" for n in names + also if n not in tests]
        if shown == "not yet":
            if row not in not_yet:
                problems.append(f"{row}: has no test")
        elif not names:
            problems.append(f"{row}: names no test")
        if "Decided otherwise" in shown and not otherwise.strip():
            problems.append(f"{row}: does not say why it is decided otherwise")
    problems += [f"{row}: is missing" for row in expected if row not in found]
    problems += [f"{row}: is unknown" for row in sorted(set(found) - set(expected))]
    problems += [f"{row}: is there more than once" for row in sorted(set(found)) if found.count(row) > 1]
    return problems


def tests_of(program):
    # Catch2 2 returns how many there are.
    listed = subprocess.run([program, "--list-test-names-only"], stdout=subprocess.PIPE, text=True, check=False).stdout
    return {line.strip() for line in listed.splitlines()}


def selftest():
    tests = {"a: test", "b: test"}
    lines = {row: f"| {row} | what | `a: test`; `plain`. Decided otherwise: so |" for row in ROWS}
    lines["AS-30"] = "| AS-30 | what | not yet |"

    def problems(changes):
        return check("\n".join(line for line in {**lines, **changes}.values() if line), tests, not_yet={"AS-30", "AS-31"})

    expected = [
        ({}, None),
        ({"AS-31": "| AS-31 | what | `b: test` |"}, None),
        ({"AS-07": "| AS-07 | what | `c: test` |"}, "AS-07: there is no test 'c: test'"),
        ({"AS-07": "| AS-07 | what | `a: test`. Decided otherwise: as in `c: test` |"}, "AS-07: there is no test 'c: test'"),
        ({"AS-07": "| AS-07 | what | not yet |"}, "AS-07: has no test"),
        ({"AS-07": "| AS-07 | what | `plain` |"}, "AS-07: names no test"),
        ({"AS-07": "| AS-07 | what | Decided otherwise: so |"}, "AS-07: names no test"),
        ({"AS-07": "| AS-07 | what | `a: test`. Decided otherwise: |"}, "AS-07: does not say why it is decided otherwise"),
        ({"AS-07": None}, "AS-07: is missing"),
        ({"W-AS-08": None}, "W-AS-08: is missing"),
        ({"more": "| AS-09 | what | `a: test` |"}, "AS-09: is unknown"),
        ({"more": "| AS-08 | what | `a: test` |"}, "AS-08: is there more than once"),
        ({"more": "| AS-08 | `a: test` |"}, "no row of three columns: | AS-08 | `a: test` |"),
    ]
    return [f"{changes}: {got}, expected {wanted}" for changes, wanted in expected
            if (got := problems(changes)) != ([wanted] if wanted else [])]


if __name__ == "__main__":
    if sys.argv[1] == "--selftest":
        result = selftest()
    else:
        with open(sys.argv[1], encoding="utf-8") as f:
            tests = set().union(*(tests_of(p) for p in sys.argv[2:]))
            result = check(f.read(), tests, TABLES[os.path.basename(sys.argv[1])])
    print("\n".join(result))
    sys.exit(bool(result))
