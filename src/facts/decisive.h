/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_FACTS_DECISIVE_H
#define TW_FACTS_DECISIVE_H

#include "facts/view.h"

/*
 * Which reset ended it, and what its receiver made of it. Records are named by their index in the dossier, nothing is
 * allocated.
 */

static inline bool tw_is_rst(const struct tw_pkt *p)
{
	return tw_counts(p) && p->flags & TW_RST && !(p->flags & TW_SYN);
}

/* The index of the decisive reset, -1 if there is none. */
long tw_decisive_rst(const struct tw_view *v, enum tw_rst_effect *effect);
/* What the receiver of the reset @i did with it; *@seq_off: how far its number lies from the one that was expected. */
enum tw_rst_effect tw_rst_effect_of(const struct tw_dossier *d, size_t i, int64_t *seq_off);
/* The next segment of @side after record @i that is no reset, -1 if none. */
long tw_next_of(const struct tw_dossier *d, size_t i, int side);
/* Does the connection go on at the victim after the reset @i, as if it had not come? */
bool tw_rst_victim_goes_on(const struct tw_dossier *d, size_t i);
/*
 * Could the sequence number be its author's next one? Nobody sends beyond the window that was offered, nor any
 * window ends farther than 1 GiB ahead (RFC 7323 s2.3).
 */
bool tw_rst_may_be_next(const struct tw_dossier *d, size_t rst);
/* The victim's challenge ACK to the reset @rst: at once, with the numbers it had (@s); -1: none. */
long tw_rst_challenge(const struct tw_dossier *d, size_t rst, const struct tw_snapshot *s);
/*
 * Was @q, which stands behind the reset @p of the same end, sent before it? A capture may swap the two: then it brings
 * nothing that goes beyond the reset, and its id or its clock stands before that of the reset.
 */
bool tw_sent_before_rst(const struct tw_pkt *q, const struct tw_pkt *p);

#endif
