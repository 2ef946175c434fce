/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the times that remarks name, from the timer model: this host's settings, a short path, no options; of a
 * living socket with its own.
 */
#include "audit/check.h"

#include <stdlib.h>

#define RTT_NS TW_NS_PER_MS /* as `predict` assumes */

typedef void (*schedule_fn)(struct tw_schedule *l, const struct tw_model *m);

static void data(struct tw_schedule *l, const struct tw_model *m)
{
	tw_schedule_data(l, m, TW_HELD, 1, "data", "data");
}

/* A window that stays closed; the peer lives. */
static void window(struct tw_schedule *l, const struct tw_model *m)
{
	tw_schedule_persist(l, m, TW_HELD, true, NULL);
}

/* A schedule is too large for the stack. 0 when memory is out: then no time is named. -1: for ever. */
static int64_t end_with(const struct tw_model *m, schedule_fn make)
{
	struct tw_schedule *l = calloc(1, sizeof(*l));
	int64_t end_ns = 0;

	if (l) {
		make(l, m);
		end_ns = l->for_ever ? -1 : l->end.expected_ns;
	}
	free(l);
	return end_ns;
}

static int64_t end_of(const struct tw_audit_frame *f, schedule_fn make)
{
	const struct tw_model m = { .set = f->host->timers, .socket = { .rtt_ns = RTT_NS } };

	return end_with(&m, make);
}

/* Only what it has set makes a difference worth computing, of many sockets. */
static int64_t end_of_socket(const struct tw_audit_frame *f, const struct tw_living *s,
			     schedule_fn make, int64_t usual_ns)
{
	const struct tw_sockopts *o = tw_options_of(f, s);
	struct tw_model m = { .set = f->host->timers };

	if (!o || !o->user_timeout_ms)
		return usual_ns;
	m.socket = *o;
	return end_with(&m, make);
}

int64_t tw_expect_data_ns(const struct tw_audit_frame *f)
{
	return end_of(f, data);
}

int64_t tw_expect_data_of_ns(const struct tw_audit_frame *f, const struct tw_living *s,
			     int64_t usual_ns)
{
	return end_of_socket(f, s, data, usual_ns);
}

int64_t tw_expect_window_of_ns(const struct tw_audit_frame *f, const struct tw_living *s)
{
	return end_of_socket(f, s, window, -1);
}

int64_t tw_expect_connect_ns(const struct tw_audit_frame *f)
{
	return end_of(f, tw_schedule_connect);
}

int64_t tw_expect_request_ns(const struct tw_audit_frame *f)
{
	return end_of(f, tw_schedule_synack);
}

int64_t tw_expect_time_wait_ns(const struct tw_audit_frame *f)
{
	return end_of(f, tw_schedule_time_wait);
}

int64_t tw_expect_rto_ns(const struct tw_audit_frame *f)
{
	const struct tw_model m = { .set = f->host->timers, .socket = { .rtt_ns = RTT_NS } };

	return tw_rto_ns(&m);
}
