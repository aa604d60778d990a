/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/print.h"

static enum print_color severity_color(const json_t *event)
{
	const char *severity = print_string(event, "severity", "");

	if (strcmp(severity, "Critical") == 0)
		return PRINT_RED;
	return strcmp(severity, "Warning") == 0 ? PRINT_YELLOW : PRINT_PLAIN;
}

/* When it last happened, and since when it repeats: the list reads as what became of the link. */
static const char *get_last(const json_t *event)
{
	return print_string(event, "last", print_string(event, "time", ""));
}

static void print_event(const json_t *event)
{
	json_int_t count = json_integer_value(json_object_get(event, "count"));
	const char *name = print_string(event, "id", "?");
	char when[64], text[2048], start[128], id[48];

	snprintf(text, sizeof(text), "%s", print_string(event, "text", "?"));
	if (count > 1)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			" (%" JSON_INTEGER_FORMAT " times since %s)", count,
			print_time(print_string(event, "time", "?"), when, sizeof(when)));
	print_time(get_last(event), when, sizeof(when));
	/* Whoever answers may name it at length: to be cut between characters. */
	text_make_printable(name, strlen(name), id, sizeof(id));
	snprintf(start, sizeof(start), "%s  %-8s  ", when, id);
	fputs(start, stdout);
	print_wrapped(print_width(start), severity_color(event), text);
	fflush(stdout);
}

static bool comes_before(const json_t *a, const json_t *b)
{
	int order = strcmp(get_last(a), get_last(b));

	if (order != 0)
		return order < 0;
	return json_integer_value(json_object_get(a, "sequence")) <
	       json_integer_value(json_object_get(b, "sequence"));
}

/* For people: by the last time. Insertion, for it is nearly sorted already, and short. */
static void print_sorted(const json_t *events)
{
	size_t n = json_array_size(events);
	const json_t **sorted = calloc(n ? n : 1, sizeof(const json_t *));

	for (size_t i = 0; sorted && i < n; i++) {
		const json_t *event = json_array_get(events, i);
		size_t at = i;

		for (; at > 0 && comes_before(event, sorted[at - 1]); at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = event;
	}
	for (size_t i = 0; sorted && i < n; i++)
		print_event(sorted[i]);
	free(sorted);
}

struct listing {
	const struct ctl *ctl;
	json_t *events;	 /* what is to be sorted; NULL: each is printed as it comes */
	json_int_t last; /* sequence */
};

static void take_event(struct listing *listing, json_t *event)
{
	listing->last = json_integer_value(json_object_get(event, "sequence"));
	if (listing->ctl->json)
		print_json(event, true);
	else if (listing->events)
		json_array_append(listing->events, event);
	else
		print_event(event);
}

static bool take_line(const json_t *line, enum ctl_exit *code, void *arg)
{
	const json_t *error = json_object_get(line, "error");
	const json_t *dropped = json_object_get(line, "dropped");
	json_t *event = json_object_get(line, "event");

	if (error) {
		*code = ctl_report_error(error);
		return false;
	}
	if (dropped)
		ctl_complain("%" JSON_INTEGER_FORMAT " events went by too fast and are not shown",
			json_integer_value(dropped));
	if (event)
		take_event(arg, event);
	return !json_object_get(line, "result") && !ferror(stdout);
}

/* What there is, up to the daemon's "result". */
static enum ctl_exit list_events(struct listing *listing)
{
	struct ctl ctl = *listing->ctl;
	enum ctl_exit code;

	ctl.follow = false; /* this answer has an end, and a time to come in */
	listing->events = json_array();
	code = ctl_stream(&ctl, json_pack("{s:s}", "command", "events"), take_line, listing);
	print_sorted(listing->events);
	json_decref(listing->events);
	listing->events = NULL;
	return code;
}

enum ctl_exit ctl_run_events(const struct ctl *ctl, const struct ctl_command *self)
{
	struct listing listing = {.ctl = ctl};
	enum ctl_exit code = list_events(&listing);

	if (code != CTL_DONE || !ctl->follow)
		return code;
	return ctl_stream(ctl,
		json_pack(
			"{s:s, s:b, s:I}", "command", "events", "follow", 1, "after", listing.last),
		take_line, &listing);
}
