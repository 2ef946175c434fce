/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tcpwhy live`: watches the kernel and tells each failure as it happens, a table at the end. With a command
 * behind "--" it runs that and follows it and its children:
 *
 *	fork: the child waits for a byte --> attach --> give up rights --> the byte --> execvp
 *
 * so that nothing of the command is missed, and the command keeps the rights of the caller.
 *
 * With -i or -w packets are watched, too (live_packets.c); then findings of the kernel take the way through
 * the join. Either side can be missing.
 */
#include "report/live.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/live_metrics.h"
#include "cli/live_packets.h"
#include "cli/verdicts.h"
#include "kernel/rights.h"
#include "kernel/watch.h"
#include "report/json.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIDS_MAX        64
#define RATE_LIMIT      5
#define SHARED_FACTOR   20 /* times as many of all of a verdict that have no row of their own */
#define WAIT_MS         50
#define PACKETS_WAIT_MS 20 /* between looks at the packets, which have a buffer of their own */
#define AFTER_CHILD_NS  (300LL * 1000 * 1000) /* what its end brings about */

static volatile sig_atomic_t stop;

struct live {
	const struct tw_arguments *arguments;
	struct tw_watch_config config;
	struct tw_watch *watch; /* NULL: packets only */
	const char *interface;  /* NULL: no packets */
	struct tw_live_packets *packets;
	struct tw_live_packets_health packets_health;
	struct tw_live_metrics *metrics; /* NULL: not asked for */
	struct tw_string filter;
	uint32_t pids[PIDS_MAX];
	struct tw_style style;
	struct tw_tally tally;
	int64_t began_ns, last_fold_ns;
	uint64_t rate_limit, findings_folded;
	pid_t child;
	int start_pipe; /* the byte for the child */
	int exec_pipe;  /* its errno if it cannot be run */
	int output_error;
};

static void on_signal(int signal)
{
	stop = 1;
}

/* ---- what is asked for ---- */

static int choose_pids(struct live *l, const char *list)
{
	const char *at = list;
	size_t length;

	for (;; at += length + 1) {
		uint64_t pid;

		length = strcspn(at, ",");
		if (!tw_parse_number(at, length, &pid) || !pid || pid > INT32_MAX)
			return tw_complain("option --pid needs process numbers, not '%s'", list);
		if (kill((pid_t)pid, 0) && errno == ESRCH)
			return tw_complain("there is no process %u", (unsigned)pid);
		if (l->config.pid_count >= PIDS_MAX)
			return tw_complain("option --pid takes at most %d processes", PIDS_MAX);
		l->pids[l->config.pid_count++] = (uint32_t)pid;
		if (!at[length])
			break;
	}
	l->config.pids = l->pids;
	return 0;
}

/* The inode behind the first of these paths that exists; 0: none. @type: of its file system, 0: any. */
static ino_t inode_of(const char *name, const char *const *formats, long type)
{
	struct statfs fs;
	struct stat st;
	char path[4096];

	for (; *formats; formats++) {
		/* The formats are ours, each with one %s. */
		const char *mark = strstr(*formats, "%s");

		snprintf(path, sizeof(path), "%.*s%s%s", (int)(mark - *formats), *formats, name,
			 mark + 2);
		if (stat(path, &st) == 0 &&
		    (!type || (statfs(path, &fs) == 0 && fs.f_type == type)))
			return st.st_ino;
	}
	return 0;
}

static int choose_places(struct live *l)
{
	static const char *const cgroups[] = { "/sys/fs/cgroup/%s", "/sys/fs/cgroup/unified/%s",
					       "%s", NULL };
	static const char *const spaces[] = { "/run/netns/%s", "/proc/%s/ns/net", "%s", NULL };
	const struct tw_arguments *a = l->arguments;

	if (a->cgroup) {
		l->config.cgroup = inode_of(a->cgroup, cgroups, CGROUP2_SUPER_MAGIC);
		if (!l->config.cgroup)
			return tw_complain("there is no cgroup (version 2) %s", a->cgroup);
	}
	if (a->netns) {
		l->config.netns = (uint32_t)inode_of(a->netns, spaces, 0);
		if (!l->config.netns)
			return tw_complain("there is no network namespace %s", a->netns);
	}
	return 0;
}

static int choose_filter(struct live *l)
{
	const struct tw_arguments *a = l->arguments;
	struct tw_err err = { 0 };
	unsigned i;

	if (a->filter && a->word_count)
		return tw_complain("there are two filters: after -f and as words");
	if (a->filter)
		tw_string_printf(&l->filter, "%s", a->filter);
	for (i = 0; i < a->word_count; i++)
		tw_string_printf(&l->filter, "%s%s", i ? " " : "", a->words[i]);
	if (a->packets_only ||
	    !tw_live_filter_compile(&l->config.filter, tw_string_text(&l->filter), &err))
		return 0;
	return tw_complain("%s%s", err.text,
			   l->interface ? "; --packets-only takes all of pcap-filter(7)" : "");
}

/*
 * The programs know processes by the host's numbers. In a PID namespace of its own (a container) this one and its
 * children have others, and nothing would be followed. The host's namespace has a fixed inode (PROC_PID_INIT_INO).
 */
#define HOST_PID_NAMESPACE 0xeffffffcU

static int check_numbers(const struct tw_arguments *a)
{
	struct stat st;

	if ((!a->pid && !a->program) || stat("/proc/self/ns/pid", &st) ||
	    st.st_ino == HOST_PID_NAMESPACE)
		return 0;
	return tw_complain("%s needs the host's process numbers, which a container does not see: "
			   "run it on the host, or choose by --comm, --cgroup or --netns",
			   a->pid ? "--pid" : "a command");
}

/* Which of the options needs to know processes; NULL: none. */
static const char *needs_kernel(const struct tw_arguments *a)
{
	return a->pid       ? "--pid"
	       : a->comm    ? "--comm"
	       : a->cgroup  ? "--cgroup"
	       : a->netns   ? "--netns"
	       : a->program ? "a command"
			    : NULL;
}

static int choose_packets(struct live *l)
{
	const struct tw_arguments *a = l->arguments;

	l->interface = a->interface		       ? a->interface
		       : a->write_path || a->packets_only ? "any"
							  : NULL;
	if (a->write_path && strcmp(a->write_path, "-") == 0)
		return tw_complain("-w needs a file: standard output carries the findings");
	if (a->packets_only && (needs_kernel(a) || a->patience_ns || a->binds))
		return tw_complain("%s needs the kernel's events: leave out --packets-only",
				   needs_kernel(a) ? needs_kernel(a)
				   : a->binds      ? "--bind"
						   : "--patience");
	return 0;
}

/* For tests: see docs/live.md. */
static int choose_assumption(struct live *l)
{
	const char *words = getenv("TCPWHY_ASSUME");
	struct tw_err err = { 0 };

	if (!words || !*words)
		return 0;
	if (tw_assume(&l->config.assumption, words, &err))
		return tw_complain("%s", err.text);
	fprintf(stderr, "tcpwhy: TCPWHY_ASSUME is set: this kernel is taken for one like '%s'\n",
		words);
	return 0;
}

static int choose(struct live *l)
{
	const struct tw_arguments *a = l->arguments;
	int status = 0;

	if (a->quiet && a->verbose)
		return tw_complain("-q and -v contradict each other");
	if (a->program && !a->program[0])
		return tw_complain("there is no command behind --");
	status = check_numbers(a);
	if (!status && a->verdicts)
		status = tw_verdicts_check(a->verdicts);
	if (!status && a->pid)
		status = choose_pids(l, a->pid);
	if (!status)
		status = choose_places(l);
	if (!status)
		status = choose_packets(l);
	if (!status)
		status = choose_filter(l);
	if (!status)
		status = choose_assumption(l);
	l->config.harmless = l->interface != NULL;
	l->config.all = a->all || tw_verdicts_name(a->verdicts, "clean");
	l->config.comm = a->comm;
	l->config.patience_ns = a->patience_ns;
	l->config.binds = a->binds;
	l->config.follow = a->program != NULL;
	l->rate_limit = a->have_rate_limit ? a->rate_limit : RATE_LIMIT;
	return status;
}

/* ---- findings ---- */

static void print(struct live *l, const struct tw_finding *f)
{
	const struct tw_arguments *a = l->arguments;
	struct tw_pen pen;

	if (a->json) {
		l->output_error = tw_json_finding(&tw_stdout, f);
		return;
	}
	tw_pen_init(&pen, &tw_stdout, &l->style);
	tw_live_line(&pen, f);
	if (a->verbose)
		tw_live_story(&pen, f);
	l->output_error = tw_pen_finish(&pen);
}

static void tell_folded(struct live *l, struct tw_tally_row *row)
{
	struct tw_pen pen;

	if (row->folded && !l->arguments->json && !l->output_error) {
		tw_pen_init(&pen, &tw_stdout, &l->style);
		tw_tally_folded(&pen, row);
		l->output_error = tw_pen_finish(&pen);
	}
	row->folded = 0;
	row->told = 0;
}

/* May it be told, or is it one of too many equal ones? */
static bool is_within_limit(struct live *l, struct tw_tally_row *row, int64_t now)
{
	const uint64_t most = row->shared ? l->rate_limit * SHARED_FACTOR : l->rate_limit;

	if (!l->rate_limit)
		return true;
	if (now - row->window_ns >= TW_NS_PER_S) {
		tell_folded(l, row);
		row->window_ns = now;
	}
	if (row->told >= most) {
		row->folded++;
		l->findings_folded++;
		return false;
	}
	row->told++;
	return true;
}

static void on_finding(void *user, struct tw_finding *f)
{
	struct live *l = user;
	struct tw_tally_row *row;

	tw_tally_count(&l->tally, f);
	if (tw_verdicts_want(l->arguments->verdicts, f->verdict)) {
		row = tw_tally_add(&l->tally, f);
		if (l->metrics)
			tw_live_metrics_add(l->metrics, f);
		if (is_within_limit(l, row, tw_clock_ns(CLOCK_MONOTONIC))) {
			if (!l->output_error && !l->arguments->quiet)
				print(l, f);
			if (l->packets)
				tw_live_packets_write(l->packets, f);
		}
	}
	tw_finding_free(f);
}

static void on_kernel_finding(void *user, struct tw_finding *f)
{
	struct live *l = user;

	if (l->packets)
		tw_live_packets_kernel(l->packets, f);
	else
		on_finding(l, f);
}

static void tell_rows(struct live *l, struct tw_tally_row *row, unsigned n, bool end, int64_t now)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (row[i].folded && (end || now - row[i].window_ns >= TW_NS_PER_S))
			tell_folded(l, &row[i]);
}

static void tell_all_folded(struct live *l, bool end)
{
	const int64_t now = tw_clock_ns(CLOCK_MONOTONIC);

	if (!end && now - l->last_fold_ns < TW_NS_PER_S)
		return;
	l->last_fold_ns = now;
	tell_rows(l, l->tally.row, TW_TALLY_ROWS, end, now);
	tell_rows(l, l->tally.shared, TW_TALLY_KINDS, end, now);
}

/* ---- the command behind -- ---- */

static void be_child(char **argv, int start, int report)
{
	int error;
	char byte;

	if (read(start, &byte, 1) != 1)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	execvp(argv[0], argv);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

static int start_child(struct live *l)
{
	int start[2], report[2];

	if (pipe2(start, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
		return tw_complain("cannot make a pipe: %s", strerror(errno));
	l->child = fork();
	if (l->child < 0)
		return tw_complain("cannot start a process: %s", strerror(errno));
	if (!l->child) {
		close(start[1]);
		be_child(l->arguments->program, start[0], report[1]);
	}
	close(start[0]);
	close(report[1]);
	l->start_pipe = start[1];
	l->exec_pipe = report[0];
	return 0;
}

/* Lets the child go. */
static int release_child(struct live *l)
{
	int error = 0;

	if (write(l->start_pipe, "", 1) != 1)
		return tw_complain("the command is gone: %s", strerror(errno));
	if (read(l->exec_pipe, &error, sizeof(error)) == (ssize_t)sizeof(error))
		return tw_complain("cannot run %s: %s", l->arguments->program[0], strerror(error));
	return 0;
}

/* ---- the run ---- */

/* A line that is being written to a slow reader is written to its end; the second signal ends that, too. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = (int)(SA_RESETHAND | SA_RESTART) };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void tell_health(void *user, struct tw_metrics_health *to)
{
	const struct live *l = user;
	struct tw_live_packets_health packets = { 0 };
	struct tw_watch_health h = { 0 };

	if (l->packets)
		tw_live_packets_count(l->packets, &packets);
	to->packets = packets.packets;
	to->packets_lost = packets.lost;
	to->written = packets.written;
	if (l->watch)
		tw_watch_health(l->watch, &h);
	to->events = h.records;
	to->events_lost = h.lost + h.skipped;
	to->events_folded = h.folded;
	to->forgotten = h.forgotten;
	to->pending = h.pending;
	to->missing = h.missing_count;
	to->findings_folded = l->findings_folded;
}

static int open_metrics(struct live *l)
{
	const struct tw_live_metrics_config config = {
		.address = l->arguments->metrics,
		.health = tell_health,
		.user = l,
	};
	struct tw_err err = { 0 };

	return tw_live_metrics_open(&l->metrics, &config, &err) ? tw_complain("%s", err.text) : 0;
}

static int open_packets(struct live *l)
{
	const struct tw_arguments *a = l->arguments;
	const struct tw_live_packets_config config = {
		.interface = l->interface,
		.filter = l->filter.length ? tw_string_text(&l->filter) : NULL,
		.write_path = a->write_path,
		.memory_bytes = a->memory_bytes,
		.all = l->config.all,
		.need_kernel = needs_kernel(a) != NULL,
		.finding = on_finding,
		.user = l,
	};
	struct tw_err err = { 0 };

	if (!l->interface || !tw_live_packets_open(&l->packets, &config, &err))
		return 0;
	return tw_complain("%s", err.text);
}

static int open_watch(struct live *l)
{
	const struct tw_arguments *a = l->arguments;
	struct tw_watch_health health;
	struct tw_err err = { 0 };
	unsigned i;

	if (tw_watch_open(&l->watch, &l->config, &err)) {
		if (!l->packets || needs_kernel(a))
			return tw_complain("%s", err.text);
		tw_complain("packets only: %s", err.text);
		return 0;
	}
	if ((a->program && tw_watch_follow(l->watch, l->child, &err)) ||
	    (l->packets && tw_live_packets_join(l->packets, &err)))
		return tw_complain("%s", err.text);
	tw_watch_health(l->watch, &health);
	for (i = 0; i < health.missing_count; i++)
		fprintf(stderr, "tcpwhy: a probe is missing on this kernel. %s\n",
			health.missing[i]);
	return 0;
}

static void tell_start(const struct live *l)
{
	const char *host = l->watch ? "the TCP connections of this host" : "";

	if (l->packets)
		fprintf(stderr, "tcpwhy: watching %s%spackets on %s\n", host,
			l->watch ? " and " : "", l->interface);
	else
		fprintf(stderr, "tcpwhy: watching %s\n", host);
	if (l->metrics)
		fprintf(stderr, "tcpwhy: metrics at %s\n", tw_live_metrics_url(l->metrics));
}

static int start(struct live *l)
{
	const struct tw_arguments *a = l->arguments;
	struct tw_err err = { 0 };

	l->config.finding = on_kernel_finding;
	l->config.user = l;
	if ((a->metrics && open_metrics(l)) || (a->program && start_child(l)))
		return TW_EXIT_USAGE;
	if (open_packets(l) || (!a->packets_only && open_watch(l)))
		return TW_EXIT_USAGE;
	if (l->watch ? tw_watch_drop_rights(&err) : tw_rights_drop_all(&err))
		return tw_complain("%s", err.text);
	if (!a->quiet)
		tell_start(l);
	return a->program ? release_child(l) : 0;
}

static bool is_time_up(struct live *l, int64_t *child_gone_ns)
{
	const int64_t now = tw_clock_ns(CLOCK_MONOTONIC);

	if (stop || l->output_error)
		return true;
	if (!l->watch && tw_live_packets_have_ended(l->packets))
		return true;
	if (l->arguments->have_duration && now - l->began_ns >= l->arguments->duration_ns)
		return true;
	if (l->child && !*child_gone_ns && waitpid(l->child, NULL, WNOHANG) == l->child)
		*child_gone_ns = now;
	return *child_gone_ns && now - *child_gone_ns >= AFTER_CHILD_NS;
}

static void watch(struct live *l)
{
	int64_t child_gone_ns = 0;
	bool more = false;

	l->began_ns = tw_clock_ns(CLOCK_MONOTONIC);
	while (!is_time_up(l, &child_gone_ns)) {
		if (l->watch && tw_watch_work(l->watch, more         ? 0
							: l->packets ? PACKETS_WAIT_MS
								     : WAIT_MS))
			break;
		if (l->packets)
			more = tw_live_packets_work(l->packets, l->watch ? 0 : WAIT_MS);
		if (l->metrics)
			tw_live_metrics_work(l->metrics);
		tell_all_folded(l, false);
		if (fflush(stdout) && errno == EPIPE)
			l->output_error = -EPIPE;
	}
	if (l->watch)
		tw_watch_finish(l->watch);
	if (l->packets)
		tw_live_packets_finish(l->packets, &l->packets_health);
	tell_all_folded(l, true);
	if (child_gone_ns)
		l->child = 0;
}

static const char *lost_sentence(struct tw_string *s, const struct tw_watch_health *h)
{
	tw_string_printf(s, "%llu events were lost: the kernel wrote faster than they were read.",
			 (unsigned long long)h->lost);
	return tw_string_text(s);
}

static const char *skipped_sentence(struct tw_string *s, const struct tw_watch_health *h)
{
	tw_string_printf(s,
			 "%llu events were lost: they came while a program of the watch was at "
			 "work on their processor.",
			 (unsigned long long)h->skipped);
	return tw_string_text(s);
}

static void put_summary(struct live *l, const struct tw_json_live *s)
{
	struct tw_pen p;
	unsigned i;

	tw_pen_init(&p, &tw_stdout, &l->style);
	tw_tally_table(&p, &l->tally);
	tw_pen_put(&p, TW_ROLE_STRONG, "%llu failed, %llu degraded, %llu unknown",
		   (unsigned long long)l->tally.outcome[TW_OUTCOME_FAILED],
		   (unsigned long long)l->tally.outcome[TW_OUTCOME_DEGRADED],
		   (unsigned long long)l->tally.outcome[TW_OUTCOME_UNKNOWN]);
	tw_pen_put(&p, TW_ROLE_FAINT, " in %.1f s", (double)s->duration_ns / 1e9);
	if (l->watch)
		tw_pen_put(&p, TW_ROLE_FAINT, "; %llu events", (unsigned long long)s->events);
	if (l->packets)
		tw_pen_put(&p, TW_ROLE_FAINT, "; %llu packets", (unsigned long long)s->packets);
	tw_pen_newline(&p);
	if (s->events_folded) {
		tw_pen_put(&p, TW_ROLE_WARN, "%llu events of floods were only counted, not told.",
			   (unsigned long long)s->events_folded);
		tw_pen_newline(&p);
	}
	for (i = 0; i < s->problem_count; i++) {
		tw_pen_put(&p, TW_ROLE_WARN, "%s", s->problems[i]);
		tw_pen_newline(&p);
	}
	l->output_error = tw_pen_finish(&p);
}

static void summarize(struct live *l)
{
	struct tw_string lost = { 0 }, skipped = { 0 }, forgotten = { 0 }, source = { 0 };
	const struct tw_live_packets_health *packets = &l->packets_health;
	const char *problems[16];
	struct tw_watch_health h = { 0 };
	struct tw_json_live s = {
		.tally = &l->tally,
		.problems = problems,
		.interface = packets->interface,
		.packets = packets->packets,
		.packets_lost = packets->lost,
		.connections_written = packets->written,
	};

	if (l->watch)
		tw_watch_health(l->watch, &h);
	tw_string_printf(&source, "%s%s%s", l->watch ? "kernel" : "",
			 l->watch && l->packets ? "+" : "", l->packets ? l->interface : "");
	s.source = tw_string_text(&source);
	while (s.problem_count < packets->problem_count) {
		problems[s.problem_count] = packets->problems[s.problem_count];
		s.problem_count++;
	}
	if (h.lost)
		problems[s.problem_count++] = lost_sentence(&lost, &h);
	if (h.skipped)
		problems[s.problem_count++] = skipped_sentence(&skipped, &h);
	if (h.forgotten) {
		tw_string_printf(&forgotten,
				 "%llu connections were given up unjudged: too many failed "
				 "at the same time.",
				 (unsigned long long)h.forgotten);
		problems[s.problem_count++] = tw_string_text(&forgotten);
	}
	s.duration_ns = tw_clock_ns(CLOCK_MONOTONIC) - l->began_ns;
	s.events = h.records;
	s.events_lost = h.lost + h.skipped;
	s.events_folded = h.folded;
	if (l->arguments->json)
		l->output_error = tw_json_live_summary(&tw_stdout, &s);
	else
		put_summary(l, &s);
	tw_string_free(&lost);
	tw_string_free(&skipped);
	tw_string_free(&forgotten);
	tw_string_free(&source);
}

static int run(const struct tw_arguments *a)
{
	struct live *l = calloc(1, sizeof(*l));
	int status;

	if (!l)
		return tw_complain("out of memory");
	l->arguments = a;
	l->style = tw_use_style(a);
	l->start_pipe = l->exec_pipe = -1;
	status = choose(l);
	if (!status) {
		catch_signals();
		status = start(l);
	}
	if (!status) {
		watch(l);
		if (!l->output_error)
			summarize(l);
		status = l->packets_health.failed              ? TW_EXIT_USAGE
			 : l->tally.outcome[TW_OUTCOME_FAILED] ? TW_EXIT_FAILED
							       : TW_EXIT_CLEAN;
	}
	status = tw_end_output(l->output_error, status);
	if (l->start_pipe >= 0)
		close(l->start_pipe);
	if (l->exec_pipe >= 0)
		close(l->exec_pipe);
	tw_live_metrics_close(l->metrics);
	tw_live_packets_close(l->packets);
	tw_watch_close(l->watch);
	tw_string_free(&l->filter);
	free(l);
	return status;
}

int tw_command_live(int argc, char **argv)
{
	return tw_command_main("live", TW_CMD_LIVE, argc, argv, 1, run);
}
