/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_GATHER_PRIVATE_H
#define TW_KERNEL_GATHER_PRIVATE_H

#include "kernel/gather.h"

/* The records of one end that a verdict is made of: the first of each kind, for it is the nearest to the
 * cause; of repeats the last. 0 in number[]: none. */
enum tw_slot {
	TW_SLOT_SENT_RESET,
	TW_SLOT_GOT_RESET,
	TW_SLOT_ERROR, /* or a state change with an error that nobody is told */
	TW_SLOT_STATE,
	TW_SLOT_DROP,       /* what the host dropped */
	TW_SLOT_DROP_RESET, /* the header of a RST that was challenged */
	TW_SLOT_SYNACK,
	TW_SLOT_BIND,
	TW_SLOT_WAITING, /* by the walk over open files: what does not go on */
	TW_SLOT__N
};

/*
 * Where an end stands in its own stream (out) and in its peer's (in). The other end may have been elsewhere when
 * that was told of it, by what has been sent since the connection began at most: the room.
 */
struct tw_numbers {
	uint32_t out, in, out_room, in_room;
	bool has_out, has_in;
};

struct tw_live_end {
	struct tw_addr addr;
	uint16_t port;
	struct tw_record *slot[TW_SLOT__N];
	uint64_t event[TW_SLOT__N];
	uint64_t cookie; /* of its socket, as far as a record told; else 0 */
	uint32_t netns;  /* where it is, as far as a record told; else 0 */
	struct tw_numbers numbers;
	bool local;               /* a socket of it is in this kernel */
	bool connected, accepted; /* its role, as far as a record told */
};

struct tw_live_conn {
	struct tw_live_conn *next; /* in the bucket */
	struct tw_live_end end[2]; /* in the order of the addresses */
	uint32_t netns;            /* for addresses that every namespace has; else 0 */
	int64_t first_ns, last_ns, decided_ns;
	uint64_t first_event, folded;
	bool decided; /* a record came that ends it or is a failure by itself */
	bool judged;  /* kept for a while, so that echoes are known as such */
	bool ended;   /* ... by a record that ends it; else it goes on and may end another way */
	const char *told; /* the verdict then; NULL: none */
	enum tw_outcome told_outcome;
};

/* Listeners that dropped requests lately: what the walk said of them. */
#define TW_LISTENERS_KEPT 64
#define TW_HOMES_KEPT     256
struct tw_home {
	uint8_t address[16];
	struct {
		uint32_t netns; /* 0: none */
		uint64_t seen_ns;
	} in[2]; /* namespaces that had a socket with this address, the latest first */
};
struct tw_listeners {
	struct tw_record record[TW_LISTENERS_KEPT]; /* cookie 0: none */
	uint64_t event;                             /* the latest */
	struct tw_home home[TW_HOMES_KEPT];
};

/* Of any record: its end's address is one of its namespace's. */
void tw_listeners_learn(struct tw_listeners *l, const struct tw_record *r);
void tw_listeners_note(struct tw_listeners *l, const struct tw_record *r);
/* Where a connect() got no answer from one of them: its record becomes the server's. @jiffy_ns: 0 if not known. */
void tw_listeners_explain(struct tw_listeners *l, struct tw_live_conn *c, int client,
			  int64_t jiffy_ns);

/* Which of end[] is the client, and whether that is guessed. */
int tw_live_client(const struct tw_live_conn *c, bool *guessed);

/* Fill the facts of a connection; @client as above. */
void tw_live_derive(const struct tw_gather_config *config, const struct tw_live_conn *c, int client,
		    bool guessed, struct tw_facts *f);

/* The finding, judged. NULL: no memory. */
struct tw_finding *tw_live_finding(const struct tw_gather_config *config,
				   const struct tw_live_conn *c, uint64_t number);

#endif
