/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_NAMES_H
#define TW_KERNEL_NAMES_H

#include "kernel/record.h"

#include <stdbool.h>
#include <stdint.h>

struct btf;

/*
 * What the running kernel calls its reasons, and which tracepoints it has, asked of its BTF. The numbers
 * behind the names change from version to version, so nothing else in the program knows any.
 */
#define TW_RESET_REASONS 64
struct tw_kernel_names {
	/* Without "SK_RST_REASON_" and "SKB_DROP_REASON_"; NULL: this kernel has no such number. Borrowed from
	 * @btf. */
	const char *reset[TW_RESET_REASONS];
	const char *drop[TW_DROP_REASONS];
	uint8_t drop_class[TW_DROP_REASONS]; /* enum tw_drop_class */
	bool has_reset_reasons, has_drop_reasons;
};

void tw_kernel_names_read(const struct btf *btf, struct tw_kernel_names *names);

/* How many arguments the tracepoint has; -1: this kernel does not have it. */
int tw_kernel_tracepoint(const struct btf *btf, const char *name);

#endif
