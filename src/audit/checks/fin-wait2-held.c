/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fin-wait2-held: the application has shut down its side and waits for the end of the other. tcp_fin_timeout
 * counts for closed sockets only: after shutdown() FIN_WAIT2 has no timer.
 */
#include "audit/check.h"

/* A connection table between the two, or here, has less patience with half of a connection. */
static const char *forgotten(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t seconds = tw_host_knob(f->host, TW_KNOB_CT_CLOSE_WAIT_S, 0);

	return seconds && tw_host_knob(f->host, TW_KNOB_CT_COUNT, 0)
		       ? tw_arena_printf(c->arena,
					 " The connection table here forgets it after %lld s of "
					 "silence.",
					 (long long)seconds)
		       : "";
}

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	int64_t longest_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		const int64_t age_ns = (int64_t)s->ack_recv_ms * TW_NS_PER_MS;

		if (s->state != TW_SOCKET_FIN_WAIT2 || !s->inode || !s->have_info ||
		    age_ns < f->stuck_ns)
			continue;
		tw_concern_socket(c, s, age_ns, false);
		longest_ns = age_ns > longest_ns ? age_ns : longest_ns;
	}
	if (!c->count)
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK, "%s in FIN_WAIT2 held by %s, silent for up to %s.",
			 tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c),
			 TW_DUR(longest_ns));
	tw_concern_risk(
		c, -1,
		"After shutdown() no timer runs: while the peer does not close, it lasts for "
		"ever (after close() it would be %s).%s",
		TW_DUR(f->host->timers.value[TW_SET_FIN_TIMEOUT] * TW_NS_PER_S), forgotten(c, f));
}

const struct tw_check tw_check_fin_wait2_held = {
	.slug = "fin-wait2-held",
	.title = "connections that were shut down here and that the peer does not close",
	.set = "In the application: a timeout on the read after shutdown(SHUT_WR), then close(); "
	       "or "
	       "keepalive. net.ipv4.tcp_fin_timeout does not count here.",
	.costs = "An answer that comes later than the timeout is lost.",
	.source = "tcp_rcv_state_process() (TCP_FIN_WAIT1, SOCK_DEAD); RFC 9293 s3.6",
	.phenomenon = "fin-wait2-expired",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
