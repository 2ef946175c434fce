/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions to sock_diag(7), and how its answers are read to their end. */
#include "host/diag.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#define ANSWER_BYTES 32768

static int ask(int fd, const struct tw_diag_question *q)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 diag;
	} r = {
		.header = { .nlmsg_len = sizeof(r),
			    .nlmsg_type = q->type,
			    .nlmsg_flags = NLM_F_REQUEST | q->flags,
			    .nlmsg_seq = q->sequence },
		.diag = { .sdiag_family = q->family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_ext = q->attributes,
			  .idiag_states = q->states },
	};

	if (q->id)
		r.diag.id = *q->id;
	return sendto(fd, &r, sizeof(r), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0
		       ? -errno
		       : 0;
}

/* 1: there is more to come. */
static int take(const struct nlmsghdr *h, tw_diag_each each, void *user)
{
	if (h->nlmsg_type == NLMSG_DONE)
		return 0;
	if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	if (each && h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		each(h, user);
	return 1;
}

int tw_diag_ask(int fd, const struct tw_diag_question *q, tw_diag_each each, void *user)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_BYTES];
	int r = ask(fd, q);

	if (r)
		return r;
	for (;;) {
		ssize_t bytes = recv(fd, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *h = (const struct nlmsghdr *)buffer;

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes <= 0)
			return bytes ? -errno : -EIO;
		for (; NLMSG_OK(h, bytes); h = NLMSG_NEXT(h, bytes)) {
			r = h->nlmsg_seq == q->sequence ? take(h, each, user) : 1;
			if (r <= 0)
				return r;
		}
	}
}
