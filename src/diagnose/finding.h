/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_DIAGNOSE_FINDING_H
#define TW_DIAGNOSE_FINDING_H

#include "base/arena.h"
#include "packet/tuple.h"
#include "phenomena/phenomenon.h"

/* One segment of the story as drawn in the sequence diagram. Times and numbers as in the capture. */
struct tw_step {
	uint64_t frame;
	int64_t time_ns;
	enum tw_side from; /* whose address is the source */
	uint16_t flags;
	uint32_t seq_rel, ack_rel; /* relative as in tshark: the ISN (or the first seq seen) is 0 */
	uint32_t payload_bytes;
	uint32_t window_bytes; /* scaled if the scale is known */
	uint8_t ttl;
	bool decisive; /* cited by the evidence */
	const char
		*note; /* "retransmission", "keepalive probe", "answers #4", ICMP text ...; NULL */
	bool is_icmp;  /* an ICMP error towards @from's opposite, drawn as a note line */
	uint64_t skipped; /* packets of the connection left out between the step before and this */
};

/* The process that owns a socket, where the kernel told it. */
struct tw_process {
	uint32_t pid; /* 0: not known */
	bool sure;    /* seen at work on this socket; else its listener's owner */
	const char *comm;
	uint64_t cgroup_id; /* 0: not known */
	const char *cgroup; /* path below the root of the hierarchy, NULL: not known */
};

/*
 * One diagnosed connection: everything that the renderers need, in its own arena. The JSON
 * (docs/json.md) is a plain walk over this.
 */
struct tw_finding {
	struct tw_arena arena;
	const char *source;
	uint64_t stream;
	struct tw_addr addr[2]; /* [TW_CLIENT], [TW_SERVER] */
	uint16_t port[2];
	const char *client, *server; /* as text */
	int64_t start_ns, duration_ns;
	uint64_t first_frame, last_frame;
	/* Of a connection that was looked at in part only, because the file is very large: the last frame of that
	 * part. Numbers other than packets are those of the part. 0: it was looked at as a whole. */
	uint64_t looked_to;
	uint64_t packets[2], bytes[2];

	const struct tw_phenomenon *phenomenon; /* NULL: verdict "clean" or "unknown" */
	const char *verdict;                    /* slug, "clean" or "unknown" */
	struct tw_match
		match; /* confidence, outcome, evidence ... (match.facts and .idle_table are NULL) */
	const char *vantage;   /* client, server, middle, one-sided, unknown */
	const char *zeek;      /* conn_state */
	unsigned completeness; /* as tcp.completeness */

	/* The packets of the diagram: all of a short connection, else its start, what is decisive with its
	 * surroundings, and its end; gaps show as jumps of frame (step.skipped packets between). */
	const struct tw_step *steps;
	unsigned step_count;
	uint64_t steps_total; /* packets of the connection, drawn or not */

	/* From the running kernel. Joined with packets if steps_total is not 0; else there are none. */
	bool live;
	struct tw_process process[2]; /* [TW_CLIENT], [TW_SERVER] */
	enum tw_side process_side;    /* whose finding it is: who acted, or who got the error */
	const char *actor;            /* who did it: the name of a process, or "kernel" */
	const char *reason;           /* the kernel's own word for it, NULL: none */
	uint64_t folded;              /* equal events that were only counted */
	uint32_t
		netns; /* where its addresses mean something else than elsewhere (127.0.0.1); else 0 */
	uint32_t end_netns[2]; /* network namespaces of its ends, inode numbers; 0: not known */
	uint32_t drop_netns;   /* where a segment of it was dropped; 0: none was, or not known */

	struct tw_kept *kept; /* its packets, owned; NULL: not kept (keep.h) */

	/* Counts comparable with tshark, per sender side. */
	uint64_t retransmissions[2], duplicate_acks[2], zero_windows[2], out_of_order[2],
		keepalives[2];

	struct tw_facts facts; /* what was known; the last, and by far the largest */
};

void tw_finding_free(struct tw_finding *f); /* NULL is fine */

#endif
