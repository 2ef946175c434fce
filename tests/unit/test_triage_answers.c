/* SPDX-License-Identifier: BSD-2-Clause */
/* Triage on answers of HTTP/1 that go on behind the segment in which they begin. */
#include "triage_feed.h"

/* Answers of HTTP/1: what goes on behind its first segment may be cut, where the one who answers closes first. */
static void answers_that_go_on(void **state)
{
	static const struct {
		uint16_t first, last;
		int closer, reason;
	} cases[] = {
		{ TW_BRIEF_MESSAGE | TW_BRIEF_GOES_ON, 0, 1, TW_WANT_DOSSIER },
		{ TW_BRIEF_MESSAGE | TW_BRIEF_GOES_ON, 0, 0, 0 },
		{ TW_BRIEF_MESSAGE, 0, 1, 0 },
		{ TW_BRIEF_MESSAGE | TW_BRIEF_GOES_ON, TW_BRIEF_MESSAGE, 1, 0 },
		{ TW_BRIEF_MESSAGE, TW_BRIEF_MESSAGE | TW_BRIEF_GOES_ON, 1, TW_WANT_DOSSIER },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed f = begin(1, UINT32_MAX - 500);

		handshake(&f);
		exchange(&f);
		next(&f, 0, TW_PSH | TW_ACK, 100);
		next(&f, 1, TW_PSH | TW_ACK | cases[i].first, 300);
		next(&f, 1, TW_PSH | TW_ACK, 300);
		next(&f, 0, TW_PSH | TW_ACK, 100);
		next(&f, 1, TW_PSH | TW_ACK | cases[i].last, 300);
		next(&f, 0, TW_ACK, 0);
		next(&f, cases[i].closer, TW_FIN | TW_ACK, 0);
		next(&f, !cases[i].closer, TW_FIN | TW_ACK, 0);
		next(&f, cases[i].closer, TW_ACK, 0);
		expect_one(&f, cases[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
