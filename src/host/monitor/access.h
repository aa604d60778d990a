/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-band access as the monitor sees it: the relay process, its listening sockets, and the sockets
 * to the BMC that it gets one by one. Who may come, and where, is the monitor's own configuration;
 * the worker only says which BMC it is connected with, and when.
 */
#ifndef BMCLINK_HOST_ACCESS_H
#define BMCLINK_HOST_ACCESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct acts;
struct access;
struct settings;

#define ACCESS_STOP_MS		1000 /* for the relay to tell of what it ends */
#define ACCESS_PORT_MS		2000 /* between two looks whether a taken port is free again */
#define ACCESS_BACKOFF_FIRST_MS 200
#define ACCESS_BACKOFF_MAX_MS	30000
#define ACCESS_ASKS		2000 /* sockets at once, and so many a second */

enum access_state {
	ACCESS_OFF,
	ACCESS_LISTENING, /* the relay runs */
	ACCESS_WAITING,	  /* for the port, or to start the relay again */
	ACCESS_ENDING,	  /* the relay was told to stop */
};

struct access_status {
	enum access_state state;
	uint16_t port;
	char problem[96];					     /* WAITING: why; "" else */
	uint64_t now, total, refused, not_allowed, to_bmc, from_bmc; /* since the daemon's start */
};

int access_new(struct acts *acts, struct access **access);
/* Ends the relay at once. Safe with NULL. */
void access_free(struct access *access);

/* The BMC can be reached there, through the claimed NIC. What runs for another place ends. */
int access_start(struct access *access, struct in_addr bmc, uint16_t port);
/* Connections end, and nobody listens any more. */
void access_stop(struct access *access);
/* The settings have changed: off, or begun anew where they matter. */
void access_review(struct access *access);
/* A child of ours has ended: was it the relay? */
void access_child_ended(struct access *access);
void access_get_status(const struct access *access, struct access_status *status);

/* access_socket.c. Each 0 or negative errno, and a descriptor. */
/* Listening, non-blocking, and deaf to the NIC. */
int access_open_listener(int family, uint16_t port, unsigned int ifindex, int *fd);
/* On its way to the BMC, non-blocking. */
int access_open_bmc(unsigned int ifindex, struct in_addr bmc, uint16_t port, int *fd);

#endif
