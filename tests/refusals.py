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
from talk import MSS, SACK_OK, WSCALE, Talk, expect


def again(talk, side, flags, data=b"", **more):
    """The last segment of @side once more."""
    return talk.send(side, flags, data, seq=talk.next[side] - len(data) - bool(flags & FIN), keep=True, **more)


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


if __name__ == "__main__":
    main()
