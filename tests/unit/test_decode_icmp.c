/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP errors and the segments they quote; ARP and neighbour discovery. */
#include "frames.h"

static struct bytes frame;

/* IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [S], seq 305419896, win 64240, options [mss 1460] */
#define QUOTED_IP  "4500002c 12344000 3d060000 c0000201 c6336402"
#define QUOTED_TCP "9c4001bb 12345678 00000000 6002faf0 00000000 020405b4"
/* IP 203.0.113.9 > 192.0.2.1: ICMP, in a frame whose total length error4() fills in */
#define OUTER_IP "45000000 00010000 40010000 cb007109 c0000201"

/*
 * IP6 2001:db8::1.40000 > 2001:db8::2.443: Flags [S], seq 305419896, win 64240, options [mss 1440]
 */
#define QUOTED_IP6                                                                                 \
	"60000000 00180640 20010db8000000000000000000000001 20010db8000000000000000000000002"
#define QUOTED_TCP6 "9c4001bb 12345678 00000000 6002faf0 00000000 020405a0"
/* IP6 2001:db8::9 > 2001:db8::1: ICMP6 */
#define OUTER_IP6                                                                                  \
	"60000000 00003aff 20010db8000000000000000000000009 20010db8000000000000000000000001"

static struct tw_segment error4(const char *icmp, const char *ip, const char *tcp)
{
	struct tw_segment s;

	frame.n = 0;
	append_hex(&frame, OUTER_IP);
	append_hex(&frame, icmp);
	append_hex(&frame, ip);
	append_hex(&frame, tcp);
	put16(frame.b + 2, frame.n);
	decode_one(RAW_IP, &frame, &s);
	return s;
}

static struct tw_segment error6(const char *icmp, const char *ip, const char *tcp)
{
	struct tw_segment s;

	frame.n = 0;
	append_hex(&frame, OUTER_IP6);
	append_hex(&frame, icmp);
	append_hex(&frame, ip);
	append_hex(&frame, tcp);
	put16(frame.b + 4, frame.n - 40);
	decode_one(RAW_IP, &frame, &s);
	return s;
}

static void assert_quote(const struct tw_segment *s)
{
	bool v4 = s->ip_version == 4;

	assert_int_equal(s->kind, TW_SEG_ICMP_ERROR);
	assert_addr(&s->src, v4 ? "192.0.2.1" : "2001:db8::1");
	assert_addr(&s->dst, v4 ? "198.51.100.2" : "2001:db8::2");
	assert_int_equal(s->sport, 40000);
	assert_int_equal(s->dport, 443);
	assert_int_equal(s->seq, 0x12345678);
	assert_int_equal(s->checksum, TW_CSUM_UNKNOWN);
	assert_int_equal(s->payload_captured, 0);
	assert_addr(&s->icmp_src, v4 ? "203.0.113.9" : "2001:db8::9");
	assert_addr(&s->icmp_dst, v4 ? "192.0.2.1" : "2001:db8::1");
}

static void a_whole_segment_is_quoted(void **state)
{
	struct tw_segment s = error4("0301 0000 00000000", QUOTED_IP, QUOTED_TCP);

	assert_quote(&s);
	assert_int_equal(s.icmp_version, 4);
	assert_int_equal(s.icmp_type, 3);
	assert_int_equal(s.icmp_code, 1);
	assert_int_equal(s.icmp_mtu, 0);
	assert_int_equal(s.ttl, 61);
	assert_int_equal(s.ip_id, 0x1234);
	assert_int_equal(s.flags, TW_SYN);
	assert_int_equal(s.window, 64240);
	assert_int_equal(s.header_bytes, 24);
	assert_int_equal(s.payload_bytes, 0);
	assert_int_equal(s.options, TW_OPT_MSS);
	assert_int_equal(s.mss, 1460);
}

/* RFC 792 promises no more than 8 bytes: ports and sequence number. */
static void eight_bytes_are_quoted(void **state)
{
	struct tw_segment s = error4("0303 0000 00000000", QUOTED_IP, "9c4001bb 12345678");

	assert_quote(&s);
	assert_int_equal(s.flags, 0);
	assert_int_equal(s.ack, 0);
	assert_int_equal(s.header_bytes, 0);
	assert_int_equal(s.payload_bytes, 0);
	assert_int_equal(s.options, 0);
}

/*
 * Each length of a quote: nothing below 8 bytes of TCP, no flags below 20, options as far as they
 * go.
 */
static void every_length_of_a_quote(void **state)
{
	struct tw_segment s = error4("0301 0000 00000000", QUOTED_IP, QUOTED_TCP);
	struct bytes whole = frame;

	for (uint32_t n = 28; n <= whole.n; n++) {
		frame = whole;
		frame.n = n;
		put16(frame.b + 2, n);
		decode_one(RAW_IP, &frame, &s);
		if (n < 28 + 20 + 8) {
			assert_int_equal(s.kind, TW_SEG_OTHER);
			continue;
		}
		assert_quote(&s);
		assert_int_equal(s.flags, n < 68 ? 0 : TW_SYN);
		assert_int_equal(s.options, n <= 68 ? 0 : n < 72 ? TW_OPT_CUT : TW_OPT_MSS);
	}
}

/* The same, cut by the snaplen: "cut", unless the ports are still there; then the sequence number is not known. */
static void a_cut_quote(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s = error4("0301 0000 00000000", QUOTED_IP, QUOTED_TCP);

	for (uint32_t cap = 28; cap < frame.n; cap++) {
		decode_cut(d, RAW_IP, frame.b, cap, frame.n, &s);
		if (cap < 28 + 20 + 4) {
			assert_int_equal(s.kind, TW_SEG_CUT);
		} else if (cap < 28 + 20 + 8) {
			assert_int_equal(s.kind, TW_SEG_ICMP_ERROR);
			assert_int_equal(s.seq, 0);
			assert_false(s.quote_seq_known);
		} else {
			assert_quote(&s);
			assert_true(s.quote_seq_known);
		}
	}
	tw_decoder_free(d);
}

static void every_type_of_icmp(void **state)
{
	static const struct {
		const char *icmp;
		enum tw_segment_kind kind;
		uint32_t mtu;
	} rows[] = {
		{ "0304 0000 0000 0578", TW_SEG_ICMP_ERROR, 1400 }, /* fragmentation needed */
		{ "0303 0000 0000 0578", TW_SEG_ICMP_ERROR, 0 }, /* that field means nothing here */
		{ "0400 0000 00000000", TW_SEG_ICMP_ERROR, 0 },  /* source quench */
		{ "0b00 0000 00000000", TW_SEG_ICMP_ERROR, 0 },  /* time exceeded */
		{ "0c00 0000 14000000", TW_SEG_ICMP_ERROR, 0 },  /* parameter problem */
		{ "0501 0000 0a000001", TW_SEG_OTHER, 0 },       /* redirect: advice */
		{ "0800 0000 00010001", TW_SEG_OTHER, 0 },       /* echo request */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tw_segment s = error4(rows[i].icmp, QUOTED_IP, QUOTED_TCP);

		assert_int_equal(s.kind, rows[i].kind);
		assert_int_equal(s.icmp_mtu, rows[i].mtu);
	}
}

static void quotes_of_other_things(void **state)
{
	/*
	 * UDP; a later fragment; an IP header of 16 bytes; a total length below the header; version
	 * 6
	 */
	static const char *const quotes[] = {
		"4500002c 12344000 3d110000 c0000201 c6336402",
		"4500002c 12340010 3d060000 c0000201 c6336402",
		"4400002c 12344000 3d060000 c0000201 c6336402",
		"45000013 12344000 3d060000 c0000201 c6336402",
		"6500002c 12344000 3d060000 c0000201 c6336402",
	};

	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++)
		assert_int_equal(error4("0301 0000 00000000", quotes[i], QUOTED_TCP).kind,
				 TW_SEG_OTHER);
	/* a first fragment has the ports */
	assert_int_equal(error4("0301 0000 00000000",
				"4500002c 12342000 3d060000 c0000201 c6336402", QUOTED_TCP)
				 .kind,
			 TW_SEG_ICMP_ERROR);
}

/* RFC 4884 pads the quote with zeros: the total length in it ends the segment. */
static void padding_behind_a_quote(void **state)
{
	struct tw_segment s =
		error4("0301 0000 00200000", "4500001c 12344000 3d060000 c0000201 c6336402",
		       "9c4001bb 12345678 00000000 00000000 00000000 00000000");

	assert_quote(&s);
	assert_int_equal(s.header_bytes, 0);
}

static void every_type_of_icmpv6(void **state)
{
	static const struct {
		const char *icmp;
		enum tw_segment_kind kind;
		uint32_t mtu;
	} rows[] = {
		{ "0104 0000 00000000", TW_SEG_ICMP_ERROR, 0 },
		{ "0200 0000 00000500", TW_SEG_ICMP_ERROR, 1280 },
		{ "0300 0000 00000000", TW_SEG_ICMP_ERROR, 0 },
		{ "0401 0000 00000006", TW_SEG_ICMP_ERROR, 0 },
		{ "8000 0000 00010001", TW_SEG_OTHER, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tw_segment s = error6(rows[i].icmp, QUOTED_IP6, QUOTED_TCP6);

		assert_int_equal(s.kind, rows[i].kind);
		assert_int_equal(s.icmp_mtu, rows[i].mtu);
		if (s.kind != TW_SEG_ICMP_ERROR)
			continue;
		assert_quote(&s);
		assert_int_equal(s.ip_version, 6);
		assert_int_equal(s.icmp_version, 6);
		assert_int_equal(s.ttl, 64);
		assert_int_equal(s.flags, TW_SYN);
		assert_int_equal(s.mss, 1440);
	}
}

/* The same for IPv6: each length that a router may quote, and each cut by the snaplen. */
static void every_length_of_an_ipv6_quote(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s = error6("0300 0000 00000000", QUOTED_IP6, QUOTED_TCP6);
	struct bytes whole = frame;

	for (uint32_t n = 40; n <= whole.n; n++) {
		bool ports = n >= 48 + 40 + 8;

		frame = whole;
		decode_cut(d, RAW_IP, frame.b, n, frame.n, &s);
		assert_int_equal(s.kind, n >= 48 + 40 + 4 ? TW_SEG_ICMP_ERROR
					 : n < 48         ? TW_SEG_OTHER
							  : TW_SEG_CUT);
		put16(frame.b + 4, n - 40);
		decode_cut(d, RAW_IP, frame.b, n, n, &s);
		assert_int_equal(s.kind, ports    ? TW_SEG_ICMP_ERROR
					 : n < 48 ? TW_SEG_MALFORMED
						  : TW_SEG_OTHER);
		if (ports)
			assert_quote(&s);
	}
	tw_decoder_free(d);
}

static void ipv6_quotes_of_other_things(void **state)
{
	static const char later_fragment[] = "60000000 00202c40 20010db8000000000000000000000001 "
					     "20010db8000000000000000000000002"
					     "06000008 00000007";
	struct tw_segment s;

	/* version 4 in the quote; UDP; a later fragment has no ports */
	assert_int_equal(error6("0300 0000 00000000", QUOTED_IP, QUOTED_TCP6).kind, TW_SEG_OTHER);
	s = error6("0300 0000 00000000", QUOTED_IP6, QUOTED_TCP6);
	frame.b[48 + 6] = 17;
	decode_one(RAW_IP, &frame, &s);
	assert_int_equal(s.kind, TW_SEG_OTHER);
	s = error6("0300 0000 00000000", later_fragment, QUOTED_TCP6);
	assert_int_equal(s.kind, TW_SEG_OTHER);
}

/* The quoted datagram has extension headers: destination options, then the first fragment. */
static void extension_headers_in_a_quote(void **state)
{
	static const char ip[] = "60000000 00283c40 20010db8000000000000000000000001 "
				 "20010db8000000000000000000000002"
				 "2c000104 00000000 06000001 00000007";
	struct tw_segment s = error6("0200 0000 00000500", ip, QUOTED_TCP6);

	assert_quote(&s);
	assert_int_equal(s.header_bytes, 24);
	assert_int_equal(s.payload_bytes, 0);
	assert_int_equal(s.mss, 1440);
}

static struct tw_segment neighbour(uint16_t linktype, const char *hex)
{
	struct tw_segment s;

	frame.n = 0;
	append_hex(&frame, hex);
	decode_one(linktype, &frame, &s);
	return s;
}

static void assert_unknown(const struct tw_addr *a)
{
	static const struct tw_addr zero;

	assert_memory_equal(a, &zero, sizeof(zero));
}

#define ARP(operation) "ffffffffffff 020000000001 0806 0001 0800 06 04 000" operation

static void arp(void **state)
{
	/* ARP, Request who-has 192.0.2.2 tell 192.0.2.1 */
	struct tw_segment s = neighbour(
		ETHERNET, ARP("1") "020000000001 c0000201 000000000000 c0000202 0000000000000000");

	assert_int_equal(s.kind, TW_SEG_NEIGHBOUR);
	assert_false(s.neighbour_is_answer);
	assert_addr(&s.neighbour_target, "192.0.2.2");
	assert_addr(&s.neighbour_sender, "192.0.2.1");
	assert_int_equal(s.mac_src, 0x020000000001);
	assert_int_equal(s.payload_bytes, 0);
	assert_int_equal(s.options, 0);
	/* ARP, Reply 192.0.2.2 is-at 02:00:00:00:00:02, to 192.0.2.1 */
	s = neighbour(ETHERNET, ARP("2") "020000000002 c0000202 020000000001 c0000201");
	assert_true(s.neighbour_is_answer);
	assert_addr(&s.neighbour_target, "192.0.2.2");
	assert_addr(&s.neighbour_sender, "192.0.2.1");
	/* a probe before an address is taken (RFC 5227 s2.1): nobody asks yet */
	s = neighbour(ETHERNET, ARP("1") "020000000001 00000000 000000000000 c0000201");
	assert_false(s.neighbour_is_answer);
	assert_addr(&s.neighbour_target, "192.0.2.1");
	assert_unknown(&s.neighbour_sender);
	/* an announcement: a request for one's own address, which no one is to answer */
	s = neighbour(ETHERNET, ARP("1") "020000000001 c0000201 000000000000 c0000201");
	assert_true(s.neighbour_is_answer);
	assert_addr(&s.neighbour_target, "192.0.2.1");
	assert_unknown(&s.neighbour_sender);
}

static void arp_of_another_kind(void **state)
{
	/*
	 * reverse ARP's operation 3; AX.25's protocol; one address of 6 bytes; an operation cut off
	 */
	assert_int_equal(
		neighbour(ETHERNET, ARP("3") "020000000001 c0000201 000000000000 c0000202").kind,
		TW_SEG_OTHER);
	assert_int_equal(
		neighbour(ETHERNET, "ffffffffffff 020000000001 0806 0001 86dd 0610 0001").kind,
		TW_SEG_OTHER);
	assert_int_equal(
		neighbour(ETHERNET, ARP("1") "020000000001 c0000201 000000000000 c00002").kind,
		TW_SEG_MALFORMED);
	assert_int_equal(
		neighbour(ETHERNET, "ffffffffffff 020000000001 0806 0001 0800 ff04 0001").kind,
		TW_SEG_MALFORMED);
	assert_int_equal(neighbour(ETHERNET, "ffffffffffff 020000000001 0806 0001").kind,
			 TW_SEG_MALFORMED);
}

#define ND(hop_limit) "60000000 00183a" hop_limit
#define ADDR(last)    "20010db80000000000000000000000" last

static void neighbour_discovery(void **state)
{
	/* IP6 2001:db8::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has 2001:db8::2 */
	struct tw_segment s =
		neighbour(RAW_IP, ND("ff") ADDR("01") "ff0200000000000000000001ff000002"
						      "8700 0000 00000000" ADDR("02"));

	assert_int_equal(s.kind, TW_SEG_NEIGHBOUR);
	assert_false(s.neighbour_is_answer);
	assert_addr(&s.neighbour_target, "2001:db8::2");
	assert_addr(&s.neighbour_sender, "2001:db8::1");
	/* duplicate address detection: from :: */
	s = neighbour(RAW_IP, ND("ff") "00000000000000000000000000000000"
				       "ff0200000000000000000001ff000002"
				       "8700 0000 00000000" ADDR("02"));
	assert_int_equal(s.kind, TW_SEG_NEIGHBOUR);
	assert_unknown(&s.neighbour_sender);
	/* IP6 2001:db8::2 > 2001:db8::1: ICMP6, neighbor advertisement, tgt is 2001:db8::2 */
	s = neighbour(RAW_IP, ND("ff") ADDR("02") ADDR("01") "8800 0000 60000000" ADDR("02"));
	assert_true(s.neighbour_is_answer);
	assert_addr(&s.neighbour_target, "2001:db8::2");
	assert_addr(&s.neighbour_sender, "2001:db8::1");
	/* unsolicited, to all nodes */
	s = neighbour(RAW_IP, ND("ff") ADDR("02") "ff020000000000000000000000000001"
						  "8800 0000 20000000" ADDR("02"));
	assert_true(s.neighbour_is_answer);
	assert_unknown(&s.neighbour_sender);
	/* it came through a router, so it is forged (RFC 4861 s7.1) */
	s = neighbour(RAW_IP, ND("fe") ADDR("02") ADDR("01") "8800 0000 60000000" ADDR("02"));
	assert_int_equal(s.kind, TW_SEG_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_segment_is_quoted),
		cmocka_unit_test(eight_bytes_are_quoted),
		cmocka_unit_test(every_length_of_a_quote),
		cmocka_unit_test(a_cut_quote),
		cmocka_unit_test(every_type_of_icmp),
		cmocka_unit_test(quotes_of_other_things),
		cmocka_unit_test(padding_behind_a_quote),
		cmocka_unit_test(every_type_of_icmpv6),
		cmocka_unit_test(every_length_of_an_ipv6_quote),
		cmocka_unit_test(ipv6_quotes_of_other_things),
		cmocka_unit_test(extension_headers_in_a_quote),
		cmocka_unit_test(arp),
		cmocka_unit_test(arp_of_another_kind),
		cmocka_unit_test(neighbour_discovery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
