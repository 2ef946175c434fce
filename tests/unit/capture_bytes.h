/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_CAPTURE_BYTES_H
#define TW_TESTS_CAPTURE_BYTES_H

/* Captures built byte by byte, in either byte order, for the tests of the capture room. */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bytes {
	bool big; /* big-endian fields */
	size_t n;
	uint8_t b[64 << 10];
};

static inline void put_raw(struct bytes *o, const void *p, size_t n)
{
	assert(n <= sizeof(o->b) - o->n);
	if (n)
		memcpy(o->b + o->n, p, n);
	o->n += n;
}

static inline void put_field(struct bytes *o, uint64_t v, unsigned width)
{
	unsigned i;

	for (i = 0; i < width; i++) {
		uint8_t byte = (uint8_t)(v >> 8 * (o->big ? width - 1 - i : i));

		put_raw(o, &byte, 1);
	}
}

static inline void put16(struct bytes *o, uint16_t v)
{
	put_field(o, v, 2);
}

static inline void put32(struct bytes *o, uint32_t v)
{
	put_field(o, v, 4);
}

static inline void put64(struct bytes *o, uint64_t v)
{
	put_field(o, v, 8);
}

/* --- pcap --- */
static inline void put_pcap_header(struct bytes *o, uint32_t magic, uint32_t linktype)
{
	put32(o, magic);
	put16(o, 2);
	put16(o, 4);
	put64(o, 0);
	put32(o, 65535);
	put32(o, linktype);
}

/* @fill is the value of each of the packet's @caplen bytes. */
static inline void put_record(struct bytes *o, uint32_t s, uint32_t frac, uint32_t caplen,
			      uint32_t len, int fill)
{
	put32(o, s);
	put32(o, frac);
	put32(o, caplen);
	put32(o, len);
	memset(o->b + o->n, fill, caplen);
	o->n += caplen;
}

/* --- pcapng --- */
static inline void put_padding(struct bytes *o)
{
	while (o->n % 4)
		put_raw(o, "", 1);
}

/* Returns where the block begins; end_block() sets both lengths. */
static inline size_t begin_block(struct bytes *o, uint32_t type)
{
	size_t at = o->n;

	put32(o, type);
	put32(o, 0);
	return at;
}

static inline void end_block(struct bytes *o, size_t at)
{
	size_t end;

	put_padding(o);
	put32(o, (uint32_t)(o->n + 4 - at));
	end = o->n;
	o->n = at + 4;
	put32(o, (uint32_t)(end - at));
	o->n = end;
}

static inline void put_section(struct bytes *o, uint64_t length)
{
	size_t at = begin_block(o, 0x0a0d0d0a);

	put32(o, 0x1a2b3c4d);
	put16(o, 1);
	put16(o, 0);
	put64(o, length);
	end_block(o, at);
}

static inline void put_option(struct bytes *o, uint16_t code, const void *p, uint16_t n)
{
	put16(o, code);
	put16(o, n);
	put_raw(o, p, n);
	put_padding(o);
}

static inline void put_option64(struct bytes *o, uint16_t code, uint64_t v)
{
	put16(o, code);
	put16(o, 8);
	put64(o, v);
}

/* @resolution 0: no such option (microseconds). */
static inline void put_interface(struct bytes *o, uint16_t linktype, uint32_t snaplen,
				 uint8_t resolution, int64_t offset_s)
{
	size_t at = begin_block(o, 1);

	put16(o, linktype);
	put16(o, 0);
	put32(o, snaplen);
	put_option(o, 2, "eth0", 4);
	if (resolution)
		put_option(o, 9, &resolution, 1);
	if (offset_s)
		put_option64(o, 14, (uint64_t)offset_s);
	put32(o, 0);
	end_block(o, at);
}

static inline void put_enhanced(struct bytes *o, uint32_t iface, uint64_t ticks, uint32_t caplen,
				uint32_t len, int fill)
{
	size_t at = begin_block(o, 6);

	put32(o, iface);
	put32(o, (uint32_t)(ticks >> 32));
	put32(o, (uint32_t)ticks);
	put32(o, caplen);
	put32(o, len);
	memset(o->b + o->n, fill, caplen);
	o->n += caplen;
	end_block(o, at);
}

/* --- files --- */
/* A new temporary file with these bytes; its path (static storage of eight, used in turn). */
static inline const char *temp_file(const void *p, size_t n)
{
	static char path[8][64];
	static unsigned turn;
	char *at = path[turn++ % 8];
	int fd;

	strcpy(at, "/tmp/tcpwhy-test-XXXXXX");
	fd = mkstemp(at);
	assert(fd >= 0);
	while (n) {
		ssize_t done = write(fd, p, n);

		assert(done > 0);
		p = (const uint8_t *)p + done;
		n -= (size_t)done;
	}
	close(fd);
	return at;
}

#endif
