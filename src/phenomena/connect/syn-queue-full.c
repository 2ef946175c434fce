/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syn-queue-full: too many half-open requests at the listener, and no cookies.
 *
 *	others         client                server (backlog 8, tcp_syncookies=0)
 *	  |---SYN------------------------------>|   request 1
 *	  |      ... nobody acknowledges ...    |   ... 8: full
 *	               |---SYN----------------->|   dropped in silence
 *	               |---SYN----------------->|   dropped
 *	               |                        |   requests expire
 *	               |---SYN----------------->|
 *	               |<--SYN|ACK--------------|
 *
 * One connection alone cannot show it: from the client it is syn-lost or syn-unanswered. It takes
 * the neighbours: half-open requests at the same endpoint with SYN|ACKs that nobody acknowledges.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"

#define MIN_HALF_OPEN 8
#define ANSWER_DUE_NS TW_TCP_TIMEOUT_INIT_NS

static bool crowded(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PORT_HALF_OPEN) >= MIN_HALF_OPEN &&
	       tw_get(f, TW_F_PORT_SYNACKS_UNACKED) > 0 && !tw_get(f, TW_F_ONE_SIDED);
}

/* Earlier SYNs of this connection were passed over, a later one was answered. */
static bool answered_late(const struct tw_facts *f)
{
	if (!tw_syn_repeated(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK) ||
	    tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT))
		return false;
	return !tw_known(f, TW_F_SYNACK_ECHO) || tw_get(f, TW_F_SYNACK_ECHO) > 1;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool never = tw_syn_alone(f) && tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_NONE) &&
		     tw_get(f, TW_F_PACKETS_S) == 0 &&
		     (tw_syn_repeated(f) || tw_get(f, TW_F_CAPTURE_GOES_ON_NS) >= ANSWER_DUE_NS);
	int64_t took = tw_get(f, TW_F_CONNECT_NS);

	if (!crowded(f) || (!never && !answered_late(f)))
		return false;
	/* a SYN that is not even repeated is one of the flood that filled the queue, if there is one */
	m->strength = !never               ? TW_STRENGTH_DELAY + 5
		      : tw_syn_repeated(f) ? TW_STRENGTH_MECHANISM + 6
					   : TW_STRENGTH_MECHANISM + 4;
	m->confidence = TW_LIKELY;
	m->outcome = never ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_SERVER_HOST;
	if (never)
		m->summary = tw_say(m,
				    "The SYN queue of %s was full: it dropped this SYN while at "
				    "least %lld others were half-open.",
				    m->server, (long long)tw_get(f, TW_F_PORT_HALF_OPEN));
	else
		m->summary =
			tw_say(m,
			       "The SYN queue of %s was full: it dropped SYNs for %s while at "
			       "least %lld others were half-open.",
			       m->server, TW_DUR(took > 0 ? took : tw_get(f, TW_F_SYN_SPAN_NS)),
			       (long long)tw_get(f, TW_F_PORT_HALF_OPEN));
	tw_cite_syns(m);
	if (!never)
		tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK, the first answer");
	tw_cite(m, TW_F_PORT_SYNACKS_UNACKED, "%s of the same endpoint that nobody acknowledged",
		tw_count(m, tw_get(f, TW_F_PORT_SYNACKS_UNACKED), "other SYN|ACK"));
	tw_rival(m, "accept-queue-full",
		 "a full accept queue drops SYNs in the same way; `ss -ltn` on the server decides");
	tw_rival(m, never ? "syn-flood" : "syn-lost",
		 never ? "this SYN may itself be one of a flood"
		       : "the earlier SYNs may have been lost before the server");
	tw_rule_out(m, "port-closed", "the port answers others with SYN|ACKs");
	if (never)
		tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
			   "connect() hangs until the SYN repeats are spent.");
	else
		tw_app_saw(m, TW_CLIENT, "connect", NULL, took > 0 ? took : -1,
			   "Late, but it succeeds.");
	return true;
}

static const char *const remedies[] = {
	"Turn SYN cookies on: `sysctl net.ipv4.tcp_syncookies=1` (the default); then a full SYN "
	"queue costs nothing but options.",
	"Raise the listen backlog and `net.core.somaxconn` first, then "
	"`net.ipv4.tcp_max_syn_backlog`: the smallest of them counts.",
	"Count: `nstat -az TcpExtListenDrops TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies`, "
	"and list the half-open ones with `ss -tn state syn-recv`.",
	"Find out why they stay half-open: a flood (many sources), or a way back that is broken "
	"for some clients.",
	"Shorten their life with `sysctl net.ipv4.tcp_synack_retries=2`: a request then holds its "
	"place for 7 s, not 64.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "listen() backlog",
	  "It bounds the SYN queue as well as the accept queue: min(backlog, somaxconn)." },
	{ "net.core.somaxconn", "Upper bound of the backlog. Default 4096." },
	{ "net.ipv4.tcp_max_syn_backlog",
	  "Without cookies, new SYNs are dropped once three quarters of it are half-open. Default "
	  "depends on memory; 2048 "
	  "on the measured host." },
	{ "net.ipv4.tcp_syncookies",
	  "1: answer by cookie when the queue is full; 2: always; 0: drop. Default 1." },
	{ "net.ipv4.tcp_synack_retries",
	  "Life of a half-open request: 64 s with the default of 5." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 4987 (SYN flooding and mitigations)",
	"net/ipv4/tcp_input.c: tcp_conn_request, tcp_syn_flood_action",
	"include/net/inet_connection_sock.h: inet_csk_reqsk_queue_is_full",
	NULL,
};

static bool say_over(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	tw_live_say(
		m, TW_STRENGTH_MECHANISM + 3, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_SERVER_HOST,
		tw_say(m, "%s dropped %s; half-open: %lld, and its SYN queue has room again.",
		       m->server, tw_count(m, tw_get(f, TW_F_K_LISTEN_DROPS), "connection request"),
		       (long long)tw_get(f, TW_F_K_SYN_QUEUE_LENGTH)));
	tw_live_cite_drops(m);
	tw_rival(m, "accept-queue-full", "a full accept queue drops in the same way");
	tw_live_connect_unanswered(
		m, "The SYN is repeated after a second, and then by doubled intervals.");
	return true;
}

/* Live: the listener counts what it drops, and its queue is seen to be full. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_live_drops_are_over(m) && tw_live_rather_syn_queue(m))
		return say_over(m);
	if (!tw_get(f, TW_F_K_SYN_QUEUE_FULL))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 3, TW_CERTAIN, TW_OUTCOME_FAILED,
		    TW_CULPRIT_SERVER_HOST,
		    tw_say(m,
			   "The SYN queue of %s is full: %lld half-open requests, %lld may, and "
			   "it sends no cookies.",
			   m->server, (long long)tw_get(f, TW_F_K_SYN_QUEUE_LENGTH),
			   (long long)tw_get(f, TW_F_K_SYN_QUEUE_LIMIT)));
	tw_live_cite_drops(m);
	tw_rule_out(m, "accept-queue-full", "%lld wait there, %lld may",
		    (long long)tw_get(f, TW_F_K_QUEUE_LENGTH),
		    (long long)tw_get(f, TW_F_K_QUEUE_LIMIT));
	tw_live_cite_error(m);
	tw_live_connect_unanswered(m, "New SYNs are dropped in silence.");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "half-open",
		.about = "half-open connections fill the SYN queue, SYN cookies are off",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "set server tcp_syncookies 0\n"
			  "set server tcp_max_syn_backlog 2\n"
			  "server listen 2\n"
			  "fault\n"
			  "cable drop server synack #1-20\n"
			  "client nonblocking #2\n"
			  "client nonblocking #3\n"
			  "client nonblocking #4\n"
			  "client connect #2 -> EINPROGRESS\n"
			  "client connect #3 -> EINPROGRESS\n"
			  "client connect #4 -> EINPROGRESS\n"
			  "cable wait client syn #3\n"
			  "client connect -> ETIMEDOUT after 3s full 134s\n"
			  "verdict client syn-unanswered possible unknown stream 0-2\n"
			  "verdict server syn-ack-lost likely failed unknown stream 0-2\n"
			  "verdict client syn-unanswered possible failed unknown stream 3\n"
			  "never both port-closed|clean|certain stream 3\n"
			  "verdict server syn-queue-full|syn-unanswered likely possible "
			  "failed unknown stream 3\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_syn_queue_full = {
	.slug = "syn-queue-full",
	.stage = TW_STAGE_CONNECT,
	.title = "The SYN queue was full",
	.happens = "Each SYN|ACK that waits for its ACK holds a request at the listener. Their "
		   "number is limited by the listen backlog "
		   "and by tcp_max_syn_backlog. When the limit is reached, a kernel with SYN "
		   "cookies answers further SYNs with a "
		   "cookie and keeps no state: the service goes on. Without cookies it drops them "
		   "in silence, until old requests "
		   "expire (about 64 s after their SYN, with defaults) or are completed.\n\n"
		   "With a tiny backlog this needs no attack: with backlog 0, three SYNs at the "
		   "same time are enough for two of "
		   "them to get cookies.",
	.diagram = "others     client         server (tcp_syncookies=0)\n"
		   "  |---SYN----------------->|   requests, never ACKed\n"
		   "  |---SYN----------------->|   queue full\n"
		   "           |---SYN-------->|   dropped, no RST\n"
		   "           |---SYN-------->|   dropped\n"
		   "           |---SYN-------->|   a place is free\n"
		   "           |<--SYN|ACK-----|\n",
	.client_sees =
		"connect() hangs, then succeeds late (7 to 11 s measured after a flood of 60) or "
		"fails with ETIMEDOUT.",
	.server_sees = "Nothing in the program. The kernel counts ListenDrops and TCPReqQFullDrop, "
		       "and logs \"possible SYN "
		       "flooding on port\".",
	.recognise = "An unanswered SYN, or one answered only after repeats, while at least eight "
		     "others at the same endpoint are half-open "
		     "and some of their SYN|ACKs stay unacknowledged. From the client alone these "
		     "neighbours are not seen, and the verdict is "
		     "syn-lost or syn-unanswered.",
	.folklore = "\"A full SYN queue resets.\" It drops, or answers by cookie; it never sends a "
		    "RST.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.sign = TW_F_PORT_HALF_OPEN,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
