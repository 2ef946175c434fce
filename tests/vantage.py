#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a capture can tell depends on where and until when it was taken; it must not say more, nor less.

Each case is one conversation, written by hand as it passes at one place and cut off at one moment, and what
may be said about it.

usage: TCPWHY=build/tcpwhy tests/vantage.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
import mangle
from craft import ACK, FIN, PSH, RST, SYN
from tap import CAPTURES, case, equal, main
from talk import MSS, SACK_OK, Talk, WSCALE, expect, objects, told

FULL = b"d" * 1448
REQUEST = b"GET / HTTP/1.1\r\n\r\n"
BOTH = (False, True)


def sacks(*blocks):
    """The SACK option (RFC 2018) with these blocks."""
    return (b"\1\1\5" + bytes([2 + 8 * len(blocks)]) +
            b"".join(struct.pack(">II", left, right) for left, right in blocks))


def on_both_sides(talk):
    """Each packet of @talk once more, as it leaves a router on its other side."""
    for at, data in tuple(talk.frames):
        header = data[14:22] + bytes([data[22] - 1]) + data[23:24] + b"\0\0" + data[26:34]
        header = header[:10] + struct.pack(">H", craft.checksum(header)) + header[12:]
        talk.frames.append((at + 0.00001, data[:6] + b"\2\0\0\0\0\xfe" + data[12:14] + header + data[34:]))
    return talk


class Download(Talk):
    """The server sends full segments, and this is what arrives at the client; its numbers begin at .base."""

    def __init__(self, **more):
        super().__init__(**more)
        self.shake().c(PSH | ACK, REQUEST, after=0.01)
        self.base = self.next[1]
        self.s(ACK, FULL, after=0.02)
        self.acknowledge()

    def acknowledge(self, ack=None, *blocks):
        return self.c(ACK, ack=ack, options=sacks(*blocks) if blocks else b"", after=0.00001)

    def hole(self, behind=4):
        """One segment does not arrive, those behind it do; the place of the missing one."""
        missing = self.next[1]
        self.next[1] += len(FULL)
        self.count[1] += 1
        for number in range(behind):
            self.s(ACK, FULL)
            self.acknowledge(missing, (missing + len(FULL), missing + (number + 2) * len(FULL)))
        return missing

    def fill(self, missing, after):
        """The missing segment as a repeat: newer by timestamp and IP-ID than what stands behind it."""
        self.s(ACK, FULL, seq=missing, after=after)
        return self.acknowledge()

    def overtaken(self):
        """One segment arrives 3 ms late, overtaken by four."""
        ident, missing = self.count[1] + 1, self.next[1]
        tick = self.now
        self.next[1] += len(FULL)
        self.count[1] += 1
        for number in range(4):
            self.s(ACK, FULL, after=0.0002)
            self.acknowledge(missing, (missing + len(FULL), missing + (number + 2) * len(FULL)))
        frames, self.frames = self.frames, []
        now, self.now = self.now, tick
        self.s(ACK, FULL, seq=missing, ident=ident, after=0)
        self.now = now + 0.003
        self.frames = frames + [(self.now, self.frames[0][1])]
        return self.acknowledge()


@case
def repaired_losses_are_told_though_the_capture_ends_in_the_transfer():
    """What was filled and acknowledged is repaired, whatever else is still on its way."""
    for timestamps in BOTH:
        talk = Download(timestamps=timestamps)
        talk.fill(talk.hole(), after=0.02)
        expect(talk.s(ACK, FULL), "loss-recovered", outcomes=("degraded",), certain=True)


@case
def a_hole_that_is_never_filled_is_no_repaired_loss():
    """Nor is one that is filled by a segment that nobody acknowledges any more."""
    for timestamps in BOTH:
        talk = Download(timestamps=timestamps)
        missing = talk.hole()
        expect(talk, "clean", "unknown", outcomes=("clean", "unknown"))
        expect(talk.s(ACK, FULL, seq=missing, after=0.02), "clean", "unknown",
               outcomes=("clean", "unknown"))


@case
def nothing_was_lost_is_not_said_with_a_hole_open():
    """One segment was overtaken; the next hole is still open when the capture ends."""
    for timestamps in BOTH:
        closed = Download(timestamps=timestamps).overtaken()
        finding = expect(closed, "reordering", outcomes=("degraded", "clean"), certain=True)
        if "nothing was lost" not in finding["summary"]:
            raise AssertionError(f"said {finding['summary']}")
        talk = Download(timestamps=timestamps).overtaken()
        talk.hole()
        finding = expect(talk, "reordering", outcomes=("degraded", "clean"))
        if "nothing was lost" in finding["summary"] or not finding["missing"]:
            raise AssertionError(f"said {finding['summary']}, missing {finding['missing']}")


@case
def lost_before_it_came_by_its_own_sender():
    """Seen next to the client, the client's own segments are missing: no network was between."""
    talk = Talk(timestamps=True).shake(rtt=0.04)
    for _ in range(3):
        start = talk.next[0]
        talk.c(ACK, FULL, after=0.0001)
        missing = talk.next[0]
        talk.next[0] += len(FULL)
        for _ in range(4):
            talk.c(ACK, FULL, after=0.0001)
        talk.s(ACK, ack=start + len(FULL), after=0.04)
        for number in range(4):
            talk.s(ACK, ack=missing, options=sacks((missing + len(FULL), missing + (number + 2) * len(FULL))))
        talk.c(ACK, FULL, seq=missing, after=0.0001).s(ACK, after=0.04)
    talk.close()
    finding = expect(talk, "loss-recovered", outcomes=("degraded",), certain=True)
    if finding["culprit"] != "client-host" or "own side" not in finding["summary"]:
        raise AssertionError(f"said {finding['culprit']}: {finding['summary']}")


@case
def lost_behind_the_senders_capture():
    """Seen next to the client, its segments leave and do not arrive: the network."""
    talk = Talk(timestamps=True).shake(rtt=0.04)
    missing = talk.next[0]
    for _ in range(5):
        talk.c(ACK, FULL, after=0.0001)
    talk.s(ACK, ack=missing, after=0.04)
    for number in range(4):
        talk.s(ACK, ack=missing, options=sacks((missing + len(FULL), missing + (number + 2) * len(FULL))))
    talk.c(ACK, FULL, seq=missing, after=0.0001).s(ACK, after=0.04).close()
    finding = expect(talk, "loss-recovered", outcomes=("degraded",), certain=True)
    if finding["culprit"] != "network":
        raise AssertionError(f"said {finding['culprit']}")


@case
def a_segment_seen_twice_within_a_millisecond():
    """No timer is so quick, and no ACK reported a hole: nothing was lost. With reports of one it was."""
    for reported in BOTH:
        talk = Talk(idents=("zero", "zero")).shake(rtt=0.0002).c(PSH | ACK, REQUEST).s(ACK)
        at = talk.next[1]
        for _ in range(5):
            talk.s(ACK, FULL, after=0.00001)
        for number in range(4 * reported):
            talk.c(ACK, ack=at, options=sacks((at + len(FULL), at + (number + 2) * len(FULL))), after=0.00002)
        talk.s(ACK, FULL, seq=at, after=0.0001).c(ACK, after=0.0002).close(rtt=0.0002)
        if reported:
            expect(talk, "loss-recovered", outcomes=("degraded",), certain=True)
        else:
            expect(talk, "clean", "reordering")


@case
def an_outage_after_the_data_had_arrived():
    """Its ACK was lost and then all repeats; the first that gets through is answered by the client's next request."""
    talk = Talk(ttl=(62, 64)).shake().c(PSH | ACK, REQUEST).s(ACK)
    at = talk.next[1]
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n")
    end = talk.next[1]
    for gap in (0.2, 0.4, 0.8, 1.6, 3.2):
        talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n", seq=at, after=gap)
    talk.c(PSH | ACK, REQUEST, after=0.0003).c(ACK, options=sacks((at, end)))
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n").c(ACK, after=0.0003).close()
    expect(talk, "loss-recovered", outcomes=("degraded",))


@case
def a_lost_fin_among_many_losses():
    """A FIN that is lost in the same burst is one loss more; lost alone it is the whole story."""
    for losses, verdict in ((4, "loss-recovered"), (0, "fin-lost")):
        talk = Talk(timestamps=True).shake(rtt=0.04)
        for _ in range(losses):
            missing = talk.next[0]
            for _ in range(5):
                talk.c(ACK, FULL, after=0.0001)
            talk.s(ACK, ack=missing, after=0.04)
            for number in range(4):
                talk.s(ACK, ack=missing,
                       options=sacks((missing + len(FULL), missing + (number + 2) * len(FULL))))
            talk.c(ACK, FULL, seq=missing, after=0.0001).s(ACK, after=0.04)
        at = talk.next[0]
        talk.c(FIN | ACK, after=0.01).c(FIN | ACK, seq=at, after=0.3).s(FIN | ACK, after=0.04).c(ACK)
        expect(talk, verdict, outcomes=("degraded",), certain=True)


@case
def duplicate_acks_without_sack_are_no_quarrel():
    """No SACK: the ACKs that come while repeats leave were on their way before them."""
    talk = Talk().shake(options=MSS, rtt=0.03)
    missing = talk.next[0]
    for _ in range(40):
        talk.c(ACK, FULL, after=0.00002)
    for _ in range(30):
        talk.s(ACK, ack=missing, after=0.03 if not _ else 0.00003)
        if _ in (2, 5, 9, 14):
            talk.c(ACK, FULL, seq=missing + (_ > 2) * len(FULL), after=0.00001)
    expect(talk, "clean", "unknown", "loss-recovered", outcomes=("clean", "unknown", "degraded"))


@case
def missed_by_the_capture_is_not_never_sent():
    """Next to the server the capture lost a segment; the server acknowledges it, the ACK is late, the repeat is seen."""
    talk = Talk(ttl=(62, 64)).c(SYN, options=MSS).s(SYN | ACK, options=MSS).c(ACK, after=0.02)
    talk.ask()
    at = talk.next[0]
    talk.c(PSH | ACK, REQUEST, after=0.1).frames.pop()
    talk.s(ACK, after=0.04).c(PSH | ACK, REQUEST, seq=at, after=0.2)
    talk.s(ACK, options=sacks((at, at + len(REQUEST)))).s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n", after=0.1)
    expect(talk.c(ACK, after=0.02).close(), "clean", "reordering", outcomes=("clean", "degraded"))


@case
def a_fin_that_the_capture_missed():
    """Of the client's FIN only the ACK is seen; the server's, which is repeated, may be the first of the two or the last."""
    talk = Talk(timestamps=True).shake().ask()
    talk.c(FIN | ACK, after=0.1).frames.pop()
    at = talk.s(ACK, after=0.04).next[1]
    talk.s(FIN | ACK, after=0.01).s(FIN | ACK, seq=at, after=0.21).c(ACK, after=0.0001, ident=0)  # as from TIME_WAIT
    finding = expect(talk, "fin-lost", "last-fin-lost", outcomes=("degraded",))
    assert finding["confidence"] == "likely", finding
    assert {"fin-lost", "last-fin-lost"} == {finding["verdict"], *(r["verdict"] for r in finding["rivals"])}, finding


@case
def a_reset_that_the_capture_missed():
    """A filter on the server resets the client, and no capture has it. The request is neither acknowledged nor repeated."""
    talk = Talk(ttl=(63, 64)).shake().ask()
    before, at = talk.next[0], talk.c(PSH | ACK, REQUEST, after=0.4).next[1]
    talk.s(PSH | ACK, b"news", ack=before, after=1.7).c(RST, seq=before, after=0.0001, ident=0, window=0)
    talk.s(PSH | ACK, b"news", seq=at, ack=before, after=0.2).c(RST, seq=before, after=0.0001, ident=0, window=0)
    finding = expect(talk, "peer-rebooted", "firewall-reset", "unknown", outcomes=("failed", "unknown"))
    assert finding["confidence"] in ("possible", None) and "did not repeat it" in " ".join(finding["missing"]), finding


@case
def acks_that_the_capture_missed():
    """An abort in mid-answer: the ACKs on their way draw a bare RST each, also the one that is not in the capture."""
    talk = Talk(ttl=(64, 60)).shake(rtt=0.06).c(PSH | ACK, REQUEST)
    ends = []
    for i in range(6):
        talk.s(PSH | ACK, FULL, after=0.004 if i else 0.06).c(ACK, after=0.0001)
        ends.append(talk.next[1])
        if i in (1, 3):
            talk.frames.pop()
    talk.s(RST | ACK, after=0.0015, window=501)
    for i, end in enumerate(ends):
        talk.s(RST, seq=end, after=0.004 if i else 0.035, ident=0, window=0)
    finding = expect(talk, "linger-reset", "aborted", "process-died", "closed-with-unread-data",
                     outcomes=("failed", "degraded"))
    assert "forged-reset" not in [r["verdict"] for r in finding["rivals"]], finding


def told_without(path, first, last, stream=0):
    """What is said of a stream of a capture that has lost the packets @first to @last."""
    rest = mangle.keep(mangle.read(path), lambda n, p: not first <= n + 1 <= last)
    return objects(mangle.pcap(rest), "--stream", str(stream))[0]


@case
def a_challenge_is_not_the_ack_of_the_handshake():
    """That ACK is not in the capture. An abort beyond lost data is challenged, and the challenge draws a bare reset."""
    finding = told_without(CAPTURES / "10-disconnect-AF_UNSPEC.client.pcap", 7, 7, stream=1)
    assert finding["verdict"] in ("aborted", "linger-reset", "process-died", "peer-rebooted", "unknown"), finding
    assert finding["verdict"] != "peer-rebooted" or finding["confidence"] == "possible", finding
    assert "aborted" in [finding["verdict"], *(r["verdict"] for r in finding["rivals"])], finding


@case
def segments_too_large_in_a_capture_that_missed_some():
    """At the server: its first full-size segments vanish. Of what the client had sent before the capture missed a part."""
    finding = told_without(CAPTURES.parent / "corners" / "mtu-falls.server.pcap", 61, 66)
    assert finding["verdict"] in ("pmtu-blackhole", "firewall-dropped", "unknown"), finding
    assert finding["confidence"] in ("possible", None) or finding["verdict"] == "pmtu-blackhole", finding
    assert "pmtu-blackhole" in [finding["verdict"], *(r["verdict"] for r in finding["rivals"])], finding


@case
def a_nat_nearby_that_forgot_the_connection():
    """The server speaks after a pause; a NAT two hops off resets it, sooner than the client could, with its TTL."""
    talk = Talk(ttl=(62, 64)).c(SYN, options=MSS).s(SYN | ACK, options=MSS).c(ACK, after=0.05)
    talk.c(PSH | ACK, REQUEST).s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n").c(ACK, after=0.05)
    talk.s(PSH | ACK, b"news", after=9).c(RST, after=0.0005, ttl=64, ident=0, window=0,
                                          seq=talk.next[0])
    expect(talk, "idle-reset", "firewall-reset", outcomes=("failed",))


@case
def no_device_forgets_within_a_second():
    """The same reset after one second and after three: a filter, or a device with a very short memory."""
    for idle, verdict in ((1, "firewall-reset"), (3, "idle-reset")):
        talk = Talk(ttl=(64, 54)).shake().ask().c(PSH | ACK, REQUEST, after=idle)
        expect(talk.s(RST, after=0.004, ttl=61, ident=0, window=0), verdict, outcomes=("failed",))


@case
def a_client_that_left_without_an_answer():
    """One request, five seconds of nothing, the client closes, and the capture ends: not clean, and no failure."""
    talk = Talk().shake().c(PSH | ACK, REQUEST).s(ACK, after=0.02).c(FIN | ACK, after=6).s(ACK, after=0.06)
    expect(talk, "app-stuck", outcomes=("unknown",))
    answered = Talk().shake().ask().c(FIN | ACK, after=6).s(ACK, after=0.06)
    expect(answered, "clean", outcomes=("clean",))
    reset = Talk().shake().c(PSH | ACK, REQUEST).s(ACK, after=0.02).c(RST | ACK, after=30)
    expect(reset, "app-stuck", outcomes=("failed",))
    soon = Talk().shake().c(PSH | ACK, REQUEST).s(ACK, after=0.02).c(RST | ACK, after=1.3)
    expect(soon, "linger-reset", "aborted", outcomes=("failed", "degraded"))
    # in whole seconds: a timeout of a proxy, which resets
    timeout = Talk().shake().c(PSH | ACK, REQUEST).s(ACK, after=0.02).c(RST | ACK, after=2)
    expect(timeout, "app-stuck", outcomes=("failed",))
    # a stream in one direction: nobody waits before the close
    stream = Talk().shake()
    for _ in range(8):
        stream.c(PSH | ACK, b"<13>a line", after=1).s(ACK, after=0.02)
    expect(stream.c(FIN | ACK).s(ACK, after=0.06), "clean", outcomes=("clean",))


@case
def a_sender_that_stops_after_two_repeats():
    """The capture goes on, and the third repeat does not come: the socket is gone, as of TCP_USER_TIMEOUT."""
    talk = Talk().shake().ask()
    at = talk.next[0]
    talk.c(PSH | ACK, REQUEST).c(PSH | ACK, REQUEST, seq=at, after=0.3).c(PSH | ACK, REQUEST, seq=at, after=0.6)
    other = Talk(client=("192.0.2.1", 41000), server=("192.0.2.3", 80), now=7).shake().ask().close()
    expect(talk, "peer-vanished", "user-timeout", outcomes=("failed",), others=(other,))
    expect(talk, "unknown", "peer-vanished", outcomes=("unknown",))


@case
def a_host_that_closes_all_and_falls_silent():
    """Three services end together; neither the clients' FINs nor a new SYN are answered: the host is off."""
    talks = []
    for number, port in enumerate((80, 443, 5432)):
        talk = Talk(client=("192.0.2.1", 40000 + number), server=("192.0.2.2", port), now=number * 0.01)
        talk.shake().ask()
        talk.now = 2 + number * 0.02
        talk.s(FIN | ACK).c(ACK, after=0.0001)
        at = talk.next[0]
        for gap in (1, 0.3, 0.6, 1.2, 2.4):
            talk.c(FIN | ACK, after=gap, seq=at)
        talks.append(talk)
    knock = Talk(client=("192.0.2.1", 40010), server=("192.0.2.2", 80), now=4)
    for gap in (0, 1, 1, 1):
        knock.c(SYN, after=gap, seq=1000, options=MSS)
    for talk in talks:
        expect(talk, "host-shutdown", outcomes=("degraded",),
               others=[other for other in talks if other is not talk] + [knock])
    # one service alone is none
    expect(talks[0], "last-ack-expired", "last-fin-lost", outcomes=("degraded",), certain=False,
           others=[knock])


@case
def icmp_error_for_the_syn_ack():
    """A filter, or a router without a route, refuses the answer: connect() is not told, and times out."""
    for code, verdict in ((13, "firewall-rejected"), (1, "host-unreachable")):
        talk = Talk(ttl=(62, 64))
        for _ in range(4):
            talk.c(SYN, options=MSS, seq=1000, after=1).s(SYN | ACK, options=MSS, seq=70000, ack=1001)
            talk.icmp(3, code, talk.last_ip(), to=1)
        finding = expect(talk, verdict, outcomes=("failed",), certain=code == 13)
        assert "SYN|ACK" in finding["summary"], finding["summary"]
        assert finding["application"]["client"]["errno"] == "ETIMEDOUT", finding["application"]


@case
def flood_whose_answers_find_no_route():
    """The sources do not exist; what routers say of the SYN|ACKs to them is part of the flood."""
    talks = []
    for number in range(100):
        talk = Talk(client=(f"198.51.100.{number + 1}", 1024 + 7 * number), now=number * 0.004)
        talk.c(SYN, options=MSS).s(SYN | ACK, options=MSS)
        if number % 3 == 0:
            talk.icmp(3, 1, talk.last_ip(), to=1)
        talks.append(talk)
    talks[0].s(SYN | ACK, options=MSS, seq=700000, after=1.5)
    expect(talks[3], "syn-flood", outcomes=("failed",), others=talks[:3] + talks[4:])


@case
def syn_held_up_before_it_left():
    """Its timer had run for long when it left: the repeat follows after 0.2 s, and the answer takes a round trip."""
    talk = Talk(timestamps=True).c(SYN, options=MSS)
    ticks = talk.heard[1]
    talk.c(SYN, options=MSS, seq=1000, after=0.22)
    talk.heard[1] = ticks
    talk.s(SYN | ACK, options=MSS, after=0.58).c(ACK)
    talk.heard[1] = ticks
    talk.s(SYN | ACK, options=MSS, seq=700000, ack=1001, after=0.22).c(ACK)
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.8).s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n")
    expect(talk.c(ACK).close(rtt=0.8), "clean", "reordering", outcomes=("clean", "degraded"))


@case
def reset_of_a_router_that_is_seen_on_both_sides():
    """What it writes itself is seen once, with a TTL that the server's packets have on the other side only."""
    for by_router in BOTH:
        talk = on_both_sides(Talk(timestamps=True).shake().ask())
        rst = Talk(now=talk.now)
        rst.next = talk.next
        answered = Talk(now=talk.now, timestamps=True)
        answered.next, answered.count, answered.heard = talk.next, talk.count, talk.heard
        answered.c(PSH | ACK, REQUEST, after=0.3)
        if not by_router:
            on_both_sides(answered)
        rst.now = answered.now
        rst.s(RST, seq=talk.next[1], window=0, ident=0)
        if by_router:
            at, data = rst.frames[0]
            rst.frames[0] = (at, data[:6] + b"\2\0\0\0\0\xfe" + data[12:])
        else:
            on_both_sides(rst)
        talk.frames += answered.frames + rst.frames
        expect(talk, *(("firewall-reset",) if by_router else ("peer-rebooted",)), outcomes=("failed",))


@case
def acks_that_a_router_cannot_deliver():
    """Next to the client of a download: its ACKs draw ICMP errors, and the server repeats to the last; nothing survived."""
    for code, verdict in ((1, "host-unreachable"), (13, "firewall-rejected")):
        talk = Download(timestamps=True)
        at, ticks = talk.next[1], talk.heard[1]
        talk.s(ACK, FULL).acknowledge()
        talk.icmp(3, code, talk.last_ip())
        for gap in (0.2, 0.4, 0.8, 1.6):
            talk.heard[1] = ticks
            talk.s(ACK, FULL, seq=at, after=gap).c(ACK, options=sacks((at, talk.next[1])), after=0.00001)
        talk.icmp(3, code, talk.last_ip()).c(FIN | ACK, after=1).c(FIN | ACK, seq=talk.next[0] - 1, after=0.2)
        expect(talk, verdict, outcomes=("unknown", "failed"), certain=True)


@case
def keepalive_answers_that_do_not_get_back():
    """Next to the peer: it answers each probe, but the prober's timestamp echo shows that it never hears of it."""
    for heard in BOTH:
        talk = Talk(timestamps=True).shake().ask()
        ticks = talk.heard[1]
        for gap in (60, 10, 10):
            talk.s(ACK, seq=talk.next[1] - 1, after=gap).c(ACK)
            talk.heard[1] = talk.heard[1] if heard else ticks
        stamp = struct.pack(">II", int((talk.now + 10) * 1000) + 90000, talk.heard[1])
        talk.s(RST | ACK, after=10, options=b"\1\1\x08\x0a" + stamp, window=500)
        if heard:
            expect(talk, "clean", "linger-reset", "aborted", outcomes=("clean", "degraded"))
        else:
            expect(talk, "keepalive-timeout", outcomes=("failed",))


@case
def closed_window_of_a_very_long_connection_seen_twice():
    """Second sights that are not kept leave no gap: how long the window was closed is known as well as seen once."""
    for twice in BOTH:
        talk = Download(timestamps=True)
        for _ in range(1500):
            talk.s(ACK, FULL).acknowledge()
        talk.c(ACK, window=0, after=0.001)
        for gap in (0.3, 0.6, 1.2):
            talk.s(ACK, seq=talk.next[1] - 1, after=gap).c(ACK, window=0, after=0.001)
        talk.c(ACK, after=0.5)
        for _ in range(3000):
            talk.s(ACK, FULL).acknowledge()
        talk.close(first=1)
        expect(on_both_sides(talk) if twice else talk, "zero-window-stall", outcomes=("degraded",), certain=True)


@case
def answer_that_is_too_large_for_the_path():
    """The ACK of the request rode on the answer, which does not come: the repeat draws one of its own. No mere reordering."""
    talk = Talk(timestamps=True).shake().ask()
    at = talk.next[0]
    talk.c(PSH | ACK, REQUEST, after=1.5).c(PSH | ACK, REQUEST, seq=at, after=0.2)
    talk.s(ACK, after=0.02, options=sacks((at, talk.next[0]))).c(FIN | ACK, after=12).s(ACK, after=0.04)
    finding = expect(talk, "app-stuck", outcomes=("unknown", "failed"))
    assert "pmtu-blackhole" in [rival["verdict"] for rival in finding["rivals"]], finding["rivals"]


def uncaptured(talk, side, data, flags=PSH | ACK, **more):
    """A segment that passed, and that the capture missed."""
    talk.send(side, flags, data, **more)
    talk.frames.pop()
    return talk


@case
def answer_that_the_capture_missed():
    """What was never repeated and was acknowledged all the same had been sent: nobody closed in place of an answer."""
    talk = Talk(timestamps=True).shake().c(PSH | ACK, REQUEST).s(ACK, after=0.02)
    uncaptured(talk, 1, b"HTTP/1.1 200 OK\r\n\r\n" + FULL, after=0.01)
    uncaptured(talk, 0, b"", ACK)
    expect(talk.close(first=1), "clean")


@case
def exchanges_that_the_capture_missed_before_an_abort():
    """The abort, and an ACK before it, stand beyond all that was seen of its sender: it may have answered everything."""
    talk = Talk().shake().ask().ask().c(PSH | ACK, REQUEST).s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(3):
        uncaptured(talk, 0, REQUEST)
        uncaptured(talk, 1, b"HTTP/1.1 200 OK\r\n\r\n")
    talk.c(ACK, after=0.04).c(RST | ACK, after=0.03)
    expect(talk, "clean", "linger-reset", "aborted", "unknown", outcomes=("clean", "degraded", "unknown"))


@case
def close_that_the_capture_missed_before_a_reset():
    """The client acknowledges more than was seen, perhaps the FIN; what draws the reset is but its close_notify."""
    alert = b"\x15\3\3\0\x1a" + bytes(26)
    for word, verdicts in ((alert, ("clean",)), (REQUEST, ("peer-rebooted", "data-after-close"))):
        talk = uncaptured(Talk(timestamps=True).shake().ask(), 1, alert, FIN | PSH | ACK, after=0.001)
        talk.c(PSH | ACK, word, after=0.002)
        talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
        expect(talk, *verdicts, outcomes=("clean",) if word is alert else ("failed",))


def download(rtt):
    """A download that arrives in super-segments, taken at the client: its receive offload (GRO) puts them together."""
    talk = Talk(timestamps=True).shake(rtt=rtt).c(PSH | ACK, REQUEST).s(ACK, after=rtt)
    for _ in range(4):
        talk.s(ACK, b"d" * 28960, after=0.001).c(ACK, after=0.00001)
    return talk.close(rtt=rtt)


@case
def super_segments_of_the_receiver():
    """They do not make it the sender's host: the handshake's times tell where it is, or nothing does."""
    equal(expect(download(0.02), "clean")["vantage"], "client")
    equal(expect(download(0.0002), "clean")["vantage"], "unknown")



@case
def both_captures_in_one_file():
    """The server's capture with the client's, its clock a millisecond early: each packet twice; no SYN drew another SYN|ACK."""
    for timestamps in BOTH:
        talk = Talk(timestamps=timestamps, now=1).c(SYN, options=MSS)
        talk.s(SYN | ACK, options=MSS, ident=0, after=0.0002).c(ACK).ask(rtt=0.0002, wait=0.0001).close(rtt=0.0002)
        talk.frames += [(at - 0.001, frame) for at, frame in talk.frames]
        expect(talk, "clean")


def thinned(talk, wanted):
    """What a filter on the flags and the length of a segment lets pass of @talk."""
    talk.frames = [(at, data) for at, data in talk.frames
                   if wanted(data[47], struct.unpack(">H", data[16:18])[0] - 20 - (data[46] >> 4) * 4)]
    return talk


@case
def nothing_but_syns():
    """tcp[13] = 2: forty healthy connections of a busy client are no scan, and nobody failed."""
    talks = [thinned(Talk(client=("10.0.0.1", 40000 + i), server=("192.0.2.2", 8000 + i), now=i * 0.5).shake().ask().close(),
                     lambda flags, length: flags == SYN) for i in range(40)]
    for finding in told(*talks):
        assert finding["outcome"] == "unknown", finding
        assert "only the SYNs" in finding["summary"], finding["summary"]
    for talk in talks:  # the same with what refuses them
        talk.s(RST | ACK, seq=0, ack=1001, window=0, ident=0)
    findings = told(*talks)
    equal({finding["verdict"] for finding in findings}, {"port-scan"})
    equal({finding["outcome"] for finding in findings}, {"failed"})


@case
def data_without_any_acks():
    """greater 100, in mid-connection: who does not speak in such a capture is not silent. With them, it is."""
    for filtered in BOTH:
        talk = Talk(timestamps=True).c(PSH | ACK, REQUEST + b"x" * 100, after=0.001)
        for number in range(12):
            talk.s(ACK, b"d" * 28960, after=0.001).c(ACK, after=0.00001)
        end = talk.next[1]
        for wait in (0.001, 0.2, 0.41):
            talk.s(ACK, FULL, after=wait, seq=end)
        later = Talk(client=("10.0.0.9", 40009), now=talk.now + 30).shake().ask(answer=FULL)
        if filtered:
            others = (thinned(later, lambda flags, length: length > 50),)
            expect(thinned(talk, lambda flags, length: length > 50), "unknown", outcomes=("unknown",), others=others)
        else:
            expect(talk, "peer-vanished", outcomes=("failed",), others=(later,))
    one_way = Talk(timestamps=True)
    for number in range(20):
        one_way.s(ACK, b"d" * 28960, after=0.001)
    for finding in told(one_way.s(RST | ACK, after=0.1)):  # more than any window, and not one ACK
        assert finding["outcome"] == "unknown" and any("direction" in text for text in finding["missing"]), finding


@case
def a_reset_behind_what_nobody_is_seen_to_acknowledge():
    """What a server threw away by its reset, a capture without pure ACKs does not tell."""
    for filtered in BOTH:
        talk = Talk().shake().ask(answer=FULL).c(ACK, after=0.00001)
        for number in range(300):
            talk.s(ACK, FULL).c(ACK, after=0.00001)
        talk.s(PSH | ACK, b"last", after=1).s(RST | ACK, after=0.5)
        if filtered:
            thinned(talk, lambda flags, length: length or flags & 7)
        summary = told(talk)[0]["summary"]
        assert ("threw away" in summary) != filtered, (filtered, summary)


@case
def resets_without_data():
    """SYN, FIN and RST only: what had arrived before a client's FIN and its reset is not in the capture."""
    for flags in (RST, RST | ACK):
        talk = Talk().shake().ask().c(FIN | ACK, after=1).c(flags, after=0.00003)
        expect(thinned(talk, lambda flags, length: flags & 7), "aborted", "unknown", "clean", outcomes=("unknown", "clean", "degraded"))


@case
def a_closed_port_beside_forwarded_ones():
    """The box of a container has its own TTL where the port that it forwards has another host's: no firewall is needed for that."""
    open_port = Talk(server=("192.0.2.2", 80), ttl=(64, 63)).shake().ask().close()
    closed = Talk(client=("10.0.0.1", 40001), server=("192.0.2.2", 81), now=1).c(SYN, options=MSS)
    closed.s(RST | ACK, seq=0, ack=closed.next[0], window=0, ident=0, ttl=64)
    finding = expect(closed, "firewall-reset", outcomes=("failed",), others=(open_port,))
    assert "forwards" in finding["summary"], finding["summary"]
    assert any("DNAT" in rival["why"] for rival in finding["rivals"]), finding["rivals"]


@case
def a_capture_that_lost_windows():
    """Where the capture missed acknowledgements, data beyond the last window that it saw is the sender's own."""
    opts = MSS + SACK_OK + b"\1" + WSCALE
    for lossy in BOTH:
        talk = Talk().c(SYN, options=opts, window=7000).s(SYN | ACK, options=opts, after=0.02)
        talk.c(PSH | ACK, REQUEST, window=60).s(ACK, after=0.02)
        kept = len(talk.frames)
        for number in range(30):
            talk.s(ACK, FULL).s(ACK, FULL).c(ACK, window=60, after=0.0001)
        if lossy:  # from the middle on nothing is left but data
            talk.frames = talk.frames[:kept + 15] + talk.frames[-3:-1]
        end = talk.next[1]
        talk.s(PSH | ACK, b"d" * 72, after=0.001).s(PSH | ACK, b"d" * 72, seq=end, after=0.007)
        talk.c(ACK, window=60, options=sacks((end, end + 72)), after=0.0001)
        for number in range(4):
            talk.s(ACK, FULL).s(ACK, FULL).c(ACK, window=60, after=0.0001)
        expect(talk.close(1), "clean")
        foreign = Talk().shake().ask()  # what its sender knows nothing of is refused, however the capture was
        foreign.s(PSH | ACK, b"x" * 100, seq=foreign.next[1] + 50_000_000, ttl=41, after=0.1).c(ACK, after=0.0001)
        expect(foreign.ask().close(), "invalid-segment", outcomes=("degraded",))


@case
def a_long_transfer_broken_off():
    """Most records of a long connection are dropped; what went on behind the reset is no reason to call it ended before that."""
    for author, size in ((0, 4000), (1, 4000)):
        talk = Talk(timestamps=True, ttl=(64, 63)).shake(rtt=0.02).c(PSH | ACK, REQUEST).s(ACK, after=0.02)
        sender = 1 - author
        for number in range(size):
            talk.send(sender, ACK, FULL, after=0.0001).send(author, ACK, after=0.00001)
        talk.send(author, RST | ACK, options=b"\1\1\x08\x0a" + bytes(8), after=0.00003)
        for number in range(5):
            talk.send(sender, ACK, FULL, after=0.0002).send(author, RST, window=0, ident=0, after=0.00001)
        finding = told(talk)[0]
        assert finding["confidence"] != "certain" and "answered" not in finding["summary"], finding["summary"]
        assert "sending" in finding["summary"], finding["summary"]


@case
def where_a_late_capture_was_taken():
    """Begun in mid-connection next to the server; only the client's FIN is ever acknowledged late (40 ms). The TTLs say where it was."""
    talk = Talk(ttl=(63, 64), timestamps=True)
    for number in range(8):
        talk.s(PSH | ACK, FULL, after=0.1).c(ACK, after=0.0001)
    at = talk.next[1]
    talk.s(PSH | ACK, FULL, after=0.1).s(PSH | ACK, FULL, seq=at, after=0.2).c(ACK, after=0.0001)
    talk.c(FIN | ACK, after=0.1).s(ACK, after=0.045).s(FIN | ACK, after=0.01).c(ACK, after=0.0001)
    finding = told(talk)[0]
    equal(finding["vantage"], "server")


@case
def acks_that_come_behind_their_own_fin():
    """A path with deep queues: ACKs that the client wrote before its FIN come half a second behind it. One that it wrote later denies the FIN."""
    for late in (True, False):
        for stamps in BOTH:
            talk = Talk(timestamps=stamps, ttl=(60, 64)).shake(rtt=0.02).ask(answer=FULL)
            at, number = talk.next[0], talk.count[0] + 1
            talk.s(ACK, FULL, after=0.1).s(ACK, FULL)
            got, heard = talk.next[1], talk.heard[0]
            talk.c(FIN | ACK, ident=number + 2, after=0.05).s(ACK, after=0.00002)
            talk.s(ACK, FULL, after=0.3)
            if late:
                stamp = b"\1\1\x08\x0a" + struct.pack(">II", int((talk.now - 0.39) * 1000) + 5000, heard)
                talk.timestamps = False
                talk.c(ACK, seq=at, ack=got, ident=number, after=0.05, options=stamp if stamps else b"")
            else:
                talk.c(ACK, seq=at, ident=number + 9, after=0.05)
            finding = told(talk)[0]
            equal(finding["verdict"] == "injected-segment", not late)


@case
def a_bare_reset_that_overtook():
    """The reset of the socket acknowledges less than what drew the bare one: it was written first, and the host had not rebooted."""
    for swapped in BOTH:
        talk = Talk(timestamps=True).shake(rtt=0.00002).c(PSH | ACK, b"PING\r\n").s(ACK).s(PSH | ACK, b"+PONG" + b"x" * 76, after=0.002)
        seen = talk.next[1]
        talk.s(FIN | ACK, after=0.0001)
        active = dict(ack=seen, options=b"\1\1\x08\x0a" + bytes(8))
        if swapped:
            talk.c(RST, window=0, ident=0, after=0.00002).c(RST | ACK, after=0.000004, **active)
        else:
            talk.c(RST | ACK, after=0.00002, **active).c(RST, window=0, ident=0, after=0.000004)
        assert told(talk)[0]["verdict"] == "clean", (swapped, told(talk)[0]["summary"])
    rebooted = Talk(timestamps=True).shake().ask()
    rebooted.s(PSH | ACK, b"x" * 81, after=30).c(RST, window=0, ident=0, after=0.00002)
    expect(rebooted, "peer-rebooted", outcomes=("failed",))


@case
def a_check_that_the_greeting_crosses():
    """Who connects, resets at once, and draws the server's greeting and a bare reset for it, only looked whether it listens."""
    for greets in BOTH:
        talk = Talk().shake(rtt=0.03).c(RST | ACK, after=0.0002)
        if greets:
            talk.s(PSH | ACK, b"220 mail.example ESMTP\r\n", after=0.03).c(RST, window=0, ident=0, after=0.00003)
        expect(talk, "clean", remark="health-check")
    waits = Talk().shake(rtt=0.03).c(RST | ACK, after=5)
    waits.s(PSH | ACK, b"220 mail.example ESMTP\r\n", after=0.03).c(RST, window=0, ident=0, after=0.00003)
    assert told(waits)[0]["verdict"] != "clean"


@case
def options_that_the_snaplen_cut():
    """54 bytes end before the options: whether a repeat was needless, a D-SACK among them would say."""
    for snaplen in (54, 262144):
        talk = Download(timestamps=True)
        lost = talk.next[1]
        talk.s(PSH | ACK, b"d" * 700).s(PSH | ACK, b"d" * 700, seq=lost, after=0.03).acknowledge()
        talk.c(FIN | ACK, after=0.1).s(FIN | ACK, after=0.02).c(ACK)
        capture = mangle.Capture(1, [mangle.Packet(int(at * 1e9), data, len(data)) for at, data in talk.frames])
        finding, = [x for x in objects(mangle.pcap(mangle.cut(capture, snaplen)), "--all") if x["type"] == "finding"]
        if snaplen == 54:
            assert finding["verdict"] == "clean" or finding["confidence"] == "possible", finding
            assert finding["verdict"] == "clean" or any("-s 128" in text for text in finding["missing"]), finding


if __name__ == "__main__":
    main()
