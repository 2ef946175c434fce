/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cable between two real kernels: what it does to frames, what they make of it, what it
 * records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab_cable.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

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
	assert_true(count_flags(&client, TW_FIN | TW_ACK) >= 2);
	assert_true(count_flags(&client, TW_PSH | TW_ACK) >= 2);
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
	assert_true(tw_cable_seen(l->cable, &data) >= 4); /* "one", and "two" three times */
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

/*
 * Each field, and the checksums of the whole frame. MSS is in the SYN, the others are tried on
 * data.
 */
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

/* A path MTU black hole: the router's errors are frames as others, and can be dropped. */
static void the_routers_errors_can_be_dropped(void **state)
{
	const struct tw_net_config small = { .router = true, .server_mtu = 1300 };
	const struct tw_frame_spec icmp = SPEC(SERVER, ICMP, 1, 1);
	static char bulk[3000];
	struct lab *l;
	size_t have = 0;

	GROUND_OR_SKIP();
	l = lab_new(&small, 0, false);
	RULE(.spec = SPEC(SERVER, SYNACK, 1, 1), .action = TW_CABLE_REWRITE, .field = TW_FIELD_MSS,
	     .value = 1460);
	RULE(.spec = SPEC(ANY, ICMP, 1, 0), .action = TW_CABLE_DROP);
	connect_now(l, NULL, false);
	assert_int_equal(send(l->client, bulk, sizeof(bulk), 0), sizeof(bulk));
	pump_seen(l, &icmp, 2);
	assert_int_equal(queued_bytes(l->server), 0);
	tw_cable_heal(l->cable);
	while (have < sizeof(bulk)) {
		ssize_t n;

		pump(l, l->server, POLLIN);
		n = recv(l->server, bulk, sizeof(bulk), 0);
		assert_true(n > 0);
		have += (size_t)n;
	}
	lab_free(l);
}

/* Behind a router a packet is not a second packet. */
static void every_packet_is_counted_once(void **state)
{
	const struct tw_frame_spec out = SPEC(CLIENT, ALL, 1, 1), back = SPEC(SERVER, ALL, 1, 1);
	struct sockaddr_storage a;
	struct lab *l;
	unsigned v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		socklen_t length;
		int fd;

		l = lab_new(&routed, 0, v6);
		length = socket_address(&a, tw_net_address(l->net, TW_HOST_SERVER, v6), v6, 9);
		assert_int_equal(tw_net_enter(l->net, TW_HOST_CLIENT), 0);
		fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(tw_net_leave(l->net), 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, length), 0);
		assert_int_equal(send(fd, "?", 1, 0), 1);
		pump(l, fd, POLLIN | POLLERR); /* port unreachable, from the server */
		assert_int_equal(socket_error(fd), ECONNREFUSED);
		assert_int_equal(tw_cable_seen(l->cable, &out), 1);
		assert_int_equal(tw_cable_seen(l->cable, &back), 1);
		close(fd);
		lab_free(l);
	}
}

/* A process that holds open what it has inherited, as those of the hosts do. */
static pid_t inheritor(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* Power loss: the client hears nothing, and a RST from the kernel that comes up again. */
static void rebooted(const struct tw_net_config *net, bool v6)
{
	struct lab *l = lab_new(net, 0, v6);
	unsigned link = tw_net_links(l->net) - 1;
	struct tw_err err = { 0 };
	struct content server;
	struct pollfd owner = { .fd = tw_cable_fd(l->cable), .events = POLLIN };
	pid_t holder = inheritor();

	connect_now(l, NULL, v6);
	tw_cable_cut(l->cable, 1, true);
	tw_net_remove(l->net, TW_HOST_SERVER);
	close(l->server);
	close(l->listener);
	l->server = -1;
	l->listener = -1;
	say(l->client, "hello?");
	assert_int_equal(pump_for(l, l->client, POLLIN, 50), 0);
	assert_int_equal(tw_net_rebuild(l->net, TW_HOST_SERVER, &err), 0);
	assert_int_equal(
		tw_cable_replace_port(l->cable, link, 1, tw_net_port(l->net, link, 1), &err), 0);
	tw_cable_heal(l->cable);
	assert_int_equal(end_of(l, l->client), -ECONNRESET);
	/* The port of the dead host, open elsewhere, must not wake the owner for ever. */
	pump_quiet(l, 50);
	work(l);
	assert_int_equal(poll(&owner, 1, 0), 0);
	kill(holder, SIGKILL);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	read_capture(l, TW_FROM_SERVER, &server);
	/* The dead host sent nothing: no FIN, no RST before the one of the new kernel. */
	assert_int_equal(count_flags(&server, TW_FIN | TW_ACK), 0);
	assert_true(count_flags(&server, TW_RST) >= 1);
	lab_free(l);
}

static void a_rebooted_host_resets(void **state)
{
	unsigned v6;

	GROUND_OR_SKIP();
	for (v6 = 0; v6 < ground_families(); v6++) {
		rebooted(&lan, v6);
		rebooted(&routed, v6);
	}
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
	assert_true(tw_cable_seen(l->cable, &beyond) >= 1);
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

/* Nobody works the cable while a frame is due: it is late by as much, and says so. */
static void lateness_is_told(void **state)
{
	const struct timespec pause = { .tv_nsec = 60 * TW_NS_PER_MS };
	const struct tw_frame_spec data = { .from = TW_FROM_CLIENT, .class = TW_CLASS_DATA };
	struct lab *l;
	int64_t before_ns;

	GROUND_OR_SKIP();
	l = lab_new(&lan, 0, false);
	connect_now(l, NULL, false);
	say(l->client, "soon");
	pump_seen(l, &data, 1);
	before_ns = tw_cable_late_ns(l->cable);
	nanosleep(&pause, NULL);
	hear(l, l->server, "soon");
	assert_true(tw_cable_late_ns(l->cable) - before_ns >= 50 * TW_NS_PER_MS);
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
		GROUND_TEST(the_routers_errors_can_be_dropped),
		GROUND_TEST(every_packet_is_counted_once),
		GROUND_TEST(a_rebooted_host_resets),
		GROUND_TEST(a_vanished_port_is_quiet),
		GROUND_TEST(cuts_and_heals),
		GROUND_TEST(beyond_and_port),
		GROUND_TEST(seeded_loss),
		GROUND_TEST(wrong_rules_are_refused),
		GROUND_TEST(lateness_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
