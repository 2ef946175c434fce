/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of a server's addresses a client may try several at nearly the same time, keep the one that answers first, and close the
 * others' sockets without a word (RFC 8305, "Happy Eyeballs": browsers, curl, Go, Java).
 *
 *	client                      A                 B
 *	  |----SYN------------------>|                 |
 *	  |  250 ms                                    |
 *	  |----SYN------------------------------------>|
 *	  |<---SYN|ACK---------------------------------|   RACE_WON_NS: this is the one
 *	  |----request-------------------------------->|
 *	  |<---SYN|ACK, late---------|
 *	  |----RST------------------>|      that socket was closed when B had answered
 *
 * The other connection is as good as others and has no dossier, so it is the table of hosts that knows of it.
 */
#include "facts/view.h"
#include "packet/tuple.h"

#define RACE_NS     (2 * TW_NS_PER_S)   /* RFC 8305 s8: the longest time between two attempts */
#define APART_NS    (10 * TW_NS_PER_MS) /* RFC 8305 s5: the shortest one */
#define LEFT_NS     TW_NS_PER_S         /* who resets it so soon has not gone on with it */
#define BEYOND_SYNS (4 | 8)             /* tcp.completeness: the client's ACK, data */
#define VAIN_MOST   64                  /* doors: who knocks at more in vain scans */
#define OPEN_MOST   512                 /* or finds so many open */
#define HOSTS_MOST  512                 /* among more it is not looked for */

struct race {
	uint32_t client; /* hash of this connection's own */
	uint32_t
		other; /* of the one of the other family that asks at the same port, 0: none does */
	bool strangers;     /* more than these two do: which two are one client cannot be told */
	bool other_won;     /* ... and it is the other one that was answered */
	unsigned answering; /* other addresses that answer the client at the port about then */
	struct tw_host_event won; /* kind 0: none */
};

/* The SYN that @answer of the same log answers. */
static const struct tw_host_event *asked_by(const struct tw_host_log *log,
					    const struct tw_host_event *answer)
{
	const struct tw_host_event *e;
	unsigned i;

	for (i = 0; i < 3; i++)
		for (e = log->part[i].from; e < log->part[i].to; e++)
			if (e->kind == TW_HOST_SYN && e->peer == answer->peer &&
			    e->peer_port == answer->peer_port && e->port == answer->port &&
			    e->time_ns <= answer->time_ns)
				return e;
	return NULL;
}

/* Both were asked when the other's answer came, and this one had none yet; and it was not asked again. */
static bool in_time(const struct tw_view *v, const struct tw_host_event *answer)
{
	return answer->time_ns >= tw_time_of(v->f, TW_F_SYN_LAST) &&
	       (!tw_get(v->f, TW_F_SYNACK_COUNT) ||
		answer->time_ns <= tw_time_of(v->f, TW_F_SYNACK_COUNT));
}

/* Whose hash is it? */
static const struct tw_host *host_of(const struct tw_view *v, uint32_t hash)
{
	const struct tw_host *h;
	uint32_t n;

	for (n = 0; (h = tw_hosts_nth(v->hosts, n)) != NULL; n++)
		if (tw_host_peer_hash(&h->addr) == hash)
			return h;
	return NULL;
}

/* A client that resets this one right away, too, wanted none of them. */
static bool was_left(const struct tw_view *v, const struct tw_host_event *answer, uint32_t server)
{
	const struct tw_host_log log = tw_host_log_between(
		host_of(v, answer->peer), answer->time_ns, answer->time_ns + LEFT_NS);
	const struct tw_host_event *e;
	unsigned i;

	for (i = 0; i < 3; i++)
		for (e = log.part[i].from; e < log.part[i].to; e++)
			if (e->kind == TW_HOST_RST && e->peer == server &&
			    e->port == answer->peer_port && e->peer_port == answer->port)
				return true;
	return false;
}

/*
 * Is it the answer that made the client close this attempt? Both must have been begun apart from each other: who asks
 * several at the same moment wants all of them.
 */
static bool has_won(const struct tw_view *v, const struct tw_host *h, const struct tw_host_log *log,
		    const struct tw_host_event *answer)
{
	const struct tw_host_event *syn = asked_by(log, answer);
	const int64_t apart_ns = syn ? syn->time_ns - v->d->first_ns : 0;

	return (apart_ns >= APART_NS || apart_ns <= -APART_NS) && in_time(v, answer) &&
	       !was_left(v, answer, tw_host_peer_hash(&h->addr));
}

static void look_at(const struct tw_view *v, const struct tw_host *h, struct race *r)
{
	const struct tw_end *end = v->d->end;
	const bool family = tw_addr_is_v4(&h->addr) == tw_addr_is_v4(&end[1].addr);
	const bool own = tw_addr_equal(&h->addr, &end[1].addr);
	const struct tw_host_log log =
		tw_host_log_between(h, v->d->first_ns - RACE_NS, v->d->first_ns + RACE_NS);
	const struct tw_host_event *e;
	bool answers = false;
	unsigned i;

	for (i = 0; i < 3; i++) {
		for (e = log.part[i].from; e < log.part[i].to; e++) {
			if (e->port != end[1].port)
				continue;
			if (e->kind == TW_HOST_SYN && !family && !r->other)
				r->other = e->peer;
			r->strangers |= e->kind == TW_HOST_SYN &&
					e->peer != (family ? r->client : r->other);
			if (e->kind != TW_HOST_SYNACK || own || (family && e->peer != r->client))
				continue;
			answers = true;
			if (!r->won.kind && has_won(v, h, &log, e)) {
				r->won = *e;
				r->other_won = !family;
			}
		}
	}
	r->answering += answers;
}

void tw_derive_race(struct tw_view *v)
{
	struct race r = { .client = tw_host_peer_hash(&v->d->end[0].addr) };
	const struct tw_host *h, *client = v->host[0];
	uint32_t n;

	if (!tw_get(v->f, TW_F_SYN_COUNT) || v->d->completeness & BEYOND_SYNS || !v->hosts ||
	    tw_hosts_nth(v->hosts, HOSTS_MOST) ||
	    (client &&
	     (tw_host_knocked_in_vain(client) >= VAIN_MOST || tw_host_opened(client) >= OPEN_MOST)))
		return;
	for (n = 0; (h = tw_hosts_nth(v->hosts, n)) != NULL; n++)
		if (h->serves && (h->unordered || h->last_ns >= v->d->first_ns - RACE_NS))
			look_at(v, h, &r);
	/* of a race one is left; who goes on with several addresses speaks with each of them */
	if (!r.won.kind || r.answering > 1 || (r.other_won && r.strangers))
		return;
	tw_fact_set(v->f, TW_F_RACE_WON_NS, r.won.time_ns - v->d->first_ns, r.won.frame,
		    r.won.time_ns);
}
