/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_GROUP_H
#define TW_REPORT_GROUP_H

#include "diagnose/finding.h"

/* What the members of a group have in common besides verdict and outcome. */
enum tw_group_scope {
	TW_GROUP_ENDPOINT, /* server address and port */
	TW_GROUP_HOST,     /* server address */
	TW_GROUP_ALL,      /* nothing */
};

#define TW_GROUP_STREAMS 6 /* first numbers kept */
#define TW_GROUP_CLIENTS 32
#define TW_GROUPS_MAX    256

struct tw_group {
	enum tw_group_scope scope;
	const char *verdict; /* of the example */
	enum tw_outcome outcome;
	struct tw_addr server;
	uint16_t port;
	struct tw_finding *example; /* highest confidence, then most evidence, then first; owned */
	uint64_t count, members;    /* connections; endpoints that were merged into it */
	bool more_members;          /* at least so many */
	uint64_t streams[TW_GROUP_STREAMS];
	unsigned stream_count;
	struct tw_addr clients[TW_GROUP_CLIENTS];
	unsigned client_count;
	bool more_clients;
	int64_t duration_min_ns, duration_max_ns;
};

/*
 * Findings by (verdict, server endpoint, outcome). Memory is bounded: of each group one finding
 * is kept, and when there are TW_GROUPS_MAX groups those of the same host, then those of the
 * same verdict become one.
 */
struct tw_groups {
	struct tw_group list[TW_GROUPS_MAX];
	unsigned count;
};

/* A finding without its texts. False: it was counted, and cannot become its group's example. True: it was
 * not, and tw_groups_add() wants the whole. */
bool tw_groups_sketch(struct tw_groups *g, const struct tw_finding *f);
/* Takes ownership of @f. */
void tw_groups_add(struct tw_groups *g, struct tw_finding *f);
/* Merge what would read as a list of ports or of hosts, and put the worst first: failed, unknown,
 * degraded, clean; then by count, then by stream. */
void tw_groups_finish(struct tw_groups *g);
void tw_groups_free(struct tw_groups *g);

#endif
