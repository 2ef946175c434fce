#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run every test that the build directory knows and close with one honest line.

Each test is a program that speaks TAP on standard output; each "ok" or "not ok" counts as one. A
program that crashes, that exits non-zero without a "not ok", or that runs fewer cases than it
planned, is a failure of its own. What was skipped is listed with the reason before the last line:

    N passed, N failed, N skipped
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

RESULT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*[Ss][Kk][Ii][Pp]\S*\s*(.*))?$")
SKIP = re.compile(r"^(.*?)#\s*skip\S*\s*(.*)$", re.IGNORECASE)


class Outcome:
    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failed = []   # (case, detail)
        self.skipped = []  # (case, reason)
        self.seconds = 0.0
        self.output = ""


def read_tap(outcome, text):
    """Count the cases of one program; return how many it planned, or None."""
    planned = None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
            if plan.group(1) == "0" and plan.group(2):
                outcome.skipped.append(("all", plan.group(2)))
            continue
        result = RESULT.match(line)
        if not result:
            continue
        skip = SKIP.match(result.group(3))
        if skip and not result.group(1):
            outcome.skipped.append((skip.group(1).strip(), skip.group(2).strip()))
        elif result.group(1):
            outcome.failed.append((result.group(3).strip(), ""))
        else:
            outcome.passed += 1
    return planned


def run_one(test, timeout_factor):
    outcome = Outcome(test["name"])
    environment = dict(os.environ, **{k: str(v) for k, v in test["env"].items()})
    environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    environment["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
    started = time.monotonic()
    try:
        done = subprocess.run(test["cmd"], env=environment, cwd=test["workdir"] or None,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, errors="replace",
                              timeout=test["timeout"] * timeout_factor)
        status, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        status = None
        out = (late.stdout or b"").decode(errors="replace")
        err = (late.stderr or b"").decode(errors="replace")
    outcome.seconds = time.monotonic() - started
    outcome.output = out + err
    planned = read_tap(outcome, out)
    seen = outcome.passed + len(outcome.failed) + len(outcome.skipped)
    if status is None:
        outcome.failed.append(("the program", f"ran longer than {test['timeout']} s"))
    elif status != 0 and not outcome.failed:
        outcome.failed.append(("the program", f"ended with status {status} and no failed case"))
    elif planned is None and not seen:
        outcome.failed.append(("the program", "printed no test result"))
    elif planned is not None and planned > seen:
        outcome.failed.append(("the program", f"planned {planned} cases and ran {seen}"))
    return outcome


def show(outcome):
    state = "FAIL" if outcome.failed else "ok"
    counts = f"{outcome.passed} passed"
    if outcome.failed:
        counts += f", {len(outcome.failed)} failed"
    if outcome.skipped:
        counts += f", {len(outcome.skipped)} skipped"
    print(f"{state:4} {outcome.name:28} {outcome.seconds:6.1f} s  {counts}", flush=True)
    if outcome.failed:
        for line in outcome.output.splitlines():
            if not RESULT.match(line) or line.startswith("not ok"):
                print("     | " + line)
        for case, detail in outcome.failed:
            if detail:
                print(f"     | {case}: {detail}")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="a configured and built Meson directory")
    parser.add_argument("only", nargs="*", help="run only tests whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout-factor", type=float, default=1.0)
    arguments = parser.parse_args()

    found = subprocess.run(["meson", "introspect", "--tests", arguments.build],
                           stdout=subprocess.PIPE, check=True)
    tests = [t for t in json.loads(found.stdout)
             if not arguments.only or any(word in t["name"] for word in arguments.only)]
    if not tests:
        sys.exit(f"run.py: {arguments.build} has no such test; was it configured with -Dtests=enabled?")

    outcomes = []
    together = [t for t in tests if t["is_parallel"]]
    alone = [t for t in tests if not t["is_parallel"]]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(run_one, t, arguments.timeout_factor) for t in together]):
            outcomes.append(done.result())
            show(outcomes[-1])
    for test in alone:
        outcomes.append(run_one(test, arguments.timeout_factor))
        show(outcomes[-1])

    outcomes.sort(key=lambda o: o.name)
    passed = sum(o.passed for o in outcomes)
    failed = sum(len(o.failed) for o in outcomes)
    skipped = sum(len(o.skipped) for o in outcomes)
    print()
    for outcome in outcomes:
        for case, detail in outcome.failed:
            print(f"failed: {outcome.name}: {case}{': ' + detail if detail else ''}")
    for outcome in outcomes:
        for case, reason in outcome.skipped:
            print(f"skipped: {outcome.name}: {case}: {reason or 'no reason given'}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
