/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: remarks about counters of /proc/net/snmp and netstat, one row each. A count says nothing alone: what
 * is a handful among millions is life. So each row has a least number of events, and a share of a total from
 * which it is said; and what happens less than once a day is not.
 *
 * Limits: counters are sums since the namespace was made (at boot, for the first one): they tell that it
 * happened, not when. `nstat` shows what is added now.
 */
#include "audit/check.h"

void tw_look_at_counter(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const struct tw_counter_rule *r = &c->check->rule;
	const struct tw_host *h = f->host;
	const uint64_t events = h->counter[r->counter];
	const char *name = tw_counter_table[r->counter].name;
	uint64_t total = h->counter[r->of];

	if (r->and != r->of)
		total += h->counter[r->and ];
	if (!h->counter_known[r->counter] || events < r->least || tw_is_rare(f, events) ||
	    (r->one_in && events < total / r->one_in))
		return;
	c->count = events;
	tw_concern_raise(c, r->severity, "%s has counted %llu%s%s; in the same time %llu %s.", name,
			 (unsigned long long)events, h->uptime_s ? " in at most " : "",
			 h->uptime_s ? TW_DUR(h->uptime_s * TW_NS_PER_S) : "",
			 (unsigned long long)total, r->unit);
	if (r->expect)
		tw_concern_risk(c, r->expect(f), "%s %s %s.", r->means, r->expected,
				TW_DUR(r->expect(f)));
	else
		tw_concern_risk(c, 0, "%s", r->means);
}

#define CONNECTIONS                                                                                \
	.of = TW_COUNTER_ACTIVE_OPENS, .and = TW_COUNTER_PASSIVE_OPENS, .unit = "connections"
#define ACCEPTED                                                                                   \
	.of = TW_COUNTER_PASSIVE_OPENS, .and = TW_COUNTER_PASSIVE_OPENS,                           \
	.unit = "accepted connections"
#define RECEIVED                                                                                   \
	.of = TW_COUNTER_IN_SEGS, .and = TW_COUNTER_IN_SEGS, .unit = "segments were received"
#define SENT .of = TW_COUNTER_OUT_SEGS, .and = TW_COUNTER_OUT_SEGS, .unit = "segments were sent"
#define ROW  .needs = TW_HOST_COUNTERS, .look = tw_look_at_counter

const struct tw_check tw_check_listen_overflows = {
	.slug = "listen-overflows",
	.title = "accept queues that have overflowed",
	.rule = { .counter = TW_COUNTER_LISTEN_OVERFLOWS,
		  ACCEPTED,
		  .least = 10,
		  .one_in = 10000,
		  .severity = TW_SEVERITY_HARM,
		  .means = "A SYN, or the last ACK of a handshake, met a full accept queue and was "
			   "dropped. Clients repeat it after 1 s.",
		  .expect = tw_expect_connect_ns,
		  .expected = "While it lasts, their connect() ends with ETIMEDOUT after" },
	.set = "Accept faster; a larger backlog of listen() together with net.core.somaxconn. `ss "
	       "-lt` "
	       "shows whose Recv-Q is near Send-Q.",
	.costs = "A longer queue makes clients wait longer before they fail.",
	.source = "tcp_conn_request(), tcp_v4_syn_recv_sock(): LINUX_MIB_LISTENOVERFLOWS",
	.phenomenon = "accept-queue-full",
	ROW,
};

const struct tw_check tw_check_syn_queue_drops = {
	.slug = "syn-queue-drops",
	.title = "SYNs that were dropped because too many waited",
	.rule = { .counter = TW_COUNTER_REQ_FULL_DROP,
		  ACCEPTED,
		  .least = 10,
		  .one_in = 10000,
		  .severity = TW_SEVERITY_HARM,
		  .means = "Too many handshakes were half open and cookies are off: SYNs were "
			   "dropped. Clients repeat them after 1 s.",
		  .expect = tw_expect_connect_ns,
		  .expected = "While it lasts, their connect() ends with ETIMEDOUT after" },
	.set = "net.ipv4.tcp_syncookies=1; for true bursts a larger backlog and "
	       "net.ipv4.tcp_max_syn_backlog.",
	.costs = "While cookies are sent, clients without timestamps get no window scaling and no "
		 "SACK.",
	.source = "tcp_syn_flood_action(): LINUX_MIB_TCPREQQFULLDROP; RFC 4987",
	.phenomenon = "syn-queue-full",
	ROW,
};

const struct tw_check tw_check_syn_queue_cookies = {
	.slug = "syn-queue-cookies",
	.title = "SYN cookies that were sent",
	.rule = { .counter = TW_COUNTER_REQ_FULL_COOKIES,
		  ACCEPTED,
		  .least = 10,
		  .one_in = 10000,
		  .severity = TW_SEVERITY_RISK,
		  .means = "The queue of half-open connections was full, and cookies were sent: a "
			   "flood "
			   "of SYNs, or a backlog too small for bursts. The kernel has logged the "
			   "port." },
	.set = "Look in the kernel's log (\"possible SYN flooding on port\"). For true bursts: a "
	       "larger "
	       "backlog of listen(), net.core.somaxconn, net.ipv4.tcp_max_syn_backlog.",
	.costs = "Memory per half-open connection.",
	.source = "tcp_syn_flood_action(): LINUX_MIB_TCPREQQFULLDOCOOKIES; RFC 4987 s3.6",
	.phenomenon = "syn-flood",
	ROW,
};

const struct tw_check tw_check_aborted_for_memory = {
	.slug = "aborted-for-memory",
	.title = "connections that were reset for lack of memory",
	.rule = { .counter = TW_COUNTER_ABORT_ON_MEMORY,
		  CONNECTIONS,
		  .least = 1,
		  .severity = TW_SEVERITY_HARM,
		  .means =
			  "Closed connections were reset although their data was not acknowledged: "
			  "too many orphans, or no memory for TCP. Peers got ECONNRESET and lost "
			  "data." },
	.set = "A larger net.ipv4.tcp_max_orphans or net.ipv4.tcp_mem; a smaller "
	       "tcp_orphan_retries.",
	.costs = "Memory that can not be swapped, up to 64 KiB per orphan.",
	.source = "tcp_out_of_resources(), tcp_close(): LINUX_MIB_TCPABORTONMEMORY",
	.phenomenon = "memory-abort",
	ROW,
};

const struct tw_check tw_check_connections_timed_out = {
	.slug = "connections-timed-out",
	.title = "connections that ended by a timeout",
	.rule = { .counter = TW_COUNTER_ABORT_ON_TIMEOUT,
		  CONNECTIONS,
		  .least = 10,
		  .one_in = 20,
		  .severity = TW_SEVERITY_RISK,
		  .means =
			  "Retransmissions, window probes or keepalive stayed unanswered until the "
			  "kernel gave up (ETIMEDOUT): peers that vanish, or devices that forget.",
		  .expect = tw_expect_data_ns,
		  .expected = "Sent data is given up after" },
	.set = "`tcpwhy live` names peers and processes. Idle connections: keepalive. Others: "
	       "TCP_USER_TIMEOUT, to know sooner.",
	.costs = "Keepalive: an empty packet per interval.",
	.source = "tcp_write_err(): LINUX_MIB_TCPABORTONTIMEOUT; RFC 9293 s3.8.3",
	.phenomenon = "peer-vanished",
	ROW,
};

const struct tw_check tw_check_closed_unread = {
	.slug = "closed-unread",
	.title = "connections that were closed with data unread",
	.rule = { .counter = TW_COUNTER_ABORT_ON_CLOSE,
		  CONNECTIONS,
		  .least = 20,
		  .one_in = 20,
		  .severity = TW_SEVERITY_NOTE,
		  .means = "Applications here closed sockets before they had read all: the kernel "
			   "sends "
			   "a reset instead of a FIN, and the peer may lose the last answer." },
	.set = "In the application: read to the end, or shutdown(SHUT_WR) and read until 0, then "
	       "close().",
	.costs = "A read more per connection, with a timeout.",
	.source = "tcp_close(): LINUX_MIB_TCPABORTONCLOSE; RFC 2525 s2.17",
	.phenomenon = "closed-with-unread-data",
	ROW,
};

const struct tw_check tw_check_data_after_close = {
	.slug = "data-after-close",
	.title = "peers that sent to closed connections, and closes by SO_LINGER 0",
	.rule = { .counter = TW_COUNTER_ABORT_ON_DATA,
		  CONNECTIONS,
		  .least = 20,
		  .one_in = 20,
		  .severity = TW_SEVERITY_NOTE,
		  .means = "Data came for a connection that an application here had closed, or "
			   "SO_LINGER "
			   "with 0 was used (both count here): the peer got a reset." },
	.set = "In the application: close once the peer is done; no SO_LINGER with 0 in ordinary "
	       "closing.",
	.costs = "Without SO_LINGER 0: TIME_WAIT at who closes first, 60 s.",
	.source = "tcp_rcv_state_process(), __tcp_close(): LINUX_MIB_TCPABORTONDATA",
	.phenomenon = "data-after-close",
	ROW,
};

const struct tw_check tw_check_many_resets = {
	.slug = "many-resets",
	.title = "connections that ended by a reset",
	.rule = { .counter = TW_COUNTER_ESTAB_RESETS,
		  CONNECTIONS,
		  .least = 100,
		  .one_in = 2,
		  .severity = TW_SEVERITY_NOTE,
		  .means = "More than half of the connections ended by a reset. Up to a quarter is "
			   "usual "
			   "(health checks, browsers, TLS)." },
	.set = "`tcpwhy live --all` says which are harmless.",
	.costs = "Nothing.",
	.source = "tcp_set_state(): TCP_MIB_ESTABRESETS; RFC 4022",
	.phenomenon = "aborted",
	ROW,
};

const struct tw_check tw_check_retransmissions = {
	.slug = "retransmissions",
	.title = "segments that were sent again",
	.rule = { .counter = TW_COUNTER_RETRANS_SEGS,
		  SENT,
		  .least = 100,
		  .one_in = 20,
		  .severity = TW_SEVERITY_RISK,
		  .means = "More than five percent were sent again: paths that lose packets, or "
			   "peers that do not answer.",
		  .expect = tw_expect_rto_ns,
		  .expected = "Each costs its reader a round trip, or a timeout of" },
	.set = "`ss -ti` shows connections with retrans; `ip -s link` drops of interfaces.",
	.costs = "Nothing.",
	.source = "__tcp_retransmit_skb(): TCP_MIB_RETRANSSEGS; RFC 4022",
	.phenomenon = "loss-recovered",
	ROW,
};

const struct tw_check tw_check_retransmission_timeouts = {
	.slug = "retransmission-timeouts",
	.title = "retransmission timeouts",
	.rule = { .counter = TW_COUNTER_TIMEOUTS,
		  SENT,
		  .least = 100,
		  .one_in = 100,
		  .severity = TW_SEVERITY_RISK,
		  .means = "Losses were not repaired by acknowledgements but by the timer: peers "
			   "that "
			   "do not answer, or single packets (requests, SYNs) that are lost.",
		  .expect = tw_expect_rto_ns,
		  .expected = "Each costs at least" },
	.set = "`ss -ti` shows connections with backoff; `tcpwhy live` says whose.",
	.costs = "Nothing.",
	.source = "tcp_retransmit_timer(): LINUX_MIB_TCPTIMEOUTS; RFC 6298 s5",
	.phenomenon = "loss-recovered",
	ROW,
};

const struct tw_check tw_check_windows_closed = {
	.slug = "windows-closed",
	.title = "receive windows that this host has closed",
	.rule = { .counter = TW_COUNTER_ZERO_WINDOW_ADV,
		  RECEIVED,
		  .least = 100,
		  .one_in = 10000,
		  .severity = TW_SEVERITY_NOTE,
		  .means = "Applications here read more slowly than their peers send, and the "
			   "window "
			   "was closed: the peers had to wait." },
	.set = "If throughput matters: faster reading, or a larger net.ipv4.tcp_rmem (third "
	       "number).",
	.costs = "Memory per connection.",
	.source = "tcp_select_window(): LINUX_MIB_TCPTOZEROWINDOWADV; RFC 9293 s3.8.6",
	.phenomenon = "zero-window-stall",
	ROW,
};

const struct tw_check tw_check_syn_challenges = {
	.slug = "syn-challenges",
	.title = "SYNs for connections that are established here",
	.rule = { .counter = TW_COUNTER_SYN_CHALLENGE,
		  ACCEPTED,
		  .least = 100,
		  .one_in = 1000,
		  .severity = TW_SEVERITY_NOTE,
		  .means = "A peer began anew with the ports of a connection that lives here: it "
			   "was "
			   "rebooted, a NAT gave its port to somebody else, or keepalive is "
			   "missing here." },
	.set = "Keepalive at servers, so that they notice dead peers before their ports come back.",
	.costs = "One empty packet and its answer per idle connection and interval.",
	.source = "tcp_validate_incoming(): LINUX_MIB_TCPSYNCHALLENGE; RFC 5961 s4",
	.phenomenon = "peer-rebooted",
	ROW,
};

const struct tw_check tw_check_embryonic_resets = {
	.slug = "embryonic-resets",
	.title = "half-open connections that the client has reset",
	.rule = { .counter = TW_COUNTER_EMBRYONIC_RSTS,
		  ACCEPTED,
		  .least = 100,
		  .one_in = 10,
		  .severity = TW_SEVERITY_NOTE,
		  .means = "Clients answered the SYN|ACK with a reset: port scans, health checks "
			   "that "
			   "stop half-way, or answers that take another path." },
	.set = "If a load balancer checks so: nothing. Else see who sends them.",
	.costs = "Nothing.",
	.source = "tcp_check_req(): LINUX_MIB_EMBRYONICRSTS",
	.phenomenon = "port-scan",
	ROW,
};

const struct tw_check tw_check_backlog_drops = {
	.slug = "backlog-drops",
	.title = "segments dropped because the application held the socket",
	.rule = { .counter = TW_COUNTER_BACKLOG_DROP,
		  RECEIVED,
		  .least = 100,
		  .one_in = 100000,
		  .severity = TW_SEVERITY_RISK,
		  .means = "Segments came faster than a socket's backlog takes while its owner was "
			   "in a "
			   "system call, and were dropped: loss made by this host." },
	.set = "Larger receive buffers (net.ipv4.tcp_rmem, third number), smaller reads, more CPU "
	       "for "
	       "the process.",
	.costs = "Memory per connection.",
	.source = "tcp_add_backlog(): LINUX_MIB_TCPBACKLOGDROP",
	.phenomenon = "loss-recovered",
	ROW,
};

const struct tw_check tw_check_receive_queue_drops = {
	.slug = "receive-queue-drops",
	.title = "segments dropped because a receive queue had no room",
	.rule = { .counter = TW_COUNTER_RCVQ_DROP,
		  RECEIVED,
		  .least = 100,
		  .one_in = 100000,
		  .severity = TW_SEVERITY_RISK,
		  .means = "Data in order was dropped for lack of buffer memory; the peer sends it "
			   "again." },
	.set = "Larger net.ipv4.tcp_rmem or net.ipv4.tcp_mem; applications that read in time.",
	.costs = "Memory.",
	.source = "tcp_data_queue(): LINUX_MIB_TCPRCVQDROP",
	.phenomenon = "loss-recovered",
	ROW,
};

const struct tw_check tw_check_receive_pruned = {
	.slug = "receive-pruned",
	.title = "receive buffers that had to throw data away",
	.rule = { .counter = TW_COUNTER_RCV_PRUNED,
		  RECEIVED,
		  .least = 10,
		  .one_in = 100000,
		  .severity = TW_SEVERITY_RISK,
		  .means = "A receive buffer was over its limit even after squeezing, and what "
			   "came was "
			   "dropped: applications that read too slowly, or small segments with "
			   "large "
			   "overhead." },
	.set = "Larger net.ipv4.tcp_rmem (third number), no small fixed SO_RCVBUF, faster reading.",
	.costs = "Memory per connection.",
	.source = "tcp_prune_queue(): LINUX_MIB_RCVPRUNED",
	.phenomenon = "zero-window-stall",
	ROW,
};

const struct tw_check tw_check_memory_pressures = {
	.slug = "memory-pressures",
	.title = "times that TCP's memory was tight",
	.rule = { .counter = TW_COUNTER_MEMORY_PRESSURES,
		  CONNECTIONS,
		  .least = 1,
		  .severity = TW_SEVERITY_RISK,
		  .means = "All TCP buffers together passed the second number of tcp_mem: windows "
			   "were "
			   "made smaller for everybody." },
	.set = "Find who fills the buffers (`ss -tm`); else a larger net.ipv4.tcp_mem (in pages).",
	.costs = "Memory that can not be swapped.",
	.source = "tcp_enter_memory_pressure(): LINUX_MIB_TCPMEMORYPRESSURES",
	.phenomenon = "memory-abort",
	ROW,
};

const struct tw_check tw_check_paws_drops = {
	.slug = "paws-drops",
	.title = "segments dropped for an old timestamp",
	.rule = { .counter = TW_COUNTER_PAWS_ESTAB,
		  RECEIVED,
		  .least = 100,
		  .one_in = 1000,
		  .severity = TW_SEVERITY_RISK,
		  .means = "Segments had timestamps older than what had come before: strong "
			   "reordering, "
			   "or several hosts behind one address whose timestamps are not kept "
			   "apart." },
	.set = "See which peers (`tcpwhy live`); a device that mixes clients should rewrite or "
	       "strip "
	       "timestamps.",
	.costs = "Nothing.",
	.source = "tcp_validate_incoming(): LINUX_MIB_PAWSESTABREJECTED; RFC 7323 s5",
	.phenomenon = "invalid-segment",
	ROW,
};

const struct tw_check tw_check_time_wait_overflow = {
	.slug = "time-wait-overflow",
	.title = "TIME_WAIT that there was no room for",
	.rule = { .counter = TW_COUNTER_TW_OVERFLOW,
		  CONNECTIONS,
		  .least = 10,
		  .one_in = 1000,
		  .severity = TW_SEVERITY_RISK,
		  .means = "tcp_max_tw_buckets was reached: connections ended without TIME_WAIT. A "
			   "lost "
			   "last ACK then draws a reset, and old segments may meet a new "
			   "connection." },
	.set = "A larger net.ipv4.tcp_max_tw_buckets, or fewer connections closed on this side.",
	.costs = "About 250 bytes per socket in TIME_WAIT.",
	.source = "tcp_time_wait(): LINUX_MIB_TCPTIMEWAITOVERFLOW; RFC 9293 s3.6",
	.phenomenon = "last-ack-lost",
	ROW,
};

const struct tw_check tw_check_fastopen_overflow = {
	.slug = "fastopen-overflow",
	.title = "fast-open queues that have overflowed",
	.rule = { .counter = TW_COUNTER_FASTOPEN_OVERFLOW,
		  ACCEPTED,
		  .least = 10,
		  .one_in = 10000,
		  .severity = TW_SEVERITY_NOTE,
		  .means = "More fast-open requests were pending than TCP_FASTOPEN allows: their "
			   "clients "
			   "took the ordinary handshake, a round trip longer." },
	.set = "A larger number in setsockopt(TCP_FASTOPEN).",
	.costs = "More requests that nobody has proved to have sent.",
	.source = "tcp_fastopen_queue_check(): LINUX_MIB_TCPFASTOPENLISTENOVERFLOW; RFC 7413",
	ROW,
};

const struct tw_check tw_check_checksum_errors = {
	.slug = "checksum-errors",
	.title = "segments with a wrong checksum",
	.rule = { .counter = TW_COUNTER_IN_CSUM_ERRORS,
		  RECEIVED,
		  .least = 10,
		  .one_in = 1000000,
		  .severity = TW_SEVERITY_RISK,
		  .means =
			  "Segments were damaged on the way and dropped: a device, cable or "
			  "offload is "
			  "broken. One in 65 536 damaged segments passes the checksum unnoticed." },
	.set = "`ethtool -S` of the interfaces and of the switch ports; turn off receive checksum "
	       "offload to see whether it is at fault.",
	.costs = "Nothing.",
	.source = "tcp_v4_rcv(): TCP_MIB_CSUMERRORS; RFC 9293 s3.1",
	.phenomenon = "invalid-segment",
	ROW,
};

const struct tw_check tw_check_rp_filter_drops = {
	.slug = "rp-filter-drops",
	.title = "packets dropped by the reverse path filter",
	.rule = { .counter = TW_COUNTER_RP_FILTER,
		  RECEIVED,
		  .least = 100,
		  .one_in = 1000,
		  .severity = TW_SEVERITY_RISK,
		  .means = "Packets came in by an interface that answers to their source would not "
			   "leave by: asymmetric routes, or false sources.",
		  .expect = tw_expect_connect_ns,
		  .expected = "If SYN|ACKs are among them, connect() ends with ETIMEDOUT after" },
	.set = "If routes are asymmetric: net.ipv4.conf.IFACE.rp_filter=2 on those interfaces "
	       "(log_martians shows the packets).",
	.costs = "Loose mode lets through false sources that some route leads to.",
	.source = "ip_rcv_finish_core(): LINUX_MIB_IPRPFILTER; RFC 3704",
	.phenomenon = "syn-unanswered",
	ROW,
};
