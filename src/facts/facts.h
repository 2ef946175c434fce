/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_FACTS_FACTS_H
#define TW_FACTS_FACTS_H

#include "packet/segment.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The ends of a connection. */
enum tw_side {
	TW_CLIENT = 0,
	TW_SERVER = 1,
};

static inline enum tw_side tw_other(enum tw_side s)
{
	return s == TW_CLIENT ? TW_SERVER : TW_CLIENT;
}

enum tw_vantage {
	TW_VANTAGE_UNKNOWN = 0,
	TW_VANTAGE_CLIENT, /* at or near the client: its packets are seen the moment they leave */
	TW_VANTAGE_SERVER,
	TW_VANTAGE_MIDDLE,
	TW_VANTAGE_ONE_SIDED, /* one direction only */
};

/* Schedules of repeats, recognised interval by interval with the timer wheel's tolerance. */
enum tw_ladder {
	TW_LADDER_NONE = 0,     /* no or one repeat: nothing to recognise */
	TW_LADDER_DOUBLING,     /* 1-2-4-8 ... (RTO back-off; SYN before Linux 6.5, SYN|ACK) */
	TW_LADDER_LINEAR_FIRST, /* 1-1-1-1-1-2-4 ... (SYN since Linux 6.5, macOS) */
	TW_LADDER_FLAT,         /* equal gaps (capped RTO, RFC 6069, keepalive) */
	TW_LADDER_OTHER,
};

enum tw_syn_answer {
	TW_ANSWER_NONE = 0,
	TW_ANSWER_SYNACK,
	TW_ANSWER_RSTACK, /* RST|ACK with ack = ISN+1 (+ payload) */
	TW_ANSWER_RST,    /* a RST that SYN_SENT must ignore */
	TW_ANSWER_ACK,    /* a pure ACK: TIME_WAIT, a challenge, or a forged one */
	TW_ANSWER_ICMP,
	TW_ANSWER_SYN, /* simultaneous open */
};

enum tw_icmp_class {
	TW_ICMP_NET_UNREACHABLE = 0,
	TW_ICMP_HOST_UNREACHABLE,
	TW_ICMP_PROTOCOL_UNREACHABLE,
	TW_ICMP_PORT_UNREACHABLE,
	TW_ICMP_PROHIBITED, /* v4 codes 9, 10, 13; v6 code 1, 5, 6 */
	TW_ICMP_TIME_EXCEEDED,
	TW_ICMP_OTHER,
};

/*
 * The form of a reset names its author's code path (kernel-measured; see ARCHITECTURE.md, "Resets").
 */
enum tw_rst_form {
	TW_RST_ACTIVE =
		0, /* RST|ACK, seq = SND.NXT, ack = RCV.NXT, with timestamps if negotiated, live window or id in sequence: tcp_send_active_reset, the socket existed and was aborted */
	TW_RST_REPLY, /* bare RST, seq = ack of its trigger, window 0, no options: tcp_v4_send_reset or netfilter, nobody owns such a connection (any more) */
	TW_RST_REPLY_NO_ACK, /* RST|ACK, seq 0, ack = end of a trigger without ACK (SYN, odd flags), window 0 */
	TW_RST_ALIEN, /* none of these: no Linux code path writes it so (middlebox, forger, other stack) */
};

/* A connection that begins as HTTP/2 in clear. */
enum tw_h2 {
	TW_H2_FOLLOWED = 1, /* all frames, up to its end */
	TW_H2_LOST,         /* headers of frames are missing from the capture */
};

/* A request that its protocol has answered, by its first bytes. */
enum tw_request {
	TW_REQUEST_NONE = 0,
	TW_REQUEST_HTTP,
	TW_REQUEST_HTTP2,
	TW_REQUEST_POSTGRESQL,
	TW_REQUEST_MYSQL,
	TW_REQUEST_REDIS,
	TW_REQUEST_MEMCACHED,
	TW_REQUEST_MONGODB,
	TW_REQUEST_CASSANDRA,
	TW_REQUEST_DNS,
	TW_REQUEST_RPC,
	TW_REQUEST_TDS,
	TW_REQUEST_SMTP,
	TW_REQUEST_FTP_POP,
	TW_REQUEST_MQTT,
	TW_REQUEST_TLS_DATA, /* a record of data too long for a farewell; only for what comes behind a FIN */
	TW_REQUEST_PINGS_MQTT, /* the same as TW_REQUEST_MQTT, where the connection began as one of MQTT: no server keeps that waiting */
	/* nor how a client's side of a protocol begins */
	TW_REQUEST_CLIENT_HELLO, /* of TLS */
	TW_REQUEST_OPENS_SSH,
	TW_REQUEST_OPENS_POSTGRESQL,
	TW_REQUEST_OPENS_MQTT,
	TW_REQUEST_OPENS_AMQP,
	TW_REQUEST_OPENS_TDS,
	TW_REQUEST_OPENS_TNS,
	TW_REQUEST_OPENS_LDAP,
	TW_REQUEST_OPENS_SMB,
	TW_REQUEST_OPENS_RDP,
	TW_REQUEST_OPENS_KAFKA,
	TW_REQUEST_OPENS_ZOOKEEPER,
};

/* Its name for texts; static, NULL: there is none. */
const char *tw_request_name(enum tw_request kind);

/* Is it the first thing that a client says, or a ping, to which the server says something in any case, and at once? */
static inline bool tw_request_opens(enum tw_request kind)
{
	return kind >= TW_REQUEST_PINGS_MQTT;
}

/* Who speaks first: protocols in which that is the server, told by its port. */
enum tw_greeting {
	TW_GREETING_NONE = 0,
	TW_GREETING_FTP,
	TW_GREETING_SSH,
	TW_GREETING_SMTP,
	TW_GREETING_POP3,
	TW_GREETING_NNTP,
	TW_GREETING_IMAP,
	TW_GREETING_MYSQL,
	TW_GREETING_RFB,
};

/* Its name for texts; static, NULL: there is none. */
const char *tw_greeting_name(enum tw_greeting kind);

/* What kind of segment a reset (or an ICMP error) answers. */
enum tw_trigger {
	TW_TRIGGER_NONE = 0,
	TW_TRIGGER_SYN,
	TW_TRIGGER_SYNACK,
	TW_TRIGGER_ACK3, /* the client's first ACK, no payload */
	TW_TRIGGER_DATA,
	TW_TRIGGER_FIN,
	TW_TRIGGER_PROBE, /* keepalive or zero-window probe */
	TW_TRIGGER_ACK,   /* any other pure ACK */
	TW_TRIGGER_OTHER,
};

enum tw_rst_effect {
	TW_RST_ACCEPTED = 0,   /* exact: the connection dies at its receiver */
	TW_RST_CHALLENGED,     /* in window, not exact: challenge ACK (RFC 5961 s3.2) */
	TW_RST_IGNORED,        /* outside the window, or no such connection there */
	TW_RST_EFFECT_UNKNOWN, /* the capture does not show what the receiver expected */
};

enum tw_ipid {
	TW_IPID_UNKNOWN = 0, /* IPv6, or no other packets to compare with */
	TW_IPID_ZERO,        /* Linux: written without a full socket; never a sign of forgery */
	TW_IPID_CONTINUES,
	TW_IPID_FOREIGN,
};

/* SYN_ASKED_MORE: a sum of these */
#define TW_ASKED_MPTCP   1
#define TW_ASKED_ECN     2
#define TW_ASKED_OPTIONS 4 /* any of timestamps, SACK and window scale */

/* RST_DECLARED: reasons of MP_TCPRST (RFC 8684 s3.6) stand above those of the diagnostic payload. */
#define TW_DECLARED_MPTCP 1000

/* States of sockets, as in K_ERROR_STATE: with the kernel's numbers (enum in net/tcp_states.h). */
enum tw_socket_state {
	TW_SOCKET_ESTABLISHED = 1,
	TW_SOCKET_SYN_SENT,
	TW_SOCKET_SYN_RECV, /* a request at a listener, too */
	TW_SOCKET_FIN_WAIT1,
	TW_SOCKET_FIN_WAIT2, /* also once nobody holds it any more */
	TW_SOCKET_TIME_WAIT,
	TW_SOCKET_CLOSE,
	TW_SOCKET_CLOSE_WAIT,
	TW_SOCKET_LAST_ACK,
	TW_SOCKET_LISTEN,
	TW_SOCKET_CLOSING,
	TW_SOCKET_STATE__N
};

/*
 * Why the kernel says that it sends a reset (K_RST_REASON): its names, sorted by what they mean. The names of
 * the kernel mislead; what each stands for was measured.
 */
enum tw_kernel_reset {
	TW_KRST_UNSAID = 0,   /* before Linux 6.10, or not specified */
	TW_KRST_NO_SOCKET,    /* NO_SOCKET: nobody has such a connection, nor listens */
	TW_KRST_LISTENER,     /* TCP_FLAGS: a listener got a segment of no connection of its */
	TW_KRST_TIME_WAIT,    /* TCP_TIMEWAIT_SOCKET: data after close() */
	TW_KRST_DATA_AFTER,   /* TCP_ABORT_ON_DATA: the same, a little earlier */
	TW_KRST_UNREAD,       /* TCP_ABORT_ON_CLOSE: close() with unread data */
	TW_KRST_STATE,        /* TCP_STATE: linger 0, AF_UNSPEC, ss -K, a listener's unaccepted */
	TW_KRST_LINGER2,      /* TCP_ABORT_ON_LINGER: TCP_LINGER2 below 0 in FIN_WAIT2 */
	TW_KRST_MEMORY,       /* TCP_ABORT_ON_MEMORY */
	TW_KRST_KEEPALIVE,    /* TCP_KEEPALIVE_TIMEOUT */
	TW_KRST_ACCEPT_QUEUE, /* INVALID_SYN at a listener: tcp_abort_on_overflow */
	TW_KRST_BAD_ACK,      /* an ACK that fits no segment sent */
	TW_KRST_DISCONNECT,   /* TCP_DISCONNECT_WITH_DATA: connect(AF_UNSPEC) with unsent data */
	TW_KRST_OTHER,
};

/* What kind of reason this host had to drop a segment (K_DROP); what matchers ask for of enum tw_drop_class of the BPF
 * programs, by the same numbers (kernel/derive.c). */
enum tw_drop_kind {
	TW_DROP_CLASS_PAWS = 4,
	TW_DROP_CLASS_AUTH,
	TW_DROP_CLASS_FILTER,
	TW_DROP_CLASS_ROUTE,
	TW_DROP_CLASS_SEGMENT,
	TW_DROP_CLASS_TIME_WAIT,
};

enum tw_fact_id {
#define FACT(id, type, unit, meaning) TW_F_##id,
#include "facts/facts.def"
#undef FACT
	TW_F__N
};

enum tw_fact_type {
	TW_FACT_BOOL,
	TW_FACT_COUNT,
	TW_FACT_BYTES,
	TW_FACT_NS,
	TW_FACT_SIDE,
	TW_FACT_ENUM,
	TW_FACT_INT,
};

struct tw_fact {
	int64_t value;
	uint64_t frame;  /* where it comes from; 0 = from no single packet */
	int64_t time_ns; /* of that frame */
};

/*
 * All that is known of one connection. Pure data: no pointers. What is known stands apart: nearly every question is
 * whether a fact is, and to begin anew only that must be cleared. A fact that is not known may hold anything.
 */
struct tw_facts {
	bool known[TW_F__N];
	struct tw_fact f[TW_F__N];
};

static inline void tw_facts_clear(struct tw_facts *f)
{
	memset(f->known, 0, sizeof(f->known));
}

struct tw_fact_info {
	const char *name; /* the ID, in upper case */
	enum tw_fact_type type;
	const char *unit;
	const char *
		meaning; /* as facts.def defines it; nothing prints it, it is for who debugs a matcher */
};
const struct tw_fact_info *tw_fact_info(enum tw_fact_id id);

static inline bool tw_known(const struct tw_facts *f, enum tw_fact_id id)
{
	return f->known[id];
}

/* The value, or 0 if unknown: for conditions in which "unknown" must count as "no" or "none". */
static inline int64_t tw_get(const struct tw_facts *f, enum tw_fact_id id)
{
	return f->known[id] ? f->f[id].value : 0;
}

/* Known and equal. */
static inline bool tw_is(const struct tw_facts *f, enum tw_fact_id id, int64_t value)
{
	return f->known[id] && f->f[id].value == value;
}

static inline uint64_t tw_frame_of(const struct tw_facts *f, enum tw_fact_id id)
{
	return f->known[id] ? f->f[id].frame : 0;
}

/* When that frame came, or 0. */
static inline int64_t tw_time_of(const struct tw_facts *f, enum tw_fact_id id)
{
	return f->known[id] ? f->f[id].time_ns : 0;
}

static inline void tw_fact_set(struct tw_facts *f, enum tw_fact_id id, int64_t value,
			       uint64_t frame, int64_t time_ns)
{
	f->known[id] = true;
	f->f[id] = (struct tw_fact){ .value = value, .frame = frame, .time_ns = time_ns };
}

#endif
