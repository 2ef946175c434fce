/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_LAB_CABLE_H
#define TW_TESTS_LAB_CABLE_H

/*
 * Two hosts and a cable for tests: worked by polling with deadlines, its events and captures
 * kept.
 */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lab_ground.h"

#include "capture/source.h"
#include "lab/cable.h"
#include "packet/decode.h"
#include "packet/tuple.h"

#define EVENTS_MAX 4096
#define LONG_MS    10000 /* a deadline, for a loaded machine; nothing waits for it to pass */

struct seen_event {
	int64_t time_ns;
	enum tw_fate fate;
	enum tw_from from;
	unsigned link;
	uint64_t id;
	bool altered;
	struct tw_segment segment;
};

struct lab {
	struct tw_net *net;
	struct tw_cable *cable;
	int capture[2];
	int listener, client, server; /* -1 = none */
	unsigned events;
	struct seen_event event[EVENTS_MAX];
};

static const struct tw_net_config lan = { 0 }, routed = { .router = true };

static inline void on_event(void *user, const struct tw_cable_event *e)
{
	struct lab *l = user;

	if (l->events == EVENTS_MAX)
		return;
	l->event[l->events++] = (struct seen_event){ e->time_ns, e->fate,    e->from,    e->link,
						     e->id,      e->altered, *e->segment };
}

static inline struct lab *lab_new(const struct tw_net_config *net, unsigned loss_permille, bool v6)
{
	struct lab *l = calloc(1, sizeof(*l));
	struct tw_cable_config config = { .delay_ns = 2 * TW_NS_PER_MS,
					  .loss_permille = loss_permille,
					  .seed = 7,
					  .event = on_event,
					  .user = l };
	struct tw_err err = { 0 };
	char path[2][32];
	unsigned i;

	assert_non_null(l);
	l->net = new_net(net);
	l->client = -1;
	l->server = -1;
	config.links = tw_net_links(l->net);
	for (i = 0; i < 2; i++) {
		config.port[i][0] = tw_net_port(l->net, i, 0);
		config.port[i][1] = tw_net_port(l->net, i, 1);
		l->capture[i] = memfd_create("capture", MFD_CLOEXEC);
		assert_true(l->capture[i] >= 0);
		snprintf(path[i], sizeof(path[i]), "/dev/fd/%d", l->capture[i]);
	}
	config.client_capture = path[0];
	config.server_capture = path[1];
	if (tw_cable_new(&l->cable, &config, &err))
		fail_msg("%s", err.text);
	l->listener = host_listen(l->net, v6);
	return l;
}

static inline void close_cable(struct lab *l)
{
	struct tw_err err = { 0 };

	if (l->cable && tw_cable_close(l->cable, &err))
		fail_msg("%s", err.text);
	l->cable = NULL;
}

static inline void lab_free(struct lab *l)
{
	int fd[] = { l->client, l->server, l->listener, l->capture[0], l->capture[1] };
	unsigned i;

	close_cable(l);
	for (i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	tw_net_free(l->net);
	free(l);
}

static inline void work(struct lab *l)
{
	struct tw_err err = { 0 };

	if (tw_cable_work(l->cable, &err))
		fail_msg("%s", err.text);
}

/* Let the cable work until @fd shows one of @events; what it shows, 0 after @ms. */
static inline short pump_for(struct lab *l, int fd, short events, int64_t ms)
{
	int64_t end = now_ns() + ms * TW_NS_PER_MS, left;

	while ((left = end - now_ns()) > 0) {
		struct pollfd p[2] = { { .fd = tw_cable_fd(l->cable), .events = POLLIN },
				       { .fd = fd, .events = events } };

		assert_true(poll(p, 2, (int)(left / TW_NS_PER_MS) + 1) >= 0);
		work(l);
		if (p[1].revents)
			return p[1].revents;
	}
	return 0;
}

static inline void pump(struct lab *l, int fd, short events)
{
	if (!pump_for(l, fd, events, LONG_MS))
		fail_msg("nothing came in %d ms", LONG_MS);
}

/* Let it work until so many such frames were sent. */
static inline void pump_seen(struct lab *l, const struct tw_frame_spec *spec, uint64_t count)
{
	int64_t end = now_ns() + LONG_MS * TW_NS_PER_MS;

	while (tw_cable_seen(l->cable, spec) < count) {
		struct pollfd p = { .fd = tw_cable_fd(l->cable), .events = POLLIN };

		assert_true(now_ns() < end);
		assert_true(poll(&p, 1, LONG_MS) >= 0);
		work(l);
	}
}

/* Let it work until nothing is on its way and the wire was silent for a while. */
static inline void pump_quiet(struct lab *l, int64_t ms)
{
	int64_t end = now_ns() + LONG_MS * TW_NS_PER_MS;
	uint64_t seen = 0;
	const struct tw_frame_spec all = { .from = TW_FROM_ANY, .class = TW_CLASS_ALL };

	do {
		seen = tw_cable_seen(l->cable, &all);
		pump_for(l, -1, 0, ms);
		assert_true(now_ns() < end);
	} while (seen != tw_cable_seen(l->cable, &all) || tw_cable_pending(l->cable));
}

static inline void rule(struct lab *l, const struct tw_cable_rule *r)
{
	struct tw_err err = { 0 };

	if (tw_cable_add(l->cable, r, &err))
		fail_msg("%s", err.text);
}

#define SPEC(side, what, nth, upto)                                                                \
	{                                                                                          \
		.from = TW_FROM_##side, .class = TW_CLASS_##what, .first = (nth), .last = (upto)   \
	}
#define RULE(...) rule(l, &(struct tw_cable_rule){ __VA_ARGS__ })

static inline void connect_now(struct lab *l, const char *to, bool v6)
{
	l->client = host_connect(l->net, to, v6);
	pump(l, l->client, POLLOUT);
	assert_int_equal(socket_error(l->client), 0);
	pump(l, l->listener, POLLIN);
	l->server = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(l->server >= 0);
	pump_quiet(l, 10);
}

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void hear(struct lab *l, int fd, const char *text)
{
	char buffer[256];
	size_t have = 0;

	while (have < strlen(text)) {
		ssize_t n;

		pump(l, fd, POLLIN);
		n = recv(fd, buffer + have, sizeof(buffer) - have, 0);
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_int_equal(have, strlen(text));
	assert_memory_equal(buffer, text, have);
}

/* How a call for data ends: bytes, 0, or -errno. */
static inline int end_of(struct lab *l, int fd)
{
	char byte;

	pump(l, fd, POLLIN);
	return recv(fd, &byte, 1, 0) < 0 ? -errno : 0;
}

/* How many bytes a socket could give at once. */
static inline int queued_bytes(int fd)
{
	int bytes = -1;

	assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
	return bytes;
}

/* The @nth (from 0) event of this kind with these flags and this direction, or NULL. */
static inline const struct seen_event *find(const struct lab *l, enum tw_fate fate,
					    enum tw_from from, unsigned flags, unsigned nth)
{
	unsigned i;

	for (i = 0; i < l->events; i++)
		if (l->event[i].fate == fate && l->event[i].from == from &&
		    l->event[i].segment.kind == TW_SEG_TCP && l->event[i].segment.flags == flags &&
		    !nth--)
			return &l->event[i];
	return NULL;
}

/*
 * What a capture holds: TCP segments by direction, all with good checksums unless @bad were
 * corrupted.
 */
struct content {
	unsigned frames, tcp, neighbours, icmp, bad;
	struct tw_segment first[64]; /* the TCP segments */
};

static inline void read_capture(struct lab *l, enum tw_from end, struct content *out)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_frame frames[TW_BATCH];
	struct tw_err err = { 0 };
	struct tw_source *s = NULL;
	int64_t last_ns = 0;
	unsigned n, i;
	char path[32];

	close_cable(l);
	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), "/dev/fd/%d", l->capture[end]);
	if (tw_source_open(&s, path, NULL, &err))
		fail_msg("%s", err.text);
	while ((n = tw_source_next(s, frames)))
		for (i = 0; i < n; i++) {
			struct tw_segment g = { 0 };

			assert_true(frames[i].time_ns >= last_ns);
			assert_int_equal(frames[i].caplen, frames[i].len);
			last_ns = frames[i].time_ns;
			out->frames++;
			out->icmp += tw_decode(d, &frames[i], &g) == TW_SEG_ICMP_ERROR;
			out->neighbours += g.kind == TW_SEG_NEIGHBOUR;
			if (g.kind != TW_SEG_TCP)
				continue;
			tw_decode_detail(d, &frames[i], &g);
			out->bad += g.checksum != TW_CSUM_GOOD;
			if (out->tcp < 64)
				out->first[out->tcp] = g;
			out->tcp++;
		}
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	tw_source_close(s);
	tw_decoder_free(d);
}

static inline unsigned count_flags(const struct content *c, unsigned flags)
{
	unsigned i, count = 0;

	for (i = 0; i < c->tcp && i < 64; i++)
		count += c->first[i].flags == flags;
	return count;
}

/* The @nth (from 0) segment with payload. */
static inline const struct tw_segment *data_of(const struct content *c, unsigned nth)
{
	unsigned i;

	for (i = 0; i < c->tcp && i < 64; i++)
		if (c->first[i].payload_bytes && !nth--)
			return &c->first[i];
	fail_msg("there is no such segment");
	return NULL;
}

#endif
