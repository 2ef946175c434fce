/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_ASSUME_H
#define TW_KERNEL_ASSUME_H

#include "base/err.h"
#include "kernel/names.h"

/*
 * For tests: this kernel is taken for an older one, and the two ends of a connection for hosts of their own. So what
 * `live` says on kernels that tell less, and at one end of a connection whose other end is far away, is
 * examined on the kernel at hand.
 */
struct tw_assumption {
	bool apart;    /* records of both ends are not joined */
	bool no_drops; /* below 5.17: no reasons of drops */
	bool no_answers; /* below 6.10: no reasons of resets, and none is told that has no full socket */
	bool no_actives; /* below 6.12: no reasons of the resets that sockets send by themselves */
};

/* Words with commas between: `apart`, and one of `6.11`, `6.9`, `5.16`. -EINVAL with a sentence. */
int tw_assume(struct tw_assumption *a, const char *words, struct tw_err *err);

/* What such a kernel has of the names of this one. */
void tw_assume_names(const struct tw_assumption *a, struct tw_kernel_names *names);

/* Makes of @r what such a kernel would tell. False: nothing. */
bool tw_assume_record(const struct tw_assumption *a, struct tw_record *r);

#endif
