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
#include "packet/bytes.h"
#include "packet/frame.h"

#include <stdbool.h>

#define TW_USUAL_IP    14
#define TW_USUAL_TCP   34
#define TW_USUAL_BYTES 54 /* up to the end of the TCP header without options */

static inline bool tw_is_usual(const struct tw_frame *f)
{
	uint64_t first, second;

	if (__builtin_expect(f->linktype != 1 /* Ethernet */ || f->caplen < TW_USUAL_BYTES, 0))
		return false;
	memcpy(&first, f->data + 12, sizeof(first));
	memcpy(&second, f->data + 20, sizeof(second));
	first &= TW_BE64(UINT64_C(0xffffff0000000000));
	second &= TW_BE64(UINT64_C(0x3fff00ff00000000));
	return !((first ^ TW_BE64(UINT64_C(0x0800450000000000))) |
		 (second ^ TW_BE64(UINT64_C(0x0000000600000000))));
}

/* @total: of the IP header, @header: bytes of the TCP header. */
static inline bool tw_usual_lengths_agree(const struct tw_frame *f, uint32_t total, uint32_t header)
{
	return !((total > f->len - TW_USUAL_IP) | (f->len < f->caplen) | (header < 20) |
		 (header + 20 > total));
}

#endif
