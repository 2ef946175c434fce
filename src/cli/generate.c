/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the texts that follow from the program's tables: shell completions, the OPTIONS sections of
 * the man pages (scdoc) and the book of phenomena as a man page. Built beside tcpwhy, not installed;
 * the build makes tcpwhy-phenomena(7) with it, tools/generate writes the rest into the tree, and a test
 * compares.
 */
#include "audit/check.h"
#include "cli/command.h"
#include "phenomena/phenomenon.h"

#include <string.h>

static const char *const stage_titles[] = {
	[TW_STAGE_CONNECT] = "WHILE CONNECTING",
	[TW_STAGE_ESTABLISHED] = "IN AN ESTABLISHED CONNECTION",
	[TW_STAGE_TEARDOWN] = "WHILE CLOSING",
	[TW_STAGE_MANY] = "OVER MANY CONNECTIONS",
};

/* ---- completions ---- */

#define EVERY                                                                                      \
	(TW_CMD_READ | TW_CMD_EXPLAIN | TW_CMD_LAB | TW_CMD_LIVE | TW_CMD_DOCTOR |                 \
	 TW_CMD_PREDICT | TW_CMD_AUDIT)

static void slug_list(const char *separator)
{
	unsigned i;

	for (i = 0; i < tw_catalogue_count; i++)
		printf("%s%s", i ? separator : "", tw_catalogue[i]->slug);
}

/* All options of @commands as words; @with: only those with this kind of argument. */
static void option_words(unsigned commands, int with, const char *separator)
{
	const char *between = "";
	unsigned i;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];

		if (!(o->commands & commands) || (with >= 0 && (int)o->argument != with))
			continue;
		if (o->letter) {
			printf("%s-%c", between, o->letter);
			between = separator;
		}
		if (o->name) {
			printf("%s--%s", between, o->name);
			between = separator;
		}
	}
}

static void bash_case(enum tw_argument argument, const char *reply)
{
	fputs("\t", stdout);
	option_words(EVERY, (int)argument, "|");
	printf(")\n\t\t%s\n\t\treturn\n\t\t;;\n", reply);
}

/* Options with words of their own to choose from. */
static void bash_choices(void)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++)
		if (tw_options[i].argument == TW_ARG_CHOICE)
			printf("\t--%s)\n\t\tmapfile -t COMPREPLY < <(compgen -W '%s' -- "
			       "\"$cur\")\n"
			       "\t\treturn\n\t\t;;\n",
			       tw_options[i].name, tw_options[i].choices);
}

/* What the words of `lab` are: list or run, then phenomena or scripts; behind "--", a program's. */
static void bash_lab(void)
{
	puts("_tcpwhy_lab()\n{\n"
	     "\tlocal i\n"
	     "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	     "\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then\n"
	     "\t\t\tcompopt -o default\n"
	     "\t\t\treturn\n"
	     "\t\tfi\n"
	     "\tdone\n"
	     "\tif [[ $1 == -* ]]; then");
	printf("\t\tif [[ ${COMP_WORDS[2]} == list ]]; then\n"
	       "\t\t\tmapfile -t COMPREPLY < <(compgen -W '");
	option_words(TW_CMD_LAB_LIST, -1, " ");
	printf("' -- \"$1\")\n\t\telse\n\t\t\tmapfile -t COMPREPLY < <(compgen -W '");
	option_words(TW_CMD_LAB_RUN, -1, " ");
	puts("' -- \"$1\")\n\t\tfi\n"
	     "\telif ((COMP_CWORD == 2)); then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W 'list run' -- \"$1\")\n"
	     "\telif [[ ${COMP_WORDS[2]} == list ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$2\" -- \"$1\")\n"
	     "\telse\n"
	     "\t\tcompopt -o filenames\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$2 all\" -- \"$1\"\n"
	     "\t\t\tcompgen -d -- \"$1\"\n"
	     "\t\t\tcompgen -f -X '!*.lab' -- \"$1\")\n"
	     "\tfi\n}\n");
}

static void bash_options_of(const char *name, unsigned command)
{
	printf("' -- \"$cur\")\n\t\telif [[ $command == %s ]]; then\n"
	       "\t\t\tmapfile -t COMPREPLY < <(compgen -W '",
	       name);
	option_words(command, -1, " ");
}

static void bash(void)
{
	const struct tw_command *c;

	puts("# bash completion for tcpwhy; generated from its option table by tools/generate");
	puts("_tcpwhy_captures()\n{\n"
	     "\tcompopt -o filenames\n"
	     "\tmapfile -t COMPREPLY < <(compgen -d -- \"$1\"\n"
	     "\t\tcompgen -f -X '!*.@(pcap|pcapng|cap|dmp|pcap.gz|pcapng.gz|pcap.zst|pcapng.zst)' "
	     "-- \"$1\")\n}\n");
	bash_lab();
	printf("_tcpwhy()\n{\n"
	       "\tlocal cur prev command=read slugs\n"
	       "\tcur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\t[[ $cur == = ]] && cur=\n"
	       "\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	       "\t[[ ${COMP_WORDS[1]} == @(explain|lab|live|doctor|predict|audit) ]] && "
	       "((COMP_CWORD > "
	       "1)) && "
	       "command=${COMP_WORDS[1]}\n"
	       "\tslugs='");
	slug_list(" ");
	puts("'\n\tCOMPREPLY=()\n\tcase $prev in");
	bash_case(TW_ARG_CAPTURE, "_tcpwhy_captures \"$cur\"");
	bash_case(TW_ARG_FILE,
		  "compopt -o filenames\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")");
	bash_case(TW_ARG_COLOR,
		  "mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- \"$cur\")");
	bash_case(TW_ARG_SLUGS,
		  "local before=\n"
		  "\t\t[[ $cur == *,* ]] && before=${cur%,*},\n"
		  "\t\tmapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$slugs clean "
		  "unknown\" -- \"${cur##*,}\")");
	bash_case(TW_ARG_FOLDER,
		  "compopt -o filenames\n\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")");
	bash_choices();
	bash_case(TW_ARG_TEXT, ":");
	puts("\tesac\n"
	     "\tif [[ $command == lab ]]; then\n"
	     "\t\t_tcpwhy_lab \"$cur\" \"$slugs\"\n"
	     "\t\treturn\n"
	     "\tfi");
	printf("\tif [[ $cur == -* ]]; then\n\t\tif [[ $command == explain ]]; then\n"
	       "\t\t\tmapfile -t COMPREPLY < <(compgen -W '");
	option_words(TW_CMD_EXPLAIN, -1, " ");
	bash_options_of("live", TW_CMD_LIVE);
	bash_options_of("doctor", TW_CMD_DOCTOR);
	bash_options_of("predict", TW_CMD_PREDICT);
	bash_options_of("audit", TW_CMD_AUDIT);
	printf("' -- \"$cur\")\n\t\telse\n\t\t\tmapfile -t COMPREPLY < <(compgen -W '");
	option_words(TW_CMD_READ, -1, " ");
	puts("' -- \"$cur\")\n\t\tfi\n\telif [[ $command == @(live|doctor|audit) ]]; "
	     "then\n\t\treturn\n"
	     "\telif [[ $command == @(explain|predict) ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$slugs\" -- \"$cur\")\n\telse\n"
	     "\t\t_tcpwhy_captures \"$cur\"");
	printf("\t\t((COMP_CWORD == 1)) && mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "
	       "'");
	for (c = tw_commands; c->name; c++)
		printf("%s%s", c == tw_commands ? "" : " ", c->name);
	puts("' -- \"$cur\")\n\tfi\n}\nshopt -s extglob\ncomplete -F _tcpwhy tcpwhy");
}

/* Text inside single quotes of a shell. */
static void quoted(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
}

static const char *zsh_action(const struct tw_option *o)
{
	static char words[128];

	switch (o->argument) {
	case TW_ARG_NONE:
		break;
	case TW_ARG_CAPTURE:
		return "_tcpwhy_captures";
	case TW_ARG_FILE:
		return "_files";
	case TW_ARG_TEXT:
		return " ";
	case TW_ARG_SLUGS:
		return "_values -s , verdict $slugs clean unknown";
	case TW_ARG_COLOR:
		return "(auto always never)";
	case TW_ARG_FOLDER:
		return "_files -/";
	case TW_ARG_CHOICE:
		snprintf(words, sizeof(words), "(%s)", o->choices);
		return words;
	}
	return "";
}

static void zsh_option(const struct tw_option *o, const char *dashes, const char *name)
{
	/* In a zsh specification, ':' and ']' end a part: the summaries hold neither. */
	printf("\t\t'*%s%s%s[", dashes, name,
	       o->argument == TW_ARG_NONE ? ""
	       : dashes[1]                ? "="
					  : "+");
	quoted(o->summary);
	putchar(']');
	if (o->argument != TW_ARG_NONE)
		printf(":%s:%s", o->argument_name[0] == 'S' ? "SLUG" : o->argument_name,
		       zsh_action(o));
	puts("' \\");
}

static void zsh_options(unsigned command)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];

		if (!(o->commands & command))
			continue;
		if (o->letter)
			zsh_option(o, "-", (char[]){ o->letter, 0 });
		if (o->name)
			zsh_option(o, "--", o->name);
	}
}

static void zsh(void)
{
	const struct tw_command *c;

	puts("#compdef tcpwhy\n"
	     "# zsh completion for tcpwhy; generated from its option table by tools/generate\n"
	     "_tcpwhy_captures() {\n"
	     "\t_files -g "
	     "'*.(pcap|pcapng|cap|dmp|pcap.gz|pcapng.gz|pcap.zst|pcapng.zst)(-.)'\n}\n");
	puts("_tcpwhy_first() {\n\tlocal -a commands=(");
	for (c = tw_commands; c->name; c++) {
		printf("\t\t'%s:", c->name);
		quoted(c->summary);
		puts("'");
	}
	puts("\t)\n\t((CURRENT == 2)) && _describe command commands\n\t_tcpwhy_captures\n}\n");
	puts("_tcpwhy_scenario() {\n\t(($words[(I)run])) && compadd -- $slugs all\n"
	     "\t_files -g '*.lab(-.)'\n}\n");
	printf("_tcpwhy() {\n\tlocal -a slugs=(");
	slug_list(" ");
	puts(")\n\tif [[ ${words[2]} == explain ]] && ((CURRENT > 2)); then\n\t\t_arguments -s \\");
	zsh_options(TW_CMD_EXPLAIN);
	puts("\t\t'2:SLUG:($slugs)'\n"
	     "\telif [[ ${words[2]} == lab && ${words[3]} == list ]] && ((CURRENT > 3)); then\n"
	     "\t\t_arguments -s \\");
	zsh_options(TW_CMD_LAB_LIST);
	puts("\t\t'*:SLUG:($slugs)'\n"
	     "\telif [[ ${words[2]} == lab ]] && ((CURRENT > 3)); then\n"
	     "\t\tif ((${words[(I)--]} && ${words[(I)--]} < CURRENT)); then\n"
	     "\t\t\t_normal\n"
	     "\t\t\treturn\n"
	     "\t\tfi\n"
	     "\t\t_arguments -s \\");
	zsh_options(TW_CMD_LAB_RUN);
	puts("\t\t'*:scenario:_tcpwhy_scenario'\n"
	     "\telif [[ ${words[2]} == lab ]] && ((CURRENT > 2)); then\n"
	     "\t\t_values command list run\n"
	     "\telif [[ ${words[2]} == live ]] && ((CURRENT > 2)); then\n"
	     "\t\tif ((${words[(I)--]} && ${words[(I)--]} < CURRENT)); then\n"
	     "\t\t\t_normal\n"
	     "\t\t\treturn\n"
	     "\t\tfi\n"
	     "\t\t_arguments -s \\");
	zsh_options(TW_CMD_LIVE);
	puts("\t\t'*:filter:'\n"
	     "\telif [[ ${words[2]} == predict ]] && ((CURRENT > 2)); then\n"
	     "\t\t_arguments -s \\");
	zsh_options(TW_CMD_PREDICT);
	puts("\t\t'*:SLUG:($slugs)'\n"
	     "\telif [[ ${words[2]} == doctor ]] && ((CURRENT > 2)); then\n"
	     "\t\t_arguments -s \\");
	zsh_options(TW_CMD_DOCTOR);
	puts("\t\t'*:no words: '\n"
	     "\telif [[ ${words[2]} == audit ]] && ((CURRENT > 2)); then\n"
	     "\t\t_arguments -s \\");
	zsh_options(TW_CMD_AUDIT);
	puts("\t\t'*:no words: '\n"
	     "\telse\n\t\t_arguments -s \\");
	zsh_options(TW_CMD_READ);
	puts("\t\t'*:capture:_tcpwhy_first'\n\tfi\n}\n\n_tcpwhy \"$@\"");
}

/* Where an option is offered. */
static const char *fish_condition(unsigned commands)
{
	switch (commands) {
	case TW_CMD_READ:
		return " -n 'not __fish_seen_subcommand_from explain lab live doctor predict "
		       "audit'";
	case TW_CMD_READ | TW_CMD_LIVE:
		return " -n 'not __fish_seen_subcommand_from explain lab doctor predict audit'";
	case TW_CMD_PREDICT:
		return " -n '__fish_seen_subcommand_from predict'";
	case TW_CMD_READ | TW_CMD_AUDIT:
		return " -n 'not __fish_seen_subcommand_from explain lab live doctor predict'";
	case TW_CMD_AUDIT:
		return " -n '__fish_seen_subcommand_from audit'";
	case TW_CMD_LIVE:
		return " -n '__fish_seen_subcommand_from live'";
	case TW_CMD_LIVE | TW_CMD_DOCTOR:
		return " -n '__fish_seen_subcommand_from live doctor'";
	case TW_CMD_LAB:
		return " -n '__fish_seen_subcommand_from lab'";
	case TW_CMD_LAB_RUN:
		return " -n '__fish_seen_subcommand_from lab; and __fish_seen_subcommand_from run'";
	default:
		return "";
	}
}

static void fish_option(const struct tw_option *o)
{
	printf("complete -c tcpwhy%s", fish_condition(o->commands));
	if (o->letter)
		printf(" -s %c", o->letter);
	if (o->name)
		printf(" -l %s", o->name);
	if (o->argument == TW_ARG_COLOR)
		fputs(" -x -a 'auto always never'", stdout);
	else if (o->argument == TW_ARG_CHOICE)
		printf(" -x -a '%s'", o->choices);
	else if (o->argument == TW_ARG_SLUGS)
		fputs(" -x -a \"$slugs clean unknown\"", stdout);
	else if (o->argument == TW_ARG_TEXT)
		fputs(" -x", stdout);
	else if (o->argument == TW_ARG_FOLDER)
		fputs(" -x -a '(__fish_complete_directories)'", stdout);
	else if (o->argument != TW_ARG_NONE)
		fputs(" -r -F", stdout);
	fputs(" -d '", stdout);
	quoted(o->summary);
	puts("'");
}

static void fish(void)
{
	const struct tw_command *c;
	unsigned i;

	puts("# fish completion for tcpwhy; generated from its option table by tools/generate");
	printf("set -l slugs ");
	slug_list(" ");
	putchar('\n');
	for (c = tw_commands; c->name; c++) {
		printf("complete -c tcpwhy -n __fish_use_subcommand -a %s -d '", c->name);
		quoted(c->summary);
		puts("'");
	}
	puts("complete -c tcpwhy -f -n '__fish_seen_subcommand_from explain predict' -a "
	     "\"$slugs\"");
	puts("complete -c tcpwhy -f -n '__fish_seen_subcommand_from lab; and not "
	     "__fish_seen_subcommand_from list run' -a 'list run'");
	puts("complete -c tcpwhy -f -n '__fish_seen_subcommand_from lab; and "
	     "__fish_seen_subcommand_from list' -a \"$slugs\"");
	puts("complete -c tcpwhy -n '__fish_seen_subcommand_from lab; and "
	     "__fish_seen_subcommand_from run' -a \"$slugs all\"");
	for (i = 0; i < tw_option_count; i++)
		fish_option(&tw_options[i]);
}

/* ---- man pages ---- */

static void options_section(unsigned command)
{
	unsigned i;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];

		if (!(o->commands & command))
			continue;
		if (o->letter)
			printf("*-%c*%s", o->letter, o->name ? ", " : "");
		if (o->name)
			printf("*--%s*", o->name);
		if (o->argument_name)
			printf("%c_%s_", o->name ? '=' : ' ', o->argument_name);
		printf("\n\t%s\n\n", o->description);
	}
}

/* Plain text for scdoc: its marks are escaped. */
static void escaped(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (strchr("\\_*#`~[|<>", text[i]) || (i == 0 && strchr(".-+;", text[i])))
			putchar('\\');
		putchar(text[i]);
	}
}

static void paragraphs(const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length) {
			escaped(text, length);
			puts("\n");
		}
		text += length;
		text += strspn(text, "\n");
	}
}

static void labelled(const char *label, const char *text)
{
	if (!text || !*text)
		return;
	printf("*%s*\n\n", label);
	paragraphs(text);
}

static void items(const char *label, const char *const *texts)
{
	if (!texts || !*texts)
		return;
	printf("*%s*\n\n", label);
	for (; *texts; texts++) {
		fputs("- ", stdout);
		escaped(*texts, strlen(*texts));
		putchar('\n');
	}
	putchar('\n');
}

static void phenomenon(const struct tw_phenomenon *p)
{
	const struct tw_governed *g;

	printf("## %s\n\n_", p->slug);
	escaped(p->title, strlen(p->title));
	puts("_\n");
	labelled("What happens", p->happens);
	if (p->diagram && *p->diagram)
		printf("```\n%s```\n\n", p->diagram);
	labelled("The client sees", p->client_sees);
	labelled("The server sees", p->server_sees);
	labelled("How it is told", p->recognise);
	labelled("What people believe", p->folklore);
	if (p->governed && p->governed->name) {
		puts("*What governs it*\n");
		for (g = p->governed; g->name; g++) {
			fputs("- ", stdout);
			escaped(g->name, strlen(g->name));
			fputs(": ", stdout);
			escaped(g->meaning, strlen(g->meaning));
			putchar('\n');
		}
		putchar('\n');
	}
	items("Remedies", p->remedies);
	items("References", p->references);
}

static void phenomena_page(void)
{
	enum tw_stage stage;
	const struct tw_remark *r;
	unsigned i;

	puts("tcpwhy-phenomena(7)\n\n"
	     "# NAME\n\ntcpwhy-phenomena - the ways in which a TCP connection goes wrong\n\n"
	     "# DESCRIPTION\n\n"
	     "Every verdict of *tcpwhy*(1) is one of the slugs below, or *clean*, or *unknown*. "
	     "The\n"
	     "same texts are shown by *tcpwhy-explain*(1).\n");
	for (stage = TW_STAGE_CONNECT; stage <= TW_STAGE_MANY; stage++) {
		printf("# %s\n\n", stage_titles[stage]);
		for (i = 0; i < tw_catalogue_count; i++)
			if (tw_catalogue[i]->stage == stage)
				phenomenon(tw_catalogue[i]);
	}
	puts("# REMARKS\n\nWorth knowing, but wrong with nobody: clean connections may carry "
	     "these.\n");
	for (r = tw_remarks; r->slug; r++) {
		printf("*%s*\n\t", r->slug);
		escaped(r->text, strlen(r->text));
		puts("\n");
	}
	puts("# SEE ALSO\n\n*tcpwhy*(1), *tcpwhy-read*(1), *tcpwhy-explain*(1), *tcp*(7)");
}

/* What audit looks at, for tcpwhy-audit(1). */
static void checks(void)
{
	unsigned i;

	for (i = 0; i < tw_check_count; i++) {
		printf("*%s*\n\t", tw_checks[i]->slug);
		escaped(tw_checks[i]->title, strlen(tw_checks[i]->title));
		fputs(". Source: ", stdout);
		escaped(tw_checks[i]->source, strlen(tw_checks[i]->source));
		puts("\n");
	}
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "bash") == 0)
		bash();
	else if (strcmp(what, "zsh") == 0)
		zsh();
	else if (strcmp(what, "fish") == 0)
		fish();
	else if (strcmp(what, "options-read") == 0)
		options_section(TW_CMD_READ);
	else if (strcmp(what, "options-explain") == 0)
		options_section(TW_CMD_EXPLAIN);
	else if (strcmp(what, "options-lab") == 0)
		options_section(TW_CMD_LAB);
	else if (strcmp(what, "options-live") == 0)
		options_section(TW_CMD_LIVE);
	else if (strcmp(what, "options-doctor") == 0)
		options_section(TW_CMD_DOCTOR);
	else if (strcmp(what, "options-predict") == 0)
		options_section(TW_CMD_PREDICT);
	else if (strcmp(what, "options-audit") == 0)
		options_section(TW_CMD_AUDIT);
	else if (strcmp(what, "checks") == 0)
		checks();
	else if (strcmp(what, "phenomena") == 0)
		phenomena_page();
	else
		return tw_complain(
			"usage: tcpwhy-generate bash|zsh|fish|options-read|options-explain|"
			"options-lab|options-live|options-doctor|options-predict|options-audit|"
			"checks|phenomena");
	return tw_finish_output(TW_EXIT_CLEAN);
}
