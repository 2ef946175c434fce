#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turn the idle-timeout table into a C array, so that the program needs no data file at run time.

    embed.py data/idle-timeouts.tsv OUTPUT.c

A line that the program's own loader would refuse stops the build here.
"""
import re
import sys

SHAPES = "ABCDH"


def fail(path, number, text):
    sys.exit(f"{path}:{number}: {text}")


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def settable(text):
    """Return (min, max) in seconds: -1, -1 = not known; 0, 0 = fixed; max -1 = no limit."""
    if text == "-":
        return -1, -1
    if text == "fixed":
        return 0, 0
    match = re.fullmatch(r"(\d+)-(\d*)", text)
    if not match:
        return None
    return int(match.group(1)), int(match.group(2)) if match.group(2) else -1


def entry(path, number, line):
    fields = line.split("\t")
    if len(fields) != 6 or not all(fields):
        fail(path, number, f"expected 6 fields separated by tabs, found {len(fields)}")
    product, seconds, shapes, span, source, verified = fields
    if not re.fullmatch(r"[1-9]\d{0,8}", seconds):
        fail(path, number, f"{seconds!r} is no number of seconds")
    if not shapes or set(shapes) - set(SHAPES):
        fail(path, number, f"{shapes!r} is no shape (letters of {SHAPES})")
    if settable(span) is None:
        fail(path, number, f"{span!r} is neither fixed, - nor MIN-MAX")
    if not re.fullmatch(r"memory|20\d\d-\d\d(-\d\d)?", verified):
        fail(path, number, f"{verified!r} is neither memory nor a date")
    low, high = settable(span)
    return "\t{ %s, %s, %d, %d, %s, %s, %s, %s }," % (
        quote(product), seconds, low, high, quote(shapes), quote(source), quote(verified),
        "true" if verified == "memory" else "false")


def main():
    path, output = sys.argv[1:3]
    with open(path, encoding="utf-8") as source:
        lines = source.read().splitlines()
    rows = [entry(path, i, line) for i, line in enumerate(lines, 1) if line and line[0] != "#"]
    if not rows:
        fail(path, 1, "no entries")
    with open(output, "w", encoding="utf-8") as out:
        out.write("/* Made from %s by tools/embed.py. */\n" % path.rsplit("/", 1)[-1])
        out.write('#include "phenomena/idle_table.h"\n\n')
        out.write("const struct tw_idle_entry tw_idle_builtin[] = {\n%s\n};\n" % "\n".join(rows))
        out.write("const unsigned tw_idle_builtin_count = %d;\n" % len(rows))


main()
