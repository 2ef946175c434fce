/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets arrived in another order than they were sent in, or an ACK came so late that a needless
 * repeat went out.
 *
 * Theory: a late original is older than what overtook it (timestamp, IP-ID), or the SACK hole that
 * it left closes without any repeat. A repeat that was not needed is answered by D-SACK (RFC 2883).
 * Both are harmless but for the time. Limits: without timestamps and IP-ID (IPv6, or a NAT that
 * rewrites it) a late original cannot be told from a repeat whose first copy was lost before this
 * point.
 *
 *    sender                                                    receiver
 *      |------------------------ 1 ------------------------------>|
 *      |------------------------ 2 --------.                      |
 *      |------------------------ 3 ---------\-------------------->|
 *      |<----------------- ACK 2, SACK 3 ----\--------------------|
 *      |                                      `------------------>| 2, older
 *      |<---------------------- ACK 4 ----------------------------|
 *      |                                                          |
 *      |  if the sender was faster than the latecomer:            |
 *      |------------------------ 2 again ------------------------>|
 *      |<------------- ACK 4, DSACK 2 (had it already) -----------|
 */
#include "phenomena/phenomenon.h"
#include "timers/constants.h"

#include <inttypes.h>

/* later than this, a LAN's sender may have repeated */
#define NOTICEABLE_NS (2 * TW_NS_PER_MS)
/* closer than this, the capturing host's own queues may have swapped the packets */
#define CAPTURE_NS (TW_NS_PER_MS / 2)
/* an ACK that is later than this costs a timeout; sooner it only drew a tail-loss probe */
#define LATE_ACK_NS TW_TCP_RTO_MIN_NS
/* so many duplicate ACKs are reports of a hole, and not only the answer to a needless repeat */
#define REPORTS 3

static void cite_evidence(struct tw_match *m, int64_t overtaken, int64_t spurious)
{
	const struct tw_facts *f = m->facts;
	enum tw_fact_id spurious_id =
		tw_get(f, TW_F_SPURIOUS_C) ? TW_F_SPURIOUS_C : TW_F_SPURIOUS_S;

	if (overtaken && !tw_get(f, TW_F_REORDER_DELAY_NS))
		tw_cite(m, TW_F_REORDERED,
			"overtaken: an original that arrives late (%" PRId64
			" in all), but at the same time by this clock",
			overtaken);
	else if (overtaken)
		tw_cite(m, TW_F_REORDERED,
			"overtaken: an original that arrives late (%" PRId64
			" in all, by up to %s)",
			overtaken, TW_DUR(tw_get(f, TW_F_REORDER_DELAY_NS)));
	if (spurious)
		tw_cite(m, spurious_id,
			"the receiver shows that it had the repeated segment already (%" PRId64
			" in all)",
			spurious);
	if (tw_get(f, TW_F_DSACK_COUNT))
		tw_cite(m, TW_F_DSACK_COUNT, "a duplicate SACK (%" PRId64 " in all)",
			tw_get(f, TW_F_DSACK_COUNT));
}

static void say_what(struct tw_match *m, int64_t overtaken, int64_t spurious)
{
	const struct tw_facts *f = m->facts;

	if (overtaken && tw_get(f, TW_F_HOLE_OPEN))
		m->summary = tw_say(m,
				    "Between %s and %s packets overtook each other (%" PRId64
				    " came late, by up to %s); whether the last hole is a loss is "
				    "not in the capture.",
				    m->client, m->server, overtaken,
				    TW_DUR(tw_get(f, TW_F_REORDER_DELAY_NS)));
	else if (overtaken && !tw_get(f, TW_F_REORDER_DELAY_NS))
		m->summary = tw_say(m,
				    "Between %s and %s packets overtook each other (%" PRId64
				    " came late, but at the same time by this clock); none was "
				    "lost.",
				    m->client, m->server, overtaken);
	else if (overtaken == 1)
		m->summary = tw_say(m,
				    "Between %s and %s a packet was overtaken and arrived %s late; "
				    "nothing was lost.",
				    m->client, m->server, TW_DUR(tw_get(f, TW_F_REORDER_DELAY_NS)));
	else if (overtaken)
		m->summary = tw_say(m,
				    "Between %s and %s %" PRId64
				    " packets arrived out of order, by up to %s; none was lost.",
				    m->client, m->server, overtaken,
				    TW_DUR(tw_get(f, TW_F_REORDER_DELAY_NS)));
	/* seen where they arrive, held up and then all together, how close they are says nothing */
	else if (tw_get(f, TW_F_SPURIOUS_LATE_NS) < LATE_ACK_NS)
		m->summary = tw_say(m,
				    "Between %s and %s %" PRId64
				    " repeats were needless: the receiver had the data.",
				    m->client, m->server, spurious);
	else if (spurious == 1)
		m->summary = tw_say(
			m,
			"Between %s and %s a segment was repeated although it had arrived: its "
			"acknowledgement came after %s.",
			m->client, m->server, TW_DUR(tw_get(f, TW_F_SPURIOUS_LATE_NS)));
	else
		m->summary = tw_say(m,
				    "Between %s and %s %" PRId64
				    " segments were repeated although they had arrived: "
				    "acknowledgements came up to %s late.",
				    m->client, m->server, spurious,
				    TW_DUR(tw_get(f, TW_F_SPURIOUS_LATE_NS)));
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t overtaken = tw_get(f, TW_F_REORDERED), delay = tw_get(f, TW_F_REORDER_DELAY_NS);
	int64_t spurious = tw_get(f, TW_F_SPURIOUS_C) + tw_get(f, TW_F_SPURIOUS_S);
	bool lost = tw_get(f, TW_F_LOST_C) || tw_get(f, TW_F_LOST_S);
	bool open = tw_get(f, TW_F_HOLE_OPEN);
	bool shown = overtaken > tw_get(f, TW_F_FILLED_BY_TIME) && delay >= CAPTURE_NS;
	bool late_ack = spurious && tw_get(f, TW_F_SPURIOUS_LATE_NS) >= LATE_ACK_NS;
	/* at the sender: the receiver reported a hole, and then that the repeat was needless */
	bool provoked = spurious >= REPORTS &&
			tw_get(f, TW_F_DUP_ACKS_C) + tw_get(f, TW_F_DUP_ACKS_S) >= REPORTS;

	/* late or not is a matter of time: with a clock that was set meanwhile nobody knows */
	if (tw_get(f, TW_F_CLOCK_SET))
		return false;
	/* A tail-loss probe that was not needed costs nobody anything: clean, with a remark. */
	if (!overtaken && !late_ack && !provoked)
		return false;
	m->strength = TW_STRENGTH_CURIOSITY + 5; /* below a real loss, which is said first */
	/* between two interfaces the queues of the capturing host itself mix the order; and a packet of which only
	 * the second copy was captured looks late */
	m->confidence = shown && !lost && !open && !tw_get(f, TW_F_TRACE_LOSSY) &&
					!tw_get(f, TW_F_SECOND_COPIES) &&
					!tw_get(f, TW_F_DUPLICATE_CAPTURE)
				? TW_CERTAIN
				: TW_LIKELY;
	m->outcome = late_ack || provoked || delay >= NOTICEABLE_NS ? TW_OUTCOME_DEGRADED
								    : TW_OUTCOME_CLEAN;
	m->culprit = TW_CULPRIT_NETWORK;
	m->remark = spurious ? "spurious-retransmit" : NULL;
	say_what(m, overtaken, spurious);
	cite_evidence(m, overtaken, spurious);
	if (overtaken && open) {
		tw_cite(m, TW_F_HOLE_OPEN,
			"the last ACK: bytes are missing before others, and the capture ends");
		tw_rival(m, "loss-recovered",
			 "what is missing when the capture ends may be lost and not only late");
	}
	if (m->confidence == TW_CERTAIN)
		tw_rule_out(
			m, "loss-recovered",
			"what closed the holes are the originals, older than what overtook them");
	else if (overtaken && open)
		tw_missing(m, "The capture ends before the last hole was filled.");
	else if (overtaken && delay < CAPTURE_NS)
		tw_missing(m, "A capture from another point: so small a lateness can come from the "
			      "queues of the "
			      "capturing host.");
	else if (overtaken && !shown)
		tw_rival(m, "loss-recovered",
			 "neither timestamps nor IP-IDs tell what was sent first: a quick repeat "
			 "looks the same");
	else
		tw_rival(m, "loss-recovered",
			 "a lost ACK provokes the same needless repeat as a late one");
	tw_app_saw(m, TW_CLIENT, NULL, NULL, -1, "Nothing, or a short pause.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "Nothing, or a short pause.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_reordering",
	  "How many places a packet may be late before that counts as a loss, at the "
	  "start of a connection: 3; the kernel raises it by itself up to "
	  "tcp_max_reordering (300)." },
	{ "net.ipv4.tcp_recovery",
	  "RACK: 1 by default; it measures lateness in time (a quarter of the smallest "
	  "round trip) and adapts to D-SACKs." },
	{ "net.ipv4.tcp_timestamps",
	  "1 by default; the sender needs timestamps or D-SACK to recognise a needless "
	  "repeat and undo its slow-down." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Measure it before you act: `nstat -az TcpExtTCPSACKReorder TcpExtTCPTSReorder "
	"TcpExtTCPDSACKRecv TcpExtTCPDSACKUndo`, and `ss -ti` shows `reordering:N` for each "
	"connection.",
	"Look for a device that distributes packets and not flows over parallel links "
	"(bonding with balance-rr, per-packet ECMP), and let it hash by flow.",
	"On the hosts, check that one flow stays on one queue: irqbalance, RPS "
	"(`/sys/class/net/IF/queues/rx-*/rps_cpus`) and aRFS can move a flow between CPUs.",
	"Leave a few per mille alone: Linux adapts to them and nothing is lost.",
	NULL,
};

static const char *const references[] = {
	"RFC 2883 (D-SACK)",
	"RFC 8985 s6.2 (reordering window)",
	"RFC 4737 (reordering metrics)",
	"net/ipv4/tcp_input.c: tcp_check_sack_reordering, tcp_try_undo_recovery",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "overtaken",
		.about = "a segment is overtaken by those behind it",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable delay 15ms client data #4\n"
			  "client send 40000 &\n"
			  "server recv 40000 within 2s\n"
			  "join client\n"
			  "cable quiet 100ms\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "# at the sender a D-SACK tells that the repeat was needless; without "
			  "timestamps it may come too late\n"
			  "verdict client reordering|clean|loss-recovered clean degraded likely "
			  "certain\n"
			  "verdict server reordering likely certain degraded\n",
	},
	{
		.name = "strong",
		.about = "five segments are overtaken by all the others, far beyond a round trip",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable delay 60ms client data #4-8\n"
			  "client send 40000 &\n"
			  "server recv 40000 within 3s\n"
			  "join client\n"
			  "cable quiet 100ms\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client reordering|loss-recovered likely certain degraded\n"
			  "verdict server reordering likely certain degraded\n",
	},
	{
		.name = "slightly",
		.about = "overtaken by less than the sender's patience: nothing is repeated",
		.variants = "v4 v6",
		.script = "delay 20ms\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable delay 5ms client data #8\n"
			  "client send 40000 &\n"
			  "server recv 40000 within 3s\n"
			  "join client\n"
			  "cable quiet 100ms\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client clean|reordering clean degraded likely certain\n"
			  "verdict server reordering likely certain degraded clean\n",
	},
	{
		.name = "ack-late",
		.about = "only an ACK is late: a needless repeat, and a D-SACK",
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
			  "cable delay 600ms server ack\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "cable quiet 700ms\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client reordering likely certain degraded\n"
			  "# the repeat arrives, that is all\n"
			  "verdict server clean|reordering likely certain clean degraded\n",
	},
	{
		.name = "answer",
		.about = "in the server's direction",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable delay 15ms server data #4\n"
			  "server send 40000 &\n"
			  "client recv 40000 within 2s\n"
			  "join server\n"
			  "cable quiet 100ms\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "verdict client reordering likely certain degraded\n"
			  "verdict server reordering|clean|loss-recovered clean degraded likely "
			  "certain\n",
	},
	{
		.name = "duplicated",
		.about = "the network delivers segments twice: no harm",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable duplicate 1ms client data #2-6\n"
			  "client send 40000 &\n"
			  "server recv 40000 within 3s\n"
			  "join client\n"
			  "cable quiet 100ms\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client clean likely certain clean\n"
			  "# IPv6 has no IP-ID: a copy may be a repeat\n"
			  "verdict server clean|reordering|old-duplicate likely certain clean "
			  "degraded\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_reordering = {
	.slug = "reordering",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "Packets overtook each other; needless repeats",
	.happens = "Two packets took different ways (parallel links, several queues of a network "
		   "card, wireless retransmission), and the later one arrived first. The "
		   "receiver reports the hole by SACK, as it would a loss. Linux waits a quarter "
		   "of the round trip before it believes in a loss; if the latecomer arrives in "
		   "that time, nothing happens at all. If not, the sender repeats a segment that "
		   "was not lost; the receiver tells it by D-SACK, and the sender takes its "
		   "slow-down back.\n\n"
		   "The same needless repeat happens when only the ACK is late: a tail-loss "
		   "probe or the timer fires, and a D-SACK follows.",
	.diagram = " sender                                                    receiver\n"
		   "   |------------------------ 1 ------------------------------>|\n"
		   "   |------------------------ 2 --------.                      |\n"
		   "   |------------------------ 3 ---------\\-------------------->|\n"
		   "   |<----------------- ACK 2, SACK 3 ----\\--------------------|\n"
		   "   |                                      `------------------>| 2, older\n"
		   "   |<---------------------- ACK 4 ----------------------------|\n"
		   "   |                                                          |\n"
		   "   |  if the sender was faster than the latecomer:            |\n"
		   "   |------------------------ 2 again ------------------------>|\n"
		   "   |<------------- ACK 4, DSACK 2 (had it already) -----------|\n",
	.client_sees = "Nothing, or a short pause: data behind the hole wait for the latecomer.",
	.server_sees = "The same.",
	.recognise =
		"tcpwhy calls a segment overtaken if it arrives late and is older, by "
		"timestamp or IP-ID, than what came before it, or if a SACK hole closes "
		"without any repeat. It calls a repeat spurious if the receiver shows by "
		"D-SACK, or by the timestamp it echoes, that it had the original. If there was "
		"a real loss as well, loss-recovered is said.",
	.folklore = "\"Duplicate ACKs and retransmissions prove a loss.\" Here both happen "
		    "although every packet was delivered. And a D-SACK for a segment that was sent "
		    "only once shows that the network duplicated it, not that the sender erred.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.scenarios = scenarios,
};
