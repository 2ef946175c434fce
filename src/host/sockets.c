/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the TCP sockets that live in this network namespace, as its kernel lists them (sock_diag(7)).
 *
 * Theory: a dump is asked for by family and mask of states, and comes as one netlink message for each
 * socket, with attributes behind it. TCP_INFO grew with the kernel: what a kernel sends is copied over a
 * zeroed structure of ours, so that older and newer ones are read alike. The timer is the first of
 * retransmission, window probe and keepalive that is set (inet_sk_diag_fill()).
 *
 * Limits: no snapshot (see the header). At most TW_LIVING_MAX sockets are kept, the rest is counted.
 */
#include "host/sockets.h"
#include "host/diag.h"
#include "host/sockets_private.h"
#include "packet/tuple.h"
#include "timers/constants.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NO_PROGRESS                                                                                \
	{                                                                                          \
		.tv_sec = 5                                                                        \
	}               /* a kernel that stops in the middle of a dump */
#define NEW_SYN_RECV 12 /* TCP_NEW_SYN_RECV: requests of kernels that tell them apart */

const char *tw_socket_state_name(unsigned state)
{
	static const char *const names[TW_SOCKET_STATE__N] = {
		[TW_SOCKET_ESTABLISHED] = "ESTABLISHED",
		[TW_SOCKET_SYN_SENT] = "SYN_SENT",
		[TW_SOCKET_SYN_RECV] = "SYN_RECV",
		[TW_SOCKET_FIN_WAIT1] = "FIN_WAIT1",
		[TW_SOCKET_FIN_WAIT2] = "FIN_WAIT2",
		[TW_SOCKET_TIME_WAIT] = "TIME_WAIT",
		[TW_SOCKET_CLOSE] = "CLOSE",
		[TW_SOCKET_CLOSE_WAIT] = "CLOSE_WAIT",
		[TW_SOCKET_LAST_ACK] = "LAST_ACK",
		[TW_SOCKET_LISTEN] = "LISTEN",
		[TW_SOCKET_CLOSING] = "CLOSING",
	};

	return state < TW_SOCKET_STATE__N && names[state] ? names[state] : "?";
}

static struct tw_living *new_socket(struct tw_living_list *l)
{
	/* Capacities are powers of two: full exactly when the count is one. */
	if (l->count == TW_LIVING_MAX) {
		l->beyond++;
		return NULL;
	}
	if ((l->count & (l->count - 1)) == 0) {
		const size_t room = l->count ? l->count * 2 : 1;
		struct tw_living *more = reallocarray(l->socket, room, sizeof(*more));

		if (!more) {
			l->beyond++;
			return NULL;
		}
		l->socket = more;
	}
	l->socket[l->count] = (struct tw_living){ .fd = -1 };
	return &l->socket[l->count++];
}

static struct tw_addr address_of(const uint32_t words[4], bool v6)
{
	return v6 ? tw_addr_from_v6(words) : tw_addr_from_v4(words);
}

static void take_info(struct tw_living *s, const void *bytes, size_t n)
{
	struct tcp_info i = { 0 };

	memcpy(&i, bytes, n < sizeof(i) ? n : sizeof(i));
	s->have_info = true;
	s->rtt_us = i.tcpi_rtt;
	s->rto_us = i.tcpi_rto;
	s->data_sent_ms = i.tcpi_last_data_sent;
	s->data_recv_ms = i.tcpi_last_data_recv;
	s->ack_recv_ms = i.tcpi_last_ack_recv;
	s->pmtu = i.tcpi_pmtu;
	s->retransmitted = i.tcpi_total_retrans;
	s->bytes_acked = i.tcpi_bytes_acked;
	s->bytes_received = i.tcpi_bytes_received;
	s->backoff = i.tcpi_backoff;
	s->probes = i.tcpi_probes;
	/* For a listener the kernel has the length of its queue here, which the message has, too. */
	s->unacked = s->state == TW_SOCKET_LISTEN ? 0 : i.tcpi_unacked;
}

/* One socket: a message of at least the length of its fixed part. */
static void take_socket(const struct nlmsghdr *h, void *user)
{
	struct tw_living_list *l = user;
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	size_t left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
	const char *p = (const char *)(m + 1);
	struct tw_living *s = new_socket(l);

	if (!s)
		return;
	s->state = m->idiag_state == NEW_SYN_RECV ? TW_SOCKET_SYN_RECV : m->idiag_state;
	s->v6 = m->idiag_family == AF_INET6;
	s->local = address_of(m->id.idiag_src, s->v6);
	s->remote = address_of(m->id.idiag_dst, s->v6);
	s->local_port = ntohs(m->id.idiag_sport);
	s->remote_port = ntohs(m->id.idiag_dport);
	s->interface = m->id.idiag_if;
	s->timer = m->idiag_timer;
	s->timer_ms = m->idiag_expires;
	s->retransmits = m->idiag_retrans;
	s->receive_queue = m->idiag_rqueue;
	s->send_queue = m->idiag_wqueue;
	s->uid = m->idiag_uid;
	s->inode = m->idiag_inode;
	s->cookie = m->id.idiag_cookie[0] | (uint64_t)m->id.idiag_cookie[1] << 32;
	while (left >= sizeof(struct nlattr)) {
		struct nlattr a;

		memcpy(&a, p, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > left)
			break;
		if (a.nla_type == INET_DIAG_INFO)
			take_info(s, p + NLA_HDRLEN, a.nla_len - NLA_HDRLEN);
		if (NLA_ALIGN((size_t)a.nla_len) >= left)
			break;
		p += NLA_ALIGN((size_t)a.nla_len);
		left -= NLA_ALIGN((size_t)a.nla_len);
	}
}

static int dump(struct tw_living_list *l, unsigned states)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	const struct timeval patience = NO_PROGRESS;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), code = 0;
	unsigned i;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		code = -errno;
	for (i = 0; i < sizeof(families) && !code; i++) {
		/* Kernels that show requests by a state of their own count it as SYN_RECV in the mask. */
		const struct tw_diag_question q = { .type = SOCK_DIAG_BY_FAMILY,
						    .flags = NLM_F_DUMP,
						    .sequence = families[i],
						    .family = families[i],
						    .attributes = 1 << (INET_DIAG_INFO - 1),
						    .states = states };

		code = tw_diag_ask(fd, &q, take_socket, l);
		/* A kernel without IPv6 has no such family. */
		if (i > 0 && code == -ENOENT)
			code = 0;
	}
	close(fd);
	return code;
}

int tw_living_read(struct tw_living_list *out, unsigned states, enum tw_living_owners owners,
		   struct tw_err *err)
{
	int code;

	*out = (struct tw_living_list){ .no_processes = true };
	code = dump(out, states);
	if (code)
		return tw_err_set(err, code, "the kernel does not list its sockets (sock_diag): %s",
				  strerror(-code));
	if (out->beyond && out->count < TW_LIVING_MAX)
		return tw_err_set(err, -ENOMEM, "out of memory for %zu sockets",
				  out->count + out->beyond);
	return owners == TW_OWNERS_FIND ? tw_living_find_owners(out, "/proc", err) : 0;
}

void tw_living_free(struct tw_living_list *l)
{
	free(l->socket);
	*l = (struct tw_living_list){ 0 };
}

int tw_living_keepalive(const struct tw_living *s)
{
	/* tcp_keepalive_timer() sets itself anew in all of these while SO_KEEPALIVE is on. */
	switch (s->state) {
	case TW_SOCKET_ESTABLISHED:
	case TW_SOCKET_CLOSE_WAIT:
		break;
	default:
		return -1;
	}
	if (s->timer == TW_SOCKET_TIMER_KEEPALIVE)
		return 1;
	return s->timer == TW_SOCKET_TIMER_NONE ? 0 : -1;
}

int64_t tw_living_rto_ns(const struct tw_living *s)
{
	/* tcp_retransmit_timer() doubles it in place; probes of a window do not (tcp_probe0_when()). */
	const unsigned doubled = s->timer == TW_SOCKET_TIMER_PERSIST ? 0 : s->backoff;
	const int64_t rto_ns = s->rto_us * TW_NS_PER_US;

	if (!s->have_info || doubled >= 32)
		return 0;
	/* At its ceiling it does not tell any more where it began. */
	return doubled && rto_ns >= TW_TCP_RTO_MAX_NS ? 0 : rto_ns >> doubled;
}

uint32_t tw_living_idle_ms(const struct tw_living *s)
{
	if (!s->have_info)
		return 0;
	return s->data_sent_ms < s->data_recv_ms ? s->data_sent_ms : s->data_recv_ms;
}
