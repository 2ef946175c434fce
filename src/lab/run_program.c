/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: a run in which a user's program is an end. What the script gives to that end is what the program
 * does by itself, so the script is not played step by step: its set-up becomes a service that the
 * program can use, and what follows `fault` is played when the trigger has come.
 *
 *	set-up part      settings, rules, the server's listen     our server then serves (tw_actor_serve)
 *	   start         the programs; the server first
 *	   trigger       (of scenarios about connecting: before the start)
 *	fault part       up to the first call of the client: what comes after is how ends of the script
 *	                 react, and the program reacts as it does
 *	   the end       the program ends by itself, or its time is over
 *
 * Where the phenomenon is that our server does not read (data waits unread, connections wait unaccepted),
 * it does not serve but is played as it stands in the script. Where our end is the client, it
 * sends and receives what the script says: bytes without meaning; --peer gives a client that speaks.
 */
#include "base/duration.h"
#include "lab/run_private.h"

#include <signal.h>
#include <string.h>

#define LISTEN_NS (30 * TW_NS_PER_S)
#define STEP_NS   (2 * TW_NS_PER_S)
#define SETTLE_NS (300 * TW_NS_PER_MS) /* longer than a first retransmission timeout */

static bool is_program(const struct tw_run *run, enum tw_host_id host)
{
	return host <= TW_HOST_SERVER && run->job->program[host] != NULL;
}

/* The program is the first process of its end; others (client.2) are played as ever. */
static bool plays_itself(const struct tw_run *run, const struct tw_statement *s)
{
	return is_program(run, s->host) && s->process == 1;
}

/* What an application does by calls, in contrast to what is done to it from outside. */
static bool is_call(const struct tw_statement *s)
{
	return s->verb <= TW_DO_CRASH;
}

static bool exchanges(const struct tw_statement *s)
{
	switch (s->verb) {
	case TW_DO_CONNECT:
	case TW_DO_ACCEPT:
	case TW_DO_SEND:
	case TW_DO_RECV:
	case TW_DO_RECV_EOF:
	case TW_DO_FILL:
	case TW_DO_POLL:
	case TW_DO_ERROR:
	case TW_DO_JOIN:
		return true;
	default:
		return false;
	}
}

/* Waits for what the script's own steps bring about: they need not come with a program. */
static bool awaits(const struct tw_statement *s)
{
	return s->verb == TW_DO_STATE || s->verb == TW_DO_QUEUE || s->verb == TW_DO_CABLE_WAIT ||
	       s->verb == TW_DO_CABLE_QUIET || s->verb == TW_DO_WAIT || s->verb == TW_DO_JOIN;
}

static bool has(const struct tw_run *run, unsigned from, unsigned to, enum tw_host_id host,
		enum tw_verb verb)
{
	unsigned i;

	for (i = from; i < to; i++)
		if (run->script.statements[i].verb == verb &&
		    run->script.statements[i].host == host)
			return true;
	return false;
}

static unsigned set_up_end(const struct tw_run *run)
{
	return run->script.fault ? run->script.fault : run->script.count;
}

/* Does our server answer? Not if it is its being deaf that is to be seen. */
static bool serves(const struct tw_run *run)
{
	unsigned all = run->script.count;

	return (has(run, 0, all, TW_HOST_SERVER, TW_DO_RECV) ||
		has(run, 0, all, TW_HOST_SERVER, TW_DO_RECV_EOF)) &&
	       !has(run, 0, set_up_end(run), TW_HOST_SERVER, TW_DO_QUEUE);
}

/* ---- what is done to a program from outside ---- */

static void signal_program(struct tw_run *run, const struct tw_statement *s)
{
	int sig = s->verb == TW_DO_KILL       ? (int)s->number
		  : s->verb == TW_DO_STOP     ? SIGSTOP
		  : s->verb == TW_DO_CONTINUE ? SIGCONT
		  : s->verb == TW_DO_CRASH    ? SIGSEGV
		  : s->verb == TW_DO_EXIT     ? SIGTERM
					      : 0;

	if (!sig || !run->program[s->host])
		return;
	tw_timeline_event(run, tw_run_now_ns(), "signal",
			  s->host == TW_HOST_SERVER ? "server" : "client", 0, "SIG%s",
			  sigabbrev_np(sig) ? sigabbrev_np(sig) : "?");
	tw_program_signal(run->program[s->host], sig);
}

/*
 * Between the client's first byte and the fault our server must not answer, or it depends on luck whether the
 * fault comes before the answer. So it is stopped while that byte is on its way.
 */
void tw_run_hold_server(struct tw_run *run)
{
	struct tw_run_actor *a = &run->actor[TW_HOST_SERVER][0];

	run->hold_server = false;
	if (run->program[TW_SERVER])
		run->server_held = !tw_program_signal(run->program[TW_SERVER], SIGSTOP);
	else if (a->actor && !a->ended)
		run->server_held = !tw_actor_signal(a->actor, SIGSTOP);
}

static void release_server(struct tw_run *run)
{
	struct tw_run_actor *a = &run->actor[TW_HOST_SERVER][0];

	if (!run->server_held)
		return;
	run->server_held = false;
	if (run->program[TW_SERVER])
		tw_program_signal(run->program[TW_SERVER], SIGCONT);
	else if (a->actor && !a->ended)
		tw_actor_signal(a->actor, SIGCONT);
}

/* ---- the parts ---- */

static int our_call(struct tw_run *run, const struct tw_statement *s, int64_t deadline_ns);

/* A further process of the client's end: it fills queues before the program comes. */
static bool is_filler(const struct tw_run *run, const struct tw_statement *s)
{
	return is_call(s) && s->host == TW_HOST_CLIENT && s->process > 1 &&
	       !is_program(run, TW_HOST_SERVER);
}

/* Before the programs start: settings, rules, neighbours, our server's listener, fillers. */
static int prepare(struct tw_run *run)
{
	unsigned i;

	for (i = 0; i < set_up_end(run); i++) {
		const struct tw_statement *s = &run->script.statements[i];
		int r;

		if (s->verb == TW_DO_VERDICT || s->verb == TW_DO_FAULT || plays_itself(run, s))
			continue;
		if (is_filler(run, s)) {
			r = our_call(run, s, tw_run_now_ns() + STEP_NS);
			if (r)
				return r;
			continue;
		}
		if (awaits(s) || exchanges(s) || (is_call(s) && s->host == TW_HOST_CLIENT))
			continue;
		r = tw_run_step(run, s);
		if (r)
			return r;
	}
	return 0;
}

static int serve(struct tw_run *run)
{
	static const struct tw_statement server = { .host = TW_HOST_SERVER, .process = 1 };
	struct tw_run_actor *a;
	struct tw_err err;

	if (is_program(run, TW_HOST_SERVER) || !serves(run))
		return 0;
	a = tw_run_actor(run, &server);
	if (!a)
		return run->error.code;
	if (tw_actor_serve(a->actor, run->job->serve ? run->job->serve : "auto", &err))
		return tw_run_fail(run, "%s", err.text);
	return 0;
}

static void on_call(void *user, enum tw_host_id side, const struct tw_traced_call *call)
{
	struct tw_run *run = user;
	const char *who = side == TW_HOST_SERVER ? "server" : "client";
	char text[32];

	run->look_wanted = true;
	tw_timeline_event(run, call->start_ns, "call", who, 0, "%s(%d), process %d", call->name,
			  call->fd, (int)call->pid);
	if (!call->end_ns)
		return;
	snprintf(text, sizeof(text), "%ld", call->result);
	tw_timeline_event(run, call->end_ns, "return", who, 0, "%s(%d) = %s", call->name, call->fd,
			  call->result < 0 ? tw_errno_name((int)-call->result) : text);
}

/* A server that is to have ended by then need not be waited for any longer. */
static int64_t listen_limit_ns(const struct tw_run *run)
{
	const struct tw_lab_job *job = run->job;

	return job->command == TW_SERVER && job->within_ns && job->within_ns < LISTEN_NS
		       ? job->within_ns
		       : LISTEN_NS;
}

static bool listens(struct tw_run *run, void *arg)
{
	return tw_program_listening(run->program[TW_SERVER]) ||
	       tw_program_ended(run->program[TW_SERVER], NULL);
}

/* Why nobody can talk to the server. */
static int not_listening(struct tw_run *run, uint16_t port)
{
	const char *name = run->job->program[TW_SERVER][0];
	uint16_t other = tw_program_listens_on(run->program[TW_SERVER]);

	if (tw_program_ended(run->program[TW_SERVER], NULL))
		return tw_run_fail(run, "%s ended before it listened on port %u", name, port);
	if (other)
		return tw_run_fail(run, "%s listens on port %u, not on port %u ({port})", name,
				   other, port);
	return tw_run_fail(run, "%s did not listen on port %u within %s", name, port,
			   TW_DUR(listen_limit_ns(run)));
}

static int start(struct tw_run *run, enum tw_host_id side)
{
	const struct tw_program_config config = {
		.job = run->job,
		.side = side,
		.net = run->net,
		.host = run->script.nat && side == TW_HOST_CLIENT
				? run->v6 ? TW_NET_VIRTUAL_V6 : TW_NET_VIRTUAL_V4
				: tw_net_address(run->net, TW_HOST_SERVER, run->v6),
		.port = 80,
		.asserted = run->job->command == (enum tw_side)side,
		.call = on_call,
		.user = run,
	};
	struct tw_err err;
	int r;

	if (tw_program_start(&run->program[side], &config, &err))
		return tw_run_fail(run, "%s", err.text);
	if (side == TW_HOST_CLIENT)
		return 0;
	r = tw_run_until(run, listens, NULL, tw_run_now_ns() + listen_limit_ns(run));
	if (r < 0)
		return r;
	if (!r || !tw_program_listening(run->program[side]))
		return not_listening(run, config.port);
	return 0;
}

/* By default the first byte must also have arrived, or its receiver dies before it was spoken to. */
static bool triggered(const struct tw_run *run)
{
	return tw_programs_triggered(run->program, run->job, run->cable) &&
	       (run->job->trigger != TW_TRIGGER_DEFAULT || run->client_was_heard);
}

static bool triggered_or_over(struct tw_run *run, void *arg)
{
	struct tw_program *asserted = run->program[run->job->command];
	struct tw_program *client = run->program[TW_CLIENT];

	return triggered(run) || (asserted && tw_program_over(asserted)) ||
	       (client && tw_program_over(client));
}

static bool step_done(struct tw_run *run, void *arg)
{
	struct tw_run_actor *a = arg;

	return a->have_result || a->ended ||
	       (run->program[run->job->command] &&
		tw_program_over(run->program[run->job->command]));
}

/* A call of our end, as the script has it; whatever it returns: nobody knows what the program does. */
static int our_call(struct tw_run *run, const struct tw_statement *s, int64_t deadline_ns)
{
	struct tw_run_actor *a = tw_run_actor(run, s);
	char text[TW_CALL_TEXT];
	int r;

	if (!a)
		return run->error.code;
	if (tw_actor_busy(a->actor) || a->calling)
		return 0; /* still in its last one: it reacts no further */
	if (tw_actor_begin(a->actor, s))
		return 0;
	a->calling = s;
	tw_timeline_event(run, tw_run_now_ns(), "call", tw_actor_name(a->actor), s->socket, "%s",
			  tw_timeline_call_text(text, s));
	r = tw_run_until(run, step_done, a, deadline_ns);
	if (a->have_result) {
		a->have_result = false;
		a->calling = NULL;
	}
	return r < 0 ? r : 0;
}

static bool something_unread(struct tw_run *run, void *arg)
{
	struct tw_net_socket sockets[64];
	int n = tw_net_sockets(run->net, TW_HOST_SERVER, sockets, 64), i;

	for (i = 0; i < n; i++)
		if (sockets[i].remote_port && sockets[i].receive_queue)
			return true;
	return tw_program_over(run->program[run->job->command]);
}

/* The set-up's exchange, for ends of ours that do not serve. */
static int exchange(struct tw_run *run)
{
	int64_t long_ns = tw_run_now_ns() + 60 * TW_NS_PER_S;
	unsigned i;
	int r = 0;

	for (i = 0; i < set_up_end(run) && r >= 0; i++) {
		const struct tw_statement *s = &run->script.statements[i];

		if (plays_itself(run, s) || is_filler(run, s) || s->verb == TW_DO_VERDICT)
			continue;
		if (s->host == TW_HOST_SERVER && serves(run))
			continue;
		if (s->verb == TW_DO_QUEUE && s->host == TW_HOST_SERVER)
			r = tw_run_until(run, something_unread, NULL, long_ns);
		else if (exchanges(s) && s->verb != TW_DO_JOIN)
			r = our_call(run, s,
				     s->verb == TW_DO_ACCEPT ? long_ns : tw_run_now_ns() + STEP_NS);
	}
	return r < 0 ? r : 0;
}

/* The client reacts to the fault, or goes on in spite of it: by calls, not by being killed. */
static bool is_reaction(const struct tw_statement *s)
{
	return s->host == TW_HOST_CLIENT && s->verb < TW_DO_EXIT && s->verb != TW_DO_OPTION &&
	       s->verb != TW_DO_NONBLOCKING && s->verb != TW_DO_BIND;
}

/* What follows `fault`, up to the client's first call. */
static int fault(struct tw_run *run)
{
	unsigned i;
	int r = 0;

	run->fault_ns = tw_run_now_ns();
	tw_timeline_event(run, run->fault_ns, "host", NULL, 0, "the fault begins");
	for (i = 0; i < 2; i++)
		if (run->program[i])
			tw_program_fault(run->program[i]);
	for (i = run->script.fault; run->script.fault && i < run->script.count && !r; i++) {
		const struct tw_statement *s = &run->script.statements[i];

		if (s->verb == TW_DO_VERDICT || is_reaction(s))
			break;
		if (awaits(s) || (s->host == TW_HOST_SERVER && exchanges(s)))
			continue;
		if (s->verb == TW_DO_STOP)
			run->server_held = false; /* for good */
		if (s->verb <= TW_DO_CONTINUE && plays_itself(run, s)) {
			signal_program(run, s);
		} else if (is_call(s)) {
			release_server(run);
			r = s->host == TW_HOST_CLIENT ? 0
						      : our_call(run, s, tw_run_now_ns() + STEP_NS);
		} else {
			r = tw_run_step(run, s);
		}
	}
	release_server(run);
	return r;
}

/* In a scenario about connecting the fault is there when the program comes. */
static bool fault_first(const struct tw_run *run)
{
	return run->job->trigger == TW_TRIGGER_DEFAULT && run->script.fault &&
	       !has(run, 0, run->script.fault, TW_HOST_CLIENT, TW_DO_CONNECT);
}

/* ---- the end ---- */

static bool over(struct tw_run *run, void *arg)
{
	struct tw_program *client = run->program[TW_CLIENT];
	struct tw_program *asserted = run->program[run->job->command];

	/* A server does not end by itself: its client's end is the end, unless its own is asked for. */
	if (run->job->command == TW_SERVER && !run->job->within_ns && client)
		return tw_program_over(client);
	return tw_program_over(asserted);
}

static bool settled(struct tw_run *run, void *arg)
{
	return !tw_cable_pending(run->cable) &&
	       tw_run_now_ns() - tw_cable_last_ns(run->cable) > SETTLE_NS;
}

static bool gone(struct tw_run *run, void *arg)
{
	return (!run->program[0] || tw_program_gone(run->program[0])) &&
	       (!run->program[1] || tw_program_gone(run->program[1]));
}

static void judge(struct tw_run *run)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct tw_program_outcome o;

		if (!run->program[i])
			continue;
		tw_program_judge(run->program[i], &o);
		if (!o.passed)
			run->passed = false;
		json_array_append_new(run->programs,
				      tw_program_json(run->program[i], run->start_ns));
	}
}

/* With our client against a server of the user's there is nothing to wait for but its steps. */
static bool is_alone(const struct tw_run *run)
{
	return !run->program[TW_CLIENT] && !run->job->within_ns;
}

/* The fault, when its trigger has come. What came to its end before that is not told of another one. */
static int await_fault(struct tw_run *run)
{
	int r;

	if (is_alone(run) && run->job->trigger == TW_TRIGGER_DEFAULT)
		return fault(run);
	r = tw_run_until(run, triggered_or_over, NULL, run->deadline_ns);
	if (r < 0)
		return r;
	if (triggered(run))
		return fault(run);
	release_server(run);
	return 0;
}

static int live(struct tw_run *run)
{
	bool alone = is_alone(run);
	int r = 0;

	/* One that is played as the script has it does not answer by itself, and must be able to accept. */
	run->hold_server = run->job->trigger == TW_TRIGGER_DEFAULT && !fault_first(run) && !alone &&
			   (serves(run) || run->program[TW_SERVER]);
	if (!fault_first(run) || !serves(run) || alone)
		r = exchange(run);
	if (!r && !fault_first(run))
		r = await_fault(run);
	if (r)
		return r;
	if (alone)
		return 0;
	r = tw_run_until(run, over, NULL, run->deadline_ns);
	/* What its kernel still does for it, a lost FIN's repeat for one, belongs to the story. */
	return r < 0 ? r : tw_run_until(run, settled, NULL, tw_run_now_ns() + STEP_NS) < 0;
}

int tw_run_programs(struct tw_run *run)
{
	unsigned i;
	int r = prepare(run);

	if (!r)
		r = serve(run);
	if (!r && run->job->program[TW_SERVER])
		r = start(run, TW_HOST_SERVER);
	if (!r && fault_first(run))
		r = fault(run);
	if (!r && run->job->program[TW_CLIENT])
		r = start(run, TW_HOST_CLIENT);
	if (!r)
		r = live(run);
	for (i = 0; i < 2; i++)
		if (run->program[i])
			tw_program_stop(run->program[i]);
	if (!run->error.code)
		tw_run_until(run, gone, NULL, tw_run_now_ns() + 10 * TW_NS_PER_S);
	judge(run);
	return r;
}
