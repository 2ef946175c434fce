/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From records to facts. The wire's facts stay unknown here, as the kernel's are in a capture; matchers
 * ask for either.
 */
#include "kernel/gather_private.h"

#include "base/duration.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* A TLS close_notify with its record, and the like: no data that anybody misses. */
#define GOODBYE_BYTES 64

struct view {
	const struct tw_gather_config *config;
	const struct tw_live_conn *c;
	struct tw_facts *f;
	int client; /* index into end[] */
};

static enum tw_side side_of(const struct view *v, int i)
{
	return i == v->client ? TW_CLIENT : TW_SERVER;
}

static void set(const struct view *v, enum tw_fact_id id, int64_t value, int i, enum tw_slot slot)
{
	const struct tw_record *r = v->c->end[i].slot[slot];

	tw_fact_set(v->f, id, value, v->c->end[i].event[slot],
		    (int64_t)r->time_ns + v->config->realtime_offset_ns);
}

/* ---- what the kernel's reasons mean ---- */

static const struct {
	const char *name;
	enum tw_kernel_reset reason;
} reasons[] = {
	{ "NO_SOCKET", TW_KRST_NO_SOCKET },
	{ "TCP_FLAGS", TW_KRST_LISTENER },
	{ "TCP_TIMEWAIT_SOCKET", TW_KRST_TIME_WAIT },
	{ "TCP_ABORT_ON_DATA", TW_KRST_DATA_AFTER },
	{ "TCP_ABORT_ON_CLOSE", TW_KRST_UNREAD },
	{ "TCP_STATE", TW_KRST_STATE },
	{ "TCP_ABORT_ON_LINGER", TW_KRST_LINGER2 },
	{ "TCP_ABORT_ON_MEMORY", TW_KRST_MEMORY },
	{ "TCP_KEEPALIVE_TIMEOUT", TW_KRST_KEEPALIVE },
	{ "INVALID_SYN", TW_KRST_ACCEPT_QUEUE },
	{ "TCP_INVALID_ACK_SEQUENCE", TW_KRST_BAD_ACK },
	{ "TCP_ACK_UNSENT_DATA", TW_KRST_BAD_ACK },
	{ "TCP_TOO_OLD_ACK", TW_KRST_BAD_ACK },
	{ "TCP_OLD_ACK", TW_KRST_BAD_ACK },
	{ "TCP_DISCONNECT_WITH_DATA", TW_KRST_DISCONNECT },
};

/*
 * Before Linux 6.10 the kernel gives no reason; from 6.10 to 6.11 it has none for the resets that it sends
 * by itself. Then the socket tells most of it.
 */
static enum tw_kernel_reset reason_of(const struct view *v, const struct tw_record *r)
{
	const char *name = r->reason < TW_RESET_REASONS ? v->config->names->reset[r->reason] : NULL;
	unsigned i;

	if (!name || strcmp(name, "NOT_SPECIFIED") == 0)
		return TW_KRST_UNSAID;
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i].name, name) == 0)
			return reasons[i].reason;
	return TW_KRST_OTHER;
}

/* ---- what was owed ---- */

/* Of rcv_nxt the peer's FIN is no data. */
static uint32_t unread_bytes(const struct tw_record *r)
{
	return r->flags & TW_RECF_PEER_FIN && r->unread ? r->unread - 1 : r->unread;
}

/* What a client got last is its answer, and it has read it: nobody waits for more. */
static bool was_peers_last_word(const struct tw_record *r)
{
	if (!r->bytes_received || r->flags & TW_RECF_CLIENT)
		return false;
	return !r->bytes_sent || (int32_t)(r->lrcvtime - r->lsndtime) > 0;
}

static bool is_owed(const struct tw_record *r)
{
	return unread_bytes(r) || r->unsent || r->unacked > 1 || was_peers_last_word(r);
}

/*
 * What the victim waited for. A server that had sent the last word, all of it acknowledged, misses nothing; a client
 * misses its answer, or, where the server speaks first, everything.
 */
static bool is_victim_owed(const struct view *v, const struct tw_record *r, int i)
{
	if (unread_bytes(r) || r->unsent || r->unacked > 1)
		return true;
	if (i != v->client)
		return was_peers_last_word(r);
	return !r->bytes_received || (int32_t)(r->lsndtime - r->lrcvtime) > 0;
}

/*
 * What comes after an error did not cause it: the process that gives up exits, its peer's is killed. The
 * margin is for a RST that arrives before its sender's tracepoint has fired.
 */
static bool is_aftermath(const struct view *v, const struct tw_record *r)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_record *e = v->c->end[i].slot[TW_SLOT_ERROR];

		if (e && e != r && r->time_ns > e->time_ns + TW_NS_PER_MS)
			return true;
	}
	return false;
}

/* ---- a reset that was sent here ---- */

/* Of two ends that both sent one, the cause: the one that a process or a timer sent unprompted, else the
 * earlier. */
static int reset_author(const struct view *v)
{
	const struct tw_record *a = v->c->end[0].slot[TW_SLOT_SENT_RESET];
	const struct tw_record *b = v->c->end[1].slot[TW_SLOT_SENT_RESET];

	if (a && is_aftermath(v, a))
		a = NULL;
	if (b && is_aftermath(v, b))
		b = NULL;
	if (!a || !b)
		return a ? 0 : b ? 1 : -1;
	if ((a->flags ^ b->flags) & TW_RECF_SEGMENT)
		return a->flags & TW_RECF_SEGMENT ? 1 : 0;
	return a->time_ns <= b->time_ns ? 0 : 1;
}

static void derive_sent_reset(const struct view *v)
{
	const int i = reset_author(v);
	const struct tw_record *r = i < 0 ? NULL : v->c->end[i].slot[TW_SLOT_SENT_RESET];
	const struct tw_record *got = i < 0 ? NULL : v->c->end[!i].slot[TW_SLOT_GOT_RESET];
	const enum tw_slot slot = TW_SLOT_SENT_RESET;
	bool owed;

	if (!r)
		return;
	set(v, TW_F_K_RST_SIDE, side_of(v, i), i, slot);
	set(v, TW_F_K_RST_REASON, reason_of(v, r), i, slot);
	set(v, TW_F_K_RST_STATE, r->state, i, slot);
	if (r->flags & TW_RECF_UNACCEPTED)
		set(v, TW_F_K_UNACCEPTED, true, i, slot);
	set(v, TW_F_K_RST_PROCESS, (r->flags & TW_RECF_PROCESS) != 0, i, slot);
	/* What its author has seen acknowledged the peer may not have read, or answered. */
	owed = is_owed(r) || (got && is_victim_owed(v, got, !i));
	if (r->flags & TW_RECF_SEGMENT) {
		set(v, TW_F_K_RST_ANSWERS, r->seg_flags, i, slot);
		if (!(r->flags & TW_RECF_SOCKET) || reason_of(v, r) == TW_KRST_DATA_AFTER ||
		    r->flags & TW_RECF_ORPHAN)
			owed = r->seg_flags & TW_SYN || r->seg_payload > GOODBYE_BYTES;
	}
	set(v, TW_F_K_RST_OWED, owed, i, slot);
	if (!(r->flags & TW_RECF_SOCKET))
		return;
	set(v, TW_F_K_RST_ORPHAN, (r->flags & TW_RECF_ORPHAN) != 0, i, slot);
	set(v, TW_F_K_RST_UNREAD, unread_bytes(r), i, slot);
	set(v, TW_F_K_RST_UNSENT, r->unsent, i, slot);
	set(v, TW_F_K_RST_UNACKED, r->unacked, i, slot);
	set(v, TW_F_K_RST_LINGER, r->flags & TW_RECF_LINGER && !r->linger_s, i, slot);
	if (r->flags & TW_RECF_PEER_FIN)
		set(v, TW_F_K_RST_PEER_FIN, true, i, slot);
}

/* ---- a reset that came in ---- */

/* As facts/reset.c has it, from the header alone: an active reset has the socket's live window or options;
 * an answer to a segment has neither, nor an ACK. */
static enum tw_rst_form form_of(const struct tw_record *r)
{
	if (!(r->seg_flags & TW_ACK))
		return r->seg_window || r->seg_options ? TW_RST_ALIEN : TW_RST_REPLY;
	if (r->seg_options || r->seg_window)
		return TW_RST_ACTIVE;
	return r->seg_seq ? TW_RST_ALIEN : TW_RST_REPLY_NO_ACK;
}

/*
 * The RST that kills a socket is freed without a trace, but the socket remembers whether its last segment had a
 * timestamp: an active reset has, where they were negotiated, an answer to a segment has not. A first RST that
 * lay beyond lost data was challenged, and told with its header.
 */
static void derive_form(const struct view *v, int i)
{
	const struct tw_record *r = v->c->end[i].slot[TW_SLOT_GOT_RESET];
	const struct tw_record *header = v->c->end[i].slot[TW_SLOT_DROP_RESET];

	if (header && header->time_ns < r->time_ns + TW_NS_PER_MS / 10)
		set(v, TW_F_K_RST_IN_FORM, form_of(header), i, TW_SLOT_DROP_RESET);
	else if (r->flags & TW_RECF_TIMESTAMPS && r->state != TW_SOCKET_SYN_SENT)
		set(v, TW_F_K_RST_IN_FORM,
		    r->flags & TW_RECF_LAST_TIMESTAMP ? TW_RST_ACTIVE : TW_RST_REPLY, i,
		    TW_SLOT_GOT_RESET);
}

static int64_t jiffies_ago_ns(const struct view *v, const struct tw_record *r, uint32_t when)
{
	const int32_t ago = (int32_t)((uint32_t)r->jiffies - when);

	return ago < 0 ? 0 : ago * v->config->jiffy_ns;
}

/* Its first copy, and the answer can be the answer to it. */
static bool has_just_sent(const struct view *v, const struct tw_record *r)
{
	const int64_t allowed_ns = 2 * (int64_t)r->srtt_us * TW_NS_PER_US + 100 * TW_NS_PER_MS;

	return v->config->jiffy_ns && r->rcv_tstamp && r->unacked && !r->retransmits &&
	       jiffies_ago_ns(v, r, r->lsndtime) < allowed_ns;
}

static void derive_got_reset(const struct view *v)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_record *r = v->c->end[i].slot[TW_SLOT_GOT_RESET];
		const struct tw_record *sent = v->c->end[i].slot[TW_SLOT_SENT_RESET];

		/* After data beyond its own close() the kernel kills the socket as if by a RST. */
		if (!r || is_aftermath(v, r) || (sent && reason_of(v, sent) == TW_KRST_DATA_AFTER))
			continue;
		set(v, TW_F_K_RST_IN, side_of(v, i), i, TW_SLOT_GOT_RESET);
		set(v, TW_F_K_RST_IN_STATE, r->state, i, TW_SLOT_GOT_RESET);
		set(v, TW_F_K_PEER_FIN, (r->flags & TW_RECF_PEER_FIN) != 0, i, TW_SLOT_GOT_RESET);
		set(v, TW_F_K_RST_IN_OWED, is_victim_owed(v, r, i), i, TW_SLOT_GOT_RESET);
		set(v, TW_F_K_RST_IN_FRESH, i == v->client && !r->bytes_received, i,
		    TW_SLOT_GOT_RESET);
		/* The SYN counts as one. */
		set(v, TW_F_K_RST_IN_UNHEARD, i == v->client && r->bytes_acked <= 1, i,
		    TW_SLOT_GOT_RESET);
		if (has_just_sent(v, r))
			set(v, TW_F_K_RST_IN_IDLE_NS, jiffies_ago_ns(v, r, r->rcv_tstamp), i,
			    TW_SLOT_GOT_RESET);
		derive_form(v, i);
	}
}

/* ---- an error ---- */

static void derive_queues(const struct view *v, int i, enum tw_slot slot)
{
	const struct tw_record *r = v->c->end[i].slot[slot];

	set(v, TW_F_K_UNACKED, r->unacked, i, slot);
	set(v, TW_F_K_UNSENT, r->unsent, i, slot);
	set(v, TW_F_K_UNREAD, unread_bytes(r), i, slot);
	set(v, TW_F_K_REPEATS, r->retransmits, i, slot);
	set(v, TW_F_K_PROBES, r->probes, i, slot);
	set(v, TW_F_K_WINDOW_ZERO, r->snd_wnd == 0, i, slot);
	set(v, TW_F_K_KEEPALIVE, (r->flags & TW_RECF_KEEPALIVE) != 0, i, slot);
	set(v, TW_F_K_SACKED, r->sacked, i, slot);
	set(v, TW_F_K_MSS, r->mss, i, slot);
	if (r->rcv_tstamp && r->unacked)
		set(v, TW_F_K_PEER_SPOKE, (int32_t)(r->rcv_tstamp - r->lsndtime) >= 0, i, slot);
	if (r->hang_ms)
		set(v, TW_F_K_HANG_NS, r->hang_ms * TW_NS_PER_MS, i, slot);
	if (r->user_timeout_ms)
		set(v, TW_F_K_USER_TIMEOUT_NS, r->user_timeout_ms * TW_NS_PER_MS, i, slot);
	if (r->rcv_tstamp && v->config->jiffy_ns)
		set(v, TW_F_K_QUIET_NS, jiffies_ago_ns(v, r, r->rcv_tstamp), i, slot);
}

/*
 * Where both ends got one: that of the end that reset the other because of it (keepalive, ss -K); else that
 * of the victim. Data after close() kills the closer, too, and nobody is there to see it.
 */
static int error_end(const struct view *v)
{
	const int author = reset_author(v);
	const struct tw_live_end *e = author < 0 ? NULL : &v->c->end[author];
	int i;

	if (e && e->slot[TW_SLOT_ERROR] &&
	    reason_of(v, e->slot[TW_SLOT_SENT_RESET]) != TW_KRST_DATA_AFTER)
		return author;
	for (i = 0; i < 2; i++)
		if (v->c->end[i].slot[TW_SLOT_ERROR] && i != author &&
		    !is_aftermath(v, v->c->end[i].slot[TW_SLOT_ERROR]))
			return i;
	return -1;
}

static void derive_error(const struct view *v)
{
	const int i = error_end(v);
	const enum tw_slot slot = TW_SLOT_ERROR;
	const struct tw_record *r = i < 0 ? NULL : v->c->end[i].slot[slot];
	const struct tw_record *reset;

	if (!r)
		return;
	reset = v->c->end[i].slot[TW_SLOT_GOT_RESET];
	set(v, TW_F_K_ERROR_SIDE, side_of(v, i), i, slot);
	set(v, TW_F_K_ERROR, r->err, i, slot);
	set(v, TW_F_K_ERROR_SOFT, r->err_soft, i, slot);
	set(v, TW_F_K_ERROR_STATE,
	    reset          ? reset->state
	    : r->old_state ? r->old_state
			   : r->state,
	    i, slot);
	set(v, TW_F_K_ORPHAN, (r->flags & TW_RECF_ORPHAN) != 0, i, slot);
	derive_queues(v, i, slot);
	if (r->flags & TW_RECF_PEER_FIN)
		set(v, TW_F_K_PEER_FIN, true, i, slot);
	if (r->flags & TW_RECF_BORN && r->flags & TW_RECF_CLIENT)
		set(v, TW_F_K_CONNECT_NS, (int64_t)(r->time_ns - r->born_ns), i, slot);
}

/* Both ends may have an error then; this one says why the other has. */
static void derive_destroyed(const struct view *v)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_record *r = v->c->end[i].slot[TW_SLOT_ERROR];

		if (r && r->err == ECONNABORTED)
			set(v, TW_F_K_DESTROYED, side_of(v, i), i, TW_SLOT_ERROR);
	}
}

/* ---- processes ---- */

/* A call or a timer had ended the connection with a reset before: who dies afterwards did not. */
static bool was_reset_before(const struct view *v, const struct tw_record *r)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_record *e = v->c->end[i].slot[TW_SLOT_SENT_RESET];

		if (e && e->flags & TW_RECF_SOCKET &&
		    !(e->flags & (TW_RECF_SEGMENT | TW_RECF_DYING)) &&
		    r->time_ns > e->time_ns + TW_NS_PER_MS)
			return true;
	}
	return false;
}

/* Of two that died the first: the other may have had no reason to live on. */
static void derive_exit(const struct view *v)
{
	static const enum tw_slot slots[] = { TW_SLOT_SENT_RESET, TW_SLOT_STATE };
	const struct tw_record *first = NULL, *r;
	enum tw_slot slot = TW_SLOT_STATE;
	int n, end = 0;

	for (n = 0; n < 4; n++) {
		r = v->c->end[n / 2].slot[slots[n % 2]];
		if (!r || !(r->flags & TW_RECF_DYING) || is_aftermath(v, r) ||
		    was_reset_before(v, r) || (first && first->time_ns <= r->time_ns))
			continue;
		first = r;
		end = n / 2;
		slot = slots[n % 2];
	}
	if (!first)
		return;
	set(v, TW_F_K_EXIT_SIDE, side_of(v, end), end, slot);
	set(v, TW_F_K_EXIT_SIGNAL, first->exit_code & 0x7f, end, slot);
	set(v, TW_F_K_EXIT_STATUS, first->exit_code >> 8 & 0xff, end, slot);
	set(v, TW_F_K_EXIT_OWED, is_owed(first) || first->flags & TW_RECF_UNACCEPTED, end, slot);
}

/* Connecting ended without an error: nothing was ever sent, or the application closed it. */
static void derive_connecting(const struct view *v)
{
	const int i = v->client;
	const struct tw_record *r = v->c->end[i].slot[TW_SLOT_STATE];

	if (!r || r->old_state != TW_SOCKET_SYN_SENT || r->err)
		return;
	if (!r->unacked && !r->local_port)
		set(v, TW_F_K_NO_PORT, true, i, TW_SLOT_STATE);
	else
		set(v, TW_F_K_GAVE_UP, true, i, TW_SLOT_STATE);
	set(v, TW_F_K_REPEATS, r->retransmits, i, TW_SLOT_STATE);
	if (r->flags & TW_RECF_BORN)
		set(v, TW_F_K_CONNECT_NS, (int64_t)(r->time_ns - r->born_ns), i, TW_SLOT_STATE);
}

static void derive_bind(const struct view *v)
{
	const int i = !v->client;
	const struct tw_record *r = v->c->end[i].slot[TW_SLOT_BIND];

	if (!r)
		return;
	set(v, TW_F_K_BIND_FAILED, true, i, TW_SLOT_BIND);
	if (r->actor_pid)
		set(v, TW_F_K_HOLDER, r->actor_pid, i, TW_SLOT_BIND);
}

static void derive_closed(const struct view *v)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_record *r = v->c->end[i].slot[TW_SLOT_STATE];

		if (r && r->new_state == TW_SOCKET_CLOSE && !r->err &&
		    r->old_state != TW_SOCKET_SYN_SENT)
			set(v, TW_F_K_CLOSED, true, i, TW_SLOT_STATE);
	}
}

/* ---- listeners, drops, and what waits ---- */

static void set_queue(const struct view *v, int i, enum tw_slot slot, bool full)
{
	const struct tw_record *r = v->c->end[i].slot[slot];

	if (full)
		set(v, TW_F_K_QUEUE_FULL, true, i, slot);
	if (!(r->flags & TW_RECF_SOCKET))
		return;
	set(v, TW_F_K_QUEUE_LENGTH, r->queue_length, i, slot);
	set(v, TW_F_K_QUEUE_LIMIT, r->queue_limit, i, slot);
}

/* Of a listener that dropped requests: why? The accept queue is asked first, as by tcp_conn_request(). */
static void derive_dropping(const struct view *v, int i, const struct tw_record *r)
{
	const enum tw_slot slot = TW_SLOT_WAITING;
	const bool full = r->queue_length && r->queue_length >= r->queue_limit;

	set(v, TW_F_K_LISTEN_DROPS, r->drops, i, slot);
	set_queue(v, i, slot, full);
	set(v, TW_F_K_SYN_QUEUE_LENGTH, r->syn_queue_length, i, slot);
	if (r->syn_queue_limit != UINT32_MAX)
		set(v, TW_F_K_SYN_QUEUE_LIMIT, r->syn_queue_limit, i, slot);
	/* inet_csk_reqsk_queue_is_full(): one more than the limit fits. */
	if (!full && r->syn_queue_length > r->syn_queue_limit)
		set(v, TW_F_K_SYN_QUEUE_FULL, true, i, slot);
}

static void derive_unread(const struct view *v, int i, const struct tw_record *r)
{
	const enum tw_slot slot = TW_SLOT_WAITING;

	set(v, TW_F_K_READER, side_of(v, i), i, slot);
	set(v, TW_F_K_UNREAD, unread_bytes(r), i, slot);
	if (r->wait == TW_WAIT_ACCEPT)
		set(v, TW_F_K_UNACCEPTED_NS, (int64_t)r->waiting_ns, i, slot);
	else
		set(v, TW_F_K_UNREAD_NS, (int64_t)r->waiting_ns, i, slot);
	if ((int32_t)r->rcv_wnd_left <= 0)
		set(v, TW_F_K_WINDOW_ZERO_NS, (int64_t)r->waiting_ns, i, slot);
}

static void derive_waiting(const struct view *v, int i, const struct tw_record *r)
{
	const enum tw_slot slot = TW_SLOT_WAITING;

	switch (r->wait) {
	case TW_WAIT_DROPPED:
		derive_dropping(v, i, r);
		break;
	case TW_WAIT_ACCEPT:
	case TW_WAIT_READ:
		derive_unread(v, i, r);
		break;
	case TW_WAIT_WINDOW:
		set(v, TW_F_K_READER, side_of(v, !i), i, slot);
		set(v, TW_F_K_UNSENT, r->unsent, i, slot);
		set(v, TW_F_K_PROBES, r->probes, i, slot);
		set(v, TW_F_K_WINDOW_ZERO_NS, (int64_t)r->waiting_ns, i, slot);
		break;
	case TW_WAIT_ACK:
		derive_queues(v, i, slot);
		set(v, TW_F_K_ERROR_SIDE, side_of(v, i), i, slot);
		set(v, TW_F_K_UNANSWERED_NS, (int64_t)r->waiting_ns, i, slot);
		break;
	case TW_WAIT_CLOSE:
		set(v, TW_F_K_READER, side_of(v, i), i, slot);
		set(v, TW_F_K_CLOSE_WAIT_NS, (int64_t)r->waiting_ns, i, slot);
		break;
	}
}

/* K_DROP has the numbers of the programs (record.h), and matchers ask by those of facts.h. */
#define SAME_CLASS(name)                                                                           \
	static_assert((int)TW_DROP_CLASS_##name == (int)TW_DROP_##name,                            \
		      "facts.h numbers drops otherwise than record.h")
SAME_CLASS(PAWS);
SAME_CLASS(AUTH);
SAME_CLASS(FILTER);
SAME_CLASS(ROUTE);
SAME_CLASS(SEGMENT);
SAME_CLASS(TIME_WAIT);
#undef SAME_CLASS

static void derive_listener(const struct view *v, int i)
{
	const struct tw_record *waiting = v->c->end[i].slot[TW_SLOT_WAITING];
	const struct tw_record *drop = v->c->end[i].slot[TW_SLOT_DROP];
	const struct tw_record *synack = v->c->end[i].slot[TW_SLOT_SYNACK];

	/* Old duplicates that meet TIME_WAIT are what it is for; a SYN is somebody's new connection. */
	if (drop && (drop->repeats != TW_DROP_TIME_WAIT || drop->seg_flags & TW_SYN))
		set(v, TW_F_K_DROP, drop->repeats, i, TW_SLOT_DROP);
	if (drop && drop->repeats == TW_DROP_ACCEPT_QUEUE)
		set_queue(v, i, TW_SLOT_DROP, true);
	if (synack)
		set(v, TW_F_K_SYNACK_REPEATS, synack->repeats, i, TW_SLOT_SYNACK);
	if (waiting)
		derive_waiting(v, i, waiting);
}

void tw_live_derive(const struct tw_gather_config *config, const struct tw_live_conn *c, int client,
		    bool guessed, struct tw_facts *f)
{
	const struct view v = { .config = config, .c = c, .f = f, .client = client };
	int i;

	tw_facts_clear(f);
	tw_fact_set(f, TW_F_K_SEEN, true, c->first_event, c->first_ns + config->realtime_offset_ns);
	tw_fact_set(f, TW_F_IP_VERSION, tw_addr_is_v4(&c->end[0].addr) ? 4 : 6, 0, 0);
	tw_fact_set(f, TW_F_CLIENT_GUESSED, guessed, 0, 0);
	tw_fact_set(f, TW_F_K_DROPS_TOLD, config->names->has_drop_reasons, 0, 0);
	tw_fact_set(f, TW_F_K_LOCAL_C, c->end[client].local, 0, 0);
	tw_fact_set(f, TW_F_K_LOCAL_S, c->end[!client].local, 0, 0);
	/* Before the errors: what a socket had then counts for more than what it waited for before. */
	for (i = 0; i < 2; i++)
		derive_listener(&v, i);
	derive_sent_reset(&v);
	derive_got_reset(&v);
	derive_error(&v);
	derive_destroyed(&v);
	derive_exit(&v);
	derive_connecting(&v);
	derive_bind(&v);
	derive_closed(&v);
}
