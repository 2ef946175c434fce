/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_METRICS_H
#define TW_REPORT_METRICS_H

#include "diagnose/finding.h"
#include "report/sink.h"

/*
 * Findings of the running kernel as counters for Prometheus, and how the watch itself fares. Strangers choose
 * what is counted, so the number of series has a bound: the catalogue's verdicts, and of processes and ports
 * the first TW_METRICS_LABELS each; what comes later counts as "other".
 */
#define TW_METRICS_LABELS 64

struct tw_metrics; /* some 100 KiB */

/* How the watch fares when it is asked; what counts up never goes back. */
struct tw_metrics_health {
	uint64_t events, events_lost, events_folded, findings_folded;
	uint64_t forgotten;             /* connections given up unjudged */
	uint64_t pending;               /* connections that are being gathered */
	unsigned missing;               /* probes */
	uint64_t packets, packets_lost; /* of -i */
	uint64_t written;               /* connections in the file of -w */
	uint64_t scrapes;
	uint64_t resident_bytes;
	double cpu_s;
	double started_s; /* since 1970 */
};

struct tw_metrics *tw_metrics_new(void); /* NULL: no memory */
void tw_metrics_free(struct tw_metrics *m);

/* Counts it, with what was folded into it. */
void tw_metrics_add(struct tw_metrics *m, const struct tw_finding *f);

/* Appends everything in Prometheus' text format 0.0.4. */
void tw_metrics_render(const struct tw_metrics *m, const struct tw_metrics_health *h,
		       struct tw_string *out);

#endif
