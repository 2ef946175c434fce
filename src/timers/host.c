/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings from outside: this host's /proc/sys, or the output of `sysctl -a` of another one. What is
 * missing keeps its default and says so.
 */
#include "timers/neighbour.h"
#include "timers/settings.h"
#include "timers/sysctl_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

bool tw_setting_read_line(const char *path, char *out, size_t size)
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
		/* The kernel takes -1 for some, too. */
		if (!tw_setting_read_line(path, value, sizeof(value)))
			s->source[i] = TW_FROM_UNREADABLE;
		else if (tw_settings_assign(s, name, value, TW_FROM_HOST, NULL) != 1)
			s->source[i] = TW_FROM_SENSELESS;
	}
	tw_neighbour_read(s, root);
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
	unsigned taken;
	struct tw_kernel kernel; /* 0.0: the file does not say */
	tw_sysctl_line_fn also;  /* who wants the lines, too; NULL: nobody */
	void *user;
};

static int take_line(void *user, const struct tw_sysctl_line *l, struct tw_err *err)
{
	struct reading *r = user;
	struct tw_err why = { 0 };
	int taken;

	if (strcmp(l->name, "kernel.osrelease") == 0 && !tw_kernel_parse(l->value, &r->kernel))
		return tw_err_set(err, -EINVAL, "%s, line %u: '%.40s' is no version of Linux",
				  r->path, l->number, l->value);
	taken = tw_settings_assign(r->settings, l->name, l->value, TW_FROM_FILE, &why);
	if (taken < 0)
		return tw_err_set(err, -EINVAL, "%s, line %u: %s", r->path, l->number, why.text);
	r->taken += (unsigned)taken;
	return r->also ? r->also(r->user, l, err) : 0;
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
	return tw_settings_read_file_also(s, path, NULL, NULL, err);
}

int tw_settings_read_file_also(struct tw_settings *s, const char *path, tw_sysctl_line_fn also,
			       void *user, struct tw_err *err)
{
	struct reading r = { .settings = s, .path = path, .also = also, .user = user };
	int status;

	tw_settings_defaults(s);
	status = tw_sysctl_file_each(path, take_line, &r, err);
	if (status)
		return status;
	if (!r.taken)
		return tw_err_set(err, -EINVAL,
				  "%s has none of the settings that timers depend on; is it the "
				  "output of `sysctl -a` of a Linux host?",
				  path);
	fill_in(&r);
	return 0;
}
