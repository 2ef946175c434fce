/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The programs in the kernel. A connection that ends well costs two or three look-ups and no record;
 * one that fails writes a few records, from which the watcher (src/kernel/) makes a finding.
 *
 * Whose socket is it? current is the owner only while a process holds the socket's lock
 * (sk_lock.owned); else it is whoever the softirq happened to interrupt. So the owner is noted where a
 * process acts for sure, and kept until tcp_destroy_sock:
 *
 *	connect()     CLOSE -> SYN_SENT    this process, for certain
 *	listen()      CLOSE -> LISTEN      by port: what it accepts counts as its owner's
 *	any failure   in a process' call   this process
 *	the walk over all open files       whoever has it open; also for sockets from before
 *
 * The first is by far the most frequent, and is kept where that costs least (note_young). Accepting costs
 * nothing at all. (Storage in the socket itself, BPF_MAP_TYPE_SK_STORAGE, was measured: with the copy that
 * every accepted socket gets, a connection cost twice as much.)
 *
 * A process that dies closes its sockets itself, in do_exit(): then current is marked PF_EXITING and
 * its exit code tells the signal. No table of dead processes is needed for it.
 *
 * What differs between kernels is asked of BTF before loading and given in the constants below; what a
 * kernel lacks is cut off as dead code there.
 */
#include "kernel/bpf/core.h"
#include "kernel/bpf/write.h"

#include "kernel/record.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#include <bpf/bpf_tracing.h>

/* ---- states ---- */

static __always_inline void on_connect(struct sock *sk)
{
	struct holder h = { .flags = TW_RECF_CLIENT | TW_RECF_BORN, .born_ns = bpf_ktime_get_ns() };

	note_holder(&h);
	note_young(sk, &h);
}

static __always_inline struct port port_of(struct sock *sk)
{
	return (struct port){ .netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
			      .port = sk->__sk_common.skc_num };
}

static __always_inline void note_listener(struct sock *sk, const struct holder *h)
{
	struct port port = port_of(sk);
	struct listener l = { .holder = *h };

	bpf_map_update_elem(&listeners, &port, &l, BPF_ANY);
}

static __always_inline void on_listen(struct sock *sk)
{
	struct owner o = { .drops = BPF_CORE_READ(sk, sk_drops.counter) };
	__u64 key = key_of(sk);

	note_holder(&o.holder);
	bpf_map_update_elem(&owners, &key, &o, BPF_ANY);
	note_listener(sk, &o.holder);
}

static __always_inline void on_listener_closed(struct sock *sk)
{
	struct port port = port_of(sk);
	struct listener *l = bpf_map_lookup_elem(&listeners, &port);

	if (!l)
		return;
	l->closing_ns = bpf_ktime_get_ns();
	l->closer = bpf_get_current_pid_tgid() >> 32;
}

static __always_inline void tell_state(struct sock *sk, int old, int new)
{
	struct tw_record *r = begin_socket(TW_REC_STATE, sk);

	if (!r)
		return;
	r->old_state = old;
	r->new_state = new;
	end(r);
}

/*
 * A process that dies of a signal closes what it had open. One that exits does, too, and that is how many programs
 * end; but a server that owes an answer should not.
 */
static __always_inline bool is_dying(struct sock *sk, int new)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct owner *o;

	if (!(task->flags & PF_EXITING) || !sk->sk_lock.owned)
		return false;
	if (task->exit_code & 0x7f)
		return true;
	if (new != TCP_FIN_WAIT1 || !BPF_CORE_READ(tp, bytes_received) ||
	    (BPF_CORE_READ(tp, bytes_sent) &&
	     (__s32)(BPF_CORE_READ(tp, inet_conn.icsk_ack.lrcvtime) -
		     BPF_CORE_READ(tp, lsndtime)) <= 0))
		return false;
	o = find_owner(sk);
	return !o || !(o->holder.flags & TW_RECF_CLIENT);
}

static __always_inline bool is_worth_telling(struct sock *sk, int old)
{
	if (old == TCP_LISTEN || old == TCP_CLOSE)
		return false;
	/*
	 * The error is told here and not at inet_sk_error_report, which comes after the wake-up: by then the
	 * application, on another processor, may have fetched and cleared it.
	 */
	if (sk->sk_err)
		return true;
	/* Still connecting: no port was left, or the application gave up. */
	return old == TCP_SYN_SENT || want_all;
}

/* Six of the ten changes of a connection's two ends are not, and end here, before memory is touched. */
static __always_inline bool is_of_interest(int new)
{
	return 1U << new &(1U << TCP_SYN_SENT | 1U << TCP_LISTEN | 1U << TCP_FIN_WAIT1 |
			   1U << TCP_LAST_ACK | 1U << TCP_CLOSE);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old, int new)
{
	if (!is_of_interest(new) || !is_tcp(sk))
		return 0;
	switch (new) {
	case TCP_SYN_SENT:
		on_connect(sk);
		break;
	case TCP_LISTEN:
		on_listen(sk);
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		if (is_dying(sk, new))
			tell_state(sk, old, new);
		break;
	case TCP_CLOSE:
		if (old == TCP_LISTEN)
			on_listener_closed(sk);
		if (is_worth_telling(sk, old))
			tell_state(sk, old, new);
		break;
	}
	return 0;
}

/* ---- resets and errors ---- */

/*
 * The arguments can be NULL although older kernels' verifiers believe that they can not, and cut the
 * test for it away. Read as a number, they know nothing.
 */
static __always_inline __u64 argument(void *ctx, int i)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (__u64 *)ctx + i);
	return value;
}

static __always_inline void tell_sent_reset(struct sock *sk, struct sk_buff *skb, __u32 reason)
{
	int state = sk ? BPF_CORE_READ(sk, __sk_common.skc_state) : 0;
	struct tw_record *r;

	if (!has_room_for_segment())
		return;
	/* Nothing may come between this and its test: begin() tests, too, and only two tests in a row become
	 * one. The verifier of Linux 6.1 takes a second one for a way on which the record is lost. */
	r = begin(TW_REC_SENT_RESET);
	if (!r)
		return;
	r->reason = reason;
	r->state = state;
	if (sk)
		read_tuple(r, sk, is_full(state));
	/* A listener, or nobody: the tuple of the segment that is answered. */
	if (skb && !sk)
		r->netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	if (skb && !read_segment(r, skb, !sk || state == TCP_LISTEN)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return;
	}
	end_segment(r);
}

SEC("tp_btf/tcp_send_reset")
int on_sent_reset(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct sk_buff *skb = (struct sk_buff *)argument(ctx, 1);
	__u32 reason = reset_has_reason ? (__u32)ctx[2] : ~0U;
	struct tw_record *r;
	int state;

	if (!argument(ctx, 0) || !sk) {
		tell_sent_reset(NULL, skb, reason);
		return 0;
	}
	state = sk->__sk_common.skc_state;
	if (!is_full(state) || state == TCP_LISTEN) {
		tell_sent_reset((struct sock *)argument(ctx, 0), skb, reason);
		return 0;
	}
	r = begin_socket(TW_REC_SENT_RESET, sk);
	if (!r)
		return 0;
	r->reason = reason;
	if (skb)
		read_segment(r, skb, false);
	else
		read_closing(r, sk);
	end(r);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_got_reset, struct sock *sk)
{
	struct tw_record *r = begin_socket(TW_REC_GOT_RESET, sk);

	if (!r)
		return 0;
	read_timestamps(r, (struct tcp_sock *)sk);
	end(r);
	return 0;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(on_error, struct sock *sk)
{
	struct tw_record *r;

	/* One that is closed by its error was told as it closed. This is for those that live on, and for
	 * kernels that report first. */
	if (!is_tcp(sk) || !sk->sk_err || sk->__sk_common.skc_state == TCP_CLOSE)
		return 0;
	r = begin_socket(TW_REC_ERROR, sk);
	if (r)
		end(r);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroyed, struct sock *sk)
{
	__u64 key = key_of(sk);
	struct young *y = young_at(key);
	struct tw_record *r;
	struct owner *o;

	if (y && y->sk == key) {
		y->sk = 0;
		return 0;
	}
	/* Half of all sockets were accepted and are not there: to look takes no lock, to delete does. */
	o = bpf_map_lookup_elem(&owners, &key);
	if (!o)
		return 0;
	if (o->told && sk->__sk_common.skc_dport) {
		r = begin_socket(TW_REC_GONE, sk);
		if (r)
			end(r);
	}
	bpf_map_delete_elem(&owners, &key);
	return 0;
}

/* ---- ports ---- */

static __always_inline void read_caller(struct tw_record *r)
{
	struct holder h = {};

	note_holder(&h);
	r->flags |= TW_RECF_SERVER | h.flags;
	read_holder(r, &h);
}

/* Who listens on the port; nobody any more once its listener was closed. */
static __always_inline void read_occupant(struct tw_record *r)
{
	struct port key = { .netns = r->netns, .port = r->local_port };
	struct listener *l = bpf_map_lookup_elem(&listeners, &key);

	if (!l || l->closing_ns)
		return;
	r->actor_pid = l->holder.pid;
	__builtin_memcpy(r->actor_comm, l->holder.comm, sizeof(r->actor_comm));
}

/* A call that has just looked the descriptor up, and found a socket. */
static __always_inline struct sock *socket_of(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	struct socket *socket;

	if (!files || bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* The address that bind() was given: a socket that could not have it does not keep it. */
static __always_inline bool read_wanted(struct tw_record *r, const void *address)
{
	__u8 a[28] = {};

	/* The shorter one of IPv4 may end where memory does. */
	if (bpf_probe_read_user(a, sizeof(a), address) && bpf_probe_read_user(a, 16, address))
		return false;
	if (a[0] == AF_INET) {
		set_v4(r->local, 0);
		__builtin_memcpy(r->local + 12, a + 4, 4);
	} else {
		__builtin_memcpy(r->local, a + 8, 16);
	}
	r->local_port = a[2] << 8 | a[3];
	return true;
}

/*
 * bind() and listen() that fail have no tracepoint but the one that all system calls share. It is used only if it is
 * asked for (--bind): it costs every program something at each call.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_call, struct pt_regs *regs, long ret)
{
	struct tw_record *r;
	struct sock *sk;
	int call;

	if (ret != -EADDRINUSE)
		return 0;
	call = call_of(regs);
	if (call != CALL_BIND && call != CALL_LISTEN)
		return 0;
	sk = socket_of(first_argument(regs));
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	r = begin(TW_REC_BIND);
	if (!r)
		return 0;
	read_socket(r, sk);
	if ((call == CALL_BIND && !read_wanted(r, second_argument(regs))) || !r->local_port) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return 0;
	}
	r->err = EADDRINUSE;
	read_caller(r);
	read_occupant(r);
	end(r);
	return 0;
}

/* ---- repeats ---- */

/* The third repeat by timer in a row, and then each doubling: 1.5 s and more without an answer. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_repeat, struct sock *sk)
{
	__u8 n = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_retransmits);
	struct tw_record *r;

	if (n != 3 && n != 6)
		return 0;
	if (sk->__sk_common.skc_state == TCP_SYN_SENT)
		return 0;
	r = begin_socket(TW_REC_STALL, sk);
	if (r)
		end(r);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_synack, struct sock *sk, struct request_sock *req)
{
	struct tw_record *r;

	if (!has_room_for_segment())
		return 0;
	r = begin(TW_REC_SYNACK);
	if (!r)
		return 0;
	read_socket(r, sk);
	read_owner(r, find_owner(sk));
	/* The tuple is the request's, everything else the listener's. */
	read_tuple(r, (struct sock *)req, false);
	r->flags |= TW_RECF_SERVER;
	/* It is counted once it was sent, which is after this. */
	r->repeats = BPF_CORE_READ(req, num_retrans) + 1;
	end_segment(r);
	return 0;
}

/* ---- drops ---- */

SEC("tp_btf/kfree_skb")
int on_drop(__u64 *ctx)
{
	__u32 reason = drop_has_reason ? (__u32)ctx[2] : 0;
	__u64 index = reason;
	struct sk_buff *skb;
	struct tw_record *r;
	struct sock *sk;
	__u8 class;

	if (reason >= TW_DROP_REASONS)
		return 0;
	/* Where the compiler has just proved it, older verifiers want to see it. */
	asm volatile("%0 &= 0xff" : "+r"(index));
	class = drop_class[index];
	if (class == TW_DROP_IGNORE || (class != TW_DROP_RESET && !has_room_for_segment()))
		return 0;
	skb = (struct sk_buff *)argument(ctx, 0);
	sk = drop_has_socket ? (struct sock *)argument(ctx, 3) : NULL;
	r = begin(TW_REC_DROP);
	if (!r)
		return 0;
	r->reason = reason;
	r->repeats = class;
	if (sk && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	    is_full(BPF_CORE_READ(sk, __sk_common.skc_state))) {
		read_socket(r, sk);
		read_owner(r, find_owner(sk));
		read_listener(r);
	} else {
		r->netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	}
	if (!read_segment(r, skb, true)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return 0;
	}
	if (class == TW_DROP_RESET)
		end(r);
	else
		end_segment(r);
	return 0;
}

SEC("tp_btf/tcp_bad_csum")
int on_bad_checksum(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)argument(ctx, 0);
	struct tw_record *r;

	if (!has_room_for_segment())
		return 0;
	r = begin(TW_REC_BAD_CHECKSUM);
	if (!r)
		return 0;
	r->netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	if (!read_segment(r, skb, true)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return 0;
	}
	end_segment(r);
	return 0;
}

/* ---- processes that are followed ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = parent->tgid, to = child->tgid;
	__u8 one = 1;

	if (from == to)
		return 0;
	if (bpf_map_lookup_elem(&followed, &from))
		bpf_map_update_elem(&followed, &to, &one, BPF_ANY);
	else
		/* The number of a followed process that is gone has come back as somebody else's. */
		bpf_map_delete_elem(&followed, &to);
	return 0;
}

/* ---- the walk over all open files: sockets from before, and those that wait for ever ---- */

/* A listener that is bound to all addresses: what waits in its queue came to one of them. */
static __always_inline void read_child_address(struct tw_record *r, struct sock *sk)
{
	struct sock *child = BPF_CORE_READ((struct inet_connection_sock *)sk,
					   icsk_accept_queue.rskq_accept_head, sk);

	if (!child || !is_everywhere(r))
		return;
	read_tuple(r, child, true);
	__builtin_memset(r->remote, 0, sizeof(r->remote));
	if (BPF_CORE_READ(child, __sk_common.skc_family) == AF_INET)
		set_v4(r->remote, 0);
	r->remote_port = 0;
}

static __always_inline void tell_waiting(struct sock *sk, __u8 wait, __u64 waiting_ns, __u32 drops)
{
	struct tw_record *r = begin_socket(TW_REC_WAITING, sk);

	if (!r)
		return;
	/* The walker holds no lock and is nobody's actor. */
	r->flags &= ~(TW_RECF_PROCESS | TW_RECF_DYING);
	r->actor_pid = 0;
	r->wait = wait;
	r->waiting_ns = waiting_ns;
	r->drops = drops;
	if (r->state == TCP_LISTEN) {
		read_syn_limit(r, sk);
		read_child_address(r, sk);
	}
	end(r);
}

/* What nobody has accepted has no file, and no owner but its listener's. It may go while it is read. */
static __always_inline void tell_unaccepted(struct sock *sk, __u64 waiting_ns)
{
	struct sock *child = BPF_CORE_READ((struct inet_connection_sock *)sk,
					   icsk_accept_queue.rskq_accept_head, sk);
	struct tw_record *r;

	if (!child)
		return;
	r = begin(TW_REC_WAITING);
	if (!r)
		return;
	read_socket(r, child);
	read_listener(r);
	r->flags |= TW_RECF_UNACCEPTED;
	r->wait = TW_WAIT_ACCEPT;
	r->waiting_ns = waiting_ns;
	end(r);
}

static __always_inline bool has_unread(struct tcp_sock *tp, __u32 done)
{
	__u32 unread = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);

	/* The peer's FIN counts as one. */
	return unread > done;
}

/* What this socket waits for, and in @mark what tells this wait from a later one. */
static __always_inline __u8 wait_of(struct sock *sk, __u64 *mark)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	int state = sk->__sk_common.skc_state;
	__u32 nxt;

	*mark = 0;
	if (state == TCP_LISTEN) {
		*mark = (__u64)BPF_CORE_READ(tp, inet_conn.icsk_accept_queue.rskq_accept_head);
		return *mark ? TW_WAIT_ACCEPT : TW_WAIT_NOTHING;
	}
	if (1U << state & (1U << TCP_SYN_SENT | 1U << TCP_CLOSE | 1U << TCP_TIME_WAIT))
		return TW_WAIT_NOTHING;
	if (has_unread(tp, has_flag(BPF_CORE_READ(sk, __sk_common.skc_flags), SOCK_DONE))) {
		*mark = BPF_CORE_READ(tp, copied_seq);
		return TW_WAIT_READ;
	}
	nxt = BPF_CORE_READ(tp, snd_nxt);
	*mark = BPF_CORE_READ(tp, snd_una);
	if (nxt != (__u32)*mark) {
		/* Whatever the peer says, it is there. */
		*mark |= (__u64)BPF_CORE_READ(tp, rcv_tstamp) << 32;
		return BPF_CORE_READ(tp, inet_conn.icsk_retransmits) ? TW_WAIT_ACK
								     : TW_WAIT_NOTHING;
	}
	if (BPF_CORE_READ(tp, write_seq) != nxt && !BPF_CORE_READ(tp, snd_wnd))
		return TW_WAIT_WINDOW;
	*mark = 0;
	return state == TCP_CLOSE_WAIT ? TW_WAIT_CLOSE : TW_WAIT_NOTHING;
}

/* Told once, when it has lasted too long. */
static __always_inline void look_at_waiting(struct sock *sk, struct owner *o)
{
	__u64 mark, now = bpf_ktime_get_ns(), since = o->since_ns;
	__u8 wait = wait_of(sk, &mark);

	if (wait == TW_WAIT_NOTHING) {
		o->wait = wait;
		return;
	}
	if (wait != o->wait || mark != o->mark) {
		o->wait = wait;
		o->mark = mark;
		o->since_ns = now;
		return;
	}
	if (since == ~0ULL || now - since < patience_ns)
		return;
	o->since_ns = ~0ULL;
	if (wait == TW_WAIT_ACCEPT)
		tell_unaccepted(sk, now - since);
	else
		tell_waiting(sk, wait, now - since, 0);
}

/*
 * A listener whose accept queue or SYN queue is full drops SYNs in silence; no tracepoint tells, but the socket
 * counts them. What was dropped before it was first looked at is not told.
 */
static __always_inline void look_at_drops(struct sock *sk, struct owner *o, bool fresh)
{
	__u32 drops, since;

	if (sk->__sk_common.skc_state != TCP_LISTEN)
		return;
	drops = BPF_CORE_READ(sk, sk_drops.counter);
	since = drops - o->drops;
	o->drops = drops;
	if (since && !fresh)
		tell_waiting(sk, TW_WAIT_DROPPED, 0, since);
}

SEC("iter/task_file")
int walk_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct owner *o;
	struct sock *sk;
	bool fresh;

	if (!task || !file || task->pid != task->tgid)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_tcp(sk))
		return 0;
	if (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6)
		return 0;
	o = make_owner(sk);
	if (!o)
		return 0;
	fresh = !(o->holder.flags & TW_RECF_OWNER_SURE);
	if (fresh) {
		o->holder.pid = task->tgid;
		o->holder.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
		o->holder.flags |= TW_RECF_OWNER_SURE | in_cgroup(task);
		__builtin_memcpy(o->holder.comm, task->comm, sizeof(o->holder.comm));
		if (sk->__sk_common.skc_state == TCP_LISTEN)
			note_listener(sk, &o->holder);
	}
	look_at_drops(sk, o, fresh);
	look_at_waiting(sk, o);
	return 0;
}
