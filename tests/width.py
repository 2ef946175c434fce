#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""No line of `predict` and `audit` is wider than asked, or than the terminal. Speaks TAP."""
import ctypes
import fcntl
import functools
import json
import os
import pty
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

from tap import PROGRAM, Skip, case, contains, equal, main, tcpwhy

WIDTHS = (60, 63, 64, 77, 78, 80, 100)
LONG = ("fd01:1111:2222:3333:4444:5555:6666:7777", "fd01:1111:2222:3333:4444:5555:6666:8888")
NAME = "fifteen letters"
DEADLINE_S = 30
libc = ctypes.CDLL(None, use_errno=True)


def fits(text, width, what):
    equal([line for line in text.splitlines() if len(line) > width], [], f"{what} at {width} columns")


@functools.lru_cache(maxsize=None)
def slugs():
    return [json.loads(line)["slug"] for line in tcpwhy("predict", "--json").out.splitlines()]


@case
def overview():
    """predict: the table of all phenomena, and -v with the settings"""
    for width in WIDTHS:
        for arguments in ([], ["-v"], ["--keepalive=32767/32767/127"]):
            out = tcpwhy("predict", f"--width={width}", *arguments).out
            fits(out, width, f"predict {arguments}")
            contains(out, *slugs())


@case
def stories():
    """predict SLUG: every story, also with options that add to it"""
    options = ["--rtt=40ms", "--user-timeout=30s", "--keepalive=60/10/3", "--sndtimeo=5s", "--rcvtimeo=5s"]
    for slug in slugs():
        for width in (60, 64, 80):
            for arguments in ([], options):
                fits(tcpwhy("predict", slug, f"--width={width}", *arguments).out, width, f"{slug} {arguments}")


@case
def another_host():
    """predict, audit: where settings are not known, which takes long words"""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write("net.ipv4.tcp_retries2 = 15\n")
        f.flush()
        for width in WIDTHS:
            for command in (["predict", "-v"], ["predict", "syn-unanswered"], ["audit", "-v", "--set=tcp_syncookies=0"]):
                fits(tcpwhy(*command, f"--sysctl-file={f.name}", f"--width={width}").out, width, str(command))


def terminal(columns, *arguments):
    """stdout of the program on a terminal of so many columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "NO_COLOR": "1"}
    child = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=follower, stderr=subprocess.DEVNULL,
                             env=environment)
    os.close(follower)
    out = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            break
        if not piece:
            break
        out += piece
    os.close(leader)
    child.wait()
    return out.decode().replace("\r\n", "\n")


@case
def terminals():
    """a terminal's own width counts; one that is narrower than 60 columns gets 60, one beyond 100 gets 100"""
    for columns, width in ((40, 60), (60, 60), (72, 72), (80, 80), (200, 100)):
        for arguments in (["predict"], ["predict", "peer-vanished"], ["audit"]):
            out = terminal(columns, *arguments)
            equal(bool(out), True, "there is a report")
            fits(out, width, f"{arguments}, terminal of {columns}")
            if arguments == ["predict", "peer-vanished"]:
                equal(out, tcpwhy(*arguments, f"--width={width}").out, "as by --width")


def connected(source, target):
    """A connection; the kernel adds an address's route a moment later than the address."""
    until = time.monotonic() + DEADLINE_S
    while True:
        client = socket.socket(socket.AF_INET6)
        try:
            client.bind((source, 0))
            client.connect(target)
            return client
        except OSError:
            client.close()
            if time.monotonic() > until:
                raise
        time.sleep(0.01)


def namespace():
    return str(os.stat("/proc/self/ns/net").st_ino)


def scene():
    """Inside a namespace: connections whose ends take much room, and what is said of them."""
    libc.prctl(15, NAME.encode(), 0, 0, 0)  # PR_SET_NAME
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in LONG:
        subprocess.run(["ip", "addr", "add", address + "/128", "dev", "lo", "nodad"], check=True)
    server = socket.create_server((LONG[0], 54321), family=socket.AF_INET6)
    pairs = []
    for _ in range(2):
        client = connected(LONG[1], (LONG[0], 54321))
        pairs.append((client, server.accept()[0]))
    narrow = socket.create_server(("127.0.0.1", 80))
    pairs.append((socket.create_connection(narrow.getsockname()), narrow.accept()[0]))
    pairs[0][0].close()
    said = []
    for width in WIDTHS:
        for arguments in ([f"--pid={os.getpid()}"], ["-v", f"--pid={os.getpid()}"], ["--socket=127.0.0.1:80"],
                          ["--socket=[%s]:%d" % pairs[1][0].getsockname()[:2]]):
            said.append((width, arguments, tcpwhy("predict", f"--width={width}", *arguments).out))
    until = time.monotonic() + DEADLINE_S
    while "CLOSE_WAIT" not in tcpwhy("audit", "-v", "--idle=100ms").out and time.monotonic() < until:
        time.sleep(0.2)
    for width in WIDTHS:
        said.append((width, ["audit"], tcpwhy("audit", "-v", "--idle=100ms", f"--width={width}").out))
    return said


@case
def living_connections():
    """predict --pid, --socket, audit -v: long addresses, and an owner with a long name"""
    if not shutil.which("ip") or not shutil.which("unshare"):
        raise Skip("needs ip and unshare")
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("this machine allows no network namespaces")
    done = subprocess.run([*unshare, sys.executable, __file__, "--inside", namespace()], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=240)
    if done.returncode:
        raise AssertionError(done.stderr[-3000:])
    for width, arguments, out in json.loads(done.stdout):
        fits(out, width, str(arguments))
        words = " ".join(out.split())
        if arguments == ["audit"]:
            contains(words, "CLOSE_WAIT", NAME)
        else:
            contains(words, f"{NAME} (")
        if arguments[-1].startswith("--pid"):
            contains(words, f"[{LONG[0]}]:54321 > [{LONG[1]}]:")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        # It gives itself addresses, which must not become those of the machine.
        equal(sys.argv[2:] in ([], [namespace()]), False, "the namespace of the caller")
        print(json.dumps(scene()))
    else:
        main()
