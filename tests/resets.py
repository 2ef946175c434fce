#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Resets: which one decided, what was owed, and who waited.

usage: TCPWHY=build/tcpwhy tests/resets.py [WORD...]
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST, SYN
from tap import case, main
from talk import MSS, SACK_OK, Talk, as_pcap, expect, objects, told

# ---- the answer and the server's close behind it, neither acknowledged, and a bare reset of the client ----


def refused_answer(fin_with_data, size=310):
    """The client's kernel does not know the connection any more when the answer comes."""
    talk = Talk(ttl=(58, 64)).shake(rtt=0.03).c(PSH | ACK, b"q" * 77, after=0.002).s(ACK)
    at = talk.next[0]
    if fin_with_data:
        talk.s(FIN | PSH | ACK, b"a" * size, after=0.04)
    else:
        talk.s(PSH | ACK, b"a" * size, after=0.04).s(FIN | ACK)
    return talk.c(RST, seq=at, window=0, ident=0, after=0.03)


@case
def answer_refused_with_the_fin_behind_it():
    """Whether the FIN has a segment of its own decides nothing: the answer did not get there."""
    for size in (310, 2500):
        said = [expect(refused_answer(fin, size), "peer-rebooted", outcomes=("degraded",)) for fin in (True, False)]
        assert said[0]["confidence"] == said[1]["confidence"] == "possible", said


@case
def answer_taken_and_then_reset():
    """The answer is acknowledged; the server's FIN draws a bare reset: nobody was owed anything."""
    talk = Talk(ttl=(58, 64)).shake(rtt=0.03).ask(b"q" * 77, b"a" * 310)
    at = talk.next[0]
    expect(talk.s(FIN | ACK, after=2).c(RST, seq=at, window=0, ident=0, after=0.03), "clean")


@case
def a_reaction_is_no_wait():
    """Taken at the end that resets, request to reset is what that kernel took; at the other end it is what recv() took."""
    for to_server, to_client, seen in ((0.03, 0.00003, 0.03), (0.00003, 0.03, None)):
        talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS, after=to_server).c(ACK, after=to_client)
        talk.c(PSH | ACK, b"q" * 77, after=5)
        talk.s(RST, seq=talk.next[1], window=0, ident=0, after=to_server)
        saw = told(talk)[0]["application"]["client"]
        assert (saw["errno"], saw["after"] and round(saw["after"], 3)) == ("ECONNRESET", seen), saw


@case
def quit_crosses_the_servers_close():
    """The client says QUIT; the server's last words and its FIN draw a bare reset."""
    talk = Talk(ttl=(58, 64)).shake(rtt=0.03).ask(b"STAT\r\n", b"+OK 0 0\r\n").c(PSH | ACK, b"QUIT\r\n", after=1)
    at = talk.next[0]
    talk.s(ACK).s(PSH | ACK, b"+OK bye\r\n", after=0.01).s(FIN | ACK)
    expect(talk.c(RST, seq=at, window=0, ident=0, after=0.03), "clean")


@case
def client_aborts_as_the_answer_comes():
    """Its program did it: clean, but not all of the answer was acknowledged."""
    talk = Talk().shake().c(PSH | ACK, b"q" * 77).s(ACK).s(ACK, b"a" * 9000, after=0.04)
    heard = talk.next[1] - 4000
    talk.s(FIN | PSH | ACK, b"b" * 1500).c(ACK, ack=heard - 2000, after=0.02)
    finding = expect(talk.c(RST | ACK, ack=heard, after=0.01), "clean", "closed-with-unread-data",
                     outcomes=("clean", "degraded", "failed"))
    assert "all data had been acknowledged" not in finding["summary"], finding["summary"]



# ---- the client's reset in the handshake refuses an old ACK; what ends the connection comes later ----


def over_an_old_connection(ident=0, rtt=0.03):
    """The SYN meets what is left of another connection; its ACK is refused, and the next SYN connects."""
    talk = Talk().c(SYN, options=MSS).s(ACK, seq=5_000, ack=77_000, ident=ident, after=rtt)
    talk.c(RST, seq=77_000, window=0, ident=0, after=0.00001)
    talk.next[0] = 1000
    return talk.c(SYN, options=MSS, after=0.02).s(SYN | ACK, options=MSS, after=rtt).c(ACK)


@case
def unread_long_after_an_old_ack():
    """Two minutes later the server's program leaves with a request unread: that is how it failed."""
    for ident in (0, 900):
        talk = over_an_old_connection(ident).ask(rtt=0.03)
        talk.c(PSH | ACK, b"GET /2 HTTP/1.1\r\n\r\n", after=120).s(ACK, after=0.03).s(RST | ACK, window=501, after=4)
        expect(talk, "closed-with-unread-data", outcomes=("failed",))


@case
def nothing_else_after_an_old_ack():
    """It connects late, and then all goes well; whether it ends by FIN or by a reset of the client."""
    for ident, slug in ((0, "time-wait-syn-dropped"), (900, "peer-rebooted")):
        expect(over_an_old_connection(ident).ask(rtt=0.03).close(), slug, outcomes=("degraded",))
        expect(over_an_old_connection(ident).ask(rtt=0.03).c(RST | ACK, window=501, after=1), slug, "linger-reset",
               outcomes=("degraded",))



# ---- something heals, and the connection fails later ----


def pmtu_found_by_the_sender(talk):
    """Full-size segments vanish; cut to 1000 bytes they pass."""
    talk.c(PSH | ACK, b"GET /big HTTP/1.1\r\n\r\n").s(ACK)
    at = talk.next[1]
    for k in range(3):
        talk.s(ACK, b"d" * 1448, seq=at + 1448 * k, after=0.0001)
    for after in (0.25, 0.5, 1.0, 2.0):
        talk.s(ACK, b"d" * 1448, seq=at, after=after)
    for k in range(4):
        talk.s(ACK, b"d" * 1000, seq=at + 1000 * k, after=0.05).c(ACK, ack=at + 1000 * (k + 1), after=0.02)
    talk.s(PSH | ACK, b"d" * 344, seq=at + 4000, after=0.01)
    talk.next[1] = at + 4344
    return talk.c(ACK, after=0.02)


@case
def large_segments_pass_and_the_server_aborts_later():
    """The path had got well again, half a minute before the server left a request unread."""
    talk = pmtu_found_by_the_sender(Talk(ttl=(60, 64)).shake())
    expect(talk.close(), "pmtu-blackhole", outcomes=("degraded",), certain=True)
    talk = pmtu_found_by_the_sender(Talk(ttl=(60, 64)).shake())
    talk.c(PSH | ACK, b"GET /2 HTTP/1.1\r\n\r\n", after=30).s(ACK).s(RST | ACK, window=501, after=3)
    expect(talk, "closed-with-unread-data", outcomes=("failed",))


def syn_in_the_midst(talk):
    """A SYN of nobody's in an established connection: challenged, and the connection goes on."""
    talk.c(SYN, seq=talk.next[0] + 9000, options=MSS, after=1, ttl=50, ident=5).s(ACK, after=0.00005)
    return talk.ask()


@case
def outlives_a_syn_and_is_reset():
    """The SYN changed nothing; that all went well afterwards is more than is known."""
    talk = syn_in_the_midst(Talk(ttl=(60, 64)).shake().ask())
    talk.c(PSH | ACK, b"GET /3 HTTP/1.1\r\n\r\n", after=1).s(ACK, after=0.02).s(RST | ACK, window=501, after=1)
    for finding in objects(as_pcap(talk), "--all"):
        if finding["type"] == "finding" and finding["verdict"] == "invalid-segment":
            assert finding["outcome"] == "unknown" and "as if it had not come" not in finding["summary"], finding
            break
    else:
        raise AssertionError("nothing is said of the SYN")


@case
def outlives_a_syn_and_closes():
    """The same, closed in order."""
    talk = syn_in_the_midst(Talk(ttl=(60, 64)).shake().ask()).close()
    said = [finding for finding in objects(as_pcap(talk), "--all") if finding["type"] == "finding"]
    assert {finding["outcome"] for finding in said} <= {"clean", "degraded"}, said



# ---- unread, or never arrived, or read ----


@case
def request_that_never_arrived():
    """The path is dead: the request is repeated, and the server's abort, half a minute later, acknowledges nothing of it."""
    for times in (1, 4):
        talk = Talk(ttl=(64, 55)).shake(rtt=0.04).ask(rtt=0.04)
        heard = at = talk.next[0]
        talk.c(PSH | ACK, b"GET /2 HTTP/1.1\r\n\r\n", after=2)
        for k in range(times):
            talk.c(PSH | ACK, b"GET /2 HTTP/1.1\r\n\r\n", seq=at, after=0.25 * 2 ** k)
        talk.s(RST | ACK, ack=heard, window=501, after=0.6)
        expect(talk, "linger-reset", "aborted", outcomes=("failed",), certain=True)


@case
def upload_aborted_in_the_midst():
    """Part of it is acknowledged, the rest is on its way, a lost segment among it has just been repeated."""
    talk = Talk(ttl=(64, 55)).shake(rtt=0.04).ask(rtt=0.04)
    at = talk.next[0]
    for _ in range(6):
        talk.c(ACK, b"u" * 1448, after=0.00001)
    talk.s(ACK, ack=at + 2 * 1448, after=0.04).c(ACK, b"u" * 1448, seq=at + 2 * 1448, after=0.001)
    talk.s(RST | ACK, ack=at + 2 * 1448, window=400, after=0.003)
    expect(talk, "closed-with-unread-data", outcomes=("failed",))


def download(*windows):
    """A client gets segment after segment; what it says of its buffer behind the last of them, and then it aborts."""
    talk = Talk().shake(options=MSS).c(PSH | ACK, b"GET /film HTTP/1.1\r\n\r\n").s(ACK)
    for _ in range(3):
        talk.s(ACK, b"f" * 1460, after=0.01).s(ACK, b"f" * 1460).c(ACK, window=61080, after=0.001)
    for window in windows:
        talk.c(ACK, window=window, after=0.005)
    return talk.c(RST | ACK, window=windows[-1] if windows else 61080, after=0.01)


@case
def read_to_the_end_and_aborted():
    """Right before its reset the client announces all of its window again: nothing was unread."""
    talk = download(64240)
    assert told(talk)[0]["verdict"] != "closed-with-unread-data", told(talk)[0]["summary"]


@case
def aborted_with_the_window_still_taken():
    """The window stays below what it was, or some of it comes back."""
    for windows in ((), (62540,)):
        expect(download(*windows), "closed-with-unread-data", outcomes=("failed", "degraded"))



# ---- a reset behind data that was on its way ----


def reset_behind_data(end, confirmed=False):
    """
    Captured at the client, at the server (where what it answers at once does so from there) or on the way; SO_LINGER of
    the server, right behind 1000 bytes that are lost before the client.
    """
    rtt = {"client": 0.02, "server": 0.00005, "middle": 0.01}[end]
    back = {"client": 0.00005, "server": 0.02, "middle": 0.01}[end]
    talk = Talk(timestamps=True).c(SYN, options=MSS + SACK_OK).s(SYN | ACK, options=MSS + SACK_OK, after=rtt)
    talk.c(ACK, after=back).c(PSH | ACK, b"q" * 100).s(ACK, after=rtt).s(PSH | ACK, b"a" * 100, after=0.003)
    talk.c(ACK, after=back)
    heard = talk.next[1]
    if end == "client":
        talk.next[1] += 1000
        talk.count[1] += 1
    else:
        talk.s(PSH | ACK, b"d" * 1000, after=0.03)
    talk.send(1, RST | ACK, window=502, after=0.002,
              options=b"\1\1\x08\x0a" + struct.pack(">II", int(talk.now * 1000) + 90002, talk.heard[1]))
    if confirmed:
        talk.c(ACK, ack=heard, after=back).s(RST, seq=heard, window=0, ident=0, after=rtt)
    return talk


@case
def reset_behind_lost_data():
    """It counts only with the second one; whether that is due, nobody knows who sees no more than the first."""
    finding = expect(reset_behind_data("client"), "unknown", outcomes=("unknown",))
    assert "1000 bytes" in finding["summary"] and "confirms" in finding["summary"], finding["summary"]
    for end in ("server", "middle"):
        finding = expect(reset_behind_data(end), "linger-reset", outcomes=("failed",))
        assert "hangs" in finding["application"]["client"]["text"], finding["application"]
        finding = expect(reset_behind_data(end, confirmed=True), "linger-reset", outcomes=("failed",))
        saw = finding["application"]["client"]
        assert saw["errno"] == "ECONNRESET" and "hangs" not in saw["text"], saw



# ---- the client asked, waited in vain and closed; then the answer comes ----


def closes_before_the_answer(*words, wait=1.8, late=2.5):
    """A time-out of the client; the server says each of @words, closes, and each draws a reset."""
    talk = Talk(client=("192.0.2.1", 40100), server=("192.0.2.2", 3306), ttl=(64, 60)).shake(rtt=0.03)
    talk.ask(b"\x05\0\0\0\x03ping", b"\x07\0\0\1\0\0\0\2\0\0\0", rtt=0.03)
    talk.c(PSH | ACK, b"\x12\0\0\0\x03select sleep(9)", after=0.01).s(ACK, after=0.03).c(FIN | ACK, after=wait)
    talk.s(ACK, after=0.03)
    at = talk.next[0]
    for k, word in enumerate(words):
        talk.s(PSH | ACK, word, after=0.00004 if k else late)
    talk.s(FIN | ACK, after=0.00004)
    for _ in range(len(words) + 1):
        talk.c(RST, seq=at, window=0, ident=0, after=0.00003)
    return talk


@case
def answer_in_two_pieces_after_the_close():
    """The last of them is short, but together they are an answer: the client had given up."""
    for words in ((b"x" * 101, b"y" * 47), (b"x" * 40, b"y" * 40)):
        expect(closes_before_the_answer(*words), "app-stuck", "data-after-close", outcomes=("failed",))


@case
def goodbye_after_the_close():
    """A word of a few bytes, or nothing that was waited for: nobody was owed anything."""
    expect(closes_before_the_answer(b"x" * 40), "clean")
    talk = Talk(ttl=(64, 60)).shake(rtt=0.03).ask(b"STAT\r\n", b"+OK 2 320\r\n", rtt=0.03).c(FIN | ACK, after=2)
    at = talk.next[0]
    talk.s(PSH | ACK, b"-ERR time-out\r\n", after=0.01).s(FIN | ACK).c(RST, seq=at, window=0, ident=0, after=0.001)
    expect(talk, "clean")



# ---- a close and a reset that were not taken ----


def refused_both(repeats, every=1.5, last_ack_covers=False):
    """The server closes and resets; the client repeats its data all the same, and acknowledges neither."""
    talk = Talk().shake(rtt=0.01).ask(rtt=0.01)
    heard, at = talk.next[1], talk.next[0]
    talk.c(PSH | ACK, b"n" * 620, after=0.05).s(FIN | ACK, ack=at, after=0.002).s(RST | ACK, window=0, after=0.009)
    for k in range(repeats):
        talk.c(PSH | ACK, b"n" * 620, seq=at, ack=heard + last_ack_covers, after=every if k else 0.23)
    return talk


@case
def repeats_for_long_what_was_reset():
    """Whoever repeats for a quarter of a minute has got neither the FIN nor the reset."""
    finding = expect(refused_both(10), "peer-vanished", outcomes=("failed",))
    assert "EOF" not in str(finding["application"]), finding["application"]


@case
def one_repeat_crosses_the_reset():
    """One repeat that was on its way; or none, and silence afterwards."""
    for repeats in (0, 1):
        finding = expect(refused_both(repeats), "aborted", "closed-with-unread-data", "linger-reset",
                         outcomes=("failed",), certain=True)
        assert "reset" in finding["summary"] or "abort" in finding["summary"], finding["summary"]



# ---- the author's own keepalive had ended it ----


def probed_and_back(probes, answered=0):
    """The server probes @probes times, @answered of them in the end; much later the client speaks again."""
    talk = Talk(ttl=(64, 57)).shake(rtt=0.05).ask(rtt=0.05)
    below = talk.next[1] - 1
    for k in range(probes):
        talk.s(ACK, seq=below, after=50 if k else 600)
        if k >= probes - answered:
            talk.c(ACK, after=0.0001)
    return talk.c(PSH | ACK, b"GET /later HTTP/1.1\r\n\r\n", after=5000).s(RST, window=0, ident=0, after=0.05)


@case
def given_up_by_keepalive_and_found_later():
    """Nine probes in vain: the server's kernel knew when it ended this, and did not lose it."""
    finding = expect(probed_and_back(9), "keepalive-timeout", outcomes=("failed",))
    assert finding["confidence"] == "likely", finding["confidence"]


@case
def probes_that_were_answered():
    """The connection lived by then; so it did with one lone probe that got lost."""
    for talk in (probed_and_back(9, answered=9), probed_and_back(4, answered=1), probed_and_back(1)):
        expect(talk, "idle-reset", "peer-rebooted", "firewall-reset", outcomes=("failed",))



# ---- a refusal some time after the end ----


def left_and_refused(served_between):
    """The server closes in place of an answer; 40 s later its port is refused."""
    here, port = "192.0.2.1", ("192.0.2.2", 8081)
    talks = [Talk(client=(here, 41000), server=port).shake().c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=1)
             .s(ACK, after=0.02).s(FIN | ACK, after=1).c(FIN | ACK, after=0.001).s(ACK, after=0.02)]
    for k in range(3 if served_between else 0):
        talks.append(Talk(client=(here, 41001 + k), server=port, now=8.0 + 9 * k).shake().ask().close())
    refused = Talk(client=(here, 41020), server=port, now=42.0).c(SYN, options=MSS)
    talks.append(refused.s(RST | ACK, seq=0, ack=1001, window=0, ident=0, after=0.02))
    return told(*talks)[0]


@case
def served_others_before_it_was_refused():
    """Others were accepted between the end and the refusal: what ended the one was not the end of the process."""
    finding = left_and_refused(True)
    assert "process" not in finding["summary"].lower() or finding["confidence"] == "possible", finding["summary"]
    assert "refused" not in finding["summary"], finding["summary"]


@case
def refused_and_nobody_served_before():
    """Nobody was: the process ended."""
    finding = left_and_refused(False)
    assert finding["verdict"] == "process-died" and finding["outcome"] == "failed", finding["summary"]



# ---- a long silence, and what others found meanwhile ----

POOL, SERVICE = "192.0.2.1", ("192.0.2.2", 8443)


def pooled(idle, port=42000, answered=True):
    """An old connection of a pool speaks after @idle seconds; a bare reset answers, or nothing does."""
    talk = Talk(client=(POOL, port), server=SERVICE).shake().ask().c(PSH | ACK, b"POST /x HTTP/1.1\r\n\r\n", after=idle)
    if answered:
        return talk.s(RST, window=0, ident=0, after=0.02)
    at = talk.next[0] - 20
    for k in range(9):
        talk.c(PSH | ACK, b"POST /x HTTP/1.1\r\n\r\n", seq=at, after=0.25 * 2 ** k)
    return talk


def asked_meanwhile(now, refused, times=1):
    """Somebody else connects to the same port, and is refused, or gets no answer."""
    talk = Talk(client=(POOL, 42100), server=SERVICE, now=now).c(SYN, options=MSS)
    if refused:
        return talk.s(RST | ACK, seq=0, ack=1001, window=0, ident=0, after=0.02)
    for _ in range(times):
        talk.c(SYN, options=MSS, seq=1000, after=1.02)
    return talk


@case
def refused_while_it_was_idle():
    """Nothing listened there for a time, and afterwards it knows nothing of the old connection."""
    for idle in (40, 355):
        served = Talk(client=(POOL, 42101), server=SERVICE, now=idle - 5.0).shake().ask().close()
        finding = told(pooled(idle), asked_meanwhile(idle / 2, True), served)[0]
        assert (finding["verdict"], finding["outcome"]) == ("peer-rebooted", "failed"), finding["summary"]


@case
def forgotten_while_others_were_served():
    """Nobody was refused: a device forgets after 350 s."""
    served = Talk(client=(POOL, 42101), server=SERVICE, now=100.0).shake().ask().close()
    assert told(pooled(355), served)[0]["verdict"] == "idle-reset"


def lost_pool(idle, flags=RST, service=SERVICE, until=1000.0):
    """Connections of a pool, last used @idle seconds before they are used again, within seconds; resets answer."""
    talks = []
    for k, seconds in enumerate(idle):
        talk = Talk(client=(POOL, 42000 + k), server=service, now=until + k - seconds - 20).shake().ask()
        talk.ask().c(PSH | ACK, b"POST /x HTTP/1.1\r\n\r\n", after=seconds)
        talks.append(talk.s(flags, window=0, ident=0, after=0.02))
    return talks


@case
def pool_forgotten_at_once():
    """In use 5 s ago, or 11 minutes ago: no timeout fits both, and one moment does."""
    for finding in told(*lost_pool([5, 40, 130, 400, 700])):
        assert (finding["verdict"], finding["outcome"]) == ("peer-rebooted", "failed"), finding["summary"]
        assert "idle-reset" in {rival["verdict"] for rival in finding["rivals"]}, finding["rivals"]
    long_idle = told(*lost_pool([5, 400]))[1]
    assert any("all were lost at once" in e["text"] for e in long_idle["evidence"]), long_idle["evidence"]


@case
def pool_reset_at_once_in_another_form():
    """So with the resets that balancers write: what was in use 5 s ago has not been forgotten for its idle time."""
    for finding in told(*lost_pool([5, 40, 130, 400, 700], RST | ACK)):
        assert finding["verdict"] in ("aborted", "firewall-reset"), finding["summary"]
        assert finding["confidence"] == "possible", finding["summary"]


@case
def pool_idle_for_as_long():
    """All of them had been idle for longer than devices remember; what another port lost says nothing of these."""
    for others in ((), lost_pool([4], service=("192.0.2.2", 9000), until=990.0)):
        talks = lost_pool([400, 401, 405, 420])
        for finding in told(*talks, *others)[:len(talks)]:
            assert finding["verdict"] == "idle-reset", finding["summary"]


@case
def silences_that_no_device_ends_so_soon():
    """Three of 20 to 40 s, and nothing that survived: what one moment explains tells of no timeout."""
    for finding in told(*lost_pool([20, 30, 40])):
        assert finding["verdict"] == "peer-rebooted", finding["summary"]


@case
def new_connections_get_no_answer_either():
    """Old ones and new ones alike: it is the server, or the path, that is gone."""
    talks = [pooled(355 - 20 * k, 42000 + k, answered=False) for k in range(3)]
    finding = told(*talks, asked_meanwhile(356, False, 5))[0]
    assert finding["verdict"] == "peer-vanished", finding["summary"]


@case
def new_connections_are_served():
    """Only the old ones are dead, and new ones are not."""
    talks = [pooled(355 - 20 * k, 42000 + k, answered=False) for k in range(3)]
    served = Talk(client=(POOL, 42101), server=SERVICE, now=360.0).shake().ask().close()
    assert told(*talks, served)[0]["verdict"] == "idle-blackholed"



@case
def host_that_speaks_elsewhere_is_up():
    """In use 5 s ago, and no answer any more, while a new connection is served: its host did not die."""
    served = Talk(client=(POOL, 42101), server=SERVICE, now=20.0).shake().ask().close()
    for others, lives in (((), False), ((served,), True)):
        finding = told(pooled(5, answered=False), *others)[0]
        assert finding["verdict"] == "peer-vanished", finding["summary"]
        assert any("it is up" in e["text"] for e in finding["evidence"]) == lives, finding["evidence"]


# ---- who wrote it, and how much it is about ----

CAPTURES = pathlib.Path(__file__).resolve().parent / "captures"


def of_file(name, stream=0):
    return next(o for o in objects((CAPTURES / name).read_bytes(), "--all")
                if o["type"] == "finding" and o["stream"] == stream)


@case
def each_neighbour_ends_once():
    """Four connections end with their process, three of them by FIN and two of those by a reset as well: 3 others."""
    for stream in (0, 3):
        texts = [e["text"] for e in of_file("resets/process-killed.client.pcap", stream)["evidence"]]
        assert any("3 other connections" in text for text in texts), texts


@case
def reset_long_after_what_it_fits():
    """A RST of another TTL and IP-ID, a second after an ACK, and its alleged author goes on: no filter answers so late."""
    for late, verdict in ((0.994, "forged-reset"), (0.015, "firewall-reset")):
        talk = Talk(ttl=(58, 64)).shake().ask().ask()
        talk.s(RST, window=0, ident=0x1234, ttl=50, after=late)
        talk.c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=0.006).s(ACK).s(PSH | ACK, b"ok", after=0.01)
        talk.c(RST, seq=talk.next[0], window=0, ident=0, after=0.02)
        finding = expect(talk, verdict, "forged-reset", outcomes=("failed",), certain=True)
        assert late < 0.1 or finding["verdict"] == verdict, finding["summary"]


@case
def reset_of_a_host_whose_socket_had_a_ttl_of_its_own():
    """IP_TTL 255 (BGP): the kernel answers for no socket with 64, as far from here. A box on the way is nearer."""
    for ttl, wanted in ((64, ("data-after-close",)), (61, ("firewall-reset", "forged-reset", "idle-reset"))):
        talk = Talk(server=("192.0.2.2", 179), ttl=(255, 255)).shake(rtt=0.001).ask(rtt=0.001)
        if ttl == 64:
            talk.s(FIN | ACK, after=0.1).c(ACK)
        talk.c(PSH | ACK, b"k" * 100, after=0.3).s(RST, window=0, ident=60673, ttl=ttl, after=0.0003)
        expect(talk, *wanted, outcomes=("failed",), certain=ttl != 64)


@case
def fin_beyond_a_finished_close():
    """Both closed and acknowledged all; what comes then, far ahead, is of no application, and nobody lost anything."""
    talk = Talk(ttl=(63, 64)).shake().ask().close()
    talk.c(FIN | ACK, seq=talk.next[0] + 60000, ttl=200, after=0.3).s(RST, seq=talk.next[1], window=0, ident=0)
    finding = told(talk)[0]
    assert finding["verdict"] != "data-after-close" and finding["outcome"] == "clean", finding["summary"]


@case
def nothing_was_sent_to_be_unread():
    """The window is far larger in the reset than before; nothing had been sent that could have filled the buffer."""
    for asked in (True, False):
        talk = Talk().shake()
        if asked:
            talk.c(ACK, b"d" * 1400).c(ACK, b"d" * 1400).s(ACK, window=100, after=0.02)
        else:
            talk.s(PSH | ACK, b"hello", window=100, after=0.02)
        finding = told(talk.s(RST | ACK, window=9000, after=0.3))[0]
        assert (finding["verdict"] == "closed-with-unread-data") == asked, finding["summary"]


@case
def seldom_so_many_bytes_behind_a_syn_that_still_asks():
    """A RST|ACK of any number refuses the SYN again: the client asks still, so nothing had passed."""
    talk = Talk().c(SYN, options=MSS).s(SYN | ACK, options=MSS)
    for step in range(3):
        talk.c(SYN, options=MSS, seq=1000, after=1.02 * 2 ** step)
        if step < 2:
            talk.s(SYN | ACK, options=MSS, seq=700000, keep=True)
    finding = told(talk.s(RST | ACK, seq=862247937, ack=1001))[0]
    assert "passed before" not in finding["summary"], finding["summary"]


# ---- a FIN in place of an answer is no idle timer's ----


def crossed_by_a_request(owed):
    """The server closes after 6 s; another request of the client crosses that FIN. Was the one before it answered?"""
    talk = Talk(ttl=(64, 55)).shake(rtt=0.06).ask(rtt=0.06).c(PSH | ACK, b"GET /2 HTTP/1.1\r\n\r\n", after=1)
    talk.s(ACK, after=0.06)
    if not owed:
        talk.s(PSH | ACK, b"HTTP/1.1 204 No Content\r\n\r\n", after=0.01).c(ACK)
    heard, at = talk.next[0], talk.next[1]
    talk.c(PSH | ACK, b"GET /3 HTTP/1.1\r\n\r\n", after=6).s(FIN | ACK, ack=heard, after=0.03)
    return talk.s(RST, seq=at, window=0, ident=0, after=0.03)


@case
def owed_an_answer_when_it_closed():
    """The request before it had been acknowledged 6 s ago: nothing was idle."""
    expect(crossed_by_a_request(True), "process-died", "data-after-close", outcomes=("failed",))


@case
def idle_when_it_closed():
    """All had been answered: the race of keep-alive timers."""
    expect(crossed_by_a_request(False), "keepalive-race", outcomes=("failed",))


# ---- a window of 0 with a hole in front ----


def closed_window(holed):
    """The client closes its window with what came; @holed: the first segment is missing until it opens again."""
    talk = Talk(ttl=(60, 64)).shake().c(PSH | ACK, b"GET /v HTTP/1.1\r\n\r\n", window=5 * 1448 // 128 + 1).s(ACK)
    at = talk.next[1]
    for k in range(5):
        talk.s(ACK, b"v" * 1448, seq=at + k * 1448)
    size = 5 * 1448
    hole = b"\1\1\5\x0a" + struct.pack(">II", at + 1448, at + size)
    talk.next[1] = at + size
    for after in (0.02, 0.2, 0.8, 1.6):
        if holed:
            talk.s(ACK, b"v" * 1448, seq=at, after=after).c(ACK, ack=at, options=hole, window=0, after=0.02)
        else:
            talk.s(ACK, seq=at + size - 1, after=after).c(ACK, window=0, after=0.02)
    talk.s(ACK, b"v" * 1448, seq=at, after=0.5) if holed else talk.c(ACK, after=0.5)
    return talk.c(ACK, after=0.02).s(PSH | ACK, b"v" * 900).c(ACK, after=0.02).close()


@case
def window_closed_behind_a_hole():
    """It opens with the segment that fills the hole: whether the program read or waited is not known."""
    finding = told(closed_window(True))[0]
    assert finding["confidence"] != "certain" and "read too little" not in finding["summary"], finding["summary"]


@case
def window_closed_and_all_had_come():
    """Nothing was missing: the program did not read."""
    finding = expect(closed_window(False), "zero-window-stall", outcomes=("degraded",), certain=True)
    assert "read too little" in finding["summary"], finding["summary"]



# ---- a capture that begins late, and without ACKs ----


@case
def late_start_and_nothing_but_acks():
    """Only ACKs of the server, and its abort: whether anything was unread is not known, nor what had arrived."""
    server = ("192.0.2.2", 80)
    alone = Talk(server=server).s(ACK).s(RST | ACK, window=501, after=20)
    probed = Talk(server=server)
    for _ in range(3):
        probed.c(ACK, seq=probed.next[0] - 1, after=10).s(ACK, after=0.02)
    for talk in (alone, probed.s(RST | ACK, window=64240, after=10)):
        expect(talk, "aborted", "unknown", outcomes=("unknown",), certain=True)


@case
def late_start_and_an_answer():
    """The capture holds its last answer, which was acknowledged: it was a reset in place of a FIN."""
    talk = Talk(server=("192.0.2.2", 80)).s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    expect(talk.c(ACK, after=0.02).s(RST | ACK, window=64240, after=20), "linger-reset", outcomes=("degraded",))



# ---- probes whose answers the capture has not got ----


def probes_of_windows(filtered):
    """A client probes with a byte, four times, and resets; @filtered: the capture holds no ACK without payload."""
    talks = []
    for k in range(3):
        talk = Talk(client=("192.0.2.1", 43000 + k), ttl=(128, 60), now=k / 10).shake().ask()
        if not k:
            for _ in range(4):
                talk.c(ACK, b"\0", seq=talk.next[0] - 1, after=20)
                if filtered:
                    talk.s(ACK, after=0.02)
            talk.c(RST | ACK, window=0, after=20)
        if filtered:
            talk.frames = [f for f in talk.frames if f[1][47] != ACK or len(f[1]) > 54]
        talks.append(talk if not k else talk.close())
        if k and filtered:
            talk.frames = [f for f in talk.frames if f[1][47] != ACK or len(f[1]) > 54]
    return told(*talks)[0]


@case
def probes_without_the_acks():
    """The filter took the answers: that there were none is not known."""
    finding = probes_of_windows(True)
    assert finding["outcome"] == "unknown", finding["summary"]


@case
def probes_and_no_answer():
    """The other ACKs are there, the answers to the probes are not: the client gave up."""
    finding = probes_of_windows(False)
    assert finding["verdict"] == "keepalive-timeout" and finding["outcome"] == "failed", finding["summary"]



# ---- what the other end's program saw ----


def reset_behind_the_close(sends):
    """The server closes, and then resets: of its own accord, or because the client still @sends."""
    talk = Talk().shake().ask().s(FIN | ACK, after=1).c(ACK, after=0.02)
    if not sends:
        return talk.s(RST, window=0, ident=0, after=2)
    return talk.c(PSH | ACK, b"GET /late HTTP/1.1\r\n\r\n", after=2).s(RST, window=0, ident=0, after=0.02)


@case
def no_send_drew_it():
    """Nothing was sent to the closed end."""
    assert "send that drew" not in str(told(reset_behind_the_close(False))[0]["application"])


@case
def a_send_drew_it():
    """The request behind the FIN did, and that send() had succeeded."""
    assert "send that drew" in str(told(reset_behind_the_close(True))[0]["application"])



# ---- the client gave up by a reset; the answer comes too late, or never ----


def given_up(wait, late=None, closes=False, answered=False):
    """After @wait seconds without an answer the client resets; the answer comes @late seconds after that."""
    talk = Talk(ttl=(64, 58)).shake(rtt=0.05).c(PSH | ACK, b"GET /slow HTTP/1.1\r\n\r\n").s(ACK, after=0.05)
    if answered:
        talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", after=0.01).c(ACK)
    at = talk.next[0]
    talk.c(RST | ACK, window=64240, after=wait)
    if late is None:
        return talk
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ack=at, after=late)
    if closes:
        talk.s(FIN | ACK, ack=at)
    return talk.c(RST, seq=at, window=0, ident=0)


@case
def answer_behind_the_reset():
    """Whether an answer comes behind it changes nothing of what the client got."""
    for talk in (given_up(12), given_up(12, 1.5), given_up(12, 1.5, closes=True)):
        expect(talk, "app-stuck", outcomes=("failed",))


@case
def reset_behind_the_answer():
    """The answer had come; or the client left after half a second, and the answer crossed its reset."""
    assert told(given_up(12, answered=True))[0]["verdict"] != "app-stuck"
    assert told(given_up(0.5, 0.02))[0]["verdict"] != "app-stuck"


# ---- a check that does not wait for the greeting ----


def checked(wait=0.0001, greeting=0.00005, heard=False, speaks=False):
    """A balancer connects to a mail server and goes by reset @wait later; the greeting comes @greeting after the ACK."""
    talk = Talk(timestamps=True).shake(rtt=0.03)
    if speaks:
        talk.c(PSH | ACK, b"EHLO balancer\r\n")
    at = talk.next[1]
    talk.s(PSH | ACK, b"220 mail.example ESMTP\r\n", after=greeting)
    stamp = struct.pack(">BBBBII", 1, 1, 8, 10, int((talk.now + wait) * 1000) + 5000, talk.heard[0])
    return talk.c(RST | ACK, ack=talk.next[1] if heard else at, options=stamp, after=wait)


@case
def check_that_does_not_wait_for_the_greeting():
    """Seen at the server the greeting crosses the reset; at the client it comes behind it."""
    expect(checked(), "clean", remark="health-check")


@case
def client_that_waited_for_the_greeting():
    """It was lost; after ten seconds the client goes."""
    assert told(checked(wait=10))[0]["outcome"] != "clean"


@case
def client_that_had_spoken():
    assert told(checked(speaks=True))[0]["outcome"] != "clean"


# ---- who gave up while it repeated ----


def repeats(gaps, late=0.12, answered=False):
    """The client repeats its request after each of @gaps; the answer comes @late after the last, and is refused."""
    talk = Talk(timestamps=True, ttl=(64, 57)).shake(rtt=0.12).c(PSH | ACK, b"q" * 50)
    seq = talk.next[0] - 50
    if answered:
        talk.s(ACK, after=0.12)
    for gap in gaps:
        talk.c(PSH | ACK, b"q" * 50, seq=seq, after=gap)
    talk.s(PSH | ACK, b"a" * 900, after=late)
    return talk.c(RST, seq=talk.next[0], window=0, ident=0, after=0.00003)


@case
def answer_just_after_the_client_gave_up():
    """TCP_USER_TIMEOUT of 2 s: its kernel ends the connection, and 120 ms behind its last repeat comes the answer."""
    finding = expect(repeats((0.36, 0.4, 0.76)), "user-timeout", outcomes=("failed",))
    assert finding["application"]["client"]["errno"] == "ETIMEDOUT", finding["application"]
    assert "peer-rebooted" not in [r["verdict"] for r in finding["rivals"]], finding["rivals"]


@case
def host_that_came_back_after_its_repeats():
    """A minute after its last repeat it answers by a reset: it may have been restarted."""
    finding = told(repeats((0.36, 0.4, 0.76), late=60))[0]
    assert finding["verdict"] != "user-timeout", finding["summary"]



@case
def killed_in_a_flood():
    """A client dies (SIGKILL) while 9000 segments come: of its own last words, 40 ms on their way, the records have kept none. Its RST|ACK stands behind them."""
    talk = Talk(server=("192.0.2.2", 22)).shake(rtt=0.04).ask(rtt=0.04)
    known = talk.next[0]
    for n in range(9000):
        talk.s(ACK, bytes(1400), ack=known, after=0.00001)
        if n % 2 and n < 3000:
            talk.c(ACK, after=0.00001)
        if 3000 <= n < 3014:
            talk.c(PSH | ACK, bytes(36), after=0.00001)
    left = talk.next[1]
    talk.c(RST | ACK, ack=left - 2 * 1400, after=0.00001)
    for _ in range(8):
        talk.s(ACK, bytes(1400), ack=known, after=0.00001).c(RST, seq=known, window=0, ident=0, after=0.00001)
    expect(talk, "closed-with-unread-data", outcomes=("failed", "degraded"))


@case
def closed_while_it_was_still_sending():
    """A killed server's FIN waits behind its data; what the client says before draws the reset. A forged end, or a pause, is another story."""
    def sending(pause=0.001, last=b"more", own=10, goes_on=False):
        talk = Talk().shake(rtt=0.1).c(PSH | ACK, b"x" * 30).s(ACK, after=0.1)
        for _ in range(own):
            talk.s(ACK, bytes(1448), after=0.0001)
        seen = talk.next[1] - 3 * 1448
        talk.c(ACK, ack=seen - 2 * 1448, after=0.05).c(PSH | ACK if last else ACK, last, ack=seen, after=0.001)
        talk.s(ACK, bytes(1448), after=0.0001)
        talk.c(ACK, after=0.01)
        talk.send(1, RST, seq=seen, window=0, after=pause, ident=0)
        if goes_on:
            talk.s(ACK, bytes(1448), after=0.01)
        return talk.send(1, RST, seq=talk.next[1], window=0, after=0.01, ident=0)

    finding = expect(sending(), "data-after-close", outcomes=("failed",))
    assert "while it was still sending" in finding["summary"], finding["summary"]
    assert "peer-rebooted" in str(finding["ruled_out"]), finding["ruled_out"]
    for other in (sending(last=b""), sending(pause=5), sending(goes_on=True)):
        finding = told(other)[0]
        assert "still sending" not in finding["summary"], finding["summary"]


if __name__ == "__main__":
    main()
