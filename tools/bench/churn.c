/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * churn SECONDS: connect, request, answer, close on loopback, as fast as it goes, one at a time.
 * Prints: connections, wall seconds, CPU seconds (user and system, of both ends).
 *
 * Destinations rotate over 127.0.0.0/8, so that ports in TIME_WAIT are no limit.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 7411

static atomic_bool over;

static void *serve(void *arg)
{
	const int listener = *(int *)arg;
	char byte;

	while (!over) {
		const int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) != 1)
			perror("churn: write");
		/* The client closes first: read to the end. */
		if (read(fd, &byte, 1) < 0)
			perror("churn: read");
		close(fd);
	}
	return NULL;
}

static void one(unsigned n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	char byte = 'x';

	to.sin_addr.s_addr = htonl(0x7f000001 + n % 4096);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("churn: connect");
		exit(1);
	}
	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		perror("churn: request");
	close(fd);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const double length = argc > 1 ? atof(argv[1]) : 1, began = seconds(CLOCK_MONOTONIC);
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	struct rusage use;
	pthread_t server;
	double wall;
	unsigned n = 0;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 128) ||
	    pthread_create(&server, NULL, serve, &listener)) {
		perror("churn");
		return 1;
	}
	while (seconds(CLOCK_MONOTONIC) - began < length)
		one(n++);
	wall = seconds(CLOCK_MONOTONIC) - began;
	getrusage(RUSAGE_SELF, &use);
	printf("%u %.4f %.4f\n", n, wall,
	       (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
	fflush(stdout);
	_exit(0);
}
