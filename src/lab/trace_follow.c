/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the tracer: a process that is the program's parent and debugger, and tells its calls on TCP sockets.
 *
 *	program's thread                    tracer
 *	  recvfrom(3, ...)                    |
 *	  |-- stop (seccomp) ---------------->| is 3 a TCP socket?
 *	  |                                   |   no: go on (PTRACE_CONT), no second stop
 *	  |<-- go on, stop at the exit -------|   yes
 *	  |   ... as long as it takes ...     |
 *	  |-- stop (syscall exit) ----------->| result; the end of the call is told
 *	  |<-- go on -------------------------|
 *
 * A call of 50 ms is told as begun, so that one that never returns is known. Waits are looked at only then:
 * an event loop's many short ones cost two stops and nothing else. A wait that times out stays open until the
 * thread does something else with a connection, as a loop of `poll(..., 1000)` is one wait for
 * a person.
 *
 * Interrupted calls. A signal makes a call return -512 to -516 (ERESTARTSYS and kin), which the program never
 * sees: the kernel either begins it again (the same registers, or restart_syscall) or, after
 * a handler, says EINTR. So the call is put aside, and the thread's next stop tells:
 *
 *	the same call at the same place, or restart_syscall    it goes on
 *	rt_sigreturn                                           the handler has ended
 *	another call after that                                it was EINTR
 *	another call before that                               the handler's own
 *
 * A handler that leaves by longjmp() is seen as still running: then the call is told at the thread's end.
 *
 * The tracer is its own process because only a tracer may wait for its threads, all of them with one
 * waitpid(-1), and only so the program is not slowed down by what the caller has to do.
 */
#include "lab/trace_private.h"

#include "base/clock.h"
#include "base/duration.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOLD_NS     (50 * TW_NS_PER_MS) /* a call of this age is told as begun; a shorter wait never */
#define LOOK_NS     TW_NS_PER_S         /* between looks at a wait that was about no connection */
#define TICK_US     50000
#define KNOWN_PORTS 1024

/* The kernel's own, not in the headers for programs: ERESTARTSYS to ERESTART_RESTARTBLOCK. */
#define INTERRUPTED_FIRST 512
#define INTERRUPTED_LAST  516

struct process {
	struct process *next;
	pid_t pid;
	int pidfd;
};

struct call {
	const struct tw_trace_syscall *what; /* NULL: none */
	int64_t start_ns, end_ns;
	int64_t look_ns; /* of waits: not before then */
	uint64_t number, args[6], ip, sp;
	int fd;
	bool known; /* fd and ports of a wait were found */
	bool told;  /* as begun */
	struct tw_trace_socket socket;
};

struct thread {
	struct thread *next;
	pid_t tid;
	struct process *process; /* NULL: its parent has not said yet, and it is kept stopped */
	bool held;
	bool inside; /* @call goes on: stop at its end. If not and there is one, it is a wait that timed out */
	struct call call;
	struct call interrupted;
	bool handler_over;
};

struct tracer {
	int control;
	pid_t root;
	bool started;
	struct thread *threads;
	struct process *processes;
	volatile struct tw_trace_failure *failure;
	/* Ports by socket: the kernel forgets the remote one when the connection ends. */
	struct tw_trace_socket ports[KNOWN_PORTS];
};

static volatile sig_atomic_t tick_came, kill_asked;

static void on_signal(int sig)
{
	if (sig == SIGALRM)
		tick_came = 1;
	else
		kill_asked = 1;
}

/* ---- telling ---- */

/* The caller is the only reader: without it there is nothing to do, and the program dies with the tracer. */
static void tell(struct tracer *t, const struct tw_trace_message *m)
{
	ssize_t n;

	do
		n = send(t->control, m, sizeof(*m), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*m))
		_exit(1);
}

static void tell_process(struct tracer *t, enum tw_trace_kind kind, pid_t pid, int status)
{
	struct tw_trace_message m = { .kind = kind, .pid = pid, .status = status };

	tell(t, &m);
}

static void tell_call(struct tracer *t, const struct thread *th, const struct call *c,
		      enum tw_trace_kind kind, int64_t end_ns, int64_t result)
{
	struct tw_trace_message m = {
		.kind = kind,
		.pid = th->tid,
		.syscall = (unsigned)(c->what - tw_trace_syscalls),
		.fd = c->fd,
		.start_ns = c->start_ns,
		.end_ns = end_ns,
		.result = result,
		.local_port = c->socket.local_port,
		.remote_port = c->socket.remote_port,
	};

	tell(t, &m);
}

/* ---- sockets ---- */

/* What is known of it from before fills what the kernel has forgotten, and is kept. */
static void remember(struct tracer *t, struct tw_trace_socket *s)
{
	struct tw_trace_socket *known = &t->ports[s->inode % KNOWN_PORTS];

	if (known->inode == s->inode) {
		if (!s->local_port)
			s->local_port = known->local_port;
		if (!s->remote_port)
			s->remote_port = known->remote_port;
	}
	*known = *s;
}

static bool look(struct tracer *t, const struct thread *th, int fd, struct tw_trace_socket *out)
{
	if (!tw_trace_look(th->process->pidfd, fd, out))
		return false;
	remember(t, out);
	return true;
}

static bool is_wait(const struct tw_trace_syscall *what)
{
	return what->how == TW_HOW_POLL || what->how == TW_HOW_SELECT || what->how == TW_HOW_EPOLL;
}

static void look_wait(struct tracer *t, const struct thread *th, struct call *c)
{
	if (c->known)
		return;
	c->known = tw_trace_look_wait(c->what->how, th->process->pid, th->process->pidfd, c->args,
				      &c->fd, &c->socket);
	if (c->known)
		remember(t, &c->socket);
}

/* The address of connect(2): from its argument, as the kernel shows it only once it is connected. */
static void look_target(struct tracer *t, const struct thread *th, struct call *c)
{
	struct sockaddr_in6 a = { 0 };
	size_t size = c->args[2] < sizeof(a) ? c->args[2] : sizeof(a);

	if (size < sizeof(struct sockaddr_in) ||
	    !tw_trace_peek(th->process->pid, c->args[1], &a, size) ||
	    (a.sin6_family != AF_INET && a.sin6_family != AF_INET6))
		return;
	c->socket.remote_port = ntohs(a.sin6_port); /* at the same place in both families */
	remember(t, &c->socket);
}

/* ---- calls ---- */

/* Ended; of waits only what is worth telling. @end_ns 0: it never returned. */
static void finish(struct tracer *t, struct thread *th, struct call *c, int64_t end_ns,
		   int64_t result)
{
	if (is_wait(c->what) && !c->told) {
		if (end_ns && end_ns - c->start_ns >= TOLD_NS)
			look_wait(t, th, c);
		else
			c->known = false;
	}
	if (c->what->how == TW_HOW_OPTION ? result < 0 : !is_wait(c->what) || c->told || c->known)
		tell_call(t, th, c, TW_TRACE_END, end_ns, result);
	c->what = NULL;
}

static void finish_idle_wait(struct tracer *t, struct thread *th)
{
	if (th->call.what && !th->inside)
		finish(t, th, &th->call, th->call.end_ns, 0);
}

static void finish_interrupted(struct tracer *t, struct thread *th)
{
	if (th->interrupted.what)
		finish(t, th, &th->interrupted, th->interrupted.end_ns, -EINTR);
}

/* The thread is gone, or another program runs in it: what goes on now never returns. */
static void finish_all(struct tracer *t, struct thread *th)
{
	finish_idle_wait(t, th);
	if (th->handler_over)
		finish_interrupted(t, th);
	if (th->interrupted.what)
		finish(t, th, &th->interrupted, 0, 0);
	if (th->call.what)
		finish(t, th, &th->call, 0, 0);
	th->inside = false;
}

/* Everything that has been going on for long is told as begun. */
static void tick(struct tracer *t)
{
	const int64_t now = tw_clock_ns(CLOCK_REALTIME);
	struct thread *th;

	for (th = t->threads; th; th = th->next) {
		struct call *c = &th->call;

		if (!th->inside || c->told || now - c->start_ns < TOLD_NS)
			continue;
		if (is_wait(c->what)) {
			if (now < c->look_ns)
				continue;
			c->look_ns = now + LOOK_NS;
			look_wait(t, th, c);
			if (!c->known)
				continue;
		}
		c->told = true;
		tell_call(t, th, c, TW_TRACE_BEGIN, 0, 0);
	}
}

static const struct tw_trace_syscall *find_syscall(uint64_t number)
{
	unsigned i;

	for (i = 0; i < tw_trace_syscall_count; i++)
		if ((uint64_t)tw_trace_syscalls[i].number == number)
			return &tw_trace_syscalls[i];
	return NULL;
}

static bool same_call(const struct call *a, const struct call *b)
{
	return a->number == b->number && a->ip == b->ip && a->sp == b->sp &&
	       !memcmp(a->args, b->args, sizeof(a->args));
}

/* A call on a descriptor: is it a TCP socket? */
static bool begin_on_socket(struct tracer *t, struct thread *th, struct call *c)
{
	c->fd = (int)c->args[0];
	if (!look(t, th, c->fd, &c->socket)) {
		if (c->what->how != TW_HOW_SPLICE)
			return false;
		c->fd = (int)c->args[2];
		if (!look(t, th, c->fd, &c->socket))
			return false;
	}
	if (c->what->how == TW_HOW_CONNECT)
		look_target(t, th, c);
	finish_idle_wait(t, th);
	return true;
}

/* The same call, for epoll about the same set; poll and select about no descriptor are a sleep, no part of a wait. */
static bool same_wait(const struct call *a, const struct call *b)
{
	const unsigned count = b->what->how == TW_HOW_POLL ? 1 : 0;

	if (a->what != b->what)
		return false;
	if (b->what->how == TW_HOW_EPOLL)
		return a->args[0] == b->args[0];
	return !a->args[count] == !b->args[count];
}

static bool begin_wait(struct tracer *t, struct thread *th, struct call *c)
{
	const struct call *old = &th->call;

	if (same_wait(old, c) && c->start_ns - old->end_ns < TOLD_NS) {
		struct call again = *old; /* timed out, and waits on */

		memcpy(again.args, c->args, sizeof(again.args));
		*c = again;
		return true;
	}
	finish_idle_wait(t, th);
	if (c->what->how == TW_HOW_SELECT) /* at its end the kernel has written over the sets */
		look_wait(t, th, c);
	return true;
}

/* A stop before a call of the table; afterwards th->inside says whether its end is of interest. */
static void on_entry(struct tracer *t, struct thread *th, const struct __ptrace_syscall_info *info)
{
	struct call c = {
		.what = find_syscall(info->seccomp.nr),
		.start_ns = tw_clock_ns(CLOCK_REALTIME),
		.number = info->seccomp.nr,
		.ip = info->instruction_pointer,
		.sp = info->stack_pointer,
		.fd = -1,
	};
	struct call *old = &th->interrupted;

	memcpy(c.args, info->seccomp.args, sizeof(c.args));
	if (!c.what)
		return; /* a filter of the program's own */
	if (c.what->how == TW_HOW_SIGRETURN) {
		th->handler_over = true;
		return;
	}
	if (old->what && (c.what->how == TW_HOW_RESTART || same_call(old, &c))) {
		finish_idle_wait(t, th); /* of the handler */
		th->call = *old;
		old->what = NULL;
		th->inside = true;
		return;
	}
	if (c.what->how == TW_HOW_RESTART)
		return;
	if (th->handler_over)
		finish_interrupted(t, th);
	if (is_wait(c.what) ? begin_wait(t, th, &c) : begin_on_socket(t, th, &c)) {
		th->call = c;
		th->inside = true;
	}
}

/* The end of a call: what else it tells. */
static int64_t look_result(struct tracer *t, struct thread *th, struct call *c, int64_t result)
{
	struct tw_trace_socket s;
	int error;

	switch (c->what->how) {
	case TW_HOW_CONNECT:
		if (look(t, th, c->fd, &s))
			c->socket = s;
		return result;
	case TW_HOW_ACCEPT:
		if (result >= 0 && look(t, th, (int)result, &s))
			c->socket = s;
		return result;
	case TW_HOW_SO_ERROR:
		if (!result && tw_trace_peek(th->process->pid, c->args[3], &error, sizeof(error)))
			return -error;
		return result;
	default:
		return result;
	}
}

static void on_exit_of_call(struct tracer *t, struct thread *th, int64_t result)
{
	struct call *c = &th->call;

	if (!th->inside)
		return;
	th->inside = false;
	c->end_ns = tw_clock_ns(CLOCK_REALTIME);
	if (result <= -INTERRUPTED_FIRST && result >= -INTERRUPTED_LAST) {
		finish_interrupted(t, th);
		th->interrupted = *c;
		th->handler_over = false;
		c->what = NULL;
		return;
	}
	if (is_wait(c->what) && !result)
		return; /* timed out: open until something else happens */
	finish(t, th, c, c->end_ns, look_result(t, th, c, result));
}

/* ---- threads and processes ---- */

static struct thread *find_thread(const struct tracer *t, pid_t tid)
{
	struct thread *th = t->threads;

	while (th && th->tid != tid)
		th = th->next;
	return th;
}

static struct thread *add_thread(struct tracer *t, pid_t tid)
{
	struct thread *th = calloc(1, sizeof(*th));

	if (!th)
		_exit(1);
	th->tid = tid;
	th->next = t->threads;
	t->threads = th;
	return th;
}

/* The process that a thread leads; NULL if it leads none (pidfd_open(2) wants a leader). */
static struct process *add_process(struct tracer *t, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct process *p;

	if (pidfd < 0)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		_exit(1);
	p->pid = pid;
	p->pidfd = pidfd;
	p->next = t->processes;
	t->processes = p;
	if (pid != t->root)
		tell_process(t, TW_TRACE_BORN, pid, 0);
	return p;
}

static void remove_thread(struct tracer *t, struct thread *th)
{
	struct thread **place = &t->threads;

	while (*place != th)
		place = &(*place)->next;
	*place = th->next;
	free(th);
}

static void remove_process(struct tracer *t, pid_t pid)
{
	struct process **place = &t->processes, *p;

	while (*place && (*place)->pid != pid)
		place = &(*place)->next;
	p = *place;
	if (!p)
		return;
	*place = p->next;
	close(p->pidfd);
	free(p);
}

/* On with it, with a stop at the end of the call if that is of interest. A dead thread does not mind. */
static void resume(const struct thread *th, int sig)
{
	ptrace(th->inside ? PTRACE_SYSCALL : PTRACE_CONT, th->tid, 0, sig);
}

/* A thread of @th's process, or a process of its own: its first stop may have come before this. */
static void on_birth(struct tracer *t, const struct thread *th)
{
	unsigned long tid = 0;
	struct thread *child;

	if (ptrace(PTRACE_GETEVENTMSG, th->tid, 0, &tid) || !tid)
		return;
	child = find_thread(t, (pid_t)tid);
	if (!child)
		child = add_thread(t, (pid_t)tid);
	if (child->process)
		return;
	child->process = add_process(t, child->tid);
	if (!child->process)
		child->process = th->process;
	if (child->held) {
		child->held = false;
		resume(child, 0);
	}
}

/*
 * exec(2) by a thread ends all others, and it takes the leader's number, without an exit of its
 * own number being told.
 */
static void on_exec(struct tracer *t, struct thread *th)
{
	unsigned long former = 0;
	struct thread *old;

	if (th->tid == t->root && !t->started) {
		t->started = true;
		tell_process(t, TW_TRACE_STARTED, t->root, 0);
	}
	finish_all(t, th);
	if (ptrace(PTRACE_GETEVENTMSG, th->tid, 0, &former) || (pid_t)former == th->tid)
		return;
	old = find_thread(t, (pid_t)former);
	if (old)
		remove_thread(t, old);
}

static void on_death(struct tracer *t, struct thread *th, int status)
{
	const pid_t tid = th->tid;
	const struct process *p = th->process;

	if (p)
		finish_all(t, th);
	remove_thread(t, th);
	if (tid == t->root && !t->started) {
		struct tw_trace_message m = {
			.kind = TW_TRACE_STARTED,
			.pid = tid,
			.error = t->failure->step ? t->failure->error : ECHILD,
			.step = t->failure->step ? (int)t->failure->step : TW_STEP_EXEC,
		};

		tell(t, &m);
		_exit(0);
	}
	if (!p || p->pid != tid)
		return;
	tell_process(t, TW_TRACE_ENDED, tid, status);
	remove_process(t, tid);
}

/* ---- stops ---- */

static void on_syscall_stop(struct tracer *t, struct thread *th)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, th->tid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_SECCOMP)
		on_entry(t, th, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		on_exit_of_call(t, th, info.exit.rval);
}

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(struct tracer *t, struct thread *th, int status)
{
	const int sig = WSTOPSIG(status), event = status >> 16;

	if (!th->process)
		th->process = add_process(t, th->tid);
	if (!th->process) {
		th->held = true; /* a thread before its birth was told */
		return;
	}
	switch (event) {
	case PTRACE_EVENT_STOP:
		if (is_stop_signal(sig)) {
			ptrace(PTRACE_LISTEN, th->tid, 0, 0); /* stopped, until SIGCONT */
			return;
		}
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_birth(t, th);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(t, th);
		break;
	case PTRACE_EVENT_SECCOMP:
		on_syscall_stop(t, th);
		break;
	case 0:
		if (sig == (SIGTRAP | 0x80)) {
			on_syscall_stop(t, th);
			break;
		}
		resume(th, sig);
		return;
	default:
		break;
	}
	resume(th, 0);
}

static void kill_everything(const struct tracer *t)
{
	const struct process *p;

	for (p = t->processes; p; p = p->next)
		kill(p->pid, SIGKILL);
}

static void follow(struct tracer *t)
{
	struct thread *th;
	int status;
	pid_t tid;

	for (;;) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno != EINTR)
			return; /* ECHILD: nothing is left */
		if (kill_asked)
			kill_everything(t);
		if (tick_came) {
			tick_came = 0;
			tick(t);
		}
		if (tid < 0)
			continue;
		th = find_thread(t, tid);
		if (!th)
			th = add_thread(t, tid);
		if (WIFSTOPPED(status))
			on_stop(t, th, status);
		else
			on_death(t, th, status);
	}
}

/* ---- life ---- */

/*
 * Ctrl-C at the terminal is for the program and the lab. The tracer stays in the program's session and process
 * group, so that the program has its terminal, and ignores what comes from it.
 */
static void set_signals(void)
{
	static const int ignored[] = {
		SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE
	};
	struct sigaction a = { .sa_handler = SIG_IGN };
	sigset_t none;
	unsigned i;

	for (i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		sigaction(ignored[i], &a, NULL);
	a.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &a, NULL);
	a.sa_handler = on_signal; /* without SA_RESTART: waitpid() shall return */
	sigaction(SIGALRM, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_tick(void)
{
	const struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };

	setitimer(ITIMER_REAL, &every, NULL);
}

static void __attribute__((noreturn)) give_up(struct tracer *t)
{
	struct tw_trace_message m = { .kind = TW_TRACE_STARTED,
				      .error = errno,
				      .step = TW_STEP_TRACER };

	tell(t, &m);
	_exit(1);
}

/* The child waits until it is traced: then the tracer's end of the pipe is closed. */
static void start(struct tracer *t, const struct tw_trace_config *config)
{
	const unsigned long options =
		PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP |
		PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	int go[2];
	char c;

	t->failure = mmap(NULL, sizeof(*t->failure), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->failure == MAP_FAILED || pipe(go))
		give_up(t);
	t->root = fork();
	if (t->root < 0)
		give_up(t);
	if (!t->root) {
		close(go[1]);
		if (read(go[0], &c, 1) < 0)
			_exit(127);
		tw_trace_become(config, t->failure);
	}
	if (ptrace(PTRACE_SEIZE, t->root, 0, options)) {
		kill(t->root, SIGKILL);
		give_up(t);
	}
	/*
	 * Nothing of the caller's is kept, nor of the program's: who reads its output waits for its end, and a
	 * namespace lives as long as a descriptor of it. This closes the pipe, too.
	 */
	if (dup2(t->control, 0) != 0 || close_range(1, ~0U, 0))
		_exit(1);
	t->control = 0;
	add_thread(t, t->root)->process = add_process(t, t->root);
	if (!t->threads->process)
		give_up(t);
}

void tw_trace_follow(const struct tw_trace_config *config, int control)
{
	struct tracer *t = calloc(1, sizeof(*t));

	if (!t)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_signals();
	t->control = control;
	start(t, config);
	set_tick();
	follow(t);
	_exit(0);
}
