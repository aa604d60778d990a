/* SPDX-License-Identifier: Apache-2.0 */
/* The BMC's log, as the agent reads it over the link. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/print.h"

static enum print_color severity_color(const char *severity)
{
	if (strcmp(severity, "Critical") == 0)
		return PRINT_RED;
	return strcmp(severity, "Warning") == 0 ? PRINT_YELLOW : PRINT_PLAIN;
}

/* What the BMC wrote, and whoever answers in its place: no text of it is printed as it came. */
static void print_entry(const json_t *entry)
{
	const char *severity = print_string(entry, "severity", "-");
	const char *message_id = print_string(entry, "message_id", NULL);
	const char *created = print_string(entry, "created", "no time");
	json_int_t repeated = json_integer_value(json_object_get(entry, "repeated"));
	char when[64], start[128], text[2048], kind[24];

	text_make_printable(severity, strlen(severity), kind, sizeof(kind));
	/* One with an offset stands as the BMC wrote it. */
	if (created[0] != '\0' && created[strlen(created) - 1] == 'Z')
		print_time(created, when, sizeof(when));
	else
		text_make_printable(created, strlen(created), when, sizeof(when));
	snprintf(start, sizeof(start), "%-19s  %-8s  ", when, kind);
	snprintf(text, sizeof(text), "%s%s%.100s%s", print_string(entry, "message", "(no text)"),
		message_id ? " (" : "", message_id ? message_id : "", message_id ? ")" : "");
	if (repeated > 1)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			" (%" JSON_INTEGER_FORMAT " times)", repeated);
	fputs(start, stdout);
	print_wrapped(print_width(start), severity_color(kind), text);
	fflush(stdout);
}

static bool take_line(const json_t *line, enum ctl_exit *code, void *arg)
{
	const struct ctl *ctl = arg;
	const json_t *error = json_object_get(line, "error"),
		     *entry = json_object_get(line, "entry");
	const json_t *dropped = json_object_get(line, "dropped");
	const json_t *result = json_object_get(line, "result");

	if (error) {
		*code = ctl_report_error(error);
		return false;
	}
	if (dropped)
		ctl_complain("%" JSON_INTEGER_FORMAT " entries went by too fast and are not shown",
			json_integer_value(dropped));
	if (entry && ctl->json)
		print_json(entry, true);
	else if (entry)
		print_entry(entry);
	if (json_is_true(json_object_get(result, "partial")))
		ctl_complain("the log has more pages than are read at a time: these are not its "
			     "newest entries");
	return !result && !ferror(stdout);
}

enum ctl_exit ctl_run_log(const struct ctl *ctl, const struct ctl_command *self)
{
	json_t *request = json_pack("{s:s, s:b}", "command", "log", "follow", ctl->follow);
	struct ctl slow = *ctl;

	slow.asks_bmc = true;
	if (ctl->lines > 0)
		json_object_set_new(request, "lines", json_integer(ctl->lines));
	return ctl_stream(&slow, request, take_line, (void *)ctl);
}
