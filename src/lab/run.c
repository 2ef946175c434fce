/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor of one run: builds the hosts and the cable, plays the script, lets the wire come to rest,
 * reads the captures back, and writes the record.
 *
 *	parse -> hosts -> cable -> statements ... -> quiet wire -> captures closed -> read back -> record
 *	                   ^                |
 *	                   `-- the loop ----'   one thread: frames, results of calls, programs, times
 *
 * Nothing waits but in tw_run_until(), which serves the cable while it does: a wire that nobody serves is a
 * dead one. Whatever goes wrong, a record is written with what there is. Everything dies with this
 * process (lab.h), so an end by a signal needs no clean-up.
 */
#include "base/clock.h"
#include "base/duration.h"
#include "lab/run_private.h"
#include "report/json_value.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define RUN_MAX_NS       (150 * TW_NS_PER_S)
#define RUN_FULL_MAX_NS  (4 * 3600 * TW_NS_PER_S)
#define DEFAULT_DELAY_NS (2 * TW_NS_PER_MS)
#define LOOK_EVERY_NS    TW_NS_PER_MS
#define TICK_NS          (5 * TW_NS_PER_MS) /* for what the kernel tells only when asked */
#define QUIET_NS         (50 * TW_NS_PER_MS)

int64_t tw_run_now_ns(void)
{
	return tw_clock_ns(CLOCK_REALTIME);
}

int tw_run_fail(struct tw_run *run, const char *fmt, ...)
{
	char text[sizeof(run->error.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The first one is the cause. */
	if (!run->error.code)
		tw_err_set(&run->error, -ECANCELED, "%s", text);
	run->passed = false;
	return -ECANCELED;
}

/* ---- the loop ---- */

#define POLLED_MAX (1 + 2 * TW_RUN_PROCESSES + 2)

static struct tw_run_actor *actors(struct tw_run *run)
{
	return &run->actor[0][0];
}

static void take_result(struct tw_run *run, struct tw_run_actor *a)
{
	struct tw_actor_result r;

	if (!a->actor || a->ended || tw_actor_take(a->actor, &r) != 1)
		return;
	run->look_wanted = true;
	a->ended = r.ended;
	if (!r.statement)
		return;
	if (r.local_port)
		a->ports[r.statement->socket] =
			(struct tw_run_ports){ r.local_port, r.remote_port };
	a->result = r;
	a->have_result = true;
	tw_timeline_return(run, tw_actor_name(a->actor), &r);
}

/* Everything that is due, without waiting. */
static int work(struct tw_run *run)
{
	struct tw_err err;
	unsigned i;

	if (tw_cable_work(run->cable, &err))
		return tw_run_fail(run, "the cable failed: %s", err.text);
	for (i = 0; i < 2 * TW_RUN_PROCESSES; i++)
		take_result(run, &actors(run)[i]);
	for (i = 0; i < 2; i++)
		if (run->program[i])
			tw_program_work(run->program[i]);
	if (run->look_wanted && tw_run_now_ns() - run->looked_ns >= LOOK_EVERY_NS)
		tw_timeline_look(run);
	return 0;
}

static void wait_for_work(struct tw_run *run, int64_t until_ns)
{
	struct pollfd fds[POLLED_MAX];
	int64_t left_ns = until_ns - tw_run_now_ns();
	struct timespec timeout;
	nfds_t n = 0;
	unsigned i;

	fds[n++] = (struct pollfd){ .fd = tw_cable_fd(run->cable), .events = POLLIN };
	for (i = 0; i < 2 * TW_RUN_PROCESSES; i++)
		if (actors(run)[i].actor && !actors(run)[i].ended)
			fds[n++] = (struct pollfd){ .fd = tw_actor_fd(actors(run)[i].actor),
						    .events = POLLIN };
	for (i = 0; i < 2; i++)
		if (run->program[i])
			fds[n++] = (struct pollfd){ .fd = tw_program_fd(run->program[i]),
						    .events = POLLIN };
	if (left_ns > TICK_NS)
		left_ns = TICK_NS;
	if (left_ns < 0)
		left_ns = 0;
	timeout = (struct timespec){ .tv_nsec = (long)left_ns };
	ppoll(fds, n, &timeout, NULL);
}

int tw_run_until(struct tw_run *run, bool (*done)(struct tw_run *run, void *arg), void *arg,
		 int64_t deadline_ns)
{
	if (deadline_ns > run->deadline_ns)
		deadline_ns = run->deadline_ns;
	for (;;) {
		int r = work(run);

		if (r)
			return r;
		if (done(run, arg))
			return 1;
		if (tw_run_now_ns() >= deadline_ns)
			return 0;
		wait_for_work(run, deadline_ns);
	}
}

struct tw_run_actor *tw_run_actor(struct tw_run *run, const struct tw_statement *s)
{
	struct tw_run_actor *a = &run->actor[s->host][s->process - 1];
	struct tw_err err;

	if (a->actor && !a->ended)
		return a;
	if (run->removed[s->host]) {
		tw_run_fail(run, "line %u: the host of %s is gone", s->line,
			    s->host == TW_HOST_SERVER ? "the server" : "the client");
		return NULL;
	}
	tw_actor_free(a->actor);
	*a = (struct tw_run_actor){ 0 };
	if (tw_actor_new(&a->actor, run->net, s->host, s->process, run->v6, run->script.nat,
			 &err)) {
		tw_run_fail(run, "line %u: %s", s->line, err.text);
		return NULL;
	}
	return a;
}

/* ---- set-up ---- */

/* "v6-nots": the family, and what is switched off in both hosts. */
static int apply_variant(struct tw_run *run)
{
	const char *suffix = strchr(run->job->variant, '-');
	const char *name = NULL;
	struct tw_err err;
	int host;

	if (!suffix)
		return 0;
	if (strcmp(suffix, "-nots") == 0)
		name = "tcp_timestamps";
	else if (strcmp(suffix, "-nosack") == 0)
		name = "tcp_sack";
	else
		return tw_run_fail(run, "there is no variant '%s'", run->job->variant);
	for (host = TW_HOST_CLIENT; host <= TW_HOST_SERVER; host++)
		if (tw_net_sysctl(run->net, (enum tw_host_id)host, name, "0", &err))
			return tw_run_fail(run, "%s", err.text);
	return 0;
}

static int open_captures(struct tw_run *run)
{
	static const char *const names[2] = { "client", "server" };
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (run->job->keep) {
			run->capture_path[i] = tw_arena_printf(&run->arena, "%s/%s.pcapng",
							       run->job->keep, names[i]);
			continue;
		}
		run->capture_fd[i] = memfd_create(names[i], MFD_CLOEXEC);
		if (run->capture_fd[i] < 0)
			return tw_run_fail(run, "no memory for a capture: %s", strerror(errno));
		run->capture_path[i] =
			tw_arena_printf(&run->arena, "/proc/self/fd/%d", run->capture_fd[i]);
	}
	return 0;
}

static int open_cable(struct tw_run *run)
{
	struct tw_cable_config config = {
		.links = tw_net_links(run->net),
		.delay_ns = run->script.delay_ns >= 0 ? run->script.delay_ns : DEFAULT_DELAY_NS,
		.client_capture = run->capture_path[TW_CLIENT],
		.server_capture = run->capture_path[TW_SERVER],
		.loss_permille = run->script.loss_permille,
		.seed = run->job->seed,
		.event = tw_timeline_packet,
		.user = run,
	};
	struct tw_err err;
	unsigned link, end;

	for (link = 0; link < config.links; link++)
		for (end = 0; end < 2; end++)
			config.port[link][end] = tw_net_port(run->net, link, end);
	if (tw_cable_new(&run->cable, &config, &err))
		return tw_run_fail(run, "%s", err.text);
	tw_cable_nat(run->cable, run->script.nat, false);
	return 0;
}

static int set_up(struct tw_run *run)
{
	struct tw_err err;

	if (tw_script_parse(&run->script, run->job->scenario->script, &err))
		return tw_run_fail(run, "%s", err.text);
	run->v6 = strncmp(run->job->variant, "v6", 2) == 0;
	run->script.net.v4_alone = !run->v6 && !tw_lab_has_program(run->job);
	if (tw_net_new(&run->net, &run->script.net, &err))
		return tw_run_fail(run, "%s", err.text);
	if (run->v6 && !tw_net_has_v6(run->net))
		return tw_run_fail(run, "this kernel has no IPv6");
	if (apply_variant(run) || open_captures(run))
		return -ECANCELED;
	return open_cable(run);
}

/* ---- the play ---- */

static bool at_rest(struct tw_run *run, void *arg)
{
	int64_t delay_ns = run->script.delay_ns >= 0 ? run->script.delay_ns : DEFAULT_DELAY_NS;

	return !tw_cable_pending(run->cable) &&
	       tw_run_now_ns() - tw_cable_last_ns(run->cable) > QUIET_NS + 2 * delay_ns;
}

static int play_script(struct tw_run *run)
{
	unsigned i;

	for (i = 0; i < run->script.count && !run->stopped; i++) {
		const struct tw_statement *s = &run->script.statements[i];
		int r = tw_run_step(run, s);

		if (r)
			return r;
		if (tw_run_now_ns() >= run->deadline_ns)
			return tw_run_fail(run, "line %u: the scenario has used up its time",
					   s->line);
	}
	return 0;
}

static int play(struct tw_run *run)
{
	int r;

	run->ready_ns = tw_run_now_ns();
	run->deadline_ns = run->ready_ns + (run->job->full_time ? RUN_FULL_MAX_NS : RUN_MAX_NS) +
			   tw_lab_asked_ns(run->job);
	r = tw_lab_has_program(run->job) ? tw_run_programs(run) : play_script(run);
	if (r)
		return r;
	/* What is on its way still belongs to the captures. Repeats may go on for ever: not they. */
	return tw_run_until(run, at_rest, NULL, tw_run_now_ns() + TW_NS_PER_S) < 0 ? -ECANCELED : 0;
}

/* ---- the end ---- */

static void tear_down(struct tw_run *run)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		tw_program_free(run->program[i]);
		if (run->capture_fd[i] >= 0)
			close(run->capture_fd[i]);
	}
	for (i = 0; i < 2 * TW_RUN_PROCESSES; i++)
		tw_actor_free(actors(run)[i].actor);
	tw_net_free(run->net);
	tw_script_free(&run->script);
	tw_arena_free(&run->arena);
}

static json_t *time_text(int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / TW_NS_PER_S);
	struct tm tm;
	char text[40];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%09dZ", text, (int)(time_ns % TW_NS_PER_S));
}

/* By them the run is told from another on the same machine, which has the same addresses. */
static json_t *namespaces(const struct tw_run *run)
{
	static const char *const name[] = { "client", "server", "router" };
	json_t *j = json_object(), *list;
	const uint64_t *inodes;
	unsigned i, k, count;

	for (i = 0; i < TW_HOST__N && run->net; i++) {
		count = tw_net_namespaces(run->net, (enum tw_host_id)i, &inodes);
		if (!count)
			continue;
		list = json_array();
		for (k = 0; k < count; k++)
			json_array_append_new(list, json_integer((json_int_t)inodes[k]));
		json_object_set_new(j, name[i], list);
	}
	return j;
}

static json_t *record_of(struct tw_run *run)
{
	const struct tw_lab_job *job = run->job;
	struct utsname kernel;
	const char *scenario =
		tw_arena_printf(&run->arena, "%s/%s", job->slug, job->scenario->name);
	json_t *j =
		json_pack("{s:s, s:i, s:o, s:o, s:o, s:s, s:o, s:b}", "type", "lab", "schema", 1,
			  "scenario", tw_json_text(scenario), "slug", tw_json_text(job->slug),
			  "name", tw_json_text(job->scenario->name), "variant", job->variant,
			  "truth", tw_json_text(run->script.truth ? run->script.truth : job->slug),
			  "passed", (int)run->passed);

	if (!j)
		return NULL;
	uname(&kernel);
	json_object_set_new(j, "error",
			    run->error.code ? json_string(run->error.text) : json_null());
	json_object_set_new(j, "start", time_text(run->start_ns));
	json_object_set_new(j, "duration", tw_json_seconds(tw_run_now_ns() - run->start_ns));
	json_object_set_new(j, "fault",
			    run->fault_ns ? tw_json_seconds(run->fault_ns - run->start_ns)
					  : json_null());
	json_object_set_new(j, "attempt", json_integer((json_int_t)job->attempt + 1));
	json_object_set_new(j, "late", tw_json_seconds(run->latest_ns));
	json_object_set_new(j, "kernel", json_string(kernel.release));
	json_object_set_new(j, "namespaces", namespaces(run));
	json_object_set(j, "checks", run->checks);
	json_object_set(j, "verdicts", run->verdicts);
	json_object_set_new(j, "timeline", tw_timeline_take(run));
	json_object_set_new(j, "left_out", json_integer((json_int_t)run->timeline.left_out));
	json_object_set_new(j, "captures",
			    job->keep ? json_pack("{s:o, s:o}", "client",
						  tw_json_text(run->capture_path[TW_CLIENT]),
						  "server",
						  tw_json_text(run->capture_path[TW_SERVER]))
				      : json_null());
	json_object_set_new(j, "program",
			    json_array_size(run->programs) ? json_incref(run->programs)
							   : json_null());
	return j;
}

static int write_all(void *fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t w = write(*(const int *)fd, bytes, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		bytes += w;
		n -= (size_t)w;
	}
	return 0;
}

static int write_record(struct tw_run *run, int out_fd, struct tw_err *err)
{
	const struct tw_sink out = { .write = write_all, .user = &out_fd };
	json_t *record = record_of(run);
	int r;

	if (record && run->job->keep) {
		const char *path = tw_arena_printf(&run->arena, "%s/record.json", run->job->keep);

		if (tw_json_file(path, record)) {
			json_decref(record);
			return tw_err_set(err, -EIO, "the record can not be written to %.200s",
					  path);
		}
	}
	r = tw_json_line(&out, record);
	return r ? tw_err_set(err, r, "the record can not be written: %s", strerror(-r)) : 0;
}

/*
 * The wire shall not be late because the machine is busy: a frame that lies here for a retransmission timeout
 * makes another story. Real-time priority, where we may have it, and for this process alone: actors and
 * programs are scheduled as everybody.
 */
static void be_prompt(bool prompt)
{
	const struct sched_param param = { .sched_priority = prompt ? 1 : 0 };

	sched_setscheduler(0, (prompt ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK, &param);
}

/*
 * A link between namespaces has a queue for each processor, and two packets of a host that leave on different
 * ones may arrive in either order: an ACK behind the FIN that was sent after it draws an answer out of TIME_WAIT, and that
 * a reset (measured). A true story, but not the one of the script; so a run keeps to the processor that it was
 * started on. Programs of the user go where they like.
 */
static void stay_here(const struct tw_lab_job *job)
{
	int processor = sched_getcpu();
	cpu_set_t here;

	if (processor < 0 || processor >= CPU_SETSIZE || tw_lab_has_program(job))
		return;
	CPU_ZERO(&here);
	CPU_SET((unsigned)processor, &here);
	sched_setaffinity(0, sizeof(here), &here);
}

static bool disturbed(const struct tw_run *run)
{
	return !run->passed && !run->job->last_attempt && run->latest_ns >= TW_LAB_LATE_NS;
}

int tw_lab_run(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	struct tw_run *run = calloc(1, sizeof(*run));
	struct tw_err failure;
	int r;

	if (!run)
		return tw_err_set(err, -ENOMEM, "memory is out");
	run->job = job;
	run->passed = true;
	run->capture_fd[0] = run->capture_fd[1] = -1;
	run->start_ns = tw_run_now_ns();
	tw_arena_init(&run->arena);
	run->checks = json_array();
	run->verdicts = json_array();
	run->programs = json_array();
	signal(SIGPIPE, SIG_IGN);
	stay_here(job);
	r = tw_timeline_init(run);
	if (!r)
		r = set_up(run);
	be_prompt(true);
	if (!r)
		play(run);
	be_prompt(false);
	run->latest_ns = run->cable ? tw_cable_latest_ns(run->cable) : 0;
	if (run->cable && tw_cable_close(run->cable, &failure))
		tw_run_fail(run, "the captures are not whole: %s", failure.text);
	if (!r)
		tw_run_readback(run);
	if (disturbed(run))
		r = tw_err_set(err, -EAGAIN, "the machine was too busy for the wire");
	else
		r = write_record(run, out_fd, err);
	tear_down(run);
	json_decref(run->checks);
	json_decref(run->verdicts);
	json_decref(run->programs);
	free(run);
	return r;
}
