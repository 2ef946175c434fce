#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the applications of a connection are said to have seen: which call, which errno, after how long.

(tests/score.py holds it against the errnos that were measured, and tools/accuracy.py against those of the lab.)

usage: TCPWHY=build/tcpwhy tests/applications.py [WORD...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST
from tap import CAPTURES, case, equal, main
from talk import Talk, objects, told


def saw(finding, side):
    """call -> errno"""
    seen = finding["application"][side]
    return seen and (seen["call"], seen["errno"])


def unanswered(talk, size, side=0, gaps=(0.2, 0.4, 0.8, 1.6, 3.2)):
    """@size bytes of @side, in segments of up to 1448, and repeats of the first of them."""
    at = talk.next[side]
    for sent in range(0, size, 1448):
        talk.send(side, PSH | ACK, b"x" * min(1448, size - sent))
    for gap in gaps:
        talk.send(side, PSH | ACK, b"x" * min(1448, size), seq=at, after=gap)
    return talk


@case
def waits_for_the_answer():
    """A request that nobody answers: send() has returned, recv() waits."""
    finding = told(unanswered(Talk(timestamps=True).shake().ask(), 300, gaps=(0.2, 0.4, 0.8)))[0]
    equal((finding["verdict"], saw(finding, "client")), ("peer-vanished", ("recv", "hang")))


@case
def waits_for_room():
    """A whole flight of data that nobody acknowledges: there is more behind it, and send() waits."""
    finding = told(unanswered(Talk(timestamps=True).shake().ask(), 20000, gaps=(0.2, 0.4, 0.8)))[0]
    equal(saw(finding, "client"), ("send", "hang"))


def server_goes_on(repeats):
    """The client has given up; the server says something after all, and repeats it against the client's resets."""
    talk = unanswered(Talk(timestamps=True).shake().ask(), 300)
    question, had, at = talk.next[0] - 300, talk.next[0] - 300, talk.next[1]
    talk.now += 20
    for n in range(repeats + 1):
        talk.s(PSH | ACK, b"late", seq=at, ack=had, after=0.3 * n).c(RST, seq=question, window=0, ident=0, after=0.00005)
    return told(talk)[0]


@case
def reset_is_heard():
    """The path is whole again: the RST arrives, and the server does not go on."""
    finding = server_goes_on(0)
    equal((finding["verdict"], saw(finding, "server")), ("peer-vanished", ("recv", "ECONNRESET")))


@case
def one_reset_is_lost():
    """One RST got lost, the next one arrives."""
    finding = server_goes_on(1)
    equal((finding["verdict"], saw(finding, "server")), ("peer-vanished", ("recv", "ECONNRESET")))


@case
def resets_are_unheard():
    """The server repeats against each RST: they do not reach it either, and it saw no error."""
    finding = server_goes_on(3)
    equal((finding["verdict"], saw(finding, "server"), saw(finding, "client")),
          ("peer-vanished", ("recv", "hang"), ("recv", "ETIMEDOUT")))
    assert any("do not reach it either" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def resets_are_unheard_on_a_kernel():
    """The same from a real one: a router drops one direction."""
    finding = next(f for f in objects((CAPTURES / "12-fw-drop-mid-router.client.pcap").read_bytes())
                   if f["type"] == "finding")
    equal((saw(finding, "server"), saw(finding, "client")), (("recv", "hang"), ("recv", "ETIMEDOUT")))


@case
def waited_since_it_asked():
    """The reset answers the third repeat: recv() has waited since the first transmission, not since that."""
    talk = unanswered(Talk().shake().ask(), 300, gaps=(0.2, 0.4, 0.8))
    finding = told(talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02))[0]
    equal(saw(finding, "client"), ("recv", "ECONNRESET"))
    after = finding["application"]["client"]["after"]
    assert after and abs(after - 1.42) < 0.01, after


@case
def reset_instead_of_close():
    """Nobody was owed anything, and whoever reads on gets an error all the same."""
    finding = told(Talk(timestamps=True).shake().ask().c(RST | ACK, after=0.5))[0]
    equal((finding["outcome"], saw(finding, "server"), saw(finding, "client")),
          ("clean", ("recv", "ECONNRESET"), None))


@case
def reset_after_close():
    """The end that is reset had closed: nobody is there to see it."""
    finding = told(Talk(timestamps=True).shake().ask().s(FIN | ACK).c(ACK).c(RST | ACK, after=0.5))[0]
    equal((finding["outcome"], saw(finding, "server"), saw(finding, "client")), ("clean", None, None))


if __name__ == "__main__":
    main()
