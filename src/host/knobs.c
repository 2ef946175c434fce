/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the settings that no timer depends on, from /proc/sys, a file, or the command line. Each is
 * known or unknown: a namespace shows fewer than the host, a module brings its own.
 */
#include "base/suggest.h"
#include "host/host_private.h"
#include "timers/sysctl_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KNOB(id, name, word) { name, word },
const struct tw_knob tw_knob_table[TW_KNOB__N] = {
#include "host/knobs.def"
};
#undef KNOB

/* No setting is larger, and what is computed from two of them does not overflow. */
#define MOST INT64_C(1000000000000000)

/* The @word-th number of @text, nothing but blanks behind each. */
static bool number(const char *text, unsigned word, int64_t *out)
{
	char *end;
	unsigned i;

	for (i = 0;; i++) {
		errno = 0;
		*out = strtoll(text, &end, 10);
		if (errno || end == text || (*end && !strchr(" \t\n", *end)) || *out < 0 ||
		    *out > MOST)
			return false;
		if (i == word)
			return true;
		text = end;
	}
}

/* How many there are of this name, -1 for a value that is no number. */
static int assign(struct tw_host *h, const char *name, const char *value)
{
	int taken = 0;
	unsigned i;

	for (i = 0; i < TW_KNOB__N; i++) {
		int64_t v;

		if (strcmp(tw_knob_table[i].name, name) != 0)
			continue;
		if (!number(value, tw_knob_table[i].word, &v))
			return -1;
		h->knob[i] = v;
		h->knob_known[i] = true;
		taken++;
	}
	return taken;
}

void tw_host_read_knobs(struct tw_host *h, const char *proc)
{
	unsigned i;

	for (i = 0; i < TW_KNOB__N; i++) {
		char path[128], line[128] = "";
		size_t at;
		FILE *f;

		snprintf(path, sizeof(path), "sys/%s", tw_knob_table[i].name);
		for (at = 0; path[at]; at++)
			if (path[at] == '.')
				path[at] = '/';
		f = tw_host_open(proc, path);
		if (f && fgets(line, sizeof(line), f))
			h->knob_known[i] = number(line, tw_knob_table[i].word, &h->knob[i]);
		if (f)
			fclose(f);
	}
}

/* "net.ipv4.conf.eth0.rp_filter" in a file tells of a link. */
static void take_link(struct tw_host *h, const char *name, const char *value)
{
	static const char before[] = "net.ipv4.conf.", after[] = ".rp_filter";
	const size_t n = strlen(name), head = strlen(before), tail = strlen(after);
	struct tw_link *l = &h->link[h->links];
	int64_t filter;

	if (n <= head + tail || strncmp(name, before, head) != 0 ||
	    strcmp(name + n - tail, after) != 0 || n - head - tail >= sizeof(l->name) ||
	    h->links == TW_LINKS_MAX || !number(value, 0, &filter))
		return;
	*l = (struct tw_link){ .rp_filter = filter };
	memcpy(l->name, name + head, n - head - tail);
	l->loopback = strcmp(l->name, "lo") == 0;
	if (strcmp(l->name, "all") != 0 && strcmp(l->name, "default") != 0)
		h->links++;
}

struct file {
	struct tw_host *host;
	const char *path;
};

static int take_line(void *user, const struct tw_sysctl_line *l, struct tw_err *err)
{
	const struct file *f = user;

	if (assign(f->host, l->name, l->value) < 0)
		return tw_err_set(err, -EINVAL, "%s, line %u: %s needs whole numbers, not '%.40s'",
				  f->path, l->number, l->name, l->value);
	take_link(f->host, l->name, l->value);
	return 0;
}

int tw_host_read_file(struct tw_host *h, const char *path, struct tw_err *err)
{
	struct file f = { h, path };
	unsigned i;
	int r;

	tw_host_init(h);
	r = tw_settings_read_file_also(&h->timers, path, take_line, &f, err);
	/* How full its tables were when the file was made says nothing of now. */
	h->knob_known[TW_KNOB_CT_COUNT] = false;
	for (i = 0; i < h->links; i++)
		if (h->link[i].rp_filter < tw_host_knob(h, TW_KNOB_RP_FILTER_ALL, 0))
			h->link[i].rp_filter = h->knob[TW_KNOB_RP_FILTER_ALL];
	h->parts = TW_HOST_SETTINGS;
	tw_host_unread(h, "sockets, counters, interfaces", "these are settings of another host");
	return r;
}

static int unknown(const char *typed, struct tw_err *err)
{
	struct tw_suggestion s = { .typed = typed };
	unsigned i, from;

	for (from = 0; from < 2; from++) {
		for (i = 0; i < (from ? TW_SET__N : TW_KNOB__N); i++) {
			const char *name = from ? tw_setting_table[i].name : tw_knob_table[i].name;

			/* With and without "net.ipv4.", "net.netfilter.". */
			tw_suggest_offer(&s, name);
			if (strncmp(name, "net.", 4) == 0 && strchr(name + 4, '.'))
				tw_suggest_offer(&s, strchr(name + 4, '.') + 1);
		}
	}
	if (s.best)
		return tw_err_set(err, -EINVAL,
				  "audit does not look at a setting '%s'; did you mean %s?", typed,
				  s.best);
	return tw_err_set(err, -EINVAL,
			  "audit does not look at a setting '%s'; see tcpwhy-audit(1)", typed);
}

int tw_host_set(struct tw_host *h, const char *assignment, struct tw_err *err)
{
	static const char *const prefixes[] = { "", "net.ipv4.", "net.netfilter.", "net.core." };
	const char *equals = strchr(assignment, '=');
	char typed[80], name[112];
	unsigned i;
	size_t at;

	if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof(typed))
		return tw_err_set(
			err, -EINVAL,
			"option --set needs NAME=VALUE such as tcp_syncookies=0, not '%s'",
			assignment);
	snprintf(typed, sizeof(typed), "%.*s", (int)(equals - assignment), assignment);
	for (at = 0; typed[at]; at++)
		if (typed[at] == '/')
			typed[at] = '.';
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		int taken;

		snprintf(name, sizeof(name), "%s%s", prefixes[i], typed);
		taken = assign(h, name, equals + 1);
		if (taken < 0)
			return tw_err_set(err, -EINVAL, "%s needs whole numbers, not '%s'", name,
					  equals + 1);
		if (!taken)
			taken = tw_settings_assign(&h->timers, name, equals + 1, TW_FROM_SET, err);
		if (taken)
			return taken < 0 ? taken : 0;
	}
	return unknown(typed, err);
}
