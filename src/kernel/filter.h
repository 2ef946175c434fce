/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_FILTER_H
#define TW_KERNEL_FILTER_H

#include "base/err.h"
#include "kernel/record.h"

/* A filter expression, compiled for the programs in the kernel. Zero-initialised it lets everything pass. */
struct tw_live_filter {
	struct tw_filter_op op[TW_FILTER_OPS];
};

/*
 * The part of pcap-filter(7) that makes sense for a connection as a whole: host ADDR, net ADDR/LEN, port
 * N, portrange N-M, ip, ip6, tcp, and, or, not, parentheses. -EINVAL with a sentence.
 */
int tw_live_filter_compile(struct tw_live_filter *f, const char *text, struct tw_err *err);

#endif
