/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each check of audit on made-up hosts: a healthy one, on which none may say anything, and for each check
 * what makes it speak and what lies just beside that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "phenomena/phenomenon.h"
#include "report/audit.h"

#define LONG_MS 100000 /* longer than that */
#define HOUR_S  3600
#define OTHER                                                                                      \
	{                                                                                          \
		10, 0, 0, 9                                                                        \
	}
#define OWN                                                                                        \
	{                                                                                          \
		10, 0, 0, 1                                                                        \
	}
#define LOOPBACK                                                                                   \
	{                                                                                          \
		127, 0, 0, 1                                                                       \
	}
#define EVERYBODY                                                                                  \
	{                                                                                          \
		0, 0, 0, 0                                                                         \
	}

static struct tw_host *host;
static int64_t idle_ns; /* as the command line says */

static struct tw_addr v4(const uint8_t bytes[4])
{
	struct tw_addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, bytes, 4);
	return a;
}

static void knob(enum tw_knob_id id, int64_t value)
{
	host->knob[id] = value;
	host->knob_known[id] = true;
}

/* A host with the kernel's defaults, on which nothing has happened. */
static int new_host(void **state)
{
	unsigned i;

	idle_ns = 60 * TW_NS_PER_S;
	host = calloc(1, sizeof(*host));
	tw_host_init(host);
	host->parts = TW_HOST_SETTINGS | TW_HOST_SOCKETS | TW_HOST_COUNTERS | TW_HOST_LINKS |
		      TW_HOST_SOCKSTAT;
	for (i = 0; i < TW_COUNTER__N; i++)
		host->counter_known[i] = true;
	host->uptime_s = HOUR_S;
	host->counter[TW_COUNTER_ACTIVE_OPENS] = host->counter[TW_COUNTER_PASSIVE_OPENS] = 100000;
	host->counter[TW_COUNTER_IN_SEGS] = host->counter[TW_COUNTER_OUT_SEGS] = 10000000;
	knob(TW_KNOB_SYNCOOKIES, 1);
	knob(TW_KNOB_MAX_SYN_BACKLOG, 2048);
	knob(TW_KNOB_RFC1337, 0);
	knob(TW_KNOB_TIMESTAMPS, 1);
	knob(TW_KNOB_WINDOW_SCALING, 1);
	knob(TW_KNOB_MTU_PROBING, 0);
	knob(TW_KNOB_MAX_ORPHANS, 100000);
	knob(TW_KNOB_MEM_PRESSURE, 100000);
	knob(TW_KNOB_MEM_MOST, 200000);
	knob(TW_KNOB_IP_FORWARD, 1);
	knob(TW_KNOB_CT_MAX, 1000);
	knob(TW_KNOB_CT_COUNT, 10);
	knob(TW_KNOB_CT_LIBERAL, 0);
	knob(TW_KNOB_CT_ESTABLISHED_S, 432000);
	knob(TW_KNOB_CT_LOOSE, 1);
	host->ct_stat_known = true;
	host->address[host->addresses++] = v4((uint8_t[])OWN);
	return 0;
}

static int free_host(void **state)
{
	tw_host_free(host);
	free(host);
	return 0;
}

/* One more socket: held by a process, silent for long, no timer. */
static struct tw_living *add(unsigned state, const uint8_t remote[4])
{
	struct tw_living_list *l = &host->sockets;
	struct tw_living *s;

	l->socket = realloc(l->socket, (l->count + 1) * sizeof(*l->socket));
	assert_non_null(l->socket);
	s = &l->socket[l->count++];
	*s = (struct tw_living){ .state = (uint8_t)state,
				 .local = v4((uint8_t[])OWN),
				 .remote = v4(remote),
				 .local_port = (uint16_t)(33000 + l->count % 28000),
				 .remote_port = 5432,
				 .inode = l->count,
				 .pid = 812,
				 .comm = "java",
				 .have_info = true,
				 .data_sent_ms = LONG_MS,
				 .data_recv_ms = LONG_MS,
				 .ack_recv_ms = LONG_MS };
	return s;
}

static struct tw_living *listen_on(const uint8_t local[4], unsigned backlog, unsigned waiting)
{
	struct tw_living *s = add(TW_SOCKET_LISTEN, (uint8_t[])EVERYBODY);

	s->local = v4(local);
	s->local_port = 80;
	s->remote_port = 0;
	s->send_queue = backlog;
	s->receive_queue = waiting;
	return s;
}

/* The options of the socket that was added last. */
static struct tw_sockopts *options(void)
{
	free(host->options);
	host->options = calloc(host->sockets.count, sizeof(*host->options));
	assert_non_null(host->options);
	host->options[host->sockets.count - 1].known = true;
	return &host->options[host->sockets.count - 1].set;
}

static struct tw_audit result;

/* What a check says of the host as it is, and that nobody else says anything (or who does). */
static enum tw_severity said(const char *slug, unsigned others)
{
	enum tw_severity severity = TW_SEVERITY_NONE;
	unsigned i;

	tw_audit_free(&result);
	assert_int_equal(tw_audit_run(&result, host, NULL, idle_ns), 0);
	for (i = 0; i < result.count; i++) {
		const struct tw_concern *c = &result.concern[i];

		assert_true(i == 0 || result.concern[i - 1].severity >= c->severity);
		assert_non_null(c->found);
		assert_non_null(c->risk);
		assert_true(strlen(c->found) > 10 && strlen(c->risk) > 10 && strlen(c->set) > 5);
		if (strcmp(c->check->slug, slug) == 0)
			severity = c->severity;
		else if (!others)
			fail_msg("%s speaks, too: %s", c->check->slug, c->found);
	}
	assert_true(!others || result.count <= others + (severity != TW_SEVERITY_NONE));
	return severity;
}

static const struct tw_concern *concern(const char *slug)
{
	unsigned i;

	for (i = 0; i < result.count; i++)
		if (strcmp(result.concern[i].check->slug, slug) == 0)
			return &result.concern[i];
	fail_msg("%s says nothing", slug);
	return NULL;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

#define NONE(slug) assert_int_equal(said(slug, 0), TW_SEVERITY_NONE)
#define NOTE(slug) assert_int_equal(said(slug, 0), TW_SEVERITY_NOTE)
#define RISK(slug) assert_int_equal(said(slug, 0), TW_SEVERITY_RISK)
#define HARM(slug) assert_int_equal(said(slug, 0), TW_SEVERITY_HARM)

static void a_healthy_host_has_no_remark(void **state)
{
	unsigned i;

	for (i = 0; i < TW_COUNTER__N; i++)
		if (!host->counter[i] && i != TW_COUNTER_ABORT_ON_MEMORY &&
		    i != TW_COUNTER_MEMORY_PRESSURES)
			host->counter[i] = 9; /* a handful */
	listen_on((uint8_t[])EVERYBODY, 128, 3);
	add(TW_SOCKET_ESTABLISHED, (uint8_t[])LOOPBACK);
	add(TW_SOCKET_ESTABLISHED, (uint8_t[])OWN);
	add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER)->data_recv_ms = 10;
	add(TW_SOCKET_TIME_WAIT, (uint8_t[])OTHER)->inode = 0;
	add(TW_SOCKET_FIN_WAIT2, (uint8_t[])OTHER)->inode = 0;
	NONE("");
	assert_int_equal(result.looked, tw_check_count);
}

static void every_check_is_complete(void **state)
{
	unsigned i, j;

	for (i = 0; i < tw_check_count; i++) {
		const struct tw_check *c = tw_checks[i];

		assert_true(*c->slug && *c->title && *c->set && *c->costs && *c->source &&
			    c->needs);
		assert_int_equal(strspn(c->slug, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(c->slug));
		for (j = 0; j < i; j++)
			assert_string_not_equal(c->slug, tw_checks[j]->slug);
		if (c->phenomenon && !tw_phenomenon_find(c->phenomenon))
			fail_msg("%s leads to %s, which is not in the catalogue", c->slug,
				 c->phenomenon);
	}
}

/* Nothing is concluded from what was not read. */
static void what_is_not_known_is_not_judged(void **state)
{
	unsigned i;

	tw_host_init(host);
	NONE("");
	assert_int_equal(result.looked, 0);
	host->parts = TW_HOST_SETTINGS | TW_HOST_SOCKETS | TW_HOST_COUNTERS | TW_HOST_LINKS |
		      TW_HOST_SOCKSTAT;
	NONE("");
	for (i = 0; i < TW_COUNTER__N; i++)
		host->counter[i] = 1000000;
	NONE("");
}

static void idle_connections_without_keepalive(void **state)
{
	add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER);
	add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER)->data_sent_ms = LONG_MS / 2 + 15000;
	RISK("idle-without-keepalive");
	assert_int_equal(concern("idle-without-keepalive")->count, 2);
	assert_int_equal(concern("idle-without-keepalive")->items, 1);
	has(concern("idle-without-keepalive")->found, "2 connections of java (pid 812)");
	has(concern("idle-without-keepalive")->found, "up to 100 s,");
	/* Not at once, not with something in flight (not known), not what nobody holds. */
	host->sockets.socket[0].data_sent_ms = 59000;
	host->sockets.socket[1].timer = TW_SOCKET_TIMER_RETRANSMIT;
	NONE("idle-without-keepalive");
	/* Its options tell it even then. */
	options()->user_timeout_ms = 1;
	RISK("idle-without-keepalive");
	options()->keepalive = true;
	host->options[1].set.keep_idle_s = 60;
	host->options[1].set.user_timeout_ms = 1;
	NONE("idle-without-keepalive");
	host->sockets.socket[1].inode = 0;
	host->options[1].known = false;
	host->sockets.socket[1].timer = TW_SOCKET_TIMER_NONE;
	NONE("idle-without-keepalive");
}

static void keepalive_that_is_too_slow(void **state)
{
	struct tw_living *s = add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER);

	/* Without options: what the timer proves. 100 s of silence, and 7100 s more until it fires. */
	s->timer = TW_SOCKET_TIMER_KEEPALIVE;
	s->timer_ms = 7100000;
	RISK("keepalive-too-slow");
	assert_int_equal(concern("keepalive-too-slow")->predicted_ns, 7200 * TW_NS_PER_S);
	s->timer_ms = 139000;
	NONE("keepalive-too-slow");
	/* 240 s is the shortest of the table: one vendor alone is a note. */
	s->timer_ms = 141000;
	NOTE("keepalive-too-slow");
	options()->keepalive = true;
	host->options[0].set.user_timeout_ms = 60000;
	host->options[0].set.keep_idle_s = 351;
	RISK("keepalive-too-slow");
	host->options[0].set.keep_idle_s = 239;
	NONE("keepalive-too-slow");
}

static void keepalive_and_data_in_flight(void **state)
{
	add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER)->data_sent_ms = 0;
	*options() = (struct tw_sockopts){
		.keepalive = true, .keep_idle_s = 60, .keep_intvl_s = 10, .keep_count = 3
	};
	RISK("keepalive-not-in-flight");
	has(concern("keepalive-not-in-flight")->set, "90000 ms");
	host->options[0].set.user_timeout_ms = 90000;
	NONE("keepalive-not-in-flight");
	/* Its patience is not so much shorter than that of the kernel. */
	host->options[0].set.user_timeout_ms = 0;
	host->options[0].set.keep_idle_s = 600;
	NOTE("gives-up-late");
	assert_in_range(concern("gives-up-late")->predicted_ns, 900 * TW_NS_PER_S,
			1000 * TW_NS_PER_S);
	host->options[0].set.rcvtimeo_ns = TW_NS_PER_S;
	NONE("gives-up-late");
	host->options[0].set.rcvtimeo_ns = 0;
	host->timers.value[TW_SET_RETRIES2] = 7;
	NOTE("gives-up-early");
}

static void data_that_is_not_acknowledged(void **state)
{
	struct tw_living *s = add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER);

	s->timer = TW_SOCKET_TIMER_RETRANSMIT;
	s->retransmits = 2;
	NONE("retransmitting-now");
	s->retransmits = 3;
	HARM("retransmitting-now");
	assert_in_range(concern("retransmitting-now")->predicted_ns, 900 * TW_NS_PER_S,
			1000 * TW_NS_PER_S);
	s->state = TW_SOCKET_SYN_SENT;
	NONE("retransmitting-now");
}

static void closed_windows(void **state)
{
	struct tw_living *s = add(TW_SOCKET_ESTABLISHED, (uint8_t[])LOOPBACK);

	s->timer = TW_SOCKET_TIMER_PERSIST;
	HARM("peer-not-reading");
	s->data_sent_ms = 59000;
	NONE("peer-not-reading");
	s->timer = TW_SOCKET_TIMER_NONE;
	s->receive_queue = 5;
	RISK("data-not-read");
	s->data_recv_ms = 59000;
	NONE("data-not-read");
}

static void sockets_that_are_not_closed(void **state)
{
	unsigned i;

	add(TW_SOCKET_CLOSE_WAIT, (uint8_t[])OTHER);
	RISK("close-wait-held");
	for (i = 0; i < 9; i++)
		add(TW_SOCKET_CLOSE_WAIT, (uint8_t[])LOOPBACK)->pid = 900;
	HARM("close-wait-held");
	assert_int_equal(concern("close-wait-held")->items, 2);
	has(concern("close-wait-held")->found, "java (pid 900) and java (pid 812)");
	assert_int_equal(concern("close-wait-held")->predicted_ns, -1);
	for (i = 0; i < 10; i++)
		host->sockets.socket[i].ack_recv_ms = 59000;
	NONE("close-wait-held");
	for (i = 0; i < 10; i++)
		host->sockets.socket[i].state = TW_SOCKET_FIN_WAIT2;
	NONE("fin-wait2-held");
	host->sockets.socket[4].ack_recv_ms = LONG_MS;
	RISK("fin-wait2-held");
	host->sockets.socket[4].inode = 0;
	NONE("fin-wait2-held");
}

static void listeners(void **state)
{
	struct tw_living *s = listen_on((uint8_t[])LOOPBACK, 128, 95);

	NONE("accept-queue-full-now");
	s->receive_queue = 96;
	RISK("accept-queue-full-now");
	s->receive_queue = 129;
	HARM("accept-queue-full-now");
	has(concern("accept-queue-full-now")->found, "java on :80 (pid 812) is full: 129 wait");
	/* A queue of one that holds one is not full: it takes one more than the backlog. */
	s->send_queue = s->receive_queue = 1;
	NONE("accept-queue-full-now");
	s->receive_queue = 2;
	HARM("accept-queue-full-now");
	s->receive_queue = 0;
	s->send_queue = 4096;
	NOTE("backlog-cut");
	host->counter[TW_COUNTER_LISTEN_OVERFLOWS] = 10;
	host->counter[TW_COUNTER_PASSIVE_OPENS] = 1000000;
	RISK("backlog-cut");
	host->timers.source[TW_SET_SOMAXCONN] = TW_FROM_UNREADABLE;
	NONE("backlog-cut");
	host->counter[TW_COUNTER_LISTEN_DROPS] = 109;
	NONE("listen-drops");
	host->counter[TW_COUNTER_LISTEN_DROPS] = 110;
	RISK("listen-drops");
	/* Those of the other queue. */
	host->counter[TW_COUNTER_REQ_FULL_DROP] = 9;
	NONE("listen-drops");
}

static void half_open_handshakes(void **state)
{
	unsigned i;

	listen_on((uint8_t[])LOOPBACK, 5, 0)->local_port = 443;
	listen_on((uint8_t[])LOOPBACK, 5, 0)->local_port = 443;
	listen_on((uint8_t[])LOOPBACK, 5, 0);
	for (i = 0; i < 9; i++) {
		struct tw_living *s = add(TW_SOCKET_SYN_RECV, (uint8_t[])OTHER);

		s->local_port = 443;
		s->inode = 0;
	}
	add(TW_SOCKET_SYN_RECV, (uint8_t[])OTHER)->local_port = 80;
	NONE("syn-queue-full-now");
	add(TW_SOCKET_SYN_RECV, (uint8_t[])OTHER)->local_port = 443;
	RISK("syn-queue-full-now");
	has(concern("syn-queue-full-now")->found, "10 handshakes are half open at java on :443");
	has(concern("syn-queue-full-now")->found, "the backlog is 10.");
	knob(TW_KNOB_SYNCOOKIES, 0);
	HARM("syn-queue-full-now");
}

static void ports(void **state)
{
	struct tw_living *s;
	unsigned i;

	host->timers.value[TW_SET_PORT_LOW] = 33000;
	host->timers.value[TW_SET_PORT_HIGH] = 33099;
	for (i = 0; i < 49; i++)
		add(TW_SOCKET_TIME_WAIT, (uint8_t[])OTHER)->inode = 0;
	/* The same ports to another one, and in another direction. */
	for (i = 0; i < 49; i++)
		add(TW_SOCKET_TIME_WAIT, (uint8_t[])OTHER)->remote_port = 80;
	NONE("ports-tight");
	add(TW_SOCKET_TIME_WAIT, (uint8_t[])OTHER)->inode = 0;
	RISK("ports-tight");
	has(concern("ports-tight")->found,
	    "50 of 100 local ports are in use to 10.0.0.9:5432, 50 of");
	has(concern("ports-tight")->risk,
	    "100 connections to it can go on in that time, 1 a second");
	host->timers.value[TW_SET_TW_REUSE] = 1;
	NONE("ports-tight");
	for (i = 0; i < host->sockets.count; i++)
		host->sockets.socket[i].remote_port = 5432;
	host->timers.value[TW_SET_TW_REUSE] = 2;
	HARM("ports-tight");
	for (i = 0; i < host->sockets.count; i++)
		host->sockets.socket[i].remote = v4((uint8_t[])LOOPBACK);
	NONE("ports-tight");
	host->timers.value[TW_SET_TW_REUSE] = 0;
	HARM("ports-tight");
	host->timers.value[TW_SET_TW_REUSE] = 2;
	for (i = 0; i < host->sockets.count; i++)
		host->sockets.socket[i].remote = v4((uint8_t[])OTHER);
	HARM("ports-tight");
	/* Who listens on a port of the range has not got it from connect(). */
	s = listen_on((uint8_t[])EVERYBODY, 5, 0);
	s->local_port = 33001;
	for (i = 0; i < 99; i++)
		host->sockets.socket[i].local_port = 33001;
	NONE("ports-tight");
}

static void tables_and_memory(void **state)
{
	unsigned i;

	knob(TW_KNOB_MAX_TW_BUCKETS, 100);
	for (i = 0; i < 79; i++)
		add(TW_SOCKET_TIME_WAIT, (uint8_t[])OTHER)->timer = TW_SOCKET_TIMER_TIME_WAIT;
	NONE("time-wait-many");
	add(TW_SOCKET_FIN_WAIT2, (uint8_t[])OTHER)->timer = TW_SOCKET_TIMER_TIME_WAIT;
	host->sockets.socket[i].inode = 0;
	RISK("time-wait-many");
	knob(TW_KNOB_MAX_TW_BUCKETS, 180000);
	host->orphans = 49999;
	NONE("orphans-many");
	host->orphans = 50000;
	RISK("orphans-many");
	host->orphans = 90000;
	HARM("orphans-many");
	host->orphans = 0;
	host->memory_pages = 89999;
	NONE("memory-tight");
	host->memory_pages = 90000;
	RISK("memory-tight");
	host->memory_pages = 100000;
	HARM("memory-tight");
}

static void connection_tables(void **state)
{
	knob(TW_KNOB_CT_COUNT, 799);
	NONE("conntrack-full");
	knob(TW_KNOB_CT_COUNT, 800);
	RISK("conntrack-full");
	knob(TW_KNOB_CT_COUNT, 950);
	HARM("conntrack-full");
	knob(TW_KNOB_CT_COUNT, 1);
	host->ct_drop = 5;
	host->ct_early_drop = 4;
	NONE("conntrack-full");
	host->ct_early_drop = 5;
	HARM("conntrack-full");
	host->uptime_s = 86400 * 11;
	NONE("conntrack-full");
	host->uptime_s = 3600;
	host->ct_drop = 0;
	knob(TW_KNOB_CT_ESTABLISHED_S, 7439);
	RISK("conntrack-forgets");
	knob(TW_KNOB_IP_FORWARD, 0);
	NOTE("conntrack-forgets");
	knob(TW_KNOB_CT_LOOSE, 0);
	RISK("conntrack-forgets");
	knob(TW_KNOB_CT_ESTABLISHED_S, 7440);
	NONE("conntrack-forgets");
	host->ct_invalid = 100;
	NONE("conntrack-strict");
	knob(TW_KNOB_IP_FORWARD, 1);
	RISK("conntrack-strict");
	knob(TW_KNOB_CT_LIBERAL, 1);
	NONE("conntrack-strict");
}

static void settings_of_listeners(void **state)
{
	struct tw_living *s = listen_on((uint8_t[])LOOPBACK, 5, 0);

	host->timers.value[TW_SET_ABORT_ON_OVERFLOW] = 1;
	NONE("abort-on-overflow");
	s->local = v4((uint8_t[])EVERYBODY);
	RISK("abort-on-overflow");
	host->timers.value[TW_SET_ABORT_ON_OVERFLOW] = 0;
	knob(TW_KNOB_SYNCOOKIES, 0);
	RISK("syncookies-off");
	assert_in_range(concern("syncookies-off")->predicted_ns, 63 * TW_NS_PER_S,
			70 * TW_NS_PER_S);
	knob(TW_KNOB_SYNCOOKIES, 2);
	RISK("syncookies-always");
	s->local = v4((uint8_t[])LOOPBACK);
	NONE("syncookies-always");
	/* Where sockets are not known, there may be one. */
	host->parts = TW_HOST_SETTINGS;
	RISK("syncookies-always");
	host->knob_known[TW_KNOB_SYNCOOKIES] = false;
	NONE("syncookies-off");
}

static void other_settings(void **state)
{
	int64_t *set = host->timers.value;

	set[TW_SET_RETRIES2] = 8;
	NONE("gives-up-early");
	set[TW_SET_RETRIES2] = 7;
	NOTE("gives-up-early");
	set[TW_SET_RETRIES2] = 15;
	set[TW_SET_SACK] = 0;
	RISK("sack-off");
	set[TW_SET_SACK] = 1;
	knob(TW_KNOB_WINDOW_SCALING, 0);
	RISK("window-scaling-off");
	has(concern("window-scaling-off")->risk, "26 Mbit/s");
	knob(TW_KNOB_WINDOW_SCALING, 1);
	knob(TW_KNOB_TW_RECYCLE, 1);
	HARM("tw-recycle");
	knob(TW_KNOB_TW_RECYCLE, 0);
	set[TW_SET_TW_REUSE] = 1;
	NONE("tw-reuse-useless");
	knob(TW_KNOB_TIMESTAMPS, 0);
	knob(TW_KNOB_RFC1337, 1);
	NOTE("tw-reuse-useless");
	set[TW_SET_TW_REUSE] = 2;
	NONE("time-wait-unprotected");
	knob(TW_KNOB_RFC1337, 0);
	NOTE("time-wait-unprotected");
}

static void interfaces(void **state)
{
	struct tw_link *l = host->link;

	host->links = 2;
	l[0] = (struct tw_link){ .name = "eth0", .mtu = 9000, .up = true, .rp_filter = 1 };
	l[1] = (struct tw_link){ .name = "eth1", .mtu = 1500, .up = true, .rp_filter = 2 };
	NONE("jumbo-without-probing");
	l[0].default_routes = 1;
	RISK("jumbo-without-probing");
	knob(TW_KNOB_MTU_PROBING, 1);
	NONE("jumbo-without-probing");
	l[1].default_routes = 1;
	RISK("rp-filter-strict");
	has(concern("rp-filter-strict")->found, "strict (1) on eth0.");
	l[0].rp_filter = 2;
	NONE("rp-filter-strict");
	l[0].rp_filter = 1;
	l[1].up = false;
	NONE("rp-filter-strict");
}

/* Every row of counters.c: silent just below its bounds, and speaking at them. */
static void counters(void **state)
{
	unsigned i, rows = 0;

	for (i = 0; i < tw_check_count; i++) {
		const struct tw_counter_rule *r = &tw_checks[i]->rule;
		uint64_t total, events;

		if (tw_checks[i]->look != tw_look_at_counter)
			continue;
		rows++;
		total = host->counter[r->of] + (r->and == r->of ? 0 : host->counter[r->and ]);
		events = r->one_in && total / r->one_in > r->least ? total / r->one_in : r->least;
		host->counter[r->counter] = events - 1;
		NONE(tw_checks[i]->slug);
		host->counter[r->counter] = events;
		assert_int_equal(said(tw_checks[i]->slug, 0), r->severity);
		assert_int_equal(concern(tw_checks[i]->slug)->count, events);
		/* Less than once a day: life. */
		host->uptime_s = (int64_t)(events + 1) * 86400;
		NONE(tw_checks[i]->slug);
		host->uptime_s = HOUR_S;
		host->counter_known[r->counter] = false;
		NONE(tw_checks[i]->slug);
		host->counter[r->counter] = 0;
	}
	assert_int_equal(rows, 22);
}

static void failed_connects(void **state)
{
	host->counter[TW_COUNTER_ATTEMPT_FAILS] = 10100;
	host->counter[TW_COUNTER_EMBRYONIC_RSTS] = 101;
	NONE("connect-failures");
	host->counter[TW_COUNTER_EMBRYONIC_RSTS] = 100;
	RISK("connect-failures");
	has(concern("connect-failures")->found, "10000 of 100000 connect() calls");
	host->counter_known[TW_COUNTER_EMBRYONIC_RSTS] = false;
	NONE("connect-failures");
}

/* Without --idle: devices forget after 240 s at the soonest, a minute is long in CLOSE_WAIT. */
static void usual_patience(void **state)
{
	struct tw_living *s = add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER);

	idle_ns = 0;
	s->data_sent_ms = s->data_recv_ms = 239999;
	NONE("idle-without-keepalive");
	s->data_sent_ms = s->data_recv_ms = 240000;
	RISK("idle-without-keepalive");
	s->state = TW_SOCKET_CLOSE_WAIT;
	s->ack_recv_ms = 59999;
	NONE("close-wait-held");
	s->ack_recv_ms = 60000;
	RISK("close-wait-held");
}

/* One silent peer among hundreds is life. */
static void a_few_among_many(void **state)
{
	struct tw_living *s = NULL;
	unsigned i;

	for (i = 0; i < 200; i++) {
		s = add(TW_SOCKET_ESTABLISHED, (uint8_t[])OTHER);
		s->data_recv_ms = 0;
	}
	s->timer = TW_SOCKET_TIMER_RETRANSMIT;
	s->retransmits = 9;
	NOTE("retransmitting-now");
	s->timer = TW_SOCKET_TIMER_PERSIST;
	NOTE("peer-not-reading");
	host->sockets.socket[0].timer = TW_SOCKET_TIMER_PERSIST;
	HARM("peer-not-reading");
}

/* Odd names, more processes than there is room for, and what JSON makes of them. */
static void many_owners_and_odd_names(void **state)
{
	struct tw_string text = { 0 };
	const struct tw_sink sink = tw_string_sink(&text);
	const struct tw_style style = { .width = 80 };
	struct tw_pen pen;
	unsigned i;

	for (i = 0; i < 200; i++) {
		struct tw_living *s = add(TW_SOCKET_CLOSE_WAIT, (uint8_t[])OTHER);

		s->pid = (pid_t)(1000 + i);
		memcpy(s->comm, "a\x1b[2J\xff\"\\", 9);
	}
	HARM("close-wait-held");
	assert_int_equal(concern("close-wait-held")->count, 200);
	assert_int_equal(concern("close-wait-held")->items, TW_CONCERN_ITEMS);
	has(concern("close-wait-held")->found, "and 62 or more others");
	assert_int_equal(tw_audit_json(&sink, &result), 0);
	has(tw_string_text(&text), "\\u001B[2J\xef\xbf\xbd\\\"\\\\");
	tw_string_clear(&text);
	tw_pen_init(&pen, &sink, &style);
	tw_audit_text(&pen, &result, true);
	assert_int_equal(tw_pen_finish(&pen), 0);
	has(tw_string_text(&text), "a\\x1b[2J\\xff\"\\ (pid 1000)");
	assert_null(strchr(tw_string_text(&text), '\x1b'));
	tw_string_free(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_host, free_host)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_healthy_host_has_no_remark),
		TEST(every_check_is_complete),
		TEST(what_is_not_known_is_not_judged),
		TEST(idle_connections_without_keepalive),
		TEST(keepalive_that_is_too_slow),
		TEST(keepalive_and_data_in_flight),
		TEST(data_that_is_not_acknowledged),
		TEST(closed_windows),
		TEST(sockets_that_are_not_closed),
		TEST(listeners),
		TEST(half_open_handshakes),
		TEST(ports),
		TEST(tables_and_memory),
		TEST(connection_tables),
		TEST(settings_of_listeners),
		TEST(other_settings),
		TEST(interfaces),
		TEST(counters),
		TEST(failed_connects),
		TEST(usual_patience),
		TEST(a_few_among_many),
		TEST(many_owners_and_odd_names),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	tw_audit_free(&result);
	return failed;
}
