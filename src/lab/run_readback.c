/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the captures of a run read back with the engine of `tcpwhy read`, and their verdicts against what
 * the script accepts.
 *
 * Streams are numbered within each capture. One without a `verdict` line is somebody's who should not have
 * been hurt: it must not be `failed`.
 */
#include "diagnose/session.h"
#include "lab/run_private.h"
#include "report/json.h"

#include <errno.h>
#include <string.h>

#define MET_STREAMS 256u

struct reading {
	struct tw_run *run;
	enum tw_side vantage;
	const char *name; /* "client" */
	uint64_t met[4];  /* bit per stream of a verdict line that there was */
};

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static const struct tw_expected_verdict *expected_of(const struct tw_run *run, enum tw_side vantage,
						     uint64_t stream, bool never)
{
	unsigned i;

	for (i = 0; i < run->script.count; i++) {
		const struct tw_statement *s = &run->script.statements[i];

		if (s->verb == TW_DO_VERDICT && s->verdict.vantage[vantage] &&
		    s->verdict.stream <= stream && stream <= s->verdict.last_stream &&
		    s->verdict.never == never)
			return &s->verdict;
	}
	return NULL;
}

static bool among(const struct tw_expected_verdict *v, const char *slug)
{
	unsigned i;

	for (i = 0; i < v->slug_count; i++)
		if (same(v->slugs[i], slug))
			return true;
	return false;
}

static bool has_confidence(const struct tw_finding *f)
{
	return f->phenomenon != NULL;
}

/* Why a finding is not what the script accepts; NULL if it is. */
static const char *objection(const struct tw_run *run, enum tw_side vantage,
			     const struct tw_finding *f)
{
	const struct tw_expected_verdict *v = expected_of(run, vantage, f->stream, false);
	const struct tw_expected_verdict *never = expected_of(run, vantage, f->stream, true);
	unsigned confidences, outcomes;
	bool full;

	if (never && among(never, f->verdict))
		return "this must never be said";
	if (never && never->never_certain && has_confidence(f) && f->match.confidence == TW_CERTAIN)
		return "it can not be certain";
	if (!v)
		return f->match.outcome == TW_OUTCOME_FAILED ? "nothing was done to this connection"
							     : NULL;
	if (v->any)
		return NULL;
	if (!among(v, f->verdict))
		return "another verdict is expected";
	full = run->job->full_time && (v->full_confidences || v->full_outcomes);
	confidences = full ? v->full_confidences : v->confidences;
	outcomes = full ? v->full_outcomes : v->outcomes;
	if (!confidences)
		confidences = 1u << TW_LIKELY | 1u << TW_POSSIBLE;
	if (has_confidence(f) && !(confidences & 1u << f->match.confidence))
		return "another confidence is expected";
	if (outcomes && !(outcomes & 1u << f->match.outcome))
		return "another outcome is expected";
	return NULL;
}

static json_t *accepted(const struct tw_expected_verdict *v)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; v && i < v->slug_count; i++)
		json_array_append_new(list, json_string(v->slugs[i]));
	return list;
}

static json_t *finding_json(const struct tw_finding *f)
{
	struct tw_string text = { 0 };
	struct tw_sink sink = tw_string_sink(&text);
	json_t *j = NULL;

	if (!tw_json_finding(&sink, f))
		j = json_loads(tw_string_text(&text), 0, NULL);
	tw_string_free(&text);
	return j ? j : json_null();
}

static bool on_finding(void *user, struct tw_finding *f)
{
	struct reading *r = user;
	struct tw_run *run = r->run;
	/* With a program of the user's at an end nobody knows what is right. */
	bool judged = !run->job->program[TW_CLIENT] && !run->job->program[TW_SERVER];
	const struct tw_expected_verdict *v = expected_of(run, r->vantage, f->stream, false);
	const char *why = judged ? objection(run, r->vantage, f) : NULL;
	json_t *j = json_pack("{s:s, s:I, s:s, s:s, s:s, s:b}", "vantage", r->name, "stream",
			      (json_int_t)f->stream, "verdict", f->verdict, "confidence",
			      tw_confidence_name(f->match.confidence), "outcome",
			      tw_outcome_name(f->match.outcome), "passed", !why);

	/* A capture in memory has no name that means anything outside of this process. */
	if (!run->job->keep)
		f->source = NULL;
	if (f->stream < MET_STREAMS)
		r->met[f->stream / 64] |= UINT64_C(1) << f->stream % 64;
	if (why)
		run->passed = false;
	if (j) {
		if (judged)
			json_object_set_new(j, "accept", accepted(v));
		if (why)
			json_object_set_new(j, "objection", json_string(why));
		json_object_set_new(j, "finding", finding_json(f));
		json_array_append_new(run->verdicts, j);
	}
	tw_finding_free(f);
	return true;
}

static bool met_all(const struct reading *r, const struct tw_expected_verdict *v)
{
	uint64_t stream;

	for (stream = v->stream; stream <= v->last_stream && stream < MET_STREAMS; stream++)
		if (!(r->met[stream / 64] & UINT64_C(1) << stream % 64))
			return false;
	return true;
}

/* A verdict line about a connection that the capture does not have. */
static void note_missing(struct reading *r)
{
	struct tw_run *run = r->run;
	unsigned i;

	for (i = 0; i < run->script.count; i++) {
		const struct tw_statement *s = &run->script.statements[i];

		if (s->verb != TW_DO_VERDICT || s->verdict.never || s->verdict.any ||
		    !s->verdict.vantage[r->vantage] || met_all(r, &s->verdict))
			continue;
		tw_run_note_check(run, s->line, s->text, "such a connection",
				  r->vantage == TW_SERVER
					  ? "none in the capture of the server's end"
					  : "none in the capture of the client's end",
				  false);
	}
}

static int read_one(struct tw_run *run, enum tw_side vantage)
{
	struct reading r = { .run = run,
			     .vantage = vantage,
			     .name = vantage == TW_SERVER ? "server" : "client" };
	struct tw_session_config config = {
		.all = true, .memory_bytes = 256u << 20, .finding = on_finding, .user = &r
	};
	struct tw_session_summary summary = { 0 };
	struct tw_source *source = NULL;
	struct tw_err err;
	int code;

	/* A capture without a packet is nothing to read: the cable then wrote no interface either. */
	code = tw_source_open(&source, run->capture_path[vantage], NULL, &err);
	if (code)
		return tw_run_fail(run, "the capture of the %s's end can not be read back: %s",
				   r.name, err.text);
	code = tw_session_run(source, &config, &summary, &err);
	tw_source_close(source);
	if (code)
		return tw_run_fail(run, "the capture of the %s's end can not be read back: %s",
				   r.name, err.text);
	tw_session_summary_free(&summary);
	if (!run->job->program[TW_CLIENT] && !run->job->program[TW_SERVER] && !run->stopped)
		note_missing(&r);
	return 0;
}

int tw_run_readback(struct tw_run *run)
{
	int r = read_one(run, TW_CLIENT);

	return r ? r : read_one(run, TW_SERVER);
}
