/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef TW_KERNEL_BPF_CORE_H
#define TW_KERNEL_BPF_CORE_H

/*
 * The kernel's types, cut down to the fields that are read here. CO-RE looks each field up by its name
 * in the running kernel's BTF when the programs are loaded, so neither order nor size matters, and the
 * build does not depend on the build machine's kernel.
 */
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false, true };

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

/* uapi/linux/bpf.h */
#define BPF_ANY           0
#define BPF_NOEXIST       1
#define BPF_F_NO_PREALLOC (1U << 0)
#define BPF_RB_NO_WAKEUP  1ULL
#define BPF_RB_AVAIL_DATA 0

/* uapi/linux/tcp.h, include/net/tcp_states.h, sock.h, sched.h: constants of the kernel's ABI or
 * unchanged since they came. */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};
#define AF_INET 2
#define V4_ANY                                                                                     \
	0xffff0000ULL /* the lower half of ::ffff:0.0.0.0, as a little-endian machine reads it */
#define AF_INET6     10
#define IPPROTO_TCP  6
#define PF_EXITING   0x00000004
#define EADDRINUSE   98
#define ECONNABORTED 103

#define CORE __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} CORE;

struct netns_ipv4 {
	int sysctl_max_syn_backlog;
	__u8 sysctl_tcp_syncookies;
} CORE;

struct net {
	struct ns_common ns;
	struct netns_ipv4 ipv4;
} CORE;

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
} CORE;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned long skc_flags;
} CORE;

typedef struct {
	int owned;
} CORE socket_lock_t;

struct socket;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	int sk_err;
	int sk_err_soft;
	struct socket *sk_socket;
	unsigned long sk_lingertime;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	struct {
		int counter;
	} sk_drops;
	__u16 sk_protocol;
	__u8 sk_shutdown;
} CORE;

struct request_sock {
	struct sock_common __req_common;
	struct sock *sk;
	__u8 num_retrans;
} CORE;

struct request_sock_queue {
	int rskq_defer_accept;
	struct {
		int counter;
	} qlen;
	struct request_sock *rskq_accept_head;
} CORE;

struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
} CORE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
	__u32 icsk_rto;
	__u8 icsk_retransmits;
	__u8 icsk_probes_out;
	struct {
		__u32 lrcvtime;
	} icsk_ack;
	__u32 icsk_user_timeout;
} CORE;

struct tcp_options_received {
	__u16 saw_tstamp : 1, tstamp_ok : 1;
} CORE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	struct tcp_options_received rx_opt;
	__u32 snd_wnd;
	__u32 copied_seq;
	__u32 write_seq;
	__u32 lsndtime;
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 rcv_wnd;
	__u32 rcv_wup;
	__u32 rcv_tstamp;
	__u32 srtt_us;
	__u32 packets_out;
	__u32 sacked_out;
	__u32 mss_cache;
	__u32 retrans_stamp;
	__u64 tcp_mstamp;
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u32 total_retrans;
	__u8 keepalive_probes;
	int linger2;
} CORE;

struct net_device {
	possible_net_t nd_net;
} CORE;

struct sk_buff {
	struct net_device *dev;
	unsigned char *head;
	unsigned char *data;
	__u16 transport_header;
	__u16 network_header;
	__be16 protocol;
} CORE;

struct kernfs_node {
	__u64 id;
} CORE;

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} CORE;

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
} CORE;

struct css_set {
	struct cgroup *dfl_cgrp;
} CORE;

struct fdtable {
	struct file **fd;
} CORE;

struct files_struct {
	struct fdtable *fdt;
} CORE;

struct task_struct {
	struct css_set *cgroups;
	struct files_struct *files;
	unsigned int flags;
	int exit_code;
	int pid;
	int tgid;
	char comm[16];
} CORE;

struct file {
	void *private_data;
} CORE;

struct socket {
	struct sock *sk;
} CORE;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
} CORE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} CORE;

/*
 * A system call's number and arguments, where its end is traced. On arm64 the first argument's register has the
 * result by then.
 */
#if defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	int syscallno;
} CORE;
#define CALL_BIND             200
#define CALL_LISTEN           201
#define call_of(regs)         BPF_CORE_READ(regs, syscallno)
#define first_argument(regs)  BPF_CORE_READ(regs, orig_x0)
#define second_argument(regs) ((const void *)BPF_CORE_READ(regs, regs[1]))
#else
struct pt_regs {
	unsigned long di, si, orig_ax;
} CORE;
#define CALL_BIND             49
#define CALL_LISTEN           50
#define call_of(regs)         ((int)BPF_CORE_READ(regs, orig_ax))
#define first_argument(regs)  BPF_CORE_READ(regs, di)
#define second_argument(regs) ((const void *)BPF_CORE_READ(regs, si))
#endif

#undef CORE

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

#endif
