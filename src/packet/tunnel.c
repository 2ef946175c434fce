/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunnels: GRE (RFC 2784, 2890; PPTP's version 1, RFC 2637; ERSPAN), VXLAN (RFC 7348), Geneve (RFC
 * 8926), GTP-U (3GPP TS 29.281) and MPLS (RFC 7510) over UDP. IP in IP is in ip.c.
 *
 * UDP tunnels are known by their destination port only, so their headers are checked for what they
 * must hold; what fails is someone else's UDP, not a malformed tunnel.
 *
 * Limits: GRE source routes (deprecated) and encrypted tunnels are not opened.
 */
#include "packet/decode_private.h"

enum udp_port {
	PORT_GTPU = 2152,
	PORT_VXLAN = 4789,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,
	PORT_VXLAN_LINUX = 8472, /* Linux' default from before the port was assigned */
};

enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000 };
enum { GRE_ACK = 0x0080, GRE_VERSION = 0x0007 };

static bool enter(struct tw_walk *w)
{
	return ++w->tunnel_depth <= TW_TUNNEL_MAX;
}

/*
 * The mirrored frame of a switch: type II has 8 bytes before it (type I none), type III 12 or 20.
 */
static enum tw_segment_kind erspan(struct tw_walk *w, uint16_t flags, uint16_t type,
				   struct tw_span v)
{
	uint32_t bytes = flags & GRE_SEQUENCE ? 8 : 0;

	if (type == TW_ETHERTYPE_ERSPAN3) {
		if (v.cap < 12)
			return tw_span_lacks(v, 12);
		bytes = v.p[11] & 1 ? 20 : 12;
	}
	if (v.cap < bytes)
		return tw_span_lacks(v, bytes);
	return tw_packet_ethernet(w, tw_span_skip(v, bytes));
}

enum tw_segment_kind tw_packet_gre(struct tw_walk *w, struct tw_span v)
{
	uint16_t flags, type;
	uint32_t bytes = 4;

	if (v.cap < 4)
		return tw_span_lacks(v, 4);
	flags = tw_load_be16(v.p);
	type = tw_load_be16(v.p + 2);
	if (flags & GRE_ROUTING || (flags & GRE_VERSION) > 1)
		return TW_SEG_OTHER;
	bytes += flags & GRE_CHECKSUM ? 4 : 0;
	bytes += flags & GRE_KEY ? 4 : 0;
	bytes += flags & GRE_SEQUENCE ? 4 : 0;
	if ((flags & GRE_VERSION) == 1) {
		/* without a sequence number there is no payload, only an acknowledgment */
		if (type != TW_ETHERTYPE_PPP || !(flags & GRE_SEQUENCE))
			return TW_SEG_OTHER;
		bytes += flags & GRE_ACK ? 4 : 0;
	}
	if (v.cap < bytes)
		return tw_span_lacks(v, bytes);
	if (!enter(w))
		return TW_SEG_OTHER;
	v = tw_span_skip(v, bytes);
	if (type == TW_ETHERTYPE_ERSPAN2 || type == TW_ETHERTYPE_ERSPAN3)
		return erspan(w, flags, type, v);
	return tw_packet_ethertype(w, type, v);
}

static enum tw_segment_kind vxlan(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 8)
		return v.wire < 8 ? TW_SEG_OTHER : TW_SEG_CUT;
	/*
	 * The network id is valid; 0x80 marks the group policy extension, and the last byte is
	 * reserved.
	 */
	if ((v.p[0] & 0x7f) != 0x08 || v.p[7])
		return TW_SEG_OTHER;
	return enter(w) ? tw_packet_ethernet(w, tw_span_skip(v, 8)) : TW_SEG_OTHER;
}

static enum tw_segment_kind geneve(struct tw_walk *w, struct tw_span v)
{
	uint32_t bytes;
	uint16_t type;

	if (v.cap < 8)
		return v.wire < 8 ? TW_SEG_OTHER : TW_SEG_CUT;
	bytes = 8 + (v.p[0] & 0x3fu) * 4;
	type = tw_load_be16(v.p + 2);
	/* version 0, and no control message (0x80) */
	if (v.p[0] >> 6 || v.p[1] & 0x80 || bytes > v.wire)
		return TW_SEG_OTHER;
	if (v.cap < bytes)
		return TW_SEG_CUT;
	return enter(w) ? tw_packet_ethertype(w, type, tw_span_skip(v, bytes)) : TW_SEG_OTHER;
}

/* Step over the chain of extension headers: length in 4 bytes, content, type of the next one. */
static enum tw_segment_kind gtpu_extensions(struct tw_span *v, uint8_t type)
{
	while (type) {
		uint32_t bytes;

		if (v->cap < 4)
			return tw_span_lacks(*v, 4);
		bytes = v->p[0] * 4u;
		if (!bytes)
			return TW_SEG_MALFORMED;
		if (v->cap < bytes)
			return tw_span_lacks(*v, bytes);
		type = v->p[bytes - 1];
		*v = tw_span_skip(*v, bytes);
	}
	return TW_SEG_TCP;
}

static enum tw_segment_kind gtpu(struct tw_walk *w, struct tw_span v)
{
	enum tw_segment_kind kind;
	uint32_t bytes;
	uint8_t flags;

	if (v.cap < 8)
		return v.wire < 8 ? TW_SEG_OTHER : TW_SEG_CUT;
	flags = v.p[0];
	bytes = tw_load_be16(v.p + 2);
	/* version 1, GTP and not GTP', a message of user data */
	if ((flags & 0xf0) != 0x30 || v.p[1] != 255 || bytes > v.wire - 8)
		return TW_SEG_OTHER;
	v = tw_span_trim(tw_span_skip(v, 8), bytes);
	/* any of E, S, PN: sequence number, N-PDU number, type of the first extension header */
	if (flags & 7) {
		uint8_t type;

		if (v.cap < 4)
			return tw_span_lacks(v, 4);
		type = flags & 4 ? v.p[3] : 0;
		v = tw_span_skip(v, 4);
		kind = gtpu_extensions(&v, type);
		if (kind != TW_SEG_TCP)
			return kind;
	}
	return enter(w) ? tw_packet_ip(w, v) : TW_SEG_OTHER;
}

enum tw_segment_kind tw_packet_udp(struct tw_walk *w, struct tw_span v)
{
	uint32_t bytes;
	uint16_t port;

	if (v.cap < 8)
		return v.wire < 8 ? TW_SEG_MALFORMED : TW_SEG_OTHER;
	port = tw_load_be16(v.p + 2);
	bytes = tw_load_be16(v.p + 4);
	/* 0: a datagram over 64 KiB, to be segmented later */
	if (bytes && (bytes < 8 || bytes > v.wire))
		return TW_SEG_OTHER;
	v = tw_span_skip(v, 8);
	if (bytes)
		v = tw_span_trim(v, bytes - 8);
	switch (port) {
	case PORT_VXLAN:
	case PORT_VXLAN_LINUX:
		return vxlan(w, v);
	case PORT_GENEVE:
		return geneve(w, v);
	case PORT_GTPU:
		return gtpu(w, v);
	case PORT_MPLS:
		return enter(w) ? tw_packet_mpls(w, v) : TW_SEG_OTHER;
	default:
		return TW_SEG_OTHER;
	}
}
