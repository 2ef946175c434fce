/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process-died and app-stuck, where the frames of HTTP/2 in clear tell which requests were not answered. To TCP such a connection may end in
 * perfect order.
 *
 *	client				server
 *	  |---- HEADERS 1, END_STREAM ---->|
 *	  |<--- HEADERS 1, DATA -----------|	SIGKILL, all that came was read
 *	  |<--- FIN -----------------------|	no END_STREAM, no GOAWAY
 *	  |---- FIN ---------------------->|
 */
#include "phenomena/http2.h"

#include "base/duration.h"
#include "phenomena/silence.h"

#define GAVE_UP_NS                                                                                 \
	(1 *                                                                                       \
	 TW_NS_PER_S) /* as with HTTP/1: who resets its request sooner may have changed its mind */

const char *tw_http2_error_name(int64_t error)
{
	static const char *const names[] = {
		"NO_ERROR",
		"PROTOCOL_ERROR",
		"INTERNAL_ERROR",
		"FLOW_CONTROL_ERROR",
		"SETTINGS_TIMEOUT",
		"STREAM_CLOSED",
		"FRAME_SIZE_ERROR",
		"REFUSED_STREAM",
		"CANCEL",
		"COMPRESSION_ERROR",
		"CONNECT_ERROR",
		"ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY",
		"HTTP_1_1_REQUIRED",
	};

	return error >= 0 && error < (int64_t)(sizeof(names) / sizeof(names[0])) ? names[error]
										 : "unknown";
}

/* "1 request", "3 requests" */
static const char *requests(struct tw_match *m, int64_t count)
{
	return tw_say(m, "%lld request%s", (long long)count, count == 1 ? "" : "s");
}

static void say_broken_off(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const char *const open = requests(m, tw_get(f, TW_F_H2_OPEN)), *const server = tw_endpoint(
									       m, TW_SERVER);
	const int64_t error = tw_get(f, TW_F_H2_GOAWAY);

	if (!tw_known(f, TW_F_H2_GOAWAY))
		m->summary = tw_say(m,
				    "%s closed the connection with %s of HTTP/2 open, %s after the "
				    "first of them: what served it ended, or gave up without a "
				    "word.",
				    server, open,
				    TW_DUR(tw_between_ns(f, TW_F_H2_OPEN, TW_F_FIN1_SIDE)));
	else if (error)
		m->summary = tw_say(m,
				    "%s broke the connection off with %s of HTTP/2 open, and said "
				    "why: GOAWAY, %s (%lld).",
				    server, open, tw_http2_error_name(error), (long long)error);
	else
		m->summary = tw_say(m,
				    "%s said that it goes (GOAWAY), and closed the connection %s "
				    "later with %s of HTTP/2 open: it ended, or did not wait for "
				    "them.",
				    server,
				    TW_DUR(tw_between_ns(f, TW_F_H2_GOAWAY, TW_F_FIN1_SIDE)), open);
}

static void cite_open(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t open = tw_get(f, TW_F_H2_OPEN), answered = tw_get(f, TW_F_H2_OPEN_ANSWERED);

	tw_cite(m, TW_F_H2_OPEN,
		open == 1 ? "HEADERS of the client: the request that was never answered to its end"
			  : "HEADERS of the client: the first of %lld requests that were never "
			    "answered to their end",
		(long long)open);
	if (answered)
		tw_cite(m, TW_F_H2_OPEN_ANSWERED,
			"the server's last frame: of %lld of them it had begun to answer, none "
			"had its END_STREAM",
			(long long)answered);
}

bool tw_match_http2_broken_off(struct tw_match *m, bool refused)
{
	const struct tw_facts *f = m->facts;
	const bool said = tw_known(f, TW_F_H2_GOAWAY);

	if (!tw_get(f, TW_F_H2_OPEN) || !tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) ||
	    tw_known(f, TW_F_H2_CLIENT_GOAWAY))
		return false;
	m->strength = refused ? TW_STRENGTH_MECHANISM + 1 : TW_STRENGTH_ENDING - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	say_broken_off(m);
	cite_open(m);
	if (said)
		tw_cite(m, TW_F_H2_GOAWAY, "GOAWAY of the server: %s, last stream %lld",
			tw_http2_error_name(tw_get(f, TW_F_H2_GOAWAY)),
			(long long)tw_get(f, TW_F_H2_GOAWAY_LAST));
	tw_cite(m, TW_F_FIN1_SIDE, "FIN of the server%s", said ? "" : ", and no GOAWAY before it");
	tw_missing(m, "Whether the process was killed, or closed by itself (a limit of time or of "
		      "the age of connections, an orderly end that does not wait): its log tells.");
	tw_rule_out(m, "closed-with-unread-data",
		    "unread data would have made it a reset: the requests had been read");
	tw_app_saw(m, TW_CLIENT, "recv", "EOF", -1,
		   "recv returns 0 with requests open: UNAVAILABLE, \"Socket closed\", \"error "
		   "reading from server: EOF\", \"Connection closed\" (gRPC), \"stream was not "
		   "closed cleanly\" (curl, 18 and 92), \"unexpected EOF\" (Go).");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It had read all that came. No call fails: it is killed, or closes by itself.");
	return true;
}

/* The other kernel takes what comes, and its program, which has to answer a PING at once, does not. */
static bool match_ping(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t waited = tw_get(f, TW_F_H2_PING_NS);

	if (waited < GAVE_UP_NS)
		return false;
	m->strength = tw_get(f, TW_F_RST_COUNT) ? TW_STRENGTH_MECHANISM + 1 : TW_STRENGTH_STALL;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->summary = tw_say(m,
			    "%s acknowledged a PING of HTTP/2 and never answered it; the client "
			    "gave up after %s.",
			    m->server, TW_DUR(waited));
	tw_cite(m, TW_F_H2_PING_NS,
		"PING of the client: acknowledged by the server's kernel, and by no frame");
	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited,
		   "\"keepalive watchdog timeout\", \"keepalive ping failed to receive ACK within "
		   "timeout\" (gRPC: UNAVAILABLE).");
	return true;
}

/* A request of which nothing came back. It may have been a stream of events, of which there were none. */
static bool match_given_up(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t waited = tw_get(f, TW_F_H2_GIVEN_UP_NS);

	if (waited < GAVE_UP_NS)
		return false;
	m->strength = tw_get(f, TW_F_RST_COUNT) ? TW_STRENGTH_MECHANISM + 1 : TW_STRENGTH_DELAY - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->summary = tw_say(m,
			    "%s acknowledged a request of HTTP/2 and answered nothing to it; the "
			    "client gave up after %s.",
			    m->server, TW_DUR(waited));
	tw_cite(m, TW_F_H2_GIVEN_UP,
		"HEADERS of stream %lld: the client has said all of it, and no frame answers it",
		(long long)tw_get(f, TW_F_H2_GIVEN_UP));
	tw_cite(m, TW_F_H2_GIVEN_UP_NS, "the client resets that stream, or closes, after %s%s",
		TW_DUR(waited), tw_is_round(waited) ? ": whole seconds, as deadlines are set" : "");
	tw_missing(m, "Whether so long a wait is usual there: a stream of events, of which there "
		      "are none yet, looks the same.");
	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited,
		   "It waited until its own deadline: DEADLINE_EXCEEDED or CANCELLED (gRPC), "
		   "\"Operation timed out\" (curl, 28).");
	return true;
}

bool tw_match_http2_unanswered(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_silence_proves(f) || !tw_get(f, TW_F_ESTABLISHED) ||
	    tw_get(f, TW_F_UNANSWERED_REPEATS) > 0 || tw_get(f, TW_F_RST_COUNT_S) ||
	    tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) || tw_get(f, TW_F_SENT_UNSEEN_BYTES))
		return false;
	if (!match_ping(m) && !match_given_up(m))
		return false;
	m->culprit = TW_CULPRIT_SERVER_APP;
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It hangs, or waits for somebody behind it: its kernel took what came.");
	tw_rule_out(m, "peer-vanished", "the server's kernel acknowledges everything");
	return true;
}

bool tw_http2_may_repeat(const struct tw_facts *f)
{
	return tw_known(f, TW_F_H2_LATE) && tw_known(f, TW_F_H2_GOAWAY) &&
	       !tw_get(f, TW_F_H2_OPEN) && tw_get(f, TW_F_H2_LATE) > tw_get(f, TW_F_H2_GOAWAY_LAST);
}

void tw_http2_cite_repeat(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_http2_may_repeat(f))
		tw_cite(m, TW_F_H2_GOAWAY,
			"GOAWAY of the server: it takes up nothing behind stream %lld. The client "
			"may begin stream %lld again elsewhere (RFC 9113 s6.8)",
			(long long)tw_get(f, TW_F_H2_GOAWAY_LAST),
			(long long)tw_get(f, TW_F_H2_LATE));
}
