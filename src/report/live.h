/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_LIVE_H
#define TW_REPORT_LIVE_H

#include "diagnose/finding.h"
#include "report/style.h"

/* One line per finding of the running kernel: time, verdict, ends, process, what the application got. */
void tw_live_line(struct tw_pen *p, const struct tw_finding *f);
/* What -v adds below it: the sentence, evidence, what each end sees, rivals, what is ruled out, what to do. */
void tw_live_story(struct tw_pen *p, const struct tw_finding *f);

/*
 * Findings counted by verdict, server endpoint and process, for the table at the end, and so that equal ones
 * can be folded while they come. Bounded: what finds no row shares one with all others of its verdict, and is
 * folded as if it were equal (a scan of many ports is).
 */
#define TW_TALLY_ROWS  512
#define TW_TALLY_KINDS 130 /* as tw_catalogue[], then "unknown" and "clean" */
struct tw_tally_row {
	const char *verdict; /* NULL: the row is free */
	enum tw_outcome outcome;
	bool shared; /* of many endpoints and processes: the next three mean nothing */
	struct tw_addr server;
	uint16_t port;
	char comm[16];
	uint64_t count;
	int64_t window_ns; /* of the folding: when it began */
	uint64_t told, folded;
};
struct tw_tally {
	struct tw_tally_row row[TW_TALLY_ROWS];
	struct tw_tally_row shared[TW_TALLY_KINDS];
	uint64_t outcome[4];              /* by enum tw_outcome */
	uint64_t verdict[TW_TALLY_KINDS]; /* what is not clean, with or without a row of its own */
};

/* The verdict of a kind; NULL: there is none. */
const char *tw_tally_kind(unsigned kind);
/* Counts it by outcome and verdict. */
void tw_tally_count(struct tw_tally *t, const struct tw_finding *f);
/* Counts it in its row, which it returns. */
struct tw_tally_row *tw_tally_add(struct tw_tally *t, const struct tw_finding *f);
/* The table, the most frequent first. */
void tw_tally_table(struct tw_pen *p, const struct tw_tally *t);
/* "... and 123 more: port-closed 192.0.2.1:80". */
void tw_tally_folded(struct tw_pen *p, const struct tw_tally_row *row);

#endif
