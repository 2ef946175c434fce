/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forged-reset: a third party writes a reset in the name of one end, in addition to the true
 * traffic.
 *
 *     client            injector             server
 *       |---- request ------|----------------->|
 *       |<--- RST ----------|                  |  sooner than a round trip, other TTL
 *       |<--- ACK, answer ---------------------|  the true server goes on
 *       |---- RST seq = its ack -------------->|  the client's kernel has no socket any more
 *
 * An injector beside the path races the true sender and cannot take packets away, so a
 * contradiction stays in the stream (Weaver, Sommer, Paxson, NDSS 2009). A firewall that answers
 * *in place of* a segment is another thing (firewall-reset): there the segment never arrives.
 *
 * One contradiction is no proof: load balancers change TTL and IP-ID, other stacks leave out
 * timestamps. Two independent ones make it likely; certain it is only if the true author
 * demonstrably goes on and the reset does not come from its place or in its form. IP-ID 0 is what
 * honest kernels write, and is never counted.
 */
#include "base/duration.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"

/* After so long a silence a device that forgot the connection is the simpler explanation. */
#define IDLE_NS      (30 * TW_NS_PER_S)
#define PAUSE_NS     (5 * TW_NS_PER_S) /* no known device forgets sooner */
#define OVERTAKEN_NS TW_NS_PER_MS
#define TWICE        2
#define PLACE        (TW_ODD_TTL | TW_ODD_IPID | TW_ODD_EARLY | TW_ODD_MAC)
#define LIVES        (TW_ODD_GOES_ON | TW_ODD_ACKS_TRIGGER)

/*
 * That the author goes on is one contradiction. That it acknowledges the very segment that the
 * reset refuses says more: the segment arrived, and the socket that it was for was there.
 */
static unsigned independent(unsigned odds)
{
	unsigned others = tw_odds_count(odds & ~LIVES);

	return others + (odds & TW_ODD_ACKS_TRIGGER ? 2 : odds & TW_ODD_GOES_ON ? 1 : 0);
}

/* The form of a kernel or of netfilter, in place of a segment: that is a filter. */
static bool could_be_filter(const struct tw_facts *f, unsigned odds)
{
	bool reply = tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) ||
		     tw_is(f, TW_F_RST_FORM, TW_RST_REPLY_NO_ACK);

	return reply && !(odds & (TW_ODD_ACKS_TRIGGER | TW_ODD_IPID));
}

static bool fits(const struct tw_facts *f, unsigned odds)
{
	if (!tw_reset_landed(f) || tw_get(f, TW_F_RST_AFTER_CLOSE) ||
	    tw_get(f, TW_F_RST_OTHER_TUPLE))
		return false;
	if (could_be_filter(f, odds) && !(tw_reset_unprompted(f) && odds & TW_ODD_GOES_ON))
		return false;
	return independent(odds) >= 2;
}

/* What follows the reset at once may have been sent before it, and overtaken on the way here. */
static bool lives_for_sure(const struct tw_facts *f, unsigned odds)
{
	return (odds & LIVES) && tw_get(f, TW_F_RST_AUTHOR_GOES_ON_NS) >= OVERTAKEN_NS;
}

/* A device that forgot an idle connection resets it in place of the segment, not in addition. */
static bool maybe_forgotten(const struct tw_facts *f, unsigned odds)
{
	return tw_get(f, TW_F_RST_IDLE_BEFORE_NS) >= PAUSE_NS && !(odds & TW_ODD_ACKS_TRIGGER);
}

static int strength(const struct tw_facts *f, unsigned odds)
{
	if (!(odds & LIVES) && tw_get(f, TW_F_RST_IDLE_BEFORE_NS) >= IDLE_NS)
		return TW_STRENGTH_ENDING + 5;
	/* firewall-reset, which names this as a rival, must not come first where nothing was answered */
	return could_be_filter(f, odds) ? TW_STRENGTH_CONTRADICTION + 2 : TW_STRENGTH_CONTRADICTION;
}

/* Its alleged author had closed, nothing is open, and the other end's close may be before the capture. */
static bool close_unseen(const struct tw_facts *f)
{
	return tw_is(f, TW_F_START_SEEN, 0) && tw_get(f, TW_F_RST_AUTHOR_FIN) &&
	       !tw_get(f, TW_F_RST_VICTIM_FIN) && tw_reset_debt(f) != TW_DEBT_OWED;
}

static void add_rivals(struct tw_match *m, unsigned odds)
{
	const struct tw_facts *f = m->facts;

	if (odds & TW_ODD_ACKS_TRIGGER)
		tw_rule_out(m, "firewall-reset",
			    "the segment arrived all the same: the reset came in addition to it, "
			    "not in its place");
	else if (m->confidence != TW_CERTAIN)
		tw_rival(m, "firewall-reset",
			 "a firewall in the path that ends connections writes such resets, too");
	if (odds & LIVES)
		tw_rule_out(m, "peer-rebooted", "the alleged author still has the connection");
	else
		tw_rival(
			m, "aborted",
			"a stack or proxy that is not Linux may write its own resets in this form");
	if (maybe_forgotten(f, odds))
		tw_rival(m, "idle-reset",
			 "%s of silence came before: a device may have forgotten the connection",
			 TW_DUR(tw_get(f, TW_F_RST_IDLE_BEFORE_NS)));
	if (odds & (TW_ODD_TTL | TW_ODD_NO_TS | TW_ODD_IPID)) {
		tw_rule_out(m, "closed-with-unread-data",
			    "a socket that aborts writes with its own TTL, timestamps and IP-ID");
		tw_rule_out(
			m, "linger-reset",
			"that is written by the socket, with its own TTL, timestamps and IP-ID");
	}
}

/* The SYN was refused, and accepted: two answered it, and the first was not the one that listens. */
static bool refused_in_vain(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->strength = TW_STRENGTH_CONTRADICTION;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	m->summary =
		tw_say(m,
		       "Somebody refused the connection in the name of %s, which then accepted "
		       "the same SYN.",
		       m->server);
	tw_cite(m, TW_F_SYN_COUNT, "SYN from %s to %s", m->client, m->server);
	tw_cite(m, TW_F_SYN_ANSWER, "RST|ACK in answer to it, after %s",
		TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	tw_cite(m, TW_F_SYN_REFUSED_IN_VAIN,
		"SYN|ACK in answer to the very same SYN: something listens, and the SYN arrived");
	if (tw_get(f, TW_F_RST_COUNT_C))
		tw_cite(m, TW_F_ACK3_DELAY_NS,
			"RST of the client: its connect() had already failed");
	tw_rival(m, "port-closed",
		 "two may answer to one address (a balancer, anycast, a duplicate address, a "
		 "program on raw packets beside the kernel): one refuses, the other accepts");
	tw_rule_out(m, "firewall-reset",
		    "a filter refuses in place of the server, and its SYN|ACK "
		    "would never have come");
	tw_missing(m, "A capture at the server: a forged reset does not show there.");
	tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED", tw_get(f, TW_F_SYN_ANSWER_DELAY_NS),
		   NULL);
	return true;
}

/*
 * One SYN, several resets that are no copies of each other: no TCP answers twice, but for a SYN that the network
 * doubled behind the capture; no filter has to.
 */
static bool refused_repeatedly(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->strength = TW_STRENGTH_CONTRADICTION;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	m->summary = tw_say(m,
			    "%lld different resets refuse one SYN in the name of %s, and a TCP "
			    "answers only once: somebody else wrote them.",
			    (long long)tw_get(f, TW_F_SYN_REFUSALS), m->server);
	tw_cite(m, TW_F_SYN_COUNT, "SYN from %s to %s", m->client, m->server);
	tw_cite(m, TW_F_SYN_ANSWER, "the first RST|ACK in answer to it, after %s",
		TW_DUR(tw_get(f, TW_F_SYN_ANSWER_DELAY_NS)));
	tw_cite(m, TW_F_SYN_REFUSALS, "the last of them: another IP-ID, TTL or window");
	if (tw_get(f, TW_F_SYN_REFUSALS_APART))
		tw_cite(m, TW_F_SYN_REFUSALS_APART,
			"its sequence number is another one, too: a host without the connection "
			"knows none, and writes 0");
	tw_rival(m, "firewall-reset",
		 "a filter in the path may send its refusal several times, to be sure");
	tw_rival(m, "port-closed", "one of them may be the server's own");
	tw_missing(m, "A capture at the server: a forged reset does not show there.");
	tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED", tw_get(f, TW_F_SYN_ANSWER_DELAY_NS),
		   NULL);
	return true;
}

/*
 * Seen at the server: the client's RST ends the half-open request, and then the client acknowledges the
 * SYN|ACK that its RST refused. (An ACK sent before the RST may arrive behind it, but not so late.)
 */
static bool request_killed(const struct tw_facts *f, unsigned odds)
{
	return tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && tw_get(f, TW_F_RST_ANSWERS_SYNACK) &&
	       tw_is(f, TW_F_RST_EFFECT, TW_RST_ACCEPTED) && (odds & TW_ODD_ACKS_TRIGGER) &&
	       (odds & PLACE) && lives_for_sure(f, odds);
}

static void author_saw(struct tw_match *m, enum tw_side author)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_RST_VICTIM_RSTS) > 0 && tw_get(f, TW_F_RST_AUTHOR_FIN))
		tw_app_saw(m, author, NULL, NULL, -1,
			   "It had sent its FIN: after close() nobody is left to notice that it is "
			   "reset in turn; after shutdown(SHUT_WR) recv fails with ECONNRESET.");
	else if (tw_get(f, TW_F_RST_VICTIM_RSTS) > 0)
		tw_app_saw(m, author, "recv", "ECONNRESET", -1,
			   "It is reset in turn, by the victim's answer to its next segment.");
	else
		tw_app_saw(m, author, NULL, NULL, -1,
			   "It did not send the reset; unless it got one too, it notices at its "
			   "next segment.");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	unsigned odds = tw_reset_odds(f);
	enum tw_side author = tw_reset_author(f);

	if (tw_get(f, TW_F_SYN_REFUSED_IN_VAIN) && !tw_get(f, TW_F_ACK3_SEEN))
		return refused_in_vain(m);
	if ((tw_get(f, TW_F_SYN_REFUSALS) > TWICE || tw_get(f, TW_F_SYN_REFUSALS_APART)) &&
	    tw_syn_alone(f))
		return refused_repeatedly(m);
	if (!fits(f, odds) && !request_killed(f, odds))
		return false;
	m->strength = strength(f, odds);
	m->confidence = (odds & PLACE) && lives_for_sure(f, odds) && !maybe_forgotten(f, odds) &&
					!could_be_filter(f, odds)
				? TW_CERTAIN
				: TW_LIKELY;
	/* the end that is reset had closed, with nobody owed anything: it was in vain */
	m->outcome = tw_get(f, TW_F_RST_VICTIM_FIN) && tw_reset_debt(f) == TW_DEBT_NONE
			     ? TW_OUTCOME_DEGRADED
			     : TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	if (odds & LIVES)
		m->summary = tw_say(m,
				    "Somebody else reset the connection in the name of %s, which "
				    "goes on with it as if nothing had happened.",
				    tw_endpoint(m, author));
	else
		m->summary = tw_say(m,
				    "The reset in the name of %s contradicts its other packets in "
				    "%u ways: somebody else wrote it.",
				    tw_endpoint(m, author), independent(odds));
	tw_reset_cite(m);
	tw_reset_cite_odds(m, odds);
	if (tw_get(f, TW_F_RST_VICTIM_RSTS) > 0)
		tw_cite(m, TW_F_RST_VICTIM_RSTS,
			"%s then answers %s itself with %d bare reset%s: its own socket is gone",
			tw_side_name(tw_other(author)), tw_side_name(author),
			(int)tw_get(f, TW_F_RST_VICTIM_RSTS),
			tw_get(f, TW_F_RST_VICTIM_RSTS) == 1 ? "" : "s");
	add_rivals(m, odds);
	if (m->confidence != TW_CERTAIN)
		tw_missing(m,
			   "A capture at the alleged author: a forged reset does not show there.");
	if (close_unseen(f)) {
		m->confidence = TW_POSSIBLE;
		m->outcome = TW_OUTCOME_UNKNOWN;
		tw_missing(m, "The start of the connection: if the other end had closed in it, "
			      "nobody lost anything.");
	}
	tw_reset_victim_saw(m);
	author_saw(m, author);
	return true;
}

static const char *const remedies[] = {
	"Capture at both ends at once: a forged reset is in the victim's capture and missing in "
	"the author's. That settles it.",
	"Drop it and see whether the connection lives: on the victim `nft add rule inet filter "
	"input tcp flags rst ip ttl != N counter drop` (over IPv6 `ip6 hoplimit != N`), N being "
	"the TTL of the true "
	"packets; for a test only.",
	"Find where it comes from: the TTL difference tells how many hops the injector is nearer "
	"or farther than the true author; compare with `traceroute -T -p PORT SERVER` from the "
	"client.",
	"If it always follows certain content (a host name, a path), try the same with TLS and "
	"with another name: a filter that reads the payload is then the cause; ask the owner of "
	"the network (IPS, proxy, provider).",
	"Encrypt and tunnel what must pass (TLS with encrypted client hello, WireGuard, QUIC): a "
	"reset cannot be forged into what is not TCP.",
	NULL,
};

static const char *const references[] = {
	"Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets, NDSS 2009",
	"Sundara Raman et al.: Global, Passive Detection of Connection Tampering, SIGCOMM 2023",
	"RFC 5961 s3.2",
	"RFC 3360 s2.1",
	"include/net/ip.h: ip_select_ident_segs (why an honest reset has IP-ID 0)",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_challenge_ack_limit",
	  "A reset that is in the window but not exact is challenged (RFC 5961), not obeyed; the "
	  "limit is off (2147483647) in current kernels." },
	{ NULL, NULL },
};

/* Live, both ends here: one of them is reset, and neither of their kernels sent it. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_known(f, TW_F_K_RST_IN) || tw_known(f, TW_F_K_RST_SIDE) ||
	    !tw_get(f, TW_F_K_LOCAL_C) || !tw_get(f, TW_F_K_LOCAL_S))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "%s was reset, and the kernel of %s, which is this one, sent no RST: "
			   "somebody between them did.",
			   tw_endpoint(m, (enum tw_side)tw_get(f, TW_F_K_RST_IN)),
			   tw_endpoint(m, tw_other((enum tw_side)tw_get(f, TW_F_K_RST_IN)))));
	tw_live_cite_got(m);
	tw_rival(m, "idle-reset", "a device on the path that forgot the connection");
	tw_rival(m, "firewall-reset", "a firewall on the path, netfilter on this host included");
	tw_live_victim_saw(m);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "off-path",
		.about = "a third party sends a reset in the server's name, the server knows "
			 "nothing",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 1000\n"
			  "client recv 1000\n"
			  "fault\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "cable quiet 100ms\n"
			  "cable forge RST+ACK to client ttl 41 id 12345\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "server send 1000\n"
			  "cable wait client rst\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "verdict client forged-reset likely certain failed\n"
			  "# at the server's end the forged segment does not show: its data drew a "
			  "bare RST\n"
			  "verdict server forged-reset|peer-rebooted|firewall-reset likely "
			  "possible failed\n"
			  "never server certain\n",
	},
	{
		.name = "bare",
		.about = "the same in the form of a kernel without a socket",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "cable quiet 100ms\n"
			  "cable forge RST to client ttl 41\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "server send 1000\n"
			  "cable wait client rst\n"
			  "verdict client forged-reset likely certain failed\n"
			  "verdict server forged-reset|peer-rebooted|firewall-reset likely "
			  "possible failed\n"
			  "never server certain\n",
	},
	{
		.name = "to-server",
		.about = "in the client's name, towards the server",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "cable quiet 100ms\n"
			  "cable forge RST to server ttl 41\n"
			  "server send 100 -> ECONNRESET\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "verdict server forged-reset likely certain failed\n"
			  "verdict client forged-reset|peer-rebooted|firewall-reset likely "
			  "possible failed\n"
			  "never client certain\n",
	},
	{
		.name = "in-window",
		.about = "not exact: a challenge ACK, and the connection lives",
		.variants = "v4 v6 v4-nots",
		.script = "truth invalid-segment\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable forge RST to client seq 1000 ttl 41\n"
			  "cable wait client ack #3\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client invalid-segment|clean likely degraded clean\n"
			  "# it sees a repeated ACK\n"
			  "verdict server clean certain likely clean\n",
	},
	{
		.name = "outside",
		.about = "outside the window: ignored",
		.variants = "v4 v6",
		.script = "truth invalid-segment\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable forge RST to client seq 10000000 ttl 41\n"
			  "cable forge RST to client seq -1 ttl 41\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client invalid-segment|clean likely degraded clean\n"
			  "verdict server clean certain likely clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_forged_reset = {
	.slug = "forged-reset",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "A third party forged the reset",
	.happens = "Something beside or in the path reads the connection and injects a reset with "
		   "the address of one end: a national filter, an intrusion prevention system, a "
		   "traffic manager of a provider. If its sequence number is exact, the victim's "
		   "kernel must believe it.\n\n"
		   "The alleged author knows nothing of it. It goes on sending; the victim, whose "
		   "socket is gone, answers each of its segments with a true reset, and so the "
		   "author is reset in turn. Often both ends get a forged one.\n\n"
		   "If the forged reset arrives before data that it assumes has arrived, it is not "
		   "exact: the victim answers with a challenge ACK and survives until the other "
		   "end, already reset, answers with bare resets.",
	.diagram = "client        injector          server\n"
		   "  |---- request --|-------------->|\n"
		   "  |<--- RST ------|               |  TTL, IP-ID not the server's\n"
		   "  |<--- ACK, answer --------------|  it lives and goes on\n"
		   "  |---- RST --------------------->|\n"
		   "recv: ECONNRESET              recv: ECONNRESET\n",
	.client_sees = "ECONNRESET, often right after a certain request and sooner than the server "
		       "could have answered.",
	.server_sees = "ECONNRESET as well, either from a second forged reset or from the victim's "
		       "true one. Its own kernel sent no reset: TcpOutRsts does not count up.",
	.recognise =
		"Two independent contradictions at least: the TTL is not that of the author's "
		"packets; the IP-ID is foreign to its sequence; a RST|ACK without timestamps "
		"in a connection that uses them; a bare RST with a window; don't-fragment "
		"cleared; sooner than a round trip; or the author goes on, and even "
		"acknowledges the data that \"it\" refused. It is certain if the author goes "
		"on and place or form are foreign. A SYN that draws three RST|ACKs with "
		"different ids or windows was answered by somebody else at least twice.\n\n"
		"A device that answers at once, in place of a segment, is firewall-reset, one "
		"that had forgotten an idle connection is idle-reset. A forger on the same network "
		"that copies TTL, IP-ID and timestamps cannot be told from the author by the "
		"reset itself, only by what the true author sends afterwards.",
	.folklore =
		"\"IP-ID 0 gives the forger away.\" Linux itself writes IP-ID 0 on every reset "
		"without a full socket, on SYN|ACKs and on the ACKs of TIME_WAIT. \"Several resets "
		"in a row are an attack\": a kernel answers each segment in flight with one.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
