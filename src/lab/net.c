/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the hosts of a scenario, from their making to their death.
 *
 * A host is a network namespace that has no name: the calling thread unshares one, keeps a file
 * descriptor on it and goes home again. What holds it are this descriptor, the netlink sockets
 * opened inside, and the processes that the caller puts there; with them it goes, however the
 * caller ends.
 *
 *	home: link0a ==veth== eth0 of the client      the cable reads and writes link0a, link0b ...
 *	      link0b ==veth== eth0 of the server
 *
 * Limits: a thread that cannot go home again (setns(2) fails, which needs a right taken away in
 * between) is told so, and should end.
 */
#include "lab/net.h"

#include "lab/net_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MTU_MIN 1280 /* IPv6 needs as much (RFC 8200 s5) */
#define MTU_MAX 65535

static int open_here(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int rights(struct tw_err *err, int code, const char *what)
{
	if (code == -EPERM || code == -EACCES)
		return tw_err_set(err, code,
				  "%s: the right is missing; it takes root, or a kernel that lets "
				  "ordinary users make user namespaces",
				  what);
	return tw_err_set(err, code, "%s: %s", what, strerror(-code));
}

bool tw_net_has_v6(const struct tw_net *n)
{
	return n->v6;
}

unsigned tw_net_namespaces(const struct tw_net *n, enum tw_host_id host, const uint64_t **inodes)
{
	*inodes = n->lives[host];
	return n->life_count[host];
}

static int note_life(struct tw_net *n, enum tw_host_id id, struct tw_err *err)
{
	uint64_t *lives = reallocarray(n->lives[id], n->life_count[id] + 1, sizeof(*lives));
	struct stat s;

	if (!lives)
		return tw_err_set(err, -ENOMEM, "out of memory");
	n->lives[id] = lives;
	if (fstat(n->host[id].ns, &s))
		return tw_err_set(err, -errno, "cannot look at the namespace of a host: %s",
				  strerror(errno));
	lives[n->life_count[id]++] = s.st_ino;
	return 0;
}

int tw_net_enter(struct tw_net *n, enum tw_host_id host)
{
	if ((unsigned)host >= TW_HOST__N || !n->host[host].alive)
		return -ENODEV;
	return setns(n->host[host].ns, CLONE_NEWNET) ? -errno : 0;
}

int tw_net_leave(struct tw_net *n)
{
	return setns(n->home, CLONE_NEWNET) ? -errno : 0;
}

/* Inside the new namespace: what has to be opened and set there before there are cards. */
static int settle(struct tw_net *n, enum tw_host_id id, struct tw_err *err)
{
	struct tw_net_host *host = &n->host[id];
	int loopback;

	host->ns = open_here();
	if (host->ns < 0)
		return rights(err, -errno, "cannot open the namespace of a host");
	host->alive = true;
	if (note_life(n, id, err))
		return err ? err->code : -EIO;
	host->rtnl = tw_net_rtnl_open(err);
	if (!host->rtnl)
		return err ? err->code : -EIO;
	host->diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (host->diag < 0)
		return tw_err_set(err, -errno, "cannot open a sock_diag socket: %s",
				  strerror(errno));
	loopback = (int)if_nametoindex("lo");
	if (loopback && tw_net_link_up(host->rtnl, loopback, err))
		return err ? err->code : -EIO;
	return tw_net_settings_base(n, id, err);
}

static int new_namespace(struct tw_net *n, enum tw_host_id id, struct tw_err *err)
{
	int code, left;

	/*
	 * A connection table of the host's own (Linux 6.1 and newer), and a small one: to list a host's
	 * sockets the kernel walks the whole table, and the machine's has 2^18 chains.
	 */
	tw_net_setting_write("net/ipv4/tcp_child_ehash_entries", "1024");
	if (unshare(CLONE_NEWNET))
		return rights(err, -errno, "cannot make a network namespace for a host");
	code = settle(n, id, err);
	left = tw_net_leave(n);
	return code || !left ? code : rights(err, left, "cannot go back to the home namespace");
}

/* The cable's side: no offloads, no IPv6; ARP is off by its flag. */
static int prepare_port(const struct tw_net *n, const struct tw_net_nic *nic, struct tw_err *err)
{
	char name[IFNAMSIZ], path[64];
	int code;

	if (!if_indextoname((unsigned)n->port[nic->link][nic->end], name))
		return tw_err_set(err, -errno, "a port of the cable is gone: %s", strerror(errno));
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6", name);
	code = tw_net_setting_write(path, "1");
	if (code && code != -ENOENT)
		return tw_err_set(err, code, "cannot set %s: %s", path, strerror(-code));
	return tw_net_offloads_off(name, err);
}

/* The host's side, from inside. */
static int prepare_card(struct tw_net *n, const struct tw_net_nic *nic, struct tw_err *err)
{
	char name[IFNAMSIZ];
	int code = tw_net_enter(n, nic->host), left;

	if (code)
		return rights(err, code, "cannot enter the namespace of a host");
	snprintf(name, sizeof(name), "eth%u", nic->eth);
	code = tw_net_settings_nic(n, name, err);
	if (!code)
		code = tw_net_offloads_off(name, err);
	left = tw_net_leave(n);
	return code || !left ? code : rights(err, left, "cannot go back to the home namespace");
}

static int build_card(struct tw_net *n, const struct tw_net_nic *nic, struct tw_err *err)
{
	struct nl_sock *inside = n->host[nic->host].rtnl;
	int code = tw_net_link_new(n, nic, err);

	if (!code)
		code = prepare_port(n, nic, err);
	if (!code)
		code = prepare_card(n, nic, err);
	if (!code)
		code = tw_net_link_up(n->rtnl, n->port[nic->link][nic->end], err);
	if (!code)
		code = tw_net_link_up(inside, n->host[nic->host].index[nic->eth], err);
	if (!code)
		code = tw_net_link_wait(n->rtnl, n->port[nic->link][nic->end], err);
	if (!code)
		code = tw_net_link_wait(inside, n->host[nic->host].index[nic->eth], err);
	if (!code)
		code = tw_net_link_addresses(n, nic, err);
	if (!code)
		code = tw_net_link_neighbours(n, nic, TW_NEIGHBOUR_REACHABLE, err);
	return code;
}

static int repeat_settings(struct tw_net *n, enum tw_host_id host, struct tw_err *err)
{
	int code = tw_net_enter(n, host), left;

	if (code)
		return rights(err, code, "cannot enter the namespace of a host");
	code = tw_net_settings_repeat(n, host, err);
	left = tw_net_leave(n);
	return code || !left ? code : rights(err, left, "cannot go back to the home namespace");
}

int tw_net_rebuild(struct tw_net *n, enum tw_host_id host, struct tw_err *err)
{
	unsigned count, i;
	const struct tw_net_nic *plan = tw_net_plan(n, &count);
	int code;

	if ((unsigned)host >= TW_HOST__N || (host == TW_HOST_ROUTER && !n->config.router))
		return tw_err_set(err, -ENODEV, "there is no such host in this lab");
	tw_net_remove(n, host);
	code = new_namespace(n, host, err);
	for (i = 0; i < count && !code; i++)
		if (plan[i].host == host)
			code = build_card(n, &plan[i], err);
	if (!code)
		code = repeat_settings(n, host, err);
	if (code)
		tw_net_remove(n, host);
	return code;
}

void tw_net_remove(struct tw_net *n, enum tw_host_id host)
{
	unsigned count, i;
	const struct tw_net_nic *plan = tw_net_plan(n, &count);
	struct tw_net_host *h;

	if ((unsigned)host >= TW_HOST__N)
		return;
	h = &n->host[host];
	/* The cards first: whatever the kernel does with what is left in there stays in there. */
	for (i = 0; i < count; i++)
		if (plan[i].host == host)
			tw_net_link_remove(n, &plan[i]);
	tw_net_rtnl_close(h->rtnl);
	if (h->diag >= 0)
		close(h->diag);
	if (h->ns >= 0)
		close(h->ns);
	*h = (struct tw_net_host){ .ns = -1, .diag = -1 };
}

static int build(struct tw_net *n, struct tw_err *err)
{
	static const enum tw_host_id order[] = { TW_HOST_ROUTER, TW_HOST_CLIENT, TW_HOST_SERVER };
	unsigned i;

	n->home = open_here();
	if (n->home < 0)
		return rights(err, -errno, "cannot open /proc/thread-self/ns/net");
	n->v6 = !access("/proc/sys/net/ipv6", F_OK);
	n->rtnl = tw_net_rtnl_open(err);
	if (!n->rtnl)
		return err ? err->code : -EIO;
	for (i = n->config.router ? 0 : 1; i < sizeof(order) / sizeof(order[0]); i++) {
		int code = tw_net_rebuild(n, order[i], err);

		if (code)
			return code;
	}
	return 0;
}

int tw_net_new(struct tw_net **out, const struct tw_net_config *config, struct tw_err *err)
{
	struct tw_err local = { 0 };
	struct tw_net *n = calloc(1, sizeof(*n));
	unsigned i;
	int code;

	if (!n)
		return tw_err_set(err, -ENOMEM, "out of memory");
	n->config = *config;
	n->home = -1;
	if (!n->config.mtu)
		n->config.mtu = 1500;
	if (!n->config.server_mtu)
		n->config.server_mtu = n->config.mtu;
	for (i = 0; i < TW_HOST__N; i++)
		n->host[i] = (struct tw_net_host){ .ns = -1, .diag = -1 };
	if (n->config.mtu < MTU_MIN || n->config.mtu > MTU_MAX || n->config.server_mtu < MTU_MIN ||
	    n->config.server_mtu > MTU_MAX)
		code = tw_err_set(&local, -EINVAL, "the MTU must be %d to %d", MTU_MIN, MTU_MAX);
	else
		code = build(n, &local);
	if (code) {
		if (err)
			*err = local;
		tw_net_free(n);
		return code;
	}
	*out = n;
	return 0;
}

void tw_net_free(struct tw_net *n)
{
	unsigned i;

	if (!n)
		return;
	for (i = 0; i < TW_HOST__N; i++) {
		tw_net_remove(n, (enum tw_host_id)i);
		free(n->lives[i]);
	}
	for (i = 0; i < n->setting_count; i++) {
		free(n->settings[i].path);
		free(n->settings[i].value);
	}
	free(n->settings);
	tw_net_rtnl_close(n->rtnl);
	if (n->home >= 0)
		close(n->home);
	free(n);
}

int tw_net_neighbour(struct tw_net *n, enum tw_host_id host, enum tw_neighbour state,
		     struct tw_err *err)
{
	unsigned count, i;
	const struct tw_net_nic *plan = tw_net_plan(n, &count);
	int code = 0;

	if ((unsigned)host >= TW_HOST__N || !n->host[host].alive)
		return tw_err_set(err, -ENODEV, "there is no such host in this lab");
	for (i = 0; i < count && !code; i++)
		if (plan[i].host == host)
			code = tw_net_link_neighbours(n, &plan[i], state, err);
	return code;
}
