/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_HOST_SOCKETS_PRIVATE_H
#define TW_HOST_SOCKETS_PRIVATE_H

#include "host/sockets.h"

/*
 * Fill in who holds each socket, from the descriptors of all processes below @proc ("/proc"). 0, also
 * where nothing can be read (the list says so); -ENOMEM.
 */
int tw_living_find_owners(struct tw_living_list *l, const char *proc, struct tw_err *err);

#endif
