/* SPDX-License-Identifier: BSD-2-Clause */
/* The book, with a phenomenon made for the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "findings.h"
#include "report/explain.h"

static struct tw_string out;

static int teardown(void **state)
{
	tw_string_free(&out);
	return 0;
}

static const char *page(const struct tw_phenomenon *ph, unsigned width)
{
	const struct tw_style style = { .width = width };
	struct tw_sink sink = tw_string_sink(&out);

	tw_string_clear(&out);
	assert_int_equal(tw_explain_page(&sink, &style, ph), 0);
	return tw_string_text(&out);
}

static void a_page_tells_all(void **state)
{
	assert_string_equal(
		page(&made_phenomenon, 80),
		"made-up: The port is closed in this test (connect)\n"
		"\n"
		"    client              server\n"
		"      |----SYN----------->|\n"
		"      |<---RST|ACK--------|\n"
		"\n"
		"What happens\n"
		"  First paragraph of what happens, long enough that it has to be wrapped at\n"
		"  least once.\n"
		"\n"
		"  Second paragraph.\n"
		"\n"
		"The client sees\n"
		"  connect() fails with ECONNREFUSED.\n"
		"\n"
		"The server sees\n"
		"  Nothing.\n"
		"\n"
		"How it is told\n"
		"  By its RST|ACK.\n"
		"\n"
		"What governs it\n"
		"  net.ipv4.tcp_made_up\n"
		"      how often the test is repeated; the default is 6, and a longer sentence\n"
		"      has to be wrapped somewhere\n"
		"  TCP_MADE_UP\n"
		"      the same for one socket\n"
		"  backlog\n"
		"      of the listener\n"
		"\n"
		"What to do\n"
		"  - Start the server, or correct the port.\n"
		"  - Look at the listener's address with ss -ltn.\n"
		"  - Retry with growing pauses.\n"
		"\n"
		"What people believe\n"
		"  \"It was overloaded.\" It was not.\n"
		"\n"
		"References\n"
		"  - RFC 9293 s3.5.2\n"
		"  - net/ipv4/tcp_ipv4.c: tcp_v4_send_reset\n"
		"\n"
		"What can show it\n"
		"  - the packets of a capture\n"
		"  - events and state of the kernel\n");
}

static void a_page_leaves_out_what_there_is_not(void **state)
{
	const struct tw_phenomenon bare = { .slug = "bare",
					    .stage = TW_STAGE_MANY,
					    .title = "Nothing but this" };

	assert_string_equal(page(&bare, 80), "bare: Nothing but this (many)\n");
}

static void contents_stand_by_stage(void **state)
{
	static const struct tw_phenomenon last = { .slug = "last-one",
						   .stage = TW_STAGE_TEARDOWN,
						   .title = "Late" };
	static const struct tw_remark remarks[] = { { "harmless", "It does not matter." },
						    { NULL, NULL } };
	const struct tw_phenomenon *const list[] = { &last, &made_phenomenon };
	const struct tw_style style = { .width = 80 };
	struct tw_sink sink = tw_string_sink(&out);

	tw_string_clear(&out);
	assert_int_equal(tw_explain_list(&sink, &style, list, 2, remarks), 0);
	assert_non_null(strstr(tw_string_text(&out),
			       "\nConnecting\n"
			       "  made-up                   The port is closed in this test\n"
			       "\nClosing\n"
			       "  last-one                  Late\n"
			       "\nRemarks: worth knowing, but wrong with nobody\n"
			       "  harmless                  It does not matter.\n"));
	assert_null(strstr(tw_string_text(&out), "Established"));
}

static void a_remark_has_its_page(void **state)
{
	static const struct tw_remark remark = { "harmless", "It does not matter." };
	const struct tw_style style = { .width = 80 };
	struct tw_sink sink = tw_string_sink(&out);

	tw_string_clear(&out);
	assert_int_equal(tw_explain_remark(&sink, &style, &remark), 0);
	assert_string_equal(tw_string_text(&out),
			    "harmless (a remark on a connection that did not fail)\n\n"
			    "  It does not matter.\n");
}

/*
 * Texts wrap; drawings have a line length of their own, kept by the catalogue's rule of 72
 * columns.
 */
/* Commands are copied: these match no packet of IPv6, know no IPv6, or go nowhere. */
static void commands_work_over_ipv6(void **state)
{
	static const char *const useless[] = { "tcp[tcpflags]", "arping",
					       "traceroute -T -p PORT`" };
	unsigned i, k, n;

	for (i = 0; i < tw_catalogue_count; i++)
		for (k = 0; tw_catalogue[i]->remedies && tw_catalogue[i]->remedies[k]; k++)
			for (n = 0; n < sizeof(useless) / sizeof(useless[0]); n++)
				assert_null(strstr(tw_catalogue[i]->remedies[k], useless[n]));
}

static void the_whole_catalogue_fits_80_columns(void **state)
{
	unsigned i;

	for (i = 0; i < tw_catalogue_count; i++) {
		const char *text = page(tw_catalogue[i], 80);

		while (*text) {
			size_t n = strcspn(text, "\n");

			if (tw_text_columns(text, n) > 80)
				fail_msg("%s: wider than 80: %.*s", tw_catalogue[i]->slug, (int)n,
					 text);
			text += n + 1;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_tells_all),
		cmocka_unit_test(a_page_leaves_out_what_there_is_not),
		cmocka_unit_test(contents_stand_by_stage),
		cmocka_unit_test(a_remark_has_its_page),
		cmocka_unit_test(commands_work_over_ipv6),
		cmocka_unit_test(the_whole_catalogue_fits_80_columns),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
