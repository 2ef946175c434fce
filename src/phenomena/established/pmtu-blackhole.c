/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small packets pass, full-size ones vanish, and the ICMP error that should say so does not come.
 *
 * Theory: size decides, and nothing else does. So the proof is that full-size repeats stayed
 * unanswered while smaller ones passed: a short segment behind the hole is SACKed, or the sender
 * cuts its segments (tcp_mtu_probing) and they pass at once. Limits: if even the short last
 * segment was larger than the path's MTU, only ACKs show that the path is alive, and it is told as
 * peer-vanished with this as rival. At the receiver no repeat shows, only the hole that is as large as
 * they are, and that a sender whose smaller segments come does not fill it in seconds (facts/missing.c).
 *
 *    sender                    router (MTU 1400)                receiver
 *      |---------------- handshake, small requests ------------>|
 *      |------- 1448 bytes ------->X  DF set, too big           |
 *      |-------  552 bytes ------------------------------------>|
 *      |<------------------ ACK, SACK of the 552 ---------------|
 *      |  0.2 s  1448 again ------>X  and the ICMP error        |
 *      |  0.6 s  1448 again ------>X  "fragmentation needed"    |
 *      |  1.5 s  1448 again ------>X  is filtered on its way    |
 *      |  tcp_mtu_probing=1: from the 4th repeat on 1024 bytes  |
 *      |-------  1024 bytes ----------------------------------->|
 *      |<-------------------------- ACK ------------------------|
 */
#include "phenomena/live.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include <errno.h>
#include <inttypes.h>

#define FULL_MIN 1000 /* no path has a smaller MTU (RFC 8200 s5: 1280), but by design */
#define LARGE_MIN                                                                                  \
	1461       /* one packet of so much needs more than Ethernet's MTU of 1500 all the way */
#define IN_A_ROW 3 /* so many full-size repeats are lost before chance stops to be an explanation */

/* Segmentation offload shows several segments as one: no more than the MSS is on the wire. */
static int64_t on_wire(const struct tw_facts *f, enum tw_side sender, enum tw_fact_id bytes)
{
	int64_t mss = tw_get(f, sender == TW_CLIENT ? TW_F_MSS_C : TW_F_MSS_S),
		n = tw_get(f, bytes);

	return mss > 0 && n > mss ? mss : n;
}

/* The error came and was heeded: that is path MTU discovery at work, not a black hole. */
static bool icmp_came(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ICMP_TOO_BIG) > 0 && tw_get(f, TW_F_SEGMENT_SHRUNK);
}

/*
 * Linux cuts its segments after tcp_retries1 repeats whatever they were lost for. Where as large ones pass at other times,
 * or small ones were lost as well, and nothing smaller passed meanwhile, it was an outage, which was over by then.
 */
static bool cut_in_outage(const struct tw_facts *f)
{
	return (tw_get(f, TW_F_SHRUNK_FULL_PASSED) || tw_get(f, TW_F_SHRUNK_SMALL_LOST)) &&
	       !tw_get(f, TW_F_SHRUNK_SMALL_PASSED);
}

static void say_recovered(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t lost_for = tw_between_ns(f, TW_F_FULL_SIZE_LOST_REPEATS, TW_F_SEGMENT_SHRUNK);
	const bool small = tw_get(f, TW_F_SHRUNK_SMALL_PASSED),
		   full = tw_get(f, TW_F_SHRUNK_FULL_PASSED);

	m->confidence = small && !full ? TW_CERTAIN : TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->summary = tw_say(m,
			    "Full-size segments between %s and %s vanish and no ICMP error says "
			    "why; cut to %" PRId64 " bytes they passed at once.",
			    m->client, m->server, tw_get(f, TW_F_SHRUNK_TO));
	tw_cite(m, TW_F_SEGMENT_SHRUNK,
		"cut to %" PRId64 " bytes after %s, the segments pass at once",
		tw_get(f, TW_F_SHRUNK_TO), TW_DUR(lost_for));
	if (small)
		tw_cite(m, TW_F_SHRUNK_SMALL_PASSED,
			"a smaller segment of the same end arrives meanwhile, as this ACK tells");
	if (full)
		tw_rival(m, "loss-recovered",
			 "as large ones pass at other times: a loss, and an outage behind it that "
			 "was over when the sender cut its segments, looks much the same");
	else if (!small)
		tw_rival(m, "loss-recovered",
			 "nothing smaller is seen to pass meanwhile: an outage that was over when "
			 "the sender cut its segments looks the same");
	else
		tw_rule_out(m, "loss-recovered",
			    "%" PRId64
			    " full-size repeats in a row were lost and the first smaller ones "
			    "were not: size decides",
			    tw_get(f, TW_F_FULL_SIZE_LOST_REPEATS));
	tw_rule_out(m, "peer-vanished", "the peer acknowledged the smaller segments");
	tw_app_saw(m, TW_CLIENT, NULL, NULL, lost_for,
		   "A pause while the kernel searched for the size; no error.");
}

/* Did the end that waits for the large segments lose patience? */
static bool given_up(const struct tw_facts *f, enum tw_side sender)
{
	return tw_reset_landed(f) && tw_is(f, TW_F_RST_SIDE, (int64_t)tw_other(sender));
}

static void say_hangs(struct tw_match *m, enum tw_side sender)
{
	const struct tw_facts *f = m->facts;

	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->summary = tw_say(m,
			    "Full-size segments of %s vanish (%s in vain) while its small ones "
			    "reach %s.",
			    tw_endpoint(m, sender),
			    tw_count(m, tw_get(f, TW_F_FULL_SIZE_LOST_REPEATS), "repeat"),
			    tw_endpoint(m, tw_other(sender)));
	tw_cite(m, TW_F_SMALL_PASSED_AFTER,
		"a smaller segment of the same end arrives meanwhile, as this ACK tells");
	tw_cite(m, TW_F_UNANSWERED_REPEATS, "%s over %s without an answer",
		tw_count(m, tw_get(f, TW_F_UNANSWERED_REPEATS), "repeat"),
		TW_DUR(tw_get(f, TW_F_UNANSWERED_SPAN_NS)));
	tw_rival(m, "peer-vanished",
		 "the path may have died after the last small segment had passed");
	tw_rule_out(m, "zero-window-stall", "the receiver's window was open");
	if (given_up(f, sender)) {
		if (tw_get(f, TW_F_UNANSWERED_SPAN_NS) < TW_UNFILLED_NS)
			m->confidence = TW_POSSIBLE;
		tw_cite(m, TW_F_RST_COUNT, "a reset of %s, which waited for the rest in vain",
			tw_side_name(tw_other(sender)));
		tw_app_saw(m, sender, "recv", "ECONNRESET", -1, NULL);
		tw_app_saw(m, tw_other(sender), "recv", "hang", -1,
			   "It waited for data that never came, and gave up.");
		return;
	}
	tw_app_saw(m, sender, tw_waiting_call(tw_get(f, TW_F_UNANSWERED_BYTES)),
		   tw_silence_is_final(f) ? "ETIMEDOUT" : "hang", -1,
		   "By the default tcp_retries2 it ends with ETIMEDOUT after 938 s.");
	tw_app_saw(m, tw_other(sender), "recv", "hang", -1, "It waits for data that never come.");
}

/* Where no handshake tells, large segments that are all of one size are full ones. 0: not known. */
static int64_t full_size(const struct tw_facts *f, enum tw_side sender)
{
	const int64_t mss = tw_get(f, sender == TW_CLIENT ? TW_F_MSS_C : TW_F_MSS_S),
		      n = tw_get(f, TW_F_UNANSWERED_SMALLEST);

	if (mss > 0 || !tw_is(f, TW_F_START_SEEN, 0))
		return mss;
	return n >= FULL_MIN && n == tw_get(f, TW_F_UNANSWERED_LARGEST) ? n : 0;
}

/* Packets larger than Ethernet's, which both hosts could send, and a peer that lives and does not get them. */
static bool only_jumbo(const struct tw_facts *f, enum tw_side sender)
{
	return tw_get(f, TW_F_UNANSWERED_SMALLEST) >= LARGE_MIN &&
	       tw_get(f, TW_F_UNANSWERED_LARGEST) <= full_size(f, sender) &&
	       tw_get(f, TW_F_PEER_SPOKE_AFTER) > 0;
}

/*
 * The first full-size segments that an end ever sends are lost, all of them and again and again, on
 * a path that had carried smaller data the moment before. With so much in flight that the short
 * last segment is not sent yet, this is all that a black hole shows.
 */
static bool only_full_size(const struct tw_facts *f, enum tw_side sender)
{
	int64_t mss = full_size(f, sender);
	int64_t smallest = on_wire(f, sender, TW_F_UNANSWERED_SMALLEST);

	return mss > 0 && (smallest * 10 >= mss * 9 || only_jumbo(f, sender)) &&
	       on_wire(f, sender, TW_F_LARGEST_PASSED) < smallest &&
	       (tw_get(f, TW_F_LARGEST_PASSED) ||
		tw_get(f, sender == TW_CLIENT ? TW_F_BYTES_S : TW_F_BYTES_C)) &&
	       !tw_get(f, TW_F_NEIGHBOUR_UNANSWERED);
}

static void say_suspected(struct tw_match *m, enum tw_side sender)
{
	const struct tw_facts *f = m->facts;
	bool final = tw_silence_is_final(f), alive = tw_get(f, TW_F_PEER_SPOKE_AFTER) > 0;

	/* what the peer goes on sending shows that it lives: then size is the first guess */
	m->strength = alive ? TW_STRENGTH_MECHANISM + 3 : TW_STRENGTH_STALL + 2;
	/* before the start of the capture as large ones may have passed */
	m->confidence = alive && !tw_is(f, TW_F_START_SEEN, 0) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = final ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->summary = tw_say(m,
			    "The first %s segments of %s all vanish (%s over %s), after smaller "
			    "data had passed between the two ends.",
			    only_jumbo(f, sender) ? "large" : "full-size", tw_endpoint(m, sender),
			    tw_count(m, tw_get(f, TW_F_UNANSWERED_REPEATS), "repeat"),
			    TW_DUR(tw_get(f, TW_F_UNANSWERED_SPAN_NS)));
	if (alive)
		tw_cite(m, TW_F_PEER_SPOKE_AFTER,
			"%s lives, and acknowledges only what was smaller",
			tw_endpoint(m, tw_other(sender)));
	tw_rival(m, "peer-vanished",
		 alive ? "an outage of the path in one direction only leaves the same packets"
		       : "a peer or a path that died just then leaves the same packets");
	tw_rival(m, "firewall-dropped", "and so does a filter that drops from then on");
	tw_rule_out(m, "zero-window-stall", "the receiver's window was open");
	tw_app_saw(m, sender, tw_waiting_call(tw_get(f, TW_F_UNANSWERED_BYTES)),
		   final ? "ETIMEDOUT" : "hang", -1,
		   "By the default tcp_retries2 it ends with ETIMEDOUT after 938 s.");
	tw_app_saw(m, tw_other(sender), "recv", "hang", -1, "It waits for data that never come.");
	tw_missing(m, "Whether smaller segments pass meanwhile: `tracepath -n PEER` from the "
		      "sender would tell.");
}

/* A hole of full size in front of the smaller segments that came, and nothing of full size ever came. */
static bool missing_here(const struct tw_facts *f)
{
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_MISSING_SIDE);
	int64_t mss = tw_get(f, sender == TW_CLIENT ? TW_F_MSS_C : TW_F_MSS_S);

	return tw_known(f, TW_F_MISSING_SIDE) && tw_silence_proves(f) && mss > 0 &&
	       tw_get(f, TW_F_MISSING_NS) >= TW_UNFILLED_NS &&
	       tw_get(f, TW_F_MISSING_BYTES) * 10 >= mss * 9 &&
	       tw_get(f, TW_F_MISSING_LARGEST_SEEN) * 10 < mss * 9 &&
	       !tw_get(f, TW_F_ICMP_TOO_BIG) && !tw_window_stays_closed(f);
}

static bool match_at_receiver(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_MISSING_SIDE), receiver;
	bool over;

	if (!missing_here(f))
		return false;
	receiver = tw_other(sender);
	over = tw_is(f, TW_F_FIN1_SIDE, receiver) || tw_is(f, TW_F_RST_SIDE, receiver) ||
	       tw_get(f, TW_F_MISSING_NS) + tw_get(f, TW_F_CAPTURE_GOES_ON_NS) >= TW_FINAL_NS;
	m->strength = TW_STRENGTH_MECHANISM + 5;
	/* where only ACKs come through, all data may be refused, whatever its size */
	m->confidence = tw_get(f, TW_F_MISSING_LARGEST_SEEN) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = over ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_NETWORK;
	tw_peer_is(m, receiver);
	m->summary = tw_say(m,
			    "Full-size segments of %s do not come through to %s: %" PRId64
			    " bytes stay missing, while what is smaller comes.",
			    tw_endpoint(m, sender), tw_endpoint(m, receiver),
			    tw_get(f, TW_F_MISSING_BYTES));
	tw_cite(m, TW_F_MISSING_SIDE,
		"a segment behind a hole of %" PRId64 " bytes; the largest that ever came has "
		"%" PRId64,
		tw_get(f, TW_F_MISSING_BYTES), tw_get(f, TW_F_MISSING_LARGEST_SEEN));
	tw_cite(m, TW_F_MISSING_ACKS, "the ACK stands before the hole");
	tw_cite(m, TW_F_MISSING_NS, "%s later the sender lives, and has not filled it",
		TW_DUR(tw_get(f, TW_F_MISSING_NS)));
	tw_rival(m, "firewall-dropped",
		 "a filter that drops these segments for what they contain leaves the same");
	tw_rule_out(m, "peer-vanished", "its smaller segments go on coming");
	tw_missing(m, "Whether the sender repeats them in full size: a capture at its end.");
	tw_app_saw(m, receiver, "recv", "hang", -1, "It waits for data that never come.");
	tw_app_saw(m, sender, tw_waiting_call(tw_get(f, TW_F_MISSING_BYTES)), "hang", -1,
		   "By the default tcp_retries2 it ends with ETIMEDOUT after 938 s.");
	return true;
}

/*
 * Nothing of it came here, and the client left: the number of the ACK to that tells what the server had sent by then, again and again
 * in so long a time. The ACK, which is small, came through.
 */
static bool match_unseen(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t bytes = tw_get(f, TW_F_SENT_UNSEEN_BYTES),
		      waited = tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_FIN1_SIDE);

	if (bytes < FULL_MIN || !tw_silence_proves(f) || waited < TW_UNFILLED_NS ||
	    tw_get(f, TW_F_ICMP_TOO_BIG))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 4;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_NETWORK;
	tw_peer_is(m, TW_CLIENT);
	m->summary = tw_say(m,
			    "%s had sent %" PRId64 " bytes that never came here, in %s; what is "
			    "smaller came.",
			    m->server, bytes, TW_DUR(waited));
	tw_cite(m, TW_F_REQUEST_UNANSWERED_BYTES, "the last data: %s later the client leaves",
		TW_DUR(waited));
	tw_cite(m, TW_F_SENT_UNSEEN_BYTES,
		"the server's ACK of the client's FIN: its number is %" PRId64
		" bytes beyond what came",
		bytes);
	tw_rival(m, "firewall-dropped",
		 "a filter that drops these segments for what they contain leaves the same");
	tw_rule_out(m, "app-stuck", "the number shows that the server had answered");
	tw_rule_out(m, "peer-vanished", "its ACK of the FIN came");
	tw_missing(m, "Whether the sender repeats them in full size: a capture at its end.");
	tw_app_saw(m, TW_CLIENT, "recv", "hang", waited, "It waited for data that never came.");
	tw_app_saw(m, TW_SERVER, tw_waiting_call(bytes), "hang", -1,
		   "By the default tcp_retries2 it ends with ETIMEDOUT after 938 s.");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool recovered = tw_get(f, TW_F_SEGMENT_SHRUNK) && !cut_in_outage(f);
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE);
	bool small_pass;

	if (match_at_receiver(m) || match_unseen(m))
		return true;
	if (!tw_silence_proves(f) || icmp_came(f) ||
	    tw_get(f, TW_F_FULL_SIZE_LOST_REPEATS) < IN_A_ROW)
		return false;
	if (!recovered && (!tw_silence_lasts(f) || tw_window_stays_closed(f)))
		return false;
	small_pass = tw_get(f, TW_F_SMALL_PASSED_AFTER) &&
		     on_wire(f, sender, TW_F_LARGEST_PASSED) <
			     on_wire(f, sender, TW_F_UNANSWERED_LARGEST);
	if (!recovered && !small_pass && !only_full_size(f, sender))
		return false;
	/* they are seen at the end that waits for them: the path has carried them */
	if (!recovered && given_up(f, sender) &&
	    tw_is(f, TW_F_VANTAGE, sender == TW_CLIENT ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 8; /* it explains the silence, and who then gave up */
	m->culprit = TW_CULPRIT_NETWORK;
	/* whose segments were cut is not known; but an echo is as large as what it answers, so either end will do */
	tw_peer_is(m, tw_known(f, TW_F_UNANSWERED_SIDE) ? tw_other(sender) : TW_SERVER);
	tw_cite(m, TW_F_FULL_SIZE_LOST_REPEATS, "%s, unanswered",
		tw_first_of(m, tw_get(f, TW_F_FULL_SIZE_LOST_REPEATS), "full-size repeat"));
	if (tw_get(f, TW_F_ICMP_TOO_BIG))
		tw_cite(m, TW_F_ICMP_TOO_BIG,
			"an ICMP error states an MTU of %" PRId64
			" bytes, and the sender does not heed it",
			tw_get(f, TW_F_ICMP_TOO_BIG_MTU));
	if (recovered)
		say_recovered(m);
	else if (small_pass)
		say_hangs(m, sender);
	else
		say_suspected(m, sender);
	return true;
}

/* Live: the kernel gave up on what is at least a full segment, while the peer had told that later, smaller ones came. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_live_error(m, ETIMEDOUT) || !tw_get(f, TW_F_K_SACKED) || !tw_get(f, TW_F_K_MSS) ||
	    tw_get(f, TW_F_K_REPEATS) < IN_A_ROW || tw_get(f, TW_F_K_WINDOW_ZERO) ||
	    tw_get(f, TW_F_K_UNACKED) <= tw_get(f, TW_F_K_MSS))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 2, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_NETWORK,
		    tw_say(m,
			   "Full-size segments (%lld bytes) never got through, %s "
			   "included, while what came behind them arrived.",
			   (long long)tw_get(f, TW_F_K_MSS),
			   tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat")));
	tw_cite(m, TW_F_K_SACKED, "acknowledged beyond the hole (SACK): %s",
		tw_count(m, tw_get(f, TW_F_K_SACKED), "segment"));
	tw_live_cite_error(m);
	tw_rival(m, "peer-vanished", "a peer that died right after a loss leaves the same");
	tw_live_error_seen(m, "recv");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_mtu_probing",
	  "0 (the default) never probes, 1 probes once a black hole is suspected, 2 "
	  "always; it also applies to IPv6." },
	{ "net.ipv4.tcp_base_mss",
	  "The segment size to which probing falls back: 1024 bytes by default." },
	{ "net.ipv4.tcp_retries2",
	  "How long it hangs without probing: 15 repeats, 938 s measured." },
	{ "MSS clamping (TCPMSS)",
	  "A router can lower the MSS in passing SYNs so that full-size segments fit "
	  "its smallest link." },
	{ "the filter of ICMP",
	  "IPv4 type 3 code 4 and ICMPv6 type 2 must pass every firewall between the "
	  "ends." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Find the size that passes: `ping -M do -s 1472 PEER`, then smaller (-s 1372, 1272, "
	"...), or `tracepath -n PEER`; the payload that passes plus 28 bytes (IPv6: 48) is the "
	"MTU of the path.",
	"Let the ICMP errors through at every filter: `nft add rule inet filter input icmp "
	"type destination-unreachable accept` and `nft add rule inet filter input icmpv6 type "
	"packet-too-big accept` (also in the forward chain, and in cloud security groups).",
	"On the router in front of the small link clamp the MSS: `nft add rule inet filter "
	"forward tcp flags syn tcp option maxseg size set rt mtu`.",
	"Switch the rescue on at the senders: `sysctl -w net.ipv4.tcp_mtu_probing=1`.",
	"Or set the right MTU where the tunnel is (`ip link set dev IF mtu 1400`), or on the "
	"route (`ip route change ... mtu lock 1400`).",
	NULL,
};

static const char *const references[] = {
	"RFC 2923 s2.1 (black hole detection)",
	"RFC 4821 (packetization layer path MTU discovery)",
	"RFC 1191, RFC 8201",
	"net/ipv4/tcp_timer.c: tcp_mtu_probing",
	"net/ipv4/tcp_ipv4.c: tcp_v4_mtu_reduced",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "no-icmp",
		.about = "full-size segments vanish, small ones pass, no ICMP comes",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 4\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable drop client data larger 1400 always\n"
			  "client send 4000\n"
			  "client recv -> ETIMEDOUT after 3s..20s full 938s\n"
			  "client send 1 -> EPIPE\n"
			  "verdict client pmtu-blackhole|peer-vanished likely failed\n"
			  "verdict server clean|unknown likely possible\n",
	},
	{
		.name = "answer",
		.about = "in the server's direction: the small request passes, the large answer "
			 "does not",
		.variants = "v6",
		.script = "short server tcp_retries2 4\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable drop server data larger 1400 always\n"
			  "server send 4000\n"
			  "server recv -> ETIMEDOUT after 3s..20s full 938s\n"
			  "verdict server pmtu-blackhole|peer-vanished likely possible failed "
			  "unknown\n"
			  "# the small rest of the answer arrives, with a hole before it\n"
			  "verdict client clean|unknown|app-stuck|pmtu-blackhole|peer-vanished "
			  "likely possible\n"
			  "never both certain\n",
	},
	{
		.name = "probing",
		.about = "with tcp_mtu_probing the sender tries smaller segments after three "
			 "timeouts",
		.variants = "v4 v6",
		.script = "set client tcp_mtu_probing 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable drop client data larger 1400 always\n"
			  "client send 4000\n"
			  "server recv 4000 after 2s..8s\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client pmtu-blackhole likely certain degraded\n"
			  "# behind the loss only the smaller repeats show\n"
			  "verdict server loss-recovered|pmtu-blackhole|clean likely certain "
			  "degraded clean\n",
	},
	{
		.name = "router-says",
		.about = "a router between says \"too big\": the sender cuts its segments at once",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "topology router\n"
			  "server-mtu 1400\n"
			  "server listen\n"
			  "cable rewrite mss 1460 server synack\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "client send 20000 &\n"
			  "server recv 20000 within 3s\n"
			  "join client\n"
			  "cable wait any icmp\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean|loss-recovered likely certain clean degraded\n",
	},
	{
		.name = "router-muted",
		.about = "the same, but the router's error is filtered",
		.variants = "v4",
		.script = "short client tcp_retries2 4\n"
			  "topology router\n"
			  "server-mtu 1400\n"
			  "server listen\n"
			  "cable rewrite mss 1460 server synack\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable drop any icmp always\n"
			  "fault\n"
			  "client send 4000\n"
			  "client recv -> ETIMEDOUT after 3s..20s full 938s\n"
			  "verdict client pmtu-blackhole|peer-vanished likely possible failed "
			  "unknown\n"
			  "verdict server clean|unknown likely possible\n"
			  "never both certain\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_pmtu_blackhole = {
	.slug = "pmtu-blackhole",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "Large packets vanish: path MTU black hole",
	.happens = "Linux sends TCP with \"don't fragment\" set. A router whose next link is "
		   "smaller (a tunnel, a VPN, PPPoE, an overlay network) drops the full-size "
		   "packet and answers with ICMP \"fragmentation needed\" (IPv6: \"packet too "
		   "big\"). With that error the sender cuts its segments at once and nobody "
		   "notices anything. If a filter drops the error, the sender knows nothing: it "
		   "repeats the same full-size segment until tcp_retries2 is used up, while the "
		   "handshake, small requests and ACKs pass.\n\n"
		   "With net.ipv4.tcp_mtu_probing = 1 the kernel suspects a black hole after "
		   "three timeouts: from about the fourth repeat (3 s measured) it sends "
		   "segments of tcp_base_mss 1024 bytes, the connection recovers and stays at "
		   "that size.",
	.diagram = " sender                    router (MTU 1400)                receiver\n"
		   "   |---------------- handshake, small requests ------------>|\n"
		   "   |------- 1448 bytes ------->X  DF set, too big           |\n"
		   "   |-------  552 bytes ------------------------------------>|\n"
		   "   |<------------------ ACK, SACK of the 552 ---------------|\n"
		   "   |  0.2 s  1448 again ------>X  and the ICMP error        |\n"
		   "   |  0.6 s  1448 again ------>X  \"fragmentation needed\"    |\n"
		   "   |  1.5 s  1448 again ------>X  is filtered on its way    |\n"
		   "   |  tcp_mtu_probing=1: from the 4th repeat on 1024 bytes  |\n"
		   "   |-------  1024 bytes ----------------------------------->|\n"
		   "   |<-------------------------- ACK ------------------------|\n",
	.client_sees =
		"connect() works, small requests work; the first large request or answer "
		"hangs. The sender gets ETIMEDOUT after about 15 minutes (938 s), or goes on "
		"after about 3 s with tcp_mtu_probing.",
	.server_sees = "If the server is the sender of the large data, it is the server that hangs "
		       "in send() and times out; the client waits in recv(). Typical: the TLS "
		       "handshake stops at the certificate, `git clone` or scp stall, ping works.",
	.recognise =
		"tcpwhy asks for full-size segments that were repeated in vain while smaller "
		"segments of the same end were acknowledged or SACKed, and for no ICMP error that "
		"the sender could have used. If the sender then cut its segments, they passed, and "
		"smaller ones had passed while the large ones were lost, "
		"it is certain: chance would have to lose exactly the large ones, several times in "
		"a row. But Linux cuts them after some repeats whatever they were lost for: where "
		"as "
		"large ones pass at other times, or small ones were lost as well, it is "
		"loss-recovered, unless smaller ones passed "
		"meanwhile. Without a cut it is likely, with loss and a dying path as rivals.\n\n"
		"If nothing small was sent meanwhile, but the first full-size segments of that end "
		"are lost without exception after smaller data had passed between the two, it is "
		"possible, and peer-vanished the rival: a test with both sizes decides.\n\n"
		"At the receiver the repeats do not show. There it is a hole of full size in front "
		"of a smaller segment that came, not filled for 3 s by a sender that lives, in a "
		"connection where nothing of full size ever came from it.",
	.folklore = "\"Ping works, so the path is fine\": ping sends 56 bytes. \"Blocking ICMP "
		    "makes a host safer\": it breaks exactly this.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
