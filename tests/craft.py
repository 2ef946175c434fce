# SPDX-License-Identifier: BSD-2-Clause
"""Small captures made by hand, byte by byte, for what no real machine would write."""
import ipaddress
import struct

ETHERNET = 1
SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16


def pcap_header(linktype=ETHERNET, snaplen=262144, magic=0xA1B2C3D4, endian="<"):
    return struct.pack(endian + "IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype)


def record(data, seconds=0, micros=0, caplen=None, length=None, endian="<"):
    caplen = len(data) if caplen is None else caplen
    return struct.pack(endian + "IIII", seconds, micros, caplen,
                       len(data) if length is None else length) + data


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(sport, dport, seq, ack, flags, payload=b"", options=b"", window=64240, data_offset=None):
    options += b"\0" * (-len(options) % 4)
    offset = 5 + len(options) // 4 if data_offset is None else data_offset
    return struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset << 4,
                       flags, window, 0, 0) + options + payload


def ipv4(src, dst, segment, ttl=64, ident=1, total_length=None, protocol=6, ihl=5, version=4):
    """An IPv4 packet around @segment, whose TCP checksum is filled in."""
    source, target = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    if protocol == 6 and len(segment) >= 18:
        pseudo = source + target + struct.pack(">BBH", 0, 6, len(segment))
        segment = segment[:16] + struct.pack(">H", checksum(pseudo + segment)) + segment[18:]
    header = struct.pack(">BBHHHBBH", version << 4 | ihl, 0,
                         20 + len(segment) if total_length is None else total_length,
                         ident, 0x4000, ttl, protocol, 0) + source + target
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + segment


def ethernet(packet, ethertype=0x0800):
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + struct.pack(">H", ethertype) + packet


CLIENT, SERVER = ("192.0.2.1", 40000), ("192.0.2.2", 80)


def frame(from_client, seq, ack, flags, payload=b"", options=b"", client=CLIENT, **ip):
    (src, sport), (dst, dport) = (client, SERVER) if from_client else (SERVER, client)
    return ethernet(ipv4(src, dst, tcp(sport, dport, seq, ack, flags, payload, options), **ip))


def clean_connection(client=CLIENT):
    """Handshake, request, answer, both FINs: frames in order."""
    packets = [
        (True, 1000, 0, SYN, b""),
        (False, 5000, 1001, SYN | ACK, b""),
        (True, 1001, 5001, ACK, b""),
        (True, 1001, 5001, PSH | ACK, b"GET / HTTP/1.0\r\n\r\n"),
        (False, 5001, 1019, ACK, b""),
        (False, 5001, 1019, PSH | ACK, b"HTTP/1.0 200 OK\r\n\r\n"),
        (True, 1019, 5020, ACK, b""),
        (True, 1019, 5020, FIN | ACK, b""),
        (False, 5020, 1020, FIN | ACK, b""),
        (True, 1020, 5021, ACK, b""),
    ]
    return [frame(*packet, options=b"\2\4\5\xb4" if packet[3] & SYN else b"", client=client)
            for packet in packets]


def refused_connection():
    return [frame(True, 1000, 0, SYN, options=b"\2\4\5\xb4"), frame(False, 0, 1001, RST | ACK, ident=0)]


def capture(frames, step_micros=100, **header):
    """A pcap file with a frame every @step_micros (negative: time runs backwards)."""
    out = pcap_header(**header)
    for number, data in enumerate(frames):
        at = 1_000_000_000 + number * step_micros
        out += record(data, 1_700_000_000 + at // 1_000_000, at % 1_000_000)
    return out
