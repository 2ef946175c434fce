/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the frames on their way, ordered by the time at which they are handed over, then by
 * entry.
 */
#include "lab/cable_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More than any window of the lab's hosts holds: beyond it something goes round in circles. */
#define QUEUE_MAX (1u << 17)

struct tw_cable_frame *tw_cable_frame_new(const uint8_t *data, uint32_t length)
{
	struct tw_cable_frame *f = calloc(1, sizeof(*f) + length);

	if (!f)
		return NULL;
	f->length = length;
	if (data)
		memcpy(f->data, data, length);
	return f;
}

static bool before(const struct tw_cable_frame *f, const struct tw_cable_frame *other)
{
	return f->due_ns != other->due_ns ? f->due_ns < other->due_ns : f->order < other->order;
}

int tw_cable_queue_put(struct tw_cable_queue *q, struct tw_cable_frame *f)
{
	size_t at = q->count;

	if (q->count == QUEUE_MAX)
		return -ENOBUFS;
	if (q->count == q->room) {
		size_t room = q->room ? 2 * q->room : 64;
		struct tw_cable_frame **larger = realloc(q->frame, room * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		q->frame = larger;
		q->room = room;
	}
	f->order = q->orders++;
	q->count++;
	while (at && before(f, q->frame[(at - 1) / 2])) {
		q->frame[at] = q->frame[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	q->frame[at] = f;
	return 0;
}

struct tw_cable_frame *tw_cable_queue_first(const struct tw_cable_queue *q)
{
	return q->count ? q->frame[0] : NULL;
}

struct tw_cable_frame *tw_cable_queue_take(struct tw_cable_queue *q)
{
	struct tw_cable_frame *first, *last;
	size_t at = 0, child;

	if (!q->count)
		return NULL;
	first = q->frame[0];
	last = q->frame[--q->count];
	while ((child = 2 * at + 1) < q->count) {
		if (child + 1 < q->count && before(q->frame[child + 1], q->frame[child]))
			child++;
		if (!before(q->frame[child], last))
			break;
		q->frame[at] = q->frame[child];
		at = child;
	}
	if (q->count)
		q->frame[at] = last;
	return first;
}

void tw_cable_queue_free(struct tw_cable_queue *q)
{
	while (q->count)
		free(q->frame[--q->count]);
	free(q->frame);
	*q = (struct tw_cable_queue){ 0 };
}
