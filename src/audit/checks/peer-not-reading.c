/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer-not-reading: data waits here since the peer's window is closed; its application does not read.
 *
 *     here                     peer
 *       |<---- ACK, window 0 ---|   its buffer is full
 *       |---- probe ----------->|   0.2 s, doubling up to 120 s, for ever while answered
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	int64_t longest_ns = 0, end_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		const int64_t age_ns = (int64_t)s->data_sent_ms * TW_NS_PER_MS;

		if (s->timer != TW_SOCKET_TIMER_PERSIST || age_ns < f->stuck_ns ||
		    (s->state != TW_SOCKET_ESTABLISHED && s->state != TW_SOCKET_CLOSE_WAIT))
			continue;
		tw_concern_socket(c, s, age_ns, false);
		longest_ns = age_ns > longest_ns ? age_ns : longest_ns;
		if (end_ns >= 0) {
			const int64_t own_ns = tw_expect_window_of_ns(f, s);

			end_ns = own_ns < 0 ? -1 : tw_longer_ns(end_ns, own_ns);
		}
	}
	if (!c->count)
		return;
	tw_concern_raise(c, tw_is_a_few(f, c->count) ? TW_SEVERITY_NOTE : TW_SEVERITY_HARM,
			 "%s of %s: the peer's window has been closed for up to %s.",
			 tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c),
			 TW_DUR(longest_ns));
	if (end_ns > 0)
		tw_concern_risk(
			c, end_ns,
			"The peer's application does not read. TCP_USER_TIMEOUT ends it with "
			"ETIMEDOUT %s after the window closed.",
			TW_DUR(end_ns));
	else
		tw_concern_risk(
			c, -1,
			"The peer's application does not read. While its kernel answers, a write "
			"here hangs for ever.");
}

const struct tw_check tw_check_peer_not_reading = {
	.slug = "peer-not-reading",
	.title = "connections that wait for the peer's application to read",
	.set = "At the peer: make the application read. Here: TCP_USER_TIMEOUT ends such a "
	       "connection, "
	       "too.",
	.costs = "With TCP_USER_TIMEOUT, a peer that is only slow is cut off.",
	.source = "RFC 9293 s3.8.6.1; tcp_probe_timer()",
	.phenomenon = "zero-window-stall",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
