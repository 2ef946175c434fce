/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the view of a host's TCP sockets as its kernel has them (sock_diag(7)), and `ss -K`.
 *
 * A connection request (SYN_RECV) is shown as TCP_SYN_RECV, a closed socket that still waits as
 * TCP_TIME_WAIT or TCP_FIN_WAIT2, also when no process holds it any more.
 *
 * Limits: a dump is no snapshot: a socket that changes its state meanwhile may be missed or be
 * there twice. Who waits for a state asks again.
 */
#include "lab/net_private.h"

#include "host/diag.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int dump(struct tw_net *n, enum tw_host_id id, tw_diag_each each, void *user)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	unsigned i;
	int code = 0;

	if ((unsigned)id >= TW_HOST__N || !n->host[id].alive)
		return -ENODEV;
	for (i = 0; i < (n->v6 ? 2 : 1) && !code; i++) {
		const struct tw_diag_question q = { .type = SOCK_DIAG_BY_FAMILY,
						    .flags = NLM_F_DUMP,
						    .sequence = ++n->diag_sequence,
						    .family = families[i],
						    .states = UINT32_MAX };

		code = tw_diag_ask(n->host[id].diag, &q, each, user);
	}
	return code;
}

struct socket_list {
	struct tw_net_socket *out;
	unsigned count, max;
};

static void list_socket(const struct nlmsghdr *h, void *user)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct socket_list *list = user;

	if (list->count == list->max)
		return;
	list->out[list->count++] = (struct tw_net_socket){
		.state = m->idiag_state,
		.local_port = ntohs(m->id.idiag_sport),
		.remote_port = ntohs(m->id.idiag_dport),
		.receive_queue = m->idiag_rqueue,
		.send_queue = m->idiag_wqueue,
	};
}

int tw_net_sockets(struct tw_net *n, enum tw_host_id host, struct tw_net_socket *out, unsigned max)
{
	struct socket_list list = { .out = out, .max = max };
	int code = dump(n, host, list_socket, &list);

	return code ? code : (int)list.count;
}

#define VICTIMS_MAX 64

/* Sockets to destroy: found first, destroyed after the dump (one netlink socket serves both). */
struct victims {
	uint16_t local_port, remote_port; /* 0: any */
	unsigned count;
	struct {
		uint8_t family;
		struct inet_diag_sockid id;
	} socket[VICTIMS_MAX];
};

static void find_victim(const struct nlmsghdr *h, void *user)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct victims *v = user;

	if (m->idiag_state == TCP_LISTEN || ntohs(m->id.idiag_sport) != v->local_port ||
	    (v->remote_port && ntohs(m->id.idiag_dport) != v->remote_port) ||
	    v->count == VICTIMS_MAX)
		return;
	v->socket[v->count].family = m->idiag_family;
	v->socket[v->count++].id = m->id;
}

static int destroy_one(struct tw_net *n, enum tw_host_id host, const struct victims *v, unsigned i)
{
	const struct tw_diag_question q = { .type = SOCK_DESTROY,
					    .flags = NLM_F_ACK,
					    .sequence = ++n->diag_sequence,
					    .family = v->socket[i].family,
					    .states = UINT32_MAX,
					    .id = &v->socket[i].id };

	return tw_diag_ask(n->host[host].diag, &q, NULL, NULL);
}

int tw_net_destroy_connection(struct tw_net *n, enum tw_host_id host, uint16_t local_port,
			      uint16_t remote_port)
{
	struct victims v = { .local_port = local_port, .remote_port = remote_port };
	int code = dump(n, host, find_victim, &v), done = 0;
	unsigned i;

	if (code)
		return code;
	for (i = 0; i < v.count; i++) {
		code = destroy_one(n, host, &v, i);
		/* It may have gone by itself since it was found. */
		if (code && code != -ENOENT)
			return code;
		done += !code;
	}
	return done;
}

int tw_net_destroy(struct tw_net *n, enum tw_host_id host, uint16_t local_port)
{
	return tw_net_destroy_connection(n, host, local_port, 0);
}
