/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The closed end's FIN_WAIT2 ended after its time; what the peer sends later draws a bare RST.
 *
 * Theory: after close() Linux keeps FIN_WAIT2 as a small bucket for tcp_fin_timeout (60 s). While
 * it lives, a FIN of the peer is acknowledged and data of the peer draw a RST; when it is gone,
 * both draw a RST. So a RST in answer to data decides nothing by itself, its age does; a RST in
 * answer to the FIN does say that the socket is gone. Limits: a restart of the closed end's host
 * leaves the same packets, so never certain.
 *
 *    closes first                                                 peer
 *      |----------------------- FIN|ACK ------------------------->|
 *      |<------------------------ ACK ----------------------------| EOF
 *      |  FIN_WAIT2                                    CLOSE_WAIT |
 *      :  60 s: the bucket is freed, no packet                    :
 *      |<----------------------- data ----------------------------|
 *      |------------------------- RST --------------------------->| EPIPE
 */
#include "phenomena/phenomenon.h"
#include "timers/usual.h"

/* tcp_fin_timeout, less what clocks differ */
#define CLOCKS_DIFFER_NS (500 * TW_NS_PER_MS)
#define FIN_TIMEOUT_NS   (tw_usual()->fin_wait2_ns - CLOCKS_DIFFER_NS)

/* A bare RST of the end that closed first, to a segment of the other. */
static bool late_segment_refused(const struct tw_facts *f)
{
	return tw_known(f, TW_F_FIN1_SIDE) && tw_get(f, TW_F_FIN1_ACKED) &&
	       tw_get(f, TW_F_RST_COUNT) && tw_is(f, TW_F_RST_SIDE, tw_get(f, TW_F_FIN1_SIDE)) &&
	       tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) && !tw_get(f, TW_F_RST_AFTER_CLOSE);
}

static void say_data(struct tw_match *m, enum tw_side late, int64_t sent)
{
	/* the age makes it more specific than data-after-close */
	m->strength = TW_STRENGTH_MECHANISM + 1;
	m->outcome = TW_OUTCOME_FAILED;
	if (tw_get(m->facts, TW_F_RST_REFUSED_ON_ITS_WAY)) {
		m->culprit = TW_CULPRIT_NETWORK;
		m->summary =
			tw_say(m,
			       "What %s had sent before %s closed was lost, and repeated only "
			       "%s after the close: FIN_WAIT2 had expired, and a RST "
			       "answered.",
			       tw_endpoint(m, late), tw_endpoint(m, tw_other(late)), TW_DUR(sent));
		tw_cite(m, TW_F_RST_REFUSED_ON_ITS_WAY,
			"what is refused was sent first here, before the close");
	} else {
		m->summary =
			tw_say(m,
			       "%s sent data %s after %s had closed: FIN_WAIT2 had expired, "
			       "and a RST answered.",
			       tw_endpoint(m, late), TW_DUR(sent), tw_endpoint(m, tw_other(late)));
	}
	tw_app_saw(m, late, "send", "EPIPE", sent,
		   "recv() returned 0 at the FIN; the late send() succeeds, the next one fails.");
	tw_rival(m, "data-after-close", "the same RST comes before the 60 s are over");
}

/* Keepalive of an end that never closed: FIN_WAIT2 answered its probes until it was gone. */
static void say_probe(struct tw_match *m, enum tw_side late, int64_t sent)
{
	m->strength = TW_STRENGTH_MECHANISM + 1;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->summary = tw_say(m,
			    "%s still kept the connection alive %s after %s had closed: FIN_WAIT2 "
			    "had expired, and "
			    "a RST answered the probe.",
			    tw_endpoint(m, late), TW_DUR(sent), tw_endpoint(m, tw_other(late)));
	tw_app_saw(m, late, "send", "EPIPE", sent,
		   "recv() returned 0 at the FIN; from now on send() fails.");
	tw_rival(m, "close-wait-leak",
		 "why the late end had not closed after a minute is not visible");
}

static void say_fin(struct tw_match *m, enum tw_side late, int64_t sent)
{
	bool expired = sent >= FIN_TIMEOUT_NS;

	m->strength = expired ? TW_STRENGTH_MECHANISM : TW_STRENGTH_TEARDOWN;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->summary = tw_say(m,
			    "%s closed %s after %s had: the socket there was gone already, and a "
			    "RST answered the FIN.",
			    tw_endpoint(m, late), TW_DUR(sent), tw_endpoint(m, tw_other(late)));
	tw_app_saw(m, late, NULL, NULL, -1,
		   "Nothing: close() does not report what becomes of the FIN.");
	tw_rule_out(m, "data-after-close",
		    "it was the FIN that was refused; a live FIN_WAIT2 would have acknowledged it");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side closer = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	int64_t age = tw_get(f, TW_F_RST_AUTHOR_FIN_AGO_NS);
	/* the segment that was refused; its reset may have taken its time */
	int64_t sent = age - tw_get(f, TW_F_RST_TRIGGER_DELAY_NS);
	bool data = tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_DATA) ||
		    tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_PROBE);
	bool fin = tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_FIN) && !tw_get(f, TW_F_DATA_AFTER_FIN1);

	if (!late_segment_refused(f) || (!fin && !(data && age >= FIN_TIMEOUT_NS)))
		return false;
	/* TCP_LINGER2 counts in seconds: so soon, the FIN was refused for what was lost before */
	if (fin && sent < TW_NS_PER_S)
		return false;
	m->confidence = age >= FIN_TIMEOUT_NS ? TW_LIKELY : TW_POSSIBLE;
	m->culprit = age >= FIN_TIMEOUT_NS ? tw_app_of(tw_other(closer)) : TW_CULPRIT_UNKNOWN;
	tw_cite(m, TW_F_FIN1_ACKED, "the first FIN is acknowledged: %s is in FIN_WAIT2 from now on",
		tw_side_name(closer));
	tw_cite(m, TW_F_RST_TRIGGER, "%s of the other end, %s after the first FIN",
		fin ? "the FIN" : "a segment", TW_DUR(sent));
	tw_cite(m, TW_F_RST_COUNT, "a bare RST: no socket is left for it");
	if (fin)
		say_fin(m, tw_other(closer), sent);
	else if (tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_PROBE))
		say_probe(m, tw_other(closer), sent);
	else
		say_data(m, tw_other(closer), sent);
	tw_app_saw(m, closer, NULL, NULL, -1, "Nothing: it had closed.");
	tw_rival(m, "peer-rebooted",
		 "a host that lost the connection by a restart answers with the same RST");
	tw_rule_out(m, "closed-with-unread-data",
		    "the RST is bare and answers a segment; the FIN had come before");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_fin_timeout",
	  "Life of FIN_WAIT2 after close(): 60 s by default. It does not apply after "
	  "shutdown()." },
	{ "TCP_LINGER2",
	  "The same for one socket; a negative value lets close() in FIN_WAIT2 send a "
	  "RST at once." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Mend the late end, if it got the end of the stream and went on for a minute. Let it "
	"watch for recv() = 0 (or EPOLLRDHUP) while it works, and close.",
	"If it works long on purpose after the request is complete, let the first end use "
	"shutdown(SHUT_WR) in place of close(): then it can still receive the answer.",
	"Do not raise tcp_fin_timeout for it: after close() the data would be refused all the "
	"same.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6 (half-closed connections, abort after close)",
	"RFC 1122 s4.2.2.13",
	"net/ipv4/tcp.c: __tcp_close",
	"net/ipv4/tcp_minisocks.c: tcp_timewait_state_process",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "late-data",
		.about = "the peer does not close; what it sends later draws a reset",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client option TCP_LINGER2 1\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client close\n"
			  "state client FIN_WAIT2\n"
			  "server recv eof\n"
			  "state client CLOSE within 10s\n"
			  "server send 100\n"
			  "state server CLOSE\n"
			  "server send 100 -> EPIPE\n"
			  "server recv -> EOF\n"
			  "verdict both fin-wait2-expired|data-after-close likely failed "
			  "degraded\n"
			  "never both forged-reset|clean\n",
	},
	{
		.name = "late-close",
		.about = "the peer closes late, without a word: its FIN draws a reset",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client option TCP_LINGER2 1\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "client close\n"
			  "state client FIN_WAIT2\n"
			  "server recv eof\n"
			  "state client CLOSE within 10s\n"
			  "server close\n"
			  "cable wait client rst\n"
			  "state server CLOSE\n"
			  "verdict both fin-wait2-expired possible likely failed degraded "
			  "clean unknown\n"
			  "never both forged-reset\n",
	},
	{
		.name = "shutdown-stays",
		.about = "after shutdown() FIN_WAIT2 has no end: a late answer is read",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "set client tcp_fin_timeout 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client shutdown\n"
			  "server recv eof\n"
			  "wait 1500ms\n"
			  "state client FIN_WAIT2\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "server close\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "linger2-negative",
		.about = "with TCP_LINGER2 below 0 close() does not wait in FIN_WAIT2: it resets",
		.variants = "v4 v6",
		.script = "truth linger-reset\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client option TCP_LINGER2 -1\n"
			  "fault\n"
			  "client shutdown\n"
			  "state client FIN_WAIT2\n"
			  "server recv -> EOF\n"
			  "client close\n"
			  "state server CLOSE\n"
			  "server recv -> EOF\n"
			  "server send 100 -> EPIPE\n"
			  "verdict both "
			  "linger-reset|aborted|clean|unknown|closed-with-unread-data likely "
			  "possible degraded failed clean unknown\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "our FIN is acknowledged, the peer does not close";
	tw_schedule_fin_wait2(&p->ladder, m);
	tw_predict_stand_until_end(p, "FIN_WAIT2", "CLOSE_WAIT");
	tw_predict_saw(
		p, NULL, "gone", p->ladder.end,
		"The application has closed the socket. What the peer sends after that draws a "
		"RST: its send() succeeds once, then gives EPIPE or ECONNRESET.");
	p->note = "After shutdown() instead of close() FIN_WAIT2 is kept for ever. TCP_LINGER2 "
		  "replaces "
		  "tcp_fin_timeout for one socket.";
}

const struct tw_phenomenon tw_ph_fin_wait2_expired = {
	.slug = "fin-wait2-expired",
	.stage = TW_STAGE_TEARDOWN,
	.title = "FIN_WAIT2 had expired when the peer woke up",
	.happens = "When one end has closed and its FIN is acknowledged, it waits in FIN_WAIT2 "
		   "for the FIN of the other. After close() nobody can read what still comes, so "
		   "Linux limits the wait to tcp_fin_timeout, 60 s, and frees the socket without "
		   "a packet. The peer in CLOSE_WAIT does not learn of it. When it finally sends "
		   "or closes, there is no socket for its segment, and the kernel answers with a "
		   "bare RST whose sequence number is the segment's ACK.\n\n"
		   "After shutdown(SHUT_WR) the socket still has an owner and FIN_WAIT2 has no "
		   "limit: it was still there after 130 s (measured).",
	.diagram = " closes first                                                 peer\n"
		   "   |----------------------- FIN|ACK ------------------------->|\n"
		   "   |<------------------------ ACK ----------------------------| EOF\n"
		   "   |  FIN_WAIT2                                    CLOSE_WAIT |\n"
		   "   :  60 s: the bucket is freed, no packet                    :\n"
		   "   |<----------------------- data ----------------------------|\n"
		   "   |------------------------- RST --------------------------->| EPIPE\n",
	.client_sees =
		"If the client closed first: nothing, it has long gone. If the client is the "
		"late one: recv() had returned 0, the late send() succeeds, the next gets "
		"EPIPE (and SIGPIPE). A late close() notices nothing.",
	.server_sees =
		"The same with the roles exchanged. recv() goes on returning 0; ECONNRESET is "
		"never seen, because the FIN came first.",
	.recognise = "tcpwhy asks for a bare RST by the end that had sent its FIN first, in answer "
		     "to the other's segment. If that segment is a FIN, the socket is certainly "
		     "gone, because FIN_WAIT2 would have acknowledged it. If it carries data, only "
		     "the age tells: within 60 s the RST is the ordinary answer of FIN_WAIT2 and "
		     "is called data-after-close; later the bucket must have expired.\n\n"
		     "A host that lost the connection by a restart answers alike.",
	.folklore = "\"tcp_fin_timeout shortens TIME_WAIT.\" It changes FIN_WAIT2 only; TIME_WAIT "
		    "is a constant of 60 s.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.scenarios = scenarios,
};
