/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_PREDICT_LIVING_H
#define TW_CLI_PREDICT_LIVING_H

#include "cli/options.h"
#include "report/predict.h"

struct tw_predict_living {
	struct tw_predict_socket *one;
	size_t count;
};

/*
 * The connections that --pid and --socket of @a ask for, at least one, each with its options; what
 * @asked sets (the options of the command line) replaces what the socket has. Free it after an error, too.
 * Return: 0; -EINVAL for what is no address; -ESRCH for no such process or connection; -ENOMEM; the
 * error of tw_living_read(); each with a sentence.
 */
int tw_predict_living_find(struct tw_predict_living *out, const struct tw_arguments *a,
			   const struct tw_sockopts *asked, struct tw_err *err);
void tw_predict_living_free(struct tw_predict_living *l);

#endif
