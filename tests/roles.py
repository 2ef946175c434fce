#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who is the server of a connection whose beginning is not in the capture?

usage: TCPWHY=build/tcpwhy tests/roles.py [WORD...]
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from craft import ACK, FIN, PSH, RST
from tap import case, main, tcpwhy
from talk import RECORD, Talk, as_pcap, objects

CLIENT, SERVER = "192.0.2.1", "192.0.2.2"


def under_way(cport, sport, client=CLIENT, answer=RECORD):
    """From the midst: two answers, and a third that never comes, because the server aborts."""
    talk = Talk(client=(client, cport), server=(SERVER, sport), timestamps=True)
    for _ in range(2):
        talk.ask(RECORD, answer)
    return talk.c(PSH | ACK, RECORD, after=0.1).s(RST | ACK, after=0.02, window=501)


def findings(*talks):
    """Of the first one, by both ways through the program: a file, which is looked at twice, and a pipe."""
    out = as_pcap(*talks)
    ends = {f"{address}:{port}" for address, port in talks[0].ends}
    piped = tcpwhy("--json", "--all", "-", stdin=out).out.splitlines()
    lines = objects(out, "--all") + [json.loads(line) for line in piped]
    found = [f for f in lines if f["type"] == "finding" and {f["client"], f["server"]} == ends]
    assert len(found) == 2, found
    return found


def expect_roles(*talks):
    wanted = f"{talks[0].ends[0][0]}:{talks[0].ends[0][1]}"
    for finding in findings(*talks):
        assert finding["client"] == wanted, f"client {finding['client']}, wanted {wanted}"
        assert finding["outcome"] == "failed" and finding["culprit"] != "client-app", finding["summary"]


@case
def services_above_the_clients_port():
    """A widened ip_local_port_range, an old stack; gRPC; NFS, whose clients bind a reserved port."""
    for cport, sport in ((40000, 443), (2000, 5432), (1111, 1433), (5001, 8080), (41000, 50051), (923, 2049),
                         (2049, 80), (5432, 443), (61000, 40000)):
        expect_roles(under_way(cport, sport))


@case
def the_endpoint_that_accepts_others():
    """A port that no list has: another connection in the same capture was accepted there."""
    other = Talk(client=("192.0.2.9", 51000), server=(SERVER, 50777)).shake().ask(RECORD, RECORD).close()
    talk = under_way(40000, 50777)
    talk.frames = [(at + 5, data) for at, data in talk.frames]
    expect_roles(talk, other)


@case
def an_answer_of_http():
    """Only a server says "HTTP/1.1 200": what was thought before is turned round."""
    expect_roles(under_way(40000, 50777, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))


@case
def turned_round_in_the_midst():
    """The answer comes late: what was noted before belongs to the other end, and a cut answer is the server's."""
    talk = Talk(client=(CLIENT, 40000), server=(SERVER, 50777), timestamps=True)
    talk.ask(RECORD, RECORD).c(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n", after=0.1).s(ACK, after=0.02)
    talk.s(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", after=0.01).c(ACK)
    talk.s(PSH | ACK, b"." * 1000, after=0.01).c(ACK).s(FIN | ACK, after=0.1).c(FIN | ACK).s(ACK, after=0.02)
    expect_roles(talk)
    for finding in findings(talk):
        assert finding["verdict"] == "process-died", finding["summary"]
        assert finding["packets"] == {"client": 6, "server": 7}, finding["packets"]


@case
def a_handshake_tells():
    """Whatever the ports are, and whatever is said: the SYN came from the client."""
    talk = Talk(client=(CLIENT, 443), server=(SERVER, 40000)).shake()
    talk.c(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").s(ACK, after=0.02)
    talk.c(PSH | ACK, RECORD, after=0.1).s(RST | ACK, after=0.02, window=501)
    expect_roles(talk)


def does_not_read(cport, sport):
    """From the midst: the window stays closed, however often it is probed."""
    talk = Talk(client=(CLIENT, cport), server=(SERVER, sport), timestamps=True).ask(RECORD, RECORD)
    talk.s(ACK, window=1400).c(PSH | ACK, b"." * 1400, after=0.1).s(ACK, window=0, after=0.02)
    for k in range(8):
        talk.c(ACK, seq=talk.next[0] - 1, after=0.2 * 2 ** k).s(ACK, window=0, after=0.02)
    return talk


@case
def nothing_tells():
    """Two ports that kernels hand out, or two that nobody knows: said with what is missing, and never certain."""
    for cport, sport in ((51000, 40000), (20000, 10001)):
        for finding in findings(does_not_read(cport, sport)):
            assert finding["culprit"] == "server-app", finding
            assert any("Which end is the client" in m for m in finding["missing"]), finding["missing"]
            assert finding["confidence"] != "certain", finding
    for cport, sport in ((51000, 443), (51000, 10001), (41000, 50051)):
        for finding in findings(does_not_read(cport, sport)):
            assert not any("Which end is the client" in m for m in finding["missing"]), finding["missing"]


if __name__ == "__main__":
    main()
