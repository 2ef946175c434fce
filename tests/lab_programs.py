#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`tcpwhy lab run SLUG -- PROGRAM` with real programs: curl, nginx, Redis, PostgreSQL's psql and server.

What a program lived through is read from the record (docs/lab.md): how it ended, which errnos its calls
returned, how long it hung, whether it connected again; asserts pass and fail as they should.
"""
import glob
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

from tap import PROGRAM, ROOT, Skip, case, contains, equal, main, one_line, tcpwhy

NOBODY = 65534


def ground():
    """Why there can be no lab here, or None."""
    done = tcpwhy("lab", "run", "port-closed/basic/v4", "--json")
    if "needs namespaces of its own" in done.err:
        return done.err.strip()
    return None


NO_GROUND = ground()


class Lived:
    """One run with its record; client and server are what the programs lived through."""

    def __init__(self, result, record):
        self.status, self.out, self.err, self.record = result.status, result.out, result.err, record
        programs = {p["side"]: p for p in record["program"] or []}
        self.client, self.server = programs.get("client"), programs.get("server")

    def told(self):
        return f"\nstatus {self.status}\n{self.out}\n{self.err}"

    def verdict(self, vantage):
        return next(v["verdict"] for v in self.record["verdicts"] if v["vantage"] == vantage)


def run(scenario, *arguments, needs=(), program=None, **more):
    if NO_GROUND:
        raise Skip(NO_GROUND)
    for name in needs:
        if not shutil.which(name):
            raise Skip(f"there is no {name} here")
    with tempfile.TemporaryDirectory() as folder:
        if "user" in more:
            os.chown(folder, NOBODY, NOBODY)
        result = tcpwhy("lab", "run", scenario, f"--keep={folder}", *arguments, timeout=100,
                        program=program or os.path.abspath(PROGRAM), **more)
        records = glob.glob(folder + "/**/record.json", recursive=True)
        if len(records) != 1:
            raise AssertionError(f"{len(records)} records\n{result.out}\n{result.err}")
        return Lived(result, json.loads(pathlib.Path(records[0]).read_text(encoding="utf-8")))


def results(lived, call):
    return [c["result"] for c in lived["calls"] if c["call"] == call]


def true(what, lived, good):
    if not good:
        raise AssertionError(what + lived.told())


def ended(lived, program, status):
    if program["exit"] != status or program["ended"] is not True or program["signal"] is not None:
        raise AssertionError(f"not exit {status}, but {program['exit']} {program['signal']}" + lived.told())


URL = "http://{host}:{port}/"
CURL = ("curl", "--no-progress-meter", "--noproxy", "*")


# ---- curl ----

@case
def curl_refused():
    """curl at a closed port: ECONNREFUSED, exit 7"""
    lived = run("port-closed/basic/v4", "--expect-exit=7", "--", *CURL, URL, needs=["curl"])
    equal(lived.status, 0, lived.told())
    ended(lived, lived.client, 7)
    true("ECONNREFUSED", lived, "ECONNREFUSED" in results(lived.client, "getsockopt(SO_ERROR)")
         + results(lived.client, "connect"))
    equal((lived.client["connections"], lived.client["passed"]), (1, True))
    equal((lived.verdict("client"), lived.verdict("server")), ("port-closed", "port-closed"))
    contains(lived.err, "192.0.2.2")


@case
def curl_refused_v6():
    """over IPv6 the address in a URL has its brackets"""
    lived = run("port-closed/basic/v6", "--expect-exit=7", "--", *CURL, URL, needs=["curl"])
    equal(lived.status, 0, lived.told())
    equal(lived.client["argv"][-1], "http://[2001:db8::2]:80/")
    equal(lived.client["calls"][0]["remote_port"], 80)


@case
def assert_on_the_exit_status_fails():
    """an exit status that was not expected: exit 1, and a sentence"""
    lived = run("port-closed/basic/v4", "--expect-exit=0", "--", *CURL, URL, needs=["curl"])
    equal(lived.status, 1, lived.told())
    equal((lived.record["passed"], lived.client["passed"]), (False, False))
    equal(lived.client["failure"], "curl exited with 7, not with 0")


@case
def curl_reset():
    """the server closes with the request unread: ECONNRESET, exit 56"""
    lived = run("closed-with-unread-data/request/v4", "--expect-exit=56", "--", *CURL, URL,
                needs=["curl"])
    equal(lived.status, 0, lived.told())
    true("ECONNRESET", lived, "ECONNRESET" in results(lived.client, "recvfrom"))
    equal(lived.verdict("client"), "closed-with-unread-data")


@case
def curl_and_a_dead_host():
    """the server's host loses power: curl hangs in poll until its own time limit"""
    lived = run("peer-vanished/in-flight/v4", "--at=connect", "--expect-exit=28", "--within=30s",
                "--", *CURL, "--max-time", "2.5", URL, needs=["curl"])
    equal(lived.status, 0, lived.told())
    ended(lived, lived.client, 28)
    longest = lived.client["longest_call"]
    equal((longest["call"], longest["result"]), ("poll", 0))
    true("it hung", lived, 1.5 < longest["after"] < 10)
    equal(lived.verdict("client"), "peer-vanished")


@case
def assert_on_the_time_fails():
    """a program that hangs longer than --within: stopped, exit 1; its call never returned"""
    lived = run("peer-vanished/in-flight/v4", "--at=connect", "--within=700ms", "--", *CURL, URL, needs=["curl"])
    equal(lived.status, 1, lived.told())
    equal((lived.client["within"], lived.client["ended"], lived.client["signal"]),
          (False, False, "SIGTERM"))
    contains(lived.client["failure"], "curl had not ended after ")
    hung = [c for c in lived.client["calls"] if c["call"] == "poll"]
    equal([c["result"] for c in hung], [None], lived.told())


@case
def retries_are_counted():
    """curl --retry connects again, and that is counted"""
    lived = run("port-closed/basic/v4", "--", *CURL, "--retry", "2", "--retry-delay", "1",
                "--retry-connrefused", URL, needs=["curl"])
    equal((lived.status, lived.client["connections"]), (0, 3), lived.told())


# ---- nginx ----

def nginx(folder):
    """Its configuration in @folder; the address is the host's own."""
    folder = pathlib.Path(folder)
    paths = "".join(f"{name}_temp_path {folder}/{name};\n"
                    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    folder.joinpath("big").write_bytes(b"x" * 4_000_000)
    folder.joinpath("nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log stderr warn;\nworker_processes 1;\n"
        + ("user root;\n" if os.geteuid() == 0 else "")
        + "events { worker_connections 32; }\n"
        f"http {{ access_log off;\n{paths}"
        f"server {{ listen 80; listen [::]:80; root {folder};\n"
        "location = /hello { return 200 \"hello\\n\"; } } }\n", encoding="utf-8")
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


@case
def nginx_serves_curl():
    """nginx as server, curl as --peer; the last ACK of the connection is lost, nobody minds"""
    with tempfile.TemporaryDirectory() as folder:
        lived = run("last-ack-lost", "--as=server", "--expect-exit=0",
                    "--peer=exec curl --no-progress-meter --noproxy '*' http://{host}:{port}/hello",
                    "--", *nginx(folder), needs=["nginx", "curl"])
    equal(lived.status, 0, lived.told())
    ended(lived, lived.client, 0)
    equal((lived.server["exit"], lived.server["ended"], lived.server["asserted"]), (0, False, True))
    equal(lived.server["connections"], 1)
    true("answered", lived, any(r and r != "EAGAIN" for r in results(lived.server, "writev")))
    contains(lived.out, "hello\n")


@case
def nginx_dies_in_a_download():
    """nginx is killed in the middle of a download: curl tells that it is not whole"""
    with tempfile.TemporaryDirectory() as folder:
        lived = run("process-died", "--as=server", "--after-bytes=500k",
                    "--peer=exec curl --no-progress-meter --noproxy '*' --limit-rate 2M -o /dev/null "
                    "http://{host}:{port}/big", "--", *nginx(folder), needs=["nginx", "curl"])
    equal(lived.server["signal"], "SIGKILL", lived.told())
    true("curl exit 18 or 56", lived, lived.client["exit"] in (18, 56))
    true("the end of the stream, or a reset", lived,
         results(lived.client, "recvfrom")[-1] in (0, "ECONNRESET"))


# ---- Redis ----

REDIS = "exec redis-server --port {port} --bind {host} --save '' --protected-mode no --dir /"


@case
def redis_dies_between_requests():
    """redis-server is killed between two requests: redis-cli ends, and does not connect again"""
    lived = run("process-died", "--after=700ms", f"--peer={REDIS}", "--expect-exit=1", "--within=30s",
                "--", "redis-cli", "-h", "{host}", "-p", "{port}", "-r", "100", "-i", "0.05", "ping",
                needs=["redis-cli", "redis-server"])
    equal(lived.status, 0, lived.told())
    true("it worked before", lived, lived.out.count("PONG") > 2)
    equal(lived.server["signal"], "SIGKILL", lived.told())
    true("the end of the stream, or a reset", lived,
         {0, "ECONNRESET", "EPIPE"} & set(results(lived.client, "recvfrom")
                                          + results(lived.client, "sendto")[-1:]))


@case
def redis_as_server():
    """redis-server behind --, redis-cli as its peer; at its SIGTERM it exits with 0"""
    lived = run("last-ack-lost", "--as=server", "--expect-exit=0",
                "--peer=exec redis-cli -h {host} -p {port} echo works", "--",
                *REDIS.replace("exec ", "").replace("''", "").split(" "),
                needs=["redis-cli", "redis-server"])
    equal(lived.status, 0, lived.told())
    ended(lived, lived.client, 0)
    contains(lived.out, "works\n")
    equal((lived.server["exit"], lived.server["ended"]), (0, False))
    equal(lived.server["connections"], 1)


# ---- PostgreSQL ----

def postgres_binary():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found:
        raise Skip("there is no PostgreSQL server here")
    return pathlib.Path(found[-1]).parent


@case
def postgres_dies_in_a_query():
    """postgres is killed in the middle of a query: psql reads the end of the stream, exits with 2"""
    if NO_GROUND:
        raise Skip(NO_GROUND)
    binaries = postgres_binary()
    drop = []
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:  # the server refuses to be root
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                raise Skip("there is no user postgres") from None
            os.chown(folder, user.pw_uid, user.pw_gid)
            drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        made = subprocess.run([*drop, str(binaries / "initdb"), "-D", folder + "/data", "-U", "lab",
                               "-A", "trust", "--no-sync", "--locale=C"], capture_output=True,
                              text=True, env={**os.environ, "HOME": folder}, cwd="/", check=False)
        if made.returncode:
            raise AssertionError(f"initdb: {made.stdout}\n{made.stderr}")
        with open(folder + "/data/pg_hba.conf", "a", encoding="utf-8") as access:
            access.write("host all all 0.0.0.0/0 trust\n")
        server = " ".join([*drop, str(binaries / "postgres"), "-D", folder + "/data", "-h", "{host}",
                           "-p", "{port}", "-k", folder, "-F"])
        # It listens before it is ready; the query says when it is under way.
        lived = run("process-died", "--at-line=in the middle", f"--peer=cd /; exec {server}",
                    "--expect-exit=2", "--within=40s", "--", "sh", "-c",
                    f"until {binaries}/pg_isready -q -h {{host}} -p {{port}}; do sleep 0.1; done; "
                    "exec psql -X -h {host} -p {port} -U lab -d postgres -c \"$1\"", "sh",
                    "do $x$ begin raise notice 'in the middle'; perform pg_sleep(60); end $x$",
                    needs=["psql"])
    equal(lived.status, 0, lived.told())
    ended(lived, lived.client, 2)
    contains(lived.err, "in the middle\n", "server closed the connection unexpectedly")
    true("the end of the stream, or a reset", lived,
         {0, "ECONNRESET"} & set(results(lived.client, "recvfrom")))
    equal(lived.server["signal"], "SIGKILL", lived.told())


# ---- what does not depend on the program ----

@case
def streams_are_the_callers():
    """standard input, output and error are the caller's, the working directory, too"""
    lived = run("port-closed/basic/v4", "--expect-exit=3", "--", "sh", "-c",
                "read word; echo got $word in $PWD at $TCPWHY_HOST $TCPWHY_PORT; echo err >&2; exit 3",
                stdin=b"input\n", cwd="/usr")
    equal(lived.status, 0, lived.told())
    contains(lived.out, "got input in /usr at 192.0.2.2 80\n")
    contains(lived.err, "err\n")


@case
def line_triggers():
    """--at-line: the fault comes at a line of the output, which passes unchanged"""
    lived = run("peer-vanished/in-flight/v4", "--at-line=^now [0-9]+$", "--within=30s", "--", "sh", "-c",
                "curl --no-progress-meter --noproxy '*' -o /dev/null http://{host}:{port}/ && echo first;"
                "echo 'now 1';"
                "sleep 0.3; curl --no-progress-meter --noproxy '*' --max-time 1 http://{host}:{port}/",
                needs=["curl"])
    contains(lived.out, "first\nnow 1\n")
    ended(lived, lived.client, 28)
    equal(lived.client["connections"], 2)


@case
def broken_programs():
    """a program that cannot be run, and a server that does not listen: said in one sentence"""
    result = tcpwhy("lab", "run", "port-closed/basic/v4", "--", "no-such-program-anywhere", "x")
    equal(result.status, 2)
    contains(one_line(result.err), "cannot run no-such-program-anywhere")
    with tempfile.NamedTemporaryFile() as script:  # can be run as far as anybody can tell before
        script.write(b"#!/no/such/interpreter\n")
        script.flush()
        os.chmod(script.name, 0o755)
        busy = shutil.copy(script.name, script.name + ".sh")
        try:
            lived = run("port-closed/basic/v4", "--", busy)
        finally:
            os.unlink(busy)
    equal(lived.status, 2, lived.told())
    equal(lived.record["error"], f"cannot run '{busy}': the interpreter that it names is not there")
    lived = run("process-died", "--as=server", "--", "true")
    equal(lived.status, 2, lived.told())
    contains(lived.record["error"], "ended before it listened on port 80")


@case
def a_request_that_overtakes_accept():
    """the request is on its way before the server of the script has accepted: it does so all the same"""
    with tempfile.NamedTemporaryFile(mode="w", suffix=".lab") as script:
        script.write("delay 50ms\nserver listen\nclient connect\nserver accept\nclient send 10\n"
                     "queue server recv 5\nfault\nserver kill\n")
        script.flush()
        lived = run(script.name, "--within=20s", "--expect-exit=104", "--", sys.executable, "-c",
                    "import socket, sys\n"
                    "s = socket.create_connection((sys.argv[1], 80))\n"
                    "s.sendall(b'hello')\n"
                    "try:\n s.recv(1)\nexcept OSError as e:\n sys.exit(e.errno)", "{host}")
    equal(lived.status, 0, lived.told())
    true("soon", lived, lived.record["fault"] < 5)


@case
def a_fault_that_never_came():
    """a program that ends before its trigger: said in the report, and `fault` is null"""
    lived = run("process-died", "--at=connect", "--expect-exit=0", "--", "true")
    equal(lived.status, 0, lived.told())
    equal(lived.record["fault"], None)
    contains(lived.out, "No fault    it was over before the handshake was\n")
    lived = run("port-closed/basic/v4", "--", "true")
    true("this fault is there first", lived, lived.record["fault"] >= 0)
    true("and nothing is missing", lived, "No fault" not in lived.out)


@case
def nothing_outlives_the_run():
    """a daemon of the program dies with the run"""
    with tempfile.TemporaryDirectory() as folder:
        mark = folder + "/alive"
        lived = run("port-closed/basic/v4", "--", "sh", "-c",
                    f"(trap '' HUP TERM; while sleep 0.05; do echo >> {mark}; done) & sleep 0.3")
        equal(lived.status, 0, lived.told())
        before = os.path.getsize(mark)
        true("it lived", lived, before > 0)
        subprocess.run(["sleep", "0.3"], check=True)
        equal(os.path.getsize(mark), before, "size of the daemon's file")


@case
def ordinary_user():
    """as an ordinary user the program is that user again, in the lab's network"""
    if os.geteuid() != 0:
        raise Skip("the other cases show it")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copy = shutil.copy(PROGRAM, folder)
        probe = subprocess.run(["unshare", "-Urn", "true"], user=NOBODY, group=NOBODY, extra_groups=[],
                               capture_output=True, check=False)
        if probe.returncode:
            raise Skip("nobody can not make a user namespace here")
        lived = run("port-closed/basic/v4", "--expect-exit=7", "--", "sh", "-c",
                    "id -u; exec curl --no-progress-meter --noproxy '*' http://{host}:{port}/",
                    needs=["curl"], program=copy, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")
    equal(lived.status, 0, lived.told())
    contains(lived.out, f"{NOBODY}\n")


# ---- what the documents print ----

def printed_commands():
    """[(document, command)] of all `tcpwhy lab run` with a program, each on one line."""
    found = []
    for document in ("README.md", "docs/lab.md", "man/tcpwhy-lab.1.scd"):
        text = (ROOT / document).read_text(encoding="utf-8").replace("\\\n", " ")
        found += [(document, " ".join(line.split())) for line in text.splitlines()
                  if re.match(r"\s*(sudo )?tcpwhy lab run .* -- ", line) and "${{" not in line]
    return found


def as_printed(document, command):
    def one():
        if NO_GROUND:
            raise Skip(NO_GROUND)
        for name in re.findall(r"\b(curl|redis-server|redis-cli|nginx|psql)\b", command):
            if not shutil.which(name):
                raise Skip(f"there is no {name} here")
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.abspath(PROGRAM), folder + "/tcpwhy")
            done = subprocess.run(["sh", "-c", command], env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
        told = done.stdout.decode(errors="replace")
        equal(done.returncode, 0, command + "\n" + told)
        phenomenon = re.search(r"lab run (\S+)", command).group(1)
        verdict = re.search(r"client end +(\S+) \(", told).group(1)
        # After a time a server dies in the midst of a request or between two: only that can be told from packets.
        if "--after" not in command:
            equal(verdict, phenomenon, command)
        if "--as server" in command:
            contains(told, "Connections 1 accepted")
    one.__name__ = "as_printed_" + re.sub(r"\W+", "_", document)
    one.__doc__ = f"{document}: {command[:70]}... ends with status 0, and shows what it is named after"
    return one


case_of = [case(as_printed(*command)) for command in printed_commands()]


@case
def documents_print_commands():
    """there are commands in the documents to be run"""
    equal(len(case_of) >= 5, True, f"{len(case_of)} commands")


if __name__ == "__main__":
    if shutil.which("/usr/sbin/nginx"):  # not in an ordinary user's PATH
        os.environ["PATH"] += ":/usr/sbin"
    sys.exit(main())
