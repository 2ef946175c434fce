/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LAST_ACK's FIN and its repeats stay unanswered; the orphan gives up silently.
 *
 * Theory: LAST_ACK is an orphan, so tcp_orphan_retries applies: 8 repeats, 107.5 s. A live
 * TIME_WAIT or even a host without the connection would answer (ACK or RST), so the silence means
 * that nothing arrives or nothing comes back. Limits: whether the FINs or the ACKs are lost is not
 * visible here.
 *
 *    closes first                                                 peer
 *      |----------------------- FIN|ACK ------------------------->|
 *      |<------------------------ ACK ----------------------------|
 *      x gone, or                                                 |
 *      x the path is     X----- FIN|ACK --------------------------|
 *                        X----- FIN|ACK   0.21 s         LAST_ACK |
 *                        :      0.42  0.84 ... 26.8  53.9 s       :
 *                                           107.5 s: gone, silent |
 */
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"
#include "timers/usual.h"

#include <inttypes.h>

/* the FIN and three repeats */
#define SEVERAL 4

/*
 * A reset of the FIN's sender itself, long behind its last repeat: its kernel had given up. A bare one answers what came
 * since; with ACK it is how Windows, BSD and OS/2 end their repeats.
 */
static bool given_up(const struct tw_facts *f, enum tw_side second)
{
	return tw_is(f, TW_F_RST_SIDE, second) &&
	       !tw_get(f, second == TW_CLIENT ? TW_F_RST_COUNT_S : TW_F_RST_COUNT_C) &&
	       (tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) || tw_get(f, TW_F_RST_HAS_ACK)) &&
	       tw_get(f, TW_F_RST_IDLE_BEFORE_NS) > TW_NS_PER_S &&
	       tw_frame_of(f, TW_F_RST_COUNT) > tw_frame_of(f, TW_F_FIN2_COUNT);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side first = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	enum tw_side second = tw_other(first);
	int64_t count = tw_get(f, TW_F_FIN2_COUNT), span = tw_get(f, TW_F_FIN2_SPAN_NS);
	bool over = given_up(f, second);
	bool final = over || count > tw_usual()->orphan_fins || span >= tw_usual()->orphan_last_ns;

	if (!tw_silence_proves(f) || !tw_get(f, TW_F_FIN2_SEEN) || !tw_get(f, TW_F_FIN1_ACKED) ||
	    count < SEVERAL || tw_get(f, TW_F_FIN2_ACKED) || (tw_get(f, TW_F_RST_COUNT) && !over) ||
	    tw_get(f, TW_F_UNANSWERED_BYTES))
		return false;
	m->strength = TW_STRENGTH_TEARDOWN;
	m->confidence = final ? TW_CERTAIN : TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(m,
			    "%s closed second, and neither its FIN nor the %" PRId64
			    " repeats over %s were acknowledged.",
			    tw_endpoint(m, second), count - 1, TW_DUR(span));
	tw_cite(m, TW_F_FIN2_SEEN, "the second FIN: %s is in LAST_ACK from now on",
		tw_side_name(second));
	tw_cite(m, TW_F_FIN2_COUNT, "the last of %" PRId64 " repeats over %s, unanswered",
		count - 1, TW_DUR(span));
	if (over)
		tw_cite(m, TW_F_RST_COUNT, "its reset: by now it has given up");
	tw_rule_out(m, "last-ack-lost", "no repeat was acknowledged");
	if (final)
		tw_rule_out(m, "last-fin-lost", "no repeat was acknowledged");
	else
		tw_missing(m, "The capture ends early: a later repeat may have been answered.");
	tw_app_saw(m, first, NULL, NULL, -1,
		   "Nothing after close(); after shutdown() recv() waits for the end.");
	tw_app_saw(m, second, NULL, NULL, -1, "Nothing: close() had returned before.");
	if (!final)
		tw_rival(m, "last-fin-lost",
			 "the capture ends early: the next repeat may have been answered");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_orphan_retries",
	  "Repeats of LAST_ACK: 0 by default, which means 8 (107.5 s); 2 takes 3.4 s, 5 "
	  "takes 13.4 s." },
	{ "nf_conntrack_tcp_timeout_last_ack, _close_wait",
	  "What Linux's conntrack keeps for closing connections: 30 s and 60 s by "
	  "default; later segments of the close count as invalid." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Nothing is lost: both applications had finished. Act only if such sockets pile up: "
	"`ss -tan state last-ack | wc -l`.",
	"If they do, look for the firewall between the two hosts that forgets closing "
	"connections too early, and raise its timeout (conntrack: `sysctl "
	"net.netfilter.nf_conntrack_tcp_timeout_close_wait`).",
	"Lower the repeats where sockets are short: `sysctl -w "
	"net.ipv4.tcp_orphan_retries=3`.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6",
	"net/ipv4/tcp_timer.c: tcp_orphan_retries, tcp_write_timeout",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_live_gave_up(m) || !tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_LAST_ACK))
		return false;
	tw_live_say(m, TW_STRENGTH_TEARDOWN, TW_CERTAIN,
		    tw_live_only_fin(m) ? TW_OUTCOME_DEGRADED : TW_OUTCOME_FAILED,
		    TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "The second FIN stayed unanswered: %s, then the kernel of %s gave "
			   "up.",
			   tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat"),
			   tw_endpoint(m, (enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE))));
	tw_cite(m, TW_F_K_ERROR, "the closed socket gives up in LAST_ACK");
	if (tw_known(f, TW_F_K_USER_TIMEOUT_NS))
		tw_cite(m, TW_F_K_USER_TIMEOUT_NS, "by its TCP_USER_TIMEOUT of %s",
			TW_DUR(tw_get(f, TW_F_K_USER_TIMEOUT_NS)));
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "dead-host",
		.about = "LAST_ACK's FIN stays unanswered",
		.variants = "v4 v6",
		.script = "short server tcp_orphan_retries 2\n"
			  "host server neighbour permanent\n"
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
			  "host client vanish\n"
			  "server close\n"
			  "state server LAST_ACK\n"
			  "state server CLOSE within 30s full 130s\n"
			  "verdict server last-ack-expired degraded failed likely certain\n"
			  "never server clean\n"
			  "verdict client unknown|clean clean unknown\n",
	},
	{
		.name = "user-timeout",
		.about = "TCP_USER_TIMEOUT ends LAST_ACK, too",
		.variants = "v4 v6",
		.script = "host server neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "server option TCP_USER_TIMEOUT 1500\n"
			  "client close\n"
			  "server recv eof\n"
			  "fault\n"
			  "host client vanish\n"
			  "server close\n"
			  "state server LAST_ACK\n"
			  "state server CLOSE within 6s\n"
			  "verdict server last-ack-expired|unknown degraded failed unknown "
			  "likely possible certain\n"
			  "never server clean\n"
			  "verdict client clean|unknown clean unknown\n",
	},
	{
		.name = "shutdown",
		.about = "after shutdown() it is tcp_retries2, and a call that writes tells",
		.variants = "v4",
		.script = "short server tcp_retries2 1\n"
			  "host server neighbour permanent\n"
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
			  "host client vanish\n"
			  "server shutdown\n"
			  "state server LAST_ACK\n"
			  "state server CLOSE within 9s\n"
			  "server recv -> EOF\n"
			  "server send 1 -> ETIMEDOUT\n"
			  "server send 1 -> EPIPE\n"
			  "verdict server last-ack-expired degraded failed likely certain\n"
			  "never server clean\n"
			  "verdict client unknown|clean clean unknown\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "close() answers the peer's FIN with its own";
	tw_schedule_data(&p->ladder, m, TW_ORPHAN, 1, "FIN again", "FIN again");
	tw_predict_stand_until_end(p, "LAST_ACK", "TIME_WAIT, or gone");
	tw_predict_saw(
		p, NULL, "gone", p->ladder.end,
		"The application has closed the socket and learns nothing; until then the kernel "
		"keeps it.");
	p->note = "After shutdown() instead of close() the socket is no orphan: tcp_retries2 "
		  "counts, see "
		  "peer-vanished.";
}

const struct tw_phenomenon tw_ph_last_ack_expired = {
	.slug = "last-ack-expired",
	.stage = TW_STAGE_TEARDOWN,
	.title = "The last FIN stayed unanswered to the end",
	.happens = "The end that closed second waits in LAST_ACK for the acknowledgement of its "
		   "FIN and repeats it after 0.21, 0.42, 0.84 ... 53.9 s. Nobody owns the "
		   "socket, so tcp_orphan_retries applies: after 107.5 s (measured) it is freed "
		   "without a packet.\n\n"
		   "A host that has forgotten the connection would answer with a RST, and "
		   "TIME_WAIT with an ACK. That neither comes means that the host is gone, or "
		   "that a filter drops: typically a firewall that removed its entry when it saw "
		   "the first FIN.",
	.diagram = " closes first                                                 peer\n"
		   "   |----------------------- FIN|ACK ------------------------->|\n"
		   "   |<------------------------ ACK ----------------------------|\n"
		   "   x gone, or                                                 |\n"
		   "   x the path is     X----- FIN|ACK --------------------------|\n"
		   "                     X----- FIN|ACK   0.21 s         LAST_ACK |\n"
		   "                     :      0.42  0.84 ... 26.8  53.9 s       :\n"
		   "                                        107.5 s: gone, silent |\n",
	.client_sees = "Nothing: both ends had closed.",
	.server_sees =
		"Nothing: `ss -tan state last-ack` shows the socket without a process until "
		"it is freed. If it used shutdown() and still holds the socket, tcp_retries2 "
		"applies (15 minutes): then recv() goes on returning 0, and send() fails with "
		"ETIMEDOUT once, then with EPIPE.",
	.recognise = "tcpwhy asks for a second FIN that was repeated at least three times and "
		     "never acknowledged, after the first FIN was. With the ladder of about a "
		     "minute it is certain; with few repeats the next one might have been "
		     "answered. At the other side nothing of it is seen: there it looks like a "
		     "peer that does not close.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_FIN2_SEEN,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
