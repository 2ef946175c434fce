/* SPDX-License-Identifier: BSD-2-Clause */
/* The lab's hosts: made, quiet, set, killed and made again, with nothing left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <net/if.h>
#include <netinet/tcp.h>

#include "lab_ground.h"

static const struct tw_net_config lan = { 0 }, routed = { .router = true };

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(d);
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static unsigned interfaces(void)
{
	struct if_nameindex *list = if_nameindex();
	unsigned count = 0;

	assert_non_null(list);
	while (list[count].if_index)
		count++;
	if_freenameindex(list);
	return count;
}

static void nothing_is_left_behind(void **state)
{
	unsigned files, cards, i;

	GROUND_OR_SKIP();
	tw_net_free(NULL);
	files = open_files();
	cards = interfaces();
	for (i = 0; i < 3; i++) {
		struct tw_net *n = new_net(i % 2 ? &routed : &lan);

		assert_int_equal(tw_net_links(n), i % 2 ? 2 : 1);
		assert_int_equal(interfaces(), cards + (i % 2 ? 4 : 2));
		tw_net_free(n);
		assert_int_equal(interfaces(), cards);
		assert_int_equal(open_files(), files);
	}
}

/* Read a setting inside a host. */
static void read_setting(struct tw_net *n, enum tw_host_id host, const char *path, char out[64])
{
	ssize_t bytes;
	int fd;

	assert_int_equal(tw_net_enter(n, host), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(tw_net_leave(n), 0);
	assert_true(fd >= 0);
	bytes = read(fd, out, 63);
	assert_true(bytes > 0);
	out[bytes] = '\0';
	out[strcspn(out, "\n")] = '\0';
	close(fd);
}

static void settings_by_short_and_full_name(void **state)
{
	const char *path = "/proc/sys/net/ipv4/tcp_syn_retries";
	struct tw_err err = { 0 };
	struct tw_net *n;
	char text[64];

	GROUND_OR_SKIP();
	n = new_net(&lan);
	assert_int_equal(tw_net_sysctl(n, TW_HOST_CLIENT, "tcp_syn_retries", "2", &err), 0);
	read_setting(n, TW_HOST_CLIENT, path, text);
	assert_string_equal(text, "2");
	read_setting(n, TW_HOST_SERVER, path, text);
	assert_string_not_equal(text, "2");
	assert_int_equal(tw_net_sysctl(n, TW_HOST_CLIENT, "net.ipv4.tcp_syn_retries", "3", &err),
			 0);
	/* A host that comes back has its settings again. */
	assert_int_equal(tw_net_rebuild(n, TW_HOST_CLIENT, &err), 0);
	read_setting(n, TW_HOST_CLIENT, path, text);
	assert_string_equal(text, "3");
	tw_net_free(n);
}

static void settings_that_cannot_be_made_say_why(void **state)
{
	struct tw_err err = { 0 };
	struct tw_net *n;

	GROUND_OR_SKIP();
	n = new_net(&lan);
	assert_int_equal(tw_net_sysctl(n, TW_HOST_SERVER, "tcp_no_such_thing", "1", &err), -ENOENT);
	assert_non_null(strstr(err.text, "the server has no setting tcp_no_such_thing"));
	/* Only the machine's first namespace has this one. */
	assert_int_equal(tw_net_sysctl(n, TW_HOST_SERVER, "net.core.netdev_budget", "300", &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "whole machine"));
	assert_int_equal(tw_net_sysctl(n, TW_HOST_SERVER, "tcp_syn_retries", "many", &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "tcp_syn_retries"));
	assert_int_equal(tw_net_sysctl(n, TW_HOST_SERVER, "kernel.hostname", "x", &err), -ENOENT);
	assert_int_equal(tw_net_sysctl(n, TW_HOST_ROUTER, "ip_forward", "1", &err), -ENODEV);
	tw_net_free(n);
}

static void ridiculous_mtus_are_refused(void **state)
{
	struct tw_err err = { 0 };
	struct tw_net *n = NULL;

	assert_int_equal(tw_net_new(&n, &(struct tw_net_config){ .mtu = 500 }, &err), -EINVAL);
	assert_non_null(strstr(err.text, "MTU"));
	assert_null(n);
}

static bool shows(struct tw_net *n, uint16_t port, unsigned state, struct tw_net_socket *out)
{
	struct tw_net_socket socket[16];
	int count = tw_net_sockets(n, TW_HOST_SERVER, socket, 16), i;

	assert_true(count >= 0);
	for (i = 0; i < count; i++)
		if (socket[i].local_port == port && socket[i].state == state) {
			*out = socket[i];
			return true;
		}
	return false;
}

/* Sockets over the server's own loopback: no cable is needed to look at them. */
static void sockets_are_shown_and_destroyed(void **state)
{
	struct sockaddr_storage a;
	struct tw_net_socket seen = { 0 };
	int listener, client, accepted;
	struct tw_net *n;
	socklen_t length;

	GROUND_OR_SKIP();
	n = new_net(&lan);
	listener = host_listen(n, false);
	assert_true(shows(n, 80, TCP_LISTEN, &seen));
	client = host_socket(n, TW_HOST_SERVER, false);
	length = socket_address(&a, tw_net_address(n, TW_HOST_SERVER, false), false, 80);
	if (connect(client, (struct sockaddr *)&a, length))
		assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 10000), 1);
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(send(client, "hello", 5, 0), 5);
	assert_true(shows(n, 80, TCP_ESTABLISHED, &seen));
	assert_int_equal(seen.receive_queue, 5);
	assert_int_equal(tw_net_destroy_connection(n, TW_HOST_SERVER, 80, 1), 0);
	assert_int_equal(tw_net_destroy(n, TW_HOST_SERVER, 80), 1);
	assert_int_equal(socket_error(accepted), ECONNABORTED);
	assert_true(shows(n, 80, TCP_LISTEN, &seen));
	assert_false(shows(n, 80, TCP_ESTABLISHED, &seen));
	close(accepted);
	close(client);
	close(listener);
	tw_net_free(n);
}

static void a_removed_host_is_gone(void **state)
{
	struct tw_net_socket socket[4];
	struct tw_err err = { 0 };
	struct tw_net *n;
	int port;

	GROUND_OR_SKIP();
	n = new_net(&routed);
	port = tw_net_port(n, 1, 1);
	assert_true(port > 0);
	tw_net_remove(n, TW_HOST_SERVER);
	assert_int_equal(tw_net_port(n, 1, 1), 0);
	assert_int_equal(tw_net_enter(n, TW_HOST_SERVER), -ENODEV);
	assert_int_equal(tw_net_sockets(n, TW_HOST_SERVER, socket, 4), -ENODEV);
	assert_int_equal(tw_net_neighbour(n, TW_HOST_SERVER, TW_NEIGHBOUR_STALE, &err), -ENODEV);
	assert_int_equal(tw_net_rebuild(n, TW_HOST_SERVER, &err), 0);
	assert_true(tw_net_port(n, 1, 1) > 0 && tw_net_port(n, 1, 1) != port);
	assert_int_equal(tw_net_sockets(n, TW_HOST_SERVER, socket, 4), 0);
	tw_net_free(n);
}

static void neighbours_can_be_set(void **state)
{
	static const struct {
		enum tw_neighbour state;
		const char *flags; /* of /proc/net/arp; NULL = no entry */
	} row[] = { { TW_NEIGHBOUR_REACHABLE, "0x2" }, { TW_NEIGHBOUR_PERMANENT, "0x6" },
		    { TW_NEIGHBOUR_STALE, "0x2" },     { TW_NEIGHBOUR_NONE, NULL },
		    { TW_NEIGHBOUR_NONE, NULL },       { TW_NEIGHBOUR_REACHABLE, "0x2" } };
	struct tw_err err = { 0 };
	struct tw_net *n;
	unsigned i;

	GROUND_OR_SKIP();
	n = new_net(&lan);
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[2000];
		const char *line;
		size_t bytes;
		FILE *f;

		assert_int_equal(tw_net_neighbour(n, TW_HOST_CLIENT, row[i].state, &err), 0);
		assert_int_equal(tw_net_enter(n, TW_HOST_CLIENT), 0);
		f = fopen("/proc/thread-self/net/arp", "r");
		assert_non_null(f);
		bytes = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
		assert_int_equal(tw_net_leave(n), 0);
		text[bytes] = '\0';
		line = strstr(text, "192.0.2.2 ");
		if (!row[i].flags) {
			assert_null(line);
			continue;
		}
		assert_non_null(line);
		assert_non_null(strstr(line, row[i].flags));
		assert_non_null(strstr(line, "02:00:00:00:02:00"));
	}
	tw_net_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUND_TEST(nothing_is_left_behind),
		GROUND_TEST(settings_by_short_and_full_name),
		GROUND_TEST(settings_that_cannot_be_made_say_why),
		GROUND_TEST(ridiculous_mtus_are_refused),
		GROUND_TEST(sockets_are_shown_and_destroyed),
		GROUND_TEST(a_removed_host_is_gone),
		GROUND_TEST(neighbours_can_be_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
