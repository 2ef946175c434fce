/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_PHENOMENON_H
#define TW_PHENOMENA_PHENOMENON_H

#include "base/arena.h"
#include "facts/facts.h"
#include "phenomena/prediction.h"
#include "phenomena/scenario.h"

/*
 * One way a TCP connection goes wrong: one slug, one file, one `const struct tw_phenomenon`.
 * Everything particular to it stands in that file; the list of all is catalogue.def.
 */
enum tw_stage {
	TW_STAGE_CONNECT,
	TW_STAGE_ESTABLISHED,
	TW_STAGE_TEARDOWN,
	TW_STAGE_MANY,
};

enum tw_outcome {
	TW_OUTCOME_CLEAN,
	TW_OUTCOME_UNKNOWN,
	TW_OUTCOME_DEGRADED,
	TW_OUTCOME_FAILED,
};

enum tw_confidence {
	TW_POSSIBLE, /* consistent with the evidence, not better than others */
	TW_LIKELY,   /* the best of several; the others are named as rivals */
	TW_CERTAIN,  /* the evidence excludes every rival in the catalogue */
};

enum tw_culprit {
	TW_CULPRIT_UNKNOWN,
	TW_CULPRIT_CLIENT_APP,
	TW_CULPRIT_CLIENT_HOST,
	TW_CULPRIT_SERVER_APP,
	TW_CULPRIT_SERVER_HOST,
	TW_CULPRIT_NETWORK,
	TW_CULPRIT_MIDDLEBOX,
};

struct tw_evidence {
	uint64_t frame; /* 0: the whole capture */
	int64_t time_ns;
	const char *text;
	bool event; /* @frame is the number of a kernel's event */
};

struct tw_rival {
	const char *slug;
	const char *why;
};

/* What an application saw: which call, which errno (NULL: no error, text says what), after how long. */
struct tw_app {
	const char *call; /* "connect", "recv", "send" ... NULL: this application noticed nothing */
	const char *error; /* "ECONNREFUSED", "EOF", "hang", "EPIPE" ... */
	int64_t after_ns;  /* -1 = unknown */
	const char *text;  /* a whole sentence for a person, may be NULL */
};

#define TW_EVIDENCE_MAX 12
#define TW_RIVALS_MAX   8

/*
 * What a matcher writes. All text is allocated in @arena (tw_say) or static.
 *
 * @strength decides between phenomena that match the same connection: how specific this explanation
 * is, by the bands below. Equal strength: the order of catalogue.def.
 */
struct tw_match {
	struct tw_arena *arena;
	const struct tw_facts *facts;
	const char *client, *server; /* endpoints as text, for sentences */
	const char *holder; /* live: the name of the process K_HOLDER; NULL: none is known */
	const struct tw_idle_table
		*idle_table; /* of the user, for sentences that name devices; NULL: none */
	bool brief; /* nobody will read it: what is said, cited and ruled out stays without its text */

	int strength;
	enum tw_confidence confidence;
	enum tw_outcome outcome;
	enum tw_culprit culprit;
	const char *
		summary; /* one whole sentence that names the endpoints or the numbers of this case */
	struct tw_evidence evidence[TW_EVIDENCE_MAX];
	unsigned evidence_count;
	struct tw_rival rivals[TW_RIVALS_MAX], ruled_out[TW_RIVALS_MAX];
	unsigned rival_count, ruled_out_count;
	struct tw_app app[2];   /* [TW_CLIENT], [TW_SERVER] */
	enum tw_side peer;      /* whom remedies call PEER, */
	bool peer_known;        /* ... if it was said: tw_peer_is() */
	unsigned remedy;        /* the one that fits this case best: a report begins with it */
	const char *remark;     /* a slug of the remarks list, or NULL */
	const char *missing[4]; /* what would be needed to know more */
	unsigned missing_count;
};

/* Bands of strength: an explanation of how it ended beats one of how it went. */
enum {
	TW_STRENGTH_CONTRADICTION =
		90, /* the packets contradict each other: forged, injected, untranslated */
	TW_STRENGTH_EXPLICIT = 80,  /* somebody said so: ICMP, declared reason */
	TW_STRENGTH_MECHANISM = 70, /* the specific mechanism of the end is visible */
	TW_STRENGTH_ENDING = 60,    /* how it ended, without the mechanism behind it */
	TW_STRENGTH_STALL = 50,     /* it hung */
	TW_STRENGTH_TEARDOWN = 40,  /* the close went wrong, the data did not */
	TW_STRENGTH_DELAY = 30,     /* it worked, late or with repairs */
	TW_STRENGTH_CURIOSITY = 20, /* harmless oddity */
};

/* Which connections a setting has a say in, where a phenomenon befalls both: the book names all. */
enum tw_governs {
	TW_GOVERNS_ALL = 0,
	TW_GOVERNS_CONNECTING,
	TW_GOVERNS_ESTABLISHED,
};

struct tw_governed {
	const char *name; /* "net.ipv4.tcp_syn_retries", "TCP_USER_TIMEOUT", "listen() backlog" */
	const char *meaning; /* one sentence: what it changes here, with the default */
	enum tw_governs when;
};

/* One end's view for `explain`. */
struct tw_phenomenon {
	const char *slug;
	enum tw_stage stage;
	const char *title; /* "The port is closed", up to 60 characters */
	/* The pages of the book. Paragraphs of whole sentences, separated by blank lines ("\n\n"),
	 * no line breaks inside a paragraph: renderers wrap. Never NULL. */
	const char *happens;     /* what happens in the two kernels and between them */
	const char *diagram;     /* ASCII sequence diagram, at most 72 columns, lines end in \n */
	const char *client_sees; /* calls, errnos, delays */
	const char *server_sees;
	const char *recognise; /* how tcpwhy tells it, and from what it can not tell it apart */
	const char *folklore;  /* what people wrongly believe, NULL if nothing */
	const struct tw_governed *governed; /* ends with a NULL name; may be NULL */
	/* Imperative sentences, most useful first; NULL-terminated. In commands (between backticks) a report puts
	 * in what it knows for PORT (the server's), SERVER, CLIENT, and PEER (tw_peer_is()). */
	const char *const *remedies;
	const char *const *
		references; /* "RFC 9293 s3.5.2", "net/ipv4/tcp_output.c: tcp_send_active_reset"; NULL-terminated */
	const char *reproduced; /* how it can be seen: 'W', 'K', 'P' letters of the catalogue */
	/*
	 * Does this connection's evidence fit? Pure: reads m->facts and m->idle_table only. If so it fills @m (at least
	 * summary, strength, confidence, outcome, culprit and one evidence) and returns true.
	 * NULL for phenomena that leave no packet (only kernel facts can show them).
	 */
	bool (*match)(struct tw_match *m);
	/* Without this fact (known, and not 0) match() says no, whatever the others: then it is not even
	 * asked. Left out: IP_VERSION, which always is. */
	enum tw_fact_id sign;
	/* Where a part of a connection shows it, it holds for the whole, if that ended in order. */
	bool in_part;
	/* The same for the facts of the running kernel (K_); NULL: they can not show it. */
	bool (*match_live)(struct tw_match *m);
	/* How it will go on a host with these timers ('P' in @reproduced). NULL: no timer decides. */
	void (*predict)(struct tw_prediction *p, const struct tw_model *m);
	/* How the lab reproduces it; ends with a NULL name, NULL if it can not. */
	const struct tw_scenario *scenarios;
	/* Why the lab can not: a clause for `lab list`. NULL where there are scenarios, or nothing is known. */
	const char *unreproduced;
};

/* ---- helpers for matchers ---- */

/*
 * Text in the match's arena; "" if it is brief. Macros, so that what a brief match does not say is not even
 * put into words: an argument that formats a time would cost more than the matcher.
 */
const char *tw_say_text(struct tw_match *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#define tw_say(m, ...) ((m)->brief ? "" : tw_say_text((m), __VA_ARGS__))
/* Evidence that cites the frame of a known fact (unknown: cited without a frame). */
void tw_cite_text(struct tw_match *m, enum tw_fact_id fact, const char *text);
#define tw_cite(m, fact, ...) tw_cite_text((m), (fact), tw_say(m, __VA_ARGS__))
void tw_rival_text(struct tw_match *m, const char *slug, const char *why);
#define tw_rival(m, slug, ...) tw_rival_text((m), (slug), tw_say(m, __VA_ARGS__))
void tw_rule_out_text(struct tw_match *m, const char *slug, const char *why);
#define tw_rule_out(m, slug, ...) tw_rule_out_text((m), (slug), tw_say(m, __VA_ARGS__))
/* @after_ns -1 = unknown; text may be NULL. */
void tw_app_saw(struct tw_match *m, enum tw_side side, const char *call, const char *error,
		int64_t after_ns, const char *text);
void tw_missing(struct tw_match *m, const char *text);
/* The end that the remedies of this phenomenon call PEER. */
static inline void tw_peer_is(struct tw_match *m, enum tw_side side)
{
	m->peer = side;
	m->peer_known = true;
}
/* Endpoint text and plain names of a side: "the client", "the server". */
const char *tw_endpoint(const struct tw_match *m, enum tw_side side);
/* "1 byte", "14 bytes" */
const char *tw_bytes(struct tw_match *m, int64_t n);
/* "1 repeat", "3 repeats"; "the only repeat", "the first of 3 repeats"; "once", "twice", "3 times": for a sentence
 * whose verb does not ask for the number. The plural is @noun with "s". */
const char *tw_count(struct tw_match *m, int64_t n, const char *noun);
const char *tw_first_of(struct tw_match *m, int64_t n, const char *noun);
const char *tw_times(struct tw_match *m, int64_t n);
const char *tw_side_name(enum tw_side side);
enum tw_culprit tw_host_of(enum tw_side side);
enum tw_culprit tw_app_of(enum tw_side side);

/* ---- the catalogue ---- */
extern const struct tw_phenomenon *const tw_catalogue[];
extern const unsigned tw_catalogue_count;
const struct tw_phenomenon *tw_phenomenon_find(const char *slug);
/* The slug nearest to a mistyped one, or NULL if nothing is near. */
const char *tw_phenomenon_nearest(const char *slug);

const char *tw_stage_name(enum tw_stage s);
const char *tw_outcome_name(enum tw_outcome o);
const char *tw_confidence_name(enum tw_confidence c);
const char *tw_culprit_name(enum tw_culprit c);

/* Remarks on connections that are not failures. */
struct tw_remark {
	const char *slug;
	const char *text; /* one sentence */
};
extern const struct tw_remark tw_remarks[]; /* ends with a NULL slug */

#endif
