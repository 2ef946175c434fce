#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The first words of a connection: the client's that must be answered, and the server's where it speaks first.

usage: TCPWHY=build/tcpwhy tests/openings.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import HELLO, MSS, SACK_OK, WSCALE, Talk, expect, told


def framed(body, counted=4):
    """Behind its length in 4 bytes, which counts itself or not."""
    return struct.pack(">I", len(body) + 4 - counted) + body


PG = {"SSLRequest": struct.pack(">II", 8, 80877103),
      "StartupMessage": framed(struct.pack(">I", 0x30000) + b"user\0me\0\0", counted=0)}
CANCEL = struct.pack(">IIII", 16, 80877102, 4711, 815)
MQTT = b"\x10\x12\0\4MQTT\4\2\0\x3c\0\6client"
AMQP = b"AMQP\0\0\x09\1"
PRELOGIN = b"\x12\1\0\x1a\0\0\0\0" + bytes(18)
TNS = b"\0\x50\0\0\1\0\0\0\1\x3d" + bytes(70)
LDAP = b"\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"
LDAP_AD = b"\x30\x84\0\0\0\x10\2\1\1\x60\x84\0\0\0\7\2\1\3\4\0\x80\0"
SMB = framed(b"\xfeSMB" + bytes(100))
RDP = b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"
KAFKA = framed(struct.pack(">HHIH", 18, 3, 1, 7) + b"rdkafka\0\1\2\3")
ZOOKEEPER = framed(struct.pack(">IQIQI", 0, 0, 30000, 0, 16) + bytes(17))
OPENINGS = {**PG, "MQTT": MQTT, "AMQP": AMQP, "TDS": PRELOGIN, "TNS": TNS, "LDAP": LDAP, "LDAP, long lengths": LDAP_AD, "SMB": SMB,
            "RDP": RDP, "Kafka": KAFKA, "ZooKeeper": ZOOKEEPER, "SSH": b"SSH-2.0-OpenSSH_9.2\r\n", "TLS": HELLO}
NFS = struct.pack(">IIIIIII", 0x80000000 | 40, 99, 0, 2, 100003, 3, 1) + bytes(16)
BATCH = b"\1\1\0\x30\0\0\1\0" + b"\x16\0\0\0\x12\0\0\0\2\0" + bytes(8) + b"\1\0\0\0" + b"s\0e\0l\0e\0c\0t\0 \0001\0;\0"


def asked(words, port=4000, **how):
    return Talk(server=(craft.SERVER[0], port), **how).shake().c(PSH | ACK, words).s(ACK, after=0.02)


def left(talk, after):
    return talk.c(FIN | ACK, after=after).s(FIN | ACK, after=0.02).c(ACK)


@case
def openings_that_nobody_answers():
    """The client leaves, after whatever time: no long poll begins so."""
    for name, words in OPENINGS.items():
        for waited in (2.4, 3.0):
            finding = expect(left(asked(words), waited), "app-stuck", outcomes=("failed",))
            assert finding["confidence"] == "likely", (name, finding)


@case
def openings_answered_by_a_close():
    for name, words in OPENINGS.items():
        talk = asked(words).s(FIN | ACK, after=0.5).c(FIN | ACK).s(ACK, after=0.02)
        finding = expect(talk, "process-died", outcomes=("failed",))
        assert finding["confidence"] == "possible", (name, finding)


@case
def what_only_looks_like_one():
    """One byte more than its lengths say: what it asks for is not known, and it may be a message that has no answer."""
    for name, words in OPENINGS.items():
        if name in ("SSH", "TLS", "MQTT", "TNS"):
            continue
        finding = expect(left(asked(words + b"x"), 3.0), "clean", "app-stuck", outcomes=("clean", "unknown"))
        assert finding["confidence"] != "certain" or finding["verdict"] == "clean", (name, finding)


@case
def openings_that_end_well():
    """Answered; left at once, as a check does; a request to cancel, which PostgreSQL answers by its close."""
    for words in OPENINGS.values():
        answered = asked(words).s(PSH | ACK, b"\x15\3\3\0\2" * 4, after=0.02).c(ACK)
        expect(left(answered, 3.0), "clean")
        expect(left(asked(words), 0.2), "clean")
    expect(asked(CANCEL).s(FIN | ACK, after=0.02).c(FIN | ACK).s(ACK, after=0.02), "clean")


@case
def both_speak_at_once():
    """SSH: the server's identification crosses the client's. What is silent behind that is no opening."""
    talk = Talk(server=(craft.SERVER[0], 22)).shake().c(PSH | ACK, b"SSH-2.0-x\r\n")
    talk.s(PSH | ACK, b"SSH-2.0-y\r\n", after=0.01, ack=talk.next[0] - 11).s(ACK, after=0.01).c(ACK)
    expect(left(talk, 3.0), "clean")


@case
def requests_in_mid_session():
    """A call of NFS, a batch of SQL, a ping of MQTT, a command of SMTP: the client leaves after a time-out, unanswered."""
    for words in (NFS, BATCH, b"\xc0\0", b"MAIL FROM:<a@example.com>\r\n", b"EHLO x\r\n", b"RETR a\r\n"):
        talk = asked(b"before").s(PSH | ACK, b"answer\r\n", after=0.01).c(ACK).c(PSH | ACK, words, after=0.5).s(ACK, after=0.02)
        finding = expect(left(talk, 10.0), "app-stuck", outcomes=("unknown", "failed"))
        assert "its first bytes" in str(finding["evidence"]), finding


@case
def a_ping_of_mqtt_that_nobody_answers():
    """Two bytes are enough where the connection began as one of MQTT; the client leaves by its keepalive."""
    for opening, outcome, waits in ((MQTT, "failed", 3.0), (b"before", "unknown", 10.0)):
        talk = asked(opening, 1883).s(PSH | ACK, b"\x20\2\0\0", after=0.01).c(ACK).c(PSH | ACK, b"\xc0\0", after=3).s(ACK, after=0.04)
        finding = expect(left(talk, waits), "app-stuck", outcomes=(outcome,))
        assert "MQTT (PINGREQ)" in str(finding["evidence"]), finding["evidence"]
    talk = asked(MQTT, 1883).s(PSH | ACK, b"\x20\2\0\0", after=0.01).c(ACK).c(PSH | ACK, b"\xc0\0", after=3)
    expect(left(talk.s(PSH | ACK, b"\xd0\0", after=0.02).c(ACK), 3.0), "clean")


@case
def a_ping_and_the_servers_close():
    """A broker that goes closes in place of the answer to a ping: nothing is lost by that."""
    talk = asked(MQTT, 1883).s(PSH | ACK, b"\x20\2\0\0", after=0.01).c(ACK)
    talk.c(PSH | ACK, b"\xc0\0", after=60).s(FIN | ACK, after=0.02).c(FIN | ACK).s(ACK, after=0.02)
    expect(talk, "clean")


# --- the server speaks first ---

GREETS = (21, 22, 25, 110, 119, 143, 587, 3306, 5900)


def silent(port=25, **how):
    return Talk(server=(craft.SERVER[0], port), **how).shake()


@case
def no_greeting():
    """The client waits and leaves, whether the server's application notices that or not."""
    for port in GREETS:
        for waited in (3.0, 7.3):
            finding = expect(left(silent(port), waited), "app-stuck", outcomes=("failed",))
            assert finding["confidence"] == "possible" and "greeting" in finding["summary"], finding
            finding = expect(silent(port).c(FIN | ACK, after=waited).s(ACK, after=0.02), "app-stuck", outcomes=("failed",))
    expect(silent(3306).c(RST | ACK, after=5.0), "app-stuck", "linger-reset", outcomes=("failed", "degraded"))


@case
def nobody_waited_for_it():
    """A check that connects and leaves; a close that is near to no time-out; ports on which clients speak first."""
    for port in GREETS:
        for waited in (0.01, 0.3, 1.4):
            expect(left(silent(port), waited), "clean")
    for port in (80, 443, 5432, 8080, 6379):
        expect(left(silent(port), 3.0), "clean")


@case
def greeted_late():
    """Postscreen lets clients wait for 6 s, a resolver for longer."""
    talk = silent().s(PSH | ACK, b"220 x\r\n", after=12.0).c(ACK).c(PSH | ACK, b"QUIT\r\n").s(PSH | ACK, b"221 x\r\n", after=0.02)
    expect(talk.s(FIN | ACK).c(FIN | ACK, after=0.02).s(ACK, after=0.02), "clean")


@case
def closed_in_place_of_it():
    for port in GREETS:
        finding = expect(silent(port).s(FIN | ACK, after=0.02).c(FIN | ACK).s(ACK, after=0.02), "process-died", outcomes=("failed",))
        assert finding["confidence"] == "possible" and "greeting" in finding["summary"], finding
        finding = expect(silent(port).s(RST | ACK, after=0.3), "linger-reset", outcomes=("failed",))


@case
def the_closes_cross():
    """The client had left before the server's FIN came: nobody turned it away."""
    talk = silent().s(FIN | ACK, after=0.5)
    talk.c(FIN | ACK, ack=talk.next[1] - 1).c(ACK, after=0.01).s(ACK, after=0.02)
    expect(talk, "clean")


@case
def no_room_for_it():
    """The SYN|ACK comes again and again: the server's kernel does not take the ACK. That is not the application's silence."""
    options = MSS + SACK_OK + b"\1" + WSCALE
    talk = silent()
    for after in (1.0, 2.0, 4.0):
        talk.s(SYN | ACK, options=options, after=after, seq=talk.next[1] - 1).c(ACK)
    finding = told(left(talk, 3.0))[0]
    assert "greeting" not in finding["summary"], finding


@case
def still_waiting():
    """The capture ends, or goes on for long: then it waits, and nobody knows for how much longer."""
    other = Talk(client=("192.0.2.77", 5555), now=30.0).shake().ask().close()
    finding = told(silent(), other)[0]
    assert (finding["verdict"], finding["outcome"]) == ("app-stuck", "unknown"), finding
    other = Talk(client=("192.0.2.77", 5555), now=5.0).shake().ask().close()
    assert told(silent(), other)[0]["verdict"] == "clean"


if __name__ == "__main__":
    main()
