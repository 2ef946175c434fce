/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CAPTURE_MAP_H
#define TW_CAPTURE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A part of a file, mapped. The kernel kills by SIGBUS who reads where a file has become shorter since, or where its disk
 * fails. Whoever maps must have asked for the guard; a program that has not reads its files by pread().
 */
struct tw_map {
	uint8_t *base; /* NULL: nothing is mapped */
	size_t bytes;
	bool torn; /* a part of it was gone when it was read; there are zeros now */
	struct tw_map *next;
};

/*
 * From now on maps can be made, and what is missing in them is no signal: a handler of SIGBUS takes it. What is none of
 * theirs ends the process as ever. For programs of one thread. 0 or -errno.
 */
int tw_map_guard(void);
/* What offsets are multiples of; 0: there is no guard. */
size_t tw_map_page_bytes(void);

/*
 * Map @bytes of @fd from @offset, a multiple of tw_map_page_bytes(), in place of what was mapped before. All of it is there when this
 * returns. 0, or -errno: nothing is mapped then, and reading may tell more.
 */
int tw_map_slide(struct tw_map *m, int fd, uint64_t offset, size_t bytes);
void tw_map_end(struct tw_map *m);

#endif
