/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conntrack-invalid-reset: a NAT lets a segment through untranslated.
 *
 *     client              NAT (VIP -> server)               server
 *       |<== VIP:80 =============|==== server:80 ============|  translated for a long time
 *       |                        |                           |
 *       |                        |<--- segment, INVALID -----|  above the window, or entry gone
 *       |<--- from server:80 ----|  not translated           |
 *       |---- RST to server:80 ->|-------------------------->|  ECONNRESET in mid-transfer
 *
 * Conntrack marks a segment INVALID (out of its idea of the window, or without an entry); NAT
 * leaves INVALID packets alone, and without a rule that drops them they travel on with the inside
 * address. The client has no connection with that address and resets it; the reset does pass and
 * kills the true connection. A masquerading NAT without an entry (expired, flushed, another box took
 * over) makes a new one of the client's next segment, with another outer port, and the server never
 * knew that one either. The proof is in the numbers: a lone segment of an unknown tuple with
 * exactly the next seq and ack of a known one.
 *
 * Where only one side of the translator is captured, its address shows no leak. A copy of old data does, one that had
 * long been acknowledged (INVALID: below the window): a socket answers it by an ACK, a filter let the data pass before,
 * and a RST in the name of an end that lives, or that is nearer than that end, is of a kernel that got it untranslated.
 *
 * In the handshake the same happens to the SYN|ACK, with every attempt, where the way back does not lead through
 * the NAT (client and server on one bridge or subnet, another route): facts/elsewhere.c.
 */
#include "base/duration.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/resets.h"

enum { REMEDY_ROUTE, REMEDY_DROP, REMEDY_ENTRY = 5 };

/* The client's view of it: a SYN without an answer. The server's: an answer that is refused. */
static bool match_handshake(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const long long other = tw_get(f, TW_F_OTHER_SYN_STREAM);
	const bool asks = tw_get(f, TW_F_SYN_ANSWERED_ELSEWHERE);
	const bool over = tw_syn_repeated(f) || tw_get(f, TW_F_RST_COUNT) > 0;

	m->strength = TW_STRENGTH_CONTRADICTION;
	m->confidence = TW_LIKELY;
	m->outcome = over ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	if (asks)
		m->summary = tw_say(m,
				    "The SYN to %s was translated on its way, and its answer came "
				    "back untranslated (stream %lld): the client refused it.",
				    m->server, other);
	else
		m->summary =
			tw_say(m,
			       "%s answered the client's SYN to another address (stream %lld); "
			       "the answer was not translated back, and the client refused it.",
			       m->server, other);
	if (asks)
		tw_cite(m, TW_F_SYN_ANSWERED_ELSEWHERE,
			"the SYN; stream %lld acknowledges exactly its number, at the same port of "
			"the client",
			other);
	else
		tw_cite(m, TW_F_ANSWERS_OTHER_SYN,
			"it acknowledges exactly the number of the SYN of stream %lld, which went "
			"to another address",
			other);
	if (tw_get(f, TW_F_RST_COUNT))
		tw_reset_cite(m);
	tw_rule_out(m, "port-closed", "a SYN|ACK came: something listens");
	if (asks)
		tw_rule_out(m, "firewall-dropped", "the SYN arrived, and its answer came back");
	tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1,
		   "connect() hangs until the SYN repeats are spent: each is answered in vain.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "accept() never returns this connection.");
	if (!over)
		tw_missing(m, "The capture stops before the client repeats its SYN.");
	return true;
}

#define PROMPT_NS (50 * TW_NS_PER_MS)

/* An old copy is reset in the name of an end that did not write the reset. */
static bool refused_copy(const struct tw_facts *f)
{
	if (!tw_get(f, TW_F_RST_TRIGGER_OLD) || !tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) ||
	    tw_is(f, TW_F_RST_IPID, TW_IPID_FOREIGN) || !tw_reset_landed(f))
		return false;
	if (tw_get(f, TW_F_RST_AUTHOR_FIN) || tw_get(f, TW_F_RST_SECOND_DIFFERS) ||
	    tw_reset_debt(f) == TW_DEBT_NONE ||
	    tw_get(f, TW_F_RST_TRIGGER_DELAY_NS) > PROMPT_NS + 2 * tw_get(f, TW_F_RTT_NS))
		return false;
	return tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0 || tw_get(f, TW_F_RST_TTL_DELTA) > 0 ||
	       tw_get(f, TW_F_RST_LABEL_ZERO);
}

static bool match_copy(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = tw_reset_author(f), victim = tw_other(author);
	const int64_t delta = tw_get(f, TW_F_RST_TTL_DELTA);
	const bool lives = tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0;

	m->strength = TW_STRENGTH_CONTRADICTION + 3;
	m->confidence = TW_LIKELY;
	m->outcome = tw_reset_outcome(f);
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	m->remedy = REMEDY_DROP;
	m->summary = tw_say(m,
			    "A copy of data that %s had acknowledged before drew a RST in its "
			    "name: a NAT did not translate it, and a kernel without this "
			    "connection answered.",
			    tw_endpoint(m, author));
	tw_cite(m, TW_F_RST_TRIGGER_OLD,
		"old data of %s once more: acknowledged before, so below every window",
		tw_endpoint(m, victim));
	tw_reset_cite(m);
	if (lives)
		tw_cite(m, TW_F_RST_AUTHOR_GOES_ON,
			"%s goes on with the connection %s after \"its\" RST",
			tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_RST_AUTHOR_GOES_ON_NS)));
	if (delta != 0)
		tw_cite(m, TW_F_RST_TTL_DELTA,
			"the RST's TTL differs by %+lld from the author's other packets",
			(long long)delta);
	tw_rival(m, "firewall-reset",
		 "a rule that rejects what conntrack calls INVALID writes the same");
	tw_rival(m, "forged-reset", "and so may somebody who imitates a kernel");
	if (tw_get(f, TW_F_RST_IDLE_BEFORE_NS) >= TW_NS_PER_S)
		tw_rival(m, "idle-reset",
			 "%s of silence came before: a device may have forgotten the connection",
			 TW_DUR(tw_get(f, TW_F_RST_IDLE_BEFORE_NS)));
	if (lives)
		tw_rule_out(m, "peer-rebooted", "the end in whose name it comes lives on");
	tw_reset_victim_saw(m);
	tw_app_saw(m, author, NULL, NULL, -1,
		   "Nothing yet: its connection stays open until its own next segment.");
	return true;
}

/*
 * Under which address a client was translated does not show at the server: the segment may have escaped, or a NAT that
 * came into force in mid-connection (rules loaded, a box that takes over) made an entry of it.
 */
static void say_leaked(struct tw_match *m, enum tw_side author, long long stream)
{
	const char *here = tw_endpoint(m, author), *other = tw_endpoint(m, tw_other(author));

	if (tw_get(m->facts, TW_F_RST_OTHER_PORT_ONLY))
		m->summary = tw_say(m,
				    "A NAT had lost its entry of stream %lld and gave the next "
				    "segment another port; %s never knew %s and reset it.",
				    stream, here, other);
	else if (author == TW_SERVER)
		m->summary =
			tw_say(m,
			       "A segment of stream %lld came under another address: no longer "
			       "translated, only now, or to another server; %s never knew %s "
			       "and reset it.",
			       stream, here, other);
	else
		m->summary = tw_say(m,
				    "A segment of stream %lld was let through untranslated; %s "
				    "never knew the address %s and reset it.",
				    stream, here, other);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = tw_reset_author(f), victim = tw_other(author);
	const bool inexact = tw_get(f, TW_F_RST_OTHER_INEXACT);
	const long long stream = tw_get(f, TW_F_RST_OTHER_STREAM);
	const bool anew = tw_get(f, TW_F_RST_OTHER_PORT_ONLY);

	if (tw_get(f, TW_F_SYN_ANSWERED_ELSEWHERE) || tw_get(f, TW_F_ANSWERS_OTHER_SYN))
		return match_handshake(m);
	if (refused_copy(f))
		return match_copy(m);
	if (!tw_get(f, TW_F_RST_OTHER_TUPLE) || tw_get(f, TW_F_RST_COUNT) == 0)
		return false;
	m->strength = TW_STRENGTH_CONTRADICTION;
	m->confidence = inexact ? TW_LIKELY : TW_CERTAIN;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	/* what is let through untranslated is INVALID; what is translated anew had no entry any more */
	m->remedy = anew || author == TW_SERVER ? REMEDY_ENTRY : REMEDY_DROP;
	say_leaked(m, author, stream);
	tw_cite(m, TW_F_RST_OTHER_TUPLE,
		"a lone segment without a handshake, with %s of stream %lld: %s",
		inexact ? "exactly the ack and nearly the seq" : "exactly the next seq and ack",
		stream,
		anew                  ? "it was translated anew"
		: author == TW_SERVER ? "its translation had changed"
				      : "it escaped translation");
	tw_reset_cite(m);
	tw_rule_out(m, "peer-rebooted",
		    "the end that resets still has the connection, under its translated address");
	tw_rule_out(m, "forged-reset",
		    "the reset answers a true segment in the form of a kernel without that socket");
	tw_rule_out(m, "old-duplicate", "the numbers are those of a connection that is alive");
	tw_app_saw(m, victim, "recv", "ECONNRESET", -1,
		   "The reset fits its true connection: recv or send fails with ECONNRESET in "
		   "mid-transfer.");
	tw_app_saw(m, author, NULL, NULL, -1,
		   "Nothing yet: its connection (under the translated address) stays open until "
		   "its own next segment.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.netfilter.nf_conntrack_tcp_be_liberal",
	  "With 1 segments out of the window are not INVALID any more; default 0." },
	{ "net.netfilter.nf_conntrack_tcp_loose",
	  "With 1 (default) an entry is made anew from a segment in mid-connection." },
	{ "a rule that drops ct state invalid",
	  "Turns the reset into a loss that TCP repairs; not there by default." },
	{ "net.netfilter.nf_conntrack_tcp_timeout_established",
	  "Idle time of an entry, default 432000 s (5 days)." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	[REMEDY_ROUTE] = "If SYN|ACKs come back untranslated, lead both ways through the box: "
			 "masquerade what comes "
			 "from the same network (hairpin), `sysctl -w "
			 "net.bridge.bridge-nf-call-iptables=1` where "
			 "client and server share a bridge, or repair the route.",
	[REMEDY_DROP] =
		"Drop what conntrack calls invalid on the NAT box, before NAT: `nft add rule inet "
		"filter "
		"forward ct state invalid counter drop`; the segment is then repeated and the "
		"connection "
		"lives.",
	"Or accept segments out of the window: `sysctl -w "
	"net.netfilter.nf_conntrack_tcp_be_liberal=1` on the NAT box.",
	"Watch `conntrack -S`: the column invalid counts up with each such reset; `sysctl -w "
	"net.netfilter.nf_conntrack_log_invalid=6` logs the segments.",
	"In Kubernetes update kube-proxy (1.15 and later drop INVALID by themselves unless "
	"be_liberal is set) and check that no other component flushes its rules.",
	[REMEDY_ENTRY] =
		"If the entry had expired rather than the segment been out of window, use "
		"keepalive below "
		"the NAT's timeout; if it was flushed (`conntrack -F`, a firewall or container "
		"service "
		"that "
		"restarts, a failover without conntrackd), do that when few connections are open.",
	NULL,
};

static const char *const references[] = {
	"kubernetes/kubernetes issue 74839, pull 74840; issue 117924",
	"net/netfilter/nf_conntrack_proto_tcp.c: tcp_in_window",
	"RFC 9293 s3.10.7.1",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "untranslated",
		.about = "a translating middlebox lets a segment pass untranslated",
		.variants = "v4 v6 v4-nots",
		.script = "nat\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable forget\n"
			  "server send 100\n"
			  "cable wait client rst\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "server send 1 -> EPIPE\n"
			  "# the client's own connection: nothing has happened to it so far\n"
			  "verdict client clean\n"
			  "verdict client conntrack-invalid-reset likely certain failed stream 1\n"
			  "# beyond the translation a segment drew a bare RST, no more is seen\n"
			  "verdict server conntrack-invalid-reset|peer-rebooted|firewall-reset "
			  "likely possible failed\n"
			  "never server certain\n",
	},
	{
		.name = "both-learn",
		.about = "the client then sends, too, and is reset by the middlebox",
		.variants = "v4 v6",
		.script = "nat\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable forget\n"
			  "server send 100\n"
			  "cable wait client rst\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "verdict client "
			  "conntrack-invalid-reset|peer-rebooted|firewall-reset|idle-reset likely "
			  "possible failed\n"
			  "verdict client conntrack-invalid-reset likely certain failed stream 1\n"
			  "verdict server conntrack-invalid-reset|peer-rebooted|firewall-reset "
			  "likely possible failed\n"
			  "never server certain\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_conntrack_invalid_reset = {
	.slug = "conntrack-invalid-reset",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "A NAT let a segment through untranslated",
	.happens = "A box in the path translates addresses (a Kubernetes node, a load balancer, a "
		   "masquerading router). Its connection tracking checks sequence numbers; a "
		   "segment above the window that it believes in, or of a connection whose entry "
		   "is gone, is INVALID. INVALID packets are not translated, and if no rule drops "
		   "them they are forwarded as they are.\n\n"
		   "So a segment from an address that the receiver has never talked to arrives. "
		   "Its kernel has no such connection and answers with a reset, as it must. The "
		   "reset finds its way back, fits, and kills a connection that was in good order. "
		   "The receiver's own end learns of it only when it sends next.\n\n"
		   "On Linux 6.18 late duplicates below the window pass translated; it is data "
		   "above the window, or a missing entry, that leaks.\n\n"
		   "If the way back does not lead through the box at all (client and server on "
		   "one bridge without br_netfilter, one subnet, another route), it happens to "
		   "the SYN|ACK: the client knows only the translated address, resets every "
		   "answer, and its connect() times out.",
	.diagram = "client              NAT                server\n"
		   "  |<== VIP:80 =======|=== server:80 ====|\n"
		   "  |                  |<-- data, INVALID |\n"
		   "  |<-- server:80 ----|  untranslated    |\n"
		   "  |--- RST --------->|----------------->|\n"
		   "                              recv: ECONNRESET\n",
	.client_sees =
		"Nothing at first (recv waits); ECONNRESET when its own next segment is reset.",
	.server_sees =
		"ECONNRESET from recv or send in the middle of a transfer, without any idle time.",
	.recognise =
		"A lone segment on a tuple that never shook hands, with exactly the next sequence "
		"and acknowledgement numbers of another connection in the capture, answered by a "
		"bare RST. That excludes every other explanation, so it is certain. If only the "
		"port "
		"differs, the NAT had lost its entry and made another one.\n\n"
		"In the handshake: a SYN that nobody answers, and from another address a SYN|ACK "
		"that acknowledges exactly its number at the client's port, reset at once.\n\n"
		"From beyond the NAT, where only one of the two tuples is visible, it looks like "
		"peer-rebooted: a segment draws a bare RST, without silence and with the usual "
		"TTL. But if that segment is a copy of data acknowledged long before, and the end "
		"in whose name the RST comes goes on, or is farther away than the RST's author, it "
		"is likely: a socket answers a copy by an ACK.",
	.folklore = "\"Connection reset by peer: so the peer closed.\" Neither application did "
		    "anything here.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.scenarios = scenarios,
};
