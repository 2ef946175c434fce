/* SPDX-License-Identifier: BSD-2-Clause */
/* What matchers say about the kernel's own events; see live.h. */
#include "phenomena/live.h"

#include "base/duration.h"

#include <errno.h>
#include <string.h>

bool tw_live_reset_for(const struct tw_match *m, enum tw_kernel_reset reason)
{
	return tw_is(m->facts, TW_F_K_RST_REASON, reason);
}

enum tw_side tw_live_author(const struct tw_match *m)
{
	return (enum tw_side)tw_get(m->facts, TW_F_K_RST_SIDE);
}

bool tw_live_reset_by_call(const struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	return tw_get(f, TW_F_K_RST_PROCESS) && tw_get(f, TW_F_K_RST_STATE) &&
	       !tw_known(f, TW_F_K_RST_ANSWERS) && !tw_known(f, TW_F_K_EXIT_SIDE) &&
	       !tw_known(f, TW_F_K_DESTROYED);
}

bool tw_live_error(const struct tw_match *m, int error)
{
	return tw_is(m->facts, TW_F_K_ERROR, error);
}

bool tw_live_connect_error(const struct tw_match *m, int error)
{
	return tw_live_error(m, error) && tw_is(m->facts, TW_F_K_ERROR_STATE, TW_SOCKET_SYN_SENT) &&
	       !tw_known(m->facts, TW_F_K_RST_IN);
}

bool tw_live_only_fin(const struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_FIN_WAIT1) &&
	    !tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_LAST_ACK) &&
	    !tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_CLOSING))
		return false;
	return tw_get(f, TW_F_K_UNACKED) <= 1 && !tw_get(f, TW_F_K_UNSENT);
}

bool tw_live_gave_up(const struct tw_match *m)
{
	return tw_live_error(m, ETIMEDOUT) || tw_live_error(m, EHOSTUNREACH) ||
	       tw_live_error(m, ENETUNREACH);
}

bool tw_live_drops_are_over(const struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	return tw_get(f, TW_F_K_LISTEN_DROPS) && !tw_get(f, TW_F_K_QUEUE_FULL) &&
	       !tw_get(f, TW_F_K_SYN_QUEUE_FULL);
}

void tw_live_cite_drops(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_known(f, TW_F_K_LISTEN_DROPS))
		tw_cite(m, TW_F_K_LISTEN_DROPS, "the listener dropped %s since the last look",
			tw_count(m, tw_get(f, TW_F_K_LISTEN_DROPS), "connection request"));
}

bool tw_live_rather_syn_queue(const struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	/* A few are half-open at any time, and one whose ACK a full accept queue ignored is, too. */
	return tw_known(f, TW_F_K_SYN_QUEUE_LIMIT) && tw_get(f, TW_F_K_SYN_QUEUE_LENGTH) >= 8 &&
	       !tw_get(f, TW_F_K_QUEUE_LENGTH);
}

/* The first timeout, before the repeats began, is a part of the silence that is not idle. */
#define FIRST_RTO_NS (300LL * 1000 * 1000)

int64_t tw_live_idle_before_ns(const struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t idle = tw_get(f, TW_F_K_QUIET_NS) - tw_get(f, TW_F_K_HANG_NS) - FIRST_RTO_NS;

	return tw_known(f, TW_F_K_QUIET_NS) && tw_known(f, TW_F_K_HANG_NS) && idle > 0 ? idle : 0;
}

bool tw_live_say(struct tw_match *m, int strength, enum tw_confidence confidence,
		 enum tw_outcome outcome, enum tw_culprit culprit, const char *summary)
{
	m->strength = strength;
	m->confidence = confidence;
	m->outcome = outcome;
	m->culprit = culprit;
	m->summary = summary;
	return true;
}

enum tw_outcome tw_live_outcome(const struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_K_RST_OWED))
		return TW_OUTCOME_FAILED;
	/* A client that leaves with all it wanted harms nobody; a server's client reads ECONNRESET in place of
	 * the end of file, unless it had closed. */
	if (tw_live_author(m) == TW_CLIENT || tw_get(f, TW_F_K_RST_PEER_FIN))
		return TW_OUTCOME_CLEAN;
	return TW_OUTCOME_DEGRADED;
}

enum tw_outcome tw_live_victim_outcome(const struct tw_match *m)
{
	if (tw_get(m->facts, TW_F_K_RST_IN_OWED))
		return TW_OUTCOME_FAILED;
	return tw_is(m->facts, TW_F_K_RST_IN, TW_SERVER) ? TW_OUTCOME_CLEAN : TW_OUTCOME_DEGRADED;
}

static const char *reason_words(enum tw_kernel_reset reason)
{
	switch (reason) {
	case TW_KRST_NO_SOCKET:
		return "it has no such connection, and nobody listens";
	case TW_KRST_LISTENER:
		return "the listener got a segment of a connection that it does not have";
	case TW_KRST_TIME_WAIT:
	case TW_KRST_DATA_AFTER:
		return "data came after the application had closed";
	case TW_KRST_UNREAD:
		return "the application closed with unread data";
	case TW_KRST_STATE:
		return "the socket was aborted";
	case TW_KRST_LINGER2:
		return "TCP_LINGER2 is negative: it does not wait for the peer's FIN";
	case TW_KRST_MEMORY:
		return "it is out of socket memory, or has too many orphans";
	case TW_KRST_KEEPALIVE:
		return "its keepalive probes stayed unanswered";
	case TW_KRST_ACCEPT_QUEUE:
		return "the accept queue is full, and tcp_abort_on_overflow is set";
	case TW_KRST_BAD_ACK:
		return "the segment acknowledges what was never sent";
	case TW_KRST_DISCONNECT:
		return "the application disconnected with data unsent";
	case TW_KRST_UNSAID:
		return "this kernel does not say why";
	case TW_KRST_OTHER:
		break;
	}
	return "for another reason";
}

void tw_live_cite_reset(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_known(f, TW_F_K_RST_SIDE))
		return;
	tw_cite(m, TW_F_K_RST_SIDE, "the kernel of %s sends a RST: %s",
		tw_side_name(tw_live_author(m)),
		reason_words((enum tw_kernel_reset)tw_get(f, TW_F_K_RST_REASON)));
	if (tw_get(f, TW_F_K_RST_UNREAD) || tw_get(f, TW_F_K_RST_UNSENT) ||
	    tw_get(f, TW_F_K_RST_UNACKED))
		tw_cite(m, TW_F_K_RST_UNREAD,
			"in its socket then: %s unread, %lld unsent, %lld unacknowledged",
			tw_bytes(m, tw_get(f, TW_F_K_RST_UNREAD)),
			(long long)tw_get(f, TW_F_K_RST_UNSENT),
			(long long)tw_get(f, TW_F_K_RST_UNACKED));
}

void tw_live_cite_got(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const char *form = "";

	if (!tw_known(f, TW_F_K_RST_IN))
		return;
	if (tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_ACTIVE))
		form = ": with live options, as a socket writes it that is aborted";
	else if (tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_REPLY))
		form = ": without options, as a host writes it that has no such connection";
	else if (tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_ALIEN))
		form = ": in a form that no Linux writes";
	tw_cite(m, tw_known(f, TW_F_K_RST_IN_FORM) ? TW_F_K_RST_IN_FORM : TW_F_K_RST_IN,
		"%s is reset from outside%s", tw_side_name((enum tw_side)tw_get(f, TW_F_K_RST_IN)),
		form);
}

void tw_live_cite_error(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_known(f, TW_F_K_ERROR))
		tw_cite(m, TW_F_K_ERROR, "the socket of %s gets %s",
			tw_side_name((enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE)),
			strerrorname_np((int)tw_get(f, TW_F_K_ERROR)));
}

void tw_live_victim_saw(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side victim = tw_known(f, TW_F_K_RST_IN) ? (enum tw_side)tw_get(f, TW_F_K_RST_IN)
							 : tw_other(tw_live_author(m));

	if (tw_is(f, TW_F_K_RST_IN_STATE, TW_SOCKET_CLOSE_WAIT)) {
		tw_app_saw(m, victim, "send", "EPIPE", -1,
			   "recv returns 0, because the FIN came first; the next send fails with "
			   "EPIPE.");
		return;
	}
	if (tw_get(f, TW_F_K_ORPHAN))
		return;
	tw_app_saw(m, victim, "recv", "ECONNRESET", -1,
		   "What had arrived can still be read; then recv or send fails once with "
		   "ECONNRESET.");
}

int64_t tw_live_connecting_ns(const struct tw_match *m)
{
	return tw_known(m->facts, TW_F_K_CONNECT_NS) ? tw_get(m->facts, TW_F_K_CONNECT_NS) : -1;
}

const char *tw_live_connecting_for(struct tw_match *m, const char *before, const char *behind)
{
	const int64_t ns = tw_live_connecting_ns(m);

	return ns < 0 ? "" : tw_say(m, "%s%s%s", before, TW_DUR(ns), behind);
}

void tw_live_error_seen(struct tw_match *m, const char *call)
{
	const struct tw_facts *f = m->facts;
	enum tw_side side = (enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE);
	bool connecting = strcmp(call, "connect") == 0;

	if (!tw_known(f, TW_F_K_ERROR))
		return;
	tw_peer_is(m, tw_other(side));
	if (!tw_get(f, TW_F_K_ORPHAN))
		tw_app_saw(m, side, call, strerrorname_np((int)tw_get(f, TW_F_K_ERROR)),
			   connecting ? tw_live_connecting_ns(m) : -1, NULL);
}

void tw_live_connect_unanswered(struct tw_match *m, const char *hang)
{
	if (tw_live_connect_error(m, ETIMEDOUT))
		tw_live_error_seen(m, "connect");
	else
		tw_app_saw(m, TW_CLIENT, "connect", "hang", -1, hang);
}
