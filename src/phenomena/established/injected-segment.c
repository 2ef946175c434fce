/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * injected-segment: a third party writes data, a FIN or a SYN|ACK in the name of one end.
 *
 *     client            injector             server
 *       |                   |--- seq 6, "EVIL" ->|  accepted: it fits
 *       |<-------------------- ACK 11 ----------|  of bytes that the client never sent
 *       |---- seq 6, "good" -------------------->|  old news: discarded, D-SACK
 *
 * TCP takes the first copy of each byte. Whoever is first with the right numbers wins, and the
 * true sender's segment, which comes second, is the proof: two different contents for one place.
 * The forms of proof, strongest first: other bytes at the same sequence numbers; data of an end at
 * the number of "its own" FIN; two SYN|ACKs with different numbers for one SYN; headers that do
 * not fit the sender.
 */
#include "base/duration.h"
#include "phenomena/resets.h"

enum proof {
	PROOF_NONE,
	PROOF_PAYLOAD, /* two contents for one place */
	PROOF_FIN,     /* data at its sender's FIN, or behind it */
	PROOF_SYNACK,  /* two initial sequence numbers for one SYN */
	PROOF_HEADERS, /* the segment's headers are not its sender's */
};

/*
 * What comes after both ends have closed, is old already or lies outside the window puts nothing into the connection.
 */
static bool in_time(const struct tw_facts *f, enum tw_fact_id id)
{
	uint64_t frame = tw_frame_of(f, id), closed = tw_frame_of(f, TW_F_AFTER_CLOSE_SEGMENTS);

	if (tw_get(f, TW_F_AFTER_CLOSE_SEGMENTS) > 0 && frame >= closed)
		return false;
	if (tw_get(f, TW_F_OUT_OF_WINDOW) > 0 && frame == tw_frame_of(f, TW_F_OUT_OF_WINDOW))
		return false; /* it was refused */
	return tw_get(f, TW_F_OLD_DATA_FOREIGN) == 0 ||
	       frame != tw_frame_of(f, TW_F_OLD_DATA_FOREIGN);
}

/* Not its sender's by its headers, nor by the number of that one's FIN. */
static bool beyond_fin(const struct tw_facts *f)
{
	return tw_get(f, TW_F_FOREIGN_BEYOND_FIN) && in_time(f, TW_F_FOREIGN_SEGMENTS);
}

static enum proof prove(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_CONFLICTING_PAYLOAD) > 0 && !tw_get(f, TW_F_SNAPLEN_CUT) &&
	    in_time(f, TW_F_CONFLICTING_PAYLOAD))
		return PROOF_PAYLOAD;
	if (tw_get(f, TW_F_DATA_AT_FIN) || tw_get(f, TW_F_FIN_DENIED) || beyond_fin(f))
		return PROOF_FIN;
	if (tw_get(f, TW_F_FOREIGN_SEGMENTS) > 0 && in_time(f, TW_F_FOREIGN_SEGMENTS))
		return PROOF_HEADERS;
	/* A server whose request has expired answers a repeated SYN with new numbers. */
	if (tw_get(f, TW_F_SYNACK_ISN_CONFLICT) && tw_get(f, TW_F_SYN_COUNT) == 1)
		return PROOF_SYNACK;
	return PROOF_NONE;
}

static bool headers_only(const struct tw_facts *f, enum proof proof)
{
	return proof == PROOF_HEADERS && tw_get(f, TW_F_ACKED_NEVER_SENT) == 0 &&
	       !tw_get(f, TW_F_ACKED_FIN_NEVER_SENT) && tw_get(f, TW_F_ACK_WAR) == 0;
}

static void cite(struct tw_match *m, enum proof proof)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_FOREIGN_SEGMENTS) > 0)
		tw_cite(m, TW_F_FOREIGN_SEGMENTS,
			"%d segment%s whose IP-ID and TTL, window or timestamps do not fit the "
			"sender",
			(int)tw_get(f, TW_F_FOREIGN_SEGMENTS),
			tw_get(f, TW_F_FOREIGN_SEGMENTS) == 1 ? "" : "s");
	if (proof == PROOF_PAYLOAD) {
		tw_cite(m, TW_F_CONFLICTING_FIRST, "the first content for these sequence numbers");
		tw_cite(m, TW_F_CONFLICTING_PAYLOAD, "other bytes for the same sequence numbers");
	}
	if (proof == PROOF_PAYLOAD && tw_get(f, TW_F_CONFLICTING_OWN))
		tw_cite(m, TW_F_CONFLICTING_OWN,
			"both have the sender's TTL and their place in its IP-IDs: a stack of its "
			"own "
			"(VPN, proxy) wrote other bytes the second time, rather than a third "
			"party");
	if (tw_get(f, TW_F_DATA_AT_FIN))
		tw_cite(m, TW_F_DATA_AT_FIN,
			"data at the sequence number of its own sender's FIN: that FIN was not the "
			"sender's");
	if (beyond_fin(f))
		tw_cite(m, TW_F_FOREIGN_BEYOND_FIN,
			"the sender's own FIN stands below the end of that: it never sent so much");
	if (tw_get(f, TW_F_FIN_DENIED))
		tw_cite(m, TW_F_FIN_DENIED,
			"an ACK from below its own sender's FIN of long ago: that end never sent "
			"the FIN");
	if (proof == PROOF_SYNACK)
		tw_cite(m, TW_F_SYNACK_ISN_CONFLICT,
			"a second SYN|ACK with another sequence number for one SYN");
	if (tw_get(f, TW_F_ACKED_FIN_NEVER_SENT))
		tw_cite(m, TW_F_ACKED_FIN_NEVER_SENT,
			"an ACK of a FIN that its alleged sender had not sent");
	else if (tw_get(f, TW_F_ACKED_NEVER_SENT) > 0)
		tw_cite(m, TW_F_ACKED_NEVER_SENT,
			"acknowledges %s that the alleged sender never sent",
			tw_bytes(m, tw_get(f, TW_F_ACKED_NEVER_SENT)));
}

/* Two answers to one SYN, and then nothing but resets: it never opened. */
static bool never_opened(const struct tw_facts *f, enum proof proof)
{
	return proof == PROOF_SYNACK && tw_get(f, TW_F_RST_COUNT) > 0 && !tw_get(f, TW_F_BYTES_C) &&
	       !tw_get(f, TW_F_BYTES_S) && !tw_known(f, TW_F_FIN1_SIDE);
}

static void add_rivals(struct tw_match *m, enum proof proof)
{
	if (m->confidence != TW_CERTAIN) {
		tw_rival(m, "desynchronized",
			 proof == PROOF_SYNACK
				 ? "two stacks that answer for one address do the same: a program "
				   "on raw packets beside the kernel, two hosts with one address, "
				   "two servers behind a balancer"
				 : "a device that rewrites one side of the connection causes the "
				   "same contradictions");
		if (proof == PROOF_HEADERS)
			tw_rival(m, "invalid-segment", "only the headers speak against the sender");
	} else {
		tw_rule_out(m, "desynchronized",
			    "the foreign segment itself is in the capture, with another content "
			    "than the true one");
	}
	tw_rule_out(m, "loss-recovered",
		    "a repeat carries the same bytes and its sender's own header fields");
}

/* What an end did is not told by FINs and data that may be a third party's. */
static void victim_saw(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side victim = tw_reset_victim(f);

	if (tw_get(f, TW_F_DATA_AT_FIN) || tw_get(f, TW_F_FIN_DENIED) ||
	    tw_get(f, TW_F_ACKED_FIN_NEVER_SENT) || tw_is(f, TW_F_FOREIGN_SIDE, victim))
		tw_app_saw(m, victim, "recv", "ECONNRESET", -1,
			   "Unless an end of file came first, be it the other end's or the foreign "
			   "segment's: then recv returns 0, and the next send fails with EPIPE.");
	else
		tw_reset_victim_saw(m);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum proof proof = prove(f);
	bool foreign = tw_get(f, TW_F_FOREIGN_SEGMENTS) > 0;
	bool reset = tw_reset_landed(f);

	if (proof == PROOF_NONE)
		return false;
	/* Headers alone may be those of a segment that took another path. */
	m->strength = headers_only(f, proof) ? TW_STRENGTH_DELAY + 1 : TW_STRENGTH_CONTRADICTION;
	/* the numbers disagree from there on: the segment is the reason, and desynchronized its result */
	m->strength += beyond_fin(f);
	m->confidence = proof == PROOF_PAYLOAD && foreign ? TW_CERTAIN
			: proof == PROOF_SYNACK || m->strength < TW_STRENGTH_CONTRADICTION ||
					(proof == PROOF_PAYLOAD && tw_get(f, TW_F_CONFLICTING_OWN))
				? TW_POSSIBLE
				: TW_LIKELY;
	/* What the true sender sent is lost where another content had come first. */
	m->outcome = reset || m->confidence == TW_CERTAIN || never_opened(f, proof) ||
				     (tw_get(f, TW_F_DATA_AT_FIN) &&
				      !tw_get(f, TW_F_DATA_AT_FIN_TAKEN)) ||
				     (beyond_fin(f) && tw_get(f, TW_F_FIN1_ACKED_BEYOND))
			     ? TW_OUTCOME_FAILED
			     : TW_OUTCOME_DEGRADED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	if (proof == PROOF_PAYLOAD)
		m->summary =
			tw_say(m,
			       tw_get(f, TW_F_CONFLICTING_OWN)
				       ? "Two different contents were sent for the same place "
					 "in the connection of %s with %s, both from where its "
					 "sender is: it contradicts itself."
				       : "Two different contents were sent for the same place "
					 "in the connection of %s with %s: one of them is not "
					 "the sender's.",
			       tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	else if (proof == PROOF_SYNACK)
		m->summary =
			tw_say(m, "Two SYN|ACKs with different numbers answered one SYN to %s.",
			       tw_endpoint(m, TW_SERVER));
	else
		m->summary = tw_say(m,
				    "A segment in the connection of %s with %s was not written by "
				    "the end whose address it carries.",
				    tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	cite(m, proof);
	if (reset)
		tw_reset_cite(m);
	add_rivals(m, proof);
	if (m->confidence != TW_CERTAIN)
		tw_missing(m, "A capture at the alleged sender: the injected segment does not show "
			      "there.");
	if (reset)
		victim_saw(m);
	else if (tw_known(f, TW_F_FOREIGN_SIDE))
		tw_app_saw(m, tw_other((enum tw_side)tw_get(f, TW_F_FOREIGN_SIDE)), "recv", NULL,
			   -1,
			   "If it was accepted, recv returned bytes (or an end of file) that the "
			   "other end never sent; no error is reported.");
	return true;
}

static const char *const remedies[] = {
	"Capture at both ends and compare: the injected segment is missing at the alleged sender.",
	"Use TLS (or SSH, IPsec, WireGuard): foreign bytes then fail the integrity check in place "
	"of being believed.",
	"For sessions between routers or databases that cannot use TLS, authenticate the segments "
	"themselves (TCP-AO, TCP_MD5SIG).",
	"Look for a device that answers in place of the server: transparent proxies, captive "
	"portals, filters that inject redirect pages; `traceroute -T -p PORT SERVER` and the TTL "
	"of the "
	"foreign segment tell how far away it is.",
	"If it is only ever one protocol or one name, try another port: an injector that reads the "
	"payload is selective.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.10.7.4",
	"RFC 5961 s4, s5",
	"RFC 5925 (TCP-AO)",
	"Paxson: Automated Packet Trace Analysis of TCP Implementations, SIGCOMM 1997",
	NULL,
};

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_invalid_ratelimit", "Answers to segments that do not fit are limited to "
					    "one in 500 ms; it stops the ACK ping-pong." },
	{ NULL, NULL },
};

static const struct tw_scenario scenarios[] = {
	{
		.name = "race",
		.about = "a third party's answer arrives before the true one",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable forge PSH+ACK to client payload 200 ttl 41 id 4711 timestamps\n"
			  "client recv 200\n"
			  "server send 300\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client injected-segment likely certain failed degraded\n"
			  "# it sees one D-SACK, as for a duplicate by the network\n"
			  "verdict server clean|injected-segment|desynchronized likely certain "
			  "possible\n",
	},
	{
		.name = "fin",
		.about = "a FIN in the server's name: end of file, and the true data is refused",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable forge FIN+ACK to client ttl 41 id 4711 timestamps\n"
			  "client recv -> EOF within 1s\n"
			  "server send 300\n"
			  "cable quiet 100ms\n"
			  "client close\n"
			  "verdict client injected-segment likely certain failed\n"
			  "# at the alleged author an ACK of what it never sent, or only the bare "
			  "RST\n"
			  "verdict server "
			  "desynchronized|injected-segment|peer-rebooted|firewall-reset likely "
			  "possible failed\n"
			  "never server certain|clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_injected_segment = {
	.slug = "injected-segment",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "A third party injected a segment",
	.happens = "Somebody who sees the connection (or guesses its numbers) writes a segment in "
		   "the name of one end: data, a FIN, or a whole SYN|ACK that races the true one. "
		   "The receiver's kernel has no means to tell; if the numbers fit, it accepts, "
		   "acknowledges, and hands the bytes to the application.\n\n"
		   "When the true sender gets to the same place in the sequence space, its bytes "
		   "count as old and are discarded with a D-SACK. It sees acknowledgements of "
		   "bytes that it never sent, which it must refuse. Each side then answers the "
		   "other's \"impossible\" segment with an ACK, a short ping-pong that Linux stops "
		   "by its limit of one in 500 ms.\n\n"
		   "An injected FIN that comes ahead of its time is kept until the gap is filled, "
		   "then closes the connection.",
	.diagram = "client        injector          server\n"
		   "  |               |-- seq 6 'EVIL' ->|  accepted\n"
		   "  |<-------------------- ACK 11 -----|  never sent that\n"
		   "  |---- seq 6 'good' --------------->|  old: discarded\n"
		   "  |<------------------- ACK, DSACK --|\n",
	.client_sees =
		"Its data is silently replaced; it waits for an answer to a request that the "
		"server never read. After an injected FIN its next data is answered with a reset.",
	.server_sees = "Bytes, or an end of file, that its peer never sent. No error.",
	.recognise =
		"Two different contents for the same sequence numbers; data of an end at the "
		"sequence number of \"its\" FIN; or a segment whose IP-ID and TTL, window or "
		"timestamps do not continue those of its sender. If foreign headers and different "
		"bytes come together it is certain.\n\n"
		"At the alleged sender only the echo is visible: acknowledgements of data never "
		"sent. tcpwhy then says desynchronized. Cut payloads (snaplen) cannot be compared.",
	.folklore = NULL,
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.scenarios = scenarios,
};
