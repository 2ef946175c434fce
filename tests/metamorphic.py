#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A verdict belongs to what happened, not to the file: the labelled captures, transformed.

Two kinds of transformation (tests/mangle.py):

- same: what a verdict may rest on is all still there (other file format, link layer, tunnel, numbers,
  addresses, times). Verdict, outcome and confidence of every connection must stay.
- weak: evidence was taken away or blurred (packets lost, one direction, a coarse clock). The verdict may
  become less specific or less sure, but what is `certain` must be true, a healthy connection must never
  be `failed`, and what the label forbids must not be said.

TAP, a case per transformation. The quick form takes a seeded choice of the captures for each, so that
every capture and every transformation has its turn; --full takes all.

usage: TCPWHY=build/tcpwhy tests/metamorphic.py [--full] [--only WORD] [--verbose] [CAPTURE...]
"""
import argparse
import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
import mangle
import score
from tap import CAPTURES, PROGRAM

MS, SECOND, GIB = 10**6, 10**9, 2**30
QUICK_RUNS = 36
LONG_RUNS = 6
QUICK_SIZE = 100_000


def strangers():
    """Three ordinary connections between hosts that occur nowhere else."""
    return [bytes(frame) for port in (41000, 41001, 41002)
            for frame in craft.clean_connection(client=("198.51.100.7", port))]


def plain(transform):
    """A transformation of the capture alone, written as a pcap file."""
    def run(capture, rng):
        changed = transform(capture, rng)
        return None if changed is None else mangle.pcap(changed)
    return run


def moved(text):
    """An end (as the program prints it) after mangle.renumber."""
    if text.startswith("["):
        return text
    address, port = text.rsplit(":", 1)
    new = mangle.new_address(bytes(int(part) for part in address.split(".")))
    return ".".join(map(str, new)) + ":" + str(mangle.new_port(int(port)))


def in_v6(text):
    """An end after mangle.to_v6."""
    if text.startswith("["):
        return text
    address, port = text.rsplit(":", 1)
    packed = b"\xfd\0" + b"\0" * 10 + ipaddress.ip_address(address).packed
    return f"[{ipaddress.ip_address(packed)}]:{port}"


SAME = {
    "big-endian file": lambda c, r: mangle.pcap(c, endian=">"),
    "nanosecond file": lambda c, r: mangle.pcap(c, nano=True),
    "pcapng": lambda c, r: mangle.pcapng(c),
    "big-endian pcapng": lambda c, r: mangle.pcapng(c, endian=">"),
    "VLAN tag": plain(lambda c, r: mangle.tag(c, (0x8100, 42))),
    "two VLAN tags": plain(lambda c, r: mangle.tag(c, (0x88A8, 7), (0x8100, 42))),
    "cooked capture": plain(lambda c, r: mangle.relink(c, mangle.SLL)),
    "cooked capture, version 2": plain(lambda c, r: mangle.relink(c, mangle.SLL2)),
    "all times 20 years earlier": plain(lambda c, r: mangle.shift_time(c, -20 * 365 * 86400 * SECOND)),
    "client's numbers wrap": plain(lambda c, r: mangle.wrap_numbers(c, False)),
    "server's numbers wrap": plain(lambda c, r: mangle.wrap_numbers(c, True)),
    "renumbered": plain(lambda c, r: mangle.renumber(c)),
    "VXLAN": plain(lambda c, r: mangle.wrap(c, "vxlan")),
    "among strangers": plain(lambda c, r: mangle.among(c, strangers())),
}

WEAK = {
    "GRE": plain(lambda c, r: mangle.wrap(c, "gre")),
    "bare IP": plain(lambda c, r: mangle.relink(c, mangle.RAW)),
    "snaplen 96": plain(lambda c, r: mangle.cut(c, 96)),
    "snaplen 68": plain(lambda c, r: mangle.cut(c, 68)),
    "IPv6": plain(lambda c, r: mangle.to_v6(c)),
    "client's packets only": plain(lambda c, r: mangle.one_direction(c, True)),
    "server's packets only": plain(lambda c, r: mangle.one_direction(c, False)),
    "1 % lost by the capture": plain(lambda c, r: mangle.lose(c, 0.01, r)),
    "5 % lost by the capture": plain(lambda c, r: mangle.lose(c, 0.05, r)),
    "20 % lost by the capture": plain(lambda c, r: mangle.lose(c, 0.2, r)),
    "a stretch lost by the capture": plain(lambda c, r: mangle.lose_stretch(c, r)),
    "SYN, FIN and RST only": plain(lambda c, r: mangle.filtered(c, lambda f: f.flags & 7)),
    "no ACK without payload": plain(lambda c, r: mangle.filtered(c, lambda f: f.flags & 7 or f.payload_length())),
    "some doubled by a mirror": plain(lambda c, r: mangle.mirrored(c, r)),
    "captured twice": plain(lambda c, r: mangle.twice(c, False)),
    "captured on two interfaces": plain(lambda c, r: mangle.twice(c, True)),
    "neighbours swapped": plain(lambda c, r: mangle.swap(c, r)),
    "clock of 1 s": plain(lambda c, r: mangle.coarse(c, SECOND)),
    "clock of 1 ms": plain(lambda c, r: mangle.coarse(c, MS)),
    "clock set back by 10 s": plain(lambda c, r: mangle.clock_step(c, -10 * SECOND)),
    "clock set forward by 10 s": plain(lambda c, r: mangle.clock_step(c, 10 * SECOND)),
    "second half first": plain(lambda c, r: mangle.halves_swapped(c)),
    "appended to itself": plain(lambda c, r: mangle.appended(c)),
    "client's packets before the server's": plain(lambda c, r: mangle.directions_apart(c, True)),
    "server's packets before the client's": plain(lambda c, r: mangle.directions_apart(c, False)),
    "2.1 GiB more of the client": plain(lambda c, r: mangle.lengthen(c, False, int(2.1 * GIB))),
    "2.1 GiB more of the server": plain(lambda c, r: mangle.lengthen(c, True, int(2.1 * GIB))),
    "no timestamps option": plain(lambda c, r: mangle.without_timestamps(c)),
    "IP-IDs zero": plain(lambda c, r: mangle.ip_ids(c, lambda: 0)),
    "IP-IDs random": plain(lambda c, r: mangle.ip_ids(c, lambda: r.randrange(65536))),
}
# These remove packets: what then looks whole may be called so, and a doubt may stay open.
LOSING = {"1 % lost by the capture", "5 % lost by the capture", "20 % lost by the capture",
          "a stretch lost by the capture", "SYN, FIN and RST only", "no ACK without payload"}
REMOVING = LOSING | {"client's packets only", "server's packets only", "start missing", "end missing"}
# These make large captures: the quick form takes few of them.
LONG = {"2.1 GiB more of the client", "2.1 GiB more of the server"}
# What stays unanswered when the capture ends is all that a capture without its end can show.
SILENCE = {"syn-unanswered", "syn-ack-lost", "peer-vanished", "pmtu-blackhole", "accept-queue-full"}
# In so short a connection one packet decides, and nothing shows that the capture missed it.
SHORT = 20

# (transformation, capture) whose remainder shows something else than the label, with the reason.
KNOWN = {
    ("snaplen 96", "12-fw-portunreach-connect-router-v6"): "the quote is cut before its ports",
    ("clock of 1 s", "17-forged-data"): "an ACK before its data is told from reordering by their times alone",
    ("clock set forward by 10 s", "19-lost-synack.router-mc"): "the step looks like the client's wait",
    ("server's packets before the client's", "02b-dead-l3"): "an ICMP error before all that it may quote",
    ("server's packets before the client's", "12-fw-portunreach-connect-router-v6"): "the same",
    ("no timestamps option", "19-lost-synack.client"): "two SYN|ACKs at once: the network may double one",
    ("no timestamps option", "20-lost-last-ack"): "which copy of the FIN arrived is told by the echo",
    ("IPv6", "02b-dead-l3"): "the ICMP errors are left out",
    ("IPv6", "found-echo-of-the-first"): "the ICMP error that explains the losses is left out",
    ("neighbours swapped", "found-echo-of-the-first"): "the order of repeats is what was swapped",
    ("snaplen 68", "19-lost-synack.client"): "the timestamps that tell which SYN was answered are cut",
    ("5 % lost by the capture", "found-tls-goodbyes-cross"): "the FIN that makes it benign is lost",
    ("20 % lost by the capture", "found-tls-goodbyes-cross"): "the FIN that makes it benign is lost",
    ("20 % lost by the capture", "found-equal-answers"): "so much is lost that the end looks like an abort",
    ("neighbours swapped", "found-quit"): "the order of FIN and goodbye is what makes it benign",
    ("neighbours swapped", "26-tfo.router-mc"): "the swapped packets are the SYN and its repeat",
    ("end missing", "found-syn-meets-forgotten"): "the answer to the repeated SYN is in the part that is missing",
    ("start missing", "found-quit"): "that the server had spoken is in the part that is missing",
    ("end missing", "12-fw-tcpreset-mid-host"): "the second reset tells the filter from the host",
    # On two interfaces at once the copies are told by TTL, MAC and id, and by their order.
    ("snaplen 68", "found-any-resegmented"): "the D-SACK that shows the repeat needless is cut",
    ("captured twice", "found-any-"): "four copies, and no two of them alike",
    ("some doubled by a mirror", "found-any-"): "the same",
    ("clock set forward by 10 s", "found-any-"): "the step lies between a packet and its copy",
    ("IP-IDs random", "found-any-"): "the id is what tells a copy",
    ("start missing", "found-any-slow-router"): "the first copies are in the part that is missing",
    ("start missing", "found-any-resegmented"): "the same",
    ("2.1 GiB more of the client", "found-nothing-asked"): "then something was asked",
    ("2.1 GiB more of the server", "28-defer-accept-nodata-lost"): "a server that defers accept() says nothing first",
    ("among strangers", "19-ack3-lost-forever-server-first.server"): "their ACKs show that ACKs were captured",
}


def is_known(name, file):
    return any(n == name and file.startswith(start) for n, start in KNOWN)


def run(program, directory, data):
    """The findings of a file, in order; a crash or nonsense raises."""
    with tempfile.NamedTemporaryFile(dir=directory, suffix=".pcap") as file:
        file.write(data)
        file.flush()
        done = subprocess.run([program, "read", "--json", "--all", file.name], timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        raise AssertionError(f"status {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    negative = [text for o in objects for text in score.below_zero(o)]
    if negative:
        raise AssertionError(f"a duration below 0: {negative[0]}")
    return [o for o in objects if o["type"] == "finding"]


def by_ends(findings, move=str):
    """(ends, how many of the same ends came before) -> finding."""
    seen, table = collections.Counter(), {}
    for finding in findings:
        ends = frozenset((move(finding["client"]), move(finding["server"])))
        table[ends, seen[ends]] = finding
        seen[ends] += 1
    return table


def told(finding):
    return (finding["verdict"], finding["outcome"], finding["confidence"])


def check_same(base, findings, move):
    """What differs: sentences."""
    got = by_ends(findings)
    for key, before in by_ends(base, move).items():
        after = got.get(key)
        name = f"{before['client']} > {before['server']}"
        if after is None:
            yield f"{name}: no finding, was {told(before)}"
        elif told(after) != told(before):
            yield f"{name}: {told(after)}, was {told(before)}"


def check_weak(rows, base, findings, name, move=str):
    """What is no longer honest: sentences. Tuples used more than once are left out: which is which?"""
    base, findings = by_ends(base, move), by_ends(findings)
    often = {ends for ends, nth in list(base) + list(findings) if nth}
    for row in rows:
        ends = frozenset((move(row["client"]), move(row["server"])))
        after, before = findings.get((ends, 0)), base.get((ends, 0))
        if ends in often or after is None or before is None:
            continue
        verdict, outcome, confidence = told(after)
        wrong = []
        banned = set(filter(None, row["must_not"].split("|")))
        fails = "failed" not in row["outcome_accept"].split("|") and outcome == "failed"
        if name in REMOVING:
            banned.discard("clean")
            if name == "end missing" and verdict in SILENCE:
                banned -= {verdict, outcome}
            if outcome == "unknown" or confidence == "possible" or name in LOSING:
                banned -= {verdict, outcome}
                fails = fails and name in LOSING and confidence != "possible" \
                    and sum(before["packets"].values()) > SHORT
            fails = fails and not (name == "end missing" and verdict in SILENCE)
        if {verdict, outcome} & banned:
            wrong.append("forbidden by the label")
        if fails:
            wrong.append("no failure")
        if confidence == "certain" and verdict not in ("clean", "unknown") \
                and told(before) != told(after) \
                and not score.certain_is_justified(row, row["accept"].split("|"), verdict):
            wrong.append("certain without right")
        if wrong:
            yield (f"{row['client']} > {row['server']}: {told(after)}, was {told(before)}: "
                   f"{', '.join(wrong)} (truth {row['truth']}, accepted {row['accept']})")


def cuts(capture, rng, full):
    """(name, number of packets, capture): the start or the end is missing."""
    total = len(capture.packets)
    if total <= 40 or full and total <= 120:
        places = range(1, total)
    else:
        places = sorted(rng.sample(range(1, total), 12))
    for place in places:
        yield "start missing", place, mangle.keep(capture, lambda n, p: n >= place)
        yield "end missing", place, mangle.keep(capture, lambda n, p: n < place)


class Corpus:
    def __init__(self, names):
        self.rows = collections.defaultdict(list)
        for table in sorted(CAPTURES.glob("labels*.tsv")):
            for row in score.read_table(table):
                self.rows[row["file"]].append(row)
        self.names = [n for n in sorted(self.rows) if not names or any(n.startswith(w) for w in names)]

    def chosen(self, name, full):
        """The captures that a transformation gets: all, or a seeded few of handy size."""
        if full:
            return self.names
        small = [n for n in self.names if (CAPTURES / n).stat().st_size <= QUICK_SIZE]
        runs = min(LONG_RUNS if name in LONG else QUICK_RUNS, len(small))
        return sorted(random.Random(zlib.crc32(name.encode())).sample(small, runs))


def examine(corpus, directory, name, file, full):
    """One transformation of one capture: complaints."""
    rng = random.Random(zlib.crc32(f"{name} {file}".encode()))
    capture = mangle.read(CAPTURES / file)
    if is_known(name, file):
        return []
    base = run(PROGRAM, directory, mangle.pcap(capture))
    rows, complaints = corpus.rows[file], []
    if name in ("start missing", "end missing"):
        for kind, place, changed in cuts(capture, rng, full):
            if kind == name:
                findings = run(PROGRAM, directory, mangle.pcap(changed))
                complaints += [f"{file} {'from' if kind.startswith('s') else 'up to'} {place}: {text}"
                               for text in check_weak(rows, base, findings, name)]
        return complaints
    seeds = 4 if full and name.endswith("by the capture") else 1
    for seed in range(seeds):
        data = (SAME.get(name) or WEAK[name])(capture, rng)
        if data is None:
            continue
        findings = run(PROGRAM, directory, data)
        if name in SAME:
            found = check_same(base, findings, moved if name == "renumbered" else str)
        else:
            found = check_weak(rows, base, findings, name, in_v6 if name == "IPv6" else str)
        complaints += [f"{file}: {text}" for text in found]
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="", help="transformations whose name holds this")
    parser.add_argument("captures", nargs="*")
    arguments = parser.parse_args()
    corpus = Corpus(arguments.captures)
    names = [n for n in [*SAME, *WEAK, "start missing", "end missing"] if arguments.only in n]
    print(f"1..{len(names)}")
    good = bool(names)
    with tempfile.TemporaryDirectory() as directory, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for number, name in enumerate(names, 1):
            files = corpus.chosen(name, arguments.full)
            complaints = []
            for found in pool.map(lambda f: examine(corpus, directory, name, f, arguments.full), files):
                complaints += found
            good = good and not complaints
            print(f"{'not ok' if complaints else 'ok'} {number} - {name}", flush=True)
            for complaint in complaints:
                print(f"#   {complaint}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
