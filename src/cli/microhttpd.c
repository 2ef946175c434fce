/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmicrohttpd, loaded when it is asked for and not before: it brings GnuTLS and what that needs along,
 * ten libraries that would double the time in which `tcpwhy x.pcap` starts, for an option of `live`.
 */
#include "cli/microhttpd.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* The interface that <microhttpd.h> 0.9.71 and later (MHD_Result is an enum) and 1.0 describe. */
#define LIBRARY "libmicrohttpd.so.12"

static int look_up(void *library, const char *name, void *function, struct tw_err *err)
{
	void *found = dlsym(library, name);

	if (!found)
		return tw_err_set(err, -ENOTSUP, "--metrics needs %s, and this one lacks %s",
				  LIBRARY, name);
	/* An object pointer into a function pointer: dlsym(3) promises what ISO C does not. */
	memcpy(function, &found, sizeof(found));
	return 0;
}

int tw_microhttpd_load(const struct tw_microhttpd **out, struct tw_err *err)
{
	static struct tw_microhttpd functions;
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	int r = 0;

	if (!library)
		return tw_err_set(err, -ENOTSUP,
				  "--metrics needs libmicrohttpd, which is not installed (%s)",
				  dlerror());
#define LOOK_UP(name)                                                                              \
	if (!r)                                                                                    \
		r = look_up(library, "MHD_" #name, &functions.name, err);
	TW_MICROHTTPD(LOOK_UP)
#undef LOOK_UP
	*out = &functions;
	return r;
}
