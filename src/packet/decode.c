/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door of the room: one frame in, the core of one segment out.
 *
 * Two ways lead through it. The fast one takes what nearly every frame of a large capture is:
 * Ethernet (perhaps one VLAN tag), Linux cooked or raw IP, then IPv4 without options or IPv6
 * without extension headers, then TCP, unfragmented, with lengths that agree. It reads fixed
 * offsets and writes the core fields once. All else takes the slow way through link.c, ip.c,
 * tunnel.c ..., which also decides what is cut and what is malformed: the fast path only ever says
 * "yes" or "not mine".
 *
 * tw_decode_sift() is the fast way's little sister: addresses and ports alone, for a look that passes over
 * most frames.
 *
 * cap is what the file holds, wire is what was sent. A length that contradicts wire makes a frame
 * malformed; a length that only exceeds cap makes it cut.
 *
 * Limits: IP header checksums are not verified (outgoing packets are captured before they are
 * filled in). The offsets in a segment have 16 bits; a header deeper in a frame is not decoded.
 */
#include "packet/decode_private.h"
#include "packet/tls.h"
#include "packet/tuple.h"
#include "packet/usual.h"

#include <stdlib.h>

#define TAIL_BYTES 5 /* "0" and two line ends: of less nothing can be told */

enum { LINK_ETHERNET = 1, LINK_RAW = 101, LINK_SLL = 113, LINK_SLL2 = 276 };

struct tw_decoder *tw_decoder_new(void)
{
	return calloc(1, sizeof(struct tw_decoder));
}

void tw_decoder_free(struct tw_decoder *d)
{
	if (!d)
		return;
	tw_packet_reassembly_free(d->reassembly);
	free(d);
}

const struct tw_decoder_stats *tw_decoder_stats(const struct tw_decoder *d)
{
	return &d->stats;
}

/* The TCP header at @tcp, whose 20 fixed bytes are captured, in an IP payload of @bytes. */
static inline bool fast_tcp(const uint8_t *tcp, uint32_t bytes, struct tw_segment *s)
{
	uint16_t word = tw_load_be16(tcp + 12);
	uint32_t header = word >> 12 << 2;

	if (tw_unlikely(header < 20 || header > bytes))
		return false;
	s->kind = TW_SEG_TCP;
	s->flags = word & 0x1ff;
	s->sport = tw_load_be16(tcp);
	s->dport = tw_load_be16(tcp + 2);
	s->seq = tw_load_be32(tcp + 4);
	s->ack = tw_load_be32(tcp + 8);
	s->window = tw_load_be16(tcp + 14);
	s->header_bytes = (uint8_t)header;
	s->labelled = false;
	s->payload_bytes = bytes - header;
	return true;
}

static inline bool fast_ipv4(const uint8_t *ip, uint32_t cap, uint32_t wire, struct tw_segment *s)
{
	uint32_t total;

	if (tw_unlikely(cap < 40))
		return false;
	total = tw_load_be16(ip + 2);
	/* 0x3fff: more fragments, and the offset */
	if (tw_unlikely(ip[0] != 0x45 || ip[9] != TW_IP_TCP || (tw_load_be16(ip + 6) & 0x3fff) ||
			total < 40 || total > wire))
		return false;
	s->ip_version = 4;
	s->ttl = ip[8];
	tw_store_v4(&s->src, tw_load_v4_word(ip + 12));
	tw_store_v4(&s->dst, tw_load_v4_word(ip + 16));
	return fast_tcp(ip + 20, total - 20, s);
}

static inline bool fast_ipv6(const uint8_t *ip, uint32_t cap, uint32_t wire, struct tw_segment *s)
{
	uint32_t bytes;

	if (tw_unlikely(cap < 60))
		return false;
	bytes = tw_load_be16(ip + 4);
	if (tw_unlikely(ip[0] >> 4 != 6 || ip[6] != TW_IP_TCP || bytes < 20 || bytes > wire - 40))
		return false;
	s->ip_version = 6;
	s->ttl = ip[7];
	memcpy(s->src.b, ip + 8, 16);
	memcpy(s->dst.b, ip + 24, 16);
	if (tw_unlikely(!fast_tcp(ip + 40, bytes, s)))
		return false;
	s->labelled = tw_load_be32(ip) & 0xfffff;
	return true;
}

/* Where the IP header stands and of which EtherType it is, for the link types of the fast path. */
static inline bool fast_link(const struct tw_frame *f, uint32_t *offset, uint16_t *type)
{
	if (tw_unlikely(f->caplen < 40))
		return false;
	switch (f->linktype) {
	case LINK_ETHERNET:
		*type = tw_load_be16(f->data + 12);
		*offset = 14;
		if (*type == TW_ETHERTYPE_VLAN) {
			*type = tw_load_be16(f->data + 16);
			*offset = 18;
		}
		return true;
	case LINK_SLL:
		*type = tw_load_be16(f->data + 14);
		*offset = 16;
		return true;
	case LINK_SLL2:
		*type = tw_load_be16(f->data);
		*offset = 20;
		return true;
	case LINK_RAW:
		*type = f->data[0] >> 4 == 4 ? TW_ETHERTYPE_IPV4 : TW_ETHERTYPE_IPV6;
		*offset = 0;
		return true;
	default:
		return false;
	}
}

static inline bool usual_frame(const struct tw_frame *f, struct tw_segment *s)
{
	const uint8_t *ip = f->data + TW_USUAL_IP, *tcp = f->data + TW_USUAL_TCP;
	const uint32_t total = tw_load_be16(ip + 2);

	if (tw_unlikely(
		    !tw_usual_lengths_agree(f->caplen, f->len, total, (uint32_t)tcp[12] >> 4 << 2)))
		return false;
	s->ip_version = 4;
	s->ttl = ip[8];
	tw_store_v4(&s->src, tw_load_v4_word(ip + 12));
	tw_store_v4(&s->dst, tw_load_v4_word(ip + 16));
	s->l3_offset = TW_USUAL_IP;
	s->l4_offset = TW_USUAL_TCP;
	return fast_tcp(tcp, total - 20, s);
}

static inline bool fast_frame(const struct tw_frame *f, struct tw_segment *s)
{
	uint32_t offset, header;
	uint16_t type;
	bool is_tcp;

	if (tw_likely(tw_is_usual(f)))
		return usual_frame(f, s);
	if (!fast_link(f, &offset, &type) || tw_unlikely(f->len < f->caplen))
		return false;
	if (type == TW_ETHERTYPE_IPV4) {
		is_tcp = fast_ipv4(f->data + offset, f->caplen - offset, f->len - offset, s);
		header = 20;
	} else if (type == TW_ETHERTYPE_IPV6) {
		is_tcp = fast_ipv6(f->data + offset, f->caplen - offset, f->len - offset, s);
		header = 40;
	} else {
		return false;
	}
	s->l3_offset = (uint16_t)offset;
	s->l4_offset = (uint16_t)(offset + header);
	return is_tcp;
}

/* The slow way; counts nothing, so that the detail pass can take it again for a fast frame. */
static enum tw_segment_kind walk_frame(struct tw_decoder *d, const struct tw_frame *f,
				       struct tw_segment *s)
{
	struct tw_walk *w = &d->walk;
	struct tw_span v = { .p = f->data, .cap = f->caplen, .wire = f->len };

	memset(w, 0, sizeof(*w));
	w->d = d;
	w->frame = f;
	w->s = s;
	w->base = f->data;
	w->base_cap = f->caplen;
	/* A record longer than the frame it says it holds: the bytes are there, so they count. */
	if (v.wire < v.cap)
		v.wire = v.cap;
	memset(s, 0, offsetof(struct tw_segment, ip_id));
	s->kind = tw_packet_link(w, v);
	return s->kind;
}

/* What walk_frame() leaves behind of a usual frame. */
static void walk_usual(struct tw_decoder *d, const struct tw_frame *f)
{
	d->walk = (struct tw_walk){ .d = d,
				    .frame = f,
				    .base = f->data,
				    .base_cap = f->caplen,
				    .mac_dst = tw_load_be48(f->data),
				    .mac_src = tw_load_be48(f->data + 6) };
}

static void count(struct tw_decoder_stats *stats, enum tw_segment_kind kind)
{
	switch (kind) {
	case TW_SEG_TCP:
		stats->tcp++;
		break;
	case TW_SEG_ICMP_ERROR:
		stats->icmp_errors++;
		break;
	case TW_SEG_NEIGHBOUR:
		stats->neighbour++;
		break;
	case TW_SEG_FRAGMENT:
		stats->fragments++;
		break;
	case TW_SEG_CUT:
		stats->cut++;
		break;
	case TW_SEG_MALFORMED:
		stats->malformed++;
		break;
	case TW_SEG_OTHER:
		stats->other++;
		break;
	}
}

static __attribute__((noinline)) enum tw_segment_kind
decode_slow(struct tw_decoder *d, const struct tw_frame *f, struct tw_segment *s)
{
	enum tw_segment_kind kind;

	if (d->reassembly)
		tw_packet_reassembly_next(d->reassembly);
	if (tw_unlikely(!tw_linktype_supported(f->linktype)) && !d->stats.unknown_link_frames++)
		d->stats.unknown_link = f->linktype;
	kind = walk_frame(d, f, s);
	count(&d->stats, kind);
	/* What an outer header left behind says nothing about a segment that was not decoded. */
	if (kind != TW_SEG_TCP && kind != TW_SEG_ICMP_ERROR && kind != TW_SEG_NEIGHBOUR) {
		memset(s, 0, offsetof(struct tw_segment, ip_id));
		s->kind = kind;
	}
	return kind;
}

enum tw_segment_kind tw_decode(struct tw_decoder *d, const struct tw_frame *f, struct tw_segment *s)
{
	d->stats.frames++;
	if (tw_unlikely(!fast_frame(f, s)))
		return decode_slow(d, f, s);
	d->walk.fast = true;
	d->stats.tcp++;
	return TW_SEG_TCP;
}

void tw_decoder_count_usual(struct tw_decoder *d, unsigned n)
{
	d->stats.frames += n;
	d->stats.tcp += n;
}

static inline uint64_t flow_v6(const uint8_t *ip, const uint8_t *tcp, uint64_t seed)
{
	uint64_t src[2], dst[2];

	memcpy(src, ip + 8, sizeof(src));
	memcpy(dst, ip + 24, sizeof(dst));
	return tw_flow_of(tw_flow_end(src[0], src[1], tw_raw_port(tcp)),
			  tw_flow_end(dst[0], dst[1], tw_raw_port(tcp + 2)), seed);
}

/* See tw_decode_sift(). Whatever the full decoder makes of such a frame, it is of no other connection. */
static inline uint64_t flow_of(const struct tw_frame *f, uint64_t seed)
{
	const uint8_t *ip;
	uint32_t offset;
	uint16_t type;

	if (tw_likely(tw_is_usual(f)))
		return tw_usual_flow(f->data, seed);
	if (tw_unlikely(!fast_link(f, &offset, &type)))
		return 0;
	ip = f->data + offset;
	if (type == TW_ETHERTYPE_IPV4) {
		if (f->caplen < offset + 24 || ip[0] != 0x45 || ip[9] != TW_IP_TCP ||
		    (tw_load_be16(ip + 6) & 0x3fff))
			return 0;
		return tw_flow_v4(ip, ip + 20, seed);
	}
	if (type != TW_ETHERTYPE_IPV6 || f->caplen < offset + 44 || ip[0] >> 4 != 6 ||
	    ip[6] != TW_IP_TCP)
		return 0;
	return flow_v6(ip, ip + 40, seed);
}

uint64_t tw_decode_flow(const struct tw_frame *f, uint64_t seed)
{
	return flow_of(f, seed);
}

unsigned tw_decode_sift(const struct tw_frame *frames, unsigned n, const struct tw_sieve *sieve,
			uint8_t *passed, uint64_t *flow)
{
	const struct tw_sieve s = *sieve;
	unsigned count = 0, i;

	for (i = 0; i < n; i++) {
		const uint64_t f = flow_of(&frames[i], s.seed);

		passed[count] = (uint8_t)i;
		flow[count] = f;
		count += tw_sieve_passes(&s, f);
	}
	return count;
}

static void detail_ip(const struct tw_walk *w, struct tw_segment *s)
{
	const uint8_t *ip = w->base + s->l3_offset;

	if (s->ip_version == 4) {
		s->ip_id = tw_load_be16(ip + 4);
		s->ip_df = ip[6] & 0x40;
		s->tos = ip[1];
	} else {
		s->ip_df = true;
		s->tos = (uint8_t)(tw_load_be16(ip) >> 4);
		s->flow_label = tw_load_be32(ip) & 0xfffff;
	}
	s->ip_mf_or_offset = w->reassembled;
}

static void detail_link(const struct tw_walk *w, struct tw_segment *s)
{
	s->mac_src = w->mac_src;
	s->cooked_point = w->cooked_point;
	s->mac_dst = w->mac_dst;
	s->vlan = w->vlan;
	s->tunnel_depth = w->tunnel_depth;
}

/* The payload of @s, whose offsets count from @base, of which @cap bytes are captured. */
static const uint8_t *payload_of(const uint8_t *base, uint32_t cap, const struct tw_segment *s,
				 uint32_t *captured)
{
	const uint32_t at = (uint32_t)s->l4_offset + s->header_bytes;

	*captured = cap > at ? cap - at : 0;
	if (*captured > s->payload_bytes)
		*captured = s->payload_bytes;
	return base + (cap > at ? at : cap);
}

const uint8_t *tw_decode_payload(const struct tw_decoder *d, const struct tw_frame *f,
				 const struct tw_segment *s, uint32_t *captured)
{
	const struct tw_walk *w = &d->walk;

	return w->fast ? payload_of(f->data, f->caplen, s, captured)
		       : payload_of(w->base, w->base_cap, s, captured);
}

static void detail_tcp(struct tw_decoder *d, struct tw_segment *s)
{
	const struct tw_walk *w = &d->walk;
	const uint8_t *tcp = w->base + s->l4_offset;
	const uint8_t *payload = payload_of(w->base, w->base_cap, s, &s->payload_captured);
	uint32_t left = w->base_cap - s->l4_offset; /* at least the 20 fixed bytes */
	struct tw_span options = { tcp + 20, left - 20, s->header_bytes - 20u };

	s->urgent = tw_load_be16(tcp + 18);
	tw_packet_tcp_options(s, tw_span_trim(options, options.wire));
	s->payload_cut = s->payload_captured < s->payload_bytes;
	d->stats.snaplen_cut_payload += s->payload_cut;
	if (left >= s->header_bytes && !s->payload_cut)
		s->checksum = tw_packet_tcp_checksum(s, tcp);
	if (!s->payload_captured)
		return;
	s->payload = payload;
	s->payload_hash = tw_packet_payload_hash(payload, s->payload_captured);
	s->payload_head_bytes = sizeof(s->payload_head);
	if (s->payload_captured < sizeof(s->payload_head))
		s->payload_head_bytes = (uint8_t)s->payload_captured;
	memcpy(s->payload_head, payload, s->payload_head_bytes);
	s->asks_no_body = tw_http_asks_no_body(payload, s->payload_captured);
	s->offers_http = (uint8_t)tw_tls_offers_http(payload, s->payload_captured);
	s->speaks_http =
		tw_http_message(payload, s->payload_captured, s->payload_bytes, &s->message);
	if (!s->payload_cut && s->payload_bytes >= TAIL_BYTES)
		s->tail = tw_http_ends_blank(payload, s->payload_bytes) ? TW_TAIL_BLANK
									: TW_TAIL_OTHER;
	if (s->flags & TW_RST)
		tw_packet_reset_reason(s, payload);
}

static void detail_icmp(const struct tw_walk *w, struct tw_segment *s)
{
	s->icmp_type = w->icmp_type;
	s->icmp_code = w->icmp_code;
	s->icmp_version = w->icmp_version;
	s->icmp_src = w->icmp_src;
	s->icmp_dst = w->icmp_dst;
	s->icmp_mtu = w->icmp_mtu;
	s->quote_seq_known = w->quoted_bytes >= 8;
	if (s->ip_version == 4)
		s->ip_id = tw_load_be16(w->base + s->l3_offset + 4);
	/* The quoted options, as far as the quote reaches: its end is a cut, not a lie. */
	if (s->header_bytes && w->quoted_bytes > 20) {
		struct tw_span options = { w->base + s->l4_offset + 20, w->quoted_bytes - 20,
					   s->header_bytes - 20u };

		tw_packet_tcp_options(s, tw_span_trim(options, options.wire));
	}
}

void tw_decode_detail(struct tw_decoder *d, const struct tw_frame *f, struct tw_segment *s)
{
	struct tw_walk *w = &d->walk;
	struct tw_segment again;

	memset(&s->ip_id, 0, sizeof(*s) - offsetof(struct tw_segment, ip_id));
	if (s->kind != TW_SEG_TCP && s->kind != TW_SEG_ICMP_ERROR && s->kind != TW_SEG_NEIGHBOUR)
		return;
	if (w->fast && tw_likely(tw_is_usual(f)))
		walk_usual(d, f);
	else if (w->fast)
		walk_frame(d, f, &again);
	detail_link(w, s);
	if (s->kind == TW_SEG_NEIGHBOUR) {
		s->neighbour_is_answer = w->neighbour_is_answer;
		s->neighbour_target = w->neighbour_target;
		s->neighbour_sender = w->neighbour_sender;
		return;
	}
	detail_ip(w, s);
	if (s->kind == TW_SEG_TCP)
		detail_tcp(d, s);
	else
		detail_icmp(w, s);
}
