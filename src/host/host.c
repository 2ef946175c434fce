/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: reading a host as a whole. Each part is there or not; what could not be read is noted with the
 * reason, and nobody concludes anything from it.
 */
#include "host/host.h"
#include "host/host_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Duplicating a descriptor costs some microseconds; beyond so many sockets the picture is clear. */
#define OPTIONS_MOST 4096

FILE *tw_host_open(const char *proc, const char *path)
{
	char whole[512];

	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", proc, path) >= sizeof(whole))
		return NULL;
	return fopen(whole, "re");
}

void tw_host_unread(struct tw_host *h, const char *what, const char *fmt, ...)
{
	struct tw_unread *u = &h->unread[h->unread_count];
	va_list ap;

	if (h->unread_count == TW_UNREAD_MAX)
		return;
	h->unread_count++;
	snprintf(u->what, sizeof(u->what), "%s", what);
	va_start(ap, fmt);
	vsnprintf(u->why, sizeof(u->why), fmt, ap);
	va_end(ap);
}

void tw_host_init(struct tw_host *h)
{
	*h = (struct tw_host){ 0 };
	tw_settings_defaults(&h->timers);
}

void tw_host_free(struct tw_host *h)
{
	tw_living_free(&h->sockets);
	free(h->options);
	h->options = NULL;
}

int64_t tw_host_knob(const struct tw_host *h, enum tw_knob_id id, int64_t unknown)
{
	return h->knob_known[id] ? h->knob[id] : unknown;
}

/* Process 1 of this pid namespace: when it was started, in seconds since boot. -1 if that is not told. */
static int64_t first_process_s(const char *proc)
{
	FILE *f = tw_host_open(proc, "1/stat");
	char line[1024];
	const char *p = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	const long ticks = sysconf(_SC_CLK_TCK);
	unsigned long long start;
	unsigned i;

	if (f)
		fclose(f);
	/* The name may hold anything; behind it, the state is field 3 and the start field 22. */
	for (i = 2; p && i < 22; i++)
		p = strchr(p + 1, ' ');
	return p && ticks > 0 && sscanf(p, " %19llu", &start) == 1 ? (int64_t)(start / ticks) : -1;
}

static void read_uptime(struct tw_host *h, const char *proc)
{
	FILE *f = tw_host_open(proc, "uptime");
	const int64_t first_s = first_process_s(proc);
	double seconds = 0;

	if (f && fscanf(f, "%30lf", &seconds) == 1 && seconds > 0 && seconds < 1e12)
		h->uptime_s = (int64_t)seconds;
	if (f)
		fclose(f);
	/* Where the uptime is that of a container, the start is later than it. */
	if (first_s > 0 && first_s < h->uptime_s)
		h->uptime_s -= first_s;
}

/* Connections to other hosts whose owner is known: those whose keepalive may matter. */
static int read_options(struct tw_host *h, struct tw_err *err)
{
	unsigned asked = 0, refused = 0;
	size_t i;

	if (!h->sockets.count)
		return 0;
	h->options = calloc(h->sockets.count, sizeof(*h->options));
	if (!h->options)
		return tw_err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < h->sockets.count && asked < OPTIONS_MOST; i++) {
		const struct tw_living *s = &h->sockets.socket[i];

		if (s->state != TW_SOCKET_ESTABLISHED || !s->pid || tw_host_is_own(h, &s->remote))
			continue;
		asked++;
		h->options[i].known = tw_living_options(s, &h->options[i].set, NULL) == 0;
		refused += !h->options[i].known;
	}
	if (refused)
		tw_host_unread(h, "keepalive times and TCP_USER_TIMEOUT",
			       "%u of %u connections belong to processes that may not be traced "
			       "(needs CAP_SYS_PTRACE)",
			       refused, asked);
	return 0;
}

/* Processes that may not be looked at matter only if somebody's sockets are among what is shown. */
static void note_owners(struct tw_host *h)
{
	unsigned without = 0;
	char what[64];
	size_t i;

	for (i = 0; i < h->sockets.count; i++)
		without += h->sockets.socket[i].inode && !h->sockets.socket[i].pid;
	if (!without)
		return;
	snprintf(what, sizeof(what), "who holds %u of the sockets", without);
	if (h->sockets.no_processes)
		tw_host_unread(h, what, "/proc shows no processes");
	else if (h->sockets.unreadable)
		tw_host_unread(h, what, "%u processes may not be looked at (needs CAP_SYS_PTRACE)",
			       h->sockets.unreadable);
	else
		tw_host_unread(h, what, "no process that is seen from here does");
}

static int read_sockets(struct tw_host *h, struct tw_err *err)
{
	struct tw_err why = { 0 };
	int r = tw_living_read(&h->sockets, TW_SOCKET_ALL, TW_OWNERS_FIND, &why);

	if (r == -ENOMEM)
		return tw_err_set(err, r, "%s", why.text);
	if (r) {
		tw_living_free(&h->sockets);
		tw_host_unread(h, "sockets", "%s", why.text);
		return 0;
	}
	h->parts |= TW_HOST_SOCKETS;
	if (h->sockets.beyond)
		tw_host_unread(h, "sockets", "there are %zu more than the first %zu",
			       h->sockets.beyond, h->sockets.count);
	note_owners(h);
	return read_options(h, err);
}

/* Times are then predicted from defaults. Those of neighbours, which a user's own namespace hides, go into none. */
static void note_settings(struct tw_host *h)
{
	unsigned i, missing = 0, last = 0;
	char what[64];

	for (i = 0; i < TW_SET__N; i++) {
		/* The kernel takes a negative time. */
		if (h->timers.source[i] == TW_FROM_SENSELESS)
			tw_host_unread(h, tw_setting_table[i].name,
				       "its value makes no sense; the kernel's default is taken");
		if (h->timers.source[i] == TW_FROM_UNREADABLE && i != TW_SET_NEIGH_SOLICIT &&
		    i != TW_SET_NEIGH_RETRANS_MS) {
			missing++;
			last = i;
		}
	}
	if (!missing)
		return;
	if (missing == 1)
		snprintf(what, sizeof(what), "%s", tw_setting_table[last].name);
	else
		snprintf(what, sizeof(what), "%u settings that timers depend on", missing);
	tw_host_unread(h, what, "/proc/sys does not show %s; the kernel's default is taken",
		       missing == 1 ? "it" : "them");
}

int tw_host_read(struct tw_host *h, const char *proc, struct tw_err *err)
{
	char settings[256];

	tw_host_init(h);
	snprintf(settings, sizeof(settings), "%s/sys", proc);
	tw_settings_read_host(&h->timers, settings);
	note_settings(h);
	tw_host_read_knobs(h, proc);
	h->parts = TW_HOST_SETTINGS;
	read_uptime(h, proc);
	tw_host_read_counters(h, proc);
	tw_host_read_links(h, proc);
	return read_sockets(h, err);
}
