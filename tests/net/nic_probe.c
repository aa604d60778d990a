/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent sees of the NICs, as lines, for test_nic.py: a line for each change that nic_watch
 * tells, and answers to the commands on standard input: "state", "neighbour IFINDEX", "ask
 * IFINDEX", "udev on", "udev off", "quit". Each answer ends with "end".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/discover/udev_watch.h"
#include "host/link/neighbour.h"
#include "host/link/nic.h"
#include "host/monitor/neighbour_socket.h"

static struct event_base *base;
static struct nic_watch *watch;
static struct udev_watch *udev;
static int probe_fd = -1;
static struct event *probe_event;
static unsigned int probe_ifindex, wakeups;

static const char *const change_names[] = {
	"link-new", "link-changed", "link-gone", "address-new", "address-gone", "rescan"};

static void print_nic(const struct nic *nic)
{
	char text[INET6_ADDRSTRLEN], peer[INET_ADDRSTRLEN];

	printf(" name=%s up=%d carrier=%d ipv6=%s mac=%02x:%02x:%02x:%02x:%02x:%02x", nic->name,
		nic->up, nic->carrier, nic->ipv6_disabled ? "off" : "on", nic->mac[0], nic->mac[1],
		nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5]);
	for (unsigned int i = 0; i < nic->n_ipv4; i++)
		printf(" v4=%s,%s/%u",
			inet_ntop(AF_INET, &nic->ipv4[i].address, text, sizeof(text)),
			inet_ntop(AF_INET, &nic->ipv4[i].peer, peer, sizeof(peer)),
			nic->ipv4[i].prefix);
	for (unsigned int i = 0; i < nic->n_ipv6; i++)
		printf(" v6=%s/%u%s%s",
			inet_ntop(AF_INET6, &nic->ipv6[i].address, text, sizeof(text)),
			nic->ipv6[i].prefix, nic->ipv6[i].tentative ? ",tentative" : "",
			nic->ipv6[i].dad_failed ? ",dadfailed" : "");
}

static void on_change(unsigned int ifindex, enum nic_change change, void *arg)
{
	const struct nic *nic = nic_watch_get(watch, ifindex);

	printf("%s %u", change_names[change], ifindex);
	if (nic)
		print_nic(nic);
	printf("\n");
}

static void on_hint(void *arg)
{
	printf("udev-hint\n");
}

static void print_address(int r, const struct in6_addr *address)
{
	char text[INET6_ADDRSTRLEN];

	if (r < 0)
		printf("neighbour error %s\n", strerrorname_np(-r));
	else
		printf("neighbour %s\n", inet_ntop(AF_INET6, address, text, sizeof(text)));
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct in6_addr address;

	print_address(neighbour_read(fd, probe_ifindex, &address), &address);
}

/* The monitor's half, then the worker's, which has no privilege any more. */
static void ask(unsigned int ifindex)
{
	if (probe_fd < 0) {
		probe_fd = neighbour_socket_open(ifindex);
		probe_ifindex = ifindex;
		if (probe_fd < 0) {
			printf("ask error %s\n", strerrorname_np(-probe_fd));
			return;
		}
		probe_event = event_new(base, probe_fd, EV_READ | EV_PERSIST, on_answer, NULL);
		event_add(probe_event, NULL);
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			printf("still privileged\n");
	}
	printf("ask %d\n", neighbour_ask(probe_fd, ifindex));
}

static void run_command(const char *line)
{
	struct in6_addr address;
	unsigned int ifindex;

	if (strcmp(line, "state") == 0) {
		for (const struct nic *nic = nic_watch_next(watch, NULL); nic;
			nic = nic_watch_next(watch, nic)) {
			printf("link %u", nic->ifindex);
			print_nic(nic);
			printf("\n");
		}
		printf("rescans %u\nwakeups %u\n", nic_watch_count_rescans(watch), wakeups);
	} else if (sscanf(line, "neighbour %u", &ifindex) == 1) {
		print_address(nic_find_neighbour(watch, ifindex, &address), &address);
	} else if (sscanf(line, "ask %u", &ifindex) == 1) {
		ask(ifindex);
	} else if (strncmp(line, "udev ", 5) == 0) {
		printf("udev %d\n", udev_watch_enable(udev, strcmp(line, "udev on") == 0));
	} else if (strcmp(line, "quit") == 0) {
		event_base_loopbreak(base);
	} else {
		printf("unknown command\n");
	}
	printf("end\n");
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	static char buffer[256];
	static size_t have;
	ssize_t n = read(fd, buffer + have, sizeof(buffer) - 1 - have);
	char *end;

	if (n <= 0) {
		event_base_loopbreak(base);
		return;
	}
	have += (size_t)n;
	buffer[have] = '\0';
	while ((end = strchr(buffer, '\n'))) {
		*end = '\0';
		run_command(buffer);
		have -= (size_t)(end + 1 - buffer);
		memmove(buffer, end + 1, have + 1);
	}
}

int main(int argc, char **argv)
{
	struct event *input;
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open("nic_probe", true, LOG_LEVEL_DEBUG);
	base = event_base_new();
	r = nic_watch_new(base, on_change, NULL, &watch);
	if (r == 0 && argc > 1)
		r = nic_watch_set_buffer(watch, atoi(argv[1]));
	if (r == 0)
		r = udev_watch_new(base, on_hint, NULL, &udev);
	if (r < 0) {
		fprintf(stderr, "nic_probe: %s\n", strerror(-r));
		return 1;
	}
	input = event_new(base, 0, EV_READ | EV_PERSIST, on_input, NULL);
	event_add(input, NULL);
	printf("ready\n");
	while (!event_base_got_break(base)) {
		event_base_loop(base, EVLOOP_ONCE);
		wakeups++;
	}
	event_free(input);
	if (probe_event)
		event_free(probe_event);
	udev_watch_free(udev);
	nic_watch_free(watch);
	event_base_free(base);
	log_close();
	return 0;
}
