/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remedies are written for the book: "run `ss -ltn 'sport = :PORT'`". In a report the case is known, and a command
 * that can be copied as it stands is worth more than one that has to be filled in.
 *
 * Only what stands between backticks is a command. A name without a value (a socket that is not bound, a process that
 * nobody knows) stays a name: so it can be seen that something has to be filled in.
 */
#include "report/remedy.h"

#include "packet/tuple.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 8

/* The address of an end, in brackets if a port follows. False: it has none. */
static bool put_address(char *out, const struct tw_finding *f, enum tw_side side, bool port_follows)
{
	static const struct tw_addr none;
	static const struct tw_addr none_v4 = { .b = { [10] = 0xff, [11] = 0xff } };
	const struct tw_addr *a = &f->addr[side];
	char text[TW_ENDPOINT_TEXT];

	if (tw_addr_equal(a, &none) || tw_addr_equal(a, &none_v4))
		return false;
	tw_addr_text(text, a);
	snprintf(out, TW_ENDPOINT_TEXT, port_follows && !tw_addr_is_v4(a) ? "[%s]" : "%s", text);
	return true;
}

/* The value of a name of @n bytes in this case; @next: what stands behind it. False: it is no name, or has none. */
static bool value_of(char *out, const struct tw_finding *f, const char *name, size_t n, char next)
{
	const unsigned port = f->port[TW_SERVER];
	char word[NAME_MAX_BYTES] = "";

	if (n >= sizeof(word))
		return false;
	memcpy(word, name, n);
	if (!strcmp(word, "PORT")) {
		snprintf(out, TW_ENDPOINT_TEXT, "%u", port);
		return port != 0;
	}
	if (!strcmp(word, "CLIENT"))
		return put_address(out, f, TW_CLIENT, next == ':');
	if (!strcmp(word, "SERVER"))
		return put_address(out, f, TW_SERVER, next == ':');
	if (!strcmp(word, "PEER") && f->match.peer_known)
		return put_address(out, f, f->match.peer, next == ':');
	return false;
}

/* Bytes of the word at @p, 0 if there is none. */
static size_t word_at(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

const char *tw_remedy_of(char *out, const struct tw_finding *f, const char *text)
{
	bool command = false, filled = false;
	const char *p = text;
	size_t at = 0, n, bytes;

	for (; *p; p += n) {
		char value[TW_ENDPOINT_TEXT] = "";
		const char *piece = p;

		n = word_at(p);
		if (n && command && value_of(value, f, p, n, p[n])) {
			piece = value;
			filled = true;
		} else if (!n) {
			command ^= *p == '`';
			n = 1;
		}
		bytes = piece == p ? n : strlen(value);
		if (at + bytes >= TW_REMEDY_TEXT)
			return text;
		memcpy(out + at, piece, bytes);
		at += bytes;
	}
	out[at] = '\0';
	return filled ? out : text;
}

const char *tw_remedy_at(const struct tw_finding *f, unsigned i)
{
	const char *const *list = f->phenomenon ? f->phenomenon->remedies : NULL;
	const unsigned first = f->match.remedy;
	unsigned n = 0;

	while (list && list[n])
		n++;
	if (i >= n || first >= n)
		return i < n ? list[i] : NULL;
	if (i == 0)
		return list[first];
	return list[i <= first ? i - 1 : i];
}

/* Where it is not known how far the connection had come, all of them do. */
static bool governs(const struct tw_facts *f, const struct tw_governed *g)
{
	if (g->when == TW_GOVERNS_ALL || !tw_known(f, TW_F_ESTABLISHED))
		return true;
	return tw_get(f, TW_F_ESTABLISHED) == (g->when == TW_GOVERNS_ESTABLISHED);
}

const struct tw_governed *tw_governed_at(const struct tw_finding *f, unsigned i)
{
	const struct tw_governed *g = f->phenomenon ? f->phenomenon->governed : NULL;

	for (; g && g->name; g++)
		if (governs(&f->facts, g) && !i--)
			return g;
	return NULL;
}
