#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy lab`: the command line, what it prints, and that nothing of it is left behind.

usage: TCPWHY=build/tcpwhy tests/lab.py [WORD...]   only cases whose name holds a word
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import leftovers
from tap import PROGRAM, ROOT, Skip, case, contains, equal, main, one_line, tcpwhy

QUICK = "port-closed/basic/v4"
SLEEPS = "server listen\nclient connect\nserver accept\nwait 60s\n"
WRONG = "server listen\nclient connect -> ECONNRESET within 1s\n"
GOOD = """server listen
client connect
server accept
client send 100
server recv 100
client close
server recv eof -> EOF
server close
verdict both clean
"""


def refusal():
    """Why namespaces are impossible here, or None."""
    done = subprocess.run([PROGRAM, "lab", "run", QUICK, "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    return done.stderr.decode().strip() if done.returncode == 2 else None


REFUSAL = refusal()


def needs_namespaces():
    if REFUSAL:
        raise Skip(REFUSAL)


def script(text):
    """A .lab file that lives as long as the returned object."""
    file = tempfile.NamedTemporaryFile(mode="w", suffix=".lab")
    file.write(text)
    file.flush()
    return file


def objects(result):
    return [json.loads(line) for line in result.out.splitlines()]


def too_wide(text, columns=80):
    return [line for line in text.splitlines() if len(line) > columns]


# ---- what is left ----

class Running:
    """A run of a long scenario, observed: its processes."""

    def __init__(self, *arguments):
        self.file = script(SLEEPS)
        self.mark, environment = leftovers.marked()
        self.program = subprocess.Popen([PROGRAM, "lab", "run", self.file.name, *arguments], env=environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.monotonic() + 30
        own = leftovers.network_namespaces(["self"])
        # Per run a keeper, a supervisor and two actors; client and server have a namespace each.
        while True:
            processes = leftovers.processes(self.mark)
            namespaces = leftovers.network_namespaces(processes) - own
            if len(processes) >= 9 and len(namespaces) >= 6:
                break
            if time.monotonic() > until or self.program.poll() is not None:
                self.program.kill()
                raise AssertionError(f"not running: {processes}, {namespaces}, {self.program.communicate()}")
            time.sleep(0.02)

    def runs_that_go_on(self):
        """How many runs have not been waited for: each is a child, also when it has just ended."""
        pid = self.program.pid
        return len(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def ends(self, by):
        self.program.send_signal(by)
        self.out, self.err = (text.decode() for text in self.program.communicate(timeout=30))
        return self.program.returncode

    def nothing_left(self, within):
        """Namespaces and what is in them end with the last process that is in them or holds them open."""
        until = time.monotonic() + within
        while left := leftovers.processes(self.mark):
            if time.monotonic() > until:
                raise AssertionError(f"left: processes {left}")
            time.sleep(0.02)


# ---- the command line ----

@case
def list_names_everything():
    """lab list names scenarios with variants, and what has none with the reason, within 80 columns"""
    result = tcpwhy("lab", "list")
    equal(result.status, 0)
    equal(result.err, "")
    contains(result.out, "port-closed: The port is closed", "v4 v6", "Not reproduced:", "memory-abort:")
    equal(too_wide(result.out), [])


@case
def list_chooses():
    """lab list SLUG shows that phenomenon alone"""
    result = tcpwhy("lab", "list", "port-closed")
    equal(result.status, 0)
    contains(result.out, "basic")
    equal("accept-queue-full" in result.out, False, "another phenomenon")


@case
def list_json():
    """lab list --json: an object per scenario; all that it names can be chosen"""
    scenarios = objects(tcpwhy("lab", "list", "--json"))
    equal({o["type"] for o in scenarios}, {"lab-scenario"})
    named = [o for o in scenarios if o["name"]]
    equal(all(o["variants"] and o["about"] for o in named), True, "variants and descriptions")
    equal(all(o["unreproduced"] for o in scenarios if not o["name"]), True, "reasons")
    equal(len({(o["slug"], o["name"]) for o in named}), len(named), "different names")


@case
def durations_are_of_scenarios():
    """every measured duration is of a scenario that there is"""
    known = {(o["slug"], o["name"]) for o in objects(tcpwhy("lab", "list", "--json"))}
    measured = re.findall(r'DURATION\("([^"]+)", "([^"]+)", \d+\)',
                          (ROOT / "src/lab/durations.def").read_text())
    equal(sorted(set(measured) - known), [], "durations of nothing")
    equal(bool(measured), True, "any duration")


@case
def help_of_lab():
    """lab --help, lab run --help: the options of lab within 80 columns, status 0"""
    for arguments in (("lab", "--help"), ("lab", "run", "--help"), ("lab", "list", "-h")):
        result = tcpwhy(*arguments)
        equal(result.status, 0)
        contains(result.out, "lab list", "lab run", "--keep", "--at-line", "-j, --jobs")
        equal("--merge" in result.out, False, "an option of read")
        equal(too_wide(result.out), [])


@case
def wrong_usage():
    """wrong words and options: one line that says what is meant, status 2, nothing on stdout"""
    for arguments, said in (
            (("lab",), "list"),
            (("lab", "rn"), "did you mean lab run"),
            (("lab", "list", "port-closd"), "did you mean port-closed"),
            (("lab", "list", "--keep", "x"), "unknown option --keep"),
            (("lab", "run"), "needs a phenomenon"),
            (("lab", "run", "port-closd"), "did you mean port-closed"),
            (("lab", "run", "port-closed/basik"), "did you mean port-closed/basic"),
            (("lab", "run", "port-closed/basic/v5"), "no variant 'v5'"),
            (("lab", "run", "memory-abort"), "can not reproduce memory-abort"),
            (("lab", "run", "no-such-file.lab"), "No such file"),
            (("lab", "run", QUICK, "--kep", "x"), "did you mean --keep"),
            (("lab", "run", QUICK, "-q", "-v"), "contradict"),
            (("lab", "run", QUICK, "--repeat", "0"), "--repeat"),
            (("lab", "run", QUICK, "--within", "5s"), "after --"),
            (("lab", "run", QUICK, "--"), "no program"),
            (("lab", "run", "all", "--", "true"), "one scenario"),
            (("lab", "run", QUICK, "--at", "start", "--after", "1s", "--", "true"), "give one"),
            (("lab", "run", QUICK, "--at-line", "(", "--", "true"), "--at-line"),
            (("lab", "run", QUICK, "--serve", "echo", "--peer", "true", "--", "true"), "--peer")):
        result = tcpwhy(*arguments)
        equal(result.status, 2, " ".join(arguments))
        equal(result.out, "", " ".join(arguments))
        contains(one_line(result.err), said)


@case
def a_script_with_a_mistake():
    """a script with a mistake: file and line are named before anything runs, status 2"""
    with script("server listen\nclient conect\n") as file:
        result = tcpwhy("lab", "run", file.name)
    equal(result.status, 2)
    contains(one_line(result.err), file.name, "line 2")


@case
def a_script_without_statements():
    """a script in which nothing happens proves nothing: it is refused, status 2"""
    for text in ("", "# nothing\n", "topology router\ndelay 1ms\n"):
        with script(text) as file:
            result = tcpwhy("lab", "run", file.name)
        equal((result.status, result.out), (2, ""), text)
        contains(one_line(result.err), file.name, "no statement")


# ---- runs ----

@case
def a_scenario_passes():
    """a run that behaves as expected: one line, the closing line, status 0"""
    needs_namespaces()
    result = tcpwhy("lab", "run", QUICK)
    equal(result.status, 0, result.out)
    equal(result.err, "")
    lines = result.out.splitlines()
    equal(len(lines), 2)
    equal(bool(re.fullmatch(r"ok +[\d.]+ m?s  port-closed/basic/v4: port-closed", lines[0])), True, lines[0])
    equal(lines[1], "1 passed, 0 failed")


@case
def a_scenario_fails():
    """a script that expects what does not come: expected and seen are told, status 1"""
    needs_namespaces()
    with script(WRONG) as file:
        result = tcpwhy("lab", "run", f"{file.name}/v4", "-q")
    equal(result.status, 1)
    contains(result.out, "FAILED", "line 2", "expected  ECONNRESET within 1.00 s", "seen", "0 passed, 1 failed")
    equal(too_wide(result.out), [])


def documented(heading):
    """The first block of text below a heading of docs/lab.md that is no command line."""
    text = (ROOT / "docs/lab.md").read_text().split(f"\n{heading}\n", 1)[1]
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return next(block for block in blocks if not block.startswith("tcpwhy "))


@case
def the_documented_script():
    """the script in docs/lab.md passes as it stands there"""
    needs_namespaces()
    with script(documented("## A scenario")) as file:
        result = tcpwhy("lab", "run", file.name)
    equal(result.status, 0, result.out)
    equal(result.out.splitlines()[-1], "2 passed, 0 failed")


def without_times(text):
    return re.sub(r"[\d.]+ [mun]?s\b", "TIME", re.sub(r" +", " ", text))


@case
def the_documented_output():
    """what docs/lab.md shows of two runs is what they print, but for times"""
    needs_namespaces()
    shown = documented("## Running")
    line, statement = re.search(r"line (\d+): (.*)", shown).groups()
    text = documented("## A scenario").splitlines()
    text[int(line) - 1] = statement
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "mine.lab").write_text("\n".join(text) + "\n")
        done = subprocess.run([os.path.abspath(PROGRAM), "lab", "run", QUICK, "./mine.lab/v4"], cwd=folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    equal((done.returncode, done.stderr.decode()), (1, ""))
    equal(without_times(done.stdout.decode()), without_times(shown))


@case
def quiet_says_failures_only():
    """-q says nothing of what passed but the count"""
    needs_namespaces()
    equal(tcpwhy("lab", "run", "-q", QUICK).out, "1 passed, 0 failed\n")


@case
def json_lines():
    """--json: a record per run in the order of the list, then the summary"""
    needs_namespaces()
    with script(WRONG) as wrong, script(GOOD) as good:
        result = tcpwhy("lab", "run", "--json", good.name, f"{wrong.name}/v6", QUICK)
    equal(result.status, 1)
    *records, summary = objects(result)
    equal([r["type"] for r in records], ["lab"] * 4)
    equal([(r["variant"], r["passed"]) for r in records],
          [("v4", True), ("v6", True), ("v6", False), ("v4", True)], result.out[:2000])
    equal((summary["type"], summary["passed"], summary["failed"], summary["not_run"]), ("lab-summary", 3, 1, 0))
    equal(bool(records[0]["timeline"]) and bool(records[0]["verdicts"]), True, "a whole record")


def longest_fraction(text):
    return max((len(digits) for digits in re.findall(r":-?\d+\.(\d+)", re.sub(r'"(\\.|[^"\\])*"', "", text))),
               default=0)


@case
def numbers_as_they_are():
    """--json: times in whole nanoseconds, and no name of a file that nobody can open"""
    needs_namespaces()
    equal(longest_fraction(tcpwhy("lab", "list", "--json").out) <= 9, True, "digits of the list")
    result = tcpwhy("lab", "run", "--json", QUICK)
    equal(longest_fraction(result.out) <= 9, True, "digits of the record")
    equal([v["finding"]["source"] for v in objects(result)[0]["verdicts"]], [None, None])
    with tempfile.TemporaryDirectory() as folder:
        kept = objects(tcpwhy("lab", "run", "--json", QUICK, "--keep", folder))[0]
        text = pathlib.Path(folder, QUICK, "record.json").read_text()
        equal(longest_fraction(re.sub(r"(?<=:)\s+", "", text)) <= 9, True, "digits of record.json")
        equal(json.loads(text), kept)
        equal({v["vantage"]: v["finding"]["source"] for v in kept["verdicts"]}, kept["captures"])


@case
def the_ladder():
    """-v: packets, calls, returns and states on one time line, within 80 columns or --width"""
    needs_namespaces()
    with script(GOOD) as file:
        for width in (60, 80, 100):
            result = tcpwhy("lab", "run", "-v", "--width", width, f"{file.name}/v4")
            equal(result.status, 0, result.out)
            contains(result.out, "|-- SYN seq 0 -", "- SYN|ACK seq 0 ack 1 --|", "send 100 = 100 after",
                     "[ESTABLISHED]", "len 100", "connect = ok")
            equal(too_wide(result.out, width), [])


@case
def lost_packets_are_drawn_as_lost():
    """-v: what did not arrive breaks off, and what was done to cable and hosts is told"""
    needs_namespaces()
    text = ("set client tcp_syn_retries 1\nserver listen\ncable drop client syn\n"
            "client connect within 5s\nserver accept\nserver kill\nverdict both any\n")
    with script(text) as file:
        result = tcpwhy("lab", "run", "-v", f"{file.name}/v4")
    contains(result.out, "x lost", "cable: drop client syn", "process: SIGKILL")
    equal(too_wide(result.out), [])


@case
def colour_only_on_demand():
    """no colour in a pipe; with --color=always the words stay the same"""
    needs_namespaces()
    plain = tcpwhy("lab", "run", QUICK).out
    colored = tcpwhy("lab", "run", "--color=always", QUICK).out
    equal("\x1b" in plain, False, "escape sequences")
    equal("\x1b[" in colored, True, "colour")


@case
def repeat_and_keep():
    """--keep leaves captures that tcpwhy reads, and the record, in a folder per run; --repeat numbers them"""
    needs_namespaces()
    with tempfile.TemporaryDirectory() as folder:
        kept = pathlib.Path(folder, "deep", "er")
        equal(tcpwhy("lab", "run", QUICK, "--keep", kept, "--repeat", "2").status, 0)
        for number in ("1", "2"):
            place = kept / QUICK / number
            record = json.loads((place / "record.json").read_text())
            equal(record["passed"], True)
            for end in ("client", "server"):
                result = tcpwhy("read", "--json", place / f"{end}.pcapng")
                equal(result.err, "")
                equal(objects(result)[0]["verdict"], "port-closed")
        equal(sorted(p.name for p in kept.rglob("*") if p.is_file()),
              sorted(["client.pcapng", "server.pcapng", "record.json"] * 2))


@case
def keep_takes_any_folder():
    """--keep: a folder whose name is long or no text, too; one that is too long for the kernel is refused"""
    needs_namespaces()
    for name in (b"/".join([b"x" * 200] * 5), b"\xff\xfe"):
        with tempfile.TemporaryDirectory() as folder:
            kept = os.fsencode(folder) + b"/" + name
            done = subprocess.run([PROGRAM, "lab", "run", QUICK, "--json", "--keep", kept], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=60)
            equal((done.returncode, done.stderr), (0, b""))
            place = kept + b"/" + QUICK.encode()
            equal(sorted(os.listdir(place)), [b"client.pcapng", b"record.json", b"server.pcapng"])
            equal(json.loads(done.stdout.splitlines()[0])["captures"]["client"],
                  (place + b"/client.pcapng").decode(errors="replace"))
    result = tcpwhy("lab", "run", QUICK, "--keep", "/tmp/" + "x" * 5000)
    equal((result.status, result.out), (2, ""))
    contains(one_line(result.err), "File name too long")


@case
def keep_needs_a_folder_that_can_be_made():
    """--keep where no folder can be made: one line, status 2"""
    needs_namespaces()
    with tempfile.NamedTemporaryFile() as file:
        result = tcpwhy("lab", "run", QUICK, "--keep", file.name + "/x")
    equal(result.status, 2)
    contains(one_line(result.err), "cannot create")


@case
def a_closed_pipe_is_no_error():
    """a reader that goes away ends it quietly"""
    needs_namespaces()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([PROGRAM, "lab", "run", QUICK], stdout=writing, stderr=subprocess.PIPE, timeout=60)
    os.close(writing)
    equal((done.returncode, done.stderr.decode()), (0, ""))


# ---- nothing is left ----

@case
def killed():
    """SIGKILL of tcpwhy takes every process and namespace of its runs with it"""
    needs_namespaces()
    running = Running()
    equal(running.ends(signal.SIGKILL), -signal.SIGKILL)
    running.nothing_left(within=5)


@case
def interrupted():
    """Ctrl-C: what was finished is printed, nothing is left when it has ended by that signal"""
    needs_namespaces()
    with tempfile.TemporaryDirectory() as kept:
        running = Running("-j", "8", "port-closed/basic/v4", "--keep", kept)
        finished = pathlib.Path(kept, "port-closed", "basic", "v4", "record.json")
        until = time.monotonic() + 60
        while not finished.exists() or running.runs_that_go_on() > 2:
            equal(time.monotonic() < until, True, "port-closed/basic/v4 ends")
            time.sleep(0.02)
        equal(running.ends(signal.SIGINT), -signal.SIGINT)
    running.nothing_left(within=0)
    contains(running.out, "port-closed/basic/v4: port-closed", "1 passed, 0 failed, 2 not run (interrupted)")
    equal(running.err, "")


@case
def terminated():
    """SIGTERM: the same"""
    needs_namespaces()
    running = Running()
    equal(running.ends(signal.SIGTERM), -signal.SIGTERM)
    running.nothing_left(within=0)


# ---- rights ----

def as_nobody(*arguments, before=()):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv to become an ordinary user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(PROGRAM, folder)
        os.chmod(program, 0o755)
        done = subprocess.run([*before, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                               program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              cwd="/", timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@case
def an_ordinary_user():
    """it works without root, in a user namespace"""
    needs_namespaces()
    status, out, err = as_nobody("lab", "run", "port-closed/basic", "-q")
    if status == 2 and "namespaces" in err:
        raise Skip(err.strip())
    equal((status, out, err), (0, "3 passed, 0 failed\n", ""))


@case
def what_is_missing_is_named():
    """where a limit forbids namespaces, one line names it, status 2"""
    needs_namespaces()
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skip("needs root and unshare")
    for limit, before in (("max_net_namespaces", "exec"),
                          ("max_user_namespaces", "exec setpriv --bounding-set -all --inh-caps -all")):
        done = subprocess.run(["unshare", "-Ur", "sh", "-c",
                               f"echo 0 > /proc/sys/user/{limit} && {before} \"$@\"", "sh",
                               PROGRAM, "lab", "run", QUICK], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        equal(done.returncode, 2, limit)
        contains(one_line(done.stderr.decode()), f"user.{limit} is 0", "unshare(")


# ---- a program of the user's ----

CLIENT = """
import os, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
assert os.environ["TCPWHY_HOST"] == sys.argv[1] and os.environ["TCPWHY_PORT"] == sys.argv[2]
print("connected", flush=True)
s.sendall(b"x" * 100)
try:
    while s.recv(1000):
        pass
except OSError as error:
    sys.exit(error.errno)
"""


@case
def a_program_of_yours():
    """a program as the client: its output first, then what it lived through; the assertion holds"""
    needs_namespaces()
    result = tcpwhy("lab", "run", "port-closed", "--expect-exit", "7", "--within", "10s", "--",
                    "sh", "-c", "echo begins; exit 7", "{host}")
    equal(result.status, 0, result.out + result.err)
    lines = result.out.splitlines()
    equal(lines[0], "begins")
    contains(result.out, "exited with", "--expect-exit 7", "--within 10.0 s", "Connections 0")
    equal(too_wide(result.out), [])


@case
def a_program_that_is_reset():
    """a client that is reset: verdict, errno and exit status are told"""
    needs_namespaces()
    result = tcpwhy("lab", "run", "process-died/unread", "--expect-exit", "104", "--", sys.executable, "-c", CLIENT,
                    "{host}", "{port}")
    equal(result.status, 0, result.out + result.err)
    contains(result.out, "connected\n", "= ECONNRESET after", "exited with 104", "RST", "client end", "server end")
    equal(too_wide(result.out), [])


@case
def a_broken_assertion():
    """an assertion that does not hold: FAILED is told, status 1"""
    needs_namespaces()
    result = tcpwhy("lab", "run", "port-closed", "--expect-exit", "3", "--", "true")
    equal(result.status, 1, result.out + result.err)
    contains(result.out, "FAILED", "--expect-exit 3")


@case
def a_program_that_is_not_there():
    """a program that can not be run: one clear line, status 2"""
    needs_namespaces()
    result = tcpwhy("lab", "run", "port-closed", "--", "/no/such/program")
    equal(result.status, 2, result.out)
    contains(one_line(result.err), "/no/such/program")


@case
def a_program_without_its_interpreter():
    """a script whose interpreter is missing: that is said, not that the script is not there"""
    needs_namespaces()
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "client")
        program.write_text("#!/no/such/interpreter\n")
        program.chmod(0o755)
        result = tcpwhy("lab", "run", "port-closed", "--", program)
    equal(result.status, 2, result.out)
    contains(" ".join(result.out.split()), "cannot run", "the interpreter that it names is not there")


@case
def a_server_elsewhere():
    """a server on another port than {port}: both are named, and nothing waits longer than --within"""
    needs_namespaces()
    begun = time.monotonic()
    result = tcpwhy("lab", "run", "process-died", "--as", "server", "--within", "3s", "--", sys.executable, "-c",
                    "import socket, time; s = socket.create_server(('', 8080)); time.sleep(60)")
    equal(result.status, 2, result.out)
    contains(" ".join(result.out.split()), "listens on port 8080, not on port 80")
    equal(time.monotonic() - begun < 25, True, "less than the half minute that a server is waited for")


if __name__ == "__main__":
    main()
