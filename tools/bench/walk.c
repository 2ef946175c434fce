/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bound of `make bench`: what it costs to touch every packet of a capture at all. The file is mapped,
 * each record's link, IPv4 and TCP header are read and summed, nothing is remembered.
 *
 * It knows only what generate.c writes: pcap in this machine's byte order, Ethernet, IPv4.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t host32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t net32(const uint8_t *p)
{
	return __builtin_bswap32(host32(p));
}

int main(int argc, char **argv)
{
	uint64_t packets = 0, sum = 0;
	const uint8_t *map, *p, *end;
	struct stat st;
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0 || fstat(fd, &st) || st.st_size < 24) {
		fprintf(stderr, "usage: walk FILE\n");
		return 2;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		perror("walk: mmap");
		return 2;
	}
	madvise((void *)(uintptr_t)map, (size_t)st.st_size, MADV_SEQUENTIAL);
	end = map + st.st_size;
	for (p = map + 24; end - p >= 16;) {
		uint32_t cap = host32(p + 8), ip_bytes;
		const uint8_t *eth = p + 16, *ip = eth + 14, *tcp;

		if ((size_t)(end - eth) < cap)
			break;
		p = eth + cap;
		ip_bytes = (ip[0] & 15) * 4u;
		tcp = ip + ip_bytes;
		if (cap < 54 || eth[12] != 8 || eth[13] || ip[9] != 6 || tcp + 20 > p)
			continue;
		packets++;
		sum += net32(ip + 12) + net32(ip + 16) + net32(tcp) + net32(tcp + 4) +
		       net32(tcp + 8) + net32(tcp + 12) + ip[2] + ip[3] + ip[8];
	}
	printf("%" PRIu64 " packets, sum %" PRIx64 "\n", packets, sum);
	return 0;
}
