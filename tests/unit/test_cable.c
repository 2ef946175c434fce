/* SPDX-License-Identifier: BSD-2-Clause */
/* The cable between two real kernels: what it does to frames, what the kernels make of it, what it records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lab_ground.h"

#include "capture/source.h"
#include "lab/cable.h"
#include "packet/decode.h"
#include "packet/tuple.h"

#define EVENTS_MAX 4096
#define LONG_MS    10000 /* a deadline, for a loaded machine; nothing waits for it to pass */

struct seen_event {
	int64_t time_ns;
	enum tw_fate fate;
	enum tw_from from;
	unsigned link;
	uint64_t id;
	bool altered;
	struct tw_segment segment;
};

struct lab {
	struct tw_net *net;
	struct tw_cable *cable;
	int capture[2];
	int listener, client, server; /* -1 = none */
	unsigned events;
	struct seen_event event[EVENTS_MAX];
};

static const struct tw_net_config lan = { 0 }, routed = { .router = true };

static void on_event(void *user, const struct tw_cable_event *e)
{
	struct lab *l = user;

	if (l->events == EVENTS_MAX)
		return;
	l->event[l->events++] = (struct seen_event){ e->time_ns, e->fate,    e->from,    e->link,
						     e->id,      e->altered, *e->segment };
}

static struct lab *lab_new(const struct tw_net_config *net, unsigned loss_permille, bool v6)
{
	struct lab *l = calloc(1, sizeof(*l));
	struct tw_cable_config config = { .delay_ns = 2 * TW_NS_PER_MS,
					  .loss_permille = loss_permille,
					  .seed = 7,
					  .event = on_event,
					  .user = l };
	struct tw_err err = { 0 };
	char path[2][32];
	unsigned i;

	assert_non_null(l);
	l->net = new_net(net);
	l->client = -1;
	l->server = -1;
	config.links = tw_net_links(l->net);
	for (i = 0; i < 2; i++) {
		config.port[i][0] = tw_net_port(l->net, i, 0);
		config.port[i][1] = tw_net_port(l->net, i, 1);
		l->capture[i] = memfd_create("capture", MFD_CLOEXEC);
		assert_true(l->capture[i] >= 0);
		snprintf(path[i], sizeof(path[i]), "/dev/fd/%d", l->capture[i]);
	}
	config.client_capture = path[0];
	config.server_capture = path[1];
	if (tw_cable_new(&l->cable, &config, &err))
		fail_msg("%s", err.text);
	l->listener = host_listen(l->net, v6);
	return l;
}

static void close_cable(struct lab *l)
{
	struct tw_err err = { 0 };

	if (l->cable && tw_cable_close(l->cable, &err))
		fail_msg("%s", err.text);
	l->cable = NULL;
}

static void lab_free(struct lab *l)
{
	int fd[] = { l->client, l->server, l->listener, l->capture[0], l->capture[1] };
	unsigned i;

	close_cable(l);
	for (i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	tw_net_free(l->net);
	free(l);
}

static void work(struct lab *l)
{
	struct tw_err err = { 0 };

	if (tw_cable_work(l->cable, &err))
		fail_msg("%s", err.text);
}

/* Let the cable work until @fd shows one of @events; what it shows, 0 after @ms. */
static short pump_for(struct lab *l, int fd, short events, int64_t ms)
{
	int64_t end = now_ns() + ms * TW_NS_PER_MS, left;

	while ((left = end - now_ns()) > 0) {
		struct pollfd p[2] = { { .fd = tw_cable_fd(l->cable), .events = POLLIN },
				       { .fd = fd, .events = events } };

		assert_true(poll(p, 2, (int)(left / TW_NS_PER_MS) + 1) >= 0);
		work(l);
		if (p[1].revents)
			return p[1].revents;
	}
	return 0;
}

static void pump(struct lab *l, int fd, short events)
{
	if (!pump_for(l, fd, events, LONG_MS))
		fail_msg("nothing came in %d ms", LONG_MS);
}

/* Let it work until so many such frames were sent. */
static void pump_seen(struct lab *l, const struct tw_frame_spec *spec, uint64_t count)
{
	int64_t end = now_ns() + LONG_MS * TW_NS_PER_MS;

	while (tw_cable_seen(l->cable, spec) < count) {
		struct pollfd p = { .fd = tw_cable_fd(l->cable), .events = POLLIN };

		assert_true(now_ns() < end);
		assert_true(poll(&p, 1, LONG_MS) >= 0);
		work(l);
	}
}

/* Let it work until nothing is on its way and the wire was silent for a while. */
static void pump_quiet(struct lab *l, int64_t ms)
{
	int64_t end = now_ns() + LONG_MS * TW_NS_PER_MS;
	uint64_t seen = 0;
	const struct tw_frame_spec all = { .from = TW_FROM_ANY, .class = TW_CLASS_ALL };

	do {
		seen = tw_cable_seen(l->cable, &all);
		pump_for(l, -1, 0, ms);
		assert_true(now_ns() < end);
	} while (seen != tw_cable_seen(l->cable, &all) || tw_cable_pending(l->cable));
}

static void rule(struct lab *l, const struct tw_cable_rule *r)
{
	struct tw_err err = { 0 };

	if (tw_cable_add(l->cable, r, &err))
		fail_msg("%s", err.text);
}

#define SPEC(side, what, nth, upto)                                                                \
	{                                                                                          \
		.from = TW_FROM_##side, .class = TW_CLASS_##what, .first = (nth), .last = (upto)   \
	}
#define RULE(...) rule(l, &(struct tw_cable_rule){ __VA_ARGS__ })

static void connect_now(struct lab *l, const char *to, bool v6)
{
	l->client = host_connect(l->net, to, v6);
	pump(l, l->client, POLLOUT);
	assert_int_equal(socket_error(l->client), 0);
	pump(l, l->listener, POLLIN);
	l->server = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(l->server >= 0);
	pump_quiet(l, 10);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hear(struct lab *l, int fd, const char *text)
{
	char buffer[256];
	size_t have = 0;

	while (have < strlen(text)) {
		ssize_t n;

		pump(l, fd, POLLIN);
		n = recv(fd, buffer + have, sizeof(buffer) - have, 0);
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_int_equal(have, strlen(text));
	assert_memory_equal(buffer, text, have);
}

/* How a call for data ends: bytes, 0, or -errno. */
static int end_of(struct lab *l, int fd)
{
	char byte;

	pump(l, fd, POLLIN);
	return recv(fd, &byte, 1, 0) < 0 ? -errno : 0;
}

/* The @nth (from 0) event of this kind with these flags and this direction, or NULL. */
static const struct seen_event *find(const struct lab *l, enum tw_fate fate, enum tw_from from,
				     unsigned flags, unsigned nth)
{
	unsigned i;

	for (i = 0; i < l->events; i++)
		if (l->event[i].fate == fate && l->event[i].from == from &&
		    l->event[i].segment.kind == TW_SEG_TCP && l->event[i].segment.flags == flags &&
		    !nth--)
			return &l->event[i];
	return NULL;
}

/* What a capture holds: TCP segments by direction, all with good checksums unless @bad were corrupted. */
struct content {
	unsigned frames, tcp, neighbours, icmp, bad;
	struct tw_segment first[64]; /* the TCP segments */
};

static void read_capture(struct lab *l, enum tw_from end, struct content *out)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_frame frames[TW_BATCH];
	struct tw_err err = { 0 };
	struct tw_source *s = NULL;
	int64_t last_ns = 0;
	unsigned n, i;
	char path[32];

	close_cable(l);
	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), "/dev/fd/%d", l->capture[end]);
	if (tw_source_open(&s, path, NULL, &err))
		fail_msg("%s", err.text);
	while ((n = tw_source_next(s, frames)))
		for (i = 0; i < n; i++) {
			struct tw_segment g = { 0 };

			assert_true(frames[i].time_ns >= last_ns);
			assert_int_equal(frames[i].caplen, frames[i].len);
			last_ns = frames[i].time_ns;
			out->frames++;
			out->icmp += tw_decode(d, &frames[i], &g) == TW_SEG_ICMP_ERROR;
			out->neighbours += g.kind == TW_SEG_NEIGHBOUR;
			if (g.kind != TW_SEG_TCP)
				continue;
			tw_decode_detail(d, &frames[i], &g);
			out->bad += g.checksum != TW_CSUM_GOOD;
			if (out->tcp < 64)
				out->first[out->tcp] = g;
			out->tcp++;
		}
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	tw_source_close(s);
	tw_decoder_free(d);
}

static unsigned count_flags(const struct content *c, unsigned flags)
{
	unsigned i, count = 0;

	for (i = 0; i < c->tcp && i < 64; i++)
		count += c->first[i].flags == flags;
	return count;
}

/* The @nth (from 0) segment with payload. */
static const struct tw_segment *data_of(const struct content *c, unsigned nth)
{
	unsigned i;

	for (i = 0; i < c->tcp && i < 64; i++)
		if (c->first[i].payload_bytes && !nth--)
			return &c->first[i];
	fail_msg("there is no such segment");
	return NULL;
}

/* One whole connection: no retransmission, no neighbour traffic, the same segments at both ends. */
static void whole_connection(const struct tw_net_config *net, bool v6)
{
	struct content client, server;
	struct lab *l = lab_new(net, 0, v6);
	const struct seen_event *sent, *arrived;
	int64_t way_ns = 2 * TW_NS_PER_MS * tw_net_links(l->net);

	connect_now(l, NULL, v6);
	say(l->client, "question");
	hear(l, l->server, "question");
	say(l->server, "answer");
	hear(l, l->client, "answer");
	assert_int_equal(tw_cable_stream_bytes(l->cable, TW_FROM_CLIENT), 8);
	assert_int_equal(tw_cable_stream_bytes(l->cable, TW_FROM_SERVER), 6);
	shutdown(l->client, SHUT_WR);
	assert_int_equal(end_of(l, l->server), 0);
	shutdown(l->server, SHUT_WR);
	assert_int_equal(end_of(l, l->client), 0);
	pump_quiet(l, 10);
	sent = find(l, TW_FATE_SENT, TW_FROM_CLIENT, TW_SYN, 0);
	arrived = find(l, TW_FATE_ARRIVED, TW_FROM_CLIENT, TW_SYN, 0);
	assert_non_null(sent);
	assert_non_null(arrived);
	assert_int_equal(sent->id, arrived->id);
	assert_false(arrived->altered);
	assert_true(arrived->time_ns - sent->time_ns >= way_ns);
	assert_int_equal(arrived->segment.ttl, net->router ? 63 : 64);
	assert_int_equal(find(l, TW_FATE_SENT, TW_FROM_SERVER, TW_SYN | TW_ACK, 0)->id,
			 find(l, TW_FATE_ARRIVED, TW_FROM_SERVER, TW_SYN | TW_ACK, 0)->id);
	assert_null(find(l, TW_FATE_SENT, TW_FROM_CLIENT, TW_SYN, 1));
	read_capture(l, TW_FROM_CLIENT, &client);
	read_capture(l, TW_FROM_SERVER, &server);
	assert_int_equal(client.frames, client.tcp);
	assert_int_equal(server.frames, server.tcp);
	assert_int_equal(client.tcp, server.tcp);
	assert_int_equal(client.bad + server.bad, 0);
	assert_int_equal(count_flags(&client, TW_FIN | TW_ACK), 2);
	assert_int_equal(count_flags(&client, TW_PSH | TW_ACK), 2);
	lab_free(l);
}

static void lan_v4(void **state)
{
	GROUND_OR_SKIP();
	whole_connection(&lan, false);
}

static void lan_v6(void **state)
{
	GROUND_OR_SKIP();
	if (ground_families() < 2)
		skip();
	whole_connection(&lan, true);
}

static void router_v4(void **state)
{
	GROUND_OR_SKIP();
	whole_connection(&routed, false);
}

static void router_v6(void **state)
{
	GROUND_OR_SKIP();
	if (ground_families() < 2)
		skip();
	whole_connection(&routed, true);
}

static void neighbours_that_are_not_known_are_asked_for(void **state)
{
	struct content client;
	struct tw_err err = { 0 };
	unsigned v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		struct lab *l = lab_new(&lan, 0, v6);

		assert_int_equal(tw_net_neighbour(l->net, TW_HOST_CLIENT, TW_NEIGHBOUR_NONE, &err),
				 0);
		connect_now(l, NULL, v6);
		assert_int_equal(
			tw_cable_seen(l->cable, &(struct tw_frame_spec)SPEC(CLIENT, ARP, 1, 1)), 1);
		read_capture(l, TW_FROM_CLIENT, &client);
		assert_int_equal(client.neighbours, 2);
		assert_int_equal(count_flags(&client, TW_SYN), 1);
		lab_free(l);
	}
}

static void a_dropped_syn_is_repeated(void **state)
{
	struct content client, server;
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	RULE(.spec = SPEC(CLIENT, SYN, 1, 1), .action = TW_CABLE_DROP);
	connect_now(l, NULL, false);
	assert_non_null(find(l, TW_FATE_DROPPED, TW_FROM_CLIENT, TW_SYN, 0));
	read_capture(l, TW_FROM_CLIENT, &client);
	read_capture(l, TW_FROM_SERVER, &server);
	assert_int_equal(count_flags(&client, TW_SYN), 2);
	assert_int_equal(count_flags(&server, TW_SYN), 1);
	lab_free(l);
}

static void the_second_and_third_are_dropped(void **state)
{
	const struct tw_frame_spec data = SPEC(CLIENT, DATA, 1, 1);
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&routed, 0, false);
	connect_now(l, NULL, false);
	RULE(.spec = SPEC(CLIENT, DATA, 2, 3), .action = TW_CABLE_DROP);
	say(l->client, "one");
	hear(l, l->server, "one");
	say(l->client, "two");
	hear(l, l->server, "two");
	assert_int_equal(tw_cable_seen(l->cable, &data), 4);
	assert_int_equal(tw_cable_stream_bytes(l->cable, TW_FROM_CLIENT), 6);
	lab_free(l);
}

static void delayed_segments_are_overtaken(void **state)
{
	struct content server;
	struct lab *l;
	int on = 1;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	connect_now(l, NULL, false);
	setsockopt(l->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	RULE(.spec = SPEC(CLIENT, DATA, 1, 1), .action = TW_CABLE_DELAY,
	     .time_ns = 20 * TW_NS_PER_MS);
	say(l->client, "first");
	say(l->client, "second");
	hear(l, l->server, "firstsecond");
	read_capture(l, TW_FROM_SERVER, &server);
	assert_int_equal(data_of(&server, 0)->payload_bytes, 6);
	assert_int_equal(data_of(&server, 0)->seq - server.first[2].seq, 5);
	lab_free(l);
}

static void held_segments_come_in_order(void **state)
{
	const struct tw_frame_spec data = SPEC(CLIENT, DATA, 1, 1);
	struct content server;
	struct lab *l;
	int on = 1;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	connect_now(l, NULL, false);
	setsockopt(l->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	RULE(.spec = SPEC(CLIENT, DATA, 1, 2), .action = TW_CABLE_HOLD);
	say(l->client, "first");
	say(l->client, "second");
	pump_seen(l, &data, 2);
	assert_non_null(find(l, TW_FATE_HELD, TW_FROM_CLIENT, TW_PSH | TW_ACK, 1));
	assert_null(find(l, TW_FATE_ARRIVED, TW_FROM_CLIENT, TW_PSH | TW_ACK, 0));
	tw_cable_release(l->cable);
	hear(l, l->server, "firstsecond");
	read_capture(l, TW_FROM_SERVER, &server);
	assert_int_equal(data_of(&server, 0)->payload_bytes, 5);
	assert_int_equal(data_of(&server, 1)->payload_bytes, 6);
	lab_free(l);
}

static void duplicates_arrive_twice(void **state)
{
	struct content client, server;
	struct lab *l;

	GROUND_OR_SKIP();
	if (ground_families() < 2)
		skip();
	l = lab_new(&routed, 0, true);
	connect_now(l, NULL, true);
	RULE(.spec = SPEC(CLIENT, DATA, 1, 1), .action = TW_CABLE_DUPLICATE,
	     .time_ns = 3 * TW_NS_PER_MS);
	say(l->client, "once");
	hear(l, l->server, "once");
	pump_quiet(l, 20);
	read_capture(l, TW_FROM_CLIENT, &client);
	read_capture(l, TW_FROM_SERVER, &server);
	assert_int_equal(count_flags(&client, TW_PSH | TW_ACK), 1);
	assert_int_equal(count_flags(&server, TW_PSH | TW_ACK), 2);
	lab_free(l);
}

/* A corrupted segment reaches the kernel, which throws it away and says nothing. */
static void corrupt_segments_are_not_acknowledged(void **state)
{
	struct content server;
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	connect_now(l, NULL, false);
	RULE(.spec = SPEC(CLIENT, DATA, 1, 1), .action = TW_CABLE_CORRUPT);
	say(l->client, "hello");
	pump(l, l->server, POLLIN);
	hear(l, l->server, "hello");
	assert_true(find(l, TW_FATE_ARRIVED, TW_FROM_CLIENT, TW_PSH | TW_ACK, 0)->altered);
	assert_false(find(l, TW_FATE_ARRIVED, TW_FROM_CLIENT, TW_PSH | TW_ACK, 1)->altered);
	pump_quiet(l, 10);
	read_capture(l, TW_FROM_SERVER, &server);
	assert_int_equal(server.bad, 1);
	assert_int_equal(server.first[3].checksum, TW_CSUM_BAD);
	assert_true(server.first[4].payload_bytes == 5); /* the repeat: no ACK came between */
	lab_free(l);
}

static const struct {
	enum tw_cable_field field;
	int64_t value;
} rewrites[] = { { TW_FIELD_TTL, 9 },
		 { TW_FIELD_SEQ, -1 },
		 { TW_FIELD_ACK, 1 },
		 { TW_FIELD_WINDOW, 7 },
		 { TW_FIELD_TSVAL, 1000 },
		 { TW_FIELD_PAYLOAD, 'x' },
		 { TW_FIELD_FLAGS, TW_ACK | TW_URG },
		 { TW_FIELD_MSS, 700 } };

static void check_rewritten(enum tw_cable_field field, const struct tw_segment *was,
			    const struct tw_segment *is)
{
	switch (field) {
	case TW_FIELD_TTL:
		assert_int_equal(is->ttl, 9);
		break;
	case TW_FIELD_SEQ:
		assert_int_equal(is->seq, was->seq - 1);
		break;
	case TW_FIELD_ACK:
		assert_int_equal(is->ack, was->ack + 1);
		break;
	case TW_FIELD_WINDOW:
		assert_int_equal(is->window, 7);
		break;
	case TW_FIELD_TSVAL:
		assert_int_equal(is->tsval, was->tsval + 1000);
		break;
	case TW_FIELD_PAYLOAD:
		assert_memory_equal(is->payload_head, "xxxx", 4);
		break;
	case TW_FIELD_FLAGS:
		assert_int_equal(is->flags, TW_ACK | TW_URG);
		break;
	case TW_FIELD_MSS:
		assert_int_equal(is->mss, 700);
		break;
	}
}

/* Each field, and the checksums of the whole frame. MSS is in the SYN, the others are tried on data. */
static void rewritten_fields(void **state)
{
	unsigned v6, i;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++)
		for (i = 0; i < sizeof(rewrites) / sizeof(rewrites[0]); i++) {
			bool syn = rewrites[i].field == TW_FIELD_MSS;
			struct lab *l = lab_new(&lan, 0, v6);
			struct tw_cable_rule r = { .spec = SPEC(CLIENT, DATA, 1, 1),
						   .action = TW_CABLE_REWRITE,
						   .field = rewrites[i].field,
						   .value = rewrites[i].value };
			struct content client, server;

			if (syn)
				r.spec.class = TW_CLASS_SYN;
			rule(l, &r);
			connect_now(l, NULL, v6);
			say(l->client, "wxyz");
			pump_seen(l, &(struct tw_frame_spec)SPEC(CLIENT, DATA, 1, 1), 1);
			pump_quiet(l, 5);
			read_capture(l, TW_FROM_CLIENT, &client);
			read_capture(l, TW_FROM_SERVER, &server);
			assert_int_equal(client.bad + server.bad, 0);
			check_rewritten(rewrites[i].field, &client.first[syn ? 0 : 3],
					&server.first[syn ? 0 : 3]);
			lab_free(l);
		}
}

static void rejected_connects(void **state)
{
	static const struct {
		enum tw_cable_reject reject;
		int error[2]; /* v4, v6 */
	} row[] = { { TW_REJECT_RST, { ECONNREFUSED, ECONNREFUSED } },
		    { TW_REJECT_ADMIN_PROHIBITED, { EHOSTUNREACH, EACCES } },
		    { TW_REJECT_PORT_UNREACHABLE, { ECONNREFUSED, ECONNREFUSED } },
		    { TW_REJECT_HOST_UNREACHABLE, { EHOSTUNREACH, EHOSTUNREACH } },
		    { TW_REJECT_NET_UNREACHABLE, { ENETUNREACH, ENETUNREACH } } };
	unsigned i, v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++)
		for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
			struct lab *l = lab_new(&routed, 0, v6);
			int64_t began;

			RULE(.spec = SPEC(CLIENT, SYN, 1, 0), .action = TW_CABLE_REJECT,
			     .reject = row[i].reject);
			began = now_ns();
			l->client = host_connect(l->net, NULL, v6);
			pump(l, l->client, POLLOUT);
			assert_int_equal(socket_error(l->client), row[i].error[v6]);
			/* At once: before a SYN was repeated (1 s). */
			assert_true(now_ns() - began < 900 * TW_NS_PER_MS);
			lab_free(l);
		}
}

/* What netfilter writes when it rejects data with tcp reset, and what an ICMP error quotes. */
static void answers_look_as_netfilter_makes_them(void **state)
{
	const struct seen_event *data, *reset;
	struct content client;
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&routed, 0, false);
	connect_now(l, NULL, false);
	RULE(.spec = SPEC(CLIENT, DATA, 1, 1), .action = TW_CABLE_REJECT,
	     .reject = TW_REJECT_PORT_UNREACHABLE, .reject_ttl = 61);
	RULE(.spec = SPEC(CLIENT, DATA, 2, 2), .action = TW_CABLE_REJECT, .reject = TW_REJECT_RST);
	say(l->client, "hello");
	assert_int_equal(end_of(l, l->client), -ECONNRESET);
	data = find(l, TW_FATE_SENT, TW_FROM_CLIENT, TW_PSH | TW_ACK, 1);
	reset = find(l, TW_FATE_FORGED, TW_FROM_SERVER, TW_RST, 0);
	assert_non_null(data);
	assert_non_null(reset);
	assert_int_equal(reset->segment.seq, data->segment.ack);
	assert_int_equal(reset->segment.window, 0);
	assert_int_equal(reset->segment.options, 0);
	assert_int_equal(reset->segment.ip_id, 0);
	assert_true(reset->segment.ip_df);
	assert_int_equal(reset->segment.ttl, 64);
	read_capture(l, TW_FROM_CLIENT, &client);
	assert_int_equal(client.icmp, 1);
	assert_int_equal(client.bad, 0);
	lab_free(l);
}

/* The path MTU as a router tells it: the segments become small enough. */
static void too_big_is_obeyed(void **state)
{
	static char bulk[4000];
	unsigned v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		struct lab *l = lab_new(&lan, 0, v6);
		size_t have = 0;
		unsigned i;

		RULE(.spec = { .from = TW_FROM_CLIENT,
			       .class = TW_CLASS_TCP,
			       .larger_than = 1300,
			       .first = 1 },
		     .action = TW_CABLE_REJECT, .reject = TW_REJECT_TOO_BIG, .value = 1300);
		connect_now(l, NULL, v6);
		assert_int_equal(send(l->client, bulk, sizeof(bulk), 0), sizeof(bulk));
		while (have < sizeof(bulk)) {
			ssize_t n;

			pump(l, l->server, POLLIN);
			n = recv(l->server, bulk, sizeof(bulk), 0);
			assert_true(n > 0);
			have += (size_t)n;
		}
		for (i = 0; i < l->events; i++)
			if (l->event[i].fate == TW_FATE_ARRIVED)
				assert_true(l->event[i].segment.payload_bytes < 1300);
		lab_free(l);
	}
}

static void forged_resets_are_believed(void **state)
{
	unsigned v6, to;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++)
		for (to = 0; to < 2; to++) {
			struct lab *l = lab_new(v6 ? &routed : &lan, 0, v6);
			struct tw_cable_forge f = { .to = (enum tw_from)to,
						    .flags = TW_RST,
						    .ip_id = -1 };
			struct tw_err err = { 0 };
			struct content end;

			assert_int_equal(tw_cable_forge(l->cable, &f, &err), -ENOENT);
			connect_now(l, NULL, v6);
			say(l->client, "hello");
			hear(l, l->server, "hello");
			pump_quiet(l, 10);
			/* Beyond the window it is not believed (RFC 5961 s3.2). */
			f.seq_offset = 10000000;
			assert_int_equal(tw_cable_forge(l->cable, &f, &err), 0);
			f.seq_offset = 0;
			assert_int_equal(tw_cable_forge(l->cable, &f, &err), 0);
			assert_int_equal(end_of(l, to ? l->server : l->client), -ECONNRESET);
			assert_int_equal(
				find(l, TW_FATE_FORGED, (enum tw_from) !to, TW_RST, 1)->segment.ttl,
				v6 ? 63 : 64);
			read_capture(l, (enum tw_from) !to, &end);
			assert_int_equal(count_flags(&end, TW_RST), 0);
			read_capture(l, (enum tw_from)to, &end);
			assert_int_equal(count_flags(&end, TW_RST), 2);
			assert_int_equal(end.bad, 0);
			lab_free(l);
		}
}

/* Forged data in the peer's name, with its timestamps: the application reads it. */
static void forged_data_is_read(void **state)
{
	const struct tw_cable_forge f = { .to = TW_FROM_SERVER,
					  .flags = TW_PSH | TW_ACK,
					  .ip_id = -1,
					  .window = 500,
					  .payload_bytes = 3,
					  .with_timestamps = true };
	struct tw_err err = { 0 };
	struct lab *l;

	GROUND_OR_SKIP();
	if (ground_families() < 2)
		skip();
	l = lab_new(&routed, 0, true);
	connect_now(l, NULL, true);
	assert_int_equal(tw_cable_forge(l->cable, &f, &err), 0);
	hear(l, l->server, "FFF");
	lab_free(l);
}

/* Power loss: the client hears nothing, and a RST from the kernel that comes up again. */
static void a_rebooted_host_resets(void **state)
{
	struct tw_err err = { 0 };
	struct content server;
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	connect_now(l, NULL, false);
	tw_cable_cut(l->cable, 1, true);
	tw_net_remove(l->net, TW_HOST_SERVER);
	close(l->server);
	close(l->listener);
	l->server = -1;
	l->listener = -1;
	say(l->client, "hello?");
	assert_int_equal(pump_for(l, l->client, POLLIN, 50), 0);
	assert_int_equal(tw_net_rebuild(l->net, TW_HOST_SERVER, &err), 0);
	assert_int_equal(tw_cable_replace_port(l->cable, 0, 1, tw_net_port(l->net, 0, 1), &err), 0);
	tw_cable_heal(l->cable);
	assert_int_equal(end_of(l, l->client), -ECONNRESET);
	read_capture(l, TW_FROM_SERVER, &server);
	/* The dead host sent nothing: no FIN, no RST before the one of the new kernel. */
	assert_int_equal(count_flags(&server, TW_FIN | TW_ACK), 0);
	assert_int_equal(count_flags(&server, TW_RST), 1);
	lab_free(l);
}

/* The interface goes away under the cable: no error, no busy owner. */
static void a_vanished_port_is_quiet(void **state)
{
	struct pollfd p;
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	connect_now(l, NULL, false);
	tw_net_remove(l->net, TW_HOST_SERVER);
	say(l->client, "hello?");
	pump_quiet(l, 20);
	p = (struct pollfd){ .fd = tw_cable_fd(l->cable), .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	lab_free(l);
}

static void cuts_and_heals(void **state)
{
	struct lab *l;
	unsigned end;

	GROUND_OR_SKIP();
	for (end = 0; end < 2; end++) {
		l = lab_new(&routed, 0, false);
		connect_now(l, NULL, false);
		tw_cable_cut(l->cable, end, true);
		say(l->client, "hello");
		assert_int_equal(pump_for(l, l->server, POLLIN, 50), 0);
		tw_cable_heal(l->cable);
		hear(l, l->server, "hello");
		lab_free(l);
	}
}

static void translated(void **state)
{
	unsigned v6, router;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++)
		for (router = 0; router < 2; router++) {
			struct lab *l = lab_new(router ? &routed : &lan, 0, v6);
			const char *virtual = v6 ? TW_NET_VIRTUAL_V6 : TW_NET_VIRTUAL_V4;
			struct tw_err err = { 0 };
			struct content client, server;
			char text[TW_ENDPOINT_TEXT];

			tw_cable_nat(l->cable, true, false);
			assert_int_equal(
				tw_net_neighbour(l->net, TW_HOST_CLIENT, TW_NEIGHBOUR_NONE, &err),
				0);
			connect_now(l, virtual, v6);
			say(l->client, "hello");
			hear(l, l->server, "hello");
			say(l->server, "world");
			hear(l, l->client, "world");
			pump_quiet(l, 10);
			read_capture(l, TW_FROM_CLIENT, &client);
			read_capture(l, TW_FROM_SERVER, &server);
			assert_int_equal(client.bad + server.bad, 0);
			assert_true(client.neighbours >= 2);
			assert_string_equal(tw_addr_text(text, &client.first[0].dst), virtual);
			assert_string_equal(tw_addr_text(text, &client.first[1].src), virtual);
			assert_string_equal(tw_addr_text(text, &server.first[0].dst),
					    tw_net_address(l->net, TW_HOST_SERVER, v6));
			lab_free(l);
		}
}

/* The middlebox forgot: the server's data comes from a stranger, the client's is answered with RST. */
static void forgotten_translation(void **state)
{
	const struct seen_event *reset;
	unsigned v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		struct lab *l = lab_new(&lan, 0, v6);

		tw_cable_nat(l->cable, true, false);
		connect_now(l, v6 ? TW_NET_VIRTUAL_V6 : TW_NET_VIRTUAL_V4, v6);
		tw_cable_nat(l->cable, true, true);
		say(l->server, "stranger");
		assert_int_equal(end_of(l, l->server), -ECONNRESET);
		/* The client itself knows of nothing, until it sends. */
		assert_int_equal(pump_for(l, l->client, POLLIN, 20), 0);
		say(l->client, "hello");
		assert_int_equal(end_of(l, l->client), -ECONNRESET);
		reset = find(l, TW_FATE_FORGED, TW_FROM_SERVER, TW_RST, 0);
		assert_non_null(reset);
		close(l->client);
		close(l->server);
		connect_now(l, v6 ? TW_NET_VIRTUAL_V6 : TW_NET_VIRTUAL_V4, v6);
		lab_free(l);
	}
}

/* An ICMP error of the router quotes the translated packet: the client must know it again. */
static void translated_icmp(void **state)
{
	const struct tw_net_config small = { .router = true, .server_mtu = 1300 };
	static char bulk[6000];
	unsigned v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		struct lab *l = lab_new(&small, 0, v6);
		struct content client;
		size_t have = 0;

		/* The server's MSS would tell the client at once. */
		RULE(.spec = SPEC(SERVER, SYNACK, 1, 1), .action = TW_CABLE_REWRITE,
		     .field = TW_FIELD_MSS, .value = 1440);
		tw_cable_nat(l->cable, true, false);
		connect_now(l, v6 ? TW_NET_VIRTUAL_V6 : TW_NET_VIRTUAL_V4, v6);
		assert_int_equal(send(l->client, bulk, sizeof(bulk), 0), sizeof(bulk));
		while (have < sizeof(bulk)) {
			ssize_t n;

			pump(l, l->server, POLLIN);
			n = recv(l->server, bulk, sizeof(bulk), 0);
			assert_true(n > 0);
			have += (size_t)n;
		}
		read_capture(l, TW_FROM_CLIENT, &client);
		assert_true(client.icmp >= 1);
		assert_int_equal(client.bad, 0);
		lab_free(l);
	}
}

static void beyond_and_port(void **state)
{
	struct tw_frame_spec beyond = {
		.from = TW_FROM_CLIENT, .class = TW_CLASS_DATA, .after_bytes = 5, .port = 80
	};
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	connect_now(l, NULL, false);
	say(l->client, "hello");
	hear(l, l->server, "hello");
	assert_int_equal(tw_cable_seen(l->cable, &beyond), 0);
	say(l->client, "!");
	hear(l, l->server, "!");
	assert_int_equal(tw_cable_seen(l->cable, &beyond), 1);
	beyond.port = 81;
	assert_int_equal(tw_cable_seen(l->cable, &beyond), 0);
	lab_free(l);
}

/* A transfer through random loss: complete, and each loss is told. */
static void seeded_loss(void **state)
{
	enum { BYTES = 400000 };
	static char bulk[BYTES];
	struct content client, server;
	unsigned i, lost = 0, dropped_data = 0;
	size_t sent = 0, have = 0;
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 20, false);
	connect_now(l, NULL, false);
	while (have < BYTES) {
		ssize_t n;

		if (sent < BYTES) {
			n = send(l->client, bulk + sent, BYTES - sent, MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
		}
		pump(l, l->server, POLLIN);
		n = recv(l->server, bulk, sizeof(bulk), 0);
		assert_true(n > 0);
		have += (size_t)n;
	}
	pump_quiet(l, 10);
	for (i = 0; i < l->events; i++) {
		lost += l->event[i].fate == TW_FATE_DROPPED;
		dropped_data +=
			l->event[i].fate == TW_FATE_DROPPED && l->event[i].from == TW_FROM_CLIENT;
	}
	assert_true(lost > 0);
	assert_int_equal(tw_cable_stream_bytes(l->cable, TW_FROM_CLIENT), BYTES);
	read_capture(l, TW_FROM_CLIENT, &client);
	read_capture(l, TW_FROM_SERVER, &server);
	assert_int_equal(client.bad + server.bad, 0);
	assert_int_equal(client.tcp - server.tcp, dropped_data - (lost - dropped_data));
	lab_free(l);
}

static void wrong_rules_are_refused(void **state)
{
	struct tw_cable_rule r = { .spec = SPEC(ANY, TCP, 0, 0), .action = TW_CABLE_DROP };
	struct tw_cable_forge f = { .to = TW_FROM_ANY };
	struct tw_cable_config none = { .links = 3 };
	struct tw_cable *c = NULL;
	struct tw_err err = { 0 };
	struct lab *l;

	assert_int_equal(tw_cable_new(&c, &none, &err), -EINVAL);
	assert_null(c);
	GROUND_OR_SKIP();
	none.links = 1;
	none.port[0][0] = 99999;
	assert_true(tw_cable_new(&c, &none, &err) < 0);
	assert_true(err.text[0] != '\0');
	l = lab_new(&lan, 0, false);
	assert_int_equal(tw_cable_add(l->cable, &r, &err), -EINVAL);
	r.spec.first = 3;
	r.spec.last = 2;
	assert_int_equal(tw_cable_add(l->cable, &r, &err), -EINVAL);
	assert_int_equal(tw_cable_forge(l->cable, &f, &err), -EINVAL);
	assert_int_equal(tw_cable_replace_port(l->cable, 1, 0, 1, &err), -EINVAL);
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUND_TEST(lan_v4),
		GROUND_TEST(lan_v6),
		GROUND_TEST(router_v4),
		GROUND_TEST(router_v6),
		GROUND_TEST(neighbours_that_are_not_known_are_asked_for),
		GROUND_TEST(a_dropped_syn_is_repeated),
		GROUND_TEST(the_second_and_third_are_dropped),
		GROUND_TEST(delayed_segments_are_overtaken),
		GROUND_TEST(held_segments_come_in_order),
		GROUND_TEST(duplicates_arrive_twice),
		GROUND_TEST(corrupt_segments_are_not_acknowledged),
		GROUND_TEST(rewritten_fields),
		GROUND_TEST(rejected_connects),
		GROUND_TEST(answers_look_as_netfilter_makes_them),
		GROUND_TEST(too_big_is_obeyed),
		GROUND_TEST(forged_resets_are_believed),
		GROUND_TEST(forged_data_is_read),
		GROUND_TEST(a_rebooted_host_resets),
		GROUND_TEST(a_vanished_port_is_quiet),
		GROUND_TEST(cuts_and_heals),
		GROUND_TEST(translated),
		GROUND_TEST(forgotten_translation),
		GROUND_TEST(translated_icmp),
		GROUND_TEST(beyond_and_port),
		GROUND_TEST(seeded_loss),
		GROUND_TEST(wrong_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
