/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this a request that must be answered? Told by its first bytes, for protocols in which each request is
 * answered, if only by an error. What is not answered in them (a farewell, a replica's REPLCONF ACK) is none.
 */
#include "facts/goodbye.h"
#include "facts/view.h"
#include "packet/bytes.h"

#include <string.h>

#define OP_MSG          2013 /* of MongoDB's wire protocol */
#define TDS_ALL_HEADERS 22
#define TDS_TRANSACTION 18

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

static bool is_text(uint8_t byte)
{
	return (byte >= ' ' && byte < 0x7f) || byte == '\t' || byte == '\n' || byte == '\r';
}

/*
 * One whole packet: length, number 0, and COM_QUERY, COM_PING, COM_STMT_PREPARE or COM_STMT_EXECUTE. Many a protocol has messages behind a
 * length of four bytes: what is to be SQL must be text, behind the attributes of MySQL 8 (none, in one set).
 */
static bool is_mysql(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;
	size_t at = 5;

	if (p->payload_head_bytes < 5 || h[3] ||
	    p->payload_bytes != 4u + (h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16))
		return false;
	if (h[4] == 0x0e)
		return p->payload_bytes == 5;
	if (h[4] == 0x17) /* the statement, flags, and once */
		return p->payload_head_bytes >= 14 && tw_load_le32(h + 10) == 1;
	if (h[4] == 0x03 && p->payload_head_bytes > 7 && !h[5] && h[6] == 1)
		at = 7;
	return (h[4] == 0x03 || h[4] == 0x16) && p->payload_head_bytes > at && is_text(h[at]);
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

/* One whole call behind its record mark (RFC 5531 s9, s11): NFS and its like. */
static bool is_rpc(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 16 &&
	       tw_load_be32(h) == (0x80000000 | (p->payload_bytes - 4)) && !tw_load_be32(h + 8) &&
	       tw_load_be32(h + 12) == 2;
}

/*
 * MS-TDS 2.2.3.1, 2.2.5.3: one whole packet, the last of its message, that is a batch of SQL or a call of a procedure, with the headers that
 * both begin with (TDS 7.2). OpenFlow, too, has versions 1 and 3, an odd type and that length.
 */
static bool is_tds(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 16 && (h[0] == 1 || h[0] == 3) && h[1] & 1 &&
	       tw_load_be16(h + 2) == p->payload_bytes && !h[7] &&
	       tw_load_le32(h + 8) >= TDS_ALL_HEADERS &&
	       tw_load_le32(h + 8) < p->payload_bytes - 8 &&
	       tw_load_le32(h + 12) == TDS_TRANSACTION;
}

/* MQTT 5.0 s3.12: PINGREQ. */
static bool is_ping_of_mqtt(const struct tw_pkt *p)
{
	return p->payload_bytes == 2 && tw_begins(p, "\xc0") && !p->payload_head[1];
}

/* RFC 5321 s4.1.1, RFC 3207: commands, each of which has its reply. */
static bool is_smtp(const struct tw_pkt *p)
{
	return tw_begins(p, "EHLO ") || tw_begins(p, "HELO ") || tw_begins(p, "LHLO ") ||
	       tw_begins(p, "MAIL FROM:") || tw_begins(p, "RCPT TO:") ||
	       tw_begins(p, "STARTTLS\r\n") || tw_begins(p, "DATA\r\n");
}

/* RFC 959 s4.1, RFC 1939 s5: the same. */
static bool is_ftp_or_pop(const struct tw_pkt *p)
{
	return tw_begins(p, "USER ") || tw_begins(p, "PASS ") || tw_begins(p, "RETR ") ||
	       tw_begins(p, "STOR ") || tw_begins(p, "PASV\r\n") || tw_begins(p, "EPSV\r\n");
}

enum tw_request tw_request_of(const struct tw_pkt *p, bool greeted)
{
	if (is_http(p))
		return TW_REQUEST_HTTP;
	if (tw_begins(p, "PRI * HTTP/2"))
		return TW_REQUEST_HTTP2;
	if (!greeted && tw_opening_of(p))
		return tw_opening_of(p);
	if (greeted && is_postgresql(p))
		return TW_REQUEST_POSTGRESQL;
	if (greeted && is_mysql(p))
		return TW_REQUEST_MYSQL;
	if (greeted && is_tds(p))
		return TW_REQUEST_TDS;
	if (greeted && is_ping_of_mqtt(p))
		return TW_REQUEST_MQTT;
	if (is_smtp(p))
		return TW_REQUEST_SMTP;
	if (is_ftp_or_pop(p))
		return TW_REQUEST_FTP_POP;
	if (is_rpc(p))
		return TW_REQUEST_RPC;
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
		[TW_REQUEST_POSTGRESQL] = "PostgreSQL",
		[TW_REQUEST_MYSQL] = "MySQL",
		[TW_REQUEST_REDIS] = "Redis",
		[TW_REQUEST_MEMCACHED] = "memcached",
		[TW_REQUEST_MONGODB] = "MongoDB",
		[TW_REQUEST_CASSANDRA] = "Cassandra",
		[TW_REQUEST_DNS] = "DNS",
		[TW_REQUEST_RPC] = "Sun RPC (NFS)",
		[TW_REQUEST_TDS] = "SQL Server (TDS)",
		[TW_REQUEST_SMTP] = "SMTP",
		[TW_REQUEST_FTP_POP] = "FTP or POP3",
		[TW_REQUEST_MQTT] = "MQTT (PINGREQ)",
		[TW_REQUEST_TLS_DATA] = "TLS",
		[TW_REQUEST_PINGS_MQTT] = "MQTT (PINGREQ)",
		[TW_REQUEST_CLIENT_HELLO] = "TLS (ClientHello)",
		[TW_REQUEST_OPENS_SSH] = "SSH (identification)",
		[TW_REQUEST_OPENS_POSTGRESQL] = "PostgreSQL (start-up)",
		[TW_REQUEST_OPENS_MQTT] = "MQTT (CONNECT)",
		[TW_REQUEST_OPENS_AMQP] = "AMQP (protocol header)",
		[TW_REQUEST_OPENS_TDS] = "SQL Server (TDS PRELOGIN)",
		[TW_REQUEST_OPENS_TNS] = "Oracle (TNS CONNECT)",
		[TW_REQUEST_OPENS_LDAP] = "LDAP (bind)",
		[TW_REQUEST_OPENS_SMB] = "SMB (negotiate)",
		[TW_REQUEST_OPENS_RDP] = "RDP (connection request)",
		[TW_REQUEST_OPENS_KAFKA] = "Kafka (ApiVersions)",
		[TW_REQUEST_OPENS_ZOOKEEPER] = "ZooKeeper (connect)",
	};

	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}
