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

#define MS 1000000LL

static const struct tw_kernel_names names = {
	/* Numbers that no kernel has: only the names may count. */
	.reset = { [40] = "NO_SOCKET",
		   [41] = "TCP_STATE",
		   [42] = "TCP_ABORT_ON_CLOSE",
		   [43] = "TCP_ABORT_ON_MEMORY" },
	.has_reset_reasons = true,
};

struct seen {
	unsigned count;
	uint32_t netns[2], drop_netns;
	char verdict[64], summary[256];
	enum tw_confidence confidence;
	enum tw_outcome outcome;
	uint32_t server_pid;
};

static void on_finding(void *user, struct tw_finding *f)
{
	struct seen *s = user;

	s->count++;
	strncpy(s->verdict, f->verdict, sizeof(s->verdict) - 1);
	strncpy(s->summary, f->match.summary ? f->match.summary : "", sizeof(s->summary) - 1);
	s->confidence = f->match.confidence;
	s->outcome = f->match.outcome;
	s->server_pid = f->process[TW_SERVER].pid;
	memcpy(s->netns, f->end_netns, sizeof(s->netns));
	s->drop_netns = f->drop_netns;
	assert_true(f->live);
	assert_true(f->match.evidence_count > 0);
	tw_finding_free(f);
}

static struct tw_gather *gather(struct seen *seen, unsigned connections_max)
{
	const struct tw_gather_config config = { .names = &names,
						 .jiffy_ns = 4 * MS,
						 .connections_max = connections_max,
						 .finding = on_finding,
						 .user = seen };

	*seen = (struct seen){ 0 };
	return tw_gather_new(&config);
}

/* A record of the server's end of 192.0.2.1:40000 > 192.0.2.2:80. */
static struct tw_record server_record(enum tw_record_kind kind, int64_t time_ns)
{
	return (struct tw_record){ .kind = (uint8_t)kind,
				   .time_ns = (uint64_t)time_ns,
				   .local = { [10] = 0xff, 0xff, 192, 0, 2, 2 },
				   .remote = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
				   .local_port = 80,
				   .remote_port = 40000,
				   .state = 7,
				   .reason = ~0U };
}

static void judged(struct seen *seen, const struct tw_record *r, unsigned n)
{
	struct tw_gather *g = gather(seen, 0);

	while (n--)
		tw_gather_add(g, r++);
	tw_gather_ripe(g, INT64_MAX);
	tw_gather_free(g);
}

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
		cmocka_unit_test(refused_syn),
		cmocka_unit_test(aborted_by_a_call),
		cmocka_unit_test(aftermath),
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
		cmocka_unit_test(other_namespaces),
		cmocka_unit_test(drops_elsewhere),
		cmocka_unit_test(whose_end),
		cmocka_unit_test(used_again),
		cmocka_unit_test(read_late),
		cmocka_unit_test(same_listeners),
		cmocka_unit_test(connecting_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
