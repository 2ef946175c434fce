/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The head of a message of HTTP/1, as far as it tells how long the message is (RFC 9112 s3, s4, s5, s6.3).
 *
 *	HTTP/1.1 200 OK\r\n		or	POST /file HTTP/1.1\r\n
 *	Content-Length: 1000\r\n		or	Transfer-Encoding: chunked\r\n
 *	\r\n
 *	1000 bytes					chunks, the last one empty: 0\r\n\r\n
 *
 * Whoever closes before that has left its message unfinished. Of nothing else in HTTP is any notice taken.
 *
 * Limits: a head that does not lie in its segment whole tells nothing, but that an answer's is to go on if it stops within a line.
 */
#include "packet/http.h"

#include <string.h>

#define LENGTH_DIGITS 15 /* more is no length, but a trap for arithmetic */

/* What one head says. */
struct head {
	uint32_t bytes; /* with its empty line; 0: it is not whole */
	unsigned status;
	bool chunked, coded, contradicts, has_length;
	bool stops; /* within a line, which is not the first */
	uint64_t length;
};

/* Is the line a field of that @name, which ends in a colon? In any case of letters. */
static bool is_field(const uint8_t *line, const uint8_t *end, const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++) {
		if (line + i == end)
			return false;
		if ((line[i] >= 'A' && line[i] <= 'Z' ? line[i] + 'a' - 'A' : line[i]) !=
		    (unsigned char)name[i])
			return false;
	}
	return true;
}

/* A length, or several that are equal (a list, or repeated fields) as RFC 9112 s6.3 allows. */
static void take_length(struct head *h, const uint8_t *p, const uint8_t *end)
{
	uint64_t value = 0;
	unsigned digits = 0;

	for (; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	for (; p < end && *p >= '0' && *p <= '9' && digits < LENGTH_DIGITS; p++, digits++)
		value = value * 10 + (uint64_t)(*p - '0');
	for (; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	if (!digits || p != end || (h->has_length && value != h->length))
		h->contradicts = true;
	h->has_length = true;
	h->length = value;
}

static void take_coding(struct head *h, const uint8_t *p, const uint8_t *end)
{
	static const char chunked[] = "chunked";
	const size_t bytes = sizeof(chunked) - 1;

	for (; end > p && (end[-1] == ' ' || end[-1] == '\t'); end--)
		;
	h->coded = true;
	h->chunked = (size_t)(end - p) >= bytes && is_field(end - bytes, end, chunked);
}

static void take_field(struct head *h, const uint8_t *line, const uint8_t *end)
{
	static const char length[] = "content-length:", coding[] = "transfer-encoding:";

	if (is_field(line, end, length))
		take_length(h, line + sizeof(length) - 1, end);
	else if (is_field(line, end, coding))
		take_coding(h, line + sizeof(coding) - 1, end);
}

static struct head head_of(const uint8_t *p, uint32_t bytes, bool request)
{
	struct head h = { 0 };
	const uint8_t *const end = p + bytes;
	const uint8_t *line = p, *cr;
	unsigned i;

	if (bytes < TW_HTTP_HEAD_BYTES || (!request && p[8] != ' '))
		return h;
	for (i = 9; i < 12 && !request; i++) {
		if (p[i] < '0' || p[i] > '9')
			return h;
		h.status = h.status * 10 + p[i] - '0';
	}
	for (;;) {
		cr = memchr(line, '\r', (size_t)(end - line));
		if (!cr || end - cr < 2 || cr[1] != '\n') {
			/* some write lines without CR, or the first one alone */
			h.stops =
				line > p && line < end && !memchr(line, '\n', (size_t)(end - line));
			return h;
		}
		if (cr == line)
			break;
		take_field(&h, line, cr);
		line = cr + 2;
	}
	h.bytes = (uint32_t)(cr + 2 - p);
	return h;
}

static enum tw_body body_of(const struct head *h, bool request)
{
	if (h->stops && !request)
		return TW_BODY_HEAD;
	if (!h->bytes || h->status == 101)
		return TW_BODY_UNKNOWN; /* another protocol begins behind a 101 */
	if (!request && h->status < 200)
		return TW_BODY_INTERIM;
	if (!request && (h->status == 204 || h->status == 304))
		return TW_BODY_NONE;
	if (h->coded)
		return h->chunked ? TW_BODY_CHUNKED : TW_BODY_UNKNOWN;
	if (!h->has_length && request)
		return TW_BODY_NONE;
	return h->has_length && !h->contradicts ? TW_BODY_LENGTH : TW_BODY_UNKNOWN;
}

/* A status line, or a request line with a method that brings a body. @p: TW_HTTP_HEAD_BYTES at least. */
static bool begins(const uint8_t *p, bool *request)
{
	const uint64_t word = tw_load_be64(p);

	*request = word >> 24 == UINT64_C(0x504f535420) /* "POST " */ ||
		   word >> 32 == UINT64_C(0x50555420) /* "PUT " */ ||
		   word >> 16 == UINT64_C(0x504154434820);          /* "PATCH " */
	return *request || word >> 8 == UINT64_C(0x485454502f312e); /* "HTTP/1." */
}

bool tw_http_message(const uint8_t *p, uint32_t bytes, uint32_t wire, struct tw_http_message *out)
{
	uint64_t at = 0;
	bool request;

	if (bytes < TW_HTTP_HEAD_BYTES || !begins(p, &request))
		return false;
	do { /* a 100, and what it announces; messages that were sent together */
		const struct head h = head_of(p + at, bytes - (uint32_t)at, request);

		out->request = request;
		out->body = body_of(&h, request);
		out->begins = (uint32_t)at;
		out->body_from = (uint32_t)at + h.bytes;
		out->ends = out->body_from + (out->body == TW_BODY_LENGTH ? h.length : 0);
		if (out->body == TW_BODY_HEAD) {
			out->ends = (uint64_t)wire + 1;
			if (bytes < wire)
				out->body = TW_BODY_UNKNOWN;
		}
		at = out->ends;
	} while (out->body != TW_BODY_UNKNOWN && out->body != TW_BODY_CHUNKED &&
		 at + TW_HTTP_HEAD_BYTES <= bytes && begins(p + at, &request));
	return true;
}

bool tw_http_asks_no_body(const uint8_t *p, uint32_t bytes)
{
	static const char behind[] = "\r\n\r\nHEAD ";

	if (bytes < TW_HTTP_HEAD_BYTES)
		return false;
	switch (tw_load_be32(p)) {
	case 0x48454144: /* "HEAD" */
	case 0x434f4e4e: /* "CONN" */
		return true;
	case 0x47455420: /* "GET " */
	case 0x504f5354: /* "POST" */
	case 0x4f505449: /* "OPTI" */
		return memmem(p, bytes, behind, sizeof(behind) - 1);
	default:
		return false;
	}
}

bool tw_http_goes_on(const struct tw_http_message *m, const uint8_t *p, uint32_t captured,
		     uint32_t wire)
{
	if (tw_body_has_end(m->body))
		return m->ends > wire;
	/* a head alone ends blank, too */
	return m->body == TW_BODY_CHUNKED &&
	       !(captured == wire && wire > m->body_from && tw_http_ends_blank(p, captured));
}
