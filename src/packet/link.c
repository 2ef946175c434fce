/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything below IP: the link types of pcap-linktype(7) and the EtherTypes they lead to.
 *
 * The addresses and the VLAN of a segment are those of the outermost Ethernet header: they tell
 * which interface or which neighbour a frame came from, which is what duplicate detection needs.
 *
 * Limits: MPLS carries no type; the first nibble decides as routers do (RFC 4928 s3), 0 being taken
 * for a pseudowire control word (RFC 4385 s3) before an Ethernet frame.
 */
#include "packet/decode_private.h"

enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, PPP_MPLS = 0x0281, PPP_MPLS_MULTICAST = 0x0283 };
enum { ARPHRD_ETHERNET = 1, ARPHRD_LOOP = 772, ARPHRD_NETLINK_TAP = 824 };

static void note_macs(struct tw_walk *w, const uint8_t *dst, const uint8_t *src)
{
	if (w->mac_src || w->mac_dst || w->tunnel_depth)
		return;
	w->mac_dst = tw_load_be48(dst);
	w->mac_src = tw_load_be48(src);
}

static enum tw_segment_kind vlan_tag(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 4)
		return tw_span_lacks(v, 4);
	if (!w->vlan && !w->tunnel_depth)
		w->vlan = (tw_load_be16(v.p) & 0xfffu) + 1;
	return tw_packet_ethertype(w, tw_load_be16(v.p + 2), tw_span_skip(v, 4));
}

enum tw_segment_kind tw_packet_mpls(struct tw_walk *w, struct tw_span v)
{
	bool bottom;

	do {
		if (v.cap < 4)
			return tw_span_lacks(v, 4);
		bottom = v.p[2] & 1;
		v = tw_span_skip(v, 4);
	} while (!bottom && ++w->layers < TW_LAYERS_MAX);
	if (!bottom)
		return TW_SEG_OTHER;
	if (v.cap < 4)
		return tw_span_lacks(v, 4);
	switch (v.p[0] >> 4) {
	case 4:
		return tw_packet_ipv4(w, v);
	case 6:
		return tw_packet_ipv6(w, v);
	case 0:
		return tw_packet_ethernet(w, tw_span_skip(v, 4));
	case 1: /* the pseudowire's associated channel */
		return TW_SEG_OTHER;
	default:
		return tw_packet_ethernet(w, v);
	}
}

enum tw_segment_kind tw_packet_ppp(struct tw_walk *w, struct tw_span v)
{
	uint16_t protocol;
	uint32_t bytes = 2;

	/* address and control field, unless compressed (RFC 1661 s6.6) */
	if (v.cap >= 2 && v.p[0] == 0xff && v.p[1] == 0x03)
		v = tw_span_skip(v, 2);
	if (v.cap < 2)
		return tw_span_lacks(v, 2);
	protocol = tw_load_be16(v.p);
	if (v.p[0] & 1) { /* compressed protocol field (s6.5) */
		protocol = v.p[0];
		bytes = 1;
	}
	v = tw_span_skip(v, bytes);
	switch (protocol) {
	case PPP_IPV4:
		return tw_packet_ipv4(w, v);
	case PPP_IPV6:
		return tw_packet_ipv6(w, v);
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		return tw_packet_mpls(w, v);
	default:
		return TW_SEG_OTHER;
	}
}

/* RFC 2516 s4 */
static enum tw_segment_kind pppoe(struct tw_walk *w, struct tw_span v)
{
	uint32_t bytes;

	if (v.cap < 6)
		return tw_span_lacks(v, 6);
	if (v.p[0] != 0x11 || v.p[1] != 0)
		return TW_SEG_OTHER;
	bytes = tw_load_be16(v.p + 4);
	v = tw_span_skip(v, 6);
	if (bytes > v.wire)
		return TW_SEG_MALFORMED;
	return tw_packet_ppp(w, tw_span_trim(v, bytes));
}

/* 802.2 LLC: SNAP with an EtherType, or the rare SAP of IP itself. */
enum tw_segment_kind tw_packet_llc(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 8)
		return v.wire < 8 ? TW_SEG_OTHER : TW_SEG_CUT;
	if (v.p[0] == 0x06 && v.p[1] == 0x06 && v.p[2] == 0x03)
		return tw_packet_ipv4(w, tw_span_skip(v, 3));
	if (v.p[0] != 0xaa || v.p[1] != 0xaa || v.p[2] != 0x03)
		return TW_SEG_OTHER;
	/*
	 * the organisation: 000000 = EtherType follows, 0000f8 = the same through a bridge tunnel
	 * (802.1H)
	 */
	if (v.p[3] || v.p[4] || (v.p[5] && v.p[5] != 0xf8))
		return TW_SEG_OTHER;
	return tw_packet_ethertype(w, tw_load_be16(v.p + 6), tw_span_skip(v, 8));
}

enum tw_segment_kind tw_packet_ethertype(struct tw_walk *w, uint16_t type, struct tw_span v)
{
	if (++w->layers > TW_LAYERS_MAX)
		return TW_SEG_OTHER;
	switch (type) {
	case TW_ETHERTYPE_IPV4:
		return tw_packet_ipv4(w, v);
	case TW_ETHERTYPE_IPV6:
		return tw_packet_ipv6(w, v);
	case TW_ETHERTYPE_ARP:
		return tw_packet_arp(w, v);
	case TW_ETHERTYPE_VLAN:
	case TW_ETHERTYPE_QINQ:
	case TW_ETHERTYPE_QINQ_OLD:
		return vlan_tag(w, v);
	case TW_ETHERTYPE_MPLS:
	case TW_ETHERTYPE_MPLS_MULTICAST:
		return tw_packet_mpls(w, v);
	case TW_ETHERTYPE_PPPOE:
		return pppoe(w, v);
	case TW_ETHERTYPE_PPP:
		return tw_packet_ppp(w, v);
	case TW_ETHERTYPE_BRIDGED:
		return tw_packet_ethernet(w, v);
	default:
		/* 802.3: the field is a length, and LLC follows */
		return type <= 1500 ? tw_packet_llc(w, tw_span_trim(v, type)) : TW_SEG_OTHER;
	}
}

enum tw_segment_kind tw_packet_ethernet(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 14)
		return tw_span_lacks(v, 14);
	note_macs(w, v.p, v.p + 6);
	return tw_packet_ethertype(w, tw_load_be16(v.p + 12), tw_span_skip(v, 14));
}

/* LINKTYPE_NULL and LOOP: an address family in the byte order of whoever captured. */
static enum tw_segment_kind loopback(struct tw_walk *w, struct tw_span v)
{
	uint32_t family, little;

	if (v.cap < 4)
		return tw_span_lacks(v, 4);
	family = tw_load_be32(v.p);
	little = tw_load_le32(v.p);
	if (little < family)
		family = little;
	v = tw_span_skip(v, 4);
	switch (family) {
	case 2: /* AF_INET everywhere */
		return tw_packet_ipv4(w, v);
	case 10: /* AF_INET6: Linux, then NetBSD and OpenBSD, FreeBSD, Darwin */
	case 24:
	case 28:
	case 30:
		return tw_packet_ipv6(w, v);
	default:
		return TW_SEG_OTHER;
	}
}

static enum tw_segment_kind cooked(struct tw_walk *w, uint16_t hardware, uint16_t protocol,
				   struct tw_span v)
{
	if (hardware == ARPHRD_NETLINK_TAP)
		return TW_SEG_OTHER;
	/* 1 and 4 are Linux's own numbers for 802.3 without and with an LLC header */
	if (protocol == 4)
		return tw_packet_llc(w, v);
	return protocol < 1536 ? TW_SEG_OTHER : tw_packet_ethertype(w, protocol, v);
}

static void note_cooked_mac(struct tw_walk *w, uint16_t hardware, uint16_t bytes,
			    const uint8_t *mac)
{
	if (bytes == 6 && (hardware == ARPHRD_ETHERNET || hardware == ARPHRD_LOOP))
		w->mac_src = tw_load_be48(mac);
}

/*
 * `-i any` sees a packet once on each interface that it passes, with the same MAC addresses and TTL on a bridge:
 * only this tells the sights apart. Version 1 has no interface, but the way (to us, to others, outgoing).
 */
static uint16_t cooked_point(uint32_t ifindex, uint8_t packet_type)
{
	return (uint16_t)((ifindex << 3 | (packet_type & 7)) + 1);
}

static enum tw_segment_kind cooked_v1(struct tw_walk *w, struct tw_span v)
{
	uint16_t hardware;

	if (v.cap < 16)
		return tw_span_lacks(v, 16);
	hardware = tw_load_be16(v.p + 2);
	w->cooked_point = cooked_point(0, v.p[1]);
	note_cooked_mac(w, hardware, tw_load_be16(v.p + 4), v.p + 6);
	return cooked(w, hardware, tw_load_be16(v.p + 14), tw_span_skip(v, 16));
}

static enum tw_segment_kind cooked_v2(struct tw_walk *w, struct tw_span v)
{
	uint16_t hardware;

	if (v.cap < 20)
		return tw_span_lacks(v, 20);
	hardware = tw_load_be16(v.p + 8);
	w->cooked_point = cooked_point(tw_load_be32(v.p + 4), v.p[10]);
	note_cooked_mac(w, hardware, v.p[11], v.p + 12);
	return cooked(w, hardware, tw_load_be16(v.p), tw_span_skip(v, 20));
}

/* LINKTYPE_PPP_WITH_DIR and PPP_PPPD: a byte before the PPP header tells the direction. */
static enum tw_segment_kind ppp_with_direction(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 1)
		return tw_span_lacks(v, 1);
	return tw_packet_ppp(w, tw_span_skip(v, 1));
}

/* Cisco HDLC: address, control, EtherType. */
static enum tw_segment_kind hdlc(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 4)
		return tw_span_lacks(v, 4);
	return tw_packet_ethertype(w, tw_load_be16(v.p + 2), tw_span_skip(v, 4));
}

/* LINKTYPE_PPP and LINKTYPE_PPP_HDLC are PPP, or Cisco HDLC on the same interface; the first byte parts them. */
static enum tw_segment_kind ppp_hdlc(struct tw_walk *w, struct tw_span v)
{
	if (v.cap < 1)
		return tw_span_lacks(v, 1);
	return v.p[0] == 0x0f || v.p[0] == 0x8f ? hdlc(w, v) : tw_packet_ppp(w, v);
}

static const struct link_type {
	uint16_t number;
	const char *name;
	enum tw_segment_kind (*decode)(struct tw_walk *w, struct tw_span v);
} link_types[] = {
	{ 1, "EN10MB", tw_packet_ethernet },
	{ 113, "LINUX_SLL", cooked_v1 },
	{ 276, "LINUX_SLL2", cooked_v2 },
	{ 101, "RAW", tw_packet_ip },
	{ 0, "NULL", loopback },
	{ 108, "LOOP", loopback },
	{ 12, "RAW", tw_packet_ip }, /* DLT_RAW, which some writers store as it is */
	{ 14, "RAW", tw_packet_ip },
	{ 228, "IPV4", tw_packet_ipv4 },
	{ 229, "IPV6", tw_packet_ipv6 },
	{ 9, "PPP", ppp_hdlc },
	{ 50, "PPP_SERIAL", ppp_hdlc },
	{ 51, "PPP_ETHER", pppoe },
	{ 104, "C_HDLC", hdlc },
	{ 166, "PPP_PPPD", ppp_with_direction },
	{ 204, "PPP_WITH_DIR", ppp_with_direction },
	{ 105, "IEEE802_11", tw_packet_ieee80211 },
	{ 127, "IEEE802_11_RADIO", tw_packet_radiotap },
};

static const struct link_type *find_link_type(uint16_t number)
{
	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++)
		if (link_types[i].number == number)
			return &link_types[i];
	return NULL;
}

enum tw_segment_kind tw_packet_link(struct tw_walk *w, struct tw_span v)
{
	const struct link_type *type = find_link_type(w->frame->linktype);

	return type ? type->decode(w, v) : TW_SEG_OTHER;
}

bool tw_linktype_supported(uint16_t linktype)
{
	return find_link_type(linktype);
}

const char *tw_linktype_name(uint16_t linktype)
{
	/* Not decoded, but met often enough to be called by name. */
	static const struct {
		uint16_t number;
		const char *name;
	} others[] = {
		{ 119, "IEEE802_11_PRISM" }, { 147, "USER0" },
		{ 163, "IEEE802_11_AVS" },   { 187, "BLUETOOTH_HCI_H4" },
		{ 189, "USB_LINUX" },        { 192, "PPI" },
		{ 195, "IEEE802_15_4" },     { 220, "USB_LINUX_MMAPPED" },
		{ 227, "CAN_SOCKETCAN" },    { 239, "NFLOG" },
		{ 249, "USBPCAP" },          { 253, "NETLINK" },
	};
	const struct link_type *type = find_link_type(linktype);

	if (type)
		return type->name;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].number == linktype)
			return others[i].name;
	return "unknown";
}
