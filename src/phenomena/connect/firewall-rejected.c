/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * firewall-rejected: an ICMP error says that a filter does not want the segment.
 *
 *   on connect                                   in mid-connection
 *	client      filter                            client      filter
 *	  |---SYN---->X                                 |===data====>X
 *	  |<--ICMP----|  prohibited,                    |<--ICMP-----|   soft error only
 *	  connect fails  port unreachable               |===data====>X   repeated to the end,
 *	                                                |<--ICMP-----|   then the ICMP's errno
 *
 * "Port unreachable" for TCP is a filter too: no TCP stack sends it, it refuses by RST. Host or
 * network unreachable from the destination itself cannot be true of a host that speaks, so it is a
 * filter, or a NAT in front of a dead host. Code 0 or 1 from a router is host-unreachable's,
 * except when the peer proves to be alive.
 */
#include "phenomena/connect/unreachable.h"
#include "phenomena/live.h"

#include <errno.h>
#include <string.h>

enum { REMEDY_ESTABLISHED = 3, REMEDY_HANDSHAKE };

/* Why the error is (or may be) a filter's. */
enum kind {
	NOT_OURS,
	SAYS_SO,      /* the code itself says "filter" */
	NOT_FROM_TCP, /* protocol unreachable for TCP */
	FROM_HOST,    /* "unreachable" by the host that should be unreachable */
	PEER_LIVES,   /* "unreachable" by a router, while the peer goes on sending */
};

static enum kind kind_of(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_ICMP_COUNT) == 0)
		return NOT_OURS;
	switch (tw_get(f, TW_F_ICMP_CLASS)) {
	case TW_ICMP_PROHIBITED:
	case TW_ICMP_PORT_UNREACHABLE:
		return SAYS_SO;
	case TW_ICMP_PROTOCOL_UNREACHABLE:
		return NOT_FROM_TCP;
	case TW_ICMP_HOST_UNREACHABLE:
	case TW_ICMP_NET_UNREACHABLE:
		if (tw_icmp_was_held(f))
			return NOT_OURS;
		if (tw_get(f, TW_F_ICMP_FROM_DESTINATION))
			return FROM_HOST;
		return tw_get(f, TW_F_PEER_SPOKE_AFTER) > 0 ? PEER_LIVES : NOT_OURS;
	default:
		return NOT_OURS;
	}
}

static void reason(struct tw_match *m, enum kind kind)
{
	switch (kind) {
	case SAYS_SO:
		tw_rule_out(m, "host-unreachable",
			    "the code names a filter's decision, not a missing host");
		break;
	case NOT_FROM_TCP:
		tw_rival(m, "host-unreachable",
			 "a host without any TCP could say so; a device with a partial stack "
			 "behind that "
			 "address is thinkable");
		break;
	case FROM_HOST:
		tw_cite(m, TW_F_ICMP_FROM_DESTINATION,
			"the error comes from the destination's own address: that host is alive");
		tw_rival(m, "host-unreachable",
			 "a NAT that owns the address and has lost the host behind it says the "
			 "same");
		break;
	case PEER_LIVES:
		tw_cite(m, TW_F_PEER_SPOKE_AFTER,
			"the \"unreachable\" end goes on sending: only this direction is refused");
		tw_rival(m, "host-unreachable",
			 "a router that has lost its route in one direction only says the "
			 "same");
		break;
	case NOT_OURS:
		break;
	}
	tw_rule_out(m, "port-closed", "a closed port is refused by RST, not by ICMP");
}

static const char *summary(struct tw_match *m, enum tw_icmp_fate fate)
{
	const char *at_first = tw_icmp_at_first(m, "A filter refused");
	const char *handshake = tw_icmp_in_handshake(m, "A filter refused");

	if (at_first)
		return at_first;
	if (handshake)
		return handshake;
	if (fate == TW_ICMP_KILLED_CONNECT)
		return tw_say(
			m,
			"A filter refused the connection to %s: it answered the SYN with ICMP %s.",
			m->server, tw_icmp_text(m));
	if (fate == TW_ICMP_KILLED_ANSWER)
		return tw_say(m,
			      "A filter refused the SYN|ACK of %s with ICMP %s: the client gets no "
			      "answer.",
			      m->server, tw_icmp_text(m));
	return tw_say(m, "A filter refused segments of %s, once connected, with ICMP %s.",
		      tw_endpoint(m, (enum tw_side)tw_get(m->facts, TW_F_ICMP_TO)),
		      tw_icmp_text(m));
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum kind kind = kind_of(f);
	enum tw_icmp_fate fate = tw_icmp_fate_of(f);
	enum tw_side victim = (enum tw_side)tw_get(f, TW_F_ICMP_TO);

	if (kind == NOT_OURS)
		return false;
	m->strength = fate == TW_ICMP_SURVIVED        ? TW_STRENGTH_DELAY + 2
		      : fate == TW_ICMP_FIN_LOST      ? tw_icmp_fin_strength(f) + 1
		      : fate == TW_ICMP_KILLED_ANSWER ? TW_STRENGTH_MECHANISM + 4
						      : TW_STRENGTH_EXPLICIT;
	m->confidence = kind == SAYS_SO && tw_known(f, TW_F_ICMP_DELAY_NS) ? TW_CERTAIN : TW_LIKELY;
	m->culprit = tw_get(f, TW_F_ICMP_FROM_DESTINATION) ? tw_host_of(tw_other(victim))
							   : TW_CULPRIT_MIDDLEBOX;
	m->summary = tw_icmp_of_arrived(m);
	if (!m->summary)
		m->summary = summary(m, fate);
	if (fate >= TW_ICMP_KILLED_HANDSHAKE && !tw_get(f, TW_F_ICMP_ON_SYN))
		m->remedy =
			fate == TW_ICMP_KILLED_HANDSHAKE ? REMEDY_HANDSHAKE : REMEDY_ESTABLISHED;
	tw_icmp_cite(m);
	if (!tw_known(f, TW_F_ICMP_DELAY_NS))
		tw_missing(m, "The segment that the error quotes: it is not in the capture, and a "
			      "forged error quotes what was never sent.");
	if (fate == TW_ICMP_DATA_LOST && tw_get(f, TW_F_UNANSWERED_BYTES) > 0)
		tw_cite(m, TW_F_UNANSWERED_BYTES, "%s of %s, unacknowledged to the end, through %s",
			tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)), tw_endpoint(m, victim),
			tw_count(m, tw_get(f, TW_F_UNANSWERED_REPEATS), "repeat"));
	if (fate == TW_ICMP_FIN_LOST)
		tw_icmp_of_fin(m);
	reason(m, kind);
	if (fate == TW_ICMP_KILLED_CONNECT && tw_get(f, TW_F_SYN_COUNT) == 1 &&
	    tw_get(f, TW_F_SYNACK_COUNT)) {
		tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK in answer to the same SYN all the same");
		tw_rival(m, "injected-segment",
			 "the SYN arrived and was accepted: the error came in addition, and may be "
			 "forged");
	}
	tw_icmp_apps(m, fate);
	return true;
}

static const char *const remedies[] = {
	"Look at the source address of the ICMP error (`tcpdump -ni any icmp or icmp6`): that box "
	"owns the rule.",
	"List its rules with counters (`nft list ruleset`, `iptables -L -nv`) and allow the flow, "
	"if it should pass.",
	"If the service should be closed to this client, nothing is broken: correct the client's "
	"configuration.",
	[REMEDY_ESTABLISHED] = "In mid-connection, put `ct state established,related accept` "
			       "before the reject, and do "
			       "not flush "
			       "connection tracking (`conntrack -F`) on a running router.",
	[REMEDY_HANDSHAKE] = "If it lets the SYN pass and refuses what follows, look whether both "
			     "ways lead through it "
			     "(`ip route get CLIENT` on the server, `traceroute -T -p PORT SERVER` "
			     "on the client).",
	"Set TCP_USER_TIMEOUT (for example 30000 ms) on the sender, so that it does not repeat for "
	"15 minutes "
	"into a filter that says no each time.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_retries2",
	  "How long an established connection keeps repeating in spite of "
	  "the errors. Default 15, measured "
	  "938.5 s.",
	  TW_GOVERNS_ESTABLISHED },
	{ "IP_RECVERR",
	  "Socket option: the first ICMP error ends the next call at once "
	  "(EHOSTUNREACH measured after "
	  "0.2 s); the connection itself stays. Default off.",
	  TW_GOVERNS_ESTABLISHED },
	{ "net.ipv4.icmp_ratelimit", "On the rejecting box: at most one error per destination in "
				     "this many ms, with bursts. Default 1000; "
				     "so not every segment draws an error. Over IPv6 "
				     "net.ipv6.icmp.ratelimit." },
	{ "net.ipv4.tcp_synack_retries",
	  "Where the SYN|ACK is refused, or the ACK of it: how often the server repeats it. "
	  "Default 5.",
	  TW_GOVERNS_CONNECTING },
	{ "net.ipv4.tcp_syn_retries",
	  "How often the client repeats its SYN where no error reaches it; an error that refuses "
	  "the SYN ends connect() at once. Default 6.",
	  TW_GOVERNS_CONNECTING },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 1812 s5.2.7.1 (destination unreachable codes 9, 10, 13); RFC 4443 s3.1",
	"RFC 5461 s2.1, s2.2; RFC 5927 s4.1 (hard and soft errors in TCP); RFC 9293 s3.9.2.2",
	"net/ipv4/tcp_ipv4.c: tcp_v4_err; net/ipv4/icmp.c: icmp_err_convert",
	"net/ipv4/netfilter/nf_reject_ipv4.c: nf_send_unreach",
	NULL,
};

/* Live: refused without a reset, so by an ICMP error. */
/* The repeats ran out, and the socket ends with the error of the ICMP messages that came meanwhile. */
static bool match_midway(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int error = (int)tw_get(f, TW_F_K_ERROR);

	if (!tw_known(f, TW_F_K_ERROR) || tw_known(f, TW_F_K_RST_IN) ||
	    tw_known(f, TW_F_K_RST_SIDE) || tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_SYN_SENT) ||
	    tw_is(f, TW_F_K_DROP, TW_DROP_CLASS_ROUTE))
		return false;
	if (tw_get(f, TW_F_K_ORPHAN) ||
	    (error != ECONNREFUSED && error != EACCES && error != ENOPROTOOPT))
		return false;
	tw_live_say(m, TW_STRENGTH_EXPLICIT, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "An ICMP error came for what was sent (%s): the connection "
			   "ends with %s, not with a timeout.",
			   tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat"),
			   strerrorname_np(error)));
	tw_live_cite_error(m);
	tw_rule_out(m, "host-unreachable", "routers without a route give another errno");
	tw_live_error_seen(m, "recv");
	return true;
}

static bool match_live(struct tw_match *m)
{
	if (match_midway(m))
		return true;
	if (!tw_live_connect_error(m, ECONNREFUSED) && !tw_live_connect_error(m, EACCES) &&
	    !tw_live_connect_error(m, ENOPROTOOPT))
		return false;
	tw_live_say(m, TW_STRENGTH_EXPLICIT, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m, "connect() to %s was refused by an ICMP error, not by a RST.",
			   m->server));
	tw_live_cite_error(m);
	tw_rule_out(m, "port-closed", "the socket got no RST");
	tw_live_error_seen(m, "connect");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "admin-prohibited",
		.about = "an ICMP error says that the filter forbids it",
		.variants = "v4 v4-nots",
		.script = "server listen\n"
			  "fault\n"
			  "cable reject admin-prohibited client syn always\n"
			  "client connect -> EHOSTUNREACH within 1s\n"
			  "verdict client firewall-rejected certain likely failed\n"
			  "never client clean|syn-unanswered\n",
	},
	{
		.name = "admin-prohibited-v6",
		.about = "over IPv6 the same reads EACCES",
		.variants = "v6",
		.script = "server listen\n"
			  "fault\n"
			  "cable reject admin-prohibited client syn always\n"
			  "client connect -> EACCES within 1s\n"
			  "verdict client firewall-rejected certain likely failed\n"
			  "never client clean|syn-unanswered\n",
	},
	{
		.name = "port-unreachable",
		.about = "the default of REJECT: port unreachable",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "cable reject port-unreachable client syn always\n"
			  "client connect -> ECONNREFUSED within 1s\n"
			  "verdict client firewall-rejected certain likely failed\n"
			  "never client clean|syn-unanswered|port-closed\n",
	},
	{
		.name = "midway",
		.about = "in mid-connection an ICMP error is only remembered until the "
			 "retransmissions end",
		.variants = "v4",
		.script = "short client tcp_retries2 3\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable reject admin-prohibited client data always\n"
			  "client send 100\n"
			  "client recv -> EHOSTUNREACH after 2s..9s full 938s\n"
			  "verdict client firewall-rejected certain likely failed unknown "
			  "full certain likely failed\n"
			  "never client clean\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "net-unreachable",
		.about = "net unreachable in the name of the server itself: no router without a "
			 "route says that",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "cable reject net-unreachable client syn always\n"
			  "client connect -> ENETUNREACH within 1s\n"
			  "verdict client firewall-rejected certain likely failed\n"
			  "never client clean|port-closed|host-unreachable\n",
	},
	{
		.name = "protocol-unreachable",
		.about = "the host's firewall claims not to know TCP",
		.variants = "v4",
		.script = "server listen\n"
			  "fault\n"
			  "cable reject protocol-unreachable client syn always\n"
			  "client connect -> ENOPROTOOPT within 1s\n"
			  "verdict client firewall-rejected certain likely failed\n"
			  "never client clean|port-closed|host-unreachable\n",
	},
	{
		.name = "nonblocking",
		.about = "a non-blocking connect() learns it from poll() and SO_ERROR",
		.variants = "v4",
		.script = "delay 20ms\n"
			  "server listen\n"
			  "fault\n"
			  "cable reject admin-prohibited client syn always\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS within 100ms\n"
			  "client poll out -> out+err+hup within 500ms\n"
			  "client error -> EHOSTUNREACH\n"
			  "verdict client firewall-rejected certain likely failed\n"
			  "never client clean|syn-unanswered\n",
	},
	{
		.name = "recverr",
		.about = "with IP_RECVERR the first ICMP error ends recv(); the connection "
			 "lives on",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client option IP_RECVERR 1\n"
			  "fault\n"
			  "cable reject host-unreachable client data\n"
			  "client send 100\n"
			  "client recv -> EHOSTUNREACH within 1s\n"
			  "state client ESTABLISHED\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client firewall-rejected|host-unreachable|loss-recovered "
			  "certain likely possible degraded\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "handshake-ack",
		.about = "a filter refuses the ACK that completes the handshake, as one does that "
			 "saw only one way of it",
		.variants = "v4 v6",
		.script = "short server tcp_synack_retries 1\n"
			  "server listen\n"
			  "fault\n"
			  "cable reject admin-prohibited client ack #1-2\n"
			  "client connect within 1s\n"
			  "state client ESTABLISHED\n"
			  "state server SYN_RECV\n"
			  "cable wait server synack #2\n"
			  "state server CLOSE within 10s\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "cable quiet 100ms\n"
			  "verdict client firewall-rejected certain likely failed\n"
			  "verdict server handshake-ack-lost likely certain failed\n"
			  "never both clean|port-closed|forged-reset\n",
	},
	{
		.name = "passing",
		.about = "one ICMP error in mid-connection, and the repeat gets through: no "
			 "failure",
		.variants = "v4 v6",
		.script = "truth loss-recovered\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable reject port-unreachable client data\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client loss-recovered|firewall-rejected|clean certain "
			  "likely possible degraded clean\n"
			  "verdict server clean clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	tw_predict_refused(p, m, "EHOSTUNREACH");
	p->note = "By the ICMP error's code it is EHOSTUNREACH, ENETUNREACH, ECONNREFUSED (port "
		  "unreachable) or ENOPROTOOPT, on IPv6 EACCES, too. In an established connection "
		  "the "
		  "error is only noted: the repeats go on as in peer-vanished, and it stands in "
		  "place of "
		  "ETIMEDOUT at the end.";
}

const struct tw_phenomenon tw_ph_firewall_rejected = {
	.slug = "firewall-rejected",
	.stage = TW_STAGE_CONNECT,
	.title = "A firewall rejected it by ICMP",
	.happens =
		"A filter discards the segment and says so with an ICMP error that quotes the "
		"segment's first bytes: "
		"administratively prohibited (type 3 code 9, 10, 13; ICMPv6 code 1, 5, 6) or "
		"port unreachable "
		"(what iptables and nftables send by default). A TCP stack never sends port "
		"unreachable: it "
		"refuses by RST. So such an error for a TCP segment is always a filter's.\n\n"
		"In SYN_SENT the error ends connect() at once. On an established connection "
		"Linux only "
		"remembers it: the segment is repeated with the usual back-off, each repeat may "
		"draw "
		"another error, and when the retransmissions are given up the application gets "
		"the remembered errno in "
		"place of ETIMEDOUT.\n\n"
		"A filter that sees only one way of a connection (asymmetric routes) may let the "
		"SYN pass and refuse the ACK that completes the handshake, for it does not know "
		"the connection. Then connect() succeeds and the server has nothing but a "
		"request: it repeats its SYN|ACK, frees it in silence in the end, and answers what "
		"comes later with a RST.",
	.diagram = "client        filter        server\n"
		   "  |----SYN----->X             |\n"
		   "  |<---ICMP-----|             |   type 3 code 13\n"
		   "  connect: EHOSTUNREACH\n",
	.client_sees = "connect() over IPv4: EHOSTUNREACH for host prohibited, communication "
		       "prohibited and host unreachable, "
		       "ENETUNREACH for network unreachable, ECONNREFUSED for port unreachable "
		       "(the same errno as "
		       "a closed port's), ENOPROTOOPT for protocol unreachable. Over IPv6: EACCES "
		       "for prohibited, "
		       "ECONNREFUSED for port unreachable. On an established connection: nothing "
		       "at first, then the same "
		       "errno after the retransmissions (about 938 s with tcp_retries2 = 15); "
		       "ECONNRESET where the handshake's ACK was refused and something comes "
		       "through when the server's request has expired.",
	.server_sees =
		"Nothing: the segment never reaches a socket. An established server side waits on.",
	.recognise = "An ICMP error quotes a segment of this connection. Its code decides: "
		     "prohibited and port unreachable "
		     "are certain. Host or network unreachable sent by the destination itself is "
		     "likely a filter (its "
		     "sender is evidently alive), but a NAT in front of a dead host says the same. "
		     "From a router, codes 0 and "
		     "1 at once are no route or a REJECT, which cannot be told apart: see "
		     "host-unreachable.",
	.folklore = "\"ECONNREFUSED means a RST came.\" ICMP port unreachable gives the same "
		    "errno, and there is no RST in the "
		    "capture at all.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_ICMP_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
