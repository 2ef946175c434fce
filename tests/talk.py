# SPDX-License-Identifier: BSD-2-Clause
"""Conversations written packet by packet, and what the program says of them."""
import ipaddress
import json
import struct
import tempfile

import craft
from craft import ACK, FIN, PSH, RST, SYN
from tap import tcpwhy

START = 1_700_000_000
MSS, SACK_OK, WSCALE = b"\2\4\5\xb4", b"\4\2", b"\3\3\7"
# Of TLS: a ClientHello, and a record of data.
HELLO = b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03" + bytes(58)
# The same, offering HTTP/2 and HTTP/1.1 (ALPN); and the words of TLS 1.3 behind it.
HELLO_HTTP = (b"\x16\x03\x01\x00\x45\x01\x00\x00\x41\x03\x03" + bytes(32) + b"\0\0\2\x13\1\1\0\0\x16\0\x10\0\x12\0\x10"
              b"\2h2\x08http/1.1\4mqtt")
SERVER_HELLO = b"\x16\x03\x03\x03\x85\x02" + bytes(900)
FINISHED = b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x35" + bytes(53)
TICKET = b"\x17\x03\x03\x00\xfa" + bytes(250)
CLOSE_NOTIFY = b"\x17\x03\x03\x00\x13" + bytes(19)
RECORD = b"\x17\x03\x03\x00\x80" + bytes(128)


class Talk:
    """Packets of one connection; each end's numbers go on by themselves. Times in s since the start."""

    def __init__(self, client=craft.CLIENT, server=craft.SERVER, timestamps=False, ttl=(64, 64),
                 idents=("count", "count"), now=0.0, isn=(1000, 700000)):
        self.ends, self.timestamps, self.ttl, self.idents = (client, server), timestamps, ttl, idents
        self.next, self.now, self.frames = [isn[0], isn[1]], now, []
        self.count, self.heard = [100, 30000], [0, 0]

    def ident(self, side):
        if self.idents[side] == "zero":
            return 0
        self.count[side] += 1
        return (self.count[side] * (40503 if self.idents[side] == "random" else 1)) & 0xFFFF

    def send(self, side, flags, data=b"", after=0.0001, seq=None, ack=None, options=b"", keep=False, **more):
        """One packet of @side (0 client, 1 server) @after seconds; @keep: the numbers do not go on."""
        self.now += after
        at = self.next[side] if seq is None else seq
        number = (self.next[1 - side] if ack is None else ack) if flags & ACK else 0
        if self.timestamps and not flags & RST:
            ticks = int(self.now * 1000) + (5000, 90000)[side]
            options += b"\1\1\x08\x0a" + struct.pack(">II", ticks, self.heard[side])
            self.heard[1 - side] = ticks
        ttl = more.pop("ttl", self.ttl[side])
        ident = more.pop("ident", None)
        window = more.pop("window", 64240)
        (source, sport), (target, dport) = self.ends[side], self.ends[1 - side]
        segment = craft.tcp(sport, dport, at, number, flags, data, options, window)
        packet = craft.ipv4(source, target, segment, ttl=ttl,
                            ident=self.ident(side) if ident is None else ident)
        self.frames.append((self.now, craft.ethernet(packet)))
        if not keep and seq is None:
            self.next[side] += len(data) + bool(flags & SYN) + bool(flags & FIN)
        return self

    def c(self, flags, data=b"", **more):
        return self.send(0, flags, data, **more)

    def s(self, flags, data=b"", **more):
        return self.send(1, flags, data, **more)

    def icmp(self, kind, code, quoted, source="192.0.2.254", rest=0, after=0.0005, to=0):
        """An ICMP error to the end @to that quotes @quoted, the start of an IP packet."""
        self.now += after
        body = struct.pack(">BBHI", kind, code, 0, rest) + quoted
        body = body[:2] + struct.pack(">H", craft.checksum(body)) + body[4:]
        self.frames.append((self.now, craft.ethernet(
            craft.ipv4(source, self.ends[to][0], body, protocol=1))))
        return self

    def arp(self, asker, target, answer=False, after=1.0):
        """@asker asks who has @target, or @target answers."""
        self.now += after
        ends = [bytes(6) + ipaddress.ip_address(end).packed for end in
                ((target, asker) if answer else (asker, target))]
        body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2 if answer else 1) + ends[0] + ends[1]
        self.frames.append((self.now, craft.ethernet(body, ethertype=0x0806)))
        return self

    def last_ip(self, size=28):
        return self.frames[-1][1][14:14 + size]

    def shake(self, options=MSS + SACK_OK + b"\1" + WSCALE, rtt=0.02):
        return (self.c(SYN, options=options).s(SYN | ACK, options=options, after=rtt)
                .c(ACK, after=0.0001))

    def ask(self, question=b"GET / HTTP/1.1\r\n\r\n", answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            rtt=0.02, wait=0.01):
        return (self.c(PSH | ACK, question).s(ACK, after=rtt).s(PSH | ACK, answer, after=wait)
                .c(ACK, after=0.0001))

    def close(self, first=0, rtt=0.02):
        return (self.send(first, FIN | ACK).send(1 - first, FIN | ACK, after=rtt)
                .send(first, ACK, after=0.0001))


def sealed(hello=HELLO, tickets=2 * TICKET, request=b"", rtt=0.02, **more):
    """A handshake of TLS 1.3, with a request on its heels; the tickets come behind that."""
    talk = Talk(**more).shake(rtt=rtt).c(PSH | ACK, hello).s(PSH | ACK, SERVER_HELLO, after=rtt).c(PSH | ACK, FINISHED, after=0.001)
    if request:
        talk.c(PSH | ACK, request)
    return talk.s(PSH | ACK, tickets, after=rtt).c(ACK) if tickets else talk


def record(size):
    """A record of data of so many bytes, header included."""
    return b"\x17\x03\x03" + struct.pack(">H", size - 5) + bytes(size - 5)


def as_pcap(*talks):
    """One capture of them all."""
    frames = sorted((f for talk in talks for f in talk.frames), key=lambda f: f[0])
    return craft.pcap_header() + b"".join(
        craft.record(data, START + int(at), int(at % 1 * 1_000_000)) for at, data in frames)


def objects(capture, *arguments):
    """What the program says of the bytes of a capture file, as JSON has it."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(capture)
        file.flush()
        return [json.loads(line) for line in tcpwhy("--json", *arguments, file.name).out.splitlines()]


def told(*talks, all_of_them=True):
    """What the program says of each talk (None: nothing), told in one capture."""
    found = {}
    for finding in objects(as_pcap(*talks), *(["--all"] if all_of_them else [])):
        if finding["type"] == "finding":
            finding["source"] = None
            found.setdefault(frozenset((finding["client"], finding["server"])), finding)
    return [found.get(frozenset(f"{a}:{p}" for a, p in talk.ends)) for talk in talks]


def expect(talk, *verdicts, outcomes=("clean",), certain=False, remark=None, others=()):
    finding = told(talk, *others)[0]
    got = f"{finding['verdict']} ({finding['outcome']}, {finding['confidence']}): {finding['summary']}"
    if finding["verdict"] not in verdicts:
        raise AssertionError(f"said {got}; wanted {' or '.join(verdicts)}")
    if finding["outcome"] not in outcomes:
        raise AssertionError(f"said {got}; wanted outcome {' or '.join(outcomes)}")
    if finding["confidence"] == "certain" and finding["verdict"] != "clean" and not certain:
        raise AssertionError(f"said {got}; nothing here is certain")
    if remark and finding["remark"] != remark:
        raise AssertionError(f"remark {finding['remark']}, wanted {remark}")
    return finding
