/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_ORDER_H
#define TW_CONNECTION_ORDER_H

#include "base/duration.h"
#include "connection/dossier.h"

#include <stdint.h>

/* A capture may hold packets in another order than they were sent in, so far apart (several queues, an ACK before its data). */
#define TW_SWAPPED_NS TW_NS_PER_MS

/* What an end had reached when the clock went back. */
struct tw_order_mark {
	bool ts_set, next_set, ack_set;
	uint32_t tsval, next, ack;
};

struct tw_order {
	struct tw_order_mark reached[2], at_step[2];
	int64_t prev_ns;
	int64_t step_ns; /* farthest that a record is behind the latest one before it */
	uint64_t stale,
		fresh; /* records behind the step that were surely sent before it, after it */
};

/* Is the record @time_ns, which comes after one of @latest_ns, out of the order of time? */
bool tw_order_behind(int64_t time_ns, int64_t latest_ns);

/* The next record, of those that count; @latest_ns: the latest time before it. */
void tw_order_note(struct tw_order *o, const struct tw_pkt *p, int64_t latest_ns);

/* Do the records stand in an order that nobody sent them in, as far as can be told? */
bool tw_order_mixed(const struct tw_order *o);

#endif
