/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about the capture and the vantage point, and the order in which all facts are derived.
 *
 * Order matters: later derivations may ask facts of earlier ones.
 */
#include "facts/view.h"

#include "connection/roles.h"

#include <string.h>

#define HOLES_MAX     8
#define CLOCK_RECORDS 3 /* so many times in a row are no multiples of 10 ms by chance */

static const struct tw_fact_info infos[TW_F__N] = {
#define FACT(id, type, unit, meaning) [TW_F_##id] = { #id, TW_FACT_##type, unit, meaning },
#include "facts/facts.def"
#undef FACT
};

const struct tw_fact_info *tw_fact_info(enum tw_fact_id id)
{
	return &infos[id];
}

/* Acknowledged, never seen, and the sender went on behind it: the capture has a hole there. */
static int64_t acked_unseen(const struct tw_dossier *d, int side, const struct tw_pkt **where)
{
	uint32_t covered = 0;
	bool set = false;
	int64_t hole = 0, pending = 0;
	uint32_t pending_to = 0;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (p->gap) /* what lies in it was seen, and is not known any more */
			set = false, pending = 0;
		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side == side) {
			/* New data behind what was acknowledged: so the hole was real. Data inside it
			 * means that somebody else's bytes were acknowledged (see ACKED_NEVER_SENT). */
			if (pending && tw_pkt_seq_len(p)) {
				if (tw_seq_ge(p->seq, pending_to))
					hole += pending;
				pending = 0;
			}
			/* a keepalive probe is one below what was sent */
			if (!set || tw_seq_gt(tw_pkt_end(p), covered))
				covered = tw_pkt_end(p) + (!set && p->marks & TW_MARK_KEEPALIVE &&
							   !p->payload_bytes);
			set = true;
		} else if (set && p->flags & TW_ACK && tw_seq_gt(p->ack, covered)) {
			pending += p->ack - covered;
			pending_to = covered = p->ack;
			if (!*where)
				*where = p;
		}
	}
	return hole + pending;
}

/* Is any byte of @side in [lo, hi) seen from record @from on? Also if records that may hold it were dropped. */
static bool seen_later(const struct tw_dossier *d, int side, size_t from, uint32_t lo, uint32_t hi)
{
	size_t i;

	for (i = from; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (p->gap || (p->side == side && tw_carries(p, lo, hi)))
			return true;
	}
	return false;
}

/*
 * A place that @side passed over and never filled, and that the other end acknowledged all the same: it was sent, and
 * the capture lost it. Bytes of the first one, 0 if there is none; sets *where, the ACK.
 */
static int64_t acked_hole(const struct tw_dossier *d, int side, const struct tw_pkt **where)
{
	uint32_t covered = 0, lo = 0, hi = 0;
	bool set = false, open = false;
	unsigned tried = 0;
	size_t i;

	for (i = 0; i < d->pkt_count && tried < HOLES_MAX; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (p->gap)
			set = open = false;
		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side != side) {
			if (!open || !(p->flags & TW_ACK) || tw_seq_lt(p->ack, hi))
				continue;
			open = false;
			tried++;
			if (seen_later(d, side, i, lo, hi))
				continue;
			*where = p;
			return tw_above(hi, lo);
		}
		if (!tw_pkt_seq_len(p))
			continue;
		if (open && tw_carries(p, lo, hi))
			open = false; /* filled, in part at least: it was late or repeated */
		if (set && !open && tw_seq_gt(p->seq, covered))
			open = true, lo = covered, hi = p->seq;
		if (!set || tw_seq_gt(tw_pkt_end(p), covered))
			covered = tw_pkt_end(p);
		set = true;
	}
	return 0;
}

/* The coarsest of these units that all times are multiples of; 0: none of them. */
static int64_t clock_unit(const struct tw_dossier *d)
{
	int64_t unit = TW_NS_PER_S;
	size_t i;

	for (i = 0; i < d->pkt_count && unit >= 10 * TW_NS_PER_MS; i++)
		while (unit >= 10 * TW_NS_PER_MS && d->pkt[i].time_ns % unit)
			unit /= 10;
	return i >= CLOCK_RECORDS && unit >= 10 * TW_NS_PER_MS ? unit : 0;
}

static void quality_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *where[2] = { NULL, NULL };
	int64_t unseen_c = acked_unseen(d, 0, &where[0]), unseen_s = acked_unseen(d, 1, &where[1]);
	size_t i, copies = 0, second = 0,
		  whole = 0; /* records before the first gap: behind it marked ones prevail */
	uint32_t marks = 0, options = 0;
	bool cut = false;

	while (whole < d->pkt_count && !d->pkt[whole].gap)
		whole++;
	for (i = 0; i < d->pkt_count; i++) {
		copies += i < whole &&
			  d->pkt[i].marks & (TW_MARK_SECOND_COPY | TW_MARK_NET_DUPLICATE);
		second += (d->pkt[i].marks & TW_MARK_SECOND_COPY) != 0;
		cut |= d->pkt[i].payload_cut;
		marks |= d->pkt[i].marks;
		options |= d->pkt[i].options;
	}
	tw_from(v, TW_F_SIGNED, options & TW_OPT_AO ? 2 : (options & TW_OPT_MD5) != 0, NULL);
	if (!unseen_c && marks & TW_MARK_LOST_SEGMENT)
		unseen_c = acked_hole(d, 0, &where[0]);
	if (!unseen_s && marks & TW_MARK_LOST_SEGMENT)
		unseen_s = acked_hole(d, 1, &where[1]);
	tw_from(v, TW_F_ACKED_UNSEEN_C, unseen_c, where[0]);
	tw_from(v, TW_F_ACKED_UNSEEN_S, unseen_s, where[1]);
	tw_from(v, TW_F_TRACE_LOSSY,
		unseen_c > 1 || unseen_s > 1 || (v->capture->capture_drops > 0), NULL);
	tw_from(v, TW_F_CAPTURE_CUT, v->capture->cut, NULL);
	tw_from(v, TW_F_SNAPLEN_CUT, cut, NULL);
	tw_from(v, TW_F_RECORDS_DROPPED, (int64_t)d->dropped, NULL);
	tw_from(v, TW_F_OFFLOAD, d->super_segments || d->partial_checksums, NULL);
	tw_from(v, TW_F_CLOCK_BACKWARD, v->capture->clock_backward, NULL);
	tw_from(v, TW_F_ORDER_MIXED, tw_order_mixed(&d->order) || tw_parts_swapped(v), NULL);
	tw_from(v, TW_F_CLOCK_SET, tw_order_behind(-d->order.step_ns, 0), NULL);
	if (clock_unit(d))
		tw_from(v, TW_F_CLOCK_COARSE_NS, clock_unit(d), NULL);
	tw_from(v, TW_F_ONLY_HALF_OPEN, v->capture->only_half_open, NULL);
	tw_from(v, TW_F_ACKS_FILTERED, v->capture->acks_left_out, NULL);
	tw_from(v, TW_F_NO_ACKS, v->capture->no_acks, NULL);
	tw_from(v, TW_F_SECOND_COPIES, (int64_t)second, NULL);
	tw_from(v, TW_F_DUPLICATE_CAPTURE, copies >= 2 && copies * 3 >= whole, NULL);
}

/* 0 hops away: the TTL still has one of the initial values that stacks use. */
static int hops_guess(uint8_t ttl)
{
	return ttl > 128 ? 255 - ttl : ttl > 64 ? 128 - ttl : 64 - ttl;
}

static enum tw_vantage vantage_by_trips(const struct tw_view *v)
{
	const int64_t to_server = v->rtt[0], to_client = v->rtt[1];

	if (to_server < 0 || to_client < 0)
		return TW_VANTAGE_UNKNOWN;
	if (to_server > 2 * TW_NS_PER_MS && to_client < to_server / 8)
		return TW_VANTAGE_CLIENT;
	if (to_client > 2 * TW_NS_PER_MS && to_server < to_client / 8)
		return TW_VANTAGE_SERVER;
	if (to_client > 2 * TW_NS_PER_MS && to_server > 2 * TW_NS_PER_MS)
		return TW_VANTAGE_MIDDLE;
	return TW_VANTAGE_UNKNOWN;
}

static enum tw_vantage vantage_by_hops(const struct tw_dossier *d)
{
	int hops[2] = { -1, -1 };
	size_t i;

	if (!d->end[0].packets || !d->end[1].packets)
		return TW_VANTAGE_UNKNOWN;
	for (i = 0; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]) && !(d->pkt[i].flags & TW_RST))
			hops[d->pkt[i].side] = hops_guess(d->pkt[i].ttl);
	if (!hops[0] && hops[1] > 0)
		return TW_VANTAGE_CLIENT;
	if (!hops[1] && hops[0] > 0)
		return TW_VANTAGE_SERVER;
	return hops[0] > 0 && hops[1] > 0 ? TW_VANTAGE_MIDDLE : TW_VANTAGE_UNKNOWN;
}

/*
 * Where was this captured? Near the end that answers at once: the handshake's two halves (SYN to
 * SYN|ACK is the way to the server and back, SYN|ACK to ACK the way to the client and back) and the TTLs
 * tell. Packets with an unfilled checksum were captured on their sender's host (if those of both ends are, it is one
 * host). A packet larger than the MTU may be the sender's (TSO) as well as the receiver's (GRO).
 */
static enum tw_vantage guess_vantage(const struct tw_view *v)
{
	const enum tw_vantage trips = vantage_by_trips(v);
	enum tw_vantage hops;
	const struct tw_dossier *d = v->d;
	bool unfilled[2] = { false, false };
	size_t i;

	if (tw_get(v->f, TW_F_ONE_SIDED))
		return TW_VANTAGE_ONE_SIDED;
	/* what was acknowledged later than a SYN may have been acknowledged late: the hops know better then */
	if (trips != TW_VANTAGE_UNKNOWN && tw_get(v->f, TW_F_START_SEEN))
		return trips;
	hops = vantage_by_hops(d);
	if (trips != TW_VANTAGE_UNKNOWN && hops != TW_VANTAGE_CLIENT && hops != TW_VANTAGE_SERVER)
		return trips;
	for (i = 0; i < d->pkt_count && i < 64; i++)
		unfilled[d->pkt[i].side] |= d->pkt[i].checksum == TW_CSUM_PARTIAL;
	if (unfilled[0] != unfilled[1])
		return unfilled[0] ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER;
	return hops;
}

/*
 * A bare reset takes its number from the ACK that it answers. One that is another than the next of its end (@next), which
 * alone is seen, answers somebody who is not.
 */
static bool answers_unseen(const struct tw_dossier *d, const struct tw_pkt *rst, uint32_t next)
{
	return (rst->flags & (TW_RST | TW_ACK)) == TW_RST && tw_seq_lt(rst->seq, next) &&
	       next - rst->seq <= d->end[rst->side].bytes;
}

/*
 * One direction only, although the ACKs of the seen one move, or its resets answer what is not seen: the other must have
 * spoken.
 */
bool tw_is_one_sided(const struct tw_dossier *d)
{
	int silent = !d->end[0].packets ? 0 : !d->end[1].packets ? 1 : -1;
	uint32_t first_ack = 0, next = 0;
	bool set = false, spoke = false;
	size_t i;

	/* a socket that talks to itself has one endpoint for both sides */
	if (silent < 0 ||
	    (d->end[0].port == d->end[1].port && tw_addr_equal(&d->end[0].addr, &d->end[1].addr)))
		return false;
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p))
			continue;
		if (p->flags & TW_RST) {
			if (spoke && answers_unseen(d, p, next))
				return true;
			continue;
		}
		if (!spoke || tw_seq_gt(tw_pkt_end(p), next))
			next = tw_pkt_end(p);
		spoke = true;
		if (!(p->flags & TW_ACK))
			continue;
		if (set && p->ack != first_ack)
			return true;
		/* a SYN before, an ACK now: a SYN|ACK must have come between; and an ACK behind a SYN|ACK */
		if (d->completeness & (silent ? 1 : 2) && !(p->flags & TW_SYN))
			return true;
		first_ack = p->ack;
		set = true;
	}
	return false;
}

static void size_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_end *c = &d->end[0], *s = &d->end[1];
	bool ts[2] = { false, false }, sack = false;
	int64_t copies[2] = { 0, 0 };
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		copies[d->pkt[i].side] += (d->pkt[i].marks & TW_MARK_SECOND_COPY) != 0;
		ts[d->pkt[i].side] |= (d->pkt[i].options & TW_OPT_TIMESTAMPS) != 0;
		sack |= d->pkt[i].sack_count > 0;
	}
	if (c->saw_syn_options && s->saw_syn_options) {
		ts[0] = ts[1] = (c->syn_options & s->syn_options & TW_OPT_TIMESTAMPS) != 0;
		sack = (c->syn_options & s->syn_options & TW_OPT_SACK_PERMITTED) != 0;
	}
	tw_from(v, TW_F_TIMESTAMPS, ts[0] && ts[1], NULL);
	tw_from(v, TW_F_SACK_OK, sack, NULL);
	if (s->mss)
		tw_from(v, TW_F_MSS_C, s->mss - (ts[0] && ts[1] ? 12 : 0), NULL);
	if (c->mss)
		tw_from(v, TW_F_MSS_S, c->mss - (ts[0] && ts[1] ? 12 : 0), NULL);
	tw_from(v, TW_F_PACKETS_C, (int64_t)c->packets - copies[0], NULL);
	tw_from(v, TW_F_PACKETS_S, (int64_t)s->packets - copies[1], NULL);
	tw_from(v, TW_F_BYTES_C, (int64_t)c->bytes, NULL);
	tw_from(v, TW_F_BYTES_S, (int64_t)s->bytes, NULL);
}

static void capture_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	int64_t to_server = v->rtt[0], to_client = v->rtt[1], rtt = -1;

	tw_from(v, TW_F_IP_VERSION, tw_addr_is_v4(&d->end[0].addr) ? 4 : 6, NULL);
	tw_from(v, TW_F_START_SEEN, d->completeness & 1, d->pkt);
	tw_from(v, TW_F_CLIENT_GUESSED,
		d->client_guessed && !d->told && !d->server &&
			!tw_roles_tell(d->end[0].port, d->end[1].port),
		NULL);
	tw_from(v, TW_F_ONE_SIDED, tw_is_one_sided(d), NULL);
	tw_from(v, TW_F_DURATION_NS, d->last_ns - d->first_ns, NULL);
	tw_from(v, TW_F_CAPTURE_GOES_ON_NS,
		tw_watched_until_ns(v) > d->last_ns ? tw_watched_until_ns(v) - d->last_ns : 0,
		NULL);
	size_facts(v);
	quality_facts(v);
	if (to_server >= 0 && to_client >= 0)
		rtt = to_server + to_client;
	else if (to_server >= 0 || to_client >= 0)
		rtt = to_server >= 0 ? to_server : to_client;
	if (rtt >= 0)
		tw_from(v, TW_F_RTT_NS, rtt, NULL);
	tw_from(v, TW_F_VANTAGE, guess_vantage(v), NULL);
}

struct tw_dossier_ref tw_dossier_ref_of(const struct tw_dossier *d)
{
	return (struct tw_dossier_ref){
		d, { tw_host_peer_hash(&d->tuple.addr[0]), tw_host_peer_hash(&d->tuple.addr[1]) }
	};
}

void tw_facts_derive(const struct tw_dossier *d, const struct tw_hosts *hosts,
		     const struct tw_dossier_set *others, const struct tw_capture_context *capture,
		     struct tw_facts *out)
{
	struct tw_view v;

	tw_facts_clear(out);
	if (!d->pkt_count)
		return;
	v.d = d;
	v.hosts = hosts;
	v.others = others;
	v.capture = capture;
	v.f = out;
	tw_look_around(&v);
	capture_facts(&v);
	tw_derive_connect(&v);
	tw_derive_messages(&v);
	tw_derive_mptcp(&v);
	tw_derive_predecessor(&v);
	tw_derive_icmp(&v);
	tw_derive_teardown(&v);
	tw_derive_reset(&v);
	tw_derive_elsewhere(&v);
	tw_derive_silence(&v);
	tw_derive_stall(&v);
	tw_derive_sealed(&v);
	tw_derive_greeting(&v);
	tw_derive_heartbeat(&v);
	/* after a SYN in mid-connection the records are those of two numberings: nothing to compare */
	if (!(tw_get(out, TW_F_SYN_IN_ESTABLISHED) && tw_get(out, TW_F_PREV_WENT_ON))) {
		tw_derive_refused(&v);
		tw_derive_loss(&v);
		tw_derive_missing(&v);
		tw_derive_numbers(&v);
	}
	tw_derive_oddities(&v);
	tw_derive_neighbours(&v);
	tw_derive_race(&v);
	tw_derive_idle(&v);
	tw_derive_http2(&v);
}
