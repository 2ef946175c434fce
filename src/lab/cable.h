/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_CABLE_H
#define TW_LAB_CABLE_H

#include "base/err.h"
#include "packet/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The programmable cable: holds the middle of each link, sees every frame, and forwards, drops,
 * delays, duplicates, holds, corrupts, rewrites or answers it by rules that say which frame is
 * meant. It records what each end of the path sees, as pcapng with nanosecond times: what the
 * client sent and what reached it, what the server sent and what reached it.
 *
 *	client ==o [link 0] o== (router) ==o [link 1] o== server
 *	         ^ client capture                      ^ server capture
 *
 * One thread, no blocking: the owner polls tw_cable_fd() and calls tw_cable_work(). A frame takes
 * delay_ns per link, in order; that a real kernel's answer never comes back within the caller's own
 * system call is part of being a wire (veth alone would do that).
 */
enum tw_from {
	TW_FROM_CLIENT, /* = TW_CLIENT */
	TW_FROM_SERVER, /* = TW_SERVER */
	TW_FROM_ANY,
};

enum tw_frame_class {
	TW_CLASS_ALL, /* every frame, ARP and ICMP too */
	TW_CLASS_TCP, /* every TCP segment */
	TW_CLASS_SYN, /* SYN without ACK */
	TW_CLASS_SYNACK,
	TW_CLASS_ACK,  /* nothing but ACK: no data, no SYN, FIN, RST */
	TW_CLASS_DATA, /* with payload */
	TW_CLASS_FIN,
	TW_CLASS_RST,
	TW_CLASS_ICMP, /* ICMP errors, either version */
	TW_CLASS_ARP,  /* ARP and neighbour discovery */
};

/* Which frames a rule, a wait or a count means. */
struct tw_frame_spec {
	enum tw_from from;
	enum tw_frame_class class;
	uint16_t port;        /* either port of the segment, 0 = any */
	uint32_t larger_than; /* only IP packets of more bytes than this, 0 = any */
	/* Only segments that carry stream bytes beyond this many from their sender. */
	uint64_t after_bytes;
	/*
	 * Of the frames that fit all the above, counted from when the rule is added (also those
	 * that an earlier rule takes): the first that it takes and the last (1 and 1: just the
	 * next one). last 0: all from @first on. A frame is counted where it leaves its sender,
	 * not again behind a router.
	 */
	unsigned first, last;
};

enum tw_cable_action {
	TW_CABLE_DROP,
	TW_CABLE_DELAY,     /* by @time_ns more; frames behind it overtake: this is reordering */
	TW_CABLE_DUPLICATE, /* deliver, and again @time_ns later */
	TW_CABLE_HOLD,      /* keep until tw_cable_release() */
	TW_CABLE_CORRUPT,   /* flip a bit of the payload, or of the checksum if there is none */
	TW_CABLE_REWRITE,   /* change @field by @value, checksums repaired */
	TW_CABLE_REJECT,    /* drop, and answer the sender in the other end's name with @reject */
};

enum tw_cable_field {
	TW_FIELD_TTL,     /* set to @value */
	TW_FIELD_SEQ,     /* add @value; the ACKs of the other direction stay as they are */
	TW_FIELD_ACK,     /* add */
	TW_FIELD_WINDOW,  /* set, unscaled */
	TW_FIELD_TSVAL,   /* add */
	TW_FIELD_PAYLOAD, /* overwrite with the byte @value */
	TW_FIELD_FLAGS,   /* set */
	TW_FIELD_MSS,     /* set the MSS option, if there */
};

enum tw_cable_reject {
	TW_REJECT_RST, /* as netfilter's reject with tcp reset */
	TW_REJECT_ADMIN_PROHIBITED,
	TW_REJECT_PORT_UNREACHABLE,
	TW_REJECT_HOST_UNREACHABLE,
	TW_REJECT_NET_UNREACHABLE,
	TW_REJECT_PROTOCOL_UNREACHABLE, /* IPv6: parameter problem, next header not known */
	TW_REJECT_TOO_BIG,              /* fragmentation needed / packet too big, with MTU @value */
};

struct tw_cable_rule {
	struct tw_frame_spec spec;
	enum tw_cable_action action;
	int64_t time_ns;
	enum tw_cable_field field;
	int64_t value;
	enum tw_cable_reject reject;
	uint8_t reject_ttl; /* of the answer; 0 = 64 */
};

/* A segment out of nowhere. Numbers are relative to what the true connection would send next. */
struct tw_cable_forge {
	enum tw_from to; /* who receives it; it claims to come from the other */
	uint16_t port;   /* server port of the connection; 0 = the one seen last */
	uint16_t flags;  /* enum tw_tcp_flag */
	/* From the claimed sender's next sequence number, as the receiver expects it. */
	int64_t seq_offset;
	int64_t ack_offset; /* from the last ACK that the claimed sender sent */
	uint8_t ttl;        /* 0 = as the true sender's */
	int32_t ip_id;      /* -1 = the true sender's next */
	uint16_t window;
	uint32_t payload_bytes; /* filled with 'F' */
	bool with_timestamps;   /* continue the true sender's, if the connection has them */
};

/*
 * What happened to a frame, told to the owner as the cable comes to know it: a SENT may be told
 * shortly after an ARRIVED of a later time. Sort by time.
 */
enum tw_fate {
	TW_FATE_SENT,    /* came out of an end: on its way */
	TW_FATE_ARRIVED, /* handed to the other end */
	TW_FATE_DROPPED,
	TW_FATE_HELD,
	TW_FATE_FORGED, /* made by the cable, handed to an end */
};

struct tw_cable_event {
	int64_t time_ns; /* CLOCK_REALTIME */
	enum tw_fate fate;
	enum tw_from from; /* whose direction: FORGED has the claimed sender */
	unsigned link;
	/* The same for all that one frame lives through, also behind a router; copies get new. */
	uint64_t id;
	bool altered;                     /* corrupted or rewritten on the way */
	const struct tw_segment *segment; /* decoded in full, as it was at this point */
};

struct tw_cable_config {
	unsigned links;
	int port[2][2]; /* [link][end 0: client's] interface indexes */
	/* Per link and direction. 0: handed over at once, but never within the sender's call. */
	int64_t delay_ns;
	/* Capture files: paths for tw_writer_open(), "/dev/fd/N" for a memfd; NULL: none. */
	const char *client_capture, *server_capture;
	unsigned loss_permille; /* seeded random loss of TCP segments, 0 = none */
	uint64_t seed;
	void (*event)(void *user, const struct tw_cable_event *e);
	void *user;
};

struct tw_cable;

/* Opens the ports in the calling thread's network namespace. */
int tw_cable_new(struct tw_cable **out, const struct tw_cable_config *config, struct tw_err *err);
/* Ends the captures; @err names what could not be written. Frees @c in any case. */
int tw_cable_close(struct tw_cable *c, struct tw_err *err);

/* Readable when there is work: a frame came, or a time. */
int tw_cable_fd(const struct tw_cable *c);
/*
 * Everything that is due, without waiting. 0, or a negative errno if the capture can not be
 * written.
 */
int tw_cable_work(struct tw_cable *c, struct tw_err *err);
/* A host was rebuilt: take its new port. */
int tw_cable_replace_port(struct tw_cable *c, unsigned link, unsigned end, int ifindex,
			  struct tw_err *err);

/* Rules are asked in the order in which they were added; the first that fits decides. */
int tw_cable_add(struct tw_cable *c, const struct tw_cable_rule *rule, struct tw_err *err);
void tw_cable_heal(struct tw_cable *c); /* forget all rules and cuts; what is held stays held */
/* Cut at an end (0 client, 1 server): nothing passes there, ARP neither. */
void tw_cable_cut(struct tw_cable *c, unsigned end, bool cut);
void tw_cable_release(struct tw_cable *c); /* deliver what is held, in order */
int tw_cable_forge(struct tw_cable *c, const struct tw_cable_forge *f, struct tw_err *err);
/*
 * @count SYNs (1 to TW_CABLE_FLOOD_MAX) to a port of the server, each from an address of its own where
 * nobody is: what the server answers is lost. They seem to come from beyond the router, without which the
 * server would have no way to answer: -EINVAL.
 */
#define TW_CABLE_FLOOD_MAX 200u
int tw_cable_flood(struct tw_cable *c, unsigned count, uint16_t port, bool v6, struct tw_err *err);
/*
 * How many frames that fit (first and last ignored) left their sender so far, dropped ones
 * included.
 */
uint64_t tw_cable_seen(const struct tw_cable *c, const struct tw_frame_spec *spec);
/* Stream bytes (highest sequence number reached) that a side's newest connection has sent. */
uint64_t tw_cable_stream_bytes(const struct tw_cable *c, enum tw_from from);
/* When a frame was last seen from any side, or handed over (CLOCK_REALTIME), 0 = never. */
int64_t tw_cable_last_ns(const struct tw_cable *c);
/*
 * How late frames were handed over since the beginning, together: a loaded machine lets the cable wait for
 * a processor. What came a few milliseconds late does not count.
 */
int64_t tw_cable_late_ns(const struct tw_cable *c);
/* The longest of these delays. */
int64_t tw_cable_latest_ns(const struct tw_cable *c);
/* Frames on their way: delayed, not those held. The wire is quiet only if there are none. */
size_t tw_cable_pending(const struct tw_cable *c);

/*
 * A middlebox that translates: the client talks to 192.0.2.100 (2001:db8::100) and the server, at
 * its own address, takes part unknowing (destination NAT). ARP and ND for the virtual address are
 * answered. With @forgotten set, the connections that there are lose their entries, as in a load
 * balancer: what the server sends in them passes untranslated, what the client sends to the
 * virtual address in them is answered with a RST by the middlebox. A new SYN makes a new entry.
 */
void tw_cable_nat(struct tw_cable *c, bool on, bool forgotten);

#endif
