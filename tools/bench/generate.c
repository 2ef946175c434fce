/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the captures that `make bench` measures with: pcap, microseconds, Ethernet, snap length 96, the
 * same bytes for the same seed and scale.
 *
 *	bulk		1 k connections side by side, 3000 rounds of data each, 2 % of the data repeated
 *	short		2 M connections of about 10 packets, some 1000 at a time; 7 % fail, in six ways
 *	concurrent	1 M connections, all open at the same time, round robin
 *	flood		10 M SYNs from as many sources, no answer
 *
 * A connection is a little script: step() writes its next packet and says when to come back. The
 * scheduler goes round robin over the connections that are alive; a finished one is replaced by the next.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN  96
#define MSS      1448
#define REQUEST  180
#define RESPONSE 900
#define START_US UINT64_C(1700000000000000)

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
};

enum kind {
	KIND_BULK,
	KIND_SHORT,
	KIND_CONCURRENT,
	KIND_FLOOD,
};

/* How a connection of `short` goes. */
enum story {
	STORY_CLEAN,
	STORY_REFUSED,     /* RST|ACK to the SYN */
	STORY_SILENT,      /* SYN and three repeats, nothing comes back */
	STORY_RESET,       /* RST|ACK in place of the answer */
	STORY_UNREAD,      /* the answer begins, then RST|ACK */
	STORY_VANISHED,    /* the request and three repeats, unacknowledged */
	STORY_HALF_CLOSED, /* the server's FIN is acknowledged, the client never closes */
};

struct connection {
	uint64_t wake_us;
	uint32_t id, seq[2];
	uint32_t stamp[2]; /* each side's last time stamp, for the other one to echo */
	uint16_t ip_id[2]; /* of each side's next packet: a repeat is a new one, with a new id */
	uint16_t step, rounds;
	uint8_t story;
	bool alive, repeat;
};

struct maker {
	FILE *out;
	uint64_t random, now_us, tick_ns, spare_ns;
	uint32_t hosts;
	enum kind kind;
};

static uint64_t next_random(struct maker *m)
{
	uint64_t z = (m->random += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v);
}

static void put_host32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void die(const char *what)
{
	fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void write_all(struct maker *m, const uint8_t *p, size_t bytes)
{
	if (fwrite(p, 1, bytes, m->out) != bytes)
		die("cannot write");
}

static void write_header(struct maker *m)
{
	uint8_t h[24] = { 0 };

	put_host32(h, 0xa1b2c3d4);
	h[4] = 2;
	h[6] = 4;
	put_host32(h + 16, SNAPLEN);
	put_host32(h + 20, 1);
	write_all(m, h, sizeof(h));
}

static void tick(struct maker *m)
{
	m->spare_ns += m->tick_ns;
	m->now_us += m->spare_ns / 1000;
	m->spare_ns %= 1000;
}

static uint32_t client_address(const struct maker *m, uint32_t id)
{
	if (m->kind == KIND_FLOOD)
		return UINT32_C(0x14000000) + id; /* 20.0.0.0 and on: a source each */
	return UINT32_C(0x0a010000) + id % m->hosts;
}

static uint16_t client_port(const struct maker *m, uint32_t id)
{
	return (uint16_t)(1024 + (id / m->hosts * 7 + id) % 64000);
}

/* Options as Linux writes them; returns the header's length. */
static uint32_t put_options(uint8_t *p, bool syn, uint32_t stamp, uint32_t echo)
{
	static const uint8_t on_syn[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10 };

	if (syn) {
		memcpy(p, on_syn, sizeof(on_syn));
		p = put32(put32(p + sizeof(on_syn), stamp), echo);
		memcpy(p, (const uint8_t[]){ 1, 3, 3, 7 }, 4);
		return 40;
	}
	memcpy(p, (const uint8_t[]){ 1, 1, 8, 10 }, 4);
	put32(put32(p + 4, stamp), echo);
	return 32;
}

/* The Internet checksum of @bytes (even), with @sum to begin with. Payload here is zeros: it adds nothing. */
static uint32_t checksum(const uint8_t *p, uint32_t bytes, uint32_t sum)
{
	uint32_t i;

	for (i = 0; i < bytes; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* One packet: Ethernet, IPv4, TCP, payload of zeros; cut at the snap length. */
static void emit(struct maker *m, struct connection *c, int side, uint32_t seq, uint32_t ack,
		 int flags, uint32_t payload)
{
	const uint32_t server = m->kind == KIND_FLOOD ? 0 : c->id % 16;
	const uint32_t addr[2] = { client_address(m, c->id), UINT32_C(0x0a000001) + server };
	const uint16_t port[2] = { client_port(m, c->id), 443 };
	const bool bare = flags & RST;
	const uint32_t stamp = (uint32_t)(m->now_us / 1000);
	uint8_t rec[16 + 14 + 20 + 60 + SNAPLEN] = { 0 }, *eth = rec + 16, *ip = eth + 14,
					*tcp = ip + 20;
	uint32_t header, len, cap;

	header = bare ? 20 : put_options(tcp + 20, flags & SYN, stamp, c->stamp[!side]);
	c->stamp[side] = bare ? c->stamp[side] : stamp;
	len = 14 + 20 + header + payload;
	cap = len < SNAPLEN ? len : SNAPLEN;
	put_host32(rec, (uint32_t)(m->now_us / 1000000));
	put_host32(rec + 4, (uint32_t)(m->now_us % 1000000));
	put_host32(rec + 8, cap);
	put_host32(rec + 12, len);
	eth[5] = 2;
	eth[11] = 1;
	put16(eth + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, len - 14);
	put16(ip + 4, bare ? 0 : c->ip_id[side]++);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = 6;
	put32(put32(ip + 12, addr[side]), addr[!side]);
	put32(put32(put16(put16(tcp, port[side]), port[!side]), seq), ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = (uint8_t)flags;
	put16(tcp + 14, bare ? 0 : 501);
	put16(ip + 10, checksum(ip, 20, 0));
	put16(tcp + 16,
	      checksum(tcp, header, 6 + header + payload + (checksum(ip + 12, 8, 0) ^ 0xffff)));
	write_all(m, rec, 16 + cap);
	tick(m);
}

/* The usual packet: in sequence, everything acknowledged. */
static void send(struct maker *m, struct connection *c, int side, int flags, uint32_t payload)
{
	emit(m, c, side, c->seq[side], flags & ACK ? c->seq[!side] : 0, flags, payload);
	c->seq[side] += payload + ((flags & (SYN | FIN)) != 0);
}

static bool handshake(struct maker *m, struct connection *c)
{
	switch (c->step) {
	case 0:
		send(m, c, 0, SYN, 0);
		return true;
	case 1:
		send(m, c, 1, SYN | ACK, 0);
		return true;
	case 2:
		send(m, c, 0, ACK, 0);
		return true;
	default:
		return false;
	}
}

/* Request, answer, close: ten packets. Returns false after the last one. */
static bool step_clean(struct maker *m, struct connection *c)
{
	if (handshake(m, c))
		return true;
	switch (c->step) {
	case 3:
		send(m, c, 0, PSH | ACK, REQUEST);
		return true;
	case 4:
		send(m, c, 1, ACK, 0);
		return true;
	case 5:
		send(m, c, 1, PSH | ACK, RESPONSE);
		return true;
	case 6:
		send(m, c, 0, ACK, 0);
		return true;
	case 7:
		send(m, c, 1, FIN | ACK, 0);
		return true;
	case 8:
		send(m, c, 0, FIN | ACK, 0);
		return true;
	default:
		send(m, c, 1, ACK, 0);
		return false;
	}
}

/* The same segment again and again, a second apart and doubling. Returns false after the fourth. */
static bool repeat(struct maker *m, struct connection *c, int first_step, int flags, uint32_t bytes)
{
	emit(m, c, 0, c->seq[0], flags & ACK ? c->seq[1] : 0, flags, bytes);
	c->wake_us = m->now_us + (UINT64_C(1000000) << (c->step - first_step));
	return c->step < first_step + 3;
}

static bool step_failing(struct maker *m, struct connection *c)
{
	if (c->story == STORY_SILENT)
		return repeat(m, c, 0, SYN, 0);
	if (c->story == STORY_REFUSED && c->step == 1) {
		emit(m, c, 1, 0, c->seq[0], RST | ACK, 0);
		return false;
	}
	if (handshake(m, c))
		return true;
	if (c->story == STORY_VANISHED)
		return repeat(m, c, 3, PSH | ACK, REQUEST);
	if (c->step == 3) {
		send(m, c, 0, PSH | ACK, REQUEST);
	} else if (c->story == STORY_HALF_CLOSED) {
		if (c->step <= 7)
			return step_clean(m, c);
		send(m, c, 0, ACK, 0);
		return false;
	} else if (c->step == 4) {
		send(m, c, 1, ACK, 0);
	} else if (c->step == 5 && c->story == STORY_UNREAD) {
		send(m, c, 1, PSH | ACK, RESPONSE);
	} else {
		send(m, c, 1, RST | ACK, 0);
		return false;
	}
	return true;
}

/*
 * Two segments from the server; a round later, which is as long as a round trip, their acknowledgement. One in
 * fifty segments is lost behind the point of capture: two duplicate ACKs come instead, the repeat goes out, and
 * all is acknowledged another round later.
 */
static bool step_bulk(struct maker *m, struct connection *c)
{
	const uint32_t first = c->seq[1] - 2 * MSS;

	if (handshake(m, c))
		return true;
	if (c->step == 3) {
		send(m, c, 0, PSH | ACK, REQUEST);
		return true;
	}
	if (c->step > 4 && !c->repeat && next_random(m) % 1000 < 40) { /* of two segments */
		emit(m, c, 0, c->seq[0], first, ACK, 0);
		emit(m, c, 0, c->seq[0], first, ACK, 0);
		emit(m, c, 1, first, c->seq[0], ACK, MSS);
		c->repeat = true;
		return true;
	}
	if (c->step > 4)
		send(m, c, 0, ACK, 0);
	c->repeat = false;
	if (!c->rounds) {
		send(m, c, 1, FIN | ACK, 0);
		send(m, c, 0, FIN | ACK, 0);
		send(m, c, 1, ACK, 0);
		return false;
	}
	c->rounds--;
	send(m, c, 1, ACK, MSS);
	send(m, c, 1, PSH | ACK, MSS);
	return true;
}

static bool step(struct maker *m, struct connection *c)
{
	bool more;

	if (m->kind == KIND_BULK)
		more = step_bulk(m, c);
	else
		more = c->story == STORY_CLEAN ? step_clean(m, c) : step_failing(m, c);
	c->step++;
	return more;
}

static uint8_t choose_story(struct maker *m)
{
	static const uint8_t failing[] = { STORY_REFUSED,    STORY_REFUSED, STORY_SILENT,
					   STORY_RESET,      STORY_UNREAD,  STORY_VANISHED,
					   STORY_HALF_CLOSED };
	uint64_t dice = next_random(m) % 100;

	return m->kind == KIND_SHORT && dice < sizeof(failing) ? failing[dice] : STORY_CLEAN;
}

static void begin(struct maker *m, struct connection *c, uint32_t id, uint16_t rounds)
{
	*c = (struct connection){ .id = id, .rounds = rounds, .alive = true };
	c->seq[0] = (uint32_t)next_random(m);
	c->seq[1] = (uint32_t)next_random(m);
	c->ip_id[0] = (uint16_t)c->seq[1];
	c->ip_id[1] = (uint16_t)c->seq[0];
	c->story = choose_story(m);
}

/* Round robin over @width places until @total connections are told to their end. */
static void run(struct maker *m, uint32_t total, uint32_t width, uint16_t rounds)
{
	struct connection *c = calloc(width, sizeof(*c));
	uint32_t begun = 0, alive = 0, i;

	if (!c)
		die("no memory");
	do {
		bool any = false;

		for (i = 0; i < width; i++) {
			if (!c[i].alive && begun < total) {
				begin(m, &c[i], begun++, rounds);
				alive++;
			}
			if (!c[i].alive || c[i].wake_us > m->now_us)
				continue;
			any = true;
			if (!step(m, &c[i])) {
				c[i].alive = false;
				alive--;
			}
		}
		if (!any)
			m->now_us += 1000; /* all are waiting for a timer */
	} while (alive || begun < total);
	free(c);
}

static void flood(struct maker *m, uint32_t total)
{
	struct connection c;
	uint32_t i;

	for (i = 0; i < total; i++) {
		begin(m, &c, i, 0);
		c.id = (uint32_t)(i * UINT64_C(2654435761) % UINT32_C(0xb0000000)); /* no repeats */
		emit(m, &c, 0, c.seq[0], 0, SYN, 0);
	}
}

static uint32_t scaled(double scale, uint32_t full)
{
	double n = full * scale;

	return n < 1 ? 1 : (uint32_t)n;
}

static int make(struct maker *m, const char *kind, double scale)
{
	m->hosts = 4096;
	m->tick_ns = 10000;
	if (!strcmp(kind, "bulk")) {
		m->kind = KIND_BULK;
		m->tick_ns = 1000;
		run(m, 1000, 1000, (uint16_t)scaled(scale, 3000));
	} else if (!strcmp(kind, "short")) {
		m->kind = KIND_SHORT;
		run(m, scaled(scale, 2000000), 1024, 0);
	} else if (!strcmp(kind, "concurrent")) {
		m->kind = KIND_CONCURRENT;
		m->tick_ns = 300;
		run(m, scaled(scale, 1000000), scaled(scale, 1000000), 0);
	} else if (!strcmp(kind, "flood")) {
		m->kind = KIND_FLOOD;
		m->tick_ns = 1000;
		flood(m, scaled(scale, 10000000));
	} else {
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct maker m = { .random = 1, .now_us = START_US };
	double scale = 1;
	int i;

	for (i = 3; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--scale"))
			scale = strtod(argv[i + 1], NULL);
		else if (!strcmp(argv[i], "--seed"))
			m.random = strtoull(argv[i + 1], NULL, 10);
		else
			break;
	}
	if (argc < 3 || i != argc || !(scale > 0 && scale <= 4)) {
		fprintf(stderr, "usage: generate bulk|short|concurrent|flood FILE [--scale 0..4] "
				"[--seed N]\n");
		return 2;
	}
	m.out = fopen(argv[2], "wb");
	if (!m.out)
		die(argv[2]);
	setvbuf(m.out, NULL, _IOFBF, 1 << 20);
	write_header(&m);
	if (make(&m, argv[1], scale)) {
		fprintf(stderr, "generate: unknown kind '%s'\n", argv[1]);
		return 2;
	}
	if (fclose(m.out))
		die(argv[2]);
	return 0;
}
