/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the source as others see it: which reader a file gets, the counters, the list of problems,
 * and the filter's place (after the reader, so that frame numbers count what it rejects).
 *
 * A file's format is told by its first four bytes. What they do not tell is offered to libpcap,
 * which knows a few dialects more.
 */
#include "capture/reader.h"
#include "packet/brief.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tw_source_problem(struct tw_source *s, uint64_t offset, const char *fmt, ...)
{
	struct tw_problem *p;
	va_list ap;
	int n;

	s->problems_total++;
	if (s->problem_count == TW_PROBLEMS_KEPT)
		return;
	p = &s->problems[s->problem_count++];
	p->offset = offset;
	n = snprintf(p->text, sizeof(p->text), "byte %llu: ", (unsigned long long)offset);
	va_start(ap, fmt);
	vsnprintf(p->text + n, sizeof(p->text) - (size_t)n, fmt, ap);
	va_end(ap);
}

void tw_source_out_of_data(struct tw_source *s)
{
	struct tw_stream *st = s->stream;
	uint64_t offset = tw_stream_offset(st);
	size_t left = tw_stream_available(st);

	if (st->interrupted)
		return;
	s->ended = true;
	if (st->fault[0]) {
		s->info.cut = true;
		tw_source_problem(s, offset + left, "%s; what follows cannot be read", st->fault);
	} else if (left) {
		s->info.cut = true;
		tw_source_problem(s, offset, "the file ends inside the record that begins here");
	}
}

void tw_source_interface(struct tw_source *s, uint16_t linktype, uint32_t snaplen)
{
	if (!s->info.interfaces++)
		s->info.linktype = linktype;
	if (snaplen && (!s->info.snaplen || snaplen < s->info.snaplen))
		s->info.snaplen = snaplen;
}

/* Say once for each link type that the filter cannot work there. */
static void tell_filter_fault(struct tw_source *s, const struct tw_frame *f, const char *fault)
{
	unsigned i;

	for (i = 0; i < s->unfiltered_count; i++)
		if (s->unfiltered[i] == f->linktype)
			return;
	if (i == sizeof(s->unfiltered) / sizeof(s->unfiltered[0]))
		return;
	s->unfiltered[s->unfiltered_count++] = f->linktype;
	tw_source_problem(s, f->offset,
			  "the filter \"%.60s\" matches no frame of link type %u (%.100s)",
			  tw_filter_expression(s->filter), f->linktype, fault);
}

static unsigned keep_matching(struct tw_source *s, struct tw_frame *frames, unsigned n)
{
	unsigned kept = 0, i;

	for (i = 0; i < n; i++) {
		if (tw_filter_match(s->filter, &frames[i])) {
			frames[kept++] = frames[i];
		} else {
			const char *fault = tw_filter_fault(s->filter, frames[i].linktype);

			if (fault)
				tell_filter_fault(s, &frames[i], fault);
		}
	}
	s->info.frames_filtered += n - kept;
	return kept;
}

/* What the reader has just brought, @n frames: nothing, if the file was taken away under it. */
static unsigned whole(struct tw_source *s, unsigned n)
{
	if (!n || !s->stream || __builtin_expect(!tw_stream_is_torn(s->stream), 1))
		return n;
	tw_stream_fill(s->stream, 1);
	tw_source_out_of_data(s);
	return 0;
}

unsigned tw_source_next(struct tw_source *s, struct tw_frame *frames)
{
	unsigned n;

	do {
		n = whole(s, s->next(s, frames));
		if (!n)
			return 0;
		s->info.frames += n;
		if (s->filter)
			n = keep_matching(s, frames, n);
	} while (!n);
	return n;
}

unsigned tw_source_briefs(struct tw_source *s, struct tw_decoder *d, uint64_t seed,
			  struct tw_brief *out)
{
	struct tw_frame frames[TW_BATCH];
	unsigned n;

	if (s->briefs && !s->filter) {
		n = whole(s, s->briefs(s, d, seed, out));
		s->info.frames += n;
	} else {
		n = tw_source_next(s, frames);
		tw_decode_briefs(d, frames, n, seed, out);
	}
	return n;
}

bool tw_source_can_sift(const struct tw_source *s)
{
	return s->sift && !s->filter;
}

uint64_t tw_source_number(const struct tw_source *s)
{
	return s->number;
}

unsigned tw_source_sift(struct tw_source *s, const struct tw_sieve *sieve, unsigned max,
			struct tw_frame *frames, uint64_t *flow, unsigned *passed)
{
	const unsigned n = whole(s, s->sift(s, sieve, max, frames, flow, passed));

	if (!n)
		*passed = 0;
	s->info.frames += n;
	return n;
}

bool tw_source_can_rewind(const struct tw_source *s)
{
	return s->can_rewind;
}

int tw_source_rewind(struct tw_source *s)
{
	struct tw_source_info *info = &s->info;

	if (!s->can_rewind)
		return -ESPIPE;
	info->frames = info->frames_filtered = info->capture_drops = 0;
	info->has_drop_counters = info->cut = info->interrupted = false;
	info->interfaces = info->snaplen = info->linktype = 0;
	s->unfiltered_count = s->problem_count = 0;
	s->problems_total = 0;
	s->number = 0;
	s->ended = false;
	return s->rewind(s);
}

const struct tw_source_info *tw_source_info(struct tw_source *s)
{
	s->info.problem_count = s->problem_count;
	s->info.problems_total = s->problems_total;
	if (s->stream) {
		s->info.bytes_done = s->stream->bytes_done;
		s->info.interrupted = s->stream->interrupted;
	}
	if (s->refresh)
		s->refresh(s);
	return &s->info;
}

struct tw_source *tw_source_new(const char *name)
{
	struct tw_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->name = strdup(name);
	if (!s->name) {
		free(s);
		return NULL;
	}
	s->info.name = s->name;
	s->info.problems = s->problems;
	return s;
}

void tw_source_close(struct tw_source *s)
{
	if (!s)
		return;
	if (s->destroy)
		s->destroy(s);
	tw_stream_close(s->stream);
	free(s->name);
	free(s);
}

/* The first bytes for a message: as text if they are text, in hexadecimal if not. */
static void describe_start(const struct tw_stream *st, char *out, size_t room)
{
	size_t n = tw_stream_available(st), i, used = 0;

	if (n > 12)
		n = 12;
	for (i = 0; i < n && (isprint(st->at[i]) || isspace(st->at[i])); i++)
		;
	if (i == n) {
		used = (size_t)snprintf(out, room, "the text \"");
		for (i = 0; i < n && !(i && strchr("\r\n", st->at[i])); i++)
			out[used++] = isprint(st->at[i]) ? (char)st->at[i] : ' ';
		snprintf(out + used, room - used, "\"");
		return;
	}
	if (n > 8)
		n = 8;
	used = (size_t)snprintf(out, room, "the bytes");
	for (i = 0; i < n; i++)
		used += (size_t)snprintf(out + used, room - used, " %02x", st->at[i]);
}

/* Choose the reader by the first bytes. */
static int choose_reader(struct tw_source *s, struct tw_err *err)
{
	struct tw_stream *st = s->stream;
	char start[64];
	int status;

	describe_start(st, start, sizeof(start));
	if (!tw_stream_have(st, 4))
		return tw_err_set(err, -EPROTO, "%s is not a capture file (it starts with %s)",
				  s->name, start);
	status = tw_pcap_begin(s, err);
	if (status == -EPROTO && !s->info.format)
		status = tw_pcapng_begin(s, err);
	if (status == -EPROTO && !s->info.format)
		status = tw_libpcap_begin(s, err);
	if (status == -EPROTO && !s->info.format)
		return tw_err_set(err, -EPROTO, "%s is not a capture file (%s starts with %s)",
				  s->name, st->compression ? "its decompressed content" : "it",
				  start);
	return status;
}

/* Takes over @st. */
static int open_stream(struct tw_source **out, struct tw_stream *st, const char *path,
		       struct tw_err *err)
{
	struct tw_source *s = tw_source_new(path);
	int status;

	if (!s) {
		tw_stream_close(st);
		return tw_err_set(err, -ENOMEM, "%s: memory is out", path);
	}
	s->stream = st;
	s->info.compression = st->compression;
	s->info.bytes_total = st->bytes_total;
	s->can_rewind = tw_stream_can_rewind(st);
	status = choose_reader(s, err);
	if (status) {
		tw_source_close(s);
		return status;
	}
	*out = s;
	return 0;
}

int tw_source_open_plain(struct tw_source **out, const char *path, size_t window,
			 struct tw_err *err)
{
	struct tw_stream *st;
	int status = tw_stream_open(&st, path, window, err);

	return status ? status : open_stream(out, st, path, err);
}

int tw_source_open(struct tw_source **out, const char *path, struct tw_filter *filter,
		   struct tw_err *err)
{
	int status = tw_source_open_plain(out, path, TW_STREAM_WINDOW, err);

	if (!status)
		(*out)->filter = filter;
	return status;
}

int tw_source_open_memory(struct tw_source **out, const void *data, size_t size, struct tw_err *err)
{
	struct tw_stream *st;
	int status = tw_stream_open_memory(&st, data, size, err);

	return status ? status : open_stream(out, st, "memory", err);
}
