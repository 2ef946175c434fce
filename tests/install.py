#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `make install` leaves behind: program, manual, completions, library, header, pkg-config file and
data; the example program is compiled against just that, as a user would, and run. TAP.

usage: tests/install.py BUILD
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from tap import CAPTURES, ROOT, Skip, case, contains, equal, main

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build"
FOLDER = tempfile.TemporaryDirectory()
PREFIX = pathlib.Path(FOLDER.name)


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **more)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def installed(pattern):
    found = sorted(PREFIX.rglob(pattern))
    equal(len(found), 1, f"files like {pattern}")
    return found[0]


@case
def everything_is_there():
    """program, man pages, completions, library, header, pkg-config file and data are installed"""
    # Only where the program can do what it is to be started for.
    ninja = pathlib.Path(BUILD, "build.ninja").read_text()
    unit = ["lib/systemd/system/tcpwhy-live.service"] if "live.skel.h" in ninja and "live_metrics.c" in ninja else []
    for name in ("bin/tcpwhy", "tcpwhy.1", "tcpwhy-read.1", "tcpwhy-lab.1", "tcpwhy-live.1", "tcpwhy-doctor.1", "tcpwhy-predict.1", "tcpwhy-audit.1",
                 "tcpwhy-explain.1", "tcpwhy-phenomena.7",
                 "bash-completion/completions/tcpwhy", "site-functions/_tcpwhy",
                 "vendor_completions.d/tcpwhy.fish", "libtcpwhy.a", "include/tcpwhy/tcpwhy.h",
                 "pkgconfig/tcpwhy.pc", "tcpwhy/idle-timeouts.tsv",
                 "tcpwhy/grafana/tcpwhy.json", *unit):
        found = [p for p in PREFIX.rglob(pathlib.Path(name).name + "*") if name in str(p)]
        equal(len(found), 1, name)
    equal([p.name for p in PREFIX.rglob("tcpwhy-generate")], [])


@case
def the_installed_program_runs():
    """the installed program reads a capture"""
    status, out, _ = run(installed("bin/tcpwhy"), CAPTURES / "01-refused.client.pcap")
    equal(status, 1)
    contains(out, "port-closed")


def compile_example(folder, sanitize):
    environment = dict(os.environ, PKG_CONFIG_PATH=str(installed("tcpwhy.pc").parent))
    status, flags, error = run("pkg-config", "--cflags", "--libs", "tcpwhy", env=environment)
    equal(status, 0, error)
    program = f"{folder}/first_failure"
    status, _, error = run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *sanitize,
                           ROOT / "examples" / "first_failure.c", *flags.split(), "-o", program)
    equal(status, 0, error)
    return program


@case
def the_example_compiles_and_runs():
    """examples/first_failure.c compiles against what is installed, and tells the first failure"""
    if not shutil.which("cc") or not shutil.which("pkg-config"):
        raise Skip("no cc or pkg-config")
    # The library of a sanitized build needs the sanitizer's runtime.
    options = run("meson", "introspect", "--buildoptions", BUILD)[1]
    sanitize = ["-fsanitize=address,undefined"] if '"address,undefined"' in options else []
    with tempfile.TemporaryDirectory() as folder:
        program = compile_example(folder, sanitize)
        status, out, error = run(program, CAPTURES / "01-refused.client.pcap")
        equal((status, error), (1, ""))
        contains(out, "port-closed", "packet 2: ", "The client's connect got ECONNREFUSED.")
        status, out, error = run(program, CAPTURES / "02b-dead-lan-noarp.client.pcap")
        equal((status, out), (0, "Nothing failed in 0 connections.\n"))
        status, out, error = run(program, "/nonexistent")
        equal((status, out), (2, ""))
        contains(error, "/nonexistent")


@case
def the_header_stands_alone():
    """tcpwhy.h compiles by itself as C11 and as C++"""
    for compiler, language, standard in (("cc", "c", "c11"), ("c++", "c++", "c++17")):
        if not shutil.which(compiler):
            if compiler == "c++":
                raise Skip("no C++ compiler: tried as C only")
            raise Skip("no C compiler")
        status, _, error = run(compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                               "-pedantic", "-fsyntax-only", ROOT / "include" / "tcpwhy" / "tcpwhy.h")
        equal(status, 0, error)


@case
def man_pages_have_no_faults():
    """the man pages are clean for man's own check"""
    if not shutil.which("groff"):
        raise Skip("groff is not installed")
    for page in sorted(PREFIX.rglob("tcpwhy*.[17]")):
        status, _, error = run("groff", "-man", "-Tutf8", "-ww", "-z", page)
        equal((status, error), (0, ""), page.name)


if __name__ == "__main__":
    # Into a staging tree, then used from there by prefix: what a packager and a user do.
    status, _, error = run("meson", "install", "--no-rebuild", "-C", BUILD, "--destdir", FOLDER.name)
    if status:
        print(f"1..1\nnot ok 1 - meson install\n# {error}")
        sys.exit(1)
    pc = sorted(PREFIX.rglob("tcpwhy.pc"))
    if pc:
        # A staged tree is not where its prefix says: point the prefix into it.
        text = pc[0].read_text()
        old = next(line for line in text.splitlines() if line.startswith("prefix="))
        pc[0].write_text(text.replace(old, f"prefix={FOLDER.name}{old[7:]}"))
    main()
