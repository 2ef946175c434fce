/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small recursive parser for the filter of `live`. It emits operations for a stack machine (record.h),
 * which the programs run once per record, that is per failure, never per packet.
 *
 *	or   := and { "or" and }
 *	and  := unit { "and" unit }
 *	unit := "not" unit | "(" or ")" | primitive
 *
 * src and dst have no meaning for a connection and are refused. A name is not looked up: that would hang
 * exactly when the network is in trouble.
 */
#include "kernel/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX  64
#define DEPTH_MAX 16

struct parser {
	const char *at;
	char word[WORD_MAX]; /* the one that comes next, "" at the end */
	struct tw_live_filter *out;
	unsigned count, depth;
	struct tw_err *err;
};

static int fail(struct parser *p, const char *what)
{
	return tw_err_set(p->err, -EINVAL, "filter: %s%s%s%s", what, p->word[0] ? ": '" : "",
			  p->word, p->word[0] ? "'" : "");
}

static int next(struct parser *p)
{
	size_t n = 0;

	p->at += strspn(p->at, " \t\n");
	if (*p->at == '(' || *p->at == ')' || *p->at == '!')
		n = 1;
	else if (strncmp(p->at, "&&", 2) == 0 || strncmp(p->at, "||", 2) == 0)
		n = 2;
	else
		n = strcspn(p->at, " \t\n()!&|");
	if (n >= WORD_MAX) {
		p->word[0] = '\0';
		return fail(p, "a word is too long");
	}
	memcpy(p->word, p->at, n);
	p->word[n] = '\0';
	p->at += n;
	return n == 0 && *p->at ? fail(p, "a single & or | means nothing; write and, or") : 0;
}

static bool is(const struct parser *p, const char *word, const char *sign)
{
	return strcmp(p->word, word) == 0 || (sign && strcmp(p->word, sign) == 0);
}

static int emit(struct parser *p, const struct tw_filter_op *op)
{
	/* The last place stays TW_FOP_END. */
	if (p->count >= TW_FILTER_OPS - 1)
		return tw_err_set(p->err, -EINVAL, "filter: it is too long (more than %d parts)",
				  TW_FILTER_OPS - 1);
	p->out->op[p->count++] = *op;
	return 0;
}

static int emit_code(struct parser *p, enum tw_filter_code code)
{
	const struct tw_filter_op op = { .code = (uint8_t)code };

	return emit(p, &op);
}

static bool number(const char **text, unsigned long max, unsigned long *out)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*out = strtoul(*text, &end, 10);
	*text = end;
	return !errno && *out <= max;
}

static int port(struct parser *p, bool range)
{
	struct tw_filter_op op = { .code = TW_FOP_PORT };
	const char *text = p->word;
	unsigned long low, high;

	if (!number(&text, 65535, &low))
		return fail(p, "a port is a number up to 65535");
	high = low;
	if (range && (*text++ != '-' || !number(&text, 65535, &high) || high < low))
		return fail(p, "a range of ports is two numbers, as 8000-8999");
	if (*text)
		return fail(p, "a port is a number up to 65535");
	op.low = (uint16_t)low;
	op.high = (uint16_t)high;
	return emit(p, &op) ? -EINVAL : next(p);
}

static void set_mask(struct tw_filter_op *op, unsigned bits)
{
	unsigned i;

	op->bits = (uint8_t)bits;
	for (i = 0; i < bits; i++)
		op->mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	for (i = 0; i < 16; i++)
		op->addr[i] &= op->mask[i];
}

static int net(struct parser *p, bool with_length)
{
	struct tw_filter_op op = { .code = TW_FOP_NET };
	unsigned long bits, most = 128;
	char text[WORD_MAX];
	char *slash;
	const char *length;

	memcpy(text, p->word, sizeof(text));
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, op.addr + 12) == 1) {
		op.addr[10] = op.addr[11] = 0xff;
		most = 32;
	} else if (inet_pton(AF_INET6, text, op.addr) != 1) {
		return fail(
			p,
			"an address is needed, as 192.0.2.1 or 2001:db8::1 (names are not looked "
			"up)");
	}
	bits = most;
	length = slash ? slash + 1 : "";
	if ((slash != NULL) != with_length || (slash && (!number(&length, most, &bits) || *length)))
		return fail(p, with_length ? "a net is written ADDRESS/LENGTH"
					   : "a host has no length; write net");
	set_mask(&op, (unsigned)(bits + 128 - most));
	return emit(p, &op) ? -EINVAL : next(p);
}

/* ip, ip6: the addresses begin, or do not begin, with ::ffff:0:0/96. */
static int family(struct parser *p, bool v6)
{
	struct tw_filter_op op = { .code = TW_FOP_NET };

	op.addr[10] = op.addr[11] = 0xff;
	set_mask(&op, 96);
	if (emit(p, &op) || (v6 && emit_code(p, TW_FOP_NOT)))
		return -EINVAL;
	return next(p);
}

static int primitive(struct parser *p)
{
	if (is(p, "port", NULL))
		return next(p) ? -EINVAL : port(p, false);
	if (is(p, "portrange", NULL))
		return next(p) ? -EINVAL : port(p, true);
	if (is(p, "host", NULL))
		return next(p) ? -EINVAL : net(p, false);
	if (is(p, "net", NULL))
		return next(p) ? -EINVAL : net(p, true);
	if (is(p, "ip", NULL) || is(p, "ip6", NULL))
		return family(p, p->word[2] == '6');
	if (is(p, "src", NULL) || is(p, "dst", NULL))
		return fail(p, "a connection has both directions; leave this word out");
	if (!p->word[0])
		return fail(p, "it ends too early");
	return fail(p, "live knows host, net, port, portrange, ip, ip6, and, or, not; not this");
}

/* Everything here is TCP: alone it is true, and `tcp port 80` is how fingers write `port 80`. */
static int tcp(struct parser *p)
{
	const struct tw_filter_op any = { .code = TW_FOP_NET };
	int r = next(p);

	if (r)
		return r;
	if (is(p, "port", NULL) || is(p, "portrange", NULL))
		return primitive(p);
	return emit(p, &any);
}

static int either(struct parser *p);

static int unit(struct parser *p)
{
	int r;

	if (++p->depth > DEPTH_MAX)
		return tw_err_set(p->err, -EINVAL, "filter: it is nested too deeply");
	if (is(p, "tcp", NULL)) {
		r = tcp(p);
	} else if (is(p, "not", "!")) {
		r = next(p);
		if (!r)
			r = unit(p);
		if (!r)
			r = emit_code(p, TW_FOP_NOT);
	} else if (is(p, "(", NULL)) {
		r = next(p);
		if (!r)
			r = either(p);
		if (!r)
			r = is(p, ")", NULL) ? next(p) : fail(p, "a ) is missing");
	} else {
		r = primitive(p);
	}
	p->depth--;
	return r;
}

static int both(struct parser *p)
{
	int r = unit(p);

	while (!r && is(p, "and", "&&")) {
		r = next(p);
		if (!r)
			r = unit(p);
		if (!r)
			r = emit_code(p, TW_FOP_AND);
	}
	return r;
}

static int either(struct parser *p)
{
	int r = both(p);

	while (!r && is(p, "or", "||")) {
		r = next(p);
		if (!r)
			r = both(p);
		if (!r)
			r = emit_code(p, TW_FOP_OR);
	}
	return r;
}

int tw_live_filter_compile(struct tw_live_filter *f, const char *text, struct tw_err *err)
{
	struct parser p = { .at = text, .out = f, .err = err };
	int r;

	*f = (struct tw_live_filter){ 0 };
	r = next(&p);
	if (!r && p.word[0])
		r = either(&p);
	if (!r && p.word[0])
		r = fail(&p, "what does this belong to (and, or)?");
	if (r)
		*f = (struct tw_live_filter){ 0 };
	return r;
}
