# SPDX-License-Identifier: BSD-2-Clause
"""What the test scripts share: cases as functions, run in parallel, told as TAP."""
import concurrent.futures
import errno
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
CAPTURES = HERE / "captures" / "kernel"
PROGRAM = os.environ.get("TCPWHY", str(ROOT / "build" / "tcpwhy"))
GENERATE = os.environ.get("TCPWHY_GENERATE", str(pathlib.Path(PROGRAM).parent / "tcpwhy-generate"))

_cases = []


class Skip(Exception):
    """The case can not run here; the text says why."""


def case(function):
    """Registers a test case; its docstring is its name. It fails by raising."""
    _cases.append(function)
    return function


class Result:
    def __init__(self, status, out, err):
        self.status, self.raw, self.out, self.err = status, out, out.decode(errors="replace"), err


def tcpwhy(*arguments, stdin=b"", env=None, timeout=60, program=None, **more):
    """Runs the program. A crash, a sanitizer's report or a hang fails the case at once."""
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    environment.update(env or {})
    feed = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    done = subprocess.run([program or PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment, timeout=timeout, **feed, **more)
    result = Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
    if done.returncode not in (0, 1, 2) or "Sanitizer" in result.err or "runtime error" in result.err:
        raise AssertionError(f"tcpwhy {' '.join(map(str, arguments))}: status {done.returncode}\n"
                             + result.err[-3000:])
    return result


def looks(seconds, every=.05):
    """One look after the other at what is to come. Looks are counted: on a machine that stood still no time was waited."""
    for _ in range(round(seconds / every)):
        yield
        time.sleep(every)


def destroys_sockets():
    """Does this kernel have CONFIG_INET_DIAG_DESTROY? ss -K does not tell: it is asked for a socket that there is not."""
    nobody = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xffffffff) + struct.pack(
        "!HH4s12x4s12x", 1, 1, *[socket.inet_aton("127.0.0.1")] * 2) + struct.pack("=III", 0, 0xffffffff, 0xffffffff)
    sock_destroy, request_and_ack, sock_diag = 21, 5, 4
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, sock_diag) as s:
        s.send(struct.pack("=IHHII", 16 + len(nobody), sock_destroy, request_and_ack, 1, 0) + nobody)
        return -struct.unpack_from("=i", s.recv(4096), 16)[0] != errno.EOPNOTSUPP


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what or 'value'}: got {got!r}, wanted {wanted!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text[:1500]!r}")


def one_line(text):
    """The diagnostics on stderr are one clear line that begins with the program's name."""
    lines = text.splitlines()
    if len(lines) != 1 or not lines[0].startswith("tcpwhy: "):
        raise AssertionError(f"not one line on stderr: {text!r}")
    return lines[0]


def _run(function):
    try:
        function()
        return "ok", ""
    except Skip as reason:
        return "skip", str(reason)
    except AssertionError as wrong:
        return "not ok", str(wrong)
    except Exception:
        return "not ok", traceback.format_exc()


def main(workers=None):
    """Runs all cases, or those whose name holds a word of the command line; at most @workers at a time."""
    chosen = [c for c in _cases if not sys.argv[1:] or any(w in c.__name__ for w in sys.argv[1:])]
    good = True
    print(f"1..{len(chosen)}")
    with concurrent.futures.ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for number, (function, (state, text)) in enumerate(zip(chosen, pool.map(_run, chosen)), 1):
            name = " ".join((function.__doc__ or function.__name__).split())
            if state == "skip":
                print(f"ok {number} - {name} # SKIP {text}")
                continue
            good = good and state == "ok"
            print(f"{state} {number} - {name}", flush=True)
            for line in text.splitlines():
                print(f"#   {line}")
    sys.exit(0 if good and chosen else 1)
