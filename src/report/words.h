/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_WORDS_H
#define TW_REPORT_WORDS_H

#include "diagnose/finding.h"

/* The longest of the texts below. */
#define TW_WORDS_TEXT 64
/* An expression's buffer, living to the end of the enclosing block. */
#define TW_WORDS ((char[TW_WORDS_TEXT]){ 0 })

/* "1 284": digits in groups of three. */
const char *tw_words_count(char *out, uint64_t n);
/* "1 284 packets", "1 packet": the plural is @noun with "s". */
const char *tw_words_counted(char *out, uint64_t n, const char *noun);
/* Seconds with @decimals (0 to 9), cut, not rounded: "12.345678", "-0.000001". */
const char *tw_words_seconds(char *out, int64_t ns, unsigned decimals);
/* RFC 3339 in UTC with @decimals: "2026-11-20T10:00:00.000000000Z"; @gap stands for the T. */
const char *tw_words_time(char *out, int64_t ns, unsigned decimals, char gap);
/* "SYN|ACK", "PSH|ACK", "no flags". */
const char *tw_words_flags(char *out, uint16_t flags);
/* "the server's host", "a device on the path" ...; NULL if nobody knows. */
const char *tw_words_culprit(enum tw_culprit c);
/* "certain", "likely: 2 rivals not excluded" ... */
const char *tw_words_confidence(char *out, const struct tw_match *m);
/* The value of a known fact for a person: "yes", "213 us", "server", "active RST|ACK" ... */
const char *tw_words_fact(char *out, enum tw_fact_id id, const struct tw_fact *fact);

#endif
