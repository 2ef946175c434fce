/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keepalive-race: the server closes an idle connection while the next request is on its way.
 *
 *     client                          server
 *       |<--- answer -------------------|
 *       |            T seconds of silence
 *       |                               |  keep-alive timer: close()
 *       |---- request ----\    /--- FIN -|
 *       |                  \  /          |
 *       |                   \/           |
 *       |                   /\           |
 *       |<--- FIN ---------/  \--------->|  nobody reads it
 *       |<--- RST seq = FIN + 1 ---------|
 *
 * The two cross, so neither end does anything wrong by TCP's rules; the error is that two timers
 * end the same connection and the server's is the shorter one. RFC 9112 s9.5 says so for HTTP:
 * either end may close an idle connection at any time, a client must be ready for that.
 */
#include "base/duration.h"
#include "phenomena/http2.h"
#include "phenomena/idle_table.h"
#include "phenomena/resets.h"

#define IDLE_MIN_NS TW_NS_PER_S
/* A TLS close_notify that crosses the FIN is no request; its record stays below this. */
#define REQUEST_MIN_BYTES 100

/* No reset came of it: the server lingered, and threw the request away. */
static bool taken(const struct tw_facts *f)
{
	return tw_known(f, TW_F_REQUEST_TOO_LATE) && !tw_get(f, TW_F_RST_COUNT_S);
}

/*
 * The silence that ended with the FIN, as its end had it. A request that is seen before the FIN (at the client's end) has
 * broken it here, but not there; nor have keepalive probes, of which no application hears.
 */
static int64_t idle_ns(const struct tw_facts *f)
{
	return tw_get(f, tw_known(f, TW_F_FIN_QUIET_BEFORE_NS) ? TW_F_FIN_QUIET_BEFORE_NS
							       : TW_F_FIN_IDLE_BEFORE_NS);
}

static bool fits(const struct tw_facts *f)
{
	if (!tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) || !tw_get(f, TW_F_FIN_CROSSED_REQUEST) ||
	    idle_ns(f) < IDLE_MIN_NS || tw_get(f, TW_F_BYTES_S) == 0)
		return false;
	/* it was not idle: it closed in place of an answer */
	if (tw_get(f, TW_F_FIN_BEFORE_ANSWER) && tw_known(f, TW_F_FIN_REQUEST))
		return false;
	if (taken(f))
		return true;
	if (!tw_reset_landed(f) || tw_reset_author(f) != TW_SERVER ||
	    tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE))
		return false;
	/* The client may close at once when it sees the FIN; its request is lost all the same. */
	return tw_reset_debt(f) == TW_DEBT_OWED ||
	       tw_get(f, TW_F_RST_VICTIM_UNACKED) >= REQUEST_MIN_BYTES;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t idle = idle_ns(f);
	const int64_t lost = tw_get(f, taken(f) ? TW_F_DATA_AFTER_FIN1 : TW_F_RST_VICTIM_UNACKED);
	const char *candidates;

	if (!fits(f))
		return false;
	candidates = tw_idle_text(m->idle_table, m->arena, idle, "D");
	m->strength = TW_STRENGTH_MECHANISM + 2;
	m->confidence = TW_LIKELY;
	m->outcome = tw_http2_may_repeat(f) ? TW_OUTCOME_DEGRADED : TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    "%s closed the connection after %s of silence, and the client's next "
			    "request crossed the FIN: nobody read it.",
			    tw_endpoint(m, TW_SERVER), TW_DUR(idle));
	if (candidates)
		tw_cite(m, TW_F_FIN1_SIDE,
			"the server's FIN, after %s of silence; that is the default of %s",
			TW_DUR(idle), candidates);
	else
		tw_cite(m, TW_F_FIN1_SIDE, "the server's FIN, after %s of silence", TW_DUR(idle));
	tw_cite(m, TW_F_FIN_CROSSED_REQUEST,
		"%s of the client, sent before it could know of the FIN",
		lost ? tw_bytes(m, lost) : "a request");
	tw_http2_cite_repeat(m);
	if (!taken(f))
		tw_reset_cite(m);
	tw_rival(m, "data-after-close",
		 "the server may have closed for another reason than its idle timer");
	tw_rule_out(m, "idle-reset", "a device that forgets sends no FIN");
	tw_app_saw(m, TW_CLIENT, "recv", "EOF", -1,
		   "recv returns 0 where the answer should begin if the FIN comes first (it did "
		   "here); HTTP libraries call it \"connection reset\", \"socket hang up\" or \"no "
		   "response\". Proxies answer 502.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "It never saw the request.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "keep-alive timeout of the server",
	  "Node.js 5 s, gunicorn 2 s, Apache 5 s, nginx 75 s: the time after which it closes an "
	  "idle connection." },
	{ "idle timeout of the client's pool or of the proxy in front",
	  "Must be shorter than the server's; AWS ALB keeps idle connections 60 s." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Make the server's keep-alive time longer than that of whatever stands in front of it: "
	"behind an AWS ALB (60 s) set server.keepAliveTimeout = 65000 in Node.js, --keep-alive 65 "
	"in gunicorn, keepalive_timeout 65s in nginx.",
	"If the client owns the pool, let it close idle connections first: set its idle timeout "
	"some seconds below the server's (Go: IdleConnTimeout, Java: evictIdleConnections, nginx "
	"upstream: keepalive_timeout).",
	"Let the client repeat a request that got end of file or a reset before the first byte of "
	"an answer on a reused connection, if it is safe to repeat (idempotent).",
	"Let the client test a pooled connection before use (poll for POLLRDHUP or POLLIN): it "
	"narrows the race but does not close it.",
	NULL,
};

static const char *const references[] = {
	"RFC 9112 s9.3, s9.5",
	"RFC 9293 s3.6.1",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "crossing",
		.about = "the server closes the idle connection while the next request is on its "
			 "way",
		.variants = "v4 v6 v4-nots",
		.script = "delay 40ms\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 200\n"
			  "client recv 200\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 200\n"
			  "client recv 200\n"
			  "wait 2s\n"
			  "fault\n"
			  "server close\n"
			  "client send 100\n"
			  "client recv -> EOF\n"
			  "state client CLOSE\n"
			  "client send 1 -> EPIPE\n"
			  "client recv -> EOF\n"
			  "verdict both keepalive-race|data-after-close likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "in-time",
		.about = "the client sees the FIN first, closes, and asks on a new connection",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "wait 1s\n"
			  "fault\n"
			  "server close\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "client connect #2\n"
			  "server accept #2\n"
			  "client send 100 #2\n"
			  "server recv 100 #2\n"
			  "server send 10 #2\n"
			  "client recv 10 #2\n"
			  "client close #2\n"
			  "server recv eof #2\n"
			  "server close #2\n"
			  "verdict both clean certain likely clean\n"
			  "verdict both clean certain likely clean stream 1\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_keepalive_race = {
	.slug = "keepalive-race",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The next request crossed the server's idle close",
	.happens =
		"A connection is kept open for more requests. The server closes it when nothing "
		"came for its keep-alive time. In that very moment the client, which knows nothing "
		"of it yet, sends the next request. FIN and request cross on the wire.\n\n"
		"The server's socket is closed, so the request draws a bare RST with the FIN's "
		"sequence number + 1. The client sees the connection end although it had just sent "
		"a request on it. It happens rarely, at a rate that follows the traffic, and never "
		"in a test: one in 20 000 requests has been reported.",
	.diagram = "client                          server\n"
		   "  |<--- answer -------------------|\n"
		   "  |      T seconds of silence     |\n"
		   "  |---- request ---.  .--- FIN ---|  keep-alive timer\n"
		   "  |                 \\/            |\n"
		   "  |<--- FIN -------'  '---------->|  nobody reads it\n"
		   "  |<--- RST seq=FIN+1 ------------|\n"
		   "recv: 0 in place of an answer\n",
	.client_sees = "recv returns 0 if the FIN arrived before the reset (the usual case); send "
		       "afterwards fails with EPIPE. HTTP libraries report \"socket hang up\" "
		       "(Node.js), \"RemoteDisconnected\" (Python), \"NoHttpResponseException\" "
		       "(Java), \"EOF\" (Go); proxies answer 502 within milliseconds.",
	.server_sees =
		"Nothing: no request reached the application, and its log has no line for it.",
	.recognise = "The server's FIN comes after at least a second of silence, and the client "
		     "sent data within a round trip of it that does not acknowledge the FIN. The "
		     "time of silence is compared with known keep-alive times.\n\n"
		     "That it was the idle timer cannot be seen, so data-after-close stays a "
		     "rival. A TLS close_notify that crosses the FIN is no request; it is clean.",
	.folklore = "\"The client gets ECONNRESET.\" When the FIN comes first, as it does, recv "
		    "gives end of file; the reset only shows at the next send, as EPIPE.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.scenarios = scenarios,
};
