/* SPDX-License-Identifier: BSD-2-Clause */
/* packet/tls.c: what a ClientHello offers, whole, cut at every byte, and with lengths that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet/tls.h"

#include <stdlib.h>
#include <string.h>

struct hello {
	uint8_t bytes[256];
	uint32_t length, alpn; /* where the list of protocols begins: its length */
};

static void put(struct hello *h, const void *bytes, size_t n)
{
	assert_true(h->length + n <= sizeof(h->bytes));
	memcpy(h->bytes + h->length, bytes, n);
	h->length += (uint32_t)n;
}

#define PUT(h, text) put((h), (text), sizeof(text) - 1)

/* One that offers the protocols of @list, as on the wire: name lengths included. */
static struct hello hello_of(const char *list, size_t n)
{
	struct hello h = { { 0 }, 0, 0 };
	const uint8_t random[32] = { 7 };
	const uint8_t lengths[] = { 0, (uint8_t)(n + 2), 0, (uint8_t)n };

	PUT(&h, "\x16\x03\x01\x00\x60\x01\x00\x00\x5c\x03\x03");
	put(&h, random, sizeof(random));
	PUT(&h, "\x02\xaa\xbb");                     /* session */
	PUT(&h, "\x00\x04\x13\x01\x13\x02\x01\x00"); /* cipher suites, compression */
	PUT(&h, "\x00\x40");                         /* extensions */
	PUT(&h, "\x00\x17\x00\x00\x00\x2b\x00\x03\x02\x03\x04\x00\x10");
	h.alpn = h.length;
	put(&h, lengths, sizeof(lengths));
	put(&h, list, n);
	return h;
}

#define HELLO(list) hello_of((list), sizeof(list) - 1)

/* Read from a buffer of just @bytes: a read past it is seen. */
static unsigned offers(const struct hello *h, uint32_t bytes)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	unsigned http;

	assert_non_null(exact);
	memcpy(exact, h->bytes, bytes);
	http = tw_tls_offers_http(exact, bytes);
	free(exact);
	return http;
}

static void protocols(void **state)
{
	const struct hello two = HELLO("\x02h2\x08http/1.1"), old = HELLO("\x08http/1.0"),
			   behind = HELLO("\x04mqtt\x02h2"), mqtt = HELLO("\x04mqtt"),
			   like = HELLO("\x03h2c\x07http/1."), none = HELLO("");

	(void)state;
	assert_int_equal(offers(&two, two.length), TW_OFFERS_HTTP1 | TW_OFFERS_HTTP2);
	assert_int_equal(offers(&old, old.length), TW_OFFERS_HTTP1);
	assert_int_equal(offers(&behind, behind.length), TW_OFFERS_HTTP2);
	assert_false(offers(&mqtt, mqtt.length));
	assert_false(offers(&like, like.length));
	assert_false(offers(&none, none.length));
}

static void cut(void **state)
{
	const struct hello h = HELLO("\x08http/1.1");
	uint32_t bytes;

	(void)state;
	for (bytes = 0; bytes < h.length; bytes++)
		assert_false(offers(&h, bytes));
	assert_true(offers(&h, h.length));
}

static void lies(void **state)
{
	const struct hello honest = HELLO("\x02h2");
	uint32_t at;

	(void)state;
	for (at = 43; at < honest.length;
	     at++) { /* lengths too large, and 0: whatever it says, it ends */
		struct hello h = honest;

		h.bytes[at] = 0xff;
		offers(&h, h.length);
		h.bytes[at] = 0;
		offers(&h, h.length);
	}
	at = honest.alpn;
	{
		struct hello h = honest;

		h.bytes[at + 4] = 200; /* a name that is longer than the list */
		assert_false(offers(&h, h.length));
		h = honest;
		h.bytes[at - 1] = 0x11; /* another extension */
		assert_false(offers(&h, h.length));
		h = honest;
		h.bytes[5] = 2; /* a ServerHello */
		assert_false(offers(&h, h.length));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocols),
		cmocka_unit_test(cut),
		cmocka_unit_test(lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
