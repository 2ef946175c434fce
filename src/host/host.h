/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_HOST_HOST_H
#define TW_HOST_HOST_H

#include "host/sockets.h"

/* Settings beside those of the timers. */
enum tw_knob_id {
#define KNOB(id, ...) TW_KNOB_##id,
#include "host/knobs.def"
#undef KNOB
	TW_KNOB__N
};

struct tw_knob {
	const char *name;
	unsigned word;
};
extern const struct tw_knob tw_knob_table[TW_KNOB__N];

enum tw_counter_id {
#define COUNTER(id, ...) TW_COUNTER_##id,
#include "host/counters.def"
#undef COUNTER
	TW_COUNTER__N
};

struct tw_counter {
	const char *group, *name;
};
extern const struct tw_counter tw_counter_table[TW_COUNTER__N];

/* What a part of the readings is about; a mask says what is there. */
enum tw_host_part {
	TW_HOST_SETTINGS = 1 << 0,
	TW_HOST_SOCKETS = 1 << 1,
	TW_HOST_COUNTERS = 1 << 2,
	TW_HOST_LINKS = 1 << 3,    /* interfaces, addresses, IPv4 default routes */
	TW_HOST_SOCKSTAT = 1 << 4, /* orphans and memory */
};

struct tw_link {
	char name[16];
	unsigned mtu;
	int64_t rp_filter; /* what holds for it: the larger of its own and that of "all"; -1 not known */
	bool up, loopback;
	unsigned default_routes; /* IPv4, of the main table */
};

/* Something that could not be read, told as "WHAT: not looked at, because WHY". */
struct tw_unread {
	char what[64], why[200];
};

#define TW_LINKS_MAX     64
#define TW_ADDRESSES_MAX 256
#define TW_UNREAD_MAX    16

/* Everything that is read of a host, at about one moment. */
struct tw_host {
	unsigned parts; /* enum tw_host_part */
	struct tw_settings timers;
	int64_t knob[TW_KNOB__N];
	bool knob_known[TW_KNOB__N];
	uint64_t counter[TW_COUNTER__N];
	bool counter_known[TW_COUNTER__N];
	/* Counters are not older: that of the kernel, or of process 1 if younger (a container's). 0 not known. */
	int64_t uptime_s;

	struct tw_living_list sockets;
	/* As long as @sockets: the options of idle connections where they could be asked; may be NULL. */
	struct tw_host_options {
		bool known;
		struct tw_sockopts set;
	} * options;

	struct tw_link link[TW_LINKS_MAX];
	unsigned links;
	struct tw_addr address[TW_ADDRESSES_MAX]; /* of this host */
	unsigned addresses;

	int64_t orphans, memory_pages; /* of the whole machine */
	/* /proc/net/stat/nf_conntrack, summed over processors. */
	uint64_t ct_invalid, ct_drop, ct_early_drop;
	bool ct_stat_known;

	struct tw_unread unread[TW_UNREAD_MAX];
	unsigned unread_count;
};

/* Knobs all unknown, timers at their defaults, nothing else. */
void tw_host_init(struct tw_host *h);
void tw_host_free(struct tw_host *h);
/* This host, from files below @proc ("/proc") and from its kernel. -ENOMEM; what else fails is said in
 * @unread. */
int tw_host_read(struct tw_host *h, const char *proc, struct tw_err *err);
/*
 * The settings of another host, from the output of `sysctl -a` there; nothing else is known of it. Errors
 * as tw_settings_read_file().
 */
int tw_host_read_file(struct tw_host *h, const char *path, struct tw_err *err);
/* "tcp_syncookies=0": any setting of this room or of the timers. -EINVAL names the nearest. */
int tw_host_set(struct tw_host *h, const char *assignment, struct tw_err *err);

/* The value, or @unknown. */
int64_t tw_host_knob(const struct tw_host *h, enum tw_knob_id id, int64_t unknown);
/* Is @address one of this host (or of loopback)? */
bool tw_host_is_own(const struct tw_host *h, const struct tw_addr *address);

#endif
