/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_EXPLAIN_H
#define TW_REPORT_EXPLAIN_H

#include "phenomena/phenomenon.h"
#include "report/style.h"

/*
 * The catalogue as a book. All return 0, or a negative errno (-ENOMEM, or the sink's).
 */

/*
 * The table of contents: slug and title of @list, by stage; then the remarks (ending with a
 * NULL slug; may be NULL).
 */
int tw_explain_list(const struct tw_sink *sink, const struct tw_style *style,
		    const struct tw_phenomenon *const *list, unsigned count,
		    const struct tw_remark *remarks);
/* One page. */
int tw_explain_page(const struct tw_sink *sink, const struct tw_style *style,
		    const struct tw_phenomenon *ph);
/* The page of a remark: what `explain reset-instead-of-close` answers. */
int tw_explain_remark(const struct tw_sink *sink, const struct tw_style *style,
		      const struct tw_remark *remark);

#endif
