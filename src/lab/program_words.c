/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: a user's program's arguments, with the address of the scenario in them, and its environment: the caller's,
 * and TCPWHY_HOST and TCPWHY_PORT.
 */
#include "lab/program_private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char host_word[] = "{host}", port_word[] = "{port}";

/* An IPv6 address gets its brackets in a URL, and before a port. */
static bool wants_brackets(const char *host, const char *argument, const char *at)
{
	const char *scheme = strstr(argument, "://");
	const char *behind = at + strlen(host_word);

	if (!strchr(host, ':') || (at > argument && at[-1] == '['))
		return false;
	return (scheme && scheme < at) || *behind == ':';
}

/* Every {host} and {port} of one argument; what else is in braces stays as it is. */
static const char *fill_in(struct tw_program *p, const char *argument)
{
	const char *host = p->config.host, *text = "", *from = argument, *at;

	for (at = strchr(from, '{'); at; at = strchr(at, '{')) {
		if (!strncmp(at, host_word, strlen(host_word))) {
			bool brackets = wants_brackets(host, argument, at);

			text = tw_arena_printf(&p->arena, "%s%.*s%s%s%s", text, (int)(at - from),
					       from, brackets ? "[" : "", host,
					       brackets ? "]" : "");
			from = at = at + strlen(host_word);
		} else if (!strncmp(at, port_word, strlen(port_word))) {
			text = tw_arena_printf(&p->arena, "%s%.*s%u", text, (int)(at - from), from,
					       p->config.port);
			from = at = at + strlen(port_word);
		} else {
			at++;
		}
	}
	return tw_arena_printf(&p->arena, "%s%s", text, from);
}

static bool fill_environment(struct tw_program *p)
{
	const char **list;
	size_t count = 0, n = 0, i;

	while (environ && environ[count])
		count++;
	list = tw_arena_alloc(&p->arena, (count + 3) * sizeof(*list));
	if (!list)
		return false;
	for (i = 0; i < count; i++)
		if (strncmp(environ[i], "TCPWHY_HOST=", 12) != 0 &&
		    strncmp(environ[i], "TCPWHY_PORT=", 12) != 0)
			list[n++] = environ[i];
	list[n++] = tw_arena_printf(&p->arena, "TCPWHY_HOST=%s", p->config.host);
	list[n] = tw_arena_printf(&p->arena, "TCPWHY_PORT=%u", p->config.port);
	p->envp = list;
	return true;
}

bool tw_program_words(struct tw_program *p)
{
	const char *const *argv = p->config.job->program[p->config.side];
	const char **list;
	size_t count = 0, i;

	while (argv[count])
		count++;
	list = tw_arena_alloc(&p->arena, (count + 1) * sizeof(*list));
	if (!list || !fill_environment(p))
		return false;
	for (i = 0; i < count; i++)
		list[i] = fill_in(p, argv[i]);
	p->argv = list;
	return true;
}
