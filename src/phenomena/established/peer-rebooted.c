/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer-rebooted: half-open, the peer no longer knows the connection.
 *
 *     client                          server
 *       |          established          |
 *       |                              (power fails, boots again)
 *       |---- data -------------------->|  no such socket
 *       |<--- RST seq = ack of data ----|  tcp_v4_send_reset(), NO_SOCKET
 *     recv: ECONNRESET
 *
 * RFC 9293 s3.5.1, figures 9 and 10. The answer is the same whoever lost the state: a rebooted
 * host, a host that gave the connection up by its own timeout, a balancer or NAT that answers from
 * its own stack. The history decides: no FIN of that end before, silence while its segments were
 * awaited, same TTL, and nothing of the old connection from it ever again.
 */
#include "base/duration.h"
#include "phenomena/came_back.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#define BACK_AGAIN_NS (100 * TW_NS_PER_MS) /* no host boots, no container starts sooner */

/* A capture that begins in the middle and has nothing else of the author cannot tell that it had not closed. */
static bool author_unheard(const struct tw_facts *f)
{
	bool client = tw_reset_author(f) == TW_CLIENT;

	return !tw_get(f, TW_F_START_SEEN) &&
	       tw_get(f, client ? TW_F_PACKETS_C : TW_F_PACKETS_S) <=
		       tw_get(f, client ? TW_F_RST_COUNT_C : TW_F_RST_COUNT_S);
}

static bool fits(const struct tw_facts *f)
{
	if (!tw_reset_landed(f) || !tw_is(f, TW_F_RST_FORM, TW_RST_REPLY))
		return false;
	if (tw_get(f, TW_F_RST_AUTHOR_FIN) || tw_get(f, TW_F_RST_AFTER_CLOSE) || author_unheard(f))
		return false;
	/* Its host was up, and the path dead: see peer-vanished. */
	if (tw_get(f, TW_F_RST_AUTHOR_ALIVE_ELSEWHERE))
		return false;
	/* A reset with the victim's own address explains why the author has no connection any more. */
	if (tw_get(f, tw_reset_victim(f) == TW_CLIENT ? TW_F_RST_COUNT_C : TW_F_RST_COUNT_S) > 0)
		return false;
	/* Who was repeating its own data until just now knew the connection, and gave it up. */
	if (tw_is(f, TW_F_UNANSWERED_SIDE, tw_reset_author(f)) &&
	    tw_get(f, TW_F_UNANSWERED_REPEATS) >= 2)
		return false;
	/* Nor did it lose what its own keepalive, or its own timer, had ended. */
	if (tw_reset_after_probes(f) || tw_reset_after_repeats(f))
		return false;
	/* Who goes on has a socket; another TTL or a flow label of 0 is another author. */
	if (tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0 || tw_get(f, TW_F_RST_TTL_DELTA) != 0 ||
	    tw_get(f, TW_F_RST_LABEL_ZERO))
		return false;
	/* Without the segment that drew it, it is not known that there was a connection. */
	switch (tw_get(f, TW_F_RST_TRIGGER)) {
	case TW_TRIGGER_NONE:
	case TW_TRIGGER_SYN:
	case TW_TRIGGER_SYNACK:
		return false;
	case TW_TRIGGER_PROBE:
		return true;
	case TW_TRIGGER_DATA:
		/* only its goodbye, to an end that had said so first */
		return !tw_get(f, TW_F_RST_NOTHING_OWED) || tw_get(f, TW_F_RST_VICTIM_FIN);
	default:
		/* A bare ACK or FIN that is refused after all was done takes nothing from anybody. */
		return tw_reset_debt(f) != TW_DEBT_NONE;
	}
}

/*
 * It used the connection just before: too short a time for a host to boot, and for an address to move. Then
 * rather somebody ended it there, in a way that does not show here:
 *
 *     client                   injector        server
 *       |<---- FIN or RST --------|              |  in the server's name, to the client only
 *       |<--- data ------------------------------|
 *       |---- RST ------------------------------>|  it has closed, or was reset
 */
static bool lost_at_once(const struct tw_facts *f)
{
	return tw_known(f, TW_F_RST_AUTHOR_HEARD_AGO_NS) &&
	       tw_get(f, TW_F_RST_AUTHOR_HEARD_AGO_NS) < BACK_AGAIN_NS;
}

/* The author's own last data, and more than a goodbye. */
static bool left_unacked(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_AUTHOR_UNACKED) > tw_get(f, TW_F_RST_AUTHOR_GOODBYE);
}

/*
 * Its last data was never acknowledged, and it never repeated it, for which a second is time enough: its socket was gone by
 * then, and its data did not get through. Both at once are no accident of a host's; whatever ended it (a reset in the peer's
 * name, an abort) was not captured.
 */
static bool fell_silent(const struct tw_facts *f)
{
	return left_unacked(f) && tw_get(f, TW_F_RST_AUTHOR_HEARD_AGO_NS) >= TW_NS_PER_S;
}

/*
 * For so long an answer, or the rest of one, was awaited of the server, and nothing came: then the reset says only that its
 * socket is gone. Its application may have given up first, and what it sent then, as what it had sent before, not have come:
 *
 *     client                       path   server
 *       |---- request ------------------->|
 *       |                      X<- answer-|   too large, or filtered, or the path is dead; repeats
 *       |                      X<--- FIN -|   it gives up, and goes
 *       |---- FIN ----------------------->|   the client gives up, later
 *       |<--- RST ------------------------|
 *
 * What other connections show of that host in the meantime may prove that it had lost them all.
 */
static bool was_awaited(const struct tw_facts *f)
{
	if (tw_reset_author(f) != TW_SERVER || tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_DATA) ||
	    tw_get(f, TW_F_RST_IDLE_BEFORE_NS) < TW_LEFT_AFTER_NS ||
	    tw_get(f, TW_F_PORT_REFUSED_WHILE_IDLE) || tw_get(f, TW_F_FORGOTTEN_TOGETHER) > 0)
		return false;
	if (tw_get(f, TW_F_ANSWER_MISSING_BYTES) > 0)
		return tw_get(f, TW_F_ANSWER_STOPPED_NS) >= TW_LEFT_AFTER_NS;
	return tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT) &&
	       (tw_get(f, TW_F_PEER_NEVER_SPOKE) || tw_get(f, TW_F_REQUEST_KIND)) &&
	       tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_RST_COUNT) >= TW_LEFT_AFTER_NS;
}

/* How the author may have come to be without the connection, and yet not have lost it. */
static void add_endings(struct tw_match *m, bool hidden, int64_t repeats)
{
	const struct tw_facts *f = m->facts;

	if (hidden) {
		tw_missing(m, "What that end sent before: its FIN may be among it.");
		tw_rival(m, "data-after-close",
			 "that end may have closed before, in a part that was not captured");
		if (left_unacked(f))
			tw_rival(m, "peer-vanished",
				 "its own data was not acknowledged: it may have repeated it, and "
				 "given up");
		return;
	}
	if (repeats > 0) {
		tw_rival(m, "peer-vanished",
			 "if it was the path that was dead for a while, that end may have closed "
			 "or given up meanwhile, and its FIN was lost like the repeats");
		return;
	}
	tw_rival(m, "data-after-close", "its FIN may have been lost on the way here, just before");
	if (!was_awaited(f)) {
		tw_rival(m, "aborted", "so may a reset of its own, which nobody repeats");
		return;
	}
	tw_rival(m, "peer-vanished",
		 "its answer may not have come through a path that was dead for a while, until it "
		 "gave up");
	tw_rival(m, "firewall-dropped", "nor through a filter that drops what it sends");
	tw_missing(m, "A capture at the server: did it send what was awaited, and how did it end?");
}

static void add_rivals(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t idle = tw_get(f, TW_F_RST_IDLE_BEFORE_NS);

	tw_rival(m, "firewall-reset",
		 tw_is(f, TW_F_IP_VERSION, 6)
			 ? "a filter on the host answers with the same bare RST in place of the "
			   "segment"
			 : "a REJECT with tcp-reset on the host is the same byte for byte on IPv4");
	if (idle >= TW_NS_PER_S && tw_get(f, TW_F_RST_UNANSWERED_REPEATS) == 0)
		tw_rival(m, "idle-reset",
			 "%s of silence came before; a NAT or load balancer that forgot the "
			 "connection answers the same way",
			 TW_DUR(idle));
	if (tw_get(f, TW_F_RST_UNANSWERED_REPEATS) == 0)
		tw_rival(m, "conntrack-invalid-reset",
			 "a NAT on the way that lost its entry lets the segment through as it is, "
			 "or with another port: "
			 "addresses that this host never knew");
	if (tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_ACK3) ||
	    (tw_reset_author(f) == TW_SERVER && !tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA)))
		tw_rival(m, "accept-queue-full",
			 "the server never acknowledged data: its listener may have dropped the "
			 "request");
	if (was_awaited(f) ||
	    (tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_FIN) && tw_get(f, TW_F_WAITER_GAVE_UP) &&
	     tw_reset_author(f) == TW_SERVER && idle >= TW_UNFILLED_NS))
		tw_rival(m, "pmtu-blackhole",
			 "an answer too large for the path never comes here, and the server's "
			 "kernel "
			 "may have given up repeating it");
	if (lost_at_once(f)) {
		tw_rival(m, "forged-reset",
			 "a reset forged towards that end, in the name of the other, ends its "
			 "socket, and does not show here");
		tw_rival(m, "injected-segment",
			 "nor does a forged FIN, after which its application closes");
	} else if (tw_get(f, TW_F_RST_IGNORED) > 0)
		tw_rival(m, "forged-reset",
			 "another reset that did not fit came before; the other end may have "
			 "believed one like it");
	tw_rule_out(m, "closed-with-unread-data",
		    "a socket that aborts writes RST|ACK with its own numbers, not a bare RST in "
		    "answer to a segment");
}

/*
 * May the author have closed, out of the capture's sight? The start is missing and it said nothing since;
 * or an ACK covers something of it that was not captured, as its FIN would be.
 */
static bool may_have_closed(const struct tw_facts *f, enum tw_side author)
{
	bool client = author == TW_CLIENT;

	if (tw_get(f, TW_F_TRACE_LOSSY) ||
	    tw_get(f, client ? TW_F_ACKED_UNSEEN_C : TW_F_ACKED_UNSEEN_S) > 0)
		return true;
	if (tw_get(f, TW_F_START_SEEN))
		return false;
	/* with data of its own in flight it may have given up instead, after repeats before the start */
	return !tw_get(f, client ? TW_F_BYTES_C : TW_F_BYTES_S) ||
	       tw_get(f, TW_F_RST_AUTHOR_UNACKED) > 0;
}

static void say(struct tw_match *m, enum tw_side author, int64_t repeats)
{
	const struct tw_facts *f = m->facts;

	if (repeats > 0)
		m->summary = tw_say(m,
				    "%s was silent through %s, then answered that it has "
				    "no such connection (any more).",
				    tw_endpoint(m, author), tw_count(m, repeats, "repeat"));
	else if (lost_at_once(f))
		m->summary = tw_say(
			m,
			"%s answered a segment of its own connection with a bare reset: it "
			"had used it %s before, and no longer knew it. That is too soon for "
			"a reboot.",
			tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_RST_AUTHOR_HEARD_AGO_NS)));
	else if (was_awaited(f))
		m->summary = tw_say(
			m,
			"%s, of which an answer was awaited for %s, then answered with a bare "
			"reset: it had no such connection any more. How it had ended there does "
			"not show.",
			tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_RST_IDLE_BEFORE_NS)));
	else
		m->summary =
			tw_say(m,
			       "%s answered a segment of its own connection with a bare reset: it "
			       "no longer knew the connection, and had not closed it.",
			       tw_endpoint(m, author));
}

/*
 * The server had closed behind its answer, of which nothing had been acknowledged: nobody is left there, and that the client
 * still waited is doubtful, so soon.
 */
static bool closed_behind(const struct tw_facts *f, enum tw_side author)
{
	return author == TW_CLIENT && tw_get(f, TW_F_RST_VICTIM_FIN) && lost_at_once(f) &&
	       !tw_get(f, TW_F_RST_UNANSWERED_REPEATS) &&
	       tw_get(f, TW_F_RST_UNANSWERED_BYTES) == tw_get(f, TW_F_RST_VICTIM_UNACKED);
}

static void cite_before(struct tw_match *m, enum tw_side victim, int64_t repeats)
{
	if (repeats > 0)
		tw_cite(m, TW_F_RST_UNANSWERED_REPEATS, "before, %s goes unanswered through %s",
			tw_side_name(victim), tw_count(m, repeats, "repeat"));
	if (tw_get(m->facts, TW_F_PORT_REFUSED_WHILE_IDLE))
		tw_cite(m, TW_F_PORT_REFUSED_WHILE_IDLE,
			"another connection to the port was refused during the silence: nothing "
			"listened there then");
	if (tw_get(m->facts, TW_F_FORGOTTEN_TOGETHER) > 0)
		tw_cite(m, TW_F_FORGOTTEN_TOGETHER,
			"so it answered %lld other connection%s in this silence, heard of far "
			"shorter before: all were lost at once, not each for its idle time",
			(long long)tw_get(m->facts, TW_F_FORGOTTEN_TOGETHER),
			tw_get(m->facts, TW_F_FORGOTTEN_TOGETHER) > 1 ? "s" : "");
}

/* A segment of the living end draws a bare RST. */
static bool match_reply(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = tw_reset_author(f), victim = tw_other(author);
	int64_t repeats = tw_get(f, TW_F_RST_UNANSWERED_REPEATS);

	if (!fits(f))
		return false;
	bool proven = author == TW_CLIENT || tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) ||
		      tw_get(f, TW_F_BYTES_S) > 0 || !tw_get(f, TW_F_START_SEEN);
	bool hidden = may_have_closed(f, author);

	m->strength = proven ? TW_STRENGTH_MECHANISM : TW_STRENGTH_ENDING;
	m->confidence = proven && !hidden && !lost_at_once(f) && !fell_silent(f) && !was_awaited(f)
				? TW_LIKELY
				: TW_POSSIBLE;
	/* a FIN that draws it: that end was done, and only its close went unheard; a client that closed wants nothing more */
	m->outcome = tw_get(f, TW_F_RST_NOTHING_OWED) || closed_behind(f, author)
			     ? TW_OUTCOME_DEGRADED
		     : hidden && lost_at_once(f) && author == TW_CLIENT ? TW_OUTCOME_UNKNOWN
									: TW_OUTCOME_FAILED;
	m->culprit = was_awaited(f) ? TW_CULPRIT_UNKNOWN : tw_host_of(author);
	say(m, author, repeats);
	cite_before(m, victim, repeats);
	tw_reset_cite_trigger(m);
	tw_reset_cite(m);
	if (lost_at_once(f)) {
		tw_cite(m, TW_F_RST_AUTHOR_HEARD_AGO_NS,
			"last segment of %s, which still had the connection", tw_side_name(author));
		tw_missing(m, "A capture at that end: what ended the connection there?");
	}
	if (fell_silent(f))
		tw_missing(m, tw_say(m,
				     "why %s, whose last data was never acknowledged, did not "
				     "repeat it: what ended its connection was not captured",
				     tw_endpoint(m, author)));
	if (!proven)
		tw_missing(m, "A sign that the server ever had this connection (it acknowledged no "
			      "data).");
	add_endings(m, hidden, repeats);
	add_rivals(m);
	tw_reset_victim_saw(m);
	tw_app_saw(m, author, NULL, NULL, -1,
		   "It has no socket for this connection, so nothing is reported to it.");
	return true;
}

static bool match(struct tw_match *m)
{
	return tw_match_came_back(m) || match_reply(m);
}

static const struct tw_governed governed[] = {
	{ "SO_KEEPALIVE", "Finds a half-open connection without data; default off." },
	{ "net.ipv4.tcp_keepalive_time", "Idle time before the first probe, default 7200 s." },
	{ "TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT",
	  "The same per socket: idle time, gap, number of probes; default 7200 s, 75 s, 9." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"See whether the host rebooted or its address moved: `uptime -s`, `last -x reboot`, and "
	"for virtual addresses the log of keepalived, the cloud or the orchestrator.",
	"Connect again and repeat what is safe to repeat: the connection is gone, but the host "
	"answers.",
	"Turn on SO_KEEPALIVE with TCP_KEEPIDLE of 30 to 60 s on long-lived connections, above all "
	"on the end that only receives: without it that end never notices.",
	"If the host had not rebooted, look on the path: `conntrack -S` on NAT boxes, the idle "
	"timeout of the load balancer, REJECT rules (`nft list ruleset`); the same TTL as the "
	"host's points at the host itself.",
	"Capture at the host as well: if the segment that drew the reset never arrived there, "
	"somebody else answered.",
	[TW_REMEDY_PORTS] =
		"Give the client more source ports (`net.ipv4.ip_local_port_range`, more "
		"addresses), so that none comes back while the server may still repeat its "
		"FIN (for 107.5 s by default).",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.5.1 (figures 9 and 10), s3.10.7.1",
	"RFC 1122 s4.2.3.6",
	"net/ipv4/tcp_ipv4.c: tcp_v4_send_reset",
	NULL,
};

/* So young, and nothing had come: a host that has just answered the SYN did not reboot since. */
#define FRESH_NS (3LL * 1000 * 1000 * 1000)

/*
 * It was this host that answered, which has been up all the while: how the connection ended on it was not seen. In
 * a container that was started anew it is what a reboot is elsewhere.
 */
static void miss_the_end(struct tw_match *m, enum tw_side lost)
{
	m->confidence = TW_POSSIBLE;
	tw_missing(m, tw_say(m,
			     "how the connection ended at %s: before the watch began, in a "
			     "container that is gone, unseen (an event was lost), or never there "
			     "under these addresses (NAT)",
			     tw_endpoint(m, lost)));
	tw_rival(m, "fin-wait2-expired", "its socket may have waited for its time and gone");
}

/*
 * Live: this host answers a segment of a connection that it does not know; or the socket here is reset in
 * the form that such a host writes.
 */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool here = (tw_live_reset_for(m, TW_KRST_NO_SOCKET) ||
			   tw_live_reset_for(m, TW_KRST_LISTENER)) &&
			  tw_get(f, TW_F_K_RST_ANSWERS) & TW_ACK && !tw_get(f, TW_F_K_PEER_FIN);
	const bool there =
		tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_REPLY) && !tw_get(f, TW_F_K_PEER_FIN) &&
		!(tw_get(f, TW_F_K_RST_IN_FRESH) && tw_get(f, TW_F_K_CONNECT_NS) < FRESH_NS);
	enum tw_side lost;

	if (!here && !there)
		return false;
	lost = here ? tw_live_author(m) : tw_other((enum tw_side)tw_get(f, TW_F_K_RST_IN));
	tw_live_say(
		m, TW_STRENGTH_ENDING, TW_LIKELY,
		/* Without a victim here it is not known whether anybody minds. */
		there                         ? TW_OUTCOME_FAILED
		: !tw_get(f, TW_F_K_RST_OWED) ? TW_OUTCOME_CLEAN
		: tw_known(f, TW_F_K_RST_IN)  ? TW_OUTCOME_FAILED
					      : TW_OUTCOME_UNKNOWN,
		TW_CULPRIT_UNKNOWN,
		tw_say(m,
		       "%s does not know this connection (any more): its host answered a segment "
		       "of it with a RST.",
		       tw_endpoint(m, lost)));
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	tw_live_cite_error(m);
	tw_rival(m, "idle-reset",
		 "a device on the path that forgot the connection answers like this");
	tw_rival(m, "old-duplicate",
		 "a late segment of a connection that ended well draws the same");
	if (there) {
		tw_rival(m, "firewall-reset", "a firewall writes the same packet");
		tw_rival(m, "forged-reset", "anybody on the path can write it");
	}
	if (here)
		miss_the_end(m, lost);
	tw_live_victim_saw(m);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "next-data",
		.about =
			"the host is back without the connection, the next data draws a bare reset",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server reboot\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "# of a connection that was quiet before, a device may have forgotten "
			  "it; seen from both ends alike\n"
			  "verdict both peer-rebooted|idle-reset|firewall-reset likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "listens-again",
		.about = "the service listens again: the same reset",
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
			  "host server reboot\n"
			  "server listen\n"
			  "client nonblocking\n"
			  "client send 100\n"
			  "client poll in+rdhup -> in+err+hup+rdhup within 1s\n"
			  "client error -> ECONNRESET\n"
			  "client recv -> EOF\n"
			  "client connect #2\n"
			  "server accept\n"
			  "client close #2\n"
			  "server recv -> EOF\n"
			  "server close\n"
			  "verdict both peer-rebooted|idle-reset|firewall-reset likely failed\n"
			  "never both certain\n"
			  "verdict both clean certain likely clean stream 1\n",
	},
	{
		.name = "keepalive-probe",
		.about = "a keepalive probe finds out",
		.variants = "v4 v6",
		.script = "client option TCP_KEEPIDLE 1\n"
			  "client option TCP_KEEPINTVL 1\n"
			  "client option SO_KEEPALIVE 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server reboot\n"
			  "client recv -> ECONNRESET within 5s\n"
			  "verdict both peer-rebooted|idle-reset|firewall-reset likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "next-repeat",
		.about = "repeats were running: the next one draws the reset",
		.variants = "v4 v6",
		.script = "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable cut\n"
			  "client send 100\n"
			  "cable wait client data #5 within 20s\n"
			  "host server reboot\n"
			  "cable heal\n"
			  "client recv -> ECONNRESET within 20s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both peer-rebooted|idle-reset likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "client",
		.about = "it is the client that is back, and the server pushes",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host client reboot\n"
			  "server send 100\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "server recv -> EOF\n"
			  "server send 1 -> EPIPE\n"
			  "verdict both peer-rebooted|idle-reset|firewall-reset likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "same-port",
		.about = "the client is back and uses the same port: challenge ACK, reset, and the "
			 "SYN again",
		.variants = "v4 v6",
		.script = "client bind 40000\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host client reboot\n"
			  "client bind 40000\n"
			  "client connect within 3s\n"
			  "server recv -> ECONNRESET\n"
			  "server accept #2\n"
			  "client send 100\n"
			  "server recv 100 #2\n"
			  "server send 10 #2\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof #2\n"
			  "server close #2\n"
			  "# the old connection owed nobody anything; the new one had to begin "
			  "twice\n"
			  "verdict both peer-rebooted|clean likely degraded clean\n"
			  "verdict both peer-rebooted likely degraded stream 1\n",
	},
	{
		.name = "only-waits",
		.about = "an end that only receives never notices",
		.variants = "v4",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "host server reboot\n"
			  "client recv -> hang within 2s &\n"
			  "join client\n"
			  "# not a packet shows it\n"
			  "verdict both clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_peer_rebooted = {
	.slug = "peer-rebooted",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The peer came back without the connection",
	.happens = "The peer's host died or lost the connection without a word: it lost power and "
		   "booted again, its address moved to another machine, or it had given the "
		   "connection up after its own timeout. The other end knows nothing of that; its "
		   "half of the connection is still open.\n\n"
		   "The next segment that it sends, be it data, a repeat or a keepalive probe, "
		   "reaches a kernel that has no such socket. That kernel answers with a bare RST. "
		   "If repeats were running while the host was away, it is the next repeat that "
		   "draws the reset, which can be up to 120 s later. An end that only receives "
		   "never notices.",
	.diagram = "client                          server\n"
		   "  |        established            |\n"
		   "  |                              (reboots; no FIN, no RST)\n"
		   "  |---- data -------------------->|  no such socket\n"
		   "  |<--- RST seq=ack, win 0 -------|\n"
		   "recv: ECONNRESET, then 0; send: EPIPE\n",
	.client_sees =
		"The send succeeds; after the reset recv fails once with ECONNRESET, then returns "
		"0, and send fails with EPIPE. Without sending or keepalive: nothing, for ever.",
	.server_sees = "Nothing. Its kernel counts TcpOutRsts; the reset reason is NO_SOCKET, or "
		       "TCP_FLAGS if the service listens again.",
	.recognise = "A bare RST (no ACK flag, window 0, no options, IP-ID 0) right behind a "
		     "segment whose ack is its sequence number, from an end that sent no FIN "
		     "before and nothing of the old connection afterwards, at the same TTL as "
		     "ever. Unanswered repeats before it strengthen the case. Where an answer was "
		     "awaited of that end for seconds, it is only possible: it may have sent it, "
		     "given up and closed, and none of that have come through.\n\n"
		     "On IPv4 a REJECT rule on the host itself is the same byte for byte; a load "
		     "balancer or NAT that forgot an idle connection also answers so, but usually "
		     "with another TTL.",
	.folklore = "\"IP-ID 0 shows that the reset is forged.\" It is what Linux writes on every "
		    "reset without a full socket.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
