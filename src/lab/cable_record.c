/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what an end sees, written as a capture in order of time.
 *
 * A frame's arrival is stamped by the kernel, its hand-over by us, and the cable reads arrivals a
 * moment later: a hand-over at 12 may be known before the arrival of 10. So entries wait until
 * all that is older must have been read.
 */
#include "lab/cable_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tw_cable_record_entry {
	struct tw_cable_record_entry *older, *newer;
	int64_t time_ns;
	uint32_t length;
	uint8_t data[];
};

int tw_cable_record_open(struct tw_cable_record *r, const char *path, struct tw_err *err)
{
	*r = (struct tw_cable_record){ 0 };
	return path ? tw_writer_open(&r->writer, path, err) : 0;
}

int tw_cable_record_add(struct tw_cable_record *r, int64_t time_ns, const uint8_t *data,
			uint32_t length, struct tw_err *err)
{
	struct tw_cable_record_entry *e, *before;

	if (!r->writer)
		return 0;
	e = malloc(sizeof(*e) + length);
	if (!e)
		return tw_err_set(err, -ENOMEM, "out of memory for the capture");
	e->time_ns = time_ns;
	e->length = length;
	memcpy(e->data, data, length);
	for (before = r->newest; before && before->time_ns > time_ns;)
		before = before->older;
	e->older = before;
	e->newer = before ? before->newer : r->oldest;
	*(before ? &before->newer : &r->oldest) = e;
	*(e->newer ? &e->newer->older : &r->newest) = e;
	return 0;
}

static int write_oldest(struct tw_cable_record *r, struct tw_err *err)
{
	struct tw_cable_record_entry *e = r->oldest;
	/* An arrival that was read very late must not stand before what is written. */
	struct tw_frame f = { .time_ns = e->time_ns > r->written_ns ? e->time_ns : r->written_ns,
			      .number = ++r->number,
			      .data = e->data,
			      .caplen = e->length,
			      .len = e->length,
			      .linktype = TW_CABLE_LINKTYPE };
	int code = tw_writer_frame(r->writer, &f, NULL, err);

	r->written_ns = f.time_ns;
	r->oldest = e->newer;
	*(e->newer ? &e->newer->older : &r->newest) = NULL;
	free(e);
	return code;
}

int tw_cable_record_flush(struct tw_cable_record *r, int64_t before_ns, struct tw_err *err)
{
	int code = 0;

	while (r->oldest && r->oldest->time_ns < before_ns && !code)
		code = write_oldest(r, err);
	return code;
}

int tw_cable_record_close(struct tw_cable_record *r, struct tw_err *err)
{
	int code = 0;

	if (!r->writer)
		return 0;
	while (r->oldest) {
		int failed = write_oldest(r, code ? NULL : err);

		code = code ? code : failed;
	}
	if (code) {
		tw_writer_close(r->writer, NULL);
	} else {
		code = tw_writer_close(r->writer, err);
	}
	r->writer = NULL;
	return code;
}
