/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Triage: what a packet means for the short record of its connection. The hot path of the program.
 *
 * A batch runs in rounds, so that the memory of 32 packets is fetched while the others are worked on:
 *
 *	recycle  ->  hash all, prefetch slots  ->  read slots, prefetch records  ->  update in order
 *
 * Slots move only in the first round (and when something is evicted or the table grows, which slot_of()
 * notices): what the third found holds in the fourth.
 *
 * Most packets are the next segment in sequence, or an acknowledgement of something outstanding, from the
 * end of the handshake to the last ACK: update_fast() takes these. Anything else goes through
 * update_slow(), which sorts it into harmless, repaired loss (CONN_LOSS) and everything else (CONN_ODD:
 * second look).
 *
 * The rule of every branch: a connection is clean only if nothing in it needs an explanation. What is odd
 * here may well be harmless; the dossier will tell. What is called clean here nobody looks at again.
 */
#include "connection/triage_private.h"

#include "base/duration.h"
#include "capture/source.h"
#include "connection/reuse.h"
#include "packet/seq.h"

#include <stdlib.h>
#include <string.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define FAR_BYTES (4 << 20) /* more than a plausible hole or window */
#define SLOW_HANDSHAKE_NS                                                                          \
	(3 * TW_NS_PER_S) /* no path is so long: somebody waited, or a repeat is unseen */
#define TIMER_REPEAT_NS (150 * TW_NS_PER_MS) /* below the shortest retransmission timer, 200 ms */
#define LONG_REPEAT_NS  (1 * TW_NS_PER_S)    /* a repeat after such a silence is a stall */
#define CLOCK_STEP_NS   TW_NS_PER_MS
#define PLAIN_FLAGS     (TW_SYN | TW_FIN | TW_RST | TW_URG | TW_ACK)
#define BOTH_FINS       (uint32_t)(SIDE_FIN | SIDE_FIN << 8)

/* One packet of the batch, between the rounds. */
struct prepared {
	struct tw_tuple tuple;
	uint32_t tag;
	uint32_t handle; /* what the table had under this tag when the batch came, 0 = nothing */
	uint64_t at;     /* in this slot, or the empty one where the search ended */
	uint8_t sender;
	bool skip;
};

/* --- the slow path: one segment that is not simply next in sequence --- */

static void odd(struct conn *c)
{
	c->status |= CONN_ODD;
	c->status &= ~(uint32_t)CONN_FAST;
}

/* A direction that has not spoken yet gets its base from the other's acknowledgement. */
static void learn_bases(struct conn *c, int side, const struct tw_segment *s)
{
	if (!side_has(c, side, SIDE_BASE) || (s->flags & (TW_SYN | TW_ACK)) == (TW_SYN | TW_ACK)) {
		c->base[side] = tw_reuse_base(s->flags, s->seq);
		side_set(c, side, SIDE_BASE);
	}
	if (!side_has(c, !side, SIDE_BASE) && s->flags & TW_ACK) {
		c->base[!side] = s->ack - 1;
		side_set(c, !side, SIDE_BASE);
	}
}

/* A SYN in a known connection: a repeat of the one that began it, or the SYN|ACK that answers it. */
static void on_syn(struct conn *c, int side, const struct tw_segment *s, int64_t now_ns)
{
	const uint16_t plain = s->flags & PLAIN_FLAGS;

	if (c->status & CONN_HALF_OPEN && !s->payload_bytes && side == conn_client(c) &&
	    plain == TW_SYN && s->seq == c->base[side]) {
		odd(c); /* slow to connect, if it ever will */
		return;
	}
	if (plain != (TW_SYN | TW_ACK) || s->payload_bytes || !side_has(c, !side, SIDE_SYN) ||
	    side == conn_client(c) || s->ack != c->next[!side]) {
		c->status &= ~(uint32_t)CONN_HALF_OPEN;
		odd(c);
		return;
	}
	if (side_has(c, side, SIDE_SYN) || now_ns - c->first_ns > SLOW_HANDSHAKE_NS)
		odd(c);
	c->next[side] = s->seq + 1;
	c->acked[side] = s->ack;
	side_set(c, side, SIDE_SYN | SIDE_NEXT | SIDE_ACK);
}

static void on_ack(struct conn *c, int side, const struct tw_segment *s)
{
	int32_t ahead;

	if (!side_has(c, side, SIDE_ACK) || tw_seq_gt(s->ack, c->acked[side])) {
		c->acked[side] = s->ack;
		side_set(c, side, SIDE_ACK);
	} else if (s->ack != c->acked[side]) {
		/* Overtaken by a later one: that acknowledged this, too. */
		if (tw_seq_le(s->ack, c->base[!side]))
			odd(c);
		return;
	}
	if (!side_has(c, !side, SIDE_NEXT))
		return;
	ahead = tw_seq_diff(s->ack, c->next[!side]);
	if (ahead <= 0)
		return;
	/* Acknowledges what was not seen: the capture has a hole, or somebody lies. */
	c->status |= CONN_LOSS;
	if (ahead > FAR_BYTES || side_has(c, !side, SIDE_FIN))
		odd(c);
	c->next[!side] = s->ack;
}

/* Sent before, at least in part. */
static void on_repeat(struct conn *c, int side, const struct tw_segment *s, int64_t now_ns)
{
	const int32_t behind = tw_seq_diff(c->next[side], s->seq);
	const uint32_t end = s->seq + s->payload_bytes;

	c->status |= CONN_LOSS;
	if (behind > FAR_BYTES || s->flags & TW_FIN || side_has(c, side, SIDE_FIN) ||
	    (behind == 1 && s->payload_bytes <= 1)) {
		odd(c); /* far too old, a repeated close, a keepalive probe */
		return;
	}
	if (!s->payload_bytes)
		return;
	c->retransmitted++;
	/* What was acknowledged already comes again: needless, or the true version of what somebody forged. */
	if (side_has(c, !side, SIDE_ACK) && tw_seq_le(end, c->acked[!side]))
		odd(c);
	/* A first segment that a timer repeats, unacknowledged, may be part of the handshake's trouble; a
	 * long silence before a repeat is a stall. */
	if (!side_has(c, !side, SIDE_ACK) || now_ns - c->last_ns > LONG_REPEAT_NS ||
	    (c->acked[!side] == c->base[side] + 1 && now_ns - c->last_ns > TIMER_REPEAT_NS))
		odd(c);
	if (tw_seq_gt(end, c->next[side]))
		c->next[side] = end;
}

/* The close of a side: was the other one still waiting for an answer? */
static void on_fin(const struct tw_triage *t, struct conn *c, int side, int64_t now_ns)
{
	const int64_t settle = t->config.settle_ns;

	side_set(c, side, SIDE_FIN);
	if (side_has(c, !side, SIDE_FIN)) {
		if (now_ns - c->last_ns > settle)
			odd(c); /* half closed for long */
		return;
	}
	if (!(c->status & CONN_SPOKE)) {
		if (now_ns - c->first_ns > settle)
			odd(c); /* nobody ever said a word, and one gave up */
		return;
	}
	if (c->status & CONN_CLIENT_KNOWN && conn_speaker(c) != conn_client(c))
		return; /* the last word was the server's: an answer */
	if (conn_speaker(c) != side || now_ns - c->payload_ns > settle)
		odd(c); /* closed without answering, or weary of waiting */
}

static void on_sequence(const struct tw_triage *t, struct conn *c, int side,
			const struct tw_segment *s, int64_t now_ns)
{
	int32_t ahead;

	if (!side_has(c, side, SIDE_NEXT)) {
		side_set(c, side, SIDE_NEXT);
		c->next[side] = s->seq;
		if (side_has(c, !side, SIDE_ACK)) {
			ahead = tw_seq_diff(s->seq, c->acked[!side]);
			/* Below what was acknowledged: a repeat, or somebody else spoke before. */
			if (ahead > FAR_BYTES || ahead < 0)
				odd(c);
		}
	}
	ahead = tw_seq_diff(s->seq, c->next[side]);
	if (ahead < 0) {
		on_repeat(c, side, s, now_ns);
		return;
	}
	if (ahead > 0) {
		c->status |= CONN_LOSS; /* a hole: to be filled, or the capture's */
		if (ahead > FAR_BYTES)
			odd(c);
	}
	if (side_has(c, side, SIDE_FIN) && (s->payload_bytes || ahead || s->flags & TW_FIN)) {
		odd(c); /* more after the close */
		return;
	}
	c->next[side] = s->seq + s->payload_bytes;
	if (s->flags & TW_FIN) {
		on_fin(t, c, side, now_ns);
		c->next[side]++;
	}
}

static void on_payload(struct conn *c, int side, int64_t now_ns)
{
	c->payload_ns = now_ns;
	c->status |= CONN_SPOKE;
	c->status &= ~(uint32_t)CONN_SPEAKER;
	if (side)
		c->status |= CONN_SPEAKER;
}

/* Both ends have spoken and acknowledged, nothing odd: predictions apply. */
static void try_fast(struct conn *c)
{
	const uint32_t both = SIDE_NEXT | SIDE_ACK | (SIDE_NEXT | SIDE_ACK) << 8;

	if ((c->status & both) == both && !(c->status & CONN_ODD))
		c->status |= CONN_FAST;
}

static bool is_closed(const struct conn *c)
{
	return side_has(c, 0, SIDE_FIN) && side_has(c, 1, SIDE_FIN) && c->acked[0] == c->next[1] &&
	       c->acked[1] == c->next[0];
}

static __attribute__((noinline)) void update_slow(const struct tw_triage *t, struct conn *c, int side,
			const struct tw_segment *s, int64_t now_ns)
{
	const uint16_t flags = s->flags;

	learn_bases(c, side, s);
	if (c->status & CONN_CLOSED)
		odd(c); /* after the end nothing is regular */
	if (flags & TW_SYN && !(flags & TW_RST)) {
		on_syn(c, side, s, now_ns);
		return;
	}
	c->status &= ~(uint32_t)CONN_HALF_OPEN;
	if (flags & TW_RST) {
		c->status |= CONN_RST;
		odd(c);
		return;
	}
	if (!(flags & TW_ACK) || flags & TW_URG || !s->window) {
		odd(c);
		if (!(flags & TW_ACK))
			return;
	}
	if (c->status & CONN_CLIENT_KNOWN && !side_has(c, side, SIDE_ACK)) {
		/* The ACK of the handshake, or an answer to the SYN that is no SYN|ACK. */
		if (!side_has(c, !side, SIDE_SYN) || !side_has(c, side, SIDE_SYN) ||
		    s->seq != c->next[side] || s->ack != c->next[!side] ||
		    now_ns - c->first_ns > SLOW_HANDSHAKE_NS)
			odd(c);
	}
	on_ack(c, side, s);
	on_sequence(t, c, side, s, now_ns);
	if (s->payload_bytes)
		on_payload(c, side, now_ns);
	if (is_closed(c)) {
		c->status |= CONN_CLOSED;
		c->status &= ~(uint32_t)CONN_FAST;
	} else {
		try_fast(c);
	}
}

/* --- the fast path --- */

static inline void take_payload(struct conn *c, int side, const struct tw_segment *s,
				int64_t now_ns)
{
	if (!s->payload_bytes)
		return;
	c->next[side] += s->payload_bytes;
	on_payload(c, side, now_ns);
}

/* The third packet of a handshake in which nothing was repeated, late or odd. */
static bool update_handshake(struct conn *c, int side, const struct tw_segment *s, int64_t now_ns)
{
	const uint32_t spoke = SIDE_BASE | SIDE_SYN | SIDE_NEXT, acked = SIDE_ACK | SIDE_ACK << 8;
	const uint32_t want = CONN_CLIENT_KNOWN | CONN_HALF_OPEN | spoke | spoke << 8 |
			      (uint32_t)SIDE_ACK << 8 * !side;
	const uint32_t bad = CONN_ODD | CONN_RST | CONN_CLOSED | SIDE_FIN | SIDE_FIN << 8;

	if ((c->status & (want | acked | bad)) != want || (s->flags & PLAIN_FLAGS) != TW_ACK ||
	    s->seq != c->next[side] || s->ack != c->next[!side] || !s->window ||
	    now_ns - c->first_ns > SLOW_HANDSHAKE_NS)
		return false;
	c->acked[side] = s->ack;
	c->status &= ~(uint32_t)CONN_HALF_OPEN;
	c->status |= CONN_FAST | (uint32_t)SIDE_ACK << 8 * side;
	take_payload(c, side, s, now_ns);
	return true;
}

/*
 * Header prediction: flags plain, sequence exactly next, acknowledgement within what is outstanding, window
 * open, and nothing new after a FIN. True if the record is up to date then. Who speaks, acknowledges and
 * closes next is any guess, so there are few branches here: what does not apply is computed in vain.
 */
static inline bool update_fast(const struct tw_triage *t, struct conn *c, int side,
			       const struct tw_segment *s, int64_t now_ns)
{
	const uint32_t fin = s->flags & TW_FIN, spoke = s->payload_bytes != 0;
	const uint32_t next = c->next[side], other_next = c->next[!side];
	uint32_t status = c->status;

	if (unlikely(!(status & CONN_FAST)))
		return update_handshake(c, side, s, now_ns);
	if (unlikely(((s->flags & (PLAIN_FLAGS & ~TW_FIN)) ^ TW_ACK) | (s->seq ^ next) |
		     (s->ack - c->acked[side] > other_next - c->acked[side]) | !s->window |
		     ((status >> (8 * side + SIDE_FIN_SHIFT)) & (spoke | fin))))
		return false;
	if (unlikely(fin)) {
		on_fin(t, c, side, now_ns);
		status = c->status;
	}
	c->acked[side] = s->ack;
	c->next[side] = next + s->payload_bytes + fin;
	c->payload_ns = spoke ? now_ns : c->payload_ns;
	status &= ~((uint32_t)CONN_SPEAKER & -spoke);
	status |= (CONN_SPOKE | (CONN_SPEAKER & -(uint32_t)side)) & -spoke;
	c->status = status;
	if (unlikely((status & BOTH_FINS) == BOTH_FINS) && is_closed(c)) {
		c->status |= CONN_CLOSED;
		c->status &= ~(uint32_t)CONN_FAST;
	}
	return true;
}

static inline void count_packet(struct conn *c, const struct tw_frame *f)
{
	c->status |= CONN_TOUCHED;
	c->packets += c->packets != UINT32_MAX;
	c->last_ns = f->time_ns;
	c->last_frame = f->number;
}

static inline void update(struct tw_triage *t, uint32_t handle, int side,
			  const struct tw_segment *s, const struct tw_frame *f)
{
	struct conn *c = conn_at(t, handle);

	if (unlikely(!update_fast(t, c, side, s, f->time_ns)))
		update_slow(t, c, side, s, f->time_ns);
	count_packet(c, f);
	if (unlikely((c->status & (CONN_CLOSED | CONN_RST)) && !(c->status & CONN_QUEUED)))
		tw_triage_queue(t, handle);
}

/* --- new connections --- */

/*
 * The slot of its tuple, or the empty one where it would stand: the one found before the batch, unless
 * packets of the batch have moved slots or put another record there.
 */
static inline struct slot *slot_of(struct tw_triage *t, const struct prepared *p)
{
	struct slot *slot = &t->slot[p->at];

	if (likely(t->moves == t->moves_before && slot->handle == p->handle &&
		   (!p->handle || handle_is_of(t, p->handle, &p->tuple))))
		return slot;
	return tw_triage_find(t, &p->tuple, p->tag);
}

/* A SYN that can wait in a half record: IPv4, no payload, no odd flags, two endpoints. */
static bool fits_half(const struct tw_triage *t, const struct prepared *p,
		      const struct tw_segment *s, const struct tw_frame *f)
{
	const int64_t since_ns = f->time_ns - t->result.first_ns;

	return (s->flags & (PLAIN_FLAGS)) == TW_SYN && !s->payload_bytes && s->ip_version == 4 &&
	       tw_addr_is_v4(&p->tuple.addr[0]) && tw_addr_is_v4(&p->tuple.addr[1]) &&
	       since_ns >= 0 && since_ns >> HALF_TICK <= UINT32_MAX && f->number < HALF_FRAME_MAX &&
	       t->result.streams < HALF_FRAME_MAX &&
	       (s->sport != s->dport || !tw_addr_equal(&s->src, &s->dst));
}

static void no_room(struct tw_triage *t)
{
	t->result.evicted++;
	t->result.evicted_undecided++;
}

static void begin_half(struct tw_triage *t, const struct prepared *p, const struct tw_segment *s,
		       const struct tw_frame *f)
{
	uint64_t stream = t->result.streams - 1;
	uint32_t handle;
	struct half *h = tw_triage_half_new(t, &handle);
	struct slot *slot;

	if (!h) {
		no_room(t);
		return;
	}
	slot = slot_of(t, p);
	memcpy(&h->addr[0], p->tuple.addr[0].b + 12, sizeof(h->addr[0]));
	memcpy(&h->addr[1], p->tuple.addr[1].b + 12, sizeof(h->addr[1]));
	memcpy(h->port, p->tuple.port, sizeof(h->port));
	h->seq = s->seq;
	h->first_ticks = (uint32_t)((f->time_ns - t->result.first_ns) >> HALF_TICK);
	h->stream = (uint32_t)stream;
	h->stream_high = stream >> 32 & 15;
	h->first_frame = (uint32_t)f->number;
	h->first_frame_high = f->number >> 32 & 15;
	h->syns = 1;
	h->side = p->sender & 1;
	t->slots_used += !slot->handle;
	*slot = (struct slot){ p->tag, handle };
}

/* What the first segment of a connection says. */
static void begin_with(struct conn *c, int side, const struct tw_segment *s,
		       const struct tw_frame *f)
{
	learn_bases(c, side, s);
	if (s->sport == s->dport && tw_addr_equal(&s->src, &s->dst))
		odd(c); /* connected to itself: the sides cannot be told apart */
	if (s->flags & TW_RST)
		c->status |= CONN_RST;
	if (s->flags & TW_SYN) {
		c->status |= CONN_CLIENT_KNOWN | (side ? CONN_CLIENT : 0) | CONN_HALF_OPEN;
		c->next[side] = s->seq + s->payload_bytes + 1;
		side_set(c, side, SIDE_SYN | SIDE_NEXT);
		if ((s->flags & PLAIN_FLAGS) != TW_SYN || s->payload_bytes) {
			c->status &= ~(uint32_t)CONN_HALF_OPEN;
			odd(c);
		}
		return;
	}
	if ((s->flags & (TW_RST | TW_URG | TW_ACK)) != TW_ACK || !s->window)
		odd(c);
	c->next[side] = s->seq + s->payload_bytes + ((s->flags & TW_FIN) != 0);
	c->acked[side] = s->ack;
	side_set(c, side, SIDE_NEXT | SIDE_ACK);
	if (s->flags & TW_FIN)
		side_set(c, side, SIDE_FIN);
	if (s->payload_bytes)
		on_payload(c, side, f->time_ns);
}

static struct conn *begin_conn(struct tw_triage *t, const struct prepared *p,
			       const struct tw_frame *f, uint64_t stream, uint32_t *handle)
{
	struct conn *c = tw_triage_conn_new(t, handle);
	struct slot *slot;

	if (!c)
		return NULL;
	slot = slot_of(t, p);
	c->tuple = p->tuple;
	c->tag = p->tag;
	c->stream = stream;
	c->first_frame = f->number;
	c->first_ns = f->time_ns;
	t->slots_used += !slot->handle;
	*slot = (struct slot){ p->tag, *handle };
	return c;
}

static void begin(struct tw_triage *t, const struct prepared *p, const struct tw_segment *s,
		  const struct tw_frame *f)
{
	uint32_t handle;
	struct conn *c;

	t->result.streams++;
	if (!tw_triage_slot_room(t)) {
		no_room(t);
		return;
	}
	if (fits_half(t, p, s, f)) {
		begin_half(t, p, s, f);
		return;
	}
	c = begin_conn(t, p, f, t->result.streams - 1, &handle);
	if (!c) {
		no_room(t);
		return;
	}
	begin_with(c, p->sender, s, f);
	count_packet(c, f);
	if (c->status & CONN_RST)
		tw_triage_queue(t, handle);
}

/*
 * A half-open connection gets an answer, or anything else that its small record cannot hold: a conn
 * takes its place. Returns its handle, 0 without memory.
 */
static uint32_t promote(struct tw_triage *t, const struct prepared *p, const struct tw_frame *f)
{
	uint32_t old = slot_of(t, p)->handle, handle;
	struct half h = *half_at(t, old);
	int side = h.side;
	struct conn *c;

	c = begin_conn(t, p, f, half_stream(&h), &handle);
	if (!c) {
		tw_triage_evict_half(t, old);
		return 0;
	}
	tw_triage_half_free(t, old);
	c->first_frame = half_first_frame(&h);
	c->last_frame = c->first_frame + h.last_frame_after;
	c->first_ns = c->last_ns = half_first_ns(t, &h);
	c->packets = h.syns;
	c->base[side] = h.seq;
	c->next[side] = h.seq + 1;
	side_set(c, side, SIDE_BASE | SIDE_SYN | SIDE_NEXT);
	c->status |= CONN_CLIENT_KNOWN | CONN_HALF_OPEN | (side ? CONN_CLIENT : 0);
	if (h.syns > 1)
		odd(c);
	return handle;
}

/* --- one packet --- */

/* The same SYN again, as far as a half record can tell it. */
static bool half_repeats(struct half *h, int side, const struct tw_segment *s,
			 const struct tw_frame *f)
{
	uint64_t after = f->number - half_first_frame(h);

	if ((s->flags & PLAIN_FLAGS) != TW_SYN || s->payload_bytes || s->seq != h->seq ||
	    side != h->side || after > UINT16_MAX || h->syns == HALF_SYNS_MAX)
		return false;
	h->syns++;
	h->last_frame_after = (uint16_t)after;
	return true;
}

/* A SYN with another number on a tuple that is half open: the old attempt is over, unanswered. */
static void renew_half(struct tw_triage *t, const struct prepared *p, uint32_t old,
		       const struct tw_segment *s, const struct tw_frame *f)
{
	half_at(t, old)->shadowed = 1;
	tw_triage_slot_remove(t, old, p->tag);
	begin(t, p, s, f);
}

static void on_half(struct tw_triage *t, const struct prepared *p, uint32_t handle,
		    const struct tw_segment *s, const struct tw_frame *f)
{
	struct half *h = half_at(t, handle);

	if (half_repeats(h, p->sender, s, f))
		return;
	if (tw_reuse_begins(p->sender == h->side, h->seq, s->flags, s->seq)) {
		renew_half(t, p, handle, s, f);
		return;
	}
	handle = promote(t, p, f);
	if (handle)
		update(t, handle, p->sender, s, f);
	else
		no_room(t);
}

/*
 * A new connection on the tuple of an old one. The old record stays with its successor: facts about the
 * new one may need the old one's story, so what makes the new one interesting makes the old one so.
 */
static void succeed(struct tw_triage *t, const struct prepared *p, uint32_t old,
		    const struct tw_segment *s, const struct tw_frame *f)
{
	struct conn *o = conn_at(t, old), *c;
	const bool orderly = o->status & CONN_CLOSED && !(o->status & CONN_ODD);
	uint32_t handle;

	if (!orderly)
		odd(o);
	tw_triage_slot_remove(t, old, p->tag);
	tw_triage_settle_prev(t, o);
	o->status |= CONN_SHADOWED;
	t->result.streams++;
	c = tw_triage_slot_room(t) ? begin_conn(t, p, f, t->result.streams - 1, &handle) : NULL;
	if (!c) {
		no_room(t);
		tw_triage_settle(t, old);
		return;
	}
	c->prev = old;
	begin_with(c, p->sender, s, f);
	if (!orderly)
		odd(c);
	count_packet(c, f);
	if (c->status & CONN_RST)
		tw_triage_queue(t, handle);
}

static void on_tcp(struct tw_triage *t, const struct prepared *p, const struct tw_segment *s,
		   const struct tw_frame *f)
{
	const uint32_t handle = slot_of(t, p)->handle;
	const struct conn *c;

	t->result.packets++;
	if (unlikely(!handle)) {
		begin(t, p, s, f);
		return;
	}
	if (unlikely(handle & HANDLE_HALF)) {
		on_half(t, p, handle, s, f);
		return;
	}
	c = conn_at(t, handle);
	if (unlikely((s->flags & (TW_SYN | TW_ACK)) == TW_SYN) &&
	    tw_reuse_begins(side_has(c, p->sender, SIDE_BASE), c->base[p->sender], s->flags,
			    s->seq)) {
		succeed(t, p, handle, s, f);
		return;
	}
	update(t, handle, p->sender, s, f);
}

/* An ICMP error about a known connection: a second look in any case. Unknown ones are no connection. */
static void on_icmp(struct tw_triage *t, const struct prepared *p, const struct tw_frame *f)
{
	uint32_t handle = slot_of(t, p)->handle;
	struct conn *c;

	if (handle & HANDLE_HALF)
		handle = promote(t, p, f);
	if (!handle)
		return;
	c = conn_at(t, handle);
	odd(c);
	c->status &= ~(uint32_t)CONN_HALF_OPEN;
	c->status |= CONN_TOUCHED;
	c->last_ns = f->time_ns;
	c->last_frame = f->number;
}

/* --- the batch --- */

static void follow_clock(struct tw_triage *t, const struct tw_frame *frames, unsigned n)
{
	struct tw_triage_result *res = &t->result;
	unsigned i;

	if (!t->started && n) {
		t->started = true;
		t->now_ns = t->clock_ns = res->first_ns = frames[0].time_ns;
	}
	for (i = 0; i < n; i++) {
		const int64_t back = t->clock_ns - frames[i].time_ns;

		if (likely(back <= 0)) {
			t->clock_ns = frames[i].time_ns;
			t->section = frames[i].section;
		} else if (frames[i].section != t->section) {
			t->section = frames[i].section;
			t->clock_ns = frames[i].time_ns;
		} else if (back > CLOCK_STEP_NS) {
			res->clock_backward = true;
			if (back > res->clock_step_ns)
				res->clock_step_ns = back;
		}
	}
	if (t->clock_ns > t->now_ns)
		t->now_ns = t->clock_ns;
	res->last_ns = t->now_ns;
}

/* tw_tuple_of() and tag_of(), for what nearly all packets are: an IPv4 endpoint fits one word. */
static inline void prepare_v4(struct prepared *p, const struct tw_segment *s, uint64_t seed)
{
	const uint64_t src = endpoint_v4(&s->src, s->sport), dst = endpoint_v4(&s->dst, s->dport);
	const bool sender = src > dst;
	const uint64_t swap = -(uint64_t)sender, differ = (src ^ dst) & swap, zero = 0;
	uint64_t from, to, both;

	memcpy(&from, s->src.b + 8, sizeof(from));
	memcpy(&to, s->dst.b + 8, sizeof(to));
	both = (from ^ to) & swap;
	from ^= both;
	to ^= both;
	memcpy(p->tuple.addr[0].b, &zero, sizeof(zero));
	memcpy(p->tuple.addr[0].b + 8, &from, sizeof(from));
	memcpy(p->tuple.addr[1].b, &zero, sizeof(zero));
	memcpy(p->tuple.addr[1].b + 8, &to, sizeof(to));
	p->tuple.port[0] = (uint16_t)(src ^ differ);
	p->tuple.port[1] = (uint16_t)(dst ^ differ);
	p->sender = sender;
	p->tag = tag_of_v4(src ^ differ, dst ^ differ, seed);
}

static void prepare(struct tw_triage *t, struct prepared *p, const struct tw_segment *segs,
		    unsigned n)
{
	const uint64_t mask = t->slot_count - 1;
	unsigned i;

	for (i = 0; i < n; i++) {
		p[i].skip = segs[i].kind != TW_SEG_TCP && segs[i].kind != TW_SEG_ICMP_ERROR;
		if (p[i].skip)
			continue;
		if (likely(segs[i].ip_version == 4)) {
			prepare_v4(&p[i], &segs[i], t->seed);
		} else {
			p[i].sender = (uint8_t)tw_tuple_of(&segs[i], &p[i].tuple);
			p[i].tag = tag_of(&p[i].tuple, t->seed);
		}
		__builtin_prefetch(&t->slot[p[i].tag & mask]);
	}
}

/*
 * How far from its home a tag stands, or the first empty slot: 0 to 3, 4 if it is further. Whether the
 * first slot has it is a guess that often fails, and waits for the memory: so all four are asked.
 */
static inline unsigned distance_of(const struct tw_triage *t, uint32_t tag, uint64_t mask)
{
	unsigned ends = 1 << 4, i;

	for (i = 0; i < 4; i++) {
		const struct slot s = t->slot[(tag + i) & mask];

		ends |= (unsigned)((s.tag == tag) | !s.handle) << i;
	}
	return (unsigned)__builtin_ctz(ends);
}

/* What the table has for each, and the records of that: a wrong guess costs nothing but time. */
static inline __attribute__((always_inline)) void locate(struct tw_triage *t, struct prepared *p,
							 unsigned n)
{
	const uint64_t mask = t->slot_count - 1;
	unsigned i;

	for (i = 0; i < n; i++) {
		uint64_t at;
		uint32_t handle;

		if (p[i].skip)
			continue;
		at = ((uint64_t)p[i].tag + distance_of(t, p[i].tag, mask)) & mask;
		while (unlikely(t->slot[at].handle && t->slot[at].tag != p[i].tag))
			at = (at + 1) & mask;
		p[i].at = at;
		p[i].handle = handle = t->slot[at].handle;
		if (!handle)
			continue;
		if (handle & HANDLE_HALF) {
			__builtin_prefetch(half_at(t, handle), 1);
		} else {
			__builtin_prefetch(conn_at(t, handle), 1);
			__builtin_prefetch((char *)conn_at(t, handle) + 64, 1);
		}
	}
}

void tw_triage_feed(struct tw_triage *t, const struct tw_frame *frames,
		    const struct tw_segment *segs, unsigned n)
{
	struct prepared p[TW_BATCH];
	unsigned i;

	follow_clock(t, frames, n);
	tw_triage_recycle(t, n);
	prepare(t, p, segs, n);
	t->moves_before = t->moves;
	locate(t, p, n);
	for (i = 0; i < n; i++) {
		if (p[i].skip)
			continue;
		if (likely(segs[i].kind == TW_SEG_TCP))
			on_tcp(t, &p[i], &segs[i], &frames[i]);
		else
			on_icmp(t, &p[i], &frames[i]);
	}
}
