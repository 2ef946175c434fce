/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_STOPPED_H
#define TW_PHENOMENA_STOPPED_H

#include "packet/http.h"
#include "phenomena/phenomenon.h"

/* What was cut, if its header says how long it is: "a record of TLS"; or a result, between two rows; NULL: an answer of HTTP. */
static inline const char *tw_cut_record(const struct tw_facts *f)
{
	if (tw_is(f, TW_F_ANSWER_UNFINISHED, TW_BODY_RECORD))
		return "a record of TLS";
	if (tw_is(f, TW_F_ANSWER_UNFINISHED, TW_BODY_FRAME))
		return "a frame of HTTP/2";
	if (tw_is(f, TW_F_ANSWER_UNFINISHED, TW_BODY_MYSQL))
		return tw_get(f, TW_F_ANSWER_MISSING_BYTES) ? "a packet of MySQL"
							    : "a result of MySQL";
	if (tw_is(f, TW_F_ANSWER_UNFINISHED, TW_BODY_POSTGRESQL))
		return tw_get(f, TW_F_ANSWER_MISSING_BYTES) ? "a message of PostgreSQL"
							    : "a result of PostgreSQL";
	return NULL;
}

/* Had nothing come of an answer for so long that it is no pause of data that flows, when the client closed? */
bool tw_left_in_silence(const struct tw_facts *f);

/* Had the client closed, weary of waiting, for a second and more when the reset came? That comes too late to be the reason. */
bool tw_left_before_reset(const struct tw_facts *f);

/* app-stuck, in the midst of an answer or of a record: fills @m, or returns false and leaves it alone. */
bool tw_match_stopped(struct tw_match *m);

#endif
