/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_CUT_MESSAGE_H
#define TW_PHENOMENA_CUT_MESSAGE_H

#include "phenomena/phenomenon.h"

/* Each fills @m, for an end that is known to have closed in the midst of its message. @refused: what the client said to the server's FIN drew a reset. */
bool tw_match_cut_answer(struct tw_match *m, bool refused);
bool tw_match_cut_request(struct tw_match *m);

#endif
