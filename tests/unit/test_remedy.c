/* SPDX-License-Identifier: BSD-2-Clause */
/* Remedies with the values of the case put in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "packet/tuple.h"
#include "report/remedy.h"

static struct tw_finding finding_of(const char *client, const char *server, uint16_t port, bool v6)
{
	struct tw_finding f = { .port = { [TW_CLIENT] = 40000, [TW_SERVER] = port } };

	assert_true(tw_addr_parse(&f.addr[TW_CLIENT], client, v6));
	assert_true(tw_addr_parse(&f.addr[TW_SERVER], server, v6));
	return f;
}

static void expect(const struct tw_finding *f, const char *text, const char *wanted)
{
	char out[TW_REMEDY_TEXT];

	assert_string_equal(tw_remedy_of(out, f, text), wanted);
}

static void names_of_commands(void **state)
{
	struct tw_finding f = finding_of("192.0.2.1", "192.0.2.2", 443, false);

	(void)state;
	expect(&f, "Run `ss -ltnp 'sport = :PORT'` on the server.",
	       "Run `ss -ltnp 'sport = :443'` on the server.");
	expect(&f, "`ss 'dport = :PORT or sport = :PORT'`, `tcpdump 'host CLIENT and host SERVER'`",
	       "`ss 'dport = :443 or sport = :443'`, `tcpdump 'host 192.0.2.1 and host "
	       "192.0.2.2'`");
	expect(&f, "`ss -tan dst SERVER:PORT | wc -l`", "`ss -tan dst 192.0.2.2:443 | wc -l`");
}

static void only_names_of_commands(void **state)
{
	struct tw_finding f = finding_of("192.0.2.1", "192.0.2.2", 443, false);

	(void)state;
	expect(&f, "PORT is what a CLIENT dials", "PORT is what a CLIENT dials");
	expect(&f, "`true` PORT `PORTS SO_REUSEPORT MYPORT PORT_` SERVER",
	       "`true` PORT `PORTS SO_REUSEPORT MYPORT PORT_` SERVER");
	expect(&f, "`strace -p PID`", "`strace -p PID`");
	expect(&f, "", "");
}

static void ipv6(void **state)
{
	struct tw_finding f = finding_of("2001:db8::1", "2001:db8::2", 443, true);

	(void)state;
	expect(&f, "`mtr -T -P PORT SERVER`", "`mtr -T -P 443 2001:db8::2`");
	expect(&f, "`ss dst SERVER:PORT`", "`ss dst [2001:db8::2]:443`");
}

static void peer(void **state)
{
	struct tw_finding f = finding_of("192.0.2.1", "192.0.2.2", 443, false);

	(void)state;
	expect(&f, "`ping PEER`", "`ping PEER`");
	tw_peer_is(&f.match, TW_CLIENT);
	expect(&f, "`ping PEER`", "`ping 192.0.2.1`");
	tw_peer_is(&f.match, TW_SERVER);
	expect(&f, "`ping PEER`", "`ping 192.0.2.2`");
}

/* What governs a connect says nothing to who is connected already, and the other way round. */
static void settings_of_the_case(void **state)
{
	static const struct tw_governed governed[] = {
		{ "always", "", TW_GOVERNS_ALL },
		{ "connecting", "", TW_GOVERNS_CONNECTING },
		{ "established", "", TW_GOVERNS_ESTABLISHED },
		{ NULL, NULL, TW_GOVERNS_ALL },
	};
	static const struct tw_phenomenon phenomenon = { .governed = governed };
	struct tw_finding f = { .phenomenon = &phenomenon };

	(void)state;
	assert_ptr_equal(tw_governed_at(&f, 2), &governed[2]); /* not known which: all of them */
	assert_null(tw_governed_at(&f, 3));
	tw_fact_set(&f.facts, TW_F_ESTABLISHED, 0, 0, 0);
	assert_ptr_equal(tw_governed_at(&f, 0), &governed[0]);
	assert_ptr_equal(tw_governed_at(&f, 1), &governed[1]);
	assert_null(tw_governed_at(&f, 2));
	tw_fact_set(&f.facts, TW_F_ESTABLISHED, 1, 0, 0);
	assert_ptr_equal(tw_governed_at(&f, 1), &governed[2]);
	assert_null(tw_governed_at(&f, 2));
	f.phenomenon = NULL;
	assert_null(tw_governed_at(&f, 0));
}

/* A socket that is not bound, or not connected, has nothing to put in. */
static void without_values(void **state)
{
	struct tw_finding v4 = finding_of("192.0.2.1", "0.0.0.0", 0, false);
	struct tw_finding v6 = finding_of("2001:db8::1", "::", 0, true);

	(void)state;
	expect(&v4, "`mtr -T -P PORT SERVER`", "`mtr -T -P PORT SERVER`");
	expect(&v6, "`mtr -T -P PORT SERVER`", "`mtr -T -P PORT SERVER`");
	expect(&v4, "`mtr -T -P PORT CLIENT`", "`mtr -T -P PORT 192.0.2.1`");
}

/* What does not fit stays as it stands in the book. */
static void no_room(void **state)
{
	struct tw_finding f =
		finding_of("2001:db8:1111:2222:3333:4444:5555:6666", "::1", 443, true);
	char text[TW_REMEDY_TEXT], out[TW_REMEDY_TEXT];

	(void)state;
	memset(text, '.', sizeof(text));
	memcpy(text, "`CLIENT`", 8);
	text[sizeof(text) - 1] = '\0';
	assert_ptr_equal(tw_remedy_of(out, &f, text), text);
	text[sizeof(text) - 40] = '\0';
	assert_ptr_equal(tw_remedy_of(out, &f, text), out);
	assert_int_equal(strlen(out),
			 strlen(text) - 6 + strlen("2001:db8:1111:2222:3333:4444:5555:6666"));
}

/* The one that fits comes first, the others as they stand in the book. */
static void order_of_the_case(void **state)
{
	static const char *const remedies[] = { "a", "b", "c", NULL };
	static const char *const orders[] = { "abc", "bac", "cab", "abc" };
	struct tw_phenomenon ph = { .remedies = remedies };
	struct tw_finding f = { .phenomenon = &ph };
	unsigned i;

	(void)state;
	for (f.match.remedy = 0; f.match.remedy < 4; f.match.remedy++) {
		for (i = 0; i < 3; i++)
			assert_int_equal(*tw_remedy_at(&f, i), orders[f.match.remedy][i]);
		assert_null(tw_remedy_at(&f, 3));
	}
	f.phenomenon = NULL;
	assert_null(tw_remedy_at(&f, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_commands),
		cmocka_unit_test(only_names_of_commands),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(peer),
		cmocka_unit_test(settings_of_the_case),
		cmocka_unit_test(without_values),
		cmocka_unit_test(no_room),
		cmocka_unit_test(order_of_the_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
