/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table and its parser. Options may stand anywhere, letters may be joined (-nv, -c5), a
 * long name takes its argument after '=' or as the next word, and "--" ends the options.
 */
#include "cli/options.h"
#include "base/suggest.h"
#include "lab/script.h"
#include "report/style.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX   256
#define REPEAT_MAX 100000
#define SYNCNT_MAX 127 /* MAX_TCP_SYNCNT */
#define MEMORY_MIN (UINT64_C(8) << 20)
#define ALL                                                                                        \
	(TW_CMD_READ | TW_CMD_EXPLAIN | TW_CMD_LAB | TW_CMD_LIVE | TW_CMD_DOCTOR |                 \
	 TW_CMD_PREDICT | TW_CMD_AUDIT)

const struct tw_option tw_options[] = {
	{ TW_OPT_READ, 'r', NULL, TW_ARG_CAPTURE, "FILE", TW_CMD_READ,
	  "read FILE; other words are then a filter",
	  "Read _FILE_, in the manner of tcpdump: words that are no option are then joined to a "
	  "filter "
	  "and not taken for files. May be given several times." },
	{ TW_OPT_FILTER, 'f', "filter", TW_ARG_TEXT, "FILTER", TW_CMD_READ,
	  "only packets that match, see pcap-filter(7)",
	  "Look only at packets that match this expression of *pcap-filter*(7). A filter that "
	  "hides one "
	  "direction of a connection hides its causes, too." },
	{ TW_OPT_WRITE, 'w', "write", TW_ARG_FILE, "FILE", TW_CMD_READ,
	  "write the reported connections to FILE, as pcapng",
	  "Write all packets of the reported connections to _FILE_ as pcapng; the packets that "
	  "decide a "
	  "verdict carry it as a comment. The input is read again for it, so it can not be a "
	  "pipe." },
	{ TW_OPT_COUNT, 'c', "count", TW_ARG_TEXT, "N", TW_CMD_READ, "stop after N packets",
	  "Stop after _N_ packets (of those that match the filter) and judge what they show." },
	{ TW_OPT_NUMERIC, 'n', NULL, TW_ARG_NONE, NULL, TW_CMD_READ | TW_CMD_LIVE,
	  "no name look-ups (there are none anyway)",
	  "Do not turn addresses into names. That is always so; the option is taken because "
	  "fingers know "
	  "it from tcpdump." },
	{ TW_OPT_VERBOSE, 'v', "verbose", TW_ARG_NONE, NULL, TW_CMD_READ | TW_CMD_LIVE,
	  "say more, with all evidence and what was ruled out",
	  "Say more: all evidence, the settings that govern the failure, the explanations that "
	  "were ruled "
	  "out and why, and references. Every group of failures is named." },
	{ TW_OPT_QUIET, 'q', "quiet", TW_ARG_NONE, NULL, TW_CMD_READ | TW_CMD_LIVE,
	  "say less, one line per verdict and endpoint",
	  "Say less: one line per verdict and endpoint, no diagrams, no explanations." },
	{ TW_OPT_ALL, 0, "all", TW_ARG_NONE, NULL, TW_CMD_READ | TW_CMD_LIVE,
	  "report clean connections, too", "Report every connection, also those that are clean." },
	{ TW_OPT_VERDICT, 0, "verdict", TW_ARG_SLUGS, "SLUG[,SLUG]", TW_CMD_READ | TW_CMD_LIVE,
	  "report only these verdicts",
	  "Report only connections with one of these verdicts: slugs of *tcpwhy-phenomena*(7), "
	  "*clean* or "
	  "*unknown*. The summary still counts all." },
	{ TW_OPT_STREAM, 0, "stream", TW_ARG_TEXT, "N", TW_CMD_READ,
	  "tell the whole story of connection N",
	  "Tell the whole story of one connection, packet by packet. _N_ counts from 0 by first "
	  "packet, as "
	  "tcp.stream of Wireshark does." },
	{ TW_OPT_JSON, 0, "json", TW_ARG_NONE, NULL, TW_CMD_READ,
	  "JSON Lines in place of the report",
	  "Print one JSON object per line: a finding per connection, then a summary per input. The "
	  "fields are described under JSON below. *-q* and *-v* do not change it." },
	{ TW_OPT_MERGE, 0, "merge", TW_ARG_NONE, NULL, TW_CMD_READ,
	  "take all files as one timeline",
	  "Take several files as parts of one timeline, ordered by time, in place of one report "
	  "per file." },
	{ TW_OPT_COLOR, 0, "color", TW_ARG_COLOR, "WHEN", ALL, "auto (default), always or never",
	  "When to colour: *auto* (the default: only on a terminal, and not if NO_COLOR is set), "
	  "*always* or "
	  "*never*." },
	{ TW_OPT_IDLE_TABLE, 0, "idle-table", TW_ARG_FILE, "FILE", TW_CMD_READ | TW_CMD_AUDIT,
	  "idle timeouts of your own devices",
	  "Add the idle timeouts in _FILE_ to the built-in table of devices. Format: see FILES." },
	{ TW_OPT_MEMORY, 0, "memory", TW_ARG_TEXT, "SIZE", TW_CMD_READ,
	  "memory ceiling, as 512M (default is 1/4 of RAM)",
	  "Never use more memory than _SIZE_ (a number with M or G, 8M at least) for the "
	  "connection "
	  "tables; what is known of hosts takes 6 MiB more at most. What had to be forgotten is "
	  "counted and said. The default is a quarter of the machine's memory." },
	{ TW_OPT_WIDTH, 0, "width", TW_ARG_TEXT, "N", ALL, "wrap text at N columns, 60 to 100",
	  "Wrap text at _N_ columns, 60 to 100. The default is the terminal's width within these "
	  "bounds, and 80 "
	  "without a terminal." },
	{ TW_OPT_JOBS, 'j', "jobs", TW_ARG_TEXT, "N", TW_CMD_LAB_RUN,
	  "run N scenarios side by side",
	  "Run _N_ scenarios side by side. The default is six per processor: they mostly wait." },
	{ TW_OPT_VERBOSE, 'v', "verbose", TW_ARG_NONE, NULL, TW_CMD_LAB_RUN,
	  "show packets and calls of each run on a time line",
	  "Show the time line of each run: packets, calls of the applications with what they "
	  "returned, states of the kernels' sockets, and what was done to cable and hosts. Long "
	  "transfers are folded; *-vv* shows every packet." },
	{ TW_OPT_QUIET, 'q', "quiet", TW_ARG_NONE, NULL, TW_CMD_LAB_RUN,
	  "show failed runs and the closing line only",
	  "Show failed runs and the closing line only; with a program of yours, leave out the time "
	  "line." },
	{ TW_OPT_JSON, 0, "json", TW_ARG_NONE, NULL, TW_CMD_LAB, "JSON Lines in place of text",
	  "Print one JSON object per line: a record per run, then a summary; of *list*, an object "
	  "per scenario. See JSON below." },
	{ TW_OPT_KEEP, 0, "keep", TW_ARG_FOLDER, "DIR", TW_CMD_LAB_RUN,
	  "keep captures and record of each run in DIR",
	  "Keep the captures of both ends and the record of each run, in "
	  "_DIR_/SLUG/NAME/VARIANT (with *--repeat*, a numbered folder below it): "
	  "client.pcapng, server.pcapng, record.json." },
	{ TW_OPT_REPEAT, 0, "repeat", TW_ARG_TEXT, "N", TW_CMD_LAB_RUN, "run everything N times",
	  "Run each scenario _N_ times." },
	{ TW_OPT_FULL_TIME, 0, "full-time", TW_ARG_NONE, NULL, TW_CMD_LAB_RUN,
	  "with the kernel's default timers, not shortened",
	  "Leave the kernel's timers at their defaults. Scenarios shorten them to end within "
	  "seconds; some then take a quarter of an hour, with keepalive more than two hours." },
	{ TW_OPT_SEED, 0, "seed", TW_ARG_TEXT, "N", TW_CMD_LAB_RUN, "seed of random loss",
	  "Where a scenario has random loss, this number decides which packets are lost. The "
	  "default is 0." },
	{ TW_OPT_AS, 0, "as", TW_ARG_CHOICE, "END", TW_CMD_LAB_RUN,
	  "the program is the client (default) or the server",
	  "The program after *--* is this end: *client* (the default) or *server*.",
	  "client server" },
	{ TW_OPT_PEER, 0, "peer", TW_ARG_TEXT, "COMMAND", TW_CMD_LAB_RUN,
	  "a second program as the other end",
	  "Run _COMMAND_ with sh -c as the other end, in place of the lab's own client or "
	  "server." },
	{ TW_OPT_AT, 0, "at", TW_ARG_CHOICE, "WHEN", TW_CMD_LAB_RUN,
	  "begin the fault at connect, or before it (start)",
	  "When the fault begins: *connect*, once the program's connection is established; "
	  "*start*, as the program starts. Without any of *--at*, *--after-bytes*, *--after* and "
	  "*--at-line*: once the client's first byte is on the wire, and in scenarios about "
	  "connecting before it starts.",
	  "connect start" },
	{ TW_OPT_AFTER_BYTES, 0, "after-bytes", TW_ARG_TEXT, "N", TW_CMD_LAB_RUN,
	  "begin the fault once N bytes have passed, as 64k",
	  "Begin the fault once _N_ bytes of data have passed, in both directions together; *k* "
	  "and *M* may follow the number." },
	{ TW_OPT_AFTER, 0, "after", TW_ARG_TEXT, "TIME", TW_CMD_LAB_RUN,
	  "begin the fault so long after the start, as 2s",
	  "Begin the fault so long after the program was started: *500ms*, *2s*, *1m*." },
	{ TW_OPT_AT_LINE, 0, "at-line", TW_ARG_TEXT, "REGEX", TW_CMD_LAB_RUN,
	  "begin the fault at a line of the program's output",
	  "Begin the fault when a line of the program's standard output or error matches this "
	  "extended regular expression (*regex*(7))." },
	{ TW_OPT_SERVE, 0, "serve", TW_ARG_CHOICE, "KIND", TW_CMD_LAB_RUN,
	  "what the lab's server answers a program",
	  "What the lab's own server answers to your client: *http*, *echo* (sends back what "
	  "came), *none* (reads and is silent), or *auto* (the default), which answers HTTP where "
	  "it "
	  "is asked in HTTP and echoes otherwise.",
	  "auto http echo none" },
	{ TW_OPT_EXPECT_EXIT, 0, "expect-exit", TW_ARG_TEXT, "N", TW_CMD_LAB_RUN,
	  "fail unless the program exits with N",
	  "Fail unless the program exits by itself with status _N_." },
	{ TW_OPT_WITHIN, 0, "within", TW_ARG_TEXT, "TIME", TW_CMD_LAB_RUN,
	  "fail unless the program ends within TIME, as 30s",
	  "Fail unless the program ends within this time after its start; it is stopped then. "
	  "Without it, it is stopped 60 seconds after the fault, which is no failure." },
	{ TW_OPT_INTERFACE, 'i', "interface", TW_ARG_TEXT, "IFACE", TW_CMD_LIVE,
	  "watch packets of IFACE (or any), too",
	  "Watch the packets of this interface (*any*: of all), too, and join both sides of a "
	  "connection in one finding. Where the kernel's events are not to be had, packets alone "
	  "are watched, and a line on standard error says why. See PACKETS." },
	{ TW_OPT_PACKETS_ONLY, 0, "packets-only", TW_ARG_NONE, NULL, TW_CMD_LIVE,
	  "packets without the kernel's events",
	  "Watch packets only, even where the kernel's events are to be had. Needs CAP_NET_RAW and "
	  "nothing else. Without *-i* it is *-i any*." },
	{ TW_OPT_WRITE, 'w', "write", TW_ARG_FILE, "FILE", TW_CMD_LIVE,
	  "write the packets of what is told to FILE",
	  "Write the packets of the connections that are told to a pcapng file, each connection as "
	  "it is told, with the verdict and the evidence as comments of the packets that are "
	  "cited. Without *-i* it is *-i any*." },
	{ TW_OPT_MEMORY, 0, "memory", TW_ARG_TEXT, "SIZE", TW_CMD_LIVE,
	  "ceiling for -i and -w, as 512M (default 256M)",
	  "Use no more than _SIZE_ (a number with K, M or G) for the connections that *-i* "
	  "watches; "
	  "with *-w* a quarter of it is for packets of connections that have not failed yet. What "
	  "had to be given up is counted and said. The default is 256M." },
	{ TW_OPT_FILTER, 'f', "filter", TW_ARG_TEXT, "FILTER", TW_CMD_LIVE,
	  "only connections that match (host, net, port, or)",
	  "Tell only connections that match this expression, which the kernel applies: *host* "
	  "_ADDR_, *net* _ADDR_/_LEN_, *port* _N_, *portrange* _N_-_M_, *ip*, *ip6*, *and*, *or*, "
	  "*not* and parentheses, as in *pcap-filter*(7), of which *--packets-only* takes all. "
	  "Words that are no option mean the same." },
	{ TW_OPT_JSON, 0, "json", TW_ARG_NONE, NULL, TW_CMD_LIVE | TW_CMD_DOCTOR,
	  "JSON Lines in place of text", "Print one JSON object per line." },
	{ TW_OPT_DURATION, 0, "duration", TW_ARG_TEXT, "TIME", TW_CMD_LIVE,
	  "end after TIME, as 30s",
	  "End after this time (*500ms*, *30s*, *5m*) with the summary, as after Ctrl-C." },
	{ TW_OPT_PID, 0, "pid", TW_ARG_TEXT, "PID[,PID]", TW_CMD_LIVE,
	  "only sockets of these processes and their children",
	  "Tell only connections of these processes and of the children that they start from now "
	  "on." },
	{ TW_OPT_COMM, 0, "comm", TW_ARG_TEXT, "NAME", TW_CMD_LIVE,
	  "only sockets of processes with this name",
	  "Tell only connections of processes with this name, as *ps -o comm* shows it (15 "
	  "characters)." },
	{ TW_OPT_CGROUP, 0, "cgroup", TW_ARG_FILE, "PATH", TW_CMD_LIVE,
	  "only sockets of processes in or below this cgroup",
	  "Tell only connections of processes in this cgroup or in one below it: a folder of "
	  "/sys/fs/cgroup, such as _system.slice/nginx.service_ or _kubepods.slice_." },
	{ TW_OPT_NETNS, 0, "netns", TW_ARG_FILE, "NETNS", TW_CMD_LIVE,
	  "only this network namespace (file, name or process)",
	  "Tell only connections in this network namespace: a file (_/proc/123/ns/net_), a name "
	  "of *ip netns*, or the number of a process in it." },
	{ TW_OPT_RATE_LIMIT, 0, "rate-limit", TW_ARG_TEXT, "N", TW_CMD_LIVE,
	  "at most N equal findings per second (default 5)",
	  "Of equal findings (verdict, server, process), tell at most _N_ per second and fold the "
	  "rest into a count; 0 tells all. The default is 5. The summary counts all." },
	{ TW_OPT_BIND, 0, "bind", TW_ARG_NONE, NULL, TW_CMD_LIVE,
	  "tell of ports that are taken (slows system calls)",
	  "Tell of *bind*() and *listen*() that find their port taken (_address-in-use_), and who "
	  "listens "
	  "there. As only the tracepoint of all system calls shows it, each call of each program "
	  "on this host then takes some 80 ns more." },
	{ TW_OPT_PATIENCE, 0, "patience", TW_ARG_TEXT, "TIME", TW_CMD_LIVE,
	  "tell of a socket that waits so long (default 60s)",
	  "Tell of a socket that has waited for the same for this long: for its application to "
	  "read, to accept or to close it, for the peer's window to open, for the answer to what "
	  "is repeated. The default is 60s." },
	{ TW_OPT_METRICS, 0, "metrics", TW_ARG_TEXT, "ADDR:PORT", TW_CMD_LIVE,
	  "serve counters for Prometheus at this address",
	  "Serve counters and the watch's own health for Prometheus at "
	  "http://_ADDR_:_PORT_/metrics: *127.0.0.1:9710*, *[::1]:9710*, or *:9710* for every "
	  "address of this host. Port 0 takes a free one, which is said at start. See METRICS." },
	{ TW_OPT_SET, 0, "set", TW_ARG_TEXT, "NAME=VALUE", TW_CMD_PREDICT,
	  "as if this setting had this value",
	  "Predict as if the sysctl _NAME_ had this value, such as *tcp_retries2=8*; *net.ipv4.* "
	  "may be left out. May be given several times. Nothing on the host is changed." },
	{ TW_OPT_SYSCTL_FILE, 0, "sysctl-file", TW_ARG_FILE, "FILE", TW_CMD_PREDICT,
	  "settings of another host, from sysctl -a",
	  "Predict for another host: _FILE_ holds the output of *sysctl -a* there. What it does "
	  "not "
	  "have is taken at the kernel's default." },
	{ TW_OPT_KERNEL, 0, "kernel", TW_ARG_TEXT, "VERSION", TW_CMD_PREDICT,
	  "as this version of Linux does, as 6.1",
	  "Predict for this version of Linux, 4.19 or newer: settings that it does not have behave "
	  "as "
	  "they did before they came." },
	{ TW_OPT_RTT, 0, "rtt", TW_ARG_TEXT, "TIME", TW_CMD_PREDICT,
	  "round trip of the path, as 40ms (default 1ms)",
	  "The round trip of the path, which timeouts build on. The default is *1ms*." },
	{ TW_OPT_USER_TIMEOUT, 0, "user-timeout", TW_ARG_TEXT, "TIME", TW_CMD_PREDICT,
	  "with the socket option TCP_USER_TIMEOUT",
	  "As if the application had set TCP_USER_TIMEOUT." },
	{ TW_OPT_KEEPALIVE, 0, "keepalive", TW_ARG_TEXT, "T/I/N", TW_CMD_PREDICT,
	  "with SO_KEEPALIVE, as 60/10/3 (or on)",
	  "As if the application had set SO_KEEPALIVE with TCP_KEEPIDLE _T_, TCP_KEEPINTVL _I_ "
	  "(seconds) and TCP_KEEPCNT _N_; *on* leaves these to the host's settings." },
	{ TW_OPT_SNDTIMEO, 0, "sndtimeo", TW_ARG_TEXT, "TIME", TW_CMD_PREDICT,
	  "with the socket option SO_SNDTIMEO",
	  "As if the application had set SO_SNDTIMEO, which bounds connect(), too." },
	{ TW_OPT_RCVTIMEO, 0, "rcvtimeo", TW_ARG_TEXT, "TIME", TW_CMD_PREDICT,
	  "with the socket option SO_RCVTIMEO", "As if the application had set SO_RCVTIMEO." },
	{ TW_OPT_SYNCNT, 0, "syncnt", TW_ARG_TEXT, "N", TW_CMD_PREDICT,
	  "with the socket option TCP_SYNCNT",
	  "As if the application had set TCP_SYNCNT, which replaces tcp_syn_retries." },
	{ TW_OPT_OF_PID, 0, "pid", TW_ARG_TEXT, "PID", TW_CMD_PREDICT,
	  "for the living connections of this process",
	  "Predict for the living connections of this process: with their options and round trips. "
	  "See LIVING SOCKETS." },
	{ TW_OPT_SOCKET, 0, "socket", TW_ARG_TEXT, "ADDR:PORT", TW_CMD_PREDICT,
	  "for the living connections with this end",
	  "Predict for the living connections that have *127.0.0.1:5432* or *[::1]:5432*, at "
	  "either "
	  "end. See LIVING SOCKETS." },
	{ TW_OPT_VERBOSE, 'v', "verbose", TW_ARG_NONE, NULL, TW_CMD_PREDICT,
	  "list all settings that timers depend on",
	  "List all settings that timers depend on, with their values, where each comes from, and "
	  "what it does. Of living connections, tell the story of each." },
	{ TW_OPT_JSON, 0, "json", TW_ARG_NONE, NULL, TW_CMD_PREDICT, "JSON Lines in place of text",
	  "Print one JSON object per phenomenon. See JSON below." },
	{ TW_OPT_IDLE, 0, "idle", TW_ARG_TEXT, "TIME", TW_CMD_AUDIT,
	  "a connection is idle or stuck after TIME",
	  "From how long on a connection counts as idle, or as stuck (in CLOSE_WAIT, with data "
	  "unread ...). "
	  "The defaults are the shortest idle timeout of the table of devices (*240s*), and "
	  "*60s*." },
	{ TW_OPT_SET, 0, "set", TW_ARG_TEXT, "NAME=VALUE", TW_CMD_AUDIT,
	  "as if this setting had this value",
	  "Judge as if the sysctl _NAME_ had this value, such as *tcp_syncookies=0*; *net.ipv4.* "
	  "may be left out. May be given several times. Nothing on the host is changed." },
	{ TW_OPT_SYSCTL_FILE, 0, "sysctl-file", TW_ARG_FILE, "FILE", TW_CMD_AUDIT,
	  "only the settings of another host, from sysctl -a",
	  "Judge the settings of another host: _FILE_ holds the output of *sysctl -a* there. Its "
	  "sockets and counters are not known." },
	{ TW_OPT_VERBOSE, 'v', "verbose", TW_ARG_NONE, NULL, TW_CMD_AUDIT,
	  "notes in full, and all sockets concerned",
	  "Tell notes in full, and with each remark which processes and sockets it is about." },
	{ TW_OPT_JSON, 0, "json", TW_ARG_NONE, NULL, TW_CMD_AUDIT, "JSON Lines in place of text",
	  "Print one JSON object per remark, then a summary. See JSON below." },
	{ TW_OPT_HELP, 'h', "help", TW_ARG_NONE, NULL, ALL, "show this help",
	  "Show a short help." },
	{ TW_OPT_VERSION, 'V', "version", TW_ARG_NONE, NULL, ALL, "show the version",
	  "Show the version." },
};
const unsigned tw_option_count = sizeof(tw_options) / sizeof(tw_options[0]);

static const struct tw_option *find_letter(unsigned command, char letter)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++)
		if (tw_options[i].letter == letter && (tw_options[i].commands & command))
			return &tw_options[i];
	return NULL;
}

static const struct tw_option *find_name(unsigned command, const char *name, size_t length)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];

		if (o->name && (o->commands & command) && strlen(o->name) == length &&
		    memcmp(o->name, name, length) == 0)
			return o;
	}
	return NULL;
}

static int unknown_name(unsigned command, const char *name, size_t length, struct tw_err *err)
{
	char typed[64] = "";
	struct tw_suggestion s = { .typed = typed };
	unsigned i;

	memcpy(typed, name, length < sizeof(typed) ? length : sizeof(typed) - 1);
	for (i = 0; i < tw_option_count; i++)
		if (tw_options[i].name && (tw_options[i].commands & command))
			tw_suggest_offer(&s, tw_options[i].name);
	if (s.best)
		return tw_err_set(err, -EINVAL, "unknown option --%s; did you mean --%s?", typed,
				  s.best);
	return tw_err_set(err, -EINVAL, "unknown option --%s; see --help", typed);
}

bool tw_parse_number(const char *text, size_t length, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return length > 0;
}

static int number(const struct tw_option *o, const char *text, uint64_t *out, struct tw_err *err)
{
	if (!tw_parse_number(text, strlen(text), out))
		return tw_err_set(err, -EINVAL, "option %s%s needs a number, not '%s'",
				  o->name ? "--" : "-",
				  o->name ? o->name : (char[]){ o->letter, 0 }, text);
	return 0;
}

static int memory_size(const char *text, uint64_t *out, struct tw_err *err)
{
	static const char units[] = "KMGT";
	const size_t digits = strspn(text, "0123456789");
	const char *unit, *end = text + digits;
	uint64_t value = 0;
	unsigned shift = 0;

	if (digits && *end && (unit = strchr(units, *end & ~0x20))) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
		if (*end == 'i')
			end++;
		if (*end == 'B')
			end++;
	}
	if (!tw_parse_number(text, digits, &value) || *end || value > UINT64_MAX >> shift)
		return tw_err_set(err, -EINVAL,
				  "option --memory needs a size such as 512M, not '%s'", text);
	*out = value << shift;
	if (*out < MEMORY_MIN)
		return tw_err_set(err, -EINVAL, "option --memory needs at least 8M, not '%s'",
				  text);
	return 0;
}

static int color_when(const char *text, enum tw_color *out, struct tw_err *err)
{
	if (strcmp(text, "auto") == 0)
		*out = TW_COLOR_AUTO;
	else if (strcmp(text, "always") == 0)
		*out = TW_COLOR_ALWAYS;
	else if (strcmp(text, "never") == 0)
		*out = TW_COLOR_NEVER;
	else
		return tw_err_set(err, -EINVAL,
				  "option --color takes auto, always or never, not '%s'", text);
	return 0;
}

static int width(const struct tw_option *o, const char *text, unsigned *out, struct tw_err *err)
{
	uint64_t value = 0;
	int r = number(o, text, &value, err);

	if (r)
		return r;
	if (value < TW_WIDTH_MIN || value > TW_WIDTH_MAX)
		return tw_err_set(err, -EINVAL, "option --width takes %d to %d columns, not %s",
				  TW_WIDTH_MIN, TW_WIDTH_MAX, text);
	*out = (unsigned)value;
	return 0;
}

static int once(const char **slot, const struct tw_option *o, const char *value, struct tw_err *err)
{
	if (*slot)
		return tw_err_set(err, -EINVAL, "option --%s is given twice", o->name);
	*slot = value;
	return 0;
}

/* What would choose everything, were it empty: a variable that is not set shall not widen a watch. */
static int not_empty(const char **slot, const struct tw_option *o, const char *value,
		     struct tw_err *err)
{
	if (!*value)
		return tw_err_set(err, -EINVAL, "option --%s needs %s, and is empty", o->name,
				  o->argument_name);
	return once(slot, o, value, err);
}

static int choice(const char **slot, const struct tw_option *o, const char *value,
		  struct tw_err *err)
{
	const char *p = o->choices;

	while (*(p += strspn(p, " "))) {
		size_t n = strcspn(p, " ");

		if (strlen(value) == n && memcmp(value, p, n) == 0)
			return once(slot, o, value, err);
		p += n;
	}
	return tw_err_set(err, -EINVAL, "option --%s takes one of: %s; not '%s'", o->name,
			  o->choices, value);
}

static int counted(const struct tw_option *o, const char *value, uint64_t most, uint64_t *out,
		   struct tw_err *err)
{
	if (number(o, value, out, err))
		return -EINVAL;
	if (!*out || *out > most)
		return tw_err_set(err, -EINVAL, "option --%s takes a number from 1 to %llu, not %s",
				  o->name, (unsigned long long)most, value);
	return 0;
}

static int duration(const struct tw_option *o, const char *value, int64_t *out, struct tw_err *err)
{
	if (!tw_script_duration(value, strlen(value), out))
		return tw_err_set(err, -EINVAL,
				  "option --%s needs a time such as 500ms or 30s, not '%s'",
				  o->name, value);
	return 0;
}

/* Of `lab run`. */
static int apply_lab(struct tw_arguments *a, const struct tw_option *o, const char *value,
		     struct tw_err *err)
{
	uint64_t status = 0;

	switch (o->id) {
	case TW_OPT_JOBS:
		return counted(o, value, JOBS_MAX, &a->jobs, err);
	case TW_OPT_REPEAT:
		return counted(o, value, REPEAT_MAX, &a->repeat, err);
	case TW_OPT_SEED:
		return number(o, value, &a->seed, err);
	case TW_OPT_KEEP:
		return once(&a->keep, o, value, err);
	case TW_OPT_PEER:
		return once(&a->peer, o, value, err);
	case TW_OPT_AT_LINE:
		return once(&a->at_line, o, value, err);
	case TW_OPT_AS:
		return choice(&a->as, o, value, err);
	case TW_OPT_AT:
		return choice(&a->at, o, value, err);
	case TW_OPT_SERVE:
		return choice(&a->serve, o, value, err);
	case TW_OPT_AFTER:
		a->have_after = true;
		return duration(o, value, &a->after_ns, err);
	case TW_OPT_WITHIN:
		a->have_within = true;
		return duration(o, value, &a->within_ns, err);
	case TW_OPT_AFTER_BYTES:
		a->have_after_bytes = true;
		if (tw_script_size(value, &a->after_bytes))
			return 0;
		return tw_err_set(err, -EINVAL,
				  "option --after-bytes needs a size such as 1000 or 64k, not '%s'",
				  value);
	case TW_OPT_EXPECT_EXIT:
		a->have_expect_exit = true;
		if (number(o, value, &status, err))
			return -EINVAL;
		a->expect_exit = (int)(status & 0xff);
		return status <= 255
			       ? 0
			       : tw_err_set(err, -EINVAL,
					    "an exit status is a number from 0 to 255, not %s",
					    value);
	default:
		return 0;
	}
}

static int apply_live(struct tw_arguments *a, const struct tw_option *o, const char *value,
		      struct tw_err *err)
{
	switch (o->id) {
	case TW_OPT_PID:
		return not_empty(&a->pid, o, value, err);
	case TW_OPT_COMM:
		return not_empty(&a->comm, o, value, err);
	case TW_OPT_CGROUP:
		return not_empty(&a->cgroup, o, value, err);
	case TW_OPT_NETNS:
		return not_empty(&a->netns, o, value, err);
	case TW_OPT_DURATION:
		a->have_duration = true;
		return duration(o, value, &a->duration_ns, err);
	case TW_OPT_INTERFACE:
		return not_empty(&a->interface, o, value, err);
	case TW_OPT_PACKETS_ONLY:
		a->packets_only = true;
		return 0;
	case TW_OPT_METRICS:
		return once(&a->metrics, o, value, err);
	case TW_OPT_BIND:
		a->binds = true;
		return 0;
	case TW_OPT_PATIENCE:
		if (duration(o, value, &a->patience_ns, err))
			return -EINVAL;
		a->patience_ns += !a->patience_ns;
		return 0;
	case TW_OPT_RATE_LIMIT:
		a->have_rate_limit = true;
		return number(o, value, &a->rate_limit, err);
	default:
		return 0;
	}
}

/* Of `predict` and `audit`. */
static int apply_predict(struct tw_arguments *a, const struct tw_option *o, const char *value,
			 struct tw_err *err)
{
	switch (o->id) {
	case TW_OPT_SET:
		a->sets[a->set_count++] = value;
		return 0;
	case TW_OPT_SYSCTL_FILE:
		return once(&a->sysctl_file, o, value, err);
	case TW_OPT_KERNEL:
		return once(&a->kernel, o, value, err);
	case TW_OPT_KEEPALIVE:
		return once(&a->keepalive, o, value, err);
	case TW_OPT_OF_PID:
		return counted(o, value, INT32_MAX, &a->of_pid, err);
	case TW_OPT_SOCKET:
		return once(&a->socket, o, value, err);
	case TW_OPT_RTT:
		a->have_rtt = true;
		return duration(o, value, &a->rtt_ns, err);
	case TW_OPT_USER_TIMEOUT:
		return duration(o, value, &a->user_timeout_ns, err);
	case TW_OPT_SNDTIMEO:
		return duration(o, value, &a->sndtimeo_ns, err);
	case TW_OPT_RCVTIMEO:
		return duration(o, value, &a->rcvtimeo_ns, err);
	case TW_OPT_IDLE:
		return duration(o, value, &a->idle_ns, err);
	case TW_OPT_SYNCNT:
		return counted(o, value, SYNCNT_MAX, &a->syncnt, err);
	default:
		return 0;
	}
}

/* @value: the argument, "" for an option that takes none. */
static int apply(struct tw_arguments *a, const struct tw_option *o, const char *value,
		 struct tw_err *err)
{
	switch (o->id) {
	case TW_OPT_READ:
		a->reads[a->read_count++] = value;
		return 0;
	case TW_OPT_FILTER:
		return once(&a->filter, o, value, err);
	case TW_OPT_WRITE:
		return once(&a->write_path, o, value, err);
	case TW_OPT_VERDICT:
		return once(&a->verdicts, o, value, err);
	case TW_OPT_IDLE_TABLE:
		return once(&a->idle_table, o, value, err);
	case TW_OPT_COUNT:
		if (number(o, value, &a->count, err))
			return -EINVAL;
		return a->count ? 0 : tw_err_set(err, -EINVAL, "option --count needs at least 1");
	case TW_OPT_STREAM:
		a->have_stream = true;
		return number(o, value, &a->stream, err);
	case TW_OPT_MEMORY:
		return memory_size(value, &a->memory_bytes, err);
	case TW_OPT_COLOR:
		return color_when(value, &a->color, err);
	case TW_OPT_WIDTH:
		return width(o, value, &a->width, err);
	case TW_OPT_NUMERIC:
		a->numeric = true;
		return 0;
	case TW_OPT_VERBOSE:
		a->verbose++;
		return 0;
	case TW_OPT_QUIET:
		a->quiet = true;
		return 0;
	case TW_OPT_ALL:
		a->all = true;
		return 0;
	case TW_OPT_JSON:
		a->json = true;
		return 0;
	case TW_OPT_MERGE:
		a->merge = true;
		return 0;
	case TW_OPT_HELP:
		a->help = true;
		return 0;
	case TW_OPT_VERSION:
		a->version = true;
		return 0;
	case TW_OPT_FULL_TIME:
		a->full_time = true;
		return 0;
	default:
		return o->commands & TW_CMD_LIVE ? apply_live(a, o, value, err)
		       : o->commands & (TW_CMD_PREDICT | TW_CMD_AUDIT)
			       ? apply_predict(a, o, value, err)
			       : apply_lab(a, o, value, err);
	}
}

/* "-nvc5", "-c 5": every letter in turn; one that takes an argument swallows the rest, or the next word. */
static int parse_letters(struct tw_arguments *a, unsigned command, int argc, char **argv, int *i,
			 struct tw_err *err)
{
	const char *p;

	for (p = argv[*i] + 1; *p; p++) {
		const struct tw_option *o = find_letter(command, *p);
		const char *value = NULL;
		int r;

		if (!o)
			return tw_err_set(err, -EINVAL, "unknown option -%c; see --help", *p);
		if (o->argument != TW_ARG_NONE) {
			value = p[1] ? p + 1 : *i + 1 < argc ? argv[++*i] : NULL;
			if (!value)
				return tw_err_set(err, -EINVAL, "option -%c needs %s", *p,
						  o->argument_name);
		}
		r = apply(a, o, value ? value : "", err);
		if (r || value)
			return r;
	}
	return 0;
}

static int parse_name(struct tw_arguments *a, unsigned command, int argc, char **argv, int *i,
		      struct tw_err *err)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct tw_option *o = find_name(command, name, length);
	const char *value = equals ? equals + 1 : NULL;

	if (!o)
		return unknown_name(command, name, length, err);
	if (o->argument == TW_ARG_NONE && value)
		return tw_err_set(err, -EINVAL, "option --%s takes no argument", o->name);
	if (o->argument != TW_ARG_NONE && !value) {
		if (*i + 1 >= argc)
			return tw_err_set(err, -EINVAL, "option --%s needs %s", o->name,
					  o->argument_name);
		value = argv[++*i];
	}
	return apply(a, o, value ? value : "", err);
}

int tw_arguments_parse(struct tw_arguments *a, unsigned command, int argc, char **argv, int first,
		       struct tw_err *err)
{
	bool ended = false;
	int i, r = 0;

	*a = (struct tw_arguments){ 0 };
	a->words = calloc((size_t)argc + 1, sizeof(*a->words));
	a->reads = calloc((size_t)argc + 1, sizeof(*a->reads));
	a->sets = calloc((size_t)argc + 1, sizeof(*a->sets));
	if (!a->words || !a->reads || !a->sets)
		return tw_err_set(err, -ENOMEM, "out of memory");
	for (i = first; i < argc && !r; i++) {
		if (ended || argv[i][0] != '-' || argv[i][1] == '\0')
			a->words[a->word_count++] = argv[i];
		else if (strcmp(argv[i], "--") == 0 && (command & (TW_CMD_LAB_RUN | TW_CMD_LIVE))) {
			a->program = argv + i + 1;
			break;
		} else if (strcmp(argv[i], "--") == 0)
			ended = true;
		else if (argv[i][1] == '-')
			r = parse_name(a, command, argc, argv, &i, err);
		else
			r = parse_letters(a, command, argc, argv, &i, err);
	}
	return r;
}

void tw_arguments_free(struct tw_arguments *a)
{
	free(a->words);
	free(a->reads);
	free(a->sets);
	*a = (struct tw_arguments){ 0 };
}

void tw_options_print(FILE *out, unsigned command)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];
		char left[64];
		int n;

		if (!(o->commands & command))
			continue;
		if (o->letter && o->name)
			n = snprintf(left, sizeof(left), "-%c, --%s", o->letter, o->name);
		else if (o->letter)
			n = snprintf(left, sizeof(left), "-%c", o->letter);
		else
			n = snprintf(left, sizeof(left), "    --%s", o->name);
		if (o->argument_name)
			snprintf(left + n, sizeof(left) - (size_t)n, "%c%s", o->name ? '=' : ' ',
				 o->argument_name);
		fprintf(out, "  %-25s %s\n", left, o->summary);
	}
}
