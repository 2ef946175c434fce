/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect-aborted: the application gave up connecting before the SYN|ACK came.
 *
 *	client                      server
 *	  |----SYN------------------->|
 *	  |  own timeout: close()     |      (says nothing on the wire)
 *	  |<---SYN|ACK, late----------|
 *	  |----RST------------------->|      no socket: bare RST, seq = ack of the SYN|ACK
 *
 * A scanner or a health check writes SYN, SYN|ACK, RST, too; but its RST leaves as soon as the
 * SYN|ACK comes, within one ordinary round trip. So lateness decides: of the SYN|ACK at the
 * client, of the RST at the server. A RST|ACK is not ours at all: that socket was connected, and
 * its application aborted it.
 *
 * Of several addresses that are tried at once (RFC 8305) all but one end so, however early: that is how it is meant.
 *
 * Was it the application? Where the next SYN had been due before the SYN|ACK came, the socket was gone by then, and the
 * kernel may have given up itself: all repeats spent (tcp_syn_retries, TCP_SYNCNT), or TCP_USER_TIMEOUT.
 */
#include "base/duration.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/silence.h"

#define LATE_SYNACK_NS (TW_NS_PER_S / 5)            /* seen from the client */
#define LATE_RST_NS    (TW_NS_PER_S * 2 / 5)        /* seen from the server */
#define SURE_NS        TW_TCP_TIMEOUT_INIT_NS       /* the SYN's own timer had run out */
#define PATIENT_NS     (3 * TW_TCP_TIMEOUT_INIT_NS) /* no path is as slow: who kept it waiting? */

/*
 * SYNs had been repeated, and when @then came another one was due (timers may be off by an eighth): the SYN|ACK at the client,
 * the reset at the server.
 */
static bool kernel_may_have(const struct tw_facts *f, enum tw_fact_id then)
{
	const int64_t gap = tw_syn_next_gap_ns(f);

	return tw_syn_repeated(f) && tw_between_ns(f, TW_F_SYN_LAST, then) > gap - gap / 8;
}

static void tell_applications(struct tw_match *m, bool kernel)
{
	const bool spent = kernel && tw_syn_schedule_spent(m->facts);

	tw_app_saw(
		m, TW_CLIENT, "connect", spent ? "ETIMEDOUT" : "timeout", -1,
		spent ? "All repeats of the default schedule had been spent."
		: kernel
			? "ETIMEDOUT if the kernel gave up (a smaller tcp_syn_retries, "
			  "TCP_SYNCNT or TCP_USER_TIMEOUT), or its own timeout."
			: "Its own timeout, shorter than the wait for the SYN|ACK; no errno of the "
			  "kernel's, unless the socket has TCP_USER_TIMEOUT.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "accept() never returns this connection.");
}

static void name_rivals(struct tw_match *m, bool sure, bool kernel)
{
	if (sure)
		tw_rule_out(m, "port-scan", "a scanner resets within an ordinary round trip");
	else
		tw_rival(m, "port-scan",
			 "a half-open scanner on a path this slow writes the same three packets");
	if (kernel)
		tw_rival(m, "syn-unanswered",
			 "no answer had come for as long as the kernel itself goes on; this one "
			 "was too late for either");
	else
		tw_rule_out(m, "syn-unanswered", "the SYN was answered");
	if (tw_get(m->facts, TW_F_SYNACK_ECHO_FOREIGN))
		tw_rival(m, "invalid-segment",
			 "the timestamp that the SYN|ACK echoes is of no SYN seen here: a socket "
			 "that still connects refuses it by the same RST");
	tw_rule_out(m, "linger-reset", "a connected socket's abort is a RST|ACK");
}

/* The loser of a race: nobody waits for it. */
static bool match_raced(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_synack_refused(f) || !tw_known(f, TW_F_RACE_WON_NS))
		return false;
	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_CLEAN;
	m->summary = tw_say(m,
			    "The client tried several addresses at once (RFC 8305): another one "
			    "answered before %s did, and it closed this socket.",
			    m->server);
	tw_cite_syns(m);
	tw_cite(m, TW_F_RACE_WON_NS,
		"SYN|ACK of another address, %s after the first SYN: with that one it went on",
		TW_DUR(tw_get(f, TW_F_RACE_WON_NS)));
	tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK, %s after the first SYN",
		TW_DUR(tw_between_ns(f, TW_F_SYN_COUNT, TW_F_SYNACK_COUNT)));
	tw_cite(m, TW_F_RST_COUNT, "bare RST of the client: it has no socket for it");
	tw_rival(m, "port-scan", "a half-open scanner writes the same three packets");
	tw_app_saw(m, TW_CLIENT, NULL, NULL, -1,
		   "No error: the program has its connection, by the other address.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "accept() never returns this connection.");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t waited = tw_between_ns(f, TW_F_SYN_COUNT, TW_F_SYNACK_COUNT);
	int64_t reply = tw_get(f, TW_F_ACK3_DELAY_NS);
	bool late_here = waited >= LATE_SYNACK_NS, late_there = reply >= LATE_RST_NS;
	bool sure = late_here && (waited >= SURE_NS || tw_syn_repeated(f));
	bool kernel = (late_here && kernel_may_have(f, TW_F_SYNACK_COUNT)) ||
		      (late_there && kernel_may_have(f, TW_F_RST_COUNT));

	if (match_raced(m))
		return true;
	if (!tw_synack_refused(f) || (!late_here && !late_there) ||
	    tw_synacks_lost_before_refusal(f))
		return false;
	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = sure && !kernel ? TW_CERTAIN : TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = waited >= PATIENT_NS || (kernel && !late_here) ? TW_CULPRIT_UNKNOWN
								    : TW_CULPRIT_CLIENT_APP;
	if (kernel && !late_here)
		m->summary = tw_say(
			m,
			"The client had given up connecting to %s: its kernel answered the SYN|ACK "
			"with a RST %s later, when its next SYN was due.",
			m->server, TW_DUR(reply));
	else if (kernel)
		m->summary = tw_say(
			m,
			"The client had given up connecting to %s: when the SYN|ACK came %s after "
			"the SYN, its next SYN was due, and its kernel knew no such connection "
			"any more.",
			m->server, TW_DUR(waited));
	else if (late_here)
		m->summary = tw_say(
			m,
			"The client's application gave up connecting to %s: when the SYN|ACK came "
			"%s after the SYN, its kernel knew no such connection any more.",
			m->server, TW_DUR(waited));
	else
		m->summary = tw_say(
			m,
			"The client's application gave up connecting to %s: its kernel answered "
			"the SYN|ACK with a RST %s later, as it knew no such connection any more.",
			m->server, TW_DUR(reply));
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK, %s after the first SYN", TW_DUR(waited));
	tw_cite(m, TW_F_RST_COUNT,
		"bare RST of the client, %s after the SYN|ACK: it has no socket for it",
		TW_DUR(reply));
	name_rivals(m, sure, kernel);
	if (waited >= PATIENT_NS)
		tw_missing(
			m,
			"A capture at the server: did it answer so late, or were earlier SYN|ACKs "
			"lost?");
	tell_applications(m, kernel);
	return true;
}

static const char *const remedies[] = {
	"Find the connect timeout in the client (connect_timeout, dial timeout, SO_SNDTIMEO) and "
	"compare it with the time the SYN|ACK "
	"took: it is shorter.",
	"Set it above one SYN repeat: with a little more than 1 s, better 3 s, a single lost SYN "
	"no longer fails the request.",
	"Find out why the SYN|ACK was late: a lost SYN (repeats in the capture), a slow path, or a "
	"server host without CPU time for its network stack.",
	"When racing addresses (RFC 8305), expect this for the losers: it is then no failure, and "
	"is said so where the winner is in the capture.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "the application's connect timeout",
	  "How long the application waits before it closes the socket; no kernel default." },
	{ "SO_SNDTIMEO", "Socket option: a blocking connect() returns EINPROGRESS at that time. "
			 "Default none; the SYNs go on until close()." },
	{ "net.ipv4.tcp_syn_retries",
	  "The kernel's own limit, 6 by default: about 134 s. TCP_SYNCNT is the socket's." },
	{ "TCP_USER_TIMEOUT",
	  "Socket option, in ms: it ends a connect(), too, with ETIMEDOUT. Default none." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 9293 s3.10.4 (CLOSE in SYN-SENT: delete the TCB, send nothing), s3.10.7.1",
	"net/ipv4/tcp.c: __tcp_close; net/ipv4/tcp_ipv4.c: tcp_v4_send_reset",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	/* Repeated in vain: that nobody answered is the cause, and its patience only the end. */
	if (!tw_get(f, TW_F_K_GAVE_UP) ||
	    (tw_get(f, TW_F_K_REPEATS) > 0 && !tw_known(f, TW_F_K_RST_SIDE)))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_CLIENT_APP,
		    tw_say(m,
			   "The application closed its socket %safter connect(), before %s had "
			   "answered.",
			   tw_live_connecting_for(m, "", " "), m->server));
	tw_cite(m, TW_F_K_GAVE_UP, "SYN_SENT to CLOSE by the process itself, without an error");
	tw_app_saw(m, TW_CLIENT, "connect", "its own timeout", tw_live_connecting_ns(m), NULL);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "own-timeout",
		.about = "the application gives up before the SYN|ACK is there",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "cable hold server synack\n"
			  "client option SO_SNDTIMEO 200ms\n"
			  "client connect -> EINPROGRESS after 200ms\n"
			  "client connect -> EALREADY after 200ms\n"
			  "# later than any path, seen from the server\n"
			  "wait 200ms\n"
			  "client close\n"
			  "cable release\n"
			  "cable wait client rst\n"
			  "server nonblocking listener\n"
			  "cable quiet 50ms\n"
			  "server accept -> EAGAIN\n"
			  "verdict both connect-aborted|port-scan likely failed\n"
			  "never both clean|syn-ack-lost|certain\n",
	},
	{
		.name = "nonblocking",
		.about = "a non-blocking connect() whose application has a timer of its own",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "fault\n"
			  "cable hold server synack\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS within 100ms\n"
			  "client connect -> EALREADY within 100ms\n"
			  "wait 500ms\n"
			  "state client SYN_SENT\n"
			  "client close\n"
			  "cable release\n"
			  "cable wait client rst\n"
			  "verdict both connect-aborted|port-scan likely failed\n"
			  "never both clean|syn-ack-lost|certain\n",
	},
	{
		.name = "kernel",
		.about = "the kernel gives up, and then the SYN|ACK comes",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "server listen\n"
			  "fault\n"
			  "cable hold server synack always\n"
			  "client connect -> ETIMEDOUT within 5s\n"
			  "cable release\n"
			  "cable wait client rst\n"
			  "cable quiet 100ms\n"
			  "verdict client connect-aborted likely failed\n"
			  "verdict server unknown|connect-aborted likely possible unknown failed\n"
			  "never both clean\n",
	},
	{
		.name = "unspec",
		.about = "connect(AF_UNSPEC) gives up, too",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "cable hold server synack\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS within 100ms\n"
			  "wait 250ms\n"
			  "client unspec\n"
			  "cable release\n"
			  "cable wait client rst\n"
			  "verdict client connect-aborted|port-scan likely failed\n"
			  "verdict server unknown|connect-aborted|port-scan likely possible "
			  "unknown failed\n"
			  "never both clean|syn-ack-lost|certain\n",
	},
	{
		.name = "health-check",
		.about = "a check that resets as soon as it is connected: nobody was owed "
			 "anything",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server listen\n"
			  "fault\n"
			  "client connect\n"
			  "client option SO_LINGER 1 0\n"
			  "client close\n"
			  "server accept\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "server close\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "slow-path",
		.about = "a long way, and nobody gives up",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "delay 200ms\n"
			  "server listen\n"
			  "fault\n"
			  "client connect within 1s\n"
			  "server accept\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "cable quiet 500ms\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "half-open-check",
		.about = "a check that gives up within the round trip: it wanted no more than "
			 "the SYN|ACK",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server listen\n"
			  "fault\n"
			  "cable hold server synack\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS\n"
			  "client close\n"
			  "cable wait server synack\n"
			  "cable release\n"
			  "cable wait client rst\n"
			  "server nonblocking listener\n"
			  "cable quiet 100ms\n"
			  "server accept -> EAGAIN\n"
			  "verdict both clean|unknown clean unknown\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	tw_predict_silent_connect(p, m);
	p->note = "The kernel would go on for this long. An application that gives up earlier by a "
		  "timer "
		  "of its own closes the socket; a SYN|ACK that comes later is answered by a RST.";
}

const struct tw_phenomenon tw_ph_connect_aborted = {
	.slug = "connect-aborted",
	.stage = TW_STAGE_CONNECT,
	.title = "The client gave up connecting",
	.happens = "The application has a connect timeout of its own and closes the socket while "
		   "it is still in SYN_SENT. That sends "
		   "nothing: the connection just ceases to exist on the client. The SYN|ACK that "
		   "comes later meets no socket, and "
		   "the client's kernel answers with a bare RST. The server drops its half-open "
		   "request and counts EmbryonicRsts; "
		   "its application never hears of it.",
	.diagram = "client                    server\n"
		   "  |----SYN----------------->|\n"
		   "  |  close() by own timer   |\n"
		   "  |<---SYN|ACK, late--------|\n"
		   "  |----RST----------------->|   bare, window 0\n",
	.client_sees = "Whatever its own timer says: \"connect timed out\", i/o timeout, "
		       "EINPROGRESS from SO_SNDTIMEO (EALREADY from "
		       "a second connect()). The kernel reports nothing, unless it had given up "
		       "itself: then it is ETIMEDOUT.",
	.server_sees = "accept() never returns the connection. The host counts TcpExtEmbryonicRsts "
		       "and TcpAttemptFails.",
	.recognise =
		"SYN, a late SYN|ACK, a bare RST of the client. At the client the SYN|ACK "
		"comes 0.2 s or more after the first SYN; certain "
		"from one second on, or when the SYN was repeated. At the server the SYN|ACK "
		"leaves at once and the RST comes "
		"late, which a scanner on a slow path would also write. With an ordinary "
		"round trip it is a health check or a scan, and nothing failed. Nor has it where "
		"another address answered first that the same client tried at the same time "
		"(RFC 8305): that is looked for in the whole capture.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_RST_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
