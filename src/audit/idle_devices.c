/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: which devices of the table of idle timeouts forget a connection before its first keepalive probe.
 * Only those that drop or reset (shapes A, B, C): a server that closes an idle connection means it.
 */
#include "audit/idle_devices.h"
#include "phenomena/idle_table.h"

#include <string.h>

/* Timeouts of the table; if fewer are shorter, who chose it may know that no such device is there. */
#define MANY 3

static bool forgets(const struct tw_idle_table *table, const struct tw_idle_entry *e)
{
	return (!e->from_memory || tw_idle_is_users(table, e)) && strpbrk(e->shapes, "ABC") != NULL;
}

/* The entry with the next larger timeout after @last, the first of its kind in the table. */
static const struct tw_idle_entry *next_slower(const struct tw_idle_table *table, int64_t last_s,
					       int64_t most_s)
{
	const struct tw_idle_entry *best = NULL, *e;

	for (e = tw_idle_next(table, NULL); e; e = tw_idle_next(table, e))
		if (forgets(table, e) && e->seconds > last_s && e->seconds <= most_s &&
		    (!best || e->seconds < best->seconds))
			best = e;
	return best;
}

unsigned tw_idle_devices_within(const struct tw_idle_table *table, int64_t seconds)
{
	const struct tw_idle_entry *e;
	unsigned count = 0;

	for (e = next_slower(table, 0, seconds); e; e = next_slower(table, e->seconds, seconds))
		count++;
	return count;
}

bool tw_idle_devices_sure(const struct tw_idle_table *table, int64_t seconds)
{
	const struct tw_idle_entry *e;
	bool users = false;

	for (e = tw_idle_next(table, NULL); e && tw_idle_is_users(table, e);
	     e = tw_idle_next(table, e))
		users = users || (forgets(table, e) && e->seconds <= seconds);
	return users || tw_idle_devices_within(table, seconds) >= MANY;
}

const char *tw_idle_devices_text(struct tw_concern *c, const struct tw_idle_table *table,
				 int64_t seconds)
{
	const struct tw_idle_entry *e = next_slower(table, 0, seconds);
	const char *text = "";
	unsigned shown;

	for (shown = 0; e && shown < 2; shown++) {
		text = tw_arena_printf(c->arena, "%s%s%lld s: %s", text, shown ? "; " : "",
				       (long long)e->seconds, e->product);
		e = next_slower(table, e->seconds, seconds);
	}
	return text;
}

int64_t tw_idle_devices_least_s(const struct tw_idle_table *table)
{
	const struct tw_idle_entry *e = next_slower(table, 0, INT64_MAX);

	return e ? e->seconds : 0;
}
