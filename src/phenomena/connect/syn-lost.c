/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syn-lost: a SYN did not get through, a repeat did.
 *
 *	client                  server
 *	  |----SYN TSval=a-->X     |
 *	  |   1.02 s               |
 *	  |----SYN TSval=b-------->|
 *	  |<---SYN|ACK TSecr=b-----|   echoes the repeat: the first
 *	  |----ACK---------------->|   made no request there
 *
 * The echo decides against syn-ack-lost. It does not decide why the first SYN made no request:
 * lost on the way, or dropped by a listener with a full queue. Where the earlier SYNs are seen to
 * arrive amid half-open neighbours, syn-queue-full speaks; where they come to a port that serves others, accept-queue-full.
 */
#include "phenomena/connect/handshake.h"

static void name_rivals(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	tw_rival(m, "syn-queue-full",
		 "a listener whose SYN queue was full for that long drops SYNs as silently");
	tw_rival(m, "accept-queue-full",
		 "so does one whose accept queue was full; `nstat -az "
		 "TcpExtListenDrops` on the server decides");
	if (tw_known(f, TW_F_SYNACK_ECHO))
		tw_rival(
			m, "syn-ack-lost",
			"the SYN|ACK echoes the timestamp of a repeated SYN, so the first had made "
			"no request; but who answers by SYN cookies keeps none");
	else
		tw_rival(m, "syn-ack-lost",
			 "without timestamps nothing shows which SYN was answered");
}

static const char *asked_more(const struct tw_facts *f)
{
	const int64_t more = tw_get(f, TW_F_SYN_ASKED_MORE);

	/* BSD and macOS leave all of them out at last, in case that is what somebody takes offence at */
	if (more & TW_ASKED_OPTIONS)
		return "timestamps, SACK or window scale";
	return more & TW_ASKED_MPTCP ? "MPTCP" : "ECN";
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t syns = tw_get(f, TW_F_SYN_COUNT), took = tw_get(f, TW_F_CONNECT_NS);
	int64_t rtt = tw_get(f, TW_F_RTT_NS);

	if (!tw_syn_repeated(f) || !tw_get(f, TW_F_ESTABLISHED) ||
	    tw_get(f, TW_F_SYNACK_COUNT) == 0 || tw_get(f, TW_F_SIMULTANEOUS_OPEN) ||
	    tw_get(f, TW_F_SELF_CONNECT) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK) ||
	    !tw_later_syn_answered(f))
		return false;
	/* A path slower than the first SYN timeout makes the client repeat for nothing. */
	if (rtt > TW_TCP_TIMEOUT_INIT_NS * 9 / 10)
		return false;
	m->strength = TW_STRENGTH_DELAY + 2; /* a second at connect outweighs repaired data */
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(
		m, "Connecting to %s took %s: SYN number %lld was the first that was answered.",
		m->server, TW_DUR(took > 0 ? took : tw_get(f, TW_F_SYN_SPAN_NS)),
		(long long)(tw_get(f, TW_F_SYNACK_ECHO) > 1 ? tw_get(f, TW_F_SYNACK_ECHO) : syns));
	tw_cite_syns(m);
	if (tw_known(f, TW_F_SYNACK_ECHO))
		tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK, echoes the timestamp of SYN number %lld",
			(long long)tw_get(f, TW_F_SYNACK_ECHO));
	else
		tw_cite(m, TW_F_SYNACK_COUNT,
			"SYN|ACK, the first answer, %s after the last SYN before it",
			TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	if (tw_get(f, TW_F_SYN_PAYLOAD) > 0)
		tw_cite(m, TW_F_SYN_PAYLOAD,
			"the first SYN carried data (TCP Fast Open), the repeat does not: a device "
			"that drops such "
			"SYNs has the same effect");
	if (tw_get(f, TW_F_SYN_ASKED_MORE))
		tw_cite(m, TW_F_SYN_ASKED_MORE,
			"the first SYN asked for %s, and this one does not: a device that drops "
			"such SYNs has the same effect",
			asked_more(f));
	name_rivals(m);
	tw_app_saw(m, TW_CLIENT, "connect", NULL, took > 0 ? took : -1, "Late, but it succeeds.");
	return true;
}

static const char *const remedies[] = {
	"If it happens often, look for the loss: `mtr -T -P PORT SERVER`, interface drops (`ip -s "
	"link`, `ethtool -S IFACE`), "
	"policers and SYN rate limits on the path.",
	"On the server, exclude a full queue: `nstat -az TcpExtListenOverflows TcpExtListenDrops` "
	"must not rise.",
	"Reuse connections (pools, keep-alive): only new ones pay a second for a lost SYN.",
	"Open connections before they are needed, or race several addresses (RFC 8305), where one "
	"second matters.",
	NULL,
};

static const struct tw_governed governed[] = {
	TW_GOVERNED_SYN_REPEATS(TW_GOVERNS_ALL),
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 6298 s2.1 (initial RTO 1 s), s5.7; RFC 9293 s3.8.1",
	"net/ipv4/tcp_timer.c: tcp_retransmit_timer; include/net/tcp.h: TCP_TIMEOUT_INIT",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "once",
		.about = "the first SYN is lost, the repeat after 1 s gets through",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "fault\n"
			  "cable drop client syn\n"
			  "client connect after 1s\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client syn-lost|syn-ack-lost likely degraded\n"
			  "verdict server clean clean\n"
			  "never client certain\n",
	},
	{
		.name = "twice",
		.about = "two SYNs are lost",
		.variants = "v4",
		.script = "set client tcp_syn_linear_timeouts 0\n"
			  "server listen\n"
			  "fault\n"
			  "cable drop client syn #1-2\n"
			  "client connect after 3s\n"
			  "server accept\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client syn-lost|syn-ack-lost likely degraded\n"
			  "verdict server clean clean\n"
			  "never client certain\n",
	},
	{
		.name = "nonblocking",
		.about = "the same with a non-blocking connect(): poll() is late, the server "
			 "speaks first",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "cable drop client syn\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS within 100ms\n"
			  "client poll out -> out after 1s\n"
			  "client error -> ok\n"
			  "client blocking\n"
			  "server accept\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "verdict client syn-lost|syn-ack-lost likely degraded\n"
			  "verdict server clean clean\n"
			  "never client certain\n",
	},
	{
		.name = "send-timeout",
		.about = "SO_SNDTIMEO above one repeat lets the connection come about",
		.variants = "v4-nots v6-nots",
		.script = "server listen\n"
			  "client option SO_SNDTIMEO 3s\n"
			  "fault\n"
			  "cable drop client syn\n"
			  "client connect after 1s\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client syn-lost|syn-ack-lost likely degraded\n"
			  "verdict server clean clean\n"
			  "never client certain\n",
	},
	{
		.name = "simultaneous-open",
		.about = "both ends connect at the same time, and the SYNs cross: nothing is "
			 "lost",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "fault\n"
			  "cable hold any syn #1-2\n"
			  "client bind 40000\n"
			  "server bind 40001\n"
			  "client nonblocking\n"
			  "server nonblocking\n"
			  "client connect port 40001 -> EINPROGRESS\n"
			  "server connect port 40000 -> EINPROGRESS\n"
			  "cable wait client syn\n"
			  "cable wait server syn\n"
			  "cable release\n"
			  "client poll out -> out within 500ms\n"
			  "server poll out -> out within 500ms\n"
			  "client blocking\n"
			  "server blocking\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "fast-open",
		.about = "a SYN with data (TCP Fast Open) is lost: the repeat goes without the "
			 "data",
		.variants = "v4 v6",
		.script = "set client tcp_fastopen 5\n"
			  "set server tcp_fastopen 514\n"
			  "server option listener TCP_FASTOPEN 5\n"
			  "server listen\n"
			  "client option TCP_FASTOPEN_CONNECT 1\n"
			  "fault\n"
			  "cable drop client syn\n"
			  "client connect within 100ms\n"
			  "client send 100 within 2s\n"
			  "server accept within 2s\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client syn-lost|syn-ack-lost likely degraded\n"
			  "verdict server clean clean\n"
			  "never client certain\n",
	},
	{
		.name = "fast-open-works",
		.about = "TCP Fast Open: data in the SYN, and an answer before the handshake is "
			 "over",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "set client tcp_fastopen 5\n"
			  "set server tcp_fastopen 514\n"
			  "server option listener TCP_FASTOPEN 5\n"
			  "server listen\n"
			  "client option TCP_FASTOPEN_CONNECT 1\n"
			  "fault\n"
			  "client connect within 100ms\n"
			  "client send 100 within 500ms\n"
			  "server accept within 500ms\n"
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
	tw_predict_late_connect(p, m);
}

const struct tw_phenomenon tw_ph_syn_lost = {
	.slug = "syn-lost",
	.stage = TW_STAGE_CONNECT,
	.title = "A SYN was lost, a repeat got through",
	.happens = "The first SYN does not reach the listener, or the listener drops it. No "
		   "round-trip time is known yet, so "
		   "the client's kernel waits for the initial RTO of one second (1.02 s measured) "
		   "before it repeats the SYN. When a "
		   "repeat gets through, the connection is as good as any other; only connect() "
		   "took a second per lost "
		   "SYN, and more from the sixth on.",
	.diagram = "client                  server\n"
		   "  |----SYN TSval=a-->X     |\n"
		   "  |                        |   1.02 s\n"
		   "  |----SYN TSval=b-------->|\n"
		   "  |<---SYN|ACK TSecr=b-----|   b: the first never came\n"
		   "  |----ACK---------------->|\n",
	.client_sees = "connect() succeeds, later by 1, 2, 3, 4, 5, 7, 11 ... s than usual. "
		       "Latency histograms show peaks "
		       "there.",
	.server_sees = "Nothing: to it the connection began with the SYN that arrived.",
	.recognise = "A repeated SYN and a SYN|ACK that echoes the timestamp of the repeat. "
		     "Without timestamps it cannot be told from "
		     "a lost SYN|ACK. At the server a SYN that was lost before it is invisible, "
		     "and the connection looks "
		     "clean there. A full queue for that time looks the same from the client.",
	.folklore = "\"A slow connect is a slow server.\" A delay of whole seconds (1, 3, 7 on old "
		    "kernels) is the SYN timer; a "
		    "busy application does not delay the handshake, the kernel does it alone.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_SYNACK_COUNT,
	.match = match,
	.scenarios = scenarios,
};
