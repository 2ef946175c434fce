/* SPDX-License-Identifier: BSD-2-Clause */
/* Triage on messages of HTTP/1 that go on behind the segment in which they begin. */
#include "triage_feed.h"

#define ANSWER (TW_BRIEF_MESSAGE | TW_BRIEF_ANSWER)
#define LONG   (ANSWER | TW_BRIEF_GOES_ON)
#define SIZED  (LONG | TW_BRIEF_END_KNOWN)
#define UPLOAD (TW_BRIEF_MESSAGE | TW_BRIEF_GOES_ON | TW_BRIEF_END_KNOWN)

/* Two segments, of which the first begins a message that is to have @bytes; the other end acknowledges them. */
static void message(struct feed *f, int side, int flags, uint32_t bytes)
{
	f->message_end = f->seq[side] + bytes;
	next(f, side, TW_PSH | TW_ACK | flags, 300);
	next(f, side, TW_PSH | TW_ACK, 300);
	next(f, !side, TW_ACK, 0);
}

static void shut_by(struct feed *f, int closer)
{
	next(f, closer, TW_FIN | TW_ACK, 0);
	next(f, !closer, TW_FIN | TW_ACK, 0);
	next(f, closer, TW_ACK, 0);
}

/* What goes on behind its first segment may be cut, where the one whose message it is closes first. */
static void answers_that_go_on(void **state)
{
	static const struct {
		int first, last; /* of two answers */
		uint32_t bytes;
		int closer, reason;
	} cases[] = {
		{ LONG, 0, 0, 1, TW_WANT_DOSSIER },
		{ LONG, 0, 0, 0, 0 },
		{ ANSWER, 0, 0, 1, 0 },
		{ LONG, ANSWER, 0, 1, 0 },
		{ ANSWER, LONG, 0, 1, TW_WANT_DOSSIER },
		{ ANSWER, SIZED, 600, 1, 0 },
		{ ANSWER, SIZED, 601, 1, TW_WANT_DOSSIER },
		{ LONG, SIZED, 600, 1, 0 },
		{ SIZED, LONG, 600, 1, TW_WANT_DOSSIER },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed f = begin(1, UINT32_MAX - 1500);

		handshake(&f);
		exchange(&f);
		next(&f, 0, TW_PSH | TW_ACK, 100);
		message(&f, 1, cases[i].first, cases[i].bytes);
		next(&f, 0, TW_PSH | TW_ACK, 100);
		message(&f, 1, cases[i].last, cases[i].bytes);
		shut_by(&f, cases[i].closer);
		expect_one(&f, cases[i].reason);
	}
}

/* A request that is cut by its client; one that was answered is of no interest any more. */
static void uploads(void **state)
{
	static const struct {
		uint32_t bytes;
		bool answered;
		int reason;
	} cases[] = { { 600, false, 0 }, { 601, false, TW_WANT_DOSSIER }, { 601, true, 0 } };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed f = begin(UINT32_MAX - 300, 1);

		handshake(&f);
		message(&f, 0, UPLOAD, cases[i].bytes);
		if (cases[i].answered) {
			next(&f, 1, TW_PSH | TW_ACK | ANSWER, 100);
			next(&f, 0, TW_ACK, 0);
		}
		shut_by(&f, 0);
		expect_one(&f, cases[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_go_on),
		cmocka_unit_test(uploads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
