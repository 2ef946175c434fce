/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef TW_KERNEL_BPF_WRITE_H
#define TW_KERNEL_BPF_WRITE_H

/*
 * How a record is made: the settings and tables, what is read of sockets, processes and segments, the
 * filters, the limits. The programs themselves are in live.bpf.c, which alone includes this.
 */
#include "kernel/bpf/core.h"

#include "kernel/record.h"

/* Set before loading. */
const volatile bool want_all, reset_has_reason, drop_has_reason, drop_has_socket;
const volatile bool filter_pid, filter_comm, filter_cgroup, filter_netns;
const volatile __u32 wanted_netns;
const volatile __u64 wanted_cgroup;
const volatile char wanted_comm[16];
const volatile struct tw_filter_op filter[TW_FILTER_OPS];
const volatile __u8 drop_class[TW_DROP_REASONS];
const volatile __u32 ring_half;
const volatile __u64 patience_ns;

struct tw_counters counters;

/* A process that has a socket. */
struct holder {
	__u64 cgroup, born_ns;
	__u32 pid;
	__u32 flags; /* TW_RECF_CLIENT, _SERVER, _BORN, _OWNER_SURE, _IN_CGROUP */
	char comm[16];
};

/* A socket's owner, as far as it is known, and what the walk has seen of it. */
struct owner {
	struct holder holder;
	__u64 since_ns; /* when the walk first found it waiting for the same; ~0: that is told */
	__u64 mark;     /* what would be another if it had gone on meanwhile */
	__u32 drops;    /* of a listener: the socket's counter at the last look */
	__u8 wait;      /* enum tw_wait */
	bool told;      /* in trouble, and not yet decided: its end is worth a record */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, __u64); /* the socket's place in memory, unique until tcp_destroy_sock */
	__type(value, struct owner);
} owners SEC(".maps");

/*
 * Most sockets live for a moment and end well. To enter one in a table and to take it out again costs more than all else
 * that is done for it, so a young one is only written down where its place in memory says; the walk, or trouble, takes it
 * from there to its owners' table. Where two want the same place the second goes there at once.
 */
#define YOUNG_BITS 15
struct young {
	__u64 sk; /* 0: free */
	struct holder holder;
	__u64 sum; /* of all before; wrong: two processors wrote here at the same moment, and it is nobody's */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << YOUNG_BITS);
	__type(key, __u32);
	__type(value, struct young);
} youngs SEC(".maps");

struct port {
	__u32 netns, port;
};
struct listener {
	struct holder holder;
	__u64 closing_ns; /* when it was closed; 0: it is open */
	__u32 closer;     /* ... and by which process */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct port);
	__type(value, struct listener);
} listeners SEC(".maps");

/* Room for 16 000 records, read twenty times a second. The reader has it mapped twice: it counts double there. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

/* Processes that are followed (-- CMD, --pid), with their children. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} followed SEC(".maps");

/*
 * Strangers can cause records at will (a scan, a flood), and so can a client that tries again in a loop. Of
 * each remote address and kind of failure only so many per second are written; the rest is counted.
 */
#define FLOOD_WINDOW_NS 1000000000ULL
#define FLOOD_SEGMENTS  16 /* without a socket */
#define FLOOD_SOCKETS   500
/* A storm may come from as many addresses as it likes. Without a socket, of all remote addresses together: */
#define FLOOD_STRANGERS 2000

struct flood_key {
	__u8 remote[16];
	__u32 kind;  /* of record, with the state */
	__u32 what;  /* error or reason */
	__u32 netns; /* one of them does not hide what happens in another */
	__u32 padding;
};
struct flood {
	__u64 since_ns;
	__u32 written, folded;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flood_key);
	__type(value, struct flood);
} floods SEC(".maps");

/* Updated without a lock: what two processors count at the same moment may be off by one. */
static struct flood strangers;

/* ---- reading ---- */

static __always_inline bool is_tcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP;
}

static __always_inline bool is_full(int state)
{
	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

static __always_inline void set_v4(__u8 *to, __be32 addr)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &addr, 4);
}

/* The tuple of a socket of any kind; the local port also after it was given back (inet_sport). */
static __always_inline void read_tuple(struct tw_record *r, struct sock *sk, bool full)
{
	struct sock_common *c = &sk->__sk_common;

	if (BPF_CORE_READ(c, skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&r->local, c, skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&r->remote, c, skc_v6_daddr.in6_u.u6_addr8);
	} else {
		__be32 local = BPF_CORE_READ(c, skc_rcv_saddr);

		if (!local && full)
			local = BPF_CORE_READ((struct inet_sock *)sk, inet_saddr);
		set_v4(r->local, local);
		set_v4(r->remote, BPF_CORE_READ(c, skc_daddr));
	}
	r->remote_port = __builtin_bswap16(BPF_CORE_READ(c, skc_dport));
	r->local_port = BPF_CORE_READ(c, skc_num);
	if (!r->local_port && full)
		r->local_port =
			__builtin_bswap16(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	r->netns = BPF_CORE_READ(c, skc_net.net, ns.inum);
}

static __always_inline void read_queues(struct tw_record *r, struct tcp_sock *tp)
{
	struct inet_connection_sock *icsk = &tp->inet_conn;
	__u32 nxt = BPF_CORE_READ(tp, snd_nxt), rcv_nxt = BPF_CORE_READ(tp, rcv_nxt);

	r->snd_nxt = nxt;
	r->rcv_nxt = rcv_nxt;
	r->unread = rcv_nxt - BPF_CORE_READ(tp, copied_seq);
	r->unsent = BPF_CORE_READ(tp, write_seq) - nxt;
	r->unacked = nxt - BPF_CORE_READ(tp, snd_una);
	r->snd_wnd = BPF_CORE_READ(tp, snd_wnd);
	r->rcv_wnd = BPF_CORE_READ(tp, rcv_wnd);
	r->total_retrans = BPF_CORE_READ(tp, total_retrans);
	r->srtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	r->bytes_sent = BPF_CORE_READ(tp, bytes_sent);
	r->bytes_acked = BPF_CORE_READ(tp, bytes_acked);
	r->bytes_received = BPF_CORE_READ(tp, bytes_received);
	r->lsndtime = BPF_CORE_READ(tp, lsndtime);
	r->rcv_tstamp = BPF_CORE_READ(tp, rcv_tstamp);
	r->lrcvtime = BPF_CORE_READ(icsk, icsk_ack.lrcvtime);
	r->rto_jiffies = BPF_CORE_READ(icsk, icsk_rto);
	r->retransmits = BPF_CORE_READ(icsk, icsk_retransmits);
	r->probes = BPF_CORE_READ(icsk, icsk_probes_out);
	r->user_timeout_ms = BPF_CORE_READ(icsk, icsk_user_timeout);
	r->syn_queue_length = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
	r->sacked = BPF_CORE_READ(tp, sacked_out);
	r->mss = BPF_CORE_READ(tp, mss_cache);
	r->rcv_wnd_left = BPF_CORE_READ(tp, rcv_wup) + r->rcv_wnd - rcv_nxt;
	if (BPF_CORE_READ(tp, retrans_stamp))
		r->hang_ms = (__u32)(BPF_CORE_READ(tp, tcp_mstamp) / 1000) -
			     BPF_CORE_READ(tp, retrans_stamp);
}

/* SOCK_DEAD, SOCK_KEEPOPEN, SOCK_LINGER are bits of sk_flags by their place in enum sock_flags. */
enum sock_flags { SOCK_DEAD, SOCK_DONE, SOCK_URGINLINE, SOCK_KEEPOPEN, SOCK_LINGER };

static __always_inline bool has_flag(unsigned long flags, enum sock_flags bit)
{
	return flags >> bit & 1;
}

/* tcp_validate_incoming() parses the options of a segment before it looks at the RST bit. */
static __always_inline void read_timestamps(struct tw_record *r, struct tcp_sock *tp)
{
	if (BPF_CORE_READ_BITFIELD_PROBED(tp, rx_opt.tstamp_ok))
		r->flags |= TW_RECF_TIMESTAMPS;
	if (BPF_CORE_READ_BITFIELD_PROBED(tp, rx_opt.saw_tstamp))
		r->flags |= TW_RECF_LAST_TIMESTAMP;
}

static __always_inline void read_socket(struct tw_record *r, struct sock *sk)
{
	unsigned long flags = BPF_CORE_READ(sk, __sk_common.skc_flags);

	r->flags |= TW_RECF_SOCKET;
	r->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	read_tuple(r, sk, true);
	read_queues(r, (struct tcp_sock *)sk);
	r->err = BPF_CORE_READ(sk, sk_err);
	r->err_soft = BPF_CORE_READ(sk, sk_err_soft);
	r->queue_length = BPF_CORE_READ(sk, sk_ack_backlog);
	r->queue_limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	r->linger_s = BPF_CORE_READ(sk, sk_lingertime);
	if (has_flag(flags, SOCK_DEAD))
		r->flags |= TW_RECF_ORPHAN;
	if (has_flag(flags, SOCK_KEEPOPEN))
		r->flags |= TW_RECF_KEEPALIVE;
	if (has_flag(flags, SOCK_LINGER))
		r->flags |= TW_RECF_LINGER;
	/* RCV_SHUTDOWN is set when the peer's FIN comes, and by shutdown() on this side; SOCK_DONE by the FIN
	 * alone. */
	if (has_flag(flags, SOCK_DONE))
		r->flags |= TW_RECF_PEER_FIN;
}

static __always_inline void read_actor(struct tw_record *r)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	r->flags |= TW_RECF_PROCESS;
	r->actor_pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(r->actor_comm, sizeof(r->actor_comm));
	if (BPF_CORE_READ(task, flags) & PF_EXITING) {
		r->flags |= TW_RECF_DYING;
		r->exit_code = BPF_CORE_READ(task, exit_code);
	}
}

static __always_inline void read_holder(struct tw_record *r, const struct holder *h)
{
	r->owner_pid = h->pid;
	r->owner_cgroup = h->cgroup;
	__builtin_memcpy(r->owner_comm, h->comm, sizeof(r->owner_comm));
}

static __always_inline void read_owner(struct tw_record *r, struct owner *o)
{
	if (!o)
		return;
	/* What has failed need not be told that it is gone. */
	o->told = r->kind == TW_REC_STALL || r->kind == TW_REC_SYNACK;
	read_holder(r, &o->holder);
	r->born_ns = o->holder.born_ns;
	r->flags |= o->holder.flags;
}

/* The segment's headers. False: no TCP, or not where they should be. */
static __always_inline bool read_segment(struct tw_record *r, struct sk_buff *skb, bool tuple)
{
	unsigned char *head = BPF_CORE_READ(skb, head), *ip, b[40], t[20];
	__u16 length, header;

	ip = head + BPF_CORE_READ(skb, network_header);
	if (bpf_probe_read_kernel(b, sizeof(b), ip))
		return false;
	if (b[0] >> 4 == 4 && b[9] == IPPROTO_TCP) {
		header = (b[0] & 15) * 4;
		length = (b[2] << 8 | b[3]) - header;
		if (tuple) {
			set_v4(r->remote, 0);
			set_v4(r->local, 0);
			__builtin_memcpy(r->remote + 12, b + 12, 4);
			__builtin_memcpy(r->local + 12, b + 16, 4);
		}
	} else if (b[0] >> 4 == 6 && b[6] == IPPROTO_TCP) {
		header = 40;
		length = b[4] << 8 | b[5];
		if (tuple) {
			__builtin_memcpy(r->remote, b + 8, 16);
			__builtin_memcpy(r->local, b + 24, 16);
		}
	} else {
		return false;
	}
	if (bpf_probe_read_kernel(t, sizeof(t), ip + header))
		return false;
	if (tuple) {
		r->remote_port = t[0] << 8 | t[1];
		r->local_port = t[2] << 8 | t[3];
	}
	r->flags |= TW_RECF_SEGMENT;
	r->seg_seq = (__u32)t[4] << 24 | t[5] << 16 | t[6] << 8 | t[7];
	r->seg_ack = (__u32)t[8] << 24 | t[9] << 16 | t[10] << 8 | t[11];
	header = (t[12] >> 4) * 4;
	r->seg_options = header > 20 ? header - 20 : 0;
	r->seg_payload = length > header ? length - header : 0;
	r->seg_flags = t[13];
	r->seg_window = t[14] << 8 | t[15];
	return true;
}

/* ---- filters ---- */

static __always_inline bool has_prefix(const __u8 *addr, int op)
{
	int i;

#pragma unroll
	for (i = 0; i < 16; i++)
		if ((addr[i] ^ filter[op].addr[i]) & filter[op].mask[i])
			return false;
	return true;
}

/* What is bound to all addresses has every one of them. */
static __always_inline bool is_everywhere(struct tw_record *r)
{
	__u64 high = *(__u64 *)r->local, low = *(__u64 *)(r->local + 8);

	return !r->remote_port && !high && (!low || low == V4_ANY);
}

static __noinline bool passes_expression(struct tw_record *r)
{
	__u32 stack = 0; /* one bit per value */
	int i;

	if (!r)
		return false;
	for (i = 0; i < TW_FILTER_OPS; i++) {
		__u16 low = filter[i].low, high = filter[i].high;
		__u32 top;

		switch (filter[i].code) {
		case TW_FOP_END:
			return i == 0 || stack & 1;
		case TW_FOP_PORT:
			stack = stack << 1 | ((r->local_port >= low && r->local_port <= high) ||
					      (r->remote_port >= low && r->remote_port <= high));
			break;
		case TW_FOP_NET:
			stack = stack << 1 | (has_prefix(r->local, i) || has_prefix(r->remote, i) ||
					      is_everywhere(r));
			break;
		case TW_FOP_AND:
			top = stack & stack >> 1 & 1;
			stack = (stack >> 2) << 1 | top;
			break;
		case TW_FOP_OR:
			top = (stack | stack >> 1) & 1;
			stack = (stack >> 2) << 1 | top;
			break;
		case TW_FOP_NOT:
			stack ^= 1;
			break;
		}
	}
	return stack & 1;
}

static __always_inline bool is_comm(const char *comm)
{
	int i;

#pragma unroll
	for (i = 0; i < 15; i++) {
		if (comm[i] != wanted_comm[i])
			return false;
		if (!comm[i])
			break;
	}
	return true;
}

static __always_inline bool passes(struct tw_record *r)
{
	if (filter_netns && r->netns != wanted_netns)
		return false;
	/* Without a socket nobody owns it: the watcher takes it only beside one that passed. */
	if (!(r->flags & TW_RECF_SOCKET))
		return passes_expression(r);
	if (filter_cgroup && !(r->flags & TW_RECF_IN_CGROUP))
		return false;
	if (filter_pid && !bpf_map_lookup_elem(&followed, &r->owner_pid) &&
	    !(r->actor_pid && bpf_map_lookup_elem(&followed, &r->actor_pid)))
		return false;
	if (filter_comm && !is_comm(r->owner_comm) && !is_comm(r->actor_comm))
		return false;
	return passes_expression(r);
}

/* ---- writing ---- */

static __always_inline struct tw_record *begin(__u8 kind)
{
	struct tw_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		__sync_fetch_and_add(&counters.lost, 1);
		return NULL;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->time_ns = bpf_ktime_get_ns();
	r->jiffies = bpf_jiffies64();
	r->reason = ~0U;
	return r;
}

/* May it be told? Fills @folded with equal ones before it that were not. */
static __always_inline bool is_no_flood(const struct tw_record *r, __u32 most, __u32 *folded)
{
	struct flood_key key = { .kind = r->kind | r->state << 8,
				 .what = r->err ? r->err : r->reason,
				 .netns = r->netns };
	struct flood fresh = { .since_ns = r->time_ns, .written = 1 }, *f;

	__builtin_memcpy(key.remote, r->remote, sizeof(key.remote));
	f = bpf_map_lookup_elem(&floods, &key);
	if (!f) {
		bpf_map_update_elem(&floods, &key, &fresh, BPF_ANY);
	} else if (r->time_ns - f->since_ns > FLOOD_WINDOW_NS) {
		*folded = f->folded;
		*f = fresh;
	} else if (f->written >= most) {
		f->folded++;
		return false;
	} else {
		f->written++;
	}
	return true;
}

static __always_inline void fold(struct tw_record *r)
{
	__sync_fetch_and_add(&counters.folded, 1);
	bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
}

static __always_inline bool is_no_storm(struct tw_record *r)
{
	if (r->time_ns - strangers.since_ns > FLOOD_WINDOW_NS) {
		strangers.since_ns = r->time_ns;
		strangers.written = 0;
	}
	if (strangers.written >= FLOOD_STRANGERS) {
		__sync_fetch_and_add(&strangers.folded, 1 + r->folded);
		return false;
	}
	strangers.written++;
	r->folded += strangers.folded;
	strangers.folded = 0;
	return true;
}

static __always_inline void submit(struct tw_record *r, __u32 most, bool stranger)
{
	if (!passes(r)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return;
	}
	if (!is_no_flood(r, most, &r->folded) || (stranger && !is_no_storm(r))) {
		fold(r);
		return;
	}
	__sync_fetch_and_add(&counters.records, 1);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

static __always_inline void end(struct tw_record *r)
{
	submit(r, FLOOD_SOCKETS, false);
}

/*
 * Half of the ring stays free for what happens to sockets. Asked before a record is begun: one that is discarded has its
 * place in the ring all the same, until the reader has passed over it.
 */
static __always_inline bool has_room_for_segment(void)
{
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < ring_half)
		return true;
	__sync_fetch_and_add(&counters.folded, 1);
	return false;
}

static __always_inline void end_segment(struct tw_record *r)
{
	submit(r, FLOOD_SEGMENTS, true);
}

/*
 * In the cgroup of the filter, or below it? From its own cgroup up to the root, by pointers that every kernel
 * has; the tables of ancestors (ancestor_ids, then ancestors) have changed their names.
 */
#define CGROUP_DEPTH 24

static __always_inline __u32 in_cgroup(struct task_struct *task)
{
	struct cgroup *at;
	int i;

	if (!filter_cgroup)
		return 0;
	at = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	for (i = 0; i < CGROUP_DEPTH && at; i++) {
		if (BPF_CORE_READ(at, kn, id) == wanted_cgroup)
			return TW_RECF_IN_CGROUP;
		at = BPF_CORE_READ(at, self.parent, cgroup);
	}
	return 0;
}

static __always_inline void note_holder(struct holder *h)
{
	h->flags &= ~TW_RECF_IN_CGROUP;
	h->flags |= in_cgroup((struct task_struct *)bpf_get_current_task()) | TW_RECF_OWNER_SURE;
	h->pid = bpf_get_current_pid_tgid() >> 32;
	h->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(h->comm, sizeof(h->comm));
}

/* ---- owners ---- */

/* The verifier lets nobody shift a pointer; but once it was negated it is a number. */
static __always_inline __u64 key_of(struct sock *sk)
{
	__u64 key = (__u64)sk;

	asm volatile("%0 = -%0\n\t%0 = -%0" : "+r"(key));
	return key;
}

static __always_inline struct young *young_at(__u64 sk)
{
	/* Objects of a slab are at least a cache line apart. Fibonacci hashing. */
	__u32 place = (sk >> 6) * 0x9e3779b97f4a7c15ULL >> (64 - YOUNG_BITS);

	return bpf_map_lookup_elem(&youngs, &place);
}

static __always_inline __u64 sum_of(const struct young *y)
{
	const __u64 *word = (const __u64 *)y;
	__u64 sum = 0;
	int i;

#pragma unroll
	for (i = 0; i < (int)(offsetof(struct young, sum) / sizeof(*word)); i++)
		sum = (sum << 1 | sum >> 63) ^ word[i];
	return sum;
}

/* A socket's process, at its birth. */
static __always_inline void note_young(struct sock *sk, const struct holder *h)
{
	__u64 key = key_of(sk);
	struct young *y = young_at(key);

	/* One that has failed before and connects again may be in the table already; it is never in both places. */
	if (y && (!y->sk || y->sk == key) && !bpf_map_lookup_elem(&owners, &key)) {
		y->holder = *h;
		y->sk = key;
		y->sum = sum_of(y);
	} else {
		struct owner o = { .holder = *h };

		bpf_map_update_elem(&owners, &key, &o, BPF_ANY);
	}
}

/* From now on it is looked up. */
static __always_inline void grow_up(__u64 key)
{
	struct young *y = young_at(key);

	if (!y || y->sk != key)
		return;
	if (y->sum == sum_of(y)) {
		struct owner o = { .holder = y->holder };

		/* Another processor may do the same. */
		bpf_map_update_elem(&owners, &key, &o, BPF_NOEXIST);
	}
	y->sk = 0;
}

static __always_inline struct owner *find_owner(struct sock *sk)
{
	__u64 key = key_of(sk);

	grow_up(key);
	return bpf_map_lookup_elem(&owners, &key);
}

static __always_inline struct owner *make_owner(struct sock *sk)
{
	struct owner *o = find_owner(sk), fresh = {};
	__u64 key = key_of(sk);

	if (o)
		return o;
	bpf_map_update_elem(&owners, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&owners, &key);
}

/* Did a listener of this host accept it? Then that is its role, and its owner until another is known. */
static __always_inline void read_listener(struct tw_record *r)
{
	struct port key = { .netns = r->netns, .port = r->local_port };
	struct listener *l;

	if (r->flags & TW_RECF_CLIENT || r->state == TCP_LISTEN)
		return;
	l = bpf_map_lookup_elem(&listeners, &key);
	if (!l)
		return;
	r->flags |= TW_RECF_SERVER;
	if (r->owner_pid)
		return;
	read_holder(r, &l->holder);
	r->flags |= l->holder.flags & TW_RECF_IN_CGROUP;
}

/*
 * A listener that is closed resets what nobody has accepted. The children are locked from below only, but it
 * is the closer's call that does it: its listener has just been closed, and no file has the child open.
 */
#define CLOSING_NS 1000000000ULL
static __always_inline void read_closing(struct tw_record *r, struct sock *sk)
{
	struct port key = { .netns = r->netns, .port = r->local_port };
	struct listener *l;

	if (r->flags & (TW_RECF_CLIENT | TW_RECF_PROCESS) || BPF_CORE_READ(sk, sk_socket))
		return;
	l = bpf_map_lookup_elem(&listeners, &key);
	if (!l || r->time_ns - l->closing_ns > CLOSING_NS ||
	    l->closer != bpf_get_current_pid_tgid() >> 32)
		return;
	r->flags |= TW_RECF_UNACCEPTED;
	read_actor(r);
}

/* inet_csk_reqsk_queue_is_full() and tcp_conn_request(): the backlog bounds both queues, and where there are no cookies
 * tcp_max_syn_backlog less its last quarter, which is for peers that are known. */
static __always_inline void read_syn_limit(struct tw_record *r, struct sock *sk)
{
	struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	__u32 most = BPF_CORE_READ(net, ipv4.sysctl_max_syn_backlog);

	r->syn_queue_limit = ~0U;
	if (BPF_CORE_READ(net, ipv4.sysctl_tcp_syncookies))
		return;
	most -= most >> 2;
	r->syn_queue_limit = most < r->queue_limit ? most : r->queue_limit;
}

/*
 * Destroyed already? tcp_rcv_state_process() may call tcp_done() on an orphan first and have the segment answered with a
 * reset then. What is entered now nobody would take out, and the next socket in this place in memory would have it.
 */
static __always_inline bool is_gone(const struct tw_record *r)
{
	return r->state == TCP_CLOSE && r->flags & TW_RECF_ORPHAN;
}

/* A record of a full socket, ready but for what the kind adds. */
static __always_inline struct tw_record *begin_socket(__u8 kind, struct sock *sk)
{
	struct tw_record *r = begin(kind);
	struct owner *o;

	if (!r)
		return NULL;
	read_socket(r, sk);
	r->cookie = bpf_get_socket_cookie(sk);
	o = is_gone(r) ? find_owner(sk) : make_owner(sk);
	if (sk->sk_lock.owned)
		read_actor(r);
	/* `ss -K` holds the lock, too, and is no owner; it resets before the socket is closed. */
	if (o && r->flags & TW_RECF_PROCESS && !(o->holder.flags & TW_RECF_OWNER_SURE) &&
	    r->err != ECONNABORTED && (kind != TW_REC_SENT_RESET || r->state == TCP_CLOSE))
		note_holder(&o->holder);
	read_owner(r, o);
	read_listener(r);
	return r;
}

#endif
