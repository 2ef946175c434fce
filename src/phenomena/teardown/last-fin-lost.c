/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second FIN did not arrive; a repeat did.
 *
 * Theory: LAST_ACK repeats its FIN like data. TIME_WAIT answers every FIN; its ACK echoes the
 * newest timestamp that it knows, so the echo tells which copy was the first to arrive. Limits: at
 * the side of the FIN's receiver only one FIN is seen, and the connection is clean there.
 *
 *    closes first                                                 peer
 *      |----------------------- FIN|ACK ------------------------->|
 *      |<------------------------ ACK ----------------------------|
 *      |           X----- FIN|ACK, TSval 100 ---------------------|
 *      |   0.21 s                                        LAST_ACK |
 *      |<---------------- FIN|ACK, TSval 310 ---------------------|
 *      |----------------- ACK, TSecr 310 (IP-ID 0: TIME_WAIT) --->|
 */
#include "base/duration.h"
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"

#include <inttypes.h>

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side first = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	enum tw_side second = tw_other(first);
	int64_t span = tw_get(f, TW_F_FIN2_SPAN_NS);
	bool shown = tw_is(f, TW_F_FIN2_REPEAT_ECHO, 2), here = tw_fin_came_here(f, second);
	bool sure = shown && tw_get(f, TW_F_FIN2_ECHO_TELLS);

	if (!tw_get(f, TW_F_FIN2_SEEN) || tw_get(f, TW_F_FIN2_COUNT) < 2 ||
	    !tw_get(f, TW_F_FIN2_ACKED) || tw_get(f, TW_F_FIN2_REPEATED_AFTER_ACK) ||
	    tw_is(f, TW_F_FIN2_REPEAT_ECHO, 1) || (!shown && tw_get(f, TW_F_FIN2_ACKS) > 1) ||
	    (!shown && tw_sooner_than_path(f, TW_F_FIN2_COUNT, TW_F_FIN2_ACKED)) ||
	    tw_sooner_than_timers(f, span))
		return false;
	m->strength = tw_close_strength(f);
	m->confidence = sure && !here ? TW_CERTAIN : TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = here ? tw_host_of(first) : TW_CULPRIT_NETWORK;
	m->summary = tw_say(m,
			    here ? "The FIN of %s, the second of the connection, passed here, next "
				   "to its receiver, and was not taken; the repeat %s later was."
				 : "The FIN of %s, the second of the connection, was lost; the "
				   "repeat %s later arrived.",
			    tw_endpoint(m, second), TW_DUR(span));
	tw_cite(m, TW_F_FIN2_COUNT, "the second FIN again (%" PRId64 " transmissions over %s)",
		tw_get(f, TW_F_FIN2_COUNT), TW_DUR(span));
	if (shown)
		tw_cite(m, TW_F_FIN2_REPEAT_ECHO, "its ACK echoes the timestamp of the repeat%s",
			sure ? ": the first copy had not arrived" : "");
	else
		tw_cite(m, TW_F_FIN2_ACKED, "the only ACK of the second FIN");
	if (sure)
		tw_rule_out(m, "last-ack-lost",
			    "the first copy never arrived, so nothing had been acknowledged");
	else
		tw_rival(m, "last-ack-lost",
			 here    ? "its receiver may have lost its own ACK before this point"
			 : shown ? "it is Linux's TIME_WAIT that echoes the copy that it took "
				   "first; others echo the newest, and then only the ACK was lost"
				 : "without timestamps a lost FIN and a lost ACK look the same");
	if (tw_is(f, TW_F_AFTER_CLOSE_SIDE, first))
		tw_rival(m, "reordering",
			 "after the close the receiver answers a segment that was not sent then: "
			 "the "
			 "first FIN may have come late");
	if (tw_get(f, TW_F_FIN_ANSWERED_STILL))
		tw_rival(
			m, "invalid-segment",
			"the receiver answered it by an ACK that stands still: it may have arrived "
			"and been refused, for an old timestamp for example");
	tw_rule_out(m, "last-ack-expired", "the repeat was acknowledged");
	tw_app_saw(m, second, NULL, NULL, -1, "Nothing: close() had returned before.");
	tw_app_saw(m, first, NULL, NULL, -1,
		   "Nothing after close(); after shutdown() the EOF came late.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_rto_min_us",
	  "Lower limit of the timer that repeats the FIN: 200000 us by default." },
	{ "net.ipv4.tcp_orphan_retries",
	  "Repeats in LAST_ACK, which is an orphan: 0 by default, which means 8." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Leave it alone: both applications had finished, and the kernel repaired it.",
	"If it is frequent, look for the loss itself: `tcpwhy explain loss-recovered`.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6",
	"RFC 6298 s5",
	"net/ipv4/tcp_minisocks.c: tcp_timewait_state_process",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "once",
		.about = "the second FIN is lost",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "state client FIN_WAIT2\n"
			  "fault\n"
			  "cable drop server fin\n"
			  "server close\n"
			  "cable wait server fin #2\n"
			  "state server CLOSE within 5s\n"
			  "verdict server last-fin-lost|last-ack-lost degraded likely certain\n"
			  "verdict client clean clean\n",
	},
	{
		.name = "server-first",
		.about = "the server closes first, the client's FIN is lost",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "server close\n"
			  "client recv eof\n"
			  "state server FIN_WAIT2\n"
			  "fault\n"
			  "cable drop client fin\n"
			  "client close\n"
			  "cable wait client fin #2\n"
			  "state client CLOSE within 5s\n"
			  "state server TIME_WAIT\n"
			  "verdict client last-fin-lost|last-ack-lost degraded likely certain\n"
			  "verdict server clean clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "close() answers the peer's FIN with its own";
	tw_schedule_data(&p->ladder, m, TW_ORPHAN, 1, "FIN again", "FIN again");
	tw_predict_stand(p, tw_moment_at(0), "LAST_ACK", "FIN_WAIT2");
	tw_predict_stand(p, tw_predict_first_repeat(p), "CLOSE", "TIME_WAIT");
	tw_predict_stand(p, tw_predict_time_wait_over(m, tw_predict_first_repeat(p)), "CLOSE",
			 "CLOSE");
	tw_predict_repeated_fin(p, m);
}

const struct tw_phenomenon tw_ph_last_fin_lost = {
	.slug = "last-fin-lost",
	.stage = TW_STAGE_TEARDOWN,
	.title = "The second FIN was lost and repeated",
	.happens = "The end that closed second sent its FIN, and it was lost. In LAST_ACK it "
		   "repeats the FIN after about 0.21 s (or earlier, by a tail-loss probe), and "
		   "at doubling intervals. The repeat arrived and was acknowledged; the first "
		   "end entered TIME_WAIT a little later than it would have.",
	.diagram = " closes first                                                 peer\n"
		   "   |----------------------- FIN|ACK ------------------------->|\n"
		   "   |<------------------------ ACK ----------------------------|\n"
		   "   |           X----- FIN|ACK, TSval 100 ---------------------|\n"
		   "   |   0.21 s                                        LAST_ACK |\n"
		   "   |<---------------- FIN|ACK, TSval 310 ---------------------|\n"
		   "   |----------------- ACK, TSecr 310 (IP-ID 0: TIME_WAIT) --->|\n",
	.client_sees =
		"Nothing: both ends had closed. Only an end that used shutdown() and waits in "
		"recv() gets the end of the stream late.",
	.server_sees = "Nothing.",
	.recognise =
		"tcpwhy sees the second FIN more than once, and an ACK that echoes the "
		"timestamp of the repeat, without D-SACK: the first copy was lost, certain if that "
		"is a TIME_WAIT of Linux (IP-ID 0 beside running ones). If "
		"the ACK echoes the first copy, that one had arrived and it is last-ack-lost. "
		"Without timestamps the two are rivals.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_FIN2_SEEN,
	.match = match,
	.scenarios = scenarios,
};
