/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_AUDIT_CHECK_H
#define TW_AUDIT_CHECK_H

#include "base/arena.h"
#include "base/duration.h"
#include "host/host.h"
#include "phenomena/idle_table.h"

/* How bad. Only what is worse than a note makes the exit status 1. */
enum tw_severity {
	TW_SEVERITY_NONE, /* nothing to say */
	TW_SEVERITY_NOTE, /* worth knowing; whether to change it is a matter of purpose */
	TW_SEVERITY_RISK, /* it will hurt once something else happens, which is named */
	TW_SEVERITY_HARM, /* it hurts now, or has hurt: the evidence is on this host */
	TW_SEVERITY__N
};
const char *tw_severity_name(enum tw_severity s); /* "note", "risk", "harm" */

struct tw_concern;

/* What is the same for all who ask. */
struct tw_audit_frame {
	const struct tw_host *host;
	const struct tw_idle_table *idle_table; /* the user's; NULL: the built-in one alone */
	int64_t idle_ns;                        /* from here on a quiet connection counts as idle */
	int64_t stuck_ns; /* from here on one that should go on counts as stuck */
	size_t open;      /* connections */
};

/*
 * A counter against a total: for rows of counters.c. It fires from @least events on, if they are at least
 * one in @one_in of the total.
 */
struct tw_counter_rule {
	enum tw_counter_id counter;
	enum tw_counter_id of;  /* the total it is compared with */
	enum tw_counter_id and; /* added to the total; the same as @of: nothing */
	uint64_t least, one_in; /* one_in 0: any share */
	enum tw_severity severity;
	const char *unit;  /* of the total: "connections", "segments" */
	const char *means; /* what happened that many times, and what follows; whole sentences */
	/* The time that goes with it, and the sentence that it ends; NULL: none. */
	int64_t (*expect)(const struct tw_audit_frame *f);
	const char *expected;
};

/*
 * One thing that audit looks at. A file of checks/ or a row of counters.c defines it, checks.def lists it.
 * @look reads the host only, and either leaves the concern alone or fills it (tw_concern_raise).
 */
struct tw_check {
	const char *slug;
	const char *title;      /* what it looks for, one line without full stop */
	const char *set;        /* what to set or do, whole sentences */
	const char *costs;      /* what that costs */
	const char *source;     /* RFC, kernel function, or file of the vendor's numbers */
	const char *phenomenon; /* the slug of the catalogue that it leads to; NULL: none */
	unsigned needs;         /* enum tw_host_part: without them it can not be judged */
	void (*look)(struct tw_concern *c, const struct tw_audit_frame *f);
	struct tw_counter_rule rule; /* of a row of counters.c */
};

/* Sockets or the like that a concern is about: "java (pid 812)", how many, and one of them. */
struct tw_concern_item {
	const char *who;                /* process, device, setting */
	uint64_t count;                 /* how many */
	int64_t age_ns;                 /* the longest of them; 0: no such time */
	const struct tw_living *socket; /* the one that is so for longest; NULL: no sockets */
	const char *where; /* that one as text: "10.0.0.1:4031 -> 10.0.0.9:5432"; NULL: none */
};

#define TW_CONCERN_ITEMS 64

/* What a check has found. Texts are in the arena. */
struct tw_concern {
	const struct tw_check *check;
	enum tw_severity severity;
	const char *found;    /* a whole sentence with this host's numbers */
	const char *risk;     /* what happens then, with the predicted times */
	int64_t predicted_ns; /* that time; -1: for ever; 0: none is predicted */
	const char *set;      /* the check's, unless this host needs another */
	struct tw_concern_item item[TW_CONCERN_ITEMS];
	unsigned items;
	uint64_t count; /* how many it is about: orders concerns of equal severity */
	struct tw_arena *arena;
};

extern const struct tw_check *const tw_checks[]; /* in the order of the manual */
extern const unsigned tw_check_count;

/* ---- for checks ---- */

/* Say that there is something, with the sentence that tells what was found. */
void tw_concern_raise(struct tw_concern *c, enum tw_severity severity, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What follows from it. @predicted_ns as in the concern. */
void tw_concern_risk(struct tw_concern *c, int64_t predicted_ns, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What to set here, in place of the check's own words. */
void tw_concern_set(struct tw_concern *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Count a socket to its process. @age_ns: how long it is in this condition. Sockets of one process (or of
 * one listener, with @by_port) are one item; what does not fit is only counted.
 */
void tw_concern_socket(struct tw_concern *c, const struct tw_living *s, int64_t age_ns,
		       bool by_port);
/* Anything else that is one of a list. */
void tw_concern_item(struct tw_concern *c, const char *who, uint64_t count);
/* "java (pid 812), nginx (pid 90) and 3 others": the items, most first. */
const char *tw_concern_who(struct tw_concern *c);

/* Once a check has looked: the texts of its items. */
void tw_concern_finish(struct tw_concern *c);

/* The look of all rows of counters.c. */
void tw_look_at_counter(struct tw_concern *c, const struct tw_audit_frame *f);

/*
 * A connection of this host to another one, whose application holds it, and on which nothing was sent or
 * received for the frame's idle time.
 */
bool tw_is_idle_connection(const struct tw_audit_frame *f, const struct tw_living *s);
/* The socket's options where they could be asked, else NULL. */
const struct tw_sockopts *tw_options_of(const struct tw_audit_frame *f, const struct tw_living *s);
/* Does its keepalive give up much sooner than unacknowledged data, after @data_ns? */
bool tw_is_less_patient(const struct tw_sockopts *o, int64_t data_ns);
/* How long that is. */
int64_t tw_keepalive_patience_ns(const struct tw_sockopts *o);
/* So few of the open connections that it is what peers do: some always vanish. */
bool tw_is_a_few(const struct tw_audit_frame *f, uint64_t count);
/* Less than once a day, of what counters have counted. */
bool tw_is_rare(const struct tw_audit_frame *f, uint64_t events);
/* Is there a listener that other hosts can reach? True where sockets are not known: then settings are judged for any host. */
bool tw_has_open_listener(const struct tw_audit_frame *f);

/* Times from the timer model with this host's settings and no socket options. */
int64_t tw_expect_data_ns(const struct tw_audit_frame *f);      /* unacknowledged data gives up */
int64_t tw_expect_connect_ns(const struct tw_audit_frame *f);   /* connect() gives up */
int64_t tw_expect_time_wait_ns(const struct tw_audit_frame *f); /* the port is free again */
int64_t tw_expect_request_ns(const struct tw_audit_frame *f); /* a half-open handshake is dropped */
int64_t tw_expect_rto_ns(const struct tw_audit_frame *f);

/*
 * The same of a living socket, with its options where they are known; @usual_ns is tw_expect_data_ns(), for those
 * without TCP_USER_TIMEOUT. And how long it waits while its peer keeps the window closed; -1: for ever.
 */
int64_t tw_expect_data_of_ns(const struct tw_audit_frame *f, const struct tw_living *s,
			     int64_t usual_ns);
int64_t tw_expect_window_of_ns(const struct tw_audit_frame *f, const struct tw_living *s);

static inline int64_t tw_longer_ns(int64_t a_ns, int64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

/* "1 connection", "2 connections": @n and the word for it, in the arena. */
const char *tw_count_of(struct tw_concern *c, uint64_t n, const char *one, const char *many);

#endif
