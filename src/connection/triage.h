/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_TRIAGE_H
#define TW_CONNECTION_TRIAGE_H

#include "packet/brief.h"

/*
 * The first look at a file: one small record per connection, updated per packet, decides only this:
 * was the connection clean beyond doubt, or does it need the second look (a dossier)? It never
 * judges. When in doubt it says "second look".
 *
 * It numbers connections (streams) exactly as tshark's tcp.stream does: from 0 by first packet; a
 * pure SYN on a known tuple starts a new one if its sequence number is not the base of that direction
 * (reuse.h).
 */
struct tw_triage;
struct tw_hosts;

struct tw_triage_config {
	uint64_t memory_bytes; /* ceiling for all tables; 0 = a quarter of RAM */
	bool everything;  /* every connection is wanted (for --all), clean ones as TW_WANT_ALL */
	bool have_stream; /* this one is wanted, whatever it looks like */
	uint64_t stream;
	/* Fed with the same packets: whose host is asked for in vain, of the ends that only fell silent? NULL:
	 * nobody is asked. */
	const struct tw_hosts *hosts;
	int64_t settle_ns; /* an unanswered request or unacknowledged byte older than this at the end of the capture is worth a second look */
};

enum tw_interest_reason {
	TW_WANT_DOSSIER = 1, /* anything that may not be clean */
	TW_WANT_LOSS =
		2, /* closed or open in order, nothing odd but repaired retransmissions or reordering */
	TW_WANT_HALF_OPEN = 3, /* SYNs, perhaps SYN|ACKs, and nothing else at all */
	TW_WANT_KIN = 4,       /* clean, but it may explain another (triage_kin.c) */
	TW_WANT_ALL = 5,       /* clean, and wanted only because everything is */
};

/* What other connections could explain about one. */
enum tw_kin {
	TW_KIN_STRAY = 1 << 0, /* reset, and no handshake seen: whose segments were they? */
	TW_KIN_IDLE =
		1 << 1, /* reset or unanswered after long: do others survive such idle times? */
};

#define TW_LOSS_AT_MAX 0xffffffu /* so many or more */
/* A connection that wants the second look. */
struct tw_interest {
	struct tw_tuple tuple;
	uint32_t packets : 24; /* 0xffffff: so many or more */
	uint32_t reason : 4;   /* enum tw_interest_reason */
	uint32_t kin : 4;      /* enum tw_kin */
	uint64_t stream : 40;
	uint64_t loss_at : 24; /* TW_WANT_LOSS: packets before the first repeated or late one */
	/* Frame numbers: all frames of the tuple between belong to it. */
	uint64_t first_frame, last_frame;
};

/*
 * Half-open connections are listed one by one, unless there are more than TW_HALF_OPEN_LISTED: then it
 * is a flood or a scan, TW_HALF_OPEN_EXAMPLES of them are listed, and the rest is counted by the endpoint
 * they knocked at.
 */
#define TW_HALF_OPEN_LISTED   65536
#define TW_HALF_OPEN_EXAMPLES 4096
struct tw_half_open_group {
	struct tw_addr server;
	uint16_t port;
	uint64_t connections, syns;
	int64_t first_ns, last_ns;
};

struct tw_triage_result {
	uint64_t streams; /* connections numbered */
	uint64_t packets; /* TCP segments */
	uint64_t clean;   /* beyond doubt */
	uint64_t evicted; /* records given up for the memory ceiling, before their end was known */
	uint64_t
		evicted_undecided; /* of these: nothing wrong was seen, and they stand in no list */
	int64_t first_ns, last_ns; /* of all frames */
	bool clock_backward;       /* a frame is more than 1 ms older than one before it */
	int64_t clock_step_ns;     /* the largest step backwards */
	/* Sorted by stream; owned by the triage. */
	const struct tw_interest *interest;
	uint64_t interest_count;
	const struct tw_half_open_group
		*half_open; /* most connections first; at most 1024 groups */
	unsigned half_open_groups;
	uint64_t half_open_unlisted; /* connections in them, and in groups beyond the 1024 */
	bool only_half_open; /* nothing else was seen at all: perhaps the capture's filter took SYNs only */
	bool acks_left_out; /* no ACK without payload in the whole input, though handshakes or streams went on: as by a filter */
	bool no_acks;       /* none, whatever went on */
};

/* NULL when memory is out. */
struct tw_triage *tw_triage_new(const struct tw_triage_config *config);
void tw_triage_free(struct tw_triage *t);

/*
 * Feed one batch, in capture order: @n briefs, at most TW_BATCH, that were written to tw_triage_room() with
 * tw_triage_seed(). In batches, so that looking up, fetching and updating each run over a whole one.
 */
struct tw_brief *tw_triage_room(struct tw_triage *t);
uint64_t tw_triage_seed(const struct tw_triage *t);
void tw_triage_feed(struct tw_triage *t, unsigned n);
/* The end of the input: decides on what is still open. Valid until tw_triage_free(). */
const struct tw_triage_result *tw_triage_finish(struct tw_triage *t);

#endif
