/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: a program's output on its way through us, when a line of it is the trigger.
 *
 *	program ==[ pipe ]==> 4 kB here ==> our own standard output or error
 *	                        |
 *	                        `-> line by line: does it match?
 *
 * Bytes pass unchanged and in order. Our own output may be a pipe to somebody slow, and its open file
 * belongs to others, too (so O_NONBLOCK is not ours to set): it is written to only when poll(2) says
 * that it takes some, at most PIPE_BUF bytes, which then do not block. Meanwhile the program
 * waits in its write(2), as it would without us.
 *
 * Limits: a program that writes to a pipe often buffers its lines (stdbuf -oL helps). Of a longer line the
 * first 4 kB are searched; a line counts when its end has come.
 */
#include "lab/program_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* How long a slow reader of our output is given at the end. */
#define CLOSE_ROUND_MS 20
#define CLOSE_ROUNDS   250

static const int own_stream[2] = { STDOUT_FILENO, STDERR_FILENO };

int tw_program_tee_open(struct tw_program *p, int out[2], struct tw_err *err)
{
	/* By edges: while our own reader makes us wait, what is unread must not wake the owner. */
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int i, pair[2];

	for (i = 0; i < 2; i++) {
		if (pipe2(pair, O_CLOEXEC))
			return tw_err_set(err, -errno, "no pipe for the output of '%s': %s",
					  tw_program_name(p), strerror(errno));
		p->tee[i].from = pair[0];
		p->tee[i].to = own_stream[i];
		out[i] = pair[1];
		if (fcntl(pair[0], F_SETFL, O_NONBLOCK) ||
		    epoll_ctl(p->epoll, EPOLL_CTL_ADD, pair[0], &e))
			return tw_err_set(err, -errno, "the output of '%s' cannot be read: %s",
					  tw_program_name(p), strerror(errno));
	}
	return 0;
}

static void end_of_line(struct tw_program *p, struct tw_program_tee *t)
{
	t->line[t->line_length] = 0;
	if (!regexec(&p->line, t->line, 0, NULL, 0))
		p->line_seen = true;
	t->line_length = 0;
}

static void search(struct tw_program *p, struct tw_program_tee *t)
{
	size_t i;

	for (i = 0; i < t->have && !p->line_seen; i++) {
		if (t->bytes[i] == '\n')
			end_of_line(p, t);
		else if (t->line_length < sizeof(t->line) - 1 && t->bytes[i])
			t->line[t->line_length++] = t->bytes[i];
	}
}

static void close_stream(struct tw_program *p, struct tw_program_tee *t)
{
	if (t->from < 0)
		return;
	if (t->line_length && !p->line_seen)
		end_of_line(p, t);
	close(t->from); /* leaves the epoll set by itself */
	t->from = -1;
}

/* False: the reader of our output is not ready. A reader that is gone takes nothing: let it be lost. */
static bool pass_on(struct tw_program_tee *t)
{
	struct pollfd ready = { .fd = t->to, .events = POLLOUT };
	ssize_t n;

	while (t->done < t->have) {
		if (poll(&ready, 1, 0) == 0)
			return false;
		n = write(t->to, t->bytes + t->done, t->have - t->done);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		t->done = n < 0 ? t->have : t->done + (size_t)n;
	}
	return true;
}

static bool work_stream(struct tw_program *p, struct tw_program_tee *t)
{
	ssize_t n;

	while (t->from >= 0) {
		if (!pass_on(t))
			return true;
		n = read(t->from, t->bytes, sizeof(t->bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		t->done = 0;
		t->have = n > 0 ? (size_t)n : 0;
		search(p, t);
		if (n <= 0)
			close_stream(p, t);
	}
	return false;
}

bool tw_program_tee_work(struct tw_program *p)
{
	bool waits = false;
	int i;

	for (i = 0; i < 2; i++)
		waits |= work_stream(p, &p->tee[i]);
	return waits;
}

/* All writers are gone, so the end of each pipe is near; only our own reader may be slow. */
void tw_program_tee_close(struct tw_program *p)
{
	int round, i;

	for (round = 0; round < CLOSE_ROUNDS && tw_program_tee_work(p); round++)
		poll(NULL, 0, CLOSE_ROUND_MS);
	for (i = 0; i < 2; i++)
		close_stream(p, &p->tee[i]);
}
