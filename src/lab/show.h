/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_SHOW_H
#define TW_LAB_SHOW_H

#include "lab/crew.h"
#include "report/style.h"

/*
 * Records (docs/lab.md) for a person, and `lab list`. All are drawn with a pen (report/style.h), whose
 * finish tells errors. A record is read as found: what is missing or of another type is left out.
 */
struct tw_show_options {
	/*
	 * -1: failures only; 0: a line per run; 1: with the ladder, long runs of packets folded; 2: every
	 * packet.
	 */
	int verbosity;
};

/* A run: ok or FAILED with what was expected and seen, and its ladder. */
void tw_show_result(struct tw_pen *p, const struct tw_show_options *o,
		    const struct tw_crew_result *result);
/* A run with a user's program in it: what that lived through. */
void tw_show_program(struct tw_pen *p, const struct tw_show_options *o,
		     const struct tw_crew_result *result);
/* The closing line; @interrupted: not all ran. */
void tw_show_summary(struct tw_pen *p, const struct tw_crew_state *state, bool interrupted);

/*
 * The time line of a record: client left, server right.
 *
 *	      time  client                                                server
 *	  0.000000  | connect(192.0.2.2:80)                                    |
 *	  0.000100  |-- SYN seq 0 -------------------------------------------->|
 *	  0.004200  |<------------------------------- SYN|ACK seq 0 ack 1 -----|
 *	  0.100000  | ................. cable: drop server fin ............... |
 *	  0.200100  |                        lost x---- FIN|ACK seq 1 ack 1 ---|
 */
void tw_show_ladder(struct tw_pen *p, const struct tw_show_options *o, const json_t *record);

/* `lab list`: the scenarios of @phenomena, then those that have none with the reason. */
void tw_show_list(struct tw_pen *p, const struct tw_phenomenon *const *phenomena, unsigned count);
/* The same as one object per scenario or phenomenon without one; a new reference, NULL: out of memory. */
json_t *tw_list_json(const struct tw_phenomenon *phenomenon, const struct tw_scenario *scenario);

#endif
