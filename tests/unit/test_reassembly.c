/* SPDX-License-Identifier: BSD-2-Clause */
/* IP fragments: any order, twice, overlapping, cut, too many, and inside tunnels. */
#include "frames.h"

/*
 * The datagram that is taken apart: IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [P.], seq 1, ack
 * 2, win 500, length 100; the TCP segment has 120 bytes.
 */
#define TCP_BYTES 120

static uint8_t tcp[TCP_BYTES];

static int make_segment(void **state)
{
	struct bytes *head = calloc(1, sizeof(*head));
	uint32_t sum = 6 + TCP_BYTES + 0xc000 + 0x0201 + 0xc633 + 0x6402;

	append_hex(head, "9c40 01bb 00000001 00000002 5018 01f4 0000 0000");
	memcpy(tcp, head->b, 20);
	free(head);
	for (uint32_t i = 20; i < TCP_BYTES; i++)
		tcp[i] = (uint8_t)i;
	for (uint32_t i = 0; i < TCP_BYTES; i += 2)
		sum += (uint32_t)tcp[i] << 8 | tcp[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(tcp + 16, ~sum & 0xffff);
	return 0;
}

struct piece {
	uint32_t offset, bytes;
	bool more;
	uint32_t id;
	uint32_t cut; /* bytes that the snaplen took from the end */
	int64_t time_ns;
	uint16_t iface;
};

/*
 * One fragment as raw IPv4. The bytes are those of the segment, from its start again where it ends.
 */
static void fragment_v4(struct bytes *f, const struct piece *p)
{
	f->n = 0;
	append_hex(f, "4500 0000 0000 0000 4006 0000 c0000201 c6336402");
	put16(f->b + 2, 20 + p->bytes);
	put16(f->b + 4, p->id);
	put16(f->b + 6, (p->more ? 0x2000u : 0) | p->offset / 8);
	for (uint32_t i = 0; i < p->bytes; i++)
		append(f, tcp + (p->offset + i) % TCP_BYTES, 1);
}

static enum tw_segment_kind feed(struct tw_decoder *d, struct piece p, struct tw_segment *s)
{
	static struct bytes f;
	struct tw_frame frame = { .linktype = RAW_IP, .time_ns = p.time_ns, .iface = p.iface };

	fragment_v4(&f, &p);
	frame.len = f.n;
	frame.caplen = f.n - p.cut;
	return decode_at(d, frame, f.b, s);
}

static void assert_whole(const struct tw_segment *s)
{
	assert_int_equal(s->kind, TW_SEG_TCP);
	assert_addr(&s->src, "192.0.2.1");
	assert_addr(&s->dst, "198.51.100.2");
	assert_int_equal(s->ttl, 64);
	assert_int_equal(s->sport, 40000);
	assert_int_equal(s->dport, 443);
	assert_int_equal(s->seq, 1);
	assert_int_equal(s->payload_bytes, 100);
	assert_int_equal(s->payload_captured, 100);
	assert_int_equal(s->checksum, TW_CSUM_GOOD);
	assert_memory_equal(s->payload_head, tcp + 20, 16);
	assert_true(s->ip_mf_or_offset);
}

static const struct piece three[3] = {
	{ 0, 48, true, 1, 0, 0, 0 },
	{ 48, 48, true, 1, 0, 0, 0 },
	{ 96, 24, false, 1, 0, 0, 0 },
};

static void any_order(void **state)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	for (int i = 0; i < 6; i++) {
		for (int j = 0; j < 2; j++) {
			assert_int_equal(feed(d, three[orders[i][j]], &s), TW_SEG_FRAGMENT);
			assert_int_equal(s.sport, 0);
		}
		feed(d, three[orders[i][2]], &s);
		assert_whole(&s);
	}
	assert_int_equal(tw_decoder_stats(d)->reassembled, 6);
	assert_int_equal(tw_decoder_stats(d)->fragments, 12);
	assert_int_equal(tw_decoder_stats(d)->tcp, 6);
	assert_int_equal(tw_decoder_stats(d)->reassembly_evicted, 0);
	tw_decoder_free(d);
}

/* The fragments have 8 bytes each: even the TCP header is spread over three of them. */
static void smallest_fragments_backwards(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	for (int at = TCP_BYTES - 8; at > 0; at -= 8)
		assert_int_equal(
			feed(d, (struct piece){ (uint32_t)at, 8, at + 8 < TCP_BYTES, 9 }, &s),
			TW_SEG_FRAGMENT);
	feed(d, (struct piece){ 0, 8, true, 9 }, &s);
	assert_whole(&s);
	tw_decoder_free(d);
}

static void duplicates_change_nothing(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	for (int i = 0; i < 2; i++)
		assert_int_equal(feed(d, three[0], &s), TW_SEG_FRAGMENT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(feed(d, three[2], &s), TW_SEG_FRAGMENT);
	/* a part of what has come already */
	assert_int_equal(feed(d, (struct piece){ 8, 16, true, 1 }, &s), TW_SEG_FRAGMENT);
	feed(d, three[1], &s);
	assert_whole(&s);
	tw_decoder_free(d);
}

/*
 *   0        48        96    120
 *   |--------|                      first
 *        |--------|                 overlaps: both are given up, as the kernel does
 */
static void an_overlap_gives_the_datagram_up(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	assert_int_equal(feed(d, three[0], &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed(d, (struct piece){ 40, 56, true, 1 }, &s), TW_SEG_MALFORMED);
	assert_int_equal(feed(d, three[1], &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed(d, three[2], &s), TW_SEG_FRAGMENT);
	assert_int_equal(tw_decoder_stats(d)->reassembled, 0);
	/* the first one again, and all is there */
	feed(d, three[0], &s);
	assert_whole(&s);
	tw_decoder_free(d);
}

static void ends_that_disagree(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	/* two last fragments */
	assert_int_equal(feed(d, three[2], &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed(d, (struct piece){ 120, 8, false, 1 }, &s), TW_SEG_MALFORMED);
	assert_int_equal(feed(d, three[2], &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed(d, (struct piece){ 48, 40, false, 1 }, &s), TW_SEG_MALFORMED);
	/* something behind the last one */
	assert_int_equal(feed(d, three[2], &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed(d, (struct piece){ 120, 8, true, 1 }, &s), TW_SEG_MALFORMED);
	/* a last one that ends before what has come */
	assert_int_equal(feed(d, three[1], &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed(d, (struct piece){ 8, 40, false, 1 }, &s), TW_SEG_MALFORMED);
	tw_decoder_free(d);
}

static void impossible_fragments(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	assert_int_equal(feed(d, (struct piece){ 0, 47, true, 1 }, &s), TW_SEG_MALFORMED);
	assert_int_equal(feed(d, (struct piece){ 8, 0, true, 1 }, &s), TW_SEG_MALFORMED);
	/* the ping of death: ends past 65535 */
	assert_int_equal(feed(d, (struct piece){ 65528, 1000, false, 1 }, &s), TW_SEG_MALFORMED);
	assert_int_equal(feed(d, (struct piece){ 65528, 8, false, 1 }, &s), TW_SEG_MALFORMED);
	assert_int_equal(feed(d, (struct piece){ 65528, 7, false, 1 }, &s), TW_SEG_FRAGMENT);
	tw_decoder_free(d);
}

static void the_largest_datagram(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	enum tw_segment_kind kind = TW_SEG_OTHER;
	struct tw_segment s;

	for (uint32_t at = 0; at < 65535; at += 1480) {
		uint32_t n = 65535 - at < 1480 ? 65535 - at : 1480;

		kind = feed(d, (struct piece){ at, n, at + n < 65535, 3 }, &s);
	}
	assert_int_equal(kind, TW_SEG_TCP);
	assert_int_equal(s.payload_bytes, 65515);
	assert_int_equal(s.payload_captured, 65515);
	tw_decoder_free(d);
}

/* The snaplen took bytes of a fragment: the segment is known, its payload up to the first gap. */
static void fragments_cut_by_the_snaplen(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct piece piece;
	struct tw_segment s;

	piece = three[1];
	piece.cut = 10;
	feed(d, three[2], &s);
	feed(d, piece, &s);
	assert_int_equal(feed(d, three[0], &s), TW_SEG_TCP);
	assert_int_equal(s.payload_bytes, 100);
	assert_int_equal(s.payload_captured, 66);
	assert_true(s.payload_cut);
	assert_int_equal(s.checksum, TW_CSUM_UNKNOWN);
	/* inside the TCP header */
	piece = three[0];
	piece.cut = 29;
	feed(d, three[2], &s);
	feed(d, three[1], &s);
	assert_int_equal(feed(d, piece, &s), TW_SEG_CUT);
	assert_int_equal(s.sport, 0);
	tw_decoder_free(d);
}

/* Different ids, interfaces: different datagrams, interleaved. */
static void interleaved_datagrams(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	for (int i = 0; i < 3; i++) {
		for (uint32_t who = 0; who < 3; who++) {
			struct piece piece = three[i];

			piece.id = who == 1 ? 2 : 1;
			piece.iface = who == 2;
			feed(d, piece, &s);
			if (i < 2)
				assert_int_equal(s.kind, TW_SEG_FRAGMENT);
			else
				assert_whole(&s);
		}
	}
	tw_decoder_free(d);
}

/* A flood of first fragments: memory stays, the oldest go, and that is counted. */
static void the_table_is_bounded(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct piece piece;
	struct tw_segment s;

	for (uint32_t id = 0; id < 1000; id++) {
		piece = three[0];
		piece.id = id;
		assert_int_equal(feed(d, piece, &s), TW_SEG_FRAGMENT);
	}
	assert_int_equal(tw_decoder_stats(d)->reassembly_evicted, 1000 - 64);
	/* 936 is the oldest that is left */
	for (uint32_t id = 935; id <= 936; id++) {
		for (int i = 1; i < 3; i++) {
			piece = three[i];
			piece.id = id == 935 ? 999 : 937;
			feed(d, piece, &s);
		}
		assert_whole(&s);
	}
	piece = three[1];
	piece.id = 100;
	assert_int_equal(feed(d, piece, &s), TW_SEG_FRAGMENT);
	piece = three[2];
	piece.id = 100;
	assert_int_equal(feed(d, piece, &s), TW_SEG_FRAGMENT);
	tw_decoder_free(d);
}

/* After 30 s the id may have been used again: old and new are not mixed. */
static void old_fragments_expire(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct piece late = three[1];
	struct tw_segment s;

	feed(d, three[0], &s);
	feed(d, three[2], &s);
	late.time_ns = INT64_C(30000000001);
	assert_int_equal(feed(d, late, &s), TW_SEG_FRAGMENT);
	assert_int_equal(tw_decoder_stats(d)->reassembly_evicted, 1);
	late = three[0];
	late.time_ns = INT64_C(60000000000);
	assert_int_equal(feed(d, late, &s), TW_SEG_FRAGMENT);
	late = three[2];
	late.time_ns = INT64_C(60000000001);
	feed(d, late, &s);
	assert_whole(&s);
	/* time stamps at both ends of their range, and backwards */
	late = three[0];
	late.time_ns = INT64_MIN;
	feed(d, late, &s);
	late = three[1];
	late.time_ns = INT64_MAX;
	feed(d, late, &s);
	late = three[2];
	late.time_ns = 0;
	assert_int_equal(feed(d, late, &s), TW_SEG_TCP);
	tw_decoder_free(d);
}

static enum tw_segment_kind feed_v6(struct tw_decoder *d, const struct piece *p, const char *inside,
				    uint8_t next, struct tw_segment *s)
{
	static struct bytes f;

	f.n = 0;
	append_hex(&f, "60000000 0000 2c40 20010db8000000000000000000000001"
		       "20010db8000000000000000000000002");
	append_hex(&f, "0000 0000 00000007");
	f.b[40] = next;
	put16(f.b + 42, p->offset | p->more);
	append_hex(&f, inside);
	append(&f, tcp + (p->offset ? p->offset - 8 : 0), p->bytes);
	put16(f.b + 4, f.n - 40);
	return decode_cut(d, RAW_IP, f.b, f.n, f.n, s);
}

/* The fragmentable part starts with 8 bytes of destination options, so TCP is found behind them. */
static void ipv6_fragments(void **state)
{
	static const struct piece first = { 0, 40, true }, middle = { 48, 48, true },
				  last = { 96, 32, false };
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	assert_int_equal(feed_v6(d, &last, "", 60, &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed_v6(d, &first, "0600 0104 0000 0000", 60, &s), TW_SEG_FRAGMENT);
	/* in later fragments the next header is not looked at (RFC 8200 s4.5) */
	assert_int_equal(feed_v6(d, &middle, "", 17, &s), TW_SEG_TCP);
	assert_addr(&s.src, "2001:db8::1");
	assert_int_equal(s.ip_version, 6);
	assert_int_equal(s.ttl, 64);
	assert_int_equal(s.payload_bytes, 100);
	assert_int_equal(s.payload_captured, 100);
	assert_memory_equal(s.payload_head, tcp + 20, 16);
	assert_true(s.ip_mf_or_offset);
	/* an overlap condemns here as well (RFC 5722) */
	assert_int_equal(feed_v6(d, &first, "0600 0104 0000 0000", 60, &s), TW_SEG_FRAGMENT);
	assert_int_equal(feed_v6(d, &(struct piece){ 40, 48, true }, "", 60, &s), TW_SEG_MALFORMED);
	tw_decoder_free(d);
}

/* IP in IP whose outer datagram is in fragments, around a fragment: both levels are rebuilt. */
static void fragments_of_fragments(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	static struct bytes inner, outer;
	struct tw_segment s;

	for (int i = 0; i < 3; i++) {
		fragment_v4(&inner, &three[i]);
		for (uint32_t at = 0; at < inner.n; at += 24) {
			uint32_t n = inner.n - at < 24 ? inner.n - at : 24;

			outer.n = 0;
			append_hex(&outer, "4500 0000 0000 0000 4004 0000 0a000001 0a000002");
			put16(outer.b + 2, 20 + n);
			put16(outer.b + 4, 77 + (uint32_t)i);
			put16(outer.b + 6, (at + n < inner.n ? 0x2000u : 0) | at / 8);
			append(&outer, inner.b + at, n);
			decode_cut(d, RAW_IP, outer.b, outer.n, outer.n, &s);
		}
	}
	assert_whole(&s);
	assert_int_equal(s.tunnel_depth, 1);
	assert_int_equal(tw_decoder_stats(d)->reassembled, 4);
	tw_decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(smallest_fragments_backwards),
		cmocka_unit_test(duplicates_change_nothing),
		cmocka_unit_test(an_overlap_gives_the_datagram_up),
		cmocka_unit_test(ends_that_disagree),
		cmocka_unit_test(impossible_fragments),
		cmocka_unit_test(the_largest_datagram),
		cmocka_unit_test(fragments_cut_by_the_snaplen),
		cmocka_unit_test(interleaved_datagrams),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(old_fragments_expire),
		cmocka_unit_test(ipv6_fragments),
		cmocka_unit_test(fragments_of_fragments),
	};

	return cmocka_run_group_tests(tests, make_segment, NULL);
}
