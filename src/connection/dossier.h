/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_DOSSIER_H
#define TW_CONNECTION_DOSSIER_H

#include "packet/frame.h"
#include "packet/segment.h"
#include "packet/tuple.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The second look: everything about one connection that may matter. Each segment becomes a record
 * with the tracker's marks (retransmission, keepalive probe, duplicate ACK ...); counters and both
 * ends' states are kept over all segments, records are bounded (the first and the last ones and
 * whatever is marked are kept, the rest is dropped and counted).
 */
enum tw_mark {
	TW_MARK_RETRANSMISSION = 1 << 0, /* data, SYN or FIN sent before (tshark: retransmission) */
	TW_MARK_FAST = 1 << 1,           /* of these: after duplicate ACKs */
	TW_MARK_SPURIOUS = 1 << 2,       /* of these: was acknowledged already */
	TW_MARK_OUT_OF_ORDER = 1 << 3,   /* fills a hole, too soon for a repeat (tshark's rule) */
	TW_MARK_DUP_ACK = 1 << 4,
	TW_MARK_KEEPALIVE = 1 << 5,
	TW_MARK_KEEPALIVE_ACK = 1 << 6,
	TW_MARK_ZERO_WINDOW = 1 << 7,
	TW_MARK_ZERO_PROBE = 1 << 8,
	TW_MARK_ZERO_PROBE_ACK = 1 << 9,
	TW_MARK_WINDOW_UPDATE = 1 << 10,
	TW_MARK_LOST_SEGMENT = 1 << 11, /* a hole before this segment */
	TW_MARK_ACKED_UNSEEN = 1 << 12, /* acknowledges data not seen */
	TW_MARK_WINDOW_FULL = 1 << 13,
	TW_MARK_NET_DUPLICATE = 1 << 14, /* the same packet again (same id and timestamps) */
	TW_MARK_SECOND_COPY =
		1 << 15, /* the same packet captured on another interface: not analysed */
	TW_MARK_BAD_CHECKSUM = 1 << 16, /* dropped by any receiver: not analysed */
	TW_MARK_NO_ACK_FLAG = 1 << 17,  /* neither SYN, RST nor ACK: not analysed */
	TW_MARK_CONFLICT = 1 << 18,     /* other bytes than before at the same sequence numbers */
	TW_MARK_DSACK = 1 << 19,
	TW_MARK_TIMED_OUT = 1 << 20, /* retransmission by timer rather than by ACKs */
	TW_MARK_ONE_BYTE_REPEAT =
		1
		<< 21, /* one unacknowledged byte again: Wireshark calls it a keep-alive, it is a repeat */
};

/* One segment as the dossier remembers it. */
struct tw_pkt {
	int64_t time_ns;
	uint64_t frame;
	uint32_t seq, ack, payload_bytes; /* seq, ack: of long connections see room.c */
	uint32_t raw_seq, raw_ack;        /* as the wire has them */
	uint32_t window_bytes;            /* scaled where the scale is known */
	uint32_t tsval, tsecr, flow_label;
	uint32_t marks; /* enum tw_mark */
	uint32_t payload_hash, payload_captured;
	uint64_t mac_src;
	struct tw_sack_block sack[TW_SACK_MAX];
	uint16_t flags, ip_id, options, raw_window;
	uint8_t side, ttl, sack_count, checksum;
	bool df, payload_cut;
	bool gap;    /* records of the connection that stood right before this one were dropped */
	bool again;  /* the same packet, looking the same, stands before it */
	bool behind; /* older than one that stands before it, by more than queues explain */
	uint8_t payload_head[16], payload_head_bytes;
	uint16_t iface;
	uint16_t rst_reason;
	uint8_t mptcp_subtype, mptcp_reset_reason, mptcp_has; /* as in the segment */
	uint32_t mptcp_ack, mptcp_fin;
};

/* An ICMP error that quotes a segment of the connection. */
struct tw_icmp {
	int64_t time_ns;
	uint64_t frame;
	struct tw_addr from;
	uint32_t quoted_seq, raw_seq, mtu; /* raw_seq: as the wire has it */
	uint32_t quoted_tsval;             /* 0: none was quoted */
	uint16_t quoted_flags, quoted_id;  /* IPv4; 0: none */
	uint8_t side;                      /* whose segment is quoted */
	uint8_t version, type, code;
};

struct tw_dossier;

/* @tuple in wire order of the first segment is not needed: the client is decided by the segments. */
struct tw_dossier *tw_dossier_new(const struct tw_tuple *tuple, uint64_t stream);
void tw_dossier_free(struct tw_dossier *d);
/* As if it were freed and made anew, for another connection. */
void tw_dossier_renew(struct tw_dossier *d, const struct tw_tuple *tuple, uint64_t stream);
/*
 * Keep at most @room records from now on: a power of two, 128 or more. What is unremarkable goes, and its memory is
 * given back; returns how many bytes. No limit becomes wider again.
 */
size_t tw_dossier_limit(struct tw_dossier *d, size_t room);
/* Add a TCP segment of the tuple, decoded with detail. -ENOMEM is the only error. */
int tw_dossier_add(struct tw_dossier *d, const struct tw_frame *f, const struct tw_segment *s);
/* Add an ICMP error quoting a segment of the tuple. */
int tw_dossier_add_icmp(struct tw_dossier *d, const struct tw_frame *f, const struct tw_segment *s);

#endif
