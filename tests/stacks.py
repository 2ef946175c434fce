#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How applications take leave, and how small TCPs behave: what only looks odd is no failure, and what failed is told.

Each case is a conversation after one that was seen in practice, most of them in a bug report whose cause was
found.

usage: TCPWHY=build/tcpwhy tests/stacks.py [WORD...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, RST, SYN
from tap import case, main
from talk import MSS, Talk, expect, told


@case
def tired_of_connecting():
    """uIP repeats its SYN after 1.7, 3.3, 6.2 and 12 s, and resets at last, nobody having answered: no health check."""
    talk = Talk()
    for after in (0, 1.69, 3.32, 6.25):
        talk.c(SYN, options=MSS, seq=1000, window=512, after=after)
    talk.c(RST | ACK, seq=1001, ack=0, window=512, after=12.19)
    finding = expect(talk, "syn-unanswered", outcomes=("failed",))
    assert finding["application"]["client"]["after"] > 23, finding["application"]
    assert told(talk, all_of_them=False) == [finding]
    # a probe that resets what nobody answered in the next moment proves nothing
    talk = Talk().c(SYN, options=MSS).c(RST | ACK, window=0, after=0.001)
    expect(talk, "unknown", outcomes=("unknown",))


if __name__ == "__main__":
    main()
