/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TIMERS_SCHEDULE_H
#define TW_TIMERS_SCHEDULE_H

#include "timers/settings.h"

/* Socket options and the path, where they matter to timers; 0 is unset. */
struct tw_sockopts {
	int64_t rtt_ns;
	bool rtt_given;          /* not merely assumed */
	bool living;             /* both are a living socket's */
	int64_t rto_ns;          /* its retransmission timeout; 0: what the round trip makes it */
	int64_t user_timeout_ms; /* TCP_USER_TIMEOUT */
	int64_t syncnt;          /* TCP_SYNCNT */
	int64_t sndtimeo_ns, rcvtimeo_ns;
	bool keepalive; /* SO_KEEPALIVE */
	int64_t keep_idle_s, keep_intvl_s, keep_count;
};

struct tw_model {
	struct tw_settings set;
	struct tw_sockopts socket;
};

/*
 * A moment, in ns from the beginning. The kernel's timer wheel rounds up, by an eighth at most and
 * differently each time: so there is a least, a greatest and an expected one.
 */
struct tw_moment {
	int64_t least_ns, expected_ns, most_ns;
};

struct tw_timed {
	struct tw_moment at;
	const char *packet; /* "SYN", "FIN again" */
	const char *timer;  /* what made it leave, NULL: the application */
};

/* A number that went into it. */
struct tw_number {
	char name[TW_NEIGHBOUR_NAME]; /* "net.ipv4.tcp_retries2", "TCP_USER_TIMEOUT" ... */
	int64_t value;
	const char *unit;
	const char *source; /* "this host", "option", "constant" ... */
};

#define TW_STEPS_MAX   600
#define TW_ORIGINS_MAX 10

/* What one end sends while nobody answers, and when it ends. */
struct tw_schedule {
	struct tw_timed step[TW_STEPS_MAX];
	unsigned count;
	bool for_ever; /* it goes on as at the end of @step; no end */
	struct tw_moment end;
	const char *rule; /* the kernel function that ends it */
	struct tw_number origin[TW_ORIGINS_MAX];
	unsigned origin_count;
};

/* A timer armed at @from for @delay_ns, as the wheel of a kernel with @hz ticks fires it. */
struct tw_moment tw_wheel_after(unsigned hz, struct tw_moment from, int64_t delay_ns);

/* SYNs that nobody answers; ends connect(). */
void tw_schedule_connect(struct tw_schedule *l, const struct tw_model *m);
/* A listener's SYN|ACKs that nobody answers; ends the request. */
void tw_schedule_synack(struct tw_schedule *l, const struct tw_model *m);

/* Who holds the socket whose data nobody acknowledges. */
enum tw_holder {
	TW_HELD,   /* an application */
	TW_ORPHAN, /* nobody: it was closed */
};
/*
 * Data (or a FIN) that nobody acknowledges. @packets: how many are in flight; @first and @last are what
 * the first and the last of them are called when repeated.
 */
void tw_schedule_data(struct tw_schedule *l, const struct tw_model *m, enum tw_holder holder,
		      unsigned packets, const char *first, const char *last);
/* Retransmission timeout of an established connection with a steady round trip. */
int64_t tw_rto_ns(const struct tw_model *m);

/* Keepalive probes that nobody answers; for ever without a step if keepalive is off. */
void tw_schedule_keepalive(struct tw_schedule *l, const struct tw_model *m);
/* Where the probing of a closed window stands. */
struct tw_probing {
	int64_t due_ns;      /* until its timer fires */
	unsigned backoff;    /* how often its wait was doubled */
	unsigned unanswered; /* probes, the last ones */
};
/*
 * Probes of a closed window. @answered: the peer lives and keeps it closed. @on: it is closed, and second 0 is now;
 * NULL: second 0 is its closing.
 */
void tw_schedule_persist(struct tw_schedule *l, const struct tw_model *m, enum tw_holder holder,
			 bool answered, const struct tw_probing *on);
/* FIN_WAIT2 after close(), and TIME_WAIT: no packets, an end. */
void tw_schedule_fin_wait2(struct tw_schedule *l, const struct tw_model *m);
void tw_schedule_time_wait(struct tw_schedule *l, const struct tw_model *m);
/* ARP or ND requests that nobody answers. */
void tw_schedule_neighbour(struct tw_schedule *l, const struct tw_model *m);
/* No packets, no timer: it ends after @after_ns. */
void tw_schedule_none(struct tw_schedule *l, int64_t after_ns, const char *rule);

/* ---- for those who build them ---- */
struct tw_moment tw_moment_at(int64_t ns);
void tw_schedule_step(struct tw_schedule *l, struct tw_moment at, const char *packet,
		      const char *timer);
void tw_schedule_setting(struct tw_schedule *l, const struct tw_model *m, enum tw_setting_id id);
void tw_schedule_option(struct tw_schedule *l, const char *name, int64_t value, const char *unit);
/* The round trip, given or assumed. */
void tw_schedule_rtt(struct tw_schedule *l, const struct tw_model *m);
void tw_schedule_constant(struct tw_schedule *l, const char *name, int64_t value, const char *unit);

/* tcp_retries2, or tcp_orphan_retries as it counts while the timeout is @rto_ns. */
unsigned tw_retries(const struct tw_model *m, enum tw_holder holder, int64_t rto_ns);
/* tcp_model_timeout(): the time that @boundary doublings from @base_ns take, with a ceiling. */
int64_t tw_model_timeout_ns(const struct tw_model *m, unsigned boundary, int64_t base_ns);
/* tcp_clamp_rto_to_user_timeout(): @delay_ns, but not beyond the user timeout that began at @stamp_ns. */
int64_t tw_clamped_ns(const struct tw_model *m, int64_t delay_ns, int64_t stamp_ns, int64_t now_ns);

#endif
