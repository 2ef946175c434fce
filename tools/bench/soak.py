#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whether `tcpwhy live` can run for long: churn with failures of several kinds, its memory sampled all the time.

usage: soak.py TCPWHY [--minutes M] [--rate N]

Needs root. Runs on loopback in a network namespace of its own. Each second N connections are made: a tenth is refused,
a tenth closed with unread data, a tenth reset by linger 0, the rest ends well; processes come and go, too. Resident
memory must not be higher in the last third than at the end of the first, but for half a megabyte; lost events are
said. Ends with status 1 if it grew, or if findings are missing.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PORT, CLOSED = 7511, 7512
KINDS = ("refused", "unread", "linger", *["clean"] * 7)
GROWTH_KB = 512


def serve(listener):
    while True:
        s, _ = listener.accept()
        kind = s.recv(1)
        if kind == b"u":  # the rest stays unread
            s.recv(1, socket.MSG_PEEK)
        elif kind == b"l":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            s.send(kind)
            s.recv(1)
        s.close()


def connection(kind, number):
    """On one of some addresses, so that neither ports nor the limits for floods run out."""
    address = f"127.0.{1 + number // len(KINDS) % 20}.1"
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 0))
        if s.connect_ex((address, CLOSED if kind == "refused" else PORT)):
            return
        s.send(b"uu" if kind == "unread" else kind[:1].encode())
        try:
            s.recv(1)
        except ConnectionResetError:
            pass


def churn(rate, end):
    """Connections at this rate; how many of each kind."""
    made, number, began = dict.fromkeys(KINDS, 0), 0, time.monotonic()
    while time.monotonic() < end:
        kind = KINDS[number % len(KINDS)]
        connection(kind, number)
        made[kind] += 1
        number += 1
        ahead = began + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    return made


def resident_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def sample(pid, url, end, rows):
    while time.monotonic() < end:
        with urllib.request.urlopen(url, timeout=30) as page:
            text = page.read().decode()
        rows.append((resident_kb(pid), int(re.search(r"^tcpwhy_events_lost_total (\d+)", text, re.M)[1])))
        time.sleep(5)


def run(args):
    listener = socket.create_server(("0.0.0.0", PORT), backlog=512)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    with tempfile.TemporaryFile("w+") as out:
        live = subprocess.Popen([args.tcpwhy, "live", "--json", "--netns", str(os.getpid()), "--metrics", "127.0.0.1:0"],
                                stdout=out, stderr=subprocess.PIPE, text=True)
        said = live.stderr.readline() + live.stderr.readline()
        url = re.search(r"http://\S+", said)
        if not url:
            sys.exit(f"soak.py: tcpwhy live does not start: {said}")
        end, rows = time.monotonic() + args.minutes * 60, []
        sampler = threading.Thread(target=sample, args=(live.pid, url[0], end, rows))
        sampler.start()
        made = churn(args.rate, end)
        sampler.join()
        live.send_signal(signal.SIGINT)
        live.wait(timeout=60)
        out.seek(0)
        for line in out:
            last = line
    return made, rows, json.loads(last)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tcpwhy")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("soak.py: needs root")
    if not args.inside:
        sys.exit(subprocess.run(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable,
                                 *sys.argv, "--inside"]).returncode)
    made, rows, summary = run(args)
    memory, third = [kb for kb, _ in rows], max(1, len(rows) // 3)
    first, last = statistics.median(memory[third // 2:third]), statistics.median(memory[-third:])
    verdicts = summary["verdicts"]
    print(f"{sum(made.values())} connections in {args.minutes:g} minutes: {made}")
    print(f"findings: {verdicts}; events {summary['events']}, folded {summary['events_folded']}, lost {summary['events_lost']}")
    print(f"resident memory, kB: {memory[0]} at first, {first:.0f} in the first third, {last:.0f} in the last, at most {max(memory)}")
    wanted = {"port-closed": made["refused"], "closed-with-unread-data": made["unread"], "linger-reset": made["linger"]}
    missing = {v: (n, verdicts.get(v, 0)) for v, n in wanted.items() if verdicts.get(v, 0) != n}
    if missing and not summary["events_lost"] and not summary["events_folded"]:
        print(f"findings that are not as many as were made: {missing}")
        sys.exit(1)
    if last > first + GROWTH_KB:
        print("it grew")
        sys.exit(1)


if __name__ == "__main__":
    main()
