/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which connections tell the same story. A person wants "port-closed at 192.0.2.2:80, 37
 * times", not 37 reports; and a scan over a thousand ports is one line as well.
 */
#include "report/group.h"

#include <stdlib.h>
#include <string.h>

/* More ports of a host, or hosts, than this with one verdict are told as one group. */
#define PORTS_MAX 4
#define HOSTS_MAX 6

static bool same_kind(const struct tw_group *a, const struct tw_group *b)
{
	return a->outcome == b->outcome && !strcmp(a->verdict, b->verdict);
}

/* Does a connection described by @one belong to @group? */
static bool covers(const struct tw_group *group, const struct tw_group *one)
{
	if (group->scope != TW_GROUP_ALL && !tw_addr_equal(&group->server, &one->server))
		return false;
	if (group->scope == TW_GROUP_ENDPOINT && group->port != one->port)
		return false;
	return same_kind(group, one);
}

static bool better_example(const struct tw_finding *a, const struct tw_finding *b)
{
	if (a->match.confidence != b->match.confidence)
		return a->match.confidence > b->match.confidence;
	if (a->match.evidence_count != b->match.evidence_count)
		return a->match.evidence_count > b->match.evidence_count;
	return a->stream < b->stream;
}

static void add_client(struct tw_group *g, const struct tw_addr *a)
{
	unsigned i;

	for (i = 0; i < g->client_count; i++)
		if (tw_addr_equal(&g->clients[i], a))
			return;
	if (g->client_count == TW_GROUP_CLIENTS)
		g->more_clients = true;
	else
		g->clients[g->client_count++] = *a;
}

/* Streams stay sorted, the smallest ones are kept. */
static void add_stream(struct tw_group *g, uint64_t stream)
{
	unsigned i = g->stream_count;

	if (i == TW_GROUP_STREAMS) {
		if (g->streams[i - 1] < stream)
			return;
		i--;
	} else {
		g->stream_count++;
	}
	for (; i && g->streams[i - 1] > stream; i--)
		g->streams[i] = g->streams[i - 1];
	g->streams[i] = stream;
}

/* Give all of @from to @to, but for its example. */
static void merge_counts(struct tw_group *to, const struct tw_group *from)
{
	unsigned i;

	to->count += from->count;
	to->members += from->members;
	for (i = 0; i < from->stream_count; i++)
		add_stream(to, from->streams[i]);
	for (i = 0; i < from->client_count; i++)
		add_client(to, &from->clients[i]);
	to->more_clients |= from->more_clients;
	to->more_members |= from->more_members;
	if (from->duration_min_ns < to->duration_min_ns)
		to->duration_min_ns = from->duration_min_ns;
	if (from->duration_max_ns > to->duration_max_ns)
		to->duration_max_ns = from->duration_max_ns;
}

static void merge(struct tw_group *to, struct tw_group *from)
{
	merge_counts(to, from);
	if (better_example(from->example, to->example)) {
		struct tw_finding *worse = to->example;

		to->example = from->example;
		to->verdict = from->example->verdict;
		from->example = worse;
	}
	tw_finding_free(from->example);
	from->example = NULL;
}

/* A group of one; its example is left to the caller. */
static struct tw_group group_of(const struct tw_finding *f)
{
	struct tw_group one = {
		.scope = TW_GROUP_ENDPOINT, .verdict = f->verdict, .count = 1, .members = 1
	};

	one.outcome = f->match.outcome;
	one.server = f->addr[TW_SERVER];
	one.port = f->port[TW_SERVER];
	/* Of a connection of which only a part was looked at it is not known. */
	one.duration_min_ns = f->looked_to ? INT64_MAX : f->duration_ns;
	one.duration_max_ns = f->looked_to ? 0 : f->duration_ns;
	add_stream(&one, f->stream);
	add_client(&one, &f->addr[TW_CLIENT]);
	return one;
}

/*
 * How many groups of the kind of list[@i] are there, of its host only if @scope is
 * TW_GROUP_HOST?
 */
static unsigned alike(const struct tw_groups *g, unsigned i, enum tw_group_scope scope)
{
	struct tw_group wide = g->list[i];
	unsigned j, n = 0;

	wide.scope = scope;
	for (j = 0; j < g->count; j++)
		n += covers(&wide, &g->list[j]);
	return n;
}

/* Widen list[@i] to @scope and take in all that it covers then; those behind it move up. */
static void widen(struct tw_groups *g, unsigned i, enum tw_group_scope scope)
{
	unsigned j, kept = i + 1;

	g->list[i].scope = scope;
	for (j = i + 1; j < g->count; j++) {
		if (covers(&g->list[i], &g->list[j]))
			merge(&g->list[i], &g->list[j]);
		else
			g->list[kept++] = g->list[j];
	}
	g->count = kept;
}

static void merge_alike(struct tw_groups *g, enum tw_group_scope scope, unsigned max)
{
	unsigned i;

	for (i = 0; i < g->count; i++)
		if (g->list[i].scope < scope && alike(g, i, scope) > max)
			widen(g, i, scope);
}

static struct tw_group *group_for(struct tw_groups *g, const struct tw_group *one)
{
	unsigned i;

	for (i = 0; i < g->count; i++)
		if (covers(&g->list[i], one))
			return &g->list[i];
	return NULL;
}

static void make_place(struct tw_groups *g)
{
	merge_alike(g, TW_GROUP_HOST, 1);
	if (g->count > TW_GROUPS_MAX / 2)
		merge_alike(g, TW_GROUP_ALL, 1);
}

/* An endpoint's group has its one member; a wider group may know it or not. */
static void join(struct tw_group *group, struct tw_group *one)
{
	one->members = 0;
	group->more_members |= group->scope != TW_GROUP_ENDPOINT;
}

bool tw_groups_sketch(struct tw_groups *g, const struct tw_finding *f)
{
	struct tw_group one = group_of(f), *group = group_for(g, &one);

	if (!group || better_example(f, group->example))
		return true;
	join(group, &one);
	merge_counts(group, &one);
	return false;
}

void tw_groups_add(struct tw_groups *g, struct tw_finding *f)
{
	struct tw_group one = group_of(f), *group = group_for(g, &one);

	one.example = f;
	if (!group && g->count == TW_GROUPS_MAX) {
		make_place(g);
		group = group_for(g, &one);
	}
	if (group) {
		join(group, &one);
		merge(group, &one);
	} else if (g->count < TW_GROUPS_MAX) {
		g->list[g->count++] = one;
	} else { /* more kinds than the catalogue can make */
		tw_finding_free(f);
	}
}

static int severity(enum tw_outcome o)
{
	static const int rank[] = {
		[TW_OUTCOME_CLEAN] = 0,
		[TW_OUTCOME_DEGRADED] = 1,
		[TW_OUTCOME_UNKNOWN] = 2,
		[TW_OUTCOME_FAILED] = 3,
	};

	return rank[o];
}

static int by_weight(const void *a, const void *b)
{
	const struct tw_group *x = a, *y = b;

	if (x->outcome != y->outcome)
		return severity(x->outcome) > severity(y->outcome) ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->streams[0] < y->streams[0] ? -1 : x->streams[0] > y->streams[0];
}

void tw_groups_finish(struct tw_groups *g)
{
	merge_alike(g, TW_GROUP_HOST, PORTS_MAX);
	merge_alike(g, TW_GROUP_ALL, HOSTS_MAX);
	qsort(g->list, g->count, sizeof(g->list[0]), by_weight);
}

void tw_groups_free(struct tw_groups *g)
{
	unsigned i;

	for (i = 0; i < g->count; i++)
		tw_finding_free(g->list[i].example);
	g->count = 0;
}
