/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backlog-cut: listen() takes the smaller of its backlog and somaxconn, and tells nobody. A listener whose
 * backlog is exactly somaxconn asked for as much (as Go does), or for more. It matters once queues overflow.
 */
#include "audit/check.h"

#define OVERFLOWS 10 /* fewer since boot are a burst at a restart */

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	const int64_t most = f->host->timers.value[TW_SET_SOMAXCONN];
	const uint64_t overflows = f->host->counter[TW_COUNTER_LISTEN_OVERFLOWS];
	size_t i;

	if (f->host->timers.source[TW_SET_SOMAXCONN] == TW_FROM_UNREADABLE)
		return;
	for (i = 0; i < l->count; i++)
		if (l->socket[i].state == TW_SOCKET_LISTEN && l->socket[i].send_queue == most)
			tw_concern_socket(c, &l->socket[i], 0, true);
	if (!c->count)
		return;
	tw_concern_raise(c, overflows >= OVERFLOWS ? TW_SEVERITY_RISK : TW_SEVERITY_NOTE,
			 "The backlog of %s is that of net.core.somaxconn, %lld: asked for, or cut "
			 "to it.",
			 tw_concern_who(c), (long long)most);
	tw_concern_risk(
		c, tw_expect_connect_ns(f),
		"A burst of more than %lld connections between two accept() overflows it%s. "
		"Clients repeat the SYN after 1 s, connect() fails after %s.",
		(long long)most + 1,
		overflows >= OVERFLOWS ? ", and queues here have overflowed" : "",
		TW_DUR(tw_expect_connect_ns(f)));
}

const struct tw_check tw_check_backlog_cut = {
	.slug = "backlog-cut",
	.title = "listen backlogs that somaxconn has cut, or that are as large as it",
	.set = "A larger net.core.somaxconn, then restart the listener: the backlog is fixed by "
	       "listen().",
	.costs = "Memory per waiting connection; clients wait longer before they fail.",
	.source = "__sys_listen(); listen(2)",
	.phenomenon = "accept-queue-full",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
