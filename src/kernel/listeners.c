/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listeners of this host that drop connection requests, remembered for the clients of this host whose SYNs these were:
 *
 *	client          listener, its queue full
 *	  |---SYN--------->|  dropped, and counted in its socket
 *	  |---SYN--------->|  dropped         the walk: "has dropped 2"   -- remembered
 *	  |      ...       |
 *	  ETIMEDOUT                                                       -- and now explained
 *
 * Only a listener that is bound to the very address, or to all addresses of the namespace that has it, is taken for the
 * client's: another one on the same port may be another host's. Whose an address is, the records of its sockets tell; if
 * those of two namespaces had it since the client began, it may be either's, and nothing is explained.
 */
#include "kernel/gather_private.h"

#include <stdlib.h>
#include <string.h>

static struct tw_home *home_of(struct tw_listeners *l, const __u8 *address)
{
	uint32_t h = 0;
	int i;

	for (i = 0; i < 16; i++)
		h = h * 31 + address[i];
	return &l->home[h % TW_HOMES_KEPT];
}

void tw_listeners_learn(struct tw_listeners *l, const struct tw_record *r)
{
	struct tw_home *h = home_of(l, r->local);

	/* One that no process has open may be all that is left of its namespace. */
	if (!r->netns || (r->flags & (TW_RECF_SOCKET | TW_RECF_ORPHAN)) != TW_RECF_SOCKET)
		return;
	if (memcmp(h->address, r->local, 16) != 0) {
		*h = (struct tw_home){ 0 };
		memcpy(h->address, r->local, 16);
	}
	if (h->in[0].netns != r->netns) {
		h->in[1] = h->in[0];
		h->in[0].netns = r->netns;
	}
	h->in[0].seen_ns = r->time_ns;
}

/* Whose address is it? Return: false if it was that of several since then. @netns is 0 if it is not known. */
static bool find_home(struct tw_listeners *l, const struct tw_addr *a, uint64_t since_ns,
		      uint32_t *netns)
{
	const struct tw_home *h = home_of(l, a->b);

	*netns = 0;
	if (memcmp(h->address, a->b, 16) != 0)
		return true;
	*netns = h->in[0].netns;
	return !h->in[1].netns || h->in[1].seen_ns < since_ns;
}

void tw_listeners_note(struct tw_listeners *l, const struct tw_record *r)
{
	struct tw_record *oldest = &l->record[0], *at;
	unsigned i;

	for (i = 0; i < TW_LISTENERS_KEPT; i++) {
		at = &l->record[i];
		if (at->cookie == r->cookie) {
			oldest = at;
			break;
		}
		if (at->time_ns < oldest->time_ns)
			oldest = at;
	}
	*oldest = *r;
}

static bool is_any(const __u8 *address)
{
	static const __u8 v6[16], v4[16] = { [10] = 0xff, 0xff };

	return memcmp(address, v6, 16) == 0 || memcmp(address, v4, 16) == 0;
}

/* Is it the listener of this connection's server, whose client began at @since_ns? */
static bool is_of(struct tw_listeners *l, const struct tw_record *listener,
		  const struct tw_live_conn *c, const struct tw_live_end *server, uint64_t since_ns)
{
	uint32_t netns = c->netns ? c->netns : server->netns;

	if (listener->local_port != server->port || listener->time_ns < since_ns)
		return false;
	if (!netns && !find_home(l, &server->addr, since_ns, &netns))
		return false;
	if (netns && listener->netns != netns)
		return false;
	return memcmp(listener->local, server->addr.b, 16) == 0 ||
	       (netns && is_any(listener->local));
}

/*
 * Since when it has been connecting, at the earliest. Who was there before the watch has no birth; but each interval between
 * its SYNs was at most as long as the last one.
 */
static uint64_t connecting_since_ns(const struct tw_record *r, int64_t jiffy_ns)
{
	const uint64_t most_ns =
		(r->retransmits + (uint64_t)1) * r->rto_jiffies * (uint64_t)jiffy_ns;

	if (r->flags & TW_RECF_BORN)
		return r->born_ns;
	return most_ns && most_ns < r->time_ns ? r->time_ns - most_ns : 0;
}

void tw_listeners_explain(struct tw_listeners *l, struct tw_live_conn *c, int client,
			  int64_t jiffy_ns)
{
	const struct tw_record *r = c->end[client].slot[TW_SLOT_ERROR];
	struct tw_live_end *e = &c->end[!client];
	uint64_t since_ns;
	unsigned i;

	if (!r)
		r = c->end[client].slot[TW_SLOT_STATE];
	if (!r || r->old_state != TW_SOCKET_SYN_SENT || e->slot[TW_SLOT_WAITING] ||
	    e->slot[TW_SLOT_SYNACK])
		return;
	since_ns = connecting_since_ns(r, jiffy_ns);
	for (i = 0; i < TW_LISTENERS_KEPT; i++) {
		if (!l->record[i].cookie || !is_of(l, &l->record[i], c, e, since_ns))
			continue;
		e->slot[TW_SLOT_WAITING] = malloc(sizeof(*r));
		if (!e->slot[TW_SLOT_WAITING])
			return;
		*e->slot[TW_SLOT_WAITING] = l->record[i];
		e->event[TW_SLOT_WAITING] = l->event;
		e->local = true;
		e->netns = l->record[i].netns;
		return;
	}
}
