/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: interfaces with what matters to TCP (MTU, reverse path filter, default routes), and this host's
 * addresses. sysfs shows the namespace that it was mounted in; so names, addresses and MTU are asked of
 * the kernel (getifaddrs(3), SIOCGIFMTU), and /proc is of the namespace that asks.
 *
 * Limits: default routes of the main table only, IPv4 only (IPv6 has no rp_filter setting); policy
 * routing is not looked at.
 */
#include "host/host_private.h"
#include "packet/tuple.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct tw_link *find(struct tw_host *h, const char *name)
{
	unsigned i;

	for (i = 0; i < h->links; i++)
		if (strcmp(h->link[i].name, name) == 0)
			return &h->link[i];
	return NULL;
}

static unsigned mtu_of(int fd, const char *name)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return fd < 0 || ioctl(fd, SIOCGIFMTU, &r) || r.ifr_mtu < 0 ? 0 : (unsigned)r.ifr_mtu;
}

static int64_t rp_filter_of(const struct tw_host *h, const char *proc, const char *name)
{
	char path[96];
	long long own = -1;
	const int64_t all = tw_host_knob(h, TW_KNOB_RP_FILTER_ALL, -1);
	FILE *f;

	snprintf(path, sizeof(path), "sys/net/ipv4/conf/%s/rp_filter", name);
	f = tw_host_open(proc, path);
	if (f && fscanf(f, "%9lld", &own) != 1)
		own = -1;
	if (f)
		fclose(f);
	return own < 0 ? -1 : own > all ? own : all;
}

static void take_address(struct tw_host *h, const struct sockaddr *a)
{
	struct tw_addr *out = &h->address[h->addresses];

	if (h->addresses == TW_ADDRESSES_MAX)
		return;
	if (a->sa_family == AF_INET6)
		*out = tw_addr_from_v6(&((const struct sockaddr_in6 *)a)->sin6_addr);
	else if (a->sa_family == AF_INET)
		*out = tw_addr_from_v4(&((const struct sockaddr_in *)a)->sin_addr);
	else
		return;
	h->addresses++;
}

static void read_default_routes(struct tw_host *h, const char *proc)
{
	FILE *f = tw_host_open(proc, "net/route");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		char name[16];
		unsigned destination, flags, mask;
		struct tw_link *l;

		/* Iface Destination Gateway Flags RefCnt Use Metric Mask ... */
		if (sscanf(line, "%15s %8x %*x %8x %*d %*d %*d %8x", name, &destination, &flags,
			   &mask) != 4 ||
		    destination || mask || !(flags & RTF_UP) || (flags & RTF_REJECT))
			continue;
		l = find(h, name);
		if (l)
			l->default_routes++;
	}
	if (f)
		fclose(f);
}

void tw_host_read_links(struct tw_host *h, const char *proc)
{
	struct ifaddrs *all, *a;
	int fd;

	if (getifaddrs(&all)) {
		tw_host_unread(h, "interfaces", "the kernel does not list them: %s",
			       strerror(errno));
		return;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (a = all; a; a = a->ifa_next) {
		if (a->ifa_addr)
			take_address(h, a->ifa_addr);
		if (find(h, a->ifa_name) || h->links == TW_LINKS_MAX ||
		    strlen(a->ifa_name) >= sizeof(h->link[0].name))
			continue;
		h->link[h->links] = (struct tw_link){
			.mtu = mtu_of(fd, a->ifa_name),
			.rp_filter = rp_filter_of(h, proc, a->ifa_name),
			.up = a->ifa_flags & IFF_UP,
			.loopback = a->ifa_flags & IFF_LOOPBACK,
		};
		memcpy(h->link[h->links].name, a->ifa_name, strlen(a->ifa_name));
		h->links++;
	}
	if (fd >= 0)
		close(fd);
	freeifaddrs(all);
	read_default_routes(h, proc);
	h->parts |= TW_HOST_LINKS;
}

bool tw_host_is_own(const struct tw_host *h, const struct tw_addr *address)
{
	static const struct tw_addr loopback6 = { .b = { [15] = 1 } };
	unsigned i;

	if (tw_addr_is_v4(address) ? address->b[12] == 127 : tw_addr_equal(address, &loopback6))
		return true;
	for (i = 0; i < h->addresses; i++)
		if (tw_addr_equal(&h->address[i], address))
			return true;
	return false;
}
