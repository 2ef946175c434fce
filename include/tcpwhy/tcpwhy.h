/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TCPWHY_H
#define TCPWHY_H

/*
 * libtcpwhy: why did a TCP connection fail? From capture files to findings.
 *
 *	struct tcpwhy *run = tcpwhy_new();
 *
 *	tcpwhy_add_file(run, "incident.pcapng");
 *	if (tcpwhy_run(run, on_finding, NULL))
 *		fprintf(stderr, "%s\n", tcpwhy_error(run));
 *	printf("%llu failed\n", (unsigned long long)tcpwhy_count(run, TCPWHY_FAILED));
 *	tcpwhy_free(run);
 *
 * examples/first_failure.c is a whole program. Link with `pkg-config --cflags --libs tcpwhy`.
 *
 * The library prints nothing, keeps no global state and starts no thread; different runs may be used
 * in different threads at the same time, each run in one at a time. Errors are negative errno values,
 * with a sentence in tcpwhy_error(). Strings are UTF-8 and belong to the library: those of a finding
 * live until the callback returns, those of a run until the next call on it. Slugs and names are those
 * of the JSON output (tcpwhy-read(1)).
 */
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tcpwhy;
struct tcpwhy_finding;

enum tcpwhy_outcome {
	TCPWHY_CLEAN = 0,
	TCPWHY_UNKNOWN = 1,  /* the input does not tell; the finding says what is missing */
	TCPWHY_DEGRADED = 2, /* it worked, with loss, delay or a recovered fault */
	TCPWHY_FAILED = 3,
};

enum tcpwhy_side {
	TCPWHY_CLIENT = 0,
	TCPWHY_SERVER = 1,
};

/* The version of the library, "0.1.0". */
const char *tcpwhy_version(void);

/* A new run without inputs; NULL when memory is out. */
struct tcpwhy *tcpwhy_new(void);
void tcpwhy_free(struct tcpwhy *run); /* NULL is fine */

/* Add a capture: pcap or pcapng, plain, .gz or .zst; "-" is standard input, and then the only one.
 * Several files are taken as one time line. -ENOMEM. The file is opened by tcpwhy_run(). */
int tcpwhy_add_file(struct tcpwhy *run, const char *path);
/* Look only at packets that match an expression of pcap-filter(7); NULL: at all. It takes the place of the one
 * that was set before. If it is wrong, that one stays: -EINVAL or -ENOMEM, with a sentence. */
int tcpwhy_set_filter(struct tcpwhy *run, const char *expression);
/* Findings for clean connections, too. */
void tcpwhy_set_all(struct tcpwhy *run, bool all);
/* Ceiling of the connection tables in bytes; 0 (the default) is a quarter of the machine's memory. */
void tcpwhy_set_memory(struct tcpwhy *run, uint64_t bytes);
/*
 * Put a table of idle timeouts (tcpwhy-read(1), FILES) in front of the built-in one, for this run only. It is
 * read at once, and takes the place of the one that was set before. If it can not be read, or makes no
 * sense, that one stays: -ENOENT and the like, -EINVAL, -E2BIG or -ENOMEM, with a sentence. NULL: the built-in
 * one alone.
 */
int tcpwhy_set_idle_table(struct tcpwhy *run, const char *path);

/* Called once per finding, in the order of the connections' first packets (from a pipe: as they
 * end). Return false to stop. */
typedef bool (*tcpwhy_finding_fn)(const struct tcpwhy_finding *finding, void *user);

/*
 * Read the inputs and report. @callback may be NULL: only the counts are wanted then.
 * Return: 0, also if the callback stopped it or the input was damaged (tcpwhy_problem()); a negative
 * errno if nothing could be read.
 */
int tcpwhy_run(struct tcpwhy *run, tcpwhy_finding_fn callback, void *user);
/*
 * End the run that is under way; from the callback, or from a signal handler (without SA_RESTART, if the input is
 * a pipe that may be silent). While the input is read, it is as if it ended there: what was read is judged and
 * told. While a callback runs, that was the last one, as if it had returned false; the counts are then of what had
 * been judged. When a file is looked at the second time, what is not judged by then is in no count; a problem
 * says so. Without a run under way it does nothing: the next one is whole.
 */
void tcpwhy_stop(struct tcpwhy *run);
/* Of the last call that returned an error: what went wrong, a whole sentence; "" if none did. What succeeds
 * later does not change it. */
const char *tcpwhy_error(const struct tcpwhy *run);

/* --- the summary, after tcpwhy_run() --- */
uint64_t tcpwhy_packets(const struct tcpwhy *run);
uint64_t tcpwhy_connections(const struct tcpwhy *run);
/* Connections of an outcome. */
uint64_t tcpwhy_count(const struct tcpwhy *run, enum tcpwhy_outcome outcome);
/* Remarks on the quality of the input, by number from 0; NULL after the last. */
const char *tcpwhy_problem(const struct tcpwhy *run, unsigned number);
/* The whole summary as a JSON object of schema 1; NULL before a run or when memory is out. */
const char *tcpwhy_summary_json(struct tcpwhy *run);

/* --- a finding --- */
/* The number of the connection, from 0 by first packet. */
uint64_t tcpwhy_finding_stream(const struct tcpwhy_finding *finding);
/* "192.0.2.1:40312", "[2001:db8::1]:80" */
const char *tcpwhy_finding_endpoint(const struct tcpwhy_finding *finding, enum tcpwhy_side side);
/* A slug of tcpwhy-phenomena(7), "clean" or "unknown". */
const char *tcpwhy_finding_verdict(const struct tcpwhy_finding *finding);
enum tcpwhy_outcome tcpwhy_finding_outcome(const struct tcpwhy_finding *finding);
/* "certain", "likely" or "possible". */
const char *tcpwhy_finding_confidence(const struct tcpwhy_finding *finding);
/* One sentence about this connection. */
const char *tcpwhy_finding_summary(const struct tcpwhy_finding *finding);
/*
 * What an application got ("ECONNRESET", "EOF", ...), and from which call:
 *
 *	call    error
 *	"recv"  "EOF"   that call ended so; "hang": it did not return, "timeout": the application gave up
 *	"recv"  NULL    that call succeeded: late, or with what it should not have got
 *	NULL    NULL    it noticed nothing, or the input does not tell
 */
const char *tcpwhy_finding_error(const struct tcpwhy_finding *finding, enum tcpwhy_side side);
const char *tcpwhy_finding_call(const struct tcpwhy_finding *finding, enum tcpwhy_side side);
/* Evidence by number from 0: the text, and its packet in @packet (0: the capture as a whole; may be
 * NULL). NULL after the last. */
const char *tcpwhy_finding_evidence(const struct tcpwhy_finding *finding, unsigned number,
				    uint64_t *packet);
/* All of it as a JSON object of schema 1, without a line break; NULL when memory is out. */
const char *tcpwhy_finding_json(const struct tcpwhy_finding *finding);

#ifdef __cplusplus
}
#endif

#endif
