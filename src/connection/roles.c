/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is the client, where no SYN tells? What an application saw and who is to blame hangs on it, and long-lived
 * connections (pools, NFS, gRPC) are mostly captured from their midst. In this order:
 *
 *	an answer of HTTP/1 comes from the server, a request from the client, whatever was thought before
 *	an endpoint that accepts other connections in the same capture is the server's
 *	ports: by what is known of services, else the lower one
 *
 * Ports below 1024 need privileges to be bound, so they are services'; but clients of NFS bind one, too
 * (bindresvport). Above, the lower one is a habit of kernels, which hand out high ports (ip_local_port_range 32768 to
 * 60999; Windows and macOS from 49152 on). Where the range was widened, or of old (1024 to 4999), it says
 * nothing, and ports that services are registered with (IANA) do.
 */
#include "connection/roles.h"

#include "connection/dossier_private.h"

#define PRIVILEGED 1024
#define RESERVED   512 /* bindresvport() takes one from here on */
#define NFS        2049
#define HANDED_OUT 32768

/* Ascending. */
static const uint16_t services[] = {
	1194,  1352,  1433,  1521,  1723,  1883,  1935,  2049,  2181,  2375,  2376,  2379,  2380,
	3000,  3128,  3260,  3268,  3269,  3306,  3389,  3868,  4222,  4369,  5000,  5060,  5061,
	5222,  5269,  5432,  5433,  5601,  5671,  5672,  5900,  5984,  6379,  6432,  6443,  6667,
	7000,  7077,  7199,  7474,  7687,  8000,  8008,  8009,  8080,  8081,  8086,  8088,  8123,
	8125,  8300,  8301,  8443,  8500,  8848,  8883,  8888,  9000,  9042,  9090,  9092,  9093,
	9100,  9160,  9200,  9300,  9418,  10000, 10250, 10255, 11211, 15672, 16379, 25565, 26379,
	27017, 27018, 27019, 33060, 50051, 61613, 61616,
};

static bool is_service(uint16_t port)
{
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (services[i] == port)
			return true;
	return false;
}

/* 3: surely a service's, 0: anybody's. Compared only with the rank of the other port. */
static int rank(uint16_t port, uint16_t other)
{
	if (port == NFS && other >= RESERVED && other < PRIVILEGED)
		return 3;
	if (port < PRIVILEGED)
		return 2;
	return is_service(port);
}

int tw_roles_by_port(uint16_t first, uint16_t second)
{
	const int a = rank(first, second), b = rank(second, first);

	return a != b ? a < b : first >= second;
}

bool tw_roles_tell(uint16_t first, uint16_t second)
{
	return rank(first, second) != rank(second, first) ||
	       (first >= HANDED_OUT) != (second >= HANDED_OUT);
}

void tw_roles_ask_hosts(struct tw_dossier *d, const struct tw_segment *s,
			const struct tw_hosts *hosts)
{
	bool first, second;

	if (d->started || s->flags & TW_SYN)
		return;
	first = tw_hosts_accepted(hosts, &d->tuple.addr[0], d->tuple.port[0]);
	second = tw_hosts_accepted(hosts, &d->tuple.addr[1], d->tuple.port[1]);
	if (first != second)
		d->server = first ? TW_SERVER_FIRST : TW_SERVER_SECOND;
}

/* What was the client is the server from now on. */
static void swap(struct tw_dossier *d)
{
	const struct tw_end end = d->end[0];
	const struct tw_order_mark reached = d->order.reached[0], at_step = d->order.at_step[0];
	size_t i;

	d->end[0] = d->end[1];
	d->end[1] = end;
	d->order.reached[0] = d->order.reached[1];
	d->order.reached[1] = reached;
	d->order.at_step[0] = d->order.at_step[1];
	d->order.at_step[1] = at_step;
	for (i = 0; i < d->pkt_count; i++)
		d->pkt[i].side ^= 1;
	for (i = 0; i < d->icmp_count; i++)
		d->icmp[i].side ^= 1;
}

void tw_roles_learn(struct tw_dossier *d, const struct tw_segment *s)
{
	if (!s->speaks_http || !d->client_guessed || d->told)
		return;
	d->told = true;
	if (tw_dossier_side_of(d, s) != (s->message.request ? 0 : 1))
		swap(d);
}
