/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all ladders share: the timer wheel, and the two rules by which the kernel gives up.
 *
 * The wheel (kernel/time/timer.c) keeps a timer in one of nine levels. Level 0 holds the next 63 ticks, one
 * bucket per tick; each further level reaches eight times as far with buckets eight times as wide. A
 * timer fires at the end of its bucket, so never early and up to an eighth late: 1 s at 250 ticks comes
 * up to 32 ms late, 64 s up to 2 s, two hours of keepalive up to 131 s. Where in its bucket a timer lands
 * depends on the time since boot; half a bucket is what is to be expected.
 */
#include "timers/schedule.h"
#include "base/duration.h"

#include <stdio.h>

#define WHEEL_LEVELS      9
#define WHEEL_LEVEL_SHIFT 3  /* LVL_CLK_SHIFT */
#define WHEEL_FIRST_TICKS 63 /* LVL_SIZE - 1 */

struct tw_moment tw_moment_at(int64_t ns)
{
	return (struct tw_moment){ ns, ns, ns };
}

struct tw_moment tw_wheel_after(unsigned hz, struct tw_moment from, int64_t delay_ns)
{
	const int64_t tick_ns = TW_NS_PER_S / hz;
	const int64_t ticks = (delay_ns + tick_ns - 1) / tick_ns;
	int64_t reach = WHEEL_FIRST_TICKS, width_ns = tick_ns;
	unsigned level;

	for (level = 1; level < WHEEL_LEVELS && ticks >= reach; level++) {
		reach <<= WHEEL_LEVEL_SHIFT;
		width_ns <<= WHEEL_LEVEL_SHIFT;
	}
	return (struct tw_moment){ from.least_ns + ticks * tick_ns,
				   from.expected_ns + ticks * tick_ns + width_ns / 2,
				   from.most_ns + ticks * tick_ns + width_ns };
}

void tw_schedule_step(struct tw_schedule *l, struct tw_moment at, const char *packet,
		      const char *timer)
{
	if (l->count < TW_STEPS_MAX)
		l->step[l->count++] = (struct tw_timed){ at, packet, timer };
}

static void origin(struct tw_schedule *l, const char *name, int64_t value, const char *unit,
		   const char *source)
{
	struct tw_number *n = &l->origin[l->origin_count];

	if (l->origin_count == TW_ORIGINS_MAX)
		return;
	*n = (struct tw_number){ .value = value, .unit = unit, .source = source };
	snprintf(n->name, sizeof(n->name), "%s", name);
	l->origin_count++;
}

void tw_schedule_setting(struct tw_schedule *l, const struct tw_model *m, enum tw_setting_id id)
{
	origin(l, tw_setting_name(&m->set, id), m->set.value[id], tw_setting_table[id].unit,
	       tw_set_from_name(m->set.source[id]));
}

void tw_schedule_option(struct tw_schedule *l, const char *name, int64_t value, const char *unit)
{
	origin(l, name, value, unit, "option");
}

void tw_schedule_rtt(struct tw_schedule *l, const struct tw_model *m)
{
	if (m->socket.rto_ns)
		origin(l, "retransmission timeout", m->socket.rto_ns / TW_NS_PER_US, "us",
		       "this socket");
	origin(l, "round trip", m->socket.rtt_ns / TW_NS_PER_US, "us",
	       !m->socket.rtt_given ? "assumed"
	       : m->socket.living   ? "this socket"
				    : "option");
}

void tw_schedule_constant(struct tw_schedule *l, const char *name, int64_t value, const char *unit)
{
	origin(l, name, value, unit, "constant of the kernel");
}

void tw_schedule_none(struct tw_schedule *l, int64_t after_ns, const char *rule)
{
	*l = (struct tw_schedule){ .end = tw_moment_at(after_ns), .rule = rule };
}

static unsigned floor_log2(int64_t n)
{
	return n > 0 ? 63 - (unsigned)__builtin_clzll((unsigned long long)n) : 0;
}

int64_t tw_model_timeout_ns(const struct tw_model *m, unsigned boundary, int64_t base_ns)
{
	const int64_t max_ns = m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;
	const unsigned doublings = floor_log2(max_ns / base_ns);

	if (boundary <= doublings)
		return ((INT64_C(2) << boundary) - 1) * base_ns;
	return ((INT64_C(2) << doublings) - 1) * base_ns + (boundary - doublings) * max_ns;
}

int64_t tw_clamped_ns(const struct tw_model *m, int64_t delay_ns, int64_t stamp_ns, int64_t now_ns)
{
	const int64_t left_ns = m->socket.user_timeout_ms * TW_NS_PER_MS - (now_ns - stamp_ns);

	if (!m->socket.user_timeout_ms)
		return delay_ns;
	if (left_ns <= 0)
		return TW_NS_PER_S / m->set.hz;
	return left_ns < delay_ns ? left_ns : delay_ns;
}
