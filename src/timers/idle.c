/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ladders of connections with nothing in flight: keepalive, a closed window, FIN_WAIT2, TIME_WAIT, and
 * of the neighbour below them.
 */
#include "timers/constants.h"
#include "timers/schedule.h"

/* Steps of a ladder without an end that are worth showing: up to the ceiling, and two at it. */
#define ENDLESS_STEPS 14

/*
 * tcp_keepalive_timer(): a probe after the idle time, then one per interval. With TCP_USER_TIMEOUT the
 * count does not matter: the first expiry after that time, with a probe sent, ends it.
 */
static void keepalive_origins(struct tw_schedule *l, const struct tw_model *m)
{
	const struct tw_sockopts *s = &m->socket;

	if (s->keep_idle_s)
		tw_schedule_option(l, "TCP_KEEPIDLE", s->keep_idle_s, "s");
	else
		tw_schedule_setting(l, m, TW_SET_KEEPALIVE_TIME);
	if (s->keep_intvl_s)
		tw_schedule_option(l, "TCP_KEEPINTVL", s->keep_intvl_s, "s");
	else
		tw_schedule_setting(l, m, TW_SET_KEEPALIVE_INTVL);
	if (s->user_timeout_ms)
		tw_schedule_option(l, "TCP_USER_TIMEOUT", s->user_timeout_ms, "ms");
	else if (s->keep_count)
		tw_schedule_option(l, "TCP_KEEPCNT", s->keep_count, "");
	else
		tw_schedule_setting(l, m, TW_SET_KEEPALIVE_PROBES);
}

void tw_schedule_keepalive(struct tw_schedule *l, const struct tw_model *m)
{
	const struct tw_sockopts *s = &m->socket;
	const int64_t *set = m->set.value, user_ns = s->user_timeout_ms * TW_NS_PER_MS;
	const int64_t idle_s = s->keep_idle_s ? s->keep_idle_s : set[TW_SET_KEEPALIVE_TIME];
	const int64_t intvl_s = s->keep_intvl_s ? s->keep_intvl_s : set[TW_SET_KEEPALIVE_INTVL];
	const int64_t count = s->keep_count ? s->keep_count : set[TW_SET_KEEPALIVE_PROBES];
	struct tw_moment now = tw_moment_at(0);
	int64_t sent = 0;

	*l = (struct tw_schedule){ .rule = "tcp_keepalive_timer()", .for_ever = !s->keepalive };
	if (!s->keepalive)
		return;
	keepalive_origins(l, m);
	now = tw_wheel_after(m->set.hz, now, idle_s * TW_NS_PER_S);
	/* What it does beyond the room for steps would be more of the same. */
	while (l->count < TW_STEPS_MAX &&
	       !(user_ns ? sent && now.expected_ns >= user_ns : sent >= count)) {
		tw_schedule_step(l, now, "keepalive probe", "tcp_keepalive_timer()");
		sent++;
		now = tw_wheel_after(m->set.hz, now, intvl_s * TW_NS_PER_S);
	}
	l->end = now;
	l->for_ever = l->count == TW_STEPS_MAX;
}

/*
 * tcp_probe_timer(), tcp_probe0_when(): a probe after the retransmission timeout, then doubling up to
 * tcp_rto_max. Answers keep it alive for ever; without them tcp_retries2 is a count here, not a time, and so is
 * tcp_orphan_retries once the socket was closed. Then answers do not help for ever, either: once the wait is at its
 * ceiling, so many doublings end it (none, by default). TCP_USER_TIMEOUT ends even what is answered: its clock
 * starts with the first expiry.
 */
struct probing {
	int64_t base_ns, wait_ns, stamp_ns;
	int64_t backoff, unanswered;
};

static void persist_origins(struct tw_schedule *l, const struct tw_model *m, enum tw_holder holder,
			    bool answered)
{
	tw_schedule_setting(l, m, TW_SET_RTO_MIN_US);
	tw_schedule_setting(l, m, TW_SET_RTO_MAX_MS);
	if (m->socket.user_timeout_ms)
		tw_schedule_option(l, "TCP_USER_TIMEOUT", m->socket.user_timeout_ms, "ms");
	if (holder == TW_ORPHAN)
		tw_schedule_setting(l, m, TW_SET_ORPHAN_RETRIES);
	else if (!answered)
		tw_schedule_setting(l, m, TW_SET_RETRIES2);
	tw_schedule_rtt(l, m);
}

static int64_t doubled(const struct tw_model *m, int64_t wait_ns)
{
	const int64_t max_ns = m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;

	return wait_ns < max_ns / 2 ? wait_ns * 2 : max_ns;
}

/* It has just closed, or stands at @on: then the clock began with the first expiry, as many doublings ago. */
static void begin(struct probing *p, const struct tw_model *m, const struct tw_probing *on)
{
	const int64_t rto_ns = tw_rto_ns(m);
	unsigned i;

	*p = (struct probing){ .wait_ns = rto_ns < TW_TCP_RTO_MIN_NS ? TW_TCP_RTO_MIN_NS : rto_ns };
	p->stamp_ns = -1;
	p->base_ns = p->wait_ns;
	if (!on)
		return;
	p->backoff = on->backoff;
	p->unanswered = on->unanswered;
	if (on->backoff)
		p->stamp_ns = on->due_ns;
	for (i = 0; i < on->backoff; i++) {
		p->wait_ns = doubled(m, p->wait_ns);
		p->stamp_ns -= p->wait_ns;
	}
	p->base_ns = on->due_ns;
}

static bool gives_up(const struct probing *p, const struct tw_model *m, enum tw_holder holder,
		     int64_t now_ns)
{
	const int64_t user_ns = m->socket.user_timeout_ms * TW_NS_PER_MS;
	const int64_t most = tw_retries(m, holder, p->wait_ns);
	const bool alive = p->wait_ns < m->set.value[TW_SET_RTO_MAX_MS] * TW_NS_PER_MS;

	if (user_ns && p->backoff && now_ns - p->stamp_ns >= user_ns)
		return true;
	return p->unanswered >= most || (holder == TW_ORPHAN && !alive && p->backoff >= most);
}

void tw_schedule_persist(struct tw_schedule *l, const struct tw_model *m, enum tw_holder holder,
			 bool answered, const struct tw_probing *on)
{
	struct tw_moment now;
	struct probing p;

	begin(&p, m, on);
	*l = (struct tw_schedule){ .rule = "tcp_probe_timer()" };
	l->for_ever = answered && !m->socket.user_timeout_ms && holder == TW_HELD;
	persist_origins(l, m, holder, answered);
	now = tw_wheel_after(m->set.hz, tw_moment_at(0), p.base_ns);
	while (l->count < TW_STEPS_MAX && !(l->for_ever && l->count == ENDLESS_STEPS)) {
		if (gives_up(&p, m, holder, now.expected_ns))
			break;
		if (!p.backoff)
			p.stamp_ns = now.expected_ns;
		tw_schedule_step(l, now, "window probe", "tcp_probe_timer()");
		p.unanswered += !answered;
		if (p.backoff < m->set.value[TW_SET_RETRIES2]) {
			p.backoff++;
			p.wait_ns = doubled(m, p.wait_ns);
		}
		now = tw_wheel_after(m->set.hz, now,
				     tw_clamped_ns(m, p.wait_ns, p.stamp_ns, now.expected_ns));
	}
	l->end = now;
	l->for_ever |= l->count == TW_STEPS_MAX;
}

/* tcp_fin_time(): not less than three and a half timeouts. */
void tw_schedule_fin_wait2(struct tw_schedule *l, const struct tw_model *m)
{
	const int64_t set_ns = m->set.value[TW_SET_FIN_TIMEOUT] * TW_NS_PER_S;
	const int64_t least_ns = tw_rto_ns(m) * 7 / 2;

	*l = (struct tw_schedule){ .rule = "tcp_fin_time()" };
	tw_schedule_setting(l, m, TW_SET_FIN_TIMEOUT);
	l->end = tw_wheel_after(m->set.hz, tw_moment_at(0), set_ns > least_ns ? set_ns : least_ns);
}

void tw_schedule_time_wait(struct tw_schedule *l, const struct tw_model *m)
{
	*l = (struct tw_schedule){ .rule = "tcp_time_wait()" };
	tw_schedule_constant(l, "TCP_TIMEWAIT_LEN", TW_TCP_TIMEWAIT_LEN_S, "s");
	l->end = tw_wheel_after(m->set.hz, tw_moment_at(0), TW_TCP_TIMEWAIT_LEN_S * TW_NS_PER_S);
}

/* neigh_timer_handler() of net/core/neighbour.c: not sooner than HZ / 100 */
void tw_schedule_neighbour(struct tw_schedule *l, const struct tw_model *m)
{
	const int64_t least_ns = m->set.hz / 100 * (TW_NS_PER_S / m->set.hz);
	const int64_t set_ns = m->set.value[TW_SET_NEIGH_RETRANS_MS] * TW_NS_PER_MS;
	const int64_t wait_ns = set_ns > least_ns ? set_ns : least_ns;
	struct tw_moment now = tw_moment_at(0);
	int64_t i;

	*l = (struct tw_schedule){ .rule = "neigh_timer_handler()" };
	tw_schedule_setting(l, m, TW_SET_NEIGH_SOLICIT);
	tw_schedule_setting(l, m, TW_SET_NEIGH_RETRANS_MS);
	for (i = 0; i < m->set.value[TW_SET_NEIGH_SOLICIT] && i < TW_STEPS_MAX; i++) {
		tw_schedule_step(l, now, "ARP or ND request", i ? "neigh_timer_handler()" : NULL);
		now = tw_wheel_after(m->set.hz, now, wait_ns);
	}
	l->end = now;
}
