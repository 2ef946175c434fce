/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tcpwhy read`: turns the command line into sessions, one per input (or one over all with --merge),
 * and gives each to a renderer. Reports go to stdout; what is wrong with an input goes to stderr.
 *
 * From a pipe, JSON findings are flushed one by one as connections end. The text report groups its
 * findings and so stands at the end; until then a terminal gets a line per finding.
 */
#include "base/suggest.h"
#include "capture/map.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/verdicts.h"
#include "diagnose/extract.h"
#include "diagnose/session.h"
#include "packet/decode.h"
#include "phenomena/idle_table.h"
#include "report/example.h"
#include "report/json.h"
#include "report/text.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS_MAX        400 /* more than any drawing shows, so that it can choose */
#define LINKTYPE_HIGHEST 400

static volatile sig_atomic_t stop;

struct run {
	const struct tw_arguments *arguments;
	struct tw_filter *filter;
	struct tw_idle_table *idle_table;
	struct tw_style style;
	struct tw_extract *extract; /* -w */
	struct tw_writer *writer;

	/* of the input at hand */
	struct tw_text *text;
	struct tw_progress progress;
	bool flows; /* a pipe: tell what is known at once */
	bool found; /* the connection of --stream */
	int output_error, extract_error;
	int status;
};

static void on_interrupt(int signal)
{
	stop = 1;
}

/* The first Ctrl-C ends the reading and prints what it has; a second one kills. No SA_RESTART: a
 * read from a silent pipe must return. */
static void catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

/* ---- findings as they come ---- */

static void line_now(struct run *run, struct tw_finding *f)
{
	struct tw_group group = {
		.verdict = f->verdict,
		.outcome = f->match.outcome,
		.server = f->addr[TW_SERVER],
		.port = f->port[TW_SERVER],
		.count = 1,
		.streams = { f->stream },
		.stream_count = 1,
		.clients = { f->addr[TW_CLIENT] },
		.client_count = 1,
		.duration_min_ns = f->duration_ns,
		.duration_max_ns = f->duration_ns,
		.example = f, /* only read */
	};
	struct tw_pen pen;

	tw_pen_init(&pen, &tw_stdout, &run->style);
	tw_example_line(&pen, &group);
	run->output_error = tw_pen_finish(&pen);
}

static bool on_finding(void *user, struct tw_finding *f)
{
	struct run *run = user;

	run->found = true;
	if (!tw_verdicts_want(run->arguments->verdicts, f->verdict)) {
		tw_finding_free(f);
		return true;
	}
	if (run->extract && !run->extract_error)
		run->extract_error = tw_extract_add(run->extract, f);
	if (run->text) {
		if (run->flows && isatty(STDOUT_FILENO)) {
			tw_progress_erase(&run->progress);
			line_now(run, f);
		}
		tw_text_add(run->text, f);
	} else {
		tw_progress_erase(&run->progress);
		if (!run->output_error)
			run->output_error = tw_json_finding(&tw_stdout, f);
		tw_finding_free(f);
	}
	if (run->flows && !run->output_error && fflush(stdout))
		run->output_error = -errno;
	return !run->output_error || run->extract; /* head(1) has seen enough, -w has not */
}

/* For a report of which nothing else is made: few findings are worked out, most are but counted. */
static bool on_sketch(void *user, const struct tw_finding *f)
{
	struct run *run = user;

	run->found = true;
	return tw_verdicts_want(run->arguments->verdicts, f->verdict) &&
	       tw_text_sketch(run->text, f);
}

static void on_progress(void *user, const struct tw_source_info *info, int pass, int of)
{
	struct run *run = user;

	tw_progress_show(&run->progress, info, pass, of);
}

/* ---- one input ---- */

static void supported_link_types(struct tw_string *text)
{
	unsigned type, before;

	for (type = 0; type < LINKTYPE_HIGHEST; type++) {
		const char *name = tw_linktype_name((uint16_t)type);
		bool named = !tw_linktype_supported((uint16_t)type);

		/* Several values share a name: RAW. */
		for (before = 0; before < type && !named; before++)
			named = tw_linktype_supported((uint16_t)before) &&
				strcmp(tw_linktype_name((uint16_t)before), name) == 0;
		if (!named)
			tw_string_printf(text, "%s%s", text->length ? ", " : "", name);
	}
}

/* What is wrong with the input itself, for stderr. Return: whether anything in it could be read. */
static bool tell_damage(const struct tw_source_info *info, const struct tw_session_summary *summary)
{
	struct tw_string types = { 0 };
	unsigned i;

	if (summary->packets && info->interfaces == 1 && !tw_linktype_supported(info->linktype)) {
		supported_link_types(&types);
		tw_complain("%s: link type %s (%u) is not supported; supported are %s", info->name,
			    tw_linktype_name(info->linktype), info->linktype,
			    tw_string_text(&types));
		tw_string_free(&types);
		return false;
	}
	for (i = 0; i < summary->damage_count; i++)
		tw_complain("%s: %s", info->name, summary->problems[i]);
	return !summary->nothing_readable;
}

/* The file is made when there is something to put into it: no mistake of the command line empties one that is there. */
static int write_packets(struct run *run, struct tw_source *src)
{
	struct tw_err err = { 0 };

	if (run->extract_error)
		return tw_complain("-w: out of memory");
	if ((!run->writer && tw_writer_open(&run->writer, run->arguments->write_path, &err)) ||
	    tw_extract_write(run->extract, src, run->writer, NULL, &err))
		return tw_complain("%s", err.text);
	return 0;
}

static int tell(struct run *run, const struct tw_session_summary *summary)
{
	if (run->text)
		return tw_text_finish(run->text, summary, &tw_stdout);
	return tw_json_summary(&tw_stdout, summary);
}

static int finish_input(struct run *run, struct tw_source *src,
			const struct tw_session_summary *summary)
{
	const struct tw_arguments *a = run->arguments;
	bool readable = tell_damage(tw_source_info(src), summary);

	if (!readable)
		return TW_EXIT_USAGE;
	if (a->have_stream && !run->found && summary->connections <= a->stream)
		return tw_complain("%s: there is no connection %llu, only %llu (the first is 0)",
				   summary->source, (unsigned long long)a->stream,
				   (unsigned long long)summary->connections);
	if (!run->output_error)
		run->output_error = tell(run, summary);
	if (run->extract && write_packets(run, src))
		return TW_EXIT_USAGE;
	return summary->failed ? TW_EXIT_FAILED : TW_EXIT_CLEAN;
}

static int read_source(struct run *run, struct tw_source *src)
{
	const struct tw_arguments *a = run->arguments;
	struct tw_text_options options = {
		.style = run->style,
		.verbosity = a->quiet     ? -1
			     : a->verbose ? 1
					  : 0,
		.story = a->have_stream,
	};
	struct tw_session_config config = {
		.memory_bytes = a->memory_bytes,
		.all = a->all || tw_verdicts_name(a->verdicts, "clean"),
		.harmless = a->verdicts != NULL,
		.have_stream = a->have_stream,
		.stream = a->stream,
		.want_steps = !a->json && !a->quiet,
		.steps_max = a->have_stream ? 0 : STEPS_MAX,
		.frames_max = a->count,
		.idle_table = run->idle_table,
		.stop = &stop,
		.progress = on_progress,
		.finding = on_finding,
		.sketch = a->json || a->write_path || !tw_source_can_rewind(src) ? NULL : on_sketch,
		.user = run,
	};
	struct tw_session_summary summary;
	struct tw_err err = { 0 };
	int status;

	run->flows = !tw_source_can_rewind(src);
	run->found = false;
	if (a->write_path && run->flows)
		return tw_complain(
			"%s: -w reads the input twice, which is not possible from a pipe",
			tw_source_info(src)->name);
	run->text = a->json ? NULL : tw_text_new(&options);
	run->extract = a->write_path ? tw_extract_new() : NULL;
	if ((!a->json && !run->text) || (a->write_path && !run->extract)) {
		status = tw_complain("out of memory");
	} else {
		tw_progress_init(&run->progress);
		status = tw_session_run(src, &config, &summary, &err);
		tw_progress_erase(&run->progress);
		status = status ? tw_complain("%s", err.text) : finish_input(run, src, &summary);
		tw_session_summary_free(&summary);
	}
	tw_text_free(run->text);
	tw_extract_free(run->extract);
	run->text = NULL;
	run->extract = NULL;
	return status;
}

/* ---- all inputs ---- */

/* "raed" is no file: perhaps a command was meant. */
static int complain_open(const struct tw_arguments *a, const char *path, const struct tw_err *err)
{
	struct tw_suggestion s = { .typed = path };
	const struct tw_command *c;

	if (err->code == -ENOENT && a->word_count && path == a->words[0]) {
		for (c = tw_commands; c->name; c++)
			tw_suggest_offer(&s, c->name);
		if (s.best)
			return tw_complain("%s; did you mean the command %s?", err->text, s.best);
	}
	return tw_complain("%s", err->text);
}

static void worse(struct run *run, int status)
{
	if (status > run->status)
		run->status = status;
}

static void read_all(struct run *run, const char *const *paths, unsigned count)
{
	const struct tw_arguments *a = run->arguments;
	struct tw_source *src;
	struct tw_err err = { 0 };
	unsigned i;

	if (a->merge) {
		if (tw_source_open_merged(&src, paths, count, run->filter, &err)) {
			worse(run, tw_complain("%s", err.text));
			return;
		}
		worse(run, read_source(run, src));
		tw_source_close(src);
		return;
	}
	for (i = 0; i < count && !stop && (!run->output_error || a->write_path); i++) {
		if (tw_source_open(&src, paths[i], run->filter, &err)) {
			worse(run, complain_open(a, paths[i], &err));
			continue;
		}
		if (i && !a->json)
			putchar('\n');
		worse(run, read_source(run, src));
		tw_source_close(src);
	}
}

/* ---- the command line ---- */

/* Is the file at @path one that -w would overwrite? */
static bool is_target(const struct tw_arguments *a, const char *path)
{
	struct stat target, input;

	return a->write_path && path && stat(a->write_path, &target) == 0 &&
	       S_ISREG(target.st_mode) && stat(path, &input) == 0 &&
	       input.st_dev == target.st_dev && input.st_ino == target.st_ino;
}

/* Said before a long file is read, and not behind it: nothing can be written there. */
static int check_target(const char *path)
{
	char *copy;
	int status = 0;

	if (!path || !access(path, W_OK))
		return 0;
	if (errno != ENOENT)
		return tw_complain("cannot write %s: %s", path, strerror(errno));
	copy = strdup(path);
	if (!copy)
		return tw_complain("out of memory");
	if (access(dirname(copy), W_OK | X_OK))
		status = tw_complain("cannot write %s: %s", path, strerror(errno));
	free(copy);
	return status;
}

static int check_inputs(const struct tw_arguments *a, const char *const *paths, unsigned count)
{
	unsigned i, pipes = 0;

	for (i = 0; i < count; i++) {
		if (strcmp(paths[i], "-") == 0)
			pipes++;
		if (is_target(a, paths[i]))
			return tw_complain("-w %s would overwrite an input", a->write_path);
	}
	if (is_target(a, a->idle_table))
		return tw_complain("-w %s would overwrite the idle table", a->write_path);
	if (pipes > 1)
		return tw_complain("standard input ('-') can be read only once");
	if (pipes && a->merge && count > 1)
		return tw_complain("--merge needs files, not standard input");
	if (pipes && a->write_path)
		return tw_complain(
			"-w reads the input twice, which is not possible from standard input; "
			"save it to a file first");
	if (a->write_path && strcmp(a->write_path, "-") == 0)
		return tw_complain("-w needs a file: standard output carries the report");
	return check_target(a->write_path);
}

static int check(const struct tw_arguments *a, const char *const *paths, unsigned count)
{
	if (!count)
		return tw_complain("read needs a capture file (or '-'); see tcpwhy --help");
	if (a->quiet && a->verbose)
		return tw_complain("-q and -v contradict each other");
	if (a->read_count && a->word_count && a->filter)
		return tw_complain("there are two filters: after -f and at the end");
	if (a->have_stream && count > 1 && !a->merge)
		return tw_complain(
			"--stream counts the connections of one input: give one file, or --merge");
	return check_inputs(a, paths, count);
}

/* The words after -r FILE are a filter, as tcpdump has it. Joined with blanks; to be freed. */
static char *join(const char *const *words, unsigned count)
{
	struct tw_string text = { 0 };
	unsigned i;

	for (i = 0; i < count; i++)
		tw_string_printf(&text, "%s%s", i ? " " : "", words[i]);
	if (text.failed)
		tw_string_free(&text);
	return text.bytes;
}

static int prepare(struct run *run)
{
	const struct tw_arguments *a = run->arguments;
	const bool trails = a->read_count && a->word_count;
	char *joined = trails ? join(a->words, a->word_count) : NULL;
	const char *filter = trails ? joined : a->filter;
	struct tw_err err = { 0 };
	int status = run->arguments->verdicts ? tw_verdicts_check(run->arguments->verdicts) : 0;

	if (!status && trails && !joined)
		status = tw_complain("out of memory");
	if (!status && filter && tw_filter_new(&run->filter, filter, &err))
		status = tw_complain("%s", err.text);
	if (!status && a->idle_table && tw_idle_load(&run->idle_table, a->idle_table, &err))
		status = tw_complain("%s", err.text);
	free(joined);
	return status;
}

static int run_read(const struct tw_arguments *a)
{
	const char *const *paths = a->read_count ? a->reads : a->words;
	unsigned count = a->read_count ? a->read_count : a->word_count;
	struct run run = {
		.arguments = a,
		.style = tw_use_style(a),
	};
	struct tw_err err = { 0 };

	run.status = check(a, paths, count);
	if (!run.status)
		run.status = prepare(&run);
	if (!run.status) {
		catch_interrupt();
		(void)tw_map_guard(); /* without it files are read, which is slower */
		read_all(&run, paths, count);
	}
	if (run.writer && tw_writer_close(run.writer, &err))
		worse(&run, tw_complain("%s", err.text));
	tw_filter_free(run.filter);
	tw_idle_free(run.idle_table);
	return tw_end_output(run.output_error, run.status);
}

int tw_command_read(int argc, char **argv)
{
	return tw_command_main("read", TW_CMD_READ, argc, argv, 1, run_read);
}
