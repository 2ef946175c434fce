/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON Lines of the findings and summaries of `read` and `live`. */
#include "report/json.h"

#include "report/json_value.h"
#include "report/remedy.h"
#include "report/style.h"
#include "report/words.h"

#include <errno.h>
#include <jansson.h>

static json_t *count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

/* Hostile time stamps may lie further apart than 63 bits hold. */
static json_t *seconds_since(int64_t ns, int64_t start_ns)
{
	return tw_json_seconds((int64_t)((uint64_t)ns - (uint64_t)start_ns));
}

static json_t *per_side(const uint64_t n[2])
{
	return json_pack("{s:o, s:o}", "client", count(n[TW_CLIENT]), "server",
			 count(n[TW_SERVER]));
}

static json_t *evidence(const struct tw_finding *f)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < f->match.evidence_count; i++) {
		const struct tw_evidence *e = &f->match.evidence[i];

		if (e->frame)
			json_array_append_new(
				list, json_pack("{s:o, s:o, s:o}", e->event ? "event" : "packet",
						count(e->frame), "time",
						seconds_since(e->time_ns, f->start_ns), "text",
						tw_json_text(e->text)));
		else
			json_array_append_new(list,
					      json_pack("{s:o}", "text", tw_json_text(e->text)));
	}
	return list;
}

static json_t *application(const struct tw_app *a)
{
	if (!a->call)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "call", tw_json_text(a->call), "errno",
			 tw_json_text(a->error), "after",
			 a->after_ns < 0 ? json_null() : tw_json_seconds(a->after_ns), "text",
			 tw_json_text(a->text));
}

static json_t *governed_by(const struct tw_finding *f)
{
	const struct tw_governed *g;
	json_t *list = json_array();
	unsigned i;

	for (i = 0; (g = tw_governed_at(f, i)); i++)
		json_array_append_new(list, json_pack("{s:o, s:o}", "name", tw_json_text(g->name),
						      "meaning", tw_json_text(g->meaning)));
	return list;
}

static json_t *remedies(const struct tw_finding *f)
{
	char text[TW_REMEDY_TEXT];
	json_t *list = json_array();
	unsigned i;

	for (i = 0; tw_remedy_at(f, i); i++)
		json_array_append_new(list,
				      tw_json_text(tw_remedy_of(text, f, tw_remedy_at(f, i))));
	return list;
}

static json_t *rivals(const struct tw_rival *r, unsigned n)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:o}", "verdict", tw_json_text(r[i].slug),
						"why", tw_json_text(r[i].why)));
	return list;
}

static json_t *missing(const struct tw_finding *f)
{
	const struct tw_match *m = &f->match;
	char text[TW_REMEDY_TEXT];
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < m->missing_count; i++)
		json_array_append_new(list, tw_json_text(tw_remedy_of(text, f, m->missing[i])));
	return list;
}

/*
 * Writes @o as a line and gives it up. A value that could not be made (NULL) left its key out:
 * -ENOMEM.
 */
static int write_line(const struct tw_sink *sink, json_t *o, size_t keys)
{
	if (o && json_object_size(o) == keys)
		return tw_json_line(sink, o);
	json_decref(o);
	return -ENOMEM;
}

/* What schema 1 had from the beginning, in its order: 25 keys. */
static void finding_core(json_t *o, const struct tw_finding *f)
{
	const struct tw_match *m = &f->match;
	const struct tw_phenomenon *ph = f->phenomenon;
	bool unknown = m->outcome == TW_OUTCOME_UNKNOWN;

	json_object_set_new(o, "type", json_string("finding"));
	json_object_set_new(o, "schema", json_integer(TW_JSON_SCHEMA));
	json_object_set_new(o, "source", tw_json_text(f->source));
	json_object_set_new(o, "stream", count(f->stream));
	json_object_set_new(o, "client", tw_json_text(f->client));
	json_object_set_new(o, "server", tw_json_text(f->server));
	json_object_set_new(o, "start", tw_json_text(tw_words_time(TW_WORDS, f->start_ns, 9, 'T')));
	json_object_set_new(o, "duration",
			    f->looked_to ? json_null() : tw_json_seconds(f->duration_ns));
	json_object_set_new(o, "verdict", tw_json_text(f->verdict));
	json_object_set_new(o, "stage", ph ? tw_json_text(tw_stage_name(ph->stage)) : json_null());
	json_object_set_new(o, "outcome", tw_json_text(tw_outcome_name(m->outcome)));
	json_object_set_new(o, "confidence",
			    unknown ? json_null()
				    : tw_json_text(tw_confidence_name(m->confidence)));
	json_object_set_new(o, "culprit", tw_json_text(tw_culprit_name(m->culprit)));
	json_object_set_new(o, "summary", tw_json_text(m->summary));
	json_object_set_new(o, "evidence", evidence(f));
	json_object_set_new(o, "application",
			    json_pack("{s:o, s:o}", "client", application(&m->app[TW_CLIENT]),
				      "server", application(&m->app[TW_SERVER])));
	json_object_set_new(o, "governed_by", governed_by(f));
	json_object_set_new(o, "remedy", remedies(f));
	json_object_set_new(o, "rivals", rivals(m->rivals, m->rival_count));
	json_object_set_new(o, "ruled_out", rivals(m->ruled_out, m->ruled_out_count));
	json_object_set_new(o, "vantage", tw_json_text(f->vantage));
	json_object_set_new(o, "packets", per_side(f->packets));
	json_object_set_new(o, "bytes", per_side(f->bytes));
	json_object_set_new(o, "zeek", tw_json_text(f->zeek));
	json_object_set_new(o, "completeness", json_integer((json_int_t)f->completeness));
}

static json_t *process(const struct tw_process *p)
{
	if (!p->pid)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:b}", "pid", count(p->pid), "comm",
			 tw_json_text(p->comm), "cgroup", tw_json_text(p->cgroup), "cgroup_id",
			 count(p->cgroup_id), "sure", p->sure);
}

/* Which stat(2) of /proc/PID/ns/net tells. */
static json_t *netns(uint32_t inode)
{
	return inode ? count(inode) : json_null();
}

/* Of live findings: whose socket it is, who acted, and where. 7 keys. */
static void finding_live(json_t *o, const struct tw_finding *f)
{
	json_object_set_new(o, "process", process(&f->process[f->process_side]));
	json_object_set_new(o, "process_side",
			    tw_json_text(f->process_side == TW_CLIENT ? "client" : "server"));
	json_object_set_new(o, "actor", tw_json_text(f->actor));
	json_object_set_new(o, "reason", tw_json_text(f->reason));
	json_object_set_new(o, "processes",
			    json_pack("{s:o, s:o}", "client", process(&f->process[TW_CLIENT]),
				      "server", process(&f->process[TW_SERVER])));
	json_object_set_new(o, "folded", count(f->folded));
	json_object_set_new(o, "netns",
			    json_pack("{s:o, s:o, s:o}", "client", netns(f->end_netns[TW_CLIENT]),
				      "server", netns(f->end_netns[TW_SERVER]), "drop",
				      netns(f->drop_netns)));
}

int tw_json_finding(const struct tw_sink *sink, const struct tw_finding *f)
{
	json_t *o = json_object();

	if (!o)
		return -ENOMEM;
	finding_core(o, f);
	json_object_set_new(o, "title", tw_json_text(f->phenomenon ? f->phenomenon->title : NULL));
	json_object_set_new(o, "remark", tw_json_text(f->match.remark));
	json_object_set_new(o, "missing", missing(f));
	json_object_set_new(o, "start_frame", count(f->first_frame));
	json_object_set_new(o, "end_frame", count(f->last_frame));
	json_object_set_new(o, "looked_to_frame", f->looked_to ? count(f->looked_to) : json_null());
	json_object_set_new(o, "retransmissions", per_side(f->retransmissions));
	json_object_set_new(o, "duplicate_acks", per_side(f->duplicate_acks));
	json_object_set_new(o, "zero_windows", per_side(f->zero_windows));
	json_object_set_new(o, "out_of_order", per_side(f->out_of_order));
	json_object_set_new(o, "keepalives", per_side(f->keepalives));
	if (f->live)
		finding_live(o, f);
	return write_line(sink, o, f->live ? 43 : 36);
}

static json_t *verdicts(const struct tw_session_summary *s)
{
	size_t room = sizeof(s->verdict_count) / sizeof(s->verdict_count[0]), i;
	json_t *o = json_object();

	for (i = 0; i < tw_catalogue_count && i < room; i++)
		if (s->verdict_count[i])
			json_object_set_new(o, tw_catalogue[i]->slug, count(s->verdict_count[i]));
	return o;
}

/* Remarks on clean connections, and phenomena that harmed nobody. */
static json_t *remarks(const struct tw_session_summary *s)
{
	size_t room = sizeof(s->remark_count) / sizeof(s->remark_count[0]), i;
	const size_t places = sizeof(s->harmless_count) / sizeof(s->harmless_count[0]);
	json_t *o = json_object();

	for (i = 0; i < tw_catalogue_count && i < places; i++)
		if (s->harmless_count[i])
			json_object_set_new(o, tw_catalogue[i]->slug, count(s->harmless_count[i]));

	for (i = 0; i < room && tw_remarks[i].slug; i++)
		if (s->remark_count[i])
			json_object_set_new(o, tw_remarks[i].slug, count(s->remark_count[i]));
	return o;
}

int tw_json_summary(const struct tw_sink *sink, const struct tw_session_summary *s)
{
	json_t *o = json_object(), *problems = json_array();
	unsigned i;

	if (!o || !problems) {
		json_decref(o);
		json_decref(problems);
		return -ENOMEM;
	}
	for (i = 0; i < s->problem_count; i++)
		json_array_append_new(problems, tw_json_text(s->problems[i]));
	json_object_set_new(o, "type", json_string("summary"));
	json_object_set_new(o, "schema", json_integer(TW_JSON_SCHEMA));
	json_object_set_new(o, "source", tw_json_text(s->source));
	json_object_set_new(o, "packets", count(s->packets));
	json_object_set_new(o, "connections", count(s->connections));
	json_object_set_new(o, "clean", count(s->clean));
	json_object_set_new(o, "failed", count(s->failed));
	json_object_set_new(o, "degraded", count(s->degraded));
	json_object_set_new(o, "unknown", count(s->unknown));
	json_object_set_new(o, "verdicts", verdicts(s));
	json_object_set_new(o, "problems", problems);
	json_object_set_new(o, "remarks", remarks(s));
	json_object_set_new(o, "tcp_packets", count(s->tcp_packets));
	json_object_set_new(o, "start",
			    s->packets ? tw_json_text(tw_words_time(TW_WORDS, s->first_ns, 9, 'T'))
				       : json_null());
	json_object_set_new(o, "duration",
			    s->packets ? seconds_since(s->last_ns, s->first_ns) : json_null());
	json_object_set_new(o, "evicted", count(s->evicted));
	json_object_set_new(o, "packets_not_kept", count(s->steps_dropped));
	json_object_set_new(o, "capture_drops", count(s->capture_drops));
	return write_line(sink, o, 18);
}

int tw_json_live_summary(const struct tw_sink *sink, const struct tw_json_live *s)
{
	json_t *o = json_object(), *verdicts = json_object(), *problems = json_array();
	unsigned i;

	if (!o || !verdicts || !problems) {
		json_decref(o);
		json_decref(verdicts);
		json_decref(problems);
		return -ENOMEM;
	}
	for (i = 0; i < TW_TALLY_KINDS; i++)
		if (s->tally->verdict[i])
			json_object_set_new(verdicts, tw_tally_kind(i),
					    count(s->tally->verdict[i]));
	for (i = 0; i < s->problem_count; i++)
		json_array_append_new(problems, tw_json_text(s->problems[i]));
	json_object_set_new(o, "type", json_string("summary"));
	json_object_set_new(o, "schema", json_integer(TW_JSON_SCHEMA));
	json_object_set_new(o, "source", tw_json_text(s->source));
	json_object_set_new(o, "clean", count(s->tally->outcome[TW_OUTCOME_CLEAN]));
	json_object_set_new(o, "failed", count(s->tally->outcome[TW_OUTCOME_FAILED]));
	json_object_set_new(o, "degraded", count(s->tally->outcome[TW_OUTCOME_DEGRADED]));
	json_object_set_new(o, "unknown", count(s->tally->outcome[TW_OUTCOME_UNKNOWN]));
	json_object_set_new(o, "verdicts", verdicts);
	json_object_set_new(o, "problems", problems);
	json_object_set_new(o, "duration", tw_json_seconds(s->duration_ns));
	json_object_set_new(o, "events", count(s->events));
	json_object_set_new(o, "events_lost", count(s->events_lost));
	json_object_set_new(o, "events_folded", count(s->events_folded));
	json_object_set_new(o, "interface", tw_json_text(s->interface));
	json_object_set_new(o, "packets", count(s->packets));
	json_object_set_new(o, "packets_lost", count(s->packets_lost));
	json_object_set_new(o, "connections_written", count(s->connections_written));
	return write_line(sink, o, 17);
}
