/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An interface, played from the labelled captures: packets come at their times, one by one, and the clock runs
 * on between them and after them. The verdicts must be those of the same capture read from a pipe, although
 * who has given up is judged while the capture still goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "capture/reader.h"
#include "diagnose/flow.h"

#define SECOND_NS   1000000000LL
#define TICK_NS     (SECOND_NS / 5)
#define STREAMS_MAX 8192
/* More than is silent between two packets of a connection in trouble; longer pauses are passed over. */
#define PAUSE_NS (300 * SECOND_NS)

/*
 * What depends on what comes later. A flood is one of many, of which most had not come by then. And after a
 * handshake whose last ACK is lost, nothing more may come for two minutes: what then does is another story.
 */
static const char *const known_to_differ[] = { "27-synflood-cookies0.server.pcap",
					       "19-ack3-lost-forever-server-first.server.pcap" };

struct verdict {
	const char *slug; /* static */
	enum tw_outcome outcome;
	unsigned count;
};

struct ground {
	struct tw_source *file; /* the capture ... */
	struct tw_frame batch[TW_BATCH];
	unsigned count, at;
	bool ended;
	int64_t now_ns; /* ... of which all up to here has come */
	struct verdict got[STREAMS_MAX];
	uint64_t total;
};

static bool on_finding(void *user, struct tw_finding *f)
{
	struct ground *g = user;

	assert_true(f->stream < STREAMS_MAX);
	g->got[f->stream] = (struct verdict){
		.slug = f->phenomenon ? f->phenomenon->slug : f->verdict,
		.outcome = f->match.outcome,
		.count = g->got[f->stream].count + 1,
	};
	g->total++;
	tw_finding_free(f);
	return true;
}

/* The next packet of the capture; NULL at its end. */
static const struct tw_frame *peek(struct ground *g)
{
	if (g->at == g->count && !g->ended) {
		g->count = tw_source_next(g->file, g->batch);
		g->at = 0;
		g->ended = !g->count;
	}
	return g->ended ? NULL : &g->batch[g->at];
}

static unsigned next_of_interface(struct tw_source *s, struct tw_frame *frames)
{
	struct ground *g = s->reader;
	const struct tw_frame *f = peek(g);

	s->info.interrupted = true;
	if (!f || f->time_ns > g->now_ns)
		return 0;
	frames[0] = *f;
	g->at++;
	return 1;
}

static void open_file(struct ground *g, const char *path)
{
	struct tw_err err = { 0 };

	memset(g, 0, sizeof(*g));
	assert_int_equal(tw_source_open(&g->file, path, NULL, &err), 0);
}

static struct tw_flow *begin(struct ground *g, struct tw_source **interface, const char *path)
{
	const struct tw_session_config config = { .all = true, .finding = on_finding, .user = g };
	struct tw_err err = { 0 };
	struct tw_flow *flow;

	open_file(g, path);
	*interface = tw_source_new("played");
	(*interface)->next = next_of_interface;
	(*interface)->reader = g;
	assert_int_equal(tw_flow_open(&flow, *interface, &config, &err), 0);
	return flow;
}

/* Lets the clock run to the end of the capture, and on for @more_ns. */
static void play(struct ground *g, struct tw_flow *flow, int64_t more_ns)
{
	const struct tw_frame *f;
	int64_t end_ns;

	while ((f = peek(g))) {
		if (!g->now_ns || f->time_ns - g->now_ns > PAUSE_NS)
			g->now_ns = f->time_ns;
		else if (f->time_ns > g->now_ns + TICK_NS)
			g->now_ns += TICK_NS;
		else if (f->time_ns > g->now_ns)
			g->now_ns = f->time_ns;
		tw_flow_step(flow, g->now_ns);
	}
	for (end_ns = g->now_ns + more_ns; g->now_ns < end_ns; g->now_ns += TICK_NS)
		tw_flow_step(flow, g->now_ns);
}

static void end(struct ground *g, struct tw_flow *flow, struct tw_source *interface)
{
	tw_flow_close(flow);
	tw_source_close(interface);
	tw_source_close(g->file);
}

static bool may_differ(const char *name)
{
	unsigned i;

	for (i = 0; i < sizeof(known_to_differ) / sizeof(known_to_differ[0]); i++)
		if (strcmp(known_to_differ[i], name) == 0)
			return true;
	return false;
}

static uint64_t compare(const char *dir, const char *name)
{
	static struct ground pipe, live;
	const struct tw_session_config config = { .all = true,
						  .finding = on_finding,
						  .user = &pipe };
	struct tw_session_summary sum;
	struct tw_source *interface;
	struct tw_err err = { 0 };
	struct tw_flow *flow;
	char path[8192];
	uint64_t i;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	open_file(&pipe, path);
	pipe.file->can_rewind = false;
	assert_int_equal(tw_session_run(pipe.file, &config, &sum, &err), 0);
	tw_session_summary_free(&sum);
	tw_source_close(pipe.file);
	flow = begin(&live, &interface, path);
	play(&live, flow, 0);
	assert_int_equal(tw_flow_finish(flow)->connections, pipe.total);
	end(&live, flow, interface);
	for (i = 0; i < pipe.total; i++) {
		assert_int_equal(live.got[i].count, 1);
		if (may_differ(name) || (strcmp(live.got[i].slug, pipe.got[i].slug) == 0 &&
					 live.got[i].outcome == pipe.got[i].outcome))
			continue;
		fail_msg("%s, stream %llu: %s, and live %s", name, (unsigned long long)i,
			 pipe.got[i].slug, live.got[i].slug);
	}
	return pipe.total;
}

static void verdicts_are_those_of_a_pipe(void **state)
{
	char dir[4096];
	const struct dirent *e;
	uint64_t total = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/captures/kernel", getenv("TCPWHY_TESTS"));
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d)))
		if (strstr(e->d_name, ".pcap"))
			total += compare(dir, e->d_name);
	closedir(d);
	assert_true(total > 500);
}

/* The last two SYNs are 33 s apart, the next would come after 67; five seconds of them are in the capture. */
static void who_gives_up_is_told_without_another_packet(void **state)
{
	static struct ground g;
	struct tw_source *interface;
	struct tw_flow *flow;
	char path[8192];
	int64_t patience_s;

	snprintf(path, sizeof(path), "%s/captures/kernel/02a-syn-drop-l3.client.pcap",
		 getenv("TCPWHY_TESTS"));
	flow = begin(&g, &interface, path);
	play(&g, flow, 0);
	assert_int_equal(g.total, 0);
	for (patience_s = 0; !g.total && patience_s < 130; patience_s++)
		play(&g, flow, SECOND_NS);
	assert_int_equal(g.total, 1);
	assert_in_range(patience_s, 62, 67);
	assert_string_equal(g.got[0].slug, "syn-unanswered");
	tw_flow_finish(flow);
	assert_int_equal(g.total, 1);
	end(&g, flow, interface);
}

/* A connection that nobody uses is not over, however long that lasts. */
static void idle_is_not_over(void **state)
{
	static struct ground g;
	struct tw_source *interface;
	struct tw_flow *flow;
	const struct tw_frame *f;
	char path[8192];

	/* Seven packets: the handshake, a request and an answer, acknowledged. */
	snprintf(path, sizeof(path), "%s/captures/kernel/healthy-chromium-tls.pcap",
		 getenv("TCPWHY_TESTS"));
	flow = begin(&g, &interface, path);
	while ((f = peek(&g)) && f->number <= 7) {
		g.now_ns = f->time_ns;
		tw_flow_step(flow, g.now_ns);
	}
	g.ended = true;
	assert_int_equal(g.total, 0);
	play(&g, flow, 600 * SECOND_NS);
	assert_int_equal(g.total, 0);
	tw_flow_finish(flow);
	assert_true(g.total > 0);
	end(&g, flow, interface);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_are_those_of_a_pipe),
		cmocka_unit_test(who_gives_up_is_told_without_another_packet),
		cmocka_unit_test(idle_is_not_over),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
