/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When were the SYN|ACKs made, however late they came? Their timestamps tell, once it is known how long a tick is: 1 ms
 * on Linux since 4.13, 1 us where the route asks for it (tcp_usec_ts, since 6.7), before that a jiffy of 1, 3.3, 4 or
 * 10 ms (RFC 7323 s5.4 allows 1 ms to 1 s).
 */
#include "facts/view.h"
#include "timers/constants.h"

#define TICKS_KNOWN 50                  /* so many, ... */
#define TICKS_NS    (10 * TW_NS_PER_MS) /* ... in so long a time, tell its rate */
#define TOGETHER    50 /* so few are less than a SYN's timer by any of these clocks */

/* How long a tick of the server's clock is, by what it says behind its SYN|ACKs; 0: it says too little. */
static int64_t measured_tick_ns(const struct tw_dossier *d)
{
	const struct tw_pkt *first = NULL, *last = NULL, *p;
	int32_t ticks;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || !p->side || p->flags & (TW_SYN | TW_RST) ||
		    !(p->options & TW_OPT_TIMESTAMPS))
			continue;
		first = first ? first : p;
		last = p;
	}
	if (!first || last->time_ns - first->time_ns < TICKS_NS)
		return 0;
	ticks = tw_seq_diff(last->tsval, first->tsval);
	return ticks >= TICKS_KNOWN ? (last->time_ns - first->time_ns) / ticks : 0;
}

/*
 * The same, guessed from the @ticks between two SYN|ACKs, of which the later one came @most_ns after the first SYN: it was
 * not made later than that. SYN|ACKs are made at the same moment, or about a SYN's timer apart.
 */
static int64_t guessed_tick_ns(int32_t ticks, int64_t most_ns)
{
	static const int64_t jiffies[] = { 10 * TW_NS_PER_MS, 4 * TW_NS_PER_MS, TW_NS_PER_S / 300 };
	const int64_t n = ticks < 0 ? -(int64_t)ticks : ticks;
	size_t i;

	if (n * TW_NS_PER_MS > most_ns + most_ns / 8)
		return TW_NS_PER_US;
	for (i = 0; i < sizeof(jiffies) / sizeof(jiffies[0]) && n > TOGETHER; i++)
		if (n * jiffies[i] > TW_TCP_TIMEOUT_INIT_NS * 9 / 10 &&
		    n * jiffies[i] < TW_TCP_TIMEOUT_INIT_NS * 11 / 10 &&
		    n * jiffies[i] < most_ns + most_ns / 8)
			return jiffies[i];
	return TW_NS_PER_MS;
}

void tw_derive_made(struct tw_view *v, const struct tw_pkt *synack, const struct tw_pkt *repeat)
{
	const struct tw_pkt *syn = tw_first_syn(v->d);
	int64_t tick_ns;
	int32_t ticks;

	if (!syn || !(synack->options & repeat->options & TW_OPT_TIMESTAMPS))
		return;
	ticks = (int32_t)(repeat->tsval - synack->tsval);
	tick_ns = measured_tick_ns(v->d);
	if (!tick_ns)
		tick_ns = guessed_tick_ns(ticks, repeat->time_ns - syn->time_ns);
	tw_from(v, TW_F_SYNACK_REPEAT_MADE_NS, ticks * tick_ns, repeat);
}
