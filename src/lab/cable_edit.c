/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what the cable does to the bytes of a TCP segment: a flipped bit that its checksum
 * betrays, or another value in a field with the checksums put right, as a middlebox does it.
 *
 * Lengths never change. Segments in tunnels or fragments are left alone; the lab's hosts send none.
 */
#include "lab/cable_private.h"

#include "packet/bytes.h"

#include <string.h>

#define TCP_WINDOW   14
#define TCP_CHECKSUM 16
#define TCP_HEADER   20

#define OPTION_END        0
#define OPTION_NOP        1
#define OPTION_MSS        2
#define OPTION_TIMESTAMPS 8

uint32_t tw_cable_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	uint64_t total = sum;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		total += (uint32_t)p[i] << 8 | p[i + 1];
	if (n & 1)
		total += (uint32_t)p[n - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint32_t)total;
}

uint16_t tw_cable_sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t tw_cable_pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t bytes)
{
	uint32_t sum = protocol + (bytes >> 16) + (bytes & 0xffff);

	return ip[0] >> 4 == 4 ? tw_cable_sum(sum, ip + 12, 8) : tw_cable_sum(sum, ip + 8, 32);
}

bool tw_cable_editable(const struct tw_segment *s, uint32_t length)
{
	return s->kind == TW_SEG_TCP && !s->ip_mf_or_offset && !s->tunnel_depth &&
	       s->l3_offset >= TW_CABLE_ETHERNET && s->l4_offset > s->l3_offset &&
	       s->header_bytes >= TCP_HEADER && s->l4_offset <= length &&
	       s->header_bytes + s->payload_bytes <= length - s->l4_offset;
}

static void fix_checksums(uint8_t *data, const struct tw_segment *s)
{
	uint8_t *ip = data + s->l3_offset, *tcp = data + s->l4_offset;
	uint32_t bytes = s->header_bytes + s->payload_bytes;

	if (s->ip_version == 4) {
		tw_cable_put16(ip + 10, 0);
		tw_cable_put16(ip + 10, tw_cable_sum_end(tw_cable_sum(0, ip, (ip[0] & 15) * 4u)));
	}
	tw_cable_put16(tcp + TCP_CHECKSUM, 0);
	tw_cable_put16(tcp + TCP_CHECKSUM, tw_cable_sum_end(tw_cable_sum(
						   tw_cable_pseudo_sum(ip, 6, bytes), tcp, bytes)));
}

void tw_cable_corrupt(uint8_t *data, const struct tw_segment *s, uint32_t length)
{
	if (!tw_cable_editable(s, length))
		data[length - 1] ^= 1;
	else if (s->payload_bytes)
		data[s->l4_offset + s->header_bytes] ^= 1;
	else
		data[s->l4_offset + TCP_CHECKSUM] ^= 1;
}

/* The value of an option in the header, NULL if it is not there with @bytes of value. */
static uint8_t *find_option(uint8_t *tcp, uint16_t header_bytes, uint8_t kind, uint8_t bytes)
{
	unsigned at = TCP_HEADER;

	while (at < header_bytes && tcp[at] != OPTION_END) {
		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= header_bytes || tcp[at + 1] < 2 || at + tcp[at + 1] > header_bytes)
			return NULL;
		if (tcp[at] == kind)
			return tcp[at + 1] == bytes + 2 ? tcp + at + 2 : NULL;
		at += tcp[at + 1];
	}
	return NULL;
}

static bool rewrite_option(uint8_t *tcp, const struct tw_segment *s, enum tw_cable_field field,
			   int64_t value)
{
	uint8_t *option;

	if (field == TW_FIELD_MSS) {
		option = find_option(tcp, s->header_bytes, OPTION_MSS, 2);
		if (option)
			tw_cable_put16(option, (uint32_t)value);
	} else {
		option = find_option(tcp, s->header_bytes, OPTION_TIMESTAMPS, 8);
		if (option)
			tw_cable_put32(option, tw_load_be32(option) + (uint32_t)value);
	}
	return option;
}

bool tw_cable_rewrite(uint8_t *data, const struct tw_segment *s, uint32_t length,
		      enum tw_cable_field field, int64_t value)
{
	uint8_t *ip = data + s->l3_offset, *tcp = data + s->l4_offset;

	if (!tw_cable_editable(s, length))
		return false;
	switch (field) {
	case TW_FIELD_TTL:
		ip[s->ip_version == 4 ? 8 : 7] = (uint8_t)value;
		break;
	case TW_FIELD_SEQ:
		tw_cable_put32(tcp + 4, s->seq + (uint32_t)value);
		break;
	case TW_FIELD_ACK:
		tw_cable_put32(tcp + 8, s->ack + (uint32_t)value);
		break;
	case TW_FIELD_WINDOW:
		tw_cable_put16(tcp + TCP_WINDOW, (uint32_t)value);
		break;
	case TW_FIELD_PAYLOAD:
		memset(tcp + s->header_bytes, (int)(value & 0xff), s->payload_bytes);
		break;
	case TW_FIELD_FLAGS:
		tcp[12] = (uint8_t)((tcp[12] & 0xfe) | (value >> 8 & 1));
		tcp[13] = (uint8_t)value;
		break;
	case TW_FIELD_TSVAL:
	case TW_FIELD_MSS:
		if (!rewrite_option(tcp, s, field, value))
			return false;
		break;
	}
	fix_checksums(data, s);
	return true;
}
