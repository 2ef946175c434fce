/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this how a client begins, in a protocol in which the server says something to that in any case? Told by its first bytes, and
 * where the protocol has them by its lengths, too.
 */
#include "facts/view.h"
#include "packet/bytes.h"
#include "packet/tls.h"

#include <string.h>

#define PG_VERSION_3_0    0x30000
#define PG_VERSION_3_2    0x30002
#define PG_SSL_REQUEST    80877103
#define PG_GSSENC_REQUEST 80877104
#define KAFKA_METADATA    3
#define KAFKA_VERSIONS    18
#define KAFKA_VERSION_MAX 20
#define TNS_HEAD          34 /* TNS: nothing shorter than this holds a CONNECT */

static bool is_client_hello(const struct tw_pkt *p)
{
	return p->payload_head_bytes >= TW_TLS_HELLO_BYTES &&
	       tw_tls_is_client_hello(p->payload_head);
}

/* RFC 4253 s4.2: both ends begin with it, and none waits for the other's. */
static bool is_ssh(const struct tw_pkt *p)
{
	return tw_begins(p, "SSH-2.0-") || tw_begins(p, "SSH-1.");
}

/* One whole StartupMessage, SSLRequest or GSSENCRequest; a CancelRequest has no answer. */
static bool is_postgresql(const struct tw_pkt *p)
{
	uint32_t code;

	if (p->payload_head_bytes < 8 || tw_load_be32(p->payload_head) != p->payload_bytes)
		return false;
	code = tw_load_be32(p->payload_head + 4);
	return code == PG_VERSION_3_0 || code == PG_VERSION_3_2 || code == PG_SSL_REQUEST ||
	       code == PG_GSSENC_REQUEST;
}

/* MQTT 3.1.1 s3.1: type 1, the remaining length in 7 bits a byte, the protocol's name. */
static bool is_mqtt(const struct tw_pkt *p)
{
	static const char mqtt[] = "\0\4MQTT", mqisdp[] = "\0\6MQIsdp";
	const uint8_t *h = p->payload_head;
	const size_t at = p->payload_head_bytes > 1 && h[1] & 0x80 ? 3 : 2;

	if (p->payload_head_bytes < at + sizeof(mqisdp) - 1 || h[0] != 0x10)
		return false;
	return memcmp(h + at, mqtt, sizeof(mqtt) - 1) == 0 ||
	       memcmp(h + at, mqisdp, sizeof(mqisdp) - 1) == 0;
}

/* AMQP 0-9-1 s4.2.2, AMQP 1.0 s2.2: answered even where the version is not the server's. */
static bool is_amqp(const struct tw_pkt *p)
{
	return p->payload_bytes == 8 && tw_begins(p, "AMQP");
}

/* MS-TDS 2.2.3.1, 2.2.6.5: one whole packet of type PRELOGIN, the last of its message. */
static bool is_tds(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 8 && h[0] == 0x12 && h[1] == 1 &&
	       tw_load_be16(h + 2) == p->payload_bytes && !h[7];
}

/* Length, checksum 0, type 1: CONNECT. What does not fit into it follows at once. */
static bool is_tns(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;
	const uint16_t bytes = p->payload_head_bytes >= 8 ? tw_load_be16(h) : 0;

	return bytes >= TNS_HEAD && bytes <= p->payload_bytes && !tw_load_be16(h + 2) &&
	       h[4] == 1 && !h[5] && !tw_load_be16(h + 6);
}

/* RFC 4511 s4.2, s4.12: a sequence as long as the payload, number 1, BindRequest or ExtendedRequest (StartTLS). */
static bool is_ldap(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;
	uint32_t bytes, at = 2;

	if (p->payload_head_bytes < 12 || h[0] != 0x30)
		return false;
	bytes = h[1];
	if (h[1] == 0x84) {
		bytes = tw_load_be32(h + 2);
		at = 6;
	} else if (h[1] & 0x80) {
		return false;
	}
	return bytes == p->payload_bytes - at && h[at] == 2 && h[at + 1] == 1 && h[at + 2] == 1 &&
	       (h[at + 3] == 0x60 || h[at + 3] == 0x77);
}

/* MS-SMB2 2.1, 2.2.1: behind the length of four bytes, SMB 2 or 1. */
static bool is_smb(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 8 && tw_load_be32(h) == p->payload_bytes - 4 &&
	       (memcmp(h + 4, "\xfeSMB", 4) == 0 || memcmp(h + 4, "\xffSMB", 4) == 0);
}

/* MS-RDPBCGR 2.2.1.1: TPKT, and a connection request of X.224 that fills it. */
static bool is_rdp(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 11 && h[0] == 3 && !h[1] &&
	       tw_load_be16(h + 2) == p->payload_bytes && h[4] == p->payload_bytes - 5 &&
	       h[5] == 0xe0;
}

/* One whole request, of the two that a client begins with. */
static bool is_kafka(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 14 && tw_load_be32(h) == p->payload_bytes - 4 &&
	       (tw_load_be16(h + 4) == KAFKA_VERSIONS || tw_load_be16(h + 4) == KAFKA_METADATA) &&
	       tw_load_be16(h + 6) <= KAFKA_VERSION_MAX &&
	       tw_load_be16(h + 12) <= p->payload_bytes - 14;
}

/* ConnectRequest: 44 bytes, or 45 with readOnly; protocol version 0. */
static bool is_zookeeper(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 8 && tw_load_be32(h) == p->payload_bytes - 4 &&
	       (p->payload_bytes == 48 || p->payload_bytes == 49) && !tw_load_be32(h + 4);
}

enum tw_request tw_opening_of(const struct tw_pkt *p)
{
	static const struct {
		enum tw_request kind;
		bool (*is)(const struct tw_pkt *p);
	} openings[] = {
		{ TW_REQUEST_CLIENT_HELLO, is_client_hello },
		{ TW_REQUEST_OPENS_SSH, is_ssh },
		{ TW_REQUEST_OPENS_POSTGRESQL, is_postgresql },
		{ TW_REQUEST_OPENS_MQTT, is_mqtt },
		{ TW_REQUEST_OPENS_AMQP, is_amqp },
		{ TW_REQUEST_OPENS_TDS, is_tds },
		{ TW_REQUEST_OPENS_LDAP, is_ldap },
		{ TW_REQUEST_OPENS_SMB, is_smb },
		{ TW_REQUEST_OPENS_RDP, is_rdp },
		{ TW_REQUEST_OPENS_KAFKA, is_kafka },
		{ TW_REQUEST_OPENS_ZOOKEEPER, is_zookeeper },
		{ TW_REQUEST_OPENS_TNS, is_tns },
	};
	size_t i;

	for (i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		if (openings[i].is(p))
			return openings[i].kind;
	return TW_REQUEST_NONE;
}
