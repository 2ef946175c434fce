#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How right `tcpwhy read` is about what the lab did: the confusion table of all scenarios.

usage: accuracy.py PATH/TO/tcpwhy [--records FILE] [--markdown FILE]

Runs `tcpwhy lab run all --json` (or takes the records that it printed before), whose records hold, for
each connection in the capture of each end, what it truly was and what the program said. A verdict is
right if it names the truth, honest if the scenario accepts it (one end's packets often can not tell
two causes apart, and then another name, or unknown, is an honest answer), wrong otherwise. What it says an
application saw is held against what the calls of that end returned.
The exit status is 1 if one is wrong, 2 if there are no records.
"""
import argparse
import collections
import json
import re
import subprocess
import sys

ERRNO = re.compile(r"E[A-Z]+$")
NO_RESULT = {"EAGAIN", "EINPROGRESS", "EALREADY"}  # the program did not wait for more


def errnos_told(record, finding):
    """Of each errno that is told of an application: confirmed, unseen (no call got any), or contradicted by others."""
    for side in ("client", "server"):
        told = ((finding or {}).get("application") or {}).get(side)
        if not told or not ERRNO.match(told["errno"] or ""):
            continue
        results = {e["text"].rpartition(" ")[2] for e in record["timeline"]
                   if e["kind"] == "return" and e["who"] == side}
        got = {r for r in results if ERRNO.match(r)} - NO_RESULT
        yield "confirmed" if told["errno"] in got else "contradicted" if got else "unseen", side, told["errno"]


class Row:
    """One connection as one end saw it."""

    def __init__(self, record, verdict):
        accept = verdict["accept"]
        # A bystander of the scenario is expected to be clean, whatever the scenario is about.
        self.truth = "clean" if accept[0] == "clean" else record["truth"]
        self.said = verdict["verdict"]
        self.vantage = verdict["vantage"]
        self.certain = verdict["confidence"] == "certain"
        self.wrong = not verdict["passed"]
        self.told = list(errnos_told(record, verdict.get("finding")))
        self.name = f'{record["scenario"]}/{record["variant"]} {self.vantage} stream {verdict["stream"]}'

    @property
    def right(self):
        return self.said == self.truth


def rows_of(lines):
    """The connections of all records that somebody said something about; and when, and on which kernel."""
    rows, start, kernels = [], None, set()
    for line in lines:
        record = json.loads(line)
        if record.get("type") != "lab":
            continue
        kernels.add(record["kernel"])
        start = min(start or record["start"], record["start"])
        rows += [Row(record, v) for v in record["verdicts"] if v.get("accept")]
    return rows, (start or "")[:10], ", ".join(sorted(kernels))


def share(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "-"


def per_class(rows):
    """[truth, connections, right, honest, wrong, certain, precision, recall]"""
    table = []
    for truth in sorted({r.truth for r in rows}):
        mine = [r for r in rows if r.truth == truth]
        said = [r for r in rows if r.said == truth]
        right = sum(r.right for r in mine)
        wrong = sum(r.wrong for r in mine)
        table.append([truth, len(mine), right, sum(not r.right and not r.wrong for r in mine), wrong,
                      sum(r.certain for r in mine), share(sum(r.right for r in said), len(said)),
                      share(right, len(mine))])
    return table


def confusion(rows, vantage):
    """truth: what was said, with counts, most often first"""
    table = []
    for truth in sorted({r.truth for r in rows if r.vantage == vantage}):
        said = collections.Counter(r.said for r in rows if r.vantage == vantage and r.truth == truth)
        table.append([truth, ", ".join(f"{name} {n}" for name, n in sorted(said.items(), key=lambda i: (-i[1], i[0])))])
    return table


def markdown_table(head, table):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(c) for c in line) + " |" for line in table]


def contradictions(rows):
    return [f"{r.name}: {r.said}, {side} {errno}" for r in rows for state, side, errno in r.told
            if state == "contradicted"]


def report(rows, date, kernel):
    wrong = [r for r in rows if r.wrong]
    against = contradictions(rows)
    told = collections.Counter(state for r in rows for state, _, _ in r.told)
    lines = ["# Accuracy", "",
             "Made by `make accuracy`: every scenario of the lab is run on the kernel of this machine, and the",
             "captures of both ends are read back. *Right* names the truth; *honest* is another answer that the",
             "packets of that end allow (they often can not tell two causes apart); *wrong* is anything else.",
             "Precision is the share of right ones among all that were called so, recall the share of those that",
             "were called by their name.", "",
             f"{date}, Linux {kernel}: {len(rows)} connections, {sum(r.right for r in rows)} right, "
             f"{sum(not r.right and not r.wrong for r in rows)} honest, {len(wrong)} wrong; "
             f"{sum(r.certain for r in rows)} verdicts were certain, "
             f"{sum(r.certain and r.wrong for r in rows)} of these wrong.", "",
             f"Of the applications {sum(told.values())} errnos were told: {told['confirmed']} their calls returned, "
             f"for {told['unseen']} there was no call to see them, {told['contradicted']} contradicted.", ""]
    lines += markdown_table(["truth", "connections", "right", "honest", "wrong", "certain", "precision", "recall"],
                            per_class(rows))
    for vantage in ("client", "server"):
        lines += ["", f"## What was said at the {vantage}'s end", ""]
        lines += markdown_table(["truth", "verdicts"], confusion(rows, vantage))
    if wrong:
        lines += ["", "## Wrong", ""] + [f"- {r.name}: {r.said}, truly {r.truth}" for r in wrong]
    if against:
        lines += ["", "## Not what the application saw", ""] + [f"- {line}" for line in against]
    return "\n".join(lines) + "\n"


def records(args):
    if args.records:
        with open(args.records, encoding="utf-8") as f:
            return f.readlines()
    run = subprocess.run([args.tcpwhy, "lab", "run", "all", "--json"], stdout=subprocess.PIPE, text=True, check=False)
    return run.stdout.splitlines()


def main():
    p = argparse.ArgumentParser(description="The confusion table of the lab's scenarios.")
    p.add_argument("tcpwhy")
    p.add_argument("--records", help="what `tcpwhy lab run all --json` printed")
    p.add_argument("--markdown", help="write the report there, too")
    args = p.parse_args()
    rows, date, kernel = rows_of(records(args))
    if not rows:
        print("accuracy: no records: does `tcpwhy lab run all` work here?", file=sys.stderr)
        return 2
    text = report(rows, date, kernel)
    print(text, end="")
    if args.markdown:
        with open(args.markdown, "w", encoding="utf-8") as f:
            f.write(text)
    return 1 if any(r.wrong for r in rows) or contradictions(rows) else 0


if __name__ == "__main__":
    sys.exit(main())
