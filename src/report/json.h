/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_JSON_H
#define TW_REPORT_JSON_H

#include "diagnose/session.h"
#include "report/live.h"
#include "report/sink.h"

#define TW_JSON_SCHEMA 1

/*
 * One object, one line (JSON Lines, schema 1; tcpwhy-read(1) lists the fields). Keys keep their
 * order, seconds are numbers with up to nine decimals, relative to the start of the connection.
 * Text that is not UTF-8 has U+FFFD in its place. Return: 0, or a negative errno (-ENOMEM, or
 * the sink's).
 */
int tw_json_finding(const struct tw_sink *sink, const struct tw_finding *f);
int tw_json_summary(const struct tw_sink *sink, const struct tw_session_summary *s);

/* The summary of a watch over the running kernel. */
struct tw_json_live {
	const char *source; /* "kernel", "eth0" or "kernel+eth0" */
	const struct tw_tally *tally;
	int64_t duration_ns;
	uint64_t events, events_lost, events_folded;
	const char *interface; /* NULL: no packets were watched; the next three mean nothing */
	uint64_t packets, packets_lost, connections_written;
	const char *const *problems;
	unsigned problem_count;
};
int tw_json_live_summary(const struct tw_sink *sink, const struct tw_json_live *s);

#endif
