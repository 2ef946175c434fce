/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syn-queue-full-now: as many handshakes are half open at a listener as its backlog allows. Each waits for an
 * ACK that does not come; a flood of SYNs looks so, and so do clients that the SYN|ACK does not reach.
 *
 *     client            listener
 *       |---- SYN --------->|   takes a place
 *       |  X<--- SYN|ACK ---|   repeated tcp_synack_retries times, then the place is free
 *
 * Full is inet_csk_reqsk_queue_is_full(): then cookies are sent, or SYNs dropped if they are off.
 *
 * Limits: listeners that share a port are taken as one, whatever their addresses.
 */
#include "audit/check.h"

#include <stdlib.h>

#define WORTH_WATCHING 8 /* half-open ones; fewer are there at any time */
#define PORTS          65536

struct port {
	uint32_t half_open;
	uint64_t backlog;
};

static void count(struct port *ports, const struct tw_living_list *l)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct tw_living *s = &l->socket[i];

		if (s->state == TW_SOCKET_SYN_RECV)
			ports[s->local_port].half_open++;
		else if (s->state == TW_SOCKET_LISTEN)
			ports[s->local_port].backlog += s->send_queue;
	}
}

static void say(struct tw_concern *c, const struct tw_audit_frame *f, const struct port *worst)
{
	const bool off = tw_host_knob(f->host, TW_KNOB_SYNCOOKIES, 1) == 0;

	tw_concern_raise(c, off ? TW_SEVERITY_HARM : TW_SEVERITY_RISK,
			 "%u handshakes are half open at %s, the backlog is %llu.",
			 worst->half_open, tw_concern_who(c), (unsigned long long)worst->backlog);
	if (off)
		tw_concern_risk(
			c, tw_expect_request_ns(f),
			"Further SYNs are dropped, for cookies are off; a place is free again "
			"after %s.",
			TW_DUR(tw_expect_request_ns(f)));
	else
		tw_concern_risk(
			c, tw_expect_request_ns(f),
			"It is flooded with SYNs, or its SYN|ACKs do not reach the clients. "
			"SYN cookies keep it open for others; a place is free again after %s.",
			TW_DUR(tw_expect_request_ns(f)));
}

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_living_list *l = &f->host->sockets;
	struct port *ports = calloc(PORTS, sizeof(*ports));
	const struct port *worst = NULL;
	size_t i;

	if (!ports)
		return;
	count(ports, l);
	for (i = 0; i < l->count; i++) {
		const struct port *p = &ports[l->socket[i].local_port];

		if (l->socket[i].state != TW_SOCKET_LISTEN || p->half_open < WORTH_WATCHING ||
		    p->half_open < p->backlog)
			continue;
		tw_concern_socket(c, &l->socket[i], 0, true);
		if (!worst || p->half_open > worst->half_open)
			worst = p;
	}
	if (worst)
		say(c, f, worst);
	free(ports);
}

const struct tw_check tw_check_syn_queue_full_now = {
	.slug = "syn-queue-full-now",
	.title = "listeners with as many half-open handshakes as their backlog",
	.set = "net.ipv4.tcp_syncookies=1. If it is no flood: see what drops the SYN|ACK (`tcpwhy "
	       "live`), "
	       "and a larger backlog for bursts.",
	.costs =
		"While cookies are sent, a client without timestamps gets no window scaling and no "
		"SACK.",
	.source = "inet_csk_reqsk_queue_is_full(), tcp_conn_request(); RFC 4987",
	.phenomenon = "syn-flood",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
