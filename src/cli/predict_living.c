/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: which living connections `predict --pid` and `--socket` mean, and with which options each is
 * predicted: its own, as far as they can be read, and in their place those of the command line.
 *
 * Limits: connections of this network namespace only. A socket that several processes hold is shown with the
 * one that was asked for, and without --pid with the lowest pid of them.
 */
#include "cli/predict_living.h"

#include "base/duration.h"
#include "packet/tuple.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All in which a timer decides how it ends. */
#define STATES                                                                                     \
	(1U << TW_SOCKET_ESTABLISHED | 1U << TW_SOCKET_SYN_SENT | 1U << TW_SOCKET_FIN_WAIT1 |      \
	 1U << TW_SOCKET_FIN_WAIT2 | 1U << TW_SOCKET_TIME_WAIT | 1U << TW_SOCKET_CLOSE_WAIT |      \
	 1U << TW_SOCKET_LAST_ACK | 1U << TW_SOCKET_CLOSING)

struct wanted {
	const struct tw_arguments *a;
	struct tw_addr addr;
	uint16_t port;
};

/* "127.0.0.1:80", "[::1]:80" */
static int parse_end(struct wanted *w, const char *text, struct tw_err *err)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	char *end;
	long port = -1;
	bool good = false;

	if (colon && colon[1] >= '0' && colon[1] <= '9') {
		port = strtol(colon + 1, &end, 10);
		good = !*end && port > 0 && port <= UINT16_MAX && n && n < sizeof(host);
	}
	if (good) {
		const bool v6 = text[0] == '[' && text[n - 1] == ']';

		memcpy(host, text + v6, n - 2 * v6);
		host[n - 2 * v6] = '\0';
		good = tw_addr_parse(&w->addr, host, v6);
	}
	w->port = (uint16_t)port;
	return good ? 0
		    : tw_err_set(err, -EINVAL,
				 "option --socket needs an address and a port such as "
				 "127.0.0.1:5432 or [::1]:5432, not '%s'",
				 text);
}

static bool is_end(const struct wanted *w, const struct tw_addr *addr, uint16_t port)
{
	return port == w->port && memcmp(addr->b, w->addr.b, sizeof(addr->b)) == 0;
}

static bool is_wanted(const struct wanted *w, const struct tw_living *s)
{
	if (w->a->of_pid && (uint64_t)s->pid != w->a->of_pid)
		return false;
	return !w->a->socket || is_end(w, &s->local, s->local_port) ||
	       is_end(w, &s->remote, s->remote_port);
}

/* What the command line says replaces what the socket has. */
static void override(struct tw_predict_socket *one, const struct tw_sockopts *asked, bool rtt_asked)
{
	struct tw_sockopts *o = &one->options;

	if (rtt_asked || !o->rtt_given) {
		o->rtt_ns = asked->rtt_ns;
		o->rtt_given = asked->rtt_given;
		o->living = false;
	}
	if (rtt_asked)
		o->rto_ns = 0;
	if (asked->user_timeout_ms) {
		o->user_timeout_ms = asked->user_timeout_ms;
		one->knows_user_timeout = true;
	}
	if (asked->syncnt)
		o->syncnt = asked->syncnt;
	if (asked->sndtimeo_ns)
		o->sndtimeo_ns = asked->sndtimeo_ns;
	if (asked->rcvtimeo_ns)
		o->rcvtimeo_ns = asked->rcvtimeo_ns;
	if (asked->keepalive) {
		o->keepalive = true;
		o->keep_idle_s = asked->keep_idle_s;
		o->keep_intvl_s = asked->keep_intvl_s;
		o->keep_count = asked->keep_count;
		one->knows_keepalive = one->knows_keep_times = true;
	}
}

static void take(struct tw_predict_socket *one, const struct tw_living *s,
		 const struct tw_sockopts *asked, bool rtt_asked)
{
	/* Of these nothing is left but a timer; no option changes it. */
	const bool bare =
		s->state == TW_SOCKET_TIME_WAIT || (s->state == TW_SOCKET_FIN_WAIT2 && !s->inode);
	struct tw_err err = { 0 };
	const bool known = bare || !tw_living_options(s, &one->options, &err);

	one->socket = *s;
	one->knows_user_timeout = one->knows_keep_times = one->knows_call_timeouts = known;
	/* Off has no times; that is seen without any right. */
	one->knows_keepalive = known || tw_living_keepalive(s) >= 0;
	if (!known) {
		snprintf(one->skipped, sizeof(one->skipped), "%s", err.text);
		one->options = (struct tw_sockopts){ .rtt_ns = (int64_t)s->rtt_us * TW_NS_PER_US,
						     .rtt_given = s->rtt_us > 0,
						     .living = true,
						     .rto_ns = tw_living_rto_ns(s),
						     .keepalive = tw_living_keepalive(s) == 1 };
		one->knows_keep_times = tw_living_keepalive(s) == 0;
	}
	override(one, asked, rtt_asked);
}

/* Another network namespace has other sockets; which one it is can be forbidden to see. */
static int check_process(uint64_t pid, struct tw_err *err)
{
	char path[48];
	struct stat theirs, ours;

	snprintf(path, sizeof(path), "/proc/%llu", (unsigned long long)pid);
	if (stat(path, &theirs))
		return tw_err_set(err, -ESRCH, "there is no process %llu", (unsigned long long)pid);
	snprintf(path, sizeof(path), "/proc/%llu/ns/net", (unsigned long long)pid);
	if (!stat(path, &theirs) && !stat("/proc/self/ns/net", &ours) &&
	    theirs.st_ino != ours.st_ino)
		return tw_err_set(err, -ESRCH,
				  "process %llu is in another network namespace; enter it with "
				  "`nsenter -n -t %llu tcpwhy predict --pid %llu`",
				  (unsigned long long)pid, (unsigned long long)pid,
				  (unsigned long long)pid);
	snprintf(path, sizeof(path), "/proc/%llu/fd", (unsigned long long)pid);
	if (access(path, R_OK | X_OK))
		return tw_err_set(err, -EPERM,
				  "the descriptors of process %llu need the right to trace it "
				  "(CAP_SYS_PTRACE); --socket finds a connection without it",
				  (unsigned long long)pid);
	return 0;
}

static int none(const struct tw_arguments *a, struct tw_err *err)
{
	if (a->of_pid && a->socket)
		return tw_err_set(err, -ESRCH, "process %llu has no open connection with %s",
				  (unsigned long long)a->of_pid, a->socket);
	if (a->of_pid)
		return tw_err_set(err, -ESRCH, "process %llu has no open TCP connection of its own",
				  (unsigned long long)a->of_pid);
	return tw_err_set(err, -ESRCH, "no open connection here has the end %s", a->socket);
}

int tw_predict_living_find(struct tw_predict_living *out, const struct tw_arguments *a,
			   const struct tw_sockopts *asked, struct tw_err *err)
{
	struct wanted w = { .a = a };
	struct tw_living_list list = { 0 };
	size_t i, count = 0;
	int r = 0;

	*out = (struct tw_predict_living){ 0 };
	if (a->sysctl_file)
		return tw_err_set(
			err, -EINVAL,
			"--sysctl-file is of another host, and a living socket of this one");
	if (a->socket)
		r = parse_end(&w, a->socket, err);
	if (!r && a->of_pid)
		r = check_process(a->of_pid, err);
	if (!r)
		r = tw_living_read(&list, STATES, a->of_pid ? TW_OWNERS_SKIP : TW_OWNERS_FIND, err);
	if (!r && a->of_pid)
		r = tw_living_claim(&list, (pid_t)a->of_pid, err);
	if (!r) {
		for (i = 0; i < list.count; i++)
			count += is_wanted(&w, &list.socket[i]);
		out->one = calloc(count + 1, sizeof(*out->one));
		if (!out->one)
			r = tw_err_set(err, -ENOMEM, "out of memory");
	}
	for (i = 0; out->one && i < list.count; i++)
		if (is_wanted(&w, &list.socket[i]))
			take(&out->one[out->count++], &list.socket[i], asked, a->have_rtt);
	if (!r && !out->count)
		r = none(a, err);
	tw_living_free(&list);
	return r;
}

void tw_predict_living_free(struct tw_predict_living *l)
{
	free(l->one);
	*l = (struct tw_predict_living){ 0 };
}
