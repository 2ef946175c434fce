#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compare streams and counts with tshark on every test capture.

For each capture: the same stream numbers with the same ends, the same packets per direction, and the
same number of retransmissions (plain, fast and spurious), zero windows and duplicate ACKs per sender.
Where tcpwhy differs on purpose, tests/oracle-differences.tsv says so, row by row with the reason; a row
there that no longer differs is a failure, too. TAP: a case per capture.

usage: TCPWHY=build/tcpwhy tests/oracle.py [NAME...]
"""
import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
DIFFERENCES = HERE / "oracle-differences.tsv"
MARKS = ["retransmissions", "zero_windows", "duplicate_acks"]
FIELDS = ["frame.number", "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst",
          "tcp.dstport", "tcp.analysis.retransmission", "tcp.analysis.fast_retransmission",
          "tcp.analysis.spurious_retransmission", "tcp.analysis.zero_window",
          "tcp.analysis.duplicate_ack"]


def endpoint(address, port):
    if ":" in address:
        return f"[{ipaddress.ip_address(address).compressed}]:{port}"
    return f"{address}:{port}"


def ask_tshark(capture):
    """stream -> {"ends": set, "packets": {end: n}, mark: {end: n}}"""
    command = ["tshark", "-n", "-r", str(capture), "-Y", "tcp && !icmp && !icmpv6", "-T", "fields",
               "-E", "occurrence=l", "-E", "separator=/t"]
    for field in FIELDS:
        command += ["-e", field]
    # One profile for all: the defaults, whatever the user has set up.
    environment = dict(os.environ, HOME="/nonexistent", XDG_CONFIG_HOME="/nonexistent", LC_ALL="C")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment, timeout=120)
    streams = {}
    for line in done.stdout.decode().splitlines():
        values = dict(zip(FIELDS, line.split("\t")))
        sender = endpoint(values["ip.src"] or values["ipv6.src"], values["tcp.srcport"])
        receiver = endpoint(values["ip.dst"] or values["ipv6.dst"], values["tcp.dstport"])
        stream = streams.setdefault(int(values["tcp.stream"]), dict(
            {mark: collections.Counter() for mark in MARKS},
            ends={sender, receiver}, packets=collections.Counter()))
        stream["packets"][sender] += 1
        stream["retransmissions"][sender] += any(
            values[f"tcp.analysis.{kind}retransmission"] for kind in ("", "fast_", "spurious_"))
        stream["zero_windows"][sender] += bool(values["tcp.analysis.zero_window"])
        stream["duplicate_acks"][sender] += bool(values["tcp.analysis.duplicate_ack"])
    return streams


def per_end(found, what):
    """Counts by endpoint; the two ends of a self-connect are one."""
    counts = collections.Counter()
    for side in ("client", "server"):
        counts[found[side]] += found[what][side]
    return counts


def ask_tcpwhy(program, capture):
    done = subprocess.run([program, "read", "--json", "--all", str(capture)], timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"tcpwhy: exit status {done.returncode}: "
                           f"{done.stderr.decode(errors='replace')[:300]}")
    streams, connections = {}, None
    for line in done.stdout.splitlines():
        found = json.loads(line)
        if found["type"] == "summary":
            connections = found["connections"]
        if found["type"] != "finding":
            continue
        streams[found["stream"]] = dict(
            {what: per_end(found, what) for what in MARKS + ["packets"]},
            ends={found["client"], found["server"]})
    return streams, connections


def compare(capture, ours, connections, theirs):
    """Differences as rows (file, stream, end, what, ours, tshark's)."""
    rows = []
    if connections != len(theirs):
        rows.append((capture, "-", "-", "connections", connections, len(theirs)))
    for number in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(number), theirs.get(number)
        if not mine or not other or mine["ends"] != other["ends"]:
            rows.append((capture, number, "-", "ends", " ".join(sorted(mine["ends"])) if mine else "none",
                         " ".join(sorted(other["ends"])) if other else "none"))
            continue
        for what in ["packets"] + MARKS:
            for end in sorted(mine["ends"]):
                x, y = mine[what].get(end, 0), other[what].get(end, 0)
                if x != y:
                    rows.append((capture, number, end, what, x, y))
    return [tuple(str(v) for v in row) for row in rows]


def known_differences():
    known = {}
    for line in DIFFERENCES.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        *row, reason = line.split("\t")
        if len(row) != 6 or not reason.strip():
            sys.exit(f"oracle.py: {DIFFERENCES.name}: not file, stream, end, what, ours, tshark, reason: {line}")
        known[tuple(row)] = reason
    return known


def check(program, capture):
    try:
        ours, connections = ask_tcpwhy(program, capture)
        return compare(capture.name, ours, connections, ask_tshark(capture)), None
    except (RuntimeError, ValueError, KeyError, subprocess.TimeoutExpired) as wrong:
        return [], f"{type(wrong).__name__}: {wrong}"


def self_test():
    """compare() must see every kind of difference."""
    def stream(**change):
        base = {m: {"a": 1} for m in MARKS}
        return {0: dict(dict(base, ends={"a", "b"}, packets={"a": 3}), **change)}
    same = compare("x", stream(), 1, stream()) == []
    seen = all(compare("x", stream(**{m: {"a": 2}}), 1, stream()) for m in MARKS + ["packets"])
    other = compare("x", stream(ends={"a", "c"}), 1, stream()) and compare("x", stream(), 2, stream()) \
        and compare("x", {}, 1, stream())
    return [("self-test: what is equal passes", same), ("self-test: what differs is seen", bool(seen and other))]


def main():
    if not shutil.which("tshark"):
        print("1..0 # SKIP tshark is not installed")
        return
    program = os.environ.get("TCPWHY", str(HERE.parent / "build" / "tcpwhy"))
    captures = sorted(p for p in (HERE / "captures").rglob("*")
                      if p.suffix in (".pcap", ".pcapng")
                      and (not sys.argv[1:] or any(p.name.startswith(n) for n in sys.argv[1:])))
    known = known_differences()
    cases, used = self_test(), set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for capture, (rows, complaint) in zip(captures, pool.map(lambda c: check(program, c), captures)):
            if complaint:
                print(f"# {capture.name}: {complaint}")
            for row in rows:
                if row in known:
                    used.add(row)
                else:
                    print("# differs\t" + "\t".join(row))
            cases.append((f"{capture.name} as tshark", not complaint and all(r in known for r in rows)))
    stale = [row for row in known if row not in used and not sys.argv[1:]]
    for row in stale:
        print("# listed, but does not differ\t" + "\t".join(row))
    cases.append((f"all {len(known)} listed differences still differ", not stale))
    print(f"1..{len(cases)}")
    for number, (name, good) in enumerate(cases, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    sys.exit(0 if all(good for _, good in cases) else 1)


if __name__ == "__main__":
    main()
