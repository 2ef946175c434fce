#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy audit` on hosts that are made for it: a network namespace each, with real sockets. What should
be remarked is, and a host in good health has no remark. Speaks TAP."""
import contextlib
import ctypes
import errno
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from tap import Skip, case, contains, equal, main, one_line, tcpwhy

DEADLINE_S = 30
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

# ---- scenes: functions that run inside a namespace of their own, and print what audit says ----

_scenes = {}


def scene(function):
    _scenes[function.__name__] = function
    return function


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Ground:
    """This host, and a peer that is joined to it by a cable: 10.1.0.1, fd01::1 and 10.1.0.2, fd01::2."""

    def __init__(self):
        self.here = os.open("/proc/self/ns/net", os.O_RDONLY)
        checked(libc.unshare(CLONE_NEWNET))
        self.peer = os.open("/proc/self/ns/net", os.O_RDONLY)
        run("ip", "link", "set", "lo", "up")
        checked(libc.setns(self.here, CLONE_NEWNET))
        run("ip", "link", "set", "lo", "up")
        self.cable("v0", "10.1.0.1/24", "10.1.0.2/24")
        run("ip", "addr", "add", "fd01::1/64", "dev", "v0", "nodad")
        with self.at_peer():
            run("ip", "addr", "add", "fd01::2/64", "dev", "v0p", "nodad")

    def cable(self, name, here, there):
        run("ip", "link", "add", name, "type", "veth", "peer", "name", name + "p",
            "netns", f"/proc/{os.getpid()}/fd/{self.peer}")
        run("ip", "addr", "add", here, "dev", name)
        run("ip", "link", "set", name, "up")
        with self.at_peer():
            run("ip", "addr", "add", there, "dev", name + "p")
            run("ip", "link", "set", name + "p", "up")

    @contextlib.contextmanager
    def at_peer(self):
        checked(libc.setns(self.peer, CLONE_NEWNET))
        try:
            yield
        finally:
            checked(libc.setns(self.here, CLONE_NEWNET))

    def listen_at_peer(self, address="10.1.0.2"):
        with self.at_peer():
            return listener(address)


def sysctl(name, value):
    pathlib.Path("/proc/sys/net", name.replace(".", "/")).write_text(str(value))


def listener(address="0.0.0.0", backlog=100):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.bind((address, 0))
    s.listen(backlog)
    return s


def dial(server, address=None, **options):
    """A connected pair: who called, who was called."""
    client = socket.socket(server.family)
    for name, value in options.items():
        level = socket.SOL_SOCKET if name.startswith("SO_") else socket.IPPROTO_TCP
        client.setsockopt(level, getattr(socket, name), value)
    client.connect((address or server.getsockname()[0], server.getsockname()[1]))
    return client, server.accept()[0]


HEALTHY = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 90000}


def audit(*arguments):
    """Slug -> remark; the summary under ''; the exit status under 'status'."""
    r = tcpwhy("audit", "--json", *arguments)
    lines = [json.loads(line) for line in r.out.splitlines()]
    equal(lines[-1]["type"], "summary")
    found = {line["slug"]: line for line in lines[:-1]}
    found[""] = lines[-1]
    found["status"] = r.status
    equal(r.status, 1 if lines[-1]["harms"] + lines[-1]["risks"] else 0, "exit status")
    return found


def audit_until(slug, *arguments):
    """Asks again until the remark is there: what it is about takes its time."""
    end = time.monotonic() + DEADLINE_S
    while True:
        found = audit(*arguments)
        if slug in found or time.monotonic() > end:
            return found


def is_idle(s, ms):
    """Nothing went over @s for so long (TCP_INFO)."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 60)
    sent, _, received, _ = struct.unpack_from("4I", info, 8 + 4 * 9)
    return min(sent, received) >= ms


def is_silent(s, ms):
    """The peer of @s has sent nothing, not even an ACK, for so long (TCP_INFO: tcpi_last_ack_recv)."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 60)
    return struct.unpack_from("I", info, 8 + 4 * 12)[0] >= ms


def wait_until(condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("what the scene waits for does not happen")
        time.sleep(0.02)


@scene
def healthy():
    g = Ground()
    server = g.listen_at_peer()
    own = listener()
    pairs = [dial(server, **HEALTHY), dial(own, "127.0.0.1")]
    wait_until(lambda: all(is_idle(s, 200) for p in pairs for s in p))
    return audit("--idle=100ms")


@scene
def close_wait():
    g = Ground()
    server = g.listen_at_peer()
    pairs = [dial(server, **HEALTHY) for _ in range(12)]
    for _, served in pairs:
        served.close()
    # Each for itself: a busy machine closes them at more than one time.
    wait_until(lambda: all(is_silent(client, 200) for client, _ in pairs))
    return audit_until("close-wait-held", "--idle=100ms")


@scene
def fin_wait2():
    g = Ground()
    pairs = [dial(g.listen_at_peer(), **HEALTHY)]
    pairs[0][0].shutdown(socket.SHUT_WR)
    return audit_until("fin-wait2-held", "--idle=100ms")


@scene
def backlog():
    servers = [listener("127.0.0.1", 100000), listener("127.0.0.1", 5)]
    found = audit()
    del servers
    return found


@scene
def overflow():
    run("ip", "link", "set", "lo", "up")
    server = listener("127.0.0.1", 1)
    # What happens less than once a day is not remarked, and this machine may be up for long.
    days = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]) / 86400)
    clients = [socket.socket() for _ in range(30 + days)]
    for c in clients:
        c.setblocking(False)
        equal(c.connect_ex(server.getsockname()), errno.EINPROGRESS)
    return audit_until("listen-overflows")


def idle_pair(g, address="10.1.0.2", **options):
    pair = dial(g.listen_at_peer(address), **options)
    wait_until(lambda: is_idle(pair[0], 200))
    return pair


@scene
def idle_without_keepalive():
    g = Ground()
    pair = idle_pair(g, TCP_USER_TIMEOUT=5000), idle_pair(g, "fd01::2", TCP_USER_TIMEOUT=5000)
    found = audit("--idle=100ms")
    third = idle_pair(g)
    found["another"] = audit("--idle=100ms")["idle-without-keepalive"]["risk"]
    del third
    found["at once"] = "idle-without-keepalive" in audit("--idle=1h")
    del pair
    return found


@scene
def keepalive_too_slow():
    pair = idle_pair(Ground(), SO_KEEPALIVE=1, TCP_USER_TIMEOUT=5000)
    found = audit("--idle=100ms")
    del pair
    return found


@scene
def no_timeout():
    pair = dial(Ground().listen_at_peer())
    found = audit()
    sysctl("ipv4.tcp_retries2", 3)
    found["early"] = [s for s in audit() if s.startswith("gives-up")]
    del pair
    return found


@scene
def own_devices():
    pair = idle_pair(Ground(), **dict(HEALTHY, TCP_KEEPIDLE=200))
    with sysctl_file("our firewall\t90\tC\tfixed\tthe wiki\t2026-11\n") as f:
        found = audit("--idle=100ms", "--idle-table", f.name)
    found["without"] = "keepalive-too-slow" in audit("--idle=100ms")
    del pair
    return found


@scene
def keepalive_only():
    pair = idle_pair(Ground(), **{k: v for k, v in HEALTHY.items() if k != "TCP_USER_TIMEOUT"})
    found = audit("--idle=100ms")
    del pair
    return found


@scene
def retransmitting():
    g = Ground()
    client, served = dial(g.listen_at_peer(), **HEALTHY)
    with g.at_peer():
        run("ip", "link", "set", "v0p", "down")
    client.send(b"is anybody there?")
    found = audit_until("retransmitting-now")
    del served
    return found


@scene
def not_reading():
    run("ip", "link", "set", "lo", "up")
    server = listener("127.0.0.1")
    client, served = dial(server)
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while client.send(b"x" * 65536):
            pass
    found = audit_until("peer-not-reading", "--idle=100ms")
    del client, served
    client, served = dial(Ground().listen_at_peer(), **HEALTHY)
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while client.send(b"x" * 65536):
            pass
    found["to another host"] = audit_until("peer-not-reading", "--idle=100ms")["peer-not-reading"]
    del served
    return found


@scene
def settings():
    g = Ground()
    server = listener()
    remarks = {}
    for name, value, slug in (
            ("ipv4.tcp_abort_on_overflow", 1, "abort-on-overflow"), ("ipv4.tcp_syncookies", 0, "syncookies-off"),
            ("ipv4.tcp_syncookies", 2, "syncookies-always"), ("ipv4.tcp_sack", 0, "sack-off"),
            ("ipv4.tcp_window_scaling", 0, "window-scaling-off"), ("ipv4.tcp_retries2", 3, "gives-up-early"),
            ("ipv4.tcp_timestamps", 0, "time-wait-unprotected")):
        path = pathlib.Path("/proc/sys/net", name.replace(".", "/"))
        before = path.read_text()
        path.write_text(str(value))
        remarks[slug] = [s for s in audit() if s not in ("", "status")]
        path.write_text(before)
    sysctl("ipv4.tcp_timestamps", 0)
    sysctl("ipv4.tcp_tw_reuse", 1)
    remarks["tw-reuse-useless"] = [s for s in audit() if s not in ("", "status", "time-wait-unprotected")]
    del server, g
    return remarks


def syn(source, source_port, target, target_port, flags=2):
    """A SYN as raw bytes: IPv4 and TCP."""
    def checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        total = (total & 0xffff) + (total >> 16)
        return ~(total + (total >> 16)) & 0xffff

    ends = socket.inet_aton(source) + socket.inet_aton(target)
    tcp = struct.pack("!HHIIBBHHH", source_port, target_port, 1000, 0, 5 << 4, flags, 65535, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(ends + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends + tcp


@scene
def flood():
    g = Ground()
    sysctl("ipv4.tcp_syncookies", 0)
    server = listener(backlog=8)
    with g.at_peer():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    # Whom nobody has: the SYN|ACKs find no neighbour.
    for n in range(20):
        raw.sendto(syn(f"10.1.0.{100 + n}", 5000, "10.1.0.1", server.getsockname()[1]), ("10.1.0.1", 0))
    found = audit_until("syn-queue-full-now")
    del server
    return found


@scene
def ports():
    g = Ground()
    server = g.listen_at_peer()
    sysctl("ipv4.ip_local_port_range", "40000 40019")
    for _ in range(15):
        client, served = dial(server)
        client.close()
        served.close()
    found = audit_until("ports-tight")
    sysctl("ipv4.tcp_tw_reuse", 1)
    found["reuse"] = "ports-tight" in audit()
    return found


@scene
def two_ways():
    g = Ground()
    g.cable("v1", "10.2.0.1/24", "10.2.0.2/24")
    run("ip", "route", "add", "default", "via", "10.1.0.2")
    one = "rp-filter-strict" in audit("--set=net.ipv4.conf.all.rp_filter=1")
    sysctl("ipv4.conf.v0.rp_filter", 1)
    one = one or "rp-filter-strict" in audit()
    run("ip", "route", "add", "default", "via", "10.2.0.2", "metric", "5")
    found = audit()
    found["one way"] = one
    return found


@scene
def jumbo():
    Ground()
    run("ip", "link", "set", "v0", "mtu", "9000")
    run("ip", "route", "add", "default", "via", "10.1.0.2")
    found = audit()
    sysctl("ipv4.tcp_mtu_probing", 1)
    found["probing"] = "jumbo-without-probing" in audit()
    return found


@scene
def conntrack():
    g = Ground()
    sysctl("netfilter.nf_conntrack_tcp_timeout_established", 300)
    untracked = [s for s in audit() if s.startswith("conntrack")]
    run("nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
        "add rule inet t in ct state established accept")
    pair = dial(g.listen_at_peer(), **HEALTHY)
    found = audit()
    found["untracked"] = untracked
    pair[0].shutdown(socket.SHUT_WR)
    found["half"] = audit_until("fin-wait2-held", "--idle=100ms")["fin-wait2-held"]["risk"]
    sysctl("netfilter.nf_conntrack_tcp_loose", 0)
    found["strict"] = audit()["conntrack-forgets"]["severity"]
    return found


@scene
def invalid_packets():
    g = Ground()
    sysctl("ipv4.ip_forward", 1)
    run("nft", "add table inet t; add chain inet t in { type filter hook prerouting priority 0; }; "
        "add rule inet t in ct state established accept")
    pairs = [dial(g.listen_at_peer(), **HEALTHY) for _ in range(9)]
    with g.at_peer():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    # Their checksum is right, but no connection begins with SYN and FIN.
    days = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]) / 86400)
    for n in range(150 + days):
        raw.sendto(syn("10.1.0.2", 5000 + n, "10.1.0.1", 80, flags=3), ("10.1.0.1", 0))
    found = audit_until("conntrack-strict")
    found["nearly full"], found["full"] = (audit(f"--set=nf_conntrack_max={most}").get("conntrack-full") for most in (11, 9))
    del pairs
    return found


# ---- cases ----


def play(name):
    """Plays a scene in a namespace of its own."""
    if not shutil.which("ip") or not shutil.which("unshare"):
        raise Skip("needs ip and unshare")
    # A user namespace where there may be one; root can do without.
    for ground in (["unshare", "-Urn"], ["unshare", "-n"]):
        probe = subprocess.run([*ground, "true"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if not probe.returncode:
            break
    else:
        raise Skip("no network namespace can be made here: " + probe.stderr.decode().strip())
    done = subprocess.run([*ground, sys.executable, __file__, "--scene", name], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode:
        raise AssertionError(done.stderr.decode()[-3000:])
    return json.loads(done.stdout)


def slugs(found):
    return sorted(s for s, r in found.items() if isinstance(r, dict) and r.get("type") == "remark")


@case
def a_healthy_host():
    """a fresh host with healthy connections has no remark"""
    found = play("healthy")
    equal(slugs(found), [])
    equal(found["status"], 0)
    equal(found[""]["not_looked_at"], [])


@case
def a_leak_of_close_wait():
    """connections in CLOSE_WAIT are remarked, with their process"""
    found = play("close_wait")
    r = found["close-wait-held"]
    equal((r["severity"], r["count"], r["for_ever"], r["predicted"]), ("harm", 12, True, None))
    equal([i["count"] for i in r["items"]], [12])
    contains(r["items"][0]["who"], "python", "(pid ")
    contains(r["items"][0]["example"], "10.1.0.1:", " -> 10.1.0.2:")
    equal(slugs(found), ["close-wait-held"])


@case
def a_held_fin_wait2():
    """a connection that waits in FIN_WAIT2 with its process is remarked"""
    found = play("fin_wait2")
    equal(slugs(found), ["fin-wait2-held"])
    equal(found["fin-wait2-held"]["severity"], "risk")
    equal("connection table" in found["fin-wait2-held"]["risk"], False, "nothing is tracked here")


@case
def a_backlog_beyond_somaxconn():
    """a backlog that somaxconn cuts is noted, and a small one is not"""
    found = play("backlog")
    equal(slugs(found), ["backlog-cut"])
    equal((found["backlog-cut"]["severity"], found["backlog-cut"]["count"], found["status"]), ("note", 1, 0))


@case
def an_overflowed_queue():
    """a queue that is full and has overflowed is remarked twice: now, and by the counter"""
    found = play("overflow")
    equal(slugs(found), ["accept-queue-full-now", "listen-overflows"])
    r = found["accept-queue-full-now"]
    equal(r["severity"], "harm")
    contains(r["found"], "2 wait for accept(), the backlog is 1")
    equal(125 < r["predicted"] < 150, True, "predicted")
    equal(found["listen-overflows"]["severity"], "harm")


@case
def an_idle_connection():
    """an idle connection without keepalive is remarked, once it is idle"""
    found = play("idle_without_keepalive")
    equal(slugs(found), ["idle-without-keepalive"])
    r = found["idle-without-keepalive"]
    equal((r["severity"], r["count"], r["for_ever"], r["verdict"]), ("risk", 2, True, "idle-blackholed"))
    # Both have TCP_USER_TIMEOUT; one without it is what takes longest.
    contains(r["risk"], "a write ends with ETIMEDOUT after 5.")
    contains(found["another"], "a write ends with ETIMEDOUT after 15 min")
    equal(found["at once"], False)


@case
def a_slow_keepalive():
    """keepalive after two hours is remarked, with devices that are faster"""
    found = play("keepalive_too_slow")
    equal(slugs(found), ["keepalive-too-slow"])
    r = found["keepalive-too-slow"]
    equal((r["severity"], r["predicted"]), ("risk", 7200.0))
    contains(r["risk"], "Azure Load Balancer", "ETIMEDOUT after 5.")


@case
def a_connection_without_any_timeout():
    """a connection that waits for tcp_retries2 is noted, and no longer once that is short"""
    found = play("no_timeout")
    equal(slugs(found), ["gives-up-late"])
    equal((found["gives-up-late"]["severity"], found["status"], found["early"]), ("note", 0, ["gives-up-early"]))
    equal(900 < found["gives-up-late"]["predicted"] < 1000, True, "predicted")


@case
def devices_of_your_own():
    """the user's table of idle timeouts counts, too"""
    found = play("own_devices")
    equal(slugs(found), ["keepalive-too-slow"])
    equal((found["keepalive-too-slow"]["severity"], found["status"], found["without"]), ("risk", 1, False))
    contains(found["keepalive-too-slow"]["risk"], "(90 s: our firewall)")


@case
def a_keepalive_that_does_not_count_in_flight():
    """keepalive without TCP_USER_TIMEOUT is remarked: tcp_retries2 is longer"""
    found = play("keepalive_only")
    equal(slugs(found), ["keepalive-not-in-flight"])
    r = found["keepalive-not-in-flight"]
    contains(r["found"], "gives up after 90.0 s")
    contains(r["set"], "90000 ms")
    equal(900 < r["predicted"] < 1000, True, "predicted")


@case
def a_silent_peer():
    """data that is repeated again and again is remarked"""
    found = play("retransmitting")
    equal(slugs(found), ["retransmitting-now"])
    r = found["retransmitting-now"]
    equal(90 <= r["predicted"] < 95, True, "by its TCP_USER_TIMEOUT of 90 s")
    contains(r["risk"], "It ends with ETIMEDOUT 9", " after the data was sent, unless the path comes back.")


@case
def a_reader_that_does_not_read():
    """both ends of a stalled connection are remarked"""
    found = play("not_reading")
    r = found.pop("to another host")
    equal(slugs(found), ["data-not-read", "peer-not-reading"])
    equal((found["peer-not-reading"]["for_ever"], found["peer-not-reading"]["predicted"]), (True, None))
    equal((r["for_ever"], 90 <= r["predicted"] < 95), (False, True), "by its TCP_USER_TIMEOUT of 90 s")
    contains(r["risk"], "ETIMEDOUT 9", " after the window closed")


@case
def settings_that_hurt():
    """each dangerous setting of a namespace is remarked, and nothing else"""
    for slug, remarks in play("settings").items():
        equal(remarks, [slug])


@case
def a_flood_of_syns():
    """half-open handshakes that fill a queue are remarked, and that cookies are off"""
    found = play("flood")
    equal(set(slugs(found)) - {"syn-queue-drops"}, {"syn-queue-full-now", "syncookies-off"})
    r = found["syn-queue-full-now"]
    equal((r["severity"], 60 < r["predicted"] < 75), ("harm", True))
    contains(r["found"], "handshakes are half open at ", "the backlog is 8.")


@case
def ports_that_run_out():
    """ports in TIME_WAIT to one destination are remarked, unless they can be reused"""
    found = play("ports")
    equal(slugs(found), ["ports-tight"])
    contains(found["ports-tight"]["found"], "15 of 20 local ports", "15 of them in TIME_WAIT")
    contains(found["ports-tight"]["risk"], "free after 61", ": 20 connections to it can go on in that time.")
    equal(found["reuse"], False)


@case
def two_ways_out():
    """a strict reverse path filter is remarked with two ways out, and not with one"""
    found = play("two_ways")
    equal(slugs(found), ["rp-filter-strict"])
    equal(found["one way"], False)


@case
def a_large_mtu():
    """a large MTU on the default route is remarked while the kernel does not probe"""
    found = play("jumbo")
    equal(slugs(found), ["jumbo-without-probing"])
    equal(found["probing"], False)


@case
def a_forgetful_connection_table():
    """a connection table that forgets early is noted, and a risk where it takes up nothing again"""
    if not os.path.exists("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established"):
        raise Skip("nf_conntrack is not loaded")
    if not shutil.which("nft"):
        raise Skip("needs nft")
    found = play("conntrack")
    equal(slugs(found), ["conntrack-forgets"])
    equal((found["conntrack-forgets"]["severity"], found["conntrack-forgets"]["predicted"]), ("note", 300.0))
    equal(found["strict"], "risk")
    equal(found["untracked"], [], "nothing is tracked where no rule asks for it")
    contains(found["half"], "The connection table here forgets it after ")


@case
def a_strict_and_a_full_connection_table():
    """INVALID packets on a host that forwards are remarked, and a table that is nearly full, or full"""
    if not os.path.exists("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal"):
        raise Skip("nf_conntrack is not loaded")
    if not shutil.which("nft"):
        raise Skip("needs nft")
    found = play("invalid_packets")
    nearly, full = found.pop("nearly full"), found.pop("full")
    equal(slugs(found), ["conntrack-strict"])
    contains(found["conntrack-strict"]["found"], "nf_conntrack_tcp_be_liberal is 0")
    equal((nearly["severity"], full["severity"]), ("risk", "harm"))
    contains(nearly["found"], " of 11 entries")
    equal(125 < full["predicted"] < 150, True, "predicted")


def sysctl_file(text):
    f = tempfile.NamedTemporaryFile("w", suffix=".txt")
    f.write(text)
    f.flush()
    return f


@case
def settings_of_another_host():
    """a file of settings is judged alone, and says so"""
    with sysctl_file("net.ipv4.tcp_syncookies = 0\nnet.ipv4.tcp_retries2 = 15\nkernel.osrelease = 4.4.0-210\n"
                     "net.ipv4.tcp_tw_recycle = 1\n") as f:
        found = audit("--sysctl-file", f.name)
        equal(slugs(found), ["syncookies-off", "tw-recycle"])
        equal(found[""]["kernel"], "4.4")
        equal(found[""]["not_looked_at"][0]["because"], "these are settings of another host")
        equal(slugs(audit("--sysctl-file", f.name, "--set", "tcp_syncookies=1", "--set", "tcp_tw_recycle=0")), [])


@case
def settings_from_a_pipe():
    """settings can come through a pipe, which is read once"""
    r = tcpwhy("audit", "--json", "--sysctl-file=/dev/stdin", stdin=b"net.ipv4.tcp_sack = 0\nnet.ipv4.tcp_syncookies = 0\n")
    equal([json.loads(line).get("slug") for line in r.out.splitlines()], ["syncookies-off", "sack-off", None])


@case
def a_file_that_lies():
    """bytes that are no text, and lines without end, are one clear error"""
    good = b"net.ipv4.tcp_sack = 1\n"
    for content, words in ((good + b"\0\n", "zero byte"), (bytes(range(1, 256)), "is no line of Linux's sysctl"),
                           (good + b"a" * 3000000, "is no line of Linux's sysctl"),
                           (good + b"net.ipv4.tcp_mem = " + b"9" * 100000 + b"\n", "needs whole numbers"),
                           (good + b"net.ipv4.tcp_mem = 99999999999999999999 1 1\n", "needs whole numbers"),
                           (good + b"\x1b[2J\n", "\\x1b[2J")):
        r = tcpwhy("audit", "--sysctl-file=/dev/stdin", stdin=content)
        equal((r.status, r.out), (2, ""))
        contains(one_line(r.err), words)
    contains(one_line(tcpwhy("audit", "--sysctl-file=/").err), "cannot read /")


@case
def a_file_of_a_foreign_system():
    """what is no output of Linux's sysctl is one clear error"""
    for text, words in (("kern.ostype: FreeBSD\nnet.inet.tcp.keepidle: 7200000\n", "line 1 is no line of Linux's sysctl"),
                        ("vm.swappiness = 60\n", "none of the settings"),
                        ("net.ipv4.tcp_retries2 = 15\nnet.ipv4.tcp_syncookies = yes\n", "line 2"), ("", "none of the settings")):
        with sysctl_file(text) as f:
            r = tcpwhy("audit", "--sysctl-file", f.name)
            equal((r.status, r.out), (2, ""))
            contains(one_line(r.err), words)


@case
def wrong_words():
    """wrong usage is one clear sentence and status 2"""
    for arguments, words in ((["--set", "tcp_syncookeis=0"], "did you mean tcp_syncookies?"),
                             (["--set", "tcp_retires2=3"], "did you mean tcp_retries2?"),
                             (["--set", "nonsense=0"], "does not look at a setting 'nonsense'"),
                             (["--set", "tcp_syncookies=yes"], "needs whole numbers"),
                             (["--set", "tcp_retries2=999"], "takes 0 to 255"),
                             (["--set", "ip_local_port_range=60000 50000"], "ends before it begins"),
                             (["--set", "tcp_syncookies"], "NAME=VALUE"),
                             (["--idle", "soon"], "needs a time"),
                             (["--jsno"], "did you mean --json?"),
                             (["sockets"], "takes no words"),
                             (["--idle-table", "/nonexistent"], "/nonexistent: No such file"),
                             (["--sysctl-file", "/nonexistent"], "cannot open /nonexistent")):
        r = tcpwhy("audit", *arguments)
        equal((r.status, r.out), (2, ""), str(arguments))
        contains(one_line(r.err), words)


@case
def the_text():
    """the report fits the width, names the worst first, and tells notes in full with -v only"""
    wrong = ["--set", "tcp_syncookies=0", "--set", "tcp_retries2=3", "--set", "tcp_tw_recycle=1", "--set", "tcp_sack=0"]
    with sysctl_file("net.ipv4.tcp_retries2 = 15\n") as f:
        short = tcpwhy("audit", "--sysctl-file", f.name, *wrong)
        full = tcpwhy("audit", "-v", "--sysctl-file", f.name, *wrong)
        narrow = tcpwhy("audit", "--width=60", "--sysctl-file", f.name, *wrong)
        calm = tcpwhy("audit", "--sysctl-file", f.name)
    for r, width in ((short, 80), (full, 80), (narrow, 60)):
        equal((r.status, r.err), (1, ""))
        equal([line for line in r.out.splitlines() if len(line) > width], [])
    heads = [line.split() for line in full.out.splitlines() if line[:4] in ("harm", "risk", "note")]
    equal(heads, [["harm", "tw-recycle"], ["risk", "syncookies-off"], ["risk", "sack-off"], ["note", "gives-up-early"]])
    contains(short.out, "note  gives-up-early (in full with -v)", "1 harm, 2 risks.",
             "Not looked at: sockets, counters, interfaces, because")
    contains(full.out, "tcpwhy explain syn-queue-full")
    with sysctl_file("net.ipv4.tcp_retries2 = 3\n") as f:
        contains(tcpwhy("audit", "--sysctl-file", f.name).out, "note  gives-up-early (in full with -v)", "No harm, no risk.")
    equal(calm.status, 0)
    contains(calm.out, "Nothing to remark.")


@case
def without_rights():
    """without rights it works, and says what it could not see"""
    if os.geteuid() != 0:
        raise Skip("needs root, to take the rights away")
    server = listener("127.0.0.1")
    r = tcpwhy("audit", "--json", user=65534, group=65534, extra_groups=[])
    server.close()
    equal(r.status in (0, 1), True, "status")
    what = {u["what"]: u["because"] for u in json.loads(r.out.splitlines()[-1])["not_looked_at"]}
    equal([w for w in what if w.startswith("who holds ")] != [], True, str(what))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--scene"]:
        print(json.dumps(_scenes[sys.argv[2]]()))
    else:
        main()
