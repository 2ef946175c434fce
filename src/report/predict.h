/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_PREDICT_H
#define TW_REPORT_PREDICT_H

#include "host/sockets.h"
#include "phenomena/phenomenon.h"
#include "report/style.h"

#include <jansson.h>

/* All phenomena that have a prediction: what the application notices, after how long. */
void tw_predict_table(struct tw_pen *p, const struct tw_model *m);
/* One of them: the ladder, the calls, and where each number comes from. @ph->predict is not NULL. */
void tw_predict_story(struct tw_pen *p, const struct tw_phenomenon *ph, const struct tw_model *m);
/* The settings, with source and meaning. */
void tw_predict_settings(struct tw_pen *p, const struct tw_settings *s);
/* One line of JSON (schema 1). 0, -ENOMEM, or the sink's error. */
int tw_predict_json(const struct tw_sink *sink, const struct tw_phenomenon *ph,
		    const struct tw_model *m);

/* A connection that lives now, and with which options it is predicted. */
struct tw_predict_socket {
	struct tw_living socket;
	struct tw_sockopts options;
	/* What of them is known; the rest is as if it were unset. */
	bool knows_user_timeout, knows_keepalive, knows_keep_times, knows_call_timeouts;
	char skipped[400]; /* why its options could not be read; "": they were */
};
/*
 * How long each of them would not notice that its peer is gone: a line for each, or the story of a single one and,
 * with @verbose, of all, with where its numbers come from. The socket of @m is not used.
 */
void tw_predict_living_text(struct tw_pen *p, const struct tw_predict_socket *one, size_t count,
			    const struct tw_model *m, bool verbose);
/* One of them as a line of JSON. 0, -ENOMEM, or the sink's error. */
int tw_predict_living_json(const struct tw_sink *sink, const struct tw_predict_socket *one,
			   const struct tw_model *m);

/* ---- for those who render them ---- */
/* The numbers that a schedule follows from, a line for each; those that @said has, too, are left out. */
void tw_predict_origins(struct tw_pen *p, const struct tw_schedule *l,
			const struct tw_schedule *said);
json_t *tw_predict_origins_json(const struct tw_schedule *l);

#endif
