/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TIMERS_SYSCTL_FILE_H
#define TW_TIMERS_SYSCTL_FILE_H

#include "timers/settings.h"

/* One line of `sysctl -a` or sysctl.conf, with dots in the name. */
struct tw_sysctl_line {
	const char *name, *value;
	unsigned number; /* from 1 */
};

/* Anything but 0 ends the reading, and is what it returns. */
typedef int (*tw_sysctl_line_fn)(void *user, const struct tw_sysctl_line *line, struct tw_err *err);

/*
 * Hand every setting of a file to @take. -EINVAL with the line for what is no line of Linux's sysctl;
 * -errno for a file that can not be read; or what @take returned.
 */
int tw_sysctl_file_each(const char *path, tw_sysctl_line_fn take, void *user, struct tw_err *err);

/*
 * tw_settings_read_file() that hands every line to @also, too: a pipe can not be read twice.
 */
int tw_settings_read_file_also(struct tw_settings *s, const char *path, tw_sysctl_line_fn also,
			       void *user, struct tw_err *err);

#endif
