/* SPDX-License-Identifier: BSD-2-Clause */
/* The readings of a host: files of a made-up /proc, whole, in part, and broken; settings by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host.h"
#include "host/host_private.h"
#include "packet/tuple.h"

static char root[] = "/tmp/tcpwhy-host-XXXXXX";
static struct tw_host host;

static int new_proc(void **state)
{
	memcpy(root + sizeof(root) - 7, "XXXXXX", 6);
	tw_host_init(&host);
	return mkdtemp(root) ? 0 : -1;
}

static int remove_proc(void **state)
{
	char command[64];

	tw_host_free(&host);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

/* A file below the made-up /proc, its folders made on the way. */
static void file(const char *path, const char *text)
{
	char whole[256];
	char *slash;
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *in_root(const char *path)
{
	static char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	return whole;
}

static void counters_are_read_by_name(void **state)
{
	file("net/snmp",
	     "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
	     "Tcp: RtoMin ActiveOpens PassiveOpens InSegs\nTcp: 200 17 4294967296 -1\n");
	file("net/netstat", "TcpExt: SyncookiesSent ListenOverflows NewOne ListenDrops\n"
			    "TcpExt: 1 22 33 44\nIpExt: InNoRoutes\nIpExt: 0\n");
	file("net/sockstat", "sockets: used 5\nTCP: inuse 5 orphan 3 tw 2 alloc 7 mem 11\n");
	tw_host_read_counters(&host, root);
	assert_int_equal(host.parts, TW_HOST_COUNTERS | TW_HOST_SOCKSTAT);
	assert_int_equal(host.counter[TW_COUNTER_ACTIVE_OPENS], 17);
	assert_int_equal(host.counter[TW_COUNTER_PASSIVE_OPENS], 4294967296);
	assert_int_equal(host.counter[TW_COUNTER_LISTEN_OVERFLOWS], 22);
	assert_int_equal(host.counter[TW_COUNTER_LISTEN_DROPS], 44);
	/* A number that is none, and one that the kernel does not have. */
	assert_false(host.counter_known[TW_COUNTER_IN_SEGS]);
	assert_false(host.counter_known[TW_COUNTER_TIMEOUTS]);
	assert_int_equal(host.orphans, 3);
	assert_int_equal(host.memory_pages, 11);
	assert_false(host.ct_stat_known);
	assert_int_equal(host.unread_count, 0);
}

static void broken_counters_are_not_known(void **state)
{
	unsigned i;

	file("net/snmp", "Tcp: ActiveOpens PassiveOpens\nUdp: 1 2\nTcp\nTcp: 1\n:\n:\n");
	file("net/netstat",
	     "TcpExt: ListenOverflows ListenDrops\nTcpExt: 7\nTcpExt: TCPTimeouts\n");
	tw_host_read_counters(&host, root);
	for (i = 0; i < TW_COUNTER__N; i++)
		assert_int_equal(host.counter_known[i], i == TW_COUNTER_LISTEN_OVERFLOWS);
	assert_int_equal(host.parts, TW_HOST_COUNTERS);
}

static void what_is_missing_is_said(void **state)
{
	file("net/snmp", "Tcp: ActiveOpens\nTcp: 5\n");
	tw_host_read_counters(&host, root);
	assert_int_equal(host.unread_count, 1);
	assert_string_equal(host.unread[0].what, "counters");
	assert_non_null(strstr(host.unread[0].why, "netstat"));
}

/* A line per processor, in hexadecimal. */
static void conntrack_is_summed(void **state)
{
	file("net/stat/nf_conntrack",
	     "entries  clashres found new invalid ignore delete chainlength insert insert_failed "
	     "drop "
	     "early_drop icmp_error\n"
	     "00000003  00000000 00000000 00000000 0000000a 00000000 00000000 00000000 00000000 "
	     "00000001 00000002 00000003 00000000\n"
	     "00000003  00000000 00000000 00000000 00000010 00000000 00000000 00000000 00000000 "
	     "00000001 00000000 00000000 00000000\n00000003\n");
	tw_host_read_counters(&host, root);
	assert_true(host.ct_stat_known);
	assert_int_equal(host.ct_invalid, 26);
	assert_int_equal(host.ct_drop, 2);
	assert_int_equal(host.ct_early_drop, 3);
}

static void knobs_are_read(void **state)
{
	file("sys/net/ipv4/tcp_syncookies", "1\n");
	file("sys/net/ipv4/tcp_mem", "100\t200\t300\n");
	file("sys/net/ipv4/tcp_rfc1337", "many\n");
	file("sys/net/netfilter/nf_conntrack_max", "9000000000000000000\n");
	file("sys/net/netfilter/nf_conntrack_count", "-1\n");
	file("sys/net/ipv4/tcp_timestamps", "");
	tw_host_read_knobs(&host, root);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_SYNCOOKIES, 9), 1);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_MEM_PRESSURE, 9), 200);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_MEM_MOST, 9), 300);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_RFC1337, 9), 9);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_TIMESTAMPS, 9), 9);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_CT_MAX, 9), 9);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_CT_COUNT, 9), 9);
}

static void a_file_of_another_host(void **state)
{
	struct tw_err err = { 0 };

	file("a", "net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.default.rp_filter = 2\n"
		  "net.ipv4.conf.eth0.rp_filter = 0\nnet.ipv4.conf.eth0/7.rp_filter = 2\n"
		  "net.ipv4.tcp_retries2 = 8\nnet.netfilter.nf_conntrack_count = 5\n"
		  "net/ipv4/tcp_syncookies=2\n");
	assert_int_equal(tw_host_read_file(&host, in_root("a"), &err), 0);
	assert_int_equal(host.parts, TW_HOST_SETTINGS);
	assert_int_equal(host.timers.value[TW_SET_RETRIES2], 8);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_SYNCOOKIES, 9), 2);
	assert_int_equal(tw_host_knob(&host, TW_KNOB_CT_COUNT, 9), 9);
	assert_int_equal(host.unread_count, 1);
	file("b", "net.ipv4.tcp_retries2 = 8\n\nnet.ipv4.tcp_mem = 5\n");
	assert_int_equal(tw_host_read_file(&host, in_root("b"), &err), -EINVAL);
	assert_non_null(strstr(err.text, "line 3: net.ipv4.tcp_mem needs whole numbers"));
	assert_int_equal(tw_host_read_file(&host, in_root("none"), &err), -ENOENT);
}

static void settings_by_name(void **state)
{
	struct tw_err err = { 0 };

	assert_int_equal(tw_host_set(&host, "tcp_syncookies=0", &err), 0);
	assert_int_equal(tw_host_set(&host, "net/ipv4/tcp_rfc1337=1", &err), 0);
	assert_int_equal(tw_host_set(&host, "nf_conntrack_max=77", &err), 0);
	assert_int_equal(tw_host_set(&host, "somaxconn=128", &err), 0);
	assert_int_equal(tw_host_set(&host, "ip_local_port_range=40000 40100", &err), 0);
	assert_int_equal(host.knob[TW_KNOB_SYNCOOKIES], 0);
	assert_true(host.knob_known[TW_KNOB_SYNCOOKIES]);
	assert_int_equal(host.knob[TW_KNOB_RFC1337], 1);
	assert_int_equal(host.knob[TW_KNOB_CT_MAX], 77);
	assert_int_equal(host.timers.value[TW_SET_SOMAXCONN], 128);
	assert_int_equal(host.timers.value[TW_SET_PORT_HIGH], 40100);
	assert_int_equal(tw_host_set(&host, "=1", &err), -EINVAL);
	assert_int_equal(tw_host_set(&host, "tcp_syncookie=1", &err), -EINVAL);
	assert_non_null(strstr(err.text, "did you mean tcp_syncookies?"));
	assert_int_equal(tw_host_set(&host, "nf_contrack_max=1", &err), -EINVAL);
	assert_non_null(strstr(err.text, "did you mean nf_conntrack_max?"));
}

static void addresses_of_its_own(void **state)
{
	const struct tw_addr own = { .b = { [0] = 0xfd, [15] = 7 } },
			     other = { .b = { [0] = 0xfd, [15] = 8 } },
			     loopback = { .b = { [10] = 0xff, 0xff, 127, 9, 9, 9 } },
			     loopback6 = { .b = { [15] = 1 } };

	host.address[host.addresses++] = own;
	assert_true(tw_host_is_own(&host, &own));
	assert_false(tw_host_is_own(&host, &other));
	assert_true(tw_host_is_own(&host, &loopback));
	assert_true(tw_host_is_own(&host, &loopback6));
}

/* A container is as old as its first process, whose name may hold anything. */
static void how_old_counters_can_be(void **state)
{
	struct tw_err err = { 0 };
	const long ticks = sysconf(_SC_CLK_TCK);
	char stat[256];

	file("uptime", "5000.25 9000.00\n");
	assert_int_equal(tw_host_read(&host, root, &err), 0);
	assert_int_equal(host.uptime_s, 5000);
	tw_host_free(&host);
	snprintf(stat, sizeof(stat),
		 "1 (a) b 3 4) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %ld 9 9\n",
		 4000 * ticks);
	file("1/stat", stat);
	assert_int_equal(tw_host_read(&host, root, &err), 0);
	assert_int_equal(host.uptime_s, 1000);
	tw_host_free(&host);
	file("1/stat", "1 (a) S 0\n");
	assert_int_equal(tw_host_read(&host, root, &err), 0);
	assert_int_equal(host.uptime_s, 5000);
}

/* This very host, and a /proc with nothing in it: both can be read, the second with what it lacks. */
static void this_host_and_an_empty_one(void **state)
{
	struct tw_err err = { 0 };
	unsigned i;
	bool loopback = false;

	assert_int_equal(tw_host_read(&host, "/proc", &err), 0);
	assert_true(host.parts & TW_HOST_SETTINGS);
	for (i = 0; i < host.links; i++)
		loopback = loopback || (host.link[i].loopback && host.link[i].mtu > 1500);
	assert_true(loopback || !(host.parts & TW_HOST_LINKS));
	tw_host_free(&host);
	assert_int_equal(tw_host_read(&host, root, &err), 0);
	assert_false(host.parts & TW_HOST_COUNTERS);
	assert_in_range(host.unread_count, 2, TW_UNREAD_MAX);
	assert_string_equal(host.unread[0].what, "18 settings that timers depend on");
}

static void neighbour_is(const char *name, int64_t ms, enum tw_set_from source)
{
	assert_string_equal(tw_setting_name(&host.timers, TW_SET_NEIGH_RETRANS_MS), name);
	assert_int_equal(host.timers.value[TW_SET_NEIGH_RETRANS_MS], ms);
	assert_int_equal(host.timers.source[TW_SET_NEIGH_RETRANS_MS], source);
}

/* Interfaces ask neighbours each by its own settings; a namespace shows no default. */
static void settings_of_the_interface(void **state)
{
	tw_settings_read_host(&host.timers, in_root("sys"));
	neighbour_is("net.ipv4.neigh.default.retrans_time_ms", 1000, TW_FROM_UNREADABLE);
	file("sys/net/ipv4/neigh/lo/retrans_time_ms", "900\n");
	tw_settings_read_host(&host.timers, in_root("sys"));
	neighbour_is("net.ipv4.neigh.lo.retrans_time_ms", 900, TW_FROM_HOST);
	file("sys/net/ipv4/neigh/eth1/retrans_time_ms", "500\n");
	file("sys/net/ipv4/neigh/eth0/retrans_time_ms", "400\n");
	tw_settings_read_host(&host.timers, in_root("sys"));
	neighbour_is("net.ipv4.neigh.eth0.retrans_time_ms", 400, TW_FROM_HOST);
	file("sys/net/ipv4/neigh/default/retrans_time_ms", "800\n");
	tw_settings_read_host(&host.timers, in_root("sys"));
	neighbour_is("net.ipv4.neigh.default.retrans_time_ms", 800, TW_FROM_HOST);
	file("net/route", "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
			  "eth0 00000000 0100000A 0003 0 0 100 00000000 0 0 0\n"
			  "eth0 0000000A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
			  "eth1 00000000 0100000B 0003 0 0 50 00000000 0 0 0\n");
	tw_settings_read_host(&host.timers, in_root("sys"));
	neighbour_is("net.ipv4.neigh.eth1.retrans_time_ms", 500, TW_FROM_HOST);
	assert_int_equal(tw_settings_set(&host.timers, "neigh.eth7.retrans_time_ms=30", NULL), 0);
	neighbour_is("net.ipv4.neigh.eth7.retrans_time_ms", 30, TW_FROM_SET);
	assert_int_equal(tw_settings_set(&host.timers, "neigh.default.retrans_time_ms=40", NULL),
			 0);
	neighbour_is("net.ipv4.neigh.default.retrans_time_ms", 40, TW_FROM_SET);
}

/* What the kernel takes is read as it is, at both ends of what makes sense; -1, which it takes, too, is told. */
static void settings_at_their_ends(void **state)
{
	file("sys/net/ipv4/tcp_fin_timeout", "0\n");
	file("sys/net/ipv4/tcp_keepalive_time", "21474836\n");
	file("sys/net/ipv4/tcp_keepalive_intvl", "-1\n");
	file("sys/net/ipv4/tcp_rto_min_us", "200001\n");
	file("sys/net/ipv4/tcp_sack", "2\n");
	tw_settings_read_host(&host.timers, in_root("sys"));
	assert_int_equal(host.timers.value[TW_SET_FIN_TIMEOUT], 0);
	assert_int_equal(host.timers.value[TW_SET_KEEPALIVE_TIME], 21474836);
	assert_int_equal(host.timers.source[TW_SET_KEEPALIVE_INTVL], TW_FROM_SENSELESS);
	assert_int_equal(host.timers.value[TW_SET_KEEPALIVE_INTVL], 75);
	assert_int_equal(host.timers.value[TW_SET_RTO_MIN_US], 200001);
	assert_int_equal(host.timers.source[TW_SET_SACK], TW_FROM_HOST);
}

/* In a file, interfaces count where it has no default: it does not tell which of them is the right one. */
static void interfaces_of_a_file(void **state)
{
	struct tw_err err = { 0 };

	file("a", "net.ipv4.neigh.br0.retrans_time_ms = "
		  "300\nnet.ipv4.neigh.default.retrans_time_ms = 700\n"
		  "net.ipv4.neigh.eth0.retrans_time_ms = 500\n");
	assert_int_equal(tw_settings_read_file(&host.timers, in_root("a"), &err), 0);
	neighbour_is("net.ipv4.neigh.default.retrans_time_ms", 700, TW_FROM_FILE);
	file("b", "net.ipv4.neigh.eth0.retrans_time_ms = 500\nnet.ipv4.neigh.eth1.retrans_time_ms "
		  "= 300\n"
		  "net.ipv4.neigh.lo.retrans_time_ms = 200\n");
	assert_int_equal(tw_settings_read_file(&host.timers, in_root("b"), &err), 0);
	neighbour_is("net.ipv4.neigh.eth0.retrans_time_ms", 500, TW_FROM_FILE);
	file("c", "net.ipv4.neigh.eth0.retrans_time_ms = -1\n");
	assert_int_equal(tw_settings_read_file(&host.timers, in_root("c"), &err), -EINVAL);
	assert_non_null(strstr(err.text, "net.ipv4.neigh.eth0.retrans_time_ms takes 0 to"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_proc, remove_proc)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_of_the_interface),     TEST(interfaces_of_a_file),
		TEST(settings_at_their_ends),        TEST(counters_are_read_by_name),
		TEST(broken_counters_are_not_known), TEST(what_is_missing_is_said),
		TEST(conntrack_is_summed),           TEST(knobs_are_read),
		TEST(a_file_of_another_host),        TEST(settings_by_name),
		TEST(addresses_of_its_own),          TEST(this_host_and_an_empty_one),
		TEST(how_old_counters_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
