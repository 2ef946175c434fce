/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_PREDICT_H
#define TW_REPORT_PREDICT_H

#include "phenomena/phenomenon.h"
#include "report/style.h"

/* All phenomena that have a prediction: what the application notices, after how long. */
void tw_predict_table(struct tw_pen *p, const struct tw_model *m);
/* One of them: the ladder, the calls, and where each number comes from. @ph->predict is not NULL. */
void tw_predict_story(struct tw_pen *p, const struct tw_phenomenon *ph, const struct tw_model *m);
/* The settings, with source and meaning. */
void tw_predict_settings(struct tw_pen *p, const struct tw_settings *s);
/* One line of JSON (schema 1). 0, -ENOMEM, or the sink's error. */
int tw_predict_json(const struct tw_sink *sink, const struct tw_phenomenon *ph,
		    const struct tw_model *m);

#endif
