/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: which interface's settings the neighbour is asked with. Each interface has its own, a copy of
 * neigh.default made when the interface appeared (neigh_parms_alloc()); only the first network namespace shows
 * neigh.default, and what is written there later reaches only interfaces whose own was never written.
 *
 * So the default route's interface counts. Without such a route: neigh.default; where that is not shown, the first
 * interface by name, loopback last, which has what any new one would get.
 *
 * Limits: ARP, and the main table's default route. A neighbour behind another interface may be asked otherwise.
 */
#include "timers/neighbour.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX   "net.ipv4.neigh."
#define ROUTE_UP 1 /* RTF_UP of <linux/route.h> */

static const struct {
	enum tw_setting_id id;
	const char *leaf;
} own[TW_SET_NEIGH__N] = {
	{ TW_SET_NEIGH_SOLICIT, "mcast_solicit" },
	{ TW_SET_NEIGH_RETRANS_MS, "retrans_time_ms" },
};

const char *tw_setting_name(const struct tw_settings *s, enum tw_setting_id id)
{
	unsigned i;

	for (i = 0; i < TW_SET_NEIGH__N; i++)
		if (own[i].id == id && s->neighbour_name[i][0])
			return s->neighbour_name[i];
	return tw_setting_table[id].name;
}

void tw_neighbour_forget(struct tw_settings *s, enum tw_setting_id id)
{
	unsigned i;

	for (i = 0; i < TW_SET_NEIGH__N; i++)
		if (own[i].id == id)
			s->neighbour_name[i][0] = '\0';
}

int tw_neighbour_assign(struct tw_settings *s, const char *name, const char *value,
			enum tw_set_from source, struct tw_err *err)
{
	const size_t n = strlen(name), head = strlen(PREFIX);
	unsigned i;

	if (strncmp(name, PREFIX, head) != 0 || n >= sizeof(s->neighbour_name[0]))
		return 0;
	for (i = 0; i < TW_SET_NEIGH__N; i++) {
		const size_t tail = strlen(own[i].leaf);

		if (n <= head + 1 + tail || name[n - tail - 1] != '.' ||
		    strcmp(name + n - tail, own[i].leaf) != 0)
			continue;
		/* A file tells of many interfaces, and not which is the right one; then the default counts. */
		if (source == TW_FROM_FILE &&
		    (s->source[own[i].id] == TW_FROM_FILE || strncmp(name + head, "lo.", 3) == 0))
			return 1;
		if (tw_setting_take(s, own[i].id, name, value, source, err))
			return -EINVAL;
		memcpy(s->neighbour_name[i], name, n + 1);
		return 1;
	}
	return 0;
}

/* The default route's interface, that with the least metric. False: there is none. */
static bool default_route(const char *root, char device[TW_DEVICE_NAME])
{
	char path[256], line[256];
	unsigned best = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/../net/route", root);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char name[TW_DEVICE_NAME];
		unsigned destination, flags, metric, mask;

		/* Iface Destination Gateway Flags RefCnt Use Metric Mask ... */
		if (sscanf(line, "%15s %8x %*x %8x %*d %*d %9u %8x", name, &destination, &flags,
			   &metric, &mask) != 5 ||
		    destination || mask || !(flags & ROUTE_UP) || (found && metric >= best))
			continue;
		memcpy(device, name, sizeof(name));
		best = metric;
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

/* The first interface by name; loopback only if there is no other. */
static bool any_device(const char *root, char device[TW_DEVICE_NAME])
{
	char path[256];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/net/ipv4/neigh", root);
	d = opendir(path);
	device[0] = '\0';
	while (d && (e = readdir(d))) {
		const bool lo = strcmp(e->d_name, "lo") == 0;

		if (e->d_name[0] == '.' || strcmp(e->d_name, "default") == 0 ||
		    strlen(e->d_name) >= TW_DEVICE_NAME)
			continue;
		if (!device[0] || strcmp(device, "lo") == 0 ||
		    (!lo && strcmp(e->d_name, device) < 0))
			memcpy(device, e->d_name, strlen(e->d_name) + 1);
	}
	if (d)
		closedir(d);
	return device[0];
}

void tw_neighbour_read(struct tw_settings *s, const char *root)
{
	char device[TW_DEVICE_NAME], name[TW_NEIGHBOUR_NAME];
	const bool routed = default_route(root, device);
	unsigned i;

	if (!routed && !any_device(root, device))
		return;
	for (i = 0; i < TW_SET_NEIGH__N; i++) {
		char path[256], value[64];

		if (!routed && s->source[own[i].id] == TW_FROM_HOST)
			continue;
		snprintf(path, sizeof(path), "%s/net/ipv4/neigh/%s/%s", root, device, own[i].leaf);
		snprintf(name, sizeof(name), PREFIX "%s.%s", device, own[i].leaf);
		if (tw_setting_read_line(path, value, sizeof(value)))
			tw_neighbour_assign(s, name, value, TW_FROM_HOST, NULL);
	}
}
