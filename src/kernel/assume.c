/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel at hand as an older one; docs/live.md has the table of what each generation tells. The programs load as
 * they would there (no reason is read), and what they tell beyond it is taken away here:
 *
 *	6.12  tcp_send_active_reset() got its callers' reasons
 *	6.10  enum sk_rst_reason; before that tcp_send_reset fired for full sockets only
 *	5.17  enum skb_drop_reason
 */
#include "kernel/assume.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *word;
	struct tw_assumption means;
} words_known[] = {
	{ "apart", { .apart = true } },
	{ "6.11", { .no_actives = true } },
	{ "6.9", { .no_actives = true, .no_answers = true } },
	{ "5.16", { .no_actives = true, .no_answers = true, .no_drops = true } },
};

static bool take(struct tw_assumption *a, const char *word, size_t length)
{
	unsigned i;

	for (i = 0; i < sizeof(words_known) / sizeof(words_known[0]); i++) {
		if (strlen(words_known[i].word) != length ||
		    memcmp(words_known[i].word, word, length) != 0)
			continue;
		a->apart |= words_known[i].means.apart;
		a->no_drops |= words_known[i].means.no_drops;
		a->no_answers |= words_known[i].means.no_answers;
		a->no_actives |= words_known[i].means.no_actives;
		return true;
	}
	return false;
}

int tw_assume(struct tw_assumption *a, const char *words, struct tw_err *err)
{
	size_t length;

	*a = (struct tw_assumption){ 0 };
	for (; *words; words += length + (words[length] == ',')) {
		length = strcspn(words, ",");
		if (!take(a, words, length))
			return tw_err_set(err, -EINVAL,
					  "TCPWHY_ASSUME may hold apart, 6.11, 6.9 and 5.16, not "
					  "'%.*s'",
					  (int)length, words);
	}
	return 0;
}

void tw_assume_names(const struct tw_assumption *a, struct tw_kernel_names *names)
{
	if (a->no_answers)
		names->has_reset_reasons = false;
	if (a->no_drops)
		names->has_drop_reasons = false;
}

bool tw_assume_record(const struct tw_assumption *a, struct tw_record *r)
{
	if (a->no_drops && r->kind == TW_REC_DROP)
		return false;
	if (r->kind != TW_REC_SENT_RESET)
		return true;
	if (a->no_answers && !(r->flags & TW_RECF_SOCKET) && r->state != 10)
		return false;
	if (a->no_actives && !(r->flags & TW_RECF_SEGMENT))
		r->reason = ~0U;
	return true;
}
