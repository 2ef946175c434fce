/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: several captures as one time line.
 *
 * A heap holds the parts by the time of their next frame, and by their order on the command line where
 * times are equal. Frames point into the windows of their parts, so a batch ends when a part's
 * frames are used up: only the next call may move that window.
 *
 * A part whose own times go backwards is not sorted: its frames keep their order.
 *
 * Limits: all parts are open at once, each with a window of its own; the windows share WINDOWS_BYTES.
 */
#include "capture/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS_BYTES (8u << 20)
#define WINDOW_LEAST  (16u << 10)
#define IFACE_LAST    UINT16_MAX

struct part {
	struct tw_source *source;
	struct tw_frame frames[TW_BATCH];
	unsigned at, have;
	uint16_t *iface; /* the part's interface index to ours + 1, 0 = none given yet */
	unsigned iface_room;
};

struct merge {
	struct part *part;
	unsigned count;
	unsigned *heap; /* of indices of parts that have a frame */
	unsigned heap_count;
	unsigned *empty; /* parts to be asked for frames before the next batch */
	unsigned empty_count;
	unsigned ifaces; /* given out */
	bool interrupted;
	struct tw_problem problems[TW_PROBLEMS_KEPT]; /* our own and those of the parts */
};

static bool earlier(const struct merge *m, unsigned a, unsigned b)
{
	const struct part *pa = &m->part[a], *pb = &m->part[b];
	int64_t ta = pa->frames[pa->at].time_ns, tb = pb->frames[pb->at].time_ns;

	return ta != tb ? ta < tb : a < b;
}

static void sift_down(struct merge *m, unsigned i)
{
	for (;;) {
		unsigned child = 2 * i + 1, moving = m->heap[i];

		if (child >= m->heap_count)
			return;
		if (child + 1 < m->heap_count && earlier(m, m->heap[child + 1], m->heap[child]))
			child++;
		if (!earlier(m, m->heap[child], moving))
			return;
		m->heap[i] = m->heap[child];
		m->heap[child] = moving;
		i = child;
	}
}

static void push(struct merge *m, unsigned part)
{
	unsigned i = m->heap_count++;

	m->heap[i] = part;
	while (i && earlier(m, m->heap[i], m->heap[(i - 1) / 2])) {
		unsigned parent = (i - 1) / 2, moving = m->heap[i];

		m->heap[i] = m->heap[parent];
		m->heap[parent] = moving;
		i = parent;
	}
}

/* Our index of a part's interface: each is an interface of its own, though the names may agree. */
static uint16_t iface_of(struct merge *m, struct part *p, uint16_t iface)
{
	if (iface >= p->iface_room) {
		unsigned room = iface + 8u;
		uint16_t *larger = realloc(p->iface, room * sizeof(*larger));

		if (!larger)
			return IFACE_LAST;
		memset(larger + p->iface_room, 0, (room - p->iface_room) * sizeof(*larger));
		p->iface = larger;
		p->iface_room = room;
	}
	if (!p->iface[iface]) {
		if (m->ifaces == IFACE_LAST)
			return IFACE_LAST;
		p->iface[iface] = (uint16_t)++m->ifaces;
	}
	return (uint16_t)(p->iface[iface] - 1);
}

/* Ask the parts that have run dry. False if a signal came while one of them was waited for. */
static bool replenish(struct merge *m)
{
	while (m->empty_count) {
		unsigned i = m->empty[m->empty_count - 1];
		struct part *p = &m->part[i];

		p->at = 0;
		p->have = tw_source_next(p->source, p->frames);
		if (!p->have && tw_source_info(p->source)->interrupted)
			return false;
		m->empty_count--;
		if (p->have)
			push(m, i);
	}
	return true;
}

static unsigned next_frames(struct tw_source *s, struct tw_frame *frames)
{
	struct merge *m = s->reader;
	unsigned n = 0;

	m->interrupted = !replenish(m);
	if (m->interrupted)
		return 0;
	while (n < TW_BATCH && m->heap_count) {
		unsigned i = m->heap[0];
		struct part *p = &m->part[i];

		frames[n] = p->frames[p->at++];
		frames[n].number = ++s->number;
		frames[n].iface = iface_of(m, p, frames[n].iface);
		frames[n].section = 0;
		n++;
		if (p->at == p->have) {
			m->heap[0] = m->heap[--m->heap_count];
			sift_down(m, 0);
			m->empty[m->empty_count++] = i;
			break;
		}
		sift_down(m, 0);
	}
	return n;
}

/* A part's problems, each under the name of its file. */
static void gather_problems(struct tw_source *s, const struct tw_source_info *info)
{
	struct merge *m = s->reader;
	unsigned i;

	for (i = 0; i < info->problem_count && s->info.problem_count < TW_PROBLEMS_KEPT; i++) {
		struct tw_problem *p = &m->problems[s->info.problem_count++];

		p->offset = info->problems[i].offset;
		snprintf(p->text, sizeof(p->text), "%.60s: %.175s", info->name,
			 info->problems[i].text);
	}
	s->info.problems_total += info->problems_total;
}

static void gather(struct tw_source *s, const struct tw_source_info *info)
{
	struct tw_source_info *sum = &s->info;

	if (!sum->interfaces)
		sum->linktype = info->linktype;
	sum->interfaces += info->interfaces;
	sum->bytes_total += info->bytes_total;
	sum->bytes_done += info->bytes_done;
	sum->capture_drops += info->capture_drops;
	sum->has_drop_counters |= info->has_drop_counters;
	sum->cut |= info->cut;
	if (info->snaplen && (!sum->snaplen || info->snaplen < sum->snaplen))
		sum->snaplen = info->snaplen;
	gather_problems(s, info);
}

static void refresh(struct tw_source *s)
{
	struct merge *m = s->reader;
	struct tw_source_info *sum = &s->info;
	bool sized = true;
	unsigned i;

	memcpy(m->problems, s->problems, s->problem_count * sizeof(m->problems[0]));
	sum->problems = m->problems;
	sum->interfaces = sum->snaplen = 0;
	sum->bytes_total = sum->bytes_done = sum->capture_drops = 0;
	for (i = 0; i < m->count; i++) {
		const struct tw_source_info *info = tw_source_info(m->part[i].source);

		gather(s, info);
		sized &= info->bytes_total != 0;
	}
	if (!sized)
		sum->bytes_total = 0;
	sum->interrupted = m->interrupted;
}

/* All parts have run dry: as at the beginning. The last in the list is asked first. */
static void all_empty(struct merge *m)
{
	unsigned i;

	m->heap_count = 0;
	m->empty_count = m->count;
	for (i = 0; i < m->count; i++) {
		m->empty[i] = m->count - 1 - i;
		m->part[i].at = m->part[i].have = 0;
	}
}

static int rewind_merged(struct tw_source *s)
{
	struct merge *m = s->reader;
	unsigned i;

	for (i = 0; i < m->count; i++) {
		int status = tw_source_rewind(m->part[i].source);

		if (status)
			return status;
		if (m->part[i].iface)
			memset(m->part[i].iface, 0, m->part[i].iface_room * sizeof(uint16_t));
	}
	m->ifaces = 0;
	all_empty(m);
	return 0;
}

static void destroy(struct tw_source *s)
{
	struct merge *m = s->reader;
	unsigned i;

	for (i = 0; i < m->count; i++) {
		tw_source_close(m->part[i].source);
		free(m->part[i].iface);
	}
	free(m->part);
	free(m->heap);
	free(m->empty);
	free(m);
}

/* "a.pcap, b.pcap" */
static char *join(const char *const *paths, unsigned n)
{
	size_t room = 1;
	char *text, *to;
	unsigned i;

	for (i = 0; i < n; i++)
		room += strlen(paths[i]) + 2;
	text = malloc(room);
	if (!text)
		return NULL;
	to = text;
	*to = '\0';
	for (i = 0; i < n; i++)
		to += sprintf(to, "%s%s", i ? ", " : "", paths[i]);
	return text;
}

static struct tw_source *merged_new(const char *const *paths, unsigned n)
{
	char *name = join(paths, n);
	struct tw_source *s = name ? tw_source_new(name) : NULL;
	struct merge *m = s ? calloc(1, sizeof(*m)) : NULL;

	free(name);
	if (!m) {
		tw_source_close(s);
		return NULL;
	}
	s->reader = m;
	s->destroy = destroy;
	s->next = next_frames;
	s->rewind = rewind_merged;
	s->refresh = refresh;
	s->can_rewind = true;
	m->part = calloc(n, sizeof(*m->part));
	m->heap = calloc(n, sizeof(*m->heap));
	m->empty = calloc(n, sizeof(*m->empty));
	if (m->part && m->heap && m->empty)
		return s;
	tw_source_close(s);
	return NULL;
}

/* What all parts have in common is also said of the whole. */
static void describe(struct tw_source *s)
{
	struct merge *m = s->reader;
	unsigned i;

	s->info.format = m->part[0].source->info.format;
	s->info.compression = m->part[0].source->info.compression;
	for (i = 0; i < m->count; i++) {
		const struct tw_source *part = m->part[i].source;

		if (strcmp(part->info.format, s->info.format) != 0)
			s->info.format = "merged";
		if (part->info.compression != s->info.compression)
			s->info.compression = NULL;
		s->can_rewind &= part->can_rewind;
	}
}

int tw_source_open_merged(struct tw_source **out, const char *const *paths, unsigned n,
			  struct tw_filter *filter, struct tw_err *err)
{
	size_t window = n ? WINDOWS_BYTES / n : 0;
	struct tw_source *s;
	struct merge *m;
	int status;

	if (!n)
		return tw_err_set(err, -EINVAL, "no capture file is given");
	if (n == 1)
		return tw_source_open(out, paths[0], filter, err);
	/* Not a whole one: those are mapped, and take three times as much (stream.c). */
	if (window > TW_STREAM_WINDOW / 2)
		window = TW_STREAM_WINDOW / 2;
	if (window < WINDOW_LEAST)
		window = WINDOW_LEAST;
	s = merged_new(paths, n);
	if (!s)
		return tw_err_set(err, -ENOMEM, "memory is out");
	m = s->reader;
	for (; m->count < n; m->count++) {
		status = tw_source_open_plain(&m->part[m->count].source, paths[m->count], window,
					      err);
		if (status) {
			tw_source_close(s);
			return status;
		}
	}
	s->filter = filter;
	describe(s);
	all_empty(m);
	*out = s;
	return 0;
}
