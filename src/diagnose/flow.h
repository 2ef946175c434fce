/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_DIAGNOSE_FLOW_H
#define TW_DIAGNOSE_FLOW_H

#include "diagnose/session.h"

/*
 * A session over a source that never ends by itself (an interface), driven step by step by its caller,
 * who has other things to look after. Findings come from within the calls.
 */
struct tw_flow;

enum tw_flow_state {
	TW_FLOW_NONE,   /* no such connection, or it was judged */
	TW_FLOW_OPEN,   /* it may go on */
	TW_FLOW_CLOSED, /* it has ended; what comes late is waited for */
};

/* @config is copied, with live set; @src is borrowed. -ENOMEM, -EINVAL (the idle table) with a sentence. */
int tw_flow_open(struct tw_flow **out, struct tw_source *src,
		 const struct tw_session_config *config, struct tw_err *err);
void tw_flow_close(struct tw_flow *f); /* NULL is fine */

/*
 * Take what the source has, at most some thousand frames; returns how many. @now_ns: CLOCK_REALTIME, read
 * before the call; time has passed up to there if the source had nothing more.
 */
unsigned tw_flow_step(struct tw_flow *f, int64_t now_ns);

enum tw_flow_state tw_flow_state(struct tw_flow *f, const struct tw_tuple *t);
/* Judge this connection now, if it is alive: its finding goes to the callback. */
void tw_flow_judge(struct tw_flow *f, const struct tw_tuple *t);

/* Judge all the rest; the summary is complete then. Nothing but tw_flow_close() may follow. */
const struct tw_session_summary *tw_flow_finish(struct tw_flow *f);

#endif
