/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns: the times that remarks name, from the timer model: this host's settings, a short path, no options. */
#include "audit/check.h"

#include <stdlib.h>

#define RTT_NS TW_NS_PER_MS /* as `predict` assumes */

typedef void (*schedule_fn)(struct tw_schedule *l, const struct tw_model *m);

static void data(struct tw_schedule *l, const struct tw_model *m)
{
	tw_schedule_data(l, m, TW_HELD, 1, "data", "data");
}

/* A schedule is too large for the stack. 0 when memory is out: then no time is named. */
static int64_t end_of(const struct tw_audit_frame *f, schedule_fn make)
{
	struct tw_schedule *l = calloc(1, sizeof(*l));
	const struct tw_model m = { .set = f->host->timers, .socket = { .rtt_ns = RTT_NS } };
	int64_t end_ns = 0;

	if (l) {
		make(l, &m);
		end_ns = l->end.expected_ns;
	}
	free(l);
	return end_ns;
}

int64_t tw_expect_data_ns(const struct tw_audit_frame *f)
{
	return end_of(f, data);
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
