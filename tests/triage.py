#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The first look must never lose a failure: on every capture, the findings of --json are those of
--json --all that are not clean. (With --all every connection gets the second look, without it only
what the first look did not find clean beyond doubt.) TAP: a case per capture, and one per capture of
which only a part is left: what explains a connection may be in one that looks clean in that part.

usage: TCPWHY=build/tcpwhy tests/triage.py [WORD...]; CUTS=N parts of each capture (default 1)
"""
import json
import os
import pathlib
import random
import sys
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mangle
from tap import CAPTURES, HERE, case, equal, main, tcpwhy

CUTS = int(os.environ.get("CUTS", "1"))
CUT_PACKETS = 4000  # of larger captures no parts are made
# Parts that the first look once got wrong: packets [from, to) alone, or all but these.
TELLING = [
    ("13-lb-dnat-expired-server-sends.client.pcap", 11, 13, False),
    ("13-lb-dnat-expired-server-sends.router-mc.pcap", 2, 11, True),
    ("17-forged-data.server.pcap", 8, 12, True),
]


def findings(capture, *arguments):
    lines = [json.loads(line) for line in tcpwhy("--json", *arguments, capture).out.splitlines()]
    return [o for o in lines if o["type"] == "finding"], lines[-1]


def told(finding):
    return tuple(finding[key] for key in ("stream", "verdict", "outcome", "confidence"))


def compare(capture, what=""):
    some, summary = findings(capture)
    everything, whole = findings(capture, "--all")
    wanted = [f for f in everything if f["outcome"] != "clean"]
    equal([told(f) for f in some], [told(f) for f in wanted], what or "findings")
    equal(some, wanted, what or "findings")
    for count in ("packets", "connections", "clean", "failed", "degraded", "unknown", "verdicts"):
        equal(summary[count], whole[count], f"{what} {count}")


def compare_part(capture, first, end, inside):
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(mangle.pcap(mangle.keep(capture, lambda n, p: (first <= n < end) == inside)))
        file.flush()
        compare(file.name, f"{'only' if inside else 'without'} packets {first} to {end - 1}")


def parts(path, total):
    """Some, by the file's name: from anywhere to anywhere, a few packets, all but a few."""
    rng = random.Random(zlib.crc32(path.name.encode()))
    for _ in range(CUTS):
        first = rng.randrange(total - 1)
        end = rng.randrange(first + 1, total) + 1
        kind = rng.randrange(3)
        yield first, min(end, first + rng.randrange(2, 8)) if kind else end, kind < 2


def add(path):
    def check():
        compare(path)
    check.__name__ = path.name
    check.__doc__ = f"{path.name}: the first look loses nothing"
    case(check)

    def check_parts():
        capture = mangle.read(path)
        if 2 <= len(capture.packets) <= CUT_PACKETS:
            for part in parts(path, len(capture.packets)):
                compare_part(capture, *part)
    check_parts.__name__ = f"{path.name} parts"
    check_parts.__doc__ = f"{path.name}: nor in a part of it"
    if path.suffix == ".pcap":
        case(check_parts)


def add_telling(name, *part):
    def check():
        compare_part(mangle.read(CAPTURES / name), *part)
    check.__name__ = f"telling {name}"
    check.__doc__ = f"{name}: nor in the part that once misled it"
    case(check)


for path in sorted(p for p in (HERE / "captures").rglob("*") if p.suffix in (".pcap", ".pcapng")):
    add(path)
for telling in TELLING:
    add_telling(*telling)

if __name__ == "__main__":
    main()
