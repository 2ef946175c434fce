/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what a capture is measured by, taken from the schedules: gaps between SYNs, how often and how long a
 * FIN is repeated, how long a request, FIN_WAIT2 and a question for a neighbour last.
 *
 * Theory: a capture does not tell the settings of the hosts in it. So it is the defaults that count, on a
 * path of no length: whatever is shorter than this did not come from such a host's timer.
 */
#include "timers/usual.h"

#include <threads.h>

#define MANY_RETRIES 32 /* so that the gaps reach their ceiling */

static void syn_gaps(int64_t out[TW_USUAL_GAPS], struct tw_model m)
{
	struct tw_schedule l;
	unsigned i;

	m.set.value[TW_SET_SYN_RETRIES] = MANY_RETRIES;
	tw_schedule_connect(&l, &m);
	for (i = 0; i < TW_USUAL_GAPS; i++)
		out[i] = l.step[i + 1].at.least_ns - l.step[i].at.least_ns;
}

static unsigned syns(const struct tw_model *m)
{
	struct tw_schedule l;

	tw_schedule_connect(&l, m);
	return l.count;
}

void tw_usual_of(struct tw_usual *out, const struct tw_model *m)
{
	struct tw_model doubling = *m, plain = *m;
	struct tw_schedule l;

	doubling.set.value[TW_SET_SYN_LINEAR] = 0;
	syn_gaps(out->syn_gap_flat_ns, *m);
	syn_gaps(out->syn_gap_doubling_ns, doubling);
	out->syns_flat = syns(m);
	out->syns_doubling = syns(&doubling);
	tw_schedule_synack(&l, m);
	out->request_life_ns = l.end.least_ns;
	plain.set.value[TW_SET_EARLY_RETRANS] = 0;
	tw_schedule_data(&l, &plain, TW_ORPHAN, 1, "FIN again", "FIN again");
	out->orphan_fins = l.count + 1;
	out->orphan_last_ns = l.count ? l.step[l.count - 1].at.least_ns : 0;
	tw_schedule_data(&l, m, TW_ORPHAN, 1, "FIN again", "FIN again");
	out->orphan_most_ns = l.end.most_ns;
	tw_schedule_fin_wait2(&l, m);
	out->fin_wait2_ns = l.end.least_ns;
	tw_schedule_neighbour(&l, m);
	out->neighbour_asks = l.count;
	out->neighbour_ns = l.end.least_ns;
}

static struct tw_usual usual;
static once_flag computed = ONCE_FLAG_INIT;

static void compute(void)
{
	struct tw_model m = { 0 };

	tw_settings_defaults(&m.set);
	tw_usual_of(&usual, &m);
}

const struct tw_usual *tw_usual(void)
{
	call_once(&computed, compute);
	return &usual;
}
