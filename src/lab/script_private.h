/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_SCRIPT_PRIVATE_H
#define TW_LAB_SCRIPT_PRIVATE_H

#include "lab/script.h"

/*
 * What the parts of the parser share. script.c owns lines, words, the head and the dispatch;
 * script_values.c reads one value (a number, a duration, a word of a table); script_calls.c what the
 * ends do and what is expected of it; script_cable.c the cable; script_verdict.c the end.
 *
 * Every function that returns int returns 0, or -EINVAL with the sentence in parser->err.
 */
#define TW_SCRIPT_WORDS_MAX      64
#define TW_SCRIPT_STATEMENTS_MAX 4096

struct tw_script_parser {
	struct tw_script *script;
	struct tw_err *err;
	struct tw_statement *s; /* the one being read */
	unsigned line;
	const char *word[TW_SCRIPT_WORDS_MAX]; /* of this line, in the script's arena */
	unsigned count, next;
	unsigned settings; /* set of settings that were seen, by place in their table */
	unsigned server_mtu_line;
	bool steps;            /* a step was seen: the head is over */
	unsigned fault_line;   /* 0 = none yet */
	unsigned verdict_line; /* of the first `verdict` or `never`, 0 = none yet */
};

/* A word and what it means; a table ends with a NULL name. */
struct tw_script_word {
	const char *name;
	int64_t value;
};

/* ---- script_values.c ---- */

/* A word for a sentence: bytes that are no plain ASCII become '?', and it is cut. Lives to the end of the block. */
#define TW_SCRIPT_QUOTE 48
#define TW_QUOTED(word) tw_script_quote((char[TW_SCRIPT_QUOTE]){ 0 }, (word))
const char *tw_script_quote(char *out, const char *word);

/* "line N: ..."; returns -EINVAL. */
int tw_script_fault(struct tw_script_parser *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "line N: unknown WHAT 'word'", with the nearest of @table, or all of a short one. */
int tw_script_unknown(struct tw_script_parser *p, const char *what, const char *word,
		      const struct tw_script_word *table);
/* The same with a suggestion already at hand, or NULL. */
int tw_script_unknown_near(struct tw_script_parser *p, const char *what, const char *word,
			   const char *near);

const char *tw_script_peek(const struct tw_script_parser *p); /* NULL: the line is over */
bool tw_script_take_if(struct tw_script_parser *p, const char *word);
/* The next word, or a fault that says that @what is missing. */
int tw_script_take(struct tw_script_parser *p, const char *what, const char **out);
const struct tw_script_word *tw_script_find(const struct tw_script_word *table, const char *word);
int tw_script_take_word(struct tw_script_parser *p, const char *what,
			const struct tw_script_word *table, int64_t *out);
int tw_script_take_number(struct tw_script_parser *p, const char *what, int64_t least, int64_t most,
			  int64_t *out);
int tw_script_take_size(struct tw_script_parser *p, const char *what, int64_t *out);
int tw_script_take_duration(struct tw_script_parser *p, const char *what, int64_t *out_ns);
int tw_script_take_port(struct tw_script_parser *p, uint16_t *out);
/* Is the whole of @word a number? Nothing is written if not. */
bool tw_script_number(const char *word, int64_t least, int64_t most, int64_t *out);
/* Nothing may be left of the line. */
int tw_script_end_of_line(struct tw_script_parser *p);

/* ---- the statements; the words before are taken ---- */
int tw_script_call(struct tw_script_parser *p);
/* `join`, `state`, `queue`: about a process, named after them. */
int tw_script_watch(struct tw_script_parser *p, enum tw_verb verb);
/* `within D` at the end of a statement that waits. */
int tw_script_within(struct tw_script_parser *p);
int tw_script_cable(struct tw_script_parser *p);
int tw_script_verdict(struct tw_script_parser *p, bool never);

/* "client" or "client.2" to host and process; false: it is none. */
bool tw_script_who(const char *word, enum tw_host_id *host, unsigned *process);

/* ---- the names, script_words.c ---- */
extern const struct tw_script_word tw_script_states[], tw_script_events[], tw_script_flags[];
/* 0: there is none of this name; then @nearest has the name that may have been meant, or NULL. */
int tw_script_errno(const char *name, const char **nearest);
int tw_script_signal(const char *name, const char **nearest); /* with or without "SIG" */
const char *tw_socket_option_nearest(const char *name);
/* "in+hup" with the names of @table to the set of their values; -1: an unknown name, in *bad from there on. */
int64_t tw_script_set(const struct tw_script_word *table, const char *text, const char **bad);

#endif
