/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a user's program lived through: how it ended and after how long, what its socket calls
 * said, where it hung, whether it came back, what both captures say, and what of it was asserted.
 */
#include "lab/show.h"

#include "lab/show_private.h"
#include "report/words.h"

#define LABEL        12
#define CALLS_MAX    12
#define LONG_CALL_NS TW_NS_PER_S
#define HUNG_NS      (100 * TW_NS_PER_MS) /* below that nobody would say so */

static void label(struct tw_pen *p, const char *text)
{
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_FAINT, "%s", text);
	tw_pen_column(p, 2 + LABEL);
}

static void line(struct tw_pen *p, const char *name, enum tw_role role, const char *text)
{
	label(p, name);
	tw_pen_wrap(p, 2 + LABEL, role, "%s", text);
	tw_pen_newline(p);
}

/* ---- its calls ---- */

static bool is_errno(const char *result)
{
	return result[0] == 'E' && result[1] >= 'A' && result[1] <= 'Z' &&
	       strcmp(result, "EOF") != 0;
}

/* EAGAIN and its kind are how non-blocking programs live, not failures. */
static bool worth_telling(const json_t *call)
{
	const char *result = tw_show_text(call, "result");

	if (tw_show_ns(json_object_get(call, "after")) >= LONG_CALL_NS)
		return true;
	if (json_is_null(json_object_get(call, "result")))
		return true;
	return is_errno(result) && strcmp(result, "EAGAIN") != 0 &&
	       strcmp(result, "EINPROGRESS") != 0 && strcmp(result, "EALREADY") != 0 &&
	       strcmp(result, "EINTR") != 0 && strcmp(result, "ENOTCONN") != 0;
}

static void call_line(struct tw_pen *p, const json_t *call)
{
	const json_t *result = json_object_get(call, "result");
	json_int_t remote = json_integer_value(json_object_get(call, "remote_port"));

	tw_pen_column(p, 2 + LABEL);
	tw_pen_put(p, TW_ROLE_FAINT, "%.6f  ", json_number_value(json_object_get(call, "time")));
	tw_pen_wrap(p, 4 + LABEL, TW_ROLE_PLAIN, "%s(%lld", tw_show_text(call, "call"),
		    (long long)json_integer_value(json_object_get(call, "fd")));
	if (remote)
		tw_pen_put(p, TW_ROLE_PLAIN, ", port %lld -> %lld",
			   (long long)json_integer_value(json_object_get(call, "local_port")),
			   (long long)remote);
	tw_pen_put(p, TW_ROLE_PLAIN, ")");
	if (json_is_string(result))
		tw_pen_put(p, is_errno(json_string_value(result)) ? TW_ROLE_BAD : TW_ROLE_PLAIN,
			   " = %s", json_string_value(result));
	else if (json_is_integer(result))
		tw_pen_put(p, TW_ROLE_PLAIN, " = %lld", (long long)json_integer_value(result));
	else
		tw_pen_put(p, TW_ROLE_WARN, " never returned");
	if (json_is_number(json_object_get(call, "after")))
		tw_pen_wrap(p, 4 + LABEL, TW_ROLE_PLAIN, " after %s",
			    TW_DUR(tw_show_ns(json_object_get(call, "after"))));
	tw_pen_newline(p);
}

static void calls(struct tw_pen *p, const json_t *program)
{
	const json_t *list = json_object_get(program, "calls"), *call;
	size_t i, told = 0, all = 0;

	json_array_foreach(list, i, call) all += worth_telling(call);
	if (!all) {
		line(p, "Its calls", TW_ROLE_PLAIN, "none failed or took longer than 1 s");
		return;
	}
	line(p, "Its calls", TW_ROLE_PLAIN, "that failed or took longer than 1 s:");
	json_array_foreach(list, i, call)
	{
		if (!worth_telling(call))
			continue;
		/* The first ones, and the last. */
		if (told++ < CALLS_MAX || told == all)
			call_line(p, call);
		else if (told == CALLS_MAX + 1)
			line(p, "", TW_ROLE_FAINT, "...");
	}
}

/* ---- how it went ---- */

static void ending(struct tw_pen *p, const json_t *program)
{
	const json_t *status = json_object_get(program, "exit");
	const char *duration = TW_DUR(tw_show_ns(json_object_get(program, "duration")));
	const char *name = json_string_value(json_array_get(json_object_get(program, "argv"), 0));
	const char *slash = name ? strrchr(name, '/') : NULL;

	tw_pen_put(p, TW_ROLE_STRONG, "%s", slash ? slash + 1 : name ? name : "program");
	tw_pen_put(p, TW_ROLE_PLAIN, " (%s)", tw_show_text(program, "side"));
	if (*tw_show_text(program, "signal"))
		tw_pen_wrap(p, 2, TW_ROLE_BAD, " was killed by %s after %s",
			    tw_show_text(program, "signal"), duration);
	else if (json_is_integer(status) && json_integer_value(status))
		tw_pen_wrap(p, 2, TW_ROLE_WARN, " exited with %lld after %s",
			    (long long)json_integer_value(status), duration);
	else if (json_is_integer(status))
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " exited with 0 after %s", duration);
	else
		tw_pen_wrap(p, 2, TW_ROLE_WARN, " had not ended after %s", duration);
	tw_pen_newline(p);
}

static void hung(struct tw_pen *p, const json_t *program)
{
	const json_t *longest = json_object_get(program, "longest_call");
	int64_t ns = tw_show_ns(json_object_get(longest, "after"));

	if (ns < HUNG_NS || !*tw_show_text(longest, "call"))
		return;
	label(p, "It hung");
	tw_pen_wrap(p, 2 + LABEL, ns >= LONG_CALL_NS ? TW_ROLE_WARN : TW_ROLE_PLAIN,
		    "at most %s, in %s()", TW_DUR(ns), tw_show_text(longest, "call"));
	tw_pen_newline(p);
}

static void connections(struct tw_pen *p, const json_t *program)
{
	json_int_t n = json_integer_value(json_object_get(program, "connections"));
	bool client = tw_show_is(program, "side", "client");

	label(p, "Connections");
	tw_pen_wrap(p, 2 + LABEL, TW_ROLE_PLAIN, "%lld%s", (long long)n,
		    !client ? " accepted"
		    : n > 1 ? ": it connected again"
			    : "");
	tw_pen_newline(p);
}

/* ---- the fault ---- */

static const char *trigger_words(enum tw_lab_trigger trigger)
{
	switch (trigger) {
	case TW_TRIGGER_DEFAULT:
		break;
	case TW_TRIGGER_CONNECT:
		return "it was over before the handshake was";
	case TW_TRIGGER_BYTES:
		return "it was over before so many bytes were on the wire";
	case TW_TRIGGER_TIME:
		return "it was over before that time had come";
	case TW_TRIGGER_LINE:
		return "it was over, and no line had matched";
	}
	return "it was over before the client's first bytes had arrived";
}

/* Whoever asserts something of a program in trouble must know that there was none. */
static void fault_that_never_began(struct tw_pen *p, const struct tw_crew_result *r)
{
	if (!json_is_null(json_object_get(r->record, "fault")) || *tw_show_text(r->record, "error"))
		return;
	label(p, "No fault");
	tw_pen_wrap(p, 2 + LABEL, TW_ROLE_WARN, "%s", trigger_words(r->job->job.trigger));
	tw_pen_newline(p);
}

/* ---- what the packets say ---- */

static void verdict(struct tw_pen *p, const json_t *v)
{
	const json_t *finding = json_object_get(v, "finding");
	char name[48];

	snprintf(name, sizeof(name), "%s end", tw_show_text(v, "vantage"));
	label(p, name);
	tw_pen_wrap(p, 2 + LABEL, TW_ROLE_STRONG, "%s", tw_show_text(v, "verdict"));
	if (*tw_show_text(v, "confidence"))
		tw_pen_wrap(p, 2 + LABEL, TW_ROLE_PLAIN, " (%s, %s)", tw_show_text(v, "outcome"),
			    tw_show_text(v, "confidence"));
	if (*tw_show_text(finding, "summary"))
		tw_pen_wrap(p, 2 + LABEL, TW_ROLE_PLAIN, ": %s", tw_show_text(finding, "summary"));
	tw_pen_newline(p);
}

static void packets(struct tw_pen *p, const json_t *record)
{
	const json_t *timeline = json_object_get(record, "timeline"), *o;
	json_int_t count[2] = { 0, 0 }, bytes[2] = { 0, 0 }, lost = 0;
	size_t i;

	json_array_foreach(timeline, i, o)
	{
		bool server = tw_show_is(o, "from", "server");

		if (!tw_show_is(o, "kind", "packet"))
			continue;
		count[server]++;
		bytes[server] += json_integer_value(json_object_get(o, "length"));
		lost += tw_show_is(o, "fate", "dropped");
	}
	label(p, "Packets");
	tw_pen_wrap(p, 2 + LABEL, TW_ROLE_PLAIN,
		    "%lld from the client with %lld bytes of data, %lld from the server with %lld "
		    "bytes; %lld lost",
		    (long long)count[0], (long long)bytes[0], (long long)count[1],
		    (long long)bytes[1], (long long)lost);
	tw_pen_newline(p);
}

/* ---- what was asserted ---- */

/* The record's sentence on what did not hold. */
static void failure(struct tw_pen *p, const json_t *program)
{
	if (*tw_show_text(program, "failure"))
		line(p, "", TW_ROLE_BAD, tw_show_text(program, "failure"));
}

static void asserts(struct tw_pen *p, const struct tw_lab_job *job, const json_t *program)
{
	const json_t *status = json_object_get(program, "exit");
	bool good;

	if (job->expect_exit >= 0) {
		/* One that had to be stopped has no exit status of its own. */
		good = json_is_integer(status) && json_integer_value(status) == job->expect_exit &&
		       json_is_true(json_object_get(program, "within"));
		label(p, good ? "ok" : "FAILED");
		tw_pen_wrap(p, 2 + LABEL, good ? TW_ROLE_GOOD : TW_ROLE_BAD, "--expect-exit %d",
			    job->expect_exit);
		tw_pen_newline(p);
	}
	if (job->within_ns) {
		good = json_is_true(json_object_get(program, "within"));
		label(p, good ? "ok" : "FAILED");
		tw_pen_wrap(p, 2 + LABEL, good ? TW_ROLE_GOOD : TW_ROLE_BAD, "--within %s",
			    TW_DUR(job->within_ns));
		tw_pen_newline(p);
	}
}

/* `program` is one object, or a list of them where both ends are programs. */
static void each_program(struct tw_pen *p, const struct tw_crew_result *r)
{
	const json_t *programs = json_object_get(r->record, "program"), *program;
	size_t i,
		n = json_is_array(programs) ? json_array_size(programs) : json_is_object(programs);

	for (i = 0; i < n; i++) {
		program = json_is_array(programs) ? json_array_get(programs, i) : programs;
		ending(p, program);
		connections(p, program);
		calls(p, program);
		hung(p, program);
		if (json_is_true(json_object_get(program, "asserted")))
			asserts(p, &r->job->job, program);
		failure(p, program);
	}
}

void tw_show_program(struct tw_pen *p, const struct tw_show_options *o,
		     const struct tw_crew_result *result)
{
	const json_t *verdicts = json_object_get(result->record, "verdicts"), *v;
	char name[TW_CREW_NAME];
	size_t i;

	tw_pen_put(p, TW_ROLE_STRONG, "%s", tw_crew_name(name, result->job));
	tw_pen_newline(p);
	if (*tw_show_text(result->record, "error"))
		line(p, "Error", TW_ROLE_BAD, tw_show_text(result->record, "error"));
	if (o->verbosity >= 0) {
		tw_show_ladder(p, o, result->record);
		packets(p, result->record);
	}
	json_array_foreach(verdicts, i, v)
	{
		verdict(p, v);
	}
	fault_that_never_began(p, result);
	each_program(p, result);
}
