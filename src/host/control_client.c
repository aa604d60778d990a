/* SPDX-License-Identifier: Apache-2.0 */
#include "host/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/log.h"
#include "base/util.h"

#define MODULE	     "control"
#define IDLE_SECONDS 60 /* a client without a request, or that does not take its answer */

static const struct timeval idle = {IDLE_SECONDS, 0};

size_t control_client_get_backlog(const struct control_client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->bev));
}

static bool is_subscribed(const struct control_client *client)
{
	return client->state == CLIENT_FOLLOWING || client->state == CLIENT_WATCHING ||
	       (client->state == CLIENT_TAKING && !client->last_line);
}

/* It has asked, and gets its answer bit by bit: no other request is taken up meanwhile. */
static bool is_busy(const struct control_client *client)
{
	return client->state == CLIENT_LISTING || client->state == CLIENT_WAITING ||
	       (client->state == CLIENT_TAKING && client->last_line);
}

/* There is no memory for its answer: it is ended, and told so by that, rather than left waiting. */
void control_client_give_up(struct control_client *client)
{
	/* Not at once: who sends goes on with it. */
	bufferevent_trigger_event(
		client->bev, BEV_EVENT_ERROR | BEV_EVENT_WRITING, BEV_TRIG_DEFER_CALLBACKS);
}

/* {"name": value} and a newline; value is taken. False: too long for a line, or no memory: nothing
 * was sent. */
bool control_client_send(struct control_client *client, const char *name, json_t *value)
{
	json_t *line = json_pack("{s:o}", name, value);
	_cleanup_free_ char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	size_t length = text ? strlen(text) : CONTROL_MAX_LINE;

	json_decref(line);
	if (text && length >= CONTROL_MAX_LINE)
		return false;
	if (text)
		text[length] = '\n';
	if (!text || bufferevent_write(client->bev, text, length + 1) < 0) {
		control_client_give_up(client);
		return false;
	}
	return true;
}

void control_client_fail(struct control_client *client, enum control_exit code, const char *text)
{
	control_client_send(
		client, "error", json_pack("{s:i, s:s}", "exit", (int)code, "text", text));
}

static void send_result(struct control_client *client, json_t *result)
{
	if (!control_client_send(client, "result", result ? result : json_object()))
		control_client_fail(
			client, CONTROL_FAILED, "the answer is too long for the control socket");
}

static void close_when_sent(struct control_client *client)
{
	client->state = CLIENT_CLOSING;
	bufferevent_set_timeouts(client->bev, NULL, &idle);
}

/* Returns false to end. */
static bool send_event(const struct event *event, void *arg)
{
	struct control_client *client = arg;

	if (event->sequence > client->sent + 1)
		control_client_send(client, "dropped",
			json_integer((json_int_t)(event->sequence - client->sent - 1)));
	control_client_send(client, "event", event_to_json(event));
	client->sent = event->sequence;
	if (client->state == CLIENT_LISTING && client->sent >= client->list_to)
		return false;
	return control_client_get_backlog(client) < CONTROL_MAX_BACKLOG;
}

/*
 * Send events as far as the client takes them. The event log's ring is the queue: a client that is
 * slow falls behind in it, and is told how many went by when it falls out of it.
 */
static void pump_events(struct control_client *client)
{
	struct event_log *events = client->control->environment.events;

	if (client->state == CLIENT_LISTING && client->sent < client->list_to) {
		if (control_client_get_backlog(client) < CONTROL_MAX_BACKLOG)
			event_log_each(events, client->sent, send_event, client);
		if (client->sent < client->list_to)
			return;
	}
	if (client->state == CLIENT_LISTING) {
		client->state = CLIENT_ASKING;
		send_result(client, json_object());
	} else if (client->state == CLIENT_FOLLOWING &&
		   control_client_get_backlog(client) < CONTROL_MAX_BACKLOG) {
		event_log_each(events, client->sent, send_event, client);
	}
}

void control_client_hear(struct control_client *client, const struct event *event)
{
	if (client->state != CLIENT_FOLLOWING)
		return;
	if (event->sequence > client->sent)
		pump_events(client);
	else if (control_client_get_backlog(client) < CONTROL_MAX_BACKLOG)
		control_client_send(
			client, "event", event_to_json(event)); /* its count has changed */
}

static void list_events(struct control_client *client, const json_t *request)
{
	struct event_log *events = client->control->environment.events;
	json_int_t after = json_integer_value(json_object_get(request, "after"));
	uint64_t last, oldest;

	if (!events) {
		control_client_fail(client, CONTROL_FAILED, "there is no event log");
		return;
	}
	last = event_log_get_last(events);
	oldest = event_log_get_oldest(events);
	/* What is older than the ring was not dropped from this client; what is newer than the
	 * newest is of an agent before this one. */
	client->sent = after > 0 ? (uint64_t)after : 0;
	if (client->sent > last)
		client->sent = last;
	if (client->sent < oldest - 1)
		client->sent = oldest - 1;
	client->list_to = last;
	client->state = json_is_true(json_object_get(request, "follow")) ? CLIENT_FOLLOWING
									 : CLIENT_LISTING;
	if (client->state == CLIENT_FOLLOWING)
		bufferevent_set_timeouts(client->bev, NULL, NULL);
	pump_events(client);
}

static const struct control_command *find_command(const struct control *control, const char *name)
{
	const struct control_environment *environment = &control->environment;

	for (size_t i = 0; i < environment->n_commands; i++)
		if (strcmp(environment->commands[i].name, name) == 0)
			return &environment->commands[i];
	return NULL;
}

static enum control_exit run_command(struct control_client *client,
	const struct control_command *command, const json_t *request, json_t **result, char *error)
{
	enum control_exit code;

	*result = NULL;
	error[0] = '\0';
	if (command->needs_root && client->uid != 0) {
		snprintf(error, CONTROL_MAX_ERROR, "'%s' is for root only", command->name);
		return CONTROL_FAILED;
	}
	client->control->running = client;
	code = command->run(request, result, error, client->control->environment.arg);
	client->control->running = NULL;
	if (command->needs_root)
		log_notice(MODULE, "command '%s': %s", command->name,
			code == CONTROL_DONE ? "done" : error);
	return code;
}

void control_client_publish(struct control_client *client)
{
	const struct control_command *command;
	char error[CONTROL_MAX_ERROR];
	json_t *result;

	if (client->state != CLIENT_WATCHING ||
		control_client_get_backlog(client) >= CONTROL_MAX_BACKLOG)
		return; /* told when it has taken what it has: see on_written() */
	command = find_command(client->control, "status");
	if (!command || run_command(client, command, NULL, &result, error) != CONTROL_DONE)
		return;
	if (client->status && json_equal(client->status, result)) {
		json_decref(result);
		return;
	}
	json_decref(client->status);
	client->status = json_incref(result);
	send_result(client, result);
}

static void answer_request(struct control_client *client, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct control_command *command;
	char error[CONTROL_MAX_ERROR];
	enum control_exit code;
	json_t *result;

	if (!name) {
		control_client_fail(client, CONTROL_USAGE,
			"expected a line with one JSON object that has a \"command\"");
		return;
	}
	if (strcmp(name, "events") == 0) {
		list_events(client, request);
		return;
	}
	command = find_command(client->control, name);
	if (!command) {
		control_client_fail(client, CONTROL_USAGE, "there is no such command");
		return;
	}
	if (strcmp(name, "status") == 0 && json_is_true(json_object_get(request, "watch"))) {
		client->state = CLIENT_WATCHING;
		bufferevent_set_timeouts(client->bev, NULL, NULL);
		control_client_publish(client);
		return;
	}
	code = run_command(client, command, request, &result, error);
	if (code == CONTROL_DONE) {
		send_result(client, result);
	} else if (code == CONTROL_LATER) {
		client->state = CLIENT_WAITING;
		bufferevent_set_timeouts(client->bev, NULL, NULL);
	} else {
		json_decref(result);
		control_client_fail(client, code, error);
	}
}

static void take_line(struct control_client *client, const char *line, size_t length)
{
	json_t *request;

	if (is_subscribed(client)) {
		control_client_fail(client, CONTROL_USAGE,
			"this connection follows or watches: use another one for commands");
		return;
	}
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	answer_request(client, request);
	json_decref(request);
}

/*
 * Read on only when what was read can be taken. The input's high watermark alone will not do: at
 * the watermark libevent 2.1 calls the read callback again and again (bufferevent_inbuf_wm_check).
 */
void control_client_set_reading(struct control_client *client)
{
	bool wanted = client->state != CLIENT_CLOSING && !is_busy(client) &&
		      control_client_get_backlog(client) < CONTROL_MAX_BACKLOG && !client->ended;

	if (wanted)
		bufferevent_enable(client->bev, EV_READ);
	else
		bufferevent_disable(client->bev, EV_READ);
}

/* Requests, as long as there are whole ones and the client takes the answers. */
static void take_requests(struct control_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->bev);

	while (client->state != CLIENT_CLOSING && !is_busy(client) &&
		control_client_get_backlog(client) < CONTROL_MAX_BACKLOG) {
		size_t length;
		_cleanup_free_ char *line = evbuffer_readln(input, &length, EVBUFFER_EOL_LF);

		if (line && length < CONTROL_MAX_LINE) {
			take_line(client, line, length);
			continue;
		}
		if (line || evbuffer_get_length(input) >= CONTROL_MAX_LINE) {
			control_client_fail(
				client, CONTROL_USAGE, "expected a line of at most 65536 bytes");
			close_when_sent(client);
		} else if (client->ended) {
			close_when_sent(client);
		}
		break;
	}
	control_client_set_reading(client);
}

/* Ends a client whose last byte is on its way; the client may be gone afterwards. */
static void finish(struct control_client *client)
{
	if (client->state == CLIENT_CLOSING && control_client_get_backlog(client) == 0)
		control_client_free(client);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct control_client *client = arg;

	take_requests(client);
	finish(client);
}

/* The client has taken all that was written. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct control_client *client = arg;

	pump_events(client);
	control_client_pump_items(client);
	control_client_publish(client);
	take_requests(client);
	finish(client);
}

void control_client_resume(struct control_client *client)
{
	client->state = CLIENT_ASKING;
	bufferevent_set_timeouts(client->bev, &idle, &idle);
	/* What was read while it waited. */
	bufferevent_trigger(
		client->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
	control_client_set_reading(client);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	struct control_client *client = arg;

	/* A client may end its side and still wait for answers (a pipe into nc -N); one that
	 * follows has no other way to say that it is gone. */
	if ((what & BEV_EVENT_EOF) && (what & BEV_EVENT_READING) && !is_subscribed(client)) {
		client->ended = true;
		take_requests(client);
		finish(client);
		return;
	}
	control_client_free(client);
}

int control_client_new(struct control *control, int fd, uid_t uid)
{
	struct control_client *client = calloc(1, sizeof(*client));

	if (client)
		client->bev = bufferevent_socket_new(
			control->environment.base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->bev) {
		free(client);
		close(fd);
		return -ENOMEM;
	}
	client->control = control;
	client->number = ++control->last_number;
	client->uid = uid;
	client->previous = &control->clients;
	client->next = control->clients;
	if (client->next)
		client->next->previous = &client->next;
	control->clients = client;
	control->n_clients++;
	bufferevent_setcb(client->bev, on_readable, on_written, on_end, client);
	/* One byte more than a line may have shows that it is too long. */
	bufferevent_setwatermark(client->bev, EV_READ, 0, CONTROL_MAX_LINE);
	bufferevent_set_timeouts(client->bev, &idle, &idle);
	if (bufferevent_enable(client->bev, EV_READ | EV_WRITE) < 0) {
		control_client_free(client); /* not even its end would be seen, nor its time-out */
		return -ENOMEM;
	}
	return 0;
}

void control_client_free(struct control_client *client)
{
	*client->previous = client->next;
	if (client->next)
		client->next->previous = client->previous;
	client->control->n_clients--;
	bufferevent_free(client->bev);
	json_decref(client->status);
	control_client_clear_items(client);
	free(client);
}
