#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Several devices that speak for one end, and stacks of their own kind: no third party, and no full queue.

usage: TCPWHY=build/tcpwhy tests/voices.py [WORD...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import HELLO, MSS, RECORD, Talk, expect, told


def balanced(balancer=231, backend=219, **more):
    """The balancer shakes hands, a host behind it answers, each with a TTL and ids of its own."""
    talk = Talk(ttl=(64, backend), **more).c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.08, ttl=balancer, ident=0x300B)
    return talk.c(ACK, after=0.0014)


@case
def balancer_closes_for_the_host_behind_it():
    """The FIN is the balancer's again: its TTL is known from the SYN|ACK."""
    talk = balanced().c(PSH | ACK, bytes(808)).s(ACK, after=0.07).s(PSH | ACK, bytes(1346), after=0.015)
    talk.c(ACK, after=0.002).c(FIN | ACK, after=0.9)
    talk.s(FIN | ACK, after=0.09, ttl=231, ident=0x3299, window=127).c(ACK, after=0.002)
    expect(talk, "clean")


@case
def balancer_drops_the_first_data():
    """The host behind a balancer acknowledges the handshake alone: the connection exists, its queue is not full."""
    talk = balanced().c(PSH | ACK, HELLO[:70], keep=True, after=0.0005)
    talk.s(ACK, ack=talk.next[0], after=0.05)
    for after in (0.21, 0.52):
        talk.c(PSH | ACK, HELLO[:70], keep=True, after=after)
    talk.next[0] += 70
    talk.s(ACK, after=0.055).s(PSH | ACK, RECORD, after=0.004).c(ACK, after=0.002).close()
    other = balanced(client=("192.0.2.9", 40009), now=0.3).ask(RECORD, RECORD).close()
    expect(talk, "loss-recovered", "unknown", outcomes=("degraded", "unknown"), others=[other])


@case
def another_host_with_the_same_address():
    """A reset from as far away as the server, which goes on: by its filter, or by a second host that has its address."""
    for ttl in (63, 64):
        talk = Talk(timestamps=True, ttl=(64, 63)).shake(rtt=0.0001)
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK).s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n").c(ACK)
        for _ in range(5):
            heard = talk.heard[1]
            talk.s(PSH | ACK, b"d" * 1000, after=0.1).c(ACK)
        talk.s(RST, window=0, ident=0, after=0.00005, ttl=ttl)
        for _ in range(3):
            talk.heard[1] = heard  # the last ACK went elsewhere
            talk.s(PSH | ACK, b"d" * 1000, after=0.1).c(RST, seq=talk.next[0], window=0, ident=0)
        finding = expect(talk, "firewall-reset", outcomes=("failed",))
        beside = ttl == 63
        assert ("another host" in finding["summary"]) == beside, finding["summary"]
        assert ("peer-rebooted" in [r["verdict"] for r in finding["rivals"]]) == beside, finding["rivals"]
        assert (finding["culprit"] == "middlebox") != beside, finding["culprit"]


@case
def stack_of_a_vpn_contradicts_itself():
    """A VPN's own stack repeats a segment that was not acknowledged with other bytes: no third party wrote it."""
    talk = Talk(ttl=(64, 16)).shake().ask(RECORD, RECORD).ask(RECORD, RECORD)
    at = talk.next[1]
    talk.s(PSH | ACK, b"\1" * 69, after=1).c(PSH | ACK, bytes(202), ack=at).s(ACK, after=0.0005)
    talk.s(PSH | ACK, b"\2" * 37, seq=at, after=4).c(ACK, after=0.05).s(ACK, after=0.01).close()
    finding = expect(talk, "injected-segment", "desynchronized", "unknown", outcomes=("degraded", "unknown"))
    assert finding["confidence"] in (None, "possible"), finding["confidence"]
    assert "one of them is not" not in finding["summary"], finding["summary"]


@case
def first_words_lost_until_the_server_is_weary():
    """A filter lets the handshake pass and drops the first data; the server closes after its own time-out."""
    talk = Talk(timestamps=True, ttl=(64, 57)).shake(rtt=0.04)
    for after in (0.001, 0.33, 0.45, 0.71, 1.2, 2.2):
        talk.c(PSH | ACK, HELLO[:70], keep=True, after=after)
    heard = talk.next[0]
    talk.next[0] += 70
    talk.c(FIN | ACK, after=0.015)
    talk.s(FIN | ACK, ack=heard, after=15).c(FIN | ACK, seq=talk.next[0] - 1)
    talk.s(RST, seq=talk.next[1], window=0, after=0.04)
    finding = expect(talk, "firewall-dropped", "peer-vanished", "unknown", outcomes=("failed", "unknown"))
    assert "still sent" not in finding["summary"], finding["summary"]


@case
def next_connection_without_its_syn():
    """The capture missed the SYN of the next connection on the same ports: no segment of it is a forgery."""
    talk = Talk(ttl=(60, 128)).shake().ask().close(first=1)
    talk.next = [601605382, 3820447205]
    talk.s(SYN | ACK, ack=601605383, options=MSS, after=3000)
    talk.next[0] += 1
    talk.c(ACK, after=0.004).ask()
    finding = told(talk)[0]
    assert finding["outcome"] != "failed" and finding["verdict"] != "injected-segment", finding["summary"]


@case
def two_synacks_with_different_numbers():
    """Two SYNs reach a balancer, and two hosts behind it answer: what the chosen one says is an answer."""
    talk = Talk(ttl=(63, 172)).c(SYN, options=MSS, keep=True).c(SYN, options=MSS, after=1)
    talk.s(SYN | ACK, options=MSS, after=0.03).s(SYN | ACK, seq=16786092, options=MSS, after=0.0007)
    talk.c(ACK, after=0.007).c(PSH | ACK, b"POST http://x/ HTTP/1.1\r\n\r\n", after=0.02).s(ACK, after=1.2)
    expect(talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n", after=0.07).close(first=1),
           "syn-ack-lost", "syn-lost", "clean", "reordering", "unknown", "injected-segment", outcomes=("clean", "degraded", "unknown"))


@case
def last_word_within_tls():
    """A farewell in one short record, the FIN on its heels; the server ends what is over by a reset."""
    talk = Talk(ttl=(64, 127)).shake().ask(RECORD, RECORD)
    talk.c(PSH | ACK, b"\x17\x03\x03\x00\x21" + bytes(33), after=3).c(FIN | ACK, after=0.002)
    talk.s(RST | ACK, window=0, after=0.08)
    expect(talk, "clean")


if __name__ == "__main__":
    main()
