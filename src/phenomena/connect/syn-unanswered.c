/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syn-unanswered: the SYN and all its repeats stay without any answer.
 *
 *	client                              server?
 *	  |----SYN----------->  ...           |
 *	  |----SYN----------->  ...           |   1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s
 *	  |----SYN----------->  ...           |   (Linux since 6.5; before: 1, 3, 7, 15, 31, 63 s)
 *	  connect: ETIMEDOUT
 *
 * Five causes share this picture: a host that has just died (its neighbour entry still cached), a
 * filter that drops, a full accept or SYN queue, a SYN lost on a dead path, a SYN|ACK lost on the
 * way back. A capture at the server removes the path from the list. It is never certain which one
 * it was, only that nothing came.
 *
 * Linux gives up in silence; uIP, picoTCP and some TCPs of user space write a RST|ACK to nobody then.
 *
 * How long is long enough? The first repeat is due after 1 s. A lone SYN at the end of a capture
 * tells nothing; with a repeat and three seconds, any living path would have answered.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/silence.h"
#include "timers/usual.h"

#include <errno.h>

#define ENOUGH_NS     (3 * TW_TCP_TIMEOUT_INIT_NS)
#define REPEAT_DUE_NS (TW_TCP_TIMEOUT_INIT_NS * 5 / 4)
#define MANY_DOORS    16 /* as many as make a scan */

static void tell_client(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t spent = tw_get(f, TW_F_RST_COUNT_C) > 0
				? tw_between_ns(f, TW_F_SYN_COUNT, TW_F_RST_COUNT)
				: tw_get(f, TW_F_SYN_SPAN_NS) + tw_syn_next_gap_ns(f);

	if (tw_known(f, TW_F_RACE_WON_NS)) {
		tw_app_saw(m, TW_CLIENT, NULL, NULL, -1,
			   "No error: it tried several addresses at once (RFC 8305), and another "
			   "one answered.");
	} else if (tw_get(f, TW_F_SYN_COUNT) == 1 && tw_syn_given_up(f)) {
		tw_app_saw(m, TW_CLIENT, "connect", "timeout", -1,
			   "If nothing was missed, the application gave up within a second, by its "
			   "own timer.");
	} else if (tw_get(f, TW_F_RST_COUNT_C) > 0) {
		tw_app_saw(m, TW_CLIENT, "connect", "timeout", spent,
			   "Its own TCP gave up then, and said so by a reset; Linux would be "
			   "silent.");
	} else if (!tw_syn_given_up(f)) {
		tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
			   "connect() was still waiting when the capture ended; with nothing else, "
			   "it ends in "
			   "ETIMEDOUT.");
	} else if (tw_syn_schedule_spent(f) && tw_is(f, TW_F_SYN_ID_ZERO, 1)) {
		tw_app_saw(
			m, TW_CLIENT, "connect", "ETIMEDOUT", TW_BSD_KEEP_INIT_NS,
			"Its SYNs carry IP-ID 0, as macOS and FreeBSD write them: their connect() "
			"ends after 75 s (net.inet.tcp.keepinit); on Linux it would be later.");
	} else if (tw_syn_schedule_spent(f)) {
		tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", spent,
			   "All repeats of the default schedule were sent and spent.");
	} else {
		tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
			   "The SYNs stop before the default schedule is spent: fewer "
			   "tcp_syn_retries or TCP_SYNCNT, "
			   "TCP_USER_TIMEOUT (ETIMEDOUT), or the application closed the socket on "
			   "its own timer.");
	}
}

/*
 * The connection that had these ports was never closed, and its client does not go on with it. A socket that holds it sends
 * challenge ACKs no oftener than tcp_challenge_ack_limit in a second (RFC 5961 s10), which current
 * kernels do not limit, and older ones do.
 */
static bool meets_old_connection(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYN_IN_ESTABLISHED) && !tw_get(f, TW_F_PREV_WENT_ON);
}

static void name_rivals(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool at_server = tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER);

	tw_rival_signed(m);
	tw_rival(m, "firewall-dropped",
		 at_server ? "a filter on this host drops what arrives; look at its counters"
			   : "a filter that drops, here or on the path, leaves the same silence");
	if (meets_old_connection(f))
		tw_rival(
			m, "peer-rebooted",
			"the server may still hold the connection that these ports had before: its "
			"socket answers a SYN by a challenge ACK, and by nothing where its limit "
			"for these is used up");
	tw_rival(m, "accept-queue-full",
		 tw_get(f, TW_F_PORT_OPEN_BEFORE)
			 ? "the port accepted connections before, and a full accept queue drops "
			   "SYNs in silence"
			 : "a listener with a full accept queue drops SYNs in silence");
	tw_rival(m, "syn-queue-full", "so does one with a full SYN queue and without SYN cookies");
	if (!at_server)
		tw_rival(m, "syn-ack-lost",
			 "the SYNs may arrive and every answer be lost on the way back");
	if (tw_syn_given_up(f) && !tw_syn_schedule_spent(f))
		tw_rival(m, "connect-aborted",
			 "the repeats stop early: perhaps the application's own timeout");
	if (tw_get(f, TW_F_SCAN_REPEATED) >= MANY_DOORS)
		tw_rival(m, "port-scan",
			 "the same source knocks at many doors in vain about now: a scanner that "
			 "leaves it to connect() repeats its SYNs, too");
	tw_rule_out(m, "port-closed", "a host without a listener answers with a RST at once");
	if (tw_get(f, TW_F_ICMP_COUNT) == 0)
		tw_rule_out(m, "host-unreachable", "no ICMP error came");
}

/* Long enough watched to say that it failed? */
static enum tw_outcome outcome_of(const struct tw_facts *f)
{
	int64_t watched = tw_syn_watched_ns(f);

	/* A SYN that is not repeated: its sender gave up within a second, or the capture missed
	 * the answer. */
	if (tw_get(f, TW_F_TRACE_LOSSY) || tw_get(f, TW_F_SYN_COUNT) == 1)
		return TW_OUTCOME_UNKNOWN;
	return watched >= ENOUGH_NS ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t syns = tw_get(f, TW_F_SYN_COUNT), watched = tw_syn_watched_ns(f);

	if (!tw_syn_alone(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_NONE) ||
	    tw_get(f, TW_F_PACKETS_S) > 0)
		return false;
	/* A lone SYN whose repeat was not yet due shows nothing at all. */
	if (syns == 1 && watched < REPEAT_DUE_NS)
		return false;
	m->outcome = outcome_of(f);
	m->strength = TW_STRENGTH_ENDING;
	m->confidence = m->outcome == TW_OUTCOME_FAILED && syns > 1 ? TW_LIKELY : TW_POSSIBLE;
	m->culprit = TW_CULPRIT_UNKNOWN;
	if (tw_known(f, TW_F_RACE_WON_NS))
		m->summary = tw_say(m,
				    "%s did not answer the SYN within %s; the client tried another "
				    "address beside it (RFC 8305), and went on with that one.",
				    m->server, TW_DUR(watched));
	else if (syns > 1)
		m->summary = tw_say(m, "%s answered none of %lld SYNs within %s.", m->server,
				    (long long)syns, TW_DUR(watched));
	else
		m->summary = tw_say(
			m, "%s did not answer the SYN within %s, and the client did not repeat it.",
			m->server, TW_DUR(watched));
	tw_cite_syns(m);
	if (tw_known(f, TW_F_RACE_WON_NS))
		tw_cite(m, TW_F_RACE_WON_NS, "SYN|ACK of another address, %s after the first SYN",
			TW_DUR(tw_get(f, TW_F_RACE_WON_NS)));
	if (tw_get(f, TW_F_RST_COUNT_C) > 0)
		tw_cite(m, TW_F_RST_COUNT, "the client gives up by a reset");
	if (tw_get(f, TW_F_HOST_ANSWERS))
		tw_cite(m, TW_F_HOST_ANSWERS,
			"the same host answers other connections meanwhile: it is not dead");
	if (tw_get(f, TW_F_PORT_OPEN_BEFORE))
		tw_cite(m, TW_F_PORT_OPEN_BEFORE, "the same port completed a handshake before");
	if (meets_old_connection(f))
		tw_cite(m, TW_F_SYN_IN_ESTABLISHED,
			"SYN on a four-tuple whose connection had never been closed");
	if (tw_get(f, TW_F_NEIGHBOUR_UNANSWERED) > 0)
		tw_cite(m, TW_F_NEIGHBOUR_UNANSWERED,
			"%lld neighbour requests for the next hop stay unanswered, too",
			(long long)tw_get(f, TW_F_NEIGHBOUR_UNANSWERED));
	name_rivals(m);
	tell_client(m);
	if (tw_get(f, TW_F_TRACE_LOSSY))
		tw_missing(m, "The capture lost packets, so an answer may have been missed.");
	else if (syns == 1 && tw_get(f, TW_F_RST_COUNT_C) == 0 && !tw_known(f, TW_F_RACE_WON_NS))
		tw_missing(m, "Why the client did not repeat its SYN: it gave up within a second, "
			      "or the capture "
			      "missed an answer.");
	else if (m->outcome == TW_OUTCOME_UNKNOWN)
		tw_missing(m, "The capture ends before the SYN repeats were spent.");
	if (!tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER))
		tw_missing(m, "A capture at the server: do the SYNs arrive there?");
	return true;
}

static const char *const remedies[] = {
	"Find out whether the SYNs arrive: `tcpdump -ni any 'host CLIENT and port PORT'` on "
	"the server.",
	"If they arrive and draw no SYN|ACK, look at the queues (`ss -ltn 'sport = :PORT'`: Recv-Q "
	"above Send-Q is a "
	"full accept queue; `nstat -az TcpExtListenOverflows TcpExtListenDrops`) and then at the "
	"host's filter.",
	"If SYN|ACKs leave the server, the way back is broken: compare `ip route get CLIENT` and "
	"`net.ipv4.conf.*.rp_filter`.",
	"If they do not arrive, look at the path: `mtr -T -P PORT SERVER`, security groups, "
	"filters, and whether the "
	"address still belongs to a living host.",
	"Give clients a connect timeout of their own (a few seconds), and try further addresses "
	"meanwhile: the "
	"kernel's default is two minutes.",
	"Lower it for the host with `sysctl net.ipv4.tcp_syn_retries=3`, or for one socket with "
	"TCP_SYNCNT or "
	"TCP_USER_TIMEOUT.",
	NULL,
};

static const struct tw_governed governed[] = {
	TW_GOVERNED_SYN_REPEATS(TW_GOVERNS_ALL),
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 9293 s3.8.3 (R2 of a SYN at least 3 minutes; Linux gives up earlier); RFC 6298 s2.1",
	"net/ipv4/tcp_timer.c: tcp_write_timeout, tcp_retransmit_timer",
	"net/ipv4/tcp_input.c: tcp_conn_request",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const long long repeats = (long long)tw_get(f, TW_F_K_REPEATS);
	const bool left = tw_get(f, TW_F_K_GAVE_UP) && repeats > 0;

	if (!tw_live_connect_error(m, ETIMEDOUT) && !left)
		return false;
	tw_live_say(m, TW_STRENGTH_ENDING, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m, "%s never answered: %s gave up after %s%lld repeat%s of the SYN.",
			   m->server, left ? "the application" : "connect()",
			   tw_live_connecting_for(m, "", " and "), repeats,
			   repeats == 1 ? "" : "s"));
	tw_live_cite_error(m);
	if (left)
		tw_cite(m, TW_F_K_GAVE_UP, "the application closed the socket while it waited");
	tw_rival(m, "firewall-dropped", "a filter beyond this host drops as silently");
	tw_rival(m, "accept-queue-full", "a full accept queue drops SYNs as silently");
	tw_rival(m, "syn-ack-lost", "the answers may be lost on their way");
	tw_rule_out(m, "host-unreachable", "no ICMP error and no failed neighbour came into it");
	tw_live_error_seen(m, "connect");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "dead-host",
		.about = "the host has just died, its ARP entry is still there",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "server listen\n"
			  "host client neighbour permanent\n"
			  "fault\n"
			  "host server vanish\n"
			  "client connect -> ETIMEDOUT after 3s full 134s\n"
			  "verdict client syn-unanswered likely possible failed unknown\n"
			  "never client clean|port-closed|certain\n",
	},
	{
		.name = "send-timeout",
		.about = "SO_SNDTIMEO ends connect() early, as EINPROGRESS",
		.variants = "v4 v6",
		.script = "host client neighbour permanent\n"
			  "fault\n"
			  "host server vanish\n"
			  "client option SO_SNDTIMEO 1200ms\n"
			  "client connect -> EINPROGRESS after 1200ms\n"
			  "client connect -> EALREADY after 1200ms\n"
			  "client close\n"
			  "verdict client syn-unanswered likely possible failed unknown\n"
			  "never client clean|port-closed|certain\n",
	},
	{
		.name = "user-timeout",
		.about = "TCP_USER_TIMEOUT bounds connect(), too",
		.variants = "v4 v6",
		.script = "host client neighbour permanent\n"
			  "fault\n"
			  "host server vanish\n"
			  "client option TCP_USER_TIMEOUT 2500\n"
			  "client connect -> ETIMEDOUT after 2500ms\n"
			  "verdict client syn-unanswered likely possible failed unknown\n"
			  "never client clean|port-closed|certain\n",
	},
	{
		.name = "nonblocking",
		.about = "a non-blocking connect() learns it from poll(); TCP_SYNCNT bounds it",
		.variants = "v6",
		.script = "set client tcp_syn_linear_timeouts 0\n"
			  "host client neighbour permanent\n"
			  "fault\n"
			  "host server vanish\n"
			  "client option TCP_SYNCNT 1\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS within 100ms\n"
			  "client poll out -> out+err+hup after 3s\n"
			  "client error -> ETIMEDOUT\n"
			  "client error -> ok\n"
			  "verdict client syn-unanswered likely possible failed unknown\n"
			  "never client clean|port-closed|certain\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	tw_predict_silent_connect(p, m);
}

const struct tw_phenomenon tw_ph_syn_unanswered = {
	.slug = "syn-unanswered",
	.stage = TW_STAGE_CONNECT,
	.title = "No answer to the SYN",
	.happens = "The client sends a SYN and hears nothing: no SYN|ACK, no RST, no ICMP error. "
		   "Its kernel repeats the same SYN "
		   "(same sequence number, new timestamp). Since Linux 6.5 the first five gaps are "
		   "one second each, "
		   "then they double: SYNs at 0, 1, 2, 3, 4, 5, 7, 11, 19, 35 and 67 s by the "
		   "rule, a little later in "
		   "practice since the timer wheel rounds up. The kernel gives up when both the "
		   "number of repeats and the "
		   "classic total time are spent; no RST is sent then.\n\n"
		   "Behind the silence may be a host that died a moment ago, a filter that drops, "
		   "a listener "
		   "whose accept queue or SYN queue is full, or a path that is broken in one of "
		   "its directions. A host that "
		   "has been dead for longer answers through the last router's ICMP, or not even "
		   "the SYN leaves: see host-unreachable.",
	.diagram = "client                   server?\n"
		   "  |----SYN---------> ...\n"
		   "  |----SYN---------> ...    1.03 s\n"
		   "  |----SYN---------> ...    2.05 s\n"
		   "  |       ...               3.1 4.1 5.1 7.1 11 19 36\n"
		   "  |----SYN---------> ...    69 s\n"
		   "  connect: ETIMEDOUT        134 s\n",
	.client_sees = "connect() blocks and then fails with ETIMEDOUT: after 133.9 s with "
		       "defaults on Linux 6.18 (11 SYNs), "
		       "after about 127 s on kernels without linear repeats (7 SYNs). With "
		       "TCP_SYNCNT 1 it took 3.1 s. With SO_SNDTIMEO "
		       "connect() returns EINPROGRESS at that time while the SYNs go on, and a "
		       "second connect() gives EALREADY.",
	.server_sees = "Nothing, in all of the cases. With full queues only the counters "
		       "ListenOverflows and "
		       "ListenDrops rise.",
	.recognise = "SYNs and nothing else, but for a reset with which the client's own TCP gives "
		     "up (Linux gives up in silence). With at least one repeat and three seconds "
		     "of capture "
		     "it is a failure; a lone SYN "
		     "whose repeat was not yet due shows nothing. Which of the causes it was needs "
		     "a second point of "
		     "view: a capture at the server, or other connections of the host in the same "
		     "file (other ports that "
		     "answer exclude its death). SYNs with IP-ID 0 are of macOS or FreeBSD, whose "
		     "connect() ends after 75 s, with as many SYNs as Linux sends.",
	.folklore = "\"A SYN is retried 5 times, 63 s.\" The default is 6 since Linux 3.7, and "
		    "since 6.5 four linear repeats come on "
		    "top: 11 SYNs, about 134 s measured.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
