# SPDX-License-Identifier: BSD-2-Clause
"""Captures rewritten: read, transformed, written. Every header keeps fitting checksums.

A capture is a Capture: link type and packets. A packet is Packet(ns, data, length): time in ns, the
captured bytes, the length on the wire. Transformations return a new Capture and leave theirs alone.
TCP checksums are updated for the words that change (RFC 1624), so what was wrong stays wrong, what was
cut by the snaplen needs no bytes, and an offloaded checksum stays unfilled.
"""
import collections
import struct

Packet = collections.namedtuple("Packet", "ns data length")
Capture = collections.namedtuple("Capture", "linktype packets")

ETHERNET, RAW, SLL, SLL2 = 1, 101, 113, 276
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


# ---- files ----

def read(path):
    """A pcap file (microseconds or nanoseconds, either byte order)."""
    raw = path.read_bytes()
    for endian in "<>":
        magic, = struct.unpack(endian + "I", raw[:4])
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            break
    unit = 1 if magic == 0xA1B23C4D else 1000
    linktype, = struct.unpack(endian + "I", raw[20:24])
    packets, at = [], 24
    while at + 16 <= len(raw):
        seconds, part, caplen, length = struct.unpack(endian + "IIII", raw[at:at + 16])
        packets.append(Packet(seconds * 10**9 + part * unit, raw[at + 16:at + 16 + caplen], length))
        at += 16 + caplen
    return Capture(linktype & 0xFFFF, packets)


def pcap(capture, endian="<", nano=False, snaplen=262144):
    out = [struct.pack(endian + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snaplen,
                       capture.linktype)]
    for ns, data, length in capture.packets:
        out.append(struct.pack(endian + "IIII", ns // 10**9, ns % 10**9 // (1 if nano else 1000),
                               len(data), length) + data)
    return b"".join(out)


def pcapng(capture, endian="<"):
    """Section, one interface with nanoseconds, enhanced packet blocks."""
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        size = struct.pack(endian + "I", 12 + len(body))
        return struct.pack(endian + "I", kind) + size + body + size

    out = [block(0x0A0D0D0A, struct.pack(endian + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
           block(1, struct.pack(endian + "HHIHHB3xHH", capture.linktype, 0, 0, 9, 1, 9, 0, 0))]
    for ns, data, length in capture.packets:
        out.append(block(6, struct.pack(endian + "IIIII", 0, ns >> 32, ns & 0xFFFFFFFF, len(data),
                                        length) + data))
    return b"".join(out)


# ---- checksums ----

def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def updated(old_sum, before, after, unfilled=False):
    """The checksum when @before (even in length) becomes @after; an unfilled one is not inverted."""
    plain = old_sum if unfilled else ~old_sum & 0xFFFF
    total = plain + (~ones_sum(before) & 0xFFFF) + ones_sum(after)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total if unfilled else ~total & 0xFFFF


# ---- frames ----

class Frame:
    """The places of the headers of one packet; None where there are none."""

    def __init__(self, capture, packet):
        self.data = bytearray(packet.data)
        self.ns, self.length, self.linktype = packet.ns, packet.length, capture.linktype
        self.ip = self.tcp = self.icmp = None
        data = self.data
        self.link = {ETHERNET: 14, SLL: 16, SLL2: 20, RAW: 0}[capture.linktype]
        self.type_at = {ETHERNET: 12, SLL: 14, SLL2: 0, RAW: None}[capture.linktype]
        if len(data) < self.link + 20:
            return
        self.version = data[self.link] >> 4
        if self.type_at is not None and self.ethertype() != ETHERTYPE.get(self.version):
            return
        self._headers(self.link)

    def ethertype(self):
        return struct.unpack_from(">H", self.data, self.type_at)[0]

    def _headers(self, ip):
        data = self.data
        if self.version == 4:
            self.ip, protocol, self.transport = ip, data[ip + 9], ip + 4 * (data[ip] & 15)
            if struct.unpack_from(">H", data, ip + 6)[0] & 0x1FFF:
                return
        elif self.version == 6 and len(data) >= ip + 40:
            self.ip, protocol, self.transport = ip, data[ip + 6], ip + 40
        else:
            return
        if protocol == 6 and len(data) >= self.transport + 20:
            self.tcp = self.transport
        elif protocol in (1, 58) and len(data) >= self.transport + 8:
            self.icmp = self.transport

    def word(self, at):
        return struct.unpack_from(">H", self.data, at)[0]

    def long(self, at):
        return struct.unpack_from(">I", self.data, at)[0]

    def address(self, destination=False):
        if self.version == 4:
            at = self.ip + (16 if destination else 12)
            return bytes(self.data[at:at + 4])
        at = self.ip + (24 if destination else 8)
        return bytes(self.data[at:at + 16])

    def flow(self):
        """((address, port), (address, port)), source first."""
        return ((self.address(), self.word(self.tcp)), (self.address(True), self.word(self.tcp + 2)))

    @property
    def flags(self):
        return self.data[self.tcp + 13]

    def header_end(self):
        return self.tcp + 4 * (self.data[self.tcp + 12] >> 4)

    def payload_length(self):
        """On the wire, not as captured."""
        if self.version == 4:
            total = self.word(self.ip + 2)
            return (total - (self.header_end() - self.ip)) if total else 0
        return self.word(self.ip + 4) - (self.header_end() - self.ip - 40)

    def options(self):
        """(kind, place of the option's value, its length) of each whole option."""
        at, end = self.tcp + 20, min(self.header_end(), len(self.data))
        while at < end:
            kind = self.data[at]
            if kind == 0:
                return
            if kind == 1:
                at += 1
                continue
            if at + 1 >= end or self.data[at + 1] < 2 or at + self.data[at + 1] > end:
                return
            yield kind, at + 2, self.data[at + 1] - 2
            at += self.data[at + 1]

    def unfilled(self):
        """Checksum offload: only the sum of the pseudo header stands there."""
        pseudo = self.address() + self.address(True)
        size = self.payload_length() + self.header_end() - self.tcp
        return self.word(self.tcp + 16) == ones_sum(pseudo + struct.pack(">IHH", size, 0, 6))

    def put(self, at, value):
        """Writes into the TCP header (or its options), the checksum follows."""
        unfilled = self.unfilled()
        start, end = at - (at - self.tcp) % 2, at + len(value)
        end = min(end + (end - self.tcp) % 2, len(self.data))
        before = bytes(self.data[start:end])
        self.data[at:at + len(value)] = value
        if not unfilled:
            struct.pack_into(">H", self.data, self.tcp + 16,
                             updated(self.word(self.tcp + 16), before, bytes(self.data[start:end])))

    def put_ip(self, at, value):
        """Writes into the IP header; the header's checksum follows, and TCP's if it is an address."""
        before = bytes(self.data[at:at + len(value)])
        address = at - self.ip >= (12 if self.version == 4 else 8)
        if address and self.tcp:
            unfilled = self.unfilled()
            struct.pack_into(">H", self.data, self.tcp + 16,
                             updated(self.word(self.tcp + 16), before, value, unfilled))
        self.data[at:at + len(value)] = value
        if self.version == 4:
            self.data[self.ip + 10:self.ip + 12] = b"\0\0"
            header = bytes(self.data[self.ip:self.transport])
            struct.pack_into(">H", self.data, self.ip + 10, ~ones_sum(header) & 0xFFFF)

    def quote(self):
        """The TCP header (its first 8 bytes at least) that an ICMP error quotes, as a Frame or None."""
        if self.icmp is None or len(self.data) < self.icmp + 8:
            return None
        errors = (3, 4, 5, 11, 12) if self.version == 4 else (1, 2, 3, 4)
        if self.data[self.icmp] not in errors:
            return None
        inner = Quote(self.data, self.icmp + 8)
        return inner if inner.ip is not None else None

    def close_icmp(self):
        """The ICMP checksum, after its quote was rewritten."""
        self.data[self.icmp + 2:self.icmp + 4] = b"\0\0"
        body = bytes(self.data[self.icmp:])
        if self.version == 6:
            body += self.address() + self.address(True) + struct.pack(">IHH", len(body), 0, 58)
        struct.pack_into(">H", self.data, self.icmp + 2, ~ones_sum(body) & 0xFFFF)

    def packet(self):
        return Packet(self.ns, bytes(self.data), self.length)


class Quote:
    """The start of a packet inside an ICMP error; writes go to the frame's own bytes."""

    def __init__(self, data, ip):
        self.data, self.ip = data, None
        if len(data) < ip + 20:
            return
        self.version = data[ip] >> 4
        if self.version == 4 and data[ip + 9] == 6:
            self.tcp, self.addresses, self.size = ip + 4 * (data[ip] & 15), ip + 12, 4
        elif self.version == 6 and len(data) >= ip + 40 and data[ip + 6] == 6:
            self.tcp, self.addresses, self.size = ip + 40, ip + 8, 16
        else:
            return
        if len(data) >= self.tcp + 8:
            self.ip = ip

    def flow(self):
        one, two = self.addresses, self.addresses + self.size
        source, target = struct.unpack_from(">HH", self.data, self.tcp)
        return ((bytes(self.data[one:two]), source), (bytes(self.data[two:two + self.size]), target))


def frames(capture):
    return [Frame(capture, packet) for packet in capture.packets]


def change(capture, edit):
    """A new capture whose frames went through @edit(frame)."""
    done = []
    for frame in frames(capture):
        edit(frame)
        done.append(frame.packet())
    return Capture(capture.linktype, done)


# ---- transformations that change nothing a verdict may rest on ----

def relink(capture, linktype):
    """The same packets under another link layer (from Ethernet or SLL2)."""
    done = []
    for frame in frames(capture):
        if frame.type_at is None:
            return None
        kind, rest = frame.ethertype(), bytes(frame.data[frame.link:])
        sender = bytes(frame.data[6:12]) if capture.linktype == ETHERNET else bytes(frame.data[12:18])
        if linktype == RAW:
            if kind not in (0x0800, 0x86DD):
                continue
            head = b""
        elif linktype == SLL:
            head = struct.pack(">HHH", 0, 1, 6) + sender + b"\0\0" + struct.pack(">H", kind)
        else:
            head = struct.pack(">HHIHBB", kind, 0, 2, 1, 0, 6) + sender + b"\0\0"
        done.append(Packet(frame.ns, head + rest, frame.length - frame.link + len(head)))
    return Capture(linktype, done)


def tag(capture, *tags):
    """VLAN tags (ethertype, number) behind the Ethernet addresses, outermost first."""
    if capture.linktype != ETHERNET:
        return None
    extra = b"".join(struct.pack(">HH", kind, number) for kind, number in tags)
    return Capture(ETHERNET, [Packet(p.ns, p.data[:12] + extra + p.data[12:], p.length + len(extra))
                              for p in capture.packets])


def _outer(protocol, body, wire):
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + wire, 7, 0x4000, 60, protocol, 0) \
        + b"\xc6\x12\0\1\xc6\x12\0\2"
    header = header[:10] + struct.pack(">H", ~ones_sum(header) & 0xFFFF) + header[12:]
    return b"\2\0\0\0\0\x0b\2\0\0\0\0\x0a\x08\0" + header + body


def wrap(capture, tunnel):
    """All IP packets inside GRE, or all frames inside VXLAN."""
    if capture.linktype != ETHERNET:
        return None
    done = []
    for frame in frames(capture):
        if tunnel == "gre":
            if frame.ip is None:
                continue
            body = struct.pack(">HH", 0, frame.ethertype()) + bytes(frame.data[14:])
            wire, protocol = frame.length - 14 + 4, 47
        else:
            wire, protocol = frame.length + 16, 17
            body = struct.pack(">HHHH", 50000, 4789, wire, 0) + b"\x08\0\0\0\0\0\x2a\0" + bytes(frame.data)
        data = _outer(protocol, body, wire)
        done.append(Packet(frame.ns, data, 34 + wire))
    return Capture(ETHERNET, done)


def cut(capture, snaplen):
    return Capture(capture.linktype, [Packet(p.ns, p.data[:snaplen], p.length) for p in capture.packets])


def shift_time(capture, ns):
    return Capture(capture.linktype, [p._replace(ns=p.ns + ns) for p in capture.packets])


def _add(frame, at, delta):
    frame.put(at, struct.pack(">I", (frame.long(at) + delta) & 0xFFFFFFFF))


def _shift_segment(frame, sends, receives, ticks_sent, ticks_received):
    """Moves the numbers of one segment: its own by @sends, its acknowledgements by @receives."""
    flags, seq = frame.flags, frame.long(frame.tcp + 4)
    # A reset that answers a segment without ACK has sequence number 0, whatever the connection's are.
    if not (flags & RST and seq == 0):
        _add(frame, frame.tcp + 4, sends)
    if flags & ACK or frame.long(frame.tcp + 8):
        _add(frame, frame.tcp + 8, receives)
    for kind, at, size in list(frame.options()):
        if kind == 5:
            for edge in range(at, at + size - 3, 4):
                _add(frame, edge, receives)
        elif kind == 8 and size == 8:
            if frame.long(at):
                _add(frame, at, ticks_sent)
            if frame.long(at + 4):
                _add(frame, at + 4, ticks_received)


def wrap_numbers(capture, server_side):
    """The sequence numbers and timestamps of one side wrap in the middle of what it sends."""
    every = frames(capture)
    seen = {}
    for frame in every:
        if frame.tcp is None:
            continue
        source, target = frame.flow()
        flow = tuple(sorted((source, target)))
        lower_port = source[1] < target[1]
        state = seen.setdefault(flow, {"seqs": [], "ticks": [], "every": set(), "side": None})
        state["every"] |= {frame.long(frame.tcp + at) for at in (4, 8)} - {0}
        if state["side"] is None:
            # Who sent first, or the end with the lower port, as a stand-in for "the server".
            starts = source if not frame.flags & ACK else (target if lower_port else source)
            state["side"] = (target if starts == source else source) if server_side else starts
        if source == state["side"] and not frame.flags & RST:
            state["seqs"].append(frame.long(frame.tcp + 4))
            state["ticks"] += [frame.long(at) for kind, at, size in frame.options()
                               if kind == 8 and size == 8]
    # What leaks untranslated through a NAT carries the numbers of another tuple: one shift for both.
    known = {}
    for state in seen.values():
        middle = lambda values: sorted(values)[len(values) // 2] if values else 0
        state["delta"], state["tick"] = -middle(state["seqs"]), -middle(state["ticks"])
        for shifts in [known[seq] for seq in state["every"] if seq in known][:1]:
            state["delta"], state["tick"] = shifts
        for seq in state["every"]:
            known.setdefault(seq, (state["delta"], state["tick"]))
    for frame in every:
        if frame.tcp is not None:
            source, target = frame.flow()
            state = seen[tuple(sorted((source, target)))]
            delta, tick = state["delta"], state["tick"]
            if source == state["side"]:
                _shift_segment(frame, delta, 0, tick, 0)
            else:
                _shift_segment(frame, 0, delta, 0, tick)
        inner = frame.quote()
        if inner:
            state = seen.get(tuple(sorted(inner.flow())))
            if state:
                own = inner.flow()[0] == state["side"]
                at = inner.tcp + 4 if own else inner.tcp + 8
                if len(frame.data) >= at + 4:
                    value, = struct.unpack_from(">I", frame.data, at)
                    struct.pack_into(">I", frame.data, at, (value + state["delta"]) & 0xFFFFFFFF)
                frame.close_icmp()
    return Capture(capture.linktype, [f.packet() for f in every])


PIECE = 32000  # fits into every window that the labelled captures open


def _is_of(frame, flow):
    return frame.tcp is not None and tuple(sorted(frame.flow())) == flow


def _quiet(every, flow):
    """(place, {end: its next number}): behind the last SYN, where all that was sent is acknowledged; or None."""
    next_seq, acked, last_syn, quiet = {}, {}, -1, None
    for place, frame in enumerate(every):
        if not _is_of(frame, flow):
            continue
        source, target = frame.flow()
        if frame.flags & SYN:
            last_syn, quiet = place, None
        if frame.flags & (RST | FIN):
            break
        length = frame.payload_length() + bool(frame.flags & SYN)
        next_seq[source] = (frame.long(frame.tcp + 4) + length) & 0xFFFFFFFF
        if frame.flags & ACK:
            acked[target] = frame.long(frame.tcp + 8)
        if quiet is None and last_syn >= 0 and len(next_seq) == 2 and acked == next_seq \
                and not frame.flags & SYN:
            quiet = place, dict(next_seq)
    return quiet


def lengthen(capture, server_side, size):
    """One end of the first connection also sends @size bytes, all of them acknowledged, before what follows."""
    every = frames(capture)
    first = next((f for f in every if f.tcp is not None and f.flags & (SYN | ACK) == SYN), None)
    if first is None:
        return None
    flow = tuple(sorted(first.flow()))
    quiet = _quiet(every, flow)
    if not quiet:
        return None
    place, numbers = quiet
    sender, receiver = first.flow()[::-1] if server_side else first.flow()
    # Headers of a plain segment of each end, with the time stamps of that moment; the payload is not captured.
    plain, ticks, idents = {}, {}, {}
    for frame in every[:place + 1]:
        if _is_of(frame, flow):
            idents[frame.flow()[0]] = frame.word(frame.ip + 4) if frame.version == 4 else 0
            ticks.update({frame.flow()[0]: frame.long(at) for kind, at, size in frame.options() if kind == 8})
    for frame in every:
        if _is_of(frame, flow) and frame.flags & (SYN | RST | ACK) == ACK \
                and not any(kind == 5 for kind, _, _ in frame.options()):
            plain.setdefault(frame.flow()[0], frame)
    if len(plain) < 2:
        return None

    def header(end, payload, seq, ack):
        frame = Frame(capture, plain[end].packet())
        del frame.data[frame.header_end():]
        total = frame.header_end() - frame.ip + payload
        frame.length = frame.ip + total
        frame.put_ip(*((frame.ip + 2, struct.pack(">H", total)) if frame.version == 4 else
                       (frame.ip + 4, struct.pack(">H", total - 40))))
        if idents.get(end):
            idents[end] += 1
            frame.put_ip(frame.ip + 4, struct.pack(">H", idents[end] & 0xFFFF))
        struct.pack_into(">II", frame.data, frame.tcp + 4, seq, ack)
        frame.data[frame.tcp + 13] = ACK
        for kind, at, _ in frame.options():
            if kind == 8 and len(ticks) == 2:
                struct.pack_into(">II", frame.data, at, ticks[end], ticks[receiver if end == sender else sender])
        frame.data[frame.tcp + 16:frame.tcp + 18] = b"\0\0"
        segment = bytes(frame.data[frame.tcp:])
        pseudo = frame.address() + frame.address(True) + struct.pack(">IHH", len(segment) + payload, 0, 6)
        struct.pack_into(">H", frame.data, frame.tcp + 16, ~ones_sum(pseudo + segment) & 0xFFFF)
        return bytes(frame.data), frame.length

    done, now = [f.packet() for f in every[:place + 1]], every[place].ns
    for sent in range(0, size, PIECE):
        payload = min(PIECE, size - sent)
        seq = (numbers[sender] + sent) & 0xFFFFFFFF
        done.append(Packet(now + 1000, *header(sender, payload, seq, numbers[receiver])))
        done.append(Packet(now + 2000, *header(receiver, 0, numbers[receiver], (seq + payload) & 0xFFFFFFFF)))
        now += 2000
    for frame in every[place + 1:]:
        frame.ns += now - every[place].ns
        if _is_of(frame, flow):
            own = frame.flow()[0] == sender
            _shift_segment(frame, size if own else 0, 0 if own else size, 0, 0)
            if idents.get(frame.flow()[0]) and frame.word(frame.ip + 4):
                ident = frame.word(frame.ip + 4) + -(-size // PIECE)
                frame.put_ip(frame.ip + 4, struct.pack(">H", ident & 0xFFFF))
        inner = frame.quote()
        if inner and tuple(sorted(inner.flow())) == flow and inner.flow()[0] == sender:
            value, = struct.unpack_from(">I", frame.data, inner.tcp + 4)
            struct.pack_into(">I", frame.data, inner.tcp + 4, (value + size) & 0xFFFFFFFF)
            frame.close_icmp()
        done.append(frame.packet())
    return Capture(capture.linktype, done)


def new_address(address):
    """Another address; the order of any two of one network is turned around."""
    if len(address) == 16:
        return address[:15] + bytes([255 - address[15]])
    return bytes([address[0] ^ 1, address[1], address[2], 255 - address[3]])


def new_port(port):
    return port + 300 if port < 700 else port + 11 if port < 65500 else port


def renumber(capture):
    """New IPv4 addresses and ports. Multicast and broadcast stay."""
    def edit(frame):
        if frame.ip is None or frame.version != 4:
            if frame.type_at is not None and frame.ethertype() == 0x0806:
                for at in (frame.link + 14, frame.link + 24):
                    frame.data[at:at + 4] = new_address(bytes(frame.data[at:at + 4]))
            return
        for at in (frame.ip + 12, frame.ip + 16):
            address = bytes(frame.data[at:at + 4])
            if address[0] < 224:
                frame.put_ip(at, new_address(address))
        if frame.tcp is not None:
            for at in (frame.tcp, frame.tcp + 2):
                frame.put(at, struct.pack(">H", new_port(frame.word(at))))
        inner = frame.quote()
        if inner and inner.version == 4:
            for at in (inner.addresses, inner.addresses + 4):
                frame.data[at:at + 4] = new_address(bytes(frame.data[at:at + 4]))
            for at in (inner.tcp, inner.tcp + 2):
                struct.pack_into(">H", frame.data, at, new_port(frame.word(at)))
        if frame.icmp is not None:
            frame.close_icmp()
    return change(capture, edit)


def to_v6(capture):
    """IPv4 becomes IPv6 where it carries TCP whole; everything else is left out."""
    if capture.linktype != ETHERNET:
        return None
    done = []
    for frame in frames(capture):
        if frame.tcp is None or frame.version != 4 or frame.transport != frame.ip + 20:
            continue
        unfilled = frame.unfilled()
        old = frame.address() + frame.address(True)
        new = b"".join(b"\xfd\0" + b"\0" * 10 + a for a in (frame.address(), frame.address(True)))
        label = 0x12345 + ones_sum(frame.address())
        size = frame.word(frame.ip + 2) - 20
        header = struct.pack(">IHBB", 6 << 28 | label, size, 6, frame.data[frame.ip + 8]) + new
        struct.pack_into(">H", frame.data, frame.tcp + 16,
                         updated(frame.word(frame.tcp + 16), old, new, unfilled))
        data = bytes(frame.data[:12]) + b"\x86\xdd" + header + bytes(frame.data[frame.tcp:])
        done.append(Packet(frame.ns, data, frame.length + 20))
    return Capture(ETHERNET, done)


# ---- transformations that take something away ----

def keep(capture, wanted):
    """Packets whose number (from 0) @wanted(number, packet) accepts."""
    return Capture(capture.linktype, [p for n, p in enumerate(capture.packets) if wanted(n, p)])


def lose(capture, share, random):
    return keep(capture, lambda n, p: random.random() >= share)


def lose_stretch(capture, random):
    """One stretch of up to a third is missing, as where a buffer ran over."""
    total = len(capture.packets)
    if total < 4:
        return None
    length = random.randrange(1, max(2, total // 3))
    start = random.randrange(total - length + 1)
    return keep(capture, lambda n, p: not start <= n < start + length)


def filtered(capture, wanted):
    """Of the segments only those that @wanted(frame) accepts."""
    return Capture(capture.linktype, [frame.packet() for frame in frames(capture)
                                      if frame.tcp is None or wanted(frame)])


def mirrored(capture, random):
    """Some packets again, a little later, as a mirror port doubles them."""
    done = []
    for packet in capture.packets:
        done.append(packet)
        if random.random() < 0.15:
            done.append(packet._replace(ns=packet.ns + random.choice([1_000, 30_000, 200_000])))
    return Capture(capture.linktype, sorted(done, key=lambda p: p.ns))


def one_direction(capture, of_client):
    """Only what the first speaker of each connection sent, or only what the other did."""
    first, done = {}, []
    for frame in frames(capture):
        if frame.tcp is not None:
            source, target = frame.flow()
            starts = first.setdefault(tuple(sorted((source, target))), source)
            if (source == starts) != of_client:
                continue
        done.append(frame.packet())
    return Capture(capture.linktype, done)


def twice(capture, other_interface):
    """Every packet captured twice, at once or (routed) on another interface."""
    if other_interface and capture.linktype != ETHERNET:
        return None
    done = []
    for frame in frames(capture):
        done.append(frame.packet())
        frame.ns += 3000
        if other_interface:
            frame.data[0:12] = bytes(b ^ 0x40 for b in frame.data[0:12])
            if frame.ip is not None:
                at = frame.ip + (8 if frame.version == 4 else 7)
                if frame.version == 4:
                    frame.put_ip(at, bytes([max(frame.data[at] - 1, 1)]))
                else:
                    frame.data[at] = max(frame.data[at] - 1, 1)
        done.append(frame.packet())
    return Capture(capture.linktype, sorted(done, key=lambda p: p.ns))


def swap(capture, random, within=50_000):
    """Neighbours within @within ns change places, but for their times."""
    packets, at = list(capture.packets), 0
    while at + 1 < len(packets):
        one, two = packets[at], packets[at + 1]
        if two.ns - one.ns <= within and random.random() < 0.5:
            packets[at], packets[at + 1] = two._replace(ns=one.ns), one._replace(ns=two.ns)
            at += 1
        at += 1
    return Capture(capture.linktype, packets)


def coarse(capture, unit):
    return Capture(capture.linktype, [p._replace(ns=p.ns // unit * unit) for p in capture.packets])


def clock_step(capture, ns):
    half = len(capture.packets) // 2
    return Capture(capture.linktype, [p if n < half else p._replace(ns=p.ns + ns)
                                      for n, p in enumerate(capture.packets)])


def halves_swapped(capture):
    """The second half first, each with its own times: two files appended in the wrong order."""
    half = len(capture.packets) // 2
    return Capture(capture.linktype, capture.packets[half:] + capture.packets[:half])


def appended(capture):
    """The file twice, the second behind the first, each with its own times."""
    return Capture(capture.linktype, capture.packets * 2)


def directions_apart(capture, client_first):
    """All packets of the first speaker (or all others) before the rest: captured apart, and appended."""
    every = frames(capture)
    first = next((frame.address() for frame in every if frame.tcp is not None), None)
    mine, others = [], []
    for frame in every:
        of_first = frame.ip is not None and frame.address() == first
        (mine if of_first == client_first else others).append(frame.packet())
    return Capture(capture.linktype, mine + others)


def without_timestamps(capture):
    """A stack without the option: headers become shorter, other options stay."""
    def edit(frame):
        if frame.tcp is None or frame.header_end() > len(frame.data):
            return
        kept = b"".join(bytes(frame.data[at - 2:at + size]) for kind, at, size in frame.options()
                        if kind != 8)
        kept += b"\1" * (-len(kept) % 4)
        old = bytes(frame.data[frame.tcp + 20:frame.header_end()])
        if len(kept) >= len(old):
            return
        unfilled, gone = frame.unfilled(), len(old) - len(kept)
        size = frame.payload_length() + frame.header_end() - frame.tcp
        head = bytes(frame.data[frame.tcp + 12:frame.tcp + 14])
        short = struct.pack(">BB", head[0] - (gone // 4 << 4), head[1])
        total = updated(frame.word(frame.tcp + 16), b"" if unfilled else old + head + struct.pack(">H", size),
                        struct.pack(">H", 0) if unfilled else kept + short + struct.pack(">H", size - gone),
                        unfilled)
        if unfilled:
            total = ones_sum(frame.address() + frame.address(True) + struct.pack(">IHH", size - gone, 0, 6))
        frame.data[frame.tcp + 12:frame.tcp + 14] = short
        struct.pack_into(">H", frame.data, frame.tcp + 16, total)
        frame.data[frame.tcp + 20:frame.header_end() + gone] = kept
        frame.length -= gone
        if frame.version == 4:
            frame.put_ip(frame.ip + 2, struct.pack(">H", frame.word(frame.ip + 2) - gone))
        else:
            struct.pack_into(">H", frame.data, frame.ip + 4, frame.word(frame.ip + 4) - gone)
    return change(capture, edit)


def ip_ids(capture, number):
    """Every IPv4 packet's ID is @number()."""
    def edit(frame):
        if frame.ip is not None and frame.version == 4:
            frame.put_ip(frame.ip + 4, struct.pack(">H", number()))
    return change(capture, edit)


# ---- additions ----

def among(capture, strangers):
    """The packets of other hosts' connections, spread over the time of this capture."""
    times = [p.ns for p in capture.packets]
    if not times or capture.linktype != ETHERNET:
        return None
    first, last = min(times), max(times)
    step = (last - first) // (len(strangers) + 1)
    added = [Packet(first + (n + 1) * step, data, len(data)) for n, data in enumerate(strangers)]
    return Capture(ETHERNET, sorted(capture.packets + added, key=lambda p: p.ns)) if step else None
