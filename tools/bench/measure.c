/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program with a time limit and prints what it cost, as a whole process:
 *
 *	CPU seconds (user and system), peak resident memory in KiB, exit status (-1: killed by a
 *	signal, -2: stopped, because its time was up)
 *
 * The peak of a process begins with that of the program it was forked from, so the driver, a Python
 * script of some 30 MiB, must not fork it itself.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t child, stopped;

/* It and whatever it has started. */
static void too_long(int sig)
{
	(void)sig;
	stopped = 1;
	kill(-child, SIGKILL);
}

static void become(char **argv)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct rusage ru;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: measure SECONDS PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	child = fork();
	if (!child)
		become(argv + 2);
	if (child < 0) {
		perror("measure: fork");
		return 2;
	}
	setpgid(child, child); /* here as well: whoever comes first */
	signal(SIGALRM, too_long);
	alarm((unsigned)atoi(argv[1]));
	while (wait4(child, &status, 0, &ru) < 0)
		;
	kill(-child, SIGKILL); /* what it has left behind */
	printf("%.6f %ld %d\n",
	       (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
	       ru.ru_maxrss,
	       stopped             ? -2
	       : WIFEXITED(status) ? WEXITSTATUS(status)
				   : -1);
	return 0;
}
