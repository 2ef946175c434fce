/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_FACTS_DERIVE_H
#define TW_FACTS_DERIVE_H

#include "connection/dossier.h"
#include "connection/hosts.h"
#include "facts/facts.h"

/* What is known of the input as a whole when a connection is judged. */
struct tw_capture_context {
	int64_t first_ns, last_ns; /* of all frames (in a stream: up to now) */
	bool cut;                  /* the file ends in the middle of a record */
	bool clock_backward;
	uint64_t capture_drops;
};

/* Neighbouring dossiers of the same run that facts may compare with: tuples that leaked untranslated, the
 * predecessor on the same tuple. May be partial (a stream, a memory ceiling). */
struct tw_dossier_set {
	const struct tw_dossier *const *dossiers; /* in order of stream */
	size_t count;
};

/* All facts of one connection. Pure. */
void tw_facts_derive(const struct tw_dossier *d, const struct tw_hosts *hosts,
		     const struct tw_dossier_set *others, const struct tw_capture_context *capture,
		     struct tw_facts *out);

#endif
