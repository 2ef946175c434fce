#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What routers say, what the path carries, and what an earlier connection left: conversations packet by packet.

An ICMP error tells of one moment, a silence of large segments not always of their size, and an ACK with old numbers
comes from whatever the connection before has left: each case is what one of them means, or does not mean.

usage: TCPWHY=build/tcpwhy tests/paths.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, SACK_OK, WSCALE, Talk, as_pcap, expect, objects, told

OPTIONS = MSS + SACK_OK + b"\1" + WSCALE


def linux(synack=0, **more):
    """A talk between two Linux hosts, up to its handshake: the SYN|ACK has id 0 (@synack), the sockets count theirs."""
    talk = Talk(**more).c(SYN, options=OPTIONS)
    return talk.s(SYN | ACK, options=OPTIONS, after=0.02, ident=synack).c(ACK)


def named(finding):
    """The verdict and its rivals."""
    return [finding["verdict"], *(rival["verdict"] for rival in finding["rivals"])]


def of_stream(talk, number):
    return next(o for o in objects(as_pcap(talk), "--all") if o["type"] == "finding" and o["stream"] == number)


def wanted(finding, *verdicts, certain=False):
    if finding["verdict"] not in verdicts or (finding["confidence"] == "certain" and not certain):
        raise AssertionError(f"said {finding['verdict']} ({finding['outcome']}, {finding['confidence']}): "
                             f"{finding['summary']} {finding['rivals']}")
    return finding


# ---- what the connection before has left at the server: TIME_WAIT needs the ACK of the FIN that was first ----

def again(talk, after, old_ident, isn=90_000_000, refuses=True):
    """The same port again: an ACK with the old numbers, a reset, and the next SYN is taken."""
    old_seq, old_ack = talk.next[1], talk.next[0]
    talk.next = [isn, 5_000_000]
    talk.c(SYN, options=OPTIONS, seq=isn, after=after)
    talk.s(ACK, seq=old_seq, ack=old_ack, ident=old_ident, after=0.02)
    if refuses:
        talk.c(RST, seq=old_ack, window=0, ident=0)
    talk.c(SYN, options=OPTIONS, after=0.015).s(SYN | ACK, options=OPTIONS, ident=0, after=0.02).c(ACK)
    return talk.ask().close()


def closed_last(timestamps, repeats, idents=("count", "count")):
    """The client closes first; its ACK of the server's FIN does not get there."""
    talk = linux(timestamps=timestamps, idents=idents).ask().c(FIN | ACK, after=0.1)
    fin = talk.next[1]
    talk.s(FIN | ACK, after=0.02)
    for step in range(repeats):
        talk.s(FIN | ACK, seq=fin, after=0.21 * 2 ** step)
    return talk


@case
def syn_meets_last_ack():
    """The server closed last and its FIN was never acknowledged: LAST_ACK answers the SYN, no TIME_WAIT is there."""
    for timestamps in (False, True):
        for repeats in (0, 3):
            talk = closed_last(timestamps, repeats)
            finding = wanted(of_stream(again(talk, 2.0, None), 1), "peer-rebooted")
            assert "LAST_ACK" in finding["summary"], finding["summary"]


@case
def syn_meets_a_time_wait_that_numbers_its_acks():
    """The server closed first. Before Linux 4.19 its TIME_WAIT has ids of the host's, none that continue the socket's."""
    for ident, verdict in ((43684, "time-wait-syn-dropped"), (0, "time-wait-syn-dropped")):
        talk = linux().ask().s(FIN | ACK, after=0.1).c(ACK, after=0.02)
        talk.c(FIN | ACK, after=0.01).s(ACK, ident=ident and ident - 2, after=0.02)
        wanted(of_stream(again(talk, 2.0, ident), 1), verdict, certain=not ident)


@case
def syn_meets_last_ack_and_no_reset_follows():
    """The same where the client's reset is not in the capture, and no next SYN: still no TIME_WAIT."""
    talk = closed_last(True, 2)
    old_seq, old_ack = talk.next[1], talk.next[0]
    talk.c(SYN, options=OPTIONS, seq=90_000_000, after=2).s(ACK, seq=old_seq, ack=old_ack, after=0.02)
    wanted(of_stream(talk, 1), "peer-rebooted")


@case
def syn_meets_last_ack_of_other_stacks():
    """The same where every id is 0, or random: who closes last never has a TIME_WAIT."""
    for kind in ("zero", "random"):
        talk = closed_last(False, 2, idents=(kind, kind))
        wanted(of_stream(again(talk, 2.0, 0 if kind == "zero" else 4711), 1), "peer-rebooted")


@case
def syn_meets_last_ack_beyond_the_capture():
    """The client's last ACK was captured, and lost behind: the server, last to close, has no TIME_WAIT all the same."""
    talk = closed_last(True, 0).c(ACK)
    wanted(of_stream(again(talk, 2.0, None), 1), "peer-rebooted")


@case
def syn_meets_closing():
    """Both close at once, and the server's FIN is repeated in vain: CLOSING."""
    talk = linux().ask().s(FIN | ACK, after=0.1)
    fin = talk.next[1] - 1
    talk.c(FIN | ACK, ack=fin, after=0.001).s(ACK, after=0.02)
    for step in range(2):
        talk.s(FIN | ACK, seq=fin, after=0.21 * 2 ** step)
    finding = wanted(of_stream(again(talk, 1.0, None), 1), "peer-rebooted")
    assert "CLOSING" in finding["summary"], finding["summary"]


@case
def syn_meets_time_wait():
    """The server closed first, its FIN is acknowledged, and the ACK has id 0: TIME_WAIT, for an older SYN."""
    talk = linux(timestamps=True).ask().close(first=1)
    talk.heard[1], now = talk.heard[1] + 1_000_000, talk.now
    old_seq, old_ack = talk.next[1], talk.next[0]
    talk.next = [500, 5_000_000]
    talk.c(SYN, options=OPTIONS, seq=500, after=2.0)
    talk.heard[1] += 1_000_000
    talk.s(ACK, seq=old_seq, ack=old_ack, ident=0, after=0.02).c(RST, seq=old_ack, window=0, ident=0)
    talk.heard[1] = int((now + 2) * 1000) + 5000
    talk.c(SYN, options=OPTIONS, after=0.015).s(SYN | ACK, options=OPTIONS, ident=0, after=0.02).c(ACK)
    wanted(of_stream(talk.ask().close(), 1), "time-wait-syn-dropped", certain=True)


@case
def syn_meets_time_wait_of_other_stacks():
    """The same with ids that tell nothing: what closed first and was heard has a TIME_WAIT; not certain for a newer SYN."""
    for isn, certain in ((500, True), (90_000_000, False)):
        talk = linux(synack=1234, idents=("random", "random")).ask().close(first=1)
        finding = of_stream(again(talk, 2.0, 4711, isn=isn), 1)
        wanted(finding, "time-wait-syn-dropped", certain=certain)
        assert certain or "peer-rebooted" in named(finding), finding["rivals"]
    talk = linux().ask().close(first=1)  # a proxy of the handshake before a stack that counts in TIME_WAIT, too
    wanted(of_stream(again(talk, 2.0, None, isn=500), 1), "time-wait-syn-dropped")


def reset_by_the_old(seq_off=0, ack_off=0):
    """A stack of RFC 793 resets the old connection on the SYN; the next one is taken."""
    talk = linux(idents=("zero", "random")).ask()
    old_seq, old_ack = talk.next[1], talk.next[0]
    talk.next = [old_ack + 4000, 5_000_000]
    talk.c(SYN, options=OPTIONS, seq=talk.next[0], after=9)
    talk.s(RST | ACK, seq=old_seq + seq_off, ack=old_ack + ack_off, window=0, ident=0, after=0.02)
    talk.c(SYN, options=OPTIONS, after=1).s(SYN | ACK, options=OPTIONS, after=0.02).c(ACK)
    return talk.ask().close()


@case
def syn_resets_the_old_connection():
    """Its RST|ACK has both old numbers: the new connection is late by a second, the old one is gone."""
    finding = wanted(of_stream(reset_by_the_old(), 1), "peer-rebooted")
    assert finding["outcome"] == "degraded" and "reset that one" in finding["summary"], finding["summary"]
    for offsets in ((77, 0), (0, 77)):  # with other numbers it is nobody's
        finding = of_stream(reset_by_the_old(*offsets), 1)
        assert finding["verdict"] == "invalid-segment", finding["summary"]


@case
def syn_meets_what_was_left_and_is_then_refused():
    """The program is gone meanwhile: connect() ends with ECONNREFUSED, whatever the first SYN met."""
    for left in ("time-wait", "half-open", "accepted"):
        talk = linux()
        talk.ask()
        if left == "time-wait":
            talk.s(FIN | ACK, after=0.1).c(ACK, after=0.02).c(FIN | ACK).s(ACK, ident=0, after=0.02)
        old_seq, old_ack = talk.next[1], talk.next[0]
        talk.next = [old_ack - 500_000_000 & 0xFFFFFFFF, 5_000_000]
        talk.c(SYN, options=OPTIONS, after=3).s(ACK, seq=old_seq, ack=old_ack, ident=0 if left == "time-wait" else None, after=0.02)
        talk.c(RST, seq=old_ack, window=0, ident=0).c(SYN, options=OPTIONS, seq=talk.next[0] - 1, after=1)
        if left == "accepted":
            talk.s(SYN | ACK, options=OPTIONS, ident=0, after=0.02).c(ACK).ask().close()
            assert of_stream(talk, 1)["verdict"] == "peer-rebooted"
            continue
        talk.s(RST | ACK, seq=0, window=0, ident=0, after=0.02)
        finding = wanted(of_stream(talk, 1), "port-closed")
        assert finding["application"]["client"]["errno"] == "ECONNREFUSED" and finding["outcome"] == "failed", finding


# ---- an ICMP error tells of a moment: did the segment that it quotes get through after all? ----

def once_refused(kind, code, way=0):
    """An error for a segment of the end @way that is repeated and acknowledged 0.3 s later; then much traffic."""
    talk = linux(timestamps=True).ask().send(way, PSH | ACK, b"w" * 70, after=1, keep=True)
    talk.icmp(kind, code, talk.last_ip(), to=way).send(way, PSH | ACK, b"w" * 70, after=0.25)
    talk.send(1 - way, ACK, after=0.02)
    for _ in range(12):
        talk.now += 25
        talk.ask()
    return talk


@case
def icmp_of_long_ago():
    """What the error quotes was acknowledged, and minutes of traffic went by: the silence at the end has another reason."""
    for code in (1, 3, 13):
        talk = once_refused(3, code).c(PSH | ACK, b"w" * 70, after=30)
        for step in range(8):
            talk.c(PSH | ACK, b"w" * 70, seq=talk.next[0] - 70, after=0.25 * 2 ** step)
        finding = expect(talk, "peer-vanished", "idle-blackholed", outcomes=("failed",))
        assert "EHOSTUNREACH" not in str(finding), finding


@case
def icmp_of_long_ago_on_the_syn():
    """The first SYN drew host unreachable, the second was answered; the peer vanishes much later."""
    talk = Talk().c(SYN, options=OPTIONS, keep=True)
    talk.icmp(3, 1, talk.last_ip()).c(SYN, options=OPTIONS, after=1.03).s(SYN | ACK, options=OPTIONS, after=0.02)
    talk.c(ACK)
    for _ in range(4):
        talk.now += 10
        talk.ask()
    talk.c(PSH | ACK, b"w" * 70, after=10)
    for step in range(8):
        talk.c(PSH | ACK, b"w" * 70, seq=talk.next[0] - 70, after=0.25 * 2 ** step)
    expect(talk, "peer-vanished", outcomes=("failed",))


@case
def a_reset_from_halfway_behind_a_fin():
    """The client has only shut down its half; what refuses the answer has lost fewer hops than the client's own packets."""
    for ttl, verdict in ((63, "data-after-close"), (64, "firewall-reset")):
        talk = Talk(ttl=(63, 64)).shake(rtt=0.0001).c(PSH | ACK, b"q" * 300).s(ACK).c(FIN | ACK).s(ACK, after=0.04)
        talk.s(PSH | ACK, b"a" * 3000, after=6).c(RST, window=0, ident=0, ttl=ttl, after=0.00005)
        expect(talk, verdict, outcomes=("failed",) if ttl == 64 else ("failed", "degraded"))


@case
def icmp_of_long_ago_then_data_after_close():
    """The server's segment drew the error once; much later it closes, and refuses what comes then."""
    talk = once_refused(3, 13, way=1).s(FIN | ACK, after=1).c(ACK, after=0.02)
    talk.c(PSH | ACK, b"w" * 70, after=3).s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
    expect(talk, "data-after-close", outcomes=("failed", "degraded"), certain=True)


@case
def icmp_for_each_repeat():
    """Each repeat draws the error, or the first one only: that is how it ends."""
    for every in (True, False):
        talk = linux(timestamps=True).ask().ask().c(PSH | ACK, b"w" * 70, after=1)
        talk.icmp(3, 13, talk.last_ip())
        for step in range(8):
            talk.c(PSH | ACK, b"w" * 70, seq=talk.next[0] - 70, after=0.25 * 2 ** step)
            if every:
                talk.icmp(3, 13, talk.last_ip())
        expect(talk, "firewall-rejected", outcomes=("failed",), certain=True)


@case
def icmp_of_a_nat_that_lost_its_host():
    """Errors of the destination's own address: at once they are a filter's, seconds later those of who looked for a neighbour."""
    for wait in (0.0004, 2.0):
        for connecting in (False, True):
            talk = Talk()
            if not connecting:
                talk.shake().ask()
            kind, data = (SYN, b"") if connecting else (PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
            at, quoted = talk.next[0], []
            for number in range(3):
                talk.c(kind, data, seq=at, after=1 if wait < 1 else 0.5)
                quoted.append(talk.last_ip(40))
                if wait < 1:
                    talk.icmp(3, 1, quoted[-1], source="192.0.2.2", after=wait)
            if wait >= 1:
                for number, packet in enumerate(quoted):
                    talk.icmp(3, 1, packet, source="192.0.2.2", after=0 if number else wait)
            finding = expect(talk, "host-unreachable" if wait >= 1 else "firewall-rejected", outcomes=("failed", "unknown"))
            assert ("NAT" in finding["summary"]) == (wait >= 1), finding["summary"]


@case
def icmp_that_took_the_request():
    """An error for the SYN|ACK ends the server's request: the ACK of the handshake draws a reset. It was not outlived."""
    talk = Talk().c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, ident=0)
    talk.icmp(3, 13, talk.last_ip(), to=1).c(ACK, after=0.1).s(RST, seq=700001, window=0, ident=0)
    expect(talk, "firewall-rejected", outcomes=("failed",), certain=True)


@case
def icmp_once_and_again_at_the_end():
    """An old error that was outlived by far, and another one at the end: the last one counts."""
    talk = once_refused(3, 1).c(PSH | ACK, b"w" * 70, after=1)
    talk.icmp(3, 13, talk.last_ip())
    for step in range(8):
        talk.c(PSH | ACK, b"w" * 70, seq=talk.next[0] - 70, after=0.25 * 2 ** step)
    expect(talk, "firewall-rejected", outcomes=("failed",), certain=True)


@case
def icmp_about_what_had_arrived():
    """The error quotes a segment that was acknowledged before it came: a copy was refused, or it is false."""
    for kind, code in ((3, 13), (3, 1)):
        talk = linux(timestamps=True).ask().c(PSH | ACK, b"w" * 70, after=1)
        quoted = talk.last_ip()
        talk.s(ACK, after=0.02).s(PSH | ACK, b"done").c(ACK)
        talk.icmp(kind, code, quoted, after=1.0).close()
        finding = expect(talk, "firewall-rejected", "host-unreachable", "clean", outcomes=("degraded", "clean"))
        assert finding["confidence"] == "possible" and "had arrived already" in finding["summary"], finding["summary"]


# ---- an ICMP error that quotes what was never sent: kernels drop it (RFC 5927 s4.1) ----

def guessed(talk, offset, kind=3, code=3):
    """An error for a segment @offset beyond all that the client has sent."""
    ip = bytearray(talk.last_ip())
    ip[24:28] = struct.pack(">I", talk.next[0] + offset)
    return talk.icmp(kind, code, bytes(ip))


@case
def icmp_of_a_guess():
    """A forger guesses the number: everything is answered and the close is in order. Nothing was refused."""
    for offset in (300, 50_000):
        for vantage in ((64, 57), (57, 57)):
            talk = linux(ttl=vantage).c(PSH | ACK, b"w" * 70)
            guessed(talk, offset).s(ACK, after=0.02).s(PSH | ACK, b"a" * 30).c(ACK)
            expect(talk.ask().close(), "clean")


@case
def icmp_of_a_guess_in_mid_talk():
    """The same where the capture ends before the close, taken at the client: it shows all that the client sent."""
    talk = linux(ttl=(64, 57)).c(PSH | ACK, b"w" * 70)
    guessed(talk, 5000).s(ACK, after=0.02).s(PSH | ACK, b"a" * 30).c(ACK)
    expect(talk.ask(), "clean", outcomes=("clean", "unknown"))


@case
def icmp_of_a_guess_on_the_syn():
    """Only the SYN was out when the error quoted more than that; the next SYN is answered, an ordinary connection follows."""
    talk = Talk().c(SYN, options=OPTIONS, keep=True)
    ip = bytearray(talk.last_ip())
    ip[24:28] = struct.pack(">I", talk.next[0] + 40_000)
    talk.icmp(3, 3, bytes(ip)).c(SYN, options=OPTIONS, after=1).s(SYN | ACK, options=OPTIONS, after=0.02).c(ACK)
    finding = expect(talk.ask().close(), "clean", "syn-lost", outcomes=("clean", "degraded"), certain=True)
    assert finding["verdict"] != "firewall-rejected"


@case
def icmp_for_each_ack_of_the_handshake():
    """A filter refuses the client's ACKs, and the server repeats its SYN|ACK: what one end has is no connection yet."""
    talk = Talk(timestamps=True).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, after=0.02, ident=0)
    for wait in (1, 2, 4):
        talk.c(ACK).icmp(3, 13, talk.last_ip())
        talk.s(SYN | ACK, options=OPTIONS, seq=700000, after=wait, ident=0)
    talk.c(ACK).icmp(3, 13, talk.last_ip())
    finding = expect(talk, "firewall-rejected", outcomes=("unknown",), certain=True)
    assert "handshake" in finding["summary"] and finding["application"]["client"]["errno"] == "hang", finding
    talk.c(PSH | ACK, b"hello").s(ACK, after=0.02).s(PSH | ACK, b"hi").c(ACK)
    finding = expect(talk.close(), "firewall-rejected", outcomes=("degraded",), certain=True)
    assert "at first" in finding["summary"], finding["summary"]
    # one error, and three ACKs without: a full queue may have ignored these
    talk = Talk(timestamps=True).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, after=0.02, ident=0)
    talk.c(ACK).icmp(3, 13, talk.last_ip())
    for wait in (1, 2, 4):
        talk.s(SYN | ACK, options=OPTIONS, seq=700000, after=wait, ident=0).c(ACK)
    assert "accept-queue-full" in named(expect(talk, "firewall-rejected", outcomes=("unknown",)))


@case
def icmp_for_what_was_sent():
    """It quotes what was sent, in the middle of a super-segment, or before the reply: the filter refused that."""
    for inside in (0, 1448):
        talk = linux(ttl=(64, 57)).c(PSH | ACK, b"w" * 2896)
        ip = bytearray(talk.last_ip())
        ip[24:28] = struct.pack(">I", talk.next[0] - 2896 + inside)
        talk.icmp(3, 13, bytes(ip)).c(PSH | ACK, b"w" * 2896, after=0.3, seq=talk.next[0] - 2896)
        talk.s(ACK, after=0.02).s(PSH | ACK, b"a" * 30).c(ACK)
        expect(talk.ask().close(), "firewall-rejected", outcomes=("degraded",), certain=True)


@case
def icmp_for_what_was_not_captured():
    """The capture has no packet of the client's data, which the error quotes: likely, and no more."""
    talk = linux(ttl=(57, 57))
    talk.c(PSH | ACK, b"w" * 70)
    quote = talk.last_ip()
    talk.frames.pop()
    talk.icmp(3, 13, quote)
    for step in range(4):
        talk.c(PSH | ACK, b"w" * 70, seq=talk.next[0] - 70, after=0.25 * 2 ** step)
        talk.frames.pop()
    talk.s(ACK, after=0.02, ack=talk.next[0]).s(PSH | ACK, b"a" * 30).c(ACK)
    finding = told(talk.ask())[0]
    assert finding["verdict"] != "firewall-rejected" or finding["confidence"] != "certain", finding


# ---- large segments are lost: for their size, or with all the rest? ----

FULL = b"f" * 1448


def bulk(talk, rounds):
    """Full-size segments of the server, acknowledged two by two."""
    for _ in range(rounds):
        talk.s(ACK, FULL).s(ACK, FULL).c(ACK, after=0.02)
    return talk


def lost(talk, tail=b"", repeats=4, small_passes=False):
    """Two more of them and @tail are lost; the first is repeated. @small_passes: the tail arrives, as a SACK says."""
    head = talk.next[1]
    talk.s(ACK, FULL).s(PSH | ACK, FULL)
    if tail:
        talk.s(PSH | ACK, tail)
    if small_passes:
        edges = talk.next[1] - len(tail), talk.next[1]
        talk.c(ACK, ack=head, after=0.02, options=b"\1\1\5\12" + struct.pack(">II", *edges))
    for step in range(repeats):
        talk.s(ACK, FULL, seq=head, after=0.22 * 2 ** step)
    return head


def cut(talk, head, size=1024):
    """The sender cuts its segments, and these pass."""
    at = head
    while at < talk.next[1]:
        n = min(size, talk.next[1] - at)
        talk.s(ACK, FULL[:n], seq=at, after=4 if at == head else 0.0001).c(ACK, ack=at + n, after=0.02)
        at += n
    return talk


@case
def cut_at_the_end_of_an_outage():
    """tcp_mtu_probing cuts after some repeats whatever they were lost for: full-size ones had passed, and nothing meanwhile."""
    talk = bulk(linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02), 5)
    talk = bulk(cut(talk, lost(talk)), 3).close()
    finding = expect(talk, "loss-recovered", outcomes=("degraded",))
    assert "pmtu-blackhole" in named(finding), finding["rivals"]


@case
def cut_where_full_size_passes_again():
    """The outage comes with the first large segments: behind it they pass again."""
    talk = linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02)
    expect(bulk(cut(talk, lost(talk)), 3).close(), "loss-recovered", outcomes=("degraded",))


@case
def cut_for_its_size():
    """No full-size segment ever passes, small ones do meanwhile, and cut ones at once: a black hole."""
    talk = linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02)
    finding = expect(cut(talk, lost(talk, b"t" * 99, small_passes=True)).close(), "pmtu-blackhole", outcomes=("degraded",),
                     certain=True)
    assert finding["confidence"] == "certain", finding


@case
def cut_with_nothing_beside_it():
    """The same, and nothing small was sent meanwhile: an outage of a few seconds looks so, too."""
    talk = linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02)
    finding = expect(cut(talk, lost(talk)).close(), "pmtu-blackhole", outcomes=("degraded",))
    assert "loss-recovered" in named(finding), finding["rivals"]


@case
def cut_where_small_ones_were_lost():
    """What is smaller than the cut ones stayed unanswered as well: an outage."""
    talk = linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02)
    expect(cut(talk, lost(talk, b"t" * 99)).close(), "loss-recovered", outcomes=("degraded",))


@case
def cut_in_vain():
    """Nobody ever acknowledges the cut ones either."""
    talk = linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02)
    head = lost(talk)
    for n in range(4):
        talk.s(ACK, FULL[:1024], seq=head, after=4 * 2 ** n)
    finding = expect(talk, "peer-vanished", outcomes=("failed", "unknown"))
    assert "cut" not in finding["summary"], finding["summary"]


def cut_and_then_silent(repeats, after=0.02, **more):
    """At the server: a full-size segment is repeated, then cut; that is acknowledged @after s, and of what is sent then nothing."""
    talk = Talk(**more).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, ident=0).c(ACK, after=0.02)
    talk = bulk(talk.c(PSH | ACK, b"go").s(ACK), 5)
    head = lost(talk)
    talk.s(ACK, FULL[:512], seq=head, after=4).c(ACK, ack=head + 512, after=after)
    for n in range(repeats):
        talk.s(ACK, FULL[:512], seq=head + 512, after=7 * 2 ** n)
    return talk


@case
def cut_and_answered_before_the_silence():
    """What was repeated before the other end took a part of it had an answer: it is no part of the silence."""
    for timestamps in (False, True):
        finding = expect(cut_and_then_silent(5, timestamps=timestamps), "peer-vanished", outcomes=("failed", "unknown"))
        assert " 5 repeats" in finding["summary"], finding["summary"]
        expect(cut_and_then_silent(1, timestamps=timestamps), "unknown", outcomes=("unknown",))


@case
def cut_and_answered_soon():
    """An ACK up to the end of a cut repeat is for that one, however soon it comes: no copy before it ended there."""
    talk = cut_and_then_silent(1, after=0.003)
    later = Talk(client=("192.0.2.9", 50000), now=talk.now + 9).shake().ask().close()
    expect(talk, "unknown", outcomes=("unknown",), others=(later,))


@case
def cut_where_the_mtu_fell():
    """Full-size ones had passed; then only the small tail does, and the cut ones: size is the likely reason."""
    talk = bulk(linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02), 3)
    finding = expect(cut(talk, lost(talk, b"t" * 99, small_passes=True)).close(), "pmtu-blackhole",
                     outcomes=("degraded",))
    assert "loss-recovered" in named(finding), finding["rivals"]


@case
def hangs_where_the_mtu_fell():
    """The same without an end: that as large ones passed before does not rule the size out."""
    talk = bulk(linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02), 3)
    lost(talk, b"t" * 99, repeats=8, small_passes=True)
    finding = expect(talk, "peer-vanished", "pmtu-blackhole", outcomes=("failed", "unknown"))
    assert "pmtu-blackhole" in named(finding), finding["ruled_out"]
    talk = bulk(linux(timestamps=True).c(PSH | ACK, b"go").s(ACK, after=0.02), 3)
    lost(talk, b"t" * 99, repeats=8)
    finding = expect(talk, "peer-vanished", outcomes=("failed", "unknown"))
    assert "pmtu-blackhole" not in named(finding), finding["rivals"]


def jumbo(speaks):
    """Hosts with an MTU of 9000; the first answer of 5000 bytes is repeated in vain. @speaks: the peer lives meanwhile."""
    options = b"\2\4\x23\0" + SACK_OK + b"\1" + WSCALE
    talk = Talk(timestamps=True).c(SYN, options=options)
    talk.s(SYN | ACK, options=options, after=0.02, ident=0).c(ACK).c(PSH | ACK, b"q" * 180).s(ACK)
    head = talk.next[1]
    talk.s(PSH | ACK, b"j" * 5000)
    for step in range(8):
        talk.s(PSH | ACK, b"j" * 5000, seq=head, after=0.22 * 2 ** step)
        if speaks and step in (4, 6):
            talk.c(PSH | ACK, b"still there?", ack=head, after=0.1).s(ACK)
    return talk


@case
def jumbo_frames_vanish():
    """Larger than Ethernet's 1500: small ones of both ends pass between the repeats, so size is the first guess."""
    expect(jumbo(True), "pmtu-blackhole", outcomes=("failed", "unknown"))
    expect(jumbo(False), "peer-vanished", outcomes=("failed", "unknown"))


# ---- a FIN that is repeated and then acknowledged: what was lost, and where? ----

def repeated_fin(second, answer, idents=("count", "count"), sacks=False):
    """The client's FIN, first or @second, again after 0.23 s; @answer: the id of its ACK, which echoes the repeat."""
    talk = linux(timestamps=True, idents=idents)
    if sacks:  # a needless repeat, reported as such
        at = talk.next[0]
        talk.c(PSH | ACK, b"w" * 50).c(PSH | ACK, b"w" * 50, seq=at, after=0.2).s(ACK, after=0.02)
        talk.s(ACK, options=b"\1\1\5\12" + struct.pack(">II", at, at + 50))
    talk.ask()
    if second:
        talk.s(FIN | ACK, after=0.1).c(ACK, after=0.02)
    at = talk.next[0]
    talk.c(FIN | ACK, after=0.1).c(FIN | ACK, seq=at, after=0.23).s(ACK, after=0.02, ident=answer)
    if not second:
        talk.s(FIN | ACK, after=0.01).c(ACK, after=0.02)
    return talk


@case
def last_fin_again():
    """TIME_WAIT of Linux echoes the copy that it took first; another stack's the newest: there the ACK may have been lost."""
    expect(repeated_fin(True, 0), "last-fin-lost", outcomes=("degraded",), certain=True)
    for idents, answer in ((("count", "count"), None), (("zero", "zero"), 0), (("random", "random"), 77)):
        finding = expect(repeated_fin(True, answer, idents=idents), "last-fin-lost", "last-ack-lost",
                         outcomes=("degraded",))
        assert {"last-fin-lost", "last-ack-lost"} <= set(named(finding)), finding["rivals"]


@case
def first_fin_again():
    """No D-SACK comes with the ACK of the repeat: that tells something only of a stack that writes them."""
    expect(repeated_fin(False, None, sacks=True), "fin-lost", outcomes=("degraded",), certain=True)
    for idents in (("count", "count"), ("zero", "zero"), ("random", "random")):
        finding = expect(repeated_fin(False, None, idents=idents), "fin-lost", "fin-ack-lost", outcomes=("degraded",))
        assert {"fin-lost", "fin-ack-lost"} <= set(named(finding)), finding["rivals"]


@case
def fin_passed_here():
    """Captured next to its receiver: it came by, and was not taken. The network has not lost it."""
    for second in (False, True):
        talk = Talk(ttl=(57, 64)).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS).c(ACK, after=0.03)
        talk.c(PSH | ACK, b"question").s(ACK).s(PSH | ACK, b"answer").c(ACK, after=0.03)
        if second:
            talk.s(FIN | ACK).c(ACK, after=0.03)
        at = talk.next[0]
        talk.c(FIN | ACK, after=0.1).c(FIN | ACK, seq=at, after=0.3).s(ACK)
        if not second:
            talk.s(FIN | ACK).c(ACK, after=0.03)
        finding = expect(talk, "last-fin-lost" if second else "fin-lost", outcomes=("degraded",))
        assert finding["culprit"] == "server-host" and "not taken" in finding["summary"], finding["summary"]
        # at its sender: lost on the way, as ever
        finding = expect(repeated_fin(second, None), "last-fin-lost" if second else "fin-lost", outcomes=("degraded",))
        assert finding["culprit"] == "network", finding["summary"]


# ---- a FIN that stays unanswered, and the reset at the end of its repeats ----

def unheard_fin(repeats):
    """The server closed, the client's FIN is repeated in vain."""
    talk = linux(timestamps=True).ask().s(FIN | ACK, after=0.1).c(ACK, after=0.001)
    at = talk.next[0]
    talk.c(FIN | ACK, after=0.1)
    for step in range(repeats):
        talk.c(FIN | ACK, seq=at, after=0.6 * 2 ** step)
    return talk


@case
def repeats_end_by_a_reset():
    """Some stacks end their repeats by a reset behind the FIN: nobody heard that FIN, and nobody hears the reset."""
    expect(unheard_fin(7).c(RST | ACK, after=57), "last-ack-expired", outcomes=("degraded",), certain=True)
    expect(unheard_fin(7).c(RST, after=57, window=0), "last-ack-expired", outcomes=("degraded",), certain=True)


@case
def reset_that_ends_no_repeats():
    """A reset of the other end answers the FIN; and one behind the first FIN is a close in a hurry."""
    talk = unheard_fin(4)
    expect(talk.s(RST, seq=talk.next[1], after=0.02, window=0, ident=0), "clean", "time-wait-killed", "fin-unanswered",
           "fin-wait2-expired", outcomes=("clean", "degraded"), certain=True)
    expect(unheard_fin(0).c(RST | ACK, after=2), "clean")


# ---- data that never comes: also where only an ACK shows how far its sender is ----

def swallowed(size, probes=3, between=20.0):
    """At the client: the server sends @size bytes, which never come; its answers to keepalive probes stand behind them."""
    talk = linux(timestamps=True, ttl=(64, 57)).c(PSH | ACK, b"q" * 90).s(ACK, after=0.02)
    expects = talk.next[1]
    talk.next[1] += size
    for _ in range(probes):
        talk.c(ACK, seq=talk.next[0] - 1, ack=expects, after=between).s(ACK, after=0.02)
    return talk


@case
def answer_that_never_comes():
    """The server stands thousands of bytes further than anything that came: it hangs, and is no idle connection."""
    for size in (14480, 700):
        finding = expect(swallowed(size), "pmtu-blackhole", "unknown", "peer-vanished", "firewall-dropped",
                         outcomes=("failed", "unknown"))
        assert finding["verdict"] != "unknown" or finding["missing"], finding


@case
def idle_and_probed():
    """The same where nothing is missing, but perhaps a FIN; or where the capture lost what the client has."""
    expect(swallowed(0), "clean")
    expect(swallowed(1), "clean", "unknown", outcomes=("clean", "unknown"))
    talk = swallowed(3000, probes=1)
    talk.c(ACK, after=20).s(ACK, seq=talk.next[1] - 1, after=5).c(ACK, after=0.02)
    expect(talk.close(), "clean", outcomes=("clean", "unknown"))


# ---- an error for the SYN that the client outlives ----

@case
def refused_at_first():
    """A kernel that keeps such errors soft repeats the SYN, and the repeat is answered: it was no segment in mid-connection."""
    for code, verdicts in ((13, ["firewall-rejected"]), (1, ["host-unreachable", "firewall-rejected"])):
        talk = Talk().c(SYN, options=OPTIONS, keep=True)
        talk.icmp(3, code, talk.last_ip()).c(SYN, options=OPTIONS, after=1.1)
        talk.s(SYN | ACK, options=OPTIONS, after=0.02).c(ACK)
        finding = expect(talk.ask().close(), *verdicts, outcomes=("degraded",), certain=True)
        assert "at first" in finding["summary"] and "1.12 s" in finding["summary"], finding["summary"]
        assert "once connected" not in finding["summary"] and "mid-connection" not in finding["remedy"][0], finding
        assert finding["application"]["client"]["call"] == "connect", finding["application"]


@case
def refused_in_mid_connection():
    """One of data, which is repeated and acknowledged: that one is of mid-connection, as ever."""
    finding = expect(once_refused(3, 13).close(), "firewall-rejected", outcomes=("degraded",), certain=True)
    assert "once connected" in finding["summary"], finding["summary"]


# ---- segments out of place at the beginning and the end ----

@case
def bare_syn_after_the_handshake():
    """The server's own SYN, without ACK, behind its SYN|ACK: out of place, and no simultaneous open."""
    talk = Talk().shake()
    talk.s(SYN, seq=700000, options=OPTIONS, after=0.05).c(ACK).ask().close()
    finding = expect(talk, "clean", "invalid-segment", outcomes=("clean", "degraded"))
    assert finding["remark"] != "simultaneous-open", finding["remark"]
    talk = Talk().c(SYN, options=OPTIONS).s(SYN, options=OPTIONS, after=0.001)
    talk.c(SYN | ACK, seq=1000, options=OPTIONS, after=0.02).s(SYN | ACK, seq=700000, options=OPTIONS, after=0.001)
    expect(talk.c(ACK).s(ACK).ask().close(), "clean", remark="simultaneous-open")


@case
def stray_fin_before_the_syn_ack():
    """A FIN of an older life comes before the SYN|ACK: it closed nothing, and the close of this one has no stray behind it."""
    talk = Talk().c(SYN, options=OPTIONS, keep=True).s(FIN | ACK, ack=1001, seq=700000, after=0.05)
    talk.c(SYN, options=OPTIONS, after=1).s(SYN | ACK, options=OPTIONS, after=0.05).c(ACK)
    finding = expect(talk.ask().close(), "clean", "syn-lost", "syn-ack-lost", "invalid-segment",
                     outcomes=("clean", "degraded", "unknown"), certain=True)
    assert finding["verdict"] != "old-duplicate"
    # behind the close a SYN|ACK that nobody asked for takes no FIN back
    talk = linux(timestamps=True).ask().close(first=1)
    talk.s(SYN | ACK, seq=talk.next[1] + 60000, ack=500, options=OPTIONS, ident=0, after=0.4).c(RST, seq=500, window=0)
    expect(talk, "old-duplicate", "clean")
    # one behind the close is a stray, as ever
    talk = linux().ask().close()
    expect(talk.s(PSH | ACK, b"late", seq=talk.next[1] - 5, after=1).c(ACK, ident=0), "old-duplicate", "clean")


def late_request_behind_the_close(at_server, anew=True, rtt=0.004):
    """
    A SYN cookie, a question and its answer, both close; the question comes once more, late. @anew: the server's kernel opens
    the connection again and its program answers at once, before TIME_WAIT has said a word. Else it is the answer that
    was late: its last ACK was lost on the way.
    """
    talk = Talk(timestamps=True).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, ident=0, after=rtt).c(ACK)
    first, begin = talk.next
    talk.c(PSH | ACK, b"q" * 100, after=0.003)
    asked = talk.heard[1]
    talk.s(ACK, after=rtt).s(PSH | ACK, b"a" * 100, after=0.001).c(ACK)
    talk.c(FIN | ACK).s(FIN | ACK, after=rtt).c(ACK)
    closed = talk.heard[1]
    if at_server:
        talk.heard[0] -= 5  # the same packet again, with the old echo
        talk.c(PSH | ACK, b"q" * 100, seq=first, ack=begin, after=0.8)
    talk.heard[1] = asked if anew else closed
    talk.count[1] += 9000 if anew else 0
    if anew:
        talk.s(ACK, seq=begin, ack=first + 100, after=0.0001 if at_server else 0.8)
    talk.heard[1] = asked if anew else closed
    talk.s(PSH | ACK, b"a" * 100, seq=begin, ack=first + 100 if anew else talk.next[0], after=0.001)
    for _ in range(1 + anew):
        talk.c(ACK, ident=0, after=rtt if at_server else 0.0001)
    return talk


@case
def late_request_opens_the_connection_again():
    """The program answers the same request twice, at once: no packet came late there."""
    for at_server in (True, False):
        finding = expect(late_request_behind_the_close(at_server), "old-duplicate", outcomes=("degraded",))
        assert finding["application"]["server"]["call"] == "accept", finding["application"]


@case
def answer_repeated_behind_the_close():
    """A server that has heard of the client's FIN repeats its answer: no connection is opened for that."""
    finding = told(late_request_behind_the_close(False, anew=False))[0]
    assert (finding["application"]["server"] or {}).get("call") != "accept", finding["summary"]


@case
def data_behind_its_own_fin():
    """A stack that sends on behind its acknowledged FIN: all of these bytes are counted, and the FIN is none of them."""
    talk = linux().ask().close()
    talk.c(PSH | ACK, b"w" * 500, after=0.5).s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
    finding = told(talk)[0]
    assert "499" not in finding["summary"], finding["summary"]


# ---- wrong checksums, far from their sender ----

def at_server(asks=True):
    """Captured next to the server: it answers at once, the client after 30 ms."""
    talk = Talk(ttl=(58, 64)).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, ident=0).c(ACK, after=0.03)
    if asks:
        talk.c(PSH | ACK, b"question").s(ACK).s(PSH | ACK, b"answer").c(ACK, after=0.03)
    return talk


def garbled(talk, copies=6, all_of_them=True):
    """The client's data, its repeats too, with a wrong checksum."""
    at = talk.next[0]
    for step in range(copies):
        talk.c(PSH | ACK, b"question of some length", seq=at, after=0.22 * 2 ** step)
        if all_of_them or step:
            when, frame = talk.frames[-1]
            talk.frames[-1] = (when, frame[:50] + bytes(byte ^ 0x2D for byte in frame[50:52]) + frame[52:])
    return talk


@case
def each_copy_is_garbled():
    """Six hops from its sender each copy has a wrong checksum, and all else is right: the receiver drops them."""
    expect(garbled(at_server()), "invalid-segment", outcomes=("failed",))
    finding = expect(garbled(at_server(asks=False)), "invalid-segment", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "accept-queue-full" in named(finding), finding["rivals"]


@case
def not_each_copy_is_garbled():
    """At the sender offload explains it; the same where one copy is right."""
    for talk in (garbled(linux(ttl=(64, 58)).ask()), garbled(at_server(), all_of_them=False)):
        expect(talk, "peer-vanished", outcomes=("failed",))


def spoil(talk):
    """The last packet with a wrong checksum."""
    when, frame = talk.frames[-1]
    talk.frames[-1] = (when, frame[:50] + bytes(byte ^ 0x2D for byte in frame[50:52]) + frame[52:])
    return talk


@case
def nothing_whole_comes_any_more():
    """At the client: amid an answer the server's checksums become wrong, those of its repeats and of its ACKs of the FIN, too. What is repeated stands behind new data."""
    talk = Talk(timestamps=True, ttl=(64, 58)).shake(rtt=0.03).c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.03)
    for _ in range(40):
        talk.s(PSH | ACK, bytes(1400), after=0.03).c(ACK)
    at, heard = talk.next[1], talk.heard[1]
    for _ in range(6):
        talk.heard[1] = heard
        spoil(talk.s(PSH | ACK, bytes(1400), after=0.02))
    for step in range(6):
        talk.heard[1] = heard
        spoil(talk.s(PSH | ACK, bytes(1400), seq=at, after=0.2 * 2 ** step))
    left = talk.next[1]
    fin = talk.next[0]
    for after in (1.8, 0.2, 0.4, 0.8, 1.6, 3.2):
        talk.c(FIN | ACK, seq=fin, ack=at, after=after)
        spoil(talk.s(ACK, seq=left, ack=fin + 1, after=0.03))
    expect(talk, "invalid-segment", outcomes=("failed",))


# ---- window probes whose byte is taken ----

@case
def probes_whose_byte_is_taken():
    """The receiver of a closed window takes the byte of each probe: all of them are probes, and it is a stall to the end."""
    talk = linux().ask().c(PSH | ACK, b"d" * 900).s(ACK, window=0, after=0.02)
    for step in range(5):
        talk.c(ACK, b"e", after=0.3 * 2 ** step).s(ACK, window=0, after=0.02)
    finding = expect(talk, "zero-window-stall", outcomes=("failed", "unknown"))
    assert any("of 5 zero-window probes, 5 of them answered" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def probes_whose_byte_is_refused():
    """The same where none is taken, and the window opens at last; nothing else is a probe then."""
    talk = linux().ask().c(PSH | ACK, b"d" * 900).s(ACK, window=0, after=0.02)
    for step in range(4):
        talk.c(ACK, b"e", after=0.3 * 2 ** step, keep=True).s(ACK, window=0, after=0.02)
    talk.s(ACK, window=64240, after=2).c(PSH | ACK, b"e" * 700).s(ACK, after=0.02)
    finding = expect(talk.ask().close(), "zero-window-stall", outcomes=("degraded",), certain=True)
    assert "4 zero-window probes" in str(finding["evidence"]) or "probe" not in str(finding["evidence"]), finding["evidence"]


# ---- who repeats what was acknowledged has not heard it: what ends that ----

def unheard(repeats, first=0.3, fin=False, stale=True, refused=False):
    """The server repeats its answer at growing distances, each time acknowledged by the client."""
    talk = linux(timestamps=not stale).ask().c(PSH | ACK, b"one more", after=4)
    at = talk.next[1]
    talk.s(PSH | ACK, b"a" * 700, after=0.03)
    have = b"\1\1\5\x0a" + struct.pack(">II", at, at + 700)
    talk.c(ACK)
    for step in range(repeats):
        if refused:
            talk.icmp(3, 10, talk.last_ip())
        talk.s(PSH | ACK, b"a" * 700, seq=at, after=first * 2 ** step)
        talk.c(ACK, options=have)
        if fin and not step:
            talk.s(FIN | ACK, after=0.1).c(ACK, after=0.04)
    return talk, first * 2 ** repeats


@case
def repeats_what_was_acknowledged_and_resets():
    """BSD, macOS and Windows end it by a RST|ACK when the repeats are spent: what ended it is the way back."""
    for fin in (False, True):
        talk, due = unheard(5, fin=fin)
        # with the FIN the client had got all there was
        finding = wanted(expect(talk.s(RST | ACK, window=0, after=due), "firewall-dropped",
                                outcomes=("degraded" if fin else "failed",)), "firewall-dropped")
        assert {"linger-reset", "peer-vanished"} <= set(named(finding)), finding["rivals"]
        assert "5 times" in finding["summary"] and "gives up" in finding["summary"], finding["summary"]
        saw = [(finding["application"][side] or {}).get("errno") for side in ("server", "client")]
        assert saw == ([None, "EOF"] if fin else ["ETIMEDOUT", "ECONNRESET"]), saw


@case
def repeats_that_draw_errors_and_end_in_a_reset():
    """The router that refuses the ACKs says so; the reset says that it is over."""
    talk, due = unheard(4, refused=True)
    finding = expect(talk.icmp(3, 10, talk.last_ip()).s(RST | ACK, window=0, after=due), "firewall-rejected",
                     outcomes=("failed",), certain=True)
    assert finding["application"]["client"]["errno"] == "ECONNRESET", finding["application"]


@case
def errors_for_the_close_alone():
    """The server's answer and FIN have come; what the client sends then draws errors, and at last it answers by a bare reset."""
    for more in (b"", b"and this"):
        talk = linux().ask().s(FIN | ACK, after=0.1)
        fin = talk.next[1] - 1
        talk.c(ACK).icmp(3, 0, talk.last_ip())
        for step in range(3):
            talk.c(FIN | ACK, more, seq=talk.next[0], after=0.2 * 2 ** step).icmp(3, 0, talk.last_ip())
        talk.s(FIN | ACK, seq=fin, ack=talk.next[0], after=3)
        talk.c(RST, seq=talk.next[0], window=0, ident=0)
        expect(talk, "host-unreachable", "firewall-rejected", outcomes=("failed",) if more else ("degraded",))


def stopped_download(pause, said=30_000):
    """An answer stops in its midst, all of it acknowledged; the client goes @pause s later, and its FIN is repeated."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 240000\r\n\r\n"
    talk = linux(timestamps=True).c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02).s(PSH | ACK, head, after=0.01).c(ACK)
    for _ in range(0, said, 1000):
        talk.s(PSH | ACK, b"d" * 1000, after=0.02).c(ACK)
    return talk.c(FIN | ACK, after=pause, keep=True)


@case
def errors_for_the_fin_of_who_waited():
    """Whoever only waits sends nothing that could draw an error before its FIN; each copy of that does."""
    for code, verdict in ((0, "host-unreachable"), (1, "host-unreachable"), (13, "firewall-rejected"), (3, "firewall-rejected")):
        talk = stopped_download(30)
        begin = talk.frames[-1][0]
        for step in range(5):
            if step != 3:  # not each one: routers limit their rate
                talk.icmp(3, code, talk.last_ip())
            talk.c(FIN | ACK, after=0.2 * 2 ** step, keep=True)
        finding = wanted(expect(talk, verdict, outcomes=("failed",)), verdict)
        assert finding["confidence"] == "likely" and "app-stuck" in named(finding), finding
        assert finding["application"]["client"]["errno"] == "hang", finding["application"]
        talk.frames = [frame for frame in talk.frames if frame[0] >= begin - 30.3]
        assert wanted(expect(talk, verdict, outcomes=("unknown",)), verdict)["missing"]


@case
def one_error_for_the_fin_of_who_waited():
    """The capture ends amid the repeats of the FIN: what becomes of it is open."""
    for code, verdict in ((0, "host-unreachable"), (13, "firewall-rejected")):
        talk = stopped_download(30)
        talk.icmp(3, code, talk.last_ip()).c(FIN | ACK, after=0.2, keep=True)
        wanted(expect(talk, verdict, outcomes=("unknown",)), verdict)


@case
def errors_for_the_fin_of_who_had_all():
    """All was said and acknowledged; nothing but the close is refused."""
    talk = linux(timestamps=True).ask().c(FIN | ACK, after=0.1, keep=True)
    for step in range(5):
        talk.icmp(3, 1, talk.last_ip()).c(FIN | ACK, after=0.2 * 2 ** step, keep=True)
    wanted(expect(talk, "host-unreachable", outcomes=("degraded",)), "host-unreachable")


def acks_unheard(pause, ttl):
    """A download whose ACKs get lost from somewhere on: the server repeats what it has not heard of, the client goes at last."""
    talk = Talk(timestamps=True, ttl=ttl).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, after=0.0001, ident=0).c(ACK)
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK)
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 240000\r\n\r\n").c(ACK)
    for _ in range(20):
        talk.s(PSH | ACK, b"d" * 1000, after=0.1).c(ACK)
    at, heard = talk.next[1], talk.heard[1]
    for _ in range(2):
        talk.heard[1] = heard
        talk.s(PSH | ACK, b"d" * 1000, after=0.1).c(ACK)
    for step in range(6):
        talk.heard[1] = heard
        talk.s(ACK, b"d" * 1000, seq=at, after=0.2 * 2 ** step).c(ACK, options=b"\1\1\5\x0a" + struct.pack(">II", at, at + 1000))
    talk.c(FIN | ACK, after=pause, keep=True)
    for step in range(5):
        talk.c(FIN | ACK, after=0.2 * 2 ** step, keep=True)
    return talk


@case
def who_repeats_in_vain_is_not_silent():
    """The server repeats for seconds what was acknowledged, and the client's FINs are not heard either: the way to it is dead."""
    for ttl, culprit in (((63, 64), "server-host"), ((64, 63), "network")):
        finding = wanted(expect(acks_unheard(17, ttl), "firewall-dropped", outcomes=("failed",)), "firewall-dropped")
        assert "silent" not in finding["summary"] and finding["culprit"] == culprit, finding
        assert "FIN" in str(finding["evidence"]) and "peer-vanished" in named(finding) or culprit == "server-host", finding
        assert finding["application"]["client"]["errno"] == "hang", finding["application"]


@case
def an_abort_soon_after_needless_repeats():
    """Two repeats and a reset, or five and then an answer to something new before the reset: that is the program's."""
    talk, _ = unheard(2)
    wanted(expect(talk.s(RST | ACK, window=0, after=0.4), "linger-reset", "aborted", outcomes=("degraded",)), "linger-reset")
    talk, _ = unheard(5)
    talk.c(PSH | ACK, b"again").s(ACK, after=0.02).s(PSH | ACK, b"b" * 300).c(ACK).s(RST | ACK, window=0, after=3)
    assert expect(talk, "linger-reset", "aborted", outcomes=("degraded", "clean"))["verdict"] != "firewall-dropped"


# ---- ACKs that arrive changed, and are refused ----


def acks_that_do_not_help(says="nothing", older=False, times=4):
    """
    Captured at the server: it acknowledges, and the client repeats all the same. What the client says between, a round trip
    behind an ACK and no oftener than twice in a second: nothing, that it knows (a challenge ACK), or a window.
    """
    rtt = 0.005
    talk = Talk(timestamps=True).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, ident=0, after=0.00002)
    talk.c(ACK, after=rtt).c(PSH | ACK, b"q" * 100, after=0.003).s(ACK, after=0.00002)
    talk.s(PSH | ACK, b"a" * 10, after=0.001).c(ACK, after=rtt)
    echo, at, answered = talk.heard[0], talk.next[0], -1.0
    for k in range(1 + times):
        talk.heard[0] = echo  # the client takes no timestamp from what it refuses
        talk.c(PSH | ACK, b"d" * 100, seq=at, after=0.1 if not k else 0.2 * 2 ** k)
        if older:
            talk.now -= 60
        talk.s(ACK, ack=at + 100, after=0.00002)
        if older:
            talk.now += 60
            talk.frames[-1] = (talk.now, talk.frames[-1][1])
        talk.heard[0] = echo
        if says != "nothing" and talk.now - answered > 0.5:
            answered = talk.now
            talk.c(ACK, seq=at + 100, after=rtt, window=64000 - k if says == "window" else 64240)
    return talk


@case
def acks_refused_by_challenge_acks():
    """The client got them, for it answers them: their numbers were changed on the way."""
    finding = expect(acks_that_do_not_help("challenge"), "desynchronized", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "hang", finding["application"]


@case
def acks_that_do_not_get_there():
    """Nothing answers them; or what comes is a window, or an answer to what is older than the last; or one alone."""
    expect(acks_that_do_not_help(), "firewall-dropped", outcomes=("unknown", "failed"))
    expect(acks_that_do_not_help("window"), "firewall-dropped", outcomes=("unknown", "failed"))
    expect(acks_that_do_not_help("challenge", times=1), "firewall-dropped", "reordering", "clean",
           outcomes=("unknown", "failed", "clean", "degraded"))
    finding = told(acks_that_do_not_help("challenge", older=True))[0]
    assert finding["verdict"] != "desynchronized" or finding["confidence"] == "possible", finding["summary"]


if __name__ == "__main__":
    main()
