/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_DIAGRAM_H
#define TW_REPORT_DIAGRAM_H

#include "diagnose/finding.h"
#include "report/style.h"

struct tw_diagram_options {
	unsigned indent;
	unsigned rows_max; /* packets drawn at most, 0 = every step of the finding */
	bool detail;       /* window and TTL of every packet */
};

/*
 * The sequence diagram of a finding: client left, server right, seconds since the connection's
 * start, frame numbers; packets that the evidence cites carry a '*'. What is left out is
 * counted in a line.
 */
void tw_diagram_draw(struct tw_pen *p, const struct tw_finding *f,
		     const struct tw_diagram_options *o);

#endif
