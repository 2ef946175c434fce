/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this a request that must be answered? Told by its first bytes, for protocols in which each request is
 * answered, if only by an error. What is not answered in them (a farewell, a replica's REPLCONF ACK) is none.
 */
#include "facts/goodbye.h"
#include "facts/view.h"
#include "packet/bytes.h"
#include "packet/tls.h"

#include <string.h>

#define OP_MSG 2013 /* of MongoDB's wire protocol */

bool tw_begins(const struct tw_pkt *p, const char *word)
{
	const size_t bytes = strlen(word);

	return p->payload_head_bytes >= bytes && memcmp(p->payload_head, word, bytes) == 0;
}

/* RFC 9110 s9.3, RFC 5789: the method, and what a request target begins with. */
static bool is_http(const struct tw_pkt *p)
{
	static const char *const starts[] = {
		"GET /",     "GET http",  "HEAD /",   "HEAD http",  "POST /",
		"POST http", "PUT /",     "PUT http", "DELETE /",   "DELETE http",
		"OPTIONS *", "OPTIONS /", "PATCH /",  "PATCH http", "CONNECT ",
	};
	size_t i;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (tw_begins(p, starts[i]))
			return true;
	return false;
}

static bool is_client_hello(const struct tw_pkt *p)
{
	return p->payload_head_bytes >= TW_TLS_HELLO_BYTES &&
	       tw_tls_is_client_hello(p->payload_head);
}

/* One whole message Query, or Parse with those behind it: type, length that counts itself. */
static bool is_postgresql(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;
	uint64_t bytes;

	if (p->payload_head_bytes < 5)
		return false;
	bytes = 1 + ((uint64_t)h[1] << 24 | (uint64_t)h[2] << 16 | (uint64_t)h[3] << 8 | h[4]);
	return (h[0] == 'Q' && bytes == p->payload_bytes) ||
	       (h[0] == 'P' && bytes > 8 && bytes < p->payload_bytes);
}

/* One whole packet: length, number 0, and COM_QUERY, COM_PING, COM_STMT_PREPARE or COM_STMT_EXECUTE. */
static bool is_mysql(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	if (p->payload_head_bytes < 5 || h[3] ||
	    p->payload_bytes != 4u + (h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16))
		return false;
	return h[4] == 0x03 || h[4] == 0x0e || h[4] == 0x16 || h[4] == 0x17;
}

/* An array of bulk strings. */
static bool is_redis(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 5 && h[0] == '*' && h[1] >= '1' && h[1] <= '9' &&
	       h[2] == '\r' && h[3] == '\n' && h[4] == '$' &&
	       !tw_begins(p, "*3\r\n$8\r\nREPLCONF") && !tw_is_farewell(p);
}

/* A read in text; what stores may say noreply behind the bytes that were kept. */
static bool is_memcached(const struct tw_pkt *p)
{
	return tw_begins(p, "get ") || tw_begins(p, "gets ") || tw_begins(p, "mg ");
}

/* One whole OP_MSG, which answers nothing: lengths and numbers are little endian. */
static bool is_mongodb(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 16 && tw_load_le32(h) == p->payload_bytes &&
	       !tw_load_le32(h + 8) && tw_load_le32(h + 12) == OP_MSG;
}

/* One whole frame of version 3 or 4: STARTUP, OPTIONS, QUERY, PREPARE, EXECUTE or BATCH. */
static bool is_cassandra(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 9 && (h[0] == 3 || h[0] == 4) &&
	       (h[4] == 1 || h[4] == 5 || h[4] == 7 || h[4] == 9 || h[4] == 10 || h[4] == 13) &&
	       tw_load_be32(h + 5) == p->payload_bytes - 9;
}

/* RFC 7766 s8, RFC 1035 s4.1.1: one whole query behind its length, of one question and no answer. */
static bool is_dns(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 14 && tw_load_be16(h) == p->payload_bytes - 2 &&
	       !(h[4] & 0xf8) && tw_load_be16(h + 6) == 1 && !tw_load_be32(h + 8);
}

enum tw_request tw_request_of(const struct tw_pkt *p, bool greeted)
{
	if (is_http(p))
		return TW_REQUEST_HTTP;
	if (tw_begins(p, "PRI * HTTP/2"))
		return TW_REQUEST_HTTP2;
	if (!greeted && is_client_hello(p))
		return TW_REQUEST_CLIENT_HELLO;
	if (greeted && is_postgresql(p))
		return TW_REQUEST_POSTGRESQL;
	if (greeted && is_mysql(p))
		return TW_REQUEST_MYSQL;
	if (is_redis(p))
		return TW_REQUEST_REDIS;
	if (is_memcached(p))
		return TW_REQUEST_MEMCACHED;
	if (is_mongodb(p))
		return TW_REQUEST_MONGODB;
	if (is_cassandra(p))
		return TW_REQUEST_CASSANDRA;
	return is_dns(p) ? TW_REQUEST_DNS : TW_REQUEST_NONE;
}

const char *tw_request_name(enum tw_request kind)
{
	static const char *const names[] = {
		[TW_REQUEST_NONE] = "no protocol",
		[TW_REQUEST_HTTP] = "HTTP",
		[TW_REQUEST_HTTP2] = "HTTP/2",
		[TW_REQUEST_CLIENT_HELLO] = "TLS (ClientHello)",
		[TW_REQUEST_POSTGRESQL] = "PostgreSQL",
		[TW_REQUEST_MYSQL] = "MySQL",
		[TW_REQUEST_REDIS] = "Redis",
		[TW_REQUEST_MEMCACHED] = "memcached",
		[TW_REQUEST_MONGODB] = "MongoDB",
		[TW_REQUEST_CASSANDRA] = "Cassandra",
		[TW_REQUEST_DNS] = "DNS",
		[TW_REQUEST_TLS_DATA] = "TLS",
	};

	return names[kind];
}
