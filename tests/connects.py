#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What ends or delays a connect, and what only looks so.

Each case is a short conversation, written packet by packet, that behaves as its docstring says, and what may be
said about it.

usage: TCPWHY=build/tcpwhy tests/connects.py [WORD...]
"""
import ipaddress
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, equal, main
from talk import MSS, SACK_OK, WSCALE, Talk, as_pcap, expect, objects

OPTIONS = MSS + SACK_OK + b"\1" + WSCALE
SERVER = ("198.51.100.40", 443)


# Half-open neighbours: a request lives for about a minute, and an ACK needs a round trip.


def half_opens(count, apart, hosts=99, synacks=1, start=0.0):
    """@count SYNs from as many sources, @apart seconds from each other; nobody acknowledges the SYN|ACKs."""
    talks = []
    for i in range(count):
        talk = Talk(client=(f"203.0.113.{1 + i % hosts}", 30000 + i), server=SERVER, now=start + i * apart,
                    isn=(5000 + 77 * i, 900000 + 131 * i))
        talk.c(SYN, options=OPTIONS, after=0)
        for k in range(synacks):
            talk.s(SYN | ACK, options=OPTIONS, ident=0, seq=900000 + 131 * i, after=2 ** k - 1 or 0.0002)
        talks.append(talk)
    return talks


def passing(at, port=50000):
    """A healthy connection to the same endpoint, @at seconds."""
    return Talk(client=("192.0.2.77", port), server=SERVER, now=at).shake(rtt=0.03).ask().close()


@case
def probes_over_a_day_are_no_flood():
    """Somebody probes the port every 20 minutes: no two of the requests live at the same time."""
    probes = half_opens(50, 1200)
    expect(probes[25], "syn-ack-lost", "handshake-ack-lost", "unknown", "port-scan",
           outcomes=("unknown", "failed", "clean"), others=probes[:25] + probes[26:] + [passing(61000)])


@case
def probes_of_hours_ago_fill_no_queue():
    """A dozen half-open requests of the last hours were given up long before this SYN, which nothing answers."""
    talk = Talk(client=("192.0.2.9", 40000), server=SERVER, now=40000.0)
    for after in (0, 1, 1, 1, 1, 1, 2):
        talk.c(SYN, options=OPTIONS, after=after, keep=True)
    others = half_opens(12, 3000) + [passing(39990), passing(50000, 50001)]
    expect(talk, "syn-unanswered", "firewall-dropped", "accept-queue-full",
           outcomes=("failed", "unknown"), others=others)


@case
def requests_of_now_fill_the_queue():
    """The same with requests that are all younger than a minute: the queue may well be full."""
    talk = Talk(client=("192.0.2.9", 40000), server=SERVER, now=20.0)
    for after in (0, 1, 1, 1, 1, 1, 2):
        talk.c(SYN, options=OPTIONS, after=after, keep=True)
    expect(talk, "syn-queue-full", outcomes=("failed",), others=half_opens(12, 1.5, synacks=4) + [passing(100)])


@case
def a_flood_of_a_minute_ago():
    """Forty half-open requests within four seconds: a flood, of which the first is told like the last."""
    flood = half_opens(40, 0.1, synacks=3)
    for talk in flood[0], flood[-1]:
        expect(talk, "syn-flood", outcomes=("failed",), others=[t for t in flood if t is not talk] + [passing(9)])


@case
def far_clients_at_the_end_of_the_capture():
    """Clients 300 ms away connect at once; the capture ends before any of their ACKs can have come."""
    crowd = half_opens(40, 0.002)
    finding = expect(
        crowd[3], "unknown", "clean", "syn-ack-lost", "handshake-ack-lost", "syn-flood", outcomes=("unknown", "clean"),
        others=crowd[:3] + crowd[4:] + [Talk(client=("192.0.2.66", 1066), server=SERVER).shake(rtt=0.3)])
    assert finding["confidence"] in (None, "possible"), finding


@case
def a_flood_met_by_cookies():
    """The same crowd, and two seconds later none of them has answered: cookies are not repeated."""
    crowd = half_opens(40, 0.002)
    expect(crowd[3], "syn-flood", outcomes=("failed",), others=crowd[:3] + crowd[4:] + [passing(2)])


# Many doors: a scanner is in a hurry, and finds most of them shut.


def office(port, server, at):
    """A SYN of an office (one address, many people)."""
    return Talk(client=("192.0.2.200", port), server=server, now=at, isn=(4000 + port, 1)).c(SYN, options=OPTIONS, after=0)


def refuse(talk):
    return talk.s(RST | ACK, seq=0, window=0, ident=0, after=0.02)


def served(count, apart):
    """Connections of the office, all well."""
    return [Talk(client=("192.0.2.200", 52000 + i), server=(f"198.51.100.{i % 90 + 1}", 443), now=i * apart)
            .shake().ask().close() for i in range(count)]


@case
def outage_of_an_uplink():
    """Twenty connect()s to as many hosts while nothing answers, each SYN repeated by the kernel: no scan."""
    talks = [office(41000 + i, (f"203.0.113.{i + 1}", 443), i * 0.02) for i in range(20)]
    for talk in talks:
        for after in (1.03, 1.02, 2.05):
            talk.c(SYN, options=OPTIONS, after=after, seq=4000 + talk.ends[0][1])
    finding = expect(talks[3], "syn-unanswered", outcomes=("failed", "unknown"), others=talks[:3] + talks[4:])
    assert "port-scan" in [r["verdict"] for r in finding["rivals"]], finding["rivals"]


@case
def refusals_among_many_good_ones():
    """Eighteen refusals in half a minute, and sixty servers that did answer: a busy client."""
    bad = [refuse(office(42000 + i, (f"203.0.113.{i + 1}", 8000 + i), i * 1.5)) for i in range(18)]
    expect(bad[7], "port-closed", outcomes=("failed",), others=bad[:7] + bad[8:] + served(120, 0.2))


@case
def refusals_of_a_long_day():
    """One refusal in eight minutes: nobody scans so slowly that it could be told from bad luck."""
    bad = [refuse(office(42000 + i, (f"203.0.113.{i + 1}", 80), i * 480)) for i in range(24)]
    expect(bad[7], "port-closed", outcomes=("failed",), others=bad[:7] + bad[8:])


@case
def scanner_in_a_hurry():
    """Twenty doors of one host within a second, one SYN each, most refused, some silent: a scan of its own."""
    talks = [office(43000 + i, ("203.0.113.5", 20 + i), i * 0.04) for i in range(20)]
    for talk in talks[:14]:
        refuse(talk)
    for talk in talks[3], talks[16]:
        expect(talk, "port-scan", outcomes=("failed",), others=[t for t in talks if t is not talk] + served(5, 2))


# A bare reset behind the handshake: whoever closed before it had accepted.


@case
def fin_and_then_a_reset():
    """A server whose process ends closes (FIN), and its kernel resets when the client's ACK of that comes (macOS)."""
    talk = Talk(timestamps=True, ttl=(64, 60)).shake(rtt=0.025).s(FIN | ACK, after=2).c(ACK, after=0.0001)
    expect(talk.s(RST, seq=talk.next[1] - 1, window=0, ident=0, after=0.025), "clean", "process-died", "unknown",
           outcomes=("clean", "unknown"), remark="reset-instead-of-close")


@case
def fin_and_a_reset_at_its_heels():
    """The same at once: the reset stands at the FIN's own number, and no queue was full."""
    talk = Talk(timestamps=True, ttl=(64, 60)).shake(rtt=0.025).s(FIN | ACK, after=2)
    expect(talk.s(RST, seq=talk.next[1] - 1, window=0, ident=0, after=0.00002), "clean", "process-died", "unknown",
           outcomes=("clean", "unknown"))


@case
def reset_at_the_fin_is_passed_over():
    """A reset at the number of the FIN, which other stacks than Linux ignore: both ends then close in order."""
    talk = Talk(ttl=(64, 60)).shake(rtt=0.08).s(FIN | ACK, after=0.1).c(ACK)
    talk.s(RST, seq=talk.next[1] - 1, window=0, ident=0, after=0.08).c(FIN | ACK).s(ACK, after=0.08)
    finding = expect(talk, "clean")
    assert finding["application"]["client"] is None, finding["application"]


@case
def overflow_refuses_the_ack():
    """A bare reset for the ACK of the handshake, and no FIN: the queue may be full (tcp_abort_on_overflow)."""
    talk = Talk(timestamps=True, ttl=(64, 60)).shake(rtt=0.025)
    expect(talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.025), "accept-queue-full", outcomes=("failed",))


# A SYN|ACK that draws a bare reset: was nobody there, or did SYN_SENT refuse it?


def stamps(value, echo):
    return OPTIONS + b"\1\1\x08\x0a" + struct.pack(">II", value, echo)


def late_and_refused(echo):
    """Three SYNs, a SYN|ACK that echoes @echo at 2.45 s, and the client's bare reset."""
    talk = Talk(client=("192.0.2.31", 45100), server=SERVER, isn=(8800, 660000))
    for at, value in (0, 7000), (1.02, 8020), (1.03, 9050):
        talk.c(SYN, options=stamps(value, 0), after=at, seq=8800)
    talk.s(SYN | ACK, options=stamps(123456, echo), ident=0, after=0.4, ack=8801)
    return talk.c(RST, seq=8801, window=0, ident=0, after=0.00002)


@case
def strange_echo_is_refused():
    """The echo is of none of the SYNs: a socket that still connects refuses it as well."""
    finding = expect(late_and_refused(4242), "connect-aborted", "invalid-segment", outcomes=("failed", "unknown"))
    assert "invalid-segment" in [finding["verdict"]] + [r["verdict"] for r in finding["rivals"]], finding


@case
def right_echo_finds_nobody():
    """The echo is of the first SYN: only a host without that socket answers so, and its next SYN was not due."""
    expect(late_and_refused(7000), "connect-aborted", outcomes=("failed",), certain=True)


# A RST|ACK for the SYN|ACK: prompt it is a check that is done, late it may be all that is left of a client.


def slow_start(*at, answer, reset):
    """SYNs at the times @at, the SYN|ACK @answer after the last, and the client's RST|ACK @reset after that."""
    talk = Talk(client=("192.0.2.32", 45200), server=SERVER, isn=(31000, 870000), ttl=(255, 60))
    for now in at:
        talk.now = 0.0
        talk.c(SYN, options=MSS, after=now, seq=31000)
    return (talk.s(SYN | ACK, options=MSS, ident=0, after=answer, ack=31001)
            .c(RST | ACK, seq=31001, window=5840, ident=0, after=reset))


@case
def reset_of_a_client_that_had_waited():
    """Three SYNs of a small stack in six seconds, then the SYN|ACK: its RST|ACK may be that of no socket (lwIP)."""
    for talk in slow_start(0, 2.5, 6, answer=0.03, reset=0.00001), slow_start(0, answer=3.2, reset=0.00001):
        finding = expect(talk, "connect-aborted", "unknown", outcomes=("unknown", "failed"))
        assert "connect-aborted" in [finding["verdict"]] + [r["verdict"] for r in finding["rivals"]], finding


@case
def prompt_check_by_a_reset():
    """SYN, SYN|ACK, RST|ACK within a round trip: a balancer's check, and all is well."""
    expect(slow_start(0, answer=0.03, reset=0.00001), "clean", remark="health-check")


# What a tick of the server's clock is, tells whether two SYN|ACKs were made together.


def connected_with_ticks(*synacks, pause=0.0):
    """SYNs at 0 and 1.02 s; SYN|ACKs with these timestamps at once behind the second, all for the first SYN."""
    talk = Talk(client=("192.0.2.62", 45910), server=SERVER, isn=(1200, 640000))
    talk.c(SYN, options=stamps(30000, 0), after=0, seq=1200).c(SYN, options=stamps(31020, 0), after=1.017)
    for i, value in enumerate(synacks):
        talk.s(SYN | ACK, options=stamps(value, 30000), after=0.0028 if i else 0.003, ident=0, seq=640000)
    talk.next = [1201, 640001]
    talk.c(ACK, options=b"\1\1\x08\x0a" + struct.pack(">II", 31024, synacks[0]))
    return talk.ask(rtt=0.003).close(rtt=0.003)


@case
def synacks_made_together_by_a_clock_of_microseconds():
    """2707 ticks would be 2.7 s, longer than the first SYN has been out: microseconds. The first SYN|ACK was lost."""
    expect(connected_with_ticks(900000, 902707, 902811), "syn-ack-lost", outcomes=("degraded",), certain=True)


@case
def synacks_made_a_timer_apart_by_a_clock_of_jiffies():
    """250 ticks of 4 ms, 100 of 10 ms, 1000 of 1 ms: a second, though they come together. They were held up."""
    for ticks in (250, 100, 1000):
        finding = expect(connected_with_ticks(70000, 70000 + ticks, 70000 + ticks + 1), "clean", "syn-ack-lost",
                         outcomes=("clean", "degraded"))
        assert finding["verdict"] == "clean", finding["summary"]


@case
def synacks_made_together_by_a_clock_of_milliseconds():
    """3 ticks: together, by any clock."""
    expect(connected_with_ticks(70000, 70003, 70003), "syn-ack-lost", outcomes=("degraded",), certain=True)


@case
def second_syn_is_the_first_that_is_echoed():
    """The first SYN made no request: it was lost, or its SYN|ACK was, and the server keeps none (SYN cookies)."""
    talk = Talk(client=("192.0.2.63", 45920), server=SERVER, isn=(1200, 640000))
    talk.c(SYN, options=stamps(30000, 0), after=0, seq=1200).c(SYN, options=stamps(31020, 0), after=1.02)
    talk.s(SYN | ACK, options=stamps(555000, 31020), after=0.003, ident=0)
    finding = expect(talk.c(ACK, options=b"\1\1\x08\x0a" + struct.pack(">II", 31024, 555000)).ask().close(),
                     "syn-lost", outcomes=("degraded",))
    assert "syn-ack-lost" in {r["verdict"] for r in finding["rivals"]}, finding["rivals"]


@case
def refused_at_the_server_when_the_next_syn_was_due():
    """SYNs at 0 and 1 s are answered; a bare reset at 3 s, when the third was due: the kernel may have given up."""
    for at, says in ((3.022, True), (1.6, False)):
        talk = Talk(client=("192.0.2.64", 45930), server=SERVER, isn=(1200, 640000), ttl=(55, 64))
        talk.c(SYN, options=MSS, after=0, seq=1200)
        talk.next = [1201, 640001]
        talk.s(SYN | ACK, options=MSS, ident=0, seq=640000, after=0.00002)
        talk.s(SYN | ACK, options=MSS, ident=0, seq=640000, after=1.0035)
        talk.c(SYN, options=MSS, seq=1200, after=0.002).s(SYN | ACK, options=MSS, ident=0, seq=640000, after=0.00001)
        talk.now = at - 0.002
        talk.s(SYN | ACK, options=MSS, ident=0, seq=640000, after=0).c(RST, window=0, ident=0, after=0.002)
        finding = expect(talk, "connect-aborted", "syn-ack-lost", "unknown", outcomes=("failed", "unknown"))
        if finding["verdict"] == "connect-aborted":
            assert ("syn-unanswered" in {r["verdict"] for r in finding["rivals"]}) == says, finding["rivals"]
            assert not says or finding["culprit"] == "unknown", finding["culprit"]


@case
def synacks_that_come_and_are_not_taken():
    """At the client: every SYN|ACK is here, and it goes on repeating its SYN. No capture is missing, and its own filter is named."""
    for ttl in ((64, 60), (60, 64)):
        talk = Talk(timestamps=True, ttl=ttl)
        for after in (0, 1, 2, 4):
            talk.next[:] = [1000, 700000]
            talk.c(SYN, options=OPTIONS, after=after).s(SYN | ACK, options=OPTIONS, after=0.01 if ttl[0] == 64 else 0.0001)
        finding = expect(talk, "syn-ack-lost", outcomes=("failed",))
        here = ttl[0] == 64
        equal(finding["vantage"], "client" if here else "server")
        equal(any("capture at the client" in m for m in finding["missing"]), not here)
        equal(any("rp_filter" in r["why"] for r in finding["rivals"]), here)


def ignored_at_first(echoes_first):
    """The client's ACK and request, and three repeats, before anything but a SYN|ACK comes back; the ACK at last echoes the first of them, or the last."""
    talk = Talk(timestamps=True, ttl=(64, 57)).shake(options=OPTIONS, rtt=0.06)
    at, before, syn_stamp = talk.next[0], talk.heard[0], talk.heard[1]
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=0.0005)
    first = talk.heard[1]
    for after in (0.38, 0.38):
        talk.heard[0] = before
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", seq=at, after=after)
    talk.heard[1] = syn_stamp - 60
    talk.s(SYN | ACK, seq=talk.next[1] - 1, ack=at, options=OPTIONS, after=0.25).c(ACK)
    talk.heard[0] = before
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", seq=at, after=0.48)
    last = talk.heard[1]
    talk.heard[1] = first if echoes_first else last
    talk.s(ACK, after=0.03 if echoes_first else 0.06)
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").c(ACK)
    if echoes_first:
        talk.heard[1] = last
        talk.s(ACK, options=b"\1\1\5\x0a" + struct.pack(">II", at, talk.next[0]), after=0.03)
    return talk.close(rtt=0.06)


@case
def held_up_is_not_ignored():
    """What was echoed had arrived: the first copy, so all were held up on the way. A full queue echoes the one that it took."""
    finding = expect(ignored_at_first(True), "reordering", "handshake-ack-lost", outcomes=("degraded",))
    assert "lost" not in finding["summary"] or "late" in finding["summary"], finding["summary"]
    expect(ignored_at_first(False), "accept-queue-full", outcomes=("degraded",))


@case
def signed_segments_that_nobody_answers():
    """BGP with TCP-MD5, or TCP-AO: a peer that has another key drops what comes, and says nothing."""
    md5, ao = b"\x13\x12" + bytes(range(16)) + b"\1\1", b"\x1d\x10\1\1" + bytes(range(12))
    for signature in (md5, ao, b""):
        talk = Talk(server=("198.51.100.40", 179))
        for after in (0, 1, 2, 4):
            talk.next[0] = 1000
            talk.c(SYN, options=MSS + signature, after=after)
        finding = expect(talk, "syn-unanswered", outcomes=("failed",))
        equal(any(r["verdict"] == "invalid-segment" and "signed" in r["why"] for r in finding["rivals"]), bool(signature))


# Two addresses of a server tried at once: one of them wins, and the other attempt is no failure (RFC 8305).


def tried(at=0.0, answer=0.3, client=("192.0.2.5", 41000), server=SERVER):
    """A SYN, an answer or none, and no socket any more."""
    talk = Talk(client=client, server=server, now=at).c(SYN, options=OPTIONS)
    return talk.s(SYN | ACK, options=OPTIONS, after=answer).c(RST, seq=1001, window=0, ident=0) if answer else talk


def gone_on(at=0.25, client=("192.0.2.5", 41001), server=("198.51.100.41", 443)):
    return Talk(client=client, server=server, now=at).shake().ask().close()


def later():
    return gone_on(at=30.0, client=("192.0.2.5", 41002))


def of_the_loser(*talks):
    return next(o for o in objects(as_pcap(*talks), "--all") if o["type"] == "finding" and o["client"].endswith(":41000"))


def is_race(*talks):
    finding = of_the_loser(*talks)
    assert (finding["verdict"], finding["outcome"], finding["confidence"]) == ("connect-aborted", "clean", "likely"), finding
    assert "RFC 8305" in finding["summary"], finding["summary"]


@case
def loser_of_a_race():
    """Late or in time, as the first or the second that was tried: the other address was connected before it answered."""
    is_race(tried(), gone_on(), later())
    is_race(tried(answer=0.05), gone_on(at=0.015), later())
    is_race(tried(at=0.2, answer=0.3), gone_on(at=0.185), later())
    assert of_the_loser(tried(), later())["outcome"] == "failed"


@case
def loser_that_nobody_answered():
    """The same, without any answer: the address does not answer, and nobody waited for it."""
    finding = of_the_loser(tried(answer=None), gone_on(), later())
    assert finding["verdict"] == "syn-unanswered" and "RFC 8305" in finding["summary"], finding
    equal(finding["application"]["client"], None)


@case
def no_race():
    """Another address that had been connected before, after, by another client, at another port, or that was left as well; several asked at once, or gone on with."""
    for talks in ((tried(at=2.0), gone_on(at=1.9)), (tried(), gone_on(at=0.31)), (tried(), gone_on(client=("192.0.2.6", 41001))),
                  (tried(), tried(at=0.1, answer=0.19, client=("192.0.2.5", 41001), server=("198.51.100.41", 443))),
                  (tried(), gone_on(server=("198.51.100.41", 80))), (tried(), gone_on(at=0.001)),
                  (tried(), gone_on(), gone_on(at=0.1, client=("192.0.2.5", 41003), server=("198.51.100.42", 443)))):
        finding = of_the_loser(*talks, later())
        assert (finding["verdict"], finding["outcome"]) == ("connect-aborted", "failed"), (finding["verdict"], finding["summary"])


def of_two_families(*others):
    """A v4 SYN whose answer is late; the client's own IPv6 connection won, and @others went on about then."""
    loser, winner = tried(), gone_on()
    over_v6(winner)
    for talk in others:
        over_v6(talk, client="9")
    return of_the_loser(loser, winner, *others, later())


@case
def race_of_two_families():
    """Which client an IPv6 address belongs to nobody can say where several ask at the port."""
    finding = of_two_families()
    assert (finding["verdict"], finding["outcome"]) == ("connect-aborted", "clean"), finding
    finding = of_two_families(gone_on(at=1.2))
    assert (finding["verdict"], finding["outcome"]) == ("connect-aborted", "failed"), finding


# A refusal whose IPv6 flow label is 0: a sign of netfilter only where the host writes labels itself.


def over_v6(*talks, label=0, refusal=0, hops=64, client="5"):
    """The findings of @talks as IPv6: the server's packets carry @label, its refusals @refusal."""
    for talk in talks:
        for i, (at, data) in enumerate(talk.frames):
            port, flags = struct.unpack(">H", data[34:36])[0], data[47]
            of_server = port == talk.ends[1][1]
            word = 6 << 28 | (0x4711 + port if not of_server else refusal if flags & RST else label)
            ends = [ipaddress.ip_address(f"2001:db8::{end}").packed for end in (client, "6")]
            packet = (struct.pack(">IHBB", word, len(data) - 34, 6, hops) + ends[of_server] + ends[not of_server]
                      + data[34:])
            talk.frames[i] = (at, craft.ethernet(packet, ethertype=0x86DD))
    return [f for f in objects(as_pcap(*talks)) if f["type"] == "finding"]


def refused_at(port):
    return (Talk(client=("192.0.2.5", 47000 + port), server=("192.0.2.6", port), now=3.0).c(SYN, options=OPTIONS)
            .s(RST | ACK, seq=0, window=0, ident=0, after=0.01))


def other_connection():
    return Talk(client=("192.0.2.5", 46999), server=("192.0.2.6", 2222)).shake(rtt=0.01).ask().close()


@case
def label_zero_of_a_host_without_labels():
    """All packets of the host have flow label 0 (auto_flowlabels=0, Windows, BSD): so has the reset of its closed port."""
    finding, = over_v6(other_connection(), refused_at(81))
    assert finding["verdict"] == "port-closed", finding["summary"]


@case
def label_zero_of_a_stranger():
    """Nothing else of the host is seen, which may be Windows: the label tells little, and is named with the rival."""
    finding, = over_v6(refused_at(81), hops=121)
    assert finding["verdict"] == "port-closed", finding["summary"]
    assert "label is 0" in " ".join(r["why"] for r in finding["rivals"]), finding["rivals"]


@case
def label_zero_of_a_stranger_that_is_not_windows():
    """Linux before 4.3 writes no labels, nor does it where it is told so: the packet of a closed port, or of netfilter."""
    finding, = over_v6(refused_at(81), hops=57)
    assert finding["verdict"] == "port-closed" and finding["confidence"] == "possible", finding
    assert "label is 0" in " ".join(r["why"] for r in finding["rivals"]), finding["rivals"]


@case
def label_zero_of_a_host_with_labels():
    """The host labels its other packets, and not this reset: netfilter wrote it."""
    finding, = over_v6(other_connection(), refused_at(81), label=0x3ABCD)
    assert finding["verdict"] == "firewall-reset", finding["summary"]


@case
def own_label_of_a_closed_port():
    """The reset has a label of its own: so writes the TCP of a host."""
    finding, = over_v6(other_connection(), refused_at(81), label=0x3ABCD, refusal=0x12345)
    assert finding["verdict"] == "port-closed", finding["summary"]


# The TTL of a refusal: another initial value is the host's own affair, another number of hops is not.


def refused_with(ttl):
    """The finding of a refusal with this TTL; the SYN|ACKs of the host come with 58."""
    others = [Talk(client=("192.0.2.8", 46100 + i), server=("198.51.100.90", 443), ttl=(64, 58), now=i)
              .shake().ask().close() for i in range(3)]
    talk = Talk(client=("192.0.2.8", 46110), server=("198.51.100.90", 8443), now=5.0).c(SYN, options=OPTIONS)
    return talk.s(RST | ACK, seq=0, window=0, ident=0, ttl=ttl, after=0.02), others


@case
def closed_port_with_another_initial_ttl():
    """The reset of no socket begins with 255 or 128 and comes six hops, like the rest: nobody else wrote it."""
    for ttl in 249, 122, 58:
        talk, others = refused_with(ttl)
        expect(talk, "port-closed", outcomes=("failed",), others=others)


@case
def refusal_from_nearer():
    """It has come fewer hops than the host's packets: a box on the way."""
    for ttl in 60, 62, 252:
        talk, others = refused_with(ttl)
        expect(talk, "firewall-reset", outcomes=("failed",), others=others)


# Two SYN|ACKs at once after a repeated SYN: the server's timer, or a SYN that a router had held up.


def connected_late(synacks, rtt=0.03):
    """SYNs at 0 and 1.02 s; @synacks come at once, and all of them echo the first SYN. Then a request."""
    talk = Talk(client=("192.0.2.61", 45900), server=SERVER, isn=(1200, 640000))
    talk.c(SYN, options=stamps(30000, 0), after=0, seq=1200).c(SYN, options=stamps(31020, 0), after=1.02)
    for i in range(synacks):
        talk.s(SYN | ACK, options=stamps(555000 + i, 30000), after=0.0008 if i else rtt, ident=0, seq=640000)
    talk.next = [1201, 640001]
    talk.c(ACK, options=b"\1\1\x08\x0a" + struct.pack(">II", 31050, 555000))
    return talk.ask(rtt=rtt).close(rtt=rtt)


@case
def first_syn_held_up():
    """As many SYN|ACKs as SYNs: the first SYN may have waited for ARP at a router; a loss is likely at most."""
    finding = expect(connected_late(2), "syn-ack-lost", "syn-lost", outcomes=("degraded",))
    assert finding["rivals"], finding


@case
def first_synack_surely_lost():
    """One SYN|ACK, or more of them than SYNs, with the echo of the first SYN: one was sent before and never came."""
    for synacks in 1, 3:
        finding = expect(connected_late(synacks), "syn-ack-lost", outcomes=("degraded",), certain=True)
        assert finding["confidence"] == "certain", finding["confidence"]


# One refusal for many SYNs: a kernel answers each at once, a device when it is tired of waiting.


def refused_after(*at, delay, each=False):
    """SYNs at the times @at; a RST|ACK @delay after the last of them, or after each."""
    talk = Talk(client=("192.0.2.71", 46500), server=("198.51.100.71", 8088), isn=(77000, 1))
    for i, now in enumerate(at):
        talk.c(SYN, options=OPTIONS, after=now - (at[i - 1] if i else 0), seq=77000)
    for now in at if each else at[-1:]:
        talk.now = now
        talk.s(RST | ACK, seq=0, ack=77001, window=0, ident=0, after=delay)
    talk.frames.sort(key=lambda frame: frame[0])
    return talk


@case
def refusal_after_long_silence():
    """SYNs at 0, 1, 3 and 7 s, and one refusal 4 s after the last: no host with a closed port waits so long."""
    finding = expect(refused_after(0, 1.02, 3.04, 7.2, delay=4.1), "firewall-reset", outcomes=("failed",))
    assert finding["confidence"] == "possible", finding["confidence"]
    assert "port-closed" in [r["verdict"] for r in finding["rivals"]], finding["rivals"]
    assert "forged-reset" not in [r["verdict"] for r in finding["ruled_out"]], finding["ruled_out"]


@case
def first_syns_lost_then_refused():
    """Three SYNs are lost, and the fourth is refused within the round trip: a closed port."""
    expect(refused_after(0, 1.02, 3.04, 7.2, delay=0.03), "port-closed", outcomes=("failed",))


@case
def refusals_over_a_slow_path():
    """A path of 2.4 s: the first SYN's refusal comes behind its repeats, and each of them is refused as late."""
    for each in False, True:
        expect(refused_after(0, 1.02, delay=2.4 if each else 1.38, each=each), "port-closed", outcomes=("failed",))


@case
def refusals_of_a_host_that_slept():
    """A host is paused for eight seconds, and then refuses every SYN that had come meanwhile."""
    talk = refused_after(0, 1.02, 3.04, delay=5)
    talk.s(RST | ACK, seq=0, ack=77001, window=0, ident=0).s(RST | ACK, seq=0, ack=77001, window=0, ident=0)
    expect(talk, "port-closed", outcomes=("failed",))


# SYNs without an answer in a capture that has no answers at all.


def asked_in_vain(times, **more):
    talk = Talk(client=("192.0.2.81", 47200), server=("198.51.100.81", 9000), isn=(5151, 1), **more)
    for after in times:
        talk.c(SYN, options=MSS, after=after, seq=5151)
    return talk


def only_sent(talk):
    """Of this talk only what the client sends."""
    talk.frames = [f for f in talk.frames if f[1][26:30] == ipaddress.ip_address(talk.ends[0][0]).packed]
    return talk


@case
def answers_are_not_in_the_capture():
    """A capture of one direction: three SYNs of Windows may have been refused, whose answers it does not have."""
    others = [only_sent(Talk(client=("192.0.2.81", 47300 + i), server=(f"198.51.100.{i + 1}", 443), now=2.0 + i)
                        .shake().ask().close()) for i in range(4)]
    finding = expect(asked_in_vain((0, 0.5, 0.5)), "unknown", outcomes=("unknown",), others=others)
    assert "port-closed" not in [r["verdict"] for r in finding["ruled_out"]], finding["ruled_out"]


@case
def no_answer_alone():
    """SYNs without an answer, alone or beside connections that were answered: that is what the silence means."""
    others = [Talk(client=("192.0.2.81", 47300 + i), server=(f"198.51.100.{i + 1}", 443), now=2.0 + i)
              .shake().ask().close() for i in range(4)]
    for around in [], others, others[:1] + [only_sent(talk) for talk in others[1:]]:
        expect(asked_in_vain((0, 1, 1, 1, 1)), "syn-unanswered", "firewall-dropped", outcomes=("failed",), others=around)


# Resets that stand where only a connect is: of whom?


def refused_answers(ttl, echo=True):
    """At the server: each SYN of a client (TTL 52) draws a SYN|ACK, and that a bare RST with @ttl."""
    talk = Talk(client=("203.0.113.91", 48100), server=SERVER, ttl=(52, 64))
    for i, after in enumerate((0, 1, 1, 1, 2, 4)):
        talk.c(SYN, options=stamps(600 + 1000 * i, 0), after=after, seq=2020)
        talk.s(SYN | ACK, options=stamps(77000 + i, 600 + 1000 * i if echo else 5), ident=0, seq=300000 + 70000 * i,
               ack=2021, after=0.00003)
        talk.c(RST, seq=2021, window=0, ident=0, ttl=ttl, after=0.05)
    return talk


@case
def synacks_refused_on_the_way():
    """The resets come from nearer than the SYNs, and the client asks on: a box between refuses the SYN|ACKs."""
    expect(refused_answers(57), "firewall-reset", "forged-reset", outcomes=("failed",))


@case
def synacks_refused_by_the_client():
    """They come from as far as the SYNs, or the SYN|ACKs are wrong: the client's host may refuse them itself."""
    for talk in refused_answers(52), refused_answers(57, echo=False):
        expect(talk, "unknown", "invalid-segment", "connect-aborted", "syn-ack-lost", outcomes=("unknown", "failed"))


@case
def refusal_with_a_sockets_numbers():
    """A RST|ACK with a number and a window of its own, and nothing before: connect() fails all the same."""
    talk = Talk(client=("192.0.2.92", 48200), server=SERVER).c(SYN, options=OPTIONS)
    finding = expect(talk.s(RST | ACK, seq=0x5C5C1234, window=29200, ident=0x77, after=0.06),
                     "firewall-reset", "forged-reset", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ECONNREFUSED", finding["application"]


@case
def refusal_with_half_of_them():
    """One of both only, as small stacks write it: a closed port may do so."""
    for more in dict(seq=0x5C5C1234, window=0), dict(seq=0, window=29200):
        talk = Talk(client=("192.0.2.92", 48200), server=SERVER).c(SYN, options=OPTIONS)
        expect(talk.s(RST | ACK, ident=0x77, after=0.06, **more), "port-closed", outcomes=("failed",))


# A SYN that dies of its age: sent so, or in a loop.


def aged(ttl, copies=()):
    """A SYN seen with @ttl (and again with each of @copies), and the router's time exceeded."""
    talk = Talk(client=("192.0.2.95", 48700 + ttl), server=("198.51.100.95", 443)).c(SYN, options=MSS, ttl=ttl)
    quoted = talk.last_ip()
    for again in copies:
        talk.c(SYN, options=MSS, ttl=again, seq=1000, ident=101, after=0.0002)
    return talk.icmp(11, 0, quoted, source="203.0.113.9", after=0.01)


@case
def traceroute_by_tcp():
    """SYNs with TTL 1, 2, 3 ... draw time exceeded: a probe, whose sender wants to hear just that."""
    probes = [aged(ttl) for ttl in range(1, 6)]
    for probe in probes:
        expect(probe, "host-unreachable", "unknown", "clean", outcomes=("unknown", "clean"),
               others=[p for p in probes if p is not probe])


@case
def routing_loop():
    """A SYN that left with 64 dies of its age, seen once or as it goes round: a loop."""
    for talk in aged(64), aged(9, copies=(7, 5, 3)):
        expect(talk, "host-unreachable", outcomes=("failed",))


# The SYN that is answered asks for less than those before it.


def cited_of_syns(*options):
    """What is cited of a connection whose SYNs carry @options, a second apart, and of which the last is answered."""
    talk = Talk(client=("192.0.2.97", 49500), server=SERVER, isn=(9090, 50000))
    for i, each in enumerate(options):
        talk.c(SYN, options=each, after=1.0 if i else 0, seq=9090)
    talk.s(SYN | ACK, options=MSS, after=0.02, ack=9091)
    talk.next = [9091, 50001]
    talk.c(ACK).ask().close()
    return " ".join(e["text"] for e in expect(talk, "syn-lost", outcomes=("degraded",))["evidence"])


@case
def bare_syn_gets_through():
    """The first three SYNs carry timestamps and SACK, the fourth only its MSS: a device may drop the others."""
    assert "timestamps" in cited_of_syns(*[stamps(4000, 0)] * 3, MSS)


@case
def same_syn_gets_through():
    """The SYN that is answered is like the others, or none of them carried any: nothing of the kind is said."""
    for options in [stamps(4000, 0)] * 3, [MSS] * 3, [OPTIONS, OPTIONS, MSS + SACK_OK]:
        assert "a device that drops" not in cited_of_syns(*options)


# Fast Open: the server's data may come before its SYN|ACK.


def fast_open(again):
    """A SYN with data, and the server's answer without its SYN|ACK, which comes after a second SYN, or (not @again) late."""
    cookie = OPTIONS + b"\x22\x0a" + bytes(range(8)) + b"\1\1"
    talk = Talk(client=("192.0.2.98", 49600), server=SERVER, isn=(60000, 410000))
    talk.c(SYN, b"q" * 400, options=cookie, seq=60000).s(ACK, b"a" * 900, seq=410001, ack=60401, after=0.03)
    talk.s(PSH | ACK, b"b" * 90, seq=410901, ack=60401)
    if again:
        talk.c(SYN, options=OPTIONS, seq=60000, after=1.0)
    talk.s(SYN | ACK, options=OPTIONS, seq=410000, ack=60401, after=0.03 if again else 0.0004, ident=0)
    talk.next = [60401, 410001 if again else 410991]
    talk.c(ACK)
    if again:
        talk.s(ACK, b"a" * 900, after=0.03).c(ACK).s(PSH | ACK, b"b" * 90).c(ACK)
    return talk.close(first=1, rtt=0.03)


@case
def synack_of_a_fast_open_is_lost():
    """The client can do nothing with data before the SYN|ACK, and asks again after a second: that one was lost."""
    expect(fast_open(again=True), "syn-ack-lost", outcomes=("degraded",))


@case
def synack_of_a_fast_open_is_overtaken():
    """The SYN|ACK comes right behind the data: nothing was lost."""
    expect(fast_open(again=False), "clean", "reordering", "loss-recovered", outcomes=("clean", "degraded"))


# Taken late, and then dropped without an answer: the queue is still the story.


def taken_late(answers):
    """The listener ignores ACK and request for six seconds; then the connection is taken, and reset two seconds later."""
    talk = Talk(client=("192.0.2.30", 40030), server=SERVER, timestamps=True)
    talk.c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, ident=0, after=0.02).c(ACK).c(PSH | ACK, b"q" * 120, after=0.01)
    seq = talk.next[0] - 120
    for gap in (0.22, 0.43, 0.3, 1.8, 3.6):
        talk.c(PSH | ACK, b"q" * 120, seq=seq, after=gap)
        if gap == 0.3:
            talk.s(SYN | ACK, options=OPTIONS, ident=0, seq=talk.next[1] - 1, ack=seq, after=0.1).c(ACK)
    talk.s(ACK, after=0.02)
    if answers:
        talk.s(PSH | ACK, b"a" * 50, after=0.1).c(ACK).c(PSH | ACK, b"r" * 80, after=0.1).s(ACK, after=0.02)
    stamp = struct.pack(">BBBBII", 1, 1, 8, 10, int((talk.now + 2) * 1000) + 90000, talk.heard[1])
    return talk.s(RST | ACK, options=stamp, after=2)


@case
def taken_late_and_in_vain():
    finding = expect(taken_late(False), "accept-queue-full", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ECONNRESET" and "reset" in finding["summary"], finding


@case
def taken_late_served_and_then_aborted():
    """It had answered one request, and left the next unread: that is how it ended."""
    expect(taken_late(True), "closed-with-unread-data", outcomes=("failed",))


# ---- no answer to the SYN, on ports that had a connection before ----


def silent_on_old_ports(closed):
    old = Talk().shake().ask()
    if closed:
        old.close()
    talk = Talk(now=old.now + 5, isn=(900_000, 0))
    for after in (0, 1, 2):
        talk.next[0] = 900_000
        talk.c(SYN, options=OPTIONS, after=after)
    return [f for f in objects(as_pcap(old, talk), "--all") if f["type"] == "finding" and f["verdict"] == "syn-unanswered"]


@case
def silence_where_the_old_connection_was_open():
    """Its socket owes a challenge ACK, and a limit may keep that back; what was closed is no such socket."""
    for closed in (False, True):
        found = silent_on_old_ports(closed)
        assert len(found) == 1, found
        assert ("peer-rebooted" in [rival["verdict"] for rival in found[0]["rivals"]]) != closed, found[0]["rivals"]


@case
def syns_that_had_come():
    """Next to the server the first SYNs are there: of a port that serves others, no loss on the way; in mid-path a loss."""
    before = Talk(server=SERVER).shake(rtt=0.00002).ask(rtt=0.00002).close(rtt=0.00002)
    for near in (True, False):
        talk = Talk(client=("192.0.2.1", 40001), server=SERVER, ttl=(60, 64 if near else 60), now=1, timestamps=True)
        for wait in (0, 1, 2):
            talk.c(SYN, options=OPTIONS, seq=5000, after=wait)
        talk.next[0] = 5001
        talk.s(SYN | ACK, options=OPTIONS, after=0.00002 if near else 0.02).c(ACK, after=0.06).ask(rtt=0.00002 if near else 0.02).close()
        finding = expect(talk, "accept-queue-full" if near else "syn-lost", outcomes=("degraded",), others=(before,))
        equal(finding["confidence"], "possible" if near else "likely")


@case
def a_host_that_goes_right_after_the_handshake():
    """The port had served others, and ignores the first data: a full queue if its host is seen to live, else it may be gone."""
    before = Talk(server=SERVER).shake(rtt=0.0001).ask(rtt=0.0001).close(rtt=0.0001)
    for lives in (False, True):
        talk = Talk(client=("192.0.2.1", 40001), server=SERVER, now=1).shake(rtt=0.0001)
        start = talk.next[0]
        for wait in (1.5, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8):
            talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", seq=start, after=wait)
        ssh = Talk(client=("192.0.2.1", 40002), server=(SERVER[0], 22), now=9 if lives else 0.5).shake(rtt=0.0001)
        ssh.s(PSH | ACK, b"SSH-2.0-x\r\n").c(ACK)
        later = Talk(client=("192.0.2.1", 40003), server=("198.51.100.41", 80), now=60).shake().ask().close()
        expect(talk, "accept-queue-full" if lives else "peer-vanished", outcomes=("failed",), others=(before, ssh, later))


if __name__ == "__main__":
    main()
