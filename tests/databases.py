#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""MySQL and PostgreSQL: did the result come to its end? Its packets say how long they are, and what is to come behind them.

usage: TCPWHY=build/tcpwhy tests/databases.py [WORD...]
"""
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST
from tap import case, equal, main
from talk import Talk, expect, told

MYSQL, POSTGRESQL = ("192.0.2.2", 3306), ("192.0.2.2", 5432)
LOST = ("process-died",)


# --- MySQL ---

def packet(number, body):
    return struct.pack("<I", len(body))[:3] + bytes((number,)) + body


GREETING = packet(0, b"\x0a8.0.36\0" + bytes(66))
OK, ERROR, EOF = b"\0\0\0\2\0\0\0", b"\xff\x28\4#42000no", b"\xfe\0\0\2\0"
QUERY = packet(0, b"\3select x from y")
COLUMN = b"\3def" + bytes(30)


def answer(rows, end=OK[:0] + b"\xfe\0\0\2\0\0\0", old=False, first=1):
    """A result: the number of its columns, one of them, its rows; @old: EOF behind the columns, too. @end None: it does not end."""
    bodies = [b"\1", COLUMN] + [EOF] * old + list(rows) + ([end] if end is not None else [])
    return b"".join(packet((first + n) % 256, body) for n, body in enumerate(bodies))


def logged_in(port=3306, switch=False):
    talk = Talk(server=("192.0.2.2", port)).shake().s(PSH | ACK, GREETING, after=0.02).c(PSH | ACK, packet(1, bytes(100)))
    if switch:  # another way to prove who the client is
        talk.s(PSH | ACK, packet(2, b"\xfemysql_native_password\0" + bytes(21)), after=0.02).c(PSH | ACK, packet(3, bytes(20)))
    return talk.s(PSH | ACK, packet(4 if switch else 2, OK), after=0.02).c(ACK)


def asked(data, question=QUERY, size=1448, **how):
    talk = logged_in(**how).c(PSH | ACK, question, after=0.1).s(ACK, after=0.02)
    for at in range(0, len(data), size):
        talk.s(PSH | ACK, data[at:at + size], after=0.005).c(ACK)
    return talk


def closed(talk, after=0.1):
    return talk.s(FIN | ACK, after=after).c(FIN | ACK).s(ACK, after=0.02)


ROWS = [b"\x64" + bytes(100)] * 300  # their numbers go round
TEXTS = [b"\4rows", b"\0", b"\xfb", b"\3abc"]


@case
def a_packet_is_cut():
    """The server is killed between two flushes of its buffer, or hangs there, and the client leaves."""
    for size in (1448, 7):
        finding = expect(closed(asked(answer(ROWS, end=None)[:-30], size=size)), *LOST, outcomes=("failed",))
        assert "in the midst of a packet of MySQL: 75 of 105 bytes" in finding["summary"], finding["summary"]
        assert "Lost connection" in finding["application"]["client"]["text"], finding["application"]
    finding = expect(asked(answer(ROWS, end=None)[:-30]).c(FIN | ACK, after=8).s(ACK, after=0.02), "app-stuck", outcomes=("failed",))
    assert "stopped in the midst of a packet of MySQL" in finding["summary"], finding["summary"]
    # a reset in its place
    expect(asked(answer(ROWS, end=None)[:-30]).s(RST | ACK, after=0.1), "linger-reset", "closed-with-unread-data", *LOST,
           outcomes=("failed",))


@case
def a_result_is_cut_between_rows():
    """Whole packets, and no end behind them: of rows, or of what describes the columns."""
    for old in (False, True):
        for rows in (ROWS, TEXTS, [b"\4text"]):
            for switch in (False, True):
                talk = closed(asked(answer(rows, end=None, old=old), switch=switch))
                for all_of_them in (False, True):  # the first look has to find it, too
                    finding = told(talk, all_of_them=all_of_them)[0]
                    equal((finding["verdict"], finding["outcome"], finding["confidence"]), ("process-died", "failed", "possible"))
                    assert "a result of MySQL: its end did not come" in finding["summary"], finding["summary"]
    finding = expect(closed(asked(answer([], end=None))), *LOST, outcomes=("failed",))
    # the second of several results
    more = answer(TEXTS, end=b"\xfe\0\0\x0a\0\0\0")
    expect(closed(asked(more + answer(TEXTS, end=None, first=1 + 2 + len(TEXTS) + 1))), *LOST, outcomes=("failed",))


@case
def all_of_it_came():
    """And the server closes: its answers end in many ways, and what is no result has no rows to wait for."""
    whole = {
        "rows": answer(ROWS), "old rows": answer(ROWS, end=EOF, old=True), "none": answer([]), "texts": answer(TEXTS),
        "old texts": answer(TEXTS, end=EOF, old=True),
        "error": packet(1, ERROR), "error behind rows": answer(TEXTS, end=ERROR), "ok": packet(1, OK),
        "several": answer(TEXTS, end=b"\xfe\0\0\x0a\0\0\0") + answer(TEXTS, first=8),
        "several, the last a mere OK": answer(TEXTS, end=b"\xfe\0\0\x0a\0\0\0") + packet(8, OK),
        "statistics": packet(1, b"Uptime: 1000  Threads: 1  Questions: 2"),
        "prepared": packet(1, b"\0\1\0\0\0\1\0\1\0\0\0\0") + packet(2, COLUMN) + packet(3, COLUMN),
        "events": b"".join(packet(n, b"\0" + bytes(40)) for n in range(1, 200)),
    }
    for name, data in whole.items():
        finding = told(closed(asked(data)))[0]
        equal((name, finding["outcome"]), (name, "clean"))
        finding = told(asked(data).c(PSH | ACK, packet(0, b"\1"), after=60).c(FIN | ACK).s(FIN | ACK, after=0.02).c(ACK))[0]
        equal((name, finding["outcome"]), (name, "clean"))


@case
def no_packets_of_mysql():
    """What goes over to TLS, what is compressed, and what only begins like MySQL is not followed."""
    dice = random.Random(3)
    for case_of in range(60):
        talk = Talk(server=MYSQL).shake().s(PSH | ACK, GREETING, after=0.02).c(PSH | ACK, packet(1, bytes(32)))
        if case_of % 3 == 0:    # SSLRequest
            words = b"\x16\x03\x03\x02\x00\x02" + dice.randbytes(507)
        elif case_of % 3 == 1:  # compressed, from the login's OK on
            words = packet(2, OK) + b"".join(struct.pack("<I", 60)[:3] + bytes((n,)) + struct.pack("<I", 200)[:3] + dice.randbytes(60)
                                             for n in range(9))
        else:
            words = dice.randbytes(700)
        talk.s(PSH | ACK, words, after=0.02).c(ACK).c(PSH | ACK, dice.randbytes(40)).s(PSH | ACK, dice.randbytes(60), after=0.02).c(ACK)
        finding = told(closed(talk))[0]
        assert "of MySQL" not in finding["summary"], finding["summary"]
        equal(finding["outcome"], "clean")


@case
def another_port_of_mysql():
    """With --all the packets tell, whatever the port."""
    expect(closed(asked(answer(TEXTS, end=None), port=33070)), *LOST, outcomes=("failed",))


# --- PostgreSQL ---

def message(kind, body):
    return kind + struct.pack(">I", 4 + len(body)) + body


START_UP = struct.pack(">II", 26, 0x30000) + b"user\0me\0database\0x\0"[:18]
LOGGED_IN = message(b"R", bytes(4)) + message(b"S", b"a\0b\0") + message(b"K", bytes(8)) + message(b"Z", b"I")
DESCRIBED, ROW = message(b"T", bytes(30)), message(b"D", b"\0\1\0\0\0\x64" + bytes(100))
COMPLETE = message(b"C", b"SELECT 40\0") + message(b"Z", b"I")
FATAL = message(b"E", b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0")


def of_postgresql(*words):
    talk = Talk(server=POSTGRESQL).shake().c(PSH | ACK, START_UP).s(PSH | ACK, LOGGED_IN, after=0.02).c(ACK)
    talk.c(PSH | ACK, message(b"Q", b"select x from y\0"), after=0.1).s(ACK, after=0.02)
    for word in words:
        talk.s(PSH | ACK, word, after=0.01).c(ACK)
    return talk


@case
def no_end_behind_the_rows():
    """The backend is killed between two rows; a COPY that stops so."""
    for words in ((DESCRIBED + 5 * ROW,), (DESCRIBED,), (message(b"H", bytes(3)), message(b"d", b"1\n"))):
        talk = closed(of_postgresql(*words))
        for all_of_them in (False, True):
            finding = told(talk, all_of_them=all_of_them)[0]
            equal((finding["verdict"], finding["outcome"]), ("process-died", "failed"))
            assert "a result of PostgreSQL: its end did not come" in finding["summary"], finding["summary"]
    expect(closed(of_postgresql(DESCRIBED + 5 * ROW + COMPLETE)), "clean", certain=True)
    # a client that has enough
    expect(of_postgresql(DESCRIBED + 5 * ROW).c(FIN | ACK, after=0.1).s(FIN | ACK, after=0.02).c(ACK), "clean")


@case
def its_last_words_are_an_error():
    """The server says why it closes: the connection is none the worse, and the packet is named."""
    finding = expect(closed(of_postgresql(DESCRIBED + 5 * ROW + FATAL)), "clean")
    assert finding["summary"].endswith("The server's last words are an error message of PostgreSQL."), finding["summary"]
    assert any("error message" in e["text"] for e in finding["evidence"]), finding["evidence"]
    finding = expect(closed(Talk(server=MYSQL).shake().s(PSH | ACK, GREETING, after=0.02).c(PSH | ACK, packet(1, bytes(100)))
                            .s(PSH | ACK, packet(2, ERROR), after=0.02).c(ACK)), "clean")
    assert finding["summary"].endswith("an error message of MySQL."), finding["summary"]
    # an error in the course of things
    finding = expect(closed(of_postgresql(FATAL + message(b"Z", b"I"))), "clean")
    assert "error message" not in finding["summary"], finding["summary"]


if __name__ == "__main__":
    main()
