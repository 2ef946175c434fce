#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy predict --socket` on living connections against what their kernel does then.

A host of its own (a network namespace) has connections to a peer behind a cable, each with options of its own. They are
predicted; then the peer loses its address, so that it is silent, and each connection is watched until it ends. Predicted
and measured must agree within 15 % or 30 ms, and in the errno. Speaks TAP; with --table it prints both as the table of
docs/PREDICTION.md instead.
"""
import ctypes
import errno
import functools
import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import time

from tap import Skip, case, main, tcpwhy

SHARE, LEAST_S = 0.15, 0.030
PORT, DEADLINE_S, TRIES = 80, 60, 3
CLONE_NEWNET = 0x40000000
HERE, THERE = "10.1.0.1", "10.1.0.2"
SETTINGS = {"tcp_retries2": 2, "tcp_orphan_retries": 2, "tcp_syn_retries": 1, "tcp_syn_linear_timeouts": 0,
            "tcp_fin_timeout": 3, "tcp_keepalive_time": 4, "tcp_keepalive_intvl": 1, "tcp_keepalive_probes": 2}
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, **more):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **more)


def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter(namespace):
    checked(libc.setns(namespace, CLONE_NEWNET))


class Ground:
    """This host at 10.1.0.1 and a silent peer-to-be at 10.1.0.2, who listens at port 80."""

    def __init__(self):
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        checked(libc.unshare(CLONE_NEWNET))
        self.there = os.open("/proc/self/ns/net", os.O_RDONLY)
        run("ip", "link", "set", "lo", "up")
        self.server = socket.socket()
        self.here = here
        enter(here)
        run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v0p", "netns", f"/proc/self/fd/{self.there}",
            pass_fds=(self.there,))
        run("ip", "link", "set", "lo", "up")
        run("ip", "addr", "add", HERE + "/24", "dev", "v0")
        run("ip", "link", "set", "v0", "up")
        enter(self.there)
        run("ip", "addr", "add", THERE + "/24", "dev", "v0p")
        run("ip", "link", "set", "v0p", "up")
        shown = json.loads(subprocess.run(["ip", "-json", "link", "show", "dev", "v0p"], check=True,
                                          stdout=subprocess.PIPE).stdout)
        self.server.bind((THERE, PORT))
        self.server.listen(16)
        enter(here)
        # Else it is the neighbour that is missed, and the error another.
        run("ip", "neigh", "replace", THERE, "lladdr", shown[0]["address"], "dev", "v0", "nud", "permanent")
        for name, value in SETTINGS.items():
            pathlib.Path("/proc/sys/net/ipv4", name).write_text(f"{value}\n")

    def connect(self):
        client = socket.create_connection((THERE, PORT))
        held, _ = self.server.accept()
        # One exchange, so that the round trip is known.
        client.sendall(b"x" * 100)
        held.recv(100)
        held.sendall(b"x" * 100)
        client.recv(100)
        return client, held

    def silence(self):
        enter(self.there)
        run("ip", "addr", "flush", "dev", "v0p")
        enter(self.here)


def predicted(name):
    """(what the program says of this connection now, seconds it took to say it)."""
    began = time.monotonic()
    result = tcpwhy("predict", "--json", "--socket=%s:%d" % name)
    if result.status:
        raise AssertionError(result.err)
    return json.loads(result.out), time.monotonic() - began


def in_kernel(name):
    """Does the kernel still know the connection with this end?"""
    wanted = f":{name[1]:04X}"
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(wanted) for line in lines)


class Watched:
    """A connection and what was said of it, until it ends.

    The end is due @seconds after @begin. What was said at a moment within the last @slack seconds counts from any of them.
    """

    def __init__(self, name, client, seconds, wanted="ETIMEDOUT", begin=None, slack=0.0, gone=None):
        self.name, self.client, self.seconds, self.wanted = name, client, seconds, wanted
        self.begin = begin if begin is not None else time.monotonic()
        self.slack, self.gone, self.end, self.error = slack, gone, None, None

    def look(self, failed):
        if self.gone and not in_kernel(self.gone):
            self.end, self.error = time.monotonic(), "gone"
        elif not self.gone and self.client.fileno() in failed:
            code = failed[self.client.fileno()]
            self.end, self.error = time.monotonic(), errno.errorcode.get(code, str(code))

    def report(self):
        return {"name": self.name, "predicted": self.seconds, "slack": self.slack, "wanted": self.wanted, "error": self.error,
                "measured": None if self.end is None else self.end - self.begin}


def watch(everything):
    until = time.monotonic() + DEADLINE_S
    while any(w.end is None for w in everything) and time.monotonic() < until:
        poll = select.poll()
        waiting = {w.client.fileno(): w.client for w in everything if w.end is None and not w.gone}
        for number in waiting:
            poll.register(number, 0)  # POLLERR comes unasked
        # SO_ERROR is told once, and two may wait for the same connection.
        failed = {number: waiting[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for number, _ in poll.poll(5)}
        for w in everything:
            if w.end is None:
                w.look(failed)


def keepalive(client, times=None):
    for name, value in zip((socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT), times or ()):
        client.setsockopt(socket.IPPROTO_TCP, name, value)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def expect(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


BUSY = "data in flight, tcp_retries2 2"
USER = "data in flight, TCP_USER_TIMEOUT 2.5 s"
LEFT = "the same, what is left once it is repeated"
KEEP = "idle, keepalive 5/1/3"
HOST = "idle, the host's keepalive 4/1/2"
FIN1 = "closed, FIN unanswered, tcp_orphan_retries 2"
FIN2 = "closed, FIN_WAIT2, what is left of tcp_fin_timeout 3"
SYN = "connect(), tcp_syn_retries 1"
NAMES = [BUSY, LEFT, USER, KEEP, HOST, FIN1, FIN2, SYN]


def before_silence(ground):
    """The connections, by name; and what is watched already."""
    held = {name: ground.connect() for name in (BUSY, USER, FIN1)}
    held[USER][0].setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2500)
    busy, user = (predicted(held[name][0].getsockname())[0] for name in (BUSY, USER))
    expect(busy["idle"] is None and busy["known"]["keepalive"], "a connection without keepalive has an end while idle")
    expect(busy["left"] is None, "a ladder is told that has not begun")
    held[FIN2] = ground.connect()
    name = held[FIN2][0].getsockname()
    held[FIN2][0].close()
    said, took = predicted(name)
    while said["state"] == "FIN_WAIT1":
        said, took = predicted(name)
    watched = [Watched(FIN2, None, said["left"], "gone", time.monotonic() - took, took, name)]
    for name in (KEEP, HOST):
        held[name] = ground.connect()
        keepalive(held[name][0], (5, 1, 3) if name == KEEP else None)
        watched.append(Watched(name, held[name][0], None))
    return held, watched, busy, user


def scene():
    ground = Ground()
    held, watched, busy, user = before_silence(ground)
    ground.silence()
    for w in watched[1:]:
        w.seconds = predicted(w.client.getsockname())[0]["idle"]["expected"]
    for name, said in ((BUSY, busy), (USER, user)):
        watched.append(Watched(name, held[name][0], said["in_flight"]["expected"]))
        held[name][0].send(b"x")
    name = held[FIN1][0].getsockname()
    watched.append(Watched(FIN1, None, None, "gone", gone=name))
    held[FIN1][0].close()
    trying = socket.socket()
    trying.setblocking(False)
    watched.append(Watched(SYN, trying, None))
    trying.connect_ex((THERE, PORT))
    watched[-1].seconds = predicted(trying.getsockname())[0]["connect"]["expected"]
    watched[-2].seconds = predicted(name)[0]["gone"]["expected"]
    said, took = predicted(held[BUSY][0].getsockname())
    while said["left"] is None:
        said, took = predicted(held[BUSY][0].getsockname())
    watched.append(Watched(LEFT, held[BUSY][0], said["left"], begin=time.monotonic() - took, slack=took))
    watch(watched)
    return [w.report() for w in watched]


def differs(r):
    """What is wrong with a measurement, as a sentence, or ""."""
    if r["error"] != r["wanted"]:
        return f"ended with {r['error']}, predicted {r['wanted']}"
    off = max(r["predicted"] - r["measured"], r["measured"] - r["slack"] - r["predicted"])
    if off > max(SHARE * r["predicted"], LEAST_S):
        return f"measured {r['measured']:.3f} s, predicted {r['predicted']:.3f} s"
    return ""


@functools.lru_cache(maxsize=None)
def measured():
    """By name, or why there is nothing. A busy machine is late: what differs is tried again."""
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode:
        return Skip("this machine allows no network namespaces")
    for _ in range(TRIES):
        done = subprocess.run([*unshare, sys.executable, __file__, "--inside"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=240)
        if done.returncode:
            return AssertionError(done.stderr[-3000:])
        reports = {r["name"]: r for r in json.loads(done.stdout)}
        if not any(differs(r) for r in reports.values()):
            break
    return reports


def add(name):
    def check():
        if isinstance(measured(), Exception):
            raise measured()
        wrong = differs(measured()[name])
        expect(not wrong, wrong)
    check.__doc__ = f"predicted and measured agree: {name}"
    case(check)


def table():
    print("| living connection | predicted | measured | |\n|---|---|---|---|")
    for name in NAMES:
        r = measured()[name]
        print(f"| {name} | {r['predicted']:.2f} | {r['measured']:.2f} | {r['error']} |")


if __name__ == "__main__":
    if sys.argv[1:] == ["--inside"]:
        print(json.dumps(scene()))
    elif sys.argv[1:] == ["--table"]:
        table()
    else:
        for NAME in NAMES:
            add(NAME)
        main(1)
