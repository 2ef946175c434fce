/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_LIVE_PACKETS_H
#define TW_CLI_LIVE_PACKETS_H

#include "base/err.h"
#include "diagnose/finding.h"

#include <stdbool.h>
#include <stdint.h>

/* The packets' side of `tcpwhy live`: -i and -w. */
struct tw_live_packets;

struct tw_live_packets_config {
	const char *interface;  /* "any", or a name */
	const char *filter;     /* pcap-filter(7), NULL: none */
	const char *write_path; /* NULL: none */
	uint64_t memory_bytes;  /* of connections under way and their packets; 0: the default */
	bool all;               /* clean connections, too */
	bool need_kernel;       /* only connections that the kernel tells of */
	/* Ownership goes to the callback. */
	void (*finding)(void *user, struct tw_finding *f);
	void *user;
};

struct tw_live_packets_health {
	uint64_t packets, lost; /* by the kernel, for want of room */
	uint64_t evicted;       /* connections judged early for want of memory */
	uint64_t written;       /* connections in the file of -w */
	const char *interface;
	const char *problems[8]; /* whole sentences */
	unsigned problem_count;
	bool failed; /* an output or input error: exit status 2 */
};

/* Opens the interface and the file. A negative errno with a sentence. */
int tw_live_packets_open(struct tw_live_packets **out, const struct tw_live_packets_config *config,
			 struct tw_err *err);
void tw_live_packets_close(struct tw_live_packets *p); /* NULL is fine */

/* The kernel's events are there, too: from now on findings are joined. -ENOMEM. */
int tw_live_packets_join(struct tw_live_packets *p, struct tw_err *err);
/* A finding by the kernel's events; ownership goes over. */
void tw_live_packets_kernel(struct tw_live_packets *p, struct tw_finding *f);

/* Take what came. @timeout_ms: wait at most so long for it (0: not at all). Return: whether there is more. */
bool tw_live_packets_work(struct tw_live_packets *p, int timeout_ms);
/* The interface is gone. */
bool tw_live_packets_have_ended(const struct tw_live_packets *p);

/* The packets of a finding that was told go to the file of -w, if there is one. */
void tw_live_packets_write(struct tw_live_packets *p, const struct tw_finding *f);

/* So far; what metrics tell while it goes on. The rest is zero. */
void tw_live_packets_count(const struct tw_live_packets *p, struct tw_live_packets_health *h);

/* Judge everything, close the file. */
void tw_live_packets_finish(struct tw_live_packets *p, struct tw_live_packets_health *h);

#endif
