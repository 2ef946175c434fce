#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: each gets one clear line and the right exit status, what was readable is reported, and
nothing crashes or hangs (the test build runs under ASan and UBSan).

usage: TCPWHY=build/tcpwhy tests/badinput.py [WORD...]
"""
import gzip
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from tap import CAPTURES, PROGRAM, Skip, case, contains, equal, main, one_line, tcpwhy

SAMPLE = CAPTURES / "09-close-unread.client.pcap"


def write(data, suffix=".pcap"):
    file = tempfile.NamedTemporaryFile(suffix=suffix)
    file.write(data)
    file.flush()
    return file


def read(data, *arguments, suffix=".pcap"):
    with write(data, suffix) as file:
        return tcpwhy("--json", "--all", *arguments, file.name)


def summary(result):
    return json.loads(result.out.splitlines()[-1])


def refused(result, *parts):
    """Nothing could be read: status 2, nothing on stdout, one line that says why."""
    equal((result.status, result.out), (2, ""))
    contains(one_line(result.err), *parts)


def damaged(result, packets):
    """Read as far as it goes: @packets are reported, the damage is named in the summary and on stderr."""
    total = summary(result)
    equal(total["packets"], packets)
    equal(len(total["problems"]) >= 1, True, f"the damage is in the summary: {total['problems']}")
    equal(result.status in (0, 1), True, f"status {result.status}")
    for line in result.err.splitlines():
        equal(line.startswith("tcpwhy: "), True, line)
    equal(bool(result.err), True, "the damage is named on stderr")


@case
def not_a_capture():
    """text, random bytes and a program are no captures: one line, status 2"""
    for data in (b"Dear Sir or Madam,\n" * 100, random.Random(1).randbytes(5000),
                 pathlib.Path("/bin/sh").read_bytes()[:20000], b"x", b"\xd4\xc3\xb2", b"\0" * 4096):
        refused(read(data))


@case
def files_appended_to_each_other():
    """cat a.pcap b.pcap: both are read, and where the second begins is said; one of another kind ends the reading"""
    first = (CAPTURES / "01-refused.client.pcap").read_bytes()
    second = (CAPTURES / "11-data-after-fin-recv-after.client.pcap").read_bytes()
    found = [f["verdict"] for path in ("01-refused.client.pcap", "11-data-after-fin-recv-after.client.pcap")
             for f in map(json.loads, tcpwhy("--json", "--all", CAPTURES / path).out.splitlines()) if f["type"] == "finding"]
    result = read(first + second, "--json", "--all")
    contains(one_line(result.err), f"byte {len(first)}: another capture file was appended here")
    told = [json.loads(line) for line in result.out.splitlines()]
    equal([f["verdict"] for f in told if f["type"] == "finding"], found)
    for other in (b"\x4d\x3c\xb2\xa1" + second[4:], first[:24] + first[24:]):
        result = read(first + other, "--json")
        contains(one_line(result.err), "appended here")
    contains(read(first + b"\x4d\x3c\xb2\xa1" + second[4:]).err, "reading ends")
    read(first + second[:20])


@case
def empty_file():
    """an empty file: one line, status 2; so is an empty pipe"""
    refused(read(b""), "empty")
    result = tcpwhy("-", stdin=b"")
    equal((result.status, result.out), (2, ""))
    one_line(result.err)


@case
def missing_directory_and_rights():
    """no such file, a directory: one line, status 2"""
    result = tcpwhy("/nonexistent/x.pcap")
    refused(result, "/nonexistent/x.pcap", "No such file")
    refused(tcpwhy("/"), "directory")


@case
def no_permission():
    """a file that may not be read: one line, status 2"""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/secret.pcap"
        shutil.copy(SAMPLE, path)
        os.chmod(path, 0)
        os.chmod(folder, 0o755)
        become = {}
        if os.getuid() == 0:
            become = {"user": 65534, "group": 65534, "extra_groups": []}
            try:
                subprocess.run([PROGRAM, "--version"], stdout=subprocess.DEVNULL, check=True, **become)
            except (OSError, subprocess.CalledProcessError):
                raise Skip("run by root, and the program can not be run by another user from here")
        refused(tcpwhy(path, **become), "secret.pcap", "Permission denied")


@case
def cut_in_any_byte():
    """a capture cut in any byte: what was whole is reported, the cut is named"""
    data = SAMPLE.read_bytes()
    ends, at = [24], 24
    while at < len(data):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        ends.append(at)
    equal(at, len(data))
    chosen = set(range(0, min(300, len(data)))) | set(range(300, len(data), 37)) | set(ends)
    for length in sorted(chosen):
        result = read(data[:length])
        whole = sum(end <= length for end in ends) - 1
        if whole <= 0:
            # A header without any whole packet: nothing could be read, unless it ends just there.
            equal(result.status, 0 if length == 24 else 2, f"cut at {length}")
        elif length in ends:
            equal(summary(result)["packets"], whole, f"cut at {length}")
        else:
            damaged(result, whole)


@case
def pcapng_cut_in_any_byte():
    """a pcapng (made by -w) cut in any byte crashes nothing and loses no whole packet"""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/x.pcapng"
        tcpwhy("-w", out, SAMPLE)
        data = pathlib.Path(out).read_bytes()
    ends, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        at += length
        if kind == 6:
            ends.append(at)
    equal(len(ends) > 3, True, "packets in the pcapng")
    for length in sorted(set(range(0, 200)) | set(range(200, len(data), 29)) | set(ends)):
        result = read(data[:length], suffix=".pcapng")
        whole = sum(end <= length for end in ends)
        if whole:
            equal(summary(result)["packets"], whole, f"cut at {length}")


@case
def compressed_and_cut():
    """a .gz that is cut or damaged: what was readable is reported, the damage is named"""
    frames = craft.clean_connection() * 40
    data = gzip.compress(craft.capture(frames))
    result = read(data[:len(data) // 2], suffix=".pcap.gz")
    equal(result.status in (0, 1, 2), True)
    equal(bool(result.err), True)
    random.seed(7)
    for _ in range(20):
        broken = bytearray(data)
        broken[random.randrange(20, len(broken))] ^= 1 << random.randrange(8)
        read(bytes(broken), suffix=".pcap.gz")


@case
def lying_record_lengths():
    """record lengths that lie: the packets before are reported, the damage is named"""
    frames = craft.refused_connection()
    good = craft.capture(frames)
    for caplen, length in ((0xFFFFFFFF, 60), (0x7FFFFFFF, 0x7FFFFFFF), (300_000, 300_000), (1000, 60)):
        bad = craft.record(frames[0], 1_700_002_000, 0, caplen=caplen, length=length)
        damaged(read(good + bad), 2)
    # len smaller than caplen, a zero record, a length on the wire beyond all reason: not fatal.
    odd = (craft.record(frames[0], 1_700_002_000, 0, length=20) + craft.record(b"", 1_700_002_000, 1)
           + craft.record(frames[1], 1_700_002_000, 2, length=0xFFFFFFFF))
    equal(summary(read(good + odd))["packets"], 5)


@case
def lying_packet_lengths():
    """IP and TCP lengths that lie, options of length zero: counted, never believed"""
    base = craft.refused_connection()
    frame, ip, tcp = craft.frame, craft.ipv4, craft.tcp
    bad = [
        frame(True, 1, 0, craft.SYN, total_length=0),
        frame(True, 1, 0, craft.SYN, total_length=19),
        frame(True, 1, 0, craft.SYN, total_length=65535),
        frame(True, 1, 0, craft.SYN, ihl=0),
        frame(True, 1, 0, craft.SYN, ihl=15),
        frame(True, 1, 0, craft.SYN, version=7),
        craft.ethernet(ip("192.0.2.1", "192.0.2.2", tcp(1, 2, 3, 4, craft.SYN, data_offset=0))),
        craft.ethernet(ip("192.0.2.1", "192.0.2.2", tcp(1, 2, 3, 4, craft.SYN, data_offset=15))),
        craft.ethernet(ip("192.0.2.1", "192.0.2.2", b"\1")),
        craft.ethernet(b""), craft.ethernet(b"\x45"), b"", b"\0" * 13, craft.ethernet(b"\0" * 40, 0x86DD),
        craft.ethernet(b"\0\0", 0x8100) * 1, craft.ethernet(b"\0\1\x81\0" * 30, 0x8100),
    ]
    for kind in (2, 3, 4, 5, 8, 19, 29, 30, 34, 253, 254):
        for length in (0, 1, 2, 255):
            bad.append(frame(True, 1, 0, craft.SYN, options=bytes([kind, length, 0, 0])))
    result = read(craft.capture(base + bad))
    equal(summary(result)["packets"], len(base) + len(bad))
    found = [json.loads(line) for line in result.out.splitlines()][0]
    equal((found["stream"], found["verdict"]), (0, "port-closed"))


@case
def flipped_bits():
    """random bits flipped in a capture crash nothing (200 variants)"""
    data = SAMPLE.read_bytes()
    dice = random.Random(20)
    for _ in range(200):
        broken = bytearray(data)
        for _ in range(dice.randrange(1, 12)):
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        read(bytes(broken))


@case
def unknown_link_type():
    """an unknown link type is named, with what is supported; status 2 as nothing could be read"""
    result = read(craft.capture(craft.refused_connection(), linktype=147))
    equal(result.status, 2)
    contains(result.err, "147", "EN10MB")


@case
def lying_header_lengths_are_counted():
    """a TCP header longer than its packet is skipped and counted: "1 packet was", "2 packets were" """
    for lies, told in ((1, "1 malformed packet (lengths that contradict each other) was skipped."),
                       (2, "2 malformed packets (lengths that contradict each other) were skipped.")):
        frames = [bytearray(f) for f in craft.clean_connection()]
        for frame in frames[3:3 + lies]:
            frame[14 + 20 + 12] |= 0xF0
            del frame[14 + 20 + 20:]
        total = summary(read(craft.capture([bytes(f) for f in frames])))
        equal(total["problems"], [told])


@case
def time_going_backwards():
    """time that runs backwards is said in the summary; nothing breaks"""
    result = read(craft.capture(craft.clean_connection(), step_micros=-50_000))
    total = summary(result)
    equal(total["packets"], 10)
    contains(" ".join(total["problems"]), "back")
    for at in (0, 0xFFFFFFFF):
        data = craft.pcap_header() + b"".join(
            craft.record(f, at if n % 2 else 1_700_000_000, 999_999 if n % 3 else 0xFFFFFFFF)
            for n, f in enumerate(craft.clean_connection()))
        equal(summary(read(data))["packets"], 10)


@case
def all_byte_orders_and_magics():
    """pcap in both byte orders, in microseconds and nanoseconds, is the same capture"""
    frames = craft.refused_connection()
    for endian in "<>":
        for magic in (0xA1B2C3D4, 0xA1B23C4D):
            data = craft.pcap_header(magic=magic, endian=endian) + b"".join(
                craft.record(f, 1_700_000_000, n * 1000, endian=endian) for n, f in enumerate(frames))
            found = json.loads(read(data).out.splitlines()[0])
            equal(found["verdict"], "port-closed", f"{endian} {magic:x}")
            equal(found["duration"], 0.001 if magic == 0xA1B2C3D4 else 0.000001)


@case
def a_pipe_that_ends_early():
    """a pipe that breaks in the middle of a record: what came is reported, the cut is named"""
    data = SAMPLE.read_bytes()
    result = tcpwhy("--json", "--all", "-", stdin=data[:len(data) - 5])
    equal(result.status in (0, 1), True)
    equal(len(summary(result)["problems"]) >= 1, True)
    contains(result.err, "tcpwhy: ")


@case
def damage_in_the_text_report():
    """the text report names the damage, too, and reports what was readable"""
    with write(SAMPLE.read_bytes()[:-5]) as file:
        result = tcpwhy(file.name)
    equal(bool(result.err), True)
    contains(result.out, "connection")


@case
def a_special_file():
    """a character device and a FIFO are no trap: /dev/null is empty, a FIFO is read like a pipe"""
    result = tcpwhy("/dev/null")
    equal((result.status, result.out), (2, ""))
    one_line(result.err)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/fifo"
        os.mkfifo(path)
        child = subprocess.Popen(["sh", "-c", 'cat "$1" >"$2"', "sh", str(SAMPLE), path])
        result = tcpwhy("--json", path)
        child.wait()
        equal(summary(result)["packets"] > 0, True)


if __name__ == "__main__":
    main()
