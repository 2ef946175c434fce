/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_CONNECT_UNREACHABLE_H
#define TW_PHENOMENA_CONNECT_UNREACHABLE_H

/*
 * What an ICMP error does to a TCP socket: shared by those who say "a filter" and "no such host".
 */
#include "base/duration.h"
#include "phenomena/phenomenon.h"

/*
 * The errno that Linux makes of the (first) ICMP error (tcp_v4_err and icmp_err_convert,
 * tcp_v6_err and icmpv6_err_convert): "EHOSTUNREACH", "ECONNREFUSED" ...
 */
const char *tw_icmp_errno(const struct tw_facts *f);

/*
 * Did what drew the error wait for it, for longer than any way there and back takes? Then it is no filter's, which answers
 * at once: a router, or a NAT, looked for its neighbour meanwhile.
 */
bool tw_icmp_was_held(const struct tw_facts *f);

/* What the error says, as a noun: "host unreachable (type 3 code 1)". */
const char *tw_icmp_text(struct tw_match *m);

/* What became of the connection that drew the errors. */
enum tw_icmp_fate {
	TW_ICMP_KILLED_CONNECT, /* in SYN_SENT: connect() fails at once */
	TW_ICMP_KILLED_ANSWER,  /* the SYN|ACK could not be delivered: the client hears nothing */
	TW_ICMP_KILLED_HANDSHAKE, /* the ACK of the SYN|ACK: the client is connected, the server is not */
	TW_ICMP_DATA_LOST,        /* later: only a soft error, but the data never got through */
	TW_ICMP_FIN_LOST,         /* later: nothing but the FIN is lost, of who closed */
	TW_ICMP_SURVIVED,         /* later, or another SYN: the connection went on */
};
enum tw_icmp_fate tw_icmp_fate_of(const struct tw_facts *f);

/*
 * It quotes a SYN or SYN|ACK, and that was answered in the end: the sentence for it, @did being who did what to
 * it ("A filter refused"). NULL if it is not so.
 */
const char *tw_icmp_at_first(struct tw_match *m, const char *did);

/* The ACKs of the handshake draw the errors: the sentence for it, @did as above. NULL if it is not so. */
const char *tw_icmp_in_handshake(struct tw_match *m, const char *did);

/*
 * It quotes what had been acknowledged before: the sentence for it, and no more confidence or culprit than it is
 * worth. NULL if it is not so.
 */
const char *tw_icmp_of_arrived(struct tw_match *m);

/* TW_ICMP_FIN_LOST: how strong an explanation is that? */
int tw_icmp_fin_strength(const struct tw_facts *f);

/*
 * TW_ICMP_FIN_LOST: evidence for it. What came before the close drew no error, so where an answer was awaited, they do not
 * prove why it did not come: a rival.
 */
void tw_icmp_of_fin(struct tw_match *m);

/* Fill outcome and what the applications saw. */
void tw_icmp_apps(struct tw_match *m, enum tw_icmp_fate fate);

/* Evidence: the quoted segment and the error. */
void tw_icmp_cite(struct tw_match *m);

#endif
