/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: capture files that only libpcap reads (dialects with other magics, versions before 2.4).
 *
 * libpcap gets its bytes from our stream, so such a file may be compressed or come from a pipe as
 * well. Its packets live until its next read, therefore a batch is copied. Rare files: not a fast path.
 */
#include "capture/reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (2 * TW_CAPLEN_MAX)

struct reader {
	pcap_t *pcap;
	uint8_t bytes[BATCH_BYTES];
};

static ssize_t read_stream(void *cookie, char *to, size_t bytes)
{
	struct tw_stream *st = cookie;
	size_t n;

	while (!tw_stream_have(st, 1))
		if (!st->interrupted)
			return 0;
	n = tw_stream_available(st);
	if (n > bytes)
		n = bytes;
	memcpy(to, st->at, n);
	st->at += n;
	return (ssize_t)n;
}

static pcap_t *open_pcap(struct tw_stream *st, char *errbuf)
{
	cookie_io_functions_t io = { .read = read_stream };
	FILE *file = fopencookie(st, "r", io);
	pcap_t *p;

	if (!file)
		return NULL;
	/* Unbuffered, the stream's position is that of the record. */
	setvbuf(file, NULL, _IONBF, 0);
	p = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, errbuf);
	if (!p)
		fclose(file);
	return p;
}

static unsigned next_frames(struct tw_source *s, struct tw_frame *frames)
{
	struct reader *r = s->reader;
	size_t used = 0;
	unsigned n = 0;

	while (n < TW_BATCH && !s->ended && BATCH_BYTES - used >= TW_CAPLEN_MAX) {
		uint64_t offset = tw_stream_offset(s->stream);
		struct tw_frame *f = &frames[n];
		struct pcap_pkthdr *h;
		const u_char *data;
		int status = pcap_next_ex(r->pcap, &h, &data);

		if (status == 1 && h->caplen > TW_CAPLEN_MAX) {
			TW_SOURCE_DAMAGED(s, offset, "a record claims %u captured bytes",
					  h->caplen);
			break;
		}
		if (status != 1) {
			s->ended = true;
			s->info.cut = status == PCAP_ERROR && s->stream->ended;
			if (status == PCAP_ERROR)
				tw_source_problem(s, offset, "%.180s", pcap_geterr(r->pcap));
			break;
		}
		memcpy(r->bytes + used, data, h->caplen);
		f->time_ns = (int64_t)(uint32_t)h->ts.tv_sec * 1000000000 + (uint32_t)h->ts.tv_usec;
		f->number = ++s->number;
		f->offset = offset;
		f->data = r->bytes + used;
		f->caplen = h->caplen;
		f->len = h->len;
		f->linktype = s->linktype;
		f->iface = 0;
		f->section = 0;
		used += h->caplen;
		n++;
	}
	return n;
}

static void destroy(struct tw_source *s)
{
	struct reader *r = s->reader;

	if (r->pcap)
		pcap_close(r->pcap);
	free(r);
}

static void describe(struct tw_source *s)
{
	struct reader *r = s->reader;
	int snaplen = pcap_snapshot(r->pcap);

	s->linktype = tw_linktype_of((uint32_t)pcap_datalink(r->pcap));
	tw_source_interface(s, s->linktype, snaplen > 0 ? (uint32_t)snaplen : 0);
}

static int rewind_libpcap(struct tw_source *s)
{
	struct reader *r = s->reader;
	char errbuf[PCAP_ERRBUF_SIZE];
	int status = tw_stream_rewind(s->stream);

	if (status)
		return status;
	pcap_close(r->pcap);
	r->pcap = open_pcap(s->stream, errbuf);
	if (!r->pcap) {
		s->ended = true;
		return -EIO;
	}
	describe(s);
	return 0;
}

int tw_libpcap_begin(struct tw_source *s, struct tw_err *err)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	struct reader *r = malloc(sizeof(*r));

	if (!r) {
		s->info.format = "";
		return tw_err_set(err, -ENOMEM, "%s: memory is out", s->name);
	}
	r->pcap = open_pcap(s->stream, errbuf);
	if (!r->pcap) {
		free(r);
		return -EPROTO;
	}
	s->reader = r;
	s->destroy = destroy;
	s->next = next_frames;
	s->rewind = rewind_libpcap;
	s->info.format = "pcap (by libpcap)";
	describe(s);
	return 0;
}
