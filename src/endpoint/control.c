/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "base/log.h"
#include "base/util.h"

#define MAX_CLIENTS   4
#define RETRY_SECONDS 1 /* after an accept() that failed */

struct control {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *retry;
	control_fn fn;
	void *arg;
	struct sockaddr_un address;
	struct bufferevent *clients[MAX_CLIENTS];
};

static void drop(struct control *control, struct bufferevent *bev)
{
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (control->clients[i] == bev)
			control->clients[i] = NULL;
	}
	bufferevent_free(bev);
}

json_t *control_make_error(int exit_code, const char *text)
{
	return json_pack("{s:{s:i, s:s}}", "error", "exit", exit_code, "text", text);
}

static void answer(
	struct control *control, struct bufferevent *bev, const char *line, size_t length)
{
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *reply = json_is_object(request)
				? control->fn(request, control->arg)
				: control_make_error(CONTROL_EXIT_USAGE, "not a JSON object");
	_cleanup_free_ char *text = json_dumps(reply, JSON_COMPACT);

	if (text) {
		bufferevent_write(bev, text, strlen(text));
		bufferevent_write(bev, "\n", 1);
	}
	json_decref(reply);
	json_decref(request);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	_cleanup_free_ char *line = NULL;
	size_t length;

	line = evbuffer_readln(input, &length, EVBUFFER_EOL_LF);
	if (line) {
		bufferevent_disable(bev, EV_READ); /* one request a connection */
		answer(arg, bev, line, length);
	} else if (evbuffer_get_length(input) >= CONTROL_MAX_LINE) {
		drop(arg, bev);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	/* libevent calls this for a fresh socket too, before anything was written. */
	if ((bufferevent_get_enabled(bev) & EV_READ) ||
		evbuffer_get_length(bufferevent_get_output(bev)))
		return;
	drop(arg, bev);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	drop(arg, bev);
}

static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void on_accept(
	struct evconnlistener *evl, evutil_socket_t fd, struct sockaddr *sa, int salen, void *arg)
{
	struct timeval patience = {CONTROL_PATIENCE, 0};
	struct control *control = arg;
	int i = 0;

	while (i < MAX_CLIENTS && control->clients[i])
		i++;
	if (i == MAX_CLIENTS || !is_allowed(fd)) {
		close(fd);
		return;
	}
	control->clients[i] = bufferevent_socket_new(
		control->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!control->clients[i]) {
		close(fd);
		return;
	}
	bufferevent_setcb(control->clients[i], on_read, on_written, on_event, control);
	bufferevent_set_timeouts(control->clients[i], &patience, &patience);
	if (bufferevent_enable(control->clients[i], EV_READ | EV_WRITE) < 0) {
		bufferevent_free(control->clients[i]); /* it would keep its place for ever */
		control->clients[i] = NULL;
	}
}

/* Want of descriptors or of memory: the kernel would go on telling us of who waits. */
static void on_accept_error(struct evconnlistener *evl, void *arg)
{
	static const struct timeval later = {RETRY_SECONDS, 0};
	struct control *control = arg;

	log_warning("control", "accept: %s", strerror(errno));
	evconnlistener_disable(evl);
	evtimer_add(control->retry, &later);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;

	if (evconnlistener_enable(control->listener) < 0)
		on_accept_error(control->listener, control);
}

int control_new(struct event_base *base, const char *runtime_dir, control_fn fn, void *arg,
	struct control **control)
{
	struct control *made = calloc(1, sizeof(*made));
	mode_t mask;
	int r;

	if (!made)
		return -ENOMEM;
	*made = (struct control){.base = base, .fn = fn, .arg = arg};
	made->retry = evtimer_new(base, on_retry, made);
	r = made->retry ? control_make_address(runtime_dir, &made->address) : -ENOMEM;
	if (r < 0) {
		if (made->retry)
			event_free(made->retry);
		free(made);
		return r;
	}
	/* Of an endpoint that was killed: the lock on the state says that none is running. */
	unlink(made->address.sun_path);
	mask = umask(0177);
	made->listener = evconnlistener_new_bind(base, on_accept, made,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, MAX_CLIENTS,
		(struct sockaddr *)&made->address, sizeof(made->address));
	r = -errno;
	umask(mask);
	/* By itself libevent would not say that it is deaf. */
	if (made->listener && evconnlistener_enable(made->listener) < 0) {
		r = -errno;
		evconnlistener_free(made->listener);
		made->listener = NULL;
	}
	if (!made->listener) {
		event_free(made->retry);
		free(made);
		return r ? r : -EIO;
	}
	evconnlistener_set_error_cb(made->listener, on_accept_error);
	*control = made;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (control->clients[i])
			bufferevent_free(control->clients[i]);
	}
	evconnlistener_free(control->listener);
	event_free(control->retry);
	unlink(control->address.sun_path);
	free(control);
}
