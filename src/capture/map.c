/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: mapped windows, and what becomes of them when their file shrinks.
 *
 * The kernel takes the pages behind a file's new end out of all mappings; who touches one gets SIGBUS. The handler puts
 * zeros from there to the end of the window and notes that it is torn:
 *
 *	window   |== pages ==|== pages ==|== pages ==|
 *	file     |== pages ==|= end                       cut while it was read
 *	             ok        ok, zeros   SIGBUS: zeros from here on, torn
 */
#include "capture/map.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* since glibc 2.35 */
#endif

static struct tw_map *maps; /* all that are mapped */
static uintptr_t page_bytes;

static struct tw_map *map_at(uintptr_t address)
{
	struct tw_map *m;

	for (m = maps; m; m = m->next)
		if (address - (uintptr_t)m->base < m->bytes)
			return m;
	return NULL;
}

/* Runs on the reader's own thread, in the midst of a load. */
static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
	struct tw_map *m = map_at((uintptr_t)info->si_addr);
	uint8_t *from;

	(void)context;
	if (m) {
		from = m->base +
		       (((uintptr_t)info->si_addr - (uintptr_t)m->base) & ~(page_bytes - 1));
		m->torn = true;
		if (mmap(from, m->bytes - (size_t)(from - m->base), PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
			return;
	}
	/* It comes again at once, and ends the process. */
	signal(signal_number, SIG_DFL);
}

int tw_map_guard(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };
	const long page = sysconf(_SC_PAGESIZE);

	if (page <= 0 || sigaction(SIGBUS, &action, NULL))
		return -errno;
	page_bytes = (uintptr_t)page;
	return 0;
}

size_t tw_map_page_bytes(void)
{
	return page_bytes;
}

void tw_map_end(struct tw_map *m)
{
	struct tw_map **at;

	for (at = &maps; *at && *at != m; at = &(*at)->next)
		;
	if (*at) {
		*at = m->next;
		munmap(m->base, m->bytes);
	}
	*m = (struct tw_map){ 0 };
}

int tw_map_slide(struct tw_map *m, int fd, uint64_t offset, size_t bytes)
{
	void *base;
	int status;

	tw_map_end(m);
	base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)offset);
	if (base == MAP_FAILED)
		return -errno;
	/* All pages by one call: a fault for each costs more than all that is done with its packets. Before Linux 5.14 there
	 * is no such call. */
	if (madvise(base, bytes, MADV_POPULATE_READ) && errno != EINVAL) {
		status = -errno;
		munmap(base, bytes);
		return status;
	}
	*m = (struct tw_map){ .base = base, .bytes = bytes, .next = maps };
	maps = m;
	return 0;
}
