/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The head of an answer of HTTP/1, as far as it tells how long the answer is (RFC 9112 s4, s5, s6.3).
 *
 *	HTTP/1.1 200 OK\r\n
 *	Content-Length: 1000\r\n		or	Transfer-Encoding: chunked\r\n
 *	\r\n
 *	1000 bytes					chunks, the last one empty: 0\r\n\r\n
 *
 * Whoever closes before that has left its answer unfinished. Of nothing else in HTTP is any notice taken.
 *
 * Limits: a head that does not lie in its segment whole tells nothing.
 */
#include "packet/http.h"

#include <string.h>

#define LENGTH_DIGITS 15 /* more is no length, but a trap for arithmetic */

/* What one head says. */
struct head {
	uint32_t bytes; /* with its empty line; 0: it is not whole */
	unsigned status;
	bool chunked, coded, contradicts, has_length;
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

static struct head head_of(const uint8_t *p, uint32_t bytes)
{
	struct head h = { 0 };
	const uint8_t *const end = p + bytes;
	const uint8_t *line = p, *cr;
	unsigned i;

	if (bytes < TW_HTTP_ANSWER_BYTES || p[8] != ' ')
		return h;
	for (i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return h;
		h.status = h.status * 10 + p[i] - '0';
	}
	for (;;) {
		cr = memchr(line, '\r', (size_t)(end - line));
		if (!cr || end - cr < 2 || cr[1] != '\n')
			return h;
		if (cr == line)
			break;
		take_field(&h, line, cr);
		line = cr + 2;
	}
	h.bytes = (uint32_t)(cr + 2 - p);
	return h;
}

static enum tw_body body_of(const struct head *h)
{
	if (!h->bytes || h->status == 101)
		return TW_BODY_UNKNOWN; /* another protocol begins behind a 101 */
	if (h->status < 200 || h->status == 204 || h->status == 304)
		return TW_BODY_NONE;
	if (h->coded)
		return h->chunked ? TW_BODY_CHUNKED : TW_BODY_UNKNOWN;
	return h->has_length && !h->contradicts ? TW_BODY_LENGTH : TW_BODY_UNKNOWN;
}

bool tw_http_answer(const uint8_t *p, uint32_t bytes, struct tw_http_answer *out)
{
	uint64_t at = 0;

	if (bytes < TW_HTTP_ANSWER_BYTES || !tw_http_begins(p))
		return false;
	do { /* a 100, and what it announces; answers to requests that were sent together */
		const struct head h = head_of(p + at, bytes - (uint32_t)at);

		out->body = body_of(&h);
		out->begins = (uint32_t)at;
		out->body_from = (uint32_t)at + h.bytes;
		out->ends = out->body_from + (out->body == TW_BODY_LENGTH ? h.length : 0);
		at = out->ends;
	} while ((out->body == TW_BODY_LENGTH || out->body == TW_BODY_NONE) &&
		 at + TW_HTTP_ANSWER_BYTES <= bytes && tw_http_begins(p + at));
	return true;
}

bool tw_http_goes_on(const struct tw_http_answer *a, const uint8_t *p, uint32_t captured,
		     uint32_t wire)
{
	if (a->body == TW_BODY_LENGTH)
		return a->ends > wire;
	/* a head alone ends blank, too */
	return a->body == TW_BODY_CHUNKED &&
	       !(captured == wire && wire > a->body_from && tw_http_ends_blank(p, captured));
}
