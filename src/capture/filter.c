/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the packet filter. An expression of pcap-filter(7) compiles to different code for each link
 * type, and a file may hold several, so it is compiled when a link type is first met.
 *
 * Some expressions have no meaning for some link types ("ether host" for raw IP): there, no frame
 * matches, and the source tells it as a problem.
 */
#include "capture/reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

/* More link types than libpcap can compile for; a hostile file may name 65536. */
#define PROGRAMS_MAX 64

struct program {
	uint16_t linktype;
	bool usable;
	struct bpf_program bpf;
	char fault[PCAP_ERRBUF_SIZE];
};

struct tw_filter {
	char *expression;
	struct program *program[PROGRAMS_MAX];
	unsigned count;
	struct program *last; /* of the frame before: mostly that of the next */
};

static bool compile(struct program *p, const char *expression)
{
	/* The one number that differs between LINKTYPE_ and the DLT_ of Linux. */
	int dlt = p->linktype == TW_LINKTYPE_RAW ? DLT_RAW : p->linktype;
	pcap_t *dead = pcap_open_dead(dlt, TW_CAPLEN_MAX);

	if (!dead) {
		strcpy(p->fault, "memory is out");
		return false;
	}
	p->usable = !pcap_compile(dead, &p->bpf, expression, 1, PCAP_NETMASK_UNKNOWN);
	if (!p->usable) {
		strncpy(p->fault, pcap_geterr(dead), sizeof(p->fault) - 1);
		if (!p->fault[0])
			strcpy(p->fault, "libpcap does not say why");
	}
	pcap_close(dead);
	return p->usable;
}

static struct program *add_program(struct tw_filter *f, uint16_t linktype)
{
	struct program *p;

	if (f->count == PROGRAMS_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->linktype = linktype;
	compile(p, f->expression);
	f->program[f->count++] = p;
	return p;
}

/* NULL: no more programs can be held. */
static struct program *program_for(struct tw_filter *f, uint16_t linktype)
{
	unsigned i;

	if (f->last && f->last->linktype == linktype)
		return f->last;
	for (i = 0; i < f->count; i++)
		if (f->program[i]->linktype == linktype)
			return f->last = f->program[i];
	f->last = add_program(f, linktype);
	return f->last;
}

/*
 * An expression is wrong if it is wrong for Ethernet and for every other link type that has
 * keywords of its own ("wlan host", "inbound"); libpcap's words are then those for Ethernet.
 */
int tw_filter_new(struct tw_filter **out, const char *expression, struct tw_err *err)
{
	static const uint16_t linktypes[] = { DLT_EN10MB, DLT_IEEE802_11_RADIO, DLT_LINUX_SLL,
					      DLT_LINUX_SLL2 };
	struct tw_filter *f = calloc(1, sizeof(*f));
	struct program *p;
	unsigned i;
	int status;

	if (f)
		f->expression = strdup(expression);
	if (!f || !f->expression) {
		tw_filter_free(f);
		return tw_err_set(err, -ENOMEM, "memory is out");
	}
	for (i = 0; i < sizeof(linktypes) / sizeof(linktypes[0]); i++) {
		p = program_for(f, linktypes[i]);
		if (p && p->usable) {
			*out = f;
			return 0;
		}
	}
	p = program_for(f, DLT_EN10MB);
	status = tw_err_set(err, p ? -EINVAL : -ENOMEM, "the filter \"%s\" is not valid: %s",
			    expression, p ? p->fault : "memory is out");
	tw_filter_free(f);
	return status;
}

void tw_filter_free(struct tw_filter *f)
{
	unsigned i;

	if (!f)
		return;
	for (i = 0; i < f->count; i++) {
		if (f->program[i]->usable)
			pcap_freecode(&f->program[i]->bpf);
		free(f->program[i]);
	}
	free(f->expression);
	free(f);
}

bool tw_filter_match(struct tw_filter *f, const struct tw_frame *frame)
{
	const struct program *p = program_for(f, frame->linktype);
	struct pcap_pkthdr h = { .caplen = frame->caplen, .len = frame->len };

	return p && p->usable && pcap_offline_filter(&p->bpf, &h, frame->data);
}

const char *tw_filter_fault(struct tw_filter *f, uint16_t linktype)
{
	const struct program *p = program_for(f, linktype);

	if (!p)
		return "too many link types";
	return p->usable ? NULL : p->fault;
}

const char *tw_filter_expression(const struct tw_filter *f)
{
	return f->expression;
}
