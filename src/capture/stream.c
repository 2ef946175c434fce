/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: how bytes come in, from a file, a pipe or memory, plain, gzip or zstd.
 *
 * The window is a buffer, refilled by pread(), or slides over a plain file that is mapped, if the program has asked for the
 * guard that this needs (map.h). What the copy costs is memory's latency; from a map the readers fetch ahead what they
 * will come to (tw_stream_fetch()), while they work. Measured over the cached *short* of make bench (19 M frames, snaplen 96),
 * both looks: 23 to 38 ns a frame on a Xeon with slow memory for the copies, 9 for mapping, and 3 to 5 more in the readers. Without
 * fetching ahead the map is slower than the copy. A small file is not worth it: what fits into the buffer is read.
 *
 * Compression is told by its magic, not by the name. Gzip may have several members (RFC 1952
 * s2.2) and zero padding, zstd several frames. Data that is cut or damaged ends the stream there:
 * what was decompressed before counts, and @fault says why it ended.
 *
 * Limits: a zstd frame with a large window makes libzstd hold that window, by its default at
 * most 128 MiB (zstd --ultra or --long); usual levels need 8 MiB or less.
 */
#include "capture/stream.h"

#include "capture/map.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_BYTES   (64u << 10)
#define MAP_WINDOWS 2 /* a mapped window is so many times as large: each costs two system calls */

enum kind { PLAIN, GZIP, ZSTD };

struct tw_stream_raw {
	enum kind kind;
	int fd; /* -1: memory */
	bool owns_fd;
	bool seekable;
	uint64_t fd_start; /* where the input begins in the file (standard input may be mid-file) */
	/* Where the first pass ended. A file that is still being written has grown by the second
	 * one, which must find no more than the first: numbers and counts go with that one. */
	uint64_t fd_end;
	const uint8_t *memory;
	size_t memory_bytes;

	uint8_t *buffer; /* the window; NULL for plain memory */
	size_t buffer_bytes;

	struct tw_map map; /* the window, once it slides over a mapped file */
	bool maps;
	size_t map_bytes;

	/* Compressed input only. */
	uint8_t *input_buffer; /* NULL for memory */
	const uint8_t *input;
	size_t input_at, input_have;
	bool input_ended;
	bool inside;       /* a gzip member or zstd frame has begun and not ended */
	bool output_waits; /* the last call filled the window: more may come without new input */
	z_stream gzip;
	ZSTD_DCtx *zstd;
	size_t zstd_wants;
};

__attribute__((format(printf, 2, 3))) static void end_by_fault(struct tw_stream *s, const char *fmt,
							       ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->fault, sizeof(s->fault), fmt, ap);
	va_end(ap);
	s->ended = true;
}

/*
 * One read of at most @bytes. Returns how many, 0 at the end (or fault, then s->ended), -1 if a
 * signal came while a pipe was waited for.
 */
static ssize_t read_some(struct tw_stream *s, uint8_t *to, size_t bytes)
{
	struct tw_stream_raw *r = s->raw;
	ssize_t n;

	if (bytes > r->fd_end - s->bytes_done)
		bytes = (size_t)(r->fd_end - s->bytes_done);
	for (;;) {
		if (r->seekable)
			n = pread(r->fd, to, bytes, (off_t)(r->fd_start + s->bytes_done));
		else
			n = read(r->fd, to, bytes);
		if (n >= 0) {
			s->bytes_done += (uint64_t)n;
			if (!n)
				r->fd_end = s->bytes_done;
			return n;
		}
		if (errno == EAGAIN) {
			struct pollfd p = { .fd = r->fd, .events = POLLIN };

			if (poll(&p, 1, -1) >= 0)
				continue;
		}
		if (errno != EINTR) {
			end_by_fault(s, "reading failed: %s", strerror(errno));
			return 0;
		}
		if (!r->seekable) {
			s->interrupted = true;
			return -1;
		}
	}
}

/* More compressed bytes. False only if a signal came. */
static bool refill_input(struct tw_stream *s)
{
	struct tw_stream_raw *r = s->raw;
	ssize_t n = 0;

	if (r->input_at < r->input_have || r->input_ended)
		return true;
	if (r->input_buffer) {
		n = read_some(s, r->input_buffer, RAW_BYTES);
		if (n < 0)
			return false;
	}
	r->input_at = 0;
	r->input_have = (size_t)n;
	r->input_ended = !n;
	return true;
}

/* Between two gzip members: padding with zeros is usual on tapes and in archives. */
static void begin_member(struct tw_stream *s)
{
	struct tw_stream_raw *r = s->raw;

	while (r->input_at < r->input_have && !r->input[r->input_at])
		r->input_at++;
	if (r->input_at == r->input_have)
		return;
	if (r->input[r->input_at] != 0x1f) {
		end_by_fault(s, "what follows the gzip data is not gzip data");
		return;
	}
	inflateReset(&r->gzip);
	r->inside = true;
}

static void inflate_some(struct tw_stream *s, uint8_t *to, size_t room)
{
	struct tw_stream_raw *r = s->raw;
	size_t feed;
	int status;

	if (!r->inside)
		begin_member(s);
	if (!r->inside)
		return;
	feed = r->input_have - r->input_at;
	if (feed > RAW_BYTES) /* zlib counts in 32 bits, memory may be larger */
		feed = RAW_BYTES;
	r->gzip.next_in = (Bytef *)r->input + r->input_at;
	r->gzip.avail_in = (uInt)feed;
	r->gzip.next_out = to;
	r->gzip.avail_out = (uInt)room;
	status = inflate(&r->gzip, Z_NO_FLUSH);
	r->input_at += feed - r->gzip.avail_in;
	r->output_waits = !r->gzip.avail_out && status == Z_OK;
	s->end += room - r->gzip.avail_out;
	if (status == Z_STREAM_END)
		r->inside = false;
	else if (status != Z_OK && status != Z_BUF_ERROR)
		end_by_fault(s, "the gzip data is damaged here (%s)",
			     r->gzip.msg ? r->gzip.msg : zError(status));
}

/*
 * The input is fed in the portions that libzstd asks for, a block each: on an error it does not
 * say what it has put out in that call, so a wrong checksum would take with it all that stands before.
 */
static void unzstd_some(struct tw_stream *s, uint8_t *to, size_t room)
{
	struct tw_stream_raw *r = s->raw;
	size_t feed = r->input_have - r->input_at, status;
	ZSTD_inBuffer in = { r->input, r->input_have, r->input_at };
	ZSTD_outBuffer out = { to, room, 0 };

	if (feed > r->zstd_wants)
		in.size = r->input_at + r->zstd_wants;
	status = ZSTD_decompressStream(r->zstd, &out, &in);
	r->zstd_wants = status && !ZSTD_isError(status) ? status : 1;
	r->input_at = in.pos;
	s->end += out.pos;
	r->output_waits = out.pos == room && status && !ZSTD_isError(status);
	r->inside = status != 0;
	if (ZSTD_isError(status))
		end_by_fault(s, "the zstd data is damaged here (%s)", ZSTD_getErrorName(status));
}

/* One step of input into @room bytes at the window's end. False only if a signal came. */
static bool pull(struct tw_stream *s, uint8_t *to, size_t room)
{
	struct tw_stream_raw *r = s->raw;
	ssize_t n;

	if (r->kind == PLAIN) {
		n = read_some(s, to, room);
		if (n > 0)
			s->end += n;
		if (!n)
			s->ended = true;
		return n >= 0;
	}
	if (!r->output_waits) {
		if (!refill_input(s))
			return false;
		if (r->input_ended) {
			s->ended = true;
			if (r->inside && !s->fault[0])
				end_by_fault(s, "the %s data ends here before its time",
					     s->compression);
			return true;
		}
	}
	if (r->kind == GZIP)
		inflate_some(s, to, room);
	else
		unzstd_some(s, to, room);
	return true;
}

/* Move what is unread to the window's front, and make the window large enough for @want bytes. */
static bool make_room(struct tw_stream *s, size_t want)
{
	struct tw_stream_raw *r = s->raw;
	size_t unread = tw_stream_available(s);
	uint64_t offset = tw_stream_offset(s);

	if (want > r->buffer_bytes) {
		uint8_t *larger = malloc(want);

		if (!larger)
			return false;
		if (unread)
			memcpy(larger, s->at, unread);
		free(r->buffer);
		r->buffer = larger;
		r->buffer_bytes = want;
	} else {
		memmove(r->buffer, s->at, unread);
	}
	s->window = r->buffer;
	s->window_offset = offset;
	s->at = r->buffer;
	s->end = r->buffer + unread;
	return true;
}

/* How many bytes a file has from where the input begins. */
static uint64_t bytes_of(const struct tw_stream_raw *r, const struct stat *st)
{
	return (uint64_t)st->st_size > r->fd_start ? (uint64_t)st->st_size - r->fd_start : 0;
}

/* By now, but no more than the first pass found. */
static uint64_t input_bytes(const struct tw_stream_raw *r)
{
	struct stat st;
	const uint64_t bytes = fstat(r->fd, &st) ? 0 : bytes_of(r, &st);

	return bytes < r->fd_end ? bytes : r->fd_end;
}

/* Slide the mapped window to the first unread byte. Where it cannot be mapped that byte is the next to be read. */
static void slide(struct tw_stream *s, size_t want)
{
	struct tw_stream_raw *r = s->raw;
	const uint64_t offset = tw_stream_offset(s), have = input_bytes(r);
	const uint64_t page = (r->fd_start + offset) & ~(uint64_t)(tw_map_page_bytes() - 1);
	const size_t lead = (size_t)(r->fd_start + offset - page);
	size_t bytes = lead + want > r->map_bytes ? lead + want : r->map_bytes;

	if (have <= s->bytes_done) {
		r->fd_end = s->bytes_done;
		s->ended = true;
		return;
	}
	if (bytes > r->fd_start + have - page)
		bytes = (size_t)(r->fd_start + have - page);
	if (tw_map_slide(&r->map, r->fd, page, bytes)) {
		r->maps = false;
		s->window = s->at = s->end = r->buffer;
		s->window_offset = s->bytes_done = offset;
		return;
	}
	s->window = s->at = r->map.base + lead;
	s->end = r->map.base + bytes;
	s->window_offset = offset;
	s->bytes_done = page + bytes - r->fd_start;
}

/* Of a plain file, its first part apart: most captures are small. */
static bool is_mapped(const struct tw_stream *s)
{
	return s->raw->maps && s->raw->kind == PLAIN && s->bytes_done;
}

static bool tear(struct tw_stream *s)
{
	end_by_fault(s, "the file was cut while it was read");
	s->at = s->end;
	return false;
}

bool tw_stream_is_torn(const struct tw_stream *s)
{
	return s->raw->map.torn;
}

bool tw_stream_fill(struct tw_stream *s, size_t want)
{
	struct tw_stream_raw *r = s->raw;

	s->interrupted = false;
	if (r->map.torn)
		return tear(s);
	while (is_mapped(s) && tw_stream_available(s) < want && !s->ended)
		slide(s, want);
	if (s->ended || tw_stream_available(s) >= want)
		return tw_stream_available(s) >= want;
	if (!make_room(s, want)) {
		end_by_fault(s, "memory is out");
		return false;
	}
	while (tw_stream_available(s) < want && !s->ended) {
		size_t used = tw_stream_available(s);

		if (!pull(s, r->buffer + used, r->buffer_bytes - used))
			return false;
	}
	return tw_stream_available(s) >= want;
}

uint64_t tw_stream_skip(struct tw_stream *s, uint64_t n)
{
	while (n) {
		uint64_t step = tw_stream_available(s);

		if (!step && !tw_stream_fill(s, 1))
			return n;
		step = tw_stream_available(s);
		if (step > n)
			step = n;
		s->at += step;
		n -= step;
	}
	return 0;
}

static void start_over(struct tw_stream *s)
{
	struct tw_stream_raw *r = s->raw;

	tw_map_end(&r->map);
	s->window_offset = 0;
	s->bytes_done = 0;
	s->fault[0] = '\0';
	s->interrupted = false;
	r->inside = r->output_waits = r->input_ended = false;
	r->input_at = 0;
	r->zstd_wants = 1;
	r->input_have = r->memory ? r->memory_bytes : 0;
	if (r->memory && r->kind == PLAIN) {
		s->window = s->at = r->memory;
		s->end = r->memory + r->memory_bytes;
		s->ended = true;
		return;
	}
	s->window = s->at = s->end = r->buffer;
	s->ended = false;
}

bool tw_stream_can_rewind(const struct tw_stream *s)
{
	return s->raw->memory || s->raw->seekable;
}

int tw_stream_rewind(struct tw_stream *s)
{
	struct tw_stream_raw *r = s->raw;

	if (!tw_stream_can_rewind(s))
		return -ESPIPE;
	start_over(s);
	if (r->kind == ZSTD)
		ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only);
	return 0;
}

static enum kind kind_of(const uint8_t *p, size_t n)
{
	static const uint8_t gzip[3] = { 0x1f, 0x8b, 8 }, zstd[4] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (n >= sizeof(gzip) && !memcmp(p, gzip, sizeof(gzip)))
		return GZIP;
	if (n >= sizeof(zstd) && !memcmp(p, zstd, sizeof(zstd)))
		return ZSTD;
	/* A skippable frame stands before the data in files of parallel compressors. */
	if (n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18)
		return ZSTD;
	return PLAIN;
}

/* The bytes seen so far are compressed: they become the input of a decompressor. */
static bool begin_decompression(struct tw_stream *s, enum kind kind)
{
	struct tw_stream_raw *r = s->raw;
	size_t seen = tw_stream_available(s);

	s->compression = kind == GZIP ? "gzip" : "zstd";
	r->kind = kind;
	if (r->memory) {
		r->buffer = malloc(TW_STREAM_WINDOW);
		r->buffer_bytes = TW_STREAM_WINDOW;
		r->input = r->memory;
		start_over(s);
	} else {
		r->input_buffer = malloc(seen > RAW_BYTES ? seen : RAW_BYTES);
		if (!r->input_buffer)
			return false;
		memcpy(r->input_buffer, s->at, seen);
		r->input = r->input_buffer;
		r->input_have = seen;
		s->at = s->end = s->window = r->buffer;
		s->ended = false;
	}
	if (!r->buffer)
		return false;
	if (kind == GZIP)
		return inflateInit2(&r->gzip, 15 + 16) ==
		       Z_OK; /* 15: any window, 16: gzip header */
	r->zstd_wants = 1;
	r->zstd = ZSTD_createDCtx();
	return r->zstd != NULL;
}

/* Wait for the first bytes, and see what they are. */
static int recognise(struct tw_stream *s, const char *name, struct tw_err *err)
{
	enum kind kind;

	if (!tw_stream_have(s, 4) && s->interrupted)
		return tw_err_set(err, -EINTR, "%s: a signal came before the first byte", name);
	if (s->fault[0])
		return tw_err_set(err, -EIO, "%s: %s", name, s->fault);
	if (s->at == s->end)
		return tw_err_set(err, -ENODATA, "%s is empty: there is no capture in it", name);
	kind = kind_of(s->at, tw_stream_available(s));
	if (kind == PLAIN)
		return 0;
	if (!begin_decompression(s, kind))
		return tw_err_set(err, -ENOMEM, "%s: memory is out", name);
	if (tw_stream_have(s, 1))
		return 0;
	if (s->interrupted)
		return tw_err_set(err, -EINTR, "%s: a signal came before the first byte", name);
	if (s->fault[0])
		return tw_err_set(err, -EPROTO, "%s cannot be decompressed: %s", name, s->fault);
	return tw_err_set(err, -ENODATA, "%s is empty: there is no capture in its %s data", name,
			  s->compression);
}

static struct tw_stream *stream_new(void)
{
	struct tw_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->raw = calloc(1, sizeof(*s->raw));
	if (!s->raw) {
		free(s);
		return NULL;
	}
	s->raw->fd = -1;
	s->raw->fd_end = UINT64_MAX;
	return s;
}

/* Open the descriptor and learn what it is. */
static int attach(struct tw_stream *s, const char *path, const char *name, struct tw_err *err)
{
	struct tw_stream_raw *r = s->raw;
	bool is_stdin = !strcmp(path, "-");
	struct stat st;
	off_t start;

	r->owns_fd = !is_stdin;
	r->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r->fd < 0 || fstat(r->fd, &st))
		return tw_err_set(err, -errno, "cannot open %s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return tw_err_set(err, -EISDIR, "%s is a directory, not a capture file", name);
	start = lseek(r->fd, 0, SEEK_CUR);
	r->seekable = S_ISREG(st.st_mode) && start >= 0;
	if (r->seekable) {
		r->fd_start = (uint64_t)start;
		s->bytes_total = bytes_of(s->raw, &st);
		(void)posix_fadvise(r->fd, start, 0, POSIX_FADV_SEQUENTIAL);
	}
	return 0;
}

int tw_stream_open(struct tw_stream **out, const char *path, size_t window, struct tw_err *err)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct tw_stream *s = stream_new();
	int status;

	if (!s)
		return tw_err_set(err, -ENOMEM, "%s: memory is out", name);
	status = attach(s, path, name, err);
	if (!status) {
		s->raw->buffer = malloc(window);
		s->raw->buffer_bytes = window;
		/* Smaller windows belong to many files at once. */
		s->raw->maps =
			s->raw->seekable && tw_map_page_bytes() && window >= TW_STREAM_WINDOW;
		s->raw->map_bytes = window * MAP_WINDOWS;
		if (!s->raw->buffer)
			status = tw_err_set(err, -ENOMEM, "%s: memory is out", name);
	}
	if (!status) {
		s->window = s->at = s->end = s->raw->buffer;
		status = recognise(s, name, err);
	}
	if (status) {
		tw_stream_close(s);
		return status;
	}
	*out = s;
	return 0;
}

int tw_stream_open_memory(struct tw_stream **out, const void *data, size_t size, struct tw_err *err)
{
	struct tw_stream *s;
	int status;

	if (!size)
		return tw_err_set(err, -ENODATA, "memory is empty: there is no capture in it");
	s = stream_new();
	if (!s)
		return tw_err_set(err, -ENOMEM, "memory is out");
	s->raw->memory = data;
	s->raw->memory_bytes = size;
	s->bytes_total = size;
	start_over(s);
	status = recognise(s, "memory", err);
	if (status) {
		tw_stream_close(s);
		return status;
	}
	*out = s;
	return 0;
}

void tw_stream_close(struct tw_stream *s)
{
	if (!s)
		return;
	if (s->raw->kind == GZIP)
		inflateEnd(&s->raw->gzip);
	ZSTD_freeDCtx(s->raw->zstd);
	tw_map_end(&s->raw->map);
	free(s->raw->input_buffer);
	free(s->raw->buffer);
	if (s->raw->owns_fd && s->raw->fd >= 0)
		close(s->raw->fd);
	free(s->raw);
	free(s);
}
