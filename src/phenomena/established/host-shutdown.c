/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host-shutdown: the orderly end of a machine.
 *
 *     client                          server
 *       |<--- FIN ----------------------|  init stops the services
 *       |---- ACK --------------------->|
 *       |---- SYN (new connection) ---->|
 *       |<--- RST|ACK ------------------|  nobody listens, the kernel still answers
 *       |                              (off)
 *       |---- data -------------------->   unanswered, again and again
 *       |---- SYN --------------------->   unanswered
 *
 * The three acts in this order are the mark: closed in order, then refused, then silent. Each
 * alone is something else (data-after-close, port-closed, peer-vanished). Where nobody knocked in between, that
 * all connections of the host were closed together stands for the refusal.
 */
#include "base/duration.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

/* Between the end of the services and that of the network there are seconds, rarely a minute. */
#define SOON_NS (60 * TW_NS_PER_S)

static bool closed_by_server(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_CLOSED_CLEAN))
		return false; /* it was over before */
	return tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) ||
	       (tw_reset_landed(f) && tw_reset_author(f) == TW_SERVER &&
		tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE));
}

/* So many others that the host ended within the same second are no accident. */
#define OTHERS_TOGETHER 2
#define REPEATS_ENOUGH  3

/*
 * Without a refusal: closed together with others, by FIN, and then not a word any more, neither to this
 * connection nor to a new one.
 */
static bool ended_together(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t others = tw_get(f, TW_F_HOST_ENDED_TOGETHER);
	const bool data =
		tw_is(f, TW_F_UNANSWERED_SIDE, TW_CLIENT) && tw_get(f, TW_F_UNANSWERED_BYTES) > 0;
	const int64_t repeats =
		data ? tw_get(f, TW_F_UNANSWERED_REPEATS) : tw_get(f, TW_F_FIN2_COUNT) - 1;

	if (!tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) || tw_get(f, TW_F_FIN2_ACKED) ||
	    tw_get(f, TW_F_RST_COUNT) || !tw_silence_proves(f) || others < OTHERS_TOGETHER ||
	    repeats < REPEATS_ENOUGH || !tw_get(f, TW_F_PORT_SILENT_AFTER))
		return false;
	m->outcome = data ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED;
	m->summary = tw_say(m,
			    "The host of %s was shut down: it closed this and %s "
			    "together, then fell silent.",
			    tw_endpoint(m, TW_SERVER), tw_count(m, others, "other connection"));
	tw_cite(m, TW_F_FIN1_SIDE,
		"the server closes in order: FIN, within a second of %d others of its host",
		(int)others);
	tw_cite(m, data ? TW_F_UNANSWERED_REPEATS : TW_F_FIN2_COUNT,
		"%s of the client, unanswered through %s: now the host is gone",
		data ? "data" : "the FIN", tw_count(m, repeats, "repeat"));
	tw_cite(m, TW_F_PORT_SILENT_AFTER, "a later SYN to the same host stays unanswered");
	return true;
}

/* Closed, refused, silent. */
static bool refused_then_silent(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	bool unanswered =
		tw_is(f, TW_F_UNANSWERED_SIDE, TW_CLIENT) && tw_get(f, TW_F_UNANSWERED_REPEATS) > 0;
	bool silent = tw_get(f, TW_F_PORT_SILENT_AFTER);
	bool lost = tw_reset_landed(f) && tw_reset_debt(f) == TW_DEBT_OWED;

	if (!tw_get(f, TW_F_PORT_REFUSED_AFTER) || tw_get(f, TW_F_PORT_REFUSED_AFTER_NS) > SOON_NS)
		return false;
	/* A SYN without an answer alone may be the last packet of the capture. */
	if (!unanswered && !(silent && (tw_get(f, TW_F_FIN_BEFORE_ANSWER) || lost)))
		return false;
	m->outcome = TW_OUTCOME_FAILED;
	m->summary =
		tw_say(m,
		       "The host of %s was shut down: it closed the connection, refused a new one "
		       "%s later, then fell silent.",
		       tw_endpoint(m, TW_SERVER), TW_DUR(tw_get(f, TW_F_PORT_REFUSED_AFTER_NS)));
	if (tw_known(f, TW_F_FIN1_SIDE))
		tw_cite(m, TW_F_FIN1_SIDE, "the server closes in order: FIN");
	else
		tw_reset_cite(m);
	if (unanswered)
		tw_cite(m, TW_F_UNANSWERED_REPEATS,
			"%s of the client, unanswered through %s: now the host is gone",
			tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)),
			tw_count(m, tw_get(f, TW_F_UNANSWERED_REPEATS), "repeat"));
	if (silent)
		tw_cite(m, TW_F_PORT_SILENT_AFTER, "a later SYN to the same host stays unanswered");
	tw_cite(m, TW_F_PORT_REFUSED_AFTER,
		"a new connection is refused: the kernel answers, the service is gone");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!closed_by_server(f) || tw_get(f, TW_F_PORT_OPEN_AFTER) ||
	    tw_get(f, TW_F_ALIVE_ELSEWHERE))
		return false;
	if (!refused_then_silent(m) && !ended_together(m))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 4;
	m->confidence = TW_LIKELY;
	m->culprit = TW_CULPRIT_SERVER_HOST;
	tw_rival(m, "process-died",
		 "the service may have ended alone, and host or path failed a moment later");
	tw_rival(m, "peer-vanished", "the silence alone could be a broken path");
	tw_rule_out(m, "peer-rebooted", "the connection was closed in order before the silence");
	tw_app_saw(
		m, TW_CLIENT, "recv", "EOF", -1,
		"recv returns 0; data sent later ends in ETIMEDOUT (or EHOSTUNREACH) at send, recv "
		"stays at 0. New connections: first ECONNREFUSED, then ETIMEDOUT or EHOSTUNREACH.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "It was stopped by its host.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_retries2", "How long the client repeats data to the host that is off: 15 "
				   "retries, 938.5 s measured." },
	{ "net.ipv4.tcp_syn_retries",
	  "How long new connections wait: 6 retries, about 134 s since Linux 6.5." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Look whether the shutdown was meant: `last -x shutdown reboot`, `journalctl -b -1 -n 50` "
	"on the host, or the events of the hypervisor or cloud (maintenance, spot instance, "
	"scale-in).",
	"Take the host out of the load balancer or DNS before it goes down and let it drain; wait "
	"longer than the clients' keep-alive time.",
	"On the client, treat end of file on an idle connection as final: close it, and never send "
	"a request on it.",
	"Set TCP_USER_TIMEOUT (for example 10000 ms) on the client's sockets so that data sent to "
	"a host that is off fails in seconds and not after a quarter of an hour.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6, s3.8.3",
	"RFC 5482 s3.1",
	"net/ipv4/tcp_timer.c: tcp_write_timeout",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "orderly",
		.about = "all connections are closed together, then the host is silent",
		.variants = "v4 v6",
		.script = "short client tcp_syn_retries 1\n"
			  "short client tcp_syn_linear_timeouts 0\n"
			  "host client neighbour permanent\n"
			  "server listen\n"
			  "server.2 listen port 81\n"
			  "client connect\n"
			  "client connect #2\n"
			  "client.2 connect port 81\n"
			  "server accept\n"
			  "server accept #2\n"
			  "server.2 accept\n"
			  "client send 10\n"
			  "server recv 10\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client send 10 #2\n"
			  "server recv 10 #2\n"
			  "server send 10 #2\n"
			  "client recv 10 #2\n"
			  "fault\n"
			  "server kill SIGTERM\n"
			  "server.2 kill SIGTERM\n"
			  "client recv -> EOF within 1s\n"
			  "client recv #2 -> EOF within 1s\n"
			  "client.2 recv -> EOF within 1s\n"
			  "host server vanish\n"
			  "client connect #3 -> ETIMEDOUT after 3s full 134s\n"
			  "# nobody was owed anything\n"
			  "verdict both clean\n"
			  "verdict both clean stream 1\n"
			  "verdict both clean stream 2\n"
			  "# no refusal in between: two SYNs without an answer are all there is\n"
			  "verdict client syn-unanswered|host-shutdown|host-unreachable possible "
			  "likely unknown stream 3\n",
	},
	{
		.name = "arp-fails",
		.about = "the same on a network where the host's neighbours have forgotten it",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 10\n"
			  "server recv 10\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "server kill SIGTERM\n"
			  "client recv -> EOF within 1s\n"
			  "client connect #2 -> ECONNREFUSED\n"
			  "host server vanish\n"
			  "host client neighbour none\n"
			  "client connect #3 -> EHOSTUNREACH after 3s\n"
			  "verdict both clean\n"
			  "verdict both host-shutdown|port-closed|process-died likely possible "
			  "failed stream 1\n",
	},
	{
		.name = "refused-then-silent",
		.about = "closed in order, refused, then silent to the request that was sent too "
			 "late",
		.variants = "v4",
		.script = "short client tcp_retries2 2\n"
			  "host client neighbour permanent\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "server kill SIGTERM\n"
			  "client recv -> EOF within 1s\n"
			  "client connect #2 -> ECONNREFUSED\n"
			  "host server vanish\n"
			  "client send 100\n"
			  "state client CLOSE within 60s\n"
			  "client send 100 -> ETIMEDOUT\n"
			  "client send 100 -> EPIPE\n"
			  "client recv -> EOF\n"
			  "verdict client host-shutdown likely failed\n"
			  "verdict client host-shutdown|port-closed|process-died likely possible "
			  "failed stream 1\n"
			  "verdict server clean\n"
			  "verdict server host-shutdown|port-closed|process-died likely possible "
			  "failed stream 1\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_host_shutdown = {
	.slug = "host-shutdown",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The host was shut down in order",
	.happens =
		"The machine is shut down or rebooted on purpose. Its services are stopped first, "
		"so their sockets are closed: FIN for connections with nothing unread, RST|ACK for "
		"the others. For a short while the kernel still answers, and refuses new "
		"connections with RST|ACK. Then the network goes down: no answer of any kind, no "
		"ICMP, and on the same network ARP stays unanswered too.\n\n"
		"A client that sends data into the closed connection after that gets no reset any "
		"more. It repeats its segment with growing gaps until tcp_retries2 is used up.",
	.diagram = "client                          server\n"
		   "  |<--- FIN ----------------------|  services are stopped\n"
		   "  |---- ACK --------------------->|\n"
		   "  |---- SYN --------------------->|\n"
		   "  |<--- RST|ACK ------------------|  refused: the kernel still runs\n"
		   "  |---- data ------------------->     off: unanswered\n"
		   "  |---- data (repeat) ---------->\n"
		   "recv: 0, later send: ETIMEDOUT\n",
	.client_sees = "recv returns 0 and stays there. New connections fail with ECONNREFUSED, "
		       "and shortly after with ETIMEDOUT (EHOSTUNREACH after about 3 s once ARP "
		       "fails on the same network). Data sent after the end of the host ends in "
		       "ETIMEDOUT or EHOSTUNREACH at send; recv still returns 0.",
	.server_sees = "SIGTERM, later SIGKILL, from its init system.",
	.recognise = "Three acts in order: the server closes, a new connection is refused, then "
		     "the host is silent to data or SYNs. The client's side must be seen to the "
		     "end: a capture on the server itself shows no more than its own FIN, and "
		     "tcpwhy then does not say it.\n\n"
		     "process-died (only the service ended) and a path that broke afterwards "
		     "cannot be excluded from packets.",
	.folklore = NULL,
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.scenarios = scenarios,
};
