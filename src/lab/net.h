/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_NET_H
#define TW_LAB_NET_H

#include "base/err.h"
#include "packet/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the client finds the server behind a translating cable (cable.h, tw_cable_nat()). */
#define TW_NET_VIRTUAL_V4 "192.0.2.100"
#define TW_NET_VIRTUAL_V6 "2001:db8::100"

/*
 * The hosts of a scenario: network namespaces with a veth each, whose other ends stay in the
 * caller's namespace ("home") for the cable.
 *
 *	lan:     client eth0 ==[ link 0 ]== eth0 server
 *	router:  client eth0 ==[ link 0 ]== eth0 router eth1 ==[ link 1 ]== eth0 server
 *
 *	            address (lan)            behind the router
 *	client      192.0.2.1, 2001:db8::1   the same
 *	  gateway                            192.0.2.254, 2001:db8::fe
 *	server      192.0.2.2, 2001:db8::2   198.51.100.2, 2001:db8:1::2
 *	  gateway                            198.51.100.254, 2001:db8:1::fe
 *
 * Offloads are off on every veth end, so frames carry the checksums and sizes of a wire. IPv6 is
 * ready at once (no DAD), nothing but TCP's own and neighbour traffic is sent (no router
 * solicitations, no MLD where it can be avoided). Each host keeps its MAC address over a reboot.
 *
 * The caller must own its network namespace (CAP_NET_ADMIN in it): the lab unshares one per
 * scenario. When the caller's process dies, the namespaces die with it.
 */
enum tw_host_id {
	TW_HOST_CLIENT, /* = TW_CLIENT */
	TW_HOST_SERVER, /* = TW_SERVER */
	TW_HOST_ROUTER,
	TW_HOST__N
};

struct tw_net;

struct tw_net_config {
	bool router;
	unsigned mtu;        /* of every link, 0 = 1500 */
	unsigned server_mtu; /* of the router's and server's ends of link 1 alone, 0 = as @mtu */
	bool v4_alone;       /* nobody will use IPv6: do not wait until its addresses are usable */
};

int tw_net_new(struct tw_net **out, const struct tw_net_config *config, struct tw_err *err);
void tw_net_free(struct tw_net *n); /* NULL is fine */

unsigned tw_net_links(const struct tw_net *n); /* 1, or 2 with a router */
/* The cable's interface (index in the home namespace) at @end (0: towards the client) of @link. */
int tw_net_port(const struct tw_net *n, unsigned link, unsigned end);

/* "192.0.2.2" or "2001:db8::2"; static. */
const char *tw_net_address(const struct tw_net *n, enum tw_host_id host, bool v6);

/*
 * The same before there is a network, and for an address (IPv4 is v4-mapped): is it the router's?
 */
const char *tw_net_plan_address(bool router, enum tw_host_id host, bool v6);
bool tw_net_plan_is_router(const struct tw_addr *address);
/* False on a kernel without IPv6: then the IPv6 addresses are not there. */
bool tw_net_has_v6(const struct tw_net *n);
/*
 * The network namespaces that a host has had, one for each of its lives, as stat(2) of
 * /proc/PID/ns/net numbers them. Returns how many; *@inodes is valid until the next rebuild.
 */
unsigned tw_net_namespaces(const struct tw_net *n, enum tw_host_id host, const uint64_t **inodes);
/* The fixed MAC address of a host's card; it needs no network. */
void tw_net_mac(enum tw_host_id host, unsigned eth, uint8_t out[6]);

/*
 * Move the calling thread into a host's namespace, and back home. Sockets that it opens meanwhile
 * belong to the host for good. -ENODEV if the host is removed.
 */
int tw_net_enter(struct tw_net *n, enum tw_host_id host);
int tw_net_leave(struct tw_net *n);

/*
 * Set "net.ipv4.tcp_syn_retries" (or the last part alone: "tcp_syn_retries") in a host. The
 * sentence in @err names the setting and, where rights are what is missing, says so. -ENOENT:
 * hosts have no such setting (some exist only for the whole machine). A rebuilt host gets its
 * settings again.
 */
int tw_net_sysctl(struct tw_net *n, enum tw_host_id host, const char *name, const char *value,
		  struct tw_err *err);

/*
 * What a host knows of its next hop's MAC address (and, the client, of the virtual address). At
 * first: reachable, everywhere, so that neither ARP nor neighbour discovery delays a scenario's
 * beginning.
 */
enum tw_neighbour {
	TW_NEIGHBOUR_NONE,      /* forgotten: the next packet asks by ARP or ND */
	TW_NEIGHBOUR_STALE,     /* known, to be confirmed */
	TW_NEIGHBOUR_REACHABLE, /* known and fresh, as after traffic a moment ago */
	TW_NEIGHBOUR_PERMANENT, /* known for ever: a dead host is never noticed by ARP */
};
int tw_net_neighbour(struct tw_net *n, enum tw_host_id host, enum tw_neighbour state,
		     struct tw_err *err);

/*
 * The host's death: its namespace is given up, with its interface, without a packet (the caller
 * has cut the cable before). Remove first, kill its processes then: what their kernel still wants
 * to send (a FIN or RST of a killed process) has no card to leave by, and no capture shows it.
 * The namespace is gone when the last process or socket in it is. The cable's ports go with the
 * veth: tw_net_port() changes with the rebuild, a fresh host with the same addresses, without any
 * connection.
 */
void tw_net_remove(struct tw_net *n, enum tw_host_id host);
int tw_net_rebuild(struct tw_net *n, enum tw_host_id host, struct tw_err *err);

/* A TCP socket of a host as its kernel shows it (sock_diag), TIME_WAIT and SYN_RECV included. */
struct tw_net_socket {
	uint8_t state; /* TCP_ESTABLISHED ... of <netinet/tcp.h>; 12 = NEW_SYN_RECV */
	uint16_t local_port, remote_port;
	/* Bytes unread, bytes unacknowledged. Of a listener: connections that wait, backlog. */
	uint32_t receive_queue, send_queue;
};
/* All TCP sockets of a host into @out; returns how many (at most @max), or a negative errno. */
int tw_net_sockets(struct tw_net *n, enum tw_host_id host, struct tw_net_socket *out, unsigned max);
/*
 * `ss -K`: destroy the connections that have this local port (a listener on it stays). Returns
 * how many, or a negative errno: -EOPNOTSUPP if the kernel was built without it
 * (CONFIG_INET_DIAG_DESTROY).
 */
int tw_net_destroy(struct tw_net *n, enum tw_host_id host, uint16_t local_port);
/* The same for the one connection with these two ports. */
int tw_net_destroy_connection(struct tw_net *n, enum tw_host_id host, uint16_t local_port,
			      uint16_t remote_port);

#endif
