/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public face of the library (include/tcpwhy/tcpwhy.h): a run holds what was asked for, opens its
 * inputs late, and lends findings to the caller's function. Nothing is decided here.
 */
#include "tcpwhy/tcpwhy.h"

#include "capture/source.h"
#include "diagnose/session.h"
#include "phenomena/idle_table.h"
#include "report/json.h"
#include "report/sink.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tcpwhy {
	char **paths;
	unsigned path_count;
	struct tw_filter *filter;
	struct tw_idle_table *idle_table;
	bool all;
	uint64_t memory_bytes;
	volatile sig_atomic_t stop;
	struct tw_err err;
	struct tw_session_summary summary;
	bool ran;
	struct tw_string json; /* of the summary, or of the finding at hand */
};

struct tcpwhy_finding {
	const struct tw_finding *finding;
	struct tcpwhy *run;
};

struct delivery {
	struct tcpwhy *run;
	tcpwhy_finding_fn callback;
	void *user;
};

static_assert((int)TCPWHY_CLEAN == TW_OUTCOME_CLEAN && (int)TCPWHY_UNKNOWN == TW_OUTCOME_UNKNOWN &&
		      (int)TCPWHY_DEGRADED == TW_OUTCOME_DEGRADED &&
		      (int)TCPWHY_FAILED == TW_OUTCOME_FAILED,
	      "the public outcomes are the internal ones");
static_assert((int)TCPWHY_CLIENT == TW_CLIENT && (int)TCPWHY_SERVER == TW_SERVER,
	      "the public sides are the internal ones");

const char *tcpwhy_version(void)
{
	return TW_VERSION;
}

struct tcpwhy *tcpwhy_new(void)
{
	return calloc(1, sizeof(struct tcpwhy));
}

void tcpwhy_free(struct tcpwhy *run)
{
	unsigned i;

	if (!run)
		return;
	for (i = 0; i < run->path_count; i++)
		free(run->paths[i]);
	free(run->paths);
	tw_idle_free(run->idle_table);
	tw_filter_free(run->filter);
	if (run->ran)
		tw_session_summary_free(&run->summary);
	tw_string_free(&run->json);
	free(run);
}

int tcpwhy_add_file(struct tcpwhy *run, const char *path)
{
	char **grown = reallocarray(run->paths, run->path_count + 1, sizeof(*grown));

	if (!grown)
		return tw_err_set(&run->err, -ENOMEM, "out of memory");
	run->paths = grown;
	run->paths[run->path_count] = strdup(path);
	if (!run->paths[run->path_count])
		return tw_err_set(&run->err, -ENOMEM, "out of memory");
	run->path_count++;
	return 0;
}

int tcpwhy_set_filter(struct tcpwhy *run, const char *expression)
{
	struct tw_filter *filter = NULL;
	const int r = expression ? tw_filter_new(&filter, expression, &run->err) : 0;

	if (r)
		return r;
	tw_filter_free(run->filter);
	run->filter = filter;
	return 0;
}

void tcpwhy_set_all(struct tcpwhy *run, bool all)
{
	run->all = all;
}

void tcpwhy_set_memory(struct tcpwhy *run, uint64_t bytes)
{
	run->memory_bytes = bytes;
}

int tcpwhy_set_idle_table(struct tcpwhy *run, const char *path)
{
	struct tw_idle_table *table = NULL;
	const int r = path ? tw_idle_load(&table, path, &run->err) : 0;

	if (r)
		return r;
	tw_idle_free(run->idle_table);
	run->idle_table = table;
	return 0;
}

static bool deliver(void *user, struct tw_finding *f)
{
	const struct delivery *d = user;
	struct tcpwhy_finding lent = { .finding = f, .run = d->run };
	const bool stopped = d->run->stop; /* before: what was read up to there is told */
	const bool more = !d->callback || d->callback(&lent, d->user);

	tw_finding_free(f);
	return more && (stopped || !d->run->stop);
}

static int open_source(const struct tcpwhy *run, struct tw_source **src, struct tw_err *err)
{
	if (!run->path_count)
		return tw_err_set(err, -EINVAL, "no capture was given");
	if (run->path_count == 1)
		return tw_source_open(src, run->paths[0], run->filter, err);
	return tw_source_open_merged(src, (const char *const *)run->paths, run->path_count,
				     run->filter, err);
}

static int read_and_judge(struct tcpwhy *run, struct delivery *delivery, struct tw_err *err)
{
	const struct tw_session_config config = {
		.memory_bytes = run->memory_bytes,
		.all = run->all,
		.idle_table = run->idle_table,
		.stop = &run->stop,
		.finding = deliver,
		.user = delivery,
	};
	struct tw_source *src = NULL;
	int r = open_source(run, &src, err);

	if (r)
		return r;
	r = tw_session_run(src, &config, &run->summary, err);
	run->ran = true;
	tw_source_close(src);
	if (!r && run->summary.nothing_readable)
		r = tw_err_set(err, -EPROTO, "%s",
			       run->summary.problem_count ? run->summary.problems[0]
							  : "not one packet could be read");
	return r;
}

int tcpwhy_run(struct tcpwhy *run, tcpwhy_finding_fn callback, void *user)
{
	struct delivery delivery = { .run = run, .callback = callback, .user = user };
	struct tw_err err = { 0 }; /* a reader may try this and that, and succeed */
	int r;

	run->stop = 0;
	if (run->ran)
		tw_session_summary_free(&run->summary);
	run->ran = false;
	r = read_and_judge(run, &delivery, &err);
	if (r)
		run->err = err;
	return r;
}

void tcpwhy_stop(struct tcpwhy *run)
{
	run->stop = 1;
}

const char *tcpwhy_error(const struct tcpwhy *run)
{
	return run->err.text;
}

uint64_t tcpwhy_packets(const struct tcpwhy *run)
{
	return run->summary.packets;
}

uint64_t tcpwhy_connections(const struct tcpwhy *run)
{
	return run->summary.connections;
}

uint64_t tcpwhy_count(const struct tcpwhy *run, enum tcpwhy_outcome outcome)
{
	switch (outcome) {
	case TCPWHY_CLEAN:
		return run->summary.clean;
	case TCPWHY_UNKNOWN:
		return run->summary.unknown;
	case TCPWHY_DEGRADED:
		return run->summary.degraded;
	case TCPWHY_FAILED:
		return run->summary.failed;
	}
	return 0;
}

const char *tcpwhy_problem(const struct tcpwhy *run, unsigned number)
{
	return number < run->summary.problem_count ? run->summary.problems[number] : NULL;
}

/* What a JSON writer put into @json, without the line's end; NULL if it failed. */
static const char *without_newline(struct tw_string *json, int r)
{
	if (r || json->failed || !json->length)
		return NULL;
	if (json->bytes[json->length - 1] == '\n')
		json->bytes[--json->length] = '\0';
	return json->bytes;
}

const char *tcpwhy_summary_json(struct tcpwhy *run)
{
	struct tw_sink sink;

	if (!run->ran)
		return NULL;
	tw_string_clear(&run->json);
	sink = tw_string_sink(&run->json);
	return without_newline(&run->json, tw_json_summary(&sink, &run->summary));
}

uint64_t tcpwhy_finding_stream(const struct tcpwhy_finding *finding)
{
	return finding->finding->stream;
}

const char *tcpwhy_finding_endpoint(const struct tcpwhy_finding *finding, enum tcpwhy_side side)
{
	return side == TCPWHY_CLIENT ? finding->finding->client : finding->finding->server;
}

const char *tcpwhy_finding_verdict(const struct tcpwhy_finding *finding)
{
	return finding->finding->verdict;
}

enum tcpwhy_outcome tcpwhy_finding_outcome(const struct tcpwhy_finding *finding)
{
	return (enum tcpwhy_outcome)finding->finding->match.outcome;
}

const char *tcpwhy_finding_confidence(const struct tcpwhy_finding *finding)
{
	return tw_confidence_name(finding->finding->match.confidence);
}

const char *tcpwhy_finding_summary(const struct tcpwhy_finding *finding)
{
	const char *text = finding->finding->match.summary;

	return text ? text : "";
}

const char *tcpwhy_finding_error(const struct tcpwhy_finding *finding, enum tcpwhy_side side)
{
	const struct tw_app *app = &finding->finding->match.app[side == TCPWHY_SERVER];

	return app->call ? app->error : NULL;
}

const char *tcpwhy_finding_call(const struct tcpwhy_finding *finding, enum tcpwhy_side side)
{
	return finding->finding->match.app[side == TCPWHY_SERVER].call;
}

const char *tcpwhy_finding_evidence(const struct tcpwhy_finding *finding, unsigned number,
				    uint64_t *packet)
{
	const struct tw_match *m = &finding->finding->match;

	if (number >= m->evidence_count)
		return NULL;
	if (packet)
		*packet = m->evidence[number].frame;
	return m->evidence[number].text ? m->evidence[number].text : "";
}

const char *tcpwhy_finding_json(const struct tcpwhy_finding *finding)
{
	struct tw_string *json = &finding->run->json;
	struct tw_sink sink;

	tw_string_clear(json);
	sink = tw_string_sink(json);
	return without_newline(json, tw_json_finding(&sink, finding->finding));
}
