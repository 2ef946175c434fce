/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: an end's process, seen from its parent: its birth in a host's namespace, commands and answers, signals, and
 * how it ended.
 *
 *	parent                                     actor
 *	  |  fork; hello: 0 or -errno                |  enters the namespace
 *	  |<-----------------------------------------|
 *	  |  command: recv 50 on #1                  |
 *	  |----------------------------------------->|  recv(2), really blocking
 *	  |  answer: 50, start and end, ports        |
 *	  |<-----------------------------------------|
 *	  |                                          |  SIGKILL
 *	  |  end of the socket pair, then wait4()    x
 *
 * The pair is of SOCK_SEQPACKET: one datagram is one message, and the end of the process is the end of
 * the stream, so one descriptor tells everything. An answer that was sent before the process died
 * is still taken.
 *
 * The process keeps no descriptor of its parent but the standard streams, so it holds nobody's namespace and
 * socket alive. It dies with its parent (PR_SET_PDEATHSIG), and has a session of its own, so that
 * Ctrl-C at the terminal reaches the parent only. Nobody else may wait for it.
 */
#include "base/clock.h"
#include "lab/actor_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The translating cable's virtual address (cable.h). */
#define VIRTUAL_V4 "192.0.2.100"
#define VIRTUAL_V6 "2001:db8::100"

struct tw_actor {
	pid_t pid;
	int fd; /* -1: nothing more will come */
	char name[24];
	const struct tw_statement *statement; /* of the call that goes on */
	int64_t since_ns;
	bool stopped, reaped;
	int status; /* wait status, once reaped */
};

/* ---- birth ---- */

static int peer_address(struct sockaddr_storage *out, const struct tw_net *net,
			enum tw_host_id host, bool v6, bool nat)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	const char *text = v6 ? "::1" : "127.0.0.1";

	memset(out, 0, sizeof(*out));
	if (net && host == TW_HOST_CLIENT && nat)
		text = v6 ? VIRTUAL_V6 : VIRTUAL_V4;
	else if (net)
		text = tw_net_address(net, host == TW_HOST_CLIENT ? TW_HOST_SERVER : TW_HOST_CLIENT,
				      v6);
	out->ss_family = v6 ? AF_INET6 : AF_INET;
	return inet_pton(out->ss_family, text,
			 v6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr) == 1;
}

/* Signals as exec(2) would leave them, but for SIGPIPE: a write to a dead connection shall say EPIPE. */
static void default_signals(void)
{
	sigset_t none;
	int n;

	for (n = 1; n < NSIG; n++)
		signal(n, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The whole life of the process. */
static void __attribute__((noreturn)) live(int control, struct tw_net *net, enum tw_host_id host,
					   pid_t parent, struct tw_actor_player *player)
{
	const struct rlimit no_core = { 0, 0 };
	struct tw_actor_answer hello = { 0 };
	unsigned i;

	default_signals();
	setsid();
	setrlimit(RLIMIT_CORE, &no_core);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	hello.result = net ? tw_net_enter(net, host) : 0;
	if (dup2(control, 3) != 3 || close_range(4, ~0U, 0))
		hello.result = -errno;
	for (i = 0; i < TW_ACTOR_SOCKETS; i++)
		player->socket[i].fd = -1;
	player->control = 3;
	if (tw_actor_send_answer(player, &hello) || hello.result)
		_exit(1);
	tw_actor_play(player);
}

/* The first answer says whether the process is where it should be. */
static int take_hello(struct tw_actor *a, struct tw_err *err)
{
	struct tw_actor_answer hello;
	ssize_t n;

	do
		n = recv(a->fd, &hello, sizeof(hello), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(hello))
		return tw_err_set(err, -ESRCH, "the process of %s ended at once", a->name);
	if (hello.result)
		return tw_err_set(err, (int)hello.result,
				  "the process of %s cannot enter its namespace: %s", a->name,
				  strerror((int)-hello.result));
	return 0;
}

int tw_actor_new(struct tw_actor **out, struct tw_net *net, enum tw_host_id host, unsigned process,
		 bool v6, bool nat, struct tw_err *err)
{
	struct tw_actor_player player = { .v6 = v6 };
	pid_t parent = getpid();
	struct tw_actor *a;
	int pair[2], r;

	if (!peer_address(&player.peer, net, host, v6, nat))
		return tw_err_set(err, -EINVAL, "the other end has no address");
	a = calloc(1, sizeof(*a));
	if (!a)
		return tw_err_set(err, -ENOMEM, "memory is out");
	snprintf(a->name, sizeof(a->name), process > 1 ? "%s.%u" : "%s",
		 host == TW_HOST_SERVER ? "server" : "client", process);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		free(a);
		return tw_err_set(err, -errno, "no socket pair for a process of the lab");
	}
	a->fd = pair[0];
	a->pid = fork();
	if (!a->pid)
		live(pair[1], net, host, parent, &player);
	r = a->pid < 0 ? tw_err_set(err, -errno, "cannot start the process of %s: %s", a->name,
				    strerror(errno))
		       : 0;
	close(pair[1]);
	if (!r)
		r = take_hello(a, err);
	if (r) {
		tw_actor_free(a);
		return r;
	}
	*out = a;
	return 0;
}

/* ---- death ---- */

/*
 * Wait until the process ends, or (with WUNTRACED, WCONTINUED) stops or goes on: one of these must be on its
 * way. The status is lost if somebody else has waited for it.
 */
static void wait_change(struct tw_actor *a, int options)
{
	int status = 0;

	if (a->reaped)
		return;
	while (waitpid(a->pid, &status, options) < 0 && errno == EINTR)
		;
	a->stopped = WIFSTOPPED(status);
	if (WIFSTOPPED(status) || WIFCONTINUED(status))
		return;
	a->reaped = true;
	a->status = status;
}

void tw_actor_free(struct tw_actor *a)
{
	if (!a)
		return;
	if (a->pid > 0 && !a->reaped) {
		kill(a->pid, SIGKILL);
		wait_change(a, 0);
	}
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/*
 * Signals after which nothing happens that could be waited for: their default is to be ignored, or they
 * stop only what belongs to a terminal, which a session of its own does not.
 */
static bool idle_signal(int sig)
{
	return sig == 0 || sig == SIGPIPE || sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH ||
	       sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

int tw_actor_signal(struct tw_actor *a, int sig)
{
	if (a->reaped)
		return -ESRCH;
	if (kill(a->pid, sig))
		return -errno;
	if (idle_signal(sig))
		return 0;
	if (sig == SIGSTOP && !a->stopped)
		wait_change(a, WUNTRACED);
	else if (sig == SIGCONT && a->stopped)
		wait_change(a, WCONTINUED);
	else if (sig == SIGKILL || (sig != SIGSTOP && sig != SIGCONT && !a->stopped))
		wait_change(a, 0); /* to a stopped process it comes when that goes on */
	return 0;
}

/* ---- commands ---- */

int tw_actor_fd(const struct tw_actor *a)
{
	return a->fd;
}

pid_t tw_actor_pid(const struct tw_actor *a)
{
	return a->pid;
}

const char *tw_actor_name(const struct tw_actor *a)
{
	return a->name;
}

bool tw_actor_busy(const struct tw_actor *a)
{
	return a->statement;
}

int64_t tw_actor_since_ns(const struct tw_actor *a)
{
	return a->statement ? a->since_ns : 0;
}

static int send_command(struct tw_actor *a, const struct tw_actor_command *c)
{
	if (a->fd < 0 || a->reaped)
		return -ESRCH;
	if (send(a->fd, c, sizeof(*c), MSG_NOSIGNAL) != sizeof(*c))
		return errno == EPIPE || errno == ECONNRESET ? -ESRCH : -errno;
	return 0;
}

int tw_actor_begin(struct tw_actor *a, const struct tw_statement *s)
{
	struct tw_actor_command c;
	int r;

	if (a->statement)
		return -EBUSY;
	if (s->verb > TW_DO_CRASH)
		return -EINVAL;
	memset(&c, 0, sizeof(c));
	c.verb = s->verb;
	c.socket = s->socket < TW_ACTOR_SOCKETS ? s->socket : 1;
	c.port = s->port;
	c.number = s->number;
	c.number2 = s->number2;
	if (s->option) {
		c.kind = s->option->kind;
		c.level = s->option->level;
		c.option = s->option->number;
		if (s->value)
			strncpy(c.value, s->value, sizeof(c.value) - 1);
	}
	a->since_ns = tw_clock_ns(CLOCK_REALTIME);
	r = send_command(a, &c);
	if (!r)
		a->statement = s;
	return r;
}

/* The end of the process, told once: afterwards there is no descriptor to wait on. */
static int take_end(struct tw_actor *a, struct tw_actor_result *out)
{
	wait_change(a, 0);
	close(a->fd);
	a->fd = -1;
	*out = (struct tw_actor_result){
		.statement = a->statement,
		.start_ns = a->statement ? a->since_ns : 0,
		.end_ns = tw_clock_ns(CLOCK_REALTIME),
		.ended = true,
		.status = a->status,
	};
	a->statement = NULL;
	return 1;
}

int tw_actor_take(struct tw_actor *a, struct tw_actor_result *out)
{
	struct tw_actor_answer answer;
	ssize_t n;

	if (a->fd < 0)
		return 0;
	do
		n = recv(a->fd, &answer, sizeof(answer), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n != sizeof(answer))
		return take_end(a, out);
	*out = (struct tw_actor_result){
		.statement = a->statement,
		.start_ns = answer.start_ns,
		.end_ns = answer.end_ns,
		.starved_ns = answer.starved_ns,
		.result = (long)answer.result,
		.local_port = answer.local_port,
		.remote_port = answer.remote_port,
	};
	a->statement = NULL;
	return 1;
}

int tw_actor_serve(struct tw_actor *a, const char *kind, struct tw_err *err)
{
	static const char *const kinds[] = { "", "auto", "http", "echo", "none" };
	struct tw_actor_command c;
	struct tw_actor_answer answer;
	unsigned i;
	ssize_t n;
	int r;

	if (a->statement)
		return tw_err_set(err, -EBUSY, "%s cannot serve during a call", a->name);
	memset(&c, 0, sizeof(c));
	for (i = TW_SERVE_AUTO; i <= TW_SERVE_NONE; i++)
		if (!strcmp(kinds[i], kind))
			c.service = (enum tw_actor_service)i;
	if (!c.service)
		return tw_err_set(err, -EINVAL, "'%s' is no service: auto, http, echo or none",
				  kind);
	r = send_command(a, &c);
	if (r)
		return tw_err_set(err, r, "%s cannot serve: its process has ended", a->name);
	do
		n = recv(a->fd, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(answer))
		return tw_err_set(err, -ESRCH, "%s cannot serve: its process has ended", a->name);
	if (answer.result)
		return tw_err_set(err, (int)answer.result, "%s cannot listen: %s", a->name,
				  strerror((int)-answer.result));
	return 0;
}
