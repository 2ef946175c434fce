/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the subcommands share: their list, help texts, complaints and manners on stdout.
 */
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const read_usage[] = {
	"[read] FILE... [OPTIONS] [-f FILTER]",
	"read -r FILE [OPTIONS] [FILTER]",
	NULL,
};
static const char *const lab_usage[] = {
	"lab list [SLUG]... [OPTIONS]",
	"lab run SLUG[/NAME[/VARIANT]]...|all|FILE.lab [OPTIONS]",
	"lab run SLUG [OPTIONS] -- COMMAND [ARGUMENT]...",
	NULL,
};
static const char *const live_usage[] = {
	"live [-i IFACE] [OPTIONS] [FILTER]",
	"live [OPTIONS] -- COMMAND [ARGUMENT]...",
	NULL,
};
static const char *const doctor_usage[] = { "doctor [OPTIONS]", NULL };
static const char *const predict_usage[] = { "predict [SLUG] [OPTIONS]", "predict --pid PID [SLUG]",
					     NULL };
static const char *const audit_usage[] = { "audit [OPTIONS]", NULL };
static const char *const explain_usage[] = { "explain [SLUG] [OPTIONS]", NULL };

const struct tw_command tw_commands[] = {
	{ "read", TW_CMD_READ, "say why the TCP connections in captures failed", read_usage,
	  tw_command_read },
	{ "live", TW_CMD_LIVE, "say it of this host, as it happens, with the process", live_usage,
	  tw_command_live },
	{ "lab", TW_CMD_LAB, "reproduce it on real kernels, also with a program of yours",
	  lab_usage, tw_command_lab },
	{ "predict", TW_CMD_PREDICT, "how long each failure takes on this host, and how it ends",
	  predict_usage, tw_command_predict },
	{ "audit", TW_CMD_AUDIT, "which settings and sockets of this host will hurt, and why",
	  audit_usage, tw_command_audit },
	{ "doctor", TW_CMD_DOCTOR, "say what of `live` works on this host", doctor_usage,
	  tw_command_doctor },
	{ "explain", TW_CMD_EXPLAIN, "the catalogue of what goes wrong, as a book", explain_usage,
	  tw_command_explain },
	{ NULL, 0, NULL, NULL, NULL },
};

const struct tw_command *tw_command_find(const char *name)
{
	const struct tw_command *c;

	for (c = tw_commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static void help(FILE *out, const struct tw_command *command)
{
	unsigned i;

	for (i = 0; command->usage[i]; i++)
		fprintf(out, "%s tcpwhy %s\n", i ? "      " : "Usage:", command->usage[i]);
	fprintf(out, "\n%c%s.\n\nOptions:\n", command->summary[0] & ~0x20, command->summary + 1);
	tw_options_print(out, command->bit);
	fprintf(out, "\nManual: man tcpwhy-%s\n", command->name);
}

int tw_command_main(const char *name, unsigned bit, int argc, char **argv, int first,
		    int (*run)(const struct tw_arguments *a))
{
	struct tw_arguments a;
	struct tw_err err = { 0 };
	int status;

	if (tw_arguments_parse(&a, bit, argc, argv, first, &err)) {
		status = tw_complain("%s", err.text);
	} else if (a.help) {
		help(stdout, tw_command_find(name));
		status = tw_finish_output(TW_EXIT_CLEAN);
	} else if (a.version) {
		puts("tcpwhy " TW_VERSION);
		status = tw_finish_output(TW_EXIT_CLEAN);
	} else {
		status = run(&a);
	}
	tw_arguments_free(&a);
	return status;
}

int tw_complain(const char *fmt, ...)
{
	struct tw_string raw = { 0 }, safe = { 0 };
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	tw_string_vprintf(&raw, fmt, ap);
	va_end(ap);
	/* File names and bytes of files must not steer the terminal. */
	tw_text_escape(&safe, tw_string_text(&raw), raw.length);
	fprintf(stderr, "tcpwhy: %s\n", tw_string_text(&safe));
	tw_string_free(&raw);
	tw_string_free(&safe);
	return TW_EXIT_USAGE;
}

int tw_finish_output(int status)
{
	int failed = fflush(stdout) ? errno : 0;

	if (!failed && ferror(stdout))
		failed = EIO;
	if (!failed || failed == EPIPE)
		return status;
	return tw_complain("cannot write to standard output: %s", strerror(failed));
}

int tw_end_output(int r, int status)
{
	if (r == -EPIPE)
		return status;
	if (r == -ENOMEM)
		return tw_complain("out of memory");
	if (r)
		return tw_complain("cannot write to standard output: %s", strerror(-r));
	return tw_finish_output(status);
}

static int write_stdout(void *user, const char *bytes, size_t n)
{
	return fwrite(bytes, 1, n, stdout) == n ? 0 : -errno;
}

const struct tw_sink tw_stdout = { .write = write_stdout };

static bool wants_color(enum tw_color color)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (color != TW_COLOR_AUTO)
		return color == TW_COLOR_ALWAYS;
	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

struct tw_style tw_use_style(const struct tw_arguments *a)
{
	struct winsize size;
	unsigned width = a->width;

	if (!width && isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	return (struct tw_style){ .color = wants_color(a->color), .width = tw_style_width(width) };
}
