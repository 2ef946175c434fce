/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A silence in which nothing goes out but keepalive probes, or not even these: only questions for an address.
 *
 *    asker                                                        peer
 *      |<=================== requests and answers ================>|
 *      :   TCP_KEEPIDLE of silence                                 x dead, or the path is
 *      |------------------ ACK, seq one below SND.NXT -------X
 *      |   TCP_KEEPINTVL   again ----------------------------X
 *      :   TCP_KEEPCNT times, then RST|ACK: keepalive-timeout
 */
#include "phenomena/silence.h"
#include "timers/usual.h"

#include <inttypes.h>

#define PROBES_FINAL 3 /* two may be lost, or missed */
#define PROBES_MOST  10

bool tw_match_probes(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t probes = tw_get(f, TW_F_KEEPALIVE_UNANSWERED_LAST);
	const int64_t span_ns = tw_get(f, TW_F_KEEPALIVE_UNANSWERED_SPAN_NS);
	const enum tw_side asker = (enum tw_side)tw_get(f, TW_F_KEEPALIVE_SIDE);
	const int64_t on_ns = tw_get(f, TW_F_CAPTURE_GOES_ON_NS);
	/* a kernel gives up after so many (Linux 9, Windows 10): more were answered, and the capture has not got it */
	const bool final =
		probes >= PROBES_FINAL && probes <= PROBES_MOST && span_ns + on_ns >= TW_FINAL_NS;

	if (probes < (tw_get(f, TW_F_TRACE_LOSSY) ? PROBES_FINAL + 1 : 2) ||
	    tw_get(f, TW_F_ONE_SIDED) || tw_get(f, TW_F_NO_ACKS) || span_ns < TW_NS_PER_S ||
	    tw_get(f, TW_F_RST_COUNT) || tw_known(f, TW_F_FIN1_SIDE) ||
	    tw_known(f, TW_F_UNANSWERED_SIDE))
		return false;
	m->strength = TW_STRENGTH_STALL;
	m->confidence = final && !tw_get(f, TW_F_TRACE_LOSSY) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = final ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_UNKNOWN;
	tw_peer_is(m, tw_other(asker));
	m->summary = tw_say(m,
			    "%s does not answer the keepalive probes of %s any more: %" PRId64
			    " over %s, and the connection is still open.",
			    tw_endpoint(m, tw_other(asker)), tw_endpoint(m, asker), probes,
			    TW_DUR(span_ns));
	tw_cite(m, TW_F_KEEPALIVE_UNANSWERED_LAST,
		"%s without an answer: an end that lives answers each",
		tw_first_of(m, probes, "probe"));
	tw_rival(m, "idle-blackholed",
		 "a device that forgot the connection while it was idle drops the probes as well");
	tw_rival(m, "firewall-dropped", "so does a filter that was put in place meanwhile");
	tw_rule_out(m, "peer-rebooted",
		    "a peer without the connection answers a probe with a reset");
	if (on_ns < 2 * span_ns / (probes - 1))
		tw_missing(m, "The capture stops amid the probes: the next one may be answered, or "
			      "the reset may follow by which keepalive gives up.");
	else
		tw_missing(m, "How it ended: no more probes come, and no reset that says so.");
	tw_app_saw(m, asker, "recv", "hang", -1,
		   "ETIMEDOUT when as many probes as TCP_KEEPCNT says (9 by default) are "
		   "unanswered.");
	tw_app_saw(m, tw_other(asker), NULL, NULL, -1,
		   "Nothing, if it is alive: for it the connection is idle and open.");
	return true;
}

bool tw_match_deserted(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side peer = (enum tw_side)tw_get(f, TW_F_NEIGHBOUR_GONE_SIDE);
	int64_t requests = tw_get(f, TW_F_NEIGHBOUR_GONE);
	bool owed = tw_is(f, TW_F_UNANSWERED_SIDE, tw_other(peer));
	bool final = owed && tw_get(f, TW_F_NEIGHBOUR_GONE_SPAN_NS) >= TW_FINAL_NS;

	if (requests <= tw_usual()->neighbour_asks || !tw_get(f, TW_F_ESTABLISHED) ||
	    !tw_silence_proves(f) || tw_known(f, TW_F_FIN1_SIDE) || tw_get(f, TW_F_RST_COUNT))
		return false;
	m->strength = TW_STRENGTH_STALL;
	m->confidence = final ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = final ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = tw_host_of(peer);
	tw_peer_is(m, peer);
	m->summary = tw_say(m,
			    "The host of %s does not answer for its address any more (%s over %s), "
			    "and the connection is still open.",
			    tw_endpoint(m, peer), tw_count(m, requests, "ARP or ND request"),
			    TW_DUR(tw_get(f, TW_F_NEIGHBOUR_GONE_SPAN_NS)));
	tw_cite(m, TW_F_NEIGHBOUR_GONE, "%s by %s, unanswered", tw_first_of(m, requests, "request"),
		tw_side_name(tw_other(peer)));
	if (owed)
		tw_cite(m, TW_F_UNANSWERED_BYTES, "%s of %s, never acknowledged",
			tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)),
			tw_side_name(tw_other(peer)));
	else
		tw_missing(m, "Whether anything was sent in this connection: nothing leaves the "
			      "host before the request is answered.");
	tw_rule_out(m, "firewall-dropped", "a filter on TCP lets ARP and ND pass");
	tw_app_saw(m, tw_other(peer), "recv", "hang", -1,
		   "Whoever sends gets EHOSTUNREACH when tcp_retries2 ends it; whoever only waits, "
		   "ETIMEDOUT by its keepalive, or nothing without one.");
	return true;
}
