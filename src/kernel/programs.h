/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_PROGRAMS_H
#define TW_KERNEL_PROGRAMS_H

#include "base/err.h"
#include "kernel/assume.h"

struct live_bpf;

/*
 * The programs and their tracepoints: what each is for is said once, here, and used at load, by the
 * doctor and at the start of the watch.
 */
struct tw_program {
	const char *name;       /* of the program in live.bpf.c */
	const char *tracepoint; /* NULL: the walk over open files */
	bool needed;            /* without it there is nothing to watch */
	const char *loss;       /* what it gives and what is lost without it, a whole sentence */
};
extern const struct tw_program tw_programs[]; /* ends with a NULL name */

/* Opened, and told what this kernel has, or would have under the assumption (zero: none): constants set, programs whose tracepoint is missing left out. Close
 * with live_bpf__destroy(). -errno with a sentence: no BTF, no memory. */
int tw_programs_open(struct live_bpf **out, struct tw_kernel_names *names,
		     const struct tw_assumption *assumption, struct tw_err *err);

/* The kernel's BTF as loaded by libbpf, kept for the names until it is released. NULL: it has none. */
struct btf *tw_kernel_btf(void);
/* Once everything is loaded: gives the BTF back, @names point into what is returned. To be freed; NULL: no memory. */
char *tw_programs_release_btf(struct tw_kernel_names *names);

/* What libbpf said last while something failed, cut to one line; "" if nothing. */
const char *tw_libbpf_last(void);

#endif
