/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle-reset: a device in the path forgot the idle connection, and says so by a reset.
 *
 *     client             NAT, balancer, firewall              server
 *       |                        |                              |
 *       |        T seconds of silence: the entry is dropped     |
 *       |                        |                              |
 *   lazy (shape B)               |                              |
 *       |---- data ------------->|  no entry                    |  still ESTABLISHED
 *       |<--- RST (TTL 64) ------|                              |
 *   on the timer (shape A)       |                              |
 *       |<--- RST ---------------|----- RST ------------------->|
 *
 * On the wire a lazy device looks like a peer that lost the connection (peer-rebooted). What parts
 * them: the silence before, and a TTL that is not the peer's. The time of silence is stated
 * always, and compared with the table of known devices; one flow alone can only say "consistent
 * with".
 */
#include "base/duration.h"
#include "phenomena/idle_table.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"

/* Below this a pause is no idleness, whatever the TTL says. */
#define IDLE_MIN_NS (1500 * TW_NS_PER_MS)
/* Nor does a device reset by its own timer so soon. */
#define TIMER_MIN_NS (10 * TW_NS_PER_S)
/* Without a TTL that differs: no known device forgets sooner. */
#define IDLE_KNOWN_NS (60 * TW_NS_PER_S)

/* From here on an end whose data gets no answer has given up, by its default. */
#define GIVES_UP_NS (900 * TW_NS_PER_S)

struct hints {
	int64_t idle_ns;
	const char *candidates;
	bool ttl, label, population, timer;
};

/*
 * Devices forget a half-closed connection sooner (netfilter: 60 s). The end that closed would refuse a late answer by the
 * same RST; but not with another TTL, nor without a flow label.
 */
static bool half_closed(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_AUTHOR_FIN) && !tw_get(f, TW_F_RST_VICTIM_FIN) &&
	       tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	       (tw_get(f, TW_F_RST_TTL_DELTA) != 0 || tw_get(f, TW_F_RST_LABEL_ZERO)) &&
	       tw_get(f, TW_F_RST_IDLE_BEFORE_NS) >= TIMER_MIN_NS;
}

static bool form_fits(const struct tw_facts *f)
{
	if (!tw_reset_landed(f) || tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) ||
	    tw_is(f, TW_F_RST_FORM, TW_RST_REPLY_NO_ACK))
		return false;
	/* A device acts in place of the peer; it does not let the segment through as well. */
	return (!tw_get(f, TW_F_RST_AUTHOR_FIN) || half_closed(f)) &&
	       !tw_reset_came_in_addition(f) && !tw_get(f, TW_F_RST_OTHER_TUPLE);
}

/*
 * Had the end that resets sent what nobody answered before the silence began? A socket that lives repeats data, and
 * follows up its probes: this one had given up, and its own kernel refuses what comes later.
 */
static bool gave_up_itself(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_AUTHOR_UNACKED) > tw_get(f, TW_F_RST_AUTHOR_GOODBYE) ||
	       tw_reset_after_probes(f);
}

static bool look(struct tw_match *m, struct hints *h)
{
	const struct tw_facts *f = m->facts;

	h->idle_ns = tw_get(f, TW_F_RST_IDLE_BEFORE_NS);
	h->timer = tw_get(f, TW_F_RST_TRIGGER) == TW_TRIGGER_NONE;
	h->ttl = tw_get(f, TW_F_RST_TTL_DELTA) != 0;
	h->label = tw_get(f, TW_F_RST_LABEL_ZERO);
	h->population =
		tw_get(f, TW_F_FLOWS_KILLED_IDLE) >= 2 &&
		tw_get(f, TW_F_FLOWS_KILLED_IDLE_NS) >= 10 * TW_NS_PER_S &&
		tw_get(f, TW_F_FLOWS_SURVIVED_IDLE_NS) < tw_get(f, TW_F_FLOWS_KILLED_IDLE_NS) &&
		(tw_known(f, TW_F_FLOWS_SURVIVED_IDLE_NS) || !tw_get(f, TW_F_FLOWS_KILLED_AT_ONCE));
	if (h->idle_ns < (h->timer ? TIMER_MIN_NS : IDLE_MIN_NS))
		return false;
	h->candidates = tw_idle_text(m->idle_table, m->arena, h->idle_ns, h->timer ? "A" : "AB");
	if (h->ttl || h->label || h->population)
		return true;
	if (gave_up_itself(f))
		return false;
	/* A stack of another kind that goes after its answer: nobody lost anything by it. */
	if (h->timer && tw_reset_debt(f) == TW_DEBT_NONE)
		return false;
	return h->idle_ns >= IDLE_KNOWN_NS && h->candidates &&
	       tw_get(f, TW_F_RST_UNANSWERED_REPEATS) == 0 &&
	       tw_get(f, TW_F_RST_AUTHOR_GOES_ON) == 0;
}

static void cite(struct tw_match *m, const struct hints *h)
{
	const struct tw_facts *f = m->facts;

	if (h->candidates)
		tw_cite(m, TW_F_RST_IDLE_BEFORE_NS,
			"%s of silence before; devices with a timeout up to that: %s",
			TW_DUR(h->idle_ns), h->candidates);
	else
		tw_cite(m, TW_F_RST_IDLE_BEFORE_NS,
			"%s of silence before; no device in the table of defaults fits",
			TW_DUR(h->idle_ns));
	if (h->ttl)
		tw_cite(m, TW_F_RST_TTL_DELTA,
			"its TTL is %+d against the other packets of %s: a box in the path wrote "
			"it",
			(int)tw_get(f, TW_F_RST_TTL_DELTA), tw_side_name(tw_reset_author(f)));
	if (h->label)
		tw_cite(m, TW_F_RST_LABEL_ZERO,
			"its IPv6 flow label is 0: a packet filter wrote it, not a TCP stack");
	if (h->population && !tw_known(f, TW_F_FLOWS_SURVIVED_IDLE_NS))
		tw_cite(m, TW_F_FLOWS_KILLED_IDLE,
			"%d connections between these hosts ended after a silence of %s or more, "
			"and none survived a second of it",
			(int)tw_get(f, TW_F_FLOWS_KILLED_IDLE),
			TW_DUR(tw_get(f, TW_F_FLOWS_KILLED_IDLE_NS)));
	else if (h->population)
		tw_cite(m, TW_F_FLOWS_KILLED_IDLE,
			"%d connections between these hosts ended after a silence of %s or more, "
			"but all survived %s",
			(int)tw_get(f, TW_F_FLOWS_KILLED_IDLE),
			TW_DUR(tw_get(f, TW_F_FLOWS_KILLED_IDLE_NS)),
			TW_DUR(tw_get(f, TW_F_FLOWS_SURVIVED_IDLE_NS)));
	tw_reset_cite_trigger(m);
	tw_reset_cite(m);
}

static void add_rivals(struct tw_match *m, const struct hints *h)
{
	tw_rival(m, "firewall-reset",
		 "a filter whose rules changed in the meantime resets the same way");
	if (!h->ttl && !h->label)
		tw_rival(m, "peer-rebooted",
			 tw_get(m->facts, TW_F_FLOWS_KILLED_AT_ONCE)
				 ? "the peer itself would answer the same way if it lost the "
				   "connection, and one moment lies in the silences of all that "
				   "ended so"
				 : "the peer itself would answer the same way if it lost the "
				   "connection");
	else
		tw_rule_out(m, "peer-rebooted",
			    "the reset does not come from the peer's own stack");
	if (h->idle_ns >= GIVES_UP_NS && !h->ttl && !h->label &&
	    !tw_is(m->facts, TW_F_VANTAGE,
		   tw_reset_author(m->facts) == TW_CLIENT ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER))
		tw_rival(m, "peer-vanished",
			 "that end may have sent in the silence, in vain, and given up by itself "
			 "(938 s with tcp_retries2 = 15): then its program got ETIMEDOUT");
	if (tw_is(m->facts, TW_F_RST_FORM, TW_RST_ALIEN))
		tw_rival(m, "forged-reset", "a third party can write the same reset at any time");
	if (half_closed(m->facts))
		tw_rival(m, "data-after-close",
			 "a stack that writes another TTL in its resets refuses like this what "
			 "comes "
			 "after its close");
	else
		tw_rule_out(m, "data-after-close", "no FIN of that end was seen before");
}

/*
 * A device forgets connections, and listens for nobody: the server had been away meanwhile. Nor does it forget, at the same
 * moment, what was in use just before.
 */
static bool was_away(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PORT_REFUSED_WHILE_IDLE) || tw_get(f, TW_F_FORGOTTEN_TOGETHER) > 0;
}

static void tell_author(struct tw_match *m)
{
	tw_app_saw(m, tw_reset_author(m->facts), NULL, NULL, -1,
		   half_closed(m->facts)
			   ? "It had closed its direction, and waits for the other one."
			   : "Its socket stays ESTABLISHED; its next segment is reset too, "
			     "or nothing is noticed for ever.");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const char *half = half_closed(f) ? "half-closed " : "";
	struct hints h;

	if (!form_fits(f) || !look(m, &h))
		return false;
	m->strength = h.idle_ns >= IDLE_KNOWN_NS && h.candidates ? TW_STRENGTH_MECHANISM + 3
								 : TW_STRENGTH_MECHANISM + 1;
	m->strength += half_closed(f); /* fin-wait2-expired looks at the time alone */
	m->confidence = h.candidates || h.population ? TW_LIKELY : TW_POSSIBLE;
	if (was_away(f) && !h.ttl && !h.label) {
		m->strength = TW_STRENGTH_ENDING;
		m->confidence = TW_POSSIBLE;
	}
	m->outcome = h.timer && tw_reset_debt(f) != TW_DEBT_OWED ? TW_OUTCOME_DEGRADED
								 : TW_OUTCOME_FAILED;
	/* a close that is refused, all data acknowledged, takes nothing from anybody */
	if (tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_FIN) && !tw_get(f, TW_F_RST_VICTIM_UNACKED) &&
	    !tw_get(f, TW_F_RST_AUTHOR_UNACKED) && !tw_get(f, TW_F_RST_UNANSWERED_BYTES))
		m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	m->summary =
		m->confidence == TW_LIKELY
			? tw_say(m,
				 "After %s of silence the %sconnection to %s was reset by a "
				 "device that had forgotten it.",
				 TW_DUR(h.idle_ns), half, tw_endpoint(m, tw_reset_author(f)))
			: tw_say(m,
				 "After %s of silence a box in the path reset the %sconnection "
				 "to %s: it had forgotten it, or a rule of it forbids it.",
				 TW_DUR(h.idle_ns), half, tw_endpoint(m, tw_reset_author(f)));
	cite(m, &h);
	add_rivals(m, &h);
	tw_missing(m, "A capture on the other side of the device: that end still takes the "
		      "connection for established.");
	tw_reset_victim_saw(m);
	if (tw_get(f, tw_reset_victim(f) == TW_CLIENT ? TW_F_RST_COUNT_C : TW_F_RST_COUNT_S) > 0)
		tw_app_saw(m, tw_reset_author(f), "recv", "ECONNRESET", -1,
			   "It is reset as well, in the name of the other end.");
	else
		tell_author(m);
	return true;
}

/* Live: what was sent after such a pause drew a RST, in the form of an answer, though the connection had not been closed. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t idle = tw_get(f, TW_F_K_RST_IN_IDLE_NS);
	const char *known =
		idle >= IDLE_KNOWN_NS ? tw_idle_text(m->idle_table, m->arena, idle, "AB") : NULL;
	enum tw_side author;

	if (!known || !tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_REPLY) || tw_get(f, TW_F_K_PEER_FIN) ||
	    tw_known(f, TW_F_K_RST_SIDE))
		return false;
	author = tw_other((enum tw_side)tw_get(f, TW_F_K_RST_IN));
	tw_live_say(m, TW_STRENGTH_ENDING + 1, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_MIDDLEBOX,
		    tw_say(m,
			   "After %s of silence the connection to %s was reset by a device that "
			   "had forgotten it.",
			   TW_DUR(idle), tw_endpoint(m, author)));
	tw_cite(m, TW_F_K_RST_IN_IDLE_NS,
		"%s of silence before; devices with a timeout up to that: %s", TW_DUR(idle), known);
	tw_live_cite_got(m);
	tw_live_cite_error(m);
	tw_rival(m, "peer-rebooted",
		 "the peer itself would answer the same way if it lost the connection");
	tw_rival(m, "firewall-reset",
		 "a filter whose rules changed in the meantime resets the same way");
	tw_live_victim_saw(m);
	return true;
}

static const struct tw_governed governed[] = {
	{ "idle timeout of the device",
	  "AWS NLB and NAT gateway 350 s, Azure 240 s, F5 300 s by default; see the table." },
	{ "SO_KEEPALIVE with TCP_KEEPIDLE",
	  "Probes count as traffic for nearly all devices; default off, and 7200 s is later than "
	  "nearly all of them." },
	{ "net.ipv4.tcp_keepalive_time", "The default idle time of SO_KEEPALIVE sockets, 7200 s." },
	{ "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
	  "Only where one end had closed: the idle time of a half-closed connection on a NAT of "
	  "Linux, 60 s by default." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Turn on SO_KEEPALIVE and set TCP_KEEPIDLE below the device's timeout (for 350 s: 60 to "
	"300 s); for programs that set SO_KEEPALIVE only: `sysctl -w "
	"net.ipv4.tcp_keepalive_time=120`.",
	"Close idle connections in the client's pool before the device does: set the pool's idle "
	"timeout below the device's.",
	"Raise the device's idle timeout where it can be set (AWS NLB 60 to 6000 s, Azure 4 to 120 "
	"min, `ipvsadm --set`).",
	"Let the application repeat a request that fails with ECONNRESET on a reused connection, "
	"if it is safe to repeat.",
	"Measure the timeout: leave connections idle for growing times, or give tcpwhy a capture "
	"of many connections; the longest silence that survived and the shortest that did not "
	"enclose it.",
	NULL,
};

static const char *const references[] = {
	"RFC 5382 REQ-5 (a NAT must keep an established connection for 2 h 4 min)",
	"RFC 9293 s3.8.4",
	"RFC 3360 s2.1",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "on-next-packet",
		.about = "a device forgot the idle connection and resets it when data comes",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "wait 61s\n"
			  "fault\n"
			  "cable reject rst any tcp always\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "state server ESTABLISHED\n"
			  "# without another TTL a host that rebooted meanwhile leaves the same\n"
			  "verdict client idle-reset|peer-rebooted|firewall-reset likely possible "
			  "failed\n"
			  "never client certain\n"
			  "# half-open: nothing reached it\n"
			  "verdict server clean\n",
	},
	{
		.name = "nearer-hop",
		.about = "the reset comes from a device: its TTL is not the peer's",
		.variants = "v4",
		.script = "topology router\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "wait 31s\n"
			  "fault\n"
			  "cable reject rst client tcp always ttl 250\n"
			  "client send 100\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "state server ESTABLISHED\n"
			  "verdict client idle-reset likely possible failed\n"
			  "never client certain\n"
			  "verdict server clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_idle_reset = {
	.slug = "idle-reset",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "A device in the path forgot the idle connection",
	.happens = "A NAT, load balancer or firewall keeps a table of connections and drops an "
		   "entry when nothing passed for its idle time. Both ends know nothing of that; "
		   "for them the connection is open.\n\n"
		   "Some devices reset when the timer fires, often towards both ends. Most do it "
		   "lazily: the first packet after the timeout finds no entry and is answered with "
		   "a reset by the device itself. The other end is not told; its socket stays open "
		   "until it sends something or its own keepalive fails.",
	.diagram = "client             device              server\n"
		   "  |  T seconds of silence  |             |\n"
		   "  |                   (entry dropped)    |\n"
		   "  |---- data ------------->|             |\n"
		   "  |<--- RST, TTL differs --|             |  ESTABLISHED\n"
		   "recv: ECONNRESET\n",
	.client_sees = "The first send after the pause succeeds; then recv fails with ECONNRESET "
		       "once, later sends with EPIPE. With a device that resets on its timer, the "
		       "error waits for the next call.",
	.server_sees = "Nothing, or the same reset when its own next segment meets the device. "
		       "Without keepalive the half-open connection stays for ever.",
	.recognise =
		"A reset that is not the socket's own, no FIN before, and silence of both ends "
		"before the segment that drew it. tcpwhy says idle-reset if the reset's TTL (or "
		"IPv6 flow label) is not the peer's, or if the silence is at least the timeout of "
		"a known device, or if other connections of the same hosts bracket a timeout.\n\n"
		"The time of silence and the candidates are always stated: the largest known "
		"timeout not above the silence is the best guess, not a proof. Without a TTL that "
		"differs a rebooted peer looks the same; and where connections that were in use "
		"shortly before are refused with it, all were lost at once, and it was no timer.",
	.folklore = "\"Keepalive is on, so it cannot be the idle timer.\" The default first probe "
		    "comes after 7200 s; AWS forgets after 350 s and Azure after 240 s, both far "
		    "below the 7440 s that RFC 5382 asks for.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
