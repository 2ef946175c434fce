/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address-in-use: the listener cannot bind; no packet is sent.
 *
 *	server
 *	  old process: listens, or its connections sit in TIME_WAIT
 *	  new process: bind() -> EADDRINUSE
 *	  clients: refused (port-closed) until it gives way
 *
 * Only the kernel's answer shows it, so there is no matcher for captures. What one may show is its
 * effect: a port that refuses after a restart.
 */
#include "phenomena/live.h"

static const char *const remedies[] = {
	"Find the owner: `ss -ltnp 'sport = :PORT'`; as root it names the process.",
	"If nobody listens, look for leftovers: `ss -tan 'sport = :PORT'`; connections in "
	"TIME_WAIT, FIN_WAIT or CLOSE_WAIT hold the port "
	"against a bind() without SO_REUSEADDR.",
	"Set SO_REUSEADDR before bind() in every server: Linux then ignores TIME_WAIT and dead "
	"connections, and still refuses a second listener.",
	"Wait for the old process to end before the new one starts, or hand the socket over "
	"(systemd socket activation, fork and exec).",
	"Use SO_REUSEPORT in all processes that are meant to share the port; they must belong to "
	"the same user.",
	"Check for a client that happens to use the port: `net.ipv4.ip_local_reserved_ports` keeps "
	"it out of the dynamic range.",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "SO_REUSEADDR", "Socket option, before bind(): bind beside connections in TIME_WAIT and "
			  "the like. Default off." },
	{ "SO_REUSEPORT", "Socket option of every listener: several sockets share a port and the "
			  "kernel spreads connections. Default off." },
	{ "net.ipv4.ip_local_reserved_ports",
	  "Ports that connect() must not choose by itself. Default none." },
	{ "net.ipv6.bindv6only", "0: a listener on [::] also occupies the IPv4 port. Default 0." },
	{ NULL, NULL },
};

static const char *const references[] = {
	"net/ipv4/inet_connection_sock.c: inet_csk_get_port, inet_csk_bind_conflict",
	"socket(7): SO_REUSEADDR, SO_REUSEPORT; bind(2): EADDRINUSE",
	NULL,
};

/* Live: the call itself, and who listens on the port, if anybody does. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_get(f, TW_F_K_BIND_FAILED))
		return false;
	tw_live_say(
		m, TW_STRENGTH_EXPLICIT, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_SERVER_HOST,
		tw_known(f, TW_F_K_HOLDER)
			? tw_say(m, "%s is taken: %s, process %lld, listens on that port.",
				 m->server, m->holder, (long long)tw_get(f, TW_F_K_HOLDER))
			: tw_say(m,
				 "%s is taken, and by no listener that is known: a connection of "
				 "it lives or is in TIME_WAIT, or a socket is bound to it.",
				 m->server));
	tw_cite(m, TW_F_K_BIND_FAILED, "bind() or listen() finds the port taken");
	tw_app_saw(m, TW_SERVER, "bind", "EADDRINUSE", 0, NULL);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "other-process",
		.about = "another process listens already",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "server.2 listen -> EADDRINUSE\n",
	},
	{
		.name = "time-wait",
		.about = "an old connection in TIME_WAIT, and no SO_REUSEADDR",
		.variants = "v4 v6",
		.script = "server option listener SO_REUSEADDR 0\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "state server TIME_WAIT\n"
			  "server close listener\n"
			  "fault\n"
			  "server.2 option listener SO_REUSEADDR 0\n"
			  "server.2 listen -> EADDRINUSE\n"
			  "client connect #2 -> ECONNREFUSED within 1s\n"
			  "verdict both clean clean\n"
			  "verdict both port-closed likely failed stream 1\n",
	},
	{
		.name = "same-port-client",
		.about = "a client binds the port of another connection",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client bind 40000\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client bind 40000 #2 -> EADDRINUSE\n"
			  "client option SO_REUSEADDR 1 #3\n"
			  "client bind 40000 #3 -> EADDRINUSE\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "reused",
		.about = "with SO_REUSEADDR TIME_WAIT is no obstacle",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "server close\n"
			  "client recv eof\n"
			  "client close\n"
			  "state server TIME_WAIT\n"
			  "server close listener\n"
			  "fault\n"
			  "server.2 listen\n"
			  "client connect #2\n"
			  "server.2 accept\n"
			  "client close #2\n"
			  "server.2 recv eof\n"
			  "server.2 close\n"
			  "verdict both clean clean\n"
			  "verdict both clean clean stream 1\n",
	},
	{
		.name = "reuseport",
		.about = "with SO_REUSEPORT two processes share a port",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "fault\n"
			  "server option listener SO_REUSEPORT 1\n"
			  "server listen\n"
			  "server.2 option listener SO_REUSEPORT 1\n"
			  "server.2 listen\n"
			  "server.3 listen -> EADDRINUSE\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_address_in_use = {
	.slug = "address-in-use",
	.stage = TW_STAGE_CONNECT,
	.title = "The listener cannot bind its port",
	.happens = "bind() (or listen()) finds the port taken: another socket listens there, "
		   "perhaps on all addresses, or "
		   "connections of an earlier listener still exist and SO_REUSEADDR was not set. "
		   "Connections in TIME_WAIT, which last 60 s, "
		   "are the usual ones after a restart in which the server had closed first.\n\n"
		   "The program that could not bind usually exits or retries, and meanwhile the "
		   "kernel refuses every client, if nobody else listens.",
	.diagram = "server\n"
		   "  old: connections in TIME_WAIT (60 s), or a listener\n"
		   "  new: bind(port) -> EADDRINUSE   (no packet)\n"
		   "\n"
		   "client                    server\n"
		   "  |----SYN----------------->|   nobody listens yet\n"
		   "  |<---RST|ACK--------------|   ECONNREFUSED\n",
	.client_sees = "ECONNREFUSED while nobody listens; or the wrong service's answer when "
		       "somebody else holds the port.",
	.server_sees = "bind() or listen() fails with EADDRINUSE (\"Address already in use\").",
	.recognise = "Not from packets: they show at most a port that refuses for about a minute "
		     "after a restart. On the host, `ss -tanp` shows the "
		     "owner, and the kernel reports the errno of the call: `tcpwhy live --bind`.",
	.folklore = "\"SO_REUSEADDR lets two servers share a port.\" On Linux it does not: two "
		    "listeners on the same address and port need "
		    "SO_REUSEPORT, both of them.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "K",
	.match = NULL,
	.match_live = match_live,
	.scenarios = scenarios,
};
