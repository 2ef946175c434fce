/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data and all its repeats stay unanswered to the end: dead host, dead path, or a filter that drops.
 *
 * Theory: retransmission backs off (RFC 6298 s5.5) and ends without a packet, so the end itself is
 * never visible; what is visible is a ladder without answer. Sometimes the dead end lives after
 * all and sends something later: then the bare RST that it draws proves that the repeating kernel
 * had given up. Limits: from one side a dead host, a dead path and a silent filter are the same
 * packets, so never certain; a connection that only receives shows nothing at all.
 *
 *    sender                                                       peer
 *      |------------------------ data ------------------------X    x dead,
 *      |   10 ms on a LAN        last segment again (TLP) ----X    or the
 *      |   0.22 s                data ------------------------X    path is,
 *      |   0.65 s                data ------------------------X    or a
 *      |   1.5 s                 data ------------------------X    filter
 *      :   3.1  6.4  13  26  54  107 s, then every 120 s      :    drops
 *      |   818 s                 the 15th repeat -------------X
 *      |   938 s: ETIMEDOUT; no packet is sent
 */
#include "base/duration.h"
#include "phenomena/live.h"
#include "phenomena/outlived.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"
#include "timers/usual.h"

#include <errno.h>
#include <inttypes.h>

#define SMALL_BYTES          1000 /* passes every path: IPv6 requires 1280 bytes */
#define FULL                 1448 /* a full segment on most paths */
#define IDLE_WORTH_SAYING_NS (10 * TW_NS_PER_S)
#define EARLY_NS             TW_RFC1122_R2_NS /* RFC 1122 s4.2.3.5: R2 should be at least this */

/*
 * The next repeat was due after as long again (twice, with back-off), and never came. Unless ARP
 * holds it back, the sender has given up.
 */
static bool stopped_early(const struct tw_facts *f)
{
	int64_t span = tw_get(f, TW_F_UNANSWERED_SPAN_NS);

	return span < EARLY_NS && tw_get(f, TW_F_CAPTURE_GOES_ON_NS) > 4 * span &&
	       !tw_get(f, TW_F_NEIGHBOUR_UNANSWERED);
}

/* What was sent behind it came through, others as large as well, and its receiver lives. */
static bool only_this_one(const struct tw_facts *f)
{
	if (!tw_get(f, TW_F_UNANSWERED_SACKED))
		return false;
	return (tw_get(f, TW_F_PEER_SPOKE_AFTER) > 0 &&
		tw_get(f, TW_F_LARGEST_PASSED) >= tw_get(f, TW_F_UNANSWERED_SMALLEST)) ||
	       tw_between_ns(f, TW_F_UNANSWERED_REPEATS, TW_F_UNANSWERED_SACKED) >= TW_NS_PER_S / 2;
}

/* Each repeat may draw an ACK, which asks for just that: then it arrives, and is not taken; or other ACKs are answered so. */
static bool refuses(const struct tw_facts *f)
{
	return tw_get(f, TW_F_REPEAT_ANSWERED_NOT_ACKED) > 0 && !tw_get(f, TW_F_PEER_SPOKE_AFTER) &&
	       !only_this_one(f);
}

static void name_rivals(struct tw_match *m, bool final)
{
	const struct tw_facts *f = m->facts;
	int64_t smallest = tw_get(f, TW_F_UNANSWERED_SMALLEST);
	int64_t idle = tw_get(f, TW_F_UNANSWERED_IDLE_BEFORE_NS);
	bool new_size = tw_get(f, TW_F_LARGEST_PASSED) < smallest;

	tw_rival_signed(m);
	if (only_this_one(f))
		tw_rival(m, "invalid-segment",
			 "it alone is missing, what came behind it arrived: a checksum that "
			 "never fits (`nstat -az TcpInCsumErrors` at the receiver) or a filter on "
			 "what it contains refuses it each time");
	if (refuses(f))
		tw_rival(m, "invalid-segment",
			 "what draws an ACK that does not move may arrive and not be acceptable "
			 "there (`nstat -az TcpInCsumErrors TcpExtPAWSEstab` at the receiver)");
	tw_rival(m, "firewall-dropped",
		 "a filter that drops silently from this moment on leaves the same packets; a "
		 "capture at the other end decides");
	if (stopped_early(f))
		tw_rival(m, "user-timeout",
			 "the repeats stop after %s although the capture goes on: "
			 "TCP_USER_TIMEOUT, a small tcp_retries2 or the process itself gave up",
			 TW_DUR(tw_get(f, TW_F_UNANSWERED_SPAN_NS)));
	else if (final)
		tw_rival(m, "user-timeout",
			 "TCP_USER_TIMEOUT would end it earlier than tcp_retries2, and no packet "
			 "marks either end");
	if (idle >= IDLE_WORTH_SAYING_NS)
		tw_rival(m, "idle-blackholed",
			 "the connection had been idle for %s: a device on the path may have "
			 "forgotten it",
			 TW_DUR(idle));
	if (smallest > SMALL_BYTES && (new_size || tw_get(f, TW_F_SMALL_PASSED_AFTER)))
		tw_rival(m, "pmtu-blackhole",
			 "only segments of %" PRId64 " bytes or more were lost, and %s", smallest,
			 new_size ? "none of that size ever passed"
				  : "a smaller one passed meanwhile: the MTU may have fallen");
	else if (smallest > SMALL_BYTES)
		tw_rule_out(m, "pmtu-blackhole", "segments of %" PRId64 " bytes had passed before",
			    tw_get(f, TW_F_LARGEST_PASSED));
	else if (smallest > 0)
		tw_rule_out(m, "pmtu-blackhole", "a segment of only %s stayed unanswered too",
			    tw_bytes(m, smallest));
	if (tw_known(f, TW_F_UNANSWERED_WINDOW) && tw_get(f, TW_F_UNANSWERED_WINDOW) < 2 * FULL &&
	    smallest >= FULL / 2)
		tw_rival(m, "zero-window-stall",
			 "it offered room for only %s more: an end whose buffer is full drops what "
			 "comes, and need not say 0 first",
			 tw_bytes(m, tw_get(f, TW_F_UNANSWERED_WINDOW)));
	else if (!tw_known(f, TW_F_ZERO_WINDOW_SIDE))
		tw_rule_out(m, "zero-window-stall", "the silent end never closed its window");
}

/* Did its host speak to others while the repeats went on? Then it is up, and would answer: they do not reach it. */
static bool host_lives(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ALIVE_ELSEWHERE) &&
	       tw_time_of(f, TW_F_ALIVE_ELSEWHERE) < tw_time_of(f, TW_F_UNANSWERED_SPAN_NS);
}

/* Did the other end speak while the repeats went on? After the last of them, the path may be whole again. */
static bool spoke_meanwhile(const struct tw_facts *f)
{
	return tw_time_of(f, TW_F_PEER_SPOKE_AFTER) < tw_time_of(f, TW_F_UNANSWERED_SPAN_NS);
}

static void say_silent(struct tw_match *m, enum tw_side sender)
{
	const struct tw_facts *f = m->facts;
	const char *me = tw_endpoint(m, sender), *peer = tw_endpoint(m, tw_other(sender));
	int64_t repeats = tw_get(f, TW_F_UNANSWERED_REPEATS);
	int64_t span_ns = tw_get(f, TW_F_UNANSWERED_SPAN_NS);

	if (refuses(f))
		m->summary = tw_say(m,
				    "What %s sent to %s was repeated %" PRId64
				    " times over %s; ACKs come back, and none of them takes it.",
				    me, peer, repeats, TW_DUR(span_ns));
	else if (!tw_get(f, TW_F_PEER_SPOKE_AFTER) && only_this_one(f))
		m->summary = tw_say(m,
				    "What %s sent to %s was repeated %" PRId64
				    " times over %s and never acknowledged, though what was sent "
				    "behind it arrived.",
				    me, peer, repeats, TW_DUR(span_ns));
	else if (!tw_get(f, TW_F_PEER_SPOKE_AFTER))
		m->summary = tw_say(m,
				    "%s went silent in mid-connection: %" PRId64
				    " repeats by %s over %s, no answer.",
				    peer, repeats, me, TW_DUR(span_ns));
	else if (spoke_meanwhile(f))
		m->summary = tw_say(m,
				    "What %s sent to %s was repeated %" PRId64
				    " times over %s and never acknowledged, "
				    "although the other direction still passes.",
				    me, peer, repeats, TW_DUR(span_ns));
	else
		m->summary =
			tw_say(m,
			       "What %s sent to %s was repeated %" PRId64
			       " times over %s; %s spoke again after that, and had got "
			       "%s.",
			       me, peer, repeats, TW_DUR(span_ns), tw_side_name(tw_other(sender)),
			       tw_get(f, TW_F_UNANSWERED_SACKED) ? "only what was sent behind it"
								 : "nothing of it");
}

static void cite_silence(struct tw_match *m, enum tw_side sender)
{
	const char *peer = tw_side_name(tw_other(sender));
	const struct tw_facts *f = m->facts;

	tw_cite(m, TW_F_UNANSWERED_BYTES, "%s of %s, never acknowledged",
		tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)), tw_side_name(sender));
	if (tw_get(f, TW_F_UNANSWERED_SACKED))
		tw_cite(m, TW_F_UNANSWERED_SACKED, "%s of these came through, as this ACK says",
			tw_bytes(m, tw_get(f, TW_F_UNANSWERED_SACKED)));
	tw_cite(m, TW_F_UNANSWERED_REPEATS, "%s over %s, %s",
		tw_first_of(m, tw_get(f, TW_F_UNANSWERED_REPEATS), "repeat"),
		TW_DUR(tw_get(f, TW_F_UNANSWERED_SPAN_NS)),
		refuses(f) ? "none of them acknowledged" : "unanswered");
	if (refuses(f))
		tw_cite(m, TW_F_REPEAT_ANSWERED_NOT_ACKED,
			"an ACK answers a repeat at once, and does not move: %s is alive", peer);
	if (tw_get(f, TW_F_PEER_SPOKE_AFTER))
		tw_cite(m, TW_F_PEER_SPOKE_AFTER,
			"%s speaks without acknowledging it: it is alive, and %s", peer,
			spoke_meanwhile(f) ? "this direction is dead" : "has not got it");
	if (host_lives(f))
		tw_cite(m, TW_F_ALIVE_ELSEWHERE,
			"its address speaks elsewhere while the repeats go on: if that is one "
			"host, it is up");
	if (tw_reset_in_vain(f, tw_other(sender)))
		tw_cite(m, TW_F_RST_IGNORED, "%s had reset it: that was not taken either", peer);
	if (tw_get(f, TW_F_PEER_SPOKE_AFTER_RST))
		tw_cite(m, TW_F_PEER_SPOKE_AFTER_RST,
			"%s answers it with a bare RST: its kernel has given the connection up",
			tw_side_name(sender));
	if (tw_resets_are_unheard(f))
		tw_cite(m, TW_F_RSTS_UNHEARD,
			"%s repeats its own data all the same (such RSTs: %" PRId64
			"): they do not reach it either",
			tw_side_name(tw_other(sender)), tw_get(f, TW_F_RSTS_UNHEARD));
	if (tw_get(f, TW_F_NEIGHBOUR_UNANSWERED) >= tw_usual()->neighbour_asks)
		tw_cite(m, TW_F_NEIGHBOUR_UNANSWERED,
			"%" PRId64 " ARP or ND requests for the next hop are unanswered too",
			tw_get(f, TW_F_NEIGHBOUR_UNANSWERED));
	if (tw_get(f, TW_F_ICMP_STANDING))
		tw_cite(m, TW_F_ICMP_STANDING,
			"an ICMP error, which is only a soft error by now: the repeats go on");
}

/* Without an error, data or an end, the other end's application learns nothing. */
static void tell_peer(struct tw_match *m, enum tw_side peer)
{
	const struct tw_facts *f = m->facts;

	if (tw_reset_in_vain(f, peer))
		tw_app_saw(m, peer, NULL, NULL, -1, "It had ended the connection by its reset.");
	else if (tw_resets_are_unheard(f))
		tw_app_saw(
			m, peer, "recv", "hang", -1,
			"It lives and repeats what it sends: the RSTs do not reach it. ETIMEDOUT "
			"comes when its own kernel gives up.");
	else if (tw_get(f, TW_F_PEER_SPOKE_AFTER_RST) && spoke_meanwhile(f))
		tw_app_saw(
			m, peer, "recv", "hang", -1,
			"It lives, and gets nothing of this direction, most likely not the RST "
			"either. ETIMEDOUT comes when its own kernel gives up; ECONNRESET, if the "
			"RST comes through.");
	else if (tw_get(f, TW_F_PEER_SPOKE_AFTER_RST))
		tw_app_saw(m, peer, "recv", "ECONNRESET", -1,
			   "If it lives and the RST reaches it; if the path is dead both ways it "
			   "sees nothing.");
	else
		tw_app_saw(m, peer, NULL, NULL, -1,
			   host_lives(f)
				   ? "Nothing: no packet tells it that the connection is dead."
				   : "Nothing, if it is alive: no packet tells it that the "
				     "connection is dead.");
}

static const char *when_it_fails(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_PEER_SPOKE_AFTER_RST) || stopped_early(f))
		return "The error came when its kernel gave up; until then calls hang. A process "
		       "that ended by itself saw none.";
	return "The error comes when the kernel gives up (938 s with tcp_retries2 = 15); until "
	       "then calls hang.";
}

static void tell_applications(struct tw_match *m, enum tw_side sender, bool final)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side peer = tw_other(sender);
	bool soft = tw_get(f, TW_F_ICMP_STANDING) ||
		    tw_get(f, TW_F_NEIGHBOUR_UNANSWERED) >= tw_usual()->neighbour_asks;
	bool closed = tw_is(f, TW_F_FIN1_SIDE, sender) ||
		      (tw_is(f, TW_F_FIN1_SIDE, peer) && tw_get(f, TW_F_FIN2_SEEN));

	if (closed)
		tw_app_saw(m, sender, NULL, NULL, -1,
			   "It had sent its FIN: after close() nobody is left to notice, and the "
			   "kernel gives up by tcp_orphan_retries; after shutdown(SHUT_WR) recv() "
			   "waits, and ends with ETIMEDOUT.");
	else if (!final)
		tw_app_saw(m, sender, tw_waiting_call(tw_get(f, TW_F_UNANSWERED_BYTES)), "hang", -1,
			   "Nothing yet: send() succeeds until the buffer is full, recv() waits.");
	else if (tw_is(f, TW_F_FIN1_SIDE, peer) && tw_get(f, TW_F_FIN1_ACKED))
		tw_app_saw(m, sender, "send", soft ? "EHOSTUNREACH" : "ETIMEDOUT", -1,
			   tw_say(m, "recv() returns 0, for the other end's FIN had come. %s",
				  when_it_fails(f)));
	else
		tw_app_saw(m, sender, "recv", soft ? "EHOSTUNREACH" : "ETIMEDOUT", -1,
			   when_it_fails(f));
	tell_peer(m, peer);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE);
	enum tw_side peer = tw_other(sender);
	bool final, reset;

	if (!tw_silence_lasts(f))
		return tw_match_outlived(m) || tw_match_deserted(m) || tw_match_probes(m);
	if (tw_window_stays_closed(f))
		return false;
	reset = tw_reset_gives_up(f);
	final = reset || tw_silence_is_final(f);
	/* A kernel seen to have given up is the end itself; without that it is a hang. */
	m->strength = reset || tw_get(f, TW_F_PEER_SPOKE_AFTER_RST) ? TW_STRENGTH_MECHANISM + 5
								    : TW_STRENGTH_STALL;
	m->confidence = final && !only_this_one(f) && !refuses(f) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = final ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = only_this_one(f)                   ? TW_CULPRIT_UNKNOWN
		     : tw_get(f, TW_F_PEER_SPOKE_AFTER) ? TW_CULPRIT_NETWORK
		     : tw_get(f, TW_F_NEIGHBOUR_UNANSWERED) >= tw_usual()->neighbour_asks
			     ? tw_host_of(peer)
			     : TW_CULPRIT_UNKNOWN;
	tw_peer_is(m, peer);
	say_silent(m, sender);
	cite_silence(m, sender);
	if (reset) {
		tw_reset_cite(m);
		tw_rival(m, "linger-reset",
			 "on Linux only the application ends it so (SO_LINGER {1,0}), here while "
			 "its data stayed unanswered");
	}
	name_rivals(m, final);
	tell_applications(m, sender, final);
	if (!final)
		tw_missing(m, "The capture stops while the sender still repeats: the next repeat "
			      "may be answered.");
	if (tw_get(m->facts, TW_F_UNANSWERED_SPAN_NS) >= EARLY_NS)
		tw_rule_out(m, "loss-recovered", "nothing was ever acknowledged again");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_retries2",
	  "Repeats before the connection is given up: 15 by default (938 s measured); 8 "
	  "repeats take about 100 s, 5 take 13.3 s." },
	{ "TCP_USER_TIMEOUT",
	  "Per socket: milliseconds that data may stay unacknowledged before ETIMEDOUT; "
	  "0 by default, which means tcp_retries2." },
	{ "net.ipv4.tcp_rto_max_ms",
	  "Upper limit of the back-off: 120000 ms by default; a smaller one makes the "
	  "same number of repeats end much sooner." },
	{ "SO_SNDTIMEO",
	  "How long a blocking send() waits for room in the buffer before EAGAIN; it "
	  "does not end the connection. The default is for ever." },
	{ "SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT",
	  "The only way for an end that does not send to notice: off by default, then "
	  "7200 s and 9 probes 75 s apart." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Look from the other side: run `tcpdump -ni any host PEER and port PORT` on the peer "
	"while the repeats go on. If they arrive there, a filter on that host drops them; if "
	"not, the path does.",
	"Test the peer on another port and with `ping` and `ip neigh show PEER`: a host that "
	"answers elsewhere is alive, and a filter or its connection state is to blame.",
	"Compare a small request with a large one, and try `tracepath PEER`: if only large "
	"ones hang, read `tcpwhy explain pmtu-blackhole`.",
	"Limit the damage in the application: set TCP_USER_TIMEOUT (30000 ms is a common "
	"choice) on sockets that send, and SO_KEEPALIVE with a short TCP_KEEPIDLE on those "
	"that wait.",
	"Lower the limit for the whole host only if you know what runs on it: `sysctl -w "
	"net.ipv4.tcp_retries2=8` gives about 100 s, the least that RFC 1122 allows.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.8.3 (R1, R2: at least 100 s)",
	"RFC 6298 s5 (back-off)",
	"RFC 8985 s7 (tail-loss probe)",
	"net/ipv4/tcp_timer.c: tcp_write_timeout, tcp_retransmit_timer",
	NULL,
};

/* Still being repeated: the peer's end may be gone for long while this one is half-open. */
static bool match_unanswered(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	tw_live_say(m, TW_STRENGTH_ENDING, TW_LIKELY, TW_OUTCOME_DEGRADED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "The peer has been silent for %s: %s unacknowledged after "
			   "%s, and the kernel goes on.",
			   TW_DUR(tw_get(f, TW_F_K_QUIET_NS)),
			   tw_bytes(m, tw_get(f, TW_F_K_UNACKED)),
			   tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat")));
	tw_peer_is(m, tw_other((enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE)));
	tw_cite(m, TW_F_K_UNANSWERED_NS, "no byte was acknowledged between the looks, for %s",
		TW_DUR(tw_get(f, TW_F_K_UNANSWERED_NS)));
	tw_rival(m, "idle-blackholed", "a device on the path may have forgotten the connection");
	tw_rival(m, "firewall-dropped", "a filter on the path drops as silently");
	tw_app_saw(m, (enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE), "recv", "hang",
		   tw_get(f, TW_F_K_UNANSWERED_NS),
		   "It waits; ETIMEDOUT comes when the repeats of tcp_retries2 are spent.");
	return true;
}

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int error = (int)tw_get(f, TW_F_K_ERROR);

	if (tw_known(f, TW_F_K_UNANSWERED_NS) && !tw_known(f, TW_F_K_ERROR) &&
	    !tw_known(f, TW_F_K_RST_IN) && !tw_known(f, TW_F_K_RST_SIDE))
		return match_unanswered(m);
	if (!tw_known(f, TW_F_K_ERROR) || tw_get(f, TW_F_K_ORPHAN) || tw_known(f, TW_F_K_RST_IN) ||
	    tw_known(f, TW_F_K_RST_SIDE) || tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_SYN_SENT) ||
	    tw_live_only_fin(m) || tw_get(f, TW_F_K_PEER_SPOKE))
		return false;
	/*
	 * Else somebody said so: an ICMP error. This host drops what a neighbour does not answer for, and tells it over
	 * IPv4; over IPv6 only the errno shows.
	 */
	if (error != ETIMEDOUT && !tw_is(f, TW_F_K_DROP, TW_DROP_CLASS_ROUTE) &&
	    !(error == EHOSTUNREACH && tw_is(f, TW_F_IP_VERSION, 6)))
		return false;
	if (error != ETIMEDOUT && error != EHOSTUNREACH && error != ENETUNREACH &&
	    error != ECONNREFUSED)
		return false;
	tw_live_say(m, TW_STRENGTH_ENDING, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "The peer vanished: %s stayed unacknowledged after %s, "
			   "nothing came for %s.",
			   tw_bytes(m, tw_get(f, TW_F_K_UNACKED)),
			   tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat"),
			   TW_DUR(tw_get(f, TW_F_K_QUIET_NS))));
	tw_cite(m, TW_F_K_REPEATS, "%s by timer, unanswered",
		tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat"));
	tw_live_cite_error(m);
	tw_rival(m, "idle-blackholed", "a device on the path may have forgotten the connection");
	tw_rival(m, "firewall-dropped", "a filter on the path drops as silently");
	tw_live_error_seen(m, "recv");
	return true;
}

/*
 * tcp_retries2 = 2 stands for a time, (2^3 - 1) * 200 ms = 1.4 s after the first repeat: at which repeat that is
 * exceeded depends on the timeout in use. Above 233 ms (a few ms of jitter do) it is one less: 1.9 s in place of 3.4 s.
 */
static const struct tw_scenario scenarios[] = {
	{
		.name = "in-flight",
		.about = "the host loses power while data is on its way",
		.variants = "v4 v6 v4-nots",
		.script = "short client tcp_retries2 2\n"
			  "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict client peer-vanished possible unknown full likely failed\n"
			  "# all is answered that it saw\n"
			  "verdict server clean\n",
	},
	{
		.name = "goes-on",
		.about = "the capture goes on after the end, with another connection",
		.variants = "v4",
		.script = "short client tcp_retries2 2\n"
			  "server.2 listen port 81\n"
			  "client.2 connect port 81\n"
			  "server.2 accept\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable drop any tcp port 80 always\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "wait 6s\n"
			  "client.2 send 100\n"
			  "server.2 recv 100\n"
			  "server.2 send 10\n"
			  "client.2 recv 10\n"
			  "client.2 close\n"
			  "server.2 recv eof\n"
			  "server.2 close\n"
			  "verdict client clean certain likely clean\n"
			  "verdict client peer-vanished|firewall-dropped likely possible failed "
			  "stream 1\n"
			  "verdict server clean certain likely clean\n"
			  "verdict server clean stream 1\n",
	},
	{
		.name = "nonblocking",
		.about = "poll says IN, ERR and HUP in the end, and SO_ERROR ETIMEDOUT",
		.variants = "v4",
		.script = "short client tcp_retries2 2\n"
			  "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "client nonblocking\n"
			  "client send 100\n"
			  "client recv -> EAGAIN\n"
			  "client poll in -> in+err+hup after 1500ms..8s full 938s\n"
			  "client error -> ETIMEDOUT\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict client peer-vanished possible unknown full likely failed\n"
			  "verdict server clean\n",
	},
	{
		.name = "arp-fails",
		.about = "the neighbour has expired: nothing leaves but questions, the error "
			 "becomes EHOSTUNREACH",
		.variants = "v6",
		.script = "short client tcp_retries2 4\n"
			  "short client net.ipv4.neigh.eth0.retrans_time_ms 200\n"
			  "short client net.ipv6.neigh.eth0.retrans_time_ms 200\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "host client neighbour none\n"
			  "client send 100\n"
			  "client recv -> EHOSTUNREACH after 3s..20s full 938s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "# the data never left: only questions that nobody answers\n"
			  "verdict client peer-vanished possible unknown\n"
			  "verdict server clean\n",
	},
	{
		.name = "arp-expires",
		.about = "the neighbour is stale: a few repeats leave, then only questions",
		.variants = "v4",
		.script = "short client tcp_retries2 4\n"
			  "short client net.ipv4.neigh.eth0.retrans_time_ms 200\n"
			  "short client net.ipv6.neigh.eth0.retrans_time_ms 200\n"
			  "short client net.ipv4.neigh.eth0.delay_first_probe_time 1\n"
			  "short client net.ipv6.neigh.eth0.delay_first_probe_time 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "host client neighbour stale\n"
			  "client send 100\n"
			  "client recv -> EHOSTUNREACH after 3s..20s full 938s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict client peer-vanished|host-unreachable likely possible failed "
			  "unknown\n"
			  "never client certain\n"
			  "verdict server clean\n",
	},
	{
		.name = "behind-router",
		.about = "the router's own neighbour fails: its ICMP errors are soft, the "
			 "connection is not ended by them",
		.variants = "v4",
		.script = "truth host-unreachable\n"
			  "topology router\n"
			  "short client tcp_retries2 4\n"
			  "short router net.ipv4.neigh.eth1.retrans_time_ms 200\n"
			  "short router net.ipv6.neigh.eth1.retrans_time_ms 200\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "host router neighbour none\n"
			  "client send 100\n"
			  "client recv -> EHOSTUNREACH after 1s..30s full 927s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict client host-unreachable|peer-vanished likely possible failed "
			  "unknown\n"
			  "never client certain\n"
			  "verdict server clean\n",
	},
	{
		.name = "soft-error",
		.about = "with IP_RECVERR the first ICMP error ends the call at once, and not the "
			 "connection",
		.variants = "v4 v6",
		.script = "truth host-unreachable\n"
			  "topology router\n"
			  "short router net.ipv4.neigh.eth1.retrans_time_ms 200\n"
			  "short router net.ipv6.neigh.eth1.retrans_time_ms 200\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "client option IP_RECVERR 1\n"
			  "fault\n"
			  "host server vanish\n"
			  "host router neighbour none\n"
			  "client send 100\n"
			  "client recv -> EHOSTUNREACH within 6s\n"
			  "state client ESTABLISHED\n"
			  "verdict client host-unreachable|peer-vanished|unknown likely possible "
			  "failed unknown\n"
			  "never client certain\n"
			  "verdict server clean\n",
	},
	{
		.name = "send-timeout",
		.about = "SO_SNDTIMEO only bounds the call, not the connection",
		.variants = "v4 v6",
		.script = "host client neighbour permanent\n"
			  "server listen\n"
			  "client option SO_SNDBUF 8192\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server vanish\n"
			  "client option SO_SNDTIMEO 1s\n"
			  "client fill\n"
			  "client send 10000 -> EAGAIN after 1s\n"
			  "state client ESTABLISHED\n"
			  "# a second of repeats may be the end of the capture\n"
			  "verdict client peer-vanished|unknown possible unknown\n"
			  "verdict server clean\n",
	},
	{
		.name = "client",
		.about = "it is the client's host that is gone, and the server that notices",
		.variants = "v4 v6",
		.script = "short server tcp_retries2 2\n"
			  "host server neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host client vanish\n"
			  "server send 100\n"
			  "server recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "server recv -> EOF\n"
			  "server send 1 -> EPIPE\n"
			  "verdict server peer-vanished possible unknown full likely failed\n"
			  "verdict client clean\n",
	},
	{
		.name = "only-waits",
		.about = "an end that only receives never notices",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host client vanish\n"
			  "server option SO_RCVTIMEO 2s\n"
			  "server recv -> EAGAIN after 2s\n"
			  "state server ESTABLISHED\n"
			  "# not a packet shows it\n"
			  "verdict both clean\n",
	},
	{
		.name = "one-way",
		.about = "only one direction is dead, and the other end speaks after the end: "
			 "ECONNRESET",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 2\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable drop client data always\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "server send 100\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "verdict client peer-vanished|user-timeout|firewall-dropped likely "
			  "possible failed\n"
			  "# its data drew a bare RST\n"
			  "verdict server peer-rebooted|peer-vanished|firewall-reset|idle-reset "
			  "likely possible failed\n"
			  "never both certain\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "data is sent, one segment, after the peer went silent";
	tw_schedule_data(&p->ladder, m, TW_HELD, 1, "the segment again", "the segment again");
	tw_predict_silent_peer(p, m);
	p->note =
		"With more than one segment in flight the probe comes after two round trips and a "
		"few "
		"milliseconds, and all that follows is earlier by that. An ICMP error or a failed "
		"neighbour does not end it sooner, but stands in place of ETIMEDOUT at the end.";
}

const struct tw_phenomenon tw_ph_peer_vanished = {
	.slug = "peer-vanished",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The peer, or the path to it, went silent",
	.happens = "The sender gets no acknowledgement. On Linux a tail-loss probe goes out "
		   "first (about 10 ms later on a LAN), then the retransmission timer starts at "
		   "about 0.2 s plus the round trip and doubles with every repeat up to 120 s. "
		   "With net.ipv4.tcp_retries2 = 15 the connection ends after 938 s (measured), "
		   "and it ends in silence: no RST and no FIN.\n\n"
		   "On a LAN the neighbour entry of a dead host fails after about a minute; from "
		   "then on only ARP requests in groups of three are visible and no TCP packet "
		   "any more. That does not end the connection sooner: the error is still "
		   "reported after the full time, as EHOSTUNREACH.\n\n"
		   "An end that only receives sends nothing, and so never notices that the other "
		   "one is gone.",
	.diagram = " sender                                                       peer\n"
		   "   |------------------------ data ------------------------X    x dead,\n"
		   "   |   10 ms on a LAN        last segment again (TLP) ----X    or the\n"
		   "   |   0.22 s                data ------------------------X    path is,\n"
		   "   |   0.65 s                data ------------------------X    or a\n"
		   "   |   1.5 s                 data ------------------------X    filter\n"
		   "   :   3.1  6.4  13  26  54  107 s, then every 120 s      :    drops\n"
		   "   |   818 s                 the 15th repeat -------------X\n"
		   "   |   938 s: ETIMEDOUT; no packet is sent\n",
	.client_sees =
		"If the client is the sender, send() succeeds until the send buffer is full "
		"and then blocks, or returns EAGAIN on a non-blocking socket. After the full "
		"time the next call gets ETIMEDOUT once, and EHOSTUNREACH if an ICMP error or "
		"an ARP failure was noted on the way; then recv() returns 0 and send() EPIPE. "
		"If the client only receives, it hangs for ever.",
	.server_sees = "The same, with the roles exchanged. If the server is alive and only one "
		       "direction is dead, its later data is answered by a bare RST once the other "
		       "kernel has given up: ECONNRESET.",
	.recognise =
		"tcpwhy asks for new data that stays unacknowledged to the end, with at least "
		"three repeats over at least half a second and a capture that loses no packets "
		"itself. Fewer repeats may merely be the end of the capture. When the silent "
		"end speaks again and the repeating end answers it with a bare RST, the "
		"connection is known to be dead.\n\n"
		"On one link the data may not even leave: then it is the ARP or ND requests of one "
		"end for the other that stay unanswered, more than the one round that only "
		"verifies an old entry. Whether anything was lost with it is not seen, so the "
		"outcome stays unknown.\n\n"
		"It cannot tell a dead host from a filter that drops from that moment on, nor "
		"see the moment at which the sender gives up, because no packet marks it. It "
		"names firewall-dropped, user-timeout, and where they fit idle-blackholed and "
		"pmtu-blackhole as rivals. A capture from the other side decides.",
	.folklore = "\"A timeout ends with a RST\": of all timeouts only keepalive's does. \"15 "
		    "retries are 924.6 s\": 938.5 s were measured, because the first repeat is a "
		    "tail-loss probe and timers are rounded up. \"EHOSTUNREACH means that a router "
		    "said so\": it is also what the timeout becomes after an ARP failure.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
