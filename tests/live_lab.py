#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every scenario of the lab with `tcpwhy live` attached: what live says of it, against what it was. TAP.

Six watches look at the same runs of the lab:

    joined   as a user starts it: both ends of a connection are in this kernel, and their stories are joined
    all      the same with --all
    apart    the ends are not joined (TCPWHY_ASSUME=apart): what the client's host and the server's host would say each
    6.11 6.9 5.16   apart, on a kernel that tells less

EXPECTED has for each scenario what must be said where: `both` in the joined view, `client` and `server` in the other,
and `host` by a host that has no socket of the connection (any more). What is not in it must not be said. Where the
kernel cannot know the truth, REASONS tells why. A scenario that is in no table may be called by its truth or by what its
packets allow, or not at all, and `certain` only by its truth.

    tests/live_lab.py [WORD...]      only scenarios with one of these in their names
    tests/live_lab.py --table        all of them, and the tables of docs/live.md on standard output
    tests/live_lab.py --write        ... into docs/live.md
"""
import collections
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap
from tap import PROGRAM, Skip, tcpwhy

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "live.md"
VIEWS = {"joined": ("", []), "all": ("", ["--all"]), "apart": ("apart", []), "6.11": ("apart,6.11", []),
         "6.9": ("apart,6.9", []), "5.16": ("apart,5.16", [])}
OLD = ("6.11", "6.9", "5.16")
# The hosts of the lab; whatever else this machine does is not looked at.
LAB = "net 192.0.2.0/24 or net 2001:db8::/32".split()

# "WHERE: VERDICT|... CONFIDENCE" parted by ";". A verdict in brackets may be missing.
EXPECTED = {
    "port-closed": "both: port-closed certain; client: port-closed likely; host: port-closed certain",
    "firewall-reset/on-connect": "both: port-closed|firewall-reset likely; client: port-closed|firewall-reset likely",
    "firewall-reset/midway": "both: peer-rebooted|forged-reset likely; client: peer-rebooted likely",
    "firewall-rejected/admin-prohibited": "both: host-unreachable|firewall-rejected likely; client: "
                                          "host-unreachable|firewall-rejected likely",
    "firewall-rejected/port-unreachable": "both: firewall-rejected likely; client: firewall-rejected likely",
    "firewall-rejected/midway": "both: firewall-rejected likely; client: firewall-rejected likely",
    "firewall-rejected/net-unreachable": "both: host-unreachable|firewall-rejected likely; client: "
                                         "host-unreachable|firewall-rejected likely",
    "firewall-dropped/on-path": "both: syn-unanswered likely; client: syn-unanswered likely",
    "firewall-dropped/one-way": "both: peer-vanished likely; client: peer-vanished likely",
    "host-unreachable/dead-on-lan": "client: host-unreachable certain|likely",
    "host-unreachable/behind-router": "client: host-unreachable likely",
    "syn-unanswered": "client: syn-unanswered likely",
    "syn-ack-lost/one-way": "both: syn-ack-lost certain; client: syn-unanswered likely",
    "accept-queue-full/at-syn": "both: [syn-unanswered] likely; client: [syn-unanswered] likely",
    "accept-queue-full/at-ack": "both: accept-queue-full certain; server: accept-queue-full certain",
    "accept-queue-full/abort-on-overflow": "both: accept-queue-full certain; client: accept-queue-full likely; server: "
                                           "accept-queue-full certain",
    "connect-aborted/own-timeout": "both: connect-aborted certain; client: connect-aborted certain",
    "time-wait-syn-dropped/older-timestamp": "both: [time-wait-syn-dropped] certain; host: time-wait-syn-dropped certain",
    "ports-exhausted/two-ports": "both: ports-exhausted certain; client: ports-exhausted certain",
    "process-died/idle": "both: process-died|port-closed certain; client: data-after-close|port-closed likely; server: "
                         "process-died certain; host: port-closed certain",
    "process-died/unread": "both: process-died certain; client: aborted likely; server: process-died certain",
    "process-died/crash": "both: process-died certain; client: aborted likely; server: process-died certain",
    "process-died/exit": "both: process-died certain; server: process-died certain",
    "process-died/accept-queue": "both: process-died certain; client: aborted likely; server: process-died certain",
    "closed-with-unread-data/request": "both: closed-with-unread-data certain; client: aborted likely; server: "
                                       "closed-with-unread-data certain",
    "closed-with-unread-data/after-answer": "both: closed-with-unread-data certain; client: aborted likely; server: "
                                            "closed-with-unread-data certain",
    "closed-with-unread-data/by-client": "both: closed-with-unread-data certain; client: closed-with-unread-data "
                                         "certain; server: [aborted] likely",
    "aborted/in-use": "both: linger-reset certain; client: aborted likely; server: linger-reset certain",
    "linger-reset/unanswered": "both: linger-reset certain; client: aborted likely; server: linger-reset certain",
    "linger-reset/by-habit": "",
    "linger-reset/unspec": "both: [linger-reset] certain; client: [linger-reset] certain; server: [aborted] likely",
    "data-after-close/answer": "both: data-after-close certain; client: data-after-close likely; host: data-after-close "
                               "certain",
    "keepalive-race/crossing": "both: data-after-close certain; client: data-after-close likely; server: "
                               "data-after-close certain",
    "peer-vanished/in-flight": "client: peer-vanished likely",
    "peer-vanished/arp-fails": "client: peer-vanished likely",
    "user-timeout/in-flight": "client: user-timeout certain",
    "keepalive-timeout/probes": "client: keepalive-timeout certain",
    "idle-blackholed/on-next-packet": "both: peer-vanished likely; client: peer-vanished likely",
    "pmtu-blackhole/no-icmp": "both: [peer-vanished] likely; client: peer-vanished likely",
    "idle-reset/on-next-packet": "both: [forged-reset|peer-rebooted] likely; client: peer-rebooted likely",
    "forged-reset/off-path": "both: forged-reset likely; client: peer-rebooted likely; server: peer-rebooted likely",
    "fin-unanswered/dead-host": "client: fin-unanswered certain",
    "last-ack-expired/dead-host": "server: last-ack-expired certain",
    "fin-wait2-expired/late-data": "both: data-after-close|fin-wait2-expired likely; server: data-after-close likely; "
                                   "host: peer-rebooted possible",
}

OWN_PORTS = ("address-in-use", "ports-exhausted", "time-wait-syn-dropped")

# What else is true of a scenario, seen from another side: each is said with its own certainty.
ALSO = {
    "port-scan": {"port-closed", "connect-aborted"},   # each SYN by itself
    "keepalive-timeout": {"user-timeout"},             # TCP_USER_TIMEOUT bounds the probes, too
    "last-ack-expired": {"user-timeout"},              # ... and the repeats of the last FIN
    "connect-aborted/half-open-check": {"connect-aborted"},  # a probe by intent looks like one who gave up
    "host-shutdown/arp-fails": {"host-unreachable"},   # of the connection that came after the shutdown
    "injected-segment": {"data-after-close"},          # the FIN was forged, and both kernels believe it
    "closed-with-unread-data": {"process-died"}, "process-died": {"closed-with-unread-data", "port-closed"},
}

# Why live does not name the truth where it does not.
REASONS = {
    "firewall-reset": "a RST of somebody on the path is not signed; with both ends here it is known that neither sent it",
    "firewall-rejected": "the socket keeps the errno of an ICMP error, not its code: EHOSTUNREACH and ENETUNREACH are both",
    "firewall-dropped": "silence has no author; only a drop by this host's own firewall is told",
    "syn-lost": "it worked after all: live tells failures, not delays",
    "syn-ack-lost": "at the client alone it is silence; if the SYN|ACK comes at last, nothing failed",
    "handshake-ack-lost": "it worked after all",
    "accept-queue-full": "a SYN dropped at a full queue has no tracepoint; the walk over listeners sees a queue that stays full",
    "syn-queue-full": "a SYN dropped at a full SYN queue has no tracepoint",
    "address-in-use": "bind() that fails has no tracepoint",
    "aborted": "the scenario is one for packets; the socket says how: SO_LINGER",
    "keepalive-race": "the race is one of moments; what the kernel sees is data after close()",
    "app-stuck": "a reader that does not read ends in nothing; queues that stay full are no event",
    "zero-window-stall": "a stall ends in nothing until the kernel gives up",
    "idle-reset": "see firewall-reset",
    "forged-reset": "see firewall-reset",
    "idle-blackholed": "silence has no author",
    "pmtu-blackhole": "silence has no author; no packet sizes are kept",
    "process-died": "at the other end only the form of the reset is known: a living socket was aborted",
    "closed-with-unread-data": "see process-died",
    "linger-reset": "see process-died",
    "socket-destroyed": "see process-died",
    "port-closed": "a firewall that rejects with a RST looks the same from the client",
    "peer-rebooted": "a bare RST says that the connection is unknown there, not why",
    "fin-wait2-expired": "a host without the socket does not know that it had one",
    "conntrack-invalid-reset": "both kernels see segments of connections that they do not have",
    "close-wait-leak": "told after a minute, which only one scenario lasts",
    "loss-recovered": "it worked after all", "reordering": "it worked after all",
    "injected-segment": "accepted data is data", "desynchronized": "nothing ended within the scenario",
    "host-shutdown": "each process that is ended is told",
    "port-scan": "each refused SYN is told, without a judgement of the crowd",
    "syn-flood": "half-open connections of strangers make no finding each",
    "fin-lost": "it worked after all", "fin-ack-lost": "it worked after all", "last-fin-lost": "it worked after all",
    "last-ack-lost": "it worked after all", "time-wait-killed": "nothing fails", "old-duplicate": "nothing fails",
    "invalid-segment": "an invalid segment is ignored",
}

# On older kernels a reason is inferred: these must be said, with less confidence, and nothing else in their place.
INFERRED = {
    "closed-with-unread-data/request": "client: aborted likely; server: closed-with-unread-data likely",
    "linger-reset/unanswered": "client: aborted likely; server: linger-reset likely",
    "linger-reset/unspec": "client: [aborted] likely; server: [aborted] likely",
    "keepalive-race/crossing": "client: data-after-close likely; server: data-after-close certain|likely",
    "process-died/unread": "client: aborted likely; server: process-died certain",
    "keepalive-timeout/probes": "client: keepalive-timeout certain",
}


def seconds(text):
    whole, fraction = text[:-1].split(".")
    return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + fraction)


def port(endpoint):
    return int(endpoint.rsplit(":", 1)[1])


class Run:
    """One run of a scenario, with the findings of each view."""

    def __init__(self, record):
        self.record = record
        self.name = f"{record['slug']}/{record['name']}"
        self.start = seconds(record["start"])
        self.end = self.start + max([x["time"] for x in record["timeline"] if x["kind"] not in ("packet", "state")],
                                    default=0)
        self.ports = {x["port"] for x in record["timeline"] if x.get("port")}
        # A host that vanishes does so because the lab kills its processes: this one kernel sees that.
        self.vanished = any(x["kind"] == "host" and x["text"] in ("vanish", "reboot")
                            for x in record["timeline"])
        self.servers = {port(v["finding"]["server"]) for v in record["verdicts"] if v.get("finding")} | {80}
        self.findings = {}

    def owns(self, f):
        six = f["client"].startswith("[2001:db8:")
        if not six and not f["client"].startswith("192.0.2."):
            return False
        if six != (self.record["variant"][:2] == "v6") or not self.start <= f["begin"] <= self.start + \
                self.record["duration"]:
            return False
        # The same client port may be in use towards another port, in another run.
        if port(f["server"]) not in self.servers and port(f["client"]) not in self.servers:
            return False
        # A connect() that found no port has none.
        return bool({port(f["client"]), port(f["server"])} & self.ports) or \
            (port(f["client"]) == 0 and self.record["slug"] == "ports-exhausted")

    def take(self, view, findings):
        mine = [f for f in findings if self.owns(f)]
        # When the scenario is over the lab kills what is left, and the kernel sees that, too.
        killed = [f["when"] for f in mine if f["verdict"] == "process-died" and f["when"] > self.end]
        over = min(killed, default=self.start + self.record["duration"])
        self.findings[view] = [f for f in mine if f["when"] < over and
                               not (self.vanished and f["verdict"] == "process-died")]


class Watches:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.processes = []
        for view, (words, options) in VIEWS.items():
            out = open(os.path.join(self.folder.name, view), "w", encoding="utf-8")
            p = subprocess.Popen([PROGRAM, "live", "--json", "--rate-limit", "0", *options, *LAB], stdout=out,
                                 stderr=subprocess.PIPE, text=True, env={**os.environ, "TCPWHY_ASSUME": words})
            self.processes.append(p)
            while "watching" not in (line := p.stderr.readline()):
                if not line:
                    raise AssertionError(f"the watch {view} does not start")

    def stop(self):
        for p in self.processes:
            p.send_signal(signal.SIGINT)
        for p in self.processes:
            p.communicate(timeout=60)
            if p.returncode not in (0, 1):
                raise AssertionError(f"a watch ended with {p.returncode}")

    def findings(self, view):
        rows = []
        with open(os.path.join(self.folder.name, view), encoding="utf-8") as f:
            for line in f:
                row = json.loads(line)
                if row["type"] == "finding":
                    row["begin"] = seconds(row["start"])
                    row["when"] = row["begin"] + (row["evidence"][0].get("time", 0) if row["evidence"] else 0)
                    rows.append(row)
                else:
                    lost = row["events_lost"]
        if lost:
            raise Skip(f"{lost} events were lost")
        return rows


def scenarios():
    """All by name, with the variants to run: IPv4, and IPv6 for the first of each phenomenon."""
    rows = [json.loads(x) for x in tcpwhy("lab", "list", "--json").out.splitlines()]
    chosen, seen = {}, set()
    for r in rows:
        if r.get("variants"):
            six = ["v6"] if r["slug"] not in seen and "v6" in r["variants"] else []
            four = ["v4"] if "v4" in r["variants"] else []
            chosen[f"{r['slug']}/{r['name']}"] = four + six or r["variants"][:1]
            seen.add(r["slug"])
    return chosen


_runs = None


def runs(chosen):
    """All runs; played once."""
    global _runs
    if isinstance(_runs, Skip):
        raise _runs
    if _runs is None:
        try:
            if os.geteuid():
                raise Skip("needs root")
            if tcpwhy("doctor").status == 2:
                raise Skip("tcpwhy live does not work here; see tcpwhy doctor")
            _runs = play([f"{name}/{v}" for name, variants in chosen.items() for v in variants])
        except Skip as reason:
            _runs = reason
            raise
    return _runs


def play(words):
    watches = Watches()
    try:
        # Those that choose their ports themselves choose the same: not at the same time.
        alone = [w for w in words if w.split("/")[0] in OWN_PORTS or "few-ports" in w]
        rest = [w for w in words if w not in alone]
        out = tcpwhy("lab", "run", "--json", "-j", "24", *rest, timeout=400).out if rest else ""
        for word in alone:
            out += tcpwhy("lab", "run", "--json", word, timeout=100).out
        # What is judged late: a drop that stayed without a sequel.
        subprocess.run(["sleep", "2"], check=True)
    finally:
        watches.stop()
    played = [Run(r) for r in map(json.loads, out.splitlines()) if r["type"] == "lab"]
    for view in VIEWS:
        found = watches.findings(view)
        for run in played:
            run.take(view, found)
    return played


def parse(text):
    """{where: (verdicts, may be missing, confidences)}"""
    rules = {}
    for part in filter(None, (p.strip() for p in text.split(";"))):
        where, rest = part.split(": ")
        verdicts, confidences = rest.rsplit(" ", 1)
        rules[where] = (verdicts.strip("[]").split("|"), verdicts.startswith("["), confidences.split("|"))
    return rules


def where(view, f):
    if view in ("joined", "all"):
        return "both"
    return {"client": "client", "server": "server", "unknown": "host"}.get(f["vantage"], f["vantage"])


def told(view, f):
    return f"{where(view, f)}: {f['verdict']} {f['confidence']} ({f['summary']})"


def check_rules(run, view, rules):
    # "unknown" is no verdict: where one is demanded it counts as nothing said.
    findings = [f for f in run.findings[view] if f["verdict"] not in ("clean", "unknown")]
    for f in findings:
        rule = rules.get(where(view, f))
        if not rule or f["verdict"] not in rule[0] or f["confidence"] not in rule[2]:
            raise AssertionError(f"{run.name}/{run.record['variant']} {view}: must not say {told(view, f)}")
    said = {where(view, f) for f in findings}
    places = {"joined": {"both"}}.get(view, {"client", "server", "host"})
    for place in (places & set(rules)) - said:
        if not rules[place][1]:
            raise AssertionError(f"{run.name}/{run.record['variant']} {view}: {place} says nothing, not "
                                 f"{'|'.join(rules[place][0])}")


def accepted(run):
    names = {run.record["truth"], "unknown", "clean"}
    names |= ALSO.get(run.record["slug"], set()) | ALSO.get(run.name, set())
    for v in run.record["verdicts"]:
        names |= set(v.get("accept") or [])
    return names


def check_loosely(run, view):
    for f in run.findings[view]:
        # Nothing failed, and how it ended is told as it is.
        certain = f["confidence"] == "certain" and f["outcome"] != "clean"
        if certain and f["verdict"] not in accepted(run):
            raise AssertionError(f"{run.name}/{run.record['variant']} {view}: certain, and not the truth "
                                 f"({run.record['truth']}): {told(view, f)}")


def check_old(run, view, rules):
    """An older kernel may know less: nothing certain that this one does not say with certainty at that place."""
    for f in run.findings[view]:
        if f["confidence"] != "certain":
            continue
        rule = rules.get(where(view, f))
        if not rule or "certain" not in rule[2] or f["verdict"] not in rule[0]:
            raise AssertionError(f"{run.name}/{run.record['variant']} {view}: must not say {told(view, f)}")
        if f["reason"] is None and f["verdict"] in ("closed-with-unread-data", "linger-reset"):
            raise AssertionError(f"{run.name} {view}: certain without a reason of the kernel: {told(view, f)}")


def check(run):
    text = EXPECTED.get(run.name, EXPECTED.get(run.name.split("/")[0]))
    check_loosely(run, "all")
    if text is None:
        for view in VIEWS:
            check_loosely(run, view)
        return
    rules = parse(text)
    if not run.vanished:
        check_rules(run, "joined", rules)
    check_rules(run, "apart", rules)
    for view in OLD:
        check_old(run, view, rules)
    if run.name in INFERRED:
        check_rules(run, "6.9", parse(INFERRED[run.name]))


def make_case(name, chosen):
    def one():
        mine = [r for r in runs(chosen) if r.name == name]
        good = [r for r in mine if r.record["passed"]]
        if not good:
            raise Skip("the scenario itself did not come as expected")
        for run in good:
            check(run)
    one.__name__ = name
    one.__doc__ = name + ("" if name in EXPECTED or name.split("/")[0] in EXPECTED else " (no false certainty)")
    return one


def table(played):
    """For each truth what live says: with both ends here, at the client, at the server."""
    rows = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    for run in played:
        truth = rows[run.record["truth"]]
        for view in ("joined", "apart"):
            if view == "joined" and run.vanished:
                continue
            places = {where(view, f) for f in run.findings[view]}
            for f in run.findings[view]:
                truth[where(view, f)][f"{f['verdict']} {f['confidence'] or ''}".strip()] += 1
            for place in ({"both"} if view == "joined" else {"client", "server"}) - places:
                truth[place]["-"] += 1
    lines = ["| truth | both ends here | client's host | server's host |", "|---|---|---|---|"]
    for truth in sorted(rows):
        cells = []
        for places in (("both",), ("client",), ("server", "host")):
            said = sum((rows[truth][p] for p in places), collections.Counter())
            if len(said) > 1 and "host" in places:
                del said["-"]
            cells.append(", ".join(name for name, _ in sorted(said.items(), key=lambda i: (-i[1], i[0]))))
        lines.append(f"| {truth} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\nWhere the truth is not named:\n\n" + "".join(
        f"- {slug}: {why}\n" for slug, why in sorted(REASONS.items()) if slug in rows)


def write(text):
    document = DOCUMENT.read_text(encoding="utf-8")
    marks = "<!-- live_lab begin -->\n", "<!-- live_lab end -->\n"
    DOCUMENT.write_text(re.sub(f"{marks[0]}.*{marks[1]}", lambda _: marks[0] + text + marks[1], document, flags=re.S),
                        encoding="utf-8")


def main():
    tables = [w for w in sys.argv[1:] if w in ("--table", "--write")]
    words = [w for w in sys.argv[1:] if w not in tables]
    del sys.argv[1:]
    chosen = {n: v for n, v in scenarios().items() if v and (not words or any(w in n for w in words))}
    for name in chosen:
        tap.case(make_case(name, chosen))
    if tables:
        text = table(runs(chosen))
        if "--write" in tables:
            write(text)
        else:
            print(text)
        return
    tap.main(workers=1)


if __name__ == "__main__":
    main()
