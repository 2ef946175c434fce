#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What captures made by others hold: paths that are dead for a while, closes that cross, tools that leave packets
out or rewrite them.

usage: TCPWHY=build/tcpwhy tests/elsewhere.py [WORD...]
"""
import pathlib
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import craft
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main, tcpwhy
from talk import MSS, Talk, as_pcap, expect, told

PING = b"ping 123"


def stuck(talk, repeats=6, first=0.3):
    """The client says eight bytes more, and repeats them with back-off; nothing comes."""
    at = talk.next[0]
    talk.c(PSH | ACK, PING, after=0.001)
    for n in range(repeats):
        talk.c(PSH | ACK, PING, seq=at, after=first * 2 ** n)
    return at


def report(talk):
    """The whole text about the talk."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(as_pcap(talk))
        file.flush()
        return tcpwhy("--stream", "0", file.name).out


def rivals(finding):
    return {rival["verdict"] for rival in finding["rivals"]}


# ---- a path that is dead for a while ----

@case
def both_ends_wait_and_the_server_closes():
    """Nothing passes for 20 s. The server's FIN is the first to come through; the next repeat meets a closed socket."""
    talk = Talk(timestamps=True).shake().ask()
    at = stuck(talk)
    talk.s(FIN | ACK, seq=talk.next[1] + 8, ack=at, after=1)
    talk.c(PSH | ACK, PING, seq=at, after=6).s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
    finding = expect(talk, "peer-vanished", outcomes=("failed",))
    assert "6 repeats" in finding["summary"] and "then it closed" in finding["summary"], finding["summary"]
    assert any(r["verdict"] == "peer-rebooted" for r in finding["ruled_out"])


def closed_in_silence(fins, asked=True):
    """The client asks, hears nothing for 4 s and closes; its FIN is sent so often. Then the answer comes, too late."""
    talk = Talk(timestamps=True).shake()
    if asked:
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    else:
        talk.ask()
    talk.c(FIN | ACK, after=4)
    for n in range(fins - 1):
        talk.c(FIN | ACK, seq=talk.next[0] - 1, after=0.21 * 2 ** max(n - 1, 0))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" if asked else b""
    talk.s(ACK, seq=talk.next[1] + len(answer), after=0.02)
    if asked:
        return talk.s(PSH | ACK, answer, after=1).c(RST, seq=talk.next[0], window=0, ident=0)
    return talk.s(FIN | ACK, after=0.01).c(ACK)


@case
def the_client_closes_into_a_dead_path():
    """Its FIN is repeated for seconds: the silence before it is the path's, not the application's."""
    for others in ((), (Talk(client=("192.0.2.9", 50000), now=90).shake().ask().close(),)):
        finding = expect(closed_in_silence(6), "peer-vanished", outcomes=("failed",), others=others)
        assert finding["culprit"] == "network" and "app-stuck" in rivals(finding), finding
    # heard at once, or at the second time, it is not; and where nothing was asked, nothing failed
    for fins in (1, 2):
        assert told(closed_in_silence(fins))[0]["verdict"] != "peer-vanished"
    expect(closed_in_silence(6, asked=False), "fin-lost", outcomes=("degraded",))


@case
def the_client_closes_and_nothing_more_passes():
    """The same, and no ACK ever comes: who waited for an answer has lost more than a close."""
    for asked, verdict, outcome in ((True, "peer-vanished", "failed"), (False, "fin-unanswered", "degraded")):
        talk = closed_in_silence(7, asked)
        talk.frames = talk.frames[:-3]
        finding = expect(talk, verdict, outcomes=(outcome,))
        assert not asked or "nothing acknowledged it" in finding["summary"], finding


def closed_by_the_server(sent_before):
    """The server closes after its idle time; its FIN is sent five times. Then data of the client comes, sent before that or not."""
    talk = Talk(timestamps=True).shake().ask().s(FIN | ACK, after=4)
    for n in range(4):
        talk.s(FIN | ACK, seq=talk.next[1] - 1, after=0.21 * 2 ** max(n - 1, 0))
    at = talk.next[0]
    talk.c(ACK, seq=at + len(PING) * sent_before, after=0.02).c(PSH | ACK, PING, seq=at, after=1.5)
    return talk.s(RST, seq=talk.next[1], window=0, ident=0)


@case
def the_server_closes_into_a_dead_path():
    """What its own numbers show to have been sent before is lost on the path; what is sent after the FIN is late data."""
    finding = expect(closed_by_the_server(True), "peer-vanished", outcomes=("failed",))
    assert finding["culprit"] == "network", finding
    expect(closed_by_the_server(False), "data-after-close", outcomes=("failed",))


@case
def late_data_is_still_late_data():
    """The same without the wait: sent after the FIN had come, and refused once repeated."""
    talk = Talk(timestamps=True).shake().ask().s(FIN | ACK, after=1).c(ACK)
    talk.c(PSH | ACK, PING, after=1).s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
    expect(talk, "data-after-close", outcomes=("failed",))


@case
def refused_after_a_silence():
    """Repeats without an answer, then a RST: a reboot, or a server that gave up while its FIN could not pass."""
    talk = Talk(timestamps=True).shake().ask()
    stuck(talk)
    talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
    finding = expect(talk, "peer-rebooted", outcomes=("failed",))
    assert "peer-vanished" in rivals(finding), finding["rivals"]
    assert not any(r["verdict"] == "data-after-close" for r in finding["ruled_out"]), finding["ruled_out"]
    assert "came back" not in finding["summary"], finding["summary"]


@case
def refused_after_a_silence_while_the_host_was_up():
    """Meanwhile the same host answers another connection, and repeats stay unanswered after that, too."""
    talk = Talk(timestamps=True).shake().ask()
    stuck(talk)
    talk.s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
    other = Talk(client=(craft.CLIENT[0], 40999), server=(craft.SERVER[0], 8443), now=4, timestamps=True)
    finding = expect(talk, "peer-vanished", outcomes=("failed",), others=[other.shake().ask().close()])
    assert "its address answered others" in finding["summary"], finding["summary"]


@case
def refused_after_a_reboot():
    """The host answers another connection only once it is back: no repeat stays unanswered after that."""
    talk = Talk(timestamps=True).shake().ask()
    stuck(talk)
    other = Talk(client=(craft.CLIENT[0], 40999), server=(craft.SERVER[0], 8443), now=talk.now + 1,
                 timestamps=True)
    at = talk.next[0] - len(PING)
    talk.c(PSH | ACK, PING, seq=at, after=20).s(RST, seq=talk.next[1], window=0, ident=0, after=0.02)
    expect(talk, "peer-rebooted", outcomes=("failed",), others=[other.shake().ask().close()])


@case
def spoke_only_after_the_last_repeat():
    """The client gives up after 19 s; the server's FIN comes later. That the other direction passes is not known."""
    talk = Talk(timestamps=True).shake().ask()
    at = stuck(talk)
    talk.s(FIN | ACK, seq=talk.next[1] + 8, ack=at, after=5).c(RST, seq=at, window=0, ident=0)
    finding = told(talk)[0]
    assert finding["verdict"] in ("peer-vanished", "user-timeout"), finding
    assert "still passes" not in finding["summary"], finding["summary"]
    assert not any("direction is dead" in e["text"] for e in finding["evidence"]), finding["evidence"]


@case
def one_segment_lost_again_and_again():
    """One segment is repeated six times until it gets through: six losses are not six segments."""
    talk = Talk(timestamps=True).shake().ask()
    stuck(talk)
    finding = expect(talk.s(ACK, after=0.02).close(), "loss-recovered", outcomes=("degraded",), certain=True)
    assert "a segment was lost 6 times in a row" in finding["summary"], finding["summary"]


@case
def silent_to_one_who_had_closed():
    """The client closes, and repeats data and FIN in vain: no call of its is left that could fail."""
    talk = Talk(timestamps=True).shake().ask()
    at = talk.next[0]
    talk.c(PSH | ACK, PING, after=0.001).c(FIN | ACK, after=0.001)
    for n in range(8):
        talk.c(FIN | PSH | ACK, PING, seq=at, after=0.3 * 2 ** n)
    finding = expect(talk, "peer-vanished", outcomes=("failed",))
    assert not (finding["application"]["client"] or {}).get("errno"), finding["application"]


@case
def waited_for_longer_than_its_last_repeat():
    """Who repeats its question for 19 s and closes has waited for so long, not since the last repeat."""
    talk = Talk(timestamps=True).shake().ask()
    at = stuck(talk)
    talk.c(FIN | ACK, after=1).c(PSH | ACK, PING, seq=at, after=3)
    talk.s(PSH | ACK, b"y" * 200, after=0.02).s(FIN | ACK).c(RST, seq=talk.next[0], window=0, ident=0)
    finding = expect(talk, "data-after-close", outcomes=("failed",))
    assert "after 19.9 s without an answer" in finding["summary"], finding["summary"]


# ---- handshakes ----

def answered_twice(other, taken=0):
    """Two SYNs, and two SYN|ACKs at once, with other numbers each; the client takes one of them."""
    talk = Talk(timestamps=False).c(SYN, options=MSS).c(SYN, seq=1000, options=MSS, after=1)
    talk.s(SYN | ACK, options=MSS, after=0.03).s(SYN | ACK, seq=other, options=MSS, after=0.0005)
    if taken:
        talk.next[1] = other + 1
    return talk.c(ACK, after=0.005).c(ACK, after=0.0001)


@case
def a_proxy_answers_each_syn_anew():
    """The numbers of the answer that the client did not take mean nothing: nothing is repeated, all is answered."""
    for other in (700000 + 16081089, 700000 - 5000000, 3000000000):
        for taken in (0, 1):
            talk = answered_twice(other, taken).ask().ask(answer=b"x" * 500).close(first=1)
            finding = expect(talk, "syn-ack-lost", *["clean"] * taken, outcomes=("degraded", "clean"))
            assert taken or "numbers of its own" in finding["summary"], finding["summary"]
            assert "timer" not in str(finding["evidence"]), finding["evidence"]
            assert finding["bytes"]["server"] == 540, finding["bytes"]
            assert finding["retransmissions"]["server"] <= 1, finding["retransmissions"]


def fragmentable(talk):
    """The last packet without don't-fragment."""
    at, data = talk.frames[-1]
    header = bytearray(data[14:34])
    header[6] &= 0xBF
    header[10:12] = b"\0\0"
    header[10:12] = craft.checksum(bytes(header)).to_bytes(2, "big")
    talk.frames[-1] = (at, data[:14] + bytes(header) + data[34:])
    return talk


@case
def resets_of_apple():
    """iOS sets don't-fragment on all but the resets that no socket writes: a client that gave up connecting."""
    for idents in ("random", "count"):
        talk = Talk(timestamps=True, ttl=(64, 238), idents=(idents, "count")).c(SYN, options=MSS)
        talk.s(SYN | ACK, options=MSS, after=0.268)
        finding = told(fragmentable(talk.c(RST, seq=700001, window=0, ident=4711, after=0.015)))[0]
        assert finding["verdict"] in ("connect-aborted", "unknown"), finding["summary"]
        assert "do not show why" not in finding["summary"], finding["summary"]
        talk = Talk(timestamps=True, ttl=(64, 52), idents=(idents, "count")).shake().ask()
        talk.s(PSH | ACK, b"x" * 900, after=5).c(RST, seq=talk.next[0], window=0, ident=4711, after=0.001)
        finding = told(fragmentable(talk))[0]
        assert finding["verdict"] not in ("forged-reset", "aborted"), finding["summary"]


# ---- closes that cross ----

def refused(talk, *acks):
    """What the closed server answers to each of the client's segments: bare resets at their acks."""
    for n, ack in enumerate(acks):
        talk.s(RST, seq=ack, window=0, ident=0, after=0.02 if not n else 0.00001)
    return talk


@case
def requests_cross_the_servers_fin():
    """200 bytes are on their way when the server's FIN comes; a few more follow, and the client's own FIN."""
    talk = Talk(timestamps=True).shake().ask(answer=b"x" * 300)
    first = talk.next[1]
    talk.c(PSH | ACK, bytes(200), after=0.1).s(FIN | ACK, after=0.0003, ack=talk.next[0] - 200)
    talk.c(ACK).c(PSH | ACK, bytes(30)).c(FIN | ACK)
    finding = expect(refused(talk, first, first + 1, first + 1, first + 1), "data-after-close",
                     outcomes=("failed",))
    assert "230 bytes" in finding["summary"], finding["summary"]


@case
def resets_for_acks_that_crossed():
    """A closed socket answers pure ACKs, too: their numbers are old, and no reset among them is a stranger's."""
    talk = Talk(timestamps=True).shake().ask(answer=b"x" * 300)
    first = talk.next[1]
    talk.s(PSH | ACK, bytes(40), after=0.1).c(ACK).s(PSH | ACK, bytes(60)).c(ACK).s(FIN | ACK)
    talk.c(PSH | ACK, bytes(60)).c(FIN | ACK)
    expect(refused(talk, first + 101, first + 40, first + 101, first + 101), "clean")


@case
def a_client_that_closes_races_nobody():
    """The client closes while an answer is on its way: no idle timer of the server is at work."""
    talk = Talk(timestamps=True).shake().ask().c(PSH | ACK, bytes(100), after=2).c(FIN | ACK, after=0.001)
    talk.s(PSH | ACK, b"z" * 900, after=0.019, ack=talk.next[0] - 1)
    finding = told(talk.c(RST, seq=talk.next[0] - 1, window=0, ident=0))[0]
    assert "keepalive-race" not in rivals(finding), finding["rivals"]


@case
def crossed_and_closed_itself():
    """Both close at once: the one that is reset had closed, too, and nobody is told of EPIPE."""
    talk = Talk(timestamps=True).shake().ask(answer=b"x" * 300)
    first, asked = talk.next[1], talk.next[0]
    talk.c(PSH | ACK, bytes(240), after=0.1).c(FIN | ACK).s(FIN | ACK, after=0.0002, ack=asked)
    finding = expect(refused(talk, first, first), "data-after-close", outcomes=("failed",))
    assert "crossed its FIN" in finding["summary"], finding["summary"]
    assert not (finding["application"]["client"] or {}).get("errno"), finding["application"]


# ---- teardown ----

@case
def fins_far_apart():
    """Two FINs 20 s apart, never acknowledged: those between them are missing, and so is every answer."""
    other = Talk(client=("192.0.2.9", 40009), now=100).shake().ask().close()
    talk = Talk().shake().ask().c(FIN | ACK, after=1).c(FIN | ACK, seq=0, keep=True, after=20)
    talk.frames = talk.frames[:-1]
    talk.c(FIN | ACK, seq=talk.next[0] - 1, after=20)
    expect(talk, "fin-unanswered", outcomes=("degraded",), others=[other])


@case
def fin_with_numbers_of_its_own():
    """A device closes with the numbers of the handshake: the ACKs that answer it acknowledge more than the FIN."""
    talk = Talk().shake().ask(answer=b"x" * 1200)
    talk.frames = []
    for after in (0.1, 1.2, 1.6, 3.2, 6.4):
        talk.s(FIN | ACK, seq=700001, ack=1001, after=after).c(ACK, after=0.01)
    finding = told(talk)[0]
    assert finding["verdict"] != "fin-ack-lost", finding["summary"]


@case
def fin_repeated_too_soon():
    """A FIN is repeated 30 ms after its ACK passed, which needs 150 ms from here: late, and not lost."""
    talk = Talk().s(FIN | ACK).c(ACK, after=0.141).s(FIN | ACK, seq=700000, after=0.03).c(ACK, after=0.002)
    expect(talk.s(RST, seq=700001, window=0, after=0.306), "clean")


@case
def fin_repeated_behind_its_ack():
    """The ACK passes here, and the FIN comes again half a second later."""
    talk = Talk(timestamps=True).shake().ask().s(FIN | ACK, after=1).c(ACK)
    talk.s(FIN | ACK, seq=talk.next[1] - 1, after=0.5).c(ACK).c(FIN | ACK, after=1).s(ACK, after=0.02)
    expect(talk, "fin-ack-lost", outcomes=("degraded",))


@case
def refused_late_though_sent_at_once():
    """The second FIN comes at once, and its RST a second later (a VPN's tun device): no time of FIN_WAIT2 was up."""
    talk = Talk().shake(rtt=0.002).ask().c(FIN | ACK, after=1).s(ACK, after=0.0003).s(FIN | ACK, after=0.0002)
    finding = told(talk.c(RST, seq=talk.next[0], window=0, ident=0, after=1.02))[0]
    assert finding["verdict"] != "fin-wait2-expired", finding["summary"]


@case
def unreachable_at_the_close():
    """The FIN draws an ICMP error, and the capture ends: nothing shows that the connection went on."""
    talk = Talk().shake().ask().c(FIN | ACK, after=1)
    talk.icmp(3, 0, talk.last_ip())
    text = report(talk)
    assert "host-unreachable" in text and "survived" not in text, text


# ---- captures that are not whole ----

@case
def without_pure_acks():
    """A filter left only what has payload: the capture goes on for minutes, and does not end with this connection."""
    talk = Talk().c(PSH | ACK, bytes(200)).s(PSH | ACK, bytes(300), after=0.02)
    other = Talk(client=("192.0.2.9", 40009), now=300).shake().ask().close()
    finding = told(talk, other)[0]
    assert finding["verdict"] == "unknown", finding
    assert "goes on for" in finding["summary"] and "ended" not in finding["summary"], finding["summary"]


@case
def repeated_without_pure_acks():
    """The same with one repeat: an ACK that came too late for the timer is not in the capture, so no loss is told."""
    talk = Talk(timestamps=True)
    for n in range(6):
        at = talk.next[1]
        talk.s(PSH | ACK, bytes(61), after=20)
        if n == 3:
            talk.s(PSH | ACK, bytes(61), seq=at, after=0.2)
        talk.c(PSH | ACK, bytes(40), after=15)
    finding = told(talk)[0]
    assert finding["verdict"] in ("clean", "unknown"), finding["summary"]


@case
def repeated_and_acknowledged():
    """With the ACKs in the capture the same repeat was needed."""
    talk = Talk(timestamps=True).shake()
    for n in range(6):
        at = talk.next[1]
        talk.s(PSH | ACK, bytes(61), after=20)
        if n == 3:
            talk.s(PSH | ACK, bytes(61), seq=at, after=0.2)
        talk.c(ACK, after=0.001).c(PSH | ACK, bytes(40), after=15).s(ACK, after=0.02)
    expect(talk.close(), "loss-recovered", outcomes=("degraded",), certain=True)


@case
def hole_filled_out_of_sight():
    """A SACK reports a hole, and the ACK that closes it echoes a timestamp that nobody sent here: a repeat was missed."""
    for unseen in (0, 1):
        talk = Talk(timestamps=True).shake().ask()
        first = talk.next[0]
        for _ in range(4):
            talk.c(ACK, bytes(1400), after=0.002)
        left, right = first + 1400, first + 4200
        talk.s(ACK, ack=left, options=b"\1\1\5\x0a" + struct.pack(">II", left + 1400, right), after=0.02)
        if unseen:
            talk.heard[1] += 77
        finding = told(talk.s(ACK, after=0.03).close())[0]
        assert (finding["verdict"] == "reordering") == (not unseen), finding["summary"]


@case
def ends_with_the_data():
    """The same, and the capture does end there."""
    talk = Talk().shake().ask().c(PSH | ACK, bytes(200), after=1)
    other = Talk(client=("192.0.2.9", 40009), now=talk.now + 2).shake()
    finding = told(talk, other)[0]
    assert finding["verdict"] == "unknown" and "when the capture ended" in finding["summary"], finding


@case
def only_the_server():
    """SYN|ACK and FIN, and nothing of the client: its ACK must have come."""
    talk = Talk().shake().s(FIN | ACK, after=5)
    talk.frames = [talk.frames[1], talk.frames[3]]
    finding = told(talk)[0]
    assert finding["verdict"] == "unknown" and "one direction" in finding["summary"].lower(), finding


def damaged(talk):
    """The last packet with a wrong checksum."""
    at, data = talk.frames[-1]
    talk.frames[-1] = (at, data[:50] + bytes([data[50] ^ 0xFF]) + data[51:])
    return talk


@case
def rewritten_but_taken():
    """Names were changed in a line of a capture: its checksum is wrong, and the ACK covers it at once."""
    talk = Talk(timestamps=False).shake()
    for _ in range(5):
        talk.ask()
    damaged(talk.s(PSH | ACK, b":someone!user@host PRIVMSG #room :hello\r\n", after=3)).c(ACK, after=0.04)
    expect(talk, "clean")


@case
def damaged_and_repeated():
    """Damaged on its way: dropped, and repeated."""
    talk = Talk(timestamps=False).shake()
    for _ in range(5):
        talk.ask()
    at = talk.next[1]
    damaged(talk.s(PSH | ACK, b"hello, this is a line\r\n", after=3))
    talk.s(PSH | ACK, b"hello, this is a line\r\n", seq=at, after=0.3).c(ACK, after=0.04)
    expect(talk, "invalid-segment", outcomes=("degraded",), certain=True)


@case
def scan_of_a_thousand_ports():
    """More doors than the table tells apart: the number is said to be the least."""
    talks = []
    for port in range(1, 1001):
        talks.append(Talk(client=("192.0.2.7", 36050), server=(craft.SERVER[0], port), now=port / 100)
                     .c(SYN, options=MSS))
    finding = told(*talks)[5]
    assert finding["verdict"] == "port-scan" and "at least" in finding["summary"], finding["summary"]


@case
def overtaken_in_the_same_moment():
    """A SACK and the ACK that closes its hole have the same time: that is no lateness of 0 ns."""
    talk = Talk().shake()
    at = talk.next[0]
    talk.c(ACK, b"a" * 1220).c(ACK, b"b" * 1220).c(PSH | ACK, b"c" * 43)
    hole = b"\1\1\5\x0a" + struct.pack(">II", at + 2440, at + 2483)
    talk.s(ACK, ack=at + 1220, after=0.02).s(ACK, ack=at + 1220, options=hole, after=0.001).s(ACK, after=0)
    finding = expect(talk.close(), "reordering")
    words = [finding["summary"], *(e["text"] for e in finding["evidence"])]
    assert not any("0 ns" in word for word in words), words



@case
def the_port_accepts_others_before_it_is_refused():
    """A worker breaks off one answer; 400 ms later its process takes another connection, and then ends: that is not one end."""
    cut = Talk().shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n").s(ACK, after=0.02)
    cut.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok").s(FIN | ACK).c(ACK, after=0.02).c(FIN | ACK).s(ACK)
    refused = Talk(client=("192.0.2.1", 40002), now=cut.now + 0.8).c(SYN, options=MSS).s(RST | ACK, seq=0, window=0, ident=0)
    finding, *_ = told(cut, refused)
    assert (finding["verdict"], finding["confidence"]) == ("process-died", "likely"), finding["summary"]
    other = Talk(client=("192.0.2.1", 40001), now=cut.now + 0.4).shake().ask().close(first=1)
    finding, *_ = told(cut, other, refused)
    assert finding["confidence"] != "likely" and "refused" not in finding["summary"], finding["summary"]


if __name__ == "__main__":
    main()
