#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How applications take leave, and how small TCPs behave: what only looks odd is no failure, and what failed is told.

Each case is a conversation after one that was seen in practice, most of them in a bug report whose cause was
found.

usage: TCPWHY=build/tcpwhy tests/stacks.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, SACK_OK, Talk, expect, told

BOTH = (False, True)
CLOSE_NOTIFY = b"\x15\3\3\0\x13" + bytes(range(19))
GOODBYES = {
    "close_notify of TLS 1.2": CLOSE_NOTIFY,
    "close_notify of TLS 1.3": b"\x17" + CLOSE_NOTIFY[1:],
    "close_notify behind a record": b"\x17\3\3\0\x40" + bytes(64) + CLOSE_NOTIFY,
    "UnbindRequest of LDAP": b"\x30\5\2\1\3\x42\0",
    "UnbindRequest after many others": b"\x30\6\2\2\1\3\x42\0",
    "GOAWAY of HTTP/2": b"\0\0\x08\7\0\0\0\0\0" + bytes(8),
    "GOAWAY with a reason in words": b"\0\0\x0c\7\0\0\0\0\0" + bytes(8) + b"idle",
    "Close of WebSocket": b"\x88\x82\1\2\3\4\2\xea",
    "DISCONNECT of MQTT": b"\xe0\0",
    "DISCONNECT of MQTT 5": b"\xe0\2\0\0",
    "end of file of Oracle": b"\0\x0a\0\0\6\0\0\0\0\x40",
    "COM_QUIT of MySQL": b"\1\0\0\0\1",
}
QUESTIONS = {
    "BindRequest of LDAP": b"\x30\5\2\1\3\x60\0",
    "HEADERS of HTTP/2": b"\0\0\x08\1\5\0\0\0\1" + bytes(8),
    "Ping of WebSocket": b"\x89\x82\1\2\3\4\2\xea",
    "PINGREQ of MQTT": b"\xc0\0",
    "fatal alert of TLS": b"\x15\3\3\0\2\2\x30",
    "request in TLS": b"\x17\3\3\0\x40" + bytes(64),
}


@case
def goodbye_and_reset_at_once():
    """A client says goodbye in the words of its protocol and resets on its heels: nobody waits for an answer."""
    for timestamps in BOTH:
        for name, word in GOODBYES.items():
            talk = Talk(timestamps=timestamps).shake().ask().c(PSH | ACK, word, after=2)
            finding = expect(talk.c(RST | ACK, window=502), "clean", remark="reset-instead-of-close")
            assert "goodbye" in finding["summary"], (name, finding["summary"])
            # and no other word is a goodbye
        for name, word in QUESTIONS.items():
            talk = Talk(timestamps=timestamps).shake().ask().c(PSH | ACK, word, after=2)
            expect(talk.c(RST | ACK, window=502), "linger-reset", "aborted", "closed-with-unread-data",
                   outcomes=("failed",))


@case
def goodbye_does_not_make_good_what_was_lost():
    """The goodbye is not all that was under way, or the server was in the middle of its answer: something was owed."""
    talk = Talk().shake().ask().c(PSH | ACK, b"POST /a HTTP/1.1\r\n\r\n", after=2).c(PSH | ACK, CLOSE_NOTIFY)
    expect(talk.c(RST | ACK, window=502), "linger-reset", "aborted", outcomes=("failed",))
    talk = Talk().shake().ask().c(PSH | ACK, b"GET /b HTTP/1.1\r\n\r\n", after=2).s(ACK, after=0.02)
    talk.c(PSH | ACK, CLOSE_NOTIFY, after=0.5).s(ACK, after=0.02)
    expect(talk.c(RST | ACK, window=502), "linger-reset", "aborted", outcomes=("failed", "degraded"))


@case
def server_resets_behind_its_goodbye():
    """A server ends an idle connection by close_notify and reset: the client had all it asked for."""
    talk = Talk().shake().ask().s(PSH | ACK, CLOSE_NOTIFY, after=60)
    expect(talk.s(RST | ACK, window=502), "linger-reset", "aborted", "clean", outcomes=("degraded", "clean"))


@case
def reset_behind_an_answer():
    """A server resets on the heels of its answer: what left just before is not thrown away, it is on its way."""
    talk = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\nwell", after=0.02)
    finding = expect(talk.s(RST | ACK, window=502, after=0.0003), "linger-reset", outcomes=("failed", "degraded"))
    assert "on the way and not yet" in finding["summary"], finding["summary"]
    # after two round trips without an ACK that may not be said
    talk = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\nwell", after=0.02)
    finding = expect(talk.s(RST | ACK, window=502, after=0.1), "linger-reset", "aborted", outcomes=("failed",))
    assert "on the way and not yet" not in finding["summary"], finding["summary"]


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
    later = Talk(client=("192.0.2.9", 40009), now=20).shake().ask().close()
    expect(talk, "unknown", outcomes=("unknown",))
    expect(talk, "unknown", outcomes=("unknown",), others=(later,))


def names(finding):
    return {finding["verdict"], *(rival["verdict"] for rival in finding["rivals"])}


RECORD = b"\x17\3\3\0\x40" + bytes(64)
REPLY = b"\x17\3\3\0\x80" + bytes(128)


@case
def goodbye_of_one_who_waited():
    """A client's time-out in TLS: it says close_notify before it closes, and had waited for the answer all the same."""
    talk = Talk().shake().ask(RECORD, REPLY).ask(RECORD, REPLY).c(PSH | ACK, RECORD, after=1).s(ACK, after=0.02)
    talk.c(PSH | ACK, CLOSE_NOTIFY, after=5).c(FIN | ACK).s(ACK, after=0.02).s(PSH | ACK, REPLY, after=3)
    finding = expect(talk.c(RST, seq=talk.next[0], window=0, ident=0), "data-after-close", outcomes=("failed",))
    assert "after 5.02 s without an answer" in finding["summary"], finding["summary"]


@case
def keepalive_race_in_tls():
    """A server's close_notify and FIN end five seconds of silence, and the next request crosses them."""
    talk = Talk().shake().ask(RECORD, REPLY).ask(RECORD, REPLY).s(PSH | ACK, CLOSE_NOTIFY, after=5).s(FIN | ACK)
    end = talk.next[1]
    talk.c(PSH | ACK, RECORD, ack=end - 25).c(PSH | ACK, RECORD, ack=end - 25)
    for _ in range(2):
        talk.s(RST, seq=end - 25, window=0, ident=0, after=0.01)
    finding = expect(talk, "keepalive-race", outcomes=("failed",))
    assert "after 5.00 s of silence" in finding["summary"], finding["summary"]


@case
def censor_seen_where_the_server_stays_silent():
    """Three RST|ACKs from elsewhere, each further on; the server, reset as well, is not heard again."""
    talk = Talk(ttl=(64, 48)).shake().c(PSH | ACK, b"\x16\3\1\0\x40\1" + bytes(63))
    base = talk.next[1]
    for number, offset in enumerate((0, 1460, 4380)):
        talk.s(RST | ACK, seq=base + offset, window=1100 + number, ttl=95, ident=1 + number, after=0.01)
    expect(talk, "forged-reset", outcomes=("failed",))


@case
def one_reset_from_elsewhere():
    """A RST|ACK that comes 45 hops nearer than the server: it is not said that the server's program wrote it."""
    talk = Talk(ttl=(64, 48)).shake().c(PSH | ACK, b"\x16\3\1\0\x40\1" + bytes(63))
    finding = expect(talk.s(RST | ACK, window=1100, ttl=93, after=0.01), "aborted", "forged-reset", "firewall-reset",
                     outcomes=("failed",))
    assert {"forged-reset", "firewall-reset"} <= names(finding) and finding["culprit"] != "server-app", finding


@case
def firewall_answers_a_probe():
    """After two hours a firewall answers a keepalive probe with its headers turned round: TTL, id and window are its own."""
    talk = Talk(ttl=(30, 28)).shake(rtt=0.1).ask(rtt=0.1)
    talk.c(ACK, seq=talk.next[0] - 1, after=7200, ident=4501, window=11468)
    talk.s(RST | ACK, ack=talk.next[0] - 1, window=11468, ttl=58, ident=4501, after=0.02)
    finding = expect(talk, "idle-reset", "firewall-reset", "forged-reset", outcomes=("failed",))
    assert "idle-reset" in names(finding), names(finding)
    assert not any("written by the socket itself" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def proxy_of_the_handshake_has_no_server():
    """A box accepts with a window of 0 and resets as soon as the server behind it refuses: nothing was unread."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, window=0, ident=0, after=0.001).c(ACK)
    finding = expect(talk.s(RST | ACK, window=0, ident=0, after=0.02), "aborted", "linger-reset", "firewall-reset",
                     outcomes=("failed", "degraded"))
    assert "buffer" not in finding["summary"], finding["summary"]


@case
def forgotten_while_idle_and_given_up_by_a_reset():
    """Windows ends its repeats by a RST; that they began after eleven minutes of silence counts as it does on Linux."""
    for word in (b"", b"RST"):
        talk = Talk(ttl=(128, 54)).shake().ask().c(PSH | ACK, b"select 1", after=643, keep=True)
        for after in (0.3, 0.6, 1.2, 2.4, 4.8):
            talk.c(PSH | ACK, b"select 1", after=after, keep=True)
        if word:
            talk.next[0] += 8
            talk.c(RST | ACK, window=0, after=9.6)
        expect(talk, "idle-blackholed", outcomes=("failed",))


@case
def small_stacks_refuse_with_ack():
    """lwIP after a restart answers what it does not know by RST|ACK with a window, as a living socket would abort."""
    talk = Talk(ttl=(64, 255)).shake().ask().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=60)
    finding = expect(talk.s(RST | ACK, window=5760, after=0.03), "closed-with-unread-data", "aborted", "peer-rebooted",
                     "linger-reset", outcomes=("failed",))
    assert "peer-rebooted" in names(finding), names(finding)
    # half a second after its last word it has not been restarted, and with timestamps it was no such stack
    for more, pause in (({}, 0.5), ({"timestamps": True}, 60)):
        talk = Talk(**more).shake().ask().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=pause)
        stamps = b"\1\1\x08\x0a" + bytes(8) if more else b""
        finding = expect(talk.s(RST | ACK, window=502, after=0.03, options=stamps), "closed-with-unread-data",
                         outcomes=("failed",))
        assert "peer-rebooted" not in names(finding), names(finding)


def refused_at_first(times):
    """Windows: each refusal is followed by the same SYN, half a second later."""
    talk = Talk(ttl=(128, 64))
    for number in range(times):
        talk.next[0] = 1000
        talk.c(SYN, options=MSS, after=0.5 if number else 0).s(RST | ACK, seq=0, ack=1001, window=0, ident=0)
    talk.next[0] = 1000
    return talk.c(SYN, options=MSS, after=0.5).s(SYN | ACK, options=MSS).c(ACK)


@case
def refused_at_first_and_accepted():
    """A client of Windows asks again after a refusal; what its connection ends with is not that refusal."""
    for times in (1, 2):
        finding = expect(refused_at_first(times).ask().close(), "port-closed", outcomes=("degraded",))
        assert "at first" in finding["summary"], finding["summary"]
        talk = refused_at_first(times).c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
        finding = expect(talk.s(RST | ACK, window=502, after=3), "closed-with-unread-data", outcomes=("failed",))
        assert finding["evidence"][-1]["packet"] == len(talk.frames), finding["evidence"]


@case
def small_stack_refuses_what_it_accepted():
    """picoTCP answers the repeat of a SYN that it knows by a RST|ACK: the SYN|ACK may have been lost, and nobody knows."""
    for seq in (0, 700001):
        talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02)
        talk.c(SYN, options=MSS, seq=1000, after=1).s(RST | ACK, seq=seq, window=0, after=0.02)
        finding = expect(talk, "unknown", outcomes=("unknown",))
        assert "refused its repeat" in finding["summary"] and "syn-ack-lost" in names(finding), finding


@case
def refusals_that_do_not_count():
    """Zephyr's RST|ACK for a closed port acknowledged one byte too few: Linux repeats its SYN to the end."""
    talk = Talk()
    for after in (0, 1.03, 1.02, 1.03, 1.02):
        talk.c(SYN, options=MSS, seq=1000, after=after).s(RST | ACK, seq=0, ack=1000, window=0, after=0.004)
    finding = expect(talk, "invalid-segment", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ETIMEDOUT", finding["application"]
    assert "passes over them" in finding["summary"] and "port-closed" in names(finding), finding


@case
def half_closed_and_never_closed():
    """Windows ends FIN_WAIT2 by a RST after two minutes: it had closed in order, and the client slept."""
    talk = Talk(ttl=(64, 128)).shake().ask().s(FIN | ACK, after=5).c(ACK, after=0.001)
    finding = expect(talk.s(RST | ACK, window=0, after=120), "close-wait-leak", outcomes=("degraded",))
    assert finding["culprit"] == "client-app" and "2 min" in finding["summary"], finding
    # half a second is no sleep, and nobody was owed anything
    talk = Talk().shake().ask().s(FIN | ACK).c(ACK, after=0.001).s(RST | ACK, window=502, after=0.5)
    expect(talk, "clean")
    # a client that half-closed behind its question, and then gave up, had waited for the answer
    talk = Talk().shake().c(PSH | ACK, b"what now?").c(FIN | ACK).s(ACK, after=0.02).c(RST | ACK, window=502, after=30)
    expect(talk, "linger-reset", "aborted", "app-stuck", "unknown", outcomes=("failed", "degraded", "unknown"))
    # but what comes in after the FIN and is acknowledged is
    talk = Talk().shake().ask().s(FIN | ACK).c(PSH | ACK, b"x" * 100).s(ACK, after=0.02)
    expect(talk.s(RST | ACK, window=502, after=0.5), "closed-with-unread-data", "aborted", "linger-reset",
           "data-after-close", outcomes=("failed",))


@case
def slow_reader_is_thrown_out():
    """A server that pushes resets a subscriber whose window stays closed: what it had still to say is lost."""
    talk = Talk().shake().ask()
    for _ in range(20):
        talk.s(ACK, b"d" * 1448, after=0.001)
    talk.c(ACK, window=0)
    for after in (0.2, 0.4, 0.8):
        talk.s(ACK, seq=talk.next[1] - 1, after=after).c(ACK, window=0)
    finding = expect(talk.s(RST | ACK, window=502, after=1), "linger-reset", "zero-window-stall", "aborted",
                     outcomes=("failed",))
    assert finding["culprit"] == "client-app" and "zero-window-stall" in names(finding), finding


@case
def reset_that_its_receiver_cannot_take():
    """FortiGate resets an idle connection with the numbers of its start: that nothing follows does not show that it goes on."""
    talk = Talk(ttl=(63, 60)).shake().ask().ask().s(RST, seq=700001, window=0, ident=0, ttl=255, after=3600)
    finding = expect(talk, "invalid-segment", outcomes=("unknown",))
    assert "went on" not in finding["summary"], finding["summary"]
    finding = expect(talk.s(PSH | ACK, b"news", after=5).c(ACK), "invalid-segment", outcomes=("degraded",))
    assert "went on" in finding["summary"], finding["summary"]


@case
def one_syn_refused_three_times():
    """A censor answers the SYN by three RST|ACKs at once, each with a window and an id of its own, and the server is silent."""
    def refused(times, differ):
        talk = Talk(timestamps=True, ttl=(64, 45)).c(SYN, options=MSS)
        for number in range(times):
            talk.s(RST | ACK, seq=0, window=1980 + number if differ else 0, ttl=101, after=0.01 if not number else 0.0001,
                   ident=4001 + number if differ else 0)
        return talk
    finding = expect(refused(3, True), "forged-reset", outcomes=("failed",))
    assert {"firewall-reset", "port-closed"} <= names(finding), names(finding)
    # copies of one, and the answers to a SYN that was doubled on the way, are what a closed port looks like
    expect(refused(3, False), "port-closed", "firewall-reset", outcomes=("failed",))
    expect(refused(2, True), "port-closed", "firewall-reset", outcomes=("failed",))


@case
def close_that_nobody_hears():
    """Windows repeats its FIN five times and ends with a RST: the other end had gone, whatever had been acknowledged."""
    talk = Talk(ttl=(128, 64)).shake().ask().c(FIN | ACK, after=1)
    fin = talk.next[0] - 1
    for after in (0.3, 0.6, 1.2, 2.4, 4.8):
        talk.c(FIN | ACK, seq=fin, after=after)
    finding = expect(talk.c(RST | ACK, window=0, after=9.6), "fin-unanswered", outcomes=("degraded",), certain=True)
    assert "5 repeats" in finding["summary"], finding["summary"]
    # a program that closes by FIN and then in haste by a reset has not waited for anything
    talk = Talk().shake().ask().c(FIN | ACK, after=1).c(RST | ACK, window=502, after=0.001)
    expect(talk, "clean")


@case
def reset_sooner_than_the_path_allows():
    """A RST|ACK that takes the request comes at once, where a round trip takes long: the server is not said to have written it."""
    talk = Talk().shake(rtt=0.2).ask(rtt=0.2).c(PSH | ACK, b"GET /x HTTP/1.1\r\n\r\n", after=1)
    finding = expect(talk.s(RST | ACK, window=502, after=0.0015), "closed-with-unread-data", "aborted", "forged-reset",
                     outcomes=("failed",))
    assert finding["confidence"] == "possible" and "forged-reset" in names(finding), finding


@case
def handshake_refused_by_an_alert():
    """A client refuses the certificate, or a server the version: the alert in the clear tells why, and is in the evidence."""
    hello = b"\x16\3\1\0\x40\1" + bytes(63)
    for side, alert, word in ((0, 48, "unknown_ca"), (1, 70, "protocol_version"), (1, 116, "certificate_required"),
                              (0, 99, "99:")):
        talk = Talk().shake().c(PSH | ACK, hello).s(PSH | ACK, b"\x16\3\3\0\x40\2" + bytes(63), after=0.02)
        talk.c(ACK)
        if side:
            talk.c(PSH | ACK, b"\x16\3\3\0\x10\x10" + bytes(15))
        talk.send(side, PSH | ACK, b"\x15\3\3\0\2\2" + bytes([alert]), after=0.02)
        finding = expect(talk.send(side, RST | ACK, window=502), "linger-reset", "closed-with-unread-data", "aborted",
                         outcomes=("failed",))
        told_of = [e for e in finding["evidence"] if "alert of TLS by the " + ("client", "server")[side] in e["text"]]
        assert told_of and word in told_of[0]["text"] and told_of[0]["packet"] == len(talk.frames) - 1, finding


@case
def download_that_its_client_cancels():
    """A browser's tab is closed in mid-download: what comes from the server is no question that the browser would answer."""
    talk = Talk().shake().c(PSH | ACK, b"GET /big HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    for _ in range(16):
        talk.s(ACK, b"d" * 1448, after=0.0005)
    end = talk.next[0]
    talk.c(RST | ACK, window=502)
    for _ in range(4):
        talk.s(ACK, b"d" * 1448, after=0.0005)
    for _ in range(4):
        talk.c(RST, seq=end, window=0, ident=0)
    finding = expect(talk, "closed-with-unread-data", "linger-reset", outcomes=("failed", "degraded"))
    assert finding["culprit"] == "client-app" and "answer" not in finding["summary"], finding


@case
def proxy_of_the_handshake_waits_for_its_server():
    """A box accepts with a window of 0, which it opens when the server behind it is there: no application was slow."""
    for opens in BOTH:
        talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, window=0, ident=0, after=0.001).c(ACK)
        for after in (0.5, 1, 2):
            talk.c(ACK, b"G", keep=True, after=after).s(ACK, window=0, after=0.001)
        if opens:
            talk.s(ACK, after=0.5).ask().close()
        finding = expect(talk, "zero-window-stall", outcomes=("degraded",) if opens else ("failed", "unknown"))
        assert finding["culprit"] == "unknown" and "proxy of the handshake" in finding["summary"], finding


@case
def crossing_fins_of_bsd():
    """BSD acknowledges a FIN that crosses its own by that FIN once more: nothing was lost, and no timer ran."""
    for other in BOTH:
        talk = Talk().shake(rtt=0.1).c(FIN | ACK).s(FIN | ACK, ack=1001, after=0.1).c(FIN | ACK, seq=1001)
        talk = talk.s(FIN | ACK, seq=700001, after=0.1) if other else talk.s(ACK, after=0.1)
        expect(talk, "clean", certain=True, remark="simultaneous-close")
    # a FIN that its timer repeats behind a pure ACK was lost
    talk = Talk(timestamps=True).shake(rtt=0.1).c(FIN | ACK).s(FIN | ACK, ack=1001, after=0.15).c(ACK)
    expect(talk.c(FIN | ACK, seq=1001, after=0.2).s(ACK, after=0.1), "fin-lost", "fin-ack-lost",
           outcomes=("degraded",), certain=True)


STAMPED = MSS + SACK_OK + b"\x08\x0a"


@case
def syn_ack_that_the_client_refuses():
    """A SYN|ACK with a foreign ack or timestamp echo draws a bare RST, and the client connects on: it was not lost."""
    for again in BOTH:
        talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, ack=1002, after=2).c(RST, seq=1002, window=0, ident=0)
        talk.next[:] = [1000, 700000]
        if again:
            talk.c(SYN, options=MSS, after=1)
        talk.next[0] = 1001
        talk.s(SYN | ACK, options=MSS, after=0.1).c(ACK).ask().close()
        finding = expect(talk, "invalid-segment", outcomes=("degraded",))
        assert "refused a SYN|ACK" in finding["summary"] and "syn-ack-lost" not in names(finding), finding
        assert finding["application"]["client"]["after"] > 2, finding["application"]
    for ends in BOTH:
        talk = Talk()
        for number in range(4):
            talk.next[:] = [1000, 700000]
            talk.c(SYN, options=STAMPED + bytes((0, 0, 16, number)) + bytes(4), after=1)
            talk.s(SYN | ACK, options=STAMPED + b"\0\1\0\0\7\7\7\7", after=0.02)
            talk.c(RST, seq=1001, window=0, ident=0)
        later = (Talk(client=("192.0.2.9", 40009), now=talk.now + 60).shake().ask().close(),) if ends else ()
        finding = expect(talk, "invalid-segment", outcomes=("failed",) if ends else ("unknown",), others=later)
        assert any("PAWSActiveRejected" in e["text"] for e in finding["evidence"]), finding["evidence"]
    # nothing is wrong with it: a check with fixed numbers may have come before
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02).c(RST, seq=1001, window=0, ident=0)
    talk.next[:] = [1000, 700000]
    talk.c(SYN, options=MSS, after=1).s(SYN | ACK, options=MSS, after=0.02).c(ACK).ask().close()
    assert "port-scan" in names(expect(talk, "invalid-segment", outcomes=("degraded",)))
    # a scanner whose kernel knows nothing of its SYN sends no other
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.02).c(RST, seq=1001, window=0, ident=0)
    expect(talk, "unknown", outcomes=("unknown",))


@case
def bsd_gives_up_connecting():
    """Eleven SYNs are the whole schedule of macOS as of Linux, but its connect() ends after 75 s; their IP-ID is 0."""
    for idents, after in (("zero", 75), ("count", 120)):
        talk = Talk(idents=(idents, "count"))
        for number, gap in enumerate((0, 1, 1, 1, 1, 1, 2, 4, 8, 16, 32)):
            talk.c(SYN, options=MSS, seq=1000, after=gap)
        later = Talk(client=("192.0.2.9", 40009), server=("192.0.2.3", 80), now=talk.now + 200).shake().ask().close()
        seen = expect(talk, "syn-unanswered", outcomes=("failed",), others=(later,))["application"]["client"]
        assert seen["errno"] == "ETIMEDOUT" and after <= seen["after"] < after + 20, seen


@case
def handshake_acks_that_come_late():
    """Two SYN|ACKs, and two ACKs, each a second late: the path was slow, and none of them was lost."""
    for late in BOTH:
        talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS).s(SYN | ACK, options=MSS, seq=700000, after=1)
        talk.next[1] = 700001
        talk.c(ACK, after=0.05)
        if late:
            talk.c(ACK, after=1)
        talk.c(PSH | ACK, b"x" * 100, after=0.05).s(ACK).s(PSH | ACK, b"y" * 100).c(ACK, after=0.05)
        finding = expect(talk.close(rtt=0.05), "handshake-ack-lost", outcomes=("degraded",))
        assert ("was late" in finding["summary"]) == late, finding["summary"]


@case
def data_behind_its_own_fin():
    """Whoever numbers its data behind its FIN had sent that FIN: nobody else did, whatever it may mean by the data."""
    talk = Talk().shake().ask().c(FIN | ACK).s(ACK, after=0.02).s(FIN | ACK).c(ACK)
    finding = told(talk.c(PSH | ACK, b"more", after=1).s(RST, seq=talk.next[1], window=0, ident=0, after=0.02))[0]
    assert finding["verdict"] != "injected-segment", finding["summary"]
    # but data at the FIN's own number was sent by one who did not know of it
    talk = Talk().shake().ask().c(FIN | ACK, keep=True).s(ACK, ack=talk.next[0], after=0.02)
    talk.c(PSH | ACK, b"more", after=1).s(ACK, after=0.02)
    expect(talk, "injected-segment", outcomes=("degraded",))


@case
def reset_in_syn_sent_that_does_not_acknowledge():
    """Such a reset ends nothing, and what is wrong with it is not its sequence number."""
    for flags, ack in ((RST, 0), (RST | ACK, 1002)):
        talk = Talk().c(SYN, options=MSS).s(flags, seq=700001, ack=ack, window=0, ident=0, after=0.1)
        talk.next[0] = 1000
        talk.c(SYN, options=MSS, after=0.9).s(SYN | ACK, options=MSS, after=0.02).c(ACK).ask().close()
        finding = expect(talk, "invalid-segment", outcomes=("degraded",))
        assert "does not acknowledge the SYN" in finding["summary"], finding["summary"]
        assert finding["application"]["client"]["after"] > 1, finding["application"]


@case
def icmp_about_what_was_never_sent():
    """RFC 5927: an ICMP error that quotes another number than the SYN's ends no connect(), and one that quotes it does."""
    for off in (-1, 1, 70000):
        talk = Talk().c(SYN, options=MSS, seq=1000 + off)
        foreign = talk.last_ip()
        talk = Talk().c(SYN, options=MSS).icmp(3, 3, foreign, after=0.1)
        expect(talk, "unknown", outcomes=("unknown",))
        finding = expect(talk.icmp(3, 3, talk.frames[0][1][14:42], after=0.1), "firewall-rejected", outcomes=("failed",),
                         certain=True)
        assert finding["evidence"][0]["packet"] == 3, finding["evidence"]
        assert abs(finding["application"]["client"]["after"] - 0.2) < 0.01, finding["application"]
        # in an established connection, and far from its numbers
        talk = Talk().shake().ask().icmp(3, 13, foreign if off < 0 else foreign[:24] + b"\xf0" + foreign[25:])
        expect(talk.ask().close(), "clean", certain=True)


@case
def icmp_that_the_client_takes_for_soft():
    """BSD repeats its SYN through a router's "unreachable": connect() fails with the last error, not at the first."""
    talk = Talk()
    for after in (0, 1, 1.2, 2.2, 4.2):
        talk.c(SYN, options=MSS, seq=1000, after=after).icmp(3, 1, talk.last_ip())
    finding = expect(talk, "host-unreachable", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "EHOSTUNREACH", finding["application"]
    assert finding["application"]["client"]["after"] > 8, finding["application"]
    # a SYN that nothing follows is still under way
    finding = expect(talk.c(SYN, options=MSS, seq=1000, after=8), "host-unreachable", outcomes=("unknown",))
    assert finding["application"]["client"]["after"] is None, finding["application"]


@case
def refusal_with_a_number_of_its_own():
    """A RST|ACK for the SYN whose seq is not 0: it is not said that it is."""
    for seq, data in ((0, b""), (700001, b""), (0, b"hello")):
        talk = Talk().c(SYN, data, options=MSS).s(RST | ACK, seq=seq, window=0, ident=0, after=0.1)
        finding = expect(talk, "port-closed", outcomes=("failed",))
        text = finding["evidence"][1]["text"]
        assert ("seq 0, ack" in text) == (seq == 0) and ("ISN+1" in text) == (seq == 0 and not data), text


@case
def syns_that_cross_and_get_no_further():
    """Both ends sent a SYN, and one of them answers: that is no connection yet, and none that went well for certain."""
    talk = Talk().c(SYN, options=MSS).s(SYN, options=MSS, after=0.1)
    talk.c(SYN | ACK, options=MSS, seq=1000)
    expect(talk, "unknown", outcomes=("unknown",))
    finding = expect(talk.s(SYN | ACK, options=MSS, seq=700000, after=0.1).ask().close(), "clean", certain=True)
    assert finding["remark"] == "simultaneous-open", finding


@case
def syn_ack_again_by_its_timer():
    """One SYN|ACK more a second later is what a lost ACK draws; only a later one shows TCP_DEFER_ACCEPT."""
    for after, remark in ((1.0, None), (3.1, "deferred-accept")):
        talk = Talk().shake().s(SYN | ACK, options=MSS, seq=700000, after=after).c(ACK).close()
        finding = expect(talk, "clean", certain=True)
        assert finding["remark"] == remark, finding["remark"]


@case
def reset_behind_more_than_the_window():
    """Linux takes a segment beyond the window if its queue is empty: the RST|ACK behind it is its sender's own."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, window=18980, after=0.02).c(ACK, window=257)
    talk.c(PSH | ACK, b"d" * 20000, window=257)
    finding = expect(talk.c(RST | ACK, window=257), "linger-reset", outcomes=("failed",))
    assert finding["culprit"] == "client-app", finding


MP_CAPABLE, MP_FASTCLOSE = b"\x1e\4\1\x81", b"\x1e\x0c\x70\0" + bytes(8)


@case
def mptcp_that_is_ended_at_once():
    """A client's MP_FASTCLOSE, and the reset that it asks for: it was the client's program that aborted."""
    talk = Talk().shake(options=MSS + MP_CAPABLE).c(PSH | ACK, b"d" * 1000).s(ACK, after=0.02)
    talk.c(ACK, options=MP_FASTCLOSE, after=0.5)
    finding = expect(talk.s(RST | ACK, window=502, options=b"\x1e\4\x80\0", after=0.02), "aborted", outcomes=("failed",))
    assert finding["culprit"] == "client-app" and finding["application"]["server"]["errno"] == "ECONNRESET", finding
    # its own reset carries the option on Linux
    talk = Talk().shake(options=MSS + MP_CAPABLE).c(PSH | ACK, b"d" * 1000).s(ACK, after=0.02)
    finding = expect(talk.c(RST | ACK, window=502, options=MP_FASTCLOSE, after=0.5), "linger-reset",
                     outcomes=("failed", "degraded"))
    assert any("MP_FASTCLOSE" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def mptcp_path_that_its_kernel_resets():
    """MP_TCPRST with reason 6: no program left anything unread, a device on the path took the options away."""
    talk = Talk().shake(options=MSS + MP_CAPABLE).ask().c(PSH | ACK, b"more").s(ACK, after=0.02).s(PSH | ACK, b"xx")
    finding = expect(talk.c(RST | ACK, window=502, options=b"\x1e\4\x80\6"), "aborted", outcomes=("failed", "degraded"))
    assert finding["culprit"] == "middlebox" and "middlebox interference" in finding["summary"], finding


def dss(ack, at=None, length=0, fin=False):
    """The option of a segment: how far the MPTCP connection was heard, and what number the data (or DATA_FIN) has."""
    flags = 1 | (4 if at is not None else 0) | (0x10 if fin else 0)
    data = b"" if at is None else struct.pack(">IIH", at, 0 if fin else 1, length)
    option = bytes((0x1E, 8 + len(data), 0x20, flags)) + struct.pack(">I", ack) + data
    return b"\1" * (-len(option) % 4) + option


def mptcp_talk(question=b"q" * 100):
    """Handshake, a question and its answer: 100 bytes each, the client's numbers from 5000, the server's from 9000."""
    key = bytes(8)
    talk = Talk().c(SYN, options=MSS + MP_CAPABLE).s(SYN | ACK, options=MSS + b"\x1e\x0c\1\x81" + key, after=0.02)
    talk.c(ACK, options=b"\x1e\x14\1\x81" + key + key).c(PSH | ACK, question, options=b"\x1e\x16\1\x81" + key + key +
                                                          b"\0\x64\1\1")
    talk.s(ACK, options=dss(5100), after=0.02).s(PSH | ACK, b"a" * 100, options=dss(5100, 9000, 100), after=0.01)
    return talk.c(ACK, options=dss(9100))


@case
def mptcp_path_that_a_reset_ends():
    """A bare reset ends the path; the MPTCP socket waits for another one. After a fallback it is plain TCP's reset."""
    for option, seen in ((dss(9100, 5100, 500), "hang"), (b"", "ECONNRESET")):
        talk = mptcp_talk().c(PSH | ACK, b"d" * 500, options=option, after=0.1)
        finding = expect(talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02), "peer-rebooted", "linger-reset",
                         "forged-reset", "firewall-reset", "injected-segment", outcomes=("failed",))
        assert finding["application"]["client"]["errno"] == seen, finding["application"]
    # MP_FASTCLOSE with it ends the connection; Linux writes MP_TCPRST behind it
    for options in (MP_FASTCLOSE, MP_FASTCLOSE + b"\x1e\4\x80\0"):
        talk = mptcp_talk().c(PSH | ACK, b"d" * 500, options=dss(9100, 5100, 500), after=0.1)
        talk.s(ACK, options=dss(5600), after=0.02)
        finding = expect(talk.s(RST | ACK, window=502, options=options, after=0.1), "closed-with-unread-data",
                         outcomes=("failed",))
        assert finding["application"]["client"]["errno"] == "ECONNRESET", finding["application"]


def mptcp_closes(talk, said, heard):
    """The server closes, twice said; the client has heard it."""
    for after in (0.03, 0.005):
        talk.s(ACK, options=dss(heard, said, 1, fin=True), after=after)
    return talk.c(ACK, options=dss(said + 1), after=0.0001)


@case
def mptcp_closed_over_what_it_was_asked():
    """No word to the last question: MPTCP acknowledges what nobody has read. A reset would say so, and none comes."""
    talk = mptcp_talk().c(PSH | ACK, b"d" * 500, options=dss(9100, 5100, 500), after=0.1).s(ACK, options=dss(5600), after=0.02)
    finding = expect(mptcp_closes(talk, 9100, 5600), "unknown", outcomes=("unknown",))
    assert "500 bytes" in finding["summary"], finding["summary"]
    # both close in the end
    talk = mptcp_talk().c(PSH | ACK, b"d" * 500, options=dss(9100, 5100, 500), after=0.1).s(ACK, options=dss(5600), after=0.02)
    talk = mptcp_closes(talk, 9100, 5600).c(FIN | ACK, options=dss(9101, 5600, 1, fin=True), after=0.01)
    talk.s(FIN | ACK, options=dss(5601), after=0.02).c(ACK, options=dss(9101))
    expect(talk, "unknown", outcomes=("unknown",))


@case
def mptcp_data_behind_the_close():
    """A closed MPTCP socket acknowledges what comes, and nobody reads it."""
    talk = mptcp_closes(mptcp_talk(), 9100, 5100).c(PSH | ACK, b"d" * 100, options=dss(9101, 5100, 100), after=0.1)
    finding = expect(talk.s(ACK, options=dss(5200), after=0.02), "unknown", outcomes=("unknown",))
    assert "then sent" in finding["summary"], finding["summary"]


@case
def mptcp_closed_when_all_was_said():
    """Answered; answered on another path; a farewell; the client closed first."""
    expect(mptcp_closes(mptcp_talk(), 9100, 5100), "clean")
    talk = mptcp_talk().c(PSH | ACK, b"d" * 500, options=dss(9100, 5100, 500), after=0.1).s(ACK, options=dss(5600), after=0.02)
    expect(mptcp_closes(talk, 9900, 5600), "clean")
    talk = mptcp_talk().c(PSH | ACK, b"QUIT\r\n", options=dss(9100, 5100, 6), after=0.1).s(ACK, options=dss(5106), after=0.02)
    expect(mptcp_closes(talk, 9100, 5106), "clean")
    talk = mptcp_talk().c(PSH | ACK, b"d" * 500, options=dss(9100, 5100, 500), after=0.1).s(ACK, options=dss(5600), after=0.02)
    talk.c(ACK, options=dss(9100, 5600, 1, fin=True), after=0.01).s(ACK, options=dss(5601), after=0.02)
    expect(mptcp_closes(talk, 9100, 5601), "clean")


@case
def syn_that_asked_for_more():
    """The SYN that is answered asks no more for MPTCP or ECN: a device that drops such SYNs looks like their loss."""
    for option, flags, word in ((MP_CAPABLE, 0, "MPTCP"), (b"", 0xC0, "ECN"), (b"", 0, None)):
        talk = Talk()
        for after in (0, 1, 1):
            talk.next[0] = 1000
            talk.c(SYN | flags, options=MSS + option, after=after)
        talk.next[0] = 1000
        talk.c(SYN, options=MSS, after=1).s(SYN | ACK, options=MSS, after=0.02).c(ACK).ask().close()
        finding = expect(talk, "syn-lost", outcomes=("degraded",))
        said = [e["text"] for e in finding["evidence"] if "asked for" in e["text"]]
        assert [word] == [w for w in ("MPTCP", "ECN") if said and w in said[0]] if word else not said, said


@case
def fin_that_never_came_through():
    """A server's FINs stay unanswered; to the client, whose next words draw a reset, that is the first sign."""
    for times, errno in ((3, "ECONNRESET"), (1, "EOF")):
        talk = Talk().shake().ask()
        end = talk.next[1]
        for after in (5, 0.3, 0.6)[:times]:
            talk.s(FIN | ACK, seq=end, after=after)
        if times == 1:
            talk.next[1] = end + 1
            talk.c(ACK, after=0.001)
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", ack=talk.next[1], after=3)
        finding = expect(talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02), "data-after-close",
                         outcomes=("failed",))
        assert finding["application"]["client"]["errno"] == errno, finding["application"]


@case
def probes_of_a_closed_window_that_nobody_answers():
    """A kernel answers probes whatever its program does: one that falls silent is no slow reader, and BSD resets at last."""
    for reset in BOTH:
        talk = Talk().shake().c(PSH | ACK, b"d" * 100).s(ACK, window=0, after=0.02)
        for after in (5, 5, 10, 20, 40, 60, 60):
            talk.c(ACK, b"d", keep=True, after=after)
        if reset:
            talk.c(RST | ACK, window=0, after=60)
        finding = expect(talk, "zero-window-stall", "peer-vanished", outcomes=("failed",))
        assert finding["culprit"] == "unknown" and "peer-vanished" in names(finding), finding
        assert finding["application"]["client"]["errno"] == ("ETIMEDOUT" if reset else "hang"), finding["application"]
    # one that answers each of them does not read
    talk = Talk().shake().c(PSH | ACK, b"d" * 100).s(ACK, window=0, after=0.02)
    for after in (0.2, 0.4, 0.8, 1.6):
        talk.c(ACK, seq=talk.next[0] - 1, after=after).s(ACK, window=0, after=0.02)
    assert expect(talk, "zero-window-stall", outcomes=("failed",))["culprit"] == "server-app"


@case
def window_taken_back_by_a_device():
    """The server's window goes from 64 KiB to 0 with nothing that could fill it: not its program, and of its answer nothing lacks."""
    for closes in (True, False):
        talk = Talk(timestamps=True).shake(options=MSS + SACK_OK).ask(answer=b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1000))
        for _ in range(20):
            talk.s(PSH | ACK, bytes(1000), after=0.1, window=0).c(ACK)
        if closes:
            talk.s(FIN | ACK, after=0.1, window=0).c(ACK)
        for step in range(7):
            talk.c(ACK, seq=talk.next[0] - 1, after=0.2 * 2 ** step).s(ACK, window=0)
        finding = expect(talk, "zero-window-stall", outcomes=("degraded",) if closes else ("failed",))
        assert finding["confidence"] == "possible" and not finding["culprit"] or finding["culprit"] == "unknown", finding
        assert "took back" in finding["summary"] and "stopped reading" not in finding["summary"], finding["summary"]


@case
def data_that_a_shrunken_window_refuses():
    """A receiver without memory drops what its window had allowed, and says 0: nothing was lost, it was not taken."""
    for shrinks in BOTH:
        talk = Talk().shake(options=MSS + SACK_OK).c(ACK, b"d" * 1400).s(ACK, window=8000).c(ACK, b"e" * 1400)
        talk.s(ACK, ack=2401, window=0 if shrinks else 8000).s(ACK, ack=2401, window=8000, after=0.05)
        talk.next[0] -= 1400
        finding = expect(talk.c(ACK, b"e" * 1400, after=0.2).s(ACK).close(), "loss-recovered", outcomes=("degraded",),
                         certain=True)
        assert ("did not take" in finding["summary"]) == shrinks, finding["summary"]
        assert not shrinks or finding["culprit"] == "server-host", finding["culprit"]


@case
def handshake_ack_lost_three_times():
    """The server's accept() waits until the SYN|ACK that is answered at last, and not for the first repeat."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS)
    for after in (1, 2, 4):
        talk.s(SYN | ACK, options=MSS, seq=700000, after=after)
    talk.c(ACK, after=0.1).s(PSH | ACK, b"220 hello\r\n").c(ACK, after=0.02)
    finding = expect(talk.close(), "handshake-ack-lost", outcomes=("degraded",))
    assert finding["application"]["server"]["after"] > 7, finding["application"]


@case
def overtaken_inside_of_one_large_packet():
    """A host hands its card 4 segments as one packet; the hole in them closes without a repeat: reordering, as in four."""
    for size, repeated in ((1000, False), (4000, False), (4000, True)):
        talk = Talk().shake(options=MSS + SACK_OK)
        for _ in range(4000 // size):
            talk.c(ACK, b"d" * size)
        for n, after in ((1, 0.02), (2, 0.0001), (3, 0.0001)):
            talk.s(ACK, ack=1001, options=b"\1\1\5\x0a" + struct.pack(">II", 2001, 2001 + n * 1000), after=after)
        if repeated:
            talk.c(ACK, b"d" * 1000, seq=1001)
        talk.s(ACK, after=0.03).close()
        if repeated:
            expect(talk, "loss-recovered", outcomes=("degraded",), certain=True)
        else:
            expect(talk, "reordering", outcomes=("degraded",), certain=True)


if __name__ == "__main__":
    main()
