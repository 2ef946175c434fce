/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process-died, where a message tells that it was not said to its end: its head says how long it was to be, and its sender closes
 * before.
 */
#include "phenomena/cut_message.h"

#include "base/duration.h"
#include "phenomena/silence.h"
#include "phenomena/stopped.h"

/* How far a message had come. */
static const char *how_far(struct tw_match *m, int64_t sent, int64_t missing)
{
	if (missing)
		return tw_say(m, "%lld of %s were sent", (long long)sent,
			      tw_bytes(m, sent + missing));
	return tw_say(m, "%s of chunks were sent, and no last one", tw_bytes(m, sent));
}

/*
 * The client's window was shut until just before: it read nothing, and the server's patience may have ended.
 *
 *	client				server
 *	  |--- ACK, window 0 ------------->|
 *	  :				   :	send_timeout (nginx)
 *	  |				  (close)  what it had written is sent as the window opens
 *	  |--- ACK, window opens --------->|
 *	  |<--- the rest, FIN -------------|
 */
static bool was_kept_waiting(const struct tw_facts *f)
{
	return tw_is(f, TW_F_ZERO_WINDOW_SIDE, TW_CLIENT) && tw_get(f, TW_F_ZERO_WINDOW_WAITED) &&
	       tw_get(f, TW_F_ZERO_WINDOW_SPAN_NS) >= TW_NS_PER_S &&
	       tw_get(f, TW_F_ZERO_WINDOW_OPEN_AT_END) &&
	       tw_between_ns(f, TW_F_ZERO_WINDOW_OPEN_AT_END, TW_F_FIN1_SIDE) < TW_NS_PER_S;
}

static void say_kept_waiting(struct tw_match *m)
{
	const char *const shut = TW_DUR(tw_get(m->facts, TW_F_ZERO_WINDOW_SPAN_NS));

	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(m,
			    "%s Before, %s had read nothing for %s: a server may have a time limit "
			    "for that.",
			    m->summary, tw_endpoint(m, TW_CLIENT), shut);
	tw_cite(m, TW_F_ZERO_WINDOW_OPEN_AT_END,
		"the client's window opens again: it was shut for %s", shut);
	tw_rival(m, "zero-window-stall",
		 "it is the client that hung: a server that waits in vain for room to send closes "
		 "(nginx: send_timeout, 60 s)");
}

/* What the libraries say where a message is cut. */
static void client_saw_part(struct tw_match *m, bool record, int64_t after_ns)
{
	tw_app_saw(
		m, TW_CLIENT, "recv", "EOF", record ? -1 : after_ns,
		tw_is(m->facts, TW_F_ANSWER_UNFINISHED, TW_BODY_POSTGRESQL)
			? "recv returns 0 in the midst of a result: \"server closed the "
			  "connection "
			  "unexpectedly\" (libpq), \"An I/O error occurred while sending to the "
			  "backend\" (JDBC)."
		: tw_is(m->facts, TW_F_ANSWER_UNFINISHED, TW_BODY_MYSQL)
			? "recv returns 0 in the midst of a result: \"Lost connection to server "
			  "during query\" (2013, libmariadb, libmysqlclient), \"Communications "
			  "link failure\" (Connector/J), \"unexpected EOF\", \"invalid "
			  "connection\" (Go)."
		: tw_is(m->facts, TW_F_ANSWER_UNFINISHED, TW_BODY_HEAD)
			? "recv returns 0 in the midst of the head: \"malformed MIME header\" "
			  "(Go), \"parsing HTTP/1.1 header\" (Java), \"socket hang up\" "
			  "(Node.js). curl, wget and Python take it for an answer without a body, "
			  "and report no error."
		: tw_is(m->facts, TW_F_ANSWER_UNFINISHED, TW_BODY_FRAME)
			? "recv returns 0 in the midst of a frame: \"stream was not closed "
			  "cleanly\" (curl, 18 and 92), \"unexpected EOF\" (Go), UNAVAILABLE "
			  "(gRPC)."
		: record
			? "SSL_read() ends in the midst of a record: \"unexpected eof while "
			  "reading\" (OpenSSL 3), \"transfer closed with ... bytes remaining to "
			  "read\" (curl, 18), \"unexpected EOF\" (Go)."
			: "recv returns 0 in the midst of the body: \"transfer closed with ... "
			  "bytes "
			  "remaining to read\" (curl, 18), \"unexpected EOF\" (Go), "
			  "\"IncompleteRead\" "
			  "(Python), \"Premature end of Content-Length delimited message body\" "
			  "(Java), "
			  "\"aborted\" (Node.js), ERR_CONTENT_LENGTH_MISMATCH or "
			  "ERR_INCOMPLETE_CHUNKED_ENCODING (Chrome), \"upstream prematurely closed "
			  "connection\" (nginx).");
}

/*
 * The same in the midst of an answer: its head says how long it was to be. A program that has more to say does not
 * close: it was killed, or what it relays broke off.
 */
bool tw_match_cut_answer(struct tw_match *m, bool refused)
{
	const struct tw_facts *f = m->facts;
	const int64_t after_ns = tw_between_ns(f, TW_F_ANSWER_UNFINISHED, TW_F_FIN1_SIDE),
		      all = tw_get(f, TW_F_ANSWER_SENT_BYTES) +
			    tw_get(f, TW_F_ANSWER_MISSING_BYTES);
	const char *const record = tw_cut_record(f);
	const bool head = tw_is(f, TW_F_ANSWER_UNFINISHED, TW_BODY_HEAD);
	const bool between = record && !tw_get(f, TW_F_ANSWER_MISSING_BYTES);
	const char *const far = between ? "its end did not come"
				: head  ? tw_say(m, "%s of its head were sent",
						 tw_bytes(m, tw_get(f, TW_F_ANSWER_SENT_BYTES)))
					: how_far(m, tw_get(f, TW_F_ANSWER_SENT_BYTES),
						  tw_get(f, TW_F_ANSWER_MISSING_BYTES));

	/* what the client still said is not what it lost */
	m->strength = refused ? TW_STRENGTH_MECHANISM + 1 : TW_STRENGTH_ENDING - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(
		m,
		"%s closed the connection in the midst of %s: %s. What served it "
		"ended, or what it relays broke off.",
		tw_endpoint(m, TW_SERVER),
		record ? record : tw_say(m, "an answer, %s after it had begun", TW_DUR(after_ns)),
		far);
	if (between)
		tw_cite(m, TW_F_ANSWER_UNFINISHED,
			"the last that came of it: a row, or what describes the columns");
	else if (record)
		tw_cite(m, TW_F_ANSWER_UNFINISHED, "its header: %s in all", tw_bytes(m, all));
	else
		tw_cite(m, TW_F_ANSWER_UNFINISHED, "head of the answer: %s",
			tw_get(f, TW_F_ANSWER_MISSING_BYTES)
				? tw_say(m, "Content-Length %lld", (long long)all)
			: head ? "it stops within a line"
			       : "chunked, so the last chunk is an empty one");
	tw_cite(m, TW_F_FIN1_SIDE, "FIN of the server: %s", far);
	if (was_kept_waiting(f))
		say_kept_waiting(m);
	tw_missing(m,
		   "Whether the process, or its child that served this connection, was killed, or "
		   "closed by itself; a proxy does when the server behind it closes, resets or is "
		   "too slow, and many servers when the client reads too slowly (nginx: "
		   "send_timeout): its log tells.");
	tw_rule_out(m, "closed-with-unread-data",
		    "unread data would have made it a reset: the request had been read");
	client_saw_part(m, record != NULL, after_ns);
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "What it had sent was acknowledged. No call fails: it is killed, or closes by "
		   "itself.");
	return true;
}

/*
 * The client's end closes in the midst of its request, unanswered: an upload that was given up, or whose program died.
 * The server's application gets the end of file where it waits for more.
 */
bool tw_match_cut_request(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t after_ns = tw_between_ns(f, TW_F_REQUEST_UNFINISHED, TW_F_FIN1_SIDE);
	const char *const far = how_far(m, tw_get(f, TW_F_REQUEST_SENT_BYTES),
					tw_get(f, TW_F_REQUEST_MISSING_BYTES));

	m->strength = TW_STRENGTH_ENDING - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_CLIENT_APP;
	m->summary = tw_say(m,
			    "%s closed the connection in the midst of its request, %s after it had "
			    "begun: %s. What sent it ended, or gave up.",
			    tw_endpoint(m, TW_CLIENT), TW_DUR(after_ns), far);
	tw_cite(m, TW_F_REQUEST_UNFINISHED, "head of the request: more was announced");
	tw_cite(m, TW_F_FIN1_SIDE, "FIN of the client: %s", far);
	tw_missing(m, "Whether the client's process died, or its user or a time limit of its own "
		      "ended it: only the client can tell.");
	tw_app_saw(m, TW_SERVER, "recv", "EOF", after_ns,
		   "recv returns 0 in the midst of the body: \"client prematurely closed "
		   "connection\" (nginx, 400 or 499), \"unexpected EOF\" (Go), ClientDisconnect "
		   "(Starlette), \"aborted\" (Node.js).");
	return true;
}
