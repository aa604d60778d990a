/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that come later, and lists that are sent as the client takes them. */
#include <stdio.h>

#include "host/control_client.h"

void control_client_clear_items(struct control_client *client)
{
	json_decref(client->items);
	json_decref(client->last_line);
	client->items = client->last_line = NULL;
	client->next_item = 0;
	client->dropped = 0;
}

/* Sent items are let go of in one go, for that moves the rest. */
static void forget_sent(struct control_client *client)
{
	if (client->next_item == json_array_size(client->items))
		json_array_clear(client->items);
	else if (client->next_item < CONTROL_MAX_QUEUED)
		return;
	else
		for (size_t i = 0; i < client->next_item; i++)
			json_array_remove(client->items, 0);
	client->next_item = 0;
}

static void send_dropped(struct control_client *client)
{
	if (client->dropped > 0)
		control_client_send(client, "dropped", json_integer(client->dropped));
	client->dropped = 0;
}

void control_client_pump_items(struct control_client *client)
{
	if (client->state != CLIENT_TAKING)
		return;
	while (client->next_item < json_array_size(client->items) &&
		control_client_get_backlog(client) < CONTROL_MAX_BACKLOG) {
		json_t *item = json_array_get(client->items, client->next_item++);

		control_client_send(client, client->item_name, json_incref(item));
	}
	if (client->next_item < json_array_size(client->items))
		return;
	forget_sent(client);
	send_dropped(client);
	if (!client->last_line)
		return;
	control_client_send(client, "result", json_incref(client->last_line));
	control_client_clear_items(client);
	control_client_resume(client);
}

static struct control_client *find_client(struct control *control, uint64_t number)
{
	struct control_client *client = control->clients;

	while (client && client->number != number)
		client = client->next;
	return client;
}

uint64_t control_get_client(const struct control *control)
{
	return control->running ? control->running->number : 0;
}

void control_answer(struct control *control, uint64_t number, enum control_exit code,
	const char *name, json_t *items, json_t *result, const char *error)
{
	struct control_client *client = find_client(control, number);

	if (!client || client->state != CLIENT_WAITING) {
		json_decref(items);
		json_decref(result);
		return;
	}
	if (code != CONTROL_DONE && code != CONTROL_LATER) {
		json_decref(items);
		json_decref(result);
		control_client_fail(client, code, error);
		control_client_resume(client);
		return;
	}
	snprintf(client->item_name, sizeof(client->item_name), "%s", name ? name : "");
	client->items = items ? items : json_array();
	client->last_line = result;
	if (code == CONTROL_DONE && !client->last_line)
		client->last_line = json_object();
	if (!client->items || (code == CONTROL_DONE && !client->last_line))
		control_client_give_up(client);
	client->state = CLIENT_TAKING;
	control_client_set_reading(client); /* of one that goes on: its end is to be seen */
	control_client_pump_items(client);
}

bool control_append(struct control *control, uint64_t number, json_t *item)
{
	struct control_client *client = find_client(control, number);

	if (!client || client->state != CLIENT_TAKING || client->last_line) {
		json_decref(item);
		return false;
	}
	if (json_array_size(client->items) - client->next_item >= CONTROL_MAX_QUEUED) {
		json_decref(item);
		client->dropped++;
		return true;
	}
	json_array_append_new(client->items, item);
	control_client_pump_items(client);
	return true;
}
