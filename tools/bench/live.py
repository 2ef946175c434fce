#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `tcpwhy live` costs: connections on loopback as fast as they go, without and with it, in turns.

usage: live.py TCPWHY CHURN [--pairs N] [--seconds S]

Needs root. Runs in a network namespace of its own. Prints medians, the run times of the programs as the
kernel counts them (BPF_ENABLE_STATS), what tcpdump costs beside it, and how long attaching takes.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
PROGRAMS = {"on_state", "on_sent_reset", "on_got_reset", "on_error", "on_destroyed", "on_repeat", "on_synack",
            "on_drop", "on_bad_checksum", "on_fork"}


def churn(args):
    n, wall, cpu = map(float, subprocess.run([args.churn, str(args.seconds)], stdout=subprocess.PIPE,
                                             check=True).stdout.split())
    return {"rate": n / wall, "cpu_us": cpu / n * 1e6, "connections": n}


class Live:
    """tcpwhy live, attached while the block runs."""

    def __init__(self, args):
        self.args = args

    def __enter__(self):
        began = time.monotonic()
        self.process = subprocess.Popen([self.args.tcpwhy, "live", "--json", "--netns", str(os.getpid())], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        if "watching" not in self.process.stderr.readline():
            sys.exit("live.py: tcpwhy live does not start")
        self.attached = time.monotonic() - began
        return self

    def memory_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=20)
        self.summary = json.loads(out.splitlines()[-1])


def run_times(bpftool):
    """name -> (ns, runs) of the attached programs."""
    found = json.loads(subprocess.run([bpftool, "-j", "prog", "show"], stdout=subprocess.PIPE, check=True).stdout)
    return {p["name"]: (p.get("run_time_ns", 0), p.get("run_cnt", 0)) for p in found if p.get("name") in PROGRAMS}


def median(rows, key):
    return statistics.median(r[key] for r in rows)


def pairs(args):
    without, with_live, attached, lost = [], [], [], 0
    for _ in range(args.pairs):
        without.append(churn(args))
        with Live(args) as live:
            before = live.cpu_s()
            row = churn(args)
            row["cpu_us"] += (live.cpu_s() - before) / row["connections"] * 1e6
        attached.append(live.attached)
        lost += live.summary["events_lost"]
        with_live.append(row)
    a, b = median(without, "cpu_us"), median(with_live, "cpu_us")
    ratios = [y["cpu_us"] / x["cpu_us"] for x, y in zip(without, with_live)]
    print(f"CPU per connection: {a:.2f} us without, {b:.2f} us with live; median of {args.pairs} pairs: "
          f"{(statistics.median(ratios) - 1) * 100:+.1f} %")
    print(f"connections per second: {median(without, 'rate'):.0f} without, {median(with_live, 'rate'):.0f} with live")
    print(f"start to attached: {statistics.median(attached):.2f} s; events lost: {lost}")


def programs(args, bpftool):
    STATS.write_text("1")
    try:
        with Live(args) as live:
            row = churn(args)
            times = run_times(bpftool)
            memory = live.memory_mb()
    finally:
        STATS.write_text("0")
    total = sum(t for t, _ in times.values())
    for name, (ns, runs) in sorted(times.items(), key=lambda x: -x[1][0]):
        if runs:
            print(f"  {name:<16}{ns / runs:8.0f} ns a run{runs:10} runs{ns / row['connections']:8.0f} ns a connection")
    ns, runs = times["on_state"]
    print(f"state change: {ns / runs:.0f} ns (limit 320, aim 150); all programs: "
          f"{total / row['connections']:.0f} ns a connection; memory {memory:.1f} MB")
    return ns / runs


def tcpdump(args):
    if not shutil.which("tcpdump"):
        print("tcpdump: not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(["tcpdump", "-i", "lo", "-w", f"{folder}/x.pcap", "-U", "tcp"],
                                   stderr=subprocess.PIPE, text=True)
        process.stderr.readline()
        row = churn(args)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    dropped = re.search(r"(\d+) packets dropped by kernel", said)
    print(f"tcpdump -w of the same: {row['cpu_us']:.2f} us a connection (its own CPU not counted), "
          f"{row['rate']:.0f} a second, {dropped[1] if dropped else '?'} packets dropped")


# What others do for one event per state change, as their users would write it.
BPFTRACE = "tracepoint:sock:inet_sock_set_state { printf(\"%s %d %d %d\\n\", comm, args->oldstate, args->newstate, args->dport); }"
SETTLE_S = 5  # they say that they attach, or warn, long before they have attached
BCC = ("tcpstates", "tcplife", "tcpdrop")


def beside(args, name, words, ready):
    """What a connection costs beside another tool, its own processor time counted; or why it does not run."""
    if not shutil.which(words[0]):
        print(f"{name}: not installed")
        return
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, text=True)
        try:
            end = time.monotonic() + 20
            while not ready(log) and process.poll() is None and time.monotonic() < end:
                time.sleep(.1)
            time.sleep(SETTLE_S)
            if process.poll() is not None or time.monotonic() >= end + SETTLE_S:
                log.seek(0)
                said = [line for line in log.read().splitlines() if line.strip()]
                said = [line for line in said if re.search("unable|cannot|kprobe", line, re.I)] or said
                print(f"{name}: does not run here: {said[0] if said else 'says nothing'}")
                return
            before = cpu_of(process.pid)
            row = churn(args)
            own = (cpu_of(process.pid) - before) / row["connections"] * 1e6
            lost = lost_events(log)
        finally:
            process.kill()
            process.wait()
    print(f"{name}: {row['cpu_us'] + own:.2f} us a connection ({own:.2f} of it its own), {row['rate']:.0f} a second{lost}")


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lost_events(log):
    log.seek(0)
    lost = sum(map(int, re.findall(r"[Ll]ost (\d+) (?:events|samples)", log.read())))
    return f", {lost} events lost" if lost else ""


def has_text(log):
    log.seek(0)
    return log.read(1) != ""


def others(args):
    beside(args, "bpftrace, one line per state change", ["bpftrace", "-e", BPFTRACE], has_text)
    for tool in BCC:
        beside(args, f"{tool} (bcc)", [f"{tool}-bpfcc"], has_text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tcpwhy")
    parser.add_argument("churn")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("live.py: needs root")
    if not args.inside:
        sys.exit(subprocess.run(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable,
                                 *sys.argv, "--inside"]).returncode)
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    cost = programs(args, bpftool)
    pairs(args)
    tcpdump(args)
    others(args)
    sys.exit(cost > 320)


if __name__ == "__main__":
    main()
