#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy live -i` and `-w` on real failures, between two network namespaces made for it. TAP.

Three watches run all the time: packets only, packets joined with the kernel's events, and one that writes
packets. Each case makes its failure on a port of its own and looks for what each of them says.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap
from ends import ACCEPT, PRELUDE, namespace
from tap import PROGRAM, Skip, case, contains, equal, looks, tcpwhy

CLIENT, SERVER, DEAD = "10.98.0.1", "10.98.0.2", "10.98.0.99"  # DEAD has a neighbour entry and nobody behind it


def sh(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()


def within(pid, *words):
    return sh("nsenter", "-t", pid, "-n", *words)


def until(condition, what, seconds=20):
    for _ in looks(seconds):
        got = condition()
        if got:
            return got
    raise AssertionError(f"not within {seconds} s: {what()}" if callable(what) else f"not within {seconds} s: {what}")


class Watch:
    """A running `tcpwhy live`."""

    def __init__(self, pid, *arguments, before=()):
        self.out = tempfile.NamedTemporaryFile("r", suffix=".json")
        self.err = tempfile.NamedTemporaryFile("r", suffix=".err")
        command = ["nsenter", "-t", str(pid), "-n", *before, PROGRAM, "live", "--json", *map(str, arguments)]
        with open(self.out.name, "w") as out, open(self.err.name, "w") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err)
        until(lambda: "watching" in self.said() or self.process.poll() is not None, self.said, 60)
        if "watching" not in self.said():
            raise Skip(self.said().strip())

    def said(self):
        return pathlib.Path(self.err.name).read_text()

    def rows(self):
        return [json.loads(line) for line in pathlib.Path(self.out.name).read_text().splitlines(True) if line.endswith("\n")]

    def findings(self, port):
        return [r for r in self.rows() if r["type"] == "finding" and r["server"].endswith(f":{port}")]

    def finding(self, port, verdict, seconds=20):
        found = lambda: [f for f in self.findings(port) if f["verdict"] == verdict]
        told = lambda: f"{verdict} on port {port}; got {[(f['verdict'], f['summary']) for f in self.findings(port)]}; {self.said()}"
        return until(found, told, seconds)[0]

    def end(self, send=signal.SIGINT):
        if self.process.poll() is None and send:
            self.process.send_signal(send)
        self.process.wait(timeout=60)
        if "Sanitizer" in self.said() or "runtime error" in self.said():
            raise AssertionError(self.said()[-3000:])
        return self.process.returncode


class Ground:
    def __init__(self):
        self.hold = [namespace(), namespace()]
        self.client, self.server = (str(p.pid) for p in self.hold)
        sh("ip", "link", "add", "twc", "netns", self.client, "type", "veth", "peer", "name", "tws", "netns", self.server)
        for pid, device, address in ((self.client, "twc", CLIENT), (self.server, "tws", SERVER)):
            within(pid, "ip", "addr", "add", address + "/24", "dev", device)
            within(pid, "ip", "link", "set", device, "up")
            within(pid, "ip", "link", "set", "lo", "up")
        within(self.client, "ip", "neigh", "add", DEAD, "lladdr", "02:00:00:00:00:99", "dev", "twc")
        within(self.client, "sysctl", "-qw", "net.ipv4.tcp_syn_retries=1", "net.ipv4.tcp_syn_linear_timeouts=0")
        self.folder = tempfile.TemporaryDirectory()
        self.file = str(pathlib.Path(self.folder.name) / "failed.pcapng")
        self.packets = Watch(self.client, "-i", "twc", "--packets-only")
        self.joined = Watch(self.client, "-i", "twc") if tcpwhy("doctor").status != 2 else None
        self.writer = Watch(self.server, "--packets-only", "-w", self.file)

    def python(self, pid, host, port, code):
        return subprocess.Popen(["nsenter", "-t", pid, "-n", sys.executable, "-c", PRELUDE + textwrap.dedent(code), host,
                                 str(port)], stdout=subprocess.PIPE, text=True)

    def play(self, port, server=None, client=None, host=SERVER):
        """Both ends; returns what the client printed, and the pids (server, client)."""
        s = self.python(self.server, host, port, server) if server else None
        if s:
            s.stdout.readline()
        c = self.python(self.client, host, port, client)
        said = c.communicate(timeout=60)[0].split()
        if s:
            s.terminate()
            s.communicate(timeout=20)
        return said, (s.pid if s else None, c.pid)

    def close(self):
        for watch in (self.packets, self.joined, self.writer):
            if watch:
                watch.end()
        for p in self.hold:
            p.kill()
            p.wait()


_ground = None


def ground():
    global _ground
    if isinstance(_ground, Skip):
        raise _ground
    if _ground is None:
        try:
            if os.geteuid():
                raise Skip("needs root")
            if not all(map(shutil.which, ("ip", "nsenter", "setpriv"))):
                raise Skip("needs iproute2 and util-linux")
            _ground = Ground()
        except Skip as reason:
            _ground = reason
            raise
    return _ground


def joined():
    if not ground().joined:
        raise Skip("the kernel's events are not to be had here; see tcpwhy doctor")
    return ground().joined


def cites(finding):
    """What the evidence cites: {"packet"}, {"event"}, or both."""
    return {key for e in finding["evidence"] for key in ("packet", "event") if key in e}


def expect_joined(port, verdict, confidence, errno=None, pid=None, side="client"):
    f = joined().finding(port, verdict)
    equal((f["confidence"], cites(f)), (confidence, {"packet", "event"}), verdict)
    if errno:
        equal((f["application"]["client"] or {}).get("errno"), errno, "errno")
    if pid:
        equal((f["processes"][side] or {}).get("pid"), pid, "process")
    times = [e["time"] for e in f["evidence"] if "time" in e]
    equal(times, sorted(times), "order of the evidence")
    equal([x["verdict"] for x in joined().findings(port)], [verdict], "findings of one connection")
    assert f["packets"]["client"], f["packets"]
    return f


@case
def refused():
    """port-closed: likely by packets, certain joined, and one finding only"""
    said, (_, pid) = ground().play(7201, client="says(connect)")
    equal(said, ["ECONNREFUSED"])
    f = ground().packets.finding(7201, "port-closed")
    equal((f["confidence"], cites(f), f["source"]), ("likely", {"packet"}, "twc"))
    contains([r["verdict"] for r in f["rivals"]], "firewall-reset")
    f = expect_joined(7201, "port-closed", "certain", "ECONNREFUSED", pid)
    equal((f["rivals"], f["source"]), ([], "kernel+twc"))
    contains([r["verdict"] for r in f["ruled_out"]], "firewall-reset")


@case
def unread():
    """closed-with-unread-data: the packets' rivals are excluded by the kernel"""
    said, (server, _) = ground().play(7202, ACCEPT + "unread(s); s.close(); time.sleep(5)",
                                      "c = connect(); c.send(b'x' * 11); says(lambda: c.recv(1))")
    equal(said, ["ECONNRESET"])
    f = ground().packets.finding(7202, "closed-with-unread-data")
    equal(f["confidence"], "likely")
    f = expect_joined(7202, "closed-with-unread-data", "certain", "ECONNRESET", server, "server")
    contains(f["summary"], "11 bytes unread")


@case
def linger():
    """linger-reset: the kernel's verdict, and the packets' own is named as excluded"""
    said, (server, _) = ground().play(7203, ACCEPT + "s.recv(9); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, "
                                      "struct.pack('ii', 1, 0)); s.close(); time.sleep(5)",
                                      "c = connect(); c.send(b'x'); says(lambda: c.recv(1))")
    equal(said, ["ECONNRESET"])
    f = not_certain_by_packets(7203)
    joint = expect_joined(7203, "linger-reset", "certain", "ECONNRESET", server, "server")
    assert "linger-reset" not in [r["verdict"] for r in joint["ruled_out"] + joint["rivals"]], joint
    if f["verdict"] != "linger-reset":
        contains([r["verdict"] for r in joint["ruled_out"]], f["verdict"])


@case
def killed():
    """process-died: packets cannot know, the kernel does, both are cited"""
    _, (server, _) = ground().play(7204, ACCEPT + "unread(s); os.kill(os.getpid(), signal.SIGKILL)",
                                   "c = connect(); c.send(b'request'); says(lambda: c.recv(1))")
    f = until(lambda: ground().packets.findings(7204), "a finding by packets")[0]
    assert f["verdict"] != "process-died" or f["confidence"] != "certain", f
    f = expect_joined(7204, "process-died", "certain", "ECONNRESET", server, "server")
    contains(f["summary"], "SIGKILL")


def not_certain_by_packets(port):
    """What packets alone say first; it may be another verdict."""
    f = until(lambda: ground().packets.findings(port), "a finding by packets", 30)[0]
    assert f["confidence"] != "certain", (f["verdict"], f["confidence"])
    return f


@case
def late_data():
    """data-after-close: whether a process closed or a firewall forgot is known by the kernel"""
    said, (server, _) = ground().play(7221, ACCEPT + "s.close(); time.sleep(5)",
                                      "c = connect(); c.recv(1); c.send(b'x' * 500); reset(c); says(lambda: c.send(b'y'))")
    equal(said, ["EPIPE"])
    not_certain_by_packets(7221)
    f = expect_joined(7221, "data-after-close", "certain")
    equal((f["processes"]["client"] or {}).get("comm") is not None, True, "the sender's process")


@case
def destroyed():
    """socket-destroyed: an administrator's ss -K is on the wire an abort like any other"""
    g = ground()
    if not tap.destroys_sockets():
        raise Skip("this kernel has no CONFIG_INET_DIAG_DESTROY: it answers EOPNOTSUPP")
    s = g.python(g.server, SERVER, 7222, ACCEPT + "s.recv(1); time.sleep(60)")
    s.stdout.readline()
    c = g.python(g.client, SERVER, 7222, "c = connect(); c.send(b'x'); print('up', flush=True); says(lambda: c.recv(1))")
    c.stdout.readline()
    try:
        until(lambda: "7222" in within(g.server, "ss", "-Htn", "sport", "=", "7222"), "the accepted connection")
        contains(within(g.server, "ss", "-HtnK", "sport", "=", "7222"), "7222")
        equal(c.communicate(timeout=30)[0].split(), ["ECONNRESET"])
        not_certain_by_packets(7222)
        f = expect_joined(7222, "socket-destroyed", "certain", "ECONNRESET", s.pid, "server")
        assert f["actor"] != f["processes"]["server"]["comm"], f["actor"]
    finally:
        for p in (s, c):
            p.kill()
            p.communicate()


@case
def full_queue():
    """accept-queue-full: packets show silence, the listener's socket why"""
    joined()
    w = Watch(ground().client, "-i", "twc", "--patience", "1s", "port 7223")
    said, (server, client) = ground().play(7223, "l = listen(0); time.sleep(60)", "held = connect(); says(connect)")
    equal(said, ["ETIMEDOUT"])
    equal(not_certain_by_packets(7223)["verdict"], "syn-unanswered")
    # on a busy machine the packets alone may be told first, or the connection in the queue, which dies with its server
    mine = lambda: [f for f in w.findings(7223) if f["packets"]["client"] and f["stage"] == "connect" and
                    ((f.get("processes") or {}).get("client") or {}).get("pid") == client]
    f = until(mine, lambda: f"the joined finding; got {[(x['verdict'], x['summary']) for x in w.findings(7223)]}", 30)[0]
    equal((f["verdict"], f["confidence"], cites(f)), ("accept-queue-full", "certain", {"packet", "event"}))
    equal((f["processes"]["server"]["pid"], f["application"]["client"]["errno"]), (server, "ETIMEDOUT"))
    equal(w.end(), 1)


@case
def user_timeout():
    """user-timeout: that the application has set one is not on the wire"""
    g = ground()
    s = g.python(g.server, SERVER, 7224, ACCEPT + "time.sleep(60)")
    s.stdout.readline()
    c = subprocess.Popen(["nsenter", "-t", g.client, "-n", sys.executable, "-c", PRELUDE + textwrap.dedent("""
        c = connect(); c.setsockopt(socket.IPPROTO_TCP, 18, 1500); print('up', flush=True); sys.stdin.readline()
        c.send(b'x'); says(lambda: c.recv(1))"""), SERVER, "7224"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    c.stdout.readline()
    within(g.server, "ip", "route", "add", "blackhole", CLIENT)
    try:
        equal(c.communicate("go\n", timeout=40)[0].split(), ["ETIMEDOUT"])
        not_certain_by_packets(7224)
        f = joined().finding(7224, "user-timeout", 30)
        equal((f["confidence"], cites(f), f["processes"]["client"]["pid"]), ("certain", {"packet", "event"}, c.pid))
    finally:
        within(g.server, "ip", "route", "del", "blackhole", CLIENT)
        s.kill()
        s.communicate()


@case
def unanswered():
    """syn-unanswered is told although no packet comes any more"""
    said, (_, pid) = ground().play(7205, client="says(connect)", host=DEAD)
    equal(said, ["ETIMEDOUT"])
    f = ground().packets.finding(7205, "syn-unanswered")
    equal(f["packets"], {"client": 2, "server": 0})
    expect_joined(7205, "syn-unanswered", "likely", "ETIMEDOUT", pid)


@case
def vanished():
    """data that stays unanswered is told once the next repeat is overdue"""
    g = ground()
    within(g.client, "sysctl", "-qw", "net.ipv4.tcp_retries2=3")
    s = g.python(g.server, SERVER, 7206, ACCEPT + "time.sleep(60)")
    s.stdout.readline()
    c = subprocess.Popen(["nsenter", "-t", g.client, "-n", sys.executable, "-c", PRELUDE + textwrap.dedent("""
        c = connect(); print('up', flush=True); sys.stdin.readline(); c.send(b'x'); says(lambda: c.recv(1))"""), SERVER,
                          "7206"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    c.stdout.readline()
    # A filter of the wire: the server neither gets nor resets anything more.
    within(g.server, "ip", "route", "add", "blackhole", CLIENT)
    try:
        said = c.communicate("go\n", timeout=40)[0].split()
        equal(said, ["ETIMEDOUT"])
        f = until(lambda: g.packets.findings(7206), "a finding by packets", 30)[0]
        equal((f["outcome"], cites(f)), ("failed", {"packet"}), f["verdict"])
        f = until(lambda: joined().findings(7206), "a joined finding", 30)[0]
        equal((f["outcome"], cites(f), f["application"]["client"]["errno"]), ("failed", {"packet", "event"}, "ETIMEDOUT"))
        equal(f["confidence"], "likely", "neither side knows what became of the server")
    finally:
        within(g.server, "ip", "route", "del", "blackhole", CLIENT)
        s.kill()
        s.wait()


@case
def healthy():
    """connections that end well make no finding, and are not in the file"""
    said, _ = ground().play(7207, "l = listen(64)\nfor _ in range(30):\n    s, _ = l.accept(); s.send(s.recv(9)); s.recv(1); s.close()",
                            "for _ in range(30):\n    c = connect(); c.send(b'x'); c.recv(9); c.close()\nprint('done')")
    equal(said, ["done"])
    ground().play(7208, client="says(connect)")
    ground().packets.finding(7208, "port-closed")
    ground().writer.finding(7208, "port-closed")
    equal((ground().packets.findings(7207), ground().writer.findings(7207)), ([], []))
    if ground().joined:
        ground().joined.finding(7208, "port-closed")
        equal(ground().joined.findings(7207), [])
    r = tcpwhy("read", "--json", "--all", ground().file)
    rows = [json.loads(line) for line in r.out.splitlines()]
    equal([x for x in rows if x.get("server", "").endswith(":7207")], [])


def written(port, verdict):
    """The finding of the running file; read until it is there."""
    def look():
        rows = [json.loads(line) for line in tcpwhy("read", "--json", ground().file).out.splitlines()]
        return [(x, rows[-1]) for x in rows if x.get("server", "").endswith(f":{port}") and x["verdict"] == verdict]
    return until(look, f"{verdict} in the file")[0]


@case
def file_while_running():
    """-w: whole and readable after each finding, by tcpwhy and tshark, with comments"""
    ground().play(7209, ACCEPT + "s.recv(1); time.sleep(.3); s.close(); time.sleep(5)",
                  "c = connect(); c.send(b'x' * 8); says(lambda: c.recv(1))")
    live = ground().writer.finding(7209, "closed-with-unread-data")
    ground().play(7210, client="says(connect)")
    ground().writer.finding(7210, "port-closed")
    f, summary = written(7210, "port-closed")
    equal(f["packets"], {"client": 1, "server": 1})
    f, summary = written(7209, "closed-with-unread-data")
    equal((f["packets"], f["confidence"]), (live["packets"], live["confidence"]))
    equal(summary["problems"], [])
    if not shutil.which("tshark"):
        raise Skip("needs tshark for the rest")
    out = sh("tshark", "-r", ground().file, "-Y", "tcp.port == 7209", "-T", "fields", "-e", "tcp.flags.str", "-e", "frame.comment")
    lines = [line for line in out.splitlines() if "·" in line]
    equal(len(lines), sum(live["packets"].values()), "packets in tshark")
    contains(lines[0], "tcpwhy: closed-with-unread-data: ")
    contains(lines[-1], "tcpwhy: closed-with-unread-data: RST")


@case
def file_of_joined():
    """-w with the kernel's events: its verdict, its words and the process stand in the comments"""
    joined()
    path = str(pathlib.Path(ground().folder.name) / "joined.pcapng")
    w = Watch(ground().client, "-i", "twc", "-w", path, "port 7211")
    _, (server, _) = ground().play(7211, ACCEPT + "s.recv(9); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, "
                                   "struct.pack('ii', 1, 0)); s.close(); time.sleep(5)",
                                   "c = connect(); c.send(b'x'); says(lambda: c.recv(1))")
    w.finding(7211, "linger-reset")
    raw = until(lambda: b"linger-reset" in (data := pathlib.Path(path).read_bytes()) and data, "the packets")
    equal(w.end(), 1)
    contains(raw.decode(errors="replace"), "tcpwhy: linger-reset: ", "tcpwhy: kernel: ", f"process {server}")
    equal((w.rows()[-1]["connections_written"], w.rows()[-1]["source"]), (1, "kernel+twc"))
    assert w.rows()[-1]["packets"] >= 5, w.rows()[-1]


@case
def everywhere():
    """any: packets of all interfaces, each connection once"""
    w = Watch(ground().server, "-i", "any", "--packets-only", "port 7212")
    ground().play(7212, ACCEPT + "unread(s); s.close(); time.sleep(5)", "c = connect(); c.send(b'x'); says(lambda: c.recv(1))")
    f = w.finding(7212, "closed-with-unread-data")
    equal((f["source"], len(w.findings(7212))), ("any", 1))
    equal(w.end(), 1)


@case
def pcap_filter():
    """--packets-only takes all of pcap-filter(7); with the kernel's events it must be understood by both"""
    w = Watch(ground().client, "-i", "twc", "--packets-only", "-f", "tcp[2:2] = 7213 or tcp[0:2] = 7213")
    ground().play(7214, client="says(connect)")
    ground().play(7213, client="says(connect)")
    w.finding(7213, "port-closed")
    equal((w.findings(7214), w.end()), ([], 1))
    r = tcpwhy("live", "-i", "lo", "tcp[13] & 4 != 0")
    equal(r.status, 2)
    contains(tap.one_line(r.err), "--packets-only")
    r = tcpwhy("live", "-i", "lo", "--packets-only", "frobnicate 1")
    equal(r.status, 2)
    contains(tap.one_line(r.err), "frobnicate")


@case
def mistakes():
    """wrong use is one clear sentence and status 2"""
    ground()
    for words, part in ((("-i", "lp"), "did you mean lo?"), (("-i", "qqqqqqqq"), "there is no interface qqqqqqqq"),
                        (("-i", "lo", "--packets-only", "--pid", str(os.getpid())), "--pid needs the kernel's events"),
                        (("--packets-only", "--", "true"), "a command needs the kernel's events"),
                        (("-w", "-"), "-w needs a file"), (("-w", "/nonexistent/x.pcapng"), "No such file"),
                        (("-i", "lo", "-i", "lo"), "twice"), (("-i",), "needs IFACE")):
        r = tcpwhy("live", *words)
        equal(r.status, 2, words)
        contains(tap.one_line(r.err), part)


@case
def no_rights():
    """without CAP_NET_RAW: what is needed; with nothing else: packets only, said"""
    ground()
    bare = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all", "--bounding-set", "-all"]
    r = subprocess.run([*bare, PROGRAM, "live", "-i", "lo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if r.returncode == 126 or "Permission denied" in r.stderr and "tcpwhy:" not in r.stderr:
        raise Skip("the program is not readable for others")
    equal(r.returncode, 2)
    contains(tap.one_line(r.stderr), "CAP_NET_RAW")
    raw = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all,+net_raw", "--ambient-caps",
           "+net_raw", "--bounding-set", "-all,+net_raw"]
    w = Watch(ground().client, "-i", "twc", before=raw)
    contains(w.said(), "tcpwhy: packets only: ", "CAP_BPF")
    ground().play(7215, client="says(connect)")
    equal(w.finding(7215, "port-closed")["confidence"], "likely")
    equal(w.end(), 1)


@case
def gives_up_rights():
    """once open, no capability is left that is not needed"""
    def effective(watch):
        status = pathlib.Path(f"/proc/{watch.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), 16)
    equal(effective(ground().packets), 0, "packets only")
    equal(effective(joined()), 1 << 38 | 1 << 39, "joined: CAP_PERFMON and CAP_BPF")


@case
def full_disk():
    """a full disk: said once, findings go on, what is there can be read, status 2"""
    mount = "mkdir -p $0 && mount -t tmpfs -o size=32k none $0 && exec nsenter -t $1 -n $2 live --json -i twc --packets-only "
    folder = pathlib.Path(ground().folder.name) / "small"
    out, err = (str(pathlib.Path(ground().folder.name) / n) for n in ("small.json", "small.err"))
    w = subprocess.Popen(["unshare", "-m", "sh", "-c", mount + "--rate-limit 0 -w $0/x.pcapng", str(folder), ground().client, PROGRAM],
                         stdout=open(out, "w"), stderr=open(err, "w"))
    said = lambda: pathlib.Path(err).read_text()
    until(lambda: "watching" in said() or w.poll() is not None, said, 60)
    contains(said(), "watching")
    knock = "for _ in range(150):\n    try: connect()\n    except OSError: pass\nprint('done')"
    equal(ground().play(7216, client=knock)[0], ["done"])
    until(lambda: "No space left on device" in said(), said)
    ground().play(7217, client="says(connect)")
    until(lambda: ":7217" in pathlib.Path(out).read_text(), "a finding after the disk was full")
    # Its file lives in its own mounts.
    copy = pathlib.Path(ground().folder.name) / "copy.pcapng"
    copy.write_bytes(pathlib.Path(f"/proc/{w.pid}/root{folder}/x.pcapng").read_bytes())
    w.send_signal(signal.SIGINT)
    equal(w.wait(timeout=60), 2)
    equal(said().count("No space left"), 1)
    summary = json.loads(pathlib.Path(out).read_text().splitlines()[-1])
    contains(" ".join(summary["problems"]), "No space left on device; findings go on")
    assert summary["failed"] >= 151, summary["failed"]
    r = tcpwhy("read", "--json", copy)
    rows = [json.loads(line) for line in r.out.splitlines()]
    equal((rows[-1]["failed"], rows[-1]["problems"]), (summary["connections_written"], []))
    assert rows[-1]["failed"] > 20, rows[-1]


@case
def link_down_and_gone():
    """an interface that goes down is waited for; one that is removed ends it, with the summary"""
    hold = namespace()
    pid = str(hold.pid)
    try:
        within(pid, "ip", "link", "add", "twx", "type", "veth", "peer", "name", "twy")
        within(pid, "ip", "addr", "add", "10.99.0.1/24", "dev", "twx")
        for device in ("twx", "twy"):
            within(pid, "ip", "link", "set", device, "up")
        within(pid, "ip", "neigh", "add", "10.99.0.2", "lladdr", "02:00:00:00:00:98", "dev", "twx")
        w = Watch(pid, "-i", "twx", "--packets-only")
        within(pid, "ip", "link", "set", "twx", "down")
        until(lambda: "went down" in w.said(), w.said)
        equal(w.process.poll(), None, "it goes on")
        within(pid, "ip", "link", "set", "twx", "up")
        within(pid, "ip", "neigh", "replace", "10.99.0.2", "lladdr", "02:00:00:00:00:98", "dev", "twx")
        knock = "import socket\nc = socket.socket(); c.settimeout(.2)\ntry: c.connect(('10.99.0.2', 7218))\nexcept OSError: pass"
        within(pid, sys.executable, "-c", knock)
        until(lambda: w.findings(7218), w.said)
        within(pid, "ip", "link", "del", "twx")
        equal(w.end(send=None), 0)  # one SYN and no repeat: nobody knows
        contains(w.said(), "tcpwhy: the interface twx is gone")
        contains(" ".join(w.rows()[-1]["problems"]), "twx went down", "twx is gone")
        r = subprocess.run(["nsenter", "-t", pid, "-n", PROGRAM, "live", "-i", "twx", "--packets-only"], stderr=subprocess.PIPE, text=True)
        equal(r.returncode, 2)
        contains(tap.one_line(r.stderr), "there is no interface twx")
    finally:
        hold.kill()
        hold.wait()


@case
def drops():
    """packets that the kernel had no room for are counted and said"""
    w = Watch(ground().client, "-i", "lo", "--packets-only")
    w.process.send_signal(signal.SIGSTOP)
    try:
        within(ground().client, sys.executable, "-c", "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
               "for _ in range(4000): s.sendto(bytes(20000), ('127.0.0.1', 9))")
    finally:
        w.process.send_signal(signal.SIGCONT)
    equal(w.end(), 0)
    summary = w.rows()[-1]
    assert summary["packets_lost"] > 0, summary
    contains(" ".join(summary["problems"]), "packets were lost")


@case
def storm():
    """a scan of thousands of ports hides no other failure, is folded, and counted to the last"""
    began, ports = time.monotonic(), 20000
    w = Watch(ground().client, "-i", "twc", "--packets-only")
    c = ground().python(ground().client, SERVER, 7219, """
        end = time.time() + 3; n = 0
        while time.time() < end:
            c = socket.socket(); c.setblocking(False); c.connect_ex((HOST, 20000 + n % 20000)); c.close(); n += 1
        print(n)""")
    said, (server, _) = ground().play(7220, ACCEPT + "unread(s); s.close(); time.sleep(5)",
                                      "c = connect(); c.send(b'x' * 7); says(lambda: c.recv(1))")
    equal(said, ["ECONNRESET"])
    knocks = int(c.communicate(timeout=30)[0])
    assert knocks > 2000
    w.finding(7220, "closed-with-unread-data")
    if ground().joined:
        equal(ground().joined.finding(7220, "closed-with-unread-data")["confidence"], "certain")
    equal(w.end(), 1)
    seconds = time.monotonic() - began + 1
    rows = w.rows()
    equal(sum(rows[-1]["verdicts"].values()), rows[-1]["failed"] + rows[-1]["degraded"] + rows[-1]["unknown"])
    assert rows[-1]["failed"] > 2000, rows[-1]
    # 512 rows and the rest: five per second for each, and a hundred of what shares a row. The faster the machine, the more often
    # each port is knocked at; the slower, the longer it has to tell.
    most = 512 * min(knocks // ports + 1, 5 * seconds) + 100 * seconds
    assert len(rows) < most + 100 and len(rows) < rows[-1]["failed"], (len(rows), most, knocks, seconds)


if __name__ == "__main__":
    try:
        tap.main(workers=1)
    finally:
        if isinstance(_ground, Ground):
            _ground.close()
