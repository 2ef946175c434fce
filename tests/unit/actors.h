/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_ACTORS_H
#define TW_TESTS_ACTORS_H

/*
 * A client and a server on the real kernel, in a network namespace of the test's own, over loopback.
 * Skips where no namespace can be had. Include after cmocka.h.
 */
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "lab/actor.h"
#include "lab_ground.h"

/* Nothing here takes long; a call that never ends must fail the test, not hang it. */
#define PATIENCE_MS 20000

static struct tw_actor *client, *server;
static struct tw_script script;
static const char *lacking; /* why there are no actors */

static inline bool loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool up = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &lo);

	close(fd);
	return up;
}

static inline bool has_v6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	close(fd);
	return fd >= 0;
}

/* A fresh namespace per test, so that ports and TIME_WAIT of one do not reach the next. */
static inline int start(void **state, bool v6)
{
	struct tw_err err = { 0 };

	ground_enter(state);
	lacking = ground_missing[0] ? ground_missing : v6 && !has_v6() ? "no IPv6 here" : NULL;
	if (lacking)
		return 0;
	if (!loopback_up() || tw_actor_new(&client, NULL, TW_HOST_CLIENT, 1, v6, false, &err) ||
	    tw_actor_new(&server, NULL, TW_HOST_SERVER, 2, v6, false, &err)) {
		print_message("%s\n", err.text);
		return -1;
	}
	return 0;
}

static inline void skip_if_lacking(void)
{
	if (lacking) {
		print_message("# skipped: %s\n", lacking);
		skip();
	}
}

static inline int start_v4(void **state)
{
	return start(state, false);
}

static inline int start_v6(void **state)
{
	return start(state, true);
}

static inline int stop(void **state)
{
	tw_actor_free(client);
	tw_actor_free(server);
	client = server = NULL;
	tw_script_free(&script);
	return 0;
}

static inline struct tw_actor *actor_of(const struct tw_statement *s)
{
	return s->host == TW_HOST_CLIENT ? client : server;
}

/* The first statement of a script, which stays until the next is read. */
static inline const struct tw_statement *statement(const char *text)
{
	struct tw_err err = { 0 };

	skip_if_lacking();
	tw_script_free(&script);
	if (tw_script_parse(&script, text, &err))
		fail_msg("%s", err.text);
	return &script.statements[0];
}

static inline struct tw_actor_result wait_for(struct tw_actor *a)
{
	struct tw_actor_result result = { 0 };
	struct pollfd one = { .fd = tw_actor_fd(a), .events = POLLIN };

	while (!tw_actor_take(a, &result))
		if (poll(&one, 1, PATIENCE_MS) == 0)
			fail_msg("%s did not answer: %s", tw_actor_name(a),
				 script.count ? script.statements[0].text : "");
	return result;
}

static inline struct tw_actor_result run(const char *text)
{
	const struct tw_statement *s = statement(text);
	struct tw_actor_result result;
	int r = tw_actor_begin(actor_of(s), s);

	if (r)
		fail_msg("'%s' cannot begin: %s", text, strerror(-r));
	result = wait_for(actor_of(s));
	assert_ptr_equal(result.statement, s);
	assert_true(result.end_ns >= result.start_ns);
	return result;
}

static inline void must(const char *text, long expected)
{
	struct tw_actor_result result = run(text);

	if (result.ended || result.result != expected)
		fail_msg("'%s' gave %ld, not %ld%s", text, result.result, expected,
			 result.ended ? " (its process ended)" : "");
}

static inline void connected(void)
{
	must("server listen", 0);
	must("client connect", 0);
	must("server accept", 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start_v4, stop)
#define CASE_V6(f)                                                                                 \
	{                                                                                          \
		"IPv6: " #f, f, start_v6, stop, NULL                                               \
	}

#endif
