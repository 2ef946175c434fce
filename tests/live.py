#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy live` on real failures, between two network namespaces made for it. TAP.

One watch runs all the time; each case makes its failure on a port of its own and looks for the finding: verdict,
confidence, process, errno. Without the rights or a kernel for it, everything but the refusals is skipped, with the
reason.
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

CLIENT, SERVER = "10.97.0.1", "10.97.0.2"
CLIENT6, SERVER6 = "fd97::1", "fd97::2"
DEAD, GHOST = "10.97.0.99", "10.97.0.98"  # with a neighbour entry, and without


def sh(*words, check=True):
    return subprocess.run(words, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()


class Ground:
    """Two namespaces with a cable between, and a watch over the whole machine."""

    def __init__(self):
        self.hold = [namespace() for _ in range(2)]
        self.client, self.server = (str(p.pid) for p in self.hold)
        sh("ip", "link", "add", "twc", "netns", self.client, "type", "veth", "peer", "name", "tws", "netns", self.server)
        for pid, device, v4, v6 in ((self.client, "twc", CLIENT, CLIENT6), (self.server, "tws", SERVER, SERVER6)):
            self.within(pid, "ip", "addr", "add", v4 + "/24", "dev", device)
            self.within(pid, "ip", "addr", "add", v6 + "/64", "dev", device, "nodad")
            self.within(pid, "ip", "link", "set", device, "up")
            self.within(pid, "ip", "link", "set", "lo", "up")
        self.within(self.client, "ip", "neigh", "add", DEAD, "lladdr", "02:00:00:00:00:99", "dev", "twc")
        for name, value in (("tcp_syn_retries", 1), ("tcp_syn_linear_timeouts", 0), ("tcp_retries2", 3),
                            ("tcp_orphan_retries", 1)):
            self.within(self.client, "sysctl", "-qw", f"net.ipv4.{name}={value}")
        self.out = tempfile.NamedTemporaryFile("r", suffix=".json")
        # Only what happens here: others' failures must not use up what may be told per second.
        self.watch = subprocess.Popen([PROGRAM, "live", "--json", "net 10.97.0.0/24 or net fd97::/64"], stdout=open(self.out.name, "w"),
                                      stderr=subprocess.PIPE, text=True)
        line = self.watch.stderr.readline()
        if "watching" not in line:
            raise Skip(line.strip())

    def within(self, pid, *words, check=True):
        return sh("nsenter", "-t", pid, "-n", *words, check=check)

    def python(self, pid, host, port, code, stdin=None):
        return subprocess.Popen(["nsenter", "-t", pid, "-n", sys.executable, "-c", PRELUDE + textwrap.dedent(code), host,
                                 str(port)], stdin=stdin, stdout=subprocess.PIPE, text=True)

    def play(self, port, server=None, client=None, host=SERVER, kill=True):
        """Both ends; returns what the client printed, and the pids (server, client). kill: the server, in the end."""
        s = self.python(self.server, host, port, server) if server else None
        if s:
            s.stdout.readline()
        c = self.python(self.client, host, port, client) if client else None
        said = c.communicate(timeout=60)[0].split() if c else []
        if s:
            if kill:
                s.terminate()
            s.communicate(timeout=20)
        return said, (s.pid if s else None, c.pid if c else None)

    def findings(self, port):
        self.out.seek(0)
        rows = [json.loads(line) for line in self.out if line.endswith("\n")]
        return [r for r in rows if r["type"] == "finding" and r["server"].endswith(f":{port}")]

    def finding(self, port, verdict, seconds=20):
        for _ in looks(seconds):
            found = self.findings(port)
            if any(f["verdict"] == verdict for f in found):
                return next(f for f in found if f["verdict"] == verdict)
        raise AssertionError(f"no {verdict} on port {port}: {[(f['verdict'], f['summary']) for f in found]}; "
                             f"the watch {'goes on' if self.watch.poll() is None else 'has ended'}; its last: {self.last()}")

    def last(self):
        self.out.seek(0)
        return [line[:300] for line in self.out][-4:]

    def close(self):
        self.watch.send_signal(signal.SIGINT)
        self.watch.communicate(timeout=20)
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
            if not shutil.which("ip") or not shutil.which("nsenter"):
                raise Skip("needs iproute2 and util-linux")
            if tcpwhy("doctor").status == 2:
                raise Skip("tcpwhy live does not work here; see tcpwhy doctor")
            _ground = Ground()
        except Skip as reason:
            _ground = reason
            raise
    return _ground


def expect(finding, confidence, errno=None, side="client", pid=None, process_side=None):
    equal(finding["confidence"], confidence, "confidence")
    assert finding["evidence"] and "event" in finding["evidence"][0], finding["evidence"]
    if errno:
        equal((finding["application"][side] or {}).get("errno"), errno, "errno")
    if pid:
        process = finding["processes"][process_side] or {}
        equal((process.get("pid"), process.get("comm", "")[:6]), (pid, "python"), "process")


@case
def refused():
    """port-closed is certain when the server's kernel is this one, and names the client's process"""
    said, (_, pid) = ground().play(7001, client="says(lambda: socket.create_connection((HOST, PORT)))")
    equal(said, ["ECONNREFUSED"])
    expect(ground().finding(7001, "port-closed"), "certain", "ECONNREFUSED", pid=pid, process_side="client")


@case
def unread():
    """closed-with-unread-data: bytes, reason, both processes"""
    said, (server, client) = ground().play(7002, ACCEPT + "unread(s); s.close(); time.sleep(5)",
                                           "c = connect(); c.send(b'x' * 11); says(lambda: c.recv(1))")
    equal(said, ["ECONNRESET"])
    f = ground().finding(7002, "closed-with-unread-data")
    expect(f, "certain", "ECONNRESET", pid=client, process_side="client")
    expect(f, "certain", pid=server, process_side="server")
    equal((f["process_side"], f["process"]["pid"]), ("server", server))
    contains(f["summary"], "11 bytes")


def linger(host, port):
    said, (server, _) = ground().play(port, ACCEPT + "s.recv(9); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, "
                                      "struct.pack('ii', 1, 0)); s.close(); time.sleep(5)",
                                      "c = connect(); c.send(b'x'); says(lambda: c.recv(1))", host)
    equal(said, ["ECONNRESET"])
    expect(ground().finding(port, "linger-reset"), "certain", "ECONNRESET", pid=server, process_side="server")


@case
def linger_v4():
    """linger-reset is certain, although packets cannot tell it"""
    linger(SERVER, 7003)


@case
def linger_v6():
    """linger-reset over IPv6"""
    linger(SERVER6, 7004)


def died(port, name):
    _, (server, _) = ground().play(port, ACCEPT + f"unread(s); os.kill(os.getpid(), signal.{name})",
                                   "c = connect(); c.send(b'request'); says(lambda: c.recv(1))")
    f = ground().finding(port, "process-died")
    expect(f, "certain", "ECONNRESET", pid=server, process_side="server")
    contains(f["summary"], name)


@case
def killed():
    """process-died of SIGKILL"""
    died(7005, "SIGKILL")


@case
def crashed():
    """process-died of SIGSEGV"""
    died(7006, "SIGSEGV")


@case
def late_data():
    """data-after-close: the sender gets EPIPE, never ECONNRESET"""
    said, _ = ground().play(7007, ACCEPT + "s.close(); time.sleep(5)",
                            "c = connect(); unread(c); c.send(b'x' * 500); reset(c); "
                            "says(lambda: c.recv(1)); says(lambda: c.send(b'y'))")
    equal(said, ["b''", "EPIPE"])
    expect(ground().finding(7007, "data-after-close"), "certain", "EPIPE")


@case
def gave_up():
    """connect-aborted by the application's own timeout"""
    _, (_, pid) = ground().play(7008, client="c = socket.socket(); c.settimeout(.3); says(lambda: c.connect((HOST, PORT)))\n",
                                host=DEAD)
    expect(ground().finding(7008, "connect-aborted"), "certain", pid=pid, process_side="client")


@case
def unanswered():
    """syn-unanswered stays likely: this end cannot know why"""
    said, (_, pid) = ground().play(7009, client="says(lambda: socket.create_connection((HOST, PORT)))", host=DEAD)
    equal(said, ["ETIMEDOUT"])
    f = ground().finding(7009, "syn-unanswered")
    expect(f, "likely", "ETIMEDOUT", pid=pid, process_side="client")
    contains([r["verdict"] for r in f["rivals"]], "firewall-dropped")


@case
def no_host():
    """host-unreachable: the neighbour does not answer"""
    g = ground()
    # With the repeats at their default: ARP gives up first, after three seconds.
    g.within(g.client, "sysctl", "-qw", "net.ipv4.tcp_syn_retries=6")
    said, _ = g.play(7010, client="says(lambda: socket.create_connection((HOST, PORT)))", host=GHOST)
    g.within(g.client, "sysctl", "-qw", "net.ipv4.tcp_syn_retries=1")
    equal(said, ["EHOSTUNREACH"])
    f = ground().finding(7010, "host-unreachable")
    expect(f, f["confidence"], "EHOSTUNREACH")


@case
def no_port():
    """ports-exhausted, which no packet shows"""
    g = ground()
    g.within(g.client, "sysctl", "-qw", "net.ipv4.ip_local_port_range=45000 45001")
    try:
        said, (_, pid) = g.play(7011, "l = listen(); time.sleep(5)",
                                "a = connect(); b = connect(); says(lambda: socket.create_connection((HOST, PORT)))")
    finally:
        g.within(g.client, "sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")
    equal(said, ["EADDRNOTAVAIL"])
    expect(g.finding(7011, "ports-exhausted"), "certain", "EADDRNOTAVAIL", pid=pid, process_side="client")


@case
def destroyed():
    """socket-destroyed by ss -K: the owner is the victim, not ss"""
    g = ground()
    if not tap.destroys_sockets():
        raise Skip("this kernel has no CONFIG_INET_DIAG_DESTROY: it answers EOPNOTSUPP")
    s = g.python(g.server, SERVER, 7012, ACCEPT + "time.sleep(9)")
    s.stdout.readline()
    c = g.python(g.client, SERVER, 7012, "c = connect(); c.send(b'x'); print('sent', flush=True); says(lambda: c.recv(1))")
    c.stdout.readline()
    g.within(g.client, "ss", "-K", "dport", "=", "7012")
    said = c.communicate(timeout=20)[0].split()
    s.kill()
    s.wait()
    equal(said, ["ECONNABORTED"])
    expect(g.finding(7012, "socket-destroyed"), "certain", "ECONNABORTED", pid=c.pid, process_side="client")


def heirs(port, errno, server, client):
    """Sixty sockets that fail (@server, @client), and then a hundred that are given their places in memory and destroyed,
    while nobody walks over the open files: each is its own process'. Ports @port and the hundred behind."""
    g = ground()
    said, _ = g.play(port, server, client)
    equal(set(said), {errno})
    s = g.python(g.server, SERVER, port, "listeners = [socket.create_server((HOST, PORT + 1 + i)) for i in range(100)]\n"
                 "print(flush=True)\nheld = [l.accept()[0] for l in listeners]\ntime.sleep(30)")
    s.stdout.readline()
    g.watch.send_signal(signal.SIGSTOP)
    try:
        c = g.python(g.client, SERVER, port, "held = [socket.create_connection((HOST, PORT + 1 + i)) for i in range(100)]\n"
                     "for c in held: c.send(b'x')\nready()\nfor c in held: says(lambda: c.recv(1))", stdin=subprocess.PIPE)
        c.stdout.readline()
        g.within(g.client, "ss", "-K", "dst", SERVER)
        said = c.communicate("go\n", timeout=20)[0].split()
    finally:
        g.watch.send_signal(signal.SIGCONT)
    s.kill()
    s.wait()
    equal(said, ["ECONNABORTED"] * 100)
    for i in range(100):
        expect(g.finding(port + 1 + i, "socket-destroyed"), "certain", pid=c.pid, process_side="client")


@case
def heirs_of_orphans():
    """a process is not lost where an orphan was, whose reset left after it was destroyed"""
    if not tap.destroys_sockets():
        raise Skip("this kernel has no CONFIG_INET_DIAG_DESTROY: it answers EOPNOTSUPP")
    # TCP_LINGER2 -1: the ACK of its FIN is answered with a reset, by tcp_rcv_state_process() behind its tcp_done().
    heirs(7200, "b''", "l = listen(); l.listen(99); held = [l.accept()[0] for _ in range(60)]\n"
          "for c in held: c.setsockopt(socket.IPPROTO_TCP, 8, -1)\nfor c in held: c.close()\ntime.sleep(30)",
          "held = [connect() for _ in range(60)]\nfor c in held: says(lambda: c.recv(1))")


@case
def heirs_of_failed():
    """a process is not mistaken where a socket was that connected once more after it had failed"""
    if not tap.destroys_sockets():
        raise Skip("this kernel has no CONFIG_INET_DIAG_DESTROY: it answers EOPNOTSUPP")
    heirs(7400, "ECONNREFUSED", "l = listen(); l.listen(99); time.sleep(30)",
          "held = [socket.socket() for _ in range(60)]\nfor c in held: says(lambda: c.connect((HOST, PORT + 50)))\n"
          "for c in held: c.connect((HOST, PORT))\nfor c in held: c.close()")


def cut(port, client, verdict, confidence, error="ETIMEDOUT"):
    """The server goes silent when the client says that it is ready."""
    g = ground()
    s = g.python(g.server, SERVER, port, ACCEPT + "time.sleep(20)")
    s.stdout.readline()
    c = g.python(g.client, SERVER, port, "c = connect(); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); "
                 + client, stdin=subprocess.PIPE)
    try:
        c.stdout.readline()
        # Without its address the server neither answers nor resets.
        g.within(g.server, "ip", "addr", "del", SERVER + "/24", "dev", "tws")
        said = c.communicate("go\n", timeout=40)[0].split()
    finally:
        g.within(g.server, "ip", "addr", "add", SERVER + "/24", "dev", "tws")
        s.kill()
        s.wait()
    equal(said, [error])
    expect(g.finding(port, verdict), confidence, error, pid=c.pid, process_side="client")


@case
def vanished():
    """peer-vanished: data unanswered to the end"""
    cut(7013, "ready(); c.send(b'x'); says(lambda: c.recv(1))", "peer-vanished", "likely")


@case
def keepalive():
    """keepalive-timeout, by the kernel's own word"""
    cut(7014, "c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1); c.setsockopt(6, 4, 1); c.setsockopt(6, 5, 1); "
        "c.setsockopt(6, 6, 2); ready(); says(lambda: c.recv(1))", "keepalive-timeout", "certain")


@case
def user_timeout():
    """user-timeout: TCP_USER_TIMEOUT, not the retries"""
    cut(7015, "c.setsockopt(6, 18, 1200); ready(); c.send(b'x'); says(lambda: c.recv(1))", "user-timeout",
        "certain")


@case
def queue_full():
    """accept-queue-full: the listener, its queue and its owner"""
    _, (server, _) = ground().play(7016, "l = listen(1); time.sleep(20)",
                                   "cs = [socket.socket() for _ in range(6)]\n"
                                   "for c in cs: c.setblocking(False); c.connect_ex((HOST, PORT))\n"
                                   "time.sleep(7)")
    f = ground().finding(7016, "accept-queue-full")
    expect(f, "certain", pid=server, process_side="server")
    contains(f["summary"], "2 wait, 1 may")


def waiting(port, verdict, code, outcome="degraded"):
    """What a socket waits for, told while it waits: the program goes on until it has been told."""
    ground()
    watch = subprocess.Popen([PROGRAM, "live", "--json", "--patience", "1s", "--", sys.executable, "-c",
                              PRELUDE + textwrap.dedent(code) + "\nsys.stdin.read()", "127.0.0.1", str(port)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found = {}
    try:
        for line in watch.stdout:
            found = json.loads(line) if line.startswith("{") else {}
            if found.get("verdict") == verdict or found.get("type") == "summary":
                break
    finally:
        watch.stdin.close()
        watch.stdout.read()
        watch.wait(timeout=30)
    equal((found.get("verdict"), found.get("confidence"), found.get("outcome")), (verdict, "certain", outcome))
    contains(found["server"], f":{port}")
    equal((found["process"]["comm"][:6], found["actor"]), ("python", None))
    return found


PAIR = "l = listen(); c = connect(); s, _ = l.accept()\n"


@case
def leaked():
    """close-wait-leak: got the end of the stream and does not close"""
    equal(waiting(7041, "close-wait-leak", PAIR + "c.close()")["process_side"], "server")


@case
def unread_for_long():
    """app-stuck: bytes that nobody reads; the finding names the reader"""
    f = waiting(7042, "app-stuck", PAIR + "c.send(b'x' * 100)")
    equal(f["process_side"], "server")
    contains(f["summary"], "100 bytes")


@case
def unaccepted_for_long():
    """app-stuck: a connection that nobody accepts"""
    contains(waiting(7043, "app-stuck", "l = listen(); c = connect(); c.send(b'x' * 100)")["summary"], "not accepted")


@case
def closed_window():
    """zero-window-stall while it lasts: by the sender's socket, naming the bytes"""
    f = waiting(7044, "zero-window-stall", "l = socket.socket(); l.setsockopt(1, 8, 4096); l.bind((HOST, PORT)); l.listen()\n"
                "c = connect(); s, _ = l.accept(); c.setblocking(False)\n"
                "try:\n    while True: c.send(b'x' * 10000)\nexcept BlockingIOError: pass")
    contains(f["summary"], "waiting at the sender")


@case
def requests_dropped():
    """accept-queue-full by the listener's own counter: told as SYNs are dropped, and to the client that got no answer"""
    code = """
        l = listen(1); cs = [socket.socket() for _ in range(6)]
        for c in cs: c.setblocking(False); c.connect_ex((HOST, PORT))"""
    f = waiting(7045, "accept-queue-full", code, "failed")
    contains(f["evidence"][0]["text"], "dropped")
    r = tcpwhy("live", "--json", "--patience", "1s", "--", sys.executable, "-c", PRELUDE + textwrap.dedent(code) + """
time.sleep(1)
c = socket.socket(); c.settimeout(3); says(lambda: c.connect((HOST, PORT)))""", "127.0.0.1", "7046", timeout=60)
    rows = [json.loads(x) for x in r.out.splitlines() if x.startswith("{")]
    told = [(x["client"] != "0.0.0.0:0", x["confidence"], x["vantage"]) for x in rows
            if x["type"] == "finding" and x["verdict"] == "accept-queue-full"]
    contains(told, (True, "certain", "both"))


@case
def half_open():
    """peer-vanished while it is still being repeated: what a half-open socket shows"""
    g = ground()
    s = g.python(g.server, SERVER, 7047, ACCEPT + "time.sleep(60)")
    s.stdout.readline()
    g.within(g.client, "sysctl", "-qw", "net.ipv4.tcp_retries2=15")
    watch = subprocess.Popen([PROGRAM, "live", "--json", "--patience", "1s", "port", "7047"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    contains(watch.stderr.readline(), "watching")
    c = g.python(g.client, SERVER, 7047, "c = connect(); print('connected', flush=True); sys.stdin.read(1); "
                 "c.send(b'x' * 33); time.sleep(60)", stdin=subprocess.PIPE)
    try:
        c.stdout.readline()
        g.within(g.server, "ip", "addr", "del", SERVER + "/24", "dev", "tws")
        c.stdin.write("x")
        c.stdin.flush()
        f = json.loads(watch.stdout.readline())
    finally:
        g.within(g.server, "ip", "addr", "add", SERVER + "/24", "dev", "tws")
        g.within(g.client, "sysctl", "-qw", "net.ipv4.tcp_retries2=3")
        for p in (watch, c, s):
            p.kill()
            p.communicate()
    equal((f["verdict"], f["confidence"], f["outcome"]), ("peer-vanished", "likely", "degraded"))
    equal((f["process"]["pid"], f["process_side"]), (c.pid, "client"))
    contains(f["summary"], "33 bytes")


@case
def taken():
    """--bind: address-in-use, and who listens there; a call that succeeds, UDP and port 0 make no finding"""
    ground()
    holder = subprocess.Popen([sys.executable, "-c", PRELUDE + "l = listen(); sys.stdin.read()", "127.0.0.1", "7048"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()
    r = tcpwhy("live", "--bind", "--json", "--", sys.executable, "-c", PRELUDE + """
def bind(kind, address):
    s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, kind)
    says(lambda: s.bind(address))
    return s
a = bind(socket.SOCK_STREAM, (HOST, PORT)), bind(socket.SOCK_STREAM, (HOST, 0)), bind(socket.SOCK_DGRAM, (HOST, PORT))
b = bind(socket.SOCK_DGRAM, (HOST, PORT)), bind(socket.SOCK_STREAM, ("::1", 7049)), bind(socket.SOCK_STREAM, ("::1", 7049))
""", "127.0.0.1", "7048")
    holder.communicate("")
    rows = [json.loads(x) for x in r.out.splitlines() if x.startswith("{")]
    found = {x["server"]: x for x in rows if x["type"] == "finding"}
    equal(sorted(found), ["127.0.0.1:7048", "[::1]:7049"])
    for f in found.values():
        equal((f["verdict"], f["confidence"], f["outcome"]), ("address-in-use", "certain", "failed"))
        equal((f["application"]["server"]["call"], f["application"]["server"]["errno"]), ("bind", "EADDRINUSE"))
        equal(f["process"]["comm"][:6], "python")
    contains(found["127.0.0.1:7048"]["summary"], f"process {holder.pid}, listens")
    contains(found["[::1]:7049"]["summary"], "no listener")


@case
def fin_unanswered():
    """fin-unanswered: the orphan's end, which no application sees"""
    g = ground()
    s = g.python(g.server, SERVER, 7017, ACCEPT + "time.sleep(20)")
    s.stdout.readline()
    c = g.python(g.client, SERVER, 7017, "c = connect(); ready(); c.close(); time.sleep(4)", stdin=subprocess.PIPE)
    c.stdout.readline()
    g.within(g.server, "ip", "addr", "del", SERVER + "/24", "dev", "tws")
    try:
        c.communicate("go\n", timeout=20)
        f = g.finding(7017, "fin-unanswered", 8)
    finally:
        g.within(g.server, "ip", "addr", "add", SERVER + "/24", "dev", "tws")
        s.kill()
        s.wait()
    equal(f["outcome"], "degraded")


@case
def own_firewall():
    """firewall-dropped is certain on the host that drops"""
    g = ground()
    if not shutil.which("nft"):
        raise Skip("needs nft")
    g.within(g.server, "nft", "add table inet tw; add chain inet tw in { type filter hook input priority 0; }; "
             "add rule inet tw in tcp dport 7018 drop")
    said, _ = g.play(7018, "l = listen(); time.sleep(9)", "says(lambda: socket.create_connection((HOST, PORT)))")
    g.within(g.server, "nft", "delete table inet tw")
    equal(said, ["ETIMEDOUT"])
    expect(g.finding(7018, "firewall-dropped"), "certain")


@case
def healthy():
    """connections that end well make no finding"""
    said, _ = ground().play(7019, "l = listen(64)\nfor _ in range(50):\n    s, _ = l.accept(); s.send(s.recv(9)); s.recv(1); s.close()",
                            "for _ in range(50):\n    c = connect(); c.send(b'x'); c.recv(9); c.close()\nprint('done')", kill=False)
    equal(said, ["done"])
    # One that fails after them, as long a story as theirs: when it is told, so is what there is to tell of them.
    said, _ = ground().play(7059, ACCEPT + "unread(s); s.close(); time.sleep(5)",
                            "c = connect(); c.send(b'x' * 7); says(lambda: c.recv(1))")
    equal(said, ["ECONNRESET"])
    ground().finding(7059, "closed-with-unread-data")
    equal(ground().findings(7019), [])


@case
def storm():
    """a storm of refused SYNs does not hide another failure, nor stop the watch"""
    g = ground()
    c = g.python(g.client, SERVER, 7100, """
        end = time.time() + 4; n = 0
        while time.time() < end:
            c = socket.socket(); c.setblocking(False); c.connect_ex((HOST, 20000 + n % 20000)); c.close(); n += 1
        print(n)""")
    time.sleep(1)
    said, (server, _) = g.play(7020, ACCEPT + "unread(s); s.close(); time.sleep(5)",
                               "c = connect(); c.send(b'x' * 7); says(lambda: c.recv(1))")
    n = int(c.communicate(timeout=30)[0])
    assert n > 2000, n
    equal(said, ["ECONNRESET"])
    expect(g.finding(7020, "closed-with-unread-data", 10), "certain", pid=server, process_side="server")
    assert g.watch.poll() is None, "the watch has ended"


@case
def command():
    """-- CMD: its failures and its children's, nobody else's, and the status"""
    ground()
    r = tcpwhy("live", "--json", "--", "sh", "-c", f"{sys.executable} -c 'import socket\ntry: socket.create_connection((\"127.0.0.1\", 1))\n"
               "except OSError: pass'")
    rows = [json.loads(x) for x in r.out.splitlines()]
    equal([x["verdict"] for x in rows if x["type"] == "finding"], ["port-closed"])
    equal((r.status, rows[-1]["type"], rows[-1]["failed"], rows[-1]["events_lost"]), (1, "summary", 1, 0))


@case
def filters():
    """a filter is applied; one that is not understood is refused with a sentence"""
    ground()
    code = f"{sys.executable} -c 'import socket\nfor p in (1, 2):\n try: socket.create_connection((\"127.0.0.1\", p))\n except OSError: pass'"
    r = tcpwhy("live", "--json", "port", "2", "--", "sh", "-c", code)
    equal([json.loads(x)["server"] for x in r.out.splitlines()[:-1]], ["127.0.0.1:2"])
    r = tcpwhy("live", "-f", "not (net 127.0.0.0/8 or ip6)", "--", "sh", "-c", code)
    equal(r.status, 0)
    for bad in ("src host 1.2.3.4", "port x", "host example.org", "port 1 or", "(port 1", "frobnicate"):
        r = tcpwhy("live", "-f", bad)
        equal(r.status, 2, bad)
        tap.one_line(r.err)


@case
def cgroup():
    """--cgroup takes a cgroup with all below it, and leaves out its neighbours"""
    ground()
    roots = [pathlib.Path(line.split()[1]) for line in open("/proc/mounts") if line.split()[2] == "cgroup2"]
    if not roots:
        raise Skip("no unified cgroup hierarchy")
    top = pathlib.Path(tempfile.mkdtemp(prefix="tcpwhy-test-", dir=roots[0]))
    places = [top / "in", top / "in" / "pod", top / "in" / "pod" / "box", top / "out"]
    code = ("import socket, sys\nopen(sys.argv[1] + '/cgroup.procs', 'w').write('0')\n"
            "try: socket.create_connection(('127.0.0.1', int(sys.argv[2])))\nexcept OSError: pass")
    try:
        for place in places:
            place.mkdir()
        with tempfile.TemporaryFile("w+") as out:
            watch = subprocess.Popen([PROGRAM, "live", "--json", "--cgroup", str(top / "in")], stdout=out,
                                     stderr=subprocess.PIPE, text=True)
            contains(watch.stderr.readline(), "watching")
            for port, place in enumerate([*places, top], 7031):
                subprocess.run([sys.executable, "-c", code, str(place), str(port)], check=True, timeout=30)
            watch.send_signal(signal.SIGINT)
            equal(watch.wait(timeout=30), 1)
            out.seek(0)
            found = [json.loads(line) for line in out][:-1]
        equal(sorted(f["server"] for f in found), ["127.0.0.1:7031", "127.0.0.1:7032", "127.0.0.1:7033"])
        for wrong in ("/proc", str(top / "nowhere")):
            r = tcpwhy("live", "--cgroup", wrong)
            equal(r.status, 2, wrong)
            contains(tap.one_line(r.err), f"there is no cgroup (version 2) {wrong}")
    finally:
        for place in (*reversed(places), top):
            place.rmdir()


@case
def slow_reader():
    """a reader that is slow gets whole lines and the summary, also when the end comes while it sleeps"""
    ground()
    code = "import socket\nfor p in range(1, 400):\n try: socket.create_connection(('127.0.0.1', p % 9 + 1))\n except OSError: pass"
    watch = subprocess.Popen([PROGRAM, "live", "--json", "--rate-limit", "0", "net 127.0.0.0/8"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    contains(watch.stderr.readline(), "watching")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    # It writes into a full pipe.
    for _ in looks(20):
        if "pipe" in pathlib.Path(f"/proc/{watch.pid}/wchan").read_text():
            break
    watch.send_signal(signal.SIGINT)
    time.sleep(.5)
    rows = [json.loads(line) for line in watch.communicate(timeout=30)[0].splitlines()]
    equal((rows[-1]["type"], watch.returncode), ("summary", 1))
    assert len(rows) > 50, len(rows)


@case
def story():
    """the line and the story name process, evidence and remedy"""
    ground()
    r = tcpwhy("live", "-v", "--color=never", "--", sys.executable, "-c", "import socket\ntry: socket.create_connection(('127.0.0.1', 1))\n"
               "except OSError: pass")
    contains(r.out, "port-closed 127.0.0.1:", "> 127.0.0.1:1 python", "connect ECONNREFUSED NO_SOCKET", "remedy", "1 failed")


@case
def verdict_selects():
    """--verdict tells only what it names; summary and exit status still count all"""
    ground()
    refused = [sys.executable, "-c", "import socket\ntry: socket.create_connection(('127.0.0.1', 1))\nexcept OSError: pass"]
    for chosen, told in (("port-closed", 1), ("peer-vanished,unknown", 0)):
        r = tcpwhy("live", "--json", "--verdict", chosen, "--", *refused)
        *findings, summary = [json.loads(line) for line in r.out.splitlines()]
        equal((len(findings), summary["failed"], summary["verdicts"], r.status), (told, 1, {"port-closed": 1}, 1), chosen)
    r = tcpwhy("live", "--color=never", "--verdict", "peer-vanished", "--", *refused)
    equal((r.out.splitlines()[0][:22], r.status), ("1 failed, 0 degraded, ", 1))


@case
def complaints():
    """wrong usage: one sentence, status 2"""
    for arguments in (["--verdict", "nonsense"], ["--pid", "x"], ["--pid", "999999999"], ["--netns", "/nowhere"],
                      ["--cgroup", "/nowhere"], ["--duration", "soon"], ["-q", "-v"], ["--"],
                      # What is empty, or no number, must not choose the whole host.
                      ["--pid="], ["--comm="], ["--cgroup="], ["--netns="], ["--interface="], ["--pid=+1"],
                      ["--pid=1,"], ["--pid=,1"], ["--pid= 1"], ["--pid=-18446744073709551615"],
                      ["--pid=18446744073709551617"]):
        r = tcpwhy("live", "--duration=100ms", *arguments)
        equal((r.status, r.out), (2, ""), str(arguments))
        tap.one_line(r.err)
    ground()
    r = tcpwhy("live", "--", "/nowhere/program")
    equal(r.status, 2)
    contains(r.err, "cannot run /nowhere/program")


@case
def in_a_container():
    """in a PID namespace nothing can be followed: one sentence, status 2; all else works"""
    ground()
    inside = ["unshare", "--pid", "--fork", "--mount-proc", PROGRAM, "live"]
    for words in (["--pid", "1"], ["--", "true"]):
        r = subprocess.run([*inside, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        equal(r.returncode, 2, str(words))
        contains(tap.one_line(r.stderr), "the host's process numbers")
    r = subprocess.run([*inside, "-q", "--duration", "100ms", "port", "1"], stdout=subprocess.PIPE, timeout=60)
    equal(r.returncode, 0)


@case
def no_rights():
    """without rights: one sentence, status 2; doctor says which"""
    if os.geteuid() or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copy = shutil.copy(PROGRAM, folder)
        for words, status, part in ((["live"], 2, "live"), (["doctor"], 2, "not")):
            r = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", copy, *words],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            equal(r.returncode, status, words[0])
            contains(r.stdout + r.stderr, part)


if __name__ == "__main__":
    try:
        # One at a time: they change the cable and the settings that all share.
        tap.main(workers=1)
    finally:
        if isinstance(_ground, Ground):
            _ground.close()
