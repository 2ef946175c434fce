/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the cable's life and what its owner can do to it. The way of a frame is in cable_way.c.
 *
 *	veth ports --frames--> arrive --> queue (heap by time) --timer--> hand over --> veth ports
 *
 * Arrivals of all ports are taken in order of their times, so that "the second of any side" means
 * what a bystander would have seen. Everything that came is read before anything that is due is
 * handed over.
 */
#include "lab/cable.h"

#include "lab/cable_private.h"

#include "base/clock.h"
#include "base/duration.h"
#include "lab/net.h"
#include "packet/tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Rounds of reading and handing over in one tw_cable_work(): the owner has other work, too. */
#define ROUNDS_MAX 64

/* How long after its stamp a frame can be read, other processors being slow with it. */
#define STAMP_SLACK_NS (5 * TW_NS_PER_MS)

/* A frame handed over so long after it was due is late: no timer of the kernel is as exact. */
#define LATE_NS (5 * TW_NS_PER_MS)

enum tw_from tw_cable_end_at(const struct tw_cable *c, unsigned link, unsigned end)
{
	if (end == 0)
		return link == 0 ? TW_FROM_CLIENT : TW_FROM_ANY;
	return link == c->config.links - 1 ? TW_FROM_SERVER : TW_FROM_ANY;
}

static int watch(struct tw_cable *c, int fd, struct tw_err *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event))
		return tw_err_set(err, -errno, "the cable cannot wait for its ports: %s",
				  strerror(errno));
	return 0;
}

static int open_port(struct tw_cable *c, unsigned link, unsigned end, int index, struct tw_err *err)
{
	int code = tw_cable_port_open(&c->port[link][end], index, err);

	return code ? code : watch(c, c->port[link][end].fd, err);
}

static int open_all(struct tw_cable *c, struct tw_err *err)
{
	const struct tw_cable_config *config = &c->config;
	unsigned link, end;
	int code;

	c->decoder = tw_decoder_new();
	if (!c->decoder)
		return tw_err_set(err, -ENOMEM, "out of memory for the cable");
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->epoll < 0 || c->timer < 0)
		return tw_err_set(err, -errno, "the cable cannot make its timer: %s",
				  strerror(errno));
	code = watch(c, c->timer, err);
	for (link = 0; link < config->links && !code; link++)
		for (end = 0; end < 2 && !code; end++)
			code = open_port(c, link, end, config->port[link][end], err);
	if (!code)
		code = tw_cable_record_open(&c->record[TW_FROM_CLIENT], config->client_capture,
					    err);
	if (!code)
		code = tw_cable_record_open(&c->record[TW_FROM_SERVER], config->server_capture,
					    err);
	return code;
}

int tw_cable_new(struct tw_cable **out, const struct tw_cable_config *config, struct tw_err *err)
{
	struct tw_cable *c = calloc(1, sizeof(*c));
	unsigned link, end;
	int code;

	if (!c)
		return tw_err_set(err, -ENOMEM, "out of memory for the cable");
	c->config = *config;
	c->epoll = -1;
	c->timer = -1;
	c->held_end = &c->held;
	c->random = config->seed;
	for (link = 0; link < 2; link++)
		for (end = 0; end < 2; end++)
			c->port[link][end].fd = -1;
	if (config->links < 1 || config->links > 2)
		code = tw_err_set(err, -EINVAL, "a cable has one or two links");
	else
		code = open_all(c, err);
	if (code) {
		tw_cable_close(c, NULL);
		return code;
	}
	*out = c;
	return 0;
}

int tw_cable_close(struct tw_cable *c, struct tw_err *err)
{
	unsigned link, end;
	int code, first = 0;

	if (!c)
		return 0;
	for (link = 0; link < 2; link++)
		for (end = 0; end < 2; end++) {
			code = tw_cable_port_check_losses(&c->port[link][end], first ? NULL : err);
			first = first ? first : code;
			tw_cable_port_close(&c->port[link][end]);
		}
	for (end = 0; end < 2; end++) {
		code = tw_cable_record_close(&c->record[end], first ? NULL : err);
		first = first ? first : code;
	}
	while (c->held) {
		struct tw_cable_frame *next = c->held->next;

		free(c->held);
		c->held = next;
	}
	tw_cable_queue_free(&c->queue);
	tw_decoder_free(c->decoder);
	free(c->rules);
	free(c->log.seen);
	if (c->timer >= 0)
		close(c->timer);
	if (c->epoll >= 0)
		close(c->epoll);
	free(c);
	return first;
}

int tw_cable_fd(const struct tw_cable *c)
{
	return c->epoll;
}

/*
 * An interface that went away leaves an error on its socket, which would wake the owner for ever.
 */
static void clear_errors(struct tw_cable *c)
{
	unsigned link, end;

	for (link = 0; link < c->config.links; link++)
		for (end = 0; end < 2; end++) {
			struct tw_cable_port *p = &c->port[link][end];
			socklen_t length = sizeof(int);
			int error = 0;

			if (p->fd >= 0 && !p->gone &&
			    !getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &length) &&
			    (error == ENETDOWN || error == ENODEV))
				p->gone = true;
		}
}

/* Take the arrival that is first in time; 1, 0 if there is none, or -errno. */
static int take_earliest(struct tw_cable *c, struct tw_err *err)
{
	struct tw_cable_arrival a, first = { 0 };
	unsigned link, end, at_link = 0, at_end = 0;
	bool found = false;
	int code;

	for (link = 0; link < c->config.links; link++)
		for (end = 0; end < 2; end++) {
			code = tw_cable_port_next(&c->port[link][end], &a, err);
			if (code < 0)
				return code;
			if (code && (!found || a.time_ns < first.time_ns)) {
				found = true;
				first = a;
				at_link = link;
				at_end = end;
			}
		}
	if (!found)
		return 0;
	code = tw_cable_arrive(c, at_link, at_end, &first, err);
	tw_cable_port_release(&c->port[at_link][at_end]);
	return code ? code : 1;
}

/* Hand over what is due; 1 if there was any, or -errno. */
static int hand_over_due(struct tw_cable *c, struct tw_err *err)
{
	int64_t now = tw_clock_ns(CLOCK_MONOTONIC);
	const struct tw_cable_frame *f = tw_cable_queue_first(&c->queue);
	int any = 0;

	/* those behind the first are late by the same delay */
	if (f && now - f->due_ns > LATE_NS) {
		c->late_ns += now - f->due_ns;
		if (now - f->due_ns > c->latest_ns)
			c->latest_ns = now - f->due_ns;
	}
	while ((f = tw_cable_queue_first(&c->queue)) && f->due_ns <= now) {
		int code = tw_cable_hand_over(c, tw_cable_queue_take(&c->queue), err);

		if (code)
			return code;
		any = 1;
	}
	return any;
}

static int set_timer(struct tw_cable *c, struct tw_err *err)
{
	const struct tw_cable_frame *f = tw_cable_queue_first(&c->queue);
	struct itimerspec when = { 0 };
	uint64_t expirations;

	/* Not read before it is set anew: a read that finds nothing is no error. */
	if (read(c->timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return tw_err_set(err, -errno, "the cable's timer fails: %s", strerror(errno));
	if (f) {
		int64_t due = f->due_ns > 0 ? f->due_ns : 1;

		when.it_value.tv_sec = due / TW_NS_PER_S;
		when.it_value.tv_nsec = due % TW_NS_PER_S;
	}
	if (timerfd_settime(c->timer, TFD_TIMER_ABSTIME, &when, NULL))
		return tw_err_set(err, -errno, "the cable's timer fails: %s", strerror(errno));
	return 0;
}

static int work(struct tw_cable *c, struct tw_err *err)
{
	unsigned round, end;
	int code = 1;

	clear_errors(c);
	for (round = 0; round < ROUNDS_MAX && code > 0; round++) {
		int64_t start = tw_clock_ns(CLOCK_REALTIME);
		int taken, due;

		for (code = 0; (taken = take_earliest(c, err)) > 0;)
			code = 1;
		if (taken < 0)
			return taken;
		due = hand_over_due(c, err);
		if (due < 0)
			return due;
		code |= due;
		for (end = 0; end < 2; end++) {
			int failed =
				tw_cable_record_flush(&c->record[end], start - STAMP_SLACK_NS, err);

			if (failed)
				return failed;
		}
	}
	return set_timer(c, err);
}

int tw_cable_work(struct tw_cable *c, struct tw_err *err)
{
	struct tw_err local = { 0 };
	int code;

	if (!c->failure.code) {
		code = work(c, &local);
		if (!code)
			return 0;
		c->failure = local;
		c->failure.code = code;
	}
	if (err)
		*err = c->failure;
	return c->failure.code;
}

int tw_cable_replace_port(struct tw_cable *c, unsigned link, unsigned end, int ifindex,
			  struct tw_err *err)
{
	if (link >= c->config.links || end > 1)
		return tw_err_set(err, -EINVAL, "the cable has no such port");
	/*
	 * Closing it does not take it out of the epoll set: processes of the hosts, forked since,
	 * hold it open, and as its interface is gone it would be ready for ever.
	 */
	if (c->port[link][end].fd >= 0)
		epoll_ctl(c->epoll, EPOLL_CTL_DEL, c->port[link][end].fd, NULL);
	tw_cable_port_close(&c->port[link][end]);
	return open_port(c, link, end, ifindex, err);
}

int tw_cable_add(struct tw_cable *c, const struct tw_cable_rule *rule, struct tw_err *err)
{
	const struct tw_frame_spec *spec = &rule->spec;

	if (!spec->first || (spec->last && spec->last < spec->first) || rule->time_ns < 0)
		return tw_err_set(err, -EINVAL,
				  "a rule of the cable counts from 1, and no time is "
				  "negative");
	if (c->rule_count == c->rule_room) {
		size_t room = c->rule_room ? 2 * c->rule_room : 16;
		struct tw_cable_active_rule *larger = realloc(c->rules, room * sizeof(*larger));

		if (!larger)
			return tw_err_set(err, -ENOMEM, "out of memory for a rule of the cable");
		c->rules = larger;
		c->rule_room = room;
	}
	c->rules[c->rule_count++] = (struct tw_cable_active_rule){ .rule = *rule };
	return 0;
}

void tw_cable_heal(struct tw_cable *c)
{
	c->rule_count = 0;
	c->cut[0] = false;
	c->cut[1] = false;
}

void tw_cable_cut(struct tw_cable *c, unsigned end, bool cut)
{
	if (end < 2)
		c->cut[end] = cut;
}

void tw_cable_release(struct tw_cable *c)
{
	int64_t now = tw_clock_ns(CLOCK_MONOTONIC);

	while (c->held) {
		struct tw_cable_frame *f = c->held;

		c->held = f->next;
		f->next = NULL;
		f->due_ns = now;
		if (tw_cable_queue_put(&c->queue, f)) {
			free(f);
			tw_err_set(&c->failure, -ENOMEM, "out of memory for held frames");
		}
	}
	c->held_end = &c->held;
	c->held_count = 0;
	set_timer(c, NULL);
}

int tw_cable_forge(struct tw_cable *c, const struct tw_cable_forge *f, struct tw_err *err)
{
	struct tw_cable_flow *flow;
	struct tw_cable_frame *frame;
	unsigned age;

	if (f->to != TW_FROM_CLIENT && f->to != TW_FROM_SERVER)
		return tw_err_set(err, -EINVAL,
				  "a forged segment goes to the client or the server");
	if (f->payload_bytes > 9000)
		return tw_err_set(err, -EINVAL, "a forged segment has at most 9000 bytes");
	for (age = 0; (flow = tw_cable_flow_at(&c->flows, age)); age++)
		if (!f->port || f->port == flow->port[0] || f->port == flow->port[1])
			break;
	if (!flow)
		return tw_err_set(err, -ENOENT,
				  "no connection passed the cable for which a segment "
				  "could be forged");
	frame = tw_cable_forged(flow, f, c->config.links);
	if (!frame)
		return tw_err_set(err, -ENOMEM, "out of memory for a frame");
	frame->link = f->to == TW_FROM_CLIENT ? 0 : c->config.links - 1;
	frame->from = f->to == TW_FROM_CLIENT ? TW_FROM_SERVER : TW_FROM_CLIENT;
	frame->id = ++c->last_id;
	if (c->nat && f->to == TW_FROM_SERVER)
		tw_cable_translate(frame->data, frame->length, TW_FROM_CLIENT, c->config.links > 1);
	return tw_cable_hand_over(c, frame, err);
}

/* Behind the router; the plan has it as text. */
static struct tw_addr server_address(bool v6)
{
	struct tw_addr a = { 0 };

	tw_addr_parse(&a, tw_net_plan_address(true, TW_HOST_SERVER, v6), v6);
	return a;
}

int tw_cable_flood(struct tw_cable *c, unsigned count, uint16_t port, bool v6, struct tw_err *err)
{
	const struct tw_addr server = server_address(v6);
	unsigned n, links = c->config.links;
	int code = 0;

	if (links < 2)
		return tw_err_set(err, -EINVAL, "a flood comes from beyond a router");
	if (!count || count > TW_CABLE_FLOOD_MAX)
		return tw_err_set(err, -EINVAL, "a flood has 1 to %u SYNs", TW_CABLE_FLOOD_MAX);
	for (n = 0; n < count && !code; n++) {
		struct tw_cable_frame *f = tw_cable_flood_syn(&server, port, v6, n, links);

		if (!f)
			return tw_err_set(err, -ENOMEM, "out of memory for a frame");
		f->link = links - 1;
		f->from = TW_FROM_CLIENT;
		f->id = ++c->last_id;
		code = tw_cable_hand_over(c, f, err);
	}
	return code;
}

uint64_t tw_cable_seen(const struct tw_cable *c, const struct tw_frame_spec *spec)
{
	return tw_cable_log_count(&c->log, spec);
}

uint64_t tw_cable_stream_bytes(const struct tw_cable *c, enum tw_from from)
{
	const struct tw_cable_flows *t = &c->flows;

	if (!t->made || from == TW_FROM_ANY)
		return 0;
	return t->flow[(t->made - 1) % TW_CABLE_FLOWS].side[from].bytes;
}

int64_t tw_cable_last_ns(const struct tw_cable *c)
{
	return c->last_ns;
}

int64_t tw_cable_late_ns(const struct tw_cable *c)
{
	return c->late_ns;
}

int64_t tw_cable_latest_ns(const struct tw_cable *c)
{
	return c->latest_ns;
}

size_t tw_cable_pending(const struct tw_cable *c)
{
	return c->queue.count;
}

void tw_cable_nat(struct tw_cable *c, bool on, bool forgotten)
{
	struct tw_cable_flow *flow;
	unsigned age;

	c->nat = on;
	for (age = 0; (flow = tw_cable_flow_at(&c->flows, age)); age++)
		flow->forgotten = forgotten;
}
