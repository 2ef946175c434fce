/* SPDX-License-Identifier: BSD-2-Clause */
/* packet/http.c: heads of messages, whole and cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet/http.h"

#include <stdio.h>
#include <stdlib.h>

/* Read from a buffer of just this size: a read past it is seen. @wire: what the segment had. */
static bool answer_of(const char *text, size_t bytes, size_t wire, struct tw_http_message *a)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	bool begins;

	assert_non_null(exact);
	memcpy(exact, text, bytes);
	begins = tw_http_message(exact, (uint32_t)bytes, (uint32_t)wire, a);
	free(exact);
	return begins;
}

static bool answer(const char *text, size_t bytes, struct tw_http_message *a)
{
	return answer_of(text, bytes, strlen(text), a);
}

static struct tw_http_message whole(const char *text)
{
	struct tw_http_message a;

	assert_true(answer(text, strlen(text), &a));
	return a;
}

#define OK "HTTP/1.1 200 OK\r\n"

static void bodies(void **state)
{
	static const struct {
		const char *text;
		enum tw_body body;
		uint64_t length;
	} cases[] = {
		{ OK "Content-Length: 5\r\n\r\n", TW_BODY_LENGTH, 5 },
		{ "HTTP/1.0 500 \r\nContent-Length: 0\r\n\r\n", TW_BODY_LENGTH, 0 },
		{ OK "content-LENGTH:\t 999999999999999 \t\r\n\r\n", TW_BODY_LENGTH,
		  999999999999999 },
		{ OK "Content-Length: 9999999999999999\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "Content-Length: -5\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "Content-Length: 5, 5\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "Content-Length:\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", TW_BODY_LENGTH, 5 },
		{ OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "X-Content-Length: 5\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "Transfer-Encoding: chunked\r\n\r\n", TW_BODY_CHUNKED, 0 },
		{ OK "transfer-encoding: gzip, CHUNKED \r\nContent-Length: 5\r\n\r\n",
		  TW_BODY_CHUNKED, 0 },
		{ OK "Transfer-Encoding: chunked, gzip\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ OK "Transfer-Encoding: ed\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", TW_BODY_NONE, 0 },
		{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", TW_BODY_NONE, 0 },
		{ "HTTP/1.1 103 Early Hints\r\n\r\n", TW_BODY_INTERIM, 0 },
		{ "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n", TW_BODY_UNKNOWN,
		  0 },
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", TW_BODY_LENGTH, 5 },
		{ "PUT /200 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", TW_BODY_CHUNKED, 0 },
		{ "PATCH /x HTTP/1.1\r\n\r\n", TW_BODY_NONE, 0 },
		{ "HTTP/1.1 2x0 OK\r\nContent-Length: 5\r\n\r\n", TW_BODY_UNKNOWN, 0 },
		{ "HTTP/1.12200 OK\r\nContent-Length: 5\r\n\r\n", TW_BODY_UNKNOWN, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tw_http_message a = whole(cases[i].text);

		assert_int_equal(a.body, cases[i].body);
		assert_int_equal(a.begins, 0);
		if (a.body != TW_BODY_UNKNOWN)
			assert_int_equal(a.body_from, strlen(cases[i].text));
		if (a.body == TW_BODY_LENGTH)
			assert_int_equal(a.ends - a.body_from, cases[i].length);
	}
}

static void cut_anywhere(void **state)
{
	static const char text[] = OK "Content-Length: 12\r\nServer: x\r\n\r\n";
	struct tw_http_message a;
	size_t n;

	for (n = 0; n < sizeof(text) - 1; n++) {
		assert_int_equal(answer(text, n, &a), n >= TW_HTTP_HEAD_BYTES);
		if (n >= TW_HTTP_HEAD_BYTES)
			assert_int_equal(a.body, TW_BODY_UNKNOWN);
	}
	assert_int_equal(whole(text).body, TW_BODY_LENGTH);
}

static void the_last_of_several_counts(void **state)
{
	static const char first[] = OK "Content-Length: 2\r\n\r\nok";
	static const char second[] = "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 7\r\n\r\n";
	struct tw_http_message a;
	char both[256];

	snprintf(both, sizeof(both), "%s%s", first, second);
	a = whole(both);
	assert_int_equal(a.body, TW_BODY_LENGTH);
	assert_int_equal(a.begins, strlen(first) + strlen("HTTP/1.1 100 Continue\r\n\r\n"));
	assert_int_equal(a.ends, strlen(both) + 7);
	snprintf(both, sizeof(both), "%sHTTP/1.1 200", first);
	assert_int_equal(whole(both).begins, 0); /* too little of it to be one */
}

static void is_no_message(void **state)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\n\r\n",
					     "HTTP/2 200 OK      \r\n\r\n",
					     "http/1.1 200 OK\r\n\r\n",
					     " HTTP/1.1 200 OK\r\n\r\n" };
	struct tw_http_message a;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(answer(texts[i], strlen(texts[i]), &a));
}

static bool goes_on(const char *text, uint32_t more)
{
	const struct tw_http_message a = whole(text);
	const uint32_t bytes = (uint32_t)strlen(text);

	return tw_http_goes_on(&a, (const uint8_t *)text, bytes, bytes + more);
}

static void does_it_go_on(void **state)
{
	assert_false(goes_on(OK "Content-Length: 2\r\n\r\nok", 0));
	assert_true(goes_on(OK "Content-Length: 3\r\n\r\nok", 0));
	assert_false(goes_on(OK "Content-Length: 3\r\n\r\nok", 1)); /* cut by the snap length */
	assert_true(goes_on(OK "Transfer-Encoding: chunked\r\n\r\n", 0));
	assert_true(goes_on(OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 0));
	assert_false(goes_on(OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 0));
	assert_true(goes_on(OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 9));
	assert_false(goes_on(OK "\r\n", 0));
}

static bool asks_no_body(const char *text)
{
	return tw_http_asks_no_body((const uint8_t *)text, (uint32_t)strlen(text));
}

static void whose_answers_have_no_body(void **state)
{
	assert_true(asks_no_body("HEAD / HTTP/1.1\r\n\r\n"));
	assert_true(asks_no_body("CONNECT x:1 HTTP/1.1\r\n\r\n"));
	assert_true(asks_no_body("GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n"));
	assert_false(asks_no_body("GET / HTTP/1.1\r\n\r\nGET /HEAD HTTP/1.1\r\n\r\n"));
	assert_false(asks_no_body("SEND \r\n\r\nHEAD / HTTP/1.1\r\n\r\n"));
	assert_false(asks_no_body("HEAD /"));
}

/* An answer whose segment ends within a line of its head; at the end of one, or in another manner of lines, it may be all. */
static void stops_in_its_head(void **state)
{
	static const struct {
		const char *text;
		bool stops;
	} cases[] = {
		{ OK "Content-Le", true },
		{ OK "Server: nginx\r\nContent-Length: 10", true },
		{ OK "Server: nginx\r", true },
		{ OK, false },
		{ OK "Server: nginx\r\n", false },
		{ OK "Server: nginx\n\nbody", false },
		{ OK "\nbody", false },
		{ "HTTP/1.1 200 OK\nServer: nginx", false },
		{ "HTTP/1.1 200 Fine", false },
		{ "POST /form HTTP/1.1\r\nHos", false },
	};
	struct tw_http_message a;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t bytes = strlen(cases[i].text);

		a = whole(cases[i].text);
		assert_int_equal(a.body == TW_BODY_HEAD, cases[i].stops);
		if (!cases[i].stops)
			continue;
		assert_true(tw_http_end_known(&a) && a.ends == bytes + 1);
		assert_true(tw_http_goes_on(&a, (const uint8_t *)cases[i].text, (uint32_t)bytes,
					    (uint32_t)bytes));
		/* cut by the capture it says nothing */
		assert_true(answer_of(cases[i].text, bytes, bytes + 1, &a));
		assert_int_equal(a.body, TW_BODY_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(stops_in_its_head),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(the_last_of_several_counts),
		cmocka_unit_test(is_no_message),
		cmocka_unit_test(does_it_go_on),
		cmocka_unit_test(whose_answers_have_no_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
