/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenario language: every statement of docs/lab.md is what it means. */
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
	assert_int_equal(plain("client poll rdhup", TW_DO_POLL)->number, POLLRDHUP);
	assert_int_equal(plain("client poll in+rdhup", TW_DO_POLL)->number, POLLIN | POLLRDHUP);
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
		{ "cable reject protocol-unreachable client syn", TW_REJECT_PROTOCOL_UNREACHABLE },
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
	parse("topology router\ncable flood 20\ncable flood 1 port 81");
	assert_int_equal(script.statements[0].verb, TW_DO_CABLE_FLOOD);
	assert_int_equal(script.statements[0].number, 20);
	assert_int_equal(script.statements[0].port, 80);
	assert_int_equal(script.statements[1].port, 81);
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
	v = &one("verdict client peer-vanished possible unknown full likely failed stream 2")
		     ->verdict;
	assert_int_equal(v->confidences, 1 << TW_POSSIBLE);
	assert_int_equal(v->outcomes, 1 << TW_OUTCOME_UNKNOWN);
	assert_int_equal(v->full_confidences, 1 << TW_LIKELY);
	assert_int_equal(v->full_outcomes, 1 << TW_OUTCOME_FAILED);
	assert_int_equal(v->stream, 2);
	v = &one("verdict both unknown|clean certain possible degraded unknown clean stream 7")
		     ->verdict;
	assert_true(v->vantage[TW_CLIENT] && v->vantage[TW_SERVER]);
	assert_string_equal(v->slugs[1], "clean");
	assert_int_equal(v->confidences, 1 << TW_CERTAIN | 1 << TW_POSSIBLE);
	assert_int_equal(v->outcomes, 1 << TW_OUTCOME_DEGRADED | 1 << TW_OUTCOME_UNKNOWN |
					      1 << TW_OUTCOME_CLEAN);
	assert_int_equal(v->stream, 7);
	assert_int_equal(v->last_stream, 7);
	v = &one("verdict both clean stream 3-12")->verdict;
	assert_int_equal(v->stream, 3);
	assert_int_equal(v->last_stream, 12);
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
	begin = strstr(page, "\n## A scenario\n");
	assert_non_null(begin);
	begin = strstr(begin, "```\n");
	assert_non_null(begin);
	begin += 4;
	end = strstr(begin, "```");
	assert_non_null(end);
	*end = '\0';
	parse(begin);
	assert_int_equal(script.count, 15);
	assert_int_equal(script.statements[script.fault].verb, TW_DO_KILL);
}

/* "v4", "v6", and either with a suffix (scenario.h). */
static void check_variants(const char *slug, const char *words)
{
	while (words && *words) {
		size_t n = strcspn(words, " ");

		if (n < 2 || words[0] != 'v' || (words[1] != '4' && words[1] != '6') ||
		    (n > 2 && words[2] != '-'))
			fail_msg("%s: variants '%s'", slug, words);
		words += n + (words[n] == ' ');
	}
}

/* Everything that is in the catalogue can be run, as far as the language goes. */
static void the_catalogue_s_scenarios(void **state)
{
	unsigned i, bad = 0;

	for (i = 0; i < tw_catalogue_count; i++) {
		const struct tw_scenario *s = tw_catalogue[i]->scenarios;

		for (; s && s->name; s++) {
			struct tw_err err = { 0 };

			tw_script_free(&script);
			if (tw_script_parse(&script, s->script, &err)) {
				print_message("%s/%s: %s\n", tw_catalogue[i]->slug, s->name,
					      err.text);
				bad++;
			}
			assert_non_null(s->about);
			check_variants(tw_catalogue[i]->slug, s->variants);
		}
	}
	assert_int_equal(bad, 0);
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
		CASE(the_catalogue_s_scenarios),
		CASE(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
