#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy live --metrics`: the page that Prometheus reads, held to its format by a reader of our own and, where it is
installed, by promtool; what it counts; and every address that cannot be served. TAP.

Everything happens on loopback in a network namespace of its own.
"""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap
from live_page import PROGRAM, Watch, inside_namespace, need_live, parse, refused, total
from tap import ROOT, Skip, case, contains, equal, tcpwhy


@case
def counted():
    """findings are counted by verdict, process and port, and the page is in Prometheus' format"""
    need_live()
    with Watch() as w:
        equal(total(parse(w.page()), "tcpwhy_findings_total", verdict="port-closed"), 0)
        refused(2001, 2001, 2002)
        samples = w.wait(lambda s: total(s, "tcpwhy_findings_total", verdict="port-closed") >= 3)
        equal(total(samples, "tcpwhy_findings_total", verdict="port-closed", outcome="failed", side="client"), 3)
        comm = pathlib.Path("/proc/self/comm").read_text().strip()
        equal(total(samples, "tcpwhy_process_findings_total", process=comm, verdict="port-closed"), 3)
        equal(total(samples, "tcpwhy_port_findings_total", port="2001", side="client"), 2)
        equal(total(samples, "tcpwhy_port_findings_total", port="2002", side="client"), 1)
        assert total(samples, "tcpwhy_events_total") >= 3, samples
        equal(total(samples, "tcpwhy_events_lost_total"), 0)
        assert 1e6 < total(samples, "process_resident_memory_bytes") < 1e9, samples
        assert total(samples, "process_cpu_seconds_total") > 0, samples
        assert abs(total(samples, "process_start_time_seconds") - time.time()) < 600, samples
        again = parse(w.page())
        equal(total(again, "tcpwhy_scrapes_total"), total(samples, "tcpwhy_scrapes_total") + 1)
    equal(w.summary["verdicts"].get("port-closed"), 3)


@case
def packets():
    """with -i the packets are counted, too; without they are 0"""
    need_live()
    with Watch() as w:
        refused(2003)
        w.wait(lambda s: total(s, "tcpwhy_findings_total") >= 1)
        equal(total(parse(w.page()), "tcpwhy_packets_total"), 0)
    with Watch("-i", "lo", "port", "2004") as w:
        refused(2004)
        samples = w.wait(lambda s: total(s, "tcpwhy_packets_total") >= 2 and total(s, "tcpwhy_findings_total") >= 1)
        # The filter lets nothing else through, the scrapes neither.
        equal((total(samples, "tcpwhy_packets_total"), total(samples, "tcpwhy_packets_lost_total")), (2, 0))


@case
def bounded():
    """a hundred ports make 64 series and one "other"; a process with a hostile name is quoted"""
    need_live()
    with Watch("--rate-limit", "1") as w:
        script = ("import socket\nopen('/proc/self/comm', 'w').write('a\"b\\\\\\\\c\\n\\xff')\n"
                  "for p in range(3000, 3100):\n with socket.socket() as s: s.connect_ex(('127.0.0.1', p))")
        subprocess.run([sys.executable, "-c", script.replace("'w'", "'w', encoding='latin-1'")], check=True)
        samples = w.wait(lambda s: total(s, "tcpwhy_findings_total", verdict="port-closed") >= 100)
        ports = [dict(labels)["port"] for (name, labels) in samples if name == "tcpwhy_port_findings_total"]
        equal(len(ports), 65)
        equal(total(samples, "tcpwhy_port_findings_total", port="other"), 36)
        equal(total(samples, "tcpwhy_process_findings_total", process='a\\"b\\\\\\\\c\\n\ufffd'), 100)


@case
def other_pages():
    """/ says where the page is; other paths are 404; other methods 405; HEAD has no body"""
    need_live()

    def ask(w, request):
        with socket.create_connection(("127.0.0.1", w.port), 20) as s:
            s.sendall(request.encode() + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    with Watch() as w:
        contains(ask(w, "GET / HTTP/1.1"), "200 OK", "/metrics")
        contains(ask(w, "GET /favicon.ico HTTP/1.1"), "404 Not Found")
        contains(ask(w, "DELETE /metrics HTTP/1.1"), "405 Method Not Allowed", "Allow: GET, HEAD")
        head, _, body = ask(w, "HEAD /metrics HTTP/1.1").partition("\r\n\r\n")
        contains(head, "200 OK")
        equal(body, "")
        contains(ask(w, "POST /metrics HTTP/1.1\r\nContent-Length: 0"), "405")
        assert "200 OK" not in ask(w, "nonsense"), "nonsense is answered"


@case
def silent_clients():
    """a hundred clients that say nothing neither stop the watch nor, once they are gone, the page"""
    need_live()
    with Watch() as w, contextlib.ExitStack() as held:
        for _ in range(100):
            s = held.enter_context(socket.socket())
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", w.port))
        refused(2003)
        held.close()
        samples = w.wait(lambda s: total(s, "tcpwhy_port_findings_total", port="2003") == 1)
        equal(total(samples, "tcpwhy_events_lost_total"), 0)


@case
def promtool():
    """promtool finds nothing to say against the page"""
    need_live()
    tool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not tool:
        raise Skip("promtool is not installed (Debian: prometheus)")
    with Watch() as w:
        refused(2004)
        w.wait(lambda s: total(s, "tcpwhy_port_findings_total", port="2004") == 1)
        done = subprocess.run([tool, "check", "metrics"], input=w.page(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        equal((done.returncode, done.stdout), (0, ""))


@case
def addresses():
    """IPv6 in brackets, and every address; what can not be served is one sentence and status 2"""
    need_live()
    for address in ("[::1]:0", ":0"):
        with Watch(address=address) as w:
            parse(w.page())
    with Watch(address=":0") as w:
        with socket.create_connection(("127.0.0.1", w.port), 20):
            pass
    for address, part in (("127.0.0.1", "an address and a port"), ("127.0.0.1:", "port from 0 to 65535"),
                          ("127.0.0.1:70000", "port from 0 to 65535, not '70000'"), ("127.0.0.1:-1", "port from 0"),
                          ("::1:9710", "in brackets"), ("[::1", "an address and a port"), ("[::1]9710", "an address"),
                          ("localhost:9710", "not 'localhost:9710'"), ("1.2.3:x", "port from 0"), ("", "an address"),
                          ("192.0.2.77:0", "this host has no such address")):
        r = tcpwhy("live", "--metrics", address)
        equal(r.status, 2, address)
        contains(tap.one_line(r.err), part)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        r = tcpwhy("live", "--metrics", f"127.0.0.1:{taken.getsockname()[1]}")
        equal(r.status, 2)
        contains(tap.one_line(r.err), "the address is in use by another program")
    r = tcpwhy("live", "--metrics", "[::1]:1", "--metrics", "[::1]:2")
    equal(r.status, 2)


@case
def library_missing():
    """without libmicrohttpd only --metrics is gone: one sentence, status 2; no other command loads it"""
    need_live()
    paths = {line.split()[-1] for line in subprocess.run(["ldconfig", "-p"], capture_output=True, text=True,
                                                         check=True).stdout.splitlines()
             if line.split()[0] == "libmicrohttpd.so.12"}
    equal(len(paths) > 0, True)
    empty = "; ".join(f"mount --bind /dev/null {path}" for path in paths)
    without = ["unshare", "-m", "sh", "-ec", f'{empty}; exec "$0" "$@"', PROGRAM]
    done = subprocess.run([*without, "live", "--metrics", "127.0.0.1:0"], capture_output=True, text=True, timeout=60)
    equal((done.returncode, done.stdout), (2, ""))
    contains(tap.one_line(done.stderr), "--metrics needs libmicrohttpd")
    nobody = ["host", "203.0.113.99"]  # what else happens on this machine is no failure of this
    done = subprocess.run([*without, "live", "--duration", "0.1s", *nobody], capture_output=True, text=True, timeout=60)
    equal((done.returncode, done.stderr.count("libmicrohttpd")), (0, 0))


@case
def documented():
    """each metric is in docs/live.md and in tcpwhy-live(1), and no other"""
    need_live()
    with Watch() as w:
        refused(2005)
        samples = w.wait(lambda s: total(s, "tcpwhy_port_findings_total", port="2005") == 1)
    names = {name for name, _ in samples}
    for page in ("docs/live.md", "man/tcpwhy-live.1.scd"):
        text = (ROOT / page).read_text().replace("\\_", "_")
        equal(set(re.findall(r"\b(?:tcpwhy_[a-z_]+_(?:total|followed|missing|info)|process_[a-z]+_[a-z_]+)\b", text)), names, page)


if __name__ == "__main__":
    inside_namespace()
    # One at a time: each watch sees the connections of all.
    tap.main(workers=1)
