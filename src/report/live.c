/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Findings of the running kernel as text: a line at once, a story below it on request, a table at the end.
 * The line must be readable as it scrolls by, and cut into columns by awk: so it is fixed in its order.
 */
#include "report/live.h"

#include "base/duration.h"
#include "packet/tuple.h"
#include "report/remedy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum tw_role role_of(enum tw_outcome o)
{
	switch (o) {
	case TW_OUTCOME_FAILED:
		return TW_ROLE_BAD;
	case TW_OUTCOME_CLEAN:
		return TW_ROLE_GOOD;
	default:
		return TW_ROLE_WARN;
	}
}

/* Local time of day: it stands beside the logs of the same host. */
static void put_time(struct tw_pen *p, int64_t ns)
{
	const time_t s = (time_t)(ns / TW_NS_PER_S);
	struct tm t;
	char text[16] = "";

	if (localtime_r(&s, &t))
		strftime(text, sizeof(text), "%H:%M:%S", &t);
	tw_pen_put(p, TW_ROLE_FAINT, "%s.%03d ", text, (int)(ns % TW_NS_PER_S / TW_NS_PER_MS));
}

static void put_process(struct tw_pen *p, const struct tw_finding *f)
{
	const struct tw_process *own = &f->process[f->process_side];

	if (!own->pid) {
		tw_pen_put(p, TW_ROLE_FAINT, " -");
		return;
	}
	tw_pen_put(p, TW_ROLE_PLAIN, " %s[%u]", own->comm, own->pid);
	if (f->actor && strcmp(f->actor, own->comm) != 0)
		tw_pen_put(p, TW_ROLE_FAINT, " by %s", f->actor);
}

/* "client ECONNRESET", for each end that got an error. */
static void put_errors(struct tw_pen *p, const struct tw_finding *f)
{
	int i;

	for (i = 0; i < 2; i++)
		if (f->match.app[i].call && f->match.app[i].error)
			tw_pen_put(p, TW_ROLE_PLAIN, " %s: %s %s", i ? "server" : "client",
				   f->match.app[i].call, f->match.app[i].error);
}

void tw_live_line(struct tw_pen *p, const struct tw_finding *f)
{
	put_time(p, f->start_ns + f->duration_ns);
	tw_pen_put(p, role_of(f->match.outcome), "%s", f->verdict);
	if (f->match.outcome != TW_OUTCOME_UNKNOWN && f->match.confidence != TW_CERTAIN)
		tw_pen_put(p, TW_ROLE_FAINT, " (%s)", tw_confidence_name(f->match.confidence));
	/* A listener's own trouble has no client. */
	if (!f->port[TW_CLIENT] && strcmp(f->vantage, "server") == 0)
		tw_pen_put(p, TW_ROLE_STRONG, " %s", f->server);
	else
		tw_pen_put(p, TW_ROLE_STRONG, " %s > %s", f->client, f->server);
	put_process(p, f);
	put_errors(p, f);
	if (f->reason)
		tw_pen_put(p, TW_ROLE_FAINT, " %s", f->reason);
	tw_pen_newline(p);
}

static void put_item(struct tw_pen *p, const char *label, const char *text)
{
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_FAINT, "%s", label);
	tw_pen_column(p, 12);
	tw_pen_wrap(p, 12, TW_ROLE_PLAIN, "%s", text);
	tw_pen_newline(p);
}

static void put_event(struct tw_pen *p, const struct tw_finding *f, const struct tw_evidence *e)
{
	tw_pen_column(p, 2);
	if (e->frame)
		tw_pen_put(p, TW_ROLE_FAINT, "%.6f", (double)(e->time_ns - f->start_ns) / 1e9);
	tw_pen_column(p, 12);
	tw_pen_wrap(p, 12, TW_ROLE_PLAIN, "%s", e->text);
	tw_pen_newline(p);
}

static void put_rivals(struct tw_pen *p, const char *label, const struct tw_rival *r, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		tw_pen_column(p, 2);
		tw_pen_put(p, TW_ROLE_FAINT, "%s", label);
		tw_pen_column(p, 12);
		tw_pen_wrap(p, 12, TW_ROLE_PLAIN, "%s: %s", r[i].slug, r[i].why);
		tw_pen_newline(p);
	}
}

void tw_live_story(struct tw_pen *p, const struct tw_finding *f)
{
	const struct tw_match *m = &f->match;
	char text[TW_REMEDY_TEXT];
	unsigned i;

	put_item(p, "", m->summary);
	for (i = 0; i < m->evidence_count; i++)
		put_event(p, f, &m->evidence[i]);
	for (i = 0; i < 2; i++)
		if (m->app[i].text)
			put_item(p, i ? "server" : "client", m->app[i].text);
	for (i = 0; i < 2; i++) {
		if (!f->process[i].pid)
			continue;
		tw_pen_column(p, 2);
		tw_pen_put(p, TW_ROLE_FAINT, "%s", i ? "server" : "client");
		tw_pen_column(p, 12);
		tw_pen_wrap(p, 12, TW_ROLE_PLAIN, "%s, process %u%s%s%s", f->process[i].comm,
			    f->process[i].pid, f->process[i].sure ? "" : " (of its listener)",
			    f->process[i].cgroup ? ", cgroup " : "",
			    f->process[i].cgroup ? f->process[i].cgroup : "");
		tw_pen_newline(p);
	}
	put_rivals(p, "or", m->rivals, m->rival_count);
	put_rivals(p, "not", m->ruled_out, m->ruled_out_count);
	for (i = 0; i < m->missing_count; i++)
		put_item(p, "missing", tw_remedy_of(text, f, m->missing[i]));
	if (tw_remedy_at(f, 0))
		put_item(p, "remedy", tw_remedy_of(text, f, tw_remedy_at(f, 0)));
}

/* ---- the tally ---- */

static bool is_row(const struct tw_tally_row *r, const struct tw_finding *f, const char *comm)
{
	return r->verdict && strcmp(r->verdict, f->verdict) == 0 &&
	       r->outcome == f->match.outcome && r->port == f->port[TW_SERVER] &&
	       memcmp(&r->server, &f->addr[TW_SERVER], sizeof(r->server)) == 0 &&
	       strncmp(r->comm, comm, sizeof(r->comm) - 1) == 0;
}

static unsigned place_of(const struct tw_finding *f, const char *comm)
{
	uint64_t h = f->port[TW_SERVER];
	const char *c;
	unsigned i;

	for (c = f->verdict; *c; c++)
		h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	for (c = comm; *c; c++)
		h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	for (i = 0; i < 16; i++)
		h = (h ^ f->addr[TW_SERVER].b[i]) * UINT64_C(0x100000001b3);
	return (unsigned)(h >> 20) % TW_TALLY_ROWS;
}

#define KIND_UNKNOWN (TW_TALLY_KINDS - 2)
#define KIND_CLEAN   (TW_TALLY_KINDS - 1)

const char *tw_tally_kind(unsigned kind)
{
	if (kind >= KIND_UNKNOWN)
		return kind == KIND_UNKNOWN ? "unknown" : kind == KIND_CLEAN ? "clean" : NULL;
	return kind < tw_catalogue_count ? tw_catalogue[kind]->slug : NULL;
}

static unsigned kind_of(const struct tw_finding *f)
{
	unsigned i;

	for (i = 0; f->phenomenon && i < tw_catalogue_count && i < KIND_UNKNOWN; i++)
		if (tw_catalogue[i] == f->phenomenon)
			return i;
	return f->match.outcome == TW_OUTCOME_CLEAN ? KIND_CLEAN : KIND_UNKNOWN;
}

static struct tw_tally_row *shared_row(struct tw_tally *t, const struct tw_finding *f,
				       unsigned kind, uint64_t n)
{
	struct tw_tally_row *r = &t->shared[kind];

	r->verdict = tw_tally_kind(kind);
	r->outcome = f->match.outcome;
	r->shared = true;
	r->count += n;
	return r;
}

static uint64_t weight_of(const struct tw_finding *f)
{
	return 1 + f->folded;
}

void tw_tally_count(struct tw_tally *t, const struct tw_finding *f)
{
	t->outcome[f->match.outcome] += weight_of(f);
	if (f->match.outcome != TW_OUTCOME_CLEAN)
		t->verdict[kind_of(f)] += weight_of(f);
}

struct tw_tally_row *tw_tally_add(struct tw_tally *t, const struct tw_finding *f)
{
	const char *comm = f->process[f->process_side].pid ? f->process[f->process_side].comm : "";
	const unsigned kind = kind_of(f);
	unsigned i, at = place_of(f, comm);
	const uint64_t n = weight_of(f);

	for (i = 0; i < 16; i++, at = (at + 1) % TW_TALLY_ROWS) {
		struct tw_tally_row *r = &t->row[at];

		if (!r->verdict) {
			*r = (struct tw_tally_row){ .verdict = tw_tally_kind(kind),
						    .outcome = f->match.outcome,
						    .server = f->addr[TW_SERVER],
						    .port = f->port[TW_SERVER] };
			strncpy(r->comm, comm, sizeof(r->comm) - 1);
		}
		if (is_row(r, f, comm)) {
			r->count += n;
			return r;
		}
	}
	return shared_row(t, f, kind, n);
}

static int by_count(const void *a, const void *b)
{
	const struct tw_tally_row *x = *(const struct tw_tally_row *const *)a;
	const struct tw_tally_row *y = *(const struct tw_tally_row *const *)b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->verdict, y->verdict);
}

static void put_endpoint(struct tw_pen *p, const struct tw_tally_row *r)
{
	char text[TW_ENDPOINT_TEXT];

	tw_pen_put(p, TW_ROLE_PLAIN, "%s",
		   r->shared ? "other endpoints" : tw_endpoint_text(text, &r->server, r->port));
}

void tw_tally_table(struct tw_pen *p, const struct tw_tally *t)
{
	const struct tw_tally_row *sorted[TW_TALLY_ROWS + TW_TALLY_KINDS] = { NULL };
	unsigned n = 0, i;

	for (i = 0; i < TW_TALLY_ROWS; i++)
		if (t->row[i].verdict)
			sorted[n++] = &t->row[i];
	for (i = 0; i < TW_TALLY_KINDS; i++)
		if (t->shared[i].verdict)
			sorted[n++] = &t->shared[i];
	qsort(sorted, n, sizeof(sorted[0]), by_count);
	for (i = 0; i < n; i++) {
		const struct tw_tally_row *r = sorted[i];

		tw_pen_put(p, TW_ROLE_STRONG, "%8llu ", (unsigned long long)r->count);
		tw_pen_put(p, role_of(r->outcome), "%s", r->verdict);
		tw_pen_column(p, 34);
		put_endpoint(p, r);
		tw_pen_column(p, 58);
		tw_pen_put(p, TW_ROLE_PLAIN, "%s", r->comm);
		tw_pen_newline(p);
	}
}

void tw_tally_folded(struct tw_pen *p, const struct tw_tally_row *row)
{
	tw_pen_put(p, TW_ROLE_FAINT,
		   "             ... and %llu more: ", (unsigned long long)row->folded);
	tw_pen_put(p, role_of(row->outcome), "%s ", row->verdict);
	put_endpoint(p, row);
	tw_pen_newline(p);
}
