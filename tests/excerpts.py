#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An excerpt of a capture tells less than the whole, and nothing else; nor do two packets that it holds in the wrong order.

Labelled captures that begin late or end early, that lack what a filter took or what the capture dropped, or in
which neighbours have changed places, as they do where two queues or two ports are written into one file.

usage: TCPWHY=build/tcpwhy tests/excerpts.py [WORD...]
"""
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mangle
from craft import ACK, PSH
from tap import CAPTURES, case, main
from talk import Talk, as_pcap, objects

ALL = CAPTURES.parent


def read(name):
    return mangle.read(ALL / name)


def said(capture, stream=0):
    """The finding of one stream."""
    findings = objects(mangle.pcap(capture), "--all")
    return next(f for f in findings if f["type"] == "finding" and f["stream"] == stream)


def since(name, number, stream=0):
    """What is said of a capture that begins with its packet @number."""
    return said(mangle.keep(read(name), lambda n, p: n + 1 >= number), stream)


def until(name, number, stream=0):
    """... that ends with its packet @number."""
    return said(mangle.keep(read(name), lambda n, p: n < number), stream)


def swapped(name, *numbers, stream=0):
    """... in which each of these packets has changed places with the next one; the times stay in order."""
    capture = read(name)
    packets = list(capture.packets)
    for number in numbers:
        one, two = packets[number - 1:number + 1]
        packets[number - 1:number + 1] = two._replace(ns=one.ns), one._replace(ns=two.ns)
    return said(capture._replace(packets=packets), stream)


def without(name, numbers, stream=0):
    """... that lacks these packets."""
    return said(mangle.keep(read(name), lambda n, p: n + 1 not in numbers), stream)


def filtered(name, wanted):
    """The findings of a capture of which a filter let these segments pass."""
    passed = mangle.filtered(read(name), wanted)
    return [f for f in objects(mangle.pcap(passed), "--all") if f["type"] == "finding"]


def rivals(finding):
    return [r["verdict"] for r in finding["rivals"]]


# ---- the start is missing ----


@case
def who_gave_up_before_the_capture_had_not_rebooted():
    """The client repeats its data in vain and gives up; late data of the server draws a reset."""
    for number in (11, 12, 13, 14):
        finding = since("kernel/07-dead-retries2-5.client.pcap", number)
        assert finding["verdict"] == "peer-rebooted" and finding["confidence"] == "possible", (number, finding)
        assert "peer-vanished" in rivals(finding), (number, finding)


@case
def the_first_fin_that_is_seen_may_be_the_second():
    for name, verdict, rival in (("kernel/20-lost-last-ack.client.pcap", "fin-ack-lost", "last-ack-lost"),
                                 ("kernel/20-lost-fin2.server.pcap", "fin-lost", "last-fin-lost")):
        for number in (9, 10):
            finding = since(name, number)
            assert finding["verdict"] == verdict and finding["confidence"] == "likely", finding
            assert rival in rivals(finding), finding


@case
def an_echo_of_the_same_tick_does_not_show_that_an_ack_arrived():
    """A filter takes what the client sends. Its last segments before that were all of one millisecond."""
    for number in (10, 11, 12, 13, 14):
        finding = since("connect/one-way-drop.client.pcap", number)
        assert finding["verdict"] in ("firewall-dropped", "peer-vanished"), (number, finding)


@case
def full_size_segments_of_a_connection_whose_mss_is_not_seen():
    for number in (3, 5, 9, 28):
        finding = since("corners/mtu-falls.server.pcap", number)
        assert finding["verdict"] == "pmtu-blackhole" and finding["confidence"] == "possible", (number, finding)


@case
def a_syn_ack_that_answers_a_syn_from_before_the_capture():
    """It echoes a timestamp older than that of the first SYN that was captured."""
    for number in (6, 7, 8, 9):
        finding = since("connect/synack-lost-3.client.pcap", number)
        assert finding["verdict"] == "syn-ack-lost" and finding["confidence"] == "likely", (number, finding)


@case
def a_syn_ack_sooner_than_its_timer_was_drawn_by_a_syn():
    """By one from before the capture: nobody repeats a SYN|ACK after so short a time."""
    for name, number in (("connect/slow-path-server-first.client.pcap", 14),
                         ("variants/both-ends-same-look-far.pcap", 6)):
        assert since(name, number)["verdict"] == "clean", since(name, number)


@case
def a_reset_seen_before_and_behind_a_router():
    """Of other packets of its host only the second sight is in the capture, one hop further."""
    finding = since("corners/any-on-router.pcap", 20, stream=1)
    assert finding["verdict"] == "port-closed", finding


# ---- the end is missing ----


@case
def a_last_syn_is_no_silence():
    """The service is restarted: closed, refused, and a new SYN is the last packet of the capture."""
    for side in ("client", "server"):
        finding = until(f"resets/process-restarted.{side}.pcap", 34)
        assert finding["verdict"] == "process-died", finding


@case
def how_long_the_path_is_the_handshake_alone_does_not_tell():
    for number in (26, 27, 28):
        finding = until("connect/slow-path-no-data.client.pcap", number)
        assert finding["verdict"] == "clean" or finding["confidence"] == "possible", (number, finding)


@case
def a_path_slower_than_the_timer_without_timestamps():
    """The data that follows shows how long the path is; without any it may be that long."""
    for name, verdicts in (("connect/slow-path-server-first.server.pcap", ("clean",)),
                           ("connect/slow-path-no-data.server.pcap", ("clean", "syn-ack-lost"))):
        finding = said(mangle.without_timestamps(read(name)))
        assert finding["verdict"] in verdicts, finding
        assert finding["verdict"] == "clean" or finding["confidence"] == "possible", finding


@case
def one_refused_ack_is_no_full_queue():
    """It is the only connection to that port, and its listener has gone."""
    for number in (4, 5):
        finding = until("corners/listener-gone.client.pcap", number)
        assert finding["confidence"] == "possible", (number, finding)


# ---- both ends in one file ----


@case
def both_ends_whose_clocks_disagree():
    """Each packet comes again, later by seconds or an hour, as its sender wrote it: nobody has repeated it."""
    for name in ("kernel/20-three-packet-close", "connect/service-restarts", "connect/syn-held"):
        client, server = read(f"{name}.client.pcap"), read(f"{name}.server.pcap")
        for apart in (2, -2, 3600):
            packets = [*client.packets, *(p._replace(ns=p.ns + apart * 10**9) for p in server.packets)]
            finding = said(client._replace(packets=sorted(packets, key=lambda p: p.ns)))
            assert finding["outcome"] == "clean" and finding["verdict"] in ("clean", "old-duplicate"), \
                (name, apart, finding)


# ---- a filter took the ACKs ----


@case
def handshakes_of_which_a_filter_took_the_rest():
    """tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0: an open connection has but SYN and SYN|ACK then, and is no flood."""
    findings = filtered("connect/overload.client.pcap", lambda frame: frame.flags & 7)
    assert {f["outcome"] for f in findings} <= {"unknown", "clean"}, findings
    assert any("filter" in " ".join(f["missing"]) for f in findings), findings


@case
def a_reset_long_after_the_handshake_does_not_answer_the_syn_ack():
    for place in ("client", "server"):
        finding, = filtered(f"kernel/07-dead-retries2-5.{place}.pcap", lambda frame: frame.flags & 7)
        assert finding["verdict"] == "unknown", finding


@case
def an_ack_is_missing_for_certain_only_where_there_are_any():
    """It was lost in truth, but of a capture without any ACK nobody can know that."""
    finding, = filtered("kernel/19-ack3-lost-forever-server-first.client.pcap",
                        lambda frame: frame.flags & 7 or frame.payload_length())
    assert finding["verdict"] == "handshake-ack-lost" and finding["confidence"] == "likely", finding
    assert "accept-queue-full" in rivals(finding), finding


# ---- the capture dropped some ----


@case
def a_syn_whose_numbers_go_on_is_of_this_connection():
    """The capture dropped what followed the SYN; the next segments continue its numbers."""
    finding = without("kernel/healthy-smtp.pcap", range(2, 20))
    assert finding["outcome"] == "clean", finding


@case
def an_ack_of_what_the_capture_missed_is_no_answer_to_the_syn():
    """The client's ACK and FIN were dropped; the server's next segments go on from its SYN|ACK."""
    finding = without("kernel/20-closewait-peer-gone-then-close.server.pcap", (3, 4))
    assert finding["verdict"] != "invalid-segment", finding


@case
def an_answer_that_was_dropped_is_not_owed():
    """Of the server only its FIN is there, whose number says that it had spoken."""
    finding = without("resets/process-ended-idle.server.pcap", (18, 21, 22), stream=2)
    assert finding["outcome"] in ("clean", "unknown"), finding


@case
def acknowledged_and_not_captured_is_not_never_sent():
    """Filters on the path; the capture dropped data whose ACK it has, or both. Nobody shifts the numbers."""
    for name, numbers in (("corners/host-filter-heals.server.pcap", (1, 4, 5, 6, 7)),
                          ("connect/one-way-drop.client.pcap", (11, 27, 28, 35)),
                          ("kernel/12-fw-drop-mid-router.router-ms.pcap", (6, 7)),
                          ("kernel/12-fw-hostunreach-mid-router.server.pcap", (6, 7)),
                          ("kernel/23-pmtu-blackhole-mtu_probing1.client.pcap", (1, 3, 4, 7, 8, 9, 15, 16, 19))):
        finding = without(name, numbers)
        assert finding["verdict"] != "desynchronized", (name, finding)


@case
def what_was_acknowledged_by_an_answer_that_was_dropped():
    """The client acknowledges more than was captured, and aborts: its request had its answer."""
    for name, numbers in (("resets/client-linger-after-answer.client.pcap", (7, 8)),
                          ("kernel/found-equal-answers.pcap", (72, 74))):
        finding = without(name, numbers)
        assert finding["outcome"] in ("clean", "degraded", "unknown"), finding


@case
def a_syn_that_a_mirror_copied_late():
    """It comes again when the connection is established; no sender wrote it so."""
    capture = read("kernel/healthy-dns-tcp.pcap")
    packets = list(capture.packets)
    numbers = [n for n, frame in enumerate(mangle.frames(capture))
               if frame.tcp is not None and frame.flags == 2]
    for n in reversed(numbers):
        packets.insert(n + 5, packets[n]._replace(ns=packets[n + 4].ns + 1000))
    findings = objects(mangle.pcap(capture._replace(packets=packets)), "--all")
    assert {f["outcome"] for f in findings if f["type"] == "finding"} == {"clean"}, findings


# ---- the order is not that of the network ----


@case
def an_answer_behind_its_ack_is_an_answer():
    """The ACK of the server's answer comes first: the answer is no needless repeat, and nothing is owed."""
    finding = swapped("resets/process-ended-idle.client.pcap", 8)
    assert finding["verdict"] == "clean" and finding["outcome"] == "clean", finding
    assert finding["retransmissions"] == {"client": 0, "server": 0}, finding


@case
def what_stands_behind_its_own_reset_was_sent_before():
    """The last ACK of the end that resets, by its id: nobody else wrote the reset."""
    for name, number, outcome in (("kernel/28-defer-accept-data.client.pcap", 5, "failed"),
                                  ("resets/client-linger-after-answer.client.pcap", 9, "clean")):
        finding = swapped(name, number)
        assert finding["verdict"] != "forged-reset" and finding["outcome"] == outcome, finding


@case
def a_reset_before_the_last_words_of_its_author():
    """Its number is theirs: it fits, and they were sent before it."""
    finding = swapped("resets/early-answer.server.pcap", 26)
    assert finding["verdict"] in ("closed-with-unread-data", "linger-reset", "aborted"), finding
    assert finding["outcome"] == "failed", finding


@case
def an_answer_behind_the_reset_that_acknowledges_it():
    finding = swapped("kernel/found-equal-answers.pcap", 74)
    assert finding["outcome"] in ("clean", "degraded"), finding


@case
def nobody_repeats_before_he_can_know():
    """IPv6, one millisecond: the order of two segments has changed, and no ACK in between says so."""
    finding = swapped("kernel/healthy-chromium-tls.pcap", 130, 181, stream=2)
    assert finding["verdict"] in ("clean", "reordering") and finding["outcome"] == "clean", finding


@case
def a_syn_behind_its_syn_ack():
    finding = swapped("connect/ack-lost-twice.server.pcap", 8)
    assert finding["verdict"] == "handshake-ack-lost", finding
    finding = swapped("connect/syn-lost-3.client.pcap", 16)
    assert finding["verdict"] == "syn-lost", finding


@case
def a_second_copy_whose_first_was_missed_is_not_late_for_certain():
    capture = read("variants/both-ends-same-look-halfclose.pcap")
    for seed in (0, 1, 2, 3):
        finding = said(mangle.lose(capture, 0.2, random.Random(seed)))
        assert (finding["verdict"], finding["confidence"]) != ("reordering", "certain"), (seed, finding)



@case
def length_of_the_answer_cut_off():
    """A server that closes behind half of an answer, and one behind all of it: cut after 80 bytes the two are the same."""
    for length, snaplen, confidence in ((2000, 80, "likely"), (900, 80, "likely"), (900, 160, "certain")):
        talk = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
        talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + bytes(900), after=0.02).close(first=1)
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(as_pcap(talk))
            file.flush()
            capture = mangle.read(pathlib.Path(file.name))
        finding = said(mangle.cut(capture, snaplen))
        assert (finding["outcome"], finding["confidence"]) == ("clean", confidence), (length, snaplen, finding["confidence"])
        assert ("cut off" in " ".join(finding["missing"])) == (confidence == "likely"), finding["missing"]


if __name__ == "__main__":
    main()
