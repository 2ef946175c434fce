/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of hosts: logs of every length, asked for stretches of time and for refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connection/hosts_private.h"
#include "packet/tuple.h"

#include <stdlib.h>

static uint32_t random_state = 7;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT32_C(1664525) + UINT32_C(1013904223);
	return (random_state >> 8) % below;
}

static struct tw_addr v4(uint8_t last)
{
	return (struct tw_addr){ .b = { [10] = 0xff, 0xff, 10, 0, 0, last } };
}

/* A SYN to the server, or its SYN|ACK, FIN, refusal or other RST to a client. */
static void note(struct tw_hosts *h, int64_t time_ns, uint64_t number)
{
	static const uint16_t flags[] = { TW_SYN, TW_SYN | TW_ACK, TW_FIN | TW_ACK, TW_RST | TW_ACK,
					  TW_RST };
	const struct tw_frame f = { .time_ns = time_ns, .number = number };
	struct tw_segment s = { .kind = TW_SEG_TCP, .ip_version = 4, .sport = 80, .dport = 5000 };
	struct tw_brief b;

	s.flags = flags[draw(5)];
	s.seq = draw(2);
	s.src = v4(1);
	s.dst = v4((uint8_t)(2 + draw(20)));
	if (s.flags == TW_SYN) {
		const struct tw_addr client = s.dst;

		s.dst = s.src;
		s.src = client;
	}
	tw_brief_of(&f, &s, 0, &b);
	tw_hosts_feed(h, &b, 1);
}

static const struct tw_host *server_of(const struct tw_hosts *h)
{
	const struct tw_addr a = v4(1);

	return tw_hosts_find(h, &a);
}

/* All events of a log between two times, by looking at each; and those of the shorter log. */
static void check_stretch(const struct tw_host *host, int64_t from, int64_t to)
{
	const struct tw_host_log log = tw_host_log(host),
				 near = tw_host_log_between(host, from, to);
	const struct tw_host_event *e, *k;
	unsigned part;

	for (part = 0; part < 3; part++) {
		k = near.part[part].from;
		for (e = log.part[part].from; e < log.part[part].to; e++) {
			if (e->time_ns < from || e->time_ns > to)
				continue;
			while (k < near.part[part].to && (k->time_ns < from || k->time_ns > to))
				k++;
			assert_ptr_equal(k, e);
			k++;
		}
	}
}

static void check_refusals(const struct tw_host *host)
{
	const struct tw_host_log log = tw_host_log(host);
	const struct tw_host_event *e, *r;
	unsigned part;

	for (part = 0; part < 3; part++) {
		r = tw_host_refusal(host, log.part[part].from, log.part[part].to);
		for (e = log.part[part].from; e < log.part[part].to; e++) {
			if (e->kind != TW_HOST_REFUSED)
				continue;
			assert_ptr_equal(r, e);
			r = tw_host_refusal(host, r + 1, log.part[part].to);
		}
		assert_ptr_equal(r, log.part[part].to);
	}
}

/* @back: of so many events one is older than the one before it; 0: none. */
static void check_logs(uint32_t back)
{
	int64_t now_ns = 1000;
	struct tw_hosts *h = tw_hosts_new();
	unsigned i;

	assert_non_null(h);
	for (i = 1; i <= 400; i++) {
		now_ns += draw(10);
		note(h, back && draw(back) == 0 ? now_ns - 500 : now_ns, i);
		assert_non_null(server_of(h));
		check_stretch(server_of(h), now_ns - draw(900), now_ns - draw(400));
		check_stretch(server_of(h), INT64_MIN, INT64_MAX);
		check_refusals(server_of(h));
	}
	assert_int_equal(server_of(h)->count, 400);
	assert_int_equal(server_of(h)->unordered, back != 0);
	tw_hosts_free(h);
}

static void logs_in_order(void **state)
{
	check_logs(0);
}

static void logs_of_a_clock_that_goes_back(void **state)
{
	check_logs(30);
}

static void nobody_has_no_events(void **state)
{
	const struct tw_host_log log = tw_host_log_between(NULL, 0, 1);
	unsigned part;

	for (part = 0; part < 3; part++)
		assert_ptr_equal(log.part[part].from, log.part[part].to);
	assert_null(tw_host_refusal(NULL, NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_in_order),
		cmocka_unit_test(logs_of_a_clock_that_goes_back),
		cmocka_unit_test(nobody_has_no_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
