/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: which packets go into the file of `-w`, and what their comments say.
 *
 * A finding knows its ends and its first and last frame, which is all that the watch list of the
 * second look needs; so the cut is a third look of the same kind. Memory: one entry per reported
 * connection, one line of text per cited packet.
 */
#include "diagnose/extract.h"

#include "diagnose/session_private.h"
#include "packet/decode.h"

#include <errno.h>
#include <stdlib.h>

struct comment {
	uint64_t frame;
	const char *text;
};

struct tw_extract {
	struct tw_interest *interest;
	uint64_t count, room;
	struct comment *comment;
	uint64_t comments, comment_room;
	struct tw_arena text;
};

struct tw_extract *tw_extract_new(void)
{
	struct tw_extract *x = calloc(1, sizeof(*x));

	if (x)
		tw_arena_init(&x->text);
	return x;
}

void tw_extract_free(struct tw_extract *x)
{
	if (!x)
		return;
	tw_arena_free(&x->text);
	free(x->interest);
	free(x->comment);
	free(x);
}

/* @array with room for one more element than @count; NULL when memory is out (@array stays valid). */
static void *with_room(void *array, size_t size, uint64_t count, uint64_t *room)
{
	uint64_t more = *room ? *room * 2 : 64;
	void *grown;

	if (count < *room)
		return array;
	grown = reallocarray(array, more, size);
	if (grown)
		*room = more;
	return grown;
}

static int add_comment(struct tw_extract *x, const struct tw_finding *f,
		       const struct tw_evidence *e)
{
	struct comment *list;
	const char *text;

	list = with_room(x->comment, sizeof(*list), x->comments, &x->comment_room);
	if (!list)
		return -ENOMEM;
	x->comment = list;
	text = tw_arena_printf(&x->text, "tcpwhy: %s: %s", f->verdict, e->text ? e->text : "");
	if (!*text)
		return -ENOMEM;
	x->comment[x->comments++] = (struct comment){ .frame = e->frame, .text = text };
	return 0;
}

int tw_extract_add(struct tw_extract *x, const struct tw_finding *f)
{
	struct tw_segment ends = {
		.src = f->addr[TW_CLIENT],
		.dst = f->addr[TW_SERVER],
		.sport = f->port[TW_CLIENT],
		.dport = f->port[TW_SERVER],
	};
	struct tw_interest *list, *in;
	unsigned i;
	int r = 0;

	if (f->phenomenon && f->phenomenon->stage == TW_STAGE_MANY)
		return 0;
	list = with_room(x->interest, sizeof(*list), x->count, &x->room);
	if (!list)
		return -ENOMEM;
	x->interest = list;
	in = &x->interest[x->count++];
	*in = (struct tw_interest){
		.stream = f->stream,
		.first_frame = f->first_frame,
		.last_frame = f->last_frame,
	};
	tw_tuple_of(&ends, &in->tuple);
	for (i = 0; i < f->match.evidence_count && !r; i++)
		if (f->match.evidence[i].frame)
			r = add_comment(x, f, &f->match.evidence[i]);
	return r;
}

/* The watch list takes connections in the order in which they begin; short of memory, findings do not. */
static int by_start(const void *a, const void *b)
{
	const struct tw_interest *x = a, *y = b;

	return (x->first_frame > y->first_frame) - (x->first_frame < y->first_frame);
}

static int by_frame(const void *a, const void *b)
{
	const struct comment *x = a, *y = b;

	return (x->frame > y->frame) - (x->frame < y->frame);
}

/* The comment of a frame; @at moves along, as frames come in order. */
static const char *comment_of(const struct tw_extract *x, uint64_t *at, uint64_t frame)
{
	while (*at < x->comments && x->comment[*at].frame < frame)
		++*at;
	return *at < x->comments && x->comment[*at].frame == frame ? x->comment[*at].text : NULL;
}

static int copy(struct tw_extract *x, struct tw_watchlist *list, struct tw_decoder *decoder,
		struct tw_source *src, struct tw_writer *w, uint64_t *written, struct tw_err *err)
{
	struct tw_frame frames[TW_BATCH];
	unsigned n, i;
	uint64_t at = 0;

	while ((n = tw_source_next(src, frames)) > 0) {
		for (i = 0; i < n; i++) {
			struct tw_segment s;
			enum tw_segment_kind kind;
			const char *comment;
			int r;

			if (frames[i].number > list->last_frame)
				return 0;
			if (tw_watchlist_reach(list, frames[i].number, frames[i].number))
				return tw_err_set(err, -ENOMEM,
						  "out of memory while writing packets");
			kind = tw_decode(decoder, &frames[i], &s);
			comment = comment_of(x, &at, frames[i].number);
			/* What is cited goes along even if it is no segment: an ARP question. */
			if (!comment && ((kind != TW_SEG_TCP && kind != TW_SEG_ICMP_ERROR) ||
					 !tw_watchlist_find(list, &s, 0, frames[i].number)))
				continue;
			r = tw_writer_frame(w, &frames[i], comment, err);
			if (r)
				return r;
			++*written;
		}
	}
	return 0;
}

int tw_extract_write(struct tw_extract *x, struct tw_source *src, struct tw_writer *w,
		     uint64_t *written, struct tw_err *err)
{
	struct tw_watchlist list = { 0 };
	struct tw_decoder *decoder = tw_decoder_new();
	uint8_t *take = malloc(x->count + 1);
	uint64_t count = 0, i;
	int r = take && decoder ? 0 : -ENOMEM;

	if (!r && !x->count)
		goto out;
	for (i = 0; !r && i < x->count; i++)
		take[i] = TW_TAKE;
	if (x->count)
		qsort(x->interest, x->count, sizeof(*x->interest), by_start);
	if (!r)
		r = tw_watchlist_build(&list, x->interest, x->count, take, UINT64_MAX);
	if (r) {
		tw_err_set(err, r, "out of memory while looking for the packets to write");
		goto out;
	}
	r = tw_source_rewind(src);
	if (r) {
		tw_err_set(err, r,
			   "the packets can not be written: the input can not be read again");
		goto out;
	}
	if (x->comments)
		qsort(x->comment, x->comments, sizeof(*x->comment), by_frame);
	r = copy(x, &list, decoder, src, w, &count, err);
out:
	tw_watchlist_free(&list);
	tw_decoder_free(decoder);
	free(take);
	if (written)
		*written = count;
	return r;
}
