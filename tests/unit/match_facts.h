/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_MATCH_FACTS_H
#define TW_TESTS_MATCH_FACTS_H

/* For tests of matchers: facts made by hand, and one matcher asked about them. */
#include "base/duration.h"
#include "phenomena/phenomenon.h"

#include <string.h>

#define MS(n) ((n)*TW_NS_PER_MS)
#define S(n)  ((n)*TW_NS_PER_S)

/* A fact without a frame that matters: frame 1, time 0. */
static inline void set(struct tw_facts *f, enum tw_fact_id id, int64_t value)
{
	tw_fact_set(f, id, value, 1, 0);
}

/* A fact whose frame stands at a time. */
static inline void set_at(struct tw_facts *f, enum tw_fact_id id, int64_t value, int64_t time_ns)
{
	tw_fact_set(f, id, value, 1, time_ns);
}

static inline void forget(struct tw_facts *f, enum tw_fact_id id)
{
	f->known[id] = false;
}

/* Ask one matcher; its texts live in @arena. */
static inline bool ask(const struct tw_phenomenon *ph, const struct tw_facts *f,
		       struct tw_arena *arena, struct tw_match *m)
{
	*m = (struct tw_match){ .arena = arena,
				.facts = f,
				.client = "192.0.2.1:40000",
				.server = "192.0.2.2:80",
				.app = { { .after_ns = -1 }, { .after_ns = -1 } } };
	return ph->match(m);
}

static inline bool names(const struct tw_rival *list, unsigned count, const char *slug)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (!strcmp(list[i].slug, slug))
			return true;
	return false;
}

static inline bool has_rival(const struct tw_match *m, const char *slug)
{
	return names(m->rivals, m->rival_count, slug);
}

static inline bool rules_out(const struct tw_match *m, const char *slug)
{
	return names(m->ruled_out, m->ruled_out_count, slug);
}

#endif
