#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""HTTP/2 in clear: its frames tell what was not answered, where TCP ends in order.

usage: TCPWHY=build/tcpwhy tests/frames.py [WORD...]
"""
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, equal, main
from talk import Talk, as_pcap, expect, objects, told

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACKED = END = 1
CANCEL, CALM = 8, 11


def frame(kind, flags=0, stream=0, body=b""):
    return struct.pack(">I", len(body))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + body


def goaway(last, error=0, words=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, error) + words)


def reset(stream, error=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", error))


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS)
HEAD = bytes(40)


def ask(stream, whole=True):
    return frame(HEADERS, 4 | (END if whole else 0), stream, HEAD)


def answer(stream, size=100, whole=True):
    return frame(HEADERS, 4, stream, HEAD) + frame(DATA, END if whole else 0, stream, bytes(size))


def begun(isn=(1000, 700000), **more):
    """Preface and settings of both, and nothing asked."""
    return (Talk(isn=isn, **more).shake().c(PSH | ACK, PREFACE).s(PSH | ACK, frame(SETTINGS), after=0.02)
            .s(PSH | ACK, frame(SETTINGS, ACKED)).c(PSH | ACK, frame(SETTINGS, ACKED)))


def called(*streams, **more):
    """So many calls, each answered."""
    talk = begun(**more)
    for stream in streams:
        talk.c(PSH | ACK, ask(stream)).s(PSH | ACK, answer(stream), after=0.02)
    return talk.c(ACK)


def ended(talk, first=1, after=0.02):
    return talk.send(first, FIN | ACK, after=after).send(1 - first, FIN | ACK, after=0.001).send(first, ACK, after=0.02)


@case
def closed_with_requests_open():
    """A FIN of the server with streams that it has not ended: to TCP all is in order."""
    for isn in ((1000, 700000), (2 ** 32 - 150, 2 ** 32 - 90)):
        finding = expect(ended(called(1, 3, isn=isn).c(PSH | ACK, ask(5)).c(PSH | ACK, ask(7)).s(ACK, after=0.02), after=1),
                         "process-died", outcomes=("failed",))
        assert "with 2 requests of HTTP/2 open, 1.02 s after" in finding["summary"], finding["summary"]
    # of one it had said a part; another one is still being said
    finding = expect(ended(called(1).c(PSH | ACK, ask(3)).s(PSH | ACK, answer(3, whole=False)).c(ACK)),
                     "process-died", outcomes=("failed",))
    assert any("begun to answer" in e["text"] for e in finding["evidence"]), finding["evidence"]
    expect(ended(called(1).c(PSH | ACK, ask(3, whole=False) + frame(DATA, 0, 3, bytes(500))).s(ACK, after=0.02)),
           "process-died", outcomes=("failed",))


@case
def looked_at_unasked():
    """The first look takes such a close for no ordinary one."""
    lost = ended(called(1).c(PSH | ACK, ask(3)).s(PSH | ACK, answer(3, whole=False)).c(ACK))
    equal(told(lost, all_of_them=False)[0]["verdict"], "process-died")
    weary = called(1).c(PSH | ACK, ask(3)).s(ACK, after=0.02).c(PSH | ACK, reset(3), after=4).s(PSH | ACK, frame(PING, 0, 0, bytes(8)), after=0.02)
    equal(told(ended(weary.c(ACK), first=0), all_of_them=False)[0]["verdict"], "app-stuck")
    equal(told(ended(called(1, 3)), all_of_them=False)[0], None)


@case
def closed_with_nothing_open():
    """Whatever came on the streams, each of them was ended: by END_STREAM, by trailers, by a reset of either end."""
    expect(ended(begun()), "clean")
    expect(ended(called(1, 3, 5)), "clean")
    trailers = frame(HEADERS, 4, 3, HEAD) + frame(DATA, 0, 3, bytes(9)) + frame(HEADERS, 4 | END, 3, HEAD)
    expect(ended(called(1).c(PSH | ACK, ask(3)).s(PSH | ACK, trailers).c(ACK)), "clean")
    expect(ended(called(1).c(PSH | ACK, ask(3)).s(PSH | ACK, reset(3)).c(ACK)), "clean")
    expect(ended(called(1).c(PSH | ACK, ask(3)).c(PSH | ACK, reset(3)).s(ACK)), "clean")
    # the client's last words, long before its close, want nothing
    upkeep = called(1).c(PSH | ACK, frame(WINDOW_UPDATE, 0, 0, bytes(4))).s(ACK, after=0.02)
    finding = expect(ended(upkeep, first=0, after=8), "clean")
    equal((finding["confidence"], "no answer" in finding["summary"]), ("certain", False))
    # a stream that the server pushes is none of the client's
    expect(ended(called(1).s(PSH | ACK, frame(HEADERS, 4, 2, HEAD)).c(ACK)), "clean")


@case
def cut_in_a_frame():
    """The header of DATA says how much is to come."""
    part = answer(3, 9000)[:4000]
    finding = expect(ended(called(1).c(PSH | ACK, ask(3)).s(ACK, part[:1400], after=0.02).s(ACK, part[1400:2800])
                           .s(PSH | ACK, part[2800:]).c(ACK)), "process-died", outcomes=("failed",))
    assert "3951 of 9009 bytes were sent" in finding["summary"], finding["summary"]
    # END_STREAM stands in that header, and does not count before the last byte
    assert "in the midst of a frame of HTTP/2" in finding["summary"], finding["summary"]
    # it hangs there, and the client leaves
    finding = expect(called(1).c(PSH | ACK, ask(3)).s(PSH | ACK, part[:1400], after=0.02).c(ACK)
                     .c(FIN | ACK, after=10).s(ACK, after=0.02), "app-stuck", outcomes=("failed",))
    assert "stopped in the midst of a frame of HTTP/2" in finding["summary"], finding["summary"]


@case
def said_why():
    """GOAWAY: an orderly end that does not wait, an error; and one that does no harm."""
    open_one = lambda bye: ended(called(1).c(PSH | ACK, ask(3)).s(PSH | ACK, bye, after=1).c(ACK), after=2)
    finding = expect(open_one(goaway(3)), "process-died", outcomes=("failed",))
    assert "said that it goes (GOAWAY)" in finding["summary"], finding["summary"]
    finding = expect(open_one(goaway(3, CALM, b"too_many_pings")), "process-died", outcomes=("failed",))
    assert "GOAWAY, ENHANCE_YOUR_CALM (11)" in finding["summary"], finding["summary"]
    finding = expect(ended(called(1).s(PSH | ACK, goaway(1, CALM)).c(ACK)), "clean")
    assert "GOAWAY, ENHANCE_YOUR_CALM (11)" in finding["summary"], finding["summary"]
    # the client takes its leave: what is open then it does not want
    expect(ended(called(1).c(PSH | ACK, ask(3)).c(PSH | ACK, goaway(0)).s(ACK, after=0.02)), "clean")


@case
def begun_behind_the_close():
    """A request that the server will never read: lost, or begun again elsewhere if GOAWAY says that it may."""
    late = lambda talk, words: (talk.s(FIN | ACK, after=2).c(ACK).c(PSH | ACK, words, after=1).c(FIN | ACK)
                                .s(RST, seq=talk.next[1], after=0.02, window=0))
    expect(late(called(1), ask(3) + bytes(0)), "data-after-close", outcomes=("failed",))
    finding = expect(late(called(1).s(PSH | ACK, goaway(1)).c(ACK), ask(3)), "data-after-close", outcomes=("degraded",))
    assert any("may begin stream 3 again" in e["text"] for e in finding["evidence"]), finding["evidence"]
    # it had taken up all, whatever that means then
    expect(late(called(1).s(PSH | ACK, goaway(2 ** 31 - 1)).c(ACK), ask(3)), "data-after-close", outcomes=("failed",))
    # seen at the client it left before the FIN came, which does not acknowledge it; no reset comes of it, or one does
    for bye, outcome, quiet in ((b"", "failed", 2), (goaway(1), "degraded", 2), (b"", "failed", 0.1), (goaway(1), "degraded", 0.1)):
        talk = called(1).s(PSH | ACK, bye, after=2).c(ACK) if bye else called(1)
        before = talk.next[0]
        talk.c(PSH | ACK, ask(3), after=quiet).s(FIN | ACK, ack=before, after=0.01)
        expect(talk.c(FIN | ACK, after=0.001).s(ACK, after=0.02), "data-after-close", "keepalive-race", outcomes=(outcome,))
    crossed = called(1).c(PSH | ACK, ask(3), after=2)
    crossed.s(FIN | ACK, ack=crossed.next[0] - len(ask(3)), after=0.01)
    expect(crossed.c(FIN | ACK).s(RST, seq=crossed.next[1] - 1, after=0.01, window=0), "data-after-close", "keepalive-race",
           outcomes=("failed",))
    # what only keeps the connection going asks for nothing
    upkeep = frame(PING, ACKED, 0, bytes(8)) + 8 * frame(WINDOW_UPDATE, 0, 0, bytes(4)) + goaway(0)
    expect(late(called(1), upkeep), "clean")


@case
def given_up():
    """A deadline: the client resets its stream, or closes; and a stream of events that it is through with."""
    for end in (lambda t: t.c(PSH | ACK, reset(3), after=4).s(ACK, after=0.02).c(FIN | ACK).s(FIN | ACK, after=0.02).c(ACK),
                lambda t: t.c(FIN | ACK, after=4).s(ACK, after=0.02)):
        finding = expect(end(called(1).c(PSH | ACK, ask(3)).s(ACK, after=0.02)), "app-stuck", outcomes=("unknown",))
        assert "after 4.0" in finding["summary"], finding["summary"]
        assert "whole seconds" in str(finding["evidence"]), finding["evidence"]
    events = lambda after, whole=True: (called(1).c(PSH | ACK, ask(3, whole)).s(ACK, after=0.02)
                                        .c(PSH | ACK, reset(3), after=after).s(ACK, after=0.02))
    expect(ended(events(0.3), first=0), "clean")         # changed its mind
    expect(ended(events(4, whole=False), first=0), "clean")  # had not said all of it
    expect(ended(called(1).c(PSH | ACK, ask(3)).s(PSH | ACK, answer(3, whole=False)).c(PSH | ACK, reset(3), after=9)
                 .s(ACK, after=0.02), first=0), "clean")


@case
def ping_unanswered():
    """A PING has to be answered at once. gRPC's client closes when it is not."""
    ping = frame(PING, 0, 0, bytes(8))
    finding = expect(called(1).c(PSH | ACK, ping, after=10).s(ACK, after=0.02).c(FIN | ACK, after=20).s(ACK, after=0.02),
                     "app-stuck", outcomes=("failed",))
    assert "a PING of HTTP/2 and never answered it" in finding["summary"], finding["summary"]
    # answered; and sent with the last words, to measure the path
    expect(ended(called(1).c(PSH | ACK, ping).s(PSH | ACK, frame(PING, ACKED, 0, bytes(8)), after=0.02), first=0, after=20), "clean")
    expect(ended(called(1).c(PSH | ACK, ping), first=0, after=0.001), "clean")


@case
def header_not_captured():
    """Where a header is missing nothing is known of what is open, and nothing is certain."""
    words = answer(3, 2000)
    lossy = called(1).c(PSH | ACK, ask(3)).s(ACK, words[:1400], after=0.02)
    at, tail = lossy.next[1], words[1400:] + answer(5)
    lossy.next[1] += len(tail)  # captured is only the end, which the client acknowledges
    lossy.c(ACK)
    del at
    finding = expect(ended(lossy), "clean", outcomes=("clean", "unknown"))
    equal(finding["confidence"], "likely")
    # the whole of it, in an order that makes the reader wait: a hole, and what fills it
    filled = called(1).c(PSH | ACK, ask(3)).s(ACK, words[:30], after=0.02)
    hole = filled.next[1]
    filled.s(PSH | ACK, words[40:], seq=hole + 10, after=0.0001).s(PSH | ACK, words[30:40], seq=hole, after=0.0001)
    filled.next[1] = hole + len(words) - 30
    finding = told(ended(filled.c(ACK)))[0]
    assert finding["outcome"] in ("clean", "degraded"), finding["summary"]


@case
def snapped():
    """A snap length cuts the frames behind the first ones off: no certainty, and no alarm."""
    for snap in (68, 80, 96, 128):
        for talk in (ended(called(1, 3, 5)), ended(called(1).c(PSH | ACK, ask(3) + ask(5)).s(ACK, after=0.02))):
            frames = [(at, data[:snap], len(data)) for at, data in talk.frames]
            capture = craft.pcap_header() + b"".join(
                struct.pack("<IIII", 1_700_000_000 + int(at), int(at % 1 * 1e6), len(data), wire) + data
                for at, data, wire in frames)
            finding = next(o for o in objects(capture, "--all") if o["type"] == "finding")
            assert snap == 128 or finding["confidence"] != "certain", (snap, finding["summary"])  # that leaves all headers
            if "2 requests" not in finding["summary"]:
                equal(finding["outcome"], "clean")


@case
def many_streams():
    """A thousand requests at once, answered in any order; more than are followed; and the last of them lost."""
    streams = list(range(1, 1600, 2))
    for lost in ((), streams[400:403]):
        talk = begun()
        for at in range(0, len(streams), 20):
            talk.c(PSH | ACK, b"".join(ask(s) for s in streams[at:at + 20]))
        talk.s(ACK, after=0.02)
        mixed = [s for s in streams if s not in lost]
        random.Random(1).shuffle(mixed)
        for at in range(0, len(mixed), 8):
            talk.s(PSH | ACK, b"".join(answer(s, 60) for s in mixed[at:at + 8]))
        finding = told(ended(talk.c(ACK)))[0]
        equal(finding["verdict"], "process-died" if lost else "clean")
        if lost:
            assert "with 3 requests" in finding["summary"], finding["summary"]
    talk = begun()
    for stream in range(1, 4001, 2):
        talk.c(PSH | ACK, ask(stream))
    finding = told(ended(talk.s(ACK, after=0.02)))[0]
    assert "requests of HTTP/2" not in finding["summary"] and finding["confidence"] != "certain", finding["summary"]


@case
def byte_by_byte():
    """Frames need not be those of segments."""
    talk = called(1)
    for byte in ask(3):
        talk.c(PSH | ACK, bytes((byte,)))
    for byte in answer(3, 10)[:-1]:
        talk.s(PSH | ACK, bytes((byte,)))
    finding = expect(ended(talk.c(ACK)), "process-died", outcomes=("failed",))
    assert "18 of 19 bytes" in finding["summary"], finding["summary"]


@case
def hostile_frames():
    """Lengths that lie, types that are none, streams that go back: read to their end, and nothing is said that is not so."""
    dice = random.Random(7)
    for _ in range(150):
        talk = begun()
        for _ in range(dice.randrange(1, 6)):
            side = dice.randrange(2)
            words = b"".join(
                dice.choice((lambda: dice.randbytes(dice.randrange(1, 30)),
                             lambda: frame(dice.randrange(12), dice.randrange(256), dice.randrange(9), dice.randbytes(dice.randrange(20))),
                             lambda: struct.pack(">I", dice.randrange(2 ** 24))[1:] + dice.randbytes(6)))()
                for _ in range(dice.randrange(1, 5)))
            talk.send(side, PSH | ACK, words)
        talk.send(1 - side, ACK, after=0.02)
        finding = told(ended(talk, first=dice.randrange(2)))[0]
        assert finding["verdict"] in ("clean", "process-died", "app-stuck", "unknown"), finding["summary"]
    # no preface, but a first frame of the server that looks like one; a preface alone
    expect(ended(Talk().shake().s(PSH | ACK, frame(SETTINGS)).c(PSH | ACK, b"hello")), "clean", "process-died", "unknown",
           outcomes=("clean", "failed", "unknown"))
    assert as_pcap(Talk().shake().c(PSH | ACK, PREFACE))


if __name__ == "__main__":
    main()
