#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The first look must never lose a failure: on every capture, the findings of --json are those of
--json --all that are not clean. (With --all every connection gets the second look, without it only
what the first look did not find clean beyond doubt.) TAP: a case per capture.

usage: TCPWHY=build/tcpwhy tests/triage.py
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from tap import HERE, case, equal, main, tcpwhy


def findings(capture, *arguments):
    lines = [json.loads(line) for line in tcpwhy("--json", *arguments, capture).out.splitlines()]
    return [o for o in lines if o["type"] == "finding"], lines[-1]


def add(capture):
    def check():
        some, summary = findings(capture)
        everything, whole = findings(capture, "--all")
        equal([f for f in some], [f for f in everything if f["verdict"] != "clean"])
        for count in ("packets", "connections", "clean", "failed", "degraded", "unknown", "verdicts"):
            equal(summary[count], whole[count], count)
    check.__name__ = capture.name
    check.__doc__ = f"{capture.name}: the first look loses nothing"
    case(check)


for path in sorted(p for p in (HERE / "captures").rglob("*") if p.suffix in (".pcap", ".pcapng")):
    add(path)

if __name__ == "__main__":
    main()
