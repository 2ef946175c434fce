/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ports-exhausted: no local port is left for this destination; no packet is sent.
 *
 *	client
 *	  connect(): every port of ip_local_port_range is
 *	  in use or in TIME_WAIT towards (address, port)
 *	  EADDRNOTAVAIL, and nothing on the wire
 *
 * So no capture can show it, and there is no matcher: it takes the kernel's own answer, or the
 * settings and the socket table of the host.
 */
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"

static const char *const remedies[] = {
	"Count what holds the ports: `ss -tan dst SERVER:PORT | awk '{print $1}' | sort | uniq "
	"-c`.",
	"Reuse connections: a pool or HTTP keep-alive removes the cause; 28232 ports in 60 s of "
	"TIME_WAIT are 470 new connections "
	"per second to one destination.",
	"Widen the range: `sysctl net.ipv4.ip_local_port_range='1024 65535'`, and keep the ports "
	"of your own listeners out of it with "
	"`net.ipv4.ip_local_reserved_ports`.",
	"Let connect() take ports from TIME_WAIT after a second: `sysctl net.ipv4.tcp_tw_reuse=1` "
	"(needs timestamps at both ends).",
	"If the program binds a source address first, set IP_BIND_ADDRESS_NO_PORT, so that the "
	"port is chosen by connect() for the "
	"whole four-tuple and not by bind() alone.",
	"Give client or server more addresses: the limit counts per source address, destination "
	"address and destination port.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.ip_local_port_range",
	  "The ports that connect() may choose from. Default 32768 to 60999: 28232 ports." },
	{ "net.ipv4.tcp_tw_reuse", "Whether connect() may reuse a port in TIME_WAIT: 0 never, 1 "
				   "after tcp_tw_reuse_delay, 2 on loopback only. Default 2." },
	{ "net.ipv4.tcp_tw_reuse_delay", "How old that TIME_WAIT must be, in ms. Default 1000." },
	{ "IP_BIND_ADDRESS_NO_PORT",
	  "Socket option: bind() to an address keeps no port until connect(). Default off." },
	{ "TIME_WAIT", "60 s, fixed when the kernel is compiled." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"net/ipv4/inet_hashtables.c: __inet_hash_connect, __inet_check_established",
	"net/ipv4/inet_connection_sock.c: inet_csk_get_port",
	"RFC 6056 (port selection); RFC 6191",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	if (!tw_get(m->facts, TW_F_K_NO_PORT))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_CLIENT_HOST,
		    tw_say(m,
			   "No local port was left towards %s: connect() failed and sent nothing.",
			   m->server));
	tw_cite(m, TW_F_K_NO_PORT,
		"SYN_SENT to CLOSE within connect(), no port bound, no SYN sent");
	tw_app_saw(m, TW_CLIENT, "connect", "EADDRNOTAVAIL", 0, NULL);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "two-ports",
		.about = "all local ports towards this server are taken",
		.variants = "v4 v6",
		.script = "set client ip_local_port_range 40000 40001\n"
			  "server listen\n"
			  "client connect #2\n"
			  "client connect #3\n"
			  "fault\n"
			  "client connect -> EADDRNOTAVAIL within 100ms\n"
			  "client bind 0 #4 -> EADDRINUSE within 100ms\n"
			  "verdict both clean clean stream 0-1\n",
	},
	{
		.name = "freed",
		.about = "a port that the server's TIME_WAIT still knows is used again",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "set client ip_local_port_range 40000 40001\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client connect #2\n"
			  "server accept #2\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "state server TIME_WAIT\n"
			  "state client CLOSE\n"
			  "fault\n"
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
			  "verdict both clean clean stream 1\n"
			  "verdict both clean clean stream 2\n",
	},
	{
		.name = "time-wait",
		.about = "the ports are free but for TIME_WAIT, at the end that closed first",
		.variants = "v4 v6",
		.script = "set client ip_local_port_range 40000 40001\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "client connect\n"
			  "server accept\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "fault\n"
			  "client connect -> EADDRNOTAVAIL within 100ms\n"
			  "verdict both clean clean stream 0-1\n",
	},
	{
		.name = "reused",
		.about = "tcp_tw_reuse 1: a second later the same ports do",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "set client ip_local_port_range 40000 40001\n"
			  "set client tcp_tw_reuse 1\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "client connect\n"
			  "server accept\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "fault\n"
			  "wait 1200ms\n"
			  "client connect within 100ms\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean stream 0-2\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "connect() looks for a local port";
	tw_schedule_none(&p->ladder, 0, "inet_hash_connect()");
	tw_predict_stand(p, tw_moment_at(0), "CLOSE", NULL);
	tw_schedule_setting(&p->ladder, m, TW_SET_PORT_LOW);
	tw_schedule_setting(&p->ladder, m, TW_SET_PORT_HIGH);
	tw_schedule_setting(&p->ladder, m, TW_SET_TW_REUSE);
	tw_predict_saw(p, "connect()", "EADDRNOTAVAIL", tw_moment_at(0),
		       "At once, and without any packet: every port of the range is taken for this "
		       "destination.");
	p->note = "A port that was closed first on this side is free again after TIME_WAIT, 60 s: "
		  "the "
		  "range divided by 60 is the rate of connections to one destination that can be "
		  "kept up.";
}

const struct tw_phenomenon tw_ph_ports_exhausted = {
	.slug = "ports-exhausted",
	.stage = TW_STAGE_CONNECT,
	.title = "No local port is left",
	.happens = "connect() needs a local port that makes the four-tuple unique. When all ports "
		   "of ip_local_port_range are taken "
		   "towards this destination address and port, by living connections or by those "
		   "in TIME_WAIT, it fails at once. No "
		   "packet is sent, so the server and every capture know nothing of it.\n\n"
		   "TIME_WAIT sits at the end that closed first and lasts 60 s. A client that "
		   "opens, uses and closes short connections to one "
		   "endpoint therefore runs dry at about 470 of them per second with the default "
		   "range.",
	.diagram = "client\n"
		   "  socket(), connect()\n"
		   "  |  32768 ... 60999: all in use or in TIME_WAIT\n"
		   "  EADDRNOTAVAIL              (no packet leaves)\n",
	.client_sees = "connect() fails at once with EADDRNOTAVAIL (\"Cannot assign requested "
		       "address\"). A bind() to port 0 that finds none fails with "
		       "EADDRINUSE.",
	.server_sees = "Nothing, but a rate of new connections that does not rise any further.",
	.recognise = "Not from packets. With the host at hand: `ss -tan dst SERVER:PORT | wc -l` "
		     "near the size of the port range, "
		     "and the errno in the program's log. A hint in a capture is the same source "
		     "port coming back "
		     "within seconds with a sequence number 65537 above the old one's end, which "
		     "is how Linux reuses TIME_WAIT.",
	.folklore = "\"Lower tcp_fin_timeout to free ports.\" It governs FIN_WAIT2 of orphans "
		    "only; TIME_WAIT is 60 s whatever it says.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "KP",
	.predict = predict,
	.match = NULL,
	.match_live = match_live,
	.scenarios = scenarios,
};
