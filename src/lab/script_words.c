/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the names that scripts may use for what the kernel knows by number: errnos, signals, TCP
 * states, poll events, TCP flags, socket options; and the way back, for a person.
 *
 * Errnos and signals are the C library's own lists, so none is missing. Socket options are those that
 * change how TCP behaves; one that the C library's headers do not know yet is written by its number.
 */
#include "base/duration.h"
#include "base/suggest.h"
#include "lab/script_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Kernel errnos end at 133 (EHWPOISON); room for more. */
#define ERRNO_MAX 200

const struct tw_script_word tw_script_states[] = {
	{ "ESTABLISHED", TCP_ESTABLISHED },
	{ "SYN_SENT", TCP_SYN_SENT },
	{ "SYN_RECV", TCP_SYN_RECV },
	{ "FIN_WAIT1", TCP_FIN_WAIT1 },
	{ "FIN_WAIT2", TCP_FIN_WAIT2 },
	{ "TIME_WAIT", TCP_TIME_WAIT },
	{ "CLOSE", TCP_CLOSE },
	{ "CLOSE_WAIT", TCP_CLOSE_WAIT },
	{ "LAST_ACK", TCP_LAST_ACK },
	{ "LISTEN", TCP_LISTEN },
	{ "CLOSING", TCP_CLOSING },
	{ NULL, 0 },
};

const struct tw_script_word tw_script_events[] = {
	{ "in", POLLIN },       { "out", POLLOUT }, { "err", POLLERR }, { "hup", POLLHUP },
	{ "rdhup", POLLRDHUP }, { "pri", POLLPRI }, { NULL, 0 },
};

const struct tw_script_word tw_script_flags[] = {
	{ "FIN", TW_FIN }, { "SYN", TW_SYN }, { "RST", TW_RST },
	{ "PSH", TW_PSH }, { "ACK", TW_ACK }, { "URG", TW_URG },
	{ "ECE", TW_ECE }, { "CWR", TW_CWR }, { NULL, 0 },
};

static const struct tw_socket_option options[] = {
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, TW_OPTVAL_INT },
	{ "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, TW_OPTVAL_INT },
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, TW_OPTVAL_INT },
	{ "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, TW_OPTVAL_INT },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, TW_OPTVAL_INT },
	{ "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, TW_OPTVAL_INT },
	{ "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, TW_OPTVAL_INT },
	{ "SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE, TW_OPTVAL_INT },
	{ "SO_LINGER", SOL_SOCKET, SO_LINGER, TW_OPTVAL_LINGER },
	{ "SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO, TW_OPTVAL_TIMEVAL_MS },
	{ "SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, TW_OPTVAL_TIMEVAL_MS },
	{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, TW_OPTVAL_INT },
	{ "TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, TW_OPTVAL_INT },
	{ "TCP_CORK", IPPROTO_TCP, TCP_CORK, TW_OPTVAL_INT },
	{ "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, TW_OPTVAL_INT },
	{ "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, TW_OPTVAL_INT },
	{ "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, TW_OPTVAL_INT },
	{ "TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, TW_OPTVAL_INT },
	{ "TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, TW_OPTVAL_INT },
	{ "TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, TW_OPTVAL_INT },
	{ "TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, TW_OPTVAL_INT },
	{ "TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, TW_OPTVAL_INT },
	{ "TCP_CONGESTION", IPPROTO_TCP, TCP_CONGESTION, TW_OPTVAL_STRING },
	{ "TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, TW_OPTVAL_MS },
	{ "TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN, TW_OPTVAL_INT },
	{ "TCP_FASTOPEN_CONNECT", IPPROTO_TCP, TCP_FASTOPEN_CONNECT, TW_OPTVAL_INT },
	{ "TCP_FASTOPEN_NO_COOKIE", IPPROTO_TCP, 34, TW_OPTVAL_INT },
	{ "TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, TW_OPTVAL_INT },
	{ "TCP_RTO_MAX_MS", IPPROTO_TCP, 44, TW_OPTVAL_MS },
	{ "IP_TTL", IPPROTO_IP, IP_TTL, TW_OPTVAL_INT },
	{ "IP_RECVERR", IPPROTO_IP, IP_RECVERR, TW_OPTVAL_INT },
	{ "IPV6_RECVERR", IPPROTO_IPV6, IPV6_RECVERR, TW_OPTVAL_INT },
	{ "IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, TW_OPTVAL_INT },
	{ "SOCKET_MPTCP", 0, 0, TW_OPTVAL_MPTCP },
};

const struct tw_socket_option *tw_socket_option_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

const char *tw_socket_option_nearest(const char *name)
{
	struct tw_suggestion s = { .typed = name };
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		tw_suggest_offer(&s, options[i].name);
	return s.best;
}

int tw_script_errno(const char *name, const char **nearest)
{
	struct tw_suggestion s = { .typed = name };
	int e;

	/* The C library names each number once; these are the second names. */
	if (!strcmp(name, "EWOULDBLOCK"))
		return EWOULDBLOCK;
	if (!strcmp(name, "ENOTSUP"))
		return ENOTSUP;
	for (e = 1; e < ERRNO_MAX; e++) {
		const char *known = strerrorname_np(e);

		if (!known)
			continue;
		if (!strcmp(known, name))
			return e;
		tw_suggest_offer(&s, known);
	}
	*nearest = s.best;
	return 0;
}

int tw_script_signal(const char *name, const char **nearest)
{
	const char *bare = strncmp(name, "SIG", 3) ? name : name + 3;
	struct tw_suggestion s = { .typed = bare };
	int n;

	for (n = 1; n < NSIG; n++) {
		const char *known = sigabbrev_np(n);

		if (!known)
			continue;
		if (!strcmp(known, bare))
			return n;
		tw_suggest_offer(&s, known);
	}
	*nearest = s.best;
	return 0;
}

int64_t tw_script_set(const struct tw_script_word *table, const char *text, const char **bad)
{
	int64_t set = 0;

	for (;;) {
		size_t length = strcspn(text, "+");
		const struct tw_script_word *w;

		for (w = table; w->name; w++)
			if (strlen(w->name) == length && !strncmp(w->name, text, length))
				break;
		if (!w->name) {
			*bad = text;
			return -1;
		}
		set |= w->value;
		if (!text[length])
			return set;
		text += length + 1;
	}
}

const char *tw_errno_name(int error)
{
	static _Thread_local char unnamed[24];
	const char *name = error > 0 ? strerrorname_np(error) : NULL;

	if (name)
		return name;
	snprintf(unnamed, sizeof(unnamed), "errno %d", error);
	return unnamed;
}

const char *tw_tcp_state_name(unsigned state)
{
	const struct tw_script_word *w;

	/* TCP_NEW_SYN_RECV, a request that has no socket of its own yet; no program's header has it. */
	if (state == 12)
		return "SYN_RECV";
	for (w = tw_script_states; w->name; w++)
		if (w->value == (int64_t)state)
			return w->name;
	return "unknown";
}

const char *tw_events_text(char *out, unsigned events)
{
	const struct tw_script_word *w;
	size_t at = 0;

	snprintf(out, TW_EXPECT_TEXT, "nothing");
	for (w = tw_script_events; w->name; w++)
		if (events & (unsigned)w->value)
			at += (size_t)snprintf(out + at, TW_EXPECT_TEXT - at, "%s%s", at ? "+" : "",
					       w->name);
	return out;
}

/* What is expected, without its time; returns the length. */
static size_t what_text(char *out, const struct tw_expect *e)
{
	const char *fixed = NULL;

	switch (e->kind) {
	case TW_EXPECT_SUCCESS:
		fixed = "success";
		break;
	case TW_EXPECT_ERRNO:
		snprintf(out, TW_EXPECT_TEXT, "%s", tw_errno_name((int)e->value));
		break;
	case TW_EXPECT_EOF:
		fixed = "EOF";
		break;
	case TW_EXPECT_NUMBER:
		snprintf(out, TW_EXPECT_TEXT, "%lld", (long long)e->value);
		break;
	case TW_EXPECT_HANG:
		fixed = "hang";
		break;
	case TW_EXPECT_EVENTS:
		tw_events_text(out, (unsigned)e->value);
		break;
	}
	if (fixed)
		snprintf(out, TW_EXPECT_TEXT, "%s", fixed);
	return strlen(out);
}

const char *tw_expect_text(char *out, const struct tw_expect *e)
{
	size_t at = what_text(out, e), room = TW_EXPECT_TEXT - at;
	int64_t least = e->at_least_ns, most = e->at_most_ns;

	if (e->kind == TW_EXPECT_HANG)
		snprintf(out + at, room, " for %s", TW_DUR(least));
	else if (least >= 0 && most >= 0)
		snprintf(out + at, room, " after %s to %s", TW_DUR(least), TW_DUR(most));
	else if (most >= 0)
		snprintf(out + at, room, " within %s", TW_DUR(most));
	else if (least >= 0)
		snprintf(out + at, room, " after %s", TW_DUR(least));
	return out;
}
