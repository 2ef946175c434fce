/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor tries what `live` needs, one thing after the other, so that one that fails does not hide
 * the rest: each program is loaded and attached in an object of its own.
 */
#include "kernel/doctor.h"

#include "kernel/programs.h"
#include "kernel/rights.h"

#include "kernel/live.skel.h"

#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static struct tw_checkup *note(struct tw_doctor *d, enum tw_health health, const char *loss,
			       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static struct tw_checkup *note(struct tw_doctor *d, enum tw_health health, const char *loss,
			       const char *fmt, ...)
{
	struct tw_checkup *c = &d->item[d->count];
	va_list ap;

	if (d->count + 1 < TW_CHECKUPS_MAX)
		d->count++;
	*c = (struct tw_checkup){ .health = health, .loss = loss };
	va_start(ap, fmt);
	vsnprintf(c->found, sizeof(c->found), fmt, ap);
	va_end(ap);
	if (health > d->health)
		d->health = health;
	return c;
}

static void look_at_right(struct tw_doctor *d, unsigned capability, const char *name,
			  const char *loss, bool needed)
{
	const bool have = capng_have_capability(CAPNG_EFFECTIVE, capability);
	struct tw_checkup *c =
		note(d,
		     have     ? TW_HEALTH_OK
		     : needed ? TW_HEALTH_FATAL
			      : TW_HEALTH_LOSS,
		     loss, "%s", have ? "held" : "not held; run as root, or give it");

	snprintf(c->name, sizeof(c->name), "right %s", name);
}

static void look_at_rights(struct tw_doctor *d)
{
	capng_get_caps_process();
	/* CAP_SYS_ADMIN stands in for both on every kernel. */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)) {
		snprintf(note(d, TW_HEALTH_OK, "It loads the programs and lets them look at tasks.",
			      "held")
				 ->name,
			 sizeof(d->item[0].name), "right CAP_SYS_ADMIN");
		return;
	}
	look_at_right(d, CAP_BPF, "CAP_BPF", "It loads the programs.", true);
	look_at_right(d, CAP_PERFMON, "CAP_PERFMON", "It lets the programs read kernel memory.",
		      true);
}

/* An AF_PACKET socket, as libpcap opens it. */
static void look_at_packets(struct tw_doctor *d)
{
	const int r = tw_rights_try_packets();

	snprintf(note(d, r ? TW_HEALTH_LOSS : TW_HEALTH_OK,
		      "-i and -w watch packets, with CAP_NET_RAW; they work without the rest of "
		      "this "
		      "list, too.",
		      "%s", r ? strerror(-r) : "opens")
			 ->name,
		 sizeof(d->item[0].name), "packets");
}

static bool look_at_btf(struct tw_doctor *d, struct tw_kernel_names *names)
{
	struct btf *btf = tw_kernel_btf();
	unsigned i, resets = 0, drops = 0;

	snprintf(note(d, btf ? TW_HEALTH_OK : TW_HEALTH_FATAL,
		      "The programs find the kernel's fields and names in it.", "%s",
		      btf ? "/sys/kernel/btf/vmlinux" : "missing: CONFIG_DEBUG_INFO_BTF is off")
			 ->name,
		 sizeof(d->item[0].name), "BTF");
	if (!btf)
		return false;
	tw_kernel_names_read(btf, names);
	for (i = 0; i < TW_RESET_REASONS; i++)
		resets += names->reset[i] != NULL;
	for (i = 0; i < TW_DROP_REASONS; i++)
		drops += names->drop[i] != NULL;
	snprintf(note(d, names->has_reset_reasons ? TW_HEALTH_OK : TW_HEALTH_LOSS,
		      "The kernel says why it sends a RST (since Linux 6.10); without it the "
		      "reason is "
		      "inferred from the socket, and the finding says so.",
		      "%u names", resets)
			 ->name,
		 sizeof(d->item[0].name), "reset reasons");
	snprintf(note(d, names->has_drop_reasons ? TW_HEALTH_OK : TW_HEALTH_LOSS,
		      "The kernel says why it drops a segment (since Linux 5.17); without it full "
		      "queues "
		      "and the firewall of this host are not seen at work.",
		      "%u names", drops)
			 ->name,
		 sizeof(d->item[0].name), "drop reasons");
	return true;
}

/* Everything left out but one program; loaded, attached, let go. */
static int try_program(const struct tw_program *p, struct tw_err *err)
{
	struct tw_kernel_names names;
	struct bpf_program *each, *program;
	struct bpf_link *link;
	struct live_bpf *b;
	const struct tw_assumption none = { 0 };
	int r = tw_programs_open(&b, &names, &none, err);

	if (r)
		return r;
	program = bpf_object__find_program_by_name(b->obj, p->name);
	for (each = bpf_object__next_program(b->obj, NULL); each;
	     each = bpf_object__next_program(b->obj, each))
		bpf_program__set_autoload(each, each == program);
	r = live_bpf__load(b);
	if (r) {
		tw_err_set(err, r, "it does not load: %s", strerror(-r));
	} else {
		link = bpf_program__attach(program);
		r = link ? 0 : -errno;
		if (r)
			tw_err_set(err, r, "it does not attach: %s", strerror(-r));
		bpf_link__destroy(link);
	}
	live_bpf__destroy(b);
	return r;
}

static void look_at_program(struct tw_doctor *d, const struct tw_program *p)
{
	const struct btf *btf = tw_kernel_btf();
	struct tw_err err = { 0 };
	struct tw_checkup *c;
	enum tw_health bad = p->needed ? TW_HEALTH_FATAL : TW_HEALTH_LOSS;

	if (p->tracepoint && tw_kernel_tracepoint(btf, p->tracepoint) < 0)
		c = note(d, bad, p->loss, "this kernel does not have it");
	else if (try_program(p, &err))
		c = note(d, bad, p->loss, "%s", err.text);
	else
		c = note(d, TW_HEALTH_OK, p->loss, "attaches");
	if (p->tracepoint)
		snprintf(c->name, sizeof(c->name), "tracepoint %s", p->tracepoint);
	else
		snprintf(c->name, sizeof(c->name), "iterator task_file");
}

void tw_doctor_look(struct tw_doctor *d)
{
	const struct tw_program *p;
	struct tw_kernel_names names;
	struct utsname host;

	*d = (struct tw_doctor){ 0 };
	if (uname(&host) == 0)
		snprintf(d->kernel, sizeof(d->kernel), "%s", host.release);
	look_at_rights(d);
	look_at_packets(d);
	if (!look_at_btf(d, &names) || d->health == TW_HEALTH_FATAL)
		return;
	for (p = tw_programs; p->name; p++)
		look_at_program(d, p);
}
