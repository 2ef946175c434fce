/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle-without-keepalive: nobody would notice that such a connection is gone.
 *
 *     application        this kernel            device or peer
 *        | read()            |                     X   forgets, or dies
 *        |   ... no timer runs: for ever ...
 *        | write() --------> |---- data ---------->X
 *        |                   |---- again --------->X   tcp_retries2
 *        | ETIMEDOUT
 *
 * Judged of living connections only: to other hosts, held by an application, silent for the idle time.
 */
#include "audit/idle_devices.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	const int64_t usual_ns = tw_expect_data_ns(f);
	int64_t longest_ns = 0, write_ns = 0;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		const int64_t idle_ns = tw_living_idle_ms(s) * TW_NS_PER_MS;
		const struct tw_sockopts *o = tw_options_of(f, s);

		if (!tw_is_idle_connection(f, s) ||
		    (o ? o->keepalive : tw_living_keepalive(s) != 0))
			continue;
		tw_concern_socket(c, s, idle_ns, false);
		longest_ns = idle_ns > longest_ns ? idle_ns : longest_ns;
		write_ns = tw_longer_ns(write_ns, tw_expect_data_of_ns(f, s, usual_ns));
	}
	if (!c->count)
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK,
			 "%s of %s to other hosts: idle for up to %s, without keepalive.",
			 tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c),
			 TW_DUR(longest_ns));
	tw_concern_risk(c, -1,
			"Once the peer dies or a device between forgets it (%s), a read without a "
			"timeout of its own hangs for ever, a write ends with ETIMEDOUT after %s.",
			tw_idle_devices_text(c, f->idle_table, INT64_MAX), TW_DUR(write_ns));
	tw_concern_set(c, "In the application: SO_KEEPALIVE with TCP_KEEPIDLE below %lld s.",
		       (long long)tw_idle_devices_least_s(f->idle_table));
}

const struct tw_check tw_check_idle_without_keepalive = {
	.slug = "idle-without-keepalive",
	.title = "idle connections to other hosts without keepalive",
	.set = "In the application: SO_KEEPALIVE with TCP_KEEPIDLE below the timeouts of the "
	       "devices "
	       "on the way.",
	.costs = "One empty packet and its answer per connection and interval; a path that is down "
		 "for "
		 "longer than the probes last then ends idle connections.",
	.source = "RFC 9293 s3.8.4; tcp_keepalive_timer(); idle-timeouts.tsv",
	.phenomenon = "idle-blackholed",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
