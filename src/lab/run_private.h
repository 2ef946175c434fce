/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_RUN_PRIVATE_H
#define TW_LAB_RUN_PRIVATE_H

#include "base/arena.h"
#include "lab/actor.h"
#include "lab/cable.h"
#include "lab/lab.h"
#include "lab/net.h"
#include "lab/program.h"
#include "lab/script.h"

#include <jansson.h>

/* The parts of a run: run.c (set-up, the loop, the end), run_steps.c (statements), run_checks.c (calls
 * against expectations), run_timeline.c (what happened, when), run_readback.c (verdicts). */

#define TW_RUN_PROCESSES 9
#define TW_RUN_SOCKETS   10 /* #1 to #9, and 0, the listener */
#define TW_RUN_STATES    256

struct tw_run_ports {
	uint16_t local, remote;
};

/* An end's process with what is known of it. */
struct tw_run_actor {
	struct tw_actor *actor;             /* NULL: not yet, or its host is gone */
	const struct tw_statement *calling; /* begun, and its result not used yet */
	bool have_result;                   /* of @calling */
	int64_t late_ns;                    /* tw_cable_late_ns() when it began */
	int64_t ready_ns;                   /* when it could have begun: the step before was over */
	struct tw_actor_result result;
	bool ended;
	struct tw_run_ports ports[TW_RUN_SOCKETS];
};

/* A kernel socket as it was when last looked at. */
struct tw_run_state {
	enum tw_host_id host;
	uint16_t local, remote;
	uint8_t state;
	bool seen; /* in the look that is going on */
};

/* Relative sequence numbers of the time line. */
struct tw_run_flow {
	uint16_t port[2]; /* client's, server's */
	uint32_t isn[2];
	bool known[2];
};

struct tw_timeline {
	json_t *entries;
	size_t packets; /* kept; what is more than TW_TIMELINE_PACKETS is only counted */
	uint64_t left_out;
	struct {
		uint64_t id;
		json_t *entry; /* borrowed from @entries */
	} recent[512];
	unsigned recent_next;
	struct tw_run_flow flow[64];
	unsigned flow_next;
};
#define TW_TIMELINE_PACKETS 20000

struct tw_run {
	const struct tw_lab_job *job;
	struct tw_script script;
	bool v6;
	struct tw_net *net;
	struct tw_cable *cable;
	struct tw_run_actor actor[2][TW_RUN_PROCESSES];
	struct tw_program *program[2];
	bool removed[2];               /* the host is gone */
	bool hold_server, server_held; /* run_program.c: stop it at the client's first byte */
	bool client_was_heard;         /* data of the client has arrived at the server */
	struct tw_arena arena;         /* of names */
	const char *capture_path[2];   /* in @arena; NULL: not opened */
	int capture_fd[2];             /* memfd, -1: a file */

	int64_t start_ns;
	int64_t deadline_ns; /* of the whole run */
	int64_t fault_ns;    /* when the fault began, 0: it did not */
	int64_t latest_ns;   /* the wire's longest delay for want of a processor */
	struct tw_timeline timeline;
	struct tw_run_state state[TW_RUN_STATES];
	unsigned state_count;
	int64_t returned_ns; /* when the call that this step waited for returned; 0: it waited for none */
	int64_t ready_ns; /* when the step before was over */
	int64_t lag_ns;   /* so much later than they could have did calls begin, together */
	bool look_wanted; /* something happened since the sockets were looked at */
	int64_t looked_ns;

	json_t *checks, *verdicts, *programs;
	bool passed;
	bool stopped;        /* a check failed: what comes now would only follow from it */
	struct tw_err error; /* could not be carried out */
};

/* ---- run.c ---- */
int64_t tw_run_now_ns(void); /* CLOCK_REALTIME */
/*
 * Let everything go on until @done says so: 1; or until @deadline_ns, or the end of the whole run's
 * time: 0; or until the cable fails: a negative errno, said in run->error.
 */
int tw_run_until(struct tw_run *run, bool (*done)(struct tw_run *run, void *arg), void *arg,
		 int64_t deadline_ns);
/* The process that a statement names, started if need be; NULL with run->error set. */
struct tw_run_actor *tw_run_actor(struct tw_run *run, const struct tw_statement *s);
/* Record in run->error that the scenario could not be carried out. Returns -ECANCELED. */
int tw_run_fail(struct tw_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- run_steps.c ---- */
/* Carry out a statement. 0 (also if a check failed: run->stopped), or negative with run->error set. */
int tw_run_step(struct tw_run *run, const struct tw_statement *s);

/* ---- run_program.c ---- */
/* Play with users' programs: start them, bring the fault about, wait for their end, judge them. */
int tw_run_programs(struct tw_run *run);
/* The client's first byte is on its way, and run->hold_server. */
void tw_run_hold_server(struct tw_run *run);

/* ---- run_checks.c ---- */
/*
 * Compare what a call did with what was expected of it, and note it. So long the
 * cable or the process had to wait for a processor meanwhile: no fault of the kernels' under test.
 */
void tw_run_check(struct tw_run *run, const struct tw_statement *expecting,
		  const struct tw_actor_result *result, int64_t late_ns);
/* Note a check of something else than a call. */
void tw_run_note_check(struct tw_run *run, unsigned line, const char *what, const char *expected,
		       const char *seen, bool passed);
/* "ECONNRESET", "EOF", "100", "in+hup": a result for a person, into @out of TW_EXPECT_TEXT bytes. */
const char *tw_run_result_text(char *out, const struct tw_actor_result *result);
/* The bounds that hold, full time or not; -1: none. */
int64_t tw_run_at_most_ns(const struct tw_run *run, const struct tw_expect *e);
int64_t tw_run_at_least_ns(const struct tw_run *run, const struct tw_expect *e);

/* ---- run_timeline.c ---- */
int tw_timeline_init(struct tw_run *run);
void tw_timeline_event(struct tw_run *run, int64_t time_ns, const char *kind, const char *who,
		       unsigned socket, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* A call's statement without what is expected of it: "client connect", into @out, which it returns. */
#define TW_CALL_TEXT 160
const char *tw_timeline_call_text(char out[TW_CALL_TEXT], const struct tw_statement *s);
void tw_timeline_return(struct tw_run *run, const char *who, const struct tw_actor_result *result);
/* The cable's callback; @user is the run. */
void tw_timeline_packet(void *user, const struct tw_cable_event *e);
/* Look at both hosts' sockets and note what changed. */
void tw_timeline_look(struct tw_run *run);
/* All entries, ordered by time. A new reference. */
json_t *tw_timeline_take(struct tw_run *run);

/* ---- run_readback.c ---- */
/* Read both captures and hold their verdicts against the script's. Negative with run->error set. */
int tw_run_readback(struct tw_run *run);

#endif
