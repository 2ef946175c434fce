# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of `tcpwhy live --metrics` share: a watch with its page, and a reader of Prometheus' text format."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

from tap import PROGRAM, Skip, contains, equal, looks, tcpwhy

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{NAME}="(?:[^"\\\n]|\\["\\n])*",?)*)\}})? ([0-9.eE+-]+|NaN|[+-]Inf)')
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"')


def parse(text):
    """{(name, labels as a sorted tuple): value}; raises where the text is not Prometheus' format 0.0.4."""
    samples, types, helps, current = {}, {}, set(), None
    assert text.endswith("\n"), "the last line does not end"
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helps, f"second HELP of {name}"
            helps.add(name)
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert kind in ("counter", "gauge"), line
            assert current not in types, f"second TYPE of {current}"
            assert kind == "gauge" or current.endswith("_total"), f"a counter that is not named _total: {current}"
            types[current] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, f"no sample: {line!r}"
            name, labels, value = match.groups()
            equal(name, current, "a sample outside of its family")
            key = (name, tuple(sorted(LABEL.findall(labels or ""))))
            assert key not in samples, f"twice: {key}"
            samples[key] = float(value)
    equal(set(types), helps, "families with TYPE and HELP")
    return samples


def total(samples, name, **labels):
    return sum(v for (n, found), v in samples.items() if n == name and set(labels.items()) <= set(found))


class Watch:
    """tcpwhy live --metrics within the block."""

    def __init__(self, *arguments, address="127.0.0.1:0", program=(), binary=PROGRAM, netns=True, env=None):
        self.words = [*program, binary, "live", "--json", "--metrics", address, *arguments]
        if netns:
            self.words += ["--netns", str(os.getpid())]
        self.env = dict(os.environ, **(env or {}))

    def __enter__(self):
        # Into a file: a pipe that nobody reads would hold the watch up.
        self.out = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.words, stdout=self.out, stderr=subprocess.PIPE, text=True,
                                        env=self.env)
        watching, metrics = self.process.stderr.readline(), self.process.stderr.readline()
        contains(watching, "watching the TCP connections")
        self.url = re.fullmatch(r"tcpwhy: metrics at (http://\S+/metrics)\n", metrics)[1]
        self.port = int(self.url.rsplit(":", 1)[1].split("/")[0])
        return self

    def page(self):
        with urllib.request.urlopen(self.url, timeout=20) as answer:
            equal(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            return answer.read().decode()

    def wait(self, good):
        """The samples, once they are as wanted."""
        for _ in looks(20):
            samples = parse(self.page())
            if good(samples):
                return samples
        raise AssertionError(f"it never came: {sorted(samples.items())}")

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGINT)
        err = self.process.communicate(timeout=30)[1]
        if kind is None:
            assert self.process.returncode in (0, 1) and "Sanitizer" not in err, err[-3000:]
            self.out.seek(0)
            self.summary = json.loads(self.out.readlines()[-1])
        self.out.close()


def need_live():
    if os.geteuid():
        raise Skip("needs root")
    if tcpwhy("doctor").status == 2:
        raise Skip("tcpwhy live does not work here; see tcpwhy doctor")
    if "built without libmicrohttpd" in tcpwhy("live", "--metrics", "x").err:
        raise Skip("built without libmicrohttpd")


def refused(*ports):
    """A connect() to each, all refused, by a process with this name."""
    for port in ports:
        with socket.socket() as s:
            equal(s.connect_ex(("127.0.0.1", port)), 111)


def inside_namespace():
    """As root: start this script again on a loopback of its own, and end with its status."""
    if os.geteuid() == 0 and "--inside" not in sys.argv:
        sys.exit(subprocess.run(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable,
                                 *sys.argv, "--inside"]).returncode)
    sys.argv = [word for word in sys.argv if word != "--inside"]
