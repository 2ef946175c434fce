/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the predictions of several phenomena share: how the calls of an application end when the other
 * end is silent. Which error a call gives is measured, see the pages of the phenomena.
 */
#include "phenomena/prediction.h"
#include "timers/constants.h"

void tw_predict_saw(struct tw_prediction *p, const char *call, const char *error,
		    struct tw_moment after, const char *text)
{
	if (p->seen_count < TW_SEEN_MAX)
		p->seen[p->seen_count++] = (struct tw_seen){ call, error, after, text };
}

void tw_predict_stand(struct tw_prediction *p, struct tw_moment at, const char *here,
		      const char *there)
{
	if (p->stand_count < TW_STANDS_MAX)
		p->stand[p->stand_count++] = (struct tw_stand){ at, here, there };
}

void tw_predict_stand_until_end(struct tw_prediction *p, const char *here, const char *there)
{
	tw_predict_stand(p, tw_moment_at(0), here, there);
	if (!p->ladder.for_ever)
		tw_predict_stand(p, p->ladder.end, "CLOSE", there);
}

struct tw_moment tw_predict_first_repeat(const struct tw_prediction *p)
{
	unsigned i;

	for (i = 0; i < p->ladder.count; i++)
		if (p->ladder.step[i].timer)
			return p->ladder.step[i].at;
	return p->ladder.end;
}

struct tw_moment tw_predict_time_wait_over(const struct tw_model *m, struct tw_moment from)
{
	return tw_wheel_after(m->set.hz, from, TW_TCP_TIMEWAIT_LEN_S * TW_NS_PER_S);
}

void tw_predict_hangs(struct tw_prediction *p, const char *call, const char *text)
{
	tw_predict_saw(p, call, NULL, tw_moment_at(0), text);
}

/* A blocking connect() that ends with @error at @end, or sooner by SO_SNDTIMEO. */
static void blocking_connect(struct tw_prediction *p, const struct tw_model *m, const char *error,
			     struct tw_moment end)
{
	const int64_t own_ns = m->socket.sndtimeo_ns;

	if (own_ns && own_ns < end.expected_ns)
		tw_predict_saw(p, "connect(), blocking", "EINPROGRESS", tw_moment_at(own_ns),
			       "SO_SNDTIMEO ends the call, not the attempt: the SYNs go on until "
			       "the socket is closed.");
	else
		tw_predict_saw(p, "connect(), blocking", error, end, NULL);
}

void tw_predict_silent_connect(struct tw_prediction *p, const struct tw_model *m)
{
	p->begins = "connect() sends the SYN";
	tw_schedule_connect(&p->ladder, m);
	tw_predict_stand_until_end(p, "SYN_SENT", NULL);
	blocking_connect(p, m, "ETIMEDOUT", p->ladder.end);
	tw_predict_saw(p, "connect(), non-blocking", "EINPROGRESS", tw_moment_at(0), NULL);
	tw_predict_saw(p, "poll(), then SO_ERROR", "ETIMEDOUT", p->ladder.end, NULL);
}

void tw_predict_refused(struct tw_prediction *p, const struct tw_model *m, const char *error)
{
	const struct tw_moment answer = tw_moment_at(m->socket.rtt_ns);

	p->begins = "connect() sends the SYN";
	tw_schedule_none(&p->ladder, m->socket.rtt_ns, NULL);
	tw_schedule_step(&p->ladder, tw_moment_at(0), "SYN", NULL);
	tw_schedule_rtt(&p->ladder, m);
	tw_predict_stand_until_end(p, "SYN_SENT", NULL);
	tw_predict_saw(p, "connect(), blocking", error, answer, NULL);
	tw_predict_saw(p, "connect(), non-blocking", "EINPROGRESS", tw_moment_at(0), NULL);
	tw_predict_saw(p, "poll(), then SO_ERROR", error, answer, NULL);
}

void tw_predict_late_connect(struct tw_prediction *p, const struct tw_model *m)
{
	struct tw_moment up;

	p->begins = "connect() sends the SYN";
	tw_schedule_connect(&p->ladder, m);
	up = p->ladder.count > 1 ? p->ladder.step[1].at : p->ladder.end;
	up.least_ns += m->socket.rtt_ns;
	up.expected_ns += m->socket.rtt_ns;
	up.most_ns += m->socket.rtt_ns;
	if (p->ladder.count > 1) {
		tw_predict_stand(p, tw_moment_at(0), "SYN_SENT", NULL);
		tw_predict_stand(p, p->ladder.step[1].at, "SYN_SENT", "SYN_RECV");
		tw_predict_stand(p, up, "ESTABLISHED", "ESTABLISHED");
	} else {
		tw_predict_stand_until_end(p, "SYN_SENT", NULL);
	}
	blocking_connect(p, m, p->ladder.count > 1 ? "ok" : "ETIMEDOUT", up);
	tw_predict_saw(p, "connect(), non-blocking", "EINPROGRESS", tw_moment_at(0), NULL);
	tw_predict_saw(p, "poll(), then SO_ERROR", p->ladder.count > 1 ? "ok" : "ETIMEDOUT", up,
		       NULL);
	p->note =
		"If further copies are lost too, connect() succeeds one round trip after the first "
		"step of this ladder that gets through.";
}

/* An end with nothing in flight that only waits. */
static void idle_reader(struct tw_prediction *p, const struct tw_model *m)
{
	struct tw_schedule probes;

	tw_schedule_keepalive(&probes, m);
	if (!m->socket.keepalive)
		tw_predict_hangs(p, "recv(), nothing in flight",
				 "An end that has nothing to send never notices: no timer runs. "
				 "SO_KEEPALIVE would give it one.");
	else if (probes.for_ever)
		tw_predict_hangs(p, "recv(), nothing in flight", NULL);
	else
		tw_predict_saw(p, "recv(), nothing in flight", "ETIMEDOUT", probes.end,
			       "Keepalive finds it, counted from the last packet that came.");
}

void tw_predict_silent_peer(struct tw_prediction *p, const struct tw_model *m)
{
	const int64_t recv_ns = m->socket.rcvtimeo_ns, send_ns = m->socket.sndtimeo_ns;
	const struct tw_moment end = p->ladder.end;

	tw_predict_stand_until_end(p, "ESTABLISHED", TW_THERE_UNKNOWN);
	if (recv_ns && recv_ns < end.expected_ns)
		tw_predict_saw(p, "recv(), data in flight", "EAGAIN", tw_moment_at(recv_ns),
			       "SO_RCVTIMEO ends the call, not the connection.");
	else
		tw_predict_saw(p, "recv(), data in flight", "ETIMEDOUT", end, NULL);
	if (send_ns && send_ns < end.expected_ns)
		tw_predict_saw(p, "send(), buffer full", "EAGAIN", tw_moment_at(send_ns),
			       "SO_SNDTIMEO ends the call, not the connection; if part of the data "
			       "was taken, its count comes first.");
	else
		tw_predict_saw(p, "send(), buffer full", "ETIMEDOUT", end,
			       "Until the send buffer is full, send() succeeds at once.");
	tw_predict_saw(p, "recv() or send(), non-blocking", "EAGAIN", tw_moment_at(0), NULL);
	tw_predict_saw(p, "poll(), then SO_ERROR", "ETIMEDOUT", end, NULL);
	idle_reader(p, m);
}

void tw_predict_repeated_fin(struct tw_prediction *p, const struct tw_model *m)
{
	const struct tw_moment again = p->ladder.count ? p->ladder.step[0].at : p->ladder.end;

	tw_predict_saw(p, NULL, "ok", again,
		       "The first repeat heals it; close() has returned at once before.");
	p->note = "If data is in flight before the FIN, the probe comes after two round trips and "
		  "a few "
		  "milliseconds instead.";
}
