/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_NET_PRIVATE_H
#define TW_LAB_NET_PRIVATE_H

#include "lab/net.h"

#include <net/if.h>
#include <stddef.h>

/*
 * What the files of the hosts share: net.c (their lives), net_plan.c (who has which address),
 * net_link.c (links, addresses, routes, neighbours), net_sysctl.c (settings), net_diag.c (sockets).
 */
struct nl_sock;

/* One network card of a host, as the plan has it. Texts are static; gateways may be NULL. */
struct tw_net_nic {
	enum tw_host_id host;
	unsigned eth;                        /* eth0, eth1 */
	unsigned link, end;                  /* where the cable has its other side */
	const char *v4, *v6, *v6_link_local; /* without prefix lengths: 24, 64, 64 */
	const char *gateway_v4, *gateway_v6;
};

struct tw_net_setting {
	enum tw_host_id host;
	char *path, *value; /* path below /proc/sys */
};

struct tw_net_host {
	bool alive;
	int ns;               /* its network namespace */
	struct nl_sock *rtnl; /* opened inside */
	int diag;             /* NETLINK_SOCK_DIAG, opened inside */
	int index[2];         /* of eth0, eth1 in the host */
};

struct tw_net {
	struct tw_net_config config;
	bool v6; /* the kernel has IPv6 */
	int home;
	struct nl_sock *rtnl; /* of the home namespace */
	int port[2][2];       /* [link][end], 0 = none */
	struct tw_net_host host[TW_HOST__N];
	uint64_t *lives[TW_HOST__N]; /* the namespaces that each has had */
	unsigned life_count[TW_HOST__N];
	struct tw_net_setting *settings; /* repeated after a rebuild */
	unsigned setting_count;
	uint32_t diag_sequence;
};

/* The cards of the topology. */
const struct tw_net_nic *tw_net_plan(const struct tw_net *n, unsigned *count);
/* The card at the other side of @nic's link. */
const struct tw_net_nic *tw_net_plan_peer(const struct tw_net *n, const struct tw_net_nic *nic);
const char *tw_net_host_name(enum tw_host_id host);

/* A netlink socket of the namespace in which the thread is; NULL with a sentence in @err. */
struct nl_sock *tw_net_rtnl_open(struct tw_err *err);
void tw_net_rtnl_close(struct nl_sock *sock);
/* Make a card and the cable's port to it; both are down then. */
int tw_net_link_new(struct tw_net *n, const struct tw_net_nic *nic, struct tw_err *err);
/* Remove a card by its port: at once, without a packet. */
void tw_net_link_remove(struct tw_net *n, const struct tw_net_nic *nic);
/* Set an interface of @sock's namespace up. */
int tw_net_link_up(struct nl_sock *sock, int index, struct tw_err *err);
/* Wait until what is sent on it is no longer dropped for want of a carrier. */
int tw_net_link_wait(struct nl_sock *sock, int index, struct tw_err *err);
/* Addresses and routes of a card that is up. */
int tw_net_link_addresses(struct tw_net *n, const struct tw_net_nic *nic, struct tw_err *err);
/* What @nic's host knows of the MAC addresses at the other side of this link. */
int tw_net_link_neighbours(struct tw_net *n, const struct tw_net_nic *nic, enum tw_neighbour state,
			   struct tw_err *err);
/* Every offload of the named interface off; in the thread's namespace. */
int tw_net_offloads_off(const char *name, struct tw_err *err);

/* Write a setting below /proc/sys of the thread's namespace. 0 or -errno. */
int tw_net_setting_write(const char *path, const char *value);
/* What every host gets before its cards come up; the thread is inside. */
int tw_net_settings_base(const struct tw_net *n, enum tw_host_id host, struct tw_err *err);
/* What each card of a host gets before it comes up; the thread is inside. */
int tw_net_settings_nic(const struct tw_net *n, const char *name, struct tw_err *err);
/* What was set by tw_net_sysctl() before, again; the thread is inside. */
int tw_net_settings_repeat(const struct tw_net *n, enum tw_host_id host, struct tw_err *err);

#endif
