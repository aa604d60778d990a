/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the control socket; private to control.c and control_client.c. */
#ifndef BMCLINK_HOST_CONTROL_CLIENT_H
#define BMCLINK_HOST_CONTROL_CLIENT_H

#include <event2/bufferevent.h>

#include "host/control.h"

enum control_client_state {
	CLIENT_ASKING,	  /* one request after the other */
	CLIENT_LISTING,	  /* events up to a sequence are being sent, then back to asking */
	CLIENT_FOLLOWING, /* events for ever */
	CLIENT_WATCHING,  /* the status, at each change, for ever */
	CLIENT_CLOSING,	  /* what is written goes out, then the end */
};

struct control_client {
	struct control_client *next, **previous;
	struct control *control;
	struct bufferevent *bev;
	uid_t uid;
	enum control_client_state state;
	bool ended;	  /* the client has sent its last */
	uint64_t sent;	  /* sequence of the last event that was sent */
	uint64_t list_to; /* CLIENT_LISTING: the last one to send */
	json_t *status;	  /* CLIENT_WATCHING: what it has seen */
};

struct control {
	struct control_environment environment;
	int listen_fd;
	struct event *listener, *accept_timer;
	struct control_client *clients;
	unsigned int n_clients;
	unsigned long n_refused;
};

int control_client_new(struct control *control, int fd, uid_t uid); /* owns fd, also on failure */
void control_client_free(struct control_client *client);
void control_client_hear(struct control_client *client, const struct event *event);
void control_client_publish(struct control_client *client); /* the status may have changed */

#endif
