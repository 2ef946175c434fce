/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second FIN arrived; its acknowledgement was lost, and TIME_WAIT answered the repeat.
 *
 * Theory: this is what TIME_WAIT is for (RFC 9293 s3.6.1). Its ACK to the repeat has IP-ID 0 on
 * Linux and echoes the timestamp that it knew before, that of the first copy: so at the FIN's
 * sender the echo tells a lost ACK from a lost FIN. Nearer to the other end both FINs and both
 * ACKs are seen. Limits: an ACK that is merely late and crosses the repeat is no loss.
 *
 *    closes first                                                 peer
 *      |----------------------- FIN|ACK ------------------------->|
 *      |<------------------------ ACK ----------------------------|
 *      |<---------------- FIN|ACK, TSval 100 ---------------------|
 *      |----------------- ACK -------------X                      |
 *      |  TIME_WAIT                                0.21 s LAST_ACK|
 *      |<---------------- FIN|ACK, TSval 310 ---------------------|
 *      |----------------- ACK, TSecr 100 (IP-ID 0) -------------->|
 */
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"
#include "timers/constants.h"

#define MOST_LOST 3                   /* ACKs in a row; more are no accident */
#define BUSY_NS   (10 * TW_NS_PER_MS) /* so late does a host that is busy take up what has arrived */

/* Seen here before the repeat: lost behind this point, unless the FIN's sender sits here. */
static bool acked_and_repeated(const struct tw_facts *f, enum tw_side second)
{
	enum tw_vantage own = second == TW_CLIENT ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER;

	return tw_get(f, TW_F_FIN2_REPEATED_AFTER_ACK) && !tw_is(f, TW_F_VANTAGE, own);
}

/*
 * Could the ACK have been on its way still when the FIN was repeated? The path's round trip, as the
 * first FIN saw it just before (not the smallest of the connection: paths become slow), must be
 * well below the time of the repeat.
 */
static bool may_be_late(const struct tw_facts *f, int64_t span)
{
	int64_t recent = tw_between_ns(f, TW_F_FIN1_SIDE, TW_F_FIN1_ACKED);

	return span < 2 * recent || span < 2 * tw_get(f, TW_F_RTT_NS) ||
	       tw_get(f, TW_F_FIN1_COUNT) > 1;
}

/*
 * A tail-loss probe follows after two round trips, on a short path within the time that a busy host needs to look at
 * the ACK (gVisor on a loaded machine): it says nothing about loss, and costs nobody anything.
 */
static bool is_hasty_probe(const struct tw_facts *f, int64_t span)
{
	return span < BUSY_NS && !tw_known(f, TW_F_CLOCK_COARSE_NS);
}

/*
 * Its sender has closed and answers a further ACK with a reset: so both have arrived, and the first was late
 * (time-wait-killed). Of three copies it may have been the third one's.
 */
static bool both_arrived(const struct tw_facts *f, enum tw_side second)
{
	return tw_get(f, TW_F_AFTER_CLOSE_RST_EXACT) && tw_get(f, TW_F_FIN2_COUNT) == 2 &&
	       tw_is(f, TW_F_AFTER_CLOSE_RST_SIDE, second);
}

static void cite(struct tw_match *m, bool echoed, bool behind, int64_t span)
{
	tw_cite(m, TW_F_FIN2_COUNT, "the second FIN again, %s after the first copy", TW_DUR(span));
	if (echoed)
		tw_cite(m, TW_F_FIN2_REPEAT_ECHO,
			"the ACK of the repeat shows that the first copy had arrived, and no other "
			"ACK came");
	if (behind)
		tw_cite(m, TW_F_FIN2_REPEATED_AFTER_ACK,
			"the FIN is repeated although its ACK has passed here: the ACK was lost "
			"behind this point");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side first = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	enum tw_side second = tw_other(first);
	int64_t span = tw_get(f, TW_F_FIN2_SPAN_NS);
	bool behind = acked_and_repeated(f, second);
	bool echoed = tw_is(f, TW_F_FIN2_REPEAT_ECHO, 1) && tw_get(f, TW_F_FIN2_ACKS) == 1;
	bool probe = span < TW_TCP_RTO_MIN_NS, late = probe || may_be_late(f, span);

	if (!tw_get(f, TW_F_FIN2_SEEN) || tw_get(f, TW_F_FIN2_COUNT) < 2 ||
	    !tw_get(f, TW_F_FIN2_ACKED) || (!behind && !echoed) || tw_acks_are_late(f, span) ||
	    tw_get(f, TW_F_FIN2_REFUSED) || both_arrived(f, second) || is_hasty_probe(f, span))
		return false;
	m->strength = tw_close_strength(f);
	m->confidence = late ? TW_LIKELY : TW_CERTAIN;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(
		m,
		"The ACK of %s to the last FIN was lost; TIME_WAIT answered the repeat %s later.",
		tw_endpoint(m, first), TW_DUR(span));
	cite(m, echoed, behind, span);
	if (late)
		tw_rival(m, "reordering",
			 probe ? "the repeat came sooner than a retransmission timer: the ACK may "
				 "have been late and not lost"
			       : "the path is slow just then: the ACK may have been late and not "
				 "lost");
	tw_rule_out(m, "last-fin-lost", "the first copy of the FIN had arrived");
	if (behind && tw_get(f, TW_F_FIN2_COUNT) > MOST_LOST)
		tw_rival(
			m, "last-ack-expired",
			"each repeat is answered here and comes again: that an ACK arrived at last "
			"is not seen, and its sender may have given up");
	else
		tw_rule_out(m, "last-ack-expired", "the repeat was acknowledged");
	tw_app_saw(m, first, NULL, NULL, -1, "Nothing: it had closed.");
	tw_app_saw(m, second, NULL, NULL, -1, "Nothing: it had closed.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "TIME_WAIT",
	  "60 s on Linux, a constant of the kernel (TCP_TIMEWAIT_LEN); tcp_fin_timeout "
	  "does not change it." },
	{ "net.ipv4.tcp_orphan_retries",
	  "Repeats in LAST_ACK: 0 by default, which means 8 (107.5 s)." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Leave it alone: both applications had finished, and TIME_WAIT repaired it.",
	"If it is frequent, look for loss in the direction of the ACK: `tcpwhy explain "
	"loss-recovered`.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6.1 (TIME-WAIT)",
	"RFC 7323 s5 (timestamps)",
	"net/ipv4/tcp_minisocks.c: tcp_timewait_state_process",
	"net/ipv4/tcp_ipv4.c: tcp_v4_timewait_ack",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "once",
		.about = "the ACK of the second FIN is lost",
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
			  "fault\n"
			  "cable drop client ack\n"
			  "server close\n"
			  "cable wait server fin #2\n"
			  "state server CLOSE within 5s\n"
			  "verdict server last-ack-lost|last-fin-lost degraded likely certain\n"
			  "verdict client last-ack-lost degraded likely certain\n",
	},
	{
		.name = "server-first",
		.about = "the server closes first, the ACK of the client's FIN is lost",
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
			  "fault\n"
			  "cable drop server ack\n"
			  "client close\n"
			  "cable wait client fin #2\n"
			  "state client CLOSE within 5s\n"
			  "state server TIME_WAIT\n"
			  "verdict both last-ack-lost|last-fin-lost degraded likely certain\n",
	},
	{
		.name = "reset",
		.about = "the last ACK is lost, and TIME_WAIT is gone: the repeat draws a reset",
		.variants = "v4 v6",
		.script = "truth time-wait-killed\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "fault\n"
			  "cable drop client ack\n"
			  "server close\n"
			  "state client TIME_WAIT\n"
			  "cable forge RST to client\n"
			  "cable wait client rst within 3s\n"
			  "state server CLOSE within 3s\n"
			  "cable quiet 100ms\n"
			  "verdict client last-ack-lost|time-wait-killed likely certain "
			  "degraded clean\n"
			  "verdict server clean clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "close() answers the peer's FIN with its own";
	tw_schedule_data(&p->ladder, m, TW_ORPHAN, 1, "FIN again", "FIN again");
	tw_predict_stand(p, tw_moment_at(0), "LAST_ACK", "TIME_WAIT");
	tw_predict_stand(p, tw_predict_first_repeat(p), "CLOSE", "TIME_WAIT");
	tw_predict_stand(p, tw_predict_time_wait_over(m, tw_predict_first_repeat(p)), "CLOSE",
			 "CLOSE");
	tw_predict_repeated_fin(p, m);
	p->note = "The other end answers from TIME_WAIT, which begins its 60 s anew with each "
		  "repeat.";
}

const struct tw_phenomenon tw_ph_last_ack_lost = {
	.slug = "last-ack-lost",
	.stage = TW_STAGE_TEARDOWN,
	.title = "The last ACK was lost: FIN repeated",
	.happens = "The first end acknowledged the second FIN, entered TIME_WAIT, and that ACK "
		   "was lost. The peer in LAST_ACK repeats its FIN; TIME_WAIT still knows the "
		   "connection, answers with the same ACK and starts its 60 s anew. Without "
		   "TIME_WAIT the repeat would meet no socket and draw a RST.",
	.diagram = " closes first                                                 peer\n"
		   "   |----------------------- FIN|ACK ------------------------->|\n"
		   "   |<------------------------ ACK ----------------------------|\n"
		   "   |<---------------- FIN|ACK, TSval 100 ---------------------|\n"
		   "   |----------------- ACK -------------X                      |\n"
		   "   |  TIME_WAIT                                0.21 s LAST_ACK|\n"
		   "   |<---------------- FIN|ACK, TSval 310 ---------------------|\n"
		   "   |----------------- ACK, TSecr 100 (IP-ID 0) -------------->|\n",
	.client_sees = "Nothing: both ends had closed.",
	.server_sees = "Nothing.",
	.recognise = "tcpwhy sees the second FIN repeated. If the ACK of the repeat echoes the "
		     "first copy's timestamp, that one had arrived and its ACK was lost; where "
		     "both ACKs are seen, the first of them before the repeat, it was lost behind "
		     "this point. If the echo is the repeat's, it is last-fin-lost.",
	.folklore = "\"TIME_WAIT is a waste and should be cut short.\" This is the case that it "
		    "exists for: without it the repeated FIN would be answered by a reset.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_FIN2_SEEN,
	.match = match,
	.scenarios = scenarios,
};
