/* SPDX-License-Identifier: BSD-2-Clause */
/* What the cable says by itself: rejections, forged segments, a translating middlebox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab_cable.h"

#include "lab/cable_private.h"

static void rejected_connects(void **state)
{
	static const struct {
		enum tw_cable_reject reject;
		int error[2]; /* v4, v6 */
	} row[] = { { TW_REJECT_RST, { ECONNREFUSED, ECONNREFUSED } },
		    { TW_REJECT_ADMIN_PROHIBITED, { EHOSTUNREACH, EACCES } },
		    { TW_REJECT_PORT_UNREACHABLE, { ECONNREFUSED, ECONNREFUSED } },
		    { TW_REJECT_HOST_UNREACHABLE, { EHOSTUNREACH, EHOSTUNREACH } },
		    { TW_REJECT_NET_UNREACHABLE, { ENETUNREACH, ENETUNREACH } },
		    { TW_REJECT_PROTOCOL_UNREACHABLE, { ENOPROTOOPT, EPROTO } } };
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

/* Before the server ever answered there is nothing to copy, and still a refusal can be forged. */
static void a_forged_refusal(void **state)
{
	const struct tw_frame_spec syn = SPEC(CLIENT, SYN, 1, 1);
	const struct tw_cable_forge f = { .to = TW_FROM_CLIENT,
					  .flags = TW_RST | TW_ACK,
					  .ip_id = 0 };
	struct tw_err err = { 0 };
	struct lab *l;
	unsigned v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		l = lab_new(&routed, 0, v6);
		RULE(.spec = SPEC(CLIENT, SYN, 1, 0), .action = TW_CABLE_DROP);
		l->client = host_connect(l->net, NULL, v6);
		pump_seen(l, &syn, 1);
		assert_int_equal(tw_cable_forge(l->cable, &f, &err), 0);
		pump(l, l->client, POLLOUT);
		assert_int_equal(socket_error(l->client), ECONNREFUSED);
		assert_int_equal(
			find(l, TW_FATE_FORGED, TW_FROM_SERVER, TW_RST | TW_ACK, 0)->segment.ttl,
			63);
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

/*
 * The middlebox forgot: the server's data comes from a stranger, the client's is answered with
 * RST.
 */
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

/* The same bytes each time (xorshift). */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Everything that looks into frames, on damaged ones: a user's program may send what it likes. */
static void look_everywhere(struct tw_decoder *d, uint8_t *data, uint32_t length, uint32_t dice)
{
	const struct tw_cable_rule rule = { .reject = (enum tw_cable_reject)(dice % 6),
					    .value = 1400 };
	struct tw_frame f = {
		.number = 1, .data = data, .caplen = length, .len = length, .linktype = 1
	};
	struct tw_segment s = { 0 };

	tw_decode(d, &f, &s);
	tw_decode_detail(d, &f, &s);
	free(tw_cable_answer(data, length, &s, &rule, 1));
	free(tw_cable_virtual_neighbour(data, length, dice & 1));
	tw_cable_rewrite(data, &s, length, (enum tw_cable_field)(dice >> 3 & 7), dice);
	tw_cable_translate(data, length, (enum tw_from)(dice >> 6 & 1), dice & 1);
	if (length)
		tw_cable_corrupt(data, &s, length);
}

static void damaged_frames_are_survived(void **state)
{
	const struct tw_cable_forge forge = { .to = TW_FROM_SERVER,
					      .flags = TW_SYN | TW_ACK,
					      .payload_bytes = 40,
					      .with_timestamps = true };
	struct tw_cable_flow flow = { .side[0] = { .timestamps = true } };
	struct tw_decoder *d = tw_decoder_new();
	uint32_t dice = 2463534242u;
	unsigned i, j;

	assert_non_null(d);
	for (i = 0; i < 100000; i++) {
		struct tw_cable_frame *f;
		uint8_t *exact;
		uint32_t length;

		flow.v6 = i & 1;
		assert_int_equal(inet_pton(flow.v6 ? AF_INET6 : AF_INET,
					   flow.v6 ? TW_NET_VIRTUAL_V6 : TW_NET_VIRTUAL_V4,
					   flow.side[0].to_there.b + (flow.v6 ? 0 : 12)),
				 1);
		f = tw_cable_forged(&flow, &forge, 1 + (i >> 1 & 1));
		assert_non_null(f);
		for (j = next_random(&dice) % 5; j; j--)
			f->data[next_random(&dice) % f->length] = (uint8_t)next_random(&dice);
		if (i % 3 == 0) /* ICMP, ARP, a header before TCP */
			f->data[i & 1 ? 20 : 23] = (uint8_t)(next_random(&dice) % 2 ? 58 : 1);
		length = i % 5 ? f->length : 14 + next_random(&dice) % (f->length - 14);
		exact = malloc(length); /* so that a byte too far is found */
		assert_non_null(exact);
		memcpy(exact, f->data, length);
		look_everywhere(d, exact, length, next_random(&dice));
		free(exact);
		free(f);
	}
	tw_decoder_free(d);
}

/* Each SYN is of another source and answered; the answers go nowhere; who is real still connects. */
static void a_flood(void **state)
{
	enum { SYNS = 20 };
	const struct tw_frame_spec synack = { .from = TW_FROM_SERVER, .class = TW_CLASS_SYNACK };
	unsigned v6, i;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		struct lab *l = lab_new(&routed, 0, v6);
		struct tw_err err = { 0 };

		assert_int_equal(tw_cable_flood(l->cable, SYNS, 80, v6, &err), 0);
		pump_seen(l, &synack, SYNS);
		for (i = 0; i < SYNS; i++) {
			const struct seen_event *syn =
				find(l, TW_FATE_FORGED, TW_FROM_CLIENT, TW_SYN, i);
			const struct seen_event *before =
				i ? find(l, TW_FATE_FORGED, TW_FROM_CLIENT, TW_SYN, i - 1) : NULL;

			assert_non_null(syn);
			assert_int_equal(syn->segment.checksum, TW_CSUM_GOOD);
			assert_true(tw_cable_is_flood_source(&syn->segment.src));
			assert_false(tw_cable_is_flood_source(&syn->segment.dst));
			assert_true(!before || memcmp(&syn->segment.src, &before->segment.src,
						      sizeof(syn->segment.src)) != 0);
			assert_non_null(
				find(l, TW_FATE_DROPPED, TW_FROM_SERVER, TW_SYN | TW_ACK, i));
		}
		assert_null(find(l, TW_FATE_ARRIVED, TW_FROM_SERVER, TW_SYN | TW_ACK, 0));
		connect_now(l, NULL, v6);
		lab_free(l);
	}
}

static void no_such_flood(void **state)
{
	struct tw_err err = { 0 };
	struct lab *l;

	GROUND_OR_SKIP();
	l = lab_new(&routed, 0, false);
	assert_int_equal(tw_cable_flood(l->cable, 0, 80, false, &err), -EINVAL);
	assert_int_equal(tw_cable_flood(l->cable, TW_CABLE_FLOOD_MAX + 1, 80, false, &err),
			 -EINVAL);
	lab_free(l);
	l = lab_new(&lan, 0, false);
	assert_int_equal(tw_cable_flood(l->cable, 1, 80, false, &err), -EINVAL);
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_frames_are_survived),
		GROUND_TEST(rejected_connects),
		GROUND_TEST(answers_look_as_netfilter_makes_them),
		GROUND_TEST(too_big_is_obeyed),
		GROUND_TEST(forged_resets_are_believed),
		GROUND_TEST(forged_data_is_read),
		GROUND_TEST(a_forged_refusal),
		GROUND_TEST(a_flood),
		GROUND_TEST(no_such_flood),
		GROUND_TEST(translated),
		GROUND_TEST(forgotten_translation),
		GROUND_TEST(translated_icmp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
