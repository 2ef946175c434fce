/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The finding of one connection that the kernel told of: what `read` makes of a dossier, made of records.
 */
#include "kernel/gather_private.h"

#include "packet/tuple.h"
#include "phenomena/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Any record of this end that names an owner; the nearest to the cause first. */
static const struct tw_record *owner_record(const struct tw_live_end *e)
{
	int i;

	for (i = 0; i < TW_SLOT__N; i++)
		if (e->slot[i] && e->slot[i]->owner_pid)
			return e->slot[i];
	return NULL;
}

static void fill_process(struct tw_finding *f, enum tw_side side, const struct tw_live_end *e)
{
	const struct tw_record *r = owner_record(e);
	struct tw_process *p = &f->process[side];

	if (!r)
		return;
	p->pid = r->owner_pid;
	p->sure = (r->flags & TW_RECF_OWNER_SURE) != 0;
	p->comm = tw_arena_printf(&f->arena, "%.*s", (int)sizeof(r->owner_comm), r->owner_comm);
	p->cgroup_id = r->owner_cgroup;
}

/* The record that the verdict hangs on: the reset that was sent here, else the error, else any. */
static const struct tw_record *decisive(const struct tw_live_conn *c, const struct tw_facts *facts,
					int client, int *end)
{
	static const enum tw_slot order[] = { TW_SLOT_SENT_RESET, TW_SLOT_ERROR, TW_SLOT_GOT_RESET,
					      TW_SLOT_STATE,      TW_SLOT_BIND,  TW_SLOT_WAITING,
					      TW_SLOT_DROP };
	unsigned i, j;

	if (tw_known(facts, TW_F_K_RST_SIDE)) {
		*end = tw_get(facts, TW_F_K_RST_SIDE) == TW_CLIENT ? client : !client;
		return c->end[*end].slot[TW_SLOT_SENT_RESET];
	}
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (j = 0; j < 2; j++) {
			if (!c->end[j].slot[order[i]])
				continue;
			*end = (int)j;
			return c->end[j].slot[order[i]];
		}
	}
	*end = client;
	return NULL;
}

static const char *reason_name(const struct tw_gather_config *config, const struct tw_record *r)
{
	const struct tw_kernel_names *names = config->names;

	if (r->kind == TW_REC_SENT_RESET && r->reason < TW_RESET_REASONS)
		return names->reset[r->reason];
	if (r->kind == TW_REC_DROP && r->reason < TW_DROP_REASONS)
		return names->drop[r->reason];
	return NULL;
}

static void fill_actor(const struct tw_gather_config *config, struct tw_finding *f,
		       const struct tw_live_conn *c, int client)
{
	int end;
	const struct tw_record *r = decisive(c, &f->facts, client, &end);

	f->process_side = end == client ? TW_CLIENT : TW_SERVER;
	/* A host that answers for nobody has no process; the other end's is worth more than none. */
	if (!f->process[f->process_side].pid && f->process[tw_other(f->process_side)].pid)
		f->process_side = tw_other(f->process_side);
	/* What only waits is nobody's act. */
	if (r && r->kind == TW_REC_WAITING)
		return;
	if (r && r->kind == TW_REC_BIND) {
		f->actor = f->process[f->process_side].comm;
		return;
	}
	f->actor = "kernel";
	if (!r)
		return;
	f->reason = reason_name(config, r);
	/* An error that a segment or a timer brings may find the process in a call: it did not act. */
	if (r->flags & TW_RECF_PROCESS && r->kind != TW_REC_GOT_RESET &&
	    (!r->err || r->err == ECONNABORTED))
		f->actor = tw_arena_printf(&f->arena, "%.*s", (int)sizeof(r->actor_comm),
					   r->actor_comm);
}

/* Counters of a socket, in either direction. */
static void fill_bytes(struct tw_finding *f, enum tw_side side, const struct tw_live_end *e)
{
	int i;

	for (i = 0; i < TW_SLOT__N; i++) {
		const struct tw_record *r = e->slot[i];

		if (!r || !(r->flags & TW_RECF_SOCKET) || r->kind == TW_REC_SYNACK)
			continue;
		if (r->bytes_sent > f->bytes[side])
			f->bytes[side] = r->bytes_sent;
		if (r->bytes_received > f->bytes[!side])
			f->bytes[!side] = r->bytes_received;
		if (r->total_retrans > f->retransmissions[side])
			f->retransmissions[side] = r->total_retrans;
	}
}

static void fill_times(const struct tw_gather_config *config, struct tw_finding *f,
		       const struct tw_live_conn *c)
{
	int64_t born = c->first_ns;
	int i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < TW_SLOT__N; j++)
			if (c->end[i].slot[j] && c->end[i].slot[j]->flags & TW_RECF_BORN &&
			    (int64_t)c->end[i].slot[j]->born_ns < born)
				born = (int64_t)c->end[i].slot[j]->born_ns;
	f->start_ns = born + config->realtime_offset_ns;
	f->duration_ns = c->last_ns > born ? c->last_ns - born : 0;
}

static void fill_ends(struct tw_finding *f, const struct tw_live_conn *c, int client)
{
	char text[TW_ENDPOINT_TEXT];
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_live_end *e = &c->end[i];
		const enum tw_side side = i == client ? TW_CLIENT : TW_SERVER;
		const char *copy;

		f->addr[side] = e->addr;
		f->port[side] = e->port;
		f->end_netns[side] = e->netns;
		if (e->slot[TW_SLOT_DROP])
			f->drop_netns = e->slot[TW_SLOT_DROP]->netns;
		copy = tw_arena_printf(&f->arena, "%s", tw_endpoint_text(text, &e->addr, e->port));
		*(side == TW_SERVER ? &f->server : &f->client) = copy;
		fill_process(f, side, e);
		fill_bytes(f, side, e);
	}
}

/* Who has the port that a bind() wanted. */
static void fill_holder(struct tw_finding *f, const struct tw_live_end *e)
{
	const struct tw_record *r = e->slot[TW_SLOT_BIND];

	if (r && r->actor_pid)
		f->match.holder = tw_arena_printf(&f->arena, "%.*s", (int)sizeof(r->actor_comm),
						  r->actor_comm);
}

static const char *vantage_of(const struct tw_facts *f)
{
	const bool c = tw_get(f, TW_F_K_LOCAL_C), s = tw_get(f, TW_F_K_LOCAL_S);

	return c && s ? "both" : c ? "client" : s ? "server" : "unknown";
}

struct tw_finding *tw_live_finding(const struct tw_gather_config *config,
				   const struct tw_live_conn *c, uint64_t number)
{
	struct tw_finding *f = calloc(1, sizeof(*f));
	bool guessed;
	int client;

	if (!f)
		return NULL;
	tw_arena_init(&f->arena);
	client = tw_live_client(c, &guessed);
	tw_live_derive(config, c, client, guessed, &f->facts);
	fill_ends(f, c, client);
	fill_times(config, f, c);
	f->live = true;
	f->source = "kernel";
	f->stream = number;
	f->folded = c->folded;
	f->netns = c->netns;
	f->vantage = vantage_of(&f->facts);
	f->match.arena = &f->arena;
	fill_holder(f, &c->end[!client]);
	f->match.client = f->client;
	f->match.server = f->server;
	f->phenomenon = tw_judge(&f->facts, &f->match);
	f->match.facts = NULL;
	f->verdict = f->phenomenon                          ? f->phenomenon->slug
		     : f->match.outcome == TW_OUTCOME_CLEAN ? "clean"
							    : "unknown";
	fill_actor(config, f, c, client);
	return f;
}
