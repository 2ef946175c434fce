/* SPDX-License-Identifier: BSD-2-Clause */
/* `tcpwhy predict`: how long each failure takes on this host, or with these settings, and how it ends. */
#include "report/predict.h"
#include "base/duration.h"
#include "base/suggest.h"
#include "cli/command.h"
#include "cli/predict_living.h"

#include <errno.h>
#include <string.h>

#define SETTINGS_ROOT  "/proc/sys"
#define RTT_ASSUMED_NS TW_NS_PER_MS
#define RTT_MOST_NS    (60 * TW_NS_PER_S)
#define MS_MOST        INT32_MAX

/* "60/10/3", or "on" for what the host's settings say. */
static int keepalive(const char *text, struct tw_sockopts *s, struct tw_err *err)
{
	unsigned idle, interval, count;
	int length = 0;

	if (!text)
		return 0;
	s->keepalive = true;
	if (strcmp(text, "on") == 0)
		return 0;
	if (text[0] < '0' || text[0] > '9' ||
	    sscanf(text, "%5u/%5u/%3u%n", &idle, &interval, &count, &length) != 3 || text[length] ||
	    !idle || idle > 32767 || !interval || interval > 32767 || !count || count > 127)
		return tw_err_set(err, -EINVAL,
				  "option --keepalive needs IDLE/INTERVAL/COUNT such as 60/10/3 "
				  "(seconds up to 32767, count up to 127) or on, not '%s'",
				  text);
	s->keep_idle_s = idle;
	s->keep_intvl_s = interval;
	s->keep_count = count;
	return 0;
}

static int socket_of(const struct tw_arguments *a, struct tw_sockopts *s, struct tw_err *err)
{
	*s = (struct tw_sockopts){ .rtt_ns = a->have_rtt ? a->rtt_ns : RTT_ASSUMED_NS,
				   .rtt_given = a->have_rtt,
				   .user_timeout_ms = a->user_timeout_ns / TW_NS_PER_MS,
				   .syncnt = (int64_t)a->syncnt,
				   .sndtimeo_ns = a->sndtimeo_ns,
				   .rcvtimeo_ns = a->rcvtimeo_ns };
	if (s->rtt_ns > RTT_MOST_NS)
		return tw_err_set(err, -EINVAL, "option --rtt takes at most 60s");
	if (a->user_timeout_ns && !s->user_timeout_ms)
		return tw_err_set(err, -EINVAL,
				  "option --user-timeout takes 1 ms or more: the socket option "
				  "counts milliseconds");
	if (s->user_timeout_ms > MS_MOST)
		return tw_err_set(err, -EINVAL,
				  "option --user-timeout takes at most %d ms, about 24 days",
				  MS_MOST);
	return keepalive(a->keepalive, s, err);
}

static int settings_of(const struct tw_arguments *a, struct tw_settings *s, struct tw_err *err)
{
	struct tw_kernel kernel;
	unsigned i;
	int r = 0;

	if (a->sysctl_file)
		r = tw_settings_read_file(s, a->sysctl_file, err);
	else
		tw_settings_read_host(s, SETTINGS_ROOT);
	if (!r && a->kernel) {
		if (!tw_kernel_parse(a->kernel, &kernel))
			return tw_err_set(err, -EINVAL,
					  "option --kernel needs a version such as 6.1, not '%s'",
					  a->kernel);
		if (tw_kernel_before(kernel, tw_rules_since))
			return tw_err_set(err, -EINVAL,
					  "option --kernel takes Linux %u.%u and newer: before it "
					  "timers followed other rules",
					  tw_rules_since.major, tw_rules_since.minor);
		tw_settings_age(s, kernel);
	}
	for (i = 0; !r && i < a->set_count; i++)
		r = tw_settings_set(s, a->sets[i], err);
	return r ? r : tw_settings_check(s, err);
}

static int not_predicted(const char *slug)
{
	struct tw_suggestion s = { .typed = slug };
	unsigned i;

	if (tw_phenomenon_find(slug))
		return tw_complain("no timer decides about %s; `tcpwhy explain %s` tells about it",
				   slug, slug);
	for (i = 0; i < tw_catalogue_count; i++)
		if (tw_catalogue[i]->predict)
			tw_suggest_offer(&s, tw_catalogue[i]->slug);
	if (s.best)
		return tw_complain("there is no phenomenon '%s'; did you mean %s?", slug, s.best);
	return tw_complain("there is no phenomenon '%s'; `tcpwhy predict` lists them", slug);
}

static int print_json(const struct tw_phenomenon *only, const struct tw_model *m)
{
	unsigned i;
	int r = 0;

	for (i = 0; !r && i < tw_catalogue_count; i++)
		if (tw_catalogue[i]->predict && (!only || only == tw_catalogue[i]))
			r = tw_predict_json(&tw_stdout, tw_catalogue[i], m);
	return r;
}

static int print_text(const struct tw_phenomenon *only, const struct tw_model *m,
		      const struct tw_arguments *a)
{
	const struct tw_style style = tw_use_style(a);
	struct tw_pen p;

	tw_pen_init(&p, &tw_stdout, &style);
	if (only)
		tw_predict_story(&p, only, m);
	else
		tw_predict_table(&p, m);
	if (a->verbose)
		tw_predict_settings(&p, &m->set);
	return tw_pen_finish(&p);
}

static int print_living(const struct tw_predict_living *l, const struct tw_model *m,
			const struct tw_arguments *a)
{
	const struct tw_style style = tw_use_style(a);
	struct tw_pen p;
	size_t i;
	int r = 0;

	if (a->json) {
		for (i = 0; !r && i < l->count; i++)
			r = tw_predict_living_json(&tw_stdout, &l->one[i], m);
		return r;
	}
	tw_pen_init(&p, &tw_stdout, &style);
	tw_predict_living_text(&p, l->one, l->count, m, a->verbose);
	if (a->verbose)
		tw_predict_settings(&p, &m->set);
	return tw_pen_finish(&p);
}

/* A line for each living connection, its story if it is one, or the whole story of @only for one. */
static int predict_living(const struct tw_arguments *a, const struct tw_phenomenon *only,
			  struct tw_model *m)
{
	struct tw_predict_living l;
	struct tw_err err = { 0 };
	int r;

	if (tw_predict_living_find(&l, a, &m->socket, &err)) {
		r = tw_complain("%s", err.text);
		goto out;
	}
	if (only && l.count > 1) {
		r = tw_complain("%s needs one connection, and there are %zu; choose one with "
				"--socket",
				only->slug, l.count);
		goto out;
	}
	if (only) {
		m->socket = l.one[0].options;
		r = a->json ? print_json(only, m) : print_text(only, m, a);
	} else {
		r = print_living(&l, m, a);
	}
	r = tw_end_output(r, TW_EXIT_CLEAN);
out:
	tw_predict_living_free(&l);
	return r;
}

static int run(const struct tw_arguments *a)
{
	const struct tw_phenomenon *only = NULL;
	struct tw_model m;
	struct tw_err err = { 0 };

	if (a->word_count > 1)
		return tw_complain("predict takes one phenomenon at a time");
	if (a->word_count) {
		only = tw_phenomenon_find(a->words[0]);
		if (!only || !only->predict)
			return not_predicted(a->words[0]);
	}
	if (socket_of(a, &m.socket, &err) || settings_of(a, &m.set, &err))
		return tw_complain("%s", err.text);
	if (a->of_pid || a->socket)
		return predict_living(a, only, &m);
	return tw_end_output(a->json ? print_json(only, &m) : print_text(only, &m, a),
			     TW_EXIT_CLEAN);
}

int tw_command_predict(int argc, char **argv)
{
	return tw_command_main("predict", TW_CMD_PREDICT, argc, argv, 1, run);
}
