/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_MICROHTTPD_H
#define TW_CLI_MICROHTTPD_H

#include "base/err.h"

#include <microhttpd.h>

/* The functions of libmicrohttpd that the page for Prometheus calls; each is a field of its name. */
#define TW_MICROHTTPD(FUNCTION)                                                                    \
	FUNCTION(start_daemon)                                                                     \
	FUNCTION(stop_daemon)                                                                      \
	FUNCTION(run)                                                                              \
	FUNCTION(create_response_from_buffer)                                                      \
	FUNCTION(add_response_header)                                                              \
	FUNCTION(queue_response)                                                                   \
	FUNCTION(destroy_response)

#define TW_MICROHTTPD_FIELD(name) __typeof__(&MHD_##name) name;
struct tw_microhttpd {
	TW_MICROHTTPD(TW_MICROHTTPD_FIELD)
};

/*
 * Loads the library, once; it stays until the program ends. Return: -ENOTSUP with a sentence where
 * it is not installed.
 */
int tw_microhttpd_load(const struct tw_microhttpd **out, struct tw_err *err);

#endif
