#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What translation, balancers and overlays do to connections, after traces in public bug reports.

Each case names the report whose trace it follows; what its maintainers found to be the cause is what must be told.

usage: TCPWHY=build/tcpwhy tests/clusters.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, SACK_OK, WSCALE, Talk, expect

OPTIONS = MSS + SACK_OK + b"\1" + WSCALE
FULL = b"d" * 1448
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POD, SERVICE, BACKEND = ("10.0.0.5", 40000), ("10.96.0.10", 80), ("10.0.1.7", 8080)


def refuse(talk, side, **more):
    """What a kernel without this connection writes."""
    return talk.send(side, RST, window=0, ident=0, **more)


def download(segments=20, **more):
    """The server sends; the place of its first segment as .old."""
    talk = Talk(timestamps=True, **more).shake(options=OPTIONS, rtt=0.001).c(PSH | ACK, REQUEST).s(ACK, after=0.001)
    talk.old = talk.next[1]
    for number in range(segments):
        talk.s(ACK, FULL)
        if number % 2:
            talk.c(ACK, after=0.00005)
    return talk


@case
def old_copy_resets_behind_a_masquerade():
    """moby/libnetwork 1090: a late copy is INVALID, is not translated back, and the host refuses it. At the host."""
    talk = download(ttl=(63, 52)).s(ACK, FULL, after=0.05)
    talk.s(ACK, FULL, seq=talk.old)
    refuse(talk, 0, seq=talk.next[0], ttl=64, after=0.00003)
    expect(talk, "conntrack-invalid-reset", outcomes=("failed",))
    talk.s(ACK, FULL).c(ACK, after=0.00005)
    refuse(talk, 1, seq=talk.next[1], after=0.02)
    expect(talk, "conntrack-invalid-reset", outcomes=("failed",))


@case
def old_copy_resets_behind_a_service_seen_by_the_server():
    """kubernetes 74839: the client's pod refuses a copy that comes from the pod, not from the service; and goes on."""
    talk = download(client=POD, server=BACKEND, ttl=(63, 64))
    talk.s(ACK, FULL, seq=talk.old, after=0.01)
    refuse(talk, 0, seq=talk.next[0], after=0.0005)
    talk.c(ACK, after=0.04)
    refuse(talk, 1, seq=talk.next[1], after=0.00003)
    expect(talk, "conntrack-invalid-reset", outcomes=("failed",))


@case
def old_copy_resets_behind_a_service_seen_by_the_client():
    """The same where both addresses are seen: the copy has the numbers of the other connection."""
    for ack, verdicts in ((0, ("conntrack-invalid-reset",)), (5, ("old-duplicate",))):
        talk = download(client=POD, server=SERVICE, ttl=(64, 63))
        leak = Talk(client=POD, server=BACKEND, timestamps=True, ttl=(64, 63), now=talk.now)
        leak.heard = list(talk.heard)
        leak.s(ACK, FULL, seq=talk.old, ack=talk.next[0] - ack, after=0.01)
        refuse(leak, 0, seq=talk.next[0] - ack, after=0.00003)
        expect(leak, *verdicts, outcomes=("failed", "unknown"), others=(talk,))


@case
def client_of_a_masquerade_that_lost_its_entry():
    """A NAT that begins anew refuses what is for its clients; a client's next segment comes by its own address, or by another port."""
    nat = ("192.0.2.9", 40000)
    for here in (POD, (nat[0], 1024)):
        for off, late in ((0, 15), (0, 0.02), (1448, 15)):
            talk = download(client=nat, ttl=(63, 64)).c(ACK).s(ACK, FULL, after=0.005)
            refuse(talk, 0, seq=talk.next[0], ttl=64, after=0.00002)
            stray = Talk(client=here, timestamps=True, ttl=(63, 64), now=talk.now)
            stray.heard = list(talk.heard)
            stray.c(FIN | ACK, seq=talk.next[0] + off, ack=talk.next[1] - len(FULL), after=late)
            for answered in (False, True):
                if answered:
                    refuse(stray, 1, seq=talk.next[1] - len(FULL), after=0.00002)
                finding = expect(talk, "firewall-reset", outcomes=("failed",), others=(stray,))
                assert finding["confidence"] == "likely", finding
                moved = "another port" if here[0] == nat[0] else "another address"
                assert (moved in finding["summary"]) == (not off), finding["summary"]


@case
def copy_of_data_that_is_refused_by_its_reader():
    """The same copy after the reader's process was killed, its reset lost: no NAT is needed for that."""
    talk = download()
    talk.s(ACK, FULL, seq=talk.old, after=0.3)
    expect(refuse(talk, 0, seq=talk.next[0], after=0.00003), "peer-rebooted", outcomes=("failed",))


@case
def both_sides_of_a_translator():
    """A capture on all interfaces of a node shows each packet before and behind the translation: nothing leaked."""
    for before in (0, 1):
        talks = (Talk(client=POD, server=SERVICE, timestamps=True, ttl=(64, 63)),
                 Talk(client=POD, server=BACKEND, timestamps=True, ttl=(63, 64)))
        order = talks if before else talks[::-1]
        for _ in range(4):
            for talk in order:
                talk.c(PSH | ACK, REQUEST, after=0.1).s(PSH | ACK, ANSWER, after=0.001).c(ACK)
            order[0].now = order[1].now = max(talk.now for talk in talks) + 0.00003 * before
        for talk in order:
            talk.c(PSH | ACK, REQUEST, after=0.1)
        for talk in talks[::-1]:
            refuse(talk, 1, seq=talk.next[1], after=0.001)
        for talk in talks:
            expect(talk, "peer-rebooted", outcomes=("failed",), others=[t for t in talks if t is not talk])


@case
def syn_acks_lost_until_the_client_gave_up():
    """cilium 18014: SYN|ACKs are lost for half a minute; the last one finds a client that gave up long ago."""
    talk = Talk(timestamps=True, ttl=(63, 64))
    for gap in (0, 1, 2):
        talk.c(SYN, options=OPTIONS, seq=1000, after=gap).s(SYN | ACK, options=OPTIONS, seq=700000, ack=1001)
    for gap in (2, 4, 8, 16):
        talk.s(SYN | ACK, options=OPTIONS, seq=700000, ack=1001, after=gap)
    finding = expect(refuse(talk, 0, seq=1001, after=0.01), "syn-ack-lost", outcomes=("failed",))
    assert finding["culprit"] == "network", finding["culprit"]
    # a client that gave up within a second on a slow path got what it did not wait for
    slow = Talk(timestamps=True, ttl=(63, 64)).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS)
    expect(refuse(slow, 0, seq=1001, after=0.9), "connect-aborted", outcomes=("failed",))
    # at the client only the last one is seen
    talk = Talk(timestamps=True)
    for gap in (0, 1, 2):
        talk.c(SYN, options=OPTIONS, seq=1000, after=gap)
    finding = expect(refuse(talk.s(SYN | ACK, options=OPTIONS, ack=1001, after=30), 0, seq=1001), "connect-aborted",
                     outcomes=("failed",), certain=True)
    assert finding["culprit"] == "unknown" and finding["missing"], finding


def sacks(*block):
    return b"\1\1\5\x0a" + struct.pack(">II", *block)


def greeted(full=0):
    """A ClientHello and its ACK; then @full segments of full size come, two do not, and a short one behind them."""
    talk = Talk(timestamps=True).shake(options=OPTIONS).c(PSH | ACK, b"\x16\3\1" + bytes(514)).s(ACK, after=0.02)
    for _ in range(full):
        talk.s(ACK, FULL).c(ACK)
    talk.hole = talk.next[1]
    talk.next[1] += 2 * len(FULL)
    talk.s(PSH | ACK, bytes(603))
    block = (talk.next[1] - 603, talk.next[1])
    talk.c(ACK, ack=talk.hole, options=sacks(*block))
    return talk.s(PSH | ACK, bytes(603), seq=block[0], after=0.05).c(ACK, ack=talk.hole, options=sacks(*block))


@case
def full_size_segments_that_do_not_come():
    """QubesOS 5264: behind a tunnel nothing of full size arrives; at the client only the hole shows."""
    gave_up = greeted().c(FIN | ACK, ack=greeted().hole, after=10).s(ACK, after=0.02)
    expect(gave_up, "pmtu-blackhole", outcomes=("failed",))
    # too short a time; or full size came before; or the hole is filled in the end
    expect(greeted().c(FIN | ACK, ack=greeted().hole, after=1).s(ACK, after=0.02), "unknown", outcomes=("unknown",))
    talk = greeted(full=1)
    expect(talk.c(FIN | ACK, ack=talk.hole, after=10).s(ACK, after=0.02), "unknown", outcomes=("unknown",))
    talk = greeted()
    talk.s(ACK, FULL, seq=talk.hole, after=5).c(ACK, ack=talk.hole + len(FULL))
    talk.s(ACK, FULL, seq=talk.hole + len(FULL), after=0.02).c(ACK)
    expect(talk.close(), "loss-recovered", "reordering", outcomes=("degraded",))


def answered_by_something_older(ident, refusal=RST, seq=2_000_000_000, ack=3_000_000_000, times=4):
    """Each SYN draws the ACK of a connection from before the capture, and each ACK a reset."""
    talk = Talk(timestamps=True, ttl=(64, 60))
    for number in range(times):
        talk.c(SYN, options=OPTIONS, seq=1000, after=number).s(ACK, seq=seq, ack=ack, after=0.001, ident=ident)
        talk.c(refusal, seq=ack, ack=seq, window=41005 if refusal & ACK else 0, ident=0, after=0.00004)
    talk.next[0] = 1001
    return talk


@case
def resets_that_do_not_reach_the_old_connection():
    """cilium 45863: a port of a SNAT is used again too soon, and the client's resets do not reach the TIME_WAIT."""
    finding = expect(answered_by_something_older(0), "time-wait-syn-dropped", outcomes=("failed",))
    assert any("end nothing" in e["text"] for e in finding["evidence"]), finding["evidence"]
    expect(answered_by_something_older(77), "peer-rebooted", outcomes=("failed",))
    # answers that differ are foreign
    talk = answered_by_something_older(77, times=1).c(SYN, options=OPTIONS, seq=1000, after=1)
    expect(refuse(talk.s(ACK, seq=5, ack=70, after=0.001), 0, seq=70), "invalid-segment", outcomes=("failed",))


@case
def old_connection_refused_by_lwip():
    """lwIP rebooted, and takes its port again: it refuses the old connection's ACK by a RST|ACK."""
    talk = answered_by_something_older(77, RST | ACK, times=1).c(SYN, options=OPTIONS, seq=1000, after=0.00001)
    talk.s(SYN | ACK, options=OPTIONS, ack=1001, after=0.2).c(ACK).ask()
    expect(talk, "peer-rebooted", outcomes=("degraded",))


@case
def two_addresses_of_a_balancer_lead_to_one_server():
    """linux, tcp_rcv_synsent_state_process() and AWS NLB: a SYN draws the ACK of the client's other connection."""
    for off, verdict in ((0, "desynchronized"), (1, "peer-rebooted")):
        first = Talk(client=("10.0.0.215", 60000), server=("10.0.3.4", 443), timestamps=True)
        first.shake(options=OPTIONS).ask()
        talk = Talk(client=("10.0.0.215", 60000), server=("10.0.4.62", 443), timestamps=True, now=5, isn=(90, 80))
        talk.c(SYN, options=OPTIONS).s(ACK, seq=first.next[1] + off, ack=first.next[0], after=0.001)
        refuse(talk, 0, seq=first.next[0])
        talk.c(SYN, options=OPTIONS, seq=90, after=1).s(SYN | ACK, options=OPTIONS, ack=91, after=0.001)
        talk.c(ACK).ask().close()
        # what the client sends on the first one finds no connection any more, or the second
        again = first.next[0]
        for gap in (8, 0.2, 0.4, 0.8, 1.6, 3.2):
            first.c(PSH | ACK, REQUEST, seq=again, after=gap)
        expect(talk, verdict, outcomes=("degraded",), others=(first,))


@case
def half_closed_connection_that_a_nat_forgot():
    """kubernetes 32551: conntrack keeps a half-closed connection for 60 s; the answer comes later, and is reset."""
    for hops, verdict in ((9, "idle-reset"), (0, "fin-wait2-expired")):
        talk = Talk(timestamps=True, ttl=(52, 64)).shake(options=OPTIONS).c(PSH | ACK, REQUEST, after=0.02)
        talk.s(ACK).c(FIN | ACK, after=0.02).s(ACK).s(PSH | ACK, ANSWER, after=75)
        expect(refuse(talk, 0, seq=talk.next[0], ttl=52 + hops, after=0.01), verdict, outcomes=("failed",))


@case
def probe_that_is_answered_too_late():
    """A readiness probe gives up after its second; that the answer is short does not make it a goodbye."""
    for answer, verdict in ((ANSWER, "data-after-close"), (b"bye\r\n", "clean")):
        talk = Talk(timestamps=True).shake(options=OPTIONS, rtt=0.0001).c(PSH | ACK, REQUEST).s(ACK)
        talk.c(FIN | ACK, after=1).s(ACK, after=0.04).s(PSH | ACK, answer, after=2).s(FIN | ACK)
        refuse(refuse(talk, 0, seq=talk.next[0]), 0, seq=talk.next[0], after=0.00001)
        expect(talk, verdict, outcomes=("failed",) if verdict != "clean" else ("clean",))


def seen(talk, times):
    """The same on @times interfaces of one host: what a bridge passes on looks the same on each."""
    talk.frames = [(at + 0.000004 * number, data) for at, data in talk.frames for number in range(times)]
    return talk


@case
def three_sights_of_each_packet():
    """moby 30405: tcpdump -i any shows each packet of a container on its veth, on the bridge, and at the host."""
    def ignored():
        talk = Talk(timestamps=True, ttl=(63, 64))
        for gap in (0, 1, 2):
            talk.c(SYN, options=OPTIONS, seq=1000, after=gap).s(SYN | ACK, options=OPTIONS, seq=700000, ack=1001)
        for gap in (2, 4, 8, 16):
            talk.s(SYN | ACK, options=OPTIONS, seq=700000, ack=1001, after=gap)
        return refuse(talk, 0, seq=1001, after=0.01)

    for times in (1, 2, 3):
        expect(seen(greeted().c(FIN | ACK, ack=greeted().hole, after=10).s(ACK, after=0.02), times), "pmtu-blackhole",
               outcomes=("failed",))
        expect(seen(ignored(), times), "syn-ack-lost", outcomes=("failed",))
        expect(seen(Talk(timestamps=True).shake(options=OPTIONS).ask().ask().close(), times), "clean", certain=True)


@case
def half_open_checks_again_and_again():
    """ldirectord, F5 and others ask by half a handshake whether a port is open; what is repeated so is no mystery."""
    def check(number, at):
        talk = Talk(client=("192.0.2.1", 40000 + number), now=at).c(SYN, options=MSS)
        return refuse(talk.s(SYN | ACK, options=MSS, after=0.0003), 0, seq=1001, after=0.00005)

    checks = [check(number, 2 * number) for number in range(5)]
    finding = expect(checks[2], "clean", remark="health-check", others=checks[:2] + checks[3:])
    assert "4 other connections" in finding["summary"], finding["summary"]
    expect(checks[0], "unknown", outcomes=("unknown",), others=checks[1:2])
    # a connect() that waits repeats its SYN
    waits = [check(number, 2 * number).c(SYN, options=MSS, seq=1000, after=1) for number in range(5)]
    expect(waits[2], "unknown", "connect-aborted", "firewall-reset", outcomes=("unknown", "failed"),
           others=waits[:2] + waits[3:])



def silent_and_reset(port, start, silence):
    talk = Talk(client=("192.0.2.1", port), now=start).shake().ask().c(PSH | ACK, REQUEST, after=silence)
    return talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)


@case
def one_timer_for_two_long_silences():
    """350 s end one of 50 minutes and one of 9: the shorter may itself be far above the timer. Not so one of a second."""
    talks = [silent_and_reset(41000, 0, 3000), silent_and_reset(41001, 2400, 560)]
    survivor = Talk(client=("192.0.2.1", 41003)).shake()
    for _ in range(9):
        survivor.now += 300
        survivor.ask()
    expect(talks[0], "idle-reset", outcomes=("failed",), others=(talks[1], survivor.close()))
    expect(talks[0], "peer-rebooted", outcomes=("failed",), others=(silent_and_reset(41001, 2999, 1),))


if __name__ == "__main__":
    main()
