#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy live` with many open sockets, and in a storm of resets: as `make bench-live` measures it
(tools/bench/live_load.py), at a scale that a test can have. What a busy machine makes slow is not judged here: where the watch did
not get the processor in time for all events, it is measured again. TAP.

usage: tests/live_load.py STORM
"""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap
from live_page import need_live
from tap import PROGRAM, ROOT, case, equal

STORM = sys.argv.pop(1) if len(sys.argv) > 1 else "build/tools/bench/storm"
SOCKETS, SECONDS = 6000, 4
GROWTH_MB = 24  # of a sanitized build, whose freed memory is kept for a while
TRIES = 3

_measured = []  # the last one counts


def measure():
    done = subprocess.run([sys.executable, ROOT / "tools" / "bench" / "live_load.py", PROGRAM, STORM, "--json",
                           f"--sockets={SOCKETS}", f"--seconds={SECONDS}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=240, env=dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1:detect_leaks=1"))
    equal(done.returncode, 0, done.stderr[-2000:])
    return json.loads(done.stdout)


def lost(r):
    return r["sockets_lost"] + sum(s["lost"] for s in r["storms"])


def measured():
    need_live()
    while len(_measured) < TRIES and (not _measured or lost(_measured[-1])):
        _measured.append(measure())
    return _measured[-1]


@case
def many_sockets():
    """thousands of open sockets: no event is lost as all of them are reset at once"""
    r = measured()
    equal((r["sockets"], r["sockets_lost"]), (SOCKETS, 0))


@case
def others_are_told():
    """in a storm of resets every other failure is told"""
    r = measured()
    for s in r["storms"]:
        assert s["resets"] > 1000, s
        assert s["others"] >= 2, s
        equal((s["others_told"], s["lost"]), (s["others"], 0))


@case
def the_storm_is_folded():
    """of the storm only some are told one by one, the rest is counted"""
    r = measured()
    for s in r["storms"]:
        assert s["storm_findings_told"] < s["resets"] / 2, s
        assert s["folded"] + s["storm_counted"] >= s["resets"], s


@case
def memory_stays():
    """the storm does not fill memory"""
    r = measured()
    for s in r["storms"]:
        assert s["memory_last_mb"] <= s["memory_first_mb"] + GROWTH_MB, s


if __name__ == "__main__":
    tap.main(workers=1)
