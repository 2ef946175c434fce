/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of connections in trouble. A connection enters it with its first record and is judged shortly
 * after the record that decides it, because the rest of the story comes within the same moment:
 *
 *	server: close()                     client
 *	  tcp_send_reset  ------ RST ------>  tcp_receive_reset   state before
 *	                                      inet_sk_error_report  ECONNRESET
 *	                                      kfree_skb TCP_RESET   the RST's header
 *
 * If both ends are in this kernel (loopback, containers) both stories meet here, as they have the same
 * addresses and ports. Between ends with translation in between they do not, and make two findings. Other namespaces
 * may have the same addresses: see fit().
 *
 * A judged connection stays for some seconds: what then still comes (the bare RST that answers a last
 * ACK) is its echo and no failure of its own, unless another socket, or one that was born later, tells it.
 */
#include "kernel/gather_private.h"

#include "connection/roles.h"
#include "packet/tuple.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS       1024
#define CONNS_MAX     4096
#define SETTLE_NS     (60LL * 1000 * 1000)
#define DROP_QUIET_NS (1000LL * 1000 * 1000)
/* A SYN that is dropped again and again is never quiet. */
#define DROP_PATIENCE_NS (2000LL * 1000 * 1000)
#define ECHO_NS          (3000LL * 1000 * 1000)
/* What never decides itself (repeats that helped after all) is forgotten: longer than any SYN|ACK lives. */
#define IDLE_NS (120LL * 1000 * 1000 * 1000)

struct tw_gather {
	struct tw_gather_config config;
	struct tw_live_conn *bucket[BUCKETS];
	struct tw_listeners listeners;
	unsigned count;
	uint64_t events, findings, forgotten;
};

struct tw_gather *tw_gather_new(const struct tw_gather_config *config)
{
	struct tw_gather *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->config = *config;
	if (!g->config.connections_max)
		g->config.connections_max = CONNS_MAX;
	return g;
}

static void free_records(struct tw_live_conn *c)
{
	int i, j;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < TW_SLOT__N; j++) {
			free(c->end[i].slot[j]);
			c->end[i].slot[j] = NULL;
		}
	}
}

/* It has been told; a new one may come. */
static void free_waiting(struct tw_live_conn *c)
{
	int i;

	for (i = 0; i < 2; i++) {
		free(c->end[i].slot[TW_SLOT_WAITING]);
		c->end[i].slot[TW_SLOT_WAITING] = NULL;
	}
}

static void free_conn(struct tw_live_conn *c)
{
	free_records(c);
	free(c);
}

void tw_gather_free(struct tw_gather *g)
{
	struct tw_live_conn *c;
	unsigned i;

	for (i = 0; g && i < BUCKETS; i++) {
		while ((c = g->bucket[i])) {
			g->bucket[i] = c->next;
			free_conn(c);
		}
	}
	free(g);
}

/* ---- the table ---- */

/* Addresses that mean another host in every namespace: 127/8, ::1, fe80::/10; and "all", to which listeners are bound. */
static bool is_private_to_namespace(const struct tw_addr *a)
{
	static const struct tw_addr one = { .b = { [15] = 1 } }, all = { 0 };
	static const struct tw_addr all_v4 = { .b = { [10] = 0xff, 0xff } };

	return (tw_addr_is_v4(a) && a->b[12] == 127) || tw_addr_equal(a, &one) ||
	       tw_addr_equal(a, &all) || tw_addr_equal(a, &all_v4) ||
	       (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80);
}

/*
 * Numbers of two ends that can be those of one connection. Its socket tells how much an end has sent and got in all; of a
 * segment without one, no end is known. A SYN is the first of all, and its number nearly exact.
 */
#define ROOM_OF_SEGMENT (1U << 24)
/* Flags, and what a box between may add or take away. */
#define ROOM_LEAST 4096

static bool is_near(uint32_t told, uint32_t there, uint32_t room, uint32_t there_room)
{
	const int64_t ahead = (int32_t)(told - there);

	return ahead <= (int64_t)room && ahead >= -(int64_t)there_room;
}

static bool agree(const struct tw_numbers *a, const struct tw_numbers *b)
{
	return (!a->has_out || !b->has_in || is_near(a->out, b->in, a->out_room, b->in_room)) &&
	       (!b->has_out || !a->has_in || is_near(b->out, a->in, b->out_room, a->in_room));
}

static uint32_t room_of(uint64_t bytes)
{
	return bytes < ROOM_OF_SEGMENT - ROOM_LEAST ? (uint32_t)bytes + ROOM_LEAST
						    : ROOM_OF_SEGMENT;
}

static struct tw_numbers numbers_of(const struct tw_record *r)
{
	const uint32_t room = r->seg_flags & TW_SYN ? ROOM_LEAST : ROOM_OF_SEGMENT;

	/* Of a listener, or of a request in it, there are none. */
	if (r->flags & TW_RECF_SOCKET)
		return (struct tw_numbers){ .out = r->snd_nxt,
					    .in = r->rcv_nxt,
					    .out_room = room_of(r->bytes_sent),
					    .in_room = room_of(r->bytes_received),
					    .has_out = r->snd_nxt && r->state != TW_SOCKET_LISTEN,
					    .has_in = r->rcv_nxt && r->state != TW_SOCKET_LISTEN };
	if (!(r->flags & TW_RECF_SEGMENT))
		return (struct tw_numbers){ 0 };
	return (struct tw_numbers){ .out = r->seg_ack,
				    .in = r->seg_seq,
				    .out_room = room,
				    .in_room = room,
				    .has_out = (r->seg_flags & TW_ACK) != 0,
				    .has_in = true };
}

/* Where a record belongs. */
struct place {
	struct tw_tuple key;
	struct tw_numbers numbers;
	int local;      /* the index of the record's local end in the key */
	uint32_t netns; /* in which it was written; 0: a segment without a socket may not know it */
	bool at_end;    /* that is the local end's own */
	bool alone;     /* nothing of another namespace belongs to it */
};

/* A host takes only segments that are meant for it, but it drops what it passes on, and what it would send, too. */
static bool is_at_its_end(const struct tw_record *r)
{
	return r->kind != TW_REC_DROP || r->flags & TW_RECF_SOCKET ||
	       (r->repeats != TW_DROP_FILTER && r->repeats != TW_DROP_ROUTE);
}

static struct place place_of(const struct tw_record *r, bool apart)
{
	struct tw_segment s = { .sport = r->local_port, .dport = r->remote_port };
	struct place p = { .netns = r->netns,
			   .at_end = is_at_its_end(r),
			   .numbers = numbers_of(r) };

	s.src = tw_addr_from_v6(r->local);
	s.dst = tw_addr_from_v6(r->remote);
	p.alone = apart || is_private_to_namespace(&s.src);
	p.local = tw_tuple_of(&s, &p.key);
	return p;
}

static bool has_ports(const struct tw_live_conn *c, const struct tw_tuple *key)
{
	int i;

	for (i = 0; i < 2; i++)
		if (c->end[i].port != key->port[i] ||
		    memcmp(c->end[i].addr.b, key->addr[i].b, 16) != 0)
			return false;
	return true;
}

/*
 * Two pairs of containers may have the same addresses and, at times, the same ports:
 *
 *	namespace 1: 10.0.0.2:40000  ----  10.0.0.3:80  namespace 2
 *	namespace 3: 10.0.0.2:40000  ----  10.0.0.3:80  namespace 4
 *
 * An end is in one namespace, so what another tells of it is another connection's. Where an end is not known yet, the
 * sequence numbers must fit to those of its peer: each connection begins with its own. What is dropped on its way may be so in a third one, which passes it on; between two
 * known ends that is not assumed. One that is over and has only its place in common with the record gives way to it.
 */
enum fit { FIT_NOT, FIT_BEFORE, FIT_MAYBE, FIT_SURE };

static enum fit fit(const struct tw_gather *g, const struct tw_live_conn *c, const struct place *p)
{
	const uint32_t own = c->end[p->local].netns, peer = c->end[!p->local].netns;

	if (!has_ports(c, &p->key))
		return FIT_NOT;
	/* Apart, it belongs to the end that has a socket. */
	if (!p->netns)
		return !g->config.apart || c->end[p->local].local ? FIT_MAYBE : FIT_NOT;
	if (p->alone)
		return c->netns == p->netns ? FIT_SURE : c->netns ? FIT_NOT : FIT_MAYBE;
	if (own == p->netns || (!p->at_end && peer == p->netns))
		return FIT_SURE;
	if (own && (p->at_end || peer))
		return FIT_NOT;
	return agree(&p->numbers, &c->end[!p->local].numbers) ? FIT_MAYBE : FIT_NOT;
}

/* Gives up the judged that are only kept for their echoes. */
static void drop_judged(struct tw_gather *g)
{
	struct tw_live_conn *c, **at;
	unsigned i;

	for (i = 0; i < BUCKETS; i++) {
		at = &g->bucket[i];
		while ((c = *at)) {
			if (!c->judged) {
				at = &c->next;
				continue;
			}
			*at = c->next;
			free_conn(c);
			g->count--;
		}
	}
}

static struct tw_live_conn *make_room(struct tw_gather *g)
{
	if (g->count >= g->config.connections_max)
		drop_judged(g);
	if (g->count >= g->config.connections_max) {
		g->forgotten++;
		return NULL;
	}
	return calloc(1, sizeof(struct tw_live_conn));
}

/* Of the addresses and ports of a connection, but of a later one: a client that is in a hurry gets the same port. */
static bool is_another(const struct tw_live_conn *c, int local, const struct tw_record *r)
{
	const struct tw_live_end *e = &c->end[local];
	const bool has_cookie = r->flags & TW_RECF_SOCKET && r->cookie;

	if (has_cookie && e->cookie)
		return e->cookie != r->cookie;
	if (!c->judged && !c->decided)
		return false;
	/* Each attempt to bind is one by itself. */
	if (r->kind == TW_REC_BIND)
		return true;
	/* A SYN that is not the one that was dropped. */
	if (r->kind == TW_REC_DROP && r->seg_flags & TW_SYN && c->judged && e->slot[TW_SLOT_DROP])
		return e->slot[TW_SLOT_DROP]->seg_seq != r->seg_seq;
	/* Its first sign is never older than its client's socket. */
	return has_cookie && r->flags & TW_RECF_BORN && (int64_t)r->born_ns > c->first_ns;
}

static struct tw_live_conn *find(struct tw_gather *g, const struct place *p,
				 const struct tw_record *r)
{
	struct tw_live_conn *c = g->bucket[tw_tuple_hash(&p->key, 1) % BUCKETS], *best = NULL;
	enum fit how, best_how = FIT_NOT;

	for (; c && best_how != FIT_SURE; c = c->next) {
		how = fit(g, c, p);
		if (how && is_another(c, p->local, r))
			how = FIT_BEFORE;
		if (how > best_how) {
			best_how = how;
			best = c;
		}
	}
	return best;
}

static struct tw_live_conn *make(struct tw_gather *g, const struct place *p, int64_t now_ns)
{
	struct tw_live_conn *c = make_room(g), **head;
	int i;

	if (!c)
		return NULL;
	for (i = 0; i < 2; i++) {
		c->end[i].addr = p->key.addr[i];
		c->end[i].port = p->key.port[i];
	}
	c->first_ns = now_ns;
	c->first_event = g->events;
	head = &g->bucket[tw_tuple_hash(&p->key, 1) % BUCKETS];
	c->next = *head;
	*head = c;
	g->count++;
	return c;
}

/* What a record tells of where its connection is. */
static void settle_place(struct tw_live_conn *c, const struct place *p)
{
	if (!p->netns)
		return;
	if (p->alone)
		c->netns = p->netns;
	if (!p->at_end)
		return;
	c->end[p->local].netns = p->netns;
	if (p->numbers.has_out || p->numbers.has_in)
		c->end[p->local].numbers = p->numbers;
}

/* ---- records ---- */

static enum tw_slot slot_of(const struct tw_record *r)
{
	switch (r->kind) {
	case TW_REC_SENT_RESET:
		return TW_SLOT_SENT_RESET;
	case TW_REC_GOT_RESET:
		return TW_SLOT_GOT_RESET;
	case TW_REC_ERROR:
		return TW_SLOT_ERROR;
	case TW_REC_STATE:
		return r->err ? TW_SLOT_ERROR : TW_SLOT_STATE;
	case TW_REC_DROP:
		return r->repeats == TW_DROP_RESET ? TW_SLOT_DROP_RESET : TW_SLOT_DROP;
	case TW_REC_SYNACK:
		return TW_SLOT_SYNACK;
	case TW_REC_BIND:
		return TW_SLOT_BIND;
	case TW_REC_WAITING:
		return TW_SLOT_WAITING;
	default:
		return TW_SLOT__N;
	}
}

static bool is_decisive(enum tw_slot slot)
{
	return slot == TW_SLOT_SENT_RESET || slot == TW_SLOT_GOT_RESET || slot == TW_SLOT_ERROR ||
	       slot == TW_SLOT_STATE || slot == TW_SLOT_BIND;
}

/* Of these each is told, also of a connection that was told before and went on. */
static bool is_news(enum tw_slot slot)
{
	return is_decisive(slot) || slot == TW_SLOT_WAITING;
}

/* The later one counts of what repeats itself; a death that was seen before the FIN's state stays. */
static bool is_latest_wanted(enum tw_slot slot)
{
	return slot == TW_SLOT_SYNACK || slot == TW_SLOT_WAITING;
}

static void keep(struct tw_live_end *e, enum tw_slot slot, const struct tw_record *r,
		 uint64_t event)
{
	if (!e->slot[slot])
		e->slot[slot] = malloc(sizeof(*r));
	else if (!is_latest_wanted(slot))
		return;
	if (!e->slot[slot])
		return;
	*e->slot[slot] = *r;
	if (!is_latest_wanted(slot) || !e->event[slot])
		e->event[slot] = event;
}

/*
 * A socket's end without any error, after it was in trouble: nothing to decide, nothing to wait for. Or the
 * end of one that was told (GONE): judge at once.
 */
static void on_gone(struct tw_live_conn *c, const struct tw_record *r)
{
	if (c->decided)
		return;
	c->decided = true;
	c->decided_ns = (int64_t)r->time_ns;
}

static void begin_again(struct tw_live_conn *c, const struct tw_record *r, uint64_t event)
{
	struct tw_live_conn fresh = { .next = c->next,
				      .netns = c->netns,
				      .first_ns = (int64_t)r->time_ns,
				      .first_event = event };
	int i;

	for (i = 0; i < 2; i++) {
		fresh.end[i].addr = c->end[i].addr;
		fresh.end[i].port = c->end[i].port;
	}
	free_records(c);
	*c = fresh;
}

/* ---- judging ---- */

int tw_live_client(const struct tw_live_conn *c, bool *guessed)
{
	int i;

	*guessed = false;
	for (i = 0; i < 2; i++) {
		const struct tw_live_end *e = &c->end[i];
		const struct tw_record *sent = e->slot[TW_SLOT_SENT_RESET];

		if (e->connected)
			return i;
		if (e->accepted)
			return !i;
		if (sent && sent->flags & TW_RECF_SEGMENT &&
		    (sent->seg_flags & (TW_SYN | TW_ACK)) == TW_SYN)
			return !i;
	}
	*guessed = !tw_roles_tell(c->end[0].port, c->end[1].port);
	return !tw_roles_by_port(c->end[0].port, c->end[1].port);
}

static bool has_drop(const struct tw_live_conn *c)
{
	return c->end[0].slot[TW_SLOT_DROP] || c->end[1].slot[TW_SLOT_DROP];
}

static bool is_ripe(const struct tw_live_conn *c, int64_t now_ns)
{
	if (now_ns == INT64_MAX)
		return c->decided || has_drop(c);
	if (c->decided)
		return now_ns - c->decided_ns > SETTLE_NS;
	return has_drop(c) &&
	       (now_ns - c->last_ns > DROP_QUIET_NS || now_ns - c->first_ns > DROP_PATIENCE_NS);
}

/* What was told while it went on is not told again as it ends of it. */
static bool is_told(const struct tw_live_conn *c, const struct tw_finding *f)
{
	return c->told && strcmp(c->told, f->verdict) == 0 &&
	       (c->told_outcome == f->match.outcome || c->told_outcome == TW_OUTCOME_FAILED);
}

/* A segment that was dropped and harmed nobody is no end of a connection. */
static bool is_worth_telling(const struct tw_gather *g, const struct tw_live_conn *c,
			     const struct tw_finding *f)
{
	return (f->match.outcome != TW_OUTCOME_CLEAN || (g->config.all && c->decided)) &&
	       !is_told(c, f);
}

static void judge(struct tw_gather *g, struct tw_live_conn *c)
{
	const bool wanted = !g->config.need_socket || c->end[0].local || c->end[1].local;
	struct tw_finding *f = NULL;
	bool guessed;

	if (wanted && !g->config.apart)
		tw_listeners_explain(&g->listeners, c, tw_live_client(c, &guessed),
				     g->config.jiffy_ns);
	if (wanted)
		f = tw_live_finding(&g->config, c, g->findings);

	c->judged = true;
	if (wanted && !f)
		g->forgotten++;
	if (f && is_worth_telling(g, c, f)) {
		c->told = f->verdict;
		c->told_outcome = f->match.outcome;
		g->findings++;
		g->config.finding(g->config.user, f);
	} else {
		tw_finding_free(f);
	}
	/* Dropped, and not yet given up: what comes of it may come late. */
	if (c->ended)
		free_records(c);
	else
		free_waiting(c);
}

void tw_gather_add(struct tw_gather *g, const struct tw_record *r)
{
	const struct place place = place_of(r, g->config.apart);
	const enum tw_slot slot = slot_of(r);
	const int local = place.local;
	struct tw_live_conn *c;

	g->events++;
	tw_listeners_learn(&g->listeners, r);
	if (r->kind == TW_REC_WAITING && r->wait == TW_WAIT_DROPPED) {
		tw_listeners_note(&g->listeners, r);
		g->listeners.event = g->events;
	}
	c = find(g, &place, r);
	if (!c)
		c = make(g, &place, (int64_t)r->time_ns);
	if (!c)
		return;
	/* Read late, all at once: what came when it was ripe already would be an echo. */
	if (!c->judged && is_ripe(c, (int64_t)r->time_ns))
		judge(g, c);
	if (is_another(c, local, r)) {
		if (!c->judged && (c->decided || has_drop(c)))
			judge(g, c);
		begin_again(c, r, g->events);
	}
	settle_place(c, &place);
	if (c->judged && !c->ended && is_news(slot))
		c->judged = c->decided = false;
	if (!c->ended)
		c->last_ns = (int64_t)r->time_ns;
	if (c->judged)
		return;
	c->last_ns = (int64_t)r->time_ns;
	c->folded += r->folded;
	if (r->flags & TW_RECF_SOCKET)
		c->end[local].local = true;
	if (r->cookie)
		c->end[local].cookie = r->cookie;
	c->end[local].connected |= r->flags & TW_RECF_CLIENT || r->state == TW_SOCKET_SYN_SENT ||
				   r->old_state == TW_SOCKET_SYN_SENT;
	/* A listener is a server, and has no peer yet. */
	c->end[local].accepted |= (r->flags & TW_RECF_SERVER) != 0 || r->state == TW_SOCKET_LISTEN;
	if (slot < TW_SLOT__N)
		keep(&c->end[local], slot, r, g->events);
	if (r->kind == TW_REC_GONE)
		on_gone(c, r);
	c->ended |= is_decisive(slot);
	if (is_news(slot) && !c->decided) {
		c->decided = true;
		c->decided_ns = (int64_t)r->time_ns;
	}
}

/* What was dropped is repeated after twice the time at most; what was told may yet end. */
static int64_t kept_for_ns(const struct tw_live_conn *c)
{
	const int64_t next_ns = 2 * (c->last_ns - c->first_ns);

	if (c->ended)
		return ECHO_NS;
	if (c->told || next_ns > IDLE_NS)
		return IDLE_NS;
	return next_ns > ECHO_NS ? next_ns : ECHO_NS;
}

static bool is_over(const struct tw_live_conn *c, int64_t now_ns)
{
	if (c->judged)
		return now_ns - c->last_ns > kept_for_ns(c);
	return !c->decided && now_ns - c->last_ns > IDLE_NS;
}

void tw_gather_ripe(struct tw_gather *g, int64_t now_ns)
{
	struct tw_live_conn *c, **at;
	unsigned i;

	for (i = 0; i < BUCKETS; i++) {
		at = &g->bucket[i];
		while ((c = *at)) {
			if (!c->judged && is_ripe(c, now_ns))
				judge(g, c);
			if (is_over(c, now_ns)) {
				*at = c->next;
				free_conn(c);
				g->count--;
			} else {
				at = &c->next;
			}
		}
	}
}

uint64_t tw_gather_pending(const struct tw_gather *g)
{
	return g->count;
}

uint64_t tw_gather_forgotten(const struct tw_gather *g)
{
	return g->forgotten;
}
