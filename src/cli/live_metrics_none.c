/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of live_metrics.c where the program was built without libmicrohttpd: says so. */
#include "cli/live_metrics.h"

#include <errno.h>

int tw_live_metrics_open(struct tw_live_metrics **out, const struct tw_live_metrics_config *config,
			 struct tw_err *err)
{
	return tw_err_set(err, -ENOTSUP,
			  "this tcpwhy was built without libmicrohttpd, which --metrics needs");
}

void tw_live_metrics_close(struct tw_live_metrics *m)
{
}

const char *tw_live_metrics_url(const struct tw_live_metrics *m)
{
	return "";
}

void tw_live_metrics_add(struct tw_live_metrics *m, const struct tw_finding *f)
{
}

void tw_live_metrics_work(struct tw_live_metrics *m)
{
}
