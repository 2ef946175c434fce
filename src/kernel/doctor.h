/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_DOCTOR_H
#define TW_KERNEL_DOCTOR_H

#include <stdbool.h>

/*
 * What of `tcpwhy live` works on this machine, found out by trying. Every item says what it is for, and
 * what is lost without it.
 */
enum tw_health {
	TW_HEALTH_OK,
	TW_HEALTH_LOSS,  /* it is missing: live works, and knows less */
	TW_HEALTH_FATAL, /* it is missing: live does not work */
};

struct tw_checkup {
	char name[48]; /* "tracepoint tcp_send_reset" */
	enum tw_health health;
	char found[160];  /* what was found; a sentence without full stop, or an error */
	const char *loss; /* what it is for and what is lost without it, a whole sentence */
};

#define TW_CHECKUPS_MAX 32
struct tw_doctor {
	char kernel[80]; /* uname -r */
	struct tw_checkup item[TW_CHECKUPS_MAX];
	unsigned count;
	enum tw_health health; /* the worst */
};

/* Looks at everything. Attaches each program for a moment and lets go of it; changes nothing else. */
void tw_doctor_look(struct tw_doctor *d);

#endif
