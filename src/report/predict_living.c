/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Predictions for connections that live now: what ends each of them if its peer is gone.
 *
 *      SYN_SENT                        the ladder of SYNs ends connect()
 *      ESTABLISHED, CLOSE_WAIT         with data in flight: retransmissions, or TCP_USER_TIMEOUT
 *                                      idle: keepalive, or never; window closed: probes
 *      FIN_WAIT1, CLOSING, LAST_ACK    the ladder of the FIN: tcp_orphan_retries if nobody holds it;
 *                                      probes, while a closed window holds the FIN back
 *      FIN_WAIT2, TIME_WAIT            a timer without packets
 *
 * Each is counted from the first packet that nobody answers (idle: from the last that came). Where a timer
 * runs already, sock_diag tells when it fires next and how often it did: from there to the end of the ladder is
 * what is left. A window that is closed was probed for some time, so its ladder is counted from now.
 *
 * Limits: an option that could not be read may change the number; then it is said that it does. What an
 * application bounds itself (poll(), the timeout of a client library) no kernel knows.
 */
#include "report/predict.h"

#include "base/duration.h"
#include "packet/tuple.h"
#include "report/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_FLIGHT 14
#define COLUMN_STATE  28
#define COLUMN_WHO    41
#define COLUMN_BELOW  4 /* who finds no room in the line */
#define COLUMN_STORY  20

enum kind {
	CONNECTING,
	OPEN,
	FIN_SENT,
	FIN_WAIT2,
	TIME_WAIT,
};

struct outlook {
	enum kind kind;
	struct tw_schedule busy; /* SYN, data or FIN that nobody answers; or the end of its state */
	struct tw_schedule idle; /* OPEN, and FIN_WAIT2 that is held */
	/* A closed window, probes answered or not: of OPEN, and of FIN_SENT if it is @probing. */
	struct tw_schedule closed, closed_dead;
	bool probing; /* it is closed, and both count from now */
	bool running; /* the ladder has begun */
	int64_t left_ns;
};

static bool is_held(const struct tw_living *l)
{
	return l->inode != 0;
}

/* When the repeat after @done ones by @timer is due, by the schedule. */
static int64_t rung_ns(const struct tw_schedule *l, const char *timer, unsigned done)
{
	unsigned i;

	for (i = 0; i < l->count; i++)
		if (l->step[i].timer && !strcmp(l->step[i].timer, timer) && done-- == 0)
			return l->step[i].at.expected_ns;
	return l->end.expected_ns;
}

static void leave(struct outlook *o, const struct tw_schedule *l, const char *timer,
		  const struct tw_living *s)
{
	o->running = !l->for_ever;
	o->left_ns =
		s->timer_ms * TW_NS_PER_MS + l->end.expected_ns - rung_ns(l, timer, s->retransmits);
}

/* What is left of a ladder that has begun: a timer that fired at least once, or one that only waits. */
static void count_down(struct outlook *o, const struct tw_living *s)
{
	if (s->timer == TW_SOCKET_TIMER_TIME_WAIT) {
		o->running = true;
		/* The timer tells when it is due; the wheel is late by what its whole time makes it. */
		o->left_ns =
			s->timer_ms * TW_NS_PER_MS + o->busy.end.expected_ns - o->busy.end.least_ns;
	} else if (s->timer == TW_SOCKET_TIMER_RETRANSMIT && s->retransmits) {
		leave(o, &o->busy, "tcp_retransmit_timer()", s);
	} else if (o->probing && (s->retransmits || !o->closed.for_ever)) {
		o->running = true;
		o->left_ns = (s->retransmits ? &o->closed_dead : &o->closed)->end.expected_ns;
	} else if (s->timer == TW_SOCKET_TIMER_KEEPALIVE && o->kind == OPEN && s->retransmits) {
		leave(o, &o->idle, "tcp_keepalive_timer()", s);
	}
}

static void window_outlook(struct outlook *o, const struct tw_model *own, const struct tw_living *s)
{
	const struct tw_probing on = { .due_ns = s->timer_ms * TW_NS_PER_MS,
				       .backoff = s->backoff,
				       .unanswered = s->retransmits };
	const enum tw_holder holder = is_held(s) ? TW_HELD : TW_ORPHAN;

	o->probing = s->timer == TW_SOCKET_TIMER_PERSIST;
	if (o->kind != OPEN && !o->probing)
		return;
	tw_schedule_persist(&o->closed, own, holder, true, o->probing ? &on : NULL);
	tw_schedule_persist(&o->closed_dead, own, holder, false, o->probing ? &on : NULL);
}

static struct outlook *predict(const struct tw_predict_socket *one, const struct tw_model *m)
{
	struct outlook *o = calloc(1, sizeof(*o));
	const struct tw_model own = { .set = m->set, .socket = one->options };

	if (!o)
		return NULL;
	switch (one->socket.state) {
	case TW_SOCKET_SYN_SENT:
		tw_schedule_connect(&o->busy, &own);
		break;
	case TW_SOCKET_FIN_WAIT1:
	case TW_SOCKET_CLOSING:
	case TW_SOCKET_LAST_ACK:
		o->kind = FIN_SENT;
		tw_schedule_data(&o->busy, &own, is_held(&one->socket) ? TW_HELD : TW_ORPHAN, 1,
				 "FIN again", "FIN again");
		window_outlook(o, &own, &one->socket);
		break;
	case TW_SOCKET_FIN_WAIT2:
		o->kind = FIN_WAIT2;
		tw_schedule_fin_wait2(&o->busy, &own);
		o->busy.for_ever = is_held(&one->socket);
		tw_schedule_keepalive(&o->idle, &own);
		break;
	case TW_SOCKET_TIME_WAIT:
		o->kind = TIME_WAIT;
		tw_schedule_time_wait(&o->busy, &own);
		break;
	default:
		o->kind = OPEN;
		tw_schedule_data(&o->busy, &own, TW_HELD, 1, "data again", "data again");
		tw_schedule_keepalive(&o->idle, &own);
		window_outlook(o, &own, &one->socket);
	}
	count_down(o, &one->socket);
	return o;
}

/* ---- what is not known ---- */

static bool needs_user_timeout(const struct outlook *o)
{
	return o->kind == CONNECTING || o->kind == OPEN || o->kind == FIN_SENT;
}

static bool has_idle(const struct tw_predict_socket *one, const struct outlook *o)
{
	return o->kind == OPEN || (o->kind == FIN_WAIT2 && is_held(&one->socket));
}

static bool doubtful(const struct tw_predict_socket *one, const struct outlook *o)
{
	return (needs_user_timeout(o) && !one->knows_user_timeout) ||
	       (has_idle(one, o) && (!one->knows_keepalive || !one->knows_keep_times));
}

/* ---- the table: a line for each ---- */

static void put_idle_cell(struct tw_pen *p, const struct tw_predict_socket *one,
			  const struct outlook *o)
{
	if (!has_idle(one, o))
		tw_pen_put(p, TW_ROLE_FAINT, "-");
	else if (!one->knows_keepalive)
		tw_pen_put(p, TW_ROLE_WARN, "unknown");
	else if (o->idle.for_ever)
		tw_pen_put(p, TW_ROLE_BAD, "never");
	else
		tw_pen_put(p, TW_ROLE_STRONG, "%s%s", TW_DUR(o->idle.end.expected_ns),
			   one->knows_keep_times ? "" : " ?");
}

static void put_busy_cell(struct tw_pen *p, const struct tw_predict_socket *one,
			  const struct outlook *o)
{
	/* Of what is unanswered or refused now, the ladder that this has begun. */
	const struct tw_schedule *l = o->probing ? &o->closed_dead : &o->busy;

	if (l->for_ever)
		tw_pen_put(p, TW_ROLE_BAD, "never");
	else if (one->socket.timer == TW_SOCKET_TIMER_TIME_WAIT)
		tw_pen_put(p, TW_ROLE_STRONG, "%s left", TW_DUR(o->left_ns));
	else
		tw_pen_put(p, TW_ROLE_STRONG, "%s%s", TW_DUR(l->end.expected_ns),
			   needs_user_timeout(o) && !one->knows_user_timeout ? " ?" : "");
}

/* In one piece from @column on, or below; two addresses of IPv6 take more than a line. Return: as tw_pen_cell(). */
static unsigned put_ends(struct tw_pen *p, unsigned column, unsigned indent,
			 const struct tw_living *l, enum tw_role role)
{
	char local[TW_ENDPOINT_TEXT], remote[TW_ENDPOINT_TEXT];

	return tw_pen_cell(p, column, indent, role, "%s > %s",
			   tw_endpoint_text(local, &l->local, l->local_port),
			   tw_endpoint_text(remote, &l->remote, l->remote_port));
}

static void put_owner(struct tw_pen *p, unsigned indent, const struct tw_living *l)
{
	if (l->pid)
		tw_pen_cell(p, 0, indent, TW_ROLE_PLAIN, "%s (%d)", l->comm, (int)l->pid);
}

static void put_line(struct tw_pen *p, const struct tw_predict_socket *one, const struct outlook *o)
{
	put_idle_cell(p, one, o);
	tw_pen_column(p, COLUMN_FLIGHT);
	put_busy_cell(p, one, o);
	tw_pen_column(p, COLUMN_STATE);
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", tw_socket_state_name(one->socket.state));
	put_owner(p, put_ends(p, COLUMN_WHO, COLUMN_BELOW, &one->socket, TW_ROLE_PLAIN),
		  &one->socket);
	tw_pen_newline(p);
}

static void put_head(struct tw_pen *p)
{
	tw_pen_wrap(p, 0, TW_ROLE_PLAIN,
		    "How long until a dead peer is noticed, idle or with something unanswered; of "
		    "a closed socket, until the kernel forgets it. -v tells more.");
	tw_pen_newline(p);
	tw_pen_newline(p);
	tw_pen_put(p, TW_ROLE_STRONG, "idle");
	tw_pen_column(p, COLUMN_FLIGHT);
	tw_pen_put(p, TW_ROLE_STRONG, "unanswered");
	tw_pen_column(p, COLUMN_STATE);
	tw_pen_put(p, TW_ROLE_STRONG, "state");
	tw_pen_column(p, COLUMN_WHO);
	tw_pen_put(p, TW_ROLE_STRONG, "connection");
	tw_pen_newline(p);
}

static void put_doubts(struct tw_pen *p, const char *why)
{
	tw_pen_newline(p);
	tw_pen_wrap(p, 0, TW_ROLE_WARN,
		    "?: if no TCP_USER_TIMEOUT is set, and with this host's keepalive times. "
		    "Options that could not be read may say otherwise: %s.",
		    why);
	tw_pen_newline(p);
}

/* ---- the story of one ---- */

static void item(struct tw_pen *p, const char *name)
{
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", name);
	tw_pen_column(p, COLUMN_STORY);
}

static void put_busy(struct tw_pen *p, const struct tw_predict_socket *one, const struct outlook *o)
{
	static const char *const name[] = { [CONNECTING] = "SYN unanswered",
					    [OPEN] = "data in flight",
					    [FIN_SENT] = "FIN unanswered",
					    [FIN_WAIT2] = "without a FIN",
					    [TIME_WAIT] = "waits" };
	const char *const after = TW_DUR(o->busy.end.expected_ns);
	const bool orphan = !is_held(&one->socket);

	item(p, name[o->kind]);
	if (o->kind == FIN_WAIT2 && o->busy.for_ever)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_BAD,
			    "for ever: tcp_fin_timeout counts only once it is closed");
	else if (o->kind == TIME_WAIT || o->kind == FIN_WAIT2 || (o->kind == FIN_SENT && orphan))
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG, "gone after %s, in silence", after);
	else
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG, "ETIMEDOUT after %s", after);
	if (needs_user_timeout(o) && !one->knows_user_timeout)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_WARN,
			    ", if TCP_USER_TIMEOUT is not set, which could not be read");
	if (o->kind == OPEN || o->kind == FIN_SENT)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_FAINT,
			    ", counted from the first packet that nobody answers");
	tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_PLAIN, ".");
	tw_pen_newline(p);
}

static void put_idle(struct tw_pen *p, const struct tw_predict_socket *one, const struct outlook *o)
{
	const struct tw_living *l = &one->socket;

	item(p, "idle");
	if (!one->knows_keepalive)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_WARN,
			    "unknown: whether SO_KEEPALIVE is on could not be read.");
	else if (!one->options.keepalive)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_BAD, "never: keepalive is off.");
	else if (o->idle.for_ever)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_BAD, "never, for all practical purposes.");
	else
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG, "ETIMEDOUT after %s",
			    TW_DUR(o->idle.end.expected_ns));
	if (one->knows_keepalive && one->options.keepalive && !o->idle.for_ever)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_FAINT,
			    one->knows_keep_times
				    ? ", counted from the last packet that came."
				    : ", if it has this host's keepalive times; its own could not "
				      "be read.");
	if (l->timer == TW_SOCKET_TIMER_KEEPALIVE && !l->retransmits)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_FAINT, " The next probe is due in %s.",
			    TW_DUR(l->timer_ms * TW_NS_PER_MS));
	tw_pen_newline(p);
}

static void put_window(struct tw_pen *p, const struct tw_predict_socket *one,
		       const struct outlook *o)
{
	const char *const ends = is_held(&one->socket) ? "ETIMEDOUT" : "gone";
	const char *const from = o->probing ? "in" : "after";
	const int64_t answered_ns = o->closed.end.expected_ns;
	const int64_t silent_ns = o->closed_dead.end.expected_ns;

	item(p, o->probing ? "window is closed" : "window closed");
	if (o->closed.for_ever)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_BAD,
			    "never, as long as the peer answers probes;");
	else if (answered_ns == silent_ns)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG,
			    "%s %s %s, whether the peer answers probes or not", ends, from,
			    TW_DUR(silent_ns));
	else
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG,
			    "%s %s %s, even if the peer answers probes;", ends, from,
			    TW_DUR(answered_ns));
	if (o->closed.for_ever || answered_ns != silent_ns) {
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG, " %s %s %s", ends, from,
			    TW_DUR(silent_ns));
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_PLAIN, " if it answers none%s",
			    o->probing ? " from now on" : "");
	}
	tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_PLAIN, "%s.",
		    one->knows_user_timeout ? "" : " (unless TCP_USER_TIMEOUT is set)");
	tw_pen_newline(p);
}

static void put_calls(struct tw_pen *p, const struct tw_predict_socket *one)
{
	const struct tw_sockopts *s = &one->options;

	item(p, "its calls");
	if (s->rcvtimeo_ns)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_PLAIN,
			    "recv() ends with EAGAIN after %s (SO_RCVTIMEO).",
			    TW_DUR(s->rcvtimeo_ns));
	if (s->sndtimeo_ns)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_PLAIN,
			    "%ssend() ends with EAGAIN after %s (SO_SNDTIMEO).",
			    s->rcvtimeo_ns ? " " : "", TW_DUR(s->sndtimeo_ns));
	if (!one->knows_call_timeouts)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_WARN,
			    "Whether SO_RCVTIMEO or SO_SNDTIMEO end them could not be read.");
	else if (!s->rcvtimeo_ns && !s->sndtimeo_ns)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_PLAIN, "no SO_RCVTIMEO and no SO_SNDTIMEO.");
	tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_FAINT,
		    " Timeouts of the application's own, as with poll(), are not visible.");
	tw_pen_newline(p);
}

static void put_now(struct tw_pen *p, const struct outlook *o, const struct tw_living *l)
{
	item(p, "now");
	if (l->timer == TW_SOCKET_TIMER_TIME_WAIT)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG, "gone in %s.", TW_DUR(o->left_ns));
	else if (o->probing && !l->retransmits)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG,
			    "the probes are answered; it ends in %s if the window stays closed.",
			    TW_DUR(o->left_ns));
	else
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_STRONG,
			    "%u %s%s unanswered: it ends in %s if that stays so.", l->retransmits,
			    l->timer == TW_SOCKET_TIMER_RETRANSMIT ? "repeat" : "probe",
			    l->retransmits == 1 ? "" : "s", TW_DUR(o->left_ns));
	tw_pen_newline(p);
}

static void put_path(struct tw_pen *p, const struct tw_sockopts *s)
{
	item(p, "round trip");
	tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_FAINT, "%s%s", TW_DUR(s->rtt_ns),
		    s->rtt_given ? "" : " (assumed)");
	if (s->rto_ns)
		tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_FAINT, "; retransmission timeout %s",
			    TW_DUR(s->rto_ns));
	tw_pen_wrap(p, COLUMN_STORY, TW_ROLE_FAINT, ".");
	tw_pen_newline(p);
}

static void put_story(struct tw_pen *p, const struct tw_predict_socket *one,
		      const struct outlook *o)
{
	put_ends(p, 0, 0, &one->socket, TW_ROLE_STRONG);
	tw_pen_wrap(p, COLUMN_BELOW, TW_ROLE_PLAIN, " %s", tw_socket_state_name(one->socket.state));
	put_owner(p, COLUMN_BELOW, &one->socket);
	tw_pen_newline(p);
	put_busy(p, one, o);
	if (has_idle(one, o))
		put_idle(p, one, o);
	if (o->kind == OPEN || o->probing)
		put_window(p, one, o);
	if (o->kind == OPEN)
		put_calls(p, one);
	if (o->running)
		put_now(p, o, &one->socket);
	if (o->kind != TIME_WAIT && o->kind != FIN_WAIT2)
		put_path(p, &one->options);
	if (one->skipped[0]) {
		tw_pen_column(p, 2);
		tw_pen_wrap(p, 2, TW_ROLE_WARN, "Options not read: %s.", one->skipped);
		tw_pen_newline(p);
	}
}

static void put_origins(struct tw_pen *p, const struct tw_predict_socket *one,
			const struct outlook *o)
{
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_STRONG, "What it follows from");
	tw_pen_newline(p);
	tw_predict_origins(p, &o->busy, NULL);
	if (has_idle(one, o) && !o->idle.for_ever)
		tw_predict_origins(p, &o->idle, &o->busy);
}

void tw_predict_living_text(struct tw_pen *p, const struct tw_predict_socket *one, size_t count,
			    const struct tw_model *m, bool verbose)
{
	const bool table = count > 1 && !verbose;
	const char *why = NULL;
	size_t i;

	if (table)
		put_head(p);
	for (i = 0; i < count; i++) {
		struct outlook *o = predict(&one[i], m);

		if (!o) {
			p->error = -ENOMEM;
			return;
		}
		if (!why && doubtful(&one[i], o) && one[i].skipped[0])
			why = one[i].skipped;
		if (i && !table)
			tw_pen_newline(p);
		if (table)
			put_line(p, &one[i], o);
		else
			put_story(p, &one[i], o);
		if (verbose)
			put_origins(p, &one[i], o);
		free(o);
	}
	if (table && why)
		put_doubts(p, why);
}

/* ---- JSON ---- */

/* null: never, or not what this state has. */
static json_t *end_json(const struct tw_schedule *l, bool has)
{
	return l->for_ever || !has ? json_null() : tw_json_moment(l->end);
}

static json_t *options_json(const struct tw_predict_socket *one)
{
	const struct tw_sockopts *o = &one->options;

	return json_pack("{s:o, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I}", "rtt",
			 tw_json_seconds(o->rtt_ns), "rto",
			 o->rto_ns ? tw_json_seconds(o->rto_ns) : json_null(), "rtt_measured",
			 o->rtt_given, "user_timeout_ms", (json_int_t)o->user_timeout_ms, "syncnt",
			 (json_int_t)o->syncnt, "sndtimeo", tw_json_seconds(o->sndtimeo_ns),
			 "rcvtimeo", tw_json_seconds(o->rcvtimeo_ns), "keepalive",
			 one->knows_keepalive ? json_boolean(o->keepalive) : json_null(),
			 "keep_idle_s", (json_int_t)o->keep_idle_s, "keep_interval_s",
			 (json_int_t)o->keep_intvl_s, "keep_count", (json_int_t)o->keep_count);
}

static json_t *known_json(const struct tw_predict_socket *one)
{
	return json_pack("{s:b, s:b, s:b, s:b}", "user_timeout", one->knows_user_timeout,
			 "keepalive", one->knows_keepalive, "keepalive_times",
			 one->knows_keep_times, "call_timeouts", one->knows_call_timeouts);
}

static const char *timer_name(uint8_t timer)
{
	static const char *const name[] = { [TW_SOCKET_TIMER_RETRANSMIT] = "retransmission",
					    [TW_SOCKET_TIMER_KEEPALIVE] = "keepalive",
					    [TW_SOCKET_TIMER_TIME_WAIT] = "time-wait",
					    [TW_SOCKET_TIMER_PERSIST] = "persist" };

	return timer < sizeof(name) / sizeof(name[0]) ? name[timer] : NULL;
}

static json_t *socket_json(const struct tw_predict_socket *one, const struct outlook *k)
{
	const struct tw_living *l = &one->socket;
	const bool open = k->kind == OPEN, window = open || k->probing;
	const bool gone = k->kind == FIN_SENT || k->kind == FIN_WAIT2 || k->kind == TIME_WAIT;
	char local[TW_ENDPOINT_TEXT], remote[TW_ENDPOINT_TEXT];

	return json_pack(
		"{s:s, s:i, s:s, s:s, s:s, s:i, s:b, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:s?}",
		"type", "socket", "schema", 1, "local",
		tw_endpoint_text(local, &l->local, l->local_port), "remote",
		tw_endpoint_text(remote, &l->remote, l->remote_port), "state",
		tw_socket_state_name(l->state), "pid", (int)l->pid, "held", is_held(l), "timer",
		timer_name(l->timer), "next",
		l->timer ? tw_json_seconds(l->timer_ms * TW_NS_PER_MS) : json_null(), "connect",
		end_json(&k->busy, k->kind == CONNECTING), "in_flight", end_json(&k->busy, open),
		"idle", end_json(&k->idle, has_idle(one, k) && one->knows_keepalive),
		"window_closed", end_json(&k->closed, window), "window_closed_unanswered",
		end_json(&k->closed_dead, window), "gone", end_json(&k->busy, gone), "left",
		k->running ? tw_json_seconds(k->left_ns) : json_null(), "known", known_json(one),
		"options", options_json(one), "origins", tw_predict_origins_json(&k->busy),
		"skipped", one->skipped[0] ? one->skipped : NULL);
}

int tw_predict_living_json(const struct tw_sink *sink, const struct tw_predict_socket *one,
			   const struct tw_model *m)
{
	struct outlook *k = predict(one, m);
	int r;

	r = tw_json_line(sink, k ? socket_json(one, k) : NULL);
	free(k);
	return r;
}
