/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A NAT, load balancer or firewall dropped the state of an idle connection, and now drops its
 * packets silently.
 *
 * Theory: the packets are those of peer-vanished; what differs is the long silence of both ends
 * before them. A dead host does not care how long the connection was idle; a table of states does.
 * So the idle time, and what other connections between the two hosts survived, is the whole
 * evidence. Limits: never certain from packets, and not claimed for short idle times.
 *
 *    client                  NAT / firewall                      server
 *      |<============= requests and answers ==================>|
 *      |                           |                           |
 *      :      both idle            : T seconds: entry deleted  :
 *      |                           |                           |
 *      |--------- data ----------->X  no entry: dropped        |
 *      |--------- again ---------->X                           |
 *      |--------- again ---------->X                           |
 *      :   back-off to the end     :              ESTABLISHED for ever
 */
#include "phenomena/idle_table.h"
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include <errno.h>
#include <inttypes.h>

#define SILENT_SHAPE "C" /* of the table: the packet after the timer is dropped */
#define SEVERAL      2

/* Other connections of the same hosts died after such a pause, and none survived as long a one. */
static bool flows_agree(const struct tw_facts *f, int64_t idle_ns)
{
	return tw_get(f, TW_F_FLOWS_KILLED_IDLE) >= SEVERAL &&
	       tw_get(f, TW_F_FLOWS_KILLED_IDLE_NS) > tw_get(f, TW_F_FLOWS_SURVIVED_IDLE_NS) &&
	       idle_ns >= tw_get(f, TW_F_FLOWS_KILLED_IDLE_NS);
}

/* A connection of the same hosts survived a longer pause: then it was not the pause. */
static bool others_survived(const struct tw_facts *f, int64_t idle_ns)
{
	return tw_get(f, TW_F_FLOWS_SURVIVED_IDLE_NS) >= idle_ns;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE);
	int64_t idle = tw_get(f, TW_F_UNANSWERED_IDLE_BEFORE_NS);
	bool agree = flows_agree(f, idle);
	bool reset = tw_reset_gives_up(f), final = reset || tw_silence_is_final(f);
	const char *known;

	if (!tw_silence_lasts(f) || tw_window_stays_closed(f) || others_survived(f, idle) ||
	    tw_get(f, TW_F_NEIGHBOUR_UNANSWERED) || tw_get(f, TW_F_LARGEST_PASSED) == 0)
		return false;
	/* a device that forgot one lets new ones pass */
	if (tw_get(f, TW_F_PORT_SILENT_TOO) && !tw_get(f, TW_F_ALIVE_ELSEWHERE))
		return false;
	known = tw_idle_text(m->idle_table, m->arena, idle, SILENT_SHAPE);
	if (!known && !agree)
		return false;
	/* more specific than peer-vanished, which matches as well */
	m->strength = reset ? TW_STRENGTH_MECHANISM + 8 : TW_STRENGTH_STALL + 3;
	m->confidence = agree || tw_get(f, TW_F_ALIVE_ELSEWHERE) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = final ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_MIDDLEBOX;
	m->summary = tw_say(m,
			    "After %s without traffic the data of %s is no longer answered: a "
			    "device on the path has probably forgotten the connection.",
			    TW_DUR(idle), tw_endpoint(m, sender));
	tw_cite(m, TW_F_UNANSWERED_BYTES,
		"the first data after %s of silence on both sides, never acknowledged",
		TW_DUR(idle));
	tw_cite(m, TW_F_UNANSWERED_REPEATS, "%s over %s, unanswered",
		tw_first_of(m, tw_get(f, TW_F_UNANSWERED_REPEATS), "repeat"),
		TW_DUR(tw_get(f, TW_F_UNANSWERED_SPAN_NS)));
	if (known)
		tw_cite(m, TW_F_UNANSWERED_IDLE_BEFORE_NS,
			"devices known to forget a connection after such a time: %s", known);
	if (agree)
		tw_cite(m, TW_F_FLOWS_KILLED_IDLE,
			"%" PRId64 " connections between these hosts died after such a pause, none "
			"survived one",
			tw_get(f, TW_F_FLOWS_KILLED_IDLE));
	if (reset)
		tw_reset_cite(m);
	if (tw_get(f, TW_F_ALIVE_ELSEWHERE))
		tw_cite(m, TW_F_ALIVE_ELSEWHERE,
			"the silent host answers others meanwhile: it is not dead");
	tw_rival(m, "peer-vanished",
		 tw_get(f, TW_F_ALIVE_ELSEWHERE)
			 ? "if only the path that this connection takes, one of several, died "
			   "during the pause, the packets are the same"
			 : "a host that died during the pause leaves the same packets");
	tw_rival(m, "firewall-dropped", "a filter that was put in place meanwhile does as well");
	if (!tw_known(f, TW_F_ZERO_WINDOW_SIDE))
		tw_rule_out(m, "zero-window-stall", "the silent end never closed its window");
	tw_app_saw(m, sender, "recv", final ? "ETIMEDOUT" : "hang", -1,
		   "The first send() succeeds; the error comes when the kernel gives up.");
	tw_app_saw(m, tw_other(sender), NULL, NULL, -1,
		   "Nothing: for it the connection is idle and established.");
	if (!final)
		tw_missing(m, "The capture stops while the sender still repeats: the next repeat "
			      "may be answered.");
	return true;
}

/* Live: the kernel has given up, and before what was never answered both had been silent for as long as a device
 * remembers. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t idle = tw_live_idle_before_ns(m);
	const char *known = idle ? tw_idle_text(m->idle_table, m->arena, idle, SILENT_SHAPE) : NULL;

	if (!known || !tw_live_error(m, ETIMEDOUT) || tw_known(f, TW_F_K_RST_IN) ||
	    tw_known(f, TW_F_K_RST_SIDE) || tw_get(f, TW_F_K_ORPHAN) ||
	    tw_get(f, TW_F_K_WINDOW_ZERO) || !tw_get(f, TW_F_K_UNACKED))
		return false;
	tw_live_say(m, TW_STRENGTH_ENDING + 1, TW_POSSIBLE, TW_OUTCOME_FAILED, TW_CULPRIT_MIDDLEBOX,
		    tw_say(m,
			   "After %s without traffic the data of %s was no longer answered: a "
			   "device on the path has probably forgotten the connection.",
			   TW_DUR(idle),
			   tw_endpoint(m, (enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE))));
	tw_cite(m, TW_F_K_HANG_NS, "%s over %s, unanswered",
		tw_count(m, tw_get(f, TW_F_K_REPEATS), "repeat"),
		TW_DUR(tw_get(f, TW_F_K_HANG_NS)));
	tw_cite(m, TW_F_K_QUIET_NS, "devices known to forget a connection after such a time: %s",
		known);
	tw_live_cite_error(m);
	tw_rival(m, "peer-vanished", "a host that died during the pause is as silent");
	tw_rival(m, "firewall-dropped", "so is a filter that was put in place during the pause");
	tw_live_error_seen(m, "recv");
	return true;
}

static const struct tw_governed governed[] = {
	{ "the idle timeout of the device",
	  "Examples: 350 s for AWS network load balancers and NAT gateways, 240 s for "
	  "Azure load balancers, 5 days for Linux conntrack "
	  "(nf_conntrack_tcp_timeout_established, default 432000 s)." },
	{ "SO_KEEPALIVE",
	  "Off by default; without it nothing keeps the entry of an idle connection "
	  "alive." },
	{ "TCP_KEEPIDLE / net.ipv4.tcp_keepalive_time",
	  "Idle seconds before the first probe: 7200 by default, longer than almost "
	  "every device's timeout." },
	{ "net.netfilter.nf_conntrack_tcp_loose",
	  "On a Linux NAT: 1 (the default) creates the entry anew from a packet in "
	  "mid-connection that comes from inside, 0 does not." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Switch keepalive on with an idle time below the device's timeout, for example "
	"SO_KEEPALIVE with TCP_KEEPIDLE 120, TCP_KEEPINTVL 30, TCP_KEEPCNT 4.",
	"If the program sets SO_KEEPALIVE but no times, set them for the host: `sysctl -w "
	"net.ipv4.tcp_keepalive_time=120`.",
	"Let connection pools discard connections that were idle for longer than the device "
	"allows (maxIdleTime, idleTimeout, test-on-borrow).",
	"Raise the timeout of the device where it can be set, or let it send a reset when it "
	"forgets (Azure: EnableTcpReset), so that clients fail at once and do not hang.",
	"Set TCP_USER_TIMEOUT so that a black hole costs seconds and not the 15 minutes of "
	"tcp_retries2.",
	NULL,
};

static const char *const references[] = {
	"RFC 5382 REQ-5 (established idle timeout of at least 2 h 4 min)",
	"RFC 9293 s3.8.4 (keepalive)",
	"net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet, tcp_new",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "on-next-packet",
		.about = "a device forgot the idle connection and drops what comes",
		.variants = "v4",
		.script = "short client tcp_retries2 2\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "wait 61s\n"
			  "fault\n"
			  "cable drop any tcp always\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict client idle-blackholed|peer-vanished likely possible failed "
			  "unknown\n"
			  "never client certain\n"
			  "# the segment never arrived\n"
			  "verdict server clean\n",
	},
	{
		.name = "several",
		.about = "two idle connections are forgotten, a new one works at once",
		.variants = "v6",
		.script = "short client tcp_retries2 2\n"
			  "server listen\n"
			  "server.2 listen port 81\n"
			  "client connect\n"
			  "client connect #2\n"
			  "server accept\n"
			  "server accept #2\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client send 100 #2\n"
			  "server recv 100 #2\n"
			  "server send 10 #2\n"
			  "client recv 10 #2\n"
			  "wait 11s\n"
			  "fault\n"
			  "cable drop any tcp port 80 always\n"
			  "client send 100\n"
			  "client send 100 #2\n"
			  "client.2 connect port 81 within 1s\n"
			  "server.2 accept\n"
			  "client.2 send 100\n"
			  "server.2 recv 100\n"
			  "server.2 send 10\n"
			  "client.2 recv 10\n"
			  "# it must not be idle for longer than those that died of it\n"
			  "client.2 close\n"
			  "server.2 recv eof\n"
			  "server.2 close\n"
			  "client recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "client recv #2 -> ETIMEDOUT within 5s full 938s\n"
			  "state server ESTABLISHED\n"
			  "wait 4s\n"
			  "client.2 connect port 81 #2 within 1s\n"
			  "server.2 accept #2\n"
			  "client.2 close #2\n"
			  "server.2 recv eof #2\n"
			  "server.2 close #2\n"
			  "# several that died alike, and none that survived: a device; the host "
			  "is alive\n"
			  "verdict client idle-blackholed likely possible failed\n"
			  "never client certain\n"
			  "verdict client idle-blackholed likely possible failed stream 1\n"
			  "verdict client clean certain likely clean stream 2-3\n"
			  "verdict server clean\n"
			  "verdict server clean stream 1\n"
			  "verdict server clean certain likely clean stream 2-3\n",
	},
	{
		.name = "short-pause",
		.about =
			"after a pause of two seconds a device is no better guess than a dead host",
		.variants = "v4",
		.script = "truth peer-vanished\n"
			  "short client tcp_retries2 2\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "wait 2s\n"
			  "fault\n"
			  "cable drop any tcp always\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 1500ms..8s full 938s\n"
			  "verdict client peer-vanished possible likely failed unknown\n"
			  "verdict server clean\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "data is sent, one segment, after the peer went silent";
	tw_schedule_data(&p->ladder, m, TW_HELD, 1, "the segment again", "the segment again");
	tw_predict_silent_peer(p, m);
	p->note = "Second 0 is the first data after the idle time. A keepalive interval below the "
		  "device's idle timeout prevents it.";
}

const struct tw_phenomenon tw_ph_idle_blackholed = {
	.slug = "idle-blackholed",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "A device on the path forgot the idle connection",
	.happens = "Devices that track connections (NAT gateways, load balancers, stateful "
		   "firewalls, cloud security groups) delete an entry after some time without "
		   "packets. Neither end is told. When one end then sends, the device has no "
		   "entry for the segment and drops it; the repeats fare no better, because in "
		   "mid-connection nothing creates the entry anew.\n\n"
		   "Each kernel believes that the connection is established. The sender repeats "
		   "until tcp_retries2 is used up (938 s with the defaults); the other end waits "
		   "for ever.",
	.diagram = " client                  NAT / firewall                      server\n"
		   "   |<============= requests and answers ==================>|\n"
		   "   |                           |                           |\n"
		   "   :      both idle            : T seconds: entry deleted  :\n"
		   "   |                           |                           |\n"
		   "   |--------- data ----------->X  no entry: dropped        |\n"
		   "   |--------- again ---------->X                           |\n"
		   "   |--------- again ---------->X                           |\n"
		   "   :   back-off to the end     :              ESTABLISHED for ever\n",
	.client_sees =
		"The first send() after the pause succeeds, and the answer never comes. After "
		"the retransmission timeout ETIMEDOUT, which the next user of a pooled "
		"connection gets in place of an answer. A new connection works at once.",
	.server_sees =
		"Nothing: the connection stays ESTABLISHED in `ss` until keepalive or a write "
		"of its own ends it.",
	.recognise = "tcpwhy asks for what peer-vanished asks for, after a silence of both ends "
		     "that is longer than the shortest idle timeouts of known devices, or for "
		     "several connections between the same hosts that died after idle times longer "
		     "than those which others survived. After a short pause it says peer-vanished, "
		     "because then a device is no better guess than a dead host.\n\n"
		     "A host that died during the pause leaves the same packets. If other "
		     "connections between the two hosts work at that moment, the device is the "
		     "better explanation; a capture on both sides of it decides.",
	.folklore = "\"TCP connections time out when they are idle.\" TCP has no idle timeout: "
		    "without keepalive two kernels keep a silent connection for years. It is "
		    "devices in between that forget, many of them long before the 2 h 4 min that "
		    "RFC 5382 asks for.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WP",
	.predict = predict,
	.sign = TW_F_UNANSWERED_BYTES,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
