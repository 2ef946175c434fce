/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retransmitting-now: the same data was repeated several times, and no answer came. One or two repeats are
 * loss; with the third the wait has doubled three times (RFC 6298 s5.5), and tcp_retries1 doubts the route.
 */
#include "audit/check.h"

#define REPEATS 3 /* tcp_retries1 */

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	const int64_t usual_ns = tw_expect_data_ns(f);
	const char *unless = "";
	int64_t end_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];

		if (s->timer != TW_SOCKET_TIMER_RETRANSMIT || s->retransmits < REPEATS ||
		    (s->state != TW_SOCKET_ESTABLISHED && s->state != TW_SOCKET_CLOSE_WAIT))
			continue;
		tw_concern_socket(c, s, (int64_t)s->data_sent_ms * TW_NS_PER_MS, false);
		end_ns = tw_longer_ns(end_ns, tw_expect_data_of_ns(f, s, usual_ns));
		if (!tw_options_of(f, s))
			unless = " or TCP_USER_TIMEOUT is set";
	}
	if (!c->count)
		return;
	tw_concern_raise(
		c, tw_is_a_few(f, c->count) ? TW_SEVERITY_NOTE : TW_SEVERITY_HARM,
		"%s of %s: sent data was repeated %d times or more, and nothing came back.",
		tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c), REPEATS);
	tw_concern_risk(
		c, end_ns,
		"%s with ETIMEDOUT %s after the data was sent, unless the path comes back%s.",
		c->count == 1 ? "It ends" : "The last of them ends", TW_DUR(end_ns), unless);
}

const struct tw_check tw_check_retransmitting_now = {
	.slug = "retransmitting-now",
	.title = "connections whose peer does not acknowledge data right now",
	.set = "Nothing here: look whether the peer lives and the path carries packets of full "
	       "size "
	       "(`tcpwhy live` says which).",
	.costs = "Nothing.",
	.source = "RFC 6298 s5; RFC 9293 s3.8.3; tcp_retransmit_timer()",
	.phenomenon = "peer-vanished",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
