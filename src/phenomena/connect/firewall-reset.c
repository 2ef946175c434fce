/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * firewall-reset: a filter answers with a RST in place of the segment, which never arrives.
 *
 *   on connect                               in mid-connection
 *	client     filter     server		client     filter      server
 *	  |---SYN--->X          |		  |===data===>X           |
 *	  |<-RST|ACK-|          |		  |<---RST----|           |
 *	  ECONNREFUSED				  ECONNRESET              |
 *						  |<===data===============|  knows nothing:
 *						  |----RST--->X           |  half-open
 *
 * The filter writes what a kernel without a socket writes (nf_send_reset copies
 * tcp_v4_send_reset's rule). What gives it away: another TTL than the host's other packets (a
 * router wrote it), IPv6 flow label 0 (netfilter), and above all an "author" that goes on with the
 * connection without ever having seen the segment. If the author does acknowledge that segment,
 * the RST came in addition to it: forged-reset.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

enum { REMEDY_ENTRY = 5 };

#define SLOWEST_NS (5 * TW_NS_PER_S) /* no path is so long */
#define IDLE_SUSPICIOUS_NS                                                                         \
	(1500 * TW_NS_PER_MS) /* from here on, a forgetful device is the better guess */

/*
 * Netfilter writes flow label 0. So does the TCP of Windows, of Linux before 4.3 and of some that are set so
 * (net.ipv6.auto_flowlabels): it is a sign only where the host is seen to write labels.
 */
static bool label_zero(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_RST_LABEL_ZERO))
		return true;
	if (!tw_is(f, TW_F_RST_FLOW_LABEL, 0))
		return false;
	return tw_get(f, TW_F_HOST_LABELS);
}

static void cite_host_ttl(struct tw_match *m, int64_t delta)
{
	if (delta > 0)
		tw_cite(m, TW_F_HOST_TTL_DELTA,
			"its TTL is %lld higher than in the host's other packets: a box in between "
			"wrote it",
			(long long)delta);
	else if (delta < 0)
		tw_cite(m, TW_F_HOST_TTL_DELTA,
			"its TTL is %lld lower than in the host's other packets: another box wrote "
			"it",
			(long long)-delta);
}

static bool match_connect(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t delta = tw_get(f, TW_F_HOST_TTL_DELTA);
	const bool by_ttl = delta != 0 && !label_zero(f) && !tw_get(f, TW_F_PORT_OPEN_DURING) &&
			    !tw_get(f, TW_F_SYN_ANSWER_MIRRORED);

	if (!tw_syn_alone(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK) ||
	    tw_get(f, TW_F_SYNACK_COUNT) > 0 || tw_reset_by_socket(f))
		return false;
	if (delta == 0 && !label_zero(f) && !tw_get(f, TW_F_PORT_OPEN_DURING) &&
	    !tw_get(f, TW_F_SYN_ANSWER_MIRRORED))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 2;
	m->summary =
		by_ttl ? tw_say(m,
				"The connection to %s was refused by a RST that the host of its "
				"other ports did not write: a firewall did, or the box that "
				"forwards those ports.",
				m->server)
		       : tw_say(m,
				"A firewall refused the connection to %s with a RST: it was not "
				"written by the TCP of that host.",
				m->server);
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYN_ANSWER, "RST|ACK that answers the SYN, %s after it",
		TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	cite_host_ttl(m, delta);
	if (label_zero(f))
		tw_cite(m, TW_F_RST_FLOW_LABEL,
			"its IPv6 flow label is 0, as netfilter writes it; the host's own packets "
			"carry labels");
	if (tw_get(f, TW_F_SYN_ANSWER_MIRRORED))
		tw_cite(m, TW_F_SYN_ANSWER_MIRRORED,
			"it carries the options of a SYN: a device turned the client's SYN round, "
			"no TCP writes such a reset");
	if (tw_get(f, TW_F_PORT_OPEN_DURING))
		tw_cite(m, TW_F_PORT_OPEN_DURING,
			"the same port completed another handshake meanwhile: it does listen");
	if (by_ttl)
		tw_rival(m, "port-closed",
			 "where other ports of the address are forwarded to other hosts (DNAT, "
			 "containers, a balancer), the box itself refuses the rest so");
	else
		tw_rival(m, "port-closed",
			 "a host whose TCP writes another TTL or flow label in its resets than in "
			 "its other packets would look like this, too");
	if (tw_get(f, TW_F_PORT_OPEN_DURING) && delta == 0)
		tw_rival(m, "accept-queue-full",
			 "Windows refuses a connection by RST when the queue of the listener is "
			 "full; Linux drops the SYN");
	tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED",
		   tw_connect_elapsed_ns(f, TW_F_SYN_ANSWER), NULL);
	return true;
}

/*
 * A kernel refuses each SYN when it comes. One refusal for several, so late that no path explains it, is of a device that
 * had waited for the server itself, and answers in its name when it gives up.
 *
 *	client            device            server
 *	  |---SYN----------->|---SYN-------->  ...
 *	  |---SYN----------->|---SYN-------->  ...
 *	  |                  |  tired of it
 *	  |<-RST|ACK---------|
 */
static bool match_late(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t delay_ns = tw_get(f, TW_F_SYN_ANSWER_DELAY_NS),
		      waited_ns = tw_between_ns(f, TW_F_SYN_COUNT, TW_F_SYN_ANSWER);

	if (!tw_syn_alone(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK) ||
	    tw_get(f, TW_F_SYNACK_COUNT) > 0 || tw_reset_by_socket(f) || !tw_syn_repeated(f) ||
	    tw_get(f, TW_F_RST_COUNT_S) > 1 || delay_ns < TW_TCP_TIMEOUT_INIT_NS ||
	    waited_ns < SLOWEST_NS)
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 1;
	m->summary = tw_say(m,
			    "A RST refused the connection to %s only %s after the first SYN: a "
			    "host without a listener answers each SYN at once, so a device that "
			    "waited in vain may have written it.",
			    m->server, TW_DUR(waited_ns));
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYN_ANSWER,
		"RST|ACK, %s after the last SYN, and nothing for those before it",
		TW_DUR(delay_ns));
	tw_rival(m, "port-closed",
		 "the host may have come up, or the way to it, only then: nothing listened on it "
		 "yet");
	tw_rival(m, "forged-reset", "whoever reads the SYNs can write such a reset at any time");
	tw_rival(m, "syn-unanswered",
		 "what the device waited for is the cause: the server answered none of the SYNs");
	tw_missing(m, "A capture at the server: do the SYNs arrive there, and who writes the RST?");
	tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED",
		   tw_connect_elapsed_ns(f, TW_F_SYN_ANSWER), NULL);
	return true;
}

/*
 * The server's SYN|ACKs are refused in the client's name, from another distance, and the client asks on: it has not heard
 * of them.
 *
 *	client             filter          server
 *	  |---SYN------------|--------------->|
 *	  |                  X<------SYN|ACK--|
 *	  |                  |------RST------>|   not the client's TTL
 *	  |---SYN------------|--------------->|
 */
static bool match_answer(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t delta = tw_get(f, TW_F_RST_TTL_DELTA);

	if (!tw_syn_alone(f) || tw_get(f, TW_F_SYNACK_REFUSED) < 2 || delta == 0 ||
	    tw_get(f, TW_F_SYNACK_REFUSED_ACK) || tw_get(f, TW_F_SYNACK_REFUSED_ECHO) ||
	    !tw_is(f, TW_F_RST_SIDE, TW_CLIENT))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 2;
	m->summary = tw_say(m,
			    "A firewall refused the SYN|ACKs of %s with RSTs in the name of %s, "
			    "which goes on asking.",
			    m->server, m->client);
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYNACK_REFUSED, "the first of %lld SYN|ACKs that draw a bare RST",
		(long long)tw_get(f, TW_F_SYNACK_REFUSED));
	tw_cite(m, TW_F_RST_TTL_DELTA, "the RST's TTL differs by %+lld from that of the SYNs",
		(long long)delta);
	tw_rival(m, "forged-reset", "somebody who reads the SYN|ACKs may reset them as well");
	tw_rival(m, "invalid-segment",
		 "the client's own host may refuse what does not fit there, and write its resets "
		 "with another TTL");
	tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
		   "It waits on, as long as no SYN|ACK gets through.");
	return true;
}

/*
 * A RST|ACK that acknowledges the SYN, with the number and window of a socket that nothing else shows. SYN_SENT takes it as
 * a refusal.
 */
static bool match_strange(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_syn_alone(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK) ||
	    tw_get(f, TW_F_SYNACK_COUNT) > 0 || !tw_reset_by_socket(f) ||
	    tw_get(f, TW_F_TRACE_LOSSY) || tw_get(f, TW_F_PACKETS_S) > 1 ||
	    tw_get(f, TW_F_SYN_ANSWER_DELAY_NS) >= SLOWEST_NS)
		return false;
	m->strength = TW_STRENGTH_ENDING;
	m->summary = tw_say(m,
			    "A RST|ACK in the name of %s refused the SYN, with a sequence number "
			    "and a window that no host without a listener writes.",
			    m->server);
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYN_ANSWER, "RST|ACK that acknowledges the SYN, %s after it",
		TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	tw_rival(m, "forged-reset", "whoever reads the SYN can write such a reset");
	tw_rival(m, "port-closed", "some small stacks may refuse like this");
	tw_rival(m, "aborted",
		 "a socket of the server aborts so: then the capture missed the SYN|ACK and the "
		 "ACK");
	tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED",
		   tw_connect_elapsed_ns(f, TW_F_SYN_ANSWER), NULL);
	return true;
}

/*
 * The RST replaces a segment of an established connection, and something shows that its alleged
 * author did not write it.
 */
static bool replaces_segment(const struct tw_facts *f)
{
	if (!tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) || !tw_get(f, TW_F_ESTABLISHED) ||
	    tw_get(f, TW_F_RST_DURING_HANDSHAKE))
		return false;
	/* behind its FIN a host itself refuses what comes, with the TTL of its own */
	if (tw_get(f, TW_F_RST_AUTHOR_FIN) &&
	    (!tw_reset_from_nearer(f) || tw_reset_debt(f) != TW_DEBT_OWED))
		return false;
	if (tw_reset_came_in_addition(f) || tw_get(f, TW_F_RST_OTHER_TUPLE) ||
	    tw_get(f, TW_F_RST_SECOND_DIFFERS))
		return false;
	if (tw_is(f, TW_F_RST_EFFECT, TW_RST_IGNORED) ||
	    tw_is(f, TW_F_RST_EFFECT, TW_RST_CHALLENGED))
		return false;
	switch (tw_get(f, TW_F_RST_TRIGGER)) {
	case TW_TRIGGER_DATA:
	case TW_TRIGGER_ACK:
	case TW_TRIGGER_PROBE:
	case TW_TRIGGER_FIN:
		break;
	default:
		return false;
	}
	return tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0 || tw_get(f, TW_F_RST_TTL_DELTA) != 0 ||
	       tw_get(f, TW_F_RST_LABEL_ZERO) || tw_get(f, TW_F_RST_AUTHOR_MOVED);
}

/*
 * From as far away as the author, which goes on: written on its host, by a filter, or by another host next to it that has the
 * same address (a duplicate, a virtual address that moves to and fro), and gets what the last router's neighbour table sends it.
 * Captured on the author's host, it is no other's.
 */
static bool from_its_place(const struct tw_facts *f)
{
	const bool here =
		tw_is(f, TW_F_VANTAGE,
		      tw_is(f, TW_F_RST_SIDE, TW_CLIENT) ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER);

	return !here && tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0 && tw_is(f, TW_F_RST_TTL_DELTA, 0) &&
	       !tw_get(f, TW_F_RST_LABEL_ZERO) && !tw_get(f, TW_F_RST_AUTHOR_MOVED);
}

/* A NAT whose own address stands for the author takes the segment for its own when its entry is gone. */
static const char *say_mid(struct tw_match *m, enum tw_side author, bool lives)
{
	const struct tw_facts *f = m->facts;
	const char *const of = tw_endpoint(m, tw_other(author)), *const as = tw_endpoint(m, author);

	if (lives)
		return tw_say(m,
			      "A firewall%s answered a segment of %s with a RST in the name of %s, "
			      "whose own socket lives on.",
			      from_its_place(f) ? ", or another host with that address," : "", of,
			      as);
	if (tw_get(f, TW_F_RST_AUTHOR_MOVED))
		return tw_say(m,
			      "A device answered a segment of %s with a RST in the name of %s, "
			      "which went on %s later under another %s (stream %lld): a NAT had "
			      "lost its entry, or a firewall rejects.",
			      of, as, TW_DUR(tw_get(f, TW_F_RST_AUTHOR_MOVED_NS)),
			      tw_get(f, TW_F_RST_OTHER_PORT_ONLY) ? "port" : "address",
			      (long long)tw_get(f, TW_F_RST_OTHER_STREAM));
	return tw_say(m, "A firewall answered a segment of %s with a RST in the name of %s.", of,
		      as);
}

static void cite_mid(struct tw_match *m, enum tw_side author)
{
	const struct tw_facts *f = m->facts;
	int64_t delta = tw_get(f, TW_F_RST_TTL_DELTA);

	tw_cite(m, TW_F_RST_TRIGGER, "segment of %s that draws the RST",
		tw_endpoint(m, tw_other(author)));
	tw_cite(m, TW_F_RST_COUNT,
		"bare RST with the address of %s, %s later: window 0, no options",
		tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_RST_TRIGGER_DELAY_NS)));
	if (tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0)
		tw_cite(m, TW_F_RST_AUTHOR_GOES_ON,
			"%s goes on with the connection %s after \"its\" RST%s",
			tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_RST_AUTHOR_GOES_ON_NS)),
			/* whether a bare ACK arrived, what follows need not tell */
			tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_ACK) ? ""
								   : ", and never got the segment");
	if (tw_get(f, TW_F_RST_AUTHOR_MOVED))
		tw_cite(m, TW_F_RST_AUTHOR_MOVED,
			"stream %lld goes on with exactly its next seq and ack: %s lives",
			(long long)tw_get(f, TW_F_RST_OTHER_STREAM), tw_endpoint(m, author));
	if (delta != 0)
		tw_cite(m, TW_F_RST_TTL_DELTA,
			"the RST's TTL differs by %+lld from the author's other packets",
			(long long)delta);
	if (tw_get(f, TW_F_RST_LABEL_ZERO))
		tw_cite(m, TW_F_RST_LABEL_ZERO, "its IPv6 flow label is 0: netfilter writes so");
}

/* The author had closed: the whole of it, or (shutdown()) only its own half, and waits for an answer. */
static void behind_fin(struct tw_match *m, enum tw_side author)
{
	tw_rival(m, "data-after-close",
		 "if it had closed for good, its own kernel would have refused the segment, too");
	tw_reset_victim_saw(m);
	tw_app_saw(m, author, NULL, NULL, -1,
		   "After close() nothing; after shutdown(SHUT_WR) it waits for an answer that "
		   "never comes.");
}

static bool match_mid(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = (enum tw_side)tw_get(f, TW_F_RST_SIDE), victim = tw_other(author);
	int64_t idle = tw_get(f, TW_F_RST_IDLE_BEFORE_NS);
	bool lives = tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0;

	if (!replaces_segment(f))
		return false;
	if (tw_reset_unprompted(f))
		m->strength = TW_STRENGTH_ENDING;
	else if (lives)
		m->strength = TW_STRENGTH_CONTRADICTION + 1;
	else
		m->strength = idle >= IDLE_SUSPICIOUS_NS ? TW_STRENGTH_MECHANISM - 5
							 : TW_STRENGTH_MECHANISM + 8;
	m->summary = say_mid(m, author, lives);
	cite_mid(m, author);
	tw_rival(m, "forged-reset",
		 "a third party that injects a RST and keeps the segment from arriving would look "
		 "the same");
	if (tw_get(f, TW_F_RST_AUTHOR_MOVED)) {
		m->remedy = REMEDY_ENTRY;
		tw_rival(m, "idle-reset",
			 "a NAT that has forgotten the connection, whether or not it was idle, "
			 "answers for its client so");
	} else if (idle >= IDLE_SUSPICIOUS_NS)
		tw_rival(m, "idle-reset",
			 "a NAT or load balancer that has forgotten the connection answers the "
			 "same way; the "
			 "silence before was %s",
			 TW_DUR(idle));
	if (tw_get(f, TW_F_RST_TTL_DELTA) != 0 && !tw_get(f, TW_F_RST_AUTHOR_MOVED))
		tw_rival(m, "conntrack-invalid-reset",
			 "a NAT that lost its entry takes the segment for its own, and its kernel "
			 "resets it; the other side's next segment then comes untranslated");
	if (from_its_place(f))
		tw_rival(m, "peer-rebooted",
			 "not its own, but another host with its address (a duplicate, or one that "
			 "took over a virtual address for a moment) may have answered: it never "
			 "had the connection; ARP or neighbour discovery at the last router "
			 "decides");
	else if (lives || tw_get(f, TW_F_RST_AUTHOR_MOVED))
		tw_rule_out(m, "peer-rebooted",
			    "the author still has the connection: it goes on with it");
	tw_rule_out(m, "linger-reset",
		    "an application's abort is a RST|ACK with the socket's own numbers");
	if (tw_get(f, TW_F_RST_AUTHOR_FIN)) {
		behind_fin(m, author);
		return true;
	}
	tw_app_saw(m, victim, "recv", "ECONNRESET", -1,
		   "What had arrived before can still be read; then "
		   "ECONNRESET once, and EPIPE from send().");
	tw_app_saw(
		m, author, NULL, NULL, -1,
		lives ? "Its side stays ESTABLISHED (half-open): what it sends is refused by the "
			"other end, if it gets there."
		      : "Its side stays ESTABLISHED (half-open) until it sends, or "
			"for ever if it only waits.");
	return true;
}

/* The RST replaces the ACK of the handshake: the server, which waits for that, goes on asking for it. */
static bool match_ack3(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_ack3_refused(f) || !tw_request_outlives_reset(f))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 8;
	m->summary = tw_say(m,
			    "A firewall answered the ACK of the handshake with a RST in the name "
			    "of %s, which never got that ACK: it repeats its SYN|ACK.",
			    m->server);
	cite_mid(m, TW_SERVER);
	tw_cite(m, TW_F_SYNACK_REPEATS_AFTER_ACK,
		"SYN|ACK again, after \"its\" RST: whoever refuses the ACK forgets the request");
	tw_rival(m, "forged-reset",
		 "a third party that injects a RST, and an ACK that is lost, look the same");
	tw_rule_out(m, "accept-queue-full",
		    "a listener that refuses the ACK has no SYN|ACK to repeat afterwards");
	tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
		   "connect() had succeeded; the next call, send() or recv(), gets ECONNRESET.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "accept() never returns this connection.");
	return true;
}

static bool match(struct tw_match *m)
{
	const bool connect = match_connect(m) || match_ack3(m), mid = !connect && match_mid(m);

	if (!connect && !mid && !match_late(m) && !match_answer(m) && !match_strange(m))
		return false;
	m->confidence =
		connect || (mid && !tw_reset_unprompted(m->facts)) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = mid && from_its_place(m->facts) ? TW_CULPRIT_UNKNOWN : TW_CULPRIT_MIDDLEBOX;
	return true;
}

static const char *const remedies[] = {
	"Find the rule: `nft list ruleset | grep -B2 'reject with tcp reset'` or `iptables-save | "
	"grep "
	"tcp-reset`, first on the server, then on the routers; counters show which rule matches.",
	"Capture on both ends at once (`tcpdump -ni any 'tcp port PORT'`): the segment that draws "
	"the RST does "
	"not reach the server, and the server never sent that RST.",
	"On the server, `nstat -az TcpOutRsts` does not rise for a REJECT, and `ss -tn` shows the "
	"connection still ESTABLISHED.",
	"Allow the flow, and put rules for established connections (`ct state established,related "
	"accept`) "
	"before any reject; reload rule sets atomically (`nft -f`).",
	"Turn on TCP keepalive on the server, so that half-open connections left behind are found.",
	[REMEDY_ENTRY] =
		"If a NAT stands there: was it restarted, was its table flushed (`conntrack -F`, a "
		"firewall or container service that starts anew), or did another box take over "
		"without its state (conntrackd)? Do that when few connections are open.",
	NULL,
};

static const char *const references[] = {
	"net/ipv4/netfilter/nf_reject_ipv4.c: nf_send_reset; net/ipv6/netfilter/nf_reject_ipv6.c: "
	"nf_send_reset6",
	"RFC 9293 s3.5.2 (reset generation)",
	"RFC 3360 s2.1 (inappropriate TCP resets considered harmful)",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "on-connect",
		.about = "a firewall answers the SYN with a reset; over IPv4 like a closed port",
		.variants = "v4 v4-nots",
		.script = "server listen\n"
			  "fault\n"
			  "cable reject rst client syn always\n"
			  "client connect -> ECONNREFUSED within 1s\n"
			  "verdict client firewall-reset|port-closed likely failed\n"
			  "never client clean|syn-unanswered\n",
	},
	{
		.name = "on-connect-v6",
		.about = "over IPv6 its flow label gives netfilter away, where the host writes "
			 "labels",
		.variants = "v6 v6-nots",
		.script = "server listen\n"
			  "server.2 listen port 81\n"
			  "client connect port 81 #2\n"
			  "fault\n"
			  "cable reject rst client syn port 80 always\n"
			  "client connect -> ECONNREFUSED within 1s\n"
			  "verdict both clean clean\n"
			  "verdict client firewall-reset likely failed stream 1\n",
	},
	{
		.name = "other-ttl",
		.about = "a box on the way answers: its reset has not come as far as the host's",
		.variants = "v4",
		.script = "server listen\n"
			  "server.2 listen port 81\n"
			  "client connect port 81 #2\n"
			  "fault\n"
			  "cable reject rst client syn port 80 ttl 62 always\n"
			  "client connect -> ECONNREFUSED within 1s\n"
			  "verdict both clean clean\n"
			  "verdict client firewall-reset likely failed stream 1\n",
	},
	{
		.name = "midway",
		.about = "a firewall answers data in mid-connection with a reset in the server's "
			 "name; over IPv4 as a host that has come back would",
		.variants = "v4",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable reject rst client data always\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "client send 100 -> EPIPE\n"
			  "cable quiet 100ms\n"
			  "state server ESTABLISHED\n"
			  "verdict client firewall-reset|peer-rebooted likely possible failed\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "midway-v6",
		.about = "over IPv6 its flow label gives netfilter away",
		.variants = "v6 v6-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable reject rst client data always\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "cable quiet 100ms\n"
			  "state server ESTABLISHED\n"
			  "verdict client firewall-reset likely failed\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "midway-server",
		.about = "the same for what the server sends",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable reject rst server data always\n"
			  "server send 100\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "server send 100 -> EPIPE\n"
			  "cable quiet 100ms\n"
			  "verdict server "
			  "firewall-reset|peer-rebooted|idle-reset|forged-reset failed\n"
			  "never server clean|certain\n"
			  "verdict client clean clean\n",
	},
	{
		.name = "eaten",
		.about = "the filter also eats the reset by which the client's kernel would answer",
		.variants = "v4",
		.script = "short server tcp_retries2 2\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable reject rst client data\n"
			  "cable drop client tcp always\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "server send 100\n"
			  "server recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "verdict client firewall-reset|peer-rebooted|firewall-dropped likely "
			  "failed\n"
			  "verdict server peer-vanished|firewall-dropped likely possible failed "
			  "unknown\n"
			  "never both clean|certain\n",
	},
	{
		.name = "half-open",
		.about = "the end that was not reset goes on, and is reset by the other's kernel",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable reject rst client data always\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "state server ESTABLISHED\n"
			  "server send 100\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "cable quiet 100ms\n"
			  "verdict client firewall-reset likely failed\n"
			  "verdict server peer-rebooted|firewall-reset likely possible failed\n"
			  "never both clean|certain\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_firewall_reset = {
	.slug = "firewall-reset",
	.stage = TW_STAGE_CONNECT,
	.title = "A firewall answered with a RST",
	.happens = "A packet filter (nftables `reject with tcp reset`, iptables `--reject-with "
		   "tcp-reset`, many "
		   "appliances) takes the segment off the path and answers in the name of its "
		   "destination. The destination "
		   "never sees the segment. To a SYN the answer is RST|ACK, and connect() is "
		   "refused; to a segment of "
		   "a running connection it is a bare RST whose sequence number is the segment's "
		   "own acknowledgement, so "
		   "that the sender's kernel accepts it.\n\n"
		   "In mid-connection only the sender is reset. The other end keeps an ESTABLISHED "
		   "socket: "
		   "half-open. When it sends, the reset end answers with a bare RST of its own, "
		   "which the same filter "
		   "may swallow as well; then the half-open end repeats its data into a stream of "
		   "resets that never "
		   "reach it.",
	.diagram = "client      filter       server\n"
		   "  |===data===>X             |   never arrives\n"
		   "  |<---RST----|             |   in the server's name\n"
		   "  ECONNRESET                |\n"
		   "  |<==data==================|   the server knows nothing\n"
		   "  |----RST--->X             |   half-open, repeats its data\n",
	.client_sees = "On connect: ECONNREFUSED at once, as from a closed port. Later: data that "
		       "had arrived is still "
		       "delivered, then recv() fails with ECONNRESET and send() with EPIPE.",
	.server_sees = "Nothing at all on connect. In mid-connection its recv() goes on waiting; "
		       "if it sends, it gets "
		       "ECONNRESET from the client's answer, or ETIMEDOUT if the filter eats that "
		       "answer too.",
	.recognise =
		"A RST in the form of a kernel without socket, in place of a segment, from an "
		"end that had not closed, "
		"with one of: the alleged author goes on with the connection and never "
		"acknowledges that segment; the "
		"TTL differs from the author's other packets; IPv6 flow label 0, where the "
		"author's other packets have one, or none of them is seen and the hop limit "
		"is not that of Windows. Without any "
		"of these it is the same "
		"packet as that of a closed port or of a rebooted host. If the author does "
		"acknowledge the segment, "
		"the RST came in addition to the traffic: forged-reset. From as far away as an "
		"author that goes on, another host with its address may have written it.",
	.folklore = "\"IP-ID 0 shows a forged RST.\" Linux itself writes 0 on every reset that "
		    "answers a segment without a "
		    "full socket; only the other contradictions count.",
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.scenarios = scenarios,
};
