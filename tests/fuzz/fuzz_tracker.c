/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conversations: each 8 bytes of input are one well-formed TCP segment between two hosts, so that the
 * fuzzer's work goes into the order of events and not into checksums and headers.
 *
 *	byte 0  flags		byte 1  bit 0: direction, bits 1-2: port, bit 3: window 0,
 *	byte 2  change of seq		bits 4-7: scale of the time step
 *	byte 3  change of ack	byte 4  payload, times 16	byte 5  time step
 *	byte 6  TTL		byte 7  jump of the sequence number (high byte)
 */
#include "fuzz.h"

#include <string.h>

#define FRAME_MAX    64
#define SEGMENTS_MAX 512

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

struct conversation {
	uint32_t next[2]; /* sequence number that each side would send next */
	uint64_t time_us;
};

/* A record of a pcap file (raw IP, big endian) at @p; returns its size. */
static size_t record(uint8_t *p, const uint8_t *op, struct conversation *c)
{
	unsigned side = op[1] & 1, payload = op[4] * 16u, port = 40000 + (op[1] >> 1 & 3);
	uint32_t seq = c->next[side] + (uint32_t)(int8_t)op[2] + ((uint32_t)op[7] << 24);
	uint8_t *ip = p + 16, *tcp = ip + 20;

	c->time_us += (uint64_t)op[5] << (op[1] >> 4) << 4;
	put32(p, (uint32_t)(c->time_us / 1000000));
	put32(p + 4, (uint32_t)(c->time_us % 1000000));
	put32(p + 8, 40);
	put32(p + 12, 40 + payload);
	memset(ip, 0, 40);
	ip[0] = 0x45;
	put16(ip + 2, 40 + payload);
	ip[8] = op[6];
	ip[9] = 6;
	put32(ip + 12, side ? 0x0a000002 : 0x0a000001);
	put32(ip + 16, side ? 0x0a000001 : 0x0a000002);
	put16(tcp, side ? 80 : port);
	put16(tcp + 2, side ? port : 80);
	put32(tcp + 4, seq);
	put32(tcp + 8, c->next[!side] + (uint32_t)(int8_t)op[3]);
	tcp[12] = 0x50;
	tcp[13] = op[0];
	put16(tcp + 14, op[1] & 8 ? 0 : 1000);
	if (!op[2] && !op[7])
		c->next[side] = seq + payload + ((op[0] & 2) != 0) + ((op[0] & 1) != 0);
	return 56;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t header[24] = { 0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0,
					    0,    0,    0,    0,    0, 4, 0, 0, 0, 0, 0, 101 };
	size_t segments = size / 8 < SEGMENTS_MAX ? size / 8 : SEGMENTS_MAX,
	       length = sizeof(header), i;
	struct conversation c = { .next = { 0xfffff000, 0x7ffffff0 }, .time_us = 1000000 };
	uint8_t *file = malloc(sizeof(header) + segments * FRAME_MAX);

	if (!file)
		abort();
	memcpy(file, header, sizeof(header));
	for (i = 0; i < segments; i++)
		length += record(file + length, data + i * 8, &c);
	fuzz_session(file, length, false);
	fuzz_session(file, length, true);
	free(file);
	return 0;
}
