/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tcpwhy lab`: lists scenarios, and runs them, or a program of the user's in one of them.
 *
 * Results go to stdout as they come, in the order of the list; with a program, that has stdout first, and
 * the report follows when it has ended. Ctrl-C stops the runs, waits until nothing of them is left, prints
 * what was finished, and then ends by that signal, so that a shell's loop ends, too.
 */
#include "base/suggest.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "lab/choose.h"
#include "lab/show.h"
#include "report/json_value.h"

#include <errno.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop; /* the signal that came */

struct lab {
	const struct tw_arguments *arguments;
	struct tw_style style;
	struct tw_show_options show;
	struct tw_progress progress;
	const char *programs[2][4]; /* "sh", "-c", the command of --peer */
	struct tw_choice choice;
	bool not_carried_out; /* a program could not be run, or its host not be built */
};

static void on_signal(int signal)
{
	stop = signal;
}

/* The first one stops in order; a second one of its kind kills, which the runs do not outlive either. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* ---- list ---- */

static int list_json(const struct tw_phenomenon *p)
{
	const struct tw_scenario *s = p->scenarios;
	int r = 0;

	if (!s || !s->name)
		return tw_json_line(&tw_stdout, tw_list_json(p, NULL));
	for (; s->name && !r; s++)
		r = tw_json_line(&tw_stdout, tw_list_json(p, s));
	return r;
}

static int unknown_slug(const char *slug)
{
	const char *near = tw_phenomenon_nearest(slug);

	if (near)
		return tw_complain("unknown phenomenon '%s'; did you mean %s?", slug, near);
	return tw_complain("unknown phenomenon '%s'; `tcpwhy lab list` lists them", slug);
}

static int list_these(const struct tw_arguments *a, const struct tw_phenomenon *const *phenomena,
		      unsigned count)
{
	const struct tw_style style = tw_use_style(a);
	struct tw_pen pen;
	unsigned i;
	int r = 0;

	if (a->json) {
		for (i = 0; i < count && phenomena[i] && !r; i++)
			r = list_json(phenomena[i]);
	} else {
		tw_pen_init(&pen, &tw_stdout, &style);
		tw_show_list(&pen, phenomena, count);
		r = tw_pen_finish(&pen);
	}
	return tw_end_output(r, TW_EXIT_CLEAN);
}

static int list(const struct tw_arguments *a)
{
	const struct tw_phenomenon **chosen;
	unsigned i;
	int status = TW_EXIT_CLEAN;

	if (!a->word_count)
		return list_these(a, tw_catalogue, tw_catalogue_count);
	chosen = calloc(a->word_count, sizeof(*chosen));
	if (!chosen)
		return tw_complain("out of memory");
	for (i = 0; i < a->word_count && !status; i++) {
		chosen[i] = tw_phenomenon_find(a->words[i]);
		if (!chosen[i])
			status = unknown_slug(a->words[i]);
	}
	if (!status)
		status = list_these(a, chosen, a->word_count);
	free(chosen);
	return status;
}

/* ---- run: the command line ---- */

static int check_program_options(const struct tw_arguments *a)
{
	const struct {
		bool given;
		const char *name;
	} options[] = {
		{ a->as, "as" },
		{ a->peer, "peer" },
		{ a->at, "at" },
		{ a->have_after_bytes, "after-bytes" },
		{ a->have_after, "after" },
		{ a->at_line, "at-line" },
		{ a->serve, "serve" },
		{ a->have_expect_exit, "expect-exit" },
		{ a->have_within, "within" },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].given && !a->program)
			return tw_complain("--%s is for a program of yours: give one after --",
					   options[i].name);
	if (a->program && !a->program[0])
		return tw_complain("there is no program after --");
	if (!!a->at + a->have_after_bytes + a->have_after + !!a->at_line > 1)
		return tw_complain("--at, --after-bytes, --after and --at-line say the same thing "
				   "in different ways: give one");
	if (a->peer && a->serve)
		return tw_complain("--serve is for the lab's own server, and --peer replaces it");
	return 0;
}

/* As execvp(3) would look for it; told here, it is a wrong command line and no failed run. */
static int check_command(const char *name)
{
	const char *path = getenv("PATH"), *part;
	char file[4096];
	size_t n;

	if (strchr(name, '/'))
		return access(name, X_OK) ? tw_complain("cannot run %s: %s", name, strerror(errno))
					  : 0;
	for (part = path ? path : ""; *part; part += n + (part[n] == ':')) {
		n = strcspn(part, ":");
		if (snprintf(file, sizeof(file), "%.*s%s%s", (int)n, part, n ? "/" : "", name) <
			    (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return 0;
	}
	return tw_complain("cannot run %s: there is no such program in PATH", name);
}

static int check_line(const char *expression)
{
	char wrong[200];
	regex_t regex;
	int r;

	if (!expression)
		return 0;
	r = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB);
	if (!r) {
		regfree(&regex);
		return 0;
	}
	regerror(r, &regex, wrong, sizeof(wrong));
	return tw_complain("--at-line '%s': %s", expression, wrong);
}

static int check(const struct tw_arguments *a)
{
	int status;

	if (!a->word_count)
		return tw_complain("lab run needs a phenomenon, a script or all; `tcpwhy lab list` "
				   "lists them");
	if (a->quiet && a->verbose)
		return tw_complain("-q and -v contradict each other");
	status = check_program_options(a);
	if (status)
		return status;
	if (a->program && a->word_count > 1)
		return tw_complain("a program runs in one scenario: name one, not %u",
				   a->word_count);
	if (a->program && strcmp(a->words[0], "all") == 0)
		return tw_complain("a program runs in one scenario: name it");
	status = check_line(a->at_line);
	return status || !a->program ? status : check_command(a->program[0]);
}

static void describe_programs(struct lab *lab, struct tw_lab_job *job)
{
	const struct tw_arguments *a = lab->arguments;
	enum tw_side side = a->as && strcmp(a->as, "server") == 0 ? TW_SERVER : TW_CLIENT;

	if (!a->program)
		return;
	job->program[side] = (const char *const *)a->program;
	job->command = side;
	if (a->peer) {
		const char *shell[] = { "sh", "-c", a->peer, NULL };

		memcpy(lab->programs[!side], shell, sizeof(shell));
		job->program[!side] = lab->programs[!side];
	}
	if (a->have_after_bytes) {
		job->trigger = TW_TRIGGER_BYTES;
		job->trigger_bytes = (uint64_t)a->after_bytes;
	} else if (a->have_after || (a->at && strcmp(a->at, "start") == 0)) {
		job->trigger = TW_TRIGGER_TIME;
		job->trigger_ns = a->after_ns;
	} else if (a->at) {
		job->trigger = TW_TRIGGER_CONNECT;
	} else if (a->at_line) {
		job->trigger = TW_TRIGGER_LINE;
		job->trigger_line = a->at_line;
	}
}

static int choose(struct lab *lab)
{
	const struct tw_arguments *a = lab->arguments;
	struct tw_choice_options options = {
		.like = { .full_time = a->full_time,
			  .seed = a->seed,
			  .serve = a->serve ? a->serve : "auto",
			  .within_ns = a->within_ns,
			  .expect_exit = a->have_expect_exit ? a->expect_exit : -1,
			  .uid = geteuid(),
			  .gid = getegid() },
		.repeat = (unsigned)a->repeat,
		.keep = a->keep,
		.only_first = a->program,
	};
	struct tw_err err = { 0 };

	describe_programs(lab, &options.like);
	if (tw_choose(&lab->choice, a->words, a->word_count, &options, &err))
		return tw_complain("%s", err.text);
	return 0;
}

/* ---- run: results ---- */

static int on_result(void *user, const struct tw_crew_result *result)
{
	struct lab *lab = user;
	struct tw_pen pen;
	int r;

	if (lab->arguments->program && json_is_string(json_object_get(result->record, "error")))
		lab->not_carried_out = true;
	tw_progress_erase(&lab->progress);
	if (lab->arguments->json) {
		r = tw_json_line(&tw_stdout, json_incref(result->record));
	} else {
		tw_pen_init(&pen, &tw_stdout, &lab->style);
		if (lab->arguments->program)
			tw_show_program(&pen, &lab->show, result);
		else
			tw_show_result(&pen, &lab->show, result);
		r = tw_pen_finish(&pen);
	}
	if (!r && fflush(stdout))
		r = -errno;
	return r;
}

static void on_progress(void *user, const struct tw_crew_state *state)
{
	struct lab *lab = user;

	if (!lab->arguments->program)
		tw_progress_runs(&lab->progress, state);
}

static int closing(struct lab *lab, const struct tw_crew_state *state)
{
	struct tw_pen pen;

	if (lab->arguments->json)
		return tw_json_line(&tw_stdout, json_pack("{s:s, s:i, s:i, s:i, s:i}", "type",
							  "lab-summary", "schema", 1, "passed",
							  (int)(state->finished - state->failed),
							  "failed", (int)state->failed, "not_run",
							  (int)(state->total - state->finished)));
	if (lab->arguments->program && state->total == 1)
		return 0;
	tw_pen_init(&pen, &tw_stdout, &lab->style);
	tw_show_summary(&pen, state, stop);
	return tw_pen_finish(&pen);
}

static int status_of(const struct lab *lab, const struct tw_crew_state *state)
{
	if (lab->not_carried_out)
		return TW_EXIT_USAGE;
	return state->failed ? TW_EXIT_FAILED : TW_EXIT_CLEAN;
}

/* As the shell wants to see it: ended by the signal, with status 128 + N. */
static void end_by_signal(void)
{
	fflush(stdout);
	signal(stop, SIG_DFL);
	raise(stop);
}

static int run_chosen(struct lab *lab)
{
	const struct tw_arguments *a = lab->arguments;
	struct tw_crew_config config = {
		.side_by_side = a->program ? 1 : (unsigned)a->jobs,
		.run = tw_lab_run,
		.foreground = a->program,
		.stop = &stop,
		.result = on_result,
		.progress = on_progress,
		.user = lab,
	};
	struct tw_crew_state state;
	struct tw_err err = { 0 };
	int r;

	if (!lab->choice.count)
		return tw_complain("there is no scenario to run");
	catch_signals();
	tw_progress_init(&lab->progress);
	fflush(stdout);
	r = tw_crew_run(&config, lab->choice.jobs, lab->choice.count, &state, &err);
	tw_progress_erase(&lab->progress);
	if (r && r != -EPIPE)
		return tw_complain("%s", err.text);
	if (!r)
		r = closing(lab, &state);
	if (stop)
		end_by_signal();
	return tw_end_output(r, status_of(lab, &state));
}

static int run(const struct tw_arguments *a)
{
	struct lab lab = {
		.arguments = a,
		.style = tw_use_style(a),
		.show = { .verbosity = a->quiet ? -1 : (int)a->verbose },
	};
	int status = check(a);

	if (!status)
		status = choose(&lab);
	if (!status)
		status = run_chosen(&lab);
	tw_choice_free(&lab.choice);
	return status;
}

/* ---- the subcommands ---- */

static int unknown_verb(const char *word)
{
	struct tw_suggestion s = { .typed = word };

	tw_suggest_offer(&s, "list");
	tw_suggest_offer(&s, "run");
	if (s.best)
		return tw_complain("lab has no '%s'; did you mean lab %s?", word, s.best);
	return tw_complain("lab is either `lab list` or `lab run`, not '%s'; see tcpwhy lab --help",
			   word);
}

static int no_verb(const struct tw_arguments *a)
{
	return tw_complain("lab needs `list` or `run`; see tcpwhy lab --help");
}

int tw_command_lab(int argc, char **argv)
{
	const char *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : "";

	if (strcmp(verb, "list") == 0)
		return tw_command_main("lab", TW_CMD_LAB_LIST, argc, argv, 2, list);
	if (strcmp(verb, "run") == 0)
		return tw_command_main("lab", TW_CMD_LAB_RUN, argc, argv, 2, run);
	if (*verb)
		return unknown_verb(verb);
	return tw_command_main("lab", TW_CMD_LAB, argc, argv, 1, no_verb);
}
