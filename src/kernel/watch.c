/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watch: loads, attaches, reads the ring, walks over the open files, and feeds the gatherer.
 *
 * The programs submit without waking anybody (a wake-up costs more than the record), so the ring is
 * polled: every 50 ms, and at once again while it is more than a quarter full.
 */
#include "kernel/watch.h"
#include "base/clock.h"

#include "kernel/gather.h"
#include "kernel/programs.h"

#include "kernel/live.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CGROUPS_REMEMBERED 16
#define POLL_MS            50
#define PATIENCE_NS        (60LL * 1000 * 1000 * 1000)
#define RIPE_NS            (10LL * 1000 * 1000)
#define WALK_NS            (2LL * 1000 * 1000 * 1000)
#define WALK_LEAST_NS      (250LL * 1000 * 1000)
#define WALK_SHARE         200 /* the walk may take this part of the time */

struct tw_cgroup_memory {
	uint32_t pid;
	int64_t read_ns;
	char path[516];
};

struct tw_watch {
	struct tw_watch_config config;
	struct tw_kernel_names names;
	char *names_text; /* which @names point into */
	struct live_bpf *bpf;
	struct ring_buffer *ring;
	struct bpf_link *link[16];
	unsigned link_count;
	struct bpf_link *walk; /* one of them */
	struct tw_gather *gather;
	int64_t next_walk_ns, walk_every_ns, last_ripe_ns;
	uint64_t records;
	struct tw_cgroup_memory cgroup[CGROUPS_REMEMBERED];
	const char *missing[16];
	unsigned missing_count;
};

/* ---- the process behind a finding ---- */

/* "0::/system.slice/nginx.service" of /proc/PID/cgroup. */
static void read_cgroup(struct tw_cgroup_memory *m)
{
	char path[64], line[512];
	FILE *file;

	m->path[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%u/cgroup", m->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			snprintf(m->path, sizeof(m->path), "%s", line + 3);
	}
	if (file)
		fclose(file);
}

/* Failures come in crowds of one process: its cgroup is looked up once a second. */
static void name_cgroup(struct tw_watch *w, struct tw_finding *f, struct tw_process *p)
{
	struct tw_cgroup_memory *m = &w->cgroup[p->pid % CGROUPS_REMEMBERED];
	const int64_t now = tw_clock_ns(CLOCK_MONOTONIC);

	if (m->pid != p->pid || now - m->read_ns > TW_NS_PER_S) {
		m->pid = p->pid;
		m->read_ns = now;
		read_cgroup(m);
	}
	if (m->path[0])
		p->cgroup = tw_arena_printf(&f->arena, "%s", m->path);
}

static void on_finding(void *user, struct tw_finding *f)
{
	struct tw_watch *w = user;
	int i;

	for (i = 0; i < 2; i++)
		if (f->process[i].pid)
			name_cgroup(w, f, &f->process[i]);
	w->config.finding(w->config.user, f);
}

static int on_record(void *user, void *data, size_t size)
{
	struct tw_watch *w = user;
	struct tw_record record;

	if (size < sizeof(struct tw_record))
		return 0;
	record = *(const struct tw_record *)data;
	if (!tw_assume_record(&w->config.assumption, &record))
		return 0;
	w->records++;
	tw_gather_add(w->gather, &record);
	return 0;
}

/* ---- loading ---- */

static void set_constants(struct tw_watch *w)
{
	const struct tw_watch_config *c = &w->config;
	struct live_bpf__rodata *ro = w->bpf->rodata;

	ro->want_all = c->all;
	ro->filter_pid = c->pid_count || c->follow;
	ro->filter_comm = c->comm != NULL;
	if (c->comm)
		strncpy((char *)ro->wanted_comm, c->comm, sizeof(ro->wanted_comm) - 1);
	ro->filter_cgroup = c->cgroup != 0;
	ro->wanted_cgroup = c->cgroup;
	ro->filter_netns = c->netns != 0;
	ro->wanted_netns = c->netns;
	ro->patience_ns = (uint64_t)(c->patience_ns ? c->patience_ns : PATIENCE_NS);
	memcpy((void *)ro->filter, c->filter.op, sizeof(c->filter.op));
	if (!ro->filter_pid)
		bpf_program__set_autoload(w->bpf->progs.on_fork, false);
	if (!c->binds)
		bpf_program__set_autoload(w->bpf->progs.on_call, false);
}

static void note_missing(struct tw_watch *w, const struct tw_program *p)
{
	if (w->missing_count < sizeof(w->missing) / sizeof(w->missing[0]))
		w->missing[w->missing_count++] = p->loss;
}

static bool has_rights(void)
{
	capng_get_caps_process();
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) ||
	       (capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) &&
		capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON));
}

/* A verifier that refuses says the same errno as a missing right. */
static int explain(int r, struct tw_err *err)
{
	if ((r == -EPERM || r == -EACCES) && !has_rights())
		return tw_err_set(
			err, -EPERM,
			"live needs root, or the capabilities CAP_BPF and CAP_PERFMON; `tcpwhy "
			"doctor` says what is missing");
	return tw_err_set(err, r, "the BPF programs do not load: %s (%s)", strerror(-r),
			  tw_libbpf_last());
}

/* Some serve an option alone. */
static bool is_wanted(const struct tw_watch *w, const struct bpf_program *p)
{
	if (p == w->bpf->progs.on_call)
		return w->config.binds;
	return p != w->bpf->progs.on_fork || w->bpf->rodata->filter_pid;
}

/* One that does not attach is named and done without, but for those that everything hangs on. */
static int attach(struct tw_watch *w, struct tw_err *err)
{
	const struct tw_program *p;

	for (p = tw_programs; p->name; p++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(w->bpf->obj, p->name);
		const bool wanted = is_wanted(w, program);
		struct bpf_link *link = NULL;

		if (program && bpf_program__autoload(program))
			link = bpf_program__attach(program);
		if (!link && p->needed)
			return tw_err_set(err, -ENOENT, "nothing useful is left: %s", p->loss);
		if (!link && wanted)
			note_missing(w, p);
		if (!link)
			continue;
		w->link[w->link_count++] = link;
		if (!p->tracepoint)
			w->walk = link;
	}
	return 0;
}

static int load(struct tw_watch *w, struct tw_err *err)
{
	int r = tw_programs_open(&w->bpf, &w->names, &w->config.assumption, err);

	if (r)
		return r;
	set_constants(w);
	r = live_bpf__load(w->bpf);
	if (r)
		return explain(r, err);
	r = attach(w, err);
	if (r)
		return r;
	w->ring = ring_buffer__new(bpf_map__fd(w->bpf->maps.ring), on_record, w, NULL);
	if (!w->ring)
		return explain(-errno, err);
	w->names_text = tw_programs_release_btf(&w->names);
	return w->names_text ? 0 : tw_err_set(err, -ENOMEM, "out of memory");
}

/* A jiffy: the resolution of the coarse clocks, which tick with it. */
static int64_t jiffy_ns(void)
{
	struct timespec t = { 0 };

	return clock_getres(CLOCK_MONOTONIC_COARSE, &t) ? 0 : t.tv_nsec;
}

static int start_gathering(struct tw_watch *w, struct tw_err *err)
{
	const struct tw_gather_config config = {
		.names = &w->names,
		.realtime_offset_ns = tw_clock_ns(CLOCK_REALTIME) - tw_clock_ns(CLOCK_MONOTONIC),
		.jiffy_ns = jiffy_ns(),
		.all = w->config.all || w->config.harmless,
		.apart = w->config.assumption.apart,
		.need_socket = w->config.pid_count || w->config.follow || w->config.comm ||
			       w->config.cgroup,
		.finding = on_finding,
		.user = w,
	};

	w->gather = tw_gather_new(&config);
	return w->gather ? 0 : tw_err_set(err, -ENOMEM, "out of memory");
}

/* ---- the walk ---- */

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Everything happens in the program; it writes nothing to read here but the end. */
static void walk(struct tw_watch *w)
{
	const int64_t began_ns = tw_clock_ns(CLOCK_MONOTONIC);
	/* By its own processor time: on a busy machine it is no reason to look more rarely. */
	int64_t took_ns = -tw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	char byte[64];
	int fd = w->walk ? bpf_iter_create(bpf_link__fd(w->walk)) : -1;

	if (fd >= 0) {
		while (read(fd, byte, sizeof(byte)) > 0)
			;
		close(fd);
	}
	took_ns += tw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	w->next_walk_ns = began_ns + longer(took_ns * WALK_SHARE, w->walk_every_ns);
}

/* ---- the public face ---- */

int tw_watch_open(struct tw_watch **out, const struct tw_watch_config *config, struct tw_err *err)
{
	struct tw_watch *w = calloc(1, sizeof(*w));
	unsigned i;
	int r;

	if (!w)
		return tw_err_set(err, -ENOMEM, "out of memory");
	w->config = *config;
	/* Who has little patience wants to know soon. */
	w->walk_every_ns = config->patience_ns && config->patience_ns / 4 < WALK_NS
				   ? longer(config->patience_ns / 4, WALK_LEAST_NS)
				   : WALK_NS;
	r = load(w, err);
	if (!r)
		r = start_gathering(w, err);
	for (i = 0; i < config->pid_count && !r; i++)
		r = tw_watch_follow(w, (pid_t)config->pids[i], err);
	if (r) {
		tw_watch_close(w);
		return r;
	}
	walk(w);
	*out = w;
	return 0;
}

int tw_watch_drop_rights(struct tw_err *err)
{
	const bool old = !capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF);

	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_BOTH);
	/* Kernels before 5.8 know neither; on those everything hangs on CAP_SYS_ADMIN. */
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, old ? CAP_SYS_ADMIN : CAP_BPF,
		      old ? CAP_SYS_ADMIN : CAP_PERFMON, -1);
	if (capng_apply(CAPNG_SELECT_BOTH))
		return tw_err_set(err, -EPERM,
				  "the rights that are not needed any more cannot be "
				  "given up");
	return 0;
}

int tw_watch_follow(struct tw_watch *w, pid_t pid, struct tw_err *err)
{
	const uint32_t key = (uint32_t)pid;
	const uint8_t one = 1;

	if (bpf_map_update_elem(bpf_map__fd(w->bpf->maps.followed), &key, &one, BPF_ANY))
		return tw_err_set(err, -errno, "process %u cannot be followed: %s", key,
				  strerror(errno));
	return 0;
}

int tw_watch_work(struct tw_watch *w, int timeout_ms)
{
	const int64_t began_ns = tw_clock_ns(CLOCK_MONOTONIC);
	int64_t left_ms;
	int r = ring_buffer__consume(w->ring);

	/* A poll would only return on a wake-up, and there is none. */
	if (r == 0) {
		left_ms = timeout_ms < POLL_MS ? timeout_ms : POLL_MS;
		if (poll(NULL, 0, (int)left_ms) < 0 && errno != EINTR)
			return -errno;
		r = ring_buffer__consume(w->ring);
	}
	if (began_ns >= w->next_walk_ns)
		walk(w);
	/* Under load the ring is read again and again; the table is looked through a hundred times a second. */
	if (began_ns - w->last_ripe_ns >= RIPE_NS) {
		w->last_ripe_ns = began_ns;
		tw_gather_ripe(w->gather, tw_clock_ns(CLOCK_MONOTONIC));
	}
	return r < 0 ? r : 0;
}

void tw_watch_finish(struct tw_watch *w)
{
	ring_buffer__consume(w->ring);
	tw_gather_ripe(w->gather, INT64_MAX);
}

/*
 * A packet or timer may come while a program runs for the process that it interrupts; the kernel then does not run
 * the same program once more on that processor, and what it would have told is lost.
 */
static uint64_t count_skipped(const struct tw_watch *w)
{
	struct bpf_program *p;
	uint64_t n = 0;

	bpf_object__for_each_program(p, w->bpf->obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);

		if (bpf_program__fd(p) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size))
			n += info.recursion_misses;
	}
	return n;
}

void tw_watch_health(const struct tw_watch *w, struct tw_watch_health *h)
{
	const struct tw_counters *c = &w->bpf->bss->counters;

	*h = (struct tw_watch_health){
		.records = w->records,
		.lost = c->lost,
		.skipped = count_skipped(w),
		.folded = c->folded,
		.forgotten = tw_gather_forgotten(w->gather),
		.pending = tw_gather_pending(w->gather),
		.missing_count = w->missing_count,
	};
	memcpy(h->missing, w->missing, sizeof(h->missing));
}

void tw_watch_close(struct tw_watch *w)
{
	unsigned i;

	if (!w)
		return;
	for (i = 0; i < w->link_count; i++)
		bpf_link__destroy(w->link[i]);
	ring_buffer__free(w->ring);
	live_bpf__destroy(w->bpf);
	tw_gather_free(w->gather);
	free(w->names_text);
	free(w);
}
