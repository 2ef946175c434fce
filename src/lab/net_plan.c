/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: who is where in the lab: cards, links, addresses (RFC 5737, RFC 3849: nobody's), MAC
 * addresses (locally administered, the host and the card are in them).
 *
 * The link-local addresses are given by hand: neighbour discovery probes from them, and generated
 * ones would have to wait for the kernel.
 */
#include "lab/net_private.h"

#include "lab/net.h"
#include "packet/tuple.h"

#include <string.h>

static const struct tw_net_nic plan_lan[] = {
	{ TW_HOST_CLIENT, 0, 0, 0, "192.0.2.1", "2001:db8::1", "fe80::1", NULL, NULL },
	{ TW_HOST_SERVER, 0, 0, 1, "192.0.2.2", "2001:db8::2", "fe80::2", NULL, NULL },
};

static const struct tw_net_nic plan_router[] = {
	{ TW_HOST_CLIENT, 0, 0, 0, "192.0.2.1", "2001:db8::1", "fe80::1", "192.0.2.254",
	  "2001:db8::fe" },
	{ TW_HOST_ROUTER, 0, 0, 1, "192.0.2.254", "2001:db8::fe", "fe80::fe", NULL, NULL },
	{ TW_HOST_ROUTER, 1, 1, 0, "198.51.100.254", "2001:db8:1::fe", "fe80::fe", NULL, NULL },
	{ TW_HOST_SERVER, 0, 1, 1, "198.51.100.2", "2001:db8:1::2", "fe80::2", "198.51.100.254",
	  "2001:db8:1::fe" },
};

const struct tw_net_nic *tw_net_plan(const struct tw_net *n, unsigned *count)
{
	if (n->config.router) {
		*count = sizeof(plan_router) / sizeof(plan_router[0]);
		return plan_router;
	}
	*count = sizeof(plan_lan) / sizeof(plan_lan[0]);
	return plan_lan;
}

const struct tw_net_nic *tw_net_plan_peer(const struct tw_net *n, const struct tw_net_nic *nic)
{
	unsigned count, i;
	const struct tw_net_nic *plan = tw_net_plan(n, &count);

	for (i = 0; i < count; i++)
		if (plan[i].link == nic->link && plan[i].end != nic->end)
			return &plan[i];
	return nic;
}

const char *tw_net_host_name(enum tw_host_id host)
{
	static const char *const name[TW_HOST__N] = { "client", "server", "router" };

	return name[host];
}

void tw_net_mac(enum tw_host_id host, unsigned eth, uint8_t out[6])
{
	const uint8_t mac[6] = { 0x02, 0, 0, 0, (uint8_t)(host + 1), (uint8_t)eth };

	memcpy(out, mac, sizeof(mac));
}

unsigned tw_net_links(const struct tw_net *n)
{
	return n->config.router ? 2 : 1;
}

int tw_net_port(const struct tw_net *n, unsigned link, unsigned end)
{
	return link < 2 && end < 2 ? n->port[link][end] : 0;
}

const char *tw_net_plan_address(bool router, enum tw_host_id host, bool v6)
{
	const struct tw_net n = { .config = { .router = router } };

	return tw_net_address(&n, host, v6);
}

static bool is_address(const struct tw_addr *address, const char *text, bool v6)
{
	struct tw_addr a;

	return tw_addr_parse(&a, text, v6) && tw_addr_equal(&a, address);
}

bool tw_net_plan_is_router(const struct tw_addr *address)
{
	unsigned i;

	for (i = 0; i < sizeof(plan_router) / sizeof(plan_router[0]); i++) {
		const struct tw_net_nic *nic = &plan_router[i];

		if (nic->host == TW_HOST_ROUTER &&
		    (is_address(address, nic->v4, false) || is_address(address, nic->v6, true) ||
		     is_address(address, nic->v6_link_local, true)))
			return true;
	}
	return false;
}

const char *tw_net_address(const struct tw_net *n, enum tw_host_id host, bool v6)
{
	unsigned count, i;
	const struct tw_net_nic *plan = tw_net_plan(n, &count);

	for (i = 0; i < count; i++)
		if (plan[i].host == host)
			return v6 ? plan[i].v6 : plan[i].v4;
	return "";
}
