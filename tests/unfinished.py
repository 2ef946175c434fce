#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Did a message of HTTP/1, a record of TLS, or a message of PostgreSQL, come to its end? Its head says how long it is, and what is missing failed.

usage: TCPWHY=build/tcpwhy tests/unfinished.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST
from tap import case, equal, main
from talk import CLOSE_NOTIFY, HELLO, HELLO_HTTP, RECORD, SERVER_HELLO, Talk, expect, record, sealed, told

GET = b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"
FULL = 1448


def head(length, *fields, status=b"200 OK"):
    lines = [b"HTTP/1.1 " + status, *fields] + ([b"Content-Length: %d" % length] if length is not None else [])
    return b"\r\n".join(lines) + b"\r\n\r\n"


CHUNKED = head(None, b"Transfer-Encoding: chunked")


def asked(request=GET, **how):
    return Talk(**how).shake().c(PSH | ACK, request).s(ACK, after=0.02)


def answer(talk, *segments, after=0.005):
    for data in segments:
        talk.s(PSH | ACK, data, after=after).c(ACK)
    return talk


def body(count, fill=b"."):
    return [fill * FULL] * count


def left_by_server(talk, after=0.1):
    return talk.s(FIN | ACK, after=after).c(FIN | ACK).s(ACK, after=0.02)


def cut(talk, missing=None, **more):
    finding = expect(talk, "process-died", outcomes=("failed",), **more)
    assert finding["confidence"] == "possible", finding
    assert "in the midst of an answer" in finding["summary"], finding["summary"]
    if missing is not None:
        assert f"{missing[0]} of {missing[1]} bytes" in finding["summary"], finding["summary"]
    return finding


@case
def closed_in_the_midst():
    """The worker is killed: FIN. 7 of 20 segments were sent."""
    cut(left_by_server(answer(asked(), head(20 * FULL), *body(7))), (7 * FULL, 20 * FULL))


@case
def a_pause_and_then_the_client_leaves():
    """The server says no more; the client closes after a pause that is no timeout's, a timeout's, or none at all."""
    for pause, verdict, outcome in ((0.02, "clean", "clean"), (3.85, "app-stuck", "unknown"), (3.0, "app-stuck", "failed"),
                                    (7.3, "app-stuck", "failed")):
        talk = answer(asked(), head(20 * FULL), *body(7))
        expect(talk.c(FIN | ACK, after=pause).s(ACK, after=0.02), verdict, outcomes=(outcome,))


@case
def the_rest_comes_when_the_client_has_left():
    """The server wakes up and goes on, into a reset; or what comes then had been sent before, and the path was dead: the ACK of the FIN says so."""
    for sent_before in (False, True):
        talk = answer(asked(), head(20 * FULL), *body(7)).c(FIN | ACK, after=8.07)
        if sent_before:
            talk.s(ACK, seq=talk.next[1] + 2 * FULL, after=0.02)
        else:
            talk.s(ACK, after=0.02)
        finding = told(talk.s(PSH | ACK, b"." * FULL, after=5).c(RST, window=0, ident=0, after=0.00003))[0]
        equal((finding["verdict"], finding["outcome"]), ("data-after-close" if sent_before else "app-stuck", "failed"))
        assert finding["culprit"] != "client-app", finding["culprit"]


@case
def one_byte_is_missing():
    """And none: Content-Length counts exactly."""
    for short in (1, 0):
        talk = left_by_server(answer(asked(), head(3 * FULL), *body(2), b"." * (FULL - short)))
        if short:
            cut(talk, (3 * FULL - 1, 3 * FULL))
        else:
            expect(talk, "clean")


@case
def the_fin_with_the_last_bytes():
    for length in (FULL, FULL + 1):
        talk = answer(asked(), head(length)).s(PSH | FIN | ACK, b"." * FULL, after=0.01)
        talk.c(FIN | ACK).s(ACK, after=0.02)
        expect(talk, "clean") if length == FULL else cut(talk)


@case
def only_the_head():
    cut(left_by_server(answer(asked(), head(FULL))), (0, FULL))
    cut(left_by_server(answer(asked(), CHUNKED)))


@case
def chunks():
    """The last chunk is an empty one, whatever the size of the segments; where it is split it tells nothing."""
    whole = b"5a8\r\n" + b"." * FULL + b"\r\n"
    cut(left_by_server(answer(asked(), CHUNKED, whole, whole[:700])))
    expect(left_by_server(answer(asked(), CHUNKED, whole, b"0\r\n\r\n")), "clean")
    expect(left_by_server(answer(asked(), CHUNKED, whole, b"0\r\nX-Sum: 1\r\n\r\n")), "clean")
    expect(left_by_server(answer(asked(), CHUNKED, whole, b"0\r\n", b"\r\n")), "clean")
    expect(left_by_server(answer(asked(), CHUNKED + whole + b"0\r\n\r\n")), "clean")


@case
def no_body_follows():
    """HEAD and CONNECT, 204 and 304, whatever their heads say."""
    for request in (b"HEAD /file HTTP/1.1\r\n\r\n", b"CONNECT x:443 HTTP/1.1\r\n\r\n"):
        expect(left_by_server(answer(asked(request), head(9999))), "clean")
    expect(left_by_server(answer(asked(GET + b"HEAD /file HTTP/1.1\r\n\r\n"), head(2) + b"ok", head(9999))), "clean")
    for status in (b"204 No Content", b"304 Not Modified"):
        expect(left_by_server(answer(asked(), head(9999, status=status))), "clean")


@case
def the_end_is_not_told():
    """By the close alone, by two lengths that contradict each other, by another coding: all of that is complete."""
    for fields in ((), (b"Content-Length: 5", b"Content-Length: 9999"), (b"Content-Length: 99x",),
                   (b"Transfer-Encoding: gzip", b"Content-Length: 9999")):
        expect(left_by_server(answer(asked(), head(None, *fields), *body(3))), "clean")


@case
def lengths_in_any_dress():
    """Names in any case, spaces, repeated with the same number; chunked wins over a length."""
    for fields in ((b"CONTENT-LENGTH:  9999 ",), (b"content-length:9999",),
                   (b"Content-Length: 9999", b"Content-Length: 9999")):
        cut(left_by_server(answer(asked(), head(None, *fields), *body(3))), (3 * FULL, 9999))
    talk = answer(asked(), head(99999, b"Transfer-Encoding: gzip, Chunked"), b"3\r\nabc\r\n0\r\n\r\n")
    expect(left_by_server(talk), "clean")


@case
def continue_and_several_answers():
    """A 100 before the answer; a keep-alive connection, of which the last answer counts; two answers in one segment."""
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    cut(left_by_server(answer(asked(), go_on, head(9999), *body(3))))
    cut(left_by_server(answer(asked(), go_on + head(9999), *body(3))))
    expect(left_by_server(answer(asked(), go_on + head(5) + b"hello")), "clean")
    kept = answer(asked(), head(3 * FULL), *body(3)).c(PSH | ACK, GET, after=0.5).s(ACK, after=0.02)
    kept_too = answer(asked(), head(3 * FULL), *body(3)).c(PSH | ACK, GET, after=0.5).s(ACK, after=0.02)
    expect(left_by_server(answer(kept, head(2) + b"ok")), "clean")
    cut(left_by_server(answer(kept_too, head(9999), *body(2))), (2 * FULL, 9999))
    both = head(2) + b"ok" + head(9999) + b"." * 100
    cut(left_by_server(answer(asked(GET + GET), both)), (100, 9999))


@case
def a_head_within_a_body():
    """A log that is downloaded holds answers: the one at the start of a segment is none of this connection."""
    log = (head(77777) + b"." * FULL)[:FULL]
    expect(left_by_server(answer(asked(), head(4 * FULL), *body(1), log, *body(2))), "clean")


@case
def numbers_that_wrap():
    for isn in (2**32 - 3000, 2**31 - 3000):
        talk = answer(asked(isn=(1000, isn)), head(9 * FULL), *body(7))
        cut(left_by_server(talk), (7 * FULL, 9 * FULL))
        expect(left_by_server(answer(asked(isn=(1000, isn)), head(7 * FULL), *body(7))), "clean")


@case
def longer_than_sequence_numbers():
    """Four gigabytes and more: a difference of sequence numbers does not tell how much of that was sent."""
    expect(left_by_server(answer(asked(), head(2**32 + 3 * FULL), *body(3))), "clean")


@case
def lost_by_the_capture():
    """The segments in the midst are not in the capture: the number of the FIN says that they were sent."""
    talk = answer(asked(), head(9 * FULL), *body(2))
    talk.next[1] += 7 * FULL
    finding = told(left_by_server(talk))[0]
    assert finding["verdict"] != "process-died", finding["summary"]


@case
def the_client_leaves_first():
    """A download that is broken off by its reader: nobody else cut it."""
    talk = answer(asked(), head(99 * FULL), *body(7)).c(FIN | ACK, after=0.01).s(FIN | ACK, after=0.02).c(ACK)
    expect(talk, "clean")


@case
def cut_by_a_reset():
    """All that was sent is acknowledged, and yet the client has not got what it asked for."""
    for length, outcome in ((20 * FULL, "failed"), (7 * FULL, "degraded")):
        talk = answer(asked(timestamps=True), head(length), *body(7)).s(RST | ACK, after=0.1, window=501)
        expect(talk, "linger-reset", "aborted", "closed-with-unread-data", outcomes=(outcome,))


@case
def the_port_is_refused_afterwards():
    """The whole server is gone: that is likely."""
    other = Talk(client=("192.0.2.1", 40777), now=3)
    other.c(0x02).s(RST | ACK, seq=0, window=0)
    talk = left_by_server(answer(asked(), head(20 * FULL), *body(7)))
    finding = expect(talk, "process-died", outcomes=("failed",), others=[other])
    assert finding["confidence"] == "likely", finding


@case
def stopped_and_left():
    """The server hangs in the midst; the client's time-out closes; the server's kernel acknowledges it."""
    for closes in (True, False):
        talk = answer(asked(), head(20 * FULL), *body(7)).c(FIN | ACK, after=30).s(ACK, after=0.02)
        if closes:
            talk.s(FIN | ACK, after=1).c(ACK)
        finding = expect(talk, "app-stuck", outcomes=("failed",))
        assert f"{7 * FULL} of {20 * FULL} bytes" in finding["summary"], finding["summary"]
        assert finding["confidence"] == "likely", finding


@case
def stopped_and_reset():
    talk = answer(asked(), head(20 * FULL), *body(7)).c(RST | ACK, after=30)
    expect(talk, "app-stuck", outcomes=("failed",))


@case
def stopped_at_the_end_of_the_capture():
    other = Talk(client=("192.0.2.9", 40009)).shake().ask().close()
    other.frames = [(at + 60, data) for at, data in other.frames]
    finding = expect(answer(asked(), head(20 * FULL), *body(7)), "app-stuck", outcomes=("unknown",), others=[other])
    assert [rival["verdict"] for rival in finding["rivals"]] == ["peer-vanished"], finding
    for whole in (head(7 * FULL), CHUNKED, head(None)):  # complete; events; until the close
        expect(answer(asked(), whole, *body(7)), "clean", others=[other])


@case
def stopped_by_the_client():
    """Its window is closed: it is the client that does not read."""
    talk = answer(asked(), head(20 * FULL), *body(6)).s(PSH | ACK, b"." * FULL, after=0.005).c(ACK, window=0)
    finding = told(talk.c(FIN | ACK, after=30, window=0).s(ACK, after=0.02))[0]
    assert finding["verdict"] != "app-stuck", finding["summary"]


@case
def a_client_that_reads_too_slowly():
    """nginx (send_timeout) closes behind a window that was shut for seconds: the rest of its buffer and the FIN come as it opens."""
    for shut, slow in ((5, True), (0.2, False)):
        talk = answer(asked(), head(90 * FULL), *body(6)).s(PSH | ACK, b"." * FULL, after=0.005).c(ACK, window=0)
        for _ in range(2):
            talk.s(ACK, seq=talk.next[1] - 1, keep=True, after=shut / 2).c(ACK, window=0, after=0.0001)
        talk.c(ACK, after=0.1).s(PSH | ACK, b"." * FULL, after=0.0001).s(FIN | PSH | ACK, b"." * FULL, after=0.0001)
        finding = expect(talk.c(FIN | ACK, after=0.0003).s(ACK), "process-died", outcomes=("failed",))
        rivals = [r["verdict"] for r in finding["rivals"]]
        assert ("zero-window-stall" in rivals) == slow, finding["rivals"]
        assert ("had read nothing" in finding["summary"]) == slow, finding["summary"]
        assert (finding["culprit"] == "server-app") != slow, finding["culprit"]


def upload(segments, *fields, method=b"POST", length=30 * FULL, wait=0.001):
    lines = [method + b" /file HTTP/1.1", b"Host: x", *fields]
    talk = asked(b"\r\n".join(lines + ([b"Content-Length: %d" % length] if length else [])) + b"\r\n\r\n")
    for _ in range(segments):
        talk.c(PSH | ACK, b"." * FULL, after=wait).s(ACK, after=0.001)
    return talk


def left_by_client(talk, after=0.1):
    return talk.c(FIN | ACK, after=after).s(FIN | ACK, after=0.02).c(ACK)


def cut_upload(talk):
    finding = expect(talk, "process-died", outcomes=("degraded",))
    assert finding["confidence"] == "possible" and finding["culprit"] == "client-app", finding
    assert "in the midst of its request" in finding["summary"], finding["summary"]
    assert finding["application"]["server"]["errno"] == "EOF", finding["application"]


@case
def an_upload_that_is_given_up():
    for method in (b"POST", b"PUT", b"PATCH"):
        cut_upload(left_by_client(upload(20, method=method)))
        expect(left_by_client(upload(30, method=method)), "clean")
    cut_upload(left_by_client(upload(20, b"Transfer-Encoding: chunked", length=None)))
    cut_upload(left_by_client(upload(20).s(PSH | ACK, b"HTTP/1.1 100 Continue\r\n\r\n", after=0.01).c(ACK)))


@case
def an_upload_that_stops():
    """The server waits for the rest: it is not stuck, it is the client that says no more."""
    cut_upload(left_by_client(upload(20), after=30))


@case
def an_upload_that_died_and_its_answer():
    """The server says 400 to a client that is gone."""
    talk = upload(20).c(FIN | ACK, after=0.1).s(ACK, after=0.02)
    talk.s(PSH | ACK, head(0, status=b"400 Bad Request"), after=0.01).c(RST, seq=talk.next[0], window=0, ident=0)
    finding = told(talk)[0]
    assert finding["outcome"] != "failed" and finding["culprit"] != "server-app", finding["summary"]


@case
def an_upload_that_was_refused():
    """413 before its end, or an answer to Expect: the rest is not owed."""
    talk = upload(3).s(PSH | ACK, head(0, b"Connection: close", status=b"413 Too Large"), after=0.02).c(ACK)
    expect(left_by_client(talk), "clean")
    talk = upload(0, b"Expect: 100-continue").s(PSH | ACK, head(0, status=b"401 No"), after=0.02).c(ACK)
    expect(left_by_client(talk), "clean")


@case
def an_upload_that_was_answered_and_is_reset():
    """405, and the client (haproxy) resets what it was still sending, the server's window being closed."""
    for status, verdict in ((b"405 Not Allowed", "clean"), (b"100 Continue", "linger-reset")):
        talk = upload(20).s(PSH | ACK, head(0, status=status), after=0.01).c(ACK)
        talk.c(PSH | ACK, b"." * FULL, after=0.001).s(ACK, after=0.001, window=0)
        talk.c(RST | ACK, after=0.1, window=501)
        finding = told(talk)[0]
        assert finding["verdict"] == verdict, finding["summary"]


@case
def an_upload_that_was_answered_and_left():
    """413, the client closes in the midst of its upload, and the server closes with the rest unread. It matters who had heard of it."""
    for heard in (True, False):
        talk = upload(20)
        before = talk.next[1]
        talk.s(PSH | ACK, head(0, b"Connection: close", status=b"413 Too Large"), after=0.001)
        if heard:
            talk.c(ACK)
        talk.c(FIN | PSH | ACK, b"." * FULL, ack=None if heard else before, after=0.02)
        talk.s(ACK, after=0.02).s(RST | ACK, window=501, after=0.1)
        if heard:
            expect(talk, "clean")
        else:
            expect(talk, "closed-with-unread-data", outcomes=("failed",))
    # Who still sends sees ECONNRESET, and may not get to read why.
    talk = upload(20).s(PSH | ACK, head(0, status=b"413 Too Large"), after=0.001).c(ACK)
    talk.c(PSH | ACK, b"." * FULL, after=0.001).s(ACK, after=0.001).s(RST | ACK, window=501, after=0.1)
    finding = expect(talk, "closed-with-unread-data", outcomes=("failed",))
    assert "answered the request before its end" in finding["summary"], finding["summary"]


@case
def an_upload_within_tls_that_is_refused():
    """curl stops as it hears of 413, and resets. A ticket, a frame that keeps HTTP/2 going, or an answer long before, is no refusal."""
    for words, wait, outcome in ((214, 0.001, "degraded"), (255, 0.001, "failed"), (35, 0.001, "failed"), (214, 1, "failed"),
                                 (None, 0, "failed")):
        talk = sealed(HELLO_HTTP, server=("192.0.2.2", 443)).c(PSH | ACK, record(98)).c(PSH | ACK, record(90)).s(ACK, after=0.03)
        for _ in range(6):
            talk.c(PSH | ACK, record(FULL), after=0.0001)
        talk.s(ACK, after=0.03)
        if words:
            talk.s(PSH | ACK, record(words))
        for _ in range(4):
            talk.c(PSH | ACK, record(FULL), after=wait / 4)
        expect(talk.c(RST | ACK, after=0.0001), "closed-with-unread-data", "linger-reset", "aborted", outcomes=(outcome,))


@case
def an_upload_that_the_server_breaks_off():
    for after in (0.1, 60):
        talk = upload(20).s(FIN | ACK, after=after).c(FIN | ACK, after=0.02).s(ACK)
        finding = expect(talk, "process-died", outcomes=("failed",))
        assert "unfinished request" in finding["summary"], finding["summary"]


# --- records of TLS ---


def within_tls(isn=(1000, 700000)):
    """A handshake, and a request."""
    talk = Talk(isn=isn).shake().c(PSH | ACK, HELLO).s(PSH | ACK, SERVER_HELLO, after=0.02).c(ACK)
    return talk.c(PSH | ACK, RECORD, after=0.001).s(ACK, after=0.02)


def in_segments(data, size=FULL):
    return [data[at:at + size] for at in range(0, len(data), size)]


def cut_record(talk, sent, size, **more):
    finding = expect(talk, "process-died", outcomes=("failed",), **more)
    assert finding["confidence"] == "possible", finding
    assert f"in the midst of a record of TLS: {sent} of {size} bytes" in finding["summary"], finding["summary"]


@case
def a_record_is_cut():
    """Killed while the send buffer was full. Headers anywhere in a segment, and split; numbers that wrap."""
    stream = record(4000) + record(300) + record(5001) + record(16401)
    for missing in (1, 2000, 16396):
        for size in (FULL, 4003, 65000):
            for isn in (700000, 2**32 - 6000):
                talk = answer(within_tls((1000, isn)), *in_segments(stream[:-missing], size))
                cut_record(left_by_server(talk), 16401 - missing, 16401)


@case
def all_records_are_whole():
    """With a close_notify, in a segment of its own or not, it is over. Without, who knows: another record may have been due."""
    stream = record(4000) + record(16401)
    for data, confidence in ((stream, "likely"), (stream + CLOSE_NOTIFY, "certain")):
        finding = expect(left_by_server(answer(within_tls(), *in_segments(data))), "clean", certain=True)
        assert finding["confidence"] == confidence, finding
        assert ("close_notify" in finding["summary"]) == (confidence == "likely"), finding["summary"]
    talk = answer(within_tls(), *in_segments(stream)).s(PSH | ACK, CLOSE_NOTIFY)
    assert expect(left_by_server(talk), "clean", certain=True)["confidence"] == "certain"


@case
def holes_of_the_capture():
    """In the midst of a record they do no harm; with a header in them nothing is known any more."""
    stream = record(3 * FULL) + record(16401)
    for lost, told_of in ((1, True), (3, False)):
        talk = within_tls()
        for index, data in enumerate(in_segments(stream[:-5000])):
            talk.s(PSH | ACK, data, after=0.005).c(ACK)
            if index == lost:
                del talk.frames[-2]
        finding = told(left_by_server(talk))[0]
        assert ("record of TLS" in finding["summary"]) == told_of, finding["summary"]


@case
def segments_out_of_order():
    """What was overtaken has the header."""
    first, second, third = in_segments(record(FULL) + record(16401)[:2 * FULL])
    talk = within_tls()
    at = talk.next[1]
    talk.s(PSH | ACK, first, after=0.005).s(PSH | ACK, third, seq=at + 2 * FULL).s(PSH | ACK, second, seq=at + FULL, after=0.0003)
    talk.next[1] = at + 3 * FULL
    cut_record(left_by_server(talk.c(ACK)), 2 * FULL, 16401)


@case
def not_known_for_tls():
    """Something else behind what looked like records; no ClientHello's answer at all."""
    for data in (record(2000) + b"." * 3000, b"." * 5000):
        finding = told(left_by_server(answer(within_tls(), *in_segments(data))))[0]
        assert "record of TLS:" not in finding["summary"], finding["summary"]


@case
def nobody_wants_the_rest_of_the_record():
    """The client has taken its leave; the server stops where it stands."""
    half = in_segments(record(16401)[:5 * FULL])
    talk = answer(within_tls(), *half).c(PSH | ACK, CLOSE_NOTIFY, after=0.001)
    expect(left_by_server(talk, after=0.02), "clean")
    talk = answer(within_tls(), *half).c(FIN | ACK, after=0.001).s(FIN | ACK, after=0.02).c(ACK)
    assert told(talk)[0]["verdict"] != "process-died"


@case
def stopped_within_a_record():
    """SIGSTOP with the send buffer full; the client has had enough of it, with and without a farewell."""
    for farewell in (b"", CLOSE_NOTIFY):
        talk = answer(within_tls(), *in_segments(5 * record(16401) + record(16401)[:7 * FULL]))
        if farewell:
            talk.c(PSH | ACK, farewell, after=9)
        talk.c(FIN | ACK, after=0.001 if farewell else 9).s(ACK, after=0.02)
        for all_of_them in (True, False):
            finding = told(talk, all_of_them=all_of_them)[0]
            assert finding and (finding["verdict"], finding["outcome"]) == ("app-stuck", "failed"), finding
            assert "a record of TLS" in finding["summary"], finding["summary"]


@case
def killed_in_a_long_answer():
    """The first look finds it, too, behind whatever number of packets."""
    talk = left_by_server(answer(within_tls(), *in_segments(9 * record(16401) + record(9000)[:8000])))
    finding = told(talk, all_of_them=False)[0]
    assert finding and finding["verdict"] == "process-died", finding


@case
def refused_behind_the_cut():
    """The client says its close_notify to that, and draws a reset. What it lost is the answer, not its farewell."""
    talk = answer(within_tls(), *in_segments(record(16401)[:9000])).s(FIN | ACK, after=0.01).c(ACK)
    talk.c(PSH | ACK, CLOSE_NOTIFY, after=0.001).s(RST, window=0, ident=0)
    cut_record(talk, 9000, 16401)


# --- messages of PostgreSQL ---

START_UP = struct.pack(">II", 26, 0x30000) + b"user\0me\0database\0x\0"[:18]
SSL_REQUEST = struct.pack(">II", 8, 80877103)


def message(kind, body):
    return kind + struct.pack(">I", 4 + len(body)) + body


LOGGED_IN = message(b"R", bytes(4)) + message(b"S", b"a\0b\0") + message(b"K", bytes(8)) + message(b"Z", b"I")
QUERY = message(b"Q", b"select x from y\0")
ROWS = message(b"T", bytes(30)) + 40 * message(b"D", b"\0\1\0\0\0\x64" + bytes(100))
DONE = message(b"C", b"SELECT 40\0") + message(b"Z", b"I")


def of_postgresql(tls_first=False):
    talk = Talk(server=("192.0.2.2", 5432)).shake()
    if tls_first:
        talk.c(PSH | ACK, SSL_REQUEST).s(PSH | ACK, b"N", after=0.02)
    talk.c(PSH | ACK, START_UP).s(PSH | ACK, LOGGED_IN, after=0.02).c(ACK)
    return talk.c(PSH | ACK, QUERY, after=0.1).s(ACK, after=0.02)


@case
def a_row_is_cut():
    """The backend is killed between two flushes of its buffer, or hangs there."""
    for tls_first in (False, True):
        for all_of_them in (False, True):
            talk = left_by_server(answer(of_postgresql(tls_first), *in_segments(ROWS[:-7])))
            finding = told(talk, all_of_them=all_of_them)[0]
            assert finding and (finding["verdict"], finding["outcome"]) == ("process-died", "failed"), finding
            assert "104 of 111 bytes" in finding["summary"], finding["summary"]
            talk = answer(of_postgresql(tls_first), *in_segments(ROWS[:-7])).c(FIN | ACK, after=9).s(ACK, after=0.02)
            finding = told(talk, all_of_them=all_of_them)[0]
            assert finding and (finding["verdict"], finding["outcome"]) == ("app-stuck", "failed"), finding
            assert "a message of PostgreSQL" in finding["summary"], finding["summary"]


@case
def all_rows_came():
    """And the server closes, or the client after a long time; what begins like PostgreSQL and is not, is not followed."""
    expect(left_by_server(answer(of_postgresql(), *in_segments(ROWS + DONE))), "clean", certain=True)
    talk = answer(of_postgresql(), *in_segments(ROWS + DONE)).c(PSH | ACK, message(b"X", b""), after=60).c(FIN | ACK)
    expect(talk.s(FIN | ACK, after=0.02).c(ACK), "clean", certain=True)
    for data in (b"Ready.\r\n" + b"." * 3000, message(b"R", bytes(2000)), message(b"R", bytes(4)) + b"\0\0\0\0\0" * 300):
        talk = Talk(server=("192.0.2.2", 5432)).shake().c(PSH | ACK, START_UP)
        finding = told(left_by_server(answer(talk, *in_segments(data[:-1]))))[0]
        assert "message of PostgreSQL" not in finding["summary"], finding["summary"]


if __name__ == "__main__":
    main()
