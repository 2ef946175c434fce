/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole story of one connection: what the example leaves out because nobody wants to read
 * it about many. Numbers are those of tshark's tcp.analysis, so both can be laid side by side.
 */
#include "report/example.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void end_row(struct tw_pen *p, const char *what, const uint64_t n[2])
{
	char text[TW_WORDS_TEXT];

	if (!n[TW_CLIENT] && !n[TW_SERVER])
		return;
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_FAINT, "%s", what);
	tw_words_count(text, n[TW_CLIENT]);
	tw_pen_column(p, 36 - (unsigned)strlen(text));
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", text);
	tw_words_count(text, n[TW_SERVER]);
	tw_pen_column(p, 52 - (unsigned)strlen(text));
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", text);
	tw_pen_newline(p);
}

static void both_ends(struct tw_pen *p, const struct tw_finding *f)
{
	tw_pen_put(p, TW_ROLE_STRONG, "Both ends");
	tw_pen_column(p, 30);
	tw_pen_put(p, TW_ROLE_FAINT, "client");
	tw_pen_column(p, 46);
	tw_pen_put(p, TW_ROLE_FAINT, "server");
	tw_pen_newline(p);
	end_row(p, "packets sent", f->packets);
	end_row(p, "payload bytes", f->bytes);
	end_row(p, "retransmissions", f->retransmissions);
	end_row(p, "duplicate ACKs", f->duplicate_acks);
	end_row(p, "zero windows", f->zero_windows);
	end_row(p, "out of order", f->out_of_order);
	end_row(p, "keepalive probes", f->keepalives);
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_FAINT, "from");
	tw_pen_column(p, 10);
	tw_pen_wrap(p, 10, TW_ROLE_PLAIN, "%s, frames %" PRIu64 " to %" PRIu64,
		    tw_words_time(TW_WORDS, f->start_ns, 6, 'T'), f->first_frame, f->last_frame);
	tw_pen_newline(p);
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_FAINT, "seen");
	tw_pen_column(p, 10);
	tw_pen_wrap(p, 10, TW_ROLE_PLAIN, "vantage %s, Zeek state %s, tcp.completeness %u",
		    f->vantage ? f->vantage : "unknown", f->zeek ? f->zeek : "-", f->completeness);
	tw_pen_newline(p);
}

/* Nothing seen is no news: zero counts and "no". */
static bool is_nothing(enum tw_fact_id id, const struct tw_fact *fact)
{
	enum tw_fact_type type = tw_fact_info(id)->type;

	return !fact->value &&
	       (type == TW_FACT_BOOL || type == TW_FACT_COUNT || type == TW_FACT_BYTES);
}

static const char *fact_name(char *out, enum tw_fact_id id)
{
	const char *name = tw_fact_info(id)->name;
	size_t i;

	for (i = 0; name[i] && i + 1 < TW_WORDS_TEXT; i++)
		out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
	out[i] = '\0';
	return out;
}

static void fact_row(struct tw_pen *p, enum tw_fact_id id, const struct tw_fact *fact)
{
	unsigned width = p->style.width, name_max = width > 76 ? 35 : 28, frame_width = 0;
	char frame[TW_WORDS_TEXT];

	if (fact->frame)
		frame_width = (unsigned)snprintf(frame, sizeof(frame), "#%" PRIu64, fact->frame);
	tw_pen_column(p, 2);
	tw_pen_clip(p, TW_ROLE_FAINT, name_max, fact_name(TW_WORDS, id));
	tw_pen_column(p, name_max + 3);
	tw_pen_clip(p, TW_ROLE_PLAIN, width - name_max - 3 - frame_width - 1,
		    tw_words_fact(TW_WORDS, id, fact));
	if (frame_width) {
		tw_pen_column(p, frame_width > 11 ? width - frame_width : width - 11);
		tw_pen_put(p, TW_ROLE_FAINT, "%s", frame);
	}
	tw_pen_newline(p);
}

static void nothings(struct tw_pen *p, const struct tw_finding *f, bool all)
{
	unsigned i, n = 0, told = 0;

	for (i = 0; i < TW_F__N; i++)
		n += f->facts.known[i] && is_nothing(i, &f->facts.f[i]);
	if (!n)
		return;
	tw_pen_column(p, 2);
	if (!all) {
		tw_pen_put(p, TW_ROLE_FAINT, "none or no: %s (-v names them)",
			   tw_words_counted(TW_WORDS, n, "fact"));
	} else {
		tw_pen_put(p, TW_ROLE_FAINT, "none, or no:");
		for (i = 0; i < TW_F__N; i++)
			if (f->facts.known[i] && is_nothing(i, &f->facts.f[i]))
				tw_pen_wrap(p, 2, TW_ROLE_FAINT, ++told < n ? " %s," : " %s",
					    fact_name(TW_WORDS, i));
	}
	tw_pen_newline(p);
}

static void facts(struct tw_pen *p, const struct tw_finding *f, bool all)
{
	unsigned i;

	tw_pen_newline(p);
	tw_pen_put(p, TW_ROLE_STRONG, "Facts");
	tw_pen_newline(p);
	for (i = 0; i < TW_F__N; i++)
		if (f->facts.known[i] && !is_nothing(i, &f->facts.f[i]))
			fact_row(p, i, &f->facts.f[i]);
	nothings(p, f, all);
}

void tw_story_write(struct tw_pen *p, const struct tw_finding *f, bool all)
{
	both_ends(p, f);
	facts(p, f, all);
}
