/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the first failed connection of a capture, and what proves it.
 *
 *	cc first_failure.c $(pkg-config --cflags --libs tcpwhy) -o first_failure
 *	./first_failure incident.pcapng
 *
 * Exit status: 0 nothing failed, 1 a connection failed, 2 the capture could not be read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <tcpwhy/tcpwhy.h>

static bool on_finding(const struct tcpwhy_finding *finding, void *user)
{
	bool *found = user;
	const char *text;
	uint64_t packet;
	unsigned i;

	if (tcpwhy_finding_outcome(finding) != TCPWHY_FAILED)
		return true;
	*found = true;
	printf("%s (%s): %s -> %s\n%s\n", tcpwhy_finding_verdict(finding),
	       tcpwhy_finding_confidence(finding), tcpwhy_finding_endpoint(finding, TCPWHY_CLIENT),
	       tcpwhy_finding_endpoint(finding, TCPWHY_SERVER), tcpwhy_finding_summary(finding));
	for (i = 0; (text = tcpwhy_finding_evidence(finding, i, &packet)); i++)
		printf("  packet %" PRIu64 ": %s\n", packet, text);
	text = tcpwhy_finding_error(finding, TCPWHY_CLIENT);
	if (text)
		printf("The client's %s got %s.\n", tcpwhy_finding_call(finding, TCPWHY_CLIENT),
		       text);
	return false;
}

int main(int argc, char **argv)
{
	struct tcpwhy *run = tcpwhy_new();
	bool found = false;
	int status = 0;

	if (!run || argc != 2 || tcpwhy_add_file(run, argv[1])) {
		fputs("usage: first_failure FILE\n", stderr);
		tcpwhy_free(run);
		return 2;
	}
	if (tcpwhy_run(run, on_finding, &found)) {
		fprintf(stderr, "first_failure: %s\n", tcpwhy_error(run));
		status = 2;
	} else if (found) {
		status = 1;
	} else {
		printf("Nothing failed in %" PRIu64 " connections.\n", tcpwhy_connections(run));
	}
	tcpwhy_free(run);
	return status;
}
