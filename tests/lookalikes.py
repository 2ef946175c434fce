#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What other stacks and boxes write, packet by packet: none of it may be taken for what it only looks like.

Each case is a short conversation between a client and a server that behaves as its docstring says (other
systems' stacks, balancers, proxies, censors, odd but correct habits), and what may be said about it.

usage: TCPWHY=build/tcpwhy tests/lookalikes.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, SACK_OK, WSCALE, Talk, expect, told


WINDOWS = dict(ttl=(64, 128), timestamps=False)


@case
def windows_closed_port():
    """A closed port of Windows: RST|ACK, TTL 128, ids of a global counter."""
    expect(Talk(**WINDOWS).c(SYN, options=MSS).s(RST | ACK, seq=0, window=0, ident=4711),
           "port-closed", "firewall-reset", outcomes=("failed",))


@case
def windows_closed_port_repeated():
    """A Windows client asks a closed port three times, 500 ms apart: each SYN is refused."""
    talk = Talk(ttl=(128, 64))
    for after in (0, 0.5, 0.5):
        talk.next[0] = 1000
        talk.c(SYN, options=MSS, after=after).s(RST | ACK, seq=0, ack=1001, window=0, ident=0)
    expect(talk, "port-closed", "firewall-reset", outcomes=("failed",))


@case
def windows_abort():
    """An abort by Windows: RST|ACK with window 0, next in sequence, nothing unread that shows."""
    talk = Talk(**WINDOWS).shake().ask().c(PSH | ACK, b"more", after=1).s(RST | ACK, window=0, after=0.02)
    finding = expect(talk, "aborted", "closed-with-unread-data", "linger-reset", "process-died", "unknown",
                     outcomes=("failed", "unknown"), certain=True)
    assert not (finding["confidence"] == "certain" and finding["verdict"] != "aborted"), finding["verdict"]


@case
def windows_close_after_answer():
    """Windows programs end by RST|ACK once the answer is in: nobody was owed anything."""
    expect(Talk(ttl=(128, 64)).shake().ask().c(RST | ACK, window=0, after=0.1),
           "clean", "linger-reset", "aborted", outcomes=("clean", "degraded"))


@case
def windows_delayed_ack():
    """Windows delays its ACK by 200 ms; the sender waits for it (Nagle). Slow, but nothing is lost."""
    talk = Talk(**WINDOWS).shake()
    for _ in range(4):
        talk.c(PSH | ACK, b"x" * 100).s(ACK, after=0.2).c(PSH | ACK, b"y" * 20).s(PSH | ACK, b"ok", after=0.02)
    expect(talk.close(), "clean")


@case
def bsd_ids():
    """BSD and macOS: random ids or 0 on every packet prove no forgery, on a reset neither."""
    for kind in ("zero", "random"):
        talk = Talk(timestamps=True, idents=(kind, kind)).shake().ask().c(PSH | ACK, b"again", after=1)
        expect(talk.s(RST, seq=talk.next[1], window=0, after=0.02), "peer-rebooted", "aborted", "unknown",
               "firewall-reset", "data-after-close", "idle-reset", "linger-reset",
               outcomes=("failed", "unknown"))
        expect(Talk(timestamps=True, idents=(kind, kind)).shake().ask().close(), "clean")


@case
def balancer_idle_to_both_sides():
    """A balancer (F5) resets both ends after 300 s of idleness."""
    talk = Talk(timestamps=True).shake().ask()
    talk.s(RST | ACK, after=300, window=0, ident=9, ttl=255)
    talk.c(RST | ACK, window=0, ident=10, ttl=255, after=0.0002)
    expect(talk, "idle-reset", "forged-reset", "clean", "aborted", "linger-reset",
           outcomes=("failed", "degraded", "clean"))


@case
def balancer_lazy_reset():
    """AWS NLB: 350 s idle, then the next segment draws a bare reset."""
    talk = Talk(timestamps=True).shake().ask().c(PSH | ACK, b"again", after=400)
    talk.s(RST, seq=talk.next[1], window=0, after=0.001, ident=0)
    expect(talk, "idle-reset", "peer-rebooted", "firewall-reset", outcomes=("failed",))


@case
def balancer_blackhole():
    """Azure: 240 s idle, then all is dropped in silence."""
    talk = Talk(timestamps=True).shake().ask().c(PSH | ACK, b"again", after=300, keep=True)
    for step in range(7):
        talk.c(PSH | ACK, b"again", after=0.2 * 2 ** step, keep=True)
    expect(talk, "idle-blackholed", "peer-vanished", "firewall-dropped", outcomes=("failed",))


@case
def censor_triple():
    """A censor's three RST|ACKs at once (seq, seq + 1460, seq + 4380), other TTL, while the server goes on."""
    talk = Talk(timestamps=True, ttl=(64, 50)).shake(rtt=0.2).c(PSH | ACK, b"GET /forbidden HTTP/1.1\r\n\r\n")
    base = talk.next[1]
    for offset in (0, 1460, 4380):
        talk.s(RST | ACK, seq=base + offset, window=2000 + offset, ttl=93, ident=55555, after=0.03)
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n", after=0.15)
    talk.c(RST, seq=talk.next[0], window=0, ident=0)
    expect(talk, "forged-reset", outcomes=("failed",), certain=True)


@case
def forged_single():
    """One forged RST to the client; the server, which knows nothing of it, goes on and is reset in turn."""
    talk = Talk(timestamps=True, ttl=(64, 52)).shake(rtt=0.1).ask(rtt=0.1).c(PSH | ACK, b"again")
    talk.s(RST, seq=talk.next[1], window=0, ttl=117, ident=7777, after=0.01)
    talk.s(ACK, after=0.09).c(RST, seq=talk.next[0], window=0, ident=0)
    expect(talk, "forged-reset", outcomes=("failed",), certain=True)


@case
def proxy_of_the_handshake():
    """A SYN proxy answers the SYN (other TTL, no ids); the true server takes over: clean."""
    talk = Talk(timestamps=False, ttl=(64, 58))
    talk.c(SYN, options=MSS).s(SYN | ACK, options=MSS, ttl=250, ident=0, after=0.005, window=0)
    talk.c(ACK).s(ACK, after=0.02).ask().close()
    expect(talk, "clean")


@case
def cookie_without_options():
    """A SYN cookie's SYN|ACK carries only an MSS: clean."""
    talk = Talk().c(SYN, options=MSS + SACK_OK + b"\1" + WSCALE).s(SYN | ACK, options=MSS, ident=0, after=0.02)
    expect(talk.c(ACK).ask().close(), "clean")


@case
def close_notify_crosses_fin():
    """TLS: close_notify and FIN cross the other end's FIN, a reset answers: nobody lost anything."""
    alert = b"\x15\3\3\0\x1a" + bytes(26)
    talk = Talk(timestamps=True).shake().ask()
    talk.s(PSH | ACK, alert, after=5).s(FIN | ACK)
    talk.c(PSH | ACK, alert, ack=talk.next[1] - 1 - len(alert), after=0.001).c(FIN | ACK)
    talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02).s(RST, seq=talk.next[1], window=0, ident=0)
    expect(talk, "clean", "data-after-close", "keepalive-race", outcomes=("clean", "degraded"))


@case
def half_close():
    """A client that shuts its writing side and waits for the answer (ssh, rsh, netcat): clean."""
    talk = Talk(timestamps=True).shake().c(PSH | ACK, b"all I have").s(ACK, after=0.02).c(FIN | ACK)
    talk.s(ACK, after=0.02)
    for _ in range(5):
        talk.s(PSH | ACK, b"z" * 1000, after=1).c(ACK)
    expect(talk.s(FIN | ACK).c(ACK, after=0.001), "clean", remark="half-closed")


@case
def all_in_few_packets():
    """T/TCP's way: SYN with data and FIN in the next packets, answer with FIN: clean."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02).c(FIN | PSH | ACK, b"question")
    expect(talk.s(FIN | PSH | ACK, b"answer", after=0.02).c(ACK), "clean")


@case
def keepalive_with_a_byte():
    """Keepalive probes with one byte of garbage (old stacks, some clients), answered: clean."""
    talk = Talk(timestamps=True).shake().ask()
    for _ in range(5):
        talk.c(ACK, b"\0", seq=talk.next[0] - 1, after=60).s(ACK, after=0.02)
    expect(talk.close(), "clean")


@case
def zero_window_probes_with_a_byte():
    """BSD's window probes carry the next byte; the window opens after 3 s: a stall, not a loss."""
    talk = Talk(timestamps=True).shake().c(PSH | ACK, b"d" * 1400).s(ACK, window=0, after=0.02)
    for after in (0.5, 1):
        talk.c(ACK, b"e", after=after, keep=True).s(ACK, window=0, after=0.02)
    talk.s(ACK, after=1, window=500).c(PSH | ACK, b"e" * 1000).s(ACK, after=0.02)
    expect(talk.close(), "clean", "zero-window-stall", outcomes=("clean", "degraded"), certain=True)


@case
def port_reused():
    """The same port again two minutes later, a higher number: two clean connections."""
    one = Talk(timestamps=True).shake().ask().close()
    two = Talk(timestamps=True, now=120, isn=(90_000_000, 800_000_000)).shake().ask().close()
    one.frames += two.frames
    expect(one, "clean")


@case
def syn_from_another_port():
    """A client (happy eyeballs) gives up a slow SYN silently and succeeds from another port."""
    first = Talk(timestamps=True).c(SYN, options=MSS)
    second = Talk(client=("192.0.2.1", 40001), timestamps=True, now=0.3).shake().ask().close()
    expect(second, "clean", others=(first,))


@case
def short_quote():
    """An ICMP error that quotes 8 bytes of TCP: it belongs to the SYN all the same."""
    talk = Talk().c(SYN, options=MSS)
    expect(talk.icmp(3, 13, talk.last_ip()), "firewall-rejected", outcomes=("failed",), certain=True)


@case
def quote_from_behind_a_nat():
    """An ICMP error whose quote still has inner addresses belongs to nobody here: the answer came."""
    talk = Talk(timestamps=True).c(SYN, options=MSS)
    quoted = talk.last_ip()
    talk.icmp(3, 3, quoted[:12] + b"\x0a\0\0\1" + quoted[16:])
    talk.s(SYN | ACK, options=MSS, after=0.02).c(ACK).ask().close()
    expect(talk, "clean")


@case
def soft_error_on_the_way():
    """A host-unreachable in mid-connection is soft: the repeat passes, the connection ends in order."""
    talk = Talk(timestamps=True).shake().ask().c(PSH | ACK, b"again", after=1, keep=True)
    talk.icmp(3, 1, talk.last_ip()).c(PSH | ACK, b"again", after=0.3).s(ACK, after=0.02)
    expect(talk.s(PSH | ACK, b"ok").c(ACK).close(), "clean", "loss-recovered",
           "host-unreachable", "firewall-rejected", outcomes=("clean", "degraded"), certain=True)


@case
def path_mtu_found():
    """Too big, says a router once; smaller segments pass: clean, with the remark."""
    talk = Talk(timestamps=True).shake().c(ACK, b"b" * 1440, keep=True)
    talk.icmp(3, 4, talk.last_ip(), rest=1400)
    talk.c(ACK, b"b" * 1340).c(PSH | ACK, b"b" * 100).s(ACK, after=0.02).s(PSH | ACK, b"ok").c(ACK)
    expect(talk.close(), "clean", remark="pmtu-discovered")


@case
def multipath_subflows():
    """MPTCP: a second subflow that joins and ends by RST (MP_TCPRST) is no failure of the application."""
    talk = Talk(timestamps=True).shake(options=MSS + SACK_OK + b"\1" + WSCALE + b"\x1e\4\1\1")
    talk.ask().close()
    join = Talk(client=("192.0.2.1", 40009), timestamps=True, now=0.1)
    join.shake(options=MSS + b"\x1e\x0c\x10\1" + bytes(8)).c(ACK, after=1)
    join.s(RST | ACK, options=b"\x1e\4\x80\2", after=1)
    expect(talk, "clean", others=(join,))
    expect(join, "clean", "linger-reset", "aborted", "unknown", "closed-with-unread-data",
           outcomes=("clean", "degraded", "unknown"))


@case
def both_ends_ask_at_once():
    """Simultaneous open: the SYNs cross, both answer: clean."""
    talk = Talk(client=("192.0.2.1", 5001), server=("192.0.2.2", 5002))
    talk.c(SYN, options=MSS).s(SYN, options=MSS)
    talk.c(SYN | ACK, seq=1000, options=MSS, after=0.01).s(SYN | ACK, seq=700000, options=MSS)
    talk.c(PSH | ACK, b"hi", after=0.01).s(ACK, after=0.01)
    expect(talk.close(), "clean")


OPTIONS = MSS + SACK_OK + b"\1" + WSCALE


@case
def censor_refuses_the_syn():
    """A censor answers the SYN by RST|ACK; the server's SYN|ACK comes all the same, and finds no socket."""
    for ttl, count in ((101, 1), (101, 3), (50, 1)):
        talk = Talk(timestamps=True, ttl=(64, 50)).c(SYN, options=OPTIONS)
        for n in range(count):
            talk.s(RST | ACK, seq=0, window=0, ttl=ttl, ident=0x4E21 + n, after=0.005)
        talk.s(SYN | ACK, options=OPTIONS, after=0.15).c(RST, seq=talk.next[0], window=0, ident=0)
        expect(talk, "forged-reset", outcomes=("failed",))


@case
def censor_refuses_one_of_two():
    """Only the repeat of the SYN is accepted after a RST|ACK to the first: nothing contradicts a closed port."""
    talk = Talk(timestamps=True).c(SYN, options=OPTIONS).s(RST | ACK, seq=0, window=0, ident=0, after=0.02)
    talk.c(SYN, seq=1000, options=OPTIONS, after=1).s(SYN | ACK, options=OPTIONS, after=0.02).c(ACK)
    expect(talk.ask().close(), "clean", "port-closed", "syn-lost", "unknown", "firewall-reset",
           outcomes=("clean", "degraded", "failed", "unknown"))


@case
def censor_in_the_handshake():
    """Seen at the server: a forged RST ends the half-open request, then the client's ACK and data arrive."""
    talk = Talk(timestamps=True, ttl=(50, 64)).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS)
    talk.c(RST, ttl=99, ident=777, window=0, after=0.02)
    talk.c(ACK, after=0.13).s(RST, window=0, ident=0).c(PSH | ACK, b"GET", after=0.001)
    expect(talk.s(RST, window=0, ident=0), "forged-reset", outcomes=("failed",), certain=True)


@case
def unreachable_says_the_one_accepted_says_the_other():
    """An ICMP error ends connect(); the SYN|ACK to the very same SYN shows that nothing was in the way."""
    talk = Talk(timestamps=True, ttl=(64, 50)).c(SYN, options=OPTIONS)
    talk.icmp(3, 13, talk.last_ip(), after=0.005)
    talk.s(SYN | ACK, options=OPTIONS, after=0.15).c(RST, seq=talk.next[0], window=0, ident=0)
    expect(talk, "firewall-rejected", "unknown", "injected-segment", outcomes=("failed", "unknown"))


@case
def scanner_goes_on():
    """A SYN scan: the scanner's kernel resets the SYN|ACK, because it knows of no such connection."""
    talk = Talk(timestamps=True).c(SYN, options=OPTIONS).s(SYN | ACK, options=OPTIONS, after=0.02)
    expect(talk.c(RST, window=0, ident=0), "connect-aborted", "port-scan", "clean", "unknown",
           outcomes=("clean", "failed", "unknown"))


def unanswered(repeats):
    """A request, and its repeats by a Linux kernel on a short path: 3.2 s for five."""
    talk = Talk(timestamps=True).shake(rtt=0.001).ask().c(PSH | ACK, b"again", after=1, keep=True)
    for step in range(repeats):
        talk.c(PSH | ACK, b"again", after=0.01 if not step else 0.21 * 2 ** (step - 1), keep=True)
    return talk


@case
def capture_ends_in_the_outage():
    """Five repeats in three seconds, and the capture ends: a path may take that long to be rerouted."""
    expect(unanswered(5), "peer-vanished", "unknown", outcomes=("unknown",))


@case
def capture_outlives_the_repeats():
    """The same, and the capture goes on for half a minute without another repeat: given up."""
    later = Talk(client=("192.0.2.1", 40055), now=36).shake().ask().close()
    expect(unanswered(5), "peer-vanished", outcomes=("failed",), others=(later,))


def crowd(count, answered, repeats=0, hosts=250, seconds=5.0):
    """@count SYNs to one port within @seconds; each of @answered draws SYN|ACKs that nobody takes."""
    talks = []
    for i in range(count):
        talk = Talk(client=(f"198.51.100.{1 + i % hosts}", 1024 + i), now=i * seconds / count,
                    isn=(i * 7919 + 1, i * 104729 + 5)).c(SYN, options=OPTIONS)
        for step in range(repeats):
            talk.c(SYN, seq=i * 7919 + 1, options=OPTIONS, after=2 ** step)
        if answered(i):
            talk.s(SYN | ACK, options=OPTIONS)
            for step in range(5):
                talk.s(SYN | ACK, options=OPTIONS, seq=talk.next[1] - 1, after=2 ** step)
        talks.append(talk)
    return talks


def verdicts(talks):
    return sorted({(f["verdict"], f["outcome"]) for f in told(*talks)})


@case
def one_flood_one_verdict():
    """A flood is one event: the SYNs that the full queue drops belong to it like those that are answered."""
    for answered in (lambda i: True, lambda i: i < 60, lambda i: i % 3 == 0):
        got = verdicts(crowd(200, answered))
        assert got == [("syn-flood", "failed")], got


@case
def flood_into_a_void():
    """SYNs of many hosts, none repeated, none answered: a flood whose answers are not seen here."""
    later = Talk(client=("192.0.2.1", 40055), server=("192.0.2.3", 81), now=9).shake().ask().close()
    got = verdicts([*crowd(200, lambda i: False), later])
    assert got == [("clean", "clean"), ("syn-flood", "failed")], got


@case
def filter_for_syns():
    """A capture taken with `tcp[tcpflags] & tcp-syn != 0` shows the SYNs of healthy connections: no failure."""
    talks = [Talk(client=(f"198.51.100.{1 + i}", 1024 + i), now=i * 0.05).c(SYN, options=OPTIONS)
             for i in range(200)]
    got = verdicts(talks)
    assert not any(outcome == "failed" for _, outcome in got), got
    for talk in talks:
        talk.s(SYN | ACK, options=OPTIONS, after=0.001)
    got = verdicts(talks)
    assert not any(outcome == "failed" for _, outcome in got), got


@case
def clients_of_a_dead_server():
    """Real clients repeat their SYNs: many of them at a dead server are no flood."""
    got = verdicts(crowd(100, lambda i: False, repeats=4))
    assert got == [("syn-unanswered", "failed")], got


@case
def one_impatient_client():
    """One host that gives up each connect() after half a second and tries again is no flood."""
    later = Talk(client=("192.0.2.1", 40055), server=("192.0.2.3", 81), now=60).shake().ask().close()
    got = verdicts([*crowd(100, lambda i: False, hosts=1, seconds=50), later])
    assert not any(verdict == "syn-flood" for verdict, _ in got), got


@case
def fin_that_its_sender_denies():
    """A forged FIN without any mark of its own (ids 0): the client goes on acknowledging from below it."""
    talk = Talk(timestamps=True, idents=("zero", "zero")).shake().ask()
    talk.c(FIN | ACK, keep=True).s(ACK, ack=talk.next[0] + 1, after=0.02)
    talk.c(ACK, after=0.0001, keep=True).s(PSH | ACK, b"news", ack=talk.next[0] + 1, after=1)
    talk.c(ACK, after=0.0001, keep=True)
    expect(talk, "injected-segment", "desynchronized", outcomes=("failed", "degraded", "unknown"))


@case
def probes_after_a_fin():
    """Keepalive probes of an end that has sent its FIN stand at the FIN's number: they deny nothing."""
    talk = Talk(timestamps=True).shake().ask().c(FIN | ACK).s(ACK, after=0.02)
    for _ in range(4):
        talk.c(ACK, seq=talk.next[0] - 1, after=60).s(ACK, after=0.02)
    expect(talk, "clean", "close-wait-leak", outcomes=("clean", "unknown", "failed"))


def abort(talk, side, after):
    """What Linux writes when a program aborts: RST|ACK with timestamps and a live window."""
    talk.now += after
    stamp = struct.pack(">II", int(talk.now * 1000) + (5000, 90000)[side], talk.heard[side])
    return talk.send(side, RST | ACK, after=0, options=b"\1\1\x08\x0a" + stamp)


@case
def abort_amid_keepalive_probes():
    """Probes stay unanswered, and the program aborts for itself before the next is due: not keepalive's end."""
    talk = Talk(timestamps=True).shake().ask()
    for _ in range(3):
        talk.c(ACK, seq=talk.next[0] - 1, after=75)
    expect(abort(talk, 0, 10), "keepalive-timeout", "aborted", "peer-vanished", "linger-reset", "unknown",
           "clean", outcomes=("failed", "unknown", "degraded", "clean"))


@case
def keepalive_gives_up():
    """The same when the next probe was due: that is keepalive's end, for certain."""
    talk = Talk(timestamps=True).shake().ask()
    for _ in range(9):
        talk.c(ACK, seq=talk.next[0] - 1, after=75)
    expect(abort(talk, 0, 75), "keepalive-timeout", outcomes=("failed",), certain=True)


@case
def closed_window_that_nobody_minds():
    """A full buffer is read after 5 s, but the sender had nothing more to send: nobody waited."""
    talk = Talk(timestamps=True).shake()
    for _ in range(4):
        talk.c(ACK, b"d" * 1400)
    talk.s(ACK, window=0, after=0.02).s(ACK, after=5).c(PSH | ACK, b"later", after=20).s(ACK, after=0.02)
    expect(talk.close(), "clean")


@case
def closed_window_that_holds_up():
    """The same, with the rest on its way as soon as the window opens (a stack that probes late): a stall."""
    talk = Talk(timestamps=True).shake()
    for _ in range(4):
        talk.c(ACK, b"d" * 1400)
    talk.s(ACK, window=0, after=0.02).s(ACK, after=3).c(ACK, b"d" * 1400, after=0.001).s(ACK, after=0.02)
    expect(talk.close(), "zero-window-stall", outcomes=("degraded",), certain=True)


@case
def syn_meets_something_older():
    """The capture begins with a SYN that an ACK with other numbers answers: forgotten, or in TIME_WAIT? The way of the
    numbers tells."""
    def talk(old_ack):
        talk = Talk()
        talk.c(SYN, options=MSS, keep=True).s(ACK, after=0.02, seq=12345, ack=old_ack)
        talk.c(RST, seq=old_ack, window=0, ident=0).c(SYN, options=MSS, after=1)
        return talk.s(SYN | ACK, options=MSS, after=0.02).c(ACK).ask().close()
    finding = expect(talk(99999), "peer-rebooted", outcomes=("degraded",))
    if "time-wait-syn-dropped" not in [r["verdict"] for r in finding["rivals"]]:
        raise AssertionError("below the ACK's number a TIME_WAIT of another system does the same")
    finding = expect(talk(500), "peer-rebooted", outcomes=("degraded",))
    if "time-wait-syn-dropped" not in [r["verdict"] for r in finding["ruled_out"]]:
        raise AssertionError("a SYN above the ACK's number a TIME_WAIT takes")


@case
def another_number_after_a_second():
    """A SYN, and a second later another with another number, which is answered: of the first no end is seen."""
    talk = Talk().c(SYN, options=MSS)
    talk.next[0] = 50000
    talk.c(SYN, options=MSS, after=1).s(SYN | ACK, options=MSS, after=0.02).c(ACK).ask().close()
    finding = expect(talk, "unknown", outcomes=("unknown",))
    if "capture ends before" in " ".join(finding["missing"]):
        raise AssertionError(f"the capture goes on: {finding['missing']}")


@case
def old_ack_to_a_new_syn():
    """A SYN meets a connection that its client has forgotten: its ACK, with whatever numbers, is no quarrel."""
    for theirs in (88_888, 1_000_000_000, 3_000_000_000):
        talk = Talk(timestamps=True, isn=(500, 1)).c(SYN, options=OPTIONS)
        talk.s(ACK, seq=77777, ack=theirs, after=0.02).c(RST, seq=theirs, window=0, ident=0)
        talk.c(SYN, seq=500, options=OPTIONS, after=0.015).s(SYN | ACK, options=OPTIONS, after=0.02).c(ACK)
        expect(talk.ask().close(), "time-wait-syn-dropped", "peer-rebooted", "clean",
               outcomes=("degraded", "clean"))


@case
def host_found_too_late():
    """A router gives the host up, but its SYN|ACK comes after all: it is there, for certain it is not gone."""
    talk = Talk(timestamps=True)
    for after in (0, 1, 1):
        talk.next[0] = 1000
        talk.c(SYN, options=OPTIONS, after=after)
    quoted = talk.last_ip()
    talk.icmp(3, 1, quoted, after=1.07).icmp(3, 1, quoted).s(SYN | ACK, options=OPTIONS, after=0.05)
    expect(talk.c(RST, seq=1001, window=0, ident=0), "host-unreachable", "unknown", outcomes=("failed", "unknown"))


@case
def fin_repeated_on_a_slow_path():
    """The FIN's ACK takes longer than its timer: the repeat was needless, and nothing was lost."""
    for timestamps in (False, True):
        talk = Talk(timestamps=timestamps).shake(rtt=0.3).ask(rtt=0.3).c(FIN | ACK, keep=True)
        heard = talk.heard[1]
        talk.c(FIN | ACK, after=0.21)
        talk.heard[1] = heard
        talk.s(ACK, after=0.09).s(FIN | ACK, after=0.01).c(ACK)
        expect(talk, "clean", "fin-ack-lost", "reordering", "fin-lost", outcomes=("clean", "degraded"))


@case
def late_ack_without_timestamps():
    """No timestamps, an ACK that comes 310 ms after the data and 60 ms after its repeat: lost, or only late?"""
    talk = Talk().shake(rtt=0.05).ask(rtt=0.05)
    first = talk.next[0]
    talk.c(PSH | ACK, b"x" * 500).c(PSH | ACK, b"x" * 500, seq=first, after=0.25).s(ACK, after=0.06)
    expect(talk.s(PSH | ACK, b"ok").c(ACK).close(rtt=0.05), "loss-recovered", "clean", "reordering",
           outcomes=("degraded", "clean"))


@case
def balancer_after_a_short_pause():
    """A balancer with a short memory resets the client after 20 s; the server's own keepalive comes later."""
    talk = Talk(timestamps=True, ttl=(64, 50)).shake(rtt=0.05).ask(rtt=0.05).c(PSH | ACK, b"again", after=20)
    talk.s(RST | ACK, window=0, ttl=60, ident=77, after=0.005)
    talk.s(ACK, seq=talk.next[1] - 1, ack=talk.next[0] - 5, after=40).c(RST, window=0, ident=0)
    expect(talk, "idle-reset", "forged-reset", "firewall-reset", outcomes=("failed",))


@case
def idle_time_that_others_survive():
    """Two are reset after 60 s of silence, at different times; a third between the same hosts survives 90 s."""
    talks = []
    for number, (gap, dies) in enumerate(((60, True), (61, True), (90, False))):
        talk = Talk(client=("192.0.2.1", 40001 + number), timestamps=True, now=100 * number)
        talk.shake().ask().c(PSH | ACK, b"again", after=gap)
        if dies:
            talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
        else:
            talk.s(ACK, after=0.02).s(PSH | ACK, b"ok").c(ACK).close()
        talks.append(talk)
    expect(talks[0], "idle-reset", outcomes=("failed",), others=talks[1:2])
    expect(talks[0], "peer-rebooted", "firewall-reset", outcomes=("failed",), others=talks[1:])
    with_all, without = (told(*talks, all_of_them=flag)[0] for flag in (True, False))
    assert with_all == without, (with_all["summary"], without["summary"])


@case
def synack_refused_at_once():
    """SYN, SYN|ACK, bare RST within a round trip: a scan, a health check, a lost race; the three are told, none is said."""
    for there in (0.0001, 0.03):
        talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02)
        finding = expect(talk.c(RST, window=0, ident=0, after=there), "unknown", outcomes=("unknown",))
        assert "accepted the SYN" in finding["summary"] and "RST" in finding["summary"], finding["summary"]
        named = {rival["verdict"] for rival in finding["rivals"]}
        assert {"port-scan", "connect-aborted"} <= named, named


@case
def socket_gone_within_a_round_trip():
    """A bare RST 20 ms after its author's last ACK: no reboot is so fast; a reset or FIN forged towards it may be."""
    for pause, soon in ((0.0, True), (5.0, False)):
        talk = Talk(timestamps=True).shake().ask().s(PSH | ACK, b"more", after=pause)
        finding = expect(talk.c(RST, seq=talk.next[0], window=0, ident=0, after=0.02),
                         "peer-rebooted", outcomes=("failed",))
        named = {rival["verdict"] for rival in finding["rivals"]}
        assert (finding["confidence"] == "possible") == soon, finding["confidence"]
        assert ({"forged-reset", "injected-segment"} <= named) == soon, named


def aborted_in_the_servers_name(idents="count", **reset):
    """A request, acknowledged, then a RST|ACK of the server's own form and numbers."""
    talk = Talk(timestamps=True, idents=("count", idents))
    talk.shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    stamps = b"\1\1\x08\x0a" + struct.pack(">II", 90000 + int(talk.now * 1000) + 30, talk.heard[1])
    return talk.s(RST | ACK, after=0.03, options=stamps, window=502, **reset)


@case
def perfect_imitation_of_an_abort():
    """Who sees the connection writes a reset as the server would: nothing but an IP-ID in sequence speaks against it."""
    for talk, excluded in ((aborted_in_the_servers_name(), True), (aborted_in_the_servers_name(ident=0), False),
                           (aborted_in_the_servers_name("random"), False)):
        finding = expect(talk, "closed-with-unread-data", outcomes=("failed",))
        listed = finding["ruled_out" if excluded else "rivals"]
        assert "forged-reset" in {other["verdict"] for other in listed}, finding


def seen_again(data):
    """The frame as it looks behind a router."""
    header = bytearray(data[14:34])
    header[8] -= 1
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack(">H", craft.checksum(bytes(header)))
    return data[:6] + b"\2\0\0\0\0\x77" + data[12:14] + bytes(header) + data[34:]


def captured_at_both_ends(packets, path, whole=True):
    """A download of 100 packets per ms over a path of @path seconds: each packet at one end, then at the other."""
    talk, both = Talk(timestamps=True), []

    def put(at, side, flags, data=b"", **more):
        talk.now = at - 0.0001
        talk.send(side, flags, data, **more)
        frame = talk.frames.pop()[1]
        both.extend(((at, frame), (at + path, seen_again(frame))))

    options = MSS + SACK_OK + b"\1" + WSCALE
    put(0, 0, SYN, options=options)
    put(path, 1, SYN | ACK, options=options)
    put(2 * path, 0, ACK)
    put(2 * path + 0.0001, 0, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
    put(3 * path + 0.0002, 1, ACK)
    start, acked = 3 * path + 0.0003, talk.next[1]
    for number in range(packets):
        put(start + number / 100_000, 1, ACK, b"%100d" % number)
    for number in range(1, packets, 2):
        put(start + path + number / 100_000 + 0.000001, 0, ACK, ack=acked + 100 * (number + 1))
    end = start + packets / 100_000 + path + 0.001
    put(end, 1, FIN | ACK)
    put(end + path + 0.0001, 0, FIN | ACK)
    put(end + 2 * path + 0.0002, 1, ACK)
    talk.frames = sorted(both, key=lambda f: f[0])[0 if whole else 10:]
    return talk


@case
def both_ends_of_a_fat_long_path():
    """More is under way than is remembered; what is seen the second time is no repeat, no loss and no forgery."""
    for packets, path, whole in ((300, 0.002, True), (300, 0.002, False), (6000, 0.02, True), (6000, 0.02, False)):
        expect(captured_at_both_ends(packets, path, whole), "clean")


def asked(rounds, asker="192.0.2.1"):
    """An open connection whose server's address is asked for @rounds times in vain."""
    talk = Talk(timestamps=True).shake().ask()
    for _ in range(rounds):
        talk.arp(asker, "192.0.2.2")
    return talk


@case
def host_that_is_gone():
    """The client asks for the server's address again and again: what it sends cannot leave. No other sign."""
    expect(asked(8), "peer-vanished", outcomes=("unknown",))
    with_all, without = (told(asked(8), all_of_them=flag)[0] for flag in (True, False))
    assert with_all == without, (with_all, without)


@case
def one_round_of_questions():
    """Three questions, as they verify an old entry, and no more: nobody has anything to send."""
    expect(asked(3), "clean")


@case
def questions_of_a_third_host():
    """Broadcast questions of somebody else are seen, the answers, which are not broadcast, are not."""
    expect(asked(20, "192.0.2.77"), "clean")


@case
def host_that_is_back():
    """After many questions it answers, or simply goes on: an outage, and nothing failed."""
    expect(asked(8).arp("192.0.2.1", "192.0.2.2", answer=True), "clean")
    expect(asked(8).ask(), "clean")
    expect(asked(8).ask().close(), "clean")


def repeated(gaps, **more):
    """The client's request and its repeats after @gaps; nobody answers."""
    talk = Talk(**more).shake().ask().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=1)
    at = talk.next[0] - 18
    for gap in gaps:
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", seq=at, after=gap)
    return talk


@case
def other_kernels_end_their_repeats_by_a_reset():
    """Windows after five, BSD and macOS after more: what ended it is the silence, nobody aborted on purpose."""
    windows = repeated((0.3, 0.6, 1.2, 2.4, 4.8), ttl=(128, 54)).c(RST | ACK, after=9.6, window=0)
    expect(windows, "peer-vanished", outcomes=("failed",))
    macos = repeated((0.3, 0.5, 0.9, 1.8, 3.6, 7.2, 14, 28), timestamps=True, idents=("zero", "count"))
    expect(macos.c(RST | ACK, after=32, window=2048), "peer-vanished", outcomes=("failed",))
    # one lost segment and a program that aborts a moment later is no silence
    expect(repeated((0.3,)).c(RST | ACK, after=0.1), "linger-reset", "aborted", outcomes=("failed",))


@case
def late_data_refused_by_rst_with_ack():
    """Windows and lwIP write RST|ACK where Linux writes a bare RST; the FIN before it tells what it is."""
    for window in (0, 5840):
        talk = Talk(**WINDOWS).shake().ask().s(FIN | ACK).c(ACK, after=0.02)
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=2).s(RST | ACK, after=0.02, window=window)
        expect(talk, "data-after-close", outcomes=("failed",))


@case
def answer_too_late_with_the_servers_fin_behind_it():
    """The client gave up after six seconds; that the server closes behind its answer does not make it good."""
    talk = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    talk.c(FIN | ACK, after=6).s(ACK, after=0.06).s(PSH | ACK, b"HTTP/1.1 200 OK\r\n" + b"x" * 100, after=0.3)
    ack = talk.next[0]
    talk.s(FIN | ACK, after=0.00001)
    expect(talk.c(RST, after=0.0001, seq=ack, window=0, ident=0), "data-after-close", outcomes=("failed",))
    # a subscriber that leaves had its answer; what the server still pushes is no answer
    talk = Talk().shake().ask().c(FIN | ACK, after=6).s(ACK, after=0.06).s(PSH | ACK, b"event 12\n", after=0.3)
    ack = talk.next[0]
    expect(talk.s(FIN | ACK, after=0.00001).c(RST, after=0.0001, seq=ack, window=0, ident=0), "clean")


@case
def abort_behind_a_closed_window():
    """The probes of a closed window look like keepalive's, and the last one was answered: the program gave up."""
    talk = Talk().shake().c(PSH | ACK, b"x" * 1448).s(ACK, window=0, after=0.02)
    for gap in (0.2, 0.4, 0.8):
        talk.c(ACK, seq=talk.next[0] - 1, after=gap).s(ACK, window=0, after=0.02)
    expect(talk.c(RST | ACK, after=0.3), "linger-reset", "aborted", "zero-window-stall",
           outcomes=("failed", "degraded"))


@case
def foreign_segments_that_were_refused():
    """Beyond the window, or an ACK of what was never sent: refused, and the connection goes on undisturbed."""
    for flags, data, ahead, acks in ((PSH | ACK, b"x" * 100, 30_000_000, 0), (ACK, b"", 0, 100_000),
                                     (FIN | ACK, b"", 30_000_000, 0), (FIN | ACK, b"", 30_000_000, 9000)):
        talk = Talk().shake().ask().ask()
        talk.c(flags, data, seq=talk.next[0] + ahead, ack=talk.next[1] + acks, ttl=58, ident=0x2222,
               after=0.5).s(ACK, after=0.02).ask().ask().close()
        expect(talk, "invalid-segment", outcomes=("degraded", "clean"))


@case
def censor_drops_what_it_read():
    """A filter lets the handshake pass and drops the first data, while the port serves others: no queue need be full."""
    talk = Talk(timestamps=True).shake()
    for after in (0.001, 0.22, 0.44, 0.88, 1.76):
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\nHost: banned.example\r\n\r\n", seq=1001, after=after)
    others = [Talk(client=("192.0.2.77", 40000 + i), timestamps=True, now=i * i).shake().ask().close()
              for i in range(4)]
    finding = expect(talk, "accept-queue-full", "firewall-dropped", "peer-vanished",
                     outcomes=("failed", "unknown"), others=others)
    named = {finding["verdict"], *(rival["verdict"] for rival in finding["rivals"])}
    assert finding["confidence"] == "possible" and "firewall-dropped" in named, finding


@case
def gives_up_by_a_reset():
    """A TCP of user space numbers from 0, repeats its SYN each second, hears no answer, and resets both ends at last."""
    talk = Talk(ttl=(54, 63), idents=("zero", "zero"), isn=(0, 0))
    for again in range(6):
        talk.c(SYN, options=MSS, seq=0, window=65535, after=again and 1.0)
        talk.s(SYN | ACK, options=MSS, seq=0, ack=1, window=65535, after=0.0003)
    finding = expect(talk.c(RST, seq=0, window=65535, after=1).s(RST, seq=0, window=65535, after=0.0003),
                     "syn-ack-lost", "firewall-dropped", "unknown", outcomes=("failed", "unknown"))
    assert "does not end" not in finding["summary"], finding["summary"]


def answered_past_the_nat(seen_behind):
    """Two attempts at an address that is translated; @seen_behind: the translated SYN passes the capture, too."""
    client = ("10.244.1.192", 38530)
    asks = Talk(client=client, server=("10.103.175.29", 7800), timestamps=True, isn=(1582609996, 0))
    heard = Talk(client=client, server=("10.244.1.189", 7801), timestamps=True, isn=(1582609996, 0))
    for again in range(2):
        asks.c(SYN, options=OPTIONS, seq=1582609996, after=float(again), ident=700 + again)
        heard.now, heard.heard[0] = asks.now, asks.heard[0]
        if seen_behind:
            heard.c(SYN, options=OPTIONS, seq=1582609996, ident=700 + again, ttl=63)
        heard.heard[0] = heard.heard[1] = asks.heard[1]
        heard.s(SYN | ACK, options=OPTIONS, seq=1000 + 20000 * again, ack=1582609997, ident=0)
        heard.c(RST, seq=1582609997, window=0, ident=0)
    return asks, heard


@case
def answered_from_behind_the_nat():
    """A service's address is translated on the way there and not on the way back: each SYN|ACK is refused."""
    for seen_behind in (False, True):
        for finding in told(*answered_past_the_nat(seen_behind)):
            assert finding["verdict"] == "conntrack-invalid-reset" and finding["outcome"] == "failed", finding


@case
def keepalives_in_a_capture_that_begins_between_them():
    """Nothing tells that a probe stands one below SND.NXT; an ACK for ACK with one number more is no quarrel. With two more it is."""
    for more, verdict in ((1, "clean"), (2, "desynchronized")):
        talk = Talk(isn=(5000, 9000))
        for _ in range(5):
            talk.c(ACK, after=60).s(ACK, ack=talk.next[0] + more, after=0.002)
        if more == 1:
            talk.next[0] += 1
            talk.s(FIN | ACK, after=20).c(PSH | ACK, b"x" * 24).c(FIN | ACK).s(RST, seq=talk.next[1], window=0, ident=0, after=0.002)
        else:
            for _ in range(4):
                talk.c(PSH | ACK, b"x" * 24, keep=True, after=1).s(ACK, ack=talk.next[0] + more, after=0.002)
            talk.c(RST | ACK, after=1)
        assert told(talk)[0]["verdict"] == verdict, told(talk)[0]["summary"]


@case
def keepalives_that_end_unanswered_in_such_a_capture():
    talk = Talk(isn=(5000, 9000))
    for _ in range(3):
        talk.c(ACK, after=60).s(ACK, ack=talk.next[0] + 1, after=0.002)
    for wait in (60, 10, 10, 10, 10):
        talk.c(ACK, after=wait)
    finding = expect(talk.c(RST | ACK, seq=talk.next[0] + 1, window=502, after=10), "keepalive-timeout", outcomes=("failed",),
                     certain=True)
    assert finding["summary"].startswith("5 keepalive probes"), finding["summary"]


@case
def scanner_with_one_number():
    """A scanner asks many hosts with one port and one number; who answers does so for himself."""
    talks = []
    for host, answers in ((2, False), (3, True), (4, False)):
        talk = Talk(client=("192.0.2.1", 61000), server=(f"192.0.2.{host + 100}", 443), now=host * 0.001)
        talk.c(SYN, options=MSS, ident=host * 9973)
        if answers:
            talk.s(SYN | ACK, options=MSS).c(RST, window=0, ident=0)
        talks.append(talk)
    verdicts = [finding["verdict"] for finding in told(*talks)]
    assert "conntrack-invalid-reset" not in verdicts, verdicts


@case
def synacks_with_a_wrong_checksum():
    """A home-made TCP answers each SYN with a wrong checksum: lost it may be, or dropped for that."""
    talk = Talk(timestamps=True)
    for after in (0, 1, 2, 4):
        talk.c(SYN, options=OPTIONS, seq=1000, after=after)
        talk.s(SYN | ACK, options=OPTIONS, seq=700000, ack=1001, after=0.0005)
        at, frame = talk.frames[-1]
        talk.frames[-1] = (at, frame[:50] + bytes(byte ^ 0x5A for byte in frame[50:52]) + frame[52:])
    finding = expect(talk, "syn-ack-lost", "invalid-segment", outcomes=("failed",))
    assert "invalid-segment" in (finding["verdict"], *(rival["verdict"] for rival in finding["rivals"])), finding


@case
def closed_without_an_answer():
    """Where the protocol has each request answered, a FIN in its place is a failure; elsewhere many only listen."""
    query, hello = b"SELECT 1\0", b"\x16\3\1\2\0\1\0\1\xfc\3\3" + bytes(506)
    for words, greeted, failed in (
            (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", False, True), (hello, False, True),
            (b"POST /job HTTP/1.1\r\nHost: here\r\n\r\n" + b"x" * 1400, True, True),
            (b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n", True, True),
            (b"Q" + struct.pack(">I", 4 + len(query)) + query, True, True),
            (struct.pack("<I", 9) + b"\3SELECT 1", True, True),
            # a replica's report, a farewell, data for one who only listens, and what TLS hides
            (b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n7\r\n", True, False), (b"QUIT\r\n", True, False),
            (b"X\0\0\0\4", True, False), (b"<134>1 2026-11-21 log line\n", False, False),
            (b"GETTING ON", False, False), (b"\x17\3\3\1\0" + bytes(256), True, False)):
        talk = Talk(timestamps=True).shake()
        if greeted:
            talk.c(PSH | ACK, b"\0\0\0\x10login").s(ACK, after=0.02).s(PSH | ACK, b"welcome", after=0.01).c(ACK)
        talk.c(PSH | ACK, words).s(ACK, after=0.02)
        if failed:
            expect(talk.close(first=1), "process-died", outcomes=("failed",))
        else:
            expect(talk.close(first=1), "clean")
    # answered, also if but by a word; and a client that closes first has not waited for one
    talk = Talk(timestamps=True).shake().ask(answer=b"H")
    expect(talk.close(first=1), "clean")
    expect(Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02).close(), "clean")


@case
def farewell_crosses_the_close():
    """A server closes an idle connection just when the client says goodbye: the reset takes nothing; a request it does."""
    for word, verdicts, outcome in ((b"QUIT\r\n", ("clean",), "clean"), (b"X\0\0\0\4", ("clean",), "clean"),
                                    (b"*1\r\n$4\r\nQUIT\r\n", ("clean",), "clean"),
                                    (b"PING\r\n", ("keepalive-race", "data-after-close"), "failed"),
                                    (b"*1\r\n$4\r\nPING\r\n", ("keepalive-race", "data-after-close"), "failed")):
        talk = Talk(timestamps=True).shake().ask().ask().s(FIN | ACK, after=5)
        end = talk.next[1]
        talk.c(PSH | ACK, word, ack=end - 1).s(RST, seq=end - 1, window=0, ident=0, after=0.02)
        expect(talk, *verdicts, outcomes=(outcome,))


@case
def goodbye_leaves_just_before_the_close_arrives():
    """The same next to the client: its goodbye stands before the FIN that it crosses; a request there is lost as ever."""
    alert = b"\x15\3\3\0\x1a" + bytes(26)
    for word, verdicts, outcome in ((alert, ("clean",), "clean"), (b"QUIT\r\n", ("clean",), "clean"),
                                    (b"GET / HTTP/1.1\r\n\r\n", ("data-after-close", "keepalive-race"), "failed")):
        talk = Talk(timestamps=True).shake().ask().s(PSH | ACK, alert, after=0.005).c(ACK)
        heard = talk.next[0]
        talk.c(PSH | ACK, word).s(FIN | ACK, ack=heard, after=0.000001)
        end = talk.next[1]
        expect(talk.s(RST, seq=end - 1, window=0, ident=0, after=0.02), *verdicts, outcomes=(outcome,))


@case
def farewell_crosses_the_last_words():
    """The server times out, says so and closes; QUIT crosses that, and the reset that it draws is old on arrival."""
    talk = Talk(timestamps=True).shake().s(PSH | ACK, b"220 here\r\n").c(ACK)
    talk.c(PSH | ACK, b"EHLO me\r\n", after=0.01).s(PSH | ACK, b"250 well\r\n", after=0.02).c(ACK)
    heard = talk.next[1]
    talk.s(PSH | ACK, b"421 timeout\r\n", after=300).s(FIN | ACK)
    end = talk.next[1]
    talk.c(PSH | ACK, b"QUIT\r\n", ack=heard).c(FIN | ACK, ack=end, after=0.02)
    talk.s(RST, seq=heard, window=0, ident=0, after=0.0001).s(RST, seq=end, window=0, ident=0, after=0.02)
    expect(talk, "clean")



@case
def bridge_before_a_windows_server():
    """A Linux that filters as a bridge, or a proxy beside it, resets with 64 less its way, the server speaks with 128 less the same."""
    talk = Talk(ttl=(64, 118), timestamps=True).shake().ask().ask().c(PSH | ACK, b"GET /a HTTP/1.1\r\n\r\n", after=3)
    finding = expect(talk.s(RST, seq=talk.next[1], window=0, ident=0, ttl=54, after=0.02), "idle-reset", "firewall-reset",
                     "forged-reset", "aborted", "unknown", outcomes=("failed", "unknown"))
    assert finding["culprit"] != "server-host", finding["summary"]



@case
def losses_of_a_long_connection():
    """Three segments are lost and come again. Of 6000 packets not every record is kept, and the count is not the last word."""
    for segments in (300, 3000):
        talk = Talk(timestamps=True).shake(rtt=0.001).c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
        for n in range(segments):
            if n not in (50, segments // 2, segments - 50):
                talk.s(ACK, bytes(1400), after=0.0001).c(ACK, after=0.0001)
                continue
            lost = talk.next[1]
            talk.next[1] += 1400
            for _ in range(4):
                talk.s(ACK, bytes(1400), after=0.0001)
                talk.c(ACK, ack=lost, after=0.0001, options=b"\1\1\5\x0a" + struct.pack(">II", lost + 1400, talk.next[1]))
            talk.s(ACK, bytes(1400), seq=lost, after=0.002).c(ACK, after=0.0001)
        finding = expect(talk.close(), "loss-recovered", outcomes=("degraded",), certain=True)
        assert ("may have been more" in finding["summary"]) == (segments > 300), finding["summary"]



def answered_after(wait, ttl, stamps):
    """403 and FIN to a request whose SYN|ACK took 64 ms; the ACK of it draws a reset."""
    talk = Talk(timestamps=True, ttl=(64, 50), idents=("count", "zero")).shake(rtt=0.064)
    talk.c(PSH | ACK, b"GET /forbidden HTTP/1.1\r\n\r\n")
    talk.timestamps = stamps
    talk.s(PSH | FIN | ACK, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", after=wait, ttl=ttl, ident=0x547e)
    talk.timestamps = True
    talk.c(ACK, after=0.04)
    return talk.s(RST, window=0, ident=0, after=0.064)


@case
def answer_from_too_near():
    """A filter answers in the server's name: sooner than the server can, from nearer, and without the timestamps that were agreed on. Each sign alone is none."""
    finding = expect(answered_after(0.002, 60, False), "injected-segment", outcomes=("failed",))
    assert finding["confidence"] == "possible", finding["confidence"]
    for signs in ((0.064, 60, False), (0.002, 50, False), (0.002, 60, True)):
        finding = told(answered_after(*signs), all_of_them=True)[0]
        assert finding["verdict"] != "injected-segment", (signs, finding["summary"])


if __name__ == "__main__":
    main()
