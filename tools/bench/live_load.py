#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy live` on a host with very many sockets, and in a storm of resets.

usage: live_load.py TCPWHY STORM [--sockets N] [--seconds S] [--json]

Needs root. Runs on loopback in a network namespace of its own. First N sockets (both ends of N/2 connections) are
opened, then live is started: how long until it is attached, and its resident memory. Then a scan of closed ports goes on
for S seconds while another connection fails each second: whether all of these are told, what was lost, and how the
memory went.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

PORT, OTHER_PORT = 7611, 7612
PER_ADDRESS = 20000  # ports of one pair of addresses


def hold(count, port, ready):
    """In a process of its own: @count sockets that are connected to each other, until it is killed."""
    listener, held = socket.create_server(("0.0.0.0", port), backlog=1000), []
    for i in range(count // 2):
        held.append(socket.create_connection((f"127.0.0.{1 + i // PER_ADDRESS}", port)))
        held.append(listener.accept()[0])
    os.write(ready, b"x")
    while True:
        signal.pause()


class Sockets:
    """@count open sockets within the block, in as many processes as the limit of open files asks for."""

    def __init__(self, count):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        share = min(count, most - 100) // 2 * 2
        self.shares = [share] * (count // share) + ([count % share] if count % share else [])

    def __enter__(self):
        told, ready = os.pipe()
        self.children = []
        for i, share in enumerate(self.shares):
            self.children.append(os.fork())
            if not self.children[-1]:
                try:
                    hold(share, PORT + 10 + i, ready)
                finally:
                    os._exit(1)
        os.close(ready)
        for _ in self.shares:
            if os.read(told, 1) != b"x":
                sys.exit("live_load.py: the sockets cannot be opened")
        os.close(told)
        return sum(self.shares)

    def __exit__(self, *_):
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def resident_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Live:
    def __init__(self, tcpwhy):
        self.out = tempfile.TemporaryFile("w+")
        began = time.monotonic()
        self.process = subprocess.Popen([tcpwhy, "live", "--json", "--netns", str(os.getpid())], stdout=self.out,
                                        stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        self.attached = time.monotonic() - began
        if "watching" not in said:
            sys.exit(f"live_load.py: tcpwhy live does not start: {said}")

    def memory(self):
        return resident_mb(self.process.pid)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        self.out.seek(0)
        rows = [json.loads(line) for line in self.out]
        return rows[:-1], rows[-1]


def fail_once(listener):
    """A connection that the server closes with unread data."""
    with socket.create_connection(("127.0.0.1", OTHER_PORT)) as c:
        s, _ = listener.accept()
        c.send(b"unread")
        select.select([s], [], [], 10)
        s.close()
        try:
            c.recv(1)
        except ConnectionResetError:
            pass


def many_sockets(args, result):
    with Sockets(args.sockets) as count:
        live = Live(args.tcpwhy)
        before = live.memory()
        time.sleep(5)  # two more walks over all of them
        result.update(sockets=count, attached_s=round(live.attached, 3), memory_mb=round(max(before, live.memory()), 1))
    # Holders that are killed reset what they had, all at once.
    _, summary = live.end()
    result["sockets_lost"] = summary["events_lost"]


def storm(args, sources):
    """SYNs from so many addresses to closed ports, and every second a failure of another kind."""
    live = Live(args.tcpwhy)
    listener = socket.create_server(("127.0.0.1", OTHER_PORT))
    process = subprocess.Popen([args.storm, str(args.seconds), str(sources)], stdout=subprocess.PIPE, text=True)
    others, memory = 0, []
    while process.poll() is None:
        fail_once(listener)
        others += 1
        memory.append(live.memory())
        time.sleep(1)
    resets, wall = map(float, process.communicate()[0].split())
    time.sleep(1)
    findings, summary = live.end()
    told = sum(f["server"].endswith(f":{OTHER_PORT}") and f["verdict"] == "closed-with-unread-data" for f in findings)
    return dict(sources=sources, resets=int(resets), resets_per_s=round(resets / wall), others=others, others_told=told,
                storm_findings_told=len(findings) - told, storm_counted=summary["verdicts"].get("port-closed", 0),
                lost=summary["events_lost"], folded=summary["events_folded"],
                memory_first_mb=round(memory[0], 1), memory_last_mb=round(memory[-1], 1))


def rate_without(args):
    resets, wall = map(float, subprocess.run([args.storm, str(args.seconds)], stdout=subprocess.PIPE, check=True).stdout.split())
    return round(resets / wall)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tcpwhy")
    parser.add_argument("storm")
    parser.add_argument("--sockets", type=int, default=100000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("live_load.py: needs root")
    if not args.inside:
        sys.exit(subprocess.run(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable,
                                 *sys.argv, "--inside"]).returncode)
    r = {}
    many_sockets(args, r)
    r["without"] = rate_without(args)
    r["storms"] = [storm(args, sources) for sources in (1, 60000)]
    if args.json:
        print(json.dumps(r))
        return
    print(f"with {r['sockets']} open sockets: attached in {r['attached_s']} s (limit 1), resident {r['memory_mb']} MB (limit 32)")
    print(f"a storm without a watch: {r['without']} resets a second")
    for s in r["storms"]:
        print(f"storm from {s['sources']} addresses: {s['resets_per_s']} resets a second, {s['storm_findings_told']} findings told of it and "
              f"{s['storm_counted']} counted; {s['others_told']} of {s['others']} other failures told; {s['lost']} events lost, "
              f"{s['folded']} folded; memory {s['memory_first_mb']} MB at its start, {s['memory_last_mb']} MB at its end")
    sys.exit(r["attached_s"] > 1 or r["memory_mb"] > 32 or any(s["others_told"] != s["others"] for s in r["storms"]))


if __name__ == "__main__":
    main()
