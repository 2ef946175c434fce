/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the texts of the phenomena claim that applications see, against what the lab's scenarios demand of the kernel:
 * every errno that a text names must be the expected result of a call in one of its scenarios, every errno that
 * a scenario expects must be named by the text, and every duration in it must be one that a scenario demands or that
 * the prediction (which tools/prediction.py holds against the kernel) comes to.
 * So a run of the lab measures the texts. What it can not measure is listed, with the reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/duration.h"
#include "lab/script.h"
#include "phenomena/phenomenon.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MAX 133

struct excuse {
	const char *slug, *claim;
	const char *measured_by; /* another phenomenon, whose scenarios or prediction come to it */
	const char *why;
	bool used;
};

static struct excuse unmeasured[] = {
	{ .slug = "host-unreachable",
	  .claim = "ENETUNREACH",
	  .measured_by = "firewall-rejected",
	  .why = "the lab's routers have all routes; a firewall's answer is the same ICMP error" },
	{ .slug = "aborted",
	  .claim = "ECONNABORTED",
	  .measured_by = "socket-destroyed",
	  .why = "one of its causes" },
	{ .slug = "aborted",
	  .claim = "ETIMEDOUT",
	  .measured_by = "keepalive-timeout",
	  .why = "one of its causes" },
	{ .slug = "fin-wait2-expired",
	  .claim = "ECONNRESET",
	  .why = "the text says that it is never seen" },
	{ .slug = "close-wait-leak",
	  .claim = "EMFILE",
	  .why = "a limit of the process, not of TCP" },
	{ .slug = "host-unreachable",
	  .claim = "927 s",
	  .measured_by = "peer-vanished",
	  .why = "a connection that was there before" },
	{ .slug = "syn-queue-full",
	  .claim = "11 s",
	  .measured_by = "syn-flood",
	  .why = "it takes a flood" },
	{ .slug = "syn-ack-lost",
	  .claim = "64 s",
	  .measured_by = "handshake-ack-lost",
	  .why = "the same request" },
	{ .slug = "accept-queue-full",
	  .claim = "64 s",
	  .measured_by = "handshake-ack-lost",
	  .why = "the same request" },
	{ .slug = "time-wait-syn-dropped",
	  .claim = "4 ms",
	  .why = "the round trip of the lab's cable, which no call shows alone" },
	{ .slug = NULL },
};

static bool excused(const char *slug, const char *claim)
{
	struct excuse *e;

	for (e = unmeasured; e->slug; e++)
		if (strcmp(e->slug, slug) == 0 && strcmp(e->claim, claim) == 0) {
			e->used = true;
			return true;
		}
	return false;
}

/* ---- the words of a text ---- */

static int errno_named(const char *word, size_t length)
{
	int number;

	if (length < 4 || word[0] != 'E')
		return 0;
	for (number = 1; number <= ERRNO_MAX; number++) {
		const char *name = tw_errno_name(number);

		if (strlen(name) == length && memcmp(name, word, length) == 0)
			return number;
	}
	return 0;
}

static bool says_errno(const char *text, int number)
{
	const char *p = text;

	while (p && *p) {
		size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ2");

		if (n && errno_named(p, n) == number)
			return true;
		p += n ? n : 1;
	}
	return false;
}

/* "938 s", "107.5 s", "200 ms", "15 min", "2 h": the duration that begins at a digit; 0: it is none. */
static int64_t duration_at(const char *p, size_t *length)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { " ms", 1e6 }, { " s", 1e9 }, { " min", 60e9 }, { " h", 3600e9 } };
	char *end;
	double number = strtod(p, &end);
	size_t i;

	*length = (size_t)(end - p);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].unit);

		if (strncmp(end, units[i].unit, n) == 0 && !isalnum((unsigned char)end[n])) {
			*length += n;
			return (int64_t)(number * units[i].ns);
		}
	}
	return 0;
}

/* ---- what scenarios demand ---- */

typedef bool check_fn(const struct tw_script *script, const struct tw_statement *s, int64_t wanted);

/* Any statement of any scenario of @p for which @check holds. */
static bool demanded(const struct tw_phenomenon *p, check_fn *check, int64_t wanted)
{
	const struct tw_scenario *scenario;
	struct tw_script script;
	struct tw_err err;
	bool found = false;
	unsigned i;

	for (scenario = p->scenarios; scenario->name && !found; scenario++) {
		assert_int_equal(tw_script_parse(&script, scenario->script, &err), 0);
		for (i = 0; i < script.count && !found; i++)
			found = check(&script, &script.statements[i], wanted);
		tw_script_free(&script);
	}
	return found;
}

static bool fails_with(const struct tw_script *script, const struct tw_statement *s, int64_t number)
{
	(void)script;
	return s->expect.kind == TW_EXPECT_ERRNO && s->expect.value == number;
}

/* A call that must take about so long: within bounds that are not too wide to say so. */
static bool takes(const struct tw_script *script, const struct tw_statement *s, int64_t wanted_ns)
{
	const struct tw_expect *e = &s->expect;

	(void)script;
	return (e->at_least_ns > 0 && e->at_least_ns <= wanted_ns && wanted_ns <= e->at_most_ns &&
		e->at_most_ns <= 6 * e->at_least_ns) ||
	       (e->full_at_least_ns > 0 && e->full_at_least_ns <= wanted_ns &&
		wanted_ns <= e->full_at_most_ns);
}

/* ---- what the prediction says ---- */

static bool near(const struct tw_moment *m, int64_t wanted_ns)
{
	return m->expected_ns * 100 >= wanted_ns * 95 && m->expected_ns * 100 <= wanted_ns * 105;
}

static bool comes_to(const struct tw_phenomenon *p, const struct tw_model *m, int64_t wanted_ns)
{
	struct tw_prediction *prediction = calloc(1, sizeof(*prediction));
	bool found;
	unsigned i;

	assert_non_null(prediction);
	p->predict(prediction, m);
	found = near(&prediction->ladder.end, wanted_ns);
	for (i = 0; i < prediction->seen_count; i++)
		found |= near(&prediction->seen[i].after, wanted_ns);
	free(prediction);
	return found;
}

/* For a host with the kernel's defaults; with keepalive; and for a kernel that has no linear SYNs yet. */
static bool predicted(const struct tw_phenomenon *p, int64_t wanted_ns)
{
	struct tw_model model = { .socket.rtt_ns = TW_NS_PER_MS };
	struct tw_model keepalive, older;

	if (!p->predict)
		return false;
	tw_settings_defaults(&model.set);
	keepalive = older = model;
	keepalive.socket.keepalive = true;
	older.set.value[TW_SET_SYN_LINEAR] = 0;
	return comes_to(p, &model, wanted_ns) || comes_to(p, &keepalive, wanted_ns) ||
	       comes_to(p, &older, wanted_ns);
}

/* ---- the tests ---- */

static unsigned wrong;

static void complain(const char *slug, const char *claim, const char *what)
{
	print_error("%s: %s: %s\n", slug, claim, what);
	wrong++;
}

static void errnos_of_text(const struct tw_phenomenon *p, const char *text)
{
	int number;

	for (number = 1; number <= ERRNO_MAX; number++)
		if (says_errno(text, number) && !demanded(p, fails_with, number) &&
		    !excused(p->slug, tw_errno_name(number)))
			complain(p->slug, tw_errno_name(number),
				 "the text names it, and no scenario has a call fail so");
}

static void errnos_that_are_claimed_are_measured(void **state)
{
	unsigned i;

	wrong = 0;
	for (i = 0; i < tw_catalogue_count; i++) {
		const struct tw_phenomenon *p = tw_catalogue[i];

		if (!p->scenarios)
			continue;
		errnos_of_text(p, p->client_sees);
		errnos_of_text(p, p->server_sees);
	}
	assert_int_equal(wrong, 0);
}

/*
 * What is not the phenomenon's doing: a non-blocking call, a time limit that the script itself set; and what comes
 * after the error, EPIPE, is told once, in the general rules (ARCHITECTURE.md, "Resets").
 */
static bool goes_without_saying(int number)
{
	return number == EINPROGRESS || number == EAGAIN || number == EPIPE;
}

static void errnos_of_scenario(const struct tw_phenomenon *p, const struct tw_scenario *scenario)
{
	struct tw_script script;
	struct tw_err err;
	unsigned i;

	assert_int_equal(tw_script_parse(&script, scenario->script, &err), 0);
	for (i = script.fault; i < script.count; i++) {
		const struct tw_expect *e = &script.statements[i].expect;

		if (e->kind != TW_EXPECT_ERRNO || goes_without_saying((int)e->value) ||
		    (script.truth && strcmp(script.truth, p->slug) != 0) ||
		    says_errno(p->client_sees, (int)e->value) ||
		    says_errno(p->server_sees, (int)e->value))
			continue;
		complain(p->slug, tw_errno_name((int)e->value),
			 "a scenario has a call fail so, and the text does not say it");
	}
	tw_script_free(&script);
}

static void errnos_that_are_measured_are_told(void **state)
{
	const struct tw_scenario *scenario;
	unsigned i;

	wrong = 0;
	for (i = 0; i < tw_catalogue_count; i++)
		for (scenario = tw_catalogue[i]->scenarios; scenario && scenario->name; scenario++)
			errnos_of_scenario(tw_catalogue[i], scenario);
	assert_int_equal(wrong, 0);
}

static void durations_of_text(const struct tw_phenomenon *p, const char *text)
{
	const char *c;
	size_t length;

	for (c = text; *c; c++) {
		bool begins = isdigit((unsigned char)*c) &&
			      (c == text || !(isalnum((unsigned char)c[-1]) || c[-1] == '.'));
		int64_t ns = begins ? duration_at(c, &length) : 0;
		char claim[32];

		if (!ns)
			continue;
		snprintf(claim, sizeof(claim), "%.*s", (int)length, c);
		if (!demanded(p, takes, ns) && !predicted(p, ns) && !excused(p->slug, claim))
			complain(p->slug, claim, "no scenario and no prediction comes to it");
	}
}

static void durations_that_are_claimed_are_measured(void **state)
{
	unsigned i;

	wrong = 0;
	for (i = 0; i < tw_catalogue_count; i++) {
		const struct tw_phenomenon *p = tw_catalogue[i];

		if (!p->scenarios)
			continue;
		durations_of_text(p, p->client_sees);
		durations_of_text(p, p->server_sees);
	}
	assert_int_equal(wrong, 0);
}

static bool measures(const struct tw_phenomenon *p, const char *claim)
{
	int number = errno_named(claim, strlen(claim));
	size_t length;
	int64_t ns;

	if (number)
		return demanded(p, fails_with, number);
	ns = duration_at(claim, &length);
	return demanded(p, takes, ns) || predicted(p, ns);
}

/* The list must not outlive its reasons; and what another phenomenon's scenarios measure, they must. */
static void every_excuse_is_needed(void **state)
{
	const struct excuse *e;

	for (e = unmeasured; e->slug; e++) {
		if (!e->used)
			fail_msg("%s: %s is not claimed, or it is measured", e->slug, e->claim);
		if (e->measured_by && !measures(tw_phenomenon_find(e->measured_by), e->claim))
			fail_msg("%s does not measure %s", e->measured_by, e->claim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errnos_that_are_claimed_are_measured),
		cmocka_unit_test(errnos_that_are_measured_are_told),
		cmocka_unit_test(durations_that_are_claimed_are_measured),
		cmocka_unit_test(every_excuse_is_needed), /* the last */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
