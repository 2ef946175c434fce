#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Captures that people printed where they asked for help, with what turned out to be the cause; told again with
packets of our own.

usage: TCPWHY=build/tcpwhy tests/published.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, SACK_OK, WSCALE, Talk, as_pcap, expect, objects, told

FULL, PING = b"\x5a" * 1460, b"ping 123"


def rivals(finding):
    return {rival["verdict"] for rival in finding["rivals"]}


# ---- keepalive: the plug is pulled, and the capture ends before the kernel gives up ----

def probes(talk, count, every=10, answered=0):
    for n in range(count):
        talk.c(ACK, seq=talk.next[0] - 1, after=every)
        if n < answered:
            talk.s(ACK, after=0.02)
    return talk


@case
def keepalive_probes_unanswered():
    finding = expect(probes(Talk(timestamps=True).shake().ask(), 5), "peer-vanished", outcomes=("failed",))
    assert finding["confidence"] == "likely" and "5 over 40.0 s" in finding["summary"], finding
    assert "idle-blackholed" in rivals(finding)


@case
def two_keepalive_probes_unanswered():
    """Two may be lost."""
    finding = expect(probes(Talk(timestamps=True).shake().ask(), 2), "peer-vanished", outcomes=("unknown",))
    assert finding["confidence"] in (None, "possible"), finding


@case
def keepalive_probes_answered_but_the_last():
    expect(probes(Talk(timestamps=True).shake().ask(), 5, answered=4), "clean")


@case
def keepalive_probes_answered_once_again():
    talk = probes(Talk(timestamps=True).shake().ask(), 3)
    expect(talk.c(ACK, seq=talk.next[0] - 1, after=10).s(ACK, after=0.02), "clean")


@case
def keepalive_probes_of_which_the_capture_has_one_side():
    """Where nothing of the other end was captured, its answers were not either."""
    talk = Talk(timestamps=True).shake().ask()
    talk.frames = []
    finding = told(probes(talk, 6))[0]
    assert finding["verdict"] != "peer-vanished" and finding["outcome"] != "failed", finding


@case
def keepalive_probes_without_the_acks():
    """Windows puts a byte into its probes; a filter that wants data keeps these, and not the answers."""
    talk = Talk().ask()
    talk.frames = [frame for frame in talk.frames if len(frame[1]) > 54]
    for _ in range(6):
        talk.c(ACK, b"\0", seq=talk.next[0] - 1, after=10)
    finding = told(talk)[0]
    assert finding["verdict"] != "peer-vanished" and finding["outcome"] != "failed", finding


# ---- a window of 0 that holds nobody up ----

def answered_to_the_end():
    """Request, answer and the server's FIN, all acknowledged."""
    talk = Talk().shake(options=MSS).ask()
    return talk.s(FIN | ACK).c(ACK, window=0, after=0.01)


@case
def window_closed_behind_the_fin():
    """Nothing of the server waits any more."""
    talk = answered_to_the_end()
    expect(talk.c(FIN | ACK, window=0, after=30).s(ACK), "clean")


@case
def window_closed_behind_the_fin_and_a_reset_that_misses():
    """A balancer resets with a number one too high, and the server keeps the connection."""
    talk = answered_to_the_end()
    talk.c(RST, seq=talk.next[0] + 1, window=0, after=3.5).s(ACK, window=0, after=0.001)
    finding = expect(talk, "invalid-segment", outcomes=("unknown", "clean"))
    assert "does not fit" in finding["summary"], finding["summary"]


def syns_answered_by_acks(window, count=4, refused=False):
    """The server holds an older connection on these ports."""
    talk = Talk(timestamps=False)
    at = talk.next[0]
    for n in range(count):
        talk.c(SYN, seq=at, options=MSS, after=2 ** n)
        talk.s(ACK, seq=900000, ack=at - 70000, window=window, after=0.0002)
        if refused:
            talk.c(RST, seq=at - 70000, window=0, ident=0)
    return talk


@case
def acks_in_place_of_syn_acks():
    """The client's resets are not in the capture: dropped on the way, or filtered out."""
    finding = expect(syns_answered_by_acks(8192), "peer-rebooted", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "conntrack-invalid-reset" in rivals(finding), finding


@case
def acks_in_place_of_syn_acks_with_a_closed_window():
    """There is no connection whose window this were."""
    expect(syns_answered_by_acks(0), "peer-rebooted", outcomes=("failed",))


@case
def acks_in_place_of_syn_acks_that_are_refused():
    finding = expect(syns_answered_by_acks(0, refused=True), "peer-rebooted", outcomes=("failed",))
    assert finding["confidence"] == "likely", finding


@case
def window_closed_while_the_fin_waits():
    """The FIN is not taken: nobody is held up in send()."""
    talk = Talk().shake(options=MSS).ask()
    talk.s(ACK, window=len(FULL)).c(PSH | ACK, FULL).s(ACK, window=0, after=0.01)
    at = talk.next[0]
    talk.c(FIN | ACK, seq=at, after=1)
    for n in range(4):
        talk.s(ACK, ack=at, window=0, after=0.001).c(FIN | ACK, seq=at, after=0.3 * 2 ** n)
    talk.s(ACK, ack=at, window=0, after=0.001)
    finding = expect(talk, "zero-window-stall", outcomes=("failed",))
    assert "its FIN" in finding["summary"], finding["summary"]


# ---- large segments do not pass, and the end that waits for them gives up ----

def at_the_server(options=MSS + SACK_OK + b"\1" + WSCALE):
    """Taken where the server is."""
    talk = Talk(ttl=(57, 64)).c(SYN, options=options)
    return talk.s(SYN | ACK, options=options).c(ACK, after=0.02)


def big_answer_lost(talk, tail=True, sack=True):
    """The first segment of the answer never comes; its short end does."""
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK)
    at = talk.next[1]
    talk.s(ACK, FULL, after=0.01)
    if tail:
        first = talk.next[1]
        talk.s(PSH | ACK, b"end of it" * 30)
        block = b"\1\1\5\x0a" + first.to_bytes(4, "big") + talk.next[1].to_bytes(4, "big")
        talk.c(ACK, ack=at, options=block if sack else b"", after=0.02)
    for n in range(5):
        talk.s(ACK, FULL, seq=at, after=0.3 * 2 ** n)
    return talk, at


@case
def black_hole_behind_which_both_close():
    """The server has closed behind its answer, and the client gives up with a reset: it was owed all of it."""
    talk, at = big_answer_lost(at_the_server())
    talk.s(FIN | ACK, after=1).c(RST | ACK, ack=at, after=3)
    finding = expect(talk, "pmtu-blackhole", outcomes=("failed",))
    assert finding["confidence"] == "likely", finding


@case
def black_hole_without_sack():
    """A duplicate ACK is all that tells of the short segment; a proxy aborts after a minute."""
    talk, at = big_answer_lost(at_the_server(MSS), sack=False)
    talk.c(RST | ACK, ack=at, after=40)
    expect(talk, "pmtu-blackhole", outcomes=("failed",))


@case
def lost_answer_and_a_reset():
    """Nothing of the answer came, large or small: its size is not the reason."""
    talk, at = big_answer_lost(at_the_server(), tail=False)
    finding = told(talk.s(FIN | ACK, after=1).c(RST | ACK, ack=at, after=3))[0]
    assert finding["outcome"] in ("failed", "unknown"), finding
    assert finding["verdict"] != "pmtu-blackhole" or finding["confidence"] == "possible", finding


@case
def client_that_has_enough():
    """Half of the answer is on its way when the client closes by reset, and the server has sent its FIN: no harm."""
    talk = Talk(ttl=(64, 57)).shake()
    talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    at = talk.next[1]
    talk.s(ACK, FULL, after=0.01).s(ACK, FULL).s(FIN | PSH | ACK, FULL)
    finding = told(talk.c(ACK, ack=at + 1460, after=0.02).c(RST | ACK, ack=at + 1460, after=0.001))[0]
    assert finding["outcome"] in ("clean", "degraded"), finding


@case
def hole_that_nobody_fills():
    """Three duplicate ACKs, ten minutes of silence, then the sender's FIN: it forgot the segment."""
    talk = Talk().shake(options=MSS).ask()
    at = talk.next[1]
    talk.next[1] += 1460
    for _ in range(3):
        talk.s(ACK, FULL).c(ACK, ack=at)
    finding = told(talk.s(FIN | ACK, after=600))[0]
    assert finding["outcome"] == "unknown" and "1460 bytes" in finding["summary"], finding


@case
def hole_and_a_close():
    """A reply is missing; the client waits for a minute, closes, and refuses the server's FIN."""
    talk = Talk().shake()
    talk.c(PSH | ACK, b"call" * 30).s(ACK, after=0.0002)
    at = talk.next[1]
    talk.next[1] += 4112
    talk.s(PSH | ACK, b"reply" * 18, after=0.0002)
    block = b"\1\1\5\x0a" + (at + 4112).to_bytes(4, "big") + talk.next[1].to_bytes(4, "big")
    talk.c(ACK, ack=at, options=block).c(FIN | ACK, ack=at, options=block, after=60)
    finding = told(talk.s(FIN | ACK, after=0.0001).c(RST, window=0, ident=0, after=0.0001))[0]
    assert finding["outcome"] in ("unknown", "failed") and "4112 bytes" in finding["summary"], finding


# ---- resets: who wrote them, and were they heard? ----

@case
def refused_handshake_and_a_fin():
    """The client's host refuses the SYN|ACK and, a minute later, the FIN: it knows of no such connection."""
    talk = Talk().s(SYN | ACK, options=MSS).c(RST, ack=0, window=0, ident=0)
    talk.next[0] += 1
    finding = told(talk.s(FIN | ACK, after=57).c(RST, window=0, ident=0))[0]
    assert finding["outcome"] == "unknown", finding


@case
def reset_with_the_number_of_the_fin():
    """A phone resets with the number of its FIN; older stacks do not take that, and go on sending for minutes."""
    talk = Talk().shake().ask().c(FIN | ACK).s(ACK, after=0.02)
    talk.c(RST, seq=talk.next[0] - 1, window=0, ident=0, after=0.001)
    at = talk.next[1]
    for n in range(7):
        talk.s(PSH | ACK, FULL[:900], seq=at, after=0.3 * 2 ** n)
    finding = expect(talk, "peer-vanished", outcomes=("failed",))
    assert finding["application"]["server"]["call"] == "send", finding["application"]


@case
def reset_with_the_number_of_the_fin_that_is_taken():
    talk = Talk().shake().ask().c(FIN | ACK).s(ACK, after=0.02)
    finding = told(talk.c(RST, seq=talk.next[0] - 1, window=0, ident=0, after=0.001))[0]
    assert finding["outcome"] == "clean", finding


@case
def syn_turned_round():
    """A proxy's filter makes its reset of the SYN, options and all."""
    options = MSS + SACK_OK + b"\1" + WSCALE
    talk = Talk().c(SYN, options=options)
    finding = expect(talk.s(RST | ACK, seq=0, options=options, window=5840), "firewall-reset", outcomes=("failed",))
    assert "options of a SYN" in " ".join(e["text"] for e in finding["evidence"])


@case
def refused_with_a_window():
    """Small stacks and injectors write no window of 0."""
    finding = expect(Talk().c(SYN, options=MSS).s(RST | ACK, seq=0, window=2057), "port-closed", outcomes=("failed",))
    assert "forged-reset" in rivals(finding), finding["rivals"]


@case
def two_refusals_with_numbers_apart():
    """Whoever guesses writes the next segment's number, too."""
    talk = Talk().c(SYN, options=MSS).s(RST | ACK, seq=0, window=0, ident=64765)
    expect(talk.s(RST | ACK, seq=1500, window=0, ident=64765), "forged-reset", outcomes=("failed",))


@case
def refusal_that_the_network_doubled():
    talk = Talk().c(SYN, options=MSS).s(RST | ACK, seq=0, window=0, ident=0)
    expect(talk.s(RST | ACK, seq=0, window=0, ident=0), "port-closed", outcomes=("failed",))


def syn_of(client, server, now, isn=7777):
    return Talk(client=client, server=server, now=now, isn=(isn, 1), timestamps=False)


@case
def refused_behind_a_translation():
    """A port forward leads back into the own network, and nothing listens there."""
    home, router = "192.168.1.99", "192.168.1.1"
    outer = syn_of((home, 58454), ("203.0.113.240", 8655), 0)
    inner = syn_of((router, 58454), (home, 8655), 0.0001)
    outer.c(SYN, options=MSS, ident=4242)
    inner.c(SYN, options=MSS, ident=4242).s(RST | ACK, seq=0, window=0, ident=0, after=0.0001)
    outer.s(RST | ACK, seq=0, window=0, ident=0, after=0.001)
    first, second = told(outer, inner)
    assert "translated" in first["summary"] and "stream 1" in first["summary"], first["summary"]
    assert "translated" not in second["summary"], second["summary"]


def segments_in_a_row(talk, count=4):
    for _ in range(count):
        talk.c(ACK, FULL, after=0.000001)
    return talk


@case
def each_segment_reset_by_itself():
    """A gateway without the policy resets segment by segment, each RST|ACK acknowledging one more."""
    talk = Talk().shake().ask()
    at = talk.next[0]
    segments_in_a_row(talk)
    for n in range(4):
        talk.s(RST | ACK, ack=at + 1460 * (n + 1), window=8224, after=0.000001)
    finding = told(talk)[0]
    assert finding["verdict"] not in ("linger-reset", "closed-with-unread-data"), finding
    assert finding["outcome"] == "failed" and finding["confidence"] == "possible", finding


@case
def nothing_but_a_reset():
    """Of a capture of resets alone nobody can say what had arrived."""
    finding = told(Talk().s(RST | ACK, window=8224))[0]
    assert finding["outcome"] == "unknown" or finding["confidence"] in (None, "possible"), finding


@case
def bare_reset_long_after_the_last_segment():
    """Windows 95 ends so when its program is closed: an answer would have come at once."""
    talk = Talk().shake().ask()
    at = talk.next[0]
    for n in range(6):
        talk.c(PSH | ACK, FULL, seq=at, after=0.2 * 2 ** n)
    finding = told(talk.s(RST, ack=0, window=0, ident=0, after=2.85))[0]
    assert finding["verdict"] != "peer-rebooted", finding


@case
def two_stacks_answer_one_syn():
    """A program on raw packets beside the kernel: two SYN|ACKs, and then nothing but resets."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS)
    talk.s(SYN | ACK, seq=123456789, options=MSS, after=0.001)
    talk.c(RST, window=0, ident=0, after=0.2).c(ACK, ack=123456790).s(RST, seq=123456790, window=0, ident=0)
    finding = told(talk)[0]
    assert finding["outcome"] == "failed", finding


@case
def health_checks_are_short():
    """Thirty seconds open, and reset without a word."""
    finding = told(Talk().shake().c(RST | ACK, window=0, after=30))[0]
    assert finding["outcome"] == "clean" and finding["remark"] != "health-check", finding
    assert told(Talk().shake().c(RST | ACK, window=0))[0]["remark"] == "health-check"


@case
def port_used_again_while_the_server_sits_in_close_wait():
    """The client closed, the server's program did not; the new SYN meets the old connection."""
    old = Talk(timestamps=True).shake().ask().c(FIN | ACK).s(ACK, after=0.02)
    new = Talk(timestamps=True, now=5, isn=(900000, 5000000))
    new.c(SYN, options=MSS).s(ACK, seq=old.next[1], ack=old.next[0], after=0.02)
    new.c(RST, seq=old.next[0], window=0, ident=0)
    new.c(SYN, seq=900000, options=MSS, after=1).s(SYN | ACK, options=MSS, after=0.02).c(ACK)
    findings = [f for f in objects(as_pcap(old, new), "--all") if f["type"] == "finding" and f["stream"] == 1]
    assert findings[0]["outcome"] == "degraded" and "CLOSE_WAIT" in findings[0]["summary"], findings[0]
    assert findings[0]["application"]["server"]["errno"] == "EPIPE", findings[0]["application"]
    assert not any("established" in ruled["why"] for ruled in findings[0]["ruled_out"]), findings[0]["ruled_out"]


@case
def lost_before_the_close_and_repeated_a_minute_later():
    """The server's last words were lost before the client closed; its timer had backed off."""
    talk = Talk(ttl=(57, 64)).shake().ask()
    at = talk.next[1]
    talk.s(PSH | ACK, b"late" * 5).c(FIN | ACK, ack=at, after=1).s(ACK, after=0.01).s(FIN | ACK, after=0.1)
    block = b"\1\1\5\x0a" + (talk.next[1] - 1).to_bytes(4, "big") + talk.next[1].to_bytes(4, "big")
    talk.c(ACK, ack=at, options=block, after=0.2)
    talk.s(PSH | ACK, b"late" * 5, seq=at, after=94).c(RST, window=0, ident=0, after=0.2)
    finding = told(talk)[0]
    assert finding["culprit"] != "server-app", finding
    assert "lost" in finding["summary"] or finding["verdict"] != "fin-wait2-expired", finding


@case
def resets_of_a_stack_with_another_ttl():
    """Linux up to 2.4 writes resets of no socket with a TTL of 255: as many hops away, and next in the host's ids."""
    talk = Talk(ttl=(64, 51)).shake().ask()
    talk.c(PSH | ACK, PING).s(RST, seq=talk.next[1], window=0, ttl=242, after=0.02)
    finding = told(talk)[0]
    assert finding["verdict"] not in ("firewall-reset", "forged-reset") and finding["culprit"] != "middlebox", finding
    talk = Talk(ttl=(64, 51)).shake().ask()
    talk.c(PSH | ACK, PING).s(RST, seq=talk.next[1], window=0, ttl=250, after=0.02)
    assert told(talk)[0]["verdict"] == "firewall-reset", told(talk)[0]


@case
def refusals_that_do_not_arrive():
    """Linux goes on asking, at the pace of its timer: connect() has not failed yet."""
    talk = Talk()
    at = talk.next[0]
    for wait in (0.1, 3, 6, 12, 24):
        talk.c(SYN, seq=at, options=MSS, after=wait).s(RST | ACK, seq=0, ack=at + 1, window=0, ident=0)
    finding = expect(talk, "port-closed", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ETIMEDOUT", finding["application"]


@case
def refusals_that_windows_asks_twice_more_about():
    talk = Talk()
    at = talk.next[0]
    for wait in (0.1, 0.5, 0.5):
        talk.c(SYN, seq=at, options=MSS, after=wait).s(RST | ACK, seq=0, ack=at + 1, window=0, ident=0)
    finding = expect(talk, "port-closed", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ECONNREFUSED", finding["application"]


@case
def answer_that_only_the_fin_tells_of():
    """A firewall mangles large windows: the answer never comes, the client gives up, and the server's FIN has number 206."""
    talk = Talk(timestamps=True).shake().c(PSH | ACK, PING * 70).s(ACK, after=0.2).c(FIN | ACK, after=10)
    talk.s(ACK, after=0.2)
    talk.next[1] += 205
    finding = told(talk.s(FIN | ACK).c(RST, window=0, ident=0))[0]
    assert finding["outcome"] == "unknown" and "205 bytes" in finding["summary"], finding


@case
def idle_but_owed():
    """Five minutes of silence, though the server had data out: its socket would have repeated them."""
    talk = Talk(timestamps=True).shake().ask()
    talk.s(PSH | ACK, b"mail" * 20).c(PSH | ACK, PING, ack=talk.next[1] - 80, after=301)
    finding = told(talk.s(RST, seq=talk.next[1] - 80, window=0, ident=0))[0]
    assert finding["verdict"] != "idle-reset", finding


@case
def idle_after_probes_in_vain():
    """The end that resets had asked nine times whether anybody is there: it gave up itself."""
    talk = Talk(timestamps=True).shake().ask()
    for _ in range(9):
        talk.s(ACK, seq=talk.next[1] - 1, after=75)
    finding = told(talk.c(PSH | ACK, PING, after=3600).s(RST, seq=talk.next[1], window=0, ident=0))[0]
    assert finding["verdict"] != "idle-reset" and finding["outcome"] == "failed", finding


@case
def idle_and_forgotten():
    """The same without the probes is what a balancer does that forgets after 350 s."""
    talk = Talk(timestamps=True).shake().ask()
    finding = told(talk.c(PSH | ACK, PING, after=355).s(RST, seq=talk.next[1], window=0, ident=0))[0]
    assert finding["verdict"] == "idle-reset", finding


@case
def probes_at_the_start_of_the_capture():
    """No FIN was missed: the number one ahead is that of keepalive probes."""
    talk = Talk(timestamps=True)
    for _ in range(3):
        talk.c(ACK, after=5)
    talk.next[0] += 1
    finding = told(talk.s(PSH | ACK, b"x" * 154, after=219).c(RST, window=0, ident=0))[0]
    assert finding["outcome"] == "failed", finding


@case
def aborts_behind_its_own_fin():
    """All was acknowledged by the FIN, and nothing came before the RST|ACK; what comes later draws another one."""
    talk = Talk().s(SYN | ACK, options=MSS)
    talk.c(ACK).c(PSH | ACK, FULL).s(ACK).s(FIN | ACK).s(RST | ACK, window=0)
    finding = told(talk.c(PSH | ACK, b"bye!!", ack=talk.next[1] - 1).s(RST, seq=talk.next[1] - 1, window=0, ident=0))[0]
    assert finding["verdict"] != "data-after-close", finding


@case
def ignored_and_then_reset():
    """An old ACK leaks through a NAT, whose kernel resets it in vain; the server's true resets end the transfer."""
    talk = Talk(timestamps=True)
    for _ in range(5):
        talk.c(ACK, FULL)
    at = talk.next[0]
    talk.s(ACK, ack=at - 1460).s(ACK, ack=at - 5840, after=0.001).c(RST, seq=at - 5840, window=0, ident=0)
    for _ in range(4):
        talk.c(ACK, FULL)
    finding = told(talk.s(ACK, ack=at).s(RST, window=0, ident=0, after=0.002))[0]
    assert finding["outcome"] in ("failed", "unknown") and "went on" not in finding["summary"], finding


@case
def resets_that_an_end_writes_by_mistake():
    """ktcp resets with its socket's window in mid-transfer, and goes on; its peer acknowledges less, and goes on, too."""
    talk = Talk(idents=("count", "count")).c(PSH | ACK, FULL[:512])
    talk.c(RST, window=4380).c(PSH | ACK, FULL[:512], seq=talk.next[0] - 1024).c(RST, window=4380)
    talk.s(ACK, ack=talk.next[0] - 512, after=1.5).c(PSH | ACK, FULL[:476])
    finding = told(talk.s(ACK, ack=talk.next[0] - 476, after=0.02))[0]
    assert finding["outcome"] != "failed" and finding["verdict"] != "forged-reset", finding


@case
def last_words_never_taken():
    """Three quarters of a minute later the server's RST|ACK says that it had got neither the data nor the FIN."""
    talk = Talk(timestamps=True).shake().ask()
    at = talk.next[0]
    talk.c(PSH | ACK, b"x" * 88).c(FIN | PSH | ACK, b"x" * 265)
    finding = told(talk.s(RST | ACK, ack=at, after=47))[0]
    assert finding["outcome"] == "failed", finding


@case
def aborted_behind_data_that_never_arrived():
    """The challenge to the reset acknowledges none of it."""
    talk = Talk().shake()
    at = talk.next[0]
    talk.c(PSH | ACK, b"x" * 459).c(RST | ACK, after=6.5).s(ACK, ack=at, after=0.0001)
    finding = expect(talk.c(RST, seq=at, window=0, ident=0), "linger-reset", outcomes=("failed",))
    assert "had arrived" not in finding["summary"], finding["summary"]


@case
def connected_late_and_reset_at_once():
    """The SYN meets TIME_WAIT; then it is accepted, and reset before the client has got a byte."""
    old = Talk(timestamps=True).shake().ask().close(first=1)
    new = Talk(timestamps=True, now=10, isn=(600, 9000000))
    new.c(SYN, options=MSS).s(ACK, seq=old.next[1], ack=old.next[0]).c(RST, seq=old.next[0], window=0, ident=0)
    new.c(SYN, seq=600, options=MSS, after=1).s(SYN | ACK, options=MSS, after=0.01).c(ACK)
    new.s(RST, window=0, ident=0, after=0.004)
    findings = [f for f in objects(as_pcap(old, new), "--all") if f["type"] == "finding" and f["stream"] == 1]
    assert findings[0]["outcome"] == "failed", findings[0]


@case
def syn_acks_of_another_attempt():
    """None acknowledges the SYN, and the client's filter drops them: nothing was lost."""
    talk = Talk()
    at = talk.next[0]
    for n in range(4):
        talk.c(SYN, seq=at, options=MSS, after=2 ** n).s(SYN | ACK, seq=700000, ack=at - 50000, options=MSS, after=0.0002)
    finding = told(talk)[0]
    assert finding["verdict"] == "invalid-segment" and finding["outcome"] == "failed", finding


@case
def connected_to_itself_needs_no_listener():
    """A client that hits its own port by chance proves nothing about the port."""
    loop = "127.0.0.1"
    refused = Talk(client=(loop, 49999), server=(loop, 50000)).c(SYN, options=MSS)
    refused.s(RST | ACK, seq=0, window=0, ident=0)
    itself = Talk(client=(loop, 50000), server=(loop, 50000), now=5, isn=(5000, 5000))
    itself.c(SYN, options=MSS).c(SYN | ACK, seq=5000, ack=5001, options=MSS)
    finding = [f for f in objects(as_pcap(refused, itself), "--all") if f["type"] == "finding" and f["stream"] == 0][0]
    assert not any("listener" in e["text"] for e in finding["evidence"]), finding["evidence"]


# ---- what is missing, and what fills the buffer ----

@case
def one_segment_alone_never_comes():
    """All around it came, of the same size, too: a checksum that never fits, or a filter on what it contains."""
    talk = Talk().shake().ask()
    talk.s(ACK, FULL).c(ACK, after=0.02)
    at = talk.next[1]
    talk.s(ACK, FULL).s(ACK, FULL).s(PSH | ACK, FULL)
    block = b"\1\1\5\x0a" + (at + 1460).to_bytes(4, "big") + talk.next[1].to_bytes(4, "big")
    talk.c(ACK, ack=at, options=block, after=0.02)
    for n in range(7):
        talk.s(ACK, FULL, seq=at, after=0.2 * 2 ** n)
    talk.c(FIN | ACK, ack=at, options=block, after=6).s(ACK, after=0.02)
    finding = expect(talk, "peer-vanished", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "invalid-segment" in rivals(finding), finding
    assert "nothing of it" not in finding["summary"], finding["summary"]


@case
def one_segment_alone_told_by_the_sack_of_a_fin():
    """Its content is filtered; the FIN behind it is answered at once."""
    talk = Talk().shake()
    at = talk.next[0]
    talk.c(PSH | ACK, b"x" * 734)
    for n in range(4):
        talk.c(PSH | ACK, b"x" * 734, seq=at, after=0.3 * 2 ** n)
    talk.c(FIN | ACK, after=0.1)
    block = b"\1\1\5\x0a" + (talk.next[0] - 1).to_bytes(4, "big") + talk.next[0].to_bytes(4, "big")
    talk.s(ACK, ack=at, options=block, after=0.02)
    for n in range(4):
        talk.c(PSH | ACK, b"x" * 734, seq=at, after=5 * 2 ** n)
    finding = expect(talk, "peer-vanished", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "went silent" not in finding["summary"], finding["summary"]


@case
def lost_again_and_left():
    """A loss is repaired, what was lost behind it is not."""
    talk = Talk(timestamps=True).shake().ask()
    at = talk.next[0]
    talk.c(PSH | ACK, b"a" * 48).c(PSH | ACK, b"b" * 48, after=0.03).c(PSH | ACK, b"a" * 48, seq=at, after=0.2)
    talk.s(ACK, ack=at + 48, after=0.02)
    for n in range(5):
        talk.c(ACK, after=0.4 * 2 ** n)
    finding = told(talk)[0]
    assert finding["outcome"] in ("unknown", "failed"), finding


@case
def keepalive_of_windows():
    """One byte of garbage below SND.NXT, the first that the capture has; the answer holds a D-SACK of it."""
    talk = Talk()
    at = talk.next[0]
    talk.c(ACK, b"\0").s(ACK, options=b"\1\1\5\x0a" + at.to_bytes(4, "big") + (at + 1).to_bytes(4, "big"), after=0.02)
    finding = told(talk)[0]
    assert finding["outcome"] == "clean" and finding["remark"] != "network-duplicate", finding


@case
def syn_ack_again_though_data_was_sent():
    """TCP_DEFER_ACCEPT would have been content with the data: the listener never took it."""
    talk = Talk(timestamps=True).shake()
    at = talk.next[0]
    talk.c(PSH | ACK, b"hello", after=0.03)
    talk.s(SYN | ACK, seq=talk.next[1] - 1, ack=at, options=MSS + SACK_OK + b"\1" + WSCALE, after=3.5)
    finding = told(talk.c(ACK))[0]
    assert finding["outcome"] != "clean" and finding["remark"] != "deferred-accept", finding


@case
def window_taken_back():
    """The reader offered room, then takes it back before it has taken a byte: its buffer, no proxy."""
    talk = Talk().shake()
    at = talk.next[1]
    for _ in range(10):
        talk.s(ACK, FULL)
    talk.c(ACK, ack=at, window=0, after=0.1)
    for n in range(6):
        talk.s(ACK, FULL, seq=at, after=0.3 * 2 ** n).c(ACK, ack=at, window=0, after=0.1)
    finding = expect(talk, "zero-window-stall", outcomes=("failed",))
    assert "proxy" not in finding["summary"], finding["summary"]


@case
def buffer_full_of_what_lies_behind_a_hole():
    """Nobody can read it: Recv-Q is 0, and the missing segment finds no room."""
    talk = Talk().shake().ask()
    at = talk.next[1]
    talk.next[1] += 602
    talk.s(ACK, FULL)
    block = b"\1\1\5\x0a" + (at + 602).to_bytes(4, "big") + talk.next[1].to_bytes(4, "big")
    talk.c(ACK, ack=at, window=0, options=block)
    for n in range(6):
        talk.s(ACK, b"x" * 602, seq=at, after=0.3 * 2 ** n).c(ACK, ack=at, window=0, options=block)
    finding = expect(talk, "zero-window-stall", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "loss-recovered" in rivals(finding), finding


@case
def window_of_one_unit():
    """A scaled window need not reach 0: the end offers 2048 bytes for ever, and drops what comes."""
    unit = MSS + SACK_OK + b"\1\3\3\x0b"
    talk = Talk().shake(options=unit)
    talk.c(PSH | ACK, FULL).s(ACK, window=1, after=0.02)
    at = talk.next[0]
    for n in range(8):
        talk.c(PSH | ACK, FULL, seq=at, after=0.25 * 2 ** n)
    finding = expect(talk, "peer-vanished", outcomes=("failed",))
    assert "zero-window-stall" in rivals(finding), finding["rivals"]


@case
def one_segment_alone_without_sack():
    """A converter spoils frames of odd length; the FIN behind it is answered at once by the ACK of before."""
    talk = Talk().shake(options=MSS)
    at = talk.next[0]
    talk.c(PSH | ACK, b"x" * 9)
    for n in range(4):
        talk.c(PSH | ACK, b"x" * 9, seq=at, after=0.3 * 2 ** n)
    talk.c(FIN | ACK, after=0.1).s(ACK, ack=at, after=0.02)
    for n in range(4):
        talk.c(PSH | ACK, b"x" * 9, seq=at, after=5 * 2 ** n)
    finding = expect(talk, "peer-vanished", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "went silent" not in finding["summary"], finding["summary"]


@case
def stale_answers_and_then_a_true_one():
    """An old SYN|ACK and its RST|ACK come first; the capture ends with the SYN|ACK that fits."""
    talk = Talk()
    at = talk.next[0]
    talk.c(SYN, seq=at, options=MSS).s(SYN | ACK, seq=300, ack=at - 5000, options=MSS, after=0.001)
    talk.s(RST | ACK, seq=301, ack=at - 5000, window=0).c(SYN, seq=at, options=MSS, after=1)
    finding = told(talk.s(SYN | ACK, seq=800, ack=at + 1, options=MSS, after=0.001))[0]
    assert finding["outcome"] == "unknown", finding


# ---- look-alikes: what the rules above must not take for theirs ----

@case
def window_closed_where_the_syn_ack_was_not_captured():
    talk = Talk().c(SYN, options=MSS)
    talk.next[1] += 1
    talk.c(ACK, after=0.02).ask().c(PSH | ACK, FULL).s(ACK, window=0, after=0.02)
    at = talk.next[0]
    for n in range(7):
        talk.c(ACK, seq=at - 1, after=0.3 * 2 ** n).s(ACK, window=0, after=0.02)
    expect(talk, "zero-window-stall", outcomes=("failed",))


@case
def answer_repeated_behind_the_close():
    """The client's last ACKs do not reach the server, whose timer repeats its answer from the first byte on."""
    talk = Talk(timestamps=True).shake()
    talk.c(FIN | PSH | ACK, PING).s(ACK, after=0.02)
    at = talk.next[1]
    talk.s(PSH | ACK, b"pong" * 30, after=0.01).s(FIN | ACK).c(ACK)
    talk.s(PSH | ACK, b"pong" * 30, seq=at, after=0.25).c(ACK)
    finding = told(talk)[0]
    assert "cookie" not in finding["summary"], finding["summary"]


@case
def goodbye_that_nobody_waits_for():
    """A laptop wakes: the server's close_notify and FIN were lost and repeated, and it wants nothing any more."""
    talk = Talk(timestamps=True).shake().ask()
    at = talk.next[1]
    for n in range(4):
        talk.s(FIN | PSH | ACK, b"\x15\x03\x03\x00\x13" + bytes(19), seq=at, after=0.3 * 2 ** n)
    finding = told(talk.c(RST | ACK, ack=at, after=5))[0]
    assert finding["outcome"] == "clean", finding


@case
def goodbye_lost_in_front_of_the_fin():
    """The question was answered long ago."""
    talk = Talk(timestamps=True).shake().ask().c(FIN | ACK, after=5).s(ACK, after=0.02)
    talk.next[1] += 31
    finding = told(talk.s(FIN | ACK).c(RST, window=0, ident=0))[0]
    assert finding["outcome"] == "clean", finding


@case
def abort_of_a_stack_that_refuses_by_rst_ack():
    """lwIP aborts, and answers what was on its way segment by segment: its program is to blame all the same."""
    talk = Talk().shake(options=MSS).ask()
    for _ in range(2):
        talk.c(ACK, FULL)
    talk.s(ACK).s(RST | ACK, window=2920, after=0.001)
    for _ in range(3):
        talk.c(ACK, FULL, after=0.00001).s(RST | ACK, window=2920, after=0.00001)
    finding = told(talk)[0]
    assert finding["culprit"] == "server-app", finding


@case
def hole_of_a_moment():
    """The client closes a few milliseconds after a loss; the capture goes on for minutes with others."""
    talk = Talk().shake().ask()
    talk.s(ACK, FULL).c(ACK)
    at = talk.next[1]
    talk.next[1] += 1460
    talk.s(ACK, FULL).c(ACK, ack=at).c(FIN | ACK, ack=at, after=0.005).s(ACK, FULL)
    talk.c(RST, window=0, ident=0)
    other = Talk(client=("192.0.2.1", 40999), server=("198.51.100.9", 8443), now=200).shake().ask().close()
    finding = told(talk, other)[0]
    assert "never came" not in finding["summary"], finding["summary"]


@case
def stream_of_which_the_acks_were_left_out():
    """Only segments with data were kept."""
    talk = Talk().ask()
    talk.frames = [frame for frame in talk.frames if len(frame[1]) > 54]
    for _ in range(8):
        talk.s(PSH | ACK, b"event" * 20, after=2)
    assert told(talk)[0]["outcome"] == "clean", told(talk)[0]


@case
def acknowledgements_at_intervals():
    """They advance: no probes. The FIN was not captured."""
    talk = Talk().shake().ask()
    for _ in range(4):
        talk.s(PSH | ACK, b"tick", after=5).c(ACK, after=0.02)
    talk.next[0] += 1
    finding = told(talk.s(PSH | ACK, b"tick", after=5).c(RST, window=0, ident=0, after=0.02))[0]
    assert finding["outcome"] == "clean", finding


@case
def large_segments_that_are_refused():
    """Each is answered at once: they arrive."""
    talk = at_the_server(MSS).c(PSH | ACK, PING)
    talk.s(ACK)
    at = talk.next[1]
    talk.s(ACK, FULL, after=0.01).s(PSH | ACK, b"end of it" * 30).c(ACK, ack=at, after=0.02)
    for n in range(5):
        talk.s(ACK, FULL, seq=at, after=0.3 * 2 ** n).c(ACK, ack=at, after=0.02)
    finding = told(talk.c(RST | ACK, ack=at, after=20))[0]
    assert finding["verdict"] != "pmtu-blackhole", finding


@case
def rebooted_at_the_end_of_a_slow_path():
    talk = Talk().shake(rtt=2.4).ask(rtt=2.4)
    finding = told(talk.c(PSH | ACK, PING, after=600).s(RST, seq=talk.next[1], window=0, ident=0, after=2.4))[0]
    assert finding["verdict"] in ("peer-rebooted", "idle-reset"), finding


@case
def thirty_probes_unanswered():
    """No kernel sends so many: the answers were not captured."""
    finding = told(probes(Talk(timestamps=True).shake().ask(), 30, every=60))[0]
    assert finding["outcome"] != "failed", finding


# ---- a few more ----

@case
def refused_with_a_wrong_number_in_the_handshake():
    """A RST|ACK that acknowledges another SYN|ACK is not heeded, and no health check."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02)
    talk.c(RST | ACK, ack=talk.next[1] + 5000, window=0, after=0.01)
    finding = told(talk.s(SYN | ACK, seq=talk.next[1] - 1, ack=talk.next[0], options=MSS, after=1.6))[0]
    assert finding["outcome"] != "clean", finding


@case
def syn_acks_alone():
    """Repeated by the timer: nobody acknowledged them."""
    talk = Talk()
    for wait in (0.1, 3, 6):
        talk.s(SYN | ACK, seq=700000, options=MSS, after=wait)
    assert told(talk)[0]["outcome"] == "unknown", told(talk)[0]


@case
def close_refused_after_a_long_pause():
    """All was acknowledged; the FIN draws a reset: nothing is lost."""
    talk = Talk(timestamps=True).shake().ask()
    finding = told(talk.c(FIN | ACK, after=1800).s(RST, seq=talk.next[1], window=0, ident=0, after=0.02))[0]
    assert finding["outcome"] in ("clean", "degraded"), finding


# ---- who gave up connecting: the application, or its kernel? ----

def answered_late(*syns, answer):
    talk = Talk()
    for at, before in zip(syns, (0,) + syns):
        talk.c(SYN, seq=1000, options=MSS + SACK_OK, after=at - before)
    talk.s(SYN | ACK, seq=5000, ack=1001, options=MSS + SACK_OK, after=answer - syns[-1])
    return talk.c(RST, seq=1001, window=0, ident=0, after=0.0001)


@case
def connect_of_which_the_next_syn_was_due():
    """TCP_USER_TIMEOUT of 8 s: the kernel gives up, ETIMEDOUT"""
    finding = expect(answered_late(0, 1, 3, 7, answer=17), "connect-aborted", outcomes=("failed",))
    assert finding["confidence"] == "likely" and "syn-unanswered" in rivals(finding), finding
    assert "application" not in finding["summary"], finding["summary"]


@case
def connect_of_which_all_syns_were_spent():
    finding = expect(answered_late(0, 1.03, 3.05, 7.2, 15.4, 31.5, 64, answer=140), "connect-aborted", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ETIMEDOUT" and finding["confidence"] == "likely", finding


@case
def connect_of_which_no_syn_was_due():
    finding = expect(answered_late(0, 1.03, 3.05, answer=6), "connect-aborted", outcomes=("failed",),
                     certain=True)
    assert finding["confidence"] == "certain" and "application" in finding["summary"], finding


# ---- who sends message after message may wait for nothing ----

def logs(count, every, **more):
    """Messages in one direction, then the client closes, and the server does not."""
    talk = Talk(**more).shake()
    for n in range(count):
        talk.c(PSH | ACK, b"<13>app: message %03d\n" % n, after=every).s(ACK, after=0.01)
    return talk.c(FIN | ACK, after=2.0).s(ACK, after=0.01)


def another(port=40001, now=30.0):
    """A connection that goes on behind it."""
    return Talk(client=("192.0.2.1", port), now=now).shake().ask().close()


@case
def messages_without_answers():
    finding = expect(logs(40, 0.5), "app-stuck", "close-wait-leak", outcomes=("unknown",), others=(another(now=45.0),))
    assert finding["confidence"] in (None, "possible"), finding


@case
def one_question_without_an_answer():
    """What is asked at once and then waited for is a request."""
    finding = expect(logs(1, 0.001), "app-stuck", outcomes=("failed",), others=(another(now=20.0),))
    assert finding["confidence"] == "likely", finding


@case
def last_message_of_a_capture_that_began_late():
    talk = Talk().c(PSH | ACK, b"bye, that was all\n").s(ACK, after=0.01).c(FIN | ACK, after=3.0).s(ACK, after=0.01)
    finding = expect(talk, "app-stuck", "close-wait-leak", outcomes=("unknown",), others=(another(),))
    assert finding["confidence"] in (None, "possible"), finding


# ---- a hole of which only a FIN tells ----

def answer_lost_before_fin(size=900, repeats=0, options=MSS):
    """The answer never comes, the server's FIN behind it does, and is answered by an ACK that stands."""
    talk = Talk().shake(options=options).c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    at, fin = talk.next[1], talk.next[1] + size
    for n in range(1 + repeats):
        talk.s(FIN | ACK, seq=fin, after=0.4 * 2 ** n).c(ACK, ack=at)
    return talk, at, fin


@case
def fin_behind_a_hole():
    talk = answer_lost_before_fin()[0]
    finding = expect(talk, "unknown", outcomes=("unknown",), others=(another(now=20.0),))
    assert "900 bytes" in finding["summary"], finding


@case
def fin_behind_a_hole_repeated():
    """It arrived each time: fin-unanswered would be wrong."""
    finding = expect(answer_lost_before_fin(repeats=3)[0], "unknown", outcomes=("unknown",))
    assert "900 bytes" in finding["summary"], finding


@case
def fin_behind_a_hole_and_a_late_close():
    """The FINs did not cross: the second comes six seconds after the first."""
    talk, at, _ = answer_lost_before_fin()
    finding = expect(talk.c(FIN | ACK, ack=at, after=6).c(FIN | ACK, seq=talk.next[0] - 1, ack=at, after=0.3), "unknown",
                     outcomes=("unknown",))
    assert finding["remark"] != "simultaneous-close", finding


@case
def fin_behind_a_hole_that_is_filled():
    talk, at, fin = answer_lost_before_fin()
    talk.s(PSH | ACK, b"x" * 900, seq=at, after=0.2).c(ACK, ack=fin + 1)
    expect(talk.c(FIN | ACK, ack=fin + 1).s(ACK, seq=fin + 1, after=0.02), "clean", "loss-recovered", "reordering",
           outcomes=("clean", "degraded"))


@case
def fin_that_overtook_its_data():
    talk, at, fin = answer_lost_before_fin()
    talk.s(PSH | ACK, b"x" * 900, seq=at, after=0.00002).c(ACK, ack=fin + 1)
    expect(talk.c(FIN | ACK, ack=fin + 1).s(ACK, seq=fin + 1, after=0.02), "clean", "reordering", "loss-recovered",
           outcomes=("clean", "degraded"))


# ---- keepalive with an idle time that is not the interval ----

def redis_like(answered=4, lost=3, interval=5, heard=True):
    """SO_KEEPALIVE as Redis sets it: 15 s idle, then every 5 s, three times; the last ones are lost, or their answers."""
    talk = Talk(timestamps=True).shake().ask()
    for _ in range(answered):
        talk.c(ACK, seq=talk.next[0] - 1, after=15).s(ACK, after=0.02)
    last = talk.heard[0]
    for n in range(lost):
        talk.heard[0] = last
        talk.c(ACK, seq=talk.next[0] - 1, after=interval if n else 15)
        if not heard:
            talk.s(ACK, after=0.0001)
    talk.heard[0] = last
    return talk


def gives_up(talk, after):
    """Linux writes timestamps into this reset."""
    stamp = struct.pack(">BBBBII", 1, 1, 8, 10, int((talk.now + after) * 1000) + 5000, talk.heard[0])
    return talk.c(RST | ACK, options=stamp, after=after)


@case
def keepalive_of_two_times():
    finding = expect(gives_up(redis_like(), 5), "keepalive-timeout", outcomes=("failed",), certain=True)
    assert finding["confidence"] == "certain" and any("5.0" in e["text"] for e in finding["evidence"]), finding


@case
def keepalive_of_two_times_next_to_the_peer():
    """Each probe is answered here, and none of the answers is heard."""
    expect(gives_up(redis_like(heard=False), 5), "keepalive-timeout", outcomes=("failed",))


@case
def keepalive_and_an_abort_at_another_time():
    """Two probes that were not heard, and then the application goes."""
    expect(gives_up(redis_like(lost=2, heard=False), 2.5), "clean", "aborted", "linger-reset",
           outcomes=("clean", "unknown", "degraded"))


if __name__ == "__main__":
    main()
