/* SPDX-License-Identifier: BSD-2-Clause */
/* `tcpwhy doctor`: what of `live` works on this machine, and what the loss means where it does not. */
#include "kernel/doctor.h"
#include "cli/command.h"
#include "report/json_value.h"
#include "report/style.h"

#include <jansson.h>

static const char *const words[] = { "ok", "missing", "missing" };
static const enum tw_role roles[] = { TW_ROLE_GOOD, TW_ROLE_WARN, TW_ROLE_BAD };
static const char *const verdicts[] = {
	"Everything that `tcpwhy live` can use works here.",
	"`tcpwhy live` works here, and knows less than it could.",
	"`tcpwhy live` does not work here.",
};

static int print_text(const struct tw_doctor *d, const struct tw_arguments *a)
{
	const struct tw_style style = tw_use_style(a);
	struct tw_pen p;
	unsigned i;

	tw_pen_init(&p, &tw_stdout, &style);
	tw_pen_put(&p, TW_ROLE_STRONG, "Linux %s", d->kernel);
	tw_pen_newline(&p);
	for (i = 0; i < d->count; i++) {
		const struct tw_checkup *c = &d->item[i];

		tw_pen_put(&p, roles[c->health], "%-8s", words[c->health]);
		tw_pen_put(&p, TW_ROLE_PLAIN, "%s", c->name);
		tw_pen_column(&p, 42);
		tw_pen_wrap(&p, 42, TW_ROLE_PLAIN, "%s", c->found);
		tw_pen_newline(&p);
		if (c->health == TW_HEALTH_OK && !a->verbose)
			continue;
		tw_pen_column(&p, 8);
		tw_pen_wrap(&p, 8, TW_ROLE_FAINT, "%s", c->loss);
		tw_pen_newline(&p);
	}
	tw_pen_put(&p, roles[d->health], "%s", verdicts[d->health]);
	tw_pen_newline(&p);
	return tw_pen_finish(&p);
}

static int print_json(const struct tw_doctor *d)
{
	static const char *const health[] = { "ok", "loss", "fatal" };
	json_t *items = json_array();
	unsigned i;

	for (i = 0; i < d->count; i++)
		json_array_append_new(items,
				      json_pack("{s:s, s:s, s:s, s:s}", "name", d->item[i].name,
						"health", health[d->item[i].health], "found",
						d->item[i].found, "loss", d->item[i].loss));
	return tw_json_line(&tw_stdout, json_pack("{s:s, s:i, s:s, s:s, s:o}", "type", "doctor",
						  "schema", 1, "kernel", d->kernel, "health",
						  health[d->health], "items", items));
}

static int run(const struct tw_arguments *a)
{
	struct tw_doctor d;
	int r;

	if (a->word_count)
		return tw_complain("doctor takes no words, only options; see tcpwhy doctor --help");
	tw_doctor_look(&d);
	r = a->json ? print_json(&d) : print_text(&d, a);
	return tw_end_output(r, (int)d.health);
}

int tw_command_doctor(int argc, char **argv)
{
	return tw_command_main("doctor", TW_CMD_DOCTOR, argc, argv, 1, run);
}
