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
 * From @at on: the state of the end whose ladder it is, and of the other (NULL: it has no socket of this
 * connection; a name that is no state says what is open).
 */
struct tw_stand {
	struct tw_moment at;
	const char *here, *there;
};
#define TW_STANDS_MAX 4

/*
 * What a phenomenon's file says will happen on a host: pure, from settings and options. The first
 * of @seen is what the application notices.
 */
struct tw_prediction {
	const char *begins; /* what second 0 is, a clause */
	struct tw_schedule ladder;
	struct tw_seen seen[TW_SEEN_MAX];
	unsigned seen_count;
	struct tw_stand stand[TW_STANDS_MAX];
	unsigned stand_count;
	const char *note; /* whole sentences, may be NULL */
};

void tw_predict_saw(struct tw_prediction *p, const char *call, const char *error,
		    struct tw_moment after, const char *text);
void tw_predict_stand(struct tw_prediction *p, struct tw_moment at, const char *here,
		      const char *there);
/* @here from second 0, CLOSE at the end of the ladder; the other end stays in @there. */
void tw_predict_stand_until_end(struct tw_prediction *p, const char *here, const char *there);
/* Where nothing tells whether the peer died or the path: its end of the connection. */
#define TW_THERE_UNKNOWN "as it was, or gone"
/* When the first repeat has got through, or the end if none is sent. */
struct tw_moment tw_predict_first_repeat(const struct tw_prediction *p);
/* A TIME_WAIT that begins at @from is over. */
struct tw_moment tw_predict_time_wait_over(const struct tw_model *m, struct tw_moment from);
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
