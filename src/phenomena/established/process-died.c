/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process-died: crash, kill or exit of a process, seen from the network.
 *
 *     client A      client B           server process
 *       |             |                  |  SIGKILL: the kernel closes every descriptor
 *       |<--- FIN ----------------------|  A: receive buffer empty
 *       |             |<-- RST|ACK ------|  B: bytes unread
 *       |             |                  |  listener closed: its accept queue is reset
 *       |---- SYN ---------------------->|
 *       |<--- RST|ACK -------------------|  port closed
 *
 * The way of dying leaves no trace: do_exit() -> close_files() -> __tcp_close() is the path of
 * them all, and of a plain close() too. So one connection never tells. What does is the
 * neighbourhood: the connections of that endpoint end together, and the port is refused
 * afterwards. Where one worker of several dies the port stays open: then a FIN in place of an answer is all
 * that there is.
 */
#include "base/duration.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/cut_message.h"
#include "phenomena/greeting.h"
#include "phenomena/http2.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"
#include "phenomena/stopped.h"

#include <string.h>

/* A refusal long after says more about a later restart than about this end. */
#define POLITE_NS                                                                                  \
	(1 * TW_NS_PER_S) /* who says goodbye sooner than that may have had nothing to answer */
#define SOON_NS (60 * TW_NS_PER_S)

static int64_t ended_together(const struct tw_facts *f)
{
	int64_t resets = tw_get(f, TW_F_RST_TOGETHER), all = tw_get(f, TW_F_HOST_ENDED_TOGETHER);

	return resets > all ? resets : all;
}

static bool refused_soon(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PORT_REFUSED_AFTER) && !tw_get(f, TW_F_PORT_SERVED_MEANWHILE) &&
	       tw_get(f, TW_F_PORT_REFUSED_AFTER_NS) <= SOON_NS;
}

static bool cut_answer(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ANSWER_UNFINISHED) && tw_is(f, TW_F_FIN1_SIDE, TW_SERVER);
}

/* What the client said to the server's FIN (close_notify, mostly) drew a reset. */
static bool refuses_what_follows(const struct tw_facts *f)
{
	return tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_SIDE, TW_SERVER) &&
	       tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) && tw_get(f, TW_F_RST_AUTHOR_FIN);
}

/* A reset behind the FIN can but be the client's, which closes in its manner what is over, or what it drew so. */
static bool ended_by_fin(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_COUNT) == 0 || refuses_what_follows(f) ||
	       (tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && tw_get(f, TW_F_RST_VICTIM_FIN));
}

/* The server's kernel closed the socket and somebody lost something by it. */
static bool ended_by_server(const struct tw_facts *f, bool *reset)
{
	*reset = tw_reset_landed(f) && tw_reset_author(f) == TW_SERVER &&
		 (tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) || tw_get(f, TW_F_RST_AUTHOR_FIN)) &&
		 tw_get(f, TW_F_RST_UNANSWERED_PROBES) == 0 && tw_reset_debt(f) != TW_DEBT_NONE;
	return *reset ||
	       (tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) && ended_by_fin(f) &&
		(tw_get(f, TW_F_FIN_BEFORE_ANSWER) || cut_answer(f) || tw_get(f, TW_F_H2_OPEN)));
}

static void cite(struct tw_match *m, bool reset, int64_t together)
{
	const struct tw_facts *f = m->facts;

	if (reset) {
		tw_reset_cite(m);
		if (tw_get(f, TW_F_RST_AUTHOR_FIN))
			tw_cite(m, TW_F_RST_AUTHOR_FIN, "FIN of the server: nothing was unread");
	} else {
		tw_cite(m, TW_F_FIN1_SIDE, "FIN of the server, which still owed %s",
			cut_answer(f) ? "the rest of an answer" : "an answer");
	}
	if (together > 0)
		tw_cite(m, TW_F_HOST_ENDED_TOGETHER,
			"%lld other connection%s of this server ended in the same moment",
			(long long)together, together == 1 ? "" : "s");
	tw_cite(m, TW_F_PORT_REFUSED_AFTER,
		"%s later a SYN to the same port is refused: nobody listens",
		TW_DUR(tw_get(f, TW_F_PORT_REFUSED_AFTER_NS)));
}

static void saw(struct tw_match *m, bool reset)
{
	if (reset)
		tw_reset_victim_saw(m);
	else
		tw_app_saw(m, TW_CLIENT, "recv", "EOF", -1,
			   "recv returns 0 in place of what was due; new connections fail with "
			   "ECONNREFUSED.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "There was no process left to see anything.");
}

/*
 * The listener went between SYN|ACK and ACK: its half-open connections went with it, and nobody sends a reset for
 * those. The ACK draws one.
 */
static bool match_half_open(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t refused_ns = tw_get(f, TW_F_PORT_REFUSED_AFTER_NS);

	m->strength = TW_STRENGTH_MECHANISM + 3;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    "The listener of %s was gone before the handshake was complete: the "
			    "last ACK drew a RST, and the port was refused %s later.",
			    tw_endpoint(m, TW_SERVER), TW_DUR(refused_ns));
	tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK: something listened");
	tw_cite(m, TW_F_RST_COUNT, "bare RST that answers the client's ACK: window 0, no options");
	tw_cite(m, TW_F_PORT_REFUSED_AFTER,
		"%s later a SYN to the same port is refused: nobody listens", TW_DUR(refused_ns));
	tw_rival(m, "accept-queue-full",
		 "with tcp_abort_on_overflow a full queue writes the same RST; then the listener "
		 "was closed only after it");
	tw_rival(m, "firewall-reset", "so does a rule that rejects the port from that moment on");
	tw_rule_out(m, "port-closed", "the SYN was answered by a SYN|ACK");
	tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
		   "connect() had succeeded; the next call, send() or recv(), gets ECONNRESET.");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "accept() never returned this connection: nothing is told.");
	return true;
}

/* The server's FIN was repeated, and nothing shows that the client got it. */
static bool fin_got_lost(const struct tw_facts *f)
{
	return tw_get(f, TW_F_FIN1_COUNT) > 2 && !tw_get(f, TW_F_FIN1_ACKED) &&
	       !tw_is(f, TW_F_VANTAGE, TW_VANTAGE_CLIENT);
}

/*
 * A worker that is killed once it has read its request: the port stays open, and for TCP this is a close like any
 * other. By the rules of the protocol above each request is answered (src/facts/request.c), so this one failed; whether
 * the worker died or closed by itself is not to be seen.
 */
static bool match_in_place_of_answer(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t waited_ns = tw_get(f, TW_F_FIN_REQUEST_AGO_NS);

	if (!tw_get(f, TW_F_FIN_REQUEST_BYTES) || tw_get(f, TW_F_ACKED_UNSEEN_S))
		return false;
	m->strength = TW_STRENGTH_ENDING - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    "%s closed the connection in place of an answer, %s after %s of %s: "
			    "what served it ended, or gave up without a word.",
			    tw_endpoint(m, TW_SERVER), TW_DUR(waited_ns),
			    tw_get(f, TW_F_REQUEST_UNFINISHED) ? "the last of an unfinished request"
							       : "a request",
			    tw_bytes(m, tw_get(f, TW_F_FIN_REQUEST_BYTES)));
	if (tw_get(f, TW_F_REQUEST_UNFINISHED))
		tw_cite(m, TW_F_REQUEST_UNFINISHED,
			"head of the request: more was announced, and had not come; the server may "
			"have a limit of time or of size (nginx: client_body_timeout)");
	tw_cite(m, TW_F_FIN_REQUEST_BYTES,
		"the request: its first bytes are those of %s, where each is answered",
		tw_request_name((enum tw_request)tw_get(f, TW_F_FIN_REQUEST)));
	tw_cite(m, TW_F_FIN1_SIDE, "FIN of the server, which acknowledges the request");
	tw_missing(m,
		   "Whether the process, or its child that served this connection, was killed, or "
		   "closed by itself (nginx: return 444, a limit of connections, a port for TLS "
		   "only): its log tells.");
	tw_rule_out(m, "closed-with-unread-data",
		    "unread data would have made it a reset: the request had been read");
	if (fin_got_lost(f))
		tw_app_saw(m, TW_CLIENT, "recv", "hang", -1,
			   "The FIN was repeated and never acknowledged: it seems not to have come "
			   "through, and recv waits for an answer.");
	else
		tw_app_saw(
			m, TW_CLIENT, "recv", "EOF", waited_ns,
			"recv returns 0 in place of the answer: \"Empty reply from server\" "
			"(curl), "
			"\"RemoteDisconnected\" (Python), \"socket hang up\" (Node.js), \"upstream "
			"prematurely closed connection\" (nginx, which answers 502).");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It had read the request. No call fails: it is killed, or closes by itself.");
	return true;
}

/*
 * The same within TLS, where the request cannot be read: by all that can be seen it was one (src/facts/sealed.c). A process that is
 * killed says no close_notify, but nor do many that close by themselves.
 */
static bool match_in_place_of_sealed(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t waited_ns = tw_get(f, TW_F_SEALED_CLOSED_NS);
	const bool http = tw_get(f, TW_F_SEALED_HTTP),
		   polite = tw_get(f, TW_F_SEALED_CLOSED_GOODBYE);

	if (!tw_known(f, TW_F_SEALED_CLOSED_NS) || tw_get(f, TW_F_ACKED_UNSEEN_S) ||
	    (polite && waited_ns < POLITE_NS))
		return false;
	m->strength = TW_STRENGTH_ENDING - 1;
	m->confidence = TW_POSSIBLE;
	m->outcome = http ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    "%s closed the connection %s after %s of the client in TLS, and had "
			    "sent nothing back: what served it ended, or gave up without a word.",
			    tw_endpoint(m, TW_SERVER), TW_DUR(waited_ns),
			    tw_bytes(m, tw_get(f, TW_F_SEALED_BYTES)));
	tw_cite(m, TW_F_SEALED_BYTES, "TLS data, more than a farewell is");
	if (http)
		tw_cite(m, TW_F_SEALED_HTTP,
			"the client's ClientHello offers HTTP (ALPN), which answers each request");
	if (tw_get(f, TW_F_SEALED_ANSWERED))
		tw_cite(m, TW_F_SEALED_ANSWERED, "answered of that kind before: %lld",
			(long long)tw_get(f, TW_F_SEALED_ANSWERED));
	if (tw_get(f, TW_F_SEALED_TICKETS))
		tw_cite(m, TW_F_SEALED_TICKETS,
			"all that came since the handshake, %lld records of one size: session "
			"tickets, no answer",
			(long long)tw_get(f, TW_F_SEALED_TICKETS));
	tw_cite(m, TW_F_SEALED_CLOSED_NS,
		polite ? "the server's close_notify"
		       : "FIN of the server, and no close_notify before it");
	tw_missing(m,
		   "What the record says: with the keys of the session (SSLKEYLOGFILE) Wireshark "
		   "shows whether it is a request; and the server's log.");
	tw_rule_out(m, "closed-with-unread-data",
		    "unread data would have made it a reset: the request had been read");
	tw_app_saw(
		m, TW_CLIENT, "recv", "EOF", waited_ns,
		polite ? "SSL_read() ends in place of an answer."
		       : "SSL_read() ends in place of an answer; OpenSSL 3 says \"unexpected eof "
			 "while reading\".");
	return true;
}

/* The port stays open, for all that was seen. */
static bool match_alone(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_REQUEST_UNFINISHED) && tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT))
		return tw_match_cut_request(m);
	if (!ended_by_fin(f))
		return false;
	if (cut_answer(f))
		return tw_match_cut_answer(m, refuses_what_follows(f));
	return tw_match_http2_broken_off(m, refuses_what_follows(f)) ||
	       match_in_place_of_answer(m) || match_in_place_of_sealed(m) ||
	       tw_match_closed_ungreeted(m);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t together = ended_together(f);
	bool reset;

	if (!refused_soon(f))
		return match_alone(m);
	if (tw_ack3_refused(f))
		return match_half_open(m);
	if (!ended_by_server(f, &reset))
		return false;
	if (reset && tw_left_before_reset(f))
		return false;
	if (reset && together == 0)
		return false; /* one connection never tells: name how its socket ended */

	m->strength = together > 0 ? TW_STRENGTH_MECHANISM + 3 : TW_STRENGTH_ENDING;
	m->confidence = together > 0 || tw_get(f, TW_F_FIN_REQUEST) || cut_answer(f) ||
					tw_get(f, TW_F_H2_OPEN)
				? TW_LIKELY
				: TW_POSSIBLE;
	m->outcome = reset ? tw_reset_outcome(f) : TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary =
		tw_say(m,
		       "The process behind %s ended: its kernel closed the connection, and the "
		       "port was refused %s later.",
		       tw_endpoint(m, TW_SERVER), TW_DUR(tw_get(f, TW_F_PORT_REFUSED_AFTER_NS)));
	cite(m, reset, together);
	tw_rival(m, "closed-with-unread-data",
		 "a program that closes all its sockets, the listener too, and goes on running "
		 "looks the same");
	tw_rival(m, "host-shutdown",
		 "an orderly shutdown of the host begins with the end of its processes");
	tw_rule_out(m, "peer-rebooted",
		    "the sockets were closed in order, by FIN or RST|ACK, when they ended");
	saw(m, reset);
	return true;
}

static const struct tw_governed governed[] = {
	{ "SO_LINGER", "Sockets with {1,0} are reset at exit as at close(); default off." },
	{ "time limit of a worker",
	  "gunicorn --timeout (30 s), uWSGI harakiri, php-fpm request_terminate_timeout, limits of "
	  "memory: who is over it is killed in the midst of its request." },
	{ "kernel.core_pattern",
	  "A core dump is written before the sockets are closed, so it delays FIN and RST." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Find how it ended: `journalctl -u SERVICE -n 50`, `systemctl status SERVICE`, "
	"`coredumpctl list`, and `journalctl -k | grep -iE 'segfault|oom|killed process'` for the "
	"time of the reset.",
	"If the port stays open, look for one worker among several (gunicorn: \"WORKER TIMEOUT\", "
	"PostgreSQL: \"was terminated by signal 9\"); a round time from request to FIN that is "
	"always the same is a time limit.",
	"If an answer was cut short and the server is a proxy, capture between it and the server "
	"behind it: the failure is there (nginx: error_log, \"while reading upstream\").",
	"If the kernel killed it for memory, raise the limit (systemd: MemoryMax=, Kubernetes: "
	"resources.limits) or reduce what the process holds.",
	"If it was a deployment, let the service drain: stop accepting, finish what is running, "
	"then exit; in systemd set KillMode=mixed and TimeoutStopSec=, in Kubernetes a preStop "
	"delay.",
	"Let a supervisor hold the listening socket (systemd socket activation) so that clients "
	"wait in its queue while the process restarts, in place of being refused.",
	"On the client, repeat what is safe to repeat on a new connection, with a growing delay "
	"while it is refused.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6.1",
	"kernel/exit.c: do_exit, exit_files",
	"net/ipv4/inet_connection_sock.c: inet_csk_listen_stop",
	"net/ipv4/tcp.c: __tcp_close",
	NULL,
};

/* Live: the process that closes the socket is on its way out, and its exit code tells of what. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side side = (enum tw_side)tw_get(f, TW_F_K_EXIT_SIDE);
	const int number = (int)tw_get(f, TW_F_K_EXIT_SIGNAL);
	const char *name = number ? sigabbrev_np(number) : NULL;
	const bool reset = tw_is(f, TW_F_K_RST_SIDE, side);

	if (!tw_known(f, TW_F_K_EXIT_SIDE))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 2, TW_CERTAIN,
		    tw_get(f, TW_F_K_EXIT_OWED) ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED,
		    tw_app_of(side), NULL);
	if (name)
		m->summary = tw_say(m,
				    "The process of %s died of SIG%s; its kernel closed the "
				    "connection with a %s.",
				    tw_endpoint(m, side), name, reset ? "RST" : "FIN");
	else
		m->summary =
			tw_say(m,
			       "The process of %s ended (status %lld) with the connection open; "
			       "its kernel closed it with a %s.",
			       tw_endpoint(m, side), (long long)tw_get(f, TW_F_K_EXIT_STATUS),
			       reset ? "RST" : "FIN");
	tw_cite(m, TW_F_K_EXIT_SIDE, "the process closes the socket while it exits");
	if (tw_get(f, TW_F_K_UNACCEPTED))
		tw_cite(m, TW_F_K_UNACCEPTED,
			"it had not accepted this connection yet: it was in the queue of its "
			"listener");
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	tw_rule_out(m, "closed-with-unread-data", "no close() was called: the process was exiting");
	if (reset)
		tw_live_victim_saw(m);
	else
		tw_app_saw(m, tw_other(side), "recv", "EOF", -1,
			   "recv returns 0, in the midst of what was going on.");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "idle",
		.about = "killed with nothing unread: a FIN, and a reset for what is sent after",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "server kill\n"
			  "client recv -> EOF within 1s\n"
			  "client send 100\n"
			  "state client CLOSE\n"
			  "client send 100 -> EPIPE\n"
			  "client connect #2 -> ECONNREFUSED\n"
			  "# one connection never tells a death from close()\n"
			  "verdict both process-died|data-after-close likely failed\n"
			  "never both certain\n"
			  "verdict both port-closed|process-died|firewall-reset likely failed "
			  "stream 1\n",
	},
	{
		.name = "unread",
		.about = "killed with a request unread: a reset",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "queue server recv 100\n"
			  "fault\n"
			  "server kill\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both process-died|closed-with-unread-data|linger-reset likely "
			  "possible "
			  "failed\n"
			  "never both certain\n",
	},
	{
		.name = "crash",
		.about = "SIGSEGV looks like any other end",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "queue server recv 100\n"
			  "fault\n"
			  "server crash\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "verdict both process-died|closed-with-unread-data|linger-reset likely "
			  "possible "
			  "failed\n"
			  "never both certain\n",
	},
	{
		.name = "crash-idle",
		.about = "SIGSEGV with nothing unread: a FIN all the same",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "server crash\n"
			  "client recv -> EOF within 1s\n"
			  "client close\n"
			  "verdict both clean likely certain clean\n",
	},
	{
		.name = "exit",
		.about = "a plain exit() without close()",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "server exit\n"
			  "client recv -> EOF within 1s\n"
			  "# a server that takes data and closes without an answer: nothing says "
			  "that it owed one\n"
			  "verdict both process-died|clean likely clean\n",
	},
	{
		.name = "several",
		.about = "two clients lose their connections together, and a third is refused",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client.2 connect\n"
			  "server accept #2\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client.2 send 100\n"
			  "server recv 100 #2\n"
			  "server send 10 #2\n"
			  "client.2 recv 10\n"
			  "client send 100\n"
			  "queue server recv 100\n"
			  "fault\n"
			  "server kill\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client.2 recv -> EOF within 1s\n"
			  "client connect #3 -> ECONNREFUSED\n"
			  "verdict both process-died likely failed\n"
			  "# it was owed nothing\n"
			  "verdict both clean|process-died stream 1\n"
			  "verdict both port-closed|process-died|firewall-reset likely failed "
			  "stream 2\n",
	},
	{
		.name = "upload",
		.about = "killed in the midst of an upload: almost always unread data, so a reset",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client send 400000 &\n"
			  "cable wait client data #50\n"
			  "server kill SIGTERM\n"
			  "join client -> ECONNRESET\n"
			  "verdict both process-died|closed-with-unread-data likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "client",
		.about = "it is the client's process: a FIN, and a reset for the answer",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client kill\n"
			  "server recv -> EOF within 1s\n"
			  "server send 100\n"
			  "state server CLOSE\n"
			  "server send 100 -> EPIPE\n"
			  "verdict both process-died|data-after-close likely degraded failed\n"
			  "never both certain\n",
	},
	{
		.name = "client-unread",
		.about = "it is the client's process, with the answer unread: a reset",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 5000\n"
			  "queue client recv 5000\n"
			  "fault\n"
			  "client kill\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "# its kernel acknowledged the whole answer\n"
			  "verdict both process-died|clean likely clean degraded\n",
	},
	{
		.name = "worker",
		.about = "the listener belongs to another process and goes on",
		.variants = "v4 v6",
		.script =
			"truth closed-with-unread-data\n"
			"server listen\n"
			"server.2 listen port 81\n"
			"client connect\n"
			"server accept\n"
			"client send 100\n"
			"queue server recv 100\n"
			"client.2 connect port 81\n"
			"server.2 accept\n"
			"fault\n"
			"server close\n"
			"client recv -> ECONNRESET within 1s\n"
			"client connect #2\n"
			"verdict both closed-with-unread-data|linger-reset likely possible failed\n"
			"never both process-died|certain\n",
	},
	{
		.name = "accept-queue",
		.about = "a connection that was never accepted is always reset",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "state server ESTABLISHED\n"
			  "fault\n"
			  "server kill\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "# nothing was ever said on it\n"
			  "verdict both process-died|linger-reset likely possible degraded\n"
			  "never both certain\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_process_died = {
	.slug = "process-died",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The process behind the connection ended",
	.happens =
		"A process crashes, is killed, or exits. Its kernel closes every socket that it "
		"held, exactly as if close() had been called for each: a FIN if the receive buffer "
		"was empty, RST|ACK if bytes were unread. Connections that were still waiting in "
		"the accept queue of its listener are always reset, even if nothing was unread.\n\n"
		"FIN or RST leaves 0.5 to 6 ms after the signal (measured); a core dump is written "
		"first and delays them. New connections are refused, because nobody listens any "
		"more.",
	.diagram = "client                          server\n"
		   "  |---- request ---------------->|\n"
		   "  |<--- ACK ---------------------|  SIGKILL, SIGSEGV, exit()\n"
		   "  |<--- RST|ACK (FIN if read) ---|  the kernel closes every socket\n"
		   "  |---- SYN -------------------->|\n"
		   "  |<--- RST|ACK -----------------|  nobody listens\n"
		   "recv: ECONNRESET, connect: ECONNREFUSED\n",
	.client_sees = "After a FIN: recv returns 0; the first send succeeds and draws a bare RST, "
		       "the next fails with EPIPE. After a RST: recv fails once with ECONNRESET, "
		       "then returns 0; send fails with EPIPE. New connections: ECONNREFUSED.",
	.server_sees = "Nothing: it is gone. A client that was in the middle of sending almost "
		       "always meets the case with unread data, so it gets the reset at once.",
	.recognise =
		"One connection never shows it: close() writes the same segments. tcpwhy says "
		"process-died when the server ended this and other connections in the same "
		"moment and a SYN to the port is refused afterwards; otherwise the verdict is "
		"the way the socket ended (closed-with-unread-data, linger-reset, "
		"data-after-close) with this one as its rival. A connection that was only half "
		"open is reset when its last ACK arrives: that, and the refusal, is enough.\n\n"
		"If the listener survives, it was close(), or one worker of several. What that "
		"leaves is told as possible: a FIN in place of the answer to a request that its "
		"protocol always has answered (HTTP, TLS, PostgreSQL, MySQL, Redis, MongoDB ...), "
		"or to what within TLS by all that can be seen was one; in place of the greeting "
		"where by its port the server speaks first (SMTP, MySQL ...); in the midst of an "
		"answer or a request of HTTP/1, whose head says how long it was to be or stops "
		"within a line, or of a "
		"record of TLS, whose header does; of a result of PostgreSQL or MySQL, between "
		"two rows, too; with requests of HTTP/2 in clear (gRPC) open, "
		"whose streams the server had not ended. If the whole host falls silent "
		"afterwards, it is host-shutdown.",
	.folklore = "\"A crash gives a reset, a kill or exit gives a FIN.\" All twelve "
		    "combinations of signal and buffer were measured: the signal is irrelevant, "
		    "the unread data decides.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
