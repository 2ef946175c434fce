/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_COMMAND_H
#define TW_CLI_COMMAND_H

#include "cli/options.h"
#include "report/style.h"

/* Exit statuses of every command. */
enum {
	TW_EXIT_CLEAN = 0,  /* nothing failed */
	TW_EXIT_FAILED = 1, /* at least one connection failed; a run of the lab did */
	TW_EXIT_USAGE =
		2, /* wrong usage, or an input that could not be read, a right that is missing */
};

/* One per subcommand, argv[0] being its first word. Return: the exit status. */
int tw_command_read(int argc, char **argv);
int tw_command_lab(int argc, char **argv);
int tw_command_live(int argc, char **argv);
int tw_command_doctor(int argc, char **argv);
int tw_command_predict(int argc, char **argv);
int tw_command_audit(int argc, char **argv);
int tw_command_explain(int argc, char **argv);

/* All commands; ends with a NULL name. */
extern const struct tw_command tw_commands[];
const struct tw_command *tw_command_find(const char *name);

/*
 * What every command begins with: its options from argv[@first] on, --help and --version; then @run.
 * @bit is which options it takes, enum tw_command_bit. Returns the exit status.
 */
int tw_command_main(const char *name, unsigned bit, int argc, char **argv, int first,
		    int (*run)(const struct tw_arguments *a));

/* "tcpwhy: <sentence>" on stderr; returns TW_EXIT_USAGE. */
int tw_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Standard output, as the renderers want it: errors are a negative errno. */
extern const struct tw_sink tw_stdout;
/* --color and --width, or what stdout is. */
struct tw_style tw_use_style(const struct tw_arguments *a);

/*
 * Flush stdout at the end of a command. A full disk is named and becomes TW_EXIT_USAGE, a reader that
 * has gone (head, a closed pager) is no error; otherwise @status.
 */
int tw_finish_output(int status);
/* The same for a command whose renderer returned @r, 0 or a negative errno. */
int tw_end_output(int r, int status);

#endif
