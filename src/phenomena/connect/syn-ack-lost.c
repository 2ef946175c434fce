/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syn-ack-lost: the SYN arrived, its answer did not come back.
 *
 *   once                                     always (the way back is broken)
 *	client                server		client                server
 *	  |---SYN TSval=a------>|		  |---SYN-------------->|
 *	  |     X<--SYN|ACK-----|		  |     X<--SYN|ACK-----|
 *	  |  1 s                |		  |---SYN-------------->|
 *	  |---SYN TSval=b------>|		  |     X<--SYN|ACK-----|
 *	  |<-SYN|ACK TSecr=a----|  a: the	  |       ...           |
 *	  |---ACK-------------->|  first had	  ETIMEDOUT    request freed at 64 s,
 *	  |<-SYN|ACK (timer)----|  arrived	               in silence
 *	  |---ACK-------------->|
 *
 * The listener remembers the first SYN's timestamp in its request and echoes it until the
 * handshake is done; so the echo of the first SYN in an answer to the second proves the loss, from
 * the client's side alone. On a path slower than a second the same echo arrives without any loss:
 * there the verdict must stay away.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/silence.h"

#include <errno.h>

#define PROMPT_NS  (TW_NS_PER_S / 5) /* a server that answers at once, on any path */
#define SLOWEST_NS (5 * TW_NS_PER_S) /* more is no path, but a clock that was set */
#define SLOW_PATH_NS                                                                               \
	(TW_TCP_TIMEOUT_INIT_NS * 9 / 10) /* near the timer, so that it may have run out */
#define TOGETHER_NS (TW_TCP_TIMEOUT_INIT_NS / 2)

/*
 * Was the first SYN|ACK only under way for longer than the SYN's timer? Where SYN|ACKs are seen
 * before the client repeats its SYN, the ACK tells which of them had arrived first. At the client,
 * after a loss the answer to the repeated SYN and the server's own repeat come together and were
 * made together. On a slow path they arrive a SYN timeout apart; held up on the way (neighbour
 * discovery, a stalled queue) they arrive together, but were made a SYN timeout apart. A SYN|ACK that is not
 * prompt may be the server's own repeat, which meets the client's. And what comes sooner after the repeat than the
 * path allows answers the SYN before it.
 */
static bool was_under_way(const struct tw_facts *f)
{
	int64_t apart = tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS), span = tw_get(f, TW_F_SYN_SPAN_NS);

	if (tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) && !tw_known(f, TW_F_ACK3_ECHO) &&
	    tw_get(f, TW_F_BYTES_C) + tw_get(f, TW_F_BYTES_S) > 0 &&
	    tw_get(f, TW_F_RTT_NS) > SLOW_PATH_NS && tw_get(f, TW_F_RTT_NS) < SLOWEST_NS)
		return true;
	if (tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT))
		return tw_is(f, TW_F_ACK3_ECHO, 1) &&
		       (tw_get(f, TW_F_ACK3_DELAY_NS) > SLOW_PATH_NS ||
			tw_between_ns(f, TW_F_SYN_COUNT, TW_F_SYNACK_COUNT) < PROMPT_NS);
	if (tw_get(f, TW_F_RTT_NS) > PROMPT_NS && tw_get(f, TW_F_RTT_NS) < SLOWEST_NS &&
	    tw_get(f, TW_F_SYN_ANSWER_DELAY_NS) < tw_get(f, TW_F_RTT_NS) * 7 / 8)
		return true;
	if (tw_get(f, TW_F_CLIENT_DATA_FIRST_ACK_NS) > SLOW_PATH_NS &&
	    tw_get(f, TW_F_RTT_NS) > SLOW_PATH_NS)
		return true;
	if (apart < TOGETHER_NS)
		return tw_get(f, TW_F_SYNACK_REPEAT_MADE_NS) > TOGETHER_NS;
	return tw_get(f, TW_F_SYNACK_COUNT) == tw_get(f, TW_F_SYN_COUNT) &&
	       apart > span - span / 8 && apart < span + span / 8;
}

/*
 * Is every SYN|ACK accounted for? One that is older comes after the first; or, where they are sent, as many ACKs
 * come back, the last of them perhaps long after the close. Then none was lost: one was late.
 */
static bool came_late(const struct tw_facts *f)
{
	if (!tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT))
		return tw_get(f, TW_F_SYNACK_LATE);
	return tw_get(f, TW_F_ACK3_COUNT) >= tw_get(f, TW_F_SYNACK_COUNT) ||
	       (tw_is(f, TW_F_AFTER_CLOSE_SIDE, TW_CLIENT) &&
		tw_is(f, TW_F_AFTER_CLOSE_FLAGS, TW_ACK));
}

/*
 * Seen at the client, with a SYN|ACK for every SYN, or for two of them (of repeats that come at once one is answered,
 * net.ipv4.tcp_invalid_ratelimit): was the first SYN only held up, by a router that waits for ARP? All of
 * them echo the first one then, as they do after a loss, where one is the server timer's.
 *
 *	client        router                server
 *	  |---SYN a------>| (who has?)        |
 *	  |   1 s         |------SYN a------->|
 *	  |---SYN b------>|------SYN b------->|
 *	  |<--------------|---SYN|ACK ecr a---|   TOGETHER: for a
 *	  |<--------------|---SYN|ACK ecr a---|   for b
 */
static bool may_be_held_up(const struct tw_facts *f)
{
	/* two at once look as if the network had doubled one, but each of them draws its ACK */
	const int64_t syns = tw_get(f, TW_F_SYN_COUNT), acks = tw_get(f, TW_F_ACK3_COUNT),
		      answers = acks > tw_get(f, TW_F_SYNACK_COUNT) ? acks
								    : tw_get(f, TW_F_SYNACK_COUNT);

	return !tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) &&
	       (answers == syns || (answers >= 2 && answers < syns));
}

static bool surely_lost(const struct tw_facts *f)
{
	if (came_late(f) || may_be_held_up(f))
		return false;
	/* later than any answer to the last SYN, or its repeat, could be: something held it up */
	if (tw_known(f, TW_F_RTT_NS) && !tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) &&
	    tw_get(f, TW_F_SYN_ANSWER_DELAY_NS) > 3 * tw_get(f, TW_F_RTT_NS) + TOGETHER_NS / 2)
		return false;
	if (tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT))
		return tw_get(f, TW_F_ACK3_ECHO) > 1;
	/* of two points in one file, the answers of one are counted and the copies of the other are not */
	if (tw_get(f, TW_F_DUPLICATE_CAPTURE))
		return false;
	if (tw_known(f, TW_F_SYNACK_REPEAT_MADE_NS))
		return tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS) < TOGETHER_NS &&
		       tw_get(f, TW_F_SYNACK_REPEAT_MADE_NS) > -TOGETHER_NS;
	return tw_known(f, TW_F_CLIENT_DATA_FIRST_ACK_NS) && tw_known(f, TW_F_RTT_NS) &&
	       tw_get(f, TW_F_RTT_NS) <= SLOW_PATH_NS;
}

/*
 * Without timestamps: two SYN|ACKs at once after one repeated SYN. One answers the repeat, the
 * other is the server timer's: so the first SYN had made the request.
 */
static bool two_at_once(const struct tw_facts *f)
{
	return !tw_known(f, TW_F_SYNACK_ECHO) && tw_get(f, TW_F_SYN_COUNT) >= 2 &&
	       tw_get(f, TW_F_SYNACK_COUNT) >= 2 && !tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) &&
	       tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS) < TOGETHER_NS &&
	       !tw_get(f, TW_F_SIMULTANEOUS_OPEN) && !tw_get(f, TW_F_SELF_CONNECT);
}

/*
 * No round trip is known, and the answer did not come at once: the SYN|ACK after the last SYN, or the ACK after the last
 * SYN|ACK. So long may the path be.
 */
static bool path_may_be_slow(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT))
		return !tw_known(f, TW_F_ACK3_ECHO) && tw_get(f, TW_F_RTT_NS) < PROMPT_NS &&
		       tw_get(f, TW_F_ACK3_DELAY_NS) - tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS) >
			       PROMPT_NS;
	return !tw_known(f, TW_F_CLIENT_DATA_FIRST_ACK_NS) &&
	       tw_get(f, TW_F_SYN_ANSWER_DELAY_NS) > PROMPT_NS;
}

static void say_recovered(struct tw_match *m, bool anew, int64_t after)
{
	if (anew)
		m->summary = tw_say(m,
				    "Connecting to %s took %s: SYNs were answered at once, each "
				    "with numbers of its own; they or their answers had been held "
				    "up or lost on the way.",
				    m->server, TW_DUR(after));
	else if (came_late(m->facts))
		m->summary =
			tw_say(m,
			       "Connecting to %s took %s: the SYN arrived, but its SYN|ACK was "
			       "held up or lost on the way back.",
			       m->server, TW_DUR(after));
	else
		m->summary =
			tw_say(m,
			       "Connecting to %s took %s: the SYN arrived, but its SYN|ACK was "
			       "lost on the way back.",
			       m->server, TW_DUR(after));
}

static void rivals_of_recovered(struct tw_match *m, bool twice, bool before)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_SYNACK_OVERTAKEN))
		tw_rival(m, "firewall-dropped",
			 "a device that takes offence at Fast Open may drop its SYN|ACK");
	else if (came_late(f))
		tw_rival(m, "reordering",
			 "the SYN|ACK seems to have come after all, overtaken by the answer to the "
			 "repeated SYN");
	else if (!twice && !before && may_be_held_up(f) && !path_may_be_slow(f))
		tw_rival(m, "syn-lost",
			 "the first SYN may only have been held up, by a router that waits for "
			 "ARP: each SYN|ACK would answer one SYN, and nothing was lost");
	else if (twice)
		tw_rival(m, "syn-lost",
			 "without timestamps no SYN|ACK tells which SYN it answers; the network "
			 "may have "
			 "doubled the repeat");
	else if (before)
		tw_rival(m, "syn-lost",
			 "the SYN that is echoed is not in the capture; those that are may have "
			 "been lost as well");
	else
		tw_rival(m, "syn-lost",
			 "no round trip is known; on a path slower than the SYN timeout nothing "
			 "need "
			 "have been lost at all");
}

/* The handshake was completed in the end. */
static bool match_recovered(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool seen_here = tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) && !tw_is(f, TW_F_ACK3_ECHO, 1);
	bool before = tw_is(f, TW_F_SYNACK_ECHO, 0);
	bool echo_first = before || tw_is(f, TW_F_SYNACK_ECHO, 1);
	bool overtaken = tw_get(f, TW_F_SYNACK_OVERTAKEN);
	bool twice = !overtaken && two_at_once(f);
	/* no timer of one server repeats a SYN|ACK with another number */
	bool anew = twice && tw_get(f, TW_F_SYNACK_ISN_CONFLICT);
	int64_t took = tw_get(f, TW_F_CONNECT_NS);
	int64_t after = took > 0 ? took : tw_get(f, TW_F_SYN_SPAN_NS);

	if (!tw_get(f, TW_F_ESTABLISHED) || (!seen_here && !echo_first && !twice && !overtaken) ||
	    was_under_way(f) || tw_get(f, TW_F_SYNACK_REFUSED))
		return false;
	/* data that came too early is sent again: that repair is a part of this, however long it took */
	m->strength = overtaken ? TW_STRENGTH_TEARDOWN + 6 : TW_STRENGTH_DELAY + 3;
	m->confidence = surely_lost(f) && !twice && !before ? TW_CERTAIN
			: !twice && path_may_be_slow(f)     ? TW_POSSIBLE
							    : TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_NETWORK;
	say_recovered(m, anew, after);
	tw_cite_syns(m);
	if (seen_here)
		tw_cite(m, TW_F_SYNACK_COUNT,
			"SYN|ACK, seen here before the client repeats its SYN: it never got it");
	else if (overtaken)
		tw_cite(m, TW_F_SYNACK_OVERTAKEN,
			"data of the server before any SYN|ACK: it had accepted the SYN (Fast "
			"Open), and that SYN|ACK did not come");
	else if (anew)
		tw_cite(m, TW_F_SYNACK_ISN_CONFLICT,
			"SYN|ACK with another initial number: each SYN is answered anew, by a "
			"proxy or by two servers behind one address; the client took one of them");
	else if (twice)
		tw_cite(m, TW_F_SYNACK_COUNT,
			"SYN|ACK twice at once after one repeated SYN: one answers the repeat, the "
			"other is the server timer's, so the first SYN had arrived");
	else
		tw_cite(m, TW_F_SYNACK_COUNT,
			"SYN|ACK, the first to come through, yet it echoes the timestamp of %s",
			before ? "a SYN from before the capture" : "the first SYN");
	if (before)
		tw_missing(m, "The first SYN: connecting took longer than is seen here.");
	if (m->confidence == TW_CERTAIN)
		tw_rule_out(m, "syn-lost", "the first SYN had arrived: the server shows it");
	else
		rivals_of_recovered(m, twice, before);
	tw_app_saw(m, TW_CLIENT, "connect", NULL, took > 0 ? took : -1, "Late, but it succeeds.");
	return true;
}

/* Captured next to the client: what was sent has come as far as that. */
static bool came_to_client(const struct tw_facts *f)
{
	return tw_is(f, TW_F_VANTAGE, TW_VANTAGE_CLIENT);
}

static void rivals_of_one_way(struct tw_match *m, bool repeated)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_SYNACK_BAD_CHECKSUM))
		tw_rival(m, "invalid-segment",
			 "the checksums of the SYN|ACKs are wrong; if they are so on the wire, the "
			 "client drops them (nstat -az TcpInCsumErrors counts it there)");
	tw_rival(m, "firewall-dropped",
		 came_to_client(f)
			 ? "a filter of the client's own host drops them behind this point: its "
			   "ruleset (nft list ruleset) or its rp_filter "
			   "(nstat -az TcpExtIPReversePathFilter)"
			 : "a filter between this point and the client drops the SYN|ACKs");
	if (repeated) {
		tw_rule_out(m, "handshake-ack-lost",
			    "the client repeats its SYN: it does not know the SYN|ACK");
		return;
	}
	tw_rival(m, "handshake-ack-lost",
		 "the client does not repeat its SYN; perhaps it got the SYN|ACK and its ACK is "
		 "lost");
	tw_rival(m, "syn-flood",
		 "a SYN with a forged source is never acknowledged; %lld more are half-open here",
		 (long long)tw_get(f, TW_F_PORT_HALF_OPEN));
}

/*
 * Had the client time to answer? It repeats its SYN after a SYN|ACK, or a second passes, or the
 * server repeats the SYN|ACK. Without any repeat of either end, the ACK is rather missing from the
 * capture (or it was a SYN cookie, which nobody repeats).
 */
static bool stays_unacknowledged(const struct tw_facts *f, bool repeated)
{
	if (!repeated)
		return tw_get(f, TW_F_SYNACK_REPEATS_UNTRIGGERED) > 0;
	return tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) ||
	       tw_get(f, TW_F_CAPTURE_GOES_ON_NS) >= TW_NS_PER_S ||
	       tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS) >= SLOW_PATH_NS;
}

/* Some stacks say goodbye by a RST when they are tired of repeating their SYN. */
static bool gave_up_by_reset(const struct tw_facts *f, bool repeated)
{
	return repeated && tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) &&
	       tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && !tw_get(f, TW_F_RST_ANSWERS_SYNACK) &&
	       tw_get(f, TW_F_SYN_SPAN_NS) >= 3 * TW_TCP_TIMEOUT_INIT_NS;
}

/*
 * The last of them came through when the client had given up, and drew its only answer, a RST. A client without a socket
 * would have answered each one so.
 */
static bool only_the_last_came(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_COUNT) == 1 && tw_synacks_lost_before_refusal(f);
}

/* SYN|ACKs leave, nothing ever comes of them. */
static bool match_one_way(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool repeated = tw_syn_repeated(f), reset = tw_get(f, TW_F_RST_COUNT) > 0;
	bool last_came = only_the_last_came(f);

	if (!tw_syn_alone(f) || (reset && !gave_up_by_reset(f, repeated) && !last_came) ||
	    tw_get(f, TW_F_SYNACK_COUNT) == 0 || tw_get(f, TW_F_ICMP_COUNT) > 0)
		return false;
	if (!stays_unacknowledged(f, repeated))
		return false;
	m->strength = TW_STRENGTH_ENDING + 2;
	m->confidence = repeated ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = tw_syn_watched_ns(f) >= 3 * TW_TCP_TIMEOUT_INIT_NS ? TW_OUTCOME_FAILED
									: TW_OUTCOME_UNKNOWN;
	m->culprit = came_to_client(f) ? TW_CULPRIT_UNKNOWN : TW_CULPRIT_NETWORK;
	if (last_came)
		m->summary = tw_say(m,
				    "%s sent %s to %s, which went on repeating its SYN "
				    "and gave up; only the last of them drew an answer, a reset.",
				    m->server, tw_count(m, tw_get(f, TW_F_SYNACK_COUNT), "SYN|ACK"),
				    m->client);
	else
		m->summary = tw_say(
			m,
			came_to_client(f) ? "%s sent %s to %s, which came as far as this "
					    "capture next to it, without any acknowledgement."
					  : "%s sent %s to %s, without any acknowledgement.",
			m->server, tw_count(m, tw_get(f, TW_F_SYNACK_COUNT), "SYN|ACK"), m->client);
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYNACK_COUNT, "%s",
		tw_first_of(m, tw_get(f, TW_F_SYNACK_COUNT), "SYN|ACK"));
	if (tw_get(f, TW_F_SYNACK_REPEATS_UNTRIGGERED) > 0)
		tw_cite(m, TW_F_SYNACK_REPEATS_UNTRIGGERED,
			"SYN|ACK again, by the server's own timer");
	if (last_came)
		tw_cite(m, TW_F_RST_SIDE,
			"bare RST of the client: this SYN|ACK came, and no socket waits for it any "
			"more");
	else if (reset)
		tw_cite(m, TW_F_RST_SIDE, "the client gives up by a reset");
	rivals_of_one_way(m, repeated);
	if (reset)
		tw_app_saw(m, TW_CLIENT, "connect", "hang", -1,
			   "connect() hangs until the client's own stack or program gives up.");
	else if (repeated)
		tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
			   "connect() hangs until the SYN repeats are spent.");
	if (!came_to_client(f))
		tw_missing(m, "A capture at the client: do the SYN|ACKs arrive there?");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_SIMULTANEOUS_OPEN) || tw_get(f, TW_F_SELF_CONNECT))
		return false;
	/* none of them answers this SYN: they are of another attempt */
	if (tw_get(f, TW_F_SYNACK_COUNT) > 0 && tw_get(f, TW_F_BAD_ACK_IN_SYN_SENT) > 0 &&
	    !tw_get(f, TW_F_SYNACK_FITS))
		return false;
	if (tw_syn_repeated(f) &&
	    (tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK) || tw_get(f, TW_F_SYNACK_OVERTAKEN)) &&
	    match_recovered(m))
		return true;
	return match_one_way(m);
}

static const char *const remedies[] = {
	"If it is now and then, look for loss on the way from the server to the client: `ip -s "
	"link`, `ethtool -S IFACE`, "
	"`mtr -T -P PORT CLIENT` from the server.",
	"If it is always, the way back is broken: `ip route get CLIENT` on the server, `sysctl "
	"net.ipv4.conf.all.rp_filter` on the boxes between, and stateful filters that never saw "
	"the SYN (asymmetric routes).",
	"Check that a load balancer in direct-return mode has the virtual address on the server's "
	"loopback, and that "
	"the answers leave with that source address.",
	"Look on the client for a filter that drops unsolicited SYN|ACKs: `nft list ruleset`, "
	"`nstat -az TcpExtTCPSYNChallenge`.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_synack_retries", "How often the server repeats the SYN|ACK by its own "
					 "timer (1, 3, 7, 15, 31 s). Default 5; the request is "
					 "freed in silence after about 64 s." },
	TW_GOVERNED_SYN_REPEATS(TW_GOVERNS_ALL),
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 6298 s5; RFC 7323 s4.3 (which timestamp is echoed)",
	"net/ipv4/inet_connection_sock.c: reqsk_timer_handler; net/ipv4/tcp_minisocks.c: "
	"tcp_check_req (rtx_syn_ack)",
	NULL,
};

/* Live, both ends here: the server answered again and again, and the client gave up. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_live_connect_error(m, ETIMEDOUT) || !tw_get(f, TW_F_K_SYNACK_REPEATS))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_NETWORK,
		    tw_say(m,
			   "%s answered the SYN and repeated its SYN|ACK, and none of them came "
			   "to %s.",
			   m->server, m->client));
	tw_cite(m, TW_F_K_SYNACK_REPEATS, "repeat number %lld of the SYN|ACK",
		(long long)tw_get(f, TW_F_K_SYNACK_REPEATS));
	tw_live_cite_error(m);
	tw_rule_out(m, "syn-unanswered", "the server's kernel answered");
	tw_live_error_seen(m, "connect");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "once",
		.about = "the SYN|ACK is lost, both ends repeat",
		.variants = "v4 v6 v4-nots",
		.script = "delay 40ms\n" /* both ends repeat after 1 s: the client first */
			  "server listen\n"
			  "fault\n"
			  "cable drop server synack\n"
			  "client connect after 1s\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client syn-ack-lost|syn-lost likely certain degraded\n"
			  "verdict server syn-ack-lost likely certain degraded\n",
	},
	{
		.name = "one-way",
		.about = "no SYN|ACK ever comes back",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "short server tcp_synack_retries 1\n"
			  "server listen\n"
			  "fault\n"
			  "cable drop server synack always\n"
			  "client connect -> ETIMEDOUT after 3s full 134s\n"
			  "verdict client syn-unanswered possible failed unknown\n"
			  "verdict server syn-ack-lost likely certain failed unknown\n"
			  "never client certain\n",
	},
	{
		.name = "nonblocking",
		.about = "a non-blocking connect(), the server closes first",
		.variants = "v4 v6-nots",
		.script = "delay 40ms\n"
			  "server listen\n"
			  "fault\n"
			  "cable drop server synack\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS within 100ms\n"
			  "client poll out -> out after 1s\n"
			  "client error -> ok\n"
			  "client blocking\n"
			  "server accept\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "verdict client syn-ack-lost|syn-lost likely certain degraded\n"
			  "verdict server syn-ack-lost likely certain degraded\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	tw_predict_late_connect(p, m);
	p->stand[0].there = "SYN_RECV"; /* the SYN has arrived */
	p->note = "The server repeats its SYN|ACK on its own, with the same 1 s; whichever repeat "
		  "comes "
		  "first heals it. If no SYN|ACK ever gets through, connect() ends like "
		  "syn-unanswered.";
}

const struct tw_phenomenon tw_ph_syn_ack_lost = {
	.slug = "syn-ack-lost",
	.stage = TW_STAGE_CONNECT,
	.title = "The SYN|ACK was lost",
	.happens = "The SYN reaches the listener, which remembers a request and answers. The "
		   "SYN|ACK is lost. Now both ends repeat after "
		   "about a second: the client its SYN, to which the server answers at once, and "
		   "the server its SYN|ACK by "
		   "its own timer. So the client usually gets two SYN|ACKs within a millisecond, "
		   "and answers the second with one more ACK.\n\n"
		   "If the way back is broken for good (an asymmetric route through a stateful "
		   "filter, a missing route, a "
		   "virtual address answered from another one), the client ends with ETIMEDOUT "
		   "after its full schedule, although "
		   "the server answered every SYN.",
	.diagram = "client                 server\n"
		   "  |----SYN TSval=a------->|\n"
		   "  |      X<--SYN|ACK------|\n"
		   "  |                       |   1 s\n"
		   "  |----SYN TSval=b------->|\n"
		   "  |<--SYN|ACK TSecr=a-----|   a: the first SYN had arrived\n"
		   "  |----ACK--------------->|\n",
	.client_sees = "connect() succeeds a second or more late; or ETIMEDOUT (about 134 s with "
		       "Linux's defaults) when no SYN|ACK ever "
		       "gets through.",
	.server_sees = "accept() returns as late; or never. The request sits in SYN_RECV (`ss -tn "
		       "state syn-recv`) for up "
		       "to 64 s.",
	.recognise = "The SYN|ACK that follows a repeated SYN echoes the timestamp of the first "
		     "one; or, at the server or in the middle, a "
		     "SYN|ACK is seen and the client repeats its SYN all the same. Either is "
		     "certain once the path is known to be "
		     "faster than the SYN timeout. Without timestamps and from the client alone it "
		     "is the same picture as syn-lost.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
