/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what a user's program lived through: its calls, connections, the longest call, how it ended; whether that is
 * what was asserted; and the `program` object of the record (docs/lab.md).
 *
 * The longest call is the answer to "how long did it hang?", so what waits for something that need not come
 * does not count: accept, of a server. A call that never returned lasted until the program's end, or until it was
 * stopped.
 *
 * Limits: of a program of very many calls the first and last thousand are kept. A connect() begun without
 * blocking and asked again with connect() is one connection, if nothing else was connected in between.
 */
#include "lab/program_private.h"

#include "base/clock.h"
#include "base/duration.h"
#include "lab/script.h"
#include "report/json_value.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* ---- calls as they come ---- */

static bool is_accept(const struct tw_traced_call *c)
{
	return !strncmp(c->name, "accept", 6);
}

/* A connection to somewhere else (a resolver, a backend of its own) is not the scenario's. */
static void count_connection(struct tw_program *p, const struct tw_traced_call *c)
{
	struct tw_program_calls *calls = &p->calls;
	const struct tw_traced_call *before = &calls->connecting;

	if (is_accept(c) && p->config.side == TW_HOST_SERVER) {
		calls->connections +=
			c->result >= 0 && c->end_ns && c->local_port == p->config.port;
		return;
	}
	if (p->config.side != TW_HOST_CLIENT || strcmp(c->name, "connect") != 0 ||
	    c->remote_port != p->config.port)
		return;
	if (c->result != -EALREADY && c->result != -EISCONN &&
	    !(before->name && before->fd == c->fd && before->pid == c->pid &&
	      before->local_port == c->local_port && before->result == -EINPROGRESS))
		calls->connections++;
	calls->connecting = *c;
}

void tw_program_note(struct tw_program *p, const struct tw_traced_call *c)
{
	struct tw_program_calls *calls = &p->calls;

	if (calls->count < TW_PROGRAM_FIRST)
		calls->first[calls->count] = *c;
	else
		calls->last[(calls->count - TW_PROGRAM_FIRST) % TW_PROGRAM_LAST] = *c;
	calls->count++;
	count_connection(p, c);
	if (is_accept(c))
		return;
	if (!c->end_ns) {
		if (!calls->unfinished.name || c->start_ns < calls->unfinished.start_ns)
			calls->unfinished = *c;
	} else if (!calls->longest.name ||
		   c->end_ns - c->start_ns > calls->longest.end_ns - calls->longest.start_ns) {
		calls->longest = *c;
	}
}

/* ---- the judgement ---- */

/* Until when the program did what it did by itself. */
static int64_t own_end_ns(const struct tw_program *p)
{
	if (p->stop_ns && (!p->end_ns || p->end_ns > p->stop_ns))
		return p->stop_ns;
	return p->end_ns ? p->end_ns : tw_clock_ns(CLOCK_REALTIME);
}

/* "SIGTERM", "signal 40". */
static const char *signal_text(char out[32], int sig)
{
	const char *name = sigabbrev_np(sig);

	if (name)
		snprintf(out, 32, "SIG%s", name);
	else
		snprintf(out, 32, "signal %d", sig);
	return out;
}

static void explain(const struct tw_program *p, struct tw_program_outcome *o)
{
	const char *name = tw_program_name(p);
	const int expected = p->config.job->expect_exit;
	const size_t size = sizeof(o->failure);
	char text[32];

	if (!o->within)
		snprintf(o->failure, size, "%.80s had not ended after %s", name,
			 TW_DUR(o->duration_ns));
	else if (o->signal)
		snprintf(o->failure, size, "%.80s was killed by %s, exit status %d was expected",
			 name, signal_text(text, o->signal), expected);
	else
		snprintf(o->failure, size, "%.80s exited with %d, not with %d", name,
			 o->exit_status, expected);
}

void tw_program_judge(const struct tw_program *p, struct tw_program_outcome *o)
{
	const struct tw_lab_job *job = p->config.job;
	const int64_t end_ns = own_end_ns(p);
	int status = 0;

	*o = (struct tw_program_outcome){ .exit_status = -1 };
	if (tw_program_ended(p, &status)) {
		if (WIFEXITED(status))
			o->exit_status = WEXITSTATUS(status);
		else
			o->signal = WTERMSIG(status);
	}
	o->ended = p->end_ns && (!p->stop_ns || p->end_ns <= p->stop_ns);
	o->duration_ns = end_ns - p->start_ns;
	o->within = end_ns < tw_program_deadline_ns(p);
	/* One that had to be stopped has no exit status of its own. */
	o->exit_expected = !p->config.asserted || job->expect_exit < 0 ||
			   (o->within && o->exit_status == job->expect_exit);
	o->passed = o->exit_expected && (o->within || !p->config.asserted || !job->within_ns);
	o->connections = p->calls.connections;
	o->calls = p->calls.count;
	if (!o->passed)
		explain(p, o);
}

/* ---- the record ---- */

static json_t *result_of(const struct tw_traced_call *c)
{
	if (!c->end_ns)
		return json_null();
	return c->result < 0 ? json_string(tw_errno_name((int)-c->result))
			     : json_integer(c->result);
}

static json_t *port_of(uint16_t port)
{
	return port ? json_integer(port) : json_null();
}

static json_t *call_object(const struct tw_traced_call *c, int64_t start_ns)
{
	return json_pack("{s:o, s:s, s:i, s:o, s:o, s:i, s:o, s:o}", "time",
			 tw_json_seconds(c->start_ns - start_ns), "call", c->name, "fd", c->fd,
			 "result", result_of(c), "after",
			 c->end_ns ? tw_json_seconds(c->end_ns - c->start_ns) : json_null(), "pid",
			 (int)c->pid, "local_port", port_of(c->local_port), "remote_port",
			 port_of(c->remote_port));
}

static json_t *call_list(const struct tw_program_calls *calls, int64_t start_ns)
{
	json_t *list = json_array();
	uint64_t i = 0, behind;

	for (; i < calls->count && i < TW_PROGRAM_FIRST; i++)
		json_array_append_new(list, call_object(&calls->first[i], start_ns));
	if (calls->count > TW_PROGRAM_FIRST + TW_PROGRAM_LAST)
		i = calls->count - TW_PROGRAM_LAST;
	for (; i < calls->count; i++) {
		behind = (i - TW_PROGRAM_FIRST) % TW_PROGRAM_LAST;
		json_array_append_new(list, call_object(&calls->last[behind], start_ns));
	}
	return list;
}

static json_t *longest_call(const struct tw_program *p)
{
	const struct tw_traced_call *c = &p->calls.longest, *open = &p->calls.unfinished;
	int64_t after_ns = c->name ? c->end_ns - c->start_ns : -1;

	if (open->name && own_end_ns(p) - open->start_ns > after_ns) {
		c = open;
		after_ns = own_end_ns(p) - open->start_ns;
	}
	if (!c->name)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "call", c->name, "result", result_of(c), "after",
			 tw_json_seconds(after_ns));
}

static json_t *argument_list(const struct tw_program *p)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; p->argv[i]; i++)
		json_array_append_new(list, tw_json_text(p->argv[i]));
	return list;
}

json_t *tw_program_json(const struct tw_program *p, int64_t start_ns)
{
	const struct tw_program_calls *calls = &p->calls;
	const uint64_t kept = TW_PROGRAM_FIRST + TW_PROGRAM_LAST;
	struct tw_program_outcome o;
	char sig[32];

	tw_program_judge(p, &o);
	return json_pack(
		"{s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:i, s:o}",
		"side", p->config.side == TW_HOST_SERVER ? "server" : "client", "argv",
		argument_list(p), "asserted", p->config.asserted, "ended", o.ended, "exit",
		o.exit_status >= 0 ? json_integer(o.exit_status) : json_null(), "signal",
		o.signal ? json_string(signal_text(sig, o.signal)) : json_null(), "start",
		tw_json_seconds(p->start_ns - start_ns), "duration", tw_json_seconds(o.duration_ns),
		"within", o.within, "passed", o.passed, "failure",
		o.passed ? json_null() : tw_json_text(o.failure), "calls",
		call_list(calls, start_ns), "calls_omitted",
		json_integer(calls->count > kept ? (json_int_t)(calls->count - kept) : 0),
		"connections", (int)o.connections, "longest_call", longest_call(p));
}
