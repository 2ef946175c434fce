/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the order of the file the order in which the packets were sent? Times that go back within a connection
 * have two causes, which must be told apart before anything is concluded from what comes after what:
 *
 *   the clock was set back               files appended to each other (mergecap -a, cat)
 *   12:00:09  seq 1  TSval 900           12:00:09  seq 301  TSval 990
 *   12:00:10  seq 101  TSval 990         12:00:10  seq 401  TSval 999
 *   12:00:01  seq 201  TSval 999         12:00:01  seq 1    TSval 900   <- sent before, and stands behind
 *
 * Each end's own numbers tell: its timestamps, its sequence numbers, what it has acknowledged. A record behind
 * the step is *fresh* if it goes on from what stands before the step, *stale* if it can not: it carries an older
 * timestamp, what was sent already, or what the other end had acknowledged. Without timestamps a repeat
 * looks stale although the order is right; that is the safe side, for then neither order nor times are known.
 *
 * Small steps are also what a capture of several queues or interfaces makes; it takes more than one stale
 * record then.
 */
#include "connection/order.h"

#include "base/duration.h"
#include "connection/dossier_private.h"
#include "packet/seq.h"

#define BACK_NS   TW_NS_PER_MS         /* so late no queue of one interface hands packets over */
#define STEP_NS   (100 * TW_NS_PER_MS) /* nor do several */
#define STALE_MIN 2                    /* stale records that are no chance, below STEP_NS */

bool tw_order_behind(int64_t time_ns, int64_t latest_ns)
{
	return time_ns < latest_ns - BACK_NS;
}

static bool is_stale(const struct tw_pkt *p, const struct tw_order_mark *me,
		     const struct tw_order_mark *to)
{
	if (p->flags & TW_RST)
		return false; /* its numbers follow those of others */
	if (!tw_pkt_seq_len(p))
		return p->flags & TW_ACK && me->ack_set && tw_seq_lt(p->ack, me->ack);
	return (to->ack_set && tw_seq_le(tw_pkt_end(p), to->ack)) ||
	       (me->next_set && tw_seq_lt(p->seq, me->next));
}

static bool is_fresh(const struct tw_pkt *p, const struct tw_order_mark *me)
{
	if (p->flags & TW_RST)
		return false;
	return (tw_pkt_seq_len(p) && me->next_set && tw_seq_ge(p->seq, me->next)) ||
	       (p->flags & TW_ACK && me->ack_set && tw_seq_gt(p->ack, me->ack));
}

static void weigh(struct tw_order *o, const struct tw_pkt *p)
{
	const struct tw_order_mark *me = &o->at_step[p->side], *to = &o->at_step[!p->side];

	if (p->options & TW_OPT_TIMESTAMPS && me->ts_set && p->tsval != me->tsval) {
		const bool fresh = tw_seq_gt(p->tsval, me->tsval);

		o->fresh += fresh;
		o->stale += fresh ? 0 : p->flags & TW_SYN ? STALE_MIN : 1;
	} else if (is_stale(p, me, to)) {
		o->stale += p->flags & TW_SYN ? STALE_MIN : 1;
	} else {
		o->fresh += is_fresh(p, me);
	}
}

static void reach(struct tw_order_mark *m, const struct tw_pkt *p)
{
	const uint32_t end = tw_pkt_end(p);

	if (p->options & TW_OPT_TIMESTAMPS && (!m->ts_set || tw_seq_gt(p->tsval, m->tsval))) {
		m->tsval = p->tsval;
		m->ts_set = true;
	}
	if (p->flags & TW_RST)
		return;
	if (!m->next_set || tw_seq_gt(end, m->next)) {
		m->next = end;
		m->next_set = true;
	}
	if (p->flags & TW_ACK && (!m->ack_set || tw_seq_gt(p->ack, m->ack))) {
		m->ack = p->ack;
		m->ack_set = true;
	}
}

void tw_order_note(struct tw_order *o, const struct tw_pkt *p, int64_t latest_ns)
{
	/* a handshake that stands behind what came of it is proof enough, however small the step */
	if (tw_order_behind(p->time_ns, latest_ns) ||
	    (p->flags & TW_SYN && p->time_ns < latest_ns)) {
		if (p->time_ns < o->prev_ns) {
			o->at_step[0] = o->reached[0];
			o->at_step[1] = o->reached[1];
		}
		if (latest_ns - p->time_ns > o->step_ns)
			o->step_ns = latest_ns - p->time_ns;
		weigh(o, p);
	}
	o->prev_ns = p->time_ns;
	reach(&o->reached[p->side], p);
}

bool tw_order_mixed(const struct tw_order *o)
{
	if (o->step_ns < STEP_NS)
		return o->stale >= STALE_MIN && o->stale > o->fresh;
	return o->stale || !o->fresh;
}
