/* SPDX-License-Identifier: BSD-2-Clause */
/* The decoder from the link type down to the core of a segment: wrappings, cuts, lying lengths. */
#include "frames.h"

#include "packet/brief.h"

#include "frames_wrapped.h"

#define N_WRAPPINGS (sizeof(wrappings) / sizeof(wrappings[0]))

static struct bytes frame;

static void load(const struct wrapping *w)
{
	frame.n = 0;
	append_hex(&frame, w->hex);
}

static void assert_core(const struct wrapping *w, const struct tw_segment *s)
{
	assert_int_equal(s->kind, TW_SEG_TCP);
	assert_int_equal(s->ip_version, w->ip_version);
	assert_int_equal(s->ttl, 61);
	assert_addr(&s->src, w->ip_version == 4 ? "192.0.2.1" : "2001:db8::1");
	assert_addr(&s->dst, w->ip_version == 4 ? "198.51.100.2" : "2001:db8::2");
	assert_int_equal(s->sport, 40000);
	assert_int_equal(s->dport, 443);
	assert_int_equal(s->seq, 0x12345678);
	assert_int_equal(s->ack, 0x9abcdef0);
	assert_int_equal(s->flags, TW_SYN | TW_ACK);
	assert_int_equal(s->window, 4660);
	assert_int_equal(s->header_bytes, 40);
	assert_int_equal(s->payload_bytes, 5);
}

static void assert_detail(const struct wrapping *w, const struct tw_segment *s)
{
	assert_int_equal(s->ip_id, w->ip_version == 4 ? 0x1234 : 0);
	assert_true(s->ip_df);
	assert_int_equal(s->tos, 0x10);
	assert_int_equal(s->flow_label, w->ip_version == 6 ? 0x12345 : 0);
	assert_false(s->ip_mf_or_offset);
	assert_int_equal(s->tunnel_depth, w->tunnel_depth);
	assert_int_equal(s->vlan, w->vlan);
	assert_int_equal(s->mac_src, w->macs == NO_MAC ? 0 : 0x020000000001);
	assert_int_equal(s->mac_dst, w->macs == BOTH_MACS ? 0x020000000002 : 0);
	assert_int_equal(s->options,
			 TW_OPT_MSS | TW_OPT_SACK_PERMITTED | TW_OPT_TIMESTAMPS | TW_OPT_WSCALE);
	assert_int_equal(s->mss, 1460);
	assert_int_equal(s->wscale, 7);
	assert_int_equal(s->tsval, 1000);
	assert_int_equal(s->tsecr, 2000);
	assert_int_equal(s->checksum, TW_CSUM_GOOD);
	assert_false(s->payload_cut);
	assert_int_equal(s->payload_captured, 5);
	assert_int_equal(s->payload_head_bytes, 5);
	assert_memory_equal(s->payload_head, "hello", 5);
	assert_int_not_equal(s->payload_hash, 0);
	assert_int_equal(s->icmp_type, 0);
	assert_int_equal(s->rst_text[0], 0);
}

static void every_wrapping(void **state)
{
	struct tw_segment s;
	uint32_t hash = 0;

	for (size_t i = 0; i < N_WRAPPINGS; i++) {
		print_message("# %s\n", wrappings[i].name);
		load(&wrappings[i]);
		decode_one(wrappings[i].linktype, &frame, &s);
		assert_core(&wrappings[i], &s);
		assert_detail(&wrappings[i], &s);
		/* The same payload has the same hash, however it travels. */
		assert_true(!i || s.payload_hash == hash);
		hash = s.payload_hash;
		assert_memory_equal(frame.b + s.l4_offset, "\x9c\x40\x01\xbb", 4);
		assert_int_equal(frame.b[s.l3_offset] >> 4, wrappings[i].ip_version);
	}
}

/*
 * The snaplen may cut anywhere: then a segment is whole, or it is known to be cut; it never lies.
 */
static void every_cut(void **state)
{
	struct tw_segment s, none;

	memset(&none, 0, sizeof(none));
	for (size_t i = 0; i < N_WRAPPINGS; i++) {
		struct tw_decoder *d = tw_decoder_new();
		uint32_t tcp_from = 0;

		load(&wrappings[i]);
		for (uint32_t cap = 0; cap <= frame.n; cap++) {
			decode_cut(d, wrappings[i].linktype, frame.b, cap, frame.n, &s);
			if (s.kind != TW_SEG_TCP) {
				assert_true(s.kind == TW_SEG_CUT || s.kind == TW_SEG_OTHER);
				none.kind = s.kind;
				assert_memory_equal(&s, &none, sizeof(s));
				assert_int_equal(tcp_from, 0);
				continue;
			}
			if (!tcp_from)
				tcp_from = cap;
			assert_core(&wrappings[i], &s);
			assert_int_equal(tcp_from, s.l4_offset + 20);
			assert_int_equal(s.options & TW_OPT_MALFORMED, 0);
			assert_int_equal(s.payload_cut, s.payload_captured < 5);
			assert_int_equal(s.checksum,
					 s.payload_cut ? TW_CSUM_UNKNOWN : TW_CSUM_GOOD);
			assert_int_equal(!s.payload_hash, !s.payload_captured);
		}
		assert_int_not_equal(tcp_from, 0);
		assert_int_equal(tw_decoder_stats(d)->malformed, 0);
		assert_int_equal(tw_decoder_stats(d)->frames, frame.n + 1);
		tw_decoder_free(d);
	}
}

/* A frame that really was sent short contradicts its own lengths; only super segments have none. */
static void every_short_frame(void **state)
{
	struct tw_segment s;

	for (size_t i = 0; i < N_WRAPPINGS; i++) {
		struct tw_decoder *d = tw_decoder_new();

		load(&wrappings[i]);
		for (uint32_t len = 0; len < frame.n; len++) {
			decode_cut(d, wrappings[i].linktype, frame.b, len, len, &s);
			assert_int_not_equal(s.kind, TW_SEG_CUT);
			if (s.kind == TW_SEG_TCP && s.payload_bytes < 5)
				assert_true(strstr(wrappings[i].name, "length 0") ||
					    strstr(wrappings[i].name, "jumbo"));
			else if (s.kind == TW_SEG_TCP)
				assert_core(&wrappings[i], &s);
		}
		tw_decoder_free(d);
	}
}

/* Any one byte may be wrong: the sanitizers watch, and the kind is one of those that exist. */
#define SEED UINT64_C(0x0123456789abcdef)

/* The brief of a frame says what the segment says. */
static void assert_brief(uint16_t linktype)
{
	const struct tw_frame f = { .time_ns = 77,
				    .number = 5,
				    .data = frame.b,
				    .caplen = frame.n,
				    .len = frame.n,
				    .linktype = linktype };
	struct tw_decoder *one = tw_decoder_new(), *other = tw_decoder_new();
	struct tw_brief brief, expected;

	tw_decode_briefs(one, &f, 1, SEED, &brief);
	tw_decode_brief(other, &f, SEED, &expected);
	assert_memory_equal(&brief, &expected, offsetof(struct tw_brief, section) + 2);
	assert_memory_equal(tw_decoder_stats(one), tw_decoder_stats(other),
			    sizeof(struct tw_decoder_stats));
	tw_decoder_free(one);
	tw_decoder_free(other);
}

/* Whichever way a frame takes, however it is cut: the same is said of the answer that begins in it. */
static void briefs_of_answers(void **state)
{
	static const char *const payloads[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n12345",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
	};
	struct tw_decoder *one = tw_decoder_new(), *other = tw_decoder_new();
	struct tw_brief brief, expected;
	unsigned i, goes_on = 0;
	uint32_t cap;

	for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		load(&wrappings[0]);
		frame.n -= 5;
		append(&frame, payloads[i], (uint32_t)strlen(payloads[i]));
		put16(frame.b + 16, frame.n - 14);
		append(&frame, "HTTP/1.1 204 trailer of Ethernet", 32);
		for (cap = 54; cap <= frame.n; cap++) {
			const struct tw_frame f = {
				.data = frame.b, .caplen = cap, .len = frame.n, .linktype = ETHERNET
			};

			tw_decode_briefs(one, &f, 1, SEED, &brief);
			tw_decode_brief(other, &f, SEED, &expected);
			assert_memory_equal(&brief, &expected,
					    offsetof(struct tw_brief, section) + 2);
			goes_on += (brief.flags & TW_BRIEF_GOES_ON) != 0;
			assert_int_equal(!(brief.flags & TW_BRIEF_MESSAGE),
					 cap < 74 + TW_HTTP_HEAD_BYTES);
		}
		assert_int_equal(!(brief.flags & TW_BRIEF_GOES_ON), i == 0 || i == 2);
	}
	assert_int_not_equal(goes_on, 0);
	tw_decoder_free(one);
	tw_decoder_free(other);
}

/* ... and of the ClientHello: of one that is cut to its first bytes, too. */
static void briefs_of_hellos(void **state)
{
	static const uint8_t hello[] = { 22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5, 6, 7 };
	struct tw_decoder *one = tw_decoder_new(), *other = tw_decoder_new();
	struct tw_brief brief, expected;
	uint32_t cap;

	load(&wrappings[0]);
	frame.n -= 5;
	append(&frame, hello, sizeof(hello));
	put16(frame.b + 16, frame.n - 14);
	for (cap = 54; cap <= frame.n; cap++) {
		const struct tw_frame f = {
			.data = frame.b, .caplen = cap, .len = frame.n, .linktype = ETHERNET
		};

		tw_decode_briefs(one, &f, 1, SEED, &brief);
		tw_decode_brief(other, &f, SEED, &expected);
		assert_memory_equal(&brief, &expected, offsetof(struct tw_brief, section) + 2);
		assert_int_equal(!(brief.flags & TW_BRIEF_HELLO), cap < 74 + TW_TLS_HELLO_BYTES);
	}
	tw_decoder_free(one);
	tw_decoder_free(other);
}

/* The same key, tag and flow for both directions, and the other side as the sender. */
static void directions_meet(void **state)
{
	struct tw_segment s[2] = { 0 };
	struct tw_brief b[2];
	int i;

	for (i = 0; i < 64; i++) {
		const struct tw_frame f = { .number = 1 };
		const struct tw_addr x = { .b = { [10] = 0xff, 0xff, 10, (uint8_t)i, 0, 1 } };
		const struct tw_addr y = { .b = { [10] = 0xff, 0xff, 10, 7, (uint8_t)(i % 3), 1 } };

		s[0].kind = s[1].kind = TW_SEG_TCP;
		s[0].ip_version = s[1].ip_version = 4;
		s[0].src = s[1].dst = x;
		s[0].dst = s[1].src = y;
		s[0].sport = s[1].dport = (uint16_t)(1000 + i * 251);
		s[0].dport = s[1].sport = (uint16_t)(9000 - i);
		tw_brief_of(&f, &s[0], SEED, &b[0]);
		tw_brief_of(&f, &s[1], SEED, &b[1]);
		assert_true(tw_tuple_equal(&b[0].tuple, &b[1].tuple));
		assert_int_equal(b[0].tag, b[1].tag);
		assert_int_equal(b[0].sender, !b[1].sender);
		assert_int_equal(tw_tuple_flow(&b[0].tuple, SEED),
				 tw_tuple_flow(&b[1].tuple, SEED));
	}
}

static void every_flipped_byte(void **state)
{
	struct tw_segment s;

	for (size_t i = 0; i < N_WRAPPINGS; i++) {
		struct tw_decoder *d = tw_decoder_new();

		load(&wrappings[i]);
		for (uint32_t at = 0; at < frame.n; at++) {
			for (int bit = 0; bit < 8; bit++) {
				frame.b[at] ^= (uint8_t)(1 << bit);
				decode_cut(d, wrappings[i].linktype, frame.b, frame.n, frame.n, &s);
				assert_true(s.kind <= TW_SEG_MALFORMED);
				if (s.kind == TW_SEG_TCP)
					assert_true(s.payload_bytes + s.header_bytes <= frame.n);
				assert_brief(wrappings[i].linktype);
				frame.b[at] ^= (uint8_t)(1 << bit);
			}
		}
		tw_decoder_free(d);
	}
}

/*
 * The bare frame, 14 bytes of Ethernet, 20 of IPv4, 40 of TCP, 5 of payload, with one field
 * changed.
 */
static enum tw_segment_kind with_field(uint32_t at, uint32_t value, struct tw_segment *s)
{
	load(&wrappings[0]);
	put16(frame.b + at, value);
	return decode_one(ETHERNET, &frame, s);
}

static void lying_lengths_of_ipv4(void **state)
{
	struct tw_segment s;

	assert_int_equal(with_field(16, 66, &s), TW_SEG_MALFORMED); /* total length > frame */
	assert_int_equal(with_field(16, 65535, &s), TW_SEG_MALFORMED);
	assert_int_equal(with_field(16, 19, &s), TW_SEG_MALFORMED); /* total length < header */
	assert_int_equal(with_field(16, 39, &s), TW_SEG_MALFORMED); /* no room for TCP */
	assert_int_equal(with_field(16, 59, &s), TW_SEG_MALFORMED); /* no room for its options */
	assert_int_equal(with_field(16, 60, &s), TW_SEG_TCP);
	assert_int_equal(s.payload_bytes, 0); /* the 5 bytes are padding now */
	assert_int_equal(s.payload_captured, 0);
	assert_int_equal(with_field(14, 0x4400, &s), TW_SEG_MALFORMED); /* header of 16 bytes */
	assert_int_equal(with_field(14, 0x6500, &s),
			 TW_SEG_MALFORMED); /* version 6 as EtherType IPv4 */
	assert_int_equal(with_field(46, 0x4012, &s), TW_SEG_MALFORMED); /* TCP header of 16 bytes */
	assert_int_equal(with_field(46, 0xc012, &s),
			 TW_SEG_MALFORMED); /* of 48, but 45 are there */
}

static void lying_lengths_of_ipv6(void **state)
{
	static const uint32_t bad[] = { 46, 65535, 19, 39 };
	struct tw_segment s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		load(&wrappings[1]);
		put16(frame.b + 18, bad[i]);
		assert_int_equal(decode_one(ETHERNET, &frame, &s), TW_SEG_MALFORMED);
	}
	/* an extension header that reaches past the datagram */
	load(&wrappings[1]);
	frame.b[20] = 60;
	frame.b[55] = 200;
	assert_int_equal(decode_one(ETHERNET, &frame, &s), TW_SEG_MALFORMED);
}

/* A record may hold more bytes than it says the frame had. The bytes count, nothing crashes. */
static void caplen_above_len(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_segment s;

	load(&wrappings[0]);
	assert_int_equal(decode_cut(d, ETHERNET, frame.b, frame.n, 3, &s), TW_SEG_TCP);
	assert_core(&wrappings[0], &s);
	assert_int_equal(decode_cut(d, ETHERNET, frame.b, 0, UINT32_MAX, &s), TW_SEG_CUT);
	tw_decoder_free(d);
}

static void all_nine_flags(void **state)
{
	struct tw_segment s;

	/*
	 * Flags [FSRP.UEW] and AE (once NS, now of Accurate ECN); the three reserved bits stay out
	 */
	assert_int_equal(with_field(46, 0xafff, &s), TW_SEG_TCP);
	assert_int_equal(s.flags, TW_FIN | TW_SYN | TW_RST | TW_PSH | TW_ACK | TW_URG | TW_ECE |
					  TW_CWR | TW_AE);
	assert_int_equal(with_field(52, 513, &s), TW_SEG_TCP);
	assert_int_equal(s.urgent, 513);
}

/* IP-in-IP, nested deeper than anyone does: bounded, and no error. */
static void tunnel_depth_is_bounded(void **state)
{
	for (uint32_t depth = 6; depth <= 12; depth++) {
		struct tw_segment s;
		uint8_t inner[65];

		load(&wrappings[0]);
		memcpy(inner, frame.b + 14, sizeof(inner));
		frame.n = 14;
		for (uint32_t i = 0; i < depth; i++) {
			uint8_t ip[20] = { 0x45, [8] = 9, 4, [12] = 10, 0, 0, 1, 10, 0, 0, 2 };

			put16(ip + 2, 20 * (depth - i) + 65);
			append(&frame, ip, 20);
		}
		append(&frame, inner, sizeof(inner));
		decode_one(ETHERNET, &frame, &s);
		assert_int_equal(s.kind, depth <= 8 ? TW_SEG_TCP : TW_SEG_OTHER);
		if (depth <= 8)
			assert_int_equal(s.tunnel_depth, depth);
	}
}

/* A thousand VLAN tags, labels or extension headers end in "other", not in a deep stack. */
static void endless_headers(void **state)
{
	struct tw_segment s;

	load(&wrappings[0]);
	frame.n = 12;
	for (int i = 0; i < 1000; i++)
		append_hex(&frame, "8100 0005");
	assert_int_equal(decode_one(ETHERNET, &frame, &s), TW_SEG_OTHER);
	frame.n = 12;
	append_hex(&frame, "8847");
	for (int i = 0; i < 1000; i++)
		append_hex(&frame, "00010040");
	assert_int_equal(decode_one(ETHERNET, &frame, &s), TW_SEG_OTHER);
	load(&wrappings[1]);
	frame.b[20] = 60;
	frame.n = 54;
	put16(frame.b + 18, 8000);
	for (int i = 0; i < 1000; i++)
		append_hex(&frame, "3c00 0104 0000 0000");
	assert_int_equal(decode_one(ETHERNET, &frame, &s), TW_SEG_OTHER);
}

/*
 * A jumbogram whose TCP header, or whose tunnelled IP header, stands behind 64 KiB of options: the
 * offsets of a segment cannot tell such a place, so it is not decoded.
 */
static void headers_beyond_64_kib(void **state)
{
	static const uint8_t next[] = { 6, 41 };

	for (int i = 0; i < 2; i++) {
		struct tw_segment s;
		struct bytes *tail = calloc(1, sizeof(*tail));

		load(&wrappings[1]);
		append(tail, frame.b + (next[i] == 6 ? 54 : 14),
		       frame.n - (next[i] == 6 ? 54 : 14));
		memmove(frame.b, frame.b + 14, 40);
		put16(frame.b + 4, 0);
		frame.b[6] = 60;
		for (uint32_t headers = 31; headers <= 33; headers++) {
			memset(frame.b + 40, 0, headers * 2048);
			for (uint32_t at = 0; at < headers; at++) {
				frame.b[40 + at * 2048] = at < headers - 1 ? 60 : next[i];
				frame.b[41 + at * 2048] = 255;
			}
			frame.n = 40 + headers * 2048;
			append(&frame, tail->b, tail->n);
			decode_one(RAW_IP, &frame, &s);
			if (headers == 31)
				assert_core(&wrappings[1], &s);
			else
				assert_int_equal(s.kind, TW_SEG_MALFORMED);
		}
		free(tail);
	}
}

/* The fast path does not know IP options, so both ways see the same frame, and must agree. */
static void fast_and_slow_path_agree(void **state)
{
	struct tw_segment fast, slow;

	load(&wrappings[0]);
	frame.b[46] |= 1; /* AE, so that all nine flags are compared */
	decode_one(ETHERNET, &frame, &fast);
	assert_int_equal(fast.flags, TW_AE | TW_SYN | TW_ACK);
	memmove(frame.b + 38, frame.b + 34, frame.n - 34);
	memcpy(frame.b + 34, "\1\1\1\0", 4);
	frame.n += 4;
	frame.b[14] = 0x46;
	put16(frame.b + 16, 69);
	decode_one(ETHERNET, &frame, &slow);
	assert_int_equal(slow.l4_offset, fast.l4_offset + 4);
	slow.l4_offset = fast.l4_offset;
	slow.payload = fast.payload = NULL; /* each in a frame of its own, which is gone */
	assert_memory_equal(&fast, &slow, sizeof(fast));
}

static void what_is_not_ours(void **state)
{
	static const struct {
		uint16_t linktype;
		enum tw_segment_kind kind;
		const char *hex;
	} rows[] = {
		/* IP 10.0.0.1.53 > 10.0.0.2.5353: UDP, length 0 */
		{ RAW_IP, TW_SEG_OTHER,
		  "4500001c000000004011 0000 0a000001 0a000002 0035 14e9 0008 0000" },
		/* to the VXLAN port, but no VXLAN */
		{ RAW_IP, TW_SEG_OTHER,
		  "45000024000000004011 0000 0a000001 0a000002 0035 12b5 0010 0000 "
		  "ffffffffffffffff" },
		/* GTP-U echo request */
		{ RAW_IP, TW_SEG_OTHER,
		  "45000024000000004011 0000 0a000001 0a000002 0868 0868 0010 0000 "
		  "3001000000000000" },
		/* GRE with a source route */
		{ RAW_IP, TW_SEG_OTHER, "4500001800000000402f 0000 0a000001 0a000002 4000 0800" },
		/*
		 * LLDP, spanning tree, an 802.11 beacon, an encrypted data frame, OSPF, no IP
		 * version
		 */
		{ ETHERNET, TW_SEG_OTHER, "0180c200000e 020000000001 88cc 0207" },
		{ ETHERNET, TW_SEG_OTHER, "0180c2000000 020000000001 0026 424203 0000000000" },
		{ 105, TW_SEG_OTHER, "8000 0000 ffffffffffff 020000000009 020000000009 1000" },
		{ 105, TW_SEG_OTHER,
		  "0841 0000 020000000009 020000000001 020000000002 1000 00000000" },
		{ RAW_IP, TW_SEG_OTHER, "450000140000000040590000 0a000001 0a000002" },
		{ RAW_IP, TW_SEG_OTHER, "50000014" },
		{ 0, TW_SEG_OTHER, "07000000 45000014" },
		/* cooked: a netlink message whose family looks like an EtherType; Novell's raw 802.3 */
		{ 113, TW_SEG_OTHER, "0004 0338 0000 0000000000000000 0800 4500" },
		{ 113, TW_SEG_OTHER, "0000 0001 0006 0200000000010000 0001 ffff" },
		/* a radiotap header longer than the frame; one of an unknown version */
		{ 127, TW_SEG_MALFORMED, "0000 4000 00000000" },
		{ 127, TW_SEG_MALFORMED, "0100 0800 00000000" },
		/* PPPoE that promises more than there is; discovery */
		{ 51, TW_SEG_MALFORMED, "1100 0009 0100 0021 45" },
		{ 51, TW_SEG_OTHER, "1109 0000 0000" },
	};
	struct tw_segment s;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		frame.n = 0;
		append_hex(&frame, rows[i].hex);
		assert_int_equal(decode_one(rows[i].linktype, &frame, &s), rows[i].kind);
	}
}

static void statistics(void **state)
{
	struct tw_decoder *d = tw_decoder_new();
	const struct tw_decoder_stats *stats = tw_decoder_stats(d);
	struct tw_segment s;

	load(&wrappings[0]);
	decode_cut(d, ETHERNET, frame.b, frame.n, frame.n, &s);
	decode_cut(d, ETHERNET, frame.b, frame.n - 2, frame.n, &s);
	decode_cut(d, ETHERNET, frame.b, 40, frame.n, &s);
	decode_cut(d, 189, frame.b, frame.n, frame.n, &s);
	decode_cut(d, 227, frame.b, frame.n, frame.n, &s);
	assert_int_equal(stats->frames, 5);
	assert_int_equal(stats->tcp, 2);
	assert_int_equal(stats->snaplen_cut_payload, 1);
	assert_int_equal(stats->cut, 1);
	assert_int_equal(stats->unknown_link_frames, 2);
	assert_int_equal(stats->unknown_link, 189);
	assert_int_equal(stats->other, 2);
	tw_decoder_free(d);
	tw_decoder_free(NULL);
}

static void link_type_names(void **state)
{
	assert_true(tw_linktype_supported(1));
	assert_true(tw_linktype_supported(276));
	assert_false(tw_linktype_supported(189));
	assert_false(tw_linktype_supported(65535));
	assert_string_equal(tw_linktype_name(1), "EN10MB");
	assert_string_equal(tw_linktype_name(113), "LINUX_SLL");
	assert_string_equal(tw_linktype_name(189), "USB_LINUX");
	assert_string_equal(tw_linktype_name(65535), "unknown");
	for (size_t i = 0; i < N_WRAPPINGS; i++)
		assert_true(tw_linktype_supported(wrappings[i].linktype));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wrapping),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(every_short_frame),
		cmocka_unit_test(every_flipped_byte),
		cmocka_unit_test(briefs_of_answers),
		cmocka_unit_test(briefs_of_hellos),
		cmocka_unit_test(directions_meet),
		cmocka_unit_test(lying_lengths_of_ipv4),
		cmocka_unit_test(lying_lengths_of_ipv6),
		cmocka_unit_test(caplen_above_len),
		cmocka_unit_test(all_nine_flags),
		cmocka_unit_test(tunnel_depth_is_bounded),
		cmocka_unit_test(endless_headers),
		cmocka_unit_test(headers_beyond_64_kib),
		cmocka_unit_test(fast_and_slow_path_agree),
		cmocka_unit_test(what_is_not_ours),
		cmocka_unit_test(statistics),
		cmocka_unit_test(link_type_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
