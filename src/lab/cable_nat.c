/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the translation of a load balancer on the client's link (destination NAT, RFC 3022):
 *
 *	client                 cable                        server
 *	  |-- to the virtual -->|-- to the server's own ---->|
 *	  |<- from the virtual -|<- from the server's own ---|
 *
 * The packet that an ICMP error quotes is translated as well. Transport checksums are changed by
 * the difference (RFC 1624), so that a segment that was corrupted stays corrupted.
 *
 * The virtual address has the MAC address of whoever stands at the far end of the client's link.
 */
#include "lab/cable_private.h"

#include "lab/net.h"
#include "packet/bytes.h"
#include "packet/tuple.h"

#include <arpa/inet.h>
#include <string.h>

#define ETHERTYPE_V4     0x0800u
#define ETHERTYPE_ARP    0x0806u
#define ETHERTYPE_V6     0x86ddu
#define ARP_BYTES        28u
#define ICMP_HEADER      8u
#define ND_SOLICITATION  135
#define ND_ADVERTISEMENT 136
#define ND_TARGET_BYTES  24u /* ICMPv6 header and target */
#define ND_MAC_OPTION    8u
#define ND_SOLICITED     0x40
#define ND_OVERRIDE      0x20

/* An IP header in a frame (or quoted): where its parts are. */
struct ip_view {
	uint8_t *ip, *l4;
	uint32_t l4_bytes; /* that are there */
	uint8_t address_bytes, protocol;
	uint8_t *src, *dst;
};

static bool look(struct ip_view *v, uint8_t *ip, uint32_t bytes)
{
	uint32_t header, total;

	if (bytes < 20)
		return false;
	if (ip[0] >> 4 == 4) {
		header = (ip[0] & 15) * 4u;
		total = tw_load_be16(ip + 2);
		*v = (struct ip_view){
			.address_bytes = 4, .protocol = ip[9], .src = ip + 12, .dst = ip + 16
		};
		if (header < 20 || tw_load_be16(ip + 6) & 0x1fff)
			return false;
	} else {
		header = 40;
		total = header + tw_load_be16(ip + 4);
		*v = (struct ip_view){
			.address_bytes = 16, .protocol = ip[6], .src = ip + 8, .dst = ip + 24
		};
	}
	/* What the link added behind the packet is not part of it; a quote may end earlier. */
	if (bytes > total)
		bytes = total;
	if (bytes < header)
		return false;
	v->ip = ip;
	v->l4 = ip + header;
	v->l4_bytes = bytes - header;
	return true;
}

static bool parse_text(const char *text, uint8_t bytes, uint8_t out[16])
{
	return inet_pton(bytes == 4 ? AF_INET : AF_INET6, text, out) == 1;
}

static bool is_virtual(const uint8_t *address, uint8_t bytes)
{
	uint8_t b[16];

	return parse_text(bytes == 4 ? TW_NET_VIRTUAL_V4 : TW_NET_VIRTUAL_V6, bytes, b) &&
	       !memcmp(b, address, bytes);
}

bool tw_cable_is_virtual(const struct tw_addr *a)
{
	return tw_addr_is_v4(a) ? is_virtual(a->b + 12, 4) : is_virtual(a->b, 16);
}

/* The changed checksum (RFC 1624, eqn 3) when @bytes at @old become @new. */
static void adjust(uint8_t *checksum, const uint8_t *old, const uint8_t *new, uint8_t bytes)
{
	uint32_t sum = (uint16_t)~tw_load_be16(checksum);
	uint8_t i;

	for (i = 0; i < bytes; i += 2)
		sum += (uint16_t)~tw_load_be16(old + i) + (uint32_t)tw_load_be16(new + i);
	tw_cable_put16(checksum, tw_cable_sum_end(sum));
}

static void fix_ip(const struct ip_view *v)
{
	if (v->address_bytes != 4)
		return;
	tw_cable_put16(v->ip + 10, 0);
	tw_cable_put16(v->ip + 10,
		       tw_cable_sum_end(tw_cable_sum(0, v->ip, (uint32_t)(v->l4 - v->ip))));
}

/* Put the server's own address for the virtual one, or the reverse; true if it was there. */
static bool swap_address(const struct ip_view *v, uint8_t *address, bool to_own, bool router)
{
	const char *virtual = v->address_bytes == 4 ? TW_NET_VIRTUAL_V4 : TW_NET_VIRTUAL_V6;
	const char *own = tw_net_plan_address(router, TW_HOST_SERVER, v->address_bytes == 16);
	uint8_t from[16], to[16];

	if (!parse_text(to_own ? virtual : own, v->address_bytes, from) ||
	    !parse_text(to_own ? own : virtual, v->address_bytes, to) ||
	    memcmp(address, from, v->address_bytes) != 0)
		return false;
	memcpy(address, to, v->address_bytes);
	if (v->protocol == IPPROTO_TCP && v->l4_bytes >= 18)
		adjust(v->l4 + 16, from, to, v->address_bytes);
	fix_ip(v);
	return true;
}

static bool is_icmp_error(const struct ip_view *v)
{
	if (v->l4_bytes <= ICMP_HEADER)
		return false;
	if (v->protocol == IPPROTO_ICMPV6)
		return v->l4[0] < 128;
	return v->protocol == IPPROTO_ICMP && (v->l4[0] == 3 || v->l4[0] == 11 || v->l4[0] == 12);
}

static void fix_icmp(const struct ip_view *v)
{
	uint32_t sum = 0, bytes = v->l4_bytes;

	if (v->protocol == IPPROTO_ICMPV6)
		sum = tw_cable_pseudo_sum(v->ip, v->protocol, bytes);
	tw_cable_put16(v->l4 + 2, 0);
	tw_cable_put16(v->l4 + 2, tw_cable_sum_end(tw_cable_sum(sum, v->l4, bytes)));
}

bool tw_cable_translate(uint8_t *data, uint32_t length, enum tw_from from, bool router)
{
	bool to_own = from == TW_FROM_CLIENT, changed;
	struct ip_view outer, quoted;
	uint16_t type;

	if (length < TW_CABLE_ETHERNET)
		return false;
	type = tw_load_be16(data + 12);
	if ((type != ETHERTYPE_V4 && type != ETHERTYPE_V6) ||
	    !look(&outer, data + TW_CABLE_ETHERNET, length - TW_CABLE_ETHERNET))
		return false;
	if (outer.protocol != IPPROTO_TCP && !is_icmp_error(&outer))
		return false;
	changed = swap_address(&outer, to_own ? outer.dst : outer.src, to_own, router);
	if (outer.protocol == IPPROTO_TCP)
		return changed;
	/* The quoted packet went the other way: there the address stands on the other side. */
	if (look(&quoted, outer.l4 + ICMP_HEADER, outer.l4_bytes - ICMP_HEADER))
		changed |= swap_address(&quoted, to_own ? quoted.src : quoted.dst, to_own, router);
	if (changed)
		fix_icmp(&outer);
	return changed;
}

static void far_mac(bool router, uint8_t out[6])
{
	tw_net_mac(router ? TW_HOST_ROUTER : TW_HOST_SERVER, 0, out);
}

static struct tw_cable_frame *answer_arp(const uint8_t *data, uint32_t length, bool router)
{
	const uint8_t *ask = data + TW_CABLE_ETHERNET;
	struct tw_cable_frame *f;
	uint8_t *arp;

	if (length < TW_CABLE_ETHERNET + ARP_BYTES || tw_load_be16(ask + 6) != 1 ||
	    !is_virtual(ask + 24, 4))
		return NULL;
	f = tw_cable_frame_new(data, TW_CABLE_ETHERNET + ARP_BYTES);
	if (!f)
		return NULL;
	arp = f->data + TW_CABLE_ETHERNET;
	tw_cable_put16(arp + 6, 2);
	far_mac(router, arp + 8);
	memcpy(arp + 14, ask + 24, 4);
	memcpy(arp + 18, ask + 8, 10);
	memcpy(f->data, data + 6, 6);
	memcpy(f->data + 6, arp + 8, 6);
	f->forged = true;
	return f;
}

static struct tw_cable_frame *answer_nd(const uint8_t *data, uint32_t length, bool router)
{
	const uint8_t *ask = data + TW_CABLE_ETHERNET, *target = ask + 40 + 8;
	const uint32_t bytes = ND_TARGET_BYTES + ND_MAC_OPTION;
	struct tw_cable_frame *f;
	uint8_t *ip, *nd;

	if (length < TW_CABLE_ETHERNET + 40 + ND_TARGET_BYTES || ask[6] != IPPROTO_ICMPV6 ||
	    ask[40] != ND_SOLICITATION || !is_virtual(target, 16))
		return NULL;
	f = tw_cable_frame_new(NULL, TW_CABLE_ETHERNET + 40 + bytes);
	if (!f)
		return NULL;
	memcpy(f->data, data + 6, 6);
	far_mac(router, f->data + 6);
	tw_cable_put16(f->data + 12, ETHERTYPE_V6);
	ip = f->data + TW_CABLE_ETHERNET;
	ip[0] = 0x60;
	tw_cable_put16(ip + 4, bytes);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 8, target, 16);
	memcpy(ip + 24, ask + 8, 16);
	nd = ip + 40;
	nd[0] = ND_ADVERTISEMENT;
	nd[4] = ND_SOLICITED | ND_OVERRIDE;
	memcpy(nd + 8, target, 16);
	nd[24] = 2; /* the target's link-layer address, in units of 8 bytes: */
	nd[25] = 1;
	far_mac(router, nd + 26);
	tw_cable_put16(nd + 2, tw_cable_sum_end(tw_cable_sum(
				       tw_cable_pseudo_sum(ip, IPPROTO_ICMPV6, bytes), nd, bytes)));
	f->forged = true;
	return f;
}

struct tw_cable_frame *tw_cable_virtual_neighbour(const uint8_t *data, uint32_t length, bool router)
{
	if (length < TW_CABLE_ETHERNET)
		return NULL;
	switch (tw_load_be16(data + 12)) {
	case ETHERTYPE_ARP:
		return answer_arp(data, length, router);
	case ETHERTYPE_V6:
		return answer_nd(data, length, router);
	default:
		return NULL;
	}
}
