/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The matchers of the phenomena that end with a reset or a contradiction: each must fire on a set of facts
 * made for it, and must not on its look-alike. Facts are made by hand, so nothing here depends on how they
 * are derived.
 */
#include "base/arena.h"
#include "base/duration.h"
#include "phenomena/phenomenon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define S TW_NS_PER_S

extern const struct tw_phenomenon tw_ph_process_died, tw_ph_host_shutdown,
	tw_ph_closed_with_unread_data, tw_ph_aborted, tw_ph_linger_reset, tw_ph_data_after_close,
	tw_ph_keepalive_race, tw_ph_peer_rebooted, tw_ph_idle_reset, tw_ph_conntrack_invalid_reset,
	tw_ph_keepalive_timeout, tw_ph_forged_reset, tw_ph_injected_segment, tw_ph_invalid_segment,
	tw_ph_desynchronized, tw_ph_socket_destroyed, tw_ph_memory_abort;

static struct tw_arena arena;
static struct tw_facts facts;
static struct tw_match m;

static void set(enum tw_fact_id id, int64_t value)
{
	tw_fact_set(&facts, id, value, 7, 7 * S);
}

/* An established connection with a request of 5 bytes and an answer of 5. */
static void established(void)
{
	memset(&facts, 0, sizeof(facts));
	set(TW_F_IP_VERSION, 4);
	set(TW_F_START_SEEN, true);
	set(TW_F_ESTABLISHED, true);
	set(TW_F_TIMESTAMPS, true);
	set(TW_F_SERVER_ACKED_CLIENT_DATA, true);
	set(TW_F_BYTES_C, 5);
	set(TW_F_BYTES_S, 5);
	set(TW_F_RTT_NS, 70 * TW_NS_PER_MS);
}

/* The socket of @author aborts: RST|ACK with timestamps, window and the next id. */
static void active_reset(enum tw_side author)
{
	set(TW_F_RST_COUNT, 1);
	set(TW_F_RST_SIDE, author);
	set(TW_F_RST_FORM, TW_RST_ACTIVE);
	set(TW_F_RST_HAS_ACK, true);
	set(TW_F_RST_TRIGGER, TW_TRIGGER_NONE);
	set(TW_F_RST_EFFECT, TW_RST_ACCEPTED);
	set(TW_F_RST_IPID, TW_IPID_CONTINUES);
	set(TW_F_RST_TTL_DELTA, 0);
	set(TW_F_RST_NO_TS, false);
	set(TW_F_RST_WINDOW_ZERO, false);
	set(TW_F_RST_UNANSWERED_BYTES, 0);
	set(TW_F_RST_IDLE_BEFORE_NS, 0);
}

/* A kernel without the connection answers @trigger: bare RST, window 0, no options, id 0. */
static void bare_reset(enum tw_side author, enum tw_trigger trigger)
{
	active_reset(author);
	set(TW_F_RST_FORM, TW_RST_REPLY);
	set(TW_F_RST_HAS_ACK, false);
	set(TW_F_RST_TRIGGER, trigger);
	set(TW_F_RST_TRIGGER_DELAY_NS, TW_NS_PER_MS);
	set(TW_F_RST_IPID, TW_IPID_ZERO);
	set(TW_F_RST_NO_TS, true);
	set(TW_F_RST_WINDOW_ZERO, true);
	set(TW_F_RST_VICTIM_UNACKED, 7);
}

static void unanswered_request(int64_t bytes)
{
	set(TW_F_RST_UNANSWERED_BYTES, bytes);
	set(TW_F_RST_UNANSWERED_ACKED, true);
	set(TW_F_RST_UNANSWERED_AGE_NS, 20 * TW_NS_PER_MS);
}

static bool fires(const struct tw_phenomenon *ph)
{
	bool yes;

	tw_arena_free(&arena);
	tw_arena_init(&arena);
	m = (struct tw_match){ .arena = &arena,
			       .facts = &facts,
			       .client = "192.0.2.1:4000",
			       .server = "192.0.2.2:80" };
	yes = ph->match(&m);
	if (yes) {
		assert_non_null(m.summary);
		assert_true(m.evidence_count > 0);
		assert_true(m.strength > 0);
		if (m.confidence == TW_CERTAIN)
			assert_int_equal(m.rival_count, 0);
	}
	return yes;
}

static bool has(const struct tw_rival *list, unsigned count, const char *slug)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(list[i].slug, slug) == 0)
			return true;
	return false;
}

static void test_closed_with_unread_data(void **state)
{
	established();
	active_reset(TW_SERVER);
	unanswered_request(5);
	assert_true(fires(&tw_ph_closed_with_unread_data));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.culprit, TW_CULPRIT_SERVER_APP);
	assert_string_equal(m.app[TW_CLIENT].error, "ECONNRESET");
	assert_true(has(m.rivals, m.rival_count, "process-died"));
	assert_true(has(m.ruled_out, m.ruled_out_count, "forged-reset"));

	/* nothing but what anybody who sees the connection can copy */
	set(TW_F_RST_IPID, TW_IPID_ZERO);
	assert_true(fires(&tw_ph_closed_with_unread_data));
	assert_true(has(m.rivals, m.rival_count, "forged-reset"));
	set(TW_F_VANTAGE, TW_VANTAGE_SERVER); /* but it was seen to leave */
	assert_true(fires(&tw_ph_closed_with_unread_data));
	assert_true(has(m.ruled_out, m.ruled_out_count, "forged-reset"));

	/* a full receive buffer proves unread data without any count of it */
	set(TW_F_RST_UNANSWERED_BYTES, 0);
	assert_false(fires(&tw_ph_closed_with_unread_data));
	set(TW_F_RST_AUTHOR_RWND_ZERO, true);
	set(TW_F_RST_VICTIM_SENT_BYTES, 5);
	assert_true(fires(&tw_ph_closed_with_unread_data));
}

static void test_closed_with_unread_data_not(void **state)
{
	established();
	active_reset(TW_SERVER);
	unanswered_request(5);
	set(TW_F_RST_NOTHING_OWED, true);
	assert_false(fires(&tw_ph_closed_with_unread_data));
	set(TW_F_RST_NOTHING_OWED, false);

	set(TW_F_RST_FORM, TW_RST_REPLY); /* nobody owns the connection: nothing was in a buffer */
	assert_false(fires(&tw_ph_closed_with_unread_data));
	set(TW_F_RST_FORM, TW_RST_ACTIVE);

	set(TW_F_RST_UNANSWERED_ACKED, false); /* the data may have crossed the reset */
	assert_false(fires(&tw_ph_closed_with_unread_data));
	set(TW_F_RST_UNANSWERED_ACKED, true);

	set(TW_F_RST_EFFECT, TW_RST_IGNORED);
	assert_false(fires(&tw_ph_closed_with_unread_data));
}

/* "Too large", while the request is still coming in: not linger, although the author spoke last. */
static void test_early_answer(void **state)
{
	established();
	active_reset(TW_SERVER);
	set(TW_F_RST_AUTHOR_SENT_BYTES, 45);
	set(TW_F_RST_VICTIM_SENT_BYTES, 30000);
	set(TW_F_RST_VICTIM_UNACKED, 2896);
	assert_true(fires(&tw_ph_closed_with_unread_data));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_false(fires(&tw_ph_linger_reset));

	/* the same at the server's end: what was under way comes after the reset */
	set(TW_F_RST_VICTIM_UNACKED, 0);
	set(TW_F_RST_AUTHOR_UNACKED, 45);
	set(TW_F_BYTES_C, 40000);
	assert_false(
		fires(&tw_ph_closed_with_unread_data)); /* the reset acknowledges all that comes */
	set(TW_F_RST_VICTIM_NEXT_NS, 1000);
	assert_true(fires(&tw_ph_closed_with_unread_data));
	set(TW_F_BYTES_C, 30000);
	assert_false(fires(&tw_ph_closed_with_unread_data));
	assert_true(fires(&tw_ph_linger_reset));
	assert_true(has(m.rivals, m.rival_count, "closed-with-unread-data"));
}

static void test_linger_reset(void **state)
{
	established();
	active_reset(TW_SERVER);
	set(TW_F_RST_RECEIVER_GOT_ALL, true);
	assert_true(fires(&tw_ph_linger_reset));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has(m.rivals, m.rival_count, "socket-destroyed"));

	set(TW_F_RST_AUTHOR_UNACKED, 100);
	set(TW_F_RST_RECEIVER_GOT_ALL, false);
	assert_true(fires(&tw_ph_linger_reset));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);

	unanswered_request(5); /* then it may have been unread */
	assert_false(fires(&tw_ph_linger_reset));
	set(TW_F_RST_UNANSWERED_BYTES, 0);
	set(TW_F_TRACE_LOSSY, true); /* what arrived was not all seen */
	assert_false(fires(&tw_ph_linger_reset));

	set(TW_F_TRACE_LOSSY, false);
	assert_false(fires(&tw_ph_closed_with_unread_data));
	set(TW_F_RST_WINDOW_FREED, 44160); /* close() emptied the buffer */
	assert_false(fires(&tw_ph_linger_reset));
	assert_true(fires(&tw_ph_closed_with_unread_data));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
}

static void test_linger_reset_after_fin(void **state)
{
	established();
	active_reset(TW_SERVER);
	set(TW_F_RST_AUTHOR_FIN, true);
	set(TW_F_RST_RECEIVER_GOT_ALL, true);
	assert_true(fires(&tw_ph_linger_reset));
	assert_string_equal(m.app[TW_CLIENT].error, "EOF"); /* never ECONNRESET after the FIN */
	assert_true(has(m.rivals, m.rival_count, "fin-wait2-expired"));
}

static void test_aborted(void **state)
{
	established();
	active_reset(TW_SERVER);
	set(TW_F_TRACE_LOSSY, true);
	assert_true(fires(&tw_ph_aborted));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_true(m.strength < TW_STRENGTH_MECHANISM);

	set(TW_F_RST_FORM, TW_RST_ALIEN); /* not the form of a Linux socket: who knows */
	assert_true(fires(&tw_ph_aborted));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_true(has(m.rivals, m.rival_count, "forged-reset"));

	set(TW_F_RST_FORM, TW_RST_REPLY);
	assert_false(fires(&tw_ph_aborted));
	set(TW_F_RST_FORM, TW_RST_ACTIVE);
	set(TW_F_RST_NOTHING_OWED, true);
	assert_false(fires(&tw_ph_aborted));
}

static void test_process_died(void **state)
{
	established();
	active_reset(TW_SERVER);
	unanswered_request(5);
	set(TW_F_RST_TOGETHER, 3);
	set(TW_F_HOST_ENDED_TOGETHER, 3);
	set(TW_F_PORT_REFUSED_AFTER, true);
	set(TW_F_PORT_REFUSED_AFTER_NS, S);
	assert_true(fires(&tw_ph_process_died));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(m.strength > TW_STRENGTH_MECHANISM);

	set(TW_F_RST_TOGETHER, 0); /* one connection never tells */
	set(TW_F_HOST_ENDED_TOGETHER, 0);
	assert_false(fires(&tw_ph_process_died));
	set(TW_F_HOST_ENDED_TOGETHER, 3);
	set(TW_F_PORT_REFUSED_AFTER, false);
	assert_false(fires(&tw_ph_process_died));
	set(TW_F_PORT_REFUSED_AFTER, true);
	set(TW_F_PORT_REFUSED_AFTER_NS, 300 * S); /* too long after to tell anything */
	assert_false(fires(&tw_ph_process_died));
}

static void test_host_shutdown(void **state)
{
	established();
	set(TW_F_FIN1_SIDE, TW_SERVER);
	set(TW_F_PORT_REFUSED_AFTER, true);
	set(TW_F_PORT_REFUSED_AFTER_NS, S / 5);
	assert_false(fires(&tw_ph_host_shutdown)); /* no silence yet: only the service ended */
	set(TW_F_UNANSWERED_SIDE, TW_CLIENT);
	set(TW_F_UNANSWERED_REPEATS, 5);
	set(TW_F_UNANSWERED_BYTES, 1);
	assert_true(fires(&tw_ph_host_shutdown));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(m.culprit, TW_CULPRIT_SERVER_HOST);
	set(TW_F_ALIVE_ELSEWHERE, true);
	assert_false(fires(&tw_ph_host_shutdown));
	set(TW_F_ALIVE_ELSEWHERE, false);
	set(TW_F_CLOSED_CLEAN, true); /* an ordinary connection of earlier */
	assert_false(fires(&tw_ph_host_shutdown));
	set(TW_F_CLOSED_CLEAN, false);
	set(TW_F_PORT_REFUSED_AFTER_NS, 600 * S);
	assert_false(fires(&tw_ph_host_shutdown));
}

static void data_to_closed(void)
{
	established();
	bare_reset(TW_SERVER, TW_TRIGGER_DATA);
	set(TW_F_RST_AUTHOR_FIN, true);
	set(TW_F_RST_AUTHOR_FIN_AGO_NS, S / 3);
	set(TW_F_FIN1_SIDE, TW_SERVER);
}

static void test_data_after_close(void **state)
{
	data_to_closed();
	assert_true(fires(&tw_ph_data_after_close));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_string_equal(m.app[TW_CLIENT].error, "EOF");
	assert_true(has(m.ruled_out, m.ruled_out_count, "peer-rebooted"));

	set(TW_F_RST_AUTHOR_FIN_AGO_NS,
	    61 * S); /* FIN_WAIT2 is over: the teardown's own verdict wins */
	assert_true(fires(&tw_ph_data_after_close));
	assert_true(m.strength < TW_STRENGTH_MECHANISM);

	set(TW_F_RST_TRIGGER, TW_TRIGGER_FIN); /* data and FIN in one burst */
	assert_true(fires(&tw_ph_data_after_close));
	set(TW_F_RST_VICTIM_UNACKED, 0); /* nothing was lost */
	assert_false(fires(&tw_ph_data_after_close));
	set(TW_F_RST_VICTIM_UNACKED, 7);
	set(TW_F_RST_TRIGGER, TW_TRIGGER_DATA);
	set(TW_F_RST_NOTHING_OWED, true);
	assert_false(fires(&tw_ph_data_after_close));
	set(TW_F_RST_NOTHING_OWED, false);
	set(TW_F_RST_AUTHOR_FIN, false); /* that is peer-rebooted */
	assert_false(fires(&tw_ph_data_after_close));
}

/* A client that closes wants nothing more, unless it had been waiting for just that. */
static void test_answer_too_late(void **state)
{
	established();
	bare_reset(TW_CLIENT, TW_TRIGGER_DATA);
	set(TW_F_RST_AUTHOR_FIN, true);
	set(TW_F_FIN1_SIDE, TW_CLIENT);
	set(TW_F_RST_AUTHOR_WAITED_NS, 30 * S);
	set(TW_F_RST_UNANSWERED_BYTES, 1000);
	assert_true(fires(&tw_ph_data_after_close)); /* most of the answer had come in time */
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(TW_F_RST_UNANSWERED_BYTES, 7);
	assert_true(fires(&tw_ph_data_after_close)); /* it had never asked */
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(TW_F_RST_AUTHOR_SENT_BYTES, 100);
	assert_true(fires(&tw_ph_data_after_close));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	set(TW_F_RST_AUTHOR_WAITED_NS, S / 10); /* no time-out is so short */
	assert_true(fires(&tw_ph_data_after_close));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
}

static void test_keepalive_race(void **state)
{
	data_to_closed();
	set(TW_F_FIN_CROSSED_REQUEST, true);
	set(TW_F_FIN_IDLE_BEFORE_NS, 5 * S);
	set(TW_F_DATA_AFTER_FIN1, 120);
	assert_true(fires(&tw_ph_keepalive_race));
	assert_non_null(strstr(m.evidence[0].text, "Node.js"));
	assert_string_equal(m.app[TW_CLIENT].error, "EOF");
	assert_true(m.strength > TW_STRENGTH_MECHANISM);

	set(TW_F_FIN_IDLE_BEFORE_NS, 0); /* no idle time: data-after-close */
	assert_false(fires(&tw_ph_keepalive_race));
	set(TW_F_FIN_IDLE_BEFORE_NS, 5 * S);
	set(TW_F_FIN_CROSSED_REQUEST, false);
	assert_false(fires(&tw_ph_keepalive_race));
	set(TW_F_FIN_CROSSED_REQUEST, true);
	set(TW_F_RST_NOTHING_OWED, true); /* a close_notify of 24 bytes, then the client's FIN */
	set(TW_F_RST_VICTIM_UNACKED, 24);
	assert_false(fires(&tw_ph_keepalive_race));
}

static void test_peer_rebooted(void **state)
{
	established();
	bare_reset(TW_SERVER, TW_TRIGGER_DATA);
	set(TW_F_RST_IDLE_BEFORE_NS, 2 * S);
	assert_true(fires(&tw_ph_peer_rebooted));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_string_equal(m.app[TW_CLIENT].error, "ECONNRESET");
	assert_true(has(m.rivals, m.rival_count, "firewall-reset"));
	assert_true(has(m.rivals, m.rival_count, "idle-reset"));

	set(TW_F_RST_COUNT_C, 1); /* something had reset it in the client's name */
	assert_false(fires(&tw_ph_peer_rebooted));
	set(TW_F_RST_COUNT_C, 0);
	set(TW_F_RST_AUTHOR_GOES_ON, 2);
	assert_false(fires(&tw_ph_peer_rebooted));
	set(TW_F_RST_AUTHOR_GOES_ON, 0);
	set(TW_F_RST_NOTHING_OWED,
	    true); /* goodbyes crossed, and a FIN was lost before this point */
	assert_false(fires(&tw_ph_peer_rebooted));
	set(TW_F_RST_VICTIM_FIN, true); /* still a connection that its user believed in */
	assert_true(fires(&tw_ph_peer_rebooted));
	set(TW_F_RST_TRIGGER, TW_TRIGGER_ACK); /* nobody missed anything */
	assert_false(fires(&tw_ph_peer_rebooted));
	set(TW_F_RST_TRIGGER, TW_TRIGGER_DATA);
	set(TW_F_RST_TTL_DELTA, 1);
	assert_false(fires(&tw_ph_peer_rebooted));
	set(TW_F_RST_TTL_DELTA, 0);
	set(TW_F_RST_AUTHOR_FIN, true);
	assert_false(fires(&tw_ph_peer_rebooted));
}

static void test_idle_reset(void **state)
{
	established();
	bare_reset(TW_SERVER, TW_TRIGGER_DATA);
	set(TW_F_RST_TTL_DELTA, 1);
	set(TW_F_RST_IDLE_BEFORE_NS, 360 * S);
	assert_true(fires(&tw_ph_idle_reset));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_non_null(strstr(m.evidence[0].text, "AWS NAT gateway (350 s)"));
	assert_non_null(strstr(m.summary, "min")); /* the idle time is always stated */
	assert_true(has(m.ruled_out, m.ruled_out_count, "peer-rebooted"));

	set(TW_F_RST_TTL_DELTA, 0); /* the table alone: the peer itself stays a rival */
	assert_true(fires(&tw_ph_idle_reset));
	assert_true(has(m.rivals, m.rival_count, "peer-rebooted"));
	set(TW_F_RST_IDLE_BEFORE_NS, 10 * S); /* below every device in the table */
	assert_false(fires(&tw_ph_idle_reset));
	set(TW_F_RST_TTL_DELTA, 1);
	set(TW_F_RST_IDLE_BEFORE_NS, 0); /* no silence at all */
	assert_false(fires(&tw_ph_idle_reset));
	set(TW_F_RST_IDLE_BEFORE_NS, 360 * S);
	set(TW_F_RST_FORM, TW_RST_ACTIVE); /* the socket's own doing */
	assert_false(fires(&tw_ph_idle_reset));

	/* the device's timer: nobody sent anything */
	established();
	active_reset(TW_SERVER);
	set(TW_F_RST_FORM, TW_RST_ALIEN);
	set(TW_F_RST_TTL_DELTA, 191);
	set(TW_F_RST_RECEIVER_GOT_ALL, true);
	set(TW_F_RST_IDLE_BEFORE_NS, 300 * S);
	assert_true(fires(&tw_ph_idle_reset));
	assert_non_null(strstr(m.evidence[0].text, "F5 BIG-IP"));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(TW_F_RST_TTL_DELTA, 0);
	set(TW_F_RST_NOTHING_OWED, true); /* a client of another stack goes after its answer */
	assert_false(fires(&tw_ph_idle_reset));
}

static void test_conntrack_invalid_reset(void **state)
{
	memset(&facts, 0, sizeof(facts));
	bare_reset(TW_CLIENT, TW_TRIGGER_DATA);
	assert_false(fires(&tw_ph_conntrack_invalid_reset));
	set(TW_F_RST_OTHER_TUPLE, true);
	set(TW_F_RST_OTHER_STREAM, 3);
	assert_true(fires(&tw_ph_conntrack_invalid_reset));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_string_equal(m.app[TW_SERVER].error, "ECONNRESET");
}

static void test_keepalive_timeout(void **state)
{
	established();
	active_reset(TW_CLIENT);
	assert_false(fires(&tw_ph_keepalive_timeout));
	set(TW_F_RST_UNANSWERED_PROBES, 3);
	set(TW_F_KEEPALIVE_INTERVAL_NS, S);
	set(TW_F_RST_NOTHING_OWED, true); /* nothing was owed, and yet the connection is lost */
	facts.f[TW_F_RST_UNANSWERED_PROBES].time_ns = 10 * S;
	facts.f[TW_F_RST_COUNT].time_ns =
		10 * S + 5 * S / 2; /* half a second before the next one */
	assert_true(fires(&tw_ph_keepalive_timeout));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_null(m.app[TW_CLIENT].error);
	facts.f[TW_F_RST_COUNT].time_ns = 13 * S; /* in its place */
	assert_true(fires(&tw_ph_keepalive_timeout));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_string_equal(m.app[TW_CLIENT].error, "ETIMEDOUT");
	assert_null(m.app[TW_SERVER].call);
	set(TW_F_RST_UNANSWERED_PROBES, 1);
	assert_true(fires(&tw_ph_keepalive_timeout));
	assert_int_equal(m.confidence, TW_LIKELY);
	set(TW_F_RST_FORM,
	    TW_RST_REPLY); /* the peer answered the probe: it has no such connection */
	assert_false(fires(&tw_ph_keepalive_timeout));
}

static void forged(void)
{
	established();
	active_reset(TW_SERVER);
	set(TW_F_RST_FORM, TW_RST_ALIEN);
	set(TW_F_RST_NO_TS, true);
	set(TW_F_RST_WINDOW_ZERO, true);
	set(TW_F_RST_TTL_DELTA, -7);
	set(TW_F_RST_IPID, TW_IPID_FOREIGN);
}

static void test_forged_reset(void **state)
{
	forged();
	assert_true(fires(&tw_ph_forged_reset));
	assert_int_equal(m.confidence, TW_LIKELY); /* the author does not show that it lives */
	assert_int_equal(m.strength, TW_STRENGTH_CONTRADICTION);
	set(TW_F_RST_AUTHOR_GOES_ON, 2);
	set(TW_F_RST_AUTHOR_GOES_ON_NS, 20 * TW_NS_PER_US); /* overtaken on the way, perhaps */
	assert_true(fires(&tw_ph_forged_reset));
	assert_int_equal(m.confidence, TW_LIKELY);
	set(TW_F_RST_AUTHOR_GOES_ON_NS, 20 * TW_NS_PER_MS);
	assert_true(fires(&tw_ph_forged_reset));
	assert_int_equal(m.confidence, TW_CERTAIN);

	/* in answer to the request, sooner than possible, and the request had arrived */
	established();
	bare_reset(TW_SERVER, TW_TRIGGER_DATA);
	set(TW_F_RST_AUTHOR_ACKS_TRIGGER, true);
	set(TW_F_RST_AUTHOR_GOES_ON, 2);
	set(TW_F_RST_AUTHOR_GOES_ON_NS, 20 * TW_NS_PER_MS);
	assert_true(fires(&tw_ph_forged_reset)); /* in the very form of an honest kernel */
	assert_int_equal(m.confidence, TW_LIKELY);
	set(TW_F_RST_EARLY, true);
	assert_true(fires(&tw_ph_forged_reset));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_true(has(m.ruled_out, m.ruled_out_count, "firewall-reset"));
}

static void test_forged_reset_not(void **state)
{
	/* one contradiction is none; IP-ID 0 is never one */
	forged();
	set(TW_F_RST_TTL_DELTA, 0);
	set(TW_F_RST_IPID, TW_IPID_ZERO);
	assert_false(fires(&tw_ph_forged_reset));

	/* a router's REJECT: other TTL, the server goes on, but in place of the segment */
	established();
	bare_reset(TW_SERVER, TW_TRIGGER_DATA);
	set(TW_F_RST_TTL_DELTA, 1);
	set(TW_F_RST_AUTHOR_GOES_ON, 3);
	assert_false(fires(&tw_ph_forged_reset));

	/* the true end's own abort */
	established();
	active_reset(TW_SERVER);
	assert_false(fires(&tw_ph_forged_reset));

	/* missed its mark: the connection went on */
	forged();
	set(TW_F_RST_EFFECT, TW_RST_IGNORED);
	assert_false(fires(&tw_ph_forged_reset));

	/* long idle, nobody goes on: weaker than a device that forgot the connection */
	forged();
	set(TW_F_RST_IDLE_BEFORE_NS, 350 * S);
	assert_true(fires(&tw_ph_forged_reset));
	assert_true(m.strength < TW_STRENGTH_MECHANISM);
	assert_true(has(m.rivals, m.rival_count, "idle-reset"));
}

static void test_injected_segment(void **state)
{
	established();
	assert_false(fires(&tw_ph_injected_segment));
	tw_fact_set(&facts, TW_F_OLD_DATA_FOREIGN, 1, 5, 5 * S); /* nothing new was put in */
	assert_false(fires(&tw_ph_injected_segment));
	set(TW_F_CONFLICTING_PAYLOAD, 1);
	assert_true(fires(&tw_ph_injected_segment));
	assert_int_equal(m.confidence, TW_LIKELY);
	set(TW_F_FOREIGN_SEGMENTS, 1);
	assert_true(fires(&tw_ph_injected_segment));
	assert_int_equal(m.confidence, TW_CERTAIN);
	set(TW_F_FOREIGN_SEGMENTS, 0);
	set(TW_F_SNAPLEN_CUT, true); /* cut payloads cannot be compared */
	assert_false(fires(&tw_ph_injected_segment));
	set(TW_F_FOREIGN_SEGMENTS, 1); /* headers alone: another path may have changed them */
	assert_true(fires(&tw_ph_injected_segment));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_true(m.strength < TW_STRENGTH_STALL);

	established();
	set(TW_F_SYNACK_ISN_CONFLICT, true);
	set(TW_F_SYN_COUNT, 2); /* a request that expired gets new numbers */
	assert_false(fires(&tw_ph_injected_segment));
	set(TW_F_SYN_COUNT, 1);
	assert_true(fires(&tw_ph_injected_segment));
	assert_int_equal(m.confidence, TW_POSSIBLE);
}

static void test_desynchronized(void **state)
{
	established();
	assert_false(fires(&tw_ph_desynchronized));
	set(TW_F_ACKED_NEVER_SENT, 5);
	assert_true(fires(&tw_ph_desynchronized));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(TW_F_UNANSWERED_BYTES, 5);
	assert_true(fires(&tw_ph_desynchronized));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	set(TW_F_TRACE_LOSSY, true); /* then the capture missed it, not the sender */
	assert_false(fires(&tw_ph_desynchronized));

	established();
	set(TW_F_REPEAT_ANSWERED_NOT_ACKED, 5);
	assert_false(fires(&tw_ph_desynchronized)); /* in the end it was acknowledged */
	set(TW_F_UNANSWERED_BYTES, 5);
	assert_true(fires(&tw_ph_desynchronized));
	set(TW_F_ZERO_WINDOW_SIDE, TW_SERVER); /* probes of a closed window are answered so */
	assert_false(fires(&tw_ph_desynchronized));
}

static void test_invalid_segment(void **state)
{
	established();
	assert_false(fires(&tw_ph_invalid_segment));
	set(TW_F_RST_IGNORED, 1);
	set(TW_F_RST_IGNORED_WENT_ON, true);
	assert_true(fires(&tw_ph_invalid_segment));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.strength, TW_STRENGTH_CURIOSITY + 2);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(TW_F_BAD_CHECKSUM, 1);
	assert_true(fires(&tw_ph_invalid_segment));
	assert_int_equal(m.confidence, TW_CERTAIN);
}

static void test_invalid_segment_alone(void **state)
{
	memset(&facts, 0, sizeof(facts));
	set(TW_F_STRAY_ONLY, true);
	set(TW_F_STRAY_FLAGS, TW_FIN);
	assert_true(fires(&tw_ph_invalid_segment));
	assert_int_equal(m.outcome, TW_OUTCOME_CLEAN);
	set(TW_F_STRAY_FLAGS, TW_ACK); /* a late duplicate */
	assert_false(fires(&tw_ph_invalid_segment));
	set(TW_F_STRAY_FLAGS, TW_RST);
	assert_false(fires(&tw_ph_invalid_segment));

	memset(&facts, 0, sizeof(facts));
	set(TW_F_START_SEEN, true);
	set(TW_F_BAD_ACK_IN_SYN_SENT, 2);
	set(TW_F_BAD_ACK_OTHERS, 1);
	set(TW_F_RST_COUNT_C, 2);
	set(TW_F_BYTES_S, 5000); /* the capture missed the handshake, that is all */
	assert_false(fires(&tw_ph_invalid_segment));
	set(TW_F_BYTES_S, 0);
	assert_true(fires(&tw_ph_invalid_segment));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	set(TW_F_SYN_ANSWERED_BY_OLD_ACK, true); /* TIME_WAIT of the connection before */
	assert_false(fires(&tw_ph_invalid_segment));
	set(TW_F_SYN_ANSWERED_BY_OLD_ACK, false);
	set(TW_F_SYN_ANSWER, TW_ANSWER_ACK);
	set(TW_F_BAD_ACK_OTHERS, 0); /* the same, with the connection before not captured */
	assert_false(fires(&tw_ph_invalid_segment));
	set(TW_F_SERVER_ACKED_CLIENT_DATA, true); /* but data goes on without a SYN|ACK */
	assert_true(fires(&tw_ph_invalid_segment));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
}

static const struct tw_phenomenon *const all[] = {
	&tw_ph_process_died,     &tw_ph_host_shutdown,     &tw_ph_closed_with_unread_data,
	&tw_ph_aborted,          &tw_ph_linger_reset,      &tw_ph_data_after_close,
	&tw_ph_keepalive_race,   &tw_ph_peer_rebooted,     &tw_ph_idle_reset,
	&tw_ph_forged_reset,     &tw_ph_keepalive_timeout, &tw_ph_conntrack_invalid_reset,
	&tw_ph_injected_segment, &tw_ph_invalid_segment,   &tw_ph_desynchronized,
	&tw_ph_socket_destroyed, &tw_ph_memory_abort,
};
/* Any facts, also such as contradict each other: a verdict is whole, and certain only without rivals. */
static void test_any_facts(void **state)
{
	uint64_t random = 42;

	for (int round = 0; round < 20000; round++) {
		memset(&facts, 0, sizeof(facts));
		for (int id = 0; id < TW_F__N; id++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			if (random >> 63)
				set((enum tw_fact_id)id, (int64_t)(random >> 40) % 3);
			if (tw_fact_info((enum tw_fact_id)id)->type == TW_FACT_NS)
				facts.f[id].value *= 40 * S;
			if (tw_fact_info((enum tw_fact_id)id)->type == TW_FACT_SIDE)
				facts.f[id].value &= 1;
		}
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			if (all[i]->match)
				fires(all[i]);
	}
}

/* Those that leave no packet have no matcher, but a page. */
static void test_pages(void **state)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct tw_phenomenon *ph = all[i];
		size_t column = 0;

		assert_true(strlen(ph->title) <= 60);
		assert_non_null(ph->happens);
		assert_non_null(ph->client_sees);
		assert_non_null(ph->server_sees);
		assert_non_null(ph->recognise);
		assert_non_null(ph->remedies[0]);
		assert_non_null(ph->references[0]);
		for (const char *c = ph->diagram; *c; c++) {
			column = *c == '\n' ? 0 : column + 1;
			assert_true(column <= 72);
		}
		assert_int_equal(column, 0);
	}
	assert_null(tw_ph_socket_destroyed.match);
	assert_null(tw_ph_memory_abort.match);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_with_unread_data),
		cmocka_unit_test(test_closed_with_unread_data_not),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_linger_reset),
		cmocka_unit_test(test_linger_reset_after_fin),
		cmocka_unit_test(test_aborted),
		cmocka_unit_test(test_process_died),
		cmocka_unit_test(test_host_shutdown),
		cmocka_unit_test(test_data_after_close),
		cmocka_unit_test(test_answer_too_late),
		cmocka_unit_test(test_keepalive_race),
		cmocka_unit_test(test_peer_rebooted),
		cmocka_unit_test(test_idle_reset),
		cmocka_unit_test(test_conntrack_invalid_reset),
		cmocka_unit_test(test_keepalive_timeout),
		cmocka_unit_test(test_forged_reset),
		cmocka_unit_test(test_forged_reset_not),
		cmocka_unit_test(test_injected_segment),
		cmocka_unit_test(test_desynchronized),
		cmocka_unit_test(test_invalid_segment),
		cmocka_unit_test(test_invalid_segment_alone),
		cmocka_unit_test(test_any_facts),
		cmocka_unit_test(test_pages),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	tw_arena_free(&arena);
	return rc;
}
