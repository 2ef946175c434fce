/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_RECORD_H
#define TW_KERNEL_RECORD_H

/*
 * What the BPF programs write and the watcher reads: one layout for both compilers, so plain types of
 * fixed size and no padding that is not named.
 */
#ifndef __bpf__
#include <linux/types.h>
#endif

enum tw_record_kind {
	TW_REC_STATE = 1,  /* a socket changed its state, and the change is worth a look */
	TW_REC_SENT_RESET, /* this kernel sends a RST, with or without a socket */
	TW_REC_GOT_RESET,  /* a socket dies of a RST, or is killed as if by one */
	TW_REC_ERROR,      /* an error is reported to the socket's owner */
	TW_REC_DROP,       /* a segment was dropped for a reason of TCP's */
	TW_REC_SYNACK,     /* a SYN|ACK is repeated */
	TW_REC_STALL,      /* data is repeated again and again, unanswered */
	TW_REC_BAD_CHECKSUM,
	TW_REC_WAITING, /* found by the walk over all sockets: what does not go on, see enum tw_wait */
	TW_REC_BIND, /* bind() or listen() finds the port taken; the actor is who listens there */
	TW_REC_GONE, /* a socket with earlier records is destroyed: nothing more will come of it */
};

/* What the walk over all sockets finds that has not gone on for too long. */
enum tw_wait {
	TW_WAIT_NOTHING,
	TW_WAIT_CLOSE,   /* in CLOSE_WAIT, everything read: for close() */
	TW_WAIT_ACCEPT,  /* in a listener's accept queue */
	TW_WAIT_READ,    /* bytes that came, for the application to read them */
	TW_WAIT_WINDOW,  /* bytes to send, for the peer's window to open */
	TW_WAIT_ACK,     /* bytes sent and repeated, for any answer */
	TW_WAIT_DROPPED, /* a listener that has dropped connection requests since the last look */
};

/* struct tw_record.flags */
enum {
	TW_RECF_SOCKET = 1 << 0,  /* a full socket: the socket's fields are filled */
	TW_RECF_SEGMENT = 1 << 1, /* a segment: the segment's fields are filled */
	TW_RECF_PROCESS =
		1 << 2, /* a process holds the socket: current acts, not a timer or softirq */
	TW_RECF_DYING = 1 << 3,     /* ... and it is on its way out: exit_code */
	TW_RECF_ORPHAN = 1 << 4,    /* no process has the socket open any more */
	TW_RECF_LINGER = 1 << 5,    /* SO_LINGER is on */
	TW_RECF_KEEPALIVE = 1 << 6, /* SO_KEEPALIVE is on */
	TW_RECF_CLIENT = 1 << 7,    /* this end connected */
	TW_RECF_SERVER = 1 << 8,    /* this end was accepted from a listener */
	TW_RECF_BORN = 1 << 9,      /* its birth was seen: born_ns is true */
	TW_RECF_OWNER_SURE =
		1 << 10,            /* the owner itself was seen at work, not only its listener's */
	TW_RECF_PEER_FIN = 1 << 11, /* the peer's FIN had come */
	TW_RECF_IN_CGROUP = 1 << 12,  /* the owner is in the cgroup of the filter, or below it */
	TW_RECF_TIMESTAMPS = 1 << 13, /* TW_REC_GOT_RESET: timestamps were negotiated */
	TW_RECF_LAST_TIMESTAMP = 1 << 14, /* ... and the last segment, the RST, had one */
	TW_RECF_UNACCEPTED = 1 << 15,     /* its listener was closed before it was accepted */
};

/* The segment's own TCP flags stand in seg_flags as on the wire. */
struct tw_record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 jiffies;
	__u64 cookie; /* of the socket, 0 without one */
	__u64 born_ns;
	__u64 owner_cgroup;
	__u64 waiting_ns; /* TW_REC_WAITING: how long the walk has found it so */
	__u64 bytes_sent, bytes_acked, bytes_received;
	__u32 netns;
	__u32 flags;
	__u8 local[16], remote[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 local_port, remote_port;
	__u8 kind, state, old_state, new_state;
	__u32 reason; /* of the reset or drop, as the kernel numbers it; ~0: it does not say */
	__s32 err, err_soft;
	__u32 owner_pid, actor_pid;
	__u32 exit_code; /* as wait(2) has it, of the actor */
	__u32 unread, unsent, unacked;
	__u32 snd_wnd, rcv_wnd;
	__u32 total_retrans, srtt_us;
	__u32 rto_jiffies, lsndtime, lrcvtime, rcv_tstamp; /* jiffies, their lower 32 bits */
	__u32 user_timeout_ms, linger_s;
	__u32 queue_length, queue_limit, syn_queue_length;
	__u32 syn_queue_limit; /* without SYN cookies; ~0: they are on */
	__u32 drops;           /* TW_WAIT_DROPPED: so many since the last look */
	__u32 sacked, mss;     /* segments that the peer has beyond a hole; what a full one holds */
	__u32 hang_ms;         /* since the first of the repeats by timer; 0: there are none */
	__u32 rcv_wnd_left;    /* what the peer may still send by what it was told last */
	__u32 snd_nxt, rcv_nxt;
	__u32 seg_seq, seg_ack, folded; /* folded: equal records before it that were only counted */
	__u16 seg_window, seg_flags;
	__u16 seg_payload;
	__u8 seg_options; /* bytes of TCP options */
	__u8 retransmits, probes, repeats, wait, padding[5];
	char owner_comm[16], actor_comm[16];
};

/* What the programs count; in the object's mapped .bss, so that reading costs no system call. */
struct tw_counters {
	__u64 records, lost, folded;
};

/* A filter as a program for a stack machine, applied to a record in the kernel. */
#define TW_FILTER_OPS 32
enum tw_filter_code {
	TW_FOP_END,
	TW_FOP_PORT, /* either port is in [low, high] */
	TW_FOP_NET,  /* either address begins with the first @bits of @addr */
	TW_FOP_AND,
	TW_FOP_OR,
	TW_FOP_NOT,
};

struct tw_filter_op {
	__u8 code, bits;
	__u16 low, high;
	__u16 padding;
	__u8 addr[16], mask[16];
};

/* What a drop reason is to us, by the number that it has in this kernel. */
enum tw_drop_class {
	TW_DROP_IGNORE,
	TW_DROP_RESET,        /* a RST that is challenged: its header tells who wrote it */
	TW_DROP_ACCEPT_QUEUE, /* TCP_LISTEN_OVERFLOW */
	TW_DROP_WINDOW,       /* beyond the window, or the window is closed */
	TW_DROP_PAWS,         /* an old timestamp */
	TW_DROP_AUTH,         /* MD5, TCP-AO */
	TW_DROP_FILTER,       /* netfilter, a BPF program, a security module */
	TW_DROP_ROUTE,        /* no route, no neighbour */
	TW_DROP_SEGMENT,      /* any other segment that TCP must not take */
	TW_DROP_TIME_WAIT,    /* a SYN with an old timestamp that meets TIME_WAIT */
	TW_DROP__N
};
#define TW_DROP_REASONS 256

#endif
