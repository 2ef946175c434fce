/* SPDX-License-Identifier: BSD-2-Clause */
/* `live` and `doctor` of a program that was built without clang, bpftool, libbpf or libcap-ng. */
#include "kernel/doctor.h"
#include "kernel/watch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

static const char sentence[] =
	"this tcpwhy was built without `live`; building it needs clang, bpftool, "
	"libbpf and libcap-ng";

int tw_watch_open(struct tw_watch **out, const struct tw_watch_config *config, struct tw_err *err)
{
	return tw_err_set(err, -ENOTSUP, "%s", sentence);
}

int tw_watch_drop_rights(struct tw_err *err)
{
	return tw_err_set(err, -ENOTSUP, "%s", sentence);
}

int tw_watch_follow(struct tw_watch *w, pid_t pid, struct tw_err *err)
{
	return tw_err_set(err, -ENOTSUP, "%s", sentence);
}

int tw_watch_work(struct tw_watch *w, int timeout_ms)
{
	return -ENOTSUP;
}

void tw_watch_finish(struct tw_watch *w)
{
}

void tw_watch_health(const struct tw_watch *w, struct tw_watch_health *h)
{
	*h = (struct tw_watch_health){ 0 };
}

void tw_watch_close(struct tw_watch *w)
{
}

void tw_doctor_look(struct tw_doctor *d)
{
	struct utsname host;

	*d = (struct tw_doctor){ .health = TW_HEALTH_FATAL, .count = 1 };
	if (uname(&host) == 0)
		snprintf(d->kernel, sizeof(d->kernel), "%s", host.release);
	d->item[0] = (struct tw_checkup){ .name = "build",
					  .health = TW_HEALTH_FATAL,
					  .loss = "Without it `live` watches packets only (-i)." };
	snprintf(d->item[0].found, sizeof(d->item[0].found), "%s", sentence);
}
