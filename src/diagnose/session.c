/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session: one source from its first frame to the summary.
 *
 * A source that can rewind gets two looks (two_looks.c): triage of every packet, then dossiers of
 * the few connections that deserve one. A stream gets a single look (one_look.c): a dossier for every
 * connection while it lives. Both end in tw_session_judge() (finding.c). This file holds what they
 * share: batches with their limits, progress, and the sentences about the input's quality.
 */
#include "diagnose/session_private.h"

#include "base/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_NS     (250 * TW_NS_PER_MS)
#define PROGRESS_FRAMES 65536 /* how often the clock is read */
#define MEMORY_MIN      ((size_t)8 << 20)

static void tell_progress(struct tw_session *s, int pass, int of)
{
	const struct tw_session_config *c = s->config;
	struct timespec now;
	int64_t since;

	if (!c->progress)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	since = (now.tv_sec - s->progress_at.tv_sec) * TW_NS_PER_S +
		(now.tv_nsec - s->progress_at.tv_nsec);
	if (since < PROGRESS_NS)
		return;
	s->progress_at = now;
	c->progress(c->user, tw_source_info(s->source), pass, of);
}

bool tw_session_is_interrupted(const struct tw_session *s)
{
	return s->config->stop && *s->config->stop && !s->stopped;
}

static bool is_over(struct tw_session *s, int pass)
{
	const uint64_t max = s->config->frames_max;

	if (tw_session_is_interrupted(s)) {
		s->stopped = pass == 1;
		return true;
	}
	return (s->stopped && pass == 1) || (max && s->frames >= max);
}

static unsigned within_limit(const struct tw_session *s, unsigned n)
{
	const uint64_t max = s->config->frames_max;

	return max && n > max - s->frames ? (unsigned)(max - s->frames) : n;
}

static void count_frames(struct tw_session *s, unsigned n, int pass, int of)
{
	if (s->frames / PROGRESS_FRAMES != (s->frames + n) / PROGRESS_FRAMES || of == 1)
		tell_progress(s, pass, of);
	s->frames += n;
}

unsigned tw_session_batch(struct tw_session *s, struct tw_frame *frames, int pass, int of)
{
	unsigned n;

	if (is_over(s, pass))
		return 0;
	n = within_limit(s, tw_source_next(s->source, frames));
	count_frames(s, n, pass, of);
	return n;
}

unsigned tw_session_briefs(struct tw_session *s, uint64_t seed, struct tw_brief *out)
{
	unsigned n;

	if (is_over(s, 1))
		return 0;
	n = within_limit(s, tw_source_briefs(s->source, s->decoder, seed, out));
	count_frames(s, n, 1, 2);
	return n;
}

unsigned tw_session_sift(struct tw_session *s, const struct tw_sieve *sieve,
			 struct tw_frame *frames, uint64_t *flow, unsigned *passed)
{
	const uint64_t max = s->config->frames_max, left = max ? max - s->frames : TW_SIFT;
	unsigned n;

	if (is_over(s, 2))
		return 0;
	n = tw_source_sift(s->source, sieve, left < TW_SIFT ? (unsigned)left : TW_SIFT, frames,
			   flow, passed);
	count_frames(s, n, 2, 2);
	return n;
}

void tw_session_problem(struct tw_session *s, const char *fmt, ...)
{
	struct tw_session_summary *sum = s->summary;
	va_list ap;

	if (sum->problem_count >= sizeof(sum->problems) / sizeof(sum->problems[0]))
		return;
	va_start(ap, fmt);
	sum->problems[sum->problem_count++] = tw_arena_vprintf(&sum->arena, fmt, ap);
	va_end(ap);
}

/* What a sentence about @n things says after their noun, and as its verb. */
static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *were(uint64_t n)
{
	return n == 1 ? "was" : "were";
}

/* What the reader found wrong with the file itself. */
static void tell_source_problems(struct tw_session *s)
{
	const struct tw_source_info *info = tw_source_info(s->source);
	unsigned i;

	for (i = 0; i < info->problem_count && i < 24; i++)
		tw_session_problem(s, "%s", info->problems[i].text);
	if (info->problems_total > i)
		tw_session_problem(s, "%" PRIu64 " more problem%s of the file %s not listed.",
				   info->problems_total - i, plural(info->problems_total - i),
				   info->problems_total - i == 1 ? "is" : "are");
	s->summary->damage_count = s->summary->problem_count;
	if (info->capture_drops)
		tw_session_problem(s,
				   "The capturing host lost %" PRIu64
				   " packet%s while it captured: missing answers prove nothing.",
				   info->capture_drops, plural(info->capture_drops));
}

/* What the decoder could not use. */
static void tell_decoder_problems(struct tw_session *s)
{
	const struct tw_decoder_stats *st = &s->stats;

	if (st->unknown_link_frames)
		tw_session_problem(s,
				   "%" PRIu64 " frame%s of link type %s (%u) %s skipped: this link "
				   "type is not supported.",
				   st->unknown_link_frames, plural(st->unknown_link_frames),
				   tw_linktype_name(st->unknown_link), st->unknown_link,
				   were(st->unknown_link_frames));
	if (st->malformed)
		tw_session_problem(s,
				   "%" PRIu64
				   " malformed packet%s (lengths that contradict each other) "
				   "%s skipped.",
				   st->malformed, plural(st->malformed), were(st->malformed));
	if (st->cut)
		tw_session_problem(s,
				   "%" PRIu64
				   " packet%s %s captured too short to hold a TCP header "
				   "(snap length) and %s skipped.",
				   st->cut, plural(st->cut), were(st->cut), were(st->cut));
	if (st->reassembly_evicted)
		tw_session_problem(s,
				   "%" PRIu64
				   " fragmented packet%s could not be reassembled: pieces are "
				   "missing.",
				   st->reassembly_evicted, plural(st->reassembly_evicted));
}

static void tell_own_limits(struct tw_session *s)
{
	const struct tw_session_summary *sum = s->summary;

	if (s->capture.clock_backward)
		tw_session_problem(
			s,
			"Time stamps go backwards by up to %s: durations across such a step "
			"are not reliable.",
			TW_DUR(s->clock_step_ns));
	if (sum->evicted)
		tw_session_problem(s,
				   "%" PRIu64
				   " connection%s %s given up before the end to stay below "
				   "the memory ceiling of %zu MiB.",
				   sum->evicted, plural(sum->evicted), were(sum->evicted),
				   s->memory_bytes >> 20);
	if (sum->steps_dropped)
		tw_session_problem(s,
				   "Of very long connections %" PRIu64 " unremarkable packet%s %s "
				   "counted, but not kept.",
				   sum->steps_dropped, plural(sum->steps_dropped),
				   were(sum->steps_dropped));
	if (s->hosts && tw_hosts_forgotten(s->hosts))
		tw_session_problem(s,
				   "There are more hosts than are remembered: what %" PRIu64
				   " packet%s of the others %s is not known when a connection is "
				   "compared with those around it.",
				   tw_hosts_forgotten(s->hosts),
				   plural(tw_hosts_forgotten(s->hosts)),
				   tw_hosts_forgotten(s->hosts) == 1 ? "says" : "say");
	if (s->out_of_memory)
		tw_session_problem(s, "Memory ran out: some connections could not be judged.");
}

static size_t resolve_ceiling(uint64_t asked)
{
	uint64_t bytes = asked;

	if (!bytes) {
		long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

		bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 4 : 1ull << 30;
	}
	return bytes < MEMORY_MIN ? MEMORY_MIN : bytes;
}

void tw_session_input_ends(struct tw_session *s)
{
	const struct tw_source_info *info = tw_source_info(s->source);
	struct tw_session_summary *sum = s->summary;

	s->stats = *tw_decoder_stats(s->decoder);
	s->capture.cut = info->cut;
	s->capture.capture_drops = info->capture_drops;
	sum->packets = s->frames;
	sum->first_ns = s->capture.first_ns;
	sum->last_ns = s->capture.last_ns;
	sum->capture_drops = info->capture_drops;
	sum->nothing_readable = !info->frames && (info->problems_total || info->cut);
	tell_source_problems(s);
	tell_decoder_problems(s);
	if (s->stopped && tw_source_can_rewind(s->source))
		tw_session_problem(s,
				   "Reading was stopped after %" PRIu64
				   " packets: of what comes behind them nothing is told.",
				   s->frames);
}

int tw_session_begin(struct tw_session *s, struct tw_source *src,
		     struct tw_session_summary *summary, struct tw_err *err)
{
	s->summary = summary;
	s->source = src;
	memset(summary, 0, sizeof(*summary));
	tw_arena_init(&summary->arena);
	summary->source = tw_arena_printf(&summary->arena, "%s", tw_source_info(src)->name);
	s->memory_bytes = resolve_ceiling(s->config->memory_bytes);
	s->decoder = tw_decoder_new();
	s->hosts = tw_hosts_new();
	if (!s->decoder || !s->hosts)
		return tw_err_set(err, -ENOMEM, "%s: memory is exhausted.", summary->source);
	return 0;
}

void tw_session_conclude(struct tw_session *s)
{
	tell_own_limits(s);
	tw_finding_free(s->spare);
	tw_hosts_free(s->hosts);
	tw_decoder_free(s->decoder);
}

int tw_session_run(struct tw_source *src, const struct tw_session_config *config,
		   struct tw_session_summary *summary, struct tw_err *err)
{
	struct tw_session s = { .config = config };
	int r = tw_session_begin(&s, src, summary, err);

	if (!r && tw_source_can_rewind(src))
		r = tw_session_two_looks(&s, err);
	else if (!r)
		r = tw_session_one_look(&s, err);
	tw_session_conclude(&s);
	return r;
}

void tw_session_summary_free(struct tw_session_summary *summary)
{
	tw_arena_free(&summary->arena);
	memset(summary, 0, sizeof(*summary));
}
