/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: statements about the processes of the ends: their calls, what is done to them, and what is
 * expected of a call.
 *
 *	client.2  connect  #3 port 81   -> ECONNREFUSED within 200ms   &
 *	WHO       verb     operands     expectation                    in the background
 *
 * The tail is found first (it begins with one of four words that no operand is), then the socket is picked out
 * of the operands, wherever it stands; what remains is read in order by the verb's own function.
 */
#include "base/suggest.h"
#include "lab/script_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define DEFAULT_PORT    80
#define DEFAULT_BACKLOG 16
#define SOCKETS_MAX     9

enum { /* what a verb may have besides its operands */
       TAKES_SOCKET = 1 << 0,
       TAKES_LISTENER = 1 << 1, /* in place of the socket */
       IS_CALL = 1 << 2,        /* it has a result: an expectation, and '&' */
       COUNTS = 1 << 3,         /* the result is a number of bytes */
       READS = 1 << 4,          /* the result may be EOF */
};

/* ---- operands ---- */

static int no_operands(struct tw_script_parser *p)
{
	return 0;
}

static int port_operand(struct tw_script_parser *p)
{
	p->s->port = DEFAULT_PORT;
	return tw_script_take_if(p, "port") ? tw_script_take_port(p, &p->s->port) : 0;
}

static int listen_operands(struct tw_script_parser *p)
{
	const char *word = tw_script_peek(p);

	p->s->socket = 0;
	p->s->number = DEFAULT_BACKLOG;
	if (word && strcmp(word, "port") != 0 &&
	    tw_script_take_number(p, "a backlog", 0, 65535, &p->s->number))
		return -EINVAL;
	return port_operand(p);
}

static int bind_operands(struct tw_script_parser *p)
{
	p->s->port = 0;
	if (tw_script_take_if(p, "0"))
		return 0;
	return tw_script_take_port(p, &p->s->port);
}

/* Nothing: one call, which start_statement() has set. */
static int bytes_operand(struct tw_script_parser *p)
{
	int64_t bytes;

	if (!tw_script_peek(p))
		return 0;
	if (tw_script_take_size(p, "a number of bytes", &bytes))
		return -EINVAL;
	if (!bytes)
		return tw_script_fault(p, "0 bytes are no call; leave the number out for one call");
	p->s->number = bytes;
	return 0;
}

static int recv_operands(struct tw_script_parser *p)
{
	if (tw_script_take_if(p, "eof")) {
		p->s->verb = TW_DO_RECV_EOF;
		return 0;
	}
	return bytes_operand(p);
}

static int shutdown_operands(struct tw_script_parser *p)
{
	static const struct tw_script_word hows[] = {
		{ "rd", SHUT_RD },
		{ "wr", SHUT_WR },
		{ "rdwr", SHUT_RDWR },
		{ NULL, 0 },
	};

	p->s->number = SHUT_WR;
	return tw_script_peek(p) ? tw_script_take_word(p, "direction", hows, &p->s->number) : 0;
}

/* A plain number is in milliseconds. */
static int milliseconds(struct tw_script_parser *p)
{
	const char *word = tw_script_peek(p);
	int64_t ns;

	if (word && tw_script_number(word, 0, INT32_MAX, &p->s->number)) {
		p->next++;
		return 0;
	}
	if (tw_script_take_duration(p, "a time", &ns))
		return -EINVAL;
	p->s->number = ns / 1000000;
	if (ns % 1000000 || p->s->number > INT32_MAX)
		return tw_script_fault(p, "'%s' is not a number of milliseconds", TW_QUOTED(word));
	return 0;
}

static int option_operands(struct tw_script_parser *p)
{
	struct tw_statement *s = p->s;
	const char *name;

	if (tw_script_take(p, "the name of an option", &name))
		return -EINVAL;
	s->option = tw_socket_option_find(name);
	if (!s->option)
		return tw_script_unknown_near(p, "socket option", name,
					      tw_socket_option_nearest(name));
	switch (s->option->kind) {
	case TW_OPTVAL_INT:
		return tw_script_take_number(p, "a value", INT32_MIN, INT32_MAX, &s->number);
	case TW_OPTVAL_LINGER:
		if (tw_script_take_number(p, "a value, on", 0, 1, &s->number))
			return -EINVAL;
		return tw_script_take_number(p, "a value, seconds", 0, INT32_MAX, &s->number2);
	case TW_OPTVAL_TIMEVAL_MS:
	case TW_OPTVAL_MS:
		return milliseconds(p);
	case TW_OPTVAL_STRING:
		if (tw_script_take(p, "a value", &s->value))
			return -EINVAL;
		if (strlen(s->value) > TW_OPTVAL_STRING_MAX)
			return tw_script_fault(p, "'%s' is too long for %s", TW_QUOTED(s->value),
					       name);
		return 0;
	case TW_OPTVAL_MPTCP:
		return tw_script_take_number(p, "a value", 0, 1, &s->number);
	}
	return 0;
}

static int switch_on(struct tw_script_parser *p)
{
	p->s->number = 1;
	return 0;
}

static int switch_off(struct tw_script_parser *p)
{
	p->s->number = 0;
	return 0;
}

/* What can be waited for, joined by '+'; ERR and HUP come unasked. */
static int poll_operands(struct tw_script_parser *p)
{
	static const struct tw_script_word waits[] = {
		{ "in", POLLIN },
		{ "out", POLLOUT },
		{ "rdhup", POLLRDHUP },
		{ "any", POLLIN | POLLOUT | POLLRDHUP },
		{ NULL, 0 },
	};
	const char *word = tw_script_peek(p), *bad;

	if (!word || !strchr(word, '+'))
		return tw_script_take_word(p, "event", waits, &p->s->number);
	p->next++;
	p->s->number = tw_script_set(waits, word, &bad);
	if (p->s->number < 0)
		return tw_script_unknown_near(p, "event", bad, NULL);
	return 0;
}

static int kill_operands(struct tw_script_parser *p)
{
	const char *word = tw_script_peek(p), *near;

	p->s->number = SIGKILL;
	if (!word)
		return 0;
	p->next++;
	p->s->number = tw_script_signal(word, &near);
	if (!p->s->number)
		return tw_script_unknown_near(p, "signal", word, near);
	return 0;
}

static const struct call {
	const char *name;
	enum tw_verb verb;
	int (*operands)(struct tw_script_parser *p);
	unsigned has;
} calls[] = {
	{ "listen", TW_DO_LISTEN, listen_operands, IS_CALL },
	{ "bind", TW_DO_BIND, bind_operands, IS_CALL | TAKES_SOCKET },
	{ "connect", TW_DO_CONNECT, port_operand, IS_CALL | TAKES_SOCKET },
	{ "accept", TW_DO_ACCEPT, no_operands, IS_CALL | TAKES_SOCKET },
	{ "send", TW_DO_SEND, bytes_operand, IS_CALL | COUNTS | TAKES_SOCKET },
	{ "recv", TW_DO_RECV, recv_operands, IS_CALL | COUNTS | READS | TAKES_SOCKET },
	{ "fill", TW_DO_FILL, no_operands, IS_CALL | COUNTS | TAKES_SOCKET },
	{ "shutdown", TW_DO_SHUTDOWN, shutdown_operands, IS_CALL | TAKES_SOCKET },
	{ "close", TW_DO_CLOSE, no_operands, IS_CALL | TAKES_SOCKET | TAKES_LISTENER },
	{ "unspec", TW_DO_UNSPEC, no_operands, IS_CALL | TAKES_SOCKET },
	{ "option", TW_DO_OPTION, option_operands, IS_CALL | TAKES_SOCKET | TAKES_LISTENER },
	{ "nonblocking", TW_DO_NONBLOCKING, switch_on, IS_CALL | TAKES_SOCKET | TAKES_LISTENER },
	{ "blocking", TW_DO_NONBLOCKING, switch_off, IS_CALL | TAKES_SOCKET | TAKES_LISTENER },
	{ "poll", TW_DO_POLL, poll_operands, IS_CALL | TAKES_SOCKET | TAKES_LISTENER },
	{ "error", TW_DO_ERROR, no_operands, IS_CALL | TAKES_SOCKET },
	{ "exit", TW_DO_EXIT, no_operands, 0 },
	{ "crash", TW_DO_CRASH, no_operands, 0 },
	{ "kill", TW_DO_KILL, kill_operands, 0 },
	{ "stop", TW_DO_STOP, no_operands, 0 },
	{ "continue", TW_DO_CONTINUE, no_operands, 0 },
	{ "destroy", TW_DO_DESTROY, no_operands, TAKES_SOCKET },
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* Take "#3" (or "listener") out of the operands, wherever it stands. */
static int pick_socket(struct tw_script_parser *p, bool listener)
{
	bool found = false;
	unsigned i, kept = p->next;

	for (i = p->next; i < p->count; i++) {
		const char *word = p->word[i];
		int64_t n = 0;

		if (*word != '#' && !(listener && !strcmp(word, "listener"))) {
			p->word[kept++] = word;
			continue;
		}
		if (found)
			return tw_script_fault(p, "a second socket, '%s'", TW_QUOTED(word));
		if (*word == '#' && !tw_script_number(word + 1, 1, SOCKETS_MAX, &n))
			return tw_script_fault(p, "'%s' is not a socket from #1 to #%d",
					       TW_QUOTED(word), SOCKETS_MAX);
		p->s->socket = (unsigned)n;
		found = true;
	}
	p->count = kept;
	return 0;
}

/* ---- expectations ---- */

static bool begins_tail(const char *word)
{
	return !strcmp(word, "->") || !strcmp(word, "within") || !strcmp(word, "after") ||
	       !strcmp(word, "full") || !strcmp(word, "&");
}

static int unknown_result(struct tw_script_parser *p, const char *word)
{
	struct tw_suggestion s = { .typed = word };
	const char *near = NULL;
	int64_t value;

	/* Right words at the wrong call. */
	if (!strcmp(word, "EOF") || tw_script_size(word, &value) ||
	    tw_script_set(tw_script_events, word, &near) >= 0)
		return tw_script_fault(p, "'%s' is not what '%s' can return", TW_QUOTED(word),
				       TW_QUOTED(p->word[1]));
	near = NULL;
	tw_script_errno(word, &near);
	if (near)
		tw_suggest_offer(&s, near);
	tw_suggest_offer(&s, "EOF");
	tw_suggest_offer(&s, "hang");
	return tw_script_unknown_near(p, "result", word, s.best);
}

/* The word after `->`; @has says what the call can return. */
static int take_result(struct tw_script_parser *p, unsigned has, bool polls)
{
	struct tw_expect *e = &p->s->expect;
	const char *word, *bad;

	if (tw_script_take(p, "a result after '->'", &word))
		return -EINVAL;
	if (!strcmp(word, "ok")) {
		e->kind = TW_EXPECT_SUCCESS;
	} else if (!strcmp(word, "hang")) {
		e->kind = TW_EXPECT_HANG;
	} else if (!strcmp(word, "EOF") && has & READS) {
		e->kind = TW_EXPECT_EOF;
	} else if (has & COUNTS && tw_script_size(word, &e->value)) {
		e->kind = TW_EXPECT_NUMBER;
	} else if (polls && (e->value = tw_script_set(tw_script_events, word, &bad)) >= 0) {
		e->kind = TW_EXPECT_EVENTS;
	} else if ((e->value = tw_script_errno(word, &bad)) > 0) {
		e->kind = TW_EXPECT_ERRNO;
	} else {
		return unknown_result(p, word);
	}
	return 0;
}

/*
 * "D" or "D1..D2" after `after`. About D: 5 % less, for clocks that tick differently, to 25 % and half a
 * second more, as a loaded machine is late and never early.
 */
static int take_about(struct tw_script_parser *p, int64_t *least, int64_t *most)
{
	const char *word, *dots;
	int64_t from, to;

	if (tw_script_take(p, "a duration", &word))
		return -EINVAL;
	dots = strstr(word, "..");
	if (!tw_script_duration(word, dots ? (size_t)(dots - word) : strlen(word), &from) ||
	    (dots && !tw_script_duration(dots + 2, strlen(dots + 2), &to)))
		return tw_script_fault(p, "'%s' is not a duration such as 50ms, or 1s..3s",
				       TW_QUOTED(word));
	if (dots && to < from)
		return tw_script_fault(p, "'%s' ends before it begins", TW_QUOTED(word));
	*least = dots ? from : from - from / 20;
	*most = dots ? to : from + from / 4 + INT64_C(500000000);
	return 0;
}

int tw_script_within(struct tw_script_parser *p)
{
	struct tw_expect *e = &p->s->expect;

	if (tw_script_take_if(p, "within")) {
		e->given = true;
		if (tw_script_take_duration(p, "how long at most, after 'within'", &e->at_most_ns))
			return -EINVAL;
		if (tw_script_take_if(p, "full") &&
		    tw_script_take_duration(p, "a duration after 'full'", &e->full_at_most_ns))
			return -EINVAL;
	}
	return tw_script_end_of_line(p);
}

/* -> RESULT, within D or after D, full D: each may be left out. */
static int take_expectation(struct tw_script_parser *p, unsigned has, bool polls)
{
	struct tw_expect *e = &p->s->expect;
	bool after;

	if (tw_script_take_if(p, "->")) {
		e->given = true;
		if (take_result(p, has, polls))
			return -EINVAL;
	}
	after = tw_script_take_if(p, "after");
	if (!after)
		return tw_script_within(p);
	e->given = true;
	if (take_about(p, &e->at_least_ns, &e->at_most_ns))
		return -EINVAL;
	if (tw_script_take_if(p, "full") &&
	    take_about(p, &e->full_at_least_ns, &e->full_at_most_ns))
		return -EINVAL;
	return tw_script_end_of_line(p);
}

/* A hang has no end to measure, only how long it is looked at. */
static int check_hang(struct tw_script_parser *p)
{
	struct tw_expect *e = &p->s->expect;

	if (e->kind != TW_EXPECT_HANG)
		return 0;
	if (e->at_most_ns < 0 || e->at_least_ns >= 0)
		return tw_script_fault(p, "'hang' needs 'within D': for how long it must go on");
	if (!p->s->background && p->s->verb != TW_DO_JOIN)
		return tw_script_fault(p, "a call that hangs must be in the background: "
					  "end the line with '&', or say it at the 'join'");
	e->at_least_ns = e->at_most_ns;
	e->at_most_ns = -1;
	e->full_at_least_ns = e->full_at_most_ns;
	e->full_at_most_ns = -1;
	return 0;
}

/* ---- whole statements ---- */

static const struct call *find_call(const char *name)
{
	size_t i;

	for (i = 0; i < CALLS; i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}

static int unknown_call(struct tw_script_parser *p, const char *name)
{
	struct tw_suggestion s = { .typed = name };
	size_t i;

	for (i = 0; i < CALLS; i++)
		tw_suggest_offer(&s, calls[i].name);
	name = tw_arena_printf(&p->script->arena, "%s %s", p->word[0], name);
	return tw_script_unknown_near(p, "statement", name, s.best);
}

/*
 * Read the operands with @operands, as if the line ended where the tail begins; the tail is left, with
 * the '&' taken off.
 */
static int take_operands(struct tw_script_parser *p, int (*operands)(struct tw_script_parser *),
			 unsigned has)
{
	unsigned end = p->count, tail = p->next;

	while (tail < end && !begins_tail(p->word[tail]))
		tail++;
	p->count = tail;
	if (has & (TAKES_SOCKET | TAKES_LISTENER) && pick_socket(p, has & TAKES_LISTENER))
		return -EINVAL;
	if (operands(p) || tw_script_end_of_line(p))
		return -EINVAL;
	p->next = tail;
	p->count = end;
	if (has & IS_CALL && tail < end && !strcmp(p->word[end - 1], "&")) {
		p->s->background = true;
		p->count--;
	}
	return 0;
}

int tw_script_call(struct tw_script_parser *p)
{
	const struct call *call;
	const char *name;

	if (tw_script_take(p, "what it does", &name))
		return -EINVAL;
	call = find_call(name);
	if (!call)
		return unknown_call(p, name);
	p->s->verb = call->verb;
	if (take_operands(p, call->operands, call->has))
		return -EINVAL;
	if (!(call->has & IS_CALL))
		return tw_script_end_of_line(p);
	if (take_expectation(p, call->has, call->verb == TW_DO_POLL))
		return -EINVAL;
	return check_hang(p);
}

static int state_operands(struct tw_script_parser *p)
{
	return tw_script_take_word(p, "state", tw_script_states, &p->s->number);
}

static int queue_operands(struct tw_script_parser *p)
{
	static const struct tw_script_word sides[] = { { "recv", 0 }, { "send", 1 }, { NULL, 0 } };

	if (tw_script_take_word(p, "queue", sides, &p->s->number2))
		return -EINVAL;
	return tw_script_take_size(p, "a number of bytes", &p->s->number);
}

int tw_script_watch(struct tw_script_parser *p, enum tw_verb verb)
{
	const char *who;

	p->s->verb = verb;
	if (tw_script_take(p, "whose it is, client or server", &who))
		return -EINVAL;
	if (!tw_script_who(who, &p->s->host, &p->s->process))
		return tw_script_fault(p, "'%s' is no process: client, server, or client.2",
				       TW_QUOTED(who));
	if (verb == TW_DO_JOIN) {
		if (take_operands(p, no_operands, 0) || take_expectation(p, COUNTS | READS, true))
			return -EINVAL;
		return check_hang(p);
	}
	if (take_operands(p, verb == TW_DO_STATE ? state_operands : queue_operands,
			  TAKES_SOCKET | TAKES_LISTENER))
		return -EINVAL;
	return tw_script_within(p);
}
