/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_ROLES_H
#define TW_CONNECTION_ROLES_H

#include "connection/hosts.h"

struct tw_dossier;
struct tw_segment;

/*
 * Who is the server of a connection whose beginning was not seen? 0 or 1: whose port it more likely is. Of two that
 * say the same, 1.
 */
int tw_roles_by_port(uint16_t first, uint16_t second);
/* Do the two ports really tell? One is a known service's, or one alone is of those that kernels hand out. */
bool tw_roles_tell(uint16_t first, uint16_t second);

/*
 * Before @s is added to @d: if it is the first, and no SYN, does the table know one of the endpoints for a server's?
 */
void tw_roles_ask_hosts(struct tw_dossier *d, const struct tw_segment *s,
			const struct tw_hosts *hosts);

/* What a segment of @d, which is started, says by its payload: an answer of HTTP/1 is the server's, a request the client's. */
void tw_roles_learn(struct tw_dossier *d, const struct tw_segment *s);

#endif
