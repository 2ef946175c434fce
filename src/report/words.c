/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers, times and names as a person reads them. No locale, no time zone: the same capture,
 * the same bytes.
 */
#include "report/words.h"

#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *tw_words_count(char *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), i;
	char *p = out;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*p++ = ' ';
		*p++ = digits[i];
	}
	*p = '\0';
	return out;
}

const char *tw_words_counted(char *out, uint64_t n, const char *noun)
{
	size_t used;

	tw_words_count(out, n);
	used = strlen(out);
	snprintf(out + used, TW_WORDS_TEXT - used, " %s%s", noun, n == 1 ? "" : "s");
	return out;
}

const char *tw_words_seconds(char *out, int64_t ns, unsigned decimals)
{
	uint64_t v = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, unit = UINT64_C(1000000000);
	uint64_t fraction = v % unit;
	unsigned i;

	for (i = decimals; i < 9; i++)
		fraction /= 10;
	if (decimals)
		snprintf(out, TW_WORDS_TEXT, "%s%" PRIu64 ".%0*" PRIu64, ns < 0 ? "-" : "",
			 v / unit, (int)decimals, fraction);
	else
		snprintf(out, TW_WORDS_TEXT, "%s%" PRIu64, ns < 0 ? "-" : "", v / unit);
	return out;
}

const char *tw_words_time(char *out, int64_t ns, unsigned decimals, char gap)
{
	int64_t sec = ns / TW_NS_PER_S, rest = ns % TW_NS_PER_S;
	char fraction[TW_WORDS_TEXT];
	struct tm tm;
	time_t t;

	if (rest < 0) {
		rest += TW_NS_PER_S;
		sec--;
	}
	t = (time_t)sec;
	if (!gmtime_r(&t, &tm))
		memset(&tm, 0, sizeof(tm));
	tw_words_seconds(fraction, rest, decimals); /* "0.123" */
	snprintf(out, TW_WORDS_TEXT, "%04d-%02d-%02d%c%02d:%02d:%02d%.12sZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, gap, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction + 1);
	return out;
}

const char *tw_words_flags(char *out, uint16_t flags)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} names[] = {
		{ TW_SYN, "SYN" }, { TW_FIN, "FIN" }, { TW_RST, "RST" },
		{ TW_PSH, "PSH" }, { TW_URG, "URG" }, { TW_ECE, "ECE" },
		{ TW_CWR, "CWR" }, { TW_AE, "AE" },   { TW_ACK, "ACK" },
	};
	size_t used = 0;
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].bit)
			used += (size_t)snprintf(out + used, TW_WORDS_TEXT - used, "%s%s",
						 used ? "|" : "", names[i].name);
	if (!used)
		snprintf(out, TW_WORDS_TEXT, "no flags");
	return out;
}

const char *tw_words_culprit(enum tw_culprit c)
{
	switch (c) {
	case TW_CULPRIT_CLIENT_APP:
		return "the client's application";
	case TW_CULPRIT_CLIENT_HOST:
		return "the client's host";
	case TW_CULPRIT_SERVER_APP:
		return "the server's application";
	case TW_CULPRIT_SERVER_HOST:
		return "the server's host";
	case TW_CULPRIT_NETWORK:
		return "the network between them";
	case TW_CULPRIT_MIDDLEBOX:
		return "a device in the path";
	case TW_CULPRIT_UNKNOWN:
		break;
	}
	return NULL;
}

const char *tw_words_confidence(char *out, const struct tw_match *m)
{
	if (!m->rival_count)
		snprintf(out, TW_WORDS_TEXT, "%s", tw_confidence_name(m->confidence));
	else
		snprintf(out, TW_WORDS_TEXT, "%s: %u rival%s not excluded",
			 tw_confidence_name(m->confidence), m->rival_count,
			 m->rival_count == 1 ? "" : "s");
	return out;
}

/*
 * The names of a fact's enum, found by the unit that facts.def gives it, in the order of facts.h; those of protocols
 * are kept where these are told apart.
 */
#define ENUM_NAMES 14
static const struct {
	const char *unit;
	const char *name[ENUM_NAMES];
} enums[] = {
	{ "tw_vantage", { "unknown", "client", "server", "middle", "one-sided" } },
	{ "tw_ladder", { "none", "doubling", "linear, then doubling", "flat", "other" } },
	{ "tw_syn_answer", { "none", "SYN|ACK", "RST|ACK", "RST", "ACK", "ICMP error", "SYN" } },
	{ "tw_icmp_class",
	  { "net unreachable", "host unreachable", "protocol unreachable", "port unreachable",
	    "prohibited", "time exceeded", "other" } },
	{ "tw_rst_form", { "active abort", "reply", "reply to a segment without ACK", "alien" } },
	{ "tw_signature", { "none", "TCP-MD5", "TCP-AO" } },
	{ "tw_body",
	  { "unknown", "none", "Content-Length", "chunked", "interim", "TLS record", "HTTP/2 frame",
	    "PostgreSQL message", "MySQL packet", "head" } },
	{ "tw_h2", { "unknown", "followed", "headers missing" } },
	{ "tw_trigger",
	  { "none", "SYN", "SYN|ACK", "handshake's ACK", "data", "FIN", "probe", "pure ACK",
	    "other" } },
	{ "tw_rst_effect", { "accepted", "challenged", "ignored", "unknown" } },
	{ "tw_ipid", { "unknown", "zero", "continues", "foreign" } },
	{ "tw_asked",
	  { "nothing", "MPTCP", "ECN", "MPTCP, ECN", "options", "MPTCP, options", "ECN, options",
	    "MPTCP, ECN, options" } },
	{ "tw_kernel_reset",
	  { "not said", "no such socket", "segment for no connection of the listener",
	    "data in TIME_WAIT", "data after close", "close with unread data", "socket aborted",
	    "TCP_LINGER2 below zero", "out of memory", "keepalive timeout", "accept queue full",
	    "ACK of what was never sent", "disconnect with unsent data", "other" } },
	{ "tw_drop_class",
	  { "none", "reset", "accept queue full", "outside the window", "old timestamp",
	    "authentication", "filter", "no route or neighbour", "unacceptable segment",
	    "old timestamp in TIME_WAIT" } },
};

static const char *enum_name(const char *unit, int64_t value)
{
	unsigned i;

	if (!strcmp(unit, "tw_request"))
		return tw_request_name((enum tw_request)value);
	if (!strcmp(unit, "tw_greeting"))
		return tw_greeting_name((enum tw_greeting)value);
	for (i = 0; i < sizeof(enums) / sizeof(enums[0]); i++)
		if (!strcmp(unit, enums[i].unit))
			return value >= 0 && value < ENUM_NAMES ? enums[i].name[value] : NULL;
	return NULL;
}

const char *tw_words_fact(char *out, enum tw_fact_id id, const struct tw_fact *fact)
{
	const struct tw_fact_info *info = tw_fact_info(id);
	const char *name;

	switch (info->type) {
	case TW_FACT_BOOL:
		snprintf(out, TW_WORDS_TEXT, "%s", fact->value ? "yes" : "no");
		break;
	case TW_FACT_NS:
		tw_duration_text(out, fact->value);
		break;
	case TW_FACT_SIDE:
		snprintf(out, TW_WORDS_TEXT, "%s", fact->value == TW_CLIENT ? "client" : "server");
		break;
	case TW_FACT_ENUM:
		name = enum_name(info->unit, fact->value);
		if (name)
			snprintf(out, TW_WORDS_TEXT, "%s", name);
		else
			snprintf(out, TW_WORDS_TEXT, "%" PRId64, fact->value);
		break;
	case TW_FACT_COUNT:
	case TW_FACT_BYTES:
	case TW_FACT_INT:
		snprintf(out, TW_WORDS_TEXT, "%" PRId64 "%s%.30s", fact->value,
			 *info->unit ? " " : "", info->unit);
		break;
	}
	return out;
}
