/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_TRIAGE_PRIVATE_H
#define TW_CONNECTION_TRIAGE_PRIVATE_H

/*
 * The inside of the triage, shared by its files:
 *
 *	triage_batch.c	 packets in batches: hashed, looked up, and worked off one batch later
 *	triage.c	 what a packet means for the connection it belongs to
 *	triage_table.c	 where records live: pools, the hash table, the ceiling
 *	triage_finish.c	 what a record means in the end, and the lists of the result
 *	triage_kin.c	 which clean connections may explain others
 *
 * Memory per connection: a record in a pool and a slot of the table, 8 bytes at a load of 1/8 to 3/4.
 *
 *	slot { tag, handle }  --->  struct conn, 128 bytes: two cache lines, the first of which
 *	                            holds all that a packet in sequence needs to be checked
 *	                      --->  struct half,  32 bytes: IPv4, SYNs that nobody answered
 *
 * A handle is a pool index plus 1; the top bit tells a half from a conn.
 */
#include "capture/source.h"
#include "connection/triage.h"
#include "packet/seq.h"

#include <stddef.h>

/* Per side, at bit 8 * side of conn.status. */
enum {
	SIDE_BASE = 1 << 0, /* base[] is known */
	SIDE_NEXT = 1 << 1, /* it has spoken: next[] is known */
	SIDE_ACK = 1 << 2,  /* it has acknowledged: acked[] is known */
	SIDE_SYN = 1 << 3,  /* its SYN or SYN|ACK was seen */
	SIDE_FIN = 1 << 4,  /* its FIN was seen; next[] includes it */
	SIDE_FIN_SHIFT = 4,
	SIDE_LONG = 1 << 5,     /* its last message of HTTP/1 did not end where it began, */
	SIDE_LONG_END = 1 << 6, /* ... but at the connection's long_end */
	SIDE_SAID = 1 << 7,     /* its last payload was longer than a farewell */
	SIDE_SAID_SHIFT = 7,
};

/* Of the connection. */
enum {
	CONN_ODD = 1 << 16,  /* deserves a dossier, whatever follows */
	CONN_LOSS = 1 << 17, /* repeats, holes, overtaking; repaired as far as seen */
	CONN_RST = 1 << 18,
	CONN_FAST = 1 << 19,      /* open, in order: header prediction applies */
	CONN_CLOSED = 1 << 20,    /* both FINs acknowledged */
	CONN_QUEUED = 1 << 21,    /* waits in the queue of closed ones to be recycled */
	CONN_TOUCHED = 1 << 22,   /* a packet came since it was queued, or since the hand passed */
	CONN_HALF_OPEN = 1 << 23, /* SYNs of one side, SYN|ACKs of the other, and nothing else */
	CONN_CLIENT_KNOWN = 1 << 24,
	CONN_CLIENT = 1 << 25,  /* the client's side */
	CONN_SPOKE = 1 << 26,   /* any payload at all */
	CONN_SPEAKER = 1 << 27, /* the side of the last payload */
	CONN_SHADOWED =
		1 << 28,       /* its tuple belongs to a newer connection, which keeps it as prev */
	CONN_DEAD = 1 << 29,   /* decided; freed when it leaves the queue */
	CONN_SEALED = 1 << 30, /* it began as TLS */
};
#define CONN_HTTP2 (UINT32_C(1) << 31) /* it began as HTTP/2 in clear */

struct conn {
	struct tw_tuple tuple;
	uint32_t next[2];  /* highest sequence number sent, plus one */
	uint32_t acked[2]; /* highest acknowledgement sent */
	uint32_t status;
	uint32_t packets; /* 0: a free record */
	uint32_t
		prev; /* handle of the connection that had the tuple before, 0 = none (or decided) */
	/* --- second cache line --- */
	int64_t last_ns;
	uint64_t last_frame;
	int64_t payload_ns; /* of the last payload, but for what may be a farewell: see restarts() */
	uint64_t first_frame : 40, long_end_low : 24;
	int64_t first_ns;
	uint64_t stream : 40, long_end_high : 8;
	uint32_t base[2];
	uint32_t tag;     /* of its slot; in a free record: the next free one */
	uint32_t loss_at; /* packets before the first that is a repeat, late or behind a hole */
};
#define CONN_SHIFT 7
_Static_assert(sizeof(struct conn) == 1 << CONN_SHIFT, "a record is two cache lines");

struct half {
	uint32_t addr[2]; /* as in the tuple, the last four bytes of each */
	uint16_t port[2];
	uint32_t seq;         /* in a free record: the next free one */
	uint32_t first_ticks; /* of 2^HALF_TICK ns, since the first frame: good for 13 days */
	uint32_t stream;      /* low 32 bits ... */
	uint32_t first_frame;
	uint8_t stream_high : 4, first_frame_high : 4; /* ... and 4 more */
	uint8_t side : 1;                              /* the sender's */
	uint8_t shadowed : 1;                          /* its tuple is someone else's by now */
	uint8_t syns : 6;                              /* 0: a free record */
	uint16_t last_frame_after; /* last - first; one further away makes it a conn */
};
#define HALF_TICK      18
#define HALF_SYNS_MAX  63
#define HALF_FRAME_MAX (UINT64_C(1) << 36)
#define HALF_SHIFT     5
_Static_assert(sizeof(struct half) == 1 << HALF_SHIFT,
	       "a half-open connection stays below 64 bytes");

struct slot {
	uint32_t tag;    /* the low bits of the hash: home slot and comparison in one */
	uint32_t handle; /* 0: empty */
};
#define HANDLE_HALF UINT32_C(0x80000000)

struct pool {
	uint8_t *base;
	size_t reserved; /* bytes of address space; memory only where it was written */
	uint32_t record_bytes;
	uint32_t used, live, max; /* used: ever handed out */
	uint32_t free_head;       /* handle, 0 = none */
	uint32_t hand;            /* of the eviction clock */
};

#define QUEUE_MAX          32768
#define TRIAGE_GROUPS_MAX  1024
#define TRIAGE_GROUP_SLOTS 2048

struct tw_triage {
	struct tw_triage_config config;
	struct slot *slot;
	uint64_t slot_count, slots_used; /* slot_count is a power of two */
	struct pool conns, halves;
	uint32_t *queue; /* closed connections, oldest first: a ring */
	uint32_t queue_max, queue_head, queue_count;
	uint32_t records_fetched,
		slots_fetched; /* of the oldest ones in it: see prefetch_oldest() */
	uint64_t
		moves; /* how often a slot was moved: what was found before does not hold any more */
	uint64_t moves_before; /* the same when the batch came */
	uint64_t seed;
	size_t ceiling;
	int64_t now_ns;   /* the latest time seen */
	int64_t clock_ns; /* ... in this section of the file: the next may begin earlier */
	uint16_t section;
	bool started;
	bool acks_seen; /* any ACK without payload */
	bool went_on;   /* any connection in which both ends sent more than the SYN */

	struct tw_brief batch[2][TW_BATCH];
	struct tw_brief *coming, *here; /* of these: the one being decoded, the one located */
	unsigned here_count;
	uint64_t at
		[TW_BATCH]; /* of the batch here: the slot of each tag, or the empty one in its place */
	unsigned now;       /* which packet of the batch is being worked off */

	struct tw_interest *interest;
	uint64_t interest_room;
	uint64_t half_open_listed, half_open_max;
	struct tw_half_open_group *group;
	struct tw_half_open_group *last_group; /* that one was counted in: a flood knocks at few */
	uint16_t group_slot[TRIAGE_GROUP_SLOTS]; /* a hash over the groups: index + 1 */
	struct kinship *kinship;                 /* NULL: nobody is to be explained by others */
	struct tw_triage_result result;
};

/*
 * gcc takes a function that does nothing but prefetch for one without any effect, and drops the calls.
 * Inlined at once it has no say.
 */
#define PREFETCHES static inline __attribute__((always_inline))

static inline struct conn *conn_at(const struct tw_triage *t, uint32_t handle)
{
	return (struct conn *)(void *)(t->conns.base + (size_t)(handle - 1) * sizeof(struct conn));
}

static inline struct half *half_at(const struct tw_triage *t, uint32_t handle)
{
	return (struct half *)(void *)(t->halves.base +
				       (size_t)((handle & ~HANDLE_HALF) - 1) * sizeof(struct half));
}

static inline bool side_has(const struct conn *c, int side, uint32_t bits)
{
	return (c->status >> (8 * side) & bits) == bits;
}

static inline void side_set(struct conn *c, int side, uint32_t bits)
{
	c->status |= bits << (8 * side);
}

static inline void side_clear(struct conn *c, int side, uint32_t bits)
{
	c->status &= ~(bits << (8 * side));
}

/* Is a long message of @side, of which @reached was sent, not known to be complete? */
static inline bool is_long(const struct conn *c, int side, uint32_t reached)
{
	const uint32_t end = (uint32_t)c->long_end_high << 24 | (uint32_t)c->long_end_low;

	return side_has(c, side, SIDE_LONG) &&
	       !(side_has(c, side, SIDE_LONG_END) && tw_seq_ge(reached, end));
}

static inline int conn_client(const struct conn *c)
{
	return (c->status & CONN_CLIENT) != 0;
}

static inline int conn_speaker(const struct conn *c)
{
	return (c->status & CONN_SPEAKER) != 0;
}

/* --- triage.c --- */
/* Update the records of the batch that was looked up last. */
void tw_triage_work_off(struct tw_triage *t);

/* --- triage_table.c --- */
int tw_triage_tables_new(struct tw_triage *t);
void tw_triage_tables_free(struct tw_triage *t);
void tw_triage_pool_free(struct pool *p);
/* Records up to @handle are not needed any more: their memory goes, a stretch at a time. */
void tw_triage_pool_drop(struct pool *p, uint32_t handle);
/* The part by which records are found: nothing is, once the input has ended. */
void tw_triage_index_free(struct tw_triage *t);
/* The slot of a tuple, or the empty one where it would stand. */
struct slot *tw_triage_find(struct tw_triage *t, const struct tw_tuple *tuple, uint32_t tag);
/* A zeroed record with its handle; makes room at the ceiling. NULL: nothing could be given up. The
 * table may move, and records may go: look up again afterwards. */
struct conn *tw_triage_conn_new(struct tw_triage *t, uint32_t *handle);
struct half *tw_triage_half_new(struct tw_triage *t, uint32_t *handle);
/* Grow the table if one more entry needs it. Returns false if there is no place for it. */
bool tw_triage_slot_room(struct tw_triage *t);
void tw_triage_slot_remove(struct tw_triage *t, uint32_t handle, uint32_t tag);
void tw_triage_conn_free(struct tw_triage *t, uint32_t handle);
void tw_triage_half_free(struct tw_triage *t, uint32_t handle);
size_t tw_triage_bytes(const struct tw_triage *t);
/* Queue a closed connection; the oldest one in the queue is decided and recycled if it is full. */
void tw_triage_queue(struct tw_triage *t, uint32_t handle);
/* Make place in the queue for the @n packets to come, so that none of them moves slots for that. */
void tw_triage_recycle(struct tw_triage *t, unsigned n);

/* Is this the record of @tuple? */
static inline bool handle_is_of(const struct tw_triage *t, uint32_t handle,
				const struct tw_tuple *tuple)
{
	const struct half *h;
	uint32_t lower, upper, ports, held;

	if (!(handle & HANDLE_HALF))
		return tw_tuple_equal(&conn_at(t, handle)->tuple, tuple);
	h = half_at(t, handle);
	memcpy(&lower, tuple->addr[0].b + 12, sizeof(lower));
	memcpy(&upper, tuple->addr[1].b + 12, sizeof(upper));
	memcpy(&ports, tuple->port, sizeof(ports));
	memcpy(&held, h->port, sizeof(held));
	return h->addr[0] == lower && h->addr[1] == upper && held == ports &&
	       tw_addr_is_v4(&tuple->addr[0]) && tw_addr_is_v4(&tuple->addr[1]);
}

/* --- triage_finish.c --- */
/* The end of the input, once every packet has been worked off. */
const struct tw_triage_result *tw_triage_conclude(struct tw_triage *t);
/* Decide on a connection of which nothing more is expected, and free it. */
void tw_triage_settle(struct tw_triage *t, uint32_t handle);
/* The same for the connection that had the tuple before @c, if it still is kept for @c. */
void tw_triage_settle_prev(struct tw_triage *t, struct conn *c);
/* Is it clean, or what does it deserve? 0 = clean, whatever the configuration wants of clean ones. @end:
 * nothing more can come. */
int tw_triage_decide(const struct tw_triage *t, const struct conn *c, bool end);
/* Give up a connection before its end is known. */
void tw_triage_evict_conn(struct tw_triage *t, uint32_t handle);
void tw_triage_evict_half(struct tw_triage *t, uint32_t handle);

/* --- triage_kin.c --- */
/* What could others explain about it? enum tw_kin. */
unsigned tw_triage_kin_of(const struct conn *c);
/* Who is to be explained, of all interests and records. */
void tw_triage_kin_gather(struct tw_triage *t);
/* Shall the clean connection @c be taken along for one of them? */
bool tw_triage_kin_takes(struct tw_triage *t, const struct conn *c);
void tw_triage_kin_free(struct tw_triage *t);

/* --- half records --- */
static inline uint64_t half_first_frame(const struct half *h)
{
	return (uint64_t)h->first_frame_high << 32 | h->first_frame;
}

static inline uint64_t half_stream(const struct half *h)
{
	return (uint64_t)h->stream_high << 32 | h->stream;
}

static inline int64_t half_first_ns(const struct tw_triage *t, const struct half *h)
{
	return t->result.first_ns + ((int64_t)h->first_ticks << HALF_TICK);
}

#endif
