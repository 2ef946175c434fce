/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel tells of the two ends: in which namespace each is, and whose the other is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "live_records.h"

/* Its peer's end, in another namespace. */
static struct tw_record client_record(enum tw_record_kind kind, int64_t time_ns, uint32_t netns)
{
	struct tw_record r = server_record(kind, time_ns), server = r;

	memcpy(r.local, server.remote, 16);
	memcpy(r.remote, server.local, 16);
	r.local_port = 40000;
	r.remote_port = 80;
	r.flags = TW_RECF_SOCKET | TW_RECF_CLIENT;
	r.netns = netns;
	return r;
}

/* A RST of the server's, for data that it has not read. */
static struct tw_record unread_record(int64_t time_ns, uint32_t netns)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, time_ns);

	r.flags = TW_RECF_SOCKET | TW_RECF_PROCESS | TW_RECF_SERVER;
	r.reason = 42;
	r.unread = 100;
	r.netns = netns;
	return r;
}

/* A watch that comes late reads at once what happened one after another. */
static void read_late(void **state)
{
	struct tw_record first = server_record(TW_REC_GOT_RESET, 5 * MS),
			 later = client_record(TW_REC_SENT_RESET, 105 * MS, 1);
	struct seen seen;
	struct tw_gather *g = gather(&seen, 0);

	first.state = 1;
	first.flags = TW_RECF_SOCKET | TW_RECF_SERVER | TW_RECF_TIMESTAMPS;
	first.unread = 100;
	first.netns = 2;
	later.flags |= TW_RECF_PROCESS;
	later.reason = 42;
	tw_gather_add(g, &first);
	tw_gather_add(g, &later);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.verdict, "peer-rebooted");
	assert_int_equal(seen.netns[TW_CLIENT], 0);
	tw_gather_ripe(g, INT64_MAX);
	assert_int_equal(seen.count, 1);
	tw_gather_free(g);
}

/* Two pairs of namespaces with the same addresses and ports: what happens in one is not told of the other. */
static void other_namespaces(void **state)
{
	struct tw_record vanished = client_record(TW_REC_STATE, 6 * MS, 3), answer;
	struct seen seen;
	struct tw_gather *g = gather(&seen, 0);

	vanished.old_state = 1;
	vanished.new_state = 7;
	vanished.err = ETIMEDOUT;
	vanished.unacked = 10;
	vanished.retransmits = 4;
	tw_gather_add(g, &vanished);
	/* The client's end is one in 3; this one is in 1, and its server in 2. */
	vanished.netns = 1;
	vanished.err = ECONNRESET;
	vanished.time_ns = (uint64_t)(8 * MS);
	answer = unread_record(7 * MS, 2);
	tw_gather_add(g, &vanished);
	tw_gather_add(g, &answer);
	assert_int_equal(tw_gather_pending(g), 2);
	tw_gather_ripe(g, 67 * MS);
	assert_string_equal(seen.verdict, "peer-vanished");
	tw_gather_ripe(g, 70 * MS);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.verdict, "closed-with-unread-data");
	assert_int_equal(seen.netns[TW_CLIENT], 1);
	assert_int_equal(seen.netns[TW_SERVER], 2);
	tw_gather_free(g);

	/* Both ends are known: of the same end what comes is an echo, of another namespace another connection's. */
	g = gather(&seen, 0);
	tw_gather_add(g, &vanished);
	tw_gather_add(g, &answer);
	tw_gather_ripe(g, 70 * MS);
	answer.time_ns = (uint64_t)(100 * MS);
	tw_gather_add(g, &answer);
	assert_int_equal(tw_gather_pending(g), 1);
	answer.netns = 4;
	tw_gather_add(g, &answer);
	assert_int_equal(tw_gather_pending(g), 2);
	tw_gather_ripe(g, INT64_MAX);
	assert_int_equal(seen.count, 2);
	assert_true(!seen.netns[TW_CLIENT] && seen.netns[TW_SERVER] == 4);
	tw_gather_free(g);
}

/* Of two that wait for their server's end, it belongs to the one whose bytes it has got. */
static void whose_end(void **state)
{
	struct tw_record a = client_record(TW_REC_STALL, 5 * MS, 1), b, answer, refusal;
	struct seen seen;
	struct tw_gather *g = gather(&seen, 0);

	a.bytes_sent = 300000;
	a.snd_nxt = 100;
	a.rcv_nxt = 0x10000000;
	b = a;
	b.netns = 3;
	b.snd_nxt = 0xff000000;
	b.rcv_nxt = 0x10000000 + 1000000;
	tw_gather_add(g, &a);
	tw_gather_add(g, &b);
	assert_int_equal(tw_gather_pending(g), 2);
	/* A part of it is lost: behind the first client, and beyond what the second had sent by far. */
	answer = unread_record(7 * MS, 2);
	answer.snd_nxt = 0x10000000 + 200;
	answer.bytes_sent = 200;
	answer.bytes_received = 100000;
	answer.rcv_nxt = 100U - 200000U;
	tw_gather_add(g, &answer);
	assert_int_equal(tw_gather_pending(g), 2);
	tw_gather_ripe(g, 100 * MS);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.netns[TW_CLIENT], 1);

	/* A host that does not know the second one's connection answers a segment of it. */
	refusal = server_record(TW_REC_SENT_RESET, 200 * MS);
	refusal.state = 0;
	refusal.reason = 40;
	refusal.flags = TW_RECF_SEGMENT;
	refusal.seg_flags = TW_ACK;
	refusal.seg_payload = 100;
	refusal.seg_seq = b.snd_nxt - 100;
	refusal.seg_ack = b.rcv_nxt;
	refusal.netns = 4;
	tw_gather_add(g, &refusal);
	tw_gather_ripe(g, 300 * MS);
	assert_int_equal(seen.count, 2);
	assert_true(seen.netns[TW_CLIENT] == 3 && seen.netns[TW_SERVER] == 4);

	/* Of no one that is known. */
	refusal.netns = 5;
	refusal.seg_seq = 0x70000000;
	tw_gather_add(g, &refusal);
	assert_int_equal(tw_gather_pending(g), 3);
	tw_gather_free(g);
}

/*
 * The same addresses in two pairs of namespaces, and the same port at nearly the same moment: initial sequence numbers of one
 * tuple are a clock of 64 ns (secure_tcp_seq()). The SYN that one refuses is not that of the other.
 */
static void same_moment(void **state)
{
	struct tw_record client = client_record(TW_REC_STATE, 9 * MS, 1), refusal;
	struct tw_gather *g;
	struct seen seen;
	int own;

	client.old_state = 2;
	client.new_state = 7;
	client.err = EHOSTUNREACH;
	client.snd_nxt = 0xfffffff0;
	refusal = server_record(TW_REC_SENT_RESET, 8 * MS);
	refusal.state = 0;
	refusal.reason = 40;
	refusal.flags = TW_RECF_SEGMENT;
	refusal.seg_flags = TW_SYN;
	refusal.netns = 4;
	for (own = 0; own < 2; own++) {
		refusal.seg_seq = client.snd_nxt - 1 + (own ? 0 : 300 * MS / 64);
		g = gather(&seen, 0);
		tw_gather_add(g, &client);
		tw_gather_add(g, &refusal);
		assert_int_equal(tw_gather_pending(g), own ? 1 : 2);
		tw_gather_free(g);
	}
}

/* A socket that hung was left behind with its namespace, whose number another one has got. */
static void used_again(void **state)
{
	struct tw_record r[3] = { client_record(TW_REC_STALL, 5 * MS, 1),
				  server_record(TW_REC_DROP, 10 * MS),
				  client_record(TW_REC_STATE, 20 * MS, 1) };
	struct seen seen;
	struct tw_gather *g = gather(&seen, 0);
	unsigned i;

	r[0].cookie = 1;
	r[0].snd_nxt = r[0].rcv_nxt = 100;
	r[1].flags = TW_RECF_SEGMENT;
	r[1].repeats = TW_DROP_TIME_WAIT;
	r[1].seg_flags = TW_SYN;
	r[1].seg_seq = 0x40000000;
	r[1].netns = 2;
	r[2].cookie = 2;
	r[2].snd_nxt = 0x40000001;
	r[2].old_state = 2;
	r[2].new_state = 7;
	r[2].err = ETIMEDOUT;
	for (i = 0; i < 3; i++)
		tw_gather_add(g, &r[i]);
	assert_int_equal(tw_gather_pending(g), 2);
	tw_gather_ripe(g, 100 * MS);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.verdict, "time-wait-syn-dropped");
	assert_true(seen.netns[TW_CLIENT] == 1 && seen.netns[TW_SERVER] == 2);
	tw_gather_free(g);
}

/* Judged with its ends in namespaces 1 and 2 and a drop in another: @third. */
static void drop_between(uint32_t third, uint8_t class, bool joined)
{
	struct tw_record r[3] = { client_record(TW_REC_ERROR, 6 * MS, 1), unread_record(7 * MS, 2),
				  server_record(TW_REC_DROP, 8 * MS) };
	struct seen seen;
	struct tw_gather *g = gather(&seen, 0);
	unsigned i;

	r[0].err = ECONNRESET;
	r[2].flags = TW_RECF_SEGMENT;
	r[2].repeats = class;
	r[2].netns = third;
	for (i = 0; i < 3; i++)
		tw_gather_add(g, &r[i]);
	assert_int_equal(tw_gather_pending(g), joined ? 1 : 2);
	tw_gather_ripe(g, 75 * MS);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.verdict, "closed-with-unread-data");
	assert_true(seen.netns[TW_CLIENT] == 1 && seen.netns[TW_SERVER] == 2);
	assert_int_equal(seen.drop_netns, joined ? third : 0);
	tw_gather_free(g);
}

static void drops_elsewhere(void **state)
{
	struct tw_record r[2] = { client_record(TW_REC_ERROR, 6 * MS, 1),
				  server_record(TW_REC_DROP, 5 * MS) };
	struct seen seen;

	drop_between(1, TW_DROP_ROUTE, true);
	drop_between(2, TW_DROP_ROUTE, true);
	drop_between(2, TW_DROP_SEGMENT, true);
	drop_between(3, TW_DROP_ROUTE, false);
	drop_between(1, TW_DROP_SEGMENT, false);

	/* A host between, which forwards: the server is not here. */
	r[0].old_state = 2;
	r[0].err = ETIMEDOUT;
	r[1].flags = TW_RECF_SEGMENT;
	r[1].seg_flags = TW_SYN;
	r[1].repeats = TW_DROP_FILTER;
	r[1].netns = 9;
	judged(&seen, r, 2);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.verdict, "firewall-dropped");
	assert_true(seen.netns[TW_CLIENT] == 1 && !seen.netns[TW_SERVER] && seen.drop_netns == 9);
}

static struct tw_record listener_record(int64_t time_ns)
{
	struct tw_record r = server_record(TW_REC_WAITING, time_ns);

	memset(r.remote, 0, sizeof(r.remote));
	r.remote_port = 0;
	r.flags = TW_RECF_SOCKET;
	r.state = 10;
	r.wait = TW_WAIT_DROPPED;
	r.cookie = 5;
	r.drops = r.queue_length = 3;
	r.queue_limit = 2;
	r.netns = 2;
	return r;
}

/* A listener's address that another namespace has, too: whose SYNs it dropped is not known. */
static void same_listeners(void **state)
{
	struct tw_record client = client_record(TW_REC_STATE, 3000 * MS, 1), stranger;
	const struct tw_record listener = listener_record(900 * MS);
	struct tw_gather *g;
	struct seen seen;
	uint32_t elsewhere;

	client.flags |= TW_RECF_BORN;
	client.born_ns = 100 * MS;
	client.old_state = 2;
	client.new_state = 7;
	client.err = ETIMEDOUT;
	stranger = unread_record(1000 * MS, 4);
	stranger.remote_port = 50000;
	for (elsewhere = 0; elsewhere < 2; elsewhere++) {
		g = gather(&seen, 0);
		tw_gather_add(g, &listener);
		if (elsewhere)
			tw_gather_add(g, &stranger);
		tw_gather_add(g, &client);
		tw_gather_ripe(g, 2000 * MS);
		tw_gather_ripe(g, INT64_MAX);
		assert_string_equal(seen.verdict,
				    elsewhere ? "syn-unanswered" : "accept-queue-full");
		assert_int_equal(seen.netns[TW_SERVER], elsewhere ? 0 : 2);
		tw_gather_free(g);
	}
}

/* A client that was there before the watch: how long it connected is not known, and not told; but its repeats say since when. */
static void connecting_before(void **state)
{
	struct tw_record client = client_record(TW_REC_STATE, 9000 * MS, 1), listener, stranger;
	struct tw_gather *g;
	struct seen seen;
	uint32_t late;

	client.flags = TW_RECF_SOCKET;
	client.old_state = 2;
	client.new_state = 7;
	client.err = ETIMEDOUT;
	client.retransmits = 1;
	client.rto_jiffies = 500; /* of 4 ms */
	listener = listener_record(8000 * MS);
	stranger = unread_record(0, 4);
	stranger.remote_port = 50000;
	for (late = 0; late < 2; late++) {
		stranger.time_ns = late ? 6000 * MS : 4000 * MS;
		g = gather(&seen, 0);
		tw_gather_add(g, &stranger);
		tw_gather_add(g, &listener);
		tw_gather_ripe(g, 8500 * MS);
		tw_gather_add(g, &client);
		tw_gather_ripe(g, INT64_MAX);
		assert_string_equal(seen.verdict, late ? "syn-unanswered" : "accept-queue-full");
		if (late)
			assert_non_null(strstr(seen.summary, "gave up after 1 repeat of the SYN."));
		tw_gather_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_namespaces),  cmocka_unit_test(drops_elsewhere),
		cmocka_unit_test(whose_end),         cmocka_unit_test(used_again),
		cmocka_unit_test(read_late),         cmocka_unit_test(same_listeners),
		cmocka_unit_test(connecting_before), cmocka_unit_test(same_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
