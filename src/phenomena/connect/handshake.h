/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_CONNECT_HANDSHAKE_H
#define TW_PHENOMENA_CONNECT_HANDSHAKE_H

/*
 * What the phenomena of the handshake ask in common. All functions are pure over the facts.
 */
#include "base/duration.h"
#include "phenomena/phenomenon.h"
#include "timers/constants.h"

/* A SYN was seen, and nothing shows that the client ever got further. */
bool tw_syn_alone(const struct tw_facts *f);

/*
 * The SYN was repeated by its sender's timer, not merely duplicated by the network or the capture.
 */
bool tw_syn_repeated(const struct tw_facts *f);

/* Did the answered SYN come after the first? Unknown echo: no answer was seen before the repeat. */
bool tw_later_syn_answered(const struct tw_facts *f);

/*
 * The RST|ACK that seems to refuse the SYN was written by a socket (live numbers, not seq 0): there
 * was a SYN|ACK, and the capture missed it.
 */
bool tw_reset_by_socket(const struct tw_facts *f);

/*
 * First SYN to the frame that @at cites, as connect() would measure it; -1 if either frame is
 * unknown or the capture was taken at the server, where the way back to the client is not in the
 * difference.
 */
int64_t tw_connect_elapsed_ns(const struct tw_facts *f, enum tw_fact_id at);

/* Did the server accept the SYN, and refuse its repeat, with nothing of the client but SYNs? What may be said of it. */
bool tw_refused_after_all(const struct tw_facts *f);
void tw_tell_refused_after_all(struct tw_match *m);

/* First SYN to the end of the capture, or to the reset with which the client gives up. */
int64_t tw_syn_watched_ns(const struct tw_facts *f);

/*
 * How long after its last SYN the client's kernel would have sent the next one, by the schedule
 * that its repeats follow.
 */
int64_t tw_syn_next_gap_ns(const struct tw_facts *f);

/* As many SYNs were sent as a kernel's default allows. */
bool tw_syn_schedule_spent(const struct tw_facts *f);

/*
 * The capture goes on well beyond the time when another SYN was due, and none came: the client
 * gave up. Or it said so by a reset, with no answer to its SYNs before.
 */
bool tw_syn_given_up(const struct tw_facts *f);

/*
 * SYN|ACKs that the server repeated by its own timer although the client's ACK had been seen: that
 * ACK was not taken. Those that a repeated SYN drew, under way at the same time, do not count.
 */
int64_t tw_synacks_in_vain(const struct tw_facts *f);

/* Did an ICMP error answer the ACK of the handshake before the SYN|ACK came again? Then nobody at the server ignored it. */
bool tw_ack3_rejected(const struct tw_facts *f);

/*
 * A closing of the handshake that only looks like a lost ACK or a full queue: TCP_DEFER_ACCEPT
 * ignores the bare ACK, repeats the SYN|ACK once when its period is over, and then accepts.
 */
bool tw_looks_deferred_accept(const struct tw_facts *f);

/* Later than the timer repeats a SYN|ACK for want of an ACK: only a period that was set explains it. */
bool tw_synack_repeat_is_late(const struct tw_facts *f);

/* The client's host answered the SYN|ACK with a bare RST, and with nothing else: it has no socket for it. */
bool tw_synack_refused(const struct tw_facts *f);

/* So it did in the end; but it had gone on repeating its SYN for seconds after SYN|ACKs left here: it got none of them. */
bool tw_synacks_lost_before_refusal(const struct tw_facts *f);

/* It is one of several, as balancers and monitors ask whether a port is open. */
bool tw_is_half_open_check(const struct tw_facts *f);
void tw_tell_half_open_check(struct tw_match *m);

/* Says so in @m of one that came promptly: who did what, which causes fit, what would decide. */
void tw_tell_synack_refused(struct tw_match *m);

/* A RST|ACK of the client answers a SYN|ACK that had kept it waiting, with nothing said before. If somebody was owed something: what may be said. */
bool tw_reset_after_wait(const struct tw_facts *f);
void tw_tell_reset_after_wait(struct tw_match *m);

/* More than so many half-open neighbours at one endpoint are no accident. */
#define TW_FLOOD_HALF_OPEN 16
#define TW_FLOOD_SOURCES   8

/* A bare RST of the server answers the ACK of the handshake: it knows no such half-open connection, or wants none. */
bool tw_ack3_refused(const struct tw_facts *f);
/* Does the server repeat its SYN|ACK after "its" reset? Then it has the request still, and wrote none. */
bool tw_request_outlives_reset(const struct tw_facts *f);

/* Of a SYN that the ACK of an older connection answers: what came of it. */
enum tw_outcome tw_syn_outcome(const struct tw_facts *f);
/* What connect() came to there: NULL if it succeeded, else the errno's name, or "hang". */
const char *tw_syn_errno(const struct tw_facts *f);

/* The client refused the old connection's ACK by a reset, and its next SYN drew that ACK again. Evidence, if it is so. */
bool tw_refused_in_vain(const struct tw_facts *f);
void tw_cite_refused_in_vain(struct tw_match *m);

/* Evidence: the SYN, and its repeats if there are any. */
void tw_cite_syns(struct tw_match *m);

/* The sysctls and options that decide how often and how long a SYN is repeated, and when (enum tw_governs). */
#define TW_GOVERNED_SYN_REPEATS(when_)                                                             \
	{ "net.ipv4.tcp_syn_retries",                                                              \
	  "How often a SYN is repeated with doubling gaps; it also fixes the total time, "         \
	  "2^(n+1) - 1 s. Default 6, that is 127 s by the book and about 134 s measured.",         \
	  when_ },                                                                                 \
		{ "net.ipv4.tcp_syn_linear_timeouts",                                              \
		  "How many of the first repeats come one second apart before the gaps start to "  \
		  "double. "                                                                       \
		  "Default 4 since Linux 6.5; older kernels have none.",                           \
		  when_ },                                                                         \
		{ "TCP_SYNCNT", "Socket option: replaces tcp_syn_retries for one socket.",         \
		  when_ },                                                                         \
	{                                                                                          \
		"TCP_USER_TIMEOUT",                                                                \
			"Socket option, in ms: it also ends a connect() that gets no answer. "     \
			"Default 0, that is unset.",                                               \
			when_                                                                      \
	}

#endif
