/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel tells, without a kernel: made-up records gathered and judged; the filter's parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/assume.h"
#include "kernel/filter.h"
#include "kernel/gather.h"

#include <errno.h>
#include <string.h>

#include "live_records.h"

static void refused_syn(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct seen seen;

	r.state = 0;
	r.reason = 40;
	r.flags = TW_RECF_SEGMENT;
	r.seg_flags = TW_SYN;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "port-closed");
	assert_int_equal(seen.confidence, TW_CERTAIN);
}

static void aborted_by_a_call(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct seen seen;

	r.flags = TW_RECF_SOCKET | TW_RECF_PROCESS | TW_RECF_SERVER | TW_RECF_LINGER;
	r.reason = 41;
	r.owner_pid = r.actor_pid = 77;
	r.bytes_received = 100;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "linger-reset");
	assert_int_equal(seen.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(seen.server_pid, 77);

	r.flags &= ~(uint32_t)TW_RECF_LINGER;
	r.reason = 42;
	r.unread = 100;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "closed-with-unread-data");
	assert_int_equal(seen.confidence, TW_CERTAIN);

	/* A kernel that does not say why: inferred, so not certain. */
	r.reason = ~0U;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "closed-with-unread-data");
	assert_int_equal(seen.confidence, TW_LIKELY);

	/* The same call while the process dies of a signal is not a close(). */
	r.flags |= TW_RECF_DYING;
	r.exit_code = 11;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "process-died");
}

/* What comes a moment after an error is not its cause. */
static void aftermath(void **state)
{
	struct tw_record r[2] = { server_record(TW_REC_STATE, 5 * MS),
				  server_record(TW_REC_SENT_RESET, 20 * MS) };
	struct seen seen;

	r[0].flags = TW_RECF_SOCKET;
	r[0].old_state = 1;
	r[0].err = ETIMEDOUT;
	r[0].unacked = 10;
	r[0].retransmits = 4;
	r[1].flags = TW_RECF_SEGMENT;
	r[1].seg_flags = TW_ACK;
	r[1].seg_payload = 100;
	r[1].reason = 40;
	judged(&seen, r, 2);
	assert_string_equal(seen.verdict, "peer-vanished");
}

/* Of the end that gave up only the reset was told; the process of the other dies soon after, but not of it. */
static void death_behind_a_reset(void **state)
{
	struct tw_record r[2] = { server_record(TW_REC_SENT_RESET, 5 * MS),
				  server_record(TW_REC_STATE, 35 * MS) };
	struct seen seen;

	r[0].flags = TW_RECF_SOCKET | TW_RECF_SERVER;
	r[0].state = 1;
	r[0].reason = 44;
	r[0].probes = 2;
	memcpy(r[1].local, r[0].remote, sizeof(r[1].local));
	memcpy(r[1].remote, r[0].local, sizeof(r[1].remote));
	r[1].local_port = 40000;
	r[1].remote_port = 80;
	r[1].flags = TW_RECF_SOCKET | TW_RECF_CLIENT | TW_RECF_PROCESS | TW_RECF_DYING;
	r[1].exit_code = 9;
	r[1].old_state = 1;
	r[1].new_state = 4;
	judged(&seen, r, 2);
	assert_string_equal(seen.verdict, "keepalive-timeout");

	/* But it is the cause of a reset that is behind it, or its own. */
	r[1].time_ns = 1 * MS;
	judged(&seen, r, 2);
	assert_string_equal(seen.verdict, "process-died");
}

static void nothing_owed_is_clean(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct seen seen;

	/* A pure ACK of a connection that is over. */
	r.state = 0;
	r.reason = 40;
	r.flags = TW_RECF_SEGMENT;
	r.seg_flags = TW_ACK;
	judged(&seen, &r, 1);
	assert_int_equal(seen.count, 0);
}

/* What cannot be reproduced: its limits are of the whole machine. */
static void out_of_memory(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct seen seen;

	r.flags = TW_RECF_SOCKET | TW_RECF_SERVER | TW_RECF_ORPHAN;
	r.reason = 43;
	r.unsent = 1000;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "memory-abort");
	assert_int_equal(seen.confidence, TW_CERTAIN);
}

/* The form of the RST that came in is read from the socket's last timestamp. */
static void reset_from_outside(void **state)
{
	struct tw_record r = server_record(TW_REC_GOT_RESET, 5 * MS);
	struct seen seen;

	r.state = 1;
	r.flags = TW_RECF_SOCKET | TW_RECF_SERVER | TW_RECF_TIMESTAMPS | TW_RECF_LAST_TIMESTAMP;
	r.unread = 100;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "aborted");
	assert_int_equal(seen.confidence, TW_LIKELY);

	r.flags &= ~(uint32_t)TW_RECF_LAST_TIMESTAMP;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "peer-rebooted");

	/* None were negotiated: of any kind. */
	r.flags &= ~(uint32_t)TW_RECF_TIMESTAMPS;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "aborted");
	assert_int_equal(seen.confidence, TW_POSSIBLE);

	/* The peer had closed before. */
	r.flags |= TW_RECF_TIMESTAMPS | TW_RECF_PEER_FIN;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "data-after-close");

	/* A server that had answered, and all of it had arrived, misses nothing. */
	r.flags = TW_RECF_SOCKET | TW_RECF_SERVER | TW_RECF_TIMESTAMPS | TW_RECF_LAST_TIMESTAMP;
	r.unread = 0;
	r.bytes_received = r.bytes_sent = 100;
	r.lrcvtime = 10;
	r.lsndtime = 20;
	judged(&seen, &r, 1);
	assert_int_equal(seen.count, 0);
}

static void unaccepted(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct seen seen;

	r.flags = TW_RECF_SOCKET | TW_RECF_PROCESS | TW_RECF_SERVER | TW_RECF_UNACCEPTED;
	r.reason = 41;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "aborted");
	assert_int_equal(seen.confidence, TW_CERTAIN);

	r.flags |= TW_RECF_DYING;
	r.exit_code = 9;
	judged(&seen, &r, 1);
	assert_string_equal(seen.verdict, "process-died");
	assert_int_equal(seen.outcome, TW_OUTCOME_FAILED);
}

static void older_kernels(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct tw_assumption a;
	struct tw_err err = { 0 };

	assert_int_equal(tw_assume(&a, "6.12", &err), -EINVAL);
	assert_int_equal(tw_assume(&a, "apart,6.11", &err), 0);
	assert_true(a.apart && a.no_actives && !a.no_answers);
	r.flags = TW_RECF_SOCKET;
	r.reason = 42;
	assert_true(tw_assume_record(&a, &r));
	assert_int_equal(r.reason, ~0U);

	/* A RST without a socket has no event there. */
	assert_int_equal(tw_assume(&a, "6.9", &err), 0);
	r.flags = TW_RECF_SEGMENT;
	r.state = 0;
	assert_false(tw_assume_record(&a, &r));

	assert_int_equal(tw_assume(&a, "5.16", &err), 0);
	r.kind = TW_REC_DROP;
	assert_false(tw_assume_record(&a, &r));
}

/* Within the time for echoes the same addresses and ports come again: of the same socket, an echo; of another, or
 * of one that was born later, a connection of its own. */
static void ports_come_again(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct seen seen;
	struct tw_gather *g = gather(&seen, 0);

	r.flags = TW_RECF_SOCKET | TW_RECF_PROCESS | TW_RECF_SERVER;
	r.reason = 42;
	r.unread = 100;
	r.cookie = 1;
	tw_gather_add(g, &r);
	tw_gather_ripe(g, 100 * MS);
	assert_int_equal(seen.count, 1);
	r.time_ns = (uint64_t)(200 * MS);
	tw_gather_add(g, &r);
	tw_gather_ripe(g, 300 * MS);
	assert_int_equal(seen.count, 1);
	r.time_ns = (uint64_t)(400 * MS);
	r.cookie = 2;
	tw_gather_add(g, &r);
	tw_gather_ripe(g, 500 * MS);
	assert_int_equal(seen.count, 2);

	/* Too soon for the one before to have been judged. */
	r.time_ns = (uint64_t)(510 * MS);
	r.cookie = 7;
	tw_gather_add(g, &r);
	r.time_ns = (uint64_t)(515 * MS);
	r.cookie = 8;
	tw_gather_add(g, &r);
	assert_int_equal(seen.count, 3);
	tw_gather_ripe(g, 590 * MS);
	assert_int_equal(seen.count, 4);

	/* The client's end was not heard of so far. */
	r = server_record(TW_REC_STATE, 600 * MS);
	memcpy(r.local, r.remote, sizeof(r.local));
	r.remote[15] = 2;
	r.local_port = 40000;
	r.remote_port = 80;
	r.flags = TW_RECF_SOCKET | TW_RECF_CLIENT | TW_RECF_BORN;
	r.err = ECONNRESET;
	r.old_state = 1;
	r.cookie = 3;
	r.born_ns = (uint64_t)(510 * MS);
	tw_gather_add(g, &r);
	tw_gather_ripe(g, 700 * MS);
	assert_int_equal(seen.count, 4);
	r.cookie = 4;
	r.born_ns = (uint64_t)(595 * MS);
	tw_gather_add(g, &r);
	tw_gather_ripe(g, 700 * MS);
	assert_int_equal(seen.count, 5);
	tw_gather_free(g);
}

/* The table is bounded; judged connections give way to new ones, others are counted. */
static void bounded(void **state)
{
	struct tw_record r = server_record(TW_REC_SENT_RESET, 5 * MS);
	struct seen seen;
	struct tw_gather *g = gather(&seen, 100);
	unsigned i;

	r.state = 0;
	r.reason = 40;
	r.flags = TW_RECF_SEGMENT;
	r.seg_flags = TW_SYN;
	for (i = 0; i < 1000; i++) {
		r.remote_port = (uint16_t)(1000 + i);
		tw_gather_add(g, &r);
	}
	assert_int_equal(tw_gather_pending(g), 100);
	assert_int_equal(tw_gather_forgotten(g), 900);
	tw_gather_ripe(g, 5 * MS + 200 * MS);
	assert_int_equal(seen.count, 100);
	for (i = 0; i < 50; i++) {
		r.remote_port = (uint16_t)(3000 + i);
		tw_gather_add(g, &r);
	}
	assert_int_equal(tw_gather_forgotten(g), 900);
	tw_gather_free(g);
}

static void filter(void **state)
{
	static const char *const good[] = {
		"",
		"tcp",
		"tcp port 80",
		"host 192.0.2.1 and not port 22",
		"(net 10.0.0.0/8 or net fd00::/8) && portrange 8000-8999",
		"! ip6 || port 1",
	};
	static const char *const bad[] = { "port",
					   "port 70000",
					   "port 1 2",
					   "host x",
					   "host 10.0.0.0/8",
					   "net 10.0.0.1",
					   "net 1.2.3.4/33",
					   "(",
					   "port 1)",
					   "port 1 &",
					   "and",
					   "src port 1",
					   "portrange 9-1" };
	struct tw_live_filter f;
	struct tw_err err;
	unsigned i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(tw_live_filter_compile(&f, good[i], &err), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct tw_err){ 0 };
		assert_int_equal(tw_live_filter_compile(&f, bad[i], &err), -EINVAL);
		assert_true(strncmp(err.text, "filter: ", 8) == 0);
		assert_int_equal(f.op[0].code, TW_FOP_END);
	}
	assert_int_equal(tw_live_filter_compile(&f, "port 80 and host ::1", &err), 0);
	assert_int_equal(f.op[0].code, TW_FOP_PORT);
	assert_int_equal(f.op[1].bits, 128);
	assert_int_equal(f.op[2].code, TW_FOP_AND);
}

/* What the walk finds: each wait has its name, is told once, and does not hide how the connection ends. */
static void waiting(void **state)
{
	static const struct {
		__u8 wait;
		const char *verdict;
	} waits[] = {
		{ TW_WAIT_CLOSE, "close-wait-leak" }, { TW_WAIT_ACCEPT, "app-stuck" },
		{ TW_WAIT_READ, "app-stuck" },        { TW_WAIT_WINDOW, "zero-window-stall" },
		{ TW_WAIT_ACK, "peer-vanished" },
	};
	struct tw_record r, end;
	struct tw_gather *g;
	struct seen seen;
	unsigned i;

	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		r = server_record(TW_REC_WAITING, 5 * MS);
		r.flags = TW_RECF_SOCKET | TW_RECF_SERVER;
		r.state = 1;
		r.wait = waits[i].wait;
		r.waiting_ns = 60000 * MS;
		r.unread = r.unsent = r.unacked = r.rcv_wnd_left = 100;
		r.cookie = 9;
		g = gather(&seen, 0);
		tw_gather_add(g, &r);
		tw_gather_ripe(g, 500 * MS);
		assert_int_equal(seen.count, 1);
		assert_string_equal(seen.verdict, waits[i].verdict);
		assert_int_equal(seen.outcome, TW_OUTCOME_DEGRADED);
		r.time_ns += 200 * MS;
		tw_gather_add(g, &r);
		tw_gather_ripe(g, 1000 * MS);
		assert_int_equal(seen.count, 1);
		end = server_record(TW_REC_SENT_RESET, 1500 * MS);
		end.flags = r.flags | TW_RECF_PROCESS;
		end.reason = 42;
		end.unread = 100;
		end.cookie = 9;
		tw_gather_add(g, &end);
		tw_gather_ripe(g, 2000 * MS);
		assert_int_equal(seen.count, 2);
		assert_string_equal(seen.verdict, "closed-with-unread-data");
		tw_gather_free(g);
	}
}

/* A listener of 192.0.2.2:80 that dropped, and the client that got no answer. */
static void dropped(__u32 queued, __u32 half_open, const char *verdict, enum tw_confidence sure)
{
	struct tw_record listener = server_record(TW_REC_WAITING, 900 * MS), client;
	struct tw_gather *g;
	struct seen seen;

	memset(listener.remote, 0, sizeof(listener.remote));
	listener.remote_port = 0;
	listener.flags = TW_RECF_SOCKET;
	listener.state = 10;
	listener.wait = TW_WAIT_DROPPED;
	listener.cookie = 5;
	listener.drops = 3;
	listener.owner_pid = 77;
	listener.queue_length = queued;
	listener.syn_queue_length = half_open;
	listener.queue_limit = listener.syn_queue_limit = 2;
	g = gather(&seen, 0);
	tw_gather_add(g, &listener);
	tw_gather_ripe(g, 1000 * MS);
	assert_string_equal(seen.verdict, verdict);
	assert_int_equal(seen.confidence, sure);

	client = server_record(TW_REC_STATE, 3000 * MS);
	memcpy(client.local, server_record(0, 0).remote, 16);
	memcpy(client.remote, server_record(0, 0).local, 16);
	client.local_port = 40000;
	client.remote_port = 80;
	client.flags = TW_RECF_SOCKET | TW_RECF_CLIENT | TW_RECF_BORN;
	client.born_ns = 100 * MS;
	client.old_state = 2;
	client.new_state = 7;
	client.err = ETIMEDOUT;
	tw_gather_add(g, &client);
	tw_gather_ripe(g, INT64_MAX);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.verdict, verdict);
	assert_int_equal(seen.confidence, sure);
	assert_int_equal(seen.server_pid, 77);

	/* Another port, or before this connect(): it explains nothing. */
	client.remote_port = 81;
	tw_gather_add(g, &client);
	tw_gather_ripe(g, INT64_MAX);
	assert_string_equal(seen.verdict, "syn-unanswered");
	client.remote_port = 80;
	client.local_port = 40001;
	client.born_ns = 2000 * MS;
	tw_gather_add(g, &client);
	tw_gather_ripe(g, INT64_MAX);
	assert_string_equal(seen.verdict, "syn-unanswered");
	tw_gather_free(g);
}

static void requests_dropped(void **state)
{
	dropped(3, 0, "accept-queue-full", TW_CERTAIN);
	dropped(0, 3, "syn-queue-full", TW_CERTAIN);
	dropped(0, 2, "accept-queue-full", TW_LIKELY);
	dropped(1, 2, "accept-queue-full", TW_LIKELY);
	dropped(0, 0, "accept-queue-full", TW_LIKELY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_syn),
		cmocka_unit_test(aborted_by_a_call),
		cmocka_unit_test(aftermath),
		cmocka_unit_test(death_behind_a_reset),
		cmocka_unit_test(nothing_owed_is_clean),
		cmocka_unit_test(ports_come_again),
		cmocka_unit_test(bounded),
		cmocka_unit_test(filter),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(reset_from_outside),
		cmocka_unit_test(unaccepted),
		cmocka_unit_test(older_kernels),
		cmocka_unit_test(waiting),
		cmocka_unit_test(requests_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
