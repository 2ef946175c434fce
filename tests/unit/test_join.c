/* SPDX-License-Identifier: BSD-2-Clause */
/* Two sides of one connection, made by hand: who is told, when, and which verdict counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "findings.h"
#include "kernel/join.h"

#define MS 1000000LL

struct ground {
	struct tw_join *join;
	enum tw_flow_state state;      /* of the packets' side */
	struct tw_finding *on_request; /* what it has when asked to judge */
	unsigned requests, told;
	struct tw_finding *last;
};

static enum tw_flow_state state_of(void *user, const struct tw_tuple *t)
{
	return ((struct ground *)user)->state;
}

static void judge(void *user, const struct tw_tuple *t)
{
	struct ground *g = user;
	struct tw_finding *f = g->on_request;

	g->requests++;
	g->on_request = NULL;
	g->state = TW_FLOW_NONE;
	if (f)
		tw_join_packets(g->join, f);
}

static void on_finding(void *user, struct tw_finding *f)
{
	struct ground *g = user;

	tw_finding_free(g->last);
	g->last = f;
	g->told++;
}

static void begin(struct ground *g, bool all, bool need_kernel)
{
	const struct tw_join_config config = { .all = all,
					       .need_kernel = need_kernel,
					       .netns = 7,
					       .state = state_of,
					       .judge = judge,
					       .finding = on_finding,
					       .user = g };

	*g = (struct ground){ 0 };
	g->join = tw_join_new(&config);
	assert_non_null(g->join);
}

static void end(struct ground *g)
{
	tw_join_free(g->join);
	tw_finding_free(g->last);
	tw_finding_free(g->on_request);
}

/* @slug: of the catalogue, NULL: clean or unknown. */
static struct tw_finding *side(bool kernel, const char *slug, enum tw_confidence confidence,
			       enum tw_outcome outcome)
{
	struct tw_finding *f = made_finding(0, 2, 80);
	struct tw_match *m = &f->match;

	f->live = kernel;
	f->phenomenon = slug ? tw_phenomenon_find(slug) : NULL;
	assert_true(!slug || f->phenomenon);
	f->verdict = slug ? slug : outcome == TW_OUTCOME_CLEAN ? "clean" : "unknown";
	m->confidence = confidence;
	m->outcome = outcome;
	m->strength = TW_STRENGTH_ENDING;
	m->rival_count = m->ruled_out_count = 0;
	m->summary = tw_arena_printf(&f->arena, "%s says so", kernel ? "the kernel" : "a packet");
	m->evidence[0].event = kernel;
	m->evidence[0].time_ns += kernel ? 1 : 0;
	m->evidence[0].text = tw_arena_printf(&f->arena, "seen by %s", kernel ? "kernel" : "wire");
	if (kernel) {
		tw_fact_set(&f->facts, TW_F_K_SEEN, true, 1, START_NS);
		tw_fact_set(&f->facts, TW_F_K_ERROR, 104, 1, START_NS);
		f->process[TW_SERVER] =
			(struct tw_process){ .pid = 42,
					     .comm = tw_arena_printf(&f->arena, "nginx") };
		f->process_side = TW_SERVER;
		f->actor = "kernel";
		f->vantage = "server";
	}
	return f;
}

static struct tw_finding *packets(const char *slug, enum tw_confidence confidence)
{
	return side(false, slug, confidence, TW_OUTCOME_FAILED);
}

static struct tw_finding *kernel(const char *slug, enum tw_confidence confidence)
{
	return side(true, slug, confidence, TW_OUTCOME_FAILED);
}

static void rival(struct tw_finding *f, const char *slug)
{
	f->match.rivals[f->match.rival_count++] =
		(struct tw_rival){ slug, tw_arena_printf(&f->arena, "it could be %s", slug) };
}

static void exclude(struct tw_finding *f, const char *slug)
{
	f->match.ruled_out[f->match.ruled_out_count++] =
		(struct tw_rival){ slug, tw_arena_printf(&f->arena, "it is not %s", slug) };
}

static bool names(const struct tw_rival *list, unsigned n, const char *slug)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i].slug, slug) == 0)
			return true;
	return false;
}

/* ---- the verdict ---- */

static void the_kernels_certainty_closes_the_packets_rivals(void **state)
{
	struct tw_finding *p = packets("port-closed", TW_LIKELY), *f;

	rival(p, "firewall-reset");
	f = tw_join_merge(p, kernel("port-closed", TW_CERTAIN));
	assert_string_equal(f->verdict, "port-closed");
	assert_int_equal(f->match.confidence, TW_CERTAIN);
	assert_int_equal(f->match.rival_count, 0);
	assert_true(names(f->match.ruled_out, f->match.ruled_out_count, "firewall-reset"));
	assert_int_equal(f->match.evidence_count, 2);
	assert_false(f->match.evidence[0].event);
	assert_true(f->match.evidence[1].event);
	assert_int_equal(f->process[TW_SERVER].pid, 42);
	assert_string_equal(f->process[TW_SERVER].comm, "nginx");
	assert_string_equal(f->source, "kernel+FILE");
	assert_true(f->live);
	assert_true(tw_known(&f->facts, TW_F_K_ERROR));
	tw_finding_free(f);
}

static void where_they_contradict_the_kernel_counts_and_the_other_is_named(void **state)
{
	struct tw_finding *p = packets("closed-with-unread-data", TW_CERTAIN), *f;

	rival(p, "linger-reset");
	f = tw_join_merge(p, kernel("linger-reset", TW_CERTAIN));
	assert_false(names(f->match.ruled_out, f->match.ruled_out_count, "linger-reset"));
	assert_string_equal(f->verdict, "linger-reset");
	assert_string_equal(f->match.summary, "the kernel says so");
	assert_int_equal(f->match.confidence, TW_CERTAIN);
	assert_true(names(f->match.ruled_out, f->match.ruled_out_count, "closed-with-unread-data"));
	tw_finding_free(f);
}

static void packets_that_are_certain_beat_a_kernel_that_is_not(void **state)
{
	struct tw_finding *f =
		tw_join_merge(packets("forged-reset", TW_CERTAIN), kernel("aborted", TW_LIKELY));

	assert_string_equal(f->verdict, "forged-reset");
	assert_int_equal(f->match.confidence, TW_CERTAIN);
	assert_string_equal(f->match.summary, "a packet says so");
	tw_finding_free(f);
	f = tw_join_merge(packets("port-closed", TW_LIKELY),
			  side(true, NULL, TW_POSSIBLE, TW_OUTCOME_UNKNOWN));
	assert_string_equal(f->verdict, "port-closed");
	assert_int_equal(f->match.confidence, TW_LIKELY);
	tw_finding_free(f);
}

static void of_two_guesses_the_other_stays_a_rival(void **state)
{
	struct tw_finding *f = tw_join_merge(packets("peer-vanished", TW_LIKELY),
					     kernel("user-timeout", TW_LIKELY));

	assert_string_equal(f->verdict, "user-timeout");
	assert_int_equal(f->match.confidence, TW_LIKELY);
	assert_true(names(f->match.rivals, f->match.rival_count, "peer-vanished"));
	tw_finding_free(f);
}

static void what_one_side_excludes_is_no_rival_of_the_other(void **state)
{
	struct tw_finding *p = packets("port-closed", TW_LIKELY);
	struct tw_finding *k = kernel("port-closed", TW_LIKELY), *f;

	rival(p, "firewall-reset");
	rival(k, "forged-reset");
	exclude(p, "forged-reset");
	f = tw_join_merge(p, k);
	assert_int_equal(f->match.confidence, TW_LIKELY);
	assert_int_equal(f->match.rival_count, 1);
	assert_true(names(f->match.rivals, 1, "firewall-reset"));
	tw_finding_free(f);
	/* Silence about a rival excludes nothing: only a word does. */
	p = packets("port-closed", TW_LIKELY);
	rival(p, "firewall-reset");
	f = tw_join_merge(p, kernel("port-closed", TW_LIKELY));
	assert_int_equal(f->match.confidence, TW_LIKELY);
	tw_finding_free(f);
	p = packets("port-closed", TW_LIKELY);
	rival(p, "firewall-reset");
	k = kernel("port-closed", TW_LIKELY);
	exclude(k, "firewall-reset");
	f = tw_join_merge(p, k);
	assert_int_equal(f->match.confidence, TW_CERTAIN);
	tw_finding_free(f);
}

static void a_lossy_capture_is_not_made_certain_by_exclusion(void **state)
{
	struct tw_finding *p = packets("port-closed", TW_LIKELY);
	struct tw_finding *k = kernel("port-closed", TW_LIKELY), *f;

	p->match.missing[p->match.missing_count++] = "The capture itself lost packets.";
	p->match.strength = TW_STRENGTH_MECHANISM;
	rival(p, "firewall-reset");
	exclude(k, "firewall-reset");
	f = tw_join_merge(p, k);
	assert_int_equal(f->match.confidence, TW_LIKELY);
	tw_finding_free(f);
}

static void nobody_owed_anything_by_the_sockets_is_clean(void **state)
{
	struct tw_finding *k = side(true, NULL, TW_LIKELY, TW_OUTCOME_CLEAN), *f;

	tw_fact_set(&k->facts, TW_F_K_RST_SIDE, TW_CLIENT, 1, START_NS);
	tw_fact_set(&k->facts, TW_F_K_RST_OWED, false, 1, START_NS);
	f = tw_join_merge(packets("aborted", TW_LIKELY), k);
	assert_string_equal(f->verdict, "clean");
	tw_finding_free(f);
	k = side(true, NULL, TW_LIKELY, TW_OUTCOME_CLEAN);
	f = tw_join_merge(packets("aborted", TW_LIKELY), k);
	assert_string_equal(f->verdict, "aborted");
	tw_finding_free(f);
}

static void guessed_roles_give_way_to_the_kernels(void **state)
{
	struct tw_finding *p = packets("aborted", TW_LIKELY), *f;

	made_endpoint(p, TW_CLIENT, 2, 80);
	made_endpoint(p, TW_SERVER, 1, 40312);
	p->packets[TW_CLIENT] = 5;
	p->packets[TW_SERVER] = 3;
	f = tw_join_merge(p, kernel("linger-reset", TW_CERTAIN));
	assert_string_equal(f->client, "192.0.2.1:40312");
	assert_int_equal(f->packets[TW_CLIENT], 3);
	assert_int_equal(f->match.evidence_count, 1);
	tw_finding_free(f);
}

/* ---- who is told, and when ---- */

static void the_kernel_waits_for_the_packets_and_asks_for_them(void **state)
{
	struct ground g;

	begin(&g, false, false);
	g.state = TW_FLOW_OPEN;
	g.on_request = packets("port-closed", TW_LIKELY);
	tw_join_kernel(g.join, kernel("port-closed", TW_CERTAIN), 0);
	tw_join_tick(g.join, 100 * MS);
	assert_int_equal(g.told, 0);
	tw_join_tick(g.join, 200 * MS);
	assert_int_equal(g.told, 1);
	assert_int_equal(g.requests, 1);
	assert_int_equal(g.last->match.evidence_count, 2);
	end(&g);
}

static void packets_that_come_first_are_joined_at_once(void **state)
{
	struct ground g;

	begin(&g, false, false);
	tw_join_kernel(g.join, kernel("port-closed", TW_CERTAIN), 0);
	tw_join_packets(g.join, packets("port-closed", TW_LIKELY));
	assert_int_equal(g.told, 1);
	assert_int_equal(g.last->match.confidence, TW_CERTAIN);
	tw_join_tick(g.join, 1000 * MS);
	tw_join_tick(g.join, INT64_MAX);
	assert_int_equal(g.told, 1);
	end(&g);
}

static void each_side_is_told_alone_without_the_other(void **state)
{
	struct ground g;
	struct tw_finding *f;

	begin(&g, false, false);
	tw_join_kernel(g.join, kernel("port-closed", TW_CERTAIN), 0);
	tw_join_tick(g.join, 200 * MS);
	assert_int_equal(g.told, 1);
	assert_int_equal(g.requests, 0);
	/* The same connection once more, by its packets: not told again. */
	tw_join_packets(g.join, packets("port-closed", TW_LIKELY));
	assert_int_equal(g.told, 1);
	/* A later one on the same ports is. */
	f = packets("port-closed", TW_LIKELY);
	f->start_ns += 1000 * MS;
	tw_join_packets(g.join, f);
	assert_int_equal(g.told, 2);
	end(&g);
}

static void clean_ones_hide_nothing_and_are_told_on_request(void **state)
{
	struct ground g;

	begin(&g, false, false);
	tw_join_kernel(g.join, side(true, NULL, TW_LIKELY, TW_OUTCOME_CLEAN), 0);
	tw_join_tick(g.join, 200 * MS);
	assert_int_equal(g.told, 0);
	tw_join_packets(g.join, packets("port-closed", TW_LIKELY));
	assert_int_equal(g.told, 1);
	end(&g);
	begin(&g, true, false);
	tw_join_kernel(g.join, side(true, NULL, TW_LIKELY, TW_OUTCOME_CLEAN), 0);
	tw_join_tick(g.join, 200 * MS);
	assert_int_equal(g.told, 1);
	end(&g);
}

static void a_stage_does_not_end_the_packets_nor_hide_the_failure(void **state)
{
	struct tw_finding *k = side(true, "close-wait-leak", TW_CERTAIN, TW_OUTCOME_DEGRADED);
	struct ground g;

	begin(&g, false, false);
	g.state = TW_FLOW_OPEN;
	k->facts.known[TW_F_K_ERROR] = false;
	tw_join_kernel(g.join, k, 0);
	tw_join_tick(g.join, 200 * MS);
	assert_int_equal(g.told, 1);
	assert_int_equal(g.requests, 0);
	tw_join_packets(g.join, packets("data-after-close", TW_LIKELY));
	assert_int_equal(g.told, 2);
	end(&g);
}

static void packets_alone_do_not_name_a_process(void **state)
{
	struct ground g;

	begin(&g, false, true);
	tw_join_packets(g.join, packets("port-closed", TW_LIKELY));
	assert_int_equal(g.told, 0);
	tw_join_kernel(g.join, kernel("port-closed", TW_CERTAIN), 0);
	tw_join_packets(g.join, packets("port-closed", TW_LIKELY));
	assert_int_equal(g.told, 1);
	end(&g);
}

static void another_namespaces_loopback_has_no_packets_here(void **state)
{
	struct tw_finding *k = kernel("port-closed", TW_CERTAIN);
	struct ground g;

	begin(&g, false, false);
	k->netns = 8;
	tw_join_kernel(g.join, k, 0);
	assert_int_equal(g.told, 1);
	tw_join_packets(g.join, packets("port-closed", TW_LIKELY));
	assert_int_equal(g.told, 2);
	end(&g);
}

static void the_table_is_bounded_and_loses_nobody(void **state)
{
	struct ground g;
	unsigned i;

	begin(&g, false, false);
	for (i = 0; i < 20000; i++) {
		struct tw_finding *k = kernel("port-closed", TW_CERTAIN);

		k->port[TW_CLIENT] = (uint16_t)(1 + i);
		tw_join_kernel(g.join, k, 0);
	}
	assert_true(g.told >= 20000 - 8192);
	tw_join_tick(g.join, INT64_MAX);
	assert_int_equal(g.told, 20000);
	end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_certainty_closes_the_packets_rivals),
		cmocka_unit_test(where_they_contradict_the_kernel_counts_and_the_other_is_named),
		cmocka_unit_test(packets_that_are_certain_beat_a_kernel_that_is_not),
		cmocka_unit_test(of_two_guesses_the_other_stays_a_rival),
		cmocka_unit_test(what_one_side_excludes_is_no_rival_of_the_other),
		cmocka_unit_test(a_lossy_capture_is_not_made_certain_by_exclusion),
		cmocka_unit_test(nobody_owed_anything_by_the_sockets_is_clean),
		cmocka_unit_test(guessed_roles_give_way_to_the_kernels),
		cmocka_unit_test(the_kernel_waits_for_the_packets_and_asks_for_them),
		cmocka_unit_test(packets_that_come_first_are_joined_at_once),
		cmocka_unit_test(each_side_is_told_alone_without_the_other),
		cmocka_unit_test(clean_ones_hide_nothing_and_are_told_on_request),
		cmocka_unit_test(a_stage_does_not_end_the_packets_nor_hide_the_failure),
		cmocka_unit_test(packets_alone_do_not_name_a_process),
		cmocka_unit_test(another_namespaces_loopback_has_no_packets_here),
		cmocka_unit_test(the_table_is_bounded_and_loses_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
