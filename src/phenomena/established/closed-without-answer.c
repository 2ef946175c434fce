/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * closed-without-answer: the server takes a request and closes, without a byte of an answer.
 *
 *     client                            server
 *       |---- GET / HTTP/1.1 ------------>|  read() takes it
 *       |<--- ACK ------------------------|
 *       |                                 |  the worker dies, gives up, or means it so
 *       |<--- FIN ------------------------|  nothing is unread, so it is no RST
 *       |---- FIN ----------------------->|
 *
 * For TCP this is a close like any other: all data is acknowledged. A failure it is by the rules of
 * the protocol above, in which each request is answered; so it is told only where the payload begins
 * as a request of such a protocol does (src/facts/request.c). What comes in between the server's
 * last words and its FIN is all that counts: an answer that ends too early is not seen here, for how
 * long it was to be stands in its header.
 */
#include "base/duration.h"
#include "phenomena/resets.h"

/* A reset behind the FIN can but be the client's, which closes in its manner what is over. */
static bool ended_by_fin(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_COUNT) == 0 ||
	       (tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && tw_get(f, TW_F_RST_VICTIM_FIN));
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t waited_ns = tw_get(f, TW_F_FIN_REQUEST_AGO_NS);

	if (!tw_get(f, TW_F_FIN_REQUEST_BYTES) || tw_get(f, TW_F_ACKED_UNSEEN_S) ||
	    !ended_by_fin(f))
		return false;
	m->strength = TW_STRENGTH_ENDING - 1; /* process-died and host-shutdown say more */
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_APP;
	m->summary = tw_say(m,
			    "%s closed the connection %s after a request of %s, and had not "
			    "answered a byte of it.",
			    tw_endpoint(m, TW_SERVER), TW_DUR(waited_ns),
			    tw_bytes(m, tw_get(f, TW_F_FIN_REQUEST_BYTES)));
	tw_cite(m, TW_F_FIN_REQUEST_BYTES, "the request: its first bytes are those of %s",
		tw_request_name((enum tw_request)tw_get(f, TW_F_FIN_REQUEST)));
	tw_cite(m, TW_F_FIN1_SIDE, "FIN of the server, which acknowledges the request");
	tw_rival(m, "process-died",
		 "the process, or its child that served this connection, was killed or crashed: "
		 "its kernel closes in the same way");
	tw_rule_out(m, "closed-with-unread-data",
		    "unread data would have made it a reset: the request had been read");
	tw_app_saw(m, TW_CLIENT, "recv", "EOF", waited_ns,
		   "recv returns 0 in place of the answer: \"Empty reply from server\" (curl), "
		   "\"RemoteDisconnected\" (Python), \"socket hang up\" (Node.js), \"upstream "
		   "prematurely closed connection\" (nginx, which answers 502).");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It had read the request. No call fails: it closes by itself, or is killed.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "time limit of a worker",
	  "gunicorn --timeout (30 s), uWSGI harakiri, php-fpm request_terminate_timeout, "
	  "PostgreSQL's and the kernel's own limits of memory: who is over it is killed in the "
	  "midst of its request." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Look into the server's log at that second: a killed or crashed worker (gunicorn: \"WORKER "
	"TIMEOUT\", PostgreSQL: \"was terminated by signal 9\"), and `journalctl -k | grep -iE "
	"'segfault|oom|killed process'`.",
	"If the time between request and FIN is round and always the same, it is a time limit: "
	"raise it, or make the request shorter.",
	"See whether the server closes on purpose: nginx `return 444`, a limit of connections, a "
	"port that speaks TLS only, or another protocol.",
	"On the client, repeat what is safe to repeat on a new connection.",
	NULL,
};

static const char *const references[] = {
	"RFC 9112 s9.5, s9.6",
	"RFC 9293 s3.6.1",
	"net/ipv4/tcp.c: __tcp_close",
	NULL,
};

const struct tw_phenomenon tw_ph_closed_without_answer = {
	.slug = "closed-without-answer",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The server closed in place of an answer",
	.happens =
		"The request arrives, is acknowledged and read, and then the server's socket is "
		"closed without a byte of an answer. As nothing is unread, the kernel sends a FIN, "
		"and for TCP all is in order. The client waits for an answer and gets end of "
		"file.\n\n"
		"Three things do this. A worker that had taken the request is killed or crashes: "
		"by a supervisor's time limit, for want of memory, by a bug. A program closes on "
		"purpose, as nginx does for `return 444`. Or the two ends speak different "
		"protocols: plain HTTP to a port for TLS, or the reverse.",
	.diagram = "client                            server\n"
		   "  |---- GET / HTTP/1.1 ------------>|  read\n"
		   "  |<--- ACK ------------------------|\n"
		   "  |                                 |  worker killed, or close()\n"
		   "  |<--- FIN ------------------------|\n"
		   "recv: 0 in place of an answer\n",
	.client_sees =
		"recv returns 0 before the first byte of an answer. curl says \"(52) Empty "
		"reply from server\", Python \"RemoteDisconnected\", Node.js \"socket hang "
		"up\", Go \"EOF\", psql \"server closed the connection unexpectedly\", MySQL "
		"\"Lost connection to server during query\"; nginx logs \"upstream "
		"prematurely closed connection\" and answers 502.",
	.server_sees = "A process that was killed sees nothing; its supervisor logs the end. One "
		       "that closed by itself gets no error.",
	.recognise =
		"The first FIN is the server's. It acknowledges a request and comes before any "
		"payload in return, and the request begins as those of a protocol in which each "
		"one is answered: HTTP/1, a TLS ClientHello, a query of PostgreSQL or MySQL, a "
		"command of Redis.\n\n"
		"Without such a beginning (in the midst of TLS, or of another protocol) the same "
		"packets are clean: many programs only listen. An answer that was cut short is not "
		"seen either.",
	.folklore = "\"A crash gives a reset.\" Only if something was unread; a worker that had "
		    "read its request ends with a FIN.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.sign = TW_F_FIN_REQUEST,
	.unreproduced = "what shows it is what a request says, and the lab's bytes say nothing",
};
