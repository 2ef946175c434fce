/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what happened in a run, when: packets, calls and their returns, kernel states, what was done to
 * cable and hosts, on one time line.
 *
 * A packet is one entry: noted when it leaves its sender, completed when it arrives (the cable gives both
 * the same id). Entries come nearly in order and are sorted at the end. Sequence numbers are relative
 * to the SYN of the same ports. Kernel states are not told by anybody: they are looked up after each
 * event (sock_diag), so a state that lasted for less than that is not seen.
 */
#include "lab/run_private.h"
#include "report/json_value.h"
#include "report/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tw_timeline_init(struct tw_run *run)
{
	run->timeline.entries = json_array();
	return run->timeline.entries ? 0 : tw_run_fail(run, "memory is out");
}

static json_t *seconds(const struct tw_run *run, int64_t time_ns)
{
	return tw_json_seconds(time_ns - run->start_ns);
}

static json_t *add_entry(struct tw_run *run, int64_t time_ns, const char *kind)
{
	json_t *e = json_pack("{s:o, s:s}", "time", seconds(run, time_ns), "kind", kind);

	if (e && json_array_append_new(run->timeline.entries, e))
		return NULL;
	return e;
}

void tw_timeline_event(struct tw_run *run, int64_t time_ns, const char *kind, const char *who,
		       unsigned socket, const char *fmt, ...)
{
	json_t *e = add_entry(run, time_ns, kind);
	va_list ap;

	if (!e)
		return;
	if (who)
		json_object_set_new(e, "who", json_string(who));
	if (socket)
		json_object_set_new(e, "socket", json_integer((json_int_t)socket));
	va_start(ap, fmt);
	json_object_set_new(e, "text", json_vsprintf(fmt, ap));
	va_end(ap);
}

static bool begins_expectation(const char *word, size_t length)
{
	static const char *const words[] = { "->", "within", "after", "full", "&" };
	unsigned i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == length && strncmp(word, words[i], length) == 0)
			return true;
	return false;
}

const char *tw_timeline_call_text(char out[TW_CALL_TEXT], const struct tw_statement *s)
{
	const char *word = s->text + strspn(s->text, " \t");
	size_t n = 0, length;

	for (; *word; word += length, word += strspn(word, " \t")) {
		length = strcspn(word, " \t");
		if (begins_expectation(word, length) || n + length + 2 > TW_CALL_TEXT)
			break;
		if (n)
			out[n++] = ' ';
		memcpy(out + n, word, length);
		n += length;
	}
	out[n] = '\0';
	return out;
}

void tw_timeline_return(struct tw_run *run, const char *who, const struct tw_actor_result *result)
{
	const struct tw_statement *s = result->statement;
	char text[TW_EXPECT_TEXT], call[TW_CALL_TEXT];
	json_t *e = add_entry(run, result->end_ns, "return");

	if (!e)
		return;
	json_object_set_new(e, "who", json_string(who));
	json_object_set_new(e, "socket", json_integer((json_int_t)s->socket));
	json_object_set_new(e, "text",
			    json_sprintf("%s = %s", tw_timeline_call_text(call, s),
					 tw_run_result_text(text, result)));
	json_object_set_new(e, "after", tw_json_seconds(result->end_ns - result->start_ns));
}

/* ---- packets ---- */

static struct tw_run_flow *flow_of(struct tw_timeline *t, const struct tw_cable_event *e)
{
	bool by_client = e->from == TW_FROM_CLIENT;
	uint16_t client = by_client ? e->segment->sport : e->segment->dport;
	uint16_t server = by_client ? e->segment->dport : e->segment->sport;
	const unsigned flows = sizeof(t->flow) / sizeof(t->flow[0]);
	struct tw_run_flow *f;
	unsigned i;

	for (i = 0; i < flows; i++)
		if (t->flow[i].port[TW_CLIENT] == client && t->flow[i].port[TW_SERVER] == server)
			return &t->flow[i];
	f = &t->flow[t->flow_next++ % flows];
	*f = (struct tw_run_flow){ .port = { client, server } };
	return f;
}

static void describe_tcp(struct tw_run *run, json_t *entry, const struct tw_cable_event *e)
{
	const struct tw_segment *s = e->segment;
	struct tw_run_flow *f = flow_of(&run->timeline, e);
	unsigned me = e->from == TW_FROM_SERVER;
	char flags[TW_WORDS_TEXT];

	if ((s->flags & TW_SYN) && e->fate != TW_FATE_FORGED) {
		f->isn[me] = s->seq;
		f->known[me] = true;
	}
	tw_words_flags(flags, s->flags);
	json_object_set_new(entry, "flags", json_string(flags));
	json_object_set_new(entry, "seq",
			    f->known[me] ? json_integer((uint32_t)(s->seq - f->isn[me]))
					 : json_null());
	json_object_set_new(entry, "ack",
			    (s->flags & TW_ACK) && f->known[!me]
				    ? json_integer((uint32_t)(s->ack - f->isn[!me]))
				    : json_null());
	json_object_set_new(entry, "length", json_integer((json_int_t)s->payload_bytes));
	json_object_set_new(entry, "window", json_integer(s->window));
	json_object_set_new(entry, "port",
			    json_integer(f->port[TW_CLIENT])); /* tells connections apart */
	json_object_set_new(entry, "text",
			    s->payload_bytes ? json_sprintf("%s, %u bytes", flags, s->payload_bytes)
					     : json_string(flags));
}

static void describe(struct tw_run *run, json_t *entry, const struct tw_cable_event *e)
{
	const struct tw_segment *s = e->segment;

	switch (s->kind) {
	case TW_SEG_TCP:
		describe_tcp(run, entry, e);
		return;
	case TW_SEG_ICMP_ERROR:
		json_object_set_new(entry, "text",
				    json_sprintf("ICMP%s type %u code %u",
						 s->icmp_version == 6 ? "v6" : "", s->icmp_type,
						 s->icmp_code));
		return;
	case TW_SEG_NEIGHBOUR:
		json_object_set_new(entry, "text",
				    json_sprintf("%s %s", s->ip_version == 6 ? "ND" : "ARP",
						 s->neighbour_is_answer ? "answer" : "question"));
		return;
	default:
		json_object_set_new(entry, "text", json_string("other"));
	}
}

static json_t *recent(struct tw_timeline *t, uint64_t id)
{
	const unsigned n = sizeof(t->recent) / sizeof(t->recent[0]);
	unsigned i;

	for (i = 0; i < n; i++)
		if (t->recent[i].entry && t->recent[i].id == id)
			return t->recent[i].entry;
	return NULL;
}

static json_t *new_packet(struct tw_run *run, const struct tw_cable_event *e)
{
	struct tw_timeline *t = &run->timeline;
	const unsigned n = sizeof(t->recent) / sizeof(t->recent[0]);
	json_t *p;

	if (t->packets >= TW_TIMELINE_PACKETS) {
		t->left_out++;
		return NULL;
	}
	p = add_entry(run, e->time_ns, "packet");
	if (!p)
		return NULL;
	t->packets++;
	json_object_set_new(p, "from",
			    json_string(e->from == TW_FROM_SERVER ? "server" : "client"));
	json_object_set_new(p, "arrived", json_null());
	json_object_set_new(p, "fate", json_string("sent"));
	json_object_set_new(p, "altered", json_boolean(e->altered));
	describe(run, p, e);
	t->recent[t->recent_next % n].id = e->id;
	t->recent[t->recent_next++ % n].entry = p;
	return p;
}

void tw_timeline_packet(void *user, const struct tw_cable_event *e)
{
	static const char *const fates[] = { "sent", "arrived", "dropped", "held", "forged" };
	struct tw_run *run = user;
	json_t *p;

	run->look_wanted = true;
	if (run->hold_server && e->fate == TW_FATE_SENT && e->from == TW_FROM_CLIENT &&
	    e->segment->payload_bytes)
		tw_run_hold_server(run);
	if (e->fate == TW_FATE_ARRIVED && e->from == TW_FROM_CLIENT && e->segment->payload_bytes &&
	    e->link + 1 == tw_net_links(run->net))
		run->client_was_heard = true;
	p = recent(&run->timeline, e->id);
	if (!p)
		p = new_packet(run, e);
	if (!p)
		return;
	/* A frame may be told to arrive before it is told to have been sent (cable.h). */
	if (e->fate == TW_FATE_SENT) {
		json_object_set_new(p, "time", seconds(run, e->time_ns));
		return;
	}
	json_object_set_new(p, "fate", json_string(fates[e->fate]));
	if (e->fate == TW_FATE_ARRIVED || e->fate == TW_FATE_FORGED)
		json_object_set_new(p, "arrived", seconds(run, e->time_ns));
	if (e->altered)
		json_object_set_new(p, "altered", json_true());
}

/* ---- kernel states ---- */

static const char *host_name(enum tw_host_id host)
{
	return host == TW_HOST_SERVER ? "server" : "client";
}

/* The socket's number in the script, and the process that has it; 0 if it is nobody's (yet). */
static unsigned socket_number(const struct tw_run *run, const struct tw_run_state *s)
{
	unsigned p, k;

	for (p = 0; p < TW_RUN_PROCESSES; p++)
		for (k = 1; k < TW_RUN_SOCKETS; k++) {
			const struct tw_run_ports *ports = &run->actor[s->host][p].ports[k];

			if (ports->local == s->local && ports->remote == s->remote)
				return k;
		}
	return 0;
}

static void note_state(struct tw_run *run, const struct tw_run_state *s, unsigned state)
{
	json_t *e = add_entry(run, run->looked_ns, "state");

	if (!e)
		return;
	json_object_set_new(e, "who", json_string(host_name(s->host)));
	json_object_set_new(e, "socket", json_integer((json_int_t)socket_number(run, s)));
	json_object_set_new(e, "port",
			    json_integer(s->host == TW_HOST_CLIENT ? s->local : s->remote));
	json_object_set_new(e, "text", json_string(tw_tcp_state_name(state)));
}

static void saw(struct tw_run *run, enum tw_host_id host, const struct tw_net_socket *k)
{
	struct tw_run_state *s;
	unsigned i;

	for (i = 0; i < run->state_count; i++) {
		s = &run->state[i];
		if (s->host == host && s->local == k->local_port && s->remote == k->remote_port)
			break;
	}
	if (i == TW_RUN_STATES)
		return;
	s = &run->state[i];
	if (i == run->state_count) {
		run->state_count++;
		*s = (struct tw_run_state){ .host = host,
					    .local = k->local_port,
					    .remote = k->remote_port };
	}
	s->seen = true;
	if (s->state != k->state && k->remote_port)
		note_state(run, s, k->state);
	s->state = k->state;
}

void tw_timeline_look(struct tw_run *run)
{
	enum { LISTENING = 10, CLOSED = 7 }; /* TCP_LISTEN, TCP_CLOSE */
	static struct tw_net_socket sockets[TW_RUN_STATES];
	unsigned i, kept = 0;
	int host, n, k;

	run->looked_ns = tw_run_now_ns();
	run->look_wanted = false;
	for (i = 0; i < run->state_count; i++)
		run->state[i].seen = false;
	for (host = TW_HOST_CLIENT; host <= TW_HOST_SERVER; host++) {
		if (run->removed[host])
			continue;
		n = tw_net_sockets(run->net, (enum tw_host_id)host, sockets, TW_RUN_STATES);
		for (k = 0; k < n; k++)
			saw(run, (enum tw_host_id)host, &sockets[k]);
	}
	for (i = 0; i < run->state_count; i++) {
		struct tw_run_state *s = &run->state[i];

		if (!s->seen && s->remote && s->state != CLOSED && s->state != LISTENING &&
		    !run->removed[s->host])
			note_state(run, s, CLOSED);
		if (s->seen)
			run->state[kept++] = *s;
	}
	run->state_count = kept;
}

/* ---- the end ---- */

struct sorted {
	double time;
	size_t index;
	json_t *entry;
};

static int by_time(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

json_t *tw_timeline_take(struct tw_run *run)
{
	struct tw_timeline *t = &run->timeline;
	size_t n = json_array_size(t->entries), i;
	struct sorted *order = calloc(n + 1, sizeof(*order));
	json_t *out = json_array();

	for (i = 0; order && i < n; i++) {
		order[i].entry = json_array_get(t->entries, i);
		order[i].index = i;
		order[i].time = json_number_value(json_object_get(order[i].entry, "time"));
	}
	if (order)
		qsort(order, n, sizeof(*order), by_time);
	for (i = 0; order && i < n; i++)
		json_array_append(out, order[i].entry);
	free(order);
	json_decref(t->entries);
	t->entries = NULL;
	return out;
}
