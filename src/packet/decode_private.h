/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_DECODE_PRIVATE_H
#define TW_PACKET_DECODE_PRIVATE_H

#include "packet/bytes.h"
#include "packet/decode.h"

#include <stddef.h>

#define tw_likely(x)   __builtin_expect(!!(x), 1)
#define tw_unlikely(x) __builtin_expect(!!(x), 0)

/* Headers of any sort in one frame, and tunnels among them: more than this is an attack on us. */
#define TW_LAYERS_MAX 40
#define TW_TUNNEL_MAX 8

enum tw_ethertype {
	TW_ETHERTYPE_IPV4 = 0x0800,
	TW_ETHERTYPE_ARP = 0x0806,
	TW_ETHERTYPE_BRIDGED = 0x6558, /* a whole Ethernet frame, in GRE and Geneve */
	TW_ETHERTYPE_VLAN = 0x8100,
	TW_ETHERTYPE_IPV6 = 0x86dd,
	TW_ETHERTYPE_MPLS = 0x8847,
	TW_ETHERTYPE_MPLS_MULTICAST = 0x8848,
	TW_ETHERTYPE_PPPOE = 0x8864,
	TW_ETHERTYPE_PPP = 0x880b,
	TW_ETHERTYPE_QINQ = 0x88a8,
	TW_ETHERTYPE_ERSPAN2 = 0x88be,
	TW_ETHERTYPE_ERSPAN3 = 0x22eb,
	TW_ETHERTYPE_QINQ_OLD = 0x9100,
};

enum tw_ip_protocol {
	TW_IP_HOPOPTS = 0,
	TW_IP_ICMP = 1,
	TW_IP_IPIP = 4,
	TW_IP_TCP = 6,
	TW_IP_UDP = 17,
	TW_IP_IPV6 = 41,
	TW_IP_ROUTING = 43,
	TW_IP_FRAGMENT = 44,
	TW_IP_GRE = 47,
	TW_IP_AH = 51,
	TW_IP_ICMPV6 = 58,
	TW_IP_DSTOPTS = 60,
	TW_IP_MOBILITY = 135,
	TW_IP_MPLS = 137,
	TW_IP_HIP = 139,
	TW_IP_SHIM6 = 140,
};

/* What is left of a frame: @cap bytes may be read, @wire bytes were sent. cap <= wire, always. */
struct tw_span {
	const uint8_t *p;
	uint32_t cap, wire;
};

/* The way down through one frame; it stays in the decoder for tw_decode_detail(). */
struct tw_walk {
	struct tw_decoder *d;
	const struct tw_frame *frame;
	struct tw_segment *s;
	/* Offsets in the segment count from here: the frame, or a rebuilt datagram. */
	const uint8_t *base;
	uint32_t base_cap;
	uint8_t layers, tunnel_depth;
	bool reassembled;
	bool fast; /* only the fast path has seen the frame: nothing above is filled */
	uint64_t mac_src, mac_dst; /* of the outermost Ethernet header */
	uint16_t cooked_point;     /* as in struct tw_segment */
	uint32_t vlan;
	/* ICMP errors */
	uint8_t icmp_type, icmp_code, icmp_version;
	struct tw_addr icmp_src, icmp_dst;
	uint32_t icmp_mtu;
	uint32_t quoted_bytes; /* of the TCP segment, as far as captured */
	/* neighbours */
	bool neighbour_is_answer;
	struct tw_addr neighbour_target, neighbour_sender;
};

struct tw_reassembly;

struct tw_decoder {
	struct tw_decoder_stats stats;
	struct tw_walk walk;
	struct tw_reassembly *reassembly; /* made by the first fragment */
};

static inline struct tw_span tw_span_skip(struct tw_span v, uint32_t bytes)
{
	v.p += bytes;
	v.cap -= bytes;
	v.wire -= bytes;
	return v;
}

/* Nothing behind the first @wire bytes belongs to it (padding, a checksum, another layer). */
static inline struct tw_span tw_span_trim(struct tw_span v, uint32_t wire)
{
	if (wire < v.wire)
		v.wire = wire;
	if (v.cap > v.wire)
		v.cap = v.wire;
	return v;
}

/* @need bytes cannot be read: did the snaplen take them, or were they never sent? */
static inline enum tw_segment_kind tw_span_lacks(struct tw_span v, uint32_t need)
{
	return v.wire >= need ? TW_SEG_CUT : TW_SEG_MALFORMED;
}

/* link.c: by link type, by EtherType, by PPP protocol */
enum tw_segment_kind tw_packet_link(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_ethernet(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_ethertype(struct tw_walk *w, uint16_t type, struct tw_span v);
enum tw_segment_kind tw_packet_llc(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_mpls(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_ppp(struct tw_walk *w, struct tw_span v);
/* wireless.c */
enum tw_segment_kind tw_packet_radiotap(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_ieee80211(struct tw_walk *w, struct tw_span v);
/* ip.c */
enum tw_segment_kind tw_packet_ip(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_ipv4(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_ipv6(struct tw_walk *w, struct tw_span v);
/*
 * Step over IPv6 extension headers from @next on. Leaves in @next the first header that is none (or
 * TW_IP_FRAGMENT), in @v what follows. @final (may be NULL) gets the last hop of a routing header.
 * Return: TW_SEG_TCP if all went well (whatever the protocol is), else CUT, MALFORMED or OTHER.
 */
enum tw_segment_kind tw_packet_ipv6_extensions(uint8_t *next, struct tw_span *v,
					       struct tw_addr *final);
/* tunnel.c */
enum tw_segment_kind tw_packet_gre(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_udp(struct tw_walk *w, struct tw_span v);
/* tcp.c */
enum tw_segment_kind tw_packet_tcp(struct tw_walk *w, struct tw_span v);
void tw_packet_tcp_options(struct tw_segment *s, struct tw_span options);
enum tw_checksum tw_packet_tcp_checksum(const struct tw_segment *s, const uint8_t *tcp);
uint32_t tw_packet_payload_hash(const uint8_t *p, uint32_t bytes);
void tw_packet_reset_reason(struct tw_segment *s, const uint8_t *payload);
/* icmp.c */
enum tw_segment_kind tw_packet_icmp(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_icmpv6(struct tw_walk *w, struct tw_span v);
enum tw_segment_kind tw_packet_arp(struct tw_walk *w, struct tw_span v);

/* reassembly.c */
struct tw_fragment {
	struct tw_addr src, dst;
	uint32_t id;
	uint8_t ip_version;
	uint8_t protocol; /* IPv4: a part of the key; IPv6: the next header of the first fragment */
	bool more;        /* another fragment follows */
	uint32_t offset_bytes;
	struct tw_span header; /* the IP header (IPv6: the fixed one), kept if offset is 0 */
	struct tw_span payload;
};
/*
 * Take one fragment in. Return: TW_SEG_FRAGMENT = kept, TW_SEG_MALFORMED, or TW_SEG_TCP = the
 * datagram is whole: @whole is its payload (with fewer captured bytes than sent ones, if the
 * snaplen cut a fragment), the walk's base has moved to the rebuilt datagram, and @protocol is the
 * payload's.
 */
enum tw_segment_kind tw_packet_reassemble(struct tw_walk *w, const struct tw_fragment *fragment,
					  struct tw_span *whole, uint8_t *protocol);
/* Rebuilt datagrams of the frame before are no longer needed. */
void tw_packet_reassembly_next(struct tw_reassembly *r);
void tw_packet_reassembly_free(struct tw_reassembly *r);

#endif
