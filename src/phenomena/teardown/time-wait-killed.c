/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A RST with exactly the expected sequence number reaches TIME_WAIT and ends it (RFC 1337).
 *
 * Theory: after the close the end that closed first guards the tuple for 60 s. A stray segment
 * draws an ACK from it; a host without the connection answers that ACK with a RST whose sequence
 * number is exact, and Linux then frees TIME_WAIT unless tcp_rfc1337 is set. Limits: whether it
 * died (the sysctl) is never visible, nor is a stray segment that was seen only beyond this point;
 * so never certain.
 *
 *    closed first                                              peer
 *      |  TIME_WAIT                                            (gone)
 *      |<-------- old segment, from anywhere ------              |
 *      |------------------ ACK (IP-ID 0) ----------------------->|
 *      |<----------------- RST, seq = that ack ------------------|
 *      |  tcp_rfc1337 = 0: TIME_WAIT is freed before its 60 s    |
 *      |  tcp_rfc1337 = 1: the RST is ignored                    |
 */
#include "phenomena/phenomenon.h"

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side guard = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);

	if (!tw_get(f, TW_F_CLOSED_CLEAN) || !tw_get(f, TW_F_AFTER_CLOSE_RST_EXACT) ||
	    (tw_is(f, TW_F_AFTER_CLOSE_RST_SIDE, guard) && !tw_get(f, TW_F_SIMULTANEOUS_CLOSE)))
		return false;
	m->strength = TW_STRENGTH_CURIOSITY + 1;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_CLEAN;
	m->culprit = TW_CULPRIT_NETWORK;
	m->summary = tw_say(m,
			    "After a complete close a RST with exactly the expected sequence "
			    "number reached %s: it ends "
			    "TIME_WAIT there, unless tcp_rfc1337 is set.",
			    tw_endpoint(m, guard));
	if (tw_get(f, TW_F_AFTER_CLOSE_OLD_ACK))
		tw_cite(m, TW_F_AFTER_CLOSE_OLD_ACK,
			"an ACK out of TIME_WAIT: something old had reached it");
	tw_cite(m, TW_F_AFTER_CLOSE_RST_EXACT,
		"a RST after the close, with the sequence number that TIME_WAIT expects");
	tw_rival(m, "old-duplicate",
		 "the segment that began it was a stray one, and whether TIME_WAIT died is not "
		 "visible");
	tw_rule_out(m, "peer-rebooted",
		    "both ends had closed in order, with all data acknowledged");
	tw_app_saw(m, TW_CLIENT, NULL, NULL, -1, "Nothing: the connection was over.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "Nothing: the connection was over.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_rfc1337",
	  "0 (the default): a RST with the exact sequence number ends TIME_WAIT; 1: it "
	  "is ignored." },
	{ "TIME_WAIT", "60 s on Linux, a constant of the kernel." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Leave it alone if it is rare; nothing was lost.",
	"If connections with reused ports mix up data, protect TIME_WAIT: `sysctl -w "
	"net.ipv4.tcp_rfc1337=1`.",
	"If it is frequent, look for what sends segments after the close: a network that "
	"duplicates packets, or a device that resets finished connections.",
	NULL,
};

static const char *const references[] = {
	"RFC 1337 s2, s3 (TIME-WAIT assassination, fix F1)",
	"RFC 9293 s3.6.1",
	"net/ipv4/tcp_minisocks.c: tcp_timewait_state_process",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "rst",
		.about = "a reset ends TIME_WAIT early",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "state client TIME_WAIT\n"
			  "fault\n"
			  "cable forge RST to client\n"
			  "state client CLOSE within 2s\n"
			  "verdict client time-wait-killed clean\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "overtaken",
		.about = "a FIN overtakes the ACK before it: TIME_WAIT answers the ACK, and that "
			 "is answered by a reset",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable delay 20ms server ack\n"
			  "client close\n"
			  "server recv eof\n"
			  "cable wait server ack #2\n"
			  "server close\n"
			  "state client CLOSE within 2s\n"
			  "verdict both time-wait-killed clean\n",
	},
	{
		.name = "late-ack",
		.about = "the last ACK comes after the FIN was repeated: two ACKs, and the second "
			 "finds no socket",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable delay 300ms client ack\n"
			  "server close\n"
			  "state client TIME_WAIT\n"
			  "state client CLOSE within 2s\n"
			  "verdict both time-wait-killed clean\n",
	},
	{
		.name = "rfc1337",
		.about = "with tcp_rfc1337 TIME_WAIT survives the reset",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "set client tcp_rfc1337 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "state client TIME_WAIT\n"
			  "fault\n"
			  "cable forge RST to client\n"
			  "cable quiet 100ms\n"
			  "state client TIME_WAIT\n"
			  "verdict client time-wait-killed|clean|forged-reset clean likely\n"
			  "verdict server clean clean\n",
	},
	{
		.name = "one-lower",
		.about = "a reset one number lower is ignored",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "state client TIME_WAIT\n"
			  "fault\n"
			  "cable forge RST to client seq -1\n"
			  "cable quiet 100ms\n"
			  "state client TIME_WAIT\n"
			  "verdict client old-duplicate|clean clean\n"
			  "verdict server clean clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_time_wait_killed = {
	.slug = "time-wait-killed",
	.stage = TW_STAGE_TEARDOWN,
	.title = "A RST ended TIME_WAIT early",
	.happens = "TIME_WAIT keeps the tuple for 60 s, so that late segments of this connection "
		   "cannot be taken for those of the next one. If an old segment comes, it is "
		   "answered by an ACK. The peer has no socket any more, and its kernel answers "
		   "that ACK with a RST. Its sequence number is exactly what TIME_WAIT expects, "
		   "so by default Linux frees TIME_WAIT at once; a new SYN of the same tuple is "
		   "then accepted without the guard.\n\n"
		   "The old segment need not come from far: an ACK that the FIN sent after it has "
		   "overtaken (two processors of one host may send them) draws that answer, "
		   "and so does a last ACK so late that the FIN was repeated meanwhile.\n\n"
		   "A RST whose sequence number is only one lower is ignored (measured).",
	.diagram = " closed first                                              peer\n"
		   "   |  TIME_WAIT                                            (gone)\n"
		   "   |<-------- old segment, from anywhere ------              |\n"
		   "   |------------------ ACK (IP-ID 0) ----------------------->|\n"
		   "   |<----------------- RST, seq = that ack ------------------|\n"
		   "   |  tcp_rfc1337 = 0: TIME_WAIT is freed before its 60 s    |\n"
		   "   |  tcp_rfc1337 = 1: the RST is ignored                    |\n",
	.client_sees = "Nothing: the connection was closed in order, with all data acknowledged.",
	.server_sees = "Nothing. In theory a later connection with the same addresses and ports "
		       "could take old data for its own.",
	.recognise = "tcpwhy asks for a complete close and then a RST with exactly the expected "
		     "sequence number from the end that closed second. Whether TIME_WAIT really "
		     "ended depends on tcp_rfc1337, which no packet shows. If the RST was only the "
		     "answer to a stray segment that is itself visible, old-duplicate is said.",
	.folklore = "\"A RST at the end means that the connection failed.\" After a complete close "
		    "it cannot harm that connection any more, only the guard of the next one.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.sign = TW_F_AFTER_CLOSE_RST_EXACT,
	.match = match,
	.scenarios = scenarios,
};
