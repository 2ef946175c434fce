/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_SCRIPT_H
#define TW_LAB_SCRIPT_H

#include "base/arena.h"
#include "base/err.h"
#include "lab/cable.h"
#include "lab/net.h"
#include "phenomena/phenomenon.h"

/*
 * The scenario language (docs/lab.md) as a list of statements. Parsing needs no kernel and knows all
 * names (errnos, socket options, slugs, states), so a wrong script is told before anything runs.
 */
enum tw_verb {
	/* an end's process: calls */
	TW_DO_LISTEN,  /* number: backlog; port */
	TW_DO_BIND,    /* port */
	TW_DO_CONNECT, /* port */
	TW_DO_ACCEPT,
	TW_DO_SEND, /* number: bytes in all; -1: one call of at most TW_ONE_CALL_BYTES */
	TW_DO_RECV, /* the same */
	TW_DO_RECV_EOF,
	TW_DO_FILL,
	TW_DO_SHUTDOWN, /* number: SHUT_RD ... */
	TW_DO_CLOSE,    /* socket 0: the listener; so for OPTION, POLL, NONBLOCKING, STATE, QUEUE */
	TW_DO_UNSPEC,
	TW_DO_OPTION,      /* option, number, number2, value */
	TW_DO_NONBLOCKING, /* number: 1 on, 0 off */
	TW_DO_POLL,        /* number: events */
	TW_DO_ERROR, /* its result is minus the SO_ERROR, as if the call itself had failed so */
	TW_DO_EXIT,
	TW_DO_CRASH,
	/* an end's process: done to it */
	TW_DO_KILL, /* number: signal */
	TW_DO_STOP,
	TW_DO_CONTINUE,
	TW_DO_DESTROY,
	TW_DO_JOIN,
	TW_DO_STATE, /* number: state of <netinet/tcp.h>, TCP_CLOSE: gone */
	TW_DO_QUEUE, /* number: bytes; number2: 0 receive, 1 send */
	/* the cable */
	TW_DO_CABLE_RULE,
	TW_DO_CABLE_RELEASE,
	TW_DO_CABLE_FORGE,
	TW_DO_CABLE_FLOOD, /* number: SYNs; port */
	TW_DO_CABLE_CUT,   /* number: end 0, 1, or -1 for both */
	TW_DO_CABLE_HEAL,
	TW_DO_CABLE_FORGET,
	TW_DO_CABLE_WAIT,  /* rule.spec; expect.within */
	TW_DO_CABLE_QUIET, /* time_ns */
	/* hosts and time */
	TW_DO_VANISH,
	TW_DO_REBOOT,
	TW_DO_NEIGHBOUR, /* number: enum tw_neighbour */
	TW_DO_SYSCTL,    /* name, value; number 1: `short` */
	TW_DO_WAIT,      /* time_ns */
	TW_DO_FAULT,
	/* what is expected at the end */
	TW_DO_VERDICT,
};

#define TW_ONE_CALL_BYTES 65536

/*
 * What a call must do. Of `join` it is for the call that is joined; if nothing is written there
 * (not @given), what was written at the call itself holds.
 */
struct tw_expect {
	bool given; /* something was written, if only `within` or `-> ok` */
	enum tw_expect_kind {
		TW_EXPECT_SUCCESS, /* nothing was written */
		TW_EXPECT_ERRNO,   /* value */
		TW_EXPECT_EOF,
		TW_EXPECT_NUMBER, /* value */
		TW_EXPECT_HANG,   /* for at_least_ns and longer */
		TW_EXPECT_EVENTS, /* value: POLLIN | ... exactly */
	} kind;
	int64_t value;
	int64_t at_least_ns, at_most_ns;           /* -1 = not said */
	int64_t full_at_least_ns, full_at_most_ns; /* for --full-time, -1 = as above */
};

/* A `verdict` or `never` line. */
struct tw_expected_verdict {
	bool vantage[2];              /* [TW_CLIENT], [TW_SERVER] */
	uint64_t stream, last_stream; /* "stream 3", "stream 3-7" */
	bool any;                     /* `verdict WHO any`: whatever it says */
	/* Accepted, best first (also "clean", "unknown"); of `never`: forbidden. */
	const char *slugs[12];
	unsigned slug_count;
	bool never;
	bool never_certain;
	unsigned confidences; /* bit 1 << enum tw_confidence; 0: likely and possible */
	unsigned outcomes;    /* bit 1 << enum tw_outcome; 0: any */
	/* For --full-time, whose ladders are whole and prove more; both 0: as above. */
	unsigned full_confidences, full_outcomes;
};

struct tw_statement {
	unsigned line;
	const char *text; /* as written, without comment and blanks around */
	enum tw_verb verb;
	enum tw_host_id host; /* the end, for verbs of a process or host */
	unsigned process;     /* 1, 2 ... */
	unsigned socket;      /* 1 to 9; 0: the listener */
	uint16_t port;
	int64_t number, number2;
	int64_t time_ns;
	const char *name, *value; /* sysctl */
	const struct tw_socket_option *option;
	bool background; /* '&' */
	struct tw_expect expect;
	struct tw_cable_rule rule;
	struct tw_cable_forge forge;
	struct tw_expected_verdict verdict;
};

/* Socket options by name: how their values are written. */
#define TW_OPTVAL_STRING_MAX 15
struct tw_socket_option {
	const char *name;
	int level, number;
	enum tw_optval {
		TW_OPTVAL_INT,        /* number */
		TW_OPTVAL_LINGER,     /* number: on, number2: seconds */
		TW_OPTVAL_TIMEVAL_MS, /* number: milliseconds; the kernel wants a struct timeval */
		TW_OPTVAL_MS,         /* number: milliseconds; the kernel wants them so */
		TW_OPTVAL_STRING,     /* value: up to TW_OPTVAL_STRING_MAX bytes */
		TW_OPTVAL_MPTCP, /* number: 1 makes the socket an MPTCP one; no option of the kernel */
	} kind;
};
const struct tw_socket_option *tw_socket_option_find(const char *name);

struct tw_script {
	struct tw_arena arena;
	struct tw_net_config net;
	bool nat;
	int64_t delay_ns;
	unsigned loss_permille;
	const char *truth;               /* slug or "clean"; NULL: the file's */
	struct tw_statement *statements; /* sysctls of the head first; in order */
	unsigned count;
	unsigned fault; /* index of the first statement after `fault`; 0 if there is no such line */
};

/*
 * -EINVAL with "line N: ..." in @err (the nearest word is suggested where one is near); -ENOMEM. After
 * an error there is nothing to free. @text is not needed afterwards; any bytes are a possible script.
 */
int tw_script_parse(struct tw_script *s, const char *text, struct tw_err *err);
void tw_script_free(struct tw_script *s);

/* Is the whole of @word a size ("64k"), a duration ("1.5s")? Nothing is written if not. */
bool tw_script_size(const char *word, int64_t *out);
bool tw_script_duration(const char *word, size_t length, int64_t *out_ns);

/* "ECONNRESET within 200 ms": an expectation for a person, into @out (which it returns). */
#define TW_EXPECT_TEXT 96
const char *tw_expect_text(char *out, const struct tw_expect *e);
/* "in+hup": poll events, into @out of TW_EXPECT_TEXT bytes; "nothing" for none. */
const char *tw_events_text(char *out, unsigned events);
/* "ECONNRESET" for 104; "errno 999" for what has no name. */
const char *tw_errno_name(int error);
/* "ESTABLISHED", "TIME_WAIT" ...; of <netinet/tcp.h>, 12 is "SYN_RECV" as well. */
const char *tw_tcp_state_name(unsigned state);

#endif
