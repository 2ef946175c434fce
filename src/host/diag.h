/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_HOST_DIAG_H
#define TW_HOST_DIAG_H

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdint.h>

/* A question to sock_diag(7) about TCP sockets. */
struct tw_diag_question {
	uint16_t type,
		flags;     /* SOCK_DIAG_BY_FAMILY or SOCK_DESTROY; NLM_F_* beside NLM_F_REQUEST */
	uint32_t sequence; /* another one for each question on a socket */
	uint8_t family, attributes;        /* AF_*; of INET_DIAG_*, as a mask of 1 << (N - 1) */
	uint32_t states;                   /* a mask of 1 << TCP_* */
	const struct inet_diag_sockid *id; /* the one socket that is meant; NULL: no single one */
};

/* A message about a socket, at least as long as its fixed part (struct inet_diag_msg). */
typedef void (*tw_diag_each)(const struct nlmsghdr *h, void *user);

/*
 * Asks on @fd (AF_NETLINK, NETLINK_SOCK_DIAG), hands each answer to @each, which may be NULL, and
 * returns when the last one was read, so that the socket is empty for the next question. Return: 0, or a
 * negative errno: what the kernel answered, or -EAGAIN after the receive timeout of @fd.
 */
int tw_diag_ask(int fd, const struct tw_diag_question *q, tw_diag_each each, void *user);

#endif
