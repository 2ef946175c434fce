/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about a receiving end that is slow: windows of 0 and their probes, requests that are
 * acknowledged but never answered, keepalive probes.
 */
#include "facts/goodbye.h"
#include "facts/view.h"

static bool is_probe(const struct tw_pkt *p)
{
	return (p->marks & (TW_MARK_KEEPALIVE | TW_MARK_ZERO_PROBE)) != 0;
}

struct window_walk {
	int64_t zero_count, best_span, probes, answered, unanswered_last;
	const struct tw_pkt *first_zero, *opened, *first_probe, *holed;
	bool zero_now;
	int64_t zero_since;
	bool probe_open; /* the last probe still waits for its answer */
	int64_t soon;    /* after the opening: what comes so soon was waiting for it */
	const struct tw_pkt *waited;
};

/* @done: it acknowledges the other end's FIN, behind which nothing waits for room. */
static void window_segment(struct window_walk *w, const struct tw_pkt *p, bool done)
{
	const bool zero = (p->marks & TW_MARK_ZERO_WINDOW) != 0 && !done;

	if (w->probe_open) {
		w->answered++;
		w->unanswered_last = 0;
		w->probe_open = false;
	}
	if (zero) {
		w->zero_count++;
		if (tw_reports_hole(p))
			w->holed = p;
		if (!w->first_zero)
			w->first_zero = p;
		if (!w->zero_now)
			w->zero_since = p->time_ns;
		w->zero_now = true;
		return;
	}
	if (w->zero_now && (p->raw_window || done) && !(p->flags & (TW_SYN | TW_RST))) {
		w->zero_now = false;
		w->opened = p;
		if (p->time_ns - w->zero_since > w->best_span)
			w->best_span = p->time_ns - w->zero_since;
	}
}

/* Records were dropped here, and with them perhaps what opened the window: it was 0 at least up to now. */
static void window_gap(struct window_walk *w, int64_t until_ns)
{
	if (w->zero_now && until_ns - w->zero_since > w->best_span)
		w->best_span = until_ns - w->zero_since;
	w->zero_now = w->probe_open = false;
	w->unanswered_last = 0;
}

/* @side's windows, and the probes of the other end while they are 0. */
static void walk_windows(const struct tw_dossier *d, int side, int64_t end_ns,
			 struct window_walk *w)
{
	const struct tw_end *peer = &d->end[!side];
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (p->gap)
			window_gap(w, d->pkt[i - 1].time_ns);
		if (!tw_counts(p))
			continue;
		if (p->side == side) {
			if (p->flags & TW_ACK && !(p->flags & TW_RST))
				window_segment(w, p,
					       peer->fin_seen && tw_seq_gt(p->ack, peer->fin_seq));
			continue;
		}
		if (w->zero_now &&
		    (is_probe(p) || (p->payload_bytes && p->marks & TW_MARKS_REPEAT))) {
			w->probes++;
			w->unanswered_last++;
			w->probe_open = true;
			if (!w->first_probe)
				w->first_probe = p;
		}
		if (!w->waited && (w->zero_now ? p == w->first_probe
					       : w->opened && tw_pkt_seq_len(p) &&
							 p->time_ns - w->opened->time_ns < w->soon))
			w->waited = p;
	}
	if (w->zero_now && end_ns - w->zero_since > w->best_span)
		w->best_span = end_ns - w->zero_since;
}

/* Had the end of @zero offered room before, behind its handshake? */
static bool was_open(const struct tw_dossier *d, const struct tw_pkt *zero)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < zero; p++)
		if (tw_counts(p) && p->side == zero->side && !(p->flags & (TW_SYN | TW_RST)) &&
		    p->raw_window)
			return true;
	return false;
}

/*
 * The room that the end of @zero had offered last, beyond its ACK. A receiver keeps what it has offered (RFC 9293 s3.8.6), and fills its
 * buffer up to there. Linux takes it back when memory is short and it has to drop what comes (ICSK_ACK_NOMEM): then that is
 * missing in the ACK.
 */
static uint32_t taken_back(const struct tw_dossier *d, const struct tw_pkt *zero)
{
	uint32_t edge = zero->ack;
	const struct tw_pkt *p;

	for (p = d->pkt; p < zero; p++) {
		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side == zero->side && p->flags & TW_ACK && !(p->flags & TW_SYN))
			edge = p->ack + p->window_bytes;
		else if (p->side != zero->side && tw_seq_gt(tw_pkt_end(p), zero->ack))
			return 0;
	}
	return tw_seq_gt(edge, zero->ack) ? edge - zero->ack : 0;
}

static void window_facts(struct tw_view *v)
{
	struct window_walk w[2] = { { 0 }, { 0 } };
	int side;

	if (tw_get(v->f, TW_F_SYN_COUNT) && !tw_get(v->f, TW_F_ESTABLISHED) &&
	    !v->d->end[0].bytes && !v->d->end[1].bytes)
		return; /* an ACK that answers a SYN speaks of another connection */
	w[0].soon = w[1].soon = 50 * TW_NS_PER_MS + 2 * tw_get(v->f, TW_F_RTT_NS);
	walk_windows(v->d, 0, v->d->last_ns, &w[0]);
	walk_windows(v->d, 1, v->d->last_ns, &w[1]);
	side = !w[0].zero_count || (w[1].zero_count && w[1].best_span > w[0].best_span);
	tw_from(v, TW_F_ZERO_WINDOW_COUNT, w[side].zero_count, w[side].first_zero);
	tw_from(v, TW_F_ZERO_WINDOW_PROBES, w[side].probes, w[side].first_probe);
	tw_from(v, TW_F_ZERO_WINDOW_PROBES_ANSWERED, w[side].answered, NULL);
	tw_from(v, TW_F_ZERO_WINDOW_PROBES_UNANSWERED_LAST, w[side].unanswered_last, NULL);
	tw_from(v, TW_F_ZERO_WINDOW_OPEN_AT_END, !w[side].zero_now, w[side].opened);
	tw_from(v, TW_F_ZERO_WINDOW_WAITED, w[side].waited != NULL, w[side].waited);
	if (!w[side].zero_count)
		return;
	tw_from(v, TW_F_ZERO_WINDOW_SIDE, side, w[side].first_zero);
	tw_from(v, TW_F_ZERO_WINDOW_SPAN_NS, w[side].best_span, w[side].first_zero);
	tw_from(v, TW_F_ZERO_WINDOW_FROM_START,
		v->d->end[!side].isn_seen &&
			tw_seq_le(w[side].first_zero->ack, v->d->end[!side].base_seq + 1) &&
			!was_open(v->d, w[side].first_zero),
		w[side].first_zero);
	tw_from(v, TW_F_ZERO_WINDOW_TAKEN_BACK, taken_back(v->d, w[side].first_zero),
		w[side].first_zero);
	tw_from(v, TW_F_ZERO_WINDOW_HOLED, w[side].holed != NULL, w[side].holed);
}

/* Does the connection begin as one of MQTT, in the capture? Then two bytes are enough to know a PINGREQ. */
static bool speaks_mqtt(const struct tw_dossier *d)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == TW_CLIENT && p->payload_bytes)
			return p->seq == d->end[TW_CLIENT].base_seq + 1 &&
			       tw_opening_of(p) == TW_REQUEST_OPENS_MQTT;
	return false;
}

/* What @side said from @since on, up to @last: does it begin as a request that is always answered? */
static void kind_fact(struct tw_view *v, int side, uint32_t since, const struct tw_pkt *last)
{
	const struct tw_pkt *p;
	enum tw_request kind;

	for (p = v->d->pkt; p <= last; p++) {
		if (!tw_counts(p) || p->side != side || !p->payload_bytes || p->seq != since)
			continue;
		kind = tw_request_of(p, v->d->end[!side].bytes > 0);
		if (kind == TW_REQUEST_MQTT && speaks_mqtt(v->d))
			kind = TW_REQUEST_PINGS_MQTT;
		tw_from(v, TW_F_REQUEST_KIND, kind, p);
		return;
	}
}

/* What @said asked for: itself, or where it is a farewell the words of the same end that were not answered before it. */
static const struct tw_pkt *question_of(const struct tw_dossier *d, const struct tw_pkt *said)
{
	const struct tw_pkt *p;

	if (!tw_is_farewell(said))
		return said;
	for (p = said; p > d->pkt && !p->gap; p--) {
		const struct tw_pkt *q = p - 1;

		if (!tw_counts(q) || !q->payload_bytes || q->flags & TW_RST)
			continue;
		if (q->side != said->side)
			break;
		if (!tw_is_farewell(q))
			return q;
	}
	return said;
}

/* At the end: but the client that leaves by a reset waits for nothing that comes later. */
static const struct tw_snapshot *state_at_end(const struct tw_view *v, struct tw_snapshot *at)
{
	if (!tw_is(v->f, TW_F_RST_SIDE, TW_CLIENT) || !tw_is(v->f, TW_F_RST_FORM, TW_RST_ACTIVE) ||
	    !tw_is(v->f, TW_F_RST_EFFECT, TW_RST_ACCEPTED) || tw_get(v->f, TW_F_RST_AUTHOR_FIN))
		return &v->last;
	tw_snapshot_at(v->d, tw_frame_of(v->f, TW_F_RST_COUNT), at);
	return at;
}

/* The last payload of all: acknowledged, but did anything come back? */
static void request_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *last, *gave_up = NULL;
	struct tw_snapshot at;
	const struct tw_snapshot *s = state_at_end(v, &at);
	int side;
	int64_t bytes = 0;
	uint32_t since;
	size_t i;
	int64_t end;

	side = s->end[1].last_payload > s->end[0].last_payload;
	tw_from(v, TW_F_WAITER_GAVE_UP, 0, NULL);
	if (s->end[side].last_payload < 0)
		return;
	last = question_of(d, &d->pkt[s->end[side].last_payload]);
	/* what it said may be among the records that were dropped; the count is of all */
	tw_from(v, TW_F_PEER_NEVER_SPOKE,
		!s->end[!side].payload_bytes && (s->gap < 0 || !d->end[!side].bytes), NULL);
	if (s->gap > (long)(last - d->pkt))
		return; /* who spoke last is not known */
	since = s->end[!side].last_payload >= 0 ? d->pkt[s->end[!side].last_payload].ack
						: d->end[side].base_seq + 1;
	if (!s->end[!side].acked_set || !tw_above(s->end[!side].acked, since))
		return;
	bytes = tw_above(last->seq + last->payload_bytes, since);
	end = tw_watched_until_ns(v);
	tw_from(v, TW_F_REQUEST_UNANSWERED_SIDE, side, last);
	if (s->gap < 0 ||
	    s->gap <= s->end[!side].last_payload) /* else more of it may have been answered */
		tw_from(v, TW_F_REQUEST_UNANSWERED_BYTES, bytes, last);
	tw_from(v, TW_F_REQUEST_UNANSWERED_NS, end - last->time_ns, last);
	kind_fact(v, side, since, last);
	for (i = (size_t)(last - d->pkt) + 1; i < d->pkt_count && !gave_up; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && p->flags & (TW_FIN | TW_RST)) {
			if (p->side != side)
				break;
			gave_up = p;
		}
	}
	/* a FIN on the last payload itself is how many clients end what they say */
	tw_from(v, TW_F_WAITER_GAVE_UP, gave_up != NULL && !(last->flags & TW_FIN), gave_up);
}

struct keepalive_walk {
	int64_t probes, answered, unanswered_last;
	const struct tw_pkt *first, *first_unanswered, *last;
	int64_t last_gap_ns; /* 0: there is one probe */
};

/* Keepalive probes: no data (or one old byte), one below SND.NXT, while the peer's window is open. */
static void walk_keepalives(const struct tw_dossier *d, int side, struct keepalive_walk *w)
{
	bool zero = false, open = false;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (p->gap) { /* an answer may be missing */
			open = zero = false;
			w->unanswered_last = 0;
			w->first_unanswered = NULL;
		}
		if (!tw_counts(p))
			continue;
		if (p->side != side) {
			if (p->flags & TW_ACK && !(p->flags & TW_RST))
				zero = (p->marks & TW_MARK_ZERO_WINDOW) != 0;
			if (open && !(p->flags & TW_RST)) {
				w->answered++;
				w->unanswered_last = 0;
				w->first_unanswered = NULL;
			}
			if (!(p->flags & TW_RST))
				open = false;
			continue;
		}
		if (!(p->marks & TW_MARK_KEEPALIVE) || zero)
			continue;
		w->probes++;
		if (!w->unanswered_last++)
			w->first_unanswered = p;
		if (!w->first)
			w->first = p;
		else
			w->last_gap_ns = p->time_ns - w->last->time_ns;
		w->last = p;
		open = true;
	}
}

static void keepalive_facts(struct tw_view *v)
{
	struct keepalive_walk w[2] = { { 0 }, { 0 } };
	int side;

	walk_keepalives(v->d, 0, &w[0]);
	walk_keepalives(v->d, 1, &w[1]);
	side = w[1].probes > w[0].probes;
	tw_from(v, TW_F_KEEPALIVE_PROBES, w[side].probes, w[side].first);
	tw_from(v, TW_F_KEEPALIVE_ANSWERED, w[side].answered, NULL);
	tw_from(v, TW_F_KEEPALIVE_UNANSWERED_LAST, w[side].unanswered_last,
		w[side].first_unanswered);
	if (!w[side].probes)
		return;
	if (w[side].first_unanswered)
		tw_from(v, TW_F_KEEPALIVE_UNANSWERED_SPAN_NS,
			w[side].last->time_ns - w[side].first_unanswered->time_ns, w[side].last);
	tw_from(v, TW_F_KEEPALIVE_SIDE, side, w[side].first);
	/* of who probes last: before an answer TCP_KEEPIDLE passes, only behind none TCP_KEEPINTVL */
	side = w[1].last && (!w[0].last || w[1].last->time_ns > w[0].last->time_ns);
	if (w[side].last_gap_ns > 0)
		tw_from(v, TW_F_KEEPALIVE_INTERVAL_NS, w[side].last_gap_ns, w[side].last);
}

void tw_derive_stall(struct tw_view *v)
{
	window_facts(v);
	request_facts(v);
	keepalive_facts(v);
}
