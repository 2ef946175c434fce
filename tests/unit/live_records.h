/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_LIVE_RECORDS_H
#define TW_TESTS_LIVE_RECORDS_H

/* Made-up records of the kernel, gathered and judged. After cmocka.h. */

#include "kernel/gather.h"

#include <string.h>

#define MS 1000000LL

static const struct tw_kernel_names names = {
	/* Numbers that no kernel has: only the names may count. */
	.reset = { [40] = "NO_SOCKET",
		   [41] = "TCP_STATE",
		   [42] = "TCP_ABORT_ON_CLOSE",
		   [43] = "TCP_ABORT_ON_MEMORY",
		   [44] = "TCP_KEEPALIVE_TIMEOUT" },
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

static inline struct tw_gather *gather(struct seen *seen, unsigned connections_max)
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
static inline struct tw_record server_record(enum tw_record_kind kind, int64_t time_ns)
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

#endif
