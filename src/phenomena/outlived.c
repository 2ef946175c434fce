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
		m->summary = tw_say(m,
				    "%s left %" PRId64
				    " repeats without an answer while its host was up, then "
				    "answered with a RST: it did not have the connection any more.",
				    peer, repeats);
}

bool tw_match_outlived(struct tw_match *m)
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
			"its host speaks in another connection, and more repeats stay unanswered "
			"after that");
	}
	tw_reset_cite_trigger(m);
	tw_reset_cite(m);
	tw_rival(m, "firewall-dropped",
		 "a filter that drops this connection for a while leaves the same packets; a "
		 "capture at the other end decides");
	tw_rule_out(m, "peer-rebooted",
		    tw_reset_was_stalled(f)
			    ? "it closed in order, with a FIN, before"
			    : "its host was up, and would have refused the repeats");
	tw_reset_victim_saw(m);
	tw_app_saw(m, tw_other(sender), "recv", "hang", -1,
		   "It got nothing either, until it closed or gave up.");
	return true;
}
