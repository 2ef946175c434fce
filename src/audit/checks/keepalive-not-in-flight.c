/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keepalive-not-in-flight: an application that asks for a quick keepalive shows its patience, and yet waits
 * for tcp_retries2 as soon as it has sent something.
 *
 *     write() ---- data ---->X       tcp_keepalive_timer(): "It is alive without keepalive", since
 *             ---- again --->X       packets are out; only the retransmission timer counts
 *             ...
 *     ETIMEDOUT after tcp_retries2 (15 min), though keepalive would have ended it after 90 s
 *
 * TCP_USER_TIMEOUT bounds both. Judged only where the socket's options could be read.
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	const int64_t data_ns = tw_expect_data_ns(f);
	int64_t least_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		const struct tw_sockopts *o = tw_options_of(f, s);
		int64_t patience_ns;

		if (!o || o->user_timeout_ms || s->state != TW_SOCKET_ESTABLISHED ||
		    !tw_is_less_patient(o, data_ns))
			continue;
		patience_ns = tw_keepalive_patience_ns(o);
		tw_concern_socket(c, s, 0, false);
		if (!least_ns || patience_ns < least_ns)
			least_ns = patience_ns;
	}
	if (!c->count)
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK,
			 "%s of %s: keepalive gives up after %s, but there is no TCP_USER_TIMEOUT.",
			 tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c),
			 TW_DUR(least_ns));
	tw_concern_risk(c, data_ns,
			"Keepalive does not run while data is unacknowledged: if the peer vanishes "
			"after a request was sent, it takes %s, not %s.",
			TW_DUR(data_ns), TW_DUR(least_ns));
	tw_concern_set(c, "TCP_USER_TIMEOUT of %lld ms beside the keepalive.",
		       (long long)(least_ns / TW_NS_PER_MS));
}

const struct tw_check tw_check_keepalive_not_in_flight = {
	.slug = "keepalive-not-in-flight",
	.title = "applications that are less patient than tcp_retries2, by keepalive alone",
	.set = "TCP_USER_TIMEOUT beside the keepalive, as long as it lasts.",
	.costs = "Connections then end in outages that are longer than that.",
	.source = "tcp_keepalive_timer(), tcp_write_timeout(); RFC 5482",
	.phenomenon = "peer-vanished",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
