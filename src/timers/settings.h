/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TIMERS_SETTINGS_H
#define TW_TIMERS_SETTINGS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the timers of a host depend on. The list with defaults is settings.def. */
enum tw_setting_id {
#define SETTING(id, ...) TW_SET_##id,
#include "timers/settings.def"
#undef SETTING
	TW_SET__N
};

struct tw_kernel {
	unsigned major, minor;
};

struct tw_setting {
	const char *name;
	unsigned word; /* which of the setting's numbers */
	int64_t value, least, most;
	const char *unit;       /* "s", "ms", "us", "" */
	struct tw_kernel since; /* 0.0: always there */
	int64_t older;          /* what kernels before it do */
	const char *meaning;
};
extern const struct tw_setting tw_setting_table[TW_SET__N];

/* Where a value comes from. */
enum tw_set_from {
	TW_FROM_DEFAULT,    /* the kernel's default: nothing else was asked */
	TW_FROM_HOST,       /* read from this host */
	TW_FROM_UNREADABLE, /* default, because this host did not tell */
	TW_FROM_SENSELESS,  /* default, because what this host has makes no sense */
	TW_FROM_FILE,       /* a file of --sysctl-file */
	TW_FROM_ABSENT,     /* default, because that file does not have it */
	TW_FROM_OLDER,      /* what a kernel that has no such setting does */
	TW_FROM_SET,        /* --set */
};
const char *tw_set_from_name(enum tw_set_from s);

/* Settings that each interface has for itself. */
#define TW_SET_NEIGH__N   2
#define TW_DEVICE_NAME    16 /* IFNAMSIZ */
#define TW_NEIGHBOUR_NAME 64

struct tw_settings {
	struct tw_kernel kernel;
	int64_t value[TW_SET__N];
	enum tw_set_from source[TW_SET__N];
	unsigned hz; /* ticks per second of the kernel's timers */
	bool hz_measured;
	char neighbour_name[TW_SET_NEIGH__N][TW_NEIGHBOUR_NAME]; /* ""; or the interface's own */
};
/* How a setting is called where its value comes from; valid as long as @s. */
const char *tw_setting_name(const struct tw_settings *s, enum tw_setting_id id);

/*
 * The oldest Linux whose rules the schedules follow: since then timers are cut to TCP_USER_TIMEOUT
 * (tcp_clamp_rto_to_user_timeout()).
 */
extern const struct tw_kernel tw_rules_since;
/* The newest that they were measured on. */
extern const struct tw_kernel tw_rules_measured;
/* "6.1", "6.1.0-13-amd64". False: that is no version. */
bool tw_kernel_parse(const char *text, struct tw_kernel *out);
bool tw_kernel_before(struct tw_kernel a, struct tw_kernel b);

/*
 * Does a kernel that has no setting @name ("tcp_syn_linear_timeouts", with or without "net.ipv4.") behave as if it
 * had this value?
 */
bool tw_setting_is_older(const char *name, const char *value);
/* Defaults of the newest kernel that is known here. */
void tw_settings_defaults(struct tw_settings *s);
/* This host: its kernel, ticks, and all settings below @root ("/proc/sys"). */
void tw_settings_read_host(struct tw_settings *s, const char *root);
/*
 * The output of `sysctl -a` of another host; kernel.osrelease in it says which kernel it has. -EINVAL
 * with the line for what is no such output; -errno for a file that can not be read.
 */
int tw_settings_read_file(struct tw_settings *s, const char *path, struct tw_err *err);
/* Make it a kernel of this version: what it does not have behaves as it did before. */
void tw_settings_age(struct tw_settings *s, struct tw_kernel kernel);
/* "tcp_retries2=8": a name, with or without "net.ipv4.", and its value. -EINVAL names the nearest. */
int tw_settings_set(struct tw_settings *s, const char *assignment, struct tw_err *err);
/* -EINVAL for values that the kernel would refuse together. */
int tw_settings_check(const struct tw_settings *s, struct tw_err *err);
/*
 * Give a value to a setting by its whole name. Return: 1, 0 if there is none of this name, -EINVAL for
 * a value that makes no sense.
 */
int tw_settings_assign(struct tw_settings *s, const char *name, const char *value,
		       enum tw_set_from source, struct tw_err *err);

/* ---- for those who read them ---- */
/* Give setting @id, which @err calls @name, the value of @value. 0 or -EINVAL. */
int tw_setting_take(struct tw_settings *s, enum tw_setting_id id, const char *name,
		    const char *value, enum tw_set_from source, struct tw_err *err);
/* The first line of a file, without its end. */
bool tw_setting_read_line(const char *path, char *out, size_t size);

#endif
