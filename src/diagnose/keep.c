/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the packets of connections under way, until it is known whether anybody wants them.
 *
 * A packet stands in two lists: that of its connection, and that of its kind over all connections, oldest
 * first. The start of a connection (the handshake and what follows at once) is worth more than its middle, and
 * costs little:
 *
 *	connection   [ start: START packets ][ .. gone .. ][ the last LAST packets, at most LAST_BYTES ]
 *
 * So over the ceiling the oldest packet that belongs to no start goes, whosever it is; when there is none, the
 * oldest of the starts.
 */
#include "diagnose/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define START      48
#define LAST       512
#define LAST_BYTES ((size_t)512 << 10)

struct packet {
	struct packet *before, *after; /* of the same kind */
	struct packet *next;           /* of the same connection */
	struct tw_kept *owner;
	struct tw_frame frame;
	bool of_start;
	/* Its bytes follow. */
};

/* Of a connection: the first is the oldest. */
struct queue {
	struct packet *first, *last;
	size_t count, bytes;
};

struct tw_kept {
	struct tw_keep *keep; /* NULL: released */
	struct queue start, rest;
};

struct tw_keep {
	struct packet start, rest; /* heads of rings */
	size_t bytes, most;
};

struct tw_keep *tw_keep_new(size_t bytes)
{
	struct tw_keep *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->most = bytes;
	k->start.before = k->start.after = &k->start;
	k->rest.before = k->rest.after = &k->rest;
	return k;
}

void tw_keep_free(struct tw_keep *k)
{
	free(k);
}

static size_t cost(const struct packet *p)
{
	return sizeof(*p) + p->frame.caplen;
}

static void leave_ring(struct packet *p)
{
	p->before->after = p->after;
	p->after->before = p->before;
}

/* The oldest of a connection's queue goes. */
static void drop_first(struct tw_keep *k, struct queue *q)
{
	struct packet *p = q->first;

	q->first = p->next;
	if (!q->first)
		q->last = NULL;
	q->count--;
	q->bytes -= cost(p);
	if (k) {
		k->bytes -= cost(p);
		leave_ring(p);
	}
	free(p);
}

/* Within a kind and a connection packets have the same order: the oldest of all is the first of its own. */
static void make_room(struct tw_keep *k)
{
	while (k->bytes > k->most) {
		if (k->rest.after != &k->rest)
			drop_first(k, &k->rest.after->owner->rest);
		else
			drop_first(k, &k->start.after->owner->start);
	}
}

static struct packet *copy_of(const struct tw_frame *f)
{
	struct packet *p = malloc(sizeof(*p) + f->caplen);

	if (!p)
		return NULL;
	*p = (struct packet){ .frame = *f };
	if (f->caplen)
		memcpy(p + 1, f->data, f->caplen);
	p->frame.data = (const uint8_t *)(p + 1);
	return p;
}

static void append(struct tw_keep *k, struct tw_kept *kept, struct packet *p)
{
	struct queue *q = p->of_start ? &kept->start : &kept->rest;
	struct packet *head = p->of_start ? &k->start : &k->rest;

	p->owner = kept;
	p->before = head->before;
	p->after = head;
	p->before->after = head->before = p;
	if (q->last)
		q->last->next = p;
	else
		q->first = p;
	q->last = p;
	q->count++;
	q->bytes += cost(p);
	k->bytes += cost(p);
}

int tw_keep_add(struct tw_keep *k, struct tw_kept **kept, const struct tw_frame *f)
{
	struct packet *p;
	struct tw_kept *own;

	if (!*kept)
		*kept = calloc(1, sizeof(**kept));
	own = *kept;
	p = own ? copy_of(f) : NULL;
	if (!p)
		return -ENOMEM;
	own->keep = k;
	/* Once there is a middle, nothing more is of the start, even if that was dropped. */
	p->of_start = !own->rest.count && own->start.count < START;
	append(k, own, p);
	while (own->rest.count > LAST || (own->rest.bytes > LAST_BYTES && own->rest.count > 1))
		drop_first(k, &own->rest);
	make_room(k);
	return 0;
}

void tw_kept_release(struct tw_kept *kept)
{
	struct packet *p;

	if (!kept || !kept->keep)
		return;
	for (p = kept->start.first; p; p = p->next)
		leave_ring(p);
	for (p = kept->rest.first; p; p = p->next)
		leave_ring(p);
	kept->keep->bytes -= kept->start.bytes + kept->rest.bytes;
	kept->keep = NULL;
}

void tw_kept_free(struct tw_kept *kept)
{
	if (!kept)
		return;
	while (kept->start.first)
		drop_first(kept->keep, &kept->start);
	while (kept->rest.first)
		drop_first(kept->keep, &kept->rest);
	free(kept);
}

/* ---- writing ---- */

static const char *evidence_at(const struct tw_finding *f, uint64_t frame)
{
	unsigned i;

	for (i = 0; i < f->match.evidence_count; i++)
		if (!f->match.evidence[i].event && f->match.evidence[i].frame == frame)
			return f->match.evidence[i].text;
	return NULL;
}

/* What no packet shows stands at the first: the sentence, and what the kernel told. */
static const char *opening(struct tw_arena *arena, const struct tw_finding *f)
{
	const char *text = tw_arena_printf(arena, "tcpwhy: %s: %s", f->verdict,
					   f->match.summary ? f->match.summary : "");
	unsigned i;

	for (i = 0; i < f->match.evidence_count; i++)
		if (f->match.evidence[i].event)
			text = tw_arena_printf(arena, "%s\ntcpwhy: kernel: %s", text,
					       f->match.evidence[i].text);
	for (i = 0; i < 2; i++)
		if (f->process[i].pid)
			text = tw_arena_printf(arena, "%s\ntcpwhy: %s: %s, process %u", text,
					       i ? "server" : "client", f->process[i].comm,
					       f->process[i].pid);
	return text;
}

static int write_packet(const struct tw_finding *f, const struct packet *p, bool first,
			struct tw_writer *w, struct tw_err *err)
{
	struct tw_arena arena;
	const char *cited = evidence_at(f, p->frame.number), *comment = NULL;
	int r;

	tw_arena_init(&arena);
	if (cited)
		comment = tw_arena_printf(&arena, "tcpwhy: %s: %s", f->verdict, cited);
	if (first)
		comment = tw_arena_printf(&arena, "%s%s%s", opening(&arena, f), comment ? "\n" : "",
					  comment ? comment : "");
	r = tw_writer_frame(w, &p->frame, comment, err);
	tw_arena_free(&arena);
	return r;
}

int tw_kept_write(const struct tw_finding *f, struct tw_writer *w, struct tw_err *err)
{
	const struct packet *const first[2] = { f->kept ? f->kept->start.first : NULL,
						f->kept ? f->kept->rest.first : NULL };
	const struct packet *p;
	bool begun = false;
	int r = 0, i;

	tw_writer_section(w);
	for (i = 0; i < 2; i++) {
		for (p = first[i]; p && !r; p = p->next) {
			r = write_packet(f, p, !begun, w, err);
			begun = true;
		}
	}
	return r;
}
