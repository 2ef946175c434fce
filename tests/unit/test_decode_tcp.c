/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP options, checksums, payload fingerprints, and what a RST says for itself. */
#include "frames.h"

#define CHECKSUM_AT 36 /* in the raw IPv4 frames below */

static struct bytes frame;

static uint32_t sum16(const uint8_t *p, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/*
 * The pseudo header's sum for the raw IPv4 frame; @length is TCP's, or 0 as some drivers have it.
 */
static uint32_t pseudo_sum(uint32_t length)
{
	return sum16(frame.b + 12, 8, 6 + length);
}

/*
 * IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [@flags], seq 1, ack 2, win 500, with these options
 * (hex; filled up to a multiple of 4 with end-of-options) and this payload, and a good checksum.
 */
static void build(uint32_t flags, const char *options, const void *payload, uint32_t payload_bytes)
{
	uint32_t header, tcp_bytes;

	frame.n = 0;
	append_hex(&frame, "4500 0000 0001 4000 4006 0000 c0000201 c6336402");
	append_hex(&frame, "9c40 01bb 00000001 00000002 0000 01f4 0000 0000");
	append_hex(&frame, options);
	while (frame.n % 4)
		append_hex(&frame, "00");
	header = frame.n - 20;
	append(&frame, payload, payload_bytes);
	tcp_bytes = frame.n - 20;
	put16(frame.b + 2, frame.n);
	put16(frame.b + 32, header / 4 << 12 | flags);
	put16(frame.b + CHECKSUM_AT,
	      ~sum16(frame.b + 20, tcp_bytes, pseudo_sum(tcp_bytes)) & 0xffff);
}

static struct tw_segment options(const char *hex)
{
	struct tw_segment s;

	build(TW_ACK, hex, "x", 1);
	assert_int_equal(decode_one(RAW_IP, &frame, &s), TW_SEG_TCP);
	assert_int_equal(s.checksum, TW_CSUM_GOOD);
	assert_int_equal(s.payload_bytes, 1);
	return s;
}

static void no_options(void **state)
{
	struct tw_segment s = options("");

	assert_int_equal(s.options, 0);
	assert_int_equal(s.mss, 0);
	assert_int_equal(s.sack_count, 0);
	s = options("01010101");
	assert_int_equal(s.options, 0);
}

static void every_known_option(void **state)
{
	struct tw_segment s;

	s = options("0204 05b4");
	assert_int_equal(s.options, TW_OPT_MSS);
	assert_int_equal(s.mss, 1460);
	s = options("0303 07");
	assert_int_equal(s.options, TW_OPT_WSCALE);
	assert_int_equal(s.wscale, 7);
	s = options("0402");
	assert_int_equal(s.options, TW_OPT_SACK_PERMITTED);
	s = options("0101 080a 00000001 ffffffff");
	assert_int_equal(s.options, TW_OPT_TIMESTAMPS);
	assert_int_equal(s.tsval, 1);
	assert_int_equal(s.tsecr, 0xffffffff);
	s = options("1312 00112233445566778899aabbccddeeff");
	assert_int_equal(s.options, TW_OPT_MD5);
	s = options("1d10 0102 000000000000000000000000");
	assert_int_equal(s.options, TW_OPT_AO);
	/* unknown kinds are stepped over: user timeout, an experiment that is not fast open */
	s = options("1c04 8005 fe04 1234 0402");
	assert_int_equal(s.options, TW_OPT_SACK_PERMITTED);
}

/* RFC 7323 s2.3: a shift over 14 is to be used as 14. */
static void window_scale_is_limited(void **state)
{
	assert_int_equal(options("0303 0e").wscale, 14);
	assert_int_equal(options("0303 0f").wscale, 14);
	assert_int_equal(options("0303 ff").wscale, 14);
}

static void sack_blocks(void **state)
{
	struct tw_segment s = options("0101 050a 00000010 00000020");

	assert_int_equal(s.options, TW_OPT_SACK);
	assert_int_equal(s.sack_count, 1);
	assert_int_equal(s.sack[0].left, 16);
	assert_int_equal(s.sack[0].right, 32);
	s = options("0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 fffffff0 "
		    "00000008");
	assert_int_equal(s.sack_count, 4);
	assert_int_equal(s.sack[3].left, 0xfffffff0);
	assert_int_equal(s.sack[3].right, 8);
	assert_int_equal(s.options, TW_OPT_SACK);
	/* half a block is no block */
	s = options("0101 0506 00000001 0402");
	assert_int_equal(s.sack_count, 0);
	assert_int_equal(s.options, TW_OPT_MALFORMED | TW_OPT_SACK_PERMITTED);
}

static void fast_open(void **state)
{
	struct tw_segment s = options("2202");

	assert_int_equal(s.options, TW_OPT_FASTOPEN);
	assert_int_equal(s.fastopen_cookie_bytes, 0);
	s = options("220a 0011223344556677");
	assert_int_equal(s.options, TW_OPT_FASTOPEN);
	assert_int_equal(s.fastopen_cookie_bytes, 8);
	s = options("fe04 f989");
	assert_int_equal(s.options, TW_OPT_FASTOPEN);
	assert_int_equal(s.fastopen_cookie_bytes, 0);
	s = options("fe0c f989 0011223344556677");
	assert_int_equal(s.fastopen_cookie_bytes, 8);
}

static void multipath(void **state)
{
	struct tw_segment s = options("1e04 0001"); /* MP_CAPABLE, version 1 */

	assert_int_equal(s.options, TW_OPT_MPTCP);
	assert_int_equal(s.mptcp_subtype, 0);
	/* MP_TCPRST, transient, reason 2: lack of resources; alone, and behind a DSS */
	s = options("1e04 8102");
	assert_int_equal(s.mptcp_subtype, 8);
	assert_int_equal(s.mptcp_reset_reason, 2);
	s = options("1e08 2001 00000001 1e04 8106");
	assert_int_equal(s.mptcp_subtype, 8);
	assert_int_equal(s.mptcp_reset_reason, 6);
	/* the first of two others counts */
	s = options("1e08 2001 00000001 1e04 4000");
	assert_int_equal(s.mptcp_subtype, 2);
	assert_int_equal(options("1e02").options, TW_OPT_MALFORMED);
}

static void multipath_numbers(void **state)
{
	/* DATA_ACK of 8 bytes and a DATA_FIN that is all it maps, as Linux writes it */
	struct tw_segment s =
		options("1e1a 201f 11223344 55667788 99aabbcc ddeeff01 00000000 0001 0000");

	assert_int_equal(s.mptcp_has, TW_MPTCP_HAS_ACK | TW_MPTCP_HAS_FIN);
	assert_int_equal(s.mptcp_ack, 0x55667788);
	assert_int_equal(s.mptcp_fin, 0xddeeff01);
	/* 4 bytes each; a DATA_FIN behind 16 bytes of data has the number behind them */
	s = options("1e12 2015 00000007 00000100 00000001 0011");
	assert_int_equal(s.mptcp_has, TW_MPTCP_HAS_ACK | TW_MPTCP_HAS_FIN);
	assert_int_equal(s.mptcp_ack, 7);
	assert_int_equal(s.mptcp_fin, 0x110);
	/* data without it; and an option that ends too soon */
	assert_int_equal(options("1e12 2005 00000007 00000100 00000001 0010").mptcp_has,
			 TW_MPTCP_HAS_ACK);
	assert_int_equal(options("1e0c 2015 00000007 00000100").mptcp_has, TW_MPTCP_HAS_ACK);
	assert_int_equal(options("1e06 2003 0000").mptcp_has, 0);
	/* MP_FASTCLOSE next to MP_TCPRST, as Linux aborts */
	s = options("1e0c 7000 0011223344556677 1e04 8000");
	assert_int_equal(s.mptcp_has, TW_MPTCP_HAS_FASTCLOSE);
	assert_int_equal(s.mptcp_subtype, TW_MPTCP_TCPRST);
}

/* What stood before the lie is kept, nothing behind it is believed. */
static void lying_lengths_end_the_options(void **state)
{
	struct tw_segment s = options("0204 05b4 0800 0402");

	assert_int_equal(s.options, TW_OPT_MSS | TW_OPT_MALFORMED);
	s = options("0204 05b4 0801 0402");
	assert_int_equal(s.options, TW_OPT_MSS | TW_OPT_MALFORMED);
	s = options("0204 05b4 080a 0402"); /* reaches past the header */
	assert_int_equal(s.options, TW_OPT_MSS | TW_OPT_MALFORMED);
	assert_int_equal(s.tsval, 0);
	s = options("0204 05b4 0101 0108"); /* a kind as the last byte, its length is missing */
	assert_int_equal(s.options, TW_OPT_MSS | TW_OPT_MALFORMED);
	s = options("0204 05b4 0000 0402"); /* behind the end option nothing counts */
	assert_int_equal(s.options, TW_OPT_MSS);
	/* a wrong length that fits: this option is not used, the next is */
	s = options("0203 05 0402");
	assert_int_equal(s.options, TW_OPT_SACK_PERMITTED | TW_OPT_MALFORMED);
	assert_int_equal(s.mss, 0);
	assert_int_equal(options("0304 0700").options, TW_OPT_MALFORMED);
	assert_int_equal(options("0403 00").options, TW_OPT_MALFORMED);
	assert_int_equal(options("0808 00000000 0000").options, TW_OPT_MALFORMED);
	assert_int_equal(options("1304 0000").options, TW_OPT_MALFORMED);
	assert_int_equal(options("1d03 00").options, TW_OPT_MALFORMED);
}

/* Every kind with every length: bounded, and never read past the header (the sanitizers watch). */
static void any_kind_any_length(void **state)
{
	for (int kind = 0; kind < 256; kind++) {
		for (int length = 0; length < 256; length++) {
			struct tw_segment s;

			build(TW_ACK, "01010000 00000000 00000000", "", 0);
			frame.b[42] = (uint8_t)kind;
			frame.b[43] = (uint8_t)length;
			assert_int_equal(decode_one(RAW_IP, &frame, &s), TW_SEG_TCP);
			assert_true(s.sack_count <= 1 && s.wscale <= 14);
			if (kind > 1 && (length < 2 || length > 10))
				assert_int_equal(s.options, TW_OPT_MALFORMED);
		}
	}
}

/* The snaplen cuts inside the options: what is whole counts, and nobody is called a liar. */
static void options_cut_by_the_snaplen(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	build(TW_SYN, "0204 05b4 0402 080a 00000007 00000000 0103 0307", "", 0);
	for (uint32_t cap = 40; cap <= frame.n; cap++) {
		uint32_t expected = 0;

		assert_int_equal(decode_cut(d, RAW_IP, frame.b, cap, frame.n, &s), TW_SEG_TCP);
		expected |= cap >= 44 ? TW_OPT_MSS : 0;
		expected |= cap >= 46 ? TW_OPT_SACK_PERMITTED : 0;
		expected |= cap >= 56 ? TW_OPT_TIMESTAMPS : 0;
		expected |= cap >= 60 ? TW_OPT_WSCALE : TW_OPT_CUT;
		assert_int_equal(s.options, expected);
		assert_int_equal(s.header_bytes, 40);
		assert_int_equal(s.checksum, cap == frame.n ? TW_CSUM_GOOD : TW_CSUM_UNKNOWN);
	}
	tw_decoder_free(d);
}

static enum tw_checksum checksum_with(uint32_t field)
{
	struct tw_segment s;

	put16(frame.b + CHECKSUM_AT, field);
	assert_int_equal(decode_one(RAW_IP, &frame, &s), TW_SEG_TCP);
	return s.checksum;
}

static void checksums(void **state)
{
	uint32_t good;

	/* odd and even lengths */
	for (uint32_t bytes = 0; bytes < 9; bytes++) {
		build(TW_ACK | TW_PSH, "", "payload!", bytes);
		good = (uint32_t)frame.b[CHECKSUM_AT] << 8 | frame.b[CHECKSUM_AT + 1];
		assert_int_equal(checksum_with(good), TW_CSUM_GOOD);
		assert_int_equal(checksum_with(good ^ 1), TW_CSUM_BAD);
		assert_int_equal(checksum_with(pseudo_sum(20 + bytes)), TW_CSUM_PARTIAL);
		assert_int_equal(checksum_with(pseudo_sum(0)), TW_CSUM_PARTIAL);
		assert_int_equal(checksum_with(~pseudo_sum(20 + bytes) & 0xffff), TW_CSUM_BAD);
		assert_int_equal(checksum_with(0), TW_CSUM_BAD);
	}
	/* one byte of the payload lost on the way */
	build(TW_ACK | TW_PSH, "", "payload!", 8);
	frame.b[frame.n - 1] ^= 0x10;
	good = (uint32_t)frame.b[CHECKSUM_AT] << 8 | frame.b[CHECKSUM_AT + 1];
	assert_int_equal(checksum_with(good), TW_CSUM_BAD);
}

/* A super segment of 64 KiB minus headers: sums must not overflow. */
static void checksum_of_a_large_segment(void **state)
{
	static uint8_t payload[65495];
	struct tw_segment s;

	memset(payload, 0xff, sizeof(payload));
	build(TW_ACK, "", payload, sizeof(payload));
	assert_int_equal(decode_one(RAW_IP, &frame, &s), TW_SEG_TCP);
	assert_int_equal(s.checksum, TW_CSUM_GOOD);
	assert_int_equal(s.payload_bytes, 65495);
	frame.b[60000] ^= 1;
	decode_one(RAW_IP, &frame, &s);
	assert_int_equal(s.checksum, TW_CSUM_BAD);
}

static void payload_fingerprints(void **state)
{
	struct tw_segment one, two;
	struct tw_decoder *d = tw_decoder_new();

	build(TW_ACK, "", "0123456789abcdefXYZ", 19);
	decode_one(RAW_IP, &frame, &one);
	assert_int_equal(one.payload_head_bytes, 16);
	assert_memory_equal(one.payload_head, "0123456789abcdef", 16);
	build(TW_ACK, "0204 05b4", "0123456789abcdefXYZ", 19);
	decode_one(RAW_IP, &frame, &two);
	assert_int_equal(one.payload_hash, two.payload_hash);
	build(TW_ACK, "", "0123456789abcdefXYz", 19);
	decode_one(RAW_IP, &frame, &two);
	assert_int_not_equal(one.payload_hash, two.payload_hash);
	/* a zero byte more is another payload; a payload of zeros has a hash as well */
	build(TW_ACK, "", "\0", 1);
	decode_one(RAW_IP, &frame, &one);
	build(TW_ACK, "", "\0\0", 2);
	decode_one(RAW_IP, &frame, &two);
	assert_int_not_equal(one.payload_hash, 0);
	assert_int_not_equal(one.payload_hash, two.payload_hash);
	/* cut: the hash is that of the captured part */
	build(TW_ACK, "", "\0\0", 2);
	decode_cut(d, RAW_IP, frame.b, frame.n - 1, frame.n, &two);
	assert_int_equal(one.payload_hash, two.payload_hash);
	assert_int_equal(two.payload_captured, 1);
	assert_int_equal(two.payload_bytes, 2);
	assert_true(two.payload_cut);
	tw_decoder_free(d);
}

static struct tw_segment reset(uint32_t flags, const void *payload, uint32_t bytes)
{
	struct tw_segment s;

	build(flags, "", payload, bytes);
	assert_int_equal(decode_one(RAW_IP, &frame, &s), TW_SEG_TCP);
	return s;
}

/* draft-ietf-tcpm-rst-diagnostic-payload: the compact form, the free form, and older habits */
static void reset_reasons(void **state)
{
	struct tw_segment s = reset(TW_RST, "\x33\xaa\x00\x0a\x00\x00\x00\x00", 8);

	assert_int_equal(s.rst_reason, 10);
	assert_int_equal(s.rst_reason_pen, 0);
	s = reset(TW_RST | TW_ACK, "\x33\xaa\x00\x0e\x00\x01\x02\x03", 8);
	assert_int_equal(s.rst_reason, 14);
	assert_int_equal(s.rst_reason_pen, 0x10203);
	/* not a reset, and not of the right length */
	assert_int_equal(reset(TW_ACK, "\x33\xaa\x00\x0a\x00\x00\x00\x00", 8).rst_reason, 0);
	assert_int_equal(reset(TW_RST, "\x33\xaa\x00\x0a\x00\x00\x00\x00.", 9).rst_reason, 0);
	assert_int_equal(reset(TW_RST, "\x33\xaa\x00\x0a", 4).rst_reason, 0);
	s = reset(TW_RST,
		  "\xf3\x17"
		  "policy \x1b[31m\xc3\xa9",
		  16);
	assert_string_equal(s.rst_text, "policy ?[31m??");
	s = reset(TW_RST, "No TCP\r\n", 8);
	assert_string_equal(s.rst_text, "No TCP");
	s = reset(TW_RST, "tcp_close, during connect", 26); /* with its final zero */
	assert_string_equal(s.rst_text, "tcp_close, during connect");
	s = reset(TW_RST, "bin\x01", 4);
	assert_string_equal(s.rst_text, "");
	assert_string_equal(reset(TW_RST, "", 0).rst_text, "");
	assert_string_equal(reset(TW_RST, "\xf3\x17", 2).rst_text, "");
}

static void a_long_reset_text_is_cut(void **state)
{
	struct tw_segment s;
	char text[1000];

	memset(text, 'a', sizeof(text));
	s = reset(TW_RST, text, sizeof(text));
	assert_int_equal(strlen(s.rst_text), sizeof(s.rst_text) - 1);
	text[0] = (char)0xf3;
	text[1] = 0x17;
	s = reset(TW_RST, text, sizeof(text));
	assert_int_equal(strlen(s.rst_text), sizeof(s.rst_text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_options),
		cmocka_unit_test(every_known_option),
		cmocka_unit_test(window_scale_is_limited),
		cmocka_unit_test(sack_blocks),
		cmocka_unit_test(fast_open),
		cmocka_unit_test(multipath),
		cmocka_unit_test(multipath_numbers),
		cmocka_unit_test(lying_lengths_end_the_options),
		cmocka_unit_test(any_kind_any_length),
		cmocka_unit_test(options_cut_by_the_snaplen),
		cmocka_unit_test(checksums),
		cmocka_unit_test(checksum_of_a_large_segment),
		cmocka_unit_test(payload_fingerprints),
		cmocka_unit_test(reset_reasons),
		cmocka_unit_test(a_long_reset_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
