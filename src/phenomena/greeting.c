/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that has to speak first, by the protocol of its port, and never does.
 *
 *	client                        server kernel   app
 *	  |-- SYN ---------------------->|             |
 *	  |<------------- SYN|ACK -------|             |
 *	  |-- ACK ---------------------->|             :	never accepts,
 *	  |         (nothing)            |             :	or looks up a name first
 *	  |-- FIN ---------------------->|             :	app-stuck: the client was weary of it
 *
 *	  |<------------------- FIN -----|-------------|	process-died: closed in place of it
 *
 * For TCP all is well in both: nobody sent anything, so nothing is missing. A check that only connects leaves at once.
 * The port is a convention, and so neither is more than possible.
 */
#include "phenomena/greeting.h"

#include "phenomena/silence.h"

#define WAITED_NS (1 * TW_NS_PER_S)
#define OPEN_NS   (10 * TW_NS_PER_S) /* still open, and nobody left */

static const char *protocol(const struct tw_match *m)
{
	return tw_greeting_name((enum tw_greeting)tw_get(m->facts, TW_F_GREETING_DUE));
}

static bool due(const struct tw_facts *f)
{
	/* a SYN|ACK that comes again has not got the ACK, or nobody has room for it */
	return tw_known(f, TW_F_GREETING_DUE) && tw_silence_proves(f) &&
	       tw_get(f, TW_F_SYNACK_COUNT) <= 1;
}

static void say_greeting(struct tw_match *m)
{
	tw_cite(m, TW_F_GREETING_DUE,
		"the handshake is complete: on this port, that of %s, the server speaks first",
		protocol(m));
	tw_missing(m,
		   tw_say(m, "Whether it is %s at all that is served on this port.", protocol(m)));
}

/* Still open at the end of the capture. */
static int64_t open_ns(const struct tw_facts *f)
{
	return tw_known(f, TW_F_FIN1_SIDE) || tw_get(f, TW_F_RST_COUNT)
		       ? 0
		       : tw_get(f, TW_F_CAPTURE_GOES_ON_NS);
}

bool tw_match_never_greeted(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool left = tw_known(f, TW_F_GREETING_WAITED_NS);
	const int64_t waited_ns = left ? tw_get(f, TW_F_GREETING_WAITED_NS) : open_ns(f);
	const bool round = tw_is_round(waited_ns) ||
			   tw_is_round(tw_between_ns(f, TW_F_SYN_COUNT, TW_F_GREETING_WAITED_NS));

	if (!due(f) ||
	    (left ? waited_ns < WAITED_NS / 2 || !(round || waited_ns >= TW_LEFT_AFTER_NS)
		  : waited_ns < OPEN_NS))
		return false;
	m->strength = TW_STRENGTH_STALL;
	m->confidence = TW_POSSIBLE;
	m->outcome = left ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    left ? "%s accepted the connection and never sent the greeting of %s; "
				   "the client left after %s."
				 : "%s accepted the connection and sent no greeting of %s for %s; "
				   "the capture ends while the connection is still open.",
			    m->server, protocol(m), TW_DUR(waited_ns));
	say_greeting(m);
	if (left)
		tw_cite(m, TW_F_GREETING_WAITED_NS, "the client leaves after %s%s",
			TW_DUR(waited_ns), round ? ": whole seconds, as timeouts are set" : "");
	else
		tw_missing(m, "The capture stops while the client still waits: the end of the "
			      "connection is not in it.");
	tw_app_saw(
		m, TW_CLIENT, "recv", "hang", waited_ns,
		"recv() waited for the greeting: \"Connection timed out during banner exchange\" "
		"(ssh), \"Lost connection to MySQL server at 'reading initial communication "
		"packet'\", a read timeout of SMTP or IMAP.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It never called accept(), or waits before it greets: for a free worker, for "
		   "the name of the client's address (UseDNS, skip-name-resolve, reverse DNS), for "
		   "the server that it relays to.");
	tw_rule_out(m, "peer-vanished", "the server's kernel took part in the handshake");
	return true;
}

bool tw_match_closed_ungreeted(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t after_ns = tw_get(f, TW_F_GREETING_CLOSED_NS);

	if (!due(f) || !tw_known(f, TW_F_GREETING_CLOSED_NS) ||
	    !tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) || tw_get(f, TW_F_RST_COUNT_S))
		return false;
	m->strength = TW_STRENGTH_ENDING - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    "%s closed the connection in place of the greeting of %s, %s after the "
			    "handshake: what served it ended, or turned the client away without a "
			    "word.",
			    m->server, protocol(m), TW_DUR(after_ns));
	say_greeting(m);
	tw_cite(m, TW_F_GREETING_CLOSED_NS, "FIN of the server, which has said nothing");
	tw_missing(m, "Whether the process was killed or closed by itself: its log tells. A limit "
		      "(sshd: MaxStartups), a rule about who may come (hosts.deny), or a relay "
		      "whose own server is away (docker-proxy, haproxy, ssh -L) close so, too.");
	tw_app_saw(m, TW_CLIENT, "recv", "EOF", after_ns,
		   "recv returns 0 in place of the greeting: \"kex_exchange_identification: "
		   "Connection closed by remote host\" (ssh), \"Lost connection to MySQL server at "
		   "'reading initial communication packet', system error: 0\", \"Connection "
		   "unexpectedly closed\" (Python).");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It closes by itself, or is killed: no call fails.");
	return true;
}
