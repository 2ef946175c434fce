/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of one end (RFC 9293 s3.3.2, figure 5), as moves seen on the wire:
 *
 *                   send SYN              send SYN|ACK
 *        CLOSED ----------------> SYN_SENT ----------> SYN_RECEIVED   (simultaneous open)
 *           |                        |                      ^  |
 *           | send SYN|ACK           | SYN acked            |  | SYN acked
 *           +------------------------)----------------------+  |
 *                                    v                         v
 *                                ESTABLISHED <-----------------+
 *                     send FIN /             \ receive FIN
 *                             v               v
 *                        FIN_WAIT_1        CLOSE_WAIT
 *          FIN acked /    | receive FIN       | send FIN
 *                   v     v                   v
 *           FIN_WAIT_2  CLOSING            LAST_ACK
 *   receive FIN |         | FIN acked         | FIN acked
 *               v         v                   v
 *               TIME_WAIT                   CLOSED
 *
 * Any state: send RST or receive (an accepted) RST -> CLOSED.
 * UNKNOWN is the start in a capture that begins in mid-connection; what the end does tells its state.
 * An edge that is not in the table does not move the state; it is reported as odd.
 */
#include "connection/state.h"

#define NO_EDGE TW_ST__N

static const unsigned char edges[TW_ST__N][TW_EV__N] = {
#define ROW(syn, synack, synacked, fin, finacked, rfin, rst, rrst, data)                           \
	{                                                                                          \
		syn, synack, synacked, fin, finacked, rfin, rst, rrst, data                        \
	}
	[TW_ST_UNKNOWN] = ROW(TW_ST_SYN_SENT, TW_ST_SYN_RECEIVED, TW_ST_ESTABLISHED,
			      TW_ST_FIN_WAIT_1, TW_ST_FIN_WAIT_2, TW_ST_CLOSE_WAIT, TW_ST_CLOSED,
			      TW_ST_CLOSED, TW_ST_ESTABLISHED),
	[TW_ST_CLOSED] = ROW(TW_ST_SYN_SENT, TW_ST_SYN_RECEIVED, NO_EDGE, NO_EDGE, TW_ST_CLOSED,
			     TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_CLOSED, NO_EDGE),
	[TW_ST_SYN_SENT] =
		ROW(TW_ST_SYN_SENT, TW_ST_SYN_RECEIVED, TW_ST_ESTABLISHED, TW_ST_FIN_WAIT_1,
		    NO_EDGE, NO_EDGE, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_ESTABLISHED),
	[TW_ST_SYN_RECEIVED] = ROW(TW_ST_SYN_RECEIVED, TW_ST_SYN_RECEIVED, TW_ST_ESTABLISHED,
				   TW_ST_FIN_WAIT_1, TW_ST_FIN_WAIT_2, TW_ST_CLOSE_WAIT,
				   TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_ESTABLISHED),
	[TW_ST_ESTABLISHED] =
		ROW(NO_EDGE, TW_ST_ESTABLISHED, TW_ST_ESTABLISHED, TW_ST_FIN_WAIT_1, NO_EDGE,
		    TW_ST_CLOSE_WAIT, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_ESTABLISHED),
	[TW_ST_FIN_WAIT_1] =
		ROW(NO_EDGE, NO_EDGE, TW_ST_FIN_WAIT_1, TW_ST_FIN_WAIT_1, TW_ST_FIN_WAIT_2,
		    TW_ST_CLOSING, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_FIN_WAIT_1),
	[TW_ST_FIN_WAIT_2] =
		ROW(NO_EDGE, NO_EDGE, TW_ST_FIN_WAIT_2, TW_ST_FIN_WAIT_2, TW_ST_FIN_WAIT_2,
		    TW_ST_TIME_WAIT, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_FIN_WAIT_2),
	[TW_ST_CLOSE_WAIT] = ROW(NO_EDGE, NO_EDGE, TW_ST_CLOSE_WAIT, TW_ST_LAST_ACK, NO_EDGE,
				 TW_ST_CLOSE_WAIT, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_CLOSE_WAIT),
	[TW_ST_CLOSING] = ROW(NO_EDGE, NO_EDGE, TW_ST_CLOSING, TW_ST_CLOSING, TW_ST_TIME_WAIT,
			      TW_ST_CLOSING, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_CLOSING),
	[TW_ST_LAST_ACK] = ROW(NO_EDGE, NO_EDGE, TW_ST_LAST_ACK, TW_ST_LAST_ACK, TW_ST_CLOSED,
			       TW_ST_LAST_ACK, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_LAST_ACK),
	[TW_ST_TIME_WAIT] =
		ROW(TW_ST_SYN_SENT, TW_ST_SYN_RECEIVED, TW_ST_TIME_WAIT, TW_ST_TIME_WAIT,
		    TW_ST_TIME_WAIT, TW_ST_TIME_WAIT, TW_ST_CLOSED, TW_ST_CLOSED, TW_ST_TIME_WAIT),
#undef ROW
};

static const char *const names[TW_ST__N] = {
	[TW_ST_UNKNOWN] = "UNKNOWN",         [TW_ST_CLOSED] = "CLOSED",
	[TW_ST_SYN_SENT] = "SYN_SENT",       [TW_ST_SYN_RECEIVED] = "SYN_RECEIVED",
	[TW_ST_ESTABLISHED] = "ESTABLISHED", [TW_ST_FIN_WAIT_1] = "FIN_WAIT_1",
	[TW_ST_FIN_WAIT_2] = "FIN_WAIT_2",   [TW_ST_CLOSE_WAIT] = "CLOSE_WAIT",
	[TW_ST_CLOSING] = "CLOSING",         [TW_ST_LAST_ACK] = "LAST_ACK",
	[TW_ST_TIME_WAIT] = "TIME_WAIT",
};

enum tw_tcp_state tw_state_next(enum tw_tcp_state s, enum tw_tcp_event e, bool *odd)
{
	unsigned char to = edges[s][e];

	*odd = to == NO_EDGE;
	return *odd ? s : (enum tw_tcp_state)to;
}

const char *tw_state_name(enum tw_tcp_state s)
{
	return names[s];
}
