#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Was an answer due? A client that left without one may have waited for it, or have been through.

usage: TCPWHY=build/tcpwhy tests/answers.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, equal, main
from talk import CLOSE_NOTIFY, FINISHED, HELLO, HELLO_HTTP, RECORD, MSS, SERVER_HELLO, TICKET, Talk, expect, record, sealed, told

REQUEST = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
COMMAND = b"\x17\x03\x03\x00\x40" + bytes(64)
WINDOW_UPDATE, SETTINGS_ACKNOWLEDGED, PING, GOAWAY = record(35), record(31), record(39), record(51)
HTTPS = ("192.0.2.2", 443)
HELLO_HTTP1 = HELLO_HTTP.replace(b"\2h2", b"\2xx")  # offers HTTP/1.1 alone, as WebSockets do


def asked(rounds, last, question=COMMAND, answer=RECORD, wait=0.01):
    talk = Talk().shake()
    for _ in range(rounds):
        talk.ask(question, answer, wait=wait)
    return talk.c(PSH | ACK, last, after=1).s(ACK, after=0.02)


def left(talk, after=30, rtt=0.02):
    """The client closes, and the server's application, which reads, does so at once."""
    return talk.c(FIN | ACK, after=after).s(FIN | ACK, after=rtt).c(ACK)


@case
def http_left_without_an_answer():
    """A read time-out, on a first request and on a later one, of a server that notices the end."""
    for rounds in (0, 1, 5):
        finding = expect(left(asked(rounds, REQUEST)), "app-stuck", outcomes=("unknown",))
        assert "and only then the server did" in finding["summary"], finding["summary"]
        assert any("HTTP" in e["text"] for e in finding["evidence"]), finding["evidence"]


QUERIES = {
    "memcached": b"get a\r\n",
    "MongoDB": struct.pack("<IIII", 60, 7, 0, 2013) + bytes(44),
    "Cassandra": b"\4\0\0\1\7" + struct.pack(">I", 30) + bytes(30),
    "DNS": struct.pack(">HHHHHHH", 40, 7, 0x0100, 1, 0, 0, 0) + bytes(28),
    "MySQL": b"\x0a\0\0\0\3select 1;",
    "MySQL, attributes": b"\x0c\0\0\0\3\0\1select 1;",
    "MySQL, prepared": struct.pack("<IBIBI", 10, 0x17, 1, 0, 1),
    "SQL Server (TDS)": struct.pack(">BBHHBB", 1, 1, 60, 0, 1, 0) + struct.pack("<IIHQI", 22, 18, 2, 0, 1) + bytes(30),
}


@case
def queries_left_without_an_answer():
    """Of protocols that answer each: told by lengths that fit and by what they hold; what answers, or does not fit, is none."""
    for name, query in QUERIES.items():
        finding = expect(left(asked(1, query)), "app-stuck", outcomes=("unknown",))
        assert any(f"a request of {name.split(',')[0]}" in e["text"] for e in finding["evidence"]), finding["evidence"]
        if name != "memcached":
            expect(left(asked(1, query + b"x")), "clean")
    expect(left(asked(1, b"\x84" + QUERIES["Cassandra"][1:])), "clean")


@case
def messages_behind_a_length():
    """Of protocols whose first bytes are by chance those of a query: OpenFlow 1.0 and 1.2, and what counts in four bytes."""
    for version in (1, 3):
        for what in (3, 11):
            message = struct.pack(">BBHI", version, what, 88, 0x1700) + bytes(80)
            expect(left(asked(1, message)), "clean")
            expect(asked(1, message).s(FIN | ACK, after=2).c(FIN | ACK, after=0.02).s(ACK), "clean")
    for what in b"\x03\x16\x17":
        expect(left(asked(1, struct.pack("<IB", 41, what) + bytes(40))), "clean")
    expect(left(asked(1, struct.pack("<IIII", 60, 7, 3, 2013) + bytes(44))), "clean")
    expect(left(asked(1, b"set a 0 0 1 noreply\r\nx\r\n")), "clean")


@case
def query_to_a_server_that_had_closed():
    """A word as short as QUIT, and the client's close on its heels: it asks, and cannot be answered."""
    talk = Talk(server=("192.0.2.2", 11211)).shake().ask(QUERIES["memcached"], b"END\r\n")
    talk.s(FIN | ACK, after=60).c(ACK, after=0.04).c(PSH | ACK, QUERIES["memcached"], after=30).c(FIN | ACK, after=0.01)
    for after in (0.01, 0.005):
        talk.s(RST, window=0, ident=0, after=after, keep=True)
    expect(talk, "data-after-close", "keepalive-race", outcomes=("failed",))


@case
def client_hello_left_without_an_answer():
    """Nothing answers the ClientHello, which every server of TLS does at once: that failed."""
    finding = expect(left(asked(0, HELLO)), "app-stuck", outcomes=("failed",))
    assert any("ClientHello" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def what_cannot_be_read():
    """HTTP/2 in TLS: whatever came before was answered at once; the last record (WINDOW_UPDATE) asks for nothing."""
    expect(left(asked(6, COMMAND)), "clean")


@case
def one_message_for_a_server_that_only_takes():
    """A measured value, and a pause before the client closes: nothing tells that an answer was due."""
    expect(left(asked(0, b"load 0.42 1700000000\n")), "clean")


@case
def request_that_goes_on_waiting():
    """The capture ends before anybody gives up."""
    other = Talk(client=("192.0.2.9", 40009)).shake().ask().close()
    other.frames = [(at + 170, data) for at, data in other.frames]
    expect(asked(4, COMMAND), "clean", others=[other])
    expect(asked(1, REQUEST), "app-stuck", outcomes=("unknown",), others=[other])


@case
def left_by_reset():
    """The client gives up by a reset: it had waited."""
    expect(asked(1, REQUEST).c(RST | ACK, after=30, window=0), "app-stuck", outcomes=("failed",))


@case
def left_soon():
    """A part of a second is no wait: the user went on to something else. Nor are whole ones where nothing asks for an answer."""
    finding = expect(left(asked(1, REQUEST), after=0.7), "clean")
    assert finding["confidence"] == "likely" and "got no answer in" in finding["summary"], finding
    expect(left(asked(1, REQUEST), after=2.5), "app-stuck", outcomes=("unknown",))
    # half-closed, as nc -N does; the server has nothing to say to that but its own close
    closed = left(asked(1, REQUEST), after=0.001)
    assert expect(closed, "clean")["confidence"] == "likely"
    expect(left(asked(1, b"load 0.42 1700000000\n"), after=2), "clean")


@case
def left_by_a_timeout():
    """Whole seconds behind the request, or, the first time, behind the SYN: that is how timeouts are set."""
    for seconds in (1, 2, 3):
        finding = expect(left(asked(1, REQUEST), after=seconds - 0.02), "app-stuck", outcomes=("unknown",))
        assert any("whole seconds, as timeouts" in e["text"] for e in finding["evidence"]), finding["evidence"]
    finding = expect(left(Talk().shake(rtt=0.2).c(PSH | ACK, REQUEST).s(ACK, after=0.2), after=0.6), "app-stuck", outcomes=("unknown",))
    assert any("from its SYN" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def greeting_and_then_one_way():
    """A log-in that is answered twice, then messages that ask for nothing (AMQP, syslog over TLS, MQTT QoS 0)."""
    talk = asked(2, COMMAND)
    for _ in range(5):
        talk.c(PSH | ACK, COMMAND, after=20).s(ACK, after=0.02)
    expect(left(talk, after=60), "clean")


@case
def farewell_and_a_long_pause():
    """QUIT, and the client closes only when its pool is cleared: no answer is awaited."""
    for rounds in (1, 4):
        expect(left(asked(rounds, b"*1\r\n$4\r\nQUIT\r\n", b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n")), "clean")


@case
def a_long_upload():
    """What follows the request's head is long: the server may still wait for the rest of it."""
    talk = asked(4, REQUEST)
    for _ in range(60):
        talk.c(PSH | ACK, bytes(1400), after=0.001).s(ACK, after=0.001)
    expect(left(talk), "clean")


@case
def answered_in_the_end():
    """A long poll of a minute, which is answered."""
    talk = asked(1, REQUEST).s(PSH | ACK, RECORD, after=60).c(ACK, after=0.02)
    expect(left(talk, after=1), "clean")


def rhythm(*pauses, server=HTTPS, **more):
    """TLS, and COMMANDs that are answered, so long after each other."""
    talk = sealed(server=server, **more)
    for pause in pauses:
        talk.c(PSH | ACK, COMMAND, after=pause).s(PSH | ACK, RECORD, after=0.03).c(ACK)
    return talk


def takes_leave(talk, after=30):
    return talk.c(PSH | ACK, CLOSE_NOTIFY, after=after).c(FIN | ACK).s(FIN | ACK, after=0.02).c(ACK)


def in_vain(talk, **more):
    return talk.c(PSH | ACK, COMMAND, after=1, **more).s(ACK, after=0.04)


@case
def sealed_question_among_answered_ones():
    """Four requests out of a silence, the last one unanswered: with and without close_notify, also on no port of HTTP."""
    for server in (HTTPS, ("192.0.2.2", 9093)):
        for leave in (takes_leave, left):
            finding = expect(leave(in_vain(rhythm(1, 5, 2, server=server))), "app-stuck", outcomes=("unknown",))
            assert any("each was answered" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def sealed_question_that_tickets_follow():
    """The first request comes with the Finished, the tickets of the handshake behind it; a single one may be the answer."""
    finding = expect(takes_leave(rhythm(request=COMMAND)), "app-stuck", outcomes=("unknown",))
    assert any("2 records of one size" in e["text"] for e in finding["evidence"]), finding["evidence"]
    expect(takes_leave(rhythm(request=COMMAND, tickets=TICKET)), "clean")
    expect(takes_leave(rhythm()), "clean")


@case
def sealed_words_that_ask_for_nothing():
    """An acknowledgement of HTTP/2 behind the answers; message after message; a log-in, and one measured value; a short wait."""
    expect(takes_leave(rhythm(1, 5, 2).c(PSH | ACK, WINDOW_UPDATE).s(ACK, after=0.04)), "clean")
    expect(takes_leave(rhythm(1, 5, 2)), "clean")
    mqtt = ("192.0.2.2", 8883)
    expect(takes_leave(in_vain(rhythm(server=mqtt, request=COMMAND))), "clean")
    expect(takes_leave(in_vain(in_vain(rhythm(1, 5, server=mqtt)))), "clean")
    expect(takes_leave(in_vain(in_vain(in_vain(rhythm(1, 5, 2))))), "clean")
    expect(takes_leave(in_vain(rhythm(1, 5, 2)), after=2.5), "clean")


@case
def sealed_question_and_a_timeout():
    """Two seconds, to the hundredth."""
    expect(takes_leave(in_vain(rhythm(1, 5, 2)), after=1.97), "app-stuck", outcomes=("unknown",))


@case
def sealed_question_and_a_close_that_cross():
    """The server's close comes first: it was idle there, or has died. That is another story."""
    talk = rhythm(1, 5, 2).c(PSH | ACK, COMMAND, after=1).s(ACK, after=0.04).s(FIN | ACK, after=30).c(ACK).c(FIN | ACK).s(ACK)
    finding = expect(talk, "process-died", "clean", outcomes=("clean", "failed", "unknown"))
    assert finding["verdict"] != "app-stuck", finding


@case
def sealed_question_in_the_segment_of_the_finished():
    """Node writes both at once."""
    talk = Talk(server=HTTPS).shake().c(PSH | ACK, HELLO).s(PSH | ACK, SERVER_HELLO, after=0.02)
    talk.c(PSH | ACK, FINISHED + COMMAND, after=0.001).s(PSH | ACK, 2 * TICKET, after=0.02).c(ACK)
    expect(takes_leave(talk), "app-stuck", outcomes=("unknown",))


@case
def http2_that_is_only_kept_going():
    """A preface and a request, of which the server only takes notice, by frames that ask for none and answer none."""
    for frames, verdict, outcome in (((SETTINGS_ACKNOWLEDGED,), "app-stuck", "unknown"),
                                     ((SETTINGS_ACKNOWLEDGED, PING, WINDOW_UPDATE, record(52)), "app-stuck", "unknown"),
                                     ((SETTINGS_ACKNOWLEDGED, record(120)), "clean", "clean")):
        talk = sealed(HELLO_HTTP, server=("192.0.2.2", 8888)).c(PSH | ACK, record(98)).c(PSH | ACK, record(72))
        for frame in frames:
            talk.s(PSH | ACK, frame, after=0.03).c(ACK)
        expect(takes_leave(talk.c(PSH | ACK, GOAWAY, after=7)), verdict, outcomes=(outcome,))


@case
def http2_that_asked_for_nothing():
    """A browser that connects ahead: the preface, its acknowledgement, and after a while the goodbye, at a whole second or not."""
    for seconds in (1, 10, 12.4):
        talk = sealed(HELLO_HTTP, server=HTTPS).c(PSH | ACK, record(98)).s(PSH | ACK, SETTINGS_ACKNOWLEDGED, after=0.03)
        talk.c(PSH | ACK, SETTINGS_ACKNOWLEDGED)
        expect(talk.c(PSH | ACK, GOAWAY, after=seconds - 0.06).c(FIN | ACK).s(FIN | ACK, after=0.02).c(ACK), "clean")


@case
def http2_that_is_reset_behind_its_answer():
    """curl has its answer and goes by a reset, with SETTINGS just acknowledged; with a request on its way something is lost."""
    for last, outcome in ((SETTINGS_ACKNOWLEDGED, "clean"), (record(98), "failed")):
        talk = sealed(HELLO_HTTP, server=HTTPS).c(PSH | ACK, record(98)).c(PSH | ACK, record(72))
        talk.s(PSH | ACK, SETTINGS_ACKNOWLEDGED, after=0.03).s(PSH | ACK, record(128)).s(PSH | ACK, record(35)).c(ACK)
        expect(talk.c(PSH | ACK, last).c(RST | ACK), "clean", "linger-reset", "aborted", outcomes=(outcome,))


def closed_by_server(talk, after, polite=False):
    if polite:
        talk.s(PSH | ACK, CLOSE_NOTIFY, after=after)
    return talk.s(FIN | ACK, after=0 if polite else after).c(ACK).c(FIN | ACK).s(ACK, after=0.02)


@case
def sealed_question_that_the_server_closes_upon():
    """EOF in place of an answer within TLS: the server has died, or closes without a word. Of HTTP that failed."""
    finding = expect(closed_by_server(in_vain(rhythm(1, 2)), 2), "process-died", outcomes=("unknown",))
    assert any("no close_notify" in e["text"] for e in finding["evidence"]), finding["evidence"]
    expect(closed_by_server(in_vain(rhythm(1, 2, hello=HELLO_HTTP)), 0.2), "process-died", outcomes=("failed",))
    expect(closed_by_server(sealed(HELLO_HTTP, request=COMMAND), 0.2), "process-died", outcomes=("failed",))
    expect(closed_by_server(in_vain(rhythm(1, 2)), 3, polite=True), "process-died", outcomes=("unknown",))


def web_socket(first=400):
    """A request that becomes a WebSocket, and a message that is answered by one."""
    talk = sealed(HELLO_HTTP1).c(PSH | ACK, record(first)).s(PSH | ACK, record(180), after=0.03).c(ACK)
    return talk.c(PSH | ACK, record(113), after=0.4).s(PSH | ACK, record(109), after=0.03).c(ACK)


@case
def web_sockets_that_ping():
    """The server's Ping is as long as one of HTTP/2 (39), or as a close_notify (24); in time it closes."""
    for ping in (39, 24):
        talk = web_socket().c(PSH | ACK, record(140), after=0.4).s(ACK, after=0.04)
        for _ in range(3):
            talk.s(PSH | ACK, record(ping), after=2).c(PSH | ACK, record(ping + 4)).s(ACK, after=0.03)
        expect(closed_by_server(talk, 0.9, polite=True), "clean")


@case
def messages_of_a_web_socket():
    """Far shorter than the request that began it: it may be a message that needs no answer. A request of HTTP/1 does."""
    for first, outcome in ((400, "unknown"), (160, "failed")):
        talk = web_socket(first).c(PSH | ACK, record(113), after=0.4).s(PSH | ACK, record(109), after=0.03).c(ACK)
        talk.c(PSH | ACK, record(117), after=0.4).s(ACK, after=0.04)
        expect(closed_by_server(talk, 7, polite=True), "process-died", outcomes=(outcome,))


@case
def pings_of_mqtt_on_the_port_of_https():
    """PINGREQ and PINGRESP are as long as a close_notify; what is published with QoS 0 is not answered."""
    talk = sealed(HELLO, server=HTTPS).c(PSH | ACK, record(82)).s(PSH | ACK, record(26), after=0.04).c(ACK)
    for _ in range(3):
        talk.c(PSH | ACK, record(112), after=0.001).s(ACK, after=0.04)
        talk.c(PSH | ACK, CLOSE_NOTIFY, after=6).s(PSH | ACK, CLOSE_NOTIFY, after=0.001).c(ACK)
    expect(talk.c(PSH | ACK, CLOSE_NOTIFY, after=1).c(FIN | ACK, after=1).s(FIN | ACK, after=0.001).c(ACK), "clean")


@case
def closes_of_servers_that_owe_nothing():
    """Behind an answer, behind the handshake, behind an acknowledgement of HTTP/2, or to a request that crosses."""
    for polite in (False, True):
        expect(closed_by_server(rhythm(1, 2, hello=HELLO_HTTP), 5, polite), "clean")
        expect(closed_by_server(sealed(HELLO_HTTP), 5, polite), "clean")
        expect(closed_by_server(rhythm(1, hello=HELLO_HTTP).c(PSH | ACK, WINDOW_UPDATE).s(ACK, after=0.04), 5, polite), "clean")


@case
def left_and_then_reset():
    """What had hung is killed when the client has gone: it saw no reset. A bare one, of no socket, is another story."""
    talk = asked(0, REQUEST).c(FIN | ACK, after=3.3).s(ACK, after=0.04).s(RST | ACK, after=1.5)
    finding = expect(talk, "app-stuck", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "hang", finding["application"]
    talk = asked(0, REQUEST).c(FIN | ACK, after=5.2).s(RST, window=0, ident=0, after=0.02)
    finding = expect(talk, "peer-rebooted", "process-died", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "hang", finding["application"]
    assert "pmtu-blackhole" in [r["verdict"] for r in finding["rivals"]], finding["rivals"]
    # who half-closes at once waits on, and is hit
    talk = asked(0, REQUEST).c(FIN | ACK, after=0.001).s(ACK, after=0.02).s(RST | ACK, after=1.5)
    finding = expect(talk, "closed-with-unread-data", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ECONNRESET", finding["application"]


def begun(wait=0.02):
    """An answer of which the client has a part."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"
    talk = asked(0, REQUEST).s(PSH | ACK, head, after=0.01).c(ACK)
    for _ in range(20):
        talk.s(PSH | ACK, b"." * 1000, after=wait).c(ACK)
    return talk


def refused(talk, after, again=()):
    """The client closes, and the server's host has no such connection any more, as at each repeat."""
    talk.c(FIN | ACK, after=after).s(RST, window=0, ident=0, after=0.0001)
    for gap in again:
        talk.c(FIN | ACK, seq=talk.next[0] - 1, after=gap).s(RST, window=0, ident=0, after=0.0001)
    return talk


@case
def awaited_of_a_host_without_the_connection():
    """Who is silent while an answer is due, and then has no socket, may have given up, and its FIN not have come either."""
    for talk in (asked(0, HELLO), asked(1, REQUEST), begun()):
        finding = expect(refused(talk, 12), "peer-rebooted", outcomes=("failed",))
        assert finding["confidence"] == "possible" and finding["missing"], finding
        assert {"pmtu-blackhole", "firewall-dropped", "peer-vanished"} <= {r["verdict"] for r in finding["rivals"]}, finding["rivals"]
        assert "had not closed" not in finding["summary"], finding["summary"]


@case
def idle_and_then_without_the_connection():
    """Where nothing was awaited, it is likely as ever that a host that answers so has lost the connection."""
    talk = asked(0, REQUEST).s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").c(ACK)
    talk.c(PSH | ACK, REQUEST, after=40).s(RST, window=0, ident=0, after=0.0001)
    finding = expect(talk, "peer-rebooted", outcomes=("failed",))
    assert finding["confidence"] == "likely" and "had not closed" in finding["summary"], finding


@case
def a_close_that_no_socket_takes():
    """A stream stops, the client closes long after, and draws a bare reset: no close of habit, and who waited does not show."""
    stream = begun()
    stream.frames = stream.frames[7:]  # neither the request nor the head
    pushed = Talk().shake().s(PSH | ACK, b"welcome\n").c(ACK)
    for talk in (stream, pushed, Talk().shake().ask(b"subscribe\n", b"an event\n")):
        finding = expect(refused(talk, 30), "unknown", outcomes=("unknown",))
        assert finding["missing"] and not finding["remark"] and "no such connection" in finding["summary"], finding


@case
def resets_of_no_socket_that_nobody_hears():
    """Nothing but FINs and the resets that they draw: the client repeats them, so it does not get these."""
    talk = refused(Talk(), 30, again=(0.2, 0.4, 0.8, 1.6))
    finding = expect(talk, "unknown", outcomes=("unknown",))
    assert "do not reach it" in finding["summary"], finding["summary"]


@case
def sent_and_never_seen():
    """The number of the ACK to the client's FIN shows that the server had answered; that was lost, size or not."""
    for sent, verdicts in ((17000, ("pmtu-blackhole",)), (200, ("unknown", "clean"))):
        talk = asked(0, REQUEST).c(FIN | ACK, after=8)
        talk.s(ACK, seq=talk.next[1] + sent, after=0.04)
        expect(talk, *verdicts, outcomes=("failed", "unknown", "clean"))
    # it is on its way: comes late, in front of or behind the ACK
    for late in (True, False):
        talk = asked(0, REQUEST).c(FIN | ACK, after=8)
        at = talk.next[1]
        if late:
            talk.s(ACK, seq=at + 1000, after=0.04).s(PSH | ACK, b"." * 1000, seq=at)
        else:
            talk.s(PSH | ACK, b"." * 1000, after=0.04, seq=at).s(ACK, seq=at + 1000)
        finding, = told(talk)
        assert finding["verdict"] != "pmtu-blackhole", finding["summary"]


@case
def reset_by_a_proxy_that_waited():
    """Two seconds in the midst of an answer, or without one: its timeout. Data that flows is broken off at will."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"
    for pause, verdicts in ((2.0, ("app-stuck",)), (0.1, ("clean", "linger-reset", "closed-with-unread-data"))):
        talk = asked(0, REQUEST).s(PSH | ACK, head + b"." * 1000, after=0.01).c(ACK)
        expect(talk.c(RST | ACK, after=pause), *verdicts, outcomes=("failed", "degraded", "clean"))
    expect(asked(0, REQUEST).c(RST | ACK, after=2.0), "app-stuck", outcomes=("failed",))


@case
def a_wait_in_tls_that_may_be_one():
    """A record of TLS, no HTTP by any sign, nothing back, and the client closes three seconds later: clean, but not for certain."""
    for pause, confidence in ((3, "likely"), (0.3, "certain")):
        talk = sealed(server=("192.0.2.2", 4480)).c(PSH | ACK, record(158), after=0.01).s(ACK, after=0.04)
        finding = expect(talk.close(), "clean") if pause < 1 else expect(talk.c(FIN | ACK, after=pause).s(FIN | ACK, after=0.02).c(ACK), "clean")
        equal(finding["confidence"], confidence)


@case
def tls_to_a_port_without():
    """A ClientHello is answered by a page of plain HTTP: nothing is owed, but it is said. TLS that is answered in TLS is not."""
    for plain in (True, False):
        for reset in (True, False):
            talk = Talk().shake().c(PSH | ACK, HELLO).s(PSH | ACK, b"HTTP/1.1 400 Bad Request\r\n\r\n" if plain else b"\x15\3\1\0\2\2\x28", after=0.02)
            talk.c(ACK).c(RST | ACK, after=0.001) if reset else talk.c(ACK).close()
            assert ("wrong port" in told(talk)[0]["summary"]) == plain, (plain, reset, told(talk)[0]["summary"])


@case
def the_process_ends_when_the_client_has_left():
    """Nothing was answered, the client closed; that the server's process ends nine seconds later, with all it had, is not the reason."""
    for wait in (9, 0.0):
        talk = Talk().shake().c(PSH | ACK, REQUEST).s(ACK, after=0.02)
        if wait:
            talk.c(FIN | ACK, after=2).s(ACK, after=0.04)
        talk.s(RST | ACK, after=wait or 11)
        others = [Talk(client=("192.0.2.1", 40001 + i), now=0.5).shake().c(PSH | ACK, REQUEST).s(ACK, after=0.02) for i in range(3)]
        for other in others:
            other.s(RST | ACK, after=talk.now - other.now)
        refused = Talk(client=("192.0.2.1", 40009), now=talk.now + 0.04).c(SYN, options=MSS)
        refused.s(RST | ACK, seq=0, ack=refused.next[0], window=0, ident=0)
        expect(talk, "app-stuck" if wait else "process-died", outcomes=("failed",), others=(*others, refused))


@case
def the_farewell_draws_a_reset():
    """The server's process is killed with a request open; the client says close_notify to the FIN, whom nobody hears."""
    def ends(talk, *words):
        talk.s(FIN | ACK, after=1.5)
        for word in words:
            talk.c(PSH | ACK, word, after=0.001).s(RST, window=0, ident=0)
        return talk

    talk = sealed(HELLO_HTTP, server=HTTPS).c(PSH | ACK, record(120), after=0.01).s(ACK, after=0.02)
    finding = expect(ends(talk, CLOSE_NOTIFY), "process-died", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "EOF", finding["application"]
    # the answer is in the segment of the FIN, with the server's farewell behind it
    talk = sealed(HELLO_HTTP, server=HTTPS).c(PSH | ACK, record(120), after=0.01).s(ACK, after=0.02)
    talk.s(PSH | FIN | ACK, record(65) + CLOSE_NOTIFY, after=0.02).c(PSH | ACK, CLOSE_NOTIFY, after=0.001).s(RST, window=0, ident=0)
    expect(talk, "clean", outcomes=("clean",))


@case
def answers_of_one_size():
    """A server without tickets, whose answers are small and all alike: who asks again had one. At last the server closes, idle."""
    for rounds in (2, 5):
        talk = sealed(HELLO_HTTP, tickets=b"", request=record(117), server=HTTPS).s(PSH | ACK, record(122), after=0.02).c(ACK)
        for _ in range(rounds - 1):
            talk.c(PSH | ACK, record(117), after=1).s(PSH | ACK, record(122), after=0.02).c(ACK)
        talk.s(FIN | ACK, after=6).c(FIN | ACK, after=0.001).s(ACK, after=0.02)
        expect(talk, "clean")
    # the last one is not answered
    talk = sealed(HELLO_HTTP, tickets=b"", request=record(117), server=HTTPS).s(PSH | ACK, record(122), after=0.02).c(ACK)
    talk.c(PSH | ACK, record(117), after=1).s(PSH | ACK, record(122), after=0.02).c(ACK)
    talk.c(PSH | ACK, record(117), after=1).s(ACK, after=0.02).s(FIN | ACK, after=6).c(FIN | ACK, after=0.001).s(ACK, after=0.02)
    expect(talk, "process-died", outcomes=("failed",))



@case
def head_that_stops():
    """The server closes within a line of its answer's head. At the end of a line, or where more of it came, that may be all there is to say."""
    def talk(*parts):
        talk = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
        for part in parts:
            talk.s(PSH | ACK, part, after=0.001).c(ACK)
        return talk.s(FIN | ACK, after=0.6).c(FIN | ACK).s(ACK, after=0.02)
    finding = expect(talk(b"HTTP/1.1 200 OK\r\nContent-Le"), "process-died", outcomes=("failed",))
    assert finding["confidence"] == "possible" and "27 bytes of its head" in finding["summary"], finding["summary"]
    assert finding["application"]["client"]["errno"] == "EOF", finding["application"]
    for parts in ((b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 2\r\n\r\nok"), (b"HTTP/1.0 200 OK\nServer: x\n\nok",)):
        expect(talk(*parts), "clean", outcomes=("clean",))


if __name__ == "__main__":
    main()
