/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CAPTURE_INTERFACE_H
#define TW_CAPTURE_INTERFACE_H

#include "capture/source.h"

/*
 * A live interface as a source: tw_source_next() gives what has come since, and 0 with info->interrupted if
 * that is nothing; it never waits. Packets that were lost since the opening are info->capture_drops.
 *
 * @name: an interface, or "any". @filter: pcap-filter(7), applied by the kernel; NULL for none. Not
 * promiscuous. -ENODEV: no such interface (with the nearest name); -EPERM: CAP_NET_RAW is missing; -ENETDOWN: it
 * is not up; -EINVAL: the filter; each with a sentence. The right is needed here only, not for what follows.
 */
int tw_source_open_interface(struct tw_source **out, const char *name, const char *filter,
			     struct tw_err *err);

/* Readable when there are packets: for poll(2). -1: nothing to wait for. */
int tw_source_fd(const struct tw_source *s);

/* Nothing will come any more: the interface is gone. Why stands in the problems. */
bool tw_source_has_ended(const struct tw_source *s);

/* Is it there and up? "any" always is. */
bool tw_interface_is_up(const char *name);

#endif
