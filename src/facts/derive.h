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
	bool acks_left_out; /* no ACK without payload in the whole capture, though handshakes went on */
	bool no_acks;       /* none in the whole capture, for whatever reason */
	bool only_half_open; /* no connection of the capture shows anything but SYNs and SYN|ACKs */
	uint64_t capture_drops;
};

/* A dossier among many: the hashes of its two hosts, in the tuple's order, say whether it is worth looking
 * at. Most are not, and are not touched then. */
struct tw_dossier_ref {
	const struct tw_dossier *dossier;
	uint32_t host[2];
};

struct tw_dossier_ref tw_dossier_ref_of(const struct tw_dossier *d);

/* Neighbouring dossiers of the same run that facts may compare with: tuples that leaked untranslated, the
 * predecessor on the same tuple. May be partial (a stream, a memory ceiling). */
struct tw_dossier_set {
	const struct tw_dossier_ref *refs; /* in order of stream */
	size_t count;
	size_t place; /* where the one that is judged stands; if not there, it is searched for */
};

/* All facts of one connection. Pure. */
void tw_facts_derive(const struct tw_dossier *d, const struct tw_hosts *hosts,
		     const struct tw_dossier_set *others, const struct tw_capture_context *capture,
		     struct tw_facts *out);

#endif
