/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings made by hand, for the tests of the renderers. */
#ifndef TW_TESTS_FINDINGS_H
#define TW_TESTS_FINDINGS_H

#include "diagnose/session.h"
#include "report/sink.h"

#include <stdlib.h>
#include <string.h>

/* 2026-11-20T10:00:00Z */
#define START_NS INT64_C(1795168800000000000)

static const struct tw_governed made_governed[] = {
	{ "net.ipv4.tcp_made_up",
	  "how often the test is repeated; the default is 6, and a longer sentence "
	  "has to be wrapped somewhere" },
	{ "TCP_MADE_UP", "the same for one socket" },
	{ "backlog", "of the listener" },
	{ NULL, NULL },
};
static const char *const made_remedies[] = { "Start the server, or correct the port.",
					     "Look at the listener's address with ss -ltn.",
					     "Retry with growing pauses.", NULL };
static const char *const made_references[] = { "RFC 9293 s3.5.2",
					       "net/ipv4/tcp_ipv4.c: tcp_v4_send_reset", NULL };

static const struct tw_phenomenon made_phenomenon = {
	.slug = "made-up",
	.stage = TW_STAGE_CONNECT,
	.title = "The port is closed in this test",
	.happens = "First paragraph of what happens, long enough that it has to be wrapped at "
		   "least once.\n\n"
		   "Second paragraph.",
	.diagram = "client              server\n"
		   "  |----SYN----------->|\n"
		   "  |<---RST|ACK--------|\n",
	.client_sees = "connect() fails with ECONNREFUSED.",
	.server_sees = "Nothing.",
	.recognise = "By its RST|ACK.",
	.folklore = "\"It was overloaded.\" It was not.",
	.governed = made_governed,
	.remedies = made_remedies,
	.references = made_references,
	.reproduced = "WK",
};

static inline void made_endpoint(struct tw_finding *f, enum tw_side side, uint8_t host,
				 uint16_t port)
{
	static const struct tw_addr net = {
		{ [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2 }
	};
	const char **text = side == TW_CLIENT ? &f->client : &f->server;

	f->addr[side] = net;
	f->addr[side].b[15] = host;
	f->port[side] = port;
	*text = tw_arena_printf(&f->arena, "192.0.2.%u:%u", host, port);
}

static inline void made_steps(struct tw_finding *f, const struct tw_step *steps, unsigned n)
{
	struct tw_step *copy = tw_arena_alloc(&f->arena, (n + 1) * sizeof(*copy));

	memcpy(copy, steps, n * sizeof(*copy));
	f->steps = copy;
	f->step_count = n;
	f->steps_total = n;
}

/* The example of the JSON schema: a SYN, refused after 101 us; the drawing has both packets. */
static inline struct tw_finding *made_finding(uint64_t stream, uint8_t server_host,
					      uint16_t server_port)
{
	struct tw_finding *f = calloc(1, sizeof(*f));
	struct tw_match *m = &f->match;
	const struct tw_step steps[] = {
		{ .frame = 1,
		  .time_ns = START_NS,
		  .from = TW_CLIENT,
		  .flags = TW_SYN,
		  .window_bytes = 64240,
		  .ttl = 64 },
		{ .frame = 2,
		  .time_ns = START_NS + 101000,
		  .from = TW_SERVER,
		  .flags = TW_RST | TW_ACK,
		  .ack_rel = 1,
		  .ttl = 64,
		  .decisive = true,
		  .note = "answers #1" },
	};

	tw_arena_init(&f->arena);
	f->source = "FILE";
	f->stream = stream;
	made_endpoint(f, TW_CLIENT, 1, 40312);
	made_endpoint(f, TW_SERVER, server_host, server_port);
	f->start_ns = START_NS;
	f->duration_ns = 213000;
	f->first_frame = 1;
	f->last_frame = 2;
	f->packets[TW_CLIENT] = f->packets[TW_SERVER] = 1;
	f->phenomenon = &made_phenomenon;
	f->verdict = made_phenomenon.slug;
	f->vantage = "client";
	f->zeek = "REJ";
	f->completeness = 33;
	made_steps(f, steps, 2);
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_SERVER_HOST;
	m->summary = "Nothing listened on 192.0.2.2:80: its kernel answered the SYN with a RST.";
	m->evidence[0] =
		(struct tw_evidence){ 2, START_NS + 101000, "RST|ACK that answers the SYN" };
	m->evidence_count = 1;
	m->app[TW_CLIENT] = (struct tw_app){ "connect", "ECONNREFUSED", 213000, NULL };
	m->app[TW_SERVER] = (struct tw_app){ NULL, NULL, -1, NULL };
	m->rivals[0] = (struct tw_rival){ "firewall-reset", "a REJECT writes the same packet" };
	m->rival_count = 1;
	m->ruled_out[0] = (struct tw_rival){ "forged-reset", "one RST, and nothing after it" };
	m->ruled_out_count = 1;
	return f;
}

/* The same with another verdict, of which the catalogue knows nothing. */
static inline struct tw_finding *made_verdict(uint64_t stream, const char *verdict,
					      enum tw_outcome outcome)
{
	struct tw_finding *f = made_finding(stream, 2, 80);

	f->phenomenon = NULL;
	f->verdict = verdict;
	f->match.outcome = outcome;
	return f;
}

static inline unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif
