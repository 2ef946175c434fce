/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_DIAGNOSE_EXTRACT_H
#define TW_DIAGNOSE_EXTRACT_H

#include "capture/source.h"
#include "capture/writer.h"
#include "diagnose/finding.h"

/*
 * The packets of reported connections, cut out of their capture: findings are noted as they come,
 * then a last look over the source copies what belongs to them. A packet that is cited as evidence
 * carries "tcpwhy: <verdict>: <evidence>" as its comment.
 */
struct tw_extract;

/* NULL when memory is out. */
struct tw_extract *tw_extract_new(void);
void tw_extract_free(struct tw_extract *x);

/* Note a finding (nothing of it is kept by reference). A pattern over many connections has no packets
 * of its own and is passed over. -ENOMEM. */
int tw_extract_add(struct tw_extract *x, const struct tw_finding *f);

/*
 * Copy the packets of all noted findings from @src, which is rewound first (-ESPIPE from a pipe).
 * ICMP errors that quote them go with them. @written (may be NULL) counts.
 * Return: 0 or a negative errno with a sentence in @err.
 */
int tw_extract_write(struct tw_extract *x, struct tw_source *src, struct tw_writer *w,
		     uint64_t *written, struct tw_err *err);

#endif
