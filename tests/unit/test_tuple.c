/* SPDX-License-Identifier: BSD-2-Clause */
/* The key of a connection, and addresses as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet/tuple.h"

static struct tw_addr v4(uint8_t last)
{
	return (struct tw_addr){ .b = { [10] = 0xff, 0xff, 192, 0, 2, last } };
}

static struct tw_segment segment(struct tw_addr src, uint16_t sport, struct tw_addr dst,
				 uint16_t dport)
{
	return (struct tw_segment){ .src = src, .dst = dst, .sport = sport, .dport = dport };
}

/* Both directions find one key, and know which way they went. */
static void check_pair(struct tw_addr lower, uint16_t lower_port, struct tw_addr higher,
		       uint16_t higher_port)
{
	struct tw_segment up = segment(lower, lower_port, higher, higher_port);
	struct tw_segment down = segment(higher, higher_port, lower, lower_port);
	struct tw_tuple t, u;

	assert_int_equal(tw_tuple_of(&up, &t), 0);
	assert_int_equal(tw_tuple_of(&down, &u), 1);
	assert_true(tw_tuple_equal(&t, &u));
	assert_true(tw_addr_equal(&t.addr[0], &lower));
	assert_true(tw_addr_equal(&t.addr[1], &higher));
	assert_int_equal(t.port[0], lower_port);
	assert_int_equal(t.port[1], higher_port);
	assert_true(tw_tuple_hash(&t, 7) == tw_tuple_hash(&u, 7));
	assert_true(tw_tuple_hash(&t, 7) != tw_tuple_hash(&t, 8));
}

static void both_directions_have_one_key(void **state)
{
	struct tw_addr v6 = { .b = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };

	check_pair(v4(1), 40000, v4(2), 80);
	check_pair(v4(1), 80, v4(2), 80);
	check_pair(v4(1), 80, v4(1), 40000); /* to itself: the port decides */
	check_pair(v4(200), 1, v6, 1);
}

static void a_socket_connected_to_itself(void **state)
{
	struct tw_segment s = segment(v4(1), 5000, v4(1), 5000);
	struct tw_tuple t;

	assert_int_equal(tw_tuple_of(&s, &t), 0);
	assert_int_equal(t.port[0], 5000);
	assert_int_equal(t.port[1], 5000);
}

/* Neighbouring ports and addresses are the usual case; they must spread over small tables. */
static void similar_keys_spread(void **state)
{
	static const uint64_t seeds[] = { 0, 1, 12345, UINT64_MAX, UINT64_C(0x9e3779b97f4a7c15) };
	uint32_t bucket[256];

	for (size_t seed = 0; seed < sizeof(seeds) / sizeof(seeds[0]); seed++) {
		memset(bucket, 0, sizeof(bucket));
		for (uint32_t i = 0; i < 256 * 64; i++) {
			struct tw_segment s = segment(v4((uint8_t)(i % 4)),
						      (uint16_t)(32768 + i / 4), v4(99), 80);
			struct tw_tuple t;

			tw_tuple_of(&s, &t);
			bucket[tw_tuple_hash(&t, seeds[seed]) & 255]++;
		}
		for (int i = 0; i < 256; i++)
			assert_in_range(bucket[i], 20, 128); /* 64 on average */
	}
}

static void check_text(const struct tw_addr *a, const char *address, const char *endpoint)
{
	char out[TW_ENDPOINT_TEXT];

	assert_ptr_equal(tw_addr_text(out, a), out);
	assert_string_equal(out, address);
	assert_ptr_equal(tw_endpoint_text(out, a, 65535), out);
	assert_string_equal(out, endpoint);
}

static void addresses_as_text(void **state)
{
	struct tw_addr a = v4(1), zero = { 0 }, full;
	struct tw_addr v6 = { .b = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	struct tw_addr one_group = { .b = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0,
					    1 } };

	check_text(&a, "192.0.2.1", "192.0.2.1:65535");
	check_text(&v6, "2001:db8::1", "[2001:db8::1]:65535");
	check_text(&zero, "::", "[::]:65535");
	/* RFC 5952 s4.2.2: one group of zeros is not shortened */
	check_text(&one_group, "2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:65535");
	memset(&full, 0xff, sizeof(full));
	check_text(&full, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void families(void **state)
{
	struct tw_addr a = v4(1), v6 = { .b = { 0x20, 0x01 } }, zero = { 0 };

	assert_true(tw_addr_is_v4(&a));
	assert_false(tw_addr_is_v4(&v6));
	assert_false(tw_addr_is_v4(&zero));
	assert_true(tw_addr_equal(&a, &a));
	assert_false(tw_addr_equal(&a, &v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_have_one_key),
		cmocka_unit_test(a_socket_connected_to_itself),
		cmocka_unit_test(similar_keys_spread),
		cmocka_unit_test(addresses_as_text),
		cmocka_unit_test(families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
