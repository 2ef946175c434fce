/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: one end of a link: a packet socket on the home end of a veth pair.
 *
 * Frames are received in a ring that is shared with the kernel (packet(7), PACKET_RX_RING,
 * TPACKET_V2): its size does not depend on net.core.rmem_max, which an ordinary user cannot
 * raise, and the kernel puts the time of arrival beside each frame. A frame that the kernel could
 * not store would make the experiment a lie: it is always told as an error.
 *
 *	ring:  | KERNEL | USER | USER | KERNEL | ...     USER: ours to read, then given back
 *	                  ^ next
 */
#include "lab/cable_private.h"

#include "base/duration.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define RING_BYTES  (6u << 20) /* more frames than a full send buffer (tcp_wmem) makes at once */
#define BLOCK_BYTES (64u << 10)
#define SLOT_MIN    2048u
#define SLOT_EXTRA  256u /* the slot's header and the Ethernet header */
#define SLOTS_MIN   64u

static int fail(struct tw_err *err, const char *what)
{
	int code = -errno;

	if (code == -EPERM || code == -EACCES)
		return tw_err_set(err, code,
				  "the cable cannot %s: the right for packet sockets "
				  "(CAP_NET_RAW) is missing",
				  what);
	return tw_err_set(err, code, "the cable cannot %s: %s", what, strerror(-code));
}

/* How large a slot must be so that no frame of the interface is cut; 0: the interface is gone. */
static uint32_t slot_bytes(int fd, int index)
{
	struct ifreq request = { 0 };
	uint32_t slot = SLOT_MIN;

	if (!if_indextoname((unsigned)index, request.ifr_name) ||
	    ioctl(fd, SIOCGIFMTU, &request) < 0 || request.ifr_mtu < 0 || request.ifr_mtu > 65535)
		return 0;
	while (slot < (uint32_t)request.ifr_mtu + SLOT_EXTRA)
		slot *= 2;
	return slot;
}

static int make_ring(struct tw_cable_port *p, struct tw_err *err)
{
	struct tpacket_req ring;
	int version = TPACKET_V2;
	void *memory;

	p->slot_bytes = slot_bytes(p->fd, p->index);
	if (!p->slot_bytes)
		return tw_err_set(err, -ENODEV, "the cable's interface %d is not there", p->index);
	p->slots = RING_BYTES / p->slot_bytes;
	if (p->slots < SLOTS_MIN)
		p->slots = SLOTS_MIN;
	ring.tp_frame_size = p->slot_bytes;
	ring.tp_frame_nr = p->slots;
	ring.tp_block_size = p->slot_bytes > BLOCK_BYTES ? p->slot_bytes : BLOCK_BYTES;
	ring.tp_block_nr = p->slots / (ring.tp_block_size / ring.tp_frame_size);
	if (setsockopt(p->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(p->fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
		return fail(err, "make a receive ring");
	p->ring_bytes = (size_t)p->slots * p->slot_bytes;
	memory = mmap(NULL, p->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (memory == MAP_FAILED)
		return fail(err, "map a receive ring");
	p->ring = memory;
	return 0;
}

int tw_cable_port_open(struct tw_cable_port *p, int index, struct tw_err *err)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = index };
	int one = 1, code;

	*p = (struct tw_cable_port){ .fd = -1, .index = index };
	/* No protocol yet: nothing is received before the socket belongs to its interface. */
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return fail(err, "open a packet socket");
	if (setsockopt(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		code = fail(err, "ignore its own frames (Linux 4.20 is needed)");
	else
		code = make_ring(p, err);
	if (!code && bind(p->fd, (struct sockaddr *)&address, sizeof(address)))
		code = fail(err, "bind a packet socket");
	if (code)
		tw_cable_port_close(p);
	return code;
}

void tw_cable_port_close(struct tw_cable_port *p)
{
	if (p->ring)
		munmap(p->ring, p->ring_bytes);
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct tw_cable_port){ .fd = -1 };
}

static struct tpacket2_hdr *slot_header(const struct tw_cable_port *p)
{
	return (struct tpacket2_hdr *)(p->ring + (size_t)p->next * p->slot_bytes);
}

int tw_cable_port_check_losses(struct tw_cable_port *p, struct tw_err *err)
{
	struct tpacket_stats statistics = { 0 };
	socklen_t length = sizeof(statistics);

	if (p->fd < 0 || getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length))
		return 0;
	if (statistics.tp_drops)
		return tw_err_set(err, -ENOBUFS,
				  "the cable lost %u frames: the machine is too busy for it to "
				  "keep up",
				  statistics.tp_drops);
	return 0;
}

int tw_cable_port_next(struct tw_cable_port *p, struct tw_cable_arrival *out, struct tw_err *err)
{
	struct tpacket2_hdr *slot;
	uint32_t status;

	if (!p->ring)
		return 0;
	slot = slot_header(p);
	status = __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
	if (!(status & TP_STATUS_USER))
		return 0;
	if (status & TP_STATUS_LOSING) {
		int code = tw_cable_port_check_losses(p, err);

		if (code)
			return code;
	}
	if (slot->tp_snaplen < slot->tp_len || slot->tp_mac > p->slot_bytes ||
	    slot->tp_snaplen > p->slot_bytes - slot->tp_mac)
		return tw_err_set(err, -EMSGSIZE,
				  "the cable got a frame of %u bytes, more than its link's MTU",
				  slot->tp_len);
	out->data = (const uint8_t *)slot + slot->tp_mac;
	out->length = slot->tp_snaplen;
	out->time_ns = (int64_t)slot->tp_sec * TW_NS_PER_S + slot->tp_nsec;
	return 1;
}

void tw_cable_port_release(struct tw_cable_port *p)
{
	__atomic_store_n(&slot_header(p)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	p->next = (p->next + 1) % p->slots;
}

int tw_cable_port_send(struct tw_cable_port *p, const uint8_t *data, uint32_t length,
		       struct tw_err *err)
{
	ssize_t sent;

	if (p->fd < 0 || p->gone)
		return -ENETDOWN;
	do {
		sent = send(p->fd, data, length, 0);
		/* ENETDOWN may also be the notice, still unread, that the interface went away. */
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	if (errno == ENETDOWN || errno == ENXIO || errno == ENODEV) {
		p->gone = true;
		return -ENETDOWN;
	}
	return fail(err, "send a frame");
}
