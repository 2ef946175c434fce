/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handshake-ack-lost: the third packet of the handshake did not arrive.
 *
 *   the server speaks first              lost for ever
 *	client           server		client               server
 *	  |---SYN--------->|		  |---SYN------------->|
 *	  |<--SYN|ACK------|		  |<--SYN|ACK----------|
 *	  |---ACK--->X     | SYN_RECV	  |---ACK--->X         |  ESTABLISHED | SYN_RECV
 *	  |   1 s          |		  |<--SYN|ACK----------|  1 3 7 15 31 s
 *	  |<--SYN|ACK------|		  |---ACK--->X         |
 *	  |---ACK--------->| accepted	  |       64 s         |  request freed, in silence
 *	  |<--data---------|		  |---data------------>|
 *					  |<--RST--------------|  ECONNRESET
 *
 * If the client speaks first, its data carries the ACK and heals the loss at once: nothing to
 * report. At the server it is plain that no ACK came. At the client a full accept queue looks the
 * same (the ACK arrives and is ignored): accept-queue-full has the better claim as soon as data is
 * ignored, too.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/silence.h"

/* The request had expired: late data meets a listener that knows nothing. */
static bool refused_later(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	       !tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) && !tw_get(f, TW_F_RST_AUTHOR_FIN) &&
	       (tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_DATA) ||
		tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_ACK));
}

/* For each SYN|ACK an ACK comes: the first of them took longer than the SYN|ACK's timer, and none was lost. */
static bool acks_came_late(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYNACK_COUNT) > 1 &&
	       tw_get(f, TW_F_ACK3_COUNT) >= tw_get(f, TW_F_SYNACK_COUNT);
}

/*
 * Here no ACK was seen before the server repeated its SYN|ACK, and the client did not repeat its
 * SYN.
 */
static bool match_ack_missing(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool refused = refused_later(f);

	if (tw_get(f, TW_F_SYNACK_REPEATS_UNTRIGGERED) == 0 ||
	    tw_get(f, TW_F_SYNACK_REPEATS_AFTER_ACK) > 0 || tw_get(f, TW_F_SYN_COUNT) != 1 ||
	    tw_get(f, TW_F_SYNACK_REFUSED))
		return false;
	if (!refused && !tw_get(f, TW_F_ESTABLISHED))
		return false;
	if (tw_get(f, TW_F_RTT_NS) > TW_TCP_TIMEOUT_INIT_NS * 9 / 10)
		return false; /* the path is slower than the SYN|ACK's timer */
	m->strength = refused ? TW_STRENGTH_MECHANISM + 3 : TW_STRENGTH_DELAY + 3;
	m->confidence = refused && !tw_get(f, TW_F_NO_ACKS) ? TW_CERTAIN : TW_LIKELY;
	m->outcome = refused ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED;
	tw_cite(m, TW_F_SYNACK_COUNT,
		refused ? "SYN|ACK; no ACK for it comes here"
			: "SYN|ACK; no ACK for it comes before it is repeated");
	tw_cite(m, TW_F_SYNACK_REPEATS_UNTRIGGERED,
		"SYN|ACK again, %s later, by the server's own timer, while the client does not "
		"repeat its SYN",
		TW_DUR(tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS)));
	if (refused) {
		tw_cite(m, TW_F_RST_TRIGGER,
			"data of the client: it believed in the connection all along");
		tw_cite(m, TW_F_RST_COUNT, "bare RST: the server's request had expired");
		if (tw_get(f, TW_F_NO_ACKS))
			tw_rival(m, "accept-queue-full",
				 "no ACK of any connection is in the capture: a filter may have "
				 "left out the one that a full queue ignored");
		else
			tw_rule_out(m, "accept-queue-full",
				    "no ACK arrived that a full queue could have ignored");
	} else if (acks_came_late(f)) {
		tw_cite(m, TW_F_ACK3_SEEN, "the first of as many ACKs as there were SYN|ACKs");
		tw_rule_out(m, "syn-ack-lost", "the client answered every SYN|ACK");
	} else {
		tw_rival(m, "syn-ack-lost",
			 "the SYN|ACK and a repeated SYN may have been lost, one after the other");
	}
	tw_rule_out(m, "syn-lost", "the SYN was answered");
	return true;
}

/* Here the ACK was seen, and the server repeats its SYN|ACK all the same. */
static bool match_ack_in_vain(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool refused = refused_later(f);
	bool server_first = tw_is(f, TW_F_FIRST_DATA_SIDE, TW_SERVER);
	int64_t repeats = tw_synacks_in_vain(f);

	if (repeats == 0 || tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED) > 0 ||
	    tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER) || tw_looks_deferred_accept(f))
		return false;
	if (!refused && !(server_first && repeats == 1))
		return false;
	m->strength = refused ? TW_STRENGTH_MECHANISM + 1 : TW_STRENGTH_DELAY + 3;
	m->confidence = TW_LIKELY;
	m->outcome = refused ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED;
	tw_cite(m, TW_F_ACK3_SEEN, "the client's ACK of the SYN|ACK");
	tw_cite(m, TW_F_SYNACK_REPEATS_AFTER_ACK,
		"SYN|ACK again, %s after the first, although it was acknowledged (repeats: %lld)",
		TW_DUR(tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS)), (long long)repeats);
	if (refused)
		tw_cite(m, TW_F_RST_COUNT,
			"bare RST in answer to the client's later data: the request had expired");
	tw_rival(m, "accept-queue-full",
		 "a listener whose accept queue is full ignores the ACK and repeats its SYN|ACK; "
		 "`nstat -az "
		 "TcpExtListenOverflows` on the server decides");
	tw_rule_out(m, "syn-ack-lost", "the client answered every SYN|ACK");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_UNREQUESTED_SYNACK) || tw_get(f, TW_F_SIMULTANEOUS_OPEN) ||
	    tw_get(f, TW_F_SELF_CONNECT) || tw_get(f, TW_F_ACK3_WRONG) ||
	    (!match_ack_missing(m) && !match_ack_in_vain(m)))
		return false;
	m->culprit = TW_CULPRIT_NETWORK;
	if (m->outcome == TW_OUTCOME_FAILED) {
		m->summary = tw_say(m,
				    "The ACK that completes the handshake never reached %s: the "
				    "client was connected, "
				    "the server was not, and its RST ended it.",
				    m->server);
		tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
			   "connect() had succeeded; the first data after the request had expired "
			   "drew the reset.");
	} else {
		const int64_t took = tw_known(f, TW_F_ACK3_SEEN) && tw_get(f, TW_F_ACK3_SEEN)
					     ? tw_between_ns(f, TW_F_SYNACK_COUNT, TW_F_ACK3_SEEN)
					     : 0;
		const int64_t repeat = tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS);
		const int64_t after = took > repeat ? took : repeat;

		m->summary = tw_say(m,
				    acks_came_late(f)
					    ? "The ACK that completes the handshake was late: %s "
					      "could accept the connection only %s after its "
					      "first SYN|ACK."
					    : "The ACK that completes the handshake was lost: %s "
					      "could accept the connection only %s after its "
					      "first SYN|ACK, when it had been repeated.",
				    m->server, TW_DUR(after));
		tw_app_saw(m, TW_SERVER, "accept", NULL, after,
			   "Late: the client had been connected all the time.");
	}
	return true;
}

/*
 * Live, at the server: the SYN|ACK was repeated for want of an ACK, the request expired, and then the listener got data of
 * a connection that it does not have. An ACK that a full queue ignores is told as a drop.
 */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_get(f, TW_F_K_SYNACK_REPEATS) || !tw_live_reset_for(m, TW_KRST_LISTENER) ||
	    !(tw_get(f, TW_F_K_RST_ANSWERS) & TW_ACK) || tw_get(f, TW_F_K_QUEUE_FULL))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 3, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_NETWORK,
		    tw_say(m,
			   "The ACK that completes the handshake never reached %s: the client was "
			   "connected, the server was not, and its RST ended it.",
			   m->server));
	tw_cite(m, TW_F_K_SYNACK_REPEATS, "repeat number %lld of the SYN|ACK: no ACK had come",
		(long long)tw_get(f, TW_F_K_SYNACK_REPEATS));
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	if (tw_get(f, TW_F_K_DROPS_TOLD))
		tw_rule_out(m, "accept-queue-full", "no ACK was dropped at a full queue");
	else
		tw_rival(m, "accept-queue-full",
			 "a full queue ignores the ACK, and this kernel does not tell it");
	tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
		   "connect() had succeeded; the first data after the request had expired "
		   "drew the reset.");
	return true;
}

static const char *const remedies[] = {
	"If it repeats, capture at the server (`tcpdump -ni any 'port PORT'`): do the client's "
	"ACKs arrive? If they do, the accept queue "
	"is full (`ss -ltn`, `nstat -az TcpExtListenOverflows`), not the path lossy.",
	"Look for stateful filters or balancers between that saw only one direction of the "
	"handshake.",
	"Let the client of a server-speaks-first protocol set a receive timeout: it may be "
	"connected to nobody.",
	"Turn on keepalive on clients that only wait (SO_KEEPALIVE, TCP_KEEPIDLE 60): a probe "
	"draws the RST that ends it.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_synack_retries", "How often the server repeats its SYN|ACK (1, 3, 7, 15, "
					 "31 s). Default 5; then the request is freed "
					 "in silence after about 64 s." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 9293 s3.5 (three-way handshake); s3.10.7.2 (LISTEN: an ACK draws a RST)",
	"net/ipv4/inet_connection_sock.c: reqsk_timer_handler; net/ipv4/tcp_minisocks.c: "
	"tcp_check_req",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "server-first",
		.about = "the third ACK is lost and the server speaks first: a second passes",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "fault\n"
			  "cable drop client ack\n"
			  "server accept &\n"
			  "client connect within 1s\n"
			  "join server -> ok after 1s\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client handshake-ack-lost|accept-queue-full likely "
			  "degraded\n"
			  "verdict server handshake-ack-lost likely degraded\n"
			  "never client certain\n",
	},
	{
		.name = "client-first",
		.about = "the third ACK is lost, the first data heals it",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "cable drop client ack\n"
			  "client connect within 1s\n"
			  "client send 100\n"
			  "server accept within 1s\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "client-closes",
		.about = "the third ACK is lost, and the client closes at once: its FIN says it "
			 "again",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "fault\n"
			  "cable drop client ack\n"
			  "client connect within 1s\n"
			  "client close\n"
			  "server accept within 500ms\n"
			  "server recv -> EOF within 500ms\n"
			  "server close\n"
			  "verdict both clean|handshake-ack-lost clean degraded\n",
	},
	{
		.name = "expired",
		.about = "everything of the client is lost until the server forgets it",
		.variants = "v4 v6",
		.script = "short server tcp_synack_retries 1\n"
			  "server listen\n"
			  "fault\n"
			  "cable drop client ack #1-2\n"
			  "client connect within 1s\n"
			  "state client ESTABLISHED\n"
			  "state server SYN_RECV\n"
			  "cable wait server synack #2\n"
			  "state server CLOSE within 10s\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "cable quiet 100ms\n"
			  "verdict client handshake-ack-lost|accept-queue-full|peer-rebooted "
			  "likely certain failed\n"
			  "verdict server handshake-ack-lost likely certain failed\n"
			  "never both clean|port-closed|forged-reset\n",
	},
	{
		.name = "deferred-accept",
		.about = "TCP_DEFER_ACCEPT ignores a bare ACK on purpose: the request makes the "
			 "connection",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server option listener TCP_DEFER_ACCEPT 5\n"
			  "server listen\n"
			  "fault\n"
			  "client connect within 1s\n"
			  "state server SYN_RECV\n"
			  "client send 100\n"
			  "server accept within 1s\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "deferred-silence",
		.about = "TCP_DEFER_ACCEPT and a silent client: the SYN|ACK is repeated when "
			 "its time is over",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server option listener TCP_DEFER_ACCEPT 1\n"
			  "server listen\n"
			  "fault\n"
			  "client connect within 1s\n"
			  "server accept after 1s..5s\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "the listener sends its SYN|ACK";
	tw_schedule_synack(&p->ladder, m);
	tw_predict_stand(p, tw_moment_at(0), "SYN_RECV", "ESTABLISHED");
	if (p->ladder.count > 1)
		tw_predict_stand(p, p->ladder.step[1].at, "ESTABLISHED", "ESTABLISHED");
	else
		tw_predict_stand(p, p->ladder.end, "CLOSE", "ESTABLISHED");
	tw_predict_saw(p, "accept(), server speaks first", "ok",
		       p->ladder.count > 1 ? p->ladder.step[1].at : p->ladder.end,
		       "The first repeat of the SYN|ACK draws the ACK again.");
	tw_predict_saw(p, "accept(), client speaks first", "ok", tw_moment_at(m->socket.rtt_ns),
		       "The first data carries the ACK.");
	p->note = "If the ACK never gets through, the request is freed without a word at the end "
		  "of this "
		  "ladder; the client's connection stays up, and its next data draws a RST: "
		  "ECONNRESET.";
}

const struct tw_phenomenon tw_ph_handshake_ack_lost = {
	.slug = "handshake-ack-lost",
	.stage = TW_STAGE_CONNECT,
	.title = "The ACK of the handshake was lost",
	.happens = "The client has the SYN|ACK, is ESTABLISHED, and sends the ACK, which is lost. "
		   "The server stays in SYN_RECV. If the "
		   "client sends data, that carries the same acknowledgement and completes the "
		   "handshake at no cost. If "
		   "the server is to speak first, both wait: after one second the server repeats "
		   "its SYN|ACK, the client "
		   "acknowledges it again, and accept() returns one second late.\n\n"
		   "If the ACKs are lost for good, the server repeats its SYN|ACK at 1, 3, 7, 15 "
		   "and 31 s and forgets the "
		   "request after 64 s without a word. The client stays ESTABLISHED, for ever if "
		   "it only waits; when it sends, "
		   "the listener answers with a bare RST.",
	.diagram = "client               server\n"
		   "  |---SYN------------->|\n"
		   "  |<--SYN|ACK----------|\n"
		   "  |---ACK--->X         |   client ESTABLISHED, server SYN_RECV\n"
		   "  |<--SYN|ACK----------|   1 s\n"
		   "  |---ACK------------->|   accepted, one second late\n",
	.client_sees = "connect() succeeds at once. Then nothing, a greeting that comes a second "
		       "late, or, when the request "
		       "has expired, ECONNRESET on the first exchange.",
	.server_sees = "accept() returns a second late, or never. `ss -tn state syn-recv` shows "
		       "the request.",
	.recognise = "At the server: the SYN|ACK is repeated, no ACK came before, and the client "
		     "does not repeat its SYN; data or another ACK of "
		     "it comes later. At the client: SYN|ACKs are repeated although each was "
		     "acknowledged. That is also what a "
		     "full accept queue looks like, and TCP_DEFER_ACCEPT (which repeats once, or "
		     "later than after one "
		     "second); so it is only likely there.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
