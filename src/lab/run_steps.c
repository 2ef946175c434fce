/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: how each statement of a script is carried out.
 *
 * Each waits for an event, with a deadline: what the statement itself allows, and ten seconds more, for a
 * loaded machine is late. A deadline that passes means that the scenario could not be carried out (the
 * record's `error`), except for calls: a call that does not return in its time is a failed check.
 */
#include "base/duration.h"
#include "lab/run_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define PATIENCE_NS (10 * TW_NS_PER_S)

/* ---- calls of a process ---- */

static bool has_result(struct tw_run *run, void *arg)
{
	return ((struct tw_run_actor *)arg)->have_result;
}

/* The call of @s (or the one that @s joins) has returned: judge it. */
static void use_result(struct tw_run *run, struct tw_run_actor *a, const struct tw_statement *s)
{
	struct tw_actor_result r = a->result;

	a->have_result = false;
	a->calling = NULL;
	if (r.start_ns > a->ready_ns)
		run->lag_ns += r.start_ns - a->ready_ns;
	tw_run_check(run, s, &r, tw_cable_late_ns(run->cable) - a->late_ns + r.starved_ns);
	run->lag_ns += r.starved_ns;
	run->returned_ns = r.end_ns;
}

/* It has not returned: right if it was to hang, otherwise the check fails. */
static void use_silence(struct tw_run *run, struct tw_run_actor *a, const struct tw_statement *s,
			const struct tw_expect *e)
{
	char expected[TW_EXPECT_TEXT], seen[64];
	bool right = e->kind == TW_EXPECT_HANG;

	snprintf(seen, sizeof(seen), "still inside after %s",
		 TW_DUR(tw_run_now_ns() - tw_actor_since_ns(a->actor)));
	tw_run_note_check(run, s->line, s->text, tw_expect_text(expected, e), seen, right);
	if (!right)
		run->stopped = true;
}

static int wait_for_call(struct tw_run *run, struct tw_run_actor *a, const struct tw_statement *s)
{
	const struct tw_expect *e = s->expect.given ? &s->expect : &a->calling->expect;
	int64_t at_most_ns = tw_run_at_most_ns(run, e), at_least_ns = tw_run_at_least_ns(run, e);
	int64_t allowed_ns = at_most_ns > at_least_ns ? at_most_ns : at_least_ns;
	int64_t deadline_ns = tw_actor_since_ns(a->actor) + (allowed_ns > 0 ? allowed_ns : 0);
	int r;

	if (e->kind != TW_EXPECT_HANG)
		deadline_ns += PATIENCE_NS;
	r = a->have_result ? 1 : tw_run_until(run, has_result, a, deadline_ns);
	if (r > 0)
		use_result(run, a, s);
	else if (!r)
		use_silence(run, a, s, e);
	return r < 0 ? r : 0;
}

static int call(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_run_actor *a = tw_run_actor(run, s);
	char text[TW_CALL_TEXT];
	int r;

	if (!a)
		return run->error.code;
	if (a->calling)
		return tw_run_fail(run, "line %u: %s is still inside the call of line %u", s->line,
				   tw_actor_name(a->actor), a->calling->line);
	tw_timeline_event(run, tw_run_now_ns(), "call", tw_actor_name(a->actor), s->socket, "%s",
			  tw_timeline_call_text(text, s));
	r = tw_actor_begin(a->actor, s);
	if (r)
		return tw_run_fail(run, "line %u: %s: %s", s->line, s->text, strerror(-r));
	a->calling = s;
	a->late_ns = tw_cable_late_ns(run->cable);
	a->ready_ns = run->ready_ns;
	return s->background ? 0 : wait_for_call(run, a, s);
}

static int join(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_run_actor *a = tw_run_actor(run, s);

	if (!a)
		return run->error.code;
	if (!a->calling)
		return tw_run_fail(run, "line %u: %s has no call in the background", s->line,
				   tw_actor_name(a->actor));
	return wait_for_call(run, a, s);
}

/* ---- what is done to a process ---- */

static bool has_ended(struct tw_run *run, void *arg)
{
	return ((struct tw_run_actor *)arg)->ended;
}

static int send_signal(struct tw_run *run, const struct tw_statement *s, int sig)
{
	struct tw_run_actor *a = tw_run_actor(run, s);
	int r;

	if (!a)
		return run->error.code;
	tw_timeline_event(run, tw_run_now_ns(), "signal", tw_actor_name(a->actor), 0, "SIG%s",
			  sigabbrev_np(sig) ? sigabbrev_np(sig) : "?");
	r = tw_actor_signal(a->actor, sig);
	if (r)
		return tw_run_fail(run, "line %u: %s: %s", s->line, s->text, strerror(-r));
	if (s->verb != TW_DO_KILL)
		return 0;
	/* A signal that is no death (SIGWINCH ...) has nothing to wait for. */
	r = tw_run_until(run, has_ended, a, tw_run_now_ns() + TW_NS_PER_S);
	return r < 0 ? r : 0;
}

static struct tw_run_ports ports_of(struct tw_run *run, const struct tw_statement *s)
{
	return run->actor[s->host][s->process - 1].ports[s->socket];
}

static int destroy(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_run_ports p = ports_of(run, s);
	int r = p.local ? tw_net_destroy_connection(run->net, s->host, p.local, p.remote) : 0;

	if (r == 1) {
		tw_timeline_event(run, tw_run_now_ns(), "host",
				  s->host == TW_HOST_SERVER ? "server" : "client", s->socket,
				  "socket destroyed (ss -K)");
		return 0;
	}
	if (r == -EOPNOTSUPP)
		return tw_run_fail(run,
				   "line %u: this kernel can not destroy sockets "
				   "(CONFIG_INET_DIAG_DESTROY)",
				   s->line);
	return tw_run_fail(run, "line %u: %s: there is no such connection", s->line, s->text);
}

/* ---- waiting for the kernel ---- */

struct wanted {
	const struct tw_statement *s;
	struct tw_run_ports ports;
	char seen[64];
};

/* The socket that a statement means; a connect() still going on has no known port, so any to its peer. */
static const struct tw_net_socket *find_socket(const struct wanted *w,
					       const struct tw_net_socket *sockets, int n)
{
	const struct tw_net_socket *found = NULL;
	int i;

	for (i = 0; i < n; i++) {
		const struct tw_net_socket *k = &sockets[i];
		bool listener = k->state == 10; /* TCP_LISTEN */

		if (w->s->socket == 0 ? listener
		    : w->ports.local
			    ? k->local_port == w->ports.local && k->remote_port == w->ports.remote
			    : !listener && k->remote_port != 0)
			found = k;
	}
	return found;
}

static bool in_state(struct tw_run *run, void *arg)
{
	enum { CLOSED = 7 }; /* TCP_CLOSE */
	struct wanted *w = arg;
	struct tw_net_socket sockets[128];
	const struct tw_net_socket *k;
	int n = tw_net_sockets(run->net, w->s->host, sockets, 128);
	unsigned state;

	if (n < 0)
		return false;
	w->ports = ports_of(run, w->s);
	k = find_socket(w, sockets, n);
	state = k ? k->state : CLOSED;
	snprintf(w->seen, sizeof(w->seen), "%s", tw_tcp_state_name(state));
	return state == (unsigned)w->s->number;
}

static bool has_queue(struct tw_run *run, void *arg)
{
	struct wanted *w = arg;
	struct tw_net_socket sockets[128];
	const struct tw_net_socket *k;
	int n = tw_net_sockets(run->net, w->s->host, sockets, 128);
	uint32_t bytes;

	if (n < 0)
		return false;
	w->ports = ports_of(run, w->s);
	k = find_socket(w, sockets, n);
	bytes = !k ? 0 : w->s->number2 ? k->send_queue : k->receive_queue;
	snprintf(w->seen, sizeof(w->seen), k ? "%u bytes" : "no such connection", bytes);
	return k && (int64_t)bytes >= w->s->number;
}

static int64_t patience_until(const struct tw_run *run, const struct tw_statement *s)
{
	int64_t at_most_ns = tw_run_at_most_ns(run, &s->expect);

	return tw_run_now_ns() + (at_most_ns > PATIENCE_NS ? at_most_ns : PATIENCE_NS);
}

static int wait_for_kernel(struct tw_run *run, const struct tw_statement *s,
			   bool (*done)(struct tw_run *, void *))
{
	struct wanted w = { .s = s };
	int64_t start_ns = tw_run_now_ns();
	int64_t at_most_ns = tw_run_at_most_ns(run, &s->expect);
	int64_t late_ns = tw_cable_late_ns(run->cable);
	int r = tw_run_until(run, done, &w, patience_until(run, s));
	char expected[TW_EXPECT_TEXT];

	if (r < 0)
		return r;
	if (!r)
		return tw_run_fail(run, "line %u: '%s' did not come: it is %s", s->line, s->text,
				   w.seen);
	if (at_most_ns >= 0)
		tw_run_note_check(run, s->line, s->text, tw_expect_text(expected, &s->expect),
				  TW_DUR(tw_run_now_ns() - start_ns),
				  tw_run_now_ns() - start_ns <=
					  at_most_ns + tw_cable_late_ns(run->cable) - late_ns);
	return 0;
}

/* ---- the cable ---- */

static int add_rule(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_err err;

	tw_timeline_event(run, tw_run_now_ns(), "cable", NULL, 0, "%s", s->text);
	if (tw_cable_add(run->cable, &s->rule, &err) < 0)
		return tw_run_fail(run, "line %u: %s", s->line, err.text);
	return 0;
}

static int forge(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_err err;

	tw_timeline_event(run, tw_run_now_ns(), "cable", NULL, 0, "%s", s->text);
	if (tw_cable_forge(run->cable, &s->forge, &err) < 0)
		return tw_run_fail(run, "line %u: %s", s->line, err.text);
	return 0;
}

static int flood(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_err err;

	tw_timeline_event(run, tw_run_now_ns(), "cable", NULL, 0, "%s", s->text);
	if (tw_cable_flood(run->cable, (unsigned)s->number, s->port, run->v6, &err) < 0)
		return tw_run_fail(run, "line %u: %s", s->line, err.text);
	return 0;
}

static void cut(struct tw_run *run, const struct tw_statement *s)
{
	tw_timeline_event(run, tw_run_now_ns(), "cable", NULL, 0, "%s", s->text);
	if (s->number != 1)
		tw_cable_cut(run->cable, 0, true);
	if (s->number != 0)
		tw_cable_cut(run->cable, 1, true);
}

static void heal(struct tw_run *run, const struct tw_statement *s)
{
	tw_timeline_event(run, tw_run_now_ns(), "cable", NULL, 0, "%s", s->text);
	tw_cable_heal(run->cable);
}

static bool has_seen(struct tw_run *run, void *arg)
{
	const struct tw_statement *s = *(const struct tw_statement **)arg;

	return tw_cable_seen(run->cable, &s->rule.spec) >= s->rule.spec.first;
}

static int wait_for_frames(struct tw_run *run, const struct tw_statement *s)
{
	int r = tw_run_until(run, has_seen, (void *)&s, patience_until(run, s));

	if (r)
		return r < 0 ? r : 0;
	return tw_run_fail(run, "line %u: '%s' did not come: %llu such frames were sent", s->line,
			   s->text, (unsigned long long)tw_cable_seen(run->cable, &s->rule.spec));
}

static bool is_quiet(struct tw_run *run, void *arg)
{
	const struct tw_statement *s = *(const struct tw_statement **)arg;

	return !tw_cable_pending(run->cable) &&
	       tw_run_now_ns() - tw_cable_last_ns(run->cable) >= s->time_ns;
}

static int wait_for_quiet(struct tw_run *run, const struct tw_statement *s)
{
	int r = tw_run_until(run, is_quiet, (void *)&s, tw_run_now_ns() + s->time_ns + PATIENCE_NS);

	if (r)
		return r < 0 ? r : 0;
	return tw_run_fail(run, "line %u: the wire was never quiet for %s", s->line,
			   TW_DUR(s->time_ns));
}

/* ---- hosts and time ---- */

/* Kill the processes of a host, and take its connections down without a packet. */
static void take_down(struct tw_run *run, enum tw_host_id host)
{
	unsigned i;

	tw_cable_cut(run->cable, host == TW_HOST_SERVER, true);
	/* The card first, the processes then: what their kernel would still send has no way out. */
	tw_net_remove(run->net, host);
	run->removed[host] = true;
	for (i = 0; i < TW_RUN_PROCESSES; i++) {
		tw_actor_free(run->actor[host][i].actor);
		run->actor[host][i] = (struct tw_run_actor){ 0 };
	}
	if (run->program[host])
		tw_program_signal(run->program[host], SIGKILL);
}

static int vanish(struct tw_run *run, const struct tw_statement *s)
{
	tw_timeline_event(run, tw_run_now_ns(), "host",
			  s->host == TW_HOST_SERVER ? "server" : "client", 0,
			  s->verb == TW_DO_REBOOT ? "reboot" : "vanish");
	take_down(run, s->host);
	return 0;
}

static int reboot(struct tw_run *run, const struct tw_statement *s)
{
	unsigned end = s->host == TW_HOST_SERVER;
	unsigned link = end ? tw_net_links(run->net) - 1 : 0;
	struct tw_err err;
	int r = vanish(run, s);

	if (r)
		return r;
	if (tw_net_rebuild(run->net, s->host, &err) ||
	    tw_cable_replace_port(run->cable, link, end, tw_net_port(run->net, link, end), &err))
		return tw_run_fail(run, "line %u: the host could not be rebuilt: %s", s->line,
				   err.text);
	run->removed[s->host] = false;
	tw_cable_cut(run->cable, end, false);
	return 0;
}

static int sysctl(struct tw_run *run, const struct tw_statement *s)
{
	const bool is_short = s->number == 1;
	struct tw_err err;
	int r;

	if (run->job->full_time && is_short)
		return 0;
	r = tw_net_sysctl(run->net, s->host, s->name, s->value, &err);
	/* A kernel that does not know how to take longer (tcp_syn_linear_timeouts, since Linux 6.5) is short. */
	if (r == -ENOENT && is_short && strcmp(s->value, "0") == 0)
		return 0;
	return r ? tw_run_fail(run, "line %u: %s", s->line, err.text) : 0;
}

static int neighbour(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_err err;

	if (tw_net_neighbour(run->net, s->host, (enum tw_neighbour)s->number, &err))
		return tw_run_fail(run, "line %u: %s", s->line, err.text);
	return 0;
}

static bool never(struct tw_run *run, void *arg)
{
	return false;
}

static int wait_for_time(struct tw_run *run, const struct tw_statement *s)
{
	int r = tw_run_until(run, never, NULL, tw_run_now_ns() + s->time_ns);

	return r < 0 ? r : 0;
}

static int carry_out(struct tw_run *run, const struct tw_statement *s)
{
	switch (s->verb) {
	case TW_DO_KILL:
		return send_signal(run, s, (int)s->number);
	case TW_DO_STOP:
		return send_signal(run, s, SIGSTOP);
	case TW_DO_CONTINUE:
		return send_signal(run, s, SIGCONT);
	case TW_DO_DESTROY:
		return destroy(run, s);
	case TW_DO_JOIN:
		return join(run, s);
	case TW_DO_STATE:
		return wait_for_kernel(run, s, in_state);
	case TW_DO_QUEUE:
		return wait_for_kernel(run, s, has_queue);
	case TW_DO_CABLE_RULE:
		return add_rule(run, s);
	case TW_DO_CABLE_RELEASE:
		tw_timeline_event(run, tw_run_now_ns(), "cable", NULL, 0, "%s", s->text);
		tw_cable_release(run->cable);
		return 0;
	case TW_DO_CABLE_FORGE:
		return forge(run, s);
	case TW_DO_CABLE_FLOOD:
		return flood(run, s);
	case TW_DO_CABLE_CUT:
		cut(run, s);
		return 0;
	case TW_DO_CABLE_HEAL:
		heal(run, s);
		return 0;
	case TW_DO_CABLE_FORGET:
		tw_timeline_event(run, tw_run_now_ns(), "cable", NULL, 0, "%s", s->text);
		tw_cable_nat(run->cable, true, true);
		return 0;
	case TW_DO_CABLE_WAIT:
		return wait_for_frames(run, s);
	case TW_DO_CABLE_QUIET:
		return wait_for_quiet(run, s);
	case TW_DO_VANISH:
		return vanish(run, s);
	case TW_DO_REBOOT:
		return reboot(run, s);
	case TW_DO_NEIGHBOUR:
		return neighbour(run, s);
	case TW_DO_SYSCTL:
		return sysctl(run, s);
	case TW_DO_WAIT:
		return wait_for_time(run, s);
	case TW_DO_FAULT:
		run->fault_ns = tw_run_now_ns();
		return 0;
	case TW_DO_VERDICT:
		return 0;
	default:
		return call(run, s);
	}
}

int tw_run_step(struct tw_run *run, const struct tw_statement *s)
{
	int r;

	run->returned_ns = 0;
	r = carry_out(run, s);
	/* A call was over when it returned, or when it was asked for; all else is over now. */
	if (!run->returned_ns)
		run->ready_ns = tw_run_now_ns();
	else if (run->returned_ns > run->ready_ns)
		run->ready_ns = run->returned_ns;
	return r;
}
