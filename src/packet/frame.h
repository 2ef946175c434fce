/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_FRAME_H
#define TW_PACKET_FRAME_H

#include <stdint.h>

/* One captured frame as it stands in the capture, before any decoding. */
struct tw_frame {
	int64_t time_ns; /* since the epoch, UTC; as recorded, may go backwards */
	uint64_t number; /* from 1, as Wireshark's frame.number (those a filter rejects count) */
	uint64_t offset; /* of the record in the (uncompressed) file */
	const uint8_t *data; /* caplen bytes, valid until the source's next call */
	uint32_t caplen;     /* bytes in the capture */
	uint32_t len;        /* bytes on the wire (hostile files may say less than caplen) */
	uint16_t linktype;   /* LINKTYPE_ value of pcap-linktype(7) */
	uint16_t iface;      /* interface index within the source (0 for pcap) */
	uint16_t section;    /* of a pcapng file, from 0; in each the clock may begin anew */
};

#endif
