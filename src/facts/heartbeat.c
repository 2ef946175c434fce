/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions of an application whether the other end's application lives: always of the same size, always after the same time
 * (SSH's ServerAliveInterval, pings of WebSocket, MQTT, HTTP/2, databases). What they say need not be read.
 *
 *	client                        server kernel   app
 *	  |-- 52 bytes ----------------->|----------->|
 *	  |<------------------------- 28 bytes -------|	HEARTBEAT_ANSWERED
 *	  |  1 s                         |            :	hangs from now on
 *	  |-- 52 bytes ----------------->|
 *	  |<---------------------- ACK --|		HEARTBEAT_UNANSWERED
 *	  |  1 s                         |
 *	  |-- 52 bytes ----------------->|
 *	  |<---------------------- ACK --|
 *	  |  1 s                         |		HEARTBEAT_NS
 *	  |-- FIN ---------------------->|
 *
 * Or it asks no more before it has its answer, and leaves when that has not come for several of its intervals.
 */
#include "facts/view.h"

#define BEATS_MOST      64
#define INTERVAL_MIN_NS (TW_NS_PER_S / 5)
#define WAITED          3 /* intervals without the next one: it is the answer that was waited for */

struct beats {
	const struct tw_pkt *at[BEATS_MOST]; /* the last payloads of the client, the newest first */
	bool answered[BEATS_MOST];           /* soon, by payload of the server */
	unsigned n;
	const struct tw_pkt *end; /* its FIN or reset */
};

/* The same to a twentieth: timers are late by little, and by about as much each time. */
static bool is_same(int64_t a_ns, int64_t b_ns)
{
	const int64_t apart_ns = a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns;

	return apart_ns <= b_ns / 20;
}

/* From the client's end backwards, as far as nothing is missing. */
static void collect(const struct tw_dossier *d, struct beats *b)
{
	const struct tw_pkt *p = b->end, *answer = NULL;

	while (p-- > d->pkt && !p[1].gap && b->n < BEATS_MOST) {
		if (!tw_counts(p) || !p->payload_bytes || p->marks & TW_MARKS_REPEAT)
			continue;
		if (p->side == TW_SERVER) {
			answer = p;
			continue;
		}
		b->answered[b->n] = answer != NULL;
		b->at[b->n++] = p;
		answer = NULL;
	}
}

/* Does beat @k belong to the row that ends with the newest? */
static bool is_in_row(const struct beats *b, unsigned k, int64_t every_ns)
{
	return b->at[k]->payload_bytes == b->at[0]->payload_bytes &&
	       (!k || is_same(b->at[k - 1]->time_ns - b->at[k]->time_ns, every_ns));
}

void tw_derive_heartbeat(struct tw_view *v)
{
	const size_t end = tw_first_end(v->d);
	struct beats b = { 0 };
	unsigned row = 0, silent = 0, answered = 0;
	int64_t every_ns, left_ns;

	if (end == v->d->pkt_count || v->d->pkt[end].side != TW_CLIENT)
		return;
	b.end = &v->d->pkt[end];
	collect(v->d, &b);
	every_ns = b.n > 1 ? b.at[0]->time_ns - b.at[1]->time_ns : 0;
	if (every_ns < INTERVAL_MIN_NS)
		return;
	for (; row < b.n && is_in_row(&b, row, every_ns); row++) {
		if (b.answered[row])
			answered++;
		else if (!answered)
			silent++;
		else
			break;
	}
	left_ns = b.end->time_ns - b.at[0]->time_ns;
	if (!(silent >= 2 && answered && is_same(left_ns, every_ns)) &&
	    !(silent == 1 && answered >= 2 && left_ns >= WAITED * every_ns))
		return;
	tw_from(v, TW_F_HEARTBEAT_UNANSWERED, silent, b.at[silent - 1]);
	tw_from(v, TW_F_HEARTBEAT_ANSWERED, answered, b.at[silent]);
	tw_from(v, TW_F_HEARTBEAT_NS, every_ns, b.end);
}
