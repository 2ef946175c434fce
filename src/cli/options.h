/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_OPTIONS_H
#define TW_CLI_OPTIONS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The command line, as one table. Parsing, --help, the OPTIONS sections of the man pages and the
 * shell completions all walk over it, so they can not drift apart.
 */
enum tw_option_id {
	TW_OPT_READ,
	TW_OPT_FILTER,
	TW_OPT_WRITE,
	TW_OPT_COUNT,
	TW_OPT_NUMERIC,
	TW_OPT_VERBOSE,
	TW_OPT_QUIET,
	TW_OPT_ALL,
	TW_OPT_VERDICT,
	TW_OPT_STREAM,
	TW_OPT_JSON,
	TW_OPT_MERGE,
	TW_OPT_COLOR,
	TW_OPT_IDLE_TABLE,
	TW_OPT_MEMORY,
	TW_OPT_WIDTH,
	TW_OPT_JOBS,
	TW_OPT_KEEP,
	TW_OPT_REPEAT,
	TW_OPT_FULL_TIME,
	TW_OPT_SEED,
	TW_OPT_AS,
	TW_OPT_PEER,
	TW_OPT_AT,
	TW_OPT_AFTER_BYTES,
	TW_OPT_AFTER,
	TW_OPT_AT_LINE,
	TW_OPT_SERVE,
	TW_OPT_EXPECT_EXIT,
	TW_OPT_WITHIN,
	TW_OPT_DURATION,
	TW_OPT_PID,
	TW_OPT_COMM,
	TW_OPT_CGROUP,
	TW_OPT_NETNS,
	TW_OPT_RATE_LIMIT,
	TW_OPT_PATIENCE,
	TW_OPT_BIND,
	TW_OPT_METRICS,
	TW_OPT_INTERFACE,
	TW_OPT_PACKETS_ONLY,
	TW_OPT_SET,
	TW_OPT_SYSCTL_FILE,
	TW_OPT_KERNEL,
	TW_OPT_RTT,
	TW_OPT_USER_TIMEOUT,
	TW_OPT_KEEPALIVE,
	TW_OPT_OF_PID,
	TW_OPT_SOCKET,
	TW_OPT_SNDTIMEO,
	TW_OPT_RCVTIMEO,
	TW_OPT_SYNCNT,
	TW_OPT_IDLE,
	TW_OPT_HELP,
	TW_OPT_VERSION,
};

/* Which commands take an option. */
enum tw_command_bit {
	TW_CMD_READ = 1 << 0,
	TW_CMD_EXPLAIN = 1 << 1,
	TW_CMD_LAB_LIST = 1 << 2,
	TW_CMD_LAB_RUN = 1 << 3,
	TW_CMD_LAB = TW_CMD_LAB_LIST | TW_CMD_LAB_RUN,
	TW_CMD_LIVE = 1 << 4,
	TW_CMD_DOCTOR = 1 << 5,
	TW_CMD_PREDICT = 1 << 6,
	TW_CMD_AUDIT = 1 << 7,
};

/* What stands in the place of an argument: decides what a shell offers. */
enum tw_argument {
	TW_ARG_NONE,
	TW_ARG_CAPTURE, /* an existing capture file */
	TW_ARG_FILE,    /* any file */
	TW_ARG_TEXT,    /* free text: nothing to offer */
	TW_ARG_SLUGS,   /* verdicts, separated by commas */
	TW_ARG_COLOR,   /* auto, always, never */
	TW_ARG_FOLDER,
	TW_ARG_CHOICE, /* one of the words in @choices */
};

struct tw_option {
	enum tw_option_id id;
	char letter;      /* 0: none */
	const char *name; /* long name, NULL: none */
	enum tw_argument argument;
	const char *argument_name; /* "FILE"; NULL: takes none */
	unsigned commands;         /* enum tw_command_bit */
	const char *summary;       /* for --help and completion: one line, no full stop */
	const char *description;   /* for the man page: whole sentences */
	const char *choices;       /* of TW_ARG_CHOICE, separated by blanks */
};
extern const struct tw_option tw_options[];
extern const unsigned tw_option_count;

struct tw_command {
	const char *name;
	unsigned bit;
	const char *summary;
	const char *const *usage; /* lines without "tcpwhy", NULL-terminated */
	int (*run)(int argc, char **argv);
};

enum tw_color {
	TW_COLOR_AUTO,
	TW_COLOR_ALWAYS,
	TW_COLOR_NEVER,
};

/* What the command line said. Strings are borrowed from argv, lists are owned. */
struct tw_arguments {
	const char **words; /* what is no option, in order */
	unsigned word_count;
	const char **reads; /* arguments of -r */
	unsigned read_count;
	const char *filter, *write_path, *idle_table;
	const char *verdicts; /* as given to --verdict */
	uint64_t count, stream, memory_bytes;
	bool have_stream, numeric, quiet, all, json, merge, help, version;
	unsigned verbose, width;
	enum tw_color color;

	/* live */
	const char *pid, *comm, *cgroup, *netns; /* as given */
	const char *interface;
	bool packets_only, binds;
	const char *metrics; /* as given */
	uint64_t rate_limit;
	bool have_rate_limit, have_duration;
	int64_t duration_ns;
	int64_t patience_ns; /* of `live`; 0: its default */

	/* predict */
	const char **sets; /* arguments of --set */
	unsigned set_count;
	const char *sysctl_file, *kernel, *keepalive;              /* as given */
	int64_t rtt_ns, user_timeout_ns, sndtimeo_ns, rcvtimeo_ns; /* 0: unset */
	bool have_rtt;
	uint64_t syncnt, of_pid; /* 0: unset */
	const char *socket;      /* as given */

	/* audit; also sets, sysctl_file */
	int64_t idle_ns; /* 0: unset */

	/* lab run, live */
	char **program; /* what follows "--", ends in NULL; NULL: there is no "--" */
	const char *keep, *as, *peer, *at, *at_line, *serve;
	uint64_t jobs, repeat, seed;
	int64_t after_bytes, after_ns, within_ns;
	bool have_after_bytes, have_after, have_within, have_expect_exit, full_time;
	int expect_exit;
};

/*
 * Parse argv[first..] for a command. -EINVAL with a whole sentence in @err for an unknown option
 * (with the nearest one), a missing argument or a value that makes no sense; -ENOMEM.
 */
int tw_arguments_parse(struct tw_arguments *a, unsigned command, int argc, char **argv, int first,
		       struct tw_err *err);
void tw_arguments_free(struct tw_arguments *a);

/* Digits and nothing else, @length of them and at least one: no sign, no blank, no overflow. */
bool tw_parse_number(const char *text, size_t length, uint64_t *out);

/* The option list of a command as --help prints it, within 80 columns. */
void tw_options_print(FILE *out, unsigned command);

#endif
