/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: asking every check, and the order of what they say: by severity, then by how many it is about, then
 * as the manual has them.
 */
#include "audit/audit.h"
#include "audit/idle_devices.h"

#include <errno.h>
#include <stdlib.h>

#define STUCK_NS (60 * TW_NS_PER_S)

#define CHECK(symbol) extern const struct tw_check tw_check_##symbol;
#include "audit/checks.def"
#undef CHECK

#define CHECK(symbol) &tw_check_##symbol,
const struct tw_check *const tw_checks[] = {
#include "audit/checks.def"
};
#undef CHECK
const unsigned tw_check_count = sizeof(tw_checks) / sizeof(tw_checks[0]);

const char *tw_severity_name(enum tw_severity s)
{
	static const char *const names[TW_SEVERITY__N] = { "none", "note", "risk", "harm" };

	return names[s];
}

static bool is_worse(const struct tw_concern *a, const struct tw_concern *b)
{
	return a->severity != b->severity ? a->severity > b->severity : a->count > b->count;
}

/* Insertion keeps the manual's order among equals, and there are few. */
static void put_worst_first(struct tw_concern *list, unsigned count)
{
	unsigned i, at;

	for (i = 1; i < count; i++) {
		const struct tw_concern moved = list[i];

		for (at = i; at > 0 && is_worse(&moved, &list[at - 1]); at--)
			list[at] = list[at - 1];
		list[at] = moved;
	}
}

static size_t open_connections(const struct tw_host *h)
{
	size_t i, count = 0;

	for (i = 0; i < h->sockets.count; i++)
		count += h->sockets.socket[i].state == TW_SOCKET_ESTABLISHED;
	return count;
}

int tw_audit_run(struct tw_audit *a, const struct tw_host *h, const struct tw_idle_table *table,
		 int64_t idle_ns)
{
	const struct tw_audit_frame frame = {
		.host = h,
		.idle_table = table,
		.idle_ns = idle_ns ? idle_ns : tw_idle_devices_least_s(table) * TW_NS_PER_S,
		.stuck_ns = idle_ns ? idle_ns : STUCK_NS,
		.open = open_connections(h),
	};
	unsigned i;

	*a = (struct tw_audit){ .host = h };
	tw_arena_init(&a->arena);
	a->concern = calloc(tw_check_count, sizeof(*a->concern));
	if (!a->concern)
		return -ENOMEM;
	for (i = 0; i < tw_check_count; i++) {
		struct tw_concern *c = &a->concern[a->count];

		if ((tw_checks[i]->needs & h->parts) != tw_checks[i]->needs)
			continue;
		a->looked++;
		*c = (struct tw_concern){ .check = tw_checks[i],
					  .set = tw_checks[i]->set,
					  .arena = &a->arena };
		tw_checks[i]->look(c, &frame);
		tw_concern_finish(c);
		a->by_severity[c->severity]++;
		a->count += c->severity != TW_SEVERITY_NONE;
	}
	put_worst_first(a->concern, a->count);
	return 0;
}

void tw_audit_free(struct tw_audit *a)
{
	free(a->concern);
	tw_arena_free(&a->arena);
	*a = (struct tw_audit){ 0 };
}
