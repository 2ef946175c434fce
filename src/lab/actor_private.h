/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_ACTOR_PRIVATE_H
#define TW_LAB_ACTOR_PRIVATE_H

#include "lab/actor.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

/*
 * What goes between the parent (actor.c) and the process (actor_calls.c, actor_serve.c), one datagram
 * each way per call. No pointers: the statement stays with the parent.
 */
enum tw_actor_service {
	TW_SERVE_NOT, /* the command is a call */
	TW_SERVE_AUTO,
	TW_SERVE_HTTP,
	TW_SERVE_ECHO,
	TW_SERVE_NONE,
};

struct tw_actor_command {
	enum tw_actor_service service;
	enum tw_verb verb;
	unsigned socket;
	uint16_t port;
	int64_t number, number2;
	enum tw_optval kind;
	int level, option;
	char value[TW_OPTVAL_STRING_MAX + 1];
};

struct tw_actor_answer {
	int64_t start_ns, end_ns;
	int64_t starved_ns;
	int64_t result; /* as in struct tw_actor_result */
	uint16_t local_port, remote_port;
};

/* ---- inside the process ---- */

#define TW_ACTOR_SOCKETS 10 /* [0] is the listener */

struct tw_actor_socket {
	int fd;                           /* -1: none */
	uint16_t local_port, remote_port; /* the last that were known; they outlive close() */
};

struct tw_actor_player {
	int control;
	bool v6;
	struct sockaddr_storage peer; /* the other end, without a port */
	struct tw_actor_socket socket[TW_ACTOR_SOCKETS];
	bool reuse_said; /* `option listener SO_REUSEADDR`: listen leaves it alone */
};

/* Carry out commands until the parent is gone; never returns. */
void tw_actor_play(struct tw_actor_player *p) __attribute__((noreturn));

/* Bind (port 0: leave it) and listen on socket 0, making it if need be. 0 or -errno. */
int tw_actor_listen(struct tw_actor_player *p, uint16_t port, int backlog);
/* Remember the ports of a socket, as far as the kernel tells them. */
void tw_actor_note_ports(struct tw_actor_socket *s);
int tw_actor_send_answer(struct tw_actor_player *p, const struct tw_actor_answer *a);

/*
 * Serve until a command is waiting at p->control; the first thing is an answer: 0, or the errno of
 * listen(). Afterwards the newest connection that is still open is socket 1.
 */
void tw_actor_serve_loop(struct tw_actor_player *p, enum tw_actor_service kind);

#endif
