/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the lab's links as the kernel has them: veth pairs between the home namespace and a host,
 * their offloads, addresses, routes and neighbour entries.
 *
 * A veth end that came up first has no carrier until the other is up, and then sends nothing
 * until the kernel's link watch has run (dev_activate()): what is sent meanwhile is lost without
 * a word. So nothing is said to be ready before both ends show IFF_RUNNING, and neighbour entries
 * come after that (losing the carrier flushes them).
 *
 * The port, the home end, has no address, no ARP and no IPv6: the home namespace never answers.
 */
#include "lab/net_private.h"

#include "base/clock.h"
#include "base/duration.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Work queues of the kernel do it, all of them with one lock (RTNL): many labs at once let it wait. */
#define READY_S       100
#define READY_WAIT_NS (READY_S * TW_NS_PER_S)

/* The system's error behind one of libnl, as a negative errno. */
static int nl_code(int nl_error)
{
	switch (-nl_error) {
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_INVAL:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int nl_fail(struct tw_err *err, int nl_error, const char *what, const char *which)
{
	return tw_err_set(err, nl_code(nl_error), "the lab cannot %s %s: %s", what, which,
			  nl_geterror(nl_error));
}

struct nl_sock *tw_net_rtnl_open(struct tw_err *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	int error;

	if (!sock) {
		tw_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	error = nl_connect(sock, NETLINK_ROUTE);
	if (error < 0) {
		nl_socket_free(sock);
		nl_fail(err, error, "open", "a netlink socket");
		return NULL;
	}
	return sock;
}

void tw_net_rtnl_close(struct nl_sock *sock)
{
	if (sock)
		nl_socket_free(sock);
}

static void set_mac(struct rtnl_link *link, const uint8_t mac[6])
{
	struct nl_addr *address = nl_addr_build(AF_LLC, mac, 6);

	if (!address)
		return;
	rtnl_link_set_addr(link, address);
	nl_addr_put(address);
}

static unsigned nic_mtu(const struct tw_net *n, const struct tw_net_nic *nic)
{
	return nic->link == 1 ? n->config.server_mtu : n->config.mtu;
}

static void port_name(char out[IFNAMSIZ], const struct tw_net_nic *nic)
{
	snprintf(out, IFNAMSIZ, "link%u%c", nic->link, nic->end ? 'b' : 'a');
}

/* The pair: the port here and down, its peer in the host as ethN. */
static int add_pair(struct tw_net *n, const struct tw_net_nic *nic, const char *port)
{
	struct rtnl_link *link = rtnl_link_veth_alloc(), *peer;
	const uint8_t port_mac[6] = { 0x02, 0, 0, 0xff, (uint8_t)nic->link, (uint8_t)nic->end };
	char eth[IFNAMSIZ];
	uint8_t mac[6];
	int error;

	if (!link)
		return -NLE_NOMEM;
	snprintf(eth, sizeof(eth), "eth%u", nic->eth);
	tw_net_mac(nic->host, nic->eth, mac);
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, port);
	rtnl_link_set_mtu(link, nic_mtu(n, nic));
	set_mac(link, port_mac);
	rtnl_link_set_name(peer, eth);
	rtnl_link_set_mtu(peer, nic_mtu(n, nic));
	rtnl_link_set_ns_fd(peer, n->host[nic->host].ns);
	set_mac(peer, mac);
	error = rtnl_link_add(n->rtnl, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_put(link);
	return error;
}

/* The index of an interface by name, in @sock's namespace; 0 if there is none. */
static int index_of(struct nl_sock *sock, const char *name)
{
	struct rtnl_link *link = NULL;
	int index;

	if (rtnl_link_get_kernel(sock, 0, name, &link) < 0)
		return 0;
	index = rtnl_link_get_ifindex(link);
	rtnl_link_put(link);
	return index;
}

int tw_net_link_new(struct tw_net *n, const struct tw_net_nic *nic, struct tw_err *err)
{
	struct tw_net_host *host = &n->host[nic->host];
	char port[IFNAMSIZ], eth[IFNAMSIZ];
	int error;

	port_name(port, nic);
	snprintf(eth, sizeof(eth), "eth%u", nic->eth);
	error = add_pair(n, nic, port);
	if (error < 0)
		return nl_fail(err, error, "make", "a veth pair");
	n->port[nic->link][nic->end] = index_of(n->rtnl, port);
	host->index[nic->eth] = index_of(host->rtnl, eth);
	if (!n->port[nic->link][nic->end] || !host->index[nic->eth])
		return tw_err_set(err, -ENODEV, "the lab's veth pair %s is not where it was made",
				  port);
	return 0;
}

void tw_net_link_remove(struct tw_net *n, const struct tw_net_nic *nic)
{
	struct rtnl_link *link;

	if (!n->port[nic->link][nic->end] || !n->rtnl)
		return;
	link = rtnl_link_alloc();
	if (!link)
		return;
	rtnl_link_set_ifindex(link, n->port[nic->link][nic->end]);
	rtnl_link_delete(n->rtnl, link);
	rtnl_link_put(link);
	n->port[nic->link][nic->end] = 0;
	n->host[nic->host].index[nic->eth] = 0;
}

int tw_net_link_up(struct nl_sock *sock, int index, struct tw_err *err)
{
	struct rtnl_link *link = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int error = -NLE_NOMEM;

	if (link && change) {
		rtnl_link_set_ifindex(link, index);
		rtnl_link_set_flags(change, IFF_UP);
		error = rtnl_link_change(sock, link, change, 0);
	}
	if (link)
		rtnl_link_put(link);
	if (change)
		rtnl_link_put(change);
	return error < 0 ? nl_fail(err, error, "set up", "an interface") : 0;
}

int tw_net_link_wait(struct nl_sock *sock, int index, struct tw_err *err)
{
	const struct timespec moment = { .tv_nsec = TW_NS_PER_MS };
	int64_t deadline = tw_clock_ns(CLOCK_MONOTONIC) + READY_WAIT_NS;

	for (;;) {
		struct rtnl_link *link = NULL;
		int error = rtnl_link_get_kernel(sock, index, NULL, &link);
		unsigned flags;

		if (error < 0)
			return nl_fail(err, error, "ask for the state of", "an interface");
		flags = rtnl_link_get_flags(link);
		rtnl_link_put(link);
		if (flags & IFF_RUNNING)
			return 0;
		if (tw_clock_ns(CLOCK_MONOTONIC) > deadline)
			return tw_err_set(err, -ETIMEDOUT,
					  "a link of the lab has no carrier after %d seconds",
					  READY_S);
		nanosleep(&moment, NULL);
	}
}

static int add_address(struct nl_sock *sock, int index, const char *text, int family)
{
	struct rtnl_addr *address = rtnl_addr_alloc();
	struct nl_addr *local = NULL;
	int error = -NLE_NOMEM;

	if (address)
		error = nl_addr_parse(text, family, &local);
	if (address && !error) {
		nl_addr_set_prefixlen(local, family == AF_INET ? 24 : 64);
		rtnl_addr_set_ifindex(address, index);
		rtnl_addr_set_local(address, local);
		if (family == AF_INET6)
			rtnl_addr_set_flags(address, IFA_F_NODAD);
		error = rtnl_addr_add(sock, address, 0);
	}
	if (local)
		nl_addr_put(local);
	if (address)
		rtnl_addr_put(address);
	return error;
}

/*
 * The kernel takes an IPv6 address for its own only when addrconf's work queue has put in the local route
 * (addrconf_dad_work(), even where there is no DAD): a SYN that comes earlier is dropped without a word.
 * The link-local address was queued before.
 */
static int wait_for_own_address(struct nl_sock *sock, const char *text, struct tw_err *err)
{
	const struct timespec moment = { .tv_nsec = TW_NS_PER_MS };
	int64_t deadline = tw_clock_ns(CLOCK_MONOTONIC) + READY_WAIT_NS;
	struct nl_addr *own = NULL;
	int error = nl_addr_parse(text, AF_INET6, &own);
	bool local = false;

	if (error < 0)
		return nl_fail(err, error, "read the address", text);
	nl_addr_set_prefixlen(own, 128);
	for (;;) {
		struct rtnl_route *route = NULL;

		if (rtnl_route_lookup(sock, own, &route) >= 0) {
			local = rtnl_route_get_type(route) == RTN_LOCAL;
			rtnl_route_put(route);
		}
		if (local || tw_clock_ns(CLOCK_MONOTONIC) > deadline)
			break;
		nanosleep(&moment, NULL);
	}
	nl_addr_put(own);
	return local ? 0
		     : tw_err_set(err, -ETIMEDOUT,
				  "the address %s of the lab is not ready after %d seconds", text,
				  READY_S);
}

static int add_default_route(struct nl_sock *sock, int index, const char *gateway, int family)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *dst = NULL, *via = NULL;
	int error = -NLE_NOMEM;

	if (route && hop)
		error = nl_addr_parse("default", family, &dst);
	if (!error)
		error = nl_addr_parse(gateway, family, &via);
	if (!error) {
		rtnl_route_set_dst(route, dst);
		rtnl_route_nh_set_ifindex(hop, index);
		rtnl_route_nh_set_gateway(hop, via);
		rtnl_route_add_nexthop(route, hop);
		hop = NULL;
		error = rtnl_route_add(sock, route, 0);
	}
	if (via)
		nl_addr_put(via);
	if (dst)
		nl_addr_put(dst);
	if (hop)
		rtnl_route_nh_free(hop);
	if (route)
		rtnl_route_put(route);
	return error;
}

int tw_net_link_addresses(struct tw_net *n, const struct tw_net_nic *nic, struct tw_err *err)
{
	struct nl_sock *sock = n->host[nic->host].rtnl;
	int index = n->host[nic->host].index[nic->eth], error;

	error = add_address(sock, index, nic->v4, AF_INET);
	if (error < 0)
		return nl_fail(err, error, "set the address", nic->v4);
	if (nic->gateway_v4) {
		error = add_default_route(sock, index, nic->gateway_v4, AF_INET);
		if (error < 0)
			return nl_fail(err, error, "set the route by", nic->gateway_v4);
	}
	if (!n->v6)
		return 0;
	error = add_address(sock, index, nic->v6_link_local, AF_INET6);
	if (error >= 0)
		error = add_address(sock, index, nic->v6, AF_INET6);
	if (error < 0)
		return nl_fail(err, error, "set the address", nic->v6);
	if (nic->gateway_v6) {
		error = add_default_route(sock, index, nic->gateway_v6, AF_INET6);
		if (error < 0)
			return nl_fail(err, error, "set the route by", nic->gateway_v6);
	}
	return n->config.v4_alone ? 0 : wait_for_own_address(sock, nic->v6, err);
}

static int nud_state(enum tw_neighbour state)
{
	switch (state) {
	case TW_NEIGHBOUR_STALE:
		return NUD_STALE;
	case TW_NEIGHBOUR_PERMANENT:
		return NUD_PERMANENT;
	case TW_NEIGHBOUR_REACHABLE:
	case TW_NEIGHBOUR_NONE:
	default:
		return NUD_REACHABLE;
	}
}

static int change_neighbour(struct nl_sock *sock, struct rtnl_neigh *entry, enum tw_neighbour state)
{
	int error;

	if (state != TW_NEIGHBOUR_NONE) {
		rtnl_neigh_set_state(entry, nud_state(state));
		return rtnl_neigh_add(sock, entry, NLM_F_CREATE | NLM_F_REPLACE);
	}
	error = rtnl_neigh_delete(sock, entry, 0);
	return error == -NLE_OBJ_NOTFOUND ? 0 : error;
}

static int set_neighbour(struct nl_sock *sock, int index, const char *text,
			 const struct tw_net_nic *owner, enum tw_neighbour state)
{
	struct rtnl_neigh *entry = rtnl_neigh_alloc();
	struct nl_addr *dst = NULL, *lladdr = NULL;
	uint8_t mac[6];
	int error = -NLE_NOMEM;

	tw_net_mac(owner->host, owner->eth, mac);
	if (entry)
		error = nl_addr_parse(text, strchr(text, ':') ? AF_INET6 : AF_INET, &dst);
	if (!error) {
		lladdr = nl_addr_build(AF_LLC, mac, sizeof(mac));
		error = lladdr ? 0 : -NLE_NOMEM;
	}
	if (!error) {
		rtnl_neigh_set_ifindex(entry, index);
		rtnl_neigh_set_dst(entry, dst);
		rtnl_neigh_set_lladdr(entry, lladdr);
		error = change_neighbour(sock, entry, state);
	}
	if (lladdr)
		nl_addr_put(lladdr);
	if (dst)
		nl_addr_put(dst);
	if (entry)
		rtnl_neigh_put(entry);
	return error;
}

int tw_net_link_neighbours(struct tw_net *n, const struct tw_net_nic *nic, enum tw_neighbour state,
			   struct tw_err *err)
{
	const struct tw_net_nic *peer = tw_net_plan_peer(n, nic);
	const char *text[] = { peer->v4, nic->link == 0 && nic->end == 0 ? TW_NET_VIRTUAL_V4 : NULL,
			       n->v6 ? peer->v6 : NULL,
			       n->v6 && nic->link == 0 && nic->end == 0 ? TW_NET_VIRTUAL_V6
									: NULL };
	unsigned i;

	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		int error = text[i] ? set_neighbour(n->host[nic->host].rtnl,
						    n->host[nic->host].index[nic->eth], text[i],
						    peer, state)
				    : 0;

		if (error < 0)
			return nl_fail(err, error, "set the neighbour entry for", text[i]);
	}
	return 0;
}

int tw_net_offloads_off(const char *name, struct tw_err *err)
{
	static const uint32_t command[] = { ETHTOOL_STSO,    ETHTOOL_SGSO,    ETHTOOL_SGRO,
					    ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM, ETHTOOL_SSG };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), code = 0;
	unsigned i;

	if (fd < 0)
		return tw_err_set(err, -errno, "cannot open a socket: %s", strerror(errno));
	for (i = 0; i < sizeof(command) / sizeof(command[0]) && !code; i++) {
		struct ethtool_value off = { .cmd = command[i], .data = 0 };
		struct ifreq request = { .ifr_data = (void *)&off };

		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
		if (ioctl(fd, SIOCETHTOOL, &request) < 0 && errno != EOPNOTSUPP)
			code = tw_err_set(err, -errno, "cannot switch the offloads of %s off: %s",
					  name, strerror(errno));
	}
	close(fd);
	return code;
}
