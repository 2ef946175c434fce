/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmicrohttpd, loaded when it is asked for and not before: it brings GnuTLS and what that needs along,
 * ten libraries that would double the time in which `tcpwhy x.pcap` starts, for an option of `live`.
 */
#include "cli/microhttpd.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The interface that <microhttpd.h> 0.9.71 and later (MHD_Result is an enum) and 1.0 describe. */
#define LIBRARY "libmicrohttpd.so.12"

static const struct {
	const char *name;
	size_t offset; /* in struct tw_microhttpd */
} wanted[] = {
	{ "MHD_start_daemon", offsetof(struct tw_microhttpd, start_daemon) },
	{ "MHD_stop_daemon", offsetof(struct tw_microhttpd, stop_daemon) },
	{ "MHD_run", offsetof(struct tw_microhttpd, run) },
	{ "MHD_create_response_from_buffer",
	  offsetof(struct tw_microhttpd, create_response_from_buffer) },
	{ "MHD_add_response_header", offsetof(struct tw_microhttpd, add_response_header) },
	{ "MHD_queue_response", offsetof(struct tw_microhttpd, queue_response) },
	{ "MHD_destroy_response", offsetof(struct tw_microhttpd, destroy_response) },
};

int tw_microhttpd_load(const struct tw_microhttpd **out, struct tw_err *err)
{
	static struct tw_microhttpd functions;
	void *found, *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	unsigned i;

	if (!library)
		return tw_err_set(err, -ENOTSUP,
				  "--metrics needs libmicrohttpd, which is not installed (%s)",
				  dlerror());
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		found = dlsym(library, wanted[i].name);
		if (!found)
			return tw_err_set(err, -ENOTSUP,
					  "--metrics needs %s, and this one lacks %s", LIBRARY,
					  wanted[i].name);
		/* An object pointer as a function pointer: POSIX promises what ISO C does not. */
		memcpy((char *)&functions + wanted[i].offset, &found, sizeof(found));
	}
	*out = &functions;
	return 0;
}
