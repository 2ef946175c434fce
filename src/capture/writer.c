/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the pcapng file that the program writes: one section in this machine's byte order, times in
 * nanoseconds, an interface block when a frame of a new (link type, interface) pair comes.
 *
 * The first failure stays: what follows it is not written, and each call reports it again. A pipe that
 * nobody reads gives -EPIPE if the program ignores SIGPIPE.
 *
 * Limits: a comment of more than COMMENT_MAX bytes is cut there. Times before 1970 cannot be written in
 * pcapng without an offset; they become 0.
 */
#include "capture/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SHB 0x0a0d0d0au
#define BLOCK_IDB 1u
#define BLOCK_EPB 6u

#define ORDER_MAGIC 0x1a2b3c4du
#define OPT_COMMENT 1
#define OPT_TSRESOL 9

#define COMMENT_MAX  4096u
#define CAPLEN_MAX   262144u
#define BUFFER_BYTES (64u << 10)
#define IFACES_MAX   65536u

struct tw_writer {
	int fd;
	bool owns_fd;
	char *name;
	int failed;      /* negative errno of the first failure */
	uint32_t *iface; /* link type << 16 | interface, in the order of the blocks */
	uint32_t ifaces, iface_room;
	uint64_t frames; /* in this section */
	off_t whole;     /* so much of the file is in it, to the end of a block */
	size_t used;
	uint8_t buffer[BUFFER_BYTES];
};

static int fail(struct tw_writer *w, int code, struct tw_err *err)
{
	w->failed = code;
	return tw_err_set(err, code, "cannot write %s: %s", w->name, strerror(-code));
}

static void write_out(struct tw_writer *w, const uint8_t *p, size_t n)
{
	while (n && !w->failed) {
		ssize_t done = write(w->fd, p, n);

		if (done < 0) {
			if (errno != EINTR)
				w->failed = -errno;
			continue;
		}
		p += done;
		n -= (size_t)done;
	}
}

static void flush(struct tw_writer *w)
{
	write_out(w, w->buffer, w->used);
	w->used = 0;
}

/* Half a block at the end would be damage to its reader. A pipe keeps what it got. */
static void cut_to_whole(struct tw_writer *w)
{
	if (w->owns_fd && w->whole && ftruncate(w->fd, w->whole) == 0)
		w->whole = 0;
}

static void put(struct tw_writer *w, const void *p, size_t n)
{
	if (n > BUFFER_BYTES - w->used)
		flush(w);
	if (n > BUFFER_BYTES) {
		write_out(w, p, n);
		return;
	}
	memcpy(w->buffer + w->used, p, n);
	w->used += n;
}

static void put16(struct tw_writer *w, uint16_t v)
{
	put(w, &v, sizeof(v));
}

static void put32(struct tw_writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static uint32_t padding(uint32_t n)
{
	return -n & 3u;
}

/* Bytes and the zeros that bring them to a multiple of four. */
static void put_padded(struct tw_writer *w, const void *p, uint32_t n)
{
	put(w, p, n);
	put(w, "\0\0\0", padding(n));
}

static void put_section(struct tw_writer *w)
{
	put32(w, BLOCK_SHB);
	put32(w, 28);
	put32(w, ORDER_MAGIC);
	put16(w, 1);
	put16(w, 0);
	put32(w, UINT32_MAX); /* a section of unknown length, in 64 bits */
	put32(w, UINT32_MAX);
	put32(w, 28);
}

static void put_interface(struct tw_writer *w, uint16_t linktype)
{
	static const uint8_t nanoseconds = 9;

	put32(w, BLOCK_IDB);
	put32(w, 32);
	put16(w, linktype);
	put16(w, 0);
	put32(w, 0); /* no snaplen is known */
	put16(w, OPT_TSRESOL);
	put16(w, 1);
	put_padded(w, &nanoseconds, 1);
	put32(w, 0); /* the end of options */
	put32(w, 32);
}

/* The number of the interface block for @f, written now if there was none. 0 or -errno. */
static int find_interface(struct tw_writer *w, const struct tw_frame *f, uint32_t *number)
{
	uint32_t key = (uint32_t)f->linktype << 16 | f->iface, i;

	for (i = w->ifaces; i-- > 0;)
		if (w->iface[i] == key) {
			*number = i;
			return 0;
		}
	if (w->ifaces == IFACES_MAX)
		return -EOVERFLOW;
	if (w->ifaces == w->iface_room) {
		uint32_t room = w->iface_room ? 2 * w->iface_room : 4;
		uint32_t *larger = realloc(w->iface, room * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		w->iface = larger;
		w->iface_room = room;
	}
	*number = w->ifaces;
	w->iface[w->ifaces++] = key;
	put_interface(w, f->linktype);
	return 0;
}

/* How much of a comment is written: not half a character of UTF-8. */
static uint32_t comment_length(const char *comment)
{
	size_t n = strnlen(comment, COMMENT_MAX);

	while (n && (comment[n] & 0xc0) == 0x80)
		n--;
	return (uint32_t)n;
}

static void put_packet(struct tw_writer *w, const struct tw_frame *f, uint32_t iface,
		       const char *comment)
{
	uint64_t time_ns = f->time_ns > 0 ? (uint64_t)f->time_ns : 0;
	uint32_t caplen = f->caplen < CAPLEN_MAX ? f->caplen : CAPLEN_MAX;
	uint32_t length = 32 + caplen + padding(caplen), comment_bytes = 0;

	if (comment) {
		comment_bytes = comment_length(comment);
		length += 4 + comment_bytes + padding(comment_bytes) + 4;
	}
	put32(w, BLOCK_EPB);
	put32(w, length);
	put32(w, iface);
	put32(w, (uint32_t)(time_ns >> 32));
	put32(w, (uint32_t)time_ns);
	put32(w, caplen);
	put32(w, f->len);
	put_padded(w, f->data, caplen);
	if (comment) {
		put16(w, OPT_COMMENT);
		put16(w, (uint16_t)comment_bytes);
		put_padded(w, comment, comment_bytes);
		put32(w, 0);
	}
	put32(w, length);
}

int tw_writer_open(struct tw_writer **out, const char *path, struct tw_err *err)
{
	bool is_stdout = !strcmp(path, "-");
	const char *name = is_stdout ? "standard output" : path;
	struct tw_writer *w = calloc(1, sizeof(*w));

	if (w)
		w->name = strdup(name);
	if (!w || !w->name) {
		free(w);
		return tw_err_set(err, -ENOMEM, "cannot write %s: memory is out", name);
	}
	w->owns_fd = !is_stdout;
	w->fd = STDOUT_FILENO;
	if (w->owns_fd)
		w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (w->fd < 0) {
		int code = fail(w, -errno, err);

		free(w->name);
		free(w);
		return code;
	}
	put_section(w);
	*out = w;
	return 0;
}

int tw_writer_frame(struct tw_writer *w, const struct tw_frame *f, const char *comment,
		    struct tw_err *err)
{
	uint32_t iface = 0;
	int status;

	if (w->failed)
		return fail(w, w->failed, err);
	status = find_interface(w, f, &iface);
	if (status)
		return fail(w, status, err);
	put_packet(w, f, iface, comment);
	w->frames++;
	return w->failed ? fail(w, w->failed, err) : 0;
}

void tw_writer_section(struct tw_writer *w)
{
	/* The first stands there from the start. */
	if (w->frames)
		put_section(w);
	w->ifaces = 0;
	w->frames = 0;
}

int tw_writer_flush(struct tw_writer *w, struct tw_err *err)
{
	flush(w);
	if (!w->failed && w->owns_fd)
		w->whole = lseek(w->fd, 0, SEEK_CUR);
	return w->failed ? fail(w, w->failed, err) : 0;
}

int tw_writer_close(struct tw_writer *w, struct tw_err *err)
{
	int status;

	flush(w);
	if (w->failed)
		cut_to_whole(w);
	/* A network file system may tell only now that the disk is full. */
	if (w->owns_fd && close(w->fd) && !w->failed && errno != EINTR)
		w->failed = -errno;
	status = w->failed ? fail(w, w->failed, err) : 0;
	free(w->iface);
	free(w->name);
	free(w);
	return status;
}
