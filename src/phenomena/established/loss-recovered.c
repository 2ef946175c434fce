/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loss, repaired by fast retransmit, RACK, tail-loss probe or timer: slow, not broken.
 *
 * Theory: a repeat alone proves no loss; it was needed only if the original did not arrive. That
 * is shown by the ACK (it echoes the repeat's timestamp, moves only after the repeat, brings no
 * D-SACK), or at the receiver's side by a segment that fills a hole and is newer than what came
 * after the hole. Limits: a lost tail that is repeated shows no hole beyond the loss, and is
 * invisible there.
 *
 *    sender                                                    receiver
 *      |------------------------ 1 ------------------------------>|
 *      |------------------------ 2 ----------------X              |
 *      |------------------------ 3 ------------------------------>|
 *      |<----------------- ACK 2, SACK 3 -------------------------|
 *      |------------------------ 2 again ------------------------>|
 *      |<---------------------- ACK 4 ----------------------------|
 *      |                                                          |
 *      |--------- last segment --------------------X  no SACK can tell
 *      |   tail-loss probe, or RTO 0.2 s, 0.4, 0.8 ...            |
 *      |--------- last segment again ---------------------------->|
 */
#include "base/duration.h"
#include "phenomena/phenomenon.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include <inttypes.h>

#define SMALL_PIECES 400 /* smaller ones are what an application writes */
#define LEFT_NS                                                                                    \
	(5 * TW_NS_PER_S) /* unacknowledged so long: given up, or gone on with behind the capture */
#define LONG_STALL_NS TW_NS_PER_S /* a person notices, a client's timeout may too */

static enum tw_fact_id first_loss(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_LOST_C))
		return TW_F_LOST_C;
	return tw_get(f, TW_F_LOST_S) ? TW_F_LOST_S : TW_F_LOST_BEFORE_HERE;
}

/*
 * Captured where they arrive, the originals are here, and none was acknowledged: they were lost behind this point, on the
 * receiving host as a rule (a filter, a backlog that is full), or on the last piece of the path. The end whose
 * host it was; -1: not so.
 */
static int lost_behind(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_LOST_BEFORE_HERE) || tw_get(f, TW_F_ICMP_COUNT))
		return -1;
	if (tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER) && tw_get(f, TW_F_LOST_C) &&
	    !tw_get(f, TW_F_LOST_S))
		return TW_SERVER;
	if (tw_is(f, TW_F_VANTAGE, TW_VANTAGE_CLIENT) && tw_get(f, TW_F_LOST_S) &&
	    !tw_get(f, TW_F_LOST_C))
		return TW_CLIENT;
	return -1;
}

/*
 * Captured next to their sender, the originals never came by: they were lost on its own host, in the queue of its
 * interface as a rule (the kernel shows a packet to the capture when it has left that queue). The end whose host
 * it was; -1: not so.
 */
static int lost_at_sender(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_LOST_C) || tw_get(f, TW_F_LOST_S) || tw_get(f, TW_F_ICMP_COUNT) ||
	    tw_get(f, TW_F_TRACE_LOSSY))
		return -1;
	if (tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER) && tw_is(f, TW_F_LOST_BEFORE_SIDE, TW_SERVER))
		return TW_SERVER;
	if (tw_is(f, TW_F_VANTAGE, TW_VANTAGE_CLIENT) && tw_is(f, TW_F_LOST_BEFORE_SIDE, TW_CLIENT))
		return TW_CLIENT;
	return -1;
}

/* Who lost it, as far as the place of the capture tells. */
static enum tw_culprit culprit(const struct tw_facts *f)
{
	const int behind = lost_behind(f), own = lost_at_sender(f);

	if (behind >= 0 || own >= 0)
		return tw_host_of((enum tw_side)(own >= 0 ? own : behind));
	/* before this point, and how far from the sender that is is not known: its own queue, or the path */
	if (tw_get(f, TW_F_LOST_BEFORE_HERE) && !tw_get(f, TW_F_LOST_C) &&
	    !tw_get(f, TW_F_LOST_S) && tw_is(f, TW_F_VANTAGE, TW_VANTAGE_UNKNOWN))
		return TW_CULPRIT_UNKNOWN;
	return TW_CULPRIT_NETWORK;
}

/*
 * Was each repeat one of a lone segment, and sooner than its ACK need be? Linux repeats after 200 ms; small TCPs, which
 * know no SACK, delay an ACK for longer (lwIP: up to 250 ms).
 */
static bool may_be_delayed(const struct tw_facts *f, int64_t needed, int64_t others)
{
	return needed && !others && tw_get(f, TW_F_LOST_OR_DELAYED) >= needed;
}

/* Between such stacks every other connection has one: it is told, and no more. */
static bool say_delayed(struct tw_match *m, int64_t repeats, int64_t stall)
{
	m->strength = TW_STRENGTH_CURIOSITY;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_CLEAN;
	m->summary =
		repeats == 1
			? tw_say(m,
				 "Between %s and %s a segment was acknowledged after %s, once it "
				 "had "
				 "been repeated: it was lost, or its acknowledgement was only "
				 "delayed.",
				 m->client, m->server, TW_DUR(stall))
			: tw_say(m,
				 "Between %s and %s %" PRId64
				 " segments were acknowledged after up to %s, once they had been "
				 "repeated: they were lost, or their acknowledgements only "
				 "delayed.",
				 m->client, m->server, repeats, TW_DUR(stall));
	tw_cite(m, first_loss(m->facts),
		"a lone segment again, and its acknowledgement (%" PRId64
		" in all); nothing tells which copy that is for",
		repeats);
	tw_rival(m, "reordering",
		 "an ACK may be delayed for half a second, longer than the timer of the sender; "
		 "without SACK it does not tell which copy came");
	return true;
}

static void cite_repair(struct tw_match *m, int64_t needed, int64_t before)
{
	const struct tw_facts *f = m->facts;

	if (needed)
		tw_cite(m, first_loss(f),
			"a repeat that was needed: the original had %s (%" PRId64 " in all)",
			lost_behind(f) < 0 ? "not arrived" : "passed here and was not taken",
			needed);
	if (tw_get(f, TW_F_ICMP_COUNT))
		tw_cite(m, TW_F_ICMP_COUNT,
			"an ICMP error (%" PRId64
			" in all) says who did not pass such a segment on, and why",
			tw_get(f, TW_F_ICMP_COUNT));
	if (tw_get(f, TW_F_ANSWERS_LOST))
		tw_cite(m, TW_F_ANSWERS_LOST,
			"a repeat by timer that nothing answers (%" PRId64
			" in all), although the data had arrived, as the answer to a later one "
			"says: ACKs were lost, or these repeats",
			tw_get(f, TW_F_ANSWERS_LOST));
	if (before)
		tw_cite(m, TW_F_LOST_BEFORE_HERE,
			"a hole is filled by a newer segment than those behind it: a repeat, its "
			"original was lost before this point%s",
			lost_at_sender(f) < 0 ? "" : ", next to its sender");
	if (tw_get(f, TW_F_FAST_RETRANSMITS))
		tw_cite(m, TW_F_FAST_RETRANSMITS,
			"after SACKs or duplicate ACKs: %" PRId64 " of the repeats",
			tw_get(f, TW_F_FAST_RETRANSMITS));
	if (tw_get(f, TW_F_RTO_REPEATS) >= 2)
		tw_cite(m, TW_F_RTO_REPEATS,
			"one segment was repeated %" PRId64 " times by the timer, with back-off",
			tw_get(f, TW_F_RTO_REPEATS));
}

static void say_what(struct tw_match *m, int64_t lost, int64_t stall)
{
	/* all of them are one segment: its original, and its repeats but the last */
	if (lost > 1 && tw_get(m->facts, TW_F_RTO_REPEATS) == lost && stall)
		m->summary = tw_say(m,
				    "Between %s and %s a segment was lost %" PRId64
				    " times in a row, and repaired in the end; that took %s.",
				    m->client, m->server, lost, TW_DUR(stall));
	else if (lost == 1 && stall)
		m->summary = tw_say(
			m, "Between %s and %s a segment was lost and repaired; that took %s.",
			m->client, m->server, TW_DUR(stall));
	else if (lost == 1)
		m->summary =
			tw_say(m, "Between %s and %s a segment was lost, and repaired by a repeat.",
			       m->client, m->server);
	else if (stall)
		m->summary = tw_say(m,
				    "Between %s and %s %" PRId64
				    " segments were lost and repaired; the longest "
				    "repair took %s.",
				    m->client, m->server, lost, TW_DUR(stall));
	else
		m->summary = tw_say(m,
				    "Between %s and %s %" PRId64
				    " segments were lost, and repaired by repeats.",
				    m->client, m->server, lost);
	if (lost > 1 && tw_get(m->facts, TW_F_RECORDS_DROPPED))
		m->summary = tw_say(m,
				    "%s There may have been more: of so long a connection not all "
				    "is kept.",
				    m->summary);
}

static void say_own_queue(struct tw_match *m, int64_t lost, int64_t stall)
{
	const enum tw_side sender = (enum tw_side)lost_at_sender(m->facts);

	if (lost == 1)
		m->summary = tw_say(m,
				    "A segment of %s was lost on its own side, before it came to "
				    "this point of capture, and repaired; that took %s.",
				    tw_endpoint(m, sender), TW_DUR(stall));
	else
		m->summary = tw_say(m,
				    "%" PRId64
				    " segments of %s were lost on its own side, before they came "
				    "to this point of capture, and repaired; the longest repair "
				    "took %s.",
				    lost, tw_endpoint(m, sender), TW_DUR(stall));
	tw_missing(m,
		   "Whether this was taken on that host: then its own queue lost them (a shaper, a "
		   "full interface); else it may be the way from it to here.");
}

/* The lost ones were too big, a router said so, and they were sent again smaller at once. */
static bool too_big_was_said(const struct tw_facts *f, int64_t stall)
{
	return tw_get(f, TW_F_ICMP_TOO_BIG) > 0 && stall < LONG_STALL_NS &&
	       tw_get(f, TW_F_RTO_REPEATS) < 2;
}

/*
 * Behind the loss only the repeat that got through is seen, not those that did not. A hole that
 * stood open for long, or one that is filled by segments well below the MSS, may be a path that
 * lets no large ones through. The same holds for what was sent before the capture began.
 */
static bool may_be_size(const struct tw_facts *f, int64_t stall)
{
	int64_t filled_by = tw_get(f, TW_F_LOST_BEFORE_LARGEST);

	if (stall >= LONG_STALL_NS && (tw_is(f, TW_F_START_SEEN, 0) || tw_get(f, TW_F_LOST_CUT)))
		return true;
	return tw_get(f, TW_F_LOST_BEFORE_HERE) &&
	       (stall >= LONG_STALL_NS ||
		(filled_by >= SMALL_PIECES && filled_by * 10 < tw_get(f, TW_F_MSS_C) * 9));
}

/*
 * Only the client's first data, before the server acknowledged anything: a listener with a full
 * accept queue ignores just these, and with SYN cookies nothing else gives it away.
 */
static bool may_be_queue(const struct tw_facts *f)
{
	int64_t first = tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED);

	return first > 0 && tw_get(f, TW_F_LOST_C) <= first && !tw_get(f, TW_F_LOST_S) &&
	       !tw_get(f, TW_F_LOST_BEFORE_HERE);
}

/*
 * After the close the receiver answers something that its peer did not send then, as seen from here: an
 * original that comes late finds no socket (RST) or TIME_WAIT (ACK).
 */
static bool may_be_late(const struct tw_facts *f)
{
	enum tw_side receiver = (enum tw_side)tw_get(f, TW_F_AFTER_CLOSE_SIDE);
	int64_t flags = tw_get(f, TW_F_AFTER_CLOSE_FLAGS);

	return tw_known(f, TW_F_AFTER_CLOSE_SIDE) && (flags & TW_RST || flags == TW_ACK) &&
	       tw_get(f, receiver == TW_SERVER ? TW_F_LOST_C : TW_F_LOST_S) > 0;
}

/* What speaks for originals, or ACKs, that were only late. */
static void weigh_lateness(struct tw_match *m, bool late, bool unheard, bool doubtful)
{
	if (late)
		tw_rival(m, "reordering",
			 "after the close the receiver answers a segment that was not sent then: "
			 "the original may have come late");
	else if (unheard)
		tw_rival(m, "reordering",
			 "the data had arrived, and the repeats were needless: all of them and "
			 "the ACKs may have been held up instead");
	else if (doubtful)
		tw_rival(m, "reordering",
			 "acknowledgements are missing or may have been delayed, or other repeats "
			 "were needless: this one may have been too");
	else
		tw_rule_out(m, "reordering",
			    "the originals never arrived; what filled the holes are repeats");
}

/* All that had to be repeated was refused by a window that had closed before it: nothing was lost on the way. */
static bool say_unwanted(struct tw_match *m, int64_t needed, int64_t stall)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side sender = tw_get(f, TW_F_LOST_C) ? TW_CLIENT : TW_SERVER;
	const char *from = tw_endpoint(m, sender), *to = tw_endpoint(m, tw_other(sender));

	m->confidence = TW_LIKELY;
	m->culprit = tw_host_of(tw_other(sender));
	m->summary =
		tw_say(m,
		       needed == 1 ? "%s did not take a segment of %s: its window did not "
				     "reach so far any more; it was repeated, and taken %s "
				     "later."
				   : "%s did not take segments of %s: its window did not reach "
				     "so far any more; they were repeated, and taken up to %s "
				     "later.",
		       to, from, TW_DUR(stall));
	tw_cite(m, TW_F_LOST_UNWANTED,
		"an ACK that stands still, and a window that ends before the segment (%" PRId64
		" in all): no memory for it, or more than was offered",
		tw_get(f, TW_F_LOST_UNWANTED));
	tw_rival(m, "zero-window-stall",
		 "its buffer was full: the program there reads too slowly, or the buffer was cut");
	tw_rival(m, "invalid-segment", "the sender may have sent more than the window allowed");
	return true;
}

/* Linux sends probes behind a silent tail, most of them needless; that they were, only a D-SACK says, which was cut off here. */
static void admit_unread(struct tw_match *m, int64_t needed, int64_t before, int64_t stall)
{
	if (!needed || before || stall >= LONG_STALL_NS ||
	    tw_get(m->facts, TW_F_LOST_ACK_UNREAD) < needed)
		return;
	m->confidence = TW_POSSIBLE;
	tw_missing(m,
		   "The options of the acknowledgements, which the snap length cut off: a D-SACK "
		   "among them says that a repeat was needless. `tcpdump -s 128` keeps them.");
}

/* Its receiver waited for all of it while its window was small, and took it when that opened. */
static bool may_be_full(const struct tw_facts *f)
{
	const int64_t needed = tw_get(f, TW_F_LOST_C) + tw_get(f, TW_F_LOST_S);

	return needed && !tw_get(f, TW_F_LOST_BEFORE_HERE) &&
	       tw_get(f, TW_F_LOST_REOPENED) >= needed;
}

static void name_rivals(struct tw_match *m, bool unseen, bool queue, bool answered)
{
	const int behind = lost_behind(m->facts);

	if (may_be_full(m->facts))
		tw_rival(m, "zero-window-stall",
			 "the receiver opened its window before it took the repeat: its program "
			 "did not read, and what came meanwhile was dropped there");

	if (unseen)
		tw_rival(m, "pmtu-blackhole",
			 "which repeats vanished before this point, and of what size, is not seen "
			 "here");
	if (behind >= 0)
		tw_rival(m, "firewall-dropped",
			 "the originals passed here, near %s: a filter on its host that dropped "
			 "for a "
			 "while leaves the same packets",
			 tw_endpoint(m, (enum tw_side)behind));
	if (queue)
		tw_rival(m, "accept-queue-full",
			 "only the client's first data was ignored: a listener whose accept queue "
			 "is full does so");
	if (answered)
		tw_rival(m, "invalid-segment",
			 "the receiver answered by an ACK that stands still and reports no hole: "
			 "it may have refused what arrived, an old timestamp for example");
}

/* The last word is a reset whose number its receiver does not take. */
static bool ends_unheard(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_EFFECT, TW_RST_IGNORED) && tw_get(f, TW_F_RST_IGNORED) &&
	       !tw_get(f, TW_F_RST_IGNORED_WENT_ON) && !tw_get(f, TW_F_CLOSED_CLEAN);
}

static void tell_applications(struct tw_match *m, int64_t stall)
{
	const int64_t after = stall ? stall : -1;

	tw_app_saw(m, TW_CLIENT, NULL, NULL, after, "A pause, no error.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, after, "A pause, no error.");
	if (!ends_unheard(m->facts))
		return;
	tw_cite(m, TW_F_RST_COUNT,
		"a reset of %s at last, outside what %s can take: that one may stay open",
		tw_side_name(tw_reset_author(m->facts)), tw_side_name(tw_reset_victim(m->facts)));
	tw_rival(m, "invalid-segment", "the reset at the end is refused by its number");
	tw_app_saw(
		m, tw_reset_victim(m->facts), "recv", "hang", -1,
		"A pause, and at the end a reset that its kernel does not take: it may wait on.");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t needed = tw_get(f, TW_F_LOST_C) + tw_get(f, TW_F_LOST_S);
	int64_t before = tw_get(f, TW_F_LOST_BEFORE_HERE);
	int64_t unheard = tw_get(f, TW_F_ANSWERS_LOST);
	int64_t stall = tw_get(f, TW_F_LOSS_STALL_NS), spurious;
	bool unseen, queue, doubtful, answered, late;

	if (unheard && tw_get(f, TW_F_SPURIOUS_LATE_NS) > stall)
		stall = tw_get(f, TW_F_SPURIOUS_LATE_NS);
	if (needed + before + unheard == 0 || too_big_was_said(f, stall))
		return false;
	/* A reset took what was owed: that is the story, and who wrote it says more. */
	if (tw_known(f, TW_F_RST_SIDE) && tw_reset_landed(f) &&
	    tw_get(f, TW_F_RST_VICTIM_UNACKED) > 0 && !tw_get(f, TW_F_RST_NOTHING_OWED) &&
	    !tw_get(f, TW_F_RST_AFTER_CLOSE) && !tw_get(f, TW_F_UNANSWERED_BYTES))
		return false;
	/* What was lost later is not repaired: that is the story. */
	if (tw_hole_stays(f) && tw_silence_proves(f))
		return false;
	if (tw_get(f, TW_F_UNANSWERED_BYTES) && !tw_get(f, TW_F_RST_COUNT) &&
	    tw_get(f, TW_F_UNANSWERED_FOR_NS) >= LEFT_NS)
		return false;
	/* Seconds of standstill matter more than a lost FIN, which nobody waits for. */
	m->strength = stall >= LONG_STALL_NS ? TW_STRENGTH_TEARDOWN + 5 : TW_STRENGTH_DELAY;
	unseen = may_be_size(f, stall);
	queue = may_be_queue(f);
	/* where most repeats were needless, a late D-SACK may make the rest needless too */
	spurious = tw_get(f, TW_F_SPURIOUS_C) + tw_get(f, TW_F_SPURIOUS_S);
	doubtful = tw_get(f, TW_F_TRACE_LOSSY) ||
		   (before && !needed && tw_get(f, TW_F_FILLED_BY_TIME) >= before) ||
		   (!before &&
		    (unheard || tw_get(f, TW_F_LOST_DOUBTFUL) >= needed || spurious > needed));
	answered = !before && needed && tw_get(f, TW_F_LOST_ANSWERED) >= needed;
	late = may_be_late(f);
	/* next to its sender a capture that missed packets looks as if they had never come by */
	m->confidence = unseen || queue || doubtful || answered || late || may_be_full(f) ||
					lost_at_sender(f) >= 0
				? TW_LIKELY
				: TW_CERTAIN;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = culprit(f);
	if (!before && !unheard && tw_get(f, TW_F_LOST_UNWANTED) >= needed)
		return say_unwanted(m, needed, stall);
	if (may_be_delayed(f, needed, before + unheard))
		return say_delayed(m, needed, stall);
	if (lost_at_sender(f) >= 0)
		say_own_queue(m, before, stall);
	else
		say_what(m, needed + before + unheard, stall);
	cite_repair(m, needed, before);
	admit_unread(m, needed, before + unheard, stall);
	name_rivals(m, unseen, queue, answered);
	weigh_lateness(m, late, unheard > 0, doubtful);
	tw_rule_out(m, "peer-vanished", "the repeats were acknowledged");
	tell_applications(m, stall);
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_sack",
	  "Selective acknowledgement, 1 by default: without it a window with several "
	  "losses takes one round trip for each." },
	{ "net.ipv4.tcp_recovery", "RACK loss detection: 1 by default." },
	{ "net.ipv4.tcp_early_retrans",
	  "3 (the default) sends tail-loss probes; 0 waits for the retransmission "
	  "timer." },
	{ "net.ipv4.tcp_rto_min_us",
	  "Lower limit of the retransmission timer: 200000 us by default, settable "
	  "since Linux 6.11 and long before per route (`ip route ... rto_min 50ms`)." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Find where it is lost: compare `nstat -az TcpRetransSegs TcpExtTCPLostRetransmit` on "
	"the sender with `ethtool -S IF | grep -Ei 'drop|err|crc'` and `ip -s link` along the "
	"path, and capture on both sides of the suspect.",
	"If they never left the sending host, look at its own queue: `tc -s qdisc show dev IF` "
	"counts what a shaper (tbf, htb) or a full queue dropped, `ip -s link` what the driver "
	"did.",
	"Look for a pattern in time and direction: loss in bursts at full rate is a full "
	"queue or a policer, steady loss on all connections is a bad link, one direction only "
	"is a cable, an optic or a filter.",
	"If the delay is in the tail (short requests that take 200 ms longer), check that "
	"SACK and timestamps survive the path: a middlebox that strips them makes every "
	"repair a timeout.",
	"Do not lower the timers before the loss is found: it hides the cause and adds "
	"needless repeats.",
	NULL,
};

static const char *const references[] = {
	"RFC 6298 (retransmission timer)",
	"RFC 8985 (RACK-TLP)",
	"RFC 6675, RFC 5681 s3.2 (fast retransmit)",
	"net/ipv4/tcp_recovery.c: tcp_rack_mark_lost",
	"net/ipv4/tcp_output.c: tcp_send_loss_probe",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "fast-retransmit",
		.about = "one segment of many is lost and repaired at once",
		.variants = "v4 v6 v4-nots v4-nosack",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable drop client data #5\n"
			  "client send 40000 &\n"
			  "server recv 40000 within 2s\n"
			  "join client\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both loss-recovered likely certain degraded\n",
	},
	{
		.name = "tail",
		.about = "the last segment is lost: a tail-loss probe or a timeout repairs it",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable drop client data\n"
			  "client send 100\n"
			  "server recv 100 within 3s\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client loss-recovered likely certain degraded\n"
			  "# no hole, only the repeat: nothing tells that it is one\n"
			  "verdict server clean certain likely clean\n",
	},
	{
		.name = "burst",
		.about = "eight segments in a row are lost",
		.variants = "v4 v6 v4-nosack",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable drop client data #5-12\n"
			  "client send 60000 &\n"
			  "server recv 60000 within 5s\n"
			  "join client\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both loss-recovered likely certain degraded\n",
	},
	{
		.name = "repeat-lost",
		.about = "the repeat is lost, too, and the one after it: the timer doubles",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable drop client data #1-3\n"
			  "client send 100\n"
			  "server recv 100 after 500ms..3s\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client loss-recovered likely certain degraded\n"
			  "verdict server clean certain likely clean\n",
	},
	{
		.name = "hole-lost-again",
		.about = "in the midst of a transfer a segment is lost, and its repeat",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable drop client data #5\n"
			  "cable drop client data #24\n"
			  "client send 60000 &\n"
			  "server recv 60000 within 5s\n"
			  "join client\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both loss-recovered likely certain degraded\n",
	},
	{
		.name = "from-server",
		.about = "in the answer",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable drop server data #3\n"
			  "server send 40000 &\n"
			  "client recv 40000 within 3s\n"
			  "join server\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "verdict both loss-recovered likely certain degraded\n",
	},
	{
		.name = "outage",
		.about = "nothing passes for a while, ARP neither: a peer that vanished, and is "
			 "back",
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
			  "cable drop any all always\n"
			  "client send 100\n"
			  "cable wait client data #5 within 20s\n"
			  "cable heal\n"
			  "server recv 100 within 20s\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client loss-recovered likely certain degraded\n"
			  "verdict server clean certain likely clean\n",
	},
	{
		.name = "acks",
		.about = "only ACKs are lost: the next ones stand for them",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable drop server ack #3-6\n"
			  "client send 40000 &\n"
			  "server recv 40000 within 3s\n"
			  "join client\n"
			  "cable quiet 100ms\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean|reordering certain likely clean degraded\n",
	},
	{
		.name = "random",
		.about = "two percent of random loss in both directions",
		.variants = "v4 v6",
		.script = "loss 2%\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client send 300000 &\n"
			  "server recv 300000 within 30s\n"
			  "join client\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both loss-recovered|syn-lost|syn-ack-lost|fin-lost degraded "
			  "likely certain\n"
			  "never both peer-vanished\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_loss_recovered = {
	.slug = "loss-recovered",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "Packets were lost and repaired by repeats",
	.happens = "A segment did not arrive, and the sender noticed. With SACK Linux repeats as "
		   "soon as a later segment was acknowledged and a quarter of the round trip has "
		   "passed (RACK), so one to three SACKs are enough; without SACK it takes three "
		   "duplicate ACKs. If the last segment of a burst is lost nothing follows that "
		   "could be SACKed: then a tail-loss probe repeats it after about two round "
		   "trips, or the retransmission timer after 0.2 s plus the round trip, doubling "
		   "each time.\n\n"
		   "All data arrived in the end. What the application pays is time: about one "
		   "round trip for a repair by SACK, and hundreds of milliseconds up to seconds "
		   "for a repair by timer.",
	.diagram = " sender                                                    receiver\n"
		   "   |------------------------ 1 ------------------------------>|\n"
		   "   |------------------------ 2 ----------------X              |\n"
		   "   |------------------------ 3 ------------------------------>|\n"
		   "   |<----------------- ACK 2, SACK 3 -------------------------|\n"
		   "   |------------------------ 2 again ------------------------>|\n"
		   "   |<---------------------- ACK 4 ----------------------------|\n"
		   "   |                                                          |\n"
		   "   |--------- last segment --------------------X  no SACK can tell\n"
		   "   |   tail-loss probe, or RTO 0.2 s, 0.4, 0.8 ...            |\n"
		   "   |--------- last segment again ---------------------------->|\n",
	.client_sees =
		"No error: a pause. Reads that wait for the lost segment wait for everything "
		"behind it too.",
	.server_sees = "The same.",
	.recognise =
		"tcpwhy counts a repeat as needed only if the evidence shows that the "
		"original had not arrived: the ACK echoes the timestamp of the repeat, or "
		"moves only after it and brings no D-SACK. At the receiver's side it takes the "
		"segment that fills a hole and compares its timestamp and IP-ID with what "
		"came after the hole: newer means a repeat, older an original that was "
		"overtaken (reordering).\n\n"
		"A segment behind which the receiver stands still and offers a window that ends "
		"before it was not lost but refused, for want of memory as a rule (Linux counts "
		"TCPRcvQDrop).\n\n"
		"Where the capture was taken behind the loss and nothing was sent after the "
		"lost segment, the loss is invisible, and the connection is clean there.",
	.folklore = "\"Retransmissions mean that something is broken\", \"a duplicate ACK means a "
		    "lost packet.\" A little loss is how TCP finds its speed, and duplicate ACKs "
		    "come from reordering as well. What decides is the time that was lost, not the "
		    "number of repeats.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.in_part = true,
	.scenarios = scenarios,
};
