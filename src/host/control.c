/* SPDX-License-Identifier: Apache-2.0 */
#include "host/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"
#include "host/control_client.h"

#define MODULE	       "control"
#define ACCEPT_PAUSE_S 1 /* after accept() failed for want of a descriptor or memory */

static const struct timeval accept_pause = {ACCEPT_PAUSE_S, 0};

static void hear_event(const struct event *event, void *arg)
{
	struct control *control = arg;
	struct control_client *client, *next;

	for (client = control->clients; client; client = next) {
		next = client->next;
		control_client_hear(client, event);
	}
}

void control_publish_status(struct control *control)
{
	struct control_client *client, *next;

	for (client = control->clients; client; client = next) {
		next = client->next;
		control_client_publish(client);
	}
}

unsigned int control_count(const struct control *control)
{
	return control->n_clients;
}

static unsigned int count_uid(const struct control *control, uid_t uid)
{
	unsigned int n = 0;

	for (const struct control_client *c = control->clients; c; c = c->next)
		n += c->uid == uid;
	return n;
}

/* Root always finds room: others get half of the places, and one user not all of those. */
static bool has_room(const struct control *control, uid_t uid)
{
	if (uid == 0)
		return control->n_clients < CONTROL_MAX_CLIENTS;
	return control->n_clients < CONTROL_MAX_CLIENTS / 2 &&
	       count_uid(control, uid) < CONTROL_MAX_PER_UID;
}

int control_adopt(struct control *control, int fd, uid_t uid)
{
	static const char busy[] =
		"{\"error\":{\"exit\":1,\"text\":\"too many clients of bmclinkd at once\"}}\n";

	if (!has_room(control, uid)) {
		if (control->n_refused++ == 0)
			log_warning(MODULE, "too many clients at once: refused");
		send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		return -EBUSY;
	}
	return control_client_new(control, fd, uid);
}

static void pause_accepting(struct control *control)
{
	log_warning(MODULE, "accept: %s; trying again in %d s", strerror(errno), ACCEPT_PAUSE_S);
	event_del(control->listener);
	evtimer_add(control->accept_timer, &accept_pause);
}

static void accept_client(evutil_socket_t listen_fd, short what, void *arg)
{
	struct control *control = arg;
	struct ucred peer;
	socklen_t length = sizeof(peer);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(control);
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
		close(fd);
		return;
	}
	control_adopt(control, fd, peer.uid);
}

static void resume_accepting(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;

	event_add(control->listener, NULL);
}

static int start_listening(struct control *control, int fd)
{
	if (evutil_make_socket_nonblocking(fd) < 0)
		return -errno;
	control->accept_timer = evtimer_new(control->environment.base, resume_accepting, control);
	control->listener = event_new(
		control->environment.base, fd, EV_READ | EV_PERSIST, accept_client, control);
	if (!control->accept_timer || !control->listener || event_add(control->listener, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int control_new(
	const struct control_environment *environment, int listen_fd, struct control **control)
{
	struct control *made = calloc(1, sizeof(*made));
	int r = 0;

	if (!made) {
		close(listen_fd);
		return -ENOMEM;
	}
	made->environment = *environment;
	made->listen_fd = listen_fd;
	if (environment->events)
		event_log_listen(environment->events, hear_event, made);
	if (listen_fd >= 0)
		r = start_listening(made, listen_fd);
	if (r < 0) {
		control_free(made);
		return r;
	}
	*control = made;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		control_client_free(control->clients);
	if (control->environment.events)
		event_log_forget(control->environment.events, hear_event, control);
	if (control->listener)
		event_free(control->listener);
	if (control->accept_timer)
		event_free(control->accept_timer);
	if (control->listen_fd >= 0)
		close(control->listen_fd);
	free(control);
}
