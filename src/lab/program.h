/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_PROGRAM_H
#define TW_LAB_PROGRAM_H

#include "base/err.h"
#include "lab/cable.h"
#include "lab/lab.h"
#include "lab/net.h"
#include "lab/trace.h"

#include <jansson.h>

/*
 * A user's program as an end of a scenario: started in its host's namespace with its own file system,
 * user and standard streams, followed (trace.h), waited for, and judged by the asserts of the job.
 *
 *	tw_program_start(server)       runs, and its calls are followed
 *	  ... tw_program_work() ...
 *	tw_program_listening(server)   only now start what connects to it
 *	tw_program_start(client)
 *	  ... tw_program_work() ... tw_programs_triggered(): now play what follows `fault`
 *	tw_program_over(client)        it has ended, or its time is over
 *	tw_program_stop()              SIGTERM to all of it; SIGKILL to what is left 3 s later
 *	  ... tw_program_work() ... until
 *	tw_program_gone()              nothing is left of it, children included
 *	tw_program_json()              what it lived through
 */
struct tw_program;

struct tw_program_config {
	/* argv of the side, trigger, asserts, the caller's ids; must stay alive. */
	const struct tw_lab_job *job;
	enum tw_host_id side; /* TW_HOST_CLIENT or TW_HOST_SERVER */
	struct tw_net *net;   /* must stay alive */
	/*
	 * For {host} and TCPWHY_HOST: where the client finds the server, or where the server listens. In
	 * "http://{host}/" and "{host}:80" an IPv6 address gets its brackets.
	 */
	const char *host;
	uint16_t port; /* for {port} and TCPWHY_PORT */
	/* Its exit status and time are what the job asserts (of CMD, not of --peer's). */
	bool asserted;
	/* Every call on a TCP socket, as it ends; may be NULL. */
	void (*call)(void *user, enum tw_host_id side, const struct tw_traced_call *call);
	void *user;
};

/*
 * Start it. -ENOENT, -EACCES ... with a sentence that names the program when it can not be run. Whoever it
 * runs as, it may listen on any port of its host.
 */
int tw_program_start(struct tw_program **out, const struct tw_program_config *config,
		     struct tw_err *err);
/* Kills what is left. NULL is fine. */
void tw_program_free(struct tw_program *p);

/*
 * Readable when tw_program_work() has something to do, the job's times included (it is an epoll(7)
 * descriptor with a timer in it, so nobody else needs to watch the clock for it). The same all its life.
 */
int tw_program_fd(const struct tw_program *p);
void tw_program_work(struct tw_program *p); /* never blocks */

/*
 * Does it, or anybody in its host, listen on the port? A look at the kernel's table of sockets; ask after every
 * tw_program_work(), as the descriptor is readable after its listen(2).
 */
bool tw_program_listening(const struct tw_program *p);
/* Its own port, if anybody listens there; else another one that somebody in its host listens on; 0: none. */
uint16_t tw_program_listens_on(const struct tw_program *p);
/* The program itself has ended; @status (may be NULL) is its wait status. */
bool tw_program_ended(const struct tw_program *p, int *status);
/*
 * When it should have ended (CLOCK_REALTIME): within_ns of the job after its start, if it is the asserted
 * one and that is asserted; else 60 s after its start or tw_program_fault(), whichever came later.
 */
int64_t tw_program_deadline_ns(const struct tw_program *p);
/* It has ended, or the deadline has come. */
bool tw_program_over(const struct tw_program *p);
/* The fault begins now: the time from here on is what it had to cope with. */
void tw_program_fault(struct tw_program *p);
/* A signal for the program itself, as of `server kill`; -ESRCH: it has ended. */
int tw_program_signal(struct tw_program *p, int sig);
/* The end of the run: see above. What it does after this is not its own doing. */
void tw_program_stop(struct tw_program *p);
bool tw_program_gone(const struct tw_program *p);

/*
 * Has the job's trigger come? @programs are the two ends, NULL where an actor plays.
 *	DEFAULT  the client's first byte was on the wire
 *	CONNECT  the first connection is established, seen from the wire
 *	BYTES    so many stream bytes in both directions together, of the newest connection
 *	TIME     so long after the client's start, or the server's if that is the only program
 *	LINE     a line of the standard output or error of either has matched
 * Ask after every tw_program_work() and tw_cable_work(); once true, true for good. (That the regular
 * expression is one is checked by tw_program_start().)
 */
bool tw_programs_triggered(struct tw_program *const programs[2], const struct tw_lab_job *job,
			   const struct tw_cable *cable);

/* ---- what it lived through ---- */
struct tw_program_outcome {
	bool ended;           /* by itself, before tw_program_stop() */
	int exit_status;      /* -1: it did not exit (by itself, or after SIGTERM) */
	int signal;           /* that killed it, 0 = none; SIGKILL of ours included if not @ended */
	int64_t duration_ns;  /* from its start to its end, or to tw_program_stop() */
	bool within;          /* ended before the deadline */
	bool exit_expected;   /* the exit status is the asserted one, or none is asserted */
	bool passed;          /* all that is asserted of it holds */
	unsigned connections; /* a client's: tried, with or without success; a server's: accepted */
	uint64_t calls;       /* on TCP sockets */
	char failure[200];    /* a sentence if not @passed: "curl exited with 28, not with 0" */
};
void tw_program_judge(const struct tw_program *p, struct tw_program_outcome *out);
/*
 * The `program` object of the record (docs/lab.md), times in seconds since @start_ns. A new reference,
 * NULL when memory is out.
 */
json_t *tw_program_json(const struct tw_program *p, int64_t start_ns);

#endif
