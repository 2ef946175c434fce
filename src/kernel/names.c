/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enums and tracepoints by name. A tracepoint X has the type btf_trace_X in BTF: a pointer to a function
 * whose first argument is the probe's own data, so the tracepoint has one argument less.
 */
#include "kernel/names.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <string.h>

/* The names of an enum's values below @room, without @prefix. Return: whether the enum is there. */
static bool read_enum(const struct btf *btf, const char *name, const char *prefix,
		      const char **names, unsigned room)
{
	const int id = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (unsigned)id) : NULL;
	const struct btf_enum *value = type ? btf_enum(type) : NULL;
	unsigned i;

	for (i = 0; value && i < btf_vlen(type); i++) {
		const char *word = btf__name_by_offset(btf, value[i].name_off);

		if (!word || strncmp(word, prefix, strlen(prefix)) != 0 || value[i].val < 0 ||
		    (unsigned)value[i].val >= room)
			continue;
		names[value[i].val] = word + strlen(prefix);
	}
	return value != NULL;
}

/*
 * The drop reasons that say something about a TCP connection. What is not here (queues of devices, other
 * protocols, and what happens thousands of times in healthy traffic, such as old data) is not looked at.
 */
static const struct {
	const char *name;
	enum tw_drop_class class;
} classes[] = {
	{ "TCP_RESET", TW_DROP_RESET },
	{ "TCP_LISTEN_OVERFLOW", TW_DROP_ACCEPT_QUEUE },
	{ "TCP_INVALID_SYN", TW_DROP_SEGMENT },
	{ "TCP_OVERWINDOW", TW_DROP_WINDOW },
	{ "TCP_ZEROWINDOW", TW_DROP_WINDOW },
	{ "TCP_RFC7323_PAWS", TW_DROP_PAWS },
	{ "TCP_RFC7323_TW_PAWS", TW_DROP_TIME_WAIT },
	{ "TCP_MD5NOTFOUND", TW_DROP_AUTH },
	{ "TCP_MD5UNEXPECTED", TW_DROP_AUTH },
	{ "TCP_MD5FAILURE", TW_DROP_AUTH },
	{ "TCP_AONOTFOUND", TW_DROP_AUTH },
	{ "TCP_AOUNEXPECTED", TW_DROP_AUTH },
	{ "TCP_AOKEYNOTFOUND", TW_DROP_AUTH },
	{ "TCP_AOFAILURE", TW_DROP_AUTH },
	{ "NETFILTER_DROP", TW_DROP_FILTER },
	{ "BPF_CGROUP_EGRESS", TW_DROP_FILTER },
	{ "SOCKET_FILTER", TW_DROP_FILTER },
	{ "SECURITY_HOOK", TW_DROP_FILTER },
	{ "IP_RPFILTER", TW_DROP_FILTER },
	{ "NEIGH_FAILED", TW_DROP_ROUTE },
	{ "NEIGH_DEAD", TW_DROP_ROUTE },
	{ "IP_OUTNOROUTES", TW_DROP_ROUTE },
};

static void classify(struct tw_kernel_names *names)
{
	unsigned i, j;

	for (i = 0; i < TW_DROP_REASONS; i++)
		for (j = 0; names->drop[i] && j < sizeof(classes) / sizeof(classes[0]); j++)
			if (strcmp(names->drop[i], classes[j].name) == 0)
				names->drop_class[i] = classes[j].class;
}

void tw_kernel_names_read(const struct btf *btf, struct tw_kernel_names *names)
{
	*names = (struct tw_kernel_names){ 0 };
	names->has_reset_reasons =
		read_enum(btf, "sk_rst_reason", "SK_RST_REASON_", names->reset, TW_RESET_REASONS);
	names->has_drop_reasons =
		read_enum(btf, "skb_drop_reason", "SKB_DROP_REASON_", names->drop, TW_DROP_REASONS);
	classify(names);
}

int tw_kernel_tracepoint(const struct btf *btf, const char *name)
{
	const struct btf_type *type;
	char full[80];
	int id;

	snprintf(full, sizeof(full), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, full, BTF_KIND_TYPEDEF);
	type = id > 0 ? btf__type_by_id(btf, (unsigned)id) : NULL;
	type = type ? btf__type_by_id(btf, type->type) : NULL;
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_func_proto(type))
		return -1;
	return (int)btf_vlen(type) - 1;
}
