#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Speed and memory of `tcpwhy read`, against a bare header walk and against other tools.

usage: run.py PATH/TO/tcpwhy [--scale 1] [--rounds 5] [--seconds 300] [--dir DIR] [--only KIND[,KIND]]

Captures are made by generate (see generate.c) and stay in --dir for the next run. Every program reads
the same file from the page cache, as a whole process: user and system CPU time by wait4(2), and the
peak of its resident memory. Rounds are interleaved, the median counts.

Another tool gets the whole capture if it comes to its end there within --seconds of CPU time and the memory
that is free, else the largest part for which that is so (a quarter, a twentieth, a four-hundredth); the table
says which. tcpwhy is then measured on the same part, in turns with it: a packet costs most tools the more,
the more there are, so only what both do with the same file can be compared.

The bound is walk: link, IP and TCP header of every packet read from a mapping and summed. Shares are
shares of its speed. The exit status is 1 if a target that must be met is missed.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

MIB = 1 << 20

# kind: share of the bound (must, aim), peak memory in MiB (must)
TARGETS = {
    "bulk": (0.33, 0.50, 32),
    "short": (0.20, 0.33, 32),
    "concurrent": (0.15, 0.25, 256),
    "flood": (0.10, 0.25, 640),
}
# tool: kind: times as fast as that tool (must, aim)
RIVALS = {
    "tcpdump": {"bulk": (1, None), "short": (1, None)},
    "tcptrace": {"bulk": (8, 16), "short": (25, 50), "concurrent": (15, 30)},
    "tshark": {"bulk": (80, None), "short": (80, None), "concurrent": (80, None), "flood": (80, None)},
}
TEN_PACKETS_MS = 5  # must
PARTS = (1 / 400, 1 / 20, 1 / 4, 1)  # of a capture, for tools that cannot do all of it
FIRST_S = 30  # the smallest part must take no longer, or the tool is left out
REPEATED_S = 20  # what takes longer is measured once


def others(scratch):
    """The other tools: name, how they read a file."""
    return {
        "tcpdump": lambda f: ["tcpdump", "-r", f, "-w", "/dev/null", "tcp[tcpflags] & tcp-rst != 0"],
        "tcptrace": lambda f: ["tcptrace", "-n", f],
        "softflowd": lambda f: ["softflowd", "-r", f, "-d", "-n", "127.0.0.1:9", "-m", "2000000",
                                "-c", f"{scratch}/softflowd.ctl", "-p", f"{scratch}/softflowd.pid"],
        "nfpcapd": lambda f: ["nfpcapd", "-r", f, "-w", f"{scratch}/nf"],
        "ndpiReader": lambda f: ["ndpiReader", "-i", f, "-q"],
        "tshark": lambda f: ["tshark", "-n", "-q", "-z", "conv,tcp", "-r", f],
    }


class Usage:
    """CPU seconds and peak memory of one whole process; seconds is None, and why says so, if it was stopped
    or failed."""

    def __init__(self, seconds, rss, why=""):
        self.seconds, self.rss, self.why = seconds, rss, why


def measure(helper, command, limit, mib=0, accepted=(0,)):
    """Run @command for at most @limit seconds of CPU time and in @mib of address space (0: any; see measure.c)."""
    out = subprocess.run([helper, str(int(limit)), str(int(mib)), *command], capture_output=True, text=True, check=True)
    seconds, kib, status = out.stdout.split()
    if int(status) in accepted:
        return Usage(float(seconds), int(kib) * 1024)
    why = {-1: "killed by a signal", -2: f"stopped after {int(limit)} s"}.get(int(status), f"failed with status {status}")
    return Usage(None, int(kib) * 1024, why)


def free_mib():
    """Memory that a program could take without anybody having to give any up, and some to spare."""
    with open("/proc/meminfo", encoding="ascii") as f:
        fields = dict(line.split(":") for line in f)
    return int(fields["MemAvailable"].split()[0]) / 1024 * 0.9


def median(usages):
    seconds = [u.seconds for u in usages if u.seconds is not None]
    return statistics.median(seconds) if len(seconds) == len(usages) else None


def packets_of(walk, path):
    return int(subprocess.run([walk, path], capture_output=True, text=True, check=True).stdout.split()[0])


class Bench:
    def __init__(self, args):
        build = pathlib.Path(args.tcpwhy).resolve().parent
        self.tcpwhy = str(pathlib.Path(args.tcpwhy).resolve())
        self.generate = str(build / "tools" / "bench" / "generate")
        self.walk = str(build / "tools" / "bench" / "walk")
        self.helper = str(build / "tools" / "bench" / "measure")
        # What the captures depend on is part of their names.
        self.made_by = hashlib.sha256((pathlib.Path(__file__).parent / "generate.c").read_bytes()).hexdigest()[:8]
        self.hopeless = set()
        self.args = args
        self.dir = pathlib.Path(args.dir)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix="tcpwhy-bench-")
        (pathlib.Path(self.scratch) / "nf").mkdir()
        self.missed = []

    def capture(self, kind, scale):
        path = self.dir / f"{kind}-{scale:g}-{self.made_by}.pcap"
        if not path.exists():
            for stale in self.dir.glob(f"{kind}-{scale:g}-*.pcap"):
                stale.unlink()
            part = path.with_suffix(".part")
            subprocess.run([self.generate, kind, str(part), "--scale", str(scale)], check=True)
            part.rename(path)
        with open(path, "rb") as f:  # into the page cache
            while f.read(16 * MIB):
                pass
        return str(path)

    def verdict(self, what, value, must, aim, more_is_better=True):
        """How a value stands to its targets; a missed must is remembered."""
        good = (lambda v, t: v >= t) if more_is_better else (lambda v, t: v <= t)
        if aim is not None and good(value, aim):
            return "aim met"
        if good(value, must):
            return "met"
        self.missed.append(what)
        return "MISSED"

    def rounds(self, commands, rounds, limit, mib=0):
        """Interleaved: every command once, then again. Status 1 of tcpwhy says that it has found failures."""
        found = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                ours = name == "tcpwhy"
                found[name].append(measure(self.helper, command, limit, 0 if ours else mib, (0, 1) if ours else (0,)))
        return found

    def tcpwhy_against_walk(self, kind):
        path = self.capture(kind, self.args.scale)
        packets = packets_of(self.walk, path)
        found = self.rounds({"walk": [self.walk, path], "tcpwhy": [self.tcpwhy, "read", path]},
                            self.args.rounds, 600)
        bound, ours = median(found["walk"]), median(found["tcpwhy"])
        must, aim, mib = TARGETS[kind]
        print(f"\n{kind}: {packets} packets, {os.path.getsize(path) / MIB:.0f} MiB")
        print(f"  {'':12}{'ns/packet':>10}{'MiB':>8}{'share of bound':>16}   must / aim")
        print(f"  {'walk':12}{bound / packets * 1e9:10.1f}{'':8}{'1':>16}")
        if ours is None:
            print(f"  {'tcpwhy':12}{next(u.why for u in found['tcpwhy'] if u.why)}")
            self.missed.append(f"{kind}: runs to its end")
            return False
        peak = max(u.rss for u in found["tcpwhy"]) / MIB
        share = bound / ours
        state = self.verdict(f"{kind}: share of the bound", share, must, aim)
        print(f"  {'tcpwhy':12}{ours / packets * 1e9:10.1f}{peak:8.0f}{share:16.3f}   "
              f"{must:g} / {aim:g}: {state}")
        state = self.verdict(f"{kind}: memory", peak, mib, None, more_is_better=False)
        print(f"  {'':12}{'memory':>10}{peak:8.0f}{'':16}   {mib} MiB: {state}")
        return True

    def largest_part(self, name, command, kind):
        """The largest part of the capture that a tool comes to the end of: part, path, packets, what it cost, and why
        not a larger one. A part that would take too much if it went on as before is not tried."""
        done, before = None, None
        for part in PARTS:
            path = self.capture(kind, self.args.scale * part)
            packets, mib = packets_of(self.walk, path), free_mib()
            times = packets / before[0] if before else 1
            if before and before[1].seconds * times > self.args.seconds:
                return done, f"more would take over {self.args.seconds:g} s"
            if before and before[1].rss / MIB * times > mib:
                return done, "more would not fit in memory"
            usage = measure(self.helper, command(path), self.args.seconds if before else FIRST_S, mib)
            if usage.seconds is None:
                return done, f"{usage.why} on {packets}"
            before = (packets, usage)
            done = (part, path, packets, usage)
        return done, ""

    def rival(self, name, command, kind):
        """One other tool, and tcpwhy in turns with it on the same file."""
        done, why = self.largest_part(name, command, kind)
        if not done:
            print(f"  {name:12}{why} packets: left out from here on")
            self.hopeless.add(name)
            return
        part, path, packets, first = done
        slow = first.seconds > REPEATED_S
        commands = {"tcpwhy": [self.tcpwhy, "read", path]}
        if not slow:
            commands[name] = command(path)
        found = self.rounds(commands, min(self.args.rounds, 3), self.args.seconds, free_mib())
        theirs = [first] if slow else found[name]
        took, ours = median(theirs), median(found["tcpwhy"])
        if took is None or ours is None:
            print(f"  {name:12}{next(u.why for u in theirs + found['tcpwhy'] if u.why)}")
            return
        peak = max(u.rss for u in theirs) / MIB
        times, state = took / ours, ""
        if kind in RIVALS.get(name, {}):
            must, aim = RIVALS[name][kind]
            state = f"{must:g} / {aim or '-'}: " + self.verdict(f"{kind}: against {name}", times, must, aim)
        size = "of all" if part == 1 else (f"of {packets} packets ({why}), of which one takes tcpwhy "
                                           f"{ours / packets * 1e9:.1f}")
        print(f"  {name:12}{took / packets * 1e9:10.1f}{peak:8.0f}{times:14.1f} x   {state:20} {size}")

    def ten_packets(self):
        path = str(self.dir / f"ten-{self.made_by}.pcap")
        if not os.path.exists(path):
            subprocess.run([self.generate, "concurrent", path, "--scale", "0.000001"], check=True)
        ms = median([measure(self.helper, [self.tcpwhy, "read", path], 10, accepted=(0, 1)) for _ in range(21)]) * 1000
        state = self.verdict("ten packets", ms, TEN_PACKETS_MS, None, more_is_better=False)
        print(f"\nten packets, from start to exit: {ms:.1f} ms of CPU   {TEN_PACKETS_MS} ms: {state}")

    def run(self):
        kinds = self.args.only.split(",") if self.args.only else list(TARGETS)
        tools = {n: c for n, c in others(self.scratch).items() if shutil.which(n)}
        missing = ", ".join(sorted(set(others("")) - set(tools)))
        if missing and not self.args.no_rivals:
            print("Not installed, so not compared with:", missing)
        if self.args.scale != 1:
            print("The targets are made for --scale 1: small captures are mostly start and end.")
        for kind in kinds:
            if not self.tcpwhy_against_walk(kind) or self.args.no_rivals:
                continue
            for name, command in tools.items():
                if name not in self.hopeless:
                    self.rival(name, command, kind)
        self.ten_packets()
        shutil.rmtree(self.scratch, ignore_errors=True)
        if self.missed:
            print("\nMissed:", "; ".join(self.missed))
        return 1 if self.missed else 0


def main():
    p = argparse.ArgumentParser(description="Speed and memory of tcpwhy read.")
    p.add_argument("tcpwhy")
    p.add_argument("--scale", type=float, default=1.0, help="size of the captures (1: some 50 M packets)")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=300, help="CPU time that another tool may take")
    p.add_argument("--dir", default=os.path.join(os.environ.get("TMPDIR", "/var/tmp"), "tcpwhy-bench"),
                   help="where captures are kept (about 5 GB at scale 1)")
    p.add_argument("--only", help="kinds, separated by commas")
    p.add_argument("--no-rivals", action="store_true", help="only against the bound")
    try:
        return Bench(p.parse_args()).run()
    except (OSError, subprocess.CalledProcessError) as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
