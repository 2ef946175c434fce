/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a dossier to a finding: facts, the verdict, and what the renderers need besides.
 *
 * Most judged connections of a healthy capture turn out clean and are delivered to nobody; the
 * finding they were judged in is used again for the next one.
 */
#include "diagnose/session_private.h"

#include "phenomena/judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void tw_finding_free(struct tw_finding *f)
{
	if (!f)
		return;
	tw_kept_free(f->kept);
	tw_arena_free(&f->arena);
	free(f);
}

static const char *vantage_name(const struct tw_facts *facts)
{
	if (tw_get(facts, TW_F_ONE_SIDED))
		return "one-sided";
	switch (tw_get(facts, TW_F_VANTAGE)) {
	case TW_VANTAGE_CLIENT:
		return "client";
	case TW_VANTAGE_SERVER:
		return "server";
	case TW_VANTAGE_MIDDLE:
		return "middle";
	case TW_VANTAGE_ONE_SIDED:
		return "one-sided";
	default:
		return "unknown";
	}
}

/* Whose reset came first? -1: nobody's. */
static int first_reset(const struct tw_dossier *d)
{
	size_t i;

	for (i = 0; i < d->pkt_count; i++)
		if (d->pkt[i].flags & TW_RST && !(d->pkt[i].marks & TW_MARKS_NOT_ANALYSED))
			return d->pkt[i].side;
	return d->end[1].rsts ? 1 : d->end[0].rsts ? 0 : -1;
}

/* Zeek's conn_state (conn.log): the words in which many sites keep their history. */
static const char *zeek_state(const struct tw_dossier *d)
{
	const bool syn = d->completeness & 1, synack = d->completeness & 2;
	const bool fin_c = d->end[TW_CLIENT].fin_seen, fin_s = d->end[TW_SERVER].fin_seen;
	const int reset = first_reset(d);

	if (!syn && !synack)
		return "OTH";
	if (!syn)
		return reset == TW_SERVER ? "RSTRH" : fin_s ? "SHR" : "OTH";
	if (!synack) {
		if (reset == TW_SERVER)
			return "REJ";
		if (reset == TW_CLIENT)
			return "RSTOS0";
		return fin_c ? "SH" : d->end[TW_SERVER].packets ? "OTH" : "S0";
	}
	if (fin_c && fin_s)
		return "SF";
	if (reset >= 0)
		return reset == TW_CLIENT ? "RSTO" : "RSTR";
	return fin_c ? "S2" : fin_s ? "S3" : "S1";
}

static void fill_ends(struct tw_finding *f, const struct tw_dossier *d)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_end *e = &d->end[i];

		f->addr[i] = e->addr;
		f->port[i] = e->port;
		f->packets[i] = e->packets;
		f->bytes[i] = e->bytes;
		f->retransmissions[i] = e->retransmissions;
		f->duplicate_acks[i] = e->dup_acks;
		f->zero_windows[i] = e->zero_windows;
		f->out_of_order[i] = e->out_of_order;
		f->keepalives[i] = e->keepalives;
	}
}

static void fill_texts(struct tw_finding *f, const struct tw_dossier *d)
{
	char text[TW_ENDPOINT_TEXT];
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_end *e = &d->end[i];
		const char *copy;

		copy = tw_arena_printf(&f->arena, "%s", tw_endpoint_text(text, &e->addr, e->port));
		*(i ? &f->server : &f->client) = copy;
	}
	f->match.client = f->client;
	f->match.server = f->server;
}

/* @part: as in the session. */
static void fill_numbers(struct tw_finding *f, const struct tw_dossier *d,
			 const struct tw_interest *part)
{
	f->stream = d->stream;
	fill_ends(f, d);
	f->start_ns = d->first_ns;
	f->duration_ns = d->last_ns > d->first_ns ? d->last_ns - d->first_ns : 0;
	f->first_frame = d->first_frame;
	f->last_frame = part ? part->last_frame : d->last_frame;
	f->looked_to = part ? d->last_frame : 0;
	f->completeness = d->completeness;
	f->steps_total = d->packets;
}

static void fill(struct tw_session *s, struct tw_finding *f, const struct tw_dossier *d)
{
	const struct tw_session_config *c = s->config;

	f->source = tw_arena_printf(&f->arena, "%s", s->summary->source);
	f->vantage = vantage_name(&f->facts);
	f->zeek = zeek_state(d);
	if (c->want_steps)
		tw_steps_fill(f, d, c->have_stream ? 0 : c->steps_max);
}

static void count_outcome(struct tw_session_summary *sum, enum tw_outcome outcome, uint64_t n)
{
	switch (outcome) {
	case TW_OUTCOME_CLEAN:
		sum->clean += n;
		break;
	case TW_OUTCOME_UNKNOWN:
		sum->unknown += n;
		break;
	case TW_OUTCOME_DEGRADED:
		sum->degraded += n;
		break;
	case TW_OUTCOME_FAILED:
		sum->failed += n;
		break;
	}
}

static void count_verdict(struct tw_session_summary *sum, const struct tw_phenomenon *p,
			  enum tw_outcome outcome, uint64_t n)
{
	const unsigned room = sizeof(sum->verdict_count) / sizeof(sum->verdict_count[0]);
	uint64_t *counts = outcome == TW_OUTCOME_CLEAN ? sum->harmless_count : sum->verdict_count;
	unsigned i;

	for (i = 0; i < tw_catalogue_count && i < room; i++) {
		if (tw_catalogue[i] != p)
			continue;
		counts[i] += n;
		return;
	}
}

/* A clean connection makes no finding; the summary at least says what is worth knowing about it. */
static void count_remark(struct tw_session_summary *sum, const struct tw_match *m)
{
	const unsigned room = sizeof(sum->remark_count) / sizeof(sum->remark_count[0]);
	unsigned i;

	if (m->outcome != TW_OUTCOME_CLEAN || !m->remark)
		return;
	for (i = 0; i < room && tw_remarks[i].slug; i++)
		if (strcmp(tw_remarks[i].slug, m->remark) == 0)
			sum->remark_count[i]++;
}

void tw_session_count(struct tw_session *s, const char *slug, enum tw_outcome outcome, uint64_t n)
{
	if (slug)
		count_verdict(s->summary, tw_phenomenon_find(slug), outcome, n);
	count_outcome(s->summary, outcome, n);
}

/* All before the facts is cleared; those are derived anew. */
_Static_assert(offsetof(struct tw_finding, facts) + sizeof(struct tw_facts) ==
		       sizeof(struct tw_finding),
	       "the facts stand last");

/* An empty finding: the one left over from the last clean connection, or a new one. */
static struct tw_finding *take_finding(struct tw_session *s)
{
	struct tw_finding *f = s->spare;

	s->spare = NULL;
	if (f) {
		tw_arena_free(&f->arena);
		memset(f, 0, offsetof(struct tw_finding, facts));
	} else {
		f = calloc(1, sizeof(*f));
	}
	if (f)
		tw_arena_init(&f->arena);
	return f;
}

static bool is_wanted(const struct tw_session_config *c, const struct tw_finding *f,
		      const struct tw_dossier *d)
{
	if (!c->finding)
		return false;
	if (c->have_stream)
		return d->stream == c->stream;
	return c->all || f->match.outcome != TW_OUTCOME_CLEAN || (c->harmless && f->phenomenon);
}

/* The verdict over facts that are derived. @brief: without texts, by far the dearest part of it. */
static const struct tw_phenomenon *give_verdict(const struct tw_session *s, struct tw_finding *f,
						const struct tw_dossier *d, bool brief)
{
	f->match.brief = brief;
	f->match.client = f->match.server = "";
	f->match.arena = &f->arena;
	f->match.idle_table = s->config->idle_table;
	if (!brief)
		fill_texts(f, d);
	f->phenomenon = tw_judge(&f->facts, &f->match);
	if (s->part)
		tw_missing(&f->match,
			   tw_say(&f->match,
				  "The file is very large: only the packets up to #%" PRIu64
				  " were looked at closely, and are counted here. The connection "
				  "ended in order, at #%" PRIu64 ".",
				  d->last_frame, s->part->last_frame));
	f->match.facts = NULL;
	f->match.idle_table = NULL;
	f->verdict = f->phenomenon                          ? f->phenomenon->slug
		     : f->match.outcome == TW_OUTCOME_CLEAN ? "clean"
							    : "unknown";
	return f->phenomenon;
}

/* Hand it over, unless a sketch of it is all that is asked for. */
static void deliver(struct tw_session *s, struct tw_finding *f, const struct tw_dossier *d)
{
	const struct tw_session_config *c = s->config;

	fill_numbers(f, d, s->part);
	if (c->sketch) {
		if (!c->sketch(c->user, f)) {
			s->spare = f;
			return;
		}
		give_verdict(s, f, d, false);
	}
	fill(s, f, d);
	if (s->kept) {
		f->kept = *s->kept;
		*s->kept = NULL;
		tw_kept_release(f->kept);
	}
	if (!c->finding(c->user, f))
		s->cancelled = true;
}

const struct tw_phenomenon *tw_session_judge(struct tw_session *s, const struct tw_dossier *d,
					     const struct tw_dossier_set *others,
					     enum tw_outcome *outcome)
{
	const struct tw_phenomenon *p;
	const struct tw_session_config *c = s->config;
	struct tw_capture_context seen = s->capture;
	struct tw_finding *f = take_finding(s);

	if (!f) {
		s->out_of_memory = true;
		if (outcome)
			*outcome = TW_OUTCOME_UNKNOWN;
		count_outcome(s->summary, TW_OUTCOME_UNKNOWN, 1);
		return NULL;
	}
	if (s->part)
		seen.last_ns = d->last_ns;
	tw_facts_derive(d, s->hosts, others, &seen, &f->facts);
	p = give_verdict(s, f, d, c->sketch != NULL);
	if (s->part && !(p && p->in_part)) {
		s->spare = f;
		return NULL;
	}
	if (outcome)
		*outcome = f->match.outcome;
	count_outcome(s->summary, f->match.outcome, 1);
	count_remark(s->summary, &f->match);
	if (f->phenomenon)
		count_verdict(s->summary, f->phenomenon, f->match.outcome, 1);
	s->summary->steps_dropped += d->dropped;
	if (s->cancelled || !is_wanted(c, f, d)) {
		s->spare = f;
		return p;
	}
	deliver(s, f, d);
	return p;
}
