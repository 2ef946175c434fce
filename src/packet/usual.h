/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_USUAL_H
#define TW_PACKET_USUAL_H

/*
 * What nearly all frames of nearly all captures are: Ethernet, an IPv4 header of 20 bytes, no fragment, TCP.
 * The bytes that say so stand in two words.
 *
 *	12 13    14   15  16 17  18 19       20 21     22   23   24 25  26 ...
 *	type 45-----  tos length id      |   fragment  ttl  06   sum    source
 */
#include "packet/frame.h"
#include "packet/tuple.h"

#include <stdbool.h>

#define TW_USUAL_IP    14
#define TW_USUAL_TCP   34
#define TW_USUAL_BYTES 54 /* up to the end of the TCP header without options */

static inline bool tw_are_usual(uint16_t linktype, const uint8_t *data, uint32_t caplen)
{
	uint64_t first, second;

	if (__builtin_expect(linktype != 1 /* Ethernet */ || caplen < TW_USUAL_BYTES, 0))
		return false;
	memcpy(&first, data + 12, sizeof(first));
	memcpy(&second, data + 20, sizeof(second));
	first &= TW_BE64(UINT64_C(0xffffff0000000000));
	second &= TW_BE64(UINT64_C(0x3fff00ff00000000));
	return !((first ^ TW_BE64(UINT64_C(0x0800450000000000))) |
		 (second ^ TW_BE64(UINT64_C(0x0000000600000000))));
}

static inline bool tw_is_usual(const struct tw_frame *f)
{
	return tw_are_usual(f->linktype, f->data, f->caplen);
}

/* @len: on the wire, @total: of the IP header, @header: bytes of the TCP header. */
static inline bool tw_usual_lengths_agree(uint32_t caplen, uint32_t len, uint32_t total,
					  uint32_t header)
{
	return !((total > len - TW_USUAL_IP) | (len < caplen) | (header < 20) |
		 (header + 20 > total));
}

static inline uint16_t tw_raw_port(const uint8_t *p)
{
	uint16_t raw;

	memcpy(&raw, p, sizeof(raw));
	return raw;
}

/* tw_tuple_flow() of a segment, by where its headers stand. */
static inline uint64_t tw_flow_v4(const uint8_t *ip, const uint8_t *tcp, uint64_t seed)
{
	return tw_flow_of(tw_flow_end(0, tw_load_v4_word(ip + 12), tw_raw_port(tcp)),
			  tw_flow_end(0, tw_load_v4_word(ip + 16), tw_raw_port(tcp + 2)), seed);
}

static inline uint64_t tw_usual_flow(const uint8_t *data, uint64_t seed)
{
	return tw_flow_v4(data + TW_USUAL_IP, data + TW_USUAL_TCP, seed);
}

#endif
