#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Resets: which one decided, what was owed, and who waited.

usage: TCPWHY=build/tcpwhy tests/resets.py [WORD...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, Talk, expect

# ---- the answer and the server's close behind it, neither acknowledged, and a bare reset of the client ----


def refused_answer(fin_with_data, size=310):
    """The client's kernel does not know the connection any more when the answer comes."""
    talk = Talk(ttl=(58, 64)).shake(rtt=0.03).c(PSH | ACK, b"q" * 77, after=0.002).s(ACK)
    at = talk.next[0]
    if fin_with_data:
        talk.s(FIN | PSH | ACK, b"a" * size, after=0.04)
    else:
        talk.s(PSH | ACK, b"a" * size, after=0.04).s(FIN | ACK)
    return talk.c(RST, seq=at, window=0, ident=0, after=0.03)


@case
def answer_refused_with_the_fin_behind_it():
    """Whether the FIN has a segment of its own decides nothing: the answer did not get there."""
    for size in (310, 2500):
        said = [expect(refused_answer(fin, size), "peer-rebooted", outcomes=("degraded",)) for fin in (True, False)]
        assert said[0]["confidence"] == said[1]["confidence"] == "possible", said


@case
def answer_taken_and_then_reset():
    """The answer is acknowledged; the server's FIN draws a bare reset: nobody was owed anything."""
    talk = Talk(ttl=(58, 64)).shake(rtt=0.03).ask(b"q" * 77, b"a" * 310)
    at = talk.next[0]
    expect(talk.s(FIN | ACK, after=2).c(RST, seq=at, window=0, ident=0, after=0.03), "clean")


@case
def quit_crosses_the_servers_close():
    """The client says QUIT; the server's last words and its FIN draw a bare reset."""
    talk = Talk(ttl=(58, 64)).shake(rtt=0.03).ask(b"STAT\r\n", b"+OK 0 0\r\n").c(PSH | ACK, b"QUIT\r\n", after=1)
    at = talk.next[0]
    talk.s(ACK).s(PSH | ACK, b"+OK bye\r\n", after=0.01).s(FIN | ACK)
    expect(talk.c(RST, seq=at, window=0, ident=0, after=0.03), "clean")


@case
def client_aborts_as_the_answer_comes():
    """Its program did it: clean, but not all of the answer was acknowledged."""
    talk = Talk(timestamps=True).shake().c(PSH | ACK, b"q" * 77).s(ACK).s(ACK, b"a" * 9000, after=0.04)
    heard = talk.next[1] - 4000
    talk.s(FIN | PSH | ACK, b"b" * 1500).c(ACK, ack=heard - 2000, after=0.02)
    finding = expect(talk.c(RST | ACK, ack=heard, after=0.01), "clean", "closed-with-unread-data",
                     outcomes=("clean", "degraded", "failed"))
    assert "all data had been acknowledged" not in finding["summary"], finding["summary"]



# ---- the client's reset in the handshake refuses an old ACK; what ends the connection comes later ----


def over_an_old_connection(ident=0, rtt=0.03):
    """The SYN meets what is left of another connection; its ACK is refused, and the next SYN connects."""
    talk = Talk().c(SYN, options=MSS).s(ACK, seq=5_000, ack=77_000, ident=ident, after=rtt)
    talk.c(RST, seq=77_000, window=0, ident=0, after=0.00001)
    talk.next[0] = 1000
    return talk.c(SYN, options=MSS, after=0.02).s(SYN | ACK, options=MSS, after=rtt).c(ACK)


@case
def unread_long_after_an_old_ack():
    """Two minutes later the server's program leaves with a request unread: that is how it failed."""
    for ident in (0, 900):
        talk = over_an_old_connection(ident).ask(rtt=0.03)
        talk.c(PSH | ACK, b"GET /2 HTTP/1.1\r\n\r\n", after=120).s(ACK, after=0.03).s(RST | ACK, window=501, after=4)
        expect(talk, "closed-with-unread-data", outcomes=("failed",))


@case
def nothing_else_after_an_old_ack():
    """It connects late, and then all goes well; whether it ends by FIN or by a reset of the client."""
    for ident, slug in ((0, "time-wait-syn-dropped"), (900, "peer-rebooted")):
        expect(over_an_old_connection(ident).ask(rtt=0.03).close(), slug, outcomes=("degraded",))
        expect(over_an_old_connection(ident).ask(rtt=0.03).c(RST | ACK, window=501, after=1), slug, "linger-reset",
               outcomes=("degraded",))


if __name__ == "__main__":
    main()
