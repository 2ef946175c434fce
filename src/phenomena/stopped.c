/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * app-stuck, where the application hangs in the midst of what it says.
 *
 *	client                        server kernel   app
 *	  |-- request ------------------>|------------>|
 *	  |<-- head: 100000 bytes -------|<------------|
 *	  |<-- 30000 of them ------------|             :	hangs, or waits for what it relays
 *	  |         (nothing)            |             :
 *	  |-- FIN, or RST -------------->|             :
 */
#include "phenomena/stopped.h"

#include "phenomena/silence.h"

#define OPEN_NS (10 * TW_NS_PER_S) /* nobody left, and the capture goes on */
#define STALLED_NS                                                                                 \
	(1 *                                                                                       \
	 TW_NS_PER_S) /* no answer that flows pauses so long; the client may yet have left at will */
#define RESET_AFTER_NS                                                                             \
	(1 * TW_NS_PER_S) /* who has had enough of data that flow does not stop to reset */

/* So long nobody waits who has not got what he wanted, or just as long as timeouts are set. */
static bool left_for_it(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ANSWER_STOPPED_NS) >= TW_LEFT_AFTER_NS ||
	       tw_timed_out(f, TW_F_ANSWER_STOPPED_NS, TW_F_FIN1_SIDE);
}

/*
 * An answer that stops in its midst: its head says that more is due (of chunks nobody knows when: they may be a stream
 * of events). Whoever has more to send and does not, hangs, or waits for somebody behind it. An acknowledgement of the
 * client's FIN shows that the path was well: what was lost on it would have come again. Unless what comes then had been sent
 * before that.
 */
static bool stopped_within(const struct tw_facts *f)
{
	const int64_t stopped_ns = tw_get(f, TW_F_ANSWER_STOPPED_NS);

	if (tw_get(f, TW_F_RST_REFUSED_SENT_BEFORE) || tw_get(f, TW_F_FIN1_COUNT) > 2)
		return false;
	if (!tw_silence_proves(f) || !tw_get(f, TW_F_ANSWER_MISSING_BYTES) ||
	    tw_get(f, TW_F_RST_COUNT_S) || tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) ||
	    tw_get(f, TW_F_SENT_UNSEEN_BYTES))
		return false;
	if (tw_known(f, TW_F_FIN1_SIDE))
		return tw_get(f, TW_F_FIN1_ACKED) && (stopped_ns >= STALLED_NS || left_for_it(f));
	return stopped_ns >= (tw_get(f, TW_F_RST_COUNT) ? RESET_AFTER_NS : OPEN_NS);
}

bool tw_left_in_silence(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ANSWER_MISSING_BYTES) > 0 && tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT) &&
	       tw_get(f, TW_F_ANSWER_STOPPED_NS) >= STALLED_NS;
}

bool tw_left_before_reset(const struct tw_facts *f)
{
	return tw_get(f, TW_F_WAITER_GAVE_UP) && tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT) &&
	       tw_between_ns(f, TW_F_FIN1_SIDE, TW_F_RST_COUNT) >= TW_NS_PER_S;
}

bool tw_match_stopped(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t stopped_ns = tw_get(f, TW_F_ANSWER_STOPPED_NS),
		      sent = tw_get(f, TW_F_ANSWER_SENT_BYTES),
		      all = sent + tw_get(f, TW_F_ANSWER_MISSING_BYTES);
	const bool closed = tw_known(f, TW_F_FIN1_SIDE), reset = tw_get(f, TW_F_RST_COUNT) > 0;
	const bool sure = closed && left_for_it(f);
	const char *const record = tw_cut_record(f);

	if (!stopped_within(f))
		return false;
	m->strength = sure     ? TW_STRENGTH_STALL
		      : closed ? TW_STRENGTH_DELAY - 1
		      : reset  ? TW_STRENGTH_MECHANISM + 1
			       : TW_STRENGTH_CURIOSITY - 1;
	m->confidence = sure ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = sure || reset ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary =
		tw_say(m, "%s stopped in the midst of %s, %lld of %s sent: %s %s of silence.",
		       m->server, record ? record : "an answer", (long long)sent, tw_bytes(m, all),
		       closed  ? "the client closed after"
		       : reset ? "the client gave up by a reset after"
			       : "the capture ends after",
		       TW_DUR(stopped_ns));
	if (record)
		tw_cite(m, TW_F_ANSWER_UNFINISHED, "header of %s: %s in all", record,
			tw_bytes(m, all));
	else
		tw_cite(m, TW_F_ANSWER_UNFINISHED, "head of the answer: Content-Length %lld",
			(long long)all);
	tw_cite(m, TW_F_ANSWER_STOPPED_NS,
		"the last of it that came: acknowledged, the client's window open");
	if (closed)
		tw_cite(m, TW_F_FIN1_ACKED,
			"the server's kernel acknowledges the FIN: the path was well");
	else
		tw_rival(m, "peer-vanished",
			 "nothing shows that what the server sent since would have come here");
	if (closed && !sure)
		tw_missing(m, "Whether the client left for the silence, or did not want the rest.");
	if (reset && !closed)
		tw_rival(m, "closed-with-unread-data",
			 "the client's reset may say that it had not read all of what came");
	tw_rule_out(m, "zero-window-stall", "the client could take more");
	tw_app_saw(m, TW_CLIENT, "recv", "hang", stopped_ns,
		   "recv() waited for the rest of the answer.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It hangs, or waits for what it relays. Its kernel sent all that it was given.");
	return true;
}
