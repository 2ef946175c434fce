/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: counters of the network namespace, from the files of /proc/net. snmp and netstat have a line of
 * names and then a line of numbers, each beginning with the group ("TcpExt:"); conntrack's has a line of
 * names and one line of hexadecimal numbers per processor.
 *
 * Limits: they count since the namespace was made, and the kernel tells nowhere when that was.
 */
#include "host/host_private.h"

#include <stdlib.h>
#include <string.h>

#define COUNTER(id, group, name) { group, name },
const struct tw_counter tw_counter_table[TW_COUNTER__N] = {
#include "host/counters.def"
};
#undef COUNTER

static void take(struct tw_host *h, const char *group, const char *name, const char *value)
{
	unsigned i;
	char *end;
	unsigned long long v = strtoull(value, &end, 10);

	if (end == value || *end || value[0] == '-')
		return;
	for (i = 0; i < TW_COUNTER__N; i++)
		if (strcmp(tw_counter_table[i].group, group) == 0 &&
		    strcmp(tw_counter_table[i].name, name) == 0) {
			h->counter[i] = v;
			h->counter_known[i] = true;
		}
}

/* Names and numbers go side by side; a line that is shorter than the other ends it. */
static void take_pair(struct tw_host *h, char *names, char *values)
{
	char *group = strsep(&names, ":"), *name, *value;

	if (!names || !values || strncmp(values, group, strlen(group)) != 0)
		return;
	values = strchr(values, ':');
	if (!values)
		return;
	values++;
	names += strspn(names, " ");
	values += strspn(values, " ");
	while ((name = strsep(&names, " \n")) && (value = strsep(&values, " \n")))
		if (*name && *value)
			take(h, group, name, value);
}

static bool read_pairs(struct tw_host *h, const char *proc, const char *path)
{
	FILE *f = tw_host_open(proc, path);
	char *names = NULL, *values = NULL;
	size_t names_room = 0, values_room = 0;

	if (!f)
		return false;
	while (getline(&names, &names_room, f) > 0 && getline(&values, &values_room, f) > 0)
		take_pair(h, names, values);
	free(names);
	free(values);
	fclose(f);
	return true;
}

static int column_of(const char *line, const char *wanted)
{
	const size_t n = strlen(wanted);
	int column;

	for (column = 0; *(line += strspn(line, " \n")); column++) {
		const size_t length = strcspn(line, " \n");

		if (length == n && memcmp(line, wanted, n) == 0)
			return column;
		line += length;
	}
	return -1;
}

static uint64_t hex_at(const char *line, int column)
{
	for (; *(line += strspn(line, " \n")); line += strcspn(line, " \n"))
		if (column-- == 0)
			return strtoull(line, NULL, 16);
	return 0;
}

static void read_conntrack(struct tw_host *h, const char *proc)
{
	static const char *const names[] = { "invalid", "drop", "early_drop" };
	uint64_t *const sums[] = { &h->ct_invalid, &h->ct_drop, &h->ct_early_drop };
	FILE *f = tw_host_open(proc, "net/stat/nf_conntrack");
	char line[1024];
	int column[3], i;

	if (!f)
		return;
	h->ct_stat_known = fgets(line, sizeof(line), f) != NULL;
	for (i = 0; i < 3; i++)
		column[i] = h->ct_stat_known ? column_of(line, names[i]) : -1;
	while (fgets(line, sizeof(line), f))
		for (i = 0; i < 3; i++)
			if (column[i] >= 0)
				*sums[i] += hex_at(line, column[i]);
	fclose(f);
}

static void read_sockstat(struct tw_host *h, const char *proc)
{
	FILE *f = tw_host_open(proc, "net/sockstat");
	char line[256];
	long long orphans, pages;

	while (f && fgets(line, sizeof(line), f)) {
		/* "TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1" */
		if (sscanf(line, "TCP: inuse %*d orphan %19lld tw %*d alloc %*d mem %19lld",
			   &orphans, &pages) != 2)
			continue;
		h->orphans = orphans;
		h->memory_pages = pages;
		h->parts |= TW_HOST_SOCKSTAT;
	}
	if (f)
		fclose(f);
}

void tw_host_read_counters(struct tw_host *h, const char *proc)
{
	const bool snmp = read_pairs(h, proc, "net/snmp");
	const bool netstat = read_pairs(h, proc, "net/netstat");

	if (snmp || netstat)
		h->parts |= TW_HOST_COUNTERS;
	if (!snmp || !netstat)
		tw_host_unread(h, "counters", "%s/net/%s can not be read", proc,
			       snmp ? "netstat" : "snmp");
	read_sockstat(h, proc);
	read_conntrack(h, proc);
}
