/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcpwhy: finds the command. A first word that is no command is a capture file: `tcpwhy x.pcap` is
 * `tcpwhy read x.pcap`.
 */
#include "cli/command.h"

#include <signal.h>
#include <string.h>

static void help(FILE *out)
{
	const struct tw_command *c;
	unsigned i;

	fputs("tcpwhy says why a TCP connection failed: which phenomenon it was, which packets\n"
	      "prove it, what the applications saw, what governs it and what to do.\n\n",
	      out);
	for (c = tw_commands; c->name; c++)
		for (i = 0; c->usage[i]; i++)
			fprintf(out, "%s tcpwhy %s\n", c == tw_commands && !i ? "Usage:" : "      ",
				c->usage[i]);
	fputs("\nCommands:\n", out);
	for (c = tw_commands; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fputs("\nOptions of read (the default command); '-' as FILE is standard input:\n", out);
	tw_options_print(out, TW_CMD_READ);
	fputs("\nExit status: 0 nothing failed, 1 a connection failed, 2 usage or input error.\n"
	      "Manual: man tcpwhy\n",
	      out);
}

int main(int argc, char **argv)
{
	const struct tw_command *command;

	/* A reader that goes away (head, a pager) is told by EPIPE, and is no error: tw_finish_output(). */
	signal(SIGPIPE, SIG_IGN);

	if (argc < 2) {
		help(stderr);
		return TW_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help(stdout);
		return tw_finish_output(TW_EXIT_CLEAN);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("tcpwhy " TW_VERSION);
		return tw_finish_output(TW_EXIT_CLEAN);
	}
	command = tw_command_find(argv[1]);
	if (command)
		return command->run(argc - 1, argv + 1);
	return tw_command_read(argc, argv);
}
