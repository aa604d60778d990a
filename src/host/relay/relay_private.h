/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's one structure: relay.c waits, relay_connection.c is one connection's life,
 * relay_monitor.c speaks with the monitor. */
#ifndef BMCLINK_HOST_RELAY_PRIVATE_H
#define BMCLINK_HOST_RELAY_PRIVATE_H

#include "host/relay/flow.h"
#include "host/relay/message.h"

struct connection {
	bool used;
	bool queued; /* to be run again, without waiting */
	uint32_t id; /* of an ask: the place, and how often it was used */
	uint8_t address[RELAY_ADDRESS];
	uint64_t accepted_ms;
	struct relay_times times;
	struct flow_end client, bmc; /* fd -1: none yet */
	struct flow up, down;	     /* to the BMC, from the BMC */
};

struct relay {
	int epoll;
	struct relay_counts *counts;
	struct admission_rules rules;
	struct admission admission;
	int listeners[RELAY_MAX_LISTENERS];
	unsigned int n_listeners;
	bool paused; /* no descriptor was free: nobody is taken until one is, or for a second */
	struct connection places[RELAY_MAX_CONNECTIONS];
	struct connection *queue[RELAY_MAX_CONNECTIONS];
	unsigned int n_queue;
	struct flow_pipes pipes;
	uint64_t now_ms;
	uint64_t sweep_ms; /* deadlines are looked at; UINT64_MAX: none */
	bool stopping;
};

/* What an epoll event is about. */
#define RELAY_TAG_MONITOR  0
#define RELAY_TAG_LISTENER 1 /* and the next */
/* Two for each place: client, BMC. */
#define RELAY_TAG_CONNECTIONS (RELAY_TAG_LISTENER + RELAY_MAX_LISTENERS)

/* relay.c */
int relay_watch(struct relay *relay, int fd, uint32_t events, uint64_t tag);
void relay_set_paused(struct relay *relay, bool paused);
void relay_enqueue(struct relay *relay, struct connection *connection);
void relay_set_sweep(struct relay *relay, uint64_t at_ms); /* at the latest */

/* relay_connection.c */
void connection_accept(struct relay *relay, int fd, const uint8_t address[RELAY_ADDRESS]);
void connection_event(struct relay *relay, struct connection *c, bool is_bmc, uint32_t events);
void connection_run(struct relay *relay, struct connection *c);
/* The monitor's answer: fd, or negative errno. */
void connection_take_socket(struct relay *relay, uint32_t id, int fd);
void connection_end(struct relay *relay, struct connection *c, enum relay_end end);
/* Its time is up, or: when it will be. */
uint64_t connection_check_time(struct relay *relay, struct connection *c);
void connection_refuse(int fd); /* close so that the other end knows at once */

/* relay_monitor.c */
int relay_receive_order(struct relay *relay);
int relay_ask(uint32_t id);
void relay_report(const struct relay_report *report);
void relay_read_monitor(struct relay *relay);

#endif
