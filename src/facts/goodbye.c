/* SPDX-License-Identifier: BSD-2-Clause */
/* Farewells: what protocols say when they want nothing more, and what is said to who has closed. */
#include "facts/goodbye.h"
#include "timers/constants.h"

#include <string.h>

#define ALERT_BYTES_MAX    69 /* with the longest MAC and padding of TLS 1.2's block ciphers */
#define GOODBYE_NS         (20 * TW_NS_PER_MS)
#define FAREWELL_BYTES     8 /* QUIT, Terminate of PostgreSQL, COM_QUIT, DISCONNECT of MQTT */
#define GREETING_BYTES     1460
#define ALERT_BYTES_JSSE   40 /* Java pads those of TLS 1.3 by 16 bytes */
#define FINISHED_BYTES     80 /* with the longest hash; more is a request right behind it */
#define FINISHED_SHA256    53 /* of TLS 1.3, a record: 4 and the hash, its type, and a tag of 16 */
#define FINISHED_SHA384    69
#define ALERT_BYTES        31  /* 7 in clear, 24 in TLS 1.3, 31 in TLS 1.2 */
#define KEY_EXCHANGE_BYTES 400 /* with RSA of 2048 bits, ChangeCipherSpec and Finished behind it */

bool tw_is_close_notify(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;
	uint32_t record, behind;

	if (p->payload_cut && p->payload_head_bytes < 2)
		return p->payload_bytes == 24 || p->payload_bytes == 31;
	if (p->payload_cut && p->payload_head_bytes >= 2 && p->payload_head_bytes < 5 && h[1] == 3)
		return (h[0] == 21 && p->payload_bytes <= ALERT_BYTES_MAX) ||
		       (h[0] == 23 && p->payload_bytes == 24);
	if (p->payload_head_bytes < 5 || h[0] < 20 || h[0] > 23 || h[1] != 3)
		return false;
	record = 5u + (h[3] << 8 | h[4]);
	if (p->payload_bytes == record)
		return h[0] == 21 || (h[0] == 23 && (record == 24 || record == ALERT_BYTES_JSSE));
	behind = p->payload_bytes > record ? p->payload_bytes - record : 0;
	return h[0] == 23 && (behind == 24 || behind == 31);
}

/*
 * Frames of HTTP/2 that keep a connection going, each in a record of its own, and the two that often come together: 9 bytes
 * (acknowledged SETTINGS), 13 (WINDOW_UPDATE), 17 (PING), 13 and 17 (RFC 9113 s6). TLS 1.3 adds 22, 1.2 with GCM 29.
 */
bool tw_is_http2_control(const struct tw_pkt *p)
{
	const uint32_t bytes = tw_tls_record_bytes(p);
	const uint32_t frames[] = { 9, 13, 17, 30 };
	unsigned i;

	for (i = 0; bytes == p->payload_bytes && i < sizeof(frames) / sizeof(frames[0]); i++)
		if (bytes == frames[i] + 22 || bytes == frames[i] + 29)
			return true;
	return false;
}

/*
 * Farewells that are no fixed word. LDAP: UnbindRequest (RFC 4511 s4.3: SEQUENCE of a message's number and [APPLICATION 2]
 * NULL). HTTP/2: GOAWAY (RFC 9113 s6.8), with its reason. WebSocket: Close (RFC 6455
 * s5.5.1), masked or not. MQTT: DISCONNECT with a reason (5.0 s3.14).
 */
static bool is_framed_farewell(const uint8_t *h, uint32_t bytes)
{
	if (bytes >= 7 && bytes <= 10 && h[0] == 0x30 && h[1] == bytes - 2 && h[2] == 2 &&
	    h[3] == bytes - 6)
		return h[bytes - 2] == 0x42 && !h[bytes - 1];
	if (bytes >= 17 && !h[0] && h[3] == 7 && !h[4] && !h[5] && !h[6] && !h[7] && !h[8])
		return bytes == 9u + (h[1] << 8 | h[2]);
	if (bytes >= 2 && h[0] == 0x88)
		return bytes == 2u + (h[1] & 0x7f) + (h[1] & 0x80 ? 4 : 0);
	return bytes >= 2 && bytes <= 127 && h[0] == 0xe0 && h[1] == bytes - 2;
}

/* How protocols say that they want nothing more. Whoever says it may wait for the other end's close, and gets it. */
static bool is_word_of_farewell(const struct tw_pkt *p)
{
	static const struct {
		const char *word;
		uint8_t bytes;
	} farewells[] = {
		{ "QUIT\r\n", 6 },                  /* SMTP, FTP, POP3, NNTP, memcached ... */
		{ "quit\r\n", 6 },                  /* the same, by some clients */
		{ "*1\r\n$4\r\nQUIT\r\n", 14 },     /* Redis */
		{ "*1\r\n$4\r\nquit\r\n", 14 },     /* ... */
		{ "X\0\0\0\4", 5 },                 /* PostgreSQL: Terminate */
		{ "\1\0\0\0\1", 5 },                /* MySQL: COM_QUIT */
		{ "\0\x0a\0\0\6\0\0\0\0\x40", 10 }, /* Oracle: data with end of file */
	};
	size_t i;

	for (i = 0; i < sizeof(farewells) / sizeof(farewells[0]); i++)
		if (p->payload_bytes == farewells[i].bytes &&
		    p->payload_head_bytes >= p->payload_bytes &&
		    memcmp(p->payload_head, farewells[i].word, p->payload_bytes) == 0)
			return true;
	return p->payload_head_bytes >= (p->payload_bytes < 10 ? p->payload_bytes : 10) &&
	       is_framed_farewell(p->payload_head, p->payload_bytes);
}

bool tw_is_farewell(const struct tw_pkt *p)
{
	return tw_is_close_notify(p) || is_word_of_farewell(p);
}

bool tw_mid_transfer(const struct tw_dossier *d, size_t before, int side)
{
	uint32_t size = 0;
	unsigned same = 0;
	size_t i;

	for (i = before; i > 0 && same < 4; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (!tw_counts(p) || !p->payload_bytes)
			continue;
		/* equal answers to one request each (keep-alive) are no long one */
		if (p->side != side || p->payload_bytes < 1000 ||
		    (size && p->payload_bytes != size))
			return false;
		size = p->payload_bytes;
		same++;
	}
	return same == 4;
}

const struct tw_pkt *tw_last_words(const struct tw_dossier *d, int side, size_t before)
{
	size_t i;

	for (i = before; i > 0; i--)
		if (d->pkt[i - 1].side == side && d->pkt[i - 1].payload_bytes &&
		    tw_counts(&d->pkt[i - 1]))
			return &d->pkt[i - 1];
	return NULL;
}

bool tw_is_refusal(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 7 && h[0] == 21 && h[1] == 3 && !h[3] && h[4] == 2 &&
	       h[5] == 2 && h[6];
}

/* Says it nothing that is missed? A client of HTTP/2 that goes by a reset may be about to acknowledge SETTINGS. */
static bool is_idle_word(const struct tw_dossier *d, const struct tw_pkt *p)
{
	return tw_is_farewell(p) ||
	       (p->side == TW_CLIENT && d->offers_http & TW_OFFERS_HTTP2 && tw_is_http2_control(p));
}

uint32_t tw_goodbye_bytes(const struct tw_dossier *d, int side, size_t before, long *said)
{
	const struct tw_pkt *words = tw_last_words(d, side, before);
	uint32_t bytes = 0;
	size_t i;

	*said = -1;
	for (i = words ? before : 0; i > 0 && *said < 0; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (!tw_counts(p) || !p->payload_bytes || p->flags & TW_RST)
			continue;
		if (p->side == side && !tw_is_refusal(p) && is_idle_word(d, p))
			bytes += p->marks & TW_MARKS_REPEAT ? 0 : p->payload_bytes;
		else if (p->side == side)
			*said = (long)i - 1;
		else if (!bytes && !tw_is_farewell(p) && tw_seq_ge(p->ack, tw_pkt_end(words)))
			break; /* else the two crossed, or it is the other end's farewell */
	}
	return bytes;
}

/* Application data of TLS: type 23 (RFC 8446 s5.1). */
static bool is_tls_data(const struct tw_pkt *p)
{
	return p->payload_head_bytes >= 2 && p->payload_head[0] == 23 && p->payload_head[1] == 3;
}

uint32_t tw_tls_record_bytes(const struct tw_pkt *p)
{
	return !is_tls_data(p) || p->payload_head_bytes < 5
		       ? 0
		       : 5u + (p->payload_head[3] << 8 | p->payload_head[4]);
}

bool tw_tls_changes_cipher(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;

	return p->payload_head_bytes >= 6 && h[1] == 3 &&
	       (h[0] == 20 || (h[0] == 22 && h[5] == 16));
}

bool tw_asks(const struct tw_pkt *p)
{
	return tw_request_of(p, true) || tw_tls_record_bytes(p) > TW_LONGEST_FAREWELL;
}

uint32_t tw_tls_finished_bytes(const struct tw_pkt *p)
{
	const uint8_t *h = p->payload_head;
	uint32_t record, bytes;

	if (p->payload_head_bytes < 11 || h[1] != 3)
		return 0;
	if (h[0] == 22)
		return h[5] == 16 && p->payload_bytes <= KEY_EXCHANGE_BYTES ? p->payload_bytes : 0;
	record = (uint32_t)h[9] << 8 | h[10];
	bytes = 11 + record;
	if (h[0] != 20 || h[4] != 1 || p->payload_bytes < bytes ||
	    !(h[6] == 22 ? bytes <= FINISHED_BYTES
			 : h[6] == 23 && (record == FINISHED_SHA256 || record == FINISHED_SHA384)))
		return 0;
	return bytes;
}

bool tw_tls_asks_behind_finished(const struct tw_pkt *p)
{
	const uint32_t bytes = tw_tls_finished_bytes(p);

	return bytes && p->payload_bytes - bytes > TW_LONGEST_FAREWELL;
}

static bool finishes(const struct tw_pkt *p)
{
	return tw_tls_finished_bytes(p) && tw_tls_finished_bytes(p) == p->payload_bytes;
}

/* The server's alert, or its close, behind the client's last words: it is that which was refused, or both gave up. */
static bool refuses_in_turn(const struct tw_dossier *d, const struct tw_pkt *said, size_t rst)
{
	const struct tw_pkt *p;

	for (p = said + 1; p < &d->pkt[rst]; p++)
		if (tw_counts(p) && p->side == TW_SERVER &&
		    (p->flags & TW_FIN || (p->payload_bytes && p->payload_bytes <= ALERT_BYTES)))
			return true;
	return false;
}

bool tw_only_shook_hands(const struct tw_dossier *d, size_t rst)
{
	const struct tw_pkt *said = tw_last_words(d, TW_CLIENT, rst), *hello = NULL, *p;
	unsigned words = 0;

	for (p = d->pkt; p < &d->pkt[rst]; p++)
		if (tw_counts(p) && p->side == TW_CLIENT && p->payload_bytes &&
		    !(p->marks & TW_MARKS_REPEAT)) {
			hello = hello ? hello : p;
			words++;
		}
	return d->pkt[rst].side == TW_CLIENT && words == 2 && said != hello &&
	       tw_request_of(hello, false) == TW_REQUEST_CLIENT_HELLO && finishes(said) &&
	       !refuses_in_turn(d, said, rst) && d->pkt[rst].time_ns - said->time_ns < GOODBYE_NS;
}

bool tw_took_leave(const struct tw_dossier *d, int side)
{
	const struct tw_pkt *fin = NULL, *said, *before;
	size_t i;

	for (i = 0; i < d->pkt_count && !fin; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].side == side && d->pkt[i].flags & TW_FIN)
			fin = &d->pkt[i];
	said = fin ? tw_last_words(d, side, (size_t)(fin - d->pkt) + 1) : NULL;
	if (!said)
		return false;
	before = tw_last_words(d, !side, (size_t)(said - d->pkt));
	return tw_is_farewell(said) ||
	       (before && fin->time_ns - said->time_ns < GOODBYE_NS && !tw_asks(said) &&
		said->payload_bytes <= (is_tls_data(said) ? TW_GOODBYE_BYTES : FAREWELL_BYTES));
}

/* Has the client, before record @before, done no more than its part of a handshake of TLS? What the server says then are tickets. */
static bool has_only_met(const struct tw_dossier *d, size_t before)
{
	size_t i;

	for (i = before; i > 0; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (p->side == TW_CLIENT && tw_counts(p) && p->payload_bytes && !tw_is_farewell(p))
			return finishes(p);
	}
	return false;
}

uint32_t tw_small_talk(const struct tw_dossier *d, int side, size_t author_fin)
{
	const struct tw_pkt *asked = tw_last_words(d, !side, author_fin + 1),
			    *answered = tw_last_words(d, side, author_fin);

	if (side != TW_SERVER || tw_mid_transfer(d, author_fin, side))
		return 0;
	if (!asked || has_only_met(d, author_fin))
		return GREETING_BYTES;
	return answered > asked || tw_took_leave(d, !side) ? TW_GOODBYE_BYTES : 0;
}

bool tw_only_goodbye(const struct tw_dossier *d, int side, long author_fin)
{
	uint32_t bytes = 0;
	int64_t said_ns = 0;
	bool goodbyes = true, fin = false, asks = false, control = d->offers_http & TW_OFFERS_HTTP2;
	const uint32_t heard = author_fin < 0 ? 0 : d->pkt[author_fin].ack;
	size_t i;

	for (i = author_fin < 0 ? d->pkt_count : 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->side != side || p->flags & TW_RST ||
		    p->marks & TW_MARKS_REPEAT ||
		    ((long)i < author_fin && tw_seq_le(p->seq + p->payload_bytes, heard)))
			continue;
		if (p->payload_bytes) {
			bytes += p->payload_bytes;
			said_ns = p->time_ns;
			goodbyes &= tw_is_farewell(p);
			control &= tw_is_farewell(p) || tw_is_http2_control(p);
			asks |= side == TW_CLIENT && tw_asks(p);
		}
		fin |= bytes && p->flags & TW_FIN && p->time_ns - said_ns < GOODBYE_NS;
	}
	return bytes && !asks &&
	       (control || (goodbyes && bytes <= 2 * TW_GOODBYE_BYTES) ||
		(fin && bytes <= TW_GOODBYE_BYTES) ||
		bytes <= tw_small_talk(d, side, (size_t)author_fin));
}
