/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port-scan: one source knocks at many ports or hosts.
 *
 *	scanner                     host
 *	  |---SYN :22---------------->|
 *	  |<--RST|ACK-----------------|   closed
 *	  |---SYN :80---------------->|
 *	  |<--SYN|ACK-----------------|   open
 *	  |---RST-------------------->|   and on
 *	  |---SYN :443--------------->   ...
 *
 * Each knock by itself is a closed port, an unanswered SYN or a short connection. What makes the
 * scan is their number from one source, with nothing ever said; the host table counts it.
 */
#include "phenomena/connect/handshake.h"

#define MIN_DOORS 16

/* This connection is one of the knocks: refused, unanswered, or given up without a word. */
static bool is_knock(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_SYN_COUNT) == 0 || tw_get(f, TW_F_BYTES_C) > 0 ||
	    tw_get(f, TW_F_BYTES_S) > 0)
		return false;
	if (tw_get(f, TW_F_SYN_COUNT) > 3 || tw_get(f, TW_F_ICMP_COUNT) > 0)
		return false;
	/* a kernel's timer asks again for a program that waits: one outage, and many doors at a time */
	if (tw_syn_repeated(f) && tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_NONE))
		return false;
	return !tw_get(f, TW_F_ESTABLISHED) || tw_is(f, TW_F_RST_SIDE, TW_CLIENT);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t doors = tw_get(f, TW_F_SCAN_PORTS);
	bool refused = tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK);
	bool opened = tw_get(f, TW_F_SYNACK_COUNT) > 0;
	/* a scanner's own SYNs may all be unanswered, but of a client of which nothing else is seen that is not known */
	bool filtered = tw_get(f, TW_F_ONLY_HALF_OPEN);

	/* who finds more doors open than closed is a busy client, or many behind one address */
	if (doors < MIN_DOORS || doors <= tw_get(f, TW_F_SCAN_OPENED) || !is_knock(f))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 4;
	m->confidence = filtered ? TW_POSSIBLE : TW_LIKELY;
	/* An open door that was only tried is nobody's failure. */
	m->outcome = opened || filtered ? TW_OUTCOME_UNKNOWN : TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_CLIENT_HOST;
	m->summary = tw_say(
		m,
		filtered
			? "One of at least %lld ports or hosts to which the source of %s sent SYNs "
			  "within a minute: a scan, or connections of which the capture has only "
			  "the SYNs."
			: "One of at least %lld ports or hosts at which the source of %s knocked "
			  "in vain within a minute, without ever sending data: a scan.",
		(long long)doors, m->client);
	tw_cite_syns(m);
	if (opened)
		tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK: this port is open");
	else if (refused)
		tw_cite(m, TW_F_SYN_ANSWER, "RST|ACK: this port is closed");
	tw_cite(m, TW_F_SCAN_PORTS,
		"the same source tried at least %lld ports or hosts%s within a minute",
		(long long)doors, filtered ? "" : " in vain");
	if (filtered)
		tw_missing(m,
			   "What is no SYN: the capture holds none of it, so its filter may have "
			   "left it out, and these are healthy connections.");
	if (refused)
		tw_rival(m, "port-closed",
			 "a client with many dead destinations in its configuration knocks like "
			 "this, too");
	else if (opened)
		tw_rival(m, "connect-aborted",
			 "a client that gives up on each connection at once looks the same");
	else
		tw_rival(m, "syn-unanswered",
			 "a client with many dead destinations in its configuration knocks like "
			 "this, too");
	if (refused)
		tw_app_saw(m, TW_CLIENT, "connect", "ECONNREFUSED",
			   tw_connect_elapsed_ns(f, TW_F_SYN_ANSWER), NULL);
	return true;
}

static const char *const remedies[] = {
	"Find out who it is: a monitoring system, a vulnerability scanner of your own, service "
	"discovery, or a stranger.",
	"Nothing needs repair if the ports should be closed; close those that answered and should "
	"not: `ss -ltnp`.",
	"Limit what strangers may try: `nft add rule inet filter input tcp flags syn meter scan { "
	"ip saddr limit rate over 30/second } drop`.",
	"Leave such connections out of a report with a filter, for example `not host CLIENT`.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.10.7.1, s3.10.7.2 (what CLOSED and LISTEN answer)",
	"nmap(1): port scanning techniques",
	NULL,
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "closed-ports",
		.about = "one client knocks at many ports",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "fault\n"
			  "client connect #1 port 21 -> ECONNREFUSED\n"
			  "client connect #2 port 22 -> ECONNREFUSED\n"
			  "client connect #3 port 23 -> ECONNREFUSED\n"
			  "client connect #4 port 25 -> ECONNREFUSED\n"
			  "client connect #5 port 53 -> ECONNREFUSED\n"
			  "client connect #6 port 79 -> ECONNREFUSED\n"
			  "client connect #7 port 110 -> ECONNREFUSED\n"
			  "client connect #8 port 111 -> ECONNREFUSED\n"
			  "client connect #9 port 113 -> ECONNREFUSED\n"
			  "client.2 connect #1 port 119 -> ECONNREFUSED\n"
			  "client.2 connect #2 port 135 -> ECONNREFUSED\n"
			  "client.2 connect #3 port 139 -> ECONNREFUSED\n"
			  "client.2 connect #4 port 143 -> ECONNREFUSED\n"
			  "client.2 connect #5 port 389 -> ECONNREFUSED\n"
			  "client.2 connect #6 port 443 -> ECONNREFUSED\n"
			  "client.2 connect #7 port 445 -> ECONNREFUSED\n"
			  "client.2 connect #8 port 993 -> ECONNREFUSED\n"
			  "client.2 connect #9 port 995 -> ECONNREFUSED\n"
			  "verdict both port-scan likely failed stream 0-17\n",
	},
	{
		.name = "half-open",
		.about = "the scanner drops each connection before it stands",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "server.2 listen port 8080\n"
			  "fault\n"
			  "cable hold server synack #1-2\n"
			  "client connect #1 port 21 -> ECONNREFUSED\n"
			  "client connect #2 port 22 -> ECONNREFUSED\n"
			  "client connect #3 port 23 -> ECONNREFUSED\n"
			  "client connect #4 port 25 -> ECONNREFUSED\n"
			  "client connect #5 port 53 -> ECONNREFUSED\n"
			  "client connect #6 port 79 -> ECONNREFUSED\n"
			  "client connect #7 port 110 -> ECONNREFUSED\n"
			  "client connect #8 port 111 -> ECONNREFUSED\n"
			  "client connect #9 port 113 -> ECONNREFUSED\n"
			  "client.2 connect #1 port 119 -> ECONNREFUSED\n"
			  "client.2 connect #2 port 135 -> ECONNREFUSED\n"
			  "client.2 connect #3 port 139 -> ECONNREFUSED\n"
			  "client.2 connect #4 port 143 -> ECONNREFUSED\n"
			  "client.2 connect #5 port 389 -> ECONNREFUSED\n"
			  "client.2 connect #6 port 443 -> ECONNREFUSED\n"
			  "client.2 connect #7 port 445 -> ECONNREFUSED\n"
			  "client.2 nonblocking #8\n"
			  "client.2 connect #8 port 80 -> EINPROGRESS\n"
			  "client.2 close #8\n"
			  "client.2 nonblocking #9\n"
			  "client.2 connect #9 port 8080 -> EINPROGRESS\n"
			  "client.2 close #9\n"
			  "cable wait server synack #2\n"
			  "cable release\n"
			  "cable wait client rst #2\n"
			  "verdict both port-scan likely failed stream 0-15\n"
			  "verdict both port-scan likely unknown stream 16-17\n",
	},
	{
		.name = "health-checks",
		.about = "connections that end without a word, to one service, are no scan",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "fault\n"
			  "client connect #1\n"
			  "server accept #1\n"
			  "client close #1\n"
			  "server recv eof #1\n"
			  "server close #1\n"
			  "client connect #2\n"
			  "server accept #2\n"
			  "client close #2\n"
			  "server recv eof #2\n"
			  "server close #2\n"
			  "client connect #3\n"
			  "server accept #3\n"
			  "client close #3\n"
			  "server recv eof #3\n"
			  "server close #3\n"
			  "client connect #4\n"
			  "server accept #4\n"
			  "client close #4\n"
			  "server recv eof #4\n"
			  "server close #4\n"
			  "client connect #5\n"
			  "server accept #5\n"
			  "client close #5\n"
			  "server recv eof #5\n"
			  "server close #5\n"
			  "client connect #6\n"
			  "server accept #6\n"
			  "client close #6\n"
			  "server recv eof #6\n"
			  "server close #6\n"
			  "client connect #7\n"
			  "server accept #7\n"
			  "client close #7\n"
			  "server recv eof #7\n"
			  "server close #7\n"
			  "client connect #8\n"
			  "server accept #8\n"
			  "client close #8\n"
			  "server recv eof #8\n"
			  "server close #8\n"
			  "client connect #9\n"
			  "server accept #9\n"
			  "client close #9\n"
			  "server recv eof #9\n"
			  "server close #9\n"
			  "client.2 connect #1\n"
			  "server accept #1\n"
			  "client.2 option SO_LINGER 1 0 #1\n"
			  "client.2 close #1\n"
			  "server recv #1 -> ECONNRESET\n"
			  "server close #1\n"
			  "client.2 connect #2\n"
			  "server accept #2\n"
			  "client.2 option SO_LINGER 1 0 #2\n"
			  "client.2 close #2\n"
			  "server recv #2 -> ECONNRESET\n"
			  "server close #2\n"
			  "client.2 connect #3\n"
			  "server accept #3\n"
			  "client.2 option SO_LINGER 1 0 #3\n"
			  "client.2 close #3\n"
			  "server recv #3 -> ECONNRESET\n"
			  "server close #3\n"
			  "client.2 connect #4\n"
			  "server accept #4\n"
			  "client.2 option SO_LINGER 1 0 #4\n"
			  "client.2 close #4\n"
			  "server recv #4 -> ECONNRESET\n"
			  "server close #4\n"
			  "client.2 connect #5\n"
			  "server accept #5\n"
			  "client.2 option SO_LINGER 1 0 #5\n"
			  "client.2 close #5\n"
			  "server recv #5 -> ECONNRESET\n"
			  "server close #5\n"
			  "client.2 connect #6\n"
			  "server accept #6\n"
			  "client.2 option SO_LINGER 1 0 #6\n"
			  "client.2 close #6\n"
			  "server recv #6 -> ECONNRESET\n"
			  "server close #6\n"
			  "client.2 connect #7\n"
			  "server accept #7\n"
			  "client.2 option SO_LINGER 1 0 #7\n"
			  "client.2 close #7\n"
			  "server recv #7 -> ECONNRESET\n"
			  "server close #7\n"
			  "client.2 connect #8\n"
			  "server accept #8\n"
			  "client.2 option SO_LINGER 1 0 #8\n"
			  "client.2 close #8\n"
			  "server recv #8 -> ECONNRESET\n"
			  "server close #8\n"
			  "client.2 connect #9\n"
			  "server accept #9\n"
			  "client.2 option SO_LINGER 1 0 #9\n"
			  "client.2 close #9\n"
			  "server recv #9 -> ECONNRESET\n"
			  "server close #9\n"
			  "verdict both clean clean stream 0-17\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_port_scan = {
	.slug = "port-scan",
	.stage = TW_STAGE_MANY,
	.title = "One source knocks at many ports or hosts",
	.happens = "One address sends SYNs to many ports of a host, or to one port of many hosts, "
		   "and notes the answers: RST|ACK is closed, SYN|ACK is open, "
		   "silence is filtered. A half-open scan resets each open port at once; since the "
		   "scanner builds its packets itself, it is its kernel, which knows no "
		   "such connection, that sends the bare RST. A connect scan completes the "
		   "handshake and closes.\n\n"
		   "Odd flags (FIN, none, SYN with FIN) serve the same purpose: a Linux listener "
		   "is silent to them, a closed port answers RST|ACK.",
	.diagram = "scanner                  host\n"
		   "  |---SYN :22------------->|\n"
		   "  |<--RST|ACK--------------|   closed\n"
		   "  |---SYN :80------------->|\n"
		   "  |<--SYN|ACK--------------|   open\n"
		   "  |---RST----------------->|\n"
		   "  |---SYN :443------------>|   and so on\n",
	.client_sees = "The scanner learns which ports are open. If it is an ordinary program, it "
		       "gets ECONNREFUSED or timeouts.",
	.server_sees = "Nothing for half-open scans; for connect scans an accept() whose "
		       "connection ends at once, with nothing to read.",
	.recognise =
		"At least sixteen different ports or hosts tried by one source in the "
		"capture within a minute, each refused or unanswered at its first SYN, and more "
		"of them than let it in. A single "
		"connection of this kind is never called a scan, nor is one that a kernel's "
		"timer asks for again in vain. A client whose many backends "
		"are all down looks alike, so it is only likely.",
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.sign = TW_F_SCAN_PORTS,
	.match = match,
	.scenarios = scenarios,
};
