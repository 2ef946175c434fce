/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syn-flood: many SYNs from many sources, and nobody acknowledges the answers.
 *
 *	203.0.113.1   198.51.100.7   192.0.2.9 ...      server
 *	     |---SYN------------------------------------->|
 *	     |              |---SYN---------------------->|
 *	     |              |              |---SYN------->|
 *	     X<--SYN|ACK----|--------------|--------------|   to sources that do not
 *	                    X<--SYN|ACK----|--------------|   exist, or do not answer
 *
 * One half-open connection is never a flood; the neighbours at the same endpoint decide. A dead
 * server with many real clients is no flood either: real clients repeat their SYNs, and no SYN|ACK
 * is there to be ignored. Where no SYN|ACK is seen at all, it takes many different hosts, none of which
 * repeats its SYN: so write no real ones.
 */
#include "phenomena/connect/handshake.h"

#define ACK_DUE_NS    (TW_NS_PER_S / 20)               /* where others' ACKs are overdue already */
#define ACK_LATE_NS   TW_TCP_TIMEOUT_INIT_NS           /* far clients need this long for theirs */
#define REPEAT_DUE_NS (TW_TCP_TIMEOUT_INIT_NS * 5 / 4) /* without one, a client repeats its SYN */
#define MANY_HOSTS    32

static bool half_open(const struct tw_facts *f)
{
	return tw_syn_alone(f) && tw_get(f, TW_F_RST_COUNT) == 0 &&
	       /* what a router says of the SYN|ACK to a source that does not exist speaks for it */
	       (tw_get(f, TW_F_ICMP_COUNT) == 0 || tw_is(f, TW_F_ICMP_TO, TW_SERVER)) &&
	       tw_get(f, TW_F_SYN_COUNT) == 1;
}

/*
 * Is the ACK of the SYN|ACK overdue, or the repeat of a SYN without one? Where the SYN|ACK is repeated, the ACK of the
 * first was due long ago; where those of others are, the crowd around this one is more than distant.
 */
enum due { DUE_NOT, DUE_SOON, DUE_LONG };

static enum due is_due(const struct tw_facts *f, bool answered)
{
	const int64_t left_ns = tw_get(f, TW_F_CAPTURE_GOES_ON_NS);

	if (tw_get(f, TW_F_SYNACK_COUNT) > 1)
		return DUE_LONG;
	if (!answered)
		return left_ns >= REPEAT_DUE_NS ? DUE_LONG : DUE_NOT;
	if (left_ns < ACK_DUE_NS)
		return DUE_NOT;
	return left_ns >= ACK_LATE_NS || tw_get(f, TW_F_PORT_SYNACKS_REPEATED) ? DUE_LONG
									       : DUE_SOON;
}

static const char *from_whom(struct tw_match *m)
{
	if (tw_get(m->facts, TW_F_PORT_HALF_OPEN_HOSTS) < 2)
		return "one address";
	return tw_say(m, "at least %lld sources",
		      (long long)tw_get(m->facts, TW_F_PORT_HALF_OPEN_SOURCES));
}

static void name_rivals(struct tw_match *m, bool answered, bool heard)
{
	tw_rival(m, "port-scan",
		 "a scanner that ignores SYN|ACKs, or many of them, would look like this");
	if (answered)
		tw_rival(m, "handshake-ack-lost",
			 "the ACKs of real clients may be lost on a way that is not captured here");
	else if (heard)
		tw_rival(m, "syn-queue-full",
			 "this SYN went unanswered, perhaps since the queue was full by then");
	if (heard)
		tw_rule_out(m, "syn-unanswered",
			    "the endpoint answers others: its SYN|ACKs are what stays "
			    "unacknowledged");
	else
		tw_rival(m, "syn-unanswered",
			 "many clients that give up within a second would leave the same SYNs at a "
			 "server that does not answer");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t others = tw_get(f, TW_F_PORT_HALF_OPEN),
		sources = tw_get(f, TW_F_PORT_HALF_OPEN_SOURCES);
	bool answered = tw_get(f, TW_F_SYNACK_COUNT) > 0;
	bool heard = tw_get(f, TW_F_PORT_SYNACKS_UNACKED) > 0 || answered, filtered;
	enum due due = is_due(f, answered);

	if (!half_open(f) || others < TW_FLOOD_HALF_OPEN || sources < TW_FLOOD_SOURCES)
		return false;
	if (!heard && tw_get(f, TW_F_PORT_HALF_OPEN_HOSTS) < MANY_HOSTS)
		return false;
	if (due == DUE_NOT)
		return false;
	/* the SYN|ACK of a healthy connection is not repeated */
	filtered = tw_get(f, TW_F_ONLY_HALF_OPEN) && tw_get(f, TW_F_SYNACK_COUNT) < 2 &&
		   !tw_get(f, TW_F_PORT_SYNACKS_REPEATED);
	m->strength = TW_STRENGTH_MECHANISM + 5;
	m->confidence = filtered || due == DUE_SOON ? TW_POSSIBLE : TW_LIKELY;
	m->outcome = filtered || due == DUE_SOON ? TW_OUTCOME_UNKNOWN : TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_CLIENT_HOST;
	m->summary = tw_say(
		m,
		filtered ? "At least %lld connections to %s from %s are half-open around this one: "
			   "a flood of SYNs, or connections of which the capture has only the "
			   "beginning."
			 : "At least %lld connections to %s from %s stay half-open around this "
			   "one: a flood of SYNs that nobody means to complete.",
		(long long)others + 1, m->server, from_whom(m));
	tw_cite(m, TW_F_SYN_COUNT, "SYN from %s, never repeated", m->client);
	if (tw_get(f, TW_F_SYNACK_COUNT) > 1)
		tw_cite(m, TW_F_SYNACK_COUNT,
			"SYN|ACK that is never acknowledged, though the server repeats it");
	else if (answered)
		tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK that is never acknowledged");
	tw_cite(m, TW_F_PORT_HALF_OPEN,
		"at least %lld other connections to the same endpoint are half-open around it",
		(long long)others);
	if (filtered)
		tw_missing(m,
			   "What is no SYN: the capture holds none of it, so its filter may have "
			   "left it out, and these are healthy connections.");
	if (due == DUE_SOON)
		tw_missing(m, "What comes of them: the capture ends so soon that the ACKs of far "
			      "clients may still be on their way.");
	name_rivals(m, answered, heard);
	return true;
}

static const char *const remedies[] = {
	"Keep SYN cookies on: `sysctl net.ipv4.tcp_syncookies=1`; the service then goes on for "
	"those who do complete the handshake.",
	"Measure: `nstat -az TcpExtSyncookiesSent TcpExtSyncookiesRecv TcpExtListenDrops`, and `ss "
	"-tn state syn-recv | wc -l`.",
	"Raise the backlog of the listener and `net.core.somaxconn`, so that bursts fit without "
	"cookies.",
	"Filter before the host: rate limits per prefix at the edge, SYNPROXY (`nft ... synproxy`) "
	"or an XDP program in front of the stack.",
	"Do not block by source address: they are forged as a rule, and the block hits their "
	"owners.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_syncookies",
	  "1: answer by cookie when the SYN queue is full, 2: always, 0: drop. Default 1." },
	{ "net.ipv4.tcp_max_syn_backlog",
	  "Half-open requests before cookies begin (with the listen backlog). Depends on memory; "
	  "2048 on the measured host." },
	{ "listen() backlog", "Bounds the half-open requests as well: min(backlog, somaxconn)." },
	{ "net.ipv4.tcp_synack_retries", "How often each unanswered SYN|ACK is repeated, and so "
					 "the traffic that goes back. Default 5." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 4987 (TCP SYN flooding attacks and common mitigations)",
	"net/ipv4/tcp_input.c: tcp_conn_request, tcp_syn_flood_action; net/ipv4/syncookies.c",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "cookies",
		.about =
			"the listener's queue is full of forged SYNs, cookies let a real client in",
		.variants = "v4 v6 v4-nots",
		.script = "topology router\n"
			  "server listen 8\n"
			  "fault\n"
			  "cable flood 40\n"
			  "cable wait server synack #40 within 2s\n"
			  "client connect within 1s\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "cable wait server synack #43\n" /* requests, not cookies, are repeated */
			  "cable quiet 300ms\n"
			  "verdict client clean clean\n"
			  "verdict server syn-flood likely failed stream 0-39\n"
			  "verdict server clean clean stream 40\n",
	},
	{
		.name = "late",
		.about = "without cookies, until the half-open requests are given up: the real "
			 "client gets in late",
		.variants = "v4 v6",
		.script = "topology router\n"
			  "set server tcp_syncookies 0\n"
			  "server listen 32\n"
			  "fault\n"
			  "cable flood 60\n"
			  "cable wait server synack #20 within 2s\n"
			  "client connect after 5s..15s\n"
			  "verdict client syn-lost|syn-queue-full|syn-unanswered likely possible "
			  "degraded\n"
			  "verdict server syn-flood likely failed stream 0-59\n"
			  "verdict server syn-queue-full likely degraded stream 60\n",
	},
	{
		.name = "no-cookies",
		.about = "the same without cookies: the real client is shut out",
		.variants = "v4 v6",
		.script = "topology router\n"
			  "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "set server tcp_syncookies 0\n"
			  "server listen 32\n"
			  "fault\n"
			  "cable flood 40\n"
			  "cable wait server synack #20 within 2s\n"
			  "client connect -> ETIMEDOUT after 3s full 134s\n"
			  "cable wait server synack #80\n" /* they are repeated at 1 and 3 s */
			  "verdict client syn-unanswered|firewall-dropped likely possible failed "
			  "unknown\n"
			  "verdict server syn-flood likely failed stream 0-39\n"
			  "verdict server syn-queue-full likely failed stream 40\n",
	},
	{
		.name = "crowd-at-dead-server",
		.about = "many real clients of a server that has died are no flood",
		.variants = "v4 v6",
		.script = "truth syn-unanswered\n"
			  "host client neighbour permanent\n"
			  "fault\n"
			  "host server vanish\n"
			  "client nonblocking #1\n"
			  "client connect #1 -> EINPROGRESS\n"
			  "client nonblocking #2\n"
			  "client connect #2 -> EINPROGRESS\n"
			  "client nonblocking #3\n"
			  "client connect #3 -> EINPROGRESS\n"
			  "client nonblocking #4\n"
			  "client connect #4 -> EINPROGRESS\n"
			  "client nonblocking #5\n"
			  "client connect #5 -> EINPROGRESS\n"
			  "client nonblocking #6\n"
			  "client connect #6 -> EINPROGRESS\n"
			  "client nonblocking #7\n"
			  "client connect #7 -> EINPROGRESS\n"
			  "client nonblocking #8\n"
			  "client connect #8 -> EINPROGRESS\n"
			  "client nonblocking #9\n"
			  "client connect #9 -> EINPROGRESS\n"
			  "client.2 nonblocking #1\n"
			  "client.2 connect #1 -> EINPROGRESS\n"
			  "client.2 nonblocking #2\n"
			  "client.2 connect #2 -> EINPROGRESS\n"
			  "client.2 nonblocking #3\n"
			  "client.2 connect #3 -> EINPROGRESS\n"
			  "client.2 nonblocking #4\n"
			  "client.2 connect #4 -> EINPROGRESS\n"
			  "client.2 nonblocking #5\n"
			  "client.2 connect #5 -> EINPROGRESS\n"
			  "client.2 nonblocking #6\n"
			  "client.2 connect #6 -> EINPROGRESS\n"
			  "client.2 nonblocking #7\n"
			  "client.2 connect #7 -> EINPROGRESS\n"
			  "client.2 nonblocking #8\n"
			  "client.2 connect #8 -> EINPROGRESS\n"
			  "client.2 nonblocking #9\n"
			  "client.2 connect #9 -> EINPROGRESS\n"
			  "cable wait client syn #36 within 3s\n"
			  "verdict client syn-unanswered likely possible failed unknown stream "
			  "0-17\n",
	},
	{
		.name = "crowd",
		.about = "many real clients at once, each of which is served",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen 32\n"
			  "client nonblocking #1\n"
			  "client nonblocking #2\n"
			  "client nonblocking #3\n"
			  "client nonblocking #4\n"
			  "client nonblocking #5\n"
			  "client nonblocking #6\n"
			  "client nonblocking #7\n"
			  "client nonblocking #8\n"
			  "client nonblocking #9\n"
			  "client.2 nonblocking #1\n"
			  "client.2 nonblocking #2\n"
			  "client.2 nonblocking #3\n"
			  "client.2 nonblocking #4\n"
			  "client.2 nonblocking #5\n"
			  "client.2 nonblocking #6\n"
			  "client.2 nonblocking #7\n"
			  "client.2 nonblocking #8\n"
			  "client.2 nonblocking #9\n"
			  "fault\n"
			  "cable hold client ack #1-18\n"
			  "client connect #1 -> EINPROGRESS\n"
			  "client connect #2 -> EINPROGRESS\n"
			  "client connect #3 -> EINPROGRESS\n"
			  "client connect #4 -> EINPROGRESS\n"
			  "client connect #5 -> EINPROGRESS\n"
			  "client connect #6 -> EINPROGRESS\n"
			  "client connect #7 -> EINPROGRESS\n"
			  "client connect #8 -> EINPROGRESS\n"
			  "client connect #9 -> EINPROGRESS\n"
			  "client.2 connect #1 -> EINPROGRESS\n"
			  "client.2 connect #2 -> EINPROGRESS\n"
			  "client.2 connect #3 -> EINPROGRESS\n"
			  "client.2 connect #4 -> EINPROGRESS\n"
			  "client.2 connect #5 -> EINPROGRESS\n"
			  "client.2 connect #6 -> EINPROGRESS\n"
			  "client.2 connect #7 -> EINPROGRESS\n"
			  "client.2 connect #8 -> EINPROGRESS\n"
			  "client.2 connect #9 -> EINPROGRESS\n"
			  "cable wait client ack #18 within 1s\n"
			  "cable release\n"
			  "cable quiet 100ms\n"
			  "verdict both clean clean stream 0-17\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_syn_flood = {
	.slug = "syn-flood",
	.stage = TW_STAGE_MANY,
	.title = "A flood of SYNs",
	.happens = "Many SYNs arrive in a short time, usually with forged source addresses, and "
		   "none of the SYN|ACKs is acknowledged. Each one "
		   "holds a request for about 64 s, until the listener's limit is reached. From "
		   "then on a kernel with SYN cookies answers "
		   "without keeping state: only a client that returns the cookie in its ACK gets a "
		   "connection, so real clients are served. "
		   "Without cookies, their SYNs are dropped with the others.\n\n"
		   "Sources that do exist answer the unexpected SYN|ACK with a RST; forged ones "
		   "that do not exist are silent. SYN|ACKs sent as "
		   "cookies are not repeated.",
	.diagram = "many sources                 server\n"
		   "  |---SYN------------------->|\n"
		   "  |---SYN------------------->|   requests until the limit,\n"
		   "  |---SYN------------------->|   then cookies (or drops)\n"
		   "  X<--SYN|ACK----------------|   nobody acknowledges\n"
		   "  X<--SYN|ACK----------------|   repeated at 1, 3, 7 ... s\n",
	.client_sees = "The sources see nothing, or stray SYN|ACKs. Real clients notice nothing "
		       "with cookies; without, connect() is late (7 to 11 s measured) or "
		       "ends in ETIMEDOUT.",
	.server_sees = "Nothing in the program. The kernel logs \"possible SYN flooding on port "
		       "... Sending cookies\", and counts "
		       "TCPReqQFullDoCookies and SyncookiesSent.",
	.recognise = "At least sixteen half-open connections from eight or more sources at one "
		     "endpoint around the same time, SYNs that are not repeated, and SYN|ACKs "
		     "that stay unacknowledged. One half-open connection alone is never called a "
		     "flood, nor are repeated SYNs to a dead server.",
	.folklore = "\"SYN cookies slow everybody down.\" They are used only while the queue is "
		    "full, and with timestamps the connection "
		    "keeps its window scale and SACK.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.sign = TW_F_PORT_HALF_OPEN,
	.match = match,
	.scenarios = scenarios,
};
