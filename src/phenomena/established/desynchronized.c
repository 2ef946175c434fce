/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * desynchronized: the two ends no longer agree on the sequence numbers.
 *
 *     client             device               server
 *       |---- seq 6, 5 B ---|------------------>|  expects 11 already
 *       |<--------------------- ACK 11 (DSACK) -|  of bytes that the client never sent
 *       |---- ACK 6 --------|------------------>|  "you acknowledge what I did not send"
 *       |<--------------------- ACK 11 ---------|  "and you repeat what I have"
 *             ... until the rate limit (500 ms) stops it, or one end resets
 *
 * RFC 9293 s3.10.7.4 makes each side answer a segment that cannot be with an ACK that states its
 * own numbers. If both are right by their own books, these ACKs answer each other. The cause lies
 * elsewhere: a segment injected behind this point of capture, or a device that rewrites one side
 * (sequence randomisation, a proxy that changes lengths, a failover that lost its offsets).
 *
 * In the handshake a balancer brings it about that leads two addresses to one server and keeps the client's address
 * and port: two connections of one client are one to the server (facts/elsewhere.c).
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/resets.h"

#define ACK_WAR_MIN 3
#define REPEATS_MIN 3
#define SHIFTED_MIN 2

enum { REMEDY_BALANCER = 3, REMEDY_INJECTED };

/* The ACK of the handshake has a number that the server refuses, and no other came. */
static bool never_opened(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ACK3_WRONG) && !tw_get(f, TW_F_ACK3_SEEN);
}

static bool impossible_ack(const struct tw_facts *f)
{
	/* A capture with holes misses data; then the ACK is possible and only the capture poor. */
	return (tw_get(f, TW_F_ACKED_NEVER_SENT) > 0 || tw_get(f, TW_F_ACKED_FIN_NEVER_SENT) ||
		never_opened(f)) &&
	       !tw_get(f, TW_F_TRACE_LOSSY) && !tw_get(f, TW_F_ONE_SIDED);
}

/*
 * ACKs are answered as one answers what cannot be, and what they acknowledge is repeated: they came, and with other numbers
 * (RFC 5961 s5). An ACK in that place may be drawn by something else; two are not.
 */
static bool challenged(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ACK_CHALLENGED) >= SHIFTED_MIN;
}

/*
 * Numbers that no end could write: somebody between them did. One such segment may be foreign, or a freak of
 * the capture.
 */
static bool shifted(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_TRACE_LOSSY) || tw_get(f, TW_F_ONE_SIDED) ||
	    tw_get(f, TW_F_SYNACK_ISN_CONFLICT))
		return false;
	/* a SYN that another connection of its addresses outlives is not the start of what follows */
	return tw_get(f, TW_F_ACK_RETREATS) >= SHIFTED_MIN ||
	       tw_get(f, TW_F_ACK_NOT_TAKEN) >= SHIFTED_MIN || challenged(f) ||
	       (tw_get(f, TW_F_BEFORE_START) >= SHIFTED_MIN && !tw_get(f, TW_F_PREV_WENT_ON)) ||
	       tw_get(f, TW_F_BEHIND_HOLE) >= SHIFTED_MIN;
}

static bool stuck(const struct tw_facts *f)
{
	return tw_reset_landed(f) || never_opened(f) || tw_get(f, TW_F_UNANSWERED_BYTES) > 0 ||
	       tw_get(f, TW_F_ACK_NOT_TAKEN_LAST);
}

/* ACKs that answer each other, or repeats that are refused: a quarrel only if nothing gets through. */
static bool quarrel(const struct tw_facts *f)
{
	if (tw_known(f, TW_F_ZERO_WINDOW_SIDE) || !tw_get(f, TW_F_ESTABLISHED) || !stuck(f))
		return false;
	return tw_get(f, TW_F_ACK_WAR) >= ACK_WAR_MIN ||
	       tw_get(f, TW_F_REPEAT_ANSWERED_NOT_ACKED) >= REPEATS_MIN;
}

static void cite(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (never_opened(f))
		tw_cite(m, TW_F_ACK3_WRONG,
			"the ACK of the SYN|ACK has another number than that calls for, and is "
			"refused by a RST of that number");
	if (tw_get(f, TW_F_ACKED_FIN_NEVER_SENT))
		tw_cite(m, TW_F_ACKED_FIN_NEVER_SENT,
			"acknowledges a FIN that its alleged sender did not send");
	if (tw_get(f, TW_F_ACKED_NEVER_SENT) > 0)
		tw_cite(m, TW_F_ACKED_NEVER_SENT,
			"acknowledges (or SACKs) %s that its alleged sender never sent",
			tw_bytes(m, tw_get(f, TW_F_ACKED_NEVER_SENT)));
	if (tw_get(f, TW_F_ACK_WAR) > 0)
		tw_cite(m, TW_F_ACK_WAR, "%d ACKs without progress, each answering the other",
			(int)tw_get(f, TW_F_ACK_WAR));
	if (tw_get(f, TW_F_REPEAT_ANSWERED_NOT_ACKED) > 0)
		tw_cite(m, TW_F_REPEAT_ANSWERED_NOT_ACKED,
			"a repeat is answered at once by an ACK that does not move (%d in all)",
			(int)tw_get(f, TW_F_REPEAT_ANSWERED_NOT_ACKED));
	if (tw_reset_landed(f))
		tw_reset_cite(m);
}

static void cite_shift(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_ACK_RETREATS) >= SHIFTED_MIN)
		tw_cite(m, TW_F_ACK_RETREATS,
			"acknowledges less than its sender did before, and is newer: no end takes "
			"an acknowledgement back (%d in all)",
			(int)tw_get(f, TW_F_ACK_RETREATS));
	if (tw_get(f, TW_F_ACK_NOT_TAKEN) >= SHIFTED_MIN)
		tw_cite(m, TW_F_ACK_NOT_TAKEN,
			"repeated, although its timestamp echoes an ACK that covers it: that ACK "
			"arrived, with another number (%d in all)",
			(int)tw_get(f, TW_F_ACK_NOT_TAKEN));
	if (challenged(f))
		tw_cite(m, TW_F_ACK_CHALLENGED,
			"says nothing new, a round trip behind an ACK: its sender refuses that "
			"ACK, and repeats what was acknowledged (%d in all)",
			(int)tw_get(f, TW_F_ACK_CHALLENGED));
	if (tw_get(f, TW_F_BEFORE_START) >= SHIFTED_MIN)
		tw_cite(m, TW_F_BEFORE_START,
			"speaks of bytes before the first of the connection (%d in all)",
			(int)tw_get(f, TW_F_BEFORE_START));
	if (tw_get(f, TW_F_BEHIND_HOLE) >= SHIFTED_MIN)
		tw_cite(m, TW_F_BEHIND_HOLE,
			"repeated by the timer (%d times), but not what is missing before it: its "
			"sender knows of nothing there",
			(int)tw_get(f, TW_F_BEHIND_HOLE));
}

/* The SYN is answered with the numbers of another connection of the client, which the server takes it for. */
static bool match_merged(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const long long other = tw_get(f, TW_F_OTHER_SYN_STREAM);
	const bool later = tw_get(f, TW_F_ESTABLISHED);
	const int64_t took = tw_get(f, TW_F_CONNECT_NS);

	m->strength = TW_STRENGTH_CONTRADICTION;
	m->confidence = TW_LIKELY;
	m->outcome = tw_syn_outcome(f);
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	m->remedy = REMEDY_BALANCER;
	m->summary = tw_say(m,
			    "The SYN to %s was answered with the numbers of stream %lld, which the "
			    "client has from the same port to another address: both lead to one "
			    "server, which takes them for one connection.",
			    m->server, other);
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYN_ANSWERED_AS_OTHER,
		"ACK in place of a SYN|ACK, with exactly the seq and ack of stream %lld", other);
	if (tw_get(f, TW_F_BAD_ACK_REFUSED))
		tw_cite(m, TW_F_BAD_ACK_REFUSED,
			"RST of the client, which refuses that ACK; at the server it ends stream "
			"%lld",
			other);
	tw_rule_out(m, "peer-rebooted", "the client still has the connection that was meant");
	tw_rule_out(m, "time-wait-syn-dropped", "that connection is open");
	tw_app_saw(m, TW_CLIENT, "connect", later ? NULL : "hang", later && took > 0 ? took : -1,
		   later ? "It succeeds, late by the time to the second SYN; the other connection "
			   "is dead from then on."
			 : NULL);
	tw_app_saw(m, TW_SERVER, "recv", "ECONNRESET", -1,
		   "The other connection ends with ECONNRESET.");
	return true;
}

/* What is refused is repeated: only its sender's calls tell of it, and whose that is differs. */
static void tell_applications(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_reset_landed(f))
		tw_reset_victim_saw(m);
	else if (tw_get(f, TW_F_ACK3_WRONG))
		tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
			   "connect() had succeeded. The RST that refuses its ACK has the number "
			   "of that ACK: it ends the connection, if it comes through.");
	else if (tw_get(f, TW_F_UNANSWERED_REPEATS) > 0)
		tw_app_saw(m, (enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE), "recv", "hang", -1,
			   "What it sent is repeated until tcp_retries2 gives up (ETIMEDOUT).");
	else if (tw_get(f, TW_F_REPEATS_IN_VAIN) > 0)
		tw_app_saw(m, (enum tw_side)tw_get(f, TW_F_REPEATS_IN_VAIN_SIDE), "recv", "hang",
			   -1,
			   "What it sent is repeated, though it arrived, until tcp_retries2 gives "
			   "up (ETIMEDOUT).");
	else
		tw_app_saw(m, TW_CLIENT, NULL, NULL, -1,
			   "Not visible here: what one end refuses never comes, or was replaced in "
			   "silence by what somebody else sent.");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool shift = shifted(f), impossible = shift || impossible_ack(f);

	if (tw_get(f, TW_F_SYN_ANSWERED_AS_OTHER))
		return match_merged(m);
	if (!impossible && !quarrel(f))
		return false;
	m->strength = impossible ? TW_STRENGTH_CONTRADICTION : TW_STRENGTH_STALL + 5;
	m->confidence = impossible ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = stuck(f) ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	if (shift)
		m->summary = tw_say(m,
				    "%s and %s disagree on the sequence numbers: something between "
				    "them changes those of one direction.",
				    tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	else if (impossible)
		m->summary = tw_say(m,
				    "%s and %s disagree on the sequence numbers: bytes are "
				    "acknowledged that were never sent.",
				    tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	else
		m->summary = tw_say(m,
				    "%s and %s disagree on the sequence numbers: each refuses what "
				    "the other says.",
				    tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	cite_shift(m);
	cite(m);
	if (!shift)
		tw_rival(
			m, "injected-segment",
			"a segment injected behind this point of capture leaves exactly this echo");
	if (!impossible)
		tw_rival(m, "firewall-dropped",
			 "ACKs that are filtered in one direction leave repeats without progress");
	if ((!impossible || (shift && challenged(f) && !tw_get(f, TW_F_ACK_NOT_TAKEN) &&
			     !tw_get(f, TW_F_ACK_RETREATS))) &&
	    tw_get(f, TW_F_TIMESTAMPS))
		tw_rival(m, "invalid-segment",
			 "a receiver to which their timestamps look old refuses them with the same "
			 "answer");
	tw_missing(m, "A capture at the other end, to see which segments really arrived there.");
	tell_applications(m);
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_invalid_ratelimit", "One answer in 500 ms to a segment that cannot be: "
					    "stops the ACK war, not the disagreement." },
	{ "net.ipv4.tcp_retries2", "Ends the repeats: 15, 938.5 s measured." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Capture at both ends at once and compare the absolute sequence numbers of the same bytes: "
	"a constant difference names a device that rewrites them.",
	"Turn off sequence randomisation or SYN proxying on the firewall in the path for a test "
	"(Cisco: `set connection random-sequence-number disable`); SACK blocks that are not "
	"rewritten along with the numbers are the usual bug.",
	"If a firewall or balancer failed over at that time, its new half has lost the offsets: "
	"reset the connections through it.",
	[REMEDY_BALANCER] = "If a SYN got another connection's ACK: a balancer that keeps client "
			    "addresses leads two "
			    "of its addresses to one "
			    "server. Turn client IP preservation or cross-zone balancing off, or "
			    "connect to one of its "
			    "addresses only.",
	[REMEDY_INJECTED] = "If the numbers agree at both ends except for one segment, that one "
			    "was injected: see "
			    "`tcpwhy explain injected-segment`.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.10.7.4",
	"RFC 5961 s5.2, s9",
	"net/ipv4/tcp_input.c: tcp_ack, tcp_send_challenge_ack, tcp_oow_rate_limited",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "rewritten",
		.about = "a device shifts one direction's sequence numbers, and forgets the other",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 3\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable rewrite seq 100000 client tcp always\n"
			  "client send 100\n"
			  "client option SO_RCVTIMEO 3s\n"
			  "client recv -> EAGAIN after 1s..4s\n"
			  "# who falsified the numbers, and where, is not in either capture\n"
			  "verdict both desynchronized|invalid-segment possible likely failed "
			  "unknown\n"
			  "never both clean|peer-vanished|certain\n",
	},
	{
		.name = "to-the-end",
		.about = "the same until the client's kernel gives up",
		.variants = "v4",
		.script = "short client tcp_retries2 2\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "cable rewrite seq 100000 client tcp always\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "verdict both desynchronized|invalid-segment possible likely failed "
			  "unknown\n"
			  "never both clean|peer-vanished|certain\n",
	},
	{
		.name = "acks-shifted",
		.about = "what the server acknowledges is set back on the way, as by a device that "
			 "undoes one direction twice",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 3\n"
			  "short server tcp_retries2 3\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable rewrite ack -100000 server all always\n"
			  "client send 100\n"
			  "client option SO_RCVTIMEO 3s\n"
			  "client recv -> EAGAIN after 1s..4s\n"
			  "verdict client desynchronized likely failed\n"
			  "# its ACKs are echoed, and not taken\n"
			  "verdict server desynchronized likely failed\n",
	},
	{
		.name = "acks-ahead",
		.about = "what the server acknowledges is set ahead of all that the client sent",
		.variants = "v4 v6",
		.script =
			"short client tcp_retries2 3\n"
			"short server tcp_retries2 3\n"
			"server listen\n"
			"client connect\n"
			"server accept\n"
			"client send 100\n"
			"server recv 100\n"
			"server send 10\n"
			"client recv 10\n"
			"cable quiet 100ms\n"
			"fault\n"
			"cable rewrite ack 100000 server all always\n"
			"client send 100\n"
			"client option SO_RCVTIMEO 3s\n"
			"client recv -> EAGAIN after 1s..4s\n"
			"verdict client desynchronized likely failed\n"
			"# an ACK that is refused so leaves no echo, but the client challenges it\n"
			"verdict server desynchronized likely failed\n",
	},
	{
		.name = "data-set-back",
		.about = "what the client sends is set back below what it sent before",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 3\n"
			  "short server tcp_retries2 3\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable rewrite seq -100000 client all always\n"
			  "client send 100\n"
			  "client option SO_RCVTIMEO 3s\n"
			  "client recv -> EAGAIN after 1s..4s\n"
			  "verdict both desynchronized likely failed\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_desynchronized = {
	.slug = "desynchronized",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The two ends disagree on sequence numbers",
	.happens = "Each end keeps books: what it sent, what it received. When they do not agree "
		   "any more, what is right for one is impossible for the other. The sender sees "
		   "acknowledgements of bytes it never sent; the receiver sees bytes that it "
		   "already has. Both must answer with an ACK that states their own numbers, and "
		   "these answers contradict each other.\n\n"
		   "Linux limits such answers to one in 500 ms, so the war is short. What follows "
		   "is a stall (the true data is always \"old\"), silent corruption, or a reset, "
		   "once somebody closes.",
	.diagram = "client           device            server\n"
		   "  |---- seq 6 -----|---------------->|  has 6..10 already\n"
		   "  |<---------------|---- ACK 11 -----|  never sent that\n"
		   "  |---- ACK -------|---------------->|\n"
		   "  |<---------------|---- ACK 11 -----|  ... 500 ms limit\n",
	.client_sees = "A hang, then ETIMEDOUT after tcp_retries2; or wrong data.",
	.server_sees = "The same, or nothing.",
	.recognise =
		"An ACK or SACK of bytes (or of a FIN) that the alleged sender never sent "
		"although the capture is complete there; ACKs that answer each other without "
		"progress; repeats that draw an ACK at once which does not move. And what no end "
		"writes: an acknowledgement that is lower than an earlier one; a repeat of "
		"data whose ACK the sender has read, as the timestamp shows that it echoes; "
		"bytes before the first one; repeats behind a gap that nobody fills. There a "
		"device changes the numbers of one direction.\n\n"
		"Or a SYN that is answered by an ACK with the numbers of a connection that the "
		"client has, from the same port, to another address: a balancer leads both to one "
		"server, to which they are the same.\n\n"
		"A segment injected behind the point of capture leaves the same echo, so "
		"injected-segment stays a rival. A capture that lost packets shows ACKs of "
		"unseen data too; tcpwhy says nothing then.",
	.folklore = NULL,
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.scenarios = scenarios,
};
