/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP_USER_TIMEOUT gives a connection up long before tcp_retries2 would.
 *
 * Theory: the abort sends nothing, so it leaves no packet. Only if the peer sends later does the
 * bare RST that it draws show that the connection was already gone, and its age then shows that
 * this was early. Limits: a small tcp_retries2 gives the same packets, so at most possible.
 *
 *    sender                                                       peer
 *      |------------------------ data ------------------------X
 *      |------------------------ again -----------------------X
 *      |------------------------ again -----------------------X
 *      |  TCP_USER_TIMEOUT: ETIMEDOUT, no packet              |
 *      |                                                      |
 *      |<----------------------- data ------------------------|
 *      |------------------------ RST ------------------------>| ECONNRESET
 */
#include "base/duration.h"
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"
#include "timers/constants.h"

#include <errno.h>
#include <inttypes.h>

/* RFC 1122 s4.2.3.5 asks for at least this; Linux takes 938 s by default */
#define EARLY_NS TW_RFC1122_R2_NS

/* The answer comes at last, a moment after the last repeat, and meets no socket. */
static bool match_too_late(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side sender = tw_reset_author(f);
	const int64_t lived = tw_between_ns(f, TW_F_RST_AUTHOR_REPEATED, TW_F_RST_COUNT);

	if (!tw_reset_landed(f) || !tw_silence_proves(f) || !tw_reset_after_repeats(f) ||
	    tw_reset_odds(f) || lived >= EARLY_NS)
		return false;
	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(m,
			    "%s repeated its data without an answer for %s, and gave the "
			    "connection up: what came then met no socket.",
			    tw_endpoint(m, sender), TW_DUR(lived));
	tw_cite(m, TW_F_RST_AUTHOR_REPEATED, "%s in a row, with nothing from the other end",
		tw_first_of(m, tw_get(f, TW_F_RST_AUTHOR_REPEATED), "repeat"));
	tw_reset_cite_trigger(m);
	tw_reset_cite(m);
	tw_rival(m, "peer-vanished", "a small tcp_retries2 ends it as early, and as silently");
	tw_rival(
		m, "firewall-reset",
		"a filter that answers in its name writes the same; `ss -tn` on that host decides");
	tw_rule_out(m, "peer-rebooted", "no host comes back so soon after its own repeat");
	tw_app_saw(m, sender, "recv", "ETIMEDOUT", -1,
		   "Between its last repeat and the RST; no packet marks it.");
	tw_reset_victim_saw(m);
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE);
	int64_t lived = tw_between_ns(f, TW_F_UNANSWERED_BYTES, TW_F_PEER_SPOKE_AFTER_RST);

	if (match_too_late(m))
		return true;
	if (!tw_silence_proves(f) || !tw_known(f, TW_F_UNANSWERED_SIDE) ||
	    tw_get(f, TW_F_UNANSWERED_REPEATS) < 1 || !tw_get(f, TW_F_PEER_SPOKE_AFTER_RST) ||
	    lived <= 0 || lived >= EARLY_NS)
		return false;
	m->strength = TW_STRENGTH_STALL - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(m,
			    "%s gave the connection up less than %s after unacknowledged data, "
			    "much earlier than "
			    "tcp_retries2 would by default.",
			    tw_endpoint(m, sender), TW_DUR(lived));
	tw_cite(m, TW_F_UNANSWERED_BYTES, "%s, never acknowledged",
		tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)));
	tw_cite(m, TW_F_PEER_SPOKE_AFTER_RST,
		"a bare RST answers the peer %s later: the connection is already gone",
		TW_DUR(lived));
	tw_rival(m, "peer-vanished", "a small tcp_retries2 ends it as early, and as silently");
	tw_rival(m, "firewall-dropped", "what made the path silent is open");
	tw_app_saw(m, sender, "recv", "ETIMEDOUT", -1,
		   "At some moment before the RST; no packet marks it.");
	if (!tw_resets_are_unheard(f))
		tw_app_saw(m, tw_other(sender), "recv", "ECONNRESET", lived, NULL);
	return true;
}

static const struct tw_governed governed[] = {
	{ "TCP_USER_TIMEOUT", "Per socket, in milliseconds; 0 (the default) means that "
			      "net.ipv4.tcp_retries2 decides." },
	{ "net.ipv4.tcp_retries2", "What applies without it: 15 repeats, 938 s measured." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Look for TCP_USER_TIMEOUT in the program (`strace -f -e trace=setsockopt -p PID`) "
	"and in its driver or its proxy: gRPC, HAProxy (tcp-ut) and several database drivers "
	"set it.",
	"Raise it above the longest outage that you want to survive, and keep it above the "
	"keepalive idle time plus its probes, which it overrides.",
	"Then look for the cause of the silence itself with `tcpwhy explain peer-vanished`: "
	"the timeout only reported it.",
	NULL,
};

static const char *const references[] = {
	"RFC 5482 (user timeout option)",
	"RFC 9293 s3.10.8 (user timeout)",
	"net/ipv4/tcp_timer.c: tcp_model_timeout, retransmits_timed_out",
	"man 7 tcp: TCP_USER_TIMEOUT",
	NULL,
};

/* Behind a closed window the probes are counted, too: unanswered they end at tcp_retries2, if that is sooner. */
#define PROBES_FEW 3

static bool say_behind_window(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	tw_live_say(m, TW_STRENGTH_MECHANISM + 3, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "TCP_USER_TIMEOUT (%s) ended the connection behind the peer's closed "
			   "window, with %s still to send.",
			   TW_DUR(tw_get(f, TW_F_K_USER_TIMEOUT_NS)),
			   tw_bytes(m, tw_get(f, TW_F_K_UNSENT))));
	tw_cite(m, TW_F_K_USER_TIMEOUT_NS, "the socket has TCP_USER_TIMEOUT set");
	tw_cite(m, TW_F_K_WINDOW_ZERO, "the peer's window is 0; %s in a row unanswered",
		tw_count(m, tw_get(f, TW_F_K_PROBES), "probe"));
	tw_live_cite_error(m);
	if (tw_get(f, TW_F_K_PROBES) >= PROBES_FEW)
		tw_rival(m, "zero-window-stall",
			 "unanswered probes end at tcp_retries2 if that comes first");
	tw_live_error_seen(m, "send");
	return true;
}

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_live_error(m, ETIMEDOUT) || !tw_known(f, TW_F_K_USER_TIMEOUT_NS) ||
	    tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_SYN_SENT) || tw_live_only_fin(m))
		return false;
	/* With nothing to send it bounds the keepalive probes. */
	if (!tw_get(f, TW_F_K_UNACKED) && !tw_get(f, TW_F_K_UNSENT))
		return false;
	if (tw_get(f, TW_F_K_WINDOW_ZERO) && tw_get(f, TW_F_K_UNSENT))
		return say_behind_window(m);
	tw_live_say(m, TW_STRENGTH_MECHANISM + 1, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "TCP_USER_TIMEOUT (%s) ended the connection: %s stayed "
			   "unacknowledged.",
			   TW_DUR(tw_get(f, TW_F_K_USER_TIMEOUT_NS)),
			   tw_bytes(m, tw_get(f, TW_F_K_UNACKED))));
	tw_cite(m, TW_F_K_USER_TIMEOUT_NS, "the socket has TCP_USER_TIMEOUT set");
	tw_live_cite_error(m);
	tw_rule_out(m, "peer-vanished",
		    "with TCP_USER_TIMEOUT the kernel does not count the retries of tcp_retries2");
	tw_live_error_seen(m, "recv");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "in-flight",
		.about = "TCP_USER_TIMEOUT ends the retransmissions early",
		.variants = "v4 v6",
		.script = "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "client option TCP_USER_TIMEOUT 1500\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..3s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict client user-timeout|peer-vanished possible unknown\n"
			  "verdict server clean\n",
	},
	{
		.name = "peer-speaks",
		.about = "the path is back, and the peer's next data draws a bare RST",
		.variants = "v4 v6",
		.script = "client option TCP_USER_TIMEOUT 1500\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable cut\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..3s\n"
			  "cable heal\n"
			  "server send 100\n"
			  "server recv -> ECONNRESET within 3s\n"
			  "verdict client user-timeout|peer-vanished possible likely failed\n"
			  "never client certain\n"
			  "verdict server "
			  "user-timeout|peer-rebooted|peer-vanished|firewall-reset|idle-reset "
			  "possible likely failed\n"
			  "never server certain\n",
	},
	{
		.name = "zero-window",
		.about = "it ends a connection whose peer is alive and does not read",
		.variants = "v4 v6",
		.script = "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client option TCP_USER_TIMEOUT 2000\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client fill\n"
			  "client send 10000 -> ETIMEDOUT after 2s..8s\n"
			  "client send 1 -> EPIPE\n"
			  "client recv -> EOF\n"
			  "verdict both user-timeout|zero-window-stall likely possible unknown "
			  "failed\n"
			  "never both certain\n",
	},
	{
		.name = "soft-error",
		.about = "an ICMP error was noted before: EHOSTUNREACH",
		.variants = "v6",
		.script = "truth host-unreachable\n"
			  "topology router\n"
			  "short router net.ipv4.neigh.eth1.retrans_time_ms 200\n"
			  "short router net.ipv6.neigh.eth1.retrans_time_ms 200\n"
			  "client option TCP_USER_TIMEOUT 3000\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "host router neighbour none\n"
			  "client send 100\n"
			  "client recv -> EHOSTUNREACH after 3s..6s\n"
			  "verdict client host-unreachable|peer-vanished|user-timeout likely "
			  "possible failed unknown\n"
			  "never client certain\n"
			  "verdict server clean\n",
	},
	{
		.name = "in-time",
		.about = "the loss is repaired before the limit",
		.variants = "v4 v6",
		.script = "truth loss-recovered\n"
			  "client option TCP_USER_TIMEOUT 5000\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable drop client data #1-2\n"
			  "client send 100\n"
			  "server recv 100 within 4s\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client loss-recovered likely certain degraded\n"
			  "verdict server clean certain likely clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "data is sent, one segment, after the peer went silent";
	tw_schedule_data(&p->ladder, m, TW_HELD, 1, "the segment again", "the segment again");
	tw_predict_silent_peer(p, m);
	p->note = m->socket.user_timeout_ms
			  ? "The clock of TCP_USER_TIMEOUT starts with the first repeat by "
			    "timeout, not "
			    "with the data."
			  : "TCP_USER_TIMEOUT is not set: this is what its absence means. Try "
			    "--user-timeout=30s.";
}

const struct tw_phenomenon tw_ph_user_timeout = {
	.slug = "user-timeout",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "TCP_USER_TIMEOUT ended a silent connection",
	.happens = "TCP_USER_TIMEOUT limits how long sent data may stay unacknowledged, in "
		   "milliseconds. The retransmission timer checks it each time it expires, so "
		   "the connection ends at the first expiry after the limit: with 3 s it ended "
		   "at 3.2 s (measured). It ends in silence, like every retransmission timeout.\n\n"
		   "It also ends a connection whose peer is alive and answers zero-window "
		   "probes, and it takes the place of the probe count of keepalive.",
	.diagram = " sender                                                       peer\n"
		   "   |------------------------ data ------------------------X\n"
		   "   |------------------------ again -----------------------X\n"
		   "   |------------------------ again -----------------------X\n"
		   "   |  TCP_USER_TIMEOUT: ETIMEDOUT, no packet              |\n"
		   "   |                                                      |\n"
		   "   |<----------------------- data ------------------------|\n"
		   "   |------------------------ RST ------------------------>| ECONNRESET\n",
	.client_sees =
		"ETIMEDOUT from the next recv() or send() soon after the limit, EHOSTUNREACH "
		"if an ICMP error was noted before; then recv() returns 0 and send() EPIPE.",
	.server_sees =
		"Nothing, if it is dead or cut off. If it is alive, its next segment draws a "
		"bare RST: ECONNRESET.",
	.recognise = "From packets alone it is peer-vanished: the abort is invisible. tcpwhy "
		     "offers user-timeout only as a possibility, when the peer speaks again and "
		     "draws a bare RST much sooner than the default of tcp_retries2 would allow. A "
		     "small tcp_retries2 leaves the same packets; the application's source or `ss "
		     "-to` decides. Where the answer comes less than a second after the last of "
		     "several repeats and draws a bare RST, it is likely: the kernel had given up "
		     "between the two, and no host comes back so soon.",
	.folklore = "\"The timeout reset the connection.\" It ends in silence; a RST that is seen "
		    "later answers the peer's own segment.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "KP",
	.predict = predict,
	.sign = TW_F_RST_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
