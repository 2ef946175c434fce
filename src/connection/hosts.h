/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_HOSTS_H
#define TW_CONNECTION_HOSTS_H

#include "packet/brief.h"

#include <stddef.h>

/*
 * What neighbours know: per server endpoint and per host, whether and when it answered, refused, was
 * silent; ARP/ND questions and answers. Fed with every frame of interest (SYN, SYN|ACK, RST, FIN, neighbour
 * messages, ICMP errors) in capture order, before anything is judged. Bounded: beyond the limit new
 * hosts are not recorded (and counted).
 */
struct tw_hosts;

struct tw_hosts *tw_hosts_new(void);
void tw_hosts_free(struct tw_hosts *h);

/*
 * Note what is worth it of at most TW_BATCH packets, in capture order: SYN, FIN, RST and neighbour
 * messages. Never fails: without memory it forgets.
 */
void tw_hosts_feed(struct tw_hosts *h, const struct tw_brief *packets, unsigned n);
/* It will be asked about @a soon. */
void tw_hosts_prefetch(const struct tw_hosts *h, const struct tw_addr *a);
/*
 * Requests by @asker for the link-layer address of @host, at the end of what is seen, and after them no answer
 * and no other sign of life of @host in the table.
 */
struct tw_gone {
	unsigned requests;
	int64_t first_ns, last_ns;
	uint64_t first_frame;
};
/* One round asks three times (ucast_solicit, mcast_solicit); it may only verify an old entry. Whoever has something
 * to send goes on asking. */
#define TW_GONE_MIN 4
struct tw_gone tw_hosts_gone(const struct tw_hosts *h, const struct tw_addr *host,
			     const struct tw_addr *asker);
/* Was a SYN|ACK seen that this endpoint sent, as far as its log goes? */
bool tw_hosts_accepted(const struct tw_hosts *h, const struct tw_addr *a, uint16_t port);
/* Packets of hosts for which there was no room: HOSTS_MAX, and the memory of their logs. */
uint64_t tw_hosts_forgotten(const struct tw_hosts *h);

#endif
