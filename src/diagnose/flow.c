/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session over an interface. Time is that of the packets as long as they come; when the source has nothing
 * more, it is the clock's, less what a packet may need from its time stamp to here (the kernel hands them over
 * in blocks).
 */
#include "diagnose/flow.h"

#include "diagnose/one_look.h"

#include <errno.h>
#include <stdlib.h>

#define DELIVERY_NS (300LL * 1000 * 1000)
#define STEP_FRAMES 4096u

struct tw_flow {
	struct tw_session_config config;
	struct tw_session_summary summary;
	struct tw_session session;
	struct tw_one_look *look;
	bool finished;
};

int tw_flow_open(struct tw_flow **out, struct tw_source *src,
		 const struct tw_session_config *config, struct tw_err *err)
{
	struct tw_flow *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return tw_err_set(err, -ENOMEM, "out of memory");
	f->config = *config;
	f->config.live = true;
	f->session.config = &f->config;
	r = tw_session_begin(&f->session, src, &f->summary, err);
	if (!r)
		f->look = tw_one_look_new(&f->session);
	if (!r && !f->look)
		r = tw_err_set(err, -ENOMEM, "out of memory");
	if (r) {
		tw_flow_close(f);
		return r;
	}
	*out = f;
	return 0;
}

void tw_flow_close(struct tw_flow *f)
{
	if (!f)
		return;
	tw_one_look_free(f->look);
	if (!f->finished)
		tw_session_conclude(&f->session);
	tw_session_summary_free(&f->summary);
	free(f);
}

unsigned tw_flow_step(struct tw_flow *f, int64_t now_ns)
{
	unsigned n, total = 0;

	do {
		n = tw_one_look_take(f->look);
		total += n;
	} while (n && total < STEP_FRAMES);
	/* If there is more, it is the packets' time that counts. */
	tw_one_look_pass_time(f->look, n ? INT64_MIN : now_ns - DELIVERY_NS);
	return total;
}

enum tw_flow_state tw_flow_state(struct tw_flow *f, const struct tw_tuple *t)
{
	return tw_one_look_state(f->look, t);
}

void tw_flow_judge(struct tw_flow *f, const struct tw_tuple *t)
{
	tw_one_look_judge(f->look, t);
}

const struct tw_session_summary *tw_flow_finish(struct tw_flow *f)
{
	if (!f->finished) {
		tw_session_input_ends(&f->session);
		tw_one_look_finish(f->look);
		tw_session_conclude(&f->session);
		f->finished = true;
	}
	return &f->summary;
}
