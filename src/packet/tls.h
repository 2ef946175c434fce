/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_TLS_H
#define TW_PACKET_TLS_H

#include <stdbool.h>
#include <stdint.h>

#define TW_TLS_HELLO_BYTES 6 /* the header of a record, and the type of the message in it */

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

/* Does the payload begin with a ClientHello that offers HTTP, 1 or 2 (RFC 7301)? @p: @bytes of it are captured. */
bool tw_tls_offers_http(const uint8_t *p, uint32_t bytes);

#endif
