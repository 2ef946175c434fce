/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of all phenomena, made from catalogue.def, and the small helpers that matchers write with.
 */
#include "base/suggest.h"
#include "phenomena/phenomenon.h"

#include <stdio.h>
#include <string.h>

#define PHENOMENON(symbol) extern const struct tw_phenomenon tw_ph_##symbol;
#include "phenomena/catalogue.def"
#undef PHENOMENON

const struct tw_phenomenon *const tw_catalogue[] = {
#define PHENOMENON(symbol) &tw_ph_##symbol,
#include "phenomena/catalogue.def"
#undef PHENOMENON
};
const unsigned tw_catalogue_count = sizeof(tw_catalogue) / sizeof(tw_catalogue[0]);

const struct tw_phenomenon *tw_phenomenon_find(const char *slug)
{
	unsigned i;

	for (i = 0; i < tw_catalogue_count; i++)
		if (!strcmp(tw_catalogue[i]->slug, slug))
			return tw_catalogue[i];
	return NULL;
}

const char *tw_phenomenon_nearest(const char *slug)
{
	unsigned i, best = ~0u;
	const char *name = NULL;
	size_t len = strlen(slug);

	for (i = 0; i < tw_catalogue_count; i++) {
		const char *s = tw_catalogue[i]->slug;
		unsigned n = tw_suggest_distance(slug, s);

		if (len >= 4 && strstr(s, slug) && n > 2)
			n = 2;
		if (n < best) {
			best = n;
			name = s;
		}
	}
	return best <= 2 || best * 3 <= len ? name : NULL;
}

const char *tw_say_text(struct tw_match *m, const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = tw_arena_vprintf(m->arena, fmt, ap);
	va_end(ap);
	return s;
}

void tw_cite_text(struct tw_match *m, enum tw_fact_id fact, const char *text)
{
	if (m->evidence_count < TW_EVIDENCE_MAX)
		m->evidence[m->evidence_count++] = (struct tw_evidence){
			.frame = tw_frame_of(m->facts, fact),
			.event = fact >= TW_F_K_SEEN, /* the kernel's facts stand last */
			.time_ns = tw_time_of(m->facts, fact),
			.text = text,
		};
}

void tw_rival_text(struct tw_match *m, const char *slug, const char *why)
{
	if (m->rival_count < TW_RIVALS_MAX)
		m->rivals[m->rival_count++] = (struct tw_rival){ slug, why };
}

void tw_rule_out_text(struct tw_match *m, const char *slug, const char *why)
{
	if (m->ruled_out_count < TW_RIVALS_MAX)
		m->ruled_out[m->ruled_out_count++] = (struct tw_rival){ slug, why };
}

void tw_app_saw(struct tw_match *m, enum tw_side side, const char *call, const char *error,
		int64_t after_ns, const char *text)
{
	m->app[side] = (struct tw_app){ call, error, after_ns, text };
}

void tw_missing(struct tw_match *m, const char *text)
{
	if (m->missing_count < sizeof(m->missing) / sizeof(m->missing[0]))
		m->missing[m->missing_count++] = text;
}

const char *tw_endpoint(const struct tw_match *m, enum tw_side side)
{
	return side == TW_CLIENT ? m->client : m->server;
}

const char *tw_bytes(struct tw_match *m, int64_t n)
{
	return tw_count(m, n, "byte");
}

const char *tw_count(struct tw_match *m, int64_t n, const char *noun)
{
	return tw_say(m, "%lld %s%s", (long long)n, noun, n == 1 ? "" : "s");
}

const char *tw_first_of(struct tw_match *m, int64_t n, const char *noun)
{
	if (n == 1)
		return tw_say(m, "the only %s", noun);
	return tw_say(m, "the first of %lld %ss", (long long)n, noun);
}

const char *tw_times(struct tw_match *m, int64_t n)
{
	if (n == 1 || n == 2)
		return n == 1 ? "once" : "twice";
	return tw_say(m, "%lld times", (long long)n);
}

const char *tw_side_name(enum tw_side side)
{
	return side == TW_CLIENT ? "the client" : "the server";
}

enum tw_culprit tw_host_of(enum tw_side side)
{
	return side == TW_CLIENT ? TW_CULPRIT_CLIENT_HOST : TW_CULPRIT_SERVER_HOST;
}

enum tw_culprit tw_app_of(enum tw_side side)
{
	return side == TW_CLIENT ? TW_CULPRIT_CLIENT_APP : TW_CULPRIT_SERVER_APP;
}

const char *tw_stage_name(enum tw_stage s)
{
	static const char *const names[] = { "connect", "established", "teardown", "many" };

	return names[s];
}

const char *tw_outcome_name(enum tw_outcome o)
{
	static const char *const names[] = { "clean", "unknown", "degraded", "failed" };

	return names[o];
}

const char *tw_confidence_name(enum tw_confidence c)
{
	static const char *const names[] = { "possible", "likely", "certain" };

	return names[c];
}

const char *tw_culprit_name(enum tw_culprit c)
{
	static const char *const names[] = { "unknown",    "client-app",  "client-host",
					     "server-app", "server-host", "network",
					     "middlebox" };

	return names[c];
}
