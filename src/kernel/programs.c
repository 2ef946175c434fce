/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening the BPF object for the kernel that runs: which tracepoints exist, how many arguments they have
 * (the reasons came as new last arguments), and what the reasons are numbered.
 */
#include "kernel/programs.h"

#include "kernel/live.skel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct tw_program tw_programs[] = {
	{ "on_state", "inet_sock_set_state", true,
	  "It tells who owns a socket, and connections that end: nothing works without it." },
	{ "on_error", "inet_sk_error_report", false,
	  "It tells what error an application gets: without it (before Linux 5.14) timeouts and "
	  "refusals "
	  "are not seen." },
	{ "on_sent_reset", "tcp_send_reset", false,
	  "It tells each RST that this kernel sends and, since Linux 6.10, why." },
	{ "on_got_reset", "tcp_receive_reset", false,
	  "It tells what a socket had before it died of a RST: unread and unsent bytes, state." },
	{ "on_drop", "kfree_skb", false,
	  "It tells segments that this host dropped and, since Linux 5.17, why; and the header of "
	  "a RST that was challenged." },
	{ "on_repeat", "tcp_retransmit_skb", false,
	  "It tells connections that hang before they time out." },
	{ "on_synack", "tcp_retransmit_synack", false,
	  "It tells handshakes that hang at the server." },
	{ "on_destroyed", "tcp_destroy_sock", false,
	  "It tells when a connection in trouble is gone; without it that is guessed from "
	  "silence." },
	{ "on_bad_checksum", "tcp_bad_csum", false,
	  "It tells segments that were damaged on the way (since Linux 5.19)." },
	{ "on_fork", "sched_process_fork", false,
	  "It follows the children of a command (-- CMD) and of --pid." },
	{ "on_call", "sys_exit", false,
	  "It tells bind() and listen() that find their port taken, for --bind." },
	{ "walk_files", NULL, false,
	  "It names the owners of sockets from before, and finds what does not go on: "
	  "sockets left in CLOSE_WAIT, data that nobody reads, full queues of listeners." },
	{ NULL, NULL, false, NULL },
};

static char last[200];

static int keep_last(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN) {
		vsnprintf(last, sizeof(last), fmt, ap);
		last[strcspn(last, "\n")] = '\0';
	}
	return 0;
}

const char *tw_libbpf_last(void)
{
	return last;
}

static struct btf *btf;

struct btf *tw_kernel_btf(void)
{
	libbpf_set_print(keep_last);
	if (!btf)
		btf = btf__load_vmlinux_btf();
	return libbpf_get_error(btf) ? NULL : btf;
}

static size_t copy_names(const char **names, unsigned n, char *to)
{
	size_t length = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		const size_t size = names[i] ? strlen(names[i]) + 1 : 0;

		if (to && names[i])
			names[i] = memcpy(to + length, names[i], size);
		length += size;
	}
	return length;
}

char *tw_programs_release_btf(struct tw_kernel_names *names)
{
	const size_t reset = copy_names(names->reset, TW_RESET_REASONS, NULL);
	const size_t drop = copy_names(names->drop, TW_DROP_REASONS, NULL);
	char *text = malloc(reset + drop + 1);

	if (!text)
		return NULL;
	copy_names(names->reset, TW_RESET_REASONS, text);
	copy_names(names->drop, TW_DROP_REASONS, text + reset);
	btf__free(btf);
	btf = NULL;
	/* It was several megabytes, and libbpf's own copies are free by now, too. */
	malloc_trim(0);
	return text;
}

static void choose(struct live_bpf *b)
{
	const struct tw_program *p;

	for (p = tw_programs; p->name; p++) {
		struct bpf_program *program = bpf_object__find_program_by_name(b->obj, p->name);

		if (program && p->tracepoint && tw_kernel_tracepoint(btf, p->tracepoint) < 0)
			bpf_program__set_autoload(program, false);
	}
}

int tw_programs_open(struct live_bpf **out, struct tw_kernel_names *names,
		     const struct tw_assumption *assumption, struct tw_err *err)
{
	struct live_bpf *b;

	if (!tw_kernel_btf())
		return tw_err_set(
			err, -ENOENT,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux); it must be built with "
			"CONFIG_DEBUG_INFO_BTF");
	b = live_bpf__open();
	if (!b)
		return tw_err_set(err, -errno, "the BPF programs cannot be opened: %s",
				  strerror(errno));
	tw_kernel_names_read(btf, names);
	tw_assume_names(assumption, names);
	b->rodata->reset_has_reason =
		names->has_reset_reasons && tw_kernel_tracepoint(btf, "tcp_send_reset") >= 3;
	b->rodata->drop_has_reason =
		names->has_drop_reasons && tw_kernel_tracepoint(btf, "kfree_skb") >= 3;
	b->rodata->drop_has_socket = tw_kernel_tracepoint(btf, "kfree_skb") >= 4;
	memcpy((void *)b->rodata->drop_class, names->drop_class, sizeof(names->drop_class));
	b->rodata->ring_half = bpf_map__max_entries(b->maps.ring) / 2;
	choose(b);
	/* Without reasons there is nothing in a dropped segment that could be told. */
	if (!b->rodata->drop_has_reason)
		bpf_program__set_autoload(b->progs.on_drop, false);
	*out = b;
	return 0;
}
