/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the network says about a connection: ICMP and ICMPv6 errors with the segment they quote, and
 * who looked for whom on the link (ARP, neighbour discovery).
 *
 * An error quotes at least 8 bytes of TCP (RFC 792): ports and sequence number. Modern hosts quote
 * more, but a quote never has to be whole, so its lengths are used as limits and not checked.
 * Redirects are advice to the sender, not errors, and are left out.
 *
 * A gratuitous ARP request (RFC 5227 s3) asks nobody: it announces, as an unsolicited advertisement
 * does.
 */
#include "packet/decode_private.h"
#include "packet/tuple.h"

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_QUENCH = 4,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMP_FRAG_NEEDED = 4, /* code of unreachable */
};

enum {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_TOO_BIG = 2,
	ICMPV6_TIME_EXCEEDED = 3,
	ICMPV6_PARAMETER = 4,
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,
};

/*
 * A quote that ends early was made so by its author; the frame is only cut if the snaplen did it.
 */
static enum tw_segment_kind quote_lacks(struct tw_span v, uint32_t need)
{
	return v.wire >= need ? TW_SEG_CUT : TW_SEG_OTHER;
}

static enum tw_segment_kind quoted_tcp(struct tw_walk *w, struct tw_span v, uint32_t bytes)
{
	struct tw_segment *s = w->s;
	uint32_t header;
	uint16_t word;

	/* the quote was whole enough, but of its eight bytes the snaplen left only the ports */
	const bool ports_only = v.cap >= 4 && v.cap < 8 && v.wire >= 8;

	if (v.cap < 8 && !ports_only)
		return quote_lacks(v, 8);
	if (v.p - w->base > UINT16_MAX)
		return TW_SEG_OTHER;
	s->l4_offset = (uint16_t)(v.p - w->base);
	s->sport = tw_load_be16(v.p);
	s->dport = tw_load_be16(v.p + 2);
	s->seq = ports_only ? 0 : tw_load_be32(v.p + 4);
	w->quoted_bytes = v.cap;
	if (v.cap < 20)
		return TW_SEG_ICMP_ERROR;
	word = tw_load_be16(v.p + 12);
	header = word >> 12 << 2;
	if (header < 20 || header > bytes)
		return TW_SEG_ICMP_ERROR;
	s->ack = tw_load_be32(v.p + 8);
	s->flags = word & 0x1ff;
	s->window = tw_load_be16(v.p + 14);
	s->header_bytes = (uint8_t)header;
	s->payload_bytes = bytes - header;
	return TW_SEG_ICMP_ERROR;
}

static enum tw_segment_kind quoted_ipv4(struct tw_walk *w, struct tw_span v)
{
	struct tw_segment *s = w->s;
	const uint8_t *ip = v.p;
	uint32_t header, total;

	if (v.cap < 20)
		return quote_lacks(v, 20);
	header = (ip[0] & 0xfu) * 4;
	total = tw_load_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || total < header || ip[9] != TW_IP_TCP ||
	    tw_load_be16(ip + 6) & 0x1fff || ip - w->base > UINT16_MAX)
		return TW_SEG_OTHER;
	if (v.cap < header)
		return quote_lacks(v, header);
	s->l3_offset = (uint16_t)(ip - w->base);
	s->ip_version = 4;
	s->ttl = ip[8];
	s->src = tw_addr_from_v4(ip + 12);
	s->dst = tw_addr_from_v4(ip + 16);
	return quoted_tcp(w, tw_span_skip(tw_span_trim(v, total), header), total - header);
}

static enum tw_segment_kind quoted_ipv6(struct tw_walk *w, struct tw_span v)
{
	struct tw_segment *s = w->s;
	const uint8_t *ip = v.p;
	struct tw_addr src, dst;
	uint32_t bytes, before;
	uint8_t next;

	if (v.cap < 40)
		return quote_lacks(v, 40);
	if (ip[0] >> 4 != 6 || ip - w->base > UINT16_MAX)
		return TW_SEG_OTHER;
	bytes = tw_load_be16(ip + 4);
	next = ip[6];
	src = tw_addr_from_v6(ip + 8);
	dst = tw_addr_from_v6(ip + 24);
	v = tw_span_trim(tw_span_skip(v, 40), bytes);
	before = v.wire;
	if (tw_packet_ipv6_extensions(&next, &v, &dst) != TW_SEG_TCP)
		return TW_SEG_OTHER;
	if (next == TW_IP_FRAGMENT && v.cap >= 8 && !(tw_load_be16(v.p + 2) & 0xfff8)) {
		next = v.p[0];
		v = tw_span_skip(v, 8);
	}
	if (next != TW_IP_TCP)
		return TW_SEG_OTHER;
	s->l3_offset = (uint16_t)(ip - w->base);
	s->ip_version = 6;
	s->ttl = ip[7];
	s->src = src;
	s->dst = dst;
	return quoted_tcp(w, v, bytes - (before - v.wire));
}

static void note_error(struct tw_walk *w, uint8_t version, const uint8_t *icmp)
{
	w->icmp_version = version;
	w->icmp_type = icmp[0];
	w->icmp_code = icmp[1];
	w->icmp_src = w->s->src;
	w->icmp_dst = w->s->dst;
}

enum tw_segment_kind tw_packet_icmp(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 8)
		return v.wire < 8 ? TW_SEG_MALFORMED : TW_SEG_OTHER;
	switch (v.p[0]) {
	case ICMP_UNREACHABLE:
		if (v.p[1] == ICMP_FRAG_NEEDED)
			w->icmp_mtu = tw_load_be16(v.p + 6);
		break;
	case ICMP_QUENCH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER:
		break;
	default:
		return TW_SEG_OTHER;
	}
	note_error(w, 4, v.p);
	return quoted_ipv4(w, tw_span_skip(v, 8));
}

/* RFC 4861 s4.3, s4.4: hop limit 255 proves that no router has passed it on. */
static enum tw_segment_kind neighbour_discovery(struct tw_walk *w, struct tw_span v)
{
	if (w->s->ttl != 255 || v.p[1])
		return TW_SEG_OTHER;
	if (v.cap < 24)
		return tw_span_lacks(v, 24);
	w->neighbour_is_answer = v.p[0] == ND_ADVERTISEMENT;
	w->neighbour_target = tw_addr_from_v6(v.p + 8);
	/* An unsolicited advertisement goes to a group: nobody asked. */
	if (!w->neighbour_is_answer)
		w->neighbour_sender = w->s->src;
	else if (w->s->dst.b[0] != 0xff)
		w->neighbour_sender = w->s->dst;
	return TW_SEG_NEIGHBOUR;
}

enum tw_segment_kind tw_packet_icmpv6(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 8)
		return v.wire < 8 ? TW_SEG_MALFORMED : TW_SEG_OTHER;
	switch (v.p[0]) {
	case ICMPV6_TOO_BIG:
		w->icmp_mtu = tw_load_be32(v.p + 4);
		break;
	case ICMPV6_UNREACHABLE:
	case ICMPV6_TIME_EXCEEDED:
	case ICMPV6_PARAMETER:
		break;
	case ND_SOLICITATION:
	case ND_ADVERTISEMENT:
		return neighbour_discovery(w, v);
	default:
		return TW_SEG_OTHER;
	}
	note_error(w, 6, v.p);
	return quoted_ipv6(w, tw_span_skip(v, 8));
}

static struct tw_addr address_or_none(const uint8_t *p)
{
	static const struct tw_addr none;

	return tw_load_be32(p) ? tw_addr_from_v4(p) : none;
}

/* RFC 826, for IPv4 over any hardware */
enum tw_segment_kind tw_packet_arp(struct tw_walk *w, struct tw_span v)
{
	const uint8_t *sender, *target;
	uint32_t bytes, hardware;
	uint16_t operation;
	bool announces;

	if (v.cap < 8)
		return tw_span_lacks(v, 8);
	operation = tw_load_be16(v.p + 6);
	if (tw_load_be16(v.p + 2) != TW_ETHERTYPE_IPV4 || v.p[5] != 4 ||
	    (operation != 1 && operation != 2))
		return TW_SEG_OTHER;
	hardware = v.p[4];
	bytes = 8 + 2 * (hardware + 4);
	if (v.cap < bytes)
		return tw_span_lacks(v, bytes);
	sender = v.p + 8 + hardware;
	target = v.p + bytes - 4;
	announces = operation == 2 || !memcmp(sender, target, 4);
	w->s->ip_version = 4;
	w->s->src = address_or_none(sender);
	w->s->dst = address_or_none(target);
	w->neighbour_is_answer = announces;
	w->neighbour_target = announces ? w->s->src : w->s->dst;
	w->neighbour_sender = announces ? w->s->dst : w->s->src;
	if (announces && !memcmp(sender, target, 4))
		memset(&w->neighbour_sender, 0, sizeof(w->neighbour_sender));
	return TW_SEG_NEIGHBOUR;
}
