/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns: what checks say their findings with, and the questions that several of them ask of a host. */
#include "audit/check.h"
#include "packet/tuple.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S       86400
#define MUCH_SOONER 2   /* times */
#define A_FEW       100 /* one in so many */
#define SHOWN       3   /* processes that a sentence names */

void tw_concern_raise(struct tw_concern *c, enum tw_severity severity, const char *fmt, ...)
{
	va_list ap;

	c->severity = severity;
	va_start(ap, fmt);
	c->found = tw_arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
}

void tw_concern_risk(struct tw_concern *c, int64_t predicted_ns, const char *fmt, ...)
{
	va_list ap;

	c->predicted_ns = predicted_ns;
	va_start(ap, fmt);
	c->risk = tw_arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
}

void tw_concern_set(struct tw_concern *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->set = tw_arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
}

const char *tw_count_of(struct tw_concern *c, uint64_t n, const char *one, const char *many)
{
	return tw_arena_printf(c->arena, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

static struct tw_concern_item *item_of(struct tw_concern *c, const char *who)
{
	unsigned i;

	for (i = 0; i < c->items; i++)
		if (strcmp(c->item[i].who, who) == 0)
			return &c->item[i];
	if (c->items == TW_CONCERN_ITEMS)
		return NULL;
	c->item[c->items] = (struct tw_concern_item){ .who = tw_arena_printf(c->arena, "%s", who) };
	return &c->item[c->items++];
}

void tw_concern_item(struct tw_concern *c, const char *who, uint64_t count)
{
	struct tw_concern_item *item = item_of(c, who);

	c->count += count;
	if (item)
		item->count += count;
}

void tw_concern_socket(struct tw_concern *c, const struct tw_living *s, int64_t age_ns,
		       bool by_port)
{
	char who[64], port[8] = "";
	struct tw_concern_item *item;

	if (by_port)
		snprintf(port, sizeof(port), ":%u", s->local_port);
	if (s->pid)
		snprintf(who, sizeof(who), "%s%s%s (pid %d)", *s->comm ? s->comm : "a process",
			 by_port ? " on " : "", port, (int)s->pid);
	else
		snprintf(who, sizeof(who), "%s%s",
			 by_port ? "port " : "a process that is not known",
			 by_port ? port + 1 : "");
	c->count++;
	item = item_of(c, who);
	if (!item)
		return;
	item->count++;
	if (item->socket && age_ns <= item->age_ns)
		return;
	item->age_ns = age_ns;
	item->socket = s;
}

void tw_concern_finish(struct tw_concern *c)
{
	unsigned i;

	for (i = 0; i < c->items; i++) {
		const struct tw_living *s = c->item[i].socket;
		char local[TW_ENDPOINT_TEXT], remote[TW_ENDPOINT_TEXT];

		if (!s)
			continue;
		tw_endpoint_text(local, &s->local, s->local_port);
		tw_endpoint_text(remote, &s->remote, s->remote_port);
		c->item[i].where = s->state == TW_SOCKET_LISTEN
					   ? tw_arena_printf(c->arena, "%s", local)
					   : tw_arena_printf(c->arena, "%s -> %s", local, remote);
	}
}

static int most_first(const void *left, const void *right)
{
	const struct tw_concern_item *a = left, *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return strcmp(a->who, b->who);
}

const char *tw_concern_who(struct tw_concern *c)
{
	const unsigned shown = c->items <= SHOWN ? c->items : SHOWN - 1;
	const char *text = "";
	unsigned i;

	qsort(c->item, c->items, sizeof(c->item[0]), most_first);
	for (i = 0; i < shown; i++)
		text = tw_arena_printf(c->arena, "%s%s%s", text,
				       i == 0              ? ""
				       : i + 1 == c->items ? " and "
							   : ", ",
				       c->item[i].who);
	if (shown < c->items)
		text = tw_arena_printf(c->arena, "%s and %u%s others", text, c->items - shown,
				       c->items == TW_CONCERN_ITEMS ? " or more" : "");
	return text;
}

bool tw_is_idle_connection(const struct tw_audit_frame *f, const struct tw_living *s)
{
	return s->state == TW_SOCKET_ESTABLISHED && s->inode && s->have_info &&
	       !tw_host_is_own(f->host, &s->remote) &&
	       tw_living_idle_ms(s) * TW_NS_PER_MS >= f->idle_ns;
}

int64_t tw_keepalive_patience_ns(const struct tw_sockopts *o)
{
	return (o->keep_idle_s + o->keep_intvl_s * o->keep_count) * TW_NS_PER_S;
}

bool tw_is_less_patient(const struct tw_sockopts *o, int64_t data_ns)
{
	return o->keepalive && tw_keepalive_patience_ns(o) * MUCH_SOONER <= data_ns;
}

bool tw_is_a_few(const struct tw_audit_frame *f, uint64_t count)
{
	return count < f->open / A_FEW;
}

bool tw_is_rare(const struct tw_audit_frame *f, uint64_t events)
{
	return events < (uint64_t)(f->host->uptime_s / DAY_S);
}

const struct tw_sockopts *tw_options_of(const struct tw_audit_frame *f, const struct tw_living *s)
{
	const struct tw_host_options *o = f->host->options;

	o = o ? &o[s - f->host->sockets.socket] : NULL;
	return o && o->known ? &o->set : NULL;
}

/* A listener that other hosts can reach. */
static bool is_open_listener(const struct tw_living *s)
{
	static const struct tw_addr any6 = { 0 };
	const struct tw_addr *a = &s->local;
	const bool v4 = tw_addr_is_v4(a);

	if (s->state != TW_SOCKET_LISTEN)
		return false;
	if (v4 ? !memcmp(a->b + 12, "\0\0\0", 4) : tw_addr_equal(a, &any6))
		return true;
	return v4 ? a->b[12] != 127 : !tw_addr_equal(a, &(struct tw_addr){ .b = { [15] = 1 } });
}

bool tw_has_open_listener(const struct tw_audit_frame *f)
{
	size_t i;

	if (!(f->host->parts & TW_HOST_SOCKETS))
		return true;
	for (i = 0; i < f->host->sockets.count; i++)
		if (is_open_listener(&f->host->sockets.socket[i]))
			return true;
	return false;
}
