/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: live interfaces (AF_PACKET, by libpcap).
 *
 * The kernel hands over packets in blocks, each at the latest BLOCK_MS after its first packet, so that a busy
 * line costs few wake-ups; nothing here waits. libpcap's buffer is its own until the next call, therefore a
 * batch is copied.
 *
 * On "any" the second cooked form is asked for, because it tells which interface a packet passed: the same
 * packet is seen once on each, and who compares copies must know that they are copies.
 *
 * An interface that is taken down gives nothing until it is up again; one that is removed ends the source.
 */
#include "capture/interface.h"

#include "base/suggest.h"
#include "capture/reader.h"

#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SNAPLEN        65535
#define BLOCK_MS       50
#define BUFFER_BYTES   (16 << 20)
#define BATCH_BYTES    (TW_BATCH * 2048 + SNAPLEN)
#define LINKTYPE_SLL2  276
#define SLL2_IFACE_END 8 /* its index: four bytes before this */

struct reader {
	pcap_t *pcap;
	uint8_t bytes[BATCH_BYTES];
};

/* ---- packets ---- */

static void gone(struct tw_source *s)
{
	struct reader *r = s->reader;

	s->ended = true;
	s->info.interrupted = false;
	tw_source_problem(s, 0, "%s: %.180s", s->name, pcap_geterr(r->pcap));
}

static uint16_t iface_of(const struct tw_source *s, const struct tw_frame *f)
{
	if (s->linktype != LINKTYPE_SLL2 || f->caplen < SLL2_IFACE_END)
		return 0;
	return (uint16_t)(f->data[SLL2_IFACE_END - 2] << 8 | f->data[SLL2_IFACE_END - 1]);
}

static void take(struct tw_source *s, struct tw_frame *f, const struct pcap_pkthdr *h,
		 uint8_t *bytes)
{
	f->time_ns = (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec; /* of nanoseconds */
	f->number = ++s->number;
	f->offset = 0;
	f->data = bytes;
	f->caplen = h->caplen;
	f->len = h->len;
	f->linktype = s->linktype;
	f->iface = iface_of(s, f);
	f->section = 0;
}

static unsigned next_frames(struct tw_source *s, struct tw_frame *frames)
{
	struct reader *r = s->reader;
	size_t used = 0;
	unsigned n = 0;

	s->info.interrupted = true;
	while (n < TW_BATCH && !s->ended && BATCH_BYTES - used >= SNAPLEN) {
		struct pcap_pkthdr *h;
		const u_char *data;
		const int status = pcap_next_ex(r->pcap, &h, &data);

		if (status < 0 && status != PCAP_ERROR_BREAK)
			gone(s);
		if (status != 1)
			break;
		if (h->caplen > SNAPLEN)
			continue;
		memcpy(r->bytes + used, data, h->caplen);
		take(s, &frames[n++], h, r->bytes + used);
		used += h->caplen;
	}
	return n;
}

static void refresh(struct tw_source *s)
{
	struct reader *r = s->reader;
	struct pcap_stat st;

	if (s->ended || pcap_stats(r->pcap, &st))
		return;
	s->info.capture_drops = st.ps_drop;
	s->info.has_drop_counters = true;
}

static void destroy(struct tw_source *s)
{
	struct reader *r = s->reader;

	if (r->pcap)
		pcap_close(r->pcap);
	free(r);
}

/* ---- opening ---- */

bool tw_interface_is_up(const char *name)
{
	struct ifreq request = { 0 };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	if (strcmp(name, "any") == 0 || fd < 0) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	up = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP;
	close(fd);
	return up;
}

static int check_name(const char *name, struct tw_err *err)
{
	struct tw_suggestion s = { .typed = name };
	struct if_nameindex *list, *at;
	char near[IF_NAMESIZE] = "";

	if (strcmp(name, "any") == 0 || if_nametoindex(name))
		return 0;
	tw_suggest_offer(&s, "any");
	list = if_nameindex();
	for (at = list; at && at->if_index; at++)
		tw_suggest_offer(&s, at->if_name);
	if (s.best)
		strncpy(near, s.best, sizeof(near) - 1);
	if_freenameindex(list);
	if (near[0])
		return tw_err_set(err, -ENODEV, "there is no interface %s; did you mean %s?", name,
				  near);
	return tw_err_set(err, -ENODEV,
			  "there is no interface %s; `ip link` lists them, and any "
			  "means all",
			  name);
}

static int explain(struct tw_source *s, pcap_t *p, int status, struct tw_err *err)
{
	switch (status) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return tw_err_set(
			err, -EPERM,
			"watching packets on %s needs root, or the capability CAP_NET_RAW",
			s->name);
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return tw_err_set(err, -ENODEV, "there is no interface %s", s->name);
	case PCAP_ERROR_IFACE_NOT_UP:
		return tw_err_set(err, -ENETDOWN, "the interface %s is down", s->name);
	default:
		return tw_err_set(err, -EIO, "%s cannot be watched: %s", s->name,
				  status == PCAP_ERROR ? pcap_geterr(p) : pcap_statustostr(status));
	}
}

static int set_filter(struct tw_source *s, pcap_t *p, const char *filter, struct tw_err *err)
{
	struct bpf_program program;
	int r = 0;

	if (!filter)
		return 0;
	if (pcap_compile(p, &program, filter, 1, PCAP_NETMASK_UNKNOWN))
		return tw_err_set(err, -EINVAL, "the filter \"%s\" is not valid: %s", filter,
				  pcap_geterr(p));
	if (pcap_setfilter(p, &program))
		r = tw_err_set(err, -EIO, "%s: the filter cannot be set: %s", s->name,
			       pcap_geterr(p));
	pcap_freecode(&program);
	return r;
}

/* Of the options only the first two matter if they fail, and those cannot. */
static int activate(struct tw_source *s, pcap_t *p, struct tw_err *err)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	int status;

	pcap_set_snaplen(p, SNAPLEN);
	pcap_set_promisc(p, 0);
	pcap_set_timeout(p, BLOCK_MS);
	pcap_set_buffer_size(p, BUFFER_BYTES);
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	status = pcap_activate(p);
	if (status < 0)
		return explain(s, p, status, err);
	if (strcmp(s->name, "any") == 0)
		pcap_set_datalink(p, LINKTYPE_SLL2);
	if (pcap_setnonblock(p, 1, text))
		return tw_err_set(err, -EIO, "%s cannot be watched: %s", s->name, text);
	s->linktype = tw_linktype_of((uint32_t)pcap_datalink(p));
	return 0;
}

static struct tw_source *make(const char *name)
{
	struct tw_source *s = tw_source_new(name);
	struct reader *r = calloc(1, sizeof(*r));

	if (!s || !r) {
		free(r);
		tw_source_close(s);
		return NULL;
	}
	s->reader = r;
	s->next = next_frames;
	s->refresh = refresh;
	s->destroy = destroy;
	s->info.format = "interface";
	return s;
}

int tw_source_open_interface(struct tw_source **out, const char *name, const char *filter,
			     struct tw_err *err)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	struct tw_source *s;
	struct reader *r;
	int status = check_name(name, err);

	if (status)
		return status;
	s = make(name);
	if (!s)
		return tw_err_set(err, -ENOMEM, "out of memory");
	r = s->reader;
	r->pcap = pcap_create(name, text);
	status = r->pcap ? activate(s, r->pcap, err)
			 : tw_err_set(err, -EIO, "%s cannot be watched: %s", name, text);
	if (!status)
		status = set_filter(s, r->pcap, filter, err);
	if (status) {
		tw_source_close(s);
		return status;
	}
	tw_source_interface(s, s->linktype, SNAPLEN);
	*out = s;
	return 0;
}

int tw_source_fd(const struct tw_source *s)
{
	const struct reader *r = s->reader;

	return s->ended ? -1 : pcap_get_selectable_fd(r->pcap);
}

bool tw_source_has_ended(const struct tw_source *s)
{
	return s->ended;
}
