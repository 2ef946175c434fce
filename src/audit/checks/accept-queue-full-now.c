/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept-queue-full-now: connections wait for accept(), as many as the backlog has room for, plus one
 * (sk_acceptq_is_full() compares with >). Then tcp_conn_request() drops each SYN without a word.
 */
#include "audit/check.h"

#define WORTH_WATCHING 8 /* a backlog of a few is often meant to be full */

static bool is_full(const struct tw_living *s)
{
	return s->receive_queue > s->send_queue;
}

static bool is_nearly_full(const struct tw_living *s)
{
	return s->send_queue >= WORTH_WATCHING && s->receive_queue >= s->send_queue / 4 * 3;
}

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	const struct tw_living *worst = NULL;
	unsigned full = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];

		if (s->state != TW_SOCKET_LISTEN || (!is_full(s) && !is_nearly_full(s)))
			continue;
		tw_concern_socket(c, s, 0, true);
		full += is_full(s);
		if (!worst || is_full(s) > is_full(worst) ||
		    s->receive_queue > worst->receive_queue)
			worst = s;
	}
	if (!worst)
		return;
	tw_concern_raise(c, full ? TW_SEVERITY_HARM : TW_SEVERITY_RISK,
			 "The accept queue of %s is %s: %u wait for accept(), the backlog is %u.",
			 tw_concern_who(c), full ? "full" : "nearly full", worst->receive_queue,
			 worst->send_queue);
	tw_concern_risk(
		c, tw_expect_connect_ns(f),
		"While it is full each SYN is dropped in silence: clients repeat it, and their "
		"connect() ends with ETIMEDOUT after %s.",
		TW_DUR(tw_expect_connect_ns(f)));
}

const struct tw_check tw_check_accept_queue_full_now = {
	.slug = "accept-queue-full-now",
	.title = "listeners whose application does not accept as fast as clients connect",
	.set = "In the application: accept faster, or more threads; a larger backlog of listen() "
	       "for "
	       "bursts.",
	.costs = "A longer queue makes clients wait longer before they fail.",
	.source = "sk_acceptq_is_full(), tcp_conn_request(); listen(2)",
	.phenomenon = "accept-queue-full",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
