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
