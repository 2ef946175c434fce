#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""TCPs of user space (gVisor, slirp, passt) and small ones (lwIP) do some things otherwise than a kernel: each case is
a conversation after what they sent on a wire of our own.

usage: TCPWHY=build/tcpwhy tests/user_space.py [WORD...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, Talk, expect, told

BOTH = (False, True)


def names(finding):
    return {finding["verdict"], *(rival["verdict"] for rival in finding["rivals"])}


@case
def late_data_refused_and_left_unacknowledged():
    """gVisor refuses data after its close by RST|ACK with a window of 0, and timestamps; the ack stays where it was."""
    for stamps in (b"\1\1\x08\x0a" + bytes(8), b""):
        for closer, outcome in ((0, "degraded"), (1, "failed")):
            talk = Talk(timestamps=bool(stamps)).shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
            if closer:
                talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").c(ACK)
            talk.send(closer, FIN | ACK, after=0.1).send(1 - closer, ACK, after=0.02)
            seen = talk.next[1 - closer]
            for number in range(3):
                talk.send(1 - closer, PSH | ACK, b"x" * 100, after=0.0001 if number else 0.4)
            talk.send(closer, RST | ACK, ack=seen, window=0, options=stamps, after=0.0003)
            finding = expect(talk, "data-after-close", outcomes=(outcome,))
            assert "300 bytes" in finding["summary"], finding["summary"]
            assert finding["culprit"] == ("client-app", "server-app")[closer], finding["culprit"]
            talk.send(closer, RST, window=0).send(closer, RST, window=0)
            expect(talk, "data-after-close", outcomes=(outcome,))


@case
def late_data_refused_without_timestamps():
    """lwIP refuses data after its close by a RST|ACK without timestamps, also where the connection has them."""
    for closer, outcome in ((0, "degraded"), (1, "failed")):
        for ttl in (64, 58):
            talk = Talk(timestamps=True).shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
            if closer:
                talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").c(ACK)
            talk.send(closer, FIN | ACK, after=0.1).send(1 - closer, ACK, after=0.02)
            first = talk.next[1 - closer] + 100
            talk.send(1 - closer, PSH | ACK, b"x" * 100, after=0.4).send(1 - closer, PSH | ACK, b"y" * 100)
            talk.send(closer, RST | ACK, ack=first, window=41005, ttl=ttl, after=0.02)
            if ttl == 64:
                expect(talk, "data-after-close", outcomes=(outcome,))
            else:  # another's
                assert told(talk)[0]["verdict"] != "data-after-close"


@case
def half_closed_and_aborted():
    """What shut down its writing side lives, takes what comes, and aborts with the window that it had."""
    stamps = b"\1\1\x08\x0a" + bytes(8)
    for full in BOTH:
        talk = Talk(timestamps=True).shake().ask().s(FIN | ACK, after=0.1).c(ACK)
        talk.c(PSH | ACK, b"x" * 100, after=0.4)
        if full:
            talk.s(ACK, window=0, after=0.02)
        talk.s(RST | ACK, window=0 if full else 502, options=stamps, after=0.02)
        finding = expect(talk, "closed-with-unread-data", outcomes=("failed",))
        # or it closed, and a proxy's TCP (slirp) took the data before it passed the refusal on
        assert "data-after-close" in names(finding) and any("FIN" in e["text"] for e in finding["evidence"]), finding


@case
def fin_repeated_before_its_ack_is_taken_up():
    """gVisor probes two round trips after its last segment; within a few ms a busy host has not even seen the ACK."""
    for after, verdict, outcome in ((0.002, "clean", "clean"), (0.06, "last-ack-lost", "degraded"),
                                    (0.21, "last-ack-lost", "degraded")):
        talk = Talk(timestamps=True).shake(rtt=0.0004).ask(rtt=0.0004).c(FIN | ACK).s(ACK, after=0.0004)
        fin = talk.next[1]
        talk.s(FIN | ACK).c(ACK).s(FIN | ACK, seq=fin, after=after).c(ACK, ident=0)
        finding = expect(talk, verdict, outcomes=(outcome,), certain=after > 0.2)
        if after == 0.06:
            assert "reordering" in names(finding), finding


@case
def refusals_without_ack():
    """Early passt passed a refusal on by a RST without ACK and with a number of its own: the SYN is repeated."""
    talk = Talk(ttl=(64, 255))
    for number, after in enumerate((0, 1.03, 1.02, 1.03, 1.02)):
        talk.c(SYN, options=MSS, seq=1000, after=after).s(RST, seq=4280865129 + number, window=65535, ident=0)
    finding = expect(talk, "invalid-segment", outcomes=("failed",))
    assert "passes over them" in finding["summary"] and "port-closed" in names(finding), finding
    assert finding["application"]["client"]["errno"] == "ETIMEDOUT", finding["application"]


def asked_twice(after, options=MSS, flight=(b"GET /b HTTP/1.1\r\n\r\n",), timestamps=False):
    """A second question, which the server acknowledges only when it has been repeated, and answers later."""
    talk = Talk(timestamps=timestamps).shake(options=options, rtt=0.0004).ask(rtt=0.0004)
    at = talk.next[0]
    for part in flight:
        talk.c(PSH | ACK, part)
    return (talk.c(PSH | ACK, flight[0], seq=at, after=after).s(ACK, after=0.0004)
            .s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", after=2).c(ACK).close())


@case
def repeated_before_the_ack_was_due():
    """lwIP delays an ACK by up to 250 ms, and knows no SACK as a rule; Linux repeats a lone segment after 200."""
    for timestamps in BOTH:
        finding = expect(asked_twice(0.205, timestamps=timestamps), "loss-recovered")
        assert finding["confidence"] == "possible" and "delayed" in finding["summary"], finding
        assert "reordering" in names(finding), finding
        # longer than an ACK may wait; two full segments, which are acknowledged at once; a receiver that may tell
        for lost in (asked_twice(1.2, timestamps=timestamps),
                     asked_twice(0.205, flight=(b"x" * 1460, b"y" * 1460), timestamps=timestamps),
                     asked_twice(0.205, options=MSS + b"\4\2", timestamps=timestamps)):
            finding = expect(lost, "loss-recovered", outcomes=("degraded",), certain=True)
            assert finding["confidence"] != "possible" and "was lost" in finding["summary"], finding
    # it may: lwIP with SACK does not, and the echo of a timestamp is that of the last copy before the ACK
    assert "reordering" in names(told(asked_twice(0.205, options=MSS + b"\4\2", timestamps=True))[0])


@case
def dropped_while_the_mailbox_was_full():
    """lwIP drops inside its window what its program does not read; that it opened the window before shows it."""
    for opens in BOTH:
        talk = Talk(timestamps=True).shake().c(PSH | ACK, b"GET /b HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
        for _ in range(4):
            talk.s(ACK, b"d" * 1400, after=0.0001)
        at = talk.next[1]
        talk.c(ACK, window=30, after=0.02).s(PSH | ACK, b"d" * 1400)
        for wait in (0.2, 0.4, 0.8, 1.6):
            if opens and wait == 1.6:
                talk.c(ACK, ack=at, window=4000, after=1.5)
            talk.s(PSH | ACK, b"d" * 1400, seq=at, after=0.1 if opens and wait == 1.6 else wait)
        finding = expect(talk.c(ACK, window=4000, after=0.02).close(1), "loss-recovered", outcomes=("degraded",), certain=True)
        assert (finding["confidence"] == "certain") == (not opens), finding["confidence"]
        assert ("zero-window-stall" in names(finding)) == opens, names(finding)


if __name__ == "__main__":
    main()
