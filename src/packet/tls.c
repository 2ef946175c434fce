/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ClientHello of TLS says of the protocol within: the extension application_layer_protocol_negotiation.
 *
 *	record	16 03 xx length(2)
 *	message	01 length(3) version(2) random(32)
 *		session id(1 + n) cipher suites(2 + n) compression(1 + n) extensions(2 + n):
 *			type(2) length(2) ...
 *			00 10   length(2)  list(2 + n): name(1 + n), name(1 + n) ...
 *
 * Limits: extensions behind the end of the segment, or behind what the snap length left, say nothing.
 */
#include "packet/tls.h"

#include "packet/bytes.h"

#include <string.h>

#define UP_TO_SESSION  43 /* header of the record 5, of the message 4, version 2, random 32 */
#define EXTENSION_ALPN 16

/* What is left to read. A read behind the end reads nothing, and ends it. */
struct rest {
	const uint8_t *at, *end;
};

static uint32_t take(struct rest *r, unsigned bytes)
{
	uint32_t value = 0;

	if ((size_t)(r->end - r->at) < bytes) {
		r->at = r->end;
		return 0;
	}
	for (; bytes; bytes--)
		value = value << 8 | *r->at++;
	return value;
}

/* The next @bytes, or what there is of them. */
static struct rest part(struct rest *r, uint32_t bytes)
{
	struct rest p = { r->at, r->end };

	if ((size_t)(r->end - r->at) > bytes)
		p.end = r->at + bytes;
	r->at = p.end;
	return p;
}

/* Which of the protocols in which each request is answered are on the list (registry of ALPN protocol ids, RFC 7301 s6)? */
static unsigned http_on(struct rest list)
{
	unsigned offered = 0;

	while (list.at < list.end) {
		const uint32_t bytes = take(&list, 1);
		const struct rest name = part(&list, bytes);

		if (name.end - name.at != bytes)
			break;
		if (bytes == 2 && memcmp(name.at, "h2", 2) == 0)
			offered |= TW_OFFERS_HTTP2;
		if (bytes == 8 && memcmp(name.at, "http/1.", 7) == 0)
			offered |= TW_OFFERS_HTTP1;
	}
	return offered;
}

unsigned tw_tls_offers_http(const uint8_t *p, uint32_t bytes)
{
	struct rest hello = { p, p + bytes };

	if (bytes < UP_TO_SESSION || !tw_tls_is_client_hello(p))
		return 0;
	hello.at += UP_TO_SESSION;
	part(&hello, take(&hello, 1)); /* session id */
	part(&hello, take(&hello, 2)); /* cipher suites */
	part(&hello, take(&hello, 1)); /* compression methods */
	take(&hello, 2);
	while (hello.at < hello.end) {
		const uint32_t type = take(&hello, 2);
		struct rest extension = part(&hello, take(&hello, 2));

		if (type == EXTENSION_ALPN) {
			take(&extension, 2);
			return http_on(extension);
		}
	}
	return 0;
}
