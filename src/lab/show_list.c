/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `lab list`: what there is to run.
 *
 *	process-died: The process died
 *	  unread                              v4 v6 v4-nots    412 ms
 *	      The server is killed while a request lies unread in its socket.
 */
#include "lab/choose.h"
#include "lab/durations.h"
#include "lab/show.h"
#include "lab/show_private.h"
#include "report/json_value.h"

#define VARIANTS 34 /* column */

static bool has_scenarios(const struct tw_phenomenon *p)
{
	return p->scenarios && p->scenarios->name;
}

static void scenario(struct tw_pen *p, const struct tw_phenomenon *ph, const struct tw_scenario *s)
{
	int64_t ns = tw_typical_ns(ph->slug, s->name);

	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_STRONG, "%s", s->name);
	tw_pen_column(p, VARIANTS);
	tw_pen_wrap(p, VARIANTS, TW_ROLE_PLAIN, "%s", tw_scenario_variants(s));
	if (ns >= 0) {
		const char *text = TW_DUR(ns);

		tw_pen_column(p, p->style.width - (unsigned)strlen(text));
		tw_pen_put(p, TW_ROLE_PLAIN, "%s", text);
	}
	tw_pen_newline(p);
	if (!s->about || !*s->about)
		return;
	tw_pen_column(p, 6);
	tw_pen_wrap(p, 6, TW_ROLE_FAINT, "%s", s->about);
	tw_pen_newline(p);
}

void tw_show_list(struct tw_pen *p, const struct tw_phenomenon *const *phenomena, unsigned count)
{
	const struct tw_scenario *s;
	bool headed = false;
	unsigned i;

	for (i = 0; i < count; i++) {
		if (!has_scenarios(phenomena[i]))
			continue;
		tw_pen_put(p, TW_ROLE_STRONG, "%s", phenomena[i]->slug);
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, ": %s", phenomena[i]->title);
		tw_pen_newline(p);
		for (s = phenomena[i]->scenarios; s->name; s++)
			scenario(p, phenomena[i], s);
	}
	for (i = 0; i < count; i++) {
		if (has_scenarios(phenomena[i]))
			continue;
		if (!headed) {
			tw_pen_put(p, TW_ROLE_WARN, "Not reproduced:");
			tw_pen_newline(p);
		}
		headed = true;
		tw_pen_column(p, 2);
		tw_pen_put(p, TW_ROLE_STRONG, "%s", phenomena[i]->slug);
		tw_pen_wrap(p, 6, TW_ROLE_PLAIN, ": %s", tw_unreproduced(phenomena[i]));
		tw_pen_newline(p);
	}
}

static json_t *variants_of(const struct tw_scenario *s)
{
	const char *p = tw_scenario_variants(s);
	json_t *list = json_array();

	while (*(p += strspn(p, " "))) {
		size_t n = strcspn(p, " ");

		json_array_append_new(list, json_stringn(p, n));
		p += n;
	}
	return list;
}

json_t *tw_list_json(const struct tw_phenomenon *ph, const struct tw_scenario *s)
{
	int64_t ns = s ? tw_typical_ns(ph->slug, s->name) : -1;

	if (!s)
		return json_pack("{s:s, s:i, s:s, s:s, s:n, s:s}", "type", "lab-scenario", "schema",
				 1, "slug", ph->slug, "title", ph->title, "name", "unreproduced",
				 tw_unreproduced(ph));
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:o}", "type", "lab-scenario",
			 "schema", 1, "slug", ph->slug, "title", ph->title, "name", s->name,
			 "about", s->about ? s->about : "", "variants", variants_of(s), "duration",
			 ns >= 0 ? tw_json_seconds(ns) : json_null());
}
