/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters in dense tables: [label][verdict]. A series is there once it is not 0, and stays.
 *
 * A port is that of the server: for a client's finding the remote one; for a server's the remote port was
 * picked at random and says nothing, so it is its own. Where no process of this host had a socket (a scan of
 * closed ports), there is neither process nor port to tell, and both are "none".
 */
#include "report/metrics.h"

#include "report/style.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERDICTS_MAX 128 /* of the catalogue, with "clean" and "unknown" */
#define OTHER        TW_METRICS_LABELS
#define NONE         (TW_METRICS_LABELS + 1)
#define ROWS         (TW_METRICS_LABELS + 2)
#define OUTCOMES     4

struct tw_metrics {
	uint64_t finding[2][VERDICTS_MAX][OUTCOMES];
	uint64_t process[2][ROWS][VERDICTS_MAX];
	uint64_t port[2][ROWS][VERDICTS_MAX];
	char comm[TW_METRICS_LABELS][16];
	uint16_t number[TW_METRICS_LABELS];
	unsigned comm_count, number_count;
};

static const char *const side_name[2] = { "client", "server" };
static const char *const outcome_name[OUTCOMES] = {
	[TW_OUTCOME_FAILED] = "failed",
	[TW_OUTCOME_DEGRADED] = "degraded",
	[TW_OUTCOME_CLEAN] = "clean",
	[TW_OUTCOME_UNKNOWN] = "unknown",
};

struct tw_metrics *tw_metrics_new(void)
{
	return calloc(1, sizeof(struct tw_metrics));
}

void tw_metrics_free(struct tw_metrics *m)
{
	free(m);
}

/* ---- counting ---- */

/* Of the catalogue; behind it "clean" and "unknown". What does not fit is unknown. */
static unsigned verdict_of(const struct tw_finding *f)
{
	unsigned i;

	for (i = 0; f->phenomenon && i < tw_catalogue_count && i < VERDICTS_MAX - 2; i++)
		if (tw_catalogue[i] == f->phenomenon)
			return i;
	return f->match.outcome == TW_OUTCOME_CLEAN ? VERDICTS_MAX - 2 : VERDICTS_MAX - 1;
}

static const char *verdict_name(unsigned verdict)
{
	return verdict == VERDICTS_MAX - 2   ? "clean"
	       : verdict == VERDICTS_MAX - 1 ? "unknown"
					     : tw_catalogue[verdict]->slug;
}

static unsigned row_of_comm(struct tw_metrics *m, const char *comm)
{
	unsigned i;

	for (i = 0; i < m->comm_count; i++)
		if (strncmp(m->comm[i], comm, sizeof(m->comm[i]) - 1) == 0)
			return i;
	if (i == TW_METRICS_LABELS)
		return OTHER;
	strncpy(m->comm[i], comm, sizeof(m->comm[i]) - 1);
	return m->comm_count++;
}

static unsigned row_of_port(struct tw_metrics *m, uint16_t port)
{
	unsigned i;

	for (i = 0; i < m->number_count; i++)
		if (m->number[i] == port)
			return i;
	if (i == TW_METRICS_LABELS)
		return OTHER;
	m->number[i] = port;
	return m->number_count++;
}

void tw_metrics_add(struct tw_metrics *m, const struct tw_finding *f)
{
	const struct tw_process *own = &f->process[f->process_side];
	const unsigned verdict = verdict_of(f), side = f->process_side;
	const uint64_t n = 1 + f->folded;
	const bool owned = own->pid && own->comm;

	m->finding[side][verdict][f->match.outcome] += n;
	m->process[side][owned ? row_of_comm(m, own->comm) : NONE][verdict] += n;
	m->port[side][owned ? row_of_port(m, f->port[TW_SERVER]) : NONE][verdict] += n;
}

/* ---- rendering ---- */

static void head(struct tw_string *out, const char *name, const char *type, const char *help)
{
	tw_string_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A process may call itself anything: valid UTF-8, and the three characters that the format quotes. */
static void put_label(struct tw_string *out, const char *text)
{
	struct tw_string clean = { 0 };
	const char *c;

	tw_utf8_clean(&clean, text, strlen(text));
	for (c = tw_string_text(&clean); *c; c++) {
		if (*c == '\\' || *c == '"')
			tw_string_printf(out, "\\%c", *c);
		else if (*c == '\n')
			tw_string_add(out, "\\n", 2);
		else
			tw_string_add(out, c, 1);
	}
	tw_string_free(&clean);
}

static void put_findings(const struct tw_metrics *m, struct tw_string *out)
{
	unsigned side, verdict, outcome;

	head(out, "tcpwhy_findings_total", "counter",
	     "Connections with a finding, by verdict, how it ended, and whose finding it is.");
	for (side = 0; side < 2; side++)
		for (verdict = 0; verdict < VERDICTS_MAX; verdict++)
			for (outcome = 0; outcome < OUTCOMES; outcome++)
				if (m->finding[side][verdict][outcome])
					tw_string_printf(out,
							 "tcpwhy_findings_total{verdict=\"%s\","
							 "outcome=\"%s\",side=\"%s\"} %llu\n",
							 verdict_name(verdict),
							 outcome_name[outcome], side_name[side],
							 (unsigned long long)m
								 ->finding[side][verdict][outcome]);
}

static void put_row(struct tw_string *out, const char *name, const char *label, const char *value,
		    unsigned side, const uint64_t *counts)
{
	unsigned verdict;

	for (verdict = 0; verdict < VERDICTS_MAX; verdict++) {
		if (!counts[verdict])
			continue;
		tw_string_printf(out, "%s{%s=\"", name, label);
		put_label(out, value);
		tw_string_printf(out, "\",side=\"%s\",verdict=\"%s\"} %llu\n", side_name[side],
				 verdict_name(verdict), (unsigned long long)counts[verdict]);
	}
}

static void put_processes(const struct tw_metrics *m, struct tw_string *out)
{
	static const char name[] = "tcpwhy_process_findings_total";
	unsigned side, row;

	head(out, name, "counter",
	     "The same by the name of the process; 'none': no socket of this host; "
	     "'other': beyond the bound.");
	for (side = 0; side < 2; side++)
		for (row = 0; row < ROWS; row++)
			put_row(out, name, "process",
				row == OTHER  ? "other"
				: row == NONE ? "none"
					      : m->comm[row],
				side, m->process[side][row]);
}

static void put_ports(const struct tw_metrics *m, struct tw_string *out)
{
	static const char name[] = "tcpwhy_port_findings_total";
	unsigned side, row;
	char number[8];

	head(out, name, "counter",
	     "The same by the server's port, for side='client' the remote one.");
	for (side = 0; side < 2; side++)
		for (row = 0; row < ROWS; row++) {
			if (row < TW_METRICS_LABELS)
				snprintf(number, sizeof(number), "%u", m->number[row]);
			put_row(out, name, "port",
				row == OTHER  ? "other"
				: row == NONE ? "none"
					      : number,
				side, m->port[side][row]);
		}
}

static void put_number(struct tw_string *out, const char *name, const char *type, uint64_t value,
		       const char *help)
{
	head(out, name, type, help);
	tw_string_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void put_health(const struct tw_metrics_health *h, struct tw_string *out)
{
	put_number(out, "tcpwhy_events_total", "counter", h->events,
		   "Events read from the kernel.");
	put_number(out, "tcpwhy_events_lost_total", "counter", h->events_lost,
		   "Events that the ring had no room for.");
	put_number(out, "tcpwhy_events_folded_total", "counter", h->events_folded,
		   "Events of floods that were only counted.");
	put_number(out, "tcpwhy_findings_folded_total", "counter", h->findings_folded,
		   "Findings that --rate-limit kept from being told one by one.");
	put_number(out, "tcpwhy_connections_forgotten_total", "counter", h->forgotten,
		   "Connections given up unjudged: too many in trouble at the same time.");
	put_number(out, "tcpwhy_connections_followed", "gauge", h->pending,
		   "Connections in trouble that are being followed now.");
	put_number(out, "tcpwhy_probes_missing", "gauge", h->missing,
		   "Probes that this kernel lacks.");
	put_number(out, "tcpwhy_packets_total", "counter", h->packets,
		   "Packets of -i that the filter let through.");
	put_number(out, "tcpwhy_packets_lost_total", "counter", h->packets_lost,
		   "Packets of -i that the kernel had no room for.");
	put_number(out, "tcpwhy_connections_written_total", "counter", h->written,
		   "Connections in the file of -w.");
	put_number(out, "tcpwhy_scrapes_total", "counter", h->scrapes,
		   "Times that this page was asked for.");
	put_number(out, "process_resident_memory_bytes", "gauge", h->resident_bytes,
		   "Resident memory of tcpwhy.");
	head(out, "process_cpu_seconds_total", "counter", "CPU time of tcpwhy.");
	tw_string_printf(out, "process_cpu_seconds_total %.3f\n", h->cpu_s);
	head(out, "process_start_time_seconds", "gauge", "When tcpwhy was started, since 1970.");
	tw_string_printf(out, "process_start_time_seconds %.3f\n", h->started_s);
}

void tw_metrics_render(const struct tw_metrics *m, const struct tw_metrics_health *h,
		       struct tw_string *out)
{
	put_findings(m, out);
	put_processes(m, out);
	put_ports(m, out);
	put_health(h, out);
	head(out, "tcpwhy_build_info", "gauge", "1, with the version.");
	tw_string_printf(out, "tcpwhy_build_info{version=\"%s\"} 1\n", TW_VERSION);
}
