/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keepalive-timeout: probes of an idle connection stay unanswered.
 *
 *     prober                          peer (dead, or beyond a dead path)
 *       |     TCP_KEEPIDLE of silence   |
 *       |---- probe seq = SND.NXT-1 --->
 *       |     TCP_KEEPINTVL             |
 *       |---- probe ------------------->
 *       |---- probe ------------------->     TCP_KEEPCNT unanswered
 *       |---- RST|ACK ----------------->     tcp_keepalive_timer() -> tcp_send_active_reset()
 *     recv: ETIMEDOUT
 *
 * RFC 9293 s3.8.4: one lost probe proves nothing, so several must stay unanswered. It is the only
 * time-out of Linux that sends a reset; retransmission, SYN, persist and orphan timeouts end in
 * silence.
 */
#include "base/duration.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include <errno.h>

/*
 * The timer sends the reset when the next probe would be due (tcp_keepalive_timer). At any other time it is
 * the application that went, weary of waiting.
 */
static bool is_due(const struct tw_facts *f, enum tw_fact_id first, int64_t probes)
{
	int64_t waited = tw_between_ns(f, first, TW_F_RST_COUNT);
	int64_t due = tw_get(f, TW_F_KEEPALIVE_INTERVAL_NS) * probes;

	return due > 0 && waited > due - due / 8 && waited < due + due / 8;
}

/* Next to the peer: it answers each probe, and its answers get lost on their way back. */
static bool match_unheard(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t probes = tw_get(f, TW_F_RST_PROBES_UNHEARD);
	const enum tw_side author = tw_reset_author(f);

	if (probes < 2 || tw_reset_odds(f) || !is_due(f, TW_F_RST_PROBES_UNHEARD, probes))
		return false;
	m->strength = TW_STRENGTH_EXPLICIT;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(m,
			    "%lld keepalive probes of %s were answered, but no answer got back to "
			    "it; it gave the connection up and said so by a reset.",
			    (long long)probes, tw_endpoint(m, author));
	tw_cite(m, TW_F_RST_PROBES_UNHEARD,
		"%lld probes, %s apart; all echo a timestamp from before the answers to them",
		(long long)probes, TW_DUR(tw_get(f, TW_F_KEEPALIVE_INTERVAL_NS)));
	tw_reset_cite(m);
	tw_rival(m, "aborted", "an abort for another reason, when the next probe was due anyway");
	tw_missing(m, "What drops the answers: a capture at the other end, or on the way to it.");
	tw_app_saw(m, author, "recv", "ETIMEDOUT", -1,
		   "recv fails with ETIMEDOUT, then returns 0; send fails with EPIPE.");
	tw_reset_victim_saw(m);
	return true;
}

/*
 * It gave up, and its reset was lost like the probes (or its kernel sends none). What the other end sends later finds no
 * connection any more.
 */
static bool match_found_later(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_fact_id first = TW_F_RST_AUTHOR_PROBED_IN_VAIN;
	const int64_t probes = tw_get(f, first);
	const enum tw_side author = tw_reset_author(f);
	const unsigned odds = tw_reset_odds(f);

	if (!tw_reset_after_probes(f) || !tw_reset_landed(f) || odds & ~(unsigned)TW_ODD_EARLY ||
	    tw_get(f, TW_F_RST_AUTHOR_FIN) || tw_get(f, TW_F_RST_AUTHOR_ALIVE_ELSEWHERE))
		return false;
	m->strength = TW_STRENGTH_MECHANISM;
	/* the next one was due, and did not come */
	m->confidence = !odds && tw_between_ns(f, first, TW_F_RST_COUNT) >
						probes * tw_get(f, TW_F_KEEPALIVE_INTERVAL_NS)
				? TW_LIKELY
				: TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(m,
			    "%s of %s stayed unanswered; what %s sent after "
			    "that drew a reset: the connection had been given up.",
			    tw_count(m, probes, "keepalive probe"), tw_endpoint(m, author),
			    tw_side_name(tw_other(author)));
	tw_cite(m, first, "%s, unanswered", tw_first_of(m, probes, "probe"));
	tw_reset_cite_trigger(m);
	tw_reset_cite(m);
	tw_rival(m, "peer-rebooted", "its host may have been restarted after the last of them");
	tw_rival(m, "idle-reset", "a device that forgot the connection answers the same way");
	tw_app_saw(m, author, "recv", "ETIMEDOUT", -1,
		   "When the probes were spent: recv fails with ETIMEDOUT, then returns 0.");
	tw_reset_victim_saw(m);
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t probes = tw_get(f, TW_F_RST_UNANSWERED_PROBES);
	enum tw_side author = tw_reset_author(f);

	if (match_unheard(m) || match_found_later(m))
		return true;
	if (probes < 1 || tw_get(f, TW_F_RST_COUNT) == 0 || tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) ||
	    tw_is(f, TW_F_RST_FORM, TW_RST_REPLY_NO_ACK))
		return false;
	/* where a filter takes the ACKs out, it takes the answers too */
	if (tw_get(f, TW_F_NO_ACKS))
		return false;
	/* the probes of a closed window look the same: there is data to send, and another timer */
	if (tw_window_stays_closed(f) && !tw_is(f, TW_F_ZERO_WINDOW_SIDE, author))
		return false;
	bool certain = probes >= 2 && tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) &&
		       tw_reset_odds(f) == 0 && is_due(f, TW_F_RST_UNANSWERED_PROBES, probes);

	/* no timer of the kernel: the program, or its end */
	const bool off_time = probes >= 2 && tw_get(f, TW_F_KEEPALIVE_INTERVAL_NS) > 0 &&
			      !is_due(f, TW_F_RST_UNANSWERED_PROBES, probes);

	m->strength = TW_STRENGTH_EXPLICIT;
	m->confidence = certain ? TW_CERTAIN : off_time ? TW_POSSIBLE : TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(m,
			    off_time ? "%s of %s stayed unanswered; it reset the connection before "
				       "its timer was due again."
				     : "%s of %s stayed unanswered; it gave the "
				       "connection up and said so by a reset.",
			    tw_count(m, probes, "keepalive probe"), tw_endpoint(m, author));
	if (probes > 1 && tw_known(f, TW_F_KEEPALIVE_INTERVAL_NS))
		tw_cite(m, TW_F_RST_UNANSWERED_PROBES, "%lld probes unanswered, %s apart",
			(long long)probes, TW_DUR(tw_get(f, TW_F_KEEPALIVE_INTERVAL_NS)));
	else
		tw_cite(m, TW_F_RST_UNANSWERED_PROBES, "%s unanswered",
			tw_count(m, probes, "probe"));
	tw_reset_cite(m);
	if (!certain)
		tw_rival(m, "aborted",
			 "an abort for another reason, after a probe or two that were lost, looks "
			 "the same");
	tw_rule_out(m, "peer-rebooted",
		    "a peer without the connection would have answered the probe with a reset");
	if (off_time) {
		tw_app_saw(
			m, author, NULL, NULL, -1,
			"It ended the connection by itself, or was ended: the kernel waits for the "
			"next probe to be due before it reports ETIMEDOUT.");
		return true;
	}
	tw_rule_out(m, "linger-reset", "the reset follows the unanswered probes at their own pace");
	tw_app_saw(m, author, "recv", "ETIMEDOUT", -1,
		   "recv fails with ETIMEDOUT, then returns 0; send fails with EPIPE.");
	tw_app_saw(m, tw_other(author), NULL, NULL, -1,
		   "Nothing: probes and reset do not reach it. If it lives behind a broken path, "
		   "its own connection stays open.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_keepalive_time, TCP_KEEPIDLE",
	  "Silence before the first probe, default 7200 s." },
	{ "net.ipv4.tcp_keepalive_intvl, TCP_KEEPINTVL", "Time between probes, default 75 s." },
	{ "net.ipv4.tcp_keepalive_probes, TCP_KEEPCNT",
	  "Unanswered probes before giving up, default 9: with the others 7875 s in all." },
	{ "TCP_USER_TIMEOUT",
	  "If set, it decides in place of the number of probes; default 0 (not used)." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Treat the peer as dead: find out why it or the path was silent since the time of the "
	"first unanswered probe (host down, route, firewall, NAT entry).",
	"If the peer was alive, look for a device that drops the idle connection silently: compare "
	"the silence before the first probe with its idle timeout and set TCP_KEEPIDLE below that.",
	"If it takes too long to notice, set TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT per "
	"socket (for example 60, 10, 3: 90 s), rather than the sysctls for the whole host.",
	"If it is too nervous for the path, raise TCP_KEEPCNT, not only the interval: one lost "
	"probe proves nothing.",
	"Connect again: the reset was sent into the void, the peer may still hold its half until "
	"its own keepalive.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.8.4 (MUST-24 to MUST-29)",
	"RFC 1122 s4.2.3.6",
	"net/ipv4/tcp_timer.c: tcp_keepalive_timer",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool told = tw_live_reset_for(m, TW_KRST_KEEPALIVE);
	const bool inferred = tw_live_error(m, ETIMEDOUT) && tw_get(f, TW_F_K_KEEPALIVE) &&
			      tw_get(f, TW_F_K_PROBES) > 0 && !tw_get(f, TW_F_K_UNACKED) &&
			      !tw_get(f, TW_F_K_UNSENT);

	if (!told && !inferred)
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "The peer was silent: %s stayed unanswered, and the "
			   "kernel gave the connection up.",
			   tw_count(m, tw_get(f, TW_F_K_PROBES), "keepalive probe")));
	if (tw_known(f, TW_F_K_USER_TIMEOUT_NS))
		tw_cite(m, TW_F_K_USER_TIMEOUT_NS,
			"TCP_USER_TIMEOUT, %s, decides in place of the number of probes",
			TW_DUR(tw_get(f, TW_F_K_USER_TIMEOUT_NS)));
	tw_live_cite_reset(m);
	tw_live_cite_error(m);
	tw_live_error_seen(m, "recv");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "probes",
		.about = "keepalive probes stay unanswered",
		.variants = "v4 v6 v4-nots",
		.script = "host client neighbour permanent\n"
			  "client option TCP_KEEPIDLE 1\n"
			  "client option TCP_KEEPINTVL 1\n"
			  "client option TCP_KEEPCNT 2\n"
			  "client option SO_KEEPALIVE 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "host server vanish\n"
			  "client recv -> ETIMEDOUT after 2s..5s\n"
			  "client recv 1 -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "cable wait client rst\n"
			  "verdict client keepalive-timeout likely certain failed\n"
			  "verdict server clean\n",
	},
	{
		.name = "by-server",
		.about = "the server probes, the client's host is gone",
		.variants = "v4 v6",
		.script = "host server neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "server option TCP_KEEPIDLE 1\n"
			  "server option TCP_KEEPINTVL 1\n"
			  "server option TCP_KEEPCNT 2\n"
			  "server option SO_KEEPALIVE 1\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "host client vanish\n"
			  "server nonblocking\n"
			  "server poll in -> in+err+hup after 2s..5s\n"
			  "server error -> ETIMEDOUT\n"
			  "server recv -> EOF\n"
			  "server send 1 -> EPIPE\n"
			  "cable wait server rst\n"
			  "verdict server keepalive-timeout likely certain failed\n"
			  "verdict client clean\n",
	},
	{
		.name = "arp-fails",
		.about = "a failed neighbour does not change the errno",
		.variants = "v4 v6",
		.script = "short client net.ipv4.neigh.eth0.retrans_time_ms 200\n"
			  "short client net.ipv6.neigh.eth0.retrans_time_ms 200\n"
			  "client option TCP_KEEPIDLE 1\n"
			  "client option TCP_KEEPINTVL 1\n"
			  "client option TCP_KEEPCNT 2\n"
			  "client option SO_KEEPALIVE 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "host server vanish\n"
			  "host client neighbour none\n"
			  "client recv -> ETIMEDOUT after 2s..5s\n"
			  "# no probe has left: only questions for the neighbour\n"
			  "verdict client clean|keepalive-timeout|peer-vanished|unknown likely "
			  "possible\n"
			  "never client certain\n"
			  "verdict server clean\n",
	},
	{
		.name = "user-timeout",
		.about = "TCP_USER_TIMEOUT takes the place of the probe count",
		.variants = "v4",
		.script = "host client neighbour permanent\n"
			  "client option TCP_KEEPIDLE 1\n"
			  "client option TCP_KEEPINTVL 1\n"
			  "client option TCP_KEEPCNT 9\n"
			  "client option TCP_USER_TIMEOUT 2500\n"
			  "client option SO_KEEPALIVE 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "host server vanish\n"
			  "client recv -> ETIMEDOUT after 2s..6s\n"
			  "cable wait client rst\n"
			  "verdict client keepalive-timeout likely certain failed\n"
			  "verdict server clean\n",
	},
	{
		.name = "answered",
		.about = "the probes are answered: nothing is wrong",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "client option TCP_KEEPIDLE 1\n"
			  "client option TCP_KEEPINTVL 1\n"
			  "client option SO_KEEPALIVE 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable wait client ack #4 within 20s\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean certain likely clean\n",
	},
	{
		.name = "one-lost",
		.about = "one answer is lost, the next probe is answered",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "client option TCP_KEEPIDLE 1\n"
			  "client option TCP_KEEPINTVL 1\n"
			  "client option TCP_KEEPCNT 3\n"
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
			  "cable drop server ack\n"
			  "wait 2500ms\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean certain likely clean\n",
	},
	{ 0 },
};

/* Those that do not wait for the peer. */
static void other_calls(struct tw_prediction *p)
{
	tw_predict_saw(p, "recv(), non-blocking", "EAGAIN", tw_moment_at(0), NULL);
	tw_predict_saw(p, "send()", "ok", tw_moment_at(0),
		       "Its data is in flight then, and peer-vanished says how that ends.");
}

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "the last packet came, nothing is in flight";
	tw_schedule_keepalive(&p->ladder, m);
	tw_predict_stand_until_end(p, "ESTABLISHED", TW_THERE_UNKNOWN);
	if (p->ladder.for_ever) {
		tw_predict_hangs(p, "recv(), blocking", NULL);
		other_calls(p);
		p->note = m->socket.keepalive
				  ? NULL
				  : "SO_KEEPALIVE is off, its default: no timer runs. Try "
				    "--keepalive=60/10/3.";
		return;
	}
	tw_predict_saw(p, "recv(), blocking", "ETIMEDOUT", p->ladder.end, NULL);
	tw_predict_saw(p, "poll(), then SO_ERROR", "ETIMEDOUT", p->ladder.end, NULL);
	if (m->socket.rcvtimeo_ns && m->socket.rcvtimeo_ns < p->ladder.end.expected_ns)
		tw_predict_saw(p, "recv(), SO_RCVTIMEO", "EAGAIN",
			       tw_moment_at(m->socket.rcvtimeo_ns), NULL);
	other_calls(p);
	p->note = "At the end a RST is sent. With data in flight keepalive does not run; "
		  "peer-vanished says how long that takes.";
}

const struct tw_phenomenon tw_ph_keepalive_timeout = {
	.slug = "keepalive-timeout",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "Keepalive probes stayed unanswered",
	.happens = "The application had turned on SO_KEEPALIVE. After the idle time the kernel "
		   "sends a probe: an empty segment one byte below the next sequence number, which "
		   "any living peer must answer. It stays unanswered, and so do the others. After "
		   "the last one the kernel ends the connection.\n\n"
		   "It says so with a RST|ACK towards the peer that does not answer. That is the "
		   "only time-out that sends one. If the peer had only lost the connection, it "
		   "would have answered the first probe with a reset.",
	.diagram = "client                          server\n"
		   "  |     TCP_KEEPIDLE, silence     |\n"
		   "  |---- probe seq=SND.NXT-1 ----->    unanswered\n"
		   "  |---- probe ------------------->    TCP_KEEPINTVL later\n"
		   "  |---- probe ------------------->\n"
		   "  |---- RST|ACK ----------------->\n"
		   "recv: ETIMEDOUT\n",
	.client_sees = "recv (or poll) fails with ETIMEDOUT, later recv returns 0, send fails with "
		       "EPIPE. With TCP_KEEPIDLE 2, TCP_KEEPINTVL 1, TCP_KEEPCNT 3: probes at 2, 3 "
		       "and 4 s, the end at 5 s after the last activity. With the defaults after "
		       "7875 s. An ARP failure does not change the errno.",
	.server_sees = "Nothing. If it is alive behind a path that drops, its own end stays open.",
	.recognise = "Empty segments one below the next sequence number at equal gaps, unanswered, "
		     "with an open window (a zero-window probe has the same shape, but the peer's "
		     "window is 0), then RST|ACK by the prober itself with timestamps and the next "
		     "IP-ID. With two or more unanswered probes it is certain.\n\n"
		     "From the peer's side of a broken path only silence is visible, and tcpwhy "
		     "does not say it there.",
	.folklore = "\"A time-out ends with a reset.\" Only this one does: retransmission, SYN, "
		    "persist and orphan time-outs end without a packet.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.sign = TW_F_RST_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
