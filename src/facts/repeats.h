/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_FACTS_REPEATS_H
#define TW_FACTS_REPEATS_H

#include "facts/view.h"

/*
 * Questions about the copies of one segment: which was sent first, which was needed, what overtook what. Records are
 * named by their index in the dossier, nothing is allocated; no search goes further than TW_REPEATS_LOOK records, or
 * over a gap of the dossier.
 */
#define TW_REPEATS_LOOK 600

/* Which was sent first, by timestamp, then by IP id? Negative: @p, positive: @q, 0: nothing tells. */
int tw_order_of(const struct tw_pkt *p, const struct tw_pkt *q);
/* Was @p sent before @q, beyond doubt? */
bool tw_sent_before(const struct tw_pkt *p, const struct tw_pkt *q);
/* The same packet once more, by its IP id: the network's doing, and no repeat of the sender. */
bool tw_same_packet(const struct tw_pkt *p, const struct tw_pkt *q);
/* Data that a SYN carried and that comes again after the handshake (RFC 7413 s4.2): nothing was lost. */
bool tw_repeats_syn_data(const struct tw_dossier *d, const struct tw_pkt *p);
/* The record that first carried the start of @i's range, -1: not in the capture, or (*@gap) perhaps dropped. */
long tw_original_of(const struct tw_dossier *d, size_t i, bool *gap);
/* Does @a report that the data of @p arrived twice (RFC 2883)? */
bool tw_dsack_covers(const struct tw_pkt *a, const struct tw_pkt *p);
/*
 * Was the repeat @i needed? 1: yes, the original was lost. 0: no, it had arrived. -1: nothing tells (yet). *@ack is
 * the acknowledgement that tells; *@echoed: it names the repeat itself, by its timestamp. @doubled: see
 * tw_is_doubled(); then what arrived twice need not have been sent twice.
 */
int tw_repeat_needed(const struct tw_dossier *d, size_t i, long original, bool doubled,
		     const struct tw_pkt **ack, bool *echoed);
/* Was data of the side @sender received twice (RFC 2883) that it sent once, as far as is seen? */
bool tw_is_doubled(const struct tw_dossier *d, int sender);
/* Does the repeat @p bring less than its original @o brought in one packet? @mss: 0 if unknown. */
bool tw_cut_smaller(const struct tw_pkt *o, const struct tw_pkt *p, int64_t mss);
/* The first segment of the same side that overtook @i: sent for a place behind it, seen before it; -1: none. */
long tw_overtaker(const struct tw_dossier *d, size_t i);
/* The repeat @i was needless, as the D-SACK in @ack says; but was it another one that drew it? */
bool tw_went_unheard(const struct tw_dossier *d, size_t i, const struct tw_pkt *ack);
/* Is @i, which came after @o filled a hole, a copy that had been under way all the time? */
bool tw_is_late_copy(const struct tw_dossier *d, size_t o, size_t i);
/* The original of the repeat @i that filled a hole, if it still comes: then nothing was lost. */
const struct tw_pkt *tw_late_original(const struct tw_dossier *d, size_t i);
/* Do the bytes of @i come once more, sent later by the timestamp? */
bool tw_repeated_later(const struct tw_dossier *d, size_t i);
/* Is @p below all that the capture saw of its side from a start in mid-connection? */
bool tw_sent_before_start(const struct tw_dossier *d, const struct tw_pkt *p);
/* Far below that, and by an older clock? Nobody sends so far ahead of what is not acknowledged: it was, long before. */
bool tw_is_from_before(const struct tw_dossier *d, const struct tw_pkt *p);

#endif
