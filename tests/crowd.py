#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Many long connections at a time: each keeps less of its packets, and what is said of them is the same.

CONNECTIONS of them are under way all the time, too many for the memory that dossiers may take; in each one
segment is lost in the middle and repaired.

usage: TCPWHY=build/tcpwhy tests/crowd.py [WORD...]
"""
import functools
import json
import pathlib
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from craft import ACK, PSH
from talk import MSS, Talk
from tap import case, equal, main, tcpwhy

CONNECTIONS, ROUNDS, LOST = 160, 1800, 900  # a round: a segment of each end
BYTES, STEP_NS = 1000, 1_000_000
ISN = (1000, 700000)


def headers(client, side):
    """The headers of a segment with payload that the snaplen has cut: where seq and ack go stays open."""
    ends = (client, craft.SERVER)
    (source, sport), (target, dport) = ends[side], ends[1 - side]
    segment = craft.tcp(sport, dport, 0, 0, PSH | ACK, bytes(BYTES), b"", 64240)
    frame = craft.ethernet(craft.ipv4(source, target, segment, ident=0))
    return bytearray(frame[:54]), len(frame)


def segments(base, n):
    """(side, seq, ack, ns after the start of the round) of a connection's round number @n."""
    sent, got = base[0] + n * BYTES, base[1] + n * BYTES
    lost = base[0] + LOST * BYTES
    if LOST <= n < LOST + 3:  # two more arrive behind it
        return [(0, sent, got, 0), (1, got, lost, 500_000)]
    if n == LOST + 3:
        return [(0, lost, got, 0), (1, got, sent, 500_000)]
    if n > LOST + 3:
        sent -= BYTES
    return [(0, sent, got, 0), (1, got, sent + BYTES, 500_000)]


@functools.lru_cache
def capture():
    clients = [("10.1.0.1", 20000 + n) for n in range(CONNECTIONS)]
    frames, tail = [], []
    for n, client in enumerate(clients):
        start = Talk(client=client, isn=ISN, now=n * 1e-6).shake(options=MSS, rtt=0.0005)
        frames += [(int(at * 1e9), data, len(data)) for at, data in start.frames]
        end = Talk(client=client, isn=(ISN[0] + 1 + (ROUNDS - 1) * BYTES, ISN[1] + 1 + ROUNDS * BYTES),
                   now=(ROUNDS + 400) * STEP_NS / 1e9 + n * 1e-6).close(rtt=0.0005)
        tail += [(int(at * 1e9), data, len(data)) for at, data in end.frames]
    patterns = [[headers(client, side) for side in (0, 1)] for client in clients]
    base, now = (ISN[0] + 1, ISN[1] + 1), 10_000_000
    for n in range(ROUNDS):
        now += 300_000_000 if n == LOST + 3 else STEP_NS
        for pattern, nth in zip(patterns, range(CONNECTIONS)):
            for side, seq, ack, after in segments(base, n):
                data, length = pattern[side]
                struct.pack_into(">II", data, 38, seq, ack)
                frames.append((now + after + nth * 1000, bytes(data), length))
    frames = sorted(frames, key=lambda f: f[0]) + sorted(tail, key=lambda f: f[0])
    return craft.pcap_header() + b"".join(
        struct.pack("<IIII", 1_700_000_000 + ns // 10**9, ns % 10**9 // 1000, len(data), length) + data
        for ns, data, length in frames)


def said(*arguments, **more):
    """The verdicts, and how many connections they are of."""
    found = [json.loads(line) for line in tcpwhy("--json", "--all", *arguments, timeout=300, **more).out.splitlines()]
    findings = [f for f in found if f["type"] == "finding"]
    return {(f["verdict"], f["outcome"]) for f in findings}, len(findings)


@case
def from_a_pipe():
    """Of a pipe, which is looked at once."""
    equal(said("-", stdin=capture()), ({("loss-recovered", "degraded")}, CONNECTIONS))


@case
def from_a_file():
    """Of a file, which is looked at twice."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(capture())
        file.flush()
        equal(said(file.name), ({("loss-recovered", "degraded")}, CONNECTIONS))


if __name__ == "__main__":
    main(1)
