/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who only watches packets needs no right any more once the interface is open. By the system calls themselves,
 * because this part of the program is there without libcap-ng, too.
 */
#include "kernel/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int tw_rights_drop_all(struct tw_err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int cap;

	/* The bounding set, as far as CAP_SETPCAP is there to do so; it ends where numbers are unknown. */
	for (cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	if (syscall(SYS_capset, &header, none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return tw_err_set(err, -EPERM,
				  "the rights that are not needed any more cannot be given up");
	return 0;
}

int tw_rights_try_packets(void)
{
	/* Of protocol 0, so that no packet comes. */
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}
