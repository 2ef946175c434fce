/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_FACTS_VIEW_H
#define TW_FACTS_VIEW_H

/*
 * What the derivations of facts share: the inputs, the facts being written, and the state of both ends
 * at any record.
 */
#include "base/duration.h"
#include "connection/dossier_private.h"
#include "connection/hosts_private.h"
#include "facts/derive.h"
#include "packet/seq.h"

/* Of the dossiers around this one: those that may be of interest. Indices in order of stream. */
#define TW_NEAR 512 /* so many before it and after it are looked at */
struct tw_near {
	uint32_t pair[2 * TW_NEAR];   /* perhaps between the same two hosts */
	uint32_t server[2 * TW_NEAR]; /* perhaps with this one's server at either end */
	unsigned pairs, servers;
};

/* Both ends as they stood just before record @before, from the records alone. -1: no such record. */
struct tw_snapshot_end {
	bool next_set, acked_set;
	uint32_t next;  /* highest sequence number sent, plus one */
	uint32_t acked; /* highest ack field that this end sent */
	uint32_t raw_window, window_bytes;
	bool window_set;
	uint32_t right_edge;          /* highest ack + window */
	long last, last_payload, fin; /* indices of its last segment, last payload, first FIN */
	bool stale; /* nothing was heard of it since the last gap of the records: all of the above may be old */
	uint64_t payload_bytes; /* sent, repeats not counted */
	uint32_t max_payload;
};

struct tw_snapshot {
	struct tw_snapshot_end end[2];
	long last; /* last analysed record of either end */
	long gap;  /* last record that stands behind a gap, -1: none */
};

struct tw_view {
	const struct tw_dossier *d;
	const struct tw_hosts *hosts;
	const struct tw_dossier_set *others;
	const struct tw_capture_context *capture;
	struct tw_facts *f;
	size_t place;                  /* among the others: the first that is not before this one */
	const struct tw_host *host[2]; /* of both ends, NULL: not known */
	int64_t rtt[2];                /* tw_rtt_towards() either end */
	struct tw_snapshot last;       /* behind the last record */
	struct tw_near near;
};

void tw_snapshot_take(const struct tw_dossier *d, size_t before, struct tw_snapshot *s);
/* The same just before frame @frame, which may be another connection's. */
void tw_snapshot_at(const struct tw_dossier *d, uint64_t frame, struct tw_snapshot *s);

/* Is @ack what @side would acknowledge then? It may lag: what the other end sent last need not have arrived. */
static inline bool tw_would_ack(const struct tw_snapshot *s, int side, uint32_t ack)
{
	return s->end[side].next_set && s->end[!side].next_set &&
	       (ack == s->end[!side].next || (s->end[side].acked_set && ack == s->end[side].acked));
}

/* Records that count: not second copies, not dropped by every receiver. */
static inline bool tw_counts(const struct tw_pkt *p)
{
	return !(p->marks & TW_MARKS_NOT_ANALYSED);
}

static inline bool tw_is_syn(const struct tw_pkt *p)
{
	return (p->flags & (TW_SYN | TW_ACK)) == TW_SYN;
}

static inline bool tw_is_synack(const struct tw_pkt *p)
{
	return (p->flags & (TW_SYN | TW_ACK | TW_RST)) == (TW_SYN | TW_ACK);
}

/* Were records dropped between @from and @to, two places in order? */
bool tw_gap_between(const struct tw_dossier *d, size_t from, size_t to);

/* A pure ACK: no payload, no SYN, FIN, RST. */
static inline bool tw_pure_ack(const struct tw_pkt *p)
{
	return !p->payload_bytes && (p->flags & (TW_ACK | TW_SYN | TW_FIN | TW_RST)) == TW_ACK;
}

/*
 * The fact's value with the record that it comes from. A duration below 0 is none: the clock was set between
 * the two records, and what passed is not known; but for what queues of the capture mix up, which is nothing.
 */
static inline void tw_from(struct tw_view *v, enum tw_fact_id id, int64_t value,
			   const struct tw_pkt *p)
{
	if (value < 0 && tw_fact_info(id)->type == TW_FACT_NS) {
		if (tw_order_behind(value, 0))
			return;
		value = 0;
	}
	tw_fact_set(v->f, id, value, p ? p->frame : 0, p ? p->time_ns : 0);
}

/* Does it carry any sequence number of [lo, hi)? */
static inline bool tw_carries(const struct tw_pkt *p, uint32_t lo, uint32_t hi)
{
	return tw_pkt_seq_len(p) && tw_seq_lt(p->seq, hi) && tw_seq_gt(tw_pkt_end(p), lo);
}

/* Bytes by which @hi is above @lo on the ring, 0 if it is not. */
static inline uint32_t tw_above(uint32_t hi, uint32_t lo)
{
	return tw_seq_gt(hi, lo) ? hi - lo : 0;
}

/* Data of @side sent but not acknowledged by the other end in @s; the FIN's own number is not data. */
uint32_t tw_unacked_payload(const struct tw_dossier *d, const struct tw_snapshot *s, int side);

/* Does payload @p begin with these characters, as far as its first bytes were kept (16)? */
bool tw_begins(const struct tw_pkt *p, const char *word);
/* Does payload @p begin as a request that its protocol has answered? @greeted: the server has sent payload before. */
enum tw_request tw_request_of(const struct tw_pkt *p, bool greeted);
/* Is it how a client begins a protocol (tw_request_opens())? */
enum tw_request tw_opening_of(const struct tw_pkt *p);

/* Does this connection's beginning stand behind the rest of it, as another stream, or is it that beginning? */
bool tw_parts_swapped(const struct tw_view *v);

/* The schedule of @n times, recognised interval by interval. */
enum tw_ladder tw_ladder_of(const int64_t *times_ns, size_t n);

/* Smallest time that a segment of @side took from here to be acknowledged: the round trip to the other
 * end as seen here; -1 if unknown. In the view as rtt[]. */
int64_t tw_rtt_towards(const struct tw_dossier *d, int side);

/* Whose segment is @t, which drew the decisive reset (or NULL)? (leak.c) */
void tw_derive_leak(struct tw_view *v, const struct tw_pkt *t);
void tw_derive_moved(struct tw_view *v, const struct tw_pkt *rst);
/* Another TTL, but as many hops: some stacks (Linux up to 2.4) write resets of no socket with another initial value. */
bool tw_is_as_far(const struct tw_pkt *rst, const struct tw_pkt *own);
/* The same of two TTLs, to the hop. */
bool tw_same_hops(int ttl, int other);
/* The TTL of the reset @rst less that of its author's segments that passed the same point, else of @own (sights.c). */
int tw_rst_ttl_delta(const struct tw_dossier *d, size_t rst, const struct tw_pkt *own);

/* Were packets of one end only captured, though what it says shows that the other must have spoken? */
bool tw_is_one_sided(const struct tw_dossier *d);

/* Fill in what follows the facts in the view; what stands before is set. */
void tw_look_around(struct tw_view *v);
/* The dossiers at most @reach before and after this one in order of stream: [*lo, *hi). */
void tw_around(const struct tw_view *v, size_t reach, size_t *lo, size_t *hi);
/* The record of the first FIN or reset of either end; behind the last one if there is none. */
size_t tw_first_end(const struct tw_dossier *d);
/* The dossier of the same tuple before this one, or NULL. */
const struct tw_dossier *tw_predecessor(const struct tw_view *v);

#define TW_GOODBYE_BYTES 64 /* so little may be said to who waits for nothing more */
#define TW_WAITED_NS     (500 * TW_NS_PER_MS) /* the time-outs of applications begin about here */

/* Does the acknowledgement @a report data behind a hole? Its first block may be a D-SACK (RFC 2883 s4). */
static inline bool tw_reports_hole(const struct tw_pkt *a)
{
	return a->sack_count > !!(a->marks & TW_MARK_DSACK);
}

/* Had @e no room for one full segment of @from any more? */
bool tw_window_closed(const struct tw_dossier *d, const struct tw_snapshot_end *e,
		      const struct tw_snapshot_end *from);

/*
 * Bytes in front of the other end's FIN that never came here, and that the author of the reset @rst, who had asked, waited
 * for until it closed: they were the answer. 0: none.
 */
uint32_t tw_missed_answer(const struct tw_view *v, size_t rst, const struct tw_snapshot_end *me);

/*
 * Did the author of the reset @rst wait in vain for the rest of what the other end was sending, @unacked bytes? That
 * repeats what it has not got, or its own SACK tells of a hole, and both for longer than a loss takes to be repaired. Then
 * it is owed the rest, though the sender has closed behind it. (A window that it closed itself is another story.)
 */
bool tw_was_starved(const struct tw_view *v, size_t rst, const struct tw_snapshot *at,
		    uint32_t unacked);

/*
 * A check that somebody answers: the @client is gone by its reset @rst as soon as it is connected, with no word said or
 * heard. The greeting of a server that speaks first crosses that.
 */
bool tw_left_at_once(const struct tw_view *v, size_t rst, const struct tw_snapshot_end *client);

/* Does the other end repeat what it says long after the reset @i? Then it lives, and has not taken that. */
bool tw_repeats_behind(const struct tw_dossier *d, size_t i);

/* Does the other end go on behind the reset @i, and its author acknowledge that? Then both live. */
bool tw_is_answered_behind(const struct tw_dossier *d, size_t i);

/* Does an ACK of the other end long behind the reset @i say that it expected less: that it had not come so far? */
bool tw_stands_below(const struct tw_dossier *d, size_t i);

/* The client's first SYN, NULL if it was not captured. */
const struct tw_pkt *tw_first_syn(const struct tw_dossier *d);

/* Up to when this connection is known to have been watched: the end of the capture, or (where the clock
 * was set back, so that its last time stamp proves nothing) the connection's own last record. */
int64_t tw_watched_until_ns(const struct tw_view *v);

/* Was record @i, data or a FIN, older by its timestamp than what its receiver had echoed, and not taken (refused.c)? */
bool tw_was_refused(const struct tw_dossier *d, size_t i);
/*
 * An ACK that stands still and reports no hole, at least @after_ns behind the record @from and before @until: the
 * receiver answers something that it did not take. Means nothing without SACK. NULL: none.
 */
const struct tw_pkt *tw_unexplained_ack(const struct tw_dossier *d, size_t from,
					const struct tw_pkt *until, int64_t after_ns);

/*
 * Is the ICMP error @i one that can end something or tell of a loss (no path MTU), and does it quote what its end may
 * have sent by then? Kernels drop others (OutOfWindowIcmps; RFC 5927 s4.1).
 */
bool tw_icmp_concerns(const struct tw_view *v, const struct tw_icmp *i);

void tw_derive_connect(struct tw_view *v);
/* What answered the SYN; part of tw_derive_connect() (answer.c). */
void tw_derive_syn_answer(struct tw_view *v);
void tw_derive_messages(struct tw_view *v);
void tw_derive_predecessor(struct tw_view *v);
void tw_derive_mptcp(struct tw_view *v);
void tw_derive_icmp(struct tw_view *v);
void tw_derive_reset(struct tw_view *v);
/* What came before the reset @rst, which @t drew (-1: nothing did); part of tw_derive_reset() (before_reset.c). */
void tw_derive_before_reset(struct tw_view *v, size_t rst, long t);
/* What was owed at the reset @rst, @s being the state just before it; part of tw_derive_reset(). */
void tw_derive_owed(struct tw_view *v, size_t rst, const struct tw_snapshot *s);
/* When the first repeat @repeat of the SYN|ACK @synack was made; part of tw_derive_connect(). */
void tw_derive_made(struct tw_view *v, const struct tw_pkt *synack, const struct tw_pkt *repeat);
void tw_derive_silence(struct tw_view *v);
void tw_derive_stall(struct tw_view *v);
void tw_derive_sealed(struct tw_view *v);
void tw_derive_greeting(struct tw_view *v);
void tw_derive_missing(struct tw_view *v);
/* Before tw_derive_loss(). */
void tw_derive_refused(struct tw_view *v);
void tw_derive_elsewhere(struct tw_view *v);
void tw_derive_loss(struct tw_view *v);
void tw_derive_teardown(struct tw_view *v);
void tw_derive_oddities(struct tw_view *v);
void tw_derive_numbers(struct tw_view *v);
void tw_derive_neighbours(struct tw_view *v);
void tw_derive_race(struct tw_view *v);
void tw_derive_heartbeat(struct tw_view *v);
void tw_derive_http2(struct tw_view *v);
void tw_derive_idle(struct tw_view *v);

/*
 * Were ACKs lost right before @a? Its IP id does not follow that of its end's packet before. The
 * answer to a needless repeat, with its D-SACK, may have been among them; and the echo of @a tells
 * nothing then, because a receiver takes a repeat's TSval even if it had the data. False without ids
 * to compare.
 */
bool tw_acks_missing(const struct tw_dossier *d, const struct tw_pkt *a);
/*
 * Are the ACKs of @side missing from the capture, by a filter on payload as a rule? There is none without payload, and
 * more than once data was covered only after seconds, by what @side said next, though nobody repeated it: its sender
 * had got an ACK. When the data arrived is not known then.
 */
bool tw_acks_left_out(const struct tw_dossier *d, int side);
/*
 * Does the receiver of record @o say, before it takes it at last with @until, that its window ends before that? Linux drops
 * what it has no memory for, inside the window too, and answers with window 0 (TCPRcvQDrop); tcp_shrink_window.
 */
const struct tw_pkt *tw_unwanted(const struct tw_dossier *d, size_t o, const struct tw_pkt *until);
/*
 * Did the receiver of record @o open its window while it waited for that, before @ack? Its program reads again: lwIP drops
 * without a word what arrives while the mailbox of its socket is full, inside the window that it offers.
 */
bool tw_was_reopened(const struct tw_dossier *d, size_t o, const struct tw_pkt *ack);

#endif
