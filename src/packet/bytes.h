/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_BYTES_H
#define TW_PACKET_BYTES_H

#include <stdint.h>
#include <string.h>

/*
 * Loads from wire bytes: unaligned, and big endian unless the name says otherwise. The caller has
 * checked the bounds. memcpy plus a swap compiles to one instruction.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TW_BE16(x) __builtin_bswap16(x)
#define TW_BE32(x) __builtin_bswap32(x)
#define TW_BE64(x) __builtin_bswap64(x)
#define TW_LE16(x) (x)
#define TW_LE32(x) (x)
#define TW_LE64(x) (x)
#else
#define TW_BE16(x) (x)
#define TW_BE32(x) (x)
#define TW_BE64(x) (x)
#define TW_LE16(x) __builtin_bswap16(x)
#define TW_LE32(x) __builtin_bswap32(x)
#define TW_LE64(x) __builtin_bswap64(x)
#endif

static inline uint16_t tw_load_be16(const uint8_t *p)
{
	uint16_t x;

	memcpy(&x, p, sizeof(x));
	return TW_BE16(x);
}

static inline uint32_t tw_load_be32(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return TW_BE32(x);
}

static inline uint64_t tw_load_be64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return TW_BE64(x);
}

static inline uint64_t tw_load_be48(const uint8_t *p)
{
	return (uint64_t)tw_load_be16(p) << 32 | tw_load_be32(p + 2);
}

static inline uint16_t tw_load_le16(const uint8_t *p)
{
	uint16_t x;

	memcpy(&x, p, sizeof(x));
	return TW_LE16(x);
}

static inline uint32_t tw_load_le32(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return TW_LE32(x);
}

static inline uint64_t tw_load_le64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return TW_LE64(x);
}

#endif
