/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port-closed: nobody listens, the host's kernel refuses.
 *
 *	client                        server host (no listener)
 *	  |----SYN seq=X--------------->|  no socket: tcp_v4_send_reset
 *	  |<---RST|ACK seq=0 ack=X+1----|  window 0, no options, IP-ID 0, DF
 *	  connect: ECONNREFUSED
 *
 * The same packet is written by a REJECT with tcp-reset on that host (netfilter, nf_send_reset):
 * on IPv4 byte for byte. So this is never certain from packets; firewall-reset takes over where
 * TTL or flow label give the filter away.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"

#include <errno.h>

#define UNIX_HOPS                                                                                  \
	64 /* the hop limit with which Linux, BSD and macOS begin, which write labels by default */

/* Flow label 0, as netfilter writes it, of a host that may write labels, as far as is seen, and is not Windows. */
static bool label_unlike_unix(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_FLOW_LABEL, 0) && !tw_known(f, TW_F_HOST_LABELS) &&
	       tw_get(f, TW_F_RST_TTL) <= UNIX_HOPS;
}

static void name_rivals(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_known(f, TW_F_RST_FLOW_LABEL) && tw_get(f, TW_F_RST_FLOW_LABEL) != 0)
		tw_rival(m, "firewall-reset",
			 "the flow label is not 0, as Linux's TCP writes it and netfilter does "
			 "not, but "
			 "other filters may copy that, too; `ss -ltn` on the host decides");
	else if (tw_is(f, TW_F_RST_FLOW_LABEL, 0) && !tw_known(f, TW_F_HOST_LABELS))
		tw_rival(m, "firewall-reset",
			 "its flow label is 0, as netfilter writes it, and the TCP of Linux by "
			 "default does not since 4.3; whether this host writes labels at all, no "
			 "packet here tells");
	else
		tw_rival(m, "firewall-reset",
			 "a REJECT with tcp-reset by the host's own firewall writes the same "
			 "packet; "
			 "`ss -ltn` on the host decides");
	if (tw_get(f, TW_F_RST_COUNT_S) == 1 && tw_is(f, TW_F_RST_FORM, TW_RST_REPLY_NO_ACK))
		tw_rule_out(m, "forged-reset",
			    "there is one RST, it answers the SYN, and it is written as a kernel "
			    "without a "
			    "socket writes it");
	else if (tw_is(f, TW_F_RST_WINDOW_ZERO, 0))
		tw_rival(m, "forged-reset",
			 "its window is not 0, as Linux, BSD and Windows write it: small stacks "
			 "(lwIP) do so, and devices that inject resets");
	tw_rule_out(m, "firewall-rejected", "no ICMP error came for the SYN");
	if (tw_get(f, TW_F_PORT_OPEN_BEFORE) && !tw_get(f, TW_F_PORT_OPEN_AFTER))
		tw_rival(m, "accept-queue-full",
			 "Linux drops a SYN that finds a queue full, but Windows refuses it, and "
			 "the port did accept before");
	else
		tw_rule_out(m, "accept-queue-full",
			    "Linux drops a SYN that finds a queue full, it does not refuse it, "
			    "whatever tcp_abort_on_overflow says");
}

/* Refused, and accepted when the client asked again: Windows tries three times, half a second apart. */
static bool match_at_first(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t took = tw_connect_elapsed_ns(f, TW_F_SYNACK_COUNT);

	if (!tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK) || !tw_get(f, TW_F_ESTABLISHED) ||
	    tw_get(f, TW_F_SYNACK_COUNT) == 0 || tw_get(f, TW_F_SYN_COUNT) < 2 ||
	    tw_get(f, TW_F_SYN_REFUSED_IN_VAIN))
		return false;
	m->strength = TW_STRENGTH_DELAY;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_SERVER_HOST;
	m->summary = tw_say(m,
			    "%s refused the connection at first, and accepted it when the client "
			    "asked again, %s after the first SYN.",
			    m->server, TW_DUR(took > 0 ? took : tw_get(f, TW_F_SYN_SPAN_NS)));
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYN_ANSWER, "RST|ACK that refuses the SYN, %s after it",
		TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK: something listens now");
	if (tw_get(f, TW_F_SYN_ASKED_MORE) & TW_ASKED_ECN)
		tw_rival(m, "firewall-reset",
			 "the SYN that is accepted does not ask for ECN any more: a device, or a "
			 "stack that knows no such flags, may have refused just that (RFC 3360)");
	else
		tw_rival(m, "firewall-reset",
			 "a filter that lets it pass by now refuses the same way");
	tw_rival(m, "forged-reset",
		 "two may answer to one address: a balancer with a dead server behind it, or "
		 "somebody who resets what he reads");
	tw_app_saw(m, TW_CLIENT, "connect", NULL, took > 0 ? took : -1,
		   "Late, but it succeeds: some systems (Windows) ask again after a refusal. On "
		   "Linux connect() fails at the first one, with ECONNREFUSED.");
	return true;
}

/* Windows asks twice more after a refusal, half a second apart; with doubling gaps it is the timer of one that hears nothing. */
static bool unheard(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_COUNT_S) >= 2 && tw_get(f, TW_F_SYN_COUNT) >= 3 &&
	       tw_is(f, TW_F_SYN_LADDER, TW_LADDER_DOUBLING) &&
	       tw_get(f, TW_F_SYN_SPAN_NS) >= 3 * TW_NS_PER_S;
}

static void say_refused(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_SYN_REFUSED_BEHIND))
		m->summary = tw_say(m,
				    "The SYN to %s was translated to another address on its way, "
				    "and nothing listened there: stream %lld is the same SYN "
				    "behind the translation.",
				    m->server, (long long)tw_get(f, TW_F_OTHER_SYN_STREAM));
	else
		m->summary =
			tw_say(m, "Nothing listened on %s: its kernel answered the SYN with a RST.",
			       m->server);
}

/* An older connection's ACK came first, which SYN_SENT does not take; the repeat found it gone, and nobody who listens. */
static bool match_in_the_end(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_syn_alone(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_ACK) ||
	    !tw_get(f, TW_F_SYN_REFUSED_LATER) || tw_get(f, TW_F_SYNACK_COUNT) > 0)
		return false;
	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_HOST;
	m->summary =
		tw_say(m,
		       "Nothing listened on %s: the first SYN drew an ACK that is not meant for "
		       "it, and the next one was refused with a RST.",
		       m->server);
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYN_ANSWER,
		"this ACK does not acknowledge the SYN: it is an older connection's, and ignored");
	tw_cite(m, TW_F_SYN_REFUSED_LATER, "RST|ACK that refuses the SYN");
	tw_rival(m, "firewall-reset",
		 "a REJECT with tcp-reset by the host's own firewall writes the same packet; `ss "
		 "-ltn` on the host decides");
	tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED",
		   tw_connect_elapsed_ns(f, TW_F_SYN_REFUSED_LATER), NULL);
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t after = tw_connect_elapsed_ns(f, TW_F_SYN_ANSWER);

	if (match_at_first(m) || match_in_the_end(m))
		return true;
	if (!tw_syn_alone(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK) ||
	    tw_get(f, TW_F_SYNACK_COUNT) > 0)
		return false;
	if (tw_reset_by_socket(f))
		return false;
	/* Some systems (Windows) try again after the refusal, and fail only then. */
	if (tw_get(f, TW_F_RST_COUNT_S) > 1)
		after = -1;
	m->strength = TW_STRENGTH_MECHANISM;
	/* whoever has no such socket knows no number either */
	m->confidence = tw_is(f, TW_F_SYN_ANSWER_SEQ_ZERO, 0) || label_unlike_unix(f) ? TW_POSSIBLE
										      : TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_HOST;
	say_refused(m);
	tw_cite_syns(m);
	if (tw_is(f, TW_F_SYN_ANSWER_SEQ_ZERO, 0))
		tw_cite(m, TW_F_SYN_ANSWER,
			"RST|ACK that answers the SYN, %s after it; where no socket is its seq "
			"should be 0 (RFC 9293 s3.5.2), and is not",
			TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	else
		tw_cite(m, TW_F_SYN_ANSWER, "RST|ACK that answers the SYN (seq 0, %s), %s after it",
			tw_get(f, TW_F_SYN_PAYLOAD) ? "acknowledges it" : "ack = ISN+1",
			TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	if (tw_get(f, TW_F_PORT_OPEN_BEFORE))
		tw_cite(m, TW_F_PORT_OPEN_BEFORE,
			"earlier in this capture %s accepted connections: the listener has gone "
			"since",
			m->server);
	if (tw_get(f, TW_F_PORT_OPEN_AFTER))
		tw_cite(m, TW_F_PORT_OPEN_AFTER,
			"later in this capture %s accepts connections: the listener came up "
			"afterwards",
			m->server);
	name_rivals(m);
	if (unheard(f)) {
		tw_cite(m, TW_F_SYN_LAST,
			"the client asks on at the pace of its timer: it has heard none of the "
			"refusals");
		tw_missing(m, "What keeps the refusals from the client: a filter on the way back.");
		tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
			   "A refusal that arrives would end connect() at once.");
	} else {
		tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED", after, NULL);
	}
	return true;
}

static const char *const remedies[] = {
	"Run `ss -ltnp 'sport = :PORT'` on the server and start the program that should listen "
	"there.",
	"Compare the listener's address with the one that is dialled: a socket bound to 127.0.0.1 "
	"refuses "
	"everybody else, and one bound to 0.0.0.0 does not serve IPv6.",
	"Check name resolution and port in the client's configuration: the host answers, so it "
	"exists, but it may be "
	"the wrong one.",
	"If `ss` does show a listener, look for a REJECT: `nft list ruleset | grep -i reject`.",
	"Make clients retry with growing, jittered pauses while a service restarts, or let systemd "
	"hold the port "
	"with socket activation.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.5.2 (reset generation, group 1), s3.10.7.1",
	"net/ipv4/tcp_ipv4.c: tcp_v4_rcv (no_tcp_socket), tcp_v4_send_reset",
	"net/ipv4/tcp_input.c: tcp_rcv_synsent_state_process, tcp_reset",
	NULL,
};

/* Live: the client's socket was refused; if the server is here, too, its kernel says why. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool told = tw_live_reset_for(m, TW_KRST_NO_SOCKET) &&
			  (tw_get(f, TW_F_K_RST_ANSWERS) & (TW_SYN | TW_ACK)) == TW_SYN;
	const bool refused =
		tw_live_error(m, ECONNREFUSED) && tw_is(f, TW_F_K_RST_IN_STATE, TW_SOCKET_SYN_SENT);

	if (!told && !refused)
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM, told ? TW_CERTAIN : TW_LIKELY, TW_OUTCOME_FAILED,
		    TW_CULPRIT_SERVER_HOST,
		    tw_say(m, "Nothing listened on %s: its kernel answered the SYN with a RST.",
			   m->server));
	if (told)
		tw_live_cite_reset(m);
	else
		tw_rival(m, "firewall-reset",
			 "a firewall that rejects with a RST looks the same from the client");
	tw_live_cite_got(m);
	tw_live_cite_error(m);
	if (refused)
		tw_live_error_seen(m, "connect");
	else
		tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED", -1, NULL);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "basic",
		.about = "nobody listens",
		.variants = "v4 v6 v4-nots",
		.script = "fault\n"
			  "client connect -> ECONNREFUSED within 1s\n"
			  "verdict both port-closed likely failed\n"
			  "never both clean|syn-unanswered|forged-reset|firewall-reset\n",
	},
	{
		.name = "nonblocking",
		.about = "a non-blocking connect() learns it from poll() and SO_ERROR",
		.variants = "v4 v6",
		.script = "delay 20ms\n"
			  "fault\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS\n"
			  "client poll out -> out+err+hup within 1s\n"
			  "client error -> ECONNREFUSED\n"
			  "verdict both port-closed likely failed\n"
			  "never both clean|syn-unanswered|forged-reset|firewall-reset\n",
	},
	{
		.name = "service-gone",
		.about = "the port worked a moment ago, its process has ended",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "fault\n"
			  "server kill\n"
			  "client connect #2 -> ECONNREFUSED within 1s\n"
			  "verdict both clean clean\n"
			  "verdict both port-closed likely failed stream 1\n"
			  "never both syn-unanswered|forged-reset stream 1\n",
	},
	{
		.name = "fast-open",
		.about = "a client that would send data in its SYN is refused like any other",
		.variants = "v4 v6",
		.script = "set client tcp_fastopen 1\n"
			  "fault\n"
			  "client option TCP_FASTOPEN_CONNECT 1\n"
			  "client connect -> ECONNREFUSED within 1s\n"
			  "verdict both port-closed likely failed\n"
			  "never both clean|syn-unanswered|forged-reset|firewall-reset\n",
	},
	{
		.name = "few-ports",
		.about = "some refused ports are no scan",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "client connect #2 port 81 -> ECONNREFUSED within 1s\n"
			  "client connect #3 port 443 -> ECONNREFUSED within 1s\n"
			  "client connect #4 port 5432 -> ECONNREFUSED within 1s\n"
			  "client connect #5 port 6379 -> ECONNREFUSED within 1s\n"
			  "client connect #6 port 8080 -> ECONNREFUSED within 1s\n"
			  "client connect #7 port 8443 -> ECONNREFUSED within 1s\n"
			  "client connect #8 port 9200 -> ECONNREFUSED within 1s\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n"
			  "verdict both port-closed likely failed stream 1-7\n"
			  "never both port-scan stream 0-7\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	tw_predict_refused(p, m, "ECONNREFUSED");
}

const struct tw_phenomenon tw_ph_port_closed = {
	.slug = "port-closed",
	.stage = TW_STAGE_CONNECT,
	.title = "The port is closed",
	.happens = "The SYN reaches the server's host, and its kernel finds no socket that listens "
		   "on that address and "
		   "port. It answers at once with RST|ACK: sequence number 0, acknowledgement of "
		   "the SYN, window 0, "
		   "no TCP options, IPv4 identification 0. The client's kernel, in SYN_SENT, "
		   "accepts that RST "
		   "because it acknowledges its SYN exactly, and ends connect().\n\n"
		   "Everything up to the server's kernel works: name, route, address and host. "
		   "Only the program is "
		   "missing, or it listens on another address or port.",
	.diagram = "client                        server host\n"
		   "  |----SYN------------------->|  no listener\n"
		   "  |<---RST|ACK ack=ISN+1------|  window 0, no options\n"
		   "  connect: ECONNREFUSED\n",
	.client_sees =
		"connect() fails with ECONNREFUSED after one round trip. With a non-blocking "
		"socket the same errno "
		"comes from getsockopt(SO_ERROR). The kernel does not repeat the SYN by itself.",
	.server_sees = "No program notices anything. The host counts TcpOutRsts (`nstat -az "
		       "TcpOutRsts`), and the "
		       "tracepoint tcp:tcp_send_reset gives the reason NO_SOCKET.",
	.recognise =
		"The first answer to the SYN is a RST|ACK that acknowledges exactly the SYN. "
		"A firewall on the "
		"server that rejects with tcp-reset writes the same packet, on IPv4 byte for "
		"byte, so the "
		"verdict stays likely. It turns into firewall-reset when the TTL of the RST "
		"differs from that of the "
		"host's other packets, or when an IPv6 RST carries flow label 0, as netfilter "
		"writes it, and the host's other packets have labels (or, if none of them is "
		"seen, its hop limit is not that of Windows).\n\n"
		"Some systems (Windows) ask again after a refusal. If the listener has come up "
		"by then, connecting was only late, and the finding is degraded.",
	.folklore = "\"Connection refused means that the server was overloaded.\" A Linux listener "
		    "with full queues drops SYNs in "
		    "silence, also with tcp_abort_on_overflow; the client then sees a timeout, "
		    "never a refusal.",
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
