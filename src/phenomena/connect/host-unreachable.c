/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host-unreachable: somebody on the way knows that the host (or its network) cannot be reached.
 *
 *   the last router's ARP fails                    no route
 *	client        router      (dead)		client        router
 *	  |----SYN------>| who-has?			  |----SYN------>|
 *	  |----SYN------>| who-has?			  |<-ICMP 3/0,1--|  at once
 *	  |----SYN------>| who-has?			  ENETUNREACH, EHOSTUNREACH
 *	  |<-ICMP 3/1----| 3.07 s: one error
 *	  |<-ICMP 3/1----| for each SYN that
 *	  |<-ICMP 3/1----| was waiting
 *	  EHOSTUNREACH
 *
 *   on the client's own LAN: three ARP requests, no SYN at all, EHOSTUNREACH after 3.06 s. That
 *   leaves no TCP packet and so no connection to judge.
 *
 * Only what waited for the neighbour timeout excludes a filter: a REJECT answers each segment at once. The same error from
 * the destination's own address is that of a NAT (a port forward, a container's host) which has lost the host behind it.
 */
#include "base/duration.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/connect/unreachable.h"
#include "phenomena/live.h"
#include "phenomena/silence.h"

#include <errno.h>
#include <string.h>

#define LEAST_TTL 32 /* that any stack begins with */

enum { REMEDY_ROUTES = 1, REMEDY_LOOP = 4, REMEDY_FRAGMENTS };

static bool by_neighbour_failure(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ICMP_BURST) && tw_is(f, TW_F_ICMP_CLASS, TW_ICMP_HOST_UNREACHABLE) &&
	       tw_get(f, TW_F_ICMP_ON_SYN) && !tw_is(f, TW_F_ICMP_TO, TW_SERVER) &&
	       !tw_get(f, TW_F_ICMP_FROM_DESTINATION);
}

/* Not a router's: whoever puts a segment together from its fragments says that some did not come in time. */
static bool by_reassembly(const struct tw_facts *f)
{
	return tw_is(f, TW_F_ICMP_CLASS, TW_ICMP_TIME_EXCEEDED) && tw_is(f, TW_F_ICMP_CODE, 1);
}

/* Who could not do what, up to its object. */
static const char *could_not(const struct tw_facts *f)
{
	if (!by_reassembly(f))
		return "A router could not deliver";
	return tw_get(f, TW_F_ICMP_FROM_DESTINATION) ? "The other end could not reassemble"
						     : "A device on the path could not reassemble";
}

static bool is_ours(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_ICMP_COUNT) == 0)
		return false;
	if (tw_get(f, TW_F_ICMP_FROM_DESTINATION))
		return by_reassembly(f) || tw_icmp_was_held(f);
	switch (tw_get(f, TW_F_ICMP_CLASS)) {
	case TW_ICMP_HOST_UNREACHABLE:
	case TW_ICMP_NET_UNREACHABLE:
		/* The peer speaks: then it is reachable, and firewall-rejected explains it. */
		return tw_get(f, TW_F_PEER_SPOKE_AFTER) == 0 || tw_icmp_was_held(f);
	case TW_ICMP_TIME_EXCEEDED:
	case TW_ICMP_OTHER:
		return true;
	default:
		return false;
	}
}

static void name_rivals(struct tw_match *m, enum tw_icmp_fate fate)
{
	const struct tw_facts *f = m->facts;

	if (tw_icmp_was_held(f)) {
		tw_rule_out(m, "firewall-rejected",
			    "a filter answers each segment at once; this one waited until a search "
			    "for the neighbour had ended");
	} else if (by_neighbour_failure(f)) {
		tw_rule_out(m, "firewall-rejected",
			    "a filter answers each SYN at once, not all of them together after the "
			    "neighbour timeout");
	} else if (!tw_is(f, TW_F_ICMP_CLASS, TW_ICMP_TIME_EXCEEDED)) {
		tw_rival(m, "firewall-rejected",
			 "a router that rejects with this code sends the same packet as one "
			 "without a route; "
			 "the router's rules and routes decide");
	}
	if (fate == TW_ICMP_DATA_LOST || fate == TW_ICMP_FIN_LOST)
		tw_rival(m, "peer-vanished",
			 "the host died or lost its link in mid-connection: this is how a router "
			 "with an empty neighbour entry reports it");
	if (!tw_get(f, TW_F_ICMP_FROM_DESTINATION))
		tw_rule_out(m, "port-closed", "the host itself did not answer");
}

/*
 * A SYN that dies of its age a few hops from here: no stack begins with so little, but traceroute does, to make each
 * router speak. (One that is old when it comes by here, and comes by again, goes round in a loop.)
 */
static bool match_probe(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_is(f, TW_F_ICMP_CLASS, TW_ICMP_TIME_EXCEEDED) || tw_get(f, TW_F_ICMP_CODE) != 0 ||
	    !tw_get(f, TW_F_ICMP_ON_SYN) || !tw_is(f, TW_F_ICMP_TO, TW_CLIENT) ||
	    !tw_syn_alone(f) || tw_get(f, TW_F_SYN_TTL) >= LEAST_TTL ||
	    tw_get(f, TW_F_SECOND_COPIES) > 0 || tw_get(f, TW_F_PACKETS_S) > 0)
		return false;
	m->strength = TW_STRENGTH_EXPLICIT;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_UNKNOWN;
	tw_peer_is(m, TW_SERVER);
	m->remedy = REMEDY_LOOP;
	m->summary = tw_say(m,
			    "The SYN to %s could go only %s from here, and a router said so: "
			    "a traceroute by TCP asks like this, and wants no connection.",
			    m->server, tw_count(m, tw_get(f, TW_F_SYN_TTL), "hop"));
	tw_cite(m, TW_F_SYN_TTL, "SYN with TTL %lld; stacks begin with 32 or more",
		(long long)tw_get(f, TW_F_SYN_TTL));
	tw_icmp_cite(m);
	tw_missing(m, "Whether it was sent so: a capture at its sender.");
	return true;
}

/* The errors came when a search for the neighbour had ended. */
static const char *summary_of_held(struct tw_match *m, enum tw_icmp_fate fate)
{
	const struct tw_facts *f = m->facts;
	const char *target = tw_endpoint(m, tw_other((enum tw_side)tw_get(f, TW_F_ICMP_TO)));
	const char *wait = TW_DUR(tw_get(f, TW_F_ICMP_HELD_NS));

	if (tw_get(f, TW_F_ICMP_FROM_DESTINATION))
		return tw_say(m,
			      "The box at %s (a NAT or port forward) %s the host behind it: nobody "
			      "answered there (ARP or neighbour discovery), and it said host "
			      "unreachable after %s.",
			      target,
			      fate == TW_ICMP_KILLED_CONNECT ? "does not reach" : "has lost", wait);
	return tw_say(m,
		      "A router could no%s deliver to %s: nobody answered there (ARP or neighbour "
		      "discovery), and it said host unreachable after %s.",
		      fate == TW_ICMP_KILLED_CONNECT ? "t" : " longer", target, wait);
}

/* @late: a SYN|ACK came behind the error. */
static const char *summary(struct tw_match *m, enum tw_icmp_fate fate, bool late)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side victim = (enum tw_side)tw_get(f, TW_F_ICMP_TO);
	const char *target = tw_endpoint(m, tw_other(victim));
	const char *at_first = tw_icmp_at_first(m, could_not(f));
	const char *handshake = tw_icmp_in_handshake(m, could_not(f));

	if (late)
		return tw_say(m,
			      "A router answered the SYN to %s with ICMP %s, and so connect() "
			      "failed; the host was there after all, its SYN|ACK came later.",
			      target, tw_icmp_text(m));
	if (by_neighbour_failure(f))
		return tw_say(m,
			      "The host of %s is not there: the last router got no answer from it "
			      "(ARP or neighbour discovery) and said host unreachable after %s.",
			      target, TW_DUR(tw_between_ns(f, TW_F_SYN_COUNT, TW_F_ICMP_COUNT)));
	if (tw_icmp_was_held(f) && (!at_first || tw_get(f, TW_F_ICMP_FROM_DESTINATION)) &&
	    !handshake)
		return summary_of_held(m, fate);
	if (at_first)
		return at_first;
	if (handshake)
		return handshake;
	if (fate == TW_ICMP_KILLED_ANSWER)
		return tw_say(m,
			      "%s the SYN|ACK of %s to %s: ICMP %s. "
			      "The client gets no answer.",
			      could_not(f), tw_endpoint(m, victim), target, tw_icmp_text(m));
	if (by_reassembly(f))
		return tw_say(m, "%s %s %s to %s, as not all fragments came in time: ICMP %s.",
			      could_not(f),
			      fate == TW_ICMP_KILLED_CONNECT ? "the SYN of" : "a segment of",
			      tw_endpoint(m, victim), target, tw_icmp_text(m));
	if (fate == TW_ICMP_KILLED_CONNECT)
		return tw_say(m,
			      "A router could not deliver to %s and answered the SYN with ICMP %s.",
			      target, tw_icmp_text(m));
	return tw_say(m, "A router could no longer deliver to %s, once connected: ICMP %s.", target,
		      tw_icmp_text(m));
}

static unsigned remedy_of(const struct tw_facts *f)
{
	if (tw_is(f, TW_F_ICMP_CLASS, TW_ICMP_TIME_EXCEEDED))
		return by_reassembly(f) ? REMEDY_FRAGMENTS : REMEDY_LOOP;
	return tw_is(f, TW_F_ICMP_CLASS, TW_ICMP_NET_UNREACHABLE) ? REMEDY_ROUTES : 0;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_icmp_fate fate = tw_icmp_fate_of(f);
	enum tw_side victim = (enum tw_side)tw_get(f, TW_F_ICMP_TO);
	const bool late = fate == TW_ICMP_KILLED_CONNECT && tw_get(f, TW_F_SYNACK_COUNT);

	if (!is_ours(f))
		return false;
	if (match_probe(m))
		return true;
	m->strength = fate == TW_ICMP_SURVIVED        ? TW_STRENGTH_DELAY + 1
		      : fate == TW_ICMP_FIN_LOST      ? tw_icmp_fin_strength(f)
		      : fate == TW_ICMP_KILLED_ANSWER ? TW_STRENGTH_MECHANISM + 3
						      : TW_STRENGTH_EXPLICIT;
	tw_peer_is(m, tw_other(victim));
	m->remedy = remedy_of(f);
	m->confidence = by_neighbour_failure(f) ? TW_CERTAIN : TW_LIKELY;
	m->culprit = by_neighbour_failure(f) || tw_icmp_was_held(f) ? tw_host_of(tw_other(victim))
								    : TW_CULPRIT_NETWORK;
	if (late)
		m->confidence = TW_LIKELY;
	m->summary = tw_icmp_of_arrived(m);
	if (!m->summary)
		m->summary = summary(m, fate, late);
	if (late)
		tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK in answer to the SYN, too late");
	tw_icmp_cite(m);
	if (tw_icmp_was_held(f))
		tw_cite(m, TW_F_ICMP_HELD_NS, "an error %s after the very segment that it quotes",
			TW_DUR(tw_get(f, TW_F_ICMP_HELD_NS)));
	if (tw_get(f, TW_F_ICMP_BURST))
		tw_cite(m, TW_F_ICMP_BURST, "the errors for all waiting SYNs come together");
	if (fate == TW_ICMP_DATA_LOST && tw_get(f, TW_F_UNANSWERED_BYTES) > 0)
		tw_cite(m, TW_F_UNANSWERED_BYTES, "%s of %s, unacknowledged to the end",
			tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)), tw_endpoint(m, victim));
	if (fate == TW_ICMP_FIN_LOST)
		tw_icmp_of_fin(m);
	name_rivals(m, fate);
	tw_icmp_apps(m, fate);
	return true;
}

static const char *const remedies[] = {
	"Check that the host is up and has that address: on the last router `ping -c 1 PEER`, then "
	"`ip neigh show to PEER`, which says FAILED or INCOMPLETE where nobody answers for it.",
	[REMEDY_ROUTES] = "Check the routes on the box that sent the error: `ip route get PEER`.",
	"On the client's own LAN, look for unanswered requests: `tcpdump -ni IFACE arp or icmp6`; "
	"there no SYN is sent.",
	"Look for a wrong netmask, a VLAN that is not carried to the port, or an address moved to "
	"another host whose "
	"old entry still sits in a neighbour table (`ip neigh flush dev IFACE`).",
	[REMEDY_LOOP] = "For time exceeded, find the routing loop with `mtr -T -P PORT PEER`.",
	[REMEDY_FRAGMENTS] =
		"For fragment reassembly time exceeded, see at the receiver which fragments come "
		"(`tcpdump -ni any 'ip[6:2] & 0x3fff != 0 or ip6 proto 44'`), and look for filters "
		"that drop the others. TCP needs no fragments where its segments fit the path: "
		"`tracepath -n PEER` tells the MTU.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_retries2",
	  "How long an established connection keeps repeating in spite of the errors. Default 15, "
	  "measured 938.5 s.",
	  TW_GOVERNS_ESTABLISHED },
	{ "net.ipv4.neigh.default.mcast_solicit",
	  "For host unreachable only: how many ARP requests the last router sends before the "
	  "neighbour counts as unreachable. Default 3; over IPv6 "
	  "net.ipv6.neigh.default.mcast_solicit." },
	{ "net.ipv4.neigh.default.retrans_time_ms",
	  "The pause between them. Default 1000 ms: so host unreachable is known after about 3 s; "
	  "over IPv6 net.ipv6.neigh.default.retrans_time_ms." },
	{ "net.ipv4.icmp_ratelimit",
	  "On the router: spacing of the errors. Default 1000 ms, with bursts; over IPv6 "
	  "net.ipv6.icmp.ratelimit." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 1122 s4.2.3.9; RFC 5461 s2.1; RFC 6069 (unreachable errors undo the RTO back-off)",
	"net/core/neighbour.c: neigh_timer_handler, neigh_invalidate; net/ipv4/arp.c: "
	"arp_error_report",
	"net/ipv4/route.c: ipv4_link_failure; net/ipv4/tcp_ipv4.c: tcp_v4_err",
	NULL,
};

/* The repeats ran out, and the route was gone meanwhile: here, or at a router that said so by ICMP. */
static bool match_midway(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	/* This host drops what a neighbour does not answer for; over IPv6 nothing but the errno tells of it. */
	if (tw_live_error(m, EHOSTUNREACH) &&
	    (tw_is(f, TW_F_K_DROP, TW_DROP_CLASS_ROUTE) || tw_is(f, TW_F_IP_VERSION, 6)))
		return false;
	if ((!tw_live_error(m, ENETUNREACH) && !tw_live_error(m, EHOSTUNREACH)) ||
	    tw_get(f, TW_F_K_ORPHAN) || tw_known(f, TW_F_K_RST_IN) ||
	    tw_known(f, TW_F_K_RST_SIDE) || tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_SYN_SENT))
		return false;
	tw_live_say(m, TW_STRENGTH_EXPLICIT, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "An ICMP error came for what was sent: after %s the connection "
			   "ends with %s, not with a timeout.",
			   tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat"),
			   strerrorname_np((int)tw_get(f, TW_F_K_ERROR))));
	tw_live_cite_error(m);
	tw_rival(m, "firewall-rejected", "an ICMP error of a firewall can give the same errno");
	tw_live_error_seen(m, "recv");
	return true;
}

static bool match_live(struct tw_match *m)
{
	const bool dropped = tw_is(m->facts, TW_F_K_DROP, TW_DROP_CLASS_ROUTE);

	if (match_midway(m))
		return true;
	if (!tw_live_connect_error(m, EHOSTUNREACH) && !tw_live_connect_error(m, ENETUNREACH))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM, dropped ? TW_CERTAIN : TW_LIKELY, TW_OUTCOME_FAILED,
		    TW_CULPRIT_UNKNOWN,
		    tw_say(m, "%s cannot be reached: connect() failed with %s%s.", m->server,
			   strerrorname_np((int)tw_get(m->facts, TW_F_K_ERROR)),
			   tw_live_connecting_for(m, " after ", "")));
	tw_live_cite_error(m);
	if (dropped)
		tw_cite(m, TW_F_K_DROP,
			"this host dropped the SYN itself: the next hop does not "
			"answer ARP or neighbour discovery, or there is no route");
	else
		tw_rival(m, "firewall-rejected",
			 "an ICMP error of a firewall can give the same errno");
	tw_live_error_seen(m, "connect");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "dead-on-lan",
		.about = "the host is long dead: ARP or ND stays unanswered and no SYN is sent",
		.variants = "v4 v6",
		.script = "fault\n"
			  "host server vanish\n"
			  "host client neighbour none\n"
			  "client connect -> EHOSTUNREACH after 3s\n",
	},
	{
		.name = "behind-router",
		.about = "the last router does not reach the dead host and says so",
		.variants = "v4 v6",
		.script = "topology router\n"
			  "fault\n"
			  "host server vanish\n"
			  "host router neighbour none\n"
			  "client connect -> EHOSTUNREACH after 3s\n"
			  "verdict client host-unreachable certain likely failed\n"
			  "never client clean|port-closed\n",
	},
	{
		.name = "nonblocking",
		.about = "the same for a non-blocking connect()",
		.variants = "v6",
		.script = "fault\n"
			  "host server vanish\n"
			  "host client neighbour none\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS within 100ms\n"
			  "client poll out -> out+err+hup after 3s\n"
			  "client error -> EHOSTUNREACH\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "connect() asks for the neighbour's address";
	tw_schedule_neighbour(&p->ladder, m);
	tw_predict_stand_until_end(p, "SYN_SENT", NULL);
	if (m->socket.sndtimeo_ns && m->socket.sndtimeo_ns < p->ladder.end.expected_ns)
		tw_predict_saw(p, "connect(), blocking", "EINPROGRESS",
			       tw_moment_at(m->socket.sndtimeo_ns), NULL);
	else
		tw_predict_saw(p, "connect(), blocking", "EHOSTUNREACH", p->ladder.end, NULL);
	tw_predict_saw(p, "connect(), non-blocking", "EINPROGRESS", tw_moment_at(0), NULL);
	tw_predict_saw(p, "poll(), then SO_ERROR", "EHOSTUNREACH", p->ladder.end, NULL);
	p->note = "Behind a router its settings count, not these. A router without a route says so "
		  "at once. For IPv6 the same settings below net.ipv6.neigh count.";
}

const struct tw_phenomenon tw_ph_host_unreachable = {
	.slug = "host-unreachable",
	.stage = TW_STAGE_CONNECT,
	.title = "The host or its network cannot be reached",
	.happens = "The last hop before the server asks for its link-layer address (ARP, or "
		   "neighbour discovery on IPv6) and "
		   "gets no answer: three requests, one second apart. If that last hop is the "
		   "client itself, no SYN ever "
		   "leaves; TCP repeats it internally, and after 3.06 s connect() fails. If it is "
		   "a router, "
		   "the client's SYNs at 0, 1, 2 and 3 s wait there, and at 3.07 s the router "
		   "sends one ICMP host unreachable for each of "
		   "them, all at once.\n\n"
		   "A router without a route answers the first SYN at once with network or host "
		   "unreachable; so does a "
		   "router that is told to reject with that code, and nothing in the packet tells "
		   "the two apart.\n\n"
		   "In mid-connection these errors are soft, and they undo the back-off (RFC "
		   "6069): the data is repeated "
		   "every 0.2 s to 0.8 s for as long as the errors come; 269 repeats in 927 s were "
		   "measured in place of 15.",
	.diagram = "client         router         (dead host)\n"
		   "  |----SYN------->|---who-has?---->\n"
		   "  |----SYN------->|---who-has?---->\n"
		   "  |----SYN------->|---who-has?---->\n"
		   "  |<--ICMP 3/1----|   3.07 s, one for each SYN\n"
		   "  connect: EHOSTUNREACH\n",
	.client_sees = "connect() fails with EHOSTUNREACH after about 3 s, or at once when a "
		       "router has no route; "
		       "ENETUNREACH for network unreachable. On an established connection recv() "
		       "fails with "
		       "EHOSTUNREACH only when the retransmissions are given up, after about 15 "
		       "minutes (927 s measured).",
	.server_sees = "Nothing; it is not there, or not reached.",
	.recognise =
		"ICMP host or network unreachable (or time exceeded) from a router quotes a "
		"segment of the connection. One burst for "
		"several SYNs after the neighbour timeout is certain. A single error at once is "
		"likely: a REJECT "
		"with the same code is its rival. The same error from the destination itself is a "
		"filter's. "
		"An error that quotes a number which its end never sent does not count (RFC 5927). "
		"If the SYN is repeated after the error, the client's kernel took it for soft, as "
		"BSD's do, and connect() ends later. "
		"A client that only waited for an answer draws the errors with its FIN. "
		"On the client's own LAN there is no TCP packet, only three unanswered requests.",
	.folklore = "\"A dead host means a connect timeout.\" Once its neighbour entry is gone it "
		    "is EHOSTUNREACH after 3 s, "
		    "and on the LAN not one SYN is sent. And EHOSTUNREACH does not prove that a "
		    "router said so: a failed "
		    "ARP gives it as well.",
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
