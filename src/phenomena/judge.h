/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_JUDGE_H
#define TW_PHENOMENA_JUDGE_H

#include "phenomena/phenomenon.h"

/*
 * The engine: asks every phenomenon, keeps the strongest explanation, adds the capture's caps on
 * confidence (trace quality, vantage). If none matches: clean if the facts say so, else unknown with
 * what is missing. @m must have arena, client and server set, and may have holder and idle_table; the
 * rest is filled.
 * Return: the phenomenon, or NULL (then m->outcome is TW_OUTCOME_CLEAN or TW_OUTCOME_UNKNOWN).
 */
const struct tw_phenomenon *tw_judge(const struct tw_facts *facts, struct tw_match *m);

#endif
