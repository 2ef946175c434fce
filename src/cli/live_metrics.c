/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page for Prometheus, by libmicrohttpd in its mode without threads: the main loop calls MHD_run(), which
 * answers whoever has asked and returns. So the counters are only ever touched by one thread, and a scrape
 * waits for at most a turn or two of the loop (50 ms each).
 *
 * The socket is ours: so the errors of bind() are ours to explain, and it is bound before rights are given up.
 * Clients are strangers: few connections, little memory for each, and a time after which a silent one is closed.
 */
#include "cli/live_metrics.h"

#include "base/clock.h"
#include "cli/microhttpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX   32U
#define CONNECTION_BYTES  ((size_t)16384)
#define SILENCE_S         10U
#define LISTEN_BACKLOG    16
#define MHD_RUNS_PER_WORK 4 /* accept, read, answer, close */

struct tw_live_metrics {
	struct tw_live_metrics_config config;
	const struct tw_microhttpd *mhd;
	struct MHD_Daemon *daemon;
	struct tw_metrics *counters;
	struct tw_string page;
	uint64_t scrapes;
	double started_s;
	char url[96];
};

/* ---- the page ---- */

static uint64_t resident_bytes(void)
{
	unsigned long long total, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double cpu_s(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void render(struct tw_live_metrics *m)
{
	struct tw_metrics_health h = {
		.scrapes = ++m->scrapes,
		.resident_bytes = resident_bytes(),
		.cpu_s = cpu_s(),
		.started_s = m->started_s,
	};

	m->config.health(m->config.user, &h);
	tw_string_clear(&m->page);
	tw_metrics_render(m->counters, &h, &m->page);
}

static enum MHD_Result answer(const struct tw_microhttpd *mhd, struct MHD_Connection *connection,
			      unsigned status, const char *type, char *text, size_t length)
{
	struct MHD_Response *response =
		mhd->create_response_from_buffer(length, text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	mhd->add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		mhd->add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	r = mhd->queue_response(connection, status, response);
	mhd->destroy_response(response);
	return r;
}

static enum MHD_Result say(const struct tw_microhttpd *mhd, struct MHD_Connection *connection,
			   unsigned status, const char *text)
{
	char copy[80];

	snprintf(copy, sizeof(copy), "%s", text);
	return answer(mhd, connection, status, "text/plain; charset=utf-8", copy, strlen(copy));
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	static char seen;
	struct tw_live_metrics *m = user;

	/* The first call comes with the header, and is no place for an answer if a body follows. */
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return say(m->mhd, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/") == 0)
		return say(m->mhd, connection, MHD_HTTP_OK,
			   "tcpwhy live: the metrics are at /metrics\n");
	if (strcmp(url, "/metrics") != 0)
		return say(m->mhd, connection, MHD_HTTP_NOT_FOUND, "there is only /metrics\n");
	render(m);
	if (m->page.failed)
		return say(m->mhd, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	return answer(m->mhd, connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
		      m->page.bytes, m->page.length);
}

/* ---- the address ---- */

static int bad_address(const char *text, struct tw_err *err)
{
	return tw_err_set(err, -EINVAL,
			  "option --metrics needs an address and a port, as 127.0.0.1:9710, "
			  "[::1]:9710 or :9710 (every address), not '%s'",
			  text);
}

/* Digits alone, 0 to 65535. */
static bool is_port(const char *text)
{
	char *end;

	return *text >= '0' && *text <= '9' && strtoul(text, &end, 10) <= UINT16_MAX && !*end;
}

/* "[::1]:9710" to "::1" and "9710"; all that @host points to is in @copy. */
static int split(char *copy, const char *text, char **host, char **port, struct tw_err *err)
{
	char *colon = strrchr(copy, ':'), *close = strchr(copy, ']');

	if (copy[0] == '[' && close && close[1] == ':') {
		*close = '\0';
		*host = copy + 1;
		*port = close + 2;
	} else if (copy[0] != '[' && colon && strchr(copy, ':') == colon) {
		*colon = '\0';
		*host = copy;
		*port = colon + 1;
	} else if (copy[0] != '[' && colon) {
		return tw_err_set(err, -EINVAL,
				  "option --metrics needs an IPv6 address in brackets, as "
				  "[::1]:9710, not '%s'",
				  text);
	} else {
		return bad_address(text, err);
	}
	if (!is_port(*port))
		return tw_err_set(err, -EINVAL,
				  "option --metrics needs a port from 0 to 65535, not '%s'", *port);
	return 0;
}

static bool have_ipv6(void)
{
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int resolve(const char *text, struct addrinfo **found, struct tw_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	char none[] = "", *copy = strdup(text), *host = none, *port = none;
	int r = copy ? split(copy, text, &host, &port, err)
		     : tw_err_set(err, -ENOMEM, "out of memory");

	/* Without an address: all of IPv6, which takes IPv4 along; of IPv4 on a host without IPv6. */
	if (!r && getaddrinfo(*host ? host : have_ipv6() ? "::" : "0.0.0.0", port, &hints, found))
		r = bad_address(text, err);
	free(copy);
	return r;
}

static int cannot(const char *text, int error, struct tw_err *err)
{
	return tw_err_set(err, -error, "cannot serve metrics at %s: %s", text,
			  error == EADDRINUSE      ? "the address is in use by another program"
			  : error == EADDRNOTAVAIL ? "this host has no such address"
			  : error == EACCES        ? "ports below 1024 need root or "
						     "CAP_NET_BIND_SERVICE"
						   : strerror(error));
}

static int listen_on(int fd, const struct sockaddr *address, socklen_t length)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, address, length) || listen(fd, LISTEN_BACKLOG) ? -errno : 0;
}

static int listen_at(const struct addrinfo *a, const char *text, int *out, struct tw_err *err)
{
	const int off = 0;
	int r, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return cannot(text, errno, err);
	if (text[0] == ':')
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	r = listen_on(fd, a->ai_addr, a->ai_addrlen);
	if (r) {
		close(fd);
		return cannot(text, -r, err);
	}
	*out = fd;
	return 0;
}

static void name_url(struct tw_live_metrics *m, int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1] = "", port[8] = "";

	if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
		getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port,
			    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(m->url, sizeof(m->url),
		 strchr(host, ':') ? "http://[%s]:%s/metrics" : "http://%s:%s/metrics", host, port);
}

/* ---- the public face ---- */

static int start(struct tw_live_metrics *m, struct tw_err *err)
{
	struct addrinfo *found = NULL;
	int fd = -1, r = resolve(m->config.address, &found, err);

	if (!r)
		r = tw_microhttpd_load(&m->mhd, err);
	if (!r)
		r = listen_at(found, m->config.address, &fd, err);
	if (found)
		freeaddrinfo(found);
	if (r)
		return r;
	name_url(m, fd);
	m->daemon = m->mhd->start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, m, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S, MHD_OPTION_END);
	if (m->daemon)
		return 0;
	close(fd);
	return tw_err_set(err, -EIO, "cannot serve metrics at %s: libmicrohttpd does not start",
			  m->config.address);
}

int tw_live_metrics_open(struct tw_live_metrics **out, const struct tw_live_metrics_config *config,
			 struct tw_err *err)
{
	struct tw_live_metrics *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return tw_err_set(err, -ENOMEM, "out of memory");
	m->started_s = (double)tw_clock_ns(CLOCK_REALTIME) / 1e9;
	m->config = *config;
	m->counters = tw_metrics_new();
	r = m->counters ? start(m, err) : tw_err_set(err, -ENOMEM, "out of memory");
	if (r) {
		tw_live_metrics_close(m);
		return r;
	}
	*out = m;
	return 0;
}

void tw_live_metrics_close(struct tw_live_metrics *m)
{
	if (!m)
		return;
	if (m->daemon)
		m->mhd->stop_daemon(m->daemon); /* closes the socket, too */
	tw_metrics_free(m->counters);
	tw_string_free(&m->page);
	free(m);
}

const char *tw_live_metrics_url(const struct tw_live_metrics *m)
{
	return m->url;
}

void tw_live_metrics_add(struct tw_live_metrics *m, const struct tw_finding *f)
{
	tw_metrics_add(m->counters, f);
}

void tw_live_metrics_work(struct tw_live_metrics *m)
{
	int i;

	for (i = 0; i < MHD_RUNS_PER_WORK; i++)
		m->mhd->run(m->daemon);
}
