#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Closings that are refused, segments of others, and captures that a filter thinned.

Each case is a conversation packet by packet, as its docstring says, and what may be said about it.

usage: TCPWHY=build/tcpwhy tests/refusals.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, SACK_OK, WSCALE, Talk, as_pcap, expect, objects, told


def again(talk, side, flags, data=b"", **more):
    """The last segment of @side once more."""
    return talk.send(side, flags, data, seq=talk.next[side] - len(data) - bool(flags & FIN), keep=True, **more)


def told_of(talk):
    return told(talk)[0]


# ---- an ACK of a FIN that is refused is no ACK that was lost ----

@case
def last_ack_refused():
    """A reset in the server's name kills TIME_WAIT; the server's FIN comes again and is refused each time."""
    talk = Talk().shake().ask().close().s(RST, window=0, ident=0, after=0.02)
    for after in (0.3, 0.6, 1.2):
        again(talk, 1, FIN | ACK, after=after).c(RST, window=0, ident=0)
    finding = expect(talk, "time-wait-killed", "forged-reset", "firewall-reset", "unknown", "clean",
                     outcomes=("clean", "unknown", "degraded"))
    assert "last-ack-expired" not in [r["verdict"] for r in finding["ruled_out"]]


@case
def fin_ack_refused():
    """The ACK of the client's FIN draws a reset in the client's name, but that repeats its FIN: it lives."""
    talk = Talk(ttl=(52, 64)).shake(rtt=0.0001).ask(rtt=0.0001).c(FIN | ACK, after=1)
    talk.s(ACK, after=0.0004).c(RST, window=0, ident=0, after=0.0002)
    again(talk, 0, FIN | ACK, after=0.27).s(RST, window=0, ident=0)
    expect(talk, "forged-reset", "firewall-reset", "unknown", "clean", outcomes=("clean", "unknown", "degraded"))


@case
def fin_ack_refused_unanswered():
    """The same, seen at the client: what the server says to the repeat does not come back."""
    talk = Talk().shake().ask().s(FIN | ACK, after=1).c(FIN | ACK).s(RST, window=0, ident=0, after=0.02)
    again(talk, 1, FIN | ACK, after=0.25)
    expect(talk, "forged-reset", "firewall-reset", "unknown", "clean", outcomes=("clean", "unknown", "degraded"))


@case
def last_ack_lost_then_a_stray_reset():
    """TIME_WAIT answers the repeat; only then comes a reset: the ACK was lost all the same."""
    talk = Talk().shake().ask().close()
    again(talk, 1, FIN | ACK, after=0.24).c(ACK, ident=0)
    expect(talk.s(RST, window=0, ident=0, after=5), "last-ack-lost", "time-wait-killed",
           outcomes=("degraded", "clean"), certain=True)


@case
def last_ack_lost_once():
    talk = Talk().shake().ask().close()
    again(talk, 1, FIN | ACK, after=0.24).c(ACK, ident=0)
    finding = expect(talk, "last-ack-lost", outcomes=("degraded",), certain=True)
    assert finding["confidence"] == "certain", finding["confidence"]


@case
def last_ack_lost_every_time():
    """Every repeat is answered and comes again: whether an ACK ever arrived is not seen."""
    talk = Talk().shake().ask().close()
    for after in (0.24, 0.5, 1, 2):
        again(talk, 1, FIN | ACK, after=after).c(ACK, ident=0)
    finding = expect(talk, "last-ack-lost", outcomes=("degraded",))
    assert "last-ack-expired" in [r["verdict"] for r in finding["rivals"]]


@case
def last_ack_lost_every_time_behind_a_needless_repeat():
    """A probe that outran an ACK, earlier on, makes no slow path of one on which a FIN is repeated for four seconds."""
    talk = Talk(timestamps=True).shake(rtt=0.001).ask(rtt=0.001, wait=0.001)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    start, end = talk.next[1] - len(answer), talk.next[1]
    talk.s(PSH | ACK, answer, after=0.006, seq=start)
    talk.c(ACK, options=b"\1\1\5\x0a" + struct.pack(">II", start, end)).c(PSH | ACK, b"QUIT\r\n", after=0.2).s(ACK, after=0.001).close(rtt=0.001)
    for after in (0.24, 0.5, 1, 2):
        again(talk, 1, FIN | ACK, after=after).c(ACK, ident=0)
    expect(talk, "last-ack-lost", outcomes=("degraded",))


# ---- copies that come when all is over, and captures that begin late ----

def closed():
    """A conversation with timestamps that both have closed."""
    return Talk(timestamps=True).shake(options=MSS + SACK_OK).ask().ask().close()


def late_copy(talk, number):
    """The first SYN once more at a listener, which answers; the client knows of none, and its TIME_WAIT says what it has."""
    stamp = b"\1\1\x08\x0a" + struct.pack(">II", 5000, 0)
    talk.timestamps = False
    talk.c(SYN, seq=1000, options=MSS + SACK_OK + stamp, after=2).s(SYN | ACK, seq=number, ack=1001, options=MSS, after=0.0001)
    talk.c(ACK, seq=talk.next[0], ack=talk.next[1], after=0.02).s(RST, seq=talk.next[1], window=0, ident=0)
    return talk.s(SYN | ACK, seq=number, ack=1001, options=MSS, after=1).c(RST, seq=1001, window=0, ident=0, after=0.02)


@case
def late_copy_of_a_syn():
    """It comes when both have closed: the listener's answer is no quarrel, no lost ACK and no forgery. In a capture that begins behind the handshake, too."""
    for cut in (0, 2):
        talk = late_copy(closed(), 900000)
        del talk.frames[:cut]
        for finding in told(talk, all_of_them=True):
            assert finding["outcome"] == "clean" and finding["verdict"] in ("clean", "old-duplicate"), (cut, finding["verdict"], finding["summary"])


@case
def late_synack_in_a_late_capture():
    """A SYN|ACK that was held up comes when both have closed; the client says what it has, and the server knows nothing of that."""
    talk = closed()
    del talk.frames[:3]
    stamp = b"\1\1\x08\x0a" + struct.pack(">II", 90000, 5000)
    talk.s(SYN | ACK, seq=700000, ack=1001, options=MSS + stamp, after=0.5).c(ACK).s(RST, seq=talk.next[1], window=0, ident=0, after=0.06)
    expect(talk, "old-duplicate", "clean", outcomes=("clean",))


@case
def needless_repeats_of_what_was_sent_before_the_capture():
    """What is repeated had been acknowledged before the capture began: the ACKs do not get through, and nobody disagrees."""
    talk = Talk(timestamps=True).shake(rtt=0.001).ask(rtt=0.001)
    start = talk.next[0]
    for _ in range(8):
        talk.c(ACK, bytes(1400))
    dsack = b"\1\1\5\x0a" + struct.pack(">II", start, start + 1400)
    talk.s(ACK, options=dsack)
    begins = len(talk.frames) - 1
    heard = talk.heard[0]
    for after in (0.4, 0.8, 1.6, 3.2, 6.4):
        talk.heard[0] = heard
        talk.c(ACK, bytes(1400), seq=start, after=after).s(ACK, options=dsack, after=0.0001)
    del talk.frames[:begins]
    finding = told_of(talk)
    assert finding["verdict"] != "desynchronized" and "never sent" not in finding["summary"], finding["summary"]


@case
def greeting_acknowledged_with_the_handshake():
    """One ACK for the SYN|ACK and the greeting behind it; a reset of that very number comes half a minute later, when the server has forgotten."""
    talk = Talk(timestamps=True).c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02).s(PSH | ACK, b"220 hi\r\n", after=0.001).c(ACK, after=0.02)
    left = talk.next[1]
    talk.c(FIN | ACK, after=30).s(RST, seq=left, window=0, ident=0, after=0.02)
    finding = told_of(talk)
    assert finding["verdict"] != "desynchronized", finding["summary"]


@case
def greeting_and_fin_acknowledged_by_what_is_said_too_late():
    """Without ACKs: the client's words cover the server's greeting and FIN, and are refused by a reset of that number. It is data after a close."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02).s(PSH | ACK, b"SSH-2.0-OpenSSH_9.2p1\r\n", after=0.001).s(FIN | ACK)
    talk.c(PSH | ACK, b"SSH-2.0-libssh\r\n", after=0.02).s(RST, seq=talk.next[1], window=0, ident=0)
    finding = told_of(talk)
    assert finding["verdict"] != "desynchronized", finding["summary"]


# ---- who had got the FIN before the reset ----

def calls(finding, end):
    return [(finding["application"][end] or {}).get(key) for key in ("call", "errno")]


@case
def forged_behind_a_fin():
    """A forged reset right behind the client's FIN, seen at the server: its kernel delays the ACK, its program has EOF."""
    talk = Talk(ttl=(49, 64)).shake(rtt=0.0001).ask(rtt=0.0001).c(PSH | ACK, b"more", after=1).s(ACK, after=0.0001)
    talk.c(FIN | ACK, after=0.5).c(RST | ACK, window=512, ident=9, ttl=251, after=0.0001)
    again(talk, 0, FIN | ACK, after=0.8).s(RST, window=0, ident=0)
    finding = expect(talk, "forged-reset", outcomes=("failed", "degraded"), certain=True)
    assert calls(finding, "server") == ["recv", "EOF"], calls(finding, "server")
    assert calls(finding, "client") != ["recv", "ECONNRESET"], calls(finding, "client")


@case
def reset_after_a_fin_that_was_lost():
    """Seen at the client: its FIN is repeated and never acknowledged, what the server says is refused. It got no FIN."""
    talk = Talk(timestamps=True).shake().ask().c(PSH | ACK, b"more", after=1).s(ACK, after=0.02).c(FIN | ACK, after=0.5)
    for after in (0.25, 0.5, 1, 2):
        again(talk, 0, FIN | ACK, after=after)
    talk.s(PSH | ACK, b"answer", ack=talk.next[0] - 1, after=0.1).c(RST, seq=talk.next[0] - 1, window=0, ident=0)
    finding = expect(talk, "data-after-close", "fin-lost", "firewall-dropped", "firewall-reset", "unknown", "aborted",
                     "fin-unanswered", outcomes=("failed", "degraded", "unknown"))
    assert calls(finding, "server") != ["recv", "EOF"], calls(finding, "server")


def dropped(talk, flags, behind=b""):
    """What the client says is never acknowledged: repeats of it, and of the server's last words, with the old ACK."""
    old = talk.next[0]
    talk.c(PSH | ACK, b"more" * 50, after=0.3).c(flags, behind, after=0.1) if flags else talk.c(PSH | ACK, b"more" * 50)
    said = b"more" * 50 + behind
    for after in (0.3, 0.6, 1.2, 2.4):
        talk.c(PSH | ACK | flags, said, seq=old, after=after, keep=True)
        yield old


@case
def dropped_after_both_closed():
    """The server's FIN was acknowledged, the client closed, and its last words are dropped: nobody waits in recv."""
    talk = Talk().shake().ask().s(FIN | ACK, after=0.1).c(ACK, after=0.0001)
    for old in dropped(talk, FIN | ACK):
        again(talk, 1, FIN | ACK, ack=old, after=0.05)
    finding = expect(talk, "firewall-dropped", "peer-vanished", outcomes=("failed",))
    assert calls(finding, "client") != ["recv", "ETIMEDOUT"], calls(finding, "client")
    assert calls(finding, "server") != ["recv", "hang"], calls(finding, "server")


@case
def dropped_until_the_other_end_closes():
    """Who closes only then has waited."""
    talk = Talk().shake().ask()
    for i, old in enumerate(dropped(talk, 0)):
        if i < 3:
            talk.s(PSH | ACK, b"event", ack=old, after=0.05)
        else:
            talk.s(FIN | ACK, ack=old, after=0.05)
    finding = expect(talk, "firewall-dropped", outcomes=("failed",))
    assert calls(finding, "server") == ["recv", "hang"], calls(finding, "server")


@case
def dropped_while_open():
    """The same with both ends open: both wait."""
    talk = Talk().shake().ask()
    for old in dropped(talk, 0):
        talk.s(PSH | ACK, b"event", ack=old, after=0.05)
    finding = expect(talk, "firewall-dropped", outcomes=("failed",))
    assert calls(finding, "client") == ["recv", "ETIMEDOUT"], calls(finding, "client")
    assert calls(finding, "server") == ["recv", "hang"], calls(finding, "server")


def closed_in_place_of_an_answer():
    return (Talk(ttl=(49, 64)).shake(rtt=0.0001).c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=0.05)
            .s(ACK).s(FIN | ACK, after=0.3))


@case
def fin_in_place_of_an_answer_unheard():
    """Seen at the server: its FIN in place of an answer is never acknowledged. The client has no end of file."""
    talk = closed_in_place_of_an_answer()
    for after in (0.25, 0.5, 1, 2, 4):
        again(talk, 1, FIN | ACK, after=after)
    finding = expect(talk, "process-died", "fin-unanswered", "fin-lost", "peer-vanished", "unknown",
                     outcomes=("failed", "unknown", "degraded"))
    assert calls(finding, "client") != ["recv", "EOF"], calls(finding, "client")


@case
def fin_in_place_of_an_answer():
    talk = closed_in_place_of_an_answer().c(FIN | ACK, after=0.05).s(ACK)
    finding = expect(talk, "process-died", outcomes=("failed",))
    assert calls(finding, "client") == ["recv", "EOF"], calls(finding, "client")


# ---- segments of others, in plain sight ----

def injected(overlap=0):
    """A stranger's bytes behind the server's, or over the last of them; then the server's FIN, which knows nothing of them."""
    talk = Talk(ttl=(64, 51)).shake(rtt=0.04).ask(rtt=0.04).ask(rtt=0.04)
    end, asked = talk.next[1], talk.next[0]
    talk.s(PSH | ACK, b"evil" * 40, seq=end - overlap, ttl=198, ident=61234, after=0.3)
    taken = end - overlap + 160
    talk.c(ACK, ack=taken)
    talk.s(FIN | ACK, after=0.0001).c(ACK, ack=taken)
    for after in (0.3, 0.6, 1.2, 2.4):
        again(talk, 1, FIN | ACK, after=after).c(ACK, ack=taken, ident=0)
        talk.s(ACK, ack=asked, after=0.04)
    return talk


@case
def injected_before_the_fin():
    """It is named, and not only that the ends disagree."""
    for overlap in (0, 50):
        finding = expect(injected(overlap), "injected-segment", outcomes=("failed",))
        assert finding["confidence"] == "likely" and "desynchronized" in [r["verdict"] for r in finding["rivals"]]


@case
def shifted_behind_this_point():
    """A device adds bytes on the way: the FIN is acknowledged from beyond it, and no segment here is foreign."""
    talk = Talk(ttl=(64, 51)).shake(rtt=0.04).ask(rtt=0.04)
    talk.s(FIN | ACK, after=0.3).c(ACK, ack=talk.next[1] + 160)
    for after in (0.3, 0.6, 1.2, 2.4):
        again(talk, 1, FIN | ACK, after=after).c(ACK, ack=talk.next[1] + 160).s(ACK, after=0.04)
    expect(talk, "desynchronized", "fin-unanswered", "unknown", outcomes=("failed", "degraded", "unknown"))



def answered_in_parts(stray, lost=()):
    """A window of 64 KiB; @stray: data beyond it, which nobody takes; of the answer these parts come only again."""
    talk = Talk(ttl=(64, 51), timestamps=True).shake(options=MSS + SACK_OK + b"\1\3\3\0", rtt=0.1)
    if stray:
        talk.s(PSH | ACK, b"x" * 133, seq=talk.next[1] + 67000, after=0.2).c(ACK)
    talk.c(PSH | ACK, b"GET / HTTP/1.0\r\n\r\n", after=1).s(ACK, after=0.1)
    start = talk.next[1]
    parts = [start + 1000 * i for i in range(6)]
    for at in parts:
        if at not in [start + 1000 * i for i in lost]:
            talk.s(ACK, b"a" * 1000, seq=at).c(ACK, ack=min([at + 1000] + [start + 1000 * i for i in lost]))
    for i in lost:
        talk.s(ACK, b"a" * 1000, seq=start + 1000 * i, after=0.3).c(ACK, ack=start + 6000)
    talk.next[1] = start + 6000
    return talk.close(first=1, rtt=0.1)


@case
def data_beyond_the_window():
    """What follows it fills no hole: nothing was lost."""
    expect(answered_in_parts(True), "invalid-segment", "clean", outcomes=("degraded", "clean"))
    expect(answered_in_parts(False), "clean")


@case
def loss_inside_the_window():
    expect(answered_in_parts(False, lost=(2,)), "loss-recovered", outcomes=("degraded", "clean"), certain=True)



# ---- captures that hold SYN, FIN and RST alone, or no start ----

def only_flags(side, seq=0, ack=0, after=3.0):
    """SYN, SYN|ACK, and a reset of @side that far behind the first numbers."""
    talk = Talk(timestamps=True).c(SYN, options=MSS + SACK_OK + b"\1" + WSCALE)
    talk.s(SYN | ACK, options=MSS + SACK_OK + b"\1" + WSCALE, after=0.0002)
    return talk.send(side, RST | ACK, seq=talk.next[side] + seq, ack=talk.next[1 - side] + ack, window=502, after=after)


@case
def reset_tells_of_bytes_unseen():
    """A filter on flags left out what was sent: the reset's numbers tell of it, be they in the window or far beyond."""
    for side, seq, ack in ((0, 393216, 0), (0, 900, 0), (0, 199000, 8999), (1, 250000, 499), (1, 0, 499), (0, 0, 3)):
        finding = expect(only_flags(side, seq, ack), "unknown", outcomes=("unknown",))
        assert str(max(seq, ack)) in finding["summary"], finding["summary"]
        assert not finding["remark"], finding["remark"]


@case
def reset_of_absurd_numbers():
    """So much can not have passed, or the connection had been refused before: such numbers tell nothing."""
    refused = only_flags(0, after=0.001)
    refused.frames.pop()
    refused.c(RST, window=0, ident=0).s(RST | ACK, seq=refused.next[1] + 1460, window=0)
    for talk in (only_flags(0, 0, 900_000_000, after=0.01), only_flags(1, 3_000_000_000, after=0.01), refused):
        finding = told_of(talk)
        assert "passed before" not in finding["summary"], finding["summary"]


@case
def reset_of_a_health_check():
    """At the first number of either end nothing had passed, with the third ACK or without."""
    expect(only_flags(0, after=0.001), "clean", remark="health-check")
    expect(Talk(timestamps=True).shake().c(RST | ACK, window=502), "clean", remark="health-check")


@case
def reset_beyond_the_window():
    """In a capture of everything it is somebody else's, and nobody takes it."""
    talk = Talk(timestamps=True).shake()
    talk.c(RST | ACK, seq=talk.next[0] + 393216, window=0)
    expect(talk.ask().close(), "clean", "invalid-segment", outcomes=("clean", "degraded"))


def closes_at(hole, dsack=False, after=0.2):
    """The capture begins with the client's FIN, whose SACK tells of data behind a @hole, or of a repeat."""
    talk = Talk(timestamps=True, isn=(5000, 900000))
    at = talk.next[1]
    block = struct.pack(">II", at - 1448, at - 800) if dsack else struct.pack(">II", at + hole, at + hole + 70)
    talk.c(FIN | ACK, options=b"\1\1\5\12" + block if hole or dsack else b"")
    talk.next[1] = at + (hole + 70 if hole else 0)
    talk.s(FIN | ACK, ack=talk.next[0] - 1, after=after)
    return talk.c(RST, window=0, ident=0)


@case
def closed_before_a_hole():
    """What stands before the hole never came, as the client's own SACK says: nobody knows what it was."""
    finding = expect(closes_at(1448), "unknown", outcomes=("unknown",))
    assert "1448" in finding["summary"], finding["summary"]


@case
def gone_before_the_server_closed():
    """The client says nothing and the server closes after its time: a reset of no socket then is no check that came and went."""
    for pause in (2, 60):
        talk = Talk(timestamps=True).shake().s(FIN | ACK, after=pause).c(RST, window=0, ident=0)
        finding = expect(talk, "unknown", outcomes=("unknown",))
        assert not finding["remark"] and "said nothing" in finding["summary"] and finding["missing"], finding
    # at once: they cross, or it had been a check
    expect(Talk(timestamps=True).shake().s(FIN | ACK, after=0.01).c(RST, window=0, ident=0), "clean")


@case
def resets_that_answer_nobody_seen():
    """One direction only, and a bare reset with a number in the midst of what was sent: it answers the other end's ACK."""
    talk = Talk()
    for _ in range(7):
        talk.s(PSH | ACK, b"d" * 4000, after=0.1)
    for gap in (30, 0.2, 0.2, 0.4):
        talk.s(RST, seq=talk.next[1] - 4000, window=0, ident=0, after=gap)
    finding = expect(talk, "unknown", outcomes=("unknown",))
    assert "one direction" in finding["summary"].lower() and not finding["remark"], finding


@case
def closed_with_all():
    """Nothing is missing, or a repeat was needless; but who did not come in sight looks at no port."""
    for talk in (closes_at(0), closes_at(0, dsack=True)):
        finding = expect(talk, "clean")
        assert finding["remark"] != "health-check", finding["remark"]



# ---- numbers of before, and one byte of them ----

def refused_from_before(below, clock, author_goes_on=True):
    """The capture begins in the midst of a download; a segment so far @below, of that @clock, draws a reset at once."""
    talk = Talk(ttl=(64, 122), isn=(4000, 90_000_000))
    stamp = lambda at, echo: b"\1\1\x08\x0a" + struct.pack(">II", at, echo)
    start = talk.next[1]
    talk.s(ACK, b"d" * 1400, options=stamp(88_500, 7000)).s(ACK, b"d" * 1400, options=stamp(88_500, 7000))
    talk.s(ACK, b"o" * 1400, seq=start - below, options=stamp(clock, 6990), keep=True)
    talk.c(RST, window=0, ident=0, after=0.00002)
    talk.next[1] = start + 30000
    if author_goes_on:
        talk.c(ACK, options=stamp(7004, 88_500), after=0.0025)
    return talk.s(RST, window=0, ident=0, seq=start + 30000, after=0.0001)


@case
def late_copy_from_before_the_capture():
    """Its clock is older than that of the first data seen, and it lies far below: a NAT took it for invalid."""
    finding = expect(refused_from_before(1_300_000, 88_494), "conntrack-invalid-reset", outcomes=("failed",))
    assert "forged-reset" in [r["verdict"] for r in finding["rivals"]], finding["rivals"]


@case
def reset_after_new_data():
    """The segment that draws the reset is new, or not so old that it must have been acknowledged."""
    for below, clock in ((-2800, 88_501), (2800, 88_494)):
        finding = told_of(refused_from_before(below, clock))
        assert finding["verdict"] != "conntrack-invalid-reset", finding["summary"]


def one_byte_again(flags, acked=False):
    """One byte, sent again and again over a path of a minute, then a reset of its sender; its answers come later."""
    talk = Talk(timestamps=True)
    at = talk.next[0]
    talk.c(flags, b"k")
    for after in (0.15, 0.3, 0.6, 1.2, 2.4, 4.8, 6.6, 6.6):
        talk.c(flags, b"k", seq=at, after=after)
    talk.c(RST | ACK, window=2058, after=6.6)
    return talk.s(ACK, after=30) if acked else talk


@case
def one_byte_is_data():
    """With PSH it is data, whose timer runs out: no keepalive of any stack carries that."""
    for acked in (False, True):
        finding = told_of(one_byte_again(PSH | ACK, acked))
        assert finding["verdict"] != "keepalive-timeout", finding["summary"]


@case
def one_byte_of_windows():
    """Without it, at even intervals, it is a probe that nobody answers."""
    talk = Talk().shake().ask()
    for after in (10, 1, 1, 1, 1, 1, 1, 1, 1, 1):
        talk.c(ACK, b"\0", seq=talk.next[0] - 1, after=after)
    expect(talk.c(RST | ACK, window=0, after=1), "keepalive-timeout", outcomes=("failed",), certain=True)



# ---- the ACK of the handshake, and who refuses it ----

BOTH_OPTIONS = MSS + SACK_OK + b"\1" + WSCALE


def refused_ack3(again=False, rtt=0.2):
    """Seen at the server: the third ACK draws a bare reset in the server's name; @again: its SYN|ACK comes once more."""
    talk = Talk(ttl=(109, 64)).c(SYN, options=BOTH_OPTIONS).s(SYN | ACK, options=BOTH_OPTIONS, ident=0).c(ACK, after=rtt)
    talk.s(RST, window=0, ident=0, after=0.00008)
    if again:
        talk.s(SYN | ACK, seq=talk.next[1] - 1, options=BOTH_OPTIONS, ident=0, after=1.0 - rtt)
    return talk


@case
def ack_refused_by_another():
    """The server's SYN|ACK comes again: it has the request still, and did not write the reset."""
    finding = expect(refused_ack3(again=True), "firewall-reset", "forged-reset", outcomes=("failed",))
    assert finding["confidence"] != "certain"


@case
def ack_refused_by_the_listener():
    """tcp_abort_on_overflow: the request is gone with the reset."""
    expect(refused_ack3(), "accept-queue-full", "unknown", outcomes=("failed", "unknown"))


@case
def synack_of_another_after_the_close():
    """Its number is another one: it is no repeat, and no queue was full."""
    talk = Talk(ttl=(64, 60)).shake(rtt=0.0001).ask(rtt=0.0001).close(rtt=0.0001)
    talk.s(SYN | ACK, seq=talk.next[1] + 100000, options=BOTH_OPTIONS, after=1).c(RST, window=0, ident=0)
    expect(talk, "clean", "old-duplicate", "invalid-segment", "time-wait-killed", outcomes=("clean", "degraded"))


@case
def queue_full_until_a_place_is_free():
    """The same number again, though it was acknowledged: that is a repeat."""
    talk = Talk(ttl=(109, 64)).c(SYN, options=BOTH_OPTIONS).s(SYN | ACK, options=BOTH_OPTIONS, ident=0).c(ACK, after=0.02)
    at = talk.next[0]
    talk.c(PSH | ACK, b"hello").c(PSH | ACK, b"hello", seq=at, after=0.25).c(PSH | ACK, b"hello", seq=at, after=0.5)
    talk.s(SYN | ACK, seq=talk.next[1] - 1, ack=at, options=BOTH_OPTIONS, ident=0, after=0.25).c(ACK, after=0.02)
    talk.c(PSH | ACK, b"hello", seq=at, after=0.2).s(ACK).s(PSH | ACK, b"welcome").c(ACK, after=0.02)
    expect(talk.close(), "accept-queue-full", outcomes=("degraded",))


@case
def wrong_ack_is_refused():
    """The client acknowledges what the server never sent, each time; each time that is refused."""
    talk = Talk(ttl=(57, 64)).c(SYN, options=BOTH_OPTIONS).s(SYN | ACK, options=BOTH_OPTIONS, ident=0)
    for after in (1.0, 2.0, 4.0):
        talk.c(ACK, ack=talk.next[1] + 7000, after=0.1).s(RST, seq=talk.next[1] + 7000, window=0, ident=0)
        talk.s(SYN | ACK, seq=talk.next[1] - 1, options=BOTH_OPTIONS, ident=0, after=after)
    finding = told_of(talk)
    assert finding["verdict"] in ("desynchronized", "invalid-segment", "unknown"), finding["summary"]
    assert finding["outcome"] != "clean" and finding["confidence"] != "certain", finding


@case
def syn_copy_after_the_answer():
    """A copy of the SYN that comes late draws a challenge: the client had its SYN|ACK at once."""
    talk = Talk(ttl=(57, 64)).c(SYN, options=BOTH_OPTIONS).s(SYN | ACK, options=BOTH_OPTIONS, ident=0)
    at = talk.next[0]
    talk.c(ACK, after=0.04).s(PSH | ACK, b"220 ready\r\n").c(ACK, after=0.04)
    talk.c(SYN, options=BOTH_OPTIONS, seq=at - 1, after=0.5).s(ACK)
    expect(talk.close(rtt=0.0001), "clean", "invalid-segment", "old-duplicate", outcomes=("clean", "degraded"))


@case
def syn_repeated_before_the_ack():
    """The SYN|ACK was seen, and the SYN comes again before any ACK: that one was lost."""
    talk = Talk(ttl=(57, 64)).c(SYN, options=BOTH_OPTIONS).s(SYN | ACK, options=BOTH_OPTIONS, ident=0)
    at = talk.next[0]
    talk.c(SYN, options=BOTH_OPTIONS, seq=at - 1, after=1.02)
    talk.s(SYN | ACK, seq=talk.next[1] - 1, options=BOTH_OPTIONS, ident=0).c(ACK, after=0.04)
    expect(talk.ask(rtt=0.0001).close(rtt=0.0001), "syn-ack-lost", outcomes=("degraded",), certain=True)



# ---- a reset that nobody takes, as the last word ----

def repaired_and_reset(below, more=False):
    """A hole that is filled after 0.1 s, and then a reset that stands @below what was acknowledged."""
    talk = Talk(isn=(1000, 700000)).shake().ask()
    at = talk.next[0]
    talk.c(ACK, b"1" * 1400).s(ACK, after=0.02)
    talk.c(PSH | ACK, b"3" * 148, seq=at + 2800).s(ACK, options=b"\1\1\5\12" + struct.pack(">II", at + 2800, at + 2948),
                                                   after=0.02)
    talk.c(ACK, b"2" * 1400, seq=at + 1400, after=0.1).s(ACK, ack=at + 2948, after=0.02)
    talk.next[0] = at + 2948
    talk.c(RST | ACK, seq=at + 2948 - below, window=0)
    return talk.ask(wait=0.2).close() if more else talk


@case
def reset_that_is_not_taken():
    """Its sender has lowered its next number: whether the other end is reset is not known."""
    finding = expect(repaired_and_reset(148), "loss-recovered", "invalid-segment", "unknown",
                     outcomes=("degraded", "unknown", "failed"))
    assert calls(finding, "server") == ["recv", "hang"] and str(finding["evidence"][-1]).find("reset") > 0, finding


@case
def reset_that_is_taken_or_overruled():
    """At the number that was acknowledged it ends it; and where both went on, it ended nothing."""
    for talk in (repaired_and_reset(0), repaired_and_reset(148, more=True)):
        finding = expect(talk, "loss-recovered", "aborted", "linger-reset", "invalid-segment", "forged-reset", "clean",
                         outcomes=("degraded", "failed", "clean"), certain=True)
        assert calls(finding, "server") != ["recv", "hang"], finding



@case
def second_syn_while_half_open():
    """An old SYN of other numbers comes before the third ACK: it is challenged, and the first connection goes on."""
    talk = Talk(ttl=(57, 64), isn=(500_000, 700_000)).c(SYN, options=BOTH_OPTIONS)
    talk.s(SYN | ACK, options=BOTH_OPTIONS, ident=0).c(SYN, options=BOTH_OPTIONS, seq=577_000).s(ACK, ident=0)
    talk.c(ACK, after=0.12)
    for _ in range(3):
        talk.c(PSH | ACK, b"question" * 40, after=0.1).s(ACK).s(PSH | ACK, b"answer" * 40).c(ACK, after=0.12)
    found = [f for f in objects(as_pcap(talk.close(rtt=0.0001)), "--all") if f["type"] == "finding"]
    assert "desynchronized" not in [f["verdict"] for f in found], [f["summary"] for f in found]


@case
def numbers_before_the_start():
    """Without such a SYN, data from before the first byte is of somebody who counts otherwise."""
    talk = Talk(ttl=(57, 64), isn=(500_000, 700_000)).shake(rtt=0.0001)
    for i in range(4):
        talk.c(PSH | ACK, b"question" * 40, seq=420_000 + 320 * i, after=0.5).s(ACK)
    finding = told_of(talk)
    assert finding["outcome"] != "clean" and finding["verdict"] in ("desynchronized", "invalid-segment"), finding["summary"]



@case
def syn_repeated_after_words_of_before():
    """An ACK of the earlier connection of the same addresses lies between the SYN and its repeat: it acknowledges no SYN|ACK."""
    talk = Talk(isn=(500_000, 700_000))
    talk.c(PSH | ACK, b"old" * 30, seq=300_000, ack=800_000).s(RST | ACK, seq=800_000, ack=300_090, window=500, after=0.001)
    talk.c(SYN, options=BOTH_OPTIONS, after=0.0005)
    at = talk.next[0]
    talk.c(PSH | ACK, b"old", seq=300_090, ack=800_000).c(SYN, options=BOTH_OPTIONS, seq=at - 1, after=1)
    talk.s(RST | ACK, seq=0, ack=at, window=0)
    found = [f for f in objects(as_pcap(talk), "--all") if f["type"] == "finding" and "again" in str(f["evidence"])]
    assert found, "the repeat of the SYN is not told"


if __name__ == "__main__":
    main()
