/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: a user's program in a scenario: its start in its host, the times that are set to it, the trigger, its end.
 *
 * All that can wake the owner is in one epoll(7) set: the tracer, the pipes of its output, and a timer for
 * what comes next of: the trigger's time, the deadline, the last patience after SIGTERM, and a short
 * tick while our own output is not taken. Where a server has to be waited for, listen(2) is a call that the tracer tells.
 *
 * Its host's namespace is entered for a moment only to get a descriptor of it; the program enters by itself.
 */
#include "lab/program_private.h"

#include "base/clock.h"
#include "base/duration.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PATIENCE_NS     (3 * TW_NS_PER_S)  /* between SIGTERM and SIGKILL */
#define GRACE_NS        (60 * TW_NS_PER_S) /* after the fault, if nothing is asserted */
#define RETRY_NS        (20 * TW_NS_PER_MS)
#define SOCKETS_OF_HOST 4096u

/* ---- times ---- */

int64_t tw_program_deadline_ns(const struct tw_program *p)
{
	const struct tw_lab_job *job = p->config.job;

	if (p->config.asserted && job->within_ns)
		return p->start_ns + job->within_ns;
	return (p->fault_ns ? p->fault_ns : p->start_ns) + GRACE_NS;
}

static void earliest(int64_t *next, int64_t candidate, int64_t now)
{
	if (candidate > now && (!*next || candidate < *next))
		*next = candidate;
}

/* Set the timer to what comes next; what has come already was seen by the owner, who was just woken. */
static void set_timer(struct tw_program *p, bool retry)
{
	const struct tw_lab_job *job = p->config.job;
	const int64_t now = tw_clock_ns(CLOCK_REALTIME);
	struct itimerspec when = { 0 };
	int64_t next = 0;

	if (retry)
		earliest(&next, now + RETRY_NS, now);
	if (p->stop_ns && !p->killed)
		earliest(&next, p->stop_ns + PATIENCE_NS, now);
	if (!p->end_ns && !p->stop_ns) {
		earliest(&next, tw_program_deadline_ns(p), now);
		if (job->trigger == TW_TRIGGER_TIME)
			earliest(&next, p->start_ns + job->trigger_ns, now);
	}
	when.it_value.tv_sec = next / TW_NS_PER_S;
	when.it_value.tv_nsec = next % TW_NS_PER_S;
	timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &when, NULL); /* all 0: off */
}

/* ---- start ---- */

static int host_namespace(struct tw_program *p, struct tw_err *err)
{
	int r = tw_net_enter(p->config.net, p->config.side), fd = -1;

	if (!r) {
		fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = -errno;
		tw_net_leave(p->config.net);
	}
	if (r)
		return tw_err_set(err, r, "'%s' cannot enter the network of its host: %s",
				  tw_program_name(p), strerror(-r));
	return fd;
}

static void on_call(void *user, const struct tw_traced_call *call)
{
	struct tw_program *p = user;

	tw_program_note(p, call);
	if (p->config.call)
		p->config.call(p->config.user, p->config.side, call);
}

static int watch(struct tw_program *p, int fd, struct tw_err *err)
{
	struct epoll_event e = { .events = EPOLLIN };

	if (fd < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e))
		return tw_err_set(err, -errno, "'%s' cannot be watched: %s", tw_program_name(p),
				  strerror(errno));
	return 0;
}

static int compile_line(struct tw_program *p, struct tw_err *err)
{
	const char *line = p->config.job->trigger_line;
	char why[120];
	int r;

	if (p->config.job->trigger != TW_TRIGGER_LINE)
		return 0;
	r = regcomp(&p->line, line, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, &p->line, why, sizeof(why));
		return tw_err_set(err, -EINVAL, "'%s' is no regular expression: %s", line, why);
	}
	p->line_searched = true;
	return 0;
}

static int start_trace(struct tw_program *p, int out[2], struct tw_err *err)
{
	const struct tw_lab_job *job = p->config.job;
	struct tw_trace_config config = {
		.argv = p->argv,
		.envp = p->envp,
		.in = -1,
		.out = out[0],
		.err = out[1],
		.as_user = job->inside_user_ns,
		.uid = job->uid,
		.gid = job->gid,
		.call = on_call,
		.user = p,
	};
	int r;

	config.netns = host_namespace(p, err);
	if (config.netns < 0)
		return config.netns;
	p->start_ns = tw_clock_ns(CLOCK_REALTIME);
	r = tw_trace_start(&p->trace, &config, err);
	close(config.netns);
	return r ? r : watch(p, tw_trace_fd(p->trace), err);
}

static int start(struct tw_program *p, struct tw_err *err)
{
	int out[2] = { -1, -1 }, r = 0, i;

	if (!tw_program_words(p))
		return tw_err_set(err, -ENOMEM, "memory is out");
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->epoll < 0)
		return tw_err_set(err, -errno, "'%s' cannot be watched: %s", tw_program_name(p),
				  strerror(errno));
	r = watch(p, p->timer, err);
	if (!r)
		r = compile_line(p, err);
	if (!r && p->line_searched)
		r = tw_program_tee_open(p, out, err);
	/* Whoever it runs as, it shall be able to serve the scenario's port. */
	if (!r)
		r = tw_net_sysctl(p->config.net, p->config.side, "ip_unprivileged_port_start", "0",
				  err);
	if (!r)
		r = start_trace(p, out, err);
	for (i = 0; i < 2; i++)
		if (out[i] >= 0)
			close(out[i]);
	if (!r)
		set_timer(p, false);
	return r;
}

int tw_program_start(struct tw_program **out, const struct tw_program_config *config,
		     struct tw_err *err)
{
	struct tw_program *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return tw_err_set(err, -ENOMEM, "memory is out");
	p->config = *config;
	p->epoll = p->timer = p->tee[0].from = p->tee[1].from = -1;
	tw_arena_init(&p->arena);
	r = start(p, err);
	if (r) {
		tw_program_free(p);
		return r;
	}
	*out = p;
	return 0;
}

void tw_program_free(struct tw_program *p)
{
	if (!p)
		return;
	tw_trace_free(p->trace);
	tw_program_tee_close(p);
	if (p->line_searched)
		regfree(&p->line);
	if (p->timer >= 0)
		close(p->timer);
	if (p->epoll >= 0)
		close(p->epoll);
	tw_arena_free(&p->arena);
	free(p);
}

/* ---- work ---- */

int tw_program_fd(const struct tw_program *p)
{
	return p->epoll;
}

void tw_program_work(struct tw_program *p)
{
	struct epoll_event harvest[4];
	uint64_t expirations;
	bool retry;

	epoll_wait(p->epoll, harvest, 4, 0); /* or the edges stay in the set */
	while (read(p->timer, &expirations, sizeof(expirations)) > 0)
		;
	tw_trace_work(p->trace);
	retry = tw_program_tee_work(p);
	if (!p->end_ns && tw_trace_ended(p->trace, NULL))
		p->end_ns = tw_clock_ns(CLOCK_REALTIME);
	if (p->stop_ns && !p->killed && tw_clock_ns(CLOCK_REALTIME) >= p->stop_ns + PATIENCE_NS) {
		tw_trace_kill(p->trace);
		p->killed = true;
	}
	set_timer(p, retry);
}

uint16_t tw_program_listens_on(const struct tw_program *p)
{
	struct tw_net_socket *list = calloc(SOCKETS_OF_HOST, sizeof(*list));
	uint16_t port = 0;
	int n = 0, i;

	if (list)
		n = tw_net_sockets(p->config.net, p->config.side, list, SOCKETS_OF_HOST);
	for (i = 0; i < n && port != p->config.port; i++)
		if (list[i].state == TCP_LISTEN)
			port = list[i].local_port;
	free(list);
	return port;
}

bool tw_program_listening(const struct tw_program *p)
{
	return tw_program_listens_on(p) == p->config.port;
}

/* ---- the end ---- */

bool tw_program_ended(const struct tw_program *p, int *status)
{
	return tw_trace_ended(p->trace, status);
}

bool tw_program_over(const struct tw_program *p)
{
	return tw_program_ended(p, NULL) ||
	       tw_clock_ns(CLOCK_REALTIME) >= tw_program_deadline_ns(p);
}

void tw_program_fault(struct tw_program *p)
{
	p->fault_ns = tw_clock_ns(CLOCK_REALTIME);
	set_timer(p, false);
}

int tw_program_signal(struct tw_program *p, int sig)
{
	return tw_trace_signal(p->trace, sig, true);
}

/* All of it is asked: a shell does not pass SIGTERM on, and what is stopped hears it when it goes on. */
void tw_program_stop(struct tw_program *p)
{
	if (p->stop_ns)
		return;
	p->stop_ns = tw_clock_ns(CLOCK_REALTIME);
	tw_trace_signal(p->trace, SIGTERM, true);
	tw_trace_signal(p->trace, SIGCONT, true);
	set_timer(p, false);
}

bool tw_program_gone(const struct tw_program *p)
{
	return tw_trace_gone(p->trace);
}

/* ---- the trigger ---- */

static bool seen(const struct tw_cable *cable, enum tw_from from, enum tw_frame_class class)
{
	const struct tw_frame_spec spec = { .from = from, .class = class };

	return tw_cable_seen(cable, &spec) > 0;
}

static bool time_has_come(struct tw_program *const programs[2], int64_t after_ns)
{
	const struct tw_program *p =
		programs[TW_HOST_CLIENT] ? programs[TW_HOST_CLIENT] : programs[TW_HOST_SERVER];

	return p && tw_clock_ns(CLOCK_REALTIME) >= p->start_ns + after_ns;
}

bool tw_programs_triggered(struct tw_program *const programs[2], const struct tw_lab_job *job,
			   const struct tw_cable *cable)
{
	int i;

	switch (job->trigger) {
	case TW_TRIGGER_DEFAULT:
		return tw_cable_stream_bytes(cable, TW_FROM_CLIENT) > 0;
	case TW_TRIGGER_CONNECT:
		/* The third segment of the handshake, which may carry data. */
		return seen(cable, TW_FROM_SERVER, TW_CLASS_SYNACK) &&
		       (seen(cable, TW_FROM_CLIENT, TW_CLASS_ACK) ||
			seen(cable, TW_FROM_CLIENT, TW_CLASS_DATA));
	case TW_TRIGGER_BYTES:
		return tw_cable_stream_bytes(cable, TW_FROM_CLIENT) +
			       tw_cable_stream_bytes(cable, TW_FROM_SERVER) >=
		       job->trigger_bytes;
	case TW_TRIGGER_TIME:
		return time_has_come(programs, job->trigger_ns);
	case TW_TRIGGER_LINE:
		for (i = 0; i < 2; i++)
			if (programs[i] && programs[i]->line_seen)
				return true;
		return false;
	}
	return false;
}
