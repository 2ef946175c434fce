/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings from outside: this host's /proc/sys, or the output of `sysctl -a` of another one. What is
 * missing keeps its default and says so. A file is judged line by line: what is no line of Linux's
 * sysctl is an error, for a prediction from half of a file would look like one from all of it.
 */
#include "timers/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* The first line of a file, without its end. */
static bool first_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	bool got = f && fgets(out, (int)size, f);

	if (f)
		fclose(f);
	if (got)
		out[strcspn(out, "\n")] = '\0';
	return got;
}

/* The coarse clock moves with each tick, so that its resolution is one. */
static void measure_hz(struct tw_settings *s)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || tick.tv_nsec < 500000)
		return;
	s->hz = (unsigned)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
	s->hz_measured = true;
}

void tw_settings_read_host(struct tw_settings *s, const char *root)
{
	struct utsname host;
	struct tw_kernel kernel;
	unsigned i;

	tw_settings_defaults(s);
	measure_hz(s);
	for (i = 0; i < TW_SET__N; i++) {
		const char *name = tw_setting_table[i].name;
		char path[256], value[64];
		size_t at = (size_t)snprintf(path, sizeof(path), "%s/", root), from = at;

		snprintf(path + at, sizeof(path) - at, "%s", name);
		for (; from < sizeof(path) && path[from]; from++)
			if (path[from] == '.')
				path[from] = '/';
		if (!first_line(path, value, sizeof(value)) ||
		    tw_settings_assign(s, name, value, TW_FROM_HOST, NULL) != 1)
			s->source[i] = TW_FROM_UNREADABLE;
	}
	if (uname(&host) || !tw_kernel_parse(host.release, &kernel))
		return;
	s->kernel = kernel;
	for (i = 0; i < TW_SET__N; i++) {
		if (s->source[i] == TW_FROM_HOST ||
		    !tw_kernel_before(kernel, tw_setting_table[i].since))
			continue;
		s->value[i] = tw_setting_table[i].older;
		s->source[i] = TW_FROM_OLDER;
	}
}

struct reading {
	struct tw_settings *settings;
	const char *path;
	unsigned line, taken;
	struct tw_kernel kernel; /* 0.0: the file does not say */
	struct tw_err *err;
};

static bool is_name(const char *text, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._-/:@", text[i]))
			return false;
	return n > 0 && isalpha((unsigned char)text[0]);
}

static int foreign(struct reading *r, const char *line)
{
	return tw_err_set(r->err, -EINVAL,
			  "%s, line %u is no line of Linux's sysctl -a (NAME = VALUE): '%.60s'",
			  r->path, r->line, line);
}

static int take_line(struct reading *r, char *line)
{
	char *equals, *name = line + strspn(line, " \t\r"), *value;
	struct tw_err why = { 0 };
	size_t n;
	int taken;

	line[strcspn(line, "\r\n")] = '\0';
	/* Comments of sysctl.conf, and what sysctl complains about when both outputs went to a file. */
	if (!*name || *name == '#' || *name == ';' || strncmp(name, "sysctl: ", 8) == 0)
		return 0;
	if (*name == '-')
		name++;
	equals = strchr(name, '=');
	if (!equals)
		return foreign(r, line);
	for (n = (size_t)(equals - name); n && isspace((unsigned char)name[n - 1]); n--)
		;
	if (!is_name(name, n))
		return foreign(r, line);
	value = equals + 1 + strspn(equals + 1, " \t");
	name[n] = '\0';
	for (equals = name; *equals; equals++)
		if (*equals == '/')
			*equals = '.';
	if (strcmp(name, "kernel.osrelease") == 0 && !tw_kernel_parse(value, &r->kernel))
		return tw_err_set(r->err, -EINVAL, "%s, line %u: '%.40s' is no version of Linux",
				  r->path, r->line, value);
	taken = tw_settings_assign(r->settings, name, value, TW_FROM_FILE, &why);
	if (taken < 0)
		return tw_err_set(r->err, -EINVAL, "%s, line %u: %s", r->path, r->line, why.text);
	r->taken += (unsigned)taken;
	return 0;
}

/* What the file does not have: the kernel may be too old for it. */
static void fill_in(struct reading *r)
{
	struct tw_settings *s = r->settings;
	unsigned i;

	for (i = 0; i < TW_SET__N; i++) {
		const struct tw_setting *t = &tw_setting_table[i];
		const bool late = t->since.major > 0;

		if (s->source[i] == TW_FROM_FILE)
			continue;
		/* A file that has the settings which were always there would have this one, too. */
		if (late && (r->kernel.major ? tw_kernel_before(r->kernel, t->since)
					     : s->source[TW_SET_SYN_RETRIES] == TW_FROM_FILE)) {
			s->value[i] = t->older;
			s->source[i] = TW_FROM_OLDER;
			if (!r->kernel.major && !tw_kernel_before(s->kernel, t->since))
				s->kernel =
					(struct tw_kernel){ t->since.major, t->since.minor - 1 };
		} else {
			s->source[i] = TW_FROM_ABSENT;
		}
	}
	if (r->kernel.major)
		s->kernel = r->kernel;
}

int tw_settings_read_file(struct tw_settings *s, const char *path, struct tw_err *err)
{
	struct reading r = { .settings = s, .path = path, .err = err };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int status = 0;

	if (!f)
		return tw_err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	tw_settings_defaults(s);
	errno = 0;
	while (!status && (n = getline(&line, &size, f)) >= 0) {
		r.line++;
		status = strlen(line) == (size_t)n
				 ? take_line(&r, line)
				 : tw_err_set(err, -EINVAL,
					      "%s, line %u has a zero byte: this is "
					      "no text",
					      path, r.line);
	}
	if (!status && ferror(f))
		status = tw_err_set(err, -EIO, "cannot read %s: %s", path, strerror(errno));
	if (!status && !r.taken)
		status = tw_err_set(err, -EINVAL,
				    "%s has none of the settings that timers depend on; is it the "
				    "output of `sysctl -a` of a Linux host?",
				    path);
	if (!status)
		fill_in(&r);
	free(line);
	fclose(f);
	return status;
}
