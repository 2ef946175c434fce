#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tools/accuracy.py on made-up records: it must count what is right, honest and wrong. Speaks TAP."""
import json
import pathlib
import subprocess
import sys
import tempfile

TOOL = pathlib.Path(__file__).resolve().parent.parent / "tools" / "accuracy.py"


def record(truth, *verdicts):
    return {"type": "lab", "scenario": f"{truth}/x", "variant": "v4", "truth": truth, "kernel": "9.9",
            "start": "2026-01-02T03:04:05.000000000Z",
            "verdicts": [{"vantage": v[0], "stream": n, "verdict": v[1], "confidence": v[2], "accept": v[3],
                          "passed": v[1] in v[3]} for n, v in enumerate(verdicts)]}


RECORDS = [
    record("port-closed", ("client", "port-closed", "likely", ["port-closed", "firewall-reset"]),
           ("server", "firewall-reset", "likely", ["port-closed", "firewall-reset"])),
    # a bystander, and a verdict that does not matter
    record("peer-vanished", ("client", "peer-vanished", "certain", ["peer-vanished"]),
           ("client", "clean", "certain", ["clean"]), ("server", "clean", "likely", [])),
]
CALLS = [{"time": 0.1, "kind": "return", "who": "client", "text": "client connect = ECONNREFUSED"},
         {"time": 0.2, "kind": "return", "who": "server", "text": "server accept = EAGAIN"}]


def telling(client, server=None):
    """A record with CALLS, of which these errnos are told."""
    made = record("port-closed", ("client", "port-closed", "likely", ["port-closed"]))
    application = {"client": {"errno": client}, "server": server and {"errno": server}}
    made["verdicts"][0]["finding"] = {"application": application}
    return dict(made, timeline=CALLS)


WRONG = record("syn-lost", ("client", "port-closed", "certain", ["syn-lost"]))


def run(records):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
        for r in records:
            f.write(json.dumps(r) + "\n")
        f.write('{"type":"lab-summary","schema":1,"passed":2,"failed":0}\n')
        f.flush()
        out = subprocess.run([sys.executable, TOOL, "tcpwhy", "--records", f.name], capture_output=True, text=True,
                             check=False)
    return out.returncode, out.stdout


def main():
    good, good_text = run(RECORDS)
    bad, bad_text = run(RECORDS + [WRONG])
    none, _ = run([])
    heard, heard_text = run([telling("ECONNREFUSED", "ECONNRESET"), telling("hang")])
    unheard, unheard_text = run([telling("ETIMEDOUT")])
    checks = [
        ("all honest: status 0", good == 0),
        ("the sums", "4 connections, 3 right, 1 honest, 0 wrong; 2 verdicts were certain, 0 of these wrong" in good_text),
        ("a class", "| port-closed | 2 | 1 | 1 | 0 | 0 | 100 % | 50 % |" in good_text),
        ("a bystander is clean", "| clean | 1 | 1 | 0 | 0 | 1 | 100 % | 100 % |" in good_text),
        ("the other end's table", "| port-closed | firewall-reset 1 |" in good_text),
        ("one wrong: status 1", bad == 1),
        ("it is named", "- syn-lost/x/v4 client stream 0: port-closed, truly syn-lost" in bad_text),
        ("precision falls", "| port-closed | 2 | 1 | 1 | 0 | 0 | 50 % | 50 % |" in bad_text),
        ("nothing to count: status 2", none == 2),
        ("errnos that calls returned, or could not", heard == 0 and "2 errnos were told: 1 their calls returned, "
         "for 1 there was no call to see them, 0 contradicted" in heard_text),
        ("an errno that the call did not return: status 1", unheard == 1),
        ("it is named, too", "- port-closed/x/v4 client stream 0: port-closed, client ETIMEDOUT" in unheard_text),
    ]
    print(f"1..{len(checks)}")
    for number, (name, passed) in enumerate(checks, 1):
        print(f"{'ok' if passed else 'not ok'} {number} - {name}")
    return 0 if all(c[1] for c in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
