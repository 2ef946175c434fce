/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TIMERS_CONSTANTS_H
#define TW_TIMERS_CONSTANTS_H

#include "base/duration.h"

/*
 * What of the kernel's timers no setting changes (include/net/tcp.h), and what RFCs ask. They stand here and
 * nowhere else: the ladders of `predict` are computed from them, and `read` measures by them. What follows
 * from them and from default settings is in usual.h.
 */
#define TW_TCP_TIMEOUT_INIT_NS   TW_NS_PER_S         /* TCP_TIMEOUT_INIT: first timeout of a SYN */
#define TW_TCP_RTO_MIN_NS        (TW_NS_PER_S / 5)   /* TCP_RTO_MIN: unit of tcp_retries2, too */
#define TW_TCP_RTO_MAX_NS        (120 * TW_NS_PER_S) /* TCP_RTO_MAX */
#define TW_TCP_DELACK_MAX_NS     (TW_NS_PER_S / 5)   /* TCP_DELACK_MAX */
#define TW_TCP_TIMEWAIT_LEN_S    60 /* TCP_TIMEWAIT_LEN, and default of FIN_WAIT2 */
#define TW_TCP_ORPHAN_RETRIES    8  /* what 0 means to tcp_orphan_retries() */
#define TW_TCP_TIMEOUT_MIN_TICKS 2  /* TCP_TIMEOUT_MIN */

/* RFC 1122 s4.2.3.5: R2, how long data is repeated at least. */
#define TW_BSD_KEEP_INIT_NS                                                                        \
	(75 * TW_NS_PER_S) /* TCPTV_KEEP_INIT of BSD's kernels: ends connect() */
#define TW_RFC1122_R2_NS (100 * TW_NS_PER_S)

#endif
