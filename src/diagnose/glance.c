/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Glances: in a very large file, connections that ended in order after repeated or late packets have no
 * dossier each, because to record and judge all their packets takes longer than all else. But a lost segment that
 * was repaired shows in any part of a connection, and triage knows where the first odd packet is. So some are
 * looked at up to there, and as far behind it as the repair takes.
 *
 *	packets of it	1 ..................... first repeat . repaired ........................ end
 *	glance		|========================================|
 *	triage		|--------- in order, but for repeats; all acknowledged at the end ----------|
 *
 * Both together carry the verdict: a phenomenon that holds for all of a connection if it is seen in a part
 * (tw_phenomenon.in_part), or none: then it stays unknown, as those that are not looked at do. Whose first
 * loss comes soonest is taken first: this way the budget is enough for the most of them.
 */
#include "diagnose/session_private.h"
#include "packet/seq.h"

#define PACKETS_SHARE 512   /* of the file's frames, so many are recorded for glances */
#define PACKETS_SMALL 4096  /* ... but these in any file, and these */
#define PACKETS_ALL   65536 /* where all of it is looked through */
#define FRAMES_SMALL  65536 /* which is read up to here */
#define AFTER         16    /* packets to be seen behind the repair: a D-SACK may take it back */
#define MOST          1024  /* packets that a repair may take */
#define EXPECTED      32    /* packets that it takes as a rule */

/* What a glance at @in is expected to cost, in packets. */
static uint64_t cost_of(const struct tw_interest *in)
{
	const uint64_t packets = (uint64_t)in->loss_at + EXPECTED;

	return packets < in->packets ? packets : in->packets;
}

static bool may_be_taken(const struct tw_glances *g, const struct tw_interest *in,
			 enum tw_take take)
{
	return take == TW_TAKE_NOT && in->reason == TW_WANT_LOSS && in->first_frame < g->to &&
	       in->loss_at < TW_LOSS_AT_MAX;
}

/* The largest place of a first loss up to which the budget lasts for all; what is left goes to the next. */
static uint32_t reach_of(const struct tw_glances *g, const struct tw_interest *interest,
			 uint64_t count, const uint8_t *take)
{
	uint64_t cost[TW_RECORDS_MAX] = { 0 }, spent = 0, i;
	uint32_t at;

	for (i = 0; i < count; i++)
		if (may_be_taken(g, &interest[i], take[i]) && interest[i].loss_at < TW_RECORDS_MAX)
			cost[interest[i].loss_at] += cost_of(&interest[i]);
	for (at = 0; at < TW_RECORDS_MAX; at++) {
		spent += cost[at];
		if (spent > g->budget)
			break;
	}
	return at;
}

uint64_t tw_glances_choose(struct tw_glances *g, uint64_t frames, uint64_t look_to,
			   const struct tw_interest *interest, uint64_t count, uint8_t *take)
{
	uint64_t spent = 0, chosen = 0, i;
	uint32_t reach;

	g->budget = frames / PACKETS_SHARE > PACKETS_SMALL ? frames / PACKETS_SHARE : PACKETS_SMALL;
	if (look_to == UINT64_MAX)
		g->budget = PACKETS_ALL;
	g->to = look_to > FRAMES_SMALL ? look_to : FRAMES_SMALL;
	reach = reach_of(g, interest, count, take);
	for (i = 0; i < count; i++) {
		if (!may_be_taken(g, &interest[i], take[i]) || interest[i].loss_at > reach)
			continue;
		if (spent + cost_of(&interest[i]) > g->budget)
			continue;
		spent += cost_of(&interest[i]);
		take[i] = TW_TAKE_PART;
		chosen++;
	}
	return chosen;
}

/* The record of the acknowledgement that covers what the first repeated or late segment brought; -1: none. */
static long repaired_at(const struct tw_dossier *d)
{
	const uint32_t late = TW_MARKS_REPEAT | TW_MARK_OUT_OF_ORDER;
	size_t i, k;

	for (i = 0; i < d->pkt_count; i++)
		if (d->pkt[i].marks & late)
			break;
	for (k = i + 1; k < d->pkt_count; k++)
		if (d->pkt[k].side != d->pkt[i].side && d->pkt[k].flags & TW_ACK &&
		    tw_seq_ge(d->pkt[k].ack, tw_pkt_end(&d->pkt[i])))
			return (long)k;
	return -1;
}

bool tw_glance_is_over(struct tw_glances *g, const struct tw_dossier *d,
		       const struct tw_interest *in)
{
	const uint64_t seen = d->packets;
	long repaired;

	g->recorded++;
	if (seen >= (uint64_t)in->loss_at + MOST || g->recorded > 2 * g->budget)
		return true;
	if (seen < (uint64_t)in->loss_at + AFTER || seen % AFTER)
		return false;
	repaired = repaired_at(d);
	return repaired >= 0 && (size_t)repaired + AFTER <= d->pkt_count;
}
