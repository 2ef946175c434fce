/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_PREDICTION_H
#define TW_PHENOMENA_PREDICTION_H

#include "timers/schedule.h"

/* One call of an application, and what becomes of it. */
struct tw_seen {
	const char *call;  /* "connect(), blocking"; NULL: no application notices */
	const char *error; /* "ETIMEDOUT", "EAGAIN", "ok"; NULL: it hangs for ever */
	struct tw_moment after;
	const char *text; /* a whole sentence, may be NULL */
};

#define TW_SEEN_MAX 8

/*
 * What a phenomenon's file says will happen on a host: pure, from settings and options. The first
 * of @seen is what the application notices.
 */
struct tw_prediction {
	const char *begins; /* what second 0 is, a clause */
	struct tw_schedule ladder;
	struct tw_seen seen[TW_SEEN_MAX];
	unsigned seen_count;
	const char *note; /* whole sentences, may be NULL */
};

void tw_predict_saw(struct tw_prediction *p, const char *call, const char *error,
		    struct tw_moment after, const char *text);
void tw_predict_hangs(struct tw_prediction *p, const char *call, const char *text);

/* connect() against silence: the ladder of SYNs, and how each kind of connect() ends. */
void tw_predict_silent_connect(struct tw_prediction *p, const struct tw_model *m);
/* connect() that is refused with @error after one round trip. */
void tw_predict_refused(struct tw_prediction *p, const struct tw_model *m, const char *error);
/* connect() that succeeds with the first repeat. */
void tw_predict_late_connect(struct tw_prediction *p, const struct tw_model *m);
/*
 * The calls of an end whose connection goes silent with its data in flight (the ladder of p is that of
 * the data): reading, writing, and idle ends, with keepalive or without.
 */
void tw_predict_silent_peer(struct tw_prediction *p, const struct tw_model *m);
/* A FIN that is lost once and repeated with the first step of the ladder; no application notices. */
void tw_predict_repeated_fin(struct tw_prediction *p, const struct tw_model *m);

#endif
