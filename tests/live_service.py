#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is installed beside `tcpwhy live`: the systemd unit (well-formed, hardened, and its rights and system calls are
those that the program needs) and the Grafana dashboard (each metric and label it asks for exists). TAP.

usage: tests/live_service.py BUILD
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap
from live_page import Watch, inside_namespace, need_live, parse, refused, total
from tap import PROGRAM, ROOT, Skip, case, contains, equal

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build")
UNIT = BUILD / "data" / "systemd" / "tcpwhy-live.service"
EXPOSURE_MOST = 2.0  # of 10, as systemd-analyze security counts


def settings():
    """name -> the values given to it, of the unit."""
    found = {}
    for line in UNIT.read_text().splitlines():
        if re.match(r"[A-Za-z]+=", line):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def analyze(*words):
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, env=dict(os.environ, SYSTEMD_COLORS="0", COLUMNS="200"))
    return done.returncode, done.stdout


def unit_copy(folder):
    """The unit, with the program of this build in place of the one that is not installed yet."""
    command = settings()["ExecStart"][0].split(" ", 1)
    path = pathlib.Path(folder) / UNIT.name
    path.write_text(UNIT.read_text().replace(f"ExecStart={command[0]}", f"ExecStart={pathlib.Path(PROGRAM).resolve()}"))
    return str(path)


@case
def verified():
    """systemd-analyze verify has nothing to say against the unit"""
    with tempfile.TemporaryDirectory() as folder:
        equal(analyze("verify", "--man=no", unit_copy(folder)), (0, ""))


@case
def hardened():
    """systemd-analyze security counts it as well closed"""
    with tempfile.TemporaryDirectory() as folder:
        status, said = analyze("security", "--offline=yes", unit_copy(folder))
    equal(status, 0, said)
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)[1])
    assert exposure <= EXPOSURE_MOST, said


def caps_program(folder, caps):
    """The words that run a copy of the program as nobody, with these rights alone."""
    if not shutil.which("setpriv"):
        raise Skip("needs setpriv")
    os.chmod(folder, 0o755)
    copy = shutil.copy(PROGRAM, folder)
    wanted = ",".join(["-all", *("+" + c.lower().removeprefix("cap_") for c in caps)])
    return copy, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={wanted}",
                  f"--ambient-caps={wanted}", f"--bounding-set={wanted}", "--no-new-privs"]


@case
def rights():
    """the unit's two capabilities are enough for a user who is nobody, and neither can be missed"""
    need_live()
    caps = settings()["AmbientCapabilities"][0].split()
    equal(settings()["CapabilityBoundingSet"][0].split(), caps)
    with tempfile.TemporaryDirectory() as folder:
        copy, words = caps_program(folder, caps)
        # Without a namespace: whoever is nobody may not look at that of root's process.
        with Watch(program=words, binary=copy, netns=False) as w:
            refused(2101)
            w.wait(lambda s: total(s, "tcpwhy_port_findings_total", port="2101") == 1)
            status = pathlib.Path(f"/proc/{w.process.pid}/status").read_text()
            equal(re.search(r"Uid:\s+(\d+)", status)[1], "65534")
            equal(re.search(r"CapEff:\s+(\w+)", status)[1], f"{1 << 38 | 1 << 39:016x}")
        for missing in caps:
            copy, words = caps_program(folder, [c for c in caps if c != missing])
            done = subprocess.run([*words, copy, "live", "--duration=100ms"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
            equal(done.returncode, 2, f"without {missing}")
            contains(tap.one_line(done.stderr), "CAP_BPF and CAP_PERFMON")


def members(group):
    """The system calls of a group of systemd's, with the groups in it."""
    status, said = analyze("syscall-filter", group)
    equal(status, 0, said)
    calls = set()
    for word in re.findall(r"^    (@?\w[\w-]*)", said, re.M):
        calls |= members(word) if word[0] == "@" else {word}
    return calls


def allowed():
    calls = set()
    for line in settings()["SystemCallFilter"]:
        without = line.startswith("~")
        for word in line.lstrip("~").split():
            found = members(word) if word[0] == "@" else {word}
            calls = calls - found if without else calls | found
    return calls


@case
def system_calls():
    """every system call that the program makes is one that the unit lets through"""
    need_live()
    if not shutil.which("strace"):
        raise Skip("needs strace")
    may = allowed()
    with tempfile.NamedTemporaryFile("r") as log:
        with Watch(program=["strace", "-qq", "-o", log.name], env={"ASAN_OPTIONS": "detect_leaks=0"}) as w:
            refused(2102)
            w.wait(lambda s: total(s, "tcpwhy_port_findings_total", port="2102") == 1)
            child = subprocess.run(["pgrep", "-P", str(w.process.pid)], stdout=subprocess.PIPE, text=True).stdout
            os.kill(int(child.split()[0]), signal.SIGINT)
        made = set(re.findall(r"^(\w+)\(", log.read(), re.M))
    assert {"bpf", "capset", "epoll_wait"} <= made, made
    equal(made - may, set())


@case
def dashboard():
    """the dashboard is JSON; each metric and label it asks for is on the page; panels do not overlap"""
    need_live()
    board = json.loads((ROOT / "data" / "grafana" / "tcpwhy.json").read_text())
    with Watch() as w:
        refused(2103)
        samples = w.wait(lambda s: total(s, "tcpwhy_port_findings_total", port="2103") == 1)
    labels = {}
    for name, found in samples:
        labels.setdefault(name, {"instance", "job"}).update(key for key, _ in found)
    asked = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            asked |= check_query(target["expr"], target["legendFormat"], labels)
    for variable in board["templating"]["list"]:
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
        assert label in labels[name], variable
    equal(set(labels) - asked, {"process_start_time_seconds", "tcpwhy_scrapes_total"}, "metrics that no panel shows")
    taken = set()
    for panel in board["panels"]:
        g = panel["gridPos"]
        cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
        assert not taken & cells and g["x"] + g["w"] <= 24, panel["title"]
        taken |= cells
    equal(len({p["id"] for p in board["panels"]}), len(board["panels"]), "ids")


def check_query(expr, legend, labels):
    """The metrics of a query; its labels must exist on them."""
    names = set(re.findall(r"\b(?:tcpwhy|process)_[a-z_]+\b", expr))
    assert names and names <= set(labels), f"no such metric: {expr}"
    there = set.union(*(labels[n] for n in names))
    for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expr):
        assert set(re.split(r", *", group)) <= there, f"no such label: {expr}"
    for name, inner in re.findall(r"((?:tcpwhy|process)_[a-z_]+)\{([^}]*)\}", expr):
        for label in re.findall(r"(\w+)(?:=~|!=|=|!~)\"", inner):
            assert label in labels[name], f"no label {label}: {expr}"
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= there, legend
    equal(expr.count("("), expr.count(")"), expr)
    return names


@case
def promtool_rules():
    """promtool reads every query of the dashboard"""
    tool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not tool:
        raise Skip("promtool is not installed (Debian: prometheus)")
    board = json.loads((ROOT / "data" / "grafana" / "tcpwhy.json").read_text())
    queries = [t["expr"].replace("$__rate_interval", "1m") for p in board["panels"] for t in p["targets"]]
    rules = [{"record": f"q:{i}", "expr": q} for i, q in enumerate(queries)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        # JSON is YAML.
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run([tool, "check", "rules", file.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    equal(done.returncode, 0, done.stdout)
    contains(done.stdout, f"{len(rules)} rules found")


if __name__ == "__main__":
    inside_namespace()
    del sys.argv[1:2]
    tap.main(workers=1)
