/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/duration.h"

#include <stdio.h>

static void scaled(char *out, double v, const char *unit)
{
	int digits = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;

	snprintf(out, TW_DURATION_TEXT, "%.*f %s", digits, v, unit);
}

const char *tw_duration_text(char *out, int64_t ns)
{
	double v = (double)ns;

	if (ns < 0) {
		char tmp[TW_DURATION_TEXT];

		tw_duration_text(tmp, ns == INT64_MIN ? INT64_MAX : -ns);
		snprintf(out, TW_DURATION_TEXT, "-%.30s", tmp);
		return out;
	}
	if (ns < TW_NS_PER_US) {
		snprintf(out, TW_DURATION_TEXT, "%d ns", (int)ns);
	} else if (v < 999.5e3) {
		scaled(out, v / 1e3, "us");
	} else if (v < 999.5e6) {
		scaled(out, v / 1e6, "ms");
	} else if (v < 119.95e9) {
		scaled(out, v / 1e9, "s");
	} else {
		int64_t s = ns / TW_NS_PER_S + (ns % TW_NS_PER_S >= TW_NS_PER_S / 2);

		if (s < 2 * 3600 && s % 60 == 0)
			snprintf(out, TW_DURATION_TEXT, "%d min", (int)(s / 60));
		else if (s < 2 * 3600)
			snprintf(out, TW_DURATION_TEXT, "%d min %d s", (int)(s / 60),
				 (int)(s % 60));
		else if (s < INT64_C(2) * 86400 && s % 3600 < 60)
			snprintf(out, TW_DURATION_TEXT, "%d h", (int)(s / 3600));
		else if (s < INT64_C(2) * 86400)
			snprintf(out, TW_DURATION_TEXT, "%d h %d min", (int)(s / 3600),
				 (int)(s % 3600 / 60));
		else
			snprintf(out, TW_DURATION_TEXT, "%lld days", (long long)(s / 86400));
	}
	return out;
}
