/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_CABLE_PRIVATE_H
#define TW_LAB_CABLE_PRIVATE_H

#include "capture/writer.h"
#include "lab/cable.h"
#include "packet/decode.h"

#include <stddef.h>

/*
 * What the files of the cable share:
 *	cable.c         life, and what the owner calls
 *	cable_way.c     the way of a frame through the cable
 *	cable_port.c    the ends of links: packet sockets
 *	cable_queue.c   frames on their way, by time
 *	cable_match.c   which frames a rule means, and how many there were
 *	cable_flow.c    what is known of each connection
 *	cable_edit.c    changes to a frame; checksums
 *	cable_forge.c   frames that the cable makes
 *	cable_nat.c     address translation
 *	cable_record.c  the two captures, in order of time
 */
#define TW_CABLE_ETHERNET 14u
#define TW_CABLE_LINKTYPE 1u /* LINKTYPE_ETHERNET */

/* Stores into wire bytes; the caller has checked the bounds. */
static inline void tw_cable_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void tw_cable_put32(uint8_t *p, uint32_t v)
{
	tw_cable_put16(p, v >> 16);
	tw_cable_put16(p + 2, v);
}

/* A frame in the cable's hands. */
struct tw_cable_frame {
	int64_t due_ns; /* CLOCK_MONOTONIC: when it is handed over */
	uint64_t order; /* of frames due at the same moment */
	uint64_t id;
	unsigned link;
	enum tw_from from; /* the direction on the link: out of end @from, into the other */
	bool altered, forged;
	struct tw_cable_frame *next; /* in the list of held frames */
	uint32_t length;
	uint8_t data[];
};

struct tw_cable_frame *tw_cable_frame_new(const uint8_t *data, uint32_t length);

/* --- cable_port.c --- */
struct tw_cable_port {
	int fd, index;
	uint8_t *ring;
	size_t ring_bytes;
	uint32_t slot_bytes, slots, next;
	bool gone; /* the interface went away: replaced later, or never */
};

/* A frame as it lies in the ring, until tw_cable_port_release(). */
struct tw_cable_arrival {
	const uint8_t *data;
	uint32_t length;
	int64_t time_ns; /* CLOCK_REALTIME */
};

int tw_cable_port_open(struct tw_cable_port *p, int index, struct tw_err *err);
void tw_cable_port_close(struct tw_cable_port *p);
/* 1: a frame; 0: none; negative: frames were lost, with a sentence. */
int tw_cable_port_next(struct tw_cable_port *p, struct tw_cable_arrival *out, struct tw_err *err);
void tw_cable_port_release(struct tw_cable_port *p);
/* 0; -ENETDOWN if there is no interface any more (no sentence); other errors with one. */
int tw_cable_port_send(struct tw_cable_port *p, const uint8_t *data, uint32_t length,
		       struct tw_err *err);
int tw_cable_port_check_losses(struct tw_cable_port *p, struct tw_err *err);

/* --- cable_queue.c: a binary heap by (due_ns, order) --- */
struct tw_cable_queue {
	struct tw_cable_frame **frame;
	size_t count, room;
	uint64_t orders;
};

int tw_cable_queue_put(struct tw_cable_queue *q, struct tw_cable_frame *f);
/* The frame that is due first, NULL = empty. */
struct tw_cable_frame *tw_cable_queue_first(const struct tw_cable_queue *q);
struct tw_cable_frame *tw_cable_queue_take(struct tw_cable_queue *q);
void tw_cable_queue_free(struct tw_cable_queue *q);

/* --- cable_flow.c --- */
#define TW_CABLE_FLOWS 256

/* One end of a connection, as its segments show it. */
struct tw_cable_side {
	bool sent;          /* it has sent anything */
	uint32_t data_base; /* sequence number of its first stream byte */
	uint32_t next;      /* highest sequence number sent, + 1 */
	uint64_t bytes;     /* stream bytes sent, by the highest number reached */
	bool acks;
	uint32_t ack;          /* the last that it sent */
	bool arrived;          /* something of it reached the other end: */
	uint32_t arrived_next; /* without a gap, up to here */
	uint8_t ttl;
	uint16_t ip_id;
	uint32_t flow_label;
	uint8_t tos;
	bool timestamps;
	uint32_t tsval, tsecr;
	struct tw_addr from_here, to_there; /* the addresses that it uses */
};

struct tw_cable_flow {
	bool v6;
	bool forgotten;   /* by the translating middlebox */
	uint16_t port[2]; /* at the client's end, at the server's */
	struct tw_cable_side side[2];
};

struct tw_cable_flows {
	struct tw_cable_flow flow[TW_CABLE_FLOWS]; /* a ring */
	uint64_t made;
};

/* The newest first; NULL beyond the last. */
struct tw_cable_flow *tw_cable_flow_at(struct tw_cable_flows *t, unsigned age);
struct tw_cable_flow *tw_cable_flow_find(struct tw_cable_flows *t, const struct tw_segment *s,
					 enum tw_from from);
/* A segment left its sender; makes the flow if it is new. Never NULL for a TCP segment. */
struct tw_cable_flow *tw_cable_flow_sent(struct tw_cable_flows *t, const struct tw_segment *s,
					 enum tw_from from);
/* A segment reached the end opposite to @from. */
void tw_cable_flow_arrived(struct tw_cable_flows *t, const struct tw_segment *s, enum tw_from from);

/* --- cable_match.c --- */
/* What rules can ask about a frame. */
struct tw_cable_traits {
	uint16_t classes; /* bits 1 << enum tw_frame_class */
	uint8_t from;     /* enum tw_from */
	uint16_t sport, dport;
	uint32_t ip_bytes;
	/* Stream bytes of its sender up to the end of this segment; 0 = no payload. */
	uint64_t stream_end;
};

struct tw_cable_log {
	struct tw_cable_traits *seen;
	size_t count, room;
};

void tw_cable_traits_of(struct tw_cable_traits *t, const struct tw_segment *s, enum tw_from from,
			uint32_t frame_bytes, const struct tw_cable_flow *flow);
bool tw_cable_fits(const struct tw_frame_spec *spec, const struct tw_cable_traits *t);
int tw_cable_log_add(struct tw_cable_log *log, const struct tw_cable_traits *t, struct tw_err *err);
uint64_t tw_cable_log_count(const struct tw_cable_log *log, const struct tw_frame_spec *spec);

struct tw_cable_active_rule {
	struct tw_cable_rule rule;
	unsigned fitted; /* frames that fitted since it was added */
};

/* --- cable_edit.c; offsets of @s must be those of the frame (tw_cable_editable()) --- */
bool tw_cable_editable(const struct tw_segment *s, uint32_t length);
void tw_cable_corrupt(uint8_t *data, const struct tw_segment *s, uint32_t length);
/* False if the frame has no such field. */
bool tw_cable_rewrite(uint8_t *data, const struct tw_segment *s, uint32_t length,
		      enum tw_cable_field field, int64_t value);
/* The Internet checksum (RFC 1071) of bytes, folded on top of @sum, not complemented. */
uint32_t tw_cable_sum(uint32_t sum, const uint8_t *p, size_t n);
uint16_t tw_cable_sum_end(uint32_t sum);
/*
 * The sum of a pseudo header for @bytes of @protocol; @ip points to the IP header of either
 * version.
 */
uint32_t tw_cable_pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t bytes);

/* --- cable_forge.c --- */
/* The answer to a rejected frame; NULL if there is none to such a frame. */
struct tw_cable_frame *tw_cable_answer(const uint8_t *data, uint32_t length,
				       const struct tw_segment *s, const struct tw_cable_rule *rule,
				       uint16_t ip_id);
/* A forged segment as its receiver shall get it; NULL: out of memory. */
struct tw_cable_frame *tw_cable_forged(const struct tw_cable_flow *flow,
				       const struct tw_cable_forge *f, unsigned links);
/* The SYN of source @n (from 0) of a flood; NULL: out of memory. */
struct tw_cable_frame *tw_cable_flood_syn(const struct tw_addr *server, uint16_t port, bool v6,
					  unsigned n, unsigned links);
bool tw_cable_is_flood_source(const struct tw_addr *a);

/* --- cable_nat.c --- */
/* Translate a frame on link 0; true if it was changed. */
bool tw_cable_translate(uint8_t *data, uint32_t length, enum tw_from from, bool router);
/* The answer if this asks for the MAC address of the virtual address, else NULL. */
struct tw_cable_frame *tw_cable_virtual_neighbour(const uint8_t *data, uint32_t length,
						  bool router);
bool tw_cable_is_virtual(const struct tw_addr *a);

/* --- cable_record.c --- */
struct tw_cable_record_entry;

/*
 * One capture: frames wait a moment, so that arrivals and hand-overs are written in order of
 * time.
 */
struct tw_cable_record {
	struct tw_writer *writer; /* NULL: none is wanted */
	struct tw_cable_record_entry *oldest, *newest;
	int64_t written_ns;
	uint64_t number;
};

int tw_cable_record_open(struct tw_cable_record *r, const char *path, struct tw_err *err);
int tw_cable_record_add(struct tw_cable_record *r, int64_t time_ns, const uint8_t *data,
			uint32_t length, struct tw_err *err);
/* Write all that is older. */
int tw_cable_record_flush(struct tw_cable_record *r, int64_t before_ns, struct tw_err *err);
int tw_cable_record_close(struct tw_cable_record *r, struct tw_err *err);

/* --- the cable itself --- */
#define TW_CABLE_PASSING 1024u

/* A frame that went into the router, to know it again when it comes out. */
struct tw_cable_passing {
	uint64_t key; /* hash of the bytes that a router leaves alone; 0 = free */
	uint64_t id;
	bool altered;
};

struct tw_cable {
	struct tw_cable_config config;
	struct tw_cable_port port[2][2];
	int epoll, timer;
	struct tw_decoder *decoder;
	struct tw_cable_queue queue;
	struct tw_cable_frame *held, **held_end;
	unsigned held_count;
	struct tw_cable_active_rule *rules;
	size_t rule_count, rule_room;
	struct tw_cable_log log;
	struct tw_cable_flows flows;
	struct tw_cable_record record[2]; /* [TW_FROM_CLIENT], [TW_FROM_SERVER]: of that end */
	struct tw_cable_passing passing[2][TW_CABLE_PASSING]; /* [direction] */
	uint64_t passed[2];
	int64_t last_due_ns[2][2]; /* [link][direction]: what keeps frames in order */
	int64_t last_ns, late_ns, latest_ns;
	uint64_t last_id, random;
	uint16_t ip_id; /* of ICMP errors that the cable makes */
	bool cut[2], nat;
	struct tw_err failure; /* the first; it stays */
};

/* The end host's side of a port: TW_FROM_CLIENT, TW_FROM_SERVER, or TW_FROM_ANY: the router's. */
enum tw_from tw_cable_end_at(const struct tw_cable *c, unsigned link, unsigned end);
/* --- cable_way.c --- */
/* A frame came out of a host (or the router) into @end of @link. */
int tw_cable_arrive(struct tw_cable *c, unsigned link, unsigned end,
		    const struct tw_cable_arrival *a, struct tw_err *err);
/* Hand a frame over, now. Takes it. */
int tw_cable_hand_over(struct tw_cable *c, struct tw_cable_frame *f, struct tw_err *err);

#endif
