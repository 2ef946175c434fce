/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenario language: what is said about a wrong script, with its line; and any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lab/script.h"

static struct tw_script script;

static int forget(void **state)
{
	tw_script_free(&script);
	return 0;
}

static const struct {
	const char *text, *said;
} faults[] = {
	/* words */
	{ "client connect\n\n#\n\n\n\nclient sendd 100",
	  "line 7: unknown statement 'client sendd'; did you mean 'send'?" },
	{ "clinet connect", "line 1: unknown statement 'clinet connect'; did you mean 'client'?" },
	{ "xyzzy", "line 1: unknown statement 'xyzzy'" },
	{ "router connect", "line 1: unknown statement 'router connect'" },
	{ "client.0 connect",
	  "line 1: 'client.0' is no process: client, or client.2 to client.99" },
	{ "client. connect", "line 1: 'client.' is no process: client, or client.2 to client.99" },
	{ "client.100 connect",
	  "line 1: 'client.100' is no process: client, or client.2 to client.99" },
	{ "client", "line 1: 'client' lacks what it does" },
	{ "client \x1b[31mred\xff", "line 1: unknown statement 'client ?[31mred?'" },
	{ "client aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "line 1: unknown statement 'client aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'" },
	{ "client connect now", "line 1: 'now' does not belong into 'client connect now'" },
	{ "client connect & soon", "line 1: '&' does not belong into 'client connect & soon'" },
	{ "client exit -> ok", "line 1: '->' does not belong into 'client exit -> ok'" },
	{ "client stop &", "line 1: '&' does not belong into 'client stop &'" },
	/* the head */
	{ "client connect\ndelay 5ms",
	  "line 2: 'delay' is a setting and must stand before the first step" },
	{ "fault\nshort client tcp_retries2 3",
	  "line 2: 'short' is a setting and must stand before the first step" },
	{ "mtu 1400\nmtu 1400", "line 2: 'mtu' is set twice" },
	{ "topology ring", "line 1: unknown topology 'ring'; it may be lan, router" },
	{ "topology", "line 1: 'topology' lacks the topology" },
	{ "delay 5", "line 1: '5' is not the delay, a duration such as 50ms, 3s, 2m" },
	{ "mtu 100", "line 1: '100' is not an MTU, a number from 1280 to 65535" },
	{ "nat on", "line 1: 'on' does not belong into 'nat on'" },
	{ "loss 2", "line 1: '2' is not a loss from 0.1% to 100%" },
	{ "loss 0%", "line 1: '0%' is not a loss from 0.1% to 100%" },
	{ "loss 101%", "line 1: '101%' is not a loss from 0.1% to 100%" },
	{ "loss 0.25%", "line 1: '0.25%' is not a loss from 0.1% to 100%" },
	{ "loss 4294967298%", "line 1: '4294967298%' is not a loss from 0.1% to 100%" },
	{ "loss 1.%", "line 1: '1.%' is not a loss from 0.1% to 100%" },
	{ "truth process-dead",
	  "line 1: unknown phenomenon 'process-dead'; did you mean 'process-died'?" },
	{ "server-mtu 1400", "line 1: there is no second link without 'topology router'" },
	{ "\nset router ip_forward 1", "line 2: there is no router without 'topology router'" },
	{ "client connect\nhost router vanish",
	  "line 2: there is no router without 'topology router'" },
	{ "cable forget", "line 1: there is nothing to forget without 'nat'" },
	{ "set client ../../etc/passwd 1",
	  "line 1: '../../etc/passwd' is not the name of a sysctl" },
	{ "set client /proc 1", "line 1: '/proc' is not the name of a sysctl" },
	{ "set client tcp_retries2", "line 1: 'set client tcp_retries2' lacks a value" },
	{ "set clinet a 1", "line 1: unknown host 'clinet'; did you mean 'client'?" },
	/* operands */
	{ "client connect #0", "line 1: '#0' is not a socket from #1 to #9" },
	{ "client connect #10", "line 1: '#10' is not a socket from #1 to #9" },
	{ "client connect #1 #2", "line 1: a second socket, '#2'" },
	{ "server listen #2", "line 1: '#2' is not a backlog, a number from 0 to 65535" },
	{ "client connect listener",
	  "line 1: 'listener' does not belong into 'client connect listener'" },
	{ "client connect port", "line 1: 'client connect port' lacks a port" },
	{ "client connect port 65536", "line 1: '65536' is not a port, a number from 1 to 65535" },
	{ "client bind", "line 1: 'client bind' lacks a port" },
	{ "client send 0", "line 1: 0 bytes are no call; leave the number out for one call" },
	{ "client send -1",
	  "line 1: '-1' is not a number of bytes, a size such as 100, 64k, 1M (1 GB at most)" },
	{ "client send 1025M",
	  "line 1: '1025M' is not a number of bytes, a size such as 100, 64k, 1M (1 GB at most)" },
	{ "client send 99999999999999999999999",
	  "line 1: '99999999999999999999999' is not a number of bytes, a size such as 100, 64k, 1M "
	  "(1 GB at most)" },
	{ "client shutdown read", "line 1: unknown direction 'read'; it may be rd, wr, rdwr" },
	{ "client poll inn", "line 1: unknown event 'inn'; did you mean 'in'?" },
	{ "client poll in+hup", "line 1: unknown event 'hup'" },
	{ "client kill SIGKIL", "line 1: unknown signal 'SIGKIL'; did you mean 'KILL'?" },
	{ "client option SO_LINGR 1 0",
	  "line 1: unknown socket option 'SO_LINGR'; did you mean 'SO_LINGER'?" },
	{ "client option SO_LINGER 1",
	  "line 1: 'client option SO_LINGER 1' lacks a value, seconds" },
	{ "client option SO_RCVBUF 4k",
	  "line 1: '4k' is not a value, a number from -2147483648 to 2147483647" },
	{ "client option SO_SNDTIMEO 5us", "line 1: '5us' is not a number of milliseconds" },
	{ "client option TCP_CONGESTION 1234567890123456",
	  "line 1: '1234567890123456' is too long for TCP_CONGESTION" },
	{ "state client ESTABLISHD",
	  "line 1: unknown state 'ESTABLISHD'; did you mean 'ESTABLISHED'?" },
	{ "state", "line 1: 'state' lacks whose it is, client or server" },
	{ "join router", "line 1: 'router' is no process: client, server, or client.2" },
	{ "queue client read 5", "line 1: unknown queue 'read'; it may be recv, send" },
	{ "wait", "line 1: 'wait' lacks how long to wait" },
	{ "wait 9999999999999999999h", "line 1: '9999999999999999999h' is not how long to wait, a "
				       "duration such as 50ms, 3s, 2m" },
	{ "wait 9000h",
	  "line 1: '9000h' is not how long to wait, a duration such as 50ms, 3s, 2m" },
	{ "wait 1.0000001s",
	  "line 1: '1.0000001s' is not how long to wait, a duration such as 50ms, 3s, 2m" },
	{ "wait -1s", "line 1: '-1s' is not how long to wait, a duration such as 50ms, 3s, 2m" },
	/* expectations */
	{ "client recv ->", "line 1: 'client recv ->' lacks a result after '->'" },
	{ "client recv -> ECONRESET",
	  "line 1: unknown result 'ECONRESET'; did you mean 'ECONNRESET'?" },
	{ "client connect -> EOF", "line 1: 'EOF' is not what 'connect' can return" },
	{ "client connect -> 5", "line 1: '5' is not what 'connect' can return" },
	{ "client recv -> in", "line 1: 'in' is not what 'recv' can return" },
	{ "client poll in -> in+hop", "line 1: unknown result 'in+hop'" },
	{ "client recv -> ok ok", "line 1: 'ok' does not belong into 'client recv -> ok ok'" },
	{ "client recv within",
	  "line 1: 'client recv within' lacks how long at most, after 'within'" },
	{ "client recv after 2s..1s", "line 1: '2s..1s' ends before it begins" },
	{ "client recv after 2", "line 1: '2' is not a duration such as 50ms, or 1s..3s" },
	{ "client recv after 1s within 2s",
	  "line 1: 'within' does not belong into 'client recv after 1s within 2s'" },
	{ "client recv full 2s", "line 1: 'full' does not belong into 'client recv full 2s'" },
	{ "client recv -> hang &", "line 1: 'hang' needs 'within D': for how long it must go on" },
	{ "join client -> hang after 2s",
	  "line 1: 'hang' needs 'within D': for how long it must go on" },
	{ "client recv -> hang within 2s", "line 1: a call that hangs must be in the background: "
					   "end the line with '&', or say it at the "
					   "'join'" },
	/* the cable */
	{ "cable", "line 1: 'cable' lacks the act of the cable" },
	{ "cable dorp client fin",
	  "line 1: unknown act of the cable 'dorp'; did you mean 'drop'?" },
	{ "cable drop fin",
	  "line 1: unknown sender of frames 'fin'; it may be client, server, any" },
	{ "cable drop client sync", "line 1: unknown class of frames 'sync'; did you mean 'syn'?" },
	{ "cable drop client fin #0", "line 1: '#0' does not say which: #2, or #2-4" },
	{ "cable drop client fin #4-2", "line 1: '#4-2' does not say which: #2, or #2-4" },
	{ "cable drop client fin #1-", "line 1: '#1-' does not say which: #2, or #2-4" },
	{ "cable drop client fin #1111111111111111111111",
	  "line 1: '#1111111111111111111111' does not say which: "
	  "#2, or #2-4" },
	{ "cable drop client fin ttl 3",
	  "line 1: 'ttl' does not belong into 'cable drop client fin ttl 3'" },
	{ "cable drop client fin within 3s",
	  "line 1: 'within' does not belong into 'cable drop client fin within 3s'" },
	{ "cable rewrite ttl 0 client fin", "line 1: '0' is not a value, a number from 1 to 255" },
	{ "cable rewrite ttl 256 client fin",
	  "line 1: '256' is not a value, a number from 1 to 255" },
	{ "cable rewrite flags RST|ACK client fin",
	  "line 1: unknown flag 'RST|ACK'; it may be FIN, SYN, RST, PSH, ACK, URG, ECE, CWR" },
	{ "cable reject too-big-20 client fin",
	  "line 1: 'too-big-20' lacks an MTU from 68 to 65535, as in too-big-1400" },
	{ "cable reject reset client fin",
	  "line 1: unknown answer 'reset'; it may be rst, admin-prohibited, port-unreachable, "
	  "host-unreachable, net-unreachable, protocol-unreachable, too-big-N" },
	{ "cable forge RST client",
	  "line 1: 'cable forge RST client' lacks 'to client' or 'to server'" },
	{ "cable forge RST to client id 65536",
	  "line 1: '65536' is not an IPv4 id, a number from 0 to 65535" },
	{ "cable forge RST to client loud",
	  "line 1: 'loud' does not belong into 'cable forge RST to client loud'" },
	{ "cable flood 20",
	  "line 1: a flood comes from beyond a router: it needs 'topology router'" },
	{ "topology router\ncable flood 201",
	  "line 2: '201' is not a number of SYNs, a number from 1 to 200" },
	{ "topology router\ncable flood", "line 2: 'cable flood' lacks a number of SYNs" },
	{ "topology router\ncable flood 2 3",
	  "line 2: '3' does not belong into 'cable flood 2 3'" },
	{ "cable wait client syn always",
	  "line 1: 'cable wait' needs one count: #3 waits for three" },
	{ "cable wait client syn #1-3",
	  "line 1: 'cable wait' needs one count: #3 waits for three" },
	{ "cable cut router", "line 1: unknown end 'router'; it may be client, server" },
	/* hosts, order, verdicts */
	{ "host server explode",
	  "line 1: unknown act of a host 'explode'; it may be vanish, reboot, neighbour" },
	{ "host client neighbour dead", "line 1: unknown state of a neighbour 'dead'; it may be "
					"none, stale, reachable, permanent" },
	{ "fault\nfault", "line 2: 'fault' stands in line 1 already" },
	{ "verdict client clean\nclient connect",
	  "line 2: no step may follow the verdicts (which begin in line 1)" },
	{ "never client process-died\nset client a 1",
	  "line 2: no step may follow the verdicts (which begin in line 1)" },
	{ "verdict client clean\nnat",
	  "line 2: 'nat' is a setting and must stand before the first step" },
	{ "verdict client", "line 1: 'verdict client' lacks a verdict" },
	{ "verdict me clean", "line 1: unknown capture 'me'; it may be client, server, both" },
	{ "verdict client process-dyed",
	  "line 1: unknown phenomenon 'process-dyed'; did you mean 'process-died'?" },
	{ "verdict client process-died | clean", "line 1: '|' is neither a confidence (possible, "
						 "likely, certain) nor an outcome (clean, unknown, "
						 "degraded, failed) nor 'full' nor 'stream N'" },
	{ "verdict client process-died|",
	  "line 1: a verdict is missing beside '|' (no blanks around it)" },
	{ "verdict client any|clean", "line 1: 'any' stands alone: it accepts every verdict" },
	{ "verdict client any likely",
	  "line 1: 'likely' does not belong into 'verdict client any likely'" },
	{ "verdict client certain", "line 1: unknown phenomenon 'certain'" },
	{ "never client any", "line 1: unknown phenomenon 'any'" },
	{ "never client process-died likely",
	  "line 1: 'likely' does not belong into 'never client process-died likely'" },
	{ "verdict client clean stream", "line 1: 'verdict client clean stream' lacks a stream" },
	{ "verdict client clean stream -1", "line 1: '-1' does not say which stream: 3, or 3-7" },
	{ "verdict client clean stream 3-2", "line 1: '3-2' does not say which stream: 3, or 3-7" },
	{ "verdict client clean stream 3-", "line 1: '3-' does not say which stream: 3, or 3-7" },
	{ "verdict client clean stream 3-7\nverdict both clean stream 8\nverdict both clean stream "
	  "7",
	  "line 3: line 1 says the verdict of this capture and stream already" },
	{ "verdict both clean\nnever both process-died\nverdict server clean",
	  "line 3: line 1 says the verdict of this capture and stream already" },
};

static void faults_are_told(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct tw_err err = { 0 };

		tw_script_free(&script);
		if (tw_script_parse(&script, faults[i].text, &err) != -EINVAL)
			fail_msg("'%s' was taken", faults[i].text);
		assert_string_equal(err.text, faults[i].said);
		assert_null(script.statements);
	}
	assert_int_equal(tw_script_parse(&script, "xyzzy", NULL), -EINVAL);
}

static void too_much_is_told(void **state)
{
	enum { LINES = 4097 };
	static char text[LINES * 8 + 16];
	struct tw_err err = { 0 };
	unsigned i;

	for (i = 0; i < LINES; i++)
		strcpy(text + i * 8, "wait 1s\n");
	text[8 * (LINES - 1)] = '\0';
	assert_int_equal(tw_script_parse(&script, text, &err), 0);
	assert_int_equal(script.count, 4096);
	text[8 * (LINES - 1)] = 'w';
	tw_script_free(&script);
	assert_int_equal(tw_script_parse(&script, text, &err), -EINVAL);
	assert_string_equal(err.text, "line 4097: more than 4096 statements");

	memset(text, 'x', 5000);
	text[5000] = '\0';
	assert_int_equal(tw_script_parse(&script, text, &err), -EINVAL);
	assert_string_equal(err.text, "line 1: the line is longer than 4096 bytes");

	strcpy(text, "set client tcp_rmem");
	for (i = 0; i < 62; i++)
		strcat(text, " 1");
	assert_int_equal(tw_script_parse(&script, text, &err), -EINVAL);
	assert_string_equal(err.text, "line 1: more than 64 words");

	strcpy(text, "verdict client clean");
	for (i = 0; i < 12; i++)
		strcat(text, "|clean");
	assert_int_equal(tw_script_parse(&script, text, &err), -EINVAL);
	assert_string_equal(err.text, "line 1: more than 12 verdicts");
}

/* Words of the language in any order, and any bytes: an answer, and for a fault always the line. */
static void any_bytes_are_a_script(void **state)
{
	static const char *const words[] = {
		"client", "server.2",  "cable", "drop",     "forge", "rewrite", "->",
		"&",      "#2",        "#2-4",  "within",   "after", "1s..2s",  "full",
		"option", "SO_LINGER", "1",     "-1",       "\n",    "\n",      "verdict",
		"never",  "a|b",       "|",     "to",       "flags", "+",       "RST+",
		"hang",   "in+",       "set",   "loss",     ".%",    "1.",      "join",
		"state",  "recv",      "eof",   "\xff\x80", "\x1b",  "..",
	};
	uint32_t random = 1;
	unsigned round;

	for (round = 0; round < 20000; round++) {
		char text[256] = "";
		struct tw_err err = { 0 };
		unsigned i;

		for (i = 0; i < 12; i++) {
			random = random * 1103515245 + 12345;
			strcat(text, words[(random >> 16) % (sizeof(words) / sizeof(words[0]))]);
			strcat(text, random >> 31 ? " " : "");
		}
		tw_script_free(&script);
		if (tw_script_parse(&script, text, &err))
			assert_memory_equal(err.text, "line ", 5);
		else
			assert_true(script.count <= 12);
	}
}

#define CASE(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(faults_are_told),
		CASE(too_much_is_told),
		CASE(any_bytes_are_a_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
