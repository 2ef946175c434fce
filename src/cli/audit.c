/* SPDX-License-Identifier: BSD-2-Clause */
/* `tcpwhy audit`: which settings and living sockets of this host will hurt, and why. */
#include "report/audit.h"
#include "cli/command.h"
#include "phenomena/idle_table.h"

#define PROC "/proc"

static int read_host(const struct tw_arguments *a, struct tw_host *h, struct tw_err *err)
{
	unsigned i;
	int r;

	if (a->sysctl_file)
		r = tw_host_read_file(h, a->sysctl_file, err);
	else
		r = tw_host_read(h, PROC, err);
	for (i = 0; !r && i < a->set_count; i++)
		r = tw_host_set(h, a->sets[i], err);
	return r ? r : tw_settings_check(&h->timers, err);
}

static int print(const struct tw_audit *audit, const struct tw_arguments *a)
{
	const struct tw_style style = tw_use_style(a);
	struct tw_pen p;

	if (a->json)
		return tw_audit_json(&tw_stdout, audit);
	tw_pen_init(&p, &tw_stdout, &style);
	tw_audit_text(&p, audit, a->verbose > 0);
	return tw_pen_finish(&p);
}

/* @h has been read, as far as it went. */
static int judge(const struct tw_host *h, const struct tw_idle_table *table,
		 const struct tw_arguments *a)
{
	struct tw_audit audit;
	int status;
	int r = tw_audit_run(&audit, h, table, a->idle_ns);

	if (!r)
		r = print(&audit, a);
	status = tw_end_output(r, audit.by_severity[TW_SEVERITY_HARM] ||
						  audit.by_severity[TW_SEVERITY_RISK]
					  ? TW_EXIT_FAILED
					  : TW_EXIT_CLEAN);
	tw_audit_free(&audit);
	return status;
}

static int run(const struct tw_arguments *a)
{
	struct tw_idle_table *table = NULL;
	struct tw_host h = { 0 };
	struct tw_err err = { 0 };
	int status;

	if (a->word_count)
		return tw_complain("audit takes no words, only options; see tcpwhy audit --help");
	if (a->idle_table && tw_idle_load(&table, a->idle_table, &err))
		return tw_complain("%s", err.text);
	status = read_host(a, &h, &err) ? tw_complain("%s", err.text) : judge(&h, table, a);
	tw_host_free(&h);
	tw_idle_free(table);
	return status;
}

int tw_command_audit(int argc, char **argv)
{
	return tw_command_main("audit", TW_CMD_AUDIT, argc, argv, 1, run);
}
