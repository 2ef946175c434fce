/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the reader of pcap does itself, for the hot path, against the same by way of frames: briefs of all, and
 * the sieve. The file has all sorts of frames, and windows far smaller than itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/reader.h"
#include "capture_files.h"
#include "packet/brief.h"

#define FRAMES 5000
#define SEED   UINT64_C(0x8badf00d12345678)
#define WINDOW 4096

static uint32_t random_state = 1;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT32_C(1664525) + UINT32_C(1013904223);
	return (random_state >> 8) % below;
}

/* Ethernet, IPv4, TCP: between few hosts, so that many frames are of the same flow. */
static uint32_t tcp_v4(uint8_t *p)
{
	p[12] = 8;
	p[14] = 0x45;
	p[17] = (uint8_t)(40 + draw(20));
	p[23] = 6;
	p[26] = p[30] = 10;
	p[29] = (uint8_t)draw(4);
	p[33] = (uint8_t)draw(4);
	p[35] = (uint8_t)draw(3);
	p[37] = (uint8_t)draw(3);
	p[41] = (uint8_t)draw(256);
	p[46] = 0x50;
	p[47] = (uint8_t)draw(32);
	return 74;
}

/* With an address and port of another family, a tag, another protocol, or lengths that lie. */
static uint32_t some_frame(uint8_t *p)
{
	uint32_t bytes = tcp_v4(p);

	switch (draw(8)) {
	case 0: /* VLAN */
		memmove(p + 16, p + 12, 58);
		memcpy(p + 12, "\x81\0\0\x05", 4);
		return 78;
	case 1: /* IPv6 */
		memset(p + 12, 0, 100);
		memcpy(p + 12, "\x86\xdd\x60\0\0\0\0\x14\x06\x40", 10);
		p[37] = (uint8_t)draw(3);
		p[53] = (uint8_t)draw(3);
		p[57] = (uint8_t)draw(3);
		p[66] = 0x50;
		return 74;
	case 2: /* UDP, ARP, or a fragment */
		p[23] = 17;
		p[13] = draw(2) ? 6 : 0;
		p[21] = (uint8_t)draw(2);
		return bytes;
	case 3: /* cut, or lying */
		p[17] = (uint8_t)draw(90);
		p[46] = (uint8_t)(draw(16) << 4);
		return 1 + draw(74);
	default:
		return bytes;
	}
}

static const char *mixed_file(void)
{
	struct bytes *o = fresh(false);
	const char *path;
	unsigned i;
	FILE *file;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	path = temp_file(o->b, o->n);
	file = fopen(path, "ab");
	assert_non_null(file);
	for (i = 0; i < FRAMES; i++) {
		uint8_t p[128] = { 0 };
		const uint32_t bytes = some_frame(p);
		const uint32_t h[4] = { i / 7, i % 1000000, bytes, bytes + draw(2) * 20 };

		assert_int_equal(fwrite(h, sizeof(h), 1, file), 1);
		assert_int_equal(fwrite(p, bytes, 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
	return path;
}

static struct tw_source *open_small(const char *path)
{
	struct tw_err err = { 0 };
	struct tw_source *s;

	assert_int_equal(tw_source_open_plain(&s, path, WINDOW, &err), 0);
	return s;
}

static void briefs_are_those_of_the_frames(void **state)
{
	const char *path = mixed_file();
	struct tw_source *one = open_small(path), *other = open_small(path);
	struct tw_decoder *d = tw_decoder_new(), *e = tw_decoder_new();
	static struct tw_brief expected[FRAMES];
	struct tw_frame frames[TW_BATCH];
	struct tw_brief briefs[TW_BATCH];
	unsigned n, i, all = 0, seen = 0;

	assert_non_null(one->briefs);
	while ((n = tw_source_next(other, frames)) > 0) {
		tw_decode_briefs(e, frames, n, SEED, &expected[all]);
		all += n;
	}
	assert_int_equal(all, FRAMES);
	while ((n = tw_source_briefs(one, d, SEED, briefs)) > 0)
		for (i = 0; i < n; i++, seen++)
			assert_memory_equal(&briefs[i], &expected[seen],
					    offsetof(struct tw_brief, section) + 2);
	assert_int_equal(seen, FRAMES);
	assert_int_equal(tw_source_info(one)->frames, FRAMES);
	assert_memory_equal(tw_decoder_stats(d), tw_decoder_stats(e),
			    sizeof(struct tw_decoder_stats));
	tw_decoder_free(d);
	tw_decoder_free(e);
	tw_source_close(one);
	tw_source_close(other);
	unlink(path);
}

/* One flow of eight is wanted. */
static struct tw_sieve some_sieve(void)
{
	static uint64_t bits[4];
	unsigned i;

	memset(bits, 0, sizeof(bits));
	for (i = 0; i < 32; i++)
		bits[draw(4)] |= UINT64_C(1) << draw(64);
	return (struct tw_sieve){ .bits = bits, .mask = 255, .seed = SEED };
}

struct slow {
	struct tw_source *source;
	struct tw_frame frames[TW_BATCH];
	unsigned have, at;
};

/* The next frame that the sieve lets pass, by way of all frames. NULL: there is none. */
static const struct tw_frame *next_passing(struct slow *l, const struct tw_sieve *sieve)
{
	for (;; l->at++) {
		if (l->at == l->have) {
			l->have = tw_source_next(l->source, l->frames);
			l->at = 0;
			if (!l->have)
				return NULL;
		}
		if (tw_sieve_passes(sieve, tw_decode_flow(&l->frames[l->at], sieve->seed)))
			return &l->frames[l->at++];
	}
}

static void what_passes_is_the_same(void **state)
{
	const char *path = mixed_file();
	const struct tw_sieve sieve = some_sieve();
	struct tw_source *s = open_small(path);
	struct slow slow = { .source = open_small(path) };
	struct tw_frame frames[TW_SIFT];
	uint64_t flow[TW_SIFT];
	unsigned n, i, passed, walked = 0, all = 0;

	assert_true(tw_source_can_sift(s));
	while ((n = tw_source_sift(s, &sieve, 1 + draw(TW_SIFT), frames, flow, &passed)) > 0) {
		walked += n;
		assert_int_equal(tw_source_number(s), walked);
		for (i = 0; i < passed; i++, all++) {
			const struct tw_frame *f = next_passing(&slow, &sieve);

			assert_non_null(f);
			assert_int_equal(f->number, frames[i].number);
			assert_int_equal(f->offset, frames[i].offset);
			assert_int_equal(f->time_ns, frames[i].time_ns);
			assert_int_equal(f->caplen, frames[i].caplen);
			assert_int_equal(f->len, frames[i].len);
			assert_memory_equal(f->data, frames[i].data, f->caplen);
			assert_int_equal(flow[i], tw_decode_flow(f, SEED));
		}
	}
	assert_null(next_passing(&slow, &sieve));
	assert_int_equal(walked, FRAMES);
	assert_in_range(all, FRAMES / 20, FRAMES / 2);
	tw_source_close(slow.source);
	tw_source_close(s);
	unlink(path);
}

static void without_a_sieve_nothing_passes(void **state)
{
	const char *path = mixed_file();
	struct tw_source *s = open_small(path);
	struct tw_frame frames[TW_SIFT];
	uint64_t flow[TW_SIFT];
	unsigned n, passed, walked = 0;

	while ((n = tw_source_sift(s, NULL, TW_SIFT, frames, flow, &passed)) > 0) {
		assert_int_equal(passed, 0);
		walked += n;
	}
	assert_int_equal(walked, FRAMES);
	assert_int_equal(tw_source_info(s)->frames, FRAMES);
	tw_source_close(s);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(briefs_are_those_of_the_frames),
		cmocka_unit_test(what_passes_is_the_same),
		cmocka_unit_test(without_a_sieve_nothing_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
