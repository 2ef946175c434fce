/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * data-not-read: what a peer sent lies in this host's receive queue, and the application that holds the
 * socket does not read. Once the buffer is full the window closes.
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	int64_t longest_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		const int64_t age_ns = (int64_t)s->data_recv_ms * TW_NS_PER_MS;

		if (s->state != TW_SOCKET_ESTABLISHED || !s->receive_queue || !s->inode ||
		    !s->have_info || age_ns < f->stuck_ns)
			continue;
		tw_concern_socket(c, s, age_ns, false);
		longest_ns = age_ns > longest_ns ? age_ns : longest_ns;
	}
	if (!c->count)
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK,
			 "%s of %s: received data lies unread; the last of it came up to %s ago.",
			 tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c),
			 TW_DUR(longest_ns));
	tw_concern_risk(
		c, -1,
		"Whoever waits for the answer hangs. A close() with data unread sends a reset, "
		"and the peer may lose what was sent before.");
}

const struct tw_check tw_check_data_not_read = {
	.slug = "data-not-read",
	.title = "received data that its application does not read",
	.set = "In the application: find why it does not read (blocked, dead-locked, forgotten in "
	       "a "
	       "pool).",
	.costs = "Nothing.",
	.source = "tcp_close(): \"As outlined in RFC 2525, section 2.17\"; RFC 9293 s3.8.6",
	.phenomenon = "app-stuck",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
