#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every scenario of the lab with `tcpwhy live` attached: what live says of it, against what it was. TAP.

Eight watches look at the same runs of the lab:

    joined   both ends of a connection are in this kernel, and their stories are joined
    all      the same with --all
    apart    the ends are not joined (TCPWHY_ASSUME=apart): what the client's host and the server's host would say each
    6.11 6.9 5.16   apart, on a kernel that tells less

    waits, waits apart   what waits for a second is told while it waits; ports that are taken, too

EXPECTED has for each scenario what must be said where, and nothing else may be. Where that is not the truth, with certainty,
at every place, a reason stands beside it: a scenario without an entry, or an exception without a reason, fails.

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
# In the joined views this program and all below it: another lab on this machine has the same addresses.
MINE = ["--pid", str(os.getpid())]
WAITING_TOO = ["--patience", "1s", "--bind"]
VIEWS = {"joined": ("", MINE), "all": ("", ["--all", *MINE]), "apart": ("apart", []), "6.11": ("apart,6.11", []),
         "6.9": ("apart,6.9", []), "5.16": ("apart,5.16", []), "waits": ("", [*WAITING_TOO, *MINE]),
         "waits apart": ("apart", WAITING_TOO)}
OLD = ("6.11", "6.9", "5.16")
JOINED = ("joined", "all", "waits")
# The kernel does not run the programs of a watch at each event that it traces (docs/live.md, "Floods"): in a thousand ends of
# connections one to four were told by none of eight watches, never the same. So silence is asked about once more, by itself, and
# so is what is told without certainty in the place of the truth, which a lost event may explain; what is certain and wrong is
# wrong at once, and so is what comes often.
AGAIN_MAX = 8

# The hosts of the lab; whatever else this machine does is not looked at.
LAB = "net 192.0.2.0/24 or net 198.51.100.0/24 or net 2001:db8::/32".split()

# These run one at a time. Some choose the same ports themselves; of some a listener is told, by its address alone, or its clients
# are explained by it: all runs have the same addresses, in namespaces of their own.
ALONE = ("address-in-use", "ports-exhausted", "time-wait-syn-dropped", "accept-queue-full", "syn-queue-full", "syn-flood",
         "port-closed/few-ports")

# Reasons why live does not name the truth somewhere.
SILENCE = "silence has no author: this end knows that no answer came, not what became of what it sent"
FORM = "the other end knows of a RST only its form: a living socket was aborted, and not why"
ACKED = "a client whose data is acknowledged by then knows of nobody who still waits for anything"
BARE = "a bare RST says that its author does not know the connection, and not whether it ever did"
UNSIGNED = "a RST is not signed: in this form the peer's own host writes it as well"
BETWEEN = "neither kernel sent the RST, so somebody between did: who that is does not show at the ends"
BETWEEN_AT_ONCE = f"{BETWEEN}, if the other end speaks within a moment, and is reset, too"
ERRNO = "the socket keeps the errno of an ICMP error and not its code: EHOSTUNREACH and ENETUNREACH mean either"
WORKED = "it worked after all: live tells failures, not delays and repairs"
STRANGERS = "half-open requests that expire make no finding each: anybody can cause them"
WAITING = "no end yet: told while it waits, see WAITS"
TOGETHER = "each connection is told by itself: what many have in common is not judged"
EACH = "the processes that end with the host are told one by one, as process-died; what comes after it is the peer's silence"
NO_MORE = "the host had forgotten: nothing is left there that could tell that it once had the connection"
NO_SOCKET = "the segment meets no socket; whether its sender minds is not known there"
OWN_RST = "the kernel that leaks or is reset sees segments of connections that it does not have; addresses before and after translation are not joined"

# What each scenario must make live say: "WHERE: VERDICT|... CONFIDENCE|..." parted by ";", and why that is not the truth with
# certainty, where it is not. WHERE is "both" in the joined view; in the other "client" and "server", and "host" for one that
# has no socket of the connection (any more). What is not named must not be said, what is named must be, unless it stands in
# brackets. "open" stands for the outcome "unknown". By scenario, else by phenomenon.
EXPECTED = {
    "port-closed": ("both: port-closed certain; client: port-closed likely; host: port-closed certain",
                    "client: a firewall that rejects with a RST writes the same"),
    "firewall-reset": ("both: peer-rebooted likely; client: peer-rebooted likely", UNSIGNED),
    "firewall-reset/on-connect": ("both: port-closed likely; client: port-closed likely", UNSIGNED),
    "firewall-reset/on-connect-v6": ("both: port-closed likely; client: port-closed likely", UNSIGNED),
    "firewall-reset/other-ttl": ("both: port-closed likely; client: port-closed likely", UNSIGNED),
    "firewall-reset/midway-server": ("both: peer-rebooted likely; server: peer-rebooted likely", UNSIGNED),
    "firewall-reset/half-open": ("both: forged-reset|peer-rebooted likely; client: peer-rebooted likely; server: peer-rebooted likely",
                                 f"{BETWEEN_AT_ONCE}; one end alone: {UNSIGNED}"),
    "firewall-reset/eaten": ("both: peer-rebooted|peer-vanished likely; client: peer-rebooted likely; server: peer-vanished likely",
                             f"{UNSIGNED}; the server hears no more: {SILENCE}"),
    "firewall-rejected": ("both: firewall-rejected likely; client: firewall-rejected likely", ERRNO),
    "firewall-rejected/admin-prohibited": ("both: host-unreachable likely; client: host-unreachable likely", ERRNO),
    "firewall-rejected/nonblocking": ("both: host-unreachable likely; client: host-unreachable likely", ERRNO),
    "firewall-rejected/net-unreachable": ("both: host-unreachable likely; client: host-unreachable likely", ERRNO),
    "firewall-rejected/midway": ("both: host-unreachable likely; client: host-unreachable likely", ERRNO),
    "firewall-rejected/recverr": ("both: host-unreachable likely; client: host-unreachable likely", ERRNO),
    "firewall-rejected/handshake-ack": ("both: handshake-ack-lost certain; client: accept-queue-full likely; server: "
                                        "handshake-ack-lost certain", "no socket ended by the ICMP error: what it took is missed"),
    "firewall-rejected/passing": ("", WORKED),
    "firewall-dropped": ("both: syn-unanswered likely; client: syn-unanswered likely", SILENCE),
    "firewall-dropped/one-way": ("both: peer-vanished likely; client: peer-vanished likely", SILENCE),
    "firewall-dropped/one-way-to-the-end": ("both: peer-vanished|unknown likely|open; client: peer-vanished|unknown likely|open; "
                                            "server: peer-vanished|unknown likely|open",
                                            f"{SILENCE}; the peer may still be heard, and then it is no silence"),
    "host-unreachable": ("client: host-unreachable certain|likely",
                         "certain where this host itself drops the SYN (a neighbour that does not answer, over IPv4); over IPv6 "
                         "and behind a router only the errno shows"),
    "syn-unanswered": ("client: syn-unanswered likely", SILENCE),
    "syn-lost": ("", WORKED), "syn-ack-lost": ("", WORKED),
    "syn-ack-lost/one-way": ("both: syn-ack-lost certain; client: syn-unanswered likely", SILENCE),
    "handshake-ack-lost": ("", WORKED),
    "handshake-ack-lost/expired": ("both: handshake-ack-lost certain; client: accept-queue-full likely; server: "
                                   "handshake-ack-lost certain",
                                   "client: nothing after the SYN was ever taken; why is known at the server"),
    "accept-queue-full": ("both: accept-queue-full certain|likely; server: accept-queue-full certain|likely",
                          "likely: a burst, and at the next look the queue had room again"),
    "accept-queue-full/at-syn": ("both: accept-queue-full certain; client: syn-unanswered likely; server: accept-queue-full "
                                 "certain", SILENCE),
    "accept-queue-full/abort-on-overflow": ("both: accept-queue-full certain; client: accept-queue-full possible; server: "
                                            "accept-queue-full certain|likely", FORM),
    "accept-queue-full/expired": ("both: accept-queue-full certain; client: accept-queue-full likely; server: "
                                  "accept-queue-full certain|likely",
                                  "client: nothing after the SYN was ever taken; why is known at the server"),
    "syn-queue-full": ("both: syn-queue-full|syn-ack-lost certain; client: syn-unanswered likely; server: syn-queue-full "
                       "certain", "the queue is filled by requests whose SYN|ACKs are lost; " + SILENCE),
    "connect-aborted": ("both: connect-aborted certain; client: connect-aborted certain", None),
    "connect-aborted/half-open-check": ("both: connect-aborted certain; client: connect-aborted certain",
                                        "a probe by intent looks like one who gave up"),
    "connect-aborted/kernel": ("both: syn-ack-lost certain; client: syn-unanswered likely", SILENCE),
    "time-wait-syn-dropped": ("both: time-wait-syn-dropped certain; host: time-wait-syn-dropped certain", None),
    "ports-exhausted": ("both: ports-exhausted certain; client: ports-exhausted certain", None),
    "address-in-use": ("", "told with --bind only, see WAITS"),
    "address-in-use/time-wait": ("both: port-closed certain; client: port-closed likely; host: port-closed certain",
                                 "nobody listens until the bind succeeds; that it failed is told with --bind only, see WAITS"),
    "app-stuck": ("", WAITING), "close-wait-leak": ("", WAITING), "zero-window-stall": ("", WAITING),
    "zero-window-stall/probes-unanswered": ("client: zero-window-stall likely",
                                            "the peer may have died behind its closed window, as it did"),
    "close-wait-leak/a-minute": ("both: [close-wait-leak] certain; server: [close-wait-leak] certain",
                                 "it lasts its minute and little more: told if a look falls into that"),
    "process-died": ("both: process-died certain; client: aborted likely; server: process-died certain", FORM),
    "process-died/exit": ("both: process-died certain; server: process-died certain", None),
    "process-died/crash-idle": ("both: process-died certain; server: process-died certain", None),
    "process-died/idle": ("both: process-died|port-closed certain; client: data-after-close|port-closed likely; server: "
                          "process-died certain; host: port-closed certain",
                          "the next connection finds the port closed; the client sees a FIN, and its data reset"),
    "process-died/several": ("both: process-died|port-closed certain; client: aborted|port-closed likely; server: process-died "
                             "certain; host: port-closed certain", f"the next connection finds the port closed; {FORM}"),
    "process-died/client": ("both: process-died certain; client: process-died certain; server: data-after-close likely",
                            "the server sees a FIN, and its data reset"),
    "process-died/client-unread": ("both: process-died certain; client: process-died certain", None),
    "process-died/worker": ("both: closed-with-unread-data certain; client: aborted likely; server: closed-with-unread-data "
                            "certain", FORM),
    "host-shutdown/orderly": ("client: syn-unanswered likely", EACH),
    "host-shutdown/refused-then-silent": ("client: peer-vanished|port-closed likely; host: port-closed certain", EACH),
    "host-shutdown/arp-fails": ("client: host-unreachable|port-closed certain|likely; host: port-closed certain",
                                f"{EACH}; the next connect() finds no host"),
    "closed-with-unread-data": ("both: closed-with-unread-data certain; client: aborted likely; server: "
                                "closed-with-unread-data certain", FORM),
    "closed-with-unread-data/by-client": ("both: closed-with-unread-data certain; client: closed-with-unread-data certain; "
                                          "server: [aborted] likely", "the server had all that it waited for"),
    "aborted": ("both: linger-reset certain; client: aborted likely; server: linger-reset certain",
                "the scenario is one for packets; the socket itself tells how it aborted: SO_LINGER"),
    "aborted/by-client": ("both: linger-reset certain; client: [linger-reset] certain; server: aborted likely",
                          f"the scenario is one for packets; the socket itself tells how it aborted: SO_LINGER; {ACKED}"),
    "linger-reset": ("both: linger-reset certain; client: aborted likely; server: linger-reset certain", FORM),
    "linger-reset/unspec": ("both: linger-reset certain; client: [linger-reset] certain; server: aborted likely",
                            f"{FORM}; {ACKED}"),
    "fin-wait2-expired/linger2-negative": ("", "the server had closed, too: nobody was owed anything"),
    "data-after-close": ("both: data-after-close certain; client: data-after-close likely; server|host: data-after-close "
                         "certain", "the sender sees a FIN, and its data reset: a socket whose time in FIN_WAIT2 was over does the same"),
    "data-after-close/server-push": ("both: data-after-close certain; server: data-after-close likely; host: data-after-close "
                                     "certain", "the sender sees a FIN, and its data reset"),
    "data-after-close/too-late": ("both: data-after-close certain; server: data-after-close likely; host: data-after-close "
                                  "certain", "the sender sees a FIN, and its data reset"),
    "keepalive-race": ("both: data-after-close certain; client: data-after-close likely; server: data-after-close certain",
                       "the race is one of moments; what the kernels see is data after close()"),
    "peer-vanished": ("client: peer-vanished likely", SILENCE),
    "peer-vanished/goes-on": ("both: peer-vanished likely; client: peer-vanished likely", SILENCE),
    "peer-vanished/client": ("server: peer-vanished likely", SILENCE),
    "peer-vanished/one-way": ("both: peer-vanished likely; client: peer-vanished likely; server: peer-rebooted likely",
                              f"{SILENCE}; the client has given up when the server speaks again: {BARE}"),
    "peer-vanished/only-waits": ("", "who only waits learns nothing, for ever"),
    "peer-vanished/send-timeout": ("", WAITING),
    "peer-vanished/behind-router": ("client: host-unreachable likely", ERRNO),
    "peer-vanished/soft-error": ("client: [host-unreachable] likely",
                                 f"{ERRNO}; the application may be gone before the kernel gives up"),
    "user-timeout": ("client: user-timeout certain", None),
    "user-timeout/zero-window": ("both: user-timeout certain; client: user-timeout certain", None),
    "user-timeout/peer-speaks": ("both: user-timeout certain; client: user-timeout certain; server: peer-rebooted likely",
                                 f"the client has given up when the server speaks: {BARE}"),
    "user-timeout/in-time": ("", WORKED),
    "user-timeout/soft-error": ("client: host-unreachable|peer-vanished likely",
                                f"{ERRNO}; over IPv6 it can also be this host's own, for a neighbour that is silent"),
    "keepalive-timeout": ("client: keepalive-timeout certain", None),
    "keepalive-timeout/by-server": ("server: keepalive-timeout certain", None),
    "idle-blackholed": ("both: peer-vanished|idle-blackholed likely|possible; client: peer-vanished|idle-blackholed "
                        "likely|possible", SILENCE),
    "pmtu-blackhole": ("both: pmtu-blackhole likely; client: pmtu-blackhole likely",
                       "a peer that dies right after a loss leaves the same"),
    "pmtu-blackhole/answer": ("both: pmtu-blackhole likely; server: pmtu-blackhole likely",
                              "a peer that dies right after a loss leaves the same"),
    "pmtu-blackhole/probing": ("", WORKED),
    "peer-rebooted": ("client: peer-rebooted likely; host: peer-rebooted open", f"{BARE}; {NO_MORE}"),
    "peer-rebooted/client": ("server: peer-rebooted likely; host: peer-rebooted open", f"{BARE}; {NO_MORE}"),
    "peer-rebooted/keepalive-probe": ("client: peer-rebooted likely", BARE),
    "peer-rebooted/same-port": ("server: peer-rebooted likely", BARE),
    "peer-rebooted/only-waits": ("", "who only waits learns nothing, for ever"),
    "idle-reset": ("both: forged-reset|peer-rebooted likely; client: peer-rebooted|idle-reset likely",
                   f"{BETWEEN}, if the other end makes a record at all; one end alone: {UNSIGNED}"),
    "idle-reset/nearer-hop": ("both: forged-reset|peer-rebooted likely; client: peer-rebooted|idle-reset likely; server: "
                              "[fin-unanswered] certain",
                              f"{BETWEEN}, if the other end makes a record at all; one end alone: {UNSIGNED}; as the lab ends, the "
                              "server's FIN finds nobody"),
    "forged-reset": ("both: forged-reset|peer-rebooted likely; client: peer-rebooted likely; server: peer-rebooted likely",
                     f"{BETWEEN_AT_ONCE}; one end alone: {UNSIGNED}"),
    "forged-reset/in-window": ("", WORKED), "forged-reset/outside": ("", WORKED),
    "injected-segment/fin": ("both: data-after-close certain; client: data-after-close certain; server: peer-rebooted likely",
                             "the FIN was forged and the client believed it: it did close, and the server did go on"),
    "injected-segment/race": ("", "data that is accepted is data"),
    "conntrack-invalid-reset/untranslated": ("both: peer-rebooted possible; server: peer-rebooted likely; host: peer-rebooted "
                                             "open", OWN_RST),
    "conntrack-invalid-reset/both-learn": ("both: peer-rebooted likely|possible; client: peer-rebooted likely; server: peer-rebooted "
                                           "likely; host: peer-rebooted open", OWN_RST),
    "invalid-segment": ("", WORKED),
    "invalid-segment/old-timestamps": ("both: invalid-segment certain; client: unknown open",
                                       "the client knows that its peer speaks and takes nothing, not why"),
    "desynchronized": ("", "nothing ended within the scenario; the peer speaks, so it is no silence either"),
    "desynchronized/to-the-end": ("both: unknown open; client: unknown open",
                                  "the client knows that its peer speaks and takes nothing, not why"),
    "loss-recovered": ("", WORKED), "reordering": ("", WORKED), "old-duplicate": ("", WORKED),
    "old-duplicate/no-socket": ("host: peer-rebooted open", NO_SOCKET),
    "socket-destroyed": ("both: socket-destroyed certain; client: aborted likely; server: socket-destroyed certain", FORM),
    "socket-destroyed/by-client": ("both: socket-destroyed certain; client: socket-destroyed certain; server: [aborted] likely",
                                   FORM),
    "fin-lost": ("", WORKED), "fin-ack-lost": ("", WORKED), "last-fin-lost": ("", WORKED), "last-ack-lost": ("", WORKED),
    "last-ack-lost/reset": ("", "only a FIN is answered by the RST: nobody was owed anything"),
    "fin-unanswered": ("client: fin-unanswered certain", None),
    "last-ack-expired": ("server: last-ack-expired certain", None),
    "fin-wait2-expired/late-data": ("both: data-after-close likely; server: data-after-close likely; host: peer-rebooted open",
                                    NO_MORE),
    "fin-wait2-expired/late-close": ("", "only a FIN is answered by the RST: nobody was owed anything"),
    "time-wait-killed": ("", "the connection had ended"),
    "syn-flood/cookies": ("", STRANGERS),
    "syn-flood/late": ("both: [syn-queue-full] certain|likely; server: [syn-queue-full] certain|likely",
                       f"it is what the flood does, if a look falls into it; {STRANGERS}"),
    "syn-flood/crowd-at-dead-server": ("client: [syn-unanswered] likely", "the lab ends before their connect() does"),
    "syn-flood/no-cookies": ("both: syn-queue-full certain; client: syn-unanswered likely; server: syn-queue-full certain",
                             f"it is what the flood does to others; {STRANGERS}"),
    "port-scan": ("both: port-closed certain|likely; client: port-closed likely; host: port-closed certain",
                  f"{TOGETHER}; of one remote address 16 segments per second are told at the host that has no socket"),
    "port-scan/half-open": ("both: port-closed|connect-aborted certain|likely; client: port-closed|connect-aborted "
                            "certain|likely; host: port-closed certain", f"{TOGETHER}; a probe by intent looks like one who gave up"),
}

# With --patience 1s and --bind: what must be said beside it.
WAITS = {
    "address-in-use/other-process": "server: address-in-use certain",
    "address-in-use/time-wait": "server: address-in-use certain",
    "address-in-use/same-port-client": "server: address-in-use certain",
    "app-stuck/hangs": "both: app-stuck certain; server: app-stuck certain",
    "app-stuck/never-accepts": "both: app-stuck certain; server: app-stuck certain",
    "app-stuck/nonblocking": "both: app-stuck certain; server: app-stuck certain",
    "close-wait-leak/never-closed": "both: close-wait-leak certain; server: close-wait-leak certain",
    "zero-window-stall/reader-stops": "both: zero-window-stall certain; client: zero-window-stall certain; server: "
                                      "zero-window-stall certain",
    "zero-window-stall/answer": "both: zero-window-stall certain; client: zero-window-stall certain; server: zero-window-stall "
                                "certain",
    "zero-window-stall/closed-behind": "both: zero-window-stall certain; server: zero-window-stall certain",
    "peer-vanished/goes-on": "both: peer-vanished likely; client: peer-vanished likely",
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


def is_alone(name):
    return any(name.startswith(word) for word in ALONE)


def is_listeners(f):
    """Of a listener itself: without a client."""
    return port(f["client"]) == 0 and f["client"].strip("[]:0.") == ""


class Run:
    """One run of a scenario, with the findings of each view."""

    def __init__(self, record):
        self.record = record
        self.name = f"{record['slug']}/{record['name']}"
        start = seconds(record["start"])
        # Before the first step its namespaces may have been another's.
        self.first = start + min([x["time"] for x in record["timeline"]], default=0)
        self.last = start + record["duration"]
        self.end = start + max([x["time"] for x in record["timeline"] if x["kind"] not in ("packet", "state")],
                                    default=0)
        self.ports = {x["port"] for x in record["timeline"] if x.get("port")}
        # A host that vanishes does so because the lab kills its processes: this one kernel sees that.
        self.vanished = any(x["kind"] == "host" and x["text"] in ("vanish", "reboot")
                            for x in record["timeline"])
        self.servers = {port(v["finding"]["server"]) for v in record["verdicts"] if v.get("finding")} | {80}
        self.namespaces = {n for host in record["namespaces"].values() for n in host}
        self.findings = {}

    def owns(self, f):
        """All runs have the same addresses: the namespace tells them apart, and as its number is used again, the time."""
        where = {n for n in f["netns"].values() if n}
        if not where <= self.namespaces or not self.first <= f["begin"] <= self.last:
            return False
        if is_listeners(f):
            return is_alone(self.name) and port(f["server"]) in self.servers | self.ports
        six = f["client"].startswith("[2001:db8:")
        if six != (self.record["variant"][:2] == "v6"):
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
        over = min(killed, default=self.last)
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
                    if not any(row["netns"].values()):
                        raise AssertionError(f"{view}: a finding of nowhere: {row}")
                    row["begin"] = seconds(row["start"])
                    row["when"] = row["begin"] + (row["evidence"][0].get("time", 0) if row["evidence"] else 0)
                    rows.append(row)
                else:
                    lost = row["events_lost"]
        if lost > AGAIN_MAX:
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
    if isinstance(_runs, Exception):
        raise _runs
    if _runs is None:
        try:
            if os.geteuid():
                raise Skip("needs root")
            if tcpwhy("doctor").status == 2:
                raise Skip("tcpwhy live does not work here; see tcpwhy doctor")
            _runs = ask_again(play([f"{name}/{v}" for name, variants in chosen.items() for v in variants]))
        except (Skip, AssertionError, subprocess.SubprocessError) as reason:
            _runs = reason
            raise
    return _runs


def play(words):
    watches = Watches()
    try:
        alone = [w for w in words if is_alone(w)]
        rest = [w for w in words if w not in alone]
        out = tcpwhy("lab", "run", "--json", "-j", "24", *rest, timeout=400).out if rest else ""
        for word in alone:
            out += tcpwhy("lab", "run", "--json", word, timeout=100).out
        # What is judged late: a drop that stayed without a sequel.
        subprocess.run(["sleep", "2"], check=True)
    finally:
        watches.stop()
    played = [Run(r) for r in map(json.loads, out.splitlines()) if r["type"] == "lab"]
    found = {view: watches.findings(view) for view in VIEWS}
    for view in VIEWS:
        for run in played:
            run.take(view, found[view])
    check_worlds(played, found)
    return played


def check_worlds(played, found):
    """Both ends of a connection are in the same run. (Of one that was begun again only the last attempt is known.)"""
    if any(run.record["attempt"] > 1 for run in played):
        return
    for f in (f for view in JOINED for f in found[view]):
        ends = {f["netns"]["client"], f["netns"]["server"]}
        if None not in ends and not any(ends <= run.namespaces for run in played):
            raise AssertionError(f"told of two runs at once: {f['client']} {f['server']} {f['start']} {f['summary']} {f['netns']}")


def parse(text):
    """{where: (verdicts, may be missing, confidences)}"""
    rules = {}
    for part in filter(None, (p.strip() for p in text.split(";"))):
        where, rest = part.split(": ")
        verdicts, confidences = rest.rsplit(" ", 1)
        for place in where.split("|"):
            optional = verdicts.startswith("[") or "|" in where
            rules[place] = (verdicts.strip("[]").split("|"), optional, confidences.split("|"))
    return rules


def rule_of(run):
    """The text of the rule and its reason. What worked and was meant to makes no finding."""
    if run.name not in EXPECTED and run.record["truth"] == "clean":
        return "", None
    return EXPECTED.get(run.name) or EXPECTED.get(run.record["slug"], (None, None))


def check_reason(run):
    """The truth with certainty at both ends, or a reason."""
    text, reason = rule_of(run)
    if text is None:
        raise AssertionError(f"{run.name} has no entry in EXPECTED: what can live know of it?")
    rules = parse(text)
    full = all(rule[0] == [run.record["truth"]] and rule[2] == ["certain"] and not rule[1] for rule in rules.values())
    if not reason and not (full and (rules or run.record["truth"] == "clean")):
        raise AssertionError(f"{run.name}: not the truth with certainty, and no reason is given")


def where(view, f):
    if view in JOINED:
        return "both"
    return {"client": "client", "server": "server", "unknown": "host"}.get(f["vantage"], f["vantage"])


def confidence(f):
    return f["confidence"] or "open"


def told(view, f):
    return f"{where(view, f)}: {f['verdict']} {confidence(f)} ({f['summary']})"


class Less(AssertionError):
    """Nothing was said of what is to be told, or without certainty something else."""


def fits(rules, view, f):
    rule = rules.get(where(view, f))
    return rule and f["verdict"] in rule[0] and confidence(f) in rule[2]


def check_rules(run, view, rules):
    findings = [f for f in run.findings[view] if f["verdict"] != "clean"]
    for f in findings:
        if not fits(rules, view, f):
            kind = AssertionError if confidence(f) == "certain" else Less
            raise kind(f"{run.name}/{run.record['variant']} {view}: must not say {told(view, f)}")
    check_said(run, view, rules)


def check_said(run, view, rules):
    said = {where(view, f) for f in run.findings[view] if fits(rules, view, f)}
    places = {"joined": {"both"}, "waits": {"both"}}.get(view, {"client", "server", "host"})
    for place in (places & set(rules)) - said:
        if not rules[place][1]:
            raise Less(f"{run.name}/{run.record['variant']} {view}: {place} says nothing, not {'|'.join(rules[place][0])}")


# What only waits is told as it is, whatever comes of it.
WAIT_VERDICTS = {"app-stuck", "close-wait-leak", "zero-window-stall", "peer-vanished", "address-in-use"}


def check_false_certainty(run, view, rules):
    """Of all that is told, nothing is certain but what may be."""
    for f in run.findings[view]:
        # Nothing failed, and how it ended is told as it is.
        if f["confidence"] == "certain" and f["outcome"] != "clean" and not fits(rules, view, f) and \
                not (view.startswith("waits") and f["verdict"] in WAIT_VERDICTS):
            raise AssertionError(f"{run.name}/{run.record['variant']} {view}: certain, and not to be known: {told(view, f)}")


def check_old(run, view, rules):
    """An older kernel may know less: nothing certain that this one does not say with certainty at that place."""
    check_false_certainty(run, view, rules)
    for f in run.findings[view]:
        if f["confidence"] == "certain" and f["reason"] is None and \
                f["verdict"] in ("closed-with-unread-data", "linger-reset"):
            raise AssertionError(f"{run.name} {view}: certain without a reason of the kernel: {told(view, f)}")


def check(run):
    check_reason(run)
    rules = parse(rule_of(run)[0])
    waits = {**rules, **parse(WAITS.get(run.name, ""))}
    # What may not be excused by a lost event comes first.
    check_false_certainty(run, "apart", rules)
    if not run.vanished:
        check_false_certainty(run, "joined", rules)
        check_false_certainty(run, "all", rules)
        check_false_certainty(run, "waits", waits)
        check_rules(run, "joined", rules)
        check_said(run, "waits", parse(WAITS.get(run.name, "")))
    check_rules(run, "apart", rules)
    check_false_certainty(run, "waits apart", waits)
    check_said(run, "waits apart", parse(WAITS.get(run.name, "")))
    for view in OLD:
        check_old(run, view, rules)
    if run.name in INFERRED:
        check_rules(run, "6.9", parse(INFERRED[run.name]))


def ask_again(played):
    doubtful = {}
    for at, run in enumerate(played):
        try:
            if run.record["passed"]:
                check(run)
        except Less as less:
            doubtful[f"{run.name}/{run.record['variant']}"] = at
            print(f"# {less}; played again", file=sys.stderr, flush=True)
        except AssertionError:
            pass  # its case says it
    if doubtful and len(doubtful) <= AGAIN_MAX:
        for second in play(list(doubtful)):
            if second.record["passed"]:
                played[doubtful[f"{second.name}/{second.record['variant']}"]] = second
    return played


def why_not(record):
    """The first thing in which a scenario was another than the script's."""
    if record["error"]:
        return record["error"]
    for check in record["checks"]:
        if not check["passed"]:
            return f"line {check['line']}: {check['what']}: seen {check['seen']}"
    return "; ".join(f"{v['vantage']}: {v['verdict']} ({v['objection']})" for v in record["verdicts"] if not v["passed"])


def make_case(name, chosen):
    def one():
        mine = [r for r in runs(chosen) if r.name == name]
        good = [r for r in mine if r.record["passed"]]
        if not good:
            # With the watch attached a machine may be too slow for a scenario: `make accuracy` is what judges those.
            raise Skip("the scenario itself did not come as expected: " +
                       ", ".join(sorted({f"{r.record['variant']}: {why_not(r.record)}" for r in mine})))
        for run in good:
            check(run)
    one.__name__ = name
    one.__doc__ = name
    return one


def table(played):
    """For each truth what live says: with both ends here, at the client, at the server."""
    rows = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    slugs = {run.record["slug"] for run in played}
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
        for place, (verdicts, _, confidences) in parse(WAITS.get(run.name, "")).items():
            truth[place][f"{verdicts[0]} {confidences[0]} *"] += 1
    lines = ["| truth | both ends here | client's host | server's host |", "|---|---|---|---|"]
    for truth in sorted(rows):
        cells = []
        for places in (("both",), ("client",), ("server", "host")):
            said = sum((rows[truth][p] for p in places), collections.Counter())
            if len(said) > 1 and "host" in places:
                del said["-"]
            if not said:
                said["not asked"] = 1
            cells.append(", ".join(name for name, _ in sorted(said.items(), key=lambda i: (-i[1], i[0]))))
        lines.append(f"| {truth} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n\\*: with `--patience 1s`, while it lasts, or `--bind`.\n\nWhere the truth is not told with certainty:\n\n" + "".join(
        f"- {name}: {reason}\n" for name, (_, reason) in EXPECTED.items() if reason and name.split("/")[0] in slugs)


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
