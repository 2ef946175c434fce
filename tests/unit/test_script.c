/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenario language: every statement of docs/lab.md, and what is said about a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lab/script.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

static struct tw_script script;

static int forget(void **state)
{
	tw_script_free(&script);
	return 0;
}

static void parse(const char *text)
{
	struct tw_err err = { 0 };

	tw_script_free(&script);
	if (tw_script_parse(&script, text, &err))
		fail_msg("'%s': %s", text, err.text);
}

/* The only statement of a script. */
static const struct tw_statement *one(const char *text)
{
	parse(text);
	assert_int_equal(script.count, 1);
	assert_string_equal(script.statements[0].text, text);
	return &script.statements[0];
}

/* A statement of the client's or server's first process, on socket 1. */
static const struct tw_statement *plain(const char *text, enum tw_verb verb)
{
	const struct tw_statement *s = one(text);

	assert_int_equal(s->verb, verb);
	assert_int_equal(s->host, text[0] == 'c' ? TW_HOST_CLIENT : TW_HOST_SERVER);
	assert_int_equal(s->process, 1);
	assert_int_equal(s->socket, 1);
	assert_false(s->background);
	return s;
}

/* ---- the head ---- */

static void settings(void **state)
{
	parse("");
	assert_int_equal(script.count, 0);
	assert_int_equal(script.delay_ns, 2 * MS);
	assert_false(script.net.router || script.nat || script.truth || script.loss_permille);
	assert_int_equal(script.net.mtu, 0);
	parse("topology router\ndelay 10ms\nmtu 1400\nserver-mtu 1300\nnat\nloss 2%\ntruth "
	      "clean\n");
	assert_int_equal(script.count, 0);
	assert_true(script.net.router);
	assert_int_equal(script.delay_ns, 10 * MS);
	assert_int_equal(script.net.mtu, 1400);
	assert_int_equal(script.net.server_mtu, 1300);
	assert_true(script.nat);
	assert_int_equal(script.loss_permille, 20);
	assert_string_equal(script.truth, "clean");
	parse("topology lan\nloss 0.5%\ntruth process-died");
	assert_false(script.net.router);
	assert_int_equal(script.loss_permille, 5);
	assert_string_equal(script.truth, "process-died");
	parse("loss 100%");
	assert_int_equal(script.loss_permille, 1000);
}

static void sysctls(void **state)
{
	const struct tw_statement *s;

	parse("short client tcp_retries2 3\nset server net.ipv4.tcp_rmem 4096  8192 16384\n"
	      "delay 1ms\nclient connect\nset client tcp_syn_retries 1\n");
	assert_int_equal(script.count, 4);
	s = &script.statements[0];
	assert_int_equal(s->verb, TW_DO_SYSCTL);
	assert_int_equal(s->host, TW_HOST_CLIENT);
	assert_string_equal(s->name, "tcp_retries2");
	assert_string_equal(s->value, "3");
	assert_int_equal(s->number, 1);
	s++;
	assert_int_equal(s->host, TW_HOST_SERVER);
	assert_string_equal(s->name, "net.ipv4.tcp_rmem");
	assert_string_equal(s->value, "4096 8192 16384");
	assert_int_equal(s->number, 0);
	assert_int_equal(script.statements[3].verb, TW_DO_SYSCTL);
	assert_int_equal(script.statements[3].line, 5);
	parse("set router ip_forward 0\ntopology router");
	assert_int_equal(script.statements[0].host, TW_HOST_ROUTER);
}

/* ---- the ends ---- */

static void setup_calls(void **state)
{
	const struct tw_statement *s = one("server listen");

	assert_int_equal(s->verb, TW_DO_LISTEN);
	assert_int_equal(s->host, TW_HOST_SERVER);
	assert_int_equal(s->socket, 0);
	assert_int_equal(s->number, 16);
	assert_int_equal(s->port, 80);
	s = one("client.2 listen 0 port 8080");
	assert_int_equal(s->host, TW_HOST_CLIENT);
	assert_int_equal(s->process, 2);
	assert_int_equal(s->number, 0);
	assert_int_equal(s->port, 8080);
	assert_int_equal(plain("client connect", TW_DO_CONNECT)->port, 80);
	s = one("server connect #9 port 65535");
	assert_int_equal(s->socket, 9);
	assert_int_equal(s->port, 65535);
	assert_int_equal(one("server connect port 81 #3")->socket, 3);
	assert_int_equal(plain("client bind 4000", TW_DO_BIND)->port, 4000);
	plain("server accept", TW_DO_ACCEPT);
	assert_int_equal(one("server accept #2")->socket, 2);
}

static void data_calls(void **state)
{
	assert_int_equal(plain("client send", TW_DO_SEND)->number, -1);
	assert_int_equal(plain("client send 100", TW_DO_SEND)->number, 100);
	assert_int_equal(plain("client send 64k", TW_DO_SEND)->number, 65536);
	assert_int_equal(plain("server recv 1M", TW_DO_RECV)->number, 1 << 20);
	assert_int_equal(plain("server recv", TW_DO_RECV)->number, -1);
	plain("server recv eof", TW_DO_RECV_EOF);
	plain("client fill", TW_DO_FILL);
	assert_int_equal(plain("client shutdown", TW_DO_SHUTDOWN)->number, SHUT_WR);
	assert_int_equal(plain("client shutdown rd", TW_DO_SHUTDOWN)->number, SHUT_RD);
	assert_int_equal(plain("client shutdown wr", TW_DO_SHUTDOWN)->number, SHUT_WR);
	assert_int_equal(plain("client shutdown rdwr", TW_DO_SHUTDOWN)->number, SHUT_RDWR);
	plain("server close", TW_DO_CLOSE);
	assert_int_equal(one("server close listener")->socket, 0);
	plain("client unspec", TW_DO_UNSPEC);
	assert_int_equal(plain("client nonblocking", TW_DO_NONBLOCKING)->number, 1);
	assert_int_equal(plain("client blocking", TW_DO_NONBLOCKING)->number, 0);
	assert_int_equal(plain("client poll in", TW_DO_POLL)->number, POLLIN);
	assert_int_equal(plain("client poll out", TW_DO_POLL)->number, POLLOUT);
	assert_int_equal(plain("client poll any", TW_DO_POLL)->number,
			 POLLIN | POLLOUT | POLLRDHUP);
	plain("client error", TW_DO_ERROR);
}

static void options(void **state)
{
	const struct tw_statement *s = plain("client option SO_LINGER 1 0", TW_DO_OPTION);

	assert_int_equal(s->option->level, SOL_SOCKET);
	assert_int_equal(s->option->number, SO_LINGER);
	assert_int_equal(s->option->kind, TW_OPTVAL_LINGER);
	assert_int_equal(s->number, 1);
	assert_int_equal(s->number2, 0);
	s = one("server option listener SO_RCVBUF 4096");
	assert_int_equal(s->socket, 0);
	assert_int_equal(s->option->number, SO_RCVBUF);
	assert_int_equal(s->number, 4096);
	s = one("client option #2 TCP_USER_TIMEOUT 2000");
	assert_int_equal(s->socket, 2);
	assert_int_equal(s->option->level, IPPROTO_TCP);
	assert_int_equal(s->option->number, TCP_USER_TIMEOUT);
	assert_int_equal(s->number, 2000);
	assert_int_equal(one("client option TCP_USER_TIMEOUT 2s")->number, 2000);
	s = one("client option SO_SNDTIMEO 500ms");
	assert_int_equal(s->option->kind, TW_OPTVAL_TIMEVAL_MS);
	assert_int_equal(s->number, 500);
	assert_int_equal(one("client option TCP_LINGER2 -1")->number, -1);
	assert_string_equal(one("client option TCP_CONGESTION reno")->value, "reno");
	assert_int_equal(one("client option SOCKET_MPTCP 1")->option->kind, TW_OPTVAL_MPTCP);
	assert_null(tw_socket_option_find("SO_REUSEADD"));
}

static void ends_of_processes(void **state)
{
	assert_int_equal(plain("server kill", TW_DO_KILL)->number, SIGKILL);
	assert_int_equal(plain("server kill SIGTERM", TW_DO_KILL)->number, SIGTERM);
	assert_int_equal(plain("server kill INT", TW_DO_KILL)->number, SIGINT);
	plain("server crash", TW_DO_CRASH);
	plain("server exit", TW_DO_EXIT);
	plain("server stop", TW_DO_STOP);
	plain("server continue", TW_DO_CONTINUE);
	plain("client destroy", TW_DO_DESTROY);
	assert_int_equal(one("client destroy #2")->socket, 2);
}

static void watching(void **state)
{
	const struct tw_statement *s = one("join client.3 -> ECONNRESET within 1s");

	assert_int_equal(s->verb, TW_DO_JOIN);
	assert_int_equal(s->host, TW_HOST_CLIENT);
	assert_int_equal(s->process, 3);
	assert_true(s->expect.given);
	assert_int_equal(s->expect.value, ECONNRESET);
	assert_int_equal(s->expect.at_most_ns, S);
	assert_false(one("join server")->expect.given);
	s = one("state server #2 FIN_WAIT2");
	assert_int_equal(s->verb, TW_DO_STATE);
	assert_int_equal(s->host, TW_HOST_SERVER);
	assert_int_equal(s->socket, 2);
	assert_int_equal(s->number, TCP_FIN_WAIT2);
	assert_int_equal(one("state client CLOSE within 2s")->expect.at_most_ns, 2 * S);
	s = one("queue server recv 4k");
	assert_int_equal(s->verb, TW_DO_QUEUE);
	assert_int_equal(s->number, 4096);
	assert_int_equal(s->number2, 0);
	s = one("queue client #3 send 0");
	assert_int_equal(s->socket, 3);
	assert_int_equal(s->number, 0);
	assert_int_equal(s->number2, 1);
	assert_int_equal(one("queue server listener recv 2")->socket, 0);
}

/* ---- expectations ---- */

static void expect_is(const char *text, enum tw_expect_kind kind, int64_t value, int64_t least,
		      int64_t most, const char *told)
{
	char out[TW_EXPECT_TEXT];
	const struct tw_expect *e = &one(text)->expect;

	assert_int_equal(e->kind, kind);
	if (kind != TW_EXPECT_SUCCESS && kind != TW_EXPECT_HANG)
		assert_int_equal(e->value, value);
	assert_int_equal(e->at_least_ns, least);
	assert_int_equal(e->at_most_ns, most);
	assert_string_equal(tw_expect_text(out, e), told);
}

static void expectations(void **state)
{
	expect_is("client recv", TW_EXPECT_SUCCESS, 0, -1, -1, "success");
	assert_false(script.statements[0].expect.given);
	expect_is("client recv -> ok", TW_EXPECT_SUCCESS, 0, -1, -1, "success");
	assert_true(script.statements[0].expect.given);
	expect_is("client recv within 3s", TW_EXPECT_SUCCESS, 0, -1, 3 * S,
		  "success within 3.00 s");
	expect_is("client recv -> EOF within 200ms", TW_EXPECT_EOF, 0, -1, 200 * MS,
		  "EOF within 200 ms");
	expect_is("client connect -> ECONNREFUSED", TW_EXPECT_ERRNO, ECONNREFUSED, -1, -1,
		  "ECONNREFUSED");
	expect_is("client recv -> EWOULDBLOCK", TW_EXPECT_ERRNO, EAGAIN, -1, -1, "EAGAIN");
	expect_is("client recv -> 64k", TW_EXPECT_NUMBER, 65536, -1, -1, "65536");
	expect_is("client poll in -> in+hup+err", TW_EXPECT_EVENTS, POLLIN | POLLHUP | POLLERR, -1,
		  -1, "in+err+hup");
	expect_is("join client -> in+rdhup", TW_EXPECT_EVENTS, POLLIN | POLLRDHUP, -1, -1,
		  "in+rdhup");
	expect_is("join client -> 5", TW_EXPECT_NUMBER, 5, -1, -1, "5");
	expect_is("client error -> ECONNREFUSED", TW_EXPECT_ERRNO, ECONNREFUSED, -1, -1,
		  "ECONNREFUSED");
	expect_is("client recv -> hang within 2s &", TW_EXPECT_HANG, 0, 2 * S, -1,
		  "hang for 2.00 s");
	assert_true(script.statements[0].background);
	expect_is("join client -> hang within 1s full 60s", TW_EXPECT_HANG, 0, S, -1,
		  "hang for 1.00 s");
	assert_int_equal(script.statements[0].expect.full_at_least_ns, 60 * S);
	assert_int_equal(script.statements[0].expect.full_at_most_ns, -1);
}

static void about_and_between(void **state)
{
	const struct tw_expect *e;

	/* about: 5 % less to 25 % and half a second more */
	expect_is("client send -> ETIMEDOUT after 10s", TW_EXPECT_ERRNO, ETIMEDOUT, 9500 * MS,
		  13 * S, "ETIMEDOUT after 9.50 s to 13.0 s");
	expect_is("client send -> ETIMEDOUT after 1s..2.5s", TW_EXPECT_ERRNO, ETIMEDOUT, S,
		  2500 * MS, "ETIMEDOUT after 1.00 s to 2.50 s");
	e = &one("client send -> ETIMEDOUT after 1s..2s full 100s")->expect;
	assert_int_equal(e->full_at_least_ns, 95 * S);
	assert_int_equal(e->full_at_most_ns, 125 * S + 500 * MS);
	e = &one("client send -> ETIMEDOUT after 4s full 13m..30m")->expect;
	assert_int_equal(e->full_at_least_ns, 13 * 60 * S);
	assert_int_equal(e->full_at_most_ns, 30 * 60 * S);
	e = &one("client connect within 1s full 2m")->expect;
	assert_int_equal(e->at_most_ns, S);
	assert_int_equal(e->full_at_least_ns, -1);
	assert_int_equal(e->full_at_most_ns, 120 * S);
	e = &one("client connect within 1s")->expect;
	assert_int_equal(e->full_at_most_ns, -1);
}

static void background(void **state)
{
	assert_true(one("client connect &")->background);
	assert_true(one("client recv 5 -> ECONNRESET within 1s &")->background);
	assert_false(one("client recv 5")->background);
}

/* ---- the cable ---- */

static const struct tw_cable_rule *rule(const char *text, enum tw_cable_action action)
{
	const struct tw_statement *s = one(text);

	assert_int_equal(s->verb, TW_DO_CABLE_RULE);
	assert_int_equal(s->rule.action, action);
	return &s->rule;
}

static void frames(void **state)
{
	static const struct {
		const char *word;
		enum tw_frame_class class;
	} classes[] = {
		{ "all", TW_CLASS_ALL }, { "tcp", TW_CLASS_TCP },       { "syn", TW_CLASS_SYN },
		{ "ack", TW_CLASS_ACK }, { "synack", TW_CLASS_SYNACK }, { "data", TW_CLASS_DATA },
		{ "fin", TW_CLASS_FIN }, { "rst", TW_CLASS_RST },       { "icmp", TW_CLASS_ICMP },
		{ "arp", TW_CLASS_ARP },
	};
	const struct tw_frame_spec *f = &rule("cable drop server fin", TW_CABLE_DROP)->spec;
	char text[64];
	size_t i;

	assert_int_equal(f->from, TW_FROM_SERVER);
	assert_int_equal(f->class, TW_CLASS_FIN);
	assert_true(f->first == 1 && f->last == 1);
	assert_true(!f->port && !f->larger_than && !f->after_bytes);
	f = &rule("cable drop any data port 80 larger 1000 beyond 1M #2-4", TW_CABLE_DROP)->spec;
	assert_int_equal(f->from, TW_FROM_ANY);
	assert_int_equal(f->port, 80);
	assert_int_equal(f->larger_than, 1000);
	assert_int_equal(f->after_bytes, 1 << 20);
	assert_true(f->first == 2 && f->last == 4);
	f = &rule("cable drop client data #3", TW_CABLE_DROP)->spec;
	assert_int_equal(f->from, TW_FROM_CLIENT);
	assert_true(f->first == 3 && f->last == 3);
	f = &rule("cable drop client data always", TW_CABLE_DROP)->spec;
	assert_true(f->first == 1 && f->last == 0);
	f = &rule("cable drop client data #3 always", TW_CABLE_DROP)->spec;
	assert_true(f->first == 3 && f->last == 0);
	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		snprintf(text, sizeof(text), "cable hold any %s", classes[i].word);
		assert_int_equal(rule(text, TW_CABLE_HOLD)->spec.class, classes[i].class);
	}
}

static void acts_on_frames(void **state)
{
	static const struct {
		const char *text;
		enum tw_cable_field field;
		int64_t value;
	} fields[] = {
		{ "cable rewrite ttl 9 client syn", TW_FIELD_TTL, 9 },
		{ "cable rewrite seq -1000 client data", TW_FIELD_SEQ, -1000 },
		{ "cable rewrite ack +5 client data", TW_FIELD_ACK, 5 },
		{ "cable rewrite window 0 client data", TW_FIELD_WINDOW, 0 },
		{ "cable rewrite tsval -100 client data", TW_FIELD_TSVAL, -100 },
		{ "cable rewrite payload 255 client data", TW_FIELD_PAYLOAD, 255 },
		{ "cable rewrite flags RST+ACK client data", TW_FIELD_FLAGS, TW_RST | TW_ACK },
		{ "cable rewrite mss 536 client syn", TW_FIELD_MSS, 536 },
	};
	static const struct {
		const char *text;
		enum tw_cable_reject reject;
	} rejects[] = {
		{ "cable reject rst client syn", TW_REJECT_RST },
		{ "cable reject admin-prohibited client syn", TW_REJECT_ADMIN_PROHIBITED },
		{ "cable reject port-unreachable client syn", TW_REJECT_PORT_UNREACHABLE },
		{ "cable reject host-unreachable client syn", TW_REJECT_HOST_UNREACHABLE },
		{ "cable reject net-unreachable client syn", TW_REJECT_NET_UNREACHABLE },
	};
	const struct tw_cable_rule *r;
	size_t i;

	assert_int_equal(rule("cable delay 30ms client ack", TW_CABLE_DELAY)->time_ns, 30 * MS);
	assert_int_equal(rule("cable duplicate 1s client ack", TW_CABLE_DUPLICATE)->time_ns, S);
	rule("cable corrupt client data", TW_CABLE_CORRUPT);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		r = rule(fields[i].text, TW_CABLE_REWRITE);
		assert_int_equal(r->field, fields[i].field);
		assert_int_equal(r->value, fields[i].value);
	}
	for (i = 0; i < sizeof(rejects) / sizeof(rejects[0]); i++)
		assert_int_equal(rule(rejects[i].text, TW_CABLE_REJECT)->reject, rejects[i].reject);
	r = rule("cable reject too-big-1280 client data larger 1280 always ttl 200",
		 TW_CABLE_REJECT);
	assert_int_equal(r->reject, TW_REJECT_TOO_BIG);
	assert_int_equal(r->value, 1280);
	assert_int_equal(r->reject_ttl, 200);
	assert_int_equal(r->spec.larger_than, 1280);
	assert_int_equal(r->spec.last, 0);
}

static void forged(void **state)
{
	const struct tw_cable_forge *f = &one("cable forge RST to client")->forge;

	assert_int_equal(script.statements[0].verb, TW_DO_CABLE_FORGE);
	assert_int_equal(f->flags, TW_RST);
	assert_int_equal(f->to, TW_FROM_CLIENT);
	assert_int_equal(f->ip_id, -1);
	assert_true(!f->port && !f->ttl && !f->window && !f->payload_bytes && !f->with_timestamps);
	assert_true(!f->seq_offset && !f->ack_offset);
	f = &one("cable forge PSH+ACK to server seq -1 ack 7 ttl 3 id 0 window 99 payload 20 "
		 "timestamps "
		 "port 81")
		     ->forge;
	assert_int_equal(f->flags, TW_PSH | TW_ACK);
	assert_int_equal(f->to, TW_FROM_SERVER);
	assert_int_equal(f->seq_offset, -1);
	assert_int_equal(f->ack_offset, 7);
	assert_int_equal(f->ttl, 3);
	assert_int_equal(f->ip_id, 0);
	assert_int_equal(f->window, 99);
	assert_int_equal(f->payload_bytes, 20);
	assert_true(f->with_timestamps);
	assert_int_equal(f->port, 81);
}

static void the_cable_otherwise(void **state)
{
	const struct tw_statement *s;

	assert_int_equal(one("cable release")->verb, TW_DO_CABLE_RELEASE);
	assert_int_equal(one("cable cut")->number, -1);
	assert_int_equal(one("cable cut client")->number, 0);
	assert_int_equal(one("cable cut server")->number, 1);
	assert_int_equal(script.statements[0].verb, TW_DO_CABLE_CUT);
	assert_int_equal(one("cable heal")->verb, TW_DO_CABLE_HEAL);
	parse("nat\ncable forget");
	assert_int_equal(script.statements[0].verb, TW_DO_CABLE_FORGET);
	s = one("cable wait client syn #3 within 5s");
	assert_int_equal(s->verb, TW_DO_CABLE_WAIT);
	assert_int_equal(s->rule.spec.from, TW_FROM_CLIENT);
	assert_int_equal(s->rule.spec.class, TW_CLASS_SYN);
	assert_int_equal(s->rule.spec.last, 3);
	assert_int_equal(s->expect.at_most_ns, 5 * S);
	assert_int_equal(one("cable wait any icmp")->expect.at_most_ns, -1);
	s = one("cable quiet 300ms");
	assert_int_equal(s->verb, TW_DO_CABLE_QUIET);
	assert_int_equal(s->time_ns, 300 * MS);
}

/* ---- hosts, time, verdicts ---- */

static void hosts_and_time(void **state)
{
	const struct tw_statement *s = one("host server vanish");

	assert_int_equal(s->verb, TW_DO_VANISH);
	assert_int_equal(s->host, TW_HOST_SERVER);
	assert_int_equal(one("host client reboot")->verb, TW_DO_REBOOT);
	assert_int_equal(one("host client neighbour none")->number, TW_NEIGHBOUR_NONE);
	assert_int_equal(one("host client neighbour stale")->number, TW_NEIGHBOUR_STALE);
	assert_int_equal(one("host client neighbour reachable")->number, TW_NEIGHBOUR_REACHABLE);
	assert_int_equal(one("host client neighbour permanent")->number, TW_NEIGHBOUR_PERMANENT);
	assert_int_equal(script.statements[0].verb, TW_DO_NEIGHBOUR);
	s = one("wait 1.5s");
	assert_int_equal(s->verb, TW_DO_WAIT);
	assert_int_equal(s->time_ns, 1500 * MS);
	assert_int_equal(one("wait 20us")->time_ns, 20000);
	assert_int_equal(one("wait 2m")->time_ns, 120 * S);
	assert_int_equal(one("wait 1h")->time_ns, 3600 * S);
	parse("client connect\nfault\nserver kill");
	assert_int_equal(script.statements[1].verb, TW_DO_FAULT);
	assert_int_equal(script.fault, 2);
}

static void verdicts(void **state)
{
	const struct tw_expected_verdict *v;

	v = &one("verdict client process-died|data-after-close likely failed")->verdict;
	assert_int_equal(script.statements[0].verb, TW_DO_VERDICT);
	assert_true(v->vantage[TW_CLIENT] && !v->vantage[TW_SERVER]);
	assert_int_equal(v->slug_count, 2);
	assert_string_equal(v->slugs[0], "process-died");
	assert_string_equal(v->slugs[1], "data-after-close");
	assert_int_equal(v->confidences, 1 << TW_LIKELY);
	assert_int_equal(v->outcomes, 1 << TW_OUTCOME_FAILED);
	assert_int_equal(v->stream, 0);
	assert_false(v->never || v->any);
	v = &one("verdict both unknown|clean certain possible degraded unknown clean stream 7")
		     ->verdict;
	assert_true(v->vantage[TW_CLIENT] && v->vantage[TW_SERVER]);
	assert_string_equal(v->slugs[1], "clean");
	assert_int_equal(v->confidences, 1 << TW_CERTAIN | 1 << TW_POSSIBLE);
	assert_int_equal(v->outcomes, 1 << TW_OUTCOME_DEGRADED | 1 << TW_OUTCOME_UNKNOWN |
					      1 << TW_OUTCOME_CLEAN);
	assert_int_equal(v->stream, 7);
	v = &one("verdict server any stream 1")->verdict;
	assert_true(v->any && v->slug_count == 0 && v->vantage[TW_SERVER]);
	v = &one("never client process-died|certain")->verdict;
	assert_true(v->never && v->never_certain);
	assert_int_equal(v->slug_count, 1);
	v = &one("never both certain")->verdict;
	assert_true(v->never_certain && v->slug_count == 0);
	parse("verdict client clean\nverdict server clean\nverdict both any stream 1\n"
	      "never both process-died");
	assert_int_equal(script.count, 4);
}

/* ---- lines ---- */

static void what_a_line_is(void **state)
{
	parse("\n  # a comment\n\tclient  connect\t#2   # the second\r\n#\n \t \n"
	      "client send 5 #2 #\n");
	assert_int_equal(script.count, 2);
	assert_int_equal(script.statements[0].line, 3);
	assert_int_equal(script.statements[0].socket, 2);
	assert_string_equal(script.statements[0].text, "client  connect\t#2");
	assert_int_equal(script.statements[1].line, 6);
	assert_string_equal(script.statements[1].text, "client send 5 #2");
}

/* The example is in the page itself, between the first two fences. */
static void the_example_of_the_manual(void **state)
{
	static char page[1 << 20];
	char path[512];
	char *begin, *end;
	FILE *file;
	const char *tests = getenv("TCPWHY_TESTS");

	snprintf(path, sizeof(path), "%s/../docs/lab.md", tests ? tests : "tests");
	file = fopen(path, "r");
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	begin = strstr(page, "```\n");
	assert_non_null(begin);
	begin += 4;
	end = strstr(begin, "```");
	assert_non_null(end);
	*end = '\0';
	parse(begin);
	assert_int_equal(script.count, 13);
	assert_int_equal(script.statements[script.fault].verb, TW_DO_KILL);
}

/* ---- faults ---- */

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
	  "host-unreachable, net-unreachable, too-big-N" },
	{ "cable forge RST client",
	  "line 1: 'cable forge RST client' lacks 'to client' or 'to server'" },
	{ "cable forge RST to client id 65536",
	  "line 1: '65536' is not an IPv4 id, a number from 0 to 65535" },
	{ "cable forge RST to client loud",
	  "line 1: 'loud' does not belong into 'cable forge RST to client loud'" },
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
						 "degraded, failed) nor 'stream N'" },
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
	{ "verdict client clean stream -1",
	  "line 1: '-1' is not a stream, a number from 0 to 2147483647" },
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
	parse(text);
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

/* ---- names ---- */

static void names(void **state)
{
	char out[TW_EXPECT_TEXT];

	assert_string_equal(tw_errno_name(ECONNRESET), "ECONNRESET");
	assert_string_equal(tw_errno_name(999), "errno 999");
	assert_string_equal(tw_errno_name(-1), "errno -1");
	assert_string_equal(tw_tcp_state_name(TCP_ESTABLISHED), "ESTABLISHED");
	assert_string_equal(tw_tcp_state_name(TCP_SYN_RECV), "SYN_RECV");
	assert_string_equal(tw_tcp_state_name(12), "SYN_RECV");
	assert_string_equal(tw_tcp_state_name(TCP_CLOSING), "CLOSING");
	assert_string_equal(tw_tcp_state_name(99), "unknown");
	assert_string_equal(tw_events_text(out, 0), "nothing");
	assert_string_equal(tw_events_text(out, ~0u), "in+out+err+hup+rdhup+pri");
}

#define CASE(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(settings),
		CASE(sysctls),
		CASE(setup_calls),
		CASE(data_calls),
		CASE(options),
		CASE(ends_of_processes),
		CASE(watching),
		CASE(expectations),
		CASE(about_and_between),
		CASE(background),
		CASE(frames),
		CASE(acts_on_frames),
		CASE(forged),
		CASE(the_cable_otherwise),
		CASE(hosts_and_time),
		CASE(verdicts),
		CASE(what_a_line_is),
		CASE(the_example_of_the_manual),
		CASE(faults_are_told),
		CASE(too_much_is_told),
		CASE(any_bytes_are_a_script),
		CASE(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
