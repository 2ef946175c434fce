/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `tcpwhy live -i` adds: an interface as a source, a session over it, the join with the kernel's findings,
 * and the file of -w.
 *
 *	interface --> flow --> packets' finding ---> [join] --> finding --> told --> -w
 *	kernel   --> watch --> kernel's finding --->
 *
 * The interface may go: then the kernel's events go on alone. The disk may fill: then findings go on without -w.
 * Each is said once, at once on stderr and again in the summary.
 */
#include "cli/live_packets.h"
#include "base/clock.h"

#include "base/arena.h"
#include "capture/interface.h"
#include "cli/command.h"
#include "diagnose/flow.h"
#include "diagnose/keep.h"
#include "kernel/join.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MEMORY_BYTES  (256ull << 20)
#define KEEP_SHARE    4 /* of the memory, for packets kept for -w */
#define LINK_CHECK_NS 1000000000LL
#define FINISH_STEPS  64

struct tw_live_packets {
	struct tw_live_packets_config config;
	struct tw_source *source;
	struct tw_flow *flow;
	struct tw_join *join; /* NULL: packets only */
	struct tw_writer *writer;
	struct tw_arena arena; /* of the problems */
	const char *problems[8];
	unsigned problem_count;
	uint64_t written;
	int64_t link_checked_ns, called_ns;
	bool was_down, told_end, failed;
};

/* Said at once, and kept for the summary. */
static void problem(struct tw_live_packets *p, const char *text)
{
	tw_complain("%s", text);
	if (p->problem_count < sizeof(p->problems) / sizeof(p->problems[0]))
		p->problems[p->problem_count++] = tw_arena_printf(&p->arena, "%s", text);
}

/* ---- findings ---- */

static bool on_packets(void *user, struct tw_finding *f)
{
	struct tw_live_packets *p = user;

	if (p->join)
		tw_join_packets(p->join, f);
	else if (f->match.outcome == TW_OUTCOME_CLEAN && !p->config.all)
		tw_finding_free(f);
	else
		p->config.finding(p->config.user, f);
	return true;
}

static void on_joined(void *user, struct tw_finding *f)
{
	struct tw_live_packets *p = user;

	p->config.finding(p->config.user, f);
}

static enum tw_flow_state flow_state(void *user, const struct tw_tuple *t)
{
	const struct tw_live_packets *p = user;

	return tw_flow_state(p->flow, t);
}

static void flow_judge(void *user, const struct tw_tuple *t)
{
	const struct tw_live_packets *p = user;

	tw_flow_judge(p->flow, t);
}

void tw_live_packets_kernel(struct tw_live_packets *p, struct tw_finding *f)
{
	tw_join_kernel(p->join, f, tw_clock_ns(CLOCK_MONOTONIC));
}

void tw_live_packets_write(struct tw_live_packets *p, const struct tw_finding *f)
{
	struct tw_err err = { 0 };

	if (!p->writer || !f->kept)
		return;
	if (tw_kept_write(f, p->writer, &err) == 0 && tw_writer_flush(p->writer, &err) == 0) {
		p->written++;
		return;
	}
	p->failed = true;
	problem(p,
		tw_arena_printf(&p->arena, "%s; findings go on without their packets", err.text));
	tw_writer_close(p->writer, &err);
	p->writer = NULL;
}

/* ---- opening ---- */

int tw_live_packets_open(struct tw_live_packets **out, const struct tw_live_packets_config *config,
			 struct tw_err *err)
{
	struct tw_live_packets *p = calloc(1, sizeof(*p));
	const uint64_t memory = config->memory_bytes ? config->memory_bytes : MEMORY_BYTES;
	const uint64_t keep = config->write_path ? memory / KEEP_SHARE : 0;
	const struct tw_session_config session = {
		.memory_bytes = memory - keep,
		.keep_bytes = keep,
		.finding = on_packets,
		.user = p,
		.all = true,
	};
	int r;

	if (!p)
		return tw_err_set(err, -ENOMEM, "out of memory");
	tw_arena_init(&p->arena);
	p->config = *config;
	r = tw_source_open_interface(&p->source, config->interface, config->filter, err);
	if (!r)
		r = tw_flow_open(&p->flow, p->source, &session, err);
	if (!r && config->write_path)
		r = tw_writer_open(&p->writer, config->write_path, err);
	if (!r && p->writer)
		r = tw_writer_flush(p->writer, err);
	if (r) {
		tw_live_packets_close(p);
		return r;
	}
	*out = p;
	return 0;
}

int tw_live_packets_join(struct tw_live_packets *p, struct tw_err *err)
{
	struct stat own = { 0 };
	struct tw_join_config config = {
		.all = p->config.all,
		.need_kernel = p->config.need_kernel,
		.state = flow_state,
		.judge = flow_judge,
		.finding = on_joined,
		.user = p,
	};

	if (stat("/proc/self/ns/net", &own) == 0)
		config.netns = (uint32_t)own.st_ino;
	p->join = tw_join_new(&config);
	return p->join ? 0 : tw_err_set(err, -ENOMEM, "out of memory");
}

void tw_live_packets_close(struct tw_live_packets *p)
{
	struct tw_err err = { 0 };

	if (!p)
		return;
	tw_join_free(p->join);
	tw_flow_close(p->flow);
	tw_source_close(p->source);
	if (p->writer)
		tw_writer_close(p->writer, &err);
	tw_arena_free(&p->arena);
	free(p);
}

/* ---- work ---- */

/* Down is not the end: it may come up again. Gone is. */
static void check_link(struct tw_live_packets *p)
{
	const int64_t now = tw_clock_ns(CLOCK_MONOTONIC);
	const char *name = p->config.interface;
	bool down;

	if (tw_source_has_ended(p->source)) {
		if (!p->told_end)
			problem(p,
				tw_arena_printf(&p->arena,
						"the interface %s is gone: no more packets", name));
		p->told_end = true;
		return;
	}
	if (now - p->link_checked_ns < LINK_CHECK_NS)
		return;
	p->link_checked_ns = now;
	down = !tw_interface_is_up(name);
	if (down && !p->was_down)
		problem(p, tw_arena_printf(&p->arena,
					   "the interface %s went down: no packets until it is up "
					   "again",
					   name));
	p->was_down = down;
}

bool tw_live_packets_work(struct tw_live_packets *p, int timeout_ms)
{
	struct pollfd fd = { .fd = tw_source_fd(p->source), .events = POLLIN };
	/* Time passes for the packets only up to the call before: of that, the kernel's events are read by now,
	 * however long this process had to wait in between. */
	const unsigned n = tw_flow_step(p->flow, p->called_ns);

	p->called_ns = tw_clock_ns(CLOCK_REALTIME);
	if (p->join)
		tw_join_tick(p->join, tw_clock_ns(CLOCK_MONOTONIC));
	if (n)
		return true;
	check_link(p);
	/* An interface that is down or gone is always ready, to tell so. */
	if (p->was_down || fd.fd < 0)
		poll(NULL, 0, timeout_ms);
	else if (timeout_ms)
		poll(&fd, 1, timeout_ms);
	return false;
}

bool tw_live_packets_have_ended(const struct tw_live_packets *p)
{
	return tw_source_has_ended(p->source);
}

static void tell_health(struct tw_live_packets *p, const struct tw_session_summary *s,
			struct tw_live_packets_health *h)
{
	*h = (struct tw_live_packets_health){
		.packets = s->packets,
		.lost = s->capture_drops,
		.evicted = s->evicted,
		.written = p->written,
		.interface = p->config.interface,
		.failed = p->failed || (p->told_end && !s->packets),
		.problem_count = p->problem_count,
	};
	memcpy(h->problems, p->problems, sizeof(h->problems));
	if (h->lost && h->problem_count < sizeof(h->problems) / sizeof(h->problems[0]))
		h->problems[h->problem_count++] = tw_arena_printf(
			&p->arena,
			"%llu packets were lost: more came than could be read. Missing answers "
			"prove nothing for the connections that were under way then.",
			(unsigned long long)h->lost);
	if (h->evicted && h->problem_count < sizeof(h->problems) / sizeof(h->problems[0]))
		h->problems[h->problem_count++] = tw_arena_printf(
			&p->arena,
			"%llu connections were given up before their end to stay below the memory "
			"ceiling (--memory).",
			(unsigned long long)h->evicted);
}

void tw_live_packets_count(const struct tw_live_packets *p, struct tw_live_packets_health *h)
{
	const struct tw_source_info *info = tw_source_info(p->source);

	*h = (struct tw_live_packets_health){
		.packets = info->frames - info->frames_filtered,
		.lost = info->capture_drops,
		.written = p->written,
	};
}

void tw_live_packets_finish(struct tw_live_packets *p, struct tw_live_packets_health *h)
{
	struct tw_err err = { 0 };
	const struct tw_session_summary *s;
	unsigned i;

	/* What is in the kernel's hands, but not what comes for ever. */
	for (i = 0; i < FINISH_STEPS && tw_flow_step(p->flow, tw_clock_ns(CLOCK_REALTIME)); i++)
		;
	if (p->join)
		tw_join_tick(p->join, INT64_MAX);
	s = tw_flow_finish(p->flow);
	if (p->join)
		tw_join_tick(p->join, INT64_MAX);
	if (p->writer && tw_writer_close(p->writer, &err)) {
		p->failed = true;
		problem(p, err.text);
	}
	p->writer = NULL;
	tell_health(p, s, h);
}
