/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The output of `sysctl -a` of another host, or a sysctl.conf. It is judged line by line: what is no
 * line of Linux's sysctl is an error, for an answer from half of a file would look like one from all of
 * it.
 */
#include "timers/sysctl_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	const char *path;
	unsigned line;
	tw_sysctl_line_fn take;
	void *user;
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
	char *equals, *name = line + strspn(line, " \t\r");
	struct tw_sysctl_line found = { .number = r->line };
	size_t n;

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
	found.value = equals + 1 + strspn(equals + 1, " \t");
	found.name = name;
	name[n] = '\0';
	for (; *name; name++)
		if (*name == '/')
			*name = '.';
	return r->take(r->user, &found, r->err);
}

int tw_sysctl_file_each(const char *path, tw_sysctl_line_fn take, void *user, struct tw_err *err)
{
	struct reading r = { .path = path, .take = take, .user = user, .err = err };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int status = 0;

	if (!f)
		return tw_err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	errno = 0;
	while (!status && (n = getline(&line, &size, f)) >= 0) {
		r.line++;
		status = strlen(line) == (size_t)n
				 ? take_line(&r, line)
				 : tw_err_set(err, -EINVAL,
					      "%s, line %u has a zero byte: this is no text", path,
					      r.line);
	}
	if (!status && ferror(f))
		status = tw_err_set(err, -EIO, "cannot read %s: %s", path, strerror(errno));
	free(line);
	fclose(f);
	return status;
}
