/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One finding out of two. Each side was judged by itself; what counts then:
 *
 *	- the kernel's certainty is about this host, which it knows and the packets only show;
 *	- what one side excludes is no rival any more, whichever side named it;
 *	- the kernel's "it failed, I can not see why" gives way to anything that explains it;
 *	- that nobody was owed anything, which the sockets tell, beats the packets' guess of it.
 *
 * If the sides name different phenomena, the one that yields is named: as excluded if the other is certain,
 * else as a rival. The evidence of both stands in one list.
 *
 * Sides are told apart by roles. Where the packets have not shown who connected, the kernel's roles count, and
 * if these differ, texts about "the client" would be wrong: then only the kernel's side is told.
 */
#include "kernel/join.h"

#include <string.h>

/* Evidence of the one that yields for which there is room in any case. */
#define EVIDENCE_SHARE 4

/* ---- whose verdict ---- */

static bool is_certain(const struct tw_match *m)
{
	return m->confidence == TW_CERTAIN && m->outcome != TW_OUTCOME_UNKNOWN;
}

static bool kernel_knows_nothing_owed(const struct tw_finding *k)
{
	return tw_known(&k->facts, TW_F_K_RST_SIDE) && !tw_get(&k->facts, TW_F_K_RST_OWED);
}

static bool is_kernels(const struct tw_finding *p, const struct tw_finding *k)
{
	const struct tw_match *pm = &p->match, *km = &k->match;

	if (km->outcome == TW_OUTCOME_UNKNOWN)
		return pm->outcome == TW_OUTCOME_CLEAN;
	if (km->outcome == TW_OUTCOME_CLEAN)
		return pm->outcome == TW_OUTCOME_UNKNOWN ||
		       (pm->outcome != TW_OUTCOME_CLEAN && kernel_knows_nothing_owed(k));
	if (pm->outcome == TW_OUTCOME_UNKNOWN || pm->outcome == TW_OUTCOME_CLEAN)
		return true;
	if (is_certain(km) || is_certain(pm))
		return is_certain(km);
	return km->strength >= pm->strength;
}

/* ---- texts, which must outlive the finding that they come from ---- */

static const char *keep(struct tw_finding *f, const char *text)
{
	return text ? tw_arena_printf(&f->arena, "%s", text) : NULL;
}

static void keep_rivals(struct tw_finding *f, struct tw_rival *r, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		r[i].why = keep(f, r[i].why);
}

/* The kernel's match in the arena of the packets' finding. Slugs and errors are static. */
static struct tw_match adopt(struct tw_finding *f, const struct tw_match *from)
{
	struct tw_match m = *from;
	unsigned i;

	m.arena = &f->arena;
	m.client = f->client;
	m.server = f->server;
	m.summary = keep(f, from->summary);
	for (i = 0; i < m.evidence_count; i++)
		m.evidence[i].text = keep(f, m.evidence[i].text);
	for (i = 0; i < m.missing_count; i++)
		m.missing[i] = keep(f, m.missing[i]);
	for (i = 0; i < 2; i++)
		m.app[i].text = keep(f, m.app[i].text);
	keep_rivals(f, m.rivals, m.rival_count);
	keep_rivals(f, m.ruled_out, m.ruled_out_count);
	return m;
}

/* ---- rivals ---- */

static bool has(const struct tw_rival *list, unsigned n, const char *slug)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i].slug, slug) == 0)
			return true;
	return false;
}

static void rule_out(struct tw_match *m, const char *slug, const char *why)
{
	if (!has(m->ruled_out, m->ruled_out_count, slug))
		tw_rule_out(m, slug, "%s", why);
}

/* Only its rivals kept it from being certain, and the other excludes each of them. */
static bool is_settled_by(const struct tw_match *m, const struct tw_match *other)
{
	unsigned i;

	if (m->confidence != TW_LIKELY || !m->rival_count || m->missing_count)
		return false;
	for (i = 0; i < m->rival_count; i++)
		if (!has(other->ruled_out, other->ruled_out_count, m->rivals[i].slug))
			return false;
	return true;
}

/* Those of either that neither excludes. */
static void merge_rivals(struct tw_match *m, const char *verdict, const struct tw_match *other)
{
	const struct tw_match before = *m;
	unsigned i;

	m->rival_count = 0;
	for (i = 0; i < before.rival_count; i++)
		if (!has(other->ruled_out, other->ruled_out_count, before.rivals[i].slug))
			m->rivals[m->rival_count++] = before.rivals[i];
	for (i = 0; i < other->ruled_out_count; i++)
		if (strcmp(other->ruled_out[i].slug, verdict) != 0)
			rule_out(m, other->ruled_out[i].slug, other->ruled_out[i].why);
	for (i = 0; i < other->rival_count; i++) {
		const struct tw_rival *r = &other->rivals[i];

		if (strcmp(r->slug, verdict) == 0 || has(m->rivals, m->rival_count, r->slug) ||
		    has(m->ruled_out, m->ruled_out_count, r->slug))
			continue;
		if (m->rival_count < TW_RIVALS_MAX)
			m->rivals[m->rival_count++] = *r;
	}
}

/* Certain: what the other left open is excluded now. */
static void close_rivals(struct tw_match *m, const char *verdict, const struct tw_match *other,
			 bool kernel)
{
	unsigned i;

	for (i = 0; i < other->rival_count; i++)
		if (strcmp(other->rivals[i].slug, verdict) != 0 &&
		    !has(m->ruled_out, m->ruled_out_count, other->rivals[i].slug))
			tw_rule_out(m, other->rivals[i].slug,
				    kernel ? "the packets leave it open; the kernel's own record "
					     "excludes it"
					   : "the kernel's record leaves it open; the packets "
					     "exclude it");
	m->rival_count = 0;
	m->missing_count = 0;
}

/* The verdict that yields is named. */
static void name_loser(struct tw_match *m, const char *slug, bool kernel)
{
	if (m->confidence == TW_CERTAIN)
		rule_out(m, slug,
			 kernel ? "the packets alone would say so; the kernel's own record of this "
				  "host says otherwise"
				: "the kernel's record alone would say so; the packets show what "
				  "it does not");
	else if (m->outcome != TW_OUTCOME_CLEAN && !has(m->ruled_out, m->ruled_out_count, slug) &&
		 !has(m->rivals, m->rival_count, slug))
		tw_rival(m, slug, "%s",
			 kernel ? "the packets alone would say so"
				: "the kernel's record alone would say so");
}

/* ---- the rest ---- */

/* One story, in the order of time; what has no time stays where it is. */
static void sort_evidence(struct tw_match *m)
{
	unsigned i, at;

	for (i = 1; i < m->evidence_count; i++) {
		const struct tw_evidence e = m->evidence[i];

		for (at = i; at && e.frame && m->evidence[at - 1].frame &&
			     m->evidence[at - 1].time_ns > e.time_ns;
		     at--)
			m->evidence[at] = m->evidence[at - 1];
		m->evidence[at] = e;
	}
}

static void merge_evidence(struct tw_match *m, const struct tw_match *other)
{
	const unsigned share =
		other->evidence_count < EVIDENCE_SHARE ? other->evidence_count : EVIDENCE_SHARE;
	unsigned i;

	if (m->evidence_count > TW_EVIDENCE_MAX - share)
		m->evidence_count = TW_EVIDENCE_MAX - share;
	for (i = 0; i < other->evidence_count && m->evidence_count < TW_EVIDENCE_MAX; i++)
		m->evidence[m->evidence_count++] = other->evidence[i];
	sort_evidence(m);
}

/* Of the same phenomenon: what one side does not know of the applications, the other may. */
static void merge_apps(struct tw_match *m, const struct tw_match *other)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!m->app[i].call)
			m->app[i] = other->app[i];
		else if (m->app[i].after_ns < 0 && other->app[i].call &&
			 strcmp(m->app[i].call, other->app[i].call) == 0)
			m->app[i].after_ns = other->app[i].after_ns;
	}
}

static void merge_matches(struct tw_finding *f, const char *slug, struct tw_match *m,
			  const char *other_slug, const struct tw_match *other, bool kernel)
{
	const bool same = slug && other_slug && strcmp(slug, other_slug) == 0;
	const bool settled = is_settled_by(m, other) || (same && is_settled_by(other, m));

	if (slug)
		merge_rivals(m, slug, other);
	if (settled && !m->rival_count)
		m->confidence = TW_CERTAIN;
	if (same && other->confidence == TW_CERTAIN)
		m->confidence = TW_CERTAIN;
	if (slug && m->confidence == TW_CERTAIN)
		close_rivals(m, slug, other, kernel);
	if (other_slug && !same && other->outcome != TW_OUTCOME_CLEAN)
		name_loser(m, other_slug, kernel);
	if (same)
		merge_apps(m, other);
	if (!m->remark)
		m->remark = other->remark;
	merge_evidence(m, other);
	f->match = *m;
}

/* Process, actor and reason, which packets do not have. */
static void take_processes(struct tw_finding *f, const struct tw_finding *k)
{
	int i;

	for (i = 0; i < 2; i++) {
		f->process[i] = k->process[i];
		f->process[i].comm = keep(f, k->process[i].comm);
		f->process[i].cgroup = keep(f, k->process[i].cgroup);
	}
	f->process_side = k->process_side;
	f->actor = keep(f, k->actor);
	f->reason = k->reason;
	f->folded = k->folded;
	f->netns = k->netns;
	memcpy(f->end_netns, k->end_netns, sizeof(f->end_netns));
	f->drop_netns = k->drop_netns;
}

/* The connection as the packets count it, under the kernel's roles. */
static void swap_counts(struct tw_finding *to, const struct tw_finding *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		to->packets[i] = p->packets[!i];
		to->bytes[i] = p->bytes[!i];
	}
}

struct tw_finding *tw_join_merge(struct tw_finding *p, struct tw_finding *k)
{
	const bool kernel = is_kernels(p, k);
	const char *p_slug = p->phenomenon ? p->phenomenon->slug : NULL;
	const char *k_slug = k->phenomenon ? k->phenomenon->slug : NULL;
	struct tw_match km, pm;
	unsigned id;

	if (!tw_addr_equal(&p->addr[0], &k->addr[0]) || p->port[0] != k->port[0]) {
		swap_counts(k, p);
		k->kept = p->kept;
		p->kept = NULL;
		tw_finding_free(p);
		return k;
	}
	pm = p->match;
	pm.arena = &p->arena;
	km = adopt(p, &k->match);
	p->live = true;
	p->source = tw_arena_printf(&p->arena, "kernel+%s", p->source);
	if (k->vantage && strcmp(k->vantage, "unknown") != 0)
		p->vantage = k->vantage;
	take_processes(p, k);
	for (id = TW_F_K_SEEN; id < TW_F__N; id++) {
		p->facts.known[id] = k->facts.known[id];
		p->facts.f[id] = k->facts.f[id];
	}
	if (kernel) {
		p->phenomenon = k->phenomenon;
		p->verdict = k->verdict;
		merge_matches(p, k_slug, &km, p_slug, &pm, true);
	} else {
		merge_matches(p, p_slug, &pm, k_slug, &km, false);
	}
	tw_finding_free(k);
	return p;
}
