/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close-wait-held: the peer has closed, the application has not.
 *
 *     application              peer
 *        |<---- FIN ------------|   close()
 *        |---- ACK ------------>|
 *     CLOSE_WAIT: no timer ends it, only close()
 *
 * How long: since the last segment of the peer, if it is the FIN. An application that still sends its answer
 * gets ACKs and is no leak.
 */
#include "audit/check.h"

#define MANY 10 /* a leak, no single forgotten connection */

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	int64_t longest_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		const int64_t age_ns = (int64_t)s->ack_recv_ms * TW_NS_PER_MS;

		if (s->state != TW_SOCKET_CLOSE_WAIT || !s->inode || !s->have_info ||
		    age_ns < f->stuck_ns)
			continue;
		tw_concern_socket(c, s, age_ns, false);
		longest_ns = age_ns > longest_ns ? age_ns : longest_ns;
	}
	if (!c->count)
		return;
	tw_concern_raise(c, c->count >= MANY ? TW_SEVERITY_HARM : TW_SEVERITY_RISK,
			 "%s in CLOSE_WAIT held by %s, for up to %s.",
			 tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c),
			 TW_DUR(longest_ns));
	tw_concern_risk(
		c, -1,
		"No timer gives it back, not even keepalive's: each keeps its descriptor until "
		"close(). "
		"At the limit of descriptors accept() fails with EMFILE.");
}

const struct tw_check tw_check_close_wait_held = {
	.slug = "close-wait-held",
	.title = "connections that the peer has closed and the application has not",
	.set = "In the application: close() after read() has returned 0, on every path. No setting "
	       "helps.",
	.costs = "Nothing.",
	.source = "RFC 9293 s3.6; tcp_fin()",
	.phenomenon = "close-wait-leak",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
