/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first FIN did not arrive; a repeat did.
 *
 * Theory: a FIN occupies a sequence number and is repeated like data. Which copy arrived is told
 * by the ACK: it echoes the timestamp of the repeat, and the ACK of a stack that knows D-SACK would carry one if the
 * first copy had arrived already. Limits: without timestamps and SACK the loss of the FIN and of its ACK look
 * alike at the FIN's sender; beyond the loss one ordinary FIN is all there is.
 *
 *    closes first                                                 peer
 *      |------------------- FIN|ACK, TSval 100 -------X           |
 *      |   7 ms (tail-loss probe on a LAN) to 0.2 s   FIN_WAIT1   |
 *      |------------------- FIN|ACK, TSval 310 ------------------>|
 *      |<------------------ ACK, TSecr 310 -----------------------|
 *      |<------------------ FIN|ACK ------------------------------|
 *      |--------------------------- ACK ------------------------->|
 */
#include "base/duration.h"
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"
#include "timers/constants.h"

#include <inttypes.h>

/* Is it shown which copy arrived, by a stack that always tells? */
static bool is_sure(const struct tw_facts *f)
{
	return tw_is(f, TW_F_FIN1_REPEAT_ECHO, 2) && tw_get(f, TW_F_FIN1_ECHO_TELLS);
}

static void name_rivals(struct tw_match *m, enum tw_side closer)
{
	const struct tw_facts *f = m->facts;

	if (is_sure(f))
		tw_rule_out(m, "fin-ack-lost",
			    "the first copy never arrived, so nothing had been acknowledged");
	else
		tw_rival(m, "fin-ack-lost",
			 tw_fin_came_here(f, closer)
				 ? "its receiver may have lost its own ACK before this point"
			 : tw_is(f, TW_F_FIN1_REPEAT_ECHO, 2)
				 ? "no D-SACK of that end is in the capture: stacks that report no "
				   "duplicates answer a second copy like this, too"
				 : "without timestamps and SACK a lost FIN and a lost ACK look the "
				   "same");
	if (tw_may_be_second_fin(f) && !tw_get(f, TW_F_FIN2_SEEN))
		tw_rival(m, "last-fin-lost",
			 "the other end's FIN may have come first, where the capture did not see "
			 "it");
	if (tw_is(f, TW_F_AFTER_CLOSE_SIDE, tw_other(closer)))
		tw_rival(m, "reordering",
			 "after the close the receiver answers a segment that was not sent then: "
			 "the first FIN may have come late");
	if (tw_get(f, TW_F_FIN_ANSWERED_STILL))
		tw_rival(
			m, "invalid-segment",
			"the receiver answered it by an ACK that stands still: it may have arrived "
			"and been refused, for an old timestamp for example");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side closer = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	bool shown = tw_is(f, TW_F_FIN1_REPEAT_ECHO, 2), here = tw_fin_came_here(f, closer);

	if (!tw_known(f, TW_F_FIN1_SIDE) || tw_get(f, TW_F_FIN1_COUNT) < 2 ||
	    !tw_get(f, TW_F_FIN1_ACKED) || tw_get(f, TW_F_FIN1_REPEATED_AFTER_ACK) ||
	    tw_is(f, TW_F_FIN1_REPEAT_ECHO, 1) || (!shown && tw_get(f, TW_F_FIN1_ACKS) > 1) ||
	    (!shown && tw_sooner_than_path(f, TW_F_FIN1_COUNT, TW_F_FIN1_ACKED)) ||
	    tw_sooner_than_timers(f, tw_get(f, TW_F_FIN1_SPAN_NS)))
		return false;
	/* a probe that only outran a delayed ACK: no D-SACK could tell */
	if (!shown && tw_get(f, TW_F_FIN1_SPAN_NS) < TW_TCP_DELACK_MAX_NS &&
	    !tw_get(f, TW_F_SACK_OK))
		return false;
	m->strength = tw_close_strength(f);
	m->confidence = is_sure(f) && !here ? TW_CERTAIN : TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = here ? tw_host_of(tw_other(closer)) : TW_CULPRIT_NETWORK;
	m->summary = tw_say(
		m,
		here ? "The first FIN of %s passed here, next to its receiver, and was not taken; "
		       "the repeat %s later closed the connection."
		     : "The first FIN of %s was lost; the repeat %s later closed the connection.",
		tw_endpoint(m, closer), TW_DUR(tw_get(f, TW_F_FIN1_SPAN_NS)));
	tw_cite(m, TW_F_FIN1_COUNT, "the FIN again (%" PRId64 " transmissions over %s)",
		tw_get(f, TW_F_FIN1_COUNT), TW_DUR(tw_get(f, TW_F_FIN1_SPAN_NS)));
	if (shown)
		tw_cite(m, TW_F_FIN1_REPEAT_ECHO, "its ACK echoes the repeat and brings no D-SACK");
	else
		tw_cite(m, TW_F_FIN1_ACKED, "the only ACK of the FIN");
	name_rivals(m, closer);
	tw_rule_out(m, "fin-unanswered", "the repeat was acknowledged");
	tw_app_saw(m, closer, NULL, NULL, -1, "Nothing: close() had returned before.");
	tw_app_saw(m, tw_other(closer), "recv", "EOF", tw_get(f, TW_F_FIN1_SPAN_NS),
		   "The end of the stream came late by the time of the repeat.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_rto_min_us",
	  "Lower limit of the timer that repeats the FIN: 200000 us by default." },
	{ "net.ipv4.tcp_orphan_retries",
	  "How often a closed socket repeats the FIN before it gives up: 0 by default, "
	  "which means 8." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Leave it alone if it is rare: the kernel repaired it, and no application got an "
	"error.",
	"If the repeat was late and somebody waited for the end of the stream, let the "
	"protocol state the length of its messages.",
	"If it is frequent, look for the loss itself: `tcpwhy explain loss-recovered`.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6 (closing)",
	"RFC 6298 s5 (retransmission)",
	"net/ipv4/tcp_output.c: tcp_send_fin, tcp_send_loss_probe",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "once",
		.about = "the first FIN is lost",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable drop client fin\n"
			  "client close\n"
			  "server recv eof within 2s\n"
			  "server close\n"
			  "verdict client fin-lost|fin-ack-lost degraded likely certain\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "server-first",
		.about = "the server's FIN is lost",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable drop server fin\n"
			  "server close\n"
			  "client recv -> EOF within 2s\n"
			  "client close\n"
			  "verdict server fin-lost|fin-ack-lost degraded likely certain\n"
			  "verdict client clean clean\n",
	},
	{
		.name = "half-close",
		.about = "the FIN of shutdown() is lost, the answer comes all the same",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable drop client fin\n"
			  "client shutdown\n"
			  "server recv -> EOF within 2s\n"
			  "server send 3000\n"
			  "client recv 3000\n"
			  "server close\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "verdict client fin-lost|fin-ack-lost degraded likely certain\n"
			  "verdict server clean clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "close() sends the FIN";
	tw_schedule_data(&p->ladder, m, TW_ORPHAN, 1, "FIN again", "FIN again");
	tw_predict_stand(p, tw_moment_at(0), "FIN_WAIT1", "ESTABLISHED");
	tw_predict_stand(p, tw_predict_first_repeat(p), "FIN_WAIT2", "CLOSE_WAIT");
	tw_predict_repeated_fin(p, m);
}

const struct tw_phenomenon tw_ph_fin_lost = {
	.slug = "fin-lost",
	.stage = TW_STAGE_TEARDOWN,
	.title = "The first FIN was lost and repeated",
	.happens = "The FIN was lost on its way. The sender, in FIN_WAIT1, repeats it: on a LAN "
		   "the tail-loss probe can go out after 7 ms, the retransmission timer after "
		   "about 0.21 s, and then at doubling intervals. The repeat arrived, and the "
		   "close went its normal way.",
	.diagram = " closes first                                                 peer\n"
		   "   |------------------- FIN|ACK, TSval 100 -------X           |\n"
		   "   |   7 ms (tail-loss probe on a LAN) to 0.2 s   FIN_WAIT1   |\n"
		   "   |------------------- FIN|ACK, TSval 310 ------------------>|\n"
		   "   |<------------------ ACK, TSecr 310 -----------------------|\n"
		   "   |<------------------ FIN|ACK ------------------------------|\n"
		   "   |--------------------------- ACK ------------------------->|\n",
	.client_sees = "Nothing: close() had returned long before.",
	.server_sees =
		"The end of the stream comes a little later: recv() returns 0 when the repeat "
		"arrives. An application that waits for the end of the stream as the end of "
		"the message waits for it.",
	.recognise =
		"tcpwhy sees the first FIN more than once and asks which copy had arrived. An "
		"ACK that echoes the timestamp of the repeat, without D-SACK, means that the "
		"first was lost: certain where that end is seen to report duplicates, or answers "
		"from a TIME_WAIT of Linux. Otherwise it is likely, with fin-ack-lost as the "
		"rival.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_FIN1_ACKED,
	.match = match,
	.scenarios = scenarios,
};
