#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Resets at the end of connections, as programs and boxes in the field write them: what was owed, and who wrote them.

usage: TCPWHY=build/tcpwhy tests/goodbyes.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, equal, main
from talk import HELLO_HTTP, MSS, RECORD, TICKET, Talk, expect, record, sealed, told

CLOSE_NOTIFY = b"\x15\x03\x03\x00\x1a" + bytes(26)
ALERT = b"\x15\x03\x01\x00\x02\x02\x28"


@case
def close_notify_and_reset_behind_the_servers_close():
    """The server closes; the client answers by close_notify and, without waiting, by a reset."""
    talk = Talk(timestamps=True).shake(rtt=0.17).ask(RECORD, RECORD, rtt=0.17)
    talk.s(PSH | ACK, CLOSE_NOTIFY, after=30).s(FIN | ACK)
    talk.c(PSH | ACK, CLOSE_NOTIFY, after=0.008).c(RST | ACK, after=0.002)
    talk.s(RST, window=0, ident=43434, after=0.17)
    finding = expect(talk, "clean")
    assert "goodbye" in finding["summary"], finding["summary"]


@case
def both_say_close_notify_and_the_server_resets():
    """The client closes by close_notify and FIN, the server by close_notify and a reset."""
    talk = Talk(timestamps=True).shake().ask(RECORD, RECORD).c(PSH | ACK, CLOSE_NOTIFY, after=5).c(FIN | ACK)
    before = talk.next[1]
    talk.s(PSH | ACK, CLOSE_NOTIFY, after=0.02).s(RST | ACK)
    talk.c(RST, seq=talk.next[0], window=0, ident=0).s(RST, seq=before, window=0, ident=777)
    expect(talk, "clean")


@case
def complaint_to_a_client_that_never_asked():
    """A client connects, says nothing, and closes; the server's TLS complains and resets."""
    talk = Talk(ttl=(64, 231)).shake(rtt=0.17).c(FIN | ACK, after=3.5)
    talk.s(PSH | ACK, ALERT, after=0.2).s(RST | ACK, window=58)
    talk.c(RST, seq=talk.next[0], window=0, ident=0, after=0.004)
    expect(talk, "clean")


@case
def answer_lost_by_the_reset():
    """No goodbye but half of an answer: that is owed."""
    talk = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").c(FIN | ACK)
    talk.s(ACK, after=0.02).s(PSH | ACK, bytes(900), after=0.01).s(RST | ACK)
    expect(talk, "linger-reset", "closed-with-unread-data", "aborted", "unknown", outcomes=("failed", "unknown"))


@case
def acknowledged_where_the_capture_did_not_see_it():
    """Of the server nothing was captured; the client repeats nothing for 40 s, and resets: its data had arrived."""
    talk = Talk(timestamps=True)
    talk.c(PSH | ACK, bytes(45)).c(RST | ACK, after=41)
    finding = expect(talk, "linger-reset", "aborted", "unknown", outcomes=("degraded", "unknown"))
    assert "threw away" not in finding["summary"], finding["summary"]


@case
def number_beyond_any_window():
    """A box ends a half-closed connection by a RST|ACK with a number of its own, and answers the challenge."""
    talk = Talk(ttl=(64, 142)).c(FIN | ACK).s(ACK, after=0.14)
    talk.s(RST | ACK, seq=talk.next[1] + 1957144149, after=13).c(ACK, ident=0)
    talk.s(RST, window=0, ident=0, after=0.04)
    finding = expect(talk, "invalid-segment", "clean", "aborted", "firewall-reset", "peer-rebooted", "idle-reset", "unknown",
                     outcomes=("clean", "degraded", "unknown"))
    assert "threw away" not in finding["summary"], finding["summary"]


@case
def closed_client_of_an_old_kernel_on_a_radio_link():
    """Before Linux 4.20 the resets of a closed end have ids of their own; and a radio link is sooner at times."""
    talk = Talk(ttl=(64, 221)).c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=0.12).c(ACK, after=0.0044)
    for _ in range(2):
        talk.c(PSH | ACK, RECORD).s(ACK, after=0.1).s(PSH | ACK, RECORD, after=0.1).c(ACK, after=0.0056)
    talk.c(PSH | ACK, CLOSE_NOTIFY, after=80).c(FIN | ACK, after=0.001)
    end = talk.next[0]
    for i, (flags, data) in enumerate([(PSH | ACK, record(33)), (PSH | ACK, CLOSE_NOTIFY), (FIN | ACK, b"")]):
        talk.s(flags, data, after=0.07 if not i else 0.0002).c(RST, seq=end, window=0, ident=40074 + i, after=0.0013)
    expect(talk, "clean")


@case
def both_abort_at_once():
    """A load generator's ends both abort; the reset of one acknowledges all that the other had sent."""
    talk = Talk(ttl=(128, 128)).shake().c(PSH | ACK, bytes(604)).s(ACK, after=0.02)
    for size in (1460, 1460, 1460, 340):
        talk.s(PSH | ACK, bytes(size), after=0.00001)
    talk.s(RST | ACK).c(RST | ACK, after=0.00001)
    expect(talk, "linger-reset", "aborted", "clean", outcomes=("degraded", "clean"))


# ---- a request to who has closed: nothing can answer it, whatever becomes of it ----

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
REDIS_GET = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
NOTIFY = {24: b"\x17\x03\x03\x00\x13" + bytes(19), 31: b"\x15\x03\x03\x00\x1a" + bytes(26)}


@case
def publisher_that_closes():
    """RabbitMQ resets whom it has not taken leave of. What was published needs no answer; a request that is refused so does."""
    publish = b"\x01\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x28" + bytes(40)
    for words, wait, verdict, outcome in ((publish, 0.8, "clean", "clean"), (GET, 0.8, "closed-with-unread-data", "failed"),
                                          (publish, 0.001, "closed-with-unread-data", "failed")):
        talk = Talk(server=("192.0.2.2", 8080)).shake().ask(b"hello" * 20, b"welcome" * 20).c(PSH | ACK, words).s(ACK, after=0.04)
        talk.c(FIN | ACK, after=wait).s(RST | ACK, window=512, after=0.004)
        expect(talk, verdict, outcomes=(outcome,))


@case
def upload_refused_and_broken_off():
    """The server refuses an upload, the client resets behind it, and its host answers each ACK that the reset crossed."""
    talk = Talk(timestamps=True).c(SYN, options=MSS).s(SYN | ACK, options=MSS, ident=0).c(ACK, after=0.004)
    talk.c(PSH | ACK, b"POST /up HTTP/1.1\r\nContent-Length: 100000\r\n\r\n").s(ACK)
    acked = []
    for _ in range(8):
        talk.c(ACK, bytes(1448)).c(ACK, bytes(1448)).s(ACK)
        acked.append(talk.next[0])
    talk.s(PSH | ACK, b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\n\r\n", seq=None)
    for _ in range(4):
        talk.c(ACK, bytes(1448)).c(ACK, bytes(1448)).s(ACK)
        acked.append(talk.next[0])
    talk.c(ACK, after=0.004).c(RST | ACK, after=0.001)
    for at in acked[-6:]:
        talk.c(RST, seq=at, window=0, ident=0)
    expect(talk, "clean", "closed-with-unread-data", outcomes=("clean", "degraded"))


def stale(words, refused=False, wait=0.8, idle=2.0):
    """An answer, silence, the server's FIN; @wait later the client says @words, meets the end of file and closes."""
    talk = Talk(server=("192.0.2.2", 8080)).shake(rtt=0.004).ask(rtt=0.004)
    talk.s(FIN | ACK, after=idle).c(ACK, after=0.04)
    talk.c(PSH | ACK, words, after=wait).c(FIN | ACK, after=0.0005)
    if refused:
        gone = talk.next[1]
        return talk.s(RST, seq=gone, window=0, ident=0, after=0.004).s(RST, seq=gone, window=0, ident=0)
    return talk.s(ACK, after=0.004)


@case
def request_on_a_connection_that_had_been_closed():
    """Refused by a reset, or taken by a server that lingers: no answer comes, and the client sees the end of file."""
    for words in (GET, REDIS_GET, b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + b" " * 60):
        for refused in (True, False):
            for all_of_them in (True, False):
                finding, = told(stale(words, refused), all_of_them=all_of_them)
                assert finding and finding["verdict"] == "data-after-close", finding and finding["summary"]
                assert finding["outcome"] == "failed", finding["outcome"]
                assert finding["application"]["client"]["errno"] == "EOF", finding["application"]


@case
def request_of_the_size_of_a_farewell():
    """The first look does not know a request from a farewell by its size: five bytes (COM_PING), 24 and 31 as close_notify."""
    for words in (b"\1\0\0\0\x0e", b"GET /abcdef HTTP/1.0\r\n\r\n", b"GET /abcdefghijklm HTTP/1.0\r\n\r\n"):
        assert len(words) in (5, 24, 31), len(words)
        for refused in (True, False):
            first, = told(stale(words, refused), all_of_them=False)
            second, = told(stale(words, refused))
            assert second["outcome"] == "clean" or first, second["summary"]
            assert len(words) == 5 or second["outcome"] == "failed", second["summary"]


@case
def farewell_to_a_server_that_had_closed():
    """QUIT and close_notify want no answer."""
    for words in (b"QUIT\r\n", NOTIFY[24], NOTIFY[31], b"*1\r\n$4\r\nQUIT\r\n"):
        for refused in (True, False):
            finding, = told(stale(words, refused))
            assert finding["outcome"] == "clean", (words, finding["summary"])


@case
def record_of_tls_that_is_too_long_for_a_farewell():
    """A request in a record of 56 bytes, refused; a GOAWAY of HTTP/2 in one of 39 is a farewell."""
    for bytes_of_it, outcome in ((56, "failed"), (39, "clean")):
        record = b"\x17\x03\x03" + (bytes_of_it - 5).to_bytes(2, "big") + bytes(bytes_of_it - 5)
        assert told(stale(record, True))[0]["outcome"] == outcome, bytes_of_it


@case
def request_in_tls_on_a_connection_that_had_been_closed():
    """It cannot be read, but it is too long for a farewell, and a server that lingers takes it. A rest of an upload is none."""
    record = b"\x17\x03\x03\x01\xf4" + bytes(500)
    for all_of_them in (True, False):
        finding, = told(stale(record), all_of_them=all_of_them)
        assert finding and finding["verdict"] == "data-after-close", finding
        assert (finding["outcome"], finding["confidence"]) == ("failed", "possible"), finding
    talk = Talk(server=("192.0.2.2", 443)).shake(rtt=0.004).c(PSH | ACK, record).s(ACK, after=0.004)
    talk.s(PSH | ACK, record, after=0.002).s(FIN | ACK).c(PSH | ACK, record, after=0.001).s(ACK, after=0.004)
    expect(talk.c(FIN | ACK).s(ACK, after=0.004), "clean", outcomes=("clean",))


@case
def request_that_crosses_the_fin_of_a_server_that_lingers():
    """Idle for 5 s, then FIN and request cross; no reset comes of it, and no answer."""
    talk = Talk(server=("192.0.2.2", 8080)).shake(rtt=0.04).ask(rtt=0.04)
    covered = talk.next[0]
    talk.c(PSH | ACK, GET, after=5.0).s(FIN | ACK, ack=covered, after=0.01)
    talk.c(ACK, after=0.0001).s(ACK, after=0.03).c(FIN | ACK, after=0.001).s(ACK, after=0.04)
    expect(talk, "keepalive-race", outcomes=("failed",))


@case
def probes_do_not_break_the_idle_time():
    """A client with TCP_KEEPALIVE asks after 1 s whether the server lives; its next request crosses the FIN of the timer of 2 s."""
    talk = Talk(timestamps=True).shake(rtt=0.04).ask(rtt=0.04)
    covered, left = talk.next
    talk.c(ACK, seq=covered - 1, after=1.0).s(ACK, after=0.04).c(PSH | ACK, GET, after=0.94).s(FIN | ACK, ack=covered, after=0.02)
    talk.c(FIN | ACK, after=0.0002)
    for number in (left, left + 1):
        talk.s(RST, seq=number, window=0, ident=0, after=0.02)
    expect(talk, "keepalive-race", outcomes=("failed",))


@case
def goodbye_of_tls_that_crosses_a_request():
    """The timer of 2 s sends a close_notify and a FIN; the client, whose request is on its way, acknowledges the one before it sees the other."""
    talk = sealed(HELLO_HTTP, timestamps=True, rtt=0.04).c(PSH | ACK, record(200)).s(PSH | ACK, record(900), after=0.041).c(ACK, after=0.04)
    covered, left = talk.next
    talk.c(PSH | ACK, record(200), after=1.93).s(PSH | ACK, record(24), ack=covered, after=0.027).c(ACK)
    talk.s(FIN | ACK, ack=covered).c(FIN | ACK, after=0.0003)
    for number in (left, left + 24, left + 25):
        talk.s(RST, seq=number, window=0, ident=0, after=0.013)
    expect(talk, "keepalive-race", outcomes=("failed",))


@case
def greeting_behind_the_close():
    """A client that waits for the server's first words leaves after 7 s; its FIN wakes a server behind TCP_DEFER_ACCEPT."""
    for wait, verdicts, outcomes in ((7.0, ("data-after-close",), ("failed",)), (0.01, ("clean",), ("clean",))):
        talk = Talk(server=("192.0.2.2", 25)).shake(rtt=0.04).c(FIN | ACK, after=wait)
        talk.s(PSH | ACK, b"220 mail.example\r\n", after=0.04).c(RST, window=0, ident=0)
        finding = expect(talk, *verdicts, outcomes=outcomes)
        assert ("nobody was waiting" in finding["summary"]) == (wait < 1), finding["summary"]
        del talk.frames[:3]  # a capture that begins behind the handshake: what was said before is not known
        expect(talk, "clean", outcomes=("clean",))


@case
def reset_behind_a_silence_within_tls():
    """A record that is acknowledged and not answered in 5 s; the client takes its leave, and a reset ends it. Who was owed what cannot be read."""
    for wait in (5, 0.1):
        talk = sealed(timestamps=True, rtt=0.04).c(PSH | ACK, record(105)).s(ACK, after=0.08)
        talk.c(PSH | ACK, CLOSE_NOTIFY, after=wait).c(FIN | ACK).s(ACK, after=0.04).s(RST | ACK, after=0.002)
        finding = expect(talk, "clean", outcomes=("clean",))
        assert ("nobody was owed anything" in finding["summary"]) == (wait < 1), finding["summary"]
        assert ("no answer in 5.0" in finding["summary"]) == (wait > 1), finding["summary"]


@case
def words_without_an_answer_and_an_end_that_is_not_seen():
    """Four rounds, and words that nobody answers in 3 s; the client closes, and there the capture ends. Nothing is said of a wait where nobody left."""
    for left in (True, False):
        talk = Talk().shake(rtt=0.04)
        for _ in range(4):
            talk.ask(question=bytes(100), answer=bytes(300), rtt=0.04)
        talk.c(PSH | ACK, bytes(100)).s(ACK, after=0.08)
        if left:
            talk.c(FIN | ACK, after=3).s(ACK, after=0.04)
        finding = expect(talk, "clean", "unknown", outcomes=("clean", "unknown"))
        assert ("no answer in 3.0" in finding["summary"]) == left, finding["summary"]
        assert left or "no answer in" not in finding["summary"], finding["summary"]
    finding, = told(Talk().shake().ask().c(PSH | ACK, GET).s(ACK, after=0.02), all_of_them=True)
    assert "no answer in" not in finding["summary"], finding["summary"]


@case
def left_in_an_answer_that_no_ack_reached():
    """What the client says does not arrive: the server repeats what it has, for 4 s; the client leaves, and its third FIN comes through. Then the answer goes on."""
    talk = Talk(timestamps=True).shake(rtt=0.04).c(PSH | ACK, GET).s(ACK, after=0.04)
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + bytes(1300)).c(ACK)
    start, heard = talk.next[1], talk.heard[1]
    for _ in range(4):
        talk.s(ACK, bytes(1400), after=0.001).c(ACK)
    for after in (0.3, 0.6, 1.2, 2.0):
        talk.heard[1] = heard
        talk.s(ACK, bytes(1400), seq=start, after=after)
        talk.c(ACK, options=b"\1\1\5\x0a" + struct.pack(">II", start, start + 1400))
    talk.c(FIN | ACK, after=0.02)
    for _ in range(2):
        talk.c(FIN | ACK, seq=talk.next[0] - 1, after=0.28)
    for flags in (ACK, ACK, ACK, PSH | FIN | ACK):
        talk.s(flags, bytes(1400), after=0.04).c(RST, window=0, ident=0)
    finding = expect(talk, "data-after-close", "app-stuck", "peer-vanished", outcomes=("failed",))
    assert "in the midst of" in finding["summary"], finding["summary"]


@case
def download_broken_off_within_tls():
    """close_notify, and a RST|ACK behind it, while records come: the client says that it wants no more, and that is the same at both ends. A reset alone does not say so."""
    for at_server in (False, True):
        for polite in (True, False):
            talk = sealed(HELLO_HTTP, timestamps=False, ttl=(57, 64) if at_server else (64, 57), rtt=0.0001 if at_server else 0.04)
            talk.c(PSH | ACK, record(100)).s(ACK, after=0.0001 if at_server else 0.04)
            for _ in range(12):
                talk.s(PSH | ACK, record(1400), after=0.001).c(ACK, after=0.0001)
            covered = talk.next[1]
            for _ in range(at_server * 2):
                talk.s(PSH | ACK, record(1400), after=0.0001)
            if polite:
                talk.c(PSH | ACK, CLOSE_NOTIFY, ack=covered)
            talk.c(RST | ACK, seq=talk.next[0], ack=covered)
            outcome = told(talk, all_of_them=True)[0]["outcome"]
            assert (outcome == "failed") == (not polite), (at_server, polite, outcome)


# ---- heartbeats: their rhythm tells what they are ----

def beating(answered, silent, leaves, every=1.0, sizes=(52,), reset=False):
    """SSH: so many messages answered, so many only acknowledged, and the client leaves so long after the last."""
    talk = Talk(timestamps=not reset, server=("192.0.2.2", 22)).shake(rtt=0.04).s(PSH | ACK, b"SSH-2.0-OpenSSH_9.2p1\r\n", after=0.01).c(ACK)
    talk.c(PSH | ACK, b"SSH-2.0-OpenSSH_9.2p1\r\n").s(ACK, after=0.04).s(PSH | ACK, bytes(900), after=0.001).c(ACK)
    at = talk.now
    for n in range(answered + silent):
        at += every
        talk.c(PSH | ACK, bytes(sizes[n % len(sizes)]), after=at - talk.now)
        talk.s(ACK, after=0.04) if n >= answered else talk.s(PSH | ACK, bytes(28), after=0.04).c(ACK)
    talk.c(RST | ACK if reset else FIN | ACK, after=at + leaves - talk.now)
    return talk if reset else talk.s(ACK, after=0.04)


@case
def heartbeats_that_nobody_answers():
    """Some were answered, the last ones are only acknowledged; the client leaves when the next is due. Or it waits for the one."""
    for talk in (beating(1, 2, 1.0), beating(4, 3, 1.0), beating(3, 3, 15.0, every=15.0), beating(2, 1, 9.0), beating(4, 3, 1.0, reset=True)):
        finding = expect(talk, "app-stuck", outcomes=("failed",))
        assert finding["confidence"] == "likely" and "stopped answering" in finding["summary"], finding["summary"]


@case
def messages_at_an_interval_that_are_no_questions():
    """None was ever answered; the client leaves at some other time; they are not alike; all were answered; only one was not, and the client left soon."""
    for talk in (beating(0, 6, 1.0), beating(4, 3, 0.4), beating(4, 3, 1.0, sizes=(52, 52, 60)), beating(6, 0, 1.0), beating(4, 1, 1.0)):
        finding, = told(talk, all_of_them=True)
        assert finding["outcome"] != "failed" and "stopped answering" not in finding["summary"], finding["summary"]


# ---- the handshake of TLS: refused, or all that somebody came for ----

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01" + bytes(511)
SERVER_HELLO = b"\x16\x03\x03\x04\xf0\x02" + bytes(1263)
FINISHED = b"\x14\x03\x03\x00\x01\x01\x16\x03\x03\x00\x28" + bytes(40)
UNKNOWN_CA = b"\x15\x03\x03\x00\x02\x02\x30"


def shaken(last, ending):
    """ClientHello, the server's part, and @last of the client, which resets; where @ending, after the server's FIN."""
    talk = Talk(server=("192.0.2.2", 443)).shake(rtt=0.004).c(PSH | ACK, CLIENT_HELLO).s(ACK, after=0.004)
    talk.s(PSH | ACK, SERVER_HELLO, after=0.002).c(ACK, after=0.0001).c(PSH | ACK, last, after=0.02)
    covered = talk.next[1]
    if ending:
        talk.s(FIN | ACK, after=0.0005)
    return talk.c(RST | ACK, seq=talk.next[0], ack=covered, after=0.0006)


@case
def certificate_refused():
    """The client's alert, and its reset: failed at either end, whether the server's FIN is seen before the reset or not."""
    for ending in (False, True):
        finding = expect(shaken(UNKNOWN_CA, ending), "aborted", "closed-with-unread-data", outcomes=("failed",))
        assert any("unknown_ca" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def check_of_a_balancer_by_tls():
    """Its Finished, and its reset at once: it asked for nothing. With a request behind the Finished it did."""
    finding = expect(shaken(FINISHED, False), "clean", remark="health-check")
    assert "handshake of TLS" in finding["summary"], finding["summary"]
    asked = told(shaken(FINISHED + RECORD, False))[0]
    assert asked["outcome"] == "failed", asked["summary"]


TO_CLOSE = b"\x17\x03\x03\x00\x13" + bytes(19)


@case
def certificate_refused_behind_the_key_exchange():
    """TLS 1.3: ChangeCipherSpec and the alert, encrypted, in one segment of 30 bytes: no Finished, which is longer."""
    changed = b"\x14\x03\x03\x00\x01\x01"
    talk = shaken(changed + TO_CLOSE, False)
    assert told(talk)[0]["outcome"] == "failed", told(talk)[0]["summary"]
    finished = changed + b"\x17\x03\x03\x00\x35" + bytes(53)
    expect(shaken(finished, False), "clean", remark="health-check")
    # the server gives up at the same time
    talk = Talk(server=("192.0.2.2", 443)).shake(rtt=0.004).c(PSH | ACK, CLIENT_HELLO).s(ACK, after=0.004)
    talk.s(PSH | ACK, SERVER_HELLO, after=0.002).c(ACK).c(PSH | ACK, finished, after=0.02)
    covered = talk.next[0] - len(finished)
    talk.s(PSH | ACK, TO_CLOSE, ack=covered, after=0.0005).s(FIN | ACK, ack=covered)
    finding, = told(talk.c(RST | ACK, after=0.0003))
    assert finding["remark"] != "health-check", finding["summary"]


@case
def proxy_that_waits_in_vain_and_resets():
    """An HTTP request, acknowledged and not answered for 2 s; the client's reset. Gone within a round trip it is a break-off."""
    for waited, outcomes in ((2.0, ("failed",)), (0.1, ("degraded", "failed", "clean"))):
        talk = Talk().shake(rtt=0.004).c(PSH | ACK, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").s(ACK, after=0.004)
        finding = told(talk.c(RST | ACK, after=waited))[0]
        assert finding["outcome"] in outcomes, finding["summary"]


# ---- a FIN that nobody answers ----


def fin_in_vain(*at):
    """The client's FIN, and its repeats so long after it."""
    talk = Talk().shake(rtt=0.001).ask(rtt=0.001).c(FIN | ACK, after=0.1)
    begin, fin = talk.now, talk.next[0] - 1
    for seconds in at:
        talk.now = begin
        talk.c(FIN | ACK, seq=fin, after=seconds)
    return talk


@case
def repeats_of_a_fin_and_the_probe_on_top():
    """Eight repeats, the first two a fifth of a second apart: that was a tail-loss probe, and one more repeat is to come."""
    probed = fin_in_vain(0.21, 0.42, 0.85, 1.7, 3.4, 6.9, 13.8, 27.3)
    expect(probed, "fin-unanswered", outcomes=("degraded",))
    spent = fin_in_vain(0.21, 0.42, 0.85, 1.7, 3.4, 6.9, 13.8, 27.3, 54.6)
    assert expect(spent, "fin-unanswered", outcomes=("degraded",), certain=True)["confidence"] == "certain"


# ---- what TLS and HTTP/2 say at the end ----


@case
def close_notifies_that_cross():
    """The server's close_notify crosses the client's and its FIN, and is unread there, or the client's is here: a reset either way."""
    at_server = sealed().c(PSH | ACK, RECORD, after=1).s(PSH | ACK, RECORD, after=0.02).c(ACK)
    before = at_server.next[0]
    at_server.s(PSH | ACK, TO_CLOSE, after=1).c(FIN | PSH | ACK, TO_CLOSE, ack=at_server.next[1] - 24)
    at_server.s(RST | ACK).c(RST, seq=before, window=0, ident=0, after=0.02)
    expect(at_server, "clean")
    at_client = sealed().c(PSH | ACK, RECORD, after=1).s(PSH | ACK, RECORD, after=0.02).c(ACK)
    before = at_client.next[0]
    at_client.c(FIN | PSH | ACK, TO_CLOSE, after=1).s(PSH | ACK, TO_CLOSE, ack=before)
    expect(at_client.c(RST, seq=before, window=0, ident=0), "clean")


@case
def download_that_is_waved_off():
    """close_notify and FIN in the midst of an answer: the server resets, and its data is wanted by nobody. But not where the client had waited for the rest."""
    for waited, verdicts, outcomes in ((0.002, ("clean",), ("clean",)), (8, ("closed-with-unread-data", "linger-reset", "aborted", "app-stuck"), ("failed", "unknown"))):
        talk = sealed(timestamps=True).c(PSH | ACK, record(100), after=0.001)
        for _ in range(12):
            talk.s(ACK, record(1400), after=0.0002)
        talk.c(ACK, after=0.02)
        at = talk.next[1]
        for _ in range(6):
            talk.s(ACK, bytes(1400), after=0.0002)
        talk.c(PSH | ACK, TO_CLOSE, ack=at, after=waited).c(FIN | ACK, ack=at).s(RST | ACK, after=0.0002)
        finding = expect(talk, *verdicts, outcomes=outcomes)
        assert outcomes != ("clean",) or "broke the answer off" in finding["summary"], finding["summary"]


@case
def words_behind_the_servers_close_that_want_nothing():
    """Java's close_notify, which it pads; a PING of HTTP/2 acknowledged, with a WINDOW_UPDATE: to a server that has closed. A request is another matter."""
    for words, verdicts, outcomes in ((record(40), ("clean",), ("clean",)), (record(39), ("clean",), ("clean",)), (record(52), ("clean",), ("clean",)),
                                      (record(90), ("data-after-close", "keepalive-race"), ("failed",))):
        talk = sealed(HELLO_HTTP, timestamps=True).c(PSH | ACK, record(200), after=0.5).s(PSH | ACK, record(300), after=0.02).c(ACK)
        talk.s(PSH | ACK, TO_CLOSE, after=3).s(FIN | ACK).c(ACK, after=0.04)
        talk.c(PSH | ACK, words, after=1).s(RST, window=0, ident=0, after=0.02)
        expect(talk, *verdicts, outcomes=outcomes)


@case
def handshake_refused_and_closed_in_order():
    """An alert, and FINs: to TCP that is a clean close, and what the program said stands in it."""
    talk = Talk(timestamps=True).shake().c(PSH | ACK, HELLO_HTTP).s(PSH | ACK, ALERT, after=0.02).s(FIN | ACK).c(FIN | ACK, after=0.001).s(ACK, after=0.02)
    finding = expect(talk, "clean")
    assert "refused the handshake" in finding["summary"], finding["summary"]
    assert any("40, handshake_failure" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def closed_by_a_server_that_may_have_had_more_to_say():
    """A close is certainly clean where it is known that the answer was whole: by its length, or because its reader had left."""
    def closed(answer, first=1, bye=b""):
        talk = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").s(PSH | ACK, answer, after=0.02).c(ACK)
        if bye:
            talk.c(PSH | ACK, bye).s(ACK, after=0.02)
        return told(talk.close(first))[0]

    head = b"HTTP/1.1 200 OK\r\n%s\r\n"
    chunked = head % b"Transfer-Encoding: chunked\r\n"
    for answer, confidence in (
            (head % b"Content-Length: 2\r\n" + b"ok", "certain"), (chunked + b"2\r\nok\r\n0\r\n\r\n", "certain"),
            (b"HTTP/1.1 304 Not Modified\r\n\r\n", "certain"), (head % b"Connection: close\r\n" + b"ok", "likely"),
            (b"+OK 2 octets\r\n", "likely"), (bytes(4000), "likely")):
        finding = closed(answer)
        equal((answer[:40], finding["outcome"], finding["confidence"]), (answer[:40], "clean", confidence))
        equal(closed(answer, first=0)["confidence"], "certain")
    equal(closed(b"+OK bye\r\n", bye=b"QUIT\r\n")["outcome"], "clean")
    # it says its farewell, and goes: the reader had said one before
    talk = Talk().shake().s(PSH | ACK, b"220 x\r\n", after=0.02).c(ACK).c(PSH | ACK, b"QUIT\r\n").s(PSH | ACK, b"221 bye\r\n", after=0.02)
    equal(told(talk.close(1))[0]["confidence"], "certain")


@case
def tickets_for_a_check_that_is_gone():
    """A balancer's check shakes hands in TLS and closes; the tickets cross that, and draw a reset."""
    talk = sealed(timestamps=True, tickets=b"").c(PSH | ACK, TO_CLOSE, after=0.0002).c(FIN | ACK)
    covered = talk.next[0] - 25
    talk.s(PSH | ACK, TICKET, after=0.02, ack=covered).c(RST, seq=covered, window=0, ident=0)
    expect(talk, "clean")


if __name__ == "__main__":
    main()
