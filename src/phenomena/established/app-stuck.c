/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's kernel shakes hands and acknowledges; its application never accepts, reads or
 * answers.
 *
 * Theory: an ACK comes from the kernel, so "acknowledged and never answered" separates the two.
 * The trouble is that one-way protocols, long polls and idle keep-alive connections look the same
 * from outside. So the matcher asks for a client that gave up while the server acknowledged the FIN
 * and did not close (only possible, if the server had answered before), or for a server that never
 * spoke at all: one that the client left after a wait, or two minutes of waiting, ten seconds where
 * all it was asked came at once. What is always answered in its protocol (a request of HTTP, a ClientHello of
 * TLS, a query) is owed an answer whatever was said before; where the server speaks first (SMTP, MySQL), it owes that
 * without being asked (phenomena/greeting.c). Limits: never certain;
 * what is encrypted does not show whether it asks for anything, and is only possible where all else speaks for it.
 *
 *    client                                              server kernel   app
 *      |------------------------ SYN ------------------------>|          |
 *      |<--------------------- SYN|ACK -----------------------|          |
 *      |------------------------ ACK ------------------------>|          :
 *      |---------------------- request ---------------------->|  (never
 *      |<----------------------- ACK -------------------------|   accepts,
 *      :            (nothing; no timer is running)            :   reads or
 *      |---------------------- FIN|ACK ---------------------->|   answers)
 *      |<----------------------- ACK -------------------------|          :
 *      |                                             CLOSE_WAIT for ever |
 */
#include "phenomena/greeting.h"
#include "phenomena/http2.h"
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"
#include "phenomena/stopped.h"

#include <inttypes.h>

enum { REMEDY_WAITS = 2 };

/* a client that closes sooner was not waiting for an answer */
#define GAVE_UP_AFTER_NS (1 * TW_NS_PER_S)
/* the same, where nothing else speaks for a wait */
#define LEFT_AFTER_NS TW_LEFT_AFTER_NS
/* an application that reads closes sooner than this after EOF */
#define NOT_CLOSED_NS (5 * TW_NS_PER_S)
/* still open, and no answer for so long: longer than the polls that servers keep waiting */
#define LONG_WAIT_NS (120 * TW_NS_PER_S)
/* the same where the one request came at once, as of a client that waits for its answer */
#define ONE_WAIT_NS (10 * TW_NS_PER_S)
#define AT_ONCE_NS  (1 * TW_NS_PER_S)
/* more may be a file for a server that only takes */
#define SMALL_REQUEST_BYTES 4096
/* more, without any answer, is a stream in one direction and not a request */
#define ONE_REQUEST_BYTES 65536

/* What comes behind the client's reset came too late. */
static bool server_closed_first(const struct tw_facts *f)
{
	return tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) &&
	       !(tw_get(f, TW_F_WAITER_GAVE_UP) &&
		 tw_frame_of(f, TW_F_FIN1_SIDE) > tw_frame_of(f, TW_F_WAITER_GAVE_UP));
}

/* The client had left when the server's own socket wrote a reset: that ends what hung there, and hurt nobody any more. */
static bool reset_too_late(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) &&
	       tw_get(f, TW_F_RST_VICTIM_FIN) && tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT);
}

/* A request that the server's kernel took and its application never answered. */
static bool never_answered(const struct tw_facts *f)
{
	/* no answer is due before the request has come to its end */
	return tw_silence_proves(f) && tw_get(f, TW_F_ESTABLISHED) &&
	       !tw_get(f, TW_F_REQUEST_UNFINISHED) &&
	       tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT) && !server_closed_first(f) &&
	       (!tw_get(f, TW_F_RST_COUNT_S) || reset_too_late(f)) &&
	       tw_get(f, TW_F_UNANSWERED_REPEATS) == 0 && !tw_get(f, TW_F_SENT_UNSEEN_BYTES);
}

/* The client closed after a wait; the server's kernel said so, its application did not react. */
static bool client_gave_up(const struct tw_facts *f)
{
	return tw_get(f, TW_F_WAITER_GAVE_UP) && tw_get(f, TW_F_FIN1_ACKED) &&
	       !tw_get(f, TW_F_FIN2_SEEN) && tw_get(f, TW_F_HALF_CLOSED_NS) >= NOT_CLOSED_NS &&
	       tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_WAITER_GAVE_UP) >=
		       GAVE_UP_AFTER_NS;
}

/* One small request, nothing else, and no sign of life from the application that it is for. */
static bool asked_once(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PEER_NEVER_SPOKE) && tw_get(f, TW_F_START_SEEN) &&
	       tw_get(f, TW_F_BYTES_C) <= SMALL_REQUEST_BYTES &&
	       !tw_get(f, TW_F_KEEPALIVE_PROBES) &&
	       tw_between_ns(f, TW_F_FIRST_DATA_SIDE, TW_F_REQUEST_UNANSWERED_BYTES) < AT_ONCE_NS;
}

/*
 * Does it ask for an answer, whatever was said before? What cannot be read does not show that: HTTP/2 leaves
 * a WINDOW_UPDATE or an acknowledgement behind, and is idle then.
 */
static bool asks(const struct tw_facts *f)
{
	return tw_get(f, TW_F_REQUEST_KIND) != TW_REQUEST_NONE &&
	       tw_get(f, TW_F_REQUEST_UNANSWERED_BYTES) <= ONE_REQUEST_BYTES;
}

/* Nobody keeps these words waiting: no long poll begins so. */
static bool opens(const struct tw_facts *f)
{
	return tw_request_opens((enum tw_request)tw_get(f, TW_F_REQUEST_KIND));
}

/*
 * So long no client waits that has nothing to wait for. One of HTTP that closes has not got what it asked for; sooner it may have
 * changed its mind.
 */
static int64_t patience_of(const struct tw_facts *f)
{
	const bool http = tw_is(f, TW_F_REQUEST_KIND, TW_REQUEST_HTTP) &&
			  tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT) && tw_get(f, TW_F_FIN1_COUNT) <= 2;

	return http || opens(f) ? GAVE_UP_AFTER_NS : LEFT_AFTER_NS;
}

static bool waited_in_vain(const struct tw_facts *f)
{
	const enum tw_fact_id asked = TW_F_REQUEST_UNANSWERED_BYTES, left = TW_F_WAITER_GAVE_UP;

	return tw_between_ns(f, asked, left) >= patience_of(f) ||
	       (asks(f) && tw_timed_out(f, asked, left));
}

/*
 * The client left after a wait. Where the server closes then, its application reads, and only has no answer; or
 * it only takes: a receiver of a stream in one direction never speaks either.
 */
static bool client_left(const struct tw_facts *f)
{
	return tw_get(f, TW_F_WAITER_GAVE_UP) &&
	       /* its own kernel gave up over probes that nobody answered */
	       tw_get(f, TW_F_ZERO_WINDOW_PROBES_UNANSWERED_LAST) < 2 && waited_in_vain(f) &&
	       (asks(f) || (asked_once(f) && !tw_get(f, TW_F_FIN2_SEEN)));
}

/* Nobody closed, and the server never spoke, or stopped to. */
static bool client_waits(const struct tw_facts *f)
{
	const int64_t waited = tw_get(f, TW_F_REQUEST_UNANSWERED_NS);

	if (tw_known(f, TW_F_FIN1_SIDE) || tw_get(f, TW_F_RST_COUNT))
		return false;
	if (!tw_get(f, TW_F_PEER_NEVER_SPOKE))
		return waited >= LONG_WAIT_NS && asks(f);
	return tw_get(f, TW_F_BYTES_C) <= ONE_REQUEST_BYTES &&
	       waited >= (asked_once(f) ? ONE_WAIT_NS : LONG_WAIT_NS);
}

/* What speaks for it that an answer was due, and what against. */
static void say_asked(struct tw_match *m)
{
	const enum tw_request kind = (enum tw_request)tw_get(m->facts, TW_F_REQUEST_KIND);

	if (!kind) {
		tw_missing(m, "Whether the protocol asks for an answer at all: long polls and "
			      "one-way streams look the same.");
		return;
	}
	tw_cite(m, TW_F_REQUEST_KIND,
		"its first bytes are those of a request of %s, which is answered",
		tw_request_name(kind));
	if (!tw_request_opens(kind))
		tw_missing(m, "Whether so long a wait is usual there: a long poll looks the same.");
}

/*
 * Did the client that left wait for an answer? One that had answers before may have said a last thing that asks for
 * none, and so may one that sends message after message (logs, measurements, pages to print) and gets none.
 */
static bool waited_for_answer(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PEER_NEVER_SPOKE) && (asks(f) || asked_once(f));
}

static void say_gave_up(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t waited = tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_WAITER_GAVE_UP);
	bool never_spoke = tw_get(f, TW_F_PEER_NEVER_SPOKE), sure = waited_for_answer(f);

	m->confidence = sure ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = sure ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->summary = tw_say(
		m,
		"%s acknowledged the %srequest and never answered; the client gave up after %s, "
		"and the server did not even close.",
		m->server, never_spoke ? "" : "last ", TW_DUR(waited));
	if (!never_spoke)
		tw_missing(m, "Whether the last thing that the client sent asks for an answer: the "
			      "server had answered before.");
	else if (!sure)
		say_asked(m);
	tw_cite(m, TW_F_WAITER_GAVE_UP, "the client closes after %s without an answer",
		TW_DUR(waited));
	tw_cite(m, TW_F_FIN1_ACKED,
		"the server's kernel acknowledges the FIN, and nothing closes there for %s",
		TW_DUR(tw_get(f, TW_F_HALF_CLOSED_NS)));
	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited,
		   "recv() waited until the application gave up by itself.");
	tw_rival(m, "close-wait-leak",
		 "an application that reads nothing and one that forgot to close after EOF leave "
		 "the same packets");
}

static const char *said_round(const struct tw_facts *f, enum tw_fact_id asked, enum tw_fact_id left)
{
	if (!tw_timed_out(f, asked, left))
		return "";
	return tw_is_round(tw_between_ns(f, asked, left))
		       ? ": whole seconds, as timeouts are set"
		       : ", whole seconds from its SYN, as timeouts are set";
}

/* The client's reset ends it: what the server's application would have done next is not to be seen. */
static void say_reset(struct tw_match *m, int64_t waited)
{
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->summary = tw_say(m,
			    "%s acknowledged the request and did not answer; the client gave up by "
			    "a reset after %s.",
			    m->server, TW_DUR(waited));
	tw_cite(m, TW_F_WAITER_GAVE_UP, "the client resets after %s without an answer",
		TW_DUR(waited));
	if (tw_known(m->facts, TW_F_RST_VICTIM_NEXT_NS))
		tw_cite(m, TW_F_RST_VICTIM_NEXT_NS, "the server answers %s after that, in vain",
			TW_DUR(tw_get(m->facts, TW_F_RST_VICTIM_NEXT_NS)));
	tw_rival(m, "linger-reset",
		 "a program that sends and asks for nothing may end so, too (SO_LINGER {1,0})");
}

/* The client closes. What then comes of the server's end parts one that hangs from one that only has no answer. */
static void say_closed(struct tw_match *m, int64_t waited)
{
	const struct tw_facts *f = m->facts;
	const bool both = tw_get(f, TW_F_FIN2_SEEN);
	const bool late = reset_too_late(f);
	const bool sure = opens(f) || late;

	m->confidence = sure ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = sure ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->summary = tw_say(m,
			    both   ? "%s acknowledged the request and did not answer; the client "
				     "closed after %s, and only then the server did."
			    : late ? "%s acknowledged the request and did not answer; the client "
				     "closed after %s, and what had hung was reset later."
				   : "%s acknowledged the request and did not answer; the client "
				     "closed after %s, and there the capture ends.",
			    m->server, TW_DUR(waited));
	tw_cite(m, TW_F_WAITER_GAVE_UP, "the client closes after %s without an answer%s",
		TW_DUR(waited), said_round(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_WAITER_GAVE_UP));
	if (both)
		tw_cite(m, TW_F_FIN2_SEEN,
			"the server closes after the client: it noticed, and had no answer yet");
	else if (late)
		tw_cite(m, TW_F_RST_COUNT,
			"the reset of the server's socket, %s after the client's close",
			TW_DUR(tw_between_ns(f, TW_F_RST_VICTIM_FIN, TW_F_RST_COUNT)));
	else
		tw_missing(m, "Whether the server's application closes when it gets the end of "
			      "file: the capture ends before.");
}

static void say_left(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t waited = tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_WAITER_GAVE_UP);

	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited,
		   "recv() waited until the application gave up by itself.");
	if (!tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT)) {
		say_reset(m, waited);
		return;
	}
	say_closed(m, waited);
	say_asked(m);
}

static void say_waits(struct tw_match *m, int64_t waited)
{
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->summary = tw_say(
		m,
		"%s acknowledged what the client sent and did not answer for %s; the capture ends "
		"while the connection is still open.",
		m->server, TW_DUR(waited));
	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited,
		   "recv() was still waiting when the capture ended.");
	tw_missing(m, "The capture stops while the client still waits: the end of the connection "
		      "is not in it.");
	say_asked(m);
}

/* A wait that may be none explains nothing where something went wrong; a needless repeat is no such thing. */
static int strength_of(const struct tw_facts *f, bool gave_up, bool left, int64_t waited)
{
	/* whatever the reset threw away, nobody waited for it any more */
	if (gave_up && reset_too_late(f) && waited_for_answer(f))
		return TW_STRENGTH_MECHANISM + 3;
	/* whoever waited for it, an end that does not close either is known: close-wait-leak */
	if (gave_up && tw_get(f, TW_F_PEER_NEVER_SPOKE) && !waited_for_answer(f))
		return TW_STRENGTH_DELAY - 1;
	if (gave_up || (!left && waited >= LONG_WAIT_NS))
		return TW_STRENGTH_STALL;
	if (tw_get(f, TW_F_RST_COUNT))
		return TW_STRENGTH_MECHANISM + (reset_too_late(f) ? 3 : 1);
	return left && tw_is(f, TW_F_REQUEST_KIND, TW_REQUEST_HTTP) ? TW_STRENGTH_DELAY - 1
								    : TW_STRENGTH_CURIOSITY - 1;
}

/*
 * The client left after a wait behind a record of TLS that by all that can be seen was a request: sealed.c says why. The first one
 * of a connection may have tickets behind it, and nothing else; so the other facts take it for answered.
 */
static bool sealed_left(const struct tw_facts *f)
{
	return tw_silence_proves(f) && tw_get(f, TW_F_ESTABLISHED) &&
	       (tw_get(f, TW_F_SEALED_WAITED_NS) >= LEFT_AFTER_NS ||
		tw_timed_out(f, TW_F_SEALED_BYTES, TW_F_SEALED_WAITED_NS)) &&
	       tw_get(f, TW_F_SEALED_BYTES) <= ONE_REQUEST_BYTES &&
	       tw_get(f, TW_F_UNANSWERED_REPEATS) == 0;
}

static bool match_sealed(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t waited = tw_get(f, TW_F_SEALED_WAITED_NS),
		      answered = tw_get(f, TW_F_SEALED_ANSWERED);

	m->strength = TW_STRENGTH_DELAY - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    "%s acknowledged what the client sent in TLS, and nothing came back; "
			    "the client left after %s.",
			    m->server, TW_DUR(waited));
	tw_cite(m, TW_F_SEALED_BYTES,
		"%s of TLS data, more than a farewell is: acknowledged by the server's kernel",
		tw_bytes(m, tw_get(f, TW_F_SEALED_BYTES)));
	if (tw_get(f, TW_F_SEALED_HTTP))
		tw_cite(m, TW_F_SEALED_HTTP,
			"the client's ClientHello offers HTTP (ALPN), which answers each request");
	if (answered)
		tw_cite(m, TW_F_SEALED_ANSWERED, "%lld such %s before it, and %s answered",
			(long long)answered, answered == 1 ? "record came" : "records came",
			answered == 1 ? "was" : "each was");
	if (tw_get(f, TW_F_SEALED_TICKETS))
		tw_cite(m, TW_F_SEALED_TICKETS,
			"all that came since its handshake, %lld records of one size: session "
			"tickets, no answer",
			(long long)tw_get(f, TW_F_SEALED_TICKETS));
	tw_cite(m, TW_F_SEALED_WAITED_NS, "the client leaves after %s%s", TW_DUR(waited),
		said_round(f, TW_F_SEALED_BYTES, TW_F_SEALED_WAITED_NS));
	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited,
		   "recv() waited until the application gave up by itself, if it waited.");
	tw_app_saw(
		m, TW_SERVER, NULL, NULL, -1,
		"It hangs, or waits for somebody behind it; or it got something that asks for no "
		"answer.");
	tw_missing(m,
		   "What the record says: with the keys of the session (SSLKEYLOGFILE) Wireshark "
		   "shows whether it is a request.");
	tw_rule_out(m, "peer-vanished", "the server's kernel acknowledges everything");
	return true;
}

/* The client asked at its interval whether the other application lives; its kernel does, and said so each time. */
static bool match_heartbeat(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const long long missed = (long long)tw_get(f, TW_F_HEARTBEAT_UNANSWERED);
	const int64_t waited = tw_between_ns(f, TW_F_HEARTBEAT_UNANSWERED, TW_F_HEARTBEAT_NS);
	const char *every = TW_DUR(tw_get(f, TW_F_HEARTBEAT_NS));

	if (!missed || !tw_silence_proves(f) ||
	    !tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT) ||
	    tw_get(f, TW_F_UNANSWERED_REPEATS) > 0)
		return false;
	m->strength = tw_get(f, TW_F_RST_COUNT) ? TW_STRENGTH_MECHANISM + 1 : TW_STRENGTH_STALL;
	m->remedy = REMEDY_WAITS;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary =
		tw_say(m,
		       "%s stopped answering what the client asks every %s: %s acknowledged "
		       "by its kernel and no more, and the client gave up after %s.",
		       m->server, every,
		       missed == 1 ? "one message was" : tw_say(m, "%lld messages were", missed),
		       TW_DUR(waited));
	tw_cite(m, TW_F_HEARTBEAT_ANSWERED, "messages of that size before, %lld at least: answered",
		(long long)tw_get(f, TW_F_HEARTBEAT_ANSWERED));
	tw_cite(m, TW_F_HEARTBEAT_UNANSWERED,
		"the first that is acknowledged by the server's kernel and never answered (%lld "
		"in all)",
		missed);
	tw_cite(m, TW_F_HEARTBEAT_NS, "the client gives up after %s", TW_DUR(waited));
	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited,
		   "Its own heartbeat: \"Timeout, server not responding\" (ssh, "
		   "ServerAliveCountMax), \"keepalive ping timeout\" (WebSocket, gRPC).");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It hangs: what comes waits in the kernel's receive buffer.");
	tw_missing(m, "What the messages say: that they are questions is told by their rhythm "
		      "alone.");
	tw_rule_out(m, "peer-vanished", "the server's kernel acknowledges everything");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t waited = tw_get(f, TW_F_REQUEST_UNANSWERED_NS);
	const bool late = tw_known(f, TW_F_RST_VICTIM_NEXT_NS);
	bool gave_up, left;

	if (tw_match_stopped(m) || tw_match_http2_unanswered(m) || match_heartbeat(m))
		return true;
	gave_up = never_answered(f) && client_gave_up(f);
	left = !gave_up && never_answered(f) && client_left(f);
	if (!gave_up && !left && !(never_answered(f) && client_waits(f)))
		return (sealed_left(f) && match_sealed(m)) || tw_match_never_greeted(m);
	m->strength = strength_of(f, gave_up, left, waited);
	m->culprit = TW_CULPRIT_SERVER_APP;
	tw_cite(m, TW_F_REQUEST_UNANSWERED_BYTES,
		"the client's last %s: acknowledged by the server's kernel, %s answered",
		tw_bytes(m, tw_get(f, TW_F_REQUEST_UNANSWERED_BYTES)), late ? "not yet" : "never");
	if (gave_up)
		say_gave_up(m);
	else if (left)
		say_left(m);
	else
		say_waits(m, waited);
	tw_app_saw(
		m, TW_SERVER, NULL, NULL, -1,
		late ? "Its answer came too late: the socket was reset, or will be by the answer."
		     : "Nothing: the request waits in the kernel's receive buffer, or its reader "
		       "hangs.");
	tw_rival(m, "zero-window-stall",
		 "the same application, met later: once its receive buffer is full the window "
		 "closes");
	if ((tw_get(f, TW_F_PEER_NEVER_SPOKE) || tw_get(f, TW_F_SPURIOUS_C)) &&
	    !tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER) && !late)
		tw_rival(m, "pmtu-blackhole",
			 "an answer too large for the path leaves the server and never comes here");
	tw_rule_out(m, "peer-vanished", "the server's kernel acknowledges everything");
	return true;
}

static const struct tw_governed governed[] = {
	{ "listen() backlog",
	  "How many finished connections may wait for accept(); one more than this "
	  "number is taken. net.core.somaxconn (default 4096) caps it." },
	{ "net.ipv4.tcp_rmem",
	  "How much the kernel buffers for an application that does not read before it "
	  "closes the window (minimum, start, maximum: 4096 131072 33554432 bytes on Linux "
	  "6.18; the maximum of older ones is 6291456)." },
	{ "SO_RCVTIMEO", "The client's own limit for a blocking recv(); the default is none, so it "
			 "waits for ever." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"On the server run `ss -tln 'sport = :PORT'`: if Recv-Q of the listener stays above "
	"0, nobody calls accept().",
	"On the server run `ss -tnp 'sport = :PORT'`: a Recv-Q above 0 belongs to an "
	"application that does not read, and a connection without a process was never "
	"accepted.",
	"Find out what the process waits for: `cat /proc/PID/wchan`, `gdb -p PID -batch -ex "
	"'thread apply all bt'`, or the thread dump of its runtime (`jstack PID`, SIGQUIT for "
	"Go).",
	"Give every client call a deadline (SO_RCVTIMEO, or the read timeout of the library); "
	"no TCP timer covers an application that hangs.",
	"Let the health check ask for an answer and not only for a connect: a connect "
	"succeeds against a process that is stuck.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.10.7.4 (segments are acknowledged on arrival, not when they are read)",
	"RFC 9293 s3.8.6 (managing the window)",
	"net/ipv4/inet_connection_sock.c: inet_csk_accept, inet_csk_complete_hashdance",
	"net/ipv4/tcp_input.c: tcp_data_queue",
	NULL,
};

/* Live: the bytes in the socket that nobody reads, or the connection that nobody accepts. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side reader = (enum tw_side)tw_get(f, TW_F_K_READER);
	const bool unaccepted = tw_known(f, TW_F_K_UNACCEPTED_NS);
	const enum tw_fact_id id = unaccepted ? TW_F_K_UNACCEPTED_NS : TW_F_K_UNREAD_NS;

	if (!tw_known(f, id) || tw_known(f, TW_F_K_ERROR) || tw_known(f, TW_F_K_RST_SIDE) ||
	    tw_known(f, TW_F_K_RST_IN))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 1, TW_CERTAIN, TW_OUTCOME_DEGRADED,
		    tw_app_of(reader), NULL);
	if (unaccepted)
		m->summary = tw_say(m, "%s has not accepted this connection for %s.",
				    tw_endpoint(m, reader), TW_DUR(tw_get(f, id)));
	else
		m->summary = tw_say(m, "%s has not read %s for %s.", tw_endpoint(m, reader),
				    tw_bytes(m, tw_get(f, TW_F_K_UNREAD)), TW_DUR(tw_get(f, id)));
	if (unaccepted)
		tw_cite(m, id, "first in the accept queue at each look; it has sent %s",
			tw_bytes(m, tw_get(f, TW_F_K_UNREAD)));
	else
		tw_cite(m, id, "nothing was read between the looks");
	tw_app_saw(m, tw_other(reader), "recv", "hang", tw_get(f, id),
		   "What it sent was acknowledged by the kernel; no answer comes.");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "never-accepts",
		.about = "the kernel shakes hands and acknowledges, the application never accepts",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "client connect within 1s\n"
			  "client send 100 within 1s\n"
			  "client option SO_RCVTIMEO 4s\n"
			  "client recv -> EAGAIN after 4s\n"
			  "queue server listener recv 1\n"
			  "client close\n"
			  "wait 6s\n"
			  "client connect #2\n"
			  "verdict both app-stuck likely failed\n"
			  "never both certain\n"
			  "verdict both clean stream 1\n",
	},
	{
		.name = "hangs",
		.about = "the application stops answering (SIGSTOP), its kernel goes on "
			 "acknowledging",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "server stop\n"
			  "client send 100\n"
			  "client option SO_RCVTIMEO 4s\n"
			  "client recv -> EAGAIN after 4s\n"
			  "queue server recv 100\n"
			  "client close\n"
			  "state server CLOSE_WAIT\n"
			  "wait 6s\n"
			  "client connect #2\n"
			  "# it had answered before: the last thing said may have asked for no "
			  "answer\n"
			  "verdict both app-stuck possible unknown\n"
			  "verdict both clean stream 1\n",
	},
	{
		.name = "nonblocking",
		.about = "a non-blocking client waits with poll, for as long as it likes",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "server stop\n"
			  "client nonblocking\n"
			  "client send 100\n"
			  "client recv -> EAGAIN\n"
			  "client poll in -> hang within 2s &\n"
			  "join client\n"
			  "# two seconds without an answer are none too many\n"
			  "verdict both unknown|clean likely clean unknown\n"
			  "never both certain\n",
	},
	{
		.name = "long-poll",
		.about = "the answer takes its time, and comes: nothing is wrong",
		.variants = "v4",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "wait 3s\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean certain likely clean\n",
	},
	{
		.name = "server-push",
		.about = "only the server speaks, with pauses",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "wait 2s\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "server close\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "verdict both clean certain likely clean\n",
	},
	{
		.name = "one-way",
		.about = "the client uploads and half-closes, the server says nothing and closes",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client send 30000\n"
			  "client shutdown\n"
			  "server recv eof\n"
			  "server close\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "verdict both clean certain likely clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "the request was acknowledged, and no answer comes";
	tw_schedule_none(&p->ladder, 0, NULL);
	p->ladder.for_ever = true;
	tw_predict_stand_until_end(p, "ESTABLISHED", "ESTABLISHED");
	if (m->socket.rcvtimeo_ns)
		tw_predict_saw(p, "recv(), SO_RCVTIMEO", "EAGAIN",
			       tw_moment_at(m->socket.rcvtimeo_ns), NULL);
	else
		tw_predict_hangs(
			p, "recv(), blocking",
			"No timer of TCP runs: the other kernel answers, keepalive probes, "
			"too. Only a timeout of the application's own helps.");
	tw_predict_saw(p, "recv(), non-blocking", "EAGAIN", tw_moment_at(0), NULL);
	tw_predict_hangs(p, "poll() for reading", NULL);
	tw_predict_saw(p, "send()", "ok", tw_moment_at(0), NULL);
	p->note = "An end that goes on sending fills the other's buffer: see zero-window-stall.";
}

const struct tw_phenomenon tw_ph_app_stuck = {
	.slug = "app-stuck",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The server's application does not answer",
	.happens = "The server's kernel completes the handshake and acknowledges data by itself; "
		   "no application has to take part in either. If the application never calls "
		   "accept(), never reads, or reads and never answers, the client's connect() "
		   "and send() succeed, and then nothing comes back.\n\n"
		   "What the client sends piles up in the server's receive buffer. When that is "
		   "full (measured with default settings: about 119 KB on a connection that "
		   "nobody had accepted) the kernel advertises a window of 0, and the client's "
		   "sends block as well. No timer of either kernel ends this: to TCP the "
		   "connection is healthy.",
	.diagram = " client                                              server kernel   app\n"
		   "   |------------------------ SYN ------------------------>|          |\n"
		   "   |<--------------------- SYN|ACK -----------------------|          |\n"
		   "   |------------------------ ACK ------------------------>|          :\n"
		   "   |---------------------- request ---------------------->|  (never\n"
		   "   |<----------------------- ACK -------------------------|   accepts,\n"
		   "   :            (nothing; no timer is running)            :   reads or\n"
		   "   |---------------------- FIN|ACK ---------------------->|   answers)\n"
		   "   |<----------------------- ACK -------------------------|          :\n"
		   "   |                                             CLOSE_WAIT for ever |\n",
	.client_sees = "connect() succeeds at once, and so does send(). recv() blocks for ever, or "
		       "until a timeout of the application's own (SO_RCVTIMEO: EAGAIN). Once the "
		       "window is 0 and the send buffer is full, send() blocks too.",
	.server_sees =
		"Nothing, because the thread that should see it is somewhere else. The bytes "
		"wait in the kernel: Recv-Q of the connection in `ss -tn` is above 0, or, if "
		"nobody accepted it, Recv-Q of the listener in `ss -tln` is.",
	.recognise =
		"tcpwhy looks for a request that was acknowledged in full, and for a client "
		"that waited and then closed, while the server's kernel acknowledged the FIN "
		"and nothing closed on that side: an application that still reads would have "
		"seen the end of the stream. If the server never sent a byte of payload in "
		"the whole connection, and all it was asked came at once, it is likely, or "
		"possible after two minutes of mere waiting; if it had answered before, or "
		"was sent message after message (logs, measurements, pages to print), "
		"possible: what was said may have asked for no answer. A client that leaves after "
		"five seconds and more (a request of HTTP/1: one second), or at a whole second, "
		"as timeouts are set, and only then the server closes, is told so as well where an "
		"answer was due: to what is always answered in its protocol (a request of HTTP, a "
		"query of PostgreSQL, MySQL, SQL Server, Redis, memcached, MongoDB, Cassandra or "
		"DNS, a call of NFS, a command of SMTP, FTP or POP3).\n\n"
		"The first words of a client that no server keeps waiting make it likely, and "
		"failed: a ClientHello of TLS, the openings of SSH, PostgreSQL, MQTT, AMQP, SQL "
		"Server, Oracle, LDAP, SMB, RDP, Kafka and ZooKeeper; so does a PINGREQ of MQTT. "
		"Where by the port the server "
		"speaks first (FTP, SSH, SMTP, POP3, NNTP, IMAP, MySQL, VNC), it is possible if "
		"that never came and the client left after a wait. Heartbeats need not be read: "
		"messages of one size at one interval, of which those before were answered and "
		"the last ones are only acknowledged, and a client that leaves when the next is "
		"due make it likely, and failed.\n\n"
		"An answer of HTTP/1 that stops in its midst, all that was sent acknowledged, is "
		"told when the client leaves after five seconds and more, at a whole second, or by "
		"a reset after one second: its head says how much is missing. Within TLS the "
		"header of each record says where it ends, so one that stops within a record is "
		"told as well, if the capture has all headers.\n\n"
		"Within TLS a request cannot be read. It is possible where the client offered HTTP "
		"in its ClientHello (ALPN) or the port is 443 (8443, 6443 ...), or where at least "
		"two "
		"records of that kind were answered before, and the last one, too long for a "
		"farewell "
		"or an acknowledgement of HTTP/2, got nothing but session tickets in that time. "
		"A "
		"single record behind the handshake is taken for an answer, though it may be a "
		"ticket.\n\n"
		"The frames of HTTP/2 in clear (gRPC) tell the requests that the client reset, or "
		"closed with, after a second and more without a frame in answer (possible: a "
		"stream of events looks the same), and a PING that was never answered (likely).\n\n"
		"From packets alone an application that never accepted cannot be told from "
		"one that accepted and hangs, nor a hung one from a protocol in which the "
		"server has nothing to say (long poll, one-way streams). So this verdict is "
		"never certain, and while the capture merely ends during the wait its outcome "
		"is unknown.",
	.folklore = "\"It connected, so the server works\", \"it was acknowledged, so the "
		    "application has it.\" The handshake and the ACK are the kernel's work; no "
		    "application need have seen either.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
