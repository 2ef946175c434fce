/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ladder of data, or of a FIN, that nobody acknowledges (net/ipv4/tcp_timer.c, tcp_output.c).
 *
 *	0        data
 *	probe    the LAST segment again: tcp_schedule_loss_probe(), after two round trips, plus
 *	         tcp_rto_min if only one segment is in flight; the timeout restarts then
 *	+ rto    the FIRST segment again: tcp_retransmit_timer(); then doubling, up to tcp_rto_max
 *	...
 *	end      at an expiry: retransmits_timed_out()
 *
 * tcp_retries2 is no count. retransmits_timed_out() turns it into the time that so many doublings from
 * TCP_RTO_MIN would take (tcp_model_timeout), and its clock starts with the first repeat by timeout, not
 * with the probe. So is it with tcp_orphan_retries once the socket was closed: 0 then means 8, as long
 * as the timeout is below its ceiling (tcp_orphan_retries()). TCP_USER_TIMEOUT replaces that time.
 */
#include "timers/constants.h"
#include "timers/schedule.h"

static int64_t whole_ticks(const struct tw_model *m, int64_t ns)
{
	const int64_t tick_ns = TW_NS_PER_S / m->set.hz;

	return (ns + tick_ns - 1) / tick_ns * tick_ns;
}

int64_t tw_rto_ns(const struct tw_model *m)
{
	const int64_t max_ns = m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;
	const int64_t rto_ns =
		m->socket.rto_ns
			? m->socket.rto_ns
			: whole_ticks(m, m->socket.rtt_ns +
						 m->set.value[TW_SET_RTO_MIN_US] * TW_NS_PER_US);

	return rto_ns < max_ns ? rto_ns : max_ns;
}

static bool probes_tail(const struct tw_model *m)
{
	return m->set.value[TW_SET_EARLY_RETRANS] >= 3 && m->set.value[TW_SET_SACK];
}

/* tcp_schedule_loss_probe() */
static int64_t probe_ns(const struct tw_model *m, unsigned packets)
{
	const int64_t tick_ns = TW_NS_PER_S / m->set.hz, rto_ns = tw_rto_ns(m);
	const int64_t after_ns =
		whole_ticks(m, 2 * m->socket.rtt_ns) +
		(packets == 1 ? whole_ticks(m, m->set.value[TW_SET_RTO_MIN_US] * TW_NS_PER_US)
			      : TW_TCP_TIMEOUT_MIN_TICKS * tick_ns);

	return after_ns < rto_ns ? after_ns : rto_ns;
}

unsigned tw_retries(const struct tw_model *m, enum tw_holder holder, int64_t rto_ns)
{
	const bool below = rto_ns < m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;

	if (holder == TW_HELD)
		return (unsigned)m->set.value[TW_SET_RETRIES2];
	if (!m->set.value[TW_SET_ORPHAN_RETRIES] && below)
		return TW_TCP_ORPHAN_RETRIES;
	return (unsigned)m->set.value[TW_SET_ORPHAN_RETRIES];
}

static void data_origins(struct tw_schedule *l, const struct tw_model *m, enum tw_holder holder)
{
	if (m->socket.user_timeout_ms)
		tw_schedule_option(l, "TCP_USER_TIMEOUT", m->socket.user_timeout_ms, "ms");
	else
		tw_schedule_setting(l, m,
				    holder == TW_ORPHAN ? TW_SET_ORPHAN_RETRIES : TW_SET_RETRIES2);
	tw_schedule_setting(l, m, TW_SET_RTO_MIN_US);
	tw_schedule_setting(l, m, TW_SET_RTO_MAX_MS);
	tw_schedule_setting(l, m, TW_SET_EARLY_RETRANS);
	tw_schedule_rtt(l, m);
	tw_schedule_constant(l, "TCP_RTO_MIN", TW_TCP_RTO_MIN_NS / TW_NS_PER_MS, "ms");
}

void tw_schedule_data(struct tw_schedule *l, const struct tw_model *m, enum tw_holder holder,
		      unsigned packets, const char *first, const char *last)
{
	const int64_t max_ns = m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;
	const int64_t user_ns = m->socket.user_timeout_ms * TW_NS_PER_MS;
	struct tw_moment now = tw_moment_at(0);
	int64_t rto_ns = tw_rto_ns(m), delay_ns = rto_ns, stamp_ns = -1;

	*l = (struct tw_schedule){ .rule = "retransmits_timed_out()" };
	data_origins(l, m, holder);
	if (probes_tail(m)) {
		now = tw_wheel_after(m->set.hz, now, probe_ns(m, packets));
		tw_schedule_step(l, now, last, "tail-loss probe, tcp_send_loss_probe()");
	}
	for (;;) {
		now = tw_wheel_after(m->set.hz, now, delay_ns);
		if (stamp_ns >= 0 &&
		    now.expected_ns - stamp_ns >=
			    (user_ns ? user_ns
				     : tw_model_timeout_ns(m, tw_retries(m, holder, rto_ns),
							   TW_TCP_RTO_MIN_NS)))
			break;
		tw_schedule_step(l, now, first, "tcp_retransmit_timer()");
		if (stamp_ns < 0)
			stamp_ns = now.expected_ns;
		rto_ns = rto_ns < max_ns / 2 ? rto_ns * 2 : max_ns;
		delay_ns = tw_clamped_ns(m, rto_ns, stamp_ns, now.expected_ns);
	}
	l->end = now;
}
