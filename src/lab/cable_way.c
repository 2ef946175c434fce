/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the way of one frame through the cable.
 *
 *	out of a host -> captured -> cut here? -> rules -> translation -> on its way (queue)
 *	     -> cut there? -> handed over -> captured
 *
 * Rules see a frame once: where it leaves its sender. Behind a router the same packet comes out
 * on the second link; it is known again by its transport bytes, which a router leaves alone, and
 * keeps its id.
 *
 * Multicast listener reports and router solicitations are taken out in silence: there is nobody
 * on a link of two hosts that they could be for, and no scenario is about them.
 */
#include "lab/cable_private.h"

#include "base/clock.h"
#include "base/duration.h"
#include "lab/net.h"
#include "packet/bytes.h"
#include "packet/tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGE_MAX_NS (10 * TW_NS_PER_S)

/* A frame that a rule holds stays in memory: what a scenario can want to hold, and no more. */
#define HELD_MAX 65536u

/* A frame as it came in, and what is known of it. */
struct entry {
	const uint8_t *data;
	uint32_t length;
	unsigned link;
	enum tw_from from;
	int64_t time_ns; /* CLOCK_REALTIME, of arrival */
	int64_t now_ns;  /* the same moment by CLOCK_MONOTONIC */
	uint64_t id;
	bool altered;
	struct tw_segment segment;
	struct tw_cable_flow *flow; /* of a TCP segment */
};

static struct tw_frame raw_frame(const uint8_t *data, uint32_t length, int64_t time_ns)
{
	return (struct tw_frame){ .time_ns = time_ns,
				  .number = 1,
				  .data = data,
				  .caplen = length,
				  .len = length,
				  .linktype = TW_CABLE_LINKTYPE };
}

static void decode(struct tw_cable *c, struct tw_segment *s, const uint8_t *data, uint32_t length,
		   int64_t time_ns)
{
	struct tw_frame f = raw_frame(data, length, time_ns);

	memset(s, 0, sizeof(*s));
	tw_decode(c->decoder, &f, s);
	tw_decode_detail(c->decoder, &f, s);
}

static void tell(struct tw_cable *c, const struct tw_cable_event *e)
{
	if (c->config.event)
		c->config.event(c->config.user, e);
}

static void tell_entry(struct tw_cable *c, const struct entry *e, enum tw_fate fate)
{
	tell(c, &(struct tw_cable_event){ .time_ns = e->time_ns,
					  .fate = fate,
					  .from = e->from,
					  .link = e->link,
					  .id = e->id,
					  .altered = e->altered,
					  .segment = &e->segment });
}

/* MLD (behind a hop-by-hop header, RFC 3810 s5) or a router solicitation. */
static bool is_noise(const uint8_t *data, uint32_t length)
{
	const uint8_t *ip = data + TW_CABLE_ETHERNET;
	uint8_t type;

	if (length < TW_CABLE_ETHERNET + 40 + 9 || tw_load_be16(data + 12) != 0x86dd)
		return false;
	if (ip[6] == 58)
		return ip[40] == 133;
	if (ip[6] != 0 || ip[40] != 58)
		return false;
	type = ip[40 + 8];
	return type == 143 || (type >= 130 && type <= 132);
}

/* --- through the router --- */

/* Where the IP header's payload begins; 0: this is no IP packet. */
static uint32_t transport_offset(const uint8_t *data, uint32_t length)
{
	uint32_t offset = 0;

	if (length < TW_CABLE_ETHERNET + 20)
		return 0;
	if (tw_load_be16(data + 12) == 0x0800)
		offset = TW_CABLE_ETHERNET + (data[TW_CABLE_ETHERNET] & 15) * 4u;
	else if (tw_load_be16(data + 12) == 0x86dd)
		offset = TW_CABLE_ETHERNET + 40;
	return offset <= length ? offset : 0;
}

static bool is_from_router(const uint8_t *data)
{
	const uint8_t *ip = data + TW_CABLE_ETHERNET;
	const struct tw_addr source = tw_load_be16(data + 12) == 0x0800 ? tw_addr_from_v4(ip + 12)
									: tw_addr_from_v6(ip + 8);

	return tw_net_plan_is_router(&source);
}

/* FNV-1a over what a router leaves alone; never 0. */
static uint64_t passing_key(const uint8_t *data, uint32_t length)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325);
	uint32_t i;

	for (i = transport_offset(data, length); i < length; i++)
		key = (key ^ data[i]) * UINT64_C(0x100000001b3);
	if (tw_load_be16(data + 12) == 0x0800) /* the IP ID tells repeats from each other */
		key ^= tw_load_be16(data + TW_CABLE_ETHERNET + 4);
	return key | 1;
}

static void passing_remember(struct tw_cable *c, const struct tw_cable_frame *f)
{
	if (!transport_offset(f->data, f->length))
		return;
	c->passing[f->from][c->passed[f->from]++ % TW_CABLE_PASSING] = (struct tw_cable_passing){
		.key = passing_key(f->data, f->length), .id = f->id, .altered = f->altered
	};
}

/* A frame comes out of the router: the oldest of those that went in and look the same. */
static void passing_recall(struct tw_cable *c, struct entry *e)
{
	uint64_t key = passing_key(e->data, e->length), i;
	uint64_t end = c->passed[e->from];

	for (i = end > TW_CABLE_PASSING ? end - TW_CABLE_PASSING : 0; i < end; i++) {
		struct tw_cable_passing *p = &c->passing[e->from][i % TW_CABLE_PASSING];

		if (p->key != key)
			continue;
		e->id = p->id;
		e->altered = p->altered;
		p->key = 0;
		return;
	}
}

/* Did this frame leave its sender here, or was it seen before, on the other side of the router? */
static bool is_first_sight(const struct tw_cable *c, const struct entry *e)
{
	return tw_cable_end_at(c, e->link, (unsigned)e->from) != TW_FROM_ANY ||
	       !transport_offset(e->data, e->length) || is_from_router(e->data);
}

/* --- onwards --- */

static int schedule(struct tw_cable *c, struct tw_cable_frame *f, struct tw_err *err)
{
	int code = tw_cable_queue_put(&c->queue, f);

	if (!code)
		return 0;
	free(f);
	return tw_err_set(err, code, "the cable holds too many frames: %s", strerror(-code));
}

static struct tw_cable_frame *frame_of(const struct entry *e)
{
	struct tw_cable_frame *f = tw_cable_frame_new(e->data, e->length);

	if (!f)
		return NULL;
	f->link = e->link;
	f->from = e->from;
	f->id = e->id;
	f->altered = e->altered;
	return f;
}

static int out_of_memory(struct tw_err *err)
{
	return tw_err_set(err, -ENOMEM, "out of memory for a frame");
}

static void translate(const struct tw_cable *c, const struct entry *e, struct tw_cable_frame *f)
{
	bool forgotten = e->flow && e->flow->forgotten;

	if (c->nat && e->link == 0 && !(forgotten && e->from == TW_FROM_SERVER))
		tw_cable_translate(f->data, f->length, e->from, c->config.links > 1);
}

/* On its way: in order, or (@extra_ns) late so that others overtake. Takes the frame. */
static int forward(struct tw_cable *c, const struct entry *e, struct tw_cable_frame *f,
		   int64_t extra_ns, struct tw_err *err)
{
	int64_t *last = &c->last_due_ns[e->link][e->from];

	translate(c, e, f);
	f->due_ns = e->now_ns + c->config.delay_ns;
	if (extra_ns) {
		f->due_ns += extra_ns;
	} else {
		if (f->due_ns < *last)
			f->due_ns = *last;
		*last = f->due_ns;
	}
	return schedule(c, f, err);
}

/* An answer that the cable makes, to the sender, after the time of a way there and back here. */
static int answer(struct tw_cable *c, const struct entry *e, struct tw_cable_frame *f,
		  struct tw_err *err)
{
	f->link = e->link;
	f->from = e->from == TW_FROM_CLIENT ? TW_FROM_SERVER : TW_FROM_CLIENT;
	f->id = ++c->last_id;
	f->due_ns = e->now_ns + c->config.delay_ns;
	return schedule(c, f, err);
}

static int reject(struct tw_cable *c, const struct entry *e, const struct tw_cable_rule *rule,
		  struct tw_err *err)
{
	struct tw_cable_frame *f =
		tw_cable_answer(e->data, e->length, &e->segment, rule, ++c->ip_id);

	tell_entry(c, e, TW_FATE_DROPPED);
	return f ? answer(c, e, f, err) : 0;
}

static int hold(struct tw_cable *c, const struct entry *e, struct tw_err *err)
{
	struct tw_cable_frame *f;

	if (c->held_count == HELD_MAX)
		return tw_err_set(err, -ENOBUFS, "the cable holds %u frames, and takes no more",
				  HELD_MAX);
	f = frame_of(e);
	if (!f)
		return out_of_memory(err);
	c->held_count++;
	translate(c, e, f);
	*c->held_end = f;
	c->held_end = &f->next;
	tell_entry(c, e, TW_FATE_HELD);
	return 0;
}

static int duplicate(struct tw_cable *c, const struct entry *e, int64_t later_ns,
		     struct tw_err *err)
{
	struct tw_cable_frame *first = frame_of(e), *second = frame_of(e);
	int code;

	if (!first || !second) {
		free(first);
		free(second);
		return out_of_memory(err);
	}
	second->id = ++c->last_id;
	code = forward(c, e, first, 0, err);
	if (code) {
		free(second);
		return code;
	}
	/* Even at once it comes behind the first: it is queued after it. */
	return forward(c, e, second, later_ns, err);
}

static int apply(struct tw_cable *c, const struct entry *e, const struct tw_cable_rule *rule,
		 struct tw_err *err)
{
	struct tw_cable_frame *f;

	switch (rule->action) {
	case TW_CABLE_DROP:
		tell_entry(c, e, TW_FATE_DROPPED);
		return 0;
	case TW_CABLE_REJECT:
		return reject(c, e, rule, err);
	case TW_CABLE_HOLD:
		return hold(c, e, err);
	case TW_CABLE_DUPLICATE:
		return duplicate(c, e, rule->time_ns, err);
	case TW_CABLE_DELAY:
	case TW_CABLE_CORRUPT:
	case TW_CABLE_REWRITE:
		break;
	}
	f = frame_of(e);
	if (!f)
		return out_of_memory(err);
	if (rule->action == TW_CABLE_CORRUPT) {
		tw_cable_corrupt(f->data, &e->segment, f->length);
		f->altered = true;
	} else if (rule->action == TW_CABLE_REWRITE) {
		f->altered |=
			tw_cable_rewrite(f->data, &e->segment, f->length, rule->field, rule->value);
	}
	return forward(c, e, f, rule->action == TW_CABLE_DELAY ? rule->time_ns : 0, err);
}

/*
 * The rule that takes a frame. Every rule counts every frame that fits it, also those taken by
 * another.
 */
static const struct tw_cable_rule *decide(struct tw_cable *c, const struct tw_cable_traits *t)
{
	const struct tw_cable_rule *taker = NULL;
	size_t i;

	for (i = 0; i < c->rule_count; i++) {
		struct tw_cable_active_rule *a = &c->rules[i];
		const struct tw_frame_spec *spec = &a->rule.spec;

		if (!tw_cable_fits(spec, t))
			continue;
		a->fitted++;
		if (!taker && a->fitted >= spec->first && (!spec->last || a->fitted <= spec->last))
			taker = &a->rule;
	}
	return taker;
}

/* A seeded draw for random loss (splitmix64). */
static bool is_lost(struct tw_cable *c)
{
	uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % 1000 < c->config.loss_permille;
}

/*
 * What only a translating middlebox does: it owns the virtual address, and answers for it what
 * nobody behind it can: who has it, and segments of connections that it forgot. 1: the frame was
 * taken; 0: not.
 */
static int middlebox(struct tw_cable *c, const struct entry *e, struct tw_err *err)
{
	static const struct tw_cable_rule reset = { .reject = TW_REJECT_RST };
	struct tw_cable_frame *f;
	int code;

	if (!c->nat || e->link || e->from != TW_FROM_CLIENT)
		return 0;
	if (e->flow && e->flow->forgotten && tw_cable_is_virtual(&e->segment.dst)) {
		code = reject(c, e, &reset, err);
		return code ? code : 1;
	}
	f = tw_cable_virtual_neighbour(e->data, e->length, c->config.links > 1);
	if (!f)
		return 0;
	code = answer(c, e, f, err);
	return code ? code : 1;
}

/* A frame that just left its sender: counted, judged by the rules, sent on its way. */
static int depart(struct tw_cable *c, struct entry *e, struct tw_err *err)
{
	const struct tw_cable_rule *rule;
	struct tw_cable_traits traits;
	struct tw_cable_frame *f;
	int code;

	if (e->segment.kind == TW_SEG_TCP)
		e->flow = tw_cable_flow_sent(&c->flows, &e->segment, e->from);
	tw_cable_traits_of(&traits, &e->segment, e->from, e->length, e->flow);
	code = tw_cable_log_add(&c->log, &traits, err);
	if (code)
		return code;
	e->id = ++c->last_id;
	tell_entry(c, e, TW_FATE_SENT);
	if (c->cut[e->from] && tw_cable_end_at(c, e->link, (unsigned)e->from) == e->from) {
		tell_entry(c, e, TW_FATE_DROPPED);
		return 0;
	}
	if (e->flow && tw_cable_is_flood_source(&e->segment.dst)) {
		tell_entry(c, e, TW_FATE_DROPPED);
		return 0;
	}
	rule = decide(c, &traits);
	if (rule)
		return apply(c, e, rule, err);
	if (e->flow && c->config.loss_permille && is_lost(c)) {
		tell_entry(c, e, TW_FATE_DROPPED);
		return 0;
	}
	code = middlebox(c, e, err);
	if (code)
		return code < 0 ? code : 0;
	f = frame_of(e);
	return f ? forward(c, e, f, 0, err) : out_of_memory(err);
}

int tw_cable_arrive(struct tw_cable *c, unsigned link, unsigned end,
		    const struct tw_cable_arrival *a, struct tw_err *err)
{
	int64_t real = tw_clock_ns(CLOCK_REALTIME), age = real - a->time_ns;
	struct entry e = { .data = a->data,
			   .length = a->length,
			   .link = link,
			   .from = (enum tw_from)end,
			   .time_ns = a->time_ns };
	enum tw_from host = tw_cable_end_at(c, link, end);
	struct tw_cable_frame *f;
	int code = 0;

	if (is_noise(a->data, a->length))
		return 0;
	/* If the machine's clock was set meanwhile, the age of the frame is not known. */
	if (age < 0 || age > AGE_MAX_NS)
		age = 0;
	e.now_ns = tw_clock_ns(CLOCK_MONOTONIC) - age;
	c->last_ns = real;
	if (host != TW_FROM_ANY)
		code = tw_cable_record_add(&c->record[host], a->time_ns, a->data, a->length, err);
	if (code)
		return code;
	decode(c, &e.segment, a->data, a->length, a->time_ns);
	if (is_first_sight(c, &e))
		return depart(c, &e, err);
	passing_recall(c, &e);
	if (e.segment.kind == TW_SEG_TCP)
		e.flow = tw_cable_flow_find(&c->flows, &e.segment, e.from);
	f = frame_of(&e);
	return f ? forward(c, &e, f, 0, err) : out_of_memory(err);
}

int tw_cable_hand_over(struct tw_cable *c, struct tw_cable_frame *f, struct tw_err *err)
{
	unsigned end = f->from == TW_FROM_CLIENT ? 1 : 0;
	enum tw_from host = tw_cable_end_at(c, f->link, end);
	struct tw_segment segment;
	struct tw_cable_event e = { .time_ns = tw_clock_ns(CLOCK_REALTIME),
				    .fate = f->forged ? TW_FATE_FORGED : TW_FATE_ARRIVED,
				    .from = f->from,
				    .link = f->link,
				    .id = f->id,
				    .altered = f->altered,
				    .segment = &segment };
	int code = 0;

	c->last_ns = e.time_ns;
	decode(c, &segment, f->data, f->length, e.time_ns);
	if (host != TW_FROM_ANY && c->cut[host])
		code = -ENETDOWN;
	else
		code = tw_cable_port_send(&c->port[f->link][end], f->data, f->length, err);
	if (code == -ENETDOWN) {
		/* Cut, or the host is no more: nobody there, nothing seen. */
		e.fate = TW_FATE_DROPPED;
		tell(c, &e);
		free(f);
		return 0;
	}
	if (!code && host == TW_FROM_ANY) {
		passing_remember(c, f);
	} else if (!code) {
		code = tw_cable_record_add(&c->record[host], e.time_ns, f->data, f->length, err);
		if (!f->forged && segment.kind == TW_SEG_TCP)
			tw_cable_flow_arrived(&c->flows, &segment, f->from);
		tell(c, &e);
	}
	free(f);
	return code;
}
