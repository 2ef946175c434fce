/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_HOST_SOCKETS_H
#define TW_HOST_SOCKETS_H

#include "base/err.h"
#include "facts/facts.h"
#include "packet/segment.h"
#include "timers/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* "ESTABLISHED", "CLOSE_WAIT"; "?" for none of them. */
const char *tw_socket_state_name(unsigned state);

#define TW_SOCKET_ALL ((1U << TW_SOCKET_STATE__N) - 2) /* mask of all states, 1 << state each */

/* The timer that is set next; the kernel tells one at most, and a retransmission hides keepalive. */
enum tw_socket_timer {
	TW_SOCKET_TIMER_NONE,
	TW_SOCKET_TIMER_RETRANSMIT, /* tail-loss probe and RACK, too */
	TW_SOCKET_TIMER_KEEPALIVE,
	TW_SOCKET_TIMER_TIME_WAIT, /* and FIN_WAIT2 that nobody holds */
	TW_SOCKET_TIMER_PERSIST,
};

struct tw_living {
	struct tw_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t state; /* enum tw_socket_state */
	uint8_t timer; /* enum tw_socket_timer */
	uint8_t retransmits;
	bool v6;           /* an AF_INET6 socket; its addresses may be IPv4 ones all the same */
	uint32_t timer_ms; /* until it fires */
	uint32_t
		receive_queue; /* bytes that were not read; of a listener: connections not accepted */
	uint32_t send_queue;   /* bytes not acknowledged; of a listener: its backlog */
	uint32_t interface;    /* bound to; 0: to none */
	uint32_t uid;
	uint64_t inode; /* 0: no file, so nobody holds it (an orphan, TIME_WAIT, a request) */
	uint64_t cookie;

	/* From TCP_INFO. Not for TIME_WAIT and requests: then have_info is false, and these are 0. */
	bool have_info;
	uint32_t rtt_us;                       /* smoothed; 0: none was measured yet */
	uint32_t rto_us;                       /* retransmission timeout, with its back-off */
	uint32_t data_sent_ms, data_recv_ms;   /* ago; without any, since it was established */
	uint32_t ack_recv_ms;                  /* ago */
	uint32_t pmtu, unacked, retransmitted; /* @unacked: segments in flight; of a listener 0 */
	uint64_t bytes_acked, bytes_received;  /* 0 on kernels before 4.1 */
	uint8_t backoff, probes;

	/*
	 * Who holds it: found by walking /proc/PID/fd. 0: nobody, or a process that may not be looked
	 * at (another user's, without CAP_SYS_PTRACE; one of another pid namespace; hidepid). Several
	 * processes can hold one socket: this is the one with the lowest pid.
	 */
	pid_t pid;
	int fd;
	char comm[16]; /* its name, may hold any byte but 0; "": not known */
};

struct tw_living_list {
	struct tw_living *socket;
	size_t count;
	size_t beyond;       /* were not kept: there are more than TW_LIVING_MAX */
	unsigned unreadable; /* processes whose descriptors may not be looked at */
	bool no_processes;   /* /proc can not be read at all, or owners were not asked for */
};
#define TW_LIVING_MAX 300000

/* Whether to look for owners; it costs a walk over all processes. */
enum tw_living_owners {
	TW_OWNERS_SKIP,
	TW_OWNERS_FIND,
};

/*
 * All TCP sockets of the current network namespace in one of @states (a mask), in the kernel's order:
 * first IPv4 sockets, then IPv6. Needs no rights (but see the owner). It is no snapshot: a socket that
 * changes its state meanwhile may be missing or there twice.
 * Return: 0; -ENOMEM; or the error of sock_diag(7) with a sentence: -EPROTONOSUPPORT or -ENOENT where
 * there is none (a sandbox, a kernel without the module tcp_diag), -EPERM where a filter forbids it.
 * Free it after an error, too.
 */
int tw_living_read(struct tw_living_list *out, unsigned states, enum tw_living_owners owners,
		   struct tw_err *err);
void tw_living_free(struct tw_living_list *l);

/*
 * Make @pid the owner of all sockets of @l that it holds, whoever holds them, too. -ESRCH: it is gone;
 * -EPERM: its descriptors may not be looked at; -ENOMEM; each with a sentence.
 */
int tw_living_claim(struct tw_living_list *l, pid_t pid, struct tw_err *err);

/*
 * The retransmission timeout before its back-off, ns: what a loss would begin with. 0: not known.
 */
int64_t tw_living_rto_ns(const struct tw_living *s);

/*
 * Is keepalive on? sock_diag tells it only by the timer: 1 yes, 0 no, -1 not known (something is in
 * flight, or it is no connection that could have it).
 */
int tw_living_keepalive(const struct tw_living *s);

/* How long nothing went either way on an open connection, ms. 0 without TCP_INFO. */
uint32_t tw_living_idle_ms(const struct tw_living *s);

/*
 * The options of a socket that a process holds, asked of a duplicate of its descriptor (pidfd_getfd(2),
 * Linux 5.6), which is closed again at once; the process notices nothing. Needs the right to trace it:
 * the same user and kernel.yama.ptrace_scope 0, or CAP_SYS_PTRACE.
 * Fills user_timeout_ms, syncnt (0: the setting), sndtimeo_ns, rcvtimeo_ns, keepalive, keep_*, and the
 * round trip if one was measured. Without keepalive, keep_* say what it would be with.
 * Return: 0; -ESRCH: the process or the descriptor is gone or is another socket by now, nobody is
 * known to hold it; -EPERM; -ENOSYS; each with a sentence.
 */
int tw_living_options(const struct tw_living *s, struct tw_sockopts *out, struct tw_err *err);

#endif
