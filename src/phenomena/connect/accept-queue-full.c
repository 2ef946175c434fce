/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept-queue-full: the application does not accept, and the listener's queue is full.
 *
 *   full when the SYN comes          full when the ACK comes
 *     client        server             client        server
 *       |----SYN----->| dropped          |----SYN----->|
 *       |----SYN----->| dropped          |<--SYN|ACK---|
 *       |     ...     |                  |----ACK----->| ignored
 *       ETIMEDOUT; from outside          |----data---->| ignored
 *       it is syn-unanswered             |<--SYN|ACK---| 1, 3, 7, 15, 31 s
 *                                        |----data---->| ...
 *
 *   A place becomes free: the next segment completes the handshake. After 64 s: a bare RST. With
 *   SYN cookies there is no request, and so no SYN|ACK again; all else is the same. With
 *   tcp_abort_on_overflow = 1 the ACK draws a bare RST at once; a SYN is dropped all the same.
 *
 * At the server the ACK and the data are seen to arrive and to be ignored: that is the mark. At
 * the client lost ACKs look the same. A bare SYN-time overflow shows only silence and stays with
 * syn-unanswered; one that passes, and is seen at the server, may be told: the SYNs had come.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"
#include "timers/usual.h"

#define COOKIE_MIN_REPEATS      3
#define COOKIE_MIN_REPEATS_BUSY 2 /* while others get through to the same port */
#define LONG_HANG_NS            (3 * TW_NS_PER_S)
#define SMALL_BYTES             1000 /* larger first data may also be a path MTU problem */

/* A reset within this time of connect() with nothing received is the handshake's. */
#define FRESH_NS (3LL * 1000 * 1000 * 1000)

/* The SYN|ACK is repeated although the client acknowledged it: its ACK was not taken. */
static bool ack_ignored(const struct tw_facts *f)
{
	int64_t repeats = tw_synacks_in_vain(f);

	if (repeats == 0 || tw_looks_deferred_accept(f))
		return false;
	if (tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED) > 0)
		return true; /* data, which carries the ACK again, is ignored as well */
	if (tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER))
		return true; /* the ACK arrived: a loss is excluded */
	/*
	 * ACK after ACK in vain, and accepted in the end: losses in a row are less likely, but not on a path that
	 * loses other segments too.
	 */
	return repeats > 1 && !tw_get(f, TW_F_LOST_C) && !tw_get(f, TW_F_LOST_S) &&
	       !tw_get(f, TW_F_LOST_BEFORE_HERE) &&
	       (tw_get(f, TW_F_PORT_OPEN_BEFORE) || tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) ||
		tw_get(f, TW_F_BYTES_S) > 0);
}

/*
 * No SYN|ACK again, the first data ignored from the start, while the port serves others: a
 * cookie's ACK that found no place.
 */
static bool cookie_ignored(const struct tw_facts *f)
{
	int64_t repeats = tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED);
	bool during = tw_get(f, TW_F_PORT_OPEN_DURING);
	bool lives = tw_get(f, TW_F_ALIVE_ELSEWHERE) || tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA);
	/* that it served others before says nothing of a host that may be gone since */
	bool served = during || tw_get(f, TW_F_PORT_OPEN_AFTER) ||
		      (lives && tw_get(f, TW_F_PORT_OPEN_BEFORE));

	if (!tw_get(f, TW_F_ACK3_SEEN) || tw_get(f, TW_F_SYNACK_COUNT) != 1 ||
	    tw_get(f, TW_F_SYN_COUNT) != 1 || !tw_is(f, TW_F_FIRST_DATA_SIDE, TW_CLIENT))
		return false;
	if (tw_get(f, TW_F_UNANSWERED_LARGEST) >= SMALL_BYTES || tw_get(f, TW_F_ICMP_COUNT) > 0 ||
	    tw_get(f, TW_F_FULL_SIZE_LOST_REPEATS) > 0 || tw_get(f, TW_F_TRACE_LOSSY))
		return false;
	/* A path that loses other segments, too, needs no queue to explain it. */
	if (tw_get(f, TW_F_LOST_S) > 0 || tw_get(f, TW_F_LOST_C) > repeats)
		return false;
	return (repeats >= COOKIE_MIN_REPEATS && served) ||
	       (repeats >= COOKIE_MIN_REPEATS_BUSY && during);
}

static bool match_refused(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	/* the reset ends the request (tcp_check_req): a SYN|ACK of later says that it was another's */
	if (!tw_ack3_refused(f) || tw_request_outlives_reset(f))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 1;
	m->outcome = TW_OUTCOME_FAILED;
	m->summary = tw_say(
		m,
		"%s answered the ACK of the handshake with a RST, as it does when its accept queue "
		"is full and tcp_abort_on_overflow is set.",
		m->server);
	tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK: something listened");
	tw_cite(m, TW_F_RST_TRIGGER, "the client's ACK, which completes the handshake");
	tw_cite(m, TW_F_RST_COUNT, "bare RST, %s later: window 0, no options",
		TW_DUR(tw_get(f, TW_F_RST_TRIGGER_DELAY_NS)));
	tw_rival(m, "process-died",
		 "a listener that is closed between SYN|ACK and ACK, by a restart for example, "
		 "leaves "
		 "the same packets; a SYN refused soon after would tell");
	tw_rival(m, "peer-rebooted", "so does a host that forgets the half-open connection");
	tw_rival(m, "firewall-reset",
		 "a filter that lets SYNs pass and rejects the rest writes the same packet");
	tw_rule_out(m, "port-closed", "the SYN was answered by a SYN|ACK");
	tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
		   "connect() had succeeded; the next call, send() or recv(), gets ECONNRESET.");
	return true;
}

/* What has no room for a connection has let others in; one that is refused alone says little about a queue. */
static bool refused_alone(const struct tw_facts *f)
{
	return tw_ack3_refused(f) && !tw_get(f, TW_F_PORT_OPEN_BEFORE) &&
	       !tw_get(f, TW_F_PORT_OPEN_DURING) && !tw_get(f, TW_F_PORT_OPEN_AFTER);
}

static void cite_ignored(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t again = tw_synacks_in_vain(f), data = tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED);

	tw_cite(m, TW_F_ACK3_SEEN, "the client's ACK of the SYN|ACK");
	if (again > 0)
		tw_cite(m, TW_F_SYNACK_REPEATS_AFTER_ACK,
			"SYN|ACK again, %s after the first, although it was acknowledged; %s",
			TW_DUR(tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS)),
			tw_count(m, again, "such repeat"));
	if (data > 0)
		tw_cite(m, TW_F_CLIENT_DATA_REPEATS_UNACKED,
			"first data of the client, repeated %s without any acknowledgement",
			tw_times(m, data));
	if (data > 0 && tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA))
		tw_cite(m, TW_F_CLIENT_DATA_FIRST_ACK_NS,
			"acknowledged at last, %s after it was first sent",
			TW_DUR(tw_get(f, TW_F_CLIENT_DATA_FIRST_ACK_NS)));
	if (tw_get(f, TW_F_PORT_OPEN_BEFORE))
		tw_cite(m, TW_F_PORT_OPEN_BEFORE, "the same port completed handshakes before");
}

static void rivals_of_ignored(struct tw_match *m, bool taken)
{
	const struct tw_facts *f = m->facts;

	if (tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER)) {
		tw_rival(m, "firewall-dropped",
			 "a filter on this host that lets SYNs pass and drops the rest");
		tw_rule_out(m, "handshake-ack-lost", "the ACK and the data arrived here");
	} else {
		tw_rival(m, "handshake-ack-lost",
			 "from this side, everything that the client sends after its SYN might be "
			 "lost as well");
		if (!taken && tw_synacks_in_vain(f) > 0)
			tw_rival(m, "firewall-dropped",
				 "so drops a stateful filter that the SYN|ACK did not pass: "
				 "asymmetric "
				 "routes");
	}
	if (!taken && tw_synacks_in_vain(f) == 0) {
		tw_rival(m, "peer-vanished", "the host may have died right after the handshake");
		if (!tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER))
			tw_rival(
				m, "firewall-dropped",
				"a device that lets handshakes pass and drops what it reads in the "
				"first data leaves the same packets");
	}
	if (taken && tw_synacks_in_vain(f) == 0)
		tw_rival(m, "loss-recovered",
			 "an outage of the path right after the handshake would delay the data as "
			 "well");
	tw_rule_out(m, "syn-ack-lost", "the client acknowledged the SYN|ACK");
}

/* Ignored to the end of the capture: is that an end, or was there more to come? */
static enum tw_outcome outcome_of_hang(const struct tw_facts *f)
{
	bool ended = tw_known(f, TW_F_RST_SIDE) || tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT) ||
		     tw_get(f, TW_F_DURATION_NS) >= tw_usual()->request_life_ns ||
		     tw_get(f, TW_F_CAPTURE_GOES_ON_NS) > tw_get(f, TW_F_UNANSWERED_SPAN_NS);

	return ended ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
}

/* Elsewhere than at the server, and without a repeated SYN|ACK, all that is seen is data without an answer. */
static bool only_silence(const struct tw_facts *f)
{
	return tw_synacks_in_vain(f) == 0 && !tw_ack3_refused(f) &&
	       !tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
}

/* Taken at last, the connection was of no use: the server reset it, and had never sent a byte. */
static bool taken_in_vain(const struct tw_facts *f)
{
	return tw_get(f, TW_F_BYTES_S) == 0 && tw_reset_landed(f) &&
	       tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_reset_debt(f) == TW_DEBT_OWED;
}

static void say_taken(struct tw_match *m, int64_t late, const char *was)
{
	const bool in_vain = taken_in_vain(m->facts);

	if (late > 0)
		m->summary =
			tw_say(m,
			       "The accept queue of %s %s full: it ignored what the client sent "
			       "for %s, until a place was free%s.",
			       m->server, was, TW_DUR(late),
			       in_vain ? ", and then reset it without an answer" : "");
	else
		m->summary = tw_say(
			m,
			"The accept queue of %s was full: it ignored the client's ACK and repeated "
			"its SYN|ACK %s, until a place was free.",
			m->server, tw_times(m, tw_synacks_in_vain(m->facts)));
	if (in_vain)
		tw_reset_victim_saw(m);
	else
		tw_app_saw(m, TW_CLIENT, "recv", "hang", late > 0 ? late : -1,
			   "connect() and send() succeeded; the answer came late or after the "
			   "client's own timeout.");
}

static bool match_ignored(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool taken =
		tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) ||
		(tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED) == 0 && tw_get(f, TW_F_BYTES_S) > 0);
	/* what was acknowledged without a repeat was not ignored, however long the path is */
	int64_t late = tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED) > 0
			       ? tw_get(f, TW_F_CLIENT_DATA_FIRST_ACK_NS)
			       : 0;
	const bool here = tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	const char *was = only_silence(f) || (!taken && !here) ? "may have been" : "was";

	/*
	 * A listener without room for a connection has but SYN|ACKs to send; and what it has ignored it does not echo: of
	 * the repeats it takes the first that comes when a place is free.
	 */
	if (tw_get(f, TW_F_SERVER_ALIVE_BEFORE_ACK) || tw_get(f, TW_F_CLIENT_DATA_FIRST_ECHOED) ||
	    tw_ack3_rejected(f) || (!ack_ignored(f) && !cookie_ignored(f)))
		return false;
	/* A hang of seconds is the story, however the connection ended afterwards. */
	if (taken)
		m->strength =
			late >= LONG_HANG_NS ? TW_STRENGTH_MECHANISM + 1 : TW_STRENGTH_STALL + 2;
	else
		m->strength = TW_STRENGTH_MECHANISM + 2;
	m->outcome = !taken             ? outcome_of_hang(f)
		     : taken_in_vain(f) ? TW_OUTCOME_FAILED
					: TW_OUTCOME_DEGRADED;
	cite_ignored(m);
	if (taken && taken_in_vain(f))
		tw_reset_cite(m);
	rivals_of_ignored(m, taken);
	if (taken) {
		say_taken(m, late, was);
		return true;
	}
	m->summary =
		tw_say(m,
		       "The accept queue of %s %s full: the client's ACK and data were ignored "
		       "to the end, while the "
		       "client believed itself connected.",
		       m->server, was);
	if (m->outcome == TW_OUTCOME_UNKNOWN)
		tw_missing(m, "The capture ends between two repeats of the client.");
	if (tw_is(f, TW_F_RST_SIDE, TW_SERVER))
		tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
			   "The request expired after about 64 s, and the next segment drew a bare "
			   "RST.");
	else
		tw_app_saw(m, TW_CLIENT, "recv", "hang", -1,
			   "connect() and send() succeeded, recv() waits: until ECONNRESET when "
			   "the request "
			   "expires (64 s), or until the application's own timeout.");
	return true;
}

/*
 * Seen next to the server, a port that serves others took none of the first SYNs, and then one. No loss on the way explains
 * that; a filter on the host, or a limit of SYNs there, may.
 */
static bool match_waited(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t took = tw_get(f, TW_F_CONNECT_NS);

	if (!tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER) || !tw_syn_repeated(f) ||
	    !tw_get(f, TW_F_ESTABLISHED) || !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK) ||
	    !tw_later_syn_answered(f) || tw_get(f, TW_F_SYN_PAYLOAD) ||
	    tw_get(f, TW_F_SYN_ASKED_MORE) ||
	    (!tw_get(f, TW_F_PORT_OPEN_BEFORE) && !tw_get(f, TW_F_PORT_OPEN_DURING)) ||
	    tw_get(f, TW_F_RTT_NS) > TW_TCP_TIMEOUT_INIT_NS * 9 / 10)
		return false;
	m->strength = TW_STRENGTH_DELAY + 3; /* above syn-lost */
	m->outcome = TW_OUTCOME_DEGRADED;
	m->summary = tw_say(m,
			    "Connecting to %s took %s: the first SYNs had come here, next to the "
			    "server, and were not taken; its accept queue may have been full.",
			    m->server, TW_DUR(took > 0 ? took : tw_get(f, TW_F_SYN_SPAN_NS)));
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK, the first answer");
	tw_rival(m, "syn-queue-full", "a full SYN queue drops SYNs as silently");
	tw_rival(m, "firewall-dropped",
		 "so does a filter on this host, for a while or beyond a rate");
	tw_rival(m, "syn-lost", "or this is not the server itself, and they were lost behind here");
	tw_app_saw(m, TW_CLIENT, "connect", NULL, took > 0 ? took : -1, "Late, but it succeeds.");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool waited;

	if (tw_get(f, TW_F_SIMULTANEOUS_OPEN) || tw_get(f, TW_F_SELF_CONNECT))
		return false;
	waited = !match_refused(m) && !match_ignored(m);
	if (waited && !match_waited(m))
		return false;
	m->confidence = waited || only_silence(f) || refused_alone(f) ? TW_POSSIBLE : TW_LIKELY;
	m->culprit = TW_CULPRIT_SERVER_APP;
	return true;
}

static const char *const remedies[] = {
	"Look at the listener: `ss -ltn 'sport = :PORT'`; Recv-Q is the queue, Send-Q its limit, "
	"and Recv-Q above Send-Q means "
	"that it overflows.",
	"Watch `nstat -az TcpExtListenOverflows TcpExtListenDrops` while it happens: it counts "
	"every overflow since boot.",
	"Find out why the program does not accept: all workers busy, a lock, a garbage collection, "
	"out of file descriptors "
	"(EMFILE). A longer queue only hides a program that is too slow for good.",
	"For bursts, raise both limits: the backlog in the program (listen(fd, 4096), nginx "
	"`listen ... backlog=4096`) and "
	"`sysctl net.core.somaxconn=4096`, then restart the listener.",
	"Leave `net.ipv4.tcp_abort_on_overflow` at 0: a short burst then costs clients a second, "
	"not the connection.",
	"Shed load before the queue does: limit concurrency at the balancer, and give clients "
	"timeouts for answers, not only "
	"for connecting.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "listen() backlog",
	  "The queue's limit as the program asks for it; backlog + 1 connections fit." },
	{ "net.core.somaxconn",
	  "Upper bound of that backlog. Default 4096 (128 before Linux 5.4)." },
	{ "net.ipv4.tcp_abort_on_overflow", "1: a full queue at the third ACK answers with RST in "
					    "place of ignoring it; a SYN is dropped in "
					    "silence all the same. Default 0." },
	{ "net.ipv4.tcp_synack_retries", "How long the ignored request lives: SYN|ACKs at 1, 3, 7, "
					 "15, 31 s, freed at about 64 s. Default 5." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"net/ipv4/tcp_ipv4.c: tcp_v4_syn_recv_sock (exit_overflow, LINUX_MIB_LISTENOVERFLOWS)",
	"net/ipv4/tcp_input.c: tcp_conn_request (sk_acceptq_is_full)",
	"net/ipv4/tcp_minisocks.c: tcp_check_req (listen_overflow); include/net/sock.h: "
	"sk_acceptq_is_full",
	NULL,
};

/* The client's end alone: a RST as a host writes it that has no such connection, though it had answered the SYN. */
static bool is_refused_fresh(const struct tw_facts *f)
{
	return tw_get(f, TW_F_K_RST_IN_FRESH) && tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_REPLY) &&
	       !tw_known(f, TW_F_K_RST_SIDE) &&
	       !tw_is(f, TW_F_K_RST_IN_STATE, TW_SOCKET_SYN_SENT) && !tw_get(f, TW_F_K_PEER_FIN);
}

/* Right after the handshake. */
static bool is_refused_at_once(const struct tw_facts *f)
{
	return tw_is(f, TW_F_K_RST_IN, TW_CLIENT) && is_refused_fresh(f) &&
	       tw_known(f, TW_F_K_CONNECT_NS) && tw_get(f, TW_F_K_CONNECT_NS) < FRESH_NS;
}

/* Later than that: all that the client had sent since its SYN was passed over, until the request expired. */
static bool is_unheard(const struct tw_facts *f)
{
	return tw_get(f, TW_F_K_RST_IN_UNHEARD) && is_refused_fresh(f) &&
	       tw_get(f, TW_F_K_CONNECT_NS) >= FRESH_NS;
}

static bool say_unheard(struct tw_match *m)
{
	tw_live_say(m, TW_STRENGTH_ENDING + 1, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_SERVER_APP,
		    tw_say(m,
			   "%s answered the SYN and never took anything after it, for %s, and then "
			   "knew of no connection.",
			   m->server, TW_DUR(tw_get(m->facts, TW_F_K_CONNECT_NS))));
	tw_cite(m, TW_F_K_RST_IN_UNHEARD, "nothing but the SYN was ever acknowledged");
	tw_live_cite_got(m);
	tw_rival(m, "handshake-ack-lost", "the ACK and all data may have been lost on the way");
	tw_rival(m, "peer-rebooted", "a host that starts anew right after the handshake");
	tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1, NULL);
	return true;
}

static bool say_over(struct tw_match *m)
{
	tw_live_say(
		m, TW_STRENGTH_MECHANISM + 3, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_SERVER_APP,
		tw_say(m, "%s dropped %s in a burst; its accept queue has room again.", m->server,
		       tw_count(m, tw_get(m->facts, TW_F_K_LISTEN_DROPS), "connection request")));
	tw_live_cite_drops(m);
	tw_rival(m, "syn-queue-full", "without SYN cookies a full SYN queue drops in the same way");
	tw_live_connect_unanswered(
		m, "The SYN is repeated after a second, and then by doubled intervals.");
	return true;
}

/* One connection that is refused says little about a queue, as in a capture: who answers for servers resets so as well. */
static bool say_refused(struct tw_match *m)
{
	tw_live_say(m, TW_STRENGTH_ENDING, TW_POSSIBLE, TW_OUTCOME_FAILED, TW_CULPRIT_SERVER_APP,
		    tw_say(m,
			   "%s answered the SYN and then reset what it had just accepted, %s "
			   "after connect().",
			   m->server, TW_DUR(tw_get(m->facts, TW_F_K_CONNECT_NS))));
	tw_live_cite_got(m);
	tw_rival(m, "firewall-reset",
		 "a filter that lets the SYN pass and not what follows, or a load balancer that "
		 "answers first and then finds no server");
	tw_rival(m, "peer-rebooted", "a host that starts anew within moments");
	tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1, NULL);
	return true;
}

/* Live: the listener's queue itself, or what the kernel dropped or reset because of it. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool reset = tw_live_reset_for(m, TW_KRST_ACCEPT_QUEUE) &&
			   tw_is(f, TW_F_K_RST_STATE, TW_SOCKET_LISTEN);

	if (is_unheard(f))
		return say_unheard(m);
	if (is_refused_at_once(f))
		return say_refused(m);
	if (tw_live_drops_are_over(m) && !tw_live_rather_syn_queue(m))
		return say_over(m);
	if (!reset && !tw_get(f, TW_F_K_QUEUE_FULL))
		return false;
	/* Before a process that died later, and whose connection never came to be. */
	tw_live_say(m, TW_STRENGTH_MECHANISM + 3, TW_CERTAIN, TW_OUTCOME_FAILED,
		    TW_CULPRIT_SERVER_APP, NULL);
	if (tw_known(f, TW_F_K_QUEUE_LIMIT))
		m->summary = tw_say(m, "The accept queue of %s is full: %lld wait, %lld may.",
				    m->server, (long long)tw_get(f, TW_F_K_QUEUE_LENGTH),
				    (long long)tw_get(f, TW_F_K_QUEUE_LIMIT));
	else
		m->summary = tw_say(m, "The accept queue of %s is full.", m->server);
	tw_live_cite_drops(m);
	if (tw_get(f, TW_F_K_QUEUE_FULL))
		tw_cite(m, TW_F_K_QUEUE_FULL,
			"the listener takes no more connections; the program does "
			"not call accept() fast enough");
	if (reset)
		tw_live_cite_reset(m);
	tw_live_cite_got(m);
	if (reset)
		tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1, NULL);
	else
		tw_live_connect_unanswered(
			m, "New SYNs are dropped in silence; one that had its SYN|ACK already "
			   "waits for "
			   "an answer.");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "at-syn",
		.about = "the queue is full when the SYN comes: it is dropped",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "set server tcp_syncookies 0\n"
			  "server listen 0\n"
			  "client connect\n"
			  "fault\n"
			  "client connect #2 -> ETIMEDOUT after 3s full 134s\n"
			  "verdict both clean clean\n"
			  "verdict client syn-unanswered|accept-queue-full possible failed "
			  "unknown full likely failed stream 1\n"
			  "verdict server accept-queue-full|syn-unanswered|syn-queue-full "
			  "likely possible failed unknown stream 1\n"
			  "never both port-closed|certain stream 1\n",
	},
	{
		.name = "at-ack",
		.about = "the queue fills between SYN and ACK: the client believes that it is "
			 "connected",
		.variants = "v4 v6 v4-nots",
		.script = "set server tcp_syncookies 0\n"
			  "set server tcp_synack_retries 2\n"
			  "server listen 3\n"
			  "client connect #2\n"
			  "client connect #3\n"
			  "client connect #4\n"
			  "fault\n"
			  "cable hold client ack #1-2\n"
			  "client connect within 1s\n"
			  "client.2 connect within 1s\n"
			  "cable release\n"
			  "client.2 send 100\n"
			  "client.2 option SO_RCVTIMEO 1400ms\n"
			  "client.2 recv -> EAGAIN after 1400ms\n"
			  "verdict client accept-queue-full|handshake-ack-lost likely "
			  "possible failed unknown stream 4\n"
			  "verdict both clean clean stream 0-3\n"
			  "verdict server accept-queue-full likely certain failed unknown "
			  "stream 4\n"
			  "never client clean|port-closed|certain stream 4\n",
	},
	{
		.name = "abort-on-overflow",
		.about = "the same with tcp_abort_on_overflow: a bare reset answers the third ACK",
		.variants = "v4 v6",
		.script = "set server tcp_syncookies 0\n"
			  "set server tcp_abort_on_overflow 1\n"
			  "server listen 3\n"
			  "client connect #2\n"
			  "client connect #3\n"
			  "client connect #4\n"
			  "fault\n"
			  "cable hold client ack #1-2\n"
			  "client connect within 1s\n"
			  "client.2 connect within 1s\n"
			  "cable release\n"
			  "client.2 recv -> ECONNRESET within 1s\n"
			  "verdict both clean clean stream 0-3\n"
			  "verdict both accept-queue-full|peer-rebooted|firewall-reset "
			  "likely possible failed stream 4\n"
			  "never both clean|port-closed|certain stream 4\n",
	},
	{
		.name = "recovers",
		.about = "a place is free again before the next SYN|ACK",
		.variants = "v4 v6",
		.script = "set server tcp_syncookies 0\n"
			  "server listen 1\n"
			  "client connect #2\n"
			  "fault\n"
			  "cable hold client ack\n"
			  "client connect within 1s\n"
			  "client connect #3 within 1s\n"
			  "cable quiet 20ms\n"
			  "cable release\n"
			  "cable quiet 50ms\n"
			  "server accept #2\n"
			  "server accept #3\n"
			  "server accept after 500ms..3s\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean|unknown clean\n"
			  "verdict both accept-queue-full|handshake-ack-lost likely possible "
			  "degraded stream 1\n"
			  "verdict both clean|unknown clean stream 2\n",
	},
	{
		.name = "expired",
		.about = "the server forgets the ignored request: what the client sends then is "
			 "reset",
		.variants = "v4",
		.script = "short server tcp_synack_retries 1\n"
			  "set server tcp_syncookies 0\n"
			  "server listen 1\n"
			  "client connect #2\n"
			  "fault\n"
			  "cable hold client ack\n"
			  "client connect within 1s\n"
			  "client connect #3 within 1s\n"
			  "cable quiet 20ms\n"
			  "cable release\n"
			  "cable wait server synack #4\n"
			  "wait 2500ms\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "verdict both clean clean\n"
			  "verdict both accept-queue-full|handshake-ack-lost likely certain "
			  "possible failed stream 1\n"
			  "never both clean|port-closed|forged-reset stream 1\n",
	},
	{ 0 },
};

/*
 * Data that meets a full queue is ignored until the listener forgets the request; then there is a listener and no
 * request, and the next repeat draws a bare RST.
 */
static void predict_ignored_data(struct tw_prediction *p, const struct tw_model *m)
{
	struct tw_schedule l;
	int64_t forgotten_ns;
	unsigned i;

	tw_schedule_synack(&l, m);
	forgotten_ns = l.end.expected_ns;
	tw_schedule_setting(&p->ladder, m, TW_SET_SYNACK_RETRIES);
	tw_schedule_data(&l, m, TW_HELD, 1, "the segment again", "the segment again");
	for (i = 0; i < l.count && l.step[i].at.expected_ns < forgotten_ns; i++)
		;
	if (i < l.count)
		tw_predict_saw(
			p, "recv(), full at the third ACK", "ECONNRESET", l.step[i].at,
			"connect() succeeds, data is ignored. Once the listener has freed the "
			"request (handshake-ack-lost), its next repeat draws a RST.");
	else
		tw_predict_saw(p, "recv(), full at the third ACK", "ETIMEDOUT", l.end,
			       "connect() succeeds, data is ignored.");
	tw_predict_hangs(p, "recv(), the same, nothing sent",
			 "The client is ESTABLISHED and waits for a server that never speaks; only "
			 "its data would draw the RST.");
}

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	tw_predict_silent_connect(p, m);
	tw_schedule_setting(&p->ladder, m, TW_SET_ABORT_ON_OVERFLOW);
	tw_schedule_setting(&p->ladder, m, TW_SET_SOMAXCONN);
	if (m->set.value[TW_SET_ABORT_ON_OVERFLOW])
		tw_predict_saw(p, "recv(), full at the third ACK", "ECONNRESET",
			       tw_moment_at(m->socket.rtt_ns),
			       "connect() succeeds; a bare RST answers the third ACK.");
	else
		predict_ignored_data(p, m);
	p->note = "The SYNs are dropped in silence until a place is free; the next SYN after that "
		  "gets through.";
}

const struct tw_phenomenon tw_ph_accept_queue_full = {
	.slug = "accept-queue-full",
	.stage = TW_STAGE_CONNECT,
	.title = "The accept queue was full",
	.happens = "Connections whose handshake is done wait in the listener's accept queue until "
		   "the program calls accept(). "
		   "Its limit is the backlog of listen(), cut to somaxconn, plus one. When it is "
		   "full, Linux drops new SYNs in "
		   "silence, so most clients of an overloaded server see a connect timeout.\n\n"
		   "If the queue fills between SYN and third ACK, the client is already "
		   "ESTABLISHED. The server ignores its ACK "
		   "and its data, stays in SYN_RECV, and repeats the SYN|ACK at 1, 3, 7, 15 and 31 "
		   "s. When a place becomes free, the "
		   "next segment of the client completes the handshake. After about 64 s the "
		   "request is freed in silence, and the "
		   "client's next segment draws a bare RST. Under SYN cookies no request exists: "
		   "then the SYN|ACK is "
		   "not repeated, either.\n\n"
		   "tcp_abort_on_overflow=1 makes the server answer the third ACK with a bare RST; "
		   "it does not change what happens to SYNs.",
	.diagram = "client               server (queue full)\n"
		   "  |---SYN------------->|\n"
		   "  |<--SYN|ACK----------|\n"
		   "  |---ACK------------->|   ignored\n"
		   "  |---data------------>|   ignored\n"
		   "  |<--SYN|ACK----------|   1, 3, 7, 15, 31 s\n"
		   "  |---data------------>|   ignored, or accepted when a\n"
		   "  |        ...         |   place is free; after 64 s: RST\n",
	.client_sees = "Full at the SYN: connect() hangs, then ETIMEDOUT. Full at the ACK: "
		       "connect() and send() succeed at once, "
		       "recv() hangs until a place is free, or fails with ECONNRESET after about "
		       "64 s; with tcp_abort_on_overflow "
		       "ECONNRESET at once.",
	.server_sees = "The program notices nothing but a queue that is always full. `ss -ltn` "
		       "shows Recv-Q above Send-Q; the kernel "
		       "counts ListenOverflows and ListenDrops.",
	.recognise = "The SYN|ACK is repeated although its ACK (and data) went out, and the server "
		     "acknowledges nothing. At the server, "
		     "where the ACK is seen to arrive, only a filter on the host is left as rival; "
		     "at the client, lost ACKs look the "
		     "same. A bare RST in answer to the third ACK is likely tcp_abort_on_overflow "
		     "where the port let others in, and possible where it did not. "
		     "At SYN time there is only "
		     "silence: syn-unanswered, with this as rival. TCP_DEFER_ACCEPT repeats the "
		     "SYN|ACK once, or later than "
		     "after one second, and is no fault.",
	.folklore = "\"A full queue resets the client.\" By default it drops. Only the third ACK "
		    "draws a RST, and only with "
		    "tcp_abort_on_overflow=1.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
