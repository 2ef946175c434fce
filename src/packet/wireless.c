/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IEEE 802.11 data frames, bare or behind a radiotap header.
 *
 * Limits: encrypted frames stay closed, as do fragments and aggregates (A-MSDU) of the radio layer:
 * they are counted as "other". A frame check sequence at the end needs no care, IP knows its
 * length.
 */
#include "packet/decode_private.h"

enum {
	FC_TO_DS = 0x01,
	FC_FROM_DS = 0x02,
	FC_MORE_FRAGMENTS = 0x04,
	FC_PROTECTED = 0x40,
	FC_ORDER = 0x80
};
enum { SUBTYPE_QOS = 0x80, SUBTYPE_NO_DATA = 0x40, QOS_AMSDU = 0x80 };

static void note_addresses(struct tw_walk *w, const uint8_t *p, uint8_t flags)
{
	bool to = flags & FC_TO_DS, from = flags & FC_FROM_DS;

	w->mac_dst = tw_load_be48(to ? p + 16 : p + 4);
	if (!from)
		w->mac_src = tw_load_be48(p + 10);
	else
		w->mac_src = tw_load_be48(to ? p + 24 : p + 16);
}

/* @padded: the header is filled up to a multiple of 4 before the payload. */
static enum tw_segment_kind data_frame(struct tw_walk *w, struct tw_span v, bool padded)
{
	uint32_t bytes = 24, qos = 0;
	uint8_t flags;

	if (v.cap < 24)
		return tw_span_lacks(v, 24);
	flags = v.p[1];
	/* version 0, type data with data in it */
	if ((v.p[0] & 0x0f) != 0x08 || v.p[0] & SUBTYPE_NO_DATA)
		return TW_SEG_OTHER;
	/* the sequence control's low nibble is the fragment number */
	if (flags & (FC_PROTECTED | FC_MORE_FRAGMENTS) || v.p[22] & 0x0f)
		return TW_SEG_OTHER;
	if ((flags & (FC_TO_DS | FC_FROM_DS)) == (FC_TO_DS | FC_FROM_DS))
		bytes += 6;
	if (v.p[0] & SUBTYPE_QOS) {
		qos = bytes;
		bytes += flags & FC_ORDER ? 6 : 2; /* with the HT control field */
	}
	if (padded)
		bytes = (bytes + 3) & ~3u;
	if (v.cap < bytes)
		return tw_span_lacks(v, bytes);
	if (qos && v.p[qos] & QOS_AMSDU)
		return TW_SEG_OTHER;
	note_addresses(w, v.p, flags);
	return tw_packet_llc(w, tw_span_skip(v, bytes));
}

enum tw_segment_kind tw_packet_ieee80211(struct tw_walk *w, struct tw_span v)
{
	return data_frame(w, v, false);
}

/*
 * The flags field says whether the 802.11 header is padded; it stands behind the bit maps and the
 * TSF.
 */
static bool radiotap_padding(const uint8_t *p, uint32_t bytes)
{
	uint32_t present = tw_load_le32(p + 4), at = 8, more = present;

	while (more >> 31) {
		if (at + 4 > bytes)
			return false;
		more = tw_load_le32(p + at);
		at += 4;
	}
	if (!(present & 2))
		return false;
	if (present & 1)
		at = ((at + 7) & ~7u) + 8;
	return at < bytes && p[at] & 0x20;
}

enum tw_segment_kind tw_packet_radiotap(struct tw_walk *w, struct tw_span v)
{
	uint32_t bytes;

	if (v.cap < 8)
		return tw_span_lacks(v, 8);
	bytes = tw_load_le16(v.p + 2);
	if (v.p[0] || bytes < 8)
		return TW_SEG_MALFORMED;
	if (v.cap < bytes)
		return tw_span_lacks(v, bytes);
	return data_frame(w, tw_span_skip(v, bytes), radiotap_padding(v.p, bytes));
}
