/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_SEGMENT_H
#define TW_PACKET_SEGMENT_H

#include "packet/http.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * An address of either family; IPv4 is held v4-mapped (::ffff:a.b.c.d), so there is one key type.
 */
struct tw_addr {
	uint8_t b[16];
};

enum tw_tcp_flag {
	TW_FIN = 0x001,
	TW_SYN = 0x002,
	TW_RST = 0x004,
	TW_PSH = 0x008,
	TW_ACK = 0x010,
	TW_URG = 0x020,
	TW_ECE = 0x040,
	TW_CWR = 0x080,
	TW_AE = 0x100,
};

enum tw_segment_kind {
	TW_SEG_OTHER = 0,  /* nothing of ours: UDP, an unknown protocol ... */
	TW_SEG_TCP,        /* a TCP segment (the innermost one of a tunnel) */
	TW_SEG_ICMP_ERROR, /* the core fields are those of the segment that the error quotes */
	TW_SEG_NEIGHBOUR,  /* ARP request/reply, ND solicitation/advertisement */
	TW_SEG_FRAGMENT,   /* an IP fragment kept for reassembly: not (yet) a segment */
	TW_SEG_CUT,        /* the snaplen cut a header away that TCP is in, or may be behind */
	TW_SEG_MALFORMED,  /* lengths that lie: counted, never used */
};

enum tw_checksum {
	TW_CSUM_UNKNOWN = 0, /* cut by snaplen, a fragment, not verified */
	TW_CSUM_GOOD,
	TW_CSUM_PARTIAL, /* only the pseudo header is summed: offload on the capturing host */
	TW_CSUM_BAD,
};

enum tw_option_bit {
	TW_OPT_MSS = 1 << 0,
	TW_OPT_WSCALE = 1 << 1,
	TW_OPT_SACK_PERMITTED = 1 << 2,
	TW_OPT_SACK = 1 << 3,
	TW_OPT_TIMESTAMPS = 1 << 4,
	TW_OPT_FASTOPEN = 1 << 5, /* RFC 7413, also the experimental kind 254 with magic 0xf989 */
	TW_OPT_MPTCP = 1 << 6,
	TW_OPT_MD5 = 1 << 7,
	TW_OPT_AO = 1 << 8,
	TW_OPT_CUT = 1 << 14,       /* the snaplen cut some away */
	TW_OPT_MALFORMED = 1 << 15, /* option lengths that lie: what stood before them is kept */
};

/* Subtypes of the MPTCP option (RFC 8684). */
enum tw_mptcp_subtype {
	TW_MPTCP_CAPABLE = 0,   /* s3.1 */
	TW_MPTCP_JOIN = 1,      /* s3.2: one more path */
	TW_MPTCP_DSS = 2,       /* s3.3 */
	TW_MPTCP_FASTCLOSE = 7, /* s3.5 */
	TW_MPTCP_TCPRST = 8,    /* s3.6: why a path is reset */
};

/* What a segment's options of MPTCP say, whichever of them gives the subtype. */
enum tw_mptcp_has {
	TW_MPTCP_HAS_ACK = 1 << 0, /* DSS: a DATA_ACK */
	TW_MPTCP_HAS_FIN = 1 << 1, /* DSS: a DATA_FIN, this end closes the MPTCP connection */
	TW_MPTCP_HAS_FASTCLOSE = 1 << 2,
};

#define TW_SACK_MAX 4

struct tw_sack_block {
	uint32_t left, right;
};

/* How does a payload end? */
enum tw_tail {
	TW_TAIL_UNKNOWN, /* its end is not captured, or it is too short to tell */
	TW_TAIL_BLANK,   /* in an empty line, as chunks do (tw_http_ends_blank()) */
	TW_TAIL_OTHER,
};

/*
 * One decoded frame. The core is filled by tw_decode(); the rest only by tw_decode_detail(), which
 * costs more and is asked for only where a connection is looked at closely.
 */
struct tw_segment {
	/* --- core --- */
	enum tw_segment_kind kind;
	uint8_t ip_version; /* 4 or 6; of the innermost IP header */
	uint8_t ttl;        /* or hop limit */
	uint16_t flags;     /* enum tw_tcp_flag */
	struct tw_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;      /* absolute */
	uint32_t payload_bytes; /* by the IP header's length, not by what the snaplen left */
	uint16_t window;        /* as in the header, unscaled */
	/* Of the innermost (or quoted) IP and TCP header, in frame data; of a datagram rebuilt from
	 * fragments: in the decoder's copy. */
	uint16_t l3_offset, l4_offset;
	uint8_t header_bytes; /* TCP header with options */
	bool labelled;        /* IPv6 with a flow label that is not 0 */

	/* --- detail, IP --- */
	uint16_t ip_id;       /* IPv4 only */
	bool ip_df;           /* IPv4 only; true for IPv6 */
	bool ip_mf_or_offset; /* came out of fragments */
	uint8_t tos;
	uint32_t flow_label;       /* IPv6 only */
	uint64_t mac_src, mac_dst; /* outermost, 48 bits; 0 = link type has none */
	/* Linux cooked captures: which of the interfaces, and which way; 0 = the link type does not say */
	uint16_t cooked_point;
	uint32_t vlan;        /* outermost VLAN id + 1, 0 = none */
	uint8_t tunnel_depth; /* how many encapsulations were peeled off */

	/* --- detail, TCP --- */
	uint16_t options; /* enum tw_option_bit */
	uint16_t mss;
	uint8_t wscale; /* shift count as sent (values over 14 count as 14, RFC 7323 s2.3) */
	uint8_t sack_count;
	struct tw_sack_block sack[TW_SACK_MAX];
	uint32_t tsval, tsecr;
	uint8_t fastopen_cookie_bytes; /* 0 = a cookie request */
	uint8_t mptcp_subtype;         /* RFC 8684; valid if TW_OPT_MPTCP */
	uint8_t mptcp_reset_reason;    /* MP_TCPRST (subtype 8) only */
	uint8_t mptcp_has;             /* enum tw_mptcp_has */
	uint32_t mptcp_ack, mptcp_fin; /* of a DSS: DATA_ACK; number of the DATA_FIN. Low 32 bits */
	enum tw_checksum checksum;
	uint16_t urgent;
	bool payload_cut;          /* the snaplen cut payload away */
	uint32_t payload_captured; /* bytes of it that are in the file */
	const uint8_t *
		payload; /* these: in the frame, or in the decoder's copy, until the next one is decoded; or NULL */
	uint32_t payload_hash; /* of the captured payload; 0 = no payload captured */
	/*
	 * First bytes of payload, so that overlapping segments of different length can be compared.
	 */
	uint8_t payload_head[16];
	uint8_t payload_head_bytes;
	bool asks_no_body; /* tw_http_asks_no_body() */
	bool speaks_http;  /* a message of HTTP/1 begins in the payload: */
	struct tw_http_message message;
	uint8_t offers_http; /* tw_tls_offers_http() */
	enum tw_tail tail;
	/* RST with a payload (draft-ietf-tcpm-rst-diagnostic-payload): reason, 0 = none */
	uint16_t rst_reason;
	uint32_t rst_reason_pen;
	char rst_text[64]; /* free form 0xF317, or plain ASCII; printable characters only */

	/* --- ICMP error --- */
	uint8_t icmp_type, icmp_code; /* as on the wire, ICMPv6 types if icmp_version is 6 */
	uint8_t icmp_version;         /* 4 or 6 */
	struct tw_addr icmp_src;      /* who says so */
	struct tw_addr icmp_dst;
	uint32_t icmp_mtu; /* fragmentation needed / packet too big */
	bool quote_seq_known; /* else the snaplen left only the ports of the quoted segment (seq is 0) */

	/* --- neighbour --- */
	bool neighbour_is_answer;        /* ARP reply or announcement, neighbour advertisement */
	struct tw_addr neighbour_target; /* the address asked for, or announced */
	struct tw_addr neighbour_sender; /* who asks, or is answered (all zero: nobody known) */
};

#endif
