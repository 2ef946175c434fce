/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table and its parser. Options may stand anywhere, letters may be joined (-nv, -c5), a
 * long name takes its argument after '=' or as the next word, and "--" ends the options.
 */
#include "cli/options.h"
#include "base/suggest.h"
#include "report/style.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BOTH (TW_CMD_READ | TW_CMD_EXPLAIN)

const struct tw_option tw_options[] = {
	{ TW_OPT_READ, 'r', NULL, TW_ARG_CAPTURE, "FILE", TW_CMD_READ,
	  "read FILE; other words are then a filter",
	  "Read _FILE_, in the manner of tcpdump: words that are no option are then joined to a "
	  "filter "
	  "and not taken for files. May be given several times." },
	{ TW_OPT_FILTER, 'f', "filter", TW_ARG_TEXT, "FILTER", TW_CMD_READ,
	  "only packets that match, see pcap-filter(7)",
	  "Look only at packets that match this expression of *pcap-filter*(7). A filter that "
	  "hides one "
	  "direction of a connection hides its causes, too." },
	{ TW_OPT_WRITE, 'w', "write", TW_ARG_FILE, "FILE", TW_CMD_READ,
	  "write the reported connections to FILE, as pcapng",
	  "Write all packets of the reported connections to _FILE_ as pcapng; the packets that "
	  "decide a "
	  "verdict carry it as a comment. The input is read again for it, so it can not be a "
	  "pipe." },
	{ TW_OPT_COUNT, 'c', "count", TW_ARG_TEXT, "N", TW_CMD_READ, "stop after N packets",
	  "Stop after _N_ packets (of those that match the filter) and judge what they show." },
	{ TW_OPT_NUMERIC, 'n', NULL, TW_ARG_NONE, NULL, TW_CMD_READ,
	  "no name look-ups (there are none anyway)",
	  "Do not turn addresses into names. That is always so; the option is taken because "
	  "fingers know "
	  "it from tcpdump." },
	{ TW_OPT_VERBOSE, 'v', "verbose", TW_ARG_NONE, NULL, TW_CMD_READ,
	  "say more, with all evidence and what was ruled out",
	  "Say more: all evidence, the settings that govern the failure, the explanations that "
	  "were ruled "
	  "out and why, and references. Every group of failures is named." },
	{ TW_OPT_QUIET, 'q', "quiet", TW_ARG_NONE, NULL, TW_CMD_READ,
	  "say less, one line per verdict and endpoint",
	  "Say less: one line per verdict and endpoint, no diagrams, no explanations." },
	{ TW_OPT_ALL, 0, "all", TW_ARG_NONE, NULL, TW_CMD_READ, "report clean connections, too",
	  "Report every connection, also those that are clean." },
	{ TW_OPT_VERDICT, 0, "verdict", TW_ARG_SLUGS, "SLUG[,SLUG]", TW_CMD_READ,
	  "report only these verdicts",
	  "Report only connections with one of these verdicts: slugs of *tcpwhy-phenomena*(7), "
	  "*clean* or "
	  "*unknown*. The summary still counts all." },
	{ TW_OPT_STREAM, 0, "stream", TW_ARG_TEXT, "N", TW_CMD_READ,
	  "tell the whole story of connection N",
	  "Tell the whole story of one connection, packet by packet. _N_ counts from 0 by first "
	  "packet, as "
	  "tcp.stream of Wireshark does." },
	{ TW_OPT_JSON, 0, "json", TW_ARG_NONE, NULL, TW_CMD_READ,
	  "JSON Lines in place of the report",
	  "Print one JSON object per line: a finding per connection, then a summary per input. The "
	  "fields are described under JSON below. *-q* and *-v* do not change it." },
	{ TW_OPT_MERGE, 0, "merge", TW_ARG_NONE, NULL, TW_CMD_READ,
	  "take all files as one timeline",
	  "Take several files as parts of one timeline, ordered by time, in place of one report "
	  "per file." },
	{ TW_OPT_COLOR, 0, "color", TW_ARG_COLOR, "WHEN", TW_CMD_READ | TW_CMD_EXPLAIN,
	  "auto (default), always or never",
	  "When to colour: *auto* (the default: only on a terminal, and not if NO_COLOR is set), "
	  "*always* or "
	  "*never*." },
	{ TW_OPT_IDLE_TABLE, 0, "idle-table", TW_ARG_FILE, "FILE", TW_CMD_READ,
	  "idle timeouts of your own devices",
	  "Add the idle timeouts in _FILE_ to the built-in table of devices. Format: see FILES." },
	{ TW_OPT_MEMORY, 0, "memory", TW_ARG_TEXT, "SIZE", TW_CMD_READ,
	  "memory ceiling, as 512M (default is 1/4 of RAM)",
	  "Never use more memory than _SIZE_ (a number with K, M or G) for the connection tables. "
	  "What had "
	  "to be forgotten is counted and said. The default is a quarter of the machine's "
	  "memory." },
	{ TW_OPT_WIDTH, 0, "width", TW_ARG_TEXT, "N", TW_CMD_READ | TW_CMD_EXPLAIN,
	  "wrap text at N columns, 60 to 100",
	  "Wrap text at _N_ columns, 60 to 100. The default is the terminal's width within these "
	  "bounds, and 80 "
	  "without a terminal." },
	{ TW_OPT_HELP, 'h', "help", TW_ARG_NONE, NULL, BOTH, "show this help",
	  "Show a short help." },
	{ TW_OPT_VERSION, 'V', "version", TW_ARG_NONE, NULL, BOTH, "show the version",
	  "Show the version." },
};
const unsigned tw_option_count = sizeof(tw_options) / sizeof(tw_options[0]);

static const struct tw_option *find_letter(unsigned command, char letter)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++)
		if (tw_options[i].letter == letter && (tw_options[i].commands & command))
			return &tw_options[i];
	return NULL;
}

static const struct tw_option *find_name(unsigned command, const char *name, size_t length)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];

		if (o->name && (o->commands & command) && strlen(o->name) == length &&
		    memcmp(o->name, name, length) == 0)
			return o;
	}
	return NULL;
}

static int unknown_name(unsigned command, const char *name, size_t length, struct tw_err *err)
{
	char typed[64] = "";
	struct tw_suggestion s = { .typed = typed };
	unsigned i;

	memcpy(typed, name, length < sizeof(typed) ? length : sizeof(typed) - 1);
	for (i = 0; i < tw_option_count; i++)
		if (tw_options[i].name && (tw_options[i].commands & command))
			tw_suggest_offer(&s, tw_options[i].name);
	if (s.best)
		return tw_err_set(err, -EINVAL, "unknown option --%s; did you mean --%s?", typed,
				  s.best);
	return tw_err_set(err, -EINVAL, "unknown option --%s; see --help", typed);
}

static int number(const struct tw_option *o, const char *text, uint64_t *out, struct tw_err *err)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || text[0] == '+' || text[0] == ' ')
		return tw_err_set(err, -EINVAL, "option %s%s needs a number, not '%s'",
				  o->name ? "--" : "-",
				  o->name ? o->name : (char[]){ o->letter, 0 }, text);
	*out = value;
	return 0;
}

static int memory_size(const char *text, uint64_t *out, struct tw_err *err)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long value;
	const char *unit;
	unsigned shift = 0;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (end != text && *end && (unit = strchr(units, *end & ~0x20))) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
		if (*end == 'i')
			end++;
		if (*end == 'B')
			end++;
	}
	if (errno || end == text || *end || text[0] == '-' || value > UINT64_MAX >> shift)
		return tw_err_set(err, -EINVAL,
				  "option --memory needs a size such as 512M, not '%s'", text);
	*out = (uint64_t)value << shift;
	if (*out < 1 << 20)
		return tw_err_set(err, -EINVAL, "option --memory needs at least 1M, not '%s'",
				  text);
	return 0;
}

static int color_when(const char *text, enum tw_color *out, struct tw_err *err)
{
	if (strcmp(text, "auto") == 0)
		*out = TW_COLOR_AUTO;
	else if (strcmp(text, "always") == 0)
		*out = TW_COLOR_ALWAYS;
	else if (strcmp(text, "never") == 0)
		*out = TW_COLOR_NEVER;
	else
		return tw_err_set(err, -EINVAL,
				  "option --color takes auto, always or never, not '%s'", text);
	return 0;
}

static int width(const struct tw_option *o, const char *text, unsigned *out, struct tw_err *err)
{
	uint64_t value = 0;
	int r = number(o, text, &value, err);

	if (r)
		return r;
	if (value < TW_WIDTH_MIN || value > TW_WIDTH_MAX)
		return tw_err_set(err, -EINVAL, "option --width takes %d to %d columns, not %s",
				  TW_WIDTH_MIN, TW_WIDTH_MAX, text);
	*out = (unsigned)value;
	return 0;
}

static int once(const char **slot, const struct tw_option *o, const char *value, struct tw_err *err)
{
	if (*slot)
		return tw_err_set(err, -EINVAL, "option --%s is given twice", o->name);
	*slot = value;
	return 0;
}

/* @value: the argument, "" for an option that takes none. */
static int apply(struct tw_arguments *a, const struct tw_option *o, const char *value,
		 struct tw_err *err)
{
	switch (o->id) {
	case TW_OPT_READ:
		a->reads[a->read_count++] = value;
		return 0;
	case TW_OPT_FILTER:
		return once(&a->filter, o, value, err);
	case TW_OPT_WRITE:
		return once(&a->write_path, o, value, err);
	case TW_OPT_VERDICT:
		return once(&a->verdicts, o, value, err);
	case TW_OPT_IDLE_TABLE:
		return once(&a->idle_table, o, value, err);
	case TW_OPT_COUNT:
		if (number(o, value, &a->count, err))
			return -EINVAL;
		return a->count ? 0 : tw_err_set(err, -EINVAL, "option --count needs at least 1");
	case TW_OPT_STREAM:
		a->have_stream = true;
		return number(o, value, &a->stream, err);
	case TW_OPT_MEMORY:
		return memory_size(value, &a->memory_bytes, err);
	case TW_OPT_COLOR:
		return color_when(value, &a->color, err);
	case TW_OPT_WIDTH:
		return width(o, value, &a->width, err);
	case TW_OPT_NUMERIC:
		a->numeric = true;
		return 0;
	case TW_OPT_VERBOSE:
		a->verbose++;
		return 0;
	case TW_OPT_QUIET:
		a->quiet = true;
		return 0;
	case TW_OPT_ALL:
		a->all = true;
		return 0;
	case TW_OPT_JSON:
		a->json = true;
		return 0;
	case TW_OPT_MERGE:
		a->merge = true;
		return 0;
	case TW_OPT_HELP:
		a->help = true;
		return 0;
	case TW_OPT_VERSION:
		a->version = true;
		return 0;
	}
	return 0;
}

/* "-nvc5", "-c 5": every letter in turn; one that takes an argument swallows the rest, or the next word. */
static int parse_letters(struct tw_arguments *a, unsigned command, int argc, char **argv, int *i,
			 struct tw_err *err)
{
	const char *p;

	for (p = argv[*i] + 1; *p; p++) {
		const struct tw_option *o = find_letter(command, *p);
		const char *value = NULL;
		int r;

		if (!o)
			return tw_err_set(err, -EINVAL, "unknown option -%c; see --help", *p);
		if (o->argument != TW_ARG_NONE) {
			value = p[1] ? p + 1 : *i + 1 < argc ? argv[++*i] : NULL;
			if (!value)
				return tw_err_set(err, -EINVAL, "option -%c needs %s", *p,
						  o->argument_name);
		}
		r = apply(a, o, value ? value : "", err);
		if (r || value)
			return r;
	}
	return 0;
}

static int parse_name(struct tw_arguments *a, unsigned command, int argc, char **argv, int *i,
		      struct tw_err *err)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct tw_option *o = find_name(command, name, length);
	const char *value = equals ? equals + 1 : NULL;

	if (!o)
		return unknown_name(command, name, length, err);
	if (o->argument == TW_ARG_NONE && value)
		return tw_err_set(err, -EINVAL, "option --%s takes no argument", o->name);
	if (o->argument != TW_ARG_NONE && !value) {
		if (*i + 1 >= argc)
			return tw_err_set(err, -EINVAL, "option --%s needs %s", o->name,
					  o->argument_name);
		value = argv[++*i];
	}
	return apply(a, o, value ? value : "", err);
}

int tw_arguments_parse(struct tw_arguments *a, unsigned command, int argc, char **argv, int first,
		       struct tw_err *err)
{
	bool ended = false;
	int i, r = 0;

	*a = (struct tw_arguments){ 0 };
	a->words = calloc((size_t)argc + 1, sizeof(*a->words));
	a->reads = calloc((size_t)argc + 1, sizeof(*a->reads));
	if (!a->words || !a->reads)
		return tw_err_set(err, -ENOMEM, "out of memory");
	for (i = first; i < argc && !r; i++) {
		if (ended || argv[i][0] != '-' || argv[i][1] == '\0')
			a->words[a->word_count++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			ended = true;
		else if (argv[i][1] == '-')
			r = parse_name(a, command, argc, argv, &i, err);
		else
			r = parse_letters(a, command, argc, argv, &i, err);
	}
	return r;
}

void tw_arguments_free(struct tw_arguments *a)
{
	free(a->words);
	free(a->reads);
	*a = (struct tw_arguments){ 0 };
}

void tw_options_print(FILE *out, unsigned command)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];
		char left[64];
		int n;

		if (!(o->commands & command))
			continue;
		if (o->letter && o->name)
			n = snprintf(left, sizeof(left), "-%c, --%s", o->letter, o->name);
		else if (o->letter)
			n = snprintf(left, sizeof(left), "-%c", o->letter);
		else
			n = snprintf(left, sizeof(left), "    --%s", o->name);
		if (o->argument_name)
			snprintf(left + n, sizeof(left) - (size_t)n, "%c%s", o->name ? '=' : ' ',
				 o->argument_name);
		fprintf(out, "  %-25s %s\n", left, o->summary);
	}
}
