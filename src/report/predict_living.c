/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Predictions for connections that live now: how long each would not notice that its peer is gone,
 *
 *      with data in flight    the ladder of retransmissions, or TCP_USER_TIMEOUT
 *      idle                   keepalive, or never
 *      in connect()           the ladder of SYNs
 *
 * each counted from the first packet that nobody answers (idle: from the last that came), not from now.
 */
#include "report/predict.h"

#include "base/duration.h"
#include "packet/tuple.h"
#include "report/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct silence {
	struct tw_schedule busy, idle; /* of SYN_SENT only @busy */
};

static struct silence *predict(const struct tw_predict_socket *one, const struct tw_model *m)
{
	struct silence *s = calloc(1, sizeof(*s));
	struct tw_model own = { .set = m->set, .socket = one->options };

	if (!s)
		return NULL;
	if (one->socket.state == TW_SOCKET_SYN_SENT) {
		tw_schedule_connect(&s->busy, &own);
		return s;
	}
	tw_schedule_data(&s->busy, &own, TW_HELD, 1, "data again", "data again");
	tw_schedule_keepalive(&s->idle, &own);
	return s;
}

static void put_when(struct tw_pen *p, const struct tw_schedule *l, const char *never)
{
	if (l->for_ever)
		tw_pen_wrap(p, 2, TW_ROLE_BAD, " %s", never);
	else
		tw_pen_wrap(p, 2, TW_ROLE_STRONG, " after %s", TW_DUR(l->end.expected_ns));
}

static void put_options(struct tw_pen *p, const struct tw_predict_socket *one)
{
	const struct tw_sockopts *o = &one->options;

	if (o->rtt_given)
		tw_pen_wrap(p, 2, TW_ROLE_FAINT, "Round trip %s", TW_DUR(o->rtt_ns));
	else
		tw_pen_wrap(p, 2, TW_ROLE_FAINT, "Round trip %s (assumed)", TW_DUR(o->rtt_ns));
	if (o->user_timeout_ms)
		tw_pen_wrap(p, 2, TW_ROLE_FAINT, ", TCP_USER_TIMEOUT %s",
			    TW_DUR(o->user_timeout_ms * TW_NS_PER_MS));
	if (!o->keepalive)
		tw_pen_wrap(p, 2, TW_ROLE_FAINT, ", keepalive off.");
	else if (o->keep_idle_s)
		tw_pen_wrap(p, 2, TW_ROLE_FAINT, ", keepalive %lld/%lld/%lld.",
			    (long long)o->keep_idle_s, (long long)o->keep_intvl_s,
			    (long long)o->keep_count);
	else
		tw_pen_wrap(p, 2, TW_ROLE_FAINT, ", keepalive on, with the host's settings.");
}

static void put_one(struct tw_pen *p, const struct tw_predict_socket *one, const struct silence *s)
{
	const struct tw_living *l = &one->socket;
	char text[TW_ENDPOINT_TEXT];

	tw_pen_put(p, TW_ROLE_STRONG, "%s", tw_endpoint_text(text, &l->local, l->local_port));
	tw_pen_put(p, TW_ROLE_STRONG, " > %s", tw_endpoint_text(text, &l->remote, l->remote_port));
	tw_pen_put(p, TW_ROLE_PLAIN, " %s", tw_socket_state_name(l->state));
	if (l->pid)
		tw_pen_put(p, TW_ROLE_PLAIN, ", %s (%d)", l->comm, (int)l->pid);
	tw_pen_newline(p);
	tw_pen_column(p, 2);
	if (l->state == TW_SOCKET_SYN_SENT) {
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, "This connect() would end");
		put_when(p, &s->busy, "never");
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " if nobody answers.");
	} else {
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, "This connection would notice a dead peer");
		put_when(p, &s->busy, "never");
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " with data in flight, and");
		put_when(p, &s->idle, "never");
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " while idle.");
	}
	tw_pen_newline(p);
	tw_pen_column(p, 2);
	put_options(p, one);
	tw_pen_newline(p);
	if (!one->skipped[0])
		return;
	tw_pen_column(p, 2);
	tw_pen_wrap(p, 2, TW_ROLE_WARN, "Options not read, so taken as unset: %s.", one->skipped);
	tw_pen_newline(p);
}

void tw_predict_living_text(struct tw_pen *p, const struct tw_predict_socket *one, size_t count,
			    const struct tw_model *m)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct silence *s = predict(&one[i], m);

		if (!s) {
			p->error = -ENOMEM;
			return;
		}
		put_one(p, &one[i], s);
		free(s);
	}
}

/* null: never. */
static json_t *end_json(const struct tw_schedule *l)
{
	return l->for_ever ? json_null() : tw_json_moment(l->end);
}

static json_t *options_json(const struct tw_predict_socket *one)
{
	const struct tw_sockopts *o = &one->options;

	return json_pack("{s:o, s:b, s:I, s:I, s:o, s:o, s:b, s:I, s:I, s:I}", "rtt",
			 tw_json_seconds(o->rtt_ns), "rtt_measured", o->rtt_given,
			 "user_timeout_ms", (json_int_t)o->user_timeout_ms, "syncnt",
			 (json_int_t)o->syncnt, "sndtimeo", tw_json_seconds(o->sndtimeo_ns),
			 "rcvtimeo", tw_json_seconds(o->rcvtimeo_ns), "keepalive", o->keepalive,
			 "keep_idle_s", (json_int_t)o->keep_idle_s, "keep_interval_s",
			 (json_int_t)o->keep_intvl_s, "keep_count", (json_int_t)o->keep_count);
}

int tw_predict_living_json(const struct tw_sink *sink, const struct tw_predict_socket *one,
			   const struct tw_model *m)
{
	const struct tw_living *l = &one->socket;
	const bool connecting = l->state == TW_SOCKET_SYN_SENT;
	struct silence *s = predict(one, m);
	char local[TW_ENDPOINT_TEXT], remote[TW_ENDPOINT_TEXT];
	json_t *o = NULL;
	int r;

	if (s)
		o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:s?}", "type",
			      "socket", "schema", 1, "local",
			      tw_endpoint_text(local, &l->local, l->local_port), "remote",
			      tw_endpoint_text(remote, &l->remote, l->remote_port), "state",
			      tw_socket_state_name(l->state), "pid", (int)l->pid, "connect",
			      connecting ? end_json(&s->busy) : json_null(), "in_flight",
			      connecting ? json_null() : end_json(&s->busy), "idle",
			      connecting ? json_null() : end_json(&s->idle), "options",
			      options_json(one), "skipped", one->skipped[0] ? one->skipped : NULL);
	r = tw_json_line(sink, o);
	free(s);
	return r;
}
