/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dossier of one connection: records of its segments, each with the tracker's marks, and the
 * state of both ends.
 *
 * The marks follow the rules of Wireshark's TCP analysis (retransmission, fast and spurious
 * retransmission, out-of-order, duplicate ACK, zero window, keep-alive ...), so that numbers can be
 * compared with what an engineer sees there; what those rules cannot tell (was a repeat needed? was
 * the original lost or late?) is derived later, from the records, by src/facts.
 *
 * Segments that no receiver takes notice of (bad checksum, no ACK flag) and second copies of a packet
 * that was captured on two interfaces are recorded, but do not move any state.
 *
 * Memory is bounded: see room.c.
 */
#include "base/duration.h"
#include "connection/copies.h"
#include "connection/dossier_private.h"
#include "connection/roles.h"
#include "packet/seq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_FIRST 8 /* room that a dossier begins with */
#define COOKED_POINTS                                                                              \
	61u /* odd, and beyond the interfaces of most files: numbers of both kinds stay apart */
#define FAST_RETRANS_NS    (20 * 1000 * 1000)
#define OUT_OF_ORDER_NS    (3 * 1000 * 1000) /* when no RTT is known */
#define CLOCK_STEP_NS      (100 * TW_NS_PER_MS) /* so far back: the clock was set, not the order mixed */
#define GOOD_CHECKSUMS_MIN 2
#define LOOK_BACK_RECORDS  512                /* bound of every search backwards */
#define SPAN_MAX_NS        (INT64_C(1) << 57) /* four and a half years */

struct tw_dossier *tw_dossier_new(const struct tw_tuple *tuple, uint64_t stream)
{
	struct tw_dossier *d = malloc(sizeof(*d));

	if (!d)
		return NULL;
	d->pkt = NULL;
	d->pkt_cap = 0;
	d->icmp = NULL;
	d->http2 = NULL;
	tw_dossier_renew(d, tuple, stream);
	return d;
}

void tw_dossier_renew(struct tw_dossier *d, const struct tw_tuple *tuple, uint64_t stream)
{
	struct tw_pkt *pkt = d->pkt_cap == RECORDS_FIRST ? d->pkt : NULL;

	if (!pkt)
		free(d->pkt);
	free(d->icmp);
	tw_http2_free(d->http2);
	memset(d, 0, sizeof(*d));
	d->pkt = pkt;
	d->pkt_cap = pkt ? RECORDS_FIRST : 0;
	d->tuple = *tuple;
	d->stream = stream;
	d->room = TW_RECORDS_MAX;
	d->handshake_rtt_ns = -1;
	d->end[0].wscale = d->end[1].wscale = -1;
}

void tw_dossier_free(struct tw_dossier *d)
{
	if (!d)
		return;
	free(d->pkt);
	free(d->icmp);
	tw_http2_free(d->http2);
	free(d);
}

/*
 * Who is the client? The sender of the first SYN; the receiver of a SYN|ACK that comes first. In
 * mid-connection see roles.c.
 */
static void assign_ends(struct tw_dossier *d, const struct tw_segment *s, int sender)
{
	int client;

	if (s->flags & TW_SYN) {
		client = s->flags & TW_ACK ? !sender : sender;
	} else {
		d->client_guessed = true;
		if (d->server)
			client = d->server == TW_SERVER_FIRST;
		else if (d->tuple.port[0] == d->tuple.port[1])
			client = sender;
		else
			client = !tw_roles_by_port(d->tuple.port[0], d->tuple.port[1]);
	}
	d->end[0].addr = d->tuple.addr[client];
	d->end[0].port = d->tuple.port[client];
	d->end[1].addr = d->tuple.addr[!client];
	d->end[1].port = d->tuple.port[!client];
	d->started = true;
}

static void fill_record(struct tw_pkt *p, const struct tw_frame *f, const struct tw_segment *s)
{
	memset(p, 0, sizeof(*p));
	p->time_ns = f->time_ns;
	p->frame = f->number;
	p->iface = (uint16_t)(f->iface + COOKED_POINTS * s->cooked_point);
	p->seq = s->seq;
	p->ack = s->ack;
	p->payload_bytes = s->payload_bytes;
	p->flags = s->flags;
	p->raw_window = s->window;
	p->ttl = s->ttl;
	p->ip_id = s->ip_id;
	p->df = s->ip_df;
	p->flow_label = s->flow_label;
	p->mac_src = s->mac_src;
	p->options = s->options;
	p->tsval = s->tsval;
	p->tsecr = s->tsecr;
	p->sack_count = s->sack_count;
	memcpy(p->sack, s->sack, sizeof(p->sack));
	p->checksum = (uint8_t)s->checksum;
	p->payload_cut = s->payload_cut;
	p->payload_hash = s->payload_hash;
	p->payload_captured = s->payload_captured;
	p->payload_head_bytes = s->payload_head_bytes;
	memcpy(p->payload_head, s->payload_head, sizeof(p->payload_head));
	p->rst_reason = s->rst_reason;
	p->mptcp_subtype = s->mptcp_subtype;
	p->mptcp_reset_reason = s->mptcp_reset_reason;
	p->mptcp_has = s->mptcp_has;
	p->mptcp_ack = s->mptcp_ack;
	p->mptcp_fin = s->mptcp_fin;
}

/*
 * A wrong checksum proves that the receiver dropped the segment only where the same end's checksums are
 * right as a rule. Where they never were, they are filled in later (offload without the pseudo header's sum), or
 * a tool that rewrote the capture left them behind.
 */
static bool checksum_proves(struct tw_end *e, const struct tw_pkt *p)
{
	if (p->checksum == TW_CSUM_GOOD)
		e->good_checksums++;
	if (p->checksum != TW_CSUM_BAD)
		return false;
	e->bad_checksums++;
	return e->good_checksums >= GOOD_CHECKSUMS_MIN &&
	       e->bad_checksums * 4 <= e->good_checksums + 4;
}

static uint32_t mark_invalid(struct tw_dossier *d, const struct tw_pkt *p)
{
	if (checksum_proves(&d->end[p->side], p))
		return TW_MARK_BAD_CHECKSUM;
	if (!(p->flags & (TW_SYN | TW_RST | TW_ACK)))
		return TW_MARK_NO_ACK_FLAG;
	return 0;
}

/* Never seen before, and acknowledged by a packet just before it: the capture has swapped the two. */
static bool swapped(const struct tw_end *to, const struct tw_pkt *p)
{
	const int64_t after_ns = p->time_ns - to->last_ack_ns;

	return after_ns > -CLOCK_STEP_NS && after_ns < TW_SWAPPED_NS;
}

/* Retransmission, fast, spurious, or out of order (packet-tcp.c's precedence: fast first). */
static uint32_t mark_repeat(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *me = &d->end[p->side], *to = &d->end[!p->side];
	bool not_advanced = me->next_set && tw_seq_lt(p->seq, me->next_seq);
	int64_t limit = d->handshake_rtt_ns > 0 ? d->handshake_rtt_ns : OUT_OF_ORDER_NS, late_ns;

	if (p->payload_bytes > 1 && me->next_set && me->next_seq - 1 == p->seq)
		not_advanced = false;
	if (p->payload_bytes && to->last_ack_set &&
	    tw_seq_le(p->seq + p->payload_bytes, to->last_ack) && me->next_set &&
	    (not_advanced || !swapped(to, p)))
		return TW_MARK_RETRANSMISSION | TW_MARK_SPURIOUS;
	if (!not_advanced)
		return 0;
	if (to->dup_ack_run >= 2 && to->last_ack == p->seq &&
	    p->time_ns - to->last_ack_ns < FAST_RETRANS_NS)
		return TW_MARK_RETRANSMISSION | TW_MARK_FAST;
	late_ns = p->time_ns - me->next_seq_ns;
	if (late_ns < limit && late_ns > -CLOCK_STEP_NS && tw_pkt_end(p) != me->next_seq)
		return TW_MARK_OUT_OF_ORDER;
	return TW_MARK_RETRANSMISSION;
}

/*
 * Of @me only keepalive probes were captured: they stand one below SND.NXT, as the answers of @to tell. tshark, which does not look
 * at these, counts duplicate ACKs; they are marked as that, too.
 */
static bool only_probes(const struct tw_end *me, const struct tw_end *to)
{
	return !me->isn_seen && !me->bytes && !me->fin_seen && me->next_set && to->last_ack_set &&
	       to->highest_ack == me->next_seq + 1;
}

/* The marks that concern windows, probes and acknowledgements. */
static uint32_t mark_flow(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *me = &d->end[p->side], *to = &d->end[!p->side];
	const bool plain = !(p->flags & (TW_SYN | TW_FIN | TW_RST));
	const bool at_next = me->next_set && p->seq == me->next_seq;
	const bool same_ack = me->last_ack_set && p->ack == me->last_ack;
	uint32_t m = 0;

	if (plain && !p->raw_window)
		m |= TW_MARK_ZERO_WINDOW;
	if (me->next_set && tw_seq_gt(p->seq, me->next_seq) && !(p->flags & TW_RST))
		m |= TW_MARK_LOST_SEGMENT;
	if (!plain || !me->next_set)
		return m;
	if (p->payload_bytes == 1 && at_next && to->last_ack_set && !to->last_raw_window)
		return m | TW_MARK_ZERO_PROBE;
	if (p->payload_bytes <= 1 && p->seq == me->next_seq - 1)
		/* not acknowledged yet; where no ACK was seen at all, no stack probes with PSH */
		m |= p->payload_bytes && (to->last_ack_set ? tw_seq_le(to->highest_ack, p->seq)
							   : p->flags & TW_PSH)
			     ? TW_MARK_ONE_BYTE_REPEAT | TW_MARK_TIMED_OUT
			     : TW_MARK_KEEPALIVE;
	if (p->payload_bytes) {
		if (to->right_edge_set &&
		    p->seq + p->payload_bytes == to->last_ack + to->last_window_bytes)
			m |= TW_MARK_WINDOW_FULL;
		return m;
	}
	if (at_next && only_probes(me, to))
		m |= TW_MARK_KEEPALIVE;
	if (!at_next || !same_ack)
		return m;
	if (p->raw_window && p->raw_window != me->last_raw_window)
		return m | TW_MARK_WINDOW_UPDATE;
	if (p->raw_window != me->last_raw_window)
		return m;
	if (p->raw_window && to->last_marks & TW_MARK_KEEPALIVE)
		return m | TW_MARK_KEEPALIVE_ACK | (only_probes(to, me) ? TW_MARK_DUP_ACK : 0);
	if (!p->raw_window)
		return to->last_marks & TW_MARK_ZERO_PROBE ? m | TW_MARK_ZERO_PROBE_ACK : m;
	return m | TW_MARK_DUP_ACK;
}

/* A first SACK block below the acknowledgement, or inside the second block (RFC 2883 s4). */
static bool is_dsack(const struct tw_pkt *p)
{
	if (!p->sack_count)
		return false;
	if (tw_seq_le(p->sack[0].right, p->ack))
		return true;
	return p->sack_count > 1 && tw_seq_ge(p->sack[0].left, p->sack[1].left) &&
	       tw_seq_le(p->sack[0].right, p->sack[1].right);
}

/*
 * Other bytes than before for the same sequence numbers. Compared where both begin alike (whole
 * payload hash if the lengths agree, else the first bytes).
 */
static bool conflicts(const struct tw_dossier *d, const struct tw_pkt *p)
{
	size_t i, n = d->pkt_count;

	if (!p->payload_bytes || !p->payload_captured)
		return false;
	for (i = n; i > 0 && n - i < LOOK_BACK_RECORDS; i--) {
		const struct tw_pkt *q = &d->pkt[i - 1];
		uint8_t common;

		if (q->side != p->side || q->seq != p->seq || !q->payload_captured ||
		    q->marks & TW_MARKS_NOT_ANALYSED)
			continue;
		if (q->payload_captured == p->payload_captured)
			return q->payload_hash != p->payload_hash;
		common = q->payload_head_bytes < p->payload_head_bytes ? q->payload_head_bytes
								       : p->payload_head_bytes;
		return memcmp(q->payload_head, p->payload_head, common) != 0;
	}
	return false;
}

static uint32_t analyse(struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *to = &d->end[!p->side];
	uint32_t m = mark_flow(d, p);

	if ((p->payload_bytes || p->flags & (TW_SYN | TW_FIN)) && !(p->flags & TW_RST) &&
	    !(m & (TW_MARK_KEEPALIVE | TW_MARK_ONE_BYTE_REPEAT))) {
		m |= mark_repeat(d, p);
		if (m & TW_MARK_RETRANSMISSION && !(m & (TW_MARK_FAST | TW_MARK_SPURIOUS)) &&
		    p->time_ns - to->last_ack_ns > FAST_RETRANS_NS)
			m |= TW_MARK_TIMED_OUT;
		if (conflicts(d, p))
			m |= TW_MARK_CONFLICT;
	}
	if (p->flags & TW_ACK && to->contiguous_set && tw_seq_gt(p->ack, to->contiguous_seq) &&
	    !(p->flags & TW_RST))
		m |= TW_MARK_ACKED_UNSEEN;
	if (is_dsack(p))
		m |= TW_MARK_DSACK;
	return m;
}

static void learn_syn(struct tw_end *e, const struct tw_pkt *p, const struct tw_segment *s)
{
	/* cut by the snaplen, an absence says nothing; the scale comes last (tcp_options_write) */
	e->saw_syn_options = !(p->options & TW_OPT_CUT) || p->options & TW_OPT_WSCALE;
	e->syn_options = p->options;
	e->mss = p->options & TW_OPT_MSS ? s->mss : 0;
	e->wscale = -1;
	if (p->options & TW_OPT_WSCALE)
		e->wscale = (int8_t)(s->wscale > 14 ? 14 : s->wscale);
}

/* The window in bytes: scaled if both SYNs offered a scale (RFC 7323 s2.2), never on a SYN itself. */
static uint32_t window_bytes(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *me = &d->end[p->side], *to = &d->end[!p->side];

	if (p->flags & TW_SYN || me->wscale < 0 || (to->saw_syn_options && to->wscale < 0))
		return p->raw_window;
	return (uint32_t)p->raw_window << me->wscale;
}

static void move_state(struct tw_end *e, enum tw_tcp_event ev)
{
	bool odd;

	e->state = tw_state_next(e->state, ev, &odd);
}

/* Both ends' states after @p. Events of the receiver assume that what is seen here arrives. */
static void follow_states(struct tw_dossier *d, const struct tw_pkt *p)
{
	struct tw_end *me = &d->end[p->side], *to = &d->end[!p->side];

	if (p->flags & TW_RST) {
		move_state(me, TW_EV_SEND_RST);
		if (!to->highest_ack || p->seq == to->highest_ack || p->flags & TW_ACK)
			move_state(to, TW_EV_RECEIVE_RST);
		return;
	}
	if (p->flags & TW_SYN)
		move_state(me, p->flags & TW_ACK ? TW_EV_SEND_SYNACK : TW_EV_SEND_SYN);
	if (p->flags & TW_ACK && to->next_set) {
		if (to->state == TW_ST_SYN_SENT || to->state == TW_ST_SYN_RECEIVED)
			move_state(to, TW_EV_SYN_ACKED);
		if (to->fin_seen && tw_seq_gt(p->ack, to->fin_seq))
			move_state(to, TW_EV_FIN_ACKED);
	}
	if (p->payload_bytes || (p->flags & (TW_SYN | TW_ACK)) == TW_ACK)
		if (me->state == TW_ST_UNKNOWN || me->state == TW_ST_SYN_RECEIVED)
			move_state(me, TW_EV_DATA);
	if (p->flags & TW_FIN && !(p->marks & TW_MARK_RETRANSMISSION)) {
		move_state(me, TW_EV_SEND_FIN);
		move_state(to, TW_EV_RECEIVE_FIN);
	}
}

/*
 * Is @p a SYN|ACK with another initial number than the one before? Two servers behind one address, or a proxy that answers
 * each SYN anew. The client takes one of them; the numbers of the other mean nothing from then on.
 */
static bool is_other_answer(const struct tw_dossier *d, const struct tw_pkt *p)
{
	return p->flags & TW_SYN && p->flags & TW_ACK && d->end[p->side].isn_seen &&
	       p->seq != d->end[p->side].base_seq;
}

/* The first ACK of the client says which of two answers it took. */
static void choose_answer(struct tw_dossier *d, const struct tw_pkt *p)
{
	struct tw_end *to = &d->end[!p->side];

	if (!d->other_isn_set || p->flags & TW_SYN || d->end[p->side].last_ack_set)
		return;
	d->other_isn_set = false;
	if (p->ack != d->other_isn + 1)
		return;
	to->base_seq = d->other_isn;
	to->next_seq = to->contiguous_seq = p->ack;
}

static void update_sequence(struct tw_dossier *d, const struct tw_pkt *p)
{
	struct tw_end *me = &d->end[p->side];
	uint32_t end = tw_pkt_end(p);

	if (p->flags & TW_RST)
		return;
	if (is_other_answer(d, p)) {
		d->other_isn_set = !d->end[!p->side].last_ack_set;
		d->other_isn = p->seq;
		return;
	}
	if (!me->base_set) {
		me->base_set = true;
		me->isn_seen = (p->flags & TW_SYN) != 0;
		me->base_seq = p->flags & TW_SYN ? p->seq : p->seq - 1;
	}
	if (!me->contiguous_set || p->seq == me->contiguous_seq ||
	    (tw_seq_le(p->seq, me->contiguous_seq) && tw_seq_gt(end, me->contiguous_seq))) {
		me->contiguous_set = true;
		me->contiguous_seq = end;
	}
	if (p->payload_bytes) {
		uint32_t fresh = p->payload_bytes;

		if (me->next_set && tw_seq_le(end, me->next_seq))
			fresh = 0;
		else if (me->next_set && tw_seq_lt(p->seq, me->next_seq))
			fresh = end - me->next_seq;
		if (p->marks & TW_MARK_OUT_OF_ORDER)
			fresh = p->payload_bytes; /* it fills a hole of data not seen before */
		me->bytes += fresh;
		me->data_packets++;
	}
	if (!me->next_set || tw_seq_gt(end, me->next_seq)) {
		if (!(p->marks & TW_MARK_ZERO_PROBE)) {
			me->next_seq = end;
			me->next_seq_ns = p->time_ns;
			me->next_set = true;
		}
	}
	if (p->flags & TW_FIN && !me->fin_seen) {
		me->fin_seen = true;
		me->fin_seq = p->seq + p->payload_bytes;
	}
}

static void update_acks(struct tw_dossier *d, const struct tw_pkt *p)
{
	struct tw_end *me = &d->end[p->side], *to = &d->end[!p->side];

	me->last_marks = p->marks;
	if (!(p->flags & TW_ACK) || p->flags & TW_RST)
		return;
	choose_answer(d, p);
	if (p->marks & TW_MARK_DUP_ACK)
		me->dup_ack_run++;
	else if (!me->last_ack_set || p->ack != me->last_ack)
		me->dup_ack_run = 0;
	if (!me->last_ack_set || tw_seq_gt(p->ack, me->highest_ack))
		me->highest_ack = p->ack;
	me->last_ack = p->ack;
	me->last_ack_set = true;
	me->last_ack_ns = p->time_ns;
	me->last_raw_window = p->raw_window;
	me->last_window_bytes = p->window_bytes;
	if (!me->right_edge_set || tw_seq_gt(p->ack + p->window_bytes, me->right_edge)) {
		me->right_edge = p->ack + p->window_bytes;
		me->right_edge_set = true;
	}
	/* the byte of a probe was taken: the next one goes on from there */
	if (to->last_marks & TW_MARK_ZERO_PROBE && to->next_set && p->ack == to->next_seq + 1)
		to->next_seq = p->ack;
	if (p->marks & TW_MARK_ACKED_UNSEEN)
		to->contiguous_seq = p->ack;
	if (!to->base_set) {
		to->base_set = true;
		to->base_seq = p->ack - 1;
	}
}

static void count_marks(struct tw_end *e, const struct tw_pkt *p)
{
	e->packets++;
	e->retransmissions += (p->marks & TW_MARK_RETRANSMISSION) != 0;
	e->dup_acks += (p->marks & TW_MARK_DUP_ACK) != 0;
	e->zero_windows += (p->marks & TW_MARK_ZERO_WINDOW) != 0;
	e->out_of_order += (p->marks & TW_MARK_OUT_OF_ORDER) != 0;
	e->keepalives += (p->marks & TW_MARK_KEEPALIVE) != 0;
	e->rsts += (p->flags & TW_RST) != 0;
}

/* tcp.completeness: SYN 1, SYN|ACK 2, ACK 4, DATA 8, FIN 16, RST 32. */
static void update_completeness(struct tw_dossier *d, const struct tw_pkt *p)
{
	if (p->flags & TW_SYN)
		d->completeness |= p->flags & TW_ACK ? 2 : 1;
	else if (p->flags & TW_ACK && p->side == 0)
		d->completeness |= 4;
	if (p->payload_bytes)
		d->completeness |= 8;
	if (p->flags & TW_FIN)
		d->completeness |= 16;
	if (p->flags & TW_RST)
		d->completeness |= 32;
}

/* Wireshark's "initial RTT": the last SYN to the ACK that completes the handshake. */
static void learn_handshake_rtt(struct tw_dossier *d, const struct tw_pkt *p)
{
	if ((p->flags & (TW_SYN | TW_ACK)) == TW_SYN)
		d->last_syn_ns = p->time_ns;
	if (d->handshake_rtt_ns < 0 && p->side == 0 && (d->completeness & 3) == 3 &&
	    (p->flags & (TW_SYN | TW_ACK | TW_RST)) == TW_ACK && d->end[1].next_set &&
	    p->ack == d->end[1].base_seq + 1)
		d->handshake_rtt_ns = p->time_ns - d->last_syn_ns;
}

static int room_for_one(struct tw_dossier *d)
{
	size_t cap;
	struct tw_pkt *more;

	if (d->pkt_count < d->pkt_cap)
		return 0;
	if (d->pkt_count >= d->room) {
		tw_dossier_make_room(d);
		return 0;
	}
	cap = d->pkt_cap ? d->pkt_cap * 2 : RECORDS_FIRST;
	more = realloc(d->pkt, cap * sizeof(*more));
	if (!more)
		return -ENOMEM;
	d->pkt = more;
	d->pkt_cap = cap;
	return 0;
}

/*
 * A clock that jumps by more than SPAN_MAX_NS within one connection is damage. Held within that span, any
 * difference of two times can be multiplied by the small factors of ladders and round trips.
 */
static int64_t bounded_time(const struct tw_dossier *d, int64_t time_ns)
{
	const int64_t origin_ns = d->pkt_count ? d->pkt[0].time_ns : time_ns;

	if (time_ns > origin_ns + SPAN_MAX_NS)
		return origin_ns + SPAN_MAX_NS;
	if (time_ns < origin_ns - SPAN_MAX_NS)
		return origin_ns - SPAN_MAX_NS;
	return time_ns;
}

static void note_span(struct tw_dossier *d, const struct tw_frame *f)
{
	int64_t time_ns;

	if (!d->packets) {
		d->first_ns = d->last_ns = f->time_ns;
		d->first_frame = f->number;
	}
	time_ns = bounded_time(d, f->time_ns);
	if (time_ns > d->last_ns)
		d->last_ns = time_ns;
	if (time_ns < d->first_ns)
		d->first_ns = time_ns;
	d->last_frame = f->number;
}

static void note_offload(struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *to = &d->end[!p->side];

	if (p->payload_bytes > 9000 || (to->mss && p->payload_bytes > to->mss))
		d->super_segments = true;
	if (p->checksum == TW_CSUM_PARTIAL)
		d->partial_checksums = true;
}

/* Only from the start on: in the midst of a record nothing tells where the next one is. */
static void follow_records(struct tw_dossier *d, const struct tw_pkt *p, const struct tw_segment *s)
{
	struct tw_end *e = &d->end[p->side];

	if (e->isn_seen)
		tw_records_note(&e->records, e->base_seq + 1, p, s);
}

/* The same. Either end may be the first to begin. */
static void follow_http2(struct tw_dossier *d, const struct tw_pkt *p, const struct tw_segment *s)
{
	const struct tw_end *e = &d->end[p->side];

	if (!e->isn_seen)
		return;
	if (!d->http2 && s->payload_bytes && tw_http2_begins(s, e->base_seq + 1, p->side == 0))
		d->http2 = calloc(1, sizeof(*d->http2));
	if (d->http2)
		tw_http2_note(d->http2, p->side, e->base_seq + 1, p, s);
}

int tw_dossier_add(struct tw_dossier *d, const struct tw_frame *f, const struct tw_segment *s)
{
	struct tw_tuple t;
	struct tw_pkt *p;
	int sender = tw_tuple_of(s, &t);
	int64_t latest_ns;

	if (room_for_one(d))
		return -ENOMEM;
	if (!d->started)
		assign_ends(d, s, sender);
	d->offers_http |= s->offers_http;
	tw_roles_learn(d, s);
	latest_ns = d->packets ? d->last_ns : f->time_ns;
	note_span(d, f);
	p = &d->pkt[d->pkt_count];
	fill_record(p, f, s);
	p->time_ns = bounded_time(d, f->time_ns);
	p->behind = tw_order_behind(p->time_ns, latest_ns);
	p->side = (uint8_t)tw_dossier_side_of(d, s);
	tw_dossier_place(d, p);
	p->marks = mark_invalid(d, p) | tw_copies_mark(d, p, latest_ns);
	p->window_bytes = window_bytes(d, p);
	d->packets++;
	if (p->marks & TW_MARK_SECOND_COPY)
		d->second_copies = true;
	if (!(p->marks & TW_MARKS_NOT_ANALYSED)) {
		tw_order_note(&d->order, p, latest_ns);
		note_offload(d, p);
		p->marks |= analyse(d, p);
		if (p->flags & TW_SYN && !d->end[p->side].saw_syn_options)
			learn_syn(&d->end[p->side], p, s);
		follow_states(d, p);
		update_completeness(d, p);
		update_sequence(d, p);
		tw_message_note(&d->end[p->side].message, p, s);
		follow_records(d, p, s);
		follow_http2(d, p, s);
		update_acks(d, p);
		learn_handshake_rtt(d, p);
	}
	count_marks(&d->end[p->side], p);
	d->pkt_count++;
	return 0;
}

/* Of the quoted segment the snaplen left only the ports: it was probably the last one of that side. */
static uint32_t last_raw_seq(const struct tw_dossier *d, int side)
{
	size_t i;

	for (i = d->pkt_count; i > 0; i--)
		if (d->pkt[i - 1].side == side)
			return d->pkt[i - 1].raw_seq;
	return 0;
}

int tw_dossier_add_icmp(struct tw_dossier *d, const struct tw_frame *f, const struct tw_segment *s)
{
	struct tw_icmp *i;

	d->icmp_total++;
	if (!d->started || d->icmp_count == TW_ICMP_MAX)
		return 0;
	if (!d->icmp) {
		d->icmp = calloc(TW_ICMP_MAX, sizeof(*d->icmp));
		if (!d->icmp)
			return -ENOMEM;
	}
	i = &d->icmp[d->icmp_count++];
	i->time_ns = bounded_time(d, f->time_ns);
	if (i->time_ns < d->first_ns)
		d->first_ns = i->time_ns;
	i->frame = f->number;
	i->from = s->icmp_src;
	i->side = (uint8_t)tw_dossier_side_of(d, s);
	i->raw_seq = s->quote_seq_known ? s->seq : last_raw_seq(d, i->side);
	i->quoted_seq = tw_dossier_placed(&d->end[i->side], i->raw_seq);
	i->quoted_flags = s->flags;
	i->quoted_id = s->ip_id;
	i->quoted_tsval = s->options & TW_OPT_TIMESTAMPS ? s->tsval : 0;
	i->mtu = s->icmp_mtu;
	i->version = s->icmp_version;
	i->type = s->icmp_type;
	i->code = s->icmp_code;
	return 0;
}
