#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Short fuzz runs, and the replay of all seeds.

The seeds are the test captures (and frames cut from them), the statements of docs/lab.md, and what stands in
tests/fuzz/corpus/TARGET: inputs that once broke something. With libFuzzer targets (a build directory
configured with -Dfuzz=true) each is fuzzed for a while; with the replaying driver every seed is run once. TAP.

usage: tests/fuzz/run.py BUILD [--seconds N]
       tests/fuzz/run.py BUILD --make [--seconds N]  make a libFuzzer build at BUILD first; without clang
                                                     the cases are skipped
"""
import argparse
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGETS = ["file", "source", "pipe", "decode", "tracker", "script"]


def captures():
    return sorted(p for p in (ROOT / "tests" / "captures").rglob("*") if p.suffix in (".pcap", ".pcapng"))


def frames_as_seeds(folder):
    """Input for the decoder: link type, then length and bytes of some frames of each capture."""
    for capture in captures()[::5]:
        data = capture.read_bytes()
        if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
            continue
        seed, at = data[20:22], 24
        while at + 16 <= len(data) and len(seed) < 4000:
            length = struct.unpack_from("<I", data, at + 8)[0]
            seed += struct.pack("<H", min(length, 65535)) + data[at + 16:at + 16 + length]
            at += 16 + length
        (folder / (capture.stem + ".frames")).write_bytes(seed)


def tracker_seeds(folder):
    """A clean conversation, a refused one, a silent one, a reset one, in the tracker target's notation."""
    def op(flags, side, payload=0, step=1, seq=0, scale=0, more=0):
        return bytes([flags, side | scale << 4 | more, seq & 255, 0, payload, step, 64, 0])
    shake = op(2, 0) + op(18, 1) + op(16, 0)
    (folder / "clean").write_bytes(shake + op(24, 0, 4) + op(16, 1) + op(24, 1, 9) + op(16, 0) + op(17, 0)
                                   + op(17, 1) + op(16, 0))
    (folder / "refused").write_bytes(op(2, 0) + op(20, 1))
    (folder / "silent").write_bytes(b"".join(op(2, 0, step=61, seq=-1 if n else 0, scale=10 + n) for n in range(5)))
    (folder / "reset").write_bytes(shake + op(24, 0, 4) + op(20, 1) + op(4, 1))
    (folder / "window").write_bytes(shake + op(24, 0, 60) + op(16, 1, more=8) + op(16, 0, seq=-1, scale=10) * 5)


def script_seeds(folder):
    """The scenario of docs/lab.md, and whatever else stands there as code: most of it is a statement."""
    page = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
    (folder / "example").write_text(page.split("```")[1], encoding="utf-8")
    for number, code in enumerate(re.findall("`([^`\n]+)`", page.replace("\\|", "|"))):
        (folder / f"statement-{number}").write_text(code + "\n", encoding="utf-8")


def is_libfuzzer(program):
    done = subprocess.run([program, "-help=1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return b"libFuzzer" in done.stdout


def fuzz(program, corpora, seconds, found):
    command = [str(program), f"-max_total_time={seconds}", "-max_len=20000", "-timeout=20",
               "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}/", *map(str, corpora)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds + 300)


def replay(program, corpora):
    files = [str(f) for c in corpora for f in sorted(c.rglob("*")) if f.is_file() and f.suffix != ".tsv"]
    return subprocess.run([str(program), *files], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=600)


def one_target(build, name, seconds, folder):
    """(good, what was done, output)"""
    program = build / "tests" / "fuzz" / f"fuzz_{name}"
    seeds = folder / name
    seeds.mkdir()
    if name == "decode":
        frames_as_seeds(seeds)
    elif name == "tracker":
        tracker_seeds(seeds)
    elif name == "script":
        script_seeds(seeds)
    corpora = [seeds] + ([ROOT / "tests" / "captures"] if name in ("file", "pipe") else [])
    if (HERE / "corpus" / name).is_dir():
        corpora.append(HERE / "corpus" / name)
    if not is_libfuzzer(program):
        done = replay(program, corpora)
        return done.returncode == 0, "replay of all seeds", done.stdout.decode(errors="replace")
    found = build / "found"
    found.mkdir(exist_ok=True)
    done = fuzz(program, corpora, seconds, found)
    text = done.stdout.decode(errors="replace")
    runs = [line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line]
    good = done.returncode == 0 and bool(runs) and int(runs[0]) > 0
    return good, f"fuzzed for {seconds} s", text


def make(build):
    """A libFuzzer build; False without clang."""
    if not shutil.which("clang"):
        return False
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(build), "-Db_sanitize=address,undefined", "-Db_lundef=false",
                        "-Dfuzz=true", "-Dtests=disabled", "-Ddocs=disabled"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=dict(os.environ, CC="clang"))
    subprocess.run(["ninja", "-C", str(build)] + [f"tests/fuzz/fuzz_{t}" for t in TARGETS], check=True,
                   stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--make", action="store_true")
    arguments = parser.parse_args()
    os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    if arguments.make and not make(arguments.build):
        print("1..0 # SKIP clang is not installed: the seeds are only replayed")
        return
    good = True
    print(f"1..{len(TARGETS)}")
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(TARGETS, 1):
            fine, what, text = one_target(arguments.build, name, arguments.seconds, pathlib.Path(folder))
            good = good and fine
            print(f"{'ok' if fine else 'not ok'} {number} - {name}: {what}", flush=True)
            lines = text.splitlines()
            for line in ([] if fine else lines[:5] + ["..."] + lines[-60:]):
                print(f"# {line}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
