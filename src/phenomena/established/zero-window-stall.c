/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiving application does not read; its kernel says window 0, and the sender may only
 * probe.
 *
 * Theory: the receiver's TCP says itself that it has no room (RFC 9293 s3.8.6.1), so that the
 * stall happened is certain; why the application did not read is never visible. Answered probes
 * keep the connection alive for ever. Limits: a window below one segment stalls as well, and is
 * not counted here; a probe within 500 ms of the last answer is regularly unanswered
 * (tcp_invalid_ratelimit), which is no loss.
 *
 *    sender                                              receiver    app
 *      |------------------------ data ---------------------->|       |
 *      |<--------------------- ACK win 0 --------------------|  full : does
 *      |   0.2 s                                             |       : not
 *      |--------------------- probe ------------------------>|       : read
 *      |<--------------------- ACK win 0 --------------------|       :
 *      :   0.45  0.9  1.8 ... every 120 s, for ever          :       :
 *      |<--------------------- ACK win > 0 ------------------|<------| recv
 *      |------------------------ data ---------------------->|
 */
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"

#include <errno.h>
#include <inttypes.h>

#define ORDINARY_NS (TW_NS_PER_S / 2) /* shorter pauses are flow control at work */
/* a stall that the end of the capture interrupts so soon proves little */
#define CUT_SHORT_NS (2 * TW_NS_PER_S)

#define TAKEN_BACK (INT64_C(2) << 14) /* twice the unit that the largest scale tells windows in */

/* A buffer that is full was filled. This window went to 0 with nothing in between that could have filled it. */
static bool was_taken_back(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ZERO_WINDOW_TAKEN_BACK) >= TAKEN_BACK;
}

/* Did anybody notice? A pause that drew probes, or half a second, and the sender had more to say. */
static bool is_stall(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_ZERO_WINDOW_OPEN_AT_END) && tw_is(f, TW_F_ZERO_WINDOW_WAITED, 0))
		return false;
	return tw_known(f, TW_F_ZERO_WINDOW_SIDE) &&
	       (tw_get(f, TW_F_ZERO_WINDOW_SPAN_NS) >= ORDINARY_NS ||
		tw_get(f, TW_F_ZERO_WINDOW_PROBES) >= 2);
}

/* What fills the buffer may be no program's to read. */
static void cite_hole(struct tw_match *m)
{
	tw_cite(m, TW_F_ZERO_WINDOW_HOLED,
		"behind a hole it has more (SACK): nothing of that can be read before the hole is "
		"filled");
	tw_rival(m, "loss-recovered",
		 "its buffer may be full of what lies behind the hole, so that the segment that "
		 "fills it finds no room: the program may be waiting, with Recv-Q 0");
}

static void say_opened(struct tw_match *m, enum tw_side reader, int64_t span)
{
	m->strength = span >= TW_NS_PER_S ? TW_STRENGTH_STALL : TW_STRENGTH_DELAY;
	m->confidence = TW_CERTAIN;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->summary = tw_say(m, "%s read too little for %s: its window was 0, then it opened again.",
			    tw_endpoint(m, reader), TW_DUR(span));
	tw_cite(m, TW_F_ZERO_WINDOW_OPEN_AT_END, "the window opens again after %s", TW_DUR(span));
	tw_app_saw(
		m, tw_other(reader), "send", "hang", span,
		"send() blocked while the window was closed, once the send buffer was full too.");
	tw_rule_out(m, "peer-vanished", "the receiver's kernel answered, and took more data later");
	if (!tw_get(m->facts, TW_F_ZERO_WINDOW_HOLED))
		return;
	m->confidence = TW_POSSIBLE;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(m,
			    "%s had no room for %s: its window was 0, with a hole in what it had "
			    "got, then it opened again.",
			    tw_endpoint(m, reader), TW_DUR(span));
	cite_hole(m);
	tw_missing(m, "Whether there was anything to read: its Recv-Q (`ss -tn`) in that time.");
}

/* The reader itself ended it soon after: its reset is the story, the full buffer a detail. */
static bool reset_soon(const struct tw_facts *f, enum tw_side reader, int64_t span)
{
	return tw_is(f, TW_F_RST_SIDE, reader) && tw_is(f, TW_F_RST_EFFECT, TW_RST_ACCEPTED) &&
	       !tw_get(f, TW_F_ZERO_WINDOW_OPEN_AT_END) && span < CUT_SHORT_NS;
}

/* A kernel answers probes, whatever its application does: is it gone, or the path to it? */
#define SILENT_PROBES 3

static bool fell_silent(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ZERO_WINDOW_PROBES_UNANSWERED_LAST) >= SILENT_PROBES &&
	       !tw_get(f, TW_F_ZERO_WINDOW_OPEN_AT_END);
}

/* The buffer was full, but it is not for that that the sender gives up. BSD's kernels say so by a reset. */
static void say_silent(struct tw_match *m, enum tw_side reader, int64_t span)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side sender = tw_other(reader);
	const bool reset = tw_is(f, TW_F_RST_SIDE, sender);

	/* before a program that resets at will */
	m->strength = reset ? TW_STRENGTH_MECHANISM + 4 : TW_STRENGTH_STALL + 1;
	m->confidence = TW_LIKELY;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->outcome = span >= CUT_SHORT_NS ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->summary =
		tw_say(m,
		       "%s had closed its window, and then answered none of the last %" PRId64
		       " probes: its kernel is silent, too, or the path to it.",
		       tw_endpoint(m, reader), tw_get(f, TW_F_ZERO_WINDOW_PROBES_UNANSWERED_LAST));
	if (reset) {
		tw_cite(m, TW_F_RST_COUNT, "a reset of %s: its kernel has given up",
			tw_side_name(sender));
		tw_rival(m, "linger-reset", "its program may have lost patience first");
	}
	tw_app_saw(m, sender, "send", reset ? "ETIMEDOUT" : "hang", span,
		   "send() blocks until the probes are spent, and fails with ETIMEDOUT then "
		   "(tcp_retries2, or TCP_USER_TIMEOUT).");
	tw_rival(m, "peer-vanished", "the host or the path died while the window was closed");
	tw_rival(m, "firewall-dropped", "a filter that drops from then on is as silent");
	tw_missing(m, "A capture at the other end: do the probes arrive there?");
}

static void say_closed(struct tw_match *m, enum tw_side reader, int64_t span)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = tw_other(reader);
	/* It has said all: what waits for room is its FIN. */
	const bool closed = tw_get(f, TW_F_UNANSWERED_BYTES) == 0 &&
			    (tw_is(f, TW_F_FIN1_SIDE, sender) ||
			     (tw_is(f, TW_F_FIN1_SIDE, reader) && tw_get(f, TW_F_FIN2_SEEN)));

	m->strength = TW_STRENGTH_STALL + 1; /* says more than app-stuck, which may fit as well */
	m->confidence = TW_LIKELY;
	m->outcome = span >= CUT_SHORT_NS ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->summary = tw_say(m,
			    "%s stopped reading: its window stays 0 for %s, up to the end, and %s "
			    "could not send %s.",
			    tw_endpoint(m, reader), TW_DUR(span), tw_side_name(sender),
			    closed ? "its FIN" : "the rest");
	if (closed)
		tw_app_saw(m, sender, NULL, NULL, -1,
			   "It has closed, and sees nothing of it; its kernel repeats the FIN.");
	else
		tw_app_saw(m, sender, "send", "hang", span,
			   "send() blocks; ETIMEDOUT only with TCP_USER_TIMEOUT, or once "
			   "tcp_retries2 probes stay unanswered.");
	tw_rival(m, "app-stuck",
		 "why the application does not read is not visible: it may never have accepted");
	if (tw_get(f, TW_F_ZERO_WINDOW_PROBES_UNANSWERED_LAST) >= 2)
		tw_rival(m, "peer-vanished",
			 "the last %" PRId64
			 " probes are unanswered: the receiver may have died meanwhile",
			 tw_get(f, TW_F_ZERO_WINDOW_PROBES_UNANSWERED_LAST));
	else
		tw_rule_out(m, "peer-vanished",
			    "the receiver's kernel answers with its closed window");
	tw_rival(m, "user-timeout",
		 "the sender may have given up by its own timeout: that sends no packet");
	if (tw_get(f, TW_F_ZERO_WINDOW_HOLED)) {
		m->confidence = TW_POSSIBLE;
		m->culprit = TW_CULPRIT_UNKNOWN;
		cite_hole(m);
	}
	tw_missing(m, "What the receiving process does: its Recv-Q (`ss -tnp`) and its stack would "
		      "tell.");
}

/*
 * Room that was offered is taken back, which kernels do not do: Linux never makes a window smaller than it had said, but for
 * want of memory, when it drops what comes. A device that rewrites windows (a shaper, a proxy), or a stack of another kind.
 *
 *      sender                 device                  receiver
 *        |-- data ----------------------------------->|
 *        |<----------- window 0 --|<-- window 65536 --|	all of it acknowledged, and read
 *        |-- probe ---------------------------------->|
 *        |<----------- window 0 --|<-- window 65536 --|
 */
static void say_taken_back(struct tw_match *m, enum tw_side reader, int64_t span)
{
	const struct tw_facts *f = m->facts;
	/* the server had said all, and the client has got that: what waits is a close, or what nobody reads any more */
	const bool done = reader == TW_SERVER && tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) &&
			  tw_get(f, TW_F_FIN1_ACKED) && !tw_get(f, TW_F_UNANSWERED_BYTES);
	const bool opened = tw_get(f, TW_F_ZERO_WINDOW_OPEN_AT_END);

	m->confidence = TW_POSSIBLE;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(
		m,
		"%s took back the room for %s that it had offered, with nothing to fill it: its "
		"window was 0 for %s%s",
		tw_endpoint(m, reader), tw_bytes(m, tw_get(f, TW_F_ZERO_WINDOW_TAKEN_BACK)),
		TW_DUR(span),
		opened ? ", then it opened again."
		: done ? ", up to the end. It had said all and closed; what waits is the "
			 "client's FIN, or more that it sends."
		       : ", up to the end, and the other end could not send the rest.");
	if (done && !opened) {
		m->outcome = TW_OUTCOME_DEGRADED;
		tw_app_saw(
			m, tw_other(reader), NULL, NULL, -1,
			"It has got all, and the end of the stream. What it sends, its FIN, too, "
			"waits for room.");
	}
	tw_missing(m, "A capture at the end whose window it is: does it write these windows, or a "
		      "device on the way?");
}

/*
 * A window that is closed before anything was sent is no full buffer: a proxy of the handshake (SYN cookies in a
 * firewall or balancer) accepts so, and opens it when the server behind has accepted.
 */
static void say_from_start(struct tw_match *m, enum tw_side reader, int64_t span)
{
	const bool opened = tw_get(m->facts, TW_F_ZERO_WINDOW_OPEN_AT_END);

	if (m->confidence == TW_CERTAIN)
		m->confidence = TW_LIKELY;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary =
		tw_say(m,
		       opened ? "%s accepted the connection with a window of 0 and opened it "
				"after %s, as a proxy of the handshake does once the server "
				"behind it has accepted."
			      : "%s accepted the connection with a window of 0 and kept it "
				"closed for %s, up to the end, as a proxy of the handshake does "
				"while no server behind it answers.",
		       tw_endpoint(m, reader), TW_DUR(span));
	tw_rival(
		m, "syn-unanswered",
		"what it waits for is behind it: the SYNs of the proxy may have been lost, or find "
		"no server");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side reader = (enum tw_side)tw_get(f, TW_F_ZERO_WINDOW_SIDE);
	int64_t span = tw_get(f, TW_F_ZERO_WINDOW_SPAN_NS);
	const int64_t probes = tw_get(f, TW_F_ZERO_WINDOW_PROBES);
	const int64_t answered = tw_get(f, TW_F_ZERO_WINDOW_PROBES_ANSWERED);

	if (!is_stall(f) || reset_soon(f, reader, span))
		return false;
	m->culprit = tw_app_of(reader);
	tw_cite(m, TW_F_ZERO_WINDOW_COUNT,
		tw_get(f, TW_F_ZERO_WINDOW_FROM_START)
			? "%s says window 0 (%s in all) before it took any data"
		: was_taken_back(f) ? "%s says window 0 (%s in all), though all is acknowledged"
				    : "%s says window 0 (%s in all): its receive buffer is full",
		tw_side_name(reader), tw_times(m, tw_get(f, TW_F_ZERO_WINDOW_COUNT)));
	if (probes == 1)
		tw_cite(m, TW_F_ZERO_WINDOW_PROBES, "the only zero-window probe, %sanswered",
			answered ? "" : "un");
	else if (probes)
		tw_cite(m, TW_F_ZERO_WINDOW_PROBES,
			"the first of %" PRId64 " zero-window probes, %" PRId64 " of them answered",
			probes, answered);
	if (tw_get(f, TW_F_ZERO_WINDOW_OPEN_AT_END))
		say_opened(m, reader, span);
	else if (fell_silent(f))
		say_silent(m, reader, span);
	else
		say_closed(m, reader, span);
	if (tw_get(f, TW_F_ZERO_WINDOW_FROM_START))
		say_from_start(m, reader, span);
	else if (was_taken_back(f) && !fell_silent(f))
		say_taken_back(m, reader, span);
	else
		tw_app_saw(m, reader, NULL, NULL, -1,
			   tw_get(f, TW_F_ZERO_WINDOW_HOLED)
				   ? "Nothing: it may be waiting for what is missing."
				   : "Nothing: it is the end that does not read.");
	tw_rule_out(m, "pmtu-blackhole", "the receiver itself forbids further data by its window");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_rmem / SO_RCVBUF",
	  "Size of the receive buffer (minimum, start, maximum): 4096 131072 33554432 on Linux "
	  "6.18, of older ones the maximum is 6291456; SO_RCVBUF fixes it and switches auto-tuning "
	  "off." },
	{ "TCP_USER_TIMEOUT",
	  "Per socket, in milliseconds: ends a stalled sender with ETIMEDOUT even while "
	  "the probes are answered; 0 by default." },
	{ "net.ipv4.tcp_retries2",
	  "Unanswered probes before the sender gives up: 15 by default; answered ones "
	  "do not count." },
	{ "SO_SNDTIMEO", "The sender's limit for one blocking send(); by default none." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Find the reader: on the receiving host run `ss -tnp 'dport = :PORT or sport = "
	":PORT'` and look for a Recv-Q that does not shrink; the process named there has to "
	"read.",
	"See what that process does instead: `gdb -p PID -batch -ex 'thread apply all bt'`, "
	"`strace -f -p PID`, or its thread dump; look for a full queue, a lock, a garbage "
	"collection or a slow disk.",
	"If the reader is slow by design, let the protocol say so (credits, paging, pull), "
	"rather than relying on the window.",
	"Protect the sender: use a send timeout (SO_SNDTIMEO) or TCP_USER_TIMEOUT, so that "
	"one slow reader does not hold a thread for ever.",
	"Raise the buffer only for bursts: `sysctl -w net.ipv4.tcp_rmem='4096 131072 "
	"16777216'`; a reader that is slower than the sender fills every buffer.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.8.6.1 (zero-window probing: open while probes are answered)",
	"RFC 1122 s4.2.2.17",
	"net/ipv4/tcp_timer.c: tcp_probe_timer",
	"net/ipv4/tcp_output.c: tcp_send_probe0, __tcp_select_window",
	NULL,
};

/* It is closed now, and has been for long. Whose application does not read is known, and here even its process. */
static bool match_closed_window(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side reader = (enum tw_side)tw_get(f, TW_F_K_READER);
	const char *name = tw_endpoint(m, reader);
	const int64_t closed_ns = tw_get(f, TW_F_K_WINDOW_ZERO_NS);

	tw_live_say(m, TW_STRENGTH_MECHANISM + 2, TW_CERTAIN, TW_OUTCOME_DEGRADED,
		    tw_app_of(reader), NULL);
	if (tw_known(f, TW_F_K_UNSENT))
		m->summary = tw_say(m,
				    "The window of %s has been closed for %s, with %s "
				    "waiting at the sender: its application does not read.",
				    name, TW_DUR(closed_ns), tw_bytes(m, tw_get(f, TW_F_K_UNSENT)));
	else
		m->summary = tw_say(m,
				    "%s has not read %s for %s, and its window is closed: "
				    "its peer cannot send.",
				    name, tw_bytes(m, tw_get(f, TW_F_K_UNREAD)), TW_DUR(closed_ns));
	tw_cite(m, TW_F_K_WINDOW_ZERO_NS, "closed at each look for %s, and nothing got through",
		TW_DUR(closed_ns));
	if (tw_get(f, TW_F_K_PROBES) > 1)
		tw_rival(m, "peer-vanished", "its last probes were not answered");
	tw_app_saw(m, tw_other(reader), "send", "hang", closed_ns,
		   "send() blocks, or fails with EAGAIN, once the send buffer is full.");
	return true;
}

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_known(f, TW_F_K_WINDOW_ZERO_NS) && !tw_known(f, TW_F_K_ERROR))
		return match_closed_window(m);
	if (!tw_live_error(m, ETIMEDOUT) || !tw_get(f, TW_F_K_WINDOW_ZERO) ||
	    !tw_get(f, TW_F_K_UNSENT) || tw_is(f, TW_F_K_ERROR_STATE, TW_SOCKET_SYN_SENT))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 2, TW_LIKELY, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m,
			   "The window of the peer stayed closed with %s still to send, until "
			   "the kernel gave up.",
			   tw_bytes(m, tw_get(f, TW_F_K_UNSENT))));
	tw_cite(m, TW_F_K_WINDOW_ZERO, "the peer's window is 0: its application does not read");
	tw_live_cite_error(m);
	tw_rival(m, "peer-vanished", "the peer may have died behind its closed window");
	tw_live_error_seen(m, "send");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "reader-stops",
		.about = "the receiver does not read: window 0, probes, send() blocks",
		.variants = "v4 v6 v4-nots",
		.script = "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client fill\n"
			  "client option SO_SNDTIMEO 2s\n"
			  "client send 10000 -> EAGAIN after 2s..9s\n"
			  "state client ESTABLISHED\n"
			  "verdict both zero-window-stall likely unknown failed\n",
	},
	{
		.name = "answer",
		.about = "the client does not read the answer",
		.variants = "v4 v6",
		.script = "client option SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "server option SO_SNDBUF 16384\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "server fill\n"
			  "server nonblocking\n"
			  "server send 10000 -> EAGAIN\n"
			  "server poll out -> hang within 2s &\n"
			  "join server\n"
			  "verdict both zero-window-stall likely unknown failed\n",
	},
	{
		.name = "closed-behind",
		.about = "the sender has closed: what is left stays for the reader",
		.variants = "v4 v6",
		.script = "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client fill\n"
			  "client close\n"
			  "cable wait client ack #5 within 10s\n"
			  "state client FIN_WAIT1\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both zero-window-stall likely certain degraded\n",
	},
	{
		.name = "probes-unanswered",
		.about = "the receiver's host vanishes behind its closed window: ETIMEDOUT, in "
			 "silence",
		.variants = "v4",
		.script = "short client tcp_retries2 3\n"
			  "host client neighbour permanent\n"
			  "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client fill\n"
			  "cable wait client ack #4 within 10s\n"
			  "host server vanish\n"
			  "client send 10000 -> ETIMEDOUT after 1s..20s full 1542s\n"
			  "client send 1 -> EPIPE\n"
			  "# who is silent behind a closed window may be dead, or the path is\n"
			  "verdict client zero-window-stall|peer-vanished likely possible failed "
			  "unknown\n"
			  "verdict server zero-window-stall likely unknown failed\n"
			  "never both certain\n",
	},
	{
		.name = "recovers",
		.about = "the reader comes back after a while",
		.variants = "v4 v6",
		.script = "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client send 40000 &\n"
			  "cable quiet 150ms\n"
			  "wait 1s\n"
			  "server recv 40000\n"
			  "join client\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both zero-window-stall likely certain degraded\n",
	},
	{
		.name = "brief",
		.about = "the window is closed for a moment: ordinary flow control",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client send 20000 &\n"
			  "cable quiet 40ms\n"
			  "server recv 20000\n"
			  "join client\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean|zero-window-stall likely certain clean degraded\n",
	},
	{
		.name = "slow-reader",
		.about = "a reader that is slower than the sender",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server option listener SO_RCVBUF 8192\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client send 40000 &\n"
			  "server recv 4000\n"
			  "cable quiet 30ms\n"
			  "server recv 4000\n"
			  "cable quiet 30ms\n"
			  "server recv 4000\n"
			  "cable quiet 30ms\n"
			  "server recv 28000\n"
			  "join client\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean|zero-window-stall likely certain clean degraded\n",
	},
	{ 0 },
};

static void predict(struct tw_prediction *p, const struct tw_model *m)
{
	struct tw_schedule dead;

	p->begins = "the window closes with data waiting";
	tw_schedule_persist(&p->ladder, m, TW_HELD, true, NULL);
	tw_schedule_persist(&dead, m, TW_HELD, false, NULL);
	tw_predict_stand_until_end(p, "ESTABLISHED", "ESTABLISHED");
	if (m->socket.sndtimeo_ns &&
	    (p->ladder.for_ever || m->socket.sndtimeo_ns < p->ladder.end.expected_ns))
		tw_predict_saw(p, "send(), SO_SNDTIMEO", "EAGAIN",
			       tw_moment_at(m->socket.sndtimeo_ns), NULL);
	else if (p->ladder.for_ever)
		tw_predict_hangs(p, "send(), blocking",
				 "As long as the probes are answered nothing ends it.");
	else
		tw_predict_saw(p, "send(), blocking", "ETIMEDOUT", p->ladder.end,
			       "TCP_USER_TIMEOUT ends even what is answered.");
	tw_predict_saw(
		p, "send(), the peer dies as well", "ETIMEDOUT", dead.end,
		"Counted from the closing of the window, if no probe was answered; each answer "
		"begins the count of unanswered probes anew.");
	tw_predict_saw(p, "send(), non-blocking", "EAGAIN", tw_moment_at(0), NULL);
	if (p->ladder.for_ever)
		tw_predict_hangs(p, "poll() for writing", NULL);
	else
		tw_predict_saw(p, "poll(), then SO_ERROR", "ETIMEDOUT", p->ladder.end, NULL);
	p->note = "Only this direction is stopped: what the peer sends comes through.";
}

const struct tw_phenomenon tw_ph_zero_window_stall = {
	.slug = "zero-window-stall",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The receiver's window closed: nobody read",
	.happens = "The receiver's kernel keeps what arrives until the application reads it. "
		   "When the buffer is full it advertises a window of 0. The sender stops, and "
		   "asks again with zero-window probes: segments without data and with a "
		   "sequence number one below the next, after 0.2 s, then at doubling intervals "
		   "up to 120 s. Each answer that still says window 0 restarts the count, so the "
		   "connection stays for ever, even after the sender's application has closed "
		   "it.\n\n"
		   "If the probes stay unanswered, the sender gives up after tcp_retries2 of "
		   "them (1542 s measured), in silence. TCP_USER_TIMEOUT ends it sooner, and it "
		   "does so even if the peer is alive and answers.",
	.diagram = " sender                                              receiver    app\n"
		   "   |------------------------ data ---------------------->|       |\n"
		   "   |<--------------------- ACK win 0 --------------------|  full : does\n"
		   "   |   0.2 s                                             |       : not\n"
		   "   |--------------------- probe ------------------------>|       : read\n"
		   "   |<--------------------- ACK win 0 --------------------|       :\n"
		   "   :   0.45  0.9  1.8 ... every 120 s, for ever          :       :\n"
		   "   |<--------------------- ACK win > 0 ------------------|<------| recv\n"
		   "   |------------------------ data ---------------------->|\n",
	.client_sees =
		"If the client is the sender, send() blocks (or EAGAIN) once its own buffer "
		"is full too, and goes on the moment the receiver reads; if the receiver's host "
		"is gone and answers no probe, ETIMEDOUT. If the client is the "
		"receiver it sees nothing: it is the one that does not read.",
	.server_sees = "The same with the roles exchanged. In `ss -tn` the receiving side has a "
		       "large Recv-Q, the sending side a large Send-Q and `timer:(persist,...)`.",
	.recognise = "tcpwhy takes the window field, scaled by the handshake, and asks that it "
		     "stayed at 0 for at least half a second or drew probes: shorter pauses are "
		     "ordinary flow control. If the window opened again, the outcome is degraded "
		     "and certain. If it is closed to the end, the connection was stuck as far as "
		     "the capture reaches: likely, because the sender may have given up silently "
		     "or the receiver may read on later.\n\n"
		     "A kernel answers probes whatever its application does. If none of the last "
		     "ones was answered, the receiving host or the path to it is silent as well, "
		     "and the verdict says so. A sender of BSD's kernels ends that by a reset.\n\n"
		     "A window that goes from much to 0 with nothing that could fill it was not "
		     "closed by a full buffer: possible, and a capture at the other end tells "
		     "whether a device on the way wrote it.\n\n"
		     "It cannot tell why the application did not read: busy, blocked, stopped, "
		     "never accepted (app-stuck), or slow on purpose.",
	.folklore = "\"A zero window is a network problem\", \"an unanswered probe is a lost "
		    "one.\" The receiving application did not read, and Linux answers at most one "
		    "probe in 500 ms.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WKP",
	.predict = predict,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
