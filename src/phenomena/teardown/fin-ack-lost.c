/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first FIN arrived; its acknowledgement did not come back, and the FIN was repeated.
 *
 * Theory: an ACK is never repeated by itself; it is the repeat of the FIN that draws a new one.
 * That the first copy had arrived is told by the D-SACK in that ACK (its timestamp does not tell: a
 * full socket echoes the repeat's either way), or directly where the capture was taken behind the
 * loss: there both ACKs pass.
 * Limits: an ACK that was only late (a busy host) leaves two ACKs at the FIN's sender, and is no
 * loss; if the peer closes at once, its FIN carries the ACK and nothing shows.
 *
 *    closes first                                                 peer
 *      |------------------- FIN|ACK, TSval 100 ------------------>|
 *      |            X------ ACK, TSecr 100 -----------------------|
 *      |   0.2 s                                       CLOSE_WAIT |
 *      |------------------- FIN|ACK, TSval 310 ------------------>|
 *      |<------------------ ACK, TSecr 310, D-SACK ---------------|
 *      |<------------------ FIN|ACK ------------------------------|
 *      |--------------------------- ACK ------------------------->|
 */
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"
#include "timers/constants.h"

#include <inttypes.h>

/* Seen here before the repeat: lost behind this point, unless the FIN's sender sits here. */
static bool acked_and_repeated(const struct tw_facts *f, enum tw_side closer)
{
	enum tw_vantage own = closer == TW_CLIENT ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER;

	return tw_get(f, TW_F_FIN1_REPEATED_AFTER_ACK) && !tw_is(f, TW_F_VANTAGE, own);
}

/*
 * The ACK was on its way when the FIN was repeated: where this is the side that acknowledges, the
 * round trip is what the second FIN sees a moment later. And what passes here sooner after the ACK than a round trip
 * (unknown: than the shortest timer) had left before the ACK can have arrived.
 */
static bool was_late(const struct tw_facts *f)
{
	int64_t soon = tw_between_ns(f, TW_F_FIN2_SEEN, TW_F_FIN2_ACKED);
	int64_t after = tw_between_ns(f, TW_F_FIN1_ACKED, TW_F_FIN1_REPEATED_AFTER_ACK);

	if (tw_get(f, TW_F_FIN1_SPAN_NS) < soon && tw_get(f, TW_F_FIN2_COUNT) == 1)
		return true;
	return after < (tw_known(f, TW_F_RTT_NS) ? tw_get(f, TW_F_RTT_NS) : TW_TCP_RTO_MIN_NS);
}

/*
 * The ACK may just have been delayed: it waits up to 200 ms (TCP_DELACK_MAX) in the hope of a ride
 * on data, and where data is outstanding with the FIN, a tail-loss probe repeats the FIN after some
 * milliseconds already. Where the acknowledging end sits here, an ACK that was sent would be in the
 * capture.
 */
static bool may_be_delayed(const struct tw_facts *f, enum tw_side closer)
{
	enum tw_vantage far = closer == TW_CLIENT ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT;

	return tw_get(f, TW_F_FIN1_SPAN_NS) < TW_TCP_DELACK_MAX_NS || tw_is(f, TW_F_VANTAGE, far);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side closer = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	bool behind = acked_and_repeated(f, closer);
	bool echoed = tw_is(f, TW_F_FIN1_REPEAT_ECHO, 1) && tw_get(f, TW_F_FIN1_ACKS) <= 1 &&
		      !may_be_delayed(f, closer);

	if (!tw_known(f, TW_F_FIN1_SIDE) || tw_get(f, TW_F_FIN1_COUNT) < 2 ||
	    !tw_get(f, TW_F_FIN1_ACKED) || (!behind && !echoed) || (behind && was_late(f)) ||
	    tw_get(f, TW_F_FIN1_REFUSED) || tw_acks_are_late(f, tw_get(f, TW_F_FIN1_SPAN_NS)) ||
	    tw_sooner_than_timers(f, tw_get(f, TW_F_FIN1_SPAN_NS)))
		return false;
	m->strength = tw_close_strength(f);
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(
		m,
		"The first FIN of %s arrived, but its ACK was lost: the FIN was repeated after %s.",
		tw_endpoint(m, closer), TW_DUR(tw_get(f, TW_F_FIN1_SPAN_NS)));
	tw_cite(m, TW_F_FIN1_COUNT, "the FIN again, %s after the first",
		TW_DUR(tw_get(f, TW_F_FIN1_SPAN_NS)));
	if (echoed)
		tw_cite(m, TW_F_FIN1_REPEAT_ECHO,
			"the ACK of the repeat shows that the first copy had arrived");
	if (behind)
		tw_cite(m, TW_F_FIN1_REPEATED_AFTER_ACK,
			"the FIN is repeated although its ACK has passed here");
	tw_rival(m, "reordering",
		 "an ACK that is only late, from a busy host, provokes the same repeat");
	if (tw_may_be_second_fin(f) && !tw_get(f, TW_F_FIN2_SEEN))
		tw_rival(m, "last-ack-lost",
			 "the other end's FIN may have come first, where the capture did not see "
			 "it");
	tw_rule_out(m, "fin-lost", "the first copy had arrived");
	tw_app_saw(m, closer, NULL, NULL, -1, "Nothing: close() had returned before.");
	tw_app_saw(m, tw_other(closer), "recv", "EOF", -1,
		   "In time, with the first copy of the FIN.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_rto_min_us",
	  "Lower limit of the timer that repeats the FIN: 200000 us by default." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Leave it alone: nobody waited, and the kernel repaired it.",
	"If it is frequent, look for loss in the direction of the ACKs: `tcpwhy explain "
	"loss-recovered`.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6, s3.10.7.4 (an old segment is answered by an ACK)",
	"RFC 2883 (D-SACK)",
	"net/ipv4/tcp_input.c: tcp_send_dupack",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "once",
		.about = "the ACK of the first FIN is lost",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable drop server ack\n"
			  "client close\n"
			  "cable wait client fin #2\n"
			  "state client FIN_WAIT2\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client fin-ack-lost|fin-lost degraded likely certain\n"
			  "verdict server fin-ack-lost degraded likely certain\n",
	},
	{
		.name = "server-first",
		.about = "the server closes first",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable drop client ack\n"
			  "server close\n"
			  "cable wait server fin #2\n"
			  "state server FIN_WAIT2\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "verdict both fin-ack-lost|fin-lost degraded likely certain\n",
	},
	{
		.name = "simultaneous",
		.about = "both ends close at the same time: the FINs cross, nothing is lost",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "cable quiet 20ms\n"
			  "fault\n"
			  "cable hold client fin\n"
			  "cable hold server fin\n"
			  "client close\n"
			  "server close\n"
			  "cable wait client fin\n"
			  "cable wait server fin\n"
			  "cable release\n"
			  "state client TIME_WAIT\n"
			  "state server TIME_WAIT\n"
			  "verdict both clean clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "close() sends the FIN";
	tw_schedule_data(&p->ladder, m, TW_ORPHAN, 1, "FIN again", "FIN again");
	tw_predict_stand(p, tw_moment_at(0), "FIN_WAIT1", "CLOSE_WAIT");
	tw_predict_stand(p, tw_predict_first_repeat(p), "FIN_WAIT2", "CLOSE_WAIT");
	tw_predict_repeated_fin(p, m);
}

const struct tw_phenomenon tw_ph_fin_ack_lost = {
	.slug = "fin-ack-lost",
	.stage = TW_STAGE_TEARDOWN,
	.title = "The ACK of the first FIN was lost",
	.happens = "The peer's kernel acknowledged the FIN, and that ACK was lost. The closer, "
		   "still in FIN_WAIT1, repeats its FIN after about 0.2 s; the peer already has "
		   "it and answers with another ACK. If the peer closes in the meantime, its own "
		   "FIN carries the acknowledgement, nothing is repeated, and the loss stays "
		   "invisible.",
	.diagram = " closes first                                                 peer\n"
		   "   |------------------- FIN|ACK, TSval 100 ------------------>|\n"
		   "   |            X------ ACK, TSecr 100 -----------------------|\n"
		   "   |   0.2 s                                       CLOSE_WAIT |\n"
		   "   |------------------- FIN|ACK, TSval 310 ------------------>|\n"
		   "   |<------------------ ACK, TSecr 310, D-SACK ---------------|\n"
		   "   |<------------------ FIN|ACK ------------------------------|\n"
		   "   |--------------------------- ACK ------------------------->|\n",
	.client_sees = "Nothing: close() had returned before.",
	.server_sees =
		"Nothing: recv() returned 0 in time, when the first copy of the FIN arrived.",
	.recognise = "tcpwhy sees the first FIN repeated and asks whether the first copy had "
		     "arrived. At the FIN's sender a D-SACK in the ACK of the repeat says so. "
		     "Nearer to the peer both ACKs are seen, the first of them well "
		     "before the repeat. If both reached the FIN's sender, the first was late and "
		     "not lost, and the connection counts as clean.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WP",
	.predict = predict,
	.sign = TW_F_FIN1_ACKED,
	.match = match,
	.scenarios = scenarios,
};
