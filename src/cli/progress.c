/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Progress of a long file. The two looks count as one work: the second look reads up to the last
 * packet of interest, so the estimate errs on the long side.
 */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SILENT_NS   TW_NS_PER_S
#define INTERVAL_NS (TW_NS_PER_S / 5)

void tw_progress_init(struct tw_progress *p)
{
	const char *term = getenv("TERM");

	*p = (struct tw_progress){
		.started_ns = tw_clock_ns(CLOCK_MONOTONIC),
		.terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0),
	};
}

/* Is it time for a new line? */
static bool due(struct tw_progress *p)
{
	int64_t now = p->terminal ? tw_clock_ns(CLOCK_MONOTONIC) : 0;

	if (!p->terminal || now - p->started_ns < SILENT_NS || now - p->shown_ns < INTERVAL_NS)
		return false;
	p->shown_ns = now;
	p->visible = true;
	return true;
}

void tw_progress_show(struct tw_progress *p, const struct tw_source_info *info, int pass, int of)
{
	double done, rate;
	int64_t spent;

	if (!due(p))
		return;
	spent = p->shown_ns - p->started_ns;
	rate = (double)info->frames / ((double)spent / 1e9);
	if (!info->bytes_total || of < 1) {
		fprintf(stderr, "\r\033[Kreading: %llu packets, %.2f M packets/s",
			(unsigned long long)info->frames, rate / 1e6);
		return;
	}
	done = ((double)info->bytes_done / (double)info->bytes_total + (pass - 1)) / of;
	if (done <= 0 || done > 1)
		done = done > 1 ? 1 : 1e-6;
	/* Bytes of both looks over the time of both. */
	rate = done * of * (double)info->bytes_total / ((double)spent / 1e9);
	fprintf(stderr, "\r\033[K%3.0f %%, %.0f MB/s, %s left", 100 * done, rate / 1e6,
		TW_DUR((int64_t)((double)spent * (1 - done) / done)));
}

void tw_progress_runs(struct tw_progress *p, const struct tw_crew_state *s)
{
	if (!due(p))
		return;
	fprintf(stderr, "\r\033[K%u of %u runs finished, %u running, %u failed, %s", s->finished,
		s->total, s->running, s->failed, TW_DUR(s->elapsed_ns));
}

void tw_progress_erase(struct tw_progress *p)
{
	if (p->visible)
		fputs("\r\033[K", stderr);
	p->visible = false;
}
