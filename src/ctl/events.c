/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/print.h"

static enum print_color severity_color(const json_t *event)
{
	const char *severity = print_string(event, "severity", "");

	if (strcmp(severity, "Critical") == 0)
		return PRINT_RED;
	return strcmp(severity, "Warning") == 0 ? PRINT_YELLOW : PRINT_PLAIN;
}

static void print_event(const json_t *event)
{
	json_int_t count = json_integer_value(json_object_get(event, "count"));
	char when[64], text[2048], start[128];

	print_time(print_string(event, "time", ""), when, sizeof(when));
	snprintf(start, sizeof(start), "%s  %-8s  ", when, print_string(event, "id", "?"));
	snprintf(text, sizeof(text), "%s", print_string(event, "text", "?"));
	if (count > 1)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			" (%" JSON_INTEGER_FORMAT " times)", count);
	fputs(start, stdout);
	print_wrapped(print_width(start), severity_color(event), text);
	fflush(stdout);
}

static bool take_line(const json_t *line, enum ctl_exit *code, void *arg)
{
	const struct ctl *ctl = arg;
	const json_t *error = json_object_get(line, "error");
	const json_t *event = json_object_get(line, "event");
	const json_t *dropped = json_object_get(line, "dropped");

	if (error) {
		*code = ctl_report_error(error);
		return false;
	}
	if (dropped)
		ctl_complain("%" JSON_INTEGER_FORMAT " events went by too fast and are not shown",
			json_integer_value(dropped));
	if (event && ctl->json)
		print_json(event, true);
	else if (event)
		print_event(event);
	return !json_object_get(line, "result") && !ferror(stdout);
}

enum ctl_exit ctl_run_events(const struct ctl *ctl, const struct ctl_command *self)
{
	return ctl_stream(ctl,
		json_pack("{s:s, s:b}", "command", "events", "follow", (int)ctl->follow), take_line,
		(void *)ctl);
}
