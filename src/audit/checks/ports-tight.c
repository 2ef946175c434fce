/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ports-tight: outgoing connections to one address and port use up the local ports. Ports are shared between
 * destinations, so the count is per (own address, other address, other port). Who closes first keeps the port
 * in TIME_WAIT:
 *
 *     connect() ... close()   |<--- TIME_WAIT, 60 s --->| port free again
 *
 * so the range divided by that time is the rate that can go on. With tcp_tw_reuse (and timestamps) connect()
 * takes a port out of TIME_WAIT after a second: then those do not count.
 */
#include "audit/check.h"
#include "packet/tuple.h"

#include <stdlib.h>
#include <string.h>

#define RISK_PERCENT 50
#define HARM_PERCENT 90

struct use {
	const struct tw_living_list *list;
	uint8_t *listening; /* a bit per port */
	uint32_t *place;    /* of the sockets that count */
	size_t count;
	unsigned low, high;
};

static int same_way_together(const void *left, const void *right, void *user)
{
	const struct tw_living *sockets = user;
	const struct tw_living *a = &sockets[*(const uint32_t *)left];
	const struct tw_living *b = &sockets[*(const uint32_t *)right];
	int order = memcmp(&a->remote, &b->remote, sizeof(a->remote));

	if (!order)
		order = memcmp(&a->local, &b->local, sizeof(a->local));
	return order ? order : (int)a->remote_port - (int)b->remote_port;
}

/* tcp_twsk_unique(): 1 for all, 2 (the default) for connections within this host. */
static bool is_reusable(const struct tw_living *s, int64_t reuse)
{
	static const struct tw_addr loopback6 = { .b = { [15] = 1 } };
	const struct tw_addr *a = &s->remote;

	if (s->state != TW_SOCKET_TIME_WAIT)
		return false;
	return reuse == 1 ||
	       (reuse == 2 && (tw_addr_is_v4(a) ? a->b[12] == 127 : tw_addr_equal(a, &loopback6)));
}

/* Those whose local port was given by connect(): in the range, and nobody listens on it. */
static void choose(struct use *u, int64_t reuse)
{
	size_t i;

	for (i = 0; i < u->list->count; i++) {
		const struct tw_living *s = &u->list->socket[i];

		if (s->state == TW_SOCKET_LISTEN)
			u->listening[s->local_port / 8] |= (uint8_t)(1 << s->local_port % 8);
	}
	for (i = 0; i < u->list->count; i++) {
		const struct tw_living *s = &u->list->socket[i];
		const unsigned port = s->local_port;

		if (port >= u->low && port <= u->high && s->remote_port &&
		    s->state != TW_SOCKET_LISTEN && !(u->listening[port / 8] >> port % 8 & 1) &&
		    !is_reusable(s, reuse))
			u->place[u->count++] = (uint32_t)i;
	}
}

static bool same_way(const struct tw_living *a, const struct tw_living *b)
{
	return a->remote_port == b->remote_port && tw_addr_equal(&a->remote, &b->remote) &&
	       tw_addr_equal(&a->local, &b->local);
}

/* The largest group, as its first place and its length. */
static size_t largest(const struct use *u, size_t *first)
{
	const struct tw_living *sockets = u->list->socket;
	size_t i, begin = 0, best = 0;

	for (i = 0; i < u->count; i++) {
		if (i && !same_way(&sockets[u->place[i]], &sockets[u->place[begin]]))
			begin = i;
		if (i - begin + 1 > best) {
			best = i - begin + 1;
			*first = begin;
		}
	}
	return best;
}

static void judge(struct tw_concern *c, const struct tw_audit_frame *f, const struct use *u)
{
	const size_t room = u->high - u->low + 1;
	const int64_t wait_ns = tw_expect_time_wait_ns(f);
	size_t first = 0, i, waiting = 0;
	const size_t used = largest(u, &first);
	const int64_t rate = wait_ns ? (int64_t)room * TW_NS_PER_S / wait_ns : 0;
	const struct tw_living *s;
	char to[TW_ENDPOINT_TEXT];

	if (!used || used * 100 < room * RISK_PERCENT)
		return;
	s = &u->list->socket[u->place[first]];
	for (i = first; i < first + used; i++)
		waiting += u->list->socket[u->place[i]].state == TW_SOCKET_TIME_WAIT;
	tw_endpoint_text(to, &s->remote, s->remote_port);
	tw_concern_item(c, to, used);
	tw_concern_raise(c, used * 100 >= room * HARM_PERCENT ? TW_SEVERITY_HARM : TW_SEVERITY_RISK,
			 "%zu of %zu local ports are in use to %s, %zu of them in TIME_WAIT.", used,
			 room, to, waiting);
	tw_concern_risk(c, 0,
			"Once all are, connect() to it fails with EADDRNOTAVAIL at once. A port "
			"that was closed here first is free after %s: %zu connections to it can go "
			"on in that time%s.",
			TW_DUR(wait_ns), room,
			rate ? tw_arena_printf(c->arena, ", %lld a second", (long long)rate) : "");
}

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t *set = f->host->timers.value;
	const bool timestamps = tw_host_knob(f->host, TW_KNOB_TIMESTAMPS, 1) != 0;
	struct use u = { .list = &f->host->sockets,
			 .low = (unsigned)set[TW_SET_PORT_LOW],
			 .high = (unsigned)set[TW_SET_PORT_HIGH] };

	if (!u.list->count || u.high < u.low)
		return;
	u.listening = calloc(1, 65536 / 8);
	u.place = calloc(u.list->count, sizeof(*u.place));
	if (u.listening && u.place) {
		choose(&u, timestamps ? set[TW_SET_TW_REUSE] : 0);
		qsort_r(u.place, u.count, sizeof(*u.place), same_way_together, u.list->socket);
		judge(c, f, &u);
	}
	free(u.listening);
	free(u.place);
}

const struct tw_check tw_check_ports_tight = {
	.slug = "ports-tight",
	.title = "local ports against the connections to one destination",
	.set = "Keep connections open (a pool, HTTP keep-alive). Else net.ipv4.tcp_tw_reuse=1, or "
	       "a "
	       "wider net.ipv4.ip_local_port_range.",
	.costs = "A pool: idle connections to look after. tcp_tw_reuse=1: nothing with timestamps "
		 "at "
		 "both ends. The range: ports that servers here listen on must be reserved "
		 "(ip_local_reserved_ports).",
	.source = "__inet_hash_connect(), tcp_twsk_unique(); RFC 6191; RFC 6056",
	.phenomenon = "ports-exhausted",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
