/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_LIVE_METRICS_H
#define TW_CLI_LIVE_METRICS_H

#include "base/err.h"
#include "report/metrics.h"

/* `tcpwhy live --metrics`: a page for Prometheus. No thread: it is served from the main loop. */
struct tw_live_metrics;

struct tw_live_metrics_config {
	const char *address; /* as given: 127.0.0.1:9710, [::1]:9710, :9710 */
	/* Fills what only the caller knows; called when somebody asks. */
	void (*health)(void *user, struct tw_metrics_health *h);
	void *user;
};

/*
 * Binds and listens; nobody is answered before tw_live_metrics_work(). -EINVAL: the address is none;
 * -ENOTSUP: built without; else what the kernel said. Each with a sentence.
 */
int tw_live_metrics_open(struct tw_live_metrics **out, const struct tw_live_metrics_config *config,
			 struct tw_err *err);
void tw_live_metrics_close(struct tw_live_metrics *m); /* NULL is fine */

/* "http://127.0.0.1:9710/metrics", with the port that it really is. */
const char *tw_live_metrics_url(const struct tw_live_metrics *m);

void tw_live_metrics_add(struct tw_live_metrics *m, const struct tw_finding *f);
/* Answer whoever asks, without waiting. */
void tw_live_metrics_work(struct tw_live_metrics *m);

#endif
