#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compare `tcpwhy predict` with the running kernel: each timed scenario of the lab, packet by packet.

usage: tools/prediction.py [--full-time | --of FILE] [--write]

Every interval between two packets of a ladder, and that to its end, must be within 15 % or 30 ms of the
predicted one, and the errno the same. Where a machine is busy, a run that differs is repeated alone. Speaks TAP; --write also writes its section of docs/PREDICTION.md.
--full-time leaves the kernel's default timers in the scenarios that shorten them: it takes a quarter of an hour, and so
is run by hand. --of compares what `tools/old-kernel -t` printed of another kernel, in place of this one.
TCPWHY names the program (default: build/tcpwhy).
"""
import concurrent.futures
import copy
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TCPWHY = os.environ.get("TCPWHY", str(ROOT / "build" / "tcpwhy"))
PAGE = ROOT / "docs" / "PREDICTION.md"
SHARE, LEAST = 0.15, 0.030
SIDE_BY_SIDE, TRIES = 4, 3
SHORT_SYN = ["--set=tcp_syn_retries=1", "--set=tcp_syn_linear_timeouts=0"]
FULL_TIME = "--full-time"
ORPHAN = ["--set=tcp_orphan_retries=2"]


class Case:
    """A scenario and what of its time line the prediction is about.

    begin: the call (its text) whose packet is second 0; by default the first packet that @packets picks.
    packets: who sends, and a test of a packet. end: the call whose return ends it (its text), or "CLOSE".
    call: which of the predicted calls that is. steps: how many steps happen before the scenario ends it.
    until: packets after the return of this call are of something else.
    deadline: the last timer is cut to a deadline, so that the end counts, not what is left for the last interval.
    by_option: what stands in `--set` is done by an option of the socket that `predict` does not have.
    script: it is no scenario of the lab's own, but this one.
    """

    def __init__(self, scenario, options, who, packets, end, call, begin=None, steps=None, since=None,
                 until=None, deadline=False, by_option=False, script=None):
        self.scenario, self.slug = scenario, scenario.split("/")[0]
        self.options, self.who, self.packets = options, who, packets
        self.end, self.call, self.begin, self.steps, self.since = end, call, begin, steps, since
        self.until, self.deadline, self.by_option, self.script = until, deadline, by_option, script

    def shortened(self):
        """Does its scenario shorten timers by a sysctl? Then the prediction has it by --set."""
        return not self.by_option and not self.script and any(option.startswith("--set=") for option in self.options)

    def full_time(self):
        full = copy.copy(self)
        full.options = [option for option in self.options if not option.startswith("--set=")]
        return full


def syn(p):
    return p.get("flags") == "SYN"


def synack(p):
    return p.get("flags") == "SYN|ACK"


def fin(p):
    return "FIN" in p.get("flags", "")


def data(p):
    return p.get("length", 0) > 0


def bare(p):
    return p.get("flags") == "ACK" and p.get("length") == 0


def arp(p):
    return p["text"].startswith("ARP question")


BLOCKING = "connect(), blocking"
IGNORED = """set server tcp_synack_retries 1
set server tcp_syncookies 0
server listen 1
client connect #2
fault
cable hold client ack
client connect within 1s
client connect #3 within 1s
cable quiet 20ms
cable release
client send 100
client recv -> ECONNRESET within 9s
verdict both accept-queue-full|handshake-ack-lost likely certain possible failed stream 1
"""
CASES = [
    Case("syn-unanswered/dead-host/v4", SHORT_SYN, "client", syn, "client connect", BLOCKING),
    Case("syn-unanswered/dead-host/v6", SHORT_SYN, "client", syn, "client connect", BLOCKING),
    Case("syn-unanswered/user-timeout/v4", ["--user-timeout=2500ms"], "client", syn, "client connect", BLOCKING,
         deadline=True),
    Case("syn-unanswered/send-timeout/v4", ["--sndtimeo=1200ms"], "client", syn, "client connect", BLOCKING, steps=2),
    Case("host-unreachable/dead-on-lan/v4", [], "client", arp, "client connect", BLOCKING),
    Case("syn-lost/once/v4", [], "client", syn, "client connect", BLOCKING, steps=2),
    Case("syn-ack-lost/once/v4", [], "client", syn, "client connect", BLOCKING, steps=2),
    Case("handshake-ack-lost/server-first/v4", [], "server", synack, "server accept", "accept(), server speaks first",
         steps=2),
    Case("accept-queue-full/at-syn/v4", SHORT_SYN, "client", syn, "client connect #2", BLOCKING,
         since="client connect #2"),
    Case("accept-queue-full/data-ignored", ["--set=tcp_synack_retries=1"], "client", lambda p: False, "client recv",
         "recv(), full at the third ACK", since="client send 100", steps=1, script=IGNORED),
    Case("connect-aborted/own-timeout/v4", ["--sndtimeo=200ms"], "client", syn, "client connect", BLOCKING, steps=1),
    Case("peer-vanished/in-flight/v4", ["--set=tcp_retries2=2"], "client", data, "client recv",
         "recv(), data in flight", since="client send 100"),
    Case("peer-vanished/in-flight/v6", ["--set=tcp_retries2=2"], "client", data, "client recv",
         "recv(), data in flight", since="client send 100"),
    Case("peer-vanished/client/v4", ["--set=tcp_retries2=2"], "server", data, "server recv",
         "recv(), data in flight", since="server send 100"),
    Case("peer-vanished/goes-on/v4", ["--set=tcp_retries2=2"], "client", data, "client recv",
         "recv(), data in flight", since="client send 100", until="client recv"),
    Case("idle-blackholed/short-pause/v4", ["--set=tcp_retries2=2"], "client", data, "client recv",
         "recv(), data in flight", since="client send 100"),
    Case("user-timeout/in-flight/v4", ["--user-timeout=1500ms"], "client", data, "client recv",
         "recv(), data in flight", since="client send 100", deadline=True),
    Case("keepalive-timeout/probes/v4", ["--keepalive=1/1/2"], "client", bare, "client recv", "recv(), blocking",
         since="client recv", begin="last packet"),
    Case("keepalive-timeout/user-timeout/v4", ["--keepalive=1/1/9", "--user-timeout=2500ms"], "client", bare, "client recv",
         "recv(), blocking", since="client recv", begin="last packet"),
    Case("zero-window-stall/reader-stops/v4", ["--sndtimeo=2s"], "client", bare, None, None,
         since="client send 10000", begin="window 0", steps=3),
    Case("zero-window-stall/answer/v4", [], "server", bare, None, None, since="server send 10000", begin="window 0",
         steps=3),
    Case("fin-unanswered/dead-host/v4", ORPHAN, "client", fin, "CLOSE", None, since="client close"),
    Case("fin-unanswered/dead-host/v6", ORPHAN, "client", fin, "CLOSE", None, since="client close"),
    Case("last-ack-expired/dead-host/v4", ORPHAN, "server", fin, "CLOSE", None, since="server close"),
    Case("fin-lost/once/v4", [], "client", fin, None, None, since="client close", steps=1),
    Case("fin-ack-lost/once/v4", [], "client", fin, None, None, since="client close", steps=1),
    Case("last-fin-lost/once/v4", [], "server", fin, None, None, since="server close", steps=1),
    Case("last-ack-lost/once/v4", [], "server", fin, None, None, since="server close", steps=1),
    Case("fin-wait2-expired/late-data/v4", ["--set=tcp_fin_timeout=1"], "client", lambda p: False, "CLOSE", None,
         since="client close", begin="acknowledged", by_option=True),
    Case("port-closed/basic/v4", [], "client", syn, "client connect", BLOCKING),
    Case("firewall-rejected/admin-prohibited/v4", [], "client", syn, "client connect", BLOCKING),
    Case("app-stuck/hangs/v4", ["--rcvtimeo=4s"], "client", lambda p: False, "client recv", "recv(), SO_RCVTIMEO",
         since="client option SO_RCVTIMEO 4s"),
]


def run_lab(case):
    full = ["--full-time"] if FULL_TIME in sys.argv else []
    with tempfile.NamedTemporaryFile("w", suffix=".lab") as f:
        f.write(case.script or "")
        f.flush()
        done = subprocess.run([TCPWHY, "lab", "run", "--json", *full, f.name if case.script else case.scenario],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if record["type"] == "lab":
            return record
    raise RuntimeError(done.stderr.strip() or "the lab ran nothing")


def rtt_option(record):
    """What the path of this run took: a loaded machine's RTO counts a tick more, and ends a retry earlier."""
    marks = [(e["time"], e.get("flags")) for e in record["timeline"] if e["kind"] == "packet"]
    answered = min((at for at, flags in marks if flags == "SYN|ACK"), default=None)
    asked = max((at for at, flags in marks if flags == "SYN" and answered is not None and at < answered), default=None)
    # Times are those of sending, so that this is the way there. Nobody answers: what the lab's cable takes.
    rtt = 0.004 if asked is None else 2 * (answered - asked)
    return f"--rtt={rtt * 1e6:.0f}us"


def run_predict(case, record):
    # In a namespace as new as those of the lab, so that both begin with the same settings.
    fresh = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    kernel = ["--kernel=" + record["kernel"]]
    # What a kernel does not have it can not be told, and it does so anyway.
    if subprocess.run([TCPWHY, "predict", *kernel, *case.options], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode:
        case.options = [option for option in case.options if option not in SHORT_SYN[1:]]
    done = subprocess.run([*fresh, TCPWHY, "predict", "--json", *kernel, rtt_option(record), *case.options, case.slug],
                          stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def measured(case, record):
    """(seconds of each packet after second 0, seconds of the end or None, errno or None)."""
    line = record["timeline"]
    since = 0
    if case.since:
        calls = [e["time"] for e in line if e["kind"] == "call" and e["text"] == case.since]
        # The same words may stand before the fault, and again when all is over.
        since = min((t for t in calls if t >= (record["fault"] or 0)), default=max(calls))
    times = [e["time"] for e in line if e["kind"] == "packet" and e["from"] == case.who and e["time"] >= since
             and case.packets(e)]
    if case.until:
        over = min(e["time"] for e in line if e["kind"] == "return" and e["time"] >= since
                   and e["text"].startswith(case.until + " = "))
        times = [t for t in times if t <= over]
    if case.begin == "last packet":
        begin = max(e["time"] for e in line if e["kind"] == "packet" and e["time"] < since)
    elif case.begin == "window 0":
        begin = min(e["time"] for e in line if e["kind"] == "packet" and e["time"] >= since
                    and e["from"] != case.who and e.get("window") == 0)
        times = [t for t in times if t > begin]
    elif case.begin == "acknowledged":
        begin = min(e["time"] for e in line if e["kind"] == "state" and e["text"] == "FIN_WAIT2")
    elif times:
        begin = times.pop(0)
    else:
        begin = since
    return ([t - begin for t in times], *end_of(case, record, begin, since))


def end_of(case, record, begin, since):
    if case.end is None:
        return None, None
    if case.end == "CLOSE":
        at = [e["time"] for e in record["timeline"] if e["kind"] == "state" and e["who"] == case.who
              and e["text"] == "CLOSE" and e["time"] > begin]
        # A state that no packet marks is only asked for: then the run ends with it.
        return (at[0] if at else record["duration"]) - begin, "gone"
    for e in record["timeline"]:
        if e["kind"] == "return" and e["time"] >= since and e["text"].startswith(case.end + " = "):
            return e["time"] - begin, e["text"].rsplit("= ", 1)[1]
    return None, "no return"


def intervals(times, end):
    marks = [0, *times] + ([end] if end is not None else [])
    return [b - a for a, b in zip(marks, marks[1:])]


def compare(case, record=None):
    """(sentence of what differs or "", rows of the table)."""
    record = record or run_lab(case)
    # By full time only packets and calls count: verdicts on such long captures are not what is asked here.
    if not record["passed"] and FULL_TIME not in sys.argv:
        return f"the lab's run itself failed: {record.get('error')}", []
    prediction = run_predict(case, record)
    times, end, errno = measured(case, record)
    steps = [s["after"]["expected"] for s in prediction["steps"] if s["timer"]]
    count = len(steps) if case.steps is None else case.steps - (1 if prediction["steps"][0]["timer"] is None else 0)
    steps = steps[:count]
    expected_end, expected_errno = None, None
    if case.end == "CLOSE":
        expected_end, expected_errno = prediction["application"][0]["after"]["expected"], "gone"
    elif case.end:
        seen = next(a for a in prediction["application"] if a["call"] == case.call)
        expected_end, expected_errno = seen["after"]["expected"], seen["errno"]
    row = (case, prediction, steps, times, expected_end, end, expected_errno, errno)
    if len(steps) != len(times) if case.steps is None else len(times) < len(steps):
        return f"{len(times)} packets, {len(steps)} predicted", [row]
    pairs = list(zip(intervals(steps, expected_end), intervals(times[:len(steps)], end)))
    if case.deadline:
        pairs[-1] = (expected_end, end)
    for n, (want, got) in enumerate(pairs, 1):
        if abs(want - got) > max(SHARE * want, LEAST):
            return f"interval {n} was {got:.3f} s, predicted {want:.3f} s", [row]
    if errno != expected_errno:
        return f"ended with {errno}, predicted {expected_errno}", [row]
    return "", [row]


def patiently(pool, cases):
    """The comparisons, in order. A busy machine is late: what differs is tried again, alone."""
    results = list(pool.map(compare, cases))
    for n, case in enumerate(cases):
        for _ in range(TRIES - 1):
            if not results[n][0]:
                break
            results[n] = compare(case)
    return results


def text_of(times):
    return " ".join(f"{t:.2f}" for t in times) or "-"


def table(rows):
    lines = ["| scenario | options of `predict` | | packets | end | |", "|---|---|---|---|---|---|"]
    for case, _, steps, times, want_end, end, want_errno, errno in rows:
        for name, marks, at, error in (("predicted", steps, want_end, want_errno),
                                       ("measured", times[:len(steps)], end, errno)):
            first = name == "predicted"
            options = f"`{' '.join(case.options)}`" if first and case.options else ""
            lines.append(f"| {case.scenario if first else ''} | {options} | {name} | {text_of(marks)} "
                         f"| {'-' if at is None else f'{at:.2f}'} | {error or ''} |")
    return "\n".join(lines) + "\n"


HEAD = """# Prediction and kernel

`tools/prediction.py` compares `tcpwhy predict` with the running kernel and writes this page. Each scenario ran once in the lab.
Times are in seconds after the first packet (or after what the prediction counts from); *packets* are the repeats and
probes, *end* is when the call returned or the socket was gone. Each interval must be within 15 % or 30 ms of the
predicted one: the kernel's timer wheel rounds up, by how much depends on the time since boot.
"""
SECTIONS = {
    "With shortened settings": """Written by `tools/prediction.py --write` on {date}, Linux {kernel}.""",
    "With default settings": """Written by `tools/prediction.py --full-time --write` on {date}, Linux {kernel}: the same for the scenarios whose
timers are shortened above, with what the kernel has by default. Not among them is keepalive, whose default of
two hours and eleven minutes (7200 s and nine times 75 s) nobody waited for: its ladder is measured with short options, and
by default the kernel's own timers are read as they are armed, see below.""",
    "On an older kernel": """Written by `tools/prediction.py --of FILE --write` on {date}: Debian's Linux {kernel}, emulated by qemu, as
`tools/old-kernel -t` printed it. It has no linear timeouts of SYNs. Emulated, hosts answer after 2 to 30 ms, so that what hangs
on the round trip is left out. The last rows are by default settings.""",
}


def write_section(name, rows, release):
    """Replace one section of the page; the others stay as they are."""
    kernel = re.match(r"[0-9]+\.[0-9]+(\.[0-9]+)?", release).group(0)
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    kept = {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in re.split(r"^## ", old, flags=re.M)[1:]}
    kept[name] = "\n" + SECTIONS[name].format(date=datetime.date.today(), kernel=kernel) + "\n\n" + table(rows)
    order = [*SECTIONS, *(n for n in kept if n not in SECTIONS)]
    text = HEAD + "".join(f"\n## {n}\n{kept[n].rstrip()}\n" for n in order if n in kept)
    PAGE.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def tell(cases, results, section, release):
    """As TAP, and with --write on the page. Returns the exit status."""
    print(f"1..{len(cases)}")
    for number, (case, (differs, _)) in enumerate(zip(cases, results), 1):
        print(f"{'not ok' if differs else 'ok'} {number} - {case.scenario}{': ' + differs if differs else ''}")
    if "--write" in sys.argv:
        write_section(section, [row for _, rows in results for row in rows], release)
    return 1 if any(differs for differs, _ in results) else 0


def may_run():
    done = subprocess.run(["unshare", "-n" if os.geteuid() == 0 else "-rn", "true"], stderr=subprocess.DEVNULL)
    return done.returncode == 0


def of_file(path):
    """The cases of which @path has a time line, each with it."""
    found, full = [], False
    for line in pathlib.Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
        full = full or line.startswith("== full-time")
        if not line.startswith('{"type":"lab",'):
            continue
        record = json.loads(line)
        name = f"{record['scenario']}/{record['variant']}"
        found += [(case.full_time() if full else copy.copy(case), record) for case in CASES if case.scenario == name]
    return found


def main():
    of = sys.argv[sys.argv.index("--of") + 1] if "--of" in sys.argv[:-1] else None
    if not set(sys.argv[1:]) - {of} <= {FULL_TIME, "--write", "--of"} or (FULL_TIME in sys.argv and of):
        sys.exit(__doc__.split("usage:")[1])
    if not may_run():
        print("1..0 # SKIP this machine allows no network namespaces")
        return
    if of:
        of = of_file(of)
        sys.exit(tell([case for case, _ in of], [compare(*pair) for pair in of], "On an older kernel", of[0][1]["kernel"]))
    full = FULL_TIME in sys.argv
    cases = [case.full_time() for case in CASES if case.shortened()] if full else CASES
    with concurrent.futures.ThreadPoolExecutor(len(cases) if full else SIDE_BY_SIDE) as pool:
        results = patiently(pool, cases)
    sys.exit(tell(cases, results, "With default settings" if full else "With shortened settings", os.uname().release))



if __name__ == "__main__":
    main()
