/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_SCENARIO_H
#define TW_PHENOMENA_SCENARIO_H

/*
 * How a phenomenon is reproduced: declarative text in the phenomenon's file, run by the lab. The
 * language is described in docs/lab.md; src/lab/script.c parses it.
 */
struct tw_scenario {
	const char *name; /* within the phenomenon: "basic", "unread-request"; NULL ends the list */
	const char *about; /* one line for `lab list`: what is done to whom */
	/*
	 * Words, each a variant in which the whole script is run: "v4", "v6", and either with a suffix:
	 * "v4-nots" (without TCP timestamps), "v4-nosack". NULL: "v4 v6".
	 */
	const char *variants;
	const char *script; /* one statement per line */
};

#endif
