/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_DIAGNOSE_ONE_LOOK_H
#define TW_DIAGNOSE_ONE_LOOK_H

/* The single look, step by step, for flow.c. Nothing outside src/diagnose includes it. */
#include "diagnose/flow.h"
#include "diagnose/session_private.h"

struct tw_one_look;

struct tw_one_look *tw_one_look_new(struct tw_session *s); /* NULL: no memory */
void tw_one_look_free(struct tw_one_look *l);              /* NULL is fine */

/* A batch of frames; returns how many. What has been closed for long enough is judged. */
unsigned tw_one_look_take(struct tw_one_look *l);
/* It is at least @now_ns (capture time), and nothing older is to come: judge who has given up. */
void tw_one_look_pass_time(struct tw_one_look *l, int64_t now_ns);
/* Judge what is left: the input has ended. */
void tw_one_look_finish(struct tw_one_look *l);

enum tw_flow_state tw_one_look_state(struct tw_one_look *l, const struct tw_tuple *t);
void tw_one_look_judge(struct tw_one_look *l, const struct tw_tuple *t);

#endif
