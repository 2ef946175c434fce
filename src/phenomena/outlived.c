/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of peer-vanished: the path is dead for a while, and both ends live. Each repeats what the other does not get,
 * until one application has waited long enough and closes; what comes through at last meets a closed socket.
 *
 *    sender                                                       peer
 *      |------------- data ----------------------X                 |
 *      |------------- data ----------------------X                 |  waits, closes
 *      |                      X------------------------- FIN|ACK --|  (or this one comes through)
 *      |------------- data --------------------------------------->|
 *      |<---------------------------------------------------- RST--|
 *
 * The reset alone is that of any host without the connection. What tells this from a reboot is the FIN that comes
 * before it, or a host that speaks in other connections while repeats of this one draw nothing (see
 * RST_AUTHOR_ALIVE_ELSEWHERE). Limits: a filter that drops for a while leaves the same packets.
 */
#include "phenomena/outlived.h"

#include "base/duration.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include <inttypes.h>

#define DEAD_NS   TW_NS_PER_S
#define WAITED_NS TW_NS_PER_S

/* The repeats that nobody answered before the decisive reset, and how long they went on. */
static int64_t outlived_repeats(const struct tw_facts *f)
{
	return tw_reset_was_stalled(f) ? tw_get(f, TW_F_RST_STALLED_REPEATS)
				       : tw_get(f, TW_F_RST_UNANSWERED_REPEATS);
}

static void say_outlived(struct tw_match *m, enum tw_side sender, int64_t repeats)
{
	const struct tw_facts *f = m->facts;
	const char *peer = tw_endpoint(m, tw_other(sender));

	if (tw_reset_was_stalled(f))
		m->summary = tw_say(m,
				    "%s did not answer what %s sent, nor %" PRId64
				    " repeats, for %s; then it closed, and answered with a RST "
				    "what came through at last.",
				    peer, tw_endpoint(m, sender), repeats,
				    TW_DUR(tw_get(f, TW_F_RST_STALLED_NS)));
	else
		m->summary =
			tw_say(m,
			       "%s left %" PRId64
			       " repeats without an answer while its address answered others, then "
			       "answered with a RST: it did not have the connection any more.",
			       peer, repeats);
}

static void name_filter(struct tw_match *m)
{
	tw_rival(m, "firewall-dropped",
		 "a filter that drops this connection for a while leaves the same packets; a "
		 "capture at the other end decides");
}

static bool match_late_reset(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender;
	int64_t repeats;

	if (!tw_reset_landed(f) || !tw_silence_proves(f) || tw_reset_debt(f) != TW_DEBT_OWED ||
	    tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0 || tw_get(f, TW_F_RST_TTL_DELTA) != 0)
		return false;
	sender = tw_reset_victim(f);
	repeats = outlived_repeats(f);
	if (!tw_reset_was_stalled(f) &&
	    (!tw_get(f, TW_F_RST_AUTHOR_ALIVE_ELSEWHERE) || tw_get(f, TW_F_RST_AUTHOR_FIN) ||
	     !tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) || repeats < 3))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 1;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_NETWORK;
	tw_peer_is(m, tw_other(sender));
	say_outlived(m, sender, repeats);
	if (tw_reset_was_stalled(f)) {
		tw_cite(m, TW_F_RST_STALLED_REPEATS, "%s, unanswered",
			tw_first_of(m, repeats, "repeat"));
		tw_cite(m, TW_F_RST_AUTHOR_FIN, "FIN of %s: it lives, and has closed",
			tw_side_name(tw_other(sender)));
	} else {
		tw_cite(m, TW_F_RST_UNANSWERED_REPEATS, "%s, unanswered",
			tw_first_of(m, repeats, "repeat"));
		tw_cite(m, TW_F_RST_AUTHOR_ALIVE_ELSEWHERE,
			"its address speaks in another connection, and more repeats stay "
			"unanswered after that");
	}
	tw_reset_cite_trigger(m);
	tw_reset_cite(m);
	name_filter(m);
	if (tw_reset_was_stalled(f))
		tw_rule_out(m, "peer-rebooted", "it closed in order, with a FIN, before");
	else
		tw_rival(m, "peer-rebooted",
			 "a host that is up refuses the repeats; of several behind one address one "
			 "may have gone, and another answer");
	tw_reset_victim_saw(m);
	tw_app_saw(m, tw_other(sender), "recv", "hang", -1,
		   "It got nothing either, until it closed or gave up.");
	return true;
}

/* Was the first FIN repeated for long until an ACK came, or in vain, where its sender's packets are seen? */
static bool close_unheard(const struct tw_facts *f)
{
	return tw_silence_proves(f) && tw_get(f, TW_F_FIN1_COUNT) >= TW_FINS_IN_VAIN &&
	       tw_get(f, TW_F_FIN1_SPAN_NS) >= DEAD_NS &&
	       (!tw_get(f, TW_F_FIN1_ACKED) ||
		tw_frame_of(f, TW_F_FIN1_ACKED) > tw_frame_of(f, TW_F_FIN1_COUNT)) &&
	       !tw_get(f, TW_F_FIN1_REPEATED_AFTER_ACK);
}

enum tw_fact_id tw_waited_since(const struct tw_facts *f)
{
	if (!tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT))
		return TW_F__N;
	if (tw_get(f, TW_F_ANSWER_MISSING_BYTES) > 0 &&
	    tw_get(f, TW_F_ANSWER_STOPPED_NS) >= WAITED_NS)
		return TW_F_ANSWER_STOPPED_NS;
	if (tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT) &&
	    (tw_get(f, TW_F_PEER_NEVER_SPOKE) || tw_get(f, TW_F_REQUEST_KIND)) &&
	    tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_FIN1_SIDE) >= WAITED_NS)
		return TW_F_REQUEST_UNANSWERED_BYTES;
	return TW_F__N;
}

/*
 * Did the other end go on repeating, behind the last that it is told to have said, what had been acknowledged here? Then it was
 * not silent: it is the way to it that is dead (firewall-dropped).
 */
static bool spoke_in_vain(const struct tw_facts *f, enum tw_side closer)
{
	return tw_get(f, TW_F_REPEATS_IN_VAIN) >= TW_IN_VAIN &&
	       tw_is(f, TW_F_REPEATS_IN_VAIN_SIDE, tw_other(closer)) &&
	       tw_get(f, TW_F_REPEATS_IN_VAIN_SPAN_NS) >= TW_IN_VAIN_NS;
}

/*
 * The path is dead, and an application that waits closes before its kernel gives up:
 *
 *    closer                                                       peer
 *      |------------- request -----------------------------------> |
 *      |                      X------------------------- answer ---|
 *      |------------- FIN ----------------------X                  |   after its own time
 *      |------------- FIN ----------------------X                  |   FIN1_COUNT, FIN1_SPAN_NS
 *      |------------- FIN ----------------------------------------->|   or nothing more ever passes
 *      |<------------------------------------------- ACK, answer ---|
 *      |------------- RST ----------------------------------------->|   nobody is there to take it
 */
static bool match_close_unheard(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side closer = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	const enum tw_fact_id since = tw_waited_since(f);
	const int64_t repeats = tw_get(f, TW_F_FIN1_COUNT) - 1;
	const bool acked = tw_get(f, TW_F_FIN1_ACKED);
	const bool refused = tw_reset_landed(f) && tw_is(f, TW_F_RST_SIDE, (int64_t)closer) &&
			     tw_reset_debt(f) == TW_DEBT_OWED;
	/* a server's close may be for want of what was sent all the while */
	const bool lost =
		refused && closer == TW_SERVER &&
		(tw_get(f, TW_F_RST_REFUSED_SENT_BEFORE) || tw_get(f, TW_F_RST_REFUSED_ON_ITS_WAY));

	if (since == TW_F__N && !lost)
		return false;
	if (!acked && (!tw_get(f, TW_F_FIN1_DATA_ACKED) || tw_get(f, TW_F_RST_COUNT) ||
		       spoke_in_vain(f, closer)))
		return false; /* what was sent before is the matter, or who reset it */
	m->strength = TW_STRENGTH_MECHANISM + 1;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_NETWORK;
	tw_peer_is(m, tw_other(closer));
	m->summary =
		tw_say(m,
		       acked ? "%s was silent: %s closed, and its FIN was repeated %s over %s "
			       "before anything acknowledged it."
			     : "%s was silent: %s closed, and its FIN was repeated %s over %s, "
			       "and nothing acknowledged it.",
		       tw_endpoint(m, tw_other(closer)), tw_endpoint(m, closer),
		       tw_times(m, repeats), TW_DUR(tw_get(f, TW_F_FIN1_SPAN_NS)));
	if (since != TW_F__N)
		tw_cite(m, since, "the last before the silence: %s later the client closes",
			TW_DUR(tw_between_ns(f, since, TW_F_FIN1_SIDE)));
	tw_cite(m, TW_F_FIN1_COUNT, "the last of %lld FINs: the path, or the host, was dead",
		(long long)repeats + 1);
	if (acked)
		tw_cite(m, TW_F_FIN1_ACKED, "the ACK of it: both ends live");
	if (lost && tw_get(f, TW_F_RST_REFUSED_SENT_BEFORE))
		tw_cite(m, TW_F_RST_REFUSED_SENT_BEFORE,
			"its number shows that the client had sent what comes only after it");
	if (refused)
		tw_reset_cite(m);
	name_filter(m);
	if (since != TW_F__N)
		tw_rival(m, "app-stuck",
			 "whether the server's application had an answer by then does not show");
	if (refused)
		tw_reset_victim_saw(m);
	if (since != TW_F__N)
		tw_app_saw(m, closer, "recv", "hang", tw_between_ns(f, since, TW_F_FIN1_SIDE),
			   "recv() waited until the application gave up by itself.");
	else
		tw_app_saw(m, closer, NULL, NULL, -1,
			   "It had closed, and does not learn what comes late.");
	return true;
}

bool tw_match_outlived(struct tw_match *m)
{
	return match_late_reset(m) || (close_unheard(m->facts) && match_close_unheard(m));
}
