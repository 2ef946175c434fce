/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: frames that no host sent: answers to what is rejected, forged segments, a flood's SYNs.
 *
 * A rejection looks as netfilter makes it (net/ipv4/netfilter/nf_reject_ipv4.c, nf_reject_ipv6.c):
 *	segment with ACK:      RST, seq = its ack, no ACK
 *	                       (always: window 0, no options, IP ID 0, DF, flow label 0)
 *	segment without ACK:   RST|ACK, seq 0, ack = its seq + its length (RFC 9293 s3.5.2)
 *	a RST:                 nothing
 * An ICMP error quotes as much as icmp_send() does: 576 bytes in all (RFC 1812 s4.3.2.3), 1280 for
 * ICMPv6 (RFC 4443 s2.4).
 */
#include "lab/cable_private.h"

#include "lab/net.h"
#include "packet/seq.h"
#include "packet/tuple.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TTL      64
#define ICMP_HEADER      8u
#define ICMP_V4_BYTES    576u
#define ICMP_V6_BYTES    1280u
#define ICMP_V4_TOS      0xc0 /* internetwork control */
#define TCP_HEADER       20u
#define TIMESTAMPS_BYTES 12u

/* A flood's SYNs are bare, as its tools write them. Clients' own ports begin at 32768. */
#define FLOOD_PORT   1024u
#define FLOOD_ID     1000u
#define FLOOD_WINDOW 512

struct envelope {
	bool v6, df;
	uint8_t mac_src[6], mac_dst[6];
	struct tw_addr src, dst;
	uint8_t ttl, tos, protocol;
	uint16_t id;
	uint32_t flow_label;
};

static uint32_t ip_header_bytes(bool v6)
{
	return v6 ? 40 : 20;
}

/* A frame with Ethernet and IP header written and @bytes of zeros behind; NULL: out of memory. */
static struct tw_cable_frame *new_packet(const struct envelope *e, uint32_t bytes)
{
	struct tw_cable_frame *f =
		tw_cable_frame_new(NULL, TW_CABLE_ETHERNET + ip_header_bytes(e->v6) + bytes);
	uint8_t *ip;

	if (!f)
		return NULL;
	f->forged = true;
	memcpy(f->data, e->mac_dst, 6);
	memcpy(f->data + 6, e->mac_src, 6);
	tw_cable_put16(f->data + 12, e->v6 ? 0x86dd : 0x0800);
	ip = f->data + TW_CABLE_ETHERNET;
	if (e->v6) {
		tw_cable_put32(ip, 6u << 28 | (uint32_t)e->tos << 20 | (e->flow_label & 0xfffff));
		tw_cable_put16(ip + 4, bytes);
		ip[6] = e->protocol;
		ip[7] = e->ttl;
		memcpy(ip + 8, e->src.b, 16);
		memcpy(ip + 24, e->dst.b, 16);
		return f;
	}
	ip[0] = 0x45;
	ip[1] = e->tos;
	tw_cable_put16(ip + 2, 20 + bytes);
	tw_cable_put16(ip + 4, e->id);
	tw_cable_put16(ip + 6, e->df ? 0x4000 : 0);
	ip[8] = e->ttl;
	ip[9] = e->protocol;
	memcpy(ip + 12, e->src.b + 12, 4);
	memcpy(ip + 16, e->dst.b + 12, 4);
	tw_cable_put16(ip + 10, tw_cable_sum_end(tw_cable_sum(0, ip, 20)));
	return f;
}

/* The packet's transport header, its checksum being at @checksum_offset in it; sums it up. */
static void seal(struct tw_cable_frame *f, const struct envelope *e, unsigned checksum_offset)
{
	uint32_t l4 = TW_CABLE_ETHERNET + ip_header_bytes(e->v6);
	uint32_t bytes = f->length - l4, sum = 0;

	/* ICMP of version 4 alone has no pseudo header. */
	if (e->protocol != IPPROTO_ICMP)
		sum = tw_cable_pseudo_sum(f->data + TW_CABLE_ETHERNET, e->protocol, bytes);
	tw_cable_put16(f->data + l4 + checksum_offset,
		       tw_cable_sum_end(tw_cable_sum(sum, f->data + l4, bytes)));
}

/* Back to the sender of a frame, in the name of whom it was for. */
static struct envelope back(const uint8_t *data, const struct tw_segment *s, uint8_t ttl)
{
	struct envelope e = { .v6 = s->ip_version == 6,
			      .src = s->dst,
			      .dst = s->src,
			      .ttl = ttl ? ttl : DEFAULT_TTL };

	memcpy(e.mac_dst, data + 6, 6);
	memcpy(e.mac_src, data, 6);
	return e;
}

static struct tw_cable_frame *answer_reset(const uint8_t *data, const struct tw_segment *s,
					   uint8_t ttl)
{
	struct envelope e = back(data, s, ttl);
	struct tw_cable_frame *f;
	uint8_t *tcp;

	if (s->flags & TW_RST)
		return NULL;
	e.protocol = IPPROTO_TCP;
	e.df = true;
	f = new_packet(&e, TCP_HEADER);
	if (!f)
		return NULL;
	tcp = f->data + TW_CABLE_ETHERNET + ip_header_bytes(e.v6);
	tw_cable_put16(tcp, s->dport);
	tw_cable_put16(tcp + 2, s->sport);
	tcp[12] = (TCP_HEADER / 4) << 4;
	tcp[13] = TW_RST;
	if (s->flags & TW_ACK) {
		tw_cable_put32(tcp + 4, s->ack);
	} else {
		tw_cable_put32(tcp + 8, s->seq + s->payload_bytes + !!(s->flags & TW_SYN) +
						!!(s->flags & TW_FIN));
		tcp[13] |= TW_ACK;
	}
	seal(f, &e, 16);
	return f;
}

/* Type and code of an error, by version. */
static void icmp_kind(enum tw_cable_reject reject, bool v6, uint8_t out[2])
{
	static const uint8_t four[][2] = {
		[TW_REJECT_ADMIN_PROHIBITED] = { ICMP_DEST_UNREACH, ICMP_PKT_FILTERED },
		[TW_REJECT_PORT_UNREACHABLE] = { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH },
		[TW_REJECT_HOST_UNREACHABLE] = { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH },
		[TW_REJECT_NET_UNREACHABLE] = { ICMP_DEST_UNREACH, ICMP_NET_UNREACH },
		[TW_REJECT_PROTOCOL_UNREACHABLE] = { ICMP_DEST_UNREACH, ICMP_PROT_UNREACH },
		[TW_REJECT_TOO_BIG] = { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED },
	};
	static const uint8_t six[][2] = {
		[TW_REJECT_ADMIN_PROHIBITED] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN },
		[TW_REJECT_PORT_UNREACHABLE] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT },
		[TW_REJECT_HOST_UNREACHABLE] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR },
		[TW_REJECT_NET_UNREACHABLE] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE },
		[TW_REJECT_PROTOCOL_UNREACHABLE] = { ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER },
		[TW_REJECT_TOO_BIG] = { ICMP6_PACKET_TOO_BIG, 0 },
	};

	memcpy(out, v6 ? six[reject] : four[reject], 2);
}

static struct tw_cable_frame *answer_icmp(const uint8_t *data, uint32_t length,
					  const struct tw_segment *s,
					  const struct tw_cable_rule *rule, uint16_t ip_id)
{
	struct envelope e = back(data, s, rule->reject_ttl);
	uint32_t room =
		(e.v6 ? ICMP_V6_BYTES : ICMP_V4_BYTES) - ip_header_bytes(e.v6) - ICMP_HEADER;
	uint32_t quote = s->l4_offset - s->l3_offset + s->header_bytes + s->payload_bytes;
	struct tw_cable_frame *f;
	uint8_t *icmp;

	if (quote > room)
		quote = room;
	e.protocol = e.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	e.tos = e.v6 ? 0 : ICMP_V4_TOS;
	e.id = ip_id;
	f = new_packet(&e, ICMP_HEADER + quote);
	if (!f)
		return NULL;
	icmp = f->data + TW_CABLE_ETHERNET + ip_header_bytes(e.v6);
	icmp_kind(rule->reject, e.v6, icmp);
	if (rule->reject == TW_REJECT_TOO_BIG)
		tw_cable_put32(icmp + 4,
			       e.v6 ? (uint32_t)rule->value : (uint32_t)rule->value & 0xffff);
	memcpy(icmp + ICMP_HEADER, data + s->l3_offset, quote);
	seal(f, &e, 2);
	return f;
}

struct tw_cable_frame *tw_cable_answer(const uint8_t *data, uint32_t length,
				       const struct tw_segment *s, const struct tw_cable_rule *rule,
				       uint16_t ip_id)
{
	if (!tw_cable_editable(s, length))
		return NULL;
	return rule->reject == TW_REJECT_RST ? answer_reset(data, s, rule->reject_ttl)
					     : answer_icmp(data, length, s, rule, ip_id);
}

/* Who stands at the other side of the receiver's link. */
static void link_macs(struct envelope *e, enum tw_from to, unsigned links)
{
	tw_net_mac((enum tw_host_id)to, 0, e->mac_dst);
	if (links > 1)
		tw_net_mac(TW_HOST_ROUTER, to == TW_FROM_CLIENT ? 0 : 1, e->mac_src);
	else
		tw_net_mac(to == TW_FROM_CLIENT ? TW_HOST_SERVER : TW_HOST_CLIENT, 0, e->mac_src);
}

static void put_timestamps(uint8_t *p, const struct tw_cable_side *sender)
{
	static const uint8_t head[4] = { 1, 1, 8, 10 };

	memcpy(p, head, sizeof(head));
	tw_cable_put32(p + 4, sender->tsval);
	tw_cable_put32(p + 8, sender->tsecr);
}

/*
 * The numbers from which a forged segment's offsets count: what the receiver expects next of the
 * claimed sender, and what that sender acknowledged last (before its first ACK: all that the
 * receiver sent).
 */
static void bases(const struct tw_cable_side *sender, const struct tw_cable_side *receiver,
		  uint32_t *seq, uint32_t *ack)
{
	*seq = sender->arrived ? sender->arrived_next : sender->sent ? sender->next : 0;
	if (receiver->acks && (!sender->arrived || tw_seq_gt(receiver->ack, *seq)))
		*seq = receiver->ack;
	*ack = sender->acks ? sender->ack : receiver->next;
}

struct tw_cable_frame *tw_cable_forged(const struct tw_cable_flow *flow,
				       const struct tw_cable_forge *f, unsigned links)
{
	const struct tw_cable_side *receiver = &flow->side[f->to], *sender = &flow->side[!f->to];
	uint32_t header = TCP_HEADER, seq, ack;
	struct envelope e = { .v6 = flow->v6,
			      .df = true,
			      .protocol = IPPROTO_TCP,
			      .tos = sender->tos,
			      .flow_label = sender->flow_label };
	struct tw_cable_frame *frame;
	uint8_t *tcp;

	e.src = receiver->sent ? receiver->to_there : sender->from_here;
	e.dst = receiver->sent ? receiver->from_here : sender->to_there;
	e.ttl = f->ttl            ? f->ttl
		: sender->arrived ? sender->ttl
				  : (uint8_t)(DEFAULT_TTL + 1 - links);
	e.id = f->ip_id < 0 ? (uint16_t)(sender->ip_id + 1) : (uint16_t)f->ip_id;
	link_macs(&e, f->to, links);
	if (f->with_timestamps && sender->timestamps)
		header += TIMESTAMPS_BYTES;
	frame = new_packet(&e, header + f->payload_bytes);
	if (!frame)
		return NULL;
	tcp = frame->data + TW_CABLE_ETHERNET + ip_header_bytes(e.v6);
	bases(sender, receiver, &seq, &ack);
	tw_cable_put16(tcp, flow->port[!f->to]);
	tw_cable_put16(tcp + 2, flow->port[f->to]);
	tw_cable_put32(tcp + 4, seq + (uint32_t)f->seq_offset);
	if (f->flags & TW_ACK)
		tw_cable_put32(tcp + 8, ack + (uint32_t)f->ack_offset);
	tcp[12] = (uint8_t)(header / 4 << 4 | (f->flags >> 8 & 1));
	tcp[13] = (uint8_t)f->flags;
	tw_cable_put16(tcp + 14, f->window);
	if (header > TCP_HEADER)
		put_timestamps(tcp + TCP_HEADER, sender);
	memset(tcp + header, 'F', f->payload_bytes);
	seal(frame, &e, 16);
	return frame;
}

/*
 * 203.0.113.0/24 (RFC 5737) and 2001:db8:f100::/64: nobody in the lab has such an address, and behind the
 * router the server has a way to them.
 */
static struct tw_addr flood_source(unsigned n, bool v6)
{
	struct tw_addr a = { .b = { [10] = 0xff, [11] = 0xff, [12] = 203, [14] = 113 } };

	if (v6)
		a = (struct tw_addr){ .b = { 0x20, 0x01, 0x0d, 0xb8, 0xf1, 0 } };
	a.b[15] = (uint8_t)(1 + n);
	return a;
}

bool tw_cable_is_flood_source(const struct tw_addr *a)
{
	const struct tw_addr four = flood_source(0, false), six = flood_source(0, true);

	return !memcmp(a->b, four.b, 15) || !memcmp(a->b, six.b, 15);
}

struct tw_cable_frame *tw_cable_flood_syn(const struct tw_addr *server, uint16_t port, bool v6,
					  unsigned n, unsigned links)
{
	struct envelope e = { .v6 = v6,
			      .src = flood_source(n, v6),
			      .dst = *server,
			      .ttl = DEFAULT_TTL - 1,
			      .protocol = IPPROTO_TCP,
			      .id = (uint16_t)(FLOOD_ID + n) };
	struct tw_cable_frame *frame;
	uint8_t *tcp;

	link_macs(&e, TW_FROM_SERVER, links);
	frame = new_packet(&e, TCP_HEADER);
	if (!frame)
		return NULL;
	tcp = frame->data + TW_CABLE_ETHERNET + ip_header_bytes(v6);
	tw_cable_put16(tcp, FLOOD_PORT + n);
	tw_cable_put16(tcp + 2, port);
	tw_cable_put32(tcp + 4, (n + 1) * UINT32_C(2654435761)); /* any number, never the same */
	tcp[12] = (TCP_HEADER / 4) << 4;
	tcp[13] = TW_SYN;
	tw_cable_put16(tcp + 14, FLOOD_WINDOW);
	seal(frame, &e, 16);
	return frame;
}
