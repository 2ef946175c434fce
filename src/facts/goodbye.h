/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_FACTS_GOODBYE_H
#define TW_FACTS_GOODBYE_H

#include "facts/view.h"

/*
 * What is said when nothing more is wanted, and to whom it may be lost. Records are named by their index in the
 * dossier, nothing is allocated.
 */

/* Bytes of the longest record that is one: GOAWAY of HTTP/2 (17 bytes, some with a word of reason) in a record of TLS 1.2 (29 more); QUIT and LOGOUT are shorter. */
#define TW_LONGEST_FAREWELL 55

/* Are these words that say that no more is wanted: TLS close_notify, QUIT and its like? */
bool tw_is_farewell(const struct tw_pkt *p);
/*
 * TLS close_notify: an alert record, or in TLS 1.3 a record of exactly the size of an encrypted alert
 * (RFC 8446 s5.2: 2 bytes of alert, 1 of type, 16 of tag). It may stand behind one more record in the
 * same segment; TLS 1.2 with an AEAD makes it 31 bytes (RFC 5288). Where the snap length left but the type
 * (68 bytes leave two of the payload) or nothing, the size has to do.
 */
bool tw_is_close_notify(const struct tw_pkt *p);
/* A fatal alert of TLS in the clear: who sends it refuses the connection, that is no goodbye. */
bool tw_is_refusal(const struct tw_pkt *p);
/* Does a client ask for something by this: a request of a protocol that answers each, or more than TLS needs for a farewell? */
bool tw_asks(const struct tw_pkt *p);
/* The first record of TLS in @p with its header, if it is one of data and begins there; else 0. */
uint32_t tw_tls_record_bytes(const struct tw_pkt *p);
/* Does ChangeCipherSpec begin it, or the key exchange that it follows in TLS 1.2? */
bool tw_tls_changes_cipher(const struct tw_pkt *p);
/*
 * The client's last words of a handshake: ChangeCipherSpec with its Finished (RFC 8446 s D.4, RFC 5246 s7.3); before it in
 * the segment, where no session is resumed, its key exchange. Their bytes in @p, 0: it is something else.
 */
uint32_t tw_tls_finished_bytes(const struct tw_pkt *p);
/* Does what stands behind them in the same segment ask for something? */
bool tw_tls_asks_behind_finished(const struct tw_pkt *p);
/* Frames that only keep a connection of HTTP/2 going, as far as their size tells. */
bool tw_is_http2_control(const struct tw_pkt *p);
/* A client that resets, at record @rst, right behind the handshake of TLS, and had said nothing else: a check of a balancer. */
bool tw_only_shook_hands(const struct tw_dossier *d, size_t rst);
/* The last payload of @side before record @before, or NULL. */
const struct tw_pkt *tw_last_words(const struct tw_dossier *d, int side, size_t before);
/*
 * Does @side leave with a goodbye right before record @before? The bytes of it, and in @said the index of what it had
 * said before, -1 if nothing. An answer to it is not awaited, and whether it arrives is all the same.
 */
uint32_t tw_goodbye_bytes(const struct tw_dossier *d, int side, size_t before, long *said);
/*
 * Was the last thing that @side said before its FIN a farewell, no answer awaited? A close_notify is: TLS has no use
 * for a half-close. So is a word of a few bytes to a server that has spoken, its FIN on its heels; within TLS, where
 * every record is longer, one record of a farewell's size.
 */
bool tw_took_leave(const struct tw_dossier *d, int side);
/*
 * Was @side in the middle of a transfer? Its last segments are all of one large size: an answer that is
 * complete ends in a shorter one.
 */
bool tw_mid_transfer(const struct tw_dossier *d, size_t before, int side);
/*
 * How much may the server say to a client that has closed before something is lost? The client had asked
 * nothing that was not answered, or had said QUIT: what comes now is a goodbye (or the tick of something
 * that it listened to). To one that never asked it is a greeting or a complaint. Nothing, if the server was
 * in the middle of an answer.
 */
uint32_t tw_small_talk(const struct tw_dossier *d, int side, size_t author_fin);
/*
 * What @side said and the author had not heard when it closed was only its goodbye: a close_notify, a word of
 * farewell, or a few bytes with its own FIN on their heels, no answer awaited, or a server's last words to a client
 * that has all it asked for. The bare RST that they draw from the closed end takes nothing from anybody. Next to
 * @side they stand before the author's FIN, which they cross; the FIN's acknowledgement says that they do.
 */
bool tw_only_goodbye(const struct tw_dossier *d, int side, long author_fin);

#endif
