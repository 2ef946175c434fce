/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_DOSSIER_PRIVATE_H
#define TW_CONNECTION_DOSSIER_PRIVATE_H

/*
 * The inside of a dossier, for those who read it: the derivation of facts, and the session that draws the
 * diagram. Nobody but dossier.c, and for it http2.c, room.c, message.c, records.c and roles.c, writes here.
 */
#include "connection/dossier.h"
#include "connection/http2.h"
#include "connection/message.h"
#include "connection/order.h"
#include "connection/records.h"
#include "connection/state.h"

/* An end as the tracker knows it. Index: 0 client, 1 server (see tw_dossier.client_guessed). */
struct tw_end {
	struct tw_addr addr;
	uint16_t port;
	enum tw_tcp_state state; /* RFC 9293 s3.3.2, as far as this vantage point can know */

	bool base_set; /* base_seq is valid: ISN, or first seq seen less one */
	bool isn_seen; /* ... and comes from a SYN */
	bool next_set; /* next_seq is valid: a segment of this end was seen */
	uint32_t base_seq;
	uint32_t next_seq;       /* highest seq + length seen of this end (SYN and FIN count one) */
	int64_t next_seq_ns;     /* when it last grew */
	uint32_t contiguous_seq; /* as next_seq, but up to the first hole of the capture */
	bool contiguous_set;

	bool last_ack_set;
	uint32_t last_ack;    /* ack field of this end's last segment */
	uint32_t highest_ack; /* highest ack field of this end */
	int64_t last_ack_ns;
	uint16_t last_raw_window;
	uint32_t last_window_bytes;
	uint32_t dup_ack_run;
	uint32_t last_marks; /* of this end's last segment */
	uint32_t right_edge; /* highest ack + window ever advertised */
	bool right_edge_set;
	/* Taken out of the numbers of what this end sends (room.c): in all; behind which number the last time, and how
	 * much there. */
	uint32_t taken_out, stretch_at, stretch_bytes;

	bool saw_syn_options; /* options below come from its SYN or SYN|ACK */
	uint16_t syn_options;
	uint16_t mss;
	int8_t wscale; /* as sent, -1 = not offered or not seen */

	struct tw_view_of_copies {
		unsigned doubled; /* packets that came again and look the same */
		unsigned
			thrice; /* packets with an id of which a third one came: up to what makes it sure */
		unsigned found; /* in a row, up to what makes it sure; 0: none */
		uint8_t ttl;
		uint16_t iface;
		uint64_t mac_src;
	} copies; /* how the second copies of its packets look, where they are captured twice */

	bool fin_seen;
	uint32_t fin_seq; /* sequence number of the (first) FIN itself */
	struct tw_message message;
	struct tw_records records;

	uint64_t packets, bytes; /* bytes: payload, each once */
	uint64_t data_packets;
	uint64_t retransmissions, dup_acks, zero_windows, out_of_order, keepalives;
	uint64_t rsts;
	uint64_t good_checksums, bad_checksums; /* of those that could be verified */
};

/* How many records a dossier has room for at first; and at least (tw_dossier_limit()): with less, losses are not told. */
#define TW_RECORDS_MAX   4096
#define TW_RECORDS_LEAST 512

/* Which end of the tuple is known for a server's, before any segment of the connection is. */
enum tw_server_known { TW_SERVER_UNKNOWN, TW_SERVER_FIRST, TW_SERVER_SECOND };

struct tw_dossier {
	struct tw_tuple tuple;
	uint64_t stream;
	bool client_guessed; /* no SYN told who the client is */
	bool told;           /* ... but a message of HTTP/1 did */
	enum tw_server_known server;
	bool started; /* first segment seen: ends are assigned */
	struct tw_end end[2];

	struct tw_pkt *pkt; /* records in order of capture */
	size_t pkt_count, pkt_cap;
	size_t room;      /* so many records may be kept */
	uint64_t packets; /* all, also those whose record was dropped */
	uint64_t dropped; /* records dropped from the middle */

	struct tw_icmp *icmp; /* at most TW_ICMP_MAX */
	size_t icmp_count;
	uint64_t icmp_total;

	int64_t first_ns, last_ns; /* earliest and latest, whatever the order of the records */
	uint64_t first_frame, last_frame;
	int64_t last_syn_ns; /* the last SYN before the connection was up */
	/* a SYN|ACK with another initial number than the first, none of them acknowledged yet */
	bool other_isn_set;
	uint32_t other_isn;
	int64_t handshake_rtt_ns; /* from it to the ACK, -1 = unknown (tshark's initial RTT) */
	bool super_segments;      /* payload larger than the path can carry: offload */
	bool partial_checksums;
	bool second_copies;      /* captured on two interfaces */
	uint8_t offers_http;     /* by a ClientHello, within TLS: enum tw_http_offer */
	unsigned completeness;   /* as tcp.completeness */
	int64_t clocks_apart_ns; /* how much later the SYN was seen again: copies.c */
	struct tw_order order;
	struct tw_http2 *http2; /* NULL: it does not begin as that in clear */
};

#define TW_ICMP_MAX 64

/* --- room.c --- */
/* Drop unremarkable records from the middle: there is room for more then. */
void tw_dossier_make_room(struct tw_dossier *d);
/* The numbers of a new record, fit to be compared with those of the others; as the wire has them they become raw. */
void tw_dossier_place(const struct tw_dossier *d, struct tw_pkt *p);
/* One number of what @e sends, as the records have it. */
uint32_t tw_dossier_placed(const struct tw_end *e, uint32_t raw);

/* Which end of @d, which is started, sends @s: 0 or 1. */
static inline int tw_dossier_side_of(const struct tw_dossier *d, const struct tw_segment *s)
{
	return !(s->sport == d->end[0].port && tw_addr_equal(&s->src, &d->end[0].addr));
}

/* Memory held, for the ceiling. */
static inline size_t tw_dossier_bytes(const struct tw_dossier *d)
{
	return sizeof(*d) + d->pkt_cap * sizeof(*d->pkt) +
	       (d->icmp ? TW_ICMP_MAX * sizeof(*d->icmp) : 0) +
	       (d->http2 ? sizeof(*d->http2) + d->http2->open_cap * sizeof(*d->http2->open) : 0);
}

/* Sequence length of a record: payload plus SYN and FIN. */
static inline uint32_t tw_pkt_seq_len(const struct tw_pkt *p)
{
	return p->payload_bytes + ((p->flags & TW_SYN) != 0) + ((p->flags & TW_FIN) != 0);
}

/* The end of its sequence space. */
static inline uint32_t tw_pkt_end(const struct tw_pkt *p)
{
	return p->seq + tw_pkt_seq_len(p);
}

/* Segments that no receiver takes notice of, or that are not there twice in truth. */
#define TW_MARKS_NOT_ANALYSED (TW_MARK_SECOND_COPY | TW_MARK_BAD_CHECKSUM | TW_MARK_NO_ACK_FLAG)

/* Data, SYN or FIN sent again, as the facts see it. */
#define TW_MARKS_REPEAT (TW_MARK_RETRANSMISSION | TW_MARK_ONE_BYTE_REPEAT)

#endif
