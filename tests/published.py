#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Captures that people printed where they asked for help, with what turned out to be the cause; told again with
packets of our own.

usage: TCPWHY=build/tcpwhy tests/published.py [WORD...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, Talk, expect, told

FULL = b"\x5a" * 1460


def rivals(finding):
    return {rival["verdict"] for rival in finding["rivals"]}


# ---- keepalive: the plug is pulled, and the capture ends before the kernel gives up ----

def probes(talk, count, every=10, answered=0):
    for n in range(count):
        talk.c(ACK, seq=talk.next[0] - 1, after=every)
        if n < answered:
            talk.s(ACK, after=0.02)
    return talk


@case
def keepalive_probes_unanswered():
    finding = expect(probes(Talk(timestamps=True).shake().ask(), 5), "peer-vanished", outcomes=("failed",))
    assert finding["confidence"] == "likely" and "5 over 40.0 s" in finding["summary"], finding
    assert "idle-blackholed" in rivals(finding)


@case
def two_keepalive_probes_unanswered():
    """Two may be lost."""
    finding = expect(probes(Talk(timestamps=True).shake().ask(), 2), "peer-vanished", outcomes=("unknown",))
    assert finding["confidence"] in (None, "possible"), finding


@case
def keepalive_probes_answered_but_the_last():
    expect(probes(Talk(timestamps=True).shake().ask(), 5, answered=4), "clean")


@case
def keepalive_probes_answered_once_again():
    talk = probes(Talk(timestamps=True).shake().ask(), 3)
    expect(talk.c(ACK, seq=talk.next[0] - 1, after=10).s(ACK, after=0.02), "clean")


@case
def keepalive_probes_of_which_the_capture_has_one_side():
    """Where nothing of the other end was captured, its answers were not either."""
    talk = Talk(timestamps=True).shake().ask()
    talk.frames = []
    finding = told(probes(talk, 6))[0]
    assert finding["verdict"] != "peer-vanished" and finding["outcome"] != "failed", finding


# ---- a window of 0 that holds nobody up ----

def answered_to_the_end():
    """Request, answer and the server's FIN, all acknowledged."""
    talk = Talk().shake(options=MSS).ask()
    return talk.s(FIN | ACK).c(ACK, window=0, after=0.01)


@case
def window_closed_behind_the_fin():
    """Nothing of the server waits any more."""
    talk = answered_to_the_end()
    expect(talk.c(FIN | ACK, window=0, after=30).s(ACK), "clean")


@case
def window_closed_behind_the_fin_and_a_reset_that_misses():
    """A balancer resets with a number one too high, and the server keeps the connection."""
    talk = answered_to_the_end()
    talk.c(RST, seq=talk.next[0] + 1, window=0, after=3.5).s(ACK, window=0, after=0.001)
    finding = expect(talk, "invalid-segment", outcomes=("unknown", "clean"))
    assert "does not fit" in finding["summary"], finding["summary"]


def syns_answered_by_acks(window, count=4, refused=False):
    """The server holds an older connection on these ports."""
    talk = Talk(timestamps=False)
    at = talk.next[0]
    for n in range(count):
        talk.c(SYN, seq=at, options=MSS, after=2 ** n)
        talk.s(ACK, seq=900000, ack=at - 70000, window=window, after=0.0002)
        if refused:
            talk.c(RST, seq=at - 70000, window=0, ident=0)
    return talk


@case
def acks_in_place_of_syn_acks():
    """The client's resets are not in the capture: dropped on the way, or filtered out."""
    finding = expect(syns_answered_by_acks(8192), "peer-rebooted", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "conntrack-invalid-reset" in rivals(finding), finding


@case
def acks_in_place_of_syn_acks_with_a_closed_window():
    """There is no connection whose window this were."""
    expect(syns_answered_by_acks(0), "peer-rebooted", outcomes=("failed",))


@case
def acks_in_place_of_syn_acks_that_are_refused():
    finding = expect(syns_answered_by_acks(0, refused=True), "peer-rebooted", outcomes=("failed",))
    assert finding["confidence"] == "likely", finding


@case
def window_closed_while_the_fin_waits():
    """The FIN is not taken: nobody is held up in send()."""
    talk = Talk().shake(options=MSS).ask()
    talk.c(PSH | ACK, FULL).s(ACK, window=0, after=0.01)
    at = talk.next[0]
    talk.c(FIN | ACK, seq=at, after=1)
    for n in range(4):
        talk.s(ACK, ack=at, window=0, after=0.001).c(FIN | ACK, seq=at, after=0.3 * 2 ** n)
    talk.s(ACK, ack=at, window=0, after=0.001)
    finding = expect(talk, "zero-window-stall", outcomes=("failed",))
    assert "its FIN" in finding["summary"], finding["summary"]


# ---- large segments do not pass, and the end that waits for them gives up ----

def big_answer_lost(talk, tail=True, sack=True, gives_up=20):
    """The first segment of the answer never comes; its short end does."""
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    at = talk.next[1]
    talk.s(ACK, FULL, after=0.01)
    if tail:
        first = talk.next[1]
        talk.s(PSH | ACK, b"end of it" * 30)
        block = b"\1\1\5\x0a" + first.to_bytes(4, "big") + talk.next[1].to_bytes(4, "big")
        talk.c(ACK, ack=at, options=block if sack else b"", after=0.02)
    for n in range(5):
        talk.s(ACK, FULL, seq=at, after=0.3 * 2 ** n)
    return talk, at


@case
def black_hole_behind_which_both_close():
    """The server has closed behind its answer, and the client gives up with a reset: it was owed all of it."""
    talk, at = big_answer_lost(Talk(ttl=(64, 57)).shake())
    talk.s(FIN | ACK, after=1).c(RST | ACK, ack=at, after=3)
    finding = expect(talk, "pmtu-blackhole", outcomes=("failed",))
    assert finding["confidence"] == "likely", finding


@case
def black_hole_without_sack():
    """A duplicate ACK is all that tells of the short segment; a proxy aborts after a minute."""
    talk, at = big_answer_lost(Talk(ttl=(64, 57)).shake(options=MSS), sack=False)
    talk.c(RST | ACK, ack=at, after=40)
    expect(talk, "pmtu-blackhole", outcomes=("failed",))


@case
def lost_answer_and_a_reset():
    """Nothing of the answer came, large or small: its size is not the reason."""
    talk, at = big_answer_lost(Talk(ttl=(64, 57)).shake(), tail=False)
    finding = told(talk.s(FIN | ACK, after=1).c(RST | ACK, ack=at, after=3))[0]
    assert finding["outcome"] in ("failed", "unknown"), finding
    assert finding["verdict"] != "pmtu-blackhole" or finding["confidence"] == "possible", finding


@case
def client_that_has_enough():
    """Half of the answer is on its way when the client closes by reset, and the server has sent its FIN: no harm."""
    talk = Talk(ttl=(64, 57)).shake()
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    at = talk.next[1]
    talk.s(ACK, FULL, after=0.01).s(ACK, FULL).s(FIN | PSH | ACK, FULL)
    finding = told(talk.c(ACK, ack=at + 1460, after=0.02).c(RST | ACK, ack=at + 1460, after=0.001))[0]
    assert finding["outcome"] in ("clean", "degraded"), finding


@case
def hole_that_nobody_fills():
    """Three duplicate ACKs, ten minutes of silence, then the sender's FIN: it forgot the segment."""
    talk = Talk().shake(options=MSS).ask()
    at = talk.next[1]
    talk.next[1] += 1460
    for _ in range(3):
        talk.s(ACK, FULL).c(ACK, ack=at)
    finding = told(talk.s(FIN | ACK, after=600))[0]
    assert finding["outcome"] == "unknown" and "1460 bytes" in finding["summary"], finding


@case
def hole_and_a_close():
    """A reply is missing; the client waits for a minute, closes, and refuses the server's FIN."""
    talk = Talk().shake()
    talk.c(PSH | ACK, b"call" * 30).s(ACK, after=0.0002)
    at = talk.next[1]
    talk.next[1] += 4112
    talk.s(PSH | ACK, b"reply" * 18, after=0.0002)
    block = b"\1\1\5\x0a" + (at + 4112).to_bytes(4, "big") + talk.next[1].to_bytes(4, "big")
    talk.c(ACK, ack=at, options=block).c(FIN | ACK, ack=at, options=block, after=60)
    finding = told(talk.s(FIN | ACK, after=0.0001).c(RST, window=0, ident=0, after=0.0001))[0]
    assert finding["outcome"] in ("unknown", "failed") and "4112 bytes" in finding["summary"], finding


if __name__ == "__main__":
    main()
