/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the scenario language (docs/lab.md): lines, the settings of the head, the statements about hosts and
 * time, and the order in which statements may stand.
 *
 *	head (settings)  ->  steps  [fault]  steps  ->  verdict, never
 *
 * One pass, line by line: a line is cut into words, the first word chooses who reads the rest, and each
 * reader takes words until none is left; words that nobody took are an error. What can only be known at
 * the end (is there a router?) is checked then. All text that a statement keeps is in the script's arena.
 *
 * Limits: TW_SCRIPT_STATEMENTS_MAX statements, TW_SCRIPT_WORDS_MAX words in a line; a NUL ends the text.
 */
#include "base/duration.h"
#include "base/suggest.h"
#include "lab/script_private.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_DELAY_NS (2 * TW_NS_PER_MS)
/* The least MTU of IPv6, and the most of an IP packet. */
#define MTU_MIN 1280
#define MTU_MAX 65535

static const struct tw_script_word hosts[] = {
	{ "client", TW_HOST_CLIENT },
	{ "server", TW_HOST_SERVER },
	{ "router", TW_HOST_ROUTER },
	{ NULL, 0 },
};

bool tw_script_who(const char *word, enum tw_host_id *host, unsigned *process)
{
	size_t length = strcspn(word, ".");
	int64_t n = 1;

	if (length != 6 || (strncmp(word, "client", 6) != 0 && strncmp(word, "server", 6) != 0))
		return false;
	if (word[length] && (word[length + 1] < '0' || word[length + 1] > '9' ||
			     !tw_script_number(word + length + 1, 1, 99, &n)))
		return false;
	*host = word[0] == 'c' ? TW_HOST_CLIENT : TW_HOST_SERVER;
	*process = (unsigned)n;
	return true;
}

/* ---- settings ---- */

static int parse_topology(struct tw_script_parser *p)
{
	static const struct tw_script_word kinds[] = { { "lan", 0 }, { "router", 1 }, { NULL, 0 } };
	int64_t kind;

	if (tw_script_take_word(p, "topology", kinds, &kind))
		return -EINVAL;
	p->script->net.router = kind;
	return 0;
}

static int parse_delay(struct tw_script_parser *p)
{
	return tw_script_take_duration(p, "the delay", &p->script->delay_ns);
}

static int take_mtu(struct tw_script_parser *p, unsigned *out)
{
	int64_t mtu;

	if (tw_script_take_number(p, "an MTU", MTU_MIN, MTU_MAX, &mtu))
		return -EINVAL;
	*out = (unsigned)mtu;
	return 0;
}

static int parse_mtu(struct tw_script_parser *p)
{
	return take_mtu(p, &p->script->net.mtu);
}

static int parse_server_mtu(struct tw_script_parser *p)
{
	p->server_mtu_line = p->line;
	return take_mtu(p, &p->script->net.server_mtu);
}

static int parse_nat(struct tw_script_parser *p)
{
	p->script->nat = true;
	return 0;
}

/* "2%", "0.5%": to tenths of a percent. */
static int parse_loss(struct tw_script_parser *p)
{
	const char *word, *c;
	unsigned permille = 0, decimals = 0;
	bool point = false;

	if (tw_script_take(p, "how much is lost", &word))
		return -EINVAL;
	for (c = word; (*c >= '0' && *c <= '9') || (*c == '.' && !point); c++) {
		if (*c == '.') {
			point = true;
			continue;
		}
		permille = permille * 10 + (unsigned)(*c - '0');
		decimals += point;
		if (permille > 1000 || decimals > 1)
			break;
	}
	permille *= decimals ? 1 : 10;
	if (c == word || strcmp(c, "%") != 0 || c[-1] == '.' || !permille || permille > 1000)
		return tw_script_fault(p, "'%s' is not a loss from 0.1%% to 100%%",
				       TW_QUOTED(word));
	p->script->loss_permille = permille;
	return 0;
}

static int parse_truth(struct tw_script_parser *p)
{
	const char *slug;

	if (tw_script_take(p, "the slug", &slug))
		return -EINVAL;
	if (strcmp(slug, "clean") != 0 && !tw_phenomenon_find(slug))
		return tw_script_unknown_near(p, "phenomenon", slug, tw_phenomenon_nearest(slug));
	p->script->truth = slug;
	return 0;
}

static const struct setting {
	const char *name;
	int (*parse)(struct tw_script_parser *p);
} settings[] = {
	{ "topology", parse_topology },     { "delay", parse_delay }, { "mtu", parse_mtu },
	{ "server-mtu", parse_server_mtu }, { "nat", parse_nat },     { "loss", parse_loss },
	{ "truth", parse_truth },
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static int parse_setting(struct tw_script_parser *p, size_t i)
{
	if (p->steps)
		return tw_script_fault(p, "'%s' is a setting and must stand before the first step",
				       settings[i].name);
	if (p->settings & 1u << i)
		return tw_script_fault(p, "'%s' is set twice", settings[i].name);
	p->settings |= 1u << i;
	if (settings[i].parse(p))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

/* ---- statements about hosts and time ---- */

/* A part of a path below /proc/sys: no way out of it. */
static bool sysctl_name(const char *name)
{
	return *name && *name != '/' && *name != '.' && !strstr(name, "..") &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-./") == strlen(name);
}

static int parse_sysctl(struct tw_script_parser *p, bool shorten)
{
	struct tw_statement *s = p->s;
	const char *value;
	int64_t host;

	if (shorten && p->steps)
		return tw_script_fault(p,
				       "'short' is a setting and must stand before the first step");
	s->verb = TW_DO_SYSCTL;
	s->number = shorten;
	if (tw_script_take_word(p, "host", hosts, &host) ||
	    tw_script_take(p, "the name of a sysctl", &s->name))
		return -EINVAL;
	s->host = (enum tw_host_id)host;
	if (!sysctl_name(s->name))
		return tw_script_fault(p, "'%s' is not the name of a sysctl", TW_QUOTED(s->name));
	if (tw_script_take(p, "a value", &s->value))
		return -EINVAL;
	while (p->next < p->count) { /* tcp_rmem has three numbers */
		value = p->word[p->next++];
		s->value = tw_arena_printf(&p->script->arena, "%s %s", s->value, value);
	}
	return 0;
}

static int parse_host(struct tw_script_parser *p)
{
	static const struct tw_script_word acts[] = {
		{ "vanish", TW_DO_VANISH },
		{ "reboot", TW_DO_REBOOT },
		{ "neighbour", TW_DO_NEIGHBOUR },
		{ NULL, 0 },
	};
	static const struct tw_script_word known[] = {
		{ "none", TW_NEIGHBOUR_NONE },
		{ "stale", TW_NEIGHBOUR_STALE },
		{ "reachable", TW_NEIGHBOUR_REACHABLE },
		{ "permanent", TW_NEIGHBOUR_PERMANENT },
		{ NULL, 0 },
	};
	int64_t host, verb;

	if (tw_script_take_word(p, "host", hosts, &host) ||
	    tw_script_take_word(p, "act of a host", acts, &verb))
		return -EINVAL;
	p->s->host = (enum tw_host_id)host;
	p->s->verb = (enum tw_verb)verb;
	if (verb == TW_DO_NEIGHBOUR &&
	    tw_script_take_word(p, "state of a neighbour", known, &p->s->number))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

static int parse_wait(struct tw_script_parser *p)
{
	p->s->verb = TW_DO_WAIT;
	if (tw_script_take_duration(p, "how long to wait", &p->s->time_ns))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

static int parse_fault(struct tw_script_parser *p)
{
	if (p->fault_line)
		return tw_script_fault(p, "'fault' stands in line %u already", p->fault_line);
	p->fault_line = p->line;
	p->s->verb = TW_DO_FAULT;
	p->script->fault = p->script->count + 1;
	return tw_script_end_of_line(p);
}

/* ---- one line ---- */

enum opening {
	OPEN_SET,
	OPEN_SHORT,
	OPEN_CABLE,
	OPEN_HOST,
	OPEN_WAIT,
	OPEN_FAULT,
	OPEN_JOIN,
	OPEN_STATE,
	OPEN_QUEUE,
	OPEN_VERDICT,
	OPEN_NEVER,
};

static const struct tw_script_word openings[] = {
	{ "set", OPEN_SET },         { "short", OPEN_SHORT }, { "cable", OPEN_CABLE },
	{ "host", OPEN_HOST },       { "wait", OPEN_WAIT },   { "fault", OPEN_FAULT },
	{ "join", OPEN_JOIN },       { "state", OPEN_STATE }, { "queue", OPEN_QUEUE },
	{ "verdict", OPEN_VERDICT }, { "never", OPEN_NEVER }, { NULL, 0 },
};

static int unknown_opening(struct tw_script_parser *p, const char *word)
{
	struct tw_suggestion s = { .typed = word };
	size_t i;

	if (!strncmp(word, "client.", 7) || !strncmp(word, "server.", 7))
		return tw_script_fault(p, "'%s' is no process: client, or client.2 to client.99",
				       TW_QUOTED(word));
	for (i = 0; openings[i].name; i++)
		tw_suggest_offer(&s, openings[i].name);
	for (i = 0; i < SETTINGS; i++)
		tw_suggest_offer(&s, settings[i].name);
	tw_suggest_offer(&s, "client");
	tw_suggest_offer(&s, "server");
	return tw_script_unknown_near(p, "statement", p->s->text, s.best);
}

static int parse_step(struct tw_script_parser *p, enum opening opening)
{
	switch (opening) {
	case OPEN_CABLE:
		return tw_script_cable(p);
	case OPEN_HOST:
		return parse_host(p);
	case OPEN_WAIT:
		return parse_wait(p);
	case OPEN_FAULT:
		return parse_fault(p);
	case OPEN_JOIN:
		return tw_script_watch(p, TW_DO_JOIN);
	case OPEN_STATE:
		return tw_script_watch(p, TW_DO_STATE);
	default:
		return tw_script_watch(p, TW_DO_QUEUE);
	}
}

/* The statement of this line goes into p->s; *keep: it is one for the list, not a setting. */
static int parse_statement(struct tw_script_parser *p, bool *keep)
{
	const char *word = tw_script_peek(p);
	const struct tw_script_word *w;
	bool call;
	size_t i;

	*keep = false;
	if (!word)
		return 0;
	p->next++;
	w = tw_script_find(openings, word);
	call = tw_script_who(word, &p->s->host, &p->s->process);
	for (i = 0; i < SETTINGS; i++)
		if (!strcmp(settings[i].name, word))
			return parse_setting(p, i);
	if (!call && !w)
		return unknown_opening(p, word);
	*keep = true;
	if (w && (w->value == OPEN_VERDICT || w->value == OPEN_NEVER)) {
		p->steps = true;
		if (!p->verdict_line)
			p->verdict_line = p->line;
		return tw_script_verdict(p, w->value == OPEN_NEVER);
	}
	if (p->verdict_line)
		return tw_script_fault(p,
				       "no step may follow the verdicts (which begin in line %u)",
				       p->verdict_line);
	if (w && (w->value == OPEN_SET || w->value == OPEN_SHORT))
		return parse_sysctl(p, w->value == OPEN_SHORT);
	p->steps = true;
	return call ? tw_script_call(p) : parse_step(p, (enum opening)w->value);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Where the comment of a line begins, or its end: '#' before a digit is a socket or a count. */
static size_t without_comment(const char *line, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (line[i] == '#' && (i == 0 || is_blank(line[i - 1])) &&
		    (i + 1 == length || line[i + 1] < '0' || line[i + 1] > '9'))
			break;
	while (i && is_blank(line[i - 1]))
		i--;
	return i;
}

/* Cut a line, which is without comment and blanks around, into words. */
static int cut_words(struct tw_script_parser *p, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = tw_arena_alloc(&p->script->arena, bytes);

	if (!copy || bytes == 1) /* a text is never empty, unless memory was out */
		return tw_err_set(p->err, -ENOMEM, "memory is out");
	memcpy(copy, text, bytes);
	p->count = p->next = 0;
	for (;;) {
		while (is_blank(*copy))
			*copy++ = '\0';
		if (!*copy)
			return 0;
		if (p->count == TW_SCRIPT_WORDS_MAX)
			return tw_script_fault(p, "more than %d words", TW_SCRIPT_WORDS_MAX);
		p->word[p->count++] = copy;
		while (*copy && !is_blank(*copy))
			copy++;
	}
}

static void start_statement(struct tw_script_parser *p, const char *text)
{
	*p->s = (struct tw_statement){
		.line = p->line,
		.text = text,
		.process = 1,
		.socket = 1,
		.number = -1,
		.expect = { .at_least_ns = -1,
			    .at_most_ns = -1,
			    .full_at_least_ns = -1,
			    .full_at_most_ns = -1 },
		.forge = { .ip_id = -1 },
	};
}

static int parse_line(struct tw_script_parser *p, const char *line, size_t length)
{
	struct tw_script *script = p->script;
	const char *text;
	bool keep;
	int r;

	while (length && is_blank(*line))
		line++, length--;
	length = without_comment(line, length);
	if (!length)
		return 0;
	if (length > 4096)
		return tw_script_fault(p, "the line is longer than 4096 bytes");
	if (script->count == TW_SCRIPT_STATEMENTS_MAX)
		return tw_script_fault(p, "more than %d statements", TW_SCRIPT_STATEMENTS_MAX);
	text = tw_arena_printf(&script->arena, "%.*s", (int)length, line);
	p->s = &script->statements[script->count];
	start_statement(p, text);
	if ((r = cut_words(p, text)) || (r = parse_statement(p, &keep)))
		return r;
	script->count += keep;
	return 0;
}

/* ---- the whole ---- */

/* What only the whole script can tell. */
static int check_whole(struct tw_script_parser *p)
{
	const struct tw_script *script = p->script;
	unsigned i;

	for (i = 0; i < script->count; i++) {
		const struct tw_statement *s = &script->statements[i];

		p->line = s->line;
		if (s->host == TW_HOST_ROUTER && !script->net.router)
			return tw_script_fault(p, "there is no router without 'topology router'");
		if (s->verb == TW_DO_CABLE_FORGET && !script->nat)
			return tw_script_fault(p, "there is nothing to forget without 'nat'");
		if (s->verb == TW_DO_CABLE_FLOOD && !script->net.router)
			return tw_script_fault(p, "a flood comes from beyond a router: it needs "
						  "'topology router'");
	}
	p->line = p->server_mtu_line;
	if (p->line && !script->net.router)
		return tw_script_fault(p, "there is no second link without 'topology router'");
	return 0;
}

static unsigned count_lines(const char *text)
{
	unsigned n = 1;

	while (n <= TW_SCRIPT_STATEMENTS_MAX && (text = strchr(text, '\n'))) {
		n++;
		text++;
	}
	return n;
}

int tw_script_parse(struct tw_script *s, const char *text, struct tw_err *err)
{
	struct tw_err unread = { 0 };
	struct tw_script_parser p = { .script = s, .err = err ? err : &unread };
	int r = 0;

	*s = (struct tw_script){ .delay_ns = DEFAULT_DELAY_NS };
	tw_arena_init(&s->arena);
	s->statements = tw_arena_alloc(&s->arena, count_lines(text) * sizeof(*s->statements));
	if (!s->statements)
		return tw_err_set(err, -ENOMEM, "memory is out");
	while (!r && *text) {
		size_t length = strcspn(text, "\n");

		p.line++;
		r = parse_line(&p, text, length);
		text += length + (text[length] == '\n');
	}
	if (!r)
		r = check_whole(&p);
	if (r)
		tw_script_free(s);
	return r;
}

void tw_script_free(struct tw_script *s)
{
	tw_arena_free(&s->arena);
	*s = (struct tw_script){ 0 };
}
