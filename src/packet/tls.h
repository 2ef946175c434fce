/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_TLS_H
#define TW_PACKET_TLS_H

#include <stdbool.h>
#include <stdint.h>

#define TW_TLS_HELLO_BYTES 6 /* the header of a record, and the type of the message in it */

#define TW_TLS_HEADER_BYTES 5 /* of a record: type, version(2), length(2) */
#define TW_TLS_RECORD_MAX                                                                          \
	(TW_TLS_HEADER_BYTES + (1 << 14) + 2048) /* TLS 1.2 (RFC 5246 s6.2.3); 1.3: 256 less */

/* May a ClientHello begin here? By the first byte, the type of its record. */
static inline bool tw_tls_may_begin(const uint8_t *p)
{
	return p[0] == 22;
}

/* A record of type handshake with a ClientHello (RFC 8446 s4, s5.1). @p: TW_TLS_HELLO_BYTES at least. */
static inline bool tw_tls_is_client_hello(const uint8_t *p)
{
	return p[0] == 22 && p[1] == 3 && p[5] == 1;
}

/* Bytes of the record whose header of TW_TLS_HEADER_BYTES this is, header included; 0: it is none. */
static inline uint32_t tw_tls_record_at(const uint8_t *p)
{
	const uint32_t bytes = TW_TLS_HEADER_BYTES + ((uint32_t)p[3] << 8 | p[4]);

	return p[0] >= 20 && p[0] <= 24 && p[1] == 3 && p[2] <= 4 && bytes <= TW_TLS_RECORD_MAX
		       ? bytes
		       : 0;
}

enum tw_http_offer { TW_OFFERS_HTTP1 = 1, TW_OFFERS_HTTP2 = 2 };

/*
 * Does the payload begin with a ClientHello that offers HTTP (RFC 7301)? @p: @bytes of it are captured. Return: which, as bits of
 * enum tw_http_offer; 0: none.
 */
unsigned tw_tls_offers_http(const uint8_t *p, uint32_t bytes);

#endif
