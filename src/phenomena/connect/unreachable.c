/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ICMP error does to a TCP socket.
 *
 * In SYN_SENT every unreachable error ends connect() at once with its errno. Once established (RFC
 * 5461 s2.2, RFC 5927 s5) it is only remembered as a soft error: the data is repeated as if
 * nothing had been said, and when the retransmissions are given up, the application gets the
 * remembered errno in place of ETIMEDOUT. With IP_RECVERR set, the first error also ends the next
 * call; the connection itself stays.
 */
#include "phenomena/connect/unreachable.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/outlived.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#define ENOUGH_NS      (3 * TW_TCP_TIMEOUT_INIT_NS)
#define HELD_NS        TW_NS_PER_S
#define SAME_MOMENT_NS (5 * TW_NS_PER_MS)

const char *tw_icmp_errno(const struct tw_facts *f)
{
	bool v6 = tw_is(f, TW_F_IP_VERSION, 6);

	switch (tw_get(f, TW_F_ICMP_CLASS)) {
	case TW_ICMP_NET_UNREACHABLE:
		return "ENETUNREACH";
	case TW_ICMP_PROTOCOL_UNREACHABLE:
		return v6 ? "EPROTO" : "ENOPROTOOPT";
	case TW_ICMP_PORT_UNREACHABLE:
		return "ECONNREFUSED";
	case TW_ICMP_PROHIBITED:
		/* IPv4: net prohibited (code 9) becomes ENETUNREACH, 10 and 13 EHOSTUNREACH. */
		if (v6)
			return "EACCES";
		return tw_is(f, TW_F_ICMP_CODE, 9) ? "ENETUNREACH" : "EHOSTUNREACH";
	default:
		return "EHOSTUNREACH";
	}
}

bool tw_icmp_was_held(const struct tw_facts *f)
{
	return tw_is(f, TW_F_ICMP_CLASS, TW_ICMP_HOST_UNREACHABLE) &&
	       tw_get(f, TW_F_ICMP_HELD_NS) > HELD_NS + 2 * tw_get(f, TW_F_RTT_NS);
}

const char *tw_icmp_text(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	static const char *const names[] = {
		[TW_ICMP_NET_UNREACHABLE] = "network unreachable",
		[TW_ICMP_HOST_UNREACHABLE] = "host unreachable",
		[TW_ICMP_PROTOCOL_UNREACHABLE] = "protocol unreachable",
		[TW_ICMP_PORT_UNREACHABLE] = "port unreachable",
		[TW_ICMP_PROHIBITED] = "administratively prohibited",
		[TW_ICMP_TIME_EXCEEDED] = "time exceeded",
		[TW_ICMP_OTHER] = "unreachable",
	};
	int64_t class = tw_get(f, TW_F_ICMP_CLASS);
	const char *name = class >= 0 && class <= TW_ICMP_OTHER ? names[class] : "unreachable";
	int type = tw_is(f, TW_F_IP_VERSION, 6) ? 1 : 3;

	if (class == TW_ICMP_TIME_EXCEEDED)
		type = tw_is(f, TW_F_IP_VERSION, 6) ? 3 : 11;
	if (class == TW_ICMP_TIME_EXCEEDED && tw_is(f, TW_F_ICMP_CODE, 1))
		name = "fragment reassembly time exceeded";
	if (!tw_known(f, TW_F_ICMP_CODE) || class == TW_ICMP_OTHER)
		return name;
	return tw_say(m, "%s (type %d code %lld)", name, type,
		      (long long)tw_get(f, TW_F_ICMP_CODE));
}

/* The end whose segments drew the errors answers its peer with a bare RST: it has given up. */
static bool victim_gave_up(const struct tw_facts *f)
{
	return tw_known(f, TW_F_RST_SIDE) && tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	       tw_get(f, TW_F_RST_SIDE) == tw_get(f, TW_F_ICMP_TO) &&
	       !tw_get(f, TW_F_RST_DURING_HANDSHAKE);
}

/* It is its ACKs that draw the errors: to the last the other end repeats what they had acknowledged. */
static bool acks_lost(const struct tw_facts *f)
{
	return tw_get(f, TW_F_REPEATS_IN_VAIN) >= 2 &&
	       tw_get(f, TW_F_REPEATS_IN_VAIN_SIDE) != tw_get(f, TW_F_ICMP_TO);
}

/*
 * The ACK that completes the handshake draws the error, and nothing of the client gets there:
 *
 *	client          filter          server
 *	  |---SYN---------------------->|
 *	  |<--SYN|ACK-------------------|
 *	  |---ACK--->X                  | SYN_RECV
 *	  |<~~ICMP~~~|                  |
 *	  |<--SYN|ACK-------------------| 1 3 7 15 31 s, then the request is freed
 */
static bool handshake_refused(const struct tw_facts *f)
{
	return tw_ack3_rejected(f) && !tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) &&
	       !tw_get(f, TW_F_BYTES_S);
}

/* Its request had expired when something of the client came through after all. */
static bool refused_in_the_end(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_FORM, TW_RST_REPLY);
}

/* As long as a rerouted path needs: some copies of a FIN may be lost, and the next one is heard. */
static bool fin_stays_lost(const struct tw_facts *f)
{
	return tw_silence_proves(f) && tw_get(f, TW_F_FIN1_COUNT) >= TW_FINS_IN_VAIN &&
	       tw_get(f, TW_F_FIN1_SPAN_NS) >= TW_NS_PER_S;
}

/*
 * Whoever only waits sends nothing that could draw an error, until it closes:
 *
 *	client          router          server
 *	  |<===== answer =====|====X======|	the path breaks; nothing tells the client
 *	  :                               :	it waits, and gives up by itself
 *	  |---FIN------------>|           |
 *	  |<~~ICMP~~~~~~~~~~~~|           |	for (nearly) each copy of it
 */
static bool fin_lost(const struct tw_facts *f)
{
	return tw_is(f, TW_F_FIN1_SIDE, tw_get(f, TW_F_ICMP_TO)) && !tw_get(f, TW_F_FIN1_ACKED) &&
	       !tw_get(f, TW_F_RST_COUNT) &&
	       tw_frame_of(f, TW_F_ICMP_LAST) > tw_frame_of(f, TW_F_FIN1_SIDE) &&
	       (fin_stays_lost(f) || tw_waited_since(f) != TW_F__N);
}

enum tw_icmp_fate tw_icmp_fate_of(const struct tw_facts *f)
{
	bool connecting = tw_get(f, TW_F_ICMP_ON_SYN) && !tw_get(f, TW_F_ESTABLISHED);

	if (connecting)
		return tw_is(f, TW_F_ICMP_TO, TW_SERVER) ? TW_ICMP_KILLED_ANSWER
							 : TW_ICMP_KILLED_CONNECT;
	/* It told of a moment, which passed: Linux forgets it with the next ACK, and the end has another reason. */
	if (!tw_get(f, TW_F_ICMP_STANDING))
		return TW_ICMP_SURVIVED;
	if (tw_known(f, TW_F_UNANSWERED_SIDE) &&
	    tw_get(f, TW_F_UNANSWERED_SIDE) == tw_get(f, TW_F_ICMP_TO))
		return TW_ICMP_DATA_LOST;
	if (handshake_refused(f))
		return TW_ICMP_KILLED_HANDSHAKE;
	if (victim_gave_up(f) || acks_lost(f))
		return TW_ICMP_DATA_LOST;
	return fin_lost(f) ? TW_ICMP_FIN_LOST : TW_ICMP_SURVIVED;
}

/* What the victim gets goes on until its peer's window is full; the peer waits for the ACKs. */
static void way_back_lost(struct tw_match *m, enum tw_side victim)
{
	const struct tw_facts *f = m->facts;
	const bool over = tw_get(f, TW_F_RST_COUNT) && tw_get(f, TW_F_RST_HAS_ACK) &&
			  tw_is(f, TW_F_RST_SIDE, tw_other(victim));

	/* who had its FIN had got all there was */
	m->outcome = !over                            ? TW_OUTCOME_UNKNOWN
		     : tw_get(f, TW_F_RST_AUTHOR_FIN) ? TW_OUTCOME_DEGRADED
						      : TW_OUTCOME_FAILED;
	tw_cite(m, TW_F_REPEATS_IN_VAIN,
		"%s of what had been acknowledged here before: the ACKs do not get there",
		tw_count(m, tw_get(f, TW_F_REPEATS_IN_VAIN), "repeat"));
	if (over) {
		tw_reset_cite(m);
		tw_reset_unheard_saw(m);
		return;
	}
	tw_app_saw(m, victim, "recv", "hang", -1,
		   "Nothing new comes, and nothing fails by itself: for an ACK no timer runs.");
	tw_app_saw(m, tw_other(victim), "send", "hang", -1,
		   "It blocks once the buffer is full; ETIMEDOUT when the repeats are spent.");
	tw_missing(m, "The capture stops while the sender may still repeat: the next repeat may be "
		      "acknowledged.");
}

/* Had the other end closed, and did @victim acknowledge that, before the error? */
static bool other_had_closed(const struct tw_facts *f, enum tw_side victim)
{
	return tw_is(f, TW_F_FIN1_SIDE, tw_other(victim)) && tw_get(f, TW_F_FIN1_ACKED) &&
	       tw_frame_of(f, TW_F_FIN1_ACKED) < tw_frame_of(f, TW_F_ICMP_COUNT);
}

/* The error is soft, and routes come back: as long as the repeats may go on, nothing has failed yet. */
static void data_lost(struct tw_match *m, enum tw_side victim)
{
	const struct tw_facts *f = m->facts;
	const bool over = victim_gave_up(f) || tw_silence_is_final(f);

	/* both had closed, and all data had come: only the end of it is disturbed */
	if (victim_gave_up(f) && tw_get(f, TW_F_RST_NOTHING_OWED)) {
		m->outcome = TW_OUTCOME_DEGRADED;
		tw_app_saw(m, victim, NULL, NULL, -1,
			   "Nothing was owed any more: what is refused is the close.");
		return;
	}
	if (acks_lost(f)) {
		way_back_lost(m, victim);
		return;
	}
	m->outcome = over ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	if (other_had_closed(f, victim))
		tw_app_saw(
			m, victim, "recv", "EOF", -1,
			"The FIN of the other end came first: recv returns 0 and goes on returning "
			"0. What is sent after it is lost, and only a later send says so.");
	else
		tw_app_saw(m, victim, "recv", over ? tw_icmp_errno(f) : "hang", -1,
			   "On an established connection the error is only remembered: the "
			   "application "
			   "waits until the retransmissions are given up, and then gets the errno "
			   "of the "
			   "error in place "
			   "of ETIMEDOUT; send() fails with EPIPE afterwards.");
	if (!over)
		tw_missing(m,
			   "The capture stops while the sender still repeats: the next repeat may "
			   "be answered.");
}

/* The error goes to the server, which forgets the request at most; the client goes on repeating its SYN. */
static void answer_lost(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	/* as syn-unanswered: with a repeat and three seconds any living path would have answered */
	const bool over = tw_syn_given_up(f) ||
			  (tw_get(f, TW_F_SYN_COUNT) > 1 && tw_syn_watched_ns(f) >= ENOUGH_NS);

	m->outcome = over ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
		   "No answer reaches it: connect() fails when the repeats of the SYN are spent.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "accept() never returns this connection.");
	if (!over)
		tw_missing(m, "The capture stops while the client may still repeat its SYN.");
}

/*
 * An error ends connect() at once where it is taken for hard: Linux does so with every unreachable error. BSD's kernels
 * remember those of a router and repeat the SYN (tcp_notify()), and so does a SYN_SENT that never got the error. The
 * last error counts that no SYN follows.
 */
static void connect_ended(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool soft = tw_known(f, TW_F_ICMP_LAST) &&
			  tw_frame_of(f, TW_F_SYN_LAST) > tw_frame_of(f, TW_F_ICMP_LAST);
	/* a SYN that the timer sends in the same moment was on its way when the error came */
	const bool repeated = tw_frame_of(f, TW_F_SYN_LAST) > tw_frame_of(f, TW_F_ICMP_COUNT) &&
			      tw_between_ns(f, TW_F_ICMP_COUNT, TW_F_SYN_LAST) > SAME_MOMENT_NS;
	const enum tw_fact_id last = repeated ? TW_F_ICMP_LAST : TW_F_ICMP_COUNT;
	int64_t after = -1;

	m->outcome = !soft || tw_syn_given_up(f) ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	if (!soft && !tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER) && tw_known(f, last) &&
	    tw_known(f, TW_F_SYN_COUNT))
		after = tw_between_ns(f, TW_F_SYN_COUNT, last);
	if (repeated)
		tw_cite(m, TW_F_SYN_LAST,
			"the SYN again after the first of them: its sender did not end at once, as "
			"Linux would");
	tw_app_saw(m, TW_CLIENT, "connect", tw_icmp_errno(f), after,
		   repeated ? "Its kernel remembers the error and repeats the SYN; the errno comes "
			      "when it gives up."
			    : "An ICMP error in SYN_SENT ends connect() at once.");
	if (m->outcome == TW_OUTCOME_UNKNOWN)
		tw_missing(m, "The capture stops while the client may still repeat its SYN.");
}

const char *tw_icmp_at_first(struct tw_match *m, const char *did)
{
	const struct tw_facts *f = m->facts;
	const bool synack = tw_is(f, TW_F_ICMP_TO, TW_SERVER);

	if (!tw_get(f, TW_F_ICMP_ON_SYN) || tw_icmp_fate_of(f) != TW_ICMP_SURVIVED)
		return NULL;
	if (!tw_known(f, TW_F_CONNECT_NS))
		return tw_say(m, "%s the %s of %s at first: ICMP %s; a repeat passed.", did,
			      synack ? "SYN|ACK" : "SYN", synack ? m->server : m->client,
			      tw_icmp_text(m));
	return tw_say(m,
		      "%s the %s of %s at first: ICMP %s; a repeat passed, and connecting took "
		      "%s.",
		      did, synack ? "SYN|ACK" : "SYN", synack ? m->server : m->client,
		      tw_icmp_text(m), TW_DUR(tw_get(f, TW_F_CONNECT_NS)));
}

const char *tw_icmp_in_handshake(struct tw_match *m, const char *did)
{
	const enum tw_icmp_fate fate = tw_icmp_fate_of(m->facts);

	/* what was lost behind it is the story then */
	if (!tw_ack3_rejected(m->facts) || fate == TW_ICMP_DATA_LOST || fate == TW_ICMP_FIN_LOST)
		return NULL;
	if (fate == TW_ICMP_SURVIVED)
		return tw_say(m,
			      "%s the ACK of %s that completes the handshake, at first: ICMP %s; "
			      "what came later passed.",
			      did, m->client, tw_icmp_text(m));
	return tw_say(m,
		      "%s the ACK of %s that completes the handshake, with ICMP %s: the client is "
		      "connected, the server is not.",
		      did, m->client, tw_icmp_text(m));
}

const char *tw_icmp_of_arrived(struct tw_match *m)
{
	if (!tw_get(m->facts, TW_F_ICMP_QUOTED_ARRIVED))
		return NULL;
	m->confidence = TW_POSSIBLE;
	m->culprit = TW_CULPRIT_UNKNOWN;
	return tw_say(m,
		      "An ICMP error, %s, quotes a segment of %s that had arrived already: a copy "
		      "of it was refused, or the error is false.",
		      tw_icmp_text(m),
		      tw_endpoint(m, (enum tw_side)tw_get(m->facts, TW_F_ICMP_TO)));
}

/* Each SYN|ACK is acknowledged, and no ACK gets there. */
static void handshake_lost(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool over = refused_in_the_end(f);

	m->outcome = over ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	if (tw_get(f, TW_F_ICMP_COUNT) < tw_get(f, TW_F_ACK3_COUNT))
		tw_rival(
			m, "accept-queue-full",
			"not each ACK drew an error: those that did not may have arrived, and been "
			"ignored");
	tw_cite(m, TW_F_SYNACK_REPEATS_AFTER_ACK,
		"SYN|ACK again, although it was acknowledged (repeats: %lld)",
		(long long)tw_synacks_in_vain(f));
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "accept() never returns this connection.");
	if (over) {
		tw_reset_cite(m);
		tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
			   "connect() had succeeded; the request had expired at the server when "
			   "something came through.");
		return;
	}
	tw_app_saw(m, TW_CLIENT, "recv", "hang", -1,
		   "connect() had succeeded; the server frees its request in silence when its "
		   "repeats are spent.");
	tw_missing(m, "The capture stops while the server may still repeat its SYN|ACK.");
}

/* The error came, and the connection outlived it. */
static void outlived(struct tw_match *m, enum tw_side victim)
{
	const struct tw_facts *f = m->facts;

	m->outcome = TW_OUTCOME_DEGRADED;
	if (tw_get(f, TW_F_ICMP_ON_SYN) && victim == TW_CLIENT)
		tw_app_saw(
			m, victim, "connect", NULL,
			tw_known(f, TW_F_CONNECT_NS) ? tw_get(f, TW_F_CONNECT_NS) : -1,
			"It succeeds, late: its kernel remembers the error and repeats the SYN, "
			"as BSD's do, where Linux fails at once; or the error did not reach it.");
	else if (tw_is(f, TW_F_FIN1_SIDE, victim) && !tw_get(f, TW_F_FIN1_ACKED))
		tw_app_saw(m, victim, NULL, NULL, -1,
			   "Nothing after close(): its kernel goes on repeating the FIN, and gives "
			   "up in the end; after shutdown() recv() waits so long.");
	else
		tw_app_saw(m, victim, NULL, NULL, -1,
			   "The connection survived the error; a program that asks SO_ERROR in "
			   "that time gets the errno although nothing has ended.");
}

int tw_icmp_fin_strength(const struct tw_facts *f)
{
	if (tw_waited_since(f) == TW_F__N)
		return TW_STRENGTH_TEARDOWN + 1;
	return fin_stays_lost(f) ? TW_STRENGTH_EXPLICIT : TW_STRENGTH_STALL + 1;
}

void tw_icmp_of_fin(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_fact_id since = tw_waited_since(f);

	if (since != TW_F__N) {
		tw_cite(m, since, "the last before the silence: %s later the client closes",
			TW_DUR(tw_between_ns(f, since, TW_F_FIN1_SIDE)));
		tw_rival(m, "app-stuck",
			 "what came before the close drew no error: whether the server's "
			 "application had an answer by then does not show");
	}
	tw_cite(m, TW_F_FIN1_COUNT, "the last of %s, none of them acknowledged",
		tw_count(m, tw_get(f, TW_F_FIN1_COUNT), "FIN"));
}

/* Who had waited for an answer, and then closed, did not get it. Else nothing but the close is disturbed. */
static void fin_refused(struct tw_match *m, enum tw_side victim)
{
	const struct tw_facts *f = m->facts;
	const enum tw_fact_id since = tw_waited_since(f);

	if (since != TW_F__N) {
		m->outcome = fin_stays_lost(f) ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
		tw_app_saw(m, victim, "recv", "hang", tw_between_ns(f, since, TW_F_FIN1_SIDE),
			   "recv() waited until the application gave up by itself.");
		if (m->outcome == TW_OUTCOME_UNKNOWN)
			tw_missing(m, "The capture stops while the FIN may still be repeated: the "
				      "next one may be answered.");
		return;
	}
	m->outcome = TW_OUTCOME_DEGRADED;
	if (tw_may_be_second_fin(f) && (!tw_known(f, TW_F_FIN_IDLE_BEFORE_NS) ||
					tw_get(f, TW_F_FIN_IDLE_BEFORE_NS) >= TW_LEFT_AFTER_NS)) {
		m->outcome = TW_OUTCOME_UNKNOWN;
		tw_missing(m, "Whether it waited for something before it closed: the beginning of "
			      "the connection is not in the capture.");
	}
	tw_app_saw(m, victim, NULL, NULL, -1,
		   "Nothing after close(): its kernel goes on repeating the FIN, and gives up in "
		   "the end; after shutdown() recv() waits so long.");
}

void tw_icmp_apps(struct tw_match *m, enum tw_icmp_fate fate)
{
	const struct tw_facts *f = m->facts;
	enum tw_side victim = (enum tw_side)tw_get(f, TW_F_ICMP_TO);

	switch (fate) {
	case TW_ICMP_KILLED_CONNECT:
		connect_ended(m);
		break;
	case TW_ICMP_KILLED_ANSWER:
		answer_lost(m);
		break;
	case TW_ICMP_KILLED_HANDSHAKE:
		handshake_lost(m);
		break;
	case TW_ICMP_DATA_LOST:
		data_lost(m, victim);
		break;
	case TW_ICMP_FIN_LOST:
		fin_refused(m, victim);
		break;
	case TW_ICMP_SURVIVED:
		outlived(m, victim);
		break;
	}
}

void tw_icmp_cite(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t n = tw_get(f, TW_F_ICMP_COUNT);
	const char *victim = tw_endpoint(m, (enum tw_side)tw_get(f, TW_F_ICMP_TO));

	if (!tw_known(f, TW_F_ICMP_DELAY_NS))
		tw_cite(m, TW_F_ICMP_COUNT, "ICMP %s, which quotes a segment of %s",
			tw_icmp_text(m), victim);
	else if (tw_get(f, TW_F_ICMP_ON_SYN))
		tw_cite(m, TW_F_ICMP_COUNT, "ICMP %s, %s after the SYN%s of %s that it quotes",
			tw_icmp_text(m), TW_DUR(tw_get(f, TW_F_ICMP_DELAY_NS)),
			tw_is(f, TW_F_ICMP_TO, TW_SERVER) ? "|ACK" : "", victim);
	else
		tw_cite(m, TW_F_ICMP_COUNT, "ICMP %s, %s after the segment of %s that it quotes",
			tw_icmp_text(m), TW_DUR(tw_get(f, TW_F_ICMP_DELAY_NS)), victim);
	if (tw_get(f, TW_F_ICMP_QUOTED_ARRIVED))
		tw_cite(m, TW_F_ICMP_QUOTED_ARRIVED,
			"%s had acknowledged what it quotes before it came",
			tw_side_name(tw_other((enum tw_side)tw_get(f, TW_F_ICMP_TO))));
	if (n > 1)
		tw_cite(m, TW_F_ICMP_CODE, "%lld such errors in all", (long long)n);
}
