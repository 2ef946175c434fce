/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings of a host: names, values, and where each value comes from. Nothing here reads anything
 * (see host.c); a value that the kernel would refuse is refused here, too.
 */
#include "timers/settings.h"
#include "base/suggest.h"
#include "timers/constants.h"
#include "timers/neighbour.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX     "net.ipv4."
#define HZ_ASSUMED 250 /* what distributions for servers build with */

#define SETTING(id, name, word, value, least, most, unit, major, minor, older, meaning)            \
	{ name, word, value, least, most, unit, { major, minor }, older, meaning },
const struct tw_setting tw_setting_table[TW_SET__N] = {
#include "timers/settings.def"
};
#undef SETTING

const char *tw_set_from_name(enum tw_set_from s)
{
	static const char *const names[] = {
		[TW_FROM_DEFAULT] = "default",
		[TW_FROM_HOST] = "this host",
		[TW_FROM_UNREADABLE] = "default: not readable on this host",
		[TW_FROM_SENSELESS] = "default: this host's makes no sense",
		[TW_FROM_FILE] = "file",
		[TW_FROM_ABSENT] = "default: not in the file",
		[TW_FROM_OLDER] = "fixed in this kernel",
		[TW_FROM_SET] = "--set",
	};

	return names[s];
}

const struct tw_kernel tw_rules_since = { 4, 19 };
const struct tw_kernel tw_rules_measured = { 6, 18 };

bool tw_kernel_parse(const char *text, struct tw_kernel *out)
{
	int length = 0;

	if (text[0] < '0' || text[0] > '9' ||
	    sscanf(text, "%3u.%4u%n", &out->major, &out->minor, &length) != 2 || !length)
		return false;
	return !text[length] || strchr(".-+_ \n", text[length]);
}

bool tw_kernel_before(struct tw_kernel a, struct tw_kernel b)
{
	return a.major != b.major ? a.major < b.major : a.minor < b.minor;
}

void tw_settings_defaults(struct tw_settings *s)
{
	unsigned i;

	*s = (struct tw_settings){ .hz = HZ_ASSUMED };
	for (i = 0; i < TW_SET__N; i++) {
		const struct tw_setting *t = &tw_setting_table[i];

		s->value[i] = t->value;
		s->source[i] = TW_FROM_DEFAULT;
		if (tw_kernel_before(s->kernel, t->since))
			s->kernel = t->since;
	}
}

void tw_settings_age(struct tw_settings *s, struct tw_kernel kernel)
{
	unsigned i;

	s->kernel = kernel;
	for (i = 0; i < TW_SET__N; i++) {
		const struct tw_setting *t = &tw_setting_table[i];

		if (!tw_kernel_before(kernel, t->since))
			continue;
		s->value[i] = t->older;
		s->source[i] = TW_FROM_OLDER;
	}
}

/* The @word-th number of @text, which must have @words of them. */
static bool number(const char *text, unsigned word, unsigned words, int64_t *out)
{
	unsigned i;

	for (i = 0;; i++) {
		char *end;
		long long value;

		text += strspn(text, " \t\r\n");
		if (!*text)
			return i == words;
		errno = 0;
		value = strtoll(text, &end, 10);
		if (errno || end == text || (*end && !strchr(" \t\r\n", *end)))
			return false;
		if (i == word)
			*out = value;
		text = end;
	}
}

static unsigned words_of(const char *name)
{
	unsigned i, n = 0;

	for (i = 0; i < TW_SET__N; i++)
		n += strcmp(tw_setting_table[i].name, name) == 0;
	return n;
}

int tw_setting_take(struct tw_settings *s, enum tw_setting_id id, const char *name,
		    const char *value, enum tw_set_from source, struct tw_err *err)
{
	const struct tw_setting *t = &tw_setting_table[id];
	const unsigned words = words_of(t->name);
	int64_t v = 0;

	if (!number(value, t->word, words, &v))
		return tw_err_set(err, -EINVAL, "%s needs %s, not '%s'", name,
				  words == 1 ? "a whole number"
					     : "two whole numbers with a blank between",
				  value);
	if (v < t->least || v > t->most)
		return tw_err_set(err, -EINVAL, "%s takes %lld to %lld%s%s, not %lld", name,
				  (long long)t->least, (long long)t->most, *t->unit ? " " : "",
				  t->unit, (long long)v);
	s->value[id] = v;
	s->source[id] = source;
	return 0;
}

int tw_settings_assign(struct tw_settings *s, const char *name, const char *value,
		       enum tw_set_from source, struct tw_err *err)
{
	bool taken = false;
	unsigned i;

	for (i = 0; i < TW_SET__N; i++) {
		if (strcmp(tw_setting_table[i].name, name) != 0)
			continue;
		if (tw_setting_take(s, i, name, value, source, err))
			return -EINVAL;
		tw_neighbour_forget(s, i);
		taken = true;
	}
	return taken ? 1 : tw_neighbour_assign(s, name, value, source, err);
}

static int unknown(const char *name, struct tw_err *err)
{
	struct tw_suggestion s = { .typed = name };
	unsigned i;

	for (i = 0; i < TW_SET__N; i++) {
		const char *known = tw_setting_table[i].name;

		tw_suggest_offer(&s, known);
		if (strncmp(known, PREFIX, strlen(PREFIX)) == 0)
			tw_suggest_offer(&s, known + strlen(PREFIX));
	}
	if (s.best)
		return tw_err_set(err, -EINVAL, "no timer depends on '%s'; did you mean %s?", name,
				  s.best);
	return tw_err_set(err, -EINVAL,
			  "no timer depends on '%s'; `tcpwhy predict -v` lists the settings that "
			  "matter",
			  name);
}

/* A whole name with dots: "tcp_retries2" and "net/ipv4/tcp_retries2" mean the same. */
static void whole_name(char *out, size_t size, const char *typed, size_t n)
{
	size_t i;

	snprintf(out, size, "%.*s", (int)n, typed);
	for (i = 0; out[i]; i++)
		if (out[i] == '/')
			out[i] = '.';
	if (!words_of(out)) {
		char longer[128];

		snprintf(longer, sizeof(longer), PREFIX "%s", out);
		if ((words_of(longer) || strncmp(out, "neigh.", 6) == 0) && strlen(longer) < size)
			memcpy(out, longer, strlen(longer) + 1);
	}
}

int tw_settings_set(struct tw_settings *s, const char *assignment, struct tw_err *err)
{
	const char *equals = strchr(assignment, '=');
	char name[96];
	unsigned i;
	int r;

	if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof(name))
		return tw_err_set(err, -EINVAL,
				  "option --set needs NAME=VALUE such as tcp_retries2=8, not '%s'",
				  assignment);
	whole_name(name, sizeof(name), assignment, (size_t)(equals - assignment));
	for (i = 0; i < TW_SET__N; i++) {
		const struct tw_setting *t = &tw_setting_table[i];

		if (strcmp(t->name, name) == 0 && tw_kernel_before(s->kernel, t->since))
			return tw_err_set(err, -EINVAL,
					  "Linux %u.%u has no %s: it came with Linux %u.%u",
					  s->kernel.major, s->kernel.minor, name, t->since.major,
					  t->since.minor);
	}
	r = tw_settings_assign(s, name, equals + 1, TW_FROM_SET, err);
	return r == 0 ? unknown(name, err) : r < 0 ? r : 0;
}

bool tw_setting_is_older(const char *name, const char *value)
{
	unsigned i;

	for (i = 0; i < TW_SET__N; i++) {
		const struct tw_setting *t = &tw_setting_table[i];
		const size_t prefix = strncmp(t->name, PREFIX, strlen(PREFIX)) ? 0 : strlen(PREFIX);
		int64_t v = 0;

		if (t->since.major && (!strcmp(t->name, name) || !strcmp(t->name + prefix, name)))
			return number(value, t->word, 1, &v) && v == t->older;
	}
	return false;
}

int tw_settings_check(const struct tw_settings *s, struct tw_err *err)
{
	if (s->value[TW_SET_PORT_LOW] <= s->value[TW_SET_PORT_HIGH])
		return 0;
	return tw_err_set(err, -EINVAL, "net.ipv4.ip_local_port_range ends before it begins");
}
