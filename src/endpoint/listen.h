/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets on the pass-through NIC and nowhere else. The NIC may come late, go, and be
 * born again: rtnetlink says so. Found by its name, known by its ifindex from then on.
 */
#ifndef BMCLINK_ENDPOINT_LISTEN_H
#define BMCLINK_ENDPOINT_LISTEN_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/nic_sysctl.h"

struct listen;

struct listen_handlers {
	/* The NIC is there: open the sockets. Negative errno: asked again a second later. */
	int (*up)(unsigned int ifindex, void *arg);
	void (*down)(void *arg);    /* it is gone */
	void (*address)(void *arg); /* it has another IPv4 address */
	void *arg;
};

/* Calls up() at once where the NIC is there. */
int listen_new(struct event_base *base, const char *interface,
	const struct listen_handlers *handlers, struct listen **listen);
/* Begin anew with this NIC; what up() has opened is closed already. What fails is tried again. */
void listen_restart(struct listen *listen, const char *interface);
void listen_free(struct listen *listen); /* calls neither handler; safe with NULL */
unsigned int listen_get_ifindex(const struct listen *listen); /* 0: no NIC */

/* A socket that listens on this NIC; family AF_INET or AF_INET6. Descriptor or negative errno. */
int listen_open_socket(int family, unsigned int ifindex, uint16_t port);

/* What goes through this socket goes through this NIC. */
int listen_bind_to_nic(int fd, unsigned int ifindex);

/* care.c: sysctls of the NIC: IPv6 works in 60 ms instead of 2 s, and the host is no router. */
#define CARE_KNOBS 9
struct care {
	unsigned int ifindex; /* 0: nothing to put back */
	char old[CARE_KNOBS][NIC_SYSCTL_MAX];
};
void care_set(struct care *care, unsigned int ifindex);
void care_put_back(struct care *care);

#endif
