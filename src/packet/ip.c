/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 and IPv6 headers, extension headers, and what the payload is.
 *
 * Lengths: the IP header says how long the datagram is; what follows in the frame is padding. A
 * datagram that claims to be longer than its frame is malformed: the kernel drops it too
 * (ip_rcv_core, InTruncatedPkts). Two lies are honest: a length of 0 is a super segment that is cut
 * up after the capture point, where the field cannot hold the length (TSO, BIG TCP; RFC 2675 for
 * IPv6), and then the frame's length counts.
 *
 * Limits: a Mobile IPv6 home address option does not replace the source address.
 */
#include "packet/decode_private.h"
#include "packet/tuple.h"

/* An upper-layer protocol in @v, whatever IP version carried it. */
static enum tw_segment_kind upper_layer(struct tw_walk *w, uint8_t protocol, struct tw_span v)
{
	if (protocol == TW_IP_TCP)
		return tw_packet_tcp(w, v);
	if (++w->layers > TW_LAYERS_MAX)
		return TW_SEG_OTHER;
	switch (protocol) {
	case TW_IP_ICMP:
		return w->s->ip_version == 4 ? tw_packet_icmp(w, v) : TW_SEG_OTHER;
	case TW_IP_ICMPV6:
		return w->s->ip_version == 6 ? tw_packet_icmpv6(w, v) : TW_SEG_OTHER;
	case TW_IP_UDP:
		return tw_packet_udp(w, v);
	case TW_IP_GRE:
		return tw_packet_gre(w, v);
	case TW_IP_IPIP:
	case TW_IP_IPV6:
	case TW_IP_MPLS:
		break;
	default:
		return TW_SEG_OTHER;
	}
	if (++w->tunnel_depth > TW_TUNNEL_MAX)
		return TW_SEG_OTHER;
	if (protocol == TW_IP_MPLS)
		return tw_packet_mpls(w, v);
	return protocol == TW_IP_IPIP ? tw_packet_ipv4(w, v) : tw_packet_ipv6(w, v);
}

/* Notes where the header stands; false if 16 bits cannot tell it. */
static bool note_l3(struct tw_walk *w, const uint8_t *p)
{
	ptrdiff_t offset = p - w->base;

	if (offset > UINT16_MAX)
		return false;
	w->s->l3_offset = (uint16_t)offset;
	return true;
}

static enum tw_segment_kind fragment_v4(struct tw_walk *w, struct tw_span header, struct tw_span v)
{
	const uint8_t *ip = header.p;
	struct tw_fragment fragment = {
		.src = w->s->src,
		.dst = w->s->dst,
		.id = tw_load_be16(ip + 4),
		.ip_version = 4,
		.protocol = ip[9],
		.more = ip[6] & 0x20,
		.offset_bytes = (tw_load_be16(ip + 6) & 0x1fffu) * 8,
		.header = header,
		.payload = v,
	};
	enum tw_segment_kind kind;
	struct tw_span whole;
	uint8_t protocol;

	kind = tw_packet_reassemble(w, &fragment, &whole, &protocol);
	return kind == TW_SEG_TCP ? upper_layer(w, protocol, whole) : kind;
}

enum tw_segment_kind tw_packet_ipv4(struct tw_walk *w, struct tw_span v)
{
	struct tw_segment *s = w->s;
	const uint8_t *ip = v.p;
	struct tw_span header;
	uint32_t header_bytes, total;
	uint8_t protocol;

	if (v.cap < 20)
		return tw_span_lacks(v, 20);
	header_bytes = (ip[0] & 0xfu) * 4;
	total = tw_load_be16(ip + 2);
	if (!total)
		total = v.wire;
	if (ip[0] >> 4 != 4 || header_bytes < 20 || total < header_bytes || total > v.wire ||
	    !note_l3(w, ip))
		return TW_SEG_MALFORMED;
	v = tw_span_trim(v, total);
	if (v.cap < header_bytes)
		return TW_SEG_CUT;
	header = tw_span_trim(v, header_bytes);
	v = tw_span_skip(v, header_bytes);
	protocol = ip[9];
	s->ip_version = 4;
	s->ttl = ip[8];
	s->src = tw_addr_from_v4(ip + 12);
	s->dst = tw_addr_from_v4(ip + 16);
	if (tw_load_be16(ip + 6) & 0x3fff)
		return fragment_v4(w, header, v);
	if (protocol == TW_IP_AH) {
		enum tw_segment_kind kind = tw_packet_ipv6_extensions(&protocol, &v, NULL);

		if (kind != TW_SEG_TCP)
			return kind;
	}
	return upper_layer(w, protocol, v);
}

/*
 * The final destination of a routing header with segments left: that one is in TCP's pseudo header
 * (RFC 8200 s8.1), and it names the peer. Types 0 and 2 list the hops in order, segment routing (4,
 * RFC 8754 s2) in reverse.
 */
static void final_destination(const uint8_t *routing, uint32_t bytes, struct tw_addr *final)
{
	if (!final || !routing[3] || bytes < 24)
		return;
	if (routing[2] == 4)
		*final = tw_addr_from_v6(routing + 8);
	else if (routing[2] == 0 || routing[2] == 2)
		*final = tw_addr_from_v6(routing + 8 + (bytes - 8) / 16 * 16 - 16);
}

enum tw_segment_kind tw_packet_ipv6_extensions(uint8_t *next, struct tw_span *v,
					       struct tw_addr *final)
{
	for (int i = 0; i < TW_LAYERS_MAX; i++) {
		uint32_t bytes;
		uint8_t type = *next;

		switch (type) {
		case TW_IP_HOPOPTS:
		case TW_IP_ROUTING:
		case TW_IP_DSTOPTS:
		case TW_IP_MOBILITY:
		case TW_IP_HIP:
		case TW_IP_SHIM6:
		case TW_IP_AH:
			break;
		default:
			return TW_SEG_TCP;
		}
		if (v->cap < 8)
			return tw_span_lacks(*v, 8);
		bytes = type == TW_IP_AH ? (v->p[1] + 2u) * 4 : (v->p[1] + 1u) * 8;
		if (v->cap < bytes)
			return tw_span_lacks(*v, bytes);
		if (type == TW_IP_ROUTING)
			final_destination(v->p, bytes, final);
		*next = v->p[0];
		*v = tw_span_skip(*v, bytes);
	}
	return TW_SEG_OTHER;
}

static enum tw_segment_kind fragment_v6(struct tw_walk *w, struct tw_span header, struct tw_span v)
{
	struct tw_fragment fragment = {
		.src = w->s->src, .dst = w->s->dst, .ip_version = 6, .header = header
	};
	enum tw_segment_kind kind;
	struct tw_span whole;
	uint16_t where;
	uint8_t protocol;

	if (v.cap < 8)
		return tw_span_lacks(v, 8);
	where = tw_load_be16(v.p + 2);
	protocol = v.p[0];
	fragment.id = tw_load_be32(v.p + 4);
	fragment.protocol = protocol;
	fragment.more = where & 1;
	fragment.offset_bytes = where & 0xfff8u;
	fragment.payload = tw_span_skip(v, 8);
	whole = fragment.payload;
	/* An atomic fragment is a whole datagram, and never mixed with others (RFC 6946 s4). */
	if (fragment.more || fragment.offset_bytes) {
		kind = tw_packet_reassemble(w, &fragment, &whole, &protocol);
		if (kind != TW_SEG_TCP)
			return kind;
	}
	kind = tw_packet_ipv6_extensions(&protocol, &whole, &w->s->dst);
	return kind == TW_SEG_TCP ? upper_layer(w, protocol, whole) : kind;
}

enum tw_segment_kind tw_packet_ipv6(struct tw_walk *w, struct tw_span v)
{
	struct tw_segment *s = w->s;
	const uint8_t *ip = v.p;
	enum tw_segment_kind kind;
	struct tw_span header;
	uint32_t bytes;
	uint8_t next;

	if (v.cap < 40)
		return tw_span_lacks(v, 40);
	bytes = tw_load_be16(ip + 4);
	if (!bytes)
		bytes = v.wire - 40;
	if (ip[0] >> 4 != 6 || bytes > v.wire - 40 || !note_l3(w, ip))
		return TW_SEG_MALFORMED;
	header = tw_span_trim(v, 40);
	v = tw_span_trim(tw_span_skip(v, 40), bytes);
	next = ip[6];
	s->ip_version = 6;
	s->ttl = ip[7];
	s->labelled = tw_load_be32(ip) & 0xfffff;
	s->src = tw_addr_from_v6(ip + 8);
	s->dst = tw_addr_from_v6(ip + 24);
	kind = tw_packet_ipv6_extensions(&next, &v, &s->dst);
	if (kind != TW_SEG_TCP)
		return kind;
	return next == TW_IP_FRAGMENT ? fragment_v6(w, header, v) : upper_layer(w, next, v);
}

enum tw_segment_kind tw_packet_ip(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 1)
		return tw_span_lacks(v, 1);
	switch (v.p[0] >> 4) {
	case 4:
		return tw_packet_ipv4(w, v);
	case 6:
		return tw_packet_ipv6(w, v);
	default:
		return TW_SEG_OTHER;
	}
}
