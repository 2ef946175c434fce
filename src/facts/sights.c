/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is compared between packets must have passed the same point. Where a path is captured at several (a router's
 * two sides in one file, several files merged), the TTL of another point compares with nothing:
 *
 *     server        router, both sides        client
 *       |-- ttl 64 -->|-- ttl 63 -------------->|   first and second sight
 *       |             |-- RST, ttl 64 --------->|   made by the router, seen once
 */
#include "facts/view.h"

#include <stdlib.h>

/* The author's last segment before the reset @rst that passed where @sight did, a sight of that reset; NULL: none. */
static const struct tw_pkt *own_there(const struct tw_dossier *d, size_t rst,
				      const struct tw_pkt *sight)
{
	size_t i;

	for (i = rst; i > 0; i--) {
		const struct tw_pkt *q = &d->pkt[i - 1];

		if (q->side == sight->side && !(q->flags & TW_RST) && q->iface == sight->iface &&
		    q->mac_src == sight->mac_src)
			return q;
	}
	return NULL;
}

/* How many hops it has come: initial values are 32, 64, 128 or 255. */
static int hops_of(uint8_t ttl)
{
	return (ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255) - ttl;
}

bool tw_is_as_far(const struct tw_pkt *rst, const struct tw_pkt *own)
{
	return rst->ttl != own->ttl && abs(hops_of(rst->ttl) - hops_of(own->ttl)) <= 1;
}

bool tw_same_hops(int ttl, int other)
{
	return ttl != other && hops_of(ttl) == hops_of(other);
}

int tw_rst_ttl_delta(const struct tw_dossier *d, size_t rst, const struct tw_pkt *own)
{
	const struct tw_pkt *p = &d->pkt[rst], *there;
	size_t i;

	for (i = rst; i < d->pkt_count; i++) {
		const struct tw_pkt *q = &d->pkt[i];

		if (i > rst && (!(q->marks & TW_MARK_SECOND_COPY) || !(q->flags & TW_RST) ||
				q->side != p->side || q->seq != p->seq))
			continue;
		there = own_there(d, rst, q);
		if (there)
			return q->ttl - there->ttl;
	}
	return p->ttl - own->ttl;
}
