/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_DIAGNOSE_SESSION_H
#define TW_DIAGNOSE_SESSION_H

#include "base/err.h"
#include "capture/source.h"
#include "diagnose/finding.h"

#include <signal.h>

/*
 * From a source to findings: the two looks at a file (triage, then dossiers of what wants one), or the
 * single look at a stream, then facts, matchers, findings.
 */
struct tw_session_config {
	uint64_t memory_bytes; /* ceiling, 0 = a quarter of RAM */
	bool all;              /* findings for clean connections, too */
	bool harmless; /* ... and for those clean ones that a phenomenon explains, as far as they are judged */
	bool have_stream; /* only this stream, with all its packets in the steps */
	uint64_t stream;
	bool want_steps;    /* renderers draw: fill finding->steps */
	unsigned steps_max; /* at most so many steps per finding (0 = no limit) */
	const struct tw_idle_table *idle_table; /* the user's, NULL = built in only */
	/* Larger files are not looked through for repaired losses to the end; 0 = 2 million frames. */
	uint64_t loss_frames;
	/* The source is an interface: time passes without packets, and who has given up is judged. */
	bool live;
	uint64_t
		keep_bytes; /* one look only: keep packets up to so many bytes, for finding->kept */
	uint64_t frames_max; /* judge only the first so many frames that pass the filter, 0 = all */
	/* Set (by a signal handler) to end the first look, or the only one, early: what was read up to
	 * there is judged as if the input ended. Set in the second look, it ends that, and what was not
	 * judged by then is not told. May be NULL. */
	const volatile sig_atomic_t *stop;
	/* Progress, called a few times a second at most; may be NULL. @pass 1 or 2, @of passes. */
	void (*progress)(void *user, const struct tw_source_info *info, int pass, int of);
	/* A finding, in the order of the connections' first packets (from a pipe: as they end).
	 * Ownership goes to the callback. Return false to stop. */
	bool (*finding)(void *user, struct tw_finding *f);
	/* May be NULL. Else asked before: @f has all but texts, vantage, zeek and steps. Return true to be
	 * given the whole; false if what is known will do: that costs much less. */
	bool (*sketch)(void *user, const struct tw_finding *f);
	void *user;
};

struct tw_session_summary {
	const char *source;
	uint64_t packets; /* frames read */
	uint64_t tcp_packets;
	uint64_t connections, clean, failed, degraded, unknown;
	int64_t first_ns, last_ns;
	/* Indexed as tw_catalogue[]: connections that are not clean; clean ones that show a phenomenon all the
	 * same, as far as they were judged. */
	uint64_t verdict_count[128], harmless_count[128];
	uint64_t remark_count[32]; /* remarks on clean connections, indexed as tw_remarks[] */
	uint64_t evicted;       /* connections whose record was given up for the memory ceiling */
	uint64_t steps_dropped; /* packets not kept in full because a connection was too long */
	uint64_t capture_drops;
	/* Problems of the input and remarks on its quality, whole sentences. */
	const char *problems[40];
	unsigned problem_count;
	unsigned damage_count; /* the first so many are damage of the file: cut, lengths that lie */
	bool nothing_readable; /* not one frame could be read although the file has bytes */
	struct tw_arena arena;
};

/* 0, or a negative errno with @err if the source could not be read at all. */
int tw_session_run(struct tw_source *src, const struct tw_session_config *config,
		   struct tw_session_summary *summary, struct tw_err *err);
void tw_session_summary_free(struct tw_session_summary *summary);

#endif
