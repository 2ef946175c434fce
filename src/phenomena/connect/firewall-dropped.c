/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * firewall-dropped: a filter discards in silence.
 *
 *   on connect                    in mid-connection, one way
 *	client     filter		client      filter        server
 *	  |---SYN--->X			  |===data===>X             |
 *	  |---SYN--->X			  |===data===>X   (again, and again)
 *	  |---SYN--->X ...		  |<======data==============|  with the old ACK:
 *	  ETIMEDOUT			  |----ACK--->X             |  it lives, but it
 *					  |<======data==============|  never got ours
 *
 * Silence alone shows nothing: a dead host, a full queue and a lost answer are as silent. So this
 * matcher wants a proof of life from the other end: in mid-connection, segments that it sends
 * during the silence and that do not acknowledge what was sent to it; on connect, answers of the
 * same host to others.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/outlived.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#define MIN_REPEATS 3
#define SMALL_BYTES 500 /* fits through any path */

enum { REMEDY_HOST = 1 };

/* Where to look next: at the end that gets nothing. If what it should get was seen there, the filter is on it. */
static void look_at(struct tw_match *m, enum tw_side deaf, bool arrives)
{
	tw_peer_is(m, deaf);
	m->remedy = arrives ? REMEDY_HOST : 0;
}

/* Other reasons why living ends do not acknowledge data. */
static bool otherwise_explained(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ICMP_STANDING) > 0 || tw_get(f, TW_F_SMALL_PASSED_AFTER) ||
	       tw_get(f, TW_F_SEGMENT_SHRUNK) || tw_get(f, TW_F_ACK_WAR) > 0 ||
	       tw_get(f, TW_F_REPEAT_ANSWERED_NOT_ACKED) > 0 || tw_get(f, TW_F_OUT_OF_WINDOW) > 0 ||
	       tw_get(f, TW_F_ZERO_WINDOW_PROBES) > 0 || tw_get(f, TW_F_ONE_SIDED);
}

/*
 * The silent end speaks, and what it says does not acknowledge the repeated data. One such segment
 * after the last repeat may also be the first after an outage; more of them, or one between the
 * repeats, may not.
 */
static bool peer_lives_unreached(const struct tw_facts *f)
{
	int64_t spoke = tw_get(f, TW_F_PEER_SPOKE_AFTER);

	if (spoke == 0)
		return false;
	if (spoke > 1)
		return true;
	return tw_time_of(f, TW_F_PEER_SPOKE_AFTER) <
	       tw_time_of(f, TW_F_UNANSWERED_BYTES) + tw_get(f, TW_F_UNANSWERED_SPAN_NS);
}

/* The resets that end the repeats are as unheard as the data: then one repeat is enough. */
static bool repeated_enough(const struct tw_facts *f)
{
	int64_t repeats = tw_get(f, TW_F_UNANSWERED_REPEATS);

	return repeats >= MIN_REPEATS || (repeats > 0 && tw_get(f, TW_F_PEER_SPOKE_AFTER_RST) &&
					  tw_get(f, TW_F_PEER_SPOKE_AFTER) > 1);
}

/* The frame of the FIN of @side, 0: it has sent none. */
static uint64_t closed_at(const struct tw_facts *f, enum tw_side side)
{
	if (tw_is(f, TW_F_FIN1_SIDE, side))
		return tw_frame_of(f, TW_F_FIN1_SIDE);
	return tw_get(f, TW_F_FIN2_SEEN) ? tw_frame_of(f, TW_F_FIN2_SEEN) : 0;
}

/* What is repeated and dropped is @sender's; the FIN of the other end, which gets nothing, does come through. */
static void tell_applications(struct tw_match *m, enum tw_side sender)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side silent = tw_other(sender);
	const uint64_t closed = closed_at(f, silent);

	if (closed_at(f, sender))
		tw_app_saw(m, sender, NULL, NULL, -1,
			   "It had sent its FIN: after close() nobody is left to notice, and the "
			   "kernel gives up by tcp_orphan_retries; after shutdown(SHUT_WR) recv() "
			   "ends with what the other end sends.");
	else if (closed && tw_get(f, TW_F_FIN1_ACKED))
		tw_app_saw(m, sender, "send", "ETIMEDOUT", -1,
			   "recv() returns 0, for the other end's FIN had come. The data is "
			   "repeated until tcp_retries2 or TCP_USER_TIMEOUT ends it: then send() "
			   "fails.");
	else
		tw_app_saw(m, sender, "recv", "ETIMEDOUT", -1,
			   "The data is repeated until tcp_retries2 or TCP_USER_TIMEOUT ends it; "
			   "send() then fails with EPIPE.");
	/* who closes later has waited until then */
	if (closed && closed < tw_frame_of(f, TW_F_UNANSWERED_BYTES))
		tw_app_saw(m, silent, NULL, NULL, -1,
			   "It had sent its FIN: after close() nobody is left to notice; after "
			   "shutdown(SHUT_WR) recv() waits, and ends with ETIMEDOUT.");
	else
		tw_app_saw(m, silent, "recv", "hang", -1,
			   "It waits for data that never comes; what it sends itself is repeated "
			   "until ETIMEDOUT.");
}

static bool match_mid(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE),
		     silent = tw_other(sender);
	enum tw_vantage near_silent = silent == TW_SERVER ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT;
	enum tw_vantage near_sender = sender == TW_SERVER ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT;
	bool arrives = tw_is(f, TW_F_VANTAGE, near_silent);
	bool at_sender =
		tw_is(f, TW_F_VANTAGE, near_sender) || tw_is(f, TW_F_VANTAGE, TW_VANTAGE_MIDDLE);
	/* nothing of this size had passed before */
	const bool large = tw_get(f, TW_F_UNANSWERED_SMALLEST) > SMALL_BYTES &&
			   tw_get(f, TW_F_UNANSWERED_SMALLEST) > tw_get(f, TW_F_LARGEST_PASSED);

	if (!tw_known(f, TW_F_UNANSWERED_SIDE) || !tw_get(f, TW_F_ESTABLISHED) ||
	    !repeated_enough(f) || !peer_lives_unreached(f) || otherwise_explained(f))
		return false;
	/* At the sender, an outage of one direction is as good a guess: peer-vanished; and size is a better one. */
	m->strength = at_sender || (large && !arrives) ? TW_STRENGTH_MECHANISM + 2
						       : TW_STRENGTH_MECHANISM + 6;
	m->culprit = arrives ? tw_host_of(silent) : TW_CULPRIT_MIDDLEBOX;
	look_at(m, silent, arrives);
	m->summary = tw_say(m,
			    "A filter drops what %s sends in mid-connection: repeated %s, it stays "
			    "unacknowledged while %s is alive and goes on sending.",
			    tw_endpoint(m, sender), tw_times(m, tw_get(f, TW_F_UNANSWERED_REPEATS)),
			    tw_endpoint(m, silent));
	tw_cite(m, TW_F_UNANSWERED_BYTES, "%s of %s, never acknowledged",
		tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)), tw_endpoint(m, sender));
	tw_cite(m, TW_F_UNANSWERED_REPEATS, "%s over %s",
		tw_first_of(m, tw_get(f, TW_F_UNANSWERED_REPEATS), "repeat"),
		TW_DUR(tw_get(f, TW_F_UNANSWERED_SPAN_NS)));
	tw_cite(m, TW_F_PEER_SPOKE_AFTER, "%s still acknowledges only the old data, in %s",
		tw_endpoint(m, silent), tw_count(m, tw_get(f, TW_F_PEER_SPOKE_AFTER), "segment"));
	if (arrives)
		tw_cite(m, TW_F_VANTAGE,
			"the repeats arrive at this host and its TCP ignores them: the filter "
			"is on it");
	tw_rival(m, "peer-vanished", "an outage of the path in one direction only looks the same");
	if (large) {
		tw_rival(m, "pmtu-blackhole", "nothing of this size had passed before");
		/* which does not claim what a capture with holes, or without a start, cannot show */
		if (!arrives && (!tw_silence_proves(f) || tw_is(f, TW_F_START_SEEN, 0)))
			m->confidence = TW_POSSIBLE;
	}
	tw_rule_out(m, "peer-rebooted", "the silent end still has the connection");
	tell_applications(m, sender);
	return true;
}

/*
 * Nor do the FINs of the other end get to @deaf, which it sends when it has waited long enough for the rest of an answer: then
 * the ACKs were not merely late, and nobody gets anything any more.
 */
static bool fins_unheard_too(const struct tw_facts *f, enum tw_side deaf)
{
	return tw_is(f, TW_F_FIN1_SIDE, tw_other(deaf)) && !tw_get(f, TW_F_FIN1_ACKED) &&
	       tw_get(f, TW_F_FIN1_COUNT) >= TW_FINS_IN_VAIN && tw_silence_proves(f) &&
	       tw_waited_since(f) != TW_F__N;
}

static void tell_of_way_back(struct tw_match *m, enum tw_side sender, bool reset, bool dead)
{
	const struct tw_facts *f = m->facts;

	if (reset) {
		tw_reset_unheard_saw(m);
		return;
	}
	tw_app_saw(m, sender, "recv", "hang", -1,
		   dead ? "Its data is repeated until tcp_retries2 or TCP_USER_TIMEOUT ends it."
			: "Its data is repeated until tcp_retries2 or TCP_USER_TIMEOUT ends it, "
			  "unless the last ACK got there.");
	if (dead)
		tw_app_saw(m, tw_other(sender), "recv", "hang",
			   tw_between_ns(f, tw_waited_since(f), TW_F_FIN1_SIDE),
			   "recv() waited for the rest until the application gave up by itself.");
}

/* @there: seen at the end that repeats; @open: the capture does not show that it went on so. */
static void name_rivals_of_way_back(struct tw_match *m, bool there, bool open)
{
	if (there) {
		tw_cite(m, TW_F_VANTAGE,
			"the ACKs arrive at this host and its TCP does not take them: a filter on "
			"it");
		tw_rival(m, "invalid-segment",
			 "ACKs with an old timestamp are refused as silently");
		return;
	}
	tw_rival(m, "desynchronized",
		 "a device that changes the numbers of the ACKs makes them as useless");
	tw_rival(m, "peer-vanished", "an outage of the path in one direction only looks the same");
	if (open)
		tw_rival(m, "reordering", "on a path that takes seconds the ACKs may only be late");
	tw_missing(m, "A capture at the end that repeats: do the ACKs arrive there, and as they "
		      "were sent?");
}

/*
 * Data is acknowledged, and repeated all the same: the ACKs do not get back. Seen where they are written, the
 * last of them may have got there, for that would be the end of the repeats as well; unless a reset is the end. Seen
 * at the end that repeats, they did arrive, and something between the interface and its TCP takes them away.
 */
static bool match_way_back(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_REPEATS_IN_VAIN_SIDE);
	int64_t repeats = tw_get(f, TW_F_REPEATS_IN_VAIN);
	int64_t span_ns = tw_get(f, TW_F_REPEATS_IN_VAIN_SPAN_NS);
	bool there =
		tw_is(f, TW_F_VANTAGE, sender == TW_SERVER ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT);
	const bool reset = tw_reset_unheard(f);
	/* who had its FIN had got all there was */
	const bool closed = closed_at(f, sender) > 0;
	const bool dead = fins_unheard_too(f, sender);

	if (repeats < TW_IN_VAIN || span_ns < TW_IN_VAIN_NS || !tw_get(f, TW_F_ESTABLISHED) ||
	    tw_get(f, TW_F_TRACE_LOSSY) || tw_get(f, TW_F_ICMP_STANDING) > 0 ||
	    (!reset && tw_is(f, TW_F_RST_SIDE, (int64_t)sender) &&
	     tw_time_of(f, TW_F_RST_SIDE) > tw_time_of(f, TW_F_REPEATS_IN_VAIN_SPAN_NS)))
		return false;
	m->strength = reset    ? TW_STRENGTH_MECHANISM + 5
		      : closed ? TW_STRENGTH_DELAY + 1
			       : TW_STRENGTH_STALL;
	m->confidence = there || reset || dead ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = closed                                                 ? TW_OUTCOME_DEGRADED
		     : reset || dead || (there && span_ns >= TW_FINAL_5_NS) ? TW_OUTCOME_FAILED
									    : TW_OUTCOME_UNKNOWN;
	m->culprit = there ? tw_host_of(sender) : TW_CULPRIT_NETWORK;
	look_at(m, sender, there);
	m->summary = tw_say(m,
			    "%s repeats what %s has acknowledged, %lld times over %s and to the "
			    "last%s: the ACKs do not get through to it.",
			    tw_endpoint(m, sender), tw_endpoint(m, tw_other(sender)),
			    (long long)repeats, TW_DUR(span_ns), reset ? ", and gives up" : "");
	tw_cite(m, TW_F_REPEATS_IN_VAIN,
		"the first of %lld repeats of data that was acknowledged before, as seen here",
		(long long)repeats);
	if (reset) {
		tw_reset_cite(m);
		tw_rival(m, "linger-reset",
			 "on Linux only the application ends it so (SO_LINGER {1,0}), here while "
			 "it heard nothing of what it had sent");
	}
	if (dead)
		tw_cite(m, TW_F_FIN1_COUNT, "the last of %s of %s: these are not heard either",
			tw_count(m, tw_get(f, TW_F_FIN1_COUNT), "FIN"),
			tw_side_name(tw_other(sender)));
	tell_of_way_back(m, sender, reset, dead);
	name_rivals_of_way_back(m, there, !reset && !dead);
	return true;
}

/* The host is there, this port never answered anybody: neither death nor a closed port. */
static bool match_connect(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_syn_alone(f) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_NONE) ||
	    tw_get(f, TW_F_PACKETS_S) > 0 || !tw_get(f, TW_F_HOST_ANSWERS) || !tw_syn_repeated(f) ||
	    tw_get(f, TW_F_TRACE_LOSSY) || tw_syn_watched_ns(f) < 3 * TW_TCP_TIMEOUT_INIT_NS)
		return false;
	if (tw_get(f, TW_F_PORT_OPEN_BEFORE) || tw_get(f, TW_F_PORT_OPEN_DURING) ||
	    tw_get(f, TW_F_PORT_OPEN_AFTER) || tw_get(f, TW_F_PORT_SYNACKS_UNACKED) > 0 ||
	    tw_get(f, TW_F_PORT_REFUSED_BEFORE) || tw_get(f, TW_F_PORT_REFUSED_AFTER))
		return false;
	m->strength = TW_STRENGTH_ENDING + 1;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	look_at(m, TW_SERVER, false);
	m->summary = tw_say(m,
			    "A filter drops the SYNs to %s: its host answers others meanwhile, and "
			    "would refuse "
			    "a closed port with a RST.",
			    m->server);
	tw_cite_syns(m);
	tw_cite(m, TW_F_HOST_ANSWERS, "the same host answers other connections meanwhile");
	tw_rival(m, "syn-queue-full",
		 "a listener whose SYN queue is full drops as silently; `nstat -az "
		 "TcpExtListenDrops` on the server decides");
	tw_rival(m, "accept-queue-full",
		 "so does one whose accept queue is full; `ss -ltn` shows Recv-Q above Send-Q");
	if (!tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER))
		tw_rival(m, "syn-ack-lost",
			 "the SYNs may arrive and the answers be lost on the way back");
	tw_rule_out(m, "port-closed", "a closed port of a living host is refused by RST");
	tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
		   "connect() hangs until the SYN repeats are spent, or until the application's "
		   "own timeout.");
	return true;
}

static bool match(struct tw_match *m)
{
	m->confidence = TW_LIKELY;
	if (!match_mid(m) && !match_connect(m))
		return match_way_back(m);
	m->outcome = TW_OUTCOME_FAILED;
	return true;
}

static const char *const remedies[] = {
	"Capture on `PEER`, the end that gets nothing, at the same time: `tcpdump -ni any 'host "
	"CLIENT and port PORT'`. If the segments arrive there and change nothing, the filter is on "
	"that host; if they do not arrive, it is on the path.",
	[REMEDY_HOST] = "On the host, watch drops with their reason: `nft list ruleset` "
			"(counters), `dropwatch -l kas`, or `perf trace -e skb:kfree_skb` (reason "
			"NETFILTER_DROP).",
	"If it is on connect, exclude a full queue, too: `ss -ltn 'sport = :PORT'` and `nstat -az "
	"TcpExtListenOverflows "
	"TcpExtListenDrops`.",
	"Find the hop on the path with `mtr -T -P PORT SERVER`, from both ends: the way back is "
	"often another one.",
	"Prefer reject to drop inside your own network: clients then fail in one round trip, not "
	"in two minutes.",
	NULL,
};

static const struct tw_governed governed[] = {
	TW_GOVERNED_SYN_REPEATS(TW_GOVERNS_CONNECTING),
	{ "net.ipv4.tcp_retries2",
	  "How long an established connection keeps repeating. Default 15, measured 938.5 s.",
	  TW_GOVERNS_ESTABLISHED },
	{ "TCP_USER_TIMEOUT",
	  "Socket option, in ms: the same for one socket. Default 0: tcp_retries2 decides.",
	  TW_GOVERNS_ESTABLISHED },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 2979 (behavior of and requirements for firewalls); RFC 9293 s3.8.3 (R1, R2)",
	"net/netfilter/core.c: nf_hook_slow (NF_DROP, reason SKB_DROP_REASON_NETFILTER_DROP)",
	NULL,
};

/* Live: this host's own filter, caught in the act. */
static bool match_live(struct tw_match *m)
{
	if (!tw_is(m->facts, TW_F_K_DROP, TW_DROP_CLASS_FILTER))
		return false;
	tw_live_say(
		m, TW_STRENGTH_EXPLICIT, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		tw_say(m,
		       "A filter on this host drops packets of the connection between %s and %s.",
		       m->client, m->server));
	m->remedy = REMEDY_HOST;
	tw_cite(m, TW_F_K_DROP,
		"the kernel dropped a segment: netfilter, a BPF program, reverse path "
		"filter or security module");
	tw_live_cite_error(m);
	tw_rule_out(m, "syn-unanswered", "the drop itself was seen");
	tw_live_error_seen(m, tw_is(m->facts, TW_F_K_ERROR_STATE, 2) ? "connect" : "send");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "on-path",
		.about = "SYNs to one port vanish, another port of the same host answers",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "server listen\n"
			  "server.2 listen port 81\n"
			  "client connect port 81 #2\n"
			  "fault\n"
			  "cable drop client tcp port 80 always\n"
			  "client connect -> ETIMEDOUT after 3s full 134s\n"
			  "verdict both clean clean\n"
			  "verdict client syn-unanswered|firewall-dropped likely possible "
			  "failed unknown stream 1\n"
			  "never client port-closed|host-unreachable|certain stream 1\n",
	},
	{
		.name = "one-way",
		.about = "what the client sends vanishes in mid-connection, the server goes on "
			 "sending",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 2\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable drop client data always\n"
			  "client send 100\n"
			  "server send 1000\n"
			  "client recv 1000\n"
			  "server send 1000\n"
			  "client recv 1000\n"
			  "client recv -> ETIMEDOUT after 1s..6s\n"
			  "verdict client firewall-dropped likely failed\n"
			  "never client clean|certain\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "one-way-to-the-end",
		.about = "the same to the end: the client's resets vanish, too, and the server "
			 "repeats until it gives up",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 1\n"
			  "short server tcp_retries2 3\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable drop client tcp always\n"
			  "client send 100\n"
			  "# later than the client, or the last repeats of both cross\n"
			  "cable wait client data #3 within 2s\n"
			  "server send 1000\n"
			  "client recv 1000\n"
			  "client recv -> ETIMEDOUT after 300ms..4s\n"
			  "client recv -> EOF\n"
			  "client send 100 -> EPIPE\n"
			  "cable wait client rst within 9s\n"
			  "server recv -> ETIMEDOUT within 20s\n"
			  "verdict client firewall-dropped|peer-vanished likely failed\n"
			  "verdict server peer-vanished|firewall-dropped likely possible "
			  "failed unknown\n"
			  "never both clean|certain\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_firewall_dropped = {
	.slug = "firewall-dropped",
	.stage = TW_STAGE_CONNECT,
	.title = "A firewall drops in silence",
	.happens = "A filter discards the segments and tells nobody. On connect the SYN and its "
		   "repeats stay unanswered. In "
		   "mid-connection, for example after a rule set was reloaded or a "
		   "connection-tracking entry was "
		   "lost, the sender repeats with doubling gaps until it gives up.\n\n"
		   "Often only one direction is filtered. Then the other end is alive and says so: "
		   "its own data, keepalive "
		   "probes and repeats still arrive, and all of them acknowledge only what it had "
		   "received before. When the "
		   "sender has given up, its kernel answers them with bare resets, which die at "
		   "the same filter, and the half-open "
		   "end goes on repeating.",
	.diagram = "client      filter         server\n"
		   "  |===data===>X               |\n"
		   "  |===data===>X               |   again, with doubling gaps\n"
		   "  |<=====data=================|   alive, acknowledges\n"
		   "  |----RST--->X               |   only what was before\n"
		   "  |<=====data=================|   and never hears the RST\n",
	.client_sees = "On connect: a hang, then ETIMEDOUT (about 134 s with Linux's defaults). In "
		       "mid-connection: send() "
		       "succeeds until the buffer is full, recv() waits; after tcp_retries2 "
		       "ETIMEDOUT, then EPIPE.",
	.server_sees = "On connect nothing: accept() has nobody to return. In mid-connection "
		       "recv() waits; its own data is "
		       "repeated unanswered until ETIMEDOUT.",
	.recognise = "In mid-connection: at least three unanswered repeats, and segments of the "
		     "silent end in that time that do not "
		     "acknowledge them. In a capture taken at that end the repeats can be seen to "
		     "arrive and be ignored. On "
		     "connect: the host answers others, this port answers nobody. Without such a "
		     "proof of life the verdict is "
		     "syn-unanswered or peer-vanished, with this as rival.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
