/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what scripts say to the cable: rules, which frames they mean, forged segments, cuts.
 *
 *	cable rewrite ttl 9   server data larger 1000   #2-4
 *	      act             sender class conditions   which of those that fit
 *
 * Conditions and the count may stand in any order after the class.
 */
#include "lab/script_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How far a number may be from the true one: all of sequence space, either way. */
#define OFFSET_MAX (INT64_C(1) << 32)
#define COUNT_MAX  1000000

static const struct tw_script_word senders[] = {
	{ "client", TW_FROM_CLIENT },
	{ "server", TW_FROM_SERVER },
	{ "any", TW_FROM_ANY },
	{ NULL, 0 },
};

static const struct tw_script_word ends[] = { { "client", 0 }, { "server", 1 }, { NULL, 0 } };

static const struct tw_script_word classes[] = {
	{ "all", TW_CLASS_ALL },
	{ "tcp", TW_CLASS_TCP },
	{ "syn", TW_CLASS_SYN },
	{ "synack", TW_CLASS_SYNACK },
	{ "ack", TW_CLASS_ACK },
	{ "data", TW_CLASS_DATA },
	{ "fin", TW_CLASS_FIN },
	{ "rst", TW_CLASS_RST },
	{ "icmp", TW_CLASS_ICMP },
	{ "arp", TW_CLASS_ARP },
	{ NULL, 0 },
};

/* "#2", "#2-4"; `always` after it, or alone: all from there on. */
static int take_count(struct tw_script_parser *p, struct tw_frame_spec *spec)
{
	const char *word = p->word[p->next++], *dash = strchr(word, '-');
	int64_t first, last;
	char head[16];

	snprintf(head, sizeof(head), "%.*s", dash ? (int)(dash - word) : 15, word);
	if (!tw_script_number(head + 1, 1, COUNT_MAX, &first) ||
	    !tw_script_number(dash ? dash + 1 : head + 1, first, COUNT_MAX, &last))
		return tw_script_fault(p, "'%s' does not say which: #2, or #2-4", TW_QUOTED(word));
	spec->first = (unsigned)first;
	spec->last = (unsigned)last;
	return 0;
}

static int take_condition(struct tw_script_parser *p, struct tw_frame_spec *spec)
{
	int64_t n;

	if (*p->word[p->next] == '#')
		return take_count(p, spec);
	if (tw_script_take_if(p, "always")) {
		spec->last = 0;
	} else if (tw_script_take_if(p, "port")) {
		return tw_script_take_port(p, &spec->port);
	} else if (tw_script_take_if(p, "larger")) {
		if (tw_script_take_number(p, "a number of bytes", 1, 65535, &n))
			return -EINVAL;
		spec->larger_than = (uint32_t)n;
	} else if (tw_script_take_if(p, "beyond")) {
		if (tw_script_take_size(p, "a number of bytes", &n))
			return -EINVAL;
		spec->after_bytes = (uint64_t)n;
	} else if (p->s->rule.action == TW_CABLE_REJECT && tw_script_take_if(p, "ttl")) {
		if (tw_script_take_number(p, "a TTL", 1, 255, &n))
			return -EINVAL;
		p->s->rule.reject_ttl = (uint8_t)n;
	} else {
		return tw_script_end_of_line(p);
	}
	return 0;
}

/* FRAMES, up to the end of the line or `within`. */
static int take_frames(struct tw_script_parser *p)
{
	struct tw_frame_spec *spec = &p->s->rule.spec;
	const char *word;
	int64_t n;

	if (tw_script_take_word(p, "sender of frames", senders, &n))
		return -EINVAL;
	spec->from = (enum tw_from)n;
	if (tw_script_take_word(p, "class of frames", classes, &n))
		return -EINVAL;
	spec->class = (enum tw_frame_class)n;
	spec->first = spec->last = 1;
	while ((word = tw_script_peek(p)) && strcmp(word, "within") != 0)
		if (take_condition(p, spec))
			return -EINVAL;
	return 0;
}

/* ---- acts on frames ---- */

static int take_rewrite(struct tw_script_parser *p)
{
	static const struct {
		const char *name;
		enum tw_cable_field field;
		int64_t least, most;
	} fields[] = {
		{ "ttl", TW_FIELD_TTL, 1, 255 },
		{ "seq", TW_FIELD_SEQ, -OFFSET_MAX, OFFSET_MAX },
		{ "ack", TW_FIELD_ACK, -OFFSET_MAX, OFFSET_MAX },
		{ "window", TW_FIELD_WINDOW, 0, 65535 },
		{ "tsval", TW_FIELD_TSVAL, -OFFSET_MAX, OFFSET_MAX },
		{ "payload", TW_FIELD_PAYLOAD, 0, 255 },
		{ "flags", TW_FIELD_FLAGS, 0, 0 },
		{ "mss", TW_FIELD_MSS, 0, 65535 },
	};
	enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };
	struct tw_script_word names[FIELDS + 1] = { 0 };
	struct tw_cable_rule *rule = &p->s->rule;
	const char *word, *bad;
	int64_t i;

	for (i = 0; i < FIELDS; i++)
		names[i] = (struct tw_script_word){ fields[i].name, i };
	if (tw_script_take_word(p, "field", names, &i))
		return -EINVAL;
	rule->field = fields[i].field;
	if (rule->field != TW_FIELD_FLAGS)
		return tw_script_take_number(p, "a value", fields[i].least, fields[i].most,
					     &rule->value);
	if (tw_script_take(p, "flags such as RST+ACK", &word))
		return -EINVAL;
	rule->value = tw_script_set(tw_script_flags, word, &bad);
	return rule->value < 0 ? tw_script_unknown(p, "flag", bad, tw_script_flags) : 0;
}

static int take_reject(struct tw_script_parser *p)
{
	static const struct tw_script_word kinds[] = {
		{ "rst", TW_REJECT_RST },
		{ "admin-prohibited", TW_REJECT_ADMIN_PROHIBITED },
		{ "port-unreachable", TW_REJECT_PORT_UNREACHABLE },
		{ "host-unreachable", TW_REJECT_HOST_UNREACHABLE },
		{ "net-unreachable", TW_REJECT_NET_UNREACHABLE },
		{ "protocol-unreachable", TW_REJECT_PROTOCOL_UNREACHABLE },
		{ "too-big-N", TW_REJECT_TOO_BIG }, /* for the list of what may be said */
		{ NULL, 0 },
	};
	static const char too_big[] = "too-big-";
	struct tw_cable_rule *rule = &p->s->rule;
	const char *word = tw_script_peek(p);
	int64_t kind;

	if (word && !strncmp(word, too_big, strlen(too_big))) {
		p->next++;
		rule->reject = TW_REJECT_TOO_BIG;
		if (!tw_script_number(word + strlen(too_big), 68, 65535, &rule->value))
			return tw_script_fault(p,
					       "'%s' lacks an MTU from 68 to 65535, "
					       "as in too-big-1400",
					       TW_QUOTED(word));
		return 0;
	}
	if (tw_script_take_word(p, "answer", kinds, &kind))
		return -EINVAL;
	rule->reject = (enum tw_cable_reject)kind;
	return 0;
}

static int parse_rule(struct tw_script_parser *p, enum tw_cable_action action)
{
	struct tw_cable_rule *rule = &p->s->rule;
	int r = 0;

	p->s->verb = TW_DO_CABLE_RULE;
	rule->action = action;
	if (action == TW_CABLE_DELAY || action == TW_CABLE_DUPLICATE)
		r = tw_script_take_duration(p, "how much later", &rule->time_ns);
	else if (action == TW_CABLE_REWRITE)
		r = take_rewrite(p);
	else if (action == TW_CABLE_REJECT)
		r = take_reject(p);
	if (r || take_frames(p))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

/* ---- a segment out of nowhere ---- */

static int take_forged_number(struct tw_script_parser *p, struct tw_cable_forge *f)
{
	int64_t n = 0;
	int r;

	if (tw_script_take_if(p, "seq"))
		return tw_script_take_number(p, "an offset", -OFFSET_MAX, OFFSET_MAX,
					     &f->seq_offset);
	if (tw_script_take_if(p, "ack"))
		return tw_script_take_number(p, "an offset", -OFFSET_MAX, OFFSET_MAX,
					     &f->ack_offset);
	if (tw_script_take_if(p, "port"))
		return tw_script_take_port(p, &f->port);
	if (tw_script_take_if(p, "timestamps")) {
		f->with_timestamps = true;
		return 0;
	}
	if (tw_script_take_if(p, "ttl")) {
		r = tw_script_take_number(p, "a TTL", 1, 255, &n);
		f->ttl = (uint8_t)n;
	} else if (tw_script_take_if(p, "id")) {
		r = tw_script_take_number(p, "an IPv4 id", 0, 65535, &n);
		f->ip_id = (int32_t)n;
	} else if (tw_script_take_if(p, "window")) {
		r = tw_script_take_number(p, "a window", 0, 65535, &n);
		f->window = (uint16_t)n;
	} else if (tw_script_take_if(p, "payload")) {
		r = tw_script_take_number(p, "a number of bytes", 0, 65000, &n);
		f->payload_bytes = (uint32_t)n;
	} else {
		r = tw_script_end_of_line(p);
	}
	return r;
}

static int parse_forge(struct tw_script_parser *p)
{
	struct tw_cable_forge *f = &p->s->forge;
	const char *word, *bad;
	int64_t n;

	p->s->verb = TW_DO_CABLE_FORGE;
	if (tw_script_take(p, "flags such as RST+ACK", &word))
		return -EINVAL;
	n = tw_script_set(tw_script_flags, word, &bad);
	if (n < 0)
		return tw_script_unknown(p, "flag", bad, tw_script_flags);
	f->flags = (uint16_t)n;
	if (!tw_script_take_if(p, "to"))
		return tw_script_fault(p, "'%s' lacks 'to client' or 'to server'",
				       TW_QUOTED(p->s->text));
	if (tw_script_take_word(p, "end", ends, &n))
		return -EINVAL;
	f->to = n ? TW_FROM_SERVER : TW_FROM_CLIENT;
	while (tw_script_peek(p))
		if (take_forged_number(p, f))
			return -EINVAL;
	return 0;
}

static int parse_flood(struct tw_script_parser *p)
{
	p->s->verb = TW_DO_CABLE_FLOOD;
	p->s->port = 80;
	if (tw_script_take_number(p, "a number of SYNs", 1, TW_CABLE_FLOOD_MAX, &p->s->number))
		return -EINVAL;
	if (tw_script_take_if(p, "port") && tw_script_take_port(p, &p->s->port))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

/* ---- the rest ---- */

static int parse_cut(struct tw_script_parser *p)
{
	p->s->verb = TW_DO_CABLE_CUT;
	p->s->number = -1;
	if (tw_script_peek(p) && tw_script_take_word(p, "end", ends, &p->s->number))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

static int parse_wait(struct tw_script_parser *p)
{
	const struct tw_frame_spec *spec = &p->s->rule.spec;

	p->s->verb = TW_DO_CABLE_WAIT;
	if (take_frames(p))
		return -EINVAL;
	if (spec->first != spec->last)
		return tw_script_fault(p, "'cable wait' needs one count: #3 waits for three");
	return tw_script_within(p);
}

static int parse_quiet(struct tw_script_parser *p)
{
	p->s->verb = TW_DO_CABLE_QUIET;
	if (tw_script_take_duration(p, "for how long", &p->s->time_ns))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

static int parse_bare(struct tw_script_parser *p, enum tw_verb verb)
{
	p->s->verb = verb;
	return tw_script_end_of_line(p);
}

int tw_script_cable(struct tw_script_parser *p)
{
	enum { RELEASE = TW_CABLE_REJECT + 1, FORGE, FLOOD, CUT, HEAL, FORGET, WAIT, QUIET };
	static const struct tw_script_word acts[] = {
		{ "drop", TW_CABLE_DROP },
		{ "delay", TW_CABLE_DELAY },
		{ "duplicate", TW_CABLE_DUPLICATE },
		{ "hold", TW_CABLE_HOLD },
		{ "corrupt", TW_CABLE_CORRUPT },
		{ "rewrite", TW_CABLE_REWRITE },
		{ "reject", TW_CABLE_REJECT },
		{ "release", RELEASE },
		{ "forge", FORGE },
		{ "flood", FLOOD },
		{ "cut", CUT },
		{ "heal", HEAL },
		{ "forget", FORGET },
		{ "wait", WAIT },
		{ "quiet", QUIET },
		{ NULL, 0 },
	};
	int64_t act;

	if (tw_script_take_word(p, "act of the cable", acts, &act))
		return -EINVAL;
	switch (act) {
	case RELEASE:
		return parse_bare(p, TW_DO_CABLE_RELEASE);
	case FORGE:
		return parse_forge(p);
	case FLOOD:
		return parse_flood(p);
	case CUT:
		return parse_cut(p);
	case HEAL:
		return parse_bare(p, TW_DO_CABLE_HEAL);
	case FORGET:
		return parse_bare(p, TW_DO_CABLE_FORGET);
	case WAIT:
		return parse_wait(p);
	case QUIET:
		return parse_quiet(p);
	default:
		return parse_rule(p, (enum tw_cable_action)act);
	}
}
