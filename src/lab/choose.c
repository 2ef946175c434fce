/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which runs are meant. Nothing runs here: a word that names nothing, or a script with a mistake in it, is
 * told before the first namespace is made.
 */
#include "lab/choose.h"

#include "base/suggest.h"
#include "lab/script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT_BYTES_MAX ((size_t)1 << 20)

const char *tw_scenario_variants(const struct tw_scenario *s)
{
	return s->variants ? s->variants : "v4 v6";
}

const char *tw_unreproduced(const struct tw_phenomenon *p)
{
	if (p->unreproduced)
		return p->unreproduced;
	return p->match ? "no scenario is written for it"
			: "no packet shows it, only what the kernel itself tells";
}

/* ---- the list of runs ---- */

static bool chosen_already(const struct tw_choice *c, const struct tw_scenario *scenario,
			   const char *variant)
{
	unsigned i;

	for (i = 0; i < c->count; i++)
		if (c->jobs[i].job.scenario == scenario &&
		    strcmp(c->jobs[i].job.variant, variant) == 0)
			return true;
	return false;
}

static struct tw_crew_job *new_job(struct tw_choice *c)
{
	if (c->count == c->room) {
		unsigned room = c->room ? c->room * 2 : 64;
		struct tw_crew_job *jobs = realloc(c->jobs, room * sizeof(*jobs));

		if (!jobs)
			return NULL;
		c->jobs = jobs;
		c->room = room;
	}
	return &c->jobs[c->count++];
}

/* Where a run keeps its files: never two runs in one folder. */
static const char *keep_folder(struct tw_choice *c, const struct tw_choice_options *o,
			       const struct tw_lab_job *job, unsigned repetition)
{
	const char *parent = job->phenomenon ? job->slug : "", *slash = *parent ? "/" : "";

	if (!o->keep)
		return NULL;
	if (!repetition)
		return tw_arena_printf(&c->arena, "%s/%s%s%s/%s", o->keep, parent, slash,
				       job->scenario->name, job->variant);
	return tw_arena_printf(&c->arena, "%s/%s%s%s/%s/%u", o->keep, parent, slash,
			       job->scenario->name, job->variant, repetition);
}

static int add(struct tw_choice *c, const struct tw_choice_options *o,
	       const struct tw_phenomenon *phenomenon, const char *slug,
	       const struct tw_scenario *scenario, const char *variant)
{
	unsigned n;

	if (chosen_already(c, scenario, variant) || (o->only_first && c->count))
		return 0;
	for (n = 1; n == 1 || n <= o->repeat; n++) {
		struct tw_crew_job *job = new_job(c);

		if (!job)
			return -ENOMEM;
		*job = (struct tw_crew_job){ .job = o->like, .repetition = o->repeat > 1 ? n : 0 };
		job->job.phenomenon = phenomenon;
		job->job.scenario = scenario;
		job->job.slug = slug;
		job->job.variant = variant;
		job->job.keep = keep_folder(c, o, &job->job, job->repetition);
	}
	return 0;
}

/* All variants of a scenario, or @only. -ENOENT: it has no such variant. */
static int add_scenario(struct tw_choice *c, const struct tw_choice_options *o,
			const struct tw_phenomenon *phenomenon, const char *slug,
			const struct tw_scenario *scenario, const char *only)
{
	const char *p = tw_scenario_variants(scenario);
	int r = -ENOENT;

	while (*(p += strspn(p, " "))) {
		size_t n = strcspn(p, " ");

		if (!only || (strlen(only) == n && memcmp(only, p, n) == 0)) {
			const char *variant = tw_arena_printf(&c->arena, "%.*s", (int)n, p);

			r = add(c, o, phenomenon, slug, scenario, variant);
			if (r)
				return r;
		}
		p += n;
	}
	return r;
}

/* ---- the catalogue ---- */

static int unknown_slug(const char *word, struct tw_err *err)
{
	struct tw_suggestion s = { .typed = word };
	unsigned i;

	tw_suggest_offer(&s, "all");
	for (i = 0; i < tw_catalogue_count; i++)
		tw_suggest_offer(&s, tw_catalogue[i]->slug);
	if (s.best)
		return tw_err_set(err, -EINVAL, "unknown phenomenon '%s'; did you mean %s?", word,
				  s.best);
	return tw_err_set(err, -EINVAL, "unknown phenomenon '%s'; `tcpwhy lab list` lists them",
			  word);
}

static int unknown_name(const struct tw_phenomenon *p, const char *name, struct tw_err *err)
{
	struct tw_suggestion s = { .typed = name };
	char names[200] = "";
	const struct tw_scenario *sc;

	for (sc = p->scenarios; sc->name; sc++) {
		size_t n = strlen(names);

		tw_suggest_offer(&s, sc->name);
		snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", sc->name);
	}
	if (s.best)
		return tw_err_set(err, -EINVAL, "%s has no scenario '%s'; did you mean %s/%s?",
				  p->slug, name, p->slug, s.best);
	return tw_err_set(err, -EINVAL, "%s has no scenario '%s', only %s", p->slug, name, names);
}

static int unknown_variant(const char *what, const struct tw_scenario *s, const char *variant,
			   struct tw_err *err)
{
	return tw_err_set(err, -EINVAL, "%s has no variant '%s', only: %s", what, variant,
			  tw_scenario_variants(s));
}

static int add_phenomenon(struct tw_choice *c, const struct tw_choice_options *o,
			  const struct tw_phenomenon *p)
{
	const struct tw_scenario *s;
	int r = 0;

	for (s = p->scenarios; s && s->name && !r; s++)
		r = add_scenario(c, o, p, p->slug, s, NULL);
	return r;
}

/* SLUG[/NAME[/VARIANT]], the slug being @p's; @rest is what follows it. */
static int add_selection(struct tw_choice *c, const struct tw_choice_options *o,
			 const struct tw_phenomenon *p, const char *rest, struct tw_err *err)
{
	const char *name = *rest ? rest + 1 : NULL;
	const char *slash = name ? strchr(name, '/') : NULL;
	const char *variant = slash ? slash + 1 : NULL;
	const struct tw_scenario *s;
	int r;

	if (!p->scenarios || !p->scenarios->name)
		return tw_err_set(err, -EINVAL, "the lab can not reproduce %s: %s", p->slug,
				  tw_unreproduced(p));
	if (!name || !*name)
		return add_phenomenon(c, o, p);
	name = tw_arena_printf(&c->arena, "%.*s",
			       (int)(slash ? (size_t)(slash - name) : strlen(name)), name);
	for (s = p->scenarios; s->name && strcmp(s->name, name) != 0; s++)
		;
	if (!s->name)
		return unknown_name(p, name, err);
	r = add_scenario(c, o, p, p->slug, s, variant && *variant ? variant : NULL);
	if (r == -ENOENT)
		return unknown_variant(tw_arena_printf(&c->arena, "%s/%s", p->slug, s->name), s,
				       variant, err);
	return r;
}

static int add_all(struct tw_choice *c, const struct tw_choice_options *o)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < tw_catalogue_count && !r; i++)
		r = add_phenomenon(c, o, tw_catalogue[i]);
	return r;
}

/* ---- scripts of the user's ---- */

static int read_script(struct tw_choice *c, const char *path, const char **text, struct tw_err *err)
{
	char *bytes = tw_arena_alloc(&c->arena, SCRIPT_BYTES_MAX + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n = 0;

	if (fd < 0)
		return tw_err_set(err, -EINVAL, "cannot open %s: %s", path, strerror(errno));
	while (bytes && length <= SCRIPT_BYTES_MAX &&
	       (n = read(fd, bytes + length, SCRIPT_BYTES_MAX + 1 - length)) > 0)
		length += (size_t)n;
	if (n < 0)
		tw_err_set(err, -EINVAL, "cannot read %s: %s", path, strerror(errno));
	close(fd);
	if (!bytes)
		return -ENOMEM;
	if (n < 0)
		return -EINVAL;
	if (length > SCRIPT_BYTES_MAX || memchr(bytes, '\0', length))
		return tw_err_set(err, -EINVAL, "%s is no scenario script", path);
	bytes[length] = '\0';
	*text = bytes;
	return 0;
}

/* "dir/my.lab" is called "my". */
static const char *script_name(struct tw_choice *c, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t n = strlen(base);

	if (n > 4 && strcmp(base + n - 4, ".lab") == 0)
		n -= 4;
	return tw_arena_printf(&c->arena, "%.*s", (int)n, base);
}

static int add_file(struct tw_choice *c, const struct tw_choice_options *o, const char *path,
		    const char *variant, struct tw_err *err)
{
	struct tw_scenario *s = tw_arena_alloc(&c->arena, sizeof(*s));
	struct tw_err wrong = { 0 };
	struct tw_script script;
	int r;

	if (!s)
		return -ENOMEM;
	r = read_script(c, path, &s->script, err);
	if (r)
		return r;
	s->name = script_name(c, path);
	s->about = "";
	r = tw_script_parse(&script, s->script, &wrong);
	if (r)
		return tw_err_set(err, r, "%s: %s", path, wrong.text);
	if (!script.count)
		r = tw_err_set(err, -EINVAL, "%s has no statement: nothing would happen", path);
	tw_script_free(&script);
	if (r)
		return r;
	r = add_scenario(c, o, NULL, path, s, variant);
	return r == -ENOENT ? unknown_variant(path, s, variant, err) : r;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A path, or FILE/VARIANT. Return: false if the word is no file's name at all. */
static bool split_file(struct tw_choice *c, const char *word, const char **path,
		       const char **variant)
{
	const char *slash = strrchr(word, '/');
	size_t n = strlen(word);

	*variant = NULL;
	*path = word;
	if (slash && !is_file(word)) {
		const char *before = tw_arena_printf(&c->arena, "%.*s", (int)(slash - word), word);

		if (is_file(before)) {
			*path = before;
			*variant = slash + 1;
			return true;
		}
	}
	return (n > 4 && strcmp(word + n - 4, ".lab") == 0) || word[0] == '.' || word[0] == '/' ||
	       (slash && is_file(word));
}

/* ---- words ---- */

static const struct tw_phenomenon *phenomenon_of(const char *word, size_t *length)
{
	unsigned i;

	*length = strcspn(word, "/");
	for (i = 0; i < tw_catalogue_count; i++)
		if (strlen(tw_catalogue[i]->slug) == *length &&
		    memcmp(tw_catalogue[i]->slug, word, *length) == 0)
			return tw_catalogue[i];
	return NULL;
}

static int choose_word(struct tw_choice *c, const struct tw_choice_options *o, const char *word,
		       struct tw_err *err)
{
	const char *path, *variant;
	size_t length;
	const struct tw_phenomenon *p = phenomenon_of(word, &length);

	if (strcmp(word, "all") == 0)
		return add_all(c, o);
	if (p)
		return add_selection(c, o, p, word + length, err);
	if (split_file(c, word, &path, &variant))
		return add_file(c, o, path, variant, err);
	return unknown_slug(tw_arena_printf(&c->arena, "%.*s", (int)length, word), err);
}

int tw_choose(struct tw_choice *choice, const char *const *words, unsigned count,
	      const struct tw_choice_options *options, struct tw_err *err)
{
	unsigned i;
	int r = 0;

	*choice = (struct tw_choice){ 0 };
	tw_arena_init(&choice->arena);
	for (i = 0; i < count && !r; i++)
		r = choose_word(choice, options, words[i], err);
	if (r == -ENOMEM)
		tw_err_set(err, r, "out of memory");
	return r;
}

void tw_choice_free(struct tw_choice *choice)
{
	free(choice->jobs);
	tw_arena_free(&choice->arena);
	*choice = (struct tw_choice){ 0 };
}
