/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clean connections that explain others. A verdict may rest on what a second connection did, and that one
 * may look clean beyond doubt:
 *
 *	a stray		C:p <---- S:q	 a segment that left the balancer untranslated, and its reset: its
 *			C:p <---> V:q	 numbers are those of the connection that it belongs to
 *	an idle end	C:p <---> S:q	 reset after 60 s of silence, or silent since; another connection
 *			C:r <---> S:q	 of the two hosts survived 90 s of it
 *
 * At the end of the input, when it is known what deserves a dossier, a few such kin are taken along: of a stray,
 * what shares one of its endpoints, and there above all what has the same port at the other end; of an idle
 * end, what was between the same two hosts and may have been idle for long. Nothing is asked of a packet for
 * this: without such ends it costs nothing, and with them one pass over the records. What was recycled by
 * then (QUEUE_MAX closed connections later) is not found any more.
 */
#include "connection/triage_private.h"

#include "base/duration.h"

#include <stdlib.h>
#include <string.h>

#define KIN_MAX      1024
#define KIN_SLOTS    4096                 /* a power of two */
#define STRAY_MAX    64                   /* packets: more is no stray */
#define IDLE_NS      (10 * TW_NS_PER_S)   /* shorter idle times are no device's */
#define IDLE_MEAN_NS (100 * TW_NS_PER_MS) /* with more packets than that nothing was idle */

/* What is asked for, and how many connections each may bring along. */
enum kind {
	KIN_PORTS,    /* this endpoint, and this port at the other end */
	KIN_ENDPOINT, /* this endpoint */
	KIN_HOSTS,    /* these two hosts */
};
static const unsigned most[] = { [KIN_PORTS] = 8, [KIN_ENDPOINT] = 4, [KIN_HOSTS] = 4 };

struct key {
	struct tw_addr addr, other; /* other: of KIN_HOSTS alone, and not below addr */
	uint16_t port, other_port;  /* 0 where the kind has none */
	uint8_t kind;
};

struct kin {
	struct key key;
	uint64_t before; /* frame: what begins later explains nothing */
	unsigned taken;
};

struct kinship {
	struct kin kin[KIN_MAX];
	unsigned count;
	uint16_t slot[KIN_SLOTS]; /* a hash over the keys: index + 1 */
	uint8_t ports[65536 / 8]; /* of the endpoints: most connections have none of them */
};

static struct key endpoint_key(const struct tw_tuple *u, int side, enum kind kind)
{
	return (struct key){ .addr = u->addr[side],
			     .port = u->port[side],
			     .other_port = kind == KIN_PORTS ? u->port[!side] : 0,
			     .kind = (uint8_t)kind };
}

static struct key hosts_key(const struct tw_tuple *u)
{
	const int low = memcmp(&u->addr[0], &u->addr[1], sizeof(u->addr[0])) > 0;

	return (struct key){ .addr = u->addr[low], .other = u->addr[!low], .kind = KIN_HOSTS };
}

static bool key_equal(const struct key *x, const struct key *y)
{
	return x->kind == y->kind && x->port == y->port && x->other_port == y->other_port &&
	       tw_addr_equal(&x->addr, &y->addr) && tw_addr_equal(&x->other, &y->other);
}

/* The slot of a key, or the empty one where it would stand. */
static uint32_t slot_of(const struct tw_triage *t, const struct kinship *s, const struct key *key)
{
	uint64_t w[4], h;
	uint32_t i;

	memcpy(w, key->addr.b, 16);
	memcpy(w + 2, key->other.b, 16);
	h = t->seed ^ key->port ^ (uint64_t)key->other_port << 16 ^ (uint64_t)key->kind << 32;
	for (i = 0; i < 4; i++) {
		h = (h ^ w[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	i = (uint32_t)h % KIN_SLOTS;
	while (s->slot[i] && !key_equal(&s->kin[s->slot[i] - 1].key, key))
		i = (i + 1) % KIN_SLOTS;
	return i;
}

/* --- who is to be explained --- */

unsigned tw_triage_kin_of(const struct conn *c)
{
	const bool open = c->acked[0] != c->next[1] || c->acked[1] != c->next[0];
	unsigned kin = 0;

	if (c->status & CONN_HALF_OPEN)
		return 0;
	if (c->status & CONN_RST && !(c->status & (SIDE_SYN | SIDE_SYN << 8)) &&
	    c->packets <= STRAY_MAX)
		kin |= TW_KIN_STRAY;
	if ((c->status & CONN_RST || open) && c->last_ns - c->first_ns >= IDLE_NS)
		kin |= TW_KIN_IDLE;
	return kin;
}

static void note(const struct tw_triage *t, struct kinship *s, struct key key, uint64_t before)
{
	const uint32_t slot = slot_of(t, s, &key);

	s->ports[key.port / 8] |= (uint8_t)(1 << key.port % 8);
	if (s->slot[slot]) {
		struct kin *k = &s->kin[s->slot[slot] - 1];

		k->before = k->before > before ? k->before : before;
	} else if (s->count < KIN_MAX) {
		s->kin[s->count++] = (struct kin){ .key = key, .before = before };
		s->slot[slot] = (uint16_t)s->count;
	}
}

static void explain(struct tw_triage *t, unsigned kin, const struct tw_tuple *u,
		    uint64_t last_frame)
{
	int side;

	if (!kin)
		return;
	if (!t->kinship)
		t->kinship = calloc(1, sizeof(*t->kinship));
	if (!t->kinship)
		return;
	for (side = 0; kin & TW_KIN_STRAY && side < 2; side++) {
		note(t, t->kinship, endpoint_key(u, side, KIN_PORTS), last_frame);
		note(t, t->kinship, endpoint_key(u, side, KIN_ENDPOINT), last_frame);
	}
	if (kin & TW_KIN_IDLE)
		note(t, t->kinship, hosts_key(u), UINT64_MAX);
}

void tw_triage_kin_gather(struct tw_triage *t)
{
	uint64_t k;
	uint32_t i;

	for (k = 0; k < t->result.interest_count; k++)
		explain(t, t->interest[k].kin, &t->interest[k].tuple, t->interest[k].last_frame);
	for (i = 1; i <= t->conns.used; i++) {
		const struct conn *c = conn_at(t, i);

		if (c->packets && !(c->status & CONN_DEAD))
			explain(t, tw_triage_kin_of(c), &c->tuple, c->last_frame);
	}
}

void tw_triage_kin_free(struct tw_triage *t)
{
	free(t->kinship);
	t->kinship = NULL;
}

/* --- who explains --- */

static bool takes(const struct tw_triage *t, struct kinship *s, const struct conn *c,
		  struct key key)
{
	const uint32_t slot = slot_of(t, s, &key);
	struct kin *k;

	if (!s->slot[slot])
		return false;
	k = &s->kin[s->slot[slot] - 1];
	if (c->first_frame > k->before || k->taken == most[key.kind])
		return false;
	k->taken++;
	return true;
}

bool tw_triage_kin_takes(struct tw_triage *t, const struct conn *c)
{
	const int64_t lived_ns = c->last_ns - c->first_ns;
	struct kinship *s = t->kinship;
	int side;

	if (!s)
		return false;
	for (side = 0; side < 2; side++) {
		const uint16_t port = c->tuple.port[side];

		if (s->ports[port / 8] & 1 << port % 8 &&
		    (takes(t, s, c, endpoint_key(&c->tuple, side, KIN_PORTS)) ||
		     takes(t, s, c, endpoint_key(&c->tuple, side, KIN_ENDPOINT))))
			return true;
	}
	return lived_ns >= IDLE_NS && lived_ns / IDLE_MEAN_NS >= c->packets &&
	       takes(t, s, c, hosts_key(&c->tuple));
}
