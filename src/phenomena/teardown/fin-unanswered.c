/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first FIN and all its repeats stay unanswered to the end.
 *
 * Theory: FIN_WAIT1 repeats the FIN like data. After close() the socket is an orphan and gives up
 * after tcp_orphan_retries (107.5 s), after shutdown() it has an owner and takes tcp_retries2 (938
 * s); both end without a packet. Limits: that it stayed unanswered is certain once the ladder is
 * long; whether the peer died, the path broke or a filter closed is open.
 *
 *    closes first                                                 peer
 *      |---------------------- FIN|ACK ---------------X           x dead,
 *      |   0.21 s              FIN|ACK ---------------X           or the
 *      |   0.42  0.84  1.7  3.3  6.8  13.5  26.8 s                path is
 *      |   53.9 s              FIN|ACK ---------------X
 *      |  107.5 s: the orphan is gone; no packet
 */
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"
#include "timers/usual.h"

#include <inttypes.h>
#include <string.h>

/* the FIN and three repeats: a lost FIN that heals needs fewer as a rule */
#define SEVERAL 4

/*
 * A reset of the closer itself, long after its last repeat: its kernel had given up. A bare one answers what came
 * since; with ACK it is how Windows and BSD end their repeats.
 */
static bool given_up(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, tw_get(f, TW_F_FIN1_SIDE)) &&
	       (tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) || tw_get(f, TW_F_RST_HAS_ACK)) &&
	       tw_get(f, TW_F_RST_IDLE_BEFORE_NS) > TW_NS_PER_S;
}

static void say(struct tw_match *m, enum tw_side closer, int64_t repeats, int64_t span)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_FIN1_ACKED_BEYOND))
		m->summary = tw_say(m,
				    "%s closed, and repeated its FIN over %s: the ACKs that answer "
				    "it are of other numbers, and it did not take them.",
				    tw_endpoint(m, closer), TW_DUR(span));
	else if (repeats == 1)
		m->summary = tw_say(m,
				    "%s closed, and neither its FIN nor the repeat %s later was "
				    "acknowledged; all data had been.",
				    tw_endpoint(m, closer), TW_DUR(span));
	else
		m->summary = tw_say(m,
				    "%s closed, and neither its FIN nor the %" PRId64
				    " repeats over %s were acknowledged; all "
				    "data had been.",
				    tw_endpoint(m, closer), repeats, TW_DUR(span));
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side closer = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	int64_t count = tw_get(f, TW_F_FIN1_COUNT), span = tw_get(f, TW_F_FIN1_SPAN_NS);
	bool final = count > tw_usual()->orphan_fins || span >= tw_usual()->orphan_last_ns ||
		     (tw_get(f, TW_F_RST_COUNT) && given_up(f));
	bool first = !tw_may_be_second_fin(f);
	bool owned = span > tw_usual()->orphan_most_ns; /* longer than an orphan lives */

	/* or fewer, and so far apart that those between them are not in the capture */
	if (!tw_silence_proves(f) || !tw_known(f, TW_F_FIN1_SIDE) ||
	    (count < SEVERAL && (count < 2 || span < TW_FINAL_NS)) || tw_get(f, TW_F_FIN1_ACKED) ||
	    !tw_get(f, TW_F_FIN1_DATA_ACKED) || (tw_get(f, TW_F_RST_COUNT) && !given_up(f)))
		return false;
	m->strength = TW_STRENGTH_TEARDOWN;
	m->confidence = !first ? TW_POSSIBLE : final ? TW_CERTAIN : TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	say(m, closer, count - 1, span);
	tw_cite(m, TW_F_FIN1_SIDE, "the FIN; all data before it are acknowledged");
	if (tw_get(f, TW_F_FIN1_ACKED_BEYOND)) {
		m->confidence = TW_POSSIBLE;
		tw_cite(m, TW_F_FIN1_ACKED_BEYOND,
			"an ACK of more than the FIN: nothing can stand behind one");
		tw_rival(m, "desynchronized",
			 "a device between them that closes with numbers of its own leaves this");
	} else if (count == 2)
		tw_cite(m, TW_F_FIN1_COUNT, "its repeat, %s later, unanswered", TW_DUR(span));
	else
		tw_cite(m, TW_F_FIN1_COUNT, "the last of %" PRId64 " repeats over %s, unanswered",
			count - 1, TW_DUR(span));
	if (tw_get(f, TW_F_RST_COUNT))
		tw_cite(m, TW_F_RST_COUNT, "a reset of %s: its kernel has given up",
			tw_side_name(closer));
	if (tw_get(f, TW_F_FIN2_SEEN))
		tw_cite(m, TW_F_FIN2_SEEN,
			"the other end closes too and does not acknowledge it: its packets pass, "
			"the FINs do not");
	if (!final) {
		tw_rival(m, "peer-vanished",
			 "the capture ends early: whether only the close was lost is open");
		tw_missing(m, "The capture ends early: a later repeat may have been answered.");
	}
	tw_rule_out(m, "fin-lost", "no copy of the FIN was acknowledged");
	if (first)
		tw_rule_out(m, "last-ack-expired", "it is the first FIN that stays unanswered");
	else
		tw_rival(m, "last-ack-expired",
			 "the other end may have closed before, in a part that was not captured");
	if (owned)
		tw_app_saw(m, closer, "recv", "ETIMEDOUT", -1,
			   "It was shutdown(), not close(): recv() ends with ETIMEDOUT by "
			   "tcp_retries2.");
	else
		tw_app_saw(m, closer, NULL, NULL, -1,
			   "Nothing after close(); after shutdown() recv() hangs for about 15 "
			   "minutes.");
	tw_app_saw(m, tw_other(closer), NULL, NULL, -1, "Nothing: no end of the stream arrived.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_orphan_retries",
	  "Repeats of a socket nobody owns: 0 by default, which means 8 (107.5 s "
	  "measured); 2 takes 3.4 s, 3 takes 6.5 s." },
	{ "net.ipv4.tcp_retries2",
	  "The same after shutdown(), while a process still holds the socket: 15 by "
	  "default, 938 s." },
	{ "net.ipv4.tcp_max_orphans",
	  "How many such sockets may exist; beyond it they are reset at once." },
	{ "SO_LINGER", "With a time above 0 close() waits so long for the FIN to be acknowledged, "
		       "and returns 0 whether it was or not." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Look at the peer's side for where the FIN ends: `tcpdump -ni any 'host CLIENT and host "
	"SERVER and port PORT'` while it is repeated.",
	"Nothing is lost if all data were acknowledged; treat it as a sign that the peer or "
	"the path died just before the close.",
	"If thousands of FIN-WAIT-1 sockets pile up (`ss -tan state fin-wait-1 | wc -l`), "
	"lower the retries: `sysctl -w net.ipv4.tcp_orphan_retries=3`.",
	"If a firewall on the path drops FINs after it removed its entry, give it a longer "
	"timeout for closing connections (conntrack: nf_conntrack_tcp_timeout_fin_wait, 120 s "
	"by default).",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6 (closing), s3.8.3 (connection failures)",
	"net/ipv4/tcp_timer.c: tcp_orphan_retries, tcp_write_timeout",
	"net/ipv4/tcp.c: tcp_close",
	NULL,
};

/* Live: an orphan that gives up in FIN_WAIT1 or CLOSING. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool state = tw_is(f, TW_F_K_ERROR_STATE, 4) || tw_is(f, TW_F_K_ERROR_STATE, 11);

	if (!tw_live_gave_up(m) || !state || (!tw_get(f, TW_F_K_ORPHAN) && !tw_live_only_fin(m)))
		return false;
	tw_live_say(m, TW_STRENGTH_TEARDOWN, TW_CERTAIN,
		    tw_get(f, TW_F_K_UNACKED) > 1 || tw_get(f, TW_F_K_UNSENT) ? TW_OUTCOME_FAILED
									      : TW_OUTCOME_DEGRADED,
		    TW_CULPRIT_UNKNOWN,
		    tw_say(m, "The FIN of %s stayed unanswered: %s, then the kernel gave up.",
			   tw_endpoint(m, (enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE)),
			   tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat")));
	if (tw_get(f, TW_F_K_ORPHAN)) {
		tw_cite(m, TW_F_K_ERROR, "the closed socket gives up (%s, which nobody sees)",
			strerrorname_np((int)tw_get(f, TW_F_K_ERROR)));
	} else {
		tw_live_cite_error(m);
		tw_live_error_seen(m, "recv");
	}
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "dead-host",
		.about = "the FIN and its repeats stay unanswered: the orphan gives up",
		.variants = "v4 v6",
		.script = "short client tcp_orphan_retries 2\n"
			  "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "host server vanish\n"
			  "client close\n"
			  "state client FIN_WAIT1\n"
			  "state client CLOSE within 30s full 130s\n"
			  "verdict client fin-unanswered degraded failed likely full certain "
			  "degraded\n"
			  "never client clean\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "shutdown",
		.about = "after shutdown() it is tcp_retries2 that ends it, and recv() tells",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 1\n"
			  "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "host server vanish\n"
			  "client shutdown\n"
			  "state client FIN_WAIT1\n"
			  "client recv -> ETIMEDOUT after 300ms..5s full 938s\n"
			  "client recv -> EOF\n"
			  "verdict client fin-unanswered|peer-vanished degraded failed likely "
			  "certain\n"
			  "never client clean\n"
			  "verdict server clean|unknown clean unknown\n",
	},
	{
		.name = "reset-in-place",
		.about = "everything is said and the peer has closed: a reset in place of the "
			 "FIN hurts nobody",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "server close\n"
			  "client recv -> EOF\n"
			  "client option SO_LINGER 1 0\n"
			  "client close\n"
			  "cable wait client rst\n"
			  "state server CLOSE\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "linger",
		.about = "SO_LINGER with a time: close() waits for it",
		.variants = "v4 v6",
		.script = "short client tcp_orphan_retries 1\n"
			  "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client option SO_LINGER 1 1\n"
			  "fault\n"
			  "host server vanish\n"
			  "client close -> ok after 1s\n"
			  "state client FIN_WAIT1\n"
			  "state client CLOSE within 30s\n"
			  "verdict client fin-unanswered likely degraded\n"
			  "verdict server clean clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "close() sends the FIN";
	tw_schedule_data(&p->ladder, m, TW_ORPHAN, 1, "FIN again", "FIN again");
	tw_predict_stand_until_end(p, "FIN_WAIT1", TW_THERE_UNKNOWN);
	tw_predict_saw(
		p, NULL, "gone", p->ladder.end,
		"The application has closed the socket and learns nothing; until then the kernel "
		"keeps it.");
	p->note = "After shutdown() instead of close() the socket is no orphan: tcp_retries2 "
		  "counts, see "
		  "peer-vanished.";
}

const struct tw_phenomenon tw_ph_fin_unanswered = {
	.slug = "fin-unanswered",
	.stage = TW_STAGE_TEARDOWN,
	.title = "The FIN stayed unanswered; the orphan gave up",
	.happens = "After close() nobody owns the socket any more; the kernel keeps it only to "
		   "deliver the FIN. It repeats the FIN after 0.21, 0.42, 0.84 ... 53.9 s and "
		   "frees the socket after 107.5 s (measured): tcp_orphan_retries = 0 means 8 "
		   "repeats. In that time it shows as FIN-WAIT-1 without a process in `ss`.\n\n"
		   "After shutdown(SHUT_WR) the socket still has an owner, and tcp_retries2 "
		   "applies: the FIN is repeated for about 15 minutes, and a recv() that waits "
		   "gets ETIMEDOUT. In neither case is a RST sent.",
	.diagram = " closes first                                                 peer\n"
		   "   |---------------------- FIN|ACK ---------------X           x dead,\n"
		   "   |   0.21 s              FIN|ACK ---------------X           or the\n"
		   "   |   0.42  0.84  1.7  3.3  6.8  13.5  26.8 s                path is\n"
		   "   |   53.9 s              FIN|ACK ---------------X\n"
		   "   |  107.5 s: the orphan is gone; no packet\n",
	.client_sees =
		"If the client closes first with close(): nothing, the socket was closed "
		"already. With shutdown(): recv() hangs and gets ETIMEDOUT after about 938 s.",
	.server_sees =
		"Nothing arrives: if it is alive, its connection stays ESTABLISHED until it "
		"sends or keepalive ends it, and then its segment is answered by a bare RST.",
	.recognise = "tcpwhy asks for a first FIN that was repeated at least three times and never "
		     "acknowledged, with all data before it acknowledged. If data are missing too "
		     "it is peer-vanished. With the ladder of a whole minute it is certain; with a "
		     "few repeats and then the end of the capture the next one might have been "
		     "answered. Why the other side is silent is not visible.",
	.folklore = "\"A connection that cannot be closed is reset in the end.\" The orphan gives "
		    "up in silence; the other end, if it lives, stays half-open.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_FIN1_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
