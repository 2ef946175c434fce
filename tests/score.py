#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Score the program against the labelled captures (tests/captures/kernel/README.md).

For every labelled connection: is the verdict one that an honest reader of this file may give, is the
outcome, is nothing said that must not be, is `certain` justified, did the applications get the errnos that are
told, is a decisive packet among the evidence? Prints what is wrong, a confusion
table of truth against verdict, totals, and TAP for the test runner (a case per labelled connection).
Rows in disputed.tsv are scored apart and do not fail.

All folders of tests/captures that hold a labels.tsv are scored, or only DIR.

usage: TCPWHY=build/tcpwhy tests/score.py [--captures DIR] [--table] [NAME...]
"""
import argparse
import collections
import concurrent.futures
import csv
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OUTCOMES = {"failed", "degraded", "clean", "unknown"}
ABORTED_MAY = "[aborted, if given, may be certain]"


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#") or line.startswith("#file")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_disputed(path):
    """(file, stream) -> reason."""
    disputed = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                file, stream, reason = line.split("\t", 2)
                disputed[(file, stream)] = reason
    return disputed


def diagnose(program, capture):
    """All findings of a capture by stream, and a complaint if the program misbehaved."""
    try:
        done = subprocess.run([program, "read", "--json", "--all", str(capture)], timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        return {}, "ran longer than 60 s"
    if done.returncode not in (0, 1):
        return {}, f"exit status {done.returncode}: {done.stderr.decode(errors='replace')[:500]}"
    try:
        objects = [json.loads(line) for line in done.stdout.splitlines()]
    except ValueError as wrong:
        return {}, f"not JSON: {wrong}"
    return {o["stream"]: o for o in objects if o["type"] == "finding"}, None


def same_ends(row, finding):
    ends = {finding["client"], finding["server"]}
    return {row["client"], row["server"]} == ends


def certain_is_justified(row, accept, verdict):
    if ABORTED_MAY in row["note"] and verdict == "aborted":
        return True
    # certain_ok speaks of the best verdict of this file.
    return row["certain_ok"] == "yes" and verdict == accept[0]


NEGATIVE = re.compile(r"(?<![\w.:>-])-\d[\d.]*\s(ns|us|ms|s|min|h)\b")


def below_zero(value, key=""):
    """Durations and times since the start that are negative, as numbers or in a text."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from below_zero(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from below_zero(inner, key)
    elif isinstance(value, str):
        if NEGATIVE.search(value):
            yield value
    elif key in ("time", "duration", "after") and value is not None and value < 0:
        yield f"{key} {value}"


# What a call gave that was not the connection's own doing: the program did not wait for more, or had not yet.
NO_RESULT = {"timeout(app)", "EAGAIN", "EINPROGRESS", "EALREADY"}


def contradicted(row, finding):
    """Sides of which an errno is told, where the application truly got others."""
    for side in ("client", "server"):
        told = (finding.get("application") or {}).get(side)
        got = {c.partition(":")[2] for c in row[f"{side}_errno"].split(",")} - NO_RESULT - {""}
        if told and told["errno"] not in (None, "hang", "timeout") and got and told["errno"] not in got:
            yield side, told["errno"], "|".join(sorted(got))


def cites_decisive(row, finding):
    decisive = {int(n) for n in row["decisive"].split(",") if n.isdigit()}
    return not decisive or bool(decisive & {e.get("packet") for e in finding["evidence"]})


def judge(row, finding):
    """What is wrong with a finding: a list of (kind, sentence)."""
    accept = row["accept"].split("|")
    if finding is None:
        return [("missing", "no finding for this connection")]
    verdict, outcome, confidence = finding["verdict"], finding["outcome"], finding.get("confidence")
    wrong = []
    if not same_ends(row, finding):
        wrong.append(("ends", f"ends {finding['client']} and {finding['server']}"))
    if verdict not in accept:
        wrong.append(("verdict", f"verdict {verdict}"))
    if outcome not in row["outcome_accept"].split("|"):
        wrong.append(("outcome", f"outcome {outcome}, wanted {row['outcome_accept']}"))
    for banned in filter(None, row["must_not"].split("|")):
        if banned in (verdict, outcome) or (banned == "certain" and confidence == "certain"
                                            and not (ABORTED_MAY in row["note"] and verdict == "aborted")):
            wrong.append(("must_not", f"must not say {banned}"))
    if confidence == "certain" and verdict not in ("clean", "unknown") \
            and not certain_is_justified(row, accept, verdict):
        wrong.append(("certain", f"{verdict} is certain without right"))
    if verdict not in ("clean", "unknown") and not finding.get("evidence"):
        wrong.append(("evidence", "no evidence is cited"))
    elif verdict == accept[0] and verdict not in ("clean", "unknown") and not cites_decisive(row, finding):
        wrong.append(("decisive", f"none of the decisive packets {row['decisive']} is cited"))
    wrong += [("errno", f"the {side} is said to see {told}, and saw {got}")
              for side, told, got in contradicted(row, finding)]
    wrong += [("negative", f"a duration below 0: {text}") for text in below_zero(finding)]
    return wrong


def confusion(results):
    """Truth against verdict, as lines; only truths that were missed at least once in full."""
    table = collections.defaultdict(collections.Counter)
    bad = collections.Counter()
    for row, finding, wrong in results:
        table[row["truth"]][finding["verdict"] if finding else "(none)"] += 1
        bad[row["truth"]] += bool(wrong)
    yield f"{'truth':26} rows  bad  verdicts given"
    for truth in sorted(table):
        given = ", ".join(f"{v} {n}" for v, n in table[truth].most_common())
        yield f"{truth:26} {sum(table[truth].values()):4} {bad[truth]:4}  {given}"


def self_test():
    """The judge must be able to say no."""
    row = {"accept": "aborted|linger-reset", "outcome_accept": "failed", "must_not": "clean|certain",
           "certain_ok": "no", "note": "", "client": "1.1.1.1:1", "server": "2.2.2.2:2",
           "client_errno": "recv:ECONNRESET,send:EPIPE", "server_errno": "-", "decisive": "4,5"}
    good = {"client": "1.1.1.1:1", "server": "2.2.2.2:2", "verdict": "aborted", "outcome": "failed",
            "confidence": "likely", "evidence": [{"packet": 5}]}
    kinds = lambda **change: {k for k, _ in judge(row, dict(good, **change))}
    allowed = dict(row, note="x " + ABORTED_MAY)
    first = dict(row, certain_ok="yes", must_not="")
    return [
        ("self-test: a good finding passes", not kinds()),
        ("self-test: a missing finding fails", judge(row, None) != []),
        ("self-test: a wrong verdict fails", kinds(verdict="port-closed") == {"verdict"}),
        ("self-test: a forbidden verdict fails twice",
         kinds(verdict="clean", confidence=None) == {"verdict", "must_not"}),
        ("self-test: a wrong outcome fails", kinds(outcome="degraded") == {"outcome"}),
        ("self-test: an unjustified certain fails", "certain" in kinds(confidence="certain")),
        ("self-test: certain is for the best verdict only",
         judge(first, dict(good, confidence="certain")) == []
         and judge(first, dict(good, confidence="certain", verdict="linger-reset")) != []),
        ("self-test: aborted may be certain where the note says so",
         judge(allowed, dict(good, confidence="certain")) == []),
        ("self-test: wrong ends fail", kinds(client="1.1.1.1:9") == {"ends"}),
        ("self-test: no evidence fails", kinds(evidence=[]) == {"evidence"}),
        ("self-test: evidence beside the decisive packets fails", kinds(evidence=[{"packet": 3}]) == {"decisive"}),
        ("self-test: an errno that nobody saw fails",
         kinds(application={"client": {"errno": "ETIMEDOUT"}, "server": None}) == {"errno"}
         and not kinds(application={"client": {"errno": "EPIPE"}, "server": {"errno": "EOF"}})),
        ("self-test: a negative duration fails",
         kinds(evidence=[{"packet": 4, "time": -1.5, "text": "-4.07 s after the first"}]) == {"negative"}
         and not kinds(summary="10.9.0.1:80 -> 10.9.0.2:80, 2 s, ports 1-2 s")),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=pathlib.Path, help="score only this folder")
    parser.add_argument("--table", action="store_true", help="only failures, the table and the totals, no TAP")
    parser.add_argument("names", nargs="*", help="only captures whose name begins with this")
    arguments = parser.parse_args()
    program = os.environ.get("TCPWHY", str(HERE.parent / "build" / "tcpwhy"))

    folders = [arguments.captures] if arguments.captures else \
        sorted(p.parent for p in (HERE / "captures").glob("*/labels.tsv"))
    rows, disputed = [], {}
    for folder in folders:
        for name in ("labels.tsv", "labels-healthy.tsv", "labels-found.tsv"):
            if (folder / name).exists():
                rows += [dict(r, path=folder / r["file"], healthy=name != "labels.tsv")
                         for r in read_table(folder / name)]
        disputed.update(read_disputed(folder / "disputed.tsv"))
    if arguments.names:
        rows = [r for r in rows if any(r["file"].startswith(n) for n in arguments.names)]
    paths = sorted({r["path"] for r in rows})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        diagnoses = dict(zip(paths, pool.map(lambda path: diagnose(program, path), paths)))

    results, cases = [], [] if arguments.table else self_test()
    kinds = collections.Counter()
    healthy_alarms = accepted = disputed_wrong = certain = 0
    complained = set()
    for row in rows:
        findings, complaint = diagnoses[row["path"]]
        finding = findings.get(int(row["stream"]))
        wrong = judge(row, finding)
        if complaint and row["file"] not in complained:
            complained.add(row["file"])
            print(f"# {row['file']}: {complaint}")
        case = f"{row['file']} stream {row['stream']}"
        certain += bool(finding and finding.get("confidence") == "certain"
                        and finding["verdict"] not in ("clean", "unknown"))
        if wrong and (row["file"], row["stream"]) in disputed:
            disputed_wrong += 1
            print(f"# disputed: {case}: {disputed[(row['file'], row['stream'])]}")
            continue
        results.append((row, finding, wrong))
        cases.append((case, not wrong))
        accepted += not any(kind in ("verdict", "missing") for kind, _ in wrong)
        kinds.update({kind for kind, _ in wrong})
        healthy_alarms += bool(row["healthy"] and finding and finding["outcome"] == "failed"
                               and "failed" in row["must_not"].split("|"))
        if wrong:
            got = f"{finding['verdict']} ({finding['outcome']}, {finding.get('confidence')})" if finding else "-"
            print(f"# {case}: {'; '.join(text for _, text in wrong)}")
            print(f"#     got {got}, truth {row['truth']}, wanted {row['accept']}: {row['note']}")

    for line in confusion(results):
        print("# " + line)
    print(f"# rows: {len(results)}, accepted verdicts: {accepted}, wrong outcomes: {kinds['outcome']}, "
          f"must_not: {kinds['must_not']}, unjustified certain: {kinds['certain']}, "
          f"failures among healthy connections: {healthy_alarms}, said with certainty: {certain}, "
          f"disputed: {disputed_wrong}")
    if not arguments.table:
        print(f"1..{len(cases)}")
        for number, (name, good) in enumerate(cases, 1):
            print(f"{'ok' if good else 'not ok'} {number} - {name}")
    sys.exit(0 if all(good for _, good in cases) and cases else 1)


if __name__ == "__main__":
    main()
