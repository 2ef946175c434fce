/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_BASE_ERR_H
#define TW_BASE_ERR_H

/*
 * Errors travel as 0 or a negative errno; the sentence for the person is written where the
 * failure is understood, into a struct tw_err that the caller owns.
 */
struct tw_err {
	int code;       /* negative errno, 0 = no error */
	char text[400]; /* one whole sentence without the final newline; names file and offset */
};

/* Record an error; returns @code so that a caller can `return tw_err_set(err, -EINVAL, ...)`.
 * @err may be NULL. */
int tw_err_set(struct tw_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
