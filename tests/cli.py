#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The command line: options, exit statuses, manners on streams and terminals.

usage: TCPWHY=build/tcpwhy tests/cli.py [WORD...]   only cases whose name holds a word
"""
import gzip
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from tap import CAPTURES, PROGRAM, Skip, case, contains, equal, main, one_line, tcpwhy

FAILED = CAPTURES / "09-close-unread.client.pcap"
REFUSED = CAPTURES / "01-refused.client.pcap"
NO_TCP = CAPTURES / "02b-dead-lan-noarp.client.pcap"
MANY = CAPTURES / "healthy-any-proxy.pcap"
OPTIONS = re.compile(r"--[a-z][a-z-]+")


def objects(result):
    return [json.loads(line) for line in result.out.splitlines()]


def findings(result):
    return [o for o in objects(result) if o["type"] == "finding"]


def summaries(result):
    return [o for o in objects(result) if o["type"] == "summary"]


def temporary(data, suffix=".pcap"):
    """A file that lives as long as the returned object."""
    file = tempfile.NamedTemporaryFile(suffix=suffix)
    file.write(data)
    file.flush()
    return file


# ---- help and usage ----

@case
def help_lists_every_option():
    """--help lists every option of the table within 80 columns, status 0"""
    result = tcpwhy("--help")
    equal(result.status, 0)
    equal(result.err, "")
    contains(result.out, "-r FILE", "-f, --filter", "-w, --write", "-c, --count", "-n", "-v", "-q", "--all",
             "--verdict", "--stream", "--json", "--merge", "--color", "--idle-table", "--memory",
             "--width", "--help", "--version", "Exit status", "read", "explain")
    equal([line for line in result.out.splitlines() if len(line) > 80], [])


@case
def help_of_subcommands():
    """read --help and explain --help show their own options, status 0"""
    for command, has, has_not in (("read", "--stream", "live"), ("explain", "--width", "--stream")):
        result = tcpwhy(command, "--help")
        equal(result.status, 0)
        contains(result.out, f"tcpwhy {'[read]' if command == 'read' else command}", has)
        equal(has_not in result.out, False, f"{has_not} in the help of {command}")


@case
def version():
    """--version prints one line, status 0"""
    result = tcpwhy("--version")
    equal(result.status, 0)
    equal(bool(re.fullmatch(r"tcpwhy \d+\.\d+\.\d+\n", result.out)), True, result.out)


@case
def no_arguments():
    """without arguments: the help on stderr, status 2"""
    result = tcpwhy()
    equal((result.status, result.out), (2, ""))
    contains(result.err, "Usage:")


@case
def no_file():
    """read without a file says so, status 2"""
    result = tcpwhy("read", "--json")
    equal((result.status, result.out), (2, ""))
    one_line(result.err)


@case
def unknown_option():
    """an unknown option: one line with the nearest one, status 2"""
    result = tcpwhy("--jsonn", FAILED)
    equal((result.status, result.out), (2, ""))
    contains(one_line(result.err), "--jsonn", "did you mean --json?")
    equal(tcpwhy("-Z", FAILED).status, 2)


@case
def unknown_verdict():
    """an unknown verdict: one line with the nearest one, status 2"""
    result = tcpwhy("--verdict=port-close", FAILED)
    equal((result.status, result.out), (2, ""))
    contains(one_line(result.err), "port-close", "did you mean port-closed?")
    result = tcpwhy("explain", "fin-losst")
    equal((result.status, result.out), (2, ""))
    contains(one_line(result.err), "did you mean fin-lost?")
    equal(tcpwhy("explain", "xyzzy").status, 2)


@case
def predict_refuses():
    """predict: unknown names with the nearest, values and files that make no sense; one line, status 2"""
    foreign = temporary(b"net.ipv4.tcp_retries2 = 5\nnet.inet.tcp.keepidle: 7200000\n", ".txt")
    for arguments, parts in (
            (("peer-vanishd",), ("did you mean peer-vanished?",)),
            (("aborted",), ("tcpwhy explain aborted",)),
            (("--set=tcp_retries=3",), ("did you mean tcp_retries2?",)),
            (("--set=tcp_retries2=999",), ("0 to 255",)),
            (("--kernel=new",), ("--kernel", "6.1")),
            (("--kernel=3.10",), ("--kernel", "4.19")),
            (("--kernel=6.1", "--set=tcp_rto_max_ms=2000"), ("came with Linux 6.15",)),
            (("--keepalive=60/10",), ("60/10/3",)),
            (("--user-timeout=100000h",), ("--user-timeout",)),
            (("--user-timeout=999us",), ("--user-timeout", "1 ms")),
            ((f"--sysctl-file={foreign.name}",), ("line 2",)),
            (("--sysctl-file=/nonexistent",), ("cannot open",))):
        result = tcpwhy("predict", *arguments)
        equal((result.status, result.out), (2, ""))
        contains(one_line(result.err), *parts)


@case
def predict_follows_settings():
    """predict: settings, options and the kernel's age change what is predicted"""
    def end(*arguments):
        return objects(tcpwhy("predict", "--json", *arguments))[0]["end"]["expected"]
    default = end("peer-vanished", "--set=tcp_retries2=15")
    equal(900 < default < 960, True)
    equal(end("peer-vanished", "--set=tcp_retries2=5") < 20, True)
    equal(end("peer-vanished", "--user-timeout=3s") < 4, True)
    old = temporary(b"kernel.osrelease = 3.10.0-1160.el7.x86_64\nnet.ipv4.tcp_retries2 = 15\n", ".txt")
    contains(tcpwhy("predict", f"--sysctl-file={old.name}").out, "Linux 3.10", "rules of Linux 4.19")
    contains(tcpwhy("predict", "--kernel=99.9").out, "Linux 99.9", "the rules of Linux 6.18, the newest")
    equal("the newest" in tcpwhy("predict", "--kernel=6.1").out, False)
    steps = objects(tcpwhy("predict", "--json", "--kernel=6.1", "--set=tcp_syn_retries=6", "syn-unanswered"))[0]["steps"]
    equal(len(steps), 7)
    everything = objects(tcpwhy("predict", "--json"))
    equal({o["type"] for o in everything}, {"prediction"})
    for o in everything:
        states = [(s["after"]["expected"], s["here"]) for s in o["states"]]
        equal((states[0][0], [at for at, _ in states]), (0, sorted(at for at, _ in states)), o["slug"])
        # An end that is predicted is that of the socket.
        if o["application"][0]["errno"] in ("ETIMEDOUT", "gone", "ECONNREFUSED", "EHOSTUNREACH"):
            equal(states[-1], (o["end"]["expected"], "CLOSE"), o["slug"])
    table = tcpwhy("predict").out
    equal([line for line in table.splitlines() if len(line) > 80], [], "wider than 80 columns")
    for o in everything:
        contains(table, o["slug"])


@case
def predict_living_socket():
    """predict --pid, --socket: options of a living connection, what they decide, and what can not be found"""
    other = temporary(b"net.ipv4.tcp_retries2 = 5\n", ".txt")
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        held, _ = server.accept()
        with client, held:
            for name, value in ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
                held.setsockopt(socket.IPPROTO_TCP, name, value)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000)
            end = "%s:%d" % client.getsockname()
            mine = objects(tcpwhy("predict", "--json", f"--pid={os.getpid()}", f"--socket={end}"))
            by_end = {o["local"]: o for o in mine}
            equal(len(mine), 2)
            equal({(o["type"], o["pid"], o["skipped"]) for o in mine}, {("socket", os.getpid(), None)})
            with_timeout, with_keepalive = by_end[end], by_end["%s:%d" % held.getsockname()]
            equal(with_timeout["options"]["user_timeout_ms"], 3000)
            equal(2.9 < with_timeout["in_flight"]["expected"] < 4, True)
            equal(with_timeout["idle"], None)
            equal(85 < with_keepalive["idle"]["expected"] < 105, True)
            table = tcpwhy("predict", f"--socket={end}").out
            lines = [line for line in table.splitlines() if end in line]
            equal((len(lines), sum(line.startswith("never ") for line in lines)), (2, 1))
            contains(table, "dead peer", "idle ", "unanswered ", f"({os.getpid()})")
            story = " ".join(tcpwhy("predict", "-v", f"--socket={end}").out.split())
            contains(story, "never: keepalive is off", "window closed", "SO_RCVTIMEO", "not visible",
                     "TCP_KEEPIDLE 60 s option", "TCP_USER_TIMEOUT 3000 ms option")
            # A child holds them, too: with its own pid they are found all the same.
            with subprocess.Popen(["sleep", "60"], pass_fds=(client.fileno(),)) as child:
                try:
                    its = objects(tcpwhy("predict", "--json", f"--pid={child.pid}", f"--socket={end}"))
                finally:
                    child.kill()
            equal([(o["local"], o["pid"]) for o in its], [(end, child.pid)])
            several = tcpwhy("predict", "peer-vanished", f"--socket={end}")
            equal(several.status, 2)
            contains(one_line(several.err), "--socket")
    for arguments, part in ((("--pid=0",), "--pid"), (("--pid=2147483647",), "no process"),
                            (("--socket=nonsense",), "127.0.0.1:5432"), (("--socket=127.0.0.1:1",), "no open connection"),
                            (("--socket=127.0.0.1:1", f"--sysctl-file={other.name}"), "another host")):
        result = tcpwhy("predict", *arguments)
        equal((result.status, result.out), (2, ""))
        contains(one_line(result.err), part)


@case
def mistyped_command():
    """a mistyped command is no file: the file error with a suggestion, status 2"""
    result = tcpwhy("explian")
    equal((result.status, result.out), (2, ""))
    contains(one_line(result.err), "explian", "did you mean the command explain?")


@case
def contradictions():
    """options that contradict each other are refused, status 2"""
    for arguments in (["-q", "-v", FAILED], ["-f", "tcp", "-r", FAILED, "port", "80"],
                      ["--stream", "0", FAILED, REFUSED], ["-w", "x.pcapng", "-"]):
        result = tcpwhy(*arguments)
        equal((result.status, result.out), (2, ""), str(arguments))
        one_line(result.err)


# ---- exit status and selection ----

@case
def exit_statuses():
    """status 1 for a failed connection, 0 for none, 0 for a file without TCP"""
    equal(tcpwhy(FAILED).status, 1)
    equal(tcpwhy(FAILED, "--json").status, 1)
    with temporary(craft.capture(craft.clean_connection())) as clean:
        equal(tcpwhy(clean.name).status, 0)
    result = tcpwhy(NO_TCP)
    equal((result.status, result.err), (0, ""))
    equal(summaries(tcpwhy("--json", NO_TCP))[0]["connections"], 0)


@case
def the_main_job():
    """a refused connection: verdict, evidence, errno and totals in the JSON of the design"""
    with temporary(craft.capture(craft.refused_connection())) as file:
        result = tcpwhy("--json", file.name)
    equal(result.status, 1)
    found, total = findings(result)[0], summaries(result)[0]
    equal(found["verdict"], "port-closed")
    equal((found["client"], found["server"], found["stream"]), ("192.0.2.1:40000", "192.0.2.2:80", 0))
    equal((found["stage"], found["outcome"], found["schema"]), ("connect", "failed", 1))
    equal(found["application"]["client"]["errno"], "ECONNREFUSED")
    equal(found["application"]["server"], None)
    equal(2 in [e.get("packet") for e in found["evidence"]], True, "the RST is cited")
    equal(found["start"], "2023-11-14T22:30:00.000000000Z")
    equal((total["packets"], total["connections"], total["failed"]), (2, 1, 1))
    equal(total["verdicts"], {"port-closed": 1})


@case
def json_fields():
    """every field of schema 1 is there, in every finding and summary of many captures"""
    wanted = {"type", "schema", "source", "stream", "client", "server", "start", "duration", "verdict",
              "stage", "outcome", "confidence", "culprit", "summary", "evidence", "application",
              "governed_by", "remedy", "rivals", "ruled_out", "vantage", "packets", "bytes", "zeek",
              "completeness"}
    total = {"type", "schema", "source", "packets", "connections", "clean", "failed", "degraded",
             "unknown", "verdicts", "problems"}
    for capture in sorted(CAPTURES.glob("*.client.pcap"))[::12]:
        result = tcpwhy("--json", "--all", capture)
        for found in findings(result):
            equal(wanted - found.keys(), set(), f"{capture.name}: missing fields")
        summary = summaries(result)
        equal(len(summary), 1)
        equal(total - summary[0].keys(), set(), f"{capture.name}: missing fields of the summary")
        equal(summary[0]["connections"], sum(summary[0][k] for k in ("clean", "failed", "degraded", "unknown")))
        equal(objects(result)[-1]["type"], "summary")


@case
def remedies_name_the_case():
    """commands can be copied as they stand: address and port of the case are in them"""
    seen = set()
    for capture in sorted(CAPTURES.glob("*.client.pcap")):
        for found in findings(tcpwhy("--json", capture)):
            for text in found["remedy"] + found["missing"]:
                left = re.findall(r"`[^`]*\b(PORT|CLIENT|SERVER|PEER)\b[^`]*`", text)
                equal(left, [], f"{capture.name}: {text}")
                equal(text[0].isupper() and text[-1] in ".?", True, f"a whole sentence: {text}")
            seen.add(found["verdict"])
    for slug in ("port-closed", "peer-vanished", "host-unreachable", "syn-unanswered", "zero-window-stall"):
        equal(slug in seen, True, slug)


@case
def verdict_selects():
    """--verdict reports only what it names; the summary still counts all"""
    everything = findings(tcpwhy("--json", "--all", MANY))
    slug = next(f["verdict"] for f in everything)
    result = tcpwhy("--json", f"--verdict={slug}", MANY)
    equal([f["stream"] for f in findings(result)], [f["stream"] for f in everything if f["verdict"] == slug])
    equal(summaries(result)[0]["connections"], len(everything))
    equal(findings(tcpwhy("--json", "--verdict=syn-flood,old-duplicate", MANY)), [])


@case
def stream_selects():
    """--stream N reports only that connection; one that is not there is named, status 2"""
    equal([f["stream"] for f in findings(tcpwhy("--json", "--stream=2", MANY))], [2])
    contains(tcpwhy("--stream", "2", MANY).out, "10.77.1.2:58938")
    result = tcpwhy("--stream", "999999", MANY)
    equal(result.status, 2)
    contains(one_line(result.err), "999999")


@case
def count_limits():
    """-c N stops after N packets"""
    equal(summaries(tcpwhy("--json", "-c", "5", MANY))[0]["packets"], 5)
    equal(summaries(tcpwhy("--json", "-c5", "-f", "tcp port 8001", MANY))[0]["connections"], 1)


@case
def filters():
    """-f FILTER, and trailing words after -r FILE, choose packets; a wrong one is named, status 2"""
    ports = {f["server"].rsplit(":", 1)[1] for f in findings(tcpwhy("--json", "--all", MANY))}
    equal(len(ports) > 1 and "8001" in ports, True, str(ports))
    for arguments in (["-f", "tcp port 8001", MANY], ["read", "-r", MANY, "tcp", "port", "8001"]):
        got = {f["server"].rsplit(":", 1)[1] for f in findings(tcpwhy(*arguments, "--json", "--all"))}
        equal(got, {"8001"}, str(arguments))
    for arguments in (["-f", "tcp prot 80", MANY], ["-r", MANY, "tcp", "prot", "80"]):
        result = tcpwhy(*arguments)
        equal((result.status, result.out), (2, ""))
        contains(one_line(result.err), "tcp prot 80")


@case
def mistyped_file_is_no_filter():
    """without -r a mistyped file name is an error, never a filter, status 2"""
    result = tcpwhy(FAILED, "tcp")
    equal(result.status, 2)
    contains(result.err, "tcp: ")


@case
def quiet_and_verbose():
    """-q says less than the report, -v more"""
    usual, quiet, verbose = (len(tcpwhy(*a, FAILED).out) for a in ([], ["-q"], ["-v"]))
    equal(0 < quiet < usual < verbose, True, f"{quiet} {usual} {verbose}")


@case
def numeric_changes_nothing():
    """-n is taken and changes nothing"""
    equal(tcpwhy("-n", FAILED).out, tcpwhy(FAILED).out)


@case
def same_input_same_bytes():
    """the same capture gives the same bytes, in any time zone and locale"""
    outputs = {tcpwhy("--all", MANY, env=env).out for env in
               ({}, {"TZ": "Asia/Shanghai"}, {"LC_ALL": "de_DE.UTF-8"}, {"TZ": "America/New_York"})}
    equal(len(outputs), 1)


# ---- several inputs, pipes, compression ----

@case
def several_files():
    """each file is its own source with its own summary, in order; --merge makes one of them"""
    result = tcpwhy("--json", FAILED, REFUSED)
    equal([s["source"] for s in summaries(result)], [str(FAILED), str(REFUSED)])
    equal({f["source"] for f in findings(result)}, {str(FAILED), str(REFUSED)})
    merged = tcpwhy("--json", "--merge", FAILED, REFUSED)
    equal(len(summaries(merged)), 1)
    equal(summaries(merged)[0]["packets"], sum(s["packets"] for s in summaries(result)))
    equal(sorted(f["verdict"] for f in findings(merged)), sorted(f["verdict"] for f in findings(result)))
    text = tcpwhy(FAILED, REFUSED).out
    contains(text, FAILED.name, REFUSED.name)


@case
def one_bad_file_among_good_ones():
    """a file that can not be read is named, the others are reported, status 2"""
    result = tcpwhy("--json", FAILED, "/nonexistent.pcap", REFUSED)
    equal(result.status, 2)
    contains(one_line(result.err), "/nonexistent.pcap")
    equal(len(summaries(result)), 2)


@case
def merge_restores_one_connection():
    """--merge of a capture that was cut into pieces finds what the whole shows"""
    frames = craft.refused_connection()
    whole = craft.capture(frames)
    split = 24 + 16 + len(frames[0])
    with temporary(whole) as all_of_it, temporary(whole[:split]) as first, \
            temporary(whole[:24] + whole[split:]) as second:
        wanted = findings(tcpwhy("--json", all_of_it.name))[0]
        # The later piece first: the order is that of time.
        got = findings(tcpwhy("--json", "--merge", second.name, first.name))[0]
        equal((got["verdict"], got["packets"]), (wanted["verdict"], wanted["packets"]))


@case
def standard_input():
    """'-' reads from a pipe and finds the same as in the file"""
    for capture in (FAILED, REFUSED, MANY):
        piped, read = tcpwhy("--json", "-", stdin=capture.read_bytes()), tcpwhy("--json", capture)
        equal(piped.status, read.status)
        strip = lambda r: sorted((f["stream"], f["verdict"], f["outcome"]) for f in findings(r))
        equal(strip(piped), strip(read), capture.name)
        equal(summaries(piped)[0]["source"], "-")
    contains(tcpwhy("-", stdin=FAILED.read_bytes()).out, findings(tcpwhy("--json", FAILED))[0]["verdict"])


@case
def a_pipe_is_reported_as_it_flows():
    """a connection from a pipe is reported as soon as its end is clear, before the pipe ends"""
    after = [f for port in (50001, 50002) for f in craft.clean_connection(("192.0.2.1", port))]
    data = craft.capture(craft.refused_connection() + after, step_micros=3_000_000)
    child = subprocess.Popen([PROGRAM, "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        child.stdin.write(data)
        child.stdin.flush()
        ready, _, _ = select.select([child.stdout], [], [], 20)
        equal(bool(ready), True, "a line while the pipe is open")
        equal(json.loads(child.stdout.readline())["type"], "finding")
    finally:
        child.stdin.close()
        child.stdout.read()
        child.wait()
    equal(child.returncode, 1)


@case
def compressed_files():
    """.gz and .zst give what the plain file gives"""
    wanted = [(f["stream"], f["verdict"]) for f in findings(tcpwhy("--json", "--all", MANY))]
    with temporary(gzip.compress(MANY.read_bytes()), ".pcap.gz") as file:
        equal([(f["stream"], f["verdict"]) for f in findings(tcpwhy("--json", "--all", file.name))], wanted)
    if not shutil.which("zstd"):
        raise Skip("zstd is not installed, only gzip was tried")
    data = subprocess.run(["zstd", "-c", str(MANY)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout
    with temporary(data, ".pcap.zst") as file:
        equal([(f["stream"], f["verdict"]) for f in findings(tcpwhy("--json", "--all", file.name))], wanted)


@case
def pcapng_files():
    """the same capture as pcapng (by editcap) gives the same verdicts"""
    if not shutil.which("editcap"):
        raise Skip("editcap (of wireshark-common) is not installed")
    with tempfile.TemporaryDirectory() as folder:
        for capture in (FAILED, MANY):
            file = f"{folder}/x.pcapng"
            subprocess.run(["editcap", "-F", "pcapng", str(capture), file], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            equal([(f["stream"], f["verdict"]) for f in findings(tcpwhy("--json", "--all", file))],
                  [(f["stream"], f["verdict"]) for f in findings(tcpwhy("--json", "--all", capture))])


# ---- -w ----

@case
def write_failed_connections():
    """-w writes all packets of the failed connections, cited ones with the verdict as comment"""
    mixed = CAPTURES / "03-acceptq-full-at-ack.client.pcap"
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/out.pcapng"
        result = tcpwhy("--json", "-w", out, mixed)
        reported = findings(result)
        again = findings(tcpwhy("--json", "--all", out))
        equal(len(again), len(reported), "connections written")
        key = lambda f: (f["client"], f["server"])
        for before, after in zip(sorted(reported, key=key), sorted(again, key=key)):
            equal(key(after), key(before))
            equal(after["packets"], before["packets"])
            equal(after["start"], before["start"])
        if not shutil.which("tshark"):
            raise Skip("tshark is not installed: comments are not looked at")
        shown = subprocess.run(["tshark", "-n", "-r", out, "-T", "fields", "-e", "frame.comment"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
        for found in reported:
            contains(shown, f"tcpwhy: {found['verdict']}: ")


@case
def write_needs_a_file():
    """-w from a pipe says that it is not possible, status 2, and writes nothing"""
    with tempfile.TemporaryDirectory() as folder:
        result = tcpwhy("-w", f"{folder}/x.pcapng", "-", stdin=FAILED.read_bytes())
        equal(result.status, 2)
        contains(one_line(result.err), "-w", "standard input")
        equal(os.listdir(folder), [])


@case
def write_errors():
    """-w to a place that can not be written is named, status 2"""
    result = tcpwhy("-w", "/nonexistent/x.pcapng", FAILED)
    equal(result.status, 2)
    contains(one_line(result.err), "/nonexistent/x.pcapng")
    result = tcpwhy("-w", "/dev/full", FAILED)
    equal(result.status, 2)
    contains(result.err, "/dev/full")


@case
def write_never_over_the_input():
    """-w onto the input file is refused, and the input stays as it was"""
    with temporary(FAILED.read_bytes()) as file:
        result = tcpwhy("-w", file.name, file.name)
        equal(result.status, 2)
        one_line(result.err)
        equal(pathlib.Path(file.name).read_bytes(), FAILED.read_bytes())


@case
def write_spares_what_is_there():
    """-w with a mistake in the command line, or nothing to read, leaves the file that is there as it was"""
    with tempfile.TemporaryDirectory() as folder:
        out, table = pathlib.Path(folder) / "out.pcapng", pathlib.Path(folder) / "table.tsv"
        for arguments in (["/dev/null"], [__file__], ["/nonexistent.pcap"], ["--stream=9999", FAILED],
                          ["-f", "nonsense nonsense", FAILED], ["--verdict", "nonsense", FAILED]):
            out.write_text("precious")
            equal(tcpwhy("-w", out, *arguments).status, 2, arguments)
            equal(out.read_text(), "precious", arguments)
        table.write_text("# nothing")
        result = tcpwhy("--idle-table", table, "-w", table, FAILED)
        equal(result.status, 2)
        contains(one_line(result.err), "idle table")
        equal(table.read_text(), "# nothing")


def refused_connects(count):
    frames = [data for n in range(count) for data in (
        craft.ethernet(craft.ipv4("192.0.2.1", "192.0.2.2", craft.tcp(2000 + n, 81, 7, 0, craft.SYN))),
        craft.ethernet(craft.ipv4("192.0.2.2", "192.0.2.1", craft.tcp(81, 2000 + n, 0, 8, craft.RST | craft.ACK, window=0))))]
    return craft.pcap_header() + b"".join(craft.record(data, 1_700_000_000, n) for n, data in enumerate(frames))


@case
def write_goes_on_without_a_reader():
    """-w holds all, though nobody reads the report to its end"""
    with temporary(refused_connects(300)) as file, tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen([PROGRAM, "--json", "-w", f"{folder}/some", file.name], stdout=subprocess.PIPE) as program:
            program.stdout.readline()
            program.stdout.close()
            program.wait(60)
        equal(tcpwhy("--json", "-w", f"{folder}/all", file.name).status, 1)
        equal(pathlib.Path(f"{folder}/some").read_bytes(), pathlib.Path(f"{folder}/all").read_bytes())


# ---- streams, terminals, signals ----

@case
def interrupted_in_the_second_look():
    """Ctrl-C while findings are told: no more come, and the summary says how many were not judged"""
    with temporary(refused_connects(1000)) as file:
        with subprocess.Popen([PROGRAM, "--json", file.name], stdout=subprocess.PIPE) as program:
            lines = [program.stdout.readline()]  # the pipe is full before the rest is out
            program.send_signal(signal.SIGINT)
            lines += program.stdout.readlines()
            program.wait(60)
    told, summary = len(lines) - 1, json.loads(lines[-1])
    equal(summary["type"], "summary")
    equal(told < 1000, True, f"{told} of 1000 told")
    equal(any("were not judged" in problem for problem in summary["problems"]), True, summary["problems"])
    equal(summary["failed"], told, "failed")


@case
def colors():
    """no colour in a pipe, colour with --color=always, none with never"""
    escape = "\x1b["
    equal(escape in tcpwhy(FAILED).out, False)
    equal(escape in tcpwhy("--color=always", FAILED).out, True)
    equal(escape in tcpwhy("--color=never", FAILED).out, False)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", tcpwhy("--color=always", FAILED).out)
    equal(plain, tcpwhy(FAILED).out, "the text under the colour")


def on_terminal(*arguments, env=None):
    """stdout of the program on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    environment.update({"TERM": "xterm"}, **(env or {}))
    child = subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=follower,
                             stderr=subprocess.DEVNULL, env=environment)
    os.close(follower)
    out = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(leader)
    child.wait()
    return out.decode(errors="replace")


@case
def colors_on_a_terminal():
    """colour on a terminal, none there with NO_COLOR, --color=never or TERM=dumb"""
    escape = "\x1b["
    equal(escape in on_terminal(FAILED), True, "terminal")
    equal(escape in on_terminal(FAILED, env={"NO_COLOR": "1"}), False, "NO_COLOR")
    equal(escape in on_terminal("--color=never", FAILED), False, "--color=never")
    equal(escape in on_terminal(FAILED, env={"TERM": "dumb"}), False, "TERM=dumb")


@case
def fits_the_width():
    """no line of any report is wider than 80 columns, or than --width"""
    captures = sorted(CAPTURES.glob("*.client.pcap"))[::4] + sorted(CAPTURES.glob("healthy-*.pcap"))[::3]
    for capture in captures:
        # The name of the file is the user's, and stands in full on a line of its own at most.
        for arguments, limit in (([], 80), (["-v"], 80), (["--width=60"], 60)):
            result = tcpwhy(*arguments, capture.name, cwd=capture.parent)
            wide = [line for line in result.out.splitlines() if len(line) > limit]
            equal(wide, [], f"{capture.name} {arguments}")


@case
def one_screen():
    """a capture with one failure is told on one screen: at most 60 lines"""
    for capture in (FAILED, REFUSED):
        equal(len(tcpwhy(capture).out.splitlines()) <= 60, True, capture.name)


@case
def a_reader_that_goes_away():
    """head closes the pipe: no complaint, no signal, status as found"""
    for arguments in (["--json", "--all"], ["--all", "-v"]):
        read_end, write_end = os.pipe()
        os.close(read_end)
        child = subprocess.Popen([PROGRAM, *arguments, str(MANY)], stdin=subprocess.DEVNULL,
                                 stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        error = child.communicate(timeout=60)[1].decode()
        equal(error, "")
        equal(child.returncode in (0, 1), True, f"status {child.returncode}")


@case
def a_full_disk():
    """a full disk under stdout is named, status 2"""
    for arguments in (["--json", "--all"], ["--all"], ["-q"]):
        with open("/dev/full", "wb") as full:
            child = subprocess.run([PROGRAM, *arguments, str(FAILED)], stdin=subprocess.DEVNULL,
                                   stdout=full, stderr=subprocess.PIPE, timeout=60)
        equal(child.returncode, 2)
        contains(one_line(child.stderr.decode()), "No space left")


@case
def interrupted():
    """SIGINT while a pipe is open: what was read is reported, with a summary"""
    child = subprocess.Popen([PROGRAM, "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    child.stdin.write(REFUSED.read_bytes())
    child.stdin.flush()
    # Wait until the program has slept on the pipe, i.e. has read all of it.
    for _ in range(200):
        time.sleep(0.05)
        if open(f"/proc/{child.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "S":
            break
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    out = child.stdout.read().decode()
    child.stdin.close()
    equal(child.wait(timeout=30), 1)
    lines = [json.loads(line) for line in out.splitlines()]
    equal(lines[-1]["type"], "summary")
    equal(lines[-1]["connections"], 1)


@case
def no_progress_without_a_terminal():
    """stderr stays empty when it is no terminal"""
    equal(tcpwhy(FAILED).err, "")


@case
def names_can_not_steer_the_terminal():
    """control characters in a file name reach neither stdout nor stderr"""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a\x1b[31mred\x07.pcap"
        shutil.copy(FAILED, path)
        result = tcpwhy(path)
        equal("\x1b" in result.out + result.err or "\x07" in result.out, False)
        result = tcpwhy(path + "x")
        equal((result.status, "\x1b" in result.err), (2, False))


@case
def idle_table_errors():
    """an idle table that is not there, or makes no sense, is named, status 2"""
    result = tcpwhy("--idle-table=/nonexistent", FAILED)
    equal(result.status, 2)
    contains(one_line(result.err), "/nonexistent")


@case
def idle_table_is_used():
    """a device of one's own table is named for the silence that fits it, before the built-in ones"""
    silence = str(CAPTURES.parent / "resets/keepalive-race.client.pcap")
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
        table.write("our proxy\t2\tD\tfixed\twiki\t2026-11\n")
        table.flush()
        contains(tcpwhy("--idle-table", table.name, "--json", silence).out, "our proxy (2 s), gunicorn")


@case
def explain_all_and_one():
    """explain lists the catalogue, and shows one page of it within 80 columns"""
    listed = tcpwhy("explain")
    equal(listed.status, 0)
    contains(listed.out, "port-closed", "closed-with-unread-data", "fin-lost", "syn-flood")
    slugs = re.findall(r"^  ([a-z0-9]+(?:-[a-z0-9]+)*)  +[A-Z]", listed.out, re.MULTILINE)
    equal(len(set(slugs)) >= 40, True, f"{len(set(slugs))} slugs listed")
    for slug in sorted(set(slugs)):
        page = tcpwhy("explain", slug)
        equal((page.status, page.err), (0, ""), slug)
        contains(page.out, slug)
        equal([line for line in page.out.splitlines() if len(line) > 80], [], slug)


def complete(*words):
    """What the bash completion offers for the last of @words."""
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _tcpwhy; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", str(CAPTURES.parents[2] / "completions/tcpwhy.bash"),
                           "tcpwhy", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, cwd=CAPTURES)
    equal(done.stderr.decode(), "")
    return set(done.stdout.decode().split())


@case
def bash_completion():
    """the bash completion offers options, verdicts, commands, colours and captures"""
    if not shutil.which("bash"):
        raise Skip("bash is not installed")
    equal(complete("--js"), {"--json"})
    equal(complete("--color", "al"), {"always"})
    equal(complete("--verdict", "port-c"), {"port-closed"})
    equal(complete("--verdict", "port-closed,fin-los"), {"port-closed,fin-lost"})
    equal(complete("expl"), {"explain"})
    equal(complete("explain", "syn-f"), {"syn-flood"})
    equal("--stream" in complete("explain", "--"), False)
    equal(complete("09-close-unread.cl"), {"09-close-unread.client.pcap"})
    equal(complete("-r", "labels"), set())


if __name__ == "__main__":
    main()
