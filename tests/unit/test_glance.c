/* SPDX-License-Identifier: BSD-2-Clause */
/* Losses in a file that is too large for a dossier of each connection: what a glance at the first one may tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture_bytes.h"
#include "diagnose/session.h"

#define MSS      1448
#define ROUND_US 20000 /* as long as a round trip */
#define HEADERS  52    /* IP, TCP with time stamps: all that is captured */

enum {
	FIN = 1,
	SYN = 2,
	ACK = 16,
};

struct world {
	struct bytes o;
	uint64_t now_us;
	uint32_t seq[2], stamp[2];
	uint16_t id[2];
};

/* A raw IPv4 packet of @side (0: the client). */
static void emit(struct world *w, int side, int flags, uint32_t seq, uint32_t ack, uint16_t bytes)
{
	struct bytes *o = &w->o;

	o->big = false;
	put32(o, (uint32_t)(w->now_us / 1000000));
	put32(o, (uint32_t)(w->now_us % 1000000));
	put32(o, HEADERS);
	put32(o, HEADERS + bytes);
	o->big = true;
	put16(o, 0x4500);
	put16(o, (uint16_t)(HEADERS + bytes));
	put16(o, w->id[side]);
	put16(o, 0x4000);
	put32(o, 0x40060000); /* time to live, TCP; checksums are not looked at */
	put32(o, 0x0a000001 + (uint32_t)side);
	put32(o, 0x0a000001 + !side);
	put16(o, side ? 80 : 40000);
	put16(o, side ? 40000 : 80);
	put32(o, seq);
	put32(o, ack);
	put16(o, (uint16_t)(0x8000 | flags));
	put16(o, 500);
	put32(o, 0);
	put32(o, 0x0101080a);
	put32(o, (uint32_t)(w->now_us / 1000));
	put32(o, w->stamp[!side]);
	w->stamp[side] = (uint32_t)(w->now_us / 1000);
	w->id[side]++;
	w->now_us += 10;
}

static void send_next(struct world *w, int side, int flags, uint16_t bytes)
{
	emit(w, side, flags, w->seq[side], w->seq[!side], bytes);
	w->seq[side] += bytes + ((flags & (SYN | FIN)) != 0);
}

static void handshake(struct world *w)
{
	*w = (struct world){ .seq = { 1000, 500000 }, .id = { 7, 30000 } };
	put_pcap_header(&w->o, 0xa1b2c3d4, 101);
	emit(w, 0, SYN, w->seq[0]++, 0, 0);
	w->now_us += ROUND_US;
	send_next(w, 1, SYN | ACK, 0);
	send_next(w, 0, ACK, 0);
	send_next(w, 0, ACK, 180);
	w->now_us += ROUND_US;
}

/* Two segments and their acknowledgement; the first one lost, and repeated; or there twice on its way. */
enum fate { FINE, LOST, TWICE };

static void exchange(struct world *w, enum fate fate)
{
	const uint32_t first = w->seq[1];

	send_next(w, 1, ACK, MSS);
	if (fate == TWICE) {
		w->id[1]--;
		w->now_us -= 10;
		emit(w, 1, ACK, first, w->seq[0], MSS);
	}
	send_next(w, 1, ACK, MSS);
	w->now_us += ROUND_US;
	if (fate == LOST) {
		emit(w, 0, ACK, w->seq[0], first, 0);
		emit(w, 0, ACK, w->seq[0], first, 0);
		emit(w, 1, ACK, first, w->seq[0], MSS);
		w->now_us += ROUND_US;
	}
	send_next(w, 0, ACK, 0);
}

static void close_both(struct world *w)
{
	send_next(w, 1, FIN | ACK, 0);
	send_next(w, 0, FIN | ACK, 0);
	send_next(w, 1, ACK, 0);
}

/* 120 rounds, of which the 10th and the 110th are not @fine. */
static void tell(struct world *w, enum fate early, enum fate late)
{
	int i;

	handshake(w);
	for (i = 0; i < 120; i++)
		exchange(w, i == 10 ? early : i == 110 ? late : FINE);
	close_both(w);
}

struct told {
	unsigned findings;
	char verdict[64];
	uint64_t looked_to, last_frame;
	int64_t lost;
	unsigned missing;
};

static bool take_down(void *user, struct tw_finding *f)
{
	struct told *t = user;

	t->findings++;
	snprintf(t->verdict, sizeof(t->verdict), "%s", f->verdict);
	t->looked_to = f->looked_to;
	t->last_frame = f->last_frame;
	t->lost = tw_get(&f->facts, TW_F_LOST_S);
	t->missing = f->match.missing_count;
	tw_finding_free(f);
	return true;
}

/* @large: as in a file that is too large for a closer look. */
static struct told look(const struct world *w, bool large, struct tw_session_summary *sum)
{
	struct told t = { 0 };
	const struct tw_session_config config = { .loss_frames = large,
						  .finding = take_down,
						  .user = &t };
	struct tw_err err = { 0 };
	struct tw_source *src;

	assert_int_equal(tw_source_open_memory(&src, w->o.b, w->o.n, &err), 0);
	assert_int_equal(tw_session_run(src, &config, sum, &err), 0);
	tw_source_close(src);
	assert_int_equal(sum->connections, 1);
	return t;
}

static void the_first_loss_tells(void **state)
{
	static struct world w;
	struct tw_session_summary sum;
	struct told whole, part;

	tell(&w, LOST, LOST);
	whole = look(&w, false, &sum);
	assert_string_equal(whole.verdict, "loss-recovered");
	assert_int_equal(whole.looked_to, 0);
	assert_int_equal(whole.lost, 2);
	tw_session_summary_free(&sum);
	part = look(&w, true, &sum);
	assert_string_equal(part.verdict, "loss-recovered");
	assert_int_equal(sum.degraded, 1);
	assert_int_equal(sum.unknown, 0);
	assert_int_equal(part.lost, 1);
	assert_int_equal(part.last_frame, whole.last_frame);
	assert_true(part.looked_to > 40 && part.looked_to < 120);
	assert_true(part.missing > whole.missing);
	tw_session_summary_free(&sum);
}

/* The network's duplicate is no loss; that one comes later all the same is not seen, and nothing is claimed. */
static void what_it_does_not_show_is_unknown(void **state)
{
	static struct world w;
	struct tw_session_summary sum;
	struct told whole, part;

	tell(&w, TWICE, LOST);
	whole = look(&w, false, &sum);
	assert_string_equal(whole.verdict, "loss-recovered");
	tw_session_summary_free(&sum);
	part = look(&w, true, &sum);
	assert_int_equal(part.findings, 0);
	assert_int_equal(sum.unknown, 1);
	assert_int_equal(sum.clean + sum.degraded + sum.failed, 0);
	assert_int_equal(sum.problem_count, 1);
	assert_non_null(strstr(sum.problems[0], "1 connection"));
	tw_session_summary_free(&sum);
}

/* A connection that never repeats anything is clean without any look. */
static void no_loss_no_look(void **state)
{
	static struct world w;
	struct tw_session_summary sum;
	struct told t;

	tell(&w, FINE, FINE);
	t = look(&w, true, &sum);
	assert_int_equal(t.findings, 0);
	assert_int_equal(sum.clean, 1);
	assert_int_equal(sum.problem_count, 0);
	tw_session_summary_free(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_loss_tells),
		cmocka_unit_test(what_it_does_not_show_is_unknown),
		cmocka_unit_test(no_loss_no_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
