/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remarks: what is worth knowing about a connection but wrong with nobody.
 *
 * Theory: a tool that cries wolf is not read for long, so what ordinary programs do every day has
 * a name of its own that is no verdict. Limits: one remark per connection, the most telling one.
 */
#include "phenomena/phenomenon.h"

const struct tw_remark tw_remarks[] = {
	{ "reset-instead-of-close", "One end ended the connection with a RST after nobody was owed "
				    "anything any more; browsers, "
				    "health checks and load generators do so by habit." },
	{ "health-check", "The client connected and closed or reset at once without sending data, "
			  "as health checks of "
			  "load balancers do again and again." },
	{ "simultaneous-close", "Both ends closed at the same moment: their FINs crossed, and both "
				"went through CLOSING to "
				"TIME_WAIT." },
	{ "simultaneous-open", "Both ends sent a SYN and the SYNs crossed: one connection without "
			       "a listener, which RFC 9293 "
			       "allows." },
	{ "self-connect", "The connection is one socket that connected to itself: source and "
			  "destination are the same "
			  "address and port, so it reads what it writes." },
	{ "port-reused",
	  "The client used the same port again while the server still kept the old connection in "
	  "TIME_WAIT, and the new SYN was accepted." },
	{ "half-closed", "One end closed its direction only and went on receiving (shutdown), "
			 "which is what a half-close "
			 "is for." },
	{ "fast-open",
	  "The client used TCP Fast Open: it asked for a cookie, or sent data with its SYN." },
	{ "deferred-accept", "The server repeated its SYN|ACK although the handshake was complete, "
			     "later than its timer "
			     "would: the listener waits for data (TCP_DEFER_ACCEPT)." },
	{ "keepalive-alive",
	  "Keepalive probes were sent while the connection was idle, and the peer answered them." },
	{ "pmtu-discovered", "An ICMP error stated the MTU of the path and the sender cut its "
			     "segments to fit: path MTU "
			     "discovery worked." },
	{ "syncookie", "The server answered with a SYN cookie: its queue of half-open connections "
		       "was full, and this "
		       "client was served all the same." },
	{ "network-duplicate", "The network delivered a packet twice; the receiver dropped the "
			       "second copy, and the sender "
			       "had sent it once." },
	{ "spurious-retransmit", "A segment was repeated although it had arrived: its "
				 "acknowledgement was late, and nothing was "
				 "lost." },
	{ NULL, NULL },
};
