/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ladders of the handshake.
 *
 * A SYN (tcp_connect, tcp_retransmit_timer, tcp_write_timeout of net/ipv4/tcp_timer.c): the timeout begins
 * at 1 s and stays there for tcp_syn_linear_timeouts repeats, then it doubles. At each expiry the
 * kernel gives up if as many repeats as tcp_syn_retries and the linear ones together have been sent,
 * or if the time that tcp_syn_retries doublings take is over; that clock starts with the first SYN.
 * With TCP_USER_TIMEOUT its time stands in place of the latter, and the timer is cut to it.
 *
 * A SYN|ACK (reqsk_timer_handler of net/ipv4/inet_connection_sock.c): 1 s, doubling; freed without
 * a word at the expiry after the last repeat.
 */
#include "timers/constants.h"
#include "timers/schedule.h"

static bool syn_expired(const struct tw_model *m, int64_t retries, int64_t sent, int64_t elapsed_ns)
{
	const int64_t user_ns = m->socket.user_timeout_ms * TW_NS_PER_MS;

	if (sent >= retries + m->set.value[TW_SET_SYN_LINEAR])
		return true;
	return sent && elapsed_ns >= (user_ns ? user_ns
					      : tw_model_timeout_ns(m, (unsigned)retries,
								    TW_TCP_TIMEOUT_INIT_NS));
}

static void connect_origins(struct tw_schedule *l, const struct tw_model *m)
{
	if (m->socket.syncnt)
		tw_schedule_option(l, "TCP_SYNCNT", m->socket.syncnt, "");
	else
		tw_schedule_setting(l, m, TW_SET_SYN_RETRIES);
	tw_schedule_setting(l, m, TW_SET_SYN_LINEAR);
	tw_schedule_setting(l, m, TW_SET_RTO_MAX_MS);
	if (m->socket.user_timeout_ms)
		tw_schedule_option(l, "TCP_USER_TIMEOUT", m->socket.user_timeout_ms, "ms");
	tw_schedule_constant(l, "TCP_TIMEOUT_INIT", TW_TCP_TIMEOUT_INIT_NS / TW_NS_PER_S, "s");
}

void tw_schedule_connect(struct tw_schedule *l, const struct tw_model *m)
{
	const int64_t retries =
		m->socket.syncnt ? m->socket.syncnt : m->set.value[TW_SET_SYN_RETRIES];
	const int64_t max_ns = m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;
	struct tw_moment now = tw_moment_at(0);
	int64_t rto_ns = TW_TCP_TIMEOUT_INIT_NS, delay_ns = rto_ns, sent = 0;

	*l = (struct tw_schedule){ .rule = "tcp_write_timeout()" };
	connect_origins(l, m);
	tw_schedule_step(l, now, "SYN", NULL);
	for (;;) {
		now = tw_wheel_after(m->set.hz, now, delay_ns);
		if (syn_expired(m, retries, sent, now.expected_ns))
			break;
		tw_schedule_step(l, now, "SYN again", "tcp_retransmit_timer()");
		sent++;
		if (sent > m->set.value[TW_SET_SYN_LINEAR])
			rto_ns = rto_ns < max_ns / 2 ? rto_ns * 2 : max_ns;
		delay_ns = tw_clamped_ns(m, rto_ns, 0, now.expected_ns);
	}
	l->end = now;
}

void tw_schedule_synack(struct tw_schedule *l, const struct tw_model *m)
{
	const int64_t max_ns = m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;
	struct tw_moment now = tw_moment_at(0);
	int64_t timeout_ns = TW_TCP_TIMEOUT_INIT_NS, sent;

	*l = (struct tw_schedule){ .rule = "reqsk_timer_handler()" };
	tw_schedule_setting(l, m, TW_SET_SYNACK_RETRIES);
	tw_schedule_constant(l, "TCP_TIMEOUT_INIT", TW_TCP_TIMEOUT_INIT_NS / TW_NS_PER_S, "s");
	tw_schedule_step(l, now, "SYN|ACK", NULL);
	for (sent = 0;; sent++) {
		now = tw_wheel_after(m->set.hz, now, timeout_ns);
		if (sent >= m->set.value[TW_SET_SYNACK_RETRIES])
			break;
		tw_schedule_step(l, now, "SYN|ACK again", "reqsk_timer_handler()");
		timeout_ns = timeout_ns < max_ns / 2 ? timeout_ns * 2 : max_ns;
	}
	l->end = now;
}
