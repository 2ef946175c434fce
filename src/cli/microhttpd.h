/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_MICROHTTPD_H
#define TW_CLI_MICROHTTPD_H

#include "base/err.h"

#include <microhttpd.h>

/* The functions of libmicrohttpd that the page for Prometheus calls, without their MHD_. */
struct tw_microhttpd {
	__typeof__(&MHD_start_daemon) start_daemon;
	__typeof__(&MHD_stop_daemon) stop_daemon;
	__typeof__(&MHD_run) run;
	__typeof__(&MHD_create_response_from_buffer) create_response_from_buffer;
	__typeof__(&MHD_add_response_header) add_response_header;
	__typeof__(&MHD_queue_response) queue_response;
	__typeof__(&MHD_destroy_response) destroy_response;
};

/*
 * Loads the library, once; it stays until the program ends. Return: -ENOTSUP with a sentence where
 * it is not installed.
 */
int tw_microhttpd_load(const struct tw_microhttpd **out, struct tw_err *err);

#endif
