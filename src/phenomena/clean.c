/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "clean", which is in no catalogue: nobody was owed anything at the end of what was seen. What can be said of how it ended all
 * the same, and where TCP's contentment is not the application's.
 */
#include "phenomena/clean.h"

#include "base/duration.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/http2.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#define CHECK_NS (10 * TW_NS_PER_S) /* who looks whether a port is open does not stay */
#define SILENT_NS                                                                                  \
	TW_NS_PER_S /* who says a last thing and closes does not wait so long for nothing */

static bool is(const struct tw_facts *f, enum tw_fact_id id)
{
	return tw_get(f, id) != 0;
}

/* Who looks whether a port is open comes and goes: its SYN is there, and its reset has the number behind that. */
static const char *remark_of_reset(const struct tw_facts *f)
{
	if (tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && is(f, TW_F_START_SEEN) &&
	    !tw_get(f, TW_F_RST_SEQ_OFF) && !is(f, TW_F_BYTES_C) &&
	    (!is(f, TW_F_BYTES_S) || is(f, TW_F_RST_UNGREETED)) && !is(f, TW_F_ACKED_UNSEEN_C) &&
	    !is(f, TW_F_ACKED_UNSEEN_S) && tw_get(f, TW_F_DURATION_NS) < CHECK_NS)
		return "health-check";
	return is(f, TW_F_RST_HANDSHAKE_ONLY) ? "health-check" : "reset-instead-of-close";
}

/* The one remark most worth having, or NULL. */
static const char *remark_of(const struct tw_facts *f)
{
	if (is(f, TW_F_SELF_CONNECT))
		return "self-connect";
	if (tw_known(f, TW_F_RST_SIDE))
		return remark_of_reset(f);
	if (is(f, TW_F_SIMULTANEOUS_OPEN))
		return "simultaneous-open";
	if (is(f, TW_F_PREV_EXISTS) && is(f, TW_F_SYN_COUNT))
		return "port-reused";
	if (tw_looks_deferred_accept(f) && tw_synack_repeat_is_late(f))
		return "deferred-accept";
	if (is(f, TW_F_FASTOPEN))
		return "fast-open";
	if (is(f, TW_F_ICMP_TOO_BIG))
		return "pmtu-discovered";
	if (is(f, TW_F_NETWORK_DUPLICATES) || is(f, TW_F_DSACK_WITHOUT_REPEAT))
		return "network-duplicate";
	if (is(f, TW_F_SPURIOUS_C) || is(f, TW_F_SPURIOUS_S))
		return "spurious-retransmit";
	if (is(f, TW_F_KEEPALIVE_PROBES) && is(f, TW_F_KEEPALIVE_ANSWERED))
		return "keepalive-alive";
	if (is(f, TW_F_SIMULTANEOUS_CLOSE))
		return "simultaneous-close";
	if (is(f, TW_F_DATA_AFTER_FIN1_ACKED))
		return "half-closed";
	return NULL;
}

/* The client's last words, which nobody answered while it waited. */
struct unanswered {
	enum tw_fact_id said;
	int64_t waited_ns;
};

static struct unanswered unanswered(const struct tw_facts *f)
{
	struct unanswered u = { TW_F_SEALED_BYTES, tw_get(f, TW_F_SEALED_WAITED_NS) };

	if (u.waited_ns >= SILENT_NS)
		return u;
	u.said = TW_F_REQUEST_UNANSWERED_BYTES;
	u.waited_ns = tw_between_ns(f, u.said, TW_F_WAITER_GAVE_UP);
	return u;
}

/*
 * To TCP an answer that never came is nothing. Where the client had waited, it may have been one to the application. False, and
 * nothing is said: it had not. @ended: how it ended.
 */
static bool say_in_vain(struct tw_match *m, const char *ended)
{
	const struct tw_facts *f = m->facts;
	const struct unanswered u = unanswered(f);
	const bool request = tw_get(f, TW_F_REQUEST_KIND) != 0;

	if (tw_is(f, TW_F_H2, TW_H2_FOLLOWED))
		return false; /* its frames say what is open */
	if (u.said != TW_F_SEALED_BYTES && (!tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT) ||
					    !u.waited_ns || (!request && u.waited_ns < SILENT_NS)))
		return false;
	m->summary = tw_say(
		m,
		request ? "%s; the client's last request got no answer in %s: it did not want it "
			  "any more, or waited no longer."
			: "%s; the client's last words got no answer in %s, and need none as far "
			  "as they can be read.",
		ended, TW_DUR(u.waited_ns));
	tw_cite(m, u.said, "the client's last words");
	return true;
}

static const char *ended_by_reset(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (is(f, TW_F_RST_UNGREETED))
		return "The client connected and went by reset at once: it did not wait for the "
		       "server's first words, and asked for nothing.";
	if (is(f, TW_F_RST_WAVED_OFF))
		return "The client broke the answer off, and said so by close_notify: what the "
		       "server's reset cuts it did not want any more.";
	if (tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && is(f, TW_F_ANSWER_MISSING_BYTES))
		return "The client broke the answer off by a reset: it did not want the rest of "
		       "it.";
	if (is(f, TW_F_TLS_NOT_SPOKEN))
		return "It ended with a reset: the client began with TLS, and the server answered "
		       "in another protocol. It is the wrong port, or TLS is not turned on there.";
	if (is(f, TW_F_RST_HANDSHAKE_ONLY))
		return "The client went by reset right behind the handshake of TLS, and asked for "
		       "nothing: so do the checks of balancers.";
	if (is(f, TW_F_TLS_UNANNOUNCED))
		return "The server closed without close_notify, and a reset followed: within TLS "
		       "that does not show whether it had said all.";
	if (is(f, TW_F_RST_VICTIM_UNACKED) && is(f, TW_F_RST_AUTHOR_FIN))
		return "It ended with a reset: what the other end sent after the close was "
		       "refused, and nobody was waiting for it.";
	if (is(f, TW_F_RST_VICTIM_UNACKED) && is(f, TW_F_RST_VICTIM_FIN))
		return "It ended with a reset before all data was acknowledged: the end that it "
		       "reached had closed, and was waiting for nothing.";
	if (is(f, TW_F_RST_AUTHOR_GOODBYE))
		return "It ended with a reset right behind a goodbye, as its protocol says it: "
		       "nobody was owed anything.";
	if (say_in_vain(m, "It ended with a reset after all data had been acknowledged"))
		return m->summary;
	return "It ended with a reset after all data had been acknowledged: nobody was owed "
	       "anything.";
}

/* What TLS has to say to a close in order. */
static void say_closed_tls(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (is(f, TW_F_TLS_UNANNOUNCED)) {
		m->confidence = TW_LIKELY;
		m->summary =
			"Both ends closed, and all data was acknowledged; but the server closed "
			"without close_notify: within TLS that does not show whether it had "
			"said all.";
		tw_cite(m, TW_F_TLS_UNANNOUNCED, "the server's FIN, right behind a record of data");
	}
	if (is(f, TW_F_TLS_NOT_SPOKEN)) {
		m->confidence = TW_LIKELY;
		m->summary = "Both ends closed, and all data was acknowledged; but the client "
			     "began with TLS, and the server answered in another protocol. It is "
			     "the wrong port, or TLS is not turned on there.";
		tw_cite(m, TW_F_TLS_NOT_SPOKEN, "the server's first words: no record of TLS");
	}
	if (tw_known(f, TW_F_TLS_ALERT)) {
		m->summary =
			tw_say(m,
			       "Both ends closed, and all data was acknowledged; but %s refused "
			       "the handshake of TLS, and said why.",
			       tw_endpoint(m, (enum tw_side)tw_get(f, TW_F_TLS_ALERT_SIDE)));
		tw_cite_alert(m);
	}
}

/* A database that closes with an error message: its text stands in the packet. */
static void say_error(struct tw_match *m)
{
	if (!tw_known(m->facts, TW_F_ENDS_IN_ERROR))
		return;
	m->summary =
		tw_say(m, "%s The server's last words are an error message of %s.", m->summary,
		       tw_is(m->facts, TW_F_ENDS_IN_ERROR, TW_BODY_MYSQL) ? "MySQL" : "PostgreSQL");
	tw_cite(m, TW_F_ENDS_IN_ERROR, "the error message: `tcpdump -A` shows its text");
}

/* HTTP/2 in clear: why the server goes, if it says so. gRPC's own keepalive probes may be what it complains about. */
static void say_goaway(struct tw_match *m)
{
	const int64_t error = tw_get(m->facts, TW_F_H2_GOAWAY);

	if (!error)
		return;
	m->summary = tw_say(m, "%s The server said why it goes: GOAWAY, %s (%lld).", m->summary,
			    tw_http2_error_name(error), (long long)error);
	tw_cite(m, TW_F_H2_GOAWAY, "GOAWAY of the server");
}

/* HTTP/2 in clear: what was open, as far as its frames tell. */
static void say_closed_http2(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t open = tw_get(f, TW_F_H2_OPEN);

	if (tw_is(f, TW_F_H2, TW_H2_LOST) && tw_is(f, TW_F_FIN1_SIDE, TW_SERVER)) {
		m->confidence = TW_LIKELY;
		tw_missing(m, "Headers of frames of HTTP/2 (snap length, lost packets): whether "
			      "the server had answered all requests is not seen.");
	}
	if (!open)
		return;
	m->confidence = TW_LIKELY;
	m->summary =
		tw_say(m,
		       "Both ends closed, and all data was acknowledged; %lld request%s of "
		       "HTTP/2 %s open: the client did not want the rest, or waited no longer.",
		       (long long)open, open == 1 ? "" : "s", open == 1 ? "was" : "were");
	tw_cite(m, TW_F_H2_OPEN, "HEADERS of the client: the first that was open");
}

static void say_closed(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool silent = say_in_vain(m, "Both ends closed, and all data was acknowledged");

	m->confidence = is(f, TW_F_ORDER_MIXED) || silent ? TW_LIKELY : TW_CERTAIN;
	if (!silent)
		m->summary = "Both ends closed, and all data was acknowledged.";
	if (is(f, TW_F_FIN_BEFORE_ANSWER) && is(f, TW_F_PEER_NEVER_SPOKE) &&
	    tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT)) {
		m->confidence = TW_LIKELY;
		m->summary =
			"Both ends closed, and all data was acknowledged; but the server closed "
			"first and had not said a word: if the client had asked something, it got "
			"no answer.";
		tw_cite(m, TW_F_REQUEST_UNANSWERED_BYTES, "the client's last words");
	}
	if (is(f, TW_F_ANSWER_UNFINISHED)) {
		m->confidence = TW_LIKELY;
		m->summary =
			tw_say(m,
			       "Both ends closed, and all data was acknowledged; the client closed "
			       "in the midst of an answer, %s behind the last of it: it did not "
			       "want the rest, or waited no longer.",
			       TW_DUR(tw_get(f, TW_F_ANSWER_STOPPED_NS)));
		tw_cite(m, TW_F_ANSWER_UNFINISHED, "of the answer: more was to come");
	}
	if (tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) && is(f, TW_F_BYTES_S) &&
	    !is(f, TW_F_ANSWER_WHOLE)) {
		m->confidence = TW_LIKELY;
		tw_missing(m,
			   is(f, TW_F_SNAPLEN_CUT)
				   ? "Whole packets (tcpdump -s 0): what says how long an answer "
				     "is was cut off, so whether the server had said all of it "
				     "is not seen."
				   : "How long the server's last answer was to be: nothing in "
				     "it says that, as far as its protocol is known here.");
	}
	say_closed_http2(m);
	say_goaway(m);
	say_error(m);
	say_closed_tls(m);
	tw_cite(m, TW_F_CLOSED_CLEAN, "the last FIN is acknowledged");
}

void tw_say_clean(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->outcome = TW_OUTCOME_CLEAN;
	m->remark = remark_of(f);
	if (is(f, TW_F_CLOSED_CLEAN)) {
		say_closed(m);
	} else if (tw_known(f, TW_F_RST_SIDE)) {
		m->confidence = TW_LIKELY;
		m->summary = ended_by_reset(m);
		say_goaway(m);
		say_error(m);
		tw_cite(m, TW_F_RST_COUNT, "RST of %s",
			tw_side_name((enum tw_side)tw_get(f, TW_F_RST_SIDE)));
		tw_cite_alert(m);
		if (tw_reset_landed(f) && !is(f, TW_F_RST_VICTIM_FIN))
			tw_reset_victim_saw(m);
	} else {
		m->confidence = TW_LIKELY;
		if (!say_in_vain(m, "Nothing went wrong as far as the capture goes"))
			m->summary = "Nothing went wrong as far as the capture goes.";
		tw_cite(m, TW_F_START_SEEN, "the connection's first packet in the capture");
	}
	if ((is(f, TW_F_SIMULTANEOUS_OPEN) && is(f, TW_F_ESTABLISHED)) || is(f, TW_F_SELF_CONNECT))
		m->confidence = TW_CERTAIN;
}
