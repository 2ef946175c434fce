/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as text: dotted for IPv4, RFC 5952 for IPv6. No name resolution, no locale. */
#include "packet/tuple.h"

#include <arpa/inet.h>
#include <stdio.h>

const char *tw_addr_text(char *out, const struct tw_addr *a)
{
	bool v4 = tw_addr_is_v4(a);

	_Static_assert(TW_ENDPOINT_TEXT >= INET6_ADDRSTRLEN + sizeof("[]:65535"),
		       "room for any endpoint");
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + 12 : a->b, out, TW_ENDPOINT_TEXT);
	return out;
}

bool tw_addr_parse(struct tw_addr *out, const char *text, bool v6)
{
	uint8_t bytes[16];

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) != 1)
		return false;
	*out = v6 ? tw_addr_from_v6(bytes) : tw_addr_from_v4(bytes);
	return true;
}

const char *tw_endpoint_text(char *out, const struct tw_addr *a, uint16_t port)
{
	char text[TW_ENDPOINT_TEXT];

	tw_addr_text(text, a);
	snprintf(out, TW_ENDPOINT_TEXT, tw_addr_is_v4(a) ? "%s:%u" : "[%s]:%u", text, port);
	return out;
}
