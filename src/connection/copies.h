/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_COPIES_H
#define TW_CONNECTION_COPIES_H

#include "connection/dossier.h"

#include <stdint.h>

/*
 * TW_MARK_SECOND_COPY if @p, the next record of @d, is another sight of a packet that is there,
 * TW_MARK_NET_DUPLICATE if the network doubled it, else 0; sets @p->again. @latest_ns: the latest
 * time before it.
 */
uint32_t tw_copies_mark(struct tw_dossier *d, struct tw_pkt *p, int64_t latest_ns);

#endif
