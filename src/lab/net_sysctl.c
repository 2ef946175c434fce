/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the settings of hosts: those that make every host of the lab alike and quiet, and those
 * that a scenario asks for, which are remembered for a host that is rebuilt.
 *
 * /proc/sys/net shows the namespace of the thread that looks. A new namespace has the kernel's
 * defaults for most of TCP, but takes buffer sizes and congestion control from the machine: those
 * are set, or a tuned machine would show other windows than the next one.
 */
#include "lab/net_private.h"
#include "timers/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 200

struct fixed_setting {
	const char *path, *value;
};

int tw_net_setting_write(const char *path, const char *value)
{
	char full[PATH_BYTES + 16];
	int fd, code = 0;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		code = -errno;
	close(fd);
	return code;
}

/* The sentence for a setting that could not be made. @path becomes a dotted name. */
static int explain(struct tw_err *err, int code, enum tw_host_id host, const char *path,
		   const char *value)
{
	char name[PATH_BYTES];
	size_t i;

	snprintf(name, sizeof(name), "%s", path);
	for (i = 0; name[i]; i++)
		if (name[i] == '/')
			name[i] = '.';
	switch (-code) {
	case ENOENT:
		return tw_err_set(err, code,
				  "the %s has no setting %s: this kernel does not know it, or has "
				  "it only for the whole machine",
				  tw_net_host_name(host), name);
	case EINVAL:
	case ERANGE:
		return tw_err_set(err, code, "the kernel does not take %s for %s", value, name);
	case EACCES:
	case EPERM:
	case EROFS:
		return tw_err_set(
			err, code,
			"%s of the %s cannot be set to %s: the right is missing (%s); run "
			"as root, or where /proc/sys can be written",
			name, tw_net_host_name(host), value, strerror(-code));
	default:
		return tw_err_set(err, code, "%s of the %s cannot be set to %s: %s", name,
				  tw_net_host_name(host), value, strerror(-code));
	}
}

int tw_net_settings_base(const struct tw_net *n, enum tw_host_id host, struct tw_err *err)
{
	/* Alike on all machines, as far as the kernel has it. */
	static const struct fixed_setting alike[] = {
		{ "net/ipv4/tcp_no_metrics_save", "1" },
		{ "net/ipv4/tcp_rmem", "4096 131072 6291456" },
		{ "net/ipv4/tcp_wmem", "4096 16384 4194304" },
		{ "net/ipv4/conf/all/rp_filter", "0" },
		{ "net/ipv4/conf/default/rp_filter", "0" },
		{ "net/ipv4/conf/all/send_redirects", "0" },
		{ "net/ipv4/conf/default/send_redirects", "0" },
		{ "net/ipv6/conf/all/accept_dad", "0" },
		{ "net/ipv6/conf/default/accept_dad", "0" },
		{ "net/ipv6/conf/default/disable_ipv6", "0" },
	};
	static const struct fixed_setting forward[] = {
		{ "net/ipv4/ip_forward", "1" },
		{ "net/ipv6/conf/all/forwarding", "1" },
	};
	unsigned i;
	int code;

	for (i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
		code = tw_net_setting_write(alike[i].path, alike[i].value);
		if (code && code != -ENOENT)
			return explain(err, code, host, alike[i].path, alike[i].value);
	}
	/*
	 * Reno is allowed everywhere; a namespace may take another only if the machine's list has
	 * it.
	 */
	if (tw_net_setting_write("net/ipv4/tcp_congestion_control", "cubic"))
		tw_net_setting_write("net/ipv4/tcp_congestion_control", "reno");
	for (i = 0; host == TW_HOST_ROUTER && i < (n->v6 ? 2 : 1); i++) {
		code = tw_net_setting_write(forward[i].path, forward[i].value);
		if (code)
			return explain(err, code, host, forward[i].path, forward[i].value);
	}
	return 0;
}

int tw_net_settings_nic(const struct tw_net *n, const char *name, struct tw_err *err)
{
	static const struct fixed_setting quiet[] = {
		{ "accept_dad", "0" },           { "accept_ra", "0" },
		{ "router_solicitations", "0" }, { "addr_gen_mode", "1" },
		{ "use_tempaddr", "0" },         { "ndisc_notify", "0" },
		{ "accept_redirects", "0" }
	};
	unsigned i;

	for (i = 0; n->v6 && i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		char path[PATH_BYTES];
		int code;

		snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", name, quiet[i].path);
		code = tw_net_setting_write(path, quiet[i].value);
		if (code && code != -ENOENT)
			return tw_err_set(err, code, "cannot set %s: %s", path, strerror(-code));
	}
	return 0;
}

int tw_net_settings_repeat(const struct tw_net *n, enum tw_host_id host, struct tw_err *err)
{
	unsigned i;

	for (i = 0; i < n->setting_count; i++) {
		const struct tw_net_setting *s = &n->settings[i];
		int code = s->host == host ? tw_net_setting_write(s->path, s->value) : 0;

		if (code)
			return explain(err, code, host, s->path, s->value);
	}
	return 0;
}

static int remember(struct tw_net *n, enum tw_host_id host, const char *path, const char *value)
{
	struct tw_net_setting *larger, *s;

	larger = realloc(n->settings, (n->setting_count + 1) * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	n->settings = larger;
	s = &larger[n->setting_count];
	s->host = host;
	s->path = strdup(path);
	s->value = strdup(value);
	if (!s->path || !s->value) {
		free(s->path);
		free(s->value);
		return -ENOMEM;
	}
	n->setting_count++;
	return 0;
}

/* Write it under the first of the places where a short name can be. @path is where it was. */
static int write_named(char path[PATH_BYTES], const char *name, const char *value)
{
	static const char *const place[] = { "net/ipv4", "net/core", "net/ipv6" };
	int code = -ENOENT;
	unsigned i;

	if (strlen(name) > PATH_BYTES - 16)
		return -ENOENT;
	if (strchr(name, '.') || strchr(name, '/')) {
		snprintf(path, PATH_BYTES, "%s", name);
		for (i = 0; path[i]; i++)
			if (path[i] == '.')
				path[i] = '/';
		/* Only what belongs to the namespace: nothing else is the lab's to change. */
		if (strncmp(path, "net/", 4) != 0 || strstr(path, "//"))
			return -ENOENT;
		return tw_net_setting_write(path, value);
	}
	for (i = 0; i < sizeof(place) / sizeof(place[0]) && code == -ENOENT; i++) {
		snprintf(path, PATH_BYTES, "%s/%s", place[i], name);
		code = tw_net_setting_write(path, value);
	}
	return code;
}

int tw_net_sysctl(struct tw_net *n, enum tw_host_id host, const char *name, const char *value,
		  struct tw_err *err)
{
	char path[PATH_BYTES] = "";
	int code = tw_net_enter(n, host), left;

	if (code)
		return tw_err_set(err, code, "there is no %s in this lab", tw_net_host_name(host));
	code = write_named(path, name, value);
	left = tw_net_leave(n);
	/* An older kernel has no such setting, and does what is asked for. */
	if (code == -ENOENT && tw_setting_is_older(name, value))
		return left ? tw_err_set(err, left, "cannot set %s: %s", name, strerror(-left)) : 0;
	if (code)
		return explain(err, code, host, code == -ENOENT ? name : path, value);
	if (!left)
		left = remember(n, host, path, value);
	return left ? tw_err_set(err, left, "cannot set %s: %s", name, strerror(-left)) : 0;
}
