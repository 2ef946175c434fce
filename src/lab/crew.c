/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The orchestrator: keeps as many runs going as it may, collects what each writes, and hands over
 * the results in the order of the list, each as soon as all before it are through.
 *
 *	jobs     0   1   2   3   4   5 ...
 *	        told  |   |   |   `-- not begun
 *	              |   |   `-- running
 *	              |   `-- finished, waits for 1
 *	              `-- running
 *
 * A run writes its record to a pipe; the end of the pipe is the end of the run. One whose wire was too late to
 * tell anything is begun again (lab.h, TW_LAB_LATE_NS), as the next one, and judged the third time in any case. What a run can do to us is
 * bounded: a record of RECORD_BYTES_MAX, and a time, far beyond what a scenario takes, after which it is
 * killed. (A run has its own, tighter idea of time; this is for one that has lost its way.)
 */
#include "lab/crew.h"

#include "base/clock.h"
#include "base/duration.h"
#include "lab/durations.h"
#include "lab/isolate.h"
#include "report/json_value.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PER_PROCESSOR    6
#define SIDE_BY_SIDE_MAX 256
#define RECORD_BYTES_MAX ((size_t)512 << 20)
#define READ_BYTES       65536
#define TICK_MS          100
#define ATTEMPTS         3
#define RUN_MAX_NS       (15 * 60 * TW_NS_PER_S)
/* With the default timers keepalive alone takes 2 h 11 min; retransmissions of 15 min come on top. */
#define FULL_TIME_MAX_NS (5 * 3600 * TW_NS_PER_S)

enum stage { WAITING, RUNNING, FINISHED };

struct run {
	enum stage stage;
	char *bytes; /* what it has written so far */
	size_t length, room;
	char *error; /* a sentence, if it left no record */
	unsigned attempt;
	int64_t started_ns, duration_ns;
	struct tw_isolated isolated;
};

struct crew {
	const struct tw_crew_config *config;
	const struct tw_crew_job *jobs;
	struct run *runs;
	struct pollfd *polls; /* of the running */
	unsigned *polled;     /* their runs */
	/* In which they are begun: the longest first, or the end is waiting for them; then those once more. */
	unsigned *order;
	unsigned side_by_side, ordered, begun, told;
	int64_t started_ns;
	struct tw_crew_state *state;
};

const char *tw_crew_name(char out[TW_CREW_NAME], const struct tw_crew_job *job)
{
	const struct tw_lab_job *j = &job->job;
	int n;

	if (j->phenomenon)
		n = snprintf(out, TW_CREW_NAME, "%s/%s/%s", j->slug, j->scenario->name, j->variant);
	else
		n = snprintf(out, TW_CREW_NAME, "%s/%s", j->slug, j->variant);
	if (job->repetition && n > 0 && n < TW_CREW_NAME)
		snprintf(out + n, TW_CREW_NAME - (size_t)n, " #%u", job->repetition);
	return out;
}

/* ---- a run begins ---- */

struct body {
	const struct tw_crew_config *config;
	const struct tw_lab_job *job;
	unsigned attempt;
};

static int run_body(void *user, bool user_ns, int out_fd, struct tw_err *err)
{
	const struct body *b = user;
	struct tw_lab_job job = *b->job;

	job.inside_user_ns = user_ns;
	job.attempt = b->attempt;
	/* What a program of the user's does is not to be done twice unasked. */
	job.last_attempt = tw_lab_has_program(&job) || b->attempt + 1 >= ATTEMPTS;
	return b->config->run(&job, out_fd, err);
}

/* mkdir -p */
static int make_folder(const char *path, struct tw_err *err)
{
	char part[4096];
	size_t i, n = strlen(path);

	if (n >= sizeof(part))
		return tw_err_set(err, -ENAMETOOLONG, "cannot create %.80s...: %s", path,
				  strerror(ENAMETOOLONG));
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return tw_err_set(err, -errno, "cannot create %s: %s", part,
					  strerror(errno));
	}
	return 0;
}

static int begin(struct crew *c, unsigned i, struct tw_err *err)
{
	struct body body = { .config = c->config,
			     .job = &c->jobs[i].job,
			     .attempt = c->runs[i].attempt };
	struct tw_isolate_config isolate = { .body = run_body,
					     .user = &body,
					     .foreground = c->config->foreground };
	struct run *run = &c->runs[i];
	int r;

	r = body.job->keep ? make_folder(body.job->keep, err) : 0;
	if (r)
		return r;
	run->started_ns = tw_clock_ns(CLOCK_MONOTONIC);
	r = tw_isolate_start(&run->isolated, &isolate, err);
	if (r)
		return r;
	run->stage = RUNNING;
	c->state->running++;
	return 0;
}

/* ---- a run ends ---- */

static void fail(struct run *run, const char *text)
{
	if (!run->error)
		run->error = strdup(text);
}

static void finish(struct crew *c, struct run *run)
{
	struct tw_err err = { 0 };
	int r = tw_isolate_wait(&run->isolated, &err);

	if (r == -EAGAIN && run->attempt + 1 < ATTEMPTS) {
		run->attempt++;
		run->length = 0;
		run->stage = WAITING;
		c->state->running--;
		c->order[c->ordered++] = (unsigned)(run - c->runs);
		return;
	}
	if (r)
		fail(run, err.text);
	run->duration_ns = tw_clock_ns(CLOCK_MONOTONIC) - run->started_ns;
	run->stage = FINISHED;
	c->state->running--;
	c->state->finished++;
}

/* Room for one more read. */
static bool grow(struct run *run)
{
	size_t room = run->room ? run->room * 2 : READ_BYTES * 2;
	char *bytes;

	if (run->room - run->length >= READ_BYTES)
		return true;
	if (room > RECORD_BYTES_MAX) {
		fail(run, "the record of the run is larger than 512 MiB");
		return false;
	}
	bytes = realloc(run->bytes, room);
	if (!bytes) {
		fail(run, "out of memory");
		return false;
	}
	run->bytes = bytes;
	run->room = room;
	return true;
}

/* What has come on its pipe; at the end of the pipe it is finished. */
static void read_record(struct crew *c, struct run *run)
{
	ssize_t n;

	if (!grow(run)) {
		char rest[4096];

		tw_isolate_stop(&run->isolated);
		while (read(run->isolated.out, rest, sizeof(rest)) > 0)
			;
		finish(c, run);
		return;
	}
	n = read(run->isolated.out, run->bytes + run->length, READ_BYTES);
	if (n > 0)
		run->length += (size_t)n;
	else if (n == 0 || errno != EINTR)
		finish(c, run);
}

/* ---- results ---- */

static json_t *record_of(const struct tw_crew_job *job, struct run *run)
{
	const struct tw_lab_job *j = &job->job;
	json_error_t wrong;
	json_t *record = NULL;
	struct tw_string name = { 0 };

	if (!run->error) {
		record = json_loadb(run->bytes ? run->bytes : "", run->length, 0, &wrong);
		if (json_is_object(record))
			return record;
		json_decref(record);
		fail(run, "the run left no record");
	}
	tw_string_printf(&name, "%s/%s", j->slug, j->scenario->name);
	record = json_pack("{s:s, s:i, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:[], s:[], s:[], s:n}",
			   "type", "lab", "schema", 1, "scenario",
			   tw_json_text(tw_string_text(&name)), "slug", tw_json_text(j->slug),
			   "name", tw_json_text(j->scenario->name), "variant", j->variant, "passed",
			   0, "error", tw_json_text(run->error ? run->error : "out of memory"),
			   "duration", tw_json_seconds(run->duration_ns), "checks", "verdicts",
			   "timeline", "program");
	tw_string_free(&name);
	return record;
}

static int tell(struct crew *c, unsigned i)
{
	struct run *run = &c->runs[i];
	struct tw_crew_result result = { .job = &c->jobs[i], .duration_ns = run->duration_ns };
	int r;

	result.record = record_of(result.job, run);
	if (!result.record)
		return -ENOMEM;
	result.passed = json_is_true(json_object_get(result.record, "passed"));
	c->state->failed += !result.passed;
	r = c->config->result(c->config->user, &result);
	json_decref(result.record);
	free(run->bytes);
	run->bytes = NULL;
	return r;
}

/* All results whose turn has come; @gaps: also those behind one that will never come. */
static int tell_finished(struct crew *c, bool gaps)
{
	int r = 0;

	for (; !r && c->told < c->state->total; c->told++) {
		if (c->runs[c->told].stage == FINISHED)
			r = tell(c, c->told);
		else if (!gaps)
			break;
	}
	return r;
}

/* ---- the loop ---- */

static bool stopped(const struct crew *c)
{
	return c->config->stop && *c->config->stop;
}

static void kill_overdue(struct crew *c, unsigned i)
{
	const struct tw_lab_job *job = &c->jobs[i].job;
	int64_t most = (job->full_time ? FULL_TIME_MAX_NS : RUN_MAX_NS) + tw_lab_asked_ns(job);

	if (tw_clock_ns(CLOCK_MONOTONIC) - c->runs[i].started_ns < most)
		return;
	fail(&c->runs[i], "the run did not end by itself and was killed");
	tw_isolate_stop(&c->runs[i].isolated);
}

static void wait_for_some(struct crew *c)
{
	unsigned n = 0, i;

	for (i = c->told; i < c->state->total; i++) {
		if (c->runs[i].stage != RUNNING)
			continue;
		kill_overdue(c, i);
		c->polls[n] = (struct pollfd){ .fd = c->runs[i].isolated.out, .events = POLLIN };
		c->polled[n++] = i;
	}
	if (poll(c->polls, n, TICK_MS) <= 0)
		return;
	for (i = 0; i < n; i++)
		if (c->polls[i].revents)
			read_record(c, &c->runs[c->polled[i]]);
}

static void progress(struct crew *c)
{
	c->state->elapsed_ns = tw_clock_ns(CLOCK_MONOTONIC) - c->started_ns;
	if (c->config->progress)
		c->config->progress(c->config->user, c->state);
}

static int work(struct crew *c, unsigned count, struct tw_err *err)
{
	int r = 0;

	while (!r && c->told < count && !stopped(c)) {
		while (!r && c->begun < c->ordered && c->state->running < c->side_by_side &&
		       !stopped(c)) {
			r = begin(c, c->order[c->begun], err);
			c->begun += !r;
		}
		if (r)
			return r;
		wait_for_some(c);
		progress(c);
		r = tell_finished(c, false);
		if (r)
			tw_err_set(err, r, "%s", strerror(-r));
	}
	return r;
}

/* Kill all first, then wait for each: they end side by side. */
static void end_all(struct crew *c)
{
	char rest[4096];
	unsigned i;

	for (i = 0; i < c->state->total; i++)
		if (c->runs[i].stage == RUNNING)
			tw_isolate_stop(&c->runs[i].isolated);
	for (i = 0; i < c->state->total; i++) {
		if (c->runs[i].stage != RUNNING)
			continue;
		while (read(c->runs[i].isolated.out, rest, sizeof(rest)) > 0)
			;
		tw_isolate_wait(&c->runs[i].isolated, NULL);
		c->runs[i].stage = WAITING;
		c->state->running--;
	}
}

static int64_t expected_ns(const struct tw_lab_job *job)
{
	return job->phenomenon ? tw_typical_ns(job->slug, job->scenario->name) : -1;
}

static int longest_first(const void *a, const void *b, void *user)
{
	const struct crew *c = user;
	const unsigned *x = a, *y = b;
	int64_t left = expected_ns(&c->jobs[*x].job), right = expected_ns(&c->jobs[*y].job);

	if (left != right)
		return left > right ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

static unsigned at_once(unsigned asked)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = asked ? asked : PER_PROCESSOR * (processors > 0 ? (unsigned)processors : 1);

	return n < SIDE_BY_SIDE_MAX ? n : SIDE_BY_SIDE_MAX;
}

int tw_crew_run(const struct tw_crew_config *config, const struct tw_crew_job *jobs, unsigned count,
		struct tw_crew_state *state, struct tw_err *err)
{
	struct crew c = { .config = config,
			  .jobs = jobs,
			  .side_by_side = at_once(config->side_by_side),
			  .started_ns = tw_clock_ns(CLOCK_MONOTONIC),
			  .state = state };
	unsigned i;
	int r;

	*state = (struct tw_crew_state){ .total = count };
	c.runs = calloc(count + 1, sizeof(*c.runs));
	c.polls = calloc(c.side_by_side, sizeof(*c.polls));
	c.polled = calloc(c.side_by_side, sizeof(*c.polled));
	c.order = calloc((size_t)ATTEMPTS * count + 1, sizeof(*c.order));
	if (c.runs && c.polls && c.polled && c.order) {
		for (i = 0; i < count; i++)
			c.order[i] = i;
		c.ordered = count;
		if (c.side_by_side > 1)
			qsort_r(c.order, count, sizeof(*c.order), longest_first, &c);
		r = work(&c, count, err);
	} else {
		r = tw_err_set(err, -ENOMEM, "out of memory");
	}
	if (c.runs) {
		end_all(&c);
		if (!r && stopped(&c))
			r = tell_finished(&c, true);
	}
	for (i = 0; c.runs && i < count; i++) {
		free(c.runs[i].bytes);
		free(c.runs[i].error);
	}
	free(c.runs);
	free(c.polls);
	free(c.polled);
	free(c.order);
	return r;
}
