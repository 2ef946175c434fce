/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm SECONDS [SOURCES [RATE]]: a scan of closed ports on loopback. SYNs are written into the loopback device in batches, as
 * a scanner on the wire would send them, so the kernel's answer is what costs: each draws a RST from a port that nobody listens
 * on. (By connect() this process would pay for two sockets' lives per reset, and not reach a tenth of it.)
 *
 *	storm --SYN--> lo --> tcp_v4_rcv: no socket --> tcp_v4_send_reset --RST--> lo --> dropped
 *
 * SOURCES: the SYNs come from so many addresses of 127.1.0.0/16, one after the other (default 1). RATE: at most so many SYNs
 * per second (default: as fast as it goes). Prints: resets as the namespace counted them, wall seconds.
 *
 * What is written into lo is routed like any arriving packet, so loopback addresses have to be allowed there: run it in a
 * network namespace of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH      64
#define FIRST_PORT 10000
#define PORTS      20000
#define TARGET     INADDR_LOOPBACK
#define SOURCE     0x7f010001U /* 127.1.0.1 */

struct frame {
	struct ether_header ether; /* of lo: no addresses */
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t sum_words(uint32_t sum, const void *data, size_t length)
{
	const unsigned char *b = data;
	size_t i;

	for (i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* SYN number @n of the storm. */
static void make(struct frame *f, unsigned n, unsigned sources)
{
	uint32_t pseudo;

	*f = (struct frame){ .ether.ether_type = htons(ETHERTYPE_IP) };
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.tot_len = htons(sizeof(f->ip) + sizeof(f->tcp));
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_TCP;
	f->ip.saddr = htonl(SOURCE + n % sources);
	f->ip.daddr = htonl(TARGET);
	f->ip.check = folded(sum_words(0, &f->ip, sizeof(f->ip)));
	f->tcp.source = htons((uint16_t)(40000 + n / PORTS % 20000));
	f->tcp.dest = htons((uint16_t)(FIRST_PORT + n % PORTS));
	f->tcp.seq = htonl(n);
	f->tcp.doff = 5;
	f->tcp.syn = 1;
	f->tcp.window = htons(1024);
	pseudo = sum_words(IPPROTO_TCP + sizeof(f->tcp), &f->ip.saddr, 8);
	f->tcp.check = folded(sum_words(pseudo, &f->tcp, sizeof(f->tcp)));
}

/* OutRsts of this namespace. */
static unsigned long resets(void)
{
	char names[1024], values[1024], *name, *value, *at_names, *at_values;
	FILE *file = fopen("/proc/self/net/snmp", "re");
	unsigned long count = 0;

	while (file && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
		if (strncmp(names, "Tcp:", 4) != 0)
			continue;
		name = strtok_r(names, " \n", &at_names);
		value = strtok_r(values, " \n", &at_values);
		while (name && value && strcmp(name, "OutRsts") != 0) {
			name = strtok_r(NULL, " \n", &at_names);
			value = strtok_r(NULL, " \n", &at_values);
		}
		count = value ? strtoul(value, NULL, 10) : 0;
	}
	if (file)
		fclose(file);
	return count;
}

/* Addresses of this host may arrive from outside. */
static void allow_loopback(void)
{
	static const char *const settings[] = {
		"/proc/sys/net/ipv4/conf/lo/route_localnet",
		"/proc/sys/net/ipv4/conf/lo/accept_local",
	};
	unsigned i;

	for (i = 0; i < 2; i++) {
		FILE *file = fopen(settings[i], "we");

		if (!file || fputs("1", file) < 0 || fclose(file)) {
			fprintf(stderr, "storm: cannot set %s: %s\n", settings[i], strerror(errno));
			exit(1);
		}
	}
}

static int open_loopback(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex("lo") };
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		fprintf(stderr, "storm: cannot write to lo: %s\n", strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

/* Sends the next batch. Return: how many SYNs went. */
static unsigned send_batch(int fd, unsigned n, unsigned sources)
{
	static struct frame frame[BATCH];
	static struct iovec vector[BATCH];
	static struct mmsghdr message[BATCH];
	unsigned i;
	int sent;

	for (i = 0; i < BATCH; i++) {
		make(&frame[i], n + i, sources);
		vector[i] = (struct iovec){ &frame[i], sizeof(frame[i]) };
		message[i] =
			(struct mmsghdr){ .msg_hdr = { .msg_iov = &vector[i], .msg_iovlen = 1 } };
	}
	sent = sendmmsg(fd, message, BATCH, 0);
	return sent < 0 ? 0 : (unsigned)sent;
}

int main(int argc, char **argv)
{
	const double length = argc > 1 ? atof(argv[1]) : 1;
	const unsigned sources = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	const double rate = argc > 3 ? atof(argv[3]) : 0;
	const int fd = open_loopback();
	const unsigned long before = resets();
	const double began = seconds();
	double now = began;
	unsigned n = 0;

	allow_loopback();
	while (now - began < length) {
		if (rate > 0 && n > rate * (now - began))
			usleep(200);
		else
			n += send_batch(fd, n, sources ? sources : 1);
		now = seconds();
	}
	printf("%lu %.3f\n", resets() - before, seconds() - began);
	close(fd);
	return 0;
}
