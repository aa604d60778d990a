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
	CLIENT_WAITING,	  /* for control_answer() */
	CLIENT_TAKING,	  /* items of a list, then its result, or for ever: control_later.c */
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
	uint64_t number;
	/* CLIENT_TAKING */
	char item_name[16];
	json_t *items; /* from next_item on they wait */
	size_t next_item;
	json_int_t dropped;
	json_t *last_line; /* the result; NULL: there is none, it goes on */
};

struct control {
	struct control_environment environment;
	int listen_fd;
	struct event *listener, *accept_timer;
	struct control_client *clients;
	unsigned int n_clients;
	unsigned long n_refused;
	uint64_t last_number;
	const struct control_client *running; /* whose command runs just now */
};

int control_client_new(struct control *control, int fd, uid_t uid); /* owns fd, also on failure */
void control_client_free(struct control_client *client);
void control_client_hear(struct control_client *client, const struct event *event);
void control_client_publish(struct control_client *client); /* the status may have changed */
/* Goes on with a list as far as the client takes it. */
void control_client_pump_items(struct control_client *client);
void control_client_clear_items(struct control_client *client);

/* For control_later.c. */
bool control_client_send(struct control_client *client, const char *name, json_t *value);
void control_client_fail(struct control_client *client, enum control_exit code, const char *text);
void control_client_give_up(struct control_client *client); /* it ends, from the loop */
size_t control_client_get_backlog(const struct control_client *client);
void control_client_set_reading(struct control_client *client);
void control_client_resume(struct control_client *client); /* asking again; it may be gone after */

#endif
