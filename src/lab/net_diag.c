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

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES 32768

struct diag_request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
};

/* Called for each socket. */
typedef void (*each_fn)(const struct inet_diag_msg *m, void *user);

static int send_request(const struct tw_net_host *host, struct diag_request *r)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec part = { r, sizeof(*r) };
	struct msghdr message = { .msg_name = &kernel,
				  .msg_namelen = sizeof(kernel),
				  .msg_iov = &part,
				  .msg_iovlen = 1 };

	r->header.nlmsg_len = sizeof(*r);
	return sendmsg(host->diag, &message, 0) < 0 ? -errno : 0;
}

/*
 * Read the answers to request @sequence until its end. Every message of a dump is handed to @each
 * even after it said enough, so that the socket is empty for the next request.
 */
static int read_answers(const struct tw_net_host *host, uint32_t sequence, each_fn each, void *user)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_BYTES];

	for (;;) {
		ssize_t bytes = recv(host->diag, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *h = (const struct nlmsghdr *)buffer;

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return -errno;
		for (; NLMSG_OK(h, bytes); h = NLMSG_NEXT(h, bytes)) {
			if (h->nlmsg_seq != sequence)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
			    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
				each(NLMSG_DATA(h), user);
		}
	}
}

static int dump(struct tw_net *n, enum tw_host_id id, each_fn each, void *user)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	unsigned i;
	int code = 0;

	if ((unsigned)id >= TW_HOST__N || !n->host[id].alive)
		return -ENODEV;
	for (i = 0; i < (n->v6 ? 2 : 1) && !code; i++) {
		struct diag_request r = {
			.header = { .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				    .nlmsg_seq = ++n->diag_sequence },
			.diag = { .sdiag_family = families[i],
				  .sdiag_protocol = IPPROTO_TCP,
				  .idiag_states = UINT32_MAX },
		};

		code = send_request(&n->host[id], &r);
		if (!code)
			code = read_answers(&n->host[id], r.header.nlmsg_seq, each, user);
	}
	return code;
}

struct socket_list {
	struct tw_net_socket *out;
	unsigned count, max;
};

static void list_socket(const struct inet_diag_msg *m, void *user)
{
	struct socket_list *list = user;

	if (list->count == list->max)
		return;
	list->out[list->count++] = (struct tw_net_socket){
		.state = m->idiag_state,
		.v6 = m->idiag_family == AF_INET6,
		.local_port = ntohs(m->id.idiag_sport),
		.remote_port = ntohs(m->id.idiag_dport),
		.receive_queue = m->idiag_rqueue,
		.send_queue = m->idiag_wqueue,
		.retransmits = m->idiag_retrans,
		.cookie = m->id.idiag_cookie[0] | (uint64_t)m->id.idiag_cookie[1] << 32,
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

static void find_victim(const struct inet_diag_msg *m, void *user)
{
	struct victims *v = user;

	if (m->idiag_state == TCP_LISTEN || ntohs(m->id.idiag_sport) != v->local_port ||
	    (v->remote_port && ntohs(m->id.idiag_dport) != v->remote_port) ||
	    v->count == VICTIMS_MAX)
		return;
	v->socket[v->count].family = m->idiag_family;
	v->socket[v->count++].id = m->id;
}

static void ignore(const struct inet_diag_msg *m, void *user)
{
}

static int destroy_one(struct tw_net *n, const struct tw_net_host *host, const struct victims *v,
		       unsigned i)
{
	struct diag_request r = {
		.header = { .nlmsg_type = SOCK_DESTROY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
			    .nlmsg_seq = ++n->diag_sequence },
		.diag = { .sdiag_family = v->socket[i].family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = UINT32_MAX,
			  .id = v->socket[i].id },
	};
	int code = send_request(host, &r);

	return code ? code : read_answers(host, r.header.nlmsg_seq, ignore, NULL);
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
		code = destroy_one(n, &n->host[host], &v, i);
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
