/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gives-up-late: connections for which nothing but tcp_retries2 ends the wait for a peer that vanished with
 * data in flight. Whether the application has a timeout of its own is not seen from here: a note.
 */
#include "audit/check.h"
#include "timers/constants.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	const int64_t data_ns = tw_expect_data_ns(f);
	size_t i;

	/* Less than that is no long wait; gives-up-early says what it is. */
	if (data_ns < TW_RFC1122_R2_NS)
		return;
	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];
		const struct tw_sockopts *o = tw_options_of(f, s);

		if (o && s->state == TW_SOCKET_ESTABLISHED && !o->user_timeout_ms &&
		    !o->sndtimeo_ns && !o->rcvtimeo_ns && !tw_is_less_patient(o, data_ns))
			tw_concern_socket(c, s, 0, false);
	}
	if (!c->count)
		return;
	tw_concern_raise(c, TW_SEVERITY_NOTE,
			 "%s of %s to other hosts: neither TCP_USER_TIMEOUT nor a timeout of the "
			 "socket is set.",
			 tw_count_of(c, c->count, "connection", "connections"), tw_concern_who(c));
	tw_concern_risk(c, data_ns,
			"If the peer vanishes after a request was sent, an application without a "
			"timeout of its own waits for net.ipv4.tcp_retries2 (%lld): %s.",
			(long long)f->host->timers.value[TW_SET_RETRIES2], TW_DUR(data_ns));
}

const struct tw_check tw_check_gives_up_late = {
	.slug = "gives-up-late",
	.title = "connections that wait for tcp_retries2 when the peer vanishes",
	.set = "In the application: a timeout for its requests, or TCP_USER_TIMEOUT. For all of "
	       "this "
	       "host: net.ipv4.tcp_retries2=8 (100 s at least, RFC 1122).",
	.costs = "Connections then end in outages that are longer than that.",
	.source = "tcp_write_timeout(), retransmits_timed_out(); RFC 1122 s4.2.3.5; RFC 5482",
	.phenomenon = "peer-vanished",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
