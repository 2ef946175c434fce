/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program with a limit of CPU time and of memory and prints what it cost, as a whole process:
 *
 *	CPU seconds (user and system), peak resident memory in KiB, exit status (-1: killed by a
 *	signal, -2: stopped, because its time was up)
 *
 * One that neither works nor ends is stopped after WALL_TIMES the time. Memory is limited as address
 * space, for a program that takes all there is would take the machine with it.
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

#define WALL_TIMES 3
#define GRACE_S    2 /* from SIGXCPU to SIGKILL */

static volatile sig_atomic_t child, stopped;

/* It and whatever it has started. */
static void too_long(int sig)
{
	(void)sig;
	stopped = 1;
	kill(-child, SIGKILL);
}

static void become(char **argv, rlim_t seconds, rlim_t mib)
{
	const struct rlimit none = { 0, 0 }, cpu = { seconds, seconds + GRACE_S },
			    space = { mib << 20, mib << 20 };
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	if (setrlimit(RLIMIT_CORE, &none) || setrlimit(RLIMIT_CPU, &cpu) ||
	    (mib && setrlimit(RLIMIT_AS, &space)))
		_exit(127);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	const rlim_t seconds = argc > 3 ? strtoul(argv[1], NULL, 10) : 0,
		     mib = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	struct rusage ru;
	int status;

	if (!seconds) {
		fprintf(stderr, "usage: measure SECONDS MIB|0 PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	child = fork();
	if (!child)
		become(argv + 3, seconds, mib);
	if (child < 0) {
		perror("measure: fork");
		return 2;
	}
	setpgid(child, child); /* here as well: whoever comes first */
	signal(SIGALRM, too_long);
	alarm((unsigned)seconds * WALL_TIMES);
	while (wait4(child, &status, 0, &ru) < 0)
		;
	kill(-child, SIGKILL); /* what it has left behind */
	stopped |= WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
	printf("%.6f %ld %d\n",
	       (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
	       ru.ru_maxrss,
	       stopped             ? -2
	       : WIFEXITED(status) ? WEXITSTATUS(status)
				   : -1);
	return 0;
}
