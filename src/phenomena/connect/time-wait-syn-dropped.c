/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time-wait-syn-dropped: a SYN meets the TIME_WAIT of the connection before it.
 *
 *	client                            server (TIME_WAIT, expects R)
 *	  |----SYN seq < R, no newer TS----->|   not accepted
 *	  |<---ACK ack=R, IP-ID 0------------|   the old connection's numbers
 *	  |----RST seq=R-------------------->|   bad ack in SYN_SENT; ends TIME_WAIT
 *	  |   16 ms                          |   (with tcp_rfc1337=1 it does not)
 *	  |----SYN seq----------------------->|
 *	  |<---SYN|ACK------------------------|
 *
 * A half-open peer answers a SYN with the same kind of ACK (challenge, RFC 5961 s4.2), but its
 * connection was not closed, and its ACK comes from a full socket, whose IP-ID is not 0. That is
 * peer-rebooted; and so is a server in LAST_ACK or CLOSING, whose FIN was never acknowledged.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool old_seen = tw_get(f, TW_F_SYN_ANSWERED_BY_OLD_ACK) && tw_get(f, TW_F_PREV_CLOSED) &&
			!tw_get(f, TW_F_PREV_FIN_UNHEARD);
	bool sure = old_seen && tw_get(f, TW_F_PREV_TIME_WAIT);
	bool bucket = tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_ACK) &&
		      tw_get(f, TW_F_SYN_ANSWER_ID_ZERO) &&
		      tw_get(f, TW_F_BAD_ACK_IN_SYN_SENT) > 0 && !tw_get(f, TW_F_PREV_EXISTS);
	enum tw_fact_id ack = tw_get(f, TW_F_SYN_ANSWERED_BY_OLD_ACK) ? TW_F_SYN_ANSWERED_BY_OLD_ACK
								      : TW_F_SYN_ANSWER;
	bool later = tw_get(f, TW_F_ESTABLISHED);

	if (tw_get(f, TW_F_SYN_COUNT) == 0 || (!old_seen && !bucket) ||
	    tw_get(f, TW_F_SYN_ANSWERED_AS_OTHER))
		return false;
	m->outcome = tw_syn_outcome(f);
	/* where the repeat of the SYN is refused, this was no more than a delay: port-closed */
	m->strength = later || tw_get(f, TW_F_SYN_REFUSED_LATER) ? TW_STRENGTH_DELAY + 3
								 : TW_STRENGTH_MECHANISM;
	m->confidence = sure ? TW_CERTAIN : TW_LIKELY;
	m->culprit = TW_CULPRIT_CLIENT_HOST;
	m->summary = tw_say(m,
			    "The SYN met the TIME_WAIT of an earlier connection on %s and was "
			    "answered by the old connection's ACK in place of a SYN|ACK.",
			    m->server);
	tw_cite_syns(m);
	tw_cite(m, ack, "pure ACK with the numbers of the earlier connection");
	if (tw_get(f, TW_F_SYN_BELOW_PREV))
		tw_cite(m, TW_F_SYN_BELOW_PREV,
			"the SYN's sequence number is below what TIME_WAIT expects next");
	if (tw_get(f, TW_F_BAD_ACK_REFUSED))
		tw_cite(m, TW_F_BAD_ACK_REFUSED,
			"RST of the client, which refuses that ACK and ends TIME_WAIT if it "
			"arrives");
	tw_cite_refused_in_vain(m);
	if (later)
		tw_cite(m, TW_F_ACK3_SEEN, "handshake completed on the next SYN");
	if (sure) {
		tw_rule_out(m, "peer-rebooted",
			    "the earlier connection had been closed by both ends");
	} else if (old_seen) {
		tw_rival(
			m, "peer-rebooted",
			"if the ACK of the server's FIN did not arrive, its socket still waits for "
			"it, and answers the SYN like this");
	} else {
		tw_rival(m, "peer-rebooted",
			 "the earlier connection is not in the capture; a peer that still holds it "
			 "half-open would send a challenge ACK");
		tw_missing(m, "The connection that used these ports before.");
	}
	tw_app_saw(m, TW_CLIENT, "connect", tw_syn_errno(f),
		   later ? tw_get(f, TW_F_CONNECT_NS) : -1,
		   later ? "connect() succeeded, a little late." : NULL);
	return true;
}

static const char *const remedies[] = {
	"Keep TCP timestamps on (`sysctl net.ipv4.tcp_timestamps=1`, the default) on both ends and "
	"in every proxy between: a newer "
	"timestamp lets the SYN through at once.",
	"Give the client more source ports (`net.ipv4.ip_local_port_range`, more addresses) or "
	"reuse connections, so that a "
	"four-tuple does not come back within a minute.",
	"On a NAT, spread clients over more addresses or ports: two hosts behind one tuple have "
	"unrelated timestamps.",
	"Let clients, not the server, close first where you can: the end that closes first keeps "
	"TIME_WAIT.",
	"Leave `net.ipv4.tcp_rfc1337` at 0 if you depend on the fast retry; with 1 the RST does "
	"not end TIME_WAIT.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_timestamps", "A newer timestamp makes TIME_WAIT accept a SYN whatever its "
				     "sequence number. Default 1." },
	{ "net.ipv4.tcp_tw_reuse", "On the client: whether connect() may take a port in TIME_WAIT; "
				   "1 = after a second, 2 = on loopback only. Default 2." },
	{ "net.ipv4.tcp_rfc1337", "1: a RST does not end TIME_WAIT, and the SYN is not accepted "
				  "until it has passed. Default 0." },
	{ "TIME_WAIT",
	  "60 s, fixed when the kernel is compiled; tcp_fin_timeout does not change it." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"RFC 9293 s3.6.1 (TIME-WAIT may accept a SYN); RFC 6191 s2 (by timestamp); RFC 1337",
	"net/ipv4/tcp_minisocks.c: tcp_timewait_state_process",
	"net/ipv4/tcp_input.c: tcp_rcv_synsent_state_process (reset and retry)",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_is(f, TW_F_K_DROP, TW_DROP_CLASS_TIME_WAIT))
		return false;
	/* Before a process that gave up for it. */
	tw_live_say(m, TW_STRENGTH_MECHANISM + 3, TW_CERTAIN, TW_OUTCOME_FAILED,
		    TW_CULPRIT_CLIENT_HOST,
		    tw_say(m,
			   "%s is still in TIME_WAIT for these ports, and the new SYN of %s has "
			   "an older timestamp: it is answered with an ACK, not accepted.",
			   m->server, m->client));
	tw_cite(m, TW_F_K_DROP, "the kernel of the server drops the SYN: its timestamp is old");
	tw_live_cite_error(m);
	tw_app_saw(m, TW_CLIENT, "connect", "hang", -1, NULL);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "older-timestamp",
		.about = "a SYN with an older timestamp meets TIME_WAIT and is answered by an ACK",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client bind 40000\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "state server TIME_WAIT\n"
			  "state client CLOSE\n"
			  "fault\n"
			  "cable rewrite tsval -1000000 client syn\n"
			  "client option SO_REUSEADDR 1 #2\n"
			  "client bind 40000 #2\n"
			  "client connect #2 after 10ms..60ms\n"
			  "server accept #2\n"
			  "client send 100 #2\n"
			  "server recv 100 #2\n"
			  "client close #2\n"
			  "server recv eof #2\n"
			  "server close #2\n"
			  "verdict both clean clean\n"
			  "verdict both time-wait-syn-dropped likely certain degraded stream "
			  "1\n",
	},
	{
		.name = "reused",
		.about = "a SYN with a newer timestamp, or number, meets TIME_WAIT: it is "
			 "accepted at once",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server listen\n"
			  "client bind 40000\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "state server TIME_WAIT\n"
			  "state client CLOSE\n"
			  "fault\n"
			  "client option SO_REUSEADDR 1\n"
			  "client bind 40000\n"
			  "client connect within 1s\n"
			  "server accept within 1s\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n"
			  "verdict both clean clean stream 1\n",
	},
	{
		.name = "rfc1337",
		.about = "with tcp_rfc1337 the reset does not end TIME_WAIT, and no SYN gets "
			 "through",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "set server tcp_rfc1337 1\n"
			  "server listen\n"
			  "client bind 40000\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "state server TIME_WAIT\n"
			  "state client CLOSE\n"
			  "fault\n"
			  "cable rewrite tsval -1000000 client syn always\n"
			  "client option SO_REUSEADDR 1 #2\n"
			  "client bind 40000 #2\n"
			  "client connect #2 -> ETIMEDOUT after 2s..9s\n"
			  "state server TIME_WAIT\n"
			  "verdict both clean clean\n"
			  "verdict both time-wait-syn-dropped likely certain failed stream 1\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_time_wait_syn_dropped = {
	.slug = "time-wait-syn-dropped",
	.stage = TW_STAGE_CONNECT,
	.title = "The SYN met TIME_WAIT",
	.happens = "The server still holds the last connection of the same addresses and ports in "
		   "TIME_WAIT. A SYN whose sequence number is above "
		   "the old one's, or whose timestamp is newer, is accepted as a new connection. "
		   "Otherwise (lower sequence "
		   "number without timestamps, or an older timestamp, as from a second host behind "
		   "the same NAT address) TIME_WAIT "
		   "answers with an ACK of the old connection.\n\n"
		   "To the client in SYN_SENT that ACK is unacceptable: it sends a RST with the "
		   "ACK's number and arms a short timer. The "
		   "RST ends TIME_WAIT (unless tcp_rfc1337 is set), and the SYN, repeated after 15 "
		   "ms, is accepted. So on Linux it costs "
		   "these 15 ms and one more round trip. A client without that short timer waits a "
		   "full second, and "
		   "a firewall that drops the odd ACK "
		   "or RST makes it a timeout.",
	.diagram = "client                  server (TIME_WAIT)\n"
		   "  |----SYN, older---------->|\n"
		   "  |<---ACK, old numbers-----|   IP-ID 0\n"
		   "  |----RST----------------->|   ends TIME_WAIT\n"
		   "  |----SYN----------------->|   15 ms later\n"
		   "  |<---SYN|ACK--------------|\n",
	.client_sees = "connect() succeeds 15 ms and a round trip late (17 to 22 ms measured, the "
		       "round trip being 4 ms), or a second late on other systems; "
		       "it fails, with ETIMEDOUT, only if the ACK or the RST is "
		       "filtered, or tcp_rfc1337 lets TIME_WAIT ignore the RST.",
	.server_sees = "Nothing in the program. When an older timestamp was the reason, the host "
		       "counts PAWSTimewait "
		       "(`nstat -az TcpExtPAWSTimewait`).",
	.recognise =
		"A SYN answered by a pure ACK with the numbers of an earlier connection of "
		"the same tuple that both ends had closed, the server first: "
		"certain if its IP-ID is 0 (the host's sockets count theirs), or the server's "
		"FIN was acknowledged and the SYN is older. A server that closed last, or whose "
		"FIN stays unacknowledged, is in LAST_ACK or CLOSING: peer-rebooted. Without the "
		"earlier connection in the capture, IP-ID 0 of that ACK "
		"speaks for TIME_WAIT. If the earlier connection was "
		"not closed, the peer is half-open: peer-rebooted.",
	.folklore = "\"tcp_tw_recycle drops SYNs behind NAT.\" That sysctl is gone since Linux "
		    "4.12; what is left is this check in TIME_WAIT, "
		    "which delays and does not drop.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
