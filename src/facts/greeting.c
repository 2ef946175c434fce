/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protocols in which the server speaks first. A connection on such a port in which nobody says anything is one whose server
 * owes its greeting, though for TCP nothing is outstanding.
 *
 *	client                        server
 *	  |-- SYN ---------------------->|
 *	  |<------------- SYN|ACK -------|
 *	  |-- ACK ---------------------->|	GREETING_DUE
 *	  |         (nothing)            |	"220 mail.example ESMTP" should come here
 *	  |-- FIN ---------------------->|	GREETING_WAITED_NS
 *	  |<----------------- FIN -------|	... or GREETING_CLOSED_NS, if this comes first
 *
 * Where both speak at once, as in SSH, a client that has said its part is told by that (opening.c).
 */
#include "facts/view.h"

#define RFB_DISPLAYS 10

/* RFC 959 s5.4, RFC 4253 s4.2, RFC 5321 s3.1, RFC 6409 s3.1, RFC 1939 s4, RFC 3977 s5.1, RFC 3501 s7.1.5, RFC 6143 s7.1.1. */
static enum tw_greeting greeting_of(uint16_t port)
{
	switch (port) {
	case 21:
		return TW_GREETING_FTP;
	case 22:
		return TW_GREETING_SSH;
	case 25:
	case 587:
		return TW_GREETING_SMTP;
	case 110:
		return TW_GREETING_POP3;
	case 119:
		return TW_GREETING_NNTP;
	case 143:
		return TW_GREETING_IMAP;
	case 3306:
		return TW_GREETING_MYSQL;
	default:
		return port >= 5900 && port < 5900 + RFB_DISPLAYS ? TW_GREETING_RFB
								  : TW_GREETING_NONE;
	}
}

const char *tw_greeting_name(enum tw_greeting kind)
{
	static const char *const names[] = {
		[TW_GREETING_NONE] = "no protocol", [TW_GREETING_FTP] = "FTP",
		[TW_GREETING_SSH] = "SSH",          [TW_GREETING_SMTP] = "SMTP",
		[TW_GREETING_POP3] = "POP3",        [TW_GREETING_NNTP] = "NNTP",
		[TW_GREETING_IMAP] = "IMAP",        [TW_GREETING_MYSQL] = "MySQL",
		[TW_GREETING_RFB] = "RFB (VNC)",
	};

	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

/* The first FIN or reset of @side behind the record @from, or NULL. */
static const struct tw_pkt *leaves(const struct tw_dossier *d, int side, const struct tw_pkt *from)
{
	const struct tw_pkt *p;

	for (p = from; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == side && p->flags & (TW_FIN | TW_RST))
			return p;
	return NULL;
}

/* The record of the ACK that completes the handshake, or NULL. */
static const struct tw_pkt *third(const struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p;

	for (p = d->pkt; tw_get(v->f, TW_F_ACK3_SEEN) && p < d->pkt + d->pkt_count; p++)
		if (p->frame == tw_frame_of(v->f, TW_F_ACK3_SEEN))
			return p;
	return NULL;
}

void tw_derive_greeting(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const enum tw_greeting kind = greeting_of(d->end[TW_SERVER].port);
	const struct tw_pkt *ack = kind ? third(v) : NULL, *client, *server;

	if (!ack || !tw_get(v->f, TW_F_START_SEEN) || d->end[TW_CLIENT].bytes ||
	    d->end[TW_SERVER].bytes || tw_get(v->f, TW_F_ACKED_UNSEEN_S))
		return;
	tw_from(v, TW_F_GREETING_DUE, kind, ack);
	client = leaves(d, TW_CLIENT, ack);
	server = leaves(d, TW_SERVER, ack);
	if (client && (!server || client < server))
		tw_from(v, TW_F_GREETING_WAITED_NS, client->time_ns - ack->time_ns, client);
	else if (server &&
		 (!client || client->flags & TW_RST || tw_seq_ge(client->ack, tw_pkt_end(server))))
		tw_from(v, TW_F_GREETING_CLOSED_NS, server->time_ns - ack->time_ns, server);
}
