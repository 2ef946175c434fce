/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP header (RFC 9293 s3.1), its options, its checksum, and the payload of a RST.
 *
 * Options are read as a receiver reads them (tcp_parse_options): left to right, until the end
 * option or until a length lies. A length that does not fit the header marks the segment and ends
 * the reading; a wrong length of a known option marks it and skips that option. That the snaplen
 * cut some away is marked apart from lies.
 *
 * Limits: of several MPTCP options the first is reported, MP_TCPRST before all others.
 */
#include "packet/decode_private.h"

enum tcp_option {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_TIMESTAMPS = 8,
	OPTION_MD5 = 19,
	OPTION_AO = 29,
	OPTION_MPTCP = 30,
	OPTION_FASTOPEN = 34,
	OPTION_EXPERIMENT = 254,
};

#define FASTOPEN_MAGIC 0xf989 /* RFC 7413 s4.1.1 */
#define WSCALE_MAX     14     /* RFC 7323 s2.3 */

enum tw_segment_kind tw_packet_tcp(struct tw_walk *w, struct tw_span v)
{
	struct tw_segment *s = w->s;
	uint32_t header;
	uint16_t word;

	if (v.cap < 20)
		return tw_span_lacks(v, 20);
	word = tw_load_be16(v.p + 12);
	header = word >> 12 << 2;
	if (header < 20 || header > v.wire || v.p - w->base > UINT16_MAX)
		return TW_SEG_MALFORMED;
	s->l4_offset = (uint16_t)(v.p - w->base);
	s->flags = word & 0x1ff;
	s->sport = tw_load_be16(v.p);
	s->dport = tw_load_be16(v.p + 2);
	s->seq = tw_load_be32(v.p + 4);
	s->ack = tw_load_be32(v.p + 8);
	s->window = tw_load_be16(v.p + 14);
	s->header_bytes = (uint16_t)header;
	s->payload_bytes = v.wire - header;
	return TW_SEG_TCP;
}

static void read_sack(struct tw_segment *s, const uint8_t *p, uint32_t bytes)
{
	s->options |= TW_OPT_SACK;
	s->sack_count = 0;
	for (uint32_t i = 2; i + 8 <= bytes && s->sack_count < TW_SACK_MAX; i += 8) {
		s->sack[s->sack_count].left = tw_load_be32(p + i);
		s->sack[s->sack_count].right = tw_load_be32(p + i + 4);
		s->sack_count++;
	}
}

/* The low half of a number of 4 or 8 bytes at *@at, which goes behind it. False: the option ends before. */
static bool read_low(const uint8_t *p, uint32_t bytes, uint32_t *at, bool wide, uint32_t *low)
{
	const uint32_t end = *at + (wide ? 8 : 4);

	if (end > bytes)
		return false;
	*low = tw_load_be32(p + end - 4);
	*at = end;
	return true;
}

/* Both ends count in 64 bits, and write 32 of them where they like: the low halves are always there. */
static void read_dss(struct tw_segment *s, const uint8_t *p, uint32_t bytes)
{
	enum { ACK = 1, WIDE_ACK = 2, MAP = 4, WIDE_MAP = 8, DATA_FIN = 16 };
	const uint8_t flags = bytes >= 4 ? p[3] : 0;
	uint32_t at = 4, number;

	if (flags & ACK) {
		if (!read_low(p, bytes, &at, flags & WIDE_ACK, &s->mptcp_ack))
			return;
		s->mptcp_has |= TW_MPTCP_HAS_ACK;
	}
	/* the number of what is mapped, its place in this path, its length; a DATA_FIN is the last of it */
	if ((flags & (MAP | DATA_FIN)) != (MAP | DATA_FIN) ||
	    !read_low(p, bytes, &at, flags & WIDE_MAP, &number) || at + 6 > bytes)
		return;
	s->mptcp_fin = number + tw_load_be16(p + at + 4) - 1;
	s->mptcp_has |= TW_MPTCP_HAS_FIN;
}

static void read_mptcp(struct tw_segment *s, const uint8_t *p, uint32_t bytes)
{
	uint8_t subtype = p[2] >> 4;
	bool reset = subtype == TW_MPTCP_TCPRST && bytes >= 4;

	if (!(s->options & TW_OPT_MPTCP) || reset)
		s->mptcp_subtype = subtype;
	if (reset)
		s->mptcp_reset_reason = p[3];
	if (subtype == TW_MPTCP_FASTCLOSE)
		s->mptcp_has |= TW_MPTCP_HAS_FASTCLOSE;
	if (subtype == TW_MPTCP_DSS)
		read_dss(s, p, bytes);
	s->options |= TW_OPT_MPTCP;
}

/*
 * One option of @bytes (at least 2, all captured) at @p. Return: false if its length is wrong for
 * it.
 */
static bool read_option(struct tw_segment *s, const uint8_t *p, uint32_t bytes)
{
	switch (p[0]) {
	case OPTION_MSS:
		if (bytes != 4)
			return false;
		s->mss = tw_load_be16(p + 2);
		s->options |= TW_OPT_MSS;
		return true;
	case OPTION_WSCALE:
		if (bytes != 3)
			return false;
		s->wscale = p[2] > WSCALE_MAX ? WSCALE_MAX : p[2];
		s->options |= TW_OPT_WSCALE;
		return true;
	case OPTION_SACK_PERMITTED:
		if (bytes != 2)
			return false;
		s->options |= TW_OPT_SACK_PERMITTED;
		return true;
	case OPTION_SACK:
		if (bytes < 10 || (bytes - 2) % 8)
			return false;
		read_sack(s, p, bytes);
		return true;
	case OPTION_TIMESTAMPS:
		if (bytes != 10)
			return false;
		s->tsval = tw_load_be32(p + 2);
		s->tsecr = tw_load_be32(p + 6);
		s->options |= TW_OPT_TIMESTAMPS;
		return true;
	case OPTION_MD5:
		if (bytes != 18)
			return false;
		s->options |= TW_OPT_MD5;
		return true;
	case OPTION_AO:
		if (bytes < 4)
			return false;
		s->options |= TW_OPT_AO;
		return true;
	case OPTION_MPTCP:
		if (bytes < 3)
			return false;
		read_mptcp(s, p, bytes);
		return true;
	case OPTION_FASTOPEN:
		s->fastopen_cookie_bytes = (uint8_t)(bytes - 2);
		s->options |= TW_OPT_FASTOPEN;
		return true;
	case OPTION_EXPERIMENT:
		if (bytes < 4 || tw_load_be16(p + 2) != FASTOPEN_MAGIC)
			return true;
		s->fastopen_cookie_bytes = (uint8_t)(bytes - 4);
		s->options |= TW_OPT_FASTOPEN;
		return true;
	default:
		return true;
	}
}

void tw_packet_tcp_options(struct tw_segment *s, struct tw_span options)
{
	const uint8_t *p = options.p;
	uint32_t i = 0;

	while (i < options.cap && p[i] != OPTION_END) {
		uint32_t bytes;

		if (p[i] == OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= options.wire) {
			s->options |= TW_OPT_MALFORMED;
			return;
		}
		if (i + 1 >= options.cap)
			break;
		bytes = p[i + 1];
		/* A length of 0 or 1 would never end, one too large would leave the header. */
		if (bytes < 2 || i + bytes > options.wire) {
			s->options |= TW_OPT_MALFORMED;
			return;
		}
		if (i + bytes > options.cap)
			break;
		if (!read_option(s, p + i, bytes))
			s->options |= TW_OPT_MALFORMED;
		i += bytes;
	}
	if (options.cap < options.wire && (i >= options.cap || p[i] != OPTION_END))
		s->options |= TW_OPT_CUT;
}

/* The sum of 16-bit words (RFC 1071), in the byte order of memory, not folded. */
static uint64_t sum_words(const uint8_t *p, uint32_t bytes)
{
	uint64_t sum = 0;
	uint32_t word;
	uint16_t half;

	for (; bytes >= 4; p += 4, bytes -= 4) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	if (bytes >= 2) {
		memcpy(&half, p, sizeof(half));
		sum += half;
		p += 2;
		bytes -= 2;
	}
	if (bytes) {
		const uint8_t last[2] = { *p, 0 };

		memcpy(&half, last, sizeof(half));
		sum += half;
	}
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/*
 * Offload leaves the checksum to the network card: the kernel stores only the sum of the pseudo
 * header (tcp_v4_send_check: ~tcp_v4_check(...)), and some drivers of super segments leave the
 * length out of it.
 */
enum tw_checksum tw_packet_tcp_checksum(const struct tw_segment *s, const uint8_t *tcp)
{
	uint32_t bytes = s->header_bytes + s->payload_bytes, family = s->ip_version == 4 ? 4 : 16;
	uint8_t length_be[4] = { (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16),
				 (uint8_t)(bytes >> 8), (uint8_t)bytes };
	static const uint8_t protocol_be[2] = { 0, TW_IP_TCP };
	uint64_t addresses, pseudo;
	uint16_t field;

	addresses = sum_words(s->src.b + 16 - family, family) +
		    sum_words(s->dst.b + 16 - family, family) + sum_words(protocol_be, 2);
	pseudo = addresses + sum_words(length_be, 4);
	if (fold(pseudo + sum_words(tcp, bytes)) == 0xffff)
		return TW_CSUM_GOOD;
	memcpy(&field, tcp + 16, sizeof(field));
	if (field == fold(pseudo) || field == fold(addresses))
		return TW_CSUM_PARTIAL;
	return TW_CSUM_BAD;
}

static uint64_t mix(uint64_t x, uint64_t y)
{
	__uint128_t m = (__uint128_t)x * y;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Not 0, and the same on every machine. */
uint32_t tw_packet_payload_hash(const uint8_t *p, uint32_t bytes)
{
	uint64_t h = bytes ^ UINT64_C(0xa0761d6478bd642f);
	uint8_t tail[8] = { 0 };

	for (; bytes >= 8; p += 8, bytes -= 8)
		h = mix(h ^ tw_load_le64(p), UINT64_C(0xe7037ed1a0b428db)) +
		    UINT64_C(0x9e3779b97f4a7c15);
	memcpy(tail, p, bytes);
	h = mix(h ^ tw_load_le64(tail), UINT64_C(0x8ebc6af09c88c6e3));
	h ^= h >> 32;
	return (uint32_t)h ? (uint32_t)h : 1;
}

static bool is_printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

/* Text for a person: whatever is not printable ASCII becomes '?', line ends at the end go. */
static void reset_text(struct tw_segment *s, const uint8_t *p, uint32_t bytes)
{
	uint32_t n = 0;

	while (bytes && (p[bytes - 1] == 0 || p[bytes - 1] == '\r' || p[bytes - 1] == '\n'))
		bytes--;
	for (; n < bytes && n < sizeof(s->rst_text) - 1; n++)
		s->rst_text[n] = is_printable(p[n]) ? (char)p[n] : '?';
	s->rst_text[n] = '\0';
}

/*
 * What a RST says for itself: draft-ietf-tcpm-rst-diagnostic-payload (0x33aa reason PEN, or 0xf317
 * and UTF-8), or the ASCII text that RFC 9293 s3.5.3 allows and some old stacks send.
 */
void tw_packet_reset_reason(struct tw_segment *s, const uint8_t *payload)
{
	uint32_t bytes = s->payload_captured;

	if (bytes >= 8 && s->payload_bytes == 8 && tw_load_be16(payload) == 0x33aa) {
		s->rst_reason = tw_load_be16(payload + 2);
		s->rst_reason_pen = tw_load_be32(payload + 4);
		return;
	}
	if (bytes > 2 && tw_load_be16(payload) == 0xf317) {
		reset_text(s, payload + 2, bytes - 2);
		return;
	}
	for (uint32_t i = 0; i < bytes; i++)
		if (!is_printable(payload[i]) && payload[i] != '\r' && payload[i] != '\n' &&
		    !(payload[i] == 0 && i + 1 == bytes))
			return;
	reset_text(s, payload, bytes);
}
