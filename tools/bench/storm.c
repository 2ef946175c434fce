/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm SECONDS: a scan of closed ports on loopback, as fast as it goes: each connect() is answered by a reset.
 * Prints: resets, wall seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 10000
#define PORTS      20000

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int is_refused(unsigned n)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)(FIRST_PORT + n % PORTS)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const int refused =
		connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno == ECONNREFUSED;

	close(fd);
	return refused;
}

int main(int argc, char **argv)
{
	const double length = argc > 1 ? atof(argv[1]) : 1, began = seconds();
	unsigned n, refused = 0;

	for (n = 0; n % 256 || seconds() - began < length; n++)
		refused += (unsigned)is_refused(n);
	printf("%u %.3f\n", refused, seconds() - began);
	return 0;
}
