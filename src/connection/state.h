/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_STATE_H
#define TW_CONNECTION_STATE_H

#include <stdbool.h>

/*
 * The state of one end, RFC 9293 s3.3.2, followed from outside. One table (state.c) with all moves.
 */
enum tw_tcp_state {
	TW_ST_UNKNOWN = 0, /* the capture began in the middle and nothing tells yet */
	TW_ST_CLOSED,
	TW_ST_SYN_SENT,
	TW_ST_SYN_RECEIVED,
	TW_ST_ESTABLISHED,
	TW_ST_FIN_WAIT_1,
	TW_ST_FIN_WAIT_2,
	TW_ST_CLOSE_WAIT,
	TW_ST_CLOSING,
	TW_ST_LAST_ACK,
	TW_ST_TIME_WAIT,
	TW_ST__N
};

/* What happens to an end, as seen on the wire. */
enum tw_tcp_event {
	TW_EV_SEND_SYN,
	TW_EV_SEND_SYNACK,
	TW_EV_SYN_ACKED, /* its SYN or SYN|ACK is acknowledged by a segment that it accepts */
	TW_EV_SEND_FIN,
	TW_EV_FIN_ACKED,
	TW_EV_RECEIVE_FIN, /* the peer's FIN, in order */
	TW_EV_SEND_RST,    /* an abort of its own, or an answer for a connection it does not know */
	TW_EV_RECEIVE_RST, /* one that it accepts */
	TW_EV_DATA, /* it sends or acknowledges data: without a handshake it must be established */
	TW_EV__N
};

/*
 * The next state. *@odd is set when the table has no such edge: then the state does not move, and the
 * caller records an oddity.
 */
enum tw_tcp_state tw_state_next(enum tw_tcp_state s, enum tw_tcp_event e, bool *odd);
const char *tw_state_name(enum tw_tcp_state s); /* "SYN_SENT" ... */

#endif
