/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A segment that belongs to no living connection: it meets TIME_WAIT, or no socket at all.
 *
 * Theory: networks deliver late, and ends die; so segments arrive for connections that are over.
 * TIME_WAIT answers them with an ACK, a host without any trace of the connection with a bare RST
 * (to a listener alike), and neither harms anybody. Limits: where the capture began later than the
 * connection, a stray segment can be the last of one that really failed; then this says so.
 *
 *    somewhere                                                  host
 *      |  a segment of a connection that is over                  |
 *      |--------------------- data / FIN / ACK ------------------>|
 *      |                                     in TIME_WAIT:        |
 *      |<-------------------- ACK (IP-ID 0) ----------------------|
 *      |                                     without any socket:  |
 *      |<-------------------- RST, seq = its ack -----------------|
 *      |                  at a listener that sends SYN cookies:   |
 *      |<-------------------- ACK, seq = ISS + 1 -----------------|  a connection again
 */
#include "phenomena/phenomenon.h"

#include <inttypes.h>

static void cite_stray(struct tw_match *m)
{
	tw_cite(m, TW_F_AFTER_CLOSE_SEGMENTS,
		"comes after the complete close (such segments: %" PRId64 ")",
		tw_get(m->facts, TW_F_AFTER_CLOSE_SEGMENTS));
}

/* Linux keeps nothing of a handshake that went by a SYN cookie: what acknowledges the cookie completes it, again. */
static void say_revived(struct tw_match *m)
{
	/* its program may have answered anew before any ACK says otherwise: that looks like a needless repeat */
	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->summary = tw_say(m,
			    "After %s and %s had closed in order, a stray segment of this "
			    "connection came, and the server's kernel took it for the end of a new "
			    "handshake: the SYN cookie in it is still good.",
			    m->client, m->server);
	cite_stray(m);
	tw_cite(m, TW_F_AFTER_CLOSE_REVIVED,
		"the server speaks as it did after its SYN|ACK, with a newer timestamp: a new "
		"connection of the old numbers");
	tw_rule_out(m, "desynchronized",
		    "its last numbers were acknowledged; these are its first ones again");
}

static void say_after_close(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t flags = tw_get(f, TW_F_AFTER_CLOSE_FLAGS);

	/* A visible stray is the cause; a mere ACK or RST is only what followed from one. */
	m->strength = TW_STRENGTH_CURIOSITY + (flags & (TW_SYN | TW_FIN | TW_PSH) ? 3 : 0);
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_CLEAN;
	m->summary = tw_say(m,
			    "After %s and %s had closed in order, a stray segment of this "
			    "connection came; nobody was "
			    "waiting for it.",
			    m->client, m->server);
	cite_stray(m);
	if (tw_get(f, TW_F_AFTER_CLOSE_RST_EXACT))
		tw_rival(m, "time-wait-killed",
			 "an exact RST came too: it ends TIME_WAIT unless tcp_rfc1337 is set");
	tw_rule_out(m, "peer-rebooted",
		    "both ends had closed in order, with all data acknowledged");
}

static void say_stray(struct tw_match *m)
{
	m->strength = TW_STRENGTH_CURIOSITY;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->summary = tw_say(m,
			    "A single segment from %s to %s belongs to no connection of this "
			    "capture, and a RST "
			    "answers it.",
			    tw_endpoint(m, tw_other((enum tw_side)tw_get(m->facts, TW_F_RST_SIDE))),
			    tw_endpoint(m, (enum tw_side)tw_get(m->facts, TW_F_RST_SIDE)));
	tw_cite(m, TW_F_STRAY_ONLY, "the only segment of this stream");
	tw_cite(m, TW_F_RST_COUNT, "a RST answers it: no socket there");
	tw_rival(m, "invalid-segment", "a segment made up by a scanner or a tester looks the same");
	tw_rival(m, "peer-rebooted",
		 "if the connection began before the capture, the RST may have ended one that was "
		 "in use");
	tw_missing(m, "What came before: the capture holds no handshake of this connection.");
}

/* The copy of a SYN, at a listener: it answers, and nobody takes it up. */
static bool match_old_syn(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_get(f, TW_F_SYN_IS_OLD) || tw_get(f, TW_F_BYTES_C) || tw_get(f, TW_F_BYTES_S))
		return false;
	m->strength = TW_STRENGTH_CONTRADICTION + 1;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_CLEAN;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(m,
			    "A late copy of the SYN of the connection before came to %s when %s "
			    "had closed that; nobody was waiting for it.",
			    m->server, m->client);
	tw_cite(m, TW_F_SYN_IS_OLD,
		"SYN whose number was used by the connection before, and whose timestamp is older "
		"than its last ones");
	if (tw_get(f, TW_F_SYNACK_COUNT))
		tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK: a listener cannot know that it is old");
	if (tw_get(f, TW_F_RST_COUNT))
		tw_cite(m, TW_F_RST_COUNT, "the reset that ends it again");
	tw_rule_out(m, "handshake-ack-lost", "the client did not ask for a connection");
	tw_app_saw(m, TW_CLIENT, NULL, NULL, -1, "Nothing: no application owns the segment.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "Nothing: no handshake comes of it.");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	/*
	 * It met no socket: a RST answers it. A lone segment without answer may be the tail of a
	 * connection that the capture came too late for, and a lone RST shows nothing of its cause.
	 */
	bool stray = tw_get(f, TW_F_STRAY_ONLY) && tw_get(f, TW_F_RST_COUNT) &&
		     !(tw_get(f, TW_F_STRAY_FLAGS) & TW_RST);
	bool after = tw_get(f, TW_F_CLOSED_CLEAN) && tw_get(f, TW_F_AFTER_CLOSE_SEGMENTS);
	bool revived = after && tw_get(f, TW_F_AFTER_CLOSE_REVIVED);

	if (match_old_syn(m))
		return true;
	if (!stray && !after)
		return false;
	m->culprit = TW_CULPRIT_NETWORK;
	if (revived)
		say_revived(m);
	else if (after)
		say_after_close(m);
	else
		say_stray(m);
	tw_app_saw(m, TW_CLIENT, NULL, NULL, -1, "Nothing: no application owns the segment.");
	if (revived)
		tw_app_saw(m, TW_SERVER, "accept", NULL, -1,
			   "It returns once more, and what the stray held can be read a second "
			   "time: an old request may be done twice.");
	else
		tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
			   "Nothing: no application owns the segment.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "TIME_WAIT", "60 s on Linux: how long strays of a closed connection are recognised." },
	{ "net.ipv4.tcp_invalid_ratelimit",
	  "At most one ACK in so many milliseconds answers such segments: 500 by "
	  "default." },
	{ "net.ipv4.tcp_syncookies",
	  "Only where accept() returns once more for a stray: a handshake by cookie (always with "
	  "2, "
	  "with 1 while the SYN queue overflows) can be completed again for up to two minutes." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Leave single ones alone, unless the server opened the connection again: then set "
	"net.ipv4.tcp_syncookies to 1 there, and let requests that must not be done twice carry an "
	"identifier.",
	"If there are many from one source to many ports, look at it as a scan: `tcpwhy "
	"explain port-scan`.",
	"If they come in pairs with resets of connections that were in use, begin the capture "
	"earlier: the reason stands before it.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.5.2 (reset generation), s3.6.1 (TIME-WAIT)",
	"net/ipv4/tcp_ipv4.c: tcp_v4_send_reset",
	"net/ipv4/tcp_minisocks.c: tcp_timewait_state_process",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "late-copy",
		.about = "an old copy of a segment meets TIME_WAIT",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable duplicate 300ms server data\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "state client TIME_WAIT\n"
			  "cable quiet 400ms\n"
			  "verdict client old-duplicate clean\n"
			  "verdict server old-duplicate|time-wait-killed clean\n",
	},
	{
		.name = "cookie",
		.about = "a listener with SYN cookies takes an old copy for the end of a "
			 "handshake, and "
			 "its application reads the request twice",
		.variants = "v4 v6",
		.script = "set server tcp_syncookies 2\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable duplicate 800ms client data\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "state server CLOSE\n"
			  "state client TIME_WAIT\n"
			  "server accept\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "cable quiet 1s\n"
			  "verdict both old-duplicate degraded\n",
	},
	{
		.name = "no-socket",
		.about = "an old copy meets a host that has forgotten the connection: a reset, "
			 "which hurts nobody",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "cable duplicate 300ms client data\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "state server CLOSE\n"
			  "state client TIME_WAIT\n"
			  "cable wait server rst\n"
			  "cable quiet 100ms\n"
			  "verdict both old-duplicate clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_old_duplicate = {
	.slug = "old-duplicate",
	.stage = TW_STAGE_TEARDOWN,
	.title = "A stray segment of an old connection",
	.happens = "A segment that was delayed in the network, repeated by an end that did not "
		   "know of the close, or sent by a scanner, arrives after its connection is "
		   "over. If the tuple is still in TIME_WAIT, the kernel answers with an ACK "
		   "(IP-ID 0) and forgets the segment. If nothing is known of the tuple, it "
		   "answers with a RST: bare with the sequence number of the segment's ACK, or "
		   "RST|ACK if the segment carried no ACK. A RST that reaches nobody is dropped. "
		   "A listener that sends SYN cookies keeps nothing of a handshake: for up to two "
		   "minutes the stray completes it again, and the application accepts an old "
		   "request a second time.",
	.diagram = " somewhere                                                  host\n"
		   "   |  a segment of a connection that is over                  |\n"
		   "   |--------------------- data / FIN / ACK ------------------>|\n"
		   "   |                                     in TIME_WAIT:        |\n"
		   "   |<-------------------- ACK (IP-ID 0) ----------------------|\n"
		   "   |                                     without any socket:  |\n"
		   "   |<-------------------- RST, seq = its ack -----------------|\n",
	.client_sees = "Nothing: no application owns such a segment.",
	.server_sees =
		"Nothing; where a SYN cookie opened the connection again, accept() once more.",
	.recognise = "tcpwhy says it of segments after a complete close, and of a stream that is "
		     "nothing but one segment without a connection, answered by a RST. In the "
		     "second case the connection may have begun before the capture: then the RST "
		     "could be the end of a connection that failed, and the outcome is unknown.",
	.folklore = "\"A RST out of nowhere shows an attack.\" A host that answers a stray segment "
		    "with a RST does what RFC 9293 asks of it.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.scenarios = scenarios,
};
