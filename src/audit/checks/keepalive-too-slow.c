/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keepalive-too-slow: the first probe comes after devices on the way have forgotten the connection.
 *
 *     0                      350 s                          7200 s
 *     last data              device forgets                 first probe: too late
 *
 * TCP_KEEPIDLE is asked of the socket where that is allowed. Else sock_diag tells a lower bound: when the
 * timer fires next, and how long ago something came; keepalive_time_elapsed() sets the timer to the rest.
 */
#include "audit/idle_devices.h"

static int64_t first_probe_s(const struct tw_audit_frame *f, const struct tw_living *s)
{
	const struct tw_sockopts *o = tw_options_of(f, s);
	const uint32_t quiet_ms =
		s->data_recv_ms < s->ack_recv_ms ? s->data_recv_ms : s->ack_recv_ms;

	if (o)
		return o->keepalive ? o->keep_idle_s : 0;
	return tw_living_keepalive(s) == 1 ? ((int64_t)quiet_ms + s->timer_ms) / 1000 : 0;
}

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	const int64_t usual_ns = tw_expect_data_ns(f);
	int64_t slowest_s = 0, request_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		int64_t probe_s;

		if (!tw_is_idle_connection(f, s))
			continue;
		probe_s = first_probe_s(f, s);
		if (!tw_idle_devices_within(f->idle_table, probe_s))
			continue;
		tw_concern_socket(c, s, tw_living_idle_ms(s) * TW_NS_PER_MS, false);
		slowest_s = probe_s > slowest_s ? probe_s : slowest_s;
		request_ns = tw_longer_ns(request_ns, tw_expect_data_of_ns(f, s, usual_ns));
	}
	if (!c->count)
		return;
	tw_concern_raise(
		c,
		tw_idle_devices_sure(f->idle_table, slowest_s) ? TW_SEVERITY_RISK
							       : TW_SEVERITY_NOTE,
		"%s of %s to other hosts: idle, with a first keepalive probe after up to %s.",
		tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c),
		TW_DUR(slowest_s * TW_NS_PER_S));
	tw_concern_risk(
		c, slowest_s * TW_NS_PER_S,
		"A device between forgets sooner (%s); until that probe a read hangs, and the "
		"next request gets a reset or ETIMEDOUT after %s.",
		tw_idle_devices_text(c, f->idle_table, slowest_s), TW_DUR(request_ns));
	tw_concern_set(
		c, "TCP_KEEPIDLE, or net.ipv4.tcp_keepalive_time for new sockets, below %lld s.",
		(long long)tw_idle_devices_least_s(f->idle_table));
}

const struct tw_check tw_check_keepalive_too_slow = {
	.slug = "keepalive-too-slow",
	.title = "keepalive that is slower than idle timeouts of load balancers and NATs",
	.set = "TCP_KEEPIDLE, or net.ipv4.tcp_keepalive_time for new sockets, below the timeouts "
	       "of "
	       "the devices on the way.",
	.costs = "One empty packet and its answer per idle connection and interval.",
	.source = "idle-timeouts.tsv (vendors' pages); RFC 5382 REQ-5; tcp_keepalive_timer()",
	.phenomenon = "idle-blackholed",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
