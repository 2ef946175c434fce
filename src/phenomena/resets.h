/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_RESETS_H
#define TW_PHENOMENA_RESETS_H

#include "phenomena/phenomenon.h"

/*
 * What all phenomena that end with a reset ask about it. Everything here is about the decisive
 * reset (the RST_ facts); "author" is the end whose address it carries, "victim" the end that
 * receives it.
 */

/* What the reset took away from anybody. */
enum tw_debt {
	TW_DEBT_NONE,    /* nobody was owed anything: no failure, whatever its form */
	TW_DEBT_MANNERS, /* the victim got all it asked for, but ECONNRESET in place of EOF */
	TW_DEBT_OWED,    /* data or an answer is lost */
};

/* Header features and events that the alleged author's own stack cannot have produced. */
enum tw_odd {
	TW_ODD_TTL = 1 << 0,    /* another TTL than the author's packets */
	TW_ODD_IPID = 1 << 1,   /* neither 0 nor in the author's sequence */
	TW_ODD_NO_TS = 1 << 2,  /* RST|ACK without timestamps in a connection that uses them */
	TW_ODD_WINDOW = 1 << 3, /* bare RST with a window */
	TW_ODD_DF = 1 << 4,
	TW_ODD_MAC = 1 << 5,
	TW_ODD_EARLY = 1 << 6,   /* sooner than a round trip to the author allows */
	TW_ODD_GOES_ON = 1 << 7, /* the author's socket lives on afterwards */
	TW_ODD_SECOND = 1 << 8,  /* more resets that no segment explains, with other numbers */
	TW_ODD_ACKS_TRIGGER =
		1 << 9, /* the author acknowledges or echoes what the reset claims to refuse */
	TW_ODD_LABEL = 1 << 10, /* IPv6: RST|ACK without the flow label that a socket writes */
};

/* Is there a reset that ended (or may have ended) an established connection at its receiver? */
bool tw_reset_landed(const struct tw_facts *f);
/* Did the segment that it answers arrive at its alleged author all the same? No filter lets pass what it refuses. */
bool tw_reset_came_in_addition(const struct tw_facts *f);
enum tw_side tw_reset_author(const struct tw_facts *f);
enum tw_side tw_reset_victim(const struct tw_facts *f);
enum tw_debt tw_reset_debt(const struct tw_facts *f);
/* Was the author held up by the closed window of the victim? Then what it had still to send is lost. */
bool tw_reset_held_up(const struct tw_facts *f);
/* Was the victim still sending? Then bytes may be unread that arrived before the author last spoke. */
bool tw_reset_victim_was_sending(const struct tw_facts *f);
/*
 * Was what the reset refused repeated in vain for long before its author closed (as long as other silences, see
 * silence.h)? Then nothing got through, and the close came of that.
 */
bool tw_reset_was_stalled(const struct tw_facts *f);
/*
 * Has the reset lost fewer hops than all else of its alleged author? The TTLs that stacks begin with are 32 apart and more
 * (32, 64, 128, 255): less is another place on the same way.
 */
bool tw_reset_from_nearer(const struct tw_facts *f);
/* The capture begins late, and holds no payload: what was sent, read and owed before is not known. */
bool tw_reset_unseen_before(const struct tw_facts *f);
/* DEGRADED or FAILED for a debt that is not NONE; UNKNOWN where the capture does not tell. */
enum tw_outcome tw_reset_outcome(const struct tw_facts *f);
/*
 * Does the end whose repeats stay unanswered end it by a reset of its own? The kernels of BSD, macOS and Windows do
 * so when their repeats are spent; on Linux it is the application that lost patience. What ended it is the silence.
 */
bool tw_reset_gives_up(const struct tw_facts *f);
/* The same, where the other end did acknowledge: its ACKs are seen here, and do not get to who repeats. */
bool tw_reset_unheard(const struct tw_facts *f);
/*
 * Had the author given up before what drew its bare reset came? Its keepalive probes had got no answer, and its kernel
 * ends a connection of which it knows that.
 */
bool tw_reset_after_probes(const struct tw_facts *f);
/* Its author had repeated data without an answer until just before: its kernel gave up, no host came back so soon. */
bool tw_reset_after_repeats(const struct tw_facts *f);
/* Was a reset of @author seen that its receiver did not take (the first of these, whichever reset decided)? */
bool tw_reset_in_vain(const struct tw_facts *f, enum tw_side author);
/* Set of enum tw_odd, and how many are in a set. */
unsigned tw_reset_odds(const struct tw_facts *f);
unsigned tw_odds_count(unsigned odds);

/* Cites the reset with its form; the segment that it answers, if any. */
void tw_reset_cite(struct tw_match *m);
void tw_reset_cite_trigger(struct tw_match *m);
/* The reason that MP_TCPRST gives: then the MPTCP of a kernel reset this path, and no program. NULL: none. */
const char *tw_reset_mptcp_reason(const struct tw_facts *f);
/* Cites a fatal alert of TLS that was sent before the reset, if any. */
void tw_cite_alert(struct tw_match *m);
/* Cites each contradiction of @odds with its numbers. */
void tw_reset_cite_odds(struct tw_match *m, unsigned odds);
/*
 * What the form of an active reset excludes: rebooted, firewall; and forged, where something shows that its
 * author wrote it, else that is a rival.
 */
void tw_reset_weigh_active(struct tw_match *m);
/* What comes so long after the segment that might have drawn it answers nothing: a filter answers at once, from within the path. */
bool tw_reset_unprompted(const struct tw_facts *f);
/* Does something show that its alleged author wrote it? */
bool tw_reset_is_own(const struct tw_facts *f);
/* What the victim's application saw, by the order of FIN and RST (errno table of the kernel). */
void tw_reset_victim_saw(struct tw_match *m);
/* What both saw where the author had heard nothing of its repeats (tw_reset_unheard). */
void tw_reset_unheard_saw(struct tw_match *m);

#endif
