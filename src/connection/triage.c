/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Triage: what a packet means for the short record of its connection. The hot path of the program.
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
#include "timers/constants.h"

#include <stdlib.h>
#include <string.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define FAR_BYTES (4 << 20) /* more than a plausible hole or window */
#define SLOW_HANDSHAKE_NS                                                                          \
	(3 * TW_NS_PER_S) /* no path is so long: somebody waited, or a repeat is unseen */
#define TIMER_REPEAT_NS (TW_TCP_RTO_MIN_NS * 3 / 4) /* below the shortest retransmission timer */
#define LONG_REPEAT_NS  (1 * TW_NS_PER_S)           /* a repeat after such a silence is a stall */
#define PLAIN_FLAGS     (TW_SYN | TW_FIN | TW_RST | TW_URG | TW_ACK)
#define FAST_FLAGS      (TW_SYN | TW_RST | TW_URG | TW_ACK | TW_BRIEF_MESSAGE | TW_BRIEF_HELLO)
#define FAREWELL_BYTES                                                                             \
	69 /* the longest close_notify of TLS 1.2's block ciphers; QUIT and its like are shorter */
enum { POSTGRESQL = 5432, MYSQL = 3306 };
#define SENT_AT_ONCE_BYTES (64 << 10)
#define FEW_PACKETS        24 /* a handshake of TLS, one request, and what belongs to it */
#define BOTH_FINS          (uint32_t)(SIDE_FIN | SIDE_FIN << 8)

/* --- the slow path: one segment that is not simply next in sequence --- */

static void odd(struct conn *c)
{
	c->status |= CONN_ODD;
	c->status &= ~(uint32_t)CONN_FAST;
}

/* A repeat, a hole or what fills one: nothing odd as such. */
static void loss(struct conn *c)
{
	if (!(c->status & CONN_LOSS))
		c->loss_at = c->packets;
	c->status |= CONN_LOSS;
}

/* A direction that has not spoken yet gets its base from the other's acknowledgement. */
static void learn_bases(struct conn *c, int side, const struct tw_brief *p)
{
	if (!side_has(c, side, SIDE_BASE) || (p->flags & (TW_SYN | TW_ACK)) == (TW_SYN | TW_ACK)) {
		c->base[side] = tw_reuse_base(p->flags, p->seq);
		side_set(c, side, SIDE_BASE);
	}
	if (!side_has(c, !side, SIDE_BASE) && p->flags & TW_ACK) {
		c->base[!side] = p->ack - 1;
		side_set(c, !side, SIDE_BASE);
	}
}

/* A SYN in a known connection: a repeat of the one that began it, or the SYN|ACK that answers it. */
static void on_syn(struct conn *c, int side, const struct tw_brief *p)
{
	const uint16_t plain = p->flags & PLAIN_FLAGS;

	if (c->status & CONN_HALF_OPEN && !p->payload_bytes && side == conn_client(c) &&
	    plain == TW_SYN && p->seq == c->base[side]) {
		odd(c); /* slow to connect, if it ever will */
		return;
	}
	if (plain != (TW_SYN | TW_ACK) || p->payload_bytes || !side_has(c, !side, SIDE_SYN) ||
	    side == conn_client(c) || p->ack != c->next[!side]) {
		c->status &= ~(uint32_t)CONN_HALF_OPEN;
		odd(c);
		return;
	}
	/* what MPTCP delivers, and when it closes, stands in options that nobody looks at here */
	if (side_has(c, side, SIDE_SYN) || p->time_ns - c->first_ns > SLOW_HANDSHAKE_NS ||
	    p->flags & TW_BRIEF_MPTCP)
		odd(c);
	c->next[side] = p->seq + 1;
	c->acked[side] = p->ack;
	side_set(c, side, SIDE_SYN | SIDE_NEXT | SIDE_ACK);
}

static void on_ack(struct conn *c, int side, const struct tw_brief *p)
{
	int32_t ahead;

	if (!side_has(c, side, SIDE_ACK) || tw_seq_gt(p->ack, c->acked[side])) {
		c->acked[side] = p->ack;
		side_set(c, side, SIDE_ACK);
	} else if (p->ack != c->acked[side]) {
		/* Overtaken by a later one: that acknowledged this, too. */
		if (tw_seq_le(p->ack, c->base[!side]))
			odd(c);
		return;
	}
	if (!side_has(c, !side, SIDE_NEXT))
		return;
	ahead = tw_seq_diff(p->ack, c->next[!side]);
	if (ahead <= 0)
		return;
	/* Acknowledges what was not seen: the capture has a hole, or somebody lies. */
	loss(c);
	if (ahead > FAR_BYTES || side_has(c, !side, SIDE_FIN))
		odd(c);
	c->next[!side] = p->ack;
}

/* Sent before, at least in part. */
static void on_repeat(struct conn *c, int side, const struct tw_brief *p)
{
	const int32_t behind = tw_seq_diff(c->next[side], p->seq);
	const uint32_t end = p->seq + p->payload_bytes;

	loss(c);
	if (behind > FAR_BYTES || p->flags & TW_FIN || side_has(c, side, SIDE_FIN) ||
	    (behind == 1 && p->payload_bytes <= 1)) {
		odd(c); /* far too old, a repeated close, a keepalive probe */
		return;
	}
	if (!p->payload_bytes)
		return;
	/* What was acknowledged already comes again: needless, or the true version of what somebody forged. */
	if (side_has(c, !side, SIDE_ACK) && tw_seq_le(end, c->acked[!side]))
		odd(c);
	/* A first segment that a timer repeats, unacknowledged, may be part of the handshake's trouble; a
	 * long silence before a repeat is a stall. */
	if (!side_has(c, !side, SIDE_ACK) || p->time_ns - c->last_ns > LONG_REPEAT_NS ||
	    (c->acked[!side] == c->base[side] + 1 && p->time_ns - c->last_ns > TIMER_REPEAT_NS))
		odd(c);
	if (tw_seq_gt(end, c->next[side]))
		c->next[side] = end;
}

/*
 * TLS, and a client that leaves after a wait, having asked once or not at all, or a server that closes: what the server said last
 * may be an answer, or the tickets that belong to the handshake and come behind the request.
 */
static __attribute__((noinline)) bool may_be_unanswered(const struct tw_triage *t,
							const struct conn *c, int side,
							const struct tw_brief *p)
{
	return c->status & CONN_CLIENT_KNOWN && c->packets <= FEW_PACKETS &&
	       (side != conn_client(c) || p->time_ns - c->payload_ns > t->config.settle_ns);
}

/* A FIN of @side in the midst of its own message, or of one whose rest it was weary of waiting for? */
static __attribute__((noinline)) bool breaks_off(const struct tw_triage *t, const struct conn *c,
						 int side, const struct tw_brief *p)
{
	return is_long(c, side, p->seq + p->payload_bytes) ||
	       (p->time_ns - c->payload_ns > t->config.settle_ns &&
		is_long(c, !side, c->next[!side]));
}

/*
 * TLS, and a close that may leave the last record of the server's unfinished: it has said no close_notify, or has been silent while the
 * client waited. That takes more than a program is rid of at once (net.ipv4.tcp_wmem).
 */
static __attribute__((noinline)) bool
may_cut_record(const struct tw_triage *t, const struct conn *c, int side, const struct tw_brief *p)
{
	const int client = conn_client(c);

	if (!(c->status & CONN_CLIENT_KNOWN))
		return false;
	if (side != client && !(c->status & CONN_SEALED))
		return true; /* of a database that seldom closes first */
	if (side != client)
		return p->payload_bytes ? p->payload_bytes > FAREWELL_BYTES
					: side_has(c, side, SIDE_SAID);
	return p->time_ns - c->payload_ns > t->config.settle_ns && conn_speaker(c) != client &&
	       (!(c->status & CONN_SEALED) ||
		c->next[!client] - c->base[!client] > SENT_AT_ONCE_BYTES);
}

static bool is_database(const struct conn *c)
{
	return c->tuple.port[0] == POSTGRESQL || c->tuple.port[1] == POSTGRESQL ||
	       c->tuple.port[0] == MYSQL || c->tuple.port[1] == MYSQL;
}

/* The close of a side: was the other one still waiting for an answer? */
static void on_fin(const struct tw_triage *t, struct conn *c, int side, const struct tw_brief *p)
{
	const int64_t settle = t->config.settle_ns;

	side_set(c, side, SIDE_FIN);
	if (side_has(c, !side, SIDE_FIN)) {
		if (p->time_ns - c->last_ns > settle)
			odd(c); /* half closed for long */
		return;
	}
	if (unlikely(c->status & (SIDE_LONG | SIDE_LONG << 8)) && breaks_off(t, c, side, p))
		odd(c);
	if (unlikely(c->status & CONN_HTTP2))
		odd(c); /* what is open then its frames tell */
	if (unlikely(c->status & CONN_SEALED) && may_be_unanswered(t, c, side, p))
		odd(c);
	if (unlikely(c->status & CONN_SEALED || is_database(c)) && may_cut_record(t, c, side, p))
		odd(c);
	if (!(c->status & CONN_SPOKE)) {
		if (p->time_ns - c->first_ns > settle ||
		    (c->status & CONN_CLIENT_KNOWN && side != conn_client(c)))
			odd(c); /* nobody ever said a word, and one gave up, or was turned away */
		return;
	}
	if (c->status & CONN_CLIENT_KNOWN && conn_speaker(c) != conn_client(c))
		return; /* the last word was the server's: an answer */
	if (conn_speaker(c) != side || p->time_ns - c->payload_ns > settle)
		odd(c); /* closed without answering, or weary of waiting */
}

static void on_sequence(const struct tw_triage *t, struct conn *c, int side,
			const struct tw_brief *p)
{
	int32_t ahead;

	if (!side_has(c, side, SIDE_NEXT)) {
		side_set(c, side, SIDE_NEXT);
		c->next[side] = p->seq;
		if (side_has(c, !side, SIDE_ACK)) {
			ahead = tw_seq_diff(p->seq, c->acked[!side]);
			/* Below what was acknowledged: a repeat, or somebody else spoke before. */
			if (ahead > FAR_BYTES || ahead < 0)
				odd(c);
		}
	}
	ahead = tw_seq_diff(p->seq, c->next[side]);
	if (ahead < 0) {
		on_repeat(c, side, p);
		return;
	}
	if (ahead > 0) {
		loss(c); /* a hole: to be filled, or the capture's */
		if (ahead > FAR_BYTES)
			odd(c);
	}
	if (side_has(c, side, SIDE_FIN) && (p->payload_bytes || ahead || p->flags & TW_FIN)) {
		odd(c); /* more after the close */
		return;
	}
	c->next[side] = p->seq + p->payload_bytes;
	if (p->flags & TW_FIN) {
		on_fin(t, c, side, p);
		c->next[side]++;
	}
}

/*
 * Does a payload end the silence before it? A few bytes behind words of the same end, or at the end of a short connection
 * of TLS, may be a farewell: who waited in vain says it, too.
 */
static inline bool restarts(const struct conn *c, int side, const struct tw_brief *p)
{
	const uint32_t spoke = CONN_SPOKE | (CONN_SPEAKER & -(uint32_t)side);
	const bool goes_on = (c->status & (CONN_SPOKE | CONN_SPEAKER)) == spoke;
	const bool sealed = (c->status & CONN_SEALED) != 0;

	return (p->payload_bytes > FAREWELL_BYTES) |
	       !(goes_on | (sealed & (c->packets <= FEW_PACKETS)));
}

static void on_payload(struct conn *c, int side, const struct tw_brief *p)
{
	c->payload_ns = restarts(c, side, p) ? p->time_ns : c->payload_ns;
	c->status |= CONN_SPOKE;
	c->status &= ~((uint32_t)CONN_SPEAKER | (uint32_t)SIDE_SAID << 8 * side);
	if (p->payload_bytes > FAREWELL_BYTES)
		side_set(c, side, SIDE_SAID);
	if (side)
		c->status |= CONN_SPEAKER;
}

/*
 * A message of HTTP/1 begins. One that goes on behind its first segment may be cut. There is room for one end, that of
 * the last such message: mostly there is but one, for who is answered has been heard, or will not be.
 */
static void on_message(struct conn *c, int side, const struct tw_brief *p)
{
	if (p->flags & TW_BRIEF_ANSWER)
		side_clear(c, !side, SIDE_LONG);
	if (p->flags & TW_BRIEF_GOES_ON) {
		side_clear(c, 0, SIDE_LONG_END);
		side_clear(c, 1, SIDE_LONG_END);
		side_set(c, side, SIDE_LONG | (p->flags & TW_BRIEF_END_KNOWN ? SIDE_LONG_END : 0));
		c->long_end_low = p->message_end & 0xffffff;
		c->long_end_high = p->message_end >> 24;
	} else if (p->seq == c->next[side]) {
		side_clear(c, side, SIDE_LONG);
	}
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

static __attribute__((noinline)) void update_slow(const struct tw_triage *t, struct conn *c,
						  int side, const struct tw_brief *p)
{
	const uint16_t flags = p->flags;

	learn_bases(c, side, p);
	if (c->status & CONN_CLOSED)
		odd(c); /* after the end nothing is regular */
	if (flags & TW_SYN && !(flags & TW_RST)) {
		on_syn(c, side, p);
		return;
	}
	c->status &= ~(uint32_t)CONN_HALF_OPEN;
	if (flags & TW_RST) {
		c->status |= CONN_RST;
		odd(c);
		return;
	}
	if (!(flags & TW_ACK) || flags & TW_URG || !p->window) {
		odd(c);
		if (!(flags & TW_ACK))
			return;
	}
	if (c->status & CONN_CLIENT_KNOWN && !side_has(c, side, SIDE_ACK)) {
		/* The ACK of the handshake, or an answer to the SYN that is no SYN|ACK. */
		if (!side_has(c, !side, SIDE_SYN) || !side_has(c, side, SIDE_SYN) ||
		    p->seq != c->next[side] || p->ack != c->next[!side] ||
		    p->time_ns - c->first_ns > SLOW_HANDSHAKE_NS)
			odd(c);
	}
	if (p->flags & TW_BRIEF_MESSAGE)
		on_message(c, side, p);
	if (p->flags & TW_BRIEF_HELLO)
		c->status |= p->flags & TW_BRIEF_ANSWER ? CONN_HTTP2 : CONN_SEALED;
	on_ack(c, side, p);
	on_sequence(t, c, side, p);
	if (p->payload_bytes) {
		on_payload(c, side, p);
		/* of a client: nothing can answer it, and whether it is a request its size does not tell */
		if (side_has(c, !side, SIDE_FIN) && c->status & CONN_CLIENT_KNOWN &&
		    side == conn_client(c))
			odd(c);
	}
	if (is_closed(c)) {
		c->status |= CONN_CLOSED;
		c->status &= ~(uint32_t)CONN_FAST;
	} else {
		try_fast(c);
	}
}

/* --- the fast path --- */

static inline void take_payload(struct conn *c, int side, const struct tw_brief *p)
{
	if (!p->payload_bytes)
		return;
	c->next[side] += p->payload_bytes;
	on_payload(c, side, p);
}

/* The third packet of a handshake in which nothing was repeated, late or odd. */
static bool update_handshake(struct conn *c, int side, const struct tw_brief *p)
{
	const uint32_t spoke = SIDE_BASE | SIDE_SYN | SIDE_NEXT, acked = SIDE_ACK | SIDE_ACK << 8;
	const uint32_t want = CONN_CLIENT_KNOWN | CONN_HALF_OPEN | spoke | spoke << 8 |
			      (uint32_t)SIDE_ACK << 8 * !side;
	const uint32_t bad = CONN_ODD | CONN_RST | CONN_CLOSED | SIDE_FIN | SIDE_FIN << 8;

	if ((c->status & (want | acked | bad)) != want || (p->flags & PLAIN_FLAGS) != TW_ACK ||
	    p->seq != c->next[side] || p->ack != c->next[!side] || !p->window ||
	    p->flags & (TW_BRIEF_MESSAGE | TW_BRIEF_HELLO) ||
	    p->time_ns - c->first_ns > SLOW_HANDSHAKE_NS)
		return false;
	c->acked[side] = p->ack;
	c->status &= ~(uint32_t)CONN_HALF_OPEN;
	c->status |= CONN_FAST | (uint32_t)SIDE_ACK << 8 * side;
	take_payload(c, side, p);
	return true;
}

static inline void count_packet(struct conn *c, const struct tw_brief *p)
{
	c->status |= CONN_TOUCHED;
	c->packets += c->packets != UINT32_MAX;
	c->last_ns = p->time_ns;
	c->last_frame = p->number;
}

/* Whoever is closed or reset is not expected to go on. */
static inline void queue_if_over(struct tw_triage *t, uint32_t handle, const struct conn *c)
{
	if ((c->status & (CONN_CLOSED | CONN_RST)) && !(c->status & CONN_QUEUED))
		tw_triage_queue(t, handle);
}

/*
 * Header prediction: flags plain, sequence exactly next, acknowledgement within what is outstanding, window
 * open, and nothing new after a FIN of either end. True if the record is up to date then. Who speaks, acknowledges and
 * closes next is any guess, so there are few branches here: what does not apply is computed in vain.
 */
static inline bool update_fast(struct tw_triage *t, uint32_t handle, struct conn *c,
			       const struct tw_brief *p)
{
	const uint32_t fin = p->flags & TW_FIN, spoke = p->payload_bytes != 0;
	const int side = p->sender;
	const uint32_t next = c->next[side], other_next = c->next[!side], acked = c->acked[side];
	uint32_t status = c->status;

	if (unlikely(((status & CONN_FAST) ^ CONN_FAST) |
		     (((p->flags & FAST_FLAGS) ^ TW_ACK) | (p->seq ^ next)) |
		     (p->ack - acked > other_next - acked) | !p->window |
		     ((status >> (8 * side + SIDE_FIN_SHIFT)) & (spoke | fin)) |
		     ((status >> (8 * !side + SIDE_FIN_SHIFT)) & spoke)))
		return false;
	if (unlikely(fin)) {
		on_fin(t, c, side, p);
		status = c->status;
	}
	c->acked[side] = p->ack;
	c->next[side] = next + p->payload_bytes + fin;
	c->payload_ns = (spoke & restarts(c, side, p)) ? p->time_ns : c->payload_ns;
	status &= ~(((uint32_t)CONN_SPEAKER | (uint32_t)SIDE_SAID << 8 * side) & -spoke);
	status |= (uint32_t)(p->payload_bytes > FAREWELL_BYTES) << (8 * side + SIDE_SAID_SHIFT);
	c->status =
		status | CONN_TOUCHED | ((CONN_SPOKE | (CONN_SPEAKER & -(uint32_t)side)) & -spoke);
	c->packets += c->packets != UINT32_MAX;
	c->last_ns = p->time_ns;
	c->last_frame = p->number;
	if (unlikely((status & BOTH_FINS) == BOTH_FINS) && is_closed(c)) {
		c->status |= CONN_CLOSED;
		c->status &= ~(uint32_t)CONN_FAST;
		queue_if_over(t, handle, c);
	}
	return true;
}

/* What update_fast() does not take. */
static void update(struct tw_triage *t, uint32_t handle, struct conn *c, const struct tw_brief *p)
{
	if (!update_handshake(c, p->sender, p))
		update_slow(t, c, p->sender, p);
	count_packet(c, p);
	queue_if_over(t, handle, c);
}

/* --- new connections --- */

/*
 * The slot of its tuple, or the empty one where it would stand: the one found before the batch, unless
 * packets of the batch have moved slots or put another record there. What they put there often is the
 * record of this very tuple.
 */
static inline struct slot *slot_of(struct tw_triage *t, const struct tw_brief *p)
{
	struct slot *slot = &t->slot[t->at[t->now]];

	if (likely(t->moves == t->moves_before &&
		   (!slot->handle ||
		    (slot->tag == p->tag && handle_is_of(t, slot->handle, &p->tuple)))))
		return slot;
	return tw_triage_find(t, &p->tuple, p->tag);
}

/* Both ends are one. */
static bool is_to_itself(const struct tw_tuple *t)
{
	return t->port[0] == t->port[1] && tw_addr_equal(&t->addr[0], &t->addr[1]);
}

/* A SYN that can wait in a half record: IPv4, no payload, no odd flags, two endpoints. */
static bool fits_half(const struct tw_triage *t, const struct tw_brief *p)
{
	const int64_t since_ns = p->time_ns - t->result.first_ns;

	return (p->flags & (PLAIN_FLAGS)) == TW_SYN && !p->payload_bytes && p->ipv4 &&
	       tw_addr_is_v4(&p->tuple.addr[0]) && tw_addr_is_v4(&p->tuple.addr[1]) &&
	       since_ns >= 0 && since_ns >> HALF_TICK <= UINT32_MAX && p->number < HALF_FRAME_MAX &&
	       t->result.streams < HALF_FRAME_MAX && !is_to_itself(&p->tuple);
}

static void no_room(struct tw_triage *t)
{
	t->result.evicted++;
	t->result.evicted_undecided++;
}

static void begin_half(struct tw_triage *t, const struct tw_brief *p)
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
	h->seq = p->seq;
	h->first_ticks = (uint32_t)((p->time_ns - t->result.first_ns) >> HALF_TICK);
	h->stream = (uint32_t)stream;
	h->stream_high = stream >> 32 & 15;
	h->first_frame = (uint32_t)p->number;
	h->first_frame_high = p->number >> 32 & 15;
	h->syns = 1;
	h->side = p->sender & 1;
	t->slots_used += !slot->handle;
	*slot = (struct slot){ p->tag, handle };
}

/* What the first segment of a connection says. */
static void begin_with(struct conn *c, int side, const struct tw_brief *p)
{
	learn_bases(c, side, p);
	if (is_to_itself(&p->tuple))
		odd(c); /* connected to itself: the sides cannot be told apart */
	if (p->flags & TW_RST)
		c->status |= CONN_RST;
	if (p->flags & TW_SYN) {
		c->status |= CONN_CLIENT_KNOWN | (side ? CONN_CLIENT : 0) | CONN_HALF_OPEN;
		c->next[side] = p->seq + p->payload_bytes + 1;
		side_set(c, side, SIDE_SYN | SIDE_NEXT);
		if ((p->flags & PLAIN_FLAGS) != TW_SYN || p->payload_bytes) {
			c->status &= ~(uint32_t)CONN_HALF_OPEN;
			odd(c);
		}
		return;
	}
	if ((p->flags & (TW_RST | TW_URG | TW_ACK)) != TW_ACK || !p->window)
		odd(c);
	c->next[side] = p->seq + p->payload_bytes + ((p->flags & TW_FIN) != 0);
	c->acked[side] = p->ack;
	side_set(c, side, SIDE_NEXT | SIDE_ACK);
	if (p->flags & TW_FIN)
		side_set(c, side, SIDE_FIN);
	if (p->payload_bytes)
		on_payload(c, side, p);
}

static struct conn *begin_conn(struct tw_triage *t, const struct tw_brief *p, uint64_t stream,
			       uint32_t *handle)
{
	struct conn *c = tw_triage_conn_new(t, handle);
	struct slot *slot;

	if (!c)
		return NULL;
	slot = slot_of(t, p);
	c->tuple = p->tuple;
	c->tag = p->tag;
	c->stream = stream;
	c->first_frame = p->number;
	c->first_ns = p->time_ns;
	t->slots_used += !slot->handle;
	*slot = (struct slot){ p->tag, *handle };
	return c;
}

static void begin(struct tw_triage *t, const struct tw_brief *p)
{
	uint32_t handle;
	struct conn *c;

	t->result.streams++;
	if (!tw_triage_slot_room(t)) {
		no_room(t);
		return;
	}
	if (fits_half(t, p)) {
		begin_half(t, p);
		return;
	}
	c = begin_conn(t, p, t->result.streams - 1, &handle);
	if (!c) {
		no_room(t);
		return;
	}
	begin_with(c, p->sender, p);
	count_packet(c, p);
	if (c->status & CONN_RST)
		tw_triage_queue(t, handle);
}

/*
 * A half-open connection gets an answer, or anything else that its small record cannot hold: a conn
 * takes its place. Returns its handle, 0 without memory.
 */
static uint32_t promote(struct tw_triage *t, const struct tw_brief *p)
{
	uint32_t old = slot_of(t, p)->handle, handle;
	struct half h = *half_at(t, old);
	int side = h.side;
	struct conn *c;

	c = begin_conn(t, p, half_stream(&h), &handle);
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

/*
 * The SYN|ACK that answers a lone SYN in good time, as nearly all connections begin: what promote() and
 * update_slow() would make of it, in one go. False: it is not one, or there was no memory.
 */
static bool answer_half(struct tw_triage *t, const struct tw_brief *p, uint32_t old)
{
	const struct half h = *half_at(t, old);
	const int64_t first_ns = half_first_ns(t, &h);
	const int client = h.side, server = !h.side;
	uint32_t handle;
	struct conn *c;

	if ((p->flags & PLAIN_FLAGS) != (TW_SYN | TW_ACK) || p->flags & TW_BRIEF_MPTCP ||
	    p->payload_bytes || p->sender != server || p->ack != h.seq + 1 || h.syns != 1 ||
	    p->time_ns - first_ns > SLOW_HANDSHAKE_NS)
		return false;
	c = begin_conn(t, p, half_stream(&h), &handle);
	if (!c)
		return false;
	tw_triage_half_free(t, old);
	c->first_frame = half_first_frame(&h);
	c->first_ns = first_ns;
	c->packets = 1;
	c->base[client] = h.seq;
	c->next[client] = h.seq + 1;
	c->base[server] = p->seq;
	c->next[server] = p->seq + 1;
	c->acked[server] = p->ack;
	c->status = CONN_CLIENT_KNOWN | CONN_HALF_OPEN | (client ? CONN_CLIENT : 0) |
		    (SIDE_BASE | SIDE_SYN | SIDE_NEXT) * 0x101u;
	side_set(c, server, SIDE_ACK);
	count_packet(c, p);
	return true;
}

/* --- one packet --- */

/* The same SYN again, as far as a half record can tell it. */
static bool half_repeats(struct half *h, const struct tw_brief *p)
{
	uint64_t after = p->number - half_first_frame(h);

	if ((p->flags & PLAIN_FLAGS) != TW_SYN || p->payload_bytes || p->seq != h->seq ||
	    p->sender != h->side || after > UINT16_MAX || h->syns == HALF_SYNS_MAX)
		return false;
	h->syns++;
	h->last_frame_after = (uint16_t)after;
	return true;
}

/* A SYN with another number on a tuple that is half open: the old attempt is over, unanswered. */
static void renew_half(struct tw_triage *t, const struct tw_brief *p, uint32_t old)
{
	half_at(t, old)->shadowed = 1;
	tw_triage_slot_remove(t, old, p->tag);
	begin(t, p);
}

static void on_half(struct tw_triage *t, const struct tw_brief *p, uint32_t handle)
{
	struct half *h = half_at(t, handle);

	if (answer_half(t, p, handle) || half_repeats(h, p))
		return;
	if (tw_reuse_begins(p->sender == h->side, h->seq, p->flags, p->seq)) {
		renew_half(t, p, handle);
		return;
	}
	handle = promote(t, p);
	if (handle)
		update(t, handle, conn_at(t, handle), p);
	else
		no_room(t);
}

/*
 * A new connection on the tuple of an old one. The old record stays with its successor: facts about the
 * new one may need the old one's story, so what makes the new one interesting makes the old one so.
 */
static void succeed(struct tw_triage *t, const struct tw_brief *p, uint32_t old)
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
	c = tw_triage_slot_room(t) ? begin_conn(t, p, t->result.streams - 1, &handle) : NULL;
	if (!c) {
		no_room(t);
		tw_triage_settle(t, old);
		return;
	}
	c->prev = old;
	begin_with(c, p->sender, p);
	if (!orderly)
		odd(c);
	count_packet(c, p);
	if (c->status & CONN_RST)
		tw_triage_queue(t, handle);
}

static void on_tcp(struct tw_triage *t, const struct tw_brief *p)
{
	const uint32_t handle = slot_of(t, p)->handle;
	struct conn *c;

	t->result.packets++;
	if (unlikely(!handle)) {
		begin(t, p);
		return;
	}
	if (unlikely(handle & HANDLE_HALF)) {
		on_half(t, p, handle);
		return;
	}
	c = conn_at(t, handle);
	if (likely(update_fast(t, handle, c, p)))
		return;
	if ((p->flags & (TW_SYN | TW_ACK)) == TW_SYN &&
	    tw_reuse_begins(side_has(c, p->sender, SIDE_BASE), c->base[p->sender], p->flags,
			    p->seq))
		succeed(t, p, handle);
	else
		update(t, handle, c, p);
}

/* An ICMP error about a known connection: a second look in any case. Unknown ones are no connection. */
static void on_icmp(struct tw_triage *t, const struct tw_brief *p)
{
	uint32_t handle = slot_of(t, p)->handle;
	struct conn *c;

	if (handle & HANDLE_HALF)
		handle = promote(t, p);
	if (!handle)
		return;
	c = conn_at(t, handle);
	odd(c);
	c->status &= ~(uint32_t)CONN_HALF_OPEN;
	c->status |= CONN_TOUCHED;
	c->last_ns = p->time_ns;
	c->last_frame = p->number;
}

void tw_triage_work_off(struct tw_triage *t)
{
	unsigned i;

	for (i = 0; i < t->here_count; i++) {
		const struct tw_brief *p = &t->here[i];

		t->now = i;
		if (likely(p->kind == TW_SEG_TCP))
			on_tcp(t, p);
		else if (p->kind == TW_SEG_ICMP_ERROR)
			on_icmp(t, p);
	}
	t->here_count = 0;
}
