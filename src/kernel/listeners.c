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
 * Only a listener that is bound to the very address, or to all addresses of the namespace that a loopback address belongs
 * to, is taken for the client's: another one on the same port may be another host's.
 */
#include "kernel/gather_private.h"

#include <stdlib.h>
#include <string.h>

#define STATE_SYN_SENT 2

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

/* @e: the server's end of a client in @netns, which is 0 unless the address needs it. */
static bool is_of(const struct tw_record *listener, const struct tw_live_end *e, uint32_t netns)
{
	if (listener->local_port != e->port)
		return false;
	if (netns && listener->netns != netns)
		return false;
	return memcmp(listener->local, e->addr.b, 16) == 0 || (netns && is_any(listener->local));
}

void tw_listeners_explain(const struct tw_listeners *l, struct tw_live_conn *c, int client)
{
	const struct tw_record *r = c->end[client].slot[TW_SLOT_ERROR];
	struct tw_live_end *e = &c->end[!client];
	unsigned i;

	if (!r)
		r = c->end[client].slot[TW_SLOT_STATE];
	if (!r || r->old_state != STATE_SYN_SENT || e->slot[TW_SLOT_WAITING])
		return;
	for (i = 0; i < TW_LISTENERS_KEPT; i++) {
		if (!l->record[i].cookie || l->record[i].time_ns < r->born_ns ||
		    !is_of(&l->record[i], e, c->netns))
			continue;
		e->slot[TW_SLOT_WAITING] = malloc(sizeof(*r));
		if (!e->slot[TW_SLOT_WAITING])
			return;
		*e->slot[TW_SLOT_WAITING] = l->record[i];
		e->event[TW_SLOT_WAITING] = l->event;
		e->local = true;
		return;
	}
}
